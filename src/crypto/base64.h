/* Base64 (RFC 4648), strict: no blanks, canonical trailing bits, padding exactly as asked. */
#ifndef CRYPTO_BASE64_H
#define CRYPTO_BASE64_H

#include "base/str.h"

/** Characters for `len` octets: standard alphabet with padding, and url alphabet without. */
#define BASE64_LEN(len)    ((((len) + 2) / 3) * 4)
#define BASE64URL_LEN(len) (((len)*4 + 2) / 3)

/** Writes BASE64_LEN(len) characters, no NUL; returns how many. */
size_t base64_encode(const void *src, size_t len, char *out);
/** Writes BASE64URL_LEN(len) characters, no NUL, no padding; returns how many. */
size_t base64url_encode(const void *src, size_t len, char *out);
/** Decodes into at most `cap` octets. RC_INVALID (alphabet, padding, trailing bits) or
 * RC_TOO_LARGE. Constant time in the value of the characters (used on keys). */
enum rc base64_decode(struct str text, void *out, size_t cap, size_t *out_len) NODISCARD;
enum rc base64url_decode(struct str text, void *out, size_t cap, size_t *out_len) NODISCARD;

#endif
