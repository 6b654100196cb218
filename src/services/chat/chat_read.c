/* From bodies to values. Unknown members pass: newer clients send more than we know. What is wrong
 * is collected, so that the refusal names it. Source: wire/chat §1.3, §2. */
#include "services/chat/chat_wire.h"

#include "services/body.h"

#define DATE_LEN_MAX ((size_t)40)

static void wrong(struct chat_reading *r, const char *name, const char *what)
{
    chat_problem_add(&r->problems, arena_printf(r->req->arena, "%s %s.", name, what),
                     str_from(name));
}

static struct str text_of(const json_t *value)
{
    return str_of(json_string_value(value), json_string_length(value));
}

static size_t count_characters(struct str text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++)
        n += ((unsigned char)text.ptr[i] & 0xC0u) != 0x80u;
    return n;
}

bool chat_reading_begin(struct chat_reading *r, struct request *req)
{
    struct refusal why = {0};

    *r = (struct chat_reading){.req = req};
    if (body_object(req, &r->body, &why))
        return true;
    chat_answer_problem(req, why.message, why.target);
    return false;
}

bool chat_reading_end(struct chat_reading *r)
{
    json_decref(r->body);
    r->body = NULL;
    if (r->too_large)
        answer_error(r->req, &API_CHAT_TOO_LARGE);
    else if (r->problems.n)
        chat_answer_problems(r->req, &r->problems);
    return !r->too_large && r->problems.n == 0;
}

bool chat_reading_has(const struct chat_reading *r, const char *name)
{
    return json_object_get(r->body, name) != NULL;
}

void chat_read_str(struct chat_reading *r, const char *name, size_t max_chars, struct str *out)
{
    const json_t *value = json_object_get(r->body, name);

    if (!value || json_is_null(value))
        return;
    if (!json_is_string(value))
        wrong(r, name, "must be a string");
    else if (count_characters(text_of(value)) > max_chars)
        wrong(r, name, "is too long");
    else
        *out = arena_dup(r->req->arena, text_of(value));
}

void chat_read_topic(struct chat_reading *r, struct str *out)
{
    const json_t *value = json_object_get(r->body, "topic");

    if (!json_is_string(value) || !json_string_length(value))
        wrong(r, "topic", "must be a string of 1 to 250 characters");
    else
        chat_read_str(r, "topic", CHAT_TOPIC_MAX, out);
}

/* ---- metadata ---- */

struct str chat_json_text(const json_t *value, struct arena *arena)
{
    size_t len = json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
    char *text = arena_alloc(arena, len + 1);

    return str_of(text, json_dumpb(value, text, len, JSON_COMPACT | JSON_ENCODE_ANY));
}

static size_t metadata_octets(json_t *obj)
{
    size_t octets = 0;

    for (void *it = json_object_iter(obj); it; it = json_object_iter_next(obj, it))
        octets += strlen(json_object_iter_key(it)) + json_string_length(json_object_iter_value(it));
    return octets;
}

static bool is_string_map(json_t *obj)
{
    if (!json_is_object(obj))
        return false;
    for (void *it = json_object_iter(obj); it; it = json_object_iter_next(obj, it)) {
        const json_t *value = json_object_iter_value(it);

        if (!json_is_string(value) && !json_is_null(value))
            return false;
    }
    return true;
}

/* The member, if it is what metadata must be; NULL with or without a problem. */
static json_t *metadata_of(struct chat_reading *r, size_t max)
{
    json_t *value = json_object_get(r->body, "metadata");

    if (!value || json_is_null(value))
        return NULL;
    if (!is_string_map(value))
        wrong(r, "metadata", "must be an object of strings");
    else if (metadata_octets(value) > max)
        wrong(r, "metadata", "is too large");
    else
        return value;
    return NULL;
}

enum rc chat_metadata_merge(struct str old, struct str patch, size_t max, struct arena *arena,
                            struct str *out)
{
    AUTO(json_freep) json_t *merged = NULL;
    AUTO(json_freep) json_t *change = NULL;

    if (!old.len || json_read(old, &merged, NULL))
        merged = json_object();
    if (json_read(patch, &change, NULL))
        return RC_INVALID;
    if (json_is_null(change))
        json_object_clear(merged);
    for (void *it = json_object_iter(change); it; it = json_object_iter_next(change, it)) {
        const char *name = json_object_iter_key(it);
        json_t *value = json_object_iter_value(it);

        if (json_string_length(value))
            json_object_set(merged, name, value);
        else
            json_object_del(merged, name);
    }
    if (metadata_octets(merged) > max)
        return RC_TOO_LARGE;
    *out = json_object_size(merged) ? chat_json_text(merged, arena) : STR_EMPTY;
    return RC_OK;
}

void chat_read_metadata(struct chat_reading *r, size_t max, struct str *out)
{
    const json_t *value = metadata_of(r, max);

    if (value && chat_metadata_merge(STR_EMPTY, chat_json_text(value, r->req->arena), max,
                                     r->req->arena, out))
        wrong(r, "metadata", "is too large");
}

void chat_read_metadata_patch(struct chat_reading *r, size_t max, struct str *out)
{
    const json_t *value = metadata_of(r, max);

    if (value)
        *out = chat_json_text(value, r->req->arena);
    else if (json_is_null(json_object_get(r->body, "metadata")))
        *out = STR("null");
}

/* ---- retention ---- */

bool chat_read_retention(struct chat_reading *r, uint32_t *out_days)
{
    const json_t *value = json_object_get(r->body, "retentionPolicy");
    struct str kind;
    int64_t days;

    if (!value)
        return false;
    *out_days = 0;
    if (json_is_null(value))
        return true;
    if (json_get_str(value, "kind", &kind) ||
        (!name_eq(kind, STR("none")) && !name_eq(kind, STR("threadCreationDate"))))
        wrong(r, "retentionPolicy.kind", "must be 'none' or 'threadCreationDate'");
    else if (name_eq(kind, STR("none")))
        return true;
    else if (json_get_int(value, "deleteThreadAfterDays", &days) || days < CHAT_RETENTION_MIN ||
             days > CHAT_RETENTION_MAX)
        wrong(r, "retentionPolicy.deleteThreadAfterDays", "must be a number from 30 to 90");
    else
        *out_days = (uint32_t)days;
    return true;
}

/* ---- dates ---- */

/* Takes decimal digits off the front, up to `sep`. */
static bool take_number(struct str *rest, char sep, unsigned max, unsigned *out)
{
    struct str digits;
    uint64_t value;

    if (!str_cut(*rest, sep, &digits, rest) || digits.len > 4 || str_to_u64(digits, max, &value))
        return false;
    *out = (unsigned)value;
    return true;
}

/* "1/31/1970 12:00:00 AM +00:00", rewritten as RFC 3339. Source: wire/chat §2.6. */
static enum rc odd_date(struct str text, struct arena *arena, struct str *out)
{
    unsigned month, day, year, hour, minute, second;
    struct str half, zone;

    if (!take_number(&text, '/', 12, &month) || !take_number(&text, '/', 31, &day) ||
        !take_number(&text, ' ', 9999, &year) || !take_number(&text, ':', 12, &hour) ||
        !take_number(&text, ':', 59, &minute) || !take_number(&text, ' ', 59, &second) ||
        !str_cut(text, ' ', &half, &zone))
        return RC_INVALID;
    if (!name_eq(half, STR("AM")) && !name_eq(half, STR("PM")))
        return RC_INVALID;
    hour = hour % 12 + (half.ptr[0] == 'P' ? 12 : 0);
    *out = arena_printf(arena, "%04u-%02u-%02uT%02u:%02u:%02u" STR_FMT, year, month, day, hour,
                        minute, second, STR_ARG(zone));
    return RC_OK;
}

enum rc chat_time_parse(struct str text, struct arena *arena, unix_ms *out)
{
    unix_ms t;

    if (text.len > DATE_LEN_MAX)
        return RC_INVALID;
    if (time_from_iso8601(text, &t) &&
        (odd_date(text, arena, &text) || time_from_iso8601(text, &t)))
        return RC_INVALID;
    *out = t > 0 ? t : 0;
    return RC_OK;
}
