/* Managed identities: made by name, or assigned to a resource; and the secret of the App Service
 * endpoint, which is kept sealed because it is shown again. Source: wire/managed-identity §2.6,
 * §5.3, §8. */
#include "services/admin/admin_access.h"

#define NAME_MAX_LEN  128
#define GROUP_MAX_LEN 90
#define ROLE_MAX_LEN  256

static bool plain(struct str text, const char *more)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              (c && strchr(more, c))))
            return false;
    }
    return text.len > 0;
}

struct create_body {
    struct str name, group;
    struct role_wish role;
};

static bool check(const struct create_body *body, struct refusal *why)
{
    if (!plain(body->name, "-_") || !application_name_valid(body->name))
        return access_refuse(why, &API_VALIDATION,
                             STR("name must be of letters, digits, hyphens and underscores, and "
                                 "not look like an id."),
                             "$.name");
    if (!plain(body->group, "-_.()") || str_ends(body->group, STR(".")))
        return access_refuse(why, &API_VALIDATION,
                             STR("group must be of letters, digits and - _ . ( ), and not end with "
                                 "a dot."),
                             "$.group");
    return true;
}

void admin_identity_create(struct request *req)
{
    static const struct json_field fields[] = {
        {"name", JSON_FIELD_STR, offsetof(struct create_body, name), 1, NAME_MAX_LEN, true},
        {"group", JSON_FIELD_STR, offsetof(struct create_body, group), 1, GROUP_MAX_LEN, false},
        {"role", JSON_FIELD_STR, offsetof(struct create_body, role.text), 1, ROLE_MAX_LEN, false},
        {0}};
    struct create_body body = {.group = RESOURCE_GROUP_DEFAULT};
    struct application_row row;
    struct refusal why;

    if (!body_fill_role(req, fields, &body, &body.role, &why) || !check(&body, &why)) {
        answer_refusal(req, &why);
        return;
    }
    row =
        managed_identity_make(req, body.group, body.name, req->site->options->location, STR_EMPTY);
    principal_create(req, &row, &body.role);
}

void admin_identity_get(struct request *req)
{
    struct app_view app;

    if (app_view_of(req, req->params[0], KIND_BIT(APPLICATION_MANAGED), &app))
        app_answer(req, 200, &app);
}

/* ---- the identity of a resource ---- */

struct assign_body {
    struct str resource;
};

void admin_identity_assign(struct request *req)
{
    static const struct json_field fields[] = {
        {"resource", JSON_FIELD_STR, offsetof(struct assign_body, resource), 1, 64, true}, {0}};
    static const struct role_wish no_role = {.given = true};
    struct assign_body body = {0};
    const struct resource *r = NULL;
    struct application_row row;
    struct app_view app;
    struct refusal why;
    enum rc rc;

    if (!body_fill(req, fields, &body, &why)) {
        answer_refusal(req, &why);
        return;
    }
    r = directory_by_name(gate_directory(req->site->gate), body.resource);
    if (!r) {
        answer_invalid(req, STR("There is no resource of this name."), STR("$.resource"));
        return;
    }
    rc = application_named(req, r->scope, &row);
    if (rc == RC_NOT_FOUND) {
        row = system_identity_make(req, r);
        row.arm_id = arena_dup(req->arena, row.arm_id); /* the directory may go meanwhile */
        principal_create(req, &row, &no_role);
    } else if (rc) {
        answer_rc(req, rc);
    } else if (app_view_of(req, row.arm_id, KINDS_ALL, &app)) {
        app_answer(req, 200, &app); /* it has one */
    }
}

/* ---- the endpoint's secret ---- */

static void answer_header(struct request *req, const struct application_row *row, struct str header)
{
    struct buf out = answer_buf(req, 4 * KIB);
    struct json_writer w;

    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "name", row->name);
    json_member_str(&w, "clientId", uuid_text(req, &row->client_id));
    json_member_str(&w, "resourceId", row->arm_id);
    json_member_str(&w, "header", header);
    json_object_end(&w);
    reply_header(req, STR("Cache-Control"), STR("no-store"));
    answer_json(req, 200, &out);
}

void admin_identity_header(struct request *req)
{
    struct str header = STR_EMPTY;
    struct app_view app;
    enum rc rc;

    if (!app_view_of(req, req->params[0], KIND_BIT(APPLICATION_MANAGED), &app))
        return;
    rc = app_header_open(gate_master(gate_of(req->site->gate)), &app.row, req->arena, &header);
    if (rc) {
        answer_rc(req, rc);
        return;
    }
    access_log(req, "identity.header_shown", "application", uuid_text(req, &app.row.client_id));
    answer_header(req, &app.row, header);
}

static void answer_renewed(struct app_change *c)
{
    answer_header(c->req, &c->app.row, c->value);
}

void admin_identity_renew_header(struct request *req)
{
    struct app_change *c = app_change_begin(req, KIND_BIT(APPLICATION_MANAGED));

    if (!c)
        return;
    c->value = app_header_make(gate_master(gate_of(req->site->gate)), req->arena, &c->app.row);
    app_change_commit(c, answer_renewed, "identity.header_renewed");
}
