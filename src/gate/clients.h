/* Applications as the token endpoint needs them: the row with its document taken apart. A loop
 * keeps those that it was asked for last until a principal changes (grants_version()). */
#ifndef GATE_CLIENTS_H
#define GATE_CLIENTS_H

#include "gate/applications.h"
#include "gate/gate.h"

/** One application as of one moment; nothing in it changes. Counted without a lock: one loop's. */
struct client {
    unsigned refs;
    struct arena arena; /* of what follows */
    struct application_row row;
    struct app_document document;
};

struct clients;

/** The application of this client id, never older than the last change that was acknowledged; the
 * caller's until client_unref(). RC_NOT_FOUND: there is none; RC_INVALID: its document is damaged;
 * RC_IO: the store can't be read. */
enum rc gate_client(struct gate_loop *gl, const struct uuid *client_id,
                    struct client **out) NODISCARD;
/** NULL is fine. */
void client_unref(struct client *c);
/** With the loop; NULL is fine. */
void clients_free(struct clients *k);

#endif
