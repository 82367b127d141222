// Stream sockets over TCP, all non-blocking and closed on exec.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"

struct socket_address {
  struct sockaddr_storage storage;
  socklen_t size;
};

enum { SOCKET_TEXT = 80 }; // bytes of the longest address as text, zero byte included

// A name or a numeric address, IPv4 first. An empty host or "*" means every address. 08006 when there is none.
int socket_resolve(const char *host, uint16_t port, struct socket_address *address, struct error *error);
// Splits "HOST:PORT", "[::1]:PORT". host has room for 256 bytes. 22023 when it is not of that form.
int socket_parse(const char *text, char *host, uint16_t *port, struct error *error);
bool socket_is_loopback(const struct socket_address *address);
// "127.0.0.1:5433" or "[::1]:5433". text has room for SOCKET_TEXT bytes.
void socket_text(const struct socket_address *address, char *text);
void socket_host_text(const struct socket_address *address, char *text); // "127.0.0.1", "::1"
uint16_t socket_port(const struct socket_address *address);

// Failures (a used port among them): 08006 with the address and the reason. A failed call leaves nothing to close.
int socket_listen(const struct socket_address *address, int *listener, struct error *error);
// 1: *connection is a client's; 0: none waits; STATUS_LIMIT: out of descriptors; other negative: the listener is lost.
int socket_accept(int listener, int *connection, struct socket_address *peer, struct error *error);
// Begins to connect: the descriptor becomes writable when it is done; then socket_connected says how it went.
int socket_connect(const struct socket_address *address, int *connection, struct error *error);
int socket_connected(int connection, struct error *error);
// The address to which a socket is bound: of use after port 0.
int socket_bound(int descriptor, struct socket_address *address, struct error *error);
void socket_close(int descriptor); // does nothing to -1
// Ends our direction; the other side reads to the end.
void socket_shutdown_write(int descriptor);

enum { SOCKET_END = 0, SOCKET_AGAIN = -1, SOCKET_BROKEN = -2 };
// Bytes moved (more than 0), or one of the above.
ptrdiff_t socket_read(int descriptor, void *data, size_t size);
ptrdiff_t socket_write(int descriptor, const void *data, size_t size);
