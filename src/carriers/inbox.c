/* The carrier that keeps messages here and delivers nothing: what becomes of one is said by its
 * recipient's number. Every other number is reached. Source: wire/sms §7.
 *
 * It keeps nothing: a message is asked for again until its report is in the store. */
#include "carriers/carrier.h"

#define TEST_NUMBERS   "+1999555" /* no such area code */
#define NEVER          0u         /* no report comes */
#define TWO_ATTEMPTS   1u
#define SECOND_POLL_MS 500
#define ASKED_ONCE     STR("1")

struct inbox {
    struct carrier carrier;
    const struct carrier_host *host;
    struct loop_task task;
    struct answer *first, **last; /* what is known and not told yet */
    bool due;                     /* the task is queued */
    bool closed;                  /* the task frees what is left */
};

struct answer {
    struct answer *next;
    struct uuid id;
    uint32_t rule; /* last four digits of a test number; 2000: delivered */
    bool second;
};

/* clang-format off */
static const uint32_t failures[] = {4000, 4001, 4002, 4003, 4004, 4005, 4006, 4007, 4008, 4009,
                                    4010, 4020, 5000, 5001, 5002, 9999};
/* clang-format on */

static uint32_t rule_of(struct str to)
{
    struct str start = STR(TEST_NUMBERS);
    uint64_t digits;

    if (!str_starts(to, start) || to.len != start.len + 4 ||
        str_to_u64(str_from_index(to, start.len), 9999, &digits))
        return 2000;
    if (digits == NEVER || digits == TWO_ATTEMPTS)
        return (uint32_t)digits;
    for (size_t i = 0; i < ARRAY_LEN(failures); i++)
        if (failures[i] == digits)
            return failures[i];
    return 2000;
}

static bool is_failure(uint32_t rule)
{
    return rule > TWO_ATTEMPTS && rule != 2000;
}

/* Never before the call that asked has returned: from a task of its own. */
static void tell(const struct carrier_host *host, const struct answer *a)
{
    struct carrier_report report = {.id = a->id, .final = true, .delivered = !is_failure(a->rule)};
    struct carrier_result result = {.id = a->id, .outcome = CARRIER_ACCEPTED};

    if (a->rule == TWO_ATTEMPTS && !a->second) {
        report.final = report.delivered = false;
        report.segments_failed = 1;
        result.ref = ASKED_ONCE;
        result.poll_ms = SECOND_POLL_MS;
    }
    report.code = report.delivered ? 0 : a->rule;
    if (a->rule != NEVER)
        host->report(host, &report, NULL, NULL);
    host->submitted(host, &result);
}

static void tell_all(void *ctx)
{
    struct inbox *in = ctx;
    struct answer *a = in->first;

    if (in->closed) {
        free(in);
        return;
    }
    in->first = NULL;
    in->last = &in->first;
    in->due = false;
    while (a) {
        struct answer *next = a->next;

        tell(in->host, a);
        free(a);
        a = next;
    }
}

static enum rc check(const json_t *config, const json_t *secrets, struct buf *why)
{
    (void)secrets;
    if (json_object_size(config) == 0)
        return RC_OK;
    buf_add(why, STR("The inbox has no settings."));
    return RC_INVALID;
}

static struct carrier *open_inbox(const struct carrier_host *host, const json_t *config,
                                  const json_t *secrets)
{
    struct inbox *in = calloc(1, sizeof *in);

    (void)config;
    (void)secrets;
    if (!in)
        abort();
    in->carrier.ops = &inbox_carrier_ops;
    in->host = host;
    in->last = &in->first;
    NO_LEAK_BEGIN; /* the engine keeps its first member, and closes it */
    return &in->carrier;
    NO_LEAK_END;
}

/* Closed by the engine alone, when the server ends: what is queued is asked for again next time. */
static void close_inbox(struct carrier *c)
{
    struct inbox *in = (struct inbox *)(void *)c;

    in->closed = true;
    while (in->first) {
        struct answer *a = in->first;
        const struct carrier_result result = {.id = a->id, .outcome = CARRIER_UNSURE};

        in->first = a->next;
        in->host->submitted(in->host, &result);
        free(a);
    }
    if (!in->due)
        free(in);
}

static size_t room(const struct carrier *c)
{
    (void)c;
    return 1000;
}

static void submit(struct carrier *c, const struct carrier_message *m)
{
    (void)c;
    (void)m; /* immediate: never called */
}

static void poll_inbox(struct carrier *c, const struct carrier_message *m)
{
    struct inbox *in = (struct inbox *)(void *)c;
    struct answer *a = calloc(1, sizeof *a);

    if (!a)
        abort();
    a->id = m->id;
    a->rule = rule_of(m->to);
    a->second = name_eq(m->ref, ASKED_ONCE);
    *in->last = a;
    in->last = &a->next;
    if (in->due)
        return;
    in->due = true;
    in->task = (struct loop_task){.run = tell_all, .ctx = in};
    loop_defer(in->host->loop, &in->task);
}

static void status(const struct carrier *c, struct json_writer *w)
{
    (void)c;
    json_member_str(w, "state", STR("up"));
}

const struct carrier_ops inbox_carrier_ops = {
    .kind = "inbox",
    .immediate = true,
    .check = check,
    .open = open_inbox,
    .close = close_inbox,
    .room = room,
    .submit = submit,
    .poll = poll_inbox,
    .status = status,
};
