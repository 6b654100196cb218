/* token inspect: what a token says, whether it is genuine and whether it is alive. Reading it and
 * its dates needs no server; the signature needs the server's published keys, and revocation only
 * the server itself can tell: it is asked with the token. What only service tokens have is
 * inspect_service.c. Source: wire/authentication §3, §4. */
#include "cli/call.h"
#include "cli/inspect.h"
#include "cli/show.h"
#include "client/admin.h"
#include "client/endpoint.h"
#include "crypto/jws.h"
#include "http/url.h"

#define DISCOVERY STR("/.well-known/openid-configuration")

/* What is found out, step by step. */
struct finding {
    struct jws jws;
    const char *kind;
    unix_ms issued, expires, now; /* 0: not in the token */
    const char *signature;        /* "good", "bad", … */
    const char *server;           /* "accepted", "refused", "not asked" */
    struct service_view service;
    json_t *header, *claims; /* of the token, to be shown; owned */
    json_t *who;             /* what the server says to the token; owned */
    bool dead;
    struct str why; /* it is dead */
};

static enum exit_code token_text(struct cli *cli, struct str *out)
{
    const char *file = args_value(&cli->args, "token-file");
    char *line = NULL;

    if (file)
        return line_from_file(cli, file, out);
    if (cli->args.n == 0)
        return cli_fail(cli, EXIT_USAGE, "give a token, - for the standard input, or --token-file");
    if (!name_eq(str_from(cli->args.words[0]), STR("-"))) {
        *out = str_trim(str_from(cli->args.words[0]));
        return EXIT_DONE;
    }
    line = arena_alloc(&cli->arena, JWS_TOKEN_MAX + 2);
    if (!fgets(line, (int)JWS_TOKEN_MAX + 2, stdin))
        return cli_fail(cli, EXIT_USAGE, "the standard input is empty");
    line[strcspn(line, "\r\n")] = '\0';
    *out = str_trim(str_from(line));
    return EXIT_DONE;
}

static const char *kind_of(const json_t *claims)
{
    struct str id = STR_EMPTY;

    if (json_get_str(claims, "skypeid", &id) == RC_OK)
        return str_starts(id, STR("orgid:")) ? "Teams user access token" : "user access token";
    if (json_object_get(claims, "appid") || json_object_get(claims, "azp") ||
        json_object_get(claims, "oid"))
        return "service token (Entra form)";
    if (json_object_get(claims, "iss") && json_object_get(claims, "sub"))
        return "service token (another issuer's)";
    return "unknown";
}

static unix_ms seconds_claim(const json_t *claims, const char *name)
{
    int64_t seconds = 0;

    if (json_get_int(claims, name, &seconds) || seconds < 0 || seconds > INT64_MAX / 1000)
        return 0;
    return seconds * 1000;
}

static void die(struct finding *f, struct str why)
{
    if (!f->dead)
        f->why = why;
    f->dead = true;
}

/* The row of the key set that the token's header names. */
static const json_t *find_key(const json_t *keys, struct str kid)
{
    struct str id = STR_EMPTY;

    for (size_t i = 0; i < json_array_size(keys); i++) {
        const json_t *key = json_array_get(keys, i);

        if (json_get_str(key, "kid", &id) == RC_OK && name_eq(id, kid))
            return key;
    }
    return NULL;
}

static bool verifies(const struct jws *jws, const json_t *key)
{
    struct str name = STR_EMPTY;
    enum jws_alg alg = JWS_ALG_NONE;
    struct pkey *pkey = NULL;
    struct verifier *verifier = NULL;
    struct hash_work *work = hash_work_new();
    bool good = false;

    if (json_get_str(key, "alg", &name) == RC_OK)
        alg = jws_alg_from_name(name); /* the key's, never the token's */
    if (work && alg && pkey_from_jwk(alg, key, &pkey) == RC_OK) {
        verifier = verifier_new(pkey);
        good = name_eq(jws->alg, name) && verifier &&
               verifier_check(verifier, work, jws->signing_input, jws->signature) == RC_OK;
    }
    verifier_free(verifier);
    pkey_unref(pkey);
    hash_work_free(work);
    return good;
}

bool inspect_fetch(struct cg_client *client, struct str path, json_t **out, struct cg_error *err)
{
    struct cg_admin_reply reply = {0};
    bool ok = cg_admin_call(client, "GET", path.ptr, NULL, &reply, err) == CG_OK &&
              json_read(str_of(reply.text, reply.len), out, NULL) == RC_OK;

    cg_admin_reply_clear(&reply);
    return ok;
}

static struct str path_of_url(struct cli *cli, const json_t *obj, const char *name)
{
    struct str url = STR_EMPTY;
    size_t scheme = 0;

    if (json_get_str(obj, name, &url))
        return STR_EMPTY;
    scheme = str_find_str(url, STR("://"));
    url = str_from_index(url, scheme + 3);
    return arena_dup(&cli->arena, str_from_index(url, str_find(url, '/')));
}

static void check_signature(struct cli *cli, struct cg_client *client, struct finding *f)
{
    struct cg_error err = {0};
    json_t *discovery = NULL, *set = NULL;
    const json_t *key = NULL;
    struct str path = STR_EMPTY, where = DISCOVERY;

    if (f->service.is_service)
        where = f->service.key_set;
    f->signature = f->service.is_service ? "left to the server: another issuer's token"
                                         : "not checked: the server's keys could not be had";
    if (where.len > 0 && inspect_fetch(client, where, &discovery, &err))
        path = path_of_url(cli, discovery, "jwks_uri");
    if (path.len > 0 && inspect_fetch(client, path, &set, &err)) {
        f->service.own = f->service.is_service;
        key = find_key(json_object_get(set, "keys"), f->jws.kid);
        f->signature = !key ? "unknown key" : verifies(&f->jws, key) ? "good" : "bad";
        if (!key)
            die(f, STR("no key of this server has the token's kid"));
        else if (f->signature[0] == 'b')
            die(f, STR("the signature does not match"));
    }
    json_decref(discovery);
    json_decref(set);
}

static void ask_server(struct cli *cli, struct str endpoint, struct str ca_file, struct str token,
                       struct finding *f)
{
    const char *ca = args_value(&cli->args, "ca-file");
    struct cg_client_options o = {.endpoint = endpoint.ptr,
                                  .bearer_token = token.ptr,
                                  .attempts_max = 1,
                                  .ca_file = ca                ? ca
                                             : ca_file.len > 0 ? ca_file.ptr
                                                               : NULL};
    struct cg_client *client = NULL;
    struct cg_error err = {0};
    struct str question =
        f->service.is_service ? service_view_question(f->claims) : STR("/admin/whoami");

    f->server = "not asked";
    if (cg_client_new(&o, &client, &err) != CG_OK)
        return;
    if (inspect_fetch(client, question, &f->who, &err)) {
        f->server = "accepted";
    } else if (err.http_status == 403) {
        f->server = "accepted, but it may do nothing here: no role";
    } else if (err.http_status == 401) {
        f->server = "refused";
        die(f, arena_dup(&cli->arena, str_from(err.explain[0] ? err.explain : err.message)));
    }
    cg_client_free(client);
}

/* The service clock, which an administrator may have moved; the wall clock otherwise. */
static unix_ms service_now(const struct server_info *info)
{
    struct cg_client_options o = {.unix_socket = info->admin_socket.ptr, .attempts_max = 1};
    struct cg_client *client = NULL;
    struct cg_error err = {0};
    struct str text = STR_EMPTY;
    json_t *clock = NULL;
    unix_ms now = clock_wall();

    if (!o.unix_socket || cg_client_new(&o, &client, &err) != CG_OK)
        return now;
    if (inspect_fetch(client, STR("/admin/clock"), &clock, &err) &&
        json_get_str(clock, "now", &text) == RC_OK && time_from_iso8601(text, &now))
        now = clock_wall();
    json_decref(clock);
    cg_client_free(client);
    return now;
}

/* The endpoint of the connection string in use; empty when there is none. */
static struct str connection_endpoint(struct cli *cli)
{
    struct str connection = STR_EMPTY, endpoint = STR_EMPTY, key = STR_EMPTY;
    const char *why = NULL;

    if (connection_string_find(cli, &connection) || connection.len == 0 ||
        connection_string_split(connection, &endpoint, &key, &why))
        return STR_EMPTY;
    return arena_dup(&cli->arena, endpoint);
}

/* Where the server is: an endpoint, or the one that runs here; empty: nowhere. */
static struct str place(struct cli *cli, struct server_info *info)
{
    struct buf dir;
    struct str found;
    bool local = false;

    if (args_has(&cli->args, "offline"))
        return STR_EMPTY;
    if (args_has(&cli->args, "endpoint"))
        return str_from(args_value(&cli->args, "endpoint"));
    found = connection_endpoint(cli);
    if (found.len > 0)
        return found;
    buf_init(&dir, 4 * KIB);
    local = server_data_dir(args_value(&cli->args, "data"), &dir) == RC_OK &&
            server_is_known(cli, buf_str(&dir));
    buf_clear(&dir);
    if (!local || server_info_read(cli, info) != EXIT_DONE)
        return STR_EMPTY;
    found = server_endpoint(cli, info, true);
    return found.len > 0 ? found : server_endpoint(cli, info, false);
}

static enum exit_code ask(struct cli *cli, struct str token, struct finding *f)
{
    struct server_info info = {0};
    struct str endpoint = place(cli, &info);
    struct cg_client *client = NULL;
    enum exit_code code = EXIT_DONE;

    f->now = clock_wall();
    f->signature = "not checked: no server was named or found";
    f->server = "not asked";
    if (endpoint.len == 0)
        return EXIT_DONE;
    code = key_client_open(cli, endpoint, STR_EMPTY, info.ca_file, &client);
    if (code)
        return code;
    f->now = service_now(&info);
    check_signature(cli, client, f);
    cg_client_free(client);
    ask_server(cli, endpoint, info.ca_file, arena_dup(&cli->arena, token), f);
    if (f->service.is_service) {
        service_view_finish(cli, &info, f->claims, f->who, &f->service);
        if (f->service.problem.len > 0)
            die(f, f->service.problem);
    }
    return EXIT_DONE;
}

static json_t *time_json(unix_ms t)
{
    char text[ISO8601_LEN];

    if (t == 0)
        return json_null();
    time_to_iso8601(t, text);
    return json_stringn(text, sizeof text);
}

static enum exit_code show(struct cli *cli, const struct finding *f)
{
    bool checked = str_starts(str_from(f->server), STR("accepted"));
    enum exit_code code = EXIT_DONE;
    json_t *j = json_object();
    int failed = json_object_set_new(j, "kind", json_string(f->kind));

    failed |= json_object_set_new(j, "state",
                                  json_string(f->dead   ? "dead"
                                              : checked ? "alive"
                                                        : "alive as far as its dates tell"));
    failed |=
        json_object_set_new(j, "why", f->dead ? json_stringn(f->why.ptr, f->why.len) : json_null());
    failed |= json_object_set_new(j, "signature", json_string(f->signature));
    failed |= json_object_set_new(j, "server", json_string(f->server));
    failed |= f->service.is_service && !service_view_show(&f->service, j);
    failed |= json_object_set_new(j, "issuedOn", time_json(f->issued));
    failed |= json_object_set_new(j, "expiresOn", time_json(f->expires));
    failed |= json_object_set_new(
        j, "secondsLeft", f->expires ? json_integer((f->expires - f->now) / 1000) : json_null());
    failed |= json_object_set(j, "header", f->header);
    failed |= json_object_set(j, "claims", f->claims);
    code = failed ? cli_fail(cli, EXIT_LOCAL, "out of memory") : show_object(cli, j);
    json_decref(j);
    return code;
}

int token_inspect_run(struct cli *cli)
{
    struct finding f = {.dead = false};
    struct str token = STR_EMPTY;
    const char *why = NULL;
    enum exit_code code = token_text(cli, &token);

    if (code)
        return (int)code;
    if (jws_parse(token, &cli->arena, &f.jws, &why))
        return (int)cli_fail(cli, EXIT_REFUSED, "this is no token: %s", why ? why : "malformed");
    if (json_read(f.jws.header->written, &f.header, &why) ||
        json_read(f.jws.payload->written, &f.claims, &why))
        return (int)cli_fail(cli, EXIT_LOCAL, "out of memory");
    f.kind = kind_of(f.claims);
    service_view_begin(cli, f.claims, &f.service);
    f.issued = seconds_claim(f.claims, "iat");
    f.expires = seconds_claim(f.claims, "exp");
    code = ask(cli, token, &f);
    if (code == EXIT_DONE && f.expires == 0)
        die(&f, STR("it has no expiry (exp)"));
    else if (code == EXIT_DONE && f.now >= f.expires)
        die(&f, STR("it has expired"));
    if (code == EXIT_DONE)
        code = show(cli, &f);
    if (code == EXIT_DONE && f.dead)
        code = EXIT_REFUSED;
    json_decref(f.who);
    json_decref(f.header);
    json_decref(f.claims);
    return (int)code;
}
