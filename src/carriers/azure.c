/* The carrier "azure": messages go to a real resource, signed with its key.
 *
 * Each message has one repeatability id for all its attempts, so that Azure takes it once however
 * often we ask: no handover is ever unsure. Its fate is asked for, and may be told by Event Grid
 * before that. Source: wire/transports §4; wire/sms §2. */
#include "carriers/azure.h"

#include "carriers/http_config.h"
#include "http/url.h"

#define API_VERSION    "api-version=2026-01-23"
#define SEND_TARGET    STR("/sms?" API_VERSION)
#define BODY_MAX       (64 * KIB)
#define REF_MAX        128
#define TIMEOUT_MIN_S  60
#define TIMEOUT_MAX_S  43200
#define FIRST_POLL_MS  1000
#define CODE_SENDER    4001u
#define CODE_RECIPIENT 4002u
#define CODE_PERMANENT 5000u
#define CODE_TEMPORARY 5001u

struct azure_config {
    struct http_settings common;
};

struct azure {
    struct carrier base; /* first */
    const struct carrier_host *host;
    struct arena arena;
    struct azure_config config;
    struct azure_target target;
    struct http_window window;
};

static const struct json_field config_fields[] = {
    HTTP_SETTINGS_FIELDS(struct azure_config),
    {0},
};

static const char *const secret_members[] = {"connectionString", NULL};

/* azure_target_clear() and arena_clear() in any case. */
static enum rc read_config(const json_t *config, const json_t *secrets, struct azure *a,
                           struct buf *why)
{
    struct str text = STR_EMPTY;

    a->config = (struct azure_config){.common = HTTP_SETTINGS_DEFAULT};
    if (http_config_fill(config, config_fields, &a->config, &a->arena, why) ||
        http_config_secret(secrets, secret_members[0], &a->arena, &text, why))
        return RC_INVALID;
    return azure_target_read(text, &a->arena, &a->target, why);
}

static enum rc azure_check(const json_t *config, const json_t *secrets, struct buf *why)
{
    struct azure a = {0};
    enum rc rc;

    arena_init(&a.arena);
    rc = read_config(config, secrets, &a, why);
    azure_target_clear(&a.target);
    arena_clear(&a.arena);
    return rc;
}

/* ---- asking ---- */

/* The message's own id in the form of a random one, which is what the service asks for. */
static struct uuid repeatability_id(const struct uuid *id)
{
    struct uuid out = *id;

    out.octets[6] = (uint8_t)((out.octets[6] & 0x0F) | 0x40);
    return out;
}

static void write_recipient(struct json_writer *w, const struct carrier_message *m)
{
    struct uuid id = repeatability_id(&m->id);
    char date[HTTP_DATE_LEN];

    time_to_http_date(m->created, date);
    json_object_begin(w);
    json_member_str(w, "to", m->to);
    json_member_id(w, "repeatabilityRequestId", &id);
    json_member_str(w, "repeatabilityFirstSent", str_of(date, sizeof date));
    json_object_end(w);
}

/* Of each attempt the same octets: nothing in it depends on now. */
static struct str body_of(const struct carrier_message *m, struct arena *arena)
{
    int64_t timeout_s = (m->deadline - m->created) / 1000;
    struct json_writer w;
    struct buf out;
    struct str body;

    if (timeout_s < TIMEOUT_MIN_S)
        timeout_s = TIMEOUT_MIN_S;
    if (timeout_s > TIMEOUT_MAX_S)
        timeout_s = TIMEOUT_MAX_S;
    buf_init(&out, BODY_MAX);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "from", m->from);
    json_name(&w, "smsRecipients");
    json_array_begin(&w);
    write_recipient(&w, m);
    json_array_end(&w);
    json_member_str(&w, "message", m->text);
    json_name(&w, "smsSendOptions");
    json_object_begin(&w);
    json_member_bool(&w, "enableDeliveryReport", true);
    json_member_int(&w, "deliveryReportTimeoutInSeconds", timeout_s);
    json_object_end(&w);
    json_object_end(&w);
    body = arena_dup(arena, buf_str(&out));
    buf_wipe(&out);
    return body;
}

static void ask(struct azure *a, struct http_call *c, const char *method, struct str target)
{
    c->call.method = method;
    c->call.url =
        arena_printf(&c->arena, STR_FMT STR_FMT, STR_ARG(a->target.origin), STR_ARG(target)).ptr;
    if (!a->target.key) {
        http_call_refuse(c, "there is no access key");
        return;
    }
    azure_sign(&a->target, c, target);
    http_call_send(c);
}

static void azure_submit(struct carrier *base, const struct carrier_message *m)
{
    struct azure *a = (struct azure *)base;
    struct http_call *c = http_call_new(&a->window, m, false);

    c->call.body = body_of(m, &c->arena);
    http_call_header(c, STR("Content-Type"), STR("application/json"));
    ask(a, c, "POST", SEND_TARGET);
}

static void azure_poll(struct carrier *base, const struct carrier_message *m)
{
    struct azure *a = (struct azure *)base;
    struct http_call *c = http_call_new(&a->window, m, true);
    struct buf target;

    buf_init(&target, 4 * KIB);
    buf_add(&target, STR("/deliveryReports/"));
    url_encode_segment(str_head(m->ref, REF_MAX), &target);
    buf_add(&target, STR("?" API_VERSION));
    ask(a, c, "GET", arena_dup(&c->arena, buf_str(&target)));
    buf_clear(&target);
}

/* ---- answers ---- */

static bool is_temporary(int status)
{
    return status == 408 || status == 429 || status >= 500;
}

static void reject(struct carrier_result *out, uint32_t code, const char *detail)
{
    out->outcome = CARRIER_REJECTED;
    out->code = code;
    out->detail = detail;
}

/* The item of our one recipient. */
static void read_item(struct http_call *c, const json_t *item, struct carrier_result *out)
{
    struct str id = STR_EMPTY, *ref = arena_new(&c->arena, struct str);
    int64_t status = 0;

    if (json_get_int(item, "httpStatusCode", &status)) {
        http_result_trouble(c, CODE_TEMPORARY, "an answer that is none of the SMS service", out);
    } else if (status == 202 && !json_get_str(item, "messageId", &id) && id.len <= REF_MAX) {
        *ref = arena_dup(&c->arena, id);
        out->outcome = CARRIER_ACCEPTED;
        out->poll_ms = FIRST_POLL_MS;
        out->ref = *ref;
        out->refs = ref;
        out->n_refs = 1;
        out->detail = "taken by Azure";
    } else if (status == 202 || is_temporary((int)status)) {
        http_result_later(c, CODE_TEMPORARY, "Azure could not take it now", out);
    } else if (json_object_get(item, "repeatabilityResult")) {
        reject(out, status == 400 ? CODE_RECIPIENT : CODE_PERMANENT,
               "Azure refuses the recipient, or the id");
    } else {
        reject(out, CODE_RECIPIENT, "Azure refuses the recipient");
    }
}

/* 401 "Unauthorized" is said of a sender that is not the resource's; "Denied" of a bad signature.
 */
static void read_refusal(struct http_call *c, const json_t *json, struct carrier_result *out)
{
    struct str code = STR_EMPTY;
    bool sender =
        json_object_get(json, "From") || json_object_get(json_object_get(json, "errors"), "From");

    if (json_get_str(json_object_get(json, "error"), "code", &code))
        code = STR_EMPTY;
    if (is_temporary(c->call.status))
        http_result_trouble(c, CODE_TEMPORARY, "Azure says: try again later", out);
    else if (c->call.status == 401 && name_eq(code, STR("Unauthorized")))
        reject(out, CODE_SENDER, "the sender is not one of the resource");
    else if (c->call.status == 400 && sender)
        reject(out, CODE_SENDER, "Azure refuses the sender");
    else if (c->call.status == 400)
        reject(out, CODE_PERMANENT, "Azure refuses the request");
    else
        http_result_trouble(c, CODE_PERMANENT, "Azure refuses our key, or there is no such service",
                            out);
}

static void read_submit(struct http_call *c, const json_t *json, struct carrier_result *out)
{
    if (c->call.status == 202)
        read_item(c, json_array_get(json_object_get(json, "value"), 0), out);
    else
        read_refusal(c, json, out);
}

/* 1, 5, 15 and 60 s after it was made, then each minute. */
static uint64_t next_poll_ms(const struct azure *a, const struct http_call *c)
{
    static const int64_t ages[] = {1000, 5000, 15000, 60000};
    int64_t age = clock_now(a->host->clock) - c->created;

    for (size_t i = 0; i < ARRAY_LEN(ages); i++)
        if (age < ages[i])
            return (uint64_t)(age < 0 ? ages[0] : ages[i] - age);
    return 60000;
}

static void read_poll(struct azure *a, struct http_call *c, const json_t *json,
                      struct carrier_result *out)
{
    struct str status = STR_EMPTY, details = STR_EMPTY;
    struct carrier_report report = {.id = c->id, .final = true, .detail = "as Azure tells"};

    if (c->call.status != 200 && c->call.status != 404) {
        http_result_trouble(c, CODE_TEMPORARY, "Azure does not tell", out);
        return;
    }
    out->outcome = CARRIER_ACCEPTED;
    out->poll_ms = next_poll_ms(a, c);
    out->detail = "on its way";
    if (c->call.status == 404 || json_get_str(json, "deliveryStatus", &status))
        return;
    report.delivered = name_eq(status, STR("Delivered"));
    if (!report.delivered && !name_eq(status, STR("Failed")))
        return;
    if (!report.delivered)
        report.code =
            azure_code(json_get_str(json, "deliveryStatusDetails", &details) ? STR_EMPTY : details);
    a->host->report(a->host, &report, NULL, NULL);
}

static void read_answer(void *ctx, struct http_call *c, struct carrier_result *out)
{
    struct azure *a = ctx;
    json_t *json = NULL;

    if (c->call.rc) { /* sent or not: it is the same message there */
        http_result_trouble(c, CODE_TEMPORARY, c->call.reason, out);
        return;
    }
    if (json_read(buf_str(&c->call.response), &json, NULL))
        json = NULL; /* then nothing is found in it */
    if (c->poll)
        read_poll(a, c, json, out);
    else
        read_submit(c, json, out);
    json_decref(json);
}

/* ---- life ---- */

static struct carrier *azure_open(const struct carrier_host *host, const json_t *config,
                                  const json_t *secrets)
{
    struct azure *a = calloc(1, sizeof *a);
    struct buf why;

    if (!a)
        abort();
    a->base.ops = &azure_carrier_ops;
    a->host = host;
    arena_init(&a->arena);
    buf_init(&why, KIB);
    if (read_config(config, secrets, a, &why))
        log_error(host->log, "sms.transport", "name=" STR_FMT " error=configuration",
                  STR_ARG(host->name)); /* has passed the check: every answer will be a refusal */
    buf_clear(&why);
    http_window_init(&a->window, &(struct http_window_options){
                                     .host = host,
                                     .max = (size_t)a->config.common.window,
                                     .total_ms = (uint32_t)a->config.common.timeout_s * 1000,
                                     .plain_private = a->config.common.plain_private,
                                     .read = read_answer,
                                     .ctx = a,
                                 });
    return &a->base;
}

static void azure_close(struct carrier *base)
{
    struct azure *a = (struct azure *)base;

    http_window_close(&a->window);
    azure_target_clear(&a->target);
    arena_clear(&a->arena);
    free(a);
}

static size_t azure_room(const struct carrier *base)
{
    return http_window_room(&((const struct azure *)base)->window);
}

static void azure_status(const struct carrier *base, struct json_writer *w)
{
    http_window_status(&((const struct azure *)base)->window, w);
}

const struct carrier_ops azure_carrier_ops = {
    .kind = "azure",
    .check = azure_check,
    .secret_members = secret_members,
    .open = azure_open,
    .close = azure_close,
    .room = azure_room,
    .submit = azure_submit,
    .poll = azure_poll,
    .read_callback = azure_read_callback,
    .status = azure_status,
};
