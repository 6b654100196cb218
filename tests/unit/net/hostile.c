/* The paths, and what they do:
 *   /ok /post /headers /keep   good answers; the last one keeps its connection
 *   /same /loop /hop /port /host /file   redirects: fine, endless, slow, and to where they must not
 *   /fit /over /claims /endless   bodies of 1000 and 1001 octets, one that says so, one without end
 *   /heads /interim            headers and interim answers without end
 *   /slow /drip /silent        slow heads, slow bodies, nothing at all
 *   /cut /noise /mute          a body that ends early, another protocol, not a word */
#include "hostile.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#define OK_HEAD "HTTP/1.1 200 OK\r\n"

static void must(bool ok)
{
    if (!ok)
        abort();
}

static bool put(struct hostile_peer *p, const char *text)
{
    size_t len = strlen(text);

    return (p->ssl ? SSL_write(p->ssl, text, (int)len)
                   : (int)send(p->fd, text, len, MSG_NOSIGNAL)) == (int)len;
}

static int get(struct hostile_peer *p, char *out, size_t cap)
{
    return p->ssl ? SSL_read(p->ssl, out, (int)cap) : (int)recv(p->fd, out, cap, 0);
}

static bool get_head(struct hostile_peer *p, char *head, size_t cap)
{
    size_t len = 0;

    while (len < cap - 1) {
        int n = get(p, head + len, cap - 1 - len);

        if (n <= 0)
            return false;
        len += (size_t)n;
        head[len] = '\0';
        if (strstr(head, "\r\n\r\n"))
            return true;
    }
    return false;
}

static void wait_for_the_end(struct hostile_peer *p)
{
    char unread[256];

    while (get(p, unread, sizeof unread) > 0)
        continue;
}

static void put_x(struct hostile_peer *p, size_t n)
{
    char block[1025];

    while (n > 0) {
        size_t len = n < sizeof block - 1 ? n : sizeof block - 1;

        memset(block, 'x', len);
        block[len] = '\0';
        if (!put(p, block))
            return;
        n -= len;
    }
}

static void drip(struct hostile_peer *p, const char *text)
{
    for (char one[2] = {0}; *text; text++) {
        one[0] = *text;
        if (!put(p, one))
            return;
        usleep(50000);
    }
}

static void drip_body(struct hostile_peer *p)
{
    if (put(p, OK_HEAD "Content-Length: 1000\r\n\r\n"))
        drip(p, "slowly, slowly, slowly, slowly, slowly");
}

static void redirect(struct hostile_peer *p, const char *where)
{
    char head[256];

    (void)snprintf(head, sizeof head,
                   "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", where);
    (void)put(p, head);
}

static void slowly_around(struct hostile_peer *p)
{
    usleep(300000);
    redirect(p, "/hop");
}

static void to_another_host(struct hostile_peer *p)
{
    char where[64];

    (void)snprintf(where, sizeof where, "http://localhost:%u/ok", (unsigned)p->server->port);
    redirect(p, where);
}

static void without_end(struct hostile_peer *p, const char *head, const char *again)
{
    if (put(p, head))
        while (put(p, again))
            continue;
}

/* Answers that are the same text each time. */
static const struct {
    const char *path, *text;
} fixed[] = {
    {"/ok", OK_HEAD "cache-control:  max-age=300 \r\nContent-Length: 5\r\n\r\nhello"},
    {"/keep", OK_HEAD "Content-Length: 4\r\n\r\nkept"},
    {"/cut", OK_HEAD "Content-Length: 1000\r\n\r\nshort"},
    {"/noise", "220 not a web server\r\n\r\n"},
    {"/mute", ""},
};

static bool is_to(const char *head, const char *path)
{
    const char *blank = strchr(head, ' ');
    size_t len = strlen(path);

    return blank && strncmp(blank + 1, path, len) == 0 && blank[1 + len] == ' ';
}

static bool put_fixed(struct hostile_peer *p, const char *head)
{
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
        if (is_to(head, fixed[i].path)) {
            (void)put(p, fixed[i].text);
            return true;
        }
    }
    return false;
}

static bool put_size(struct hostile_peer *p, const char *head)
{
    if (is_to(head, "/fit") || is_to(head, "/over")) {
        (void)put(p, OK_HEAD "Connection: close\r\n\r\n");
        put_x(p, is_to(head, "/fit") ? 1000 : 1001);
    } else if (is_to(head, "/claims")) {
        (void)put(p, OK_HEAD "Content-Length: 1001\r\n\r\n");
        wait_for_the_end(p);
    } else if (is_to(head, "/endless")) {
        without_end(p, OK_HEAD "Connection: close\r\n\r\n", "and so on ");
    } else if (is_to(head, "/heads")) {
        without_end(p, OK_HEAD, "X-More: and more and more and more and more and more\r\n");
    } else if (is_to(head, "/interim")) {
        without_end(p, "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n");
    } else {
        return false;
    }
    return true;
}

static bool put_slow(struct hostile_peer *p, const char *head)
{
    if (is_to(head, "/slow"))
        drip(p, OK_HEAD "Content-Length: 1000\r\n\r\n");
    else if (is_to(head, "/drip"))
        drip_body(p);
    else if (is_to(head, "/silent"))
        wait_for_the_end(p);
    else
        return false;
    return true;
}

static bool put_redirect(struct hostile_peer *p, const char *head)
{
    if (is_to(head, "/same"))
        redirect(p, "/ok");
    else if (is_to(head, "/loop"))
        redirect(p, "/loop");
    else if (is_to(head, "/hop"))
        slowly_around(p);
    else if (is_to(head, "/port"))
        redirect(p, "http://127.0.0.1:1/ok");
    else if (is_to(head, "/host"))
        to_another_host(p);
    else if (is_to(head, "/file"))
        redirect(p, "file:///etc/passwd");
    else
        return false;
    return true;
}

static void answer(struct hostile_peer *p, const char *head)
{
    if (strncmp(head, "HEAD ", 5) == 0) {
        (void)put(p, OK_HEAD "Content-Length: 1001\r\n\r\n");
        return;
    }
    if (put_fixed(p, head) || put_size(p, head) || put_slow(p, head) || put_redirect(p, head))
        return;
    if (is_to(head, "/headers") && strstr(head, "X-Probe: yes") && !strstr(head, "Accept-Encoding"))
        (void)put(p, OK_HEAD "Content-Length: 0\r\n\r\n");
    else if (strstr(head, "POST /post ") && strstr(head, "\r\n\r\nbody") &&
             !strstr(head, "Content-Type"))
        (void)put(p, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    else if (strstr(head, "DELETE /post ") && !strstr(head, "Content-Type"))
        (void)put(p, "HTTP/1.1 204 No Content\r\n\r\n");
    else
        (void)put(p, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone");
}

static void *serve_one(void *ctx)
{
    struct hostile_peer *p = ctx;
    char head[4096];
    bool ok = true;

    if (p->server->tls) {
        p->ssl = SSL_new(p->server->tls);
        must(p->ssl && SSL_set_fd(p->ssl, p->fd));
        ok = SSL_accept(p->ssl) == 1;
    }
    while (ok && get_head(p, head, sizeof head)) {
        p->server->requests++;
        answer(p, head);
        ok = is_to(head, "/keep");
    }
    if (p->ssl)
        (void)SSL_shutdown(p->ssl);
    SSL_free(p->ssl);
    (void)shutdown(p->fd, SHUT_RDWR); /* closed when all is over: its number stays taken */
    return NULL;
}

static void *serve(void *ctx)
{
    struct hostile *s = ctx;
    int fd;

    while ((fd = accept(s->listener, NULL, NULL)) >= 0) {
        struct hostile_peer *p = &s->peers[s->connections];

        must(s->connections < HOSTILE_PEERS_MAX);
        *p = (struct hostile_peer){.server = s, .fd = fd};
        must(pthread_create(&p->thread, NULL, serve_one, p) == 0);
        s->connections++;
    }
    return NULL;
}

void hostile_start(struct hostile *s, SSL_CTX *tls)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;

    *s = (struct hostile){.tls = tls, .listener = socket(AF_INET, SOCK_STREAM, 0)};
    must(bind(s->listener, (struct sockaddr *)&a, sizeof a) == 0 && listen(s->listener, 256) == 0);
    must(getsockname(s->listener, (struct sockaddr *)&a, &len) == 0);
    s->port = ntohs(a.sin_port);
    must(pthread_create(&s->thread, NULL, serve, s) == 0);
}

void hostile_stop(struct hostile *s)
{
    (void)shutdown(s->listener, SHUT_RDWR);
    must(pthread_join(s->thread, NULL) == 0);
    for (size_t i = 0; i < s->connections; i++) {
        (void)shutdown(s->peers[i].fd, SHUT_RDWR);
        must(pthread_join(s->peers[i].thread, NULL) == 0);
        (void)close(s->peers[i].fd);
    }
    (void)close(s->listener);
    SSL_CTX_free(s->tls);
}
