/* TLS 1.2 and 1.3 as a client: the peer's certificate must come from an issuer of the system or of
 * the given file, and carry the given name. As in tls.c, OpenSSL reads and writes through a BIO of
 * our own. Source: RFC 8446, 5246; RFC 6125. */
#include "net/stream_internal.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct stream_tls {
    SSL_CTX *ctx;
    SSL *ssl;
    BIO_METHOD *method;
    struct str in;    /* octets from the wire that OpenSSL has not taken yet */
    struct buf *wire; /* octets for the wire */
    bool broken;
};

static int bio_read(BIO *bio, char *out, int max)
{
    struct stream_tls *tls = BIO_get_data(bio);
    size_t n = tls->in.len < (size_t)max ? tls->in.len : (size_t)max;

    BIO_clear_retry_flags(bio);
    if (n == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(out, tls->in.ptr, n);
    tls->in = str_from_index(tls->in, n);
    return (int)n;
}

static int bio_write(BIO *bio, const char *octets, int len)
{
    const struct stream_tls *tls = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    buf_add(tls->wire, str_of(octets, (size_t)len));
    return tls->wire->failed ? -1 : len;
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

/* Without a number of its own: OpenSSL has few, and nobody looks for it by number. */
static BIO_METHOD *method_new(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "stream");

    if (!method || !BIO_meth_set_read(method, bio_read) || !BIO_meth_set_write(method, bio_write) ||
        !BIO_meth_set_ctrl(method, bio_ctrl) || !BIO_meth_set_create(method, bio_create))
        abort();
    return method;
}

static bool is_address(const char *name)
{
    struct in6_addr any;

    return inet_pton(AF_INET, name, &any) == 1 || inet_pton(AF_INET6, name, &any) == 1;
}

static bool expect_name(SSL *ssl, const char *name)
{
    if (is_address(name))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

static bool configure(SSL_CTX *ctx)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) &&
           SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") &&
           SSL_CTX_set_default_verify_paths(ctx);
}

static SSL_CTX *context_new(const char *ca_file, char *why, size_t cap)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (!ctx || !configure(ctx)) {
        (void)snprintf(why, cap, "TLS could not be set up");
    } else if (ca_file[0] && SSL_CTX_load_verify_file(ctx, ca_file) != 1) {
        (void)snprintf(why, cap, "the CA file can't be read, or holds no certificate");
    } else {
        return ctx;
    }
    SSL_CTX_free(ctx);
    ERR_clear_error();
    return NULL;
}

struct stream_tls *stream_tls_new(const char *name, const char *ca_file, char *why, size_t cap)
{
    SSL_CTX *ctx = context_new(ca_file, why, cap);
    struct stream_tls *tls;
    BIO *bio;

    if (!ctx)
        return NULL;
    tls = calloc(1, sizeof *tls);
    if (!tls)
        abort();
    tls->ctx = ctx;
    tls->method = method_new();
    tls->ssl = SSL_new(ctx);
    bio = BIO_new(tls->method);
    if (!tls->ssl || !bio)
        abort();
    BIO_set_data(bio, tls);
    SSL_set_bio(tls->ssl, bio, bio);
    SSL_set_connect_state(tls->ssl);
    if (expect_name(tls->ssl, name))
        return tls;
    stream_tls_free(tls);
    (void)snprintf(why, cap, "the name of the certificate is none");
    return NULL;
}

void stream_tls_free(struct stream_tls *tls)
{
    if (!tls)
        return;
    SSL_free(tls->ssl);
    SSL_CTX_free(tls->ctx);
    BIO_meth_free(tls->method);
    free(tls);
}

void stream_tls_bind(struct stream_tls *tls, struct buf *wire)
{
    tls->wire = wire;
}

enum stream_tls_step stream_tls_handshake(struct stream_tls *tls, struct str data)
{
    int done;

    tls->in = data;
    ERR_clear_error();
    done = SSL_do_handshake(tls->ssl);
    if (done == 1)
        return STREAM_TLS_DONE;
    if (SSL_get_error(tls->ssl, done) == SSL_ERROR_WANT_READ)
        return STREAM_TLS_MORE;
    tls->broken = true;
    return STREAM_TLS_FAILED;
}

void stream_tls_feed(struct stream_tls *tls, struct str data)
{
    tls->in = data;
}

int stream_tls_read(struct stream_tls *tls, char *out, size_t cap)
{
    int n;

    ERR_clear_error();
    n = SSL_read(tls->ssl, out, (int)cap);
    if (n > 0)
        return n;
    switch (SSL_get_error(tls->ssl, n)) {
    case SSL_ERROR_WANT_READ:
        return 0;
    case SSL_ERROR_ZERO_RETURN:
        return -1;
    default:
        tls->broken = true;
        return -2;
    }
}

bool stream_tls_write(struct stream_tls *tls, struct str data)
{
    size_t sent = 0;

    ERR_clear_error();
    while (sent < data.len && !tls->broken) {
        size_t left = data.len - sent;
        int n = SSL_write(tls->ssl, data.ptr + sent, left < INT32_MAX ? (int)left : INT32_MAX);

        if (n <= 0)
            tls->broken = true;
        else
            sent += (size_t)n;
    }
    return !tls->broken;
}

void stream_tls_goodbye(struct stream_tls *tls)
{
    if (tls->broken || SSL_in_init(tls->ssl))
        return;
    ERR_clear_error();
    (void)SSL_shutdown(tls->ssl); /* the peer's own goodbye is not waited for */
}

void stream_tls_reason(const struct stream_tls *tls, char *out, size_t cap)
{
    long verified = SSL_get_verify_result(tls->ssl);
    const char *text = verified != X509_V_OK ? X509_verify_cert_error_string(verified)
                                             : ERR_reason_error_string(ERR_peek_last_error());

    (void)snprintf(out, cap, "TLS: %s", text ? text : "the peer does not speak it");
    ERR_clear_error();
}
