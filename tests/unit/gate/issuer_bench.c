#include "issuer_bench.h"

#include <fcntl.h>
#include <unistd.h>

const struct key_location bench_location = {.issuer = STR_INIT(ISSUER)};
struct bench bench;

int bench_set_up(void **state)
{
    (void)state;
    bench = (struct bench){0};
    outbound_fake_init(&bench.fake);
    atomic_init(&bench.clock.frozen_ms, NOW);
    bench.loop = loop_new(0);
    (void)snprintf(bench.dir, sizeof bench.dir, "/tmp/test_issuer_keys.XXXXXX");
    return mkdtemp(bench.dir) ? 0 : -1;
}

char *bench_in_dir(const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", bench.dir, name);
    return path;
}

int bench_tear_down(void **state)
{
    (void)state;
    key_source_unref(bench.source);
    loop_free(bench.loop);
    issuer_keys_free(bench.keys);
    log_free(bench.log);
    outbound_fake_clear(&bench.fake);
    (void)unlink(bench_in_dir("file")); /* most tests write none */
    (void)unlink(bench_in_dir("next"));
    (void)unlink(bench_in_dir("log"));
    return rmdir(bench.dir);
}

void bench_answer(const char *url, const char *body)
{
    outbound_fake_answer(&bench.fake, (struct fake_answer){.url = url, .body = str_from(body)});
}

void bench_start(const struct key_location *where, bool development)
{
    bench.keys = issuer_keys_new(&(struct issuer_keys_options){.outbound = &bench.fake.outbound,
                                                               .clock = &bench.clock,
                                                               .log = bench.log,
                                                               .plain_loopback = development});
    bench.source = key_source_get(bench.keys, where);
}

void bench_start_with(const char *set)
{
    bench_answer(CONFIG, DOC(ISSUER, JWKS));
    bench_answer(JWKS, set);
    bench_start(&bench_location, false);
}

void bench_advance(int64_t ms)
{
    (void)atomic_fetch_add(&bench.clock.frozen_ms, ms);
}

static void stop_loop(void *ctx)
{
    loop_stop(ctx);
}

void bench_wait_on(struct loop *loop)
{
    struct key_wait w = {.task = {.run = stop_loop, .ctx = loop}, .loop = loop};

    assert_int_equal(key_source_wait(bench.source, &w), RC_OK);
    loop_run(loop);
}

enum rc bench_find_once(const char *kid, enum jws_alg alg, const char **why)
{
    struct key_query q = {str_from(kid), alg};
    struct pkey *key = NULL;
    enum rc rc = key_source_find(bench.source, bench.loop, &q, &key, why);

    assert_true(rc == RC_OK ? key && pkey_fits(key, alg) : !key);
    pkey_unref(key);
    return rc;
}

enum rc bench_ask(const char *kid, enum jws_alg alg, const char **why)
{
    for (unsigned i = 0; i < 5; i++) {
        enum rc rc = bench_find_once(kid, alg, why);

        if (rc != RC_BUSY)
            return rc;
        bench_wait_on(bench.loop);
    }
    fail_msg("it never ends");
    return RC_BUSY;
}

void bench_expect(const char *kid, enum rc rc, unsigned sent)
{
    const char *why = "";
    enum rc got = bench_ask(kid, JWS_ES256, &why);

    if (got != rc || bench.fake.sent != sent)
        fail_msg("%s: %s (%s) after %u requests", kid, rc_name(got), why, bench.fake.sent);
}

void bench_write_file(const char *name, const char *text)
{
    int fd = open(bench_in_dir(name), O_CREAT | O_TRUNC | O_WRONLY, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
}

size_t bench_count_in_log(const char *needle)
{
    static char text[16 * 1024];
    int fd = open(bench_in_dir("log"), O_RDONLY);
    ssize_t got;
    struct str rest;
    size_t found = 0, at;

    log_flush(bench.log);
    assert_true(fd >= 0);
    got = read(fd, text, sizeof text);
    assert_int_equal(close(fd), 0);
    assert_true(got >= 0);
    for (rest = str_of(text, (size_t)got); (at = str_find_str(rest, str_from(needle))) < rest.len;
         rest = str_from_index(rest, at + 1))
        found++;
    return found;
}
