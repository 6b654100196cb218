/* The log. Each thread has a ring per log, which it alone fills and the writer thread alone
 * empties; they meet in two counters, so that logging is a copy and never waits. The writer makes
 * lines of the records: their form, JSON above all, costs the loops nothing.
 *
 * A ring is held by its thread and by its log, and freed by the last of them: threads may end
 * before the log and the log before the threads. */
#include "base/log.h"

#include "base/log_line.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define RING_SIZE   (256 * KIB)
#define WAKE_SIZE   (64 * KIB)
#define FIELDS_MAX  (4 * KIB) /* longer ones are cut */
#define EVENT_MAX   ((size_t)64)
#define OUT_MAX     MIB
#define INTERVAL_MS 100
#define END_S       3 /* an end waits no longer for whoever reads */

/* A record is contiguous and starts at a multiple of 8. A size of 0 says: go on at the start. */
struct record {
    uint32_t size; /* all of it, padding included */
    uint16_t event_len, fields_len;
    int64_t level;
    unix_ms time;
};

struct ring {
    _Alignas(64) _Atomic uint64_t head; /* octets ever written; the thread's */
    uint64_t tail_seen;                 /* what the thread last knew of tail */
    uint64_t wake_at;                   /* the head at which it next wakes the writer */
    _Alignas(64) _Atomic uint64_t tail; /* octets ever read; the writer's */
    struct ring *log_next;              /* the writer's */
    struct ring *thread_next;
    uint64_t log_id;
    _Atomic unsigned refs;
    atomic_bool thread_gone, log_gone;
    _Alignas(64) char data[RING_SIZE];
};

struct log {
    uint64_t id; /* of this log in this process: an address might come back */
    enum log_level level;
    bool json;
    int fd, wake_fd;
    pthread_t writer;
    _Atomic uint64_t dropped;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t flushed;
    struct ring *rings; /* new ones in front */
    uint64_t flush_asked, flush_done;
    bool ending, ended, abandoned;
};

static _Atomic uint64_t last_log_id;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_key; /* its destructor lets go of the thread's rings */
static _Thread_local struct ring *thread_rings;

static void ring_unref(struct ring *r)
{
    if (atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) == 1)
        free(r);
}

static void leave_rings(void *unused)
{
    (void)unused;
    while (thread_rings) {
        struct ring *r = thread_rings;

        thread_rings = r->thread_next;
        atomic_store_explicit(&r->thread_gone, true, memory_order_release);
        ring_unref(r);
    }
}

static void make_key(void)
{
    if (pthread_key_create(&thread_key, leave_rings))
        abort();
}

static void leave_rings_of_ended_logs(void)
{
    struct ring **at = &thread_rings;

    while (*at) {
        struct ring *r = *at;

        if (atomic_load_explicit(&r->log_gone, memory_order_acquire)) {
            *at = r->thread_next;
            ring_unref(r);
        } else {
            at = &r->thread_next;
        }
    }
}

static struct ring *ring_new(struct log *log)
{
    struct ring *r = aligned_alloc(64, sizeof *r);

    if (!r)
        abort();
    memset(r, 0, offsetof(struct ring, data));
    r->log_id = log->id;
    r->wake_at = WAKE_SIZE;
    atomic_init(&r->refs, 2);
    return r;
}

static struct ring *join_log(struct log *log)
{
    struct ring *r = ring_new(log);

    leave_rings_of_ended_logs();
    r->thread_next = thread_rings;
    thread_rings = r;
    (void)pthread_once(&key_once, make_key);
    if (pthread_setspecific(thread_key, r)) /* any value but NULL has the destructor run */
        abort();
    (void)pthread_mutex_lock(&log->lock);
    r->log_next = log->rings;
    log->rings = r;
    (void)pthread_mutex_unlock(&log->lock);
    return r;
}

static struct ring *ring_of_thread(struct log *log)
{
    for (struct ring *r = thread_rings; r; r = r->thread_next)
        if (r->log_id == log->id)
            return r;
    return join_log(log);
}

static void wake_writer(struct log *log)
{
    static const uint64_t one = 1;

    while (write(log->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

/* Where a record of `size` goes, or NULL: no room. *out_end is the head after it. */
static char *ring_room(struct ring *r, size_t size, uint64_t *out_end)
{
    uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    size_t at = (size_t)(head % RING_SIZE);
    size_t skip = RING_SIZE - at < size ? RING_SIZE - at : 0;

    *out_end = head + skip + size;
    if (*out_end - r->tail_seen > RING_SIZE) {
        r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
        if (*out_end - r->tail_seen > RING_SIZE)
            return NULL;
    }
    if (skip == 0)
        return r->data + at;
    memset(r->data + at, 0, sizeof(uint32_t));
    return r->data;
}

bool log_enabled(const struct log *log, enum log_level level)
{
    return log && level <= log->level;
}

uint64_t log_dropped(const struct log *log)
{
    return atomic_load_explicit(&log->dropped, memory_order_relaxed);
}

void log_write_raw(struct log *log, enum log_level level, const char *event, struct str fields)
{
    size_t event_len = strnlen(event, EVENT_MAX);
    struct record rec;
    struct ring *r;
    uint64_t end;
    char *place;

    if (!log_enabled(log, level))
        return;
    fields = str_head(fields, FIELDS_MAX);
    r = ring_of_thread(log);
    rec =
        (struct record){.size = (uint32_t)((sizeof rec + event_len + fields.len + 7) & ~(size_t)7),
                        .event_len = (uint16_t)event_len,
                        .fields_len = (uint16_t)fields.len,
                        .level = level,
                        .time = clock_wall()};
    place = ring_room(r, rec.size, &end);
    if (!place) {
        atomic_fetch_add_explicit(&log->dropped, 1, memory_order_relaxed);
        return;
    }
    memcpy(place, &rec, sizeof rec);
    memcpy(place + sizeof rec, event, event_len);
    if (fields.len)
        memcpy(place + sizeof rec + event_len, fields.ptr, fields.len);
    atomic_store_explicit(&r->head, end, memory_order_release);
    if (end >= r->wake_at) {
        r->wake_at = end + WAKE_SIZE;
        wake_writer(log);
    }
}

void log_write(struct log *log, enum log_level level, const char *event, const char *fmt, ...)
{
    char text[FIELDS_MAX + 1];
    va_list args;
    int len;

    if (!log_enabled(log, level))
        return;
    va_start(args, fmt);
    len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    log_write_raw(log, level, event, str_head(str_of(text, FIELDS_MAX), len > 0 ? (size_t)len : 0));
}

/* From here on: the writer thread. */

static void write_out(const struct log *log, struct buf *out)
{
    while (out->len) {
        ssize_t n = write(log->fd, out->ptr, out->len);
        struct pollfd wait = {.fd = log->fd, .events = POLLOUT};

        if (n > 0)
            buf_consume(out, (size_t)n);
        else if (n < 0 && errno == EAGAIN)
            (void)poll(&wait, 1, -1); /* then it is tried again */
        else if (n == 0 || errno != EINTR)
            break; /* nobody is there to be told */
    }
    buf_reset(out);
}

static void add_line(const struct log *log, struct buf *out, const struct log_line *line)
{
    if (log->json)
        log_line_json(out, line);
    else
        log_line_text(out, line);
    if (out->len >= WAKE_SIZE)
        write_out(log, out);
}

static void empty_ring(const struct log *log, struct ring *r, struct buf *out)
{
    uint64_t head = atomic_load_explicit(&r->head, memory_order_acquire);
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

    while (tail != head) {
        size_t at = (size_t)(tail % RING_SIZE);
        struct record rec;
        struct log_line line;
        uint32_t size;

        memcpy(&size, r->data + at, sizeof size);
        if (size == 0) {
            tail += RING_SIZE - at;
            continue;
        }
        memcpy(&rec, r->data + at, sizeof rec);
        line.event = str_of(r->data + at + sizeof rec, rec.event_len);
        line.fields = str_of(r->data + at + sizeof rec + rec.event_len, rec.fields_len);
        line.level = (enum log_level)rec.level;
        line.time = rec.time;
        add_line(log, out, &line);
        tail += rec.size;
        atomic_store_explicit(&r->tail, tail, memory_order_release);
    }
}

static void forget_ring(struct log *log, struct ring *gone)
{
    struct ring **at;

    (void)pthread_mutex_lock(&log->lock);
    for (at = &log->rings; *at != gone; at = &(*at)->log_next)
        ;
    *at = gone->log_next;
    (void)pthread_mutex_unlock(&log->lock);
    ring_unref(gone);
}

/* Threads put new rings in front meanwhile; only this one takes any out. */
static void empty_rings(struct log *log, struct ring *first, struct buf *out)
{
    struct ring *next;

    for (struct ring *r = first; r; r = next) {
        bool gone = atomic_load_explicit(&r->thread_gone, memory_order_acquire);

        next = r->log_next;
        empty_ring(log, r, out);
        if (gone)
            forget_ring(log, r);
    }
}

static void tell_dropped(const struct log *log, uint64_t *told, struct buf *out)
{
    uint64_t dropped = log_dropped(log);
    struct log_line line = {.event = STR("log.dropped"), .level = LOG_WARN};
    char fields[32];
    int len;

    if (dropped == *told)
        return;
    len = snprintf(fields, sizeof fields, "lines=%llu", (unsigned long long)(dropped - *told));
    line.fields = str_of(fields, (size_t)len);
    line.time = clock_wall();
    add_line(log, out, &line);
    *told = dropped;
}

static void wait_for_work(const struct log *log)
{
    struct pollfd wait = {.fd = log->wake_fd, .events = POLLIN};
    uint64_t count;

    if (poll(&wait, 1, INTERVAL_MS) > 0)
        (void)!read(log->wake_fd, &count, sizeof count); /* only to reset it */
}

static void destroy(struct log *log)
{
    while (log->rings) {
        struct ring *r = log->rings;

        log->rings = r->log_next;
        atomic_store_explicit(&r->log_gone, true, memory_order_release);
        ring_unref(r);
    }
    (void)pthread_cond_destroy(&log->flushed);
    (void)pthread_mutex_destroy(&log->lock);
    (void)close(log->wake_fd); /* an eventfd */
    free(log);
}

static void *write_lines(void *ctx)
{
    struct log *log = ctx;
    uint64_t told = 0, asked;
    struct ring *first;
    struct buf out;
    bool ending, abandoned;

    buf_init(&out, OUT_MAX);
    do {
        wait_for_work(log);
        (void)pthread_mutex_lock(&log->lock);
        asked = log->flush_asked;
        ending = log->ending;
        first = log->rings;
        (void)pthread_mutex_unlock(&log->lock);
        empty_rings(log, first, &out);
        tell_dropped(log, &told, &out);
        write_out(log, &out);
        (void)pthread_mutex_lock(&log->lock);
        log->flush_done = asked;
        (void)pthread_cond_broadcast(&log->flushed);
        (void)pthread_mutex_unlock(&log->lock);
    } while (!ending);
    buf_clear(&out);
    (void)pthread_mutex_lock(&log->lock);
    log->ended = true;
    abandoned = log->abandoned;
    (void)pthread_cond_broadcast(&log->flushed);
    (void)pthread_mutex_unlock(&log->lock);
    if (abandoned)
        destroy(log);
    return NULL;
}

/* The writer takes no signals: they are the loops' business. */
static void start_writer(struct log *log)
{
    sigset_t all, before;

    (void)sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before))
        abort();
    if (pthread_create(&log->writer, NULL, write_lines, log))
        abort();
    if (pthread_sigmask(SIG_SETMASK, &before, NULL))
        abort();
}

struct log *log_new(const struct log_options *options)
{
    struct log *log = calloc(1, sizeof *log);

    if (!log)
        abort();
    log->id = atomic_fetch_add(&last_log_id, 1) + 1;
    log->level = options->level ? options->level : LOG_INFO;
    log->fd = options->fd;
    log->json = options->format == LOG_FORMAT_JSON ||
                (options->format == LOG_FORMAT_AUTO && !isatty(options->fd));
    log->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (log->wake_fd < 0 || pthread_mutex_init(&log->lock, NULL) ||
        pthread_cond_init(&log->flushed, NULL))
        abort();
    start_writer(log);
    return log;
}

void log_flush(struct log *log)
{
    uint64_t ticket;

    if (!log)
        return;
    (void)pthread_mutex_lock(&log->lock);
    ticket = ++log->flush_asked;
    wake_writer(log);
    while (log->flush_done < ticket)
        (void)pthread_cond_wait(&log->flushed, &log->lock);
    (void)pthread_mutex_unlock(&log->lock);
}

/* False: it hangs in a write, and clears up when it gets out of there. */
static bool writer_ends(struct log *log)
{
    pthread_t writer = log->writer;
    struct timespec end;
    bool ended;
    int error = 0;

    (void)clock_gettime(CLOCK_MONOTONIC, &end); /* can't fail for this clock */
    end.tv_sec += END_S;
    (void)pthread_mutex_lock(&log->lock);
    while (!log->ended && !error)
        error = pthread_cond_clockwait(&log->flushed, &log->lock, CLOCK_MONOTONIC, &end);
    ended = log->ended;
    log->abandoned = !ended;
    (void)pthread_mutex_unlock(&log->lock);
    if (ended)
        (void)pthread_join(writer, NULL);
    else
        (void)pthread_detach(writer);
    return ended;
}

void log_free(struct log *log)
{
    if (!log)
        return;
    (void)pthread_mutex_lock(&log->lock);
    log->ending = true;
    (void)pthread_mutex_unlock(&log->lock);
    wake_writer(log);
    if (writer_ends(log))
        destroy(log);
}
