/* TLS 1.2 and 1.3. OpenSSL reads and writes through a BIO of our own over the lane's buffers: no
 * copies in memory BIOs, and buffers only while a record is incomplete. The context is a snapshot:
 * a new certificate counts from the next handshake on. Source: design D11, §5; RFC 8446, 5246. */
#include "base/poison.h"
#include "net/net_internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

struct tls_context {
    struct snapshot snapshot; /* first */
    SSL_CTX *ctx;
};

struct tls {
    SSL *ssl;
    struct conn *conn;
    struct str in; /* octets from the wire that OpenSSL has not taken yet */
    bool handshaking;
    bool broken;  /* nothing may be sent or read any more */
    bool goodbye; /* close_notify was sent */
};

/* ---- the BIO ---- */

static int bio_read(BIO *bio, char *out, int max)
{
    struct tls *tls = BIO_get_data(bio);
    size_t n = tls->in.len < (size_t)max ? tls->in.len : (size_t)max;

    BIO_clear_retry_flags(bio);
    if (n == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(out, tls->in.ptr, n);
    tls->in = (struct str){tls->in.ptr + n, tls->in.len - n};
    return (int)n;
}

static int bio_write(BIO *bio, const char *octets, int len)
{
    const struct tls *tls = BIO_get_data(bio);
    struct buf *wire = &tls->conn->lane->wire;

    BIO_clear_retry_flags(bio);
    buf_add(wire, (struct str){octets, (size_t)len});
    return wire->failed ? -1 : len;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    (void)bio;
    (void)num;
    (void)ptr;
    return cmd == BIO_CTRL_FLUSH ? 1 : 0;
}

static int bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD *tls_bio_method_new(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "lane");

    if (!method || !BIO_meth_set_read(method, bio_read) || !BIO_meth_set_write(method, bio_write) ||
        !BIO_meth_set_ctrl(method, bio_ctrl) || !BIO_meth_set_create(method, bio_create))
        abort();
    return method;
}

void tls_bio_method_free(BIO_METHOD *method)
{
    BIO_meth_free(method);
}

/* ---- contexts ---- */

static void context_free(struct snapshot *s)
{
    struct tls_context *tls = (struct tls_context *)s;

    SSL_CTX_free(tls->ctx);
    free(tls);
}

/* Clients that offer protocols, and not ours, must learn it from the handshake (RFC 7301 3.2). */
/* NOLINTNEXTLINE(readability-function-size): the signature is OpenSSL's */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned in_len, void *ctx)
{
    static const struct str ours = STR_INIT("http/1.1");
    unsigned at = 0;

    (void)ssl;
    (void)ctx;
    while (at < in_len && in[at] < in_len - at) {
        if (name_eq(str_of(in + at + 1, in[at]), ours)) {
            *out = in + at + 1;
            *out_len = in[at];
            return SSL_TLSEXT_ERR_OK;
        }
        at += 1u + in[at];
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool configure(SSL_CTX *ctx)
{
    static const unsigned char session_id[] = "callgate";

    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                 SSL_OP_CLEANSE_PLAINTEXT);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets need none */
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) &&
           SSL_CTX_set_session_id_context(ctx, session_id, sizeof session_id - 1) &&
           SSL_CTX_set_num_tickets(ctx, 1) &&
           SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20");
}

/* Behind the last certificate there may be anything but a part of one: a file that was cut off
 * would serve a chain that no client can follow. */
static bool ended_well(void)
{
    unsigned long error = ERR_peek_last_error();

    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

static const char *use_chain(SSL_CTX *ctx, BIO *pem)
{
    X509 *leaf = PEM_read_bio_X509(pem, NULL, NULL, NULL), *issuer;
    bool ok = leaf && SSL_CTX_use_certificate(ctx, leaf) == 1;

    X509_free(leaf);
    if (!ok)
        return "The certificate file holds no certificate that can be used.";
    while (ok && (issuer = PEM_read_bio_X509(pem, NULL, NULL, NULL))) {
        ok = SSL_CTX_add0_chain_cert(ctx, issuer) == 1;
        if (!ok)
            X509_free(issuer);
    }
    return ok && ended_well() ? NULL : "The certificates behind the first one can't be read.";
}

/* Instead of the library's own, which asks at the terminal and waits. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the signature is OpenSSL's */
static int refuse_password(char *out, int cap, int writing, void *asked)
{
    (void)out, (void)cap, (void)writing;
    *(bool *)asked = true;
    return -1;
}

static const char *use_key(SSL_CTX *ctx, BIO *pem)
{
    bool asked = false, ok, fits;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(pem, NULL, refuse_password, &asked);

    fits = !key || X509_check_private_key(SSL_CTX_get0_certificate(ctx), key) == 1;
    ok = key && fits && SSL_CTX_use_PrivateKey(ctx, key) == 1;
    EVP_PKEY_free(key);
    if (!fits)
        return "The private key is not that of the certificate.";
    if (asked)
        return "The private key is under a password: give it without one, in a file that only the "
               "server can read.";
    return ok ? NULL : "The private key can't be read, or is of a kind that TLS does not know.";
}

static const char *fill_context(SSL_CTX *ctx, BIO *chain, BIO *key)
{
    const char *problem;

    if (!ctx || !chain || !key || !configure(ctx))
        return "TLS could not be set up.";
    problem = use_chain(ctx, chain);
    return problem ? problem : use_key(ctx, key);
}

enum rc tls_context_new(struct str chain_pem, const struct secret *key_pem,
                        struct tls_context **out, struct buf *why)
{
    struct tls_context *tls = calloc(1, sizeof *tls);
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    BIO *chain = BIO_new_mem_buf(chain_pem.ptr, (int)chain_pem.len);
    BIO *key = BIO_new_mem_buf(key_pem->octets, (int)key_pem->len);
    const char *problem;

    if (!tls)
        abort();
    problem = fill_context(ctx, chain, key);
    BIO_free(chain);
    BIO_free(key);
    ERR_clear_error();
    if (problem) {
        SSL_CTX_free(ctx);
        free(tls);
        buf_add(why, str_from(problem));
        return RC_INVALID;
    }
    tls->ctx = ctx;
    atomic_init(&tls->snapshot.refs, 1);
    tls->snapshot.free = context_free;
    *out = tls;
    return RC_OK;
}

void tls_context_unref(struct tls_context *tls)
{
    if (tls)
        snapshot_unref(&tls->snapshot);
}

void net_set_tls(struct net *net, struct tls_context *tls)
{
    snapshot_publish(&net->tls, &tls->snapshot);
}

/* ---- a connection ---- */

bool tls_start(struct conn *c)
{
    struct net_lane *lane = c->lane;
    struct tls_context *context = (struct tls_context *)snapshot_see(&lane->tls, &lane->net->tls);
    struct tls *tls;
    BIO *bio;

    if (!context)
        return false;
    NO_LEAK_BEGIN; /* the lane keeps it */
    if (!lane->plain)
        lane->plain = malloc(PLAIN_BUFFER);
    tls = calloc(1, sizeof *tls);
    bio = BIO_new(lane->net->bio_method);
    if (!tls || !bio || !lane->plain || !(tls->ssl = SSL_new(context->ctx)))
        abort();
    NO_LEAK_END;
    tls->conn = c;
    tls->handshaking = true;
    BIO_set_data(bio, tls);
    SSL_set_bio(tls->ssl, bio, bio);
    SSL_set_accept_state(tls->ssl);
    c->tls = tls;
    c->door = c->door->tls ? c->door : &c->at->face->secure;
    figure_add(&lane->figures.tls_accepted, 1);
    return true;
}

void tls_free(struct tls *tls)
{
    SSL_free(tls->ssl);
    free(tls);
}

bool tls_in_handshake(const struct conn *c)
{
    return c->tls->handshaking;
}

/* Sends what OpenSSL has written. Records of several answers go out together. */
static void flush_wire(struct conn *c)
{
    struct buf *wire = &c->lane->wire;

    if (wire->len)
        conn_send_raw(c, buf_str(wire));
    if (wire->cap > KEEP_BUFFER)
        buf_clear(wire);
    else
        buf_reset(wire);
}

/* The alert, if there is one, still goes out. */
static void fail(struct conn *c)
{
    c->tls->broken = c->tls->goodbye = true;
    ERR_clear_error();
    flush_wire(c);
    if (c->state == CONN_RUN || c->state == CONN_BODY || c->state == CONN_WS)
        conn_close(c);
    else
        conn_drain(c);
}

#define PLAIN_BODY                                                                                 \
    "{\"error\":{\"code\":\"BadRequest\","                                                         \
    "\"message\":\"This port speaks TLS: write https:// instead of http://.\"}}"
_Static_assert(sizeof PLAIN_BODY - 1 == 100, "as the line below says");

/* A request in the clear is answered in the clear, since its sender knows nothing else: else all it
 * would learn is that the connection ended. */
static void answer_plain(struct conn *c)
{
    static const struct str answer =
        STR_INIT("HTTP/1.1 400 Bad Request\r\nContent-Type: application/json; charset=utf-8\r\n"
                 "Content-Length: 100\r\nConnection: close\r\n\r\n" PLAIN_BODY);

    http1_tell_refused(c, (struct refusal){&API_BAD_REQUEST, "plain HTTP on a listener of TLS"});
    conn_send_raw(c, answer);
}

/* The first octet: methods are letters, records never begin with one. */
static bool is_plain_request(const struct tls *tls)
{
    return SSL_in_before(tls->ssl) && tls->in.len && tls->in.ptr[0] >= 'A' && tls->in.ptr[0] <= 'Z';
}

static bool handshake(struct conn *c)
{
    struct tls *tls = c->tls;
    bool plain = is_plain_request(tls);
    int done, err;

    ERR_clear_error();
    done = SSL_do_handshake(tls->ssl);
    if (done == 1) {
        tls->handshaking = false;
        figure_add(&c->lane->figures.handshakes, 1);
        flush_wire(c);
        return c->state != CONN_CLOSED;
    }
    err = SSL_get_error(tls->ssl, done);
    if (err == SSL_ERROR_WANT_READ) {
        flush_wire(c);
        return false;
    }
    figure_add(&c->lane->figures.handshakes_failed, 1);
    if (plain)
        answer_plain(c);
    if (c->state != CONN_CLOSED)
        fail(c);
    return false;
}

/* Fills the lane's plain buffer; false: the peer's side has ended, well or badly. */
static bool decrypt(struct tls *tls, size_t *out_len, bool *out_broken)
{
    struct net_lane *lane = tls->conn->lane;
    size_t len = 0;

    *out_broken = false;
    while (len < PLAIN_BUFFER) {
        int n = SSL_read(tls->ssl, lane->plain + len, (int)(PLAIN_BUFFER - len));
        int err;

        if (n > 0) {
            len += (size_t)n;
            continue;
        }
        *out_len = len;
        err = SSL_get_error(tls->ssl, n);
        *out_broken = err != SSL_ERROR_WANT_READ && err != SSL_ERROR_ZERO_RETURN;
        return err == SSL_ERROR_WANT_READ;
    }
    *out_len = len;
    return true;
}

void tls_input(struct conn *c, struct str data)
{
    struct tls *tls = c->tls;
    bool open = true;

    tls->in = data;
    if (tls->broken || (tls->handshaking && !handshake(c)))
        return;
    while (open && c->state != CONN_CLOSED) {
        bool broken;
        size_t len;

        ERR_clear_error();
        UNPOISON(c->lane->plain, PLAIN_BUFFER);
        open = decrypt(tls, &len, &broken);
        flush_wire(c); /* alerts, key updates */
        if (!open && !broken)
            c->eof = true;
        if ((len || !open) && !broken)
            conn_input(c, (struct str){c->lane->plain, len});
        explicit_bzero(c->lane->plain, len);
        POISON(c->lane->plain, PLAIN_BUFFER);
        if (broken && c->state != CONN_CLOSED)
            fail(c);
        if (broken || len < PLAIN_BUFFER)
            break;
    }
}

void tls_send(struct conn *c, struct str data)
{
    struct tls *tls = c->tls;
    size_t sent = 0;

    if (tls->broken || data.len == 0)
        return;
    ERR_clear_error();
    while (sent < data.len) {
        size_t left = data.len - sent;
        int n = SSL_write(tls->ssl, data.ptr + sent, left < INT32_MAX ? (int)left : INT32_MAX);

        if (n <= 0) {
            tls->broken = true;
            conn_close(c);
            return;
        }
        sent += (size_t)n;
    }
    flush_wire(c);
}

void tls_shutdown(struct conn *c)
{
    struct tls *tls = c->tls;

    if (tls->goodbye || tls->broken || tls->handshaking)
        return;
    tls->goodbye = true;
    ERR_clear_error();
    (void)SSL_shutdown(tls->ssl); /* the peer's own goodbye is not waited for */
    flush_wire(c);
}
