/* Minting user access tokens: the claims of wire/authentication §3.1 in the order in which the
 * service writes them, ours behind. The payload is printable ASCII without '>', '?' and '~', so
 * that its base64url form has neither '-' nor '_': an SDK reads it with the standard alphabet. */
#include "gate/gate_private.h"

#include "crypto/jws.h"

#define PAYLOAD_MAX ((size_t)2048)
#define JTI_LEN     ((size_t)16)
#define SCP_ALL     1792

static void add_escape(struct buf *out, unsigned unit)
{
    static const char digits[] = "0123456789abcdef";

    buf_add(out, STR("\\u"));
    for (int shift = 12; shift >= 0; shift -= 4)
        buf_add_char(out, digits[unit >> shift & 15U]);
}

/* The code point that the well-formed character at `c` of `len` octets means. */
static unsigned code_point(const char *c, size_t len)
{
    unsigned point = (unsigned char)c[0] & (0xFFU >> (len + 1));

    for (size_t i = 1; i < len; i++)
        point = point << 6 | ((unsigned char)c[i] & 0x3FU);
    return point;
}

static void add_other(struct buf *out, unsigned point)
{
    if (point < 0x10000) {
        add_escape(out, point);
        return;
    }
    add_escape(out, 0xD7C0 + (point >> 10));
    add_escape(out, 0xDC00 + (point & 0x3FF));
}

static bool is_plain(char c)
{
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\' && c != '>' && c != '?' && c != '~';
}

/* A JSON string's inside. */
static void add_text(struct buf *out, struct str text)
{
    while (text.len) {
        size_t plain = 0, len;

        while (plain < text.len && is_plain(text.ptr[plain]))
            plain++;
        buf_add(out, str_head(text, plain));
        text = str_from_index(text, plain);
        if (!text.len)
            return;
        len = str_utf8_char(text);
        if (len > 1)
            add_other(out, code_point(text.ptr, len));
        else
            add_other(out, len ? (unsigned char)text.ptr[0] : 0xFFFD);
        text = str_from_index(text, len ? len : 1);
    }
}

static void add_uuid(struct buf *out, const struct uuid *id)
{
    char text[UUID_TEXT_LEN];

    uuid_format(id, text);
    buf_add(out, str_of(text, sizeof text));
}

static void add_scopes(struct buf *out, const struct mint *m)
{
    bool comma = false;

    for (size_t i = 0; i < m->order_count; i++) {
        if (!(m->scopes & m->order[i]))
            continue;
        if (comma)
            buf_add_char(out, ',');
        buf_add(out, scope_name(m->order[i]));
        comma = true;
    }
}

static void add_service_claims(struct buf *out, const struct mint *m, uint64_t iat, uint64_t exp)
{
    buf_add(out, STR("{\"skypeid\":\"acs:"));
    add_uuid(out, &m->user.resource);
    buf_add_char(out, '_');
    add_uuid(out, &m->user.user);
    buf_add(out, STR("\",\"scp\":"));
    buf_add_u64(out, SCP_ALL);
    buf_add(out, STR(",\"csi\":\""));
    buf_add_u64(out, iat);
    buf_add(out, STR("\",\"exp\":"));
    buf_add_u64(out, exp);
    buf_add(out, STR(",\"rgn\":\""));
    add_text(out, m->region);
    buf_add(out, STR("\",\"acsScope\":\""));
    add_scopes(out, m);
    buf_add(out, STR("\",\"resourceId\":\""));
    add_uuid(out, &m->user.resource);
    buf_add(out, STR("\",\"resourceLocation\":\""));
    add_text(out, m->location);
    buf_add(out, STR("\",\"iat\":"));
    buf_add_u64(out, iat);
}

static void add_own_claims(struct buf *out, const struct mint *m)
{
    uint8_t random[JTI_LEN];
    char hex[2 * JTI_LEN];

    random_octets(random, sizeof random);
    hex_encode(random, sizeof random, hex);
    buf_add(out, STR(",\"jti\":\""));
    buf_add(out, str_of(hex, sizeof hex));
    if (m->issued_by == PRINCIPAL_ACCESS_KEY) {
        buf_add(out, m->key == KEY_PRIMARY ? STR("\",\"cgk\":\"p") : STR("\",\"cgk\":\"s"));
        buf_add_u64(out, m->key_generation);
    }
    buf_add_char(out, '"');
    if (m->generation) {
        buf_add(out, STR(",\"cgg\":"));
        buf_add_u64(out, m->generation);
    }
    buf_add(out, STR(",\"iss\":\""));
    add_text(out, m->origin);
    buf_add(out, STR("\"}"));
}

struct signer *kept_signer(struct gate_loop *gl, struct pkey *key)
{
    for (size_t i = 0; i < SIGNERS_MAX; i++) {
        if (gl->signers[i].key == key)
            return gl->signers[i].signer;
    }
    struct kept_signer *k = &gl->signers[gl->next_signer++ % SIGNERS_MAX];
    signer_free(k->signer);
    pkey_unref(k->key);
    k->key = pkey_ref(key); /* held, so that no other key can come to lie at its address */
    k->signer = signer_new(key);
    if (!k->signer)
        abort();
    return k->signer;
}

enum rc gate_mint(struct gate_loop *gl, const struct mint *m, struct buf *out, unix_ms *out_expires)
{
    const struct signing_key *key = directory_signer(directory_now(gl), STR("user"), m->now);
    int64_t iat = m->now / 1000, exp = iat + m->minutes * 60;
    char room[PAYLOAD_MAX];
    struct buf payload = {.ptr = room, .cap = sizeof room, .max = sizeof room - 1};
    enum rc rc;

    if (!key)
        return RC_BUSY;
    if (m->minutes <= 0 || m->minutes > TOKEN_LONGEST_MS / 60000 || iat < 0)
        return RC_INVALID;
    add_service_claims(&payload, m, (uint64_t)iat, (uint64_t)exp);
    add_own_claims(&payload, m);
    if (payload.failed) /* over its ceiling: it has not left `room` */
        return RC_TOO_LARGE;
    rc = jws_compose(kept_signer(gl, key->key), gl->work, key->header_b64, buf_str(&payload), out);
    if (!rc)
        *out_expires = exp * 1000;
    return rc;
}
