/* Refusals in the words of Entra ID: clients read `error` and the codes, and print the rest, so
 * that the text reaches a developer's console. In production it says no more than the code does.
 * Source: wire/managed-identity §1.9. */
#include "services/issuer/issuer_private.h"

#define X(name, number, status, error, text, remedy)                                               \
    const struct issuer_error AADSTS_##name = {number, status, STR_INIT(error), STR_INIT(text),    \
                                               STR_INIT(remedy)};
#include "services/issuer/issuer_error.def"
#undef X

static const struct issuer_error *const all[] = {
#define X(name, number, status, error, text, remedy) &AADSTS_##name,
#include "services/issuer/issuer_error.def"
#undef X
};

#define NUMBER_MAX 99999999
#define PAGE_MAX   (4 * KIB)
#define STAMP_LEN  20

struct str issuer_client_request_id(struct request *req)
{
    struct str id = STR_EMPTY;
    struct uuid parsed;

    if (headers_only(&req->headers, STR("client-request-id"), &id) == RC_NOT_FOUND)
        id = request_query(req, "client-request-id");
    return uuid_parse(id, &parsed) ? STR_EMPTY : id;
}

void issuer_no_store(struct request *req)
{
    struct str id = issuer_client_request_id(req);

    reply_header(req, STR("Cache-Control"), STR("no-store, no-cache"));
    reply_header(req, STR("Pragma"), STR("no-cache"));
    if (id.len)
        reply_header(req, STR("client-request-id"), id);
}

static struct str new_guid(struct request *req)
{
    struct uuid id = uuid_random();
    char *text = arena_alloc(req->arena, UUID_TEXT_LEN);

    uuid_format(&id, text);
    return str_of(text, UUID_TEXT_LEN);
}

/* "2026-11-23 15:00:00Z" */
static struct str stamp(struct request *req)
{
    char *text = arena_alloc(req->arena, ISO8601_LEN);

    time_to_iso8601(req->now, text);
    text[10] = ' ';
    text[STAMP_LEN - 1] = 'Z';
    return str_of(text, STAMP_LEN);
}

/* A reason, which may be half a sentence, beside whole ones. */
static struct str reason(struct request *req, struct str why)
{
    return arena_printf(req->arena, "Reason: " STR_FMT "%s", STR_ARG(why),
                        str_ends(why, STR(".")) ? "" : ".");
}

/* Text, what was sent, the reason, the remedy: those that there are, a blank between them. */
static struct str description(struct request *req, const struct issuer_refusal *r, struct str trace,
                              struct str correlation)
{
    bool helps = req->site->options->development;
    const struct str parts[] = {r->error->text, r->named,
                                req->explains && r->why.len ? reason(req, r->why) : STR_EMPTY,
                                helps ? r->error->remedy : STR_EMPTY};
    struct str text = arena_printf(req->arena, "AADSTS%d:", r->error->number);

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (parts[i].len)
            text = arena_printf(req->arena, STR_FMT " " STR_FMT, STR_ARG(text), STR_ARG(parts[i]));
    }
    return arena_printf(req->arena,
                        STR_FMT "\r\nTrace ID: " STR_FMT "\r\nCorrelation ID: " STR_FMT
                                "\r\nTimestamp: " STR_FMT,
                        STR_ARG(text), STR_ARG(trace), STR_ARG(correlation), STR_ARG(stamp(req)));
}

static void write_error(struct request *req, const struct issuer_refusal *r, struct buf *out)
{
    struct uuid parsed;
    struct str trace = uuid_parse(req->id, &parsed) ? new_guid(req) : req->id;
    struct str correlation = issuer_client_request_id(req);
    struct json_writer w;

    if (!correlation.len)
        correlation = new_guid(req);
    json_writer_init(&w, out);
    json_object_begin(&w);
    json_member_str(&w, "error", r->error->error);
    json_member_str(&w, "error_description", description(req, r, trace, correlation));
    json_name(&w, "error_codes");
    json_array_begin(&w);
    json_int(&w, r->error->number);
    json_array_end(&w);
    json_member_str(&w, "timestamp", stamp(req));
    json_member_str(&w, "trace_id", trace);
    json_member_str(&w, "correlation_id", correlation);
    json_member_str(&w, "error_uri",
                    arena_printf(req->arena, STR_FMT "/error?code=%d", STR_ARG(request_origin(req)),
                                 r->error->number));
    json_object_end(&w);
}

void issuer_refuse(struct request *req, const struct issuer_refusal *r)
{
    struct buf out;

    buf_init(&out, 64 * KIB);
    write_error(req, r, &out);
    req->explain = arena_printf(req->arena, "AADSTS%d; " STR_FMT "%s" STR_FMT, r->error->number,
                                STR_ARG(r->error->text), r->why.len ? " " : "",
                                STR_ARG(r->why.len ? reason(req, r->why) : STR_EMPTY));
    issuer_no_store(req);
    answer_json_moved(req, r->error->status, &out);
}

void issuer_refuse_plain(struct request *req, const struct issuer_error *error)
{
    issuer_refuse(req, &(struct issuer_refusal){.error = error});
}

void issuer_error_page(struct request *req)
{
    struct str code = request_query(req, "code");
    uint64_t number = 0;
    struct buf out;

    buf_init(&out, PAGE_MAX);
    if (!str_to_u64(code, NUMBER_MAX, &number)) {
        for (size_t i = 0; i < ARRAY_LEN(all); i++) {
            if ((uint64_t)all[i]->number == number)
                buf_addf(&out, "%sAADSTS%d (%d " STR_FMT ")\n" STR_FMT "\n" STR_FMT "\n",
                         out.len ? "\n" : "", all[i]->number, all[i]->status,
                         STR_ARG(all[i]->error), STR_ARG(all[i]->text), STR_ARG(all[i]->remedy));
        }
    }
    if (!out.len) {
        reply_text(req, 404, STR("text/plain; charset=utf-8"),
                   STR("This issuer has no error of that number: write /error?code=7000215.\n"));
        return;
    }
    answer_text_moved(req, STR("text/plain; charset=utf-8"), &out);
}
