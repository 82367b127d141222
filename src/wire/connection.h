// One client: from its start-up message to its end.
//
//   (accepted) --> STARTING --start-up--> SERVING --Terminate, error, end of file--> CLOSING --flushed--> (closed)
//                      |  CancelRequest, refused                                        ^
//                      +----------------------------------------------------------------+
//
// 1. Bytes go to the engine as whole messages, all that one read brought together.
// 2. A client that does not read is neither read from nor produced for, beyond a bound.
#pragma once

#include "base/buffer.h"
#include "quern.h"

enum connection_state { CONNECTION_STARTING, CONNECTION_SERVING, CONNECTION_CLOSING };

enum {
  CONNECTION_OUTPUT_HIGH = 1024 * 1024, // bytes that wait for the client before it is held
  CONNECTION_OUTPUT_LOW = 256 * 1024,
  START_UP_MAXIMUM = 10000,             // bytes of a start-up message
};

struct connection {
  int descriptor;
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

void connection_init(struct connection *connection, struct server *server, struct quern *engine, int descriptor);
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
// What the poll should wait for (POLL_READ, POLL_WRITE).
uint32_t connection_wants(const struct connection *connection);

// server.c: puts it on the list of those with output.
void server_dirty(struct server *server, struct connection *connection);
// server.c: the engine was told something outside of a read, and is to run soon.
void server_told(struct server *server);
