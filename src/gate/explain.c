/* Near misses of access-key signatures. Each mistake of the table spells the string to sign the
 * way it would have been signed by somebody who made it; the one whose MAC is the signature
 * received names the mistake. Only what a client did to its own request is found this way: no
 * other resource's key is tried, since that would tell whose it is. */
#include "gate/explain.h"

#include "base/log.h"
#include "crypto/base64.h"

#define VALUE_MAX   ((size_t)200) /* characters of a value in a report */
#define EXCERPT_MAX ((size_t)40)
#define REPORT_MAX  (8 * KIB)
#define ORDERED_MAX ((size_t)4) /* headers whose every order is tried */

/* ---- the string to sign ---- */

size_t string_to_sign_len(const struct signed_parts *p, struct str path, struct str host)
{
    size_t len = p->method.len + 1 + path.len + p->n;

    for (size_t i = 0; i < p->n; i++)
        len += i == p->host_at ? host.len : p->values[i].len;
    return len;
}

static char *put(char *at, struct str s)
{
    if (s.len)
        memcpy(at, s.ptr, s.len);
    return at + s.len;
}

size_t string_to_sign(const struct signed_parts *p, struct str path, struct str host, char *out)
{
    char *at = put(out, p->method);

    *at++ = '\n';
    at = put(at, path);
    for (size_t i = 0; i < p->n; i++) {
        *at++ = i ? ';' : '\n';
        at = put(at, i == p->host_at ? host : p->values[i]);
    }
    return (size_t)(at - out);
}

/* ---- how a mistaken client spells it ---- */

struct spelling {
    const struct near_miss *miss;
    struct str method, path;
    struct str values[SIGNED_HEADERS_MAX];
    size_t n;
    struct str line_end, joiner, end;
    bool text_key;
};

/* Changes the right spelling into the variant number `variant` of a mistake; false: no such. */
typedef bool (*spell_fn)(struct spelling *s, unsigned variant);

static bool key_as_text(struct spelling *s, unsigned variant)
{
    s->text_key = true;
    return variant == 0;
}

static bool path_without_query(struct spelling *s, unsigned variant)
{
    s->path = str_head(s->path, str_find(s->path, '?'));
    return variant == 0;
}

static bool path_without_slash(struct spelling *s, unsigned variant)
{
    s->path = str_from_index(s->path, 1);
    return variant == 0;
}

static bool whole_url(struct spelling *s, unsigned variant)
{
    const struct signed_parts *p = s->miss->parts;

    s->path =
        arena_printf(s->miss->arena, "%s://" STR_FMT STR_FMT, s->miss->secure ? "https" : "http",
                     STR_ARG(p->values[p->host_at]), STR_ARG(p->target));
    return variant == 0;
}

static struct str percent_decoded(struct str text, struct arena *arena)
{
    char *out = arena_alloc(arena, text.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '%' && text.len - i >= 3 &&
            hex_decode(str_of(text.ptr + i + 1, 2), out + n, 1) == RC_OK)
            i += 2;
        else
            out[n] = text.ptr[i];
        n++;
    }
    return str_of(out, n);
}

static bool path_decoded(struct spelling *s, unsigned variant)
{
    s->path = percent_decoded(s->path, s->miss->arena);
    return variant == 0;
}

/* Where the port of "host:port" starts, or the length. */
static size_t port_at(struct str host)
{
    size_t bracket = str_find(host, ']');
    size_t from = bracket < host.len ? bracket : 0;

    return from + str_find(str_from_index(host, from), ':');
}

static bool host_port(struct spelling *s, unsigned variant)
{
    static const char *const ports[] = {"", ":443", ":80", ":"};
    size_t at = s->miss->parts->host_at;
    struct str bare = str_head(s->values[at], port_at(s->values[at]));

    if (variant >= ARRAY_LEN(ports))
        return false;
    if (variant + 1 < ARRAY_LEN(ports))
        s->values[at] = arena_printf(s->miss->arena, STR_FMT "%s", STR_ARG(bare), ports[variant]);
    else
        s->values[at] = arena_printf(s->miss->arena, STR_FMT ":%u", STR_ARG(bare),
                                     (unsigned)s->miss->door_port);
    return true;
}

static bool host_missing(struct spelling *s, unsigned variant)
{
    s->values[s->miss->parts->host_at] = STR_EMPTY;
    return variant == 0;
}

/* Permutation number `variant` of the values, in the factorial number system. */
static bool header_order(struct spelling *s, unsigned variant)
{
    struct str left[ORDERED_MAX];
    unsigned orders = 1, code = variant;
    size_t n = s->n;

    if (n > ORDERED_MAX)
        return false;
    for (unsigned i = 2; i <= n; i++)
        orders *= i;
    if (variant >= orders)
        return false;
    memcpy(left, s->values, n * sizeof left[0]);
    for (size_t i = 0; i < n; i++) {
        size_t remaining = n - i, pick = code % remaining;

        code /= (unsigned)remaining;
        s->values[i] = left[pick];
        left[pick] = left[remaining - 1];
    }
    return true;
}

static bool line_ends(struct spelling *s, unsigned variant)
{
    s->line_end = STR("\r\n");
    if (variant == 1)
        s->end = STR("\r\n");
    return variant < 2;
}

static bool line_at_the_end(struct spelling *s, unsigned variant)
{
    s->end = STR("\n");
    return variant == 0;
}

static bool joiners(struct spelling *s, unsigned variant)
{
    static const struct str others[] = {STR_INIT("\n"), STR_INIT(","), STR_INIT("; "),
                                        STR_INIT("&"), STR_INIT("")};

    if (variant >= ARRAY_LEN(others))
        return false;
    s->joiner = others[variant];
    return true;
}

static struct str hash_base64(struct hash_work *work, struct str octets, struct arena *arena)
{
    uint8_t hash[SHA256_LEN];
    char *text = arena_alloc(arena, BASE64_LEN(SHA256_LEN) + 1);

    sha256(work, octets, hash);
    return str_of(text, base64_encode(hash, sizeof hash, text));
}

static struct str hash_hex(struct hash_work *work, struct str octets, struct arena *arena)
{
    uint8_t hash[SHA256_LEN];
    char *text = arena_alloc(arena, 2 * SHA256_LEN + 1);

    sha256(work, octets, hash);
    hex_encode(hash, sizeof hash, text);
    return str_of(text, 2 * SHA256_LEN);
}

static bool other_hash(struct spelling *s, unsigned variant)
{
    const struct near_miss *m = s->miss;
    struct str *value = &s->values[m->parts->hash_at];

    switch (variant) {
    case 0:
        *value = hash_base64(m->work, m->body, m->arena);
        return true;
    case 1:
        *value = hash_hex(m->work, m->body, m->arena);
        return true;
    case 2:
        *value = hash_base64(m->work, STR_EMPTY, m->arena);
        return true;
    case 3:
        *value = STR_EMPTY;
        return true;
    default:
        return false;
    }
}

static bool other_date(struct spelling *s, unsigned variant)
{
    for (size_t i = 0; i < s->n; i++) {
        enum header_id id = header_id_of(s->miss->parts->names[i]);

        if (id == HEADER_DATE || id == HEADER_X_MS_DATE)
            s->values[i] =
                headers_get(s->miss->headers, id == HEADER_DATE ? HEADER_X_MS_DATE : HEADER_DATE);
    }
    return variant == 0;
}

static bool method_case(struct spelling *s, unsigned variant)
{
    char *lower = arena_alloc(s->miss->arena, s->method.len + 1);

    ascii_lower(lower, s->method);
    s->method = str_of(lower, s->method.len);
    return variant == 0;
}

/* clang-format off */
static const struct {
    struct mistake mistake;
    spell_fn spell;
} mistakes[] = {
    {{"key-as-text", "the access key was used as text",
      "base64-decode the access key before using it as the HMAC key"}, key_as_text},
    {{"path-without-query", "the path was signed without its query",
      "sign path and query as they stand in the request line"}, path_without_query},
    {{"path-without-slash", "the path was signed without its leading slash",
      "start the path with a slash"}, path_without_slash},
    {{"whole-url", "the whole URL was signed", "sign path and query alone"}, whole_url},
    {{"path-decoded", "the path was signed with its escapes decoded",
      "sign path and query as they stand in the request line"}, path_decoded},
    {{"host-port", "the host was signed with another port, or without it",
      "sign the Host header as it is sent"}, host_port},
    {{"host-missing", "the host was left out", "sign the Host header as it is sent"},
     host_missing},
    {{"header-order", "the values stand in another order than SignedHeaders says",
      "sign the values in the order of SignedHeaders"}, header_order},
    {{"line-ends", "the lines end in CR LF", "end the lines in LF alone"}, line_ends},
    {{"line-at-the-end", "there is a line end after the last line",
      "leave the line end after the last line out"}, line_at_the_end},
    {{"joiner", "the values are not joined by ';'", "join the values by ';' without blanks"},
     joiners},
    {{"other-hash", "another content hash was signed than x-ms-content-sha256 says",
      "sign the very value of x-ms-content-sha256: base64 of SHA-256 of the body's octets"},
     other_hash},
    {{"other-date", "another date header was signed than SignedHeaders names",
      "name the date header that was signed"}, other_date},
    {{"method-case", "the method was signed in lower case", "sign the method in upper case"},
     method_case},
};
/* clang-format on */

static struct str spelled(const struct spelling *s)
{
    size_t len = s->method.len + s->path.len + 2 * s->line_end.len + s->end.len;

    for (size_t i = 0; i < s->n; i++)
        len += s->values[i].len + s->joiner.len;
    char *out = arena_alloc(s->miss->arena, len + 1), *at = out;

    at = put(put(at, s->method), s->line_end);
    at = put(put(at, s->path), s->line_end);
    for (size_t i = 0; i < s->n; i++)
        at = put(put(at, i ? s->joiner : STR_EMPTY), s->values[i]);
    at = put(at, s->end);
    return str_of(out, (size_t)(at - out));
}

static bool matches(const struct spelling *s, const struct mac_key *const *text_macs)
{
    const struct near_miss *m = s->miss;
    struct str text = spelled(s);
    uint8_t mac[SHA256_LEN];
    bool match = false;

    for (size_t i = 0; i < m->keys; i++) {
        mac_sign(s->text_key ? text_macs[i] : m->macs[i], m->work, text, mac);
        match |= ct_equal(mac, m->signature, sizeof mac);
    }
    explicit_bzero(mac, sizeof mac);
    return match;
}

static const struct mistake *find(const struct near_miss *m, const struct mac_key *const *text_macs)
{
    struct spelling right = {
        .miss = m,
        .method = m->parts->method,
        .path = m->parts->target,
        .n = m->parts->n,
        .line_end = STR("\n"),
        .joiner = STR(";"),
    };

    memcpy(right.values, m->parts->values, sizeof right.values);
    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
        for (unsigned variant = 0;; variant++) {
            struct spelling s = right;

            if (!mistakes[i].spell(&s, variant))
                break;
            if (matches(&s, text_macs))
                return &mistakes[i].mistake;
        }
    }
    return NULL;
}

#define KEYS_MAX ((size_t)4)

static struct mac_key *mac_of_text(const struct secret *secret)
{
    size_t len = BASE64_LEN(secret->len);
    char *text = malloc(len + 1);
    struct mac_key *mac;

    if (!text)
        abort();
    (void)base64_encode(secret->octets, secret->len, text); /* writes len characters */
    mac = mac_key_new(text, len);
    explicit_bzero(text, len);
    free(text);
    if (!mac)
        abort();
    return mac;
}

const struct mistake *near_miss_find(const struct near_miss *m)
{
    struct mac_key *text_macs[KEYS_MAX] = {NULL};
    const struct mac_key *borrowed[KEYS_MAX] = {NULL};
    const struct mistake *found;
    size_t keys = m->keys < KEYS_MAX ? m->keys : KEYS_MAX;
    struct near_miss bounded = *m;

    bounded.keys = keys;
    for (size_t i = 0; i < keys; i++)
        borrowed[i] = text_macs[i] = mac_of_text(m->secrets[i]);
    found = find(&bounded, borrowed);
    for (size_t i = 0; i < keys; i++)
        mac_key_free(text_macs[i]);
    return found;
}

/* ---- hashes and encodings ---- */

static const struct mistake hash_hexadecimal = {
    "hash-hexadecimal", "x-ms-content-sha256 is hexadecimal", "write the hash as base64"};
static const struct mistake hash_url_alphabet = {
    "hash-url-alphabet", "x-ms-content-sha256 is in the url alphabet, or without padding",
    "write the hash as base64 in the standard alphabet, with padding"};
static const struct mistake hash_of_nothing = {"hash-of-nothing",
                                               "x-ms-content-sha256 is the hash of an empty body",
                                               "hash the octets of the body that is sent"};
static const struct mistake hash_line_end = {
    "hash-line-end", "a line end at the end of the body was hashed and not sent, or the reverse",
    "hash exactly the octets that are sent"};
static const struct mistake hash_of_hex = {
    "hash-of-hexadecimal", "x-ms-content-sha256 is base64 of the hexadecimal text of the hash",
    "write base64 of the 32 octets"};

static bool hash_is(struct str claimed, struct hash_work *work, struct str octets,
                    struct arena *arena)
{
    return ct_equal_str(claimed, hash_base64(work, octets, arena));
}

static struct str joined(struct arena *arena, struct str a, struct str b)
{
    char *out = arena_alloc(arena, a.len + b.len + 1);

    (void)put(put(out, a), b); /* the end is known */
    return str_of(out, a.len + b.len);
}

static bool differs_by_line_end(struct str claimed, struct str body, struct hash_work *work,
                                struct arena *arena)
{
    size_t len = body.len;

    while (len && (body.ptr[len - 1] == '\n' || body.ptr[len - 1] == '\r'))
        len--;
    return hash_is(claimed, work, str_head(body, len), arena) ||
           hash_is(claimed, work, joined(arena, body, STR("\n")), arena) ||
           hash_is(claimed, work, joined(arena, body, STR("\r\n")), arena);
}

const struct mistake *near_miss_of_hash(struct str claimed, struct str body, struct hash_work *work,
                                        struct arena *arena)
{
    struct str hex = hash_hex(work, body, arena);
    struct str right = hash_base64(work, body, arena);
    char *url = arena_alloc(arena, BASE64_LEN(2 * SHA256_LEN) + 1);
    size_t n;

    if (name_eq_nocase(claimed, hex))
        return &hash_hexadecimal;
    n = base64_encode(hex.ptr, hex.len, url);
    if (name_eq(claimed, str_of(url, n)))
        return &hash_of_hex;
    for (n = 0; n < right.len && right.ptr[n] != '='; n++)
        url[n] = (char)(right.ptr[n] == '+' ? '-' : right.ptr[n] == '/' ? '_' : right.ptr[n]);
    if (name_eq(str_head(claimed, n), str_of(url, n)) || name_eq(claimed, str_head(right, n)))
        return &hash_url_alphabet;
    if (body.len && hash_is(claimed, work, STR_EMPTY, arena))
        return &hash_of_nothing;
    return differs_by_line_end(claimed, body, work, arena) ? &hash_line_end : NULL;
}

static const struct mistake signature_hexadecimal = {
    "signature-hexadecimal", "the signature is hexadecimal", "write the signature as base64"};
static const struct mistake signature_url_alphabet = {
    "signature-url-alphabet", "the signature is in the url alphabet, or without padding",
    "write the signature as base64 in the standard alphabet, with padding"};
static const struct mistake signature_escaped = {
    "signature-escaped", "the signature is percent-encoded",
    "write the signature as plain base64: a header is not a URL"};

const struct mistake *near_miss_of_encoding(struct str signature)
{
    uint8_t octets[SHA256_LEN];
    size_t len;

    if (str_find(signature, '%') < signature.len)
        return &signature_escaped;
    if (hex_decode(signature, octets, sizeof octets) == RC_OK)
        return &signature_hexadecimal;
    size_t bare = str_find(signature, '=');
    if (base64url_decode(str_head(signature, bare), octets, sizeof octets, &len) == RC_OK ||
        bare == BASE64URL_LEN(SHA256_LEN))
        return &signature_url_alphabet;
    return NULL;
}

/* ---- the report ---- */

static void add_quoted(struct buf *out, const char *name, struct str value, size_t max)
{
    size_t cap = 4 * max + 8; /* an escaped octet takes at most four characters */
    char *at;

    buf_addf(out, "; %s=", name);
    at = buf_reserve(out, cap);
    if (at)
        buf_grown(out, log_quote(at, cap, value, max));
}

static void add_first_difference(struct buf *out, const struct near_miss_report *r,
                                 struct arena *arena)
{
    const struct signed_parts *p = r->parts;
    struct str host = p->values[p->host_at], yours, ours;
    char *text = arena_alloc(arena, r->client_string.len + 1);
    size_t len, at = 0;

    if (base64_decode(r->client_string, text, r->client_string.len, &len))
        return;
    yours = str_of(text, len);
    char *mine = arena_alloc(arena, string_to_sign_len(p, p->target, host) + 1);
    ours = str_of(mine, string_to_sign(p, p->target, host, mine));
    while (at < yours.len && at < ours.len && yours.ptr[at] == ours.ptr[at])
        at++;
    if (at == yours.len && at == ours.len) {
        buf_add(out, STR("; firstDifference=none"));
        return;
    }
    buf_addf(out, "; firstDifference=%zu", at);
    add_quoted(out, "yours", str_from_index(yours, at), EXCERPT_MAX);
    add_quoted(out, "ours", str_from_index(ours, at), EXCERPT_MAX);
}

struct str near_miss_text(const struct near_miss_report *r, struct arena *arena)
{
    const struct signed_parts *p = r->parts;
    struct buf out;
    struct str text;

    buf_init(&out, REPORT_MAX);
    buf_addf(&out, "%s", r->check);
    if (r->mistake)
        buf_addf(&out, "; cause=%s; likely=\"%s\"; fix=\"%s\"", r->mistake->code, r->mistake->text,
                 r->mistake->fix);
    add_quoted(&out, "method", p->method, VALUE_MAX);
    add_quoted(&out, "path", p->target, VALUE_MAX);
    add_quoted(&out, "date", r->date, VALUE_MAX);
    add_quoted(&out, "host", p->values[p->host_at], VALUE_MAX);
    add_quoted(&out, "hash", p->values[p->hash_at], VALUE_MAX);
    if (r->body_hash.len)
        add_quoted(&out, "bodyHash", r->body_hash, VALUE_MAX);
    buf_addf(&out, "; clockDifferenceSeconds=%lld", (long long)r->clock_difference_s);
    if (r->candidates)
        buf_addf(&out, "; candidates=%zu", r->candidates);
    if (r->client_string.len)
        add_first_difference(&out, r, arena);
    text = out.failed ? str_from(r->check) : arena_dup(arena, buf_str(&out));
    buf_clear(&out);
    return text;
}
