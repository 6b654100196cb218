/* Targets, queries and authorities: first line a target, the rest an authority (one line: both). */
#include "fuzz.h"

#define OUT_MAX (64 * KIB)

/* The segments, encoded again, are the segments of the path they make. */
static void check_segments(const struct url *url, struct arena *arena)
{
    struct url again;
    struct buf path;

    buf_init(&path, OUT_MAX);
    buf_add_char(&path, '/');
    for (size_t i = 0; i < url->n; i++) {
        CHECK(!memchr(url->segments[i].ptr, '\0', url->segments[i].len));
        url_encode_segment(url->segments[i], &path);
        buf_add_char(&path, '/');
    }
    if (!path.failed) {
        CHECK(url_split(buf_str(&path), arena, &again) == RC_OK && again.n == url->n);
        for (size_t i = 0; i < url->n; i++)
            CHECK(str_eq(again.segments[i], url->segments[i]));
    }
    buf_clear(&path);
}

/* The form spelling is a fixed point, and means what the query meant. */
static void check_form(struct str query, struct arena *arena)
{
    struct str before, after, name = STR("api-version");
    struct buf form, again;

    buf_init(&form, OUT_MAX);
    buf_init(&again, OUT_MAX);
    url_query_as_form(query, &form);
    url_query_as_form(buf_str(&form), &again);
    if (!form.failed && !again.failed) {
        CHECK(str_eq(buf_str(&form), buf_str(&again)));
        if (url_query(query, name, arena, &before) == RC_OK && str_is_utf8(before))
            CHECK(url_query(buf_str(&form), name, arena, &after) == RC_OK && str_eq(before, after));
    }
    buf_clear(&form);
    buf_clear(&again);
}

static void check_target(struct str target)
{
    struct arena arena;
    struct url url;

    arena_init(&arena);
    check_form(target, &arena);
    if (url_split(target, &arena, &url) == RC_OK) {
        CHECK(url.path.ptr == target.ptr && fuzz_lies_within(url.query, target));
        CHECK(url.path.len + (url.query.ptr ? url.query.len + 1 : 0) == target.len);
        CHECK(url.n <= URL_SEGMENTS_MAX);
        check_segments(&url, &arena);
        check_form(url.query, &arena);
#ifdef PLANTED_FAULT /* an array one too short for what the parser lets through */
        static const char depth[URL_SEGMENTS_MAX - 2];
        static volatile char read __attribute__((unused));

        if (url.query.len)
            read = depth[url.n];
#endif
    }
    arena_clear(&arena);
}

static void check_authority(struct str authority)
{
    struct str host, host_again;
    uint16_t port, port_again;
    struct buf text;

    if (authority_split(authority, &host, &port))
        return;
    CHECK(host.len && fuzz_lies_within(host, authority));
    buf_init(&text, OUT_MAX);
    buf_addf(&text, str_find(host, ':') < host.len ? "[" STR_FMT "]" : STR_FMT, STR_ARG(host));
    if (port)
        buf_addf(&text, ":%u", (unsigned)port);
    if (!text.failed) {
        CHECK(authority_split(buf_str(&text), &host_again, &port_again) == RC_OK);
        CHECK(str_eq(host, host_again) && port == port_again);
    }
    buf_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_of(data, size), target = fuzz_take_line(&rest);

    check_target(target);
    check_authority(rest.len ? rest : target);
    return 0;
}
