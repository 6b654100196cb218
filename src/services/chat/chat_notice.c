/* Notices: a deep copy in one piece of memory, so that one free() ends it on whichever loop was the
 * last to look. */
#include "services/chat/chat_notice.h"

#include <stdlib.h>

/* Where copies go: arrays in front, since they must be aligned, texts behind them. Measured first,
 * with both places NULL. */
struct pen {
    char *arrays, *texts;
    size_t arrays_len, texts_len;
};

static void *put_array(struct pen *pen, const void *from, size_t size)
{
    char *to = pen->arrays ? pen->arrays + pen->arrays_len : NULL;

    if (to && size)
        memcpy(to, from, size);
    pen->arrays_len += size;
    return to;
}

static void put_text(struct pen *pen, struct str *text)
{
    char *to = pen->texts ? pen->texts + pen->texts_len : NULL;

    if (to && text->len)
        memcpy(to, text->ptr, text->len);
    pen->texts_len += text->len;
    text->ptr = to;
}

static const struct chat_participant *
put_participants(struct pen *pen, const struct chat_participant *items, size_t n)
{
    struct chat_participant *to = put_array(pen, items, n * sizeof *items);

    for (size_t i = 0; i < n; i++) {
        struct chat_participant p = items[i];

        put_text(pen, &p.display_name);
        put_text(pen, &p.metadata);
        if (to)
            to[i] = p;
    }
    return to;
}

/* `n` begins as a shallow copy and ends as a deep one. */
static void put_all(struct pen *pen, struct chat_notice *n)
{
    n->base.users = put_array(pen, n->base.users, n->base.n_users * sizeof *n->base.users);
    n->participants = put_participants(pen, n->participants, n->n_participants);
    n->members = put_participants(pen, n->members, n->n_members);
    put_text(pen, &n->thread_id);
    put_text(pen, &n->actor_name);
    put_text(pen, &n->content);
    put_text(pen, &n->metadata);
    put_text(pen, &n->topic);
    put_text(pen, &n->thread_metadata);
}

static void free_notice(struct notice *n)
{
    free(n); /* its first member, and one piece */
}

struct chat_notice *chat_notice_make(const struct chat_notice *plain)
{
    struct chat_notice copy = *plain, *made;
    struct pen pen = {0};

    put_all(&pen, &copy);
    made = malloc(sizeof *made + pen.arrays_len + pen.texts_len);
    if (!made)
        abort();
    *made = *plain;
    pen = (struct pen){.arrays = (char *)(made + 1), .texts = (char *)(made + 1) + pen.arrays_len};
    put_all(&pen, made);
    atomic_init(&made->base.refs, 1);
    made->base.free = free_notice;
    return made;
}

bool chat_is_nobody(const struct uuid *user)
{
    static const struct uuid nobody;

    return uuid_eq(user, &nobody);
}
