#include "fault_vfs.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <string.h>

struct fault_file {
    sqlite3_file base;
    sqlite3_file *real; /* in the octets that follow */
};

static struct {
    pthread_mutex_t lock;
    bool armed;
    struct fault_plan plan;
    int seen, failed;
    long syncs;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

void fault_vfs_arm(struct fault_plan plan)
{
    pthread_mutex_lock(&state.lock);
    state.armed = true;
    state.plan = plan;
    state.seen = state.failed = 0;
    pthread_mutex_unlock(&state.lock);
}

int fault_vfs_disarm(void)
{
    int failed;

    pthread_mutex_lock(&state.lock);
    state.armed = false;
    failed = state.failed;
    pthread_mutex_unlock(&state.lock);
    return failed;
}

long fault_vfs_syncs(void)
{
    long syncs;

    pthread_mutex_lock(&state.lock);
    syncs = state.syncs;
    pthread_mutex_unlock(&state.lock);
    return syncs;
}

/** SQLITE_OK, or what the call shall return instead of being made. */
static int fault_of(enum fault_call call)
{
    int code = SQLITE_OK;

    pthread_mutex_lock(&state.lock);
    state.syncs += call == FAULT_SYNC;
    if (state.armed && state.plan.call == call) {
        state.seen++;
        if (state.seen == state.plan.nth || (state.plan.sticky && state.seen > state.plan.nth)) {
            state.failed++;
            code = state.plan.code;
            errno = code == SQLITE_FULL ? ENOSPC : EIO;
        }
    }
    pthread_mutex_unlock(&state.lock);
    return code;
}

static sqlite3_file *real(sqlite3_file *file)
{
    return ((struct fault_file *)(void *)file)->real;
}

static int on_close(sqlite3_file *file)
{
    return real(file)->pMethods->xClose(real(file));
}
static int on_read(sqlite3_file *file, void *to, int n, sqlite3_int64 at)
{
    return real(file)->pMethods->xRead(real(file), to, n, at);
}
static int on_write(sqlite3_file *file, const void *from, int n, sqlite3_int64 at)
{
    int code = fault_of(FAULT_WRITE);

    return code ? code : real(file)->pMethods->xWrite(real(file), from, n, at);
}
static int on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return real(file)->pMethods->xTruncate(real(file), size);
}
static int on_sync(sqlite3_file *file, int flags)
{
    int code = fault_of(FAULT_SYNC);

    return code ? code : real(file)->pMethods->xSync(real(file), flags);
}
static int on_size(sqlite3_file *file, sqlite3_int64 *out)
{
    return real(file)->pMethods->xFileSize(real(file), out);
}
static int on_lock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xLock(real(file), level);
}
static int on_unlock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xUnlock(real(file), level);
}
static int on_reserved(sqlite3_file *file, int *out)
{
    return real(file)->pMethods->xCheckReservedLock(real(file), out);
}
static int on_control(sqlite3_file *file, int op, void *arg)
{
    return real(file)->pMethods->xFileControl(real(file), op, arg);
}
static int on_sector(sqlite3_file *file)
{
    return real(file)->pMethods->xSectorSize(real(file));
}
static int on_characteristics(sqlite3_file *file)
{
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}
static int on_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return real(file)->pMethods->xShmMap(real(file), page, size, extend, out);
}
static int on_shm_lock(sqlite3_file *file, int at, int n, int flags)
{
    return real(file)->pMethods->xShmLock(real(file), at, n, flags);
}
static void on_shm_barrier(sqlite3_file *file)
{
    real(file)->pMethods->xShmBarrier(real(file));
}
static int on_shm_unmap(sqlite3_file *file, int remove)
{
    return real(file)->pMethods->xShmUnmap(real(file), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_size,
    .xLock = on_lock,
    .xUnlock = on_unlock,
    .xCheckReservedLock = on_reserved,
    .xFileControl = on_control,
    .xSectorSize = on_sector,
    .xDeviceCharacteristics = on_characteristics,
    .xShmMap = on_shm_map,
    .xShmLock = on_shm_lock,
    .xShmBarrier = on_shm_barrier,
    .xShmUnmap = on_shm_unmap,
};

static int on_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags,
                   int *out_flags)
{
    struct fault_file *f = (struct fault_file *)(void *)file;
    sqlite3_vfs *system = vfs->pAppData;
    int code;

    f->real = (sqlite3_file *)(void *)(f + 1);
    memset(f->real, 0, (size_t)system->szOsFile);
    code = system->xOpen(system, name, f->real, flags, out_flags);
    f->base.pMethods = f->real->pMethods ? &methods : NULL;
    return code;
}

void fault_vfs_register(void)
{
    static sqlite3_vfs vfs;
    sqlite3_vfs *system = sqlite3_vfs_find(NULL);

    if (sqlite3_vfs_find(FAULT_VFS) || !system)
        return;
    vfs = *system;
    vfs.zName = FAULT_VFS;
    vfs.pAppData = system;
    vfs.pNext = NULL;
    vfs.szOsFile = (int)sizeof(struct fault_file) + system->szOsFile;
    vfs.xOpen = on_open;
    sqlite3_vfs_register(&vfs, 0);
}
