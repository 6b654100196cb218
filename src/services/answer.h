/* Answers of the services: JSON from the arena, refusals with their own words, store results. */
#ifndef SERVICES_ANSWER_H
#define SERVICES_ANSWER_H

#include "http/request.h"

/** A refusal in the making: which error, and what it says beyond its row (empty: the row's). */
struct refusal {
    const struct api_error *error;
    struct str message, target; /* arena or static */
};

/** A buffer of exactly `size` octets in the request's arena: never grows, never cleared. */
struct buf answer_buf(struct request *req, size_t size) NODISCARD;
/** Answers with what an answer_buf() holds; 500 when it failed. */
void answer_json(struct request *req, int status, const struct buf *body);
/** The same for a buffer on the heap, which is moved in: copied to the arena and cleared. */
void answer_json_moved(struct request *req, int status, struct buf *body);
/** The same with another media type. */
void answer_text_moved(struct request *req, struct str content_type, struct buf *body);
void answer_empty(struct request *req, int status);
void answer_error(struct request *req, const struct api_error *error);
void answer_refusal(struct request *req, const struct refusal *why);
/** What a failed store call means to the caller. */
void answer_rc(struct request *req, enum rc rc);
/** Answers 400 ValidationError. */
void answer_invalid(struct request *req, struct str message, struct str target);

#endif
