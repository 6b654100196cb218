/* Users: made, shown, deleted, cut off by time. Tokens of existing users are identity_tokens.c. */
#include "services/body.h"
#include "services/identity/identity_rules.h"
#include "services/limits.h"
#include "services/users.h"

#define SECOND_MS 1000

/* A user on its way into the store, with what was asked for along with it. */
struct creation {
    struct request *req;
    struct user_row row;
    struct token_request token; /* n 0: none wanted */
};

/* {"identity":{"id"},"accessToken"?:{"token","expiresOn"}} */
static void answer_identity(struct creation *c, int status)
{
    struct request *req = c->req;
    struct buf out = answer_buf(req, TOKEN_TEXT_MAX + 512);
    struct json_writer w;
    enum rc rc = RC_OK;

    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_name(&w, "identity");
    json_object_begin(&w);
    json_member_str(&w, "id", user_id_format(&c->row.key, req->arena));
    json_object_end(&w);
    if (c->token.n) {
        json_name(&w, "accessToken");
        json_object_begin(&w);
        rc = token_write(req, &c->row, &c->token, &w);
        json_object_end(&w);
    }
    json_object_end(&w);
    if (rc)
        answer_rc(req, rc);
    else
        answer_json(req, status, &out);
}

/* A living user has the external id already: answers with that one. False: there is none. */
static bool answer_existing(struct creation *c)
{
    struct request *req = c->req;
    struct user_row row;

    if (!c->row.external_id.len ||
        store_user_by_external_id(req->site->reader, &c->row.key.resource, c->row.external_id,
                                  req->arena, &row) != RC_OK)
        return false;
    c->row = row;
    if (c->token.n)
        token_note_issued(req, &c->row);
    answer_identity(c, 200);
    return true;
}

static void on_created(void *ctx, enum rc rc, struct change_set *set)
{
    struct creation *c = ctx;
    struct request *req = c->req;

    (void)set;
    if (rc == RC_CONFLICT && answer_existing(c))
        return; /* somebody else was quicker */
    if (rc) {
        answer_rc(req, rc);
        return;
    }
    atomic_fetch_add_explicit(&req->site->shared->users_created, 1, memory_order_relaxed);
    answer_identity(c, 201);
}

static bool read_external_id(struct request *req, const json_t *obj, struct user_row *row,
                             struct refusal *why)
{
    struct str text = STR_EMPTY;
    enum rc rc;

    if (req->version < IDENTITY_2025_03_02_PREVIEW || req->version > IDENTITY_2025_04_01_PREVIEW)
        return true;
    rc = json_get_str(obj, "externalId", &text);
    if (rc == RC_NOT_FOUND)
        return true;
    if (rc) {
        *why = (struct refusal){&API_VALIDATION, STR("externalId must be a string."),
                                STR("$.externalId")};
        return false;
    }
    if (!external_id_valid(text)) {
        *why = (struct refusal){&API_VALIDATION,
                                STR("ExternalId: The ExternalId must have 1 to 256 characters."),
                                STR("ExternalId")};
        return false;
    }
    row->external_id = arena_dup(req->arena, text);
    return true;
}

static bool read_creation(struct request *req, struct creation *c, struct refusal *why)
{
    AUTO(json_freep) json_t *obj = NULL;

    c->token.rules = identity_token_rules(req);
    return body_object(req, &obj, why) &&
           token_read_scopes(req, obj, "createTokenWithScopes", &c->token, why) &&
           token_read_minutes(req, obj, &c->token, why) &&
           (!obj || read_external_id(req, obj, &c->row, why));
}

void user_create(struct request *req)
{
    struct creation *c = arena_new(req->arena, struct creation);
    struct refusal why;

    c->req = req;
    c->row = user_new(req);
    if (!read_creation(req, c, &why)) {
        answer_refusal(req, &why);
        return;
    }
    if (c->token.n) {
        const struct api_error *error = policy_also(req, ACTION_IDENTITY_TOKEN);

        if (error) {
            answer_error(req, error);
            return;
        }
    }
    if (!limits_allow(req, c->token.n ? LIMIT_CREATE_WITH_TOKEN : LIMIT_CREATE))
        return;
    if (answer_existing(c))
        return;
    if (c->token.n)
        c->row.last_issued = req->now;
    user_change(req, CHANGE_USER_ADD, &c->row, on_created, c);
}

static void on_created_2020(void *ctx, enum rc rc, struct change_set *set)
{
    struct request *req = ctx;
    struct buf out = answer_buf(req, 128);
    struct json_writer w;

    if (rc) {
        answer_rc(req, rc);
        return;
    }
    atomic_fetch_add_explicit(&req->site->shared->users_created, 1, memory_order_relaxed);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "id", user_id_format(&set->items[0].u.user.key, req->arena));
    json_object_end(&w);
    answer_json(req, 200, &out);
}

void user_create_2020(struct request *req)
{
    struct user_row row = user_new(req);

    if (limits_allow(req, LIMIT_CREATE))
        user_change(req, CHANGE_USER_ADD, &row, on_created_2020, req);
}

void user_get(struct request *req)
{
    char text[ISO8601_TICKS_LEN];
    struct user_row row;
    struct json_writer w;
    struct buf out;
    enum rc rc = user_find(req, req->params[0], &row);

    if (rc) {
        identity_answer_rc(req, rc);
        return;
    }
    out = answer_buf(req, 256 + 6 * row.external_id.len);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "id", user_id_format(&row.key, req->arena));
    if (row.external_id.len)
        json_member_str(&w, "externalId", row.external_id);
    if (row.last_issued) {
        time_to_iso8601_ticks(row.last_issued, text);
        json_member_str(&w, "lastTokenIssuedAt", str_of(text, sizeof text));
    }
    json_object_end(&w);
    answer_json(req, 200, &out);
}

static void on_changed(void *ctx, enum rc rc, struct change_set *set)
{
    (void)set;
    if (rc)
        identity_answer_rc(ctx, rc);
    else
        answer_empty(ctx, 204);
}

void user_delete(struct request *req)
{
    struct user_row row = {.deleted = req->now, .revoked = req->now};
    enum rc rc = user_key_of(req, req->params[0], &row.key);

    if (rc)
        identity_answer_rc(req, rc);
    else if (limits_allow(req, LIMIT_DELETE))
        user_change(req, CHANGE_USER_DELETE, &row, on_changed, req);
}

/* tokensValidFrom, or 0 when the body has none. */
static bool read_valid_from(struct request *req, unix_ms *out, struct refusal *why)
{
    AUTO(json_freep) json_t *obj = NULL;
    struct str text;
    enum rc rc;

    *out = 0;
    if (!body_object(req, &obj, why))
        return false;
    rc = obj ? json_get_str(obj, "tokensValidFrom", &text) : RC_NOT_FOUND;
    if (rc == RC_NOT_FOUND || (!rc && time_from_iso8601(text, out) == RC_OK))
        return true;
    *why = (struct refusal){&API_VALIDATION, STR("tokensValidFrom must be a date and time."),
                            STR("$.tokensValidFrom")};
    return false;
}

/* The time counts to the second, as `iat` does. A time within the present second, or later, means
 * "all that there are": the generation says that exactly, so that a token issued right afterwards
 * lives (wire/authentication §4). */
void user_patch_2020(struct request *req)
{
    struct user_row row = {.revoked = req->now};
    struct refusal why;
    unix_ms valid_from;
    enum rc rc;

    if (!read_valid_from(req, &valid_from, &why)) {
        answer_refusal(req, &why);
        return;
    }
    rc = user_key_of(req, req->params[0], &row.key);
    if (!rc && !valid_from) {
        struct user_row found;

        rc = user_find(req, req->params[0], &found);
        if (!rc) {
            answer_empty(req, 204);
            return;
        }
    }
    if (rc) {
        identity_answer_rc(req, rc);
        return;
    }
    if (!limits_allow(req, LIMIT_REVOKE))
        return;
    row.valid_from = valid_from;
    user_change(req,
                valid_from / SECOND_MS >= req->now / SECOND_MS ? CHANGE_USER_REVOKE
                                                               : CHANGE_USER_VALID_FROM,
                &row, on_changed, req);
}
