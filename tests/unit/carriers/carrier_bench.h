/* A carrier by HTTP without a network: what it asks is kept, the answer is the test's, and what it
 * tells its host is kept, too. */
#ifndef TESTS_CARRIER_BENCH_H
#define TESTS_CARRIER_BENCH_H

#include "carriers/carrier.h"
#include "http/outbound.h"

#define BENCH_NOW      ((unix_ms)1795446000000) /* Mon, 23 Nov 2026 15:00:00 GMT */
#define BENCH_CALLS    128
#define BENCH_CALLBACK "http://127.0.0.1:8080/carriers/out/S3cret"

struct bench_answer {
    enum rc rc;
    int status;
    const char *body, *headers; /* NULL: none; headers: "name: value" lines */
    bool sent;                  /* with a rc: something had gone out */
    bool hold;                  /* no answer until it is cancelled */
};

struct bench {
    struct outbound outbound; /* first */
    struct loop *loop;
    struct clock clock;
    struct arena arena;
    struct carrier_host host;
    const struct carrier_ops *ops;
    struct carrier *carrier;
    json_t *config, *secrets;
    struct bench_answer answer;
    struct outbound_call *held[BENCH_CALLS];
    size_t held_n;
    /* the last request; texts in `arena` */
    struct outbound_call asked;
    unsigned asked_n, cancelled;
    /* what came of it; texts in `arena` */
    struct carrier_result result;
    unsigned results, readies, reports;
    struct carrier_report report;
    bool inside; /* a call of the carrier's is on the stack */
};

/** Opens a carrier by this configuration, which must pass its check. */
void bench_open(struct bench *b, const struct carrier_ops *ops, const char *config,
                const char *secrets);
void bench_close(struct bench *b);
/** Checks a configuration: the sentence that refuses it, "" when it will do. In `out`. */
const char *bench_check(const struct carrier_ops *ops, const char *config, const char *secrets,
                        char *out, size_t cap);
struct carrier_message bench_message(void);
/** Hands over, answers with `answer`, and waits for the result. */
const struct carrier_result *bench_submit(struct bench *b, const struct carrier_message *m,
                                          struct bench_answer answer);
const struct carrier_result *bench_poll(struct bench *b, const struct carrier_message *m,
                                        struct bench_answer answer);
/** A header of the last request; "" when it is not there. */
struct str bench_header(const struct bench *b, const char *name);

/** A callback: "what?query", headers as "name: value" lines, and a body. */
struct bench_callback {
    struct carrier_callback cb;
    struct arena arena;
    struct str query_text;
    const char *headers;
};
enum rc bench_read(struct bench_callback *c, const struct carrier_ops *ops, const json_t *config,
                   const char *target, const char *headers, struct str body);
void bench_callback_clear(struct bench_callback *c);

#endif
