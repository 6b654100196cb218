/* Changes of applications, roles, role assignments and trusted issuers: on the writer thread, as
 * sqlite_apply.c calls them.
 *
 * Preconditions are looked up in the batch's own transaction, so that of two changes in one batch
 * the second one sees the first. What must be unique is left to the indexes. */
#include "store/sqlite/sqlite_backend.h"

static enum rc log_principal(struct backend *b, struct log_out *log, const struct uuid *id)
{
    return writer_log(b, log, &(struct log_entry){.kind = LOG_PRINCIPAL, .principal = *id});
}

static enum rc log_kind(struct backend *b, struct log_out *log, enum log_kind kind)
{
    return writer_log(b, log, &(struct log_entry){.kind = kind});
}

/** Does the statement `which` find a row for `id`? */
static enum rc id_exists(struct backend *b, enum write_stmt which, const struct uuid *id, bool *out)
{
    sqlite3_stmt *st = writer_stmt(b, which);

    if (!st)
        return RC_INTERNAL;
    bind_uuid(st, 1, id);
    return writer_row_exists(b, st, out);
}

/** Steps to the row of `id`: after RC_OK its columns may be read, then *out is reset. */
static enum rc find_row(struct backend *b, enum write_stmt which, const struct uuid *id,
                        sqlite3_stmt **out)
{
    sqlite3_stmt *st = writer_stmt(b, which);
    enum rc rc;
    int code;

    if (!st)
        return RC_INTERNAL;
    bind_uuid(st, 1, id);
    code = sqlite3_step(st);
    if (code == SQLITE_ROW) {
        *out = st;
        return RC_OK;
    }
    rc = sqlite_rc(b->db, code);
    sqlite3_reset(st);
    return rc ? rc : RC_NOT_FOUND;
}

/** Deletes by id; `out_existed` says whether there was a row. */
static enum rc delete_row(struct backend *b, sqlite3_stmt *st, const struct uuid *id,
                          struct change *c)
{
    enum rc rc;

    bind_uuid(st, 1, id);
    rc = writer_run(b, st);
    if (!rc)
        c->out_existed = sqlite3_changes(b->db) > 0;
    return rc;
}

/** Names are compared without case, and the engine's way to do that ends at a NUL. */
static bool name_compares(struct str name)
{
    return str_find(name, '\0') == name.len;
}

/* ---- applications ---- */

/** Does the row follow the one that is there? */
static enum rc check_version(struct backend *b, struct change *c)
{
    const struct application_row *row = &c->u.application;
    struct uuid object;
    sqlite3_stmt *there;
    int64_t version;
    enum rc rc = find_row(b, W_APPLICATION_THERE, &row->client_id, &there);

    if (rc == RC_NOT_FOUND)
        return row->version == 1 ? RC_OK : RC_CONFLICT;
    if (rc)
        return rc;
    version = sqlite3_column_int64(there, 0);
    object = column_uuid(there, 1);
    sqlite3_reset(there);
    c->out_existed = true;
    if (row->version != version + 1)
        return RC_CONFLICT;
    return uuid_eq(&object, &row->object_id) ? RC_OK : RC_INVALID; /* fixed for life */
}

enum rc apply_application_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                              struct log_out *log)
{
    const struct application_row *row = &c->u.application;
    enum rc rc = check_version(b, c);

    if (rc)
        return rc;
    if (!name_compares(row->name))
        return RC_INVALID;
    bind_uuid(st, 1, &row->client_id);
    bind_uuid(st, 2, &row->object_id);
    sqlite3_bind_int(st, 3, (int)row->kind);
    sqlite3_bind_int64(st, 4, row->version);
    sqlite3_bind_int(st, 5, row->disabled);
    sqlite3_bind_int64(st, 6, row->created);
    sqlite3_bind_int64(st, 7, row->revoked_before);
    bind_str(st, 8, row->name);
    bind_str(st, 9, row->arm_id);
    bind_blob(st, 10, row->header_hash);
    bind_blob(st, 11, row->header_sealed);
    bind_str(st, 12, row->document);
    rc = writer_run(b, st);
    return rc ? rc : log_principal(b, log, &row->object_id);
}

static enum rc clear_principal(struct backend *b, const struct uuid *object)
{
    sqlite3_stmt *st = writer_stmt(b, W_PRINCIPAL_CLEAR);

    if (!st)
        return RC_INTERNAL;
    bind_uuid(st, 1, object);
    return writer_run(b, st);
}

enum rc apply_application_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                                 struct log_out *log)
{
    sqlite3_stmt *there;
    struct uuid object;
    enum rc rc = find_row(b, W_APPLICATION_THERE, &c->u.application.client_id, &there);

    if (rc)
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    object = column_uuid(there, 1);
    sqlite3_reset(there);
    rc = clear_principal(b, &object);
    if (!rc)
        rc = delete_row(b, st, &c->u.application.client_id, c);
    return rc ? rc : log_principal(b, log, &object);
}

/* ---- roles ---- */

enum rc apply_role_put(struct backend *b, sqlite3_stmt *st, struct change *c, struct log_out *log)
{
    const struct role_row *row = &c->u.role;
    enum rc rc = id_exists(b, W_ROLE_EXISTS, &row->id, &c->out_existed);

    if (rc)
        return rc;
    if (!name_compares(row->name))
        return RC_INVALID;
    bind_uuid(st, 1, &row->id);
    bind_str(st, 2, row->name);
    bind_str(st, 3, row->document);
    sqlite3_bind_int64(st, 4, row->created);
    sqlite3_bind_int64(st, 5, row->updated);
    rc = writer_run(b, st);
    return rc ? rc : log_kind(b, log, LOG_ROLES);
}

enum rc apply_role_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                          struct log_out *log)
{
    bool assigned = true;
    enum rc rc = id_exists(b, W_ROLE_ASSIGNED, &c->u.role.id, &assigned);

    if (rc || assigned)
        return rc ? rc : RC_CONFLICT;
    rc = delete_row(b, st, &c->u.role.id, c);
    return rc || !c->out_existed ? rc : log_kind(b, log, LOG_ROLES);
}

/* ---- role assignments ---- */

/** Has `id` been taken, and by the same? RC_NOT_FOUND: it is free. */
static enum rc check_assignment(struct backend *b, struct change *c)
{
    const struct role_assignment_row *row = &c->u.role_assignment;
    struct uuid principal, role;
    sqlite3_stmt *there;
    bool same;
    enum rc rc = find_row(b, W_ROLE_ASSIGNMENT_THERE, &row->id, &there);

    if (rc)
        return rc;
    principal = column_uuid(there, 0);
    role = column_uuid(there, 1);
    same = uuid_eq(&principal, &row->principal) && uuid_eq(&role, &row->role) &&
           str_eq(column_str(there, 2), row->scope);
    sqlite3_reset(there);
    c->out_existed = true;
    return same ? RC_OK : RC_CONFLICT;
}

/** Are there a principal and a role of these ids? Else what is given now would count as soon as
 * somebody had the id. */
static enum rc check_ends(struct backend *b, const struct role_assignment_row *row)
{
    bool principal = false, role = row->built_in_role;
    enum rc rc = id_exists(b, W_PRINCIPAL_EXISTS, &row->principal, &principal);

    if (!rc && !role)
        rc = id_exists(b, W_ROLE_EXISTS, &row->role, &role);
    return rc || (principal && role) ? rc : RC_NOT_FOUND;
}

enum rc apply_role_assignment_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                                  struct log_out *log)
{
    const struct role_assignment_row *row = &c->u.role_assignment;
    enum rc rc = check_assignment(b, c);

    if (rc != RC_NOT_FOUND)
        return rc;
    rc = check_ends(b, row);
    if (rc)
        return rc;
    bind_uuid(st, 1, &row->id);
    bind_uuid(st, 2, &row->principal);
    bind_uuid(st, 3, &row->role);
    bind_str(st, 4, row->scope);
    bind_str(st, 5, row->principal_type);
    bind_str(st, 6, row->description);
    bind_uuid(st, 7, &row->created_by);
    sqlite3_bind_int64(st, 8, row->created);
    rc = writer_run(b, st);
    return rc ? rc : log_principal(b, log, &row->principal);
}

enum rc apply_role_assignment_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                                     struct log_out *log)
{
    sqlite3_stmt *there;
    struct uuid principal;
    enum rc rc = find_row(b, W_ROLE_ASSIGNMENT_THERE, &c->u.role_assignment.id, &there);

    if (rc)
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    principal = column_uuid(there, 0);
    sqlite3_reset(there);
    rc = delete_row(b, st, &c->u.role_assignment.id, c);
    return rc ? rc : log_principal(b, log, &principal);
}

enum rc apply_role_scope_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                                struct log_out *log)
{
    struct str scope = c->u.role_assignment.scope;
    enum rc rc;

    if (!scope.len)
        return RC_INVALID; /* no scope at all must not mean everything */
    bind_str(st, 1, scope);
    bind_str(st, 2, scope_stem(scope));
    rc = writer_run(b, st);
    if (rc)
        return rc;
    c->out_existed = sqlite3_changes(b->db) > 0;
    return c->out_existed ? log_kind(b, log, LOG_ROLES) : RC_OK;
}

/* ---- trusted issuers ---- */

/** Does the row follow the one that is there? */
static enum rc check_issuer(struct backend *b, struct change *c)
{
    const struct issuer_row *row = &c->u.issuer;
    sqlite3_stmt *there;
    int64_t version;
    enum rc rc = find_row(b, W_ISSUER_THERE, &row->id, &there);

    if (rc == RC_NOT_FOUND)
        return row->version == 1 ? RC_OK : RC_CONFLICT;
    if (rc)
        return rc;
    version = sqlite3_column_int64(there, 0);
    sqlite3_reset(there);
    c->out_existed = true;
    return row->version == version + 1 ? RC_OK : RC_CONFLICT;
}

enum rc apply_issuer_put(struct backend *b, sqlite3_stmt *st, struct change *c, struct log_out *log)
{
    const struct issuer_row *row = &c->u.issuer;
    enum rc rc = check_issuer(b, c);

    if (rc)
        return rc;
    bind_uuid(st, 1, &row->id);
    sqlite3_bind_int64(st, 2, row->version);
    bind_str(st, 3, row->issuer);
    bind_str(st, 4, row->document);
    sqlite3_bind_int64(st, 5, row->created);
    rc = writer_run(b, st);
    return rc ? rc : log_kind(b, log, LOG_ISSUER);
}

enum rc apply_issuer_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                            struct log_out *log)
{
    enum rc rc = delete_row(b, st, &c->u.issuer.id, c);

    return rc || !c->out_existed ? rc : log_kind(b, log, LOG_ISSUER);
}
