/* For targets behind a signature: tokens are signed with the one key pair that there is. */
#ifndef FUZZ_SIGNING_H
#define FUZZ_SIGNING_H

#include "crypto/jws.h"

/** A P-256 pair that signs nothing else; the caller's reference. */
struct pkey *fuzz_key(void);
/** The JWS of a JSON header and payload, in the arena; empty when it would be too long. */
struct str fuzz_signed(struct signer *signer, struct hash_work *work, const struct str parts[2],
                       struct arena *arena);

#endif
