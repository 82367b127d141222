// The loop: sockets that are ready, then the engine, then what it has replied.
#include "wire/server.h"

#include <stdlib.h>

#include "base/sqlstate.h"
#include "os/clock.h"
#include "os/poll.h"
#include "wire/connection.h"

enum {
  EVENTS = 256,
  SCRATCH = 256 * 1024,
  RUN_BUDGET = 1,
  START_UP_US = 60 * 1000000, // a client that has not started by then is closed
  TICK_MS = 1000,
  FAREWELL_US = 3 * 1000000, // how long clients may take to read the last that they are told
};

struct server {
  struct quern *engine;
  struct poll poll;
  int listener;
  bool is_accepting;          // off while descriptors are used up
  struct connection *connections;
  struct connection *dirty;
  int64_t looked_us;          // when connections were last looked through
  bool has_told;              // the engine has something new to do since it ran
  uint8_t scratch[SCRATCH];
};

// What a poll event belongs to, besides connections.
static char listener_mark, engine_mark, stop_mark;

void server_dirty(struct server *server, struct connection *connection)
{
  if (connection->is_dirty)
    return;
  connection->is_dirty = true;
  connection->next_dirty = server->dirty;
  server->dirty = connection;
}

int server_open(struct quern *engine, const struct socket_address *address, struct server **result, struct error *error)
{
  if (!socket_is_loopback(address))
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                     "only loopback addresses can be listened at until roles and passwords exist");
  struct server *server = calloc(1, sizeof *server);
  if (!server)
    return error_memory(error);
  server->engine = engine;
  server->listener = -1;
  int status = poll_open(&server->poll, error);
  if (status) {
    free(server);
    return status;
  }
  status = socket_listen(address, &server->listener, error);
  if (!status)
    status = poll_add(&server->poll, server->listener, POLL_READ, &listener_mark, error);
  if (!status)
    status = poll_add(&server->poll, quern_descriptor(engine), POLL_READ, &engine_mark, error);
  server->is_accepting = true;
  if (status) {
    server_close(server);
    return status;
  }
  *result = server;
  return 0;
}

void server_address(const struct server *server, struct socket_address *address)
{
  struct error error;
  if (socket_bound(server->listener, address, &error))
    *address = (struct socket_address){0};
}

void server_told(struct server *server)
{
  server->has_told = true;
}

static void close_connection(struct server *server, struct connection *connection)
{
  server->has_told |= connection->session != NULL;
  poll_remove(&server->poll, connection->descriptor);
  connection_forget_input(connection, server->scratch, SCRATCH);
  if (connection->previous)
    connection->previous->next = connection->next;
  else
    server->connections = connection->next;
  if (connection->next)
    connection->next->previous = connection->previous;
  connection_deinit(connection);
  free(connection);
}

static void add_connection(struct server *server, int descriptor)
{
  struct error error;
  struct connection *connection = malloc(sizeof *connection);
  if (!connection || poll_add(&server->poll, descriptor, POLL_READ, connection, &error)) {
    free(connection);
    socket_close(descriptor);
    return;
  }
  connection_init(connection, server, server->engine, descriptor);
  connection->interest = POLL_READ;
  connection->next = server->connections;
  if (server->connections)
    server->connections->previous = connection;
  server->connections = connection;
}

static void set_accepting(struct server *server, bool is_accepting)
{
  struct error error;
  if (server->is_accepting != is_accepting &&
      poll_change(&server->poll, server->listener, is_accepting ? POLL_READ : 0, &listener_mark, &error) == 0)
    server->is_accepting = is_accepting;
}

static int accept_all(struct server *server, struct error *error)
{
  for (int i = 0; i < EVENTS; i++) {
    int descriptor;
    struct socket_address peer;
    int got = socket_accept(server->listener, &descriptor, &peer, error);
    if (got == STATUS_LIMIT) {
      set_accepting(server, false); // the tick tries again
      return 0;
    }
    if (got <= 0)
      return got;
    add_connection(server, descriptor);
  }
  return 0;
}

// Writes to all that have something, and closes those that are over.
static void flush(struct server *server)
{
  while (server->dirty) {
    struct connection *connection = server->dirty;
    server->dirty = connection->next_dirty;
    connection->is_dirty = false;
    connection_write(connection);
    if (connection_is_over(connection)) {
      close_connection(server, connection);
      continue;
    }
    uint32_t wants = connection_wants(connection);
    struct error error;
    if (wants != connection->interest) {
      if (poll_change(&server->poll, connection->descriptor, wants, connection, &error))
        connection->is_broken = true;
      connection->interest = wants;
    }
  }
}

static void tick(struct server *server)
{
  int64_t now = clock_monotonic();
  if (now - server->looked_us < TICK_MS * 1000)
    return;
  server->looked_us = now;
  set_accepting(server, true);
  for (struct connection *connection = server->connections; connection; connection = connection->next)
    if (connection->state == CONNECTION_STARTING && now - connection->opened_us > START_UP_US) {
      connection->is_broken = true;
      server_dirty(server, connection);
    }
}

static void on_connection(struct server *server, struct connection *connection, uint32_t ready)
{
  if (ready & POLL_READ)
    connection_read(connection, server->scratch, sizeof server->scratch);
  else if (ready & POLL_BROKEN)
    connection->is_broken = true;
  if (ready & (POLL_WRITE | POLL_BROKEN))
    server_dirty(server, connection);
}

static int engine_failure(struct server *server, struct error *error)
{
  const struct quern_error *failure = quern_failure(server->engine);
  return error_set(error, failure ? failure->sqlstate : SQLSTATE_INTERNAL_ERROR, "%s",
                   failure ? failure->message : "the engine has failed");
}

int server_run(struct server *server, int stop, struct error *error)
{
  int status = poll_add(&server->poll, stop, POLL_READ, &stop_mark, error);
  if (status)
    return status;
  struct poll_event events[EVENTS];
  int more = 1;
  bool is_stopped = false;
  while (!status && !is_stopped) {
    int count = poll_wait(&server->poll, events, EVENTS, more || server->has_told ? 0 : TICK_MS);
    server->has_told = false;
    for (int i = 0; i < count; i++) {
      if (events[i].context == &stop_mark)
        is_stopped = true;
      else if (events[i].context == &listener_mark)
        status = accept_all(server, error);
      else if (events[i].context != &engine_mark)
        on_connection(server, events[i].context, events[i].ready);
    }
    more = quern_run(server->engine, RUN_BUDGET);
    flush(server);
    tick(server);
    if (!status && more < 0)
      status = engine_failure(server, error);
  }
  poll_remove(&server->poll, stop);
  return status;
}

// --- The end ----------------------------------------------------------------------------------------------------

// Says to all that the server ends, behind what they have not read yet, and waits for them to take it: but not for ever.
static void say_farewell(struct server *server)
{
  poll_remove(&server->poll, server->listener);
  poll_remove(&server->poll, quern_descriptor(server->engine));
  struct connection *next;
  for (struct connection *connection = server->connections; connection; connection = next) {
    next = connection->next;
    if (connection->state == CONNECTION_SERVING)
      connection_refuse(connection, "FATAL", SQLSTATE_ADMIN_SHUTDOWN, "terminating connection due to administrator command");
    else if (connection->state == CONNECTION_STARTING)
      close_connection(server, connection);
  }
  flush(server);
  struct poll_event events[EVENTS];
  int64_t until = clock_monotonic() + FAREWELL_US, now;
  while (server->connections && (now = clock_monotonic()) < until) {
    int count = poll_wait(&server->poll, events, EVENTS, (int)((until - now) / 1000) + 1);
    for (int i = 0; i < count; i++)
      on_connection(server, events[i].context, events[i].ready);
    flush(server);
  }
}

void server_close(struct server *server)
{
  if (!server)
    return;
  say_farewell(server);
  while (server->connections)
    close_connection(server, server->connections);
  socket_close(server->listener);
  poll_close(&server->poll);
  free(server);
}
