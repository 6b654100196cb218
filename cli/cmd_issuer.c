/* issuer: whose service tokens count besides the server's own. Only the administrator on this
 * machine may change that. */
#include "cli/call.h"
#include "cli/show.h"

#include <stdlib.h>

#define BODY_MAX   (64 * KIB)
#define VALUES_MAX 16
#define ENTRA      "https://login.microsoftonline.com/"

static const struct column columns[] = {
    {"ISSUER", "issuer"}, {"KIND", "kind"}, {"AUDIENCES", "audiences"}, {"ID", "id"}};

/* A path that the server can read whatever its own directory is. */
static enum exit_code member_file(struct cli *cli, struct json_writer *w, const char *name,
                                  const char *option)
{
    const char *given = args_value(&cli->args, option);
    char *full = NULL;

    if (!given)
        return EXIT_DONE;
    full = realpath(given, NULL);
    if (!full)
        return cli_fail(cli, EXIT_LOCAL, "%s: no such file", given);
    json_member_str(w, name, str_from(full));
    free(full);
    return EXIT_DONE;
}

static void member_list(struct cli *cli, struct json_writer *w, const char *name,
                        const char *option)
{
    const char *values[VALUES_MAX];
    size_t n = args_values(&cli->args, option, values, VALUES_MAX);

    if (n == 0)
        return;
    json_name(w, name);
    json_array_begin(w);
    for (size_t i = 0; i < n; i++)
        json_str(w, str_from(values[i]));
    json_array_end(w);
}

/* --claim name=value, repeated. */
static enum exit_code member_claims(struct cli *cli, struct json_writer *w)
{
    const char *given[VALUES_MAX];
    size_t n = args_values(&cli->args, "claim", given, VALUES_MAX);

    if (n == 0)
        return EXIT_DONE;
    json_name(w, "claims");
    json_object_begin(w);
    for (size_t i = 0; i < n; i++) {
        struct str name, value;

        if (!str_cut(str_from(given[i]), '=', &name, &value) || !name.len || !value.len)
            return cli_fail(cli, EXIT_USAGE, "--claim is name=value");
        json_member_str(w, arena_dup(&cli->arena, name).ptr, value);
    }
    json_object_end(w);
    return EXIT_DONE;
}

static void member_text(struct cli *cli, struct json_writer *w, const char *name,
                        const char *option)
{
    const char *given = args_value(&cli->args, option);

    if (given)
        json_member_str(w, name, str_from(given));
}

static void member_flag(struct cli *cli, struct json_writer *w, const char *name,
                        const char *option)
{
    if (args_has(&cli->args, option))
        json_member_bool(w, name, true);
}

/* The URL given, or that of a tenant of Entra ID. */
static enum exit_code issuer_url(struct cli *cli, struct str *out)
{
    const char *tenant = args_value(&cli->args, "tenant");

    if ((cli->args.n == 0) == !tenant)
        return cli_fail(cli, EXIT_USAGE, "give the issuer's URL, or --tenant GUID for Entra ID");
    *out =
        tenant ? arena_printf(&cli->arena, ENTRA "%s/v2.0", tenant) : str_from(cli->args.words[0]);
    return EXIT_DONE;
}

static enum exit_code write_issuer(struct cli *cli, struct str url, struct buf *out)
{
    struct json_writer w;
    enum exit_code code;

    json_writer_init(&w, out);
    json_object_begin(&w);
    json_member_str(&w, "issuer", url);
    member_list(cli, &w, "audiences", "audience");
    member_list(cli, &w, "algorithms", "alg");
    member_text(cli, &w, "subject", "subject");
    member_text(cli, &w, "principalName", "name");
    member_text(cli, &w, "jwksUrl", "jwks-url");
    member_flag(cli, &w, "allowPrivate", "allow-private");
    member_flag(cli, &w, "userTokens", "user-tokens");
    member_flag(cli, &w, "untested", "untested");
    code = member_claims(cli, &w);
    if (code == EXIT_DONE)
        code = member_file(cli, &w, "jwksFile", "jwks-file");
    if (code == EXIT_DONE)
        code = member_file(cli, &w, "caFile", "ca-file");
    if (code == EXIT_DONE)
        code = member_file(cli, &w, "tokenFile", "token-file");
    json_object_end(&w);
    return code;
}

int issuer_add_run(struct cli *cli)
{
    struct str url = STR_EMPTY, text;
    struct buf body;
    enum exit_code code = issuer_url(cli, &url);

    buf_init(&body, BODY_MAX);
    if (code == EXIT_DONE)
        code = write_issuer(cli, url, &body);
    text = arena_dup(&cli->arena, buf_str(&body));
    buf_clear(&body);
    return code ? (int)code : (int)call_show(cli, "POST", STR("/admin/issuers"), text);
}

int issuer_list_run(struct cli *cli)
{
    json_t *items = NULL;
    enum exit_code code = call_list(cli, STR("/admin/issuers?limit=1000"), SIZE_MAX, &items);

    if (code == EXIT_DONE)
        code = show_list(cli, items, columns, ARRAY_LEN(columns));
    json_decref(items);
    return (int)code;
}

/* The id of the issuer that was named by its URL or its id. */
static enum exit_code issuer_id(struct cli *cli, struct str *out)
{
    const char *given = cli->args.words[0];
    json_t *items = NULL;
    enum exit_code code = call_list(cli, STR("/admin/issuers?limit=1000"), SIZE_MAX, &items);

    *out = STR_EMPTY;
    for (size_t i = 0; code == EXIT_DONE && i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);

        if (name_eq(show_text(cli, item, "issuer"), str_from(given)) ||
            name_eq_nocase(show_text(cli, item, "id"), str_from(given)) ||
            name_eq_nocase(show_text(cli, item, "tenantId"), str_from(given)))
            *out = arena_dup(&cli->arena, show_text(cli, item, "id"));
    }
    json_decref(items);
    if (code == EXIT_DONE && out->len == 0)
        code = cli_fail(cli, EXIT_NOT_FOUND, "no trusted issuer is called %s", given);
    return code;
}

int issuer_remove_run(struct cli *cli)
{
    struct str id = STR_EMPTY;
    struct path path;
    enum exit_code code = issuer_id(cli, &id);

    if (code)
        return (int)code;
    path_init_segment(&path, cli, "/admin/issuers/", id.ptr, "");
    return (int)call_once(cli, "DELETE", path_done(&path, cli), STR_EMPTY, NULL);
}

int issuer_test_run(struct cli *cli)
{
    struct str id = STR_EMPTY;
    struct path path;
    json_t *answer = NULL;
    bool ok = false;
    enum exit_code code = issuer_id(cli, &id);

    if (code)
        return (int)code;
    path_init_segment(&path, cli, "/admin/issuers/", id.ptr, ":test");
    code = call_once(cli, "POST", path_done(&path, cli), STR("{}"), &answer);
    if (code == EXIT_DONE)
        code = show_object(cli, answer);
    if (code == EXIT_DONE && (json_get_bool(answer, "ok", &ok) || !ok))
        code = EXIT_REFUSED;
    json_decref(answer);
    return (int)code;
}
