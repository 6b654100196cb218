/* A server of fixture.h that also is an issuer: a tenant, signing keys, applications with each kind
 * of credential, and another issuer whose keys come from a fake outbound. */
#ifndef TESTS_UNIT_SERVICES_ISSUER_FIXTURE_H
#define TESTS_UNIT_SERVICES_ISSUER_FIXTURE_H

#include "fixture.h"

#include "crypto/cert.h"
#include "crypto/jws.h"
#include "gate/applications.h"
#include "gate/issuer_keys.h"
#include "http/outbound.h"

#define ORIGIN         "http://localhost:8080"
#define FOREIGN_ISSUER "https://issuer.example"
#define SUBJECT        "system:serviceaccount:shop:worker"
#define EXCHANGE       "api://AzureADTokenExchange"
#define DATA_SCOPE     "https://communication.azure.com//.default"
#define GRANT          "grant_type=client_credentials&scope=" DATA_SCOPE

/** Keys that cost: made once for a whole program. */
struct issuer_keys_of_test {
    struct pkey *client, *stranger, *foreign; /* RSA, RSA, P-256 */
    struct str client_der, expired_der;       /* certificates of `client` */
    struct str stranger_der;
};
extern struct issuer_keys_of_test test_keys;

struct issuer_world {
    struct fixture fx;
    struct arena arena;
    char tenant[UUID_TEXT_LEN + 1];
    struct uuid client_id, other_id, disabled_id, object_id;
    char client[UUID_TEXT_LEN + 1], other[UUID_TEXT_LEN + 1], disabled[UUID_TEXT_LEN + 1];
    char object[UUID_TEXT_LEN + 1]; /* of the client */
    struct str secret, expired_secret, disabled_secret;
    struct application_row app;

    /* the other issuer */
    struct outbound outbound;
    struct issuer_keys *keys;
    unsigned fetches;
    bool unreachable;
    bool private_ok; /* of the last fetch */
};

void world_open(struct issuer_world *w, bool production);
void world_close(struct issuer_world *w);
/** Once, at the end of the program. */
void test_keys_free(void);

/** A request with a form; `headers` are whole lines, each ended by CRLF. Waits for the answer. */
int post(struct issuer_world *w, const char *path, const char *headers, const char *form);
/** The same at /T/oauth2/v2.0/token without headers. */
int ask_token(struct issuer_world *w, const char *form);
/** Fails unless the last answer has this status, error and number, and the members of every error.
 */
void check_refused(const struct issuer_world *w, int status, const char *error, int number);
/** The payload of the last answer's access_token, owned. */
json_t *token_payload(const struct issuer_world *w);

/** "header.payload.signature" in the world's arena, signed by `key`. */
struct str signed_jws(struct issuer_world *w, struct pkey *key, const char *header,
                      const char *payload);
/** The header that official clients send for a certificate: alg and x5t, base64url. */
const char *certificate_header(struct issuer_world *w, const char *alg, struct str der);
/** A payload for the client's own assertion; `more` is ",\"name\":value…" or "". */
const char *client_payload(struct issuer_world *w, const char *more);
/** Asks with an assertion; `id` NULL leaves client_id out. */
int ask_with_assertion(struct issuer_world *w, const char *id, struct str assertion);

#endif
