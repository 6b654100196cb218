/* Applications and their credentials: the document of a row, read and written; how secrets are
 * kept. Tokens for them are minted by service_mint.c, their permissions are grants.c's.
 *
 * The document, all members of which may be absent but those of an item:
 *   {"secrets": [{"id", "hint", "description", "hash", "created", "expires"}],
 *    "certificates": [{"id", "subject", "der", "sha1", "sha256", "created", "notBefore",
 *                      "notAfter"}],
 *    "federated": [{"name", "issuer", "subject", "audience", "byAdministrator"}],
 *    "location": text, "tags": object}
 * Octets are base64, times are milliseconds. Source: wire/managed-identity §1.7, §1.8, §8. */
#ifndef GATE_APPLICATIONS_H
#define GATE_APPLICATIONS_H

#include "base/json.h"
#include "crypto/cert.h"
#include "crypto/seal.h"
#include "store/store.h"

#define APP_SECRETS_MAX      ((size_t)8)
#define APP_CERTIFICATES_MAX ((size_t)8)
#define APP_FEDERATED_MAX    ((size_t)20) /* Entra's limit */

/** A client secret: its keyed hash only. */
struct app_secret {
    struct str id;   /* uuid text */
    struct str hint; /* its first three characters */
    struct str description;
    uint8_t hash[32];
    unix_ms created, expires; /* expires 0: never */
};

struct app_certificate {
    struct str id; /* uuid text */
    struct str subject;
    struct str der;
    uint8_t sha1[20], sha256[32];
    unix_ms created, not_before, not_after;
};

struct app_federated {
    struct str name, issuer, subject, audience;
    bool by_administrator; /* its issuer may lie on a private address */
};

/** A row's document, read. Arrays and texts in the arena. */
struct app_document {
    struct app_secret *secrets;
    size_t secrets_count;
    struct app_certificate *certificates;
    size_t certificates_count;
    struct app_federated *federated;
    size_t federated_count;
    struct str location; /* managed identities */
    struct str tags;     /* JSON object text; empty: none */
};

/** RC_INVALID: not a document of ours: an unknown member, one that is absent or of another type,
 * too many items, two of one id or name. Room is left for one more item in each array. */
enum rc app_document_read(struct str text, struct arena *arena, struct app_document *out) NODISCARD;
/** The text for the row, in the arena. `tags` goes in as it is. */
struct str app_document_write(const struct app_document *doc, struct arena *arena) NODISCARD;

#define APP_SECRET_LEN ((size_t)40)
#define APP_HEADER_LEN ((size_t)64)

/** A new secret: APP_SECRET_LEN characters of base64url-safe text (240 bits less what a leading '-'
 * would have) in the arena, for the caller to show once, and its record. */
struct str app_secret_make(const struct master_key *master, unix_ms now, unix_ms expires,
                           struct str description, struct arena *arena, struct app_secret *out);
/** Keyed hash of a client secret or of an endpoint header. Fast on purpose: both are random. */
void app_secret_hash(const struct master_key *master, struct str secret, uint8_t out[static 32]);
/** The secret of `doc` that this is, in constant time over all of them; NULL: none. Expired ones
 * are found too. Costs one hash of `secret`, whatever `doc` holds. */
const struct app_secret *app_secret_find(const struct master_key *master,
                                         const struct app_document *doc,
                                         struct str secret) NODISCARD;

#define APP_CERTIFICATE_TEXT_MAX CERT_TEXT_MAX

/** A new certificate from what an administrator gives: PEM, or DER in base64 (of one line or of
 * many). Gets a random id and `now` as its time; texts in the arena. RC_INVALID with a sentence for
 * him in `out_why`: no certificate, one that can't be used, or a private key with it. */
enum rc app_certificate_read(struct str text, unix_ms now, struct arena *arena,
                             struct app_certificate *out, struct str *out_why) NODISCARD;

/** A new endpoint secret for a managed identity: APP_HEADER_LEN hexadecimal digits in the arena;
 * fills header_hash and header_sealed of the row (in the arena) by its client id, which it is
 * sealed to. */
struct str app_header_make(const struct master_key *master, struct arena *arena,
                           struct application_row *row);
/** The endpoint secret of the row, in the arena (wiped with it). RC_NOT_FOUND: it has none;
 * RC_DENIED: sealed under another master key, for another row, or damaged. */
enum rc app_header_open(const struct master_key *master, const struct application_row *row,
                        struct arena *arena, struct str *out) NODISCARD;

/** The ARM id of a managed identity: as rows keep it (`lower`), or as answers and the claim
 * xms_mirid write it: "/subscriptions/S/resourcegroups/G/providers/Microsoft.ManagedIdentity/
 * userAssignedIdentities/N", with group and name as given. */
struct str managed_identity_id(const struct uuid *subscription, struct str group, struct str name,
                               bool lower, struct arena *arena) NODISCARD;

#endif
