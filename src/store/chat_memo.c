/* See chat_memo.h. */
#include "store/chat_memo.h"

#include <stdlib.h>

#define TEXTS_MAX ((size_t)1024) /* of one: 6 MiB for all */
#define TEXTS     5

struct kept {
    uint64_t changes;
    struct chat_thread_row thread;
    struct chat_member_row member;
    char texts[];
};

static void list_texts(struct chat_thread_row *thread, struct chat_member_row *member,
                       struct str *out[static TEXTS])
{
    out[0] = &thread->topic;
    out[1] = &thread->metadata;
    out[2] = &member->display_name;
    out[3] = &member->metadata;
    out[4] = &member->topic;
}

static bool is_of_user_in_thread(const void *kept, const void *key)
{
    const struct kept *k = kept;
    const struct chat_member_row *wanted = key;

    return uuid_eq(&k->member.thread, &wanted->thread) && uuid_eq(&k->member.user, &wanted->user);
}

static uint64_t octets_of(const struct chat_member_row *member)
{
    return memo_octets(&member->thread) ^ memo_octets(&member->user);
}

bool chat_memo_find(struct memo *m, uint64_t changes, struct arena *arena,
                    struct chat_thread_row *thread, struct chat_member_row *member)
{
    uint64_t octets = octets_of(member);
    struct kept *k = memo_find(m, octets, is_of_user_in_thread, member);
    struct str *texts[TEXTS];

    if (!k)
        return false;
    if (k->changes != changes) {
        memo_drop(m, octets, k);
        return false;
    }
    *thread = k->thread;
    *member = k->member;
    list_texts(thread, member, texts);
    memo_move_texts(texts, TEXTS, arena_alloc(arena, memo_texts_len(texts, TEXTS) + 1));
    return true;
}

void chat_memo_offer(struct memo *m, uint64_t changes, const struct chat_thread_row *thread,
                     const struct chat_member_row *member)
{
    struct kept row = {.changes = changes, .thread = *thread, .member = *member}, *k;
    uint64_t octets = octets_of(member);
    struct str *texts[TEXTS];
    size_t len;

    list_texts(&row.thread, &row.member, texts);
    len = memo_texts_len(texts, TEXTS);
    if (!member->joined || len > TEXTS_MAX || !memo_offer(m, octets))
        return;
    k = malloc(sizeof *k + len);
    if (!k)
        abort();
    *k = row;
    list_texts(&k->thread, &k->member, texts);
    memo_move_texts(texts, TEXTS, k->texts);
    memo_keep(m, octets, k);
}
