/* Byte streams over TCP and TLS, for who may not know sockets: see base/stream.h. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "base/stream.h"

extern const struct stream_ops net_streams;

#endif
