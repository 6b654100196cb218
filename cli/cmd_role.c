/* role: who may do what where. */
#include "cli/call.h"
#include "cli/input.h"
#include "cli/show.h"

#define DEFINITION_MAX (60 * KIB)

static const struct column assignment_columns[] = {
    {"PRINCIPAL", "principal"}, {"ROLE", "role"}, {"SCOPE", "scope"}, {"ID", "id"}};
static const struct column role_columns[] = {
    {"ROLE", "name"}, {"BUILT IN", "builtIn"}, {"DESCRIPTION", "description"}};

int role_assign_run(struct cli *cli)
{
    const struct call_member members[] = {{"principal", cli->args.words[0]},
                                          {"role", cli->args.words[1]},
                                          {"scope", args_value(&cli->args, "scope")},
                                          {"resource", args_value(&cli->args, "resource")}};

    return (int)call_show(cli, "POST", STR("/admin/role-assignments"),
                          call_body(cli, members, ARRAY_LEN(members)));
}

static enum exit_code assignments(struct cli *cli, const char *principal, json_t **out)
{
    struct path path;

    path_init(&path, cli, "/admin/role-assignments");
    path_query(&path, "limit", "1000");
    path_query(&path, "principal", principal);
    return call_list(cli, path_done(&path, cli), SIZE_MAX, out);
}

int role_list_run(struct cli *cli)
{
    json_t *items = NULL;
    enum exit_code code = assignments(cli, args_value(&cli->args, "principal"), &items);

    if (code == EXIT_DONE)
        code = show_list(cli, items, assignment_columns, ARRAY_LEN(assignment_columns));
    json_decref(items);
    return (int)code;
}

static enum exit_code remove_id(struct cli *cli, const char *id)
{
    struct path path;

    path_init_segment(&path, cli, "/admin/role-assignments/", id, "");
    return call_once(cli, "DELETE", path_done(&path, cli), STR_EMPTY, NULL);
}

static bool is_text(struct cli *cli, const json_t *item, const char *member, const char *text)
{
    return name_eq_nocase(show_text(cli, item, member), str_from(text));
}

/* Where the command line says: a scope, or a resource, whose name is the end of its scope. */
static bool is_there(struct cli *cli, const json_t *item)
{
    const char *scope = args_value(&cli->args, "scope");
    const char *resource = args_value(&cli->args, "resource");
    struct str has = show_text(cli, item, "scope"), end;

    if (scope)
        return name_eq_nocase(has, str_from(scope));
    end = arena_printf(&cli->arena, "/providers/microsoft.communication/communicationservices/%s",
                       resource ? resource : "default");
    return has.len > end.len && name_eq_nocase(str_from_index(has, has.len - end.len), end);
}

/* The assignment there. Who has the role elsewhere, too, is told where. */
static enum exit_code remove_role(struct cli *cli, const char *principal, const char *role)
{
    json_t *items = NULL;
    const json_t *there = NULL, *elsewhere = NULL;
    enum exit_code code = assignments(cli, principal, &items);

    for (size_t i = 0; code == EXIT_DONE && i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);

        if (!is_text(cli, item, "role", role) && !is_text(cli, item, "roleId", role))
            continue;
        if (is_there(cli, item))
            there = item;
        else
            elsewhere = item;
    }
    if (there)
        code = remove_id(cli, arena_dup(&cli->arena, show_text(cli, there, "id")).ptr);
    else if (code == EXIT_DONE)
        code = cli_fail(cli, EXIT_NOT_FOUND, "%s has no role %s there", principal, role);
    if (elsewhere)
        (void)fprintf(cli->err, "callgate: %s has the role at " STR_FMT " (--scope)\n", principal,
                      STR_ARG(show_text(cli, elsewhere, "scope"))); /* nobody else to tell */
    json_decref(items);
    return code;
}

int role_remove_run(struct cli *cli)
{
    if (args_has(&cli->args, "scope") && args_has(&cli->args, "resource"))
        return (int)cli_fail(cli, EXIT_USAGE, "--scope or --resource, not both");
    if (cli->args.n == 1)
        return (int)remove_id(cli, cli->args.words[0]);
    return (int)remove_role(cli, cli->args.words[0], cli->args.words[1]);
}

/* The definition in a file, or - for the standard input; the server judges it. */
int role_create_run(struct cli *cli)
{
    struct str text = STR_EMPTY;
    enum exit_code code = input_read(cli, cli->args.words[0], DEFINITION_MAX, &text);

    return (int)(code ? code : call_show(cli, "POST", STR("/admin/roles"), text));
}

int role_delete_run(struct cli *cli)
{
    struct path path;

    path_init_segment(&path, cli, "/admin/roles/", cli->args.words[0], "");
    return (int)call_once(cli, "DELETE", path_done(&path, cli), STR_EMPTY, NULL);
}

/* All roles, or one with its permissions. */
int role_show_run(struct cli *cli)
{
    json_t *answer = NULL, *items = NULL;
    const json_t *found = NULL;
    enum exit_code code = call_once(cli, "GET", STR("/admin/roles"), STR_EMPTY, &answer);

    if (code)
        return (int)code;
    items = json_object_get(answer, "value");
    if (cli->args.n == 0) {
        code = show_list(cli, items, role_columns, ARRAY_LEN(role_columns));
        json_decref(answer);
        return (int)code;
    }
    for (size_t i = 0; !found && i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);

        if (is_text(cli, item, "name", cli->args.words[0]) ||
            is_text(cli, item, "id", cli->args.words[0]))
            found = item;
    }
    code = found ? show_object(cli, found)
                 : cli_fail(cli, EXIT_NOT_FOUND,
                            "there is no role %s: `callgate role show` lists "
                            "them",
                            cli->args.words[0]);
    json_decref(answer);
    return (int)code;
}
