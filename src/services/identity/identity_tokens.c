/* Tokens of users that exist: issued and revoked. Rules and words of a token request are
 * services/tokens.c. */
#include "services/body.h"
#include "services/identity/identity_rules.h"
#include "services/limits.h"
#include "services/users.h"

/* {"id"?,"token","expiresOn"} */
static void answer_token(struct request *req, const struct user_row *user,
                         const struct token_request *asked, bool with_id)
{
    struct buf out = answer_buf(req, TOKEN_TEXT_MAX + 256);
    struct json_writer w;
    enum rc rc;

    json_writer_init(&w, &out);
    json_object_begin(&w);
    if (with_id)
        json_member_str(&w, "id", user_id_format(&user->key, req->arena));
    rc = token_write(req, user, asked, &w);
    json_object_end(&w);
    if (rc) {
        answer_rc(req, rc);
        return;
    }
    token_note_issued(req, user);
    answer_json(req, 200, &out);
}

static void issue(struct request *req, bool with_id)
{
    AUTO(json_freep) json_t *obj = NULL;
    struct token_request asked = {.rules = identity_token_rules(req)};
    struct refusal why;
    struct user_row user;
    enum rc rc;

    if (!body_object(req, &obj, &why) || !token_read(req, obj, &asked, &why)) {
        answer_refusal(req, &why);
        return;
    }
    rc = user_find(req, req->params[0], &user);
    if (rc)
        identity_answer_rc(req, rc);
    else if (limits_allow(req, LIMIT_ISSUE))
        answer_token(req, &user, &asked, with_id);
}

void token_issue(struct request *req)
{
    issue(req, false);
}

void token_issue_2020(struct request *req)
{
    issue(req, true);
}

static void on_revoked(void *ctx, enum rc rc, struct change_set *set)
{
    (void)set;
    if (rc)
        identity_answer_rc(ctx, rc);
    else
        answer_empty(ctx, 204);
}

void token_revoke(struct request *req)
{
    struct user_row row = {.revoked = req->now};
    enum rc rc = user_key_of(req, req->params[0], &row.key);

    if (rc)
        identity_answer_rc(req, rc);
    else if (limits_allow(req, LIMIT_REVOKE))
        user_change(req, CHANGE_USER_REVOKE, &row, on_revoked, req);
}
