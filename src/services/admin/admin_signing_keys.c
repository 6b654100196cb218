/* The keys that sign user tokens, and those that sign service tokens (purpose "issuer"; the two
 * sets are disjoint): shown, rotated, forgotten. A new key is in the key set from the
 * commit on and signs from `activateIn` later; the old ones stay in the key set until their last
 * token has expired. Rows are read on the pool: the sealed half is not kept in memory. */
#include "services/admin/admin.h"
#include "services/body.h"
#include "services/list.h"

#define ACTIVATE_MAX_MS  ((int64_t)30 * 24 * 3600 * 1000)
#define SIGNING_KEYS_MAX 256
#define SIGNING_KEY_JSON ((size_t)512)

/* What a row looks like from outside. */
struct shown {
    struct str kid, alg, purpose;
    unix_ms created, active_from, retired;
};

static void write_key(struct json_writer *w, const struct shown *k, unix_ms now, bool signs)
{
    json_object_begin(w);
    json_member_str(w, "kid", k->kid);
    json_member_str(w, "alg", k->alg);
    json_member_str(w, "purpose", k->purpose);
    json_member_str(w, "state",
                    signs                  ? STR("active")
                    : k->retired           ? STR("retired")
                    : k->active_from > now ? STR("next")
                                           : STR("superseded"));
    json_member_time(w, "createdOn", k->created);
    json_member_time(w, "activeFrom", k->active_from);
    if (k->retired) {
        json_member_time(w, "retiredOn", k->retired);
        json_member_time(w, "listedUntil", k->retired + TOKEN_LONGEST_MS);
    }
    json_object_end(w);
}

/* "user" (also when nothing is said) or "issuer"; static. False: neither. */
static bool read_purpose(struct str text, struct str *out)
{
    *out = STR("user");
    if (!text.ptr || name_eq(text, *out))
        return true;
    *out = STR("issuer");
    return name_eq(text, *out);
}

/* ---- list ---- */

struct keys_list {
    struct list_request list; /* first */
    struct str purpose;
    const struct directory *d; /* of the last fetch: what was found lies in it */
    const struct signing_key **found;
    size_t n;
    bool more;
};

static int newest_first(const void *a, const void *b)
{
    const struct signing_key *const *x = a, *const *y = b;

    if ((*x)->created != (*y)->created)
        return (*x)->created < (*y)->created ? 1 : -1;
    return name_cmp((*x)->kid, (*y)->kid);
}

static void fetch_keys(struct list_request *list)
{
    struct keys_list *k = (struct keys_list *)list;
    const struct directory *d = gate_directory(list->req->site->gate);
    size_t total = 0, from = 0;

    k->d = d;
    k->found = arena_array(&list->scratch, const struct signing_key *, d->signing_keys_count + 1);
    for (size_t i = 0; i < d->signing_keys_count; i++)
        if (name_eq(d->signing_keys[i].purpose, k->purpose) &&
            d->signing_keys[i].created >= list->since)
            k->found[total++] = &d->signing_keys[i];
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): the array is of pointers */
    qsort(k->found, total, sizeof *k->found, newest_first);
    for (size_t i = 0; i < total; i++) {
        if (list->since_id.len && name_eq(k->found[i]->kid, list->since_id))
            total = i;
        else if (list->after.len && name_eq(k->found[i]->kid, list->after))
            from = i + 1;
    }
    k->found += from;
    k->n = total > from ? total - from : 0;
    k->more = k->n > list->limit;
    if (k->more)
        k->n = list->limit;
    list_fetched(list, RC_OK, k->n);
}

static struct str write_keys(struct list_request *list, struct json_writer *w)
{
    struct keys_list *k = (struct keys_list *)list;
    struct request *req = list->req;
    unix_ms now = clock_now(req->site->clock);
    const struct signing_key *signer = directory_signer(k->d, k->purpose, now);

    for (size_t i = 0; i < k->n; i++) {
        const struct signing_key *key = k->found[i];

        write_key(w,
                  &(struct shown){key->kid, jws_alg_name(pkey_alg(key->key)), key->purpose,
                                  key->created, key->active_from, key->retired},
                  now, key == signer);
    }
    return k->more ? arena_dup(req->arena, k->found[k->n - 1]->kid) : STR_EMPTY;
}

void admin_signing_keys_list(struct request *req)
{
    struct keys_list *k = arena_new(req->arena, struct keys_list);

    if (!read_purpose(request_query(req, "purpose"), &k->purpose)) {
        answer_invalid(req, STR("purpose must be user or issuer."), STR("purpose"));
        return;
    }
    if (list_begin(&k->list, req, fetch_keys, write_keys))
        list_run(&k->list);
}

/* ---- rows, on the pool ---- */

struct rows {
    struct arena *arena;
    struct str purpose; /* empty: all */
    struct signing_key_row items[SIGNING_KEYS_MAX];
    size_t n;
};

static void collect(void *ctx, const struct signing_key_row *row)
{
    struct rows *rows = ctx;
    struct signing_key_row copy = *row;

    if (rows->n == SIGNING_KEYS_MAX || (rows->purpose.len && !name_eq(row->purpose, rows->purpose)))
        return;
    copy.kid = arena_dup(rows->arena, row->kid);
    copy.alg = arena_dup(rows->arena, row->alg);
    copy.purpose = arena_dup(rows->arena, row->purpose);
    copy.sealed = arena_dup(rows->arena, row->sealed);
    copy.certificate = arena_dup(rows->arena, row->certificate);
    rows->items[rows->n++] = copy;
}

static enum rc read_rows(struct store *store, struct rows *rows)
{
    struct store_reader *reader = store_reader_new(store);
    enum rc rc;

    if (!reader)
        return RC_BUSY;
    rc = store_each_signing_key(reader, rows->arena, collect, rows);
    store_reader_free(reader);
    return rc;
}

static void put_retired(struct change *change, const struct signing_key_row *row, unix_ms at)
{
    change->kind = CHANGE_SIGNING_KEY_PUT;
    change->u.signing_key = *row;
    change->u.signing_key.retired = at;
}

/* ---- rotation ---- */

struct rotation {
    struct request *req;
    enum jws_alg alg;
    unix_ms active_from;
    enum rc rc;
    struct arena arena; /* the pool's: the request's belongs to the loop */
    struct rows rows;
    struct change changes[1 + SIGNING_KEYS_MAX];
    struct change_set set;
};

static void rotation_free(struct rotation *r)
{
    arena_clear(&r->arena);
    free(r);
}

/* The issuer's key set always holds the key that will sign next: verifiers keep the set for a day.
 */
static bool is_next(const struct rotation *r, const struct signing_key_row *row)
{
    return name_eq(r->rows.purpose, STR("issuer")) && row->active_from > r->req->now;
}

/* The new key; when it signs at once, all others stop. Otherwise the newest active one signs, and
 * the hourly upkeep retires the rest. */
static void prepare(void *ctx)
{
    struct rotation *r = ctx;
    struct request *req = r->req;
    size_t n = 1;

    r->rows.arena = &r->arena;
    r->rc = read_rows(req->site->store, &r->rows);
    if (!r->rc)
        r->rc = signing_key_make(gate_master(gate_of(req->site->gate)), r->alg, r->rows.purpose,
                                 req->now, r->active_from, &r->arena, &r->changes[0].u.signing_key);
    if (r->rc)
        return;
    r->changes[0].kind = CHANGE_SIGNING_KEY_PUT;
    for (size_t i = 0; i < r->rows.n && r->active_from <= req->now; i++)
        if (!r->rows.items[i].retired && !is_next(r, &r->rows.items[i]))
            put_retired(&r->changes[n++], &r->rows.items[i], req->now);
    r->set.n = n;
}

static void on_rotated(void *ctx, enum rc rc, struct change_set *set)
{
    struct rotation *r = ctx;
    struct request *req = r->req;
    const struct signing_key_row *row = &set->items[0].u.signing_key;
    struct buf out = answer_buf(req, SIGNING_KEY_JSON);
    struct json_writer w;

    if (!rc) {
        json_writer_init(&w, &out);
        write_key(
            &w,
            &(struct shown){row->kid, row->alg, row->purpose, row->created, row->active_from, 0},
            req->now, row->active_from <= req->now);
        log_info(req->site->log, "signing_key.rotated",
                 "request=" STR_FMT " purpose=" STR_FMT " kid=" STR_FMT " active_from=%lld",
                 STR_ARG(req->id), STR_ARG(row->purpose), STR_ARG(row->kid),
                 (long long)row->active_from);
    }
    rotation_free(r);
    if (rc)
        answer_rc(req, rc);
    else
        answer_json(req, 201, &out);
}

static void on_prepared(void *ctx)
{
    struct rotation *r = ctx;
    struct request *req = r->req;

    if (r->rc) {
        enum rc rc = r->rc;

        rotation_free(r);
        answer_rc(req, rc);
        return;
    }
    r->set.items = r->changes;
    r->set.loop = req->loop;
    r->set.done = on_rotated;
    r->set.ctx = r;
    store_commit(req->site->store, &r->set);
}

struct rotation_body {
    struct str activate_in, alg, purpose;
};

struct rotation_wish {
    struct str purpose;
    enum jws_alg alg;
    int64_t delay_ms;
};

static bool read_rotation(struct request *req, struct rotation_wish *out, struct refusal *why)
{
    static const struct json_field fields[] = {
        {"activateIn", JSON_FIELD_STR, offsetof(struct rotation_body, activate_in), 0, 32, false},
        {"alg", JSON_FIELD_STR, offsetof(struct rotation_body, alg), 0, 16, false},
        {"purpose", JSON_FIELD_STR, offsetof(struct rotation_body, purpose), 0, 16, false},
        {0}};
    const struct site_options *options = req->site->options;
    struct rotation_body body = {0};

    *out = (struct rotation_wish){0};
    if (!body_fill(req, fields, &body, why))
        return false;
    if (!read_purpose(body.purpose, &out->purpose)) {
        *why = (struct refusal){&API_VALIDATION, STR("purpose must be user or issuer."),
                                STR("$.purpose")};
        return false;
    }
    out->alg = name_eq(out->purpose, STR("issuer")) ? options->issuer_alg : options->token_alg;
    if (body.alg.ptr)
        out->alg = jws_alg_from_name(body.alg);
    if (!jws_alg_signs(out->alg)) {
        *why = (struct refusal){&API_VALIDATION, STR("alg must be ES256 or RS256."), STR("$.alg")};
        return false;
    }
    if (body.activate_in.ptr && (duration_parse(body.activate_in, &out->delay_ms) ||
                                 out->delay_ms < 0 || out->delay_ms > ACTIVATE_MAX_MS)) {
        *why = (struct refusal){&API_VALIDATION,
                                STR("activateIn must be a duration of at most 30d, like 1h30m."),
                                STR("$.activateIn")};
        return false;
    }
    return true;
}

void admin_signing_keys_rotate(struct request *req)
{
    struct rotation_wish wish;
    struct rotation *r;
    struct refusal why;

    if (!read_rotation(req, &wish, &why)) {
        answer_refusal(req, &why);
        return;
    }
    r = calloc(1, sizeof *r);
    if (!r)
        abort();
    r->req = req;
    r->alg = wish.alg;
    r->rows.purpose = wish.purpose;
    r->active_from = req->now + wish.delay_ms;
    arena_init(&r->arena);
    request_hold(req);
    loop_work(req->loop, prepare, on_prepared, r);
}

/* ---- upkeep ---- */

struct upkeep {
    const struct site *site;
    unix_ms now;
    enum rc rc;
    struct arena arena;
    struct rows rows;
    struct change changes[SIGNING_KEYS_MAX];
    struct change_set set;
};

static void upkeep_free(void *ctx)
{
    struct upkeep *u = ctx;

    arena_clear(&u->arena);
    free(u);
}

/* When the key was superseded by one that was made later and signs by now; 0: it was not. */
static unix_ms superseded(const struct rows *rows, const struct signing_key_row *row, unix_ms now)
{
    unix_ms at = 0;

    for (size_t i = 0; i < rows->n; i++) {
        const struct signing_key_row *other = &rows->items[i];

        if (!other->retired && name_eq(other->purpose, row->purpose) &&
            other->active_from > row->active_from && other->active_from <= now &&
            (!at || other->active_from < at))
            at = other->active_from;
    }
    return at;
}

static void plan(void *ctx)
{
    struct upkeep *u = ctx;

    u->rows.arena = &u->arena;
    u->rc = read_rows(u->site->store, &u->rows);
    for (size_t i = 0; !u->rc && i < u->rows.n; i++) {
        const struct signing_key_row *row = &u->rows.items[i];
        unix_ms at = row->retired ? 0 : superseded(&u->rows, row, u->now);

        if (at) {
            put_retired(&u->changes[u->set.n++], row, at);
        } else if (row->retired && u->now >= row->retired + TOKEN_LONGEST_MS) {
            u->changes[u->set.n].kind = CHANGE_SIGNING_KEY_DELETE;
            u->changes[u->set.n++].u.signing_key = *row;
        }
    }
}

static void on_planned(void *ctx)
{
    struct upkeep *u = ctx;

    if (u->rc)
        log_warn(u->site->log, "signing_key.upkeep_failed", "error=%s", rc_name(u->rc));
    if (u->rc || u->set.n == 0) {
        upkeep_free(u);
        return;
    }
    log_info(u->site->log, "signing_key.upkeep", "changes=%zu", u->set.n);
    u->set.items = u->changes;
    u->set.loop = u->site->loop;
    u->set.ctx = u;
    u->set.discard = upkeep_free;
    store_commit(u->site->store, &u->set);
}

void admin_expire_signing_keys(const struct site *site)
{
    struct upkeep *u = calloc(1, sizeof *u);

    if (!u)
        abort();
    u->site = site;
    u->now = clock_now(site->clock);
    arena_init(&u->arena);
    loop_work(site->loop, plan, on_planned, u);
}
