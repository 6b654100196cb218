/* The data directory: who may enter, which one server has it, and the files in it. */
#ifndef APP_DATA_DIR_H
#define APP_DATA_DIR_H

#include "app/settings.h"
#include "crypto/secret.h"

struct data_dir {
    struct arena arena;
    struct str path;             /* absolute, NUL-terminated, as all below */
    struct str store, set_aside; /* the store before a restore */
    struct str master_key, admin_token, admin_socket, server_json;
    struct str ca, ca_bundle, trust_store;
    int lock_fd, folder_fd; /* locks of the file and of the directory itself */
};

/** Makes (0700) or checks the directory and takes its lock. On refusal one sentence in `why`. */
enum rc data_dir_open(const struct settings *s, struct data_dir *out, struct buf *why) NODISCARD;
/** Gives the lock back. Zeros are fine. */
void data_dir_close(struct data_dir *d);

/** Syncs the names in it. Zero, or -1 and errno. */
int data_dir_sync(const struct data_dir *d) NODISCARD;
/** RC_CONFLICT when a restore was cut off between setting the store aside and putting the copy in
 * its place: a new store must not be made there. */
enum rc data_dir_check_restore(const struct data_dir *d, struct buf *why) NODISCARD;
/** Where the master key is looked for has one. */
bool data_dir_has_master_key(const struct data_dir *d, const struct settings *s) NODISCARD;
/** The 32 octets from the file of the setting, the systemd credential, or master.key, which is made
 * when neither it nor a store is there. */
enum rc data_dir_master_key(const struct data_dir *d, const struct settings *s, struct secret *out,
                            struct buf *why) NODISCARD;
/** The administrator's token from admin.token, made at the first start (0600). */
enum rc data_dir_admin_token(const struct data_dir *d, struct secret *out,
                             struct buf *why) NODISCARD;

/** Reads a whole file of at most `max` octets. RC_NOT_FOUND, RC_TOO_LARGE, RC_IO. */
enum rc file_read(const char *path, size_t max, struct buf *out) NODISCARD;
/** Replaces a file at once and durably (temporary name, fsync, rename, fsync of the directory). */
enum rc file_write(const char *path, struct str content, unsigned mode) NODISCARD;
/** The same without waiting for the disk: for what means nothing after a crash. */
enum rc file_write_passing(const char *path, struct str content, unsigned mode) NODISCARD;

#endif
