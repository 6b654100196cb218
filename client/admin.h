/* Administration calls: for our own command line and portal, never installed. The rows and their
 * members are the administration contract; this carries them. */
#ifndef CLIENT_ADMIN_H
#define CLIENT_ADMIN_H

#include "callgate/client.h"

#include <stdio.h>

/** An answer. Owned: cg_admin_reply_clear(). */
struct cg_admin_reply {
    int http_status;
    char *text; /* NUL-terminated; empty for 204 */
    size_t len;
};

/** Sends one administration request. `path` is path and query as they go on the wire; `body` is
 * JSON text or NULL. A status of 400 and more is an error, its body in `err`. The client may be
 * one on the administration socket, one with the administrator's token, one with a resource's key,
 * or one without a credential (the server judges). One thread at a time. */
enum cg_status cg_admin_call(struct cg_client *client, const char *method, const char *path,
                             const char *body, struct cg_admin_reply *out,
                             struct cg_error *err) CG_NODISCARD;
/** The same with the answer's body streamed to `to` (borrowed, not closed, not flushed), of any
 * length; the client's time-out does not apply, only the one for connecting. A failure midway
 * leaves part of the body there. */
enum cg_status cg_admin_download(struct cg_client *client, const char *method, const char *path,
                                 FILE *to, uint64_t *out_octets, struct cg_error *err) CG_NODISCARD;
void cg_admin_reply_clear(struct cg_admin_reply *reply);

#endif
