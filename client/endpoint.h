/* Endpoints and connection strings, taken apart as the official SDKs do. */
#ifndef CLIENT_ENDPOINT_H
#define CLIENT_ENDPOINT_H

#include "base/str.h"
#include "callgate/base.h"

struct endpoint {
    bool tls, loopback;
    char authority[272]; /* host[:port], lower case, no default port: the Host header */
    char text[288];      /* scheme://authority */
};

/** Reads "https://host[:port][/]". RC_INVALID with a static sentence in *out_why. */
enum rc endpoint_parse(struct str text, struct endpoint *out, const char **out_why) NODISCARD;
/** Splits a connection string into slices of it. RC_INVALID with a static sentence, which never
 * shows a part of the text. Source: wire/authentication §1.4. */
enum rc connection_string_split(struct str text, struct str *out_endpoint, struct str *out_key,
                                const char **out_why) NODISCARD;

#endif
