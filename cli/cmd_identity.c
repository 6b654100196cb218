/* identity: managed identities. Starting a program with one is identity_run.c. */
#include "cli/call.h"
#include "cli/show.h"

static const struct column columns[] = {
    {"NAME", "name"}, {"CLIENT ID", "clientId"}, {"DISABLED", "disabled"}, {"ROLES", "roles"}};

int identity_create_run(struct cli *cli)
{
    const struct call_member members[] = {{"name", cli->args.words[0]},
                                          {"group", args_value(&cli->args, "group")},
                                          {"role", args_value(&cli->args, "role")}};

    return (int)call_show(cli, "POST", STR("/admin/identities"),
                          call_body(cli, members, ARRAY_LEN(members)));
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
    const struct call_member resource = {"resource", cli->args.words[0]};

    return (int)call_show(cli, "POST", STR("/admin/identities:assign"),
                          call_body(cli, &resource, 1));
}
