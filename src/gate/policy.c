/* May this principal use the row? One table of principal kinds and needs; a cell left out denies.
 * Which credentials a row takes at all was decided before (identify.c). */
#include "gate/gate.h"

enum verdict {
    REFUSED = 0, /* 403 */
    STRANGER,    /* 401: a credential of another kind would do */
    ALLOWED,
    ALLOWED_DEV,    /* on the socket or to a loopback peer, in development */
    ALLOWED_NEARBY, /* on the socket or to a loopback peer */
    BY_ROLE,        /* when the principal's roles have the row's action */
};

#define KINDS (PRINCIPAL_ADMINISTRATOR + 1)

/* clang-format off */
static const uint8_t table[KINDS][NEED_COUNT] = {
    [PRINCIPAL_NONE] = {
        [NEED_NOTHING] = ALLOWED, [NEED_ANY] = STRANGER, [NEED_IDENTITY] = STRANGER,
        [NEED_SMS] = STRANGER, [NEED_RESOURCE] = STRANGER, [NEED_ADMINISTRATOR] = STRANGER, [NEED_LOCAL_DEV] = STRANGER,
        [NEED_LOCAL] = STRANGER, [NEED_ARM] = STRANGER},
    [PRINCIPAL_ACCESS_KEY] = {
        [NEED_NOTHING] = ALLOWED, [NEED_ANY] = ALLOWED, [NEED_IDENTITY] = ALLOWED,
        [NEED_SMS] = ALLOWED, [NEED_RESOURCE] = ALLOWED},
    [PRINCIPAL_BEARER] = {
        [NEED_NOTHING] = ALLOWED, [NEED_ANY] = ALLOWED, [NEED_IDENTITY] = BY_ROLE,
        [NEED_SMS] = BY_ROLE, [NEED_ARM] = BY_ROLE},
    [PRINCIPAL_USER] = {
        [NEED_NOTHING] = ALLOWED, [NEED_ANY] = ALLOWED, [NEED_IDENTITY] = STRANGER,
        [NEED_SMS] = STRANGER, [NEED_RESOURCE] = STRANGER, [NEED_ADMINISTRATOR] = STRANGER, [NEED_LOCAL_DEV] = STRANGER,
        [NEED_LOCAL] = STRANGER, [NEED_ARM] = STRANGER},
    [PRINCIPAL_ADMINISTRATOR] = {
        [NEED_NOTHING] = ALLOWED, [NEED_ANY] = ALLOWED, [NEED_IDENTITY] = ALLOWED,
        [NEED_SMS] = ALLOWED, [NEED_RESOURCE] = ALLOWED, [NEED_ADMINISTRATOR] = ALLOWED,
        [NEED_LOCAL_DEV] = ALLOWED_DEV, [NEED_LOCAL] = ALLOWED_NEARBY},
};
/* clang-format on */

static const struct api_error *or_else(const struct api_error *own, const struct api_error *other)
{
    return own ? own : other;
}

static const struct api_error *nearby(struct request *req)
{
    if (!req->peer.loopback || !req->client_addr.loopback) {
        req->explain = STR("policy; the route answers on the socket and to loopback peers only");
        return &API_LOCAL_ONLY;
    }
    return NULL;
}

static const struct api_error *local_development(struct request *req, bool development)
{
    if (!development) {
        req->explain = STR("policy; the route exists in development mode only");
        return &API_DEVELOPMENT_ONLY;
    }
    return nearby(req);
}

/* Which action is missing is no secret: whoever asks has proved who he is. */
static bool has_role(const struct principal *p, struct request *req, enum action action)
{
    char id[UUID_TEXT_LEN];

    if (action != ACTION_NONE && p->actions & ACTION_BIT(action))
        return true;
    uuid_format(&p->object_id, id);
    req->explain = arena_printf(
        req->arena,
        "policy; principal %.*s has %s the action " STR_FMT " in the scope " STR_FMT
        ": callgate role assign %.*s ROLE gives it a role",
        (int)sizeof id, id, p->actions ? "roles, but none with" : "no role, and so not",
        STR_ARG(action_name(action)), STR_ARG(p->resource ? p->resource->scope : arm_scope(req)),
        (int)sizeof id, id);
    return false;
}

const struct api_error *policy_allows(const struct principal *p, struct request *req,
                                      const struct gate_options *options)
{
    const struct route *row = req->route;
    const struct service *service = row->api->service;
    enum principal_kind kind = p ? p->kind : PRINCIPAL_NONE;

    if (kind == PRINCIPAL_NONE && row->accept & ACCEPT_HANDLER)
        return NULL; /* the handler checks, and decides */
    switch ((enum verdict)table[kind][row->need]) {
    case ALLOWED:
        return NULL;
    case ALLOWED_DEV:
        return local_development(req, options->development);
    case ALLOWED_NEARBY:
        return nearby(req);
    case BY_ROLE:
        if (p && has_role(p, req, row->action))
            return NULL;
        if (options->no_role_denied && (!p || !p->actions))
            return or_else(service->unauthorized, &API_DENIED);
        return or_else(service->forbidden, &API_FORBIDDEN);
    case STRANGER:
        req->explain = STR("policy; the route takes another kind of credential");
        return or_else(service->unauthorized, &API_DENIED);
    case REFUSED:
        break;
    }
    req->explain = STR("policy; this principal may not use the route");
    return or_else(service->forbidden, &API_FORBIDDEN);
}

const struct api_error *policy_also(struct request *req, enum action action)
{
    const struct principal *p = req->principal;

    if (!p || p->kind != PRINCIPAL_BEARER || has_role(p, req, action))
        return NULL;
    return or_else(req->route->api->service->forbidden, &API_FORBIDDEN);
}
