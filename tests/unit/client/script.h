/* A transport of the tests' own: answers in order, keeps what was sent. */
#ifndef TESTS_CLIENT_SCRIPT_H
#define TESTS_CLIENT_SCRIPT_H

#include "base/str.h"
#include "callgate/callgate.h"
#include "vectors.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define CONNECTION "endpoint=https://localhost:8443/;accesskey=" KEY_1

/* A server of one test: answers in order, requests kept. */
struct script {
    struct {
        int status; /* 0: no answer */
        const char *header, *value, *body;
    } answers[4];
    unsigned sent;
    char method[16], url[512], body[1024], bodies[4][1024], authorization[256], dates[4][64],
        host[64], ca[64], content_type[64], repeat_ids[4][64];
    bool connected, no_proxy;
};

static enum cg_status fake_open(void **out_state, void *user)
{
    *out_state = user;
    return CG_OK;
}

static void fake_close(void *state)
{
    (void)state;
}

static void keep_header(struct script *s, const struct cg_header *h)
{
    if (strcmp(h->name, "Authorization") == 0)
        (void)snprintf(s->authorization, sizeof s->authorization, "%s", h->value);
    if (strcmp(h->name, "x-ms-date") == 0)
        (void)snprintf(s->dates[s->sent], sizeof s->dates[0], "%s", h->value);
    if (strcmp(h->name, "Content-Type") == 0)
        (void)snprintf(s->content_type, sizeof s->content_type, "%s", h->value);
    if (strcmp(h->name, "repeatability-request-id") == 0)
        (void)snprintf(s->repeat_ids[s->sent], sizeof s->repeat_ids[0], "%s", h->value);
    if (strcmp(h->name, "Host") == 0)
        (void)snprintf(s->host, sizeof s->host, "%s", h->value);
}

static enum cg_status fake_send(void *state, const struct cg_http_request *r,
                                const struct cg_http_sink *sink, struct cg_http_result *out)
{
    struct script *s = state;
    unsigned i = s->sent;
    const char *value = s->answers[i].value, *body = s->answers[i].body;

    assert_true(i < ARRAY_LEN(s->answers));
    (void)snprintf(s->method, sizeof s->method, "%s", r->method);
    (void)snprintf(s->url, sizeof s->url, "%s", r->url);
    (void)snprintf(s->body, sizeof s->body, "%.*s", (int)r->body_len,
                   r->body ? (const char *)r->body : "");
    memcpy(s->bodies[i], s->body, sizeof s->body);
    (void)snprintf(s->ca, sizeof s->ca, "%s", r->ca_file ? r->ca_file : "");
    s->no_proxy = r->no_proxy;
    for (size_t h = 0; h < r->header_count; h++)
        keep_header(s, &r->headers[h]);
    s->sent++;
    *out = (struct cg_http_result){.connected = s->connected, .reason = "refused"};
    if (s->answers[i].status == 0)
        return CG_NETWORK;
    if (sink->on_status(s->answers[i].status, sink->user))
        return CG_NETWORK;
    if (s->answers[i].header && sink->on_header(s->answers[i].header, strlen(s->answers[i].header),
                                                value, strlen(value), sink->user))
        return CG_NETWORK;
    if (body && sink->on_body(body, strlen(body), sink->user))
        return CG_NETWORK;
    return CG_OK;
}

static struct cg_transport transport_of(struct script *s)
{
    return (struct cg_transport){sizeof(struct cg_transport), fake_open, fake_send, fake_close, s};
}

static struct cg_client *client_of(const struct cg_transport *t)
{
    struct cg_client_options o = {
        .connection_string = CONNECTION, .transport = t, .retry_delay_ms = 1};
    struct cg_client *c = NULL;

    assert_int_equal(cg_client_new(&o, &c, NULL), CG_OK);
    return c;
}

#endif
