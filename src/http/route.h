/* The route table: rows say everything the pipeline needs. See house style: the table is the
 * contract made code. */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include "http/action.h"
#include "http/header.h"
#include "http/url.h"
#include "http/version.h"

struct request;

enum http_method {
    METHOD_UNSET = 0,
    GET,
    HEAD,
    POST,
    PUT,
    PATCH,
    DELETE,
    OPTIONS,
    METHOD_OTHER, /* a token we don't serve: 405 */
    METHOD_COUNT
};

enum plane { PLANE_UNSET = 0, PLANE_WIRE, PLANE_ADMIN, PLANE_IDENTITY };
enum route_kind { KIND_UNSET = 0, KIND_REPLY, KIND_STREAM, KIND_POLL, KIND_UPGRADE };

/** What a body must be (415 otherwise). MEDIA_FORM: application/x-www-form-urlencoded, with or
 * without parameters. */
enum media { MEDIA_JSON = 0, MEDIA_FORM, MEDIA_ANY };

/* Which credentials a row takes; bits. */
#define ACCEPT_NOBODY 0x01u /* no credential is looked at */
#define ACCEPT_KEY    0x02u
#define ACCEPT_ENTRA  0x04u
#define ACCEPT_USER   0x08u
#define ACCEPT_ADMIN  0x10u
/* the handler checks the bearer credential itself (token exchange) */
#define ACCEPT_HANDLER 0x20u
/* with ACCEPT_KEY: the signature may leave the query out when x-ms-host is there (recordings) */
#define ACCEPT_KEY_NO_QUERY 0x40u
/* a bearer token whose audience is the management API; with NEED_ARM and an action, or NEED_ANY */
#define ACCEPT_ARM 0x80u
/* the identity endpoint's own header, or Metadata: the handler checks */
#define ACCEPT_ENDPOINT 0x100u
/* a secret in the path, which the handler checks: under whatever host it is reached. Behind its
 * first segment such a path is not logged. With NEED_NOTHING, and alone */
#define ACCEPT_PATH 0x200u
/* with ACCEPT_USER, and at most ACCEPT_QUERY: the user's token stands bare in X-Skypetoken, not in
 * Authorization */
#define ACCEPT_SKYPETOKEN 0x400u
/* with ACCEPT_USER, and with nothing else: without an Authorization header the request comes in
 * without a principal, and the handler checks the token that the connection's first frame brings */
#define ACCEPT_FRAME 0x800u
/* with ACCEPT_SKYPETOKEN: without that header the request comes in without a principal, and the
 * handler checks the sealed parameters of its query */
#define ACCEPT_QUERY 0x1000u

/** What a principal must be allowed: decided by gate/policy.c. */
enum need {
    NEED_UNSET = 0,
    NEED_NOTHING,       /* public */
    NEED_ANY,           /* any valid credential */
    NEED_IDENTITY,      /* the identity service of the resource */
    NEED_SMS,           /* the SMS service of the resource */
    NEED_RESOURCE,      /* administration of the caller's own resource */
    NEED_ADMINISTRATOR, /* the whole server */
    NEED_LOCAL_DEV,     /* administrator on socket or loopback, development mode only */
    NEED_LOCAL,         /* administrator on the socket or from a loopback peer, in any mode */
    NEED_CHAT,          /* a user token with any scope of chat */
    NEED_CHAT_JOIN,     /* one with chat or chat.join: who may bring people in and out */
    NEED_CHAT_FULL,     /* one with chat: who may make, change and delete threads */
    NEED_ARM,           /* a management token whose principal has the row's action in its scope */
    NEED_COUNT
};

struct route {
    enum http_method method;
    const char *path; /* "/identities/{id}/:issueAccessToken" */
    const struct api *api;
    unsigned accept;
    enum need need;
    size_t body_max; /* octets; 0 only for methods without a body */
    void (*run)(struct request *req);
    enum plane plane;
    enum route_kind kind;
    enum action action; /* what the caller's roles must allow; ACTION_NONE: no role is asked for */
    enum media media;   /* of the body */
};

#define ROUTE_PARAMS_MAX 4
struct route_match {
    const struct route *route; /* NULL: no such path, or not with this method. A HEAD request gets
                                  the row of GET when there is none of HEAD */
    const struct route *any;   /* `route`, else a row of the same path and method in another
                                  version, else one of the path with another method, else NULL:
                                  tells 404, 405 and version errors apart */
    struct str params[ROUTE_PARAMS_MAX]; /* values of {…} in order: slices of the url's segments */
    unsigned methods;                    /* bits 1 << method that the path has in some version;
                                            HEAD wherever there is GET */
    size_t index;                        /* number of `route` in the order of router_each() */
    uint8_t version;                     /* number of the api-version; 0: none or unknown */
};

/** An index over static tables. Immutable after _new; shared by all threads. */
struct router;
/** Checks and indexes `n` tables (each ended by {0}). On a bad row (unset policy, plane or kind,
 * unknown version, duplicate, body limit 0 where a body may come, bad path) returns NULL and writes
 * one sentence to `why`. */
struct router *router_new(const struct route *const *tables, size_t n, struct buf *why);
void router_free(struct router *r);
/** Finds the row: literal segments before parameters, segment by segment, and of literals those
 * that match by the letter before those of services without regard to case; a parameter never takes
 * an empty segment and keeps its spelling; behind a literal of services without regard to case,
 * empty segments are passed over. `version_text` is the api-version parameter, ptr NULL
 * when absent. */
void route_find(const struct router *r, enum http_method method, const struct url *url,
                struct str version_text, struct route_match *out);
/** Calls `each` for every row in table order. */
void router_each(const struct router *r, void (*each)(void *ctx, const struct route *row),
                 void *ctx);

struct str method_name(enum http_method method);
/** METHOD_OTHER for tokens we don't serve. Case-sensitive (RFC 9110 §9.1). */
enum http_method method_from_name(struct str name);

#endif
