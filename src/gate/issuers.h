/* Trusted issuers: whose service tokens count besides our own, and which principal a token's
 * subject and claims mean. The document of a row is read in issuer_document.c. An immutable
 * snapshot, rebuilt from the store; key sets live longer (issuer_keys.h). Source:
 * wire/managed-identity §4.1, §4.2, §4.3. */
#ifndef GATE_ISSUERS_H
#define GATE_ISSUERS_H

#include "base/json.h"
#include "base/map.h"
#include "base/snapshot.h"
#include "crypto/claims.h"
#include "gate/issuer_keys.h"
#include "store/store.h"

enum issuer_kind { ISSUER_OIDC = 0, ISSUER_ENTRA };

#define ISSUER_RULES_MAX     ((size_t)256)
#define ISSUER_RULE_CLAIMS   ((size_t)8)
#define ISSUER_AUDIENCES_MAX ((size_t)16)
#define ISSUER_TEXT_MAX      ((size_t)1024) /* octets of a subject, a claim's value, a path */
#define ISSUER_NAME_MAX      ((size_t)256)  /* of a claim's name */
#define TOKEN_AUDIENCES_MAX  ((size_t)64)   /* in a token's aud */

struct issuer_claim {
    struct str name, value; /* a member of the payload (dots go down) equals, or is a list with */
};

/** What a token must say to mean one principal. */
struct issuer_rule {
    struct str subject; /* exact; empty: any (then there are claims) */
    struct issuer_claim claims[ISSUER_RULE_CLAIMS];
    size_t claims_count;
    struct uuid principal; /* object id of an application of kind foreign */
};

struct trusted_issuer {
    struct uuid id;
    enum issuer_kind kind;
    struct str issuer;   /* as tokens say it; Entra: its v2 form */
    struct str issuer_2; /* Entra: its v1 form; else empty */
    struct str tenant;   /* Entra: lower case */
    struct str *audiences;
    size_t audiences_count; /* never 0 for OIDC */
    uint32_t algs;          /* bits 1 << enum jws_alg */
    bool user_tokens;       /* Entra: tokens of people count too */
    struct issuer_rule *rules;
    size_t rules_count;
    struct key_location where;
    struct key_source *keys;
};

/** The document of a row, read and checked, a strict JSON object:
 *   kind         "oidc" or "entra"; only what the issuer's text says anyway
 *   discovery    URL of the OpenID configuration, or
 *   jwksUrl      URL of the key set, or
 *   jwksFile     its path
 *   caFile, tokenFile   paths: authorities of the issuer's certificate; a bearer token to ask with
 *   allowPrivate        addresses that are not public may be asked, on the hosts written here
 *   tenant       entra: as in the issuer
 *   audiences    list; at least one for oidc; entra: those of the contract
 *   algorithms   list of RS256, PS256, ES256, ES384, EdDSA; oidc: RS256 and ES256; entra: RS256
 *   userTokens   entra: tokens of people count too
 *   rules        oidc: list of {subject?, claims? {name: text}, principal}, at least one, each with
 *                a subject or a claim
 * RC_INVALID with a reason for the operator. Texts in `arena`; keys is left NULL. Whether an
 * http:// issuer is allowed is the caller's to judge (issuer_url_valid()): to loopback it is one
 * here. */
enum rc trusted_issuer_read(const struct issuer_row *row, struct arena *arena,
                            struct trusted_issuer *out, struct str *out_why) NODISCARD;
/** The text for the row, in the arena; read again it gives the same. */
struct str trusted_issuer_write(const struct trusted_issuer *issuer, struct arena *arena) NODISCARD;

struct issuer_set {
    struct snapshot snapshot; /* first */
    struct arena arena;
    struct trusted_issuer *items;
    size_t n;
    size_t left_out;
    struct str left_out_why; /* issuer and reason of the first of them */
    struct map by_issuer;    /* both forms → struct trusted_issuer * */
};
/** Reads the store and builds the next set (refs 1). A row that can't be read any more is left out
 * and counted: a damaged one must not keep the others from counting. */
enum rc issuer_set_build(struct issuer_keys *keys, struct store_reader *reader,
                         struct issuer_set **out) NODISCARD;
const struct trusted_issuer *issuer_set_find(const struct issuer_set *set,
                                             struct str iss) NODISCARD;
/** The first rule that the payload satisfies, or NULL. Texts are compared whole; numbers without a
 * fraction and booleans as their text; of a list one element is enough. A claim's name is looked
 * for as it stands first, then taken apart at its dots, the longest member name first. */
const struct issuer_rule *trusted_issuer_match(const struct trusted_issuer *issuer,
                                               const struct claim *payload) NODISCARD;
/** True when `aud` (a string or a list of at most TOKEN_AUDIENCES_MAX) has one of the issuer's
 * audiences. */
bool trusted_issuer_audience(const struct trusted_issuer *issuer,
                             const struct claim *aud) NODISCARD;

#endif
