/* Sessions over a WebSocket: each packet is one text message. The id in the path is the credential,
 * since a page can add no header. A session lives on the loop where its connection landed.
 *
 * The id opens no other session once the client has been heard here: when something on the way
 * breaks WebSockets, it goes on to poll with the same id. Source: wire/trouter §4. */
#include "services/chat/trouter_private.h"

#include "http/ws.h"

#include <stdlib.h>

#define RATE_MAX     2000 /* frames a second; packets are counted by the session */
#define CLOSE_POLICY ((uint16_t)1008)

struct ws_session {
    struct trouter_session s; /* first */
    struct ws *ws;
    struct uuid id; /* of the session id, and how long it would open another */
    unix_ms use_by;
    bool heard;
};

static struct ws_session *of(struct trouter_session *s)
{
    return (struct ws_session *)(void *)s;
}

static enum rc send_frame(struct trouter_session *s, const struct str *pieces, size_t n)
{
    return ws_send_pieces(of(s)->ws, pieces, n);
}

static void end(struct trouter_session *s, uint16_t code, struct str reason)
{
    ws_close(of(s)->ws, code, reason);
}

static const struct trouter_transport transport = {send_frame, end, NULL};

static void on_text(void *ctx, struct str message)
{
    struct ws_session *w = ctx;

    if (!w->heard && !w->s.over) {
        w->heard = true;
        if (!trouter_use(w->s.home, &w->id, w->use_by))
            trouter_session_end(&w->s, CLOSE_POLICY, STR("the session id was used"));
    }
    trouter_session_take(&w->s, message);
}

static void on_closed(void *ctx, uint16_t code, struct str reason)
{
    struct ws_session *w = ctx;

    (void)code;
    (void)reason;
    trouter_session_clear(&w->s);
    free(w);
}

static const struct ws_handler handler = {.text = on_text, .closed = on_closed};

/** GET /socket.io/1/websocket/{sid}. */
void trouter_websocket(struct request *req)
{
    struct trouter *t = trouter_of(req->site->sessions);
    struct ws_options options = {.message_max = TROUTER_MESSAGE_MAX,
                                 .queue_max = sessions_options(t->sessions)->queue_max,
                                 .rate_max = RATE_MAX};
    struct trouter_sid sid;
    struct ws_session *w;
    const char *why;

    if (!trouter_admit(req, &sid))
        return;
    why = trouter_may_open(t, &sid);
    if (why) {
        req->explain = str_from(why);
        reply_error(req, &API_CHAT_UNAUTHORIZED);
        return;
    }
    if (!ws_asked(req)) {
        ws_refuse(req);
        return;
    }
    w = calloc(1, sizeof *w);
    if (!w)
        abort();
    w->id = sid.session;
    w->use_by = sid.use_by;
    w->ws = ws_accept(req, &options, &handler, w);
    trouter_session_open(&w->s, t, &transport, &sid);
}
