/* Makes and frees a client: checks what it consumes itself, copies it, opens the transport.
 * Requests are exchange.c's business. */
#include "client/client_private.h"

#include "client/failure.h"
#include "client/transport_default.h"

#define VERSION_TEXT       "libcallgate/" CALLGATE_VERSION
#define TIMEOUT_MS         30000u
#define CONNECT_TIMEOUT_MS 10000u
#define ATTEMPTS_MAX       3u
#define RETRY_DELAY_MS     200u

static enum cg_status no_memory(struct cg_error *err)
{
    return failure(err, CG_NOMEM, STR("out of memory"));
}

static bool copy_text(const char *text, char **out)
{
    if (text)
        *out = strdup(text);
    return !text || *out;
}

static bool has_controls(const char *text)
{
    for (; text && *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

static enum cg_status set_endpoint(struct cg_client *c, struct str text, struct cg_error *err)
{
    const char *why = NULL;

    if (endpoint_parse(text, &c->endpoint, &why))
        return failure(err, CG_INVALID, str_from(why));
    return CG_OK;
}

static enum cg_status take_connection_string(struct cg_client *c, const char *text,
                                             struct cg_error *err)
{
    struct str endpoint = STR_EMPTY, key = STR_EMPTY;
    const char *why = NULL;
    enum cg_status status = CG_OK;

    if (connection_string_split(str_from(text), &endpoint, &key, &why))
        return failure(err, CG_INVALID, str_from(why));
    status = set_endpoint(c, endpoint, err);
    return status ? status : key_signer_init(&c->signer, key, err);
}

static enum cg_status take_place(struct cg_client *c, const struct cg_client_options *o,
                                 struct cg_error *err)
{
    int credentials = (o->access_key != NULL) + (o->bearer_token != NULL) + (o->get_token != NULL);

    if (o->connection_string) {
        if (o->endpoint || credentials > 0)
            return failure(err, CG_INVALID,
                           STR("give a connection string, or an endpoint and a credential"));
        return take_connection_string(c, o->connection_string, err);
    }
    if (credentials > 1)
        return failure(err, CG_INVALID, STR("give one credential"));
    if (!o->endpoint && !o->unix_socket)
        return failure(err, CG_INVALID, STR("give a connection string or an endpoint"));
    return set_endpoint(c, o->endpoint ? str_from(o->endpoint) : STR("http://localhost"), err);
}

static enum cg_status take_credential(struct cg_client *c, const struct cg_client_options *o,
                                      struct cg_error *err)
{
    bool bearer = o->bearer_token || o->get_token;

    if (o->access_key)
        return key_signer_init(&c->signer, str_trim(str_from(o->access_key)), err);
    if (bearer && !c->endpoint.tls && !c->endpoint.loopback && !o->unix_socket)
        return failure(err, CG_INVALID,
                       STR("a bearer token is not sent over plain HTTP to another machine"));
    if (o->bearer_token &&
        (!text_is_plain(o->bearer_token) || strlen(o->bearer_token) >= CG_TOKEN_MAX))
        return failure(err, CG_INVALID, STR("the bearer token is empty, too long or not a token"));
    c->get_token = o->get_token;
    c->get_token_user = o->get_token_user;
    return copy_text(o->bearer_token, &c->bearer_token) ? CG_OK : no_memory(err);
}

static enum cg_status take_rest(struct cg_client *c, const struct cg_client_options *o,
                                struct cg_error *err)
{
    const char *agent = o->user_agent ? o->user_agent : VERSION_TEXT;

    if (has_controls(agent))
        return failure(err, CG_INVALID, STR("the user agent has control characters"));
    c->timeout_ms = o->timeout_ms ? o->timeout_ms : TIMEOUT_MS;
    c->connect_timeout_ms = o->connect_timeout_ms ? o->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    c->attempts_max = o->attempts_max ? o->attempts_max : ATTEMPTS_MAX;
    c->retry_delay_ms = o->retry_delay_ms ? o->retry_delay_ms : RETRY_DELAY_MS;
    if (!copy_text(o->unix_socket, &c->unix_socket) || !copy_text(o->ca_file, &c->ca_file) ||
        !copy_text(agent, &c->user_agent))
        return no_memory(err);
    return CG_OK;
}

static enum cg_status open_transport(struct cg_client *c, const struct cg_transport *chosen,
                                     struct cg_error *err)
{
    char why[512] = "";
    enum cg_status status = CG_OK;

    c->transport = chosen ? chosen : transport_default(why, sizeof why);
    if (!c->transport)
        return failure(err, CG_LOCAL, str_from(why));
    if (c->transport->size < sizeof *c->transport || !c->transport->open || !c->transport->send ||
        !c->transport->close)
        return failure(err, CG_INVALID,
                       STR("the transport's table is of another version, or lacks a function"));
    status = c->transport->open(&c->transport_state, c->transport->user);
    return status ? failure(err, status, STR("the transport could not be opened")) : CG_OK;
}

enum cg_status cg_client_new(const struct cg_client_options *options, struct cg_client **out,
                             struct cg_error *err)
{
    struct cg_client *c = NULL;
    enum cg_status status = CG_INVALID;

    if (!options || !out)
        return failure_missing(err);
    c = calloc(1, sizeof *c);
    if (!c)
        return no_memory(err);
    status = take_place(c, options, err);
    if (status)
        goto out;
    status = take_credential(c, options, err);
    if (status)
        goto out;
    status = take_rest(c, options, err);
    if (status)
        goto out;
    status = open_transport(c, options->transport, err);
    if (status)
        goto out;
    *out = c;
    c = NULL;
out:
    cg_client_free(c);
    return status;
}

void cg_client_free(struct cg_client *client)
{
    if (!client)
        return;
    if (client->transport_state)
        client->transport->close(client->transport_state);
    key_signer_clear(&client->signer);
    if (client->bearer_token)
        explicit_bzero(client->bearer_token, strlen(client->bearer_token));
    free(client->bearer_token);
    free(client->unix_socket);
    free(client->ca_file);
    free(client->user_agent);
    free(client);
}

const char *cg_client_endpoint(const struct cg_client *client)
{
    return client->endpoint.text;
}
