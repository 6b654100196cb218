/* Senders and transports in memory: read whole when either has changed, published as one snapshot.
 * A row that can't be read counts for nothing, and the log says so: the others go on. */
#include "services/sms/sms_core.h"

#define KEY_MAX       ((size_t)64)
#define SECRETS_MAX   (64 * KIB)
#define TRANSPORT_CTX "sms_transport/"

struct builder {
    struct sms *sms;
    struct sms_world *world;
    size_t senders_cap, transports_cap;
};

static void world_free(struct snapshot *snapshot)
{
    struct sms_world *w = (struct sms_world *)(void *)snapshot;

    for (size_t i = 0; i < w->transports_n; i++) {
        json_decref((json_t *)(uintptr_t)w->transports[i].config);
        json_decref((json_t *)(uintptr_t)w->transports[i].secrets);
    }
    map_clear(&w->by_sender);
    arena_clear(&w->arena);
    free(w);
}

static void *grown(struct arena *arena, void *items, size_t n, size_t *cap, size_t size)
{
    void *more;

    if (n < *cap)
        return items;
    *cap = *cap ? *cap * 2 : 8;
    more = arena_alloc(arena, *cap * size);
    if (n)
        memcpy(more, items, n * size);
    return more;
}

/* ---- documents ---- */

/* The object of a document, or NULL with a sentence. Owned. */
static json_t *read_object(struct str document, struct buf *why)
{
    const char *reason = "it is no object";
    json_t *doc = NULL;

    if (json_read(document, &doc, &reason) == RC_OK && json_is_object(doc))
        return doc;
    json_decref(doc);
    buf_addf(why, "The document can't be read: %s.", reason);
    return NULL;
}

static enum rc bad(struct buf *why, const char *member, const char *what)
{
    buf_addf(why, "%s must be %s.", member, what);
    return RC_INVALID;
}

static enum rc text_member(const json_t *obj, const char *name, struct arena *arena,
                           struct str *out, struct buf *why)
{
    struct str text;
    enum rc rc = json_get_str(obj, name, &text);

    if (rc == RC_OK)
        *out = arena_dup(arena, text);
    return rc == RC_INVALID ? bad(why, name, "a string") : RC_OK;
}

static enum rc read_replies(const json_t *doc, struct arena *arena, struct sms_sender *out,
                            struct buf *why)
{
    const json_t *replies = json_object_get(doc, "replies");
    enum rc rc;

    if (!replies || json_is_null(replies))
        return RC_OK;
    if (!json_is_object(replies))
        return bad(why, "replies", "an object");
    rc = text_member(replies, "stop", arena, &out->stop, why);
    if (!rc)
        rc = text_member(replies, "start", arena, &out->start, why);
    return rc ? rc : text_member(replies, "help", arena, &out->help, why);
}

static enum rc read_rate(const json_t *doc, struct sms_sender *out, struct buf *why)
{
    int64_t rate = 0;
    enum rc rc = json_get_int(doc, "ratePerMinute", &rate);

    if (rc == RC_NOT_FOUND)
        return RC_OK;
    if (rc || rate < 0 || rate > UINT32_MAX)
        return bad(why, "ratePerMinute", "a number, 0 for no limit");
    out->has_rate = true;
    out->rate = (uint32_t)rate;
    return RC_OK;
}

/* What holds where a document says nothing. */
static struct sms_sender plain_sender(const struct sms *s, struct str sender)
{
    enum sms_sender_kind kind = sms_sender_kind_of(sender, s->options.numbers_strict);

    return (struct sms_sender){
        .sender = sender,
        .kind = kind,
        .enforce = kind != SMS_SENDER_ALPHANUMERIC,
        .transport = s->options.transport.len ? s->options.transport : SMS_INBOX,
    };
}

static enum rc read_document(const struct sms *s, const json_t *doc, struct arena *arena,
                             struct sms_sender *out, struct buf *why)
{
    struct str kind = STR_EMPTY, transport = STR_EMPTY;
    enum rc rc = text_member(doc, "kind", arena, &kind, why);

    (void)s;
    if (!rc)
        rc = text_member(doc, "transport", arena, &transport, why);
    if (rc)
        return rc;
    if (kind.len) {
        out->kind = sms_sender_kind_from_name(kind);
        if (out->kind == SMS_SENDER_NONE)
            return bad(why, "kind", "tollFree, shortCode, alphanumeric or longCode");
        out->enforce = out->kind != SMS_SENDER_ALPHANUMERIC;
    }
    if (transport.len)
        out->transport = arena_lower(arena, transport);
    if (json_get_bool(doc, "enforceOptOut", &out->enforce) == RC_INVALID)
        return bad(why, "enforceOptOut", "true or false");
    rc = read_rate(doc, out, why);
    return rc ? rc : read_replies(doc, arena, out, why);
}

enum rc sms_sender_read(const struct sms *s, const struct sms_sender_row *row, struct arena *arena,
                        struct sms_sender *out, struct buf *why)
{
    AUTO(json_freep) json_t *doc = read_object(row->document, why);

    if (!doc)
        return RC_INVALID;
    *out = plain_sender(s, arena_dup(arena, row->sender));
    out->resource = row->resource;
    out->version = row->version;
    out->created = row->created;
    out->document = arena_dup(arena, row->document);
    return read_document(s, doc, arena, out, why);
}

/* ---- rows ---- */

static struct str sender_key(const struct uuid *resource, struct str sender, char *out, size_t cap)
{
    size_t len = sizeof resource->octets;

    memcpy(out, resource->octets, len);
    if (sender.len > cap - len)
        sender.len = 0; /* no sender is so long */
    if (sender.len)
        memcpy(out + len, sender.ptr, sender.len);
    return str_of(out, len + sender.len);
}

static void log_left_out(struct sms *s, const char *what, struct str which, struct str why)
{
    char name[80], reason[300];
    int name_len = (int)log_quote(name, sizeof name, which, 32);
    int len = (int)log_quote(reason, sizeof reason, why, 200);

    log_warn(s->options.log, "sms.left_out", "%s=%.*s why=%.*s action=not_used", what, name_len,
             name, len, reason);
}

static void take_sender(void *ctx, const struct sms_sender_row *row)
{
    struct builder *b = ctx;
    struct sms_world *w = b->world;
    struct sms_sender sender;
    struct buf why;

    buf_init(&why, KIB);
    if (sms_sender_read(b->sms, row, &w->arena, &sender, &why)) {
        log_left_out(b->sms, "sender", row->sender, buf_str(&why));
    } else {
        w->senders = grown(&w->arena, w->senders, w->senders_n, &b->senders_cap, sizeof sender);
        w->senders[w->senders_n++] = sender;
    }
    buf_clear(&why);
}

static struct str transport_context(struct str name, char *out, size_t cap)
{
    struct str start = STR(TRANSPORT_CTX);

    memcpy(out, start.ptr, start.len);
    name = str_head(name, cap - start.len);
    if (name.len)
        memcpy(out + start.len, name.ptr, name.len);
    return str_of(out, start.len + name.len);
}

/* False: they are there and don't open. */
static bool open_secrets(const struct sms *s, const struct sms_transport_row *row, json_t **out)
{
    char context[256];
    struct secret plain = {0};
    bool ok;

    if (!row->sealed.len)
        return true;
    if (unseal(s->options.master, transport_context(row->name, context, sizeof context),
               row->sealed, &plain))
        return false;
    ok = json_read(str_of(plain.octets, plain.len), out, NULL) == RC_OK;
    secret_clear(&plain);
    return ok;
}

enum rc sms_secrets_seal(const struct sms *s, struct str transport, struct str json,
                         struct buf *out)
{
    char context[256];
    struct secret plain = secret_copy(json.ptr, json.len);
    enum rc rc =
        seal(s->options.master, transport_context(transport, context, sizeof context), &plain, out);

    secret_clear(&plain);
    return rc;
}

static void add_transport(struct builder *b, const struct sms_transport *t)
{
    struct sms_world *w = b->world;

    w->transports = grown(&w->arena, w->transports, w->transports_n, &b->transports_cap, sizeof *t);
    w->transports[w->transports_n++] = *t;
}

static void take_transport(void *ctx, const struct sms_transport_row *row)
{
    struct builder *b = ctx;
    struct arena *arena = &b->world->arena;
    json_t *config, *secrets = NULL;
    const struct carrier_ops *(*find)(struct str) = b->sms->options.find_carrier;
    struct buf why;

    find = find ? find : carrier_ops_find;
    if (name_eq(row->name, SMS_INBOX))
        return; /* the built-in one needs no row, and has no settings */
    buf_init(&why, KIB);
    config = read_object(row->document, &why);
    if (config) {
        bool opened = open_secrets(b->sms, row, &secrets);

        if (!opened)
            log_left_out(b->sms, "transport", row->name,
                         STR("its secrets are sealed by another master key"));
        add_transport(b, &(struct sms_transport){.name = arena_dup(arena, row->name),
                                                 .kind = arena_dup(arena, row->kind),
                                                 .ops = find(row->kind),
                                                 .version = row->version,
                                                 .document = arena_dup(arena, row->document),
                                                 .config = config,
                                                 .secrets = secrets,
                                                 .sealed_elsewhere = !opened,
                                                 .created = row->created});
    } else {
        log_left_out(b->sms, "transport", row->name, buf_str(&why));
    }
    buf_clear(&why);
}

/* ---- the whole ---- */

static struct sms_world *world_begin(struct builder *b)
{
    struct sms_world *w = calloc(1, sizeof *w);

    if (!w)
        abort();
    atomic_init(&w->snapshot.refs, 1);
    w->snapshot.free = world_free;
    arena_init(&w->arena);
    map_init(&w->by_sender);
    b->world = w;
    add_transport(b, &(struct sms_transport){.name = SMS_INBOX,
                                             .kind = SMS_INBOX,
                                             .ops = &inbox_carrier_ops,
                                             .document = STR("{}"),
                                             .config = json_object()});
    return w;
}

static void index_senders(struct sms_world *w)
{
    for (size_t i = 0; i < w->senders_n; i++) {
        struct sms_sender *s = &w->senders[i];
        char *key = arena_alloc(&w->arena, KEY_MAX);

        map_put(&w->by_sender, sender_key(&s->resource, s->sender, key, KEY_MAX), s);
    }
}

void sms_world_init(struct sms *s)
{
    struct builder b = {.sms = s};

    snapshot_cell_init(&s->world);
    snapshot_publish(&s->world, &world_begin(&b)->snapshot);
}

enum rc sms_world_load(struct sms *s, struct store_reader *r)
{
    struct builder b = {.sms = s};
    struct sms_world *w = world_begin(&b);
    struct arena scratch;
    enum rc rc;

    arena_init(&scratch);
    rc = store_each_sms_sender(r, &scratch, take_sender, &b);
    if (!rc)
        rc = store_each_sms_transport(r, &scratch, take_transport, &b);
    arena_clear(&scratch);
    if (rc) {
        snapshot_unref(&w->snapshot);
        return rc;
    }
    index_senders(w);
    snapshot_publish(&s->world, &w->snapshot);
    return RC_OK;
}

const struct sms_world *sms_world_ref(struct sms *s)
{
    struct snapshot_view view = {0};

    return (const struct sms_world *)(void *)snapshot_see(&view, &s->world); /* keeps its hold */
}

void sms_world_unref(const struct sms_world *w)
{
    if (w)
        snapshot_unref((struct snapshot *)(uintptr_t)&w->snapshot);
}

/* ---- look-ups ---- */

const struct sms_sender *sms_sender_find(const struct sms_world *w, const struct uuid *resource,
                                         struct str sender)
{
    char key[KEY_MAX];

    return map_get(&w->by_sender, sender_key(resource, sender, key, sizeof key));
}

enum rc sms_sender_resolve(const struct sms *s, const struct sms_world *w,
                           const struct uuid *resource, struct str sender, struct sms_sender *out)
{
    const struct sms_sender *listed;

    if (sms_sender_kind_of(sender, s->options.numbers_strict) == SMS_SENDER_NONE)
        return RC_INVALID;
    listed = sms_sender_find(w, resource, sender);
    if (!listed && !s->options.senders_any)
        return RC_NOT_FOUND;
    *out = listed ? *listed : plain_sender(s, sender);
    out->resource = *resource;
    return RC_OK;
}

const struct sms_transport *sms_transport_find(const struct sms_world *w, struct str name)
{
    for (size_t i = 0; i < w->transports_n; i++)
        if (name_eq(w->transports[i].name, name))
            return &w->transports[i];
    return NULL;
}
