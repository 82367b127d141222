// The PostgreSQL protocol on a socket, in front of one engine. Built on quern.h alone.
//
// The server owns the loop of its thread: sockets, the engine's descriptor and one more that ends it.
#pragma once

#include "base/error.h"
#include "os/socket.h"
#include "quern.h"

struct server;

// Listens at the address, which must be a loopback one. 08006 when it is in use, 0A000 when it is not loopback.
int server_open(struct quern *engine, const struct socket_address *address, struct server **server, struct error *error);
// Tells the clients that it ends, and closes all.
void server_close(struct server *server);
void server_address(const struct server *server, struct socket_address *address);
// Serves until the descriptor `stop` is readable (0), or the engine or the listener has failed (negative).
int server_run(struct server *server, int stop, struct error *error);
