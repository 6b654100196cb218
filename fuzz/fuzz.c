/* Helpers of the fuzz targets: see fuzz.h. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

void fuzz_fail(const char *property, const char *file, int line)
{
    (void)fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, property);
    abort();
}

bool fuzz_lies_within(struct str part, struct str whole)
{
    return part.len == 0 || (part.ptr >= whole.ptr && part.len <= whole.len &&
                             (size_t)(part.ptr - whole.ptr) <= whole.len - part.len);
}

struct str fuzz_take_line(struct str *rest)
{
    struct str line;

    (void)str_cut(*rest, '\n', &line, rest); /* without one the rest is the line */
    return line;
}

enum rc fuzz_request_read(struct fuzz_request *f, struct str text)
{
    struct request *req = &f->req;
    struct str line = fuzz_take_line(&text), method, name, value, version;

    *f = (struct fuzz_request){0};
    arena_init(&f->arena);
    req->arena = &f->arena;
    req->door = &f->door;
    req->headers.items = f->lines;
    req->now = FUZZ_NOW;
    if (!str_cut(line, ' ', &method, &line))
        return RC_INVALID;
    (void)str_cut(line, ' ', &req->target, &version); /* which nobody asks for */
    if (url_split(req->target, &f->arena, &req->url))
        return RC_INVALID;
    req->method = method_from_name(method);
    while (text.len && req->headers.n < HEADERS_MAX) {
        line = fuzz_take_line(&text);
        if (!line.len)
            break;
        if (str_cut(line, ':', &name, &value))
            headers_add(&req->headers, name, str_trim(value));
    }
    req->body = text;
    return RC_OK;
}

void fuzz_request_clear(struct fuzz_request *f)
{
    arena_clear(&f->arena);
}
