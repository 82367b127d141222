// Statements with typed values: quern_statement_* of quern.h.
//
//   execute -- nothing stands before it --> partition_call --> done within the call
//      |                                        | not plain
//      +--> Bind, Describe, Execute, Sync <-----+      replies --> the oldest execution: rows, done
//
// 1. Executions stand in a queue; each begins and ends with one ReadyForQuery. The session's own first one is the greeting.
// 2. A receiver may close statements and the session: a closed statement is freed with its last execution, and nothing
//    more is told when the session is closed.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "data/value.h"
#include "host/conversation.h"

enum {
  LONG_WAY_EVERY = 256, // executions: then one goes with quern_run, so that streams and freed memory have their turn
  FEW = 16,
};

struct quern_statement {
  struct conversation *conversation;
  struct quern_statement *previous, *next;
  char name[32];
  size_t name_size;
  struct call_place place;
  char *text;
  int executions; // under way
  bool is_known;  // the session has parsed it
  bool is_closed;
};

// An execution under way by messages; statement NULL: the end of a statement, of which nobody is told.
struct execution_entry {
  struct execution_entry *next;
  struct quern_statement *statement;
  struct quern_receiver receiver;
  uint64_t row_count;
  bool has_error;
  struct quern_error error;
};

struct column {
  enum type_id type;
  bool is_text; // a cursor's, whatever was asked for
};

struct conversation {
  struct quern_session *session;
  struct quern_statement *statements;
  struct execution_entry *first, *last;
  uint64_t statement_number;
  unsigned direct;        // executions since one went the long way
  bool is_greeted, is_over;
  struct column *columns; // that come
  int column_count;
  struct arena arena;     // of one row as it is read
  struct buffer text;     // of one row as it is given
  struct quern_value *values;
  int value_capacity, value_count;
  bool has_row;
  struct quern_buffer request;
  struct quern_error failure;
};

// --- Values -------------------------------------------------------------------------------------------------------

// Makes `values` of the row; texts lie in `text`, so that they outlive what was read.
static bool take_values(struct conversation *conversation, const enum type_id *types, const struct value *row, int count)
{
  if (count > conversation->value_capacity) {
    struct quern_value *values = realloc(conversation->values, sizeof *values * (size_t)count);
    if (!values)
      return false;
    conversation->values = values;
    conversation->value_capacity = count;
  }
  conversation->value_count = count;
  buffer_clear(&conversation->text);
  for (int i = 0; i < count; i++) {
    struct quern_value *value = &conversation->values[i];
    *value = (struct quern_value){.kind = QUERN_NULL};
    if (row[i].is_null)
      continue;
    size_t at = conversation->text.size;
    switch (types[i]) {
    case TYPE_BOOLEAN: value->kind = QUERN_BOOLEAN; break;
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8: value->kind = QUERN_INTEGER; break;
    case TYPE_FLOAT4:
    case TYPE_FLOAT8: value->kind = QUERN_FLOAT; break;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ: value->kind = QUERN_TIMESTAMP; break;
    default:
      value->kind = QUERN_TEXT;
      value_to_text(types[i], &row[i], &format_settings_default, &conversation->text);
      value->integer = (int64_t)at; // the buffer may still move
      value->size = (uint32_t)(conversation->text.size - at);
      continue;
    }
    if (value->kind == QUERN_FLOAT)
      value->number = row[i].float8;
    else
      value->integer = row[i].integer;
  }
  for (int i = 0; i < count && conversation->text.size; i++)
    if (conversation->values[i].kind == QUERN_TEXT)
      conversation->values[i].text = (const char *)conversation->text.data + conversation->values[i].integer;
  for (int i = 0; i < count && !conversation->text.size; i++)
    if (conversation->values[i].kind == QUERN_TEXT)
      conversation->values[i].text = "";
  return !conversation->text.failed;
}

static struct value value_of(const struct quern_value *from, enum type_id *type)
{
  switch (from->kind) {
  case QUERN_BOOLEAN: *type = TYPE_BOOLEAN; return value_boolean(from->integer != 0);
  case QUERN_INTEGER: *type = TYPE_INT8; return value_integer(from->integer);
  case QUERN_FLOAT: *type = TYPE_FLOAT8; return value_float8(from->number);
  case QUERN_TIMESTAMP: *type = TYPE_TIMESTAMPTZ; return value_integer(from->integer);
  case QUERN_TEXT: *type = TYPE_UNKNOWN; return value_bytes(from->text, from->size);
  default: *type = TYPE_UNKNOWN; return value_null();
  }
}

// --- The direct way -------------------------------------------------------------------------------------------------

static void on_row(void *context, const enum type_id *types, const struct value *row, int count)
{
  struct conversation *conversation = context;
  conversation->has_row = take_values(conversation, types, row, count);
}

static bool execute_directly(struct quern_statement *statement, const struct quern_value *values, int count,
                             const struct quern_receiver *receiver)
{
  struct conversation *conversation = statement->conversation;
  if (!statement->is_known || conversation->first || count > FEW || conversation->direct++ >= LONG_WAY_EVERY) {
    conversation->direct = 0;
    return false;
  }
  enum type_id types[FEW];
  struct value given[FEW];
  for (int i = 0; i < count; i++)
    given[i] = value_of(&values[i], &types[i]);
  struct partition_call call = {
    .statement = bytes_of(statement->name, statement->name_size),
    .place = &statement->place,
    .types = types,
    .values = given,
    .count = count,
    .row = on_row,
    .context = conversation,
  };
  conversation->has_row = false;
  if (!session_call(conversation->session, &call))
    return false;
  struct quern_result result = {.row_count = call.row_count};
  if (conversation->has_row && receiver->row)
    receiver->row(receiver->context, conversation->values, conversation->value_count);
  if (receiver->done && session_conversation(conversation->session))
    receiver->done(receiver->context, &result);
  return true;
}

// --- The way of messages ----------------------------------------------------------------------------------------------

static void add_message(struct quern_buffer *buffer, char type, char kind, const char *name)
{
  uint8_t message[32];
  size_t length = strlen(name) + 1;
  message[0] = (uint8_t)type;
  put_be32(message + 1, (uint32_t)(4 + 1 + length));
  message[5] = (uint8_t)kind;
  memcpy(message + 6, name, length);
  quern_buffer_append(buffer, message, 6 + length);
}

// Parameters go as texts: the session reads them as what they are for.
static bool add_bind(struct quern_statement *statement, const struct quern_value *values, int count)
{
  struct quern_buffer *request = &statement->conversation->request;
  struct quern_parameter *parameters = calloc((size_t)count + 1, sizeof *parameters);
  size_t *starts = calloc((size_t)count + 1, sizeof *starts);
  struct buffer text = {0};
  for (int i = 0; parameters && starts && i < count; i++) {
    enum type_id type;
    struct value value = value_of(&values[i], &type);
    starts[i] = text.size;
    if (value.is_null)
      continue;
    if (type == TYPE_UNKNOWN)
      buffer_append(&text, value.data, value.size);
    else
      value_to_text(type, &value, &format_settings_default, &text);
    parameters[i].size = (int32_t)(text.size - starts[i]);
  }
  for (int i = 0; parameters && starts && i < count; i++)
    if (values[i].kind != QUERN_NULL)
      parameters[i].data = text.data ? (const void *)(text.data + starts[i]) : "";
  bool is_good = parameters && starts && !text.failed;
  if (is_good)
    quern_add_bind(request, statement->name, parameters, count, true);
  buffer_deinit(&text);
  free(starts);
  free(parameters);
  return is_good;
}

// Adds the entry behind what was written to the request, and sends that.
static int send_request(struct conversation *conversation, struct quern_statement *statement, const struct quern_receiver *receiver)
{
  struct execution_entry *entry = calloc(1, sizeof *entry);
  quern_add_sync(&conversation->request);
  int status = STATUS_LIMIT;
  if (entry && !conversation->request.failed)
    status = session_submit(conversation->session, conversation->request.data, conversation->request.size);
  if (status || conversation->request.failed)
    quern_buffer_free(&conversation->request);
  conversation->request.size = 0;
  if (status) {
    free(entry);
    return status;
  }
  entry->statement = statement;
  if (receiver)
    entry->receiver = *receiver;
  if (statement)
    statement->executions++;
  if (conversation->last)
    conversation->last->next = entry;
  else
    conversation->first = entry;
  conversation->last = entry;
  return 0;
}

static void free_statement(struct quern_statement *statement)
{
  if (statement->previous)
    statement->previous->next = statement->next;
  else
    statement->conversation->statements = statement->next;
  if (statement->next)
    statement->next->previous = statement->previous;
  free(statement->text);
  free(statement);
}

static void forget_if_closed(struct quern_statement *statement)
{
  if (!statement->is_closed || statement->executions)
    return;
  struct conversation *conversation = statement->conversation;
  if (!conversation->is_over && session_conversation(conversation->session)) {
    add_message(&conversation->request, 'C', 'S', statement->name);
    (void)!send_request(conversation, NULL, NULL); // without memory it stays known to the session, until that ends
  }
  free_statement(statement);
}

// Takes the oldest execution off and tells its receiver.
static void end_entry(struct conversation *conversation)
{
  struct execution_entry *entry = conversation->first;
  conversation->first = entry->next;
  if (!entry->next)
    conversation->last = NULL;
  struct quern_result result = {.error = entry->has_error ? &entry->error : NULL, .row_count = entry->row_count};
  if (entry->receiver.done && session_conversation(conversation->session))
    entry->receiver.done(entry->receiver.context, &result);
  if (entry->statement) {
    entry->statement->executions--;
    forget_if_closed(entry->statement);
  }
  free(entry);
}

static void copy_field(const struct quern_message *message, char field, char *text, size_t size)
{
  const char *given = quern_error_field(message, field);
  snprintf(text, size, "%s", given ? given : "");
}

static void read_error(const struct quern_message *message, struct quern_error *to)
{
  struct error error;
  copy_field(message, 'C', to->sqlstate, sizeof to->sqlstate);
  copy_field(message, 'M', to->message, sizeof to->message);
  copy_field(message, 'D', to->detail, sizeof to->detail);
  copy_field(message, 'H', to->hint, sizeof to->hint);
  const char *position = quern_error_field(message, 'P');
  to->position = position ? atoi(position) : 0;
  to->status = error_set(&error, to->sqlstate, "%s", to->message);
}

static void fail_entry(struct execution_entry *entry, const char *sqlstate, const char *text)
{
  struct error error;
  if (entry->has_error)
    return;
  entry->has_error = true;
  entry->error = (struct quern_error){.status = error_set(&error, sqlstate, "%s", text)};
  snprintf(entry->error.sqlstate, sizeof entry->error.sqlstate, "%s", sqlstate);
  snprintf(entry->error.message, sizeof entry->error.message, "%s", text);
}

// The columns: name, table (4), column (2), type (4), size (2), modifier (4), format (2), each.
static bool read_columns(struct conversation *conversation, const struct quern_message *message)
{
  int count = get_be16(message->body);
  struct column *columns = realloc(conversation->columns, sizeof *columns * (size_t)(count + 1));
  if (!columns)
    return false;
  conversation->columns = columns;
  conversation->column_count = count;
  const uint8_t *at = message->body + 2;
  for (int i = 0; i < count; i++) {
    at += strlen((const char *)at) + 1;
    columns[i] = (struct column){.type = type_of_oid(get_be32(at + 6)), .is_text = get_be16(at + 16) == 0};
    at += 18;
  }
  return true;
}

static bool read_field(const struct column *column, struct bytes field, struct arena *arena, struct value *value)
{
  struct error error;
  struct type type = type_plain(column->type);
  return (column->is_text ? value_from_text(type, field, &format_settings_default, arena, value, &error)
                          : value_from_binary(type, field, &format_settings_default, arena, value, &error)) == 0;
}

static void read_row(struct conversation *conversation, struct execution_entry *entry, const struct quern_message *message)
{
  entry->row_count++;
  if (!entry->receiver.row || entry->has_error)
    return;
  int count = get_be16(message->body);
  arena_reset(&conversation->arena);
  struct value *row = ARENA_ARRAY(&conversation->arena, struct value, count + 1);
  enum type_id *types = ARENA_ARRAY(&conversation->arena, enum type_id, count + 1);
  bool is_good = row && types && count == conversation->column_count;
  const uint8_t *at = message->body + 2;
  for (int i = 0; is_good && i < count; i++) {
    int32_t size = (int32_t)get_be32(at);
    at += 4;
    row[i] = value_null();
    if (size < 0)
      continue;
    types[i] = conversation->columns[i].type;
    is_good = read_field(&conversation->columns[i], bytes_of(at, (size_t)size), &conversation->arena, &row[i]);
    at += size;
  }
  if (!is_good || !take_values(conversation, types, row, count)) {
    fail_entry(entry, SQLSTATE_OUT_OF_MEMORY, "out of memory");
    return;
  }
  entry->receiver.row(entry->receiver.context, conversation->values, count);
}

// "UPDATE 3", "INSERT 0 1": the last number.
static void read_tag(struct execution_entry *entry, const struct quern_message *message)
{
  const char *blank = strrchr((const char *)message->body, ' ');
  if (blank && blank[1] >= '0' && blank[1] <= '9')
    entry->row_count = strtoull(blank + 1, NULL, 10);
}

static const struct quern_error copy_refused = {
  .status = STATUS_INPUT,
  .sqlstate = SQLSTATE_FEATURE_NOT_SUPPORTED,
  .message = "COPY FROM STDIN needs a session that takes messages",
};

// The session is over: so is all that is under way.
static void end_all(struct conversation *conversation)
{
  conversation->is_over = true;
  const struct quern_error *failure = &conversation->failure;
  while (conversation->first) {
    fail_entry(conversation->first, failure->message[0] ? failure->sqlstate : SQLSTATE_CONNECTION_FAILURE,
               failure->message[0] ? failure->message : "the session is over");
    end_entry(conversation);
  }
}

static void take_message(struct conversation *conversation, const struct quern_message *message)
{
  struct execution_entry *entry = conversation->first;
  if (message->type == 'E' && !entry) {
    read_error(message, &conversation->failure);
  } else if (message->type == 'Z' && !conversation->is_greeted) {
    conversation->is_greeted = true;
  } else if (entry) {
    switch (message->type) {
    case '1':
      if (entry->statement)
        entry->statement->is_known = true;
      break;
    case 'T':
      if (!read_columns(conversation, message))
        fail_entry(entry, SQLSTATE_OUT_OF_MEMORY, "out of memory");
      break;
    case 'D': read_row(conversation, entry, message); break;
    case 'C': read_tag(entry, message); break;
    case 'G': // nobody would send it rows
      conversation->failure = copy_refused;
      end_all(conversation);
      break;
    case 'E':
      entry->has_error = true;
      read_error(message, &entry->error);
      if (entry->statement && strcmp(entry->error.sqlstate, SQLSTATE_INVALID_SQL_STATEMENT_NAME) == 0)
        entry->statement->is_known = false; // DEALLOCATE
      break;
    case 'Z': end_entry(conversation); break;
    default: break;
    }
  }
}

void conversation_reply(void *context, const uint8_t *messages, size_t size)
{
  struct conversation *conversation = context;
  struct quern_message message;
  if (size == 0)
    end_all(conversation);
  while (session_conversation(conversation->session) && quern_next_message(&messages, &size, &message))
    take_message(conversation, &message);
}

// --- Opening and closing --------------------------------------------------------------------------------------------

struct conversation *conversation_open(struct quern_session *session)
{
  struct conversation *conversation = calloc(1, sizeof *conversation);
  if (!conversation)
    return NULL;
  conversation->session = session;
  arena_init(&conversation->arena, NULL);
  return conversation;
}

void conversation_close(struct conversation *conversation)
{
  if (!conversation)
    return;
  while (conversation->first) {
    struct execution_entry *entry = conversation->first;
    conversation->first = entry->next;
    free(entry);
  }
  while (conversation->statements)
    free_statement(conversation->statements);
  free(conversation->columns);
  free(conversation->values);
  arena_deinit(&conversation->arena);
  buffer_deinit(&conversation->text);
  quern_buffer_free(&conversation->request);
  free(conversation);
}

struct quern_statement *quern_statement_prepare(struct quern_session *session, const char *text)
{
  struct conversation *conversation = session_conversation(session);
  struct quern_statement *statement = conversation ? calloc(1, sizeof *statement) : NULL;
  if (!statement)
    return NULL;
  statement->text = strdup(text);
  if (!statement->text) {
    free(statement);
    return NULL;
  }
  statement->conversation = conversation;
  statement->name_size = (size_t)snprintf(statement->name, sizeof statement->name, HANDLE_STATEMENT "%llu",
                                          (unsigned long long)++conversation->statement_number);
  statement->next = conversation->statements;
  if (statement->next)
    statement->next->previous = statement;
  conversation->statements = statement;
  return statement;
}

int quern_statement_execute(struct quern_statement *statement, const struct quern_value *values, int count,
                            const struct quern_receiver *receiver)
{
  struct conversation *conversation = statement->conversation;
  if (statement->is_closed || conversation->is_over || !session_conversation(conversation->session) || count < 0 ||
      count > LIMIT_PARAMETERS)
    return STATUS_INPUT;
  if (execute_directly(statement, values, count, receiver))
    return 1;
  if (!statement->is_known) { // one that may have failed to be parsed is parsed again
    add_message(&conversation->request, 'C', 'S', statement->name);
    quern_add_parse(&conversation->request, statement->name, statement->text, NULL, 0);
  }
  if (!add_bind(statement, values, count)) {
    conversation->request.size = 0;
    return STATUS_LIMIT;
  }
  add_message(&conversation->request, 'D', 'P', "");
  quern_add_execute(&conversation->request);
  return send_request(conversation, statement, receiver);
}

void quern_statement_close(struct quern_statement *statement)
{
  if (!statement || statement->is_closed)
    return;
  statement->is_closed = true;
  forget_if_closed(statement);
}
