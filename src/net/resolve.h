/* Names to addresses, without ever waiting for a name server: neither a loop does, nor the pool,
 * nor the end of the program. For one loop. */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include "base/loop.h"

#include <netdb.h>

struct resolving;
/** `found`: owned, for freeaddrinfo(); NULL: the name means no address. */
typedef void (*resolved_fn)(void *ctx, struct addrinfo *found);

/** Asks for the TCP addresses of a name; texts are copied. `done` comes once on the loop, never
 * before this returns. NULL: too many questions hang already, or there is no thread to spare. */
struct resolving *resolve(struct loop *loop, const char *host, const char *port, resolved_fn done,
                          void *ctx) NODISCARD;
/** Until `done`: it does not come. NULL is fine. */
void resolve_forget(struct resolving *r);

#endif
