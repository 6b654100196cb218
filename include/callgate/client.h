/* A client of one resource: where it is, who calls, and how requests travel. C99.
 *
 * Every call to a service may end, besides what its own list names, with CG_INVALID (an argument is
 * NULL that may not be, or all of them are too much for one request), CG_FORBIDDEN (the caller's
 * role does not reach so far), CG_BUSY, CG_REFUSED, CG_SERVER_FAILED, CG_NETWORK, CG_PROTOCOL,
 * CG_LOCAL or CG_NOMEM. Only what is said to may be NULL. */
#ifndef CALLGATE_CLIENT_H
#define CALLGATE_CLIENT_H

#include "callgate/transport.h"

CG_BEGIN

/** Room for a token that a callback writes, its NUL included. */
#define CG_TOKEN_MAX 16385

/** Writes a bearer token, NUL-terminated, of at most `cap` octets with its NUL. Called before each
 * attempt, on the calling thread, never under a lock of ours. */
typedef enum cg_status (*cg_get_token)(char *out, size_t cap, void *user);

/** Where and as whom. Give either a connection string, or an endpoint (or Unix socket) with at
 * most one credential. All zeros elsewhere means the defaults. Everything is copied. */
struct cg_client_options {
    const char *connection_string; /* "endpoint=https://…/;accesskey=…" */
    const char *endpoint;          /* "https://name.example[:port]", a slash at the end is fine */
    const char *access_key;        /* base64 */
    const char *bearer_token;      /* a fixed token */
    cg_get_token get_token;        /* or one that is asked for before each attempt */
    void *get_token_user;
    const char *unix_socket;              /* connect there; no endpoint needed */
    const char *ca_file;                  /* PEM; NULL: the system's roots */
    const char *user_agent;               /* NULL: "libcallgate/<version>" */
    const struct cg_transport *transport; /* NULL: libcurl; the table itself is borrowed */
    unsigned timeout_ms;                  /* 0: 30,000; each attempt */
    unsigned connect_timeout_ms;          /* 0: 10,000 */
    unsigned attempts_max;                /* 0: 3; 1: nothing is repeated */
    unsigned retry_delay_ms;              /* 0: 200; doubles with each attempt, up to 10,000 */
};

/* What is repeated: every call after 429 and 503, and when no connection came about; those that
 * change nothing the second time also after a failure of the network, 408, 500, 502 and 504. A
 * Retry-After in seconds is waited for, up to 30 of them. A call comes back within attempts_max
 * time-outs and the pauses between; what shall end it earlier is a matter of the transport. */

struct cg_client;

/**
 * Makes a client. Sends nothing yet.
 *
 * A connection string is read as the Azure SDKs do: endpoint first, then accesskey, names without
 * regard to case, a slash at the endpoint's end and a semicolon at the end of all are fine, other
 * members are ignored. Bearer tokens are refused on plain HTTP unless the host is a loopback one.
 *
 * @param options borrowed for the call; its texts are copied.
 * @param out     written on success only; owned by the caller: cg_client_free().
 * @param err     NULL, or filled on failure. No text of a credential gets there.
 * @return CG_OK; CG_INVALID; CG_NOMEM; CG_LOCAL (the transport could not be opened).
 * Thread rule: any thread; afterwards a client is used by one thread at a time.
 * @source wire/authentication §1.4
 */
CG_API enum cg_status cg_client_new(const struct cg_client_options *options, struct cg_client **out,
                                    struct cg_error *err) CG_NODISCARD;

/**
 * Frees a client and wipes its credential.
 *
 * @param client moved; NULL is fine.
 * Thread rule: no call on this client may be under way.
 * @source own
 */
CG_API void cg_client_free(struct cg_client *client);

/**
 * The endpoint that a client speaks to, without a slash at the end.
 *
 * @param client borrowed.
 * @return NUL-terminated, borrowed from the client.
 * Thread rule: as the client.
 * @source own
 */
CG_API const char *cg_client_endpoint(const struct cg_client *client);

CG_END

#endif
