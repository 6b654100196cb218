/* Addresses as text and as sockets know them. */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include "base/buf.h"
#include "http/request.h"

#include <sys/socket.h>
#include <sys/un.h>

union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
    struct sockaddr_storage storage;
};

/** Where a door is to be bound: one address, two for localhost (IPv4 first), or a path. */
struct bind_address {
    union socket_address at[2];
    struct str text[2]; /* borrowed or static: without port and brackets */
    size_t n;
    uint16_t port;
    bool unix_socket;
    bool localhost;
};

/** What they look like, for messages. */
#define BIND_ADDRESS_FORMS "127.0.0.1:8080, [::1]:8080, localhost:8080 or unix:/path"

/** Reads "127.0.0.1:8443", "[::1]:0", "localhost:8080", "unix:/path". RC_INVALID otherwise. */
enum rc bind_address_parse(struct str text, struct bind_address *out) NODISCARD;
socklen_t socket_address_len(const union socket_address *a) NODISCARD;
void socket_address_set_port(union socket_address *a, uint16_t port);
uint16_t socket_address_port(const union socket_address *a) NODISCARD;
bool socket_address_is_loopback(const union socket_address *a) NODISCARD;
/** The other end of a connection; `fd` is asked for the uid behind a Unix socket. */
struct address peer_address(const union socket_address *a, int fd) NODISCARD;

/** Appends "process 123 (name)" for who listens on `port`, as far as /proc tells; false: it does
 * not. */
bool port_owner(uint16_t port, struct buf *out) NODISCARD;

#endif
