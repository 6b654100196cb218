/* Changes become statements: on the writer thread, inside the batch's transaction. Those of
 * applications and roles: sqlite_access.c; of messages: sqlite_sms.c; of events: sqlite_events.c;
 * of chat: sqlite_chat.c.
 *
 * A set that fails for its own reason leaves no trace; a failure of the store itself is left to the
 * caller, who rolls the batch back. One statement is atomic by itself; where a later one could fail
 * after it there is a savepoint. Each savepoint keeps a copy of every page that its set writes, a
 * quarter of what a chat message costs: so a message goes without. */
#include "store/sqlite/sqlite_backend.h"
#include "store/sqlite/sqlite_chat.h"

static struct log_entry *log_room(struct log_out *log)
{
    if (log->n == log->cap) {
        log->cap = log->cap ? log->cap * 2 : 64;
        log->entries = reallocarray(log->entries, log->cap, sizeof *log->entries);
        if (!log->entries)
            abort();
    }
    return &log->entries[log->n];
}

enum rc writer_log(struct backend *b, struct log_out *log, const struct log_entry *what)
{
    sqlite3_stmt *st = writer_stmt(b, W_LOG);
    struct log_entry *e = log_room(log);
    enum rc rc;

    if (!st)
        return RC_INTERNAL;
    *e = *what;
    e->seq = ++b->now.seq;
    sqlite3_bind_int64(st, 1, e->seq);
    sqlite3_bind_int(st, 2, (int)e->kind);
    sqlite3_bind_null(st, 3);
    sqlite3_bind_null(st, 4);
    if (e->kind == LOG_USER) {
        bind_uuid(st, 3, &e->user.resource);
        bind_uuid(st, 4, &e->user.user);
    } else if (e->kind == LOG_RESOURCE || e->kind == LOG_SMS_SENDER ||
               e->kind == LOG_SUBSCRIPTION) {
        bind_uuid(st, 3, &e->resource);
    } else if (e->kind == LOG_PRINCIPAL) {
        bind_uuid(st, 4, &e->principal);
    }
    rc = writer_run(b, st);
    if (rc)
        return backend_spoils_batch(rc) ? rc : RC_INTERNAL; /* half of the set is in */
    log->n++;
    return RC_OK;
}

static enum rc log_resource(struct backend *b, struct log_out *log, const struct uuid *id)
{
    return writer_log(b, log, &(struct log_entry){.kind = LOG_RESOURCE, .resource = *id});
}

static enum rc log_signing_keys(struct backend *b, struct log_out *log)
{
    return writer_log(b, log, &(struct log_entry){.kind = LOG_SIGNING_KEY});
}

static enum rc resource_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                            struct log_out *log)
{
    const struct resource_row *row = &c->u.resource;
    enum rc rc;

    bind_uuid(st, 1, &row->id);
    bind_str(st, 2, row->name);
    bind_str(st, 3, row->location);
    bind_str(st, 4, row->names);
    sqlite3_bind_int(st, 5, row->port);
    sqlite3_bind_int(st, 6, (int)row->state);
    sqlite3_bind_int(st, 7, row->is_default);
    sqlite3_bind_int64(st, 8, row->created);
    bind_str(st, 9, row->group);
    sqlite3_bind_int(st, 10, row->no_local_auth);
    bind_str(st, 11, row->data_location);
    bind_str(st, 12, row->properties);
    rc = writer_run(b, st);
    if (!rc && !sqlite3_changes(b->db))
        rc = RC_NOT_FOUND; /* it was deleted meanwhile, and stays so */
    return rc ? rc : log_resource(b, log, &row->id);
}

static enum rc access_key_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                              struct log_out *log)
{
    const struct access_key_row *row = &c->u.access_key;
    enum rc rc;

    bind_uuid(st, 1, &row->resource);
    sqlite3_bind_int(st, 2, (int)row->slot);
    sqlite3_bind_int64(st, 3, row->generation);
    sqlite3_bind_int64(st, 4, row->tokens_valid_from);
    bind_blob(st, 5, row->sealed);
    sqlite3_bind_int64(st, 6, row->regenerated);
    sqlite3_bind_int64(st, 7, row->last_used);
    rc = writer_run(b, st);
    if (!rc && !sqlite3_changes(b->db))
        rc = RC_CONFLICT; /* somebody else made this generation: their key is the one in force */
    return rc ? rc : log_resource(b, log, &row->resource);
}

static enum rc access_key_used(struct backend *b, sqlite3_stmt *st, struct change *c,
                               struct log_out *log)
{
    enum rc rc;

    (void)log; /* last_used is not kept in memory */
    bind_uuid(st, 1, &c->u.access_key.resource);
    sqlite3_bind_int(st, 2, (int)c->u.access_key.slot);
    sqlite3_bind_int64(st, 3, c->u.access_key.last_used);
    rc = writer_run(b, st);
    return rc || sqlite3_changes(b->db) ? rc : RC_NOT_FOUND;
}

static enum rc signing_key_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                               struct log_out *log)
{
    const struct signing_key_row *row = &c->u.signing_key;
    enum rc rc;

    bind_str(st, 1, row->kid);
    bind_str(st, 2, row->alg);
    bind_str(st, 3, row->purpose);
    bind_blob(st, 4, row->sealed);
    sqlite3_bind_int64(st, 5, row->created);
    sqlite3_bind_int64(st, 6, row->active_from);
    sqlite3_bind_int64(st, 7, row->retired);
    bind_blob(st, 8, row->certificate);
    rc = writer_run(b, st);
    return rc ? rc : log_signing_keys(b, log);
}

static enum rc signing_key_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                                  struct log_out *log)
{
    enum rc rc;

    bind_str(st, 1, c->u.signing_key.kid);
    rc = writer_run(b, st);
    return rc || !sqlite3_changes(b->db) ? rc : log_signing_keys(b, log);
}

static void bind_user_key(sqlite3_stmt *st, const struct user_key *key)
{
    bind_uuid(st, 1, &key->resource);
    bind_uuid(st, 2, &key->user);
}

static enum rc user_add(struct backend *b, sqlite3_stmt *st, struct change *c, struct log_out *log)
{
    const struct user_row *row = &c->u.user;
    enum rc rc;

    (void)log; /* memory holds only the revoked and deleted */
    bind_user_key(st, &row->key);
    sqlite3_bind_int64(st, 3, row->generation);
    sqlite3_bind_int64(st, 4, row->created);
    sqlite3_bind_int64(st, 5, row->valid_from);
    sqlite3_bind_int64(st, 6, row->revoked);
    sqlite3_bind_int64(st, 7, row->deleted);
    sqlite3_bind_int64(st, 8, row->last_issued);
    bind_str_or_null(st, 9, row->external_id);
    rc = writer_run(b, st);
    if (!rc)
        *(row->deleted ? &b->now.deleted : &b->now.alive) += 1;
    return rc;
}

/** Runs an update of one living user: `out_existed` says whether it changed something.
 * RC_NOT_FOUND: there is no such user, alive or deleted. */
static enum rc update_user(struct backend *b, sqlite3_stmt *st, struct change *c)
{
    bool found = true;
    enum rc rc = writer_run(b, st);

    if (rc)
        return rc;
    c->out_existed = sqlite3_changes(b->db) > 0;
    if (c->out_existed)
        return RC_OK;
    st = writer_stmt(b, W_USER_EXISTS);
    if (!st)
        return RC_INTERNAL;
    bind_user_key(st, &c->u.user.key);
    rc = writer_row_exists(b, st, &found);
    return rc || found ? rc : RC_NOT_FOUND;
}

static enum rc log_user(struct backend *b, struct change *c, struct log_out *log)
{
    return c->out_existed
               ? writer_log(b, log, &(struct log_entry){.kind = LOG_USER, .user = c->u.user.key})
               : RC_OK;
}

static enum rc user_revoke(struct backend *b, sqlite3_stmt *st, struct change *c,
                           struct log_out *log)
{
    enum rc rc;

    bind_user_key(st, &c->u.user.key);
    sqlite3_bind_int64(st, 3, c->u.user.revoked);
    rc = update_user(b, st, c);
    return rc ? rc : log_user(b, c, log);
}

static enum rc user_valid_from(struct backend *b, sqlite3_stmt *st, struct change *c,
                               struct log_out *log)
{
    enum rc rc;

    bind_user_key(st, &c->u.user.key);
    sqlite3_bind_int64(st, 3, c->u.user.revoked);
    sqlite3_bind_int64(st, 4, c->u.user.valid_from);
    rc = update_user(b, st, c);
    return rc ? rc : log_user(b, c, log);
}

/** Chat has yet to let him go. */
static enum rc add_leaver(struct backend *b, const struct user_key *key)
{
    sqlite3_stmt *st = writer_stmt(b, W_CHAT_LEAVER_ADD);

    if (!st)
        return RC_INTERNAL;
    bind_user_key(st, key);
    return writer_run(b, st);
}

static enum rc user_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                           struct log_out *log)
{
    unix_ms when = c->u.user.deleted ? c->u.user.deleted : c->u.user.revoked;
    enum rc rc;

    if (when <= 0)
        return RC_INVALID;
    bind_user_key(st, &c->u.user.key);
    sqlite3_bind_int64(st, 3, when);
    rc = update_user(b, st, c);
    if (rc)
        return rc;
    if (!c->out_existed)
        return RC_OK;
    b->now.alive--;
    b->now.deleted++;
    rc = add_leaver(b, &c->u.user.key);
    return rc ? rc : log_user(b, c, log);
}

static enum rc user_revive(struct backend *b, sqlite3_stmt *st, struct change *c,
                           struct log_out *log)
{
    const struct user_row *row = &c->u.user;
    sqlite3_stmt *stays = writer_stmt(b, W_USER_STAYS);
    enum rc rc;

    if (!stays)
        return RC_INTERNAL;
    bind_user_key(st, &row->key);
    sqlite3_bind_int64(st, 3, row->revoked);
    sqlite3_bind_int64(st, 4, row->created);
    bind_str_or_null(st, 5, row->external_id);
    rc = update_user(b, st, c);
    if (rc || !c->out_existed)
        return rc ? rc : RC_CONFLICT;
    b->now.alive++;
    b->now.deleted--;
    bind_user_key(stays, &row->key);
    rc = writer_run(b, stays);
    return rc ? rc : log_user(b, c, log);
}

static enum rc user_issued(struct backend *b, sqlite3_stmt *st, struct change *c,
                           struct log_out *log)
{
    (void)log; /* last_issued is not kept in memory */
    bind_user_key(st, &c->u.user.key);
    sqlite3_bind_int64(st, 3, c->u.user.last_issued);
    return update_user(b, st, c);
}

static void bind_assignment_key(sqlite3_stmt *st, const struct assignment_row *row)
{
    bind_uuid(st, 1, &row->resource);
    bind_uuid(st, 2, &row->tenant);
    bind_uuid(st, 3, &row->object);
}

static enum rc assignment_put(struct backend *b, sqlite3_stmt *st, struct change *c,
                              struct log_out *log)
{
    const struct assignment_row *row = &c->u.assignment;
    sqlite3_stmt *there = writer_stmt(b, W_ASSIGNMENT_EXISTS);
    enum rc rc;

    (void)log; /* not kept in memory */
    if (!there)
        return RC_INTERNAL;
    bind_assignment_key(there, row);
    rc = writer_row_exists(b, there, &c->out_existed);
    if (rc)
        return rc;
    bind_assignment_key(st, row);
    bind_str(st, 4, row->principal_type);
    bind_str(st, 5, row->client_ids);
    return writer_run(b, st);
}

static enum rc assignment_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                                 struct log_out *log)
{
    (void)log; /* not kept in memory */
    bind_assignment_key(st, &c->u.assignment);
    return writer_run(b, st);
}

static enum rc meta_put(struct backend *b, sqlite3_stmt *st, struct change *c, struct log_out *log)
{
    sqlite3_stmt *there = writer_stmt(b, W_META_EXISTS);
    enum rc rc;

    (void)log; /* its readers ask each time */
    if (!there)
        return RC_INTERNAL;
    bind_str(there, 1, c->u.meta.name);
    rc = writer_row_exists(b, there, &c->out_existed);
    if (rc)
        return rc;
    bind_str(st, 1, c->u.meta.name);
    bind_blob(st, 2, c->u.meta.value);
    return writer_run(b, st);
}

static enum rc meta_delete(struct backend *b, sqlite3_stmt *st, struct change *c,
                           struct log_out *log)
{
    enum rc rc;

    (void)log;
    bind_str(st, 1, c->u.meta.name);
    rc = writer_run(b, st);
    c->out_existed = !rc && sqlite3_changes(b->db) > 0;
    return rc;
}

/* clang-format off */
static const struct {
    apply_fn apply;
    enum write_stmt stmt;
    bool several; /* it changes rows by more than one statement */
} kinds[CHANGE_KIND_COUNT] = {
    [CHANGE_RESOURCE_PUT]            = {resource_put, W_RESOURCE_PUT, false},
    [CHANGE_ACCESS_KEY_PUT]          = {access_key_put, W_ACCESS_KEY_PUT, false},
    [CHANGE_ACCESS_KEY_USED]         = {access_key_used, W_ACCESS_KEY_USED, false},
    [CHANGE_SIGNING_KEY_PUT]         = {signing_key_put, W_SIGNING_KEY_PUT, false},
    [CHANGE_SIGNING_KEY_DELETE]      = {signing_key_delete, W_SIGNING_KEY_DELETE, false},
    [CHANGE_USER_ADD]                = {user_add, W_USER_ADD, false},
    [CHANGE_USER_REVOKE]             = {user_revoke, W_USER_REVOKE, false},
    [CHANGE_USER_VALID_FROM]         = {user_valid_from, W_USER_VALID_FROM, false},
    [CHANGE_USER_DELETE]             = {user_delete, W_USER_DELETE, true},
    [CHANGE_USER_REVIVE]             = {user_revive, W_USER_REVIVE, true},
    [CHANGE_USER_ISSUED]             = {user_issued, W_USER_ISSUED, false},
    [CHANGE_ASSIGNMENT_PUT]          = {assignment_put, W_ASSIGNMENT_PUT, false},
    [CHANGE_ASSIGNMENT_DELETE]       = {assignment_delete, W_ASSIGNMENT_DELETE, false},
    [CHANGE_META_PUT]                = {meta_put, W_META_PUT, false},
    [CHANGE_META_DELETE]             = {meta_delete, W_META_DELETE, false},
    [CHANGE_APPLICATION_PUT]         = {apply_application_put, W_APPLICATION_PUT, false},
    [CHANGE_APPLICATION_DELETE]      = {apply_application_delete, W_APPLICATION_DELETE, true},
    [CHANGE_ROLE_PUT]                = {apply_role_put, W_ROLE_PUT, false},
    [CHANGE_ROLE_DELETE]             = {apply_role_delete, W_ROLE_DELETE, false},
    [CHANGE_ROLE_ASSIGNMENT_PUT]     = {apply_role_assignment_put, W_ROLE_ASSIGNMENT_PUT, false},
    [CHANGE_ROLE_ASSIGNMENT_DELETE]  = {apply_role_assignment_delete, W_ROLE_ASSIGNMENT_DELETE, false},
    [CHANGE_ROLE_SCOPE_DELETE]       = {apply_role_scope_delete, W_ROLE_SCOPE_DELETE, false},
    [CHANGE_ISSUER_PUT]              = {apply_issuer_put, W_ISSUER_PUT, false},
    [CHANGE_ISSUER_DELETE]           = {apply_issuer_delete, W_ISSUER_DELETE, false},
    [CHANGE_SMS_ADD]                 = {apply_sms_add, W_SMS_ADD, false},
    [CHANGE_SMS_STEP]                = {apply_sms_step, W_SMS_STEP, false},
    [CHANGE_SMS_CLEAR]               = {apply_sms_clear, W_SMS_CLEAR, true},
    [CHANGE_SMS_REPEAT_ADD]          = {apply_sms_repeat_add, W_SMS_REPEAT_ADD, false},
    [CHANGE_SMS_OPTOUT_PUT]          = {apply_sms_optout_put, W_SMS_OPTOUT_PUT, false},
    [CHANGE_SMS_OPTOUT_DELETE]       = {apply_sms_optout_delete, W_SMS_OPTOUT_DELETE, false},
    [CHANGE_SMS_SENDER_PUT]          = {apply_sms_sender_put, W_SMS_SENDER_PUT, false},
    [CHANGE_SMS_SENDER_DELETE]       = {apply_sms_sender_delete, W_SMS_SENDER_DELETE, false},
    [CHANGE_SMS_TRANSPORT_PUT]       = {apply_sms_transport_put, W_SMS_TRANSPORT_PUT, false},
    [CHANGE_SMS_TRANSPORT_DELETE]    = {apply_sms_transport_delete, W_SMS_TRANSPORT_DELETE, false},
    [CHANGE_SMS_REF_PUT]             = {apply_sms_ref_put, W_SMS_REF_PUT, false},
    [CHANGE_SMS_PRUNE]               = {apply_sms_prune, W_SMS_PRUNE, true},
    [CHANGE_SUBSCRIPTION_PUT]        = {apply_subscription_put, W_SUBSCRIPTION_PUT, false},
    [CHANGE_SUBSCRIPTION_DELETE]     = {apply_subscription_delete, W_SUBSCRIPTION_DELETE, true},
    [CHANGE_EVENT_ADD]               = {apply_event_add, W_EVENT_ADD, false},
    [CHANGE_EVENT_STEP]              = {apply_event_step, W_EVENT_STEP, false},
    [CHANGE_EVENT_PRUNE]             = {apply_event_prune, W_EVENT_PRUNE, true},
    [CHANGE_CHAT_TURN]               = {NULL, W_CHAT_THREAD, true}, /* see apply_all() */
    [CHANGE_CHAT_THREAD_PUT]         = {apply_chat_thread_put, W_CHAT_THREAD_ADD, true},
    [CHANGE_CHAT_HEAD_PUT]           = {apply_chat_head_put, W_CHAT_HEAD_SET, false},
    [CHANGE_CHAT_MEMBER_PUT]         = {apply_chat_member_put, W_CHAT_MEMBER_PUT, true},
    [CHANGE_CHAT_MESSAGE_PUT]        = {apply_chat_message_put, W_CHAT_MESSAGE_PUT, false},
    [CHANGE_CHAT_RECEIPT_PUT]        = {apply_chat_receipt_put, W_CHAT_RECEIPT_PUT, false},
    [CHANGE_CHAT_REPEAT_ADD]         = {apply_chat_repeat_add, W_CHAT_REPEAT_ADD, false},
    [CHANGE_CHAT_LOG_ADD]            = {apply_chat_log_add, W_CHAT_LOG_ADD, false},
    [CHANGE_CHAT_CLEAR]              = {apply_chat_clear, W_CHAT_CLEAR_MESSAGES, true},
    [CHANGE_CHAT_PRUNE]              = {apply_chat_prune, W_CHAT_REPEAT_PRUNE, true},
    [CHANGE_CHAT_MEMBER_DELETE]      = {apply_chat_member_delete, W_CHAT_MEMBER_DELETE, true},
    [CHANGE_CHAT_LEAVER_DELETE]      = {apply_chat_leaver_delete, W_CHAT_LEAVER_DELETE, false},
};
/* clang-format on */

static enum rc apply_one(struct backend *b, struct change *c, struct log_out *log)
{
    sqlite3_stmt *st;

    c->out_existed = false;
    if ((unsigned)c->kind >= CHANGE_KIND_COUNT || !kinds[c->kind].apply)
        return RC_INVALID;
    st = writer_stmt(b, kinds[c->kind].stmt);
    if (!st)
        return sqlite_rc(b->db, sqlite3_extended_errcode(b->db));
    return kinds[c->kind].apply(b, st, c, log);
}

/** Turns that a set begins with: they read and append, and write nothing themselves. */
static enum rc take_first_turns(struct backend *b, struct change_set *set, size_t *out_next)
{
    enum rc rc = RC_OK;
    size_t i = 0;

    while (!rc && i < set->n && set->items[i].kind == CHANGE_CHAT_TURN)
        rc = apply_chat_turn(b, set->items[i++].u.chat_turn, set);
    *out_next = i;
    return rc;
}

/** A turn of a thread may append to the set, and move its items, while they are gone through. */
static enum rc apply_from(struct backend *b, size_t first, struct change_set *set,
                          struct log_out *log)
{
    for (size_t i = first; i < set->n; i++) {
        enum rc rc = set->items[i].kind == CHANGE_CHAT_TURN
                         ? apply_chat_turn(b, set->items[i].u.chat_turn, set)
                         : apply_one(b, &set->items[i], log);

        if (rc)
            return rc;
    }
    return RC_OK;
}

/** Can it fail with the store only? */
static bool is_sure(const struct backend *b, const struct change *c)
{
    if (c->kind == CHANGE_CHAT_HEAD_PUT) /* a turn has just found it */
        return b->chat_number && uuid_eq(&b->chat_key, &c->u.chat_head.thread);
    return c->kind == CHANGE_CHAT_LOG_ADD && chat_log_is_entry(&c->u.chat_log);
}

/** Could its own failure leave something behind of what begins at `first`? */
static bool needs_savepoint(const struct backend *b, const struct change_set *set, size_t first)
{
    for (size_t i = first; i < set->n; i++) {
        enum change_kind kind = set->items[i].kind;

        if (((unsigned)kind < CHANGE_KIND_COUNT && kinds[kind].several) ||
            (i > first && !is_sure(b, &set->items[i])))
            return true;
    }
    return false;
}

/** Back to the savepoint: anything but success is a failure of the store. */
static enum rc undo(struct backend *b, enum rc reason)
{
    if (backend_spoils_batch(reason))
        return reason;
    if (writer_run(b, writer_stmt(b, W_UNDO)) || writer_run(b, writer_stmt(b, W_RELEASE)))
        return RC_INTERNAL;
    return reason;
}

enum rc sqlite_apply(struct backend *b, struct change_set *set, struct log_out *log)
{
    const struct progress before = b->now;
    const size_t log_n = log->n;
    bool saved = false;
    size_t first;
    enum rc rc;

    b->chat_number = 0;
    rc = take_first_turns(b, set, &first);
    if (!rc && needs_savepoint(b, set, first)) {
        rc = writer_run(b, writer_stmt(b, W_SAVE));
        saved = !rc;
    }
    if (!rc)
        rc = apply_from(b, first, set, log);
    if (!rc && saved)
        rc = writer_run(b, writer_stmt(b, W_RELEASE));
    else if (rc && saved)
        rc = undo(b, rc);
    if (rc) {
        b->now = before;
        log->n = log_n;
    }
    return rc;
}
