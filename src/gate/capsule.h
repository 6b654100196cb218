/* Sealed letters: what the server hands out instead of keeping it, and understands when it comes
 * back, on whatever loop that is. What is in one can be neither read nor changed. Source: design
 * D6. */
#ifndef GATE_CAPSULE_H
#define GATE_CAPSULE_H

#include "base/str.h"
#include "base/uuid.h"

#define CAPSULE_KEY_LEN   ((size_t)32)
#define CAPSULE_PLAIN_MAX ((size_t)256) /* octets inside */
#define CAPSULE_TEXT_MAX  ((size_t)400) /* characters outside, at most */

/** Immutable; shared by all threads. */
struct capsule_key;
/** Copies the octets. */
struct capsule_key *capsule_key_new(const uint8_t octets[static CAPSULE_KEY_LEN]);
/** NULL is fine. */
void capsule_key_free(struct capsule_key *k);
/** Seals at most CAPSULE_PLAIN_MAX octets for one purpose: letters of base64url alone. Returns how
 * many. */
size_t capsule_seal(const struct capsule_key *k, struct str purpose, struct str plain,
                    char out[static CAPSULE_TEXT_MAX]) NODISCARD;
/** Exactly `len` octets that were sealed for this purpose. RC_DENIED: anything else. */
enum rc capsule_open(const struct capsule_key *k, struct str purpose, struct str text, void *out,
                     size_t len) NODISCARD;
/** An id for a text: the same for the same text, and nobody without the key can tell it. */
struct uuid capsule_name(const struct capsule_key *k, struct str purpose,
                         struct str text) NODISCARD;

#endif
