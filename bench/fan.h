/* Load that fans out, whatever the protocol: many connections that listen, a few that send, all in
 * one process with one clock. Measured is how long a message takes to each listener, how many reach
 * them, and what CPU time the server uses meanwhile.
 *
 * The ten digits behind the first '#' of a message are its number: by it frames are told apart. */
#ifndef BENCH_FAN_H
#define BENCH_FAN_H

#include "meter.h"

#include <stdbool.h>

struct fan;

struct fan_options {
    int port;
    long pid;
    double warm_s, slice_s;
    double rate;         /* messages per second, of all senders; 0: as fast as may be */
    size_t groups;       /* listeners are in so many: a message goes to all of one */
    size_t window;       /* messages of one sender that may be under way */
    const char *commits; /* file that commits.c writes to; NULL: the server does not tell */
    /* ws_load alone */
    const char *tokens, *requests;
    size_t length; /* of one request */
    /* nats_load alone */
    size_t listeners, octets; /* of a message */
};

struct fan_conn {
    int fd;
    bool listens, ready;
    size_t have, cap; /* octets that are no whole frame or answer yet */
    char *kept;
    char *request; /* a sender's: what is sent, with a place for the number */
    size_t length;
    uint64_t newest; /* number of the message that it sent last */
    size_t under_way;
};

/** What a protocol does. */
struct fan_speech {
    const char *program;
    /** Opens all connections. */
    void (*open)(struct fan *f);
    /** Takes one frame or answer off the front: its length, 0 when it is not whole. */
    size_t (*take)(struct fan *f, struct fan_conn *c, const char *in, size_t have);
};

/** Connects, and reads with the system's patience until fan_watch(). */
struct fan_conn *fan_listener(struct fan *f);
/** `request` is kept and written into. */
struct fan_conn *fan_sender(struct fan *f, char *request, size_t length);
void fan_watch(const struct fan *f, struct fan_conn *c);
void fan_write(const struct fan_conn *c, const void *octets, size_t len);

/** This listener hears what is sent from now on. */
void fan_ready(struct fan *f, struct fan_conn *c);
/** A listener got a text. True: of a message that no other listener waits for any more. */
bool fan_seen(struct fan *f, const char *text, size_t len);
/** A message of its sender is under way no longer: another may go. */
void fan_done(struct fan *f, uint64_t number);
/** The number in a text; false: of no message that was sent. */
bool fan_number(const struct fan *f, const char *text, size_t len, uint64_t *out);

const struct fan_options *fan_options(const struct fan *f);
void fan_complain(const char *what) __attribute__((noreturn));
void *fan_memory(void *memory);
/** Measures one slice, prints one JSON object; what main() returns. */
int fan_main(int argc, char **argv, const struct fan_speech *speech);

#endif
