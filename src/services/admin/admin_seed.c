/* POST /admin/seed, GET /admin/seed:export, POST /admin/reset: what a development server begins
 * with, said in one document. Which parts there are, and what each does, is the services' business
 * (services/seed.h). Source: wire/administration §3. */
#include "services/admin/admin.h"

#include "events/event.h"
#include "services/body.h"
#include "services/seed.h"

static size_t count_parts(seed_parts parts)
{
    size_t n = 0;

    while (parts[n])
        n++;
    return n;
}

/* ---- seed ---- */

static void answer_seeded(struct seeding *s)
{
    seed_parts parts = s->req->site->seeds;
    struct json_writer w;
    struct buf out;

    buf_init(&out, 2 * SEED_OCTETS_MAX);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    for (size_t i = 0; parts[i]; i++) {
        if (!s->states[i])
            continue;
        json_name(&w, parts[i]->name.ptr);
        parts[i]->answer(s, s->states[i], &w);
    }
    json_object_end(&w);
    map_clear(&s->users);
    log_info(s->req->site->log, "seed.made", "request=" STR_FMT " items=%zu", STR_ARG(s->req->id),
             s->items);
    answer_json_moved(s->req, 201, &out);
}

static void on_seeded(void *ctx, enum rc rc, struct change_set *set)
{
    struct seeding *s = ctx;

    (void)set;
    if (rc == RC_OK) {
        if (s->req->site->events)
            events_wake(s->req->site->events);
        answer_seeded(s);
        return;
    }
    map_clear(&s->users);
    if (rc == RC_CONFLICT)
        answer_refusal(s->req, &(struct refusal){&API_CONFLICT,
                                                 STR("Something of it is there already, or has "
                                                     "changed meanwhile: nothing was kept."),
                                                 STR("$")});
    else
        answer_rc(s->req, rc);
}

static void on_durable(void *ctx, struct change_set *set)
{
    const struct seeding *s = ctx;
    seed_parts parts = s->req->site->seeds;

    (void)set;
    for (size_t i = 0; parts[i]; i++)
        if (s->states[i] && parts[i]->durable)
            parts[i]->durable(s->states[i]);
}

static bool read_parts(struct seeding *s)
{
    seed_parts parts = s->req->site->seeds;
    AUTO(json_freep) json_t *obj = NULL;
    struct str names[SEED_PARTS_MAX];
    size_t n = count_parts(parts);

    for (size_t i = 0; i < n; i++)
        names[i] = parts[i]->name;
    if (!body_object(s->req, &obj, &s->why))
        return false;
    if (!obj)
        return seed_refuse(s, STR("$"), STR("The body must be a seed document."));
    if (!seed_members(s, STR("$"), obj, names, n))
        return false;
    for (size_t i = 0; i < n; i++) {
        json_t *value = json_object_get(obj, names[i].ptr);

        if (value && !json_is_null(value) &&
            !parts[i]->read(s, seed_member(s, STR("$"), names[i].ptr), value, &s->states[i]))
            return false;
    }
    return true;
}

/* The place goes into the message, too: people see that alone. */
static void refuse(struct seeding *s)
{
    s->why.message = arena_printf(s->req->arena, STR_FMT ": " STR_FMT, STR_ARG(s->why.target),
                                  STR_ARG(s->why.message));
    answer_refusal(s->req, &s->why);
}

void admin_seed(struct request *req)
{
    struct seeding *s = arena_new(req->arena, struct seeding);

    s->req = req;
    s->changes.arena = req->arena;
    map_init(&s->users);
    if (!read_parts(s)) {
        map_clear(&s->users);
        refuse(s);
    } else if (!s->changes.n) {
        answer_seeded(s);
    } else {
        s->set = (struct change_set){.items = s->changes.items,
                                     .n = s->changes.n,
                                     .cap = s->changes.cap,
                                     .loop = req->loop,
                                     .done = on_seeded,
                                     .durable = on_durable,
                                     .ctx = s};
        request_hold(req);
        store_commit(req->site->store, &s->set);
    }
}

/* ---- parts by name ---- */

/* False: answered. */
static bool want_part(struct seed_job *job, struct str name, struct str target)
{
    struct request *req = job->req;
    seed_parts parts = req->site->seeds;
    struct buf known;

    for (size_t i = 0; parts[i]; i++) {
        if (name_eq(parts[i]->name, name)) {
            job->wanted[i] = true;
            return true;
        }
    }
    buf_init(&known, KIB);
    for (size_t i = 0; parts[i]; i++)
        buf_addf(&known, "%s" STR_FMT, i ? ", " : "", STR_ARG(parts[i]->name));
    answer_invalid(req,
                   arena_printf(req->arena,
                                "There is no part '" STR_FMT "' of a seed: there are " STR_FMT ".",
                                STR_ARG(body_excerpt(name)), STR_ARG(buf_str(&known))),
                   target);
    buf_clear(&known);
    return false;
}

static void want_all(struct seed_job *job)
{
    for (size_t i = 0; job->req->site->seeds[i]; i++)
        job->wanted[i] = true;
}

/* Parts that stand on a wanted one go along. */
static void want_dependants(struct seed_job *job)
{
    seed_parts parts = job->req->site->seeds;

    for (size_t i = 0; parts[i]; i++)
        for (size_t k = 0; k < i; k++)
            if (job->wanted[k] && name_eq(parts[k]->name, parts[i]->stands_on))
                job->wanted[i] = true;
}

static struct seed_job *new_job(struct request *req, void (*next)(struct seed_job *job))
{
    struct seed_job *job = arena_new(req->arena, struct seed_job);

    job->req = req;
    job->resource = req->principal->resource->id;
    job->next = next;
    return job;
}

static void start_job(struct seed_job *job)
{
    arena_init(&job->scratch);
    buf_init(&job->out, SEED_OCTETS_MAX);
    json_writer_init(&job->w, &job->out);
    json_object_begin(&job->w);
    request_hold(job->req);
}

static void end_job(struct seed_job *job, enum rc rc)
{
    arena_clear(&job->scratch);
    if (rc == RC_OK && !job->out.failed) {
        json_object_end(&job->w);
        answer_json_moved(job->req, 200, &job->out);
        return;
    }
    buf_clear(&job->out);
    if (rc == RC_OK || rc == RC_TOO_LARGE)
        answer_refusal(job->req,
                       &(struct refusal){&API_CONFLICT,
                                         STR("There is more here than a seed may hold (8 MB, 20000 "
                                             "items): `callgate backup` copies all of it."),
                                         STR_EMPTY});
    else
        answer_rc(job->req, rc);
}

/* ---- export ---- */

static void export_part(struct seed_job *job)
{
    const struct seed_part *part = job->req->site->seeds[job->at];

    json_name(&job->w, part->name.ptr);
    job->state = NULL;
    part->write(job);
}

static void export_on(struct seed_job *job)
{
    seed_parts parts = job->req->site->seeds;

    while (!job->rc && parts[job->at] && !job->wanted[job->at])
        job->at++;
    if (job->rc || !parts[job->at])
        end_job(job, job->rc);
    else
        export_part(job);
}

static void exported(struct seed_job *job)
{
    job->at++;
    export_on(job);
}

void admin_seed_export(struct request *req)
{
    struct seed_job *job = new_job(req, exported);
    struct str rest = request_query(req, "parts"), name;

    if (!rest.len)
        want_all(job);
    while (rest.len) {
        (void)str_cut(rest, ',', &name, &rest); /* the last one has no comma */
        if (!want_part(job, name, STR("parts")))
            return;
    }
    start_job(job);
    export_on(job);
}

/* ---- reset: the other way round, since later parts stand on earlier ones ---- */

static void reset_on(struct seed_job *job)
{
    seed_parts parts = job->req->site->seeds;

    while (!job->rc && job->at > 0 && !job->wanted[job->at - 1])
        job->at--;
    if (job->rc || job->at == 0) {
        if (!job->rc)
            log_info(job->req->site->log, "seed.reset", "request=" STR_FMT, STR_ARG(job->req->id));
        end_job(job, job->rc);
        return;
    }
    job->state = NULL;
    job->removed = 0;
    parts[job->at - 1]->reset(job);
}

static void was_reset(struct seed_job *job)
{
    if (!job->rc)
        json_member_int(&job->w, job->req->site->seeds[job->at - 1]->name.ptr,
                        (int64_t)job->removed);
    job->at--;
    reset_on(job);
}

struct reset_body {
    struct json_str_list parts;
};

void admin_reset(struct request *req)
{
    static const struct json_field fields[] = {{"parts", JSON_FIELD_STR_LIST,
                                                offsetof(struct reset_body, parts), 1,
                                                SEED_PARTS_MAX, false},
                                               {0}};
    struct seed_job *job = new_job(req, was_reset);
    struct reset_body body = {0};
    struct refusal why;

    if (!body_fill(req, fields, &body, &why)) {
        answer_refusal(req, &why);
        return;
    }
    if (!body.parts.present)
        want_all(job);
    for (size_t i = 0; i < body.parts.n; i++)
        if (!want_part(job, body.parts.items[i], STR("$.parts")))
            return;
    want_dependants(job);
    job->at = count_parts(req->site->seeds);
    start_job(job);
    reset_on(job);
}
