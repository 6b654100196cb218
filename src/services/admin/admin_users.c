/* Users as an administrator sees them: listed, made with ids of one's choice. Keeping and
 * finding them is services/users.c, tokens services/tokens.c. */
#include "services/admin/admin.h"
#include "services/body.h"
#include "services/list.h"
#include "services/tokens.h"
#include "services/users.h"

#define RAW_ID_PREFIX     STR("8:acs:")
#define RAW_ID_USER_INDEX ((size_t)6 + UUID_TEXT_LEN + 1) /* where the user's part begins */
#define USER_JSON_MAX     ((size_t)640)

static void answer_user(struct request *req, int status, const struct user_row *row)
{
    struct buf out = answer_buf(req, USER_JSON_MAX + 6 * row->external_id.len);
    struct json_writer w;

    json_writer_init(&w, &out);
    user_write(&w, row, req->arena);
    answer_json(req, status, &out);
}

/* ---- list ---- */

struct users_list {
    struct list_request list; /* first */
    struct user_query query;
    struct user_row since; /* since=ID: only newer ones; created 0: no such limit */
    const struct user_row *rows;
    size_t n;
    struct str next;
};

static bool newer(const struct user_row *row, const struct user_row *than)
{
    if (row->created != than->created)
        return row->created > than->created;
    return memcmp(&row->key.user, &than->key.user, sizeof row->key.user) > 0;
}

static void on_page(void *ctx, enum rc rc, const struct user_page *page)
{
    struct users_list *u = ctx;

    if (rc) {
        list_fetched(&u->list, rc, 0);
        return;
    }
    u->rows = page->rows;
    u->next = page->next;
    for (u->n = 0; u->n < page->n; u->n++)
        if (u->since.created && !newer(&page->rows[u->n], &u->since))
            break;
    if (u->n < page->n)
        u->next = STR_EMPTY;
    list_fetched(&u->list, RC_OK, u->n);
}

static void fetch_users(struct list_request *list)
{
    struct users_list *u = (struct users_list *)list;

    u->query.after = list->after;
    u->query.limit = list->limit;
    store_list_users(list->req->site->store, list->req->loop, &list->scratch, &u->query, on_page,
                     u);
}

static struct str write_users(struct list_request *list, struct json_writer *w)
{
    struct users_list *u = (struct users_list *)list;

    for (size_t i = 0; i < u->n; i++)
        user_write(w, &u->rows[i], &list->scratch);
    return u->next.len ? arena_dup(list->req->arena, u->next) : STR_EMPTY;
}

/* prefix= of the raw id or of its user part; the query wants the latter. False: matches nobody. */
static bool read_prefix(struct request *req, struct user_query *q)
{
    struct str text = request_query(req, "prefix"), lower;
    struct str own = user_id_format(&(struct user_key){.resource = q->resource}, req->arena);

    if (!text.len)
        return true;
    lower = arena_lower(req->arena, text);
    own = str_head(own, RAW_ID_USER_INDEX);
    if (str_starts(own, lower) && str_starts(lower, str_head(RAW_ID_PREFIX, 2)))
        return true;
    if (str_starts(lower, own))
        lower = str_from_index(lower, RAW_ID_USER_INDEX);
    if (str_find(lower, ':') < lower.len)
        return false;
    q->prefix = lower;
    return true;
}

static bool read_created_since(struct request *req, struct users_list *u)
{
    struct str text = request_query(req, "createdSince");

    if (text.ptr && time_from_iso8601(text, &u->query.created_since)) {
        answer_invalid(req, STR("createdSince must be an RFC 3339 time."), STR("createdSince"));
        return false;
    }
    if (u->list.since > u->query.created_since)
        u->query.created_since = u->list.since;
    return true;
}

static bool read_since_id(struct request *req, struct users_list *u)
{
    struct user_key key;

    if (!u->list.since_id.len)
        return true;
    if (user_key_of(req, u->list.since_id, &key) ||
        store_user(req->site->reader, &key, req->arena, &u->since)) {
        answer_invalid(req, STR("since must be a time, or the id of a user."), STR("since"));
        return false;
    }
    if (u->since.created > u->query.created_since)
        u->query.created_since = u->since.created;
    return true;
}

void admin_users_list(struct request *req)
{
    struct users_list *u = arena_new(req->arena, struct users_list);

    if (!list_begin(&u->list, req, fetch_users, write_users))
        return;
    u->query.resource = req->principal->resource->id;
    if (!read_created_since(req, u) || !read_since_id(req, u))
        return;
    if (!read_prefix(req, &u->query)) {
        answer_invalid(req, STR("prefix must be the beginning of an id of this resource."),
                       STR("prefix"));
        return;
    }
    list_run(&u->list);
}

/* ---- one user ---- */

static void on_created(void *ctx, enum rc rc, struct change_set *set)
{
    struct request *req = ctx;

    if (rc == RC_CONFLICT) {
        answer_refusal(req, &(struct refusal){&API_CONFLICT,
                                              STR("There is, or was, a user with this id, or there "
                                                  "is one with this external id."),
                                              STR_EMPTY});
        return;
    }
    if (rc) {
        answer_rc(req, rc);
        return;
    }
    atomic_fetch_add_explicit(&req->site->shared->users_created, 1, memory_order_relaxed);
    answer_user(req, 201, &set->items[0].u.user);
}

struct user_body {
    struct str id, external_id;
};

void admin_user_create(struct request *req)
{
    static const struct json_field fields[] = {
        {"id", JSON_FIELD_STR, offsetof(struct user_body, id), 1, 256, false},
        {"externalId", JSON_FIELD_STR, offsetof(struct user_body, external_id), 1, 1024, false},
        {0}};
    struct user_body body = {0};
    struct user_row row;
    struct refusal why;

    if (!body_fill(req, fields, &body, &why)) {
        answer_refusal(req, &why);
        return;
    }
    row = user_new(req);
    if (body.id.ptr && user_key_of(req, body.id, &row.key)) {
        answer_invalid(req,
                       arena_printf(req->arena, "id must be 8:acs:" STR_FMT "_ and a guid.",
                                    STR_ARG(req->principal->resource->id_text)),
                       STR("$.id"));
        return;
    }
    if (body.external_id.ptr && !external_id_valid(body.external_id)) {
        answer_invalid(req, STR("externalId must have 1 to 256 characters."), STR("$.externalId"));
        return;
    }
    row.external_id = body.external_id;
    user_change(req, CHANGE_USER_ADD, &row, on_created, req);
}

void admin_user_get(struct request *req)
{
    struct user_row row;
    enum rc rc = user_find(req, req->params[0], &row);

    if (rc)
        user_answer_rc(req, rc);
    else
        answer_user(req, 200, &row);
}

static void on_deleted(void *ctx, enum rc rc, struct change_set *set)
{
    (void)set;
    if (rc)
        user_answer_rc(ctx, rc);
    else
        answer_empty(ctx, 204);
}

void admin_user_delete(struct request *req)
{
    struct user_row row = {.deleted = req->now, .revoked = req->now};
    enum rc rc = user_key_of(req, req->params[0], &row.key);

    if (rc)
        user_answer_rc(req, rc);
    else
        user_change(req, CHANGE_USER_DELETE, &row, on_deleted, req);
}

void admin_user_issue_token(struct request *req)
{
    static const struct str names[] = {STR_INIT("scopes"), STR_INIT("expiresInMinutes")};
    AUTO(json_freep) json_t *obj = NULL;
    struct token_request asked = {.rules = {.join_scopes = true, .minutes = true}};
    struct refusal why;
    struct user_row user;
    struct json_writer w;
    struct buf out;
    enum rc rc;

    if (!body_object(req, &obj, &why) || !body_only(req, obj, names, ARRAY_LEN(names), &why) ||
        !token_read(req, obj, &asked, &why)) {
        answer_refusal(req, &why);
        return;
    }
    rc = user_find(req, req->params[0], &user);
    if (rc) {
        user_answer_rc(req, rc);
        return;
    }
    out = answer_buf(req, TOKEN_TEXT_MAX + 256);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    rc = token_write(req, &user, &asked, &w);
    json_object_end(&w);
    if (rc) {
        answer_rc(req, rc);
        return;
    }
    token_note_issued(req, &user);
    answer_json(req, 200, &out);
}
