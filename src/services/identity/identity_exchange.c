/* Tokens of other issuers for ours. No OpenID issuer can be configured, so no such token is valid
 * here: what remains is the order in which the contract wants its refusals (wire/authentication
 * §2.5). The assignments of the Teams extension are kept all the same: they are data. */
#include "services/body.h"
#include "services/identity/identity_rules.h"
#include "services/limits.h"

#define CLIENT_IDS_MAX 100

static void refuse_token(struct request *req)
{
    req->explain = STR("no OpenID issuer is configured for the exchange");
    answer_error(req, &API_INVALID_ACCESS_TOKEN);
}

/* A string member of the exchange: absent and null give an empty one. */
static bool read_text(struct request *req, const json_t *obj, const char *name, struct str *out,
                      struct refusal *why)
{
    enum rc rc = obj ? json_get_str(obj, name, out) : RC_NOT_FOUND;

    if (rc == RC_NOT_FOUND)
        *out = STR_EMPTY;
    else if (rc)
        *why = (struct refusal){&API_VALIDATION,
                                arena_printf(req->arena, "%s must be a string.", name),
                                arena_printf(req->arena, "$.%s", name)};
    return rc == RC_OK || rc == RC_NOT_FOUND;
}

static void exchange_teams(struct request *req, bool app_required)
{
    AUTO(json_freep) json_t *obj = NULL;
    struct str token, app, user;
    struct refusal why;

    if (!body_object(req, &obj, &why) || !read_text(req, obj, "token", &token, &why) ||
        !read_text(req, obj, "appId", &app, &why) || !read_text(req, obj, "userId", &user, &why)) {
        answer_refusal(req, &why);
        return;
    }
    if (app_required && !app.len) {
        answer_invalid(req, STR("AppId: The AppId field is required."), STR("AppId"));
        return;
    }
    if (limits_allow(req, LIMIT_EXCHANGE))
        refuse_token(req);
}

void exchange_teams_user_draft(struct request *req)
{
    exchange_teams(req, false);
}

void exchange_teams_user(struct request *req)
{
    exchange_teams(req, true);
}

/* The gate has seen a bearer credential and a known host; the credential itself is ours to judge.
 */
void exchange_entra(struct request *req)
{
    if (limits_allow(req, LIMIT_EXCHANGE))
        refuse_token(req);
}

/* ---- assignments ---- */

static bool read_ids(struct request *req, struct assignment_row *row)
{
    row->resource = req->principal->resource->id;
    if (uuid_parse(req->params[0], &row->tenant)) {
        answer_invalid(req, STR("Provided TenantId has invalid format."), STR("tenantId"));
        return false;
    }
    if (uuid_parse(req->params[1], &row->object)) {
        answer_invalid(req, STR("Provided ObjectId has invalid format."), STR("objectId"));
        return false;
    }
    return true;
}

static void answer_assignment(struct request *req, int status, const struct assignment_row *row)
{
    char object[UUID_TEXT_LEN], tenant[UUID_TEXT_LEN];
    struct buf out = answer_buf(req, 512 + row->client_ids.len);
    struct json_writer w;

    uuid_format(&row->object, object);
    uuid_format(&row->tenant, tenant);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "objectId", str_of(object, sizeof object));
    json_member_str(&w, "tenantId", str_of(tenant, sizeof tenant));
    json_member_str(&w, "principalType", row->principal_type);
    if (row->client_ids.len) {
        json_name(&w, "clientIds");
        json_raw(&w, row->client_ids);
    }
    json_object_end(&w);
    answer_json(req, status, &out);
}

void assignment_get(struct request *req)
{
    struct assignment_row key = {0}, row;
    enum rc rc;

    if (!read_ids(req, &key))
        return;
    rc = store_assignment(req->site->reader, &key, req->arena, &row);
    if (rc)
        answer_rc(req, rc);
    else
        answer_assignment(req, 200, &row);
}

static bool read_principal_type(const json_t *obj, struct assignment_row *row, struct refusal *why)
{
    static const struct str known[] = {STR_INIT("user"), STR_INIT("resourceAccount")};
    struct str text;
    enum rc rc = obj ? json_get_str(obj, "principalType", &text) : RC_NOT_FOUND;

    if (rc == RC_NOT_FOUND) {
        *why = (struct refusal){&API_VALIDATION,
                                STR("PrincipalType: The PrincipalType field is required."),
                                STR("PrincipalType")};
        return false;
    }
    for (size_t i = 0; rc == RC_OK && i < ARRAY_LEN(known); i++)
        if (name_eq(text, known[i])) {
            row->principal_type = known[i];
            return true;
        }
    *why = (struct refusal){&API_VALIDATION, STR("principalType must be user or resourceAccount."),
                            STR("$.principalType")};
    return false;
}

/* The list as JSON text, as it is kept. */
static bool read_client_ids(struct request *req, const json_t *obj, struct assignment_row *row,
                            struct refusal *why)
{
    static const struct json_field fields[] = {
        {"clientIds", JSON_FIELD_STR_LIST, 0, 0, CLIENT_IDS_MAX, false}, {0}};
    struct json_str_list list = {0};
    struct json_problem problem = {0};
    struct json_writer w;
    struct buf out;

    if (json_fill(obj, fields, false, &list, req->arena, &problem)) {
        *why = (struct refusal){&API_VALIDATION,
                                arena_printf(req->arena, "clientIds %s.", problem.reason),
                                STR("$.clientIds")};
        return false;
    }
    if (!list.present)
        return true;
    out = answer_buf(req, 6 * req->body.len + 16);
    json_writer_init(&w, &out);
    json_array_begin(&w);
    for (size_t i = 0; i < list.n; i++)
        json_str(&w, list.items[i]);
    json_array_end(&w);
    row->client_ids = buf_str(&out);
    return true;
}

static void on_put(void *ctx, enum rc rc, struct change_set *set)
{
    struct request *req = ctx;

    if (rc)
        answer_rc(req, rc);
    else
        answer_assignment(req, set->items[0].out_existed ? 200 : 201, &set->items[0].u.assignment);
}

static void on_deleted(void *ctx, enum rc rc, struct change_set *set)
{
    (void)set;
    if (rc)
        answer_rc(ctx, rc);
    else
        answer_empty(ctx, 204);
}

static void commit_assignment(struct request *req, enum change_kind kind,
                              const struct assignment_row *row, change_done_fn done)
{
    struct change *change = arena_new(req->arena, struct change);
    struct change_set *set = arena_new(req->arena, struct change_set);

    change->kind = kind;
    change->u.assignment = *row;
    *set =
        (struct change_set){.items = change, .n = 1, .loop = req->loop, .done = done, .ctx = req};
    request_hold(req);
    store_commit(req->site->store, set);
}

void assignment_put(struct request *req)
{
    AUTO(json_freep) json_t *obj = NULL;
    struct assignment_row row = {0};
    struct refusal why;

    if (!read_ids(req, &row))
        return;
    if (body_object(req, &obj, &why) && read_principal_type(obj, &row, &why) &&
        read_client_ids(req, obj, &row, &why))
        commit_assignment(req, CHANGE_ASSIGNMENT_PUT, &row, on_put);
    else
        answer_refusal(req, &why);
}

void assignment_delete(struct request *req)
{
    struct assignment_row row = {0};

    if (read_ids(req, &row))
        commit_assignment(req, CHANGE_ASSIGNMENT_DELETE, &row, on_deleted);
}
