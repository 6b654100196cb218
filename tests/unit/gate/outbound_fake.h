/* Outbound requests without a network: answers by URL, counted, on the loop that asked. For tests
 * of what fetches. Thread-safe once the script stands. */
#ifndef TESTS_OUTBOUND_FAKE_H
#define TESTS_OUTBOUND_FAKE_H

#include "http/outbound.h"

#include <pthread.h>

#define FAKE_ANSWERS 8

struct fake_answer {
    const char *url;
    enum rc rc;
    int status;          /* 0: 200 */
    struct str body;     /* borrowed */
    const char *headers; /* "name: value" lines, or NULL */
    bool hold;           /* no answer until it is cancelled */
};

struct outbound_fake {
    struct outbound outbound; /* first */
    pthread_mutex_t lock;
    struct fake_answer answers[FAKE_ANSWERS];
    size_t answers_count;
    unsigned sent, cancelled, unknown; /* requests; of them to URLs without an answer */
    struct outbound_call last;         /* what was asked by the last one: numbers and flags */
    char last_url[256], last_token[64];
};

void outbound_fake_init(struct outbound_fake *f);
void outbound_fake_clear(struct outbound_fake *f);
/** Sets the answer of a URL, in place of a former one. */
void outbound_fake_answer(struct outbound_fake *f, struct fake_answer answer);

#endif
