/* resource: the server's resources (tenants). */
#include "cli/call.h"
#include "cli/show.h"

#include <unistd.h>

#define NAMES_MAX 32
#define BODY_MAX  (64 * KIB)

static const struct column columns[] = {
    {"NAME", "name"}, {"ID", "id"}, {"LOCATION", "location"}, {"PORT", "port"}, {"NAMES", "names"}};

static enum exit_code write_resource(struct cli *cli, struct buf *out)
{
    const char *names[NAMES_MAX], *location = args_value(&cli->args, "location");
    const char *port_text = args_value(&cli->args, "port");
    size_t n = args_values(&cli->args, "name", names, NAMES_MAX);
    uint64_t port = 0;
    struct json_writer w;

    if (port_text && (str_to_u64(str_from(port_text), 65535, &port) || port == 0))
        return cli_fail(cli, EXIT_USAGE, "--port is a number from 1 to 65535");
    json_writer_init(&w, out);
    json_object_begin(&w);
    json_member_str(&w, "name", str_from(cli->args.words[0]));
    if (location)
        json_member_str(&w, "location", str_from(location));
    if (port_text)
        json_member_int(&w, "port", (int64_t)port);
    if (n > 0) {
        json_name(&w, "names");
        json_array_begin(&w);
        for (size_t i = 0; i < n; i++)
            json_str(&w, str_from(names[i]));
        json_array_end(&w);
    }
    json_object_end(&w);
    return EXIT_DONE;
}

int resource_create_run(struct cli *cli)
{
    struct buf body;
    json_t *answer = NULL;
    enum exit_code code = EXIT_DONE;

    buf_init(&body, BODY_MAX);
    code = write_resource(cli, &body);
    if (code == EXIT_DONE)
        code = call_once(cli, "POST", STR("/admin/resources"),
                         arena_dup(&cli->arena, buf_str(&body)), &answer);
    if (code == EXIT_DONE)
        code = show_object(cli, answer);
    json_decref(answer);
    buf_clear(&body);
    return (int)code;
}

int resource_list_run(struct cli *cli)
{
    json_t *items = NULL;
    enum exit_code code = call_list(cli, STR("/admin/resources?limit=1000"), SIZE_MAX, &items);

    if (code == EXIT_DONE)
        code = show_list(cli, items, columns, ARRAY_LEN(columns));
    json_decref(items);
    return (int)code;
}

int resource_show_run(struct cli *cli)
{
    struct path path;
    json_t *answer = NULL;
    enum exit_code code = EXIT_DONE;

    path_init_segment(&path, cli, "/admin/resources/", cli->args.words[0], "");
    code = call_once(cli, "GET", path_done(&path, cli), STR_EMPTY, &answer);
    if (code == EXIT_DONE)
        code = show_object(cli, answer);
    json_decref(answer);
    return (int)code;
}

/* Asks for the name on a terminal; elsewhere --yes is the way. */
static enum exit_code confirm(struct cli *cli, const char *name)
{
    char line[256];

    if (args_has(&cli->args, "yes"))
        return EXIT_DONE;
    if (!isatty(STDIN_FILENO))
        return cli_fail(cli, EXIT_USAGE,
                        "deleting a resource deletes its users and keys: say --yes");
    (void)fprintf(cli->err,
                  "This deletes the resource %s with its users, tokens and keys.\n"
                  "Type its name to go on: ",
                  name);
    if (!fgets(line, sizeof line, stdin))
        return cli_fail(cli, EXIT_REFUSED, "nothing deleted");
    line[strcspn(line, "\n")] = '\0';
    return name_eq(str_from(line), str_from(name))
               ? EXIT_DONE
               : cli_fail(cli, EXIT_REFUSED, "the name differs: nothing deleted");
}

int resource_delete_run(struct cli *cli)
{
    const char *name = cli->args.words[0];
    struct path path;
    enum exit_code code = confirm(cli, name);

    if (code)
        return (int)code;
    path_init_segment(&path, cli, "/admin/resources/", name, "");
    path_query(&path, "confirm", name);
    return (int)call_once(cli, "DELETE", path_done(&path, cli), STR_EMPTY, NULL);
}
