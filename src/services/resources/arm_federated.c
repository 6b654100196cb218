/* Federated credentials of a user-assigned identity: which token of which issuer may ask for its
 * tokens. They are part of the application's document. What is made here may not point to an issuer
 * on a private address: only an administrator may. Source: wire/managed-identity §6, §1.8. */
#include "gate/issuer_url.h"
#include "services/resources/arm_identity.h"

#define NAME_OCTETS_MAX ((size_t)120)
#define TEXT_MAX        ((size_t)600)

struct federated {
    struct changes changes; /* first */
    struct application_row row;
    struct app_document document;
    struct app_federated item;
    bool existed;
};

/* ---- out ---- */

static void write_one(struct arm_answer *a, const struct application_row *row,
                      const struct app_federated *f)
{
    const struct directory *d = gate_directory(a->req->site->gate);
    struct arm_identity_place place = {0};
    struct json_writer *w = &a->w;
    struct str id;

    if (!arm_identity_place(row->arm_id, &place))
        return;
    id = managed_identity_id(&d->subscription, place.group, place.name, false, a->req->arena);
    json_object_begin(w);
    json_member_str(w, "id",
                    arena_printf(a->req->arena, STR_FMT "/federatedIdentityCredentials/" STR_FMT,
                                 STR_ARG(id), STR_ARG(f->name)));
    json_member_str(w, "name", f->name);
    json_member_str(
        w, "type",
        STR("Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"));
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

static void answer_one(struct request *req, int status, const struct application_row *row,
                       const struct app_federated *f)
{
    struct arm_answer a;

    arm_answer_begin(&a, req);
    write_one(&a, row, f);
    arm_answer_end(&a, status);
}

/* ---- which one ---- */

static size_t index_of(const struct app_document *d, struct str name)
{
    size_t i = 0;

    while (i < d->federated_count && !name_eq_nocase(d->federated[i].name, name))
        i++;
    return i;
}

void arm_federated_get(struct request *req)
{
    struct application_row row;
    struct app_document document;
    size_t at;

    if (!arm_identity(req, &row, &document))
        return;
    at = index_of(&document, req->params[ARM_CHILD]);
    if (at == document.federated_count)
        arm_refuse(req, &API_RESOURCE_NOT_FOUND,
                   STR("The identity has no federated credential of this name."));
    else
        answer_one(req, 200, &row, &document.federated[at]);
}

void arm_federated_list(struct request *req)
{
    struct application_row row;
    struct app_document document;
    struct arm_answer a;

    if (!arm_identity(req, &row, &document))
        return;
    arm_answer_begin(&a, req);
    json_object_begin(&a.w);
    json_name(&a.w, "value");
    json_array_begin(&a.w);
    for (size_t i = 0; i < document.federated_count; i++)
        write_one(&a, &row, &document.federated[i]);
    json_array_end(&a.w);
    json_object_end(&a.w);
    arm_answer_end(&a, 200);
}

/* ---- in ---- */

static bool read_audience(struct request *req, const json_t *properties, struct str *out)
{
    const json_t *list = json_object_get(properties, "audiences");
    const json_t *item = json_array_get(list, 0);
    struct str text = str_of(json_string_value(item), json_string_length(item));

    if (json_array_size(list) == 1 && text.len && text.len <= TEXT_MAX) {
        *out = arena_dup(req->arena, text);
        return true;
    }
    arm_invalid(req, STR("'audiences' must be a list of exactly one text, such as "
                         "api://AzureADTokenExchange."));
    return false;
}

static bool read_item(struct request *req, const json_t *body, struct app_federated *out)
{
    static const struct arm_text_rule issuer = {"issuer", TEXT_MAX, true},
                                      subject = {"subject", TEXT_MAX, true};
    json_t *properties;

    *out = (struct app_federated){.name = arena_dup(req->arena, req->params[ARM_CHILD])};
    if (!arm_child_name_valid(out->name, NAME_OCTETS_MAX)) {
        arm_invalid(req, STR("The name of a federated credential is 3 to 120 letters, digits, '-' "
                             "and '_', and begins with a letter or digit."));
        return false;
    }
    if (!arm_object(req, body, "properties", &properties) ||
        !arm_text(req, properties, &issuer, &out->issuer) ||
        !arm_text(req, properties, &subject, &out->subject))
        return false;
    if (!issuer_url_valid(out->issuer, false)) {
        arm_invalid(req, STR("'issuer' must be an https address without a query, exactly as its "
                             "tokens say it."));
        return false;
    }
    if (arm_raw(req, properties, "claimsMatchingExpression").len) {
        arm_invalid(req,
                    STR("'claimsMatchingExpression' is not supported here: give the subject."));
        return false;
    }
    return read_audience(req, properties, &out->audience);
}

static bool is_same(const struct app_federated *a, const struct app_federated *b)
{
    return name_eq(a->issuer, b->issuer) && name_eq(a->subject, b->subject) &&
           name_eq(a->audience, b->audience);
}

/* Into the document, by its name; false: answered. */
static bool put_item(struct request *req, struct federated *f)
{
    struct app_document *d = &f->document;
    size_t at = index_of(d, f->item.name);

    for (size_t i = 0; i < d->federated_count; i++) {
        if (i == at || !name_eq(d->federated[i].issuer, f->item.issuer) ||
            !name_eq(d->federated[i].subject, f->item.subject))
            continue;
        arm_refuse(req, &API_CONFLICT,
                   STR("Another federated credential of the identity has this issuer and "
                       "subject."));
        return false;
    }
    if (at == APP_FEDERATED_MAX) {
        arm_refuse(req, &API_CONFLICT, STR("An identity has at most 20 federated credentials."));
        return false;
    }
    f->existed = at < d->federated_count;
    /* who stood for the identity till now does so no more: its tokens end with the trust in them */
    if (f->existed && !is_same(&d->federated[at], &f->item))
        application_revoke(req, &f->row);
    d->federated[at] = f->item;
    d->federated_count += !f->existed;
    return true;
}

/* ---- writing ---- */

static void commit(struct request *req, struct federated *f, change_done_fn done)
{
    enum rc rc = application_changed(req, &f->row, &f->document);

    if (rc) {
        arm_refuse_rc(req, rc);
        return;
    }
    f->changes.items[0] = (struct change){.kind = CHANGE_APPLICATION_PUT, .u.application = f->row};
    f->changes.n = 1;
    changes_commit(&f->changes, req, done);
}

static void on_put(void *ctx, enum rc rc, struct change_set *set)
{
    struct federated *f = ctx;

    (void)set;
    if (rc)
        arm_refuse_rc(f->changes.req, rc);
    else
        answer_one(f->changes.req, f->existed ? 200 : 201, &f->row, &f->item);
}

void arm_federated_put(struct request *req)
{
    struct federated *f = arena_new(req->arena, struct federated);
    AUTO(json_freep) json_t *body = NULL;

    if (arm_identity(req, &f->row, &f->document) && arm_body(req, &body) &&
        read_item(req, body, &f->item) && put_item(req, f))
        commit(req, f, on_put);
}

static void on_deleted(void *ctx, enum rc rc, struct change_set *set)
{
    struct federated *f = ctx;

    (void)set;
    if (rc)
        arm_refuse_rc(f->changes.req, rc);
    else
        answer_empty(f->changes.req, 200);
}

void arm_federated_delete(struct request *req)
{
    struct federated *f = arena_new(req->arena, struct federated);
    struct app_document *d = &f->document;
    size_t at;
    enum rc rc;

    if (!arm_identity_find(req, &f->row, &rc))
        return;
    if (!rc)
        rc = app_document_read(f->row.document, req->arena, d);
    if (rc && rc != RC_NOT_FOUND) {
        arm_refuse_rc(req, rc);
        return;
    }
    at = index_of(d, req->params[ARM_CHILD]);
    if (rc || at == d->federated_count) {
        answer_empty(req, 204);
        return;
    }
    d->federated_count--;
    for (size_t i = at; i < d->federated_count; i++)
        d->federated[i] = d->federated[i + 1];
    application_revoke(req, &f->row);
    commit(req, f, on_deleted);
}
