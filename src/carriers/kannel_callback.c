/* What Kannel's smsbox tells: delivery reports (dlr-url) and messages (post-url, get-url).
 *
 * Reports come in any order; only 1, 2 and 16 end a message. Of the SMSC's words, which may quote
 * the message, a few are understood and none is kept. Source: wire/transports §2.3, §2.4. */
#include "carriers/kannel.h"

#include "carriers/callback.h"

#define DLR_DELIVERED 1u
#define DLR_FAILED    2u
#define DLR_BUFFERED  4u
#define DLR_SUBMITTED 8u
#define DLR_REFUSED   16u

/* clang-format off */
/* stat: of a receipt that is no success */
static const struct { struct str stat; uint32_t code; const char *detail; } stats[] = {
    {STR_INIT("EXPIRED"), 4006, "expired at the SMSC"},
    {STR_INIT("UNDELIV"), 4006, "undeliverable"},
    {STR_INIT("REJECTD"), 4005, "rejected by the SMSC"},
    {STR_INIT("DELETED"), 5000, "deleted at the SMSC"},
};
/* command statuses of a refusal */
static const struct { uint64_t status; uint32_t code; const char *detail; } refusals[] = {
    {0x0A, 4001, "the SMSC refuses the sender"},
    {0x0B, 4002, "the SMSC refuses the recipient"},
    {0x14, 5001, "the SMSC's queue is full"},
    {0x58, 5001, "the SMSC throttles"},
};
/* clang-format on */

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* The word behind "stat:"; empty: there is none. */
static struct str stat_of(struct str receipt)
{
    struct str rest = str_from_index(receipt, str_find_str(receipt, STR("stat:")));
    size_t end = 0;

    rest = str_from_index(rest, STR("stat:").len);
    while (end < rest.len && is_letter(rest.ptr[end]))
        end++;
    return str_head(rest, end);
}

static void read_failure(struct str receipt, struct carrier_report *out)
{
    struct str stat = stat_of(receipt);

    out->code = 9999;
    out->detail = "not delivered, for no reason that is known";
    for (size_t i = 0; i < ARRAY_LEN(stats); i++) {
        if (name_eq_nocase(stat, stats[i].stat)) {
            out->code = stats[i].code;
            out->detail = stats[i].detail;
        }
    }
}

/* The number that a reason begins with, "0x0000000b" or "11". */
static bool read_status(struct str reason, uint64_t *out)
{
    struct str number = str_head(reason, str_find(reason, '/'));
    uint8_t octets[4] = {0};

    if (!str_starts_nocase(number, STR("0x")))
        return str_to_u64(number, UINT32_MAX, out) == RC_OK;
    if (hex_decode(str_from_index(number, 2), octets, sizeof octets))
        return false;
    *out = 0;
    for (size_t i = 0; i < sizeof octets; i++)
        *out = *out << 8 | octets[i];
    return true;
}

static void read_refusal(struct str answer, struct carrier_report *out)
{
    struct str reason =
        str_starts_nocase(answer, STR("NACK/")) ? str_from_index(answer, STR("NACK/").len) : answer;
    uint64_t status;

    out->code = 5000;
    out->detail = "refused by the SMSC";
    if (str_starts_nocase(reason, STR("Retries Exceeded"))) {
        out->code = 5001;
        out->detail = "Kannel has tried often enough";
    }
    if (!read_status(reason, &status))
        return;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        if (refusals[i].status == status) {
            out->code = refusals[i].code;
            out->detail = refusals[i].detail;
        }
    }
}

static enum rc read_report(struct carrier_callback *cb)
{
    struct carrier_report report = {0};
    struct str answer = callback_query(cb, "answer");
    uint64_t type;

    if (callback_message(cb, &report) || str_to_u64(callback_query(cb, "type"), DLR_REFUSED, &type))
        return RC_INVALID;
    report.final = true;
    switch (type) {
    case DLR_DELIVERED:
        report.delivered = true;
        report.detail = "delivered";
        break;
    case DLR_FAILED:
        read_failure(answer, &report);
        break;
    case DLR_REFUSED:
        read_refusal(answer, &report);
        break;
    case DLR_BUFFERED:
    case DLR_SUBMITTED:
        report.final = false;
        report.detail = type == DLR_BUFFERED ? "buffered at the SMSC" : "taken by the SMSC";
        break;
    default:
        return RC_INVALID;
    }
    *callback_report(cb) = report;
    return RC_OK;
}

/* The query that our documented post-url has, else Kannel's own header. */
static struct str either(const struct carrier_callback *cb, const char *query, const char *header)
{
    struct str value = callback_query(cb, query);

    return value.len ? value : callback_header(cb, header);
}

static enum rc read_inbound(struct carrier_callback *cb)
{
    struct str text = callback_query(cb, "text");
    struct carrier_inbound message = {
        .from = callback_number(cb, either(cb, "from", "x-kannel-from")),
        .to = callback_number(cb, either(cb, "to", "x-kannel-to")),
        .ref = callback_query(cb, "id"),
    };

    if (!message.from.len || !message.to.len)
        return RC_INVALID;
    message.text = text.ptr ? text : callback_text(cb);
    message.segments = callback_segments(message.text);
    *callback_inbound(cb) = message;
    return RC_OK;
}

enum rc kannel_read_callback(const json_t *config, struct carrier_callback *cb)
{
    (void)config;
    if (name_eq(cb->what, STR("report")))
        return read_report(cb);
    if (name_eq(cb->what, STR("inbound")))
        return read_inbound(cb);
    return RC_INVALID;
}
