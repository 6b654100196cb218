/* The carrier "kannel": messages go to an smsbox by its sendsms interface.
 *
 * The alphabet is our own choice, since with coding 0 Kannel turns what GSM-7 lacks into question
 * marks. Reports come back by the address that goes with each message. Source: wire/transports §2.
 */
#include "carriers/kannel.h"

#include "carriers/callback.h"
#include "carriers/http_config.h"
#include "carriers/http_window.h"
#include "http/url.h"

#define DLR_MASK       STR("31") /* all that Kannel can tell */
#define QUERY_MAX      (64 * KIB)
#define PARAMETERS_MAX 12
#define MS_PER_MINUTE  60000

struct kannel_config {
    struct http_settings common;
    struct str url, username, smsc, method;
};

struct kannel {
    struct carrier base; /* first */
    const struct carrier_host *host;
    struct arena arena; /* the configuration; wiped */
    struct kannel_config config;
    struct str password;
    struct http_window window;
};

static const struct json_field config_fields[] = {
    {"url", JSON_FIELD_STR, offsetof(struct kannel_config, url), 1, HTTP_CONFIG_URL_MAX, true},
    {"username", JSON_FIELD_WORD, offsetof(struct kannel_config, username), 1, 255, true},
    {"smsc", JSON_FIELD_WORD, offsetof(struct kannel_config, smsc), 1, 255, false},
    {"method", JSON_FIELD_STR, offsetof(struct kannel_config, method), 1, 8, false},
    HTTP_SETTINGS_FIELDS(struct kannel_config),
    {0},
};

static const char *const secret_members[] = {"password", NULL};

static enum rc read_config(const json_t *config, const json_t *secrets, struct kannel *k,
                           struct buf *why)
{
    struct kannel_config *c = &k->config;

    *c = (struct kannel_config){.common = HTTP_SETTINGS_DEFAULT, .method = STR("POST")};
    if (http_config_fill(config, config_fields, c, &k->arena, why) ||
        http_config_url(c->url, "url", why))
        return RC_INVALID;
    if (str_find(c->url, '?') < c->url.len)
        return http_config_bad(why, "url", "must have no query");
    if (!name_eq(c->method, STR("POST")) && !name_eq(c->method, STR("GET")))
        return http_config_bad(why, "method", "must be POST or GET");
    if (!http_config_is_plain(c->username) || !http_config_is_plain(c->smsc))
        return http_config_bad(why, "username or smsc", "must be printable ASCII");
    return http_config_secret(secrets, "password", &k->arena, &k->password, why);
}

static enum rc kannel_check(const json_t *config, const json_t *secrets, struct buf *why)
{
    struct kannel k = {0};
    enum rc rc;

    arena_init(&k.arena);
    rc = read_config(config, secrets, &k, why);
    arena_clear(&k.arena);
    return rc;
}

/* ---- asking ---- */

/* One value of a request: its name as a query parameter, and as a header. */
struct parameter {
    struct str query, header, value;
};
struct parameters {
    struct parameter items[PARAMETERS_MAX];
    size_t n;
};

static void add(struct parameters *list, struct str query, struct str header, struct str value)
{
    if (value.len && list->n < PARAMETERS_MAX)
        list->items[list->n++] = (struct parameter){query, header, value};
}

/* Kannel puts what it knows in place of %d and %A; another percent sign is written twice. */
static struct str report_url(const struct kannel *k, const struct carrier_message *m,
                             struct arena *arena)
{
    struct str url = callback_report_url(k->host, m, arena);
    struct buf out;

    if (!url.len)
        return url;
    buf_init(&out, 3 * url.len + 64);
    for (size_t i = 0; i < url.len; i++) {
        buf_add_char(&out, url.ptr[i]);
        if (url.ptr[i] == '%')
            buf_add_char(&out, '%');
    }
    buf_add(&out, STR("&type=%d&answer=%A"));
    url = arena_dup(arena, buf_str(&out));
    buf_wipe(&out);
    return url;
}

static struct str minutes_left(const struct kannel *k, const struct carrier_message *m,
                               struct arena *arena)
{
    int64_t left = m->deadline - clock_now(k->host->clock);
    int64_t minutes = (left + MS_PER_MINUTE - 1) / MS_PER_MINUTE;

    return arena_printf(arena, "%lld", (long long)(minutes > 0 ? minutes : 1));
}

static void list_parameters(const struct kannel *k, const struct carrier_message *m,
                            struct arena *arena, struct parameters *out)
{
    struct str url = report_url(k, m, arena);

    add(out, STR("username"), STR("X-Kannel-Username"), k->config.username);
    add(out, STR("password"), STR("X-Kannel-Password"), k->password);
    add(out, STR("from"), STR("X-Kannel-From"), arena_dup(arena, m->from));
    add(out, STR("to"), STR("X-Kannel-To"), arena_dup(arena, m->to));
    add(out, STR("coding"), STR("X-Kannel-Coding"), m->ucs2 ? STR("2") : STR("0"));
    add(out, STR("validity"), STR("X-Kannel-Validity"), minutes_left(k, m, arena));
    add(out, STR("smsc"), STR("X-Kannel-SMSC"), k->config.smsc);
    if (url.len)
        add(out, STR("dlr-mask"), STR("X-Kannel-DLR-Mask"), DLR_MASK);
    add(out, STR("dlr-url"), STR("X-Kannel-DLR-URL"), url);
}

static void ask_by_post(struct http_call *c, const struct kannel *k, const struct parameters *list,
                        struct str text)
{
    c->call.method = "POST";
    c->call.url = k->config.url.ptr;
    c->call.body = arena_dup(&c->arena, text);
    http_call_header(c, STR("Content-Type"), STR("text/plain; charset=UTF-8"));
    for (size_t i = 0; i < list->n; i++)
        http_call_header(c, list->items[i].header, list->items[i].value);
}

static void add_to_query(struct buf *out, char separator, struct str name, struct str value)
{
    buf_add_char(out, separator);
    buf_add(out, name);
    buf_add_char(out, '=');
    url_encode_segment(value, out);
}

static void ask_by_get(struct http_call *c, const struct kannel *k, const struct parameters *list,
                       struct str text)
{
    struct buf out;

    buf_init(&out, QUERY_MAX);
    buf_add(&out, k->config.url);
    add_to_query(&out, '?', STR("charset"), STR("UTF-8"));
    for (size_t i = 0; i < list->n; i++)
        add_to_query(&out, '&', list->items[i].query, list->items[i].value);
    add_to_query(&out, '&', STR("text"), text);
    c->call.method = "GET";
    c->call.url = arena_dup(&c->arena, buf_str(&out)).ptr;
    buf_wipe(&out);
}

static void kannel_submit(struct carrier *base, const struct carrier_message *m)
{
    struct kannel *k = (struct kannel *)base;
    struct http_call *c = http_call_new(&k->window, m, false);
    struct parameters list = {.n = 0};

    list_parameters(k, m, &c->arena, &list);
    if (name_eq(k->config.method, STR("POST")))
        ask_by_post(c, k, &list, m->text);
    else
        ask_by_get(c, k, &list, m->text);
    http_call_send(c);
}

/* ---- answers ---- */

/* clang-format off */
static const struct { int status; uint32_t code; struct str words; const char *detail; } refusals[] = {
    {400, 4002, STR_INIT("receiver"),     "Kannel refuses the recipient"},
    {400, 4001, STR_INIT("Sender"),       "Kannel refuses the sender"},
    {400, 5000, STR_INIT(""),             "Kannel refuses the request"},
    {403, 4003, STR_INIT("Not routable"), "Kannel has no route there"},
    {403, 4003, STR_INIT("lists"),        "Kannel's lists deny the recipient"},
    {403, 5000, STR_INIT(""),             "Kannel refuses the message"},
};
/* clang-format on */

static void read_refusal(const struct http_call *c, struct carrier_result *out)
{
    struct str text = buf_str(&c->call.response);

    out->outcome = CARRIER_REJECTED;
    out->code = 5000;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        if (refusals[i].status == c->call.status &&
            (!refusals[i].words.len || str_find_str(text, refusals[i].words) < text.len)) {
            out->code = refusals[i].code;
            out->detail = refusals[i].detail;
            return;
        }
    }
}

static void read_answer(void *ctx, struct http_call *c, struct carrier_result *out)
{
    struct str text = buf_str(&c->call.response);
    int status = c->call.status;

    (void)ctx;
    if (c->call.rc) {
        http_result_unanswered(c, out);
    } else if (status == 202) {
        out->outcome = CARRIER_ACCEPTED;
        out->detail = str_starts(text, STR("3:")) ? "Kannel keeps it: no link to the SMSC"
                                                  : "taken by Kannel";
    } else if (status == 503) {
        http_result_trouble(c, 5001, "Kannel says: try again later", out);
    } else if (status >= 500) {
        out->detail = "an error of the server, without a word on the message";
    } else if (status == 403 && str_find_str(text, STR("Authorization")) < text.len) {
        http_result_trouble(c, 5000, "Kannel refuses our user or password", out);
    } else if (status == 400 || status == 403) {
        read_refusal(c, out);
    } else {
        http_result_trouble(c, 5000, "it does not answer as sendsms does: is the URL right?", out);
    }
}

/* ---- life ---- */

static struct carrier *kannel_open(const struct carrier_host *host, const json_t *config,
                                   const json_t *secrets)
{
    struct kannel *k = calloc(1, sizeof *k);
    struct buf why;

    if (!k)
        abort();
    k->base.ops = &kannel_carrier_ops;
    k->host = host;
    arena_init(&k->arena);
    buf_init(&why, KIB);
    if (read_config(config, secrets, k, &why))
        log_error(host->log, "sms.transport", "name=" STR_FMT " error=configuration",
                  STR_ARG(host->name)); /* has passed the check: every answer will be a refusal */
    buf_clear(&why);
    http_window_init(&k->window, &(struct http_window_options){
                                     .host = host,
                                     .max = (size_t)k->config.common.window,
                                     .total_ms = (uint32_t)k->config.common.timeout_s * 1000,
                                     .plain_private = k->config.common.plain_private,
                                     .read = read_answer,
                                     .ctx = k,
                                 });
    return &k->base;
}

static void kannel_close(struct carrier *base)
{
    struct kannel *k = (struct kannel *)base;

    http_window_close(&k->window);
    arena_clear(&k->arena);
    free(k);
}

static size_t kannel_room(const struct carrier *base)
{
    return http_window_room(&((const struct kannel *)base)->window);
}

static void kannel_status(const struct carrier *base, struct json_writer *w)
{
    http_window_status(&((const struct kannel *)base)->window, w);
}

const struct carrier_ops kannel_carrier_ops = {
    .kind = "kannel",
    .check = kannel_check,
    .secret_members = secret_members,
    .open = kannel_open,
    .close = kannel_close,
    .room = kannel_room,
    .submit = kannel_submit,
    .read_callback = kannel_read_callback,
    .status = kannel_status,
};
