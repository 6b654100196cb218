/* Access keys as their owners see them: base64 text, imported or shown. */
#ifndef GATE_ACCESS_KEY_H
#define GATE_ACCESS_KEY_H

#include "gate/directory.h"

/** Its base64 text, in the arena, which is wiped. Source: wire/authentication §1.4. */
struct str access_key_text(const struct secret *key, struct arena *arena);
/** A key that somebody brings along: RC_INVALID unless it is base64 of 16 to 128 octets. *out is
 * owned: secret_clear(). */
enum rc access_key_import(struct str text, struct secret *out) NODISCARD;
/** Whether some key but that of (resource, slot) has these octets. All are looked at. */
bool access_key_taken(const struct directory *d, const struct secret *key,
                      const struct uuid *resource, enum key_slot slot) NODISCARD;

#endif
