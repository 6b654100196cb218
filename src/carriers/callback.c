/* Callbacks: see callback.h. The address of a report carries the message's id and its secret, so
 * that no carrier needs to remember which of its ids are ours. Source: wire/transports §1.3. */
#include "carriers/callback.h"

#include "carriers/gsm.h"
#include "http/url.h"

#define INTERNATIONAL_DIGITS_MIN 7
#define NUMBER_DIGITS_MAX        15
#define URL_MAX                  (4 * KIB)

struct str callback_query(const struct carrier_callback *cb, const char *name)
{
    return cb->query(cb->ctx, name);
}

struct str callback_header(const struct carrier_callback *cb, const char *name)
{
    return cb->header(cb->ctx, name);
}

struct str callback_number(const struct carrier_callback *cb, struct str text)
{
    struct str number = str_trim(text);

    if (!str_is_digits(number) || number.len < INTERNATIONAL_DIGITS_MIN)
        return number;
    if (str_starts(number, STR("00")))
        number = str_from_index(number, 2);
    if (number.len > NUMBER_DIGITS_MAX)
        return str_trim(text);
    return arena_printf(cb->arena, "+" STR_FMT, STR_ARG(number));
}

/* The charset of a media type, without quotes; empty: none. */
static struct str charset_of(struct str content_type)
{
    struct str part, rest = content_type, name, value;

    while (rest.len) {
        (void)str_cut(rest, ';', &part, &rest); /* the last one has none behind it */
        if (!str_cut(part, '=', &name, &value) || !name_eq_nocase(str_trim(name), STR("charset")))
            continue;
        value = str_trim(value);
        if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
            value = str_of(value.ptr + 1, value.len - 2);
        return value;
    }
    return STR_EMPTY;
}

struct str callback_text(const struct carrier_callback *cb)
{
    struct str charset = charset_of(cb->content_type), text;
    bool ucs2 = name_eq_nocase(charset, STR("utf-16be")) ||
                name_eq_nocase(charset, STR("utf-16")) || name_eq_nocase(charset, STR("ucs-2"));
    struct buf out;

    if (!ucs2 && !name_eq_nocase(charset, STR("iso-8859-1")) && str_is_utf8(cb->body))
        return cb->body;
    buf_init(&out, 3 * cb->body.len + 8);
    if (ucs2)
        gsm_decode_ucs2(cb->body, &out);
    else
        gsm_decode_latin1(cb->body, &out);
    text = arena_dup(cb->arena, buf_str(&out));
    buf_wipe(&out);
    return text;
}

uint32_t callback_segments(struct str text)
{
    struct gsm_measure measure;

    return gsm_measure(text, &measure) ? 1 : measure.segments;
}

struct carrier_inbound *callback_inbound(struct carrier_callback *cb)
{
    cb->inbound = arena_new(cb->arena, struct carrier_inbound);
    cb->n_inbound = 1;
    return cb->inbound;
}

struct carrier_report *callback_report(struct carrier_callback *cb)
{
    cb->reports = arena_new(cb->arena, struct carrier_report);
    cb->n_reports = 1;
    return cb->reports;
}

enum rc callback_message(const struct carrier_callback *cb, struct carrier_report *out)
{
    struct str id = callback_query(cb, "id"), key = callback_query(cb, "key");

    if (!id.len && !key.len)
        return RC_NOT_FOUND;
    if (!key.len || uuid_parse(id, &out->id))
        return RC_INVALID;
    out->secret = key;
    return RC_OK;
}

struct str callback_report_url(const struct carrier_host *host, const struct carrier_message *m,
                               struct arena *arena)
{
    char id[UUID_TEXT_LEN];
    struct str url = STR_EMPTY;
    struct buf out;

    if (!host->callback_url.len)
        return url;
    uuid_format(&m->id, id);
    buf_init(&out, URL_MAX);
    buf_add(&out, host->callback_url);
    buf_add(&out, STR("/report?id="));
    buf_add(&out, str_of(id, sizeof id));
    buf_add(&out, STR("&key="));
    url_encode_segment(m->secret, &out);
    if (!out.failed)
        url = arena_dup(arena, buf_str(&out));
    buf_wipe(&out);
    return url;
}
