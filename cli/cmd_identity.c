/* identity: managed identities. Starting a program with one is identity_run.c. */
#include "cli/call.h"
#include "cli/show.h"

#define BODY_MAX (16 * KIB)

static const struct column columns[] = {
    {"NAME", "name"}, {"CLIENT ID", "clientId"}, {"DISABLED", "disabled"}, {"ROLES", "roles"}};

int identity_create_run(struct cli *cli)
{
    const char *group = args_value(&cli->args, "group"), *role = args_value(&cli->args, "role");
    struct json_writer w;
    struct buf body;
    struct str text;

    buf_init(&body, BODY_MAX);
    json_writer_init(&w, &body);
    json_object_begin(&w);
    json_member_str(&w, "name", str_from(cli->args.words[0]));
    if (group)
        json_member_str(&w, "group", str_from(group));
    if (role)
        json_member_str(&w, "role", str_from(role));
    json_object_end(&w);
    text = arena_dup(&cli->arena, buf_str(&body));
    buf_clear(&body);
    return (int)call_show(cli, "POST", STR("/admin/identities"), text);
}

int identity_list_run(struct cli *cli)
{
    json_t *items = NULL;
    enum exit_code code = call_list(cli, STR("/admin/identities?limit=1000"), SIZE_MAX, &items);

    if (code == EXIT_DONE)
        code = show_list(cli, items, columns, ARRAY_LEN(columns));
    json_decref(items);
    return (int)code;
}

int identity_delete_run(struct cli *cli)
{
    struct path path;

    path_init_segment(&path, cli, "/admin/identities/", cli->args.words[0], "");
    return (int)call_show(cli, "DELETE", path_done(&path, cli), STR_EMPTY);
}

int identity_assign_run(struct cli *cli)
{
    struct json_writer w;
    struct buf body;
    struct str text;

    buf_init(&body, BODY_MAX);
    json_writer_init(&w, &body);
    json_object_begin(&w);
    json_member_str(&w, "resource", str_from(cli->args.words[0]));
    json_object_end(&w);
    text = arena_dup(&cli->arena, buf_str(&body));
    buf_clear(&body);
    return (int)call_show(cli, "POST", STR("/admin/identities:assign"), text);
}
