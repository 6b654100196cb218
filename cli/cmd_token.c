/* token issue, token get, token revoke. Inspecting one is cmd_inspect.c. */
#include "callgate/identity.h"
#include "cli/call.h"
#include "cli/server_find.h"
#include "cli/show.h"

#define SCOPES_MAX 16
#define BODY_MAX   (16 * KIB)

struct wish {
    const char *scopes[SCOPES_MAX];
    size_t scope_count;
    uint64_t minutes; /* 0: the server's default */
};

/* "--scope chat,voip --scope chat.join" */
static void split_scopes(struct cli *cli, struct wish *w)
{
    const char *given[SCOPES_MAX];
    size_t n = args_values(&cli->args, "scope", given, SCOPES_MAX);

    for (size_t i = 0; i < n; i++) {
        struct str rest = str_from(given[i]), item = STR_EMPTY;

        while (rest.len > 0 && w->scope_count < SCOPES_MAX) {
            (void)str_cut(rest, ',', &item, &rest); /* the last item has no comma */
            if (str_trim(item).len > 0)
                w->scopes[w->scope_count++] = arena_dup(&cli->arena, str_trim(item)).ptr;
        }
    }
    if (n == 0) {
        w->scopes[w->scope_count++] = "chat";
        w->scopes[w->scope_count++] = "voip";
    }
}

static enum exit_code read_wish(struct cli *cli, struct wish *w)
{
    const char *minutes = args_value(&cli->args, "minutes");

    split_scopes(cli, w);
    if (w->scope_count == 0)
        return cli_fail(cli, EXIT_USAGE, "--scope names no scope");
    if (minutes && str_to_u64(str_from(minutes), 1000000, &w->minutes))
        return cli_fail(cli, EXIT_USAGE, "--minutes is a number, 60 to 1440");
    return EXIT_DONE;
}

static void write_wish(const struct wish *w, struct buf *out)
{
    struct json_writer j;

    json_writer_init(&j, out);
    json_object_begin(&j);
    json_name(&j, "scopes");
    json_array_begin(&j);
    for (size_t i = 0; i < w->scope_count; i++)
        json_str(&j, str_from(w->scopes[i]));
    json_array_end(&j);
    if (w->minutes > 0)
        json_member_int(&j, "expiresInMinutes", (int64_t)w->minutes);
    json_object_end(&j);
}

static enum exit_code show_token(struct cli *cli, const char *user, const char *token,
                                 const char *expires_on)
{
    json_t *answer = NULL;
    enum exit_code code = EXIT_DONE;

    if (args_has(&cli->args, "raw")) {
        (void)fprintf(cli->out, "%s\n", token); /* flushed and checked at the end */
        return EXIT_DONE;
    }
    answer = json_pack("{ssssss}", "user", user, "expiresOn", expires_on, "token", token);
    if (!answer)
        return cli_fail(cli, EXIT_LOCAL, "out of memory");
    code = show_object(cli, answer);
    json_decref(answer);
    return code;
}

/* Through the wire's own operations, as an application would. */
static enum exit_code issue_by_key(struct cli *cli, const struct wish *w)
{
    struct cg_token_options o = {w->scopes, w->scope_count, (int)w->minutes};
    struct cg_client *client = NULL;
    struct cg_user user = {0};
    struct cg_token token = {0};
    struct cg_error err = {0};
    enum cg_status status = CG_OK;
    enum exit_code code = client_open(cli, &client);

    if (code)
        return code;
    if (cli->args.n > 0)
        status = cg_identity_issue_token(client, cli->args.words[0], &o, &token, &err);
    else
        status = cg_identity_create_user_and_token(client, &o, &user, &token, &err);
    code = status ? call_failed(cli, status, &err)
                  : show_token(cli, user.id ? user.id : cli->args.words[0], token.text,
                               token.expires_on);
    cg_token_clear(&token);
    cg_user_clear(&user);
    cg_client_free(client);
    return code;
}

/* The user's id: the one given, or a new user's. */
static enum exit_code user_for(struct cli *cli, struct cg_client *client, struct str *out)
{
    struct path path;
    json_t *answer = NULL;
    enum exit_code code = EXIT_DONE;

    if (cli->args.n > 0) {
        *out = str_from(cli->args.words[0]);
        return EXIT_DONE;
    }
    path_init(&path, cli, "/admin/users");
    code = call_json(cli, client, "POST", path_done(&path, cli), STR("{}"), &answer);
    if (code == EXIT_DONE)
        *out = arena_dup(&cli->arena, show_text(cli, answer, "id"));
    json_decref(answer);
    return code;
}

static enum exit_code issue_by_administrator(struct cli *cli, const struct wish *w)
{
    struct cg_client *client = NULL;
    struct str user = STR_EMPTY;
    struct path path;
    struct buf body;
    json_t *answer = NULL;
    enum exit_code code = client_open(cli, &client);

    buf_init(&body, BODY_MAX);
    write_wish(w, &body);
    if (code == EXIT_DONE)
        code = user_for(cli, client, &user);
    if (code == EXIT_DONE) {
        path_init_segment(&path, cli, "/admin/users/", user.ptr, ":issueToken");
        code = call_json(cli, client, "POST", path_done(&path, cli),
                         arena_dup(&cli->arena, buf_str(&body)), &answer);
    }
    if (code == EXIT_DONE)
        code =
            show_token(cli, user.ptr, arena_dup(&cli->arena, show_text(cli, answer, "token")).ptr,
                       arena_dup(&cli->arena, show_text(cli, answer, "expiresOn")).ptr);
    json_decref(answer);
    buf_clear(&body);
    cg_client_free(client);
    return code;
}

int token_issue_run(struct cli *cli)
{
    struct wish w = {.scope_count = 0};
    struct str connection = STR_EMPTY;
    enum exit_code code = read_wish(cli, &w);

    if (code == EXIT_DONE)
        code = connection_string_find(cli, &connection);
    if (code)
        return (int)code;
    return (int)(connection.len > 0 ? issue_by_key(cli, &w) : issue_by_administrator(cli, &w));
}

int token_get_run(struct cli *cli)
{
    const char *audience = args_value(&cli->args, "audience");
    struct call_member members[] = {{"as", args_value(&cli->args, "as")}, {"resource", audience}};
    json_t *answer = NULL;
    enum exit_code code = EXIT_DONE;

    if (!audience) /* resources of this server have no tokens of their own: the service is meant */
        members[1].value = args_value(&cli->args, "resource");
    if (!members[0].value)
        return (int)cli_fail(cli, EXIT_USAGE, "--as says whose token it shall be");
    code = call_once(cli, "POST", STR("/admin/token"), call_body(cli, members, ARRAY_LEN(members)),
                     &answer);
    if (code == EXIT_DONE && args_has(&cli->args, "raw"))
        (void)fprintf(cli->out, "%s\n",
                      arena_dup(&cli->arena, show_text(cli, answer, "token")).ptr);
    else if (code == EXIT_DONE)
        code = show_object(cli, answer);
    json_decref(answer);
    return (int)code;
}

int token_revoke_run(struct cli *cli)
{
    struct cg_client *client = NULL;
    struct cg_error err = {0};
    enum cg_status status = CG_OK;
    enum exit_code code = wire_client_open(cli, &client);

    if (code)
        return (int)code;
    status = cg_identity_revoke_tokens(client, cli->args.words[0], &err);
    if (status)
        code = call_failed(cli, status, &err);
    cg_client_free(client);
    return (int)code;
}
