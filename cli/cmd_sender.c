/* sender: who may send text messages for a resource, and how. */
#include "cli/call.h"
#include "cli/show.h"

#define BODY_MAX (64 * KIB)
#define PATH     "/admin/sms/senders"

static const struct column columns[] = {{"SENDER", "sender"},
                                        {"KIND", "kind"},
                                        {"OPT-OUTS BIND", "enforceOptOut"},
                                        {"A MINUTE", "ratePerMinute"},
                                        {"TRANSPORT", "transport"}};

static void member_text(struct cli *cli, struct json_writer *w, const char *name,
                        const char *option)
{
    const char *given = args_value(&cli->args, option);

    if (given)
        json_member_str(w, name, str_from(given));
}

static enum exit_code member_enforce(struct cli *cli, struct json_writer *w)
{
    const char *given = args_value(&cli->args, "enforce-opt-out");
    struct str text = str_from(given);

    if (!given)
        return EXIT_DONE;
    if (!name_eq(text, STR("yes")) && !name_eq(text, STR("no")))
        return cli_fail(cli, EXIT_USAGE, "--enforce-opt-out is yes or no");
    json_member_bool(w, "enforceOptOut", name_eq(text, STR("yes")));
    return EXIT_DONE;
}

static enum exit_code member_rate(struct cli *cli, struct json_writer *w)
{
    const char *given = args_value(&cli->args, "rate");
    uint64_t rate = 0;

    if (!given)
        return EXIT_DONE;
    if (str_to_u64(str_from(given), 1000000, &rate))
        return cli_fail(cli, EXIT_USAGE, "--rate is a number of segments a minute; 0: no limit");
    json_member_int(w, "ratePerMinute", (int64_t)rate);
    return EXIT_DONE;
}

static enum exit_code write_sender(struct cli *cli, struct buf *out)
{
    struct json_writer w;
    enum exit_code code = EXIT_DONE;

    json_writer_init(&w, out);
    json_object_begin(&w);
    member_text(cli, &w, "kind", "kind");
    member_text(cli, &w, "transport", "transport");
    json_name(&w, "replies");
    json_object_begin(&w);
    member_text(cli, &w, "stop", "reply-stop");
    member_text(cli, &w, "start", "reply-start");
    member_text(cli, &w, "help", "reply-help");
    json_object_end(&w);
    code = member_enforce(cli, &w);
    if (code == EXIT_DONE)
        code = member_rate(cli, &w);
    json_object_end(&w);
    return code;
}

static struct str path_of(struct cli *cli)
{
    struct path path;

    path_init_segment(&path, cli, PATH "/", cli->args.words[0], "");
    return path_done(&path, cli);
}

int sender_set_run(struct cli *cli)
{
    struct buf body;
    enum exit_code code = EXIT_DONE;

    buf_init(&body, BODY_MAX);
    code = write_sender(cli, &body);
    if (code == EXIT_DONE)
        code = call_show(cli, "PUT", path_of(cli), arena_dup(&cli->arena, buf_str(&body)));
    buf_clear(&body);
    return (int)code;
}

int sender_list_run(struct cli *cli)
{
    struct path path;
    json_t *items = NULL;
    enum exit_code code = EXIT_DONE;

    path_init(&path, cli, PATH);
    path_query(&path, "limit", "1000");
    code = call_list(cli, path_done(&path, cli), SIZE_MAX, &items);
    if (code == EXIT_DONE)
        code = show_list(cli, items, columns, ARRAY_LEN(columns));
    json_decref(items);
    return (int)code;
}

int sender_show_run(struct cli *cli)
{
    return (int)call_show(cli, "GET", path_of(cli), STR_EMPTY);
}

int sender_delete_run(struct cli *cli)
{
    return (int)call_once(cli, "DELETE", path_of(cli), STR_EMPTY, NULL);
}
