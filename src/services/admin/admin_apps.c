/* Applications: service principals with credentials of their own. Their credentials are
 * admin_app_credentials.c. Principals of other kinds can be looked at and switched off here, too.
 * Source: wire/administration, wire/managed-identity §8. */
#include "services/admin/admin_access.h"

#define NAME_MAX_LEN 128
#define ROLE_MAX_LEN 256

static void write_item(struct request *req, const struct access_page *page, size_t i,
                       struct json_writer *w)
{
    struct app_view app = {.row = page->applications[i]};

    if (app_document_read(app.row.document, req->arena, &app.doc))
        app.doc = (struct app_document){0}; /* damaged: the rest can be seen all the same */
    app_write(req, &app, w);
}

/* kind=app (default), managed, foreign, all. False: answered. */
static bool read_kind(struct request *req, enum application_kind *out)
{
    struct str text = request_query(req, "kind");

    *out = APPLICATION_APP;
    if (!text.ptr || name_eq(text, STR("app")))
        return true;
    *out = name_eq(text, STR("managed"))   ? APPLICATION_MANAGED
           : name_eq(text, STR("foreign")) ? APPLICATION_FOREIGN
                                           : APPLICATION_NONE;
    if (*out != APPLICATION_NONE || name_eq(text, STR("all")))
        return true;
    answer_invalid(req, STR("kind must be app, managed, foreign or all."), STR("kind"));
    return false;
}

void admin_apps_list(struct request *req)
{
    struct access_query query = {.what = ACCESS_APPLICATIONS};

    if (read_kind(req, &query.kind))
        access_list(req, &query, write_item);
}

void admin_identities_list(struct request *req)
{
    access_list(req,
                &(struct access_query){.what = ACCESS_APPLICATIONS, .kind = APPLICATION_MANAGED},
                write_item);
}

void admin_app_get(struct request *req)
{
    struct app_view app;

    if (app_view_of(req, req->params[0], KINDS_ALL, &app))
        app_answer(req, 200, &app);
}

/* ---- writing ---- */

struct create_body {
    struct str name;
    struct role_wish role;
};

static bool name_ok(struct str name, struct refusal *why)
{
    return application_name_valid(name) ||
           access_refuse(why, &API_VALIDATION,
                         STR("name must be 1 to 128 printable characters without a slash, not "
                             "begin or end with a blank, and not look like an id."),
                         "$.name");
}

void admin_app_create(struct request *req)
{
    static const struct json_field fields[] = {
        {"name", JSON_FIELD_STR, offsetof(struct create_body, name), 1, NAME_MAX_LEN, true},
        {"role", JSON_FIELD_STR, offsetof(struct create_body, role.text), 1, ROLE_MAX_LEN, false},
        {0}};
    struct create_body body = {0};
    struct application_row row;
    struct refusal why;

    if (!body_fill_role(req, fields, &body, &body.role, &why) || !name_ok(body.name, &why)) {
        answer_refusal(req, &why);
        return;
    }
    row = application_make(req, APPLICATION_APP, body.name);
    principal_create(req, &row, &body.role);
}

struct patch_body {
    struct str name;
    bool disabled, revoke;
};

void admin_app_patch(struct request *req)
{
    static const struct json_field fields[] = {
        {"name", JSON_FIELD_STR, offsetof(struct patch_body, name), 1, NAME_MAX_LEN, false},
        {"disabled", JSON_FIELD_BOOL, offsetof(struct patch_body, disabled), 0, 0, false},
        {"revokeTokens", JSON_FIELD_BOOL, offsetof(struct patch_body, revoke), 0, 0, false},
        {0}};
    struct app_change *c = app_change_begin(req, KINDS_ALL);
    struct patch_body body = {0};
    struct refusal why;
    bool ok;

    if (!c)
        return;
    body.disabled = c->app.row.disabled;
    ok = body_fill(req, fields, &body, &why) && (!body.name.ptr || name_ok(body.name, &why));
    if (ok && body.name.ptr && c->app.row.kind == APPLICATION_MANAGED &&
        !name_eq_nocase(body.name, c->app.row.name))
        ok = access_refuse(&why, &API_VALIDATION,
                           STR("The name of a managed identity is part of its id and is fixed."),
                           "$.name");
    if (!ok) {
        answer_refusal(req, &why);
        return;
    }
    if (body.name.ptr)
        c->app.row.name = body.name;
    if (body.revoke)
        app_revoke_tokens(c);
    c->app.row.disabled = body.disabled;
    app_change_commit(c, app_answer_changed, "application.changed");
}

/* ---- deleting ---- */

static void on_deleted(void *ctx, enum rc rc, struct change_set *set)
{
    struct request *req = ((struct changes *)ctx)->req;

    if (rc) {
        answer_rc(req, rc);
        return;
    }
    access_log(req, "application.deleted", "application",
               uuid_text(req, &set->items[0].u.application.client_id));
    answer_empty(req, 204);
}

/* Its role assignments go with it. */
static void delete_one(struct request *req, unsigned kinds)
{
    struct changes *c = arena_new(req->arena, struct changes);
    struct app_view app;

    if (!app_view_of(req, req->params[0], kinds, &app))
        return;
    c->items[c->n++] = (struct change){.kind = CHANGE_APPLICATION_DELETE, .u.application = app.row};
    changes_commit(c, req, on_deleted);
}

void admin_app_delete(struct request *req)
{
    delete_one(req, KIND_BIT(APPLICATION_APP) | KIND_BIT(APPLICATION_FOREIGN));
}

void admin_identity_delete(struct request *req)
{
    delete_one(req, KIND_BIT(APPLICATION_MANAGED));
}
