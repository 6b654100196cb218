/* A VFS of the tests: the system's, whose nth sync or write fails on order. One plan at a time for
 * the whole process. */
#ifndef TESTS_UNIT_STORE_FAULT_VFS_H
#define TESTS_UNIT_STORE_FAULT_VFS_H

#include <stdbool.h>

#define FAULT_VFS "faulty"

enum fault_call { FAULT_SYNC, FAULT_WRITE };

struct fault_plan {
    enum fault_call call;
    int nth;     /* counted from 1, over all files */
    int code;    /* what it returns then, an SQLITE_… code */
    bool sticky; /* and from then on, until disarmed: a disk that stays full */
};

/** Registers it; once is enough. */
void fault_vfs_register(void);
void fault_vfs_arm(struct fault_plan plan);
/** No more faults; returns how many there were since it was armed. */
int fault_vfs_disarm(void);
/** Syncs of any file so far. */
long fault_vfs_syncs(void);

#endif
