/* The sources of foreign keys, and when each is asked again: see issuer_keys.h.
 *
 * A source holds an immutable set. Finding takes the source's lock for a few loads, then looks into
 * the set without it. What follows from the ages is decided under the lock: use it, use it and
 * fetch behind it, or wait. At most one fetch of a source is under way; it runs on the loop that
 * asked (key_fetch.c). Files are sources like others, only asked more often. Source:
 * wire/managed-identity §4.4. */
#include "gate/issuer_keys.h"

#include "base/log.h"
#include "base/mutex.h"
#include "crypto/secret.h"
#include "gate/key_fetch.h"
#include "gate/key_set.h"

#include <assert.h>

#define SECOND_MS     ((int64_t)1000)
#define MINUTE_MS     (60 * SECOND_MS)
#define HOUR_MS       (60 * MINUTE_MS)
#define DAY_MS        (24 * HOUR_MS)
#define BACKOFF_FIRST (10 * SECOND_MS)
#define BACKOFF_MAX   (5 * MINUTE_MS)
#define FILE_CHECK_MS SECOND_MS
#define FILE_TRUST_MS (10 * SECOND_MS) /* not looked at for longer: wait for the look */

struct key_source {
    struct key_source *next; /* under all->lock: this and refs */
    size_t refs;
    struct issuer_keys *all;
    struct arena arena; /* texts of `where` */
    struct key_location where;
    pthread_mutex_t lock; /* for what follows */
    struct key_set *set;  /* NULL: none yet, or too old */
    unix_ms fetched;      /* when the fetch of `set` began */
    int64_t renew_ms, fresh_ms;
    unix_ms tried;      /* when the last fetch began; 0: never */
    int64_t backoff_ms; /* until the next try; 0: the last one went well */
    bool fetching, warned;
    const char *why; /* static: why there is no set */
    char detail[256];
    char jwks_url[2049]; /* WEB_URL_MAX and a NUL */
    struct file_mark mark;
    struct key_wait *waiters;
    size_t waiters_count;
};

/* A fetch under way: what is left of it when its loop is gone is freed from here. */
struct flight {
    struct flight *next;
    struct key_source *source;
    struct loop *loop;
    struct key_fetch *fetch;
    bool cancelled;
};

struct issuer_keys {
    struct issuer_keys_options options;
    atomic_bool leaving;
    pthread_mutex_t lock; /* for what follows */
    struct key_source *sources;
    struct flight *flights;
};

static unix_ms now_of(const struct issuer_keys *k)
{
    return k->options.clock ? clock_now(k->options.clock) : clock_wall();
}

static void default_to(int64_t *value, int64_t otherwise)
{
    if (*value <= 0)
        *value = otherwise;
}

/* ---- the whole ---- */

struct issuer_keys *issuer_keys_new(const struct issuer_keys_options *options)
{
    struct issuer_keys *k = calloc(1, sizeof *k);

    if (!k || pthread_mutex_init(&k->lock, NULL))
        abort();
    k->options = *options;
    default_to(&k->options.background_ms, HOUR_MS);
    default_to(&k->options.fresh_ms, DAY_MS);
    default_to(&k->options.refresh_min_ms, 5 * MINUTE_MS);
    default_to(&k->options.stale_ms, 7 * DAY_MS);
    return k;
}

/* Under the lock: a fetch on `loop` that nobody has cancelled. */
static struct flight *flight_on(struct issuer_keys *k, const struct loop *loop)
{
    struct flight *f = k->flights;

    while (f && (f->loop != loop || f->cancelled))
        f = f->next;
    return f;
}

void issuer_keys_leave(struct issuer_keys *k, struct loop *loop)
{
    struct flight *f;

    atomic_store(&k->leaving, true);
    do {
        mutex_lock(&k->lock);
        f = flight_on(k, loop);
        if (f)
            f->cancelled = true;
        mutex_unlock(&k->lock);
        if (f) /* it ends on this thread alone, so it is still there */
            key_fetch_cancel(f->fetch);
    } while (f);
}

static void source_free(struct key_source *s)
{
    if (s->set)
        snapshot_unref(&s->set->snapshot);
    (void)pthread_mutex_destroy(&s->lock); /* nobody holds it any more */
    arena_clear(&s->arena);
    free(s);
}

void issuer_keys_free(struct issuer_keys *k)
{
    if (!k)
        return;
    while (k->flights) {
        struct flight *f = k->flights;

        k->flights = f->next;
        key_fetch_free(f->fetch);
        key_source_unref(f->source);
        free(f);
    }
    assert(!k->sources);
    (void)pthread_mutex_destroy(&k->lock); /* nobody holds it any more */
    free(k);
}

/* ---- sources ---- */

static bool same_location(const struct key_location *a, const struct key_location *b)
{
    return name_eq(a->issuer, b->issuer) && name_eq(a->discovery, b->discovery) &&
           name_eq(a->jwks_url, b->jwks_url) && name_eq(a->jwks_file, b->jwks_file) &&
           name_eq(a->ca_file, b->ca_file) && name_eq(a->token_file, b->token_file) &&
           a->private_ok == b->private_ok && a->entra == b->entra && name_eq(a->tenant, b->tenant);
}

static struct key_source *source_new(struct issuer_keys *k, const struct key_location *where)
{
    struct key_source *s = calloc(1, sizeof *s);

    if (!s || pthread_mutex_init(&s->lock, NULL))
        abort();
    s->all = k;
    arena_init(&s->arena);
    s->where = *where;
    struct str *const texts[] = {&s->where.issuer,    &s->where.discovery, &s->where.jwks_url,
                                 &s->where.jwks_file, &s->where.ca_file,   &s->where.token_file,
                                 &s->where.tenant};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        *texts[i] = arena_dup(&s->arena, *texts[i]); /* ended by a NUL: paths go to the system */
    s->why = "its issuer's keys have not been fetched yet";
    return s;
}

struct key_source *key_source_get(struct issuer_keys *k, const struct key_location *where)
{
    struct key_source *s;

    mutex_lock(&k->lock);
    s = k->sources;
    while (s && !same_location(&s->where, where))
        s = s->next;
    if (!s) {
        s = source_new(k, where);
        s->next = k->sources;
        k->sources = s;
    }
    s->refs++;
    mutex_unlock(&k->lock);
    return s;
}

struct key_source *key_source_ref(struct key_source *s)
{
    mutex_lock(&s->all->lock);
    s->refs++;
    mutex_unlock(&s->all->lock);
    return s;
}

void key_source_unref(struct key_source *s)
{
    struct issuer_keys *k = s ? s->all : NULL;
    bool last;

    if (!s)
        return;
    mutex_lock(&k->lock);
    last = --s->refs == 0;
    if (last) {
        struct key_source **at = &k->sources;

        while (*at != s)
            at = &(*at)->next;
        *at = s->next;
    }
    mutex_unlock(&k->lock);
    if (last)
        source_free(s);
}

/* ---- the end of a fetch ---- */

/* Give or take a tenth, so that nodes and issuers don't all ask at once. */
static int64_t jittered(int64_t ms)
{
    uint32_t random;

    random_octets(&random, sizeof random);
    return ms - ms / 10 + (int64_t)((uint64_t)random * (uint64_t)(ms / 5) >> 32);
}

static void set_ages(struct key_source *s, int64_t max_age_s)
{
    const struct issuer_keys_options *o = &s->all->options;
    int64_t life = o->fresh_ms;

    if (s->where.jwks_file.len) {
        s->renew_ms = FILE_CHECK_MS;
        s->fresh_ms = FILE_TRUST_MS;
        return;
    }
    if (max_age_s >= 0 && max_age_s * SECOND_MS < life)
        life = max_age_s * SECOND_MS;
    if (life < o->refresh_min_ms)
        life = o->refresh_min_ms;
    s->renew_ms = jittered(life < o->background_ms ? life : o->background_ms);
    s->fresh_ms = life > 2 * s->renew_ms ? life : 2 * s->renew_ms; /* time to renew it behind it */
}

/* Under the lock. */
static void take_success(struct key_source *s, struct key_fetch_result *r)
{
    if (r->set) {
        if (s->set)
            snapshot_unref(&s->set->snapshot);
        s->set = r->set;
        r->set = NULL;
        s->mark = r->mark;
    }
    s->fetched = s->tried;
    s->backoff_ms = 0;
    s->warned = false;
    s->detail[0] = '\0';
    (void)snprintf(s->jwks_url, sizeof s->jwks_url, STR_FMT, STR_ARG(r->jwks_url));
    set_ages(s, r->max_age_s);
}

/* Under the lock. True when the operator should hear of it: once, until it works again. */
static bool take_failure(struct key_source *s, const struct key_fetch_result *r)
{
    bool tell = r->rc != RC_BUSY && !s->warned;

    if (s->where.jwks_file.len)
        s->backoff_ms = FILE_CHECK_MS;
    else
        s->backoff_ms = s->backoff_ms ? s->backoff_ms * 2 : BACKOFF_FIRST;
    if (s->backoff_ms > BACKOFF_MAX)
        s->backoff_ms = BACKOFF_MAX;
    s->warned = s->warned || tell;
    s->why = r->why;
    (void)snprintf(s->detail, sizeof s->detail, "%s", r->detail);
    return tell;
}

static void warn(const struct key_source *s, const struct key_fetch_result *r, bool stale)
{
    char issuer[1024], why[1024];
    size_t issuer_len = log_quote(issuer, sizeof issuer, s->where.issuer, 512);
    size_t why_len = log_quote(why, sizeof why, str_from(r->detail), sizeof r->detail);

    log_warn(s->all->options.log, stale ? "issuer.keys_stale" : "issuer.keys_missing",
             "issuer=%.*s why=%.*s", (int)issuer_len, issuer, (int)why_len, why);
}

static void flight_end(struct flight *f)
{
    struct issuer_keys *k = f->source->all;
    struct flight **at = &k->flights;

    mutex_lock(&k->lock);
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    mutex_unlock(&k->lock);
    key_source_unref(f->source);
    free(f);
}

static void on_fetched(void *ctx, struct key_fetch_result *r)
{
    struct flight *f = ctx;
    struct key_source *s = f->source;
    struct key_wait *w, *next;
    bool tell = false, stale;

    mutex_lock(&s->lock);
    s->fetching = false;
    if (r->rc)
        tell = take_failure(s, r);
    else
        take_success(s, r);
    stale = s->set != NULL;
    w = s->waiters;
    s->waiters = NULL;
    s->waiters_count = 0;
    mutex_unlock(&s->lock);
    for (; w; w = next) {
        next = w->next; /* once posted it is its owner's again */
        loop_post(w->loop, &w->task);
    }
    if (tell)
        warn(s, r, stale);
    flight_end(f);
}

/* ---- the beginning of one ---- */

/* Under the lock: from here on somebody calls launch(). */
static void claim(struct key_source *s, unix_ms now)
{
    s->fetching = true;
    s->tried = now;
}

/* What claim() promised, on the thread of `loop`. */
static void launch(struct key_source *s, struct loop *loop)
{
    struct issuer_keys *k = s->all;
    struct flight *f = calloc(1, sizeof *f);
    struct key_fetch_options options = {
        .outbound = k->options.outbound,
        .plain_loopback = k->options.plain_loopback,
        .loop = loop,
        .where = &s->where,
        .done = on_fetched,
        .ctx = f,
    };

    if (!f)
        abort();
    mutex_lock(&s->lock);
    if (s->set)
        options.known = s->mark;
    mutex_unlock(&s->lock);
    *f = (struct flight){.source = key_source_ref(s), .loop = loop};
    f->fetch = key_fetch_new(&options);
    mutex_lock(&k->lock);
    f->next = k->flights;
    k->flights = f;
    mutex_unlock(&k->lock);
}

/* A clock that was set back makes everything due. */
static bool passed(unix_ms now, unix_ms since, int64_t interval_ms)
{
    return now < since || now - since >= interval_ms;
}

/* Under the lock. */
static bool may_try(const struct key_source *s, unix_ms now)
{
    return !s->fetching && !atomic_load(&s->all->leaving) &&
           (s->tried == 0 || passed(now, s->tried, s->backoff_ms));
}

/* ---- finding ---- */

/* Under the lock: RC_OK: s->set is to be used; RC_BUSY; RC_IO. *out_launch: claimed. */
static enum rc judge_age(struct key_source *s, unix_ms now, bool *out_launch)
{
    bool due;

    if (s->set && now - s->fetched >= s->all->options.stale_ms) {
        snapshot_unref(&s->set->snapshot);
        s->set = NULL;
    }
    due = !s->set || passed(now, s->fetched, s->renew_ms);
    if (due && may_try(s, now)) {
        claim(s, now);
        *out_launch = true;
    }
    if (!s->set)
        return s->fetching ? RC_BUSY : RC_IO;
    /* too old, and the issuer was never found to be out of reach */
    return s->fetching && s->backoff_ms == 0 && passed(now, s->fetched, s->fresh_ms) ? RC_BUSY
                                                                                     : RC_OK;
}

/* Nothing in `set` has the kid: RC_BUSY: ask again when a fetch has ended, or at once: the set is
 * another by now. RC_NOT_FOUND: that is the answer. */
static enum rc judge_unknown(struct key_source *s, const struct key_set *set, bool *out_launch)
{
    int64_t least = s->where.jwks_file.len ? FILE_CHECK_MS : s->all->options.refresh_min_ms;
    unix_ms now = now_of(s->all);
    enum rc rc = RC_NOT_FOUND;

    mutex_lock(&s->lock);
    if (s->fetching || s->set != set) {
        rc = RC_BUSY;
    } else if (may_try(s, now) && passed(now, s->tried, least)) {
        claim(s, now);
        *out_launch = true;
        rc = RC_BUSY;
    }
    mutex_unlock(&s->lock);
    return rc;
}

enum rc key_source_find(struct key_source *s, struct loop *loop, const struct key_query *q,
                        struct pkey **out, const char **out_why)
{
    struct key_set *set = NULL;
    bool due = false;
    enum rc rc;

    if (q->kid.len > KEY_ID_MAX) {
        *out_why = "the kid is too long";
        return RC_DENIED;
    }
    mutex_lock(&s->lock);
    rc = judge_age(s, now_of(s->all), &due);
    if (rc == RC_OK)
        set = (struct key_set *)(void *)snapshot_ref(&s->set->snapshot);
    else if (rc == RC_IO)
        *out_why = s->why;
    mutex_unlock(&s->lock);
    if (set) {
        rc = key_set_find(set, q, out, out_why);
        if (rc == RC_NOT_FOUND && judge_unknown(s, set, &due) == RC_BUSY)
            rc = RC_BUSY;
        else if (rc == RC_NOT_FOUND)
            rc = RC_DENIED;
        snapshot_unref(&set->snapshot);
    }
    if (due)
        launch(s, loop);
    return rc;
}

enum rc key_source_wait(struct key_source *s, struct key_wait *w)
{
    enum rc rc = RC_OK;
    bool waits;

    mutex_lock(&s->lock);
    waits = s->fetching;
    if (waits && s->waiters_count == KEY_WAITERS_MAX) {
        rc = RC_BUSY;
    } else if (waits) {
        w->next = s->waiters;
        s->waiters = w;
        s->waiters_count++;
    }
    mutex_unlock(&s->lock);
    if (!waits)
        loop_post(w->loop, &w->task);
    return rc;
}

void key_source_refresh(struct key_source *s, struct loop *loop)
{
    bool mine;

    mutex_lock(&s->lock);
    mine = !s->fetching && !atomic_load(&s->all->leaving);
    if (mine)
        claim(s, now_of(s->all));
    mutex_unlock(&s->lock);
    if (mine)
        launch(s, loop);
}

void key_source_state(struct key_source *s, struct arena *arena, struct key_source_state *out)
{
    *out = (struct key_source_state){0};
    mutex_lock(&s->lock);
    out->tried = s->tried;
    out->failure = arena_dup(arena, str_from(s->detail));
    out->jwks_url = arena_dup(arena, str_from(s->jwks_url));
    if (s->set) {
        out->fetched = s->fetched;
        out->kids = arena_array(arena, struct str, s->set->n + 1);
        for (size_t i = 0; i < s->set->n; i++)
            if (s->set->keys[i].key)
                out->kids[out->keys++] = arena_dup(arena, s->set->keys[i].kid);
    }
    mutex_unlock(&s->lock);
}
