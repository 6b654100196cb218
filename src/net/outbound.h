/* Outbound requests over libcurl: one thread for all loops, started by the first call.
 *
 * A thread and not the loops themselves: libcurl reads certificate stores and sets up TLS within
 * its calls, tens of milliseconds that no loop may lose. Source: design D2, D3, D9. */
#ifndef NET_OUTBOUND_H
#define NET_OUTBOUND_H

#include "http/outbound.h"

/** Loads nothing yet. */
struct outbound *outbound_new(void);
/** Ends every call in flight with RC_BUSY (its `done` is posted to its loop, which must be settled
 * afterwards) and the thread. Later calls end with RC_BUSY. Repeated calls are fine. */
void outbound_stop(struct outbound *o);
/** After outbound_stop(), when no `done` is on its way any more. NULL is fine. */
void outbound_free(struct outbound *o);

#endif
