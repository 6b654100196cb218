/* api-version texts. They are compared here and nowhere else; handlers compare numbers. */
#include "http/version.h"

uint8_t version_find(const struct service *service, struct str text)
{
    for (uint8_t i = service->version_count; i > 0; i--) /* newest first: what most clients send */
        if (service->any_case ? name_eq_nocase(service->versions[i - 1], text)
                              : name_eq(service->versions[i - 1], text))
            return i;
    return 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_suffix_char(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-';
}

static unsigned two_digits(const char *p)
{
    return (unsigned)(p[0] - '0') * 10 + (unsigned)(p[1] - '0');
}

bool version_well_formed(struct str text)
{
    static const char form[] = "0000-00-00";
    unsigned month, day;

    if (text.len < sizeof form - 1)
        return false;
    for (size_t i = 0; i < sizeof form - 1; i++)
        if (form[i] == '0' ? !is_digit(text.ptr[i]) : text.ptr[i] != form[i])
            return false;
    month = two_digits(text.ptr + 5);
    day = two_digits(text.ptr + 8);
    if (month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    if (text.len == sizeof form - 1)
        return true;
    if (text.ptr[10] != '-' || text.len == sizeof form)
        return false;
    for (size_t i = sizeof form; i < text.len; i++)
        if (!is_suffix_char(text.ptr[i]))
            return false;
    return true;
}
