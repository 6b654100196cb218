/* Why an access-key signature did not match: the near miss. Pure functions of the request and the
 * keys, for the gate in development and for the command line. Nothing that they return holds a
 * key, a MAC or a signature. Source: wire/authentication §1.3, §5.1; design D22. */
#ifndef GATE_EXPLAIN_H
#define GATE_EXPLAIN_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "crypto/hash.h"
#include "http/header.h"

#define SIGNED_HEADERS_MAX 16

/** What the access-key scheme signs, as the server read it. Slices of the request. */
struct signed_parts {
    struct str method, target;                                        /* the target as received */
    struct str names[SIGNED_HEADERS_MAX], values[SIGNED_HEADERS_MAX]; /* in order */
    size_t n;
    size_t host_at, hash_at; /* which of them are host and x-ms-content-sha256 */
};

/** Octets that string_to_sign() writes for this spelling of path and host. */
size_t string_to_sign_len(const struct signed_parts *p, struct str path, struct str host);
/** Writes METHOD LF path LF value;value;… and returns the octets; `out` holds as many. */
size_t string_to_sign(const struct signed_parts *p, struct str path, struct str host, char *out);

/** A mistake that clients make. Static texts. */
struct mistake {
    const char *code; /* stable: "key-as-text" */
    const char *text; /* what was done */
    const char *fix;  /* what to do instead */
};

/** The request and what it is checked with. All borrowed. */
struct near_miss {
    const struct signed_parts *parts;
    const struct headers *headers;
    struct str body;
    bool secure;
    uint16_t door_port;
    uint8_t signature[SHA256_LEN];
    const struct mac_key *const *macs;   /* the keys, … */
    const struct secret *const *secrets; /* … and their octets */
    size_t keys;
    struct hash_work *work;
    struct arena *arena;
};

/** The mistake that would have made the signature match, or NULL. Always tries every key; the
 * number of MACs depends on the request alone when none matches. */
const struct mistake *near_miss_find(const struct near_miss *m);
/** The bytes whose hash `claimed` is, when it is not the body's; or NULL. */
const struct mistake *near_miss_of_hash(struct str claimed, struct str body, struct hash_work *work,
                                        struct arena *arena);
/** What a signature that can't be read is, or NULL: hexadecimal, url alphabet, no padding. */
const struct mistake *near_miss_of_encoding(struct str signature);

/** The fields of one explained refusal. */
struct near_miss_report {
    const char *check;             /* "signature", "body hash", "date" */
    const struct mistake *mistake; /* or NULL */
    const struct signed_parts *parts;
    struct str date;
    struct str body_hash;       /* of the octets received; empty: not looked at */
    int64_t clock_difference_s; /* the request's date minus the server's clock */
    size_t candidates;          /* spellings tried; 0: not stated */
    struct str client_string;   /* x-ms-hmac-string-to-sign-base64, or empty */
};
/** One line of printable ASCII in the arena; each value cut to 200 characters. */
struct str near_miss_text(const struct near_miss_report *r, struct arena *arena);

#endif
