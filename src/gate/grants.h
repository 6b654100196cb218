/* Who may do what where: role assignments and the state of principals, in memory, kept up with the
 * store by the writer thread. A look-up costs the depth of the scope, never the number of
 * assignments. Shared by all threads (one lock, held for a few look-ups; loops remember what they
 * found until grants_version() moves). Source: wire/managed-identity §3.4, §8. */
#ifndef GATE_GRANTS_H
#define GATE_GRANTS_H

#include "gate/roles.h"
#include "store/store.h"

struct grants;
struct grants *grants_new(void);
void grants_free(struct grants *g);
/** Reads everything: at start, after a restore, when a role definition changed (LOG_ROLES). On
 * failure what was there stays. */
enum rc grants_load(struct grants *g, struct store_reader *reader) NODISCARD;
/** Reads one principal again (LOG_PRINCIPAL). */
enum rc grants_take(struct grants *g, struct store_reader *reader,
                    const struct uuid *principal) NODISCARD;
/** Moves with every change; read before a look-up, so that a result is never older than it says. */
uint64_t grants_version(const struct grants *g);

#define STANDING_ROLES_MAX 8

/** What a principal is and may do at one scope. */
struct standing {
    bool known;    /* an application, a managed identity, or what a foreign issuer's rule names */
    bool disabled; /* none of its tokens count */
    enum application_kind kind;
    unix_ms revoked_before; /* 0: no such limit */
    uint64_t actions;
    struct uuid roles[STANDING_ROLES_MAX]; /* assigned at the scope or above; the first ones */
    size_t roles_count;
};
/** `scope` as in the store: lower case, no slash at the end. Fills `out` always. */
void grants_find(const struct grants *g, const struct uuid *principal, struct str scope,
                 struct standing *out);
/** The role's name into `arena`: built-in or custom; its id when it is gone. */
struct str grants_role_name(const struct grants *g, const struct uuid *role, struct arena *arena);
/** A role by id; false when there is none. Texts go to `arena`. */
bool grants_role(const struct grants *g, const struct uuid *id, struct arena *arena,
                 struct role *out) NODISCARD;
/** By name, without case. */
bool grants_role_by_name(const struct grants *g, struct str name, struct arena *arena,
                         struct role *out) NODISCARD;
size_t grants_count(const struct grants *g);

/* Scopes, in the store's spelling. */

#define SCOPE_MAX ((size_t)1024)

/** Brings a scope into the store's spelling: one leading slash, lower case, no slash at the end.
 * RC_INVALID: not "/" or a path of 1 to SCOPE_MAX printable octets with a leading slash. */
enum rc scope_normalise(struct str text, struct arena *arena, struct str *out) NODISCARD;
/** The scope of a resource: /subscriptions/S/resourcegroups/G/providers/microsoft.communication/
 * communicationservices/N. */
struct str scope_of_resource(const struct uuid *subscription, struct str group, struct str name,
                             struct arena *arena) NODISCARD;

#endif
