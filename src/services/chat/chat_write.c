/* How every write of the service goes: one change set that begins with a turn of the thread. What a
 * kind of write decides is in its own file; here is what all have in common: who may, numbers of
 * messages, and that what happened reaches log, webhooks and bus in the order of commits.
 *
 * From store_commit() to `done` everything here belongs to the writer thread. Source: wire/chat §2;
 * design D5, D6, D24. */
#include "services/chat/chat_events.h"
#include "services/chat/chat_wire.h"

#include "events/event.h"

static const enum chat_log_kind log_kinds[CHAT_EVENT_COUNT] = {
    [CHAT_EVENT_MESSAGE_RECEIVED] = CHAT_LOG_MESSAGE_RECEIVED,
    [CHAT_EVENT_MESSAGE_EDITED] = CHAT_LOG_MESSAGE_EDITED,
    [CHAT_EVENT_MESSAGE_DELETED] = CHAT_LOG_MESSAGE_DELETED,
    [CHAT_EVENT_READ_RECEIPT] = CHAT_LOG_READ_RECEIPT,
    [CHAT_EVENT_THREAD_CREATED] = CHAT_LOG_THREAD_CREATED,
    [CHAT_EVENT_THREAD_UPDATED] = CHAT_LOG_THREAD_UPDATED,
    [CHAT_EVENT_THREAD_DELETED] = CHAT_LOG_THREAD_DELETED,
    [CHAT_EVENT_PARTICIPANTS_ADDED] = CHAT_LOG_PARTICIPANTS_ADDED,
    [CHAT_EVENT_PARTICIPANTS_REMOVED] = CHAT_LOG_PARTICIPANTS_REMOVED,
};

/* ---- what decisions are made of ---- */

const struct api_error *chat_write_merge(struct chat_write *w, struct str old, struct str patch,
                                         size_t max, struct str *out)
{
    if (!chat_metadata_merge(old, patch, max, w->arena, out))
        return NULL;
    w->problem =
        (struct error_detail){STR("metadata is too large with what is there."), STR("metadata")};
    return &API_CHAT_INVALID;
}

void chat_write_thread(struct chat_write *w, struct change_set *set,
                       const struct chat_thread_row *row)
{
    change_set_add(set, w->arena, CHANGE_CHAT_THREAD_PUT)->u.chat_thread = *row;
}

void chat_write_head(struct chat_write *w, struct change_set *set,
                     const struct chat_thread_row *row)
{
    change_set_add(set, w->arena, CHANGE_CHAT_HEAD_PUT)->u.chat_head =
        (struct chat_head){row->key, row->seq, row->last_id};
}

void chat_write_message(struct chat_write *w, struct change_set *set,
                        const struct chat_message_row *message)
{
    change_set_add(set, w->arena, CHANGE_CHAT_MESSAGE_PUT)->u.chat_message = *message;
}

void chat_write_number(const struct chat_write *w, struct chat_thread_row *row,
                       struct chat_message_row *message)
{
    row->last_id = w->now > row->last_id ? w->now : row->last_id + 1;
    row->seq++;
    message->thread = row->key;
    message->id = row->last_id;
    message->version = row->last_id;
    message->seq = row->seq;
    message->first_seq = row->seq;
}

struct chat_notice chat_write_notice(const struct chat_write *w, enum chat_event event,
                                     const struct chat_thread_row *row)
{
    return (struct chat_notice){
        .base = {.kind = NOTICE_TOPIC, .topic = row->key, .resource = row->resource},
        .event = event,
        .thread_id = chat_thread_id(row, w->arena),
        .time = w->now,
        .actor = w->actor.user,
        .created = row->created,
        .created_by = row->created_by,
        .topic = row->topic,
        .thread_metadata = row->metadata,
        .delete_after_days = row->delete_after_days,
    };
}

struct chat_participant *chat_write_members(const struct chat_write *w, size_t *out_n)
{
    size_t n = w->turn.n_all;
    struct chat_participant *items = arena_array(w->arena, struct chat_participant, n);

    for (size_t i = 0; i < n; i++)
        items[i] = chat_participant_of(&w->turn.all[i]);
    *out_n = n;
    return items;
}

/* ---- the turn ---- */

/* What may have changed since the caller was let in. */
static const struct api_error *refusal_of(struct chat_write *w)
{
    const struct chat_turn *t = &w->turn;

    if (w->creates)
        return t->row.created ? &API_CONFLICT : NULL;
    if (!t->row.created || t->row.deleted || !chat_thread_is(&t->row, &w->secret)) {
        w->explain = STR("chat; the thread was deleted");
        return &API_CHAT_THREAD_NOT_FOUND;
    }
    if (t->leaver && !t->is_leaver) /* a deleted user's chat is seen to, and he lives again */
        return &API_CONFLICT;
    if (t->n_users && (!t->members[0].joined || t->members[0].left)) { /* else: no user's doing */
        w->explain = STR("chat; the token's user was removed from the thread");
        return &API_FORBIDDEN;
    }
    return NULL;
}

void chat_write_publish(const struct chat *c, const struct chat_notice *notice)
{
    struct chat_notice what = *notice;

    if (what.event != CHAT_EVENT_PARTICIPANTS_ADDED)
        what.n_members = 0; /* those were for webhooks */
    if (c->options.bus)
        bus_publish(c->options.bus, &chat_notice_make(&what)->base);
}

static void on_durable(void *ctx, struct change_set *set)
{
    const struct chat_write *w = ctx;

    (void)set;
    chat_write_publish(w->chat, &w->notice);
}

void chat_write_tell(struct chat_write *w, struct change_set *set)
{
    struct chat_notice *n = &w->notice;
    struct chat_log_row entry = {
        .thread = n->base.topic,
        .kind = log_kinds[n->event],
        .time = n->time,
        .message = n->message,
        .actor = n->actor,
        .data = chat_log_data(n, w->arena),
    };

    n->base.order = w->turn.next_order;
    change_set_add(set, w->arena, CHANGE_CHAT_LOG_ADD)->u.chat_log = entry;
    chat_events_publish(w->chat->options.events, n, w->now, set, w->arena);
}

static enum rc decide(void *ctx, struct chat_turn *turn, struct change_set *set)
{
    struct chat_write *w = ctx;

    (void)turn; /* it is w's own */
    w->refused = refusal_of(w);
    if (!w->refused)
        w->refused = w->decide(w, set);
    if (w->refused)
        return RC_DENIED;
    if (w->tells) {
        chat_write_tell(w, set);
        set->durable = on_durable;
    }
    return RC_OK;
}

/* ---- on the loop ---- */

void chat_write_answer_empty(struct chat_write *w)
{
    answer_empty(w->req, 204);
}

static void on_done(void *ctx, enum rc rc, struct change_set *set)
{
    struct chat_write *w = ctx;

    (void)set;
    if (rc == RC_OK && w->tells && w->chat->options.events)
        events_wake(w->chat->options.events);
    if (w->done) {
        w->done(w, rc);
    } else if (rc == RC_OK) {
        w->answer(w);
    } else if (w->refused) {
        w->req->explain = w->explain;
        if (w->problem.target.len)
            chat_answer_problem(w->req, w->problem.message, w->problem.target);
        else
            answer_error(w->req, w->refused);
    } else {
        chat_answer_rc(w->req, rc);
    }
}

void chat_write_begin(struct chat_write *w, struct request *req, const struct chat_place *place)
{
    w->chat = req->site->chat;
    w->arena = req->arena;
    w->req = req;
    w->now = req->now;
    w->actor = req->principal->user;
    w->secret = place->secret;
    w->turn.thread = place->thread.key;
    w->turn.users = &w->actor.user;
    w->turn.n_users = 1;
}

void chat_write_commit(struct chat_write *w, enum chat_event event)
{
    struct store *store = w->chat->options.store;

    w->turn.arena = w->arena;
    w->turn.decide = decide;
    w->turn.ctx = w;
    if (event != CHAT_EVENT_NONE && !w->turn.all_members)
        w->turn.all_members =
            chat_events_want_members(w->chat->options.events, &w->actor.resource, event);
    w->first = (struct change){.kind = CHANGE_CHAT_TURN, .u.chat_turn = &w->turn};
    w->set.items = &w->first;
    w->set.n = 1;
    w->set.done = on_done;
    w->set.ctx = w;
    if (w->req) {
        w->set.loop = w->req->loop;
        request_hold(w->req);
    }
    store_commit(store, &w->set);
}
