/* GET /realtime: what happens in a user's threads, over a WebSocket, for clients in any language.
 *
 * A connection lives from ws_accept() until `closed`: whoever wants to end it closes, and the rest
 * follows. Its session is open from hello on. Source: wire/realtime. */
#include "services/chat/realtime.h"

#include "services/chat/chat.h"

#define MESSAGE_MAX (16 * KIB)
#define PING_MS     30000
#define RATE_MAX    20
#define HELLO_MS    10000
#define REASON_MAX  ((size_t)123) /* RFC 6455 §5.5 */
#define GOING_AWAY  1001
#define TRY_LATER   1013
#define NO_HELLO    4408
#define COULD_NOT   4409

static void accept_realtime(struct request *req);

static const struct service realtime_service = {
    .name = STR_INIT("realtime"),
    .unauthorized = &API_CHAT_UNAUTHORIZED,
    .forbidden = &API_CHAT_FORBIDDEN,
    .challenge = STR_INIT("Bearer"),
};
static const struct api ANY = {&realtime_service, 0, 0};

/* clang-format off */
const struct route realtime_routes[] = {
    {GET, "/realtime", &ANY, ACCEPT_USER | ACCEPT_FRAME, NEED_CHAT, KIB, accept_realtime, PLANE_WIRE, KIND_UPGRADE},
    {0},
};
/* clang-format on */

/* ---- sending ---- */

void realtime_close(struct realtime *c, uint16_t code, struct str reason)
{
    if (c->state == REALTIME_OVER)
        return;
    c->state = REALTIME_OVER;
    loop_timer_close(&c->hello);
    sessions_close(&c->session);
    if (c->ws)
        ws_close(c->ws, code, str_head(reason, REASON_MAX));
}

void realtime_close_slow(struct realtime *c)
{
    char cursor[24];
    int len = snprintf(cursor, sizeof cursor, "%lld", (long long)c->cursor);

    sessions_count_slow(c->site->sessions);
    realtime_close(c, TRY_LATER, str_of(cursor, (size_t)len));
}

bool realtime_send_text(struct realtime *c, struct str text)
{
    enum rc rc = c->ws ? ws_send(c->ws, text) : RC_NOT_FOUND;

    if (rc == RC_TOO_LARGE)
        realtime_close_slow(c);
    return rc == RC_OK;
}

bool realtime_send(struct realtime *c, const struct buf *frame)
{
    return !frame->failed && realtime_send_text(c, buf_str(frame));
}

/* ---- what its session hears ---- */

static struct realtime *of_session(struct session *s)
{
    return (struct realtime *)s; /* its first member */
}

static void on_session_ready(struct session *s, int64_t order)
{
    struct realtime *c = of_session(s);

    if (c->resumes) {
        realtime_catch_up(c, order);
        return;
    }
    c->cursor = order;
    realtime_ready(c);
}

static void on_deliver(struct session *s, const struct chat_notice *n)
{
    struct realtime *c = of_session(s);

    if (!realtime_concerns(c, n))
        return;
    if (c->state == REALTIME_CATCHING_UP) {
        realtime_keep(c, n);
        return;
    }
    struct str text = sessions_text(s->home, n, SESSION_FORM_REALTIME, realtime_render);
    if (text.len && realtime_send_text(c, text) && n->base.order)
        c->cursor = n->base.order;
}

static void on_session_ended(struct session *s, enum hub_end why)
{
    static const struct {
        uint16_t code;
        struct str reason;
    } ends[] = {
        [HUB_DENIED] = {REALTIME_UNAUTHORIZED, STR_INIT("the token is not valid any more")},
        [HUB_EXPIRED] = {REALTIME_UNAUTHORIZED, STR_INIT("the token has expired")},
        [HUB_OVERFLOW] = {COULD_NOT, STR_INIT("too much happened at once, or too many threads")},
        [HUB_FAILED] = {COULD_NOT, STR_INIT("the store can't be read")},
        [HUB_DRAIN] = {GOING_AWAY, STR_INIT("the server is stopping")},
        [HUB_SUPERSEDED] = {COULD_NOT, STR_INIT("another connection has taken its place")},
    };

    realtime_close(of_session(s), ends[why].code, ends[why].reason);
}

static const struct session_ops session_ops = {SESSION_REALTIME, on_session_ready, on_deliver,
                                               on_session_ended};

/* ---- what its socket hears ---- */

static void on_text(void *ctx, struct str message)
{
    realtime_text(ctx, message);
}

static void on_drained(void *ctx)
{
    struct realtime *c = ctx;

    if (c->state == REALTIME_CATCHING_UP)
        realtime_go_on(c);
}

static void on_closed(void *ctx, uint16_t code, struct str reason)
{
    struct realtime *c = ctx;

    (void)code;
    (void)reason;
    c->ws = NULL;
    c->state = REALTIME_OVER;
    loop_timer_close(&c->hello);
    sessions_close(&c->session);
    realtime_abandon(c);
    free(c->principal);
    free(c);
}

static const struct ws_handler ws_handler = {on_text, on_drained, on_closed};

static void on_no_hello(void *ctx)
{
    realtime_close(ctx, NO_HELLO, STR("no hello came in time"));
}

/* ---- the request ---- */

/* What the pipeline does not refuse when the token is to come later. */
static const char *refused(const struct request *req)
{
    if (req->principal)
        return NULL;
    if (!req->secure && !req->peer.loopback)
        return "bearer; bearer tokens are refused on plain HTTP: use wss";
    return req->resource ? NULL : "user token; no resource has this host name";
}

static struct realtime *make(struct request *req)
{
    struct realtime *c = calloc(1, sizeof *c);

    if (!c)
        abort();
    c->session.ops = &session_ops;
    c->site = req->site;
    c->resource = req->resource->id;
    c->explains = req->explains;
    if (!req->principal)
        return c;
    c->principal = malloc(sizeof *c->principal);
    if (!c->principal)
        abort();
    *c->principal = *req->principal;
    c->principal->resource = NULL; /* goes with its snapshot */
    return c;
}

static void accept_realtime(struct request *req)
{
    const struct ws_options options = {
        .message_max = MESSAGE_MAX,
        .queue_max = sessions_options(req->site->sessions)->queue_max,
        .ping_ms = PING_MS,
        .rate_max = RATE_MAX,
    };
    const char *why = refused(req);

    if (request_query(req, "token").ptr || request_query(req, "access_token").ptr) {
        answer_error(req, &API_TOKEN_IN_ADDRESS);
    } else if (why) {
        req->explain = str_from(why);
        answer_error(req, &API_CHAT_UNAUTHORIZED);
    } else if (!ws_asked(req)) {
        ws_refuse(req);
    } else if (sessions_draining(req->site->sessions)) {
        answer_error(req, &API_CHAT_UNAVAILABLE);
    } else {
        struct realtime *c = make(req);

        loop_timer_start(req->loop, &c->hello, HELLO_MS, 0, on_no_hello, c);
        c->ws = ws_accept(req, &options, &ws_handler, c);
    }
}
