/* env: what clients need to reach the server, as lines for a shell. By access key, or as an
 * application or managed identity; then without any secret of the application's. */
#include "cli/call.h"
#include "cli/show.h"
#include "cli/variables.h"

/* An answer's member, in the arena. */
static struct str kept(struct cli *cli, const json_t *answer, const char *name)
{
    return arena_dup(&cli->arena, show_text(cli, answer, name));
}

/* A service principal: the tenant name adfs keeps clients from asking Microsoft's login first. */
static enum exit_code as_application(struct cli *cli, const struct server_info *info,
                                     const char *name, struct variables *v)
{
    struct path path;
    json_t *app = NULL;
    enum exit_code code = EXIT_DONE;

    if (info->https_port == 0)
        return cli_fail(cli, EXIT_NO_SERVER, "applications need the TLS listener: it is off");
    path_init_segment(&path, cli, "/admin/apps/", name, "");
    code = call_once(cli, "GET", path_done(&path, cli), STR_EMPTY, &app);
    if (code == EXIT_DONE) {
        variables_add(v, "AZURE_AUTHORITY_HOST", server_endpoint(cli, info, true));
        variables_add(v, "AZURE_TENANT_ID", STR("adfs"));
        variables_add(v, "AZURE_CLIENT_ID", kept(cli, app, "clientId"));
    }
    json_decref(app);
    return code;
}

static enum exit_code as_identity(struct cli *cli, const struct server_info *info, const char *name,
                                  struct variables *v)
{
    struct path path;
    json_t *answer = NULL;
    enum exit_code code = EXIT_DONE;

    if (info->imds_port == 0)
        return cli_fail(cli, EXIT_NO_SERVER,
                        "the server has no identity endpoint: start it with --imds 127.0.0.1:4001, "
                        "or start the program with `callgate identity run %s -- COMMAND`",
                        name);
    path_init_segment(&path, cli, "/admin/identities/", name, ":header");
    code = call_once(cli, "GET", path_done(&path, cli), STR_EMPTY, &answer);
    if (code == EXIT_DONE) {
        variables_add(v, "IDENTITY_ENDPOINT",
                      arena_printf(&cli->arena, "http://" STR_FMT ":%u/msi/token",
                                   STR_ARG(info->imds_host), (unsigned)info->imds_port));
        variables_add(v, "IDENTITY_HEADER", kept(cli, answer, "header"));
    }
    json_decref(answer);
    return code;
}

int env_run(struct cli *cli)
{
    const char *app = args_value(&cli->args, "app"), *identity = args_value(&cli->args, "identity");
    struct server_info info = {0};
    struct variables v = {.n = 0};
    struct str key = STR_EMPTY;
    enum exit_code code = EXIT_DONE;

    if (app && identity)
        return (int)cli_fail(cli, EXIT_USAGE, "--app or --identity, not both");
    code = server_info_read(cli, &info);
    if (code == EXIT_DONE && !app && !identity)
        code = key_reveal(cli, &key);
    if (code == EXIT_DONE && app)
        code = as_application(cli, &info, app, &v);
    if (code == EXIT_DONE && identity)
        code = as_identity(cli, &info, identity, &v);
    if (code)
        return (int)code;
    variables_of_server(cli, &info, key, &v);
    return (int)variables_print(cli, args_value(&cli->args, "shell"), &v);
}
