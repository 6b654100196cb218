/* POST /chat/threads. The same repeatability-request-id of the same user gives the same thread: its
 * row is committed with the thread, so of requests that race one wins, and the others find what it
 * made. Source: wire/chat §2.2. */
#include "services/chat/chat_wire.h"

#include "crypto/hash.h"

#define THREAD_JSON_MAX ((size_t)1024)
#define ESCAPED_MAX     ((size_t)6)

struct creation {
    struct chat_making making; /* first */
    struct chat_guests guests;
    bool repeatable;
    struct chat_repeat_row repeat;
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
    struct request *req = c->making.write.req;
    struct json_writer w;
    struct buf out =
        answer_buf(req, THREAD_JSON_MAX + ESCAPED_MAX * c->making.made.topic.len +
                            c->making.made.metadata.len + chat_guests_invalid_max(&c->guests));

    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_name(&w, "chatThread");
    chat_thread_write(&w, &c->making.made);
    chat_guests_write_invalid(&w, &c->guests);
    json_object_end(&w);
    reply_header(req, STR("Location"), location_of(req, &c->making.made));
    answer_json(req, 201, &out);
}

/* ---- ids that come again ---- */

/* With the resource: a user of another one may have the same guid. */
static void digest(struct request *req, struct str id, uint8_t out[static 16])
{
    const struct uuid *resource = &req->principal->user.resource;
    struct hash_work *work = gate_hash_work(req->site->gate);
    uint8_t sum[SHA256_LEN];

    sha256_begin(work);
    sha256_add(work, str_of(resource->octets, sizeof resource->octets));
    sha256_add(work, id);
    sha256_end(work, sum);
    memcpy(out, sum, 16);
}

/* What it made, as its creator now knows it: he may have left. RC_DENIED: he has no place in it any
 * more, since he was deleted and is back. */
static enum rc find_made(struct creation *c, const struct uuid *thread)
{
    struct request *req = c->making.write.req;
    struct chat_member_row member = {.thread = *thread, .user = req->principal->user.user};
    struct chat_thread_row row;
    enum rc rc = store_chat_place(req->site->reader, req->arena, &row, &member);

    if (rc || row.deleted)
        return rc ? rc : RC_NOT_FOUND;
    c->making.made = chat_thread_for(&row, &member);
    return member.joined ? RC_OK : RC_DENIED;
}

/* True: answered with what the id made before, or with why that can't be. */
static bool was_made(struct creation *c)
{
    struct request *req = c->making.write.req;
    struct chat_repeat_row row = c->repeat;
    enum rc rc = store_chat_repeat(req->site->reader, &row);

    if (rc == RC_NOT_FOUND || (rc == RC_OK && row.kept_until < req->now))
        return false;
    if (rc == RC_OK)
        rc = find_made(c, &row.thread);
    if (rc == RC_NOT_FOUND) {
        req->explain = STR("chat; the thread that this repeatability-request-id made was deleted");
        answer_error(req, &API_CHAT_THREAD_NOT_FOUND);
    } else if (rc == RC_DENIED) {
        req->explain = STR("chat; the token's user is not in the thread that this "
                           "repeatability-request-id made");
        answer_error(req, &API_FORBIDDEN);
    } else if (rc) {
        chat_answer_rc(req, rc);
    } else {
        answer_made(c);
    }
    return true;
}

/* ---- the turn ---- */

static void add_members(struct chat_making *m, struct change_set *set)
{
    struct chat_write *w = &m->write;

    for (size_t i = 0; i < m->n; i++) {
        const struct chat_participant *p = &m->participants[i];

        change_set_add(set, w->arena, CHANGE_CHAT_MEMBER_PUT)->u.chat_member =
            (struct chat_member_row){
                .thread = m->made.key,
                .user = p->user,
                .joined = w->turn.next_order,
                .share_from = p->share_from,
                .display_name = p->display_name,
                .metadata = p->metadata,
            };
    }
}

/* The thread's row goes first: what belongs to it must find it. */
static void add_rows(struct chat_making *m, struct change_set *set)
{
    struct chat_write *w = &m->write;
    struct chat_message_row added = {
        .type = CHAT_PARTICIPANT_ADDED,
        .sender = w->actor.user,
        .content = chat_participants_text(&m->made.resource, m->participants, m->n, w->arena)};
    struct chat_message_row named = {
        .type = CHAT_TOPIC_UPDATED, .sender = w->actor.user, .content = m->topic};

    chat_write_number(w, &m->made, &added);
    chat_write_number(w, &m->made, &named);
    chat_write_thread(w, set, &m->made);
    add_members(m, set);
    chat_write_message(w, set, &added);
    chat_write_message(w, set, &named);
}

void chat_thread_make(struct chat_making *m, struct change_set *set)
{
    struct chat_write *w = &m->write;
    struct uuid *users = arena_array(w->arena, struct uuid, m->n);

    m->made = (struct chat_thread_row){
        .key = w->turn.thread,
        .secret = m->secret,
        .resource = w->actor.resource,
        .created_by = w->actor.user,
        .created = w->now,
        .members = (uint32_t)m->n,
        .topic = m->topic,
        .metadata = m->metadata,
    };
    chat_thread_retain(&m->made, m->days);
    add_rows(m, set);
    for (size_t i = 0; i < m->n; i++)
        users[i] = m->participants[i].user;
    w->notice = chat_write_notice(w, CHAT_EVENT_THREAD_CREATED, &m->made);
    w->notice.base.effect = NOTICE_JOINS;
    w->notice.base.users = users;
    w->notice.base.n_users = m->n;
    w->notice.participants = w->notice.members = m->participants;
    w->notice.n_participants = w->notice.n_members = m->n;
    w->tells = true;
}

static const struct api_error *decide(struct chat_write *w, struct change_set *set)
{
    struct creation *c = (struct creation *)w;

    if (c->repeatable)
        change_set_add(set, w->arena, CHANGE_CHAT_REPEAT_ADD)->u.chat_repeat = c->repeat;
    chat_thread_make(&c->making, set);
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
    const struct uuid *creator = &c->making.write.actor.user;

    c->making.participants =
        arena_array(c->making.write.arena, struct chat_participant, c->guests.n + 1);
    c->making.participants[0].user = *creator;
    c->making.n = 1;
    for (size_t i = 0; i < c->guests.n; i++) {
        const struct chat_guest *g = &c->guests.items[i];

        if (g->person.code)
            continue;
        if (uuid_eq(&g->participant.user, creator))
            c->making.participants[0] = g->participant;
        else
            c->making.participants[c->making.n++] = g->participant;
    }
}

static bool read(struct creation *c, struct request *req)
{
    struct chat_reading r;

    if (!chat_reading_begin(&r, req))
        return false;
    chat_read_topic(&r, &c->making.topic);
    chat_read_metadata(&r, CHAT_METADATA_MAX, &c->making.metadata);
    (void)chat_read_retention(&r, &c->making.days); /* absent: none */
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
    chat_write_begin(&c->making.write, req, &place);
    c->making.write.creates = true;
    c->making.write.decide = decide;
    c->making.write.done = on_done;
    c->making.secret = place.secret;
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
    chat_write_commit(&c->making.write, CHAT_EVENT_THREAD_CREATED);
}
