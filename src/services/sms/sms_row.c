/* Rows of messages, the steps they take, the events that tell of it. Source: wire/sms §3, §5. */
#include "services/sms/sms_core.h"

#include "carriers/gsm.h"

#define TYPE_REPORT   STR("Microsoft.Communication.SMSDeliveryReportReceived")
#define TYPE_RECEIVED STR("Microsoft.Communication.SMSReceived")
#define ATTEMPT_MAX   ((size_t)128)
#define DATA_MAX      ((size_t)1024) /* all but the texts */
#define ESCAPED_MAX   ((size_t)6)

/* ---- rows ---- */

static bool is_immediate(const struct sms_world *w, struct str transport)
{
    const struct sms_transport *t = sms_transport_find(w, transport);

    return t && t->ops && t->ops->immediate;
}

uint32_t sms_measure(struct str text, bool *out_ucs2)
{
    struct gsm_measure m = {0};

    if (gsm_measure(text, &m))
        m = (struct gsm_measure){.ucs2 = true, .segments = GSM_PARTS_MAX};
    *out_ucs2 = m.ucs2;
    return m.segments;
}

void sms_row_open(const struct sms *s, const struct sms_world *w, const struct sms_sender *sender,
                  struct sms_row *row, unix_ms now)
{
    bool immediate = is_immediate(w, sender->transport);

    row->created = now;
    row->transport = sender->transport;
    row->state = immediate ? SMS_SUBMITTED : SMS_QUEUED;
    row->attempts = immediate;
    row->due = immediate ? now + s->options.sim_delay_ms : now;
    if (row->deadline == 0)
        row->deadline = now + (int64_t)SMS_TIMEOUT_S * 1000;
    if (row->due > row->deadline)
        row->due = row->deadline;
    if (row->segments == 0)
        row->segments = sms_measure(row->text, &row->ucs2);
}

void sms_attempts_write(const struct sms_row *row, uint32_t segments_failed, unix_ms when,
                        struct json_writer *w)
{
    json_array_begin(w);
    json_object_begin(w);
    json_member_time(w, "timestamp", when);
    json_member_int(w, "segmentsSucceeded", row->segments - segments_failed);
    json_member_int(w, "segmentsFailed", segments_failed);
    json_object_end(w);
    if (row->history.len > 2) /* without its own brackets */
        json_raw(w, (struct str){row->history.ptr + 1, row->history.len - 2});
    json_array_end(w);
}

void sms_row_attempt(struct sms_row *row, uint32_t segments_failed, unix_ms now,
                     struct arena *arena)
{
    size_t max = ATTEMPT_MAX + row->history.len;
    struct buf out = {.ptr = arena_alloc(arena, max + 1), .cap = max + 1, .max = max};
    struct json_writer w;

    if (segments_failed > row->segments)
        segments_failed = row->segments;
    json_writer_init(&w, &out);
    sms_attempts_write(row, segments_failed, now, &w);
    row->history = buf_str(&out);
}

void sms_row_end(struct sms_row *row, const struct sms_fate *fate, unix_ms now)
{
    row->state = fate->delivered ? SMS_DELIVERED : SMS_FAILED;
    row->finished = now;
    row->segments_failed = fate->delivered ? 0 : row->segments;
    if (!fate->delivered && fate->segments_failed && fate->segments_failed < row->segments)
        row->segments_failed = fate->segments_failed;
    row->code = SMS_CODE_DELIVERED;
    if (!fate->delivered)
        row->code = fate->code ? fate->code : SMS_CODE_UNKNOWN;
}

void sms_step_add(struct change_list *changes, unsigned from, const struct sms_row *row)
{
    struct change *c = change_list_add(changes, CHANGE_SMS_STEP);

    c->u.sms_step = (struct sms_step){
        .id = row->id,
        .from = from,
        .to = row->state,
        .due = row->due,
        .finished = row->finished,
        .attempts = row->attempts,
        .code = row->code,
        .segments_failed = row->segments_failed,
        .unsure = row->unsure,
        .ref = row->ref,
        .history = row->history,
    };
}

/* ---- events ---- */

static struct str bare(struct str number)
{
    return str_starts(number, STR("+")) ? str_from_index(number, 1) : number;
}

static struct str shown(const struct sms *s, struct str number)
{
    return s->options.events_plus ? number : bare(number);
}

static void publish(struct sms *s, const struct sms_row *row, struct buf *data,
                    struct change_list *changes)
{
    bool came_in = row->state == SMS_RECEIVED;
    struct str owned = came_in ? row->to : row->from;
    const struct event event = {
        .resource = row->resource,
        .id = sms_id_of(row, changes->arena),
        .type = came_in ? TYPE_RECEIVED : TYPE_REPORT,
        .subject = arena_printf(changes->arena, "/phonenumber/" STR_FMT, STR_ARG(bare(owned))),
        .data = buf_str(data),
        .time = row->finished ? row->finished : row->created,
    };

    event_publish(s->options.events, &event, event.time, changes);
}

static struct buf data_buf(const struct sms_row *row, struct arena *arena)
{
    size_t max = DATA_MAX + row->history.len +
                 ESCAPED_MAX * (row->from.len + row->to.len + row->text.len + row->tag.len);

    return (struct buf){.ptr = arena_alloc(arena, max + 1), .cap = max + 1, .max = max};
}

void sms_report_publish(struct sms *s, const struct sms_row *row, struct change_list *changes)
{
    struct json_writer w;
    struct buf data;

    if (!row->report || !events_wanted(s->options.events, &row->resource, TYPE_REPORT))
        return;
    data = data_buf(row, changes->arena);
    json_writer_init(&w, &data);
    json_object_begin(&w);
    json_member_str(&w, "messageId", sms_id_of(row, changes->arena));
    json_member_str(&w, "from", shown(s, row->from));
    json_member_str(&w, "to", row->to);
    sms_report_write(s, row, changes->arena, &w);
    if (row->tag.len)
        json_member_str(&w, "tag", row->tag);
    json_object_end(&w);
    publish(s, row, &data, changes);
}

void sms_received_publish(struct sms *s, const struct sms_row *row, struct change_list *changes)
{
    struct json_writer w;
    struct buf data;

    if (!events_wanted(s->options.events, &row->resource, TYPE_RECEIVED))
        return;
    data = data_buf(row, changes->arena);
    json_writer_init(&w, &data);
    json_object_begin(&w);
    json_member_str(&w, "messageId", sms_id_of(row, changes->arena));
    json_member_str(&w, "from", shown(s, row->from));
    json_member_str(&w, "to", shown(s, row->to));
    json_member_str(&w, "message", row->text);
    json_member_time(&w, "receivedTimestamp", row->created);
    json_member_int(&w, "segmentCount", row->segments);
    json_object_end(&w);
    publish(s, row, &data, changes);
}
