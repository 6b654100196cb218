/* Alphabets, borders of parts, and the way back. Source: wire/sms §4.3. */
#include "../base/unit.h"

#include "carriers/gsm.h"

#define EURO  "\xE2\x82\xAC"
#define PIECE "\xD1\x8F"         /* Cyrillic ya: no GSM letter */
#define SMILE "\xF0\x9F\x98\x80" /* U+1F600: two UTF-16 units */

static struct str repeated(struct buf *b, const char *text, size_t n)
{
    buf_reset(b);
    while (n--)
        buf_add(b, str_from(text));
    return buf_str(b);
}

static void measures(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name, *text;
        size_t times;
        bool ucs2;
        uint32_t units, segments;
    } cases[] = {
        {"the empty text is one part", "a", 0, false, 0, 1},
        {"160 letters stand alone", "a", 160, false, 160, 1},
        {"161 letters are two parts", "a", 161, false, 161, 2},
        {"two whole parts hold 306", "a", 306, false, 306, 2},
        {"307 are three", "a", 307, false, 307, 3},
        {"2048 letters are 14 parts", "a", 2048, false, 2048, 14},
        {"80 extension characters stand alone", EURO, 80, false, 160, 1},
        {"81 are two parts", EURO, 81, false, 162, 2},
        {"152 fill two parts, since a pair is not torn", EURO, 152, false, 304, 2},
        {"153 are three, though 306 septets would fit", EURO, 153, false, 306, 3},
        {"2048 extension characters are 27 parts", "{", 2048, false, 4096, 27},
        {"70 Cyrillic letters stand alone", PIECE, 70, true, 70, 1},
        {"71 are two parts", PIECE, 71, true, 71, 2},
        {"134 fill two parts", PIECE, 134, true, 134, 2},
        {"135 are three", PIECE, 135, true, 135, 3},
        {"2048 Cyrillic letters are 31 parts", PIECE, 2048, true, 2048, 31},
        {"35 surrogate pairs stand alone", SMILE, 35, true, 70, 1},
        {"66 pairs fill two parts", SMILE, 66, true, 132, 2},
        {"67 pairs are three, though 134 units would fit", SMILE, 67, true, 134, 3},
        {"1024 pairs (2048 units) are 32 parts", SMILE, 1024, true, 2048, 32},
        {"the backtick is no GSM character", "`", 1, true, 1, 1},
        {"nor is the small c with cedilla", "\xC3\xA7", 1, true, 1, 1},
        {"the capital one is", "\xC3\x87", 1, false, 1, 1},
        {"a tab is none", "\t", 1, true, 1, 1},
        {"Greek capitals are", "\xCE\xA9", 1, false, 1, 1},
        {"255 parts are the most", "a", 255 * 153, false, 255 * 153, 255},
    };
    /* clang-format on */
    struct buf text;

    (void)state;
    buf_init(&text, 64 * KIB);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct gsm_measure m = {0};
        struct str s = repeated(&text, cases[i].text, cases[i].times);

        check(cases[i].name, gsm_measure(s, &m) == RC_OK);
        check(cases[i].name, m.ucs2 == cases[i].ucs2);
        check(cases[i].name, m.units == cases[i].units);
        check(cases[i].name, m.segments == cases[i].segments);
    }
    buf_clear(&text);
}

static void refuses_what_is_no_text(void **state)
{
    struct gsm_measure m;
    struct buf text;

    (void)state;
    assert_int_equal(gsm_measure(STR("a\xFF"), &m), RC_INVALID);
    assert_int_equal(gsm_measure(STR("\xED\xA0\x80"), &m), RC_INVALID);
    assert_int_equal(gsm_measure(STR("\xC3"), &m), RC_INVALID);
    assert_int_equal(gsm_measure(STR("\0"), &m), RC_OK);
    assert_true(m.ucs2);
    buf_init(&text, 64 * KIB);
    assert_int_equal(gsm_measure(repeated(&text, "a", 255 * 153 + 1), &m), RC_TOO_LARGE);
    assert_int_equal(gsm_measure(repeated(&text, PIECE, 255 * 67 + 1), &m), RC_TOO_LARGE);
    buf_clear(&text);
}

static void encodes_the_whole_alphabet(void **state)
{
    static const char all[] = "@\xC2\xA3$\xC2\xA5\xC3\xA8\xC3\xA9\xC3\xB9\xC3\xAC\xC3\xB2\xC3\x87\n"
                              "\xC3\x98\xC3\xB8\r\xC3\x85\xC3\xA5\xCE\x94_\xCE\xA6\xCE\x93\xCE\x9B"
                              "\xCE\xA9\xCE\xA0\xCE\xA8\xCE\xA3\xCE\x98\xCE\x9E";
    static const char pairs[] = "\x1B\x14\x1B\x28\x1B\x29\x1B\x2F\x1B\x3C\x1B\x3D\x1B\x3E\x1B\x40"
                                "\x1B\x65\x1B\x0A";
    struct arena arena;
    struct gsm_parts parts;

    (void)state;
    arena_init(&arena);
    assert_int_equal(gsm_split(str_from(all), 0, &arena, &parts), RC_OK);
    assert_false(parts.ucs2);
    assert_int_equal(parts.whole.len, 27);
    for (size_t i = 0; i < parts.whole.len; i++)
        assert_int_equal((uint8_t)parts.whole.ptr[i], i);
    assert_int_equal(gsm_split(STR("^{}\\[~]|" EURO "\f"), 0, &arena, &parts), RC_OK);
    check_str("extension characters are pairs", parts.items[0], str_of(pairs, sizeof pairs - 1));
    assert_int_equal(gsm_split(STR("\xD1\x8F" SMILE), 0, &arena, &parts), RC_OK);
    assert_true(parts.ucs2);
    check_str("all else is UTF-16BE", parts.items[0], STR("\x04\x4F\xD8\x3D\xDE\x00"));
    arena_clear(&arena);
}

/* What `text` reads as, after its parts were put together again. */
static void check_parts(const char *name, struct str text, uint32_t n, size_t part_max)
{
    struct arena arena;
    struct buf back;
    struct gsm_parts parts;

    arena_init(&arena);
    buf_init(&back, 64 * KIB);
    check(name, gsm_split(text, 0x5A, &arena, &parts) == RC_OK);
    check(name, parts.n == n);
    for (uint32_t i = 0; i < parts.n; i++) {
        const char header[] = {5, 0, 3, 0x5A, (char)n, (char)(i + 1)};
        struct str body = parts.items[i];

        if (n > 1) {
            check_str(name, str_head(body, GSM_UDH_LEN), str_of(header, sizeof header));
            body = str_from_index(body, GSM_UDH_LEN);
        }
        check(name, parts.items[i].len <= part_max);
        if (parts.ucs2)
            gsm_decode_ucs2(body, &back);
        else
            gsm_decode(body, &back);
    }
    check_str(name, buf_str(&back), text);
    buf_clear(&back);
    arena_clear(&arena);
}

static void cuts_between_characters(void **state)
{
    struct buf text;

    (void)state;
    buf_init(&text, 64 * KIB);
    check_parts("one part has no header", repeated(&text, "a", 160), 1, 160);
    check_parts("letters", repeated(&text, "a", 2048), 14, 159);
    check_parts("extension characters stay whole", repeated(&text, EURO, 2048), 27, 159);
    check_parts("surrogate pairs stay whole", repeated(&text, SMILE, 1024), 32, 140);
    check_parts("Cyrillic letters", repeated(&text, PIECE, 2048), 31, 140);
    check_parts("one letter shifts every pair", repeated(&text, "a" EURO EURO, 100), 4, 159);
    check_parts("255 parts are counted in one octet", repeated(&text, "a", 255 * 153), 255, 159);
    buf_clear(&text);
}

static void decodes_whatever_comes(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name;
        void (*decode)(struct str octets, struct buf *out);
        struct str octets, text;
    } cases[] = {
        {"septets", gsm_decode, STR_INIT("\x00\x11\x1B\x65"), STR_INIT("@_" EURO)},
        {"an unknown extension reads as its letter", gsm_decode, STR_INIT("\x1B" "A"), STR_INIT("A")},
        {"two escapes are a blank", gsm_decode, STR_INIT("\x1B\x1B" "A"), STR_INIT(" A")},
        {"an escape at the end is nothing", gsm_decode, STR_INIT("A\x1B"), STR_INIT("A")},
        {"no septet has its top bit set", gsm_decode, STR_INIT("\x80\xFF"), STR_INIT("\xEF\xBF\xBD\xEF\xBF\xBD")},
        {"UTF-16", gsm_decode_ucs2, STR_INIT("\x04\x4F\xD8\x3D\xDE\x00"), STR_INIT(PIECE SMILE)},
        {"half a pair at the end", gsm_decode_ucs2, STR_INIT("\xD8\x3D"), STR_INIT("\xEF\xBF\xBD")},
        {"half a pair before a letter", gsm_decode_ucs2, STR_INIT("\xD8\x3D\x00" "A"), STR_INIT("\xEF\xBF\xBD" "A")},
        {"a low half alone", gsm_decode_ucs2, STR_INIT("\xDE\x00\x00" "A"), STR_INIT("\xEF\xBF\xBD" "A")},
        {"an odd octet at the end", gsm_decode_ucs2, STR_INIT("\x00" "A\x00"), STR_INIT("A\xEF\xBF\xBD")},
        {"Latin-1", gsm_decode_latin1, STR_INIT("A\xE9\x80"), STR_INIT("A\xC3\xA9\xC2\x80")},
        {"nothing is nothing", gsm_decode_ucs2, {NULL, 0}, STR_INIT("")},
    };
    /* clang-format on */
    struct buf out;

    (void)state;
    buf_init(&out, KIB);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        buf_reset(&out);
        cases[i].decode(cases[i].octets, &out);
        check_str(cases[i].name, buf_str(&out), cases[i].text);
        check(cases[i].name, str_is_utf8(buf_str(&out)));
    }
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measures),
        cmocka_unit_test(refuses_what_is_no_text),
        cmocka_unit_test(encodes_the_whole_alphabet),
        cmocka_unit_test(cuts_between_characters),
        cmocka_unit_test(decodes_whatever_comes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
