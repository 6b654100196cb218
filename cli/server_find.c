/* Finds the server: server.json of a data directory, an endpoint with the administrator's token,
 * or a connection string. Secrets are taken from files and the environment rather than from argv,
 * which other users of the machine can read. */
#include "cli/server_find.h"

#include "cli/call.h"

#include <errno.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FILE_LINE_MAX   (64 * KIB)
#define SERVER_JSON_MAX (64 * KIB)
#define CONNECTION_VAR  "COMMUNICATION_SERVICES_CONNECTION_STRING"

static const struct option admin_options[] = {
    {"data", 0, "DIR", "the server's data directory ($CALLGATE_DATA, $XDG_STATE_HOME/callgate)"},
    {"endpoint", 0, "URL", "a server elsewhere, as the administrator"},
    {"admin-token-file", 0, "FILE", "the administrator's token ($CALLGATE_ADMIN_TOKEN_FILE)"},
    {"resource", 0, "NAME", "which resource (default: the default one)"},
    {"ca-file", 0, "FILE", "PEM of the authority to trust ($CALLGATE_CA_FILE)"},
    {"timeout", 0, "SECONDS", "give up after this long (30)"},
    {0},
};

static const struct option resource_options[] = {
    {"data", 0, "DIR", "the server's data directory ($CALLGATE_DATA, $XDG_STATE_HOME/callgate)"},
    {"endpoint", 0, "URL", "a server elsewhere, as the administrator"},
    {"admin-token-file", 0, "FILE", "the administrator's token ($CALLGATE_ADMIN_TOKEN_FILE)"},
    {"connection-string", 0, "TEXT",
     "as the resource: the text, @FILE, or env ($" CONNECTION_VAR ")"},
    {"resource", 0, "NAME", "which resource (default: the default one)"},
    {"ca-file", 0, "FILE", "PEM of the authority to trust ($CALLGATE_CA_FILE)"},
    {"timeout", 0, "SECONDS", "give up after this long (30)"},
    {0},
};

static const struct option no_options[] = {{0}};

const struct option *server_options(enum command_reach reach)
{
    switch (reach) {
    case REACH_SERVER:
        return admin_options;
    case REACH_RESOURCE:
        return resource_options;
    case REACH_NONE:
        break;
    }
    return no_options;
}

static const char *environment(const char *name)
{
    const char *value = getenv(name); /* one thread, before anything else runs */

    return value && *value ? value : NULL;
}

enum rc server_data_dir(const char *given, struct buf *out)
{
    const char *own = environment("CALLGATE_DATA"), *state = environment("XDG_STATE_HOME");
    const char *home = environment("HOME");
    const struct passwd *user = NULL;

    if (given || own) {
        buf_add(out, str_from(given ? given : own));
        return out->failed;
    }
    if (state && *state == '/') {
        buf_addf(out, "%s/callgate", state);
        return out->failed;
    }
    if (!home) {
        /* The program has one thread here. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        user = getpwuid(getuid());
        home = user ? user->pw_dir : NULL;
    }
    if (!home)
        return RC_NOT_FOUND;
    buf_addf(out, "%s/.local/state/callgate", home);
    return out->failed;
}

/* A whole small file. */
static enum rc read_file(struct cli *cli, const char *path, size_t max, struct str *out)
{
    FILE *f = fopen(path, "re");
    char *text = NULL;
    size_t len = 0;
    enum rc rc = RC_OK;

    if (!f)
        return errno == ENOENT || errno == ENOTDIR ? RC_NOT_FOUND : RC_IO;
    text = arena_alloc(&cli->arena, max + 1);
    len = fread(text, 1, max + 1, f);
    if (ferror(f))
        rc = RC_IO;
    else if (len > max)
        rc = RC_TOO_LARGE;
    (void)fclose(f); /* was only read */
    if (rc == RC_OK) {
        text[len] = '\0';
        *out = str_of(text, len);
    }
    return rc;
}

enum exit_code line_from_file(struct cli *cli, const char *path, struct str *out)
{
    struct str text = STR_EMPTY, line = STR_EMPTY, rest = STR_EMPTY;
    enum rc rc = read_file(cli, path, FILE_LINE_MAX, &text);

    if (rc)
        return cli_fail(cli, EXIT_LOCAL, "%s: %s", path,
                        rc == RC_NOT_FOUND   ? "no such file"
                        : rc == RC_TOO_LARGE ? "too large for a one-line file"
                                             : "can't be read (permission?)");
    (void)str_cut(text, '\n', &line, &rest); /* one line without an end is fine */
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    *out = arena_dup(&cli->arena, str_trim(line));
    return out->len > 0 ? EXIT_DONE
                        : cli_fail(cli, EXIT_LOCAL, "%s: its first line is empty", path);
}

enum exit_code text_from(struct cli *cli, const char *given, const char *variable, struct str *out)
{
    if (!*given)
        return cli_fail(cli, EXIT_USAGE, "an empty text is neither key, token nor place");
    if (given[0] == '@')
        return line_from_file(cli, given + 1, out);
    if (name_eq(str_from(given), STR("env"))) {
        if (!environment(variable))
            return cli_fail(cli, EXIT_USAGE, "$%s is not set", variable);
        given = environment(variable);
    }
    *out = arena_dup(&cli->arena, str_from(given));
    return EXIT_DONE;
}

static struct str member(struct cli *cli, const json_t *obj, const char *name)
{
    struct str text = STR_EMPTY;

    return json_get_str(obj, name, &text) ? STR_EMPTY : arena_dup(&cli->arena, text);
}

static void read_listener(struct cli *cli, const json_t *j, struct str *out_address,
                          uint16_t *out_port)
{
    int64_t port = 0;

    if (!json_is_object(j) || json_get_int(j, "port", &port) || port < 1 || port > 65535)
        return;
    *out_address = member(cli, j, "address");
    *out_port = (uint16_t)port;
}

static void fill_info(struct cli *cli, const json_t *j, struct server_info *out)
{
    struct str imds = STR_EMPTY;

    out->version = member(cli, j, "version");
    out->mode = member(cli, j, "mode");
    out->domain = member(cli, j, "domain");
    out->public_url = member(cli, j, "publicUrl");
    out->admin_socket = member(cli, j, "adminSocket");
    out->admin_token_file = member(cli, j, "adminToken");
    out->ca_file = member(cli, j, "caFile");
    out->ca_bundle = member(cli, j, "caBundle");
    out->trust_store = member(cli, j, "trustStore");
    out->trust_store_password = member(cli, j, "trustStorePassword");
    read_listener(cli, json_object_get(j, "https"), &out->https_address, &out->https_port);
    read_listener(cli, json_object_get(j, "http"), &out->http_address, &out->http_port);
    read_listener(cli, json_object_get(j, "imds"), &imds, &out->imds_port);
    out->imds_host = str_find(imds, ':') < imds.len
                         ? arena_printf(&cli->arena, "[" STR_FMT "]", STR_ARG(imds))
                     : imds.len > 0 && !name_eq(imds, STR("0.0.0.0")) ? imds
                                                                      : STR("127.0.0.1");
}

static enum exit_code data_dir(struct cli *cli, struct str *out)
{
    struct buf b;
    enum rc rc = RC_OK;

    buf_init(&b, 4 * KIB);
    rc = server_data_dir(args_value(&cli->args, "data"), &b);
    *out = arena_dup(&cli->arena, buf_str(&b));
    buf_clear(&b);
    return rc ? cli_fail(cli, EXIT_USAGE, "no data directory: say --data DIR") : EXIT_DONE;
}

/* The text of server.json; RC_NOT_FOUND when no server has run there. */
static enum rc read_server_json(struct cli *cli, struct str dir, struct str *out)
{
    struct str path = arena_printf(&cli->arena, STR_FMT "/server.json", STR_ARG(dir));

    return read_file(cli, path.ptr, SERVER_JSON_MAX, out);
}

/* A server that was killed leaves its server.json behind, and a socket that nobody listens on. */
static bool is_dead(struct str socket_path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = -1;
    bool dead = false;

    if (socket_path.len == 0 || socket_path.len >= sizeof at.sun_path)
        return false;
    memcpy(at.sun_path, socket_path.ptr, socket_path.len);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    if (connect(fd, (const struct sockaddr *)&at, sizeof at) != 0)
        dead = errno == ECONNREFUSED || errno == ENOENT;
    (void)close(fd); /* nothing was sent */
    return dead;
}

bool server_is_known(struct cli *cli, struct str dir)
{
    struct str text = STR_EMPTY;

    return read_server_json(cli, dir, &text) != RC_NOT_FOUND;
}

enum exit_code server_info_read(struct cli *cli, struct server_info *out)
{
    struct str dir = STR_EMPTY, text = STR_EMPTY;
    json_t *j = NULL;
    enum exit_code code = data_dir(cli, &dir);
    enum rc rc = RC_OK;

    if (code)
        return code;
    rc = read_server_json(cli, dir, &text);
    if (rc == RC_NOT_FOUND)
        return cli_fail(cli, EXIT_NO_SERVER,
                        "no server runs with the data directory %s. Start one: callgate serve "
                        "--data %s",
                        dir.ptr, dir.ptr);
    if (rc)
        return cli_fail(cli, EXIT_LOCAL,
                        "%s/server.json can't be read: does the directory belong "
                        "to another user?",
                        dir.ptr);
    if (json_read(text, &j, NULL) || !json_is_object(j)) {
        json_decref(j);
        return cli_fail(cli, EXIT_LOCAL, "%s/server.json is damaged; restart the server", dir.ptr);
    }
    *out = (struct server_info){.data_dir = dir};
    fill_info(cli, j, out);
    json_decref(j);
    if (is_dead(out->admin_socket))
        return cli_fail(cli, EXIT_NO_SERVER,
                        "no server runs with the data directory %s: the one that did was killed. "
                        "Start it again: callgate serve --data %s",
                        dir.ptr, dir.ptr);
    return EXIT_DONE;
}

/* How a listener's address is named in an endpoint: "localhost" for all of loopback. */
static struct str endpoint_host(struct cli *cli, const struct server_info *info, struct str address)
{
    const char *resource = args_value(&cli->args, "resource");
    bool here = address.len == 0 || name_eq(address, STR("0.0.0.0")) ||
                name_eq(address, STR("::")) || name_eq(address, STR("::1")) ||
                name_eq(address, STR("localhost")) || str_starts(address, STR("127."));

    if (resource && info->domain.len > 0)
        return arena_printf(&cli->arena, "%s." STR_FMT, resource, STR_ARG(info->domain));
    if (here)
        return STR("localhost");
    if (str_find(address, ':') < address.len)
        return arena_printf(&cli->arena, "[" STR_FMT "]", STR_ARG(address));
    return address;
}

struct str server_endpoint(struct cli *cli, const struct server_info *info, bool tls)
{
    uint16_t port = tls ? info->https_port : info->http_port;
    struct str host = endpoint_host(cli, info, tls ? info->https_address : info->http_address);

    if (port == 0)
        return STR_EMPTY;
    if (tls && info->ca_file.len == 0 && str_starts(info->public_url, STR("https://")) &&
        !args_has(&cli->args, "resource"))
        return info->public_url; /* an operator's certificate is for that name, not for localhost */
    if (port == (tls ? 443 : 80))
        return arena_printf(&cli->arena, "%s://" STR_FMT, tls ? "https" : "http", STR_ARG(host));
    return arena_printf(&cli->arena, "%s://" STR_FMT ":%u", tls ? "https" : "http", STR_ARG(host),
                        (unsigned)port);
}

static const char *environment_ca(void)
{
    const char *bundle = environment("SSL_CERT_FILE");

    return bundle ? bundle : environment("CALLGATE_CA_FILE");
}

const char *ca_file_of(const struct cli *cli, struct str own)
{
    const char *given = args_value(&cli->args, "ca-file");

    if (given)
        return given;
    return own.len > 0 ? own.ptr : environment_ca();
}

static enum exit_code set_common(struct cli *cli, struct cg_client_options *o)
{
    const char *timeout = args_value(&cli->args, "timeout");
    uint64_t seconds = 0;

    if (timeout && (str_to_u64(str_from(timeout), 86400, &seconds) || seconds == 0))
        return cli_fail(cli, EXIT_USAGE, "--timeout is a number of seconds, 1 to 86400");
    o->timeout_ms = (unsigned)seconds * 1000;
    o->attempts_max = 1; /* people retry themselves; scripts see the first failure */
    o->user_agent = "callgate-cli/" CALLGATE_VERSION;
    if (args_value(&cli->args, "ca-file"))
        o->ca_file = args_value(&cli->args, "ca-file");
    return EXIT_DONE;
}

static enum exit_code open_with(struct cli *cli, struct cg_client_options *o,
                                struct cg_client **out)
{
    struct cg_error err = {0};
    enum cg_status status = CG_OK;
    enum exit_code code = set_common(cli, o);

    if (code)
        return code;
    status = cg_client_new(o, out, &err);
    return status ? call_failed(cli, status, &err) : EXIT_DONE;
}

/* The authority for a server that is named by the environment or an endpoint: its own, when
 * `callgate env` set one; the bundle holds the system's roots too. */
enum exit_code connection_string_find(struct cli *cli, struct str *out)
{
    const char *given = args_value(&cli->args, "connection-string");
    struct str dir = STR_EMPTY;
    enum exit_code code = EXIT_DONE;

    *out = STR_EMPTY;
    if (given && args_has(&cli->args, "resource"))
        return cli_fail(cli, EXIT_USAGE, "a connection string names its resource: no --resource");
    if (given)
        return text_from(cli, given, CONNECTION_VAR, out);
    if (!environment(CONNECTION_VAR) || args_has(&cli->args, "data") ||
        args_has(&cli->args, "endpoint") || args_has(&cli->args, "resource"))
        return EXIT_DONE;
    code = data_dir(cli, &dir);
    if (code == EXIT_DONE && !server_is_known(cli, dir))
        *out = arena_dup(&cli->arena, str_from(environment(CONNECTION_VAR)));
    return code;
}

static enum exit_code open_remote(struct cli *cli, struct cg_client **out)
{
    const char *file = args_value(&cli->args, "admin-token-file");
    struct cg_client_options o = {.endpoint = args_value(&cli->args, "endpoint"),
                                  .ca_file = environment_ca()};
    struct str token = STR_EMPTY;
    enum exit_code code = EXIT_DONE;

    file = file ? file : environment("CALLGATE_ADMIN_TOKEN_FILE");
    if (!file)
        return cli_fail(cli, EXIT_USAGE,
                        "--endpoint needs the administrator's token: --admin-token-file FILE");
    code = line_from_file(cli, file, &token);
    if (code)
        return code;
    o.bearer_token = token.ptr;
    return open_with(cli, &o, out);
}

static enum exit_code open_local(struct cli *cli, struct cg_client **out)
{
    struct server_info info = {0};
    struct cg_client_options o = {.endpoint = "http://localhost"};
    enum exit_code code = server_info_read(cli, &info);

    if (code)
        return code;
    if (info.admin_socket.len == 0)
        return cli_fail(cli, EXIT_LOCAL, "%s/server.json names no administration socket",
                        info.data_dir.ptr);
    o.unix_socket = info.admin_socket.ptr;
    return open_with(cli, &o, out);
}

enum exit_code client_open(struct cli *cli, struct cg_client **out)
{
    struct cg_client_options o = {.ca_file = environment_ca()};
    struct str connection = STR_EMPTY;
    enum exit_code code = EXIT_DONE;

    if (cli->command->reach == REACH_RESOURCE)
        code = connection_string_find(cli, &connection);
    if (code)
        return code;
    if (connection.len > 0) {
        o.connection_string = connection.ptr;
        return open_with(cli, &o, out);
    }
    return args_has(&cli->args, "endpoint") ? open_remote(cli, out) : open_local(cli, out);
}

enum exit_code key_reveal(struct cli *cli, struct str *out_key)
{
    struct path path;
    json_t *keys = NULL;
    enum exit_code code = EXIT_DONE;

    path_init(&path, cli, "/admin/keys");
    path_query(&path, "reveal", "true");
    code = call_once(cli, "GET", path_done(&path, cli), STR_EMPTY, &keys);
    if (code)
        return code;
    *out_key = member(cli, json_object_get(keys, "primary"), "key");
    json_decref(keys);
    return out_key->len > 0 ? EXIT_DONE
                            : cli_fail(cli, EXIT_REFUSED, "the server did not reveal the key");
}

enum exit_code key_client_open(struct cli *cli, struct str endpoint, struct str access_key,
                               struct str ca_file, struct cg_client **out)
{
    struct cg_client_options o = {.endpoint = endpoint.ptr,
                                  .access_key = access_key.len > 0 ? access_key.ptr : NULL,
                                  .ca_file = ca_file_of(cli, ca_file)};

    return open_with(cli, &o, out);
}

enum exit_code token_client_open(struct cli *cli, struct str endpoint, struct str token,
                                 struct str ca_file, struct cg_client **out)
{
    struct cg_client_options o = {
        .endpoint = endpoint.ptr, .bearer_token = token.ptr, .ca_file = ca_file_of(cli, ca_file)};

    return open_with(cli, &o, out);
}

enum exit_code wire_endpoint(struct cli *cli, struct str *out, struct str *out_ca_file)
{
    const char *given = args_value(&cli->args, "endpoint");
    struct server_info info = {0};
    enum exit_code code = EXIT_DONE;

    *out_ca_file = STR_EMPTY;
    if (given) {
        *out = str_from(given);
        return EXIT_DONE;
    }
    code = server_info_read(cli, &info);
    if (code)
        return code;
    *out = server_endpoint(cli, &info, info.https_port != 0);
    *out_ca_file = info.ca_file;
    return out->len > 0 ? EXIT_DONE
                        : cli_fail(cli, EXIT_NO_SERVER, "the server has no listener for this");
}

enum exit_code wire_endpoint_of_user(struct cli *cli, struct str *out, struct str *out_ca_file)
{
    const char *set = environment("CALLGATE_ENDPOINT");

    if (!set || args_has(&cli->args, "endpoint") || args_has(&cli->args, "data"))
        return wire_endpoint(cli, out, out_ca_file);
    *out = arena_dup(&cli->arena, str_from(set));
    *out_ca_file = STR_EMPTY;
    return EXIT_DONE;
}

enum exit_code wire_client_open(struct cli *cli, struct cg_client **out)
{
    struct str connection = STR_EMPTY, key = STR_EMPTY, endpoint = STR_EMPTY, ca_file = STR_EMPTY;
    enum exit_code code = connection_string_find(cli, &connection);

    if (code)
        return code;
    if (connection.len > 0)
        return client_open(cli, out);
    code = wire_endpoint(cli, &endpoint, &ca_file);
    if (code == EXIT_DONE)
        code = key_reveal(cli, &key);
    return code ? code : key_client_open(cli, endpoint, key, ca_file, out);
}
