/* A store in a folder of its own, one loop, one reader; and the way to run every case against
 * every back end. */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "store/backend.h"

#define NOW ((unix_ms)1700000000000)

struct back_end {
    const char *name;
    const struct store_ops *ops;
};

/** The rows that every case is run against. */
extern const struct back_end back_ends[];
extern const size_t back_ends_n;

struct fixture {
    const struct back_end *back_end;
    const char *vfs; /* sqlite only; NULL: the system's */
    char dir[64];    /* made for this case, removed after it */
    char path[96];   /* of the store in it */
    struct store *store;
    struct loop *loop; /* runs on the test's thread, see fixture_commit() */
    struct store_reader *reader;
    struct arena arena;
    struct buf why;
};

struct store_case {
    const char *name; /* a sentence */
    void (*run)(struct fixture *f);
};

/** Runs `n` cases against each back end; returns the number of failures, for main(). */
int run_cases(const char *group, const struct store_case *cases, size_t n);
/** The same against one. */
int run_cases_on(const struct back_end *back_end, const char *group, const struct store_case *cases,
                 size_t n);

/** A folder and a loop; the store is not open yet. */
void fixture_init(struct fixture *f, const struct back_end *back_end);
void fixture_clear(struct fixture *f);
/** Opens store and reader, which must succeed. */
void fixture_open(struct fixture *f);
/** Tries to; `f->why` gets the reason. */
enum rc fixture_try_open(struct fixture *f);
void fixture_close(struct fixture *f);
/** fixture_close() and fixture_open(). */
void fixture_reopen(struct fixture *f);
/** One set; runs the loop until its callback has come, exactly once and not at once. */
enum rc fixture_commit(struct fixture *f, struct change *items, size_t n);
/** The same for `n` sets queued together: `rcs` gets their outcomes; checks the order. */
void fixture_commit_sets(struct fixture *f, struct change_set *sets, size_t n, enum rc *rcs);
/** Commits `n` sets of one change each, 2 to 8, as one batch. */
void fixture_commit_as_one_batch(struct fixture *f, struct change *c, size_t n, enum rc *rcs);
/** Holds the writer in the watch of the first set that it commits, so that what is queued meanwhile
 * is one batch. */
struct writer_gate {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool held, passed;
};
void writer_gate_close(struct writer_gate *g, struct store *store);
/** Until the writer stands at it. */
void writer_gate_wait(struct writer_gate *g);
void writer_gate_open(struct writer_gate *g);

/** What a watch was told. */
struct told {
    size_t n;
    struct log_entry last;
};
/** Commits one change; what the watch is told of it stands in the change log too. */
enum rc fixture_commit_watched(struct fixture *f, struct change *c, struct told *out);
/** Runs the loop until somebody calls loop_stop(). */
void fixture_run(struct fixture *f);
/** As store_user() with the fixture's reader. */
enum rc fixture_user(struct fixture *f, const struct user_key *key, struct user_row *out);

/** An id whose octets end in `n`, big-endian. */
struct uuid id_of(uint64_t n);
struct user_key key_of(uint64_t resource, uint64_t user);
/** CHANGE_USER_ADD of a plain user made at `created`. */
struct change add_user(struct user_key key, unix_ms created);
/** The other changes of a user, at `when`. */
struct change change_user(enum change_kind kind, struct user_key key, unix_ms when);
struct change put_meta(struct str name, struct str value);
/** Of a living resource. */
struct change put_resource(uint64_t id, struct str name);
/** Version 1 of an application `n`, whose object id is id_of(1000 + n). */
struct change put_application(uint64_t n, struct str name);
struct change delete_application(uint64_t n);
struct change put_role(uint64_t n, struct str name);
/** Role assignment `n`, made at NOW + n. */
struct change assign(uint64_t n, uint64_t principal, uint64_t role, struct str scope);
struct change put_issuer(uint64_t n, struct str issuer);
/** An id as uuid_ordered() makes them: `when`, then `n`. */
struct uuid id_at(unix_ms when, uint64_t n);
/** A queued message of resource 1 by "inbox", made and due at `when`; its id: id_at(when, n). */
struct change add_sms(uint64_t n, unix_ms when);
struct change step_sms(const struct uuid *id, unsigned from, enum sms_state to);
/** Version 1 of a subscription of resource 1; its id: id_of(n). */
struct change put_subscription(uint64_t n, struct str name);
/** A pending event of subscription id_of(`subscription`), due at `when`; its id: id_at(when, n). */
struct change add_event(uint64_t subscription, uint64_t n, unix_ms when);
struct change step_event(const struct change *added, unsigned from, enum event_state to);
/** Makes applications with the object ids `from` to `to`, of client ids beyond 1,000,000. */
void put_principals(struct fixture *f, uint64_t from, uint64_t to);
void check_text(struct str got, struct str wanted);
/** Field by field. */
void check_sms(const struct sms_row *got, const struct sms_row *row);
/** Is it id_of(n)? */
void check_id(const struct uuid *got, uint64_t n);

#endif
