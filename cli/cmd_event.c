/* event: who is told what happens, what became of it, and what died on the way. A subscription is
 * shown once its endpoint has consented or not: that takes a moment. */
#include "cli/call.h"
#include "cli/server_find.h"
#include "cli/show.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define PATH        "/admin/events/subscriptions/"
#define VALUES_MAX  64
#define VALUE_MAX   ((size_t)4096)
#define LOOK_MS     200
#define LOOKS_MAX   600 /* two minutes: three tries of half a minute, and what is between */
#define DEFAULT_MAX 100

static const struct column subscription_columns[] = {
    {"NAME", "name"},         {"STATE", "provisioningState"},  {"SCHEMA", "schema"},
    {"ENDPOINT", "endpoint"}, {"TYPES", "includedEventTypes"}, {"ERROR", "lastError"}};
static const struct column delivery_columns[] = {{"ID", "id"},
                                                 {"TYPE", "eventType"},
                                                 {"STATE", "state"},
                                                 {"ATTEMPTS", "attempts"},
                                                 {"OUTCOME", "lastOutcome"},
                                                 {"PUBLISHED", "publishedOn"},
                                                 {"NEXT", "nextAttemptOn"}};
static const struct column dead_columns[] = {{"ID", "id"},
                                             {"TYPE", "eventType"},
                                             {"REASON", "deadLetterReason"},
                                             {"ATTEMPTS", "attempts"},
                                             {"OUTCOME", "lastOutcome"},
                                             {"PUBLISHED", "publishedOn"}};

static struct str event_path(struct cli *cli, const char *after)
{
    struct path path;

    path_init_segment(&path, cli, PATH, cli->args.words[0], after);
    return path_done(&path, cli);
}

static enum exit_code no_memory(struct cli *cli)
{
    return cli_fail(cli, EXIT_LOCAL, "out of memory");
}

/* ---- the body ---- */

/* Sets a member to `value` (moved in). */
static enum exit_code set(struct cli *cli, json_t *body, const char *name, json_t *value)
{
    return json_object_set_new(body, name, value) ? no_memory(cli) : EXIT_DONE;
}

static enum exit_code set_text(struct cli *cli, json_t *body, const char *name, const char *option)
{
    const char *value = args_value(&cli->args, option);

    return value ? set(cli, body, name, json_string(value)) : EXIT_DONE;
}

static enum exit_code set_number(struct cli *cli, json_t *body, const char *name,
                                 const char *option)
{
    const char *value = args_value(&cli->args, option);
    uint64_t number;

    if (!value)
        return EXIT_DONE;
    if (str_to_u64(str_from(value), UINT32_MAX, &number))
        return cli_fail(cli, EXIT_USAGE, "--%s is a number", option);
    return set(cli, body, name, json_integer((json_int_t)number));
}

static enum exit_code set_types(struct cli *cli, json_t *body)
{
    const char *values[VALUES_MAX];
    size_t n = args_values(&cli->args, "type", values, VALUES_MAX);
    json_t *list;

    if (n == 0)
        return EXIT_DONE;
    list = json_array();
    for (size_t i = 0; i < n; i++)
        if (json_array_append_new(list, json_string(values[i]))) {
            json_decref(list);
            return no_memory(cli);
        }
    return set(cli, body, "includedEventTypes", list);
}

/* "@FILE": its first line, so that a secret need not stand on the command line. */
static enum exit_code value_of(struct cli *cli, const char *given, struct str *out)
{
    char *text = arena_alloc(&cli->arena, VALUE_MAX + 2);
    size_t len;
    FILE *f;

    *out = str_from(given);
    if (given[0] != '@')
        return EXIT_DONE;
    f = fopen(given + 1, "re");
    if (!f)
        return cli_fail(cli, EXIT_LOCAL, "%s: %s", given + 1, os_error_text(errno));
    len = fread(text, 1, VALUE_MAX + 1, f);
    (void)fclose(f); /* was only read */
    (void)str_cut(str_of(text, len), '\n', out, &(struct str){0});
    if (out->len && out->ptr[out->len - 1] == '\r')
        out->len--;
    return EXIT_DONE;
}

static enum exit_code set_header(struct cli *cli, json_t *headers, const char *given, bool secret)
{
    struct str name, rest, value;
    json_t *item;
    enum exit_code code;

    if (!str_cut(str_from(given), '=', &name, &rest) || !name.len || !rest.len)
        return cli_fail(cli, EXIT_USAGE, "a header is NAME=VALUE, or NAME=@FILE");
    code = value_of(cli, rest.ptr, &value);
    if (code)
        return code;
    item = json_pack("{s:s%, s:b}", "value", value.ptr, value.len, "secret", secret);
    return item ? set(cli, headers, arena_dup(&cli->arena, name).ptr, item)
                : cli_fail(cli, EXIT_USAGE, "a header's value must be UTF-8");
}

static enum exit_code set_headers(struct cli *cli, json_t *body)
{
    static const char *const options[] = {"header", "secret-header"};
    json_t *headers = json_object_get(body, "headers");
    enum exit_code code = EXIT_DONE;

    if (!headers) {
        headers = json_object();
        code = set(cli, body, "headers", headers);
    }
    for (size_t o = 0; o < ARRAY_LEN(options) && !code; o++) {
        const char *values[VALUES_MAX];
        size_t n = args_values(&cli->args, options[o], values, VALUES_MAX);

        for (size_t i = 0; i < n && !code; i++)
            code = set_header(cli, headers, values[i], o == 1);
    }
    return code;
}

static enum exit_code set_all(struct cli *cli, json_t *body)
{
    enum exit_code code = set_text(cli, body, "endpoint", "url");

    if (!code)
        code = set_text(cli, body, "schema", "schema");
    if (!code)
        code = set_types(cli, body);
    if (!code)
        code = set_text(cli, body, "subjectBeginsWith", "subject-begins");
    if (!code)
        code = set_text(cli, body, "subjectEndsWith", "subject-ends");
    if (!code)
        code = set_number(cli, body, "maxDeliveryAttempts", "max-attempts");
    if (!code)
        code = set_number(cli, body, "eventTimeToLiveInMinutes", "ttl");
    if (!code)
        code = set_number(cli, body, "maxEventsPerBatch", "batch");
    if (!code)
        code = set_number(cli, body, "preferredBatchSizeInKilobytes", "batch-kib");
    return code ? code : set_headers(cli, body);
}

/* ---- create, update ---- */

static bool is_settled(struct cli *cli, const json_t *answer)
{
    struct str state = show_text(cli, answer, "provisioningState");

    return !name_eq(state, STR("Creating")) && !name_eq(state, STR("Updating"));
}

/* Until its endpoint has answered. */
static enum exit_code wait_settled(struct cli *cli, struct cg_client *client, json_t **answer)
{
    const struct timespec pause = {.tv_nsec = (long)LOOK_MS * 1000 * 1000};
    enum exit_code code = EXIT_DONE;

    for (unsigned i = 0; i < LOOKS_MAX && !code && !is_settled(cli, *answer); i++) {
        (void)nanosleep(&pause, NULL); /* cut short: looks earlier */
        json_decref(*answer);
        *answer = NULL;
        code = call_json(cli, client, "GET", event_path(cli, ""), STR_EMPTY, answer);
    }
    return code;
}

static enum exit_code put(struct cli *cli, struct cg_client *client, const json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);
    json_t *answer = NULL;
    enum exit_code code;

    if (!text)
        return no_memory(cli);
    code = call_json(cli, client, "PUT", event_path(cli, ""), str_from(text), &answer);
    explicit_bzero(text, strlen(text));
    free(text);
    if (!code && !args_has(&cli->args, "no-wait"))
        code = wait_settled(cli, client, &answer);
    if (!code)
        code = show_object(cli, answer);
    if (!code && name_eq(show_text(cli, answer, "provisioningState"), STR("Failed")))
        code = EXIT_REFUSED;
    json_decref(answer);
    return code;
}

static const char *const not_of_a_body[] = {"name", "provisioningState", "validationUrl",
                                            "lastError", "createdOn"};

int event_subscription_create_run(struct cli *cli)
{
    struct cg_client *client = NULL;
    json_t *body = json_object();
    enum exit_code code = EXIT_DONE;

    if (!args_value(&cli->args, "url"))
        code = cli_fail(cli, EXIT_USAGE, "--url says where events go");
    if (!code)
        code = set_all(cli, body);
    if (!code)
        code = client_open(cli, &client);
    if (!code)
        code = put(cli, client, body);
    json_decref(body);
    cg_client_free(client);
    return (int)code;
}

int event_subscription_update_run(struct cli *cli)
{
    struct cg_client *client = NULL;
    json_t *body = NULL;
    enum exit_code code = client_open(cli, &client);

    if (!code)
        code = call_json(cli, client, "GET", event_path(cli, ""), STR_EMPTY, &body);
    for (size_t i = 0; i < ARRAY_LEN(not_of_a_body) && !code; i++)
        (void)json_object_del(body, not_of_a_body[i]); /* not every answer has them all */
    if (!code)
        code = set_all(cli, body);
    if (!code)
        code = put(cli, client, body);
    json_decref(body);
    cg_client_free(client);
    return (int)code;
}

/* ---- show, list, delete ---- */

static enum exit_code list(struct cli *cli, struct str path, const struct column *columns, size_t n)
{
    const char *limit = args_value(&cli->args, "limit");
    json_t *items = NULL;
    uint64_t max = DEFAULT_MAX;
    enum exit_code code = EXIT_DONE;

    if (limit && (str_to_u64(str_from(limit), UINT32_MAX, &max) || max == 0))
        return cli_fail(cli, EXIT_USAGE, "--limit is a number from 1");
    code = call_list(cli, path, (size_t)max, &items);
    if (code == EXIT_DONE)
        code = show_list(cli, items, columns, n);
    json_decref(items);
    return code;
}

int event_subscription_list_run(struct cli *cli)
{
    struct path path;

    path_init(&path, cli, "/admin/events/subscriptions");
    return (int)list(cli, path_done(&path, cli), subscription_columns,
                     ARRAY_LEN(subscription_columns));
}

int event_subscription_show_run(struct cli *cli)
{
    return (int)call_show(cli, "GET", event_path(cli, ""), STR_EMPTY);
}

int event_subscription_delete_run(struct cli *cli)
{
    return (int)call_show(cli, "DELETE", event_path(cli, ""), STR_EMPTY);
}

int event_deliveries_run(struct cli *cli)
{
    return (int)list(cli, event_path(cli, "/deliveries"), delivery_columns,
                     ARRAY_LEN(delivery_columns));
}

int event_deadletters_run(struct cli *cli)
{
    return (int)list(cli, event_path(cli, "/deadletters"), dead_columns, ARRAY_LEN(dead_columns));
}

/* ---- replay ---- */

int event_replay_run(struct cli *cli)
{
    size_t ids = cli->args.n - 1;
    struct json_writer w;
    struct buf body;
    struct str text;

    if (args_has(&cli->args, "all") == (ids > 0))
        return (int)cli_fail(cli, EXIT_USAGE, "give the ids of dead letters, or --all");
    buf_init(&body, 64 * KIB);
    json_writer_init(&w, &body);
    json_object_begin(&w);
    if (ids) {
        json_name(&w, "ids");
        json_array_begin(&w);
        for (size_t i = 1; i < cli->args.n; i++)
            json_str(&w, str_from(cli->args.words[i]));
        json_array_end(&w);
    }
    json_object_end(&w);
    text = arena_dup(&cli->arena, buf_str(&body));
    buf_clear(&body);
    return (int)call_show(cli, "POST", event_path(cli, "/deadletters:replay"), text);
}
