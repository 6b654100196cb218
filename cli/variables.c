/* What clients need to reach the server, as environment variables. */
#include "cli/variables.h"

#include "base/json.h"

#define OUTPUT_MAX (64 * KIB)

void variables_add(struct variables *v, const char *name, struct str value)
{
    if (value.len > 0 && v->n < VARIABLES_MAX)
        v->items[v->n++] = (struct variable){name, value};
}

static struct str with_slash(struct cli *cli, struct str endpoint)
{
    return endpoint.len > 0 ? arena_printf(&cli->arena, STR_FMT "/", STR_ARG(endpoint)) : endpoint;
}

static struct str connection_string(struct cli *cli, struct str endpoint, struct str key)
{
    return endpoint.len > 0 ? arena_printf(&cli->arena, "endpoint=" STR_FMT "/;accesskey=" STR_FMT,
                                           STR_ARG(endpoint), STR_ARG(key))
                            : endpoint;
}

/* Around a path in JAVA_TOOL_OPTIONS, which is split at blanks: there is no other escape. */
static const char *java_quote(struct str path)
{
    bool blank = str_find(path, ' ') < path.len || str_find(path, '\t') < path.len;

    if (str_find(path, '\'') < path.len)
        return "\"";
    return blank || str_find(path, '"') < path.len ? "'" : "";
}

/* Where the administration socket lies. */
static struct str data_dir_of(const struct server_info *info)
{
    static const struct str name = STR_INIT("/admin.sock");

    return str_ends(info->admin_socket, name)
               ? str_head(info->admin_socket, info->admin_socket.len - name.len)
               : STR_EMPTY;
}

void variables_of_server(struct cli *cli, const struct server_info *info, struct str key,
                         struct variables *v)
{
    struct str https = server_endpoint(cli, info, true), http = server_endpoint(cli, info, false);
    struct str bundle = info->ca_bundle.len > 0 ? info->ca_bundle : info->ca_file;
    const char *quote = java_quote(info->trust_store);

    if (key.len > 0) {
        variables_add(v, "COMMUNICATION_SERVICES_CONNECTION_STRING",
                      connection_string(cli, https, key));
        variables_add(v, "CALLGATE_HTTP_CONNECTION_STRING", connection_string(cli, http, key));
        variables_add(v, "CALLGATE_ADMIN_TOKEN_FILE", info->admin_token_file);
        if (!args_has(&cli->args, "resource")) /* there the connection string says which one */
            variables_add(v, "CALLGATE_DATA", data_dir_of(info));
    }
    variables_add(v, "CALLGATE_ENDPOINT", with_slash(cli, https));
    variables_add(v, "CALLGATE_HTTP_ENDPOINT", with_slash(cli, http));
    variables_add(v, "CALLGATE_CA_FILE", info->ca_file);
    variables_add(v, "NODE_EXTRA_CA_CERTS", info->ca_file);
    variables_add(v, "REQUESTS_CA_BUNDLE", bundle);
    variables_add(v, "SSL_CERT_FILE", bundle);
    if (info->trust_store.len > 0)
        variables_add(v, "CALLGATE_JAVA_OPTIONS",
                      arena_printf(&cli->arena,
                                   "-Djavax.net.ssl.trustStore=%s" STR_FMT
                                   "%s -Djavax.net.ssl.trustStorePassword=" STR_FMT,
                                   quote, STR_ARG(info->trust_store), quote,
                                   STR_ARG(info->trust_store_password)));
}

/* Appends `value` with each of `special` preceded by `escape`. */
static void add_escaped(struct buf *out, struct str value, const char *special, const char *escape)
{
    for (size_t i = 0; i < value.len; i++) {
        if (strchr(special, value.ptr[i]))
            buf_add(out, str_from(escape));
        buf_add_char(out, value.ptr[i]);
    }
}

static void write_sh(struct buf *out, const struct variable *v)
{
    buf_addf(out, "export %s='", v->name);
    for (size_t i = 0; i < v->value.len; i++) {
        if (v->value.ptr[i] == '\'')
            buf_add(out, STR("'\\''"));
        else
            buf_add_char(out, v->value.ptr[i]);
    }
    buf_add(out, STR("'\n"));
}

static void write_fish(struct buf *out, const struct variable *v)
{
    buf_addf(out, "set -gx %s '", v->name);
    add_escaped(out, v->value, "\\'", "\\");
    buf_add(out, STR("'\n"));
}

static void write_powershell(struct buf *out, const struct variable *v)
{
    buf_addf(out, "$env:%s = '", v->name);
    add_escaped(out, v->value, "'", "'");
    buf_add(out, STR("'\n"));
}

/* Bare where possible: some readers of such files keep quotes as part of the value. */
static void write_dotenv(struct buf *out, const struct variable *v)
{
    bool plain = true;

    for (size_t i = 0; i < v->value.len; i++)
        plain = plain && !strchr(" \t\r\n#'\"\\$`", v->value.ptr[i]);
    buf_addf(out, plain ? "%s=" : "%s=\"", v->name);
    if (plain)
        buf_add(out, v->value);
    else
        add_escaped(out, v->value, "\\\"$`", "\\");
    buf_add(out, plain ? STR("\n") : STR("\"\n"));
}

static void write_json(struct buf *out, const struct variables *v)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_object_begin(&w);
    for (size_t i = 0; i < v->n; i++)
        json_member_str(&w, v->items[i].name, v->items[i].value);
    json_object_end(&w);
    buf_add_char(out, '\n');
}

static const struct shell {
    const char *name;
    void (*write)(struct buf *out, const struct variable *v);
    const char *java; /* how the Java option is used; a comment, last */
} shells[] = {
    {"sh", write_sh, "# Java: export JAVA_TOOL_OPTIONS=\"$CALLGATE_JAVA_OPTIONS\"\n"},
    {"fish", write_fish, "# Java: set -gx JAVA_TOOL_OPTIONS $CALLGATE_JAVA_OPTIONS\n"},
    {"powershell", write_powershell,
     "# Java: $env:JAVA_TOOL_OPTIONS = $env:CALLGATE_JAVA_OPTIONS\n"},
    {"dotenv", write_dotenv,
     "# Java: JAVA_TOOL_OPTIONS takes the value of CALLGATE_JAVA_OPTIONS\n"},
};

static enum exit_code variables_write(struct cli *cli, const char *shell, const struct variables *v,
                                      struct buf *out)
{
    bool json = cli->json || name_eq(str_from(shell), STR("json"));

    if (json) {
        write_json(out, v);
        return EXIT_DONE;
    }
    for (size_t s = 0; s < ARRAY_LEN(shells); s++) {
        if (!name_eq(str_from(shell), str_from(shells[s].name)))
            continue;
        for (size_t i = 0; i < v->n; i++)
            shells[s].write(out, &v->items[i]);
        if (v->n > 0 && name_eq(str_from(v->items[v->n - 1].name), STR("CALLGATE_JAVA_OPTIONS")))
            buf_add(out, str_from(shells[s].java));
        return EXIT_DONE;
    }
    return cli_fail(cli, EXIT_USAGE, "--shell is one of sh, fish, powershell, dotenv, json");
}

enum exit_code variables_print(struct cli *cli, const char *shell, const struct variables *v)
{
    struct buf out;
    enum exit_code code;

    buf_init(&out, OUTPUT_MAX);
    code = variables_write(cli, shell ? shell : "sh", v, &out);
    if (code == EXIT_DONE && (out.failed || fwrite(out.ptr, 1, out.len, cli->out) != out.len))
        code = cli_fail(cli, EXIT_LOCAL, "the output could not be written");
    buf_wipe(&out);
    return code;
}
