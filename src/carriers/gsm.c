/* The alphabets of text messages and the cutting of long texts.
 *
 * Septets stand one to an octet here, as SMPP carries them: packing is the radio's business. No
 * national shift tables: what is in neither of the two tables below goes as UTF-16. A character
 * that takes two units never straddles two parts. Source: wire/sms §4.3; 3GPP 23.038 §6.2.1. */
#include "carriers/gsm.h"

#define ESCAPE      0x1B
#define REPLACEMENT 0xFFFD
#define NOT_UTF8    0xFFFFFFFFu

/* clang-format off */
static const uint16_t basic[128] = {
    '@',   0xA3,  '$',   0xA5,  0xE8,  0xE9,  0xF9,  0xEC,  0xF2,  0xC7,  '\n',  0xD8,  0xF8,  '\r',  0xC5,  0xE5,
    0x394, '_',   0x3A6, 0x393, 0x39B, 0x3A9, 0x3A0, 0x3A8, 0x3A3, 0x398, 0x39E, 0,     0xC6,  0xE6,  0xDF,  0xC9,
    ' ',   '!',   '"',   '#',   0xA4,  '%',   '&',   '\'',  '(',   ')',   '*',   '+',   ',',   '-',   '.',   '/',
    '0',   '1',   '2',   '3',   '4',   '5',   '6',   '7',   '8',   '9',   ':',   ';',   '<',   '=',   '>',   '?',
    0xA1,  'A',   'B',   'C',   'D',   'E',   'F',   'G',   'H',   'I',   'J',   'K',   'L',   'M',   'N',   'O',
    'P',   'Q',   'R',   'S',   'T',   'U',   'V',   'W',   'X',   'Y',   'Z',   0xC4,  0xD6,  0xD1,  0xDC,  0xA7,
    0xBF,  'a',   'b',   'c',   'd',   'e',   'f',   'g',   'h',   'i',   'j',   'k',   'l',   'm',   'n',   'o',
    'p',   'q',   'r',   's',   't',   'u',   'v',   'w',   'x',   'y',   'z',   0xE4,  0xF6,  0xF1,  0xFC,  0xE0,
};
static const struct { uint8_t code; uint16_t character; } extension[] = {
    {0x0A, '\f'}, {0x14, '^'}, {0x28, '{'}, {0x29, '}'}, {0x2F, '\\'},
    {0x3C, '['},  {0x3D, '~'}, {0x3E, ']'}, {0x40, '|'}, {0x65, 0x20AC},
};
/* clang-format on */

/* ---- characters ---- */

/* Takes the first character off; NOT_UTF8 when there is none. */
static uint32_t next_char(struct str *s)
{
    static const uint8_t mask[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    size_t len = str_utf8_char(*s);
    uint32_t c;

    if (len == 0)
        return NOT_UTF8;
    c = (uint8_t)s->ptr[0] & mask[len];
    for (size_t i = 1; i < len; i++)
        c = c << 6 | ((uint8_t)s->ptr[i] & 0x3F);
    *s = str_from_index(*s, len);
    return c;
}

/* Writes one or two septets: how many; 0: not of this alphabet. */
static size_t septets(uint32_t c, char out[2])
{
    if (c < ARRAY_LEN(basic) && basic[c] == c && c) {
        out[0] = (char)c; /* letters, digits, most signs */
        return 1;
    }
    for (size_t i = 0; i < ARRAY_LEN(basic) && c; i++) {
        if (basic[i] == c) {
            out[0] = (char)i;
            return 1;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(extension); i++) {
        if (extension[i].character == c) {
            out[0] = ESCAPE;
            out[1] = (char)extension[i].code;
            return 2;
        }
    }
    return 0;
}

static void put_unit(uint32_t unit, char *out)
{
    out[0] = (char)(unit >> 8);
    out[1] = (char)unit;
}

/* Writes one or two UTF-16BE units: how many. */
static size_t utf16(uint32_t c, char out[4])
{
    if (c < 0x10000) {
        put_unit(c, out);
        return 1;
    }
    put_unit(0xD800 + ((c - 0x10000) >> 10), out);
    put_unit(0xDC00 + ((c - 0x10000) & 0x3FF), out + 2);
    return 2;
}

static size_t units_of(bool ucs2, uint32_t c, char out[4])
{
    return ucs2 ? utf16(c, out) : septets(c, out);
}

static void add_utf8(struct buf *out, uint32_t c)
{
    if (c < 0x80) {
        buf_add_char(out, (char)c);
        return;
    }
    if (c < 0x800) {
        buf_add_char(out, (char)(0xC0 | c >> 6));
    } else {
        if (c < 0x10000) {
            buf_add_char(out, (char)(0xE0 | c >> 12));
        } else {
            buf_add_char(out, (char)(0xF0 | c >> 18));
            buf_add_char(out, (char)(0x80 | (c >> 12 & 0x3F)));
        }
        buf_add_char(out, (char)(0x80 | (c >> 6 & 0x3F)));
    }
    buf_add_char(out, (char)(0x80 | (c & 0x3F)));
}

/* ---- measuring and cutting ---- */

static enum rc choose_alphabet(struct str text, bool *out_ucs2)
{
    *out_ucs2 = false;
    while (text.len) {
        char unused[2];
        uint32_t c = next_char(&text);

        if (c == NOT_UTF8)
            return RC_INVALID;
        *out_ucs2 = *out_ucs2 || septets(c, unused) == 0;
    }
    return RC_OK;
}

/* A walk over a text that knows where parts end. */
struct cutter {
    bool ucs2;
    uint32_t limit; /* units of a part */
    uint32_t units, parts, in_part;
};

/* Takes `units` more: true when they begin a new part. */
static bool cut(struct cutter *c, uint32_t units)
{
    bool fresh = c->in_part + units > c->limit;

    if (fresh) {
        c->parts++;
        c->in_part = 0;
    }
    c->in_part += units;
    c->units += units;
    return fresh;
}

enum rc gsm_measure(struct str utf8, struct gsm_measure *out)
{
    struct cutter c = {.parts = 1};
    char units[4];
    uint32_t single;

    if (choose_alphabet(utf8, &c.ucs2))
        return RC_INVALID;
    c.limit = c.ucs2 ? GSM_UCS2_PART : GSM_PART;
    single = c.ucs2 ? GSM_UCS2_SINGLE : GSM_SINGLE;
    while (utf8.len && c.parts <= GSM_PARTS_MAX)
        (void)cut(&c, (uint32_t)units_of(c.ucs2, next_char(&utf8), units));
    if (c.units <= single)
        c.parts = 1;
    if (c.parts > GSM_PARTS_MAX)
        return RC_TOO_LARGE;
    *out = (struct gsm_measure){.ucs2 = c.ucs2, .units = c.units, .segments = c.parts};
    return RC_OK;
}

static void begin_part(struct gsm_parts *parts, char *at, uint32_t index, uint8_t ref)
{
    const char header[GSM_UDH_LEN] = {0x05,      0x00,           0x03,
                                      (char)ref, (char)parts->n, (char)(index + 1)};

    memcpy(at, header, sizeof header);
    parts->items[index] = str_of(at, sizeof header);
}

/* Several parts: headers and units lie in one piece of memory, part behind part. */
static void fill_parts(struct str text, uint8_t ref, char *at, struct gsm_parts *out)
{
    struct cutter c = {.ucs2 = out->ucs2, .limit = out->ucs2 ? GSM_UCS2_PART : GSM_PART};

    begin_part(out, at, 0, ref);
    at += GSM_UDH_LEN;
    while (text.len) {
        char units[4];
        size_t n = units_of(c.ucs2, next_char(&text), units);
        size_t octets = c.ucs2 ? 2 * n : n;

        if (cut(&c, (uint32_t)n)) {
            begin_part(out, at, c.parts, ref);
            at += GSM_UDH_LEN;
        }
        memcpy(at, units, octets);
        at += octets;
        out->items[c.parts].len += octets;
    }
}

static struct str encode(struct str text, bool ucs2, char *at)
{
    size_t len = 0;

    while (text.len) {
        char units[4];
        size_t n = units_of(ucs2, next_char(&text), units) * (ucs2 ? 2 : 1);

        memcpy(at + len, units, n);
        len += n;
    }
    return str_of(at, len);
}

enum rc gsm_split(struct str utf8, uint8_t ref, struct arena *arena, struct gsm_parts *out)
{
    struct gsm_measure m;
    enum rc rc = gsm_measure(utf8, &m);
    size_t octets;

    if (rc)
        return rc;
    octets = (size_t)m.units * (m.ucs2 ? 2 : 1);
    *out = (struct gsm_parts){.ucs2 = m.ucs2, .n = m.segments};
    out->items = arena_array(arena, struct str, m.segments);
    out->whole = encode(utf8, m.ucs2, arena_alloc(arena, octets + 1));
    if (m.segments == 1)
        out->items[0] = out->whole;
    else
        fill_parts(utf8, ref, arena_alloc(arena, octets + m.segments * GSM_UDH_LEN), out);
    return RC_OK;
}

/* ---- what comes in ---- */

/* A code behind ESCAPE that nobody defined reads as it would without it (3GPP 23.038 §6.2.1.1). */
static uint32_t extended(uint8_t code)
{
    for (size_t i = 0; i < ARRAY_LEN(extension); i++)
        if (extension[i].code == code)
            return extension[i].character;
    return code == ESCAPE ? ' ' : basic[code];
}

void gsm_decode(struct str octets, struct buf *out)
{
    bool escaped = false;

    for (size_t i = 0; i < octets.len; i++) {
        uint8_t code = (uint8_t)octets.ptr[i];

        if (code >= ARRAY_LEN(basic))
            add_utf8(out, REPLACEMENT);
        else if (escaped)
            add_utf8(out, extended(code));
        else if (code != ESCAPE)
            add_utf8(out, basic[code]);
        escaped = !escaped && code == ESCAPE;
    }
}

static uint32_t unit_at(struct str octets, size_t i)
{
    return (uint32_t)(uint8_t)octets.ptr[i] << 8 | (uint8_t)octets.ptr[i + 1];
}

void gsm_decode_ucs2(struct str octets, struct buf *out)
{
    size_t i = 0;

    while (i + 1 < octets.len) {
        uint32_t c = unit_at(octets, i), low;

        i += 2;
        if (c >= 0xD800 && c < 0xDC00 && i + 1 < octets.len) {
            low = unit_at(octets, i);
            if (low >= 0xDC00 && low < 0xE000) {
                i += 2;
                c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
            }
        }
        add_utf8(out, c >= 0xD800 && c < 0xE000 ? REPLACEMENT : c);
    }
    if (i < octets.len)
        add_utf8(out, REPLACEMENT);
}

void gsm_decode_latin1(struct str octets, struct buf *out)
{
    for (size_t i = 0; i < octets.len; i++)
        add_utf8(out, (uint8_t)octets.ptr[i]);
}
