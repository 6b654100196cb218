/* Queries for applications, roles, role assignments and trusted issuers: by key, whole tables, and
 * lists. Writing them: sqlite_access.c.
 *
 * A list of role assignments at a scope asks the index for the scope itself, for each of its
 * parents, and for the range of texts that begin with it and a slash: no pattern, so no sign in a
 * scope means anything. */
#include "store/sqlite/sqlite_backend.h"

#include <stdlib.h>

typedef void (*application_fn)(void *, const struct application_row *);
typedef void (*role_fn)(void *, const struct role_row *);
typedef void (*role_assignment_fn)(void *, const struct role_assignment_row *);
typedef void (*issuer_fn)(void *, const struct issuer_row *);

/* ---- rows ---- */

static struct application_row application_of(sqlite3_stmt *st, struct arena *arena)
{
    return (struct application_row){
        .client_id = column_uuid(st, 0),
        .object_id = column_uuid(st, 1),
        .kind = (enum application_kind)sqlite3_column_int(st, 2),
        .version = (uint32_t)sqlite3_column_int64(st, 3),
        .disabled = sqlite3_column_int(st, 4) != 0,
        .created = sqlite3_column_int64(st, 5),
        .revoked_before = sqlite3_column_int64(st, 6),
        .name = arena_dup(arena, column_str(st, 7)),
        .arm_id = arena_dup(arena, column_str(st, 8)),
        .header_hash = arena_dup(arena, column_str(st, 9)),
        .header_sealed = arena_dup(arena, column_str(st, 10)),
        .document = arena_dup(arena, column_str(st, 11)),
    };
}

static struct role_row role_of(sqlite3_stmt *st, struct arena *arena)
{
    return (struct role_row){
        .id = column_uuid(st, 0),
        .name = arena_dup(arena, column_str(st, 1)),
        .document = arena_dup(arena, column_str(st, 2)),
        .created = sqlite3_column_int64(st, 3),
        .updated = sqlite3_column_int64(st, 4),
    };
}

static struct role_assignment_row role_assignment_of(sqlite3_stmt *st, struct arena *arena)
{
    return (struct role_assignment_row){
        .id = column_uuid(st, 0),
        .principal = column_uuid(st, 1),
        .role = column_uuid(st, 2),
        .scope = arena_dup(arena, column_str(st, 3)),
        .principal_type = arena_dup(arena, column_str(st, 4)),
        .description = arena_dup(arena, column_str(st, 5)),
        .created_by = column_uuid(st, 6),
        .created = sqlite3_column_int64(st, 7),
    };
}

static struct issuer_row issuer_of(sqlite3_stmt *st, struct arena *arena)
{
    return (struct issuer_row){
        .id = column_uuid(st, 0),
        .version = (uint32_t)sqlite3_column_int64(st, 1),
        .issuer = arena_dup(arena, column_str(st, 2)),
        .document = arena_dup(arena, column_str(st, 3)),
        .created = sqlite3_column_int64(st, 4),
    };
}

/* ---- by key ---- */

enum rc read_application(struct backend_reader *r, uint64_t stamp,
                         const struct application_lookup *lookup, struct arena *arena,
                         struct application_row *out)
{
    bool is_text = lookup->by == APPLICATION_BY_NAME || lookup->by == APPLICATION_BY_ARM_ID;
    sqlite3_stmt *st;
    enum rc rc;

    if ((unsigned)lookup->by > APPLICATION_BY_HEADER_HASH)
        return RC_NOT_FOUND;
    st = reader_stmt(r, stamp, (enum read_stmt)(R_APPLICATION + lookup->by));
    if (!st)
        return RC_IO;
    if (is_text)
        bind_str(st, 1, lookup->key);
    else
        bind_blob(st, 1, lookup->key);
    rc = reader_step(r, st);
    if (rc)
        return rc;
    *out = application_of(st, arena);
    sqlite3_reset(st);
    return RC_OK;
}

enum rc read_role_assignment(struct backend_reader *r, uint64_t stamp, const struct uuid *id,
                             struct arena *arena, struct role_assignment_row *out)
{
    sqlite3_stmt *st = reader_stmt(r, stamp, R_ROLE_ASSIGNMENT);
    enum rc rc;

    if (!st)
        return RC_IO;
    bind_uuid(st, 1, id);
    rc = reader_step(r, st);
    if (rc)
        return rc;
    *out = role_assignment_of(st, arena);
    sqlite3_reset(st);
    return RC_OK;
}

/* ---- whole tables ---- */

static bool each_application(sqlite3_stmt *st, void *ctx)
{
    const struct walk *w = ctx;
    struct application_row row = application_of(st, w->arena);

    ((application_fn)w->each)(w->ctx, &row);
    return true;
}

enum rc scan_applications(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                          void (*each)(void *, const struct application_row *), void *ctx)
{
    return scan_rows(r, reader_stmt(r, stamp, R_APPLICATIONS), each_application,
                     (struct walk){(void (*)(void))each, ctx, arena});
}

static bool each_role(sqlite3_stmt *st, void *ctx)
{
    const struct walk *w = ctx;
    struct role_row row = role_of(st, w->arena);

    ((role_fn)w->each)(w->ctx, &row);
    return true;
}

enum rc scan_roles(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                   void (*each)(void *, const struct role_row *), void *ctx)
{
    return scan_rows(r, reader_stmt(r, stamp, R_ROLES), each_role,
                     (struct walk){(void (*)(void))each, ctx, arena});
}

static bool each_role_assignment(sqlite3_stmt *st, void *ctx)
{
    const struct walk *w = ctx;
    struct role_assignment_row row = role_assignment_of(st, w->arena);

    ((role_assignment_fn)w->each)(w->ctx, &row);
    return true;
}

enum rc scan_role_assignments(struct backend_reader *r, uint64_t stamp,
                              const struct role_assignment_walk *walk)
{
    sqlite3_stmt *st =
        reader_stmt(r, stamp, walk->principal ? R_ROLE_ASSIGNMENTS_OF : R_ROLE_ASSIGNMENTS);

    if (st && walk->principal)
        bind_uuid(st, 1, walk->principal);
    return scan_rows(r, st, each_role_assignment,
                     (struct walk){(void (*)(void))walk->each, walk->ctx, walk->arena});
}

static bool each_issuer(sqlite3_stmt *st, void *ctx)
{
    const struct walk *w = ctx;
    struct issuer_row row = issuer_of(st, w->arena);

    ((issuer_fn)w->each)(w->ctx, &row);
    return true;
}

enum rc scan_issuers(struct backend_reader *r, uint64_t stamp, struct arena *arena,
                     void (*each)(void *, const struct issuer_row *), void *ctx)
{
    return scan_rows(r, reader_stmt(r, stamp, R_ISSUERS), each_issuer,
                     (struct walk){(void (*)(void))each, ctx, arena});
}

/* ---- lists ---- */

struct listing {
    const struct access_query *q;
    struct arena *arena;
    struct access_page *out;
    size_t cap;
};

/** Room for one more of `size` octets behind those in `items`, which may move. */
static void *with_room(struct listing *l, void *items, size_t size)
{
    return scan_room(l->arena, items, l->out->n, &l->cap, size);
}

static bool list_application(sqlite3_stmt *st, void *ctx)
{
    struct listing *l = ctx;

    l->out->applications = with_room(l, l->out->applications, sizeof *l->out->applications);
    l->out->applications[l->out->n++] = application_of(st, l->arena);
    return true;
}

static bool list_role(sqlite3_stmt *st, void *ctx)
{
    struct listing *l = ctx;

    l->out->roles = with_room(l, l->out->roles, sizeof *l->out->roles);
    l->out->roles[l->out->n++] = role_of(st, l->arena);
    return true;
}

static bool list_issuer(sqlite3_stmt *st, void *ctx)
{
    struct listing *l = ctx;

    l->out->issuers = with_room(l, l->out->issuers, sizeof *l->out->issuers);
    l->out->issuers[l->out->n++] = issuer_of(st, l->arena);
    return true;
}

static bool list_meta(sqlite3_stmt *st, void *ctx)
{
    struct listing *l = ctx;

    l->out->metas = with_room(l, l->out->metas, sizeof *l->out->metas);
    l->out->metas[l->out->n++] = (struct meta_row){arena_dup(l->arena, column_str(st, 0)),
                                                   arena_dup(l->arena, column_str(st, 1))};
    return true;
}

struct str scope_stem(struct str scope)
{
    return name_eq(scope, STR("/")) ? STR_EMPTY : scope;
}

static bool is_below(struct str scope, struct str parent)
{
    struct str stem = scope_stem(parent);

    return scope.len > stem.len + 1 && str_starts(scope, stem) && scope.ptr[stem.len] == '/';
}

static bool is_asked_for(const struct access_query *q, struct str scope)
{
    return !q->scope.len || str_eq(scope, q->scope) || is_below(q->scope, scope) ||
           (!q->not_below && is_below(scope, q->scope));
}

static bool list_role_assignment(sqlite3_stmt *st, void *ctx)
{
    struct listing *l = ctx;

    if (!is_asked_for(l->q, column_str(st, 3)))
        return true;
    l->out->assignments = with_room(l, l->out->assignments, sizeof *l->out->assignments);
    l->out->assignments[l->out->n++] = role_assignment_of(st, l->arena);
    return true;
}

/** The next scope above; false when there is none. */
static bool scope_up(struct str *scope)
{
    size_t slash = scope->len;

    if (scope->len < 2)
        return false;
    while (slash > 0 && scope->ptr[slash - 1] != '/')
        slash--;
    if (slash == 0)
        return false;
    *scope = str_head(*scope, slash == 1 ? 1 : slash - 1);
    return true;
}

/** At the scope, above and below: one query of the index each, all on one state. */
static enum rc list_by_scope(struct backend_reader *r, uint64_t stamp, struct listing *l)
{
    struct str scope = l->q->scope;
    enum rc rc;

    do {
        sqlite3_stmt *st = reader_stmt(r, stamp, R_ROLE_ASSIGNMENTS_AT);

        if (!st)
            return RC_IO;
        bind_str(st, 1, scope);
        rc = reader_walk(r, st, list_role_assignment, l);
    } while (!rc && scope_up(&scope));
    if (!rc && !l->q->not_below) {
        sqlite3_stmt *st = reader_stmt(r, stamp, R_ROLE_ASSIGNMENTS_BELOW);

        if (!st)
            return RC_IO;
        bind_str(st, 1, scope_stem(l->q->scope));
        rc = reader_walk(r, st, list_role_assignment, l);
    }
    return rc;
}

/* qsort order */
static int newest_first(const void *a, const void *b)
{
    const struct role_assignment_row *x = a, *y = b;

    if (x->created != y->created)
        return x->created < y->created ? 1 : -1;
    return memcmp(y->id.octets, x->id.octets, sizeof x->id.octets);
}

static enum rc list_role_assignments(struct backend_reader *r, uint64_t stamp, struct listing *l)
{
    enum rc rc;

    if (l->q->scope.len && !l->q->of_principal) {
        if (!reader_hold(r, stamp))
            return RC_IO;
        rc = list_by_scope(r, stamp, l);
        reader_let_go(r);
    } else {
        sqlite3_stmt *st =
            reader_stmt(r, stamp, l->q->of_principal ? R_ROLE_ASSIGNMENTS_OF : R_ROLE_ASSIGNMENTS);

        if (!st)
            return RC_IO;
        if (l->q->of_principal)
            bind_uuid(st, 1, &l->q->principal);
        rc = reader_walk(r, st, list_role_assignment, l);
    }
    if (!rc && l->out->n)
        qsort(l->out->assignments, l->out->n, sizeof *l->out->assignments, newest_first);
    return rc;
}

static enum rc list_plain(struct backend_reader *r, sqlite3_stmt *st,
                          bool (*row)(sqlite3_stmt *, void *), struct listing *l)
{
    return st ? reader_walk(r, st, row, l) : RC_IO;
}

enum rc scan_access(struct backend_reader *r, uint64_t stamp, const struct access_query *q,
                    struct arena *arena, struct access_page *out)
{
    struct listing l = {.q = q, .arena = arena, .out = out};
    sqlite3_stmt *st;

    *out = (struct access_page){0};
    switch (q->what) {
    case ACCESS_APPLICATIONS:
        st = reader_stmt(r, stamp, R_LIST_APPLICATIONS);
        if (st)
            sqlite3_bind_int(st, 1, (int)q->kind);
        return list_plain(r, st, list_application, &l);
    case ACCESS_ROLE_ASSIGNMENTS:
        return list_role_assignments(r, stamp, &l);
    case ACCESS_ROLES:
        return list_plain(r, reader_stmt(r, stamp, R_LIST_ROLES), list_role, &l);
    case ACCESS_ISSUERS:
        return list_plain(r, reader_stmt(r, stamp, R_LIST_ISSUERS), list_issuer, &l);
    case ACCESS_META:
        st = reader_stmt(r, stamp, R_LIST_META);
        if (st)
            bind_str(st, 1, q->scope);
        return list_plain(r, st, list_meta, &l);
    }
    return RC_INVALID;
}
