/* Credentials of applications as the store keeps them: one JSON document per row, read strictly,
 * since we alone write it: what looks odd is damage. Client secrets are kept as keyed hashes, the
 * endpoint secret of a managed identity sealed (it is shown again) and hashed (it is looked up by).
 * Source: wire/managed-identity §1.7, §1.8, §2.6, §8. */
#include "gate/applications.h"

#include "crypto/base64.h"

#include <assert.h>

#define DOCUMENT_MAX   (16 * MIB)
#define SECRET_OCTETS  ((size_t)30)
#define HEADER_OCTETS  ((size_t)32)
#define HINT_LEN       ((size_t)3)
#define HASH_LEN       ((size_t)32)
#define NO_UPPER_LIMIT (-1) /* of a struct json_field: max below min */

/* One element type for all: the table says what else an item has. */
struct item_fields {
    struct str id, hint, subject, description, hash, der, sha1, sha256;
    struct str name, issuer, audience;
    int64_t created, expires, not_before, not_after;
    bool by_administrator;
};

#define AT(member) offsetof(struct item_fields, member)

/* clang-format off */
static const struct json_field secret_fields[] = {
    {"id",          JSON_FIELD_STR, AT(id), UUID_TEXT_LEN, UUID_TEXT_LEN, true},
    {"hint",        JSON_FIELD_STR, AT(hint), HINT_LEN, HINT_LEN, true},
    {"description", JSON_FIELD_STR, AT(description), 0, 0, true},
    {"hash",        JSON_FIELD_STR, AT(hash), 0, 0, true},
    {"created",     JSON_FIELD_INT, AT(created), 0, INT64_MAX, true},
    {"expires",     JSON_FIELD_INT, AT(expires), 0, INT64_MAX, true},
    {0},
};
static const struct json_field certificate_fields[] = {
    {"id",        JSON_FIELD_STR, AT(id), UUID_TEXT_LEN, UUID_TEXT_LEN, true},
    {"subject",   JSON_FIELD_STR, AT(subject), 0, 0, true},
    {"der",       JSON_FIELD_STR, AT(der), 1, NO_UPPER_LIMIT, true},
    {"sha1",      JSON_FIELD_STR, AT(sha1), 0, 0, true},
    {"sha256",    JSON_FIELD_STR, AT(sha256), 0, 0, true},
    {"created",   JSON_FIELD_INT, AT(created), 0, INT64_MAX, true},
    {"notBefore", JSON_FIELD_INT, AT(not_before), 0, 0, true},
    {"notAfter",  JSON_FIELD_INT, AT(not_after), 0, 0, true},
    {0},
};
static const struct json_field federated_fields[] = {
    {"name",     JSON_FIELD_STR, AT(name), 1, NO_UPPER_LIMIT, true},
    {"issuer",   JSON_FIELD_STR, AT(issuer), 1, NO_UPPER_LIMIT, true},
    {"subject",  JSON_FIELD_STR, AT(subject), 1, NO_UPPER_LIMIT, true},
    {"audience", JSON_FIELD_STR, AT(audience), 1, NO_UPPER_LIMIT, true},
    {"byAdministrator", JSON_FIELD_BOOL, AT(by_administrator), 0, 0, true},
    {0},
};
/* clang-format on */

/* ---- reading ---- */

static enum rc octets_read(struct str base64, uint8_t *out, size_t len)
{
    size_t got = 0;

    return base64_decode(base64, out, len, &got) || got != len ? RC_INVALID : RC_OK;
}

static enum rc fields_read(const json_t *item, const struct json_field *fields,
                           struct item_fields *out, struct arena *arena)
{
    struct json_problem problem;

    *out = (struct item_fields){0};
    return json_fill(item, fields, true, out, arena, &problem) ? RC_INVALID : RC_OK;
}

/* The array `name` of `doc`, at most `max` items; absent: none. */
static enum rc list_of(const json_t *doc, const char *name, size_t max, const json_t **out,
                       size_t *out_n)
{
    const json_t *list = json_object_get(doc, name);

    if (list && (!json_is_array(list) || json_array_size(list) > max))
        return RC_INVALID;
    *out = list;
    *out_n = json_array_size(list);
    return RC_OK;
}

static enum rc check_id(struct str id)
{
    struct uuid ignored;

    return uuid_parse(id, &ignored);
}

static enum rc secrets_read(const json_t *doc, struct arena *arena, struct app_document *out)
{
    const json_t *list;
    struct item_fields f;
    size_t n;

    if (list_of(doc, "secrets", APP_SECRETS_MAX, &list, &n))
        return RC_INVALID;
    out->secrets = arena_array(arena, struct app_secret, n + 1);
    for (size_t i = 0; i < n; i++) {
        struct app_secret *s = &out->secrets[i];

        if (fields_read(json_array_get(list, i), secret_fields, &f, arena) || check_id(f.id) ||
            octets_read(f.hash, s->hash, sizeof s->hash))
            return RC_INVALID;
        s->id = f.id;
        s->hint = f.hint;
        s->description = f.description;
        s->created = f.created;
        s->expires = f.expires;
        for (size_t k = 0; k < i; k++) {
            if (name_eq(out->secrets[k].id, s->id))
                return RC_INVALID;
        }
    }
    out->secrets_count = n;
    return RC_OK;
}

static enum rc certificate_read(const json_t *item, struct arena *arena,
                                struct app_certificate *out)
{
    struct item_fields f;
    uint8_t *der;

    if (fields_read(item, certificate_fields, &f, arena) || check_id(f.id) ||
        octets_read(f.sha1, out->sha1, sizeof out->sha1) ||
        octets_read(f.sha256, out->sha256, sizeof out->sha256))
        return RC_INVALID;
    der = arena_alloc(arena, f.der.len);
    if (base64_decode(f.der, der, f.der.len, &out->der.len))
        return RC_INVALID;
    out->der.ptr = (const char *)der;
    out->id = f.id;
    out->subject = f.subject;
    out->created = f.created;
    out->not_before = f.not_before;
    out->not_after = f.not_after;
    return RC_OK;
}

static enum rc certificates_read(const json_t *doc, struct arena *arena, struct app_document *out)
{
    const json_t *list;
    size_t n;

    if (list_of(doc, "certificates", APP_CERTIFICATES_MAX, &list, &n))
        return RC_INVALID;
    out->certificates = arena_array(arena, struct app_certificate, n + 1);
    for (size_t i = 0; i < n; i++) {
        if (certificate_read(json_array_get(list, i), arena, &out->certificates[i]))
            return RC_INVALID;
        for (size_t k = 0; k < i; k++) {
            if (name_eq(out->certificates[k].id, out->certificates[i].id))
                return RC_INVALID;
        }
    }
    out->certificates_count = n;
    return RC_OK;
}

static enum rc federated_read(const json_t *doc, struct arena *arena, struct app_document *out)
{
    const json_t *list;
    struct item_fields f;
    size_t n;

    if (list_of(doc, "federated", APP_FEDERATED_MAX, &list, &n))
        return RC_INVALID;
    out->federated = arena_array(arena, struct app_federated, n + 1);
    for (size_t i = 0; i < n; i++) {
        if (fields_read(json_array_get(list, i), federated_fields, &f, arena))
            return RC_INVALID;
        out->federated[i] = (struct app_federated){.name = f.name,
                                                   .issuer = f.issuer,
                                                   .subject = f.subject,
                                                   .audience = f.audience,
                                                   .by_administrator = f.by_administrator};
        for (size_t k = 0; k < i; k++) {
            if (name_eq_nocase(out->federated[k].name, f.name))
                return RC_INVALID;
        }
    }
    out->federated_count = n;
    return RC_OK;
}

static bool has_unknown_member(const json_t *doc)
{
    static const char *const known[] = {"secrets", "certificates", "federated", "location", "tags"};
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        n += json_object_get(doc, known[i]) ? 1 : 0;
    return n != json_object_size(doc);
}

static enum rc members_read(struct str text, const json_t *doc, struct arena *arena,
                            struct app_document *out)
{
    struct str location = STR_EMPTY, tags = STR_EMPTY;
    const json_t *tags_value = json_object_get(doc, "tags");

    if (!json_is_object(doc) || has_unknown_member(doc) || secrets_read(doc, arena, out) ||
        certificates_read(doc, arena, out) || federated_read(doc, arena, out) ||
        json_get_str(doc, "location", &location) == RC_INVALID)
        return RC_INVALID;
    if (tags_value && (!json_is_object(tags_value) || json_raw_member(text, STR("tags"), &tags)))
        return RC_INVALID;
    out->location = arena_dup(arena, location);
    out->tags = arena_dup(arena, tags);
    return RC_OK;
}

enum rc app_document_read(struct str text, struct arena *arena, struct app_document *out)
{
    struct app_document read = {0};
    json_t *doc = NULL;
    enum rc rc;

    if (json_read(text, &doc, NULL))
        return RC_INVALID;
    rc = members_read(text, doc, arena, &read);
    json_decref(doc);
    if (!rc)
        *out = read;
    return rc;
}

/* ---- writing ---- */

static void member_octets(struct json_writer *w, const char *name, struct str octets,
                          struct arena *arena)
{
    char *text = arena_alloc(arena, BASE64_LEN(octets.len) + 1);

    json_member_str(w, name, str_of(text, base64_encode(octets.ptr, octets.len, text)));
}

static void secrets_write(struct json_writer *w, const struct app_document *doc,
                          struct arena *arena)
{
    json_name(w, "secrets");
    json_array_begin(w);
    for (size_t i = 0; i < doc->secrets_count; i++) {
        const struct app_secret *s = &doc->secrets[i];

        json_object_begin(w);
        json_member_str(w, "id", s->id);
        json_member_str(w, "hint", s->hint);
        json_member_str(w, "description", s->description);
        member_octets(w, "hash", str_of(s->hash, sizeof s->hash), arena);
        json_member_int(w, "created", s->created);
        json_member_int(w, "expires", s->expires);
        json_object_end(w);
    }
    json_array_end(w);
}

static void certificates_write(struct json_writer *w, const struct app_document *doc,
                               struct arena *arena)
{
    json_name(w, "certificates");
    json_array_begin(w);
    for (size_t i = 0; i < doc->certificates_count; i++) {
        const struct app_certificate *c = &doc->certificates[i];

        json_object_begin(w);
        json_member_str(w, "id", c->id);
        json_member_str(w, "subject", c->subject);
        member_octets(w, "der", c->der, arena);
        member_octets(w, "sha1", str_of(c->sha1, sizeof c->sha1), arena);
        member_octets(w, "sha256", str_of(c->sha256, sizeof c->sha256), arena);
        json_member_int(w, "created", c->created);
        json_member_int(w, "notBefore", c->not_before);
        json_member_int(w, "notAfter", c->not_after);
        json_object_end(w);
    }
    json_array_end(w);
}

static void federated_write(struct json_writer *w, const struct app_document *doc)
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
        json_member_bool(w, "byAdministrator", f->by_administrator);
        json_object_end(w);
    }
    json_array_end(w);
}

struct str app_document_write(const struct app_document *doc, struct arena *arena)
{
    struct json_writer w;
    struct buf text;
    struct str kept;

    buf_init(&text, DOCUMENT_MAX);
    json_writer_init(&w, &text);
    json_object_begin(&w);
    if (doc->secrets_count)
        secrets_write(&w, doc, arena);
    if (doc->certificates_count)
        certificates_write(&w, doc, arena);
    if (doc->federated_count)
        federated_write(&w, doc);
    if (doc->location.len)
        json_member_str(&w, "location", doc->location);
    if (doc->tags.len) {
        json_name(&w, "tags");
        json_raw(&w, doc->tags);
    }
    json_object_end(&w);
    if (text.failed)
        abort(); /* no memory: a body's limit lies far below the ceiling */
    kept = arena_dup(arena, buf_str(&text));
    buf_clear(&text);
    return kept;
}

/* ---- client secrets ---- */

void app_secret_hash(const struct master_key *master, struct str secret, uint8_t out[static 32])
{
    master_key_hash(master, STR("client secret"), secret, out);
}

/* NOLINTNEXTLINE(readability-function-size): what the record says, one by one */
struct str app_secret_make(const struct master_key *master, unix_ms now, unix_ms expires,
                           struct str description, struct arena *arena, struct app_secret *out)
{
    uint8_t octets[SECRET_OCTETS];
    struct uuid id = uuid_random();
    char *text = arena_alloc(arena, APP_SECRET_LEN + 1), *id_text;
    struct str secret;

    static_assert(BASE64URL_LEN(SECRET_OCTETS) == APP_SECRET_LEN, "whole groups of three octets");
    do { /* a command line would take it for an option */
        random_octets(octets, sizeof octets);
        secret = str_of(text, base64url_encode(octets, sizeof octets, text));
    } while (text[0] == '-');
    explicit_bzero(octets, sizeof octets);
    id_text = arena_alloc(arena, UUID_TEXT_LEN + 1);
    uuid_format(&id, id_text);
    *out = (struct app_secret){
        .id = str_of(id_text, UUID_TEXT_LEN),
        .hint = arena_dup(arena, str_head(secret, HINT_LEN)),
        .description = arena_dup(arena, description),
        .created = now,
        .expires = expires,
    };
    app_secret_hash(master, secret, out->hash);
    return secret;
}

const struct app_secret *app_secret_find(const struct master_key *master,
                                         const struct app_document *doc, struct str secret)
{
    const struct app_secret *found = NULL;
    uint8_t hash[HASH_LEN];

    app_secret_hash(master, secret, hash);
    for (size_t i = 0; i < doc->secrets_count; i++) {
        if (ct_equal(doc->secrets[i].hash, hash, sizeof hash))
            found = &doc->secrets[i]; /* goes on: which one it was is not told by the time */
    }
    explicit_bzero(hash, sizeof hash);
    return found;
}

/* ---- certificates ---- */

/* What is PEM, or nearly, stays as it is: cert_read() judges it. */
static enum rc certificate_octets(struct str text, struct arena *arena, struct str *out)
{
    char *plain = arena_alloc(arena, text.len + 1);
    uint8_t *der = arena_alloc(arena, text.len + 1);
    size_t n = 0;

    *out = text;
    if (str_find_str(text, STR("-----BEGIN")) < text.len)
        return RC_OK;
    for (size_t i = 0; i < text.len; i++) {
        if (!strchr(" \t\r\n", text.ptr[i]))
            plain[n++] = text.ptr[i];
    }
    out->ptr = (const char *)der;
    return base64_decode(str_of(plain, n), der, text.len, &out->len);
}

static void certificate_of(const struct cert *cert, unix_ms now, struct arena *arena,
                           struct app_certificate *out)
{
    struct uuid id = uuid_random();
    char *id_text = arena_alloc(arena, UUID_TEXT_LEN + 1);

    uuid_format(&id, id_text);
    *out = (struct app_certificate){
        .id = str_of(id_text, UUID_TEXT_LEN),
        .subject = cert->subject,
        .der = cert->der,
        .created = now,
        .not_before = cert->not_before,
        .not_after = cert->not_after,
    };
    memcpy(out->sha1, cert->sha1, sizeof out->sha1);
    memcpy(out->sha256, cert->sha256, sizeof out->sha256);
}

enum rc app_certificate_read(struct str text, unix_ms now, struct arena *arena,
                             struct app_certificate *out, struct str *out_why)
{
    const char *reason = "it is malformed";
    struct cert cert = {0};
    struct str octets;
    bool fits;

    if (str_find_str(text, STR("PRIVATE KEY")) < text.len) {
        *out_why = STR("The text holds a private key: keep that to yourself, renew it if it has "
                       "been seen, and give the certificate alone.");
        return RC_INVALID;
    }
    if (certificate_octets(text, arena, &octets)) {
        *out_why = STR("certificate must be PEM, or DER in base64.");
        return RC_INVALID;
    }
    if (cert_read(octets, arena, &cert, &reason)) {
        *out_why = arena_printf(arena, "The certificate can't be used: %s.", reason);
        return RC_INVALID;
    }
    fits = !pkey_fits(cert.key, JWS_ES384); /* which no client signs with */
    certificate_of(&cert, now, arena, out);
    cert_clear(&cert); /* its key is read again from the DER when it is needed */
    if (!fits)
        *out_why = STR("The certificate can't be used: its key is neither RSA nor P-256.");
    return fits ? RC_OK : RC_INVALID;
}

/* ---- the endpoint secret of a managed identity ---- */

/* "applications/<client id>/header" */
static struct str header_context(const struct uuid *client_id, struct arena *arena)
{
    char id[UUID_TEXT_LEN];

    uuid_format(client_id, id);
    return arena_printf(arena, "applications/" STR_FMT "/header", STR_ARG(str_of(id, sizeof id)));
}

struct str app_header_make(const struct master_key *master, struct arena *arena,
                           struct application_row *row)
{
    uint8_t octets[HEADER_OCTETS], *hash = arena_alloc(arena, HASH_LEN);
    char *text = arena_alloc(arena, APP_HEADER_LEN + 1);
    struct str header = str_of(text, APP_HEADER_LEN);
    struct secret plain;
    struct buf sealed;

    static_assert(2 * HEADER_OCTETS == APP_HEADER_LEN, "two digits an octet");
    random_octets(octets, sizeof octets);
    hex_encode(octets, sizeof octets, text);
    explicit_bzero(octets, sizeof octets);
    plain = secret_copy(header.ptr, header.len);
    buf_init(&sealed, KIB);
    if (!plain.octets || seal(master, header_context(&row->client_id, arena), &plain, &sealed))
        abort(); /* no memory */
    secret_clear(&plain);
    app_secret_hash(master, header, hash);
    row->header_hash = str_of(hash, HASH_LEN);
    row->header_sealed = arena_dup(arena, buf_str(&sealed));
    buf_clear(&sealed);
    return header;
}

enum rc app_header_open(const struct master_key *master, const struct application_row *row,
                        struct arena *arena, struct str *out)
{
    struct secret plain = {0};
    enum rc rc;

    if (row->header_sealed.len == 0)
        return RC_NOT_FOUND;
    rc = unseal(master, header_context(&row->client_id, arena), row->header_sealed, &plain);
    if (rc)
        return rc;
    *out = arena_dup(arena, str_of(plain.octets, plain.len));
    secret_clear(&plain);
    return RC_OK;
}

/* ---- ids ---- */

struct str managed_identity_id(const struct uuid *subscription, struct str group, struct str name,
                               bool lower, struct arena *arena)
{
    char id[UUID_TEXT_LEN];
    struct str text;

    uuid_format(subscription, id);
    text = arena_printf(arena,
                        "/subscriptions/" STR_FMT "/resourcegroups/" STR_FMT
                        "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/" STR_FMT,
                        STR_ARG(str_of(id, sizeof id)), STR_ARG(group), STR_ARG(name));
    return lower ? arena_lower(arena, text) : text;
}
