/* JWS compact serialisation (RFC 7515 section 7.1) in the strict reading of RFC 8725.
 *
 * Form alone is judged here, each flaw with a reason of its own. Keys, algorithms and claims are
 * the gate's business; jku, x5u, jwk and x5c are never looked at. */
#include "crypto/jws.h"
#include "crypto/base64.h"

enum part { PART_HEADER, PART_PAYLOAD, PART_SIGNATURE, PART_COUNT };

/* clang-format off */
static const char *const padded[PART_COUNT] = {
    "header has padding", "payload has padding", "signature has padding"};
static const char *const wrong_alphabet[PART_COUNT] = {
    "header has characters outside base64url", "payload has characters outside base64url",
    "signature has characters outside base64url"};
static const char *const wrong_length[PART_COUNT] = {
    "header is cut short", "payload is cut short", "signature is cut short"};
static const char *const trailing_bits[PART_COUNT] = {
    "header ends in non-zero bits", "payload ends in non-zero bits",
    "signature ends in non-zero bits"};
static const char *const not_object[PART_COUNT] = {
    "header is not a JSON object", "payload is not a JSON object", NULL};

static const char *const json_flaws[CLAIMS_FLAWS][PART_COUNT] = {
    [CLAIMS_NOT_JSON] = {"header is not JSON", "payload is not JSON", NULL},
    [CLAIMS_NOT_UTF8] = {"header is not UTF-8", "payload is not UTF-8", NULL},
    [CLAIMS_REPEATED] = {"header repeats a member", "payload repeats a member", NULL},
    [CLAIMS_DEEP]     = {"header is nested too deeply", "payload is nested too deeply", NULL},
    [CLAIMS_RANGE]    = {"header has a number out of range", "payload has a number out of range",
                         NULL},
    [CLAIMS_MANY]     = {"header has too many members", "payload has too many members", NULL},
};
/* clang-format on */

static enum rc refuse(const char **out_why, const char *why)
{
    *out_why = why;
    return RC_INVALID;
}

static bool is_base64url(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/* Why base64url_decode() refused `text`. */
static const char *encoding_flaw(struct str text, enum part part)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_base64url(text.ptr[i]))
            return text.ptr[i] == '=' ? padded[part] : wrong_alphabet[part];
    return text.len % 4 == 1 ? wrong_length[part] : trailing_bits[part];
}

/* Cuts at the dots: exactly three parts. */
static enum rc split(struct str token, struct str parts[static PART_COUNT], const char **out_why)
{
    size_t dots = 0;
    struct str rest;

    if (token.len == 0)
        return refuse(out_why, "token is empty");
    if (token.ptr[0] == '{' || token.ptr[0] == '[')
        return refuse(out_why, "token is in the JSON serialisation");
    if (str_cut(token, '.', &parts[PART_HEADER], &rest) &&
        str_cut(rest, '.', &parts[PART_PAYLOAD], &parts[PART_SIGNATURE]) &&
        str_find(parts[PART_SIGNATURE], '.') == parts[PART_SIGNATURE].len)
        return RC_OK;
    for (size_t i = 0; i < token.len; i++)
        dots += token.ptr[i] == '.';
    return refuse(out_why, dots == 4 ? "token is encrypted (JWE)" : "token has not three parts");
}

static enum rc decode(struct str text, enum part part, struct arena *arena, struct str *out,
                      const char **out_why)
{
    size_t cap = text.len / 4 * 3 + 3, len;
    char *octets = arena_alloc(arena, cap);

    if (base64url_decode(text, octets, cap, &len))
        return refuse(out_why, encoding_flaw(text, part));
    *out = str_of(octets, len);
    return RC_OK;
}

/* Decodes one part into a JSON object. */
static enum rc read_object(struct str text, enum part part, struct arena *arena,
                           const struct claim **out, const char **out_why)
{
    struct str octets;
    enum claims_flaw flaw;

    if (decode(text, part, arena, &octets, out_why))
        return RC_INVALID;
    flaw = claims_read(octets, arena, out);
    if (flaw)
        return refuse(out_why, json_flaws[flaw][part]);
    return claim_is(*out, CLAIM_OBJECT) ? RC_OK : refuse(out_why, not_object[part]);
}

/* A string member of the header: false when it is there and no string; empty when absent. */
static bool take_string(const struct claim *header, struct str name, struct str *out)
{
    const struct claim *value = claim_get(header, name);

    *out = claim_is(value, CLAIM_TEXT) ? value->u.text : STR_EMPTY;
    return !value || value->kind == CLAIM_TEXT;
}

/* RFC 8725: what a header may not say, whatever the key. */
static enum rc judge_header(struct jws *jws, const char **out_why)
{
    const struct claim *header = jws->header;

    if (!claim_get(header, STR("alg")))
        return refuse(out_why, "alg is missing");
    if (!take_string(header, STR("alg"), &jws->alg))
        return refuse(out_why, "alg is not a string");
    if (name_eq_nocase(jws->alg, STR("none")))
        return refuse(out_why, "alg is none");
    if (!take_string(header, STR("kid"), &jws->kid))
        return refuse(out_why, "kid is not a string");
    if (!take_string(header, STR("typ"), &jws->typ))
        return refuse(out_why, "typ is not a string");
    if (claim_get(header, STR("crit")))
        return refuse(out_why, "header has crit");
    if (claim_get(header, STR("b64")))
        return refuse(out_why, "header has b64");
    if (claim_get(header, STR("zip")))
        return refuse(out_why, "header has zip");
    return RC_OK;
}

/* Without the padding that fills `text` up to four; any other stays, and is refused later. */
static struct str unpadded(struct str text)
{
    size_t n = 0;

    while (n < 2 && n < text.len && text.ptr[text.len - 1 - n] == '=')
        n++;
    return text.len % 4 == 0 ? str_head(text, text.len - n) : text;
}

static enum rc take_apart(struct str token, const struct jws_limits *limits, struct arena *arena,
                          struct jws *jws, const char **out_why)
{
    struct str parts[PART_COUNT];

    if (split(token, parts, out_why))
        return RC_INVALID;
    jws->signing_input = str_head(token, parts[PART_HEADER].len + 1 + parts[PART_PAYLOAD].len);
    for (size_t i = 0; limits->padded && i < PART_COUNT; i++)
        parts[i] = unpadded(parts[i]);
    if (parts[PART_HEADER].len > BASE64URL_LEN(limits->header_max)) {
        *out_why = "header is too long";
        return RC_TOO_LARGE;
    }
    if (read_object(parts[PART_HEADER], PART_HEADER, arena, &jws->header, out_why) ||
        judge_header(jws, out_why) ||
        read_object(parts[PART_PAYLOAD], PART_PAYLOAD, arena, &jws->payload, out_why))
        return RC_INVALID;
    if (parts[PART_SIGNATURE].len == 0)
        return refuse(out_why, "signature is empty");
    return decode(parts[PART_SIGNATURE], PART_SIGNATURE, arena, &jws->signature, out_why);
}

enum rc jws_parse_within(struct str token, const struct jws_limits *limits, struct arena *arena,
                         struct jws *out, const char **out_why)
{
    struct jws jws = {0};
    enum rc rc;

    if (token.len > limits->token_max) {
        *out_why = "token is too long";
        return RC_TOO_LARGE;
    }
    rc = take_apart(token, limits, arena, &jws, out_why);
    if (!rc)
        *out = jws;
    return rc;
}

enum rc jws_parse(struct str token, struct arena *arena, struct jws *out, const char **out_why)
{
    static const struct jws_limits limits = {JWS_TOKEN_MAX, JWS_TOKEN_MAX, false};

    return jws_parse_within(token, &limits, arena, out, out_why);
}

/* Appends `octets` in base64url. */
static void add_base64url(struct buf *out, const void *octets, size_t len)
{
    char *at = buf_reserve(out, BASE64URL_LEN(len));

    if (at)
        buf_grown(out, base64url_encode(octets, len, at));
}

enum rc jws_compose(struct signer *s, struct hash_work *w, struct str header_b64,
                    struct str payload, struct buf *out)
{
    size_t start = out->len, len;
    uint8_t signature[SIGNATURE_MAX];
    enum rc rc;

    buf_add(out, header_b64);
    buf_add_char(out, '.');
    add_base64url(out, payload.ptr, payload.len);
    if (out->failed)
        return out->failed;
    rc = signer_sign(s, w, str_from_index(buf_str(out), start), signature, &len);
    if (rc) {
        out->len = start;
        return rc;
    }
    buf_add_char(out, '.');
    add_base64url(out, signature, len);
    return out->failed;
}
