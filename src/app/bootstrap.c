/* What the first start makes, what a change of mode renews, and the rotation of signing keys. */
#include "app/app.h"

#include "gate/applications.h"

#define FIRST_NAME  STR("default")
#define FIRST_GROUP STR("callgate")
#define FIRST_ROLE  STR("Callgate Data Contributor")

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

/** The two kinds of tokens that we sign; their key sets are disjoint (design D14). */
struct purpose {
    struct str name;
    enum jws_alg alg;
};

#define PURPOSES 2

static void purposes(const struct app *app, struct purpose out[static PURPOSES])
{
    out[0] = (struct purpose){STR("user"), app->site_options.token_alg};
    out[1] = (struct purpose){STR("issuer"), app->site_options.issuer_alg};
}

static enum rc add_signing_key(struct app *app, struct batch *b, const struct purpose *p,
                               unix_ms active_from)
{
    struct change *c = batch_add(b, CHANGE_SIGNING_KEY_PUT);

    return signing_key_make(app->master, p->alg, p->name, clock_now(&app->clock), active_from,
                            &b->arena, &c->u.signing_key);
}

/* Each kind of token has a key that signs now. The issuer's next one is published from the start:
 * verifiers of its tokens keep the set for a day. */
static enum rc add_missing_keys(struct app *app, const struct directory *d, struct batch *b)
{
    struct purpose all[PURPOSES];
    unix_ms now = clock_now(&app->clock);
    enum rc rc = RC_OK;

    purposes(app, all);
    for (size_t i = 0; !rc && i < PURPOSES; i++) {
        const struct signing_key *k = directory_signer(d, all[i].name, now);

        if (!k || pkey_alg(k->key) != all[i].alg)
            rc = add_signing_key(app, b, &all[i], now);
        if (!rc && !k && name_eq(all[i].name, STR("issuer")))
            rc = add_signing_key(app, b, &all[i],
                                 now + setting_number(app->settings, "auth.signing_key_life"));
    }
    return rc;
}

/* ---- what managed identity needs ---- */

static void add_meta_id(struct batch *b, struct str name, const struct uuid *id)
{
    struct change *c = batch_add(b, CHANGE_META_PUT);
    char *text = arena_alloc(&b->arena, UUID_TEXT_LEN + 1);

    uuid_format(id, text);
    c->u.meta.name = name;
    c->u.meta.value = str_of(text, UUID_TEXT_LEN);
}

/* A managed identity to begin with, in development: it may use the data plane of the default
 * resource and nothing else. */
static void add_first_identity(struct app *app, struct batch *b, const struct uuid *subscription)
{
    struct change *c = batch_add(b, CHANGE_APPLICATION_PUT);
    const struct role *role = built_in_role_by_name(FIRST_ROLE);
    struct app_document document = {.location = app->site_options.location};
    struct application_row row = {
        .client_id = uuid_random(),
        .object_id = uuid_random(),
        .kind = APPLICATION_MANAGED,
        .version = 1,
        .created = clock_now(&app->clock),
        .name = FIRST_NAME,
        .arm_id = managed_identity_id(subscription, FIRST_GROUP, FIRST_NAME, true, &b->arena),
        .document = app_document_write(&document, &b->arena),
    };

    (void)app_header_make(app->master, &b->arena, &row); /* shown when it is asked for */
    c->u.application = row;
    c = batch_add(b, CHANGE_ROLE_ASSIGNMENT_PUT);
    c->u.role_assignment = (struct role_assignment_row){
        .id = uuid_random(),
        .principal = row.object_id,
        .role = role->id,
        .built_in_role = true,
        .scope = scope_of_resource(subscription, FIRST_GROUP, FIRST_NAME, &b->arena),
        .principal_type = STR("ServicePrincipal"),
        .created = clock_now(&app->clock),
    };
}

/* The ids of tenant and subscription, once for a store. */
static void add_tenant(struct app *app, const struct directory *d, struct batch *b)
{
    struct uuid tenant = uuid_random(), subscription = uuid_random();

    if (d->tenant_text.len)
        return;
    add_meta_id(b, META_TENANT, &tenant);
    add_meta_id(b, META_SUBSCRIPTION, &subscription);
    if (app->development)
        add_first_identity(app, b, &subscription);
}

static void add_epoch(struct app *app, struct batch *b)
{
    struct uuid id = uuid_random();
    struct str kept;

    if (store_meta(app->lanes[0].reader, META_EPOCH, &b->arena, &kept))
        add_meta_id(b, META_EPOCH, &id);
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

struct stripping {
    struct app *app;
    struct batch *batch;
    enum rc rc;
};

/* Its secrets, certificates and federated credentials go; what it is and may do stays. */
static void strip_application(void *ctx, const struct application_row *row)
{
    struct stripping *s = ctx;
    struct arena *arena = &s->batch->arena;
    struct change *c = batch_add(s->batch, CHANGE_APPLICATION_PUT);
    struct app_document document = {0};

    c->u.application = *row; /* its texts lie in the batch's arena */
    if (s->rc || (s->rc = app_document_read(row->document, arena, &document)))
        return;
    document.secrets_count = document.certificates_count = document.federated_count = 0;
    c->u.application.version++;
    c->u.application.revoked_before = clock_now(&s->app->clock);
    if (c->u.application.revoked_before <= row->revoked_before)
        c->u.application.revoked_before = row->revoked_before + 1;
    c->u.application.document = app_document_write(&document, arena);
    if (row->kind == APPLICATION_MANAGED)
        (void)app_header_make(s->app->master, arena, &c->u.application); /* shown when asked for */
}

/* Keys that were in use in development must not open a production server. */
static enum rc renew_all_keys(struct app *app, const struct directory *d, struct batch *b)
{
    struct stripping s = {.app = app, .batch = b};
    enum rc rc = store_each_application(app->lanes[0].reader, &b->arena, strip_application, &s);

    if (!rc)
        rc = s.rc;

    for (size_t i = 0; !rc && i < d->resources_count; i++) {
        const struct resource *r = &d->resources[i];

        for (unsigned slot = 0; !rc && slot < KEY_SLOTS; slot++)
            rc = add_access_key(app, b, &r->id, (enum key_slot)slot, r->keys[slot].generation + 1);
    }
    for (size_t i = 0; !rc && i < d->signing_keys_count; i++)
        batch_add(b, CHANGE_SIGNING_KEY_DELETE)->u.signing_key.kid =
            arena_dup(&b->arena, d->signing_keys[i].kid);
    return rc ? rc : add_missing_keys(app, &(struct directory){0}, b);
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
    else if (!rc)
        rc = add_missing_keys(app, d, &b);
    if (!rc)
        add_tenant(app, d, &b);
    if (!rc)
        add_epoch(app, &b);
    snapshot_unref((struct snapshot *)(uintptr_t)&d->snapshot);
    set.items = b.items;
    set.n = b.n;
    if (!rc && b.n > 0)
        rc = app_commit(app, &set);
    if (!rc && b.n > 0)
        rc = gate_load(app->gate, why); /* named values are in no change log */
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

/* The kinds whose newest key is as old as a key may get, and the issuer's while it has no next one;
 * adds their successors. */
static enum rc add_due_keys(struct app *app, struct batch *b)
{
    const struct directory *d = gate_directory_ref(app->gate);
    unix_ms now = clock_now(&app->clock);
    int64_t life = setting_number(app->settings, "auth.signing_key_life");
    struct purpose all[PURPOSES];
    enum rc rc = RC_OK;

    purposes(app, all);
    for (size_t i = 0; !rc && i < PURPOSES; i++) {
        const struct signing_key *newest =
            directory_signer(d, all[i].name, now + life + PUBLISH_AHEAD_MS);
        bool issuer = name_eq(all[i].name, STR("issuer"));
        unix_ms ends = newest ? newest->active_from + life : now;

        if (issuer && newest && newest->active_from <= now)
            rc = add_signing_key(app, b, &all[i],
                                 ends > now + PUBLISH_AHEAD_MS ? ends : now + PUBLISH_AHEAD_MS);
        else if (!issuer && (!newest || now >= ends))
            rc = add_signing_key(app, b, &all[i], now + PUBLISH_AHEAD_MS);
    }
    snapshot_unref((struct snapshot *)(uintptr_t)&d->snapshot);
    return rc;
}

void app_rotate_signing_keys(struct app *app)
{
    struct rotation *r = calloc(1, sizeof *r);

    if (!r)
        return;
    r->app = app;
    batch_init(&r->batch);
    if (add_due_keys(app, &r->batch) || !r->batch.n) {
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
