/* What a gateway tells by HTTP, read as its configuration says. Source: wire/transports §3.4. */
#include "carriers/callback.h"
#include "carriers/http_gateway.h"
#include "carriers/http_place.h"

#define ITEMS_MAX    100
#define CODE_UNKNOWN 9999u

/* The items that a callback holds: those of the list that `each` names, else itself. */
struct items {
    json_t *root; /* owned */
    const json_t *list;
    size_t n;
};

static enum rc open_items(const json_t *rules, const struct carrier_callback *cb, struct items *out)
{
    struct str each = http_gateway_text(rules, "each");

    *out = (struct items){.n = 1};
    if (json_read(cb->body, &out->root, NULL))
        return each.len ? RC_INVALID : RC_OK; /* a form, or nothing */
    if (!each.len)
        return RC_OK;
    out->list = place_find(out->root, each);
    out->n = json_array_size(out->list);
    return json_is_array(out->list) && out->n <= ITEMS_MAX ? RC_OK : RC_INVALID;
}

static struct place_source source_of(const struct items *items, size_t i,
                                     const struct carrier_callback *cb)
{
    return (struct place_source){
        .callback = cb,
        .body = cb->body,
        .json = items->list ? json_array_get(items->list, i) : items->root,
        .arena = cb->arena,
    };
}

/* Values outlive the JSON that they stood in. */
static struct str value_of(const json_t *rules, const char *name, const struct place_source *source)
{
    struct str value = place_read(http_gateway_text(rules, name), source);

    return value.ptr ? arena_dup(source->arena, value) : value;
}

/* ---- reports ---- */

static void read_failure(const json_t *rules, const struct place_source *source, struct str status,
                         struct carrier_report *out)
{
    uint32_t code = http_gateway_code(rules, "codes", value_of(rules, "code", source));

    if (!code)
        code = http_gateway_code(rules, "failed", status);
    out->code = code ? code : CODE_UNKNOWN;
}

static void read_fate(const json_t *rules, const struct place_source *source, struct str status,
                      struct carrier_report *out)
{
    bool failed = http_gateway_has_text(rules, "failed", status) ||
                  http_gateway_code(rules, "failed", status);

    out->delivered = http_gateway_has_text(rules, "delivered", status);
    out->final = out->delivered || failed;
    out->detail = out->delivered ? "delivered" : failed ? "not delivered" : "on its way";
    if (failed && !out->delivered)
        read_failure(rules, source, status, out);
}

static enum rc read_report(const json_t *rules, const struct place_source *source,
                           struct carrier_report *out)
{
    struct str status = value_of(rules, "status", source);
    enum rc named = callback_message(source->callback, out);

    if (!status.len || named == RC_INVALID)
        return RC_INVALID;
    if (named == RC_NOT_FOUND) { /* another address than ours: by the carrier's id */
        struct str *ref = arena_new(source->arena, struct str);

        *ref = value_of(rules, "id", source);
        if (!ref->len)
            return RC_INVALID;
        out->refs = ref;
        out->n_refs = 1;
    }
    read_fate(rules, source, status, out);
    return RC_OK;
}

static enum rc read_reports(const json_t *rules, const struct items *items,
                            struct carrier_callback *cb)
{
    cb->reports = arena_array(cb->arena, struct carrier_report, items->n + 1);
    for (size_t i = 0; i < items->n; i++) {
        struct place_source source = source_of(items, i, cb);

        if (read_report(rules, &source, &cb->reports[i]))
            return RC_INVALID;
    }
    cb->n_reports = items->n;
    return RC_OK;
}

/* ---- messages ---- */

static enum rc read_message(const json_t *rules, const struct place_source *source,
                            struct carrier_inbound *out)
{
    const struct carrier_callback *cb = source->callback;

    out->from = callback_number(cb, value_of(rules, "from", source));
    out->to = callback_number(cb, value_of(rules, "to", source));
    out->text = value_of(rules, "text", source);
    out->ref = value_of(rules, "id", source);
    out->segments = callback_segments(out->text);
    return out->from.len && out->to.len && out->text.ptr ? RC_OK : RC_INVALID;
}

static enum rc read_messages(const json_t *rules, const struct items *items,
                             struct carrier_callback *cb)
{
    cb->inbound = arena_array(cb->arena, struct carrier_inbound, items->n + 1);
    for (size_t i = 0; i < items->n; i++) {
        struct place_source source = source_of(items, i, cb);

        if (read_message(rules, &source, &cb->inbound[i]))
            return RC_INVALID;
    }
    cb->n_inbound = items->n;
    return RC_OK;
}

enum rc http_read_callback(const json_t *config, struct carrier_callback *cb)
{
    bool reports = name_eq(cb->what, STR("report"));
    const json_t *rules = json_object_get(config, reports ? "reports" : "inbound");
    struct items items;
    enum rc rc;

    if (!rules || (!reports && !name_eq(cb->what, STR("inbound"))))
        return RC_INVALID;
    rc = open_items(rules, cb, &items);
    if (!rc)
        rc = reports ? read_reports(rules, &items, cb) : read_messages(rules, &items, cb);
    json_decref(items.root);
    return rc;
}
