/* Who is let into the realtime channel: allocations for a user's token, session ids for an
 * allocation and a token, sessions for an id. The first two are sealed and kept nowhere; of the
 * third only that it was used is remembered, for as long as it would be good.
 * Source: wire/trouter §3, §4. */
#include "services/chat/trouter_private.h"

#include "gate/user_standing.h"
#include "services/answer.h"
#include "services/replays.h"

#define ALLOCATION STR("chat/allocation")
#define SESSION    STR("chat/session")
#define GROUP      STR("chat/endpoint")
#define SIG_LEN    ((size_t)22) /* characters that hold the seal's mark */
#define EPID_MAX   ((size_t)128)
#define ID_LEN     UUID_TEXT_LEN
#define ANSWER_MAX ((size_t)4096)

_Static_assert(sizeof(struct trouter_allocation) <= CAPSULE_PLAIN_MAX, "it fits");
_Static_assert(sizeof(struct trouter_sid) <= CAPSULE_PLAIN_MAX, "it fits");

static void refuse(struct request *req, const struct api_error *error, const char *why)
{
    req->explain = str_from(why);
    reply_error(req, error);
}

/* ---- allocation ---- */

/* The endpoint is one tab or device of a user: his connections for it replace each other. Without a
 * name a connection stands alone. */
static struct uuid group_of(const struct trouter *t, const struct user_key *user, struct str epid)
{
    char raw[RAW_ID_LEN + EPID_MAX];

    if (!epid.len || epid.len > EPID_MAX)
        return uuid_random();
    push_raw_id(user, raw);
    memcpy(raw + RAW_ID_LEN, epid.ptr, epid.len);
    return capsule_name(t->key, GROUP, str_of(raw, RAW_ID_LEN + epid.len));
}

static void member_ms(struct json_writer *w, const char *name, unix_ms t)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%lld", (long long)t);

    json_member_str(w, name, str_of(digits, (size_t)len));
}

/* Letters that survive being pasted into a query string as they are. */
static void write_parameters(struct json_writer *w, const struct request *req,
                             const struct trouter_allocation *a, struct str sealed)
{
    json_name(w, "connectparams");
    json_object_begin(w);
    json_member_str(w, "sr", str_head(sealed, sealed.len - SIG_LEN));
    json_member_str(w, "issuer", STR("callgate"));
    json_member_str(w, "sp", STR("connect"));
    member_ms(w, "se", a->use_by);
    member_ms(w, "st", req->now);
    json_member_str(w, "sig", str_from_index(sealed, sealed.len - SIG_LEN));
    json_object_end(w);
}

static void write_allocation(struct json_writer *w, struct request *req, struct str id)
{
    struct str origin = request_origin(req);
    struct str surl =
        arena_printf(req->arena, STR_FMT "/v4/f/" STR_FMT "/", STR_ARG(origin), STR_ARG(id));

    json_member_str(w, "ccid", id);
    json_member_str(w, "id", id);
    json_member_str(w, "socketio", arena_printf(req->arena, STR_FMT "/", STR_ARG(origin)));
    json_member_str(w, "surl", surl);
    json_member_str(w, "url", surl);
    json_member_str(w, "curlb", origin);
    json_member_int(w, "ttl", TROUTER_TTL_S);
    json_member_str(w, "healthUrl", arena_printf(req->arena, STR_FMT "/v4/h", STR_ARG(origin)));
}

/** POST /v4/a: where to connect, and with what. Source: wire/trouter §3. */
void trouter_allocate(struct request *req)
{
    struct trouter *t = trouter_of(req->site->sessions);
    struct trouter_allocation a;
    char sealed[CAPSULE_TEXT_MAX], id[ID_LEN];
    struct json_writer w;
    struct buf out;
    size_t len;

    memset(&a, 0, sizeof a);
    a.connection = uuid_random();
    a.user = req->principal->user;
    a.group = group_of(t, &a.user, request_query(req, "epid"));
    a.scopes = req->principal->scopes;
    a.standing = req->principal->standing;
    a.use_by = req->now + (int64_t)TROUTER_TTL_S * 1000;
    a.alone_until = req->now + TROUTER_SID_MS;
    len = capsule_seal(t->key, ALLOCATION, str_of(&a, sizeof a), sealed);
    uuid_format(&a.connection, id);
    out = answer_buf(req, ANSWER_MAX + 8 * request_origin(req).len);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    write_allocation(&w, req, str_of(id, sizeof id));
    write_parameters(&w, req, &a, str_of(sealed, len));
    json_object_end(&w);
    answer_json(req, 200, &out);
}

/* ---- handshake ---- */

/* The connect parameters of the request. */
static enum rc read_parameters(struct request *req, struct trouter *t, struct trouter_allocation *a)
{
    struct str sr = request_query(req, "sr"), sig = request_query(req, "sig");

    if (sig.len != SIG_LEN || sr.len > CAPSULE_TEXT_MAX)
        return RC_INVALID;
    return capsule_open(t->key, ALLOCATION,
                        arena_printf(req->arena, STR_FMT STR_FMT, STR_ARG(sr), STR_ARG(sig)), a,
                        sizeof *a);
}

static bool same_user(const struct user_key *a, const struct user_key *b)
{
    return uuid_eq(&a->resource, &b->resource) && uuid_eq(&a->user, &b->user);
}

/* Why the connect parameters open nothing, or NULL. The oldest clients send no token with them:
 * then they stand for the one that asked for them, as long as a session id would. */
static const char *parameters_problem(struct request *req, struct trouter *t,
                                      struct trouter_allocation *a)
{
    const struct principal *p = req->principal;

    if (read_parameters(req, t, a))
        return "connect parameters; they are none of this server's";
    if (p ? !same_user(&a->user, &p->user)
          : !req->resource || !uuid_eq(&req->resource->id, &a->user.resource))
        return "connect parameters; they are another user's";
    if (req->now >= (p ? a->use_by : a->alone_until))
        return "connect parameters; their time is over";
    return NULL;
}

/** GET /socket.io/1/: a session id, good for one session. Source: wire/trouter §4. */
void trouter_handshake(struct request *req)
{
    struct trouter *t = trouter_of(req->site->sessions);
    const struct principal *p = req->principal;
    char sealed[CAPSULE_TEXT_MAX];
    struct trouter_sid sid;
    const char *why;
    size_t len;

    memset(&sid, 0, sizeof sid);
    why = parameters_problem(req, t, &sid.from);
    if (why) {
        refuse(req, p ? &API_FORBIDDEN : &API_CHAT_UNAUTHORIZED, why);
        return;
    }
    sid.loop = (uint32_t)sessions_index(t->sessions);
    sid.session = uuid_random();
    if (p) {
        sid.from.scopes = p->scopes;
        sid.from.standing = p->standing;
    }
    sid.use_by = req->now + TROUTER_SID_MS;
    len = capsule_seal(t->key, SESSION, str_of(&sid, sizeof sid), sealed);
    reply_text(req, 200, STR("text/plain; charset=utf-8"),
               arena_printf(req->arena, "%.*s:%d:%d:websocket,xhr-polling", (int)len, sealed,
                            TROUTER_TIMEOUT_S, TROUTER_TIMEOUT_S));
}

/* ---- sessions ---- */

bool trouter_admit(struct request *req, struct trouter_sid *out)
{
    struct trouter *t = trouter_of(req->site->sessions);

    if (capsule_open(t->key, SESSION, req->params[0], out, sizeof *out) || out->node ||
        out->loop >= sessions_loops(t->sessions)) {
        refuse(req, &API_CHAT_UNAUTHORIZED, "session id; it is none of this server's");
        return false;
    }
    if (!req->resource || !uuid_eq(&req->resource->id, &out->from.user.resource)) {
        refuse(req, &API_CHAT_UNAUTHORIZED, "session id; it belongs to another resource");
        return false;
    }
    return true;
}

static uint64_t key_of(const struct uuid *session)
{
    return hash_keyed(session, sizeof *session);
}

const char *trouter_may_open(struct trouter *t, const struct trouter_sid *sid)
{
    unix_ms now = clock_now(t->site->clock);

    if (now >= sid->use_by)
        return "session id; it was not used in time";
    if (now >= sid->from.standing.exp * 1000)
        return "session id; its token has expired";
    if (replays_used(t->site->shared->session_ids, key_of(&sid->session), now))
        return "session id; its session is over";
    return gate_user_stands(t->site->gate, &sid->from.user, &sid->from.standing, now);
}

/* Without room to remember it is let in all the same: who has the id is the user, and somebody who
 * fills that room shall not keep others out. */
bool trouter_use(struct trouter *t, const struct uuid *session, unix_ms use_by)
{
    return replays_take(t->site->shared->session_ids, key_of(session), clock_now(t->site->clock),
                        use_by) != RC_CONFLICT;
}
