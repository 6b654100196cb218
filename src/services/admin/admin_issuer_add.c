/* A new trusted issuer, or a further rule of a known one. The key set is fetched before anything is
 * written, so that a wrong address is noticed by who wrote it, not by who calls with a token. Each
 * rule names a principal: a record of kind foreign, made in the same change set.
 * Source: wire/managed-identity §4.1, §4.4, §8. */
#include "services/admin/admin_issuers.h"

#include "gate/issuer_url.h"
#include "gate/scheme_entra.h"

#define TEXT_MAX     1024
#define NAME_MAX_LEN 128
#define CLAIMS_MAX   (8 * KIB)
#define TRIES_MAX    1000

struct add_body {
    struct str issuer, subject, principal_name;
    struct str discovery, jwks_url, jwks_file, ca_file, token_file;
    struct json_str_list audiences, algorithms;
    bool private_ok, user_tokens, untested;
};

struct adding {
    struct request *req;
    struct add_body body;
    struct str claims; /* JSON object text, or empty */
    struct application_row principal;
    bool has_rule, new_principal;
    struct issuer_row row;
    struct trusted_issuer issuer;
    bool existed;
    const struct key_source_state *tested;
    struct changes changes;
};

#define AT(member) offsetof(struct add_body, member)
/* clang-format off */
static const struct json_field fields[] = {
    {"issuer",        JSON_FIELD_STR,      AT(issuer),         1, ISSUER_URL_MAX,       true},
    {"audiences",     JSON_FIELD_STR_LIST, AT(audiences),      1, ISSUER_AUDIENCES_MAX, false},
    {"subject",       JSON_FIELD_STR,      AT(subject),        1, TEXT_MAX,             false},
    {"principalName", JSON_FIELD_STR,      AT(principal_name), 1, NAME_MAX_LEN,         false},
    {"algorithms",    JSON_FIELD_STR_LIST, AT(algorithms),     1, JWS_ALG_COUNT,        false},
    {"discovery",     JSON_FIELD_STR,      AT(discovery),      1, WEB_URL_MAX,          false},
    {"jwksUrl",       JSON_FIELD_STR,      AT(jwks_url),       1, WEB_URL_MAX,          false},
    {"jwksFile",      JSON_FIELD_STR,      AT(jwks_file),      1, TEXT_MAX,             false},
    {"caFile",        JSON_FIELD_STR,      AT(ca_file),        1, TEXT_MAX,             false},
    {"tokenFile",     JSON_FIELD_STR,      AT(token_file),     1, TEXT_MAX,             false},
    {"allowPrivate",  JSON_FIELD_BOOL,     AT(private_ok),     0, 0,                    false},
    {"userTokens",    JSON_FIELD_BOOL,     AT(user_tokens),    0, 0,                    false},
    {"untested",      JSON_FIELD_BOOL,     AT(untested),       0, 0,                    false},
    {0}};
/* clang-format on */

/* ---- the body ---- */

static bool known_members(struct request *req, json_t *obj, struct refusal *why)
{
    struct str names[ARRAY_LEN(fields)];
    size_t n = 0;

    for (; fields[n].name; n++)
        names[n] = str_from(fields[n].name);
    names[n++] = STR("claims");
    return body_only(req, obj, names, n, why);
}

static bool read_claims(struct adding *a, json_t *obj, struct refusal *why)
{
    json_t *claims = json_object_get(obj, "claims");

    if (!claims || json_is_null(claims))
        return true;
    if (!json_is_object(claims))
        return access_refuse(why, &API_VALIDATION, STR("claims must be an object of texts."),
                             "$.claims");
    if (json_object_size(claims) == 0)
        return true;
    if (json_raw_member(a->req->body, STR("claims"), &a->claims) || a->claims.len > CLAIMS_MAX)
        return access_refuse(why, &API_VALIDATION, STR("claims are too long."), "$.claims");
    a->claims = arena_dup(a->req->arena, a->claims);
    return true;
}

static bool read_body(struct adding *a, struct refusal *why)
{
    AUTO(json_freep) json_t *obj = NULL;
    struct json_problem problem = {0};
    struct request *req = a->req;

    if (!body_object(req, &obj, why))
        return false;
    if (!obj)
        obj = json_object();
    if (!known_members(req, obj, why))
        return false;
    if (json_fill(obj, fields, false, &a->body, req->arena, &problem))
        return access_refuse(
            why, &API_VALIDATION,
            arena_printf(req->arena, STR_FMT " %s.", STR_ARG(problem.field), problem.reason),
            arena_printf(req->arena, "$." STR_FMT, STR_ARG(problem.field)).ptr);
    if (!issuer_url_valid(a->body.issuer, req->site->options->development))
        return access_refuse(why, &API_VALIDATION,
                             STR("issuer must be an https URL, exactly as the tokens say it, "
                                 "without user, query and fragment."),
                             "$.issuer");
    if (issuer_is_own(gate_directory(req->site->gate), a->body.issuer))
        return access_refuse(why, &API_VALIDATION,
                             STR("This is this server's own issuer, which is trusted anyway."),
                             "$.issuer");
    if (!read_claims(a, obj, why))
        return false;
    a->has_rule = a->body.subject.len || a->claims.len;
    return true;
}

/* ---- the principal of the rule ---- */

/* A name made of what the token says: without slashes and controls, not too long. */
static struct str derived(struct adding *a)
{
    struct str from = a->body.subject.len ? a->body.subject : a->body.issuer;
    size_t len = from.len > NAME_MAX_LEN - 8 ? NAME_MAX_LEN - 8 : from.len;
    char *text = arena_alloc(a->req->arena, len + 1);

    while (len && len < from.len && ((unsigned char)from.ptr[len] & 0xC0U) == 0x80U)
        len--; /* whole characters */
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)from.ptr[i];

        text[i] = from.ptr[i];
        if (c < 0x21 || c == 0x7F || c == '/')
            text[i] = '-';
    }
    return str_of(text, len);
}

/* The first of name, name-2, name-3, … that is free and may be one. */
static bool name_principal(struct adding *a, struct refusal *why)
{
    struct request *req = a->req;
    struct str base = derived(a), name = base;
    struct application_row taken;

    if (!application_name_valid(base))
        name = base = arena_printf(req->arena, "sub-" STR_FMT, STR_ARG(base));
    for (unsigned i = 2; i < TRIES_MAX; i++) {
        if (application_named(req, name, &taken) == RC_NOT_FOUND) {
            a->principal = application_make(req, APPLICATION_FOREIGN, name);
            a->new_principal = true;
            return true;
        }
        name = arena_printf(req->arena, STR_FMT "-%u", STR_ARG(base), i);
    }
    return access_refuse(why, &API_CONFLICT, STR("Give the principal a name: principalName."),
                         "$.principalName");
}

/* The principal named in the body: one that an issuer's rule made, or a new one. */
static bool find_principal(struct adding *a, struct refusal *why)
{
    enum rc rc;

    if (!a->has_rule)
        return !a->body.principal_name.ptr ||
               access_refuse(why, &API_VALIDATION,
                             STR("principalName is for a rule: give subject or claims, too."),
                             "$.principalName");
    if (!a->body.principal_name.ptr)
        return name_principal(a, why);
    if (!application_name_valid(a->body.principal_name))
        return access_refuse(why, &API_VALIDATION,
                             STR("principalName must be 1 to 128 printable characters without a "
                                 "slash, and not look like an id."),
                             "$.principalName");
    rc = application_named(a->req, a->body.principal_name, &a->principal);
    if (rc == RC_NOT_FOUND) {
        a->principal = application_make(a->req, APPLICATION_FOREIGN, a->body.principal_name);
        a->new_principal = true;
        return true;
    }
    if (rc)
        return access_refuse(why, &API_UNAVAILABLE, STR_EMPTY, "");
    return a->principal.kind == APPLICATION_FOREIGN ||
           access_refuse(why, &API_CONFLICT,
                         STR("An application or managed identity of this server has this name."),
                         "$.principalName");
}

/* ---- the document ---- */

static void member_if(struct json_writer *w, const char *name, struct str text)
{
    if (text.len)
        json_member_str(w, name, text);
}

static void write_list(struct json_writer *w, const char *name, const struct json_str_list *list)
{
    if (!list->n)
        return;
    json_name(w, name);
    json_array_begin(w);
    for (size_t i = 0; i < list->n; i++)
        json_str(w, list->items[i]);
    json_array_end(w);
}

static void write_rule(struct adding *a, struct json_writer *w)
{
    json_name(w, "rules");
    json_array_begin(w);
    json_object_begin(w);
    member_if(w, "subject", a->body.subject);
    if (a->claims.len) {
        json_name(w, "claims");
        json_raw(w, a->claims);
    }
    json_member_str(w, "principal", uuid_text(a->req, &a->principal.object_id));
    json_object_end(w);
    json_array_end(w);
}

/* What the body says alone, as a row's document. */
static struct str body_document(struct adding *a)
{
    const struct add_body *b = &a->body;
    struct json_writer w;
    struct buf out;
    struct str text;

    buf_init(&out, ACCESS_TEXT_MAX);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    member_if(&w, "discovery", b->discovery);
    member_if(&w, "jwksUrl", b->jwks_url);
    member_if(&w, "jwksFile", b->jwks_file);
    member_if(&w, "caFile", b->ca_file);
    member_if(&w, "tokenFile", b->token_file);
    json_member_bool(&w, "allowPrivate", b->private_ok);
    json_member_bool(&w, "userTokens", b->user_tokens);
    write_list(&w, "audiences", &b->audiences);
    write_list(&w, "algorithms", &b->algorithms);
    if (a->has_rule)
        write_rule(a, &w);
    json_object_end(&w);
    text = arena_dup(a->req->arena, buf_str(&out));
    buf_clear(&out);
    return text;
}

static bool read_issuer(struct adding *a, const struct issuer_row *row, struct trusted_issuer *out,
                        struct refusal *why)
{
    struct str reason = STR_EMPTY;

    if (trusted_issuer_read(row, a->req->arena, out, &reason))
        return access_refuse(why, &API_VALIDATION,
                             arena_printf(a->req->arena,
                                          "The issuer can't be trusted so: " STR_FMT ".",
                                          STR_ARG(reason)),
                             "$");
    return true;
}

static bool make_new(struct adding *a, struct refusal *why)
{
    a->row = (struct issuer_row){
        .id = uuid_random(),
        .version = 1,
        .issuer = a->body.issuer,
        .document = body_document(a),
        .created = a->req->now,
    };
    if (!read_issuer(a, &a->row, &a->issuer, why))
        return false;
    a->row.issuer = a->issuer.issuer; /* of Entra ID: one form for both */
    a->row.document = trusted_issuer_write(&a->issuer, a->req->arena);
    return true;
}

/* ---- a further rule ---- */

static bool same_rule(const struct issuer_rule *a, const struct issuer_rule *b)
{
    if (!name_eq(a->subject, b->subject) || a->claims_count != b->claims_count)
        return false;
    for (size_t i = 0; i < a->claims_count; i++) {
        bool found = false;

        for (size_t k = 0; k < b->claims_count; k++)
            found = found || (name_eq(a->claims[i].name, b->claims[k].name) &&
                              name_eq(a->claims[i].value, b->claims[k].value));
        if (!found)
            return false;
    }
    return true;
}

/* Of what the body says besides: new audiences are added, the rest must stay as it is. */
static bool merge(struct adding *a, const struct trusted_issuer *said, struct refusal *why)
{
    struct trusted_issuer *t = &a->issuer;
    const struct add_body *b = &a->body;
    struct str *audiences =
        arena_array(a->req->arena, struct str, t->audiences_count + b->audiences.n + 1);

    if (b->discovery.len || b->jwks_url.len || b->jwks_file.len || b->ca_file.len ||
        b->token_file.len || b->algorithms.n || b->private_ok || b->user_tokens)
        return access_refuse(why, &API_CONFLICT,
                             STR("This issuer is trusted already. Only rules and audiences can be "
                                 "added to it; remove it first to change where its keys are."),
                             "$.issuer");
    for (size_t i = 0; i < t->rules_count; i++)
        if (said->rules_count && same_rule(&t->rules[i], &said->rules[0]))
            return access_refuse(why, &API_CONFLICT,
                                 STR("This issuer has a rule for that subject and those claims "
                                     "already."),
                                 "$.subject");
    if (t->rules_count + said->rules_count > ISSUER_RULES_MAX)
        return access_refuse(why, &API_CONFLICT, STR("This issuer has as many rules as it may."),
                             "$.issuer");
    if (said->rules_count)
        t->rules[t->rules_count++] = said->rules[0]; /* there is room for one */
    for (size_t i = 0; i < t->audiences_count; i++)
        audiences[i] = t->audiences[i];
    t->audiences = audiences;
    for (size_t i = 0; i < b->audiences.n; i++) {
        bool found = false;

        for (size_t k = 0; k < t->audiences_count; k++)
            found = found || name_eq(audiences[k], b->audiences.items[i]);
        if (!found)
            audiences[t->audiences_count++] = b->audiences.items[i];
    }
    return true;
}

static bool make_further(struct adding *a, const struct issuer_row *row, struct refusal *why)
{
    struct issuer_row said_row = {.id = row->id, .issuer = row->issuer};
    struct trusted_issuer said;

    if (!a->has_rule && !a->body.audiences.n)
        return access_refuse(why, &API_CONFLICT,
                             STR("This issuer is trusted already: give a subject or claims for a "
                                 "further rule, or further audiences."),
                             "$.issuer");
    a->existed = true;
    a->row = *row;
    if (!read_issuer(a, row, &a->issuer, why))
        return false;
    if (a->has_rule) { /* the rule is checked like that of a new one */
        struct json_str_list audiences = a->body.audiences;

        if (!audiences.n && a->issuer.audiences_count)
            a->body.audiences =
                (struct json_str_list){a->issuer.audiences, a->issuer.audiences_count, true};
        said_row.document = body_document(a);
        a->body.audiences = audiences;
        if (!read_issuer(a, &said_row, &said, why))
            return false;
    } else {
        said = (struct trusted_issuer){0};
    }
    if (!merge(a, &said, why))
        return false;
    a->row.version++; /* of the row that was read: another change since is not lost */
    a->row.document = trusted_issuer_write(&a->issuer, a->req->arena);
    return read_issuer(a, &a->row, &a->issuer, why);
}

/* ---- written ---- */

static void on_added(void *ctx, enum rc rc, struct change_set *set)
{
    struct adding *a = (struct adding *)((char *)ctx - offsetof(struct adding, changes));
    struct request *req = a->req;
    struct json_writer w;
    struct buf out;

    (void)set;
    if (rc == RC_CONFLICT) {
        answer_refusal(req, &(struct refusal){&API_CONFLICT,
                                              STR("The issuer, or a principal of this name, was "
                                                  "added or changed by somebody else meanwhile: "
                                                  "look at it and try again."),
                                              STR_EMPTY});
        return;
    }
    if (rc) {
        answer_rc(req, rc);
        return;
    }
    access_log(req, a->existed ? "issuer.rule_added" : "issuer.added", "issuer", a->row.issuer);
    buf_init(&out, ACCESS_TEXT_MAX);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    issuer_write_members(req, &a->row, &w);
    if (a->has_rule) {
        json_member_str(&w, "objectId", uuid_text(req, &a->principal.object_id));
        json_member_str(&w, "principalName", a->principal.name);
    }
    json_name(&w, "test");
    if (a->tested) {
        json_object_begin(&w);
        issuer_write_state(req, a->tested, &w);
        json_object_end(&w);
    } else {
        json_null_value(&w);
    }
    json_object_end(&w);
    answer_json_moved(req, 201, &out);
}

static void write_all(struct adding *a)
{
    struct changes *c = &a->changes;

    if (a->new_principal)
        c->items[c->n++] =
            (struct change){.kind = CHANGE_APPLICATION_PUT, .u.application = a->principal};
    c->items[c->n++] = (struct change){.kind = CHANGE_ISSUER_PUT, .u.issuer = a->row};
    changes_commit(c, a->req, on_added);
}

static void on_tested(void *ctx, const struct key_source_state *state)
{
    struct adding *a = ctx;
    struct request *req = a->req;
    struct str failure = issuer_test_failure(state);
    struct key_source_state *kept;

    if (failure.len) {
        answer_invalid(req,
                       arena_printf(req->arena,
                                    "The keys of this issuer can't be had: " STR_FMT
                                    ". Check the address from this machine, give caFile for a "
                                    "certificate of its own, jwksUrl or jwksFile when it has no "
                                    "discovery document, or say \"untested\": true.",
                                    STR_ARG(failure)),
                       STR("$.issuer"));
        return;
    }
    kept = arena_new(req->arena, struct key_source_state);
    *kept = *state;
    a->tested = kept;
    write_all(a);
}

static void on_rows(void *ctx, const struct issuer_row *rows, size_t n)
{
    struct adding *a = ctx;
    struct request *req = a->req;
    const struct issuer_row *row = issuer_row_of(req, rows, n, a->body.issuer);
    struct refusal why;

    if (!find_principal(a, &why) || !(row ? make_further(a, row, &why) : make_new(a, &why))) {
        answer_refusal(req, &why);
        return;
    }
    if (row || a->body.untested)
        write_all(a);
    else
        issuer_test(req, &a->issuer.where, on_tested, a);
}

void admin_issuer_add(struct request *req)
{
    struct adding *a = arena_new(req->arena, struct adding);
    struct refusal why;

    a->req = req;
    if (!read_body(a, &why)) {
        answer_refusal(req, &why);
        return;
    }
    issuer_rows(req, on_rows, a);
}
