/* The transport of a client that names none: linked into the library, loaded by the executable. */
#ifndef CLIENT_TRANSPORT_DEFAULT_H
#define CLIENT_TRANSPORT_DEFAULT_H

#include "callgate/transport.h"

/** The table, or NULL with a sentence in `why`. Thread-safe. */
const struct cg_transport *transport_default(char *why, size_t cap);

#endif
