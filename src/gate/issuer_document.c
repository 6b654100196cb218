/* The document of a trusted issuer's row: read, checked, written. What is accepted is listed at
 * trusted_issuer_read(). Source: wire/managed-identity §4.1, §4.2, §4.3. */
#include "gate/issuer_url.h"
#include "gate/issuers.h"

#define RULES_ALGS                                                                                 \
    (1U << JWS_RS256 | 1U << JWS_PS256 | 1U << JWS_ES256 | 1U << JWS_ES384 | 1U << JWS_EDDSA)
#define DOCUMENT_MAX (8 * MIB) /* what is written; every part is limited */

/* Of Azure Communication Services: §4.2. */
static const struct str service_audiences[] = {
    STR_INIT("https://communication.azure.com"),
    STR_INIT("https://communication.azure.com/"),
    STR_INIT("1fd5118e-2576-4263-8130-9503064c837a"),
};

struct fields {
    struct str kind, discovery, jwks_url, jwks_file, ca_file, token_file, tenant;
    bool private_ok, user_tokens;
    struct json_str_list audiences, algorithms;
};

#define TEXT(name, member, max)                                                                    \
    {                                                                                              \
        name, JSON_FIELD_STR, offsetof(struct fields, member), 1, max, false                       \
    }
/* clang-format off */
static const struct json_field field_table[] = {
    TEXT("kind", kind, 16),
    TEXT("discovery", discovery, WEB_URL_MAX),
    TEXT("jwksUrl", jwks_url, WEB_URL_MAX),
    TEXT("jwksFile", jwks_file, ISSUER_TEXT_MAX),
    TEXT("caFile", ca_file, ISSUER_TEXT_MAX),
    TEXT("tokenFile", token_file, ISSUER_TEXT_MAX),
    TEXT("tenant", tenant, 36),
    {"allowPrivate", JSON_FIELD_BOOL, offsetof(struct fields, private_ok), 0, 0, false},
    {"userTokens", JSON_FIELD_BOOL, offsetof(struct fields, user_tokens), 0, 0, false},
    {"audiences", JSON_FIELD_STR_LIST, offsetof(struct fields, audiences), 1, ISSUER_AUDIENCES_MAX, false},
    {"algorithms", JSON_FIELD_STR_LIST, offsetof(struct fields, algorithms), 1, JWS_ALG_COUNT, false},
    {0},
};
struct rule_fields {
    struct str subject, principal;
};
static const struct json_field rule_table[] = {
    {"subject", JSON_FIELD_STR, offsetof(struct rule_fields, subject), 1, ISSUER_TEXT_MAX, false},
    {"principal", JSON_FIELD_STR, offsetof(struct rule_fields, principal), 36, 36, true},
    {0},
};
/* clang-format on */

struct reading {
    struct arena *arena;
    struct trusted_issuer *out;
    struct str *out_why;
};

static enum rc refuse(const struct reading *r, struct str what, const char *why)
{
    *r->out_why = arena_printf(r->arena, STR_FMT "%s%s", STR_ARG(what), what.len ? " " : "", why);
    return RC_INVALID;
}

/* Without controls: what people write, and what goes to the system and into logs. */
static bool is_clean(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7F)
            return false;
    return text.len > 0;
}

/* ---- rules ---- */

static enum rc read_claims(const struct reading *r, json_t *claims, struct issuer_rule *rule)
{
    const char *name;
    json_t *value;

    if (!json_is_object(claims))
        return refuse(r, STR("claims"), "must be an object of texts");
    if (json_object_size(claims) > ISSUER_RULE_CLAIMS)
        return refuse(r, STR("claims"), "are too many in one rule");
    json_object_foreach(claims, name, value)
    {
        struct str key = str_from(name);
        struct str text = {json_string_value(value), json_string_length(value)};

        if (!json_is_string(value) || text.len > ISSUER_TEXT_MAX || !is_clean(text))
            return refuse(r, STR("claims"), "must be an object of texts");
        if (key.len > ISSUER_NAME_MAX || !is_clean(key))
            return refuse(r, STR("claims"), "have a name that is no claim's");
        rule->claims[rule->claims_count++] =
            (struct issuer_claim){arena_dup(r->arena, key), arena_dup(r->arena, text)};
    }
    return RC_OK;
}

/* An object of the table's members alone, besides `extra`, which is taken out of it. */
static enum rc fill(const struct reading *r, json_t *obj, const struct json_field *table,
                    const char *extra, void *into)
{
    struct json_problem problem = {0};
    AUTO(json_freep) json_t *rest = json_copy(obj);

    (void)json_object_del(rest, extra); /* absent is fine */
    if (json_fill(rest, table, true, into, r->arena, &problem))
        return refuse(r, problem.field, problem.reason);
    return RC_OK;
}

static enum rc read_rule(const struct reading *r, json_t *obj, struct issuer_rule *rule)
{
    struct rule_fields f = {0};
    json_t *claims = json_object_get(obj, "claims");

    if (!json_is_object(obj))
        return refuse(r, STR("rules"), "must be a list of objects");
    if (fill(r, obj, rule_table, "claims", &f))
        return RC_INVALID;
    if (f.subject.len && !is_clean(f.subject))
        return refuse(r, STR("subject"), "holds control characters");
    if (uuid_parse(f.principal, &rule->principal))
        return refuse(r, STR("principal"), "must be an object id");
    rule->subject = f.subject;
    if (claims && !json_is_null(claims) && read_claims(r, claims, rule))
        return RC_INVALID;
    if (!rule->subject.len && !rule->claims_count)
        return refuse(r, STR("rules"), "must each have a subject or a claim");
    return RC_OK;
}

static enum rc read_rules(const struct reading *r, json_t *rules)
{
    struct trusted_issuer *t = r->out;
    size_t n = json_array_size(rules);

    if (rules && !json_is_null(rules) && !json_is_array(rules))
        return refuse(r, STR("rules"), "must be a list of objects");
    if (n > ISSUER_RULES_MAX)
        return refuse(r, STR("rules"), "are too many");
    if (t->kind == ISSUER_ENTRA && n)
        return refuse(r, STR("rules"), "are not for Entra ID, whose tokens name an object id");
    if (t->kind == ISSUER_OIDC && !n)
        return refuse(r, STR("rules"), "must say at least whom one subject or claim means");
    t->rules = arena_array(r->arena, struct issuer_rule, n + 1);
    for (; t->rules_count < n; t->rules_count++) {
        if (read_rule(r, json_array_get(rules, t->rules_count), &t->rules[t->rules_count]))
            return RC_INVALID;
    }
    return RC_OK;
}

/* ---- the rest ---- */

static enum rc read_kind(const struct reading *r, struct str issuer, const struct fields *f)
{
    struct trusted_issuer *t = r->out;
    struct entra_forms forms = {0};
    enum rc rc;

    if (!issuer_url_valid(issuer, true))
        return refuse(r, STR("the issuer"),
                      "must be an https URL of at most 512 characters, "
                      "without user, query and fragment");
    rc = entra_forms_read(issuer, r->arena, &forms);
    if (rc == RC_INVALID)
        return refuse(r, STR("the issuer"), "must name one tenant of Entra ID by its id");
    t->kind = rc ? ISSUER_OIDC : ISSUER_ENTRA;
    if (f->kind.len && !name_eq(f->kind, t->kind == ISSUER_ENTRA ? STR("entra") : STR("oidc")))
        return refuse(r, STR("kind"), "is not what the issuer's URL says");
    if (f->tenant.len && !name_eq_nocase(f->tenant, forms.tenant))
        return refuse(r, STR("tenant"), "is not the one of the issuer's URL");
    if (f->user_tokens && t->kind != ISSUER_ENTRA)
        return refuse(r, STR("userTokens"), "are for Entra ID; others have rules");
    t->issuer = t->kind == ISSUER_ENTRA ? forms.v2 : arena_dup(r->arena, issuer);
    t->issuer_2 = forms.v1;
    t->tenant = forms.tenant;
    t->user_tokens = f->user_tokens;
    return RC_OK;
}

static enum rc read_location(const struct reading *r, const struct fields *f)
{
    const struct {
        const char *name;
        struct str text;
        bool path;
    } places[] = {{"discovery", f->discovery, false},
                  {"jwksUrl", f->jwks_url, false},
                  {"jwksFile", f->jwks_file, true},
                  {"caFile", f->ca_file, true},
                  {"tokenFile", f->token_file, true}};
    struct web_url url;

    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct str text = places[i].text;

        if (!text.len)
            continue;
        if (places[i].path && (text.ptr[0] != '/' || !is_clean(text)))
            return refuse(r, str_from(places[i].name), "must be a full path");
        if (!places[i].path &&
            (web_url_read(text, &url) || (!url.secure && !web_url_is_loopback(&url))))
            return refuse(r, str_from(places[i].name), "must be an https URL");
    }
    if ((f->discovery.len > 0) + (f->jwks_url.len > 0) + (f->jwks_file.len > 0) > 1)
        return refuse(r, STR_EMPTY, "of discovery, jwksUrl and jwksFile only one can be");
    if (f->jwks_file.len && (f->ca_file.len || f->token_file.len || f->private_ok))
        return refuse(r, STR("jwksFile"), "is read here: nobody is asked");
    r->out->where = (struct key_location){
        .issuer = r->out->issuer,
        .discovery = f->discovery,
        .jwks_url = f->jwks_url,
        .jwks_file = f->jwks_file,
        .ca_file = f->ca_file,
        .token_file = f->token_file,
        .private_ok = f->private_ok,
        .entra = r->out->kind == ISSUER_ENTRA,
        .tenant = r->out->tenant,
    };
    return RC_OK;
}

static enum rc read_audiences(const struct reading *r, const struct fields *f)
{
    struct trusted_issuer *t = r->out;
    bool entra = t->kind == ISSUER_ENTRA;
    size_t n = f->audiences.n;

    if (!n && !entra)
        return refuse(r, STR("audiences"), "must name at least one");
    t->audiences_count = n ? n : ARRAY_LEN(service_audiences);
    t->audiences = arena_array(r->arena, struct str, t->audiences_count);
    for (size_t i = 0; i < t->audiences_count; i++) {
        t->audiences[i] = n ? f->audiences.items[i] : service_audiences[i];
        if (t->audiences[i].len > ISSUER_TEXT_MAX || !is_clean(t->audiences[i]))
            return refuse(r, STR("audiences"), "must be texts of 1 to 1024 characters");
    }
    return RC_OK;
}

static enum rc read_algorithms(const struct reading *r, const struct fields *f)
{
    struct trusted_issuer *t = r->out;
    bool entra = t->kind == ISSUER_ENTRA;

    for (size_t i = 0; i < f->algorithms.n; i++) {
        enum jws_alg alg = jws_alg_from_name(f->algorithms.items[i]);

        if (entra && alg != JWS_RS256)
            return refuse(r, STR("algorithms"), "of Entra ID are RS256 alone");
        if (!(RULES_ALGS >> alg & 1U))
            return refuse(r, STR("algorithms"), "are RS256, PS256, ES256, ES384 and EdDSA");
        t->algs |= 1U << alg;
    }
    if (!t->algs)
        t->algs = entra ? 1U << JWS_RS256 : 1U << JWS_RS256 | 1U << JWS_ES256;
    return RC_OK;
}

enum rc trusted_issuer_read(const struct issuer_row *row, struct arena *arena,
                            struct trusted_issuer *out, struct str *out_why)
{
    struct trusted_issuer t = {.id = row->id};
    const struct reading r = {arena, &t, out_why};
    struct fields f = {0};
    AUTO(json_freep) json_t *doc = NULL;
    const char *why = NULL;

    if (json_read(row->document, &doc, &why))
        return refuse(&r, STR("the document is not to be read:"), why);
    if (!json_is_object(doc))
        return refuse(&r, STR("the document"), "must be an object");
    if (fill(&r, doc, field_table, "rules", &f) || read_kind(&r, row->issuer, &f) ||
        read_location(&r, &f) || read_audiences(&r, &f) || read_algorithms(&r, &f) ||
        read_rules(&r, json_object_get(doc, "rules")))
        return RC_INVALID;
    *out = t;
    return RC_OK;
}

/* ---- writing ---- */

static void write_text(struct json_writer *w, const char *name, struct str text)
{
    if (text.len)
        json_member_str(w, name, text);
}

static void write_rule(struct json_writer *w, const struct issuer_rule *rule)
{
    char id[UUID_TEXT_LEN];

    uuid_format(&rule->principal, id);
    json_object_begin(w);
    write_text(w, "subject", rule->subject);
    if (rule->claims_count) {
        json_name(w, "claims");
        json_object_begin(w);
        for (size_t i = 0; i < rule->claims_count; i++) /* names end with a NUL: arena_dup() */
            json_member_str(w, rule->claims[i].name.ptr, rule->claims[i].value);
        json_object_end(w);
    }
    json_member_str(w, "principal", str_of(id, sizeof id));
    json_object_end(w);
}

static void write_lists(struct json_writer *w, const struct trusted_issuer *issuer)
{
    json_name(w, "audiences");
    json_array_begin(w);
    for (size_t i = 0; i < issuer->audiences_count; i++)
        json_str(w, issuer->audiences[i]);
    json_array_end(w);
    json_name(w, "algorithms");
    json_array_begin(w);
    for (unsigned alg = JWS_ALG_NONE + 1; alg < JWS_ALG_COUNT; alg++)
        if (issuer->algs >> alg & 1U)
            json_str(w, jws_alg_name((enum jws_alg)alg));
    json_array_end(w);
    if (issuer->kind == ISSUER_ENTRA)
        return;
    json_name(w, "rules");
    json_array_begin(w);
    for (size_t i = 0; i < issuer->rules_count; i++)
        write_rule(w, &issuer->rules[i]);
    json_array_end(w);
}

struct str trusted_issuer_write(const struct trusted_issuer *issuer, struct arena *arena)
{
    bool entra = issuer->kind == ISSUER_ENTRA;
    struct json_writer w;
    struct buf out;
    struct str text;

    buf_init(&out, DOCUMENT_MAX);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "kind", entra ? STR("entra") : STR("oidc"));
    write_text(&w, "discovery", issuer->where.discovery);
    write_text(&w, "jwksUrl", issuer->where.jwks_url);
    write_text(&w, "jwksFile", issuer->where.jwks_file);
    write_text(&w, "caFile", issuer->where.ca_file);
    write_text(&w, "tokenFile", issuer->where.token_file);
    if (issuer->where.private_ok)
        json_member_bool(&w, "allowPrivate", true);
    write_text(&w, "tenant", issuer->tenant);
    if (issuer->user_tokens)
        json_member_bool(&w, "userTokens", true);
    write_lists(&w, issuer);
    json_object_end(&w);
    if (out.failed)
        abort(); /* out of memory: every part is limited */
    text = arena_dup(arena, buf_str(&out));
    buf_clear(&out);
    return text;
}
