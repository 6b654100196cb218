/* Ways out for messages: configured, shown, asked how they are. They are the server's, whichever
 * resource uses them; a PUT replaces all that was said of one. Secrets go in and never come out:
 * they are shown as "***", and "***" that comes in means what is there. Source: wire/sms §6, §8. */
#include "services/sms/sms_admin.h"

#define NAME_MAX_LEN 32
#define TRIES_MAX    8 /* of a PUT that others overtake */
#define HIDDEN       "***"

static const struct str no_such = STR_INIT("There is no such transport.");

/* ---- shown ---- */

static void write_value(const char *name, const json_t *value, struct json_writer *w)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

    json_name(w, name);
    json_raw(w, text ? str_from(text) : STR("null"));
    free(text);
}

/* A secret member: the names inside an object are no secret. */
static void write_hidden(const char *name, const json_t *value, struct json_writer *w)
{
    const char *inner;
    json_t *item;

    json_name(w, name);
    if (!json_is_object(value)) {
        json_str(w, STR(HIDDEN));
        return;
    }
    json_object_begin(w);
    json_object_foreach((json_t *)(uintptr_t)value, inner, item)
    {
        json_member_str(w, inner, STR(HIDDEN));
    }
    json_object_end(w);
}

static void write_members(const struct sms_transport *t, struct json_writer *w)
{
    const char *name;
    json_t *value;

    /* jansson's iteration wants a non-const object but changes nothing */
    json_object_foreach((json_t *)(uintptr_t)t->config, name, value)
    {
        write_value(name, value, w);
    }
    json_object_foreach((json_t *)(uintptr_t)t->secrets, name, value)
    {
        write_hidden(name, value, w);
    }
}

static void write_transport(const struct sms_transport *t, struct json_writer *w)
{
    json_object_begin(w);
    json_member_str(w, "name", t->name);
    json_member_str(w, "kind", t->kind);
    write_members(t, w);
    if (t->sealed_elsewhere)
        json_member_str(w, "problem",
                        STR("its secrets are sealed by another master key: set them again"));
    else if (!t->ops)
        json_member_str(w, "problem", STR("this program knows no such kind"));
    if (t->version)
        json_member_time(w, "createdOn", t->created);
    json_object_end(w);
}

static void answer_transport(struct request *req, int status, struct str name)
{
    const struct sms_world *world = sms_world_ref(req->site->sms);
    const struct sms_transport *t = sms_transport_find(world, name);
    struct json_writer w;
    struct buf out;

    if (t) {
        buf_init(&out, SMS_ADMIN_TEXT_MAX);
        json_writer_init(&w, &out);
        write_transport(t, &w);
        answer_json_moved(req, status, &out);
    } else {
        sms_admin_not_found(req, no_such);
    }
    sms_world_unref(world);
}

void sms_admin_transport_get(struct request *req)
{
    answer_transport(req, 200, arena_lower(req->arena, req->params[0]));
}

/* ---- the list ---- */

static size_t rows_of_transports(const struct list_request *list, const struct sms_world *world,
                                 struct sms_admin_row *rows)
{
    (void)list; /* they are the server's */
    for (size_t i = 0; i < world->transports_n; i++) {
        const struct sms_transport *t = &world->transports[i];

        rows[i] = (struct sms_admin_row){t->created, t->name, t};
    }
    return world->transports_n;
}

static void write_transport_row(const void *row, struct json_writer *w)
{
    write_transport(row, w);
}

void sms_admin_transports_list(struct request *req)
{
    sms_admin_list_world(req, rows_of_transports, write_transport_row);
}

/* ---- status ---- */

struct status {
    struct request *req;
    struct str name, kind;
    struct sms_status_query query;
};

static void on_status(void *ctx)
{
    struct status *s = ctx;
    struct json_writer w;
    struct buf out;

    buf_init(&out, SMS_ADMIN_TEXT_MAX);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "name", s->name);
    json_member_str(&w, "kind", s->kind);
    if (s->query.out.len && !s->query.out.failed) {
        json_name(&w, "status");
        json_raw(&w, buf_str(&s->query.out));
    }
    json_object_end(&w);
    buf_clear(&s->query.out);
    answer_json_moved(s->req, 200, &out);
}

void sms_admin_transport_status(struct request *req)
{
    struct status *s = arena_new(req->arena, struct status);
    const struct sms_world *world = sms_world_ref(req->site->sms);
    const struct sms_transport *t =
        sms_transport_find(world, arena_lower(req->arena, req->params[0]));

    s->req = req;
    if (t) {
        s->name = arena_dup(req->arena, t->name);
        s->kind = arena_dup(req->arena, t->kind);
    }
    sms_world_unref(world);
    if (!s->name.ptr) {
        sms_admin_not_found(req, no_such);
        return;
    }
    s->query =
        (struct sms_status_query){.name = s->name, .loop = req->loop, .done = on_status, .ctx = s};
    request_hold(req);
    sms_transport_status(req->site->sms, &s->query);
}

/* ---- writing ---- */

struct put {
    struct request *req;
    const struct carrier_ops *ops;
    struct sms_transport_row row;
    unsigned tries;
};

static bool name_ok(struct request *req, struct str name, struct refusal *why)
{
    bool ok = name.len > 0 && name.len <= NAME_MAX_LEN && name.ptr[0] != '-';

    for (size_t i = 0; ok && i < name.len; i++) {
        char c = name.ptr[i];

        ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    }
    (void)req;
    return ok || sms_admin_refuse(why,
                                  STR("The name of a transport has 1 to 32 letters, digits and "
                                      "hyphens, and begins with no hyphen."),
                                  "name");
}

static const struct carrier_ops *ops_of(struct request *req, json_t *obj, struct refusal *why)
{
    static const struct str kinds[] = {STR_INIT("smpp"), STR_INIT("kannel"), STR_INIT("http"),
                                       STR_INIT("azure"), STR_INIT("inbox")};
    struct str kind = STR_EMPTY, nearest;
    const struct carrier_ops *ops = NULL;

    if (json_get_str(obj, "kind", &kind) == RC_OK)
        ops = carrier_ops_find(kind);
    if (ops)
        return ops;
    nearest = str_nearest(kind, kinds, ARRAY_LEN(kinds));
    (void)sms_admin_refuse(why,
                           arena_printf(req->arena,
                                        "kind must be smpp, kannel, http or azure.%s" STR_FMT "%s",
                                        nearest.len ? " Did you mean '" : "", STR_ARG(nearest),
                                        nearest.len ? "'?" : ""),
                           "$.kind");
    return NULL;
}

static bool hidden(const json_t *value)
{
    return json_is_string(value) && name_eq(str_from(json_string_value(value)), STR(HIDDEN));
}

/* "***" becomes what is there; false: nothing is. */
static bool reveal(json_t *secrets, const char *name, const json_t *old)
{
    json_t *value = json_object_get(secrets, name), *kept = json_object_get(old, name);
    const char *inner;
    json_t *item;
    void *next;

    if (hidden(value))
        return kept && json_object_set(secrets, name, kept) == 0;
    if (!json_is_object(value))
        return true;
    json_object_foreach_safe(value, next, inner, item)
    {
        if (hidden(item) && !reveal(value, inner, kept))
            return false;
    }
    return true;
}

/* Moves the secret members of the body to an object of their own. */
static bool take_secrets(struct put *p, json_t *obj, const json_t *old, json_t *secrets,
                         struct refusal *why)
{
    for (const char *const *name = p->ops->secret_members; name && *name; name++) {
        json_t *value = json_object_get(obj, *name);

        if (!value)
            continue;
        if (!json_is_null(value) && json_object_set(secrets, *name, value))
            return sms_admin_refuse(why, STR("The secrets can't be read."), "$");
        (void)json_object_del(obj, *name); /* it is there */
        if (!reveal(secrets, *name, old))
            return sms_admin_refuse(why,
                                    STR("'***' stands for a secret that is there already; there is "
                                        "none: give the secret itself."),
                                    arena_printf(p->req->arena, "$.%s", *name).ptr);
    }
    return true;
}

static struct str text_of(struct request *req, const json_t *value)
{
    return json_text(value, JSON_REAL_PRECISION(15), req->arena);
}

static bool check(struct put *p, const json_t *config, const json_t *secrets, struct refusal *why)
{
    struct request *req = p->req;
    bool any = json_object_size(secrets) > 0;
    struct buf sentence, sealed;
    enum rc rc;

    buf_init(&sentence, 4 * KIB);
    rc = p->ops->check ? p->ops->check(config, any ? secrets : NULL, &sentence) : RC_OK;
    if (rc)
        (void)sms_admin_refuse(why,
                               sentence.len ? arena_dup(req->arena, buf_str(&sentence))
                                            : STR("The transport can't be used so."),
                               "$");
    buf_clear(&sentence);
    if (rc)
        return false;
    p->row.document = text_of(req, config);
    p->row.sealed = STR_EMPTY;
    if (!any)
        return true;
    buf_init(&sealed, SMS_ADMIN_TEXT_MAX);
    rc = sms_secrets_seal(req->site->sms, p->row.name, text_of(req, secrets), &sealed);
    if (!rc)
        p->row.sealed = arena_dup(req->arena, buf_str(&sealed));
    buf_clear(&sealed);
    if (rc)
        *why = (struct refusal){&API_INTERNAL, STR_EMPTY, STR_EMPTY};
    return !rc;
}

/* On top of what is there now: the row to write. */
static bool make_row(struct put *p, struct refusal *why)
{
    struct request *req = p->req;
    const struct sms_world *world = sms_world_ref(req->site->sms);
    const struct sms_transport *old = sms_transport_find(world, p->row.name);
    AUTO(json_freep) json_t *obj = NULL;
    AUTO(json_freep) json_t *secrets = json_object();
    bool ok = body_object(req, &obj, why);

    if (ok && !obj)
        obj = json_object();
    p->ops = ok ? ops_of(req, obj, why) : NULL;
    if (p->ops) {
        bool same = old && name_eq(old->kind, str_from(p->ops->kind));

        (void)json_object_del(obj, "kind"); /* it is there */
        p->row.kind = str_from(p->ops->kind);
        p->row.version = old ? old->version + 1 : 1;
        p->row.created = old ? old->created : req->now;
        ok = take_secrets(p, obj, same ? old->secrets : NULL, secrets, why) &&
             check(p, obj, secrets, why);
    }
    sms_world_unref(world);
    return ok && p->ops;
}

static void put_once(struct put *p);

static void on_put(void *ctx, enum rc rc, struct change_set *set)
{
    struct put *p = ctx;

    if (rc == RC_CONFLICT && ++p->tries < TRIES_MAX) {
        put_once(p); /* another one was quicker: on top of that one */
        return;
    }
    if (rc) {
        answer_rc(p->req, rc);
        return;
    }
    sms_admin_log(p->req, "sms.transport.put", "transport", p->row.name);
    answer_transport(p->req, set->items[0].out_existed ? 200 : 201, p->row.name);
}

static void put_once(struct put *p)
{
    struct refusal why;

    if (make_row(p, &why))
        sms_admin_commit(
            p->req, &(struct change){.kind = CHANGE_SMS_TRANSPORT_PUT, .u.sms_transport = p->row},
            on_put, p);
    else
        answer_refusal(p->req, &why);
}

/* The built-in one: there, and without settings. */
static bool built_in(struct request *req, struct str name)
{
    if (!name_eq(name, SMS_INBOX))
        return false;
    sms_admin_conflict(req, STR("inbox is built in: it has no settings and is always there."));
    return true;
}

void sms_admin_transport_put(struct request *req)
{
    struct put *p = arena_new(req->arena, struct put);
    struct refusal why;

    p->req = req;
    p->row.name = arena_lower(req->arena, req->params[0]);
    if (built_in(req, p->row.name))
        return;
    if (name_ok(req, p->row.name, &why))
        put_once(p);
    else
        answer_refusal(req, &why);
}

/* ---- removing ---- */

/* Who would be left without: text for the refusal, empty when nobody. */
static struct str user_of(struct request *req, struct str name)
{
    struct sms *sms = req->site->sms;
    const struct sms_world *world;
    struct str text = STR_EMPTY;

    if (name_eq_nocase(sms_options(sms)->transport, name))
        return STR("The setting sms.transport names it.");
    world = sms_world_ref(sms);
    for (size_t i = 0; i < world->senders_n && !text.len; i++)
        if (name_eq(world->senders[i].transport, name))
            text = arena_printf(req->arena,
                                "The sender " STR_FMT " uses it: give that another transport, or "
                                "take it off the list.",
                                STR_ARG(world->senders[i].sender));
    sms_world_unref(world);
    return text;
}

static void on_deleted(void *ctx, enum rc rc, struct change_set *set)
{
    struct request *req = ctx;

    if (rc) {
        answer_rc(req, rc);
    } else if (!set->items[0].out_existed) {
        sms_admin_not_found(req, no_such);
    } else {
        sms_admin_log(req, "sms.transport.deleted", "transport",
                      set->items[0].u.sms_transport.name);
        answer_empty(req, 204);
    }
}

void sms_admin_transport_delete(struct request *req)
{
    struct change change = {.kind = CHANGE_SMS_TRANSPORT_DELETE};
    struct str name = arena_lower(req->arena, req->params[0]), user;

    if (built_in(req, name))
        return;
    user = user_of(req, name);
    if (user.len) {
        sms_admin_conflict(req, user);
        return;
    }
    change.u.sms_transport.name = name;
    sms_admin_commit(req, &change, on_deleted, req);
}
