/* The documented limits, as fixed windows in one set-associative table under one lock. Only with
 * limits = azure, which is a test or a production choice. Keys are keyed hashes, so nobody can
 * choose whom they crowd out. Source: wire/chat §2.9. */
#include "services/chat/chat_wire.h"

#include "base/map.h"

#include <stdlib.h>

#define WAYS      ((size_t)8)
#define SLOTS     ((size_t)16384)
#define SECOND_NS ((mono_ns)1000 * 1000 * 1000)
#define RULES_MAX 4
#define SHARE_MAX 1e9

enum by { BY_NOBODY = 0, BY_USER, BY_THREAD, BY_BOTH };

struct rule {
    enum by by;
    uint32_t calls, seconds;
    struct str name;
};

/* clang-format off */
static const struct rule rules[CHAT_LIMIT_OP_COUNT][RULES_MAX] = {
    [CHAT_LIMIT_CREATE_THREAD] = {
        {BY_USER,   10,  10, STR_INIT("create thread: 10 in 10 s per user")}},
    [CHAT_LIMIT_DELETE_THREAD] = {
        {BY_USER,   10,  10, STR_INIT("delete thread: 10 in 10 s per user")}},
    [CHAT_LIMIT_UPDATE_THREAD] = {
        {BY_THREAD, 5,   10, STR_INIT("update thread: 5 in 10 s per thread")}},
    [CHAT_LIMIT_GET_THREAD] = {
        {BY_USER,   50,  10, STR_INIT("get thread: 50 in 10 s per user")}},
    [CHAT_LIMIT_LIST_THREADS] = {
        {BY_USER,   50,  10, STR_INIT("list threads: 50 in 10 s per user")}},
    [CHAT_LIMIT_CHANGE_PARTICIPANTS] = {
        {BY_THREAD, 10,  10, STR_INIT("add and remove participants: 10 in 10 s per thread")},
        {BY_THREAD, 30,  60, STR_INIT("add and remove participants: 30 in 60 s per thread")}},
    [CHAT_LIMIT_LIST_PARTICIPANTS] = {
        {BY_BOTH,   10,  10, STR_INIT("list participants: 10 in 10 s per user and thread")},
        {BY_THREAD, 250, 10, STR_INIT("list participants: 250 in 10 s per thread")}},
    [CHAT_LIMIT_GET_MESSAGE] = {
        {BY_BOTH,   50,  10, STR_INIT("get message: 50 in 10 s per user and thread")},
        {BY_THREAD, 250, 10, STR_INIT("get message: 250 in 10 s per thread")}},
    [CHAT_LIMIT_LIST_MESSAGES] = {
        {BY_BOTH,   50,  10, STR_INIT("list messages: 50 in 10 s per user and thread")},
        {BY_BOTH,   200, 60, STR_INIT("list messages: 200 in 60 s per user and thread")},
        {BY_THREAD, 250, 10, STR_INIT("list messages: 250 in 10 s per thread")},
        {BY_THREAD, 400, 60, STR_INIT("list messages: 400 in 60 s per thread")}},
    [CHAT_LIMIT_CHANGE_MESSAGES] = {
        {BY_THREAD, 10,  10, STR_INIT("send, edit and delete message: 10 in 10 s per thread")},
        {BY_THREAD, 30,  60, STR_INIT("send, edit and delete message: 30 in 60 s per thread")}},
    [CHAT_LIMIT_LIST_RECEIPTS] = {
        {BY_BOTH,   5,   10, STR_INIT("list read receipts: 5 in 10 s per user and thread")},
        {BY_THREAD, 100, 10, STR_INIT("list read receipts: 100 in 10 s per thread")}},
    [CHAT_LIMIT_SEND_RECEIPT] = {
        {BY_BOTH,   10,  10, STR_INIT("send read receipt: 10 in 10 s per user and thread")},
        {BY_BOTH,   30,  60, STR_INIT("send read receipt: 30 in 60 s per user and thread")}},
    [CHAT_LIMIT_TYPING] = {
        {BY_BOTH,   5,   10, STR_INIT("typing: 5 in 10 s per user and thread")},
        {BY_BOTH,   15,  60, STR_INIT("typing: 15 in 60 s per user and thread")},
        {BY_THREAD, 10,  10, STR_INIT("typing: 10 in 10 s per thread")},
        {BY_THREAD, 30,  60, STR_INIT("typing: 30 in 60 s per thread")}},
};
/* clang-format on */

struct slot {
    uint64_t key;
    mono_ns ends; /* of its window */
    uint32_t used;
};

struct chat_limits {
    pthread_mutex_t lock;
    double factor;
    struct slot slots[SLOTS];
};

struct chat_limits *chat_limits_new(double factor)
{
    struct chat_limits *l = calloc(1, sizeof *l);

    if (!l || pthread_mutex_init(&l->lock, NULL))
        abort();
    l->factor = factor;
    return l;
}

void chat_limits_free(struct chat_limits *l)
{
    if (!l)
        return;
    (void)pthread_mutex_destroy(&l->lock); /* nobody holds it any more */
    free(l);
}

static uint32_t share_of(const struct chat_limits *l, const struct rule *rule)
{
    double share = rule->calls * l->factor;

    return share < 1 ? 1 : share > SHARE_MAX ? (uint32_t)SHARE_MAX : (uint32_t)share;
}

static uint64_t key_of(const struct rule *rule, const struct chat_limit_call *call)
{
    struct {
        struct user_key user;
        struct uuid thread;
        uint64_t rule;
    } what = {.rule = (uint64_t)(rule - &rules[0][0]) + 1};

    if (rule->by != BY_THREAD)
        what.user = call->user;
    if (rule->by != BY_USER)
        what.thread = call->thread;
    return hash_keyed(&what, sizeof what);
}

/* The slot of `key`; else a free one, or the one that is free first. */
static struct slot *slot_of(struct chat_limits *l, uint64_t key, mono_ns now)
{
    struct slot *set = &l->slots[key % (SLOTS / WAYS) * WAYS], *oldest = set;

    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].key == key && set[i].ends > now)
            return &set[i];
        if (set[i].ends < oldest->ends)
            oldest = &set[i];
    }
    *oldest = (struct slot){.key = key};
    return oldest;
}

static bool is_used_up(struct chat_limits *l, const struct rule *rule, uint64_t key, mono_ns now,
                       uint32_t *out_retry_s)
{
    const struct slot *s = slot_of(l, key, now);

    if (s->used < share_of(l, rule))
        return false;
    *out_retry_s = (uint32_t)((s->ends - now + SECOND_NS - 1) / SECOND_NS);
    return true;
}

static void count(struct chat_limits *l, const struct rule *rule, uint64_t key, mono_ns now)
{
    struct slot *s = slot_of(l, key, now);

    if (!s->used)
        s->ends = now + rule->seconds * SECOND_NS;
    s->used++;
}

bool chat_limits_take(struct chat_limits *l, const struct chat_limit_call *call, mono_ns now,
                      uint32_t *out_retry_s, struct str *out_name)
{
    const struct rule *first = rules[call->op], *over = NULL;
    uint64_t keys[RULES_MAX];
    size_t n = 0;

    pthread_mutex_lock(&l->lock);
    for (; n < RULES_MAX && first[n].by && !over; n++) {
        keys[n] = key_of(&first[n], call);
        if (is_used_up(l, &first[n], keys[n], now, out_retry_s))
            over = &first[n];
    }
    for (size_t i = 0; i < n && !over; i++)
        count(l, &first[i], keys[i], now);
    pthread_mutex_unlock(&l->lock);
    if (over)
        *out_name = over->name;
    return !over;
}

bool chat_limits_allow(struct request *req, enum chat_limit_op op, const struct uuid *thread)
{
    struct chat_limit_call call = {.op = op, .user = req->principal->user};
    struct chat_limits *l = req->site->chat->limits;
    struct str name = STR_EMPTY;
    uint32_t retry_s = 0;

    if (thread)
        call.thread = *thread;
    if (!l || chat_limits_take(l, &call, clock_mono(), &retry_s, &name))
        return true;
    reply_header(req, STR("Retry-After"), arena_printf(req->arena, "%u", retry_s));
    answer_refusal(req, &(struct refusal){&API_CHAT_RATE_LIMIT, STR_EMPTY, name});
    return false;
}
