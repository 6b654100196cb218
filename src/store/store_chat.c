/* Reads of chat: handed to the back end. */
#include "store/store_private.h"

enum rc store_chat_thread(struct store_reader *r, const struct uuid *key, struct arena *arena,
                          struct chat_thread_row *out)
{
    enum rc rc = r->store->ops->chat_thread(r->reader, store_commits(r->store), key, arena, out);

    if (rc)
        *out = (struct chat_thread_row){.key = *key};
    return rc;
}

enum rc store_chat_member(struct store_reader *r, const struct uuid *thread,
                          const struct uuid *user, struct arena *arena, struct chat_member_row *out)
{
    *out = (struct chat_member_row){.thread = *thread, .user = *user};
    return r->store->ops->chat_member(r->reader, store_commits(r->store), arena, out);
}

enum rc store_chat_place(struct store_reader *r, struct arena *arena,
                         struct chat_thread_row *thread, struct chat_member_row *member)
{
    uint64_t changes =
        atomic_load_explicit(store_chat_changes(r->store, &member->thread), memory_order_acquire);
    enum rc rc;

    if (!r->chat)
        r->chat = memo_new();
    if (chat_memo_find(r->chat, changes, arena, thread, member))
        return RC_OK;
    rc = store_chat_thread(r, &member->thread, arena, thread);
    if (rc)
        return rc;
    thread->seq = 0;
    thread->last_id = 0;
    rc = r->store->ops->chat_member(r->reader, store_commits(r->store), arena, member);
    if (!rc)
        chat_memo_offer(r->chat, changes, thread, member);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc store_chat_message(struct store_reader *r, const struct uuid *thread, unix_ms id,
                           struct arena *arena, struct chat_message_row *out)
{
    enum rc rc;

    *out = (struct chat_message_row){.thread = *thread, .id = id};
    rc = r->store->ops->chat_message(r->reader, store_commits(r->store), arena, out);
    if (rc)
        out->id = 0; /* "there is no such message" */
    return rc;
}

enum rc store_chat_repeat(struct store_reader *r, struct chat_repeat_row *key)
{
    return r->store->ops->chat_repeat(r->reader, store_commits(r->store), key);
}

enum rc store_list_chat(struct store_reader *r, const struct chat_query *query, struct arena *arena,
                        struct chat_page *out)
{
    return r->store->ops->list_chat(r->reader, store_commits(r->store), query, arena, out);
}
