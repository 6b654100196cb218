/* bytes → request → route → principal → handler: the way of every request, one per loop. net calls
 * it, tests call it through request_fake(). */
#ifndef GATE_PIPELINE_H
#define GATE_PIPELINE_H

#include "gate/gate.h"

struct pipeline_options {
    bool development;
    bool errors_live; /* chat.error_shape = live */
};

/** Per route and loop; summed by the metrics page. */
#define LATENCY_BUCKETS 12
extern const uint32_t latency_bucket_us[LATENCY_BUCKETS];
struct route_figures {
    _Atomic uint64_t by_class[6]; /* status / 100 */
    _Atomic uint64_t bucket[LATENCY_BUCKETS + 1];
    _Atomic uint64_t total_us;
};

struct pipeline;
struct pipeline *pipeline_new(const struct pipeline_options *options, const struct router *router,
                              struct gate_loop *gate, const struct site *site, struct log *log);
void pipeline_free(struct pipeline *p);
/** The head is complete: finds the row and says how many octets of body it takes. */
size_t pipeline_head(struct pipeline *p, struct request *req);
/** The body is complete: checks and serves; the reply may come later. */
void pipeline_run(struct pipeline *p, struct request *req);
/** The reply was handed to the socket: one log line, figures. `octets` of head and body. */
void pipeline_finished(struct pipeline *p, const struct request *req, size_t octets);
/** The request is being parked: what of it outlives its arena, owned; for pipeline_unpark(). */
void *pipeline_park(struct pipeline *p, struct request *req);
/** It is a request again. `kept` is moved in. */
void pipeline_unpark(struct request *req, void *kept);
/** Figures of row number `index` (in the router's order); the last index + 1 is "no route". */
const struct route_figures *pipeline_figures(const struct pipeline *p, size_t index);

#endif
