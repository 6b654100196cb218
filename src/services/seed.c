/* What the parts of a seed have in common. */
#include "services/seed.h"

#include "services/body.h"
#include "services/users.h"

struct str seed_member(struct seeding *s, struct str path, const char *name)
{
    return arena_printf(s->req->arena, STR_FMT ".%s", STR_ARG(path), name);
}

struct str seed_item(struct seeding *s, struct str path, size_t i)
{
    return arena_printf(s->req->arena, STR_FMT "[%zu]", STR_ARG(path), i);
}

bool seed_refuse(struct seeding *s, struct str path, struct str message)
{
    s->why = (struct refusal){&API_VALIDATION, message, path};
    return false;
}

bool seed_conflict(struct seeding *s, struct str path, struct str message)
{
    s->why = (struct refusal){&API_CONFLICT, message, path};
    return false;
}

bool seed_count(struct seeding *s, struct str path)
{
    return ++s->items <= SEED_ITEMS_MAX ||
           seed_refuse(s, path,
                       STR("The document has too much: 20000 users, senders, opt-outs, threads, "
                           "participants and messages in all."));
}

bool seed_members(struct seeding *s, struct str path, json_t *value, const struct str *names,
                  size_t n)
{
    if (!json_is_object(value))
        return seed_refuse(s, path, STR("It must be an object."));
    if (body_only(s->req, value, names, n, &s->why))
        return true;
    s->why.target = arena_printf(s->req->arena, STR_FMT STR_FMT, STR_ARG(path),
                                 STR_ARG(str_from_index(s->why.target, sizeof "$" - 1)));
    return false;
}

bool seed_list(struct seeding *s, struct str path, const json_t *obj, const char *name,
               json_t **out)
{
    *out = json_object_get(obj, name);
    if (json_is_null(*out))
        *out = NULL;
    return !*out || json_is_array(*out) ||
           seed_refuse(s, seed_member(s, path, name), STR("It must be a list."));
}

bool seed_text(struct seeding *s, struct str path, const json_t *obj, const char *name,
               struct str *out)
{
    struct str text;
    enum rc rc = json_get_str(obj, name, &text);

    if (rc == RC_NOT_FOUND)
        return true;
    if (rc || !external_id_valid(text))
        return seed_refuse(s, seed_member(s, path, name),
                           STR("It must be text of 1 to 256 characters."));
    *out = arena_dup(s->req->arena, text);
    return true;
}

bool seed_time(struct seeding *s, struct str path, const json_t *obj, const char *name,
               unix_ms *in_out)
{
    struct str text;
    unix_ms t;
    enum rc rc = json_get_str(obj, name, &text);

    if (rc == RC_NOT_FOUND)
        return true;
    if (rc || time_from_iso8601(text, &t) || t <= 0)
        return seed_refuse(s, seed_member(s, path, name), STR("It must be an RFC 3339 time."));
    if (t > s->req->now)
        return seed_refuse(s, seed_member(s, path, name), STR("It lies ahead."));
    *in_out = t;
    return true;
}

/* ---- who is meant ---- */

/** Of the resource's users, by guid or id. */
static bool find_kept(struct seeding *s, struct str text, struct uuid *out)
{
    struct user_key key = {.resource = s->req->principal->resource->id};
    struct user_row row;

    if (uuid_parse(text, &key.user) && user_key_of(s->req, text, &key))
        return false;
    if (store_user(s->req->site->reader, &key, s->req->arena, &row) || row.deleted)
        return false;
    *out = key.user;
    return true;
}

bool seed_user(struct seeding *s, struct str path, const json_t *obj, const char *name,
               struct uuid *out)
{
    struct str text = STR_EMPTY, at = seed_member(s, path, name);
    const struct user_row *made;
    struct user_key key;

    if (json_get_str(obj, name, &text))
        return seed_refuse(s, at, STR("It must name a user: by its alias (as), guid or id."));
    made = map_get(&s->users, text);
    if (!made && user_key_of(s->req, text, &key) == RC_OK) {
        char guid[UUID_TEXT_LEN];

        uuid_format(&key.user, guid);
        made = map_get(&s->users, str_of(guid, sizeof guid));
    }
    if (made)
        *out = made->key.user;
    else if (!find_kept(s, text, out))
        return seed_refuse(s, at,
                           arena_printf(s->req->arena,
                                        "There is no user '" STR_FMT
                                        "', in this document or on the server.",
                                        STR_ARG(body_excerpt(text))));
    return true;
}

/* ---- jobs ---- */

enum rc seed_job_count(struct seed_job *job, size_t n)
{
    job->items += n;
    return job->items <= SEED_ITEMS_MAX ? RC_OK : RC_TOO_LARGE;
}

void seed_job_done(struct seed_job *job, enum rc rc)
{
    job->rc = rc;
    job->next(job);
}

struct step {
    struct seed_job *job;
    void (*then)(struct seed_job *job);
};

static void on_committed(void *ctx, enum rc rc, struct change_set *set)
{
    struct step *step = ctx;

    (void)set;
    step->job->rc = rc;
    step->then(step->job);
}

void seed_job_commit(struct seed_job *job, void (*then)(struct seed_job *job))
{
    struct step *step = arena_new(&job->scratch, struct step);

    *step = (struct step){job, then};
    job->set = (struct change_set){.items = job->changes.items,
                                   .n = job->changes.n,
                                   .loop = job->req->loop,
                                   .done = on_committed,
                                   .ctx = step};
    store_commit(job->req->site->store, &job->set);
}

void seed_job_look(struct seed_job *job, store_work_fn work, loop_fn then)
{
    arena_reset(&job->scratch);
    job->changes = (struct change_list){.arena = &job->scratch};
    store_on_pool(job->req->site->store, job->req->loop, work, then, job);
}
