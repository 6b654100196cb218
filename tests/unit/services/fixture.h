/* A whole server without sockets: a real store in a temporary folder, the gate, the pipeline, all
 * routes, one loop. Requests go through request_fake. */
#ifndef TESTS_UNIT_SERVICES_FIXTURE_H
#define TESTS_UNIT_SERVICES_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../request_fake.h"
#include "base/json.h"
#include "gate/pipeline.h"
#include "services/site.h"

#define ADMIN_TOKEN "fixture-administrator-token-0123456789"

/** Which credential a call carries. */
enum caller {
    NOBODY,
    PRIMARY, /* access keys of the host's resource, as fx->keys holds them */
    SECONDARY,
    OTHER,     /* primary key of the second resource, "other", on its own host */
    ADMIN,     /* on the administration socket */
    ADMIN_TCP, /* by token, on the administration listener */
    USER,      /* fx->token */
    PROGRAM,   /* on this machine, at the metadata endpoint */
};

struct fixture {
    char dir[64];
    struct clock clock;
    struct master_key *master;
    struct store *store;
    struct gate *gate;
    struct loop *loop;
    struct store_reader *reader;
    struct gate_loop *gate_loop;
    struct router *router;
    struct pipeline *pipeline;
    struct site_options options;
    struct site_hooks hooks;
    struct site_shared shared;
    struct site site;
    struct directory_source source;
    struct hash_work *work;
    struct uuid resource, other;
    uint8_t keys[3][64]; /* primary, secondary, other's primary */
    struct str token;    /* of USER: borrowed */
    bool not_ready;
    struct loop_timer timer;
    mono_ns give_up;

    /* the last call */
    struct request_fake fake;
    json_t *json; /* its body, or NULL */
    int status;
};

/** `production`: metrics for the administrator, no development features. */
void fixture_open(struct fixture *fx, bool production);
void fixture_close(struct fixture *fx);
/** Key sets of other issuers for the gate of the next fixture_open(); NULL: none. */
extern struct issuer_keys *fixture_issuer_keys;
/** As call_begin() by NOBODY, with a POST of a form; `headers` are whole lines, ended by CRLF. */
void call_form_begin(struct fixture *fx, const char *target, const char *headers, const char *form);
/** One call; waits until it is answered (at most 10 s). Returns the status. */
int call(struct fixture *fx, enum caller who, const char *method, const char *target,
         const char *body);
/** As call() but returns at once; call_wait() waits for the answer. */
void call_begin(struct fixture *fx, enum caller who, const char *method, const char *target,
                const char *body);
int call_wait(struct fixture *fx);
/** Lets the loop run for `ms`. */
void fixture_spin(struct fixture *fx, unsigned ms);
/** Waits until everything queued for the store so far is durable, and its callbacks have run. */
void fixture_settle(struct fixture *fx);
/** A text member of the last answer by path: "identity.id". "" when absent. */
const char *text_at(const struct fixture *fx, const char *path);
int64_t int_at(const struct fixture *fx, const char *path);
json_t *json_at(const struct fixture *fx, const char *path);
/** Fails unless the last answer is this error; NULLs are not looked at, target "" means none. */
void check_error(const struct fixture *fx, int status, const char *code, const char *message,
                 const char *target);
/** printf into a buffer of the test's own; good for one use at a time per `slot` (0..3). */
const char *path_of(unsigned slot, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
