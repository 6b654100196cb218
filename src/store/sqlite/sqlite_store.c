/* The embedded back end: one file, write-ahead log, every commit synced.
 *
 * Here: opening, the writer's transaction, and keeping the log short. The log is copied into the
 * file (a checkpoint) by the writer after callbacks have left. Readers hold the state they saw
 * last, and a held state keeps the log from starting again; so from a certain length on the writer
 * nudges them and waits a little. Source: design D4, D5, D8; https://www.sqlite.org/wal.html */
#include "store/sqlite/sqlite_backend.h"
#include "store/sqlite/sqlite_chat.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_MS 5000 /* another process checks or copies the file */

void sqlite_say(struct buf *why, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    int n;

    if (!why)
        return;
    va_start(args, fmt);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): a known false alarm of version 14 */
    n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n > 0)
        buf_add(why, str_of(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1));
}

/** No space, as far as the failed call tells: a failed sync is never that harmless. The engine
 * knows ENOSPC itself, and keeps no errno of a failed commit: so the thread's own is asked. */
static bool is_full(sqlite3 *db, int code)
{
    int why = code == SQLITE_IOERR_WRITE ? errno : sqlite3_system_errno(db);

    return code != SQLITE_IOERR_FSYNC && code != SQLITE_IOERR_DIR_FSYNC &&
           (why == ENOSPC || why == EDQUOT || why == EFBIG);
}

enum rc sqlite_rc(sqlite3 *db, int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return RC_OK;
    case SQLITE_FULL:
        return RC_FULL;
    case SQLITE_CONSTRAINT:
        return RC_CONFLICT;
    case SQLITE_TOOBIG:
        return RC_TOO_LARGE;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return RC_BUSY;
    case SQLITE_IOERR:
        return is_full(db, code) ? RC_FULL : RC_IO;
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return RC_IO;
    default:
        return RC_INTERNAL;
    }
}

enum rc sqlite_connect(const char *path, int flags, const char *vfs, sqlite3 **out)
{
    sqlite3 *db = NULL;
    int code = sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs);

    if (code != SQLITE_OK) {
        enum rc rc = db ? sqlite_rc(db, code) : RC_INTERNAL;

        sqlite3_close_v2(db);
        *out = NULL;
        return rc;
    }
    sqlite3_busy_timeout(db, BUSY_MS);
    /* Who closes a file last does not decide when its log is copied: the writer does. */
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    *out = db;
    return RC_OK;
}

enum rc sqlite_run(sqlite3 *db, const char *sql)
{
    return sqlite_rc(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

enum rc sqlite_number(sqlite3 *db, const char *sql, int64_t *out)
{
    sqlite3_stmt *st = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
    enum rc rc;

    if (code == SQLITE_OK)
        code = sqlite3_step(st);
    rc = sqlite_rc(db, code);
    if (code == SQLITE_ROW)
        *out = sqlite3_column_int64(st, 0);
    else if (!rc)
        rc = RC_NOT_FOUND;
    sqlite3_finalize(st);
    return rc;
}

sqlite3_stmt *sqlite_prepared(sqlite3 *db, sqlite3_stmt **slot, const char *sql)
{
    if (!*slot && sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, slot, NULL))
        return NULL;
    return *slot;
}

void bind_str(sqlite3_stmt *st, int at, struct str s)
{
    sqlite3_bind_text64(st, at, s.ptr ? s.ptr : "", s.len, SQLITE_STATIC, SQLITE_UTF8);
}

void bind_blob(sqlite3_stmt *st, int at, struct str s)
{
    sqlite3_bind_blob64(st, at, s.ptr ? s.ptr : "", s.len, SQLITE_STATIC);
}

void bind_str_or_null(sqlite3_stmt *st, int at, struct str s)
{
    if (s.len)
        bind_str(st, at, s);
    else
        sqlite3_bind_null(st, at);
}

void bind_uuid(sqlite3_stmt *st, int at, const struct uuid *id)
{
    sqlite3_bind_blob(st, at, id->octets, (int)sizeof id->octets, SQLITE_STATIC);
}

struct str column_str(sqlite3_stmt *st, int at)
{
    const void *ptr = sqlite3_column_blob(st, at);

    return str_of(ptr, (size_t)sqlite3_column_bytes(st, at));
}

struct uuid column_uuid(sqlite3_stmt *st, int at)
{
    struct str s = column_str(st, at);
    struct uuid id = {{0}};

    if (s.len == sizeof id.octets)
        memcpy(id.octets, s.ptr, sizeof id.octets);
    return id;
}

/* ---- opening ---- */

/** Once per process, before the engine starts: its global memory count is a lock for all loops. */
static void configure_engine(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int sqlite_sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX] = ".";
    int fd, failed;

    if (slash)
        snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    failed = fsync(fd);
    close(fd);
    return failed;
}

/** Makes the file with mode 0600 if it is not there; an existing one must be a plain file. */
static enum rc prepare_file(const char *path, struct buf *why)
{
    struct stat st;
    int fd;

    if (lstat(path, &st) == 0) {
        if (!S_ISREG(st.st_mode)) {
            sqlite_say(why, "%s is not a plain file: a store is never opened through a link.",
                       path);
            return RC_INVALID;
        }
        if ((st.st_mode & 077) && chmod(path, 0600)) {
            sqlite_say(why, "%s can be read by others and that can't be changed: run chmod 600.",
                       path);
            return RC_INVALID;
        }
        return RC_OK;
    }
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        enum rc rc = errno == ENOSPC || errno == EDQUOT ? RC_FULL : RC_IO;

        sqlite_say(why, "The store %s can't be made: %s.", path, strerrordesc_np(errno));
        return rc;
    }
    close(fd);
    if (sqlite_sync_folder(path)) {
        sqlite_say(why, "The folder of %s can't be synced: check the disk.", path);
        return RC_IO;
    }
    return RC_OK;
}

static int on_wal(void *ctx, sqlite3 *db, const char *name, int pages)
{
    struct backend *b = ctx;

    (void)db, (void)name;
    if (pages < b->wal_pages) { /* it has started again */
        b->checkpoint_at = WAL_SOFT_PAGES;
        b->restart_at = WAL_HARD_PAGES;
    }
    b->wal_pages = pages;
    return SQLITE_OK;
}

/** Settings of the writer's connection; those that matter are read back. */
static enum rc configure_writer(struct backend *b, bool unsafe_no_sync)
{
    sqlite3_stmt *st = NULL;
    bool wal = false;
    int64_t level = -1;
    int code = sqlite3_prepare_v2(b->db, "PRAGMA journal_mode = WAL", -1, &st, NULL);
    enum rc rc;

    if (code == SQLITE_OK)
        code = sqlite3_step(st);
    rc = sqlite_rc(b->db, code);
    if (code == SQLITE_ROW)
        wal = name_eq_nocase(column_str(st, 0), STR("wal"));
    sqlite3_finalize(st);
    if (rc || !wal)
        return rc ? rc : RC_INTERNAL;
    rc = sqlite_run(b->db,
                    unsafe_no_sync ? "PRAGMA synchronous = OFF" : "PRAGMA synchronous = FULL");
    if (!rc)
        rc = sqlite_number(b->db, "PRAGMA synchronous", &level);
    if (!rc && level != (unsafe_no_sync ? 0 : 2))
        rc = RC_INTERNAL;
    if (!rc)
        rc = sqlite_run(b->db,
                        "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -" WRITER_CACHE_KIB ";"
                        "PRAGMA trusted_schema = OFF; PRAGMA journal_size_limit = 67108864");
    sqlite3_wal_hook(b->db, on_wal, b); /* also turns the engine's own checkpoints off */
    b->checkpoint_at = WAL_SOFT_PAGES;
    b->restart_at = WAL_HARD_PAGES;
    return rc;
}

static char *log_of(const char *path)
{
    char *name = NULL;

    if (asprintf(&name, "%s-wal", path) < 0)
        abort();
    return name;
}

/* Once both are there: the engine takes neither away while a connection is open. */
static enum rc note_places(struct backend *b)
{
    return stat(b->path, &b->place) || stat(b->log_path, &b->log_place) ? RC_IO : RC_OK;
}

static bool is_at(const char *path, const struct stat *place)
{
    struct stat now;

    return stat(path, &now) == 0 && now.st_ino == place->st_ino && now.st_dev == place->st_dev;
}

bool sqlite_in_place(const struct backend *b)
{
    return is_at(b->path, &b->place) && is_at(b->log_path, &b->log_place);
}

static enum rc load_progress(struct backend *b)
{
    enum rc rc = sqlite_number(b->db, "SELECT coalesce(max(seq), 0) FROM change_log", &b->now.seq);

    if (!rc)
        rc = sqlite_number(b->db, "SELECT n FROM users_tally WHERE state = 0", &b->now.alive);
    if (!rc)
        rc = sqlite_number(b->db, "SELECT n FROM users_tally WHERE state = 1", &b->now.deleted);
    if (!rc)
        rc = sqlite_number(b->db,
                           "SELECT max(n, (SELECT coalesce(max(number), 0) FROM chat_log))"
                           " FROM chat_log_last",
                           &b->now.chat_order);
    b->committed = b->now;
    b->pruned = b->now.seq;
    return rc;
}

static void backend_free(struct backend *b)
{
    for (size_t i = 0; i < W_COUNT; i++)
        sqlite3_finalize(b->stmt[i]);
    sqlite3_close_v2(b->db);
    free(b->path);
    free(b->log_path);
    free(b->vfs);
    free(b);
}

static enum rc open_writer(struct backend *b, const struct store_options *options, struct buf *why)
{
    int64_t version = 0;
    enum rc rc = prepare_file(b->path, why);

    if (rc)
        return rc;
    rc = sqlite_connect(b->path, SQLITE_OPEN_READWRITE, b->vfs, &b->db);
    if (rc) {
        sqlite_say(why, "The store %s can't be opened: check its permissions and the disk.",
                   b->path);
        return rc;
    }
    if (sqlite3_db_readonly(b->db, "main") == 1) { /* the engine is content with that */
        sqlite_say(why, "The store %s can't be written: check its permissions.", b->path);
        return RC_IO;
    }
    rc = schema_recognise(b->db, b->path, &version, why);
    if (rc)
        return rc;
    rc = configure_writer(b, options->unsafe_no_sync);
    if (!rc)
        rc = schema_migrate(b->db, version);
    if (!rc)
        rc = load_progress(b);
    if (!rc)
        rc = note_places(b);
    if (rc)
        sqlite_say(why, "The store %s can't be prepared (%s): check free space and the disk.",
                   b->path, sqlite3_errmsg(b->db));
    return rc;
}

static enum rc backend_open(const struct store_options *options, struct backend **out,
                            struct buf *why)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct backend *b = calloc(1, sizeof *b);
    enum rc rc;

    if (!b)
        abort();
    pthread_once(&once, configure_engine);
    b->path = strndup(options->path.ptr ? options->path.ptr : "", options->path.len);
    b->vfs = options->vfs ? strdup(options->vfs) : NULL;
    if (!b->path || (options->vfs && !b->vfs))
        abort();
    b->log_path = log_of(b->path);
    rc = open_writer(b, options, why);
    if (rc) {
        backend_free(b);
        return rc == RC_BUSY ? RC_IO : rc;
    }
    *out = b;
    return RC_OK;
}

static void backend_close(struct backend *b)
{
    /* after a failed sync nothing more is written: the next start recovers */
    if (!b->failed && sqlite_in_place(b)) /* else a log of somebody else's would be taken away */
        sqlite3_db_config(b->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    backend_free(b);
}

/* ---- the writer's transaction ---- */

static enum rc note_failure(struct backend *b, enum rc rc)
{
    if (rc == RC_IO)
        b->failed = true;
    return rc;
}

static enum rc begin(struct backend *b)
{
    return note_failure(b, writer_run(b, writer_stmt(b, W_BEGIN)));
}

static enum rc apply(struct backend *b, struct change_set *set, struct log_out *log)
{
    return note_failure(b, sqlite_apply(b, set, log));
}

static enum rc save_tally(struct backend *b)
{
    sqlite3_stmt *st;

    if (b->now.alive == b->committed.alive && b->now.deleted == b->committed.deleted)
        return RC_OK;
    st = writer_stmt(b, W_TALLY);
    if (st) {
        sqlite3_bind_int64(st, 1, b->now.alive);
        sqlite3_bind_int64(st, 2, b->now.deleted);
    }
    return writer_run(b, st);
}

static enum rc prune_log(struct backend *b)
{
    sqlite3_stmt *st;

    if (b->now.seq - b->pruned < CHANGE_LOG_STEP || b->now.seq <= CHANGE_LOG_KEEP)
        return RC_OK;
    st = writer_stmt(b, W_PRUNE);
    if (st)
        sqlite3_bind_int64(st, 1, b->now.seq - CHANGE_LOG_KEEP);
    return writer_run(b, st);
}

static enum rc commit(struct backend *b)
{
    int64_t pruned = b->now.seq - b->pruned < CHANGE_LOG_STEP ? b->pruned : b->now.seq;
    enum rc rc = save_tally(b);

    if (!rc)
        rc = prune_log(b);
    if (!rc)
        rc = writer_run(b, writer_stmt(b, W_COMMIT));
    if (rc)
        return note_failure(b, backend_spoils_batch(rc) ? rc : RC_INTERNAL);
    b->committed = b->now;
    b->pruned = pruned;
    return RC_OK;
}

static void rollback(struct backend *b)
{
    b->now = b->committed;
    if (!sqlite3_get_autocommit(b->db) && writer_run(b, writer_stmt(b, W_ROLLBACK)))
        b->failed = true; /* the file stays as committed; nothing is copied into it any more */
}

static void users(const struct backend *b, int64_t *alive, int64_t *deleted)
{
    *alive = b->committed.alive;
    *deleted = b->committed.deleted;
}

/* ---- keeping the log short ---- */

/** Called by the engine while readers stand in the way of starting the log again. */
static int wait_for_readers(void *ctx, int calls)
{
    struct backend *b = ctx;
    struct timespec pause = {.tv_nsec = 500000};

    (void)calls;
    if (clock_mono() >= b->wait_until)
        return 0;
    atomic_fetch_add(&b->nudge, 1);
    nanosleep(&pause, NULL);
    return 1;
}

static int restart_log(struct backend *b)
{
    int code;

    b->wait_until = clock_mono() + (mono_ns)WAL_WAIT_MS * 1000000;
    sqlite3_busy_handler(b->db, wait_for_readers, b);
    code = sqlite3_wal_checkpoint_v2(b->db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
    sqlite3_busy_timeout(b->db, BUSY_MS);
    if (code == SQLITE_OK)
        b->wal_pages = 0;
    b->checkpoint_at = b->wal_pages + WAL_SOFT_PAGES;
    b->restart_at = b->wal_pages + WAL_HARD_PAGES;
    return code;
}

static enum rc upkeep(struct backend *b)
{
    int code, pages = 0, copied = 0;

    if (b->wal_pages < b->checkpoint_at)
        return RC_OK;
    if (b->wal_pages >= b->restart_at) {
        code = restart_log(b);
    } else {
        code = sqlite3_wal_checkpoint_v2(b->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &copied);
        b->checkpoint_at = b->wal_pages + WAL_SOFT_PAGES;
    }
    if (code == SQLITE_OK && pages == copied)
        atomic_fetch_add(&b->nudge, 1); /* who reads afresh now reads the file, not the log */
    return note_failure(b, sqlite_rc(b->db, code) == RC_IO ? RC_IO : RC_OK);
}

/* clang-format off */
const struct store_ops sqlite_store_ops = {
    .open = backend_open, .close = backend_close,
    .in_place = sqlite_in_place,
    .begin = begin, .apply = apply, .commit = commit, .rollback = rollback,
    .upkeep = upkeep, .users = users,
    .reader_open = reader_open, .reader_close = reader_close, .reader_idle = reader_idle,
    .user = read_user, .user_by_external_id = read_user_by_external_id,
    .assignment = read_assignment, .meta = read_meta,
    .each_resource = scan_resources, .each_access_key = scan_access_keys,
    .each_signing_key = scan_signing_keys, .each_revoked = scan_revoked,
    .each_change = scan_changes, .list_users = scan_users,
    .application = read_application, .role_assignment = read_role_assignment,
    .each_application = scan_applications, .each_role = scan_roles,
    .each_role_assignment = scan_role_assignments, .each_issuer = scan_issuers,
    .list_access = scan_access,
    .sms = read_sms, .sms_repeat = read_sms_repeat, .sms_optout = read_sms_optout,
    .sms_ref = read_sms_ref, .event = read_event,
    .each_sms_sender = scan_sms_senders, .each_sms_transport = scan_sms_transports,
    .each_sms_open = scan_sms_open, .each_subscription = scan_subscriptions,
    .list_sms = scan_sms, .list_optouts = scan_optouts, .list_events = scan_events,
    .chat_thread = read_chat_thread, .chat_member = read_chat_member,
    .chat_message = read_chat_message, .chat_repeat = read_chat_repeat,
    .list_chat = scan_chat,
    .backup = sqlite_backup_to, .verify_file = sqlite_verify_file,
};
/* clang-format on */
