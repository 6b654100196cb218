/* A user's deletion is one row in the commit that makes him a tombstone (store/chat.h); here the
 * threads follow: first he leaves all of them, then, thread by thread, what he sent is deleted, his
 * name taken out of what the service wrote about him, and his membership with his receipt dropped.
 *
 * One step at a time: a look on the pool, then some writes at once, each a turn of a thread as a
 * request's would be. Where a step begins is read from the rows alone, so that a start after a
 * crash goes on where the last commit ended. A failure is tried again a second later. */
#include "services/chat/chat_leavers.h"

#include "services/chat/chat_wire.h"

#include <stdatomic.h>
#include <stdlib.h>

#define AGAIN_MS      1000
#define TURNS_AT_ONCE ((uint32_t)64)

enum step {
    STEP_NONE = 0, /* nobody is left */
    STEP_LEAVE,    /* he is in some threads */
    STEP_ERASE,    /* he was in this one, and there are messages to look at */
    STEP_DROP,     /* he was in this one, and nothing of him is left in it */
    STEP_END,      /* he has no place in any */
};

struct chat_leavers {
    struct chat *chat;
    const struct site *site;
    struct loop_timer timer;
    struct loop_task woken;
    atomic_bool started, posted;
    bool stopped;
    bool busy;  /* a step is under way */
    bool again; /* somebody was deleted meanwhile */
    /* the step; the pool's while it looks */
    struct arena arena;
    enum rc rc;
    unix_ms now;
    enum step step;
    struct chat_leaver_row who;
    struct chat_page places, traces;
    struct uuid thread; /* ERASE: whose messages up to `after` have been seen to */
    unix_ms after;
    /* its writes */
    size_t open;
    struct change_set set;
    struct change change;
};

/* One turn of a thread. */
struct parting {
    struct chat_write write; /* first */
    struct uuid user;
    struct chat_participant goes;
};

struct chat_leavers *chat_leavers_new(struct chat *c)
{
    struct chat_leavers *l = calloc(1, sizeof *l);

    if (!l)
        abort();
    l->chat = c;
    arena_init(&l->arena);
    return l;
}

void chat_leavers_free(struct chat_leavers *l)
{
    if (!l)
        return;
    arena_clear(&l->arena);
    free(l);
}

/* ---- what a turn decides, on the writer thread ---- */

static const struct api_error *decide_leave(struct chat_write *w, struct change_set *set)
{
    struct parting *p = (struct parting *)w;
    struct chat_member_row member = w->turn.members[0]; /* he is in, or it was refused */

    member.display_name = member.metadata = STR_EMPTY;
    chat_member_leave(w, set, &member, &p->goes);
    return NULL;
}

/* Takes name and metadata of a participant out of a list of them; false: there were none. */
static bool make_nameless(json_t *list, struct str raw_id)
{
    bool changed = false;

    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *item = json_array_get(list, i);
        struct str id;

        if (json_get_str(json_object_get(item, "communicationIdentifier"), "rawId", &id) ||
            !name_eq(id, raw_id))
            continue;
        changed = json_object_del(item, "displayName") == 0 || changed;
        changed = json_object_del(item, "metadata") == 0 || changed;
    }
    return changed;
}

/* What the service wrote of who came and left. Nothing happened to it that anybody is told. */
static void forget_name(struct parting *p, struct change_set *set)
{
    struct chat_write *w = &p->write;
    struct chat_message_row m = w->turn.found;
    AUTO(json_freep) json_t *list = NULL;

    if (m.type == CHAT_TOPIC_UPDATED || json_read(m.content, &list, NULL) ||
        !make_nameless(list, user_id_format(&w->actor, w->arena)))
        return;
    m.content = chat_json_text(list, w->arena);
    chat_write_message(w, set, &m);
}

static void forget_sent(struct parting *p, struct change_set *set)
{
    struct chat_write *w = &p->write;
    struct chat_message_row m = w->turn.found;

    if (!uuid_eq(&m.sender, &p->user))
        return;
    m.sender_name = STR_EMPTY;
    if (m.deleted)
        chat_write_message(w, set, &m);
    else
        chat_message_end(w, set, &m);
}

static const struct api_error *decide_erase(struct chat_write *w, struct change_set *set)
{
    struct parting *p = (struct parting *)w;
    enum chat_message_type type = w->turn.found.type;

    if (type == CHAT_TEXT || type == CHAT_HTML)
        forget_sent(p, set);
    else if (type != CHAT_MESSAGE_NONE)
        forget_name(p, set);
    return NULL;
}

/* ---- writes, on the loop ---- */

static void look(struct chat_leavers *l);

/* Until the timer's next look. */
static void give_up(struct chat_leavers *l, const char *what)
{
    log_warn(l->chat->options.log, "chat.leaving_failed", "what=%s rc=%s action=tried_again", what,
             rc_name(l->rc));
    l->thread = (struct uuid){0}; /* from its first message on */
    l->busy = false;
}

static void end_write(struct chat_leavers *l, enum rc rc)
{
    if (rc)
        l->rc = rc;
    if (--l->open > 0)
        return;
    if (l->rc)
        give_up(l, "write");
    else if (l->stopped)
        l->busy = false;
    else
        look(l);
}

/* What was refused has changed since the look, or he lives again: the next one sees how. */
static void on_turn(struct chat_write *w, enum rc rc)
{
    end_write(w->ctx, w->refused ? RC_OK : rc);
}

static struct parting *new_parting(struct chat_leavers *l, const struct chat_thread_row *row)
{
    struct parting *p = arena_new(&l->arena, struct parting);
    struct chat_write *w = &p->write;

    p->user = l->who.user;
    w->chat = l->chat;
    w->arena = &l->arena;
    w->now = l->now;
    w->actor = (struct user_key){l->who.resource, l->who.user};
    w->secret = row->secret;
    w->turn.thread = row->key;
    w->turn.leaver = &l->who;
    w->done = on_turn;
    w->ctx = l;
    w->set.loop = l->site->loop;
    return p;
}

/* The arena is the writer's from the first commit on: all are made before. */
static void commit_turns(struct chat_leavers *l, struct parting **all, size_t n,
                         enum chat_event event)
{
    l->open = n;
    for (size_t i = 0; i < n; i++)
        chat_write_commit(&all[i]->write, event);
}

static void leave(struct chat_leavers *l)
{
    size_t n = l->places.n;
    struct parting **all = arena_array(&l->arena, struct parting *, n);

    for (size_t i = 0; i < n; i++) {
        all[i] = new_parting(l, &l->places.threads[i]);
        all[i]->write.turn.users = &all[i]->user;
        all[i]->write.turn.n_users = 1;
        all[i]->write.decide = decide_leave;
    }
    commit_turns(l, all, n, CHAT_EVENT_PARTICIPANTS_REMOVED);
}

static void erase(struct chat_leavers *l)
{
    size_t n = l->traces.n;
    struct parting **all = arena_array(&l->arena, struct parting *, n);

    l->after = l->traces.next_id;
    for (size_t i = 0; i < n; i++) {
        all[i] = new_parting(l, &l->places.threads[0]);
        all[i]->write.turn.message = l->traces.messages[i].id;
        all[i]->write.decide = decide_erase;
    }
    commit_turns(l, all, n, CHAT_EVENT_MESSAGE_DELETED);
}

static void on_changed(void *ctx, enum rc rc, struct change_set *set)
{
    (void)set;
    end_write(ctx, rc);
}

static void commit_change(struct chat_leavers *l, struct change change)
{
    l->open = 1;
    l->change = change;
    l->set = (struct change_set){
        .items = &l->change, .n = 1, .loop = l->site->loop, .done = on_changed, .ctx = l};
    store_commit(l->site->store, &l->set);
}

/* ---- what comes next, on the pool ---- */

static enum rc find_places(struct chat_leavers *l, struct store_reader *r, bool present,
                           uint32_t limit)
{
    const struct chat_query places = {.what = CHAT_LIST_PLACES,
                                      .resource = l->who.resource,
                                      .user = l->who.user,
                                      .present = present,
                                      .limit = limit};

    return store_list_chat(r, &places, &l->arena, &l->places);
}

/* Of the thread in `places`: what is left there. Looks on while whole portions hold nothing. */
static enum rc find_traces(struct chat_leavers *l, struct store_reader *r)
{
    struct chat_query traces = {.what = CHAT_LIST_TRACES,
                                .thread = l->places.threads[0].key,
                                .user = l->who.user,
                                .limit = TURNS_AT_ONCE};
    enum rc rc;

    if (!uuid_eq(&l->thread, &traces.thread))
        l->after = 0;
    l->thread = traces.thread;
    traces.id_from = l->after;
    do {
        rc = store_list_chat(r, &traces, &l->arena, &l->traces);
        traces.id_from = l->traces.next_id;
    } while (!rc && !l->traces.n && l->traces.more);
    l->step = l->traces.n ? STEP_ERASE : STEP_DROP;
    return rc;
}

static enum rc find_step(struct chat_leavers *l, struct store_reader *r)
{
    const struct chat_query leavers = {.what = CHAT_LIST_LEAVERS, .limit = 1};
    struct chat_page page;
    enum rc rc = store_list_chat(r, &leavers, &l->arena, &page);

    l->step = STEP_NONE;
    if (rc || !page.n)
        return rc;
    l->who = page.leavers[0];
    l->step = STEP_LEAVE;
    rc = find_places(l, r, true, TURNS_AT_ONCE);
    if (rc || l->places.n)
        return rc;
    l->step = STEP_END;
    rc = find_places(l, r, false, 1);
    return rc || !l->places.n ? rc : find_traces(l, r);
}

static void on_pool(void *ctx, struct store_reader *r)
{
    struct chat_leavers *l = ctx;

    l->rc = r ? find_step(l, r) : RC_BUSY;
}

static void begin_step(struct chat_leavers *l)
{
    switch (l->step) {
    case STEP_NONE:
        break;
    case STEP_LEAVE:
        leave(l);
        break;
    case STEP_ERASE:
        erase(l);
        break;
    case STEP_DROP:
        commit_change(l, (struct change){.kind = CHANGE_CHAT_MEMBER_DELETE,
                                         .u.chat_member_delete = {l->thread, l->who.user}});
        break;
    case STEP_END:
        commit_change(l,
                      (struct change){.kind = CHANGE_CHAT_LEAVER_DELETE, .u.chat_leaver = l->who});
        break;
    }
}

static void on_looked(void *ctx)
{
    struct chat_leavers *l = ctx;

    if (l->rc) {
        give_up(l, "look");
    } else if (!l->stopped && l->step != STEP_NONE) {
        begin_step(l);
    } else {
        l->busy = false;
        if (l->again && !l->stopped)
            look(l);
    }
}

static void look(struct chat_leavers *l)
{
    l->busy = true;
    l->again = false;
    l->now = clock_now(l->chat->options.clock);
    arena_reset(&l->arena);
    store_on_pool(l->site->store, l->site->loop, on_pool, on_looked, l);
}

static void on_time(void *ctx)
{
    struct chat_leavers *l = ctx;

    if (!l->busy && !l->stopped)
        look(l);
}

/* ---- life ---- */

static void on_woken(void *ctx)
{
    struct chat_leavers *l = ctx;

    atomic_store(&l->posted, false);
    l->again = true;
    on_time(l);
}

void chat_leavers_start(struct chat_leavers *l, const struct site *site)
{
    l->site = site;
    l->woken = (struct loop_task){.run = on_woken, .ctx = l};
    loop_timer_start(site->loop, &l->timer, AGAIN_MS, AGAIN_MS, on_time, l);
    atomic_store(&l->started, true);
}

void chat_leavers_wake(struct chat_leavers *l)
{
    if (atomic_load(&l->started) && !atomic_exchange(&l->posted, true))
        loop_post(l->site->loop, &l->woken);
}

void chat_leavers_stop(struct chat_leavers *l)
{
    if (!atomic_load(&l->started) || l->stopped)
        return;
    l->stopped = true;
    loop_timer_close(&l->timer);
}
