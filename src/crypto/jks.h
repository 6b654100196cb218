/* A Java trust store (JKS, the format every JDK reads) from PEM certificates. */
#ifndef CRYPTO_JKS_H
#define CRYPTO_JKS_H

#include "base/buf.h"
#include "base/clock.h"

/** Appends a JKS file that trusts every certificate of `pem`, under `password` (ASCII). */
enum rc jks_write(struct str pem, struct str password, unix_ms now, struct buf *out) NODISCARD;

#endif
