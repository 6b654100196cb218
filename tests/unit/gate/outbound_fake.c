#include "outbound_fake.h"

/* A `done` that is due on its loop. */
struct due {
    struct loop_task task;
    struct outbound_call *call;
};

static void run_due(void *ctx)
{
    struct due *d = ctx;
    struct outbound_call *call = d->call;

    free(d);
    call->done(call->ctx, call);
}

static void answer_soon(struct loop *loop, struct outbound_call *call)
{
    struct due *d = calloc(1, sizeof *d);

    if (!d)
        abort();
    *d = (struct due){.task = {.run = run_due, .ctx = d}, .call = call};
    loop_defer(loop, &d->task);
}

static struct fake_answer *answer_of(struct outbound_fake *f, const char *url)
{
    for (size_t i = 0; i < f->answers_count; i++)
        if (strcmp(f->answers[i].url, url) == 0)
            return &f->answers[i];
    return NULL;
}

static void note(struct outbound_fake *f, const struct outbound_call *call)
{
    f->sent++;
    f->last = *call;
    f->last_token[0] = '\0';
    (void)snprintf(f->last_url, sizeof f->last_url, "%s", call->url);
    for (size_t i = 0; i < call->headers_count; i++)
        if (name_eq(call->headers[i].name, STR("authorization")))
            (void)snprintf(f->last_token, sizeof f->last_token, STR_FMT,
                           STR_ARG(call->headers[i].value));
}

static void fake_send(struct outbound *o, struct loop *loop, struct outbound_call *call)
{
    struct outbound_fake *f = (struct outbound_fake *)(void *)o;
    struct fake_answer *a;

    (void)pthread_mutex_lock(&f->lock);
    note(f, call);
    a = answer_of(f, call->url);
    if (!a) {
        f->unknown++;
        call->rc = RC_IO;
        (void)snprintf(call->reason, sizeof call->reason, "no such host");
    } else if (a->body.len > call->response_max) {
        call->rc = RC_TOO_LARGE;
        (void)snprintf(call->reason, sizeof call->reason, "too large");
    } else {
        call->rc = a->rc;
        call->status = a->status ? a->status : 200;
        (void)snprintf(call->reason, sizeof call->reason, "%s", a->rc ? rc_name(a->rc) : "");
        buf_init(&call->response, call->response_max);
        buf_add(&call->response, a->body);
        buf_init(&call->kept, KIB);
        buf_add(&call->kept, str_from(a->headers));
        call->answer_headers = buf_str(&call->kept);
    }
    if (!a || !a->hold)
        answer_soon(loop, call);
    else
        call->engine = loop;
    (void)pthread_mutex_unlock(&f->lock);
}

static void fake_cancel(struct outbound *o, struct outbound_call *call)
{
    struct outbound_fake *f = (struct outbound_fake *)(void *)o;

    (void)pthread_mutex_lock(&f->lock);
    f->cancelled++;
    (void)pthread_mutex_unlock(&f->lock);
    call->rc = RC_BUSY;
    if (call->engine) /* one that was held: else it is on its way */
        answer_soon(call->engine, call);
}

void outbound_fake_init(struct outbound_fake *f)
{
    static const struct outbound_ops ops = {fake_send, fake_cancel};

    *f = (struct outbound_fake){.outbound = {&ops}};
    if (pthread_mutex_init(&f->lock, NULL))
        abort();
}

void outbound_fake_clear(struct outbound_fake *f)
{
    (void)pthread_mutex_destroy(&f->lock); /* nobody holds it any more */
}

void outbound_fake_answer(struct outbound_fake *f, struct fake_answer answer)
{
    struct fake_answer *a = answer_of(f, answer.url);

    (void)pthread_mutex_lock(&f->lock);
    if (!a && f->answers_count == FAKE_ANSWERS)
        abort();
    *(a ? a : &f->answers[f->answers_count++]) = answer;
    (void)pthread_mutex_unlock(&f->lock);
}
