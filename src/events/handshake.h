/* Consent of an endpoint before any event goes there: what is sent, and what its answer means.
 *
 * Consent may also come later, by an address on our own origin. The token in it is made of the
 * subscription and the code of this handshake under the master key: it is kept nowhere, the store
 * alone does not give it away, and the next handshake makes it worthless. Source: wire/events §4,
 * §5. */
#ifndef EVENTS_HANDSHAKE_H
#define EVENTS_HANDSHAKE_H

#include "base/buf.h"
#include "events/subscription.h"

#define HANDSHAKE_TRIES     3u
#define HANDSHAKE_PAUSE_MS  ((int64_t)5 * 1000)
#define HANDSHAKE_AWAIT_MS  ((int64_t)10 * 60 * 1000)
#define HANDSHAKE_TOKEN_LEN ((size_t)32) /* hexadecimal digits */
#define HANDSHAKE_PATH      "/events/validate?token="

enum handshake_verdict {
    HANDSHAKE_AGAIN = 0, /* no consent: another try */
    HANDSHAKE_PASSED,
    HANDSHAKE_MANUAL, /* the endpoint is there, and may consent later */
};

/** A fresh code. In `arena`. */
struct str handshake_code(struct arena *arena) NODISCARD;
/** HANDSHAKE_TOKEN_LEN digits. */
void handshake_token(const struct subscription *s, const struct master_key *master,
                     char out[static 32]);
/** Whether `token` is that of its handshake, which still waits for consent. */
bool handshake_token_fits(const struct subscription *s, const struct master_key *master,
                          struct str token, unix_ms now) NODISCARD;
/** Whether it waits for consent now. */
bool handshake_is_open(const struct subscription *s, unix_ms now) NODISCARD;

/** The validation event of the Event Grid schema: an array of one. */
void handshake_body(struct buf *out, const struct subscription *s, struct str topic,
                    struct str validation_url, unix_ms now);
/** What an endpoint's answer to it means. */
enum handshake_verdict handshake_judge(int status, struct str body, struct str code) NODISCARD;
/** What the header WebHook-Allowed-Origin (ptr NULL: absent) of a CloudEvents answer means. */
enum handshake_verdict handshake_judge_origin(struct str allowed, struct str origin) NODISCARD;
/** Requests a minute by WebHook-Allowed-Rate; 0: any, or not understood. */
uint32_t handshake_rate(struct str allowed) NODISCARD;

#endif
