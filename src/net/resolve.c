/* A thread for each question, which nobody joins: getaddrinfo() takes as long as the system's name
 * servers do, and can't be cut short. On the engine's pool it would keep two of its threads from
 * the store, and a stop would wait for it. Source: design D3. */
#include "net/resolve.h"

#include "base/mutex.h"

#include <signal.h>

#define ASKING_MAX 64 /* of the process: name servers that never answer shall not cost more */

struct resolving {
    pthread_mutex_t lock;
    bool forgotten; /* under the lock */
    struct loop *loop;
    struct loop_task task;
    resolved_fn done;
    void *ctx;
    struct addrinfo *found;
    char *host, *port; /* in one piece */
};

static _Atomic unsigned asking;

static void resolving_free(struct resolving *r)
{
    if (r->found)
        freeaddrinfo(r->found);
    (void)pthread_mutex_destroy(&r->lock); /* nobody holds it any more */
    free(r->host);
    free(r);
}

static void tell(void *ctx)
{
    struct resolving *r = ctx;
    struct addrinfo *found = r->found;
    bool forgotten;

    mutex_lock(&r->lock); /* the thread has let go of it */
    forgotten = r->forgotten;
    mutex_unlock(&r->lock);
    if (!forgotten) {
        r->found = NULL;
        r->done(r->ctx, found);
    }
    resolving_free(r);
}

static void *ask(void *ctx)
{
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct resolving *r = ctx;
    bool forgotten;

    if (getaddrinfo(r->host, r->port, &hints, &r->found))
        r->found = NULL;
    atomic_fetch_sub(&asking, 1);
    mutex_lock(&r->lock);
    forgotten = r->forgotten;
    if (!forgotten)
        loop_post(r->loop, &r->task);
    mutex_unlock(&r->lock);
    if (forgotten)
        resolving_free(r);
    return NULL;
}

static bool start(struct resolving *r)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    pthread_t thread;
    bool started;

    if (atomic_fetch_add(&asking, 1) >= ASKING_MAX || pthread_attr_init(&attributes)) {
        atomic_fetch_sub(&asking, 1);
        return false;
    }
    (void)sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before); /* signals belong to the first loop */
    started = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0 &&
              pthread_create(&thread, &attributes, ask, r) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes); /* the thread has its own */
    if (!started)
        atomic_fetch_sub(&asking, 1);
    return started;
}

struct resolving *resolve(struct loop *loop, const char *host, const char *port, resolved_fn done,
                          void *ctx)
{
    struct resolving *r = calloc(1, sizeof *r);
    size_t host_len = strlen(host) + 1, port_len = strlen(port) + 1;

    if (!r || !(r->host = malloc(host_len + port_len)) || pthread_mutex_init(&r->lock, NULL))
        abort();
    r->port = r->host + host_len;
    memcpy(r->host, host, host_len);
    memcpy(r->port, port, port_len);
    r->loop = loop;
    r->task = (struct loop_task){.run = tell, .ctx = r};
    r->done = done;
    r->ctx = ctx;
    if (start(r))
        return r;
    resolving_free(r);
    return NULL;
}

void resolve_forget(struct resolving *r)
{
    if (!r)
        return;
    mutex_lock(&r->lock);
    r->forgotten = true; /* whoever has it last frees it: tell(), or the thread */
    mutex_unlock(&r->lock);
}
