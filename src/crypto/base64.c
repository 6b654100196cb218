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

/* Sixteen characters, each worked on alone. */
typedef int8_t chars __attribute__((vector_size(16)));

/* The characters of sixteen values of six bits: what is added to each depends on its range. */
static chars chars_of(const struct alphabet *abc, chars values)
{
    chars step = (values >= 0) & 'A';

    step += (values >= 26) & ('a' - 'Z' - 1);
    step -= (values >= 52) & ('z' + 1 - '0');
    step += (values >= 62) & (int8_t)(abc->c62 - ('9' + 1));
    step += (values >= 63) & (int8_t)(abc->c63 - (abc->c62 + 1));
    return values + step;
}

/* Six octets become eight values of six bits in the octets of a word: halved three times. */
static uint64_t split_six(const uint8_t *src)
{
    uint64_t w = 0;

    memcpy(&w, src, 6);
    w = be64toh(w) >> 16;
    w = (w & 0x0000FFFFFF000000U) << 8 | (w & 0x0000000000FFFFFFU);
    w = (w & 0x00FFF00000FFF000U) << 4 | (w & 0x00000FFF00000FFFU);
    w = (w & 0x0FC00FC00FC00FC0U) << 2 | (w & 0x003F003F003F003FU);
    return htobe64(w);
}

/* Twelve octets become sixteen characters. */
static void encode_twelve(const struct alphabet *abc, const uint8_t *src, char *out)
{
    const uint64_t halves[2] = {split_six(src), split_six(src + 6)};
    chars c;

    memcpy(&c, halves, sizeof c);
    c = chars_of(abc, c);
    memcpy(out, &c, sizeof c);
}

/* The last octets, fewer than twelve, filled up with zeros. */
static size_t encode_rest(const struct alphabet *abc, const uint8_t *src, size_t len, char *out)
{
    size_t written = (len * 8 + 5) / 6;
    uint8_t filled[12] = {0};
    char text[sizeof(chars)];

    memcpy(filled, src, len);
    encode_twelve(abc, filled, text);
    memcpy(out, text, written);
    explicit_bzero(filled, sizeof filled);
    explicit_bzero(text, sizeof text);
    return written;
}

/* Writes the characters without padding. */
static size_t encode(const struct alphabet *abc, const uint8_t *src, size_t len, char *out)
{
    size_t i = 0, written = 0;

    for (; len - i >= 12; i += 12, written += sizeof(chars))
        encode_twelve(abc, src + i, out + written);
    if (i < len)
        written += encode_rest(abc, src + i, len - i, out + written);
    return written;
}

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

/* Eight values of six bits in the octets of a word become six octets: the way of split_six() back.
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
