/* The data directory. Nobody but its owner may enter; a lock file keeps a second server out; what
 * is written here is replaced whole and, unless a crash makes it void, fsynced. Source: design D3,
 * D21. */
#include "app/data_dir.h"

#include "base/uuid.h"
#include "crypto/base64.h"
#include "crypto/seal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ADMIN_SOCKET "admin.sock"
#define TOKEN_OCTETS 32
#define PIECE        ((size_t)4096)

enum rc file_read(const char *path, size_t max, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum rc rc = RC_OK;
    ssize_t n = 1;

    if (fd < 0)
        return errno == ENOENT ? RC_NOT_FOUND : RC_IO;
    while (n > 0 && rc == RC_OK) {
        size_t left = out->len > max ? 0 : max + 1 - out->len;
        size_t piece = left < PIECE ? left : PIECE;
        char *room = piece ? buf_reserve(out, piece) : NULL;
        n = room ? read(fd, room, piece) : -1;
        if (!room)
            rc = RC_TOO_LARGE;
        else if (n < 0)
            rc = RC_IO;
        else
            buf_grown(out, (size_t)n);
    }
    (void)close(fd); /* opened for reading */
    return rc == RC_OK && out->len > max ? RC_TOO_LARGE : rc;
}

static bool write_all(int fd, struct str content)
{
    while (content.len > 0) {
        ssize_t n = write(fd, content.ptr, content.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        content = str_from_index(content, (size_t)n);
    }
    return true;
}

static void sync_parent(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    int fd;

    if (len == 0 || len >= sizeof dir)
        return;
    memcpy(dir, path, len);
    dir[len] = 0;
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd); /* the file itself is safe; the name follows with the next sync */
    (void)close(fd);
}

static enum rc replace_file(const char *path, struct str content, unsigned mode, bool durable)
{
    char temporary[PATH_MAX];
    int len = snprintf(temporary, sizeof temporary, "%s.new", path);
    bool ok;
    int fd;

    if (len < 0 || (size_t)len >= sizeof temporary)
        return RC_INVALID;
    (void)unlink(temporary); /* left by a crash, or not there */
    fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, (mode_t)mode);
    if (fd < 0)
        return RC_IO;
    ok = write_all(fd, content) && (!durable || fsync(fd) == 0);
    ok = close(fd) == 0 && ok;
    if (!ok || rename(temporary, path) != 0) {
        (void)unlink(temporary); /* best effort: the error is reported */
        return errno == ENOSPC ? RC_FULL : RC_IO;
    }
    if (durable)
        sync_parent(path);
    return RC_OK;
}

enum rc file_write(const char *path, struct str content, unsigned mode)
{
    return replace_file(path, content, mode, true);
}

enum rc file_write_passing(const char *path, struct str content, unsigned mode)
{
    return replace_file(path, content, mode, false);
}

/* mkdir -p: everything new is 0700. */
static int make_path(char *path)
{
    for (char *p = path + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = 0;
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            *p = '/';
            return -1;
        }
        *p = '/';
    }
    return mkdir(path, 0700) != 0 && errno != EEXIST ? -1 : 0;
}

static enum rc check_directory(const char *path, struct buf *why)
{
    struct stat st;

    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        buf_addf(why, "the data directory %s is not a directory.", path);
        return RC_INVALID;
    }
    if (st.st_uid != geteuid() && geteuid() != 0) {
        buf_addf(why,
                 "the data directory %s belongs to another user (uid %u): run as that user, or "
                 "give --data another directory.",
                 path, (unsigned)st.st_uid);
        return RC_DENIED;
    }
    if (st.st_mode & 0077) {
        buf_addf(why,
                 "others may enter the data directory %s, which holds keys: run 'chmod 700 %s'.",
                 path, path);
        return RC_DENIED;
    }
    if (access(path, R_OK | W_OK | X_OK) != 0) {
        buf_addf(why,
                 "can't write in the data directory %s (%s): run as its owner, or give --data "
                 "another directory.",
                 path, os_error_text(errno));
        return RC_DENIED;
    }
    return RC_OK;
}

static enum rc take_lock(struct data_dir *d, struct buf *why)
{
    struct str path = arena_printf(&d->arena, STR_FMT "/lock", STR_ARG(d->path));
    char pid[24] = "";
    ssize_t n;

    d->lock_fd = open(path.ptr, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (d->lock_fd < 0) {
        buf_addf(why, "can't make %s: %s.", path.ptr, os_error_text(errno));
        return RC_IO;
    }
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        n = pread(d->lock_fd, pid, sizeof pid - 1, 0);
        buf_addf(why,
                 "another server%s%.*s uses the data directory %s: stop it, or give --data "
                 "another directory.",
                 n > 0 ? " with process id " : "", n > 0 ? (int)n : 0, pid, d->path.ptr);
        return RC_CONFLICT;
    }
    n = snprintf(pid, sizeof pid, "%ld", (long)getpid());
    if (ftruncate(d->lock_fd, 0) != 0 || pwrite(d->lock_fd, pid, (size_t)n, 0) != n) {
        buf_addf(why, "can't write %s: %s.", path.ptr, os_error_text(errno));
        return errno == ENOSPC ? RC_FULL : RC_IO;
    }
    return RC_OK;
}

/* The file may be deleted under a server, and the next one would make another. Some file systems
 * have no such lock: that is no reason to refuse. */
static enum rc lock_folder(struct data_dir *d, struct buf *why)
{
    d->folder_fd = open(d->path.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d->folder_fd < 0 || flock(d->folder_fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return RC_OK;
    buf_addf(
        why,
        "another server uses the data directory %s, though its lock file was deleted: stop it, "
        "or give --data another directory.",
        d->path.ptr);
    return RC_CONFLICT;
}

static struct str inside(struct data_dir *d, const char *name)
{
    return arena_printf(&d->arena, STR_FMT "/%s", STR_ARG(d->path), name);
}

/* "backup-<uuid>.tmp", and what the store appends: a copy on its way out when a server crashed. */
static bool is_left_copy(struct str name)
{
    static const struct str prefix = STR_INIT("backup-"), suffix = STR_INIT(".tmp");

    return str_starts(name, prefix) && name.len >= prefix.len + UUID_TEXT_LEN + suffix.len &&
           str_starts(str_from_index(name, prefix.len + UUID_TEXT_LEN), suffix);
}

static void clear_left_copies(const struct data_dir *d)
{
    DIR *dir = opendir(d->path.ptr);
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) { /* NOLINT(concurrency-mt-unsafe): a stream of its own */
        if (is_left_copy(str_from(entry->d_name)))
            (void)unlinkat(dirfd(dir), entry->d_name, 0); /* it takes space, no more */
    }
    if (dir)
        (void)closedir(dir); /* it was only read */
}

/* The administration socket lies in it, and the system's limit for those is short. */
static enum rc check_length(const struct data_dir *d, struct buf *why)
{
    size_t max = sizeof((struct sockaddr_un *)0)->sun_path - sizeof "/" ADMIN_SOCKET;

    if (d->path.len <= max)
        return RC_OK;
    buf_addf(why,
             "the path of the data directory has %zu octets, which is more than the %zu that the "
             "name of a socket in it leaves: give --data a shorter one.",
             d->path.len, max);
    return RC_INVALID;
}

static enum rc absolute_path(struct data_dir *d, struct str given, struct buf *why)
{
    char here[PATH_MAX];

    if (str_starts(given, STR("/"))) {
        d->path = arena_dup(&d->arena, given);
    } else if (getcwd(here, sizeof here)) {
        d->path = arena_printf(&d->arena, "%s/" STR_FMT, here, STR_ARG(given));
    } else {
        buf_addf(why, "the current directory is gone: give --data an absolute path.");
        return RC_IO;
    }
    return RC_OK;
}

enum rc data_dir_open(const struct settings *s, struct data_dir *out, struct buf *why)
{
    struct data_dir d = {.lock_fd = -1, .folder_fd = -1};
    struct str writable;
    enum rc rc;

    arena_init(&d.arena);
    rc = absolute_path(&d, setting_text(s, "data"), why);
    if (!rc)
        rc = check_length(&d, why);
    if (!rc) {
        writable = arena_dup(&d.arena, d.path);
        if (make_path((char *)(uintptr_t)writable.ptr) != 0) {
            buf_addf(why, "can't make the data directory %s: %s. Give --data another one.",
                     d.path.ptr, os_error_text(errno));
            rc = RC_DENIED;
        }
    }
    if (!rc)
        rc = check_directory(d.path.ptr, why);
    if (!rc)
        rc = take_lock(&d, why);
    if (!rc)
        rc = lock_folder(&d, why);
    if (rc) {
        data_dir_close(&d);
        return rc;
    }
    d.store = inside(&d, "callgate.db");
    d.set_aside = inside(&d, "callgate.db.before-restore");
    d.master_key = inside(&d, "master.key");
    d.admin_token = inside(&d, "admin.token");
    d.admin_socket = inside(&d, ADMIN_SOCKET);
    d.server_json = inside(&d, "server.json");
    d.ca = inside(&d, "ca.pem");
    d.ca_bundle = inside(&d, "ca-bundle.pem");
    d.trust_store = inside(&d, "truststore.jks");
    clear_left_copies(&d);
    *out = d;
    return RC_OK;
}

void data_dir_close(struct data_dir *d)
{
    if (d->lock_fd >= 0)
        (void)close(d->lock_fd); /* gives the lock back */
    if (d->folder_fd >= 0)
        (void)close(d->folder_fd); /* gives the lock back */
    d->lock_fd = d->folder_fd = -1;
    arena_clear(&d->arena);
}

int data_dir_sync(const struct data_dir *d)
{
    int fd = open(d->path.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC), failed;

    if (fd < 0)
        return -1;
    failed = fsync(fd);
    (void)close(fd); /* opened for reading */
    return failed;
}

enum rc data_dir_check_restore(const struct data_dir *d, struct buf *why)
{
    if (access(d->store.ptr, F_OK) == 0 || access(d->set_aside.ptr, F_OK) != 0)
        return RC_OK;
    buf_addf(why,
             "a restore was cut off, and %s is missing: run 'callgate restore' again, or give %s "
             "(and its -wal, if there is one) its former name back.",
             d->store.ptr, d->set_aside.ptr);
    return RC_CONFLICT;
}

static struct str master_key_path(const struct data_dir *d, const struct settings *s,
                                  struct arena *arena)
{
    struct str path = setting_text(s, "store.master_key");
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");

    if (path.len > 0)
        return path;
    if (credentials) {
        path = arena_printf(arena, "%s/callgate.master_key", credentials);
        if (access(path.ptr, R_OK) == 0)
            return path;
    }
    return d->master_key;
}

bool data_dir_has_master_key(const struct data_dir *d, const struct settings *s)
{
    struct arena arena;
    bool there;

    arena_init(&arena);
    there = access(master_key_path(d, s, &arena).ptr, F_OK) == 0;
    arena_clear(&arena);
    return there;
}

static enum rc make_master_key(const struct data_dir *d, const char *path, struct secret *out,
                               struct buf *why)
{
    struct secret fresh;

    if (access(d->store.ptr, F_OK) == 0) {
        buf_addf(why,
                 "the store %s is there, but its master key %s is not: put the key back, or "
                 "name its file with --store-master-key.",
                 d->store.ptr, path);
        return RC_NOT_FOUND;
    }
    fresh = secret_random(MASTER_KEY_LEN);
    if (file_write(path, str_of(fresh.octets, fresh.len), 0600)) {
        secret_clear(&fresh);
        buf_addf(why, "can't write the master key %s: %s.", path, os_error_text(errno));
        return RC_IO;
    }
    *out = fresh;
    return RC_OK;
}

enum rc data_dir_master_key(const struct data_dir *d, const struct settings *s, struct secret *out,
                            struct buf *why)
{
    struct arena arena;
    struct buf content;
    struct str path;
    enum rc rc;

    arena_init(&arena);
    buf_init(&content, 4 * KIB + 8);
    path = master_key_path(d, s, &arena);
    rc = file_read(path.ptr, 64, &content);
    if (rc == RC_NOT_FOUND && str_eq(path, d->master_key)) {
        rc = make_master_key(d, path.ptr, out, why);
    } else if (rc == RC_TOO_LARGE) {
        buf_addf(why, "the master key %s has more than %zu octets.", path.ptr, MASTER_KEY_LEN);
        rc = RC_INVALID;
    } else if (rc) {
        buf_addf(why, "can't read the master key %s: %s.", path.ptr, os_error_text(errno));
    } else if (content.len != MASTER_KEY_LEN) {
        buf_addf(why, "the master key %s has %zu octets instead of %zu.", path.ptr, content.len,
                 MASTER_KEY_LEN);
        rc = RC_INVALID;
    } else {
        *out = secret_copy(content.ptr, content.len);
    }
    buf_wipe(&content);
    arena_clear(&arena);
    return rc;
}

static enum rc make_admin_token(const char *path, struct secret *out, struct buf *why)
{
    struct secret octets = secret_random(TOKEN_OCTETS);
    char text[BASE64URL_LEN(TOKEN_OCTETS) + 1];
    size_t len = base64url_encode(octets.octets, octets.len, text);
    enum rc rc;

    secret_clear(&octets);
    text[len] = '\n';
    rc = file_write(path, str_of(text, len + 1), 0600);
    if (rc)
        buf_addf(why, "can't write %s: %s.", path, os_error_text(errno));
    else
        *out = secret_copy(text, len);
    explicit_bzero(text, sizeof text);
    return rc;
}

enum rc data_dir_admin_token(const struct data_dir *d, struct secret *out, struct buf *why)
{
    struct buf content;
    struct str text;
    enum rc rc;

    buf_init(&content, 4 * KIB + 256);
    rc = file_read(d->admin_token.ptr, 200, &content);
    text = buf_str(&content);
    while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == ' '))
        text.len--;
    if (rc == RC_NOT_FOUND) {
        rc = make_admin_token(d->admin_token.ptr, out, why);
    } else if (rc || text.len < 32) {
        buf_addf(why,
                 "the administrator's token %s is unreadable or shorter than 32 characters: "
                 "remove the file to get a new one.",
                 d->admin_token.ptr);
        rc = rc ? rc : RC_INVALID;
    } else {
        *out = secret_copy(text.ptr, text.len);
    }
    buf_wipe(&content);
    return rc;
}
