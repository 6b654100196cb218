/* Users whose tokens died lately: bounded memory, checked on every request with a user token.
 * Source: design D19. Shared by all threads (sharded locks, held for a few loads). */
#ifndef GATE_REVOCATIONS_H
#define GATE_REVOCATIONS_H

#include "store/store.h"

struct revocations;

/** Octets of one entry, its key included. */
#define REVOCATION_ENTRY_MAX ((size_t)48)

/** Holds at most `max` users. */
struct revocations *revocations_new(size_t max);
void revocations_free(struct revocations *r);
/** Enters or replaces what the row says; forgotten after `forget_at`. When there is no room, the
 * table is in doubt until then. */
void revocations_put(struct revocations *r, const struct user_row *row, unix_ms forget_at);
/** Something that could not be entered has happened: absence proves nothing until `until`. */
void revocations_doubt(struct revocations *r, unix_ms until);
/** Drops what is past at `now`. Cheap: called once a minute. */
void revocations_expire(struct revocations *r, unix_ms now);
/** Forgets everything and is in doubt until revocations_loaded(). */
void revocations_reset(struct revocations *r);
/** Everything that the store knows has been entered. */
void revocations_loaded(struct revocations *r);
size_t revocations_count(const struct revocations *r);

struct revocation {
    uint32_t generation;
    unix_ms valid_from;
    bool deleted;
};
/** True when the user is held. `*out_unsure` is set when the table is in doubt, so that absence
 * proves nothing and the row must be read. */
bool revocations_find(const struct revocations *r, const struct user_key *key,
                      struct revocation *out, bool *out_unsure) NODISCARD;

#endif
