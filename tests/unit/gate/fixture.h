/* A gate over an embedded store in a directory of its own, with two resources, fake keys and a
 * standing clock: Mon, 23 Nov 2026 15:00:00 GMT. For tests of the gate. */
#ifndef TESTS_GATE_FIXTURE_H
#define TESTS_GATE_FIXTURE_H

#include "gate/gate.h"
#include "gate/gate_private.h"
#include "unit/request_fake.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOW     ((unix_ms)1795446000000) /* Mon, 23 Nov 2026 15:00:00 GMT */
#define KEY_1   "Callgate-fake-test-key-0123456789-not-a-secret-0123456789-ABCDEF"
#define KEY_2   "Callgate-fake-second-key-0123456789-not-a-secret-012345-ABCDEFGH"
#define KEY_3   "Callgate-fake-other-key-0123456789-not-a-secret-0123456-ABCDEFGH"
#define ADMIN   "fake-administrator-token-0123456789abcdef"
#define E_HASH  "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define TARGET  "/identities?api-version=2023-10-01"
#define HTTPDAY "Mon, 23 Nov 2026 15:00:00 GMT"

struct fixture {
    char dir[64];
    struct store *store;
    struct clock clock;
    struct master_key *master;
    struct key_usage_table *usage;
    struct directory_source source;
    struct gate_options options;
    struct gate *gate;
    struct store_reader *reader;
    struct gate_loop *gl;
    struct hash_work *work;
    struct uuid resource, other; /* "default" and "other" */
};

/** Opens all of it; `options` may be NULL (development, no failure rate). */
void fixture_init(struct fixture *f, const struct gate_options *options);
void fixture_clear(struct fixture *f);
/** Commits one change and waits; asserts that it worked. */
void fixture_commit(struct fixture *f, struct change change);
void fixture_put_key(struct fixture *f, const struct uuid *resource, enum key_slot slot,
                     const char *octets, uint32_t generation, uint32_t tokens_valid_from);
void fixture_put_resource(struct fixture *f, const struct uuid *id, const char *name,
                          const char *names, enum resource_state state);
/** Makes a signing key that is active from `active_from`; its kid in `out_kid` (64 octets). */
void fixture_add_signing_key(struct fixture *f, unix_ms active_from, char out_kid[static 64]);

/** Sets `retired` in every signing key that is not in its future. */
void fixture_retire_signing_keys(struct fixture *f, unix_ms retired);

/** What a request is made of; empty fields take the defaults: POST, TARGET, localhost:8443, KEY_1,
 * HTTPDAY, no body. */
struct recipe {
    const char *method, *target, *host, *key, *date, *body, *extra, *authorization;
    const char *signed_target, *signed_host;
};
/** Parses the signed request into `fake`. */
void fixture_request(struct request_fake *fake, const struct recipe *r, const struct route *row);
/** A minted token of a user, in malloc'ed memory. */
char *fixture_mint(struct fixture *f, const struct mint *changes);

extern const struct door tls_door, plain_door, admin_door, socket_door, identity_door;
extern const struct service test_service;
extern const struct api test_api;

#endif
