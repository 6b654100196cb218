/* An issuer that a fake plays, one source of its keys and a clock that is moved by hand: for tests
 * of when and how key sets are fetched. */
#ifndef TESTS_ISSUER_BENCH_H
#define TESTS_ISSUER_BENCH_H

#include "unit/crypto/rfc_vectors.h"
#include "unit/gate/fixture.h"
#include "unit/gate/outbound_fake.h"

#include "base/log.h"
#include "gate/issuer_keys.h"

#define ISSUER       "https://keys.example.org/realms/a"
#define CONFIG       ISSUER "/.well-known/openid-configuration"
#define JWKS         "https://keys.example.org/certs"
#define DOC(is, uri) "{\"issuer\":\"" is "\",\"jwks_uri\":\"" uri "\"}"
#define EC_KEY(kid)                                                                                \
    "{\"kid\":\"" kid "\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" RFC7515_A3_X                  \
    "\",\"y\":\"" RFC7515_A3_Y "\"}"
#define SET(keys) "{\"keys\":[" keys "]}"
#define MINUTE    ((int64_t)60 * 1000)
#define HOUR      (60 * MINUTE)
#define DAY       (24 * HOUR)

/** The issuer alone; a configuration that names JWKS. */
extern const struct key_location bench_location;

struct bench {
    struct outbound_fake fake;
    struct clock clock;
    struct loop *loop;
    struct issuer_keys *keys;
    struct key_source *source;
    struct log *log;
    char dir[64];
};
/** That of the running test. */
extern struct bench bench;

int bench_set_up(void **state);
int bench_tear_down(void **state);
/** The path of a file that may be written: "file", "next", "log". Until the next call. */
char *bench_in_dir(const char *name);
void bench_write_file(const char *name, const char *text);
/** How often `needle` stands in the file "log", flushed before. */
size_t bench_count_in_log(const char *needle);
void bench_answer(const char *url, const char *body);
void bench_start(const struct key_location *where, bool development);
/** An issuer that serves this set. */
void bench_start_with(const char *set);
void bench_advance(int64_t ms);
/** Until the fetch that is under way, if any, has ended. */
void bench_wait_on(struct loop *loop);
enum rc bench_find_once(const char *kid, enum jws_alg alg, const char **why);
/** As the gate does: waits and asks again. */
enum rc bench_ask(const char *kid, enum jws_alg alg, const char **why);
/** Asks for an ES256 key; fails unless that ends with `rc` after `sent` requests in all. */
void bench_expect(const char *kid, enum rc rc, unsigned sent);

#endif
