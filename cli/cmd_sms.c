/* sms: messages sent as an application sends them, and the inbox of a development server. */
#include "callgate/sms.h"

#include "cli/call.h"
#include "cli/input.h"
#include "cli/server_find.h"
#include "cli/show.h"

#define TEXT_MAX      (16 * KIB)
#define WAIT_ONCE_S   ((uint64_t)10) /* well below the client's own time-out */
#define WAIT_DEFAULT  ((uint64_t)30)
#define WAIT_MAX      ((uint64_t)86400)
#define EVERYTHING    "1970-01-01T00:00:00Z"
#define TIMEOUT_MAX_S 43200

static const struct column columns[] = {{"ID", "messageId"},
                                        {"FROM", "from"},
                                        {"TO", "to"},
                                        {"STATE", "state"},
                                        {"MESSAGE", "message"}};

/* ---- send ---- */

/* The last word is the text. */
static enum exit_code read_message(struct cli *cli, struct cg_sms_message *m)
{
    const char *timeout = args_value(&cli->args, "report-timeout");
    uint64_t seconds = 0;

    if (timeout && (str_to_u64(str_from(timeout), TIMEOUT_MAX_S, &seconds) || seconds == 0))
        return cli_fail(cli, EXIT_USAGE, "--report-timeout is a number of seconds, 60 to 43200");
    *m = (struct cg_sms_message){
        .from = cli->args.words[0],
        .to = &cli->args.words[1],
        .to_count = cli->args.n - 2,
        .delivery_report = args_has(&cli->args, "report") || timeout,
        .tag = args_value(&cli->args, "tag"),
        .report_timeout_s = (int)seconds,
    };
    return input_word(cli, cli->args.n - 1, TEXT_MAX, &m->text);
}

static enum exit_code show_results_json(struct cli *cli, const struct cg_sms_results *results)
{
    json_t *list = json_array();
    enum exit_code code = EXIT_DONE;

    for (size_t i = 0; i < results->count; i++) {
        const struct cg_sms_result *r = &results->items[i];
        json_t *item =
            json_pack("{sssbsiss*ss*}", "to", r->to, "successful", r->successful, "httpStatusCode",
                      r->http_status, "messageId", r->message_id, "errorMessage", r->error_message);

        if (!item || json_array_append_new(list, item))
            code = cli_fail(cli, EXIT_LOCAL, "out of memory");
    }
    if (code == EXIT_DONE)
        code = show_json(cli, list);
    json_decref(list);
    return code;
}

/* Ids alone, so that a script can take them; what was refused is told apart. */
static enum exit_code show_results(struct cli *cli, const struct cg_sms_results *results)
{
    enum exit_code code = EXIT_DONE;

    if (cli->json)
        code = show_results_json(cli, results);
    for (size_t i = 0; i < results->count && code != EXIT_LOCAL; i++) {
        const struct cg_sms_result *r = &results->items[i];

        if (r->successful && !cli->json)
            (void)fprintf(cli->out, "%s\n", r->message_id); /* flushed and checked at the end */
        if (!r->successful)
            code = cli->json ? EXIT_REFUSED
                             : cli_fail(cli, EXIT_REFUSED, "%s: %d %s", r->to, r->http_status,
                                        r->error_message ? r->error_message : "");
    }
    return code;
}

int sms_send_run(struct cli *cli)
{
    struct cg_client *client = NULL;
    struct cg_sms_message message = {0};
    struct cg_sms_results results = {0};
    struct cg_error err = {0};
    enum cg_status status = CG_OK;
    enum exit_code code = read_message(cli, &message);

    if (code == EXIT_DONE)
        code = wire_client_open(cli, &client);
    if (code)
        return (int)code;
    status = cg_sms_send(client, &message, &results, &err);
    code = status ? call_failed(cli, status, &err) : show_results(cli, &results);
    cg_sms_results_clear(&results);
    cg_client_free(client);
    return (int)code;
}

/* ---- what was sent ---- */

int sms_list_run(struct cli *cli)
{
    static const char *const filters[] = {"direction", "from", "to", "tag", "state", "since"};
    const char *limit = args_value(&cli->args, "limit");
    uint64_t max = SIZE_MAX;
    struct path path;
    json_t *items = NULL;
    enum exit_code code = EXIT_DONE;

    if (limit && (str_to_u64(str_from(limit), SIZE_MAX, &max) || max == 0))
        return (int)cli_fail(cli, EXIT_USAGE, "--limit is a number, 1 or more");
    path_init(&path, cli, "/admin/sms/messages");
    path_query(&path, "limit", max < 1000 ? limit : "1000");
    for (size_t i = 0; i < ARRAY_LEN(filters); i++)
        path_query(&path, filters[i], args_value(&cli->args, filters[i]));
    code = call_list(cli, path_done(&path, cli), max, &items);
    if (code == EXIT_DONE)
        code = show_list(cli, items, columns, ARRAY_LEN(columns));
    json_decref(items);
    return (int)code;
}

int sms_show_run(struct cli *cli)
{
    struct path path;

    path_init_segment(&path, cli, "/admin/sms/messages/", cli->args.words[0], "");
    return (int)call_show(cli, "GET", path_done(&path, cli), STR_EMPTY);
}

int sms_clear_run(struct cli *cli)
{
    struct path path;

    path_init(&path, cli, "/admin/sms/messages");
    return (int)call_once(cli, "DELETE", path_done(&path, cli), STR_EMPTY, NULL);
}

/* ---- wait ---- */

/* Where the waiting begins: what --since says, else behind the newest message of now. */
static enum exit_code since_of(struct cli *cli, struct cg_client *client, struct str *out)
{
    const char *given = args_value(&cli->args, "since");
    struct path path;
    json_t *page = NULL;
    struct str id = STR_EMPTY;
    enum exit_code code = EXIT_DONE;

    if (given) {
        *out = str_from(given);
        return EXIT_DONE;
    }
    path_init(&path, cli, "/admin/sms/messages");
    path_query(&path, "limit", "1");
    code = call_json(cli, client, "GET", path_done(&path, cli), STR_EMPTY, &page);
    if (code)
        return code;
    if (json_get_str(json_array_get(json_object_get(page, "value"), 0), "messageId", &id))
        id = STR(EVERYTHING);
    *out = arena_dup(&cli->arena, id);
    json_decref(page);
    return code;
}

/* Asks once; *out stays NULL when none came in that time. */
static enum exit_code wait_once(struct cli *cli, struct cg_client *client, struct str since,
                                uint64_t seconds, json_t **out)
{
    struct path path;

    path_init(&path, cli, "/admin/sms/messages:wait");
    path_query(&path, "to", cli->args.words[0]);
    path_query(&path, "since", since.ptr);
    path_query(&path, "timeoutSeconds", arena_printf(&cli->arena, "%u", (unsigned)seconds).ptr);
    return call_json(cli, client, "GET", path_done(&path, cli), STR_EMPTY, out);
}

static enum exit_code show_message(struct cli *cli, const json_t *message)
{
    struct str text = show_text(cli, message, "message");

    if (cli->json)
        return show_json(cli, message);
    (void)fprintf(cli->out, STR_FMT "\n", STR_ARG(text)); /* flushed and checked at the end */
    return EXIT_DONE;
}

int sms_wait_run(struct cli *cli)
{
    const char *given = args_value(&cli->args, "within");
    struct cg_client *client = NULL;
    uint64_t left = WAIT_DEFAULT;
    struct str since = STR_EMPTY;
    json_t *message = NULL;
    enum exit_code code = EXIT_DONE;

    if (given && str_to_u64(str_from(given), WAIT_MAX, &left))
        return (int)cli_fail(cli, EXIT_USAGE, "--within is a number of seconds, at most 86400");
    code = client_open(cli, &client);
    if (code == EXIT_DONE)
        code = since_of(cli, client, &since);
    while (code == EXIT_DONE && !message) {
        uint64_t now = left < WAIT_ONCE_S ? left : WAIT_ONCE_S;

        code = wait_once(cli, client, since, now, &message);
        left -= now;
        if (left == 0)
            break;
    }
    if (code == EXIT_DONE)
        code = message ? show_message(cli, message)
                       : cli_fail(cli, EXIT_REFUSED, "no message to %s came in that time",
                                  cli->args.words[0]);
    json_decref(message);
    cg_client_free(client);
    return (int)code;
}

/* ---- what a carrier would do ---- */

int sms_inbound_run(struct cli *cli)
{
    struct call_member members[] = {
        {"from", cli->args.words[0]}, {"to", cli->args.words[1]}, {"message", NULL}};
    struct path path;
    enum exit_code code = input_word(cli, 2, TEXT_MAX, &members[2].value);

    if (code)
        return (int)code;
    path_init(&path, cli, "/admin/sms/inbound");
    return (int)call_show(cli, "POST", path_done(&path, cli),
                          call_body(cli, members, ARRAY_LEN(members)));
}

static enum exit_code number_member(struct cli *cli, struct json_writer *w, const char *name,
                                    const char *option)
{
    const char *given = args_value(&cli->args, option);
    uint64_t number = 0;

    if (!given)
        return EXIT_DONE;
    if (str_to_u64(str_from(given), 1000000, &number))
        return cli_fail(cli, EXIT_USAGE, "--%s is a number", option);
    json_member_int(w, name, (int64_t)number);
    return EXIT_DONE;
}

int sms_report_run(struct cli *cli)
{
    struct json_writer w;
    struct path path;
    struct buf body;
    enum exit_code code = EXIT_DONE;

    buf_init(&body, KIB);
    json_writer_init(&w, &body);
    json_object_begin(&w);
    json_member_str(&w, "deliveryStatus", str_from(cli->args.words[1]));
    code = number_member(cli, &w, "code", "code");
    if (code == EXIT_DONE)
        code = number_member(cli, &w, "segmentsFailed", "segments-failed");
    json_object_end(&w);
    if (code == EXIT_DONE) {
        path_init_segment(&path, cli, "/admin/sms/messages/", cli->args.words[0], ":report");
        code = call_once(cli, "POST", path_done(&path, cli), arena_dup(&cli->arena, buf_str(&body)),
                         NULL);
    }
    buf_clear(&body);
    return (int)code;
}
