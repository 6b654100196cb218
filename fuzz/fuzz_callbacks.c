/* Callbacks of carriers: whatever was read names a message of ours or the carrier's id of it, ends
 * it with a code that we have, and has numbers as we write them.
 *
 * The first line is the kind (k: Kannel, h and q: gateways described in two ways, a: Event Grid), a
 * blank, and "what?query"; then header lines, an empty line, the body. */
#include "fuzz.h"

#include "carriers/carrier.h"
#include "http/outbound.h"

static const char described[] =
    "{\"reports\":{\"each\":\"/results\",\"id\":\"json:/id\",\"status\":\"json:/status/name\","
    "\"delivered\":[\"DELIVERED\",\"true\"],\"failed\":{\"EXPIRED\":4006,\"FAILED\":5000},"
    "\"code\":\"json:/error~0/0\",\"codes\":{\"7\":4005}},"
    "\"inbound\":{\"from\":\"form:From\",\"to\":\"form:To\",\"text\":\"form:Body\","
    "\"id\":\"form:Sid\"}}";
static const char otherwise[] =
    "{\"reports\":{\"id\":\"header:x-id\",\"status\":\"query:s\",\"delivered\":[\"1\"],"
    "\"failed\":[\"2\"]},\"inbound\":{\"from\":\"query:from\",\"to\":\"header:x-to\","
    "\"text\":\"body:\"}}";

struct world {
    struct arena arena;
    struct str query, headers;
};

static struct str query(void *ctx, const char *name)
{
    struct world *w = ctx;
    struct str value = STR_EMPTY;

    return url_query(w->query, str_from(name), &w->arena, &value) ? STR_EMPTY : value;
}

static struct str header(void *ctx, const char *name)
{
    const struct world *w = ctx;
    const struct outbound_call lines = {.answer_headers = w->headers};

    return outbound_answer_header(&lines, str_from(name));
}

static const struct carrier_ops *ops_of(char kind)
{
    if (kind == 'a')
        return &azure_carrier_ops;
    return kind == 'k' ? &kannel_carrier_ops : &http_carrier_ops;
}

static void check_report(const struct carrier_report *r)
{
    static const struct uuid none = {{0}};
    bool named = !uuid_eq(&r->id, &none);

    CHECK(r->n_refs <= 1);
    CHECK(r->n_refs ? r->refs[0].len > 0 && !r->secret.len : named || r->secret.len > 0);
    CHECK(!r->delivered || (r->final && r->code == 0));
    CHECK(r->final || r->code == 0);
    CHECK(!r->final || r->delivered || (r->code >= 4000 && r->code <= 9999));
    CHECK(r->detail && r->detail[0]);
}

static void check_number(struct str number)
{
    size_t digits = 0;

    CHECK(number.len > 0);
    while (digits < number.len && number.ptr[digits] >= '0' && number.ptr[digits] <= '9')
        digits++;
    CHECK(digits < number.len || digits < 7 || digits > 15); /* else it would have its '+' */
}

static void check(const struct carrier_callback *cb)
{
    for (size_t i = 0; i < cb->n_reports; i++)
        check_report(&cb->reports[i]);
    for (size_t i = 0; i < cb->n_inbound; i++) {
        check_number(cb->inbound[i].from);
        check_number(cb->inbound[i].to);
        CHECK(cb->inbound[i].segments >= 1 && cb->inbound[i].segments <= UINT8_MAX);
    }
    if (cb->answer.len) {
        json_t *answer = NULL;

        CHECK(json_read(cb->answer, &answer, NULL) == RC_OK);
        json_decref(answer);
    }
}

/* Header lines up to the empty one. */
static struct str take_headers(struct str *rest)
{
    const char *start = rest->ptr;
    struct str line;

    do {
        line = fuzz_take_line(rest);
    } while (line.len);
    return str_of(start, line.ptr ? (size_t)(line.ptr - start) : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_of(data, size), line = fuzz_take_line(&rest), what;
    struct carrier_callback cb = {.query = query, .header = header};
    struct world w = {0};
    json_t *config = NULL;

    if (line.len < 2 || line.ptr[1] != ' ')
        return 0;
    arena_init(&w.arena);
    CHECK(json_read(str_from(line.ptr[0] == 'q' ? otherwise : described), &config, NULL) == RC_OK);
    (void)str_cut(str_from_index(line, 2), '?', &what, &w.query); /* no query is fine */
    w.headers = take_headers(&rest);
    cb.what = what;
    cb.ctx = &w;
    cb.arena = &w.arena;
    cb.body = rest;
    cb.content_type = header(&w, "content-type");
    if (ops_of(line.ptr[0])->read_callback(config, &cb) == RC_OK)
        check(&cb);
    json_decref(config);
    arena_clear(&w.arena);
    return 0;
}
