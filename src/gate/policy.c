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
    BY_SCOPE,       /* when the user's token has one of the scopes */
};

#define KINDS (PRINCIPAL_ADMINISTRATOR + 1)

/* clang-format off */
static const uint8_t table[KINDS][NEED_COUNT] = {
    [PRINCIPAL_NONE] = {
        [NEED_NOTHING] = ALLOWED, [NEED_ANY] = STRANGER, [NEED_IDENTITY] = STRANGER,
        [NEED_SMS] = STRANGER, [NEED_RESOURCE] = STRANGER, [NEED_ADMINISTRATOR] = STRANGER, [NEED_LOCAL_DEV] = STRANGER,
        [NEED_LOCAL] = STRANGER, [NEED_ARM] = STRANGER,
        [NEED_CHAT] = STRANGER, [NEED_CHAT_JOIN] = STRANGER, [NEED_CHAT_FULL] = STRANGER},
    [PRINCIPAL_ACCESS_KEY] = {
        [NEED_NOTHING] = ALLOWED, [NEED_ANY] = ALLOWED, [NEED_IDENTITY] = ALLOWED,
        [NEED_SMS] = ALLOWED, [NEED_RESOURCE] = ALLOWED,
        [NEED_CHAT] = STRANGER, [NEED_CHAT_JOIN] = STRANGER, [NEED_CHAT_FULL] = STRANGER},
    [PRINCIPAL_BEARER] = {
        [NEED_NOTHING] = ALLOWED, [NEED_ANY] = ALLOWED, [NEED_IDENTITY] = BY_ROLE,
        [NEED_SMS] = BY_ROLE, [NEED_ARM] = BY_ROLE,
        [NEED_CHAT] = STRANGER, [NEED_CHAT_JOIN] = STRANGER, [NEED_CHAT_FULL] = STRANGER},
    [PRINCIPAL_USER] = {
        [NEED_NOTHING] = ALLOWED, [NEED_ANY] = ALLOWED, [NEED_IDENTITY] = STRANGER,
        [NEED_SMS] = STRANGER, [NEED_RESOURCE] = STRANGER, [NEED_ADMINISTRATOR] = STRANGER, [NEED_LOCAL_DEV] = STRANGER,
        [NEED_LOCAL] = STRANGER, [NEED_ARM] = STRANGER,
        [NEED_CHAT] = BY_SCOPE, [NEED_CHAT_JOIN] = BY_SCOPE, [NEED_CHAT_FULL] = BY_SCOPE},
    [PRINCIPAL_ADMINISTRATOR] = {
        [NEED_NOTHING] = ALLOWED, [NEED_ANY] = ALLOWED, [NEED_IDENTITY] = ALLOWED,
        [NEED_SMS] = ALLOWED, [NEED_RESOURCE] = ALLOWED, [NEED_ADMINISTRATOR] = ALLOWED,
        [NEED_LOCAL_DEV] = ALLOWED_DEV, [NEED_LOCAL] = ALLOWED_NEARBY,
        [NEED_CHAT] = STRANGER, [NEED_CHAT_JOIN] = STRANGER, [NEED_CHAT_FULL] = STRANGER},
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
    struct str scope;

    if (action != ACTION_NONE && p->actions & ACTION_BIT(action))
        return true;
    uuid_format(&p->object_id, id);
    scope = p->resource ? p->resource->scope : arm_scope(req);
    req->explain = arena_printf(
        req->arena,
        "policy; principal %.*s has %s the action " STR_FMT " in the scope " STR_FMT
        ": callgate role assign %.*s ROLE %s " STR_FMT " gives it a role",
        (int)sizeof id, id, p->actions ? "roles, but none with" : "no role, and so not",
        STR_ARG(action_name(action)), STR_ARG(scope), (int)sizeof id, id,
        p->resource ? "--resource" : "--scope", STR_ARG(p->resource ? p->resource->name : scope));
    return false;
}

/* Scopes that open a row of the chat service, one of them is enough. Source: wire/chat §1.5. */
static unsigned scopes_of(enum need need)
{
    switch (need) {
    case NEED_CHAT:
        return SCOPE_CHAT | SCOPE_CHAT_JOIN | SCOPE_CHAT_JOIN_LIMITED;
    case NEED_CHAT_JOIN:
        return SCOPE_CHAT | SCOPE_CHAT_JOIN;
    case NEED_CHAT_FULL:
        return SCOPE_CHAT;
    default:
        return 0;
    }
}

static bool has_scope(const struct principal *p, struct request *req)
{
    unsigned wanted = scopes_of(req->route->need);
    struct str names = STR_EMPTY;

    if (p->scopes & wanted)
        return true;
    for (unsigned bit = 1; bit < 1U << SCOPE_COUNT; bit <<= 1)
        if (wanted & bit)
            names = arena_printf(req->arena, STR_FMT "%s" STR_FMT, STR_ARG(names),
                                 names.len ? " or " : "", STR_ARG(scope_name(bit)));
    req->explain = arena_printf(req->arena,
                                "policy; the token is good, but has not the scope " STR_FMT
                                ": issue one that has it",
                                STR_ARG(names));
    return false;
}

const struct api_error *policy_allows(const struct principal *p, struct request *req,
                                      const struct gate_options *options)
{
    const struct route *row = req->route;
    const struct service *service = row->api->service;
    enum principal_kind kind = p ? p->kind : PRINCIPAL_NONE;

    if (kind == PRINCIPAL_NONE && row->accept & (ACCEPT_HANDLER | ACCEPT_FRAME | ACCEPT_QUERY))
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
    case BY_SCOPE:
        return p && has_scope(p, req) ? NULL : or_else(service->forbidden, &API_FORBIDDEN);
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
