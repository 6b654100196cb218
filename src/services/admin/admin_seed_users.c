/* Users of a seed: [{"as"?,"id"?,"externalId"?,"createdOn"?}]. An id may be its guid alone, so that
 * a document fits any server; one that was deleted lives again. Source: wire/administration §3. */
#include "services/admin/admin.h"
#include "services/seed.h"
#include "services/users.h"

#define USERS_AT_ONCE 500

struct seeded_user {
    struct str as;
    struct user_row row;
};
struct seeded_users {
    struct seeded_user *items;
    size_t n;
};

/* ---- in ---- */

static bool name_it(struct seeding *s, struct str path, struct str name, struct user_row *row)
{
    return !map_put(&s->users, name, row) ||
           seed_refuse(s, path, STR("Another user of the document has it."));
}

/* The id that was asked for, or a new one; *out_kind: how the row comes to be. */
static bool read_id(struct seeding *s, struct str path, const json_t *value, struct user_row *row,
                    enum change_kind *out_kind)
{
    struct str text, at = seed_member(s, path, "id");
    struct user_row there;
    enum rc rc = json_get_str(value, "id", &text);

    *out_kind = CHANGE_USER_ADD;
    if (rc == RC_NOT_FOUND)
        return true;
    if (rc || (uuid_parse(text, &row->key.user) && user_key_of(s->req, text, &row->key)))
        return seed_refuse(s, at, STR("It must be a guid, or the id of a user of the resource."));
    rc = store_user(s->req->site->reader, &row->key, s->req->arena, &there);
    if (rc == RC_NOT_FOUND)
        return true;
    if (rc)
        return seed_refuse(s, at, STR("It can't be looked up."));
    *out_kind = CHANGE_USER_REVIVE;
    return there.deleted || seed_conflict(s, at, STR("There is a user with this id."));
}

static bool read_external_id(struct seeding *s, struct str path, const json_t *value,
                             struct user_row *row)
{
    struct user_row there;

    if (!seed_text(s, path, value, "externalId", &row->external_id))
        return false;
    return !row->external_id.len ||
           store_user_by_external_id(s->req->site->reader, &row->key.resource, row->external_id,
                                     s->req->arena, &there) ||
           seed_conflict(s, seed_member(s, path, "externalId"),
                         STR("There is a user with this external id."));
}

static bool read_user(struct seeding *s, struct str path, json_t *value, struct seeded_user *out)
{
    static const struct str names[] = {STR_INIT("as"), STR_INIT("id"), STR_INIT("externalId"),
                                       STR_INIT("createdOn")};
    struct user_row *row = &out->row;
    enum change_kind kind;
    char guid[UUID_TEXT_LEN];

    *row = user_new(s->req);
    row->revoked = 0;
    if (!seed_count(s, path) || !seed_members(s, path, value, names, ARRAY_LEN(names)) ||
        !seed_text(s, path, value, "as", &out->as) || !read_id(s, path, value, row, &kind) ||
        !read_external_id(s, path, value, row) ||
        !seed_time(s, path, value, "createdOn", &row->created))
        return false;
    uuid_format(&row->key.user, guid);
    if (!name_it(s, seed_member(s, path, "id"), arena_dup(s->req->arena, str_of(guid, sizeof guid)),
                 row) ||
        (out->as.len && !name_it(s, seed_member(s, path, "as"), out->as, row)))
        return false;
    if (kind == CHANGE_USER_REVIVE)
        row->revoked = s->req->now;
    change_list_add(&s->changes, kind)->u.user = *row;
    return true;
}

static bool read(struct seeding *s, struct str path, json_t *value, void **out_state)
{
    struct seeded_users *users = arena_new(s->req->arena, struct seeded_users);
    size_t n = json_array_size(value);

    if (!json_is_array(value))
        return seed_refuse(s, path, STR("It must be a list."));
    users->items = arena_array(s->req->arena, struct seeded_user, n);
    *out_state = users;
    for (size_t i = 0; i < n; i++) {
        users->items[i] = (struct seeded_user){0};
        if (!read_user(s, seed_item(s, path, i), json_array_get(value, i), &users->items[i]))
            return false;
        users->n++;
    }
    return true;
}

static void answer(const struct seeding *s, const void *state, struct json_writer *w)
{
    const struct seeded_users *users = state;

    atomic_fetch_add_explicit(&s->req->site->shared->users_created, users->n, memory_order_relaxed);
    json_array_begin(w);
    for (size_t i = 0; i < users->n; i++) {
        const struct seeded_user *u = &users->items[i];

        json_object_begin(w);
        if (u->as.len)
            json_member_str(w, "as", u->as);
        json_member_str(w, "id", user_id_format(&u->row.key, s->req->arena));
        if (u->row.external_id.len)
            json_member_str(w, "externalId", u->row.external_id);
        json_object_end(w);
    }
    json_array_end(w);
}

/* ---- out, and away: page by page ---- */

struct walk {
    struct user_query query;
    void (*each)(struct seed_job *job, const struct user_page *page);
};

static void on_page(void *ctx, enum rc rc, const struct user_page *page)
{
    struct seed_job *job = ctx;
    struct walk *walk = job->state;

    if (rc)
        seed_job_done(job, rc);
    else
        walk->each(job, page);
}

/* The former page is done with. */
static void next_page(struct seed_job *job)
{
    struct walk *walk = job->state;

    arena_reset(&job->scratch);
    store_list_users(job->req->site->store, job->req->loop, &job->scratch, &walk->query, on_page,
                     job);
}

static void begin_walk(struct seed_job *job,
                       void (*each)(struct seed_job *job, const struct user_page *page))
{
    struct walk *walk = arena_new(job->req->arena, struct walk);

    walk->query = (struct user_query){.resource = job->resource, .limit = USERS_AT_ONCE};
    walk->each = each;
    job->state = walk;
    next_page(job);
}

static void write_user(struct seed_job *job, const struct user_row *row)
{
    struct json_writer *w = &job->w;

    json_object_begin(w);
    json_member_id(w, "id", &row->key.user);
    if (row->external_id.len)
        json_member_str(w, "externalId", row->external_id);
    json_member_time(w, "createdOn", row->created);
    json_object_end(w);
}

static void write_page(struct seed_job *job, const struct user_page *page)
{
    struct walk *walk = job->state;

    for (size_t i = 0; i < page->n; i++)
        write_user(job, &page->rows[i]);
    if (seed_job_count(job, page->n)) {
        seed_job_done(job, RC_TOO_LARGE);
    } else if (page->next.len) {
        walk->query.after = arena_dup(job->req->arena, page->next);
        next_page(job);
    } else {
        json_array_end(&job->w);
        seed_job_done(job, RC_OK);
    }
}

static void write(struct seed_job *job)
{
    json_array_begin(&job->w);
    begin_walk(job, write_page);
}

static void on_deleted(struct seed_job *job)
{
    const struct walk *walk = job->state;

    if (job->rc || !walk->query.after.len)
        seed_job_done(job, job->rc);
    else
        next_page(job);
}

static void delete_page(struct seed_job *job, const struct user_page *page)
{
    struct walk *walk = job->state;
    unix_ms now = job->req->now;

    walk->query.after = arena_dup(job->req->arena, page->next);
    if (!page->n) { /* those that were looked at are deleted already */
        on_deleted(job);
        return;
    }
    job->changes = (struct change_list){.arena = &job->scratch};
    for (size_t i = 0; i < page->n; i++)
        change_list_add(&job->changes, CHANGE_USER_DELETE)->u.user =
            (struct user_row){.key = page->rows[i].key, .deleted = now, .revoked = now};
    job->removed += page->n;
    seed_job_commit(job, on_deleted);
}

static void reset(struct seed_job *job)
{
    begin_walk(job, delete_page);
}

const struct seed_part seed_users = {
    .name = STR_INIT("users"), .read = read, .answer = answer, .write = write, .reset = reset};
