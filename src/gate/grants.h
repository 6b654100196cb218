/* Who may do what where: role assignments and the state of principals, in memory, kept up with the
 * store by the writer thread. A look-up costs the depth of the scope, never the number of
 * assignments. Shared by all threads (one lock, held for a few look-ups; loops remember what they
 * found until grants_version() moves).
 *
 * An assignment takes its scope's text and about 70 octets, a principal about 200. Source:
 * wire/managed-identity §3.4, §8. */
#ifndef GATE_GRANTS_H
#define GATE_GRANTS_H

#include "gate/roles.h"
#include "gate/scope.h"
#include "store/store.h"

struct grants;
/** Knows nobody until grants_load(). Owned. */
struct grants *grants_new(void);
/** NULL is fine. */
void grants_free(struct grants *g);
/** Reads everything: at start, after a restore, when a role definition changed (LOG_ROLES). On
 * failure what was there stays. A custom role whose document is damaged, or that is gone, grants
 * nothing; so do assignments to principals that are no application. */
enum rc grants_load(struct grants *g, struct store_reader *reader) NODISCARD;
/** Reads one principal again (LOG_PRINCIPAL), with the roles as they were loaded last; what is kept
 * of others is not touched. On failure what was there stays. Costs one read of the principal's own
 * assignments, whatever has changed: for one with 100,000 some tenths of a second, so a watch takes
 * a principal once per batch, however often it is named there. */
enum rc grants_take(struct grants *g, struct store_reader *reader,
                    const struct uuid *principal) NODISCARD;
/** Moves with every change, behind it; read before a look-up, so that a result is never older than
 * it says. Never 0. */
uint64_t grants_version(const struct grants *g) NODISCARD;

#define STANDING_ROLES_MAX 8

/** What a principal is and may do at one scope. */
struct standing {
    bool known;    /* an application, a managed identity, or what a foreign issuer's rule names */
    bool disabled; /* none of its tokens count */
    enum application_kind kind;
    unix_ms revoked_before; /* 0: no such limit */
    uint64_t actions;       /* none when disabled, or not known */
    /* assigned at the scope or above, nearest first, each once; the first ones. Not for decisions:
     * a role that is gone is among them */
    struct uuid roles[STANDING_ROLES_MAX];
    size_t roles_count;
};
/** `scope` as scope_normalise() gives it; what is too long, too deep or has no leading slash finds
 * no roles. Fills `out` always. */
void grants_find(const struct grants *g, const struct uuid *principal, struct str scope,
                 struct standing *out);
/** The role's name into `arena`: built-in or custom; its id when it is gone. */
struct str grants_role_name(const struct grants *g, const struct uuid *role,
                            struct arena *arena) NODISCARD;
/** A role by id; false when there is none. Texts go to `arena`. */
bool grants_role(const struct grants *g, const struct uuid *id, struct arena *arena,
                 struct role *out) NODISCARD;
/** By name, without case. */
bool grants_role_by_name(const struct grants *g, struct str name, struct arena *arena,
                         struct role *out) NODISCARD;
/** Role assignments held. */
size_t grants_count(const struct grants *g) NODISCARD;

#endif
