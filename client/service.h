/* What the services of the library share: calls with JSON in and out, texts from answers. */
#ifndef CLIENT_SERVICE_H
#define CLIENT_SERVICE_H

#include "base/json.h"
#include "callgate/client.h"

#define SERVICE_BODY_MAX (64 * KIB)

/** One call. `body` may be NULL. */
struct service_call {
    const char *method;
    struct buf *target, *body;
    bool repeatable;          /* a second one changes nothing that the first did not */
    const char *content_type; /* of the body; NULL: application/json */
    const char *repeat_id;    /* repeatability-request-id; NULL: none */
};

/** Sends; on success *out is the answer's JSON, owned, or NULL when it has none. `out` may be
 * NULL. */
enum cg_status service_run(struct cg_client *client, const struct service_call *call, json_t **out,
                           struct cg_error *err) NODISCARD;
/** Appends `text` as one segment of a path. */
void service_segment(struct buf *out, const char *text);
/** *out is an owned copy, NUL-terminated. CG_PROTOCOL: a NUL in it; CG_NOMEM. */
enum cg_status service_text(struct str s, char **out) NODISCARD;
/** A text member that may be absent: *out is NULL then; else owned, each NUL in it told as U+FFFD.
 * CG_NOMEM. */
enum cg_status service_read_text(const json_t *item, const char *name, char **out) NODISCARD;
/** The same for `n` of them. */
enum cg_status service_read_texts(const json_t *item, const char *const *names, char **const *outs,
                                  size_t n) NODISCARD;
/** `status` of reading the client's last answer, with its text in `err`. */
enum cg_status service_told(const struct cg_client *client, enum cg_status status,
                            struct cg_error *err);

#endif
