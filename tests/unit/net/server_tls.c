#include "server_tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <unistd.h>

void server_tls_write(char *path, struct str text)
{
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.ptr, text.len), text.len);
    (void)close(fd);
}

SSL_CTX *server_tls_new(struct str chain, const struct secret *key)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    BIO *in = BIO_new_mem_buf(chain.ptr, (int)chain.len);
    X509 *leaf = PEM_read_bio_X509(in, NULL, NULL, NULL);
    BIO *key_in = BIO_new_mem_buf(key->octets, (int)key->len);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(key_in, NULL, NULL, NULL);

    assert_int_equal(SSL_CTX_use_certificate(tls, leaf), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(tls, pkey), 1);
    X509_free(leaf);
    EVP_PKEY_free(pkey);
    BIO_free(in);
    BIO_free(key_in);
    return tls;
}
