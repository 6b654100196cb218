#include "bench.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define GIVE_UP_NS ((mono_ns)60 * 1000 * 1000 * 1000)

struct bench bench;

/* ---- the network ---- */

struct due {
    struct loop_task task;
    struct outbound_call *call;
};

static void run_due(void *ctx)
{
    struct due *d = ctx;
    struct outbound_call *call = d->call;

    free(d);
    call->done(call->ctx, call);
}

static void answer_soon(struct outbound_call *call)
{
    struct due *d = calloc(1, sizeof *d);

    if (!d)
        abort();
    *d = (struct due){.task = {.run = run_due, .ctx = d}, .call = call};
    loop_post(bench.loop, &d->task);
}

static void copy(char *to, size_t cap, struct str from)
{
    (void)snprintf(to, cap, STR_FMT, STR_ARG(from));
}

static size_t count_events(struct str body)
{
    size_t n = 0, at;

    while ((at = str_find_str(body, STR("\"specversion\""))) < body.len ||
           (at = str_find_str(body, STR("\"eventTime\""))) < body.len) {
        n++;
        body = str_from_index(body, at + 1);
    }
    return n;
}

static void note(const struct outbound_call *call)
{
    struct sent *s = &bench.sent[bench.sent_n++];

    if (bench.sent_n == ARRAY_LEN(bench.sent))
        fail_msg("too many requests");
    *s = (struct sent){.events = count_events(call->body), .octets = call->body.len};
    copy(s->url, sizeof s->url, str_from(call->url));
    for (size_t i = 0; i < call->headers_count; i++) {
        const struct outbound_header *h = &call->headers[i];

        if (name_eq(h->name, STR("aeg-event-type")))
            copy(s->kind, sizeof s->kind, h->value);
        if (name_eq(h->name, STR("aeg-delivery-count")))
            copy(s->count, sizeof s->count, h->value);
        if (name_eq(h->name, STR("aeg-output-event-id")))
            copy(s->event_id, sizeof s->event_id, h->value);
    }
}

static void decide(struct outbound_call *call)
{
    call->rc = bench.status ? RC_OK : RC_IO;
    call->status = bench.failures ? 500 : bench.status;
    bench.failures -= bench.failures > 0;
}

static void fake_send(struct outbound *o, struct loop *loop, struct outbound_call *call)
{
    (void)o;
    assert_ptr_equal(loop, bench.loop);
    note(call);
    call->engine = NULL;
    if (bench.hold) {
        if (bench.held_n == ARRAY_LEN(bench.held))
            fail_msg("too many requests at a time");
        bench.held[bench.held_n++] = call;
        if (bench.held_n > bench.held_most)
            bench.held_most = bench.held_n;
        return;
    }
    decide(call);
    answer_soon(call);
}

static void fake_cancel(struct outbound *o, struct outbound_call *call)
{
    (void)o;
    for (size_t i = 0; i < bench.held_n; i++) {
        if (bench.held[i] != call)
            continue;
        bench.held[i] = bench.held[--bench.held_n];
        call->rc = RC_BUSY;
        answer_soon(call);
        return;
    }
}

void bench_release(void)
{
    while (bench.held_n) {
        struct outbound_call *call = bench.held[--bench.held_n];

        decide(call);
        answer_soon(call);
    }
}

/* ---- life ---- */

static struct str topic(void *ctx, const struct uuid *resource, struct arena *arena)
{
    (void)ctx;
    (void)resource;
    (void)arena;
    return bench.resource_gone ? STR_EMPTY : STR(TOPIC);
}

static struct str origin_of(void *ctx, const struct uuid *resource, struct arena *arena)
{
    (void)ctx;
    (void)resource;
    (void)arena;
    return STR("https://here");
}

static void on_commit(void *ctx, const struct log_entry *entries, size_t n)
{
    (void)ctx;
    if (!bench.events || !bench.writer_reader)
        return;
    events_on_commit(bench.events, entries, n, bench.writer_reader);
    store_reader_idle(bench.writer_reader);
}

static void start(void)
{
    struct events_options options = {.store = bench.store,
                                     .outbound = &bench.outbound,
                                     .clock = &bench.clock,
                                     .master = bench.master,
                                     .development = true,
                                     .origin = STR("eventgrid.azure.net"),
                                     .dead_letter_dir = bench.dead_letter_dir,
                                     .keep_ms = bench.keep_ms,
                                     .log = bench.log,
                                     .topic = topic,
                                     .origin_of = origin_of};
    char path[96];
    struct buf why;

    buf_init(&why, KIB);
    snprintf(path, sizeof path, "%s/store.db", bench.dir);
    assert_int_equal(
        store_open(&(struct store_options){.path = str_from(path)}, &bench.store, &why), RC_OK);
    buf_clear(&why);
    options.store = bench.store;
    bench.loop = loop_new(0);
    bench.events = events_new(&options);
    bench.writer_reader = store_reader_new(bench.store);
    bench.reader = store_reader_new(bench.store);
    store_watch(bench.store, on_commit, NULL);
    assert_int_equal(events_load(bench.events, bench.reader), RC_OK);
    events_start(bench.events, bench.loop);
}

/* As app/wiring.c does. */
static void stop(void)
{
    events_stop(bench.events);
    while (bench.held_n)
        fake_cancel(&bench.outbound, bench.held[0]);
    store_stop(bench.store);
    while (loop_settle(bench.loop))
        ;
    store_reader_free(bench.reader);
    store_reader_free(bench.writer_reader);
    bench.writer_reader = NULL;
    events_free(bench.events);
    bench.events = NULL;
    store_close(bench.store);
    loop_free(bench.loop);
}

static const char *folder(void)
{
    return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

static int open_log(void)
{
    char path[96];
    int fd;

    snprintf(path, sizeof path, "%s/log", bench.dir);
    fd = open(path, O_CREAT | O_RDWR | O_APPEND, 0600);
    assert_true(fd >= 0);
    bench.log = log_new(&(struct log_options){.format = LOG_FORMAT_TEXT, .fd = fd});
    return fd;
}

size_t bench_count_in_log(const char *needle)
{
    struct str what = str_from(needle), text;
    size_t n = 0, cap = 64 * KIB;
    char *octets = arena_alloc(&bench.arena, cap);
    ssize_t len;

    log_flush(bench.log);
    len = pread(bench.log_fd, octets, cap, 0);
    assert_in_range(len, 0, cap - 1);
    text = str_of(octets, (size_t)len);
    for (size_t at; (at = str_find_str(text, what)) < text.len; n++)
        text = str_from_index(text, at + what.len);
    return n;
}

void bench_open(void)
{
    static const struct outbound_ops ops = {fake_send, fake_cancel};
    struct secret octets = secret_random(MASTER_KEY_LEN);

    bench = (struct bench){.outbound = {&ops}, .status = 200, .keep_ms = 7 * 24 * HOURS};
    bench.clock.frozen_ms = NOW;
    bench.resource = uuid_random();
    arena_init(&bench.arena);
    bench.master = master_key_new(&octets);
    secret_clear(&octets);
    snprintf(bench.dir, sizeof bench.dir, "%s/events-test-XXXXXX", folder());
    assert_non_null(mkdtemp(bench.dir));
    bench.log_fd = open_log();
    start();
}

void bench_restart(void)
{
    stop();
    start();
}

static void remove_folder(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    char name[512];

    assert_non_null(dir);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of this thread alone */
    while ((entry = readdir(dir))) {
        struct stat st;

        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.' && stat(name, &st) == 0 && S_ISDIR(st.st_mode))
            remove_folder(name);
        (void)unlink(name); /* "." and ".." refuse */
    }
    closedir(dir);
    assert_int_equal(rmdir(path), 0);
}

void bench_close(void)
{
    stop();
    log_free(bench.log);
    assert_int_equal(close(bench.log_fd), 0);
    master_key_free(bench.master);
    arena_clear(&bench.arena);
    remove_folder(bench.dir);
}

/* ---- steps ---- */

struct uuid bench_subscribe(const char *name, void (*change)(struct subscription *s))
{
    struct subscription s = {
        .resource = bench.resource,
        .id = uuid_random(),
        .name = str_from(name),
        .version = 1,
        .state = SUBSCRIPTION_SUCCEEDED,
        .endpoint = arena_printf(&bench.arena, "http://%s.test/", name),
        .schema = SCHEMA_EVENT_GRID,
        .attempts_max = 30,
        .ttl_minutes = 1440,
        .batch_max = 1,
        .batch_kib = 64,
        .proven = true,
    };
    struct change c = {.kind = CHANGE_SUBSCRIPTION_PUT};

    if (change)
        change(&s);
    subscription_write(&s, bench.master, &bench.arena, &c.u.subscription);
    assert_int_equal(store_commit_wait(bench.store, &c, 1), RC_OK);
    return s.id;
}

void bench_unsubscribe(const char *name)
{
    struct change c = {.kind = CHANGE_SUBSCRIPTION_DELETE,
                       .u.subscription = {.resource = bench.resource, .name = str_from(name)}};

    assert_int_equal(store_commit_wait(bench.store, &c, 1), RC_OK);
}

void bench_publish(unsigned n)
{
    static unsigned count;

    for (unsigned i = 0; i < n; i++) {
        struct arena arena;
        struct change_list list = {.arena = &arena};
        struct event event = {.resource = bench.resource,
                              .type = STR("Microsoft.Communication.SMSReceived"),
                              .subject = STR("/phonenumber/1"),
                              .data = STR("{\"a\":1}"),
                              .time = clock_now(&bench.clock)};

        arena_init(&arena);
        event.id = arena_printf(&arena, "e%u", count++);
        event_publish(bench.events, &event, clock_now(&bench.clock), &list);
        if (list.n)
            assert_int_equal(store_commit_wait(bench.store, list.items, list.n), RC_OK);
        arena_clear(&arena);
    }
    events_wake(bench.events);
}

void bench_advance(int64_t ms)
{
    bench.clock.frozen_ms += ms;
}

struct watch {
    bool (*reached)(const struct watch *w);
    size_t n;
    const struct uuid *sub;
    enum event_state state;
    mono_ns until;
    bool came;
};

static void look(void *ctx)
{
    struct watch *w = ctx;

    w->came = w->reached && w->reached(w);
    if (w->came || clock_mono() > w->until)
        loop_stop(bench.loop);
}

static void watch(struct watch *w)
{
    struct loop_timer timer = {.handle = NULL};

    loop_timer_start(bench.loop, &timer, 1, 2, look, w);
    loop_run(bench.loop);
    loop_timer_close(&timer);
    if (w->reached && !w->came)
        fail_msg("waited in vain for %zu: %zu were sent, %zu are in the state", w->n, bench.sent_n,
                 w->sub ? bench_count(w->sub, w->state) : 0);
}

static bool were_sent(const struct watch *w)
{
    return bench.sent_n >= w->n;
}

void bench_until_sent(size_t n)
{
    watch(&(struct watch){.reached = were_sent, .n = n, .until = clock_mono() + GIVE_UP_NS});
}

static bool are_held(const struct watch *w)
{
    return bench.held_n >= w->n;
}

void bench_until_held(size_t n)
{
    watch(&(struct watch){.reached = are_held, .n = n, .until = clock_mono() + GIVE_UP_NS});
}

void bench_spin(unsigned ms)
{
    watch(&(struct watch){.until = clock_mono() + (mono_ns)ms * 1000 * 1000});
}

static bool are_in_state(const struct watch *w)
{
    return bench_count(w->sub, w->state) == w->n;
}

void bench_until(const struct uuid *sub, enum event_state state, size_t n)
{
    watch(&(struct watch){.reached = are_in_state,
                          .n = n,
                          .sub = sub,
                          .state = state,
                          .until = clock_mono() + GIVE_UP_NS});
}

static void list(const struct uuid *sub, struct arena *arena, unsigned states,
                 struct event_page *page)
{
    const struct event_query q = {
        .what = EVENT_LIST_NEWEST, .subscription = *sub, .states = states, .limit = 10000};

    store_reader_idle(bench.reader);
    assert_int_equal(store_list_events(bench.reader, &q, arena, page), RC_OK);
}

size_t bench_count(const struct uuid *sub, enum event_state state)
{
    struct event_page page;
    struct arena arena;

    arena_init(&arena);
    list(sub, &arena, state ? EVENT_STATE_BIT(state) : 0, &page);
    arena_clear(&arena);
    return page.n;
}

static bool are_noted(const struct watch *w)
{
    struct event_page page;
    struct arena arena;
    bool noted;

    arena_init(&arena);
    list(w->sub, &arena, 0, &page);
    noted = page.n > 0 && page.rows[0].attempts >= w->n;
    arena_clear(&arena);
    return noted;
}

void bench_until_noted(const struct uuid *sub, size_t attempts)
{
    watch(&(struct watch){
        .reached = are_noted, .n = attempts, .sub = sub, .until = clock_mono() + GIVE_UP_NS});
}

struct event_row bench_newest(const struct uuid *sub)
{
    struct event_page page;

    list(sub, &bench.arena, 0, &page);
    assert_true(page.n > 0);
    return page.rows[0];
}
