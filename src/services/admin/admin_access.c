/* What the routes of applications, identities, roles and trusted issuers share. A change reads the
 * row, makes the next version of it and writes that; who was quicker wins, the other is told. */
#include "services/admin/admin_access.h"

#define FIRST_ROLE STR("Callgate Data Contributor")

struct str uuid_text(struct request *req, const struct uuid *id)
{
    char *text = arena_alloc(req->arena, UUID_TEXT_LEN + 1);

    uuid_format(id, text);
    return str_of(text, UUID_TEXT_LEN);
}

struct str application_kind_name(enum application_kind kind)
{
    return kind == APPLICATION_MANAGED   ? STR("managed")
           : kind == APPLICATION_FOREIGN ? STR("foreign")
                                         : STR("app");
}

bool access_refuse(struct refusal *why, const struct api_error *error, struct str message,
                   const char *target)
{
    *why = (struct refusal){error, message, str_from(target)};
    return false;
}

void access_log(struct request *req, const char *event, const char *what, struct str id)
{
    const struct principal *p = req->principal;
    char quoted[512];
    size_t len = log_quote(quoted, sizeof quoted, id, 128);

    if (p && p->uid != (uint32_t)-1)
        log_info(req->site->log, event, "request=" STR_FMT " by=administrator uid=%u %s=%.*s",
                 STR_ARG(req->id), (unsigned)p->uid, what, (int)len, quoted);
    else
        log_info(req->site->log, event, "request=" STR_FMT " by=administrator %s=%.*s",
                 STR_ARG(req->id), what, (int)len, quoted);
}

struct str default_scope(struct request *req)
{
    const struct resource *r = gate_directory(req->site->gate)->default_resource;

    return r ? arena_dup(req->arena, r->scope) : STR("/");
}

/* ---- an application as read ---- */

/* What the path may have meant instead. */
static struct str other_kind(const struct application_row *row)
{
    return row->kind == APPLICATION_MANAGED
               ? STR("This is a managed identity: it has no secrets and no certificates; see "
                     "/admin/identities.")
           : row->kind == APPLICATION_FOREIGN
               ? STR("This principal belongs to a trusted issuer: it has no credentials here; see "
                     "/admin/issuers.")
               : STR("This is an application, no managed identity; see /admin/apps.");
}

bool app_view_of(struct request *req, struct str text, unsigned kinds, struct app_view *out)
{
    enum rc rc = application_named(req, text, &out->row);

    if (!rc && !(kinds & KIND_BIT(out->row.kind))) {
        answer_refusal(req, &(struct refusal){&API_CONFLICT, other_kind(&out->row), STR_EMPTY});
        return false;
    }
    if (!rc)
        rc = app_document_read(out->row.document, req->arena, &out->doc) ? RC_INTERNAL : RC_OK;
    if (!rc)
        return true;
    if (rc == RC_NOT_FOUND)
        answer_refusal(req, &(struct refusal){&API_NOT_FOUND,
                                              STR("Nobody goes by this name, client id or object "
                                                  "id."),
                                              STR_EMPTY});
    else
        answer_rc(req, rc);
    return false;
}

/* ---- an application as shown ---- */

static void member_hex(struct json_writer *w, const char *name, const uint8_t *octets, size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    char text[64];

    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[octets[i] >> 4];
        text[2 * i + 1] = digits[octets[i] & 15];
    }
    json_member_str(w, name, str_of(text, 2 * len));
}

static void write_secrets(const struct app_document *doc, struct json_writer *w)
{
    json_name(w, "secrets");
    json_array_begin(w);
    for (size_t i = 0; i < doc->secrets_count; i++) {
        const struct app_secret *s = &doc->secrets[i];

        json_object_begin(w);
        json_member_str(w, "id", s->id);
        json_member_str(w, "hint", s->hint);
        json_member_str(w, "description", s->description);
        json_member_time(w, "createdOn", s->created);
        json_member_time(w, "expiresOn", s->expires);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_certificates(const struct app_document *doc, struct json_writer *w)
{
    json_name(w, "certificates");
    json_array_begin(w);
    for (size_t i = 0; i < doc->certificates_count; i++) {
        const struct app_certificate *c = &doc->certificates[i];

        json_object_begin(w);
        json_member_str(w, "id", c->id);
        member_hex(w, "thumbprint", c->sha1, sizeof c->sha1);
        member_hex(w, "thumbprintSha256", c->sha256, sizeof c->sha256);
        json_member_str(w, "subject", c->subject);
        json_member_time(w, "createdOn", c->created);
        json_member_time(w, "notBefore", c->not_before);
        json_member_time(w, "notAfter", c->not_after);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_federated(const struct app_document *doc, struct json_writer *w)
{
    json_name(w, "federated");
    json_array_begin(w);
    for (size_t i = 0; i < doc->federated_count; i++) {
        const struct app_federated *f = &doc->federated[i];

        json_object_begin(w);
        json_member_str(w, "name", f->name);
        json_member_str(w, "issuer", f->issuer);
        json_member_str(w, "subject", f->subject);
        json_member_str(w, "audience", f->audience);
        json_object_end(w);
    }
    json_array_end(w);
}

void roles_write(struct request *req, const struct uuid *principal, struct str scope,
                 struct json_writer *w)
{
    const struct grants *grants = gate_grants(gate_of(req->site->gate));
    struct standing standing;

    gate_standing(req->site->gate, principal, scope, &standing);
    json_array_begin(w);
    for (size_t i = 0; i < standing.roles_count; i++)
        json_str(w, grants_role_name(grants, &standing.roles[i], req->arena));
    json_array_end(w);
}

void app_write(struct request *req, const struct app_view *app, struct json_writer *w)
{
    const struct application_row *row = &app->row;

    json_object_begin(w);
    json_member_str(w, "name", row->name);
    json_member_str(w, "kind", application_kind_name(row->kind));
    json_member_str(w, "clientId", uuid_text(req, &row->client_id));
    json_member_str(w, "objectId", uuid_text(req, &row->object_id));
    json_member_str(w, "tenantId",
                    arena_dup(req->arena, gate_directory(req->site->gate)->tenant_text));
    json_member_bool(w, "disabled", row->disabled);
    json_member_time(w, "createdOn", row->created);
    json_member_time(w, "tokensValidFrom", row->revoked_before);
    json_name(w, "roles");
    roles_write(req, &row->object_id, default_scope(req), w);
    if (row->kind == APPLICATION_APP) {
        write_secrets(&app->doc, w);
        write_certificates(&app->doc, w);
    }
    if (row->kind != APPLICATION_FOREIGN)
        write_federated(&app->doc, w);
    if (row->arm_id.len)
        json_member_str(w, "resourceId", row->arm_id);
    json_object_end(w);
}

void app_answer(struct request *req, int status, const struct app_view *app)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, ACCESS_TEXT_MAX);
    json_writer_init(&w, &out);
    app_write(req, app, &w);
    answer_json_moved(req, status, &out);
}

/* ---- changes ---- */

struct app_change *app_change_begin(struct request *req, unsigned kinds)
{
    struct app_change *c = arena_new(req->arena, struct app_change);

    c->req = req;
    return app_view_of(req, req->params[0], kinds, &c->app) ? c : NULL;
}

static void on_changed(void *ctx, enum rc rc, struct change_set *set)
{
    struct app_change *c =
        (struct app_change *)((char *)ctx - offsetof(struct app_change, changes));
    struct request *req = c->req;

    (void)set;
    if (rc == RC_CONFLICT) {
        answer_refusal(req, &(struct refusal){&API_CONFLICT,
                                              STR("Another has this name, or this one was changed "
                                                  "by somebody else meanwhile: look at it and try "
                                                  "again."),
                                              STR_EMPTY});
        return;
    }
    if (rc) {
        answer_rc(req, rc);
        return;
    }
    access_log(req, c->event, "application", uuid_text(req, &c->app.row.client_id));
    c->answer(c);
}

void app_change_commit(struct app_change *c, app_answer_fn answer, const char *event)
{
    enum rc rc = application_changed(c->req, &c->app.row, &c->app.doc);

    if (rc) {
        answer_rc(c->req, rc);
        return;
    }
    c->answer = answer;
    c->event = event;
    c->changes.items[0] =
        (struct change){.kind = CHANGE_APPLICATION_PUT, .u.application = c->app.row};
    c->changes.n = 1;
    changes_commit(&c->changes, c->req, on_changed);
}

void app_revoke_tokens(struct app_change *c)
{
    application_revoke(c->req, &c->app.row);
}

void app_answer_changed(struct app_change *c)
{
    app_answer(c->req, 200, &c->app);
}

void app_answer_gone(struct app_change *c)
{
    answer_empty(c->req, 204);
}

/* ---- new principals ---- */

bool body_fill_role(struct request *req, const struct json_field *fields, void *into,
                    struct role_wish *wish, struct refusal *why)
{
    AUTO(json_freep) json_t *obj = NULL;

    if (!body_fill(req, fields, into, why) || !body_object(req, &obj, why))
        return false;
    wish->given = obj && json_object_get(obj, "role");
    if (name_eq_nocase(wish->text, STR("none")))
        wish->text = STR_EMPTY;
    return true;
}

struct creation {
    struct request *req;
    struct app_view app;
    struct role role; /* name empty: none */
    struct arena scratch;
    struct changes changes;
};

static void on_created(void *ctx, enum rc rc, struct change_set *set)
{
    struct creation *c = (struct creation *)((char *)ctx - offsetof(struct creation, changes));
    struct request *req = c->req;

    (void)set;
    if (rc == RC_CONFLICT) {
        answer_refusal(req,
                       &(struct refusal){&API_CONFLICT, STR("Somebody goes by this name already."),
                                         STR("$.name")});
        return;
    }
    if (rc == RC_NOT_FOUND) { /* its role: the principal is in the set */
        answer_error(req, &API_ROLE_DEFINITION_DOES_NOT_EXIST);
        return;
    }
    if (rc) {
        answer_rc(req, rc);
        return;
    }
    access_log(req, "application.created", "application", uuid_text(req, &c->app.row.client_id));
    app_answer(req, 201, &c->app);
}

static void create(struct creation *c)
{
    struct changes *all = &c->changes;

    all->items[all->n++] =
        (struct change){.kind = CHANGE_APPLICATION_PUT, .u.application = c->app.row};
    if (c->role.name.len)
        all->items[all->n++] =
            (struct change){.kind = CHANGE_ROLE_ASSIGNMENT_PUT,
                            .u.role_assignment = {.id = uuid_random(),
                                                  .principal = c->app.row.object_id,
                                                  .role = c->role.id,
                                                  .built_in_role = c->role.built_in,
                                                  .scope = default_scope(c->req),
                                                  .principal_type = STR("ServicePrincipal"),
                                                  .created = c->req->now}};
    changes_commit(all, c->req, on_created);
}

/* Nobody of this kind yet, but for the identity that the server made for itself. */
static void on_others(void *ctx, enum rc rc, const struct access_page *page)
{
    struct creation *c = ctx;
    bool first = true;

    for (size_t i = 0; !rc && i < page->n; i++)
        first = first && c->app.row.kind == APPLICATION_MANAGED &&
                name_eq(page->applications[i].name, STR("default"));
    arena_clear(&c->scratch);
    if (rc) {
        answer_rc(c->req, rc);
        return;
    }
    if (first)
        c->role = *built_in_role_by_name(FIRST_ROLE);
    create(c);
}

void principal_create(struct request *req, const struct application_row *row,
                      const struct role_wish *wish)
{
    struct creation *c = arena_new(req->arena, struct creation);
    struct access_query others = {.what = ACCESS_APPLICATIONS, .kind = row->kind};

    c->req = req;
    c->app.row = *row;
    if (app_document_read(row->document, req->arena, &c->app.doc)) {
        answer_rc(req, RC_INTERNAL);
        return;
    }
    if (wish->text.len && role_named(req, wish->text, &c->role)) {
        answer_invalid(req,
                       STR("There is no role of this name or id; GET /admin/roles lists them."),
                       STR("$.role"));
        return;
    }
    if (wish->given || !req->site->options->development) {
        create(c);
        return;
    }
    arena_init(&c->scratch);
    request_hold(req);
    store_list_access(req->site->store, req->loop, &c->scratch, &others, on_others, c);
}
