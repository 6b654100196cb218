/* Secrets, certificates and federated credentials of applications. A secret is shown once, when it
 * is made. Taking a credential away also ends the tokens issued before: its holder may have some.
 * Source: wire/managed-identity §1.7, §1.8, §3.3. */
#include "services/admin/admin_access.h"

#include "gate/issuer_url.h"

#define DESCRIPTION_MAX  256
#define FEDERATED_NAME   120
#define FEDERATED_TEXT   600 /* Entra's limit for issuer, subject and audience */
#define AUDIENCE_DEFAULT STR("api://AzureADTokenExchange")
#define LIFE_MAX_MS      ((int64_t)100 * 365 * 24 * 3600 * 1000)

static bool full(struct request *req, size_t n, size_t max, const char *what)
{
    if (n < max)
        return false;
    answer_refusal(req, &(struct refusal){&API_CONFLICT,
                                          arena_printf(req->arena,
                                                       "It has %zu %s, which is the most: remove "
                                                       "one first.",
                                                       n, what),
                                          STR_EMPTY});
    return true;
}

static void not_here(struct request *req, const char *what)
{
    answer_refusal(req, &(struct refusal){&API_NOT_FOUND,
                                          arena_printf(req->arena, "It has no such %s.", what),
                                          STR_EMPTY});
}

/* An array of a document; the first member of each item is its id or name. */
struct items {
    void *first;
    size_t *count;
    size_t size;
};

#define ITEMS(array) (&(struct items){(array), &(array##_count), sizeof *(array)})

/* Removes the one that the path names. */
static void remove_item(struct app_change *c, const struct items *from, const char *what,
                        const char *event)
{
    char *item = from->first;
    size_t left = *from->count;

    while (left && !name_eq_nocase(*(const struct str *)(void *)item, c->req->params[1])) {
        item += from->size;
        left--;
    }
    if (!left) {
        not_here(c->req, what);
        return;
    }
    memmove(item, item + from->size, (left - 1) * from->size);
    --*from->count;
    app_revoke_tokens(c);
    app_change_commit(c, app_answer_gone, event);
}

/* ---- secrets ---- */

struct secret_body {
    struct str description, expires_in, expires_on;
};

static bool read_expiry(const struct secret_body *body, unix_ms now, unix_ms *out,
                        struct refusal *why)
{
    int64_t ms = 0;

    *out = 0;
    if (body->expires_in.ptr && body->expires_on.ptr)
        return access_refuse(why, &API_VALIDATION, STR("Give expiresIn or expiresOn, not both."),
                             "$.expiresOn");
    if (body->expires_in.ptr) {
        if (duration_parse(body->expires_in, &ms) || ms <= 0 || ms > LIFE_MAX_MS)
            return access_refuse(why, &API_VALIDATION,
                                 STR("expiresIn must be a duration like 90d or 12h."),
                                 "$.expiresIn");
        *out = now + ms;
    } else if (body->expires_on.ptr) {
        if (time_from_iso8601(body->expires_on, out) || *out <= now || *out > now + LIFE_MAX_MS)
            return access_refuse(why, &API_VALIDATION,
                                 STR("expiresOn must be an RFC 3339 time that is still to come."),
                                 "$.expiresOn");
    }
    return true;
}

static void answer_secret(struct app_change *c)
{
    const struct app_document *doc = &c->app.doc;
    const struct app_secret *s = &doc->secrets[doc->secrets_count - 1];
    struct request *req = c->req;
    struct buf out = answer_buf(req, 4 * KIB);
    struct json_writer w;

    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "id", s->id);
    json_member_str(&w, "secret", c->value);
    json_member_str(&w, "description", s->description);
    json_member_time(&w, "createdOn", s->created);
    json_member_time(&w, "expiresOn", s->expires);
    json_member_str(&w, "clientId", uuid_text(req, &c->app.row.client_id));
    json_member_str(&w, "tenantId",
                    arena_dup(req->arena, gate_directory(req->site->gate)->tenant_text));
    json_object_end(&w);
    reply_header(req, STR("Cache-Control"), STR("no-store"));
    answer_json(req, 201, &out);
}

void admin_app_secret_add(struct request *req)
{
    static const struct json_field fields[] = {
        {"description", JSON_FIELD_STR, offsetof(struct secret_body, description), 0,
         DESCRIPTION_MAX, false},
        {"expiresIn", JSON_FIELD_STR, offsetof(struct secret_body, expires_in), 1, 32, false},
        {"expiresOn", JSON_FIELD_STR, offsetof(struct secret_body, expires_on), 1, 64, false},
        {0}};
    struct app_change *c = app_change_begin(req, KIND_BIT(APPLICATION_APP));
    struct secret_body body = {0};
    struct app_document *doc;
    struct refusal why;
    unix_ms expires;

    if (!c)
        return;
    if (!body_fill(req, fields, &body, &why) || !read_expiry(&body, req->now, &expires, &why)) {
        answer_refusal(req, &why);
        return;
    }
    doc = &c->app.doc;
    if (full(req, doc->secrets_count, APP_SECRETS_MAX, "secrets"))
        return;
    c->value = app_secret_make(gate_master(gate_of(req->site->gate)), req->now, expires,
                               body.description, req->arena, &doc->secrets[doc->secrets_count]);
    doc->secrets_count++;
    app_change_commit(c, answer_secret, "application.secret_added");
}

void admin_app_secret_delete(struct request *req)
{
    struct app_change *c = app_change_begin(req, KIND_BIT(APPLICATION_APP));

    if (c)
        remove_item(c, ITEMS(c->app.doc.secrets), "secret", "application.secret_removed");
}

/* ---- certificates ---- */

static void answer_added(struct app_change *c)
{
    app_answer(c->req, 201, &c->app);
}

struct certificate_body {
    struct str certificate;
};

void admin_app_certificate_add(struct request *req)
{
    static const struct json_field fields[] = {{"certificate", JSON_FIELD_STR,
                                                offsetof(struct certificate_body, certificate), 1,
                                                APP_CERTIFICATE_TEXT_MAX, true},
                                               {0}};
    struct app_change *c = app_change_begin(req, KIND_BIT(APPLICATION_APP));
    struct certificate_body body = {0};
    struct app_certificate certificate;
    struct app_document *doc;
    struct refusal why;
    struct str flaw;

    if (!c)
        return;
    doc = &c->app.doc;
    if (!body_fill(req, fields, &body, &why)) {
        answer_refusal(req, &why);
        return;
    }
    if (app_certificate_read(body.certificate, req->now, req->arena, &certificate, &flaw)) {
        answer_refusal(req, &(struct refusal){&API_VALIDATION, flaw, STR("$.certificate")});
        return;
    }
    for (size_t i = 0; i < doc->certificates_count; i++) {
        if (memcmp(doc->certificates[i].sha256, certificate.sha256, sizeof certificate.sha256) ==
            0) {
            answer_refusal(req,
                           &(struct refusal){&API_CONFLICT, STR("It has this certificate already."),
                                             STR("$.certificate")});
            return;
        }
    }
    if (full(req, doc->certificates_count, APP_CERTIFICATES_MAX, "certificates"))
        return;
    doc->certificates[doc->certificates_count++] = certificate;
    app_change_commit(c, answer_added, "application.certificate_added");
}

void admin_app_certificate_delete(struct request *req)
{
    struct app_change *c = app_change_begin(req, KIND_BIT(APPLICATION_APP));

    if (c)
        remove_item(c, ITEMS(c->app.doc.certificates), "certificate",
                    "application.certificate_removed");
}

/* ---- federated credentials ---- */

struct federated_body {
    struct str name, issuer, subject, audience;
};

static bool plain_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return false;
    }
    return name.len > 0;
}

static bool has_controls(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7F)
            return true;
    return false;
}

static bool check_federated(struct request *req, const struct federated_body *body,
                            struct refusal *why)
{
    if (!plain_name(body->name))
        return access_refuse(why, &API_VALIDATION,
                             STR("name must be of letters, digits, hyphens and underscores."),
                             "$.name");
    if (!issuer_url_valid(body->issuer, req->site->options->development))
        return access_refuse(why, &API_VALIDATION,
                             STR("issuer must be the https:// address that the tokens say, without "
                                 "a query."),
                             "$.issuer");
    if (has_controls(body->subject))
        return access_refuse(why, &API_VALIDATION, STR("subject must not hold control characters."),
                             "$.subject");
    if (has_controls(body->audience))
        return access_refuse(why, &API_VALIDATION,
                             STR("audience must not hold control characters."), "$.audience");
    return true;
}

static bool taken(const struct app_document *doc, const struct federated_body *body,
                  struct refusal *why)
{
    for (size_t i = 0; i < doc->federated_count; i++) {
        const struct app_federated *f = &doc->federated[i];

        if (name_eq_nocase(f->name, body->name))
            return !access_refuse(why, &API_CONFLICT,
                                  STR("It has a federated credential of this name already."),
                                  "$.name");
        if (name_eq(f->issuer, body->issuer) && name_eq(f->subject, body->subject))
            return !access_refuse(why, &API_CONFLICT,
                                  STR("It has a federated credential for this issuer and subject "
                                      "already."),
                                  "$.subject");
    }
    return false;
}

#define FIELD(name, member, max, required)                                                         \
    {                                                                                              \
        name, JSON_FIELD_STR, offsetof(struct federated_body, member), 1, max, required            \
    }

void admin_app_federated_add(struct request *req)
{
    static const struct json_field fields[] = {FIELD("name", name, FEDERATED_NAME, true),
                                               FIELD("issuer", issuer, FEDERATED_TEXT, true),
                                               FIELD("subject", subject, FEDERATED_TEXT, true),
                                               FIELD("audience", audience, FEDERATED_TEXT, false),
                                               {0}};
    struct app_change *c =
        app_change_begin(req, KIND_BIT(APPLICATION_APP) | KIND_BIT(APPLICATION_MANAGED));
    struct federated_body body = {.audience = AUDIENCE_DEFAULT};
    struct app_document *doc;
    struct refusal why;

    if (!c)
        return;
    doc = &c->app.doc;
    if (!body_fill(req, fields, &body, &why) || !check_federated(req, &body, &why) ||
        taken(doc, &body, &why)) {
        answer_refusal(req, &why);
        return;
    }
    if (full(req, doc->federated_count, APP_FEDERATED_MAX, "federated credentials"))
        return;
    doc->federated[doc->federated_count++] = (struct app_federated){
        .name = body.name,
        .issuer = body.issuer,
        .subject = body.subject,
        .audience = body.audience,
        .by_administrator = true,
    };
    app_change_commit(c, answer_added, "application.federated_added");
}

void admin_app_federated_delete(struct request *req)
{
    struct app_change *c =
        app_change_begin(req, KIND_BIT(APPLICATION_APP) | KIND_BIT(APPLICATION_MANAGED));

    if (c)
        remove_item(c, ITEMS(c->app.doc.federated), "federated credential",
                    "application.federated_removed");
}
