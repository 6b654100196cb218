/* Refusals in the contract's words. Source: wire/chat §2.1. */
#include "services/chat/chat_wire.h"

void chat_problem_add(struct chat_problems *p, struct str message, struct str target)
{
    if (p->n < CHAT_PROBLEMS_MAX)
        p->items[p->n++] = (struct error_detail){message, target};
}

void chat_answer_problems(struct request *req, const struct chat_problems *p)
{
    req->reply.processed = true;
    reply_error_details(req, &API_CHAT_INVALID, p->items, p->n);
}

void chat_answer_problem(struct request *req, struct str message, struct str target)
{
    struct chat_problems p = {0};

    chat_problem_add(&p, message, target);
    chat_answer_problems(req, &p);
}

void chat_answer_rc(struct request *req, enum rc rc)
{
    if (rc == RC_FULL)
        answer_error(req, &API_NO_SPACE);
    else if (rc == RC_IO || rc == RC_BUSY || rc == RC_CONFLICT)
        answer_error(req, &API_CHAT_UNAVAILABLE);
    else
        answer_error(req, &API_INTERNAL);
}

void chat_answer_no_thread(struct request *req, struct str explain)
{
    req->explain = explain;
    answer_error(req, req->site->chat->options.hide_foreign ? &API_FORBIDDEN
                                                            : &API_CHAT_THREAD_NOT_FOUND);
}
