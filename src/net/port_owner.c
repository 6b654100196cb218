/* Who listens on a port, for the one sentence that says why a start failed. It reads /proc and is
 * content with not knowing. */
#include "net/address.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#define STATE_LISTEN 0x0A

/* The inode of the listening socket in one table of /proc/net; 0: not there. */
static uint64_t inode_in(const char *table, uint16_t port)
{
    FILE *f = fopen(table, "re");
    char line[512];
    uint64_t inode = 0;

    if (!f)
        return 0;
    /*  sl  local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode */
    while (inode == 0 && fgets(line, sizeof line, f)) {
        char *at = strchr(line, ':'), *fields[10];
        size_t n = 0;

        for (char *rest = at ? at + 1 : NULL; rest && n < 10;) {
            rest += strspn(rest, " ");
            fields[n++] = rest;
            rest = strchr(rest, ' ');
        }
        if (n < 9 || !(at = strchr(fields[0], ':')))
            continue;
        if (strtoul(at + 1, NULL, 16) == port && strtoul(fields[2], NULL, 16) == STATE_LISTEN)
            inode = strtoull(fields[8], NULL, 10);
    }
    (void)fclose(f); /* it was only read */
    return inode;
}

/* Whether the process has a descriptor of that socket. */
static bool holds(const char *pid, const char *socket_name)
{
    char dir_path[300], target[64];
    struct dirent *entry;
    bool found = false;
    DIR *dir;

    (void)snprintf(dir_path, sizeof dir_path, "/proc/%s/fd", pid); /* cut: it will not open */
    dir = opendir(dir_path);
    if (!dir)
        return false;
    while (!found && (entry = readdir(dir))) {
        ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);

        if (n > 0) {
            target[n] = '\0';
            found = name_eq(str_from(target), str_from(socket_name));
        }
    }
    (void)closedir(dir); /* it was only read */
    return found;
}

static void add_process(const char *pid, struct buf *out)
{
    char path[300], name[64] = "";
    FILE *f;

    (void)snprintf(path, sizeof path, "/proc/%s/comm", pid); /* cut: it will not open */
    f = fopen(path, "re");
    if (f) {
        if (fgets(name, sizeof name, f))
            name[strcspn(name, "\n")] = '\0';
        (void)fclose(f); /* it was only read */
    }
    buf_addf(out, "process %s (%s)", pid, name[0] ? name : "?");
}

bool port_owner(uint16_t port, struct buf *out)
{
    uint64_t inode = inode_in("/proc/net/tcp", port);
    char socket_name[64];
    struct dirent *entry;
    bool found = false;
    DIR *proc;

    if (inode == 0)
        inode = inode_in("/proc/net/tcp6", port);
    proc = inode ? opendir("/proc") : NULL;
    if (!proc)
        return false;
    (void)snprintf(socket_name, sizeof socket_name, "socket:[%llu]",
                   (unsigned long long)inode); /* always fits */
    while (!found && (entry = readdir(proc))) {
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
            continue;
        found = holds(entry->d_name, socket_name);
        if (found)
            add_process(entry->d_name, out);
    }
    (void)closedir(proc); /* it was only read */
    return found;
}
