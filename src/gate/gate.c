/* What the gate keeps and how it stays right: the directory and the revocations, read at start and
 * brought up to date on the store's writer thread before anybody hears of a change; each loop's
 * window on them. Who is calling is identify.c's business. Source: design D3, D10, D19. */
#include "gate/gate.h"

#include "base/mutex.h"
#include "gate/gate_private.h"

#define FORGET_SLACK ((int64_t)60 * 1000)
#define WHY_MAX      ((size_t)512)

struct gate *gate_new(const struct gate_options *options, const struct directory_source *source,
                      struct store *store, struct clock *clock)
{
    struct gate *g = calloc(1, sizeof *g);

    if (!g || pthread_mutex_init(&g->load_lock, NULL))
        abort();
    g->options = *options;
    g->source = *source;
    if (!g->source.usage)
        g->source.usage = g->own_usage = key_usage_table_new();
    g->store = store;
    g->clock = clock;
    snapshot_cell_init(&g->directory);
    snapshot_cell_init(&g->issuers);
    g->revocations = revocations_new(options->revocations_max);
    g->grants = grants_new();
    return g;
}

void gate_detach(struct gate *g)
{
    mutex_lock(&g->load_lock);
    store_reader_free(g->reader);
    g->reader = NULL;
    mutex_unlock(&g->load_lock);
}

void gate_free(struct gate *g)
{
    if (!g)
        return;
    snapshot_cell_clear(&g->directory);
    snapshot_cell_clear(&g->issuers);
    grants_free(g->grants);
    revocations_free(g->revocations);
    gate_detach(g);
    key_usage_table_free(g->own_usage);
    secret_clear(&g->options.admin_token);
    (void)pthread_mutex_destroy(&g->load_lock); /* nobody holds it any more */
    free(g);
}

struct clock *gate_clock(struct gate *g)
{
    return g->clock;
}

const struct gate_options *gate_options(const struct gate *g)
{
    return &g->options;
}

size_t gate_revocations_held(const struct gate *g)
{
    return revocations_count(g->revocations);
}

const struct master_key *gate_master(const struct gate *g)
{
    return g->source.master;
}

const struct grants *gate_grants(const struct gate *g)
{
    return g->grants;
}

struct issuer_keys *gate_issuer_keys(const struct gate *g)
{
    return g->options.issuer_keys;
}

bool gate_healthy(const struct gate *g)
{
    return !atomic_load(&g->stale);
}

/* ---- keeping up with the store ---- */

static enum rc publish_directory(struct gate *g, struct buf *why)
{
    struct directory *next = NULL;
    enum rc rc = directory_build(&g->source, g->reader, &next, why);

    if (!rc)
        snapshot_publish(&g->directory, &next->snapshot);
    return rc;
}

static enum rc publish_issuers(struct gate *g)
{
    struct issuer_set *next = NULL;
    enum rc rc;

    if (!g->options.issuer_keys)
        return RC_OK;
    rc = issuer_set_build(g->options.issuer_keys, g->reader, &next);
    if (!rc)
        snapshot_publish(&g->issuers, &next->snapshot);
    return rc;
}

/* Everything but the revocations. Behind the publishing the mark is set, since what is old must not
 * look right for a moment; until then credentials are refused rather than checked wrongly. */
static enum rc publish(struct gate *g, struct buf *why)
{
    enum rc rc = publish_directory(g, why);

    if (!rc)
        rc = grants_load(g->grants, g->reader);
    if (!rc)
        rc = publish_issuers(g);
    atomic_store(&g->stale, rc != RC_OK);
    return rc;
}

static void enter_revoked(void *gate, const struct user_row *row)
{
    struct gate *g = gate;
    unix_ms since = row->revoked > row->deleted ? row->revoked : row->deleted;

    if (row->revoked || row->deleted)
        revocations_put(g->revocations, row, since + TOKEN_LONGEST_MS + FORGET_SLACK);
}

static enum rc load(struct gate *g, struct buf *why)
{
    unix_ms now = clock_now(g->clock);
    enum rc rc;

    if (!g->reader)
        g->reader = store_reader_new(g->store);
    if (!g->reader)
        return RC_IO;
    rc = publish(g, why);
    if (rc)
        return rc;
    revocations_reset(g->revocations); /* in doubt until all are in again */
    rc = store_each_revoked(g->reader, now - TOKEN_LONGEST_MS - FORGET_SLACK, enter_revoked, g);
    if (!rc)
        revocations_loaded(g->revocations);
    return rc;
}

enum rc gate_load(struct gate *g, struct buf *why)
{
    enum rc rc;

    mutex_lock(&g->load_lock);
    rc = load(g, why);
    if (g->reader)
        store_reader_idle(g->reader);
    mutex_unlock(&g->load_lock);
    if (rc && !why->len)
        buf_addf(why, "the store could not be read (%s)", rc_name(rc));
    return rc;
}

void gate_doubt(struct gate *g)
{
    revocations_doubt(g->revocations, INT64_MAX);
}

static void take_user(struct gate *g, const struct user_key *key)
{
    struct arena arena;
    struct user_row row;
    enum rc rc;

    arena_init(&arena);
    rc = store_user(g->reader, key, &arena, &row);
    if (!rc)
        enter_revoked(g, &row);
    else if (rc != RC_NOT_FOUND)
        revocations_doubt(g->revocations, clock_now(g->clock) + TOKEN_LONGEST_MS + FORGET_SLACK);
    arena_clear(&arena);
}

static void rebuild(struct gate *g)
{
    struct buf why;

    buf_init(&why, WHY_MAX);
    (void)publish(g, &why); /* gate_healthy() tells; tried again every minute */
    buf_clear(&why);
}

/* What a batch of entries asks to be read again. */
struct changed {
    bool directory, roles, issuers;
};

/* Named again right behind: taken then, once. */
static bool comes_again(const struct log_entry *e, size_t left)
{
    return left > 1 && e[1].kind == LOG_PRINCIPAL && uuid_eq(&e[1].principal, &e->principal);
}

static enum rc take_entry(struct gate *g, const struct log_entry *e, size_t left,
                          struct changed *changed)
{
    switch (e->kind) {
    case LOG_USER:
        take_user(g, &e->user);
        return RC_OK;
    case LOG_PRINCIPAL:
        return comes_again(e, left) ? RC_OK : grants_take(g->grants, g->reader, &e->principal);
    case LOG_ROLES:
        changed->roles = true;
        return RC_OK;
    case LOG_ISSUER:
        changed->issuers = true;
        return RC_OK;
    case LOG_SMS_SENDER:
    case LOG_SMS_TRANSPORT:
    case LOG_SUBSCRIPTION:
        return RC_OK; /* others keep these */
    case LOG_RESOURCE:
    case LOG_SIGNING_KEY:
        break;
    }
    changed->directory = true;
    return RC_OK;
}

static enum rc take_changed(struct gate *g, const struct changed *changed)
{
    enum rc rc = RC_OK;
    struct buf why;

    buf_init(&why, WHY_MAX);
    if (changed->directory)
        rc = publish_directory(g, &why);
    if (!rc && changed->roles)
        rc = grants_load(g->grants, g->reader);
    if (!rc && changed->issuers)
        rc = publish_issuers(g);
    buf_clear(&why);
    return rc;
}

void gate_on_commit(void *gate, const struct log_entry *entries, size_t n)
{
    struct gate *g = gate;
    struct changed changed = {0};
    enum rc rc = RC_OK;

    if (!n)
        return;
    mutex_lock(&g->load_lock);
    for (size_t i = 0; g->reader && !rc && i < n; i++)
        rc = take_entry(g, &entries[i], n - i, &changed);
    if (!rc && g->reader && gate_healthy(g))
        rc = take_changed(g, &changed);
    if (g->reader &&
        (rc || !gate_healthy(g))) /* all of it, or credentials are refused until it can be read */
        rebuild(g);
    if (g->reader)
        store_reader_idle(g->reader);
    mutex_unlock(&g->load_lock);
}

/* ---- once a minute ---- */

#define USED_MAX 256 /* the rest waits for the next minute's change */

struct used_set {
    struct change_set set;
    struct change items[USED_MAX];
};

static void add_used(void *ctx, const struct uuid *resource, enum key_slot slot, unix_ms last_used)
{
    struct used_set *u = ctx;

    if (u->set.n == USED_MAX)
        return;
    u->items[u->set.n++] = (struct change){
        .kind = CHANGE_ACCESS_KEY_USED,
        .u.access_key = {.resource = *resource, .slot = slot, .last_used = last_used},
    };
}

static void write_used(struct gate *g)
{
    struct used_set *u = calloc(1, sizeof *u);

    if (!u)
        abort();
    (void)key_usage_each_changed(g->source.usage, add_used, u); /* the set knows how many */
    if (!u->set.n) {
        free(u);
        return;
    }
    u->set.items = u->items;
    u->set.discard = free; /* by the writer: no loop waits */
    u->set.ctx = u;
    store_commit(g->store, &u->set);
}

void gate_tick(struct gate *g)
{
    revocations_expire(g->revocations, clock_now(g->clock));
    write_used(g);
    if (gate_healthy(g))
        return;
    mutex_lock(&g->load_lock);
    if (g->reader)
        rebuild(g);
    mutex_unlock(&g->load_lock);
}

const struct directory *gate_directory_ref(struct gate *g)
{
    struct snapshot_view view = {0};

    return (const struct directory *)(void *)snapshot_see(&view,
                                                          &g->directory); /* keeps its hold */
}

size_t gate_issuers_left_out(struct gate *g, struct arena *arena, struct str *out_why)
{
    struct snapshot_view view = {0};
    const struct issuer_set *set = NULL;
    size_t n = 0;

    *out_why = STR_EMPTY;
    if (g->options.issuer_keys)
        set = (const struct issuer_set *)(void *)snapshot_see(&view, &g->issuers);
    if (set) {
        n = set->left_out;
        *out_why = arena_dup(arena, set->left_out_why);
    }
    snapshot_view_clear(&view);
    return n;
}

/* ---- one loop's part ---- */

struct gate_loop *gate_loop_new(struct gate *g, struct store *store, struct store_reader *reader)
{
    struct gate_loop *gl = calloc(1, sizeof *gl);

    if (!gl)
        abort();
    gl->gate = g;
    gl->store = store;
    gl->reader = reader;
    gl->work = hash_work_new();
    gl->tokens = tokens_new(g->options.token_cache);
    gl->fails = calloc(FAIL_SLOTS, sizeof *gl->fails);
    if (!gl->work || !gl->fails)
        abort();
    return gl;
}

void gate_loop_free(struct gate_loop *gl)
{
    if (!gl)
        return;
    for (size_t i = 0; i < gl->retired_n; i++)
        snapshot_unref(gl->retired[i]);
    snapshot_view_clear(&gl->view);
    for (size_t i = 0; i < SIGNERS_MAX; i++) {
        signer_free(gl->signers[i].signer);
        pkey_unref(gl->signers[i].key);
    }
    tokens_free(gl->tokens);
    snapshot_view_clear(&gl->issuers);
    key_source_unref(gl->later);
    free(gl->standings);
    clients_free(gl->clients);
    hash_work_free(gl->work);
    free(gl->fails);
    free(gl);
}

struct gate *gate_of(struct gate_loop *gl)
{
    return gl->gate;
}

struct hash_work *gate_hash_work(struct gate_loop *gl)
{
    return gl->work;
}

const struct issuer_set *gate_issuers(struct gate_loop *gl)
{
    if (!gl->gate->options.issuer_keys)
        return NULL;
    return (const struct issuer_set *)(void *)snapshot_see(&gl->issuers, &gl->gate->issuers);
}

static struct directory *see(struct gate_loop *gl)
{
    return (struct directory *)(void *)snapshot_see(&gl->view, &gl->gate->directory);
}

/* Inside the brackets: the one seen before stays alive until the outermost is left. */
static struct directory *see_inside(struct gate_loop *gl)
{
    struct snapshot *old = gl->view.held;

    if (gl->retired_n == RETIRED_MAX)
        return (struct directory *)(void *)old; /* sixteen changes within one request: enough */
    (void)snapshot_ref(old);
    struct directory *next = see(gl);
    if (gl->view.held == old)
        snapshot_unref(old);
    else
        gl->retired[gl->retired_n++] = old;
    return next;
}

const struct directory *gate_directory(struct gate_loop *gl)
{
    return gl->depth ? see_inside(gl) : see(gl);
}

struct gate_pin gate_enter(struct gate_loop *gl)
{
    struct gate_pin pin = {.outer = gl->current};

    pin.directory = gl->depth ? see_inside(gl) : see(gl);
    gl->current = pin.directory;
    gl->depth++;
    return pin;
}

void gate_leave(struct gate_loop *gl, struct gate_pin pin)
{
    gl->current = pin.outer;
    if (--gl->depth)
        return;
    while (gl->retired_n)
        snapshot_unref(gl->retired[--gl->retired_n]);
}

void gate_hold(struct gate_loop *gl, struct request *req)
{
    if (!req->held_snapshot && gl->current)
        req->held_snapshot = snapshot_ref(&gl->current->snapshot);
}

void gate_release(const struct request *req)
{
    if (req->held_snapshot)
        snapshot_unref(req->held_snapshot);
}

/* ---- hosts ---- */

#define HOST_MAX ((size_t)255)

const struct resource *gate_resource(const struct directory *d, struct request *req,
                                     bool *out_known)
{
    const struct door *door = req->door;
    uint16_t door_port = door ? door->port : 0, port;
    struct str host = headers_get(&req->headers, HEADER_HOST);
    char lower[HOST_MAX];

    *out_known = false;
    if (authority_split(host, &host, &port) || host.len > sizeof lower)
        return NULL;
    ascii_lower(lower, host);
    host = str_of(lower, host.len);
    /* an address is known only at the listener that is bound to it */
    if (door && door->bound.len && name_eq(host, door->bound))
        host = STR("localhost");
    *out_known = directory_knows_host(d, host);
    return *out_known ? directory_by_host(d, host, door_port) : NULL;
}

bool gate_explains(const struct gate_loop *gl, const struct request *req)
{
    const struct gate_options *o = &gl->gate->options;

    if (!o->development)
        return false;
    if (req->peer.loopback && req->client_addr.loopback)
        return true;
    for (size_t i = 0; i < o->explain_to_count; i++) {
        if (cidr_contains(&o->explain_to[i], &req->client_addr.ip))
            return true;
    }
    return false;
}
