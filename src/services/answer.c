/* The last step of every handler. A reply made here came from the service itself, which the wire
 * shows by api-supported-versions (wire/authentication §2.4). */
#include "services/answer.h"

struct buf answer_buf(struct request *req, size_t size)
{
    return (struct buf){.ptr = arena_alloc(req->arena, size), .cap = size, .max = size - 1};
}

void answer_json(struct request *req, int status, const struct buf *body)
{
    req->reply.processed = true;
    if (body->failed)
        reply_error(req, &API_INTERNAL);
    else
        reply_json(req, status, buf_str(body));
}

/* The heap buffer's text in the arena, or empty when it failed. */
static bool take(struct request *req, struct buf *body, struct str *out)
{
    bool ok = body->failed == RC_OK;

    req->reply.processed = true;
    if (ok)
        *out = arena_dup(req->arena, buf_str(body));
    buf_wipe(body);
    return ok;
}

void answer_json_moved(struct request *req, int status, struct buf *body)
{
    struct str text;

    if (take(req, body, &text))
        reply_json(req, status, text);
    else
        reply_error(req, &API_INTERNAL);
}

void answer_text_moved(struct request *req, struct str content_type, struct buf *body)
{
    struct str text;

    if (take(req, body, &text))
        reply_text(req, 200, content_type, text);
    else
        reply_error(req, &API_INTERNAL);
}

void answer_empty(struct request *req, int status)
{
    req->reply.processed = true;
    reply_empty(req, status);
}

void answer_error(struct request *req, const struct api_error *error)
{
    req->reply.processed = true;
    reply_error(req, error);
}

void answer_refusal(struct request *req, const struct refusal *why)
{
    req->reply.processed = true;
    reply_error_text(req, why->error, why->message.len ? why->message : why->error->text,
                     why->target);
}

void answer_rc(struct request *req, enum rc rc)
{
    const struct api_error *error = api_error_from_rc(rc);

    answer_error(req, error ? error : &API_INTERNAL);
}

void answer_invalid(struct request *req, struct str message, struct str target)
{
    answer_refusal(req, &(struct refusal){&API_VALIDATION, message, target});
}
