/* From a row to a subscription and back. What may be a secret (values of headers, the query of the
 * endpoint) is in the sealed part, all else in the document. Source: wire/events §1, §2. */
#include "events/subscription.h"

#include "base/json.h"
#include "crypto/seal.h"
#include "http/header.h"

#include <stdlib.h>

#define DOCUMENT_MAX (256 * KIB)
#define NAME_MAX_LEN 128 /* of a static header */

/* clang-format off */
static const struct {
    enum event_schema schema;
    struct str name;
} schemas[] = {
    {SCHEMA_EVENT_GRID,   STR_INIT("EventGridSchema")},
    {SCHEMA_CLOUD_EVENTS, STR_INIT("CloudEventSchemaV1_0")},
};

/* Headers that are ours, the connection's, or say for whom a request is. */
static const struct str not_theirs[] = {
    STR_INIT("host"), STR_INIT("content-length"), STR_INIT("content-type"),
    STR_INIT("transfer-encoding"), STR_INIT("te"), STR_INIT("trailer"), STR_INIT("connection"),
    STR_INIT("keep-alive"), STR_INIT("upgrade"), STR_INIT("expect"), STR_INIT("accept-encoding"),
    STR_INIT("origin"), STR_INIT("user-agent"), STR_INIT("proxy-authorization"),
};
/* clang-format on */

struct str event_schema_name(enum event_schema schema)
{
    for (size_t i = 0; i < ARRAY_LEN(schemas); i++)
        if (schemas[i].schema == schema)
            return schemas[i].name;
    return STR_EMPTY;
}

enum event_schema event_schema_of(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(schemas); i++)
        if (name_eq_nocase(schemas[i].name, name))
            return schemas[i].schema;
    return SCHEMA_NONE;
}

struct str subscription_state_name(enum subscription_state state)
{
    switch (state) {
    case SUBSCRIPTION_NONE:
        break;
    case SUBSCRIPTION_CREATING:
        return STR("Creating");
    case SUBSCRIPTION_UPDATING:
        return STR("Updating");
    case SUBSCRIPTION_SUCCEEDED:
        return STR("Succeeded");
    case SUBSCRIPTION_FAILED:
        return STR("Failed");
    case SUBSCRIPTION_AWAITING:
        return STR("AwaitingManualAction");
    case SUBSCRIPTION_DELETING:
        return STR("Deleting");
    }
    return STR_EMPTY;
}

/* ---- static headers ---- */

const char *subscription_header_against(struct str name, struct str value)
{
    if (!header_is_token(name) || name.len > NAME_MAX_LEN)
        return "is not a header's name";
    if (str_starts_nocase(name, STR("aeg-")) || str_starts_nocase(name, STR("webhook-")))
        return "is a header that the server sends itself";
    for (size_t i = 0; i < ARRAY_LEN(not_theirs); i++)
        if (name_eq_nocase(name, not_theirs[i]))
            return "is a header that the server sends itself";
    if (str_trim(value).len == 0)
        return "has an empty value";
    if (value.len > SUBSCRIPTION_VALUE_MAX)
        return "has a value of more than 4096 octets";
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.ptr[i] < ' ' || value.ptr[i] == 0x7F)
            return "has a value with control characters";
    return NULL;
}

/* ---- reading ---- */

struct fields {
    struct str endpoint, schema, begins, ends;
    struct json_str_list types;
    bool case_sensitive, proven;
    int64_t attempts_max, ttl_minutes, batch_max, batch_kib, rate;
};

#define AT(member) offsetof(struct fields, member)
/* clang-format off */
static const struct json_field fields[] = {
    {"endpoint",       JSON_FIELD_STR,      AT(endpoint),       1, SUBSCRIPTION_URL_MAX, true},
    {"schema",         JSON_FIELD_STR,      AT(schema),         0, 0, true},
    {"types",          JSON_FIELD_STR_LIST, AT(types),          0, SUBSCRIPTION_TYPES_MAX, false},
    {"subjectBegins",  JSON_FIELD_STR,      AT(begins),         0, 0, false},
    {"subjectEnds",    JSON_FIELD_STR,      AT(ends),           0, 0, false},
    {"caseSensitive",  JSON_FIELD_BOOL,     AT(case_sensitive), 0, 0, false},
    {"attemptsMax",    JSON_FIELD_INT,      AT(attempts_max),   1, 30, true},
    {"ttlMinutes",     JSON_FIELD_INT,      AT(ttl_minutes),    1, 1440, true},
    {"batchMax",       JSON_FIELD_INT,      AT(batch_max),      1, 5000, true},
    {"batchKib",       JSON_FIELD_INT,      AT(batch_kib),      1, 1024, true},
    {"rate",           JSON_FIELD_INT,      AT(rate),           0, UINT32_MAX, false},
    {"proven",         JSON_FIELD_BOOL,     AT(proven),         0, 0, false},
    {0}};
/* clang-format on */

static enum rc read_document(const json_t *doc, struct arena *arena, struct subscription *out)
{
    struct json_problem problem;
    struct fields f = {0};

    if (json_fill(doc, fields, false, &f, arena, &problem))
        return RC_INVALID;
    out->endpoint = f.endpoint;
    out->schema = event_schema_of(f.schema);
    out->types = f.types.items;
    out->types_n = f.types.n;
    out->begins = f.begins;
    out->ends = f.ends;
    out->case_sensitive = f.case_sensitive;
    out->attempts_max = (uint32_t)f.attempts_max;
    out->ttl_minutes = (uint32_t)f.ttl_minutes;
    out->batch_max = (uint32_t)f.batch_max;
    out->batch_kib = (uint32_t)f.batch_kib;
    out->rate = (uint32_t)f.rate;
    out->proven = f.proven;
    return out->schema == SCHEMA_NONE ? RC_INVALID : RC_OK;
}

/* [{"name","value","secret"}, …] */
static enum rc read_headers(const json_t *list, struct arena *arena, struct subscription *out)
{
    size_t n = json_array_size(list);

    if (n > SUBSCRIPTION_HEADERS_MAX)
        return RC_INVALID;
    for (size_t i = 0; i < n; i++) {
        struct subscription_header *h = &out->headers[i];
        const json_t *item = json_array_get(list, i);
        struct str name, value;

        if (json_get_str(item, "name", &name) || json_get_str(item, "value", &value) ||
            json_get_bool(item, "secret", &h->secret) || subscription_header_against(name, value))
            return RC_INVALID;
        h->name = arena_dup(arena, name);
        h->value = arena_dup(arena, value);
    }
    out->headers_n = n;
    return RC_OK;
}

static struct str seal_context(const struct subscription_row *row, struct arena *arena)
{
    char resource[UUID_TEXT_LEN], id[UUID_TEXT_LEN];

    uuid_format(&row->resource, resource);
    uuid_format(&row->id, id);
    return arena_printf(arena, "subscriptions/%.36s/%.36s", id, resource);
}

static enum rc read_sealed(const struct subscription_row *row, const struct master_key *master,
                           struct arena *arena, struct subscription *out)
{
    AUTO(json_freep) json_t *obj = NULL;
    struct secret plain = {0};
    struct str query;
    enum rc rc;

    if (row->sealed.len == 0)
        return RC_OK;
    rc = unseal(master, seal_context(row, arena), row->sealed, &plain);
    if (rc)
        return rc;
    rc = json_read(str_of(plain.octets, plain.len), &obj, NULL);
    secret_clear(&plain);
    if (rc)
        return rc;
    if (json_get_str(obj, "query", &query) == RC_OK)
        out->query = arena_dup(arena, query);
    return read_headers(json_object_get(obj, "headers"), arena, out);
}

static enum rc read_handshake(struct str text, struct arena *arena, struct subscription *out)
{
    AUTO(json_freep) json_t *obj = NULL;
    struct str code;
    enum rc rc;

    if (text.len == 0)
        return RC_OK;
    if (json_read(text, &obj, NULL) || json_get_str(obj, "code", &code))
        return RC_INVALID;
    out->code = arena_dup(arena, code);
    rc = json_get_int(obj, "until", &out->until);
    return rc == RC_NOT_FOUND ? RC_OK : rc; /* absent: nobody waits yet */
}

enum rc subscription_read(const struct subscription_row *row, const struct master_key *master,
                          struct arena *arena, struct subscription *out)
{
    AUTO(json_freep) json_t *doc = NULL;
    struct subscription s = {
        .resource = row->resource,
        .id = row->id,
        .name = arena_dup(arena, row->name),
        .version = row->version,
        .state = row->state,
        .failure = arena_dup(arena, row->failure),
        .created = row->created,
    };
    enum rc rc = json_read(row->document, &doc, NULL);

    if (!rc)
        rc = read_document(doc, arena, &s);
    if (!rc)
        rc = read_sealed(row, master, arena, &s);
    if (!rc)
        rc = read_handshake(row->handshake, arena, &s);
    if (!rc)
        *out = s;
    return rc;
}

/* ---- writing ---- */

static struct str document_of(const struct subscription *s, struct arena *arena)
{
    struct json_writer w;
    struct buf out;
    struct str text;

    buf_init(&out, DOCUMENT_MAX);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "endpoint", s->endpoint);
    json_member_str(&w, "schema", event_schema_name(s->schema));
    json_name(&w, "types");
    json_array_begin(&w);
    for (size_t i = 0; i < s->types_n; i++)
        json_str(&w, s->types[i]);
    json_array_end(&w);
    json_member_str(&w, "subjectBegins", s->begins);
    json_member_str(&w, "subjectEnds", s->ends);
    json_member_bool(&w, "caseSensitive", s->case_sensitive);
    json_member_int(&w, "attemptsMax", s->attempts_max);
    json_member_int(&w, "ttlMinutes", s->ttl_minutes);
    json_member_int(&w, "batchMax", s->batch_max);
    json_member_int(&w, "batchKib", s->batch_kib);
    json_member_int(&w, "rate", s->rate);
    json_member_bool(&w, "proven", s->proven);
    json_object_end(&w);
    text = arena_dup(arena, buf_str(&out));
    buf_clear(&out);
    return text;
}

static void write_secrets(const struct subscription *s, struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_object_begin(&w);
    if (s->query.len)
        json_member_str(&w, "query", s->query);
    json_name(&w, "headers");
    json_array_begin(&w);
    for (size_t i = 0; i < s->headers_n; i++) {
        json_object_begin(&w);
        json_member_str(&w, "name", s->headers[i].name);
        json_member_str(&w, "value", s->headers[i].value);
        json_member_bool(&w, "secret", s->headers[i].secret);
        json_object_end(&w);
    }
    json_array_end(&w);
    json_object_end(&w);
}

static struct str sealed_of(const struct subscription *s, const struct subscription_row *row,
                            const struct master_key *master, struct arena *arena)
{
    struct buf text, sealed;
    struct secret plain;
    struct str out;

    if (!s->query.len && !s->headers_n)
        return STR_EMPTY;
    buf_init(&text, DOCUMENT_MAX);
    buf_init(&sealed, DOCUMENT_MAX + KIB);
    write_secrets(s, &text);
    plain = secret_copy(text.ptr, text.len);
    buf_wipe(&text);
    if (!plain.octets || seal(master, seal_context(row, arena), &plain, &sealed))
        abort(); /* no memory */
    secret_clear(&plain);
    out = arena_dup(arena, buf_str(&sealed));
    buf_clear(&sealed);
    return out;
}

static struct str handshake_of(const struct subscription *s, struct arena *arena)
{
    struct json_writer w;
    struct buf out;
    struct str text;

    if (!s->code.len)
        return STR_EMPTY;
    buf_init(&out, KIB);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "code", s->code);
    if (s->until)
        json_member_int(&w, "until", s->until);
    json_object_end(&w);
    text = arena_dup(arena, buf_str(&out));
    buf_clear(&out);
    return text;
}

void subscription_write(const struct subscription *s, const struct master_key *master,
                        struct arena *arena, struct subscription_row *out)
{
    *out = (struct subscription_row){
        .resource = s->resource,
        .id = s->id,
        .name = arena_dup(arena, s->name),
        .version = s->version,
        .state = s->state,
        .document = document_of(s, arena),
        .handshake = handshake_of(s, arena),
        .failure = arena_dup(arena, s->failure),
        .created = s->created,
    };
    out->sealed = sealed_of(s, out, master, arena);
}

struct str subscription_url(const struct subscription *s, struct arena *arena)
{
    if (!s->query.len)
        return arena_dup(arena, s->endpoint);
    return arena_printf(arena, STR_FMT "?" STR_FMT, STR_ARG(s->endpoint), STR_ARG(s->query));
}

/* ---- filters ---- */

static bool begins_with(struct str text, struct str with, bool case_sensitive)
{
    struct str head = str_head(text, with.len);

    return case_sensitive ? name_eq(head, with) : name_eq_nocase(head, with);
}

static bool ends_with(struct str text, struct str with, bool case_sensitive)
{
    struct str tail;

    if (with.len == 0)
        return true;
    if (with.len > text.len)
        return false;
    tail = str_from_index(text, text.len - with.len);
    return case_sensitive ? name_eq(tail, with) : name_eq_nocase(tail, with);
}

bool subscription_wants_type(const struct subscription *s, struct str type)
{
    for (size_t i = 0; i < s->types_n; i++)
        if (name_eq_nocase(s->types[i], type))
            return true;
    return s->types_n == 0;
}

bool subscription_wants(const struct subscription *s, struct str type, struct str subject)
{
    return subscription_wants_type(s, type) && begins_with(subject, s->begins, s->case_sensitive) &&
           ends_with(subject, s->ends, s->case_sensitive);
}

bool subscription_collects(const struct subscription *s)
{
    return s->state == SUBSCRIPTION_SUCCEEDED ||
           (s->proven && (s->state == SUBSCRIPTION_UPDATING || s->state == SUBSCRIPTION_AWAITING));
}
