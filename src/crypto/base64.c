/* Base64 (RFC 4648 sections 4 and 5), strict in what it takes.
 *
 * Keys pass through here, so characters are mapped by arithmetic on masks instead of by table or
 * branch: time depends on lengths and on where padding stands, both public. */
#include "crypto/base64.h"

#include <endian.h>

/* The two characters in which the alphabets differ. */
struct alphabet {
    uint8_t c62, c63;
};

static const struct alphabet STANDARD = {'+', '/'};
static const struct alphabet URL = {'-', '_'};

/* All ones when a < b, else 0; both below 2^31. */
static uint32_t mask_less(uint32_t a, uint32_t b)
{
    return 0U - ((a - b) >> 31);
}

static uint32_t mask_equal(uint32_t a, uint32_t b)
{
    return mask_less(a ^ b, 1);
}

static uint32_t mask_between(uint32_t low, uint32_t c, uint32_t high)
{
    return ~mask_less(c, low) & ~mask_less(high, c);
}

static char char_of(const struct alphabet *abc, uint32_t six)
{
    uint32_t c = mask_less(six, 26) & (six + 'A');

    c |= mask_between(26, six, 51) & (six + 'a' - 26);
    c |= mask_between(52, six, 61) & (six + '0' - 52);
    c |= mask_equal(six, 62) & abc->c62;
    c |= mask_equal(six, 63) & abc->c63;
    return (char)c;
}

#define EACH_OCTET(n) (UINT64_C(0x0101010101010101) * (n))

/* One in each octet whose value, at most 63, is at least `least`. */
static uint64_t at_least(uint64_t eight, unsigned least)
{
    return (eight + EACH_OCTET(0x80U - least)) >> 7 & EACH_OCTET(1);
}

/* The same as char_of() for eight values of six bits in the octets of a word. What is added leaves
 * each octet below 0x80, so that in the end nothing has crossed from one to the next. */
static uint64_t eight_chars_of(const struct alphabet *abc, uint64_t eight)
{
    uint64_t c = eight + EACH_OCTET('A');

    c += at_least(eight, 26) * ('a' - 'Z' - 1);
    c -= at_least(eight, 52) * ('z' + 1 - '0');
    c += at_least(eight, 62) * (uint64_t)(abc->c62 - ('9' + 1));
    c += at_least(eight, 63) * (uint64_t)(abc->c63 - (abc->c62 + 1));
    return c;
}

/* Six octets become eight characters: halved three times, until six bits lie in each octet. */
static void encode_six(const struct alphabet *abc, const uint8_t *src, char *out)
{
    uint64_t w = 0;

    for (int i = 0; i < 6; i++)
        w = w << 8 | src[i];
    w = (w & 0x0000FFFFFF000000U) << 8 | (w & 0x0000000000FFFFFFU);
    w = (w & 0x00FFF00000FFF000U) << 4 | (w & 0x00000FFF00000FFFU);
    w = (w & 0x0FC00FC00FC00FC0U) << 2 | (w & 0x003F003F003F003FU);
    w = htobe64(eight_chars_of(abc, w));
    memcpy(out, &w, sizeof w);
}

/* Writes the characters without padding. */
static size_t encode(const struct alphabet *abc, const uint8_t *src, size_t len, char *out)
{
    char *at = out;
    size_t i = 0;

    for (; len - i >= 6; i += 6, at += 8)
        encode_six(abc, src + i, at);
    for (; len - i >= 3; i += 3) {
        uint32_t group = (uint32_t)src[i] << 16 | (uint32_t)src[i + 1] << 8 | src[i + 2];

        *at++ = char_of(abc, group >> 18);
        *at++ = char_of(abc, group >> 12 & 63);
        *at++ = char_of(abc, group >> 6 & 63);
        *at++ = char_of(abc, group & 63);
    }
    if (len - i == 2) {
        uint32_t group = (uint32_t)src[i] << 8 | src[i + 1];

        *at++ = char_of(abc, group >> 10);
        *at++ = char_of(abc, group >> 4 & 63);
        *at++ = char_of(abc, group << 2 & 63);
    } else if (len - i == 1) {
        *at++ = char_of(abc, (uint32_t)src[i] >> 2);
        *at++ = char_of(abc, (uint32_t)src[i] << 4 & 63);
    }
    return (size_t)(at - out);
}

/* Sixteen characters, each worked on alone. */
typedef int8_t chars __attribute__((vector_size(16)));

/* All ones in each octet that lies between the two. Characters above 0x7F are negative. */
static chars between(char low, chars c, char high)
{
    return (c >= low) & (c <= high);
}

/* The six bits of each; *bad is set where there is no character of the alphabet. */
static chars values_of(const struct alphabet *abc, chars c, chars *bad)
{
    chars upper = between('A', c, 'Z'), lower = between('a', c, 'z'), digit = between('0', c, '9');
    chars is62 = c == (char)abc->c62, is63 = c == (char)abc->c63;

    *bad |= ~(upper | lower | digit | is62 | is63);
    return (upper & (c - 'A')) | (lower & (c - ('a' - 26))) | (digit & (c + (52 - '0'))) |
           (is62 & 62) | (is63 & 63);
}

/* Eight values of six bits in the octets of a word become six octets: the way of encode_six() back.
 */
static void pack_six(uint64_t w, uint8_t *out)
{
    w = be64toh(w);
    w = (w >> 2 & 0x0FC00FC00FC00FC0U) | (w & 0x003F003F003F003FU);
    w = (w >> 4 & 0x00FFF00000FFF000U) | (w & 0x00000FFF00000FFFU);
    w = (w >> 8 & 0x0000FFFFFF000000U) | (w & 0x0000000000FFFFFFU);
    w = htobe64(w << 16);
    memcpy(out, &w, 6);
}

/* Sixteen characters become twelve octets. */
static void decode_sixteen(const struct alphabet *abc, const char *src, uint8_t *out, chars *bad)
{
    uint64_t halves[2];
    chars c;

    memcpy(&c, src, sizeof c);
    c = values_of(abc, c, bad);
    memcpy(halves, &c, sizeof halves);
    pack_six(halves[0], out);
    pack_six(halves[1], out + 6);
}

/* Ones when any of the octets is not zero. */
static uint64_t any_of(chars bad)
{
    uint64_t halves[2];

    memcpy(halves, &bad, sizeof halves);
    return halves[0] | halves[1];
}

/* The last characters, fewer than sixteen, filled up with such as mean zeros: bits that none of the
 * octets takes must be zeros too. */
static uint64_t decode_rest(const struct alphabet *abc, struct str rest, uint8_t *out, chars *bad)
{
    char filled[sizeof(chars)];
    uint8_t octets[sizeof(chars)];
    size_t len = rest.len * 6 / 8;

    memset(filled, 'A', sizeof filled);
    memcpy(filled, rest.ptr, rest.len);
    decode_sixteen(abc, filled, octets, bad);
    uint64_t left = rest.len % 4 ? octets[len] : 0;
    memcpy(out, octets, len);
    explicit_bzero(filled, sizeof filled);
    explicit_bzero(octets, sizeof octets);
    return left;
}

/* Decodes unpadded characters; octets may have been written when it refuses. */
static enum rc decode(const struct alphabet *abc, struct str text, uint8_t *out, size_t cap,
                      size_t *out_len)
{
    size_t rest = text.len % 4, len = text.len / 4 * 3 + (rest > 1 ? rest - 1 : 0);
    chars bad = {0};
    uint64_t flaws = 0;
    size_t i = 0, written = 0;

    if (rest == 1)
        return RC_INVALID;
    if (len > cap)
        return RC_TOO_LARGE;
    for (; text.len - i >= sizeof bad; i += sizeof bad, written += sizeof bad / 4 * 3)
        decode_sixteen(abc, text.ptr + i, out + written, &bad);
    if (i < text.len)
        flaws = decode_rest(abc, str_from_index(text, i), out + written, &bad);
    if ((flaws | any_of(bad)) != 0)
        return RC_INVALID;
    *out_len = len;
    return RC_OK;
}

size_t base64_encode(const void *src, size_t len, char *out)
{
    size_t n = encode(&STANDARD, src, len, out);

    while (n % 4 != 0)
        out[n++] = '=';
    return n;
}

size_t base64url_encode(const void *src, size_t len, char *out)
{
    return encode(&URL, src, len, out);
}

enum rc base64_decode(struct str text, void *out, size_t cap, size_t *out_len)
{
    if (text.len % 4 != 0)
        return RC_INVALID;
    for (int i = 0; i < 2 && text.len > 0 && text.ptr[text.len - 1] == '='; i++)
        text.len--;
    return decode(&STANDARD, text, out, cap, out_len);
}

enum rc base64url_decode(struct str text, void *out, size_t cap, size_t *out_len)
{
    return decode(&URL, text, out, cap, out_len);
}
