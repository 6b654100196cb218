/* Sessions over polled requests: a GET waits until there is something for the client, a POST brings
 * what it has to say.
 *
 * Such a session lives on the loop that its id names. A request lands on any: it is parked there
 * and visits the session's loop by posting. Each visit goes out once and comes back once with the
 * answer, so that neither loop touches what is the other's. Source: wire/trouter §4; design D6. */
#include "services/chat/trouter_private.h"

#include "services/answer.h"
#include "services/chat/trouter_packet.h"

#include <stdlib.h>

#define LINGER_MS    ((int64_t)5000) /* time for the next poll to fetch the last words */
#define CLOSE_NORMAL ((uint16_t)1000)

struct poll_session;

/* A request on its way to its session. Between leaving and coming back it is the session's loop's;
 * `node`, `request` and `out` are its own loop's throughout. */
struct visit {
    struct list node;       /* in visits of its own loop */
    struct parked *request; /* NULL: its client has gone */
    unsigned out;           /* tasks that have not come back */
    struct trouter *from;   /* of its own loop */
    struct sessions *to;    /* of the session's */
    struct loop_task task, leave;
    struct trouter_sid sid;
    bool is_post;
    struct buf body;               /* POST: what it brings; then the answer */
    const struct api_error *error; /* the answer is a refusal */
    const char *why;
    struct poll_session *waits_at;
};

struct poll_session {
    struct trouter_session s; /* first */
    struct uuid id;           /* key in trouter.polls */
    struct visit *parked;
    struct buf queue; /* framed packets */
    size_t packets;   /* in it */
    size_t first;     /* octets before the first one's text */
};

static struct poll_session *of(struct trouter_session *s)
{
    return (struct poll_session *)(void *)s;
}

static struct str key_of(const struct uuid *id)
{
    return str_of(id->octets, sizeof id->octets);
}

/* ---- back on the request's loop ---- */

static void put_down(struct visit *v)
{
    if (--v->out)
        return;
    list_remove(&v->node);
    buf_clear(&v->body);
    free(v);
}

static void answer(struct visit *v)
{
    struct request *req = request_unpark(v->request);

    v->request = NULL;
    if (v->why)
        req->explain = str_from(v->why);
    if (v->error)
        reply_error(req, v->error);
    else
        reply_text(req, 200, STR("text/plain; charset=UTF-8"),
                   arena_dup(req->arena, buf_str(&v->body)));
}

static void come_back(void *ctx)
{
    struct visit *v = ctx;

    if (v->request)
        answer(v);
    put_down(v);
}

static void leave_seen(void *ctx)
{
    put_down(ctx);
}

/* ---- on the session's loop: answers ---- */

static void send_back(struct visit *v)
{
    v->waits_at = NULL;
    v->task.run = come_back;
    loop_post(v->from->site->loop, &v->task);
}

static void send_back_refused(struct visit *v, const struct api_error *error, const char *why)
{
    v->error = error;
    v->why = why;
    send_back(v);
}

/* Gives what has gathered to the poll that waits. */
static void flush(struct poll_session *p)
{
    struct visit *v = p->parked;

    p->parked = NULL;
    v->body = p->queue;
    if (p->packets == 1) /* bare */
        buf_consume(&v->body, p->first);
    buf_init(&p->queue, v->body.max);
    p->packets = 0;
    send_back(v);
}

/* ---- the transport ---- */

static enum rc queue_packet(struct trouter_session *s, const struct str *pieces, size_t n)
{
    struct poll_session *p = of(s);
    struct buf packet;
    size_t before = p->queue.len;
    enum rc rc;

    buf_init(&packet, p->queue.max);
    for (size_t i = 0; i < n; i++)
        buf_add(&packet, pieces[i]);
    packet_frame(&p->queue, buf_str(&packet));
    rc = packet.failed ? packet.failed : p->queue.failed;
    if (rc) {
        p->queue.len = before;
        p->queue.failed = RC_OK;
    } else if (p->packets++ == 0) {
        p->first = p->queue.len - packet.len;
    }
    buf_clear(&packet);
    if (!rc && p->parked)
        flush(p);
    return rc == RC_INTERNAL ? RC_TOO_LARGE : rc;
}

static void end(struct trouter_session *s, uint16_t code, struct str reason)
{
    struct poll_session *p = of(s);

    (void)code;
    (void)reason;
    if (p->parked)
        flush(p);
    trouter_session_leave_in(s, p->packets ? LINGER_MS : 0);
}

static void drop(struct trouter_session *s)
{
    struct poll_session *p = of(s);

    (void)map_remove(&s->home->polls, key_of(&p->id));
    trouter_session_clear(s);
    buf_clear(&p->queue);
    free(p);
}

static const struct trouter_transport transport = {queue_packet, end, drop};

/* ---- on the session's loop: arrivals ---- */

static struct poll_session *session_new(struct trouter *t, const struct trouter_sid *sid)
{
    struct poll_session *p = calloc(1, sizeof *p);

    if (!p)
        abort();
    p->id = sid->session;
    buf_init(&p->queue, sessions_options(t->sessions)->queue_max);
    (void)map_put(&t->polls, key_of(&p->id), p); /* there was none */
    trouter_session_open(&p->s, t, &transport, sid);
    return p;
}

static void take_poll(struct poll_session *p, struct visit *v)
{
    p->s.silent = 0;
    if (p->parked) /* the client has given that one up */
        flush(p);
    p->parked = v;
    v->waits_at = p;
    if (p->packets || p->s.over)
        flush(p);
}

static void take_post(struct poll_session *p, struct visit *v)
{
    struct str rest = buf_str(&v->body), packet;
    enum rc rc;

    while ((rc = packet_next(&rest, &packet)) == RC_OK && !p->s.over)
        trouter_session_take(&p->s, packet);
    if (rc == RC_INVALID)
        trouter_session_end(&p->s, CLOSE_NORMAL, STR("badly framed packets"));
    buf_clear(&v->body);
    if (rc == RC_INVALID) {
        send_back_refused(v, &API_BAD_REQUEST, "packets; they are badly framed");
        return;
    }
    buf_init(&v->body, 2);
    buf_add(&v->body, STR("1"));
    send_back(v);
}

static void arrive(void *ctx)
{
    struct visit *v = ctx;
    struct trouter *t = trouter_of(v->to);
    struct poll_session *p = map_get(&t->polls, key_of(&v->sid.session));
    const char *why = NULL;

    if (p ? p->s.over && (v->is_post || !p->packets) : v->is_post) {
        send_back_refused(v, &API_NOT_FOUND, "session id; it has no session, or one that is over");
        return;
    }
    if (!p) {
        why = trouter_may_open(t, &v->sid);
        if (!why && !trouter_use(t, &v->sid.session, v->sid.use_by))
            why = "session id; its session is over";
        if (why) {
            send_back_refused(v, &API_CHAT_UNAUTHORIZED, why);
            return;
        }
        p = session_new(t, &v->sid);
    }
    if (v->is_post)
        take_post(p, v);
    else
        take_poll(p, v);
}

/* The client of a request has gone. */
static void left(void *ctx)
{
    struct visit *v = ctx;

    if (v->waits_at) {
        v->waits_at->parked = NULL;
        send_back(v);
    }
    v->leave.run = leave_seen;
    loop_post(v->from->site->loop, &v->leave);
}

/* ---- requests ---- */

static void post_out(struct visit *v, struct loop_task *task, loop_fn run)
{
    *task = (struct loop_task){.run = run, .ctx = v};
    v->out++;
    loop_post(sessions_options(v->to)->site->loop, task);
}

static void on_gone(void *ctx)
{
    struct visit *v = ctx;

    reply_empty(request_unpark(v->request), 200); /* dropped: nobody reads it */
    v->request = NULL;
    post_out(v, &v->leave, left);
}

static void visit(struct request *req, bool is_post)
{
    struct trouter *t = trouter_of(req->site->sessions);
    struct trouter_sid sid;
    struct visit *v;

    if (!trouter_admit(req, &sid))
        return;
    v = calloc(1, sizeof *v);
    if (!v)
        abort();
    v->from = t;
    v->to = sessions_at(t->sessions, sid.loop);
    v->sid = sid;
    v->is_post = is_post;
    if (is_post) {
        buf_init(&v->body, req->body.len + 1);
        buf_add(&v->body, req->body);
    }
    list_add(&t->visits, &v->node);
    v->request = request_park(req, on_gone, v);
    post_out(v, &v->task, arrive);
}

/** GET /socket.io/1/xhr-polling/{sid}. */
void trouter_poll_get(struct request *req)
{
    if (req->method == HEAD) { /* would take packets and drop them */
        reply_header(req, STR("Allow"), STR("GET, POST"));
        reply_error(req, &API_METHOD_NOT_ALLOWED);
        return;
    }
    visit(req, false);
}

/** POST /socket.io/1/xhr-polling/{sid}. */
void trouter_poll_post(struct request *req)
{
    visit(req, true);
}

/* ---- the end ---- */

void trouter_polls_clear(struct trouter *t)
{
    struct str key;
    void *value;
    size_t at = 0;

    while (map_next(&t->polls, &at, &key, &value)) {
        struct poll_session *p = value;

        trouter_session_clear(&p->s);
        buf_clear(&p->queue);
        free(p);
    }
    while (!list_empty(&t->visits)) {
        struct visit *v = list_entry(t->visits.next, struct visit, node);

        list_remove(&v->node);
        buf_clear(&v->body);
        free(v);
    }
}
