/* Ids, states and reports as texts: what answers, events and lists have in common.
 * Source: wire/sms §2.5, §3, §8. */
#include "services/sms/sms_core.h"

#define OUTGOING     "Outgoing_"
#define INCOMING     "Incoming_"
#define PREFIX_LEN   (sizeof OUTGOING - 1)
#define STAMP_LEN    ((size_t)14)
#define REGION_MAX   ((size_t)16)
#define ESCAPED_MAX  ((size_t)6)    /* octets that JSON makes of one */
#define ROW_JSON_MAX ((size_t)1024) /* all but the texts */

static_assert(SMS_ID_LEN == PREFIX_LEN + STAMP_LEN + UUID_TEXT_LEN, "the header states the sum");

/* ---- ids ---- */

void sms_id_format(bool incoming, const struct uuid *id, unix_ms created,
                   char out[static SMS_ID_LEN])
{
    char time[ISO8601_LEN];
    static const struct {
        size_t at, len;
    } parts[] = {{0, 4}, {5, 2}, {8, 2}, {11, 2}, {14, 2}, {17, 2}}; /* digits of the time */
    char *at = out + PREFIX_LEN;

    memcpy(out, incoming ? INCOMING : OUTGOING, PREFIX_LEN);
    time_to_iso8601(created, time);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        memcpy(at, time + parts[i].at, parts[i].len);
        at += parts[i].len;
    }
    uuid_format(id, at);
}

struct str sms_id_of(const struct sms_row *row, struct arena *arena)
{
    char *text = arena_alloc(arena, SMS_ID_LEN);

    sms_id_format(row->state == SMS_RECEIVED, &row->id, row->created, text);
    return str_of(text, SMS_ID_LEN);
}

static bool is_region(struct str text)
{
    if (text.len == 0)
        return true;
    if (text.ptr[0] != '_' || text.len == 1 || text.len > REGION_MAX)
        return false;
    for (size_t i = 1; i < text.len; i++)
        if (text.ptr[i] < 'a' || text.ptr[i] > 'z')
            return false;
    return true;
}

enum rc sms_id_parse(struct str text, struct uuid *out)
{
    struct str rest = str_from_index(text, PREFIX_LEN);
    uint64_t stamp;

    if (!str_starts(text, STR(OUTGOING)) && !str_starts(text, STR(INCOMING)))
        return RC_INVALID;
    if (rest.len < STAMP_LEN + UUID_TEXT_LEN ||
        str_to_u64(str_head(rest, STAMP_LEN), INT64_MAX, &stamp) ||
        !is_region(str_from_index(rest, STAMP_LEN + UUID_TEXT_LEN)))
        return RC_INVALID;
    return uuid_parse(str_head(str_from_index(rest, STAMP_LEN), UUID_TEXT_LEN), out);
}

/* ---- states and codes ---- */

struct str sms_state_name(enum sms_state state)
{
    static const struct str names[SMS_STATE_COUNT] = {
        [SMS_STATE_NONE] = STR_INIT(""),           [SMS_QUEUED] = STR_INIT("queued"),
        [SMS_SUBMITTING] = STR_INIT("submitting"), [SMS_SUBMITTED] = STR_INIT("submitted"),
        [SMS_DELIVERED] = STR_INIT("delivered"),   [SMS_FAILED] = STR_INIT("failed"),
        [SMS_RECEIVED] = STR_INIT("received"),
    };

    return state < SMS_STATE_COUNT ? names[state] : STR("");
}

/* clang-format off */
static const struct {
    uint32_t code;
    struct str text;
} codes[] = {
    {2000, STR_INIT("2000: No Error")},
    {4000, STR_INIT("4000: Message blocked by a fraud filter")},
    {4001, STR_INIT("4001: Invalid sender number")},
    {4002, STR_INIT("4002: Invalid recipient number")},
    {4003, STR_INIT("4003: Destination is not supported")},
    {4004, STR_INIT("4004: Recipient number does not exist")},
    {4005, STR_INIT("4005: Blocked by the recipient's carrier")},
    {4006, STR_INIT("4006: Recipient is not reachable")},
    {4007, STR_INIT("4007: Sender blocked for given recipient.")},
    {4008, STR_INIT("4008: Sending quota is exceeded")},
    {4009, STR_INIT("4009: Refused by the provider's entitlement check")},
    {4010, STR_INIT("4010: Toll-free number is not verified")},
    {4020, STR_INIT("4020: Carrier's volume rule is violated")},
    {5000, STR_INIT("5000: Permanent internal failure")},
    {5001, STR_INIT("5001: Temporarily unavailable")},
    {5002, STR_INIT("5002: No delivery report in time")},
    {9999, STR_INIT("9999: Unknown")},
};
/* clang-format on */

bool sms_code_is_failure(uint32_t code)
{
    for (size_t i = 1; i < ARRAY_LEN(codes); i++)
        if (codes[i].code == code)
            return true;
    return false;
}

struct str sms_details(const struct sms *s, uint32_t code, struct arena *arena)
{
    if (s->options.details_legacy && code == SMS_CODE_DELIVERED)
        return STR("No error.");
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (codes[i].code == code)
            return codes[i].text;
    return arena_printf(arena, "%u: Failed", code);
}

/* ---- rows ---- */

void sms_report_write(const struct sms *s, const struct sms_row *row, struct arena *arena,
                      struct json_writer *w)
{
    json_member_str(w, "deliveryStatus",
                    row->state == SMS_DELIVERED ? STR("Delivered") : STR("Failed"));
    json_member_str(w, "deliveryStatusDetails", sms_details(s, row->code, arena));
    json_name(w, "deliveryAttempts");
    sms_attempts_write(row, row->segments_failed, row->finished, w);
    json_member_time(w, "receivedTimestamp", row->finished);
}

size_t sms_row_json_max(const struct sms_row *row)
{
    return ROW_JSON_MAX + row->history.len +
           ESCAPED_MAX *
               (row->from.len + row->to.len + row->text.len + row->tag.len + row->transport.len);
}

void sms_row_write_json(const struct sms *s, const struct sms_row *row, struct arena *arena,
                        struct json_writer *w)
{
    bool incoming = row->state == SMS_RECEIVED;

    json_object_begin(w);
    json_member_str(w, "messageId", sms_id_of(row, arena));
    json_member_str(w, "direction", incoming ? STR("inbound") : STR("outbound"));
    json_member_str(w, "from", row->from);
    json_member_str(w, "to", row->to);
    json_member_str(w, "message", row->text);
    if (row->tag.len)
        json_member_str(w, "tag", row->tag);
    json_member_str(w, "encoding", row->ucs2 ? STR("UCS-2") : STR("GSM-7"));
    json_member_int(w, "segments", row->segments);
    json_member_str(w, "state", sms_state_name(row->state));
    json_member_str(w, "transport", row->transport);
    json_member_time(w, "createdOn", row->created);
    if (!incoming) {
        json_member_int(w, "attempts", row->attempts);
        if (row->unsure)
            json_member_bool(w, "unsure", true);
    }
    if (row->finished) {
        json_name(w, "report");
        json_object_begin(w);
        sms_report_write(s, row, arena, w);
        json_object_end(w);
    }
    json_object_end(w);
}
