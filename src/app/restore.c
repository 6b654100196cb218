/* The restore and config commands: they work on files, without a server. */
#include "app/commands.h"

#include "app/app.h"
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_PIECE (64 * KIB)

static bool copy_octets(int from, int to)
{
    char piece[COPY_PIECE];
    ssize_t n;

    while ((n = read(from, piece, sizeof piece)) > 0) {
        for (ssize_t at = 0, done; at < n; at += done) {
            done = write(to, piece + at, (size_t)(n - at));
            if (done < 0)
                return false;
        }
    }
    return n == 0 && fsync(to) == 0;
}

/* What root restores belongs to whom the directory belongs to, as all in it. */
static bool give_to_owner(const struct data_dir *dir, int fd)
{
    struct stat st;

    if (geteuid() != 0)
        return true;
    return stat(dir->path.ptr, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) == 0;
}

static enum rc copy_file(const struct data_dir *dir, const char *from, const char *to,
                         struct buf *why)
{
    int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
    bool ok;

    if (in < 0) {
        buf_addf(why, "can't read %s: %s.", from, os_error_text(errno));
        return RC_NOT_FOUND;
    }
    (void)unlink(to); /* left by an earlier attempt, or not there */
    out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    ok = out >= 0 && give_to_owner(dir, out) && copy_octets(in, out);
    if (!ok)
        buf_addf(why, "can't write %s: %s.", to, os_error_text(errno));
    if (out >= 0 && close(out) != 0)
        ok = false;
    (void)close(in); /* opened for reading */
    return ok ? RC_OK : RC_IO;
}

/* A copy knows nothing of tokens revoked since it was made: all that were issued die with their
 * keys, and the next start makes a new one. */
static enum rc retire_signing_keys(struct store *store, const struct directory *d)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; !rc && i < d->signing_keys_count; i++) {
        struct change c = {.kind = CHANGE_SIGNING_KEY_DELETE};

        c.u.signing_key.kid = d->signing_keys[i].kid;
        rc = store_commit_wait(store, &c, 1);
    }
    return rc;
}

static enum rc begin_epoch(struct store *store)
{
    struct change c = {.kind = CHANGE_META_PUT};
    struct uuid id = uuid_random();
    char text[UUID_TEXT_LEN];

    uuid_format(&id, text);
    c.u.meta.name = META_EPOCH;
    c.u.meta.value = str_of(text, sizeof text);
    return store_commit_wait(store, &c, 1);
}

/* The copy must open under this directory's master key, or the server could not start on it. */
static enum rc check_keys(const struct data_dir *dir, const struct settings *s, struct str path,
                          struct buf *why)
{
    struct store_options options = {.path = path};
    struct directory_source source = {.domain = STR("localhost")};
    struct directory *d = NULL;
    struct secret octets = {0};
    struct master_key *master = NULL;
    struct store_reader *reader = NULL;
    struct store *store = NULL;
    enum rc rc = data_dir_master_key(dir, s, &octets, why);

    if (rc)
        return rc;
    master = master_key_new(&octets);
    secret_clear(&octets);
    source.master = master;
    source.usage = key_usage_table_new();
    rc = store_open(&options, &store, why);
    if (!rc) {
        reader = store_reader_new(store);
        rc = directory_build(&source, reader, &d, why);
    }
    if (!rc) {
        rc = retire_signing_keys(store, d);
        rc = rc ? rc : begin_epoch(store);
        if (rc)
            buf_addf(why, "can't write to the copy (%s).", rc_name(rc));
        snapshot_unref(&d->snapshot);
    }
    store_reader_free(reader);
    store_close(store);
    key_usage_table_free(source.usage);
    master_key_free(master);
    return rc;
}

static void unlink_with_suffix(struct str path, const char *suffix, struct arena *arena)
{
    (void)unlink(arena_printf(arena, STR_FMT "%s", STR_ARG(path), suffix).ptr); /* may be absent */
}

/* A crash leaves no store rather than an old one without its log: the next start says so. */
static enum rc put_in_place(struct data_dir *dir, struct str copy, struct buf *why)
{
    if (access(dir->store.ptr, F_OK) == 0) { /* else an earlier restore was cut off behind here */
        unlink_with_suffix(dir->set_aside, "-wal", &dir->arena); /* of what was aside before */
        if (rename(dir->store.ptr, dir->set_aside.ptr) != 0) {
            buf_addf(why, "can't set the present store aside: %s.", os_error_text(errno));
            return RC_IO;
        }
    }
    (void)rename(
        arena_printf(&dir->arena, STR_FMT "-wal", STR_ARG(dir->store)).ptr,
        arena_printf(&dir->arena, STR_FMT "-wal", STR_ARG(dir->set_aside)).ptr); /* may be absent */
    unlink_with_suffix(dir->store, "-shm", &dir->arena);
    if (data_dir_sync(dir) || rename(copy.ptr, dir->store.ptr) != 0 || data_dir_sync(dir)) {
        buf_addf(why, "can't put the copy in place: %s.", os_error_text(errno));
        return RC_IO;
    }
    return RC_OK;
}

static void say_done(const struct data_dir *dir)
{
    (void)printf("restored %s", dir->store.ptr);
    if (access(dir->set_aside.ptr, F_OK) == 0) /* the directory may have been empty */
        (void)printf("; what was there before is in %s", dir->set_aside.ptr);
    (void)putchar('\n');
}

static enum rc restore_into(struct data_dir *dir, const struct settings *s, const char *file,
                            struct buf *why)
{
    struct str copy = arena_printf(&dir->arena, STR_FMT ".restore", STR_ARG(dir->store));
    enum rc rc = store_verify_file(file, why);

    if (!rc && !data_dir_has_master_key(dir, s)) {
        buf_addf(why,
                 "there is no master key to open the copy with: put the one that was beside its "
                 "store into %s, or name its file with --store-master-key.",
                 dir->master_key.ptr);
        rc = RC_NOT_FOUND;
    }
    if (!rc)
        rc = copy_file(dir, file, copy.ptr, why);
    if (!rc)
        rc = check_keys(dir, s, copy, why);
    unlink_with_suffix(copy, "-wal", &dir->arena);
    unlink_with_suffix(copy, "-shm", &dir->arena);
    if (!rc)
        rc = put_in_place(dir, copy, why);
    else
        (void)unlink(copy.ptr); /* may be absent */
    if (!rc)
        say_done(dir);
    return rc;
}

static int restore(const struct settings *s, const char *file, struct buf *why)
{
    struct data_dir dir;
    enum rc rc;

    if (data_dir_open(s, &dir, why))
        return EXIT_LOCAL;
    rc = restore_into(&dir, s, file, why);
    data_dir_close(&dir);
    if (rc == RC_OK)
        return EXIT_DONE;
    /* The copy is not one that this directory can use; else a file, a permission, a lock. */
    return rc == RC_INVALID || rc == RC_DENIED ? EXIT_REFUSED : EXIT_LOCAL;
}

int app_restore(int argc, char **argv)
{
    struct settings settings;
    struct buf why;
    int code;

    if (argc < 1 || argv[0][0] == '-') {
        (void)fputs("callgate: restore needs the FILE first: callgate restore FILE [--data DIR]\n",
                    stderr);
        return EXIT_USAGE;
    }
    buf_init(&why, 16 * KIB);
    settings_init(&settings);
    if (settings_load(&settings, argc - 1, argv + 1, &why))
        code = EXIT_USAGE;
    else
        code = restore(&settings, argv[0], &why);
    if (code)
        (void)fprintf(stderr, "callgate: %s\n", buf_cstr(&why));
    settings_clear(&settings);
    buf_clear(&why);
    return code;
}

static void print_table(const struct settings *s)
{
    size_t n;
    const struct setting_row *rows = settings_table(&n);

    for (size_t i = 0; i < n; i++)
        (void)printf("%-30.*s %-28.*s %s\n", STR_ARG(rows[i].name), STR_ARG(s->values[i].text),
                     setting_source_name(s->values[i].source));
}

/* Takes a word out of argv, wherever it stands; false when it is not there. */
static bool take_word(int *argc, char **argv, struct str word)
{
    for (int i = 0; i < *argc; i++) {
        if (!str_eq(str_from(argv[i]), word))
            continue;
        memmove(&argv[i], &argv[i + 1], (size_t)(*argc - i - 1) * sizeof *argv);
        --*argc;
        return true;
    }
    return false;
}

int app_config(int argc, char **argv)
{
    bool json = take_word(&argc, argv, STR("--json"));
    bool markdown = take_word(&argc, argv, STR("--markdown"));
    struct settings settings;
    struct json_writer w;
    struct buf out, why;
    enum rc rc;

    buf_init(&out, MIB);
    buf_init(&why, 16 * KIB);
    json_writer_init(&w, &out);
    settings_init(&settings);
    rc = settings_load(&settings, argc, argv, &why);
    if (rc)
        (void)fprintf(stderr, "callgate: %s\n", buf_cstr(&why));
    else if (markdown)
        settings_write_markdown(&out);
    else if (json)
        settings_write_json(&settings, &w);
    else
        print_table(&settings);
    (void)fwrite(out.ptr ? out.ptr : "", 1, out.len, stdout); /* cli_written looks */
    if (json)
        (void)putchar('\n');
    settings_clear(&settings);
    buf_clear(&out);
    buf_clear(&why);
    return rc ? EXIT_USAGE : EXIT_DONE;
}
