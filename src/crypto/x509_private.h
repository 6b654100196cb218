/* What x509.c and cert.c share about certificates; nobody else includes this. */
#ifndef CRYPTO_X509_PRIVATE_H
#define CRYPTO_X509_PRIVATE_H

#include "base/clock.h"

#include <openssl/x509.h>

#define DAY_MS ((unix_ms)24 * 60 * 60 * 1000)

/* What a new certificate says of itself. */
struct cert_plan {
    struct str common_name;
    unix_ms not_before, not_after;
    struct str serial; /* at most 20 octets, the first below 0x80; empty: random */
    X509 *issuer;      /* NULL: itself */
    EVP_PKEY *issuer_key;
};

/* By name, in OpenSSL's words; a list ends with zeros. */
struct extension {
    int nid;
    const char *value;
};

/** For AUTO(). */
void x509_freep(X509 **cert);
/** A certificate for `key` with everything but extensions and signature; owned. NULL without
 * memory, or when OpenSSL takes one of the plan's values for wrong. */
X509 *x509_begin(const struct cert_plan *plan, EVP_PKEY *key);
/** Adds a list of extensions; false without memory. */
bool x509_add_extensions(X509 *cert, X509 *issuer, const struct extension *list) NODISCARD;
/** RC_INVALID when `time` is not in the form of RFC 5280. */
enum rc x509_time(const ASN1_TIME *time, unix_ms *out) NODISCARD;

#endif
