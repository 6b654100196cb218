/* What the routes of trusted issuers share. Source: wire/managed-identity §4. */
#ifndef SERVICES_ADMIN_ISSUERS_H
#define SERVICES_ADMIN_ISSUERS_H

#include "gate/issuers.h"
#include "services/admin/admin_access.h"

struct issuer_test;
typedef void (*issuer_tested_fn)(void *ctx, const struct key_source_state *state);
/** Fetches the key set at `where` now and calls `done` on the request's loop with what came of it;
 * texts in the request's arena. Holds the request. */
void issuer_test(struct request *req, const struct key_location *where, issuer_tested_fn done,
                 void *ctx);
/** Why the set can't be used, or empty: it can. */
struct str issuer_test_failure(const struct key_source_state *state);
/** Members of the answer that say what is known of the keys. */
void issuer_write_state(struct request *req, const struct key_source_state *state,
                        struct json_writer *w);
/** The issuer's members as JSON, into the open object. */
void issuer_write_members(struct request *req, const struct issuer_row *row, struct json_writer *w);

/** All issuers' rows, read on the pool; `done` gets them on the request's loop, in the request's
 * arena, or has been spared: a failure is answered. Holds the request. */
typedef void (*issuer_rows_fn)(void *ctx, const struct issuer_row *rows, size_t n);
void issuer_rows(struct request *req, issuer_rows_fn done, void *ctx);
/** The row that `text` means: its id, or its issuer in either form; NULL: none. */
const struct issuer_row *issuer_row_of(struct request *req, const struct issuer_row *rows, size_t n,
                                       struct str text) NODISCARD;

#endif
