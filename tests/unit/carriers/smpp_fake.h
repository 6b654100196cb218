/* A peer and a host for the SMPP carrier: no sockets, and time stands where it is put. */
#ifndef TESTS_UNIT_CARRIERS_SMPP_FAKE_H
#define TESTS_UNIT_CARRIERS_SMPP_FAKE_H

#include "../base/unit.h"

#include "carriers/smpp_private.h"

#define RESULTS_MAX 512
#define EVENTS_MAX  2048

struct fake_result {
    enum carrier_outcome outcome;
    uint8_t first; /* octet of the message's id */
    uint32_t code;
    uint64_t retry_ms;
    char ref[32], refs[CARRIER_REFS_MAX][SMPP_SPELLING_ROOM];
    size_t n_refs;
};
/** A report or an inbound message, with what is owed to the carrier. */
struct fake_event {
    bool delivered, final;
    uint32_t code, segments;
    char refs[256]; /* a bar between them */
    char from[32], to[32], text[2048];
    carrier_done_fn done;
    void *done_ctx;
};

struct fake {
    struct loop *loop;
    struct clock clock;
    struct carrier_host host;
    struct carrier *carrier;
    uint64_t now;
    struct fake_result results[RESULTS_MAX];
    struct fake_event reports[EVENTS_MAX], inbounds[EVENTS_MAX];
    size_t n_results, n_reports, n_inbounds, n_ready;
};

/** Opens a carrier of `config` (JSON, with single quotes) at 1000 s; it connects. */
struct fake *fake_new(const char *config);
/** Closes the carrier, unless that was done. */
void fake_free(struct fake *f);
/** Lets time pass, in ticks. */
void fake_wait(struct fake *f, uint64_t ms);
/** The connection stands, and the bind is accepted. */
void fake_bind(struct fake *f);
void fake_bind_as(struct fake *f, uint32_t command);
/** Of a pair: 0 the first that was opened, 1 the other. What follows concerns that one. */
void fake_look_at(size_t place);
/** How often a connection was begun; whether there is one now. */
unsigned fake_connections(void);
bool fake_is_connected(void);
/** The connection is there; breaks. */
void fake_open(void);
void fake_break(void);
/** The next PDU that the carrier sent. False: none. */
bool fake_take(struct smpp_header *out, struct str *out_body);
/** That PDU must be of that kind. */
struct smpp_header fake_expect(const char *name, uint32_t command, struct str *out_body);
/** The peer sends octets; a PDU with a text, or without a body. */
void fake_send(struct str octets);
void fake_send_text(uint32_t command, uint32_t status, uint32_t sequence, const char *text);
void fake_send_plain(uint32_t command, uint32_t status, uint32_t sequence);
/** A deliver_sm. */
void fake_deliver(uint32_t sequence, const struct smpp_message *m);
void fake_receipt(uint32_t sequence, const char *text);
/** Hands a message over whose id begins with `first`. */
void fake_submit(struct fake *f, uint8_t first, const char *from, const char *text);

#endif
