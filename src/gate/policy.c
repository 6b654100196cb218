/* May this principal use the row? One table of principal kinds and needs; a cell left out denies.
 * Which credentials a row takes at all was decided before (identify.c). */
#include "gate/gate.h"

enum verdict {
    REFUSED = 0, /* 403 */
    STRANGER,    /* 401: a credential of another kind would do */
    ALLOWED,
    ALLOWED_HERE, /* on the socket or to a loopback peer, in development */
};

#define KINDS (PRINCIPAL_ADMINISTRATOR + 1)

/* clang-format off */
static const uint8_t table[KINDS][NEED_COUNT] = {
    [PRINCIPAL_NONE] = {
        [NEED_NOTHING] = ALLOWED, [NEED_ANY] = STRANGER, [NEED_IDENTITY] = STRANGER,
        [NEED_RESOURCE] = STRANGER, [NEED_ADMINISTRATOR] = STRANGER, [NEED_LOCAL_DEV] = STRANGER},
    [PRINCIPAL_ACCESS_KEY] = {
        [NEED_NOTHING] = ALLOWED, [NEED_ANY] = ALLOWED, [NEED_IDENTITY] = ALLOWED,
        [NEED_RESOURCE] = ALLOWED},
    [PRINCIPAL_BEARER] = {
        [NEED_NOTHING] = ALLOWED, [NEED_ANY] = ALLOWED},
    [PRINCIPAL_USER] = {
        [NEED_NOTHING] = ALLOWED, [NEED_ANY] = ALLOWED, [NEED_IDENTITY] = STRANGER,
        [NEED_RESOURCE] = STRANGER, [NEED_ADMINISTRATOR] = STRANGER, [NEED_LOCAL_DEV] = STRANGER},
    [PRINCIPAL_ADMINISTRATOR] = {
        [NEED_NOTHING] = ALLOWED, [NEED_ANY] = ALLOWED, [NEED_IDENTITY] = ALLOWED,
        [NEED_RESOURCE] = ALLOWED, [NEED_ADMINISTRATOR] = ALLOWED,
        [NEED_LOCAL_DEV] = ALLOWED_HERE},
};
/* clang-format on */

static const struct api_error *or_else(const struct api_error *own, const struct api_error *other)
{
    return own ? own : other;
}

static const struct api_error *local_development(struct request *req, bool development)
{
    if (!development) {
        req->explain = STR("policy; the route exists in development mode only");
        return &API_DEVELOPMENT_ONLY;
    }
    if (!req->peer.loopback || !req->client_addr.loopback) {
        req->explain = STR("policy; the route answers on the socket and to loopback peers only");
        return &API_LOCAL_ONLY;
    }
    return NULL;
}

const struct api_error *policy_allows(const struct principal *p, struct request *req,
                                      bool development)
{
    const struct route *row = req->route;
    const struct service *service = row->api->service;
    enum principal_kind kind = p ? p->kind : PRINCIPAL_NONE;

    if (kind == PRINCIPAL_NONE && row->accept & ACCEPT_HANDLER)
        return NULL; /* the handler checks, and decides */
    switch ((enum verdict)table[kind][row->need]) {
    case ALLOWED:
        return NULL;
    case ALLOWED_HERE:
        return local_development(req, development);
    case STRANGER:
        req->explain = STR("policy; the route takes another kind of credential");
        return or_else(service->unauthorized, &API_DENIED);
    case REFUSED:
        break;
    }
    req->explain = STR("policy; this principal may not use the route");
    return or_else(service->forbidden, &API_FORBIDDEN);
}
