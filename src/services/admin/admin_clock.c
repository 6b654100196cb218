/* The service clock: shown, moved, put back. Where it stands is kept, so that a restart does not
 * move it. What was forgotten because its time had passed is read anew when time goes back. */
#include "services/admin/admin.h"
#include "services/body.h"
#include "services/site.h"

#define OFFSET_NAME   STR("clock.offset_ms")
#define OFFSET_MAX_MS ((int64_t)100 * 366 * 24 * 3600 * 1000)

static void answer_clock(struct request *req)
{
    const struct clock *clock = req->site->clock;
    struct buf out = answer_buf(req, 128);
    struct json_writer w;

    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_time(&w, "now", clock_now(clock));
    json_member_int(&w, "offsetSeconds", atomic_load(&clock->offset_ms) / 1000);
    json_object_end(&w);
    answer_json(req, 200, &out);
}

void admin_clock_get(struct request *req)
{
    answer_clock(req);
}

struct clock_move {
    struct request *req;
    int64_t offset_ms;
    enum rc rc; /* of the reload */
    struct change change;
    struct change_set set;
};

static void reload(void *ctx)
{
    struct clock_move *m = ctx;
    struct buf why;

    buf_init(&why, KIB);
    m->rc = gate_load(gate_of(m->req->site->gate), &why);
    buf_clear(&why);
}

static void on_reloaded(void *ctx)
{
    struct clock_move *m = ctx;

    if (m->rc)
        answer_rc(m->req, m->rc);
    else
        answer_clock(m->req);
}

static void on_kept(void *ctx, enum rc rc, struct change_set *set)
{
    struct clock_move *m = ctx;
    struct request *req = m->req;
    bool back;

    (void)set;
    if (rc) {
        answer_rc(req, rc);
        return;
    }
    back = m->offset_ms < atomic_load(&req->site->clock->offset_ms);
    if (back)
        gate_doubt(gate_of(req->site->gate)); /* before any request sees the earlier time */
    atomic_store(&req->site->clock->offset_ms, m->offset_ms);
    log_info(req->site->log, "clock.moved", "request=" STR_FMT " offset_ms=%lld", STR_ARG(req->id),
             (long long)m->offset_ms);
    if (back)
        loop_work(req->loop, reload, on_reloaded, m);
    else
        answer_clock(req);
}

static void move_clock(struct request *req, int64_t offset_ms)
{
    struct clock_move *m = arena_new(req->arena, struct clock_move);

    m->req = req;
    m->offset_ms = offset_ms;
    m->change.kind = CHANGE_META_PUT;
    m->change.u.meta.name = OFFSET_NAME;
    m->change.u.meta.value = arena_printf(req->arena, "%lld", (long long)offset_ms);
    m->set = (struct change_set){
        .items = &m->change, .n = 1, .loop = req->loop, .done = on_kept, .ctx = m};
    request_hold(req);
    store_commit(req->site->store, &m->set);
}

struct clock_body {
    struct str set, advance;
};

/* Where the clock shall stand, as an offset from the wall clock. */
static bool read_offset(struct request *req, const struct clock_body *body, int64_t *out)
{
    unix_ms wanted;
    int64_t by;

    if (body->set.ptr && !body->advance.ptr) {
        if (time_from_iso8601(body->set, &wanted))
            return false;
        *out = wanted - clock_wall();
    } else if (body->advance.ptr && !body->set.ptr) {
        if (duration_parse(body->advance, &by) || by > OFFSET_MAX_MS || by < -OFFSET_MAX_MS)
            return false;
        *out = atomic_load(&req->site->clock->offset_ms) + by;
    } else {
        return false;
    }
    return *out <= OFFSET_MAX_MS && *out >= -OFFSET_MAX_MS && clock_wall() + *out > 0;
}

void admin_clock_put(struct request *req)
{
    static const struct json_field fields[] = {
        {"set", JSON_FIELD_STR, offsetof(struct clock_body, set), 0, 64, false},
        {"advance", JSON_FIELD_STR, offsetof(struct clock_body, advance), 0, 64, false},
        {0}};
    struct clock_body body = {0};
    struct refusal why;
    int64_t offset_ms;

    if (!body_fill(req, fields, &body, &why))
        answer_refusal(req, &why);
    else if (!read_offset(req, &body, &offset_ms))
        answer_invalid(req,
                       STR("Give either set, an RFC 3339 time, or advance, a duration like 1h30m; "
                           "at most 100 years away."),
                       STR("$"));
    else
        move_clock(req, offset_ms);
}

void admin_clock_delete(struct request *req)
{
    move_clock(req, 0);
}

enum rc admin_clock_restore(struct store_reader *reader, struct clock *clock)
{
    struct arena arena;
    struct str text;
    uint64_t value = 0;
    bool back;
    enum rc rc;

    arena_init(&arena);
    rc = store_meta(reader, OFFSET_NAME, &arena, &text);
    if (!rc) {
        back = str_starts(text, STR("-"));
        rc = str_to_u64(str_from_index(text, back ? 1 : 0), (uint64_t)OFFSET_MAX_MS, &value);
        if (!rc)
            atomic_store(&clock->offset_ms, back ? -(int64_t)value : (int64_t)value);
    }
    arena_clear(&arena);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}
