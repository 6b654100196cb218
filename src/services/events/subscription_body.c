/* A subscription in JSON: read from a request, shown in an answer. Members have the names that the
 * cloud's management API uses. Source: wire/events §1. */
#include "services/events/subscription_handlers.h"

#include "services/body.h"

#define MEMBERS_MAX  16
#define BATCH_KIB    64
#define ATTEMPTS_MAX 30
#define TTL_MINUTES  1440

struct put_body {
    struct str endpoint, schema, begins, ends;
    struct json_str_list types;
    bool case_sensitive;
    int64_t attempts_max, ttl_minutes, batch_max, batch_kib;
};

#define AT(member) offsetof(struct put_body, member)
/* clang-format off */
static const struct json_field fields[] = {
    {"endpoint",                      JSON_FIELD_STR,      AT(endpoint),       1, SUBSCRIPTION_URL_MAX,    true},
    {"schema",                        JSON_FIELD_STR,      AT(schema),         1, 64,                      false},
    {"includedEventTypes",            JSON_FIELD_STR_LIST, AT(types),          0, SUBSCRIPTION_TYPES_MAX,  false},
    {"subjectBeginsWith",             JSON_FIELD_STR,      AT(begins),         0, SUBSCRIPTION_FILTER_MAX, false},
    {"subjectEndsWith",               JSON_FIELD_STR,      AT(ends),           0, SUBSCRIPTION_FILTER_MAX, false},
    {"isSubjectCaseSensitive",        JSON_FIELD_BOOL,     AT(case_sensitive), 0, 0,                       false},
    {"maxDeliveryAttempts",           JSON_FIELD_INT,      AT(attempts_max),   1, 30,                      false},
    {"eventTimeToLiveInMinutes",      JSON_FIELD_INT,      AT(ttl_minutes),    1, 1440,                    false},
    {"maxEventsPerBatch",             JSON_FIELD_INT,      AT(batch_max),      1, 5000,                    false},
    {"preferredBatchSizeInKilobytes", JSON_FIELD_INT,      AT(batch_kib),      1, 1024,                    false},
    {0}};
/* clang-format on */

static bool refuse(struct refusal *why, struct str message, struct str target)
{
    *why = (struct refusal){&API_VALIDATION, message, target};
    return false;
}

/* ---- reading ---- */

static bool known_members(struct request *req, json_t *obj, struct refusal *why)
{
    struct str names[MEMBERS_MAX];
    size_t n = 0;

    for (; fields[n].name; n++)
        names[n] = str_from(fields[n].name);
    names[n++] = STR("headers");
    return body_only(req, obj, names, n, why);
}

/* A number out of range names its range: it stands in the table. */
static bool problem_text(struct request *req, const struct json_problem *p, struct refusal *why)
{
    struct str target = arena_printf(req->arena, "$." STR_FMT, STR_ARG(p->field));

    for (const struct json_field *f = fields; f->name; f++)
        if (f->type == JSON_FIELD_INT && name_eq(p->field, str_from(f->name)))
            return refuse(why,
                          arena_printf(req->arena, "%s must be a number from %lld to %lld.",
                                       f->name, (long long)f->min, (long long)f->max),
                          target);
    return refuse(why, arena_printf(req->arena, STR_FMT " %s.", STR_ARG(p->field), p->reason),
                  target);
}

static bool read_endpoint(struct request *req, const struct put_body *b,
                          const struct subscription *former, struct subscription *out,
                          struct refusal *why)
{
    const char *against = events_endpoint_against(req->site->events, b->endpoint);

    if (against)
        return refuse(why, arena_printf(req->arena, "endpoint %s.", against), STR("$.endpoint"));
    (void)str_cut(b->endpoint, '?', &out->endpoint, &out->query); /* without one: empty */
    if (!name_eq(out->query, HIDDEN))
        return true;
    if (!former || !former->query.len || !name_eq(former->endpoint, out->endpoint))
        return refuse(why, STR("endpoint has a hidden query: give the query itself."),
                      STR("$.endpoint"));
    out->query = former->query;
    return true;
}

static bool is_type(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7F)
            return false;
    return text.len > 0 && text.len <= 256;
}

static bool read_types(const struct put_body *b, struct subscription *out, struct refusal *why)
{
    for (size_t i = 0; i < b->types.n; i++)
        if (!is_type(b->types.items[i]))
            return refuse(why,
                          STR("includedEventTypes must be names of event types, like "
                              "Microsoft.Communication.SMSReceived."),
                          STR("$.includedEventTypes"));
    out->types = b->types.items;
    out->types_n = b->types.n;
    return true;
}

static const struct subscription_header *header_of(const struct subscription *s, struct str name)
{
    for (size_t i = 0; s && i < s->headers_n; i++)
        if (name_eq_nocase(s->headers[i].name, name))
            return &s->headers[i];
    return NULL;
}

/* "value", or {"value","secret"}. What opens doors is a secret whether it is said or not. */
static bool header_value(const json_t *item, struct subscription_header *h)
{
    struct str value;

    h->secret = name_eq_nocase(h->name, STR("authorization"));
    if (json_is_string(item)) {
        h->value = str_of(json_string_value(item), json_string_length(item));
        return true;
    }
    if (!json_is_object(item) || json_get_str(item, "value", &value))
        return false;
    h->value = value;
    if (json_object_get(item, "secret")) {
        bool secret;

        if (json_get_bool(item, "secret", &secret))
            return false;
        h->secret = h->secret || secret;
    }
    return json_object_size(item) == 1 + (json_object_get(item, "secret") != NULL);
}

/* What the headers of one body are read by. */
struct header_reading {
    struct request *req;
    const struct subscription *former;
    struct subscription *out;
    struct refusal *why;
};

static bool read_header(const struct header_reading *r, const char *name, const json_t *item)
{
    struct arena *arena = r->req->arena;
    struct subscription_header h = {.name = arena_dup(arena, str_from(name))};
    const struct subscription_header *before = header_of(r->former, h.name);
    struct str shown = body_excerpt(h.name);
    struct str target = arena_printf(arena, "$.headers." STR_FMT, STR_ARG(shown));
    const char *against;

    if (!header_value(item, &h))
        return refuse(r->why, STR("A header is a text, or an object of \"value\" and \"secret\"."),
                      target);
    if (name_eq(h.value, HIDDEN) && before && before->secret) {
        h.value = before->value;
        h.secret = true;
    }
    against =
        header_of(r->out, h.name) ? "is there twice" : subscription_header_against(h.name, h.value);
    if (against)
        return refuse(r->why,
                      arena_printf(arena, "The header '" STR_FMT "' %s.", STR_ARG(shown), against),
                      target);
    h.value = arena_dup(arena, h.value);
    r->out->headers[r->out->headers_n++] = h;
    return true;
}

static bool read_headers(const struct header_reading *r, json_t *obj)
{
    json_t *headers = json_object_get(obj, "headers");

    if (!headers || json_is_null(headers))
        return true;
    if (!json_is_object(headers))
        return refuse(r->why, STR("headers must be an object of names and values."),
                      STR("$.headers"));
    if (json_object_size(headers) > SUBSCRIPTION_HEADERS_MAX)
        return refuse(r->why, STR("There may be 10 headers at most."), STR("$.headers"));
    for (void *it = json_object_iter(headers); it; it = json_object_iter_next(headers, it))
        if (!read_header(r, json_object_iter_key(it), json_object_iter_value(it)))
            return false;
    return true;
}

bool subscription_body(struct request *req, const struct subscription *former,
                       struct subscription *out, struct refusal *why)
{
    AUTO(json_freep) json_t *obj = NULL;
    struct put_body b = {.schema = STR("EventGridSchema"),
                         .attempts_max = ATTEMPTS_MAX,
                         .ttl_minutes = TTL_MINUTES,
                         .batch_max = 1,
                         .batch_kib = BATCH_KIB};
    struct json_problem problem = {0};

    if (!body_object(req, &obj, why))
        return false;
    if (!obj)
        obj = json_object();
    if (!known_members(req, obj, why))
        return false;
    if (json_fill(obj, fields, false, &b, req->arena, &problem))
        return problem_text(req, &problem, why);
    *out = (struct subscription){.schema = event_schema_of(b.schema),
                                 .begins = b.begins,
                                 .ends = b.ends,
                                 .case_sensitive = b.case_sensitive,
                                 .attempts_max = (uint32_t)b.attempts_max,
                                 .ttl_minutes = (uint32_t)b.ttl_minutes,
                                 .batch_max = (uint32_t)b.batch_max,
                                 .batch_kib = (uint32_t)b.batch_kib};
    if (out->schema == SCHEMA_NONE)
        return refuse(why, STR("schema must be EventGridSchema or CloudEventSchemaV1_0."),
                      STR("$.schema"));
    return read_endpoint(req, &b, former, out, why) && read_types(&b, out, why) &&
           read_headers(&(struct header_reading){req, former, out, why}, obj);
}

/* ---- writing ---- */

static void write_filters(const struct subscription *s, struct json_writer *w)
{
    json_name(w, "includedEventTypes");
    json_array_begin(w);
    for (size_t i = 0; i < s->types_n; i++)
        json_str(w, s->types[i]);
    json_array_end(w);
    json_member_str(w, "subjectBeginsWith", s->begins);
    json_member_str(w, "subjectEndsWith", s->ends);
    json_member_bool(w, "isSubjectCaseSensitive", s->case_sensitive);
}

static void write_headers(const struct subscription *s, struct json_writer *w)
{
    json_name(w, "headers");
    json_object_begin(w);
    for (size_t i = 0; i < s->headers_n; i++) {
        json_name(w, s->headers[i].name.ptr);
        json_str(w, s->headers[i].secret ? HIDDEN : s->headers[i].value);
    }
    json_object_end(w);
}

void subscription_write_json(struct request *req, const struct subscription *s,
                             struct json_writer *w)
{
    struct str url = events_validation_url(req->site->events, s, req->arena);

    json_object_begin(w);
    json_member_str(w, "name", s->name);
    json_member_str(w, "provisioningState", subscription_state_name(s->state));
    if (url.len)
        json_member_str(w, "validationUrl", url);
    if (s->failure.len)
        json_member_str(w, "lastError", s->failure);
    json_member_str(w, "endpoint",
                    s->query.len ? arena_printf(req->arena, STR_FMT "?" STR_FMT,
                                                STR_ARG(s->endpoint), STR_ARG(HIDDEN))
                                 : s->endpoint);
    json_member_str(w, "schema", event_schema_name(s->schema));
    write_filters(s, w);
    json_member_int(w, "maxDeliveryAttempts", s->attempts_max);
    json_member_int(w, "eventTimeToLiveInMinutes", s->ttl_minutes);
    json_member_int(w, "maxEventsPerBatch", s->batch_max);
    json_member_int(w, "preferredBatchSizeInKilobytes", s->batch_kib);
    write_headers(s, w);
    json_member_time(w, "createdOn", s->created);
    json_object_end(w);
}
