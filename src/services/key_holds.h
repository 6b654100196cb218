/* Keeps key sets of issuers alive between requests that need them, so that each is fetched once and
 * not per request. Source: wire/managed-identity §1.8, §4.4. */
#ifndef SERVICES_KEY_HOLDS_H
#define SERVICES_KEY_HOLDS_H

struct key_source;

#define KEY_HOLDS_MAX 64

/** The last KEY_HOLDS_MAX that were used. Shared by all loops. */
struct key_holds;
/** Owned. */
struct key_holds *key_holds_new(void);
/** Gives all back: before issuer_keys_free(). NULL is fine. */
void key_holds_free(struct key_holds *h);
/** Takes a reference of its own, unless it has one. */
void key_holds_keep(struct key_holds *h, struct key_source *source);

#endif
