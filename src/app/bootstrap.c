/* What the first start makes, what a change of mode renews, and the rotation of signing keys. */
#include "app/app.h"

#define ACCESS_KEY_OCTETS 64
#define SEALED_MAX        (4 * KIB)
#define PUBLISH_AHEAD_MS  (24LL * 3600 * 1000) /* a key is in the JWKS a day before it signs */

static const struct str mode_name = STR_INIT("mode");

struct commit_wait {
    struct loop *loop;
    bool done;
};

static void committed(void *ctx, enum rc rc, struct change_set *set)
{
    struct commit_wait *wait = ctx;

    (void)rc; /* stays in set->rc */
    (void)set;
    wait->done = true;
    loop_stop(wait->loop);
}

enum rc app_commit(struct app *app, struct change_set *set)
{
    struct commit_wait wait = {.loop = app->lanes[0].loop};

    set->loop = wait.loop;
    set->done = committed;
    set->ctx = &wait;
    store_commit(app->store, set);
    while (!wait.done) /* a stop asked for earlier ends the first run at once */
        loop_run(wait.loop);
    return set->rc;
}

/* ---- one change set that grows ---- */

struct batch {
    struct arena arena;
    struct change *items;
    size_t n, room;
};

/* The change is borrowed until the next one is added. */
static struct change *batch_add(struct batch *b, enum change_kind kind)
{
    struct change *c;

    if (b->n == b->room) {
        struct change *former = b->items;

        b->room = b->room ? 2 * b->room : 8;
        b->items = arena_array(&b->arena, struct change, b->room);
        if (b->n)
            memcpy(b->items, former, b->n * sizeof *former);
    }
    c = &b->items[b->n++];
    c->kind = kind;
    return c;
}

static void batch_init(struct batch *b)
{
    *b = (struct batch){0};
    arena_init(&b->arena);
}

static enum rc add_access_key(struct app *app, struct batch *b, const struct uuid *resource,
                              enum key_slot slot, uint32_t generation)
{
    struct secret secret = secret_random(ACCESS_KEY_OCTETS);
    struct change *c = batch_add(b, CHANGE_ACCESS_KEY_PUT);
    struct buf sealed;
    enum rc rc;

    buf_init(&sealed, SEALED_MAX);
    rc = access_key_seal(app->master, resource, slot, &secret, &sealed);
    c->u.access_key = (struct access_key_row){
        .resource = *resource,
        .slot = slot,
        .generation = generation,
        .tokens_valid_from = generation,
        .sealed = arena_dup(&b->arena, buf_str(&sealed)),
        .regenerated = clock_now(&app->clock),
    };
    secret_clear(&secret);
    buf_clear(&sealed);
    return rc;
}

static enum rc add_signing_key(struct app *app, struct batch *b, unix_ms active_from)
{
    struct change *c = batch_add(b, CHANGE_SIGNING_KEY_PUT);

    return signing_key_make(app->master, app->site_options.token_alg, STR("user"),
                            clock_now(&app->clock), active_from, &b->arena, &c->u.signing_key);
}

static enum rc first_resource(struct app *app, struct batch *b)
{
    struct change *c = batch_add(b, CHANGE_RESOURCE_PUT);
    struct uuid id = uuid_random();
    enum rc rc;

    c->u.resource = (struct resource_row){
        .id = id,
        .name = STR("default"),
        .location = app->site_options.location,
        .state = RESOURCE_ACTIVE,
        .is_default = true,
        .created = clock_now(&app->clock),
        .group = RESOURCE_GROUP_DEFAULT,
        .data_location = data_location_of(app->site_options.location),
        .properties = STR("{}"),
    };
    rc = add_access_key(app, b, &id, KEY_PRIMARY, 1);
    return rc ? rc : add_access_key(app, b, &id, KEY_SECONDARY, 1);
}

/* Keys that were in use in development must not open a production server. */
static enum rc renew_all_keys(struct app *app, const struct directory *d, struct batch *b)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; !rc && i < d->resources_count; i++) {
        const struct resource *r = &d->resources[i];

        for (unsigned slot = 0; !rc && slot < KEY_SLOTS; slot++)
            rc = add_access_key(app, b, &r->id, (enum key_slot)slot, r->keys[slot].generation + 1);
    }
    for (size_t i = 0; !rc && i < d->signing_keys_count; i++)
        batch_add(b, CHANGE_SIGNING_KEY_DELETE)->u.signing_key.kid =
            arena_dup(&b->arena, d->signing_keys[i].kid);
    return rc ? rc : add_signing_key(app, b, clock_now(&app->clock));
}

static enum rc check_mode(struct app *app, struct str kept, bool *out_adopt, struct buf *why)
{
    *out_adopt = !app->development && str_eq(kept, STR("dev"));
    if (*out_adopt && !setting_number(app->settings, "adopt_dev_data")) {
        buf_addf(why,
                 "the data directory %s was used in development: start with --adopt-dev-data to "
                 "take it over (all keys are renewed), or give --data another directory.",
                 app->dir.path.ptr);
        return RC_CONFLICT;
    }
    return RC_OK;
}

/* True when a key of the wanted algorithm signs now. */
static bool can_sign(const struct app *app, const struct directory *d)
{
    const struct signing_key *k = directory_signer(d, STR("user"), clock_now(&app->clock));

    return k && pkey_alg(k->key) == app->site_options.token_alg;
}

enum rc app_bootstrap(struct app *app, struct buf *why)
{
    const struct directory *d = gate_directory_ref(app->gate);
    struct str mode = app->development ? STR("dev") : STR("production"), kept = STR_EMPTY;
    struct change_set set = {0};
    struct batch b;
    bool adopt = false;
    enum rc rc;

    batch_init(&b);
    if (store_meta(app->lanes[0].reader, mode_name, &b.arena, &kept))
        kept = STR_EMPTY; /* a new store */
    rc = check_mode(app, kept, &adopt, why);
    if (!rc && !str_eq(kept, mode)) {
        struct change *c = batch_add(&b, CHANGE_META_PUT);
        c->u.meta.name = mode_name;
        c->u.meta.value = mode;
    }
    if (!rc && d->resources_count == 0)
        rc = first_resource(app, &b);
    if (!rc && adopt)
        rc = renew_all_keys(app, d, &b);
    else if (!rc && !can_sign(app, d))
        rc = add_signing_key(app, &b, clock_now(&app->clock));
    snapshot_unref((struct snapshot *)(uintptr_t)&d->snapshot);
    set.items = b.items;
    set.n = b.n;
    if (!rc && b.n > 0)
        rc = app_commit(app, &set);
    if (rc && why->len == 0)
        buf_addf(why, "can't write the first rows to %s (%s).", app->dir.store.ptr, rc_name(rc));
    arena_clear(&b.arena);
    return rc;
}

/* ---- rotation ---- */

struct rotation {
    struct change_set set;
    struct batch batch;
    struct app *app;
};

static void rotated(void *ctx, enum rc rc, struct change_set *set)
{
    struct rotation *r = ctx;

    (void)set;
    if (rc)
        log_error(r->app->log, "keys.rotate_failed", "rc=%s", rc_name(rc));
    else
        log_info(r->app->log, "keys.rotated", "published_ahead_hours=%d",
                 (int)(PUBLISH_AHEAD_MS / 3600000));
    arena_clear(&r->batch.arena);
    free(r);
}

void app_rotate_signing_keys(struct app *app)
{
    const struct directory *d = gate_directory_ref(app->gate);
    unix_ms now = clock_now(&app->clock);
    const struct signing_key *newest = directory_signer(d, STR("user"), now + PUBLISH_AHEAD_MS);
    bool due = !newest ||
               now - newest->active_from > setting_number(app->settings, "auth.signing_key_life");
    struct rotation *r;

    snapshot_unref((struct snapshot *)(uintptr_t)&d->snapshot);
    if (!due || !(r = calloc(1, sizeof *r)))
        return;
    r->app = app;
    batch_init(&r->batch);
    if (add_signing_key(app, &r->batch, now + PUBLISH_AHEAD_MS)) {
        arena_clear(&r->batch.arena);
        free(r);
        return;
    }
    r->set = (struct change_set){.items = r->batch.items,
                                 .n = r->batch.n,
                                 .loop = app->lanes[0].loop,
                                 .done = rotated,
                                 .ctx = r};
    store_commit(app->store, &r->set);
}
