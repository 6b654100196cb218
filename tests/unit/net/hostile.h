/* A web server for tests that answers as its paths say, most of them badly. A thread a connection;
 * all are joined when it stops. */
#ifndef TESTS_UNIT_NET_HOSTILE_H
#define TESTS_UNIT_NET_HOSTILE_H

#include "base/str.h"

#include <openssl/ssl.h>
#include <pthread.h>

#define HOSTILE_PEERS_MAX 512

struct hostile_peer {
    struct hostile *server;
    pthread_t thread;
    int fd;
    SSL *ssl;
};

struct hostile {
    int listener;
    uint16_t port;
    SSL_CTX *tls; /* NULL: plain */
    pthread_t thread;
    _Atomic unsigned requests;
    _Atomic size_t connections;
    struct hostile_peer peers[HOSTILE_PEERS_MAX];
};

/** Listens on a port of 127.0.0.1 of its own choice; takes `tls` over. */
void hostile_start(struct hostile *s, SSL_CTX *tls);
/** Ends all connections; what is under way is cut. */
void hostile_stop(struct hostile *s);

#endif
