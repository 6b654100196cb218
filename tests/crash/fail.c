/* Preloaded into the server: makes the disk fail on order. The file named by $FAIL_FILE says how:
 * "" nothing, "sync N" the Nth sync from now on and all later ones fail, "full" writes to the store
 * find no space. It is read anew at every call, so that a test can change its mind. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_int syncs;

static int order(const char *word, int *out_number)
{
    const char *path = getenv("FAIL_FILE");
    char text[64] = "";
    int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY) : -1;
    size_t len = strlen(word);

    if (fd < 0)
        return 0;
    if (syscall(SYS_read, fd, text, sizeof text - 1) < 0)
        text[0] = '\0';
    syscall(SYS_close, fd);
    if (strncmp(text, word, len) != 0)
        return 0;
    if (out_number)
        *out_number = atoi(text + len);
    return 1;
}

static int is_store(int fd)
{
    char link[64], path[512];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path - 1);
    if (n < 0)
        return 0;
    path[n] = '\0';
    return strstr(path, "callgate.db") != NULL;
}

static int sync_fails(int fd)
{
    int nth;

    if (!order("sync", &nth)) {
        atomic_store(&syncs, 0);
        return 0;
    }
    return is_store(fd) && atomic_fetch_add(&syncs, 1) + 1 >= nth;
}

static int fail(int error)
{
    errno = error;
    return -1;
}

int fsync(int fd)
{
    return sync_fails(fd) ? fail(EIO) : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return sync_fails(fd) ? fail(EIO) : (int)syscall(SYS_fdatasync, fd);
}

static int full(int fd)
{
    return order("full", NULL) && is_store(fd);
}

ssize_t pwrite64(int fd, const void *octets, size_t n, off64_t at)
{
    return full(fd) ? fail(ENOSPC) : syscall(SYS_pwrite64, fd, octets, n, at);
}

ssize_t pwrite(int fd, const void *octets, size_t n, off_t at)
{
    return pwrite64(fd, octets, n, at);
}

ssize_t write(int fd, const void *octets, size_t n)
{
    return full(fd) ? fail(ENOSPC) : syscall(SYS_write, fd, octets, n);
}

int ftruncate64(int fd, off64_t len)
{
    return full(fd) ? fail(ENOSPC) : (int)syscall(SYS_ftruncate, fd, len);
}

int posix_fallocate64(int fd, off64_t at, off64_t len)
{
    (void)at;
    (void)len;
    return full(fd) ? ENOSPC : 0;
}
