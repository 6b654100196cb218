/* Scopes: the paths that roles are assigned at, in one spelling. Source: wire/managed-identity
 * §3.4, §6. */
#ifndef GATE_SCOPE_H
#define GATE_SCOPE_H

#include "base/arena.h"
#include "base/uuid.h"

#define SCOPE_MAX ((size_t)1024)
/** Segments; the longest that Azure has are below 20. Bounds what a look-up costs. */
#define SCOPE_DEPTH_MAX ((size_t)32)

/** Brings a scope into the store's spelling: one leading slash, lower case, no slash at the end.
 * Slashes at both ends may be repeated (some clients write "//subscriptions"), those inside may
 * not. RC_INVALID: not "/" or a path of at most SCOPE_MAX printable octets without blanks and at
 * most SCOPE_DEPTH_MAX segments, with a leading slash; the text as given counts. */
enum rc scope_normalise(struct str text, struct arena *arena, struct str *out) NODISCARD;
/** The next scope above: "/" above "/a", and so on. False when there is none: at "/", and for what
 * is no scope. Borrowed from `scope`. */
bool scope_parent(struct str scope, struct str *out) NODISCARD;
/** The scope of a resource: /subscriptions/S/resourcegroups/G/providers/microsoft.communication/
 * communicationservices/N, in lower case. */
struct str scope_of_resource(const struct uuid *subscription, struct str group, struct str name,
                             struct arena *arena) NODISCARD;

#endif
