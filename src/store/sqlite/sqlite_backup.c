/* Copies of the file while the server runs, and the check of such a copy.
 *
 * A copy is read in one read transaction on a connection of its own, written beside its target,
 * synced, then renamed into place: it is there whole or not at all. */
#include "store/sqlite/sqlite_backend.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

static enum rc rc_from_errno(int code)
{
    return code == ENOSPC || code == EDQUOT ? RC_FULL : RC_IO;
}

static enum rc sync_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    enum rc rc = RC_OK;

    if (fd < 0)
        return rc_from_errno(errno);
    if (fsync(fd))
        rc = rc_from_errno(errno);
    close(fd);
    return rc;
}

/** Replacing a store under a server would join its log to our copy. */
static enum rc refuse_live_store(const struct backend *b, const char *path)
{
    char side[PATH_MAX];
    struct stat ours, theirs;
    int n = snprintf(side, sizeof side, "%s-wal", path);

    if (n < 0 || (size_t)n >= sizeof side)
        return RC_INVALID;
    if (lstat(side, &theirs) == 0)
        return RC_CONFLICT;
    if (lstat(path, &theirs) == 0 &&
        (!S_ISREG(theirs.st_mode) || (stat(b->path, &ours) == 0 && ours.st_dev == theirs.st_dev &&
                                      ours.st_ino == theirs.st_ino)))
        return RC_CONFLICT;
    return RC_OK;
}

static enum rc copy_rows(sqlite3 *from, const char *path)
{
    sqlite3 *to = NULL;
    sqlite3_backup *copy;
    int code;
    enum rc rc = sqlite_connect(path, SQLITE_OPEN_READWRITE, NULL, &to);

    if (!rc) /* a copy that was cut off is thrown away: it needs no journal, and one sync */
        rc = sqlite_run(to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");
    if (rc) {
        sqlite3_close_v2(to);
        return rc;
    }
    copy = sqlite3_backup_init(to, "main", from, "main");
    if (copy) {
        sqlite3_backup_step(copy, -1);
        code = sqlite3_backup_finish(copy);
        rc = sqlite_rc(to, code);
    } else {
        rc = RC_INTERNAL;
    }
    if (sqlite3_close(to) != SQLITE_OK && !rc)
        rc = RC_INTERNAL;
    return rc;
}

static enum rc put_in_place(const char *temp, const char *path)
{
    enum rc rc = sync_file(temp);

    if (rc)
        return rc;
    if (rename(temp, path) || sqlite_sync_folder(path))
        return rc_from_errno(errno);
    return RC_OK;
}

enum rc sqlite_backup_to(struct backend *b, const char *path)
{
    char temp[PATH_MAX];
    sqlite3 *from = NULL;
    int fd, n = snprintf(temp, sizeof temp, "%s.XXXXXX", path);
    enum rc rc = refuse_live_store(b, path);

    if (n < 0 || (size_t)n >= sizeof temp)
        return RC_INVALID;
    if (!rc && !sqlite_in_place(b))
        rc = RC_IO; /* it would be a copy of something else */
    if (rc)
        return rc;
    fd = mkostemp(temp, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        return rc_from_errno(errno);
    close(fd);
    rc = sqlite_connect(b->path, SQLITE_OPEN_READONLY, b->vfs, &from);
    if (!rc)
        rc = copy_rows(from, temp);
    sqlite3_close_v2(from);
    if (!rc)
        rc = put_in_place(temp, path);
    if (rc)
        unlink(temp);
    return rc == RC_BUSY ? RC_IO : rc;
}

/* ---- the check ---- */

/** "file:…" of the path. Without a log beside it the file can't change: read it as it lies. */
static enum rc uri_of(const char *path, char *out, size_t cap)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t at = 5;
    char side[PATH_MAX];
    int n = snprintf(side, sizeof side, "%s-wal", path);
    const char *options = "?mode=ro";

    if (n < 0 || (size_t)n >= sizeof side || cap < (size_t)3 * PATH_MAX)
        return RC_INVALID;
    if (access(side, F_OK))
        options = "?mode=ro&immutable=1";
    snprintf(out, cap, "file:");
    for (const char *c = path; *c; c++) {
        if (*c == '%' || *c == '?' || *c == '#') {
            out[at++] = '%';
            out[at++] = digits[(unsigned char)*c >> 4];
            out[at++] = digits[(unsigned char)*c & 15];
        } else {
            out[at++] = *c;
        }
    }
    snprintf(out + at, cap - at, "%s", options);
    return RC_OK;
}

static enum rc check_pages(sqlite3 *db, const char *path, struct buf *why)
{
    sqlite3_stmt *st = NULL;
    int code = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &st, NULL);
    bool whole = false;

    if (code == SQLITE_OK)
        code = sqlite3_step(st);
    if (code == SQLITE_ROW)
        whole = name_eq(column_str(st, 0), STR("ok"));
    sqlite3_finalize(st);
    if (whole)
        return RC_OK;
    sqlite_say(why, "The store %s is damaged: use another backup.", path);
    return RC_INVALID;
}

enum rc sqlite_verify_file(const char *path, struct buf *why)
{
    char uri[3 * PATH_MAX + 64];
    struct stat st;
    sqlite3 *db = NULL;
    int64_t version = 0;
    enum rc rc;

    if (lstat(path, &st) || !S_ISREG(st.st_mode)) {
        sqlite_say(why, "%s is not there, or not a plain file.", path);
        return RC_NOT_FOUND;
    }
    rc = uri_of(path, uri, sizeof uri);
    if (!rc)
        rc = sqlite_connect(uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL, &db);
    if (rc) {
        sqlite_say(why, "%s can't be read: check its permissions.", path);
        return rc;
    }
    rc = schema_recognise(db, path, &version, why);
    if (!rc && version == 0) {
        sqlite_say(why, "%s is empty: it holds no store.", path);
        rc = RC_INVALID;
    }
    if (!rc)
        rc = check_pages(db, path, why);
    sqlite3_close_v2(db);
    return rc;
}
