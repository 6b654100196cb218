/* app: service principals and their credentials. A secret is printed once, with the variables by
 * which an official client uses it. */
#include "cli/call.h"
#include "cli/show.h"
#include "cli/variables.h"
#include "http/url.h"

#include <errno.h>

#define PATH_LEN_MAX    (64 * KIB)
#define CERTIFICATE_MAX (16 * KIB)

static const struct column columns[] = {{"NAME", "name"},
                                        {"CLIENT ID", "clientId"},
                                        {"KIND", "kind"},
                                        {"DISABLED", "disabled"},
                                        {"ROLES", "roles"}};

static struct str app_path(struct cli *cli, const char *after)
{
    struct path path;

    path_init_segment(&path, cli, "/admin/apps/", cli->args.words[0], after);
    return path_done(&path, cli);
}

/* The path of a credential: "/admin/apps/APP/secrets/ID". */
static struct str part_path(struct cli *cli, const char *kind)
{
    struct path path;
    struct buf before;

    buf_init(&before, PATH_LEN_MAX);
    buf_add(&before, STR("/admin/apps/"));
    url_encode_segment(str_from(cli->args.words[0]), &before);
    buf_add(&before, str_from(kind));
    path_init_segment(&path, cli, arena_dup(&cli->arena, buf_str(&before)).ptr, cli->args.words[1],
                      "");
    buf_clear(&before);
    return path_done(&path, cli);
}

/* ---- a secret, with what goes around it ---- */

static enum exit_code secret_variables(struct cli *cli, struct cg_client *client,
                                       const json_t *secret, struct variables *v)
{
    json_t *tenant = NULL;
    enum exit_code code = call_json(cli, client, "GET", STR("/admin/tenant"), STR_EMPTY, &tenant);

    if (code)
        return code;
    variables_add(v, "AZURE_AUTHORITY_HOST",
                  arena_dup(&cli->arena, show_text(cli, tenant, "authority")));
    variables_add(v, "AZURE_TENANT_ID", STR("adfs"));
    variables_add(v, "AZURE_CLIENT_ID", arena_dup(&cli->arena, show_text(cli, secret, "clientId")));
    variables_add(v, "AZURE_CLIENT_SECRET",
                  arena_dup(&cli->arena, show_text(cli, secret, "secret")));
    json_decref(tenant);
    return EXIT_DONE;
}

/* For people: the answer, then the lines to copy; with --export: the lines alone; with --json: the
 * answer, the variables in it. */
static enum exit_code show_secret(struct cli *cli, struct cg_client *client, json_t *answer,
                                  const json_t *secret)
{
    const char *shell = args_value(&cli->args, "export");
    struct variables v = {.n = 0};
    enum exit_code code = secret_variables(cli, client, secret, &v);

    if (code)
        return code;
    if (cli->json) {
        json_t *all = json_object();

        for (size_t i = 0; i < v.n; i++)
            if (json_object_set_new(all, v.items[i].name,
                                    json_stringn(v.items[i].value.ptr, v.items[i].value.len)))
                code = cli_fail(cli, EXIT_LOCAL, "out of memory");
        if (json_object_set_new(answer, "variables", all))
            code = cli_fail(cli, EXIT_LOCAL, "out of memory");
        return code ? code : show_json(cli, answer);
    }
    if (shell)
        return variables_print(cli, shell, &v);
    code = show_object(cli, answer);
    (void)fputs("\nThe secret is shown this once. For the official clients:\n\n", cli->out);
    return code ? code : variables_print(cli, "sh", &v);
}

static enum exit_code make_secret(struct cli *cli, struct cg_client *client, const char *app,
                                  json_t **out)
{
    const struct call_member members[] = {{"description", args_value(&cli->args, "description")},
                                          {"expiresIn", args_value(&cli->args, "expires-in")}};
    struct path path;

    path_init_segment(&path, cli, "/admin/apps/", app, "/secrets");
    return call_json(cli, client, "POST", path_done(&path, cli),
                     call_body(cli, members, ARRAY_LEN(members)), out);
}

/* ---- commands ---- */

static enum exit_code create_with_secret(struct cli *cli, struct cg_client *client, json_t *app)
{
    struct str id = arena_dup(&cli->arena, show_text(cli, app, "clientId"));
    json_t *secret = NULL;
    enum exit_code code = make_secret(cli, client, id.ptr, &secret);

    if (code == EXIT_DONE && json_object_set(app, "secret", json_object_get(secret, "secret")))
        code = cli_fail(cli, EXIT_LOCAL, "out of memory");
    if (code == EXIT_DONE)
        code = show_secret(cli, client, app, secret);
    json_decref(secret);
    return code;
}

int app_create_run(struct cli *cli)
{
    const struct call_member members[] = {{"name", cli->args.words[0]},
                                          {"role", args_value(&cli->args, "role")}};
    bool secret = args_has(&cli->args, "secret") || args_has(&cli->args, "export");
    struct cg_client *client = NULL;
    json_t *app = NULL;
    enum exit_code code = EXIT_DONE;

    if (!secret && args_has(&cli->args, "expires-in"))
        return (int)cli_fail(cli, EXIT_USAGE, "--expires-in goes with --secret");
    code = client_open(cli, &client);
    if (code == EXIT_DONE)
        code = call_json(cli, client, "POST", STR("/admin/apps"),
                         call_body(cli, members, ARRAY_LEN(members)), &app);
    if (code == EXIT_DONE)
        code = secret ? create_with_secret(cli, client, app) : show_object(cli, app);
    json_decref(app);
    cg_client_free(client);
    return (int)code;
}

int app_list_run(struct cli *cli)
{
    struct path path;
    json_t *items = NULL;
    enum exit_code code = EXIT_DONE;

    path_init(&path, cli, "/admin/apps");
    path_query(&path, "limit", "1000");
    path_query(&path, "kind", args_value(&cli->args, "kind"));
    code = call_list(cli, path_done(&path, cli), SIZE_MAX, &items);
    if (code == EXIT_DONE)
        code = show_list(cli, items, columns, ARRAY_LEN(columns));
    json_decref(items);
    return (int)code;
}

int app_show_run(struct cli *cli)
{
    return (int)call_show(cli, "GET", app_path(cli, ""), STR_EMPTY);
}

int app_delete_run(struct cli *cli)
{
    return (int)call_show(cli, "DELETE", app_path(cli, ""), STR_EMPTY);
}

int app_disable_run(struct cli *cli)
{
    return (int)call_show(cli, "PATCH", app_path(cli, ""), STR("{\"disabled\":true}"));
}

int app_enable_run(struct cli *cli)
{
    return (int)call_show(cli, "PATCH", app_path(cli, ""), STR("{\"disabled\":false}"));
}

int app_revoke_run(struct cli *cli)
{
    return (int)call_show(cli, "PATCH", app_path(cli, ""), STR("{\"revokeTokens\":true}"));
}

int app_secret_add_run(struct cli *cli)
{
    struct cg_client *client = NULL;
    json_t *secret = NULL;
    enum exit_code code = client_open(cli, &client);

    if (code == EXIT_DONE)
        code = make_secret(cli, client, cli->args.words[0], &secret);
    if (code == EXIT_DONE)
        code = show_secret(cli, client, secret, secret);
    json_decref(secret);
    cg_client_free(client);
    return (int)code;
}

int app_secret_remove_run(struct cli *cli)
{
    return (int)call_show(cli, "DELETE", part_path(cli, "/secrets/"), STR_EMPTY);
}

/* A small file as text; NUL ends it early, and then it is no PEM. */
static enum exit_code read_text(struct cli *cli, const char *path, char **out)
{
    FILE *f = fopen(path, "re");
    size_t len = 0;

    if (!f)
        return cli_fail(cli, EXIT_LOCAL, "%s: %s", path, os_error_text(errno));
    *out = arena_alloc(&cli->arena, CERTIFICATE_MAX + 2);
    len = fread(*out, 1, CERTIFICATE_MAX + 1, f);
    (void)fclose(f); /* was only read */
    if (len > CERTIFICATE_MAX)
        return cli_fail(cli, EXIT_LOCAL, "%s is too large for a certificate", path);
    if (strlen(*out) != len)
        return cli_fail(cli, EXIT_LOCAL,
                        "%s is not text: give a PEM file (openssl x509 -inform der -in %s)", path,
                        path);
    return EXIT_DONE;
}

int app_cert_add_run(struct cli *cli)
{
    struct call_member member = {"certificate", NULL};
    char *text = NULL;
    enum exit_code code = read_text(cli, cli->args.words[1], &text);

    member.value = text;
    if (text && !code && str_find_str(str_from(text), STR("PRIVATE KEY")) < strlen(text))
        code = cli_fail(cli, EXIT_LOCAL,
                        "%s holds a private key: nothing was sent; give the certificate alone",
                        cli->args.words[1]);
    return code ? (int)code
                : (int)call_show(cli, "POST", app_path(cli, "/certificates"),
                                 call_body(cli, &member, 1));
}

int app_cert_remove_run(struct cli *cli)
{
    return (int)call_show(cli, "DELETE", part_path(cli, "/certificates/"), STR_EMPTY);
}

int app_federated_add_run(struct cli *cli)
{
    const struct call_member members[] = {{"name", cli->args.words[1]},
                                          {"issuer", args_value(&cli->args, "issuer")},
                                          {"subject", args_value(&cli->args, "subject")},
                                          {"audience", args_value(&cli->args, "audience")}};

    if (!members[1].value || !members[2].value)
        return (int)cli_fail(cli, EXIT_USAGE, "--issuer and --subject say whose tokens count");
    return (int)call_show(cli, "POST", app_path(cli, "/federated"),
                          call_body(cli, members, ARRAY_LEN(members)));
}

int app_federated_remove_run(struct cli *cli)
{
    return (int)call_show(cli, "DELETE", part_path(cli, "/federated/"), STR_EMPTY);
}
