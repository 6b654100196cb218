/* What a send asks for: the body of POST /sms, checked as far as that goes without looking at
 * anything else. Source: wire/sms §2.2, §2.3, §2.4. */
#include "services/sms/sms_wire.h"

static const struct str text_date = STR_INIT(
    "Request sent with Invalid DateTime value for repeatability-first-sent. Expected is DateTime "
    ",RFC1123 pattern.");
static const struct str text_id = STR_INIT("Invalid repeatability-request-id.");
static const struct str text_window =
    STR_INIT("The value of repeatability-first-sent is more than 24 hours ago, or in the future.");

/* ---- recipients ---- */

static void refuse(struct sms_recipient *r, struct str error, enum sms_repeat_result repeat)
{
    r->status = 400;
    r->error = error;
    r->repeat = repeat;
}

static bool in_window(unix_ms first_sent, unix_ms now)
{
    return first_sent > now - SMS_REPEAT_KEPT_MS && first_sent <= now + SMS_REPEAT_AHEAD_MS;
}

static void read_repeat(const json_t *obj, struct sms_recipient *r, unix_ms now)
{
    struct str id, sent;
    enum rc id_rc = json_get_str(obj, "repeatabilityRequestId", &id);
    enum rc sent_rc = json_get_str(obj, "repeatabilityFirstSent", &sent);

    if (id_rc == RC_NOT_FOUND && sent_rc == RC_NOT_FOUND)
        return;
    if (id_rc || uuid_parse(id, &r->repeat_id))
        refuse(r, text_id, SMS_REPEAT_REJECTED);
    else if (sent_rc || time_from_http_date(sent, &r->first_sent))
        refuse(r, text_date, SMS_REPEAT_REJECTED);
    else if (!in_window(r->first_sent, now))
        refuse(r, text_window, SMS_REPEAT_REJECTED);
    else
        r->repeatable = true;
}

/* False: no object. */
static bool read_recipient(const struct sms_sending *s, const json_t *obj, struct sms_recipient *r)
{
    const struct sms_options *o = sms_options(s->req->site->sms);
    struct str to = STR_EMPTY;

    if (!json_is_object(obj))
        return false;
    if (json_get_str(obj, "to", &to) == RC_OK)
        r->to = arena_dup(s->req->arena, to);
    if (!sms_number_valid(to, o->numbers_strict))
        refuse(r, SMS_TEXT_TO, SMS_REPEAT_NONE);
    else
        read_repeat(obj, r, s->req->now);
    return true;
}

static void read_recipients(struct sms_sending *s, const json_t *list, struct sms_problems *p)
{
    size_t n = json_is_array(list) ? json_array_size(list) : 0;

    if (n == 0) {
        sms_problem_add(p, "SmsRecipients", STR("At least one recipient is required."));
        return;
    }
    if (n > SMS_RECIPIENTS_MAX) {
        sms_problem_add(p, "SmsRecipients",
                        STR("Max of 100 phone numbers are allowed in the To field."));
        return;
    }
    s->recipients = arena_array(s->req->arena, struct sms_recipient, n);
    for (; s->n < n; s->n++) {
        if (!read_recipient(s, json_array_get(list, s->n), &s->recipients[s->n])) {
            sms_problem_add(p, "SmsRecipients", STR("Each recipient must be an object."));
            return;
        }
    }
}

/* ---- the message ---- */

static void read_from(struct sms_sending *s, const json_t *obj, struct sms_problems *p)
{
    const struct sms_options *o = sms_options(s->req->site->sms);
    struct str from = STR_EMPTY;

    if (json_get_str(obj, "from", &from) ||
        sms_sender_kind_of(from, o->numbers_strict) == SMS_SENDER_NONE)
        sms_problem_add(p, "From", SMS_TEXT_FROM);
    else
        s->from = arena_dup(s->req->arena, from);
}

static void read_message(struct sms_sending *s, const json_t *obj, struct sms_problems *p)
{
    struct str message = STR_EMPTY;

    if (json_get_str(obj, "message", &message))
        sms_problem_add(p, "Message", STR("The Message field is required."));
    else if (sms_utf16_units(message) > SMS_TEXT_UNITS_MAX)
        sms_problem_add(p, "Message", STR("The Message must be at most 2048 characters long."));
    else
        s->message = arena_dup(s->req->arena, message);
}

/* ---- options ---- */

static bool has_validity(enum sms_version v)
{
    return v >= SMS_2022_07_07 && v <= SMS_2024_02_05;
}

static void read_timeout(struct sms_sending *s, const json_t *options, struct sms_problems *p)
{
    enum sms_version v = (enum sms_version)s->req->version;
    bool validity = has_validity(v);
    int64_t min = v == SMS_2022_07_07 ? 1 : SMS_TIMEOUT_MIN_S, value = 0;
    enum rc rc;

    if (!validity && v < SMS_2024_02_05_PREVIEW)
        return; /* not known yet: ignored, as any other member */
    rc = json_get_int(
        options, validity ? "validityPeriodSeconds" : "deliveryReportTimeoutInSeconds", &value);
    if (rc == RC_NOT_FOUND)
        return;
    if (rc || value < min || value > SMS_TIMEOUT_MAX_S)
        sms_problem_add(p,
                        validity ? "SmsSendOptions.ValidityPeriodSeconds"
                                 : "SmsSendOptions.DeliveryReportTimeoutInSeconds",
                        arena_printf(s->req->arena,
                                     "The value must be a number of seconds from %d to %d.",
                                     (int)min, SMS_TIMEOUT_MAX_S));
    else
        s->timeout_s = value;
}

/* Either shape of 2026-01-23 and the previews: partner, with an object of at least one parameter
 * or a key. */
static void read_connect(struct sms_sending *s, const json_t *options, struct sms_problems *p)
{
    const json_t *connect = json_object_get(options, "messagingConnect");
    struct str partner = STR_EMPTY, key = STR_EMPTY;

    if (s->req->version < SMS_2025_05_29_PREVIEW || !connect || json_is_null(connect))
        return;
    if (json_get_str(connect, "partner", &partner) || partner.len == 0) {
        sms_problem_add(p, "SmsSendOptions.MessagingConnect", STR("The partner is required."));
        return;
    }
    if (json_object_size(json_object_get(connect, "partnerParams")) == 0 &&
        (json_get_str(connect, "apiKey", &key) || key.len == 0))
        sms_problem_add(p, "SmsSendOptions.MessagingConnect",
                        STR("partnerParams with at least one property are required."));
    else
        s->connect = json_text(connect, JSON_SORT_KEYS, s->req->arena);
}

static void read_options(struct sms_sending *s, const json_t *obj, struct sms_problems *p)
{
    const json_t *options = json_object_get(obj, "smsSendOptions");
    struct str tag = STR_EMPTY;

    s->timeout_s = SMS_TIMEOUT_S;
    if (!options || json_is_null(options))
        return;
    if (!json_is_object(options)) {
        sms_problem_add(p, "SmsSendOptions", STR("The options must be an object."));
        return;
    }
    if (json_get_bool(options, "enableDeliveryReport", &s->report) == RC_INVALID)
        sms_problem_add(p, "SmsSendOptions.EnableDeliveryReport",
                        STR("The value must be true or false."));
    if (json_get_str(options, "tag", &tag) == RC_INVALID || tag.len > SMS_TAG_MAX)
        sms_problem_add(p, "SmsSendOptions.Tag",
                        STR("The tag must be a string of at most 1024 "
                            "octets."));
    else
        s->tag = arena_dup(s->req->arena, tag);
    read_timeout(s, options, p);
    read_connect(s, options, p);
}

bool sms_send_read(struct sms_sending *s, struct sms_problems *p)
{
    AUTO(json_freep) json_t *obj = NULL;

    if (!sms_body(s->req, &obj))
        return false;
    read_from(s, obj, p);
    read_recipients(s, json_object_get(obj, "smsRecipients"), p);
    read_message(s, obj, p);
    read_options(s, obj, p);
    return true;
}

/* ---- 2020-07-20-preview1 ---- */

bool sms_send_read_2020(struct sms_sending *s, struct sms_problems *p)
{
    const struct sms_options *o = sms_options(s->req->site->sms);
    AUTO(json_freep) json_t *obj = NULL;
    const json_t *list, *to, *options;

    if (!sms_body(s->req, &obj))
        return false;
    read_from(s, obj, p);
    list = json_object_get(obj, "to");
    to = json_is_array(list) && json_array_size(list) == 1 ? json_array_get(list, 0) : NULL;
    s->recipients = arena_new(s->req->arena, struct sms_recipient);
    s->n = 1;
    if (json_is_string(to))
        s->recipients->to =
            arena_dup(s->req->arena, str_of(json_string_value(to), json_string_length(to)));
    if (!sms_number_valid(s->recipients->to, o->numbers_strict))
        sms_problem_add(p, "To", SMS_TEXT_TO);
    read_message(s, obj, p);
    s->timeout_s = SMS_TIMEOUT_S;
    options = json_object_get(obj, "sendSmsOptions");
    if (options && json_get_bool(options, "enableDeliveryReport", &s->report) == RC_INVALID &&
        !json_is_null(options))
        sms_problem_add(p, "EnableDeliveryReport", STR("The value must be true or false."));
    return true;
}
