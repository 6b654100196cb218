/* What Event Grid delivers for a real resource: its reports come sooner than by asking, and its
 * messages come no other way. Source: wire/transports §4.3. */
#include "carriers/azure.h"
#include "carriers/callback.h"

#define EVENTS_MAX   1000
#define CODE_UNKNOWN 9999u

uint32_t azure_code(struct str details)
{
    uint64_t code;

    if (str_to_u64(str_head(details, str_find(details, ':')), CODE_UNKNOWN, &code) || code < 4000)
        return CODE_UNKNOWN;
    return (uint32_t)code;
}

static struct str text_of(const json_t *object, const char *name, struct arena *arena)
{
    struct str value = STR_EMPTY;

    return json_get_str(object, name, &value) ? STR_EMPTY : arena_dup(arena, value);
}

static enum rc take_report(const json_t *data, struct carrier_callback *cb)
{
    struct carrier_report *report = &cb->reports[cb->n_reports];
    struct str status = text_of(data, "deliveryStatus", cb->arena);
    struct str *ref = arena_new(cb->arena, struct str);

    *ref = text_of(data, "messageId", cb->arena);
    if (!ref->len)
        return RC_INVALID;
    report->refs = ref;
    report->n_refs = 1;
    report->delivered = name_eq(status, STR("Delivered"));
    report->final = report->delivered || name_eq(status, STR("Failed"));
    if (report->final && !report->delivered)
        report->code = azure_code(text_of(data, "deliveryStatusDetails", cb->arena));
    report->detail = "as Azure tells";
    cb->n_reports++;
    return RC_OK;
}

static enum rc take_message(const json_t *data, struct carrier_callback *cb)
{
    struct carrier_inbound *message = &cb->inbound[cb->n_inbound];
    int64_t segments = 0;

    message->from = callback_number(cb, text_of(data, "from", cb->arena));
    message->to = callback_number(cb, text_of(data, "to", cb->arena));
    message->text = text_of(data, "message", cb->arena);
    message->ref = text_of(data, "messageId", cb->arena);
    if (!message->from.len || !message->to.len)
        return RC_INVALID;
    message->segments =
        json_get_int(data, "segmentCount", &segments) || segments < 1 || segments > UINT8_MAX
            ? callback_segments(message->text)
            : (uint32_t)segments;
    cb->n_inbound++;
    return RC_OK;
}

/* The question that comes once, before any event. */
static enum rc take_validation(const json_t *data, struct carrier_callback *cb)
{
    struct str code = text_of(data, "validationCode", cb->arena);
    struct json_writer w;
    struct buf out;

    if (!code.len)
        return RC_INVALID;
    buf_init(&out, 8 * KIB);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "validationResponse", code);
    json_object_end(&w);
    cb->answer = arena_dup(cb->arena, buf_str(&out));
    buf_clear(&out);
    return cb->answer.len ? RC_OK : RC_INVALID;
}

static enum rc take_event(const json_t *event, struct carrier_callback *cb)
{
    const json_t *data = json_object_get(event, "data");
    struct str type = text_of(event, "eventType", cb->arena);

    if (!json_is_object(data))
        return RC_INVALID;
    if (name_eq(type, STR("Microsoft.Communication.SMSDeliveryReportReceived")))
        return take_report(data, cb);
    if (name_eq(type, STR("Microsoft.Communication.SMSReceived")))
        return take_message(data, cb);
    if (name_eq(type, STR("Microsoft.EventGrid.SubscriptionValidationEvent")))
        return take_validation(data, cb);
    return type.len ? RC_OK : RC_INVALID; /* others were subscribed to, too: not ours */
}

enum rc azure_read_callback(const json_t *config, struct carrier_callback *cb)
{
    json_t *events = NULL;
    const json_t *event;
    enum rc rc = RC_INVALID;
    size_t i, n;

    (void)config;
    if (!name_eq(cb->what, STR("events")) || json_read(cb->body, &events, NULL))
        return RC_INVALID;
    n = json_array_size(events);
    if (n > 0 && n <= EVENTS_MAX) {
        rc = RC_OK;
        cb->reports = arena_array(cb->arena, struct carrier_report, n);
        cb->inbound = arena_array(cb->arena, struct carrier_inbound, n);
    }
    json_array_foreach(events, i, event)
    {
        if (!rc)
            rc = take_event(event, cb);
    }
    json_decref(events);
    return rc;
}
