/* Every command of this folder, one row each. */
#include "cli/commands.h"

static const struct option env_options[] = {
    {"shell", 0, "NAME", "sh (default), fish, powershell, dotenv or json"},
    {"app", 0, "NAME", "as this application: no access key, and without its secret"},
    {"identity", 0, "NAME", "as this managed identity: needs `serve --imds`"},
    {0}};
static const struct option resource_create_options[] = {
    {"location", 0, "TEXT", "where its data is said to lie: unitedstates, …"},
    {"port", 0, "PORT", "a port of its own, for programs that can't resolve NAME.localhost"},
    {"name", 0, "HOST", "a further host name; may be repeated"},
    {0}};
static const struct option seed_options[] = {
    {"export", 0, NULL, "write what there is, as a document"},
    {"parts", 0, "LIST", "only these, with commas between: users, sms, chat (all)"},
    {0}};
static const struct option reset_options[] = {
    {"parts", 0, "LIST", "only these, with commas between: users, sms, chat (all)"},
    {"yes", 'y', NULL, "don't ask"},
    {0}};
static const struct option yes_options[] = {{"yes", 'y', NULL, "don't ask"}, {0}};
static const struct option key_list_options[] = {
    {"reveal", 0, NULL, "print the keys themselves (administrator)"}, {0}};
static const struct option key_regenerate_options[] = {
    {"keep-tokens", 0, NULL, "let user tokens live that were issued with the old key"}, {0}};
static const struct option key_rotate_options[] = {
    {"purpose", 0, "NAME", "user (default): user access tokens; issuer: service tokens"}, {0}};
static const struct option app_create_options[] = {
    {"role", 0, "ROLE", "its role on the default resource; none for no role"},
    {"secret", 0, NULL, "make a secret, too, and print it once"},
    {"expires-in", 0, "DURATION", "the secret's life, 90d (no end)"},
    {"description", 0, "TEXT", "what the secret is for"},
    {"export", 0, "SHELL", "print only the variables: sh, fish, powershell, dotenv or json"},
    {0}};
static const struct option app_list_options[] = {
    {"kind", 0, "NAME", "app (default), managed, foreign or all"}, {0}};
static const struct option app_secret_options[] = {
    {"expires-in", 0, "DURATION", "its life, 90d (no end)"},
    {"description", 0, "TEXT", "what it is for"},
    {"export", 0, "SHELL", "print only the variables: sh, fish, powershell, dotenv or json"},
    {0}};
static const struct option app_federated_options[] = {
    {"issuer", 0, "URL", "exactly as the tokens say it"},
    {"subject", 0, "TEXT", "exactly as the tokens say it"},
    {"audience", 0, "TEXT", "what the tokens are for (api://AzureADTokenExchange)"},
    {0}};
static const struct option identity_create_options[] = {
    {"group", 0, "NAME", "its resource group (callgate)"},
    {"role", 0, "ROLE", "its role on the default resource; none for no role"},
    {0}};
static const struct option identity_run_options[] = {
    {"keep-env", 0, NULL, "leave variables alone that are set already"},
    {"client-id", 0, NULL, "set AZURE_CLIENT_ID, too"},
    {0}};
static const struct option role_scope_options[] = {
    {"scope", 0, "PATH", "/, or /subscriptions/… (default: the default resource)"}, {0}};
static const struct option role_list_options[] = {
    {"principal", 0, "NAME", "only those of this principal"}, {0}};
static const struct option issuer_add_options[] = {
    {"audience", 0, "TEXT", "what tokens must be for; may be repeated"},
    {"subject", 0, "TEXT", "a rule: tokens of exactly this subject"},
    {"claim", 0, "NAME=VALUE", "the rule asks for this claim, too; may be repeated"},
    {"name", 0, "NAME", "the principal that the rule means (made from the subject)"},
    {"jwks-url", 0, "URL", "where the keys are, when there is no discovery document"},
    {"jwks-file", 0, "FILE", "the keys themselves; read again when the file changes"},
    {"token-file", 0, "FILE", "a bearer token for asking for the keys"},
    {"alg", 0, "NAME", "RS256, PS256, ES256, ES384, EdDSA; may be repeated"},
    {"allow-private", 0, NULL, "its address may be a private one"},
    {"user-tokens", 0, NULL, "Entra ID: tokens of people count, too"},
    {"tenant", 0, "GUID", "a tenant of Entra ID, instead of a URL"},
    {"untested", 0, NULL, "don't fetch its keys first"},
    {0}};
static const struct option token_get_options[] = {
    {"as", 0, "APP", "an application or managed identity"},
    {"audience", 0, "URL", "for which service (https://communication.azure.com/)"},
    {"raw", 0, NULL, "print the token alone"},
    {0}};
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
static const struct option sms_send_options[] = {
    {"report", 0, NULL, "ask for a delivery report: an event when it is known what became of it"},
    {"report-timeout", 0, "SECONDS", "without news by then it has failed, 60 to 43200 (18000)"},
    {"tag", 0, "TEXT", "comes back in the report"},
    {0}};
static const struct option sms_list_options[] = {
    {"direction", 0, "NAME", "inbound or outbound"},
    {"from", 0, "SENDER", "only those of this sender"},
    {"to", 0, "NUMBER", "only those to this number"},
    {"tag", 0, "TEXT", "only those with this tag"},
    {"state", 0, "NAME", "queued, submitting, submitted, delivered, failed, received, or open"},
    {"since", 0, "TIME|ID", "only messages since a time, or newer than a message"},
    {"limit", 0, "N", "at most so many (all)"},
    {0}};
static const struct option sms_wait_options[] = {
    {"since", 0, "TIME|ID", "one that came since: a time, 30s ago, or newer than a message"},
    {"within", 0, "SECONDS", "how long to wait (30)"},
    {0}};
static const struct option sms_report_options[] = {
    {"code", 0, "N", "why it failed: 4005, 4006, … (9999)"},
    {"segments-failed", 0, "N", "how many of its segments (all)"},
    {0}};
#define CHAT_WHO                                                                                   \
    {"as", 0, "USER", "speak as this user (8:acs:…): issues a token for him"},                     \
    {                                                                                              \
        "token", 0, "TEXT", "the user's token: the text, @FILE, or env ($CALLGATE_USER_TOKEN)"     \
    }
static const struct option chat_options[] = {CHAT_WHO, {0}};
static const struct option chat_thread_create_options[] = {
    CHAT_WHO,
    {"share-from", 0, "TIME", "they see messages from then on (all of them)"},
    {"metadata", 0, "JSON", "an object of texts, kept with the thread"},
    {"delete-after", 0, "DAYS", "the server deletes it then, 30 to 90 (never)"},
    {0}};
static const struct option chat_thread_list_options[] = {
    CHAT_WHO,
    {"user", 0, "USER", "without a user: only threads that this one is or was in"},
    {"since", 0, "TIME", "only threads in which something happened since"},
    {"limit", 0, "N", "at most so many (all)"},
    {0}};
static const struct option chat_thread_update_options[] = {
    CHAT_WHO,
    {"topic", 0, "TEXT", "its topic"},
    {"metadata", 0, "JSON", "an object of texts: merged; an empty text removes its key"},
    {"delete-after", 0, "DAYS|never", "when the server deletes it"},
    {0}};
static const struct option chat_message_send_options[] = {
    CHAT_WHO,
    {"name", 0, "TEXT", "what to call the sender"},
    {"html", 0, NULL, "the text is HTML, which the server cleans"},
    {"metadata", 0, "JSON", "an object of texts, kept with the message"},
    {0}};
static const struct option chat_message_list_options[] = {
    CHAT_WHO,
    {"since", 0, "TIME", "only messages made since"},
    {"limit", 0, "N", "at most so many (all)"},
    {0}};
static const struct option chat_message_edit_options[] = {
    CHAT_WHO,
    {"metadata", 0, "JSON", "an object of texts: merged; an empty text removes its key"},
    {0}};
static const struct option chat_participant_add_options[] = {
    CHAT_WHO, {"share-from", 0, "TIME", "they see messages from then on (all of them)"}, {0}};
static const struct option chat_watch_options[] = {
    CHAT_WHO,
    {"name", 0, "TEXT", "what to call the sender of typed lines (his name in the thread)"},
    {"cursor", 0, "TEXT", "begin with what happened after this cursor of a former --json line"},
    {"count", 0, "N", "end after so many events"},
    {0}};
static const struct option sender_set_options[] = {
    {"kind", 0, "NAME", "tollFree, shortCode, alphanumeric or longCode (by its form)"},
    {"transport", 0, "NAME", "which way its messages go (the setting sms.transport)"},
    {"rate", 0, "N", "segments a minute; 0: no limit (by its kind)"},
    {"enforce-opt-out", 0, "YES|NO", "whether opt-outs bind it (by its kind)"},
    {"reply-stop", 0, "TEXT", "answer to STOP"},
    {"reply-start", 0, "TEXT", "answer to START"},
    {"reply-help", 0, "TEXT", "answer to HELP"},
    {0}};
static const struct option transport_set_options[] = {
    {"password-file", 0, "FILE|-",
     "its password: the first line of a file, or of the standard input"},
    {"secret-file", 0, "NAME=FILE", "another secret member; may be repeated"},
    {"file", 0, "FILE|-", "all members as a JSON object"},
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
static const struct option subscription_options[] = {
    {"url", 0, "URL", "the webhook's address"},
    {"schema", 0, "NAME", "EventGridSchema (default) or CloudEventSchemaV1_0"},
    {"type", 0, "TYPE", "only events of this type; may be repeated"},
    {"subject-begins", 0, "TEXT", "only events whose subject begins so"},
    {"subject-ends", 0, "TEXT", "only events whose subject ends so"},
    {"max-attempts", 0, "N", "tries of one event, 1 to 30 (30)"},
    {"ttl", 0, "MINUTES", "how long one event is tried, 1 to 1440 (1440)"},
    {"batch", 0, "N", "events in one request, 1 to 5000 (1)"},
    {"batch-kib", 0, "N", "size of such a request, 1 to 1024 (64)"},
    {"header", 0, "NAME=VALUE", "sent with each request; may be repeated"},
    {"secret-header", 0, "NAME=VALUE", "the same, never shown again; NAME=@FILE reads it"},
    {"no-wait", 0, NULL, "don't wait for the endpoint's consent"},
    {0}};
static const struct option event_list_options[] = {{"limit", 0, "N", "at most so many (100)"}, {0}};
static const struct option event_replay_options[] = {
    {"all", 0, NULL, "every dead letter of the subscription"}, {0}};

/* clang-format off */
static const struct command table[] = {
    {"env", "[--shell NAME] [--app NAME|--identity NAME]", "print what clients need, as lines for a shell",
     "Connection strings, endpoints and CA files of a server that runs on this machine. The output\n"
     "holds the primary access key; with --app or --identity it holds what the official credential\n"
     "classes read instead.\n\n"
     "  eval \"$(callgate env)\"\n"
     "  callgate env --shell fish | source\n"
     "  callgate env --shell dotenv > .env\n"
     "  callgate env --json | jq -r .CALLGATE_ENDPOINT\n"
     "  eval \"$(callgate env --app mailer)\"\n",
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
    {"key rotate", "[--purpose user|issuer]", "sign new tokens with a new key",
     "Tokens signed with the key before stay good until they expire; both keys are published.\n\n"
     "  callgate key rotate\n"
     "  callgate key rotate --purpose issuer\n",
     key_rotate_options, 0, 0, REACH_SERVER, key_rotate_run, NULL},
    {"app create", "NAME [options]", "create an application: a service principal",
     "In development the first one gets the role Callgate Data Contributor on the default resource,\n"
     "unless --role says otherwise. --secret prints a secret once, with the variables by which the\n"
     "official credential classes use it.\n\n"
     "  callgate app create mailer --secret\n"
     "  callgate app create reports --role 'Callgate Reader'\n"
     "  eval \"$(callgate app create ci --expires-in 90d --export sh)\"\n",
     app_create_options, 1, 1, REACH_SERVER, app_create_run, NULL},
    {"app list", "[--kind NAME]", "list the applications",
     "  callgate app list\n  callgate app list --kind all --json\n",
     app_list_options, 0, 0, REACH_SERVER, app_list_run, NULL},
    {"app show", "APP", "show an application by name, client id or object id",
     "  callgate app show mailer\n",
     NULL, 1, 1, REACH_SERVER, app_show_run, NULL},
    {"app delete", "APP", "delete an application with its roles",
     "  callgate app delete mailer\n",
     NULL, 1, 1, REACH_SERVER, app_delete_run, NULL},
    {"app disable", "APP", "refuse an application, at once",
     "Works for managed identities and principals of trusted issuers, too.\n\n"
     "  callgate app disable mailer\n",
     NULL, 1, 1, REACH_SERVER, app_disable_run, NULL},
    {"app enable", "APP", "let a disabled application in again",
     "  callgate app enable mailer\n",
     NULL, 1, 1, REACH_SERVER, app_enable_run, NULL},
    {"app revoke", "APP", "end every token that an application has got",
     "It may get new ones. Works for managed identities and principals of trusted issuers, too.\n\n"
     "  callgate app revoke mailer\n",
     NULL, 1, 1, REACH_SERVER, app_revoke_run, NULL},
    {"app secret add", "APP [options]", "make a secret, printed once",
     "  callgate app secret add mailer --expires-in 90d\n"
     "  callgate app secret add mailer --export dotenv > .env\n",
     app_secret_options, 1, 1, REACH_SERVER, app_secret_add_run, NULL},
    {"app secret remove", "APP ID", "remove a secret and end the tokens got before",
     "  callgate app secret remove mailer 6f9619ff-8b86-d011-b42d-00cf4fc964ff\n",
     NULL, 2, 2, REACH_SERVER, app_secret_remove_run, NULL},
    {"app cert add", "APP FILE", "let an application sign in with a certificate (PEM)",
     "  callgate app cert add mailer mailer.pem\n",
     NULL, 2, 2, REACH_SERVER, app_cert_add_run, NULL},
    {"app cert remove", "APP ID", "remove a certificate and end the tokens got before",
     "  callgate app cert remove mailer 6f9619ff-8b86-d011-b42d-00cf4fc964ff\n",
     NULL, 2, 2, REACH_SERVER, app_cert_remove_run, NULL},
    {"app federated add", "APP NAME --issuer URL --subject TEXT", "let an application sign in with another issuer's token",
     "Workload identity: a Kubernetes service account, a CI job.\n\n"
     "  callgate app federated add mailer github --issuer https://token.actions.githubusercontent.com \\\n"
     "    --subject repo:contoso/mailer:ref:refs/heads/main\n",
     app_federated_options, 2, 2, REACH_SERVER, app_federated_add_run, NULL},
    {"app federated remove", "APP NAME", "remove a federated credential and end the tokens got before",
     "  callgate app federated remove mailer github\n",
     NULL, 2, 2, REACH_SERVER, app_federated_remove_run, NULL},
    {"identity create", "NAME [options]", "create a managed identity",
     "  callgate identity create worker\n"
     "  callgate identity create worker --role 'Callgate SMS Sender'\n",
     identity_create_options, 1, 1, REACH_SERVER, identity_create_run, NULL},
    {"identity list", "", "list the managed identities",
     "  callgate identity list\n",
     NULL, 0, 0, REACH_SERVER, identity_list_run, NULL},
    {"identity delete", "NAME", "delete a managed identity with its roles",
     "  callgate identity delete worker\n",
     NULL, 1, 1, REACH_SERVER, identity_delete_run, NULL},
    {"identity assign", "RESOURCE", "give a resource an identity of its own",
     "  callgate identity assign default --json\n",
     NULL, 1, 1, REACH_SERVER, identity_assign_run, NULL},
    {"identity run", "[NAME] [options] -- COMMAND…", "run a program with a managed identity, as a cloud host would",
     "Opens an identity endpoint for as long as the program runs and tells it by IDENTITY_ENDPOINT\n"
     "and IDENTITY_HEADER; ManagedIdentityCredential and DefaultAzureCredential read them. Ends as\n"
     "the program ends: with its exit code, or 128 and the signal's number. 127: no such program.\n\n"
     "  callgate identity run -- npm start\n"
     "  callgate identity run worker -- python send.py\n",
     identity_run_options, 1, ARGS_MAX, REACH_SERVER, identity_run_run, NULL},
    {"role assign", "PRINCIPAL ROLE [--scope PATH]", "let a principal do what a role allows",
     "On the default resource, unless --resource or --scope says where.\n\n"
     "  callgate role assign mailer 'Callgate SMS Sender'\n"
     "  callgate role assign worker Contributor --resource blue\n",
     role_scope_options, 2, 2, REACH_SERVER, role_assign_run, NULL},
    {"role list", "[--principal NAME]", "list who has which role where",
     "  callgate role list\n  callgate role list --principal mailer\n",
     role_list_options, 0, 0, REACH_SERVER, role_list_run, NULL},
    {"role remove", "PRINCIPAL ROLE|ID [--scope PATH]", "take a role away, at once",
     "On the default resource, unless --resource or --scope says where.\n\n"
     "  callgate role remove mailer 'Callgate SMS Sender'\n"
     "  callgate role remove 6f9619ff-8b86-d011-b42d-00cf4fc964ff\n",
     role_scope_options, 1, 2, REACH_SERVER, role_remove_run, NULL},
    {"role show", "[ROLE]", "show the roles there are, or what one allows",
     "  callgate role show\n  callgate role show 'Callgate Reader' --json\n",
     NULL, 0, 1, REACH_SERVER, role_show_run, NULL},
    {"role create", "FILE|-", "create a role of your own",
     "A JSON file: {\"name\":\"Only SMS\",\"permissions\":[{\"dataActions\":[\n"
     "\"Microsoft.Communication/CommunicationServices/sms/*\"]}]}\n\n"
     "  callgate role create only-sms.json\n",
     NULL, 1, 1, REACH_SERVER, role_create_run, NULL},
    {"role delete", "NAME", "delete a role of your own, when nobody has it",
     "  callgate role delete 'Only SMS'\n",
     NULL, 1, 1, REACH_SERVER, role_delete_run, NULL},
    {"issuer add", "URL|--tenant GUID --audience TEXT [options]", "trust the tokens of another issuer",
     "Its keys are fetched first, unless --untested. Each rule (--subject, --claim) names a\n"
     "principal, which then wants a role. --ca-file is the authority of the issuer's certificate\n"
     "here. Only on the server's own machine.\n\n"
     "  callgate issuer add https://keycloak.example/realms/shop --audience callgate \\\n"
     "    --subject service-account-mailer --name mailer\n"
     "  callgate issuer add https://kubernetes.default.svc.cluster.local --audience callgate \\\n"
     "    --subject system:serviceaccount:shop:mailer --jwks-file keys.json\n"
     "  callgate issuer add --tenant 6f9619ff-8b86-d011-b42d-00cf4fc964ff\n",
     issuer_add_options, 0, 1, REACH_SERVER, issuer_add_run, NULL},
    {"issuer list", "", "list the trusted issuers",
     "  callgate issuer list --json\n",
     NULL, 0, 0, REACH_SERVER, issuer_list_run, NULL},
    {"issuer remove", "URL|ID", "trust an issuer no longer, at once",
     "  callgate issuer remove https://keycloak.example/realms/shop\n",
     NULL, 1, 1, REACH_SERVER, issuer_remove_run, NULL},
    {"issuer test", "URL|ID", "fetch an issuer's keys now and tell what came",
     "  callgate issuer test https://keycloak.example/realms/shop\n",
     NULL, 1, 1, REACH_SERVER, issuer_test_run, NULL},
    {"token get", "--as APP [--audience URL] [--raw]", "get a service token as an application or managed identity",
     "For trying things out on the server's own machine; applications ask the issuer. --resource URL\n"
     "is --audience here.\n\n"
     "  callgate token get --as mailer\n"
     "  curl --cacert \"$CALLGATE_CA_FILE\" -H \"Authorization: Bearer $(callgate token get --as mailer --raw)\" \\\n"
     "    \"$CALLGATE_ENDPOINT/admin/whoami\"\n",
     token_get_options, 0, 0, REACH_SERVER, token_get_run, NULL},
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
    {"user delete", "ID", "delete a user, its tokens and what it said in chat",
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
    {"sms send", "FROM TO… TEXT|- [options]", "send a text message, as an application would",
     "Prints the id of each message that was accepted. Ends with 1 when a recipient was refused.\n\n"
     "  callgate sms send +18005550100 +14255550123 'Your code is 123456'\n"
     "  callgate sms send Contoso +14255550123 +14255550124 --report --tag first 'Hello'\n",
     sms_send_options, 3, ARGS_MAX, REACH_RESOURCE, sms_send_run, NULL},
    {"sms list", "[options]", "list messages, newest first",
     "  callgate sms list --to +14255550123 --limit 5\n"
     "  callgate sms list --state failed --json\n",
     sms_list_options, 0, 0, REACH_RESOURCE, sms_list_run, NULL},
    {"sms show", "ID", "show a message and what became of it",
     "  callgate sms show Outgoing_…\n",
     NULL, 1, 1, REACH_RESOURCE, sms_show_run, NULL},
    {"sms wait", "TO [--since TIME|ID] [--within SECONDS]", "wait for the next message to a number and print its text",
     "For scripts: the code that an application sends. Ends with 1 when none came. Messages of before\n"
     "don't count, unless --since says so: a time, a duration like 30s, or the id of a message.\n\n"
     "  callgate sms wait +14255550123\n"
     "  callgate sms wait +14255550123 --since 1m --within 5 | grep -o '[0-9]\\{6\\}'\n",
     sms_wait_options, 1, 1, REACH_RESOURCE, sms_wait_run, NULL},
    {"sms inbound", "FROM TO TEXT|-", "let a message come in, as from a phone",
     "  callgate sms inbound +14255550123 +18005550100 STOP\n",
     NULL, 3, 3, REACH_RESOURCE, sms_inbound_run, NULL},
    {"sms report", "ID Delivered|Failed [options]", "say what became of a message, as a carrier would",
     "  callgate sms report Outgoing_… Failed --code 4006\n",
     sms_report_options, 2, 2, REACH_RESOURCE, sms_report_run, NULL},
    {"sms clear", "", "forget the messages that have ended",
     "  callgate sms clear\n",
     NULL, 0, 0, REACH_RESOURCE, sms_clear_run, NULL},
    {"chat thread create", "TOPIC [USER[=NAME]…] --as USER", "make a chat thread",
     "Prints its id. Whoever makes it takes part. Ends with 1 when somebody could not be added; the\n"
     "thread is there all the same.\n\n"
     "  callgate chat thread create Lunch --as \"$ANNA\" \"$BEN\"=Ben\n"
     "  THREAD=$(callgate chat thread create Support --token @anna.jwt --endpoint https://chat.example)\n",
     chat_thread_create_options, 1, ARGS_MAX, REACH_RESOURCE, chat_thread_create_run, NULL},
    {"chat thread list", "[--as USER] [options]", "list a user's threads, or all of the resource",
     "Without a user as the owner of the resource sees them: newest first, deleted ones left out.\n\n"
     "  callgate chat thread list --as \"$ANNA\"\n"
     "  callgate chat thread list --user \"$ANNA\" --json\n",
     chat_thread_list_options, 0, 0, REACH_RESOURCE, chat_thread_list_run, NULL},
    {"chat thread show", "THREAD [--as USER]", "show a thread",
     "  callgate chat thread show \"$THREAD\"\n",
     chat_options, 1, 1, REACH_RESOURCE, chat_thread_show_run, NULL},
    {"chat thread update", "THREAD --as USER [options]", "change topic, metadata or retention of a thread",
     "  callgate chat thread update \"$THREAD\" --as \"$ANNA\" --topic Dinner\n"
     "  callgate chat thread update \"$THREAD\" --as \"$ANNA\" --metadata '{\"room\":\"\"}' --delete-after never\n",
     chat_thread_update_options, 1, 1, REACH_RESOURCE, chat_thread_update_run, NULL},
    {"chat thread delete", "THREAD [--as USER]", "delete a thread for everybody in it",
     "Without a user as the owner of the resource: the participants are told, but not by whom.\n\n"
     "  callgate chat thread delete \"$THREAD\"\n",
     chat_options, 1, 1, REACH_RESOURCE, chat_thread_delete_run, NULL},
    {"chat message send", "THREAD TEXT|- --as USER [options]", "send a message to a thread",
     "Prints its id.\n\n"
     "  callgate chat message send \"$THREAD\" 'Are you hungry?' --as \"$ANNA\" --name Anna\n"
     "  date | callgate chat message send \"$THREAD\" - --as \"$BEN\"\n",
     chat_message_send_options, 2, 2, REACH_RESOURCE, chat_message_send_run, NULL},
    {"chat message list", "THREAD [--as USER] [options]", "list the messages of a thread, the last changed first",
     "Without a user as the owner of the resource, who sees all of them; that is noted in the log.\n\n"
     "  callgate chat message list \"$THREAD\" --as \"$BEN\" --limit 20\n",
     chat_message_list_options, 1, 1, REACH_RESOURCE, chat_message_list_run, NULL},
    {"chat message edit", "THREAD ID TEXT|- --as USER", "change a message of one's own",
     "  callgate chat message edit \"$THREAD\" 1700000000000 'Are you thirsty?' --as \"$ANNA\"\n",
     chat_message_edit_options, 3, 3, REACH_RESOURCE, chat_message_edit_run, NULL},
    {"chat message delete", "THREAD ID --as USER", "delete a message of one's own",
     "  callgate chat message delete \"$THREAD\" 1700000000000 --as \"$ANNA\"\n",
     chat_options, 2, 2, REACH_RESOURCE, chat_message_delete_run, NULL},
    {"chat participant list", "THREAD [--as USER]", "list who takes part in a thread",
     "  callgate chat participant list \"$THREAD\" --as \"$ANNA\"\n",
     chat_options, 1, 1, REACH_RESOURCE, chat_participant_list_run, NULL},
    {"chat participant add", "THREAD USER[=NAME]… --as USER", "let users take part in a thread",
     "Ends with 1 when somebody could not be added. Who takes part already stays as he is.\n\n"
     "  callgate chat participant add \"$THREAD\" \"$CLEO\"=Cleo --as \"$ANNA\"\n",
     chat_participant_add_options, 2, ARGS_MAX, REACH_RESOURCE, chat_participant_add_run, NULL},
    {"chat participant remove", "THREAD USER --as USER", "remove a participant, or leave a thread",
     "  callgate chat participant remove \"$THREAD\" \"$BEN\" --as \"$BEN\"\n",
     chat_options, 2, 2, REACH_RESOURCE, chat_participant_remove_run, NULL},
    {"chat watch", "[THREAD] --as USER [options]", "see what happens as it happens; chat in a thread",
     "With a thread, lines that are typed are sent to it: two people in two windows can talk. Without\n"
     "one it shows all threads of the user. A lost connection is made anew, and nothing is missed.\n"
     "Ends with Ctrl-D, with the thread, or after --count events. --json prints each event as it came,\n"
     "one a line, with receipts and typing.\n\n"
     "  callgate chat watch \"$THREAD\" --as \"$ANNA\"\n"
     "  callgate chat watch --as \"$BOT\" --json | jq --unbuffered -r 'select(.message) .message.content.message'\n"
     "  callgate chat watch \"$THREAD\" --token env --endpoint https://chat.example --name Ben\n",
     chat_watch_options, 0, 1, REACH_RESOURCE, chat_watch_run, NULL},
    {"sender set", "SENDER [options]", "let a sender send, and say how",
     "Replaces all that was said of it. What is left out is as its kind has it.\n\n"
     "  callgate sender set +18005550100\n"
     "  callgate sender set 12345 --transport carrier-a --reply-stop 'You get no more messages.'\n",
     sender_set_options, 1, 1, REACH_RESOURCE, sender_set_run, NULL},
    {"sender list", "", "list who may send",
     "  callgate sender list\n",
     NULL, 0, 0, REACH_RESOURCE, sender_list_run, NULL},
    {"sender show", "SENDER", "show one sender",
     "  callgate sender show +18005550100\n",
     NULL, 1, 1, REACH_RESOURCE, sender_show_run, NULL},
    {"sender delete", "SENDER", "take a sender off the list, at once",
     "  callgate sender delete +18005550100\n",
     NULL, 1, 1, REACH_RESOURCE, sender_delete_run, NULL},
    {"optout add", "SENDER NUMBER…", "note that numbers want no messages of a sender",
     "  callgate optout add +18005550100 +14255550123\n",
     NULL, 2, ARGS_MAX, REACH_RESOURCE, optout_add_run, NULL},
    {"optout remove", "SENDER NUMBER…", "let a sender send to numbers again",
     "  callgate optout remove +18005550100 +14255550123\n",
     NULL, 2, ARGS_MAX, REACH_RESOURCE, optout_remove_run, NULL},
    {"optout list", "[SENDER]", "list who wants no messages",
     "  callgate optout list +18005550100\n",
     NULL, 0, 1, REACH_RESOURCE, optout_list_run, NULL},
    {"optout check", "SENDER NUMBER", "tell whether a number is opted out; ends with 1 when it is not",
     "  callgate optout check +18005550100 +14255550123\n",
     NULL, 2, 2, REACH_RESOURCE, optout_check_run, NULL},
    {"transport set", "NAME KIND [MEMBER=VALUE…] [options]", "configure a way out for messages",
     "Replaces all that was said of it. KIND is smpp, kannel, http or azure, each with members of its\n"
     "own. VALUE is text, a number, true or false; MEMBER:=JSON takes anything else. Secrets come\n"
     "from files, never from the command line; a secret that is '***' stays as it is.\n\n"
     "  callgate transport set carrier-a smpp host=smsc.example port=2775 systemId=me \\\n"
     "    --password-file smpp.password\n"
     "  callgate transport set gateway --file gateway.json\n",
     transport_set_options, 1, ARGS_MAX, REACH_SERVER, transport_set_run, NULL},
    {"transport list", "", "list the ways out for messages",
     "  callgate transport list\n",
     NULL, 0, 0, REACH_SERVER, transport_list_run, NULL},
    {"transport show", "NAME", "show how a transport is configured",
     "  callgate transport show carrier-a\n",
     NULL, 1, 1, REACH_SERVER, transport_show_run, NULL},
    {"transport status", "NAME", "tell whether a transport is connected, and what it did",
     "  callgate transport status carrier-a\n",
     NULL, 1, 1, REACH_SERVER, transport_status_run, NULL},
    {"transport delete", "NAME", "remove a transport that no sender uses",
     "  callgate transport delete carrier-a\n",
     NULL, 1, 1, REACH_SERVER, transport_delete_run, NULL},
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
    {"seed", "FILE|- | --export [--parts LIST]", "make users, senders and chats as a document says (development)",
     "All of the document or nothing. Prints the ids of users and threads; --json those of messages,\n"
     "too. --export writes what there is as such a document.\n\n"
     "  callgate seed fixtures.json\n"
     "  callgate seed --export --parts users,chat > fixtures.json\n",
     seed_options, 0, 1, REACH_SERVER, seed_run, NULL},
    {"reset", "[--parts LIST] [--yes]", "delete what a seed can make (development)",
     "Parts are users, sms and chat; users take their chat along. Asks on a terminal; --yes for scripts.\n\n"
     "  callgate reset --yes\n"
     "  callgate reset --parts chat --yes\n",
     reset_options, 0, 0, REACH_SERVER, reset_run, NULL},
    {"backup", "FILE|- [--force]", "copy the running server's store into a file",
     "The copy appears whole or not at all, readable by you alone. Secrets in it are sealed under\n"
     "master.key, which is not part of it.\n\n"
     "  callgate backup callgate-$(date +%F).backup\n"
     "  callgate backup - | zstd > callgate.zst\n",
     backup_options, 1, 1, REACH_SERVER, backup_run, NULL},
    {"event subscription create", "NAME --url URL [options]", "tell a webhook what happens",
     "The endpoint is asked for its consent first, as Event Grid does: the command waits for it and\n"
     "ends with 1 when it did not come. Whoever replaces a subscription keeps its events.\n\n"
     "  callgate event subscription create app --url http://localhost:7071/events\n"
     "  callgate event subscription create inbound --url https://app.example/hook \\\n"
     "    --type Microsoft.Communication.SMSReceived --schema CloudEventSchemaV1_0\n",
     subscription_options, 1, 1, REACH_RESOURCE, event_subscription_create_run, NULL},
    {"event subscription list", "[--limit N]", "list the event subscriptions of a resource",
     "  callgate event subscription list\n",
     event_list_options, 0, 0, REACH_RESOURCE, event_subscription_list_run, NULL},
    {"event subscription show", "NAME", "show one event subscription",
     "  callgate event subscription show app --json\n",
     NULL, 1, 1, REACH_RESOURCE, event_subscription_show_run, NULL},
    {"event subscription update", "NAME [options]", "change an event subscription",
     "What is not named stays. The endpoint is asked for its consent again.\n\n"
     "  callgate event subscription update app --max-attempts 5\n",
     subscription_options, 1, 1, REACH_RESOURCE, event_subscription_update_run, NULL},
    {"event subscription delete", "NAME", "delete an event subscription with its events",
     "  callgate event subscription delete app\n",
     NULL, 1, 1, REACH_RESOURCE, event_subscription_delete_run, NULL},
    {"event deliveries", "NAME [--limit N]", "list what went out to a webhook, newest first",
     "  callgate event deliveries app\n"
     "  callgate event deliveries app --limit 1000 --json\n",
     event_list_options, 1, 1, REACH_RESOURCE, event_deliveries_run, NULL},
    {"event deadletters", "NAME [--limit N]", "list the events that a webhook did not take",
     "  callgate event deadletters app --json\n",
     event_list_options, 1, 1, REACH_RESOURCE, event_deadletters_run, NULL},
    {"event replay", "NAME ID…|--all", "send dead letters again",
     "They begin anew, with all their attempts.\n\n"
     "  callgate event replay app --all\n"
     "  callgate event replay app 0198f3c2-7d1e-7c4a-9a53-0b6f2f1d8e55\n",
     event_replay_options, 1, ARGS_MAX, REACH_RESOURCE, event_replay_run, NULL},
};
/* clang-format on */

const struct command *commands_table(size_t *out_n)
{
    *out_n = ARRAY_LEN(table);
    return table;
}
