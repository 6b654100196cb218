/* One fetch of an issuer's key set: files, or the two requests; reading on the pool, within a time
 * for all of it. Who asks when is issuer_keys.c's business. Source: wire/managed-identity §4.4. */
#ifndef GATE_KEY_FETCH_H
#define GATE_KEY_FETCH_H

#include "gate/key_set.h"

#define KEY_FETCH_MS ((uint32_t)5000) /* for all of it */

/** What tells one state of a file from the next. */
struct file_mark {
    uint64_t device, inode;
    int64_t size, changed_s, changed_ns;
};

struct key_fetch_result {
    enum rc rc;          /* RC_OK; RC_BUSY: cancelled; else it failed */
    struct key_set *set; /* moved to the receiver; NULL: the file is as it was */
    int64_t max_age_s;   /* of the answer; -1: it says nothing */
    struct file_mark mark;
    struct str jwks_url; /* borrowed for the call */
    const char *why;     /* static */
    char detail[256];    /* the same for people, with what came; nothing of any body */
};

struct key_fetch_options {
    struct outbound *outbound; /* NULL: files only */
    bool plain_loopback;
    struct loop *loop;                /* of the calling thread */
    const struct key_location *where; /* borrowed until `done` */
    struct file_mark known;           /* zeros: read the file in any case */
    /* on the loop, once, never before key_fetch_new() returns; the fetch is gone afterwards */
    void (*done)(void *ctx, struct key_fetch_result *result);
    void *ctx;
};

struct key_fetch;
/** Starts. Owned by itself until `done` has run. */
struct key_fetch *key_fetch_new(const struct key_fetch_options *options);
/** On its loop: `done` comes soon, with RC_BUSY. */
void key_fetch_cancel(struct key_fetch *f);
/** For one whose loop is gone, so that `done` will never run. */
void key_fetch_free(struct key_fetch *f);

#endif
