/* The executable's side of outbound requests: rules, the thread, the way back to the loops. The
 * engine is a module, looked for beside the executable (build tree), then where it is installed;
 * never in a place that the environment names. */
#include "net/outbound.h"

#include "base/mutex.h"
#include "http/header.h"
#include "net/outbound_engine.h"

#include <dlfcn.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define MODULE       "callgate-outbound.so"
#define HEADERS_ROOM (32 * KIB)

struct outbound_curl;

/* A call on its way to the thread, or back from it; one a call. */
struct errand {
    struct errand *next;
    struct outbound_curl *owner;
    struct outbound_call *call;
    struct loop *loop;
    struct loop_task task;
    bool cancelled; /* under the lock */
};

struct outbound_curl {
    struct outbound base; /* first */
    pthread_mutex_t lock; /* guards all below but `engine_state` */
    pthread_cond_t more;
    pthread_t thread;
    struct errand *queue, **tail;
    bool started, stopping, cancels;
    const struct outbound_engine *engine; /* set by the thread when it is open */
    void *engine_state;
    struct outbound_host host;
    struct errand *under_way; /* the thread's own, but for `cancelled` */
    char no_engine[160];      /* the thread's own: why there is none */
};

/* ---- the way back ---- */

static void tell(void *ctx)
{
    struct errand *e = ctx;
    struct outbound_call *call = e->call;

    free(e);
    call->engine = NULL;
    call->done(call->ctx, call);
}

static void finish(struct errand *e, enum rc rc, int status, const char *reason)
{
    struct outbound_call *call = e->call;

    call->rc = rc;
    call->status = status;
    call->answer_headers = buf_str(&call->kept);
    (void)snprintf(call->reason, sizeof call->reason, "%s", reason);
    for (char *c = call->reason; *c; c++) { /* a certificate's names may stand in it */
        if (*c < ' ' || *c > '~')
            *c = '?';
    }
    e->task = (struct loop_task){.run = tell, .ctx = e};
    loop_post(e->loop, &e->task);
}

/* ---- what the engine asks ---- */

static bool take_body(struct outbound_call *call, const char *octets, size_t len)
{
    buf_add(&call->response, str_of(octets, len));
    return !call->response.failed;
}

static void take_header(struct outbound_call *call, const char *line, size_t len, bool first)
{
    if (first) {
        buf_reset(&call->kept);
        buf_reset(&call->response);
    }
    buf_add(&call->kept, str_of(line, len)); /* too many: the rest is not kept */
}

static bool allows(const struct outbound_call *call, bool tls, const uint8_t *address, size_t len)
{
    if (call->allows)
        return (tls || call->plain_ok) && call->allows(call, tls, address, len);
    if (!tls)
        return call->plain_ok &&
               (outbound_address_is_loopback(address, len) ||
                (call->plain_private && !outbound_address_is_public(address, len)));
    return call->private_ok || outbound_address_is_public(address, len);
}

static bool same_origin(const char *from, const char *location)
{
    struct outbound_url a, b;

    return !outbound_url_parse(str_from(from), &a) && !outbound_url_parse(str_from(location), &b) &&
           a.tls == b.tls && a.port == b.port && name_eq_nocase(a.host, b.host);
}

static void engine_finished(struct outbound_call *call, enum rc rc, int status, const char *reason)
{
    struct errand *e = call->engine;
    struct outbound_curl *o = e->owner;
    struct errand **at = &o->under_way;

    mutex_lock(&o->lock);
    while (*at && *at != e)
        at = &(*at)->next;
    if (*at)
        *at = e->next;
    mutex_unlock(&o->lock);
    finish(e, rc, status, reason);
}

/* ---- the thread ---- */

/* Of those that failed the first one counts: the ones after it are tried in its stead. */
static const struct outbound_engine *load(const char *path, char *why, size_t cap)
{
    outbound_engine_fn table = NULL;
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE), *symbol;

    if (!module && why[0] == '\0')
        (void)snprintf(why, cap, "the module " MODULE " could not be loaded: %s", dlerror());
    if (!module)
        return NULL;
    symbol = dlsym(module, OUTBOUND_ENGINE_SYMBOL);
    memcpy(&table, &symbol, sizeof table); /* ISO C has no cast from object to function */
    (void)dlclose(module);                 /* stays: RTLD_NODELETE */
    return table ? table() : NULL;
}

static const struct outbound_engine *find_engine(char *why, size_t cap)
{
    static const char *const places[] = {MODULE, "../" CALLGATE_LIBDIR "/callgate/" MODULE};
    const struct outbound_engine *found = NULL;
    char exe[PATH_MAX], path[PATH_MAX + 256];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);
    char *slash = NULL;

    if (len > 0) {
        exe[len] = '\0';
        slash = strrchr(exe, '/');
    }
    for (size_t i = 0; slash && !found && i < ARRAY_LEN(places); i++) {
        (void)snprintf(path, sizeof path, "%.*s/%s", (int)(slash - exe), exe, places[i]);
        found = access(path, R_OK) ? NULL : load(path, why, cap);
    }
    return found ? found : load(CALLGATE_MODULE_DIR "/" MODULE, why, cap);
}

/* Takes what has been queued; waits for it while there is nothing to serve. False: stop. */
static bool take_queue(struct outbound_curl *o, struct errand **out, bool *out_cancels)
{
    mutex_lock(&o->lock);
    while (!o->stopping && !o->queue && !o->cancels && !o->under_way)
        pthread_cond_wait(&o->more, &o->lock);
    *out = o->queue;
    *out_cancels = o->cancels;
    o->queue = NULL;
    o->tail = &o->queue;
    o->cancels = false;
    bool go_on = !o->stopping;
    mutex_unlock(&o->lock);
    return go_on;
}

static void begin_all(struct outbound_curl *o, struct errand *first)
{
    for (struct errand *e = first, *next; e; e = next) {
        next = e->next;
        mutex_lock(&o->lock);
        bool cancelled = e->cancelled;
        e->next = o->under_way;
        o->under_way = e;
        mutex_unlock(&o->lock);
        if (cancelled)
            engine_finished(e->call, RC_BUSY, 0, "cancelled");
        else if (!o->engine_state)
            engine_finished(e->call, RC_IO, 0, o->no_engine);
        else
            o->engine->add(o->engine_state, e->call);
    }
}

/* One that was cancelled, or NULL. */
static struct outbound_call *next_cancelled(struct outbound_curl *o)
{
    struct outbound_call *found = NULL;

    mutex_lock(&o->lock);
    for (struct errand *e = o->under_way; e && !found; e = e->next)
        found = e->cancelled ? e->call : NULL;
    mutex_unlock(&o->lock);
    return found;
}

static void drop_cancelled(struct outbound_curl *o)
{
    struct outbound_call *call;

    while (o->engine_state && (call = next_cancelled(o)))
        o->engine->drop(o->engine_state, call);
}

static void open_engine(struct outbound_curl *o)
{
    const struct outbound_engine *engine = find_engine(o->no_engine, sizeof o->no_engine);
    void *state = engine ? engine->open(&o->host) : NULL;

    if (engine && !state)
        (void)snprintf(o->no_engine, sizeof o->no_engine, "libcurl could not be set up");

    mutex_lock(&o->lock);
    o->engine = engine;
    o->engine_state = state;
    mutex_unlock(&o->lock);
}

static void *thread_main(void *ctx)
{
    struct outbound_curl *o = ctx;
    struct errand *queue;
    bool cancels;

    open_engine(o);
    while (take_queue(o, &queue, &cancels)) {
        begin_all(o, queue);
        if (cancels)
            drop_cancelled(o);
        if (o->engine_state && o->under_way)
            o->engine->turn(o->engine_state);
    }
    begin_all(o, queue); /* so that they end like the others */
    void *state = o->engine_state;
    mutex_lock(&o->lock);
    o->engine_state = NULL;
    mutex_unlock(&o->lock);
    if (state)
        o->engine->close(state);
    return NULL;
}

/* Under the lock. */
static void wake(struct outbound_curl *o)
{
    pthread_cond_signal(&o->more);
    if (o->engine_state)
        o->engine->wake(o->engine_state);
}

static bool start(struct outbound_curl *o)
{
    sigset_t all, before;

    if (o->started)
        return true;
    (void)sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before); /* signals belong to the first loop */
    o->started = pthread_create(&o->thread, NULL, thread_main, o) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return o->started;
}

/* ---- the interface ---- */

/* Those that say where a request ends or whom it is for are the engine's to write. */
static const struct str not_for_callers[] = {
    STR_INIT("host"),    STR_INIT("content-length"), STR_INIT("transfer-encoding"),
    STR_INIT("te"),      STR_INIT("trailer"),        STR_INIT("connection"),
    STR_INIT("upgrade"), STR_INIT("expect"),         STR_INIT("accept-encoding"),
};

/* An empty value too: libcurl would take it for the wish to leave the header out. */
static bool is_sendable(const struct outbound_header *h)
{
    if (!header_is_token(h->name) || str_trim(h->value).len == 0)
        return false;
    for (size_t i = 0; i < h->value.len; i++) {
        if ((unsigned char)h->value.ptr[i] < ' ' || h->value.ptr[i] == 0x7F)
            return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(not_for_callers); i++) {
        if (name_eq_nocase(h->name, not_for_callers[i]))
            return false;
    }
    return true;
}

/* What can be said without asking anybody; NULL: nothing against it. */
static const char *rule_against(const struct outbound_call *call)
{
    struct outbound_url url;

    if (!header_is_token(str_from(call->method)))
        return "the method is malformed";
    for (size_t i = 0; i < call->headers_count; i++) {
        if (!is_sendable(&call->headers[i]))
            return "a header is malformed, or not the caller's to set";
    }
    if (!call->total_ms || !call->connect_ms)
        return "no time is given";
    if (outbound_url_parse(str_from(call->url), &url))
        return "the URL is malformed, or holds credentials or a fragment";
    if (!url.tls && !call->plain_ok)
        return "the URL is not https";
    return NULL;
}

static void send_call(struct outbound *base, struct loop *loop, struct outbound_call *call)
{
    struct outbound_curl *o = (struct outbound_curl *)base;
    struct errand *e = calloc(1, sizeof *e);
    const char *against = rule_against(call);

    if (!e)
        abort();
    e->owner = o;
    e->call = call;
    e->loop = loop;
    call->engine = e;
    buf_init(&call->response, call->response_max);
    buf_init(&call->kept, HEADERS_ROOM);
    if (against) {
        finish(e, RC_DENIED, 0, against);
        return;
    }
    mutex_lock(&o->lock);
    bool queued = !o->stopping && start(o);
    if (queued) {
        *o->tail = e;
        o->tail = &e->next;
        wake(o);
    }
    mutex_unlock(&o->lock);
    if (!queued)
        finish(e, RC_BUSY, 0, "the server is stopping, or has no thread to spare");
}

static void cancel_call(struct outbound *base, struct outbound_call *call)
{
    struct outbound_curl *o = (struct outbound_curl *)base;
    struct errand *e = call->engine;

    mutex_lock(&o->lock);
    if (e) {
        e->cancelled = true;
        o->cancels = true;
        wake(o);
    }
    mutex_unlock(&o->lock);
}

struct outbound *outbound_new(void)
{
    static const struct outbound_ops ops = {send_call, cancel_call};
    struct outbound_curl *o = calloc(1, sizeof *o);

    if (!o || pthread_mutex_init(&o->lock, NULL) || pthread_cond_init(&o->more, NULL))
        abort();
    o->base.ops = &ops;
    o->tail = &o->queue;
    o->host = (struct outbound_host){.take_body = take_body,
                                     .take_header = take_header,
                                     .allows = allows,
                                     .same_origin = same_origin,
                                     .finished = engine_finished,
                                     .user_agent = "callgate/" CALLGATE_VERSION};
    return &o->base;
}

void outbound_stop(struct outbound *base)
{
    struct outbound_curl *o = (struct outbound_curl *)base;

    if (!o)
        return;
    mutex_lock(&o->lock);
    bool join = o->started && !o->stopping;
    o->stopping = true;
    wake(o);
    mutex_unlock(&o->lock);
    if (join)
        pthread_join(o->thread, NULL);
}

void outbound_free(struct outbound *base)
{
    struct outbound_curl *o = (struct outbound_curl *)base;

    if (!o)
        return;
    outbound_stop(base);
    (void)pthread_cond_destroy(&o->more);  /* nobody waits any more */
    (void)pthread_mutex_destroy(&o->lock); /* nobody holds it any more */
    free(o);
}
