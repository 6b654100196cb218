/* The SMS service: one function per operation, all through service_run(). Works against Azure, too:
 * the api-version is its newest. Source: wire/sms §2. */
#include "callgate/sms.h"

#include "base/clock.h"
#include "base/uuid.h"
#include "client/failure.h"
#include "client/service.h"

#define API_VERSION "?api-version=2026-01-23"

/* ---- what is sent ---- */

static bool recipients_given(const char *from, const char *const *to, size_t n)
{
    if (!from || !*from || !to || n == 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!to[i])
            return false;
    return true;
}

/* Every recipient with an id of its own, all first sent now. */
static void write_recipients(struct json_writer *w, const struct cg_sms_message *m)
{
    char date[HTTP_DATE_LEN], text[UUID_TEXT_LEN];

    time_to_http_date(clock_wall(), date);
    json_name(w, "smsRecipients");
    json_array_begin(w);
    for (size_t i = 0; i < m->to_count; i++) {
        struct uuid id = uuid_random();

        uuid_format(&id, text);
        json_object_begin(w);
        json_member_str(w, "to", str_from(m->to[i]));
        json_member_str(w, "repeatabilityRequestId", str_of(text, sizeof text));
        json_member_str(w, "repeatabilityFirstSent", str_of(date, sizeof date));
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_message(struct buf *out, const struct cg_sms_message *m)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_object_begin(&w);
    json_member_str(&w, "from", str_from(m->from));
    write_recipients(&w, m);
    json_member_str(&w, "message", str_from(m->text));
    json_name(&w, "smsSendOptions");
    json_object_begin(&w);
    json_member_bool(&w, "enableDeliveryReport", m->delivery_report != 0);
    if (m->tag && *m->tag)
        json_member_str(&w, "tag", str_from(m->tag));
    if (m->report_timeout_s != 0)
        json_member_int(&w, "deliveryReportTimeoutInSeconds", m->report_timeout_s);
    json_object_end(&w);
    json_object_end(&w);
}

static void write_optouts(struct buf *out, const struct cg_sms_recipients *r)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_object_begin(&w);
    json_member_str(&w, "from", str_from(r->from));
    json_name(&w, "recipients");
    json_array_begin(&w);
    for (size_t i = 0; i < r->to_count; i++) {
        json_object_begin(&w);
        json_member_str(&w, "to", str_from(r->to[i]));
        json_object_end(&w);
    }
    json_array_end(&w);
    json_object_end(&w);
}

/* ---- what comes back ---- */

static enum cg_status read_number(const json_t *item, const char *name, int *out)
{
    int64_t number = 0;

    if (json_get_int(item, name, &number) || number < 0 || number > INT32_MAX)
        return CG_PROTOCOL;
    *out = (int)number;
    return CG_OK;
}

static enum cg_status read_result(const json_t *item, struct cg_sms_result *r)
{
    static const char *const names[] = {"to", "messageId", "errorMessage", "repeatabilityResult"};
    char **const outs[] = {&r->to, &r->message_id, &r->error_message, &r->repeatability};
    enum cg_status status = service_read_texts(item, names, outs, ARRAY_LEN(names));
    bool successful = false;

    if (status == CG_OK)
        status = read_number(item, "httpStatusCode", &r->http_status);
    if (status)
        return status;
    if (json_get_bool(item, "successful", &successful))
        successful = r->http_status == 202;
    r->successful = successful ? 1 : 0;
    return r->to && (!successful || r->message_id) ? CG_OK : CG_PROTOCOL;
}

static enum cg_status read_optout(const json_t *item, struct cg_sms_optout *o)
{
    static const char *const names[] = {"to", "errorMessage"};
    char **const outs[] = {&o->to, &o->error_message};
    enum cg_status status = service_read_texts(item, names, outs, ARRAY_LEN(names));
    bool opted_out = false;

    if (status == CG_OK)
        status = read_number(item, "httpStatusCode", &o->http_status);
    if (status)
        return status;
    o->opted_out = json_get_bool(item, "isOptedOut", &opted_out) ? -1 : opted_out ? 1 : 0;
    return o->to ? CG_OK : CG_PROTOCOL;
}

/* The items of an answer, exactly as many as were asked for. */
static const json_t *items_of(const json_t *answer, size_t n)
{
    const json_t *items = json_object_get(answer, "value");

    return json_is_array(items) && json_array_size(items) == n ? items : NULL;
}

static enum cg_status read_results(const json_t *answer, size_t n, struct cg_sms_results *out)
{
    const json_t *items = items_of(answer, n);
    struct cg_sms_results made = {NULL, n};
    enum cg_status status = CG_OK;

    if (!items)
        return CG_PROTOCOL;
    made.items = calloc(n, sizeof *made.items);
    if (!made.items)
        return CG_NOMEM;
    for (size_t i = 0; i < n && status == CG_OK; i++)
        status = read_result(json_array_get(items, i), &made.items[i]);
    if (status)
        cg_sms_results_clear(&made);
    else
        *out = made;
    return status;
}

static enum cg_status read_optouts(const json_t *answer, size_t n, struct cg_sms_optouts *out)
{
    const json_t *items = items_of(answer, n);
    struct cg_sms_optouts made = {NULL, n};
    enum cg_status status = CG_OK;

    if (!items)
        return CG_PROTOCOL;
    made.items = calloc(n, sizeof *made.items);
    if (!made.items)
        return CG_NOMEM;
    for (size_t i = 0; i < n && status == CG_OK; i++)
        status = read_optout(json_array_get(items, i), &made.items[i]);
    if (status)
        cg_sms_optouts_clear(&made);
    else
        *out = made;
    return status;
}

static enum cg_status read_attempts(const json_t *list, struct cg_sms_report *r)
{
    size_t n = json_array_size(list);
    enum cg_status status = CG_OK;

    if (n == 0)
        return CG_OK;
    r->attempts = calloc(n, sizeof *r->attempts);
    if (!r->attempts)
        return CG_NOMEM;
    r->attempt_count = n;
    for (size_t i = 0; i < n && status == CG_OK; i++) {
        const json_t *item = json_array_get(list, i);
        struct cg_sms_attempt *a = &r->attempts[i];

        status = service_read_text(item, "timestamp", &a->timestamp);
        if (status == CG_OK)
            status = read_number(item, "segmentsSucceeded", &a->segments_succeeded);
        if (status == CG_OK)
            status = read_number(item, "segmentsFailed", &a->segments_failed);
    }
    return status;
}

/* *out is to be cleared also when this fails. */
static enum cg_status read_report(const json_t *answer, struct cg_sms_report *out)
{
    static const char *const names[] = {"messageId",
                                        "from",
                                        "to",
                                        "deliveryStatus",
                                        "deliveryStatusDetails",
                                        "receivedTimestamp",
                                        "tag",
                                        "messagingConnectPartnerMessageId"};
    char **const outs[] = {&out->message_id, &out->from,     &out->to,  &out->status,
                           &out->details,    &out->received, &out->tag, &out->partner_message_id};
    enum cg_status status = service_read_texts(answer, names, outs, ARRAY_LEN(names));

    if (status == CG_OK)
        status = read_attempts(json_object_get(answer, "deliveryAttempts"), out);
    if (status == CG_OK && (!out->message_id || !out->from || !out->to || !out->status))
        status = CG_PROTOCOL;
    return status;
}

/* ---- operations ---- */

/* Repeatable, all of them: messages by the ids of their recipients, opt-outs by what they are. */
static enum cg_status post(struct cg_client *client, const char *path, struct buf *body,
                           json_t **out, struct cg_error *err)
{
    struct buf target;
    enum cg_status status = CG_OK;

    buf_init(&target, KIB);
    buf_add(&target, str_from(path));
    status = service_run(client, &(struct service_call){"POST", &target, body, true}, out, err);
    buf_clear(&target);
    return status;
}

enum cg_status cg_sms_send(struct cg_client *client, const struct cg_sms_message *message,
                           struct cg_sms_results *out, struct cg_error *err)
{
    struct buf body;
    json_t *answer = NULL;
    enum cg_status status = CG_OK;

    if (!client || !message || !out)
        return failure_missing(err);
    if (!recipients_given(message->from, message->to, message->to_count) || !message->text)
        return failure(err, CG_INVALID, STR("a sender, recipients and a text are needed"));
    if (!str_is_utf8(str_from(message->text)) || !str_is_utf8(str_from(message->tag)))
        return failure(err, CG_INVALID, STR("texts are UTF-8"));
    buf_init(&body, SERVICE_BODY_MAX);
    write_message(&body, message);
    status = post(client, "/sms" API_VERSION, &body, &answer, err);
    if (status == CG_OK)
        status = service_told(client, read_results(answer, message->to_count, out), err);
    json_decref(answer);
    buf_wipe(&body);
    return status;
}

static enum cg_status ask_list(struct cg_client *client, const char *path,
                               const struct cg_sms_recipients *recipients,
                               struct cg_sms_optouts *out, struct cg_error *err)
{
    struct buf body;
    json_t *answer = NULL;
    enum cg_status status = CG_OK;

    if (!client || !recipients || !out)
        return failure_missing(err);
    if (!recipients_given(recipients->from, recipients->to, recipients->to_count))
        return failure(err, CG_INVALID, STR("a sender and numbers are needed"));
    buf_init(&body, SERVICE_BODY_MAX);
    write_optouts(&body, recipients);
    status = post(client, path, &body, &answer, err);
    if (status == CG_OK)
        status = service_told(client, read_optouts(answer, recipients->to_count, out), err);
    json_decref(answer);
    buf_clear(&body);
    return status;
}

enum cg_status cg_sms_optouts_add(struct cg_client *client,
                                  const struct cg_sms_recipients *recipients,
                                  struct cg_sms_optouts *out, struct cg_error *err)
{
    return ask_list(client, "/sms/optouts:add" API_VERSION, recipients, out, err);
}

enum cg_status cg_sms_optouts_remove(struct cg_client *client,
                                     const struct cg_sms_recipients *recipients,
                                     struct cg_sms_optouts *out, struct cg_error *err)
{
    return ask_list(client, "/sms/optouts:remove" API_VERSION, recipients, out, err);
}

enum cg_status cg_sms_optouts_check(struct cg_client *client,
                                    const struct cg_sms_recipients *recipients,
                                    struct cg_sms_optouts *out, struct cg_error *err)
{
    return ask_list(client, "/sms/optouts:check" API_VERSION, recipients, out, err);
}

enum cg_status cg_sms_get_delivery_report(struct cg_client *client, const char *message_id,
                                          struct cg_sms_report *out, struct cg_error *err)
{
    struct buf target;
    struct cg_sms_report made = {0};
    json_t *answer = NULL;
    enum cg_status status = CG_OK;

    if (!client || !out)
        return failure_missing(err);
    if (!message_id || !*message_id)
        return failure(err, CG_INVALID, STR("a message id is needed"));
    buf_init(&target, KIB);
    buf_add(&target, STR("/deliveryReports/"));
    service_segment(&target, message_id);
    buf_add(&target, STR(API_VERSION));
    status = service_run(client, &(struct service_call){"GET", &target, NULL, true}, &answer, err);
    if (status == CG_OK)
        status = service_told(client, read_report(answer, &made), err);
    if (status)
        cg_sms_report_clear(&made);
    else
        *out = made;
    json_decref(answer);
    buf_clear(&target);
    return status;
}

/* ---- what is given back ---- */

void cg_sms_results_clear(struct cg_sms_results *results)
{
    if (!results)
        return;
    for (size_t i = 0; results->items && i < results->count; i++) {
        free(results->items[i].to);
        free(results->items[i].message_id);
        free(results->items[i].error_message);
        free(results->items[i].repeatability);
    }
    free(results->items);
    *results = (struct cg_sms_results){0};
}

void cg_sms_optouts_clear(struct cg_sms_optouts *optouts)
{
    if (!optouts)
        return;
    for (size_t i = 0; optouts->items && i < optouts->count; i++) {
        free(optouts->items[i].to);
        free(optouts->items[i].error_message);
    }
    free(optouts->items);
    *optouts = (struct cg_sms_optouts){0};
}

void cg_sms_report_clear(struct cg_sms_report *report)
{
    if (!report)
        return;
    for (size_t i = 0; report->attempts && i < report->attempt_count; i++)
        free(report->attempts[i].timestamp);
    free(report->attempts);
    free(report->message_id);
    free(report->from);
    free(report->to);
    free(report->status);
    free(report->details);
    free(report->received);
    free(report->tag);
    free(report->partner_message_id);
    *report = (struct cg_sms_report){0};
}
