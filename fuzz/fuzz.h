/* What the fuzz targets share. A target reads one input, asserts what must hold of whatever was
 * accepted, and keeps nothing. The same source is a libFuzzer target (option `fuzz`) and a replay
 * of the kept inputs in the unit run. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include "http/request.h"

#define FUZZ_NOW ((unix_ms)1795446000000) /* Mon, 23 Nov 2026 15:00:00 GMT */

/** Runs one input; always 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Stays in every build: a property that fails is a finding like a crash. */
#define CHECK(holds) ((holds) ? (void)0 : fuzz_fail(#holds, __FILE__, __LINE__))
void fuzz_fail(const char *property, const char *file, int line) __attribute__((noreturn));
/** True when `part` is empty or lies inside `whole`. */
bool fuzz_lies_within(struct str part, struct str whole);
/** Takes the next line (without its LF) off `*rest`; the last one need not have one. */
struct str fuzz_take_line(struct str *rest);

/** A request without a network, read from lines: "METHOD target HTTP/1.1", header lines "name:
 * value", an empty line, the body. Looser than a connection: what is fuzzed comes behind it. */
struct fuzz_request {
    struct request req;
    struct arena arena;
    struct header lines[HEADERS_MAX];
    struct door door;
};
/** RC_INVALID: no request line, or a target that url_split() refuses. fuzz_request_clear() in both
 * cases. `text` is borrowed. */
enum rc fuzz_request_read(struct fuzz_request *f, struct str text) NODISCARD;
void fuzz_request_clear(struct fuzz_request *f);

#endif
