#include "hub_world.h"

#include <unistd.h>

struct world world;

enum rc __wrap_store_list_chat(struct store_reader *r, const struct chat_query *query,
                               struct arena *arena, struct chat_page *out);
void __wrap_store_on_pool(struct store *s, struct loop *loop, store_work_fn work, loop_fn done,
                          void *ctx);

struct uuid world_topic(unsigned topic)
{
    return (struct uuid){{'t', (uint8_t)topic}};
}

struct user_key world_user(unsigned user)
{
    return (struct user_key){world.resource, {{'u', (uint8_t)user}}};
}

void world_init(struct bus *bus)
{
    memset(&world, 0, sizeof world);
    assert_int_equal(pthread_mutex_init(&world.lock, NULL), 0);
    world.bus = bus;
    world.resource = (struct uuid){{'r'}};
    world.order = 100; /* something was there before */
}

void world_clear(void)
{
    pthread_mutex_destroy(&world.lock);
}

/* ---- the store ---- */

enum rc __wrap_store_list_chat(struct store_reader *r, const struct chat_query *query,
                               struct arena *arena, struct chat_page *out)
{
    unsigned user = query->user.octets[1];

    (void)r;
    assert_int_equal(query->what, CHAT_LIST_THREADS);
    assert_true(uuid_eq(&query->resource, &world.resource));
    *out = (struct chat_page){0};
    if (world.failing)
        return world.failing;
    out->threads = arena_array(arena, struct chat_thread_row, TOPICS);
    out->members = arena_array(arena, struct chat_member_row, TOPICS);
    pthread_mutex_lock(&world.lock);
    for (unsigned t = 0; t < TOPICS; t++) {
        if (!world.member[t][user].joined || world.deleted[t])
            continue;
        out->threads[out->n] =
            (struct chat_thread_row){.key = world_topic(t), .resource = world.resource};
        out->members[out->n++] = (struct chat_member_row){.joined = world.member[t][user].joined,
                                                          .gone = world.member[t][user].gone};
    }
    pthread_mutex_unlock(&world.lock);
    return RC_OK;
}

struct job {
    store_work_fn work;
    loop_fn done;
    void *ctx;
};

static void slowly(unsigned seed)
{
    if (world.delay_us)
        (void)usleep(seed % world.delay_us);
}

static void work(void *ctx)
{
    static _Atomic unsigned seed;
    const struct job *j = ctx;

    slowly(atomic_fetch_add(&seed, 7919));
    j->work(j->ctx, (struct store_reader *)&world); /* not NULL: nobody looks inside */
    slowly(atomic_fetch_add(&seed, 7919));
}

static void done(void *ctx)
{
    struct job *j = ctx;

    j->done(j->ctx);
    free(j);
}

void __wrap_store_on_pool(struct store *s, struct loop *loop, store_work_fn work_fn,
                          loop_fn done_fn, void *ctx)
{
    struct job *j = calloc(1, sizeof *j);

    (void)s;
    if (!j)
        abort();
    *j = (struct job){work_fn, done_fn, ctx};
    loop_work(loop, work, done, j);
}

/* ---- what happens ---- */

struct one {
    struct notice base; /* first */
    struct uuid users[USERS];
};

static uint32_t members(unsigned topic)
{
    uint32_t bits = 0;

    for (unsigned u = 0; u < USERS; u++) {
        if (world.member[topic][u].joined && !world.member[topic][u].gone)
            bits |= 1U << u;
    }
    return bits;
}

/* Under the lock, before the change: gives the entry its number. */
static struct one *begin(unsigned topic, enum notice_effect effect, uint32_t users)
{
    struct one *n = calloc(1, sizeof *n);

    if (!n)
        abort();
    n->base = (struct notice){
        .refs = 1,
        .free = notice_free,
        .kind = NOTICE_TOPIC,
        .effect = effect,
        .topic = world_topic(topic),
        .resource = world.resource,
        .order = ++world.order,
        .users = n->users,
    };
    assert_true(world.order < LOG_MAX);
    for (unsigned u = 0; u < USERS; u++) {
        if (users & 1U << u)
            n->users[n->base.n_users++] = world_user(u).user;
    }
    world.log[world.order].heard = members(topic) | users;
    return n;
}

void world_say(unsigned topic)
{
    struct one *n = NULL;

    pthread_mutex_lock(&world.lock);
    if (!world.deleted[topic])
        n = begin(topic, NOTICE_STAYS, 0);
    pthread_mutex_unlock(&world.lock);
    if (n)
        bus_publish(world.bus, &n->base);
}

static void change(unsigned topic, unsigned user, bool in)
{
    struct one *n = NULL;

    pthread_mutex_lock(&world.lock);
    if (!world.deleted[topic] && in != ((members(topic) >> user & 1U) != 0)) {
        n = begin(topic, in ? NOTICE_JOINS : NOTICE_LEAVES, 1U << user);
        if (in)
            world.member[topic][user].joined = world.order;
        world.member[topic][user].gone = in ? 0 : world.order;
    }
    pthread_mutex_unlock(&world.lock);
    if (n)
        bus_publish(world.bus, &n->base);
}

void world_join(unsigned topic, unsigned user)
{
    change(topic, user, true);
}

void world_part(unsigned topic, unsigned user)
{
    change(topic, user, false);
}

void world_delete(unsigned topic)
{
    struct one *n = NULL;

    pthread_mutex_lock(&world.lock);
    if (!world.deleted[topic]) {
        n = begin(topic, NOTICE_ENDS, members(topic));
        world.deleted[topic] = true;
    }
    pthread_mutex_unlock(&world.lock);
    if (n)
        bus_publish(world.bus, &n->base);
}

void world_typing(unsigned topic)
{
    struct one *n;

    pthread_mutex_lock(&world.lock);
    n = begin(topic, NOTICE_STAYS, 0);
    n->base.order = 0;
    world.order--;
    pthread_mutex_unlock(&world.lock);
    bus_publish(world.bus, &n->base);
}
