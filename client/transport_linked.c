/* The library's default transport: libcurl, linked. */
#include "client/transport_default.h"

const struct cg_transport *transport_default(char *why, size_t cap)
{
    if (cap > 0)
        why[0] = '\0';
    return cg_transport_curl();
}
