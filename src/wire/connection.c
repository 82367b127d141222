// The start-up conversation, and messages to and from the engine.
#include "wire/connection.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "os/clock.h"
#include "os/poll.h"
#include "os/socket.h"

enum {
  PROTOCOL_3 = 3 << 16,
  REQUEST_CANCEL = 80877102,
  REQUEST_SSL = 80877103,
  REQUEST_GSS = 80877104,
  FORGET_READS = 64, // of a client that never stops sending
};

void connection_init(struct connection *connection, struct server *server, struct quern *engine, int descriptor)
{
  *connection = (struct connection){
    .descriptor = descriptor,
    .engine = engine,
    .server = server,
    .opened_us = clock_monotonic(),
  };
}

void connection_deinit(struct connection *connection)
{
  if (connection->session)
    quern_session_close(connection->session);
  buffer_deinit(&connection->input);
  buffer_deinit(&connection->output);
  socket_close(connection->descriptor);
}

static void begin_closing(struct connection *connection)
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
  begin_closing(connection);
}

// --- Replies ----------------------------------------------------------------------------------------------------

static void on_reply(void *context, const uint8_t *messages, size_t size)
{
  struct connection *connection = context;
  if (connection->state != CONNECTION_SERVING)
    return;
  if (size == 0) {
    begin_closing(connection);
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

void connection_write(struct connection *connection)
{
  struct buffer *out = &connection->output;
  while (!connection->is_broken && output_size(connection) > 0) {
    ptrdiff_t written = socket_write(connection->descriptor, out->data + connection->output_at, output_size(connection));
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
  if (connection->state != CONNECTION_CLOSING && !connection->is_held)
    wants |= POLL_READ;
  return wants;
}

// --- The start-up -----------------------------------------------------------------------------------------------

struct start_up {
  const char *user, *database, *application_name;
};

// Reads name, value, … , 0. False: not of that form.
static bool read_pairs(struct bytes pairs, struct start_up *start)
{
  *start = (struct start_up){0};
  size_t at = 0;
  while (at < pairs.size && pairs.data[at]) {
    const char *text[2];
    for (int i = 0; i < 2; i++) {
      const uint8_t *zero = at < pairs.size ? memchr(pairs.data + at, 0, pairs.size - at) : NULL;
      if (!zero)
        return false;
      text[i] = (const char *)pairs.data + at;
      at = (size_t)(zero - pairs.data) + 1;
    }
    if (strcmp(text[0], "user") == 0)
      start->user = text[1];
    else if (strcmp(text[0], "database") == 0)
      start->database = text[1];
    else if (strcmp(text[0], "application_name") == 0)
      start->application_name = text[1];
  }
  return at == pairs.size - 1;
}

// A newer minor version, or options of a newer protocol: says that 3.0 without them is what there is.
static void negotiate(struct connection *connection)
{
  struct buffer *out = &connection->output;
  buffer_append_u8(out, 'v');
  buffer_append_be32(out, 12);
  buffer_append_be32(out, 0);
  buffer_append_be32(out, 0);
}

static void start_session(struct connection *connection, uint32_t protocol, struct bytes pairs)
{
  struct start_up start;
  if (!read_pairs(pairs, &start)) {
    connection_refuse(connection, "FATAL", SQLSTATE_PROTOCOL_VIOLATION, "invalid startup packet layout: expected terminator as last byte");
    return;
  }
  if (!start.user || !start.user[0]) {
    connection_refuse(connection, "FATAL", "28000", "no PostgreSQL user name specified in startup packet");
    return;
  }
  if (protocol != PROTOCOL_3)
    negotiate(connection);
  buffer_append_u8(&connection->output, 'R'); // AuthenticationOk: any user is let in from loopback
  buffer_append_be32(&connection->output, 8);
  buffer_append_be32(&connection->output, 0);
  struct quern_session_options options = {
    .user = start.user,
    .database = start.database,
    .application_name = start.application_name,
    .options = (const char *)pairs.data,
    .reply = on_reply,
    .context = connection,
  };
  struct quern_error error;
  connection->session = quern_session_open(connection->engine, &options, &error);
  if (!connection->session) {
    connection_refuse(connection, "FATAL", error.sqlstate, error.message);
    return;
  }
  connection->state = CONNECTION_SERVING;
  server_dirty(connection->server, connection);
}

// Takes a whole start-up message. False: there is none.
static bool take_start_up(struct connection *connection, struct bytes *bytes)
{
  if (bytes->size < 4)
    return false;
  uint32_t length = get_be32(bytes->data);
  if (length < 8 || length > START_UP_MAXIMUM) {
    connection_refuse(connection, "FATAL", SQLSTATE_PROTOCOL_VIOLATION, "invalid length of startup packet");
    return false;
  }
  if (bytes->size < length)
    return false;
  uint32_t code = get_be32(bytes->data + 4);
  struct bytes body = bytes_of(bytes->data + 8, length - 8);
  *bytes = bytes_of(bytes->data + length, bytes->size - length);
  if (code == REQUEST_SSL || code == REQUEST_GSS) {
    buffer_append_u8(&connection->output, 'N');
    server_dirty(connection->server, connection);
  } else if (code == REQUEST_CANCEL) {
    if (body.size == 8)
      quern_cancel(connection->engine, (int32_t)get_be32(body.data), (int32_t)get_be32(body.data + 4));
    begin_closing(connection);
  } else if (code >> 16 != 3) {
    connection_refuse(connection, "FATAL", SQLSTATE_FEATURE_NOT_SUPPORTED, "unsupported frontend protocol: server supports 3.0");
  } else {
    start_session(connection, code, body);
  }
  return true;
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
  while (connection->state == CONNECTION_STARTING && take_start_up(connection, bytes))
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
  ptrdiff_t got = socket_read(connection->descriptor, scratch, scratch_size);
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
