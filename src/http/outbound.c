/* What every implementation of outbound requests needs: addresses judged, URLs taken apart,
 * answers' headers found. Source: RFC 6890 (special-purpose addresses), RFC 3986. */
#include "http/outbound.h"

#include "http/url.h"

#include <netinet/in.h>

#define V4_LEN ((size_t)4)
#define V6_LEN ((size_t)16)

/* ---- addresses ---- */

/* A network: `bits` of `octets`. */
struct network {
    uint8_t octets[16];
    uint8_t bits;
};

/* clang-format off */
static const struct network not_public_4[] = {
    {{0}, 8}, {{10}, 8}, {{100, 64}, 10}, {{127}, 8}, {{169, 254}, 16}, {{172, 16}, 12},
    {{192, 0, 0}, 24}, {{192, 0, 2}, 24}, {{192, 88, 99}, 24}, {{192, 168}, 16}, {{198, 18}, 15},
    {{198, 51, 100}, 24}, {{203, 0, 113}, 24}, {{224}, 3},
};
/* Of IPv6 only 2000::/3 is public at all; these parts of it are not. */
static const struct network not_public_6[] = {
    {{0x20, 0x01, 0x00}, 23}, {{0x20, 0x01, 0x0d, 0xb8}, 32}, {{0x3f, 0xff}, 20},
};
static const struct network global_6 = {{0x20}, 3};
static const struct network holds_v4[] = { /* the IPv4 address stands behind the prefix */
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96}, {{0x00, 0x64, 0xff, 0x9b}, 96}, {{0x20, 0x02}, 16},
};
/* clang-format on */

static bool is_in(const uint8_t *octets, const struct network *n)
{
    size_t whole = n->bits / 8;
    uint8_t mask = (uint8_t)(0xFF00U >> n->bits % 8);

    if (whole && memcmp(octets, n->octets, whole) != 0)
        return false;
    return n->bits % 8 == 0 || (octets[whole] & mask) == (n->octets[whole] & mask);
}

static bool is_in_any(const uint8_t *octets, const struct network *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (is_in(octets, &list[i]))
            return true;
    }
    return false;
}

bool outbound_address_is_public(const uint8_t *octets, size_t len)
{
    if (len == V4_LEN)
        return !is_in_any(octets, not_public_4, ARRAY_LEN(not_public_4));
    if (len != V6_LEN)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(holds_v4); i++) {
        if (is_in(octets, &holds_v4[i]))
            return outbound_address_is_public(octets + holds_v4[i].bits / 8, V4_LEN);
    }
    return is_in(octets, &global_6) && !is_in_any(octets, not_public_6, ARRAY_LEN(not_public_6));
}

bool outbound_address_is_loopback(const uint8_t *octets, size_t len)
{
    static const uint8_t one[V6_LEN] = {[V6_LEN - 1] = 1};

    if (len == V4_LEN)
        return octets[0] == 127;
    if (len != V6_LEN)
        return false;
    if (is_in(octets, &holds_v4[0]))
        return octets[12] == 127;
    return memcmp(octets, one, sizeof one) == 0;
}

/* ---- URLs ---- */

static bool is_printable(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7F)
            return false;
    }
    return true;
}

enum rc outbound_url_parse(struct str url, struct outbound_url *out)
{
    struct outbound_url u = {.tls = str_starts(url, STR("https://"))};
    struct str rest = str_from_index(url, u.tls ? 8 : 7), authority;
    size_t end = 0;

    if (!u.tls && !str_starts(url, STR("http://")))
        return RC_INVALID;
    if (!is_printable(url) || str_find(url, '#') < url.len || str_find(url, '\\') < url.len)
        return RC_INVALID;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
        end++;
    authority = str_head(rest, end);
    if (str_find(authority, '@') < authority.len || authority_split(authority, &u.host, &u.port) ||
        !u.host.len)
        return RC_INVALID;
    if (!u.port)
        u.port = u.tls ? 443 : 80;
    u.target = str_from_index(rest, end);
    u.origin = str_head(url, url.len - u.target.len);
    *out = u;
    return RC_OK;
}

/* ---- answers ---- */

struct str outbound_answer_header(const struct outbound_call *call, struct str name)
{
    struct str line, rest = call->answer_headers, field, value;

    while (rest.len) {
        (void)str_cut(rest, '\n', &line, &rest); /* without a line end: all of it, and the end */
        if (str_cut(line, ':', &field, &value) && name_eq_nocase(field, name)) {
            if (str_ends(value, STR("\r")))
                value = str_head(value, value.len - 1);
            return str_trim(value);
        }
    }
    return (struct str){NULL, 0};
}

void outbound_call_clear(struct outbound_call *call)
{
    buf_clear(&call->response);
    buf_clear(&call->kept);
    call->answer_headers = STR_EMPTY;
    call->rc = RC_OK;
    call->status = 0;
    call->sent = false;
    call->reason[0] = '\0';
}
