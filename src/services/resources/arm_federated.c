/* Federated credentials of a managed identity: whose tokens of other issuers stand for it. They
 * live in the identity's document; each change is a new version of its row, so that two at the same
 * time can't both win. An issuer named here is fetched from public addresses only: whoever may
 * write this is not the operator. Source: wire/managed-identity §1.8, §6. */
#include "services/resources/arm_access.h"

#include "gate/issuer_url.h"

#define CREDENTIALS  "/federatedIdentityCredentials/"
#define TYPE         "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"
#define NAME_MIN     ((size_t)3)
#define NAME_MAX_LEN ((size_t)120)
#define TEXT_MAX     ((size_t)600)

struct federated_change {
    struct changes c; /* first: what changes_commit() hands back */
    struct application_row row;
    struct app_document document;
    struct app_federated item;
    int status;
};

/* ---- out ---- */

static void write_credential(struct request *req, const struct application_row *row,
                             const struct app_federated *f, struct json_writer *w)
{
    json_object_begin(w);
    json_member_str(w, "id",
                    arena_printf(req->arena, STR_FMT CREDENTIALS STR_FMT,
                                 STR_ARG(arm_identity_id(req, row)), STR_ARG(f->name)));
    json_member_str(w, "name", f->name);
    json_member_str(w, "type", STR(TYPE));
    json_name(w, "properties");
    json_object_begin(w);
    json_member_str(w, "issuer", f->issuer);
    json_member_str(w, "subject", f->subject);
    json_name(w, "audiences");
    json_array_begin(w);
    json_str(w, f->audience);
    json_array_end(w);
    json_object_end(w);
    json_object_end(w);
}

static void answer_credential(struct request *req, int status, const struct application_row *row,
                              const struct app_federated *f)
{
    struct arm_answer a;

    arm_answer_begin(&a, req);
    write_credential(req, row, f, &a.w);
    arm_answer_end(&a, status);
}

/* ---- finding ---- */

/* The path's identity and its document; false: answered. */
static bool open_identity(struct request *req, struct federated_change *fc)
{
    if (!arm_identity_find(req, &fc->row))
        return false;
    if (app_document_read(fc->row.document, req->arena, &fc->document) == RC_OK)
        return true;
    arm_refuse_rc(req, RC_INTERNAL); /* not a document of ours: nothing to build on */
    return false;
}

static struct app_federated *find_named(struct request *req, struct app_document *document)
{
    for (size_t i = 0; i < document->federated_count; i++) {
        if (name_eq_nocase(document->federated[i].name, req->params[ARM_CHILD]))
            return &document->federated[i];
    }
    return NULL;
}

void arm_federated_get(struct request *req)
{
    struct federated_change *fc = arena_new(req->arena, struct federated_change);
    const struct app_federated *f;

    if (!open_identity(req, fc))
        return;
    f = find_named(req, &fc->document);
    if (f)
        answer_credential(req, 200, &fc->row, f);
    else
        arm_refuse(req, &API_RESOURCE_NOT_FOUND,
                   STR("The identity has no federated credential of this name."));
}

void arm_federated_list(struct request *req)
{
    struct federated_change *fc = arena_new(req->arena, struct federated_change);
    struct arm_answer a;

    if (!open_identity(req, fc))
        return;
    arm_answer_begin(&a, req);
    json_object_begin(&a.w);
    json_name(&a.w, "value");
    json_array_begin(&a.w);
    for (size_t i = 0; i < fc->document.federated_count; i++)
        write_credential(req, &fc->row, &fc->document.federated[i], &a.w);
    json_array_end(&a.w);
    json_object_end(&a.w);
    arm_answer_end(&a, 200);
}

/* ---- changing ---- */

static void on_changed(void *ctx, enum rc rc, struct change_set *set)
{
    const struct federated_change *fc = ctx;
    struct request *req = fc->c.req;

    (void)set;
    if (rc == RC_CONFLICT)
        arm_refuse(req, &API_CONFLICT, STR("Somebody else has changed it meanwhile: try again."));
    else if (rc)
        arm_refuse_rc(req, rc);
    else if (fc->item.name.len)
        answer_credential(req, fc->status, &fc->row, &fc->item);
    else
        answer_empty(req, fc->status);
}

static void commit(struct request *req, struct federated_change *fc)
{
    enum rc rc = application_changed(req, &fc->row, &fc->document);

    if (rc) {
        arm_refuse_rc(req, rc);
        return;
    }
    fc->c.items[fc->c.n++] =
        (struct change){.kind = CHANGE_APPLICATION_PUT, .u.application = fc->row};
    changes_commit(&fc->c, req, on_changed);
}

/* Who stood for the identity till now does so no more: its tokens end with the trust in them. */
static void revoke_tokens(struct request *req, struct federated_change *fc)
{
    fc->row.revoked_before = (req->now / 1000 + 1) * 1000; /* iat has whole seconds */
}

void arm_federated_delete(struct request *req)
{
    struct federated_change *fc = arena_new(req->arena, struct federated_change);
    struct app_document *d = &fc->document;
    struct app_federated *f;

    if (!open_identity(req, fc))
        return;
    f = find_named(req, d);
    if (!f) {
        answer_empty(req, 204);
        return;
    }
    d->federated_count--;
    memmove(f, f + 1, (size_t)(d->federated + d->federated_count - f) * sizeof *f);
    fc->status = 200;
    revoke_tokens(req, fc);
    commit(req, fc);
}

/* ---- put ---- */

static bool refuse_put(struct request *req, const struct api_error *error, const char *message)
{
    arm_refuse(req, error, str_from(message));
    return false;
}

/* 1 to TEXT_MAX octets without controls, copied to the arena. */
static bool read_text(struct request *req, const json_t *value, struct str *out)
{
    struct str text = str_of(json_string_value(value), json_string_length(value));

    if (!text.len || text.len > TEXT_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c < 0x20 || c == 0x7F)
            return false;
    }
    *out = arena_dup(req->arena, text);
    return true;
}

static bool read_item(struct request *req, const json_t *properties, struct app_federated *out)
{
    const json_t *audiences = json_object_get(properties, "audiences");
    const json_t *expression = json_object_get(properties, "claimsMatchingExpression");

    if (!read_text(req, json_object_get(properties, "issuer"), &out->issuer) ||
        !issuer_url_valid(out->issuer, req->site->options->development))
        return refuse_put(req, &API_INVALID_REQUEST_CONTENT,
                          "properties.issuer must be an https URL of at most 512 octets without a "
                          "query.");
    if (!read_text(req, json_object_get(properties, "subject"), &out->subject))
        return refuse_put(req, &API_INVALID_REQUEST_CONTENT,
                          "properties.subject must be a string of 1 to 600 octets.");
    if (json_array_size(audiences) != 1 ||
        !read_text(req, json_array_get(audiences, 0), &out->audience))
        return refuse_put(req, &API_INVALID_REQUEST_CONTENT,
                          "properties.audiences must be a list of exactly one string of 1 to 600 "
                          "octets.");
    if (expression && !json_is_null(expression))
        return refuse_put(req, &API_INVALID_REQUEST_CONTENT,
                          "claimsMatchingExpression is not supported: give the subject.");
    return true;
}

static bool read_body(struct request *req, struct app_federated *out)
{
    AUTO(json_freep) json_t *body = NULL;
    const json_t *properties;

    struct str name = req->params[ARM_CHILD];

    if (name.len > NAME_MAX_LEN || !arm_child_name_valid(name, NAME_MIN))
        return refuse_put(req, &API_INVALID_REQUEST_CONTENT,
                          "The name of a federated credential must be 3 to 120 letters, digits, "
                          "'-' and '_', and begin with a letter or a digit.");
    out->name = arena_dup(req->arena, name);
    if (!arm_body(req, &body))
        return false;
    properties = json_object_get(body, "properties");
    if (!json_is_object(properties))
        return refuse_put(req, &API_INVALID_REQUEST_CONTENT,
                          "properties is required and must be an object.");
    return read_item(req, properties, out);
}

/* `self`: the one that is about to be replaced, or NULL. */
static bool is_free(struct request *req, const struct app_document *d,
                    const struct app_federated *self, const struct app_federated *item)
{
    for (size_t i = 0; i < d->federated_count; i++) {
        const struct app_federated *f = &d->federated[i];

        if (f != self && name_eq(f->issuer, item->issuer) && name_eq(f->subject, item->subject))
            return refuse_put(req, &API_CONFLICT,
                              "The identity has a federated credential for this issuer and subject "
                              "already.");
    }
    if (self || d->federated_count < APP_FEDERATED_MAX)
        return true;
    return refuse_put(req, &API_CONFLICT,
                      "The identity has 20 federated credentials, which is the most.");
}

void arm_federated_put(struct request *req)
{
    struct federated_change *fc = arena_new(req->arena, struct federated_change);
    struct app_document *d = &fc->document;
    struct app_federated *self;

    if (!open_identity(req, fc) || !read_body(req, &fc->item))
        return;
    self = find_named(req, d);
    if (!is_free(req, d, self, &fc->item))
        return;
    fc->status = self ? 200 : 201;
    if (self) {
        fc->item.name = self->name;
        if (!name_eq(self->issuer, fc->item.issuer) || !name_eq(self->subject, fc->item.subject) ||
            !name_eq(self->audience, fc->item.audience))
            revoke_tokens(req, fc);
        *self = fc->item;
    } else {
        d->federated[d->federated_count++] = fc->item;
    }
    commit(req, fc);
}
