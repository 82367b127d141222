// The loop: sockets that are ready, then the engine, then what it has replied.
#include "wire/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sqlstate.h"
#include "os/clock.h"
#include "os/poll.h"
#include "wire/connection.h"
#include "wire/rules.h"
#include "wire/secret.h"
#include "wire/tls.h"

enum {
  EVENTS = 256,
  SCRATCH = 256 * 1024,
  RUN_BUDGET = 1,
  LOGIN_TIMEOUT_S = 60,
  STARTING_MAXIMUM = 200, // clients that are not let in yet: beyond it the oldest is closed
  RULES_MAXIMUM = 1024 * 1024, // bytes of the file
  TICK_MS = 1000,
  FAREWELL_US = 3 * 1000000, // how long clients may take to read the last that they are told
};

struct server {
  struct quern *engine;
  struct gate gate;
  int64_t login_timeout_us;
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

// --- Opening ------------------------------------------------------------------------------------------------------

static int read_rules(const char *path, struct rules **rules, struct error *error)
{
  if (!path) {
    *rules = rules_default();
    return *rules ? 0 : error_memory(error);
  }
  FILE *file = fopen(path, "re");
  if (!file)
    return error_set(error, SQLSTATE_UNDEFINED_FILE, "could not open file \"%s\": %s", path, strerror(errno));
  char *text = malloc(RULES_MAXIMUM + 1);
  size_t size = text ? fread(text, 1, RULES_MAXIMUM, file) : 0;
  int status = text ? 0 : error_memory(error);
  if (!status && (ferror(file) || size == RULES_MAXIMUM))
    status = error_set(error, SQLSTATE_IO_ERROR, "could not read file \"%s\", or it is too large", path);
  fclose(file);
  if (!status) {
    text[size] = 0;
    status = rules_parse(path, text, rules, error);
  }
  free(text);
  return status;
}

static int open_gate(struct server *server, const struct server_options *options, struct error *error)
{
  struct gate *gate = &server->gate;
  gate->allows_plain = options->allows_plain;
  bool has_tls = options->makes_certificate || options->certificate;
  if (!socket_is_loopback(options->address) && !has_tls && !options->allows_plain)
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE,
                     "addresses other than loopback ones need TLS: give --tls-cert and --tls-key, or --tls auto; or, to have "
                     "passwords and rows cross the network unprotected, --allow-remote-without-tls");
  int status = secret_read(options->data_directory, gate->secret, error);
  if (!status)
    status = read_rules(options->rules, &gate->rules, error);
  if (!status && options->makes_certificate)
    status = tls_context_make(options->data_directory, &gate->tls, error);
  else if (!status && options->certificate)
    status = tls_context_open(options->certificate, options->key, &gate->tls, error);
  return status;
}

static int listen_at(struct server *server, const struct socket_address *address, struct error *error)
{
  int status = poll_open(&server->poll, error);
  if (!status)
    status = socket_listen(address, &server->listener, error);
  if (!status)
    status = poll_add(&server->poll, server->listener, POLL_READ, &listener_mark, error);
  if (!status)
    status = poll_add(&server->poll, quern_descriptor(server->engine), POLL_READ, &engine_mark, error);
  return status;
}

int server_open(struct quern *engine, const struct server_options *options, struct server **result, struct error *error)
{
  struct server *server = calloc(1, sizeof *server);
  if (!server)
    return error_memory(error);
  server->engine = engine;
  server->listener = -1;
  server->poll.descriptor = -1;
  server->is_accepting = true;
  server->login_timeout_us = (options->login_timeout_s ? options->login_timeout_s : LOGIN_TIMEOUT_S) * (int64_t)1000000;
  int status = open_gate(server, options, error);
  if (!status)
    status = listen_at(server, options->address, error);
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

// Whoever opens connections and does not log in cannot keep others out: the oldest of those make room.
static void bound_starting(struct server *server)
{
  int count = 0;
  struct connection *oldest = NULL;
  for (struct connection *connection = server->connections; connection; connection = connection->next)
    if (!connection_is_let_in(connection) && !connection->is_broken) {
      oldest = connection;
      count++;
    }
  if (count <= STARTING_MAXIMUM)
    return;
  oldest->is_broken = true;
  server_dirty(server, oldest);
}

static void add_connection(struct server *server, int descriptor, const struct socket_address *peer)
{
  struct error error;
  struct connection *connection = calloc(1, sizeof *connection);
  if (!connection || poll_add(&server->poll, descriptor, POLL_READ, connection, &error)) {
    free(connection);
    socket_close(descriptor);
    return;
  }
  connection->descriptor = descriptor;
  connection->peer = *peer;
  connection->gate = &server->gate;
  connection->engine = server->engine;
  connection->server = server;
  connection->interest = POLL_READ;
  connection_init(connection);
  connection->next = server->connections;
  if (server->connections)
    server->connections->previous = connection;
  server->connections = connection;
  bound_starting(server);
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
    add_connection(server, descriptor, &peer);
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
    if (!connection_is_let_in(connection) && now - connection->opened_us > server->login_timeout_us) {
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
  if (server->listener >= 0)
    poll_remove(&server->poll, server->listener);
  poll_remove(&server->poll, quern_descriptor(server->engine));
  struct connection *next;
  for (struct connection *connection = server->connections; connection; connection = next) {
    next = connection->next;
    if (connection->state == CONNECTION_SERVING)
      connection_refuse(connection, "FATAL", SQLSTATE_ADMIN_SHUTDOWN, "terminating connection due to administrator command");
    else if (connection->state != CONNECTION_CLOSING)
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
  rules_close(server->gate.rules);
  tls_context_close(server->gate.tls);
  free(server);
}
