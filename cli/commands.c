/* Every command of this folder, one row each. */
#include "cli/commands.h"

static const struct option env_options[] = {
    {"shell", 0, "NAME", "sh (default), fish, powershell, dotenv or json"}, {0}};
static const struct option resource_create_options[] = {
    {"location", 0, "TEXT", "where its data is said to lie: unitedstates, …"},
    {"port", 0, "PORT", "a port of its own, for programs that can't resolve NAME.localhost"},
    {"name", 0, "HOST", "a further host name; may be repeated"},
    {0}};
static const struct option yes_options[] = {{"yes", 'y', NULL, "don't ask"}, {0}};
static const struct option key_list_options[] = {
    {"reveal", 0, NULL, "print the keys themselves (administrator)"}, {0}};
static const struct option key_regenerate_options[] = {
    {"keep-tokens", 0, NULL, "let user tokens live that were issued with the old key"}, {0}};
static const struct option user_create_options[] = {
    {"id", 0, "ID", "a fixed id (8:acs:…), for tests and import"},
    {"external-id", 0, "TEXT", "your own name for the user, unique in the resource"},
    {0}};
static const struct option user_list_options[] = {
    {"prefix", 0, "TEXT", "only ids that begin so"},
    {"created-since", 0, "TIME", "only users created since, 2026-11-23T15:00:00Z"},
    {"limit", 0, "N", "at most so many (all)"},
    {0}};
static const struct option user_export_options[] = {
    {"out", 0, "FILE", "into a new file instead of the standard output"}, {0}};
static const struct option token_issue_options[] = {
    {"scope", 0, "LIST", "chat, voip, chat.join, chat.join.limited, voip.join (chat,voip)"},
    {"minutes", 0, "N", "lifetime, 60 to 1440 (1440)"},
    {"raw", 0, NULL, "print the token alone"},
    {0}};
static const struct option token_inspect_options[] = {
    {"token-file", 0, "FILE", "read the token from a file"},
    {"offline", 0, NULL, "ask no server"},
    {0}};
static const struct option sign_options[] = {
    {"body", 0, "FILE", "the request's body; - reads the standard input"},
    {"key-file", 0, "FILE", "the access key, base64, in a file"},
    {"key", 0, "KEY", "the same as text, @FILE, or env ($CALLGATE_ACCESS_KEY)"},
    {"host", 0, "HOST", "sign this Host instead of the endpoint's"},
    {"http", 0, NULL, "the server's plain listener"},
    {"curl", 0, NULL, "print a curl line instead of headers"},
    {0}};
static const struct option backup_options[] = {{"force", 'f', NULL, "replace FILE when it exists"},
                                               {0}};

/* clang-format off */
static const struct command table[] = {
    {"env", "[--shell NAME]", "print what clients need, as lines for a shell",
     "Connection strings, endpoints and CA files of a server that runs on this machine. The output\n"
     "holds the primary access key.\n\n"
     "  eval \"$(callgate env)\"\n"
     "  callgate env --shell fish | source\n"
     "  callgate env --shell dotenv > .env\n"
     "  callgate env --json | jq -r .CALLGATE_ENDPOINT\n",
     env_options, 0, 0, REACH_SERVER, env_run, NULL},
    {"status", "", "show how the server is",
     "  callgate status\n  callgate status --json\n",
     NULL, 0, 0, REACH_SERVER, status_run, NULL},
    {"resource create", "NAME [options]", "create a resource: users and keys of its own",
     "It answers to NAME.<domain>.\n\n"
     "  callgate resource create blue\n"
     "  callgate resource create blue --port 8500 --location europe\n",
     resource_create_options, 1, 1, REACH_SERVER, resource_create_run, NULL},
    {"resource list", "", "list the resources",
     "  callgate resource list\n",
     NULL, 0, 0, REACH_SERVER, resource_list_run, NULL},
    {"resource show", "NAME", "show one resource",
     "  callgate resource show blue --json\n",
     NULL, 1, 1, REACH_SERVER, resource_show_run, NULL},
    {"resource delete", "NAME [--yes]", "delete a resource with all that belongs to it",
     "Asks for the name on a terminal; --yes for scripts.\n\n"
     "  callgate resource delete blue --yes\n",
     yes_options, 1, 1, REACH_SERVER, resource_delete_run, NULL},
    {"key list", "[--reveal]", "list the two access keys of a resource",
     "  callgate key list\n"
     "  callgate key list --reveal --resource blue\n",
     key_list_options, 0, 0, REACH_RESOURCE, key_list_run, NULL},
    {"key regenerate", "primary|secondary [--keep-tokens]", "replace an access key at once",
     "The old key fails on the next request, and user tokens that were issued with it die.\n\n"
     "  callgate key regenerate secondary\n"
     "  callgate key regenerate primary --keep-tokens\n",
     key_regenerate_options, 1, 1, REACH_SERVER, key_regenerate_run, NULL},
    {"key rotate", "", "sign new user tokens with a new key",
     "Tokens signed with the key before stay good until they expire; both keys are published.\n\n"
     "  callgate key rotate\n",
     NULL, 0, 0, REACH_SERVER, key_rotate_run, NULL},
    {"user create", "[--id ID] [--external-id TEXT]", "create a user",
     "  callgate user create\n"
     "  callgate user create --external-id alice --json\n",
     user_create_options, 0, 0, REACH_RESOURCE, user_create_run, NULL},
    {"user list", "[options]", "list the users of a resource, newest first",
     "  callgate user list --limit 20\n"
     "  callgate user list --created-since 2026-11-01T00:00:00Z --json\n",
     user_list_options, 0, 0, REACH_RESOURCE, user_list_run, NULL},
    {"user show", "ID", "show one user",
     "  callgate user show 8:acs:…\n",
     NULL, 1, 1, REACH_RESOURCE, user_show_run, NULL},
    {"user delete", "ID", "delete a user and its tokens",
     "  callgate user delete 8:acs:…\n",
     NULL, 1, 1, REACH_RESOURCE, user_delete_run, NULL},
    {"user export", "ID [--out FILE]", "export everything kept about a user, as JSON lines",
     "  callgate user export 8:acs:… --out alice.jsonl\n",
     user_export_options, 1, 1, REACH_RESOURCE, user_export_run, NULL},
    {"token issue", "[USER] [options]", "issue a user access token, for a new user if none is named",
     "  callgate token issue\n"
     "  callgate token issue 8:acs:… --scope chat --minutes 60\n"
     "  TOKEN=$(callgate token issue --raw)\n"
     "  callgate token issue --connection-string env --json\n",
     token_issue_options, 0, 1, REACH_RESOURCE, token_issue_run, NULL},
    {"token revoke", "USER", "revoke every token of a user",
     "  callgate token revoke 8:acs:…\n",
     NULL, 1, 1, REACH_RESOURCE, token_revoke_run, NULL},
    {"token inspect", "TOKEN|- [options]", "tell what a token says and whether it is alive",
     "Decodes it, checks its signature against the server's published keys, and asks the server\n"
     "whether it accepts it. Ends with 1 when the token is dead. A token on the command line can be\n"
     "seen by other users of the machine: - and --token-file avoid that.\n\n"
     "  callgate token issue --raw | callgate token inspect -\n"
     "  callgate token inspect --token-file t.jwt --offline --json\n",
     token_inspect_options, 0, 1, REACH_RESOURCE, token_inspect_run, NULL},
    {"sign", "METHOD TARGET [options]", "sign a request with an access key",
     "Prints the three headers to send beside Host, or a curl line. TARGET is path and query, or a\n"
     "whole URL. Good for five minutes. The key comes from --key-file, --connection-string, or the\n"
     "server that runs here.\n\n"
     "  callgate sign POST '/identities?api-version=2023-10-01'\n"
     "  echo '{\"createTokenWithScopes\":[\"chat\"]}' |\n"
     "    callgate sign POST '/identities?api-version=2023-10-01' --body - --curl | sh\n"
     "  callgate sign GET https://name.example/rooms?api-version=2024-04-15 --key-file k\n",
     sign_options, 2, 2, REACH_RESOURCE, sign_run, NULL},
    {"clock show", "", "show the server's clock (development)",
     "  callgate clock show\n",
     NULL, 0, 0, REACH_SERVER, clock_show_run, NULL},
    {"clock set", "TIME", "set the server's clock (development)",
     "  callgate clock set 2026-11-23T15:00:00Z\n",
     NULL, 1, 1, REACH_SERVER, clock_set_run, NULL},
    {"clock advance", "DURATION", "move the server's clock (development)",
     "  callgate clock advance 1h30m\n"
     "  callgate clock advance -10m\n",
     NULL, 1, 1, REACH_SERVER, clock_advance_run, NULL},
    {"clock reset", "", "let the server's clock follow the real one again (development)",
     "  callgate clock reset\n",
     NULL, 0, 0, REACH_SERVER, clock_reset_run, NULL},
    {"backup", "FILE|- [--force]", "copy the running server's store into a file",
     "The copy appears whole or not at all, readable by you alone. Secrets in it are sealed under\n"
     "master.key, which is not part of it.\n\n"
     "  callgate backup callgate-$(date +%F).backup\n"
     "  callgate backup - | zstd > callgate.zst\n",
     backup_options, 1, 1, REACH_SERVER, backup_run, NULL},
};
/* clang-format on */

const struct command *commands_table(size_t *out_n)
{
    *out_n = ARRAY_LEN(table);
    return table;
}
