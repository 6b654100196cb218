/* GET …/messages: what happened last comes first, by sequenceId. A page goes on where the former
 * ended, below its numbers, and whatever is new, edited or deleted meanwhile gets a higher one: so
 * nothing shifts or comes twice while a client pages. Source: wire/chat §2.6. */
#include "services/chat/chat_wire.h"

static void write_messages(struct chat_listing *l, struct json_writer *w, struct str *out_place)
{
    const uint64_t place[CHAT_PLACE_LEN] = {(uint64_t)l->page.next_seq};
    const struct uuid *thread = &l->query.thread;

    for (size_t i = 0; i < l->page.n; i++)
        chat_message_write(w, &l->req->principal->user.resource, &l->page.messages[i]);
    if (l->page.more)
        *out_place = chat_listing_cursor(l, str_of(thread, sizeof *thread), place);
}

void chat_messages_list(struct request *req)
{
    struct chat_listing *l = arena_new(req->arena, struct chat_listing);
    uint32_t size = req->site->chat->options.page_default;
    uint64_t place[CHAT_PLACE_LEN] = {0};
    struct chat_place at;
    struct str thread;
    bool given;

    if (!chat_enter_to_read(req, &at) ||
        !chat_limits_allow(req, CHAT_LIMIT_LIST_MESSAGES, &at.thread.key) ||
        !chat_listing_begin(l, req, size))
        return;
    l->query =
        (struct chat_query){.what = CHAT_LIST_MESSAGES, .thread = at.thread.key, .limit = l->size};
    chat_window(&at.member, &l->query.id_from, &l->query.id_to);
    if (l->start > l->query.id_from)
        l->query.id_from = l->start;
    l->write = write_messages;
    thread = str_of(&l->query.thread, sizeof l->query.thread);
    if (!chat_listing_place(l, thread, &given, place))
        return;
    l->query.seq_below = (int64_t)place[0];
    chat_listing_run(l);
}
