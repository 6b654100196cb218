/* The access-key scheme: turns "Authorization: HMAC-SHA256 …" into a verdict. It knows the string
 * to sign, the date window and the candidates of wire/authentication §1.3; not routes, not where
 * keys are kept. */
#ifndef GATE_SCHEME_KEY_H
#define GATE_SCHEME_KEY_H

#include "gate/directory.h"
#include "gate/explain.h"
#include "http/request.h"

/** The last date that a loop has read: clients at work send the same one for a second. Zeros to
 * start with. */
struct date_memo {
    char text[HTTP_DATE_LEN];
    bool valid;
    unix_ms date;
};

struct key_check {
    const struct resource *resource; /* or the dummy */
    bool known;                      /* false: the verdict is a refusal whatever matches */
    const struct directory *directory;
    int64_t skew_ms;
    struct date_memo *memo; /* or NULL */
    unix_ms wall;           /* besides req->now: a date inside the window of either passes (D20) */
    const struct str *public_hosts;
    size_t public_hosts_count;
    bool plain_only;    /* over the failure rate: only P0 x H0 */
    bool without_query; /* P6: the row lets the query out of the signature */
    bool explain;       /* a near miss in `explain` on refusal; else one word */
};

struct key_verdict {
    const struct api_error *error; /* NULL: verified */
    enum key_slot slot;
    struct str explain; /* on refusal: in the request's arena, or static */
};

/** `credential` is what follows "HMAC-SHA256 ". The resource may be the dummy: the number of MACs
 * and hashes depends on the request alone. */
void scheme_key_check(const struct key_check *check, struct request *req, struct str credential,
                      struct hash_work *work, struct key_verdict *out);

/** The Authorization parameters, taken apart. Slices. */
struct key_credential {
    struct str signed_headers[SIGNED_HEADERS_MAX];
    size_t n;
    struct str signature;
};
/** `credential` is what follows "HMAC-SHA256 ". */
enum rc key_credential_parse(struct str credential, struct key_credential *out) NODISCARD;

#endif
