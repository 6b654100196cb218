/* The local certificate authority: one CA with pathlen 0 and critical name constraints, leaves
 * that list every name one by one. PEM in and out. */
#ifndef CRYPTO_X509_H
#define CRYPTO_X509_H

#include "base/buf.h"
#include "base/clock.h"
#include "crypto/secret.h"

/** A new CA (P-256, ten years from `now`): allowed are localhost, the loopback addresses and
 * `names` with what stands below them; IP literals among `names` count as addresses. */
enum rc ca_make(const struct str *names, size_t n, unix_ms now, struct buf *out_cert_pem,
                struct secret *out_key_pem) NODISCARD;
/** A leaf (P-256, 397 days, serverAuth) for exactly `names` (DNS or IP literal), signed by the CA;
 * the PEM of leaf and CA in that order. */
enum rc leaf_make(struct str ca_cert_pem, const struct secret *ca_key_pem, const struct str *names,
                  size_t n, unix_ms now, struct buf *out_chain_pem,
                  struct secret *out_key_pem) NODISCARD;
/** True for what may stand in a certificate: a DNS name or an IP literal. */
bool cert_name_valid(struct str name) NODISCARD;
/** When the first certificate of `pem` ends. */
enum rc cert_not_after(struct str pem, unix_ms *out) NODISCARD;
/** True when the CA's constraints allow `name`. */
bool ca_allows(struct str ca_cert_pem, struct str name) NODISCARD;

#endif
