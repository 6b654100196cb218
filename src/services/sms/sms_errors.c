/* Refusals of whole requests. What is wrong with a body looks different in three generations of
 * versions; all else is the error object of the other services. Source: wire/sms §2.6. */
#include "services/body.h"
#include "services/sms/sms_wire.h"

#define RFC_400     "https://tools.ietf.org/html/rfc9110#section-15.5.1"
#define RFC_404     "https://tools.ietf.org/html/rfc9110#section-15.5.5"
#define TEXT_MAX    ((size_t)512)
#define ESCAPED_MAX ((size_t)6)
#define TRACE_LEN   ((size_t)55)

void sms_problem_add(struct sms_problems *p, const char *member, struct str text)
{
    if (p->n < SMS_PROBLEMS_MAX)
        p->items[p->n++] = (struct sms_problem){member, text};
}

/* "00-<32 hexadecimal digits>-<16>-00" */
static struct str trace_id(struct request *req)
{
    struct uuid trace = uuid_random(), span = uuid_random();
    char trace_hex[32], span_hex[16];

    hex_encode(trace.octets, 16, trace_hex);
    hex_encode(span.octets, 8, span_hex);
    return arena_printf(req->arena, "00-%.*s-%.*s-00", (int)sizeof trace_hex, trace_hex,
                        (int)sizeof span_hex, span_hex);
}

/* 2020-07-20-preview1: a list of fields. */
static void write_e0(const struct sms_problems *p, struct json_writer *w)
{
    json_array_begin(w);
    for (size_t i = 0; i < p->n; i++) {
        json_object_begin(w);
        json_member_str(w, "errorField", str_from(p->items[i].member));
        json_member_str(w, "errorDescription", p->items[i].text);
        json_object_end(w);
    }
    json_array_end(w);
}

/* A member may be wrong in several ways: they stand in one list. */
static void write_e1(const struct sms_problems *p, struct json_writer *w)
{
    json_object_begin(w);
    for (size_t i = 0; i < p->n; i++) {
        bool again = false;

        for (size_t j = 0; j < i; j++)
            again = again || strcmp(p->items[j].member, p->items[i].member) == 0;
        if (again)
            continue;
        json_name(w, p->items[i].member);
        json_array_begin(w);
        for (size_t j = i; j < p->n; j++)
            if (strcmp(p->items[j].member, p->items[i].member) == 0)
                json_str(w, p->items[j].text);
        json_array_end(w);
    }
    json_object_end(w);
}

static void write_e3(struct request *req, const struct sms_problems *p, struct json_writer *w)
{
    json_object_begin(w);
    json_member_str(w, "type", STR(RFC_400));
    json_member_str(w, "title", STR("One or more validation errors occurred."));
    json_member_int(w, "status", 400);
    json_name(w, "errors");
    write_e1(p, w);
    json_member_str(w, "traceId", trace_id(req));
    json_object_end(w);
}

void sms_answer_problems(struct request *req, const struct sms_problems *p)
{
    size_t max = TEXT_MAX + TRACE_LEN;
    struct json_writer w;
    struct buf out;

    for (size_t i = 0; i < p->n; i++)
        max += TEXT_MAX + ESCAPED_MAX * p->items[i].text.len;
    out = answer_buf(req, max);
    json_writer_init(&w, &out);
    if (req->version <= SMS_2020_07_20_PREVIEW1)
        write_e0(p, &w);
    else if (req->version < SMS_2025_09_17)
        write_e1(p, &w);
    else
        write_e3(req, p, &w);
    answer_json(req, 400, &out);
}

void sms_answer_no_report(struct request *req)
{
    struct buf out = answer_buf(req, TEXT_MAX);
    struct json_writer w;

    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "type", STR(RFC_404));
    json_member_str(&w, "title", STR("Not Found"));
    json_member_int(&w, "status", 404);
    json_member_str(&w, "traceId", trace_id(req));
    json_object_end(&w);
    answer_json(req, 404, &out);
}

void sms_answer_sender_unknown(struct request *req, struct str sender)
{
    const struct api_error *error =
        req->version <= SMS_2020_07_20_PREVIEW1 ? &API_NOT_FOUND : &API_UNAUTHORIZED;
    const struct resource *own = req->principal->resource;
    const struct resource *usual = gate_directory(req->site->gate)->default_resource;
    bool named = !usual || !uuid_eq(&own->id, &usual->id);

    answer_refusal(
        req, &(struct refusal){
                 error,
                 arena_printf(req->arena,
                              "The credential is fine, but the sender '" STR_FMT
                              "' is not on the list of senders of the resource '" STR_FMT
                              "'. Add it: callgate sender set '" STR_FMT "'%s" STR_FMT,
                              STR_ARG(sender), STR_ARG(own->name), STR_ARG(sender),
                              named ? " --resource " : "", STR_ARG(named ? own->name : STR_EMPTY)),
                 STR_EMPTY});
}

void sms_answer_rc(struct request *req, enum rc rc)
{
    if (rc == RC_FULL)
        answer_error(req, &API_NO_SPACE);
    else if (rc == RC_IO || rc == RC_BUSY || rc == RC_CONFLICT)
        answer_error(req, &API_UNAVAILABLE);
    else
        answer_error(req, &API_INTERNAL_ERROR);
}

bool sms_body(struct request *req, json_t **out)
{
    struct sms_problems p = {0};
    struct refusal why = {0};

    if (!body_object(req, out, &why))
        sms_problem_add(&p, "$", why.message);
    else if (!*out)
        sms_problem_add(&p, "$", STR("A non-empty request body is required."));
    if (p.n)
        sms_answer_problems(req, &p);
    return p.n == 0;
}

void sms_mms(struct request *req)
{
    answer_error(req, &API_UNSUPPORTED_API_VERSION);
}
