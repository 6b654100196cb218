/* The tenant that this server is, and service tokens for an administrator's own use.
 * Source: wire/managed-identity §0, §1.10. */
#include "services/admin/admin_access.h"

#include "services/service_tokens.h"

#define AUDIENCE_DEFAULT STR("https://communication.azure.com/")

void admin_tenant(struct request *req)
{
    struct buf out = answer_buf(req, 4 * KIB);
    struct json_writer w;

    json_writer_init(&w, &out);
    json_object_begin(&w);
    tenant_write_members(req, &w);
    json_member_str(&w, "authority", service_token_origin(req));
    json_object_end(&w);
    answer_json(req, 200, &out);
}

void tenant_write_members(struct request *req, struct json_writer *w)
{
    const struct directory *d = gate_directory(req->site->gate);

    json_member_str(w, "tenantId", d->tenant_text);
    json_member_str(w, "subscriptionId", d->subscription_text);
}

/* ---- tokens ---- */

struct token_body {
    struct str as, resource, scope;
};

static bool read_audience(struct request *req, const struct token_body *body, struct str *out,
                          struct refusal *why)
{
    bool by_scope = body->scope.ptr != NULL;
    enum audience_problem problem;

    *out = AUDIENCE_DEFAULT;
    if (by_scope && body->resource.ptr)
        return access_refuse(why, &API_VALIDATION, STR("Give resource or scope, not both."),
                             "$.scope");
    if (!by_scope && !body->resource.ptr)
        return true;
    problem = by_scope ? audience_of_scope(req, body->scope, out)
                       : audience_of_resource(req, body->resource, out);
    return problem == AUDIENCE_FINE ||
           access_refuse(why, &API_VALIDATION,
                         by_scope ? STR("scope must be one of a service of ours, ending in "
                                        "/.default, like "
                                        "https://communication.azure.com//.default.")
                                  : STR("resource must be one of ours: "
                                        "https://communication.azure.com/, "
                                        "https://management.azure.com/, "
                                        "api://AzureADTokenExchange, or this server's address."),
                         by_scope ? "$.scope" : "$.resource");
}

static void answer_token(struct request *req, const struct app_view *app,
                         const struct service_token *token)
{
    struct buf out = answer_buf(req, token->text.len + KIB);
    struct json_writer w;

    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "token", token->text);
    json_member_time(&w, "expiresOn", token->expires_s * 1000);
    json_member_str(&w, "clientId", uuid_text(req, &app->row.client_id));
    json_member_str(&w, "objectId", uuid_text(req, &app->row.object_id));
    json_object_end(&w);
    reply_header(req, STR("Cache-Control"), STR("no-store"));
    answer_json(req, 200, &out);
}

static void refuse_disabled(struct request *req)
{
    answer_refusal(req, &(struct refusal){&API_CONFLICT,
                                          STR("The principal is disabled: it gets no tokens."),
                                          STR("$.as")});
}

void admin_token(struct request *req)
{
    static const struct json_field fields[] = {
        {"as", JSON_FIELD_STR, offsetof(struct token_body, as), 1, 1024, true},
        {"resource", JSON_FIELD_STR, offsetof(struct token_body, resource), 1, 1024, false},
        {"scope", JSON_FIELD_STR, offsetof(struct token_body, scope), 1, 1024, false},
        {0}};
    struct service_ask ask = {.origin = service_token_origin(req)};
    struct token_body body = {0};
    struct service_token token;
    struct app_view app;
    struct refusal why;
    enum rc rc;

    if (!body_fill(req, fields, &body, &why) || !read_audience(req, &body, &ask.audience, &why)) {
        answer_refusal(req, &why);
        return;
    }
    if (!app_view_of(req, body.as, KIND_BIT(APPLICATION_APP) | KIND_BIT(APPLICATION_MANAGED), &app))
        return;
    if (app.row.disabled) {
        refuse_disabled(req);
        return;
    }
    ask.application = &app.row;
    rc = service_token_issue(req, &ask, &token);
    if (rc) {
        answer_rc(req, rc == RC_INVALID ? RC_INTERNAL : rc);
        return;
    }
    log_info(req->site->log, "token.issued",
             "request=" STR_FMT " by=administrator client=" STR_FMT " uti=" STR_FMT,
             STR_ARG(req->id), STR_ARG(uuid_text(req, &app.row.client_id)), STR_ARG(token.uti));
    answer_token(req, &app, &token);
}
