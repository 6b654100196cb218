/* optout: who wants no messages of which sender. */
#include "cli/call.h"
#include "cli/server_find.h"
#include "cli/show.h"
#include "http/url.h"

#define PATH    "/admin/sms/optouts"
#define KEY_MAX (4 * KIB)

static const struct column columns[] = {
    {"SENDER", "sender"}, {"RECIPIENT", "recipient"}, {"SINCE", "createdOn"}};

/* ".../SENDER/RECIPIENT" */
static struct str path_of(struct cli *cli, const char *recipient)
{
    struct path path;
    struct buf rest;

    buf_init(&rest, KEY_MAX);
    buf_add_char(&rest, '/');
    url_encode_segment(str_from(recipient), &rest);
    path_init_segment(&path, cli, PATH "/", cli->args.words[0],
                      rest.failed ? "/" : arena_dup(&cli->arena, buf_str(&rest)).ptr);
    buf_clear(&rest);
    return path_done(&path, cli);
}

/* The same call for each of the recipients. */
static enum exit_code each_recipient(struct cli *cli, const char *method)
{
    struct cg_client *client = NULL;
    enum exit_code code = client_open(cli, &client);

    for (size_t i = 1; code == EXIT_DONE && i < cli->args.n; i++)
        code = call_json(cli, client, method, path_of(cli, cli->args.words[i]), STR_EMPTY, NULL);
    cg_client_free(client);
    return code;
}

int optout_add_run(struct cli *cli)
{
    return (int)each_recipient(cli, "PUT");
}

int optout_remove_run(struct cli *cli)
{
    return (int)each_recipient(cli, "DELETE");
}

int optout_list_run(struct cli *cli)
{
    struct path path;
    json_t *items = NULL;
    enum exit_code code = EXIT_DONE;

    path_init(&path, cli, PATH);
    path_query(&path, "limit", "1000");
    path_query(&path, "sender", cli->args.n > 0 ? cli->args.words[0] : NULL);
    code = call_list(cli, path_done(&path, cli), SIZE_MAX, &items);
    if (code == EXIT_DONE)
        code = show_list(cli, items, columns, ARRAY_LEN(columns));
    json_decref(items);
    return (int)code;
}

/* Ends with 1 when the number wants messages: a script asks whether it is opted out. */
int optout_check_run(struct cli *cli)
{
    json_t *answer = NULL;
    bool opted_out = false;
    enum exit_code code =
        call_once(cli, "GET", path_of(cli, cli->args.words[1]), STR_EMPTY, &answer);

    if (code == EXIT_DONE)
        code = show_object(cli, answer);
    if (code == EXIT_DONE && (json_get_bool(answer, "isOptedOut", &opted_out) || !opted_out))
        code = EXIT_REFUSED;
    json_decref(answer);
    return (int)code;
}
