/* The server's side of TLS, for tests of what connects: set up by hand, with what a client must
 * notice. */
#ifndef TESTS_SERVER_TLS_H
#define TESTS_SERVER_TLS_H

#include "base/str.h"
#include "crypto/secret.h"

#include <openssl/ssl.h>

/** A server with the first certificate of `chain` (PEM) and its key. */
SSL_CTX *server_tls_new(struct str chain, const struct secret *key);
/** Writes a file of a name that mkstemp() completes. */
void server_tls_write(char *path, struct str text);

#endif
