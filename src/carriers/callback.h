/* What callbacks of carriers have in common: numbers, and texts in whatever alphabet they came. */
#ifndef CARRIERS_CALLBACK_H
#define CARRIERS_CALLBACK_H

#include "carriers/carrier.h"

/** A query parameter; ptr NULL when it is absent. */
struct str callback_query(const struct carrier_callback *cb, const char *name) NODISCARD;
struct str callback_header(const struct carrier_callback *cb, const char *name) NODISCARD;
/** A telephone number as we write it: seven digits or more get a '+' ("00" in front is one), short
 * codes and names stay. In the callback's arena, or the text itself. */
struct str callback_number(const struct carrier_callback *cb, struct str text) NODISCARD;
/** The body as UTF-8, by the charset of its content type; what is no UTF-8 is read as Latin-1. */
struct str callback_text(const struct carrier_callback *cb) NODISCARD;
/** Parts that a text took on the air. */
uint32_t callback_segments(struct str text) NODISCARD;
/** A message or a report into the callback; one of each. */
struct carrier_inbound *callback_inbound(struct carrier_callback *cb);
struct carrier_report *callback_report(struct carrier_callback *cb);
/** Reads "id" and "key" of the query: the message that our own address named. RC_NOT_FOUND: it
 * names none. RC_INVALID: malformed. */
enum rc callback_message(const struct carrier_callback *cb, struct carrier_report *out) NODISCARD;
/** The address under which reports of one message come; empty: we don't know how we are reached. */
struct str callback_report_url(const struct carrier_host *host, const struct carrier_message *m,
                               struct arena *arena) NODISCARD;

#endif
