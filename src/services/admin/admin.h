/* Our own routes, for tests, operators, the command line and the portal. Source:
 * wire/administration. No api-version; unknown members of a body are refused. */
#ifndef SERVICES_ADMIN_H
#define SERVICES_ADMIN_H

#include "base/buf.h"
#include "services/own_routes.h"

struct request;
struct seed_part;
struct site;
struct store_reader;
struct clock;
struct json_writer;

extern const struct route admin_routes[];
extern const struct seed_part seed_users; /* admin_seed_users.c */

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

/** GET /admin/signing-keys?purpose=user|issuer: keys of user or service tokens, the newest first.
 */
void admin_signing_keys_list(struct request *req);
/** POST /admin/signing-keys:rotate: {"activateIn"?,"alg"?,"purpose"?}; the others retire when it
 * activates. */
void admin_signing_keys_rotate(struct request *req);
/** Deletes signing keys whose last token has expired. On the site's loop, hourly; nobody waits. */
void admin_expire_signing_keys(const struct site *site);

void admin_users_list(struct request *req);
void admin_user_create(struct request *req);
void admin_user_get(struct request *req);
void admin_user_delete(struct request *req);
/** Everything kept about the user, as JSON lines. */
void admin_user_issue_token(struct request *req);

/** Service time (design D20); moved only by an administrator nearby, in development. */
void admin_clock_get(struct request *req);
void admin_clock_put(struct request *req);
void admin_clock_delete(struct request *req);
/** Moves the clock to where it stood before a restart. Before anything reads it. */
enum rc admin_clock_restore(struct store_reader *reader, struct clock *clock) NODISCARD;

/** What a server begins with, in one document (services/seed.h). Development only. */
void admin_seed(struct request *req);
/** ?parts=users,chat: what is there, as such a document. */
void admin_seed_export(struct request *req);
/** {"parts":["chat"]}: takes all of it away. */
void admin_reset(struct request *req);

/** Applications. {app}: name, client id or object id. */
void admin_apps_list(struct request *req);
void admin_app_create(struct request *req);
void admin_app_get(struct request *req);
/** {"disabled"?,"name"?,"revokeTokens"?}; also for principals of other kinds. */
void admin_app_patch(struct request *req);
void admin_app_delete(struct request *req);
/** A new secret, shown once. */
void admin_app_secret_add(struct request *req);
void admin_app_secret_delete(struct request *req);
void admin_app_certificate_add(struct request *req);
void admin_app_certificate_delete(struct request *req);
void admin_app_federated_add(struct request *req);
void admin_app_federated_delete(struct request *req);

/** Managed identities. */
void admin_identities_list(struct request *req);
void admin_identity_create(struct request *req);
void admin_identity_get(struct request *req);
void admin_identity_delete(struct request *req);
/** {"resource"}: the identity of a resource; it may be there already. */
void admin_identity_assign(struct request *req);
/** The secret of its endpoint: shown, made new. */
void admin_identity_header(struct request *req);
void admin_identity_renew_header(struct request *req);
/** A stream: an identity endpoint is open as long as it is. */
void admin_identity_serve(struct request *req);

void admin_role_assignments_list(struct request *req);
void admin_role_assign(struct request *req);
void admin_role_unassign(struct request *req);
void admin_roles_list(struct request *req);
void admin_role_create(struct request *req);
void admin_role_delete(struct request *req);

/** Trusted issuers. {id}: its id, or its address. */
void admin_issuers_list(struct request *req);
void admin_issuer_add(struct request *req);
void admin_issuer_delete(struct request *req);
void admin_issuer_test(struct request *req);

void admin_tenant(struct request *req);
/** Members tenantId and subscriptionId into the open object. */
void tenant_write_members(struct request *req, struct json_writer *w);
/** POST /admin/token: a service token of one of our principals. */
void admin_token(struct request *req);

void admin_settings(struct request *req);
void admin_status(struct request *req);
/** POST /admin/backup: streams a whole copy of the store. */
void admin_backup(struct request *req);

#endif
