/* A session of the realtime channel, over whatever transport: what is said to the client and what
 * its packets mean.
 *
 * A client may be hostile. What it may send is counted: so much a second, and what pushes give it
 * to answer. What waits for it is bounded by the transport, what it leaves unanswered by a number.
 * Source: wire/trouter §4, §6, §8. */
#include "services/chat/trouter_private.h"

#include "services/chat/trouter_packet.h"

#define NS_PER_MS        ((mono_ns)1000000)
#define BEAT_MS          ((int64_t)30 * 1000)
#define SILENT_MAX       3
#define SUPERSEDED_MS    ((int64_t)5000) /* time for the client to see that its newer one works */
#define DRAIN_MS         ((int64_t)1000)
#define OLD_PER_TICK     100 /* many that came at once do not come again at once */
#define CREDIT_RATE      20  /* packets a second */
#define CREDIT_MAX       400
#define CREDIT_PER_PUSH  3 /* its answer, the ping behind that, and one to spare */
#define UNANSWERED_MAX   4096
#define CLOSE_NORMAL     ((uint16_t)1000)
#define CLOSE_GOING_AWAY ((uint16_t)1001)
#define CLOSE_POLICY     ((uint16_t)1008)
#define CLOSE_AGAIN      ((uint16_t)1013)

_Static_assert(PUSH_FORMS <= (int)SESSION_FORM_REALTIME,
               "forms of notices have numbers of their own");

static const struct str connected =
    STR_INIT("5:1::{\"name\":\"trouter.connected\",\"args\":[{\"ttl\":86400,\"dur\":\"5\"}]}");
static const struct str reconnect =
    STR_INIT("5:2::{\"name\":\"trouter.reconnect\",\"args\":[{\"target\":\"self\"}]}");
static const struct str unauthorized = STR_INIT("0:::{\"reason\":\"unauthorized\"}");

static struct trouter_session *of(struct session *base)
{
    return (struct trouter_session *)(void *)base;
}

/* ---- to the client ---- */

/* False: it is over. */
static bool say_pieces(struct trouter_session *s, const struct str *pieces, size_t n)
{
    enum rc rc = s->transport->send(s, pieces, n);

    if (rc == RC_TOO_LARGE) {
        sessions_count_slow(s->home->sessions);
        trouter_session_end(s, CLOSE_POLICY, STR("the reader is too slow"));
    }
    return !rc;
}

static bool say(struct trouter_session *s, struct str packet)
{
    return say_pieces(s, &packet, 1);
}

static void push(struct trouter_session *s, const struct chat_notice *n, enum push_form form)
{
    struct str text =
        sessions_text(s->home->sessions, n, form,
                      form == PUSH_EVENT ? push_render_event : push_render_new_thread);
    struct str pieces[PUSH_PIECES];
    char digits[16];
    int len = snprintf(digits, sizeof digits, "%u", s->pushes + 1);
    struct push_to to = {.id = str_of(digits, (size_t)len),
                         .connection = str_of(s->connection, sizeof s->connection),
                         .user = str_of(s->raw_id, sizeof s->raw_id)};

    if (!text.len)
        return; /* larger than any push may be */
    s->pushes++;
    s->credit += CREDIT_PER_PUSH;
    if (++s->unanswered > UNANSWERED_MAX) {
        trouter_session_end(s, CLOSE_POLICY, STR("pushes are not answered"));
        return;
    }
    say_pieces(s, pieces, push_pieces(n, form, text, &to, pieces));
}

/* ---- what the hub tells ---- */

static void on_ready(struct session *base, int64_t order)
{
    (void)order; /* the client reads again by itself what it has missed */
    (void)say(of(base), connected);
}

static void on_deliver(struct session *base, const struct chat_notice *n)
{
    struct trouter_session *s = of(base);
    const struct uuid *user = &base->listener.user.user;

    if (push_goes_to(n, PUSH_NEW_THREAD, user))
        push(s, n, PUSH_NEW_THREAD);
    if (!s->over && push_goes_to(n, PUSH_EVENT, user))
        push(s, n, PUSH_EVENT);
}

static void on_ended(struct session *base, enum hub_end why)
{
    struct trouter_session *s = of(base);

    list_remove(&s->age);
    switch (why) {
    case HUB_SUPERSEDED: /* both are the same client's, which closes this one when it sees fit */
        trouter_session_leave_in(s, SUPERSEDED_MS);
        return;
    case HUB_DRAIN:
        if (say(s, reconnect))
            trouter_session_leave_in(s, DRAIN_MS);
        return;
    case HUB_DENIED:
    case HUB_EXPIRED:
        if (say(s, unauthorized))
            trouter_session_end(s, CLOSE_POLICY, STR("unauthorized"));
        return;
    case HUB_OVERFLOW:
    case HUB_FAILED:
        break;
    }
    trouter_session_end(s, CLOSE_AGAIN, STR("try again"));
}

static const struct session_ops ops = {SESSION_TROUTER, on_ready, on_deliver, on_ended};

/* ---- from the client ---- */

/* Whether it may send one more packet. */
static bool spend(struct trouter_session *s)
{
    mono_ns now = clock_mono();
    int64_t earned = (int64_t)((now - s->credit_at) / (1000 * NS_PER_MS / CREDIT_RATE));

    if (earned > 0) {
        s->credit_at = now;
        if (s->credit < CREDIT_MAX)
            s->credit = s->credit + earned < CREDIT_MAX ? s->credit + earned : CREDIT_MAX;
    }
    if (s->credit <= 0)
        return false;
    s->credit--;
    return true;
}

/* Every event that asks for it is acknowledged, whatever it is; a ping by its own word. */
static void take_event(struct trouter_session *s, const struct packet *p)
{
    AUTO(json_freep) json_t *event = NULL;
    struct str name = STR_EMPTY;

    if (!p->wants_ack)
        return;
    if (json_read(p->data, &event, NULL) || json_get_str(event, "name", &name)) {
        trouter_session_end(s, CLOSE_POLICY, STR("malformed event"));
        return;
    }
    struct str ack[] = {STR("6:::"), p->id,
                        name_eq(name, STR("ping")) ? STR("+[\"pong\"]") : STR("+[]")};
    say_pieces(s, ack, ARRAY_LEN(ack));
}

/* The answer to a push. */
static void take_answer(struct trouter_session *s, const struct packet *p)
{
    AUTO(json_freep) json_t *answer = NULL;
    int64_t status;

    if (json_read(p->data, &answer, NULL) || json_get_int(answer, "status", &status))
        return;
    if (s->unanswered)
        s->unanswered--;
    if (status != 200)
        s->refused++;
}

void trouter_session_take(struct trouter_session *s, struct str text)
{
    struct packet p;

    if (s->over)
        return;
    s->silent = 0;
    if (!spend(s))
        trouter_session_end(s, CLOSE_POLICY, STR("too many packets"));
    else if (packet_parse(text, &p))
        trouter_session_end(s, CLOSE_POLICY, STR("malformed packet"));
    else if (p.endpoint.len)
        return; /* of a namespace: there are none here */
    else if (p.type == PACKET_DISCONNECT)
        trouter_session_end(s, CLOSE_NORMAL, STR_EMPTY);
    else if (p.type == PACKET_EVENT)
        take_event(s, &p);
    else if (p.type == PACKET_MESSAGE)
        take_answer(s, &p);
}

/* ---- life ---- */

static void next_beat(struct trouter_session *s)
{
    list_remove(&s->beat);
    s->beat_at = clock_mono() + (mono_ns)BEAT_MS * NS_PER_MS;
    list_add(&s->home->beats, &s->beat);
}

void trouter_session_open(struct trouter_session *s, struct trouter *t,
                          const struct trouter_transport *transport, const struct trouter_sid *sid)
{
    struct principal p = {
        .kind = PRINCIPAL_USER,
        .user = sid->from.user,
        .scopes = sid->from.scopes,
        .standing = sid->from.standing,
        .expires = sid->from.standing.exp * 1000,
        .uid = (uint32_t)-1,
    };

    s->home = t;
    s->transport = transport;
    s->base.ops = &ops;
    s->base.listener.group = sid->from.group;
    s->credit = CREDIT_MAX;
    s->credit_at = clock_mono();
    uuid_format(&sid->from.connection, s->connection);
    push_raw_id(&sid->from.user, s->raw_id);
    list_init(&s->beat);
    list_init(&s->leave);
    s->old_at =
        clock_mono() + (mono_ns)sessions_options(t->sessions)->connection_age_ms * NS_PER_MS;
    list_add(&t->aging, &s->age);
    next_beat(s);
    trouter_wake(t);
    if (!say(s, STR("1::")))
        return;
    if (sessions_open(t->sessions, &s->base, &p))
        trouter_session_end(s, CLOSE_AGAIN, STR("too many connections"));
}

void trouter_session_end(struct trouter_session *s, uint16_t code, struct str reason)
{
    if (s->over)
        return;
    s->over = true;
    log_debug(s->home->site->log, "trouter.end",
              "connection=%.*s code=%u pushes=%u unanswered=%u refused=%u",
              (int)sizeof s->connection, s->connection, (unsigned)code, s->pushes, s->unanswered,
              s->refused);
    trouter_session_clear(s);
    s->transport->end(s, code, reason);
}

void trouter_session_leave_in(struct trouter_session *s, int64_t ms)
{
    list_remove(&s->leave);
    s->leave_at = clock_mono() + (mono_ns)ms * NS_PER_MS;
    list_add(&s->home->leaving, &s->leave);
    trouter_wake(s->home);
}

void trouter_session_clear(struct trouter_session *s)
{
    sessions_close(&s->base);
    list_remove(&s->beat);
    list_remove(&s->leave);
    list_remove(&s->age);
}

static void beat(struct trouter_session *s)
{
    next_beat(s);
    if (++s->silent >= SILENT_MAX)
        trouter_session_end(s, CLOSE_GOING_AWAY, STR("no sign of life"));
    else
        say(s, STR("2::"));
}

/* The client makes its new connection while this one lives, and the hub hands over between them. */
static void ask_the_old(struct trouter *t, mono_ns now)
{
    for (int n = 0; n < OLD_PER_TICK && !list_empty(&t->aging); n++) {
        struct trouter_session *s = list_entry(t->aging.next, struct trouter_session, age);

        if (s->old_at > now)
            return;
        list_remove(&s->age);
        (void)say(s, reconnect); /* it may be over */
    }
}

void trouter_sessions_tick(struct trouter *t)
{
    mono_ns now = clock_mono();

    ask_the_old(t, now);
    while (!list_empty(&t->beats)) {
        struct trouter_session *s = list_entry(t->beats.next, struct trouter_session, beat);

        if (s->beat_at > now)
            break;
        beat(s);
    }
    for (struct list *at = t->leaving.next, *next; at != &t->leaving; at = next) {
        struct trouter_session *s = list_entry(at, struct trouter_session, leave);

        next = at->next;
        if (s->leave_at > now)
            continue;
        list_remove(&s->leave);
        if (s->over)
            s->transport->drop(s);
        else
            trouter_session_end(s, CLOSE_GOING_AWAY, STR_EMPTY);
    }
}
