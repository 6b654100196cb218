/* The access-key scheme: turns "Authorization: HMAC-SHA256 …" into a verdict.
 *
 * It knows the string to sign, the date window and how spellings are tried; not routes, nor where
 * keys are kept. Order of the checks: form, date, signature, body hash. Both keys are always tried,
 * and a resource that nobody has is checked like any other against keys that nobody knows.
 * Source: wire/authentication §1.3. */
#include "gate/scheme_key.h"

#include "base/log.h"
#include "crypto/base64.h"
#include "gate/candidates.h"

#define HASH_TEXT_LEN ((size_t)44) /* base64 of 32 octets */
#define ON_STACK_MAX  ((size_t)1024)
#define MS_PER_S      1000

#define HEADER_NAME_MAX ((size_t)320) /* in an explanation, quoted: up to four octets of one */

static const struct str empty_body_hash = STR_INIT("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");

/* ---- the credential ---- */

/* What every SDK writes, so that it is told apart from the rest at once. */
static const struct str usual =
    STR_INIT("SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=");

static bool is_duplicate(const struct key_credential *c, struct str name)
{
    for (size_t i = 0; i < c->n; i++) {
        if (name_eq_nocase(c->signed_headers[i], name))
            return true;
    }
    return false;
}

static enum rc split_signed_headers(struct str list, struct key_credential *out)
{
    bool more = true;

    while (more) {
        struct str name;

        more = str_cut(list, ';', &name, &list);
        if (!name.len || out->n == SIGNED_HEADERS_MAX || is_duplicate(out, name))
            return RC_INVALID;
        out->signed_headers[out->n++] = name;
    }
    return RC_OK;
}

static size_t parameter_end(struct str s)
{
    size_t amp = str_find(s, '&'), comma = str_find(s, ',');

    return amp < comma ? amp : comma;
}

enum rc key_credential_parse(struct str credential, struct key_credential *out)
{
    bool signed_headers = false, signature = false;

    out->n = 0;
    out->signature = STR_EMPTY;
    while (credential.len) {
        size_t end = parameter_end(credential);
        struct str name, value, pair = str_trim(str_head(credential, end));

        credential = str_from_index(credential, end + 1);
        if (!str_cut(pair, '=', &name, &value))
            continue; /* no parameter that we know looks like this */
        if (name_eq_nocase(name, STR("SignedHeaders"))) {
            if (signed_headers || split_signed_headers(value, out))
                return RC_INVALID;
            signed_headers = true;
        } else if (name_eq_nocase(name, STR("Signature"))) {
            if (signature)
                return RC_INVALID;
            out->signature = value;
            signature = true;
        }
    }
    return signed_headers && out->signature.len ? RC_OK : RC_INVALID;
}

/* ---- the headers ---- */

#define DATES_MAX 2

struct reading {
    const struct key_check *check;
    struct request *req;
    struct hash_work *work;
    struct signed_parts parts;
    struct str dates[DATES_MAX];
    size_t dates_n;
    struct str signature_text;
    uint8_t signature[SHA256_LEN];
    size_t candidates; /* pairs tried */
    struct str wanted; /* the header that is missing, or there twice */
};

static bool only_one(const struct headers *h, enum header_id id)
{
    return h->times[id] == 1;
}

static const char not_once[] = "each header of SignedHeaders must be there exactly once";

/* The usual three headers, found by number. */
static const char *take_usual(struct reading *r)
{
    const struct headers *h = &r->req->headers;
    static const struct {
        enum header_id id;
        struct str name;
    } three[] = {{HEADER_X_MS_DATE, STR_INIT("x-ms-date")},
                 {HEADER_HOST, STR_INIT("host")},
                 {HEADER_X_MS_CONTENT_SHA256, STR_INIT("x-ms-content-sha256")}};

    for (size_t i = 0; i < ARRAY_LEN(three); i++) {
        if (!only_one(h, three[i].id)) {
            r->wanted = three[i].name;
            return not_once;
        }
        r->parts.names[i] = three[i].name;
        r->parts.values[i] = headers_get(h, three[i].id);
    }
    r->parts.n = ARRAY_LEN(three);
    r->parts.host_at = 1;
    r->parts.hash_at = 2;
    r->dates[0] = r->parts.values[0];
    r->dates_n = 1;
    return NULL;
}

static const char *take_listed(struct reading *r, const struct key_credential *c)
{
    struct signed_parts *p = &r->parts;
    bool host = false, hash = false;

    for (size_t i = 0; i < c->n; i++) {
        enum header_id id = header_id_of(c->signed_headers[i]);

        if (headers_only(&r->req->headers, c->signed_headers[i], &p->values[i])) {
            r->wanted = c->signed_headers[i];
            return not_once;
        }
        p->names[i] = c->signed_headers[i];
        if (id == HEADER_HOST) {
            host = true;
            p->host_at = i;
        } else if (id == HEADER_X_MS_CONTENT_SHA256) {
            hash = true;
            p->hash_at = i;
        } else if (id == HEADER_X_MS_DATE || id == HEADER_DATE) {
            r->dates[r->dates_n++] = p->values[i]; /* duplicates were refused: two at most */
        }
    }
    p->n = c->n;
    if (!host || !hash || !r->dates_n)
        return "SignedHeaders must name host, x-ms-content-sha256 and x-ms-date or date";
    return NULL;
}

/* clang-format off */
/* Six bits and one more for each character of the standard alphabet; 0 for all others. */
static const uint8_t sextets[256] = {
    ['A'] =  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
            23, 24, 25, 26,
    ['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48,
            49, 50, 51, 52,
    ['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, ['+'] = 63, ['/'] = 64,
};
/* clang-format on */

/* Four characters in `bits`, the first one highest; false when one of them is of another alphabet.
 */
static bool take_four(const char *text, uint32_t *bits)
{
    unsigned a = sextets[(unsigned char)text[0]], b = sextets[(unsigned char)text[1]];
    unsigned c = sextets[(unsigned char)text[2]], d = sextets[(unsigned char)text[3]];

    *bits = (a - 1U) << 18 | (b - 1U) << 12 | (c - 1U) << 6 | (d - 1U);
    return a && b && c && d;
}

/* Base64 of exactly 32 octets. It may look things up by the characters, unlike base64_decode(),
 * which is four times as slow: what it reads is the caller's own and no secret of ours. */
static bool decode_signature(struct str text, uint8_t out[static SHA256_LEN])
{
    char last[4];
    uint32_t bits;

    if (text.len != HASH_TEXT_LEN || text.ptr[HASH_TEXT_LEN - 1] != '=')
        return false;
    for (size_t i = 0; i < 10; i++) {
        if (!take_four(text.ptr + 4 * i, &bits))
            return false;
        out[3 * i] = (uint8_t)(bits >> 16);
        out[3 * i + 1] = (uint8_t)(bits >> 8);
        out[3 * i + 2] = (uint8_t)bits;
    }
    memcpy(last, text.ptr + HASH_TEXT_LEN - 4, 3);
    last[3] = 'A'; /* in place of the padding: six zero bits */
    if (!take_four(last, &bits))
        return false;
    out[30] = (uint8_t)(bits >> 16);
    out[31] = (uint8_t)(bits >> 8);
    return (bits & 0xFFU) == 0; /* the bits left over are zero in the one right spelling */
}

static const char *take_signature(struct reading *r)
{
    return decode_signature(r->signature_text, r->signature)
               ? NULL
               : "Signature is not base64 of 32 octets";
}

/* Fills the reading from the request; returns what is malformed, or NULL. */
static const char *read_headers(struct reading *r, struct str credential)
{
    struct key_credential c;
    const char *wrong;

    r->parts.method = method_name(r->req->method);
    r->parts.target = r->req->target;
    if (str_starts(credential, usual) && credential.len == usual.len + HASH_TEXT_LEN) {
        r->signature_text = str_from_index(credential, usual.len);
        wrong = take_usual(r);
        if (wrong)
            return wrong;
        if (!take_signature(r))
            return NULL;
    }
    if (key_credential_parse(credential, &c))
        return "Authorization must be HMAC-SHA256 SignedHeaders=...&Signature=...";
    r->signature_text = c.signature;
    r->dates_n = 0;
    wrong = take_listed(r, &c);
    return wrong ? wrong : take_signature(r);
}

/* ---- the date ---- */

static int64_t seconds(unix_ms t)
{
    return t / MS_PER_S;
}

static bool within(int64_t date_s, unix_ms clock, int64_t skew_ms)
{
    int64_t apart = date_s - seconds(clock);

    return (apart < 0 ? -apart : apart) * MS_PER_S <= skew_ms;
}

static enum rc read_date(const struct key_check *c, struct str text, unix_ms *out)
{
    struct date_memo *memo = c->memo;

    if (memo && memo->valid && name_eq(text, str_of(memo->text, sizeof memo->text))) {
        *out = memo->date;
        return RC_OK;
    }
    if (time_from_http_date(text, out))
        return RC_INVALID;
    if (memo && text.len == sizeof memo->text) {
        memcpy(memo->text, text.ptr, sizeof memo->text);
        memo->date = *out;
        memo->valid = true;
    }
    return RC_OK;
}

/* Every date listed must be readable (else RC_INVALID) and near one of the clocks. */
static enum rc check_dates(const struct reading *r, int64_t *out_difference_s)
{
    const struct key_check *c = r->check;
    enum rc rc = RC_OK;

    for (size_t i = 0; i < r->dates_n; i++) {
        unix_ms date;

        if (read_date(c, r->dates[i], &date))
            return RC_INVALID;
        *out_difference_s = seconds(date) - seconds(r->req->now);
        if (!within(seconds(date), r->req->now, c->skew_ms) &&
            !within(seconds(date), c->wall, c->skew_ms))
            rc = RC_DENIED;
    }
    return rc;
}

/* ---- the signature ---- */

/* Bit `slot` for each key that made the signature over this spelling. */
static unsigned try_spelling(struct reading *r, struct str path, struct str host)
{
    const struct resource *resource = r->check->resource;
    char on_stack[ON_STACK_MAX] __attribute__((uninitialized));
    uint8_t mac[SHA256_LEN];
    size_t len = string_to_sign_len(&r->parts, path, host);
    char *text = len <= sizeof on_stack ? on_stack : arena_alloc(r->req->arena, len);
    unsigned match = 0;

    len = string_to_sign(&r->parts, path, host, text);
    for (unsigned slot = 0; slot < KEY_SLOTS; slot++) {
        mac_sign(resource->keys[slot].mac, r->work, str_of(text, len), mac);
        match |= (unsigned)ct_equal(mac, r->signature, sizeof mac) << slot;
    }
    explicit_bzero(mac, sizeof mac);
    r->candidates++;
    return match;
}

static unsigned try_others(struct reading *r)
{
    struct candidate *list = arena_array(r->req->arena, struct candidate, CANDIDATES_MAX);
    size_t n = candidates_list(r->check, r->req, r->parts.values[r->parts.host_at], list);

    for (size_t i = 0; i < n; i++) {
        unsigned match = try_spelling(r, list[i].path, list[i].host);

        if (match && list[i].counts)
            return match;
    }
    return 0;
}

static bool body_hash_matches(struct reading *r, char out_text[static HASH_TEXT_LEN])
{
    struct str claimed = r->parts.values[r->parts.hash_at];

    if (!r->req->body.len) {
        memcpy(out_text, empty_body_hash.ptr, HASH_TEXT_LEN);
    } else {
        uint8_t hash[SHA256_LEN];

        sha256(r->work, r->req->body, hash);
        (void)base64_encode(hash, sizeof hash, out_text); /* HASH_TEXT_LEN characters */
    }
    return ct_equal_str(claimed, str_of(out_text, HASH_TEXT_LEN));
}

/* ---- explanations ---- */

static const struct mistake *find_mistake(struct reading *r)
{
    const struct mac_key *macs[KEY_SLOTS];
    const struct secret *secrets[KEY_SLOTS];
    struct near_miss m = {
        .parts = &r->parts,
        .headers = &r->req->headers,
        .body = r->req->body,
        .secure = r->req->secure,
        .door_port = r->req->door ? r->req->door->port : 0,
        .macs = macs,
        .secrets = secrets,
        .keys = KEY_SLOTS,
        .work = r->work,
        .arena = r->req->arena,
    };

    memcpy(m.signature, r->signature, sizeof m.signature);
    for (int slot = 0; slot < KEY_SLOTS; slot++) {
        macs[slot] = r->check->resource->keys[slot].mac;
        secrets[slot] = &r->check->resource->keys[slot].secret;
    }
    return near_miss_find(&m);
}

static struct str explained(struct reading *r, const char *check, const struct mistake *mistake,
                            int64_t difference_s)
{
    char hash[HASH_TEXT_LEN];
    struct near_miss_report report = {
        .check = check,
        .mistake = mistake,
        .parts = &r->parts,
        .date = r->dates[0],
        .body_hash = str_of(hash, sizeof hash),
        .clock_difference_s = difference_s,
        .candidates = r->candidates,
        .client_string = headers_get(&r->req->headers, HEADER_X_MS_HMAC_STRING),
    };

    (void)body_hash_matches(r, hash); /* for the text */
    return near_miss_text(&report, r->req->arena);
}

static struct str explained_form(const struct reading *r, const char *wrong)
{
    const struct mistake *m =
        r->signature_text.len ? near_miss_of_encoding(r->signature_text) : NULL;

    if (r->wanted.len) {
        char name[HEADER_NAME_MAX];
        size_t len = log_quote(name, sizeof name, r->wanted, HEADER_NAME_MAX / 8);

        return arena_printf(r->req->arena, "malformed; %s; header=%.*s", wrong, (int)len, name);
    }
    if (!m)
        return arena_printf(r->req->arena, "malformed; %s", wrong);
    return arena_printf(r->req->arena, "malformed; %s; cause=%s; likely=\"%s\"; fix=\"%s\"", wrong,
                        m->code, m->text, m->fix);
}

static void refuse(struct key_verdict *out, const struct api_error *error, struct str explain)
{
    out->error = error;
    out->explain = explain;
}

static void refuse_signature(struct reading *r, int64_t difference_s, struct key_verdict *out)
{
    bool known = r->check->known;

    if (!r->check->explain) {
        refuse(out, &API_DENIED, known ? STR("signature") : STR("no resource has this host name"));
        return;
    }
    struct str text = explained(r, "signature", find_mistake(r), difference_s);
    if (!known)
        text =
            arena_printf(r->req->arena, "no resource has this host name; " STR_FMT, STR_ARG(text));
    refuse(out, &API_DENIED, text);
}

static void refuse_hash(struct reading *r, int64_t difference_s, struct key_verdict *out)
{
    if (!r->check->explain) {
        refuse(out, &API_DENIED_HASH, STR("body hash"));
        return;
    }
    const struct mistake *m =
        near_miss_of_hash(r->parts.values[r->parts.hash_at], r->req->body, r->work, r->req->arena);
    refuse(out, &API_DENIED_HASH, explained(r, "body hash", m, difference_s));
}

/* ---- the whole ---- */

void scheme_key_check(const struct key_check *check, struct request *req, struct str credential,
                      struct hash_work *work, struct key_verdict *out)
{
    struct reading r = {.check = check, .req = req, .work = work};
    const char *malformed = read_headers(&r, credential);
    int64_t difference_s = 0;
    char hash[HASH_TEXT_LEN];

    *out = (struct key_verdict){0};
    if (malformed) {
        refuse(out, &API_DENIED,
               check->explain ? explained_form(&r, malformed) : str_from(malformed));
        return;
    }
    enum rc date = check_dates(&r, &difference_s);
    if (date == RC_INVALID) {
        refuse(out, &API_DENIED, STR("malformed; the signed date is not an HTTP date"));
        return;
    }
    if (date) {
        refuse(out, &API_DENIED_DATE,
               check->explain ? explained(&r, "date", NULL, difference_s) : STR("date"));
        return;
    }
    unsigned match = try_spelling(&r, req->target, r.parts.values[r.parts.host_at]);
    if (!match && !check->plain_only)
        match = try_others(&r);
    if (!match || !check->known) {
        refuse_signature(&r, difference_s, out);
        return;
    }
    if (!body_hash_matches(&r, hash)) {
        refuse_hash(&r, difference_s, out);
        return;
    }
    out->slot = match & 1U ? KEY_PRIMARY : KEY_SECONDARY;
}
