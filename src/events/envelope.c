/* Envelopes, with members in the order of the published samples. Source: wire/events §3, §8. */
#include "events/envelope.h"

void envelope_grid_time(struct json_writer *w, const char *name, unix_ms t)
{
    char text[ISO8601_LEN];

    time_to_iso8601(t, text);
    text[19] = 'Z'; /* "2026-11-23T15:00:00" and no fraction */
    json_member_str(w, name, str_of(text, 20));
}

/* Seven digits of fraction. */
static void long_time(struct json_writer *w, const char *name, unix_ms t)
{
    char text[ISO8601_LEN + 4];

    time_to_iso8601(t, text);
    /* Text by length. NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
    memcpy(text + 23, "0000Z", 5);
    json_member_str(w, name, str_of(text, sizeof text));
}

/* Samples of SMS events have whole seconds, those of the other services seven digits of fraction.
 */
static void grid_time(struct json_writer *w, const struct event_row *row)
{
    if (str_starts_nocase(row->type, STR("Microsoft.Communication.SMS")))
        envelope_grid_time(w, "eventTime", row->time);
    else
        long_time(w, "eventTime", row->time);
}

static void grid_members(struct json_writer *w, struct str topic, const struct event_row *row)
{
    json_member_str(w, "id", row->event_id);
    json_member_str(w, "topic", topic);
    json_member_str(w, "subject", row->subject);
    json_name(w, "data");
    json_raw(w, row->data);
    json_member_str(w, "eventType", row->type);
    json_member_str(w, "dataVersion", STR("1.0"));
    json_member_str(w, "metadataVersion", STR("1"));
    grid_time(w, row);
}

static void cloud_members(struct json_writer *w, struct str topic, const struct event_row *row)
{
    json_member_str(w, "id", row->event_id);
    json_member_str(w, "source", topic);
    json_member_str(w, "subject", row->subject);
    json_name(w, "data");
    json_raw(w, row->data);
    json_member_str(w, "type", row->type);
    long_time(w, "time", row->time);
    json_member_str(w, "specversion", STR("1.0"));
}

static void write_members(struct json_writer *w, enum event_schema schema, struct str topic,
                          const struct event_row *row)
{
    if (schema == SCHEMA_CLOUD_EVENTS)
        cloud_members(w, topic, row);
    else
        grid_members(w, topic, row);
}

void envelope_write(struct json_writer *w, enum event_schema schema, struct str topic,
                    const struct event_row *row)
{
    json_object_begin(w);
    write_members(w, schema, topic, row);
    json_object_end(w);
}

void outcome_split(struct str outcome, struct str *out_last, struct str *out_reason)
{
    if (!str_cut(outcome, ' ', out_last, out_reason))
        *out_reason = STR_EMPTY;
}

void envelope_write_dead(struct json_writer *w, enum event_schema schema, struct str topic,
                         const struct event_row *row)
{
    bool cloud = schema == SCHEMA_CLOUD_EVENTS;
    struct str last, reason;

    outcome_split(row->outcome, &last, &reason);
    json_object_begin(w);
    write_members(w, schema, topic, row);
    json_member_str(w, cloud ? "deadletterreason" : "deadLetterReason", reason);
    json_member_int(w, cloud ? "deliveryattempts" : "deliveryAttempts", row->attempts);
    json_member_str(w, cloud ? "lastdeliveryoutcome" : "lastDeliveryOutcome", last);
    json_member_time(w, cloud ? "publishtime" : "publishTime", row->published);
    json_member_time(w, cloud ? "lastdeliveryattempttime" : "lastDeliveryAttemptTime",
                     row->last_attempt);
    json_object_end(w);
}

void envelope_body(struct buf *out, const struct envelope *e, const struct event_row *const *rows,
                   size_t n)
{
    bool array = e->batched || e->schema != SCHEMA_CLOUD_EVENTS;
    struct json_writer w;

    json_writer_init(&w, out);
    if (array)
        json_array_begin(&w);
    for (size_t i = 0; i < n; i++)
        envelope_write(&w, e->schema, e->topic, rows[i]);
    if (array)
        json_array_end(&w);
}

struct str envelope_content_type(enum event_schema schema, bool batched)
{
    if (schema != SCHEMA_CLOUD_EVENTS)
        return STR("application/json; charset=utf-8");
    return batched ? STR("application/cloudevents-batch+json; charset=utf-8")
                   : STR("application/cloudevents+json; charset=utf-8");
}

size_t envelope_size(const struct event_row *row)
{
    /* Names, quotes, times and versions: below 256. An escape is six octets at most. */
    return 256 + row->data.len + 6 * (row->event_id.len + row->subject.len + row->type.len);
}
