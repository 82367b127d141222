// The start-up conversation: TLS is agreed on, the rules are asked, a password is proved, and the session opened.
//
// 1. What a client is told before it is let in does not say which roles there are: whoever must prove a password is asked
//    for one, be there such a role or not.
// 2. Nothing here waits, or takes long: floods of logins cost what their bytes cost.
#include <stdio.h>
#include <stdlib.h>

#include "base/sqlstate.h"
#include "os/clock.h"
#include "os/random.h"
#include "wire/connection.h"
#include "wire/rules.h"
#include "wire/scram.h"
#include "wire/tls.h"

enum {
  PROTOCOL_3 = 3 << 16,
  REQUEST_CANCEL = 80877102,
  REQUEST_SSL = 80877103,
  REQUEST_GSS = 80877104,
  ANSWER_MAXIMUM = SCRAM_MESSAGE_LIMIT * 2 + 256, // bytes of a message of a client that proves its password
};
enum { AUTHENTICATION_OK = 0, AUTHENTICATION_SASL = 10, AUTHENTICATION_CONTINUE = 11, AUTHENTICATION_FINAL = 12 };

struct login {
  struct buffer pairs; // of the start-up message; what follows points into it
  const char *user, *database, *application_name;
  uint32_t protocol;
  bool has_role;
  struct quern_role role;
  struct scram scram;
  bool has_begun; // the client has chosen its mechanism
};

void login_close(struct login *login)
{
  if (!login)
    return;
  scram_close(&login->scram);
  buffer_deinit(&login->pairs);
  free(login);
}

static void refuse(struct connection *connection, const char *sqlstate, const char *message)
{
  connection_refuse(connection, "FATAL", sqlstate, message);
}

static void refuse_error(struct connection *connection, const struct error *error)
{
  char text[sizeof error->message + sizeof error->detail + 4];
  snprintf(text, sizeof text, "%s%s%s", error->message, error->detail[0] ? ": " : "", error->detail);
  refuse(connection, error->sqlstate, text);
}

static void add_authentication(struct connection *connection, uint32_t kind, struct bytes data)
{
  struct buffer *out = &connection->output;
  buffer_append_u8(out, 'R');
  buffer_append_be32(out, (uint32_t)(8 + data.size));
  buffer_append_be32(out, kind);
  buffer_append_bytes(out, data);
  server_dirty(connection->server, connection);
}

// --- Letting in -----------------------------------------------------------------------------------------

static void let_in(struct connection *connection)
{
  struct login *login = connection->login;
  char text[256];
  if (login->has_role && !login->role.may_log_in) {
    snprintf(text, sizeof text, "role \"%s\" is not permitted to log in", login->role.name);
    refuse(connection, SQLSTATE_INVALID_AUTHORIZATION, text);
    return;
  }
  add_authentication(connection, AUTHENTICATION_OK, (struct bytes){0});
  struct quern_session_options options = {
    .user = login->user,
    .database = login->database,
    .application_name = login->application_name,
    .options = (const char *)login->pairs.data,
    .reply = connection_reply,
    .context = connection,
    .role = login->role.id,
  };
  struct quern_error error;
  connection->session = quern_session_open(connection->engine, &options, &error);
  if (!connection->session) {
    refuse(connection, error.sqlstate, error.message);
    return;
  }
  connection->state = CONNECTION_SERVING;
  login_close(login);
  connection->login = NULL;
  server_told(connection->server);
}

// --- Passwords ------------------------------------------------------------------------------------------

static void ask_password(struct connection *connection)
{
  struct login *login = connection->login;
  const struct gate *gate = connection->gate;
  uint8_t nonce[18];
  struct error error;
  if (random_fill(nonce, sizeof nonce, &error)) {
    refuse_error(connection, &error);
    return;
  }
  bool is_good = login->has_role && login->role.verifier[0] && login->role.valid_until > clock_wall();
  struct scram_options options = {
    .user = login->user,
    .verifier = is_good ? login->role.verifier : NULL,
    .secret = gate->secret,
    .nonce = nonce,
    .binding = connection->tls ? tls_context_binding(gate->tls) : (struct bytes){0},
  };
  scram_open(&login->scram, &options);
  static const char both[] = "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0", one[] = "SCRAM-SHA-256\0";
  struct bytes mechanisms = login->scram.has_binding ? bytes_of(both, sizeof both) : bytes_of(one, sizeof one);
  add_authentication(connection, AUTHENTICATION_SASL, mechanisms);
  connection->state = CONNECTION_PROVING;
}

static void wrong_password(struct connection *connection)
{
  char text[256];
  snprintf(text, sizeof text, "password authentication failed for user \"%.100s\"", connection->login->user);
  refuse(connection, SQLSTATE_INVALID_PASSWORD, text);
}

// SASLInitialResponse: the mechanism, a length, the first message.
static int take_first(struct login *login, struct bytes body, struct buffer *answer, struct error *error)
{
  const uint8_t *zero = body.size ? memchr(body.data, 0, body.size) : NULL;
  size_t at = zero ? (size_t)(zero - body.data) + 1 : 0;
  if (!zero || body.size - at < 4 || get_be32(body.data + at) != body.size - at - 4)
    return error_set(error, SQLSTATE_PROTOCOL_VIOLATION, "invalid SASL message");
  login->has_begun = true;
  return scram_first(&login->scram, (const char *)body.data, bytes_of(body.data + at + 4, body.size - at - 4), answer,
                     error);
}

static void take_answer(struct connection *connection, struct bytes body)
{
  struct login *login = connection->login;
  struct buffer answer = {0};
  struct error error;
  error_clear(&error);
  int status = login->has_begun ? scram_final(&login->scram, body, &answer, &error)
                                : take_first(login, body, &answer, &error);
  if (status)
    refuse_error(connection, &error);
  else if (login->scram.state == SCRAM_FAILED)
    wrong_password(connection);
  else
    add_authentication(connection, login->scram.state == SCRAM_DONE ? AUTHENTICATION_FINAL : AUTHENTICATION_CONTINUE,
                       buffer_bytes(&answer));
  buffer_deinit(&answer);
  if (!status && login->scram.state == SCRAM_DONE)
    let_in(connection);
}

static bool take_proof(struct connection *connection, struct bytes *bytes)
{
  if (bytes->size < 5)
    return false;
  uint32_t length = get_be32(bytes->data + 1);
  if (bytes->data[0] != 'p') {
    char text[80];
    snprintf(text, sizeof text, "expected SASL response, got message type %d", bytes->data[0]);
    refuse(connection, SQLSTATE_PROTOCOL_VIOLATION, text);
    return false;
  }
  if (length < 4 || length > ANSWER_MAXIMUM) {
    refuse(connection, SQLSTATE_PROTOCOL_VIOLATION, "invalid message length");
    return false;
  }
  if (bytes->size - 1 < length)
    return false;
  struct bytes body = bytes_of(bytes->data + 5, length - 4);
  *bytes = bytes_of(bytes->data + 1 + length, bytes->size - 1 - length);
  take_answer(connection, body);
  return true;
}

// --- The rules --------------------------------------------------------------------------------------------

static bool is_member(void *context, const char *role)
{
  const struct connection *connection = context;
  const struct login *login = connection->login;
  return login->has_role && quern_role_is_member(connection->engine, login->role.id, role);
}

// "host "127.0.0.1", user "u", database "d", no encryption": as PostgreSQL says whom it means.
static void refuse_by_rule(struct connection *connection, const char *what)
{
  const struct login *login = connection->login;
  char address[SOCKET_TEXT], text[400];
  socket_host_text(&connection->peer, address);
  snprintf(text, sizeof text, "%s for host \"%s\", user \"%.100s\", database \"%.100s\", %s", what, address, login->user,
           login->database, connection->tls ? "SSL encryption" : "no encryption");
  refuse(connection, SQLSTATE_INVALID_AUTHORIZATION, text);
}

// Without a file of rules: who has a password gives it, and a name that is no role's stands for the first superuser, as
// long as that one has none.
static void let_in_if_open(struct connection *connection)
{
  struct login *login = connection->login;
  struct quern_role first;
  if (!login->has_role && quern_role_find(connection->engine, NULL, &first) && !first.verifier[0]) {
    login->role = first;
    login->has_role = true;
  }
  if (login->has_role && !login->role.verifier[0])
    let_in(connection);
  else
    ask_password(connection);
}

static void let_in_trusted(struct connection *connection)
{
  if (connection->login->has_role) {
    let_in(connection);
    return;
  }
  char text[256];
  snprintf(text, sizeof text, "role \"%.100s\" does not exist", connection->login->user);
  refuse(connection, SQLSTATE_INVALID_AUTHORIZATION, text);
}

static void ask_rules(struct connection *connection)
{
  struct login *login = connection->login;
  bool is_near = socket_is_loopback(&connection->peer);
  struct rule_question question = {
    .peer = &connection->peer,
    .has_tls = connection->tls != NULL,
    .database = login->database,
    .user = login->user,
    .is_member = is_member,
    .context = connection,
  };
  if (!is_near && !connection->tls && !connection->gate->allows_plain) {
    refuse_by_rule(connection, "connection without TLS is not accepted");
    return;
  }
  switch (rules_find(connection->gate->rules, &question)) {
  case METHOD_IF_ANY: let_in_if_open(connection); return;
  case METHOD_SCRAM: ask_password(connection); return;
  case METHOD_REJECT: refuse_by_rule(connection, "pg_hba.conf rejects connection"); return;
  case METHOD_TRUST:
    if (is_near) {
      let_in_trusted(connection);
      return;
    }
    break;
  case METHOD_NONE: break;
  }
  refuse_by_rule(connection, "no pg_hba.conf entry");
}

// --- The start-up message -----------------------------------------------------------------------------------

// Reads name, value, … , 0. False: not of that form.
static bool read_pairs(struct login *login)
{
  struct bytes pairs = buffer_bytes(&login->pairs);
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
      login->user = text[1];
    else if (strcmp(text[0], "database") == 0)
      login->database = text[1];
    else if (strcmp(text[0], "application_name") == 0)
      login->application_name = text[1];
  }
  if (!login->database || !login->database[0])
    login->database = login->user;
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

static void start(struct connection *connection, uint32_t protocol, struct bytes pairs)
{
  struct login *login = connection->login = calloc(1, sizeof *login);
  if (login)
    buffer_append_bytes(&login->pairs, pairs);
  if (!login || login->pairs.failed) {
    refuse(connection, SQLSTATE_OUT_OF_MEMORY, "out of memory");
    return;
  }
  if (!read_pairs(login)) {
    refuse(connection, SQLSTATE_PROTOCOL_VIOLATION, "invalid startup packet layout: expected terminator as last byte");
    return;
  }
  if (!login->user || !login->user[0]) {
    refuse(connection, SQLSTATE_INVALID_AUTHORIZATION, "no PostgreSQL user name specified in startup packet");
    return;
  }
  if (protocol != PROTOCOL_3)
    negotiate(connection);
  login->has_role = quern_role_find(connection->engine, login->user, &login->role);
  ask_rules(connection);
}

// SSLRequest. Nothing may stand behind it: it would be read as if it had come through TLS (CVE-2021-23222).
static void answer_tls(struct connection *connection, struct bytes rest)
{
  bool is_possible = connection->gate->tls && !connection->tls;
  if (is_possible && rest.size) {
    refuse(connection, SQLSTATE_PROTOCOL_VIOLATION, "received unencrypted data after SSL request");
    return;
  }
  buffer_append_u8(&connection->output, is_possible ? 'S' : 'N');
  if (is_possible)
    connection->state = CONNECTION_SECURING;
  server_dirty(connection->server, connection);
}

static bool take_start_up(struct connection *connection, struct bytes *bytes)
{
  if (bytes->size < 4)
    return false;
  uint32_t length = get_be32(bytes->data);
  if (length < 8 || length > START_UP_MAXIMUM) {
    refuse(connection, SQLSTATE_PROTOCOL_VIOLATION, "invalid length of startup packet");
    return false;
  }
  if (bytes->size < length)
    return false;
  uint32_t code = get_be32(bytes->data + 4);
  struct bytes body = bytes_of(bytes->data + 8, length - 8);
  *bytes = bytes_of(bytes->data + length, bytes->size - length);
  if (code == REQUEST_SSL) {
    answer_tls(connection, *bytes);
  } else if (code == REQUEST_GSS) {
    buffer_append_u8(&connection->output, 'N');
    server_dirty(connection->server, connection);
  } else if (code == REQUEST_CANCEL) {
    if (body.size == 8)
      quern_cancel(connection->engine, (int32_t)get_be32(body.data), (int32_t)get_be32(body.data + 4));
    connection_begin_closing(connection);
  } else if (code >> 16 != 3) {
    refuse(connection, SQLSTATE_FEATURE_NOT_SUPPORTED, "unsupported frontend protocol: server supports 3.0");
  } else {
    start(connection, code, body);
  }
  return true;
}

bool login_take(struct connection *connection, struct bytes *bytes)
{
  return connection->state == CONNECTION_PROVING ? take_proof(connection, bytes) : take_start_up(connection, bytes);
}
