/* The user of a chat command: --as issues a token for him, as a developer does who has the
 * resource; --token takes one, as an end user has it. */
#include "cli/seat.h"

#include "callgate/identity.h"
#include "cli/call.h"
#include "cli/server_find.h"
#include "cli/show.h"

#define TOKEN_VARIABLE "CALLGATE_USER_TOKEN"

static const char *token_given(const struct cli *cli)
{
    const char *given = args_value(&cli->args, "token");
    const char *set = getenv(TOKEN_VARIABLE); /* one thread, before anything else runs */

    return given || !set || !*set ? given : "env";
}

bool seat_is_taken(const struct cli *cli)
{
    return args_has(&cli->args, "as") || token_given(cli);
}

static enum exit_code take_token(struct cli *cli, struct seat *seat)
{
    enum exit_code code = text_from(cli, token_given(cli), TOKEN_VARIABLE, &seat->token);

    return code ? code : wire_endpoint_of_user(cli, &seat->endpoint, &seat->ca_file);
}

/* Through the wire's own operation, as an application would. */
static enum exit_code issue_by_key(struct cli *cli, const char *user, struct seat *seat)
{
    static const char *const scopes[] = {"chat"};
    const struct cg_token_options o = {.scopes = scopes, .scope_count = ARRAY_LEN(scopes)};
    struct cg_client *owner = NULL;
    struct cg_token token = {0};
    struct cg_error err = {0};
    enum cg_status status = CG_OK;
    enum exit_code code = client_open(cli, &owner);

    if (code)
        return code;
    status = cg_identity_issue_token(owner, user, &o, &token, &err);
    if (status) {
        code = call_failed(cli, status, &err);
    } else {
        seat->token = arena_dup(&cli->arena, str_from(token.text));
        seat->endpoint = arena_dup(&cli->arena, str_from(cg_client_endpoint(owner)));
    }
    cg_token_clear(&token);
    cg_client_free(owner);
    return code;
}

static enum exit_code issue_by_administrator(struct cli *cli, const char *user, struct seat *seat)
{
    struct path path;
    json_t *answer = NULL;
    enum exit_code code = EXIT_DONE;

    path_init_segment(&path, cli, "/admin/users/", user, ":issueToken");
    code = call_once(cli, "POST", path_done(&path, cli), STR("{\"scopes\":[\"chat\"]}"), &answer);
    if (code == EXIT_DONE)
        seat->token = arena_dup(&cli->arena, show_text(cli, answer, "token"));
    json_decref(answer);
    return code ? code : wire_endpoint(cli, &seat->endpoint, &seat->ca_file);
}

static enum exit_code issue_token(struct cli *cli, const char *user, struct seat *seat)
{
    struct str connection = STR_EMPTY;
    enum exit_code code = connection_string_find(cli, &connection);

    if (code)
        return code;
    return connection.len > 0 ? issue_by_key(cli, user, seat)
                              : issue_by_administrator(cli, user, seat);
}

enum exit_code seat_open(struct cli *cli, struct seat *out)
{
    const char *user = args_value(&cli->args, "as");
    enum exit_code code = EXIT_DONE;

    *out = (struct seat){.client = NULL};
    if (user && args_has(&cli->args, "token"))
        return cli_fail(cli, EXIT_USAGE, "--as or --token: one of them says who speaks");
    if (!seat_is_taken(cli))
        return cli_fail(cli, EXIT_USAGE,
                        "say who speaks: --as USER, or --token with a user access token");
    code = user ? issue_token(cli, user, out) : take_token(cli, out);
    return code ? code
                : token_client_open(cli, out->endpoint, out->token, out->ca_file, &out->client);
}

void seat_close(struct seat *seat)
{
    cg_client_free(seat->client);
    seat->client = NULL;
}
