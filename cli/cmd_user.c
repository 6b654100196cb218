/* user: communication users of a resource. */
#include "cli/call.h"
#include "cli/server_find.h"
#include "cli/show.h"
#include "client/admin.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const struct column columns[] = {
    {"ID", "id"}, {"CREATED", "createdOn"}, {"EXTERNAL ID", "externalId"}};

int user_create_run(struct cli *cli)
{
    const struct call_member members[] = {{"id", args_value(&cli->args, "id")},
                                          {"externalId", args_value(&cli->args, "external-id")}};
    struct path path;
    json_t *answer = NULL;
    enum exit_code code = EXIT_DONE;

    path_init(&path, cli, "/admin/users");
    code = call_once(cli, "POST", path_done(&path, cli),
                     call_body(cli, members, ARRAY_LEN(members)), &answer);
    if (code == EXIT_DONE)
        code = show_object(cli, answer);
    json_decref(answer);
    return (int)code;
}

int user_list_run(struct cli *cli)
{
    const char *limit = args_value(&cli->args, "limit");
    uint64_t max = SIZE_MAX;
    struct path path;
    json_t *items = NULL;
    enum exit_code code = EXIT_DONE;

    if (limit && (str_to_u64(str_from(limit), SIZE_MAX, &max) || max == 0))
        return (int)cli_fail(cli, EXIT_USAGE, "--limit is a number, 1 or more");
    path_init(&path, cli, "/admin/users");
    path_query(&path, "limit", max < 1000 ? limit : "1000");
    path_query(&path, "prefix", args_value(&cli->args, "prefix"));
    path_query(&path, "createdSince", args_value(&cli->args, "created-since"));
    code = call_list(cli, path_done(&path, cli), max, &items);
    if (code == EXIT_DONE)
        code = show_list(cli, items, columns, ARRAY_LEN(columns));
    json_decref(items);
    return (int)code;
}

int user_show_run(struct cli *cli)
{
    struct path path;
    json_t *answer = NULL;
    enum exit_code code = EXIT_DONE;

    path_init_segment(&path, cli, "/admin/users/", cli->args.words[0], "");
    code = call_once(cli, "GET", path_done(&path, cli), STR_EMPTY, &answer);
    if (code == EXIT_DONE)
        code = show_object(cli, answer);
    json_decref(answer);
    return (int)code;
}

int user_delete_run(struct cli *cli)
{
    struct path path;

    path_init_segment(&path, cli, "/admin/users/", cli->args.words[0], "");
    return (int)call_once(cli, "DELETE", path_done(&path, cli), STR_EMPTY, NULL);
}

static enum exit_code export_to(struct cli *cli, FILE *to)
{
    struct cg_client *client = NULL;
    struct cg_error err = {0};
    struct path path;
    uint64_t octets = 0;
    enum cg_status status = CG_OK;
    enum exit_code code = client_open(cli, &client);

    if (code)
        return code;
    path_init_segment(&path, cli, "/admin/users/", cli->args.words[0], ":export");
    status = cg_admin_download(client, "GET", path_done(&path, cli).ptr, to, &octets, &err);
    if (status)
        code = call_failed(cli, status, &err);
    cg_client_free(client);
    return code;
}

int user_export_run(struct cli *cli)
{
    const char *name = args_value(&cli->args, "out");
    FILE *to = NULL;
    int fd = -1;
    enum exit_code code = EXIT_DONE;

    if (!name)
        return (int)export_to(cli, cli->out);
    fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600); /* never over another file */
    to = fd < 0 ? NULL : fdopen(fd, "w");
    if (!to)
        return (int)cli_fail(cli, EXIT_LOCAL, "%s: %s", name,
                             errno == EEXIST ? "exists already" : os_error_text(errno));
    code = export_to(cli, to);
    if (fclose(to) != 0 && code == EXIT_DONE)
        code = cli_fail(cli, EXIT_LOCAL, "%s could not be written", name);
    if (code)
        (void)unlink(name); /* nothing half made; the failure was told */
    return (int)code;
}
