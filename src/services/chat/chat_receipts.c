/* Typing, which is told and not kept, and read receipts: the newest message that each user says he
 * has read. Neither is told in threads of more than CHAT_LIVELY_MAX. Source: wire/chat §2.8. */
#include "services/chat/chat_wire.h"

#define RECEIPTS_PAGE ((uint32_t)100)

/* ---- typing ---- */

/* Nothing is committed: it goes straight to the bus. */
static void publish_typing(struct request *req, const struct chat_place *place, struct str name)
{
    struct bus *bus = req->site->chat->options.bus;
    const struct chat_thread_row *row = &place->thread;
    struct chat_notice what = {
        .base = {.kind = NOTICE_TOPIC, .topic = row->key, .resource = row->resource},
        .event = CHAT_EVENT_TYPING,
        .thread_id = chat_thread_id(row, req->arena),
        .time = req->now,
        .version = req->now,
        .actor = req->principal->user.user,
        .actor_name = name,
    };

    if (bus && row->members <= CHAT_LIVELY_MAX)
        bus_publish(bus, &chat_notice_make(&what)->base);
}

void chat_typing_send(struct request *req)
{
    struct str name = STR_EMPTY;
    struct chat_place place;
    struct chat_reading r;

    if (!chat_enter(req, &place) || !chat_limits_allow(req, CHAT_LIMIT_TYPING, &place.thread.key) ||
        !chat_reading_begin(&r, req))
        return;
    chat_read_str(&r, "senderDisplayName", CHAT_NAME_MAX, &name);
    if (!chat_reading_end(&r))
        return;
    publish_typing(req, &place, name);
    answer_empty(req, 200);
}

/* ---- receipts ---- */

static void write_receipts(struct chat_listing *l, struct json_writer *w, struct str *out_place)
{
    for (size_t i = 0; i < l->page.n; i++) {
        const struct chat_receipt_row *row = &l->page.receipts[i];

        json_object_begin(w);
        json_name(w, "senderCommunicationIdentifier");
        chat_identifier_write(w, &l->req->principal->user.resource, &row->user);
        json_member_str(w, "chatMessageId", chat_message_id(row->message, &l->arena));
        chat_member_time(w, "readOn", row->read_on);
        json_object_end(w);
    }
    if (l->page.more)
        *out_place = arena_printf(l->req->arena, "skip=%zu", (size_t)l->query.skip + l->page.n);
}

void chat_receipts_list(struct request *req)
{
    struct chat_listing *l = arena_new(req->arena, struct chat_listing);
    struct chat_place place;

    if (!chat_enter(req, &place) ||
        !chat_limits_allow(req, CHAT_LIMIT_LIST_RECEIPTS, &place.thread.key) ||
        !chat_listing_begin(l, req, RECEIPTS_PAGE) || !chat_listing_skip(l))
        return;
    l->query.what = CHAT_LIST_RECEIPTS;
    l->query.thread = place.thread.key;
    l->query.limit = l->size;
    l->write = write_receipts;
    chat_listing_run(l);
}

static const struct api_error *decide_receipt(struct chat_write *w, struct change_set *set)
{
    const struct chat_turn *t = &w->turn;
    struct chat_receipt_row row = {
        .thread = t->thread, .user = w->actor.user, .message = t->message, .read_on = w->now};

    if (!t->found.id || !chat_sees(&t->members[0], t->message))
        return &API_CHAT_MESSAGE_NOT_FOUND;
    if (t->read.message >= t->message)
        return NULL; /* he has read further already */
    change_set_add(set, w->arena, CHANGE_CHAT_RECEIPT_PUT)->u.chat_receipt = row;
    if (t->row.members > CHAT_LIVELY_MAX)
        return NULL;
    w->notice = chat_write_notice(w, CHAT_EVENT_READ_RECEIPT, &t->row);
    w->notice.message = row.message;
    w->notice.version = w->now;
    w->notice.read_on = row.read_on;
    w->tells = true;
    return NULL;
}

static void answer_receipt(struct chat_write *w)
{
    answer_empty(w->req, 200);
}

/* False: answered. */
static bool read_message_id(struct request *req, unix_ms *out)
{
    struct str id = STR_EMPTY;
    struct chat_reading r;

    if (!chat_reading_begin(&r, req))
        return false;
    chat_read_str(&r, "chatMessageId", SIZE_MAX, &id);
    if (!id.len && !r.problems.n)
        chat_problem_add(&r.problems, STR("chatMessageId is required."), STR("chatMessageId"));
    if (!chat_reading_end(&r))
        return false;
    if (chat_message_id_parse(id, out) == RC_OK)
        return true;
    answer_error(req, &API_CHAT_MESSAGE_NOT_FOUND);
    return false;
}

void chat_receipt_send(struct request *req)
{
    struct chat_write *w = arena_new(req->arena, struct chat_write);
    struct chat_place place;

    if (!chat_enter(req, &place) ||
        !chat_limits_allow(req, CHAT_LIMIT_SEND_RECEIPT, &place.thread.key) ||
        !read_message_id(req, &w->turn.message))
        return;
    chat_write_begin(w, req, &place);
    w->turn.receipt = true;
    w->decide = decide_receipt;
    w->answer = answer_receipt;
    chat_write_commit(w, CHAT_EVENT_READ_RECEIPT);
}
