// The PostgreSQL protocol on a socket, in front of one engine. Built on quern.h alone.
//
// The server owns the loop of its thread: sockets, the engine's descriptor and one more that ends it.
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "os/socket.h"
#include "quern.h"

struct server;

struct server_options {
  const struct socket_address *address;
  const char *rules;           // path of a file in pg_hba.conf's form; NULL: the rules of rules_default
  const char *certificate, *key; // PEM files; NULL: no TLS
  bool makes_certificate;      // instead of them
  const char *data_directory;  // where a certificate that is made is kept, and the secret of logins; NULL: nowhere
  bool allows_plain;           // from other machines, without TLS
  int login_timeout_s;         // a client that is not let in by then is closed; 0: 60
};

// Listens at the address. 08006 when it is in use; 22023 when it can be reached from other machines and there is neither TLS
// nor allows_plain; F0000 for files that will not do.
int server_open(struct quern *engine, const struct server_options *options, struct server **server, struct error *error);
// Tells the clients that it ends, and closes all.
void server_close(struct server *server);
void server_address(const struct server *server, struct socket_address *address);
// Serves until the descriptor `stop` is readable (0), or the engine or the listener has failed (negative).
int server_run(struct server *server, int stop, struct error *error);
