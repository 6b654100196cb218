/* Makes the threads of a seed: by the decisions that requests take, on the writer thread, in the
 * document's own commit. All of them are one turn, so that numbers of the log are known; a turn of
 * each thread before it finds out whether its id is free. Source: wire/administration §3. */
#include "services/chat/chat_seed.h"

#include <stdlib.h>

/* ---- the turns ---- */

static enum rc decide_free(void *ctx, struct chat_turn *turn, struct change_set *set)
{
    (void)ctx, (void)set;
    return turn->row.created ? RC_CONFLICT : RC_OK;
}

static void take_members(struct seeded_thread *t)
{
    const struct chat_making *m = &t->making;

    t->members = arena_array(m->write.arena, struct chat_member_row, m->n);
    for (size_t i = 0; i < m->n; i++)
        t->members[i] = (struct chat_member_row){.thread = m->made.key,
                                                 .user = m->participants[i].user,
                                                 .joined = m->write.turn.next_order,
                                                 .share_from = m->participants[i].share_from,
                                                 .display_name = m->participants[i].display_name,
                                                 .metadata = m->participants[i].metadata};
}

/* What it was decided to tell. The log's numbers go up with it. */
static void tell(struct seeded_thread *t, struct change_set *set, size_t at)
{
    struct chat_write *w = &t->making.write;

    chat_write_tell(w, set);
    w->turn.next_order++;
    t->notices[at] = w->notice;
}

static void make_messages(struct seeded_thread *t, struct change_set *set)
{
    struct chat_write *w = &t->making.write;

    w->turn.row = t->making.made;
    w->turn.all = t->members;
    w->turn.n_all = t->making.n;
    for (size_t i = 0; i < t->n_messages; i++) {
        struct seeded_message *m = &t->messages[i];

        w->actor.user = m->sender;
        w->now = m->when;
        chat_message_add(w, set, &m->row);
        tell(t, set, i + 1);
    }
}

static enum rc decide_all(void *ctx, struct chat_turn *turn, struct change_set *set)
{
    struct seeded_chat *chat = ctx;
    int64_t order = turn->next_order;

    for (size_t i = 0; i < chat->n; i++) {
        struct seeded_thread *t = &chat->threads[i];

        t->making.write.turn.next_order = order;
        chat_thread_make(&t->making, set);
        take_members(t);
        tell(t, set, 0);
        make_messages(t, set);
        order = t->making.write.turn.next_order;
    }
    return RC_OK;
}

/* ---- from the document to the set ---- */

static void add_turn(struct seeding *s, struct chat_turn *turn)
{
    turn->arena = s->req->arena;
    change_list_add(&s->changes, CHANGE_CHAT_TURN)->u.chat_turn = turn;
}

static void add_turns(struct seeding *s, struct seeded_chat *chat)
{
    for (size_t i = 0; i < chat->n; i++) {
        struct seeded_thread *t = &chat->threads[i];

        t->turn.thread = t->making.write.turn.thread;
        t->turn.decide = decide_free;
        add_turn(s, &t->turn);
    }
    if (!chat->n)
        return;
    chat->turn.thread = chat->threads[0].turn.thread;
    chat->turn.decide = decide_all;
    chat->turn.ctx = chat;
    add_turn(s, &chat->turn);
}

/* A thread's key, and its place in the document. */
struct claimed {
    struct uuid key;
    size_t at;
};

static int by_key(const void *a, const void *b)
{
    const struct claimed *x = a, *y = b;
    int order = memcmp(&x->key, &y->key, sizeof x->key);

    return order ? order : (x->at > y->at) - (x->at < y->at);
}

/* There may be thousands. */
static bool are_distinct(struct seeding *s, struct str path, const struct seeded_chat *chat)
{
    struct claimed *all = arena_array(s->req->arena, struct claimed, chat->n);

    for (size_t i = 0; i < chat->n; i++)
        all[i] = (struct claimed){chat->threads[i].making.write.turn.thread, i};
    if (chat->n)
        qsort(all, chat->n, sizeof *all, by_key);
    for (size_t i = 1; i < chat->n; i++)
        if (uuid_eq(&all[i - 1].key, &all[i].key))
            return seed_refuse(s, seed_member(s, seed_item(s, path, all[i].at), "id"),
                               STR("Another thread of the document has it."));
    return true;
}

static bool read(struct seeding *s, struct str path, json_t *value, void **out_state)
{
    static const struct str names[] = {STR_INIT("threads")};
    struct seeded_chat *chat = arena_new(s->req->arena, struct seeded_chat);
    json_t *list;

    *out_state = chat;
    chat->chat = s->req->site->chat;
    if (!seed_members(s, path, value, names, ARRAY_LEN(names)) ||
        !seed_list(s, path, value, "threads", &list))
        return false;
    chat->threads = arena_array(s->req->arena, struct seeded_thread, json_array_size(list));
    for (size_t i = 0; i < json_array_size(list); i++, chat->n++) {
        struct seeded_thread *t = &chat->threads[i];

        *t = (struct seeded_thread){0};
        if (!seed_thread_read(s, seed_item(s, seed_member(s, path, "threads"), i),
                              json_array_get(list, i), t))
            return false;
    }
    if (!are_distinct(s, seed_member(s, path, "threads"), chat))
        return false;
    add_turns(s, chat);
    return true;
}

/* ---- afterwards ---- */

static void durable(void *state)
{
    const struct seeded_chat *chat = state;

    for (size_t i = 0; i < chat->n; i++)
        for (size_t k = 0; k <= chat->threads[i].n_messages; k++)
            chat_write_publish(chat->chat, &chat->threads[i].notices[k]);
}

static void write_made(const struct seeding *s, const struct seeded_thread *t,
                       struct json_writer *w)
{
    struct arena *arena = s->req->arena;

    json_object_begin(w);
    if (t->as.len)
        json_member_str(w, "as", t->as);
    json_member_str(w, "id", chat_thread_id(&t->making.made, arena));
    json_name(w, "messages");
    json_array_begin(w);
    for (size_t i = 0; i < t->n_messages; i++)
        json_str(w, chat_message_id(t->messages[i].row.id, arena));
    json_array_end(w);
    json_object_end(w);
}

static void answer(const struct seeding *s, const void *state, struct json_writer *w)
{
    const struct seeded_chat *chat = state;

    json_object_begin(w);
    json_name(w, "threads");
    json_array_begin(w);
    for (size_t i = 0; i < chat->n; i++)
        write_made(s, &chat->threads[i], w);
    json_array_end(w);
    json_object_end(w);
}

const struct seed_part seed_chat = {.name = STR_INIT("chat"),
                                    .stands_on = STR_INIT("users"),
                                    .read = read,
                                    .durable = durable,
                                    .answer = answer,
                                    .write = seed_chat_write,
                                    .reset = seed_chat_reset};
