/* Participants: list, add, remove. Source: wire/chat §2.7. */
#include "services/chat/chat_wire.h"

#define PARTICIPANTS_PAGE ((uint32_t)100)

/* ---- list ---- */

static void write_participants(struct chat_listing *l, struct json_writer *w, struct str *out_place)
{
    for (size_t i = 0; i < l->page.n; i++) {
        struct chat_participant p = chat_participant_of(&l->page.members[i]);

        chat_participant_write(w, &l->req->principal->user.resource, &p);
    }
    if (l->page.more)
        *out_place = arena_printf(l->req->arena, "skip=%zu", (size_t)l->query.skip + l->page.n);
}

void chat_participants_list(struct request *req)
{
    struct chat_listing *l = arena_new(req->arena, struct chat_listing);
    struct chat_place place;

    if (!chat_enter(req, &place) ||
        !chat_limits_allow(req, CHAT_LIMIT_LIST_PARTICIPANTS, &place.thread.key) ||
        !chat_listing_begin(l, req, PARTICIPANTS_PAGE) || !chat_listing_skip(l))
        return;
    l->query.what = CHAT_LIST_MEMBERS;
    l->query.thread = place.thread.key;
    l->query.limit = l->size;
    l->write = write_participants;
    chat_listing_run(l);
}

/* ---- add ---- */

struct adding {
    struct chat_write write; /* first */
    struct chat_guests guests;
    struct uuid *users;     /* the caller, then those of the guests who are users of ours */
    struct chat_guest **of; /* whose users they are, by the same index */
};

static bool is_in(const struct chat_member_row *row)
{
    return row->joined && !row->left;
}

/* Those who come in, in the order of the request; whoever is in stays as he is. */
static size_t take_in(struct adding *a, struct change_set *set, struct chat_participant *out)
{
    struct chat_write *w = &a->write;
    size_t n = 0;

    for (size_t i = 1; i < w->turn.n_users; i++) {
        const struct chat_participant *p = &a->of[i]->participant;

        if (is_in(&w->turn.members[i]))
            continue;
        if (w->turn.row.members + n >= CHAT_MEMBERS_MAX) {
            a->of[i]->person.code = 403;
            a->of[i]->person.message = STR("The thread has 250 participants: it takes no more.");
            continue;
        }
        out[n++] = *p;
        change_set_add(set, w->arena, CHANGE_CHAT_MEMBER_PUT)->u.chat_member =
            (struct chat_member_row){
                .thread = w->turn.thread,
                .user = p->user,
                .joined = w->turn.next_order,
                .share_from = p->share_from,
                .display_name = p->display_name,
                .metadata = p->metadata,
            };
    }
    return n;
}

static void tell_added(struct adding *a, const struct chat_thread_row *row,
                       const struct chat_participant *came, size_t n)
{
    struct chat_write *w = &a->write;
    size_t were = w->turn.n_all;
    struct chat_participant *all = arena_array(w->arena, struct chat_participant, were + n);
    struct uuid *users = arena_array(w->arena, struct uuid, n);

    for (size_t i = 0; i < were; i++)
        all[i] = chat_participant_of(&w->turn.all[i]);
    for (size_t i = 0; i < n; i++) {
        all[were + i] = came[i];
        users[i] = came[i].user;
    }
    w->notice = chat_write_notice(w, CHAT_EVENT_PARTICIPANTS_ADDED, row);
    w->notice.base.effect = NOTICE_JOINS;
    w->notice.base.users = users;
    w->notice.base.n_users = n;
    w->notice.participants = came;
    w->notice.n_participants = n;
    w->notice.members = all;
    w->notice.n_members = were + n;
    w->tells = true;
}

static const struct api_error *decide_add(struct chat_write *w, struct change_set *set)
{
    struct adding *a = (struct adding *)w;
    struct chat_participant *came = arena_array(w->arena, struct chat_participant, w->turn.n_users);
    struct chat_thread_row row = w->turn.row;
    struct chat_message_row message = {.type = CHAT_PARTICIPANT_ADDED, .sender = w->actor.user};
    size_t n = take_in(a, set, came);

    if (!n)
        return NULL;
    row.members += (uint32_t)n;
    message.content = chat_participants_text(&row.resource, came, n, w->arena);
    chat_write_number(w, &row, &message);
    chat_write_message(w, set, &message);
    chat_write_thread(w, set, &row);
    tell_added(a, &row, came, n);
    return NULL;
}

static void answer_added(struct chat_write *w)
{
    const struct adding *a = (const struct adding *)w;
    struct buf out = answer_buf(w->req, chat_guests_invalid_max(&a->guests));
    struct json_writer writer;

    json_writer_init(&writer, &out);
    json_object_begin(&writer);
    chat_guests_write_invalid(&writer, &a->guests);
    json_object_end(&writer);
    answer_json(w->req, 201, &out);
}

static void name_users(struct adding *a)
{
    size_t max = a->guests.n + 1, n = 1;

    a->users = arena_array(a->write.arena, struct uuid, max);
    a->of = arena_array(a->write.arena, struct chat_guest *, max);
    a->users[0] = a->write.actor.user;
    for (size_t i = 0; i < a->guests.n; i++) {
        struct chat_guest *g = &a->guests.items[i];

        if (g->person.code)
            continue;
        a->users[n] = g->participant.user;
        a->of[n++] = g;
    }
    a->write.turn.users = a->users;
    a->write.turn.n_users = n;
}

void chat_participants_add(struct request *req)
{
    struct adding *a = arena_new(req->arena, struct adding);
    struct chat_place place;
    struct chat_reading r;

    if (!chat_enter(req, &place) ||
        !chat_limits_allow(req, CHAT_LIMIT_CHANGE_PARTICIPANTS, &place.thread.key) ||
        !chat_reading_begin(&r, req))
        return;
    chat_read_guests(&r, true, &a->guests);
    if (!chat_reading_end(&r) || !chat_guests_look_up(req, &a->guests))
        return;
    chat_write_begin(&a->write, req, &place);
    name_users(a);
    a->write.turn.all_members = true; /* those who come are told who is there */
    a->write.decide = decide_add;
    a->write.answer = answer_added;
    if (a->write.turn.n_users == 1)
        answer_added(&a->write);
    else
        chat_write_commit(&a->write, CHAT_EVENT_PARTICIPANTS_ADDED);
}

/* ---- remove ---- */

struct removal {
    struct chat_write write; /* first */
    struct uuid users[2];    /* the caller, and who goes */
    struct chat_participant goes;
};

static void tell_removed(struct chat_write *w, const struct chat_thread_row *row,
                         const struct chat_participant *goes)
{
    w->notice = chat_write_notice(w, CHAT_EVENT_PARTICIPANTS_REMOVED, row);
    w->notice.base.effect = NOTICE_LEAVES;
    w->notice.base.users = &goes->user;
    w->notice.base.n_users = 1;
    w->notice.participants = goes;
    w->notice.n_participants = 1;
    w->notice.members = chat_write_members(w, &w->notice.n_members);
    w->tells = true;
}

void chat_member_leave(struct chat_write *w, struct change_set *set,
                       const struct chat_member_row *member, struct chat_participant *goes)
{
    struct chat_member_row left = *member;
    struct chat_thread_row row = w->turn.row;
    struct chat_message_row message = {.type = CHAT_PARTICIPANT_REMOVED, .sender = w->actor.user};

    *goes = chat_participant_of(member);
    message.content = chat_participants_text(&row.resource, goes, 1, w->arena);
    row.members--;
    chat_write_number(w, &row, &message);
    chat_write_message(w, set, &message);
    chat_write_thread(w, set, &row);
    left.left = message.id - 1; /* that message is for those who stay */
    left.gone = w->turn.next_order;
    left.topic = row.topic;
    change_set_add(set, w->arena, CHANGE_CHAT_MEMBER_PUT)->u.chat_member = left;
    tell_removed(w, &row, goes);
}

static const struct api_error *decide_remove(struct chat_write *w, struct change_set *set)
{
    struct removal *m = (struct removal *)w;

    if (!is_in(&w->turn.members[1]))
        return &API_CHAT_PARTICIPANT_NOT_FOUND;
    chat_member_leave(w, set, &w->turn.members[1], &m->goes);
    return NULL;
}

/* False: answered. */
static bool read_removed(struct request *req, struct chat_person *out)
{
    struct chat_reading r;
    bool named;

    if (!chat_reading_begin(&r, req))
        return false;
    named = chat_read_person(&r, r.body, STR("communicationIdentifier"), out);
    if (!chat_reading_end(&r) || !named)
        return false;
    if (out->code == 0)
        return true; /* whether he lives does not matter, he may be in all the same */
    answer_error(req, &API_CHAT_PARTICIPANT_NOT_FOUND);
    return false;
}

void chat_participants_remove(struct request *req)
{
    struct removal *m = arena_new(req->arena, struct removal);
    struct chat_person person;
    struct chat_place place;

    if (!chat_enter(req, &place) ||
        !chat_limits_allow(req, CHAT_LIMIT_CHANGE_PARTICIPANTS, &place.thread.key) ||
        !read_removed(req, &person))
        return;
    chat_write_begin(&m->write, req, &place);
    m->users[0] = m->write.actor.user;
    m->users[1] = person.key.user;
    m->write.turn.users = m->users;
    m->write.turn.n_users = ARRAY_LEN(m->users);
    m->write.decide = decide_remove;
    m->write.answer = chat_write_answer_empty;
    chat_write_commit(&m->write, CHAT_EVENT_PARTICIPANTS_REMOVED);
}
