/* The client's inside, shared by client.c and exchange.c alone. */
#ifndef CLIENT_CLIENT_PRIVATE_H
#define CLIENT_CLIENT_PRIVATE_H

#include "callgate/client.h"
#include "client/endpoint.h"
#include "client/key_signer.h"

struct cg_client {
    struct endpoint endpoint;
    struct key_signer signer; /* key NULL: not by access key */
    char *bearer_token;
    cg_get_token get_token;
    void *get_token_user;
    char *unix_socket, *ca_file, *user_agent;
    const struct cg_transport *transport;
    void *transport_state;
    unsigned timeout_ms, connect_timeout_ms, attempts_max, retry_delay_ms;
    int http_status; /* of the last call, as is */
    char request_id[sizeof((struct cg_error *)0)->request_id];
};

#endif
