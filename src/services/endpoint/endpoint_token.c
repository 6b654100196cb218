/* Tokens of managed identities for programs on this machine.
 *
 * The metadata forms prove nothing but that the program runs here and set a header that no web page
 * can set, so they answer only where the operator opened a door for them. The App Service forms
 * bring a secret, which also says which identity is meant. Clients look at the statuses and at a
 * few members, and show the texts to people. Source: wire/managed-identity §2.2 to §2.6. */
#include "services/applications.h"
#include "services/endpoint/endpoint.h"
#include "services/form.h"
#include "services/service_tokens.h"

#define ROOM            (12 * KIB)
#define VERSION_LEN     ((size_t)10)
#define METADATA_OLDEST STR("2018-02-01")
#define NOT_FOUND_TEXT                                                                             \
    "No User Assigned or Delegated Managed Identity found for specified "                          \
    "ClientId/ResourceId/PrincipalId."

/* The forms differ in the shape of answers. */
enum form_kind { FORM_METADATA, FORM_APP_SERVICE, FORM_CLOUD_SHELL };

struct ask {
    struct request *req;
    enum form_kind kind;
    struct str resource; /* as asked for */
    struct str audience;
    struct application_row app;
};

/* ---- answers ---- */

/* {"error","error_description"}, or App Service's {"statusCode","message"}. */
static void refuse(const struct ask *a, int status, struct str code, struct str text)
{
    struct buf out = answer_buf(a->req, 2 * KIB);
    struct json_writer w;

    json_writer_init(&w, &out);
    json_object_begin(&w);
    if (a->kind == FORM_APP_SERVICE) {
        json_member_int(&w, "statusCode", status);
        json_member_str(&w, "message", text);
    } else {
        json_member_str(&w, "error", code);
        json_member_str(&w, "error_description", text);
    }
    json_object_end(&w);
    a->req->explain = text;
    answer_json(a->req, status, &out);
}

static void refuse_request(const struct ask *a, struct str text)
{
    refuse(a, 400, STR("invalid_request"), text);
}

static void refuse_identity(const struct ask *a)
{
    refuse_request(a,
                   a->kind == FORM_APP_SERVICE ? STR(NOT_FOUND_TEXT) : STR("Identity not found"));
}

static void member_number_text(struct json_writer *w, struct request *req, const char *name,
                               int64_t value)
{
    json_member_str(w, name, arena_printf(req->arena, "%lld", (long long)value));
}

/* All numbers as texts: wire/managed-identity §2.4. */
static void answer_token(const struct ask *a, const struct service_token *token)
{
    struct request *req = a->req;
    struct buf out = answer_buf(req, ROOM);
    struct json_writer w;

    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "access_token", token->text);
    if (a->kind != FORM_APP_SERVICE)
        json_member_str(&w, "refresh_token", STR_EMPTY);
    json_member_id(&w, "client_id", &a->app.client_id);
    if (a->kind != FORM_APP_SERVICE) {
        member_number_text(&w, req, "expires_in", token->lifetime_s);
        member_number_text(&w, req, "ext_expires_in", token->lifetime_s);
    }
    member_number_text(&w, req, "expires_on", token->expires_s);
    member_number_text(&w, req, "not_before", token->issued_s);
    json_member_str(&w, "resource", a->resource);
    json_member_str(&w, "token_type", STR("Bearer"));
    json_object_end(&w);
    reply_header(req, STR("Cache-Control"), STR("no-store"));
    answer_json(req, 200, &out);
}

static void issue(const struct ask *a)
{
    struct request *req = a->req;
    struct service_ask ask = {
        .application = &a->app, .audience = a->audience, .origin = service_token_origin(req)};
    struct service_token token;
    char client[UUID_TEXT_LEN];

    if (a->app.disabled) {
        refuse_identity(a);
        return;
    }
    if (service_token_issue(req, &ask, &token)) {
        refuse(a, 503, STR("temporarily_unavailable"),
               STR("No key signs tokens right now, or the clock was set back."));
        return;
    }
    uuid_format(&a->app.client_id, client);
    log_info(req->site->log, "endpoint.token", "id=" STR_FMT " client=%.*s uti=" STR_FMT,
             STR_ARG(req->id), (int)sizeof client, client, STR_ARG(token.uti));
    answer_token(a, &token);
}

/* ---- what is asked for ---- */

/* False: refused. */
static bool read_resource(struct ask *a, struct str resource)
{
    a->resource = arena_dup(a->req->arena, resource); /* the query moves when the request is held */
    switch (audience_of_resource(a->req, a->resource, &a->audience)) {
    case AUDIENCE_FINE:
        return true;
    case AUDIENCE_MISSING:
        refuse_request(a, STR("The parameter resource is missing."));
        return false;
    case AUDIENCE_MALFORMED:
    case AUDIENCE_USER_SCOPE:
    case AUDIENCE_UNKNOWN:
        break;
    }
    refuse(a, 400, STR("invalid_resource"),
           STR("AADSTS500011: The resource principal was not found in the tenant: ask for "
               "https://communication.azure.com/ or https://management.azure.com/."));
    return false;
}

static bool is_date(struct str text)
{
    return text.len == VERSION_LEN && version_well_formed(text);
}

/* resource_id is azure-identity's of the asynchronous Python clients. */
static const char *const selector_names[] = {
    "client_id", "object_id", "principal_id", "msi_res_id", "mi_res_id", "resource_id", NULL};

/* The parameter that says which identity, by any of its spellings, of the form where there is
 * one; ptr NULL: none. False: refused, since two were given. */
static bool read_selector(struct ask *a, const struct form *form, const char *const *names,
                          struct str *out)
{
    *out = (struct str){NULL, 0};
    for (; *names; names++) {
        struct str value = form ? form_get(form, *names) : request_query(a->req, *names);

        if (!value.ptr)
            continue;
        if (out->ptr) {
            refuse_request(a, STR("Name the identity by one parameter, not by several."));
            return false;
        }
        *out = value;
    }
    return true;
}

/* By client id, object id or ARM id; never by name, which no client sends. */
static enum rc find_selected(struct ask *a, struct str selector)
{
    struct uuid id;
    enum rc rc;

    if (!str_starts(selector, STR("/")) && uuid_parse(selector, &id))
        return RC_NOT_FOUND;
    rc = application_named(a->req, selector, &a->app);
    return !rc && a->app.kind != APPLICATION_MANAGED ? RC_NOT_FOUND : rc;
}

static void issue_found(struct ask *a, enum rc rc)
{
    if (!rc)
        issue(a);
    else if (rc == RC_NOT_FOUND)
        refuse_identity(a);
    else
        refuse(a, 503, STR("temporarily_unavailable"), STR("The store can't be read right now."));
}

/* ---- nobody named: the system-assigned identity, else the only other one ---- */

static void on_listed(void *ctx, enum rc rc, const struct access_page *page)
{
    struct ask *a = ctx;

    if (!rc && page->n != 1) {
        refuse_request(a, page->n ? STR("There are several managed identities: name one by "
                                        "client_id, object_id or msi_res_id.")
                                  : STR("Identity not found"));
        return;
    }
    if (!rc)
        a->app = page->applications[0];
    issue_found(a, rc);
}

static void issue_default(struct ask *a)
{
    struct request *req = a->req;
    const struct resource *r = gate_directory(req->site->gate)->default_resource;
    struct access_query query = {.what = ACCESS_APPLICATIONS, .kind = APPLICATION_MANAGED};
    enum rc rc = r ? application_named(req, r->scope, &a->app) : RC_NOT_FOUND;

    if (rc != RC_NOT_FOUND) {
        issue_found(a, rc);
        return;
    }
    request_hold(req);
    store_list_access(req->site->store, req->loop, req->arena, &query, on_listed, a);
}

static struct ask *begin(struct request *req, enum form_kind kind)
{
    struct ask *a = arena_new(req->arena, struct ask);

    a->req = req;
    a->kind = kind;
    return a;
}

/* ---- the forms ---- */

/* Empty when it is absent, or there several times. */
static struct str only_header(const struct request *req, struct str name)
{
    struct str value;

    return headers_only(&req->headers, name, &value) ? STR_EMPTY : value;
}

/* A header that no web page and no proxy's target can be made to send. False: refused. */
static bool has_metadata_header(struct ask *a)
{
    const struct headers *h = &a->req->headers;

    if (!a->req->door || !a->req->door->metadata) {
        refuse(a, 400, STR("invalid_request"),
               STR("This endpoint belongs to one program: use its IDENTITY_HEADER."));
        return false;
    }
    if (!name_eq_nocase(only_header(a->req, STR("Metadata")), STR("true"))) {
        refuse_request(a, STR("Required metadata header not specified"));
        return false;
    }
    if (h->times[HEADER_X_FORWARDED_FOR]) {
        refuse_request(a, STR("Requests that were forwarded (X-Forwarded-For) get no token."));
        return false;
    }
    return true;
}

/* The identity that `selector` names, else the default one. */
static void issue_selected(struct ask *a, struct str selector)
{
    if (selector.ptr)
        issue_found(a, find_selected(a, selector));
    else
        issue_default(a);
}

void endpoint_metadata(struct request *req)
{
    struct ask *a = begin(req, FORM_METADATA);
    struct str version = request_query(req, "api-version"), selector;

    if (!has_metadata_header(a))
        return;
    if (!version.ptr || !is_date(version) || name_cmp(version, METADATA_OLDEST) < 0) {
        refuse_request(a, STR("The parameter api-version is missing, or not known here: use "
                              "api-version=2018-02-01."));
        return;
    }
    if (read_resource(a, request_query(req, "resource")) &&
        read_selector(a, NULL, selector_names, &selector))
        issue_selected(a, selector);
}

void endpoint_cloud_shell(struct request *req)
{
    struct ask *a = begin(req, FORM_CLOUD_SHELL);
    struct form form;
    struct refusal why;
    struct str selector;

    if (!has_metadata_header(a))
        return;
    if (!form_read(req, &form, &why)) {
        refuse_request(a, why.message);
        return;
    }
    if (read_resource(a, form_get(&form, "resource")) &&
        read_selector(a, &form, selector_names, &selector))
        issue_selected(a, selector);
}

/* Whose secret the header is. All roads do one keyed hash and one look-up. */
static enum rc find_by_secret(struct ask *a, struct str secret)
{
    uint8_t hash[32];

    app_secret_hash(gate_master(gate_of(a->req->site->gate)), secret, hash);
    return store_application(a->req->site->reader, APPLICATION_BY_HEADER_HASH,
                             str_of(hash, sizeof hash), a->req->arena, &a->app);
}

/* The parameter may repeat what the secret says, and nothing else. */
static bool names_same(struct ask *a, struct str selector)
{
    struct ask other = {.req = a->req};

    return !selector.ptr ||
           (!find_selected(&other, selector) && uuid_eq(&other.app.client_id, &a->app.client_id));
}

void endpoint_app_service(struct request *req)
{
    static const char *const names_2017[] = {"clientid", NULL};
    struct ask *a = begin(req, FORM_APP_SERVICE);
    struct str version = request_query(req, "api-version"), selector;
    bool old = name_eq(version, STR("2017-09-01"));
    struct str secret = only_header(req, old ? STR("Secret") : STR("X-IDENTITY-HEADER"));
    enum rc rc = find_by_secret(a, secret);

    if (rc == RC_NOT_FOUND || (!rc && a->app.kind != APPLICATION_MANAGED)) {
        refuse(a, 401, STR("unauthorized"),
               STR("The identity endpoint's secret (X-IDENTITY-HEADER) is missing or wrong."));
        return;
    }
    if (rc) {
        issue_found(a, rc);
        return;
    }
    if (!version.ptr || !is_date(version) || (!old && name_cmp(version, STR("2019-08-01")) < 0)) {
        refuse_request(a, STR("The parameter api-version is missing, or not known here: use "
                              "api-version=2019-08-01."));
        return;
    }
    if (!read_resource(a, request_query(req, "resource")) ||
        !read_selector(a, NULL, old ? names_2017 : selector_names, &selector))
        return;
    if (names_same(a, selector))
        issue(a);
    else
        refuse_identity(a);
}
