/* The insides of the gate, shared by gate.c, identify.c and mint.c alone. */
#ifndef GATE_GATE_PRIVATE_H
#define GATE_GATE_PRIVATE_H

#include "gate/clients.h"
#include "gate/scheme_key.h"
#include "gate/tokens.h"

#include <pthread.h>

struct gate {
    struct gate_options options;
    struct directory_source source;
    struct store *store;
    struct clock *clock;
    struct snapshot_cell directory;
    struct revocations *revocations;
    struct grants *grants;
    struct snapshot_cell issuers;
    pthread_mutex_t load_lock;         /* one reads the store for the gate at a time */
    struct store_reader *reader;       /* under load_lock; NULL before the first gate_load() */
    struct key_usage_table *own_usage; /* NULL: it was given */
    _Atomic bool stale;
};

#define RETIRED_MAX 16
#define SIGNERS_MAX 4
#define FAIL_SLOTS  1024 /* a power of two */
#define FAIL_WAYS   4
#define STANDINGS   64 /* a power of two */

/** What a principal may do on a resource, as found last. */
struct kept_standing {
    struct uuid principal, resource;
    uint64_t version;   /* of the grants */
    uint64_t directory; /* its serial: a resource may move to another group; 0: empty */
    struct standing standing;
};

struct kept_signer {
    struct pkey *key;
    struct signer *signer;
};

/** Failures of one client address in one second. */
struct fail_slot {
    uint64_t address; /* its hash */
    uint32_t second, count;
};

struct gate_loop {
    struct gate *gate;
    struct store *store;
    struct store_reader *reader;
    struct snapshot_view view;
    struct directory *current; /* inside the brackets: the one of the present request */
    unsigned depth;            /* of brackets */
    struct snapshot *retired[RETIRED_MAX];
    size_t retired_n;
    struct hash_work *work;
    struct date_memo date_memo;
    struct snapshot_view issuers;
    struct tokens *tokens;
    struct kept_standing *standings; /* made with the first service token */
    struct clients *clients;         /* made with the first token request */
    struct key_source *later;        /* what the request that got GATE_LATER waits for */
    struct kept_signer signers[SIGNERS_MAX];
    size_t next_signer;
    struct fail_slot *fails;
    uint32_t fail_second, fail_total; /* of all addresses: nothing is looked up below the rate */
};

/* identify.c and identify_token.c */
/** The refusal of the row's service for a credential that does not count. */
const struct api_error *identify_unauthorized(const struct request *req);
/** The same where service tokens are taken, with a challenge of theirs. */
const struct api_error *identify_challenge(struct gate_loop *gl, struct request *req);
/** In the request's arena. */
struct principal *identify_principal(struct request *req, enum principal_kind kind);
/** A bearer token that is a JWT: as gate_identify(). */
const struct api_error *identify_token(struct gate_loop *gl, struct request *req,
                                       struct str credential) NODISCARD;

/** This loop's signing state for the key, borrowed. mint.c. */
struct signer *kept_signer(struct gate_loop *gl, struct pkey *key);

/** The directory to check against: that of the present request, else the current one. */
static inline const struct directory *directory_now(struct gate_loop *gl)
{
    return gl->current ? gl->current : gate_directory(gl);
}

#endif
