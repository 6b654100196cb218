/* The parts of the carrier "azure". */
#ifndef CARRIERS_AZURE_H
#define CARRIERS_AZURE_H

#include "carriers/carrier.h"
#include "carriers/http_window.h"
#include "crypto/hash.h"

/** A resource's endpoint and key, from its connection string. */
struct azure_target {
    struct str origin, authority; /* "https://name.communication.azure.com"; what Host will say */
    struct mac_key *key;
    struct hash_work *work;
};

/** RC_INVALID with a sentence in `why`; texts in `arena`. azure_target_clear() in any case. */
enum rc azure_target_read(struct str connection_string, struct arena *arena,
                          struct azure_target *out, struct buf *why) NODISCARD;
void azure_target_clear(struct azure_target *t);
/** Adds the three headers of the access-key signature to a call with method and body; `target`
 * begins with the slash. */
void azure_sign(const struct azure_target *t, struct http_call *c, struct str target);

/** Event Grid's deliveries: reports, messages, and its question whether we want them. */
enum rc azure_read_callback(const json_t *config, struct carrier_callback *cb) NODISCARD;
/** The code that "4006: …" begins with; 9999 for anything else. */
uint32_t azure_code(struct str details) NODISCARD;

#endif
