// A client's bytes: from the socket, through TLS where there is some, to the login or the engine, and back.
#include "wire/connection.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "os/clock.h"
#include "os/poll.h"
#include "os/socket.h"
#include "wire/tls.h"

enum { FORGET_READS = 64 }; // of a client that never stops sending

void connection_init(struct connection *connection)
{
  connection->opened_us = clock_monotonic();
}

void connection_deinit(struct connection *connection)
{
  if (connection->session)
    quern_session_close(connection->session);
  login_close(connection->login);
  tls_close(connection->tls);
  buffer_deinit(&connection->input);
  buffer_deinit(&connection->output);
  socket_close(connection->descriptor);
}

void connection_begin_closing(struct connection *connection)
{
  connection->state = CONNECTION_CLOSING;
  buffer_clear(&connection->input);
  server_dirty(connection->server, connection);
}

static void add_field(struct buffer *out, char field, const char *text)
{
  buffer_append_u8(out, (uint8_t)field);
  buffer_append(out, text, strlen(text) + 1);
}

void connection_refuse(struct connection *connection, const char *severity, const char *sqlstate, const char *message)
{
  struct buffer *out = &connection->output;
  size_t begin = out->size + 1;
  buffer_append_u8(out, 'E');
  buffer_append_be32(out, 0);
  add_field(out, 'S', severity);
  add_field(out, 'V', severity);
  add_field(out, 'C', sqlstate);
  add_field(out, 'M', message);
  buffer_append_u8(out, 0);
  if (!out->failed)
    put_be32(out->data + begin, (uint32_t)(out->size - begin));
  connection_begin_closing(connection);
}

// --- Replies ----------------------------------------------------------------------------------------------------

void connection_reply(void *context, const uint8_t *messages, size_t size)
{
  struct connection *connection = context;
  if (connection->state != CONNECTION_SERVING)
    return;
  if (size == 0) {
    connection_begin_closing(connection);
    return;
  }
  buffer_append(&connection->output, messages, size);
  if (connection->output.failed)
    connection->is_broken = true;
  server_dirty(connection->server, connection);
}

static size_t output_size(const struct connection *connection)
{
  return connection->output.size - connection->output_at;
}

static ptrdiff_t send_some(struct connection *connection, const uint8_t *data, size_t size)
{
  return connection->tls ? tls_write(connection->tls, data, size) : socket_write(connection->descriptor, data, size);
}

static ptrdiff_t receive(struct connection *connection, uint8_t *data, size_t size)
{
  return connection->tls ? tls_read(connection->tls, data, size) : socket_read(connection->descriptor, data, size);
}

// The next part of the handshake, once the client has been told that there will be one.
static void secure(struct connection *connection)
{
  if (connection->state != CONNECTION_SECURING || output_size(connection) > 0)
    return;
  if (!connection->tls)
    connection->tls = tls_open(connection->gate->tls, connection->descriptor);
  int result = connection->tls ? tls_handshake(connection->tls) : -1;
  if (result > 0)
    connection->state = CONNECTION_STARTING;
  else if (result < 0)
    connection->is_broken = true;
  server_dirty(connection->server, connection); // what it waits for may be another thing now
}

void connection_write(struct connection *connection)
{
  struct buffer *out = &connection->output;
  while (!connection->is_broken && output_size(connection) > 0) {
    ptrdiff_t written = send_some(connection, out->data + connection->output_at, output_size(connection));
    if (written == SOCKET_AGAIN)
      break;
    if (written <= 0)
      connection->is_broken = true;
    else
      connection->output_at += (size_t)written;
  }
  if (output_size(connection) == 0) {
    connection->output_at = out->size = 0;
    if (out->capacity > CONNECTION_OUTPUT_HIGH)
      buffer_deinit(out);
  } else if (connection->output_at > out->size / 2) {
    memmove(out->data, out->data + connection->output_at, output_size(connection));
    out->size = output_size(connection);
    connection->output_at = 0;
  }
  if (connection->tls && connection->state == CONNECTION_SECURING && tls_wants_write(connection->tls))
    secure(connection);
  bool hold = connection->is_held ? output_size(connection) > CONNECTION_OUTPUT_LOW
                                  : output_size(connection) > CONNECTION_OUTPUT_HIGH;
  if (hold != connection->is_held && connection->session) {
    quern_session_hold(connection->session, hold);
    server_told(connection->server);
  }
  connection->is_held = hold;
}

bool connection_is_over(const struct connection *connection)
{
  return connection->is_broken || (connection->state == CONNECTION_CLOSING && output_size(connection) == 0);
}

uint32_t connection_wants(const struct connection *connection)
{
  uint32_t wants = output_size(connection) > 0 ? POLL_WRITE : 0;
  if (connection->state == CONNECTION_SECURING && !wants)
    return connection->tls && tls_wants_write(connection->tls) ? POLL_WRITE : POLL_READ;
  if (connection->state != CONNECTION_CLOSING && !connection->is_held)
    wants |= POLL_READ;
  return wants;
}

// --- Messages ---------------------------------------------------------------------------------------------------

// Bytes of whole messages at the beginning. SIZE_MAX: a length that cannot be.
static size_t whole_messages(struct bytes bytes)
{
  size_t at = 0;
  while (bytes.size - at >= 5) {
    uint32_t length = get_be32(bytes.data + at + 1);
    if (length < 4 || length > LIMIT_MESSAGE)
      return SIZE_MAX;
    if (bytes.size - at - 1 < length)
      break;
    at += 1 + (size_t)length;
  }
  return at;
}

static void take_messages(struct connection *connection, struct bytes *bytes)
{
  size_t size = whole_messages(*bytes);
  if (size == SIZE_MAX) {
    connection_refuse(connection, "FATAL", SQLSTATE_PROTOCOL_VIOLATION, "invalid message length");
    return;
  }
  if (!size)
    return;
  if (quern_submit(connection->session, bytes->data, size)) {
    connection_refuse(connection, "FATAL", SQLSTATE_OUT_OF_MEMORY, "too many requests are waiting");
    return;
  }
  *bytes = bytes_of(bytes->data + size, bytes->size - size);
}

static void take(struct connection *connection, struct bytes *bytes)
{
  while ((connection->state == CONNECTION_STARTING || connection->state == CONNECTION_PROVING) &&
         login_take(connection, bytes))
    ;
  if (connection->state == CONNECTION_SERVING)
    take_messages(connection, bytes);
}

// Keeps what is not whole yet.
static void keep_rest(struct connection *connection, struct bytes rest)
{
  struct buffer *input = &connection->input;
  if (connection->state == CONNECTION_CLOSING) {
    buffer_clear(input);
    return;
  }
  bool is_own = input->size && rest.data >= input->data && rest.data <= input->data + input->size;
  if (is_own) {
    memmove(input->data, rest.data, rest.size);
    input->size = rest.size;
  } else {
    buffer_clear(input);
    buffer_append_bytes(input, rest);
  }
  if (!input->size && input->capacity > CONNECTION_OUTPUT_HIGH)
    buffer_deinit(input);
  if (input->failed)
    connection_refuse(connection, "FATAL", SQLSTATE_OUT_OF_MEMORY, "out of memory");
}

void connection_read(struct connection *connection, uint8_t *scratch, size_t scratch_size)
{
  if (connection->state == CONNECTION_CLOSING)
    return;
  secure(connection);
  if (connection->state == CONNECTION_SECURING || connection->is_broken)
    return;
  ptrdiff_t got = receive(connection, scratch, scratch_size);
  if (got == SOCKET_AGAIN)
    return;
  if (got <= 0) {
    connection->is_broken = true;
    server_dirty(connection->server, connection);
    return;
  }
  struct bytes bytes = bytes_of(scratch, (size_t)got);
  if (connection->input.size) {
    buffer_append_bytes(&connection->input, bytes);
    bytes = buffer_bytes(&connection->input);
  }
  take(connection, &bytes);
  keep_rest(connection, bytes);
}

void connection_forget_input(struct connection *connection, uint8_t *scratch, size_t scratch_size)
{
  for (int i = 0; i < FORGET_READS && socket_read(connection->descriptor, scratch, scratch_size) > 0; i++)
    ;
}
