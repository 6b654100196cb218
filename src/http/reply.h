/* The one answer to a request, and its octets. */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include "base/buf.h"
#include "base/json.h"
#include "http/api_error.h"

struct request;

#define REPLY_EXTRA_MAX 8

struct reply_header {
    struct str name, value;
};

struct reply {
    int status;
    struct str content_type; /* empty: none is sent */
    struct str body;         /* borrowed until sent: arena or static */
    struct reply_header extra[REPLY_EXTRA_MAX];
    uint8_t extra_count;
    bool close;     /* the connection ends after this reply */
    bool stream;    /* length unknown: chunked (or until close on HTTP/1.0) */
    bool processed; /* the service itself answered: api-supported-versions is sent */
};

/** Adds a header to the coming reply; texts are borrowed until it is sent. */
void reply_header(struct request *req, struct str name, struct str value);
/** Answers with JSON text (arena or static). */
void reply_json(struct request *req, int status, struct str json);
/** Answers without a body (204, 202…). */
void reply_empty(struct request *req, int status);
/** Answers with another media type. */
void reply_text(struct request *req, int status, struct str content_type, struct str body);
/** Answers with the contract's error body, in the shape that the row's service has. */
void reply_error(struct request *req, const struct api_error *error);
/** The same with a message and a target of our own (target may be empty). */
void reply_error_text(struct request *req, const struct api_error *error, struct str message,
                      struct str target);
/** One of several things that are wrong. */
struct error_detail {
    struct str message, target;
};
/** The same with the error's own message, and what is wrong one by one (not in the OAuth shape). */
void reply_error_details(struct request *req, const struct api_error *error,
                         const struct error_detail *details, size_t n);
/** {"error":{"code","message","target"?}} into `out`. */
void api_error_write(struct buf *out, struct str code, struct str message, struct str target);
/** {"error":code,"error_description":message} into `out`. Source: RFC 6749 §5.2. */
void oauth_error_write(struct buf *out, struct str code, struct str message);

/** Octets of the head and body of req->reply: status line, Date (`date` holds HTTP_DATE_LEN
 * characters), what §2.4 of wire/authentication wants, CORS for the wire plane, extra headers.
 * `out` grows; on failure out->failed is set. */
void reply_encode(const struct request *req, struct str date, struct buf *out);
/** Reason phrase of a status, "Unknown" for strangers. */
struct str status_reason(int status);

#endif
