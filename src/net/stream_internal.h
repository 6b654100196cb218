/* What stream.c and stream_tls.c share: a stream, and the TLS within it. */
#ifndef NET_STREAM_INTERNAL_H
#define NET_STREAM_INTERNAL_H

#include "base/buf.h"
#include "net/stream.h"

struct stream_tls;

/** A way to read certificates' issuers from disk and to make a client of it: takes some ms, so on
 * the pool. NULL, with `why` filled: `ca_file` can't be read, … */
struct stream_tls *stream_tls_new(const char *name, const char *ca_file, char *why, size_t cap);
void stream_tls_free(struct stream_tls *tls);
/** Where it writes what goes to the peer; before the first call of what follows. */
void stream_tls_bind(struct stream_tls *tls, struct buf *wire);

enum stream_tls_step { STREAM_TLS_FAILED = 0, STREAM_TLS_MORE, STREAM_TLS_DONE };
/** Takes octets from the wire (may be empty) into the handshake; what it leaves stays for read. */
enum stream_tls_step stream_tls_handshake(struct stream_tls *tls, struct str data);
/** More octets from the wire; all earlier ones have been read. Borrowed until they are. */
void stream_tls_feed(struct stream_tls *tls, struct str data);
/** Plain octets: their number; 0: needs more; -1: the peer has ended; -2: it broke the protocol. */
int stream_tls_read(struct stream_tls *tls, char *out, size_t cap);
bool stream_tls_write(struct stream_tls *tls, struct str data);
void stream_tls_goodbye(struct stream_tls *tls);
/** Why the handshake failed: for logs. */
void stream_tls_reason(const struct stream_tls *tls, char *out, size_t cap);

#endif
