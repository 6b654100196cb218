/* Our own routes, for tests, operators, the command line and the portal. Source:
 * wire/administration. No api-version; unknown members of a body are refused. */
#ifndef SERVICES_ADMIN_H
#define SERVICES_ADMIN_H

#include "base/buf.h"
#include "http/route.h"

struct request;
struct site;
struct store_reader;
struct clock;

extern const struct service admin_service;
extern const struct route admin_routes[];

/** GET /admin/whoami: the principal as we see it, for any credential. */
void admin_whoami(struct request *req);

void admin_resources_list(struct request *req);
void admin_resource_create(struct request *req);
void admin_resource_get(struct request *req);
void admin_resource_patch(struct request *req);
/** Asks for ?confirm=NAME; the default resource stays. */
void admin_resource_delete(struct request *req);

/** GET /admin/keys: times; values only for the administrator with ?reveal=true. */
void admin_keys_get(struct request *req);
/** POST /admin/keys/{slot}:regenerate: a new key, or an imported one, at once. */
void admin_key_regenerate(struct request *req);

/** GET /admin/signing-keys: keys of user tokens, the newest first. */
void admin_signing_keys_list(struct request *req);
/** POST /admin/signing-keys:rotate: {"activateIn"?,"alg"?}; the others retire when it activates. */
void admin_signing_keys_rotate(struct request *req);
/** Deletes signing keys whose last token has expired. On the site's loop, hourly; nobody waits. */
void admin_expire_signing_keys(const struct site *site);

void admin_users_list(struct request *req);
void admin_user_create(struct request *req);
void admin_user_get(struct request *req);
void admin_user_delete(struct request *req);
/** Everything kept about the user, as JSON lines. */
void admin_user_export(struct request *req);
void admin_user_issue_token(struct request *req);

/** Service time (design D20); moved only by an administrator nearby, in development. */
void admin_clock_get(struct request *req);
void admin_clock_put(struct request *req);
void admin_clock_delete(struct request *req);
/** Moves the clock to where it stood before a restart. Before anything reads it. */
enum rc admin_clock_restore(struct store_reader *reader, struct clock *clock) NODISCARD;

void admin_settings(struct request *req);
void admin_status(struct request *req);
/** POST /admin/backup: streams a whole copy of the store. */
void admin_backup(struct request *req);

#endif
