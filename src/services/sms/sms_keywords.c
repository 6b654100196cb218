/* Words by which a recipient speaks to the service. Source: wire/sms §4.4. */
#include "services/sms/sms_core.h"

static const struct {
    struct str word;
    enum sms_keyword keyword;
} words[] = {
    {STR_INIT("STOP"), SMS_KEYWORD_STOP},        {STR_INIT("STOPALL"), SMS_KEYWORD_STOP},
    {STR_INIT("UNSUBSCRIBE"), SMS_KEYWORD_STOP}, {STR_INIT("CANCEL"), SMS_KEYWORD_STOP},
    {STR_INIT("END"), SMS_KEYWORD_STOP},         {STR_INIT("QUIT"), SMS_KEYWORD_STOP},
    {STR_INIT("REVOKE"), SMS_KEYWORD_STOP},      {STR_INIT("OPTOUT"), SMS_KEYWORD_STOP},
    {STR_INIT("START"), SMS_KEYWORD_START},      {STR_INIT("UNSTOP"), SMS_KEYWORD_START},
    {STR_INIT("HELP"), SMS_KEYWORD_HELP},
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

enum sms_keyword sms_keyword_of(struct str text)
{
    while (text.len && is_blank(text.ptr[0]))
        text = str_from_index(text, 1);
    while (text.len && is_blank(text.ptr[text.len - 1]))
        text.len--;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (name_eq_nocase(text, words[i].word))
            return words[i].keyword;
    return SMS_KEYWORD_NONE;
}
