/* Outbound requests over libcurl: one thread for all loops, started by the first call.
 *
 * A thread and not the loops themselves: libcurl reads the system's certificates within its calls,
 * anew for each TLS connection, which takes 19 ms of processor time for 144 of them: no loop may
 * lose that. Names are resolved on threads of libcurl's own. Source: design D2, D3, D9. */
#ifndef NET_OUTBOUND_H
#define NET_OUTBOUND_H

#include "http/outbound.h"

/** Loads nothing yet. */
struct outbound *outbound_new(void);
/** Ends every call in flight with RC_BUSY (its `done` is posted to its loop, which must be settled
 * afterwards) and the thread. Later calls end with RC_BUSY. Repeated calls are fine. */
void outbound_stop(struct outbound *base);
/** After outbound_stop(), when no `done` is on its way any more. NULL is fine. */
void outbound_free(struct outbound *base);

#endif
