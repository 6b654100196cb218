/* The Identity service: one function per operation, all through service_run().
 * Source: wire/authentication §2. */
#include "callgate/identity.h"

#include "base/clock.h"
#include "client/failure.h"
#include "client/service.h"

#define API_VERSION "?api-version=2023-10-01"

/* "/identities/{id}{rest}?api-version=…" */
static void write_target(struct buf *out, const char *user_id, const char *rest)
{
    buf_add(out, STR("/identities/"));
    service_segment(out, user_id);
    buf_add(out, str_from(rest));
    buf_add(out, STR(API_VERSION));
}

static bool scopes_missing(const struct cg_token_options *o)
{
    return o && o->scope_count > 0 && !o->scopes;
}

static void write_scopes(struct json_writer *w, const struct cg_token_options *o)
{
    json_array_begin(w);
    if (!o || o->scope_count == 0) {
        json_str(w, STR("chat"));
        json_str(w, STR("voip"));
    }
    for (size_t i = 0; o && i < o->scope_count; i++)
        json_str(w, str_from(o->scopes[i]));
    json_array_end(w);
}

static void write_token_body(struct buf *out, const char *scopes_name,
                             const struct cg_token_options *o)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_object_begin(&w);
    json_name(&w, scopes_name);
    write_scopes(&w, o);
    if (o && o->valid_minutes != 0)
        json_member_int(&w, "expiresInMinutes", o->valid_minutes);
    json_object_end(&w);
}

static enum cg_status read_token(const json_t *j, struct cg_token *out)
{
    struct str text = STR_EMPTY, expires = STR_EMPTY;
    struct cg_token made = {0};
    enum cg_status status = CG_OK;

    NO_LEAK_BEGIN; /* nothing was made yet */
    if (json_get_str(j, "token", &text) || json_get_str(j, "expiresOn", &expires) ||
        time_from_iso8601(expires, &made.expires_unix_ms))
        return CG_PROTOCOL;
    NO_LEAK_END;
    status = service_text(text, &made.text);
    if (status == CG_OK)
        status = service_text(expires, &made.expires_on);
    if (status)
        cg_token_clear(&made);
    else
        *out = made;
    return status;
}

static enum cg_status read_user(const json_t *j, struct cg_user *out)
{
    struct str id = STR_EMPTY;

    if (json_get_str(json_object_get(j, "identity"), "id", &id))
        return CG_PROTOCOL;
    return service_text(id, &out->id);
}

static enum cg_status create(struct cg_client *client, struct buf *body, struct cg_user *out_user,
                             struct cg_token *out_token, struct cg_error *err)
{
    struct cg_user user = {0};
    struct buf target;
    json_t *answer = NULL;
    enum cg_status status = CG_OK;

    buf_init(&target, SERVICE_BODY_MAX);
    buf_add(&target, STR("/identities" API_VERSION));
    status =
        service_run(client, &(struct service_call){"POST", &target, body, false}, &answer, err);
    if (status)
        goto out;
    status = read_user(answer, &user);
    if (status == CG_OK && out_token)
        status = read_token(json_object_get(answer, "accessToken"), out_token);
    status = service_told(client, status, err);
    if (status == CG_OK) {
        *out_user = user;
        user.id = NULL;
    }
out:
    cg_user_clear(&user);
    json_decref(answer);
    buf_clear(&target);
    return status;
}

enum cg_status cg_identity_create_user(struct cg_client *client, struct cg_user *out,
                                       struct cg_error *err)
{
    if (!client || !out)
        return failure_missing(err);
    return create(client, NULL, out, NULL, err);
}

enum cg_status cg_identity_create_user_and_token(struct cg_client *client,
                                                 const struct cg_token_options *options,
                                                 struct cg_user *out_user,
                                                 struct cg_token *out_token, struct cg_error *err)
{
    struct buf body;
    enum cg_status status = CG_OK;

    if (!client || !out_user || !out_token || scopes_missing(options))
        return failure_missing(err);
    buf_init(&body, SERVICE_BODY_MAX);
    write_token_body(&body, "createTokenWithScopes", options);
    status = create(client, &body, out_user, out_token, err);
    buf_clear(&body);
    return status;
}

enum cg_status cg_identity_issue_token(struct cg_client *client, const char *user_id,
                                       const struct cg_token_options *options, struct cg_token *out,
                                       struct cg_error *err)
{
    struct buf target, body;
    json_t *answer = NULL;
    enum cg_status status = CG_OK;

    if (!client || !out || scopes_missing(options))
        return failure_missing(err);
    if (!user_id || !*user_id)
        return failure(err, CG_INVALID, STR("a user id is needed"));
    buf_init(&target, SERVICE_BODY_MAX);
    buf_init(&body, SERVICE_BODY_MAX);
    write_target(&target, user_id, "/:issueAccessToken");
    write_token_body(&body, "scopes", options);
    status =
        service_run(client, &(struct service_call){"POST", &target, &body, false}, &answer, err);
    if (status == CG_OK)
        status = service_told(client, read_token(answer, out), err);
    json_decref(answer);
    buf_clear(&body);
    buf_clear(&target);
    return status;
}

static enum cg_status act_on_user(struct cg_client *client, const char *method, const char *user_id,
                                  const char *rest, struct cg_error *err)
{
    struct buf target;
    enum cg_status status = CG_OK;

    if (!client)
        return failure_missing(err);
    if (!user_id || !*user_id)
        return failure(err, CG_INVALID, STR("a user id is needed"));
    buf_init(&target, SERVICE_BODY_MAX);
    write_target(&target, user_id, rest);
    status = service_run(client, &(struct service_call){method, &target, NULL, false}, NULL, err);
    buf_clear(&target);
    return status;
}

enum cg_status cg_identity_revoke_tokens(struct cg_client *client, const char *user_id,
                                         struct cg_error *err)
{
    return act_on_user(client, "POST", user_id, "/:revokeAccessTokens", err);
}

enum cg_status cg_identity_delete_user(struct cg_client *client, const char *user_id,
                                       struct cg_error *err)
{
    return act_on_user(client, "DELETE", user_id, "", err);
}

void cg_token_clear(struct cg_token *token)
{
    if (!token)
        return;
    if (token->text)
        explicit_bzero(token->text, strlen(token->text));
    free(token->text);
    free(token->expires_on);
    *token = (struct cg_token){0};
}

void cg_user_clear(struct cg_user *user)
{
    if (!user)
        return;
    free(user->id);
    *user = (struct cg_user){0};
}
