/* sign: the header values for any request, or a curl line that sends it. */
#include "base/json.h"
#include "callgate/signer.h"
#include "cli/call.h"
#include "cli/server_find.h"
#include "client/endpoint.h"

#define BODY_MAX   (64 * MIB)
#define OUTPUT_MAX (128 * MIB)
#define KEY_VAR    "CALLGATE_ACCESS_KEY"

/* What is signed and where it goes. */
struct job {
    struct endpoint endpoint;
    struct str key, target, ca_file;
    char *method;
    struct buf body;
    const char *body_file; /* NULL: none */
};

static enum exit_code read_body(struct cli *cli, struct job *job)
{
    bool standard = false;
    FILE *f = stdin;
    enum exit_code code = EXIT_DONE;

    job->body_file = args_value(&cli->args, "body");
    if (!job->body_file)
        return EXIT_DONE;
    standard = name_eq(str_from(job->body_file), STR("-"));
    if (!standard)
        f = fopen(job->body_file, "re");
    if (!f)
        return cli_fail(cli, EXIT_LOCAL, "%s can't be read", job->body_file);
    while (!feof(f) && !ferror(f)) {
        char *room = buf_reserve(&job->body, 64 * KIB);

        if (!room)
            break;
        buf_grown(&job->body, fread(room, 1, 64 * KIB, f));
    }
    if (ferror(f) || job->body.failed)
        code =
            cli_fail(cli, EXIT_LOCAL, "%s can't be read, or is larger than 64 MiB", job->body_file);
    if (!standard)
        (void)fclose(f); /* was only read */
    return code;
}

/* Takes a full URL apart: endpoint and target. */
static enum exit_code take_url(struct cli *cli, struct str url, struct job *job)
{
    size_t host = str_find_str(url, STR("://")) + 3;
    size_t slash = host + str_find(str_from_index(url, host), '/');
    const char *why = NULL;

    if (endpoint_parse(str_head(url, slash), &job->endpoint, &why))
        return cli_fail(cli, EXIT_USAGE, "%s", why);
    job->target = slash < url.len ? str_from_index(url, slash) : STR("/");
    return EXIT_DONE;
}

static enum exit_code take_endpoint(struct cli *cli, struct str text, struct job *job)
{
    const char *why = NULL;

    if (endpoint_parse(text, &job->endpoint, &why))
        return cli_fail(cli, EXIT_USAGE, "%s", why);
    return EXIT_DONE;
}

/* The server that runs here, unless TARGET was a URL. */
static enum exit_code take_local(struct cli *cli, struct job *job, bool need_endpoint)
{
    struct server_info info = {0};
    bool plain = args_has(&cli->args, "http");
    struct str endpoint;
    enum exit_code code = server_info_read(cli, &info);

    if (code)
        return code;
    job->ca_file = info.ca_file;
    endpoint = server_endpoint(cli, &info, !plain && info.https_port != 0);
    if (!need_endpoint)
        return EXIT_DONE;
    if (endpoint.len == 0)
        return cli_fail(cli, EXIT_NO_SERVER, "the server has no such listener");
    return take_endpoint(cli, endpoint, job);
}

static enum exit_code take_given_key(struct cli *cli, struct job *job)
{
    const char *file = args_value(&cli->args, "key-file"), *key = args_value(&cli->args, "key");

    if (file)
        return line_from_file(cli, file, &job->key);
    return key ? text_from(cli, key, KEY_VAR, &job->key) : EXIT_DONE;
}

/* Key and place: from a connection string, from options, or from the server that runs here. */
static enum exit_code find_place(struct cli *cli, struct job *job)
{
    struct str connection = STR_EMPTY, endpoint = STR_EMPTY, key = STR_EMPTY;
    bool url = job->target.len > 0, remote = args_has(&cli->args, "endpoint");
    const char *why = NULL;
    enum exit_code code = take_given_key(cli, job);

    if (code == EXIT_DONE)
        code = connection_string_find(cli, &connection);
    if (code)
        return code;
    if (connection.len > 0) {
        if (connection_string_split(connection, &endpoint, &key, &why))
            return cli_fail(cli, EXIT_USAGE, "%s", why);
        job->key = job->key.len > 0 ? job->key : arena_dup(&cli->arena, key);
        return url ? EXIT_DONE : take_endpoint(cli, endpoint, job);
    }
    if (remote && !url)
        code = take_endpoint(cli, str_from(args_value(&cli->args, "endpoint")), job);
    else if (!remote && (!url || job->key.len == 0))
        code = take_local(cli, job, !url);
    if (code == EXIT_DONE && job->key.len == 0)
        code = key_reveal(cli, &job->key);
    return code;
}

static void add_quoted(struct buf *out, struct str text)
{
    buf_add_char(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'')
            buf_add(out, STR("'\\''"));
        else
            buf_add_char(out, text.ptr[i]);
    }
    buf_add_char(out, '\'');
}

static void add_curl_header(struct buf *out, const char *name, const char *value)
{
    buf_addf(out, " -H '%s: %s'", name, value);
}

static void write_curl(struct cli *cli, const struct job *job, const struct cg_signature *s,
                       struct buf *out)
{
    const char *ca = args_value(&cli->args, "ca-file");
    struct str url =
        arena_printf(&cli->arena, "%s" STR_FMT, job->endpoint.text, STR_ARG(job->target));

    buf_addf(out, "curl -sS --path-as-is -X %s", job->method);
    if (job->endpoint.tls && (ca || job->ca_file.len > 0)) {
        buf_add(out, STR(" --cacert "));
        add_quoted(out, ca ? str_from(ca) : job->ca_file);
    }
    add_curl_header(out, "x-ms-date", s->date);
    add_curl_header(out, "x-ms-content-sha256", s->content_hash);
    add_curl_header(out, "Authorization", s->authorization);
    if (job->body.len > 0)
        add_curl_header(out, "Content-Type", "application/json");
    if (job->body_file && name_eq(str_from(job->body_file), STR("-"))) {
        buf_add(out, STR(" --data-raw "));
        add_quoted(out, buf_str(&job->body));
    } else if (job->body_file) {
        buf_add(out, STR(" --data-binary "));
        add_quoted(out, arena_printf(&cli->arena, "@%s", job->body_file));
    }
    buf_add_char(out, ' ');
    add_quoted(out, url);
    buf_add_char(out, '\n');
}

static void write_headers(struct cli *cli, const struct job *job, const struct cg_signature *s,
                          struct buf *out)
{
    struct json_writer w;

    if (!cli->json) {
        buf_addf(out, "x-ms-date: %s\nx-ms-content-sha256: %s\nAuthorization: %s\n", s->date,
                 s->content_hash, s->authorization);
        return;
    }
    json_writer_init(&w, out);
    json_object_begin(&w);
    json_member_str(&w, "host", str_from(job->endpoint.authority));
    json_member_str(&w, "x-ms-date", str_from(s->date));
    json_member_str(&w, "x-ms-content-sha256", str_from(s->content_hash));
    json_member_str(&w, "authorization", str_from(s->authorization));
    json_object_end(&w);
    buf_add_char(out, '\n');
}

static enum exit_code sign_and_print(struct cli *cli, const struct job *job)
{
    const char *host = args_value(&cli->args, "host");
    struct cg_sign_input input = {.method = job->method,
                                  .host = host ? host : job->endpoint.authority,
                                  .target = arena_dup(&cli->arena, job->target).ptr,
                                  .body = job->body.ptr,
                                  .body_len = job->body.len};
    struct cg_signature signature;
    struct cg_error err = {0};
    struct buf out;
    enum cg_status status = CG_OK;
    enum exit_code code = EXIT_DONE;

    status = cg_sign(job->key.ptr, &input, &signature, &err);
    if (status)
        return call_failed(cli, status, &err);
    buf_init(&out, OUTPUT_MAX);
    if (args_has(&cli->args, "curl"))
        write_curl(cli, job, &signature, &out);
    else
        write_headers(cli, job, &signature, &out);
    if (out.failed || fwrite(out.ptr, 1, out.len, cli->out) != out.len)
        code = cli_fail(cli, EXIT_LOCAL, "the output could not be written");
    buf_clear(&out);
    return code;
}

static enum exit_code read_words(struct cli *cli, struct job *job)
{
    struct str method = str_from(cli->args.words[0]), target = str_from(cli->args.words[1]);

    job->method = arena_alloc(&cli->arena, method.len + 1);
    for (size_t i = 0; i < method.len; i++) {
        char c = method.ptr[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
            return cli_fail(cli, EXIT_USAGE, "METHOD is letters: GET, POST, …");
        job->method[i] = (char)(c >= 'a' ? c - 'a' + 'A' : c);
    }
    if (str_starts(target, STR("/")))
        return EXIT_DONE;
    if (str_find_str(target, STR("://")) == target.len)
        return cli_fail(cli, EXIT_USAGE, "TARGET starts with a slash, or is a whole URL");
    return take_url(cli, target, job);
}

int sign_run(struct cli *cli)
{
    struct job job = {.body_file = NULL};
    enum exit_code code = EXIT_DONE;

    buf_init(&job.body, BODY_MAX);
    code = read_words(cli, &job);
    if (code == EXIT_DONE)
        code = find_place(cli, &job);
    if (code == EXIT_DONE && job.target.len == 0)
        job.target = str_from(cli->args.words[1]);
    if (code == EXIT_DONE)
        code = read_body(cli, &job);
    if (code == EXIT_DONE)
        code = sign_and_print(cli, &job);
    buf_wipe(&job.body);
    return (int)code;
}
