/* See series.h. The text of a row: {"seed","firsts":[["subject","data"]],"seconds":[…],"tail"}. */
#include "events/series.h"

#include "base/json.h"

#define SEED_AT  10         /* the part of an id that counts */
#define TEXT_MAX (64 * MIB) /* never reached: services limit names, texts and how many */

size_t series_count(const struct event_series *s)
{
    return s->n_firsts * s->n_seconds;
}

size_t series_data_len(const struct event_series *s, size_t k)
{
    return s->firsts[k / s->n_seconds].data.len + s->seconds[k % s->n_seconds].data.len +
           s->tail.len;
}

bool series_is_long(const struct event_series *s)
{
    size_t octets = 0;

    if (series_count(s) > SERIES_EVENTS_MAX)
        return true;
    for (size_t k = 0; k < series_count(s); k++)
        octets += series_data_len(s, k);
    return octets > SERIES_OCTETS_MAX;
}

static struct str joined(struct arena *arena, struct str a, struct str b, struct str c)
{
    char *text = arena_alloc(arena, a.len + b.len + c.len + 1);
    const struct str parts[] = {a, b, c};
    size_t len = 0;

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (parts[i].len)
            memcpy(text + len, parts[i].ptr, parts[i].len);
        len += parts[i].len;
    }
    return str_of(text, len);
}

static struct str id_of(const struct uuid *seed, size_t k, struct arena *arena)
{
    struct uuid id = *seed;
    char text[UUID_TEXT_LEN];

    for (size_t at = sizeof id.octets; k && at-- > SEED_AT;) {
        k += id.octets[at];
        id.octets[at] = (uint8_t)(k & 0xffU);
        k >>= 8;
    }
    uuid_format(&id, text);
    return arena_dup(arena, str_of(text, sizeof text));
}

struct event series_event(const struct event_series *s, const struct uuid *seed, size_t k,
                          struct arena *arena)
{
    const struct event_part *first = &s->firsts[k / s->n_seconds];
    const struct event_part *second = &s->seconds[k % s->n_seconds];

    return (struct event){
        .resource = s->resource,
        .id = id_of(seed, k, arena),
        .type = s->type,
        .subject = joined(arena, first->subject, second->subject, STR_EMPTY),
        .data = joined(arena, first->data, second->data, s->tail),
        .time = s->time,
    };
}

/* ---- the row ---- */

bool series_is_row(const struct event_row *row)
{
    return row->event_id.len == 0;
}

static void write_parts(struct json_writer *w, const char *name, const struct event_part *parts,
                        size_t n)
{
    json_name(w, name);
    json_array_begin(w);
    for (size_t i = 0; i < n; i++) {
        json_array_begin(w);
        json_str(w, parts[i].subject);
        json_str(w, parts[i].data);
        json_array_end(w);
    }
    json_array_end(w);
}

struct str series_write(const struct event_series *s, const struct uuid *seed, struct arena *arena)
{
    struct json_writer w;
    struct buf out;
    struct str text;

    buf_init(&out, TEXT_MAX);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_id(&w, "seed", seed);
    write_parts(&w, "firsts", s->firsts, s->n_firsts);
    write_parts(&w, "seconds", s->seconds, s->n_seconds);
    json_member_str(&w, "tail", s->tail);
    json_object_end(&w);
    if (out.failed)
        abort(); /* no memory */
    text = arena_dup(arena, buf_str(&out));
    buf_clear(&out);
    return text;
}

static bool read_text(const json_t *text, struct arena *arena, struct str *out)
{
    if (!json_is_string(text))
        return false;
    *out = arena_dup(arena, str_of(json_string_value(text), json_string_length(text)));
    return true;
}

static enum rc read_parts(const json_t *list, struct arena *arena, const struct event_part **out,
                          size_t *out_n)
{
    size_t n = json_array_size(list);
    struct event_part *parts = arena_array(arena, struct event_part, n);

    for (size_t i = 0; i < n; i++) {
        const json_t *part = json_array_get(list, i);

        if (!read_text(json_array_get(part, 0), arena, &parts[i].subject) ||
            !read_text(json_array_get(part, 1), arena, &parts[i].data))
            return RC_INVALID;
    }
    *out = parts;
    *out_n = n;
    return n ? RC_OK : RC_INVALID;
}

enum rc series_read(const struct event_row *row, struct arena *arena, struct event_series *out,
                    struct uuid *out_seed)
{
    AUTO(json_freep) json_t *obj = NULL;
    struct str seed;
    enum rc rc;

    *out = (struct event_series){.resource = row->resource, .type = row->type, .time = row->time};
    if (json_read(row->data, &obj, NULL) || json_get_str(obj, "seed", &seed) ||
        uuid_parse(seed, out_seed) || !read_text(json_object_get(obj, "tail"), arena, &out->tail))
        return RC_INVALID;
    rc = read_parts(json_object_get(obj, "firsts"), arena, &out->firsts, &out->n_firsts);
    return rc ? rc
              : read_parts(json_object_get(obj, "seconds"), arena, &out->seconds, &out->n_seconds);
}
