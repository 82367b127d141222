// One client: from its start-up message to its end.
//
//                +--SSLRequest--> SECURING --handshake--+
//                |                                      v
//   (accepted) --+---------------------------------> STARTING --start-up--> PROVING --password--> SERVING --+
//                                                       |  trusted             |                     ^      |
//                                                       +----------------------|---------------------+      |
//                                                       |  CancelRequest       |  refused   Terminate, error, end of file
//                                                       +----------------------+----------------------------+
//                                                       v
//                                                    CLOSING --flushed--> (closed)
//
// 1. Bytes go to the engine as whole messages, all that one read brought together.
// 2. A client that does not read is neither read from nor produced for, beyond a bound.
// 3. What came before a TLS handshake in plain text counts for nothing behind it: there may be nothing.
#pragma once

#include "base/buffer.h"
#include "os/socket.h"
#include "quern.h"

enum connection_state {
  CONNECTION_STARTING,
  CONNECTION_SECURING,
  CONNECTION_PROVING,
  CONNECTION_SERVING,
  CONNECTION_CLOSING,
};

enum {
  CONNECTION_OUTPUT_HIGH = 1024 * 1024, // bytes that wait for the client before it is held
  CONNECTION_OUTPUT_LOW = 256 * 1024,
  START_UP_MAXIMUM = 10000,             // bytes of a start-up message
};

struct login; // login.c
struct rules;
struct tls;
struct tls_context;

// What decides who comes in, for all connections of a server.
struct gate {
  struct rules *rules;
  bool allows_plain;         // from other machines, without TLS
  struct tls_context *tls;   // NULL: there is none
  uint8_t secret[32];        // salts of names that have no password come from it
};

struct connection {
  int descriptor;
  struct socket_address peer;
  const struct gate *gate;
  struct tls *tls;               // NULL: plain text
  struct login *login;           // until SERVING; NULL: no start-up message yet
  enum connection_state state;
  struct quern *engine;
  struct quern_session *session; // while SERVING
  struct buffer input;           // the beginning of a message that is not whole yet
  struct buffer output;          // what the socket did not take yet
  size_t output_at;
  bool is_held;                  // the engine was asked to pause
  bool is_dirty;                 // in the server's list of those with output
  bool is_broken;                // the socket is gone
  uint32_t interest;             // as the poll knows it
  int64_t opened_us;
  struct connection *next_dirty;
  struct connection *previous, *next;
  struct server *server;
};

// The rest is zero.
void connection_init(struct connection *connection);
void connection_deinit(struct connection *connection);
// Reads what is there and hands it on. scratch: a buffer to read into.
void connection_read(struct connection *connection, uint8_t *scratch, size_t scratch_size);
// Reads what is there and drops it: a socket that is closed with unread bytes takes back what the client has not got yet.
void connection_forget_input(struct connection *connection, uint8_t *scratch, size_t scratch_size);
// Writes what waits. After it, connection_is_over tells whether it can be closed.
void connection_write(struct connection *connection);
bool connection_is_over(const struct connection *connection);
// Appends an error message and begins to close.
void connection_refuse(struct connection *connection, const char *severity, const char *sqlstate, const char *message);
static inline bool connection_is_let_in(const struct connection *connection)
{
  return connection->state == CONNECTION_SERVING || connection->state == CONNECTION_CLOSING;
}
// What the poll should wait for (POLL_READ, POLL_WRITE).
uint32_t connection_wants(const struct connection *connection);

// login.c: takes a whole start-up message, or an answer of a client that is PROVING. False: there is none.
bool login_take(struct connection *connection, struct bytes *bytes);
void login_close(struct login *login);
// connection.c, for login.c
void connection_begin_closing(struct connection *connection);
void connection_reply(void *context, const uint8_t *messages, size_t size);

// server.c: puts it on the list of those with output.
void server_dirty(struct server *server, struct connection *connection);
// server.c: the engine was told something outside of a read, and is to run soon.
void server_told(struct server *server);
