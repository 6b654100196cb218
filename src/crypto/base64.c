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

/* The six bits of `c`; sets `*bad` when it is no character of the alphabet. */
static uint32_t value_of(const struct alphabet *abc, char ch, uint32_t *bad)
{
    uint32_t c = (uint8_t)ch;
    uint32_t upper = mask_between('A', c, 'Z'), lower = mask_between('a', c, 'z');
    uint32_t digit = mask_between('0', c, '9');
    uint32_t is62 = mask_equal(c, abc->c62), is63 = mask_equal(c, abc->c63);

    *bad |= ~(upper | lower | digit | is62 | is63);
    return (upper & (c - 'A')) | (lower & (c - 'a' + 26)) | (digit & (c - '0' + 52)) | (is62 & 62) |
           (is63 & 63);
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

/* One in each octet of `eight`, at most 0x7F, that lies between the two. */
static uint64_t between(unsigned low, uint64_t eight, unsigned high)
{
    return ((eight + EACH_OCTET(0x80U - low)) & ~(eight + EACH_OCTET(0x7FU - high))) >> 7 &
           EACH_OCTET(1);
}

/* The same as value_of() for eight characters in the octets of a word. */
static uint64_t eight_values_of(const struct alphabet *abc, uint64_t c, uint64_t *bad)
{
    uint64_t low = c & EACH_OCTET(0x7F);
    uint64_t upper = between('A', low, 'Z'), lower = between('a', low, 'z');
    uint64_t digit = between('0', low, '9');
    uint64_t is62 = between(abc->c62, low, abc->c62), is63 = between(abc->c63, low, abc->c63);

    *bad |= (c ^ low) | ((upper | lower | digit | is62 | is63) ^ EACH_OCTET(1));
    return ((low & upper * 0xFF) - upper * 'A') | ((low & lower * 0xFF) - lower * ('a' - 26)) |
           ((low & digit * 0xFF) + digit * (52 - '0')) | is62 * 62 | is63 * 63;
}

/* Eight characters become six octets: the way of encode_six() back. */
static void decode_eight(const struct alphabet *abc, const char *src, uint8_t *out, uint64_t *bad)
{
    uint64_t w;

    memcpy(&w, src, sizeof w);
    w = eight_values_of(abc, be64toh(w), bad);
    w = (w >> 2 & 0x0FC00FC00FC00FC0U) | (w & 0x003F003F003F003FU);
    w = (w >> 4 & 0x00FFF00000FFF000U) | (w & 0x00000FFF00000FFFU);
    w = (w >> 8 & 0x0000FFFFFF000000U) | (w & 0x0000000000FFFFFFU);
    w = htobe64(w << 16);
    memcpy(out, &w, 6);
}

/* Decodes unpadded characters; octets may have been written when it refuses. */
static enum rc decode(const struct alphabet *abc, struct str text, uint8_t *out, size_t cap,
                      size_t *out_len)
{
    size_t rest = text.len % 4, len = text.len / 4 * 3 + (rest > 1 ? rest - 1 : 0);
    uint32_t bad = 0, group = 0, bits = 0;
    uint64_t bad_eight = 0;
    size_t i = 0, written = 0;

    if (rest == 1)
        return RC_INVALID;
    if (len > cap)
        return RC_TOO_LARGE;
    for (; text.len - i >= 8; i += 8, written += 6)
        decode_eight(abc, text.ptr + i, out + written, &bad_eight);
    for (; i < text.len; i++) {
        group = (group << 6 | value_of(abc, text.ptr[i], &bad)) & 0xffff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[written++] = (uint8_t)(group >> bits);
        }
    }
    bad |= group & ((1U << bits) - 1); /* trailing bits that no octet took */
    if (bad != 0 || bad_eight != 0)
        return RC_INVALID;
    *out_len = written;
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
