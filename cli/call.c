/* Calls of commands. */
#include "cli/call.h"

#include "cli/server_find.h"
#include "cli/show.h"
#include "client/admin.h"
#include "http/url.h"

#define PATH_MAX_LEN (16 * KIB)
#define BODY_MAX     (64 * KIB)
#define PAGES_MAX    10000

static enum exit_code code_of(enum cg_status status)
{
    switch (status) {
    case CG_OK:
        return EXIT_DONE;
    case CG_INVALID:
        return EXIT_USAGE;
    case CG_NOT_FOUND:
        return EXIT_NOT_FOUND;
    case CG_NETWORK:
        return EXIT_NO_SERVER;
    case CG_NOMEM:
    case CG_LOCAL:
        return EXIT_LOCAL;
    case CG_DENIED:
    case CG_FORBIDDEN:
    case CG_CONFLICT:
    case CG_BUSY:
    case CG_REFUSED:
    case CG_SERVER_FAILED:
    case CG_PROTOCOL:
        return EXIT_REFUSED;
    }
    return EXIT_REFUSED;
}

static void write_error_json(const struct cg_error *err, struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_object_begin(&w);
    json_name(&w, "error");
    json_object_begin(&w);
    json_member_str(&w, "code", str_from(err->code));
    json_member_str(&w, "message", str_from(err->message));
    json_member_int(&w, "status", err->http_status);
    json_member_str(&w, "requestId", str_from(err->request_id));
    json_member_str(&w, "explain", str_from(err->explain));
    json_object_end(&w);
    json_object_end(&w);
    buf_add_char(out, '\n');
}

/* What to do when no answer came: a curl message tells what kind of stranger was met. */
static const char *network_advice(struct str message)
{
    static const struct {
        struct str part;
        const char *advice;
    } kinds[] = {
        {STR_INIT("certificate"),
         "A server is there, but its certificate is not accepted: --ca-file "
         "names the authority that signed it."},
        {STR_INIT("wrong version number"),
         "Something is there, but it speaks no TLS: is the port "
         "that of plain HTTP? Then write http:// in the endpoint."},
        {STR_INIT("resolve host"), "The name has no address: look at its spelling, and at the "
                                   "network of this machine."},
    };

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_find_str(message, kinds[i].part) < message.len)
            return kinds[i].advice;
    return "No server was reached. Is it running? `callgate serve` starts one; --data, --endpoint "
           "or "
           "the connection string say where.";
}

static void write_error_text(enum cg_status status, const struct cg_error *err, struct buf *out)
{
    buf_addf(out, "callgate: %s: %s\n", err->code[0] ? err->code : cg_status_text(status),
             err->message);
    if (err->http_status)
        buf_addf(out, "  status %d, request id %s\n", err->http_status, err->request_id);
    if (err->explain[0])
        buf_addf(out, "  why: %s\n", err->explain);
    if (status == CG_NETWORK)
        buf_addf(out, "  %s\n", network_advice(str_from(err->message)));
}

/* In a body: the request is wrong for the server, a name for who typed it. */
static bool names_nothing(const struct cg_error *err)
{
    return name_eq(str_from(err->code), STR("PrincipalNotFound")) ||
           name_eq(str_from(err->code), STR("RoleDefinitionDoesNotExist"));
}

enum exit_code call_failed(struct cli *cli, enum cg_status status, const struct cg_error *err)
{
    struct buf b;

    buf_init(&b, 64 * KIB);
    if (cli->json)
        write_error_json(err, &b);
    else
        write_error_text(status, err, &b);
    (void)fflush(cli->out);
    (void)fwrite(b.ptr, 1, b.len, cli->err); /* stderr: nobody else to tell */
    buf_clear(&b);
    return names_nothing(err) ? EXIT_NOT_FOUND : code_of(status);
}

/* NOLINTNEXTLINE(readability-function-size): the call, its answer, and what to say */
enum exit_code call_json(struct cli *cli, struct cg_client *client, const char *method,
                         struct str path, struct str body, json_t **out)
{
    struct cg_admin_reply reply = {0};
    struct cg_error err = {0};
    enum cg_status status = CG_OK;
    enum exit_code code = EXIT_DONE;

    status = cg_admin_call(client, method, path.ptr, body.ptr, &reply, &err);
    if (status)
        return call_failed(cli, status, &err);
    if (out && reply.len > 0 && json_read(str_of(reply.text, reply.len), out, NULL))
        code = cli_fail(cli, EXIT_REFUSED, "the server's answer is not JSON");
    cg_admin_reply_clear(&reply);
    return code;
}

enum exit_code call_once(struct cli *cli, const char *method, struct str path, struct str body,
                         json_t **out)
{
    struct cg_client *client = NULL;
    enum exit_code code = client_open(cli, &client);

    if (code == EXIT_DONE)
        code = call_json(cli, client, method, path, body, out);
    cg_client_free(client);
    return code;
}

enum exit_code call_show(struct cli *cli, const char *method, struct str path, struct str body)
{
    json_t *answer = NULL;
    enum exit_code code = call_once(cli, method, path, body, &answer);

    if (code == EXIT_DONE && answer)
        code = show_object(cli, answer);
    json_decref(answer);
    return code;
}

/* Path and query of a nextLink, which is absolute. */
static struct str target_of(struct str link)
{
    size_t scheme = str_find_str(link, STR("://"));

    if (scheme == link.len)
        return link;
    link = str_from_index(link, scheme + 3);
    return str_from_index(link, str_find(link, '/'));
}

static enum exit_code one_page(struct cli *cli, struct cg_client *client, struct str *path,
                               size_t max, json_t *all)
{
    json_t *page = NULL, *items = NULL;
    struct str link = STR_EMPTY;
    enum exit_code code = call_json(cli, client, "GET", *path, STR_EMPTY, &page);

    if (code)
        return code;
    items = json_object_get(page, "value");
    for (size_t i = 0; i < json_array_size(items) && json_array_size(all) < max; i++)
        if (json_array_append(all, json_array_get(items, i)))
            code = cli_fail(cli, EXIT_LOCAL, "out of memory");
    if (json_get_str(page, "nextLink", &link))
        link = STR_EMPTY;
    *path = link.len > 0 ? arena_dup(&cli->arena, target_of(link)) : STR_EMPTY;
    json_decref(page);
    return code;
}

enum exit_code call_list_by(struct cli *cli, struct cg_client *client, struct str path, size_t max,
                            json_t **out)
{
    json_t *all = json_array();
    enum exit_code code = EXIT_DONE;

    for (size_t page = 0; code == EXIT_DONE && path.len > 0 && page < PAGES_MAX; page++) {
        code = one_page(cli, client, &path, max, all);
        if (json_array_size(all) >= max)
            break;
    }
    if (code == EXIT_DONE)
        *out = all;
    else
        json_decref(all);
    return code;
}

enum exit_code call_list(struct cli *cli, struct str path, size_t max, json_t **out)
{
    struct cg_client *client = NULL;
    enum exit_code code = client_open(cli, &client);

    if (code == EXIT_DONE)
        code = call_list_by(cli, client, path, max, out);
    cg_client_free(client);
    return code;
}

struct str call_body(struct cli *cli, const struct call_member *members, size_t n)
{
    struct json_writer w;
    struct buf out;
    struct str text;

    buf_init(&out, BODY_MAX);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    for (size_t i = 0; i < n; i++)
        if (members[i].value)
            json_member_str(&w, members[i].name, str_from(members[i].value));
    json_object_end(&w);
    text = arena_dup(&cli->arena, buf_str(&out));
    buf_wipe(&out);
    return text;
}

void path_init_segment(struct path *p, struct cli *cli, const char *before, const char *segment,
                       const char *after)
{
    buf_init(&p->buf, PATH_MAX_LEN);
    p->has_query = false;
    buf_add(&p->buf, str_from(before));
    url_encode_segment(str_from(segment), &p->buf);
    buf_add(&p->buf, str_from(after));
    path_query(p, "resource", args_value(&cli->args, "resource"));
}

void path_init(struct path *p, struct cli *cli, const char *literal)
{
    path_init_segment(p, cli, literal, "", "");
}

void path_query(struct path *p, const char *name, const char *value)
{
    if (!value)
        return;
    buf_addf(&p->buf, "%c%s=", p->has_query ? '&' : '?', name);
    url_encode_segment(str_from(value), &p->buf);
    p->has_query = true;
}

struct str path_done(struct path *p, struct cli *cli)
{
    struct str text = arena_dup(&cli->arena, p->buf.failed ? STR("/") : buf_str(&p->buf));

    buf_clear(&p->buf);
    return text;
}
