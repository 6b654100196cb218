/* What a number and a sender look like. Source: wire/sms §2.2, §4.1, §4.2. */
#include "services/sms/sms_private.h"

#define DIGITS_MIN       ((size_t)8)
#define DIGITS_MAX       ((size_t)15)
#define DIGITS_US        ((size_t)11) /* country code 1: all of them have so many */
#define ALPHANUMERIC_MAX ((size_t)11)
#define SHOWN_START      ((size_t)3)
#define SHOWN_END        ((size_t)2)
#define ORIGIN_MAX       ((size_t)64) /* octets: 20 characters by SMPP, in UTF-8 */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Area code and exchange of the North American plan begin with 2 to 9. */
static bool is_plausible_us(struct str digits)
{
    return digits.ptr[1] >= '2' && digits.ptr[4] >= '2';
}

bool sms_number_valid(struct str text, bool strict)
{
    struct str digits = str_from_index(text, 1);

    if (text.len == 0 || text.ptr[0] != '+' || digits.len < DIGITS_MIN || digits.len > DIGITS_MAX ||
        !str_is_digits(digits) || digits.ptr[0] == '0')
        return false;
    if (digits.ptr[0] != '1')
        return true;
    return digits.len == DIGITS_US && (!strict || is_plausible_us(digits));
}

bool sms_origin_valid(struct str text)
{
    if (text.len == 0 || text.len > ORIGIN_MAX || !str_is_utf8(text))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7F)
            return false;
    return true;
}

/* 800, 833, 844, 855, 866, 877, 888. */
static bool is_toll_free(struct str number)
{
    static const struct str starts[] = {STR_INIT("+1800"), STR_INIT("+1833"), STR_INIT("+1844"),
                                        STR_INIT("+1855"), STR_INIT("+1866"), STR_INIT("+1877"),
                                        STR_INIT("+1888")};

    for (size_t i = 0; i < ARRAY_LEN(starts); i++)
        if (str_starts(number, starts[i]))
            return true;
    return false;
}

static bool is_alphanumeric(struct str text)
{
    bool letter = false;

    if (text.len == 0 || text.len > ALPHANUMERIC_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        letter = letter || is_letter(text.ptr[i]);
        if (!is_letter(text.ptr[i]) && !is_digit(text.ptr[i]) && text.ptr[i] != ' ')
            return false;
    }
    return letter;
}

enum sms_sender_kind sms_sender_kind_of(struct str sender, bool strict)
{
    if (sms_number_valid(sender, strict))
        return is_toll_free(sender) ? SMS_SENDER_TOLL_FREE : SMS_SENDER_LONG_CODE;
    if ((sender.len == 5 || sender.len == 6) && str_is_digits(sender))
        return SMS_SENDER_SHORT_CODE;
    return is_alphanumeric(sender) ? SMS_SENDER_ALPHANUMERIC : SMS_SENDER_NONE;
}

static const struct str kind_names[SMS_SENDER_KIND_COUNT] = {
    [SMS_SENDER_NONE] = STR_INIT(""),
    [SMS_SENDER_TOLL_FREE] = STR_INIT("tollFree"),
    [SMS_SENDER_SHORT_CODE] = STR_INIT("shortCode"),
    [SMS_SENDER_ALPHANUMERIC] = STR_INIT("alphanumeric"),
    [SMS_SENDER_LONG_CODE] = STR_INIT("longCode"),
};

struct str sms_sender_kind_name(enum sms_sender_kind kind)
{
    return kind > SMS_SENDER_NONE && kind < SMS_SENDER_KIND_COUNT ? kind_names[kind] : STR("");
}

enum sms_sender_kind sms_sender_kind_from_name(struct str name)
{
    for (int k = SMS_SENDER_TOLL_FREE; k < SMS_SENDER_KIND_COUNT; k++)
        if (name_eq_nocase(kind_names[k], name))
            return (enum sms_sender_kind)k;
    return SMS_SENDER_NONE;
}

struct str sms_masked(struct str id, struct arena *arena)
{
    bool digit = false;

    for (size_t i = 0; i < id.len; i++)
        digit = digit || (id.ptr[i] >= '0' && id.ptr[i] <= '9');
    if (!digit || id.len <= SHOWN_START + SHOWN_END)
        return digit ? STR("…") : id;
    return arena_printf(arena, STR_FMT "…" STR_FMT, STR_ARG(str_head(id, SHOWN_START)),
                        STR_ARG(str_from_index(id, id.len - SHOWN_END)));
}

/* A character of four octets is a surrogate pair; octets that go on a character count nothing. */
size_t sms_utf16_units(struct str text)
{
    size_t units = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        units += (c & 0xC0u) != 0x80u;
        units += c >= 0xF0u;
    }
    return units;
}
