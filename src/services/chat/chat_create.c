/* POST /chat/threads. The same repeatability-request-id of the same user gives the same thread: its
 * row is committed with the thread, so of requests that race one wins, and the others find what it
 * made. Source: wire/chat §2.2. */
#include "services/chat/chat_wire.h"

#include "crypto/hash.h"

#define THREAD_JSON_MAX ((size_t)1024)
#define ESCAPED_MAX     ((size_t)6)

struct creation {
    struct chat_write write; /* first */
    struct chat_guests guests;
    struct str topic, metadata;
    uint32_t days;
    bool repeatable;
    struct chat_repeat_row repeat;
    struct uuid secret;
    struct chat_participant *participants; /* the creator first */
    size_t n;
    struct chat_thread_row made; /* what the answer is about */
};

/* ---- the answer ---- */

/* Colon encoded, at sign literal, as recorded. */
static struct str location_of(struct request *req, const struct chat_thread_row *row)
{
    struct str id = chat_thread_id(row, req->arena), origin = request_origin(req);

    return arena_printf(req->arena, STR_FMT "/chat/threads/19%%3A" STR_FMT, STR_ARG(origin),
                        STR_ARG(str_from_index(id, sizeof "19:" - 1)));
}

static void answer_made(struct creation *c)
{
    struct request *req = c->write.req;
    struct json_writer w;
    struct buf out =
        answer_buf(req, THREAD_JSON_MAX + ESCAPED_MAX * c->made.topic.len + c->made.metadata.len +
                            chat_guests_invalid_max(&c->guests));

    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_name(&w, "chatThread");
    chat_thread_write(&w, &c->made);
    chat_guests_write_invalid(&w, &c->guests);
    json_object_end(&w);
    reply_header(req, STR("Location"), location_of(req, &c->made));
    answer_json(req, 201, &out);
}

/* ---- ids that come again ---- */

static void digest(struct request *req, struct str id, uint8_t out[static 16])
{
    uint8_t sum[SHA256_LEN];

    sha256(gate_hash_work(req->site->gate), id, sum);
    memcpy(out, sum, 16);
}

/* True: answered with what the id made before, or with why that can't be. */
static bool was_made(struct creation *c)
{
    struct request *req = c->write.req;
    struct chat_repeat_row row = c->repeat;
    enum rc rc = store_chat_repeat(req->site->reader, &row);

    if (rc == RC_NOT_FOUND || (rc == RC_OK && row.kept_until < req->now))
        return false;
    if (rc == RC_OK)
        rc = store_chat_thread(req->site->reader, &row.thread, req->arena, &c->made);
    if (rc == RC_NOT_FOUND || (rc == RC_OK && c->made.deleted)) {
        req->explain = STR("chat; the thread that this repeatability-request-id made was deleted");
        answer_error(req, &API_CHAT_THREAD_NOT_FOUND);
    } else if (rc) {
        chat_answer_rc(req, rc);
    } else {
        answer_made(c);
    }
    return true;
}

/* ---- the turn ---- */

static void add_members(struct creation *c, struct change_set *set)
{
    struct chat_write *w = &c->write;

    for (size_t i = 0; i < c->n; i++) {
        const struct chat_participant *p = &c->participants[i];

        change_set_add(set, w->arena, CHANGE_CHAT_MEMBER_PUT)->u.chat_member =
            (struct chat_member_row){
                .thread = c->made.key,
                .user = p->user,
                .joined = w->turn.next_order,
                .share_from = p->share_from,
                .display_name = p->display_name,
                .metadata = p->metadata,
            };
    }
}

/* The thread's row goes first: what belongs to it must find it. */
static void add_rows(struct creation *c, struct change_set *set)
{
    struct chat_write *w = &c->write;
    struct chat_message_row added = {
        .type = CHAT_PARTICIPANT_ADDED,
        .sender = w->actor.user,
        .content = chat_participants_text(&c->made.resource, c->participants, c->n, w->arena)};
    struct chat_message_row named = {
        .type = CHAT_TOPIC_UPDATED, .sender = w->actor.user, .content = c->topic};

    chat_write_number(w, &c->made, &added);
    chat_write_number(w, &c->made, &named);
    chat_write_thread(w, set, &c->made);
    add_members(c, set);
    chat_write_message(w, set, &added);
    chat_write_message(w, set, &named);
}

static const struct api_error *decide(struct chat_write *w, struct change_set *set)
{
    struct creation *c = (struct creation *)w;
    struct uuid *users = arena_array(w->arena, struct uuid, c->n);

    c->made = (struct chat_thread_row){
        .key = w->turn.thread,
        .secret = c->secret,
        .resource = w->actor.resource,
        .created_by = w->actor.user,
        .created = w->now,
        .members = (uint32_t)c->n,
        .topic = c->topic,
        .metadata = c->metadata,
    };
    chat_thread_retain(&c->made, c->days);
    if (c->repeatable)
        change_set_add(set, w->arena, CHANGE_CHAT_REPEAT_ADD)->u.chat_repeat = c->repeat;
    add_rows(c, set);
    for (size_t i = 0; i < c->n; i++)
        users[i] = c->participants[i].user;
    w->notice = chat_write_notice(w, CHAT_EVENT_THREAD_CREATED, &c->made);
    w->notice.base.effect = NOTICE_JOINS;
    w->notice.base.users = users;
    w->notice.base.n_users = c->n;
    w->notice.participants = w->notice.members = c->participants;
    w->notice.n_participants = w->notice.n_members = c->n;
    w->tells = true;
    return NULL;
}

static void on_done(struct chat_write *w, enum rc rc)
{
    struct creation *c = (struct creation *)w;

    if (rc == RC_OK)
        answer_made(c);
    else if (rc != RC_CONFLICT || !c->repeatable || !was_made(c))
        chat_answer_rc(w->req, rc);
}

/* ---- before it ---- */

/* The creator is in, listed or not; listed, his name counts. */
static void gather(struct creation *c)
{
    const struct uuid *creator = &c->write.actor.user;

    c->participants = arena_array(c->write.arena, struct chat_participant, c->guests.n + 1);
    c->participants[0].user = *creator;
    c->n = 1;
    for (size_t i = 0; i < c->guests.n; i++) {
        const struct chat_guest *g = &c->guests.items[i];

        if (g->person.code)
            continue;
        if (uuid_eq(&g->participant.user, creator))
            c->participants[0] = g->participant;
        else
            c->participants[c->n++] = g->participant;
    }
}

static bool read(struct creation *c, struct request *req)
{
    struct chat_reading r;

    if (!chat_reading_begin(&r, req))
        return false;
    chat_read_topic(&r, &c->topic);
    chat_read_metadata(&r, CHAT_METADATA_MAX, &c->metadata);
    (void)chat_read_retention(&r, &c->days); /* absent: none */
    chat_read_guests(&r, false, &c->guests);
    return chat_reading_end(&r) && chat_guests_look_up(req, &c->guests);
}

void chat_thread_create(struct request *req)
{
    struct creation *c = arena_new(req->arena, struct creation);
    struct str id = headers_get(&req->headers, HEADER_REPEATABILITY_REQUEST_ID);
    struct chat_place place = {.secret = uuid_random(), .thread.key = uuid_ordered(req->now)};

    if (!chat_limits_allow(req, CHAT_LIMIT_CREATE_THREAD, NULL) || !read(c, req))
        return;
    chat_write_begin(&c->write, req, &place);
    c->write.creates = true;
    c->write.decide = decide;
    c->write.done = on_done;
    c->secret = place.secret;
    gather(c);
    if (id.len) {
        c->repeatable = true;
        c->repeat = (struct chat_repeat_row){.user = req->principal->user.user,
                                             .thread = place.thread.key,
                                             .now = req->now,
                                             .kept_until = req->now + CHAT_REPEAT_KEPT_MS};
        digest(req, id, c->repeat.digest);
        if (was_made(c))
            return;
    }
    chat_write_commit(&c->write, CHAT_EVENT_THREAD_CREATED);
}
