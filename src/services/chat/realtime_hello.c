/* What clients say: the first frame and those after it. Source: wire/realtime §2. */
#include "services/chat/realtime.h"

#define MALFORMED 4400
#define TOO_MANY  4429
#define AGAIN     4409

#define CHAT_SCOPES (SCOPE_CHAT | SCOPE_CHAT_JOIN | SCOPE_CHAT_JOIN_LIMITED)

static const struct service stand_in_service = {
    .name = STR_INIT("realtime"), .unauthorized = &API_DENIED, .forbidden = &API_FORBIDDEN};
static const struct api stand_in_api = {&stand_in_service, 0, 0};
static const struct route stand_in_route = {.api = &stand_in_api, .accept = ACCEPT_USER};

/* ---- tokens ---- */

/* A frame's token goes through the gate as a header's does, by a request that stands in for the one
 * of which the connection was made. */
static bool check_token(struct realtime *c, struct str token, struct arena *arena,
                        struct principal *out, struct str *out_why)
{
    struct gate_loop *gl = c->site->gate;
    struct request req = {.route = &stand_in_route,
                          .arena = arena,
                          .loop = c->site->loop,
                          .site = c->site,
                          .now = clock_now(c->site->clock)};
    struct gate_pin pin = gate_enter(gl);
    const struct api_error *error;

    req.resource = directory_by_id(gate_directory(gl), &c->resource);
    error = req.resource ? gate_check_user_token(gl, &req, token, out, out_why) : &API_DENIED;
    gate_leave(gl, pin);
    return error == NULL;
}

static struct str refusal(const struct realtime *c, struct str why)
{
    return c->explains && why.len ? why : STR("the token is not valid, or not any more");
}

/* ---- hello ---- */

static void open_session(struct realtime *c, const struct principal *p)
{
    enum rc rc;

    if (!(p->scopes & CHAT_SCOPES)) {
        realtime_close(c, REALTIME_FORBIDDEN, STR("the token has no chat scope"));
        return;
    }
    rc = sessions_open(c->site->sessions, &c->session, p);
    if (!rc)
        c->state = REALTIME_OPENING;
    else if (sessions_draining(c->site->sessions))
        realtime_close(c, 1001, STR("the server is stopping"));
    else if (rc == RC_BUSY)
        realtime_close(c, TOO_MANY, STR("the user has too many connections"));
    else
        realtime_close(c, AGAIN, STR("no connection can be made just now"));
}

/* A malformed cursor is no reason to end: the client reads anew, as with one that is too old. */
static void take_cursor(struct realtime *c, struct str text, struct str epoch)
{
    uint64_t number;

    c->stranger = epoch.ptr && !str_eq(epoch, sessions_options(c->site->sessions)->epoch);
    c->resumes = text.ptr != NULL;
    c->cursor = str_to_u64(text, INT64_MAX, &number) ? -1 : (int64_t)number;
}

static void take_hello(struct realtime *c, const json_t *frame)
{
    struct str token = STR_EMPTY, cursor = STR_EMPTY, epoch = STR_EMPTY, why = STR_EMPTY;
    struct principal p;
    struct arena arena;

    if (json_get_str(frame, "token", &token) == RC_INVALID ||
        json_get_str(frame, "cursor", &cursor) == RC_INVALID ||
        json_get_str(frame, "epoch", &epoch) == RC_INVALID) {
        realtime_close(c, MALFORMED, STR("token, cursor and epoch must be strings"));
        return;
    }
    loop_timer_close(&c->hello);
    take_cursor(c, cursor, epoch);
    arena_init(&arena);
    if (c->principal && !token.ptr)
        open_session(c, c->principal);
    else if (!token.ptr)
        realtime_close(c, REALTIME_UNAUTHORIZED, STR("hello brings no token"));
    else if (check_token(c, token, &arena, &p, &why))
        open_session(c, &p);
    else
        realtime_close(c, REALTIME_UNAUTHORIZED, refusal(c, why));
    arena_clear(&arena);
    free(c->principal);
    c->principal = NULL;
}

/* ---- afterwards ---- */

static void answer(struct realtime *c, struct str type, const char *name, struct str value)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, 4 * KIB);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "type", type);
    if (name)
        json_member_str(&w, name, value);
    json_object_end(&w);
    (void)realtime_send(c, &out); /* if it can't be sent, that is the connection's end */
    buf_clear(&out);
}

static void take_token(struct realtime *c, const json_t *frame)
{
    struct str token, why = STR_EMPTY;
    char time[ISO8601_LEN];
    struct principal p;
    struct arena arena;

    if (json_get_str(frame, "token", &token)) {
        realtime_close(c, MALFORMED, STR("token must be a string"));
        return;
    }
    arena_init(&arena);
    if (!check_token(c, token, &arena, &p, &why)) {
        answer(c, STR("tokenRefused"), "reason", refusal(c, why));
    } else if (!(p.scopes & CHAT_SCOPES)) {
        answer(c, STR("tokenRefused"), "reason", STR("the token has no chat scope"));
    } else if (sessions_renew(&c->session, &p)) {
        answer(c, STR("tokenRefused"), "reason", STR("the token is another user's"));
    } else {
        time_to_iso8601(p.expires, time);
        answer(c, STR("token"), "expiresOn", str_of(time, sizeof time));
    }
    arena_clear(&arena);
}

static void take_frame(struct realtime *c, const json_t *frame)
{
    struct str type;

    if (json_get_str(frame, "type", &type))
        realtime_close(c, MALFORMED, STR("a frame is an object with a type"));
    else if (c->state == REALTIME_HELLO && name_eq(type, STR("hello")))
        take_hello(c, frame);
    else if (c->state == REALTIME_HELLO)
        realtime_close(c, MALFORMED, STR("the first frame is hello"));
    else if (name_eq(type, STR("ping")))
        answer(c, STR("pong"), NULL, STR_EMPTY);
    else if (name_eq(type, STR("token")))
        take_token(c, frame);
    else
        realtime_close(c, MALFORMED, STR("a frame of this type is not known here, or not now"));
}

void realtime_text(struct realtime *c, struct str message)
{
    AUTO(json_freep) json_t *frame = NULL;

    if (c->state == REALTIME_OVER)
        return;
    if (json_read(message, &frame, NULL) || !json_is_object(frame))
        realtime_close(c, MALFORMED, STR("a frame is an object with a type"));
    else
        take_frame(c, frame);
}
