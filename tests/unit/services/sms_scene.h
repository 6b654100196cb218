/* An engine with a carrier that does what a test tells it: handovers, results, reports, crashes,
 * deadlines. The clock stands still unless it is moved. */
#ifndef TESTS_UNIT_SERVICES_SMS_SCENE_H
#define TESTS_UNIT_SERVICES_SMS_SCENE_H

#include "fixture.h"

#include "services/sms/sms_engine.h"

#define RECORDS_MAX 64
#define START_MS    ((unix_ms)1770000000000)
#define MINUTE_MS   ((int64_t)60000)
#define WAIT_STEPS  1000

/** What the carrier is told, and what it has seen. */
extern struct carrier_state {
    struct carrier carrier;
    const struct carrier_host *host;
    size_t room;
    unsigned opened, closed;
    struct uuid at[RECORDS_MAX]; /* messages that it has not answered */
    size_t n;
    unsigned submits, polls;
    uint32_t attempt;        /* of the last message */
    enum sms_state in_store; /* what the store said of the last one */
    char ref[64];            /* of the last question */
    bool accepts;            /* at once, and says no more */
    bool says_later;         /* at once, to a question */
} fake;

extern struct fixture fx;
extern struct sms *sms;

/** Before and after each test: the transport "carrier-a" is there, and has room for ten. */
int sms_scene_open(void **state);
int sms_scene_close(void **state);
/** A run of the server's part. */
void run_sms(void);
void end_sms(void);
void put_transport(uint32_t version);
void advance(int64_t ms);

/** A message of `row`, with what is missing filled in: due at once, for "carrier-a". */
struct uuid add_message(struct sms_row row);
/** The same, when the carrier has got it, and has not answered. */
struct uuid handed_over(struct sms_row row);
void wait_for_submits(unsigned n);
struct sms_row wait_for_state(const struct uuid *id, enum sms_state wanted);
struct sms_row stored(const struct uuid *id);

/** What the carrier says. */
void answer(const struct carrier_result *result);
void accept_with(const struct uuid *id, const struct str *refs, size_t n);
void report(struct str ref, bool delivered, uint32_t code);

#endif
