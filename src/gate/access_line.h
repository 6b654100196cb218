/* The access log. Source: design D22. */
#ifndef GATE_ACCESS_LINE_H
#define GATE_ACCESS_LINE_H

#include "base/log.h"
#include "http/request.h"

/** Writes the line "http.request" of a request that has been answered: `octets` were sent, `us`
 * microseconds after it came. Any thread that may read the request. */
void access_line_write(struct log *log, const struct request *req, size_t octets, uint64_t us);

#endif
