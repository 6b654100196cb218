/* Reads of applications, roles, role assignments and trusted issuers: handed to the back end; lists
 * of them on the pool, and the way back. */
#include "store/store_private.h"

enum rc store_application(struct store_reader *r, enum application_key by, struct str key,
                          struct arena *arena, struct application_row *out)
{
    const struct application_lookup lookup = {by, key};

    return r->store->ops->application(r->reader, store_commits(r->store), &lookup, arena, out);
}

enum rc store_role_assignment(struct store_reader *r, const struct uuid *id, struct arena *arena,
                              struct role_assignment_row *out)
{
    return r->store->ops->role_assignment(r->reader, store_commits(r->store), id, arena, out);
}

enum rc store_each_application(struct store_reader *r, struct arena *arena,
                               void (*each)(void *ctx, const struct application_row *row),
                               void *ctx)
{
    return r->store->ops->each_application(r->reader, store_commits(r->store), arena, each, ctx);
}

enum rc store_each_role(struct store_reader *r, struct arena *arena,
                        void (*each)(void *ctx, const struct role_row *row), void *ctx)
{
    return r->store->ops->each_role(r->reader, store_commits(r->store), arena, each, ctx);
}

enum rc store_each_role_assignment(struct store_reader *r, const struct uuid *principal,
                                   struct arena *arena,
                                   void (*each)(void *ctx, const struct role_assignment_row *row),
                                   void *ctx)
{
    const struct role_assignment_walk walk = {principal, arena, each, ctx};

    return r->store->ops->each_role_assignment(r->reader, store_commits(r->store), &walk);
}

enum rc store_each_issuer(struct store_reader *r, struct arena *arena,
                          void (*each)(void *ctx, const struct issuer_row *row), void *ctx)
{
    return r->store->ops->each_issuer(r->reader, store_commits(r->store), arena, each, ctx);
}

/* ---- lists ---- */

struct access_job {
    struct store *store;
    struct arena *arena; /* the caller's: touched on its loop only */
    struct arena own;
    struct access_query query;
    struct access_page page;
    enum rc rc;
    void (*done)(void *ctx, enum rc rc, const struct access_page *page);
    void *ctx;
};

static void access_on_pool(void *ctx)
{
    struct access_job *job = ctx;
    struct store *s = job->store;
    struct store_reader *r = store_borrow_reader(s);

    job->rc = RC_IO;
    if (!r)
        return;
    job->rc = s->ops->list_access(r->reader, store_commits(s), &job->query, &job->own, &job->page);
    store_give_back_reader(s, r);
}

static void move_applications(struct arena *arena, const struct access_page *from,
                              struct access_page *to)
{
    to->applications = arena_array(arena, struct application_row, from->n);
    for (size_t i = 0; i < from->n; i++) {
        struct application_row row = from->applications[i];

        row.name = arena_dup(arena, row.name);
        row.arm_id = arena_dup(arena, row.arm_id);
        row.header_hash = arena_dup(arena, row.header_hash);
        row.header_sealed = arena_dup(arena, row.header_sealed);
        row.document = arena_dup(arena, row.document);
        to->applications[i] = row;
    }
}

static void move_assignments(struct arena *arena, const struct access_page *from,
                             struct access_page *to)
{
    to->assignments = arena_array(arena, struct role_assignment_row, from->n);
    for (size_t i = 0; i < from->n; i++) {
        struct role_assignment_row row = from->assignments[i];

        row.scope = arena_dup(arena, row.scope);
        row.principal_type = arena_dup(arena, row.principal_type);
        row.description = arena_dup(arena, row.description);
        to->assignments[i] = row;
    }
}

static void move_roles(struct arena *arena, const struct access_page *from, struct access_page *to)
{
    to->roles = arena_array(arena, struct role_row, from->n);
    for (size_t i = 0; i < from->n; i++) {
        struct role_row row = from->roles[i];

        row.name = arena_dup(arena, row.name);
        row.document = arena_dup(arena, row.document);
        to->roles[i] = row;
    }
}

static void move_issuers(struct arena *arena, const struct access_page *from,
                         struct access_page *to)
{
    to->issuers = arena_array(arena, struct issuer_row, from->n);
    for (size_t i = 0; i < from->n; i++) {
        struct issuer_row row = from->issuers[i];

        row.issuer = arena_dup(arena, row.issuer);
        row.document = arena_dup(arena, row.document);
        to->issuers[i] = row;
    }
}

static void move_metas(struct arena *arena, const struct access_page *from, struct access_page *to)
{
    to->metas = arena_array(arena, struct meta_row, from->n);
    for (size_t i = 0; i < from->n; i++) {
        to->metas[i].name = arena_dup(arena, from->metas[i].name);
        to->metas[i].value = arena_dup(arena, from->metas[i].value);
    }
}

static void access_on_loop(void *ctx)
{
    static void (*const move[])(struct arena *, const struct access_page *,
                                struct access_page *) = {
        [ACCESS_APPLICATIONS] = move_applications,
        [ACCESS_ROLE_ASSIGNMENTS] = move_assignments,
        [ACCESS_ROLES] = move_roles,
        [ACCESS_ISSUERS] = move_issuers,
        [ACCESS_META] = move_metas,
    };
    struct access_job *job = ctx;
    struct access_page page = {0};

    if (!job->rc && job->page.n) { /* then `what` is one of them */
        page.n = job->page.n;
        move[job->query.what](job->arena, &job->page, &page);
    }
    job->done(job->ctx, job->rc, &page);
    arena_clear(&job->own);
    free(job);
}

/* NOLINTNEXTLINE(readability-function-size): what is listed, where it lives, who is told */
void store_list_access(struct store *s, struct loop *loop, struct arena *arena,
                       const struct access_query *query,
                       void (*done)(void *ctx, enum rc rc, const struct access_page *page),
                       void *ctx)
{
    struct access_job *job = calloc(1, sizeof *job);

    if (!job)
        abort();
    *job =
        (struct access_job){.store = s, .arena = arena, .query = *query, .done = done, .ctx = ctx};
    arena_init(&job->own);
    job->query.scope = arena_dup(&job->own, query->scope);
    loop_work(loop, access_on_pool, access_on_loop, job);
}
