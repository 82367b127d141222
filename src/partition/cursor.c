// Cursors: DECLARE, FETCH, MOVE, CLOSE; the latter three of portals that Bind made, too.
//
// 1. A cursor's whole result is made when it is declared, as messages; `starts` says where each row begins. So it can be
//    walked in any direction, does not see what the transaction does later, and WITH HOLD only has to be kept.
// 2. Its rows are a promise of the transaction as a whole, whatever is fetched.
// 3. They are kept in the format in which they were declared or bound; a FETCH that wants another one turns them.
#include <stdio.h>
#include <stdlib.h>

#include "base/sqlstate.h"
#include "partition/state.h"

enum {
  OPTION_BINARY = 1,
  OPTION_SCROLL = 2,
  OPTION_NO_SCROLL = 4,
  OPTION_INSENSITIVE = 8,
  OPTION_ASENSITIVE = 16,
  OPTION_HOLD = 32,
};

static struct buffer *replies(struct session *session)
{
  return &session->partition->replies;
}

void sql_cursor_close(struct sql_cursor *cursor)
{
  if (!cursor)
    return;
  buffer_deinit(&cursor->starts);
  free(cursor->statement);
  free(cursor);
}

// --- DECLARE -------------------------------------------------------------------------------------------------------

static int check_options(const struct session *session, const PgQuery__DeclareCursorStmt *declare, struct error *error)
{
  int options = (int)declare->options;
  if ((options & OPTION_SCROLL) && (options & OPTION_NO_SCROLL))
    return error_set(error, SQLSTATE_INVALID_CURSOR_DEFINITION, "cannot specify both SCROLL and NO SCROLL");
  if ((options & OPTION_ASENSITIVE) && (options & OPTION_INSENSITIVE))
    return error_set(error, SQLSTATE_INVALID_CURSOR_DEFINITION, "cannot specify both ASENSITIVE and INSENSITIVE");
  if (!(options & OPTION_HOLD) && session->transaction != TRANSACTION_OPEN)
    return error_set(error, SQLSTATE_NO_ACTIVE_SQL_TRANSACTION, "DECLARE CURSOR can only be used in transaction blocks");
  if (!declare->portalname[0])
    return error_set(error, SQLSTATE_INVALID_CURSOR_NAME, "invalid cursor name: must not be empty");
  return 0;
}

static int check_query(const struct prepared *query, int options, struct error *error)
{
  if (query->statement && query->statement->kind == STATEMENT_WITH && query->utility == UTILITY_NONE)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                     "DECLARE CURSOR must not contain data-modifying statements in WITH");
  if (!query->statement || query->statement->kind != STATEMENT_SELECT || query->utility != UTILITY_NONE)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "a cursor is declared for a SELECT or VALUES");
  if (!query->statement->claims_rows)
    return 0;
  static const struct {
    int option;
    const char *words, *kind, *sqlstate, *verdict;
  } refused[] = {
    {OPTION_HOLD, "CURSOR WITH HOLD", "Holdable", SQLSTATE_FEATURE_NOT_SUPPORTED, "supported"},
    {OPTION_SCROLL, "SCROLL CURSOR", "Scrollable", SQLSTATE_FEATURE_NOT_SUPPORTED, "supported"},
    {OPTION_INSENSITIVE, "INSENSITIVE CURSOR", "Insensitive", SQLSTATE_INVALID_CURSOR_DEFINITION, "valid"},
  };
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
    if (options & refused[i].option) {
      int status = error_set(error, refused[i].sqlstate, "DECLARE %s ... FOR UPDATE is not %s", refused[i].words,
                             refused[i].verdict);
      error_detail(error, "%s cursors must be READ ONLY.", refused[i].kind);
      return status;
    }
  return 0;
}

static int open_cursor(struct session *session, struct portal *portal, int options, struct bytes text, struct error *error)
{
  struct sql_cursor *cursor = calloc(1, sizeof *cursor);
  portal->cursor = cursor;
  if (cursor)
    cursor->statement = malloc(text.size + 1);
  if (!cursor || !cursor->statement)
    return error_memory(error);
  memcpy(cursor->statement, text.data, text.size);
  cursor->statement[text.size] = 0;
  cursor->is_hold = options & OPTION_HOLD;
  cursor->is_binary = options & OPTION_BINARY;
  cursor->is_scroll = !(options & OPTION_NO_SCROLL) && !portal->prepared->statement->claims_rows;
  cursor->created_at = session->statement_now;
  cursor->starts.account = &session->rows_account;
  return 0;
}

// A cursor's rows are all binary or all text.
static int choose_format(struct portal *portal, struct error *error)
{
  int columns = portal->prepared->statement->column_count;
  if (!portal->cursor->is_binary)
    return 0;
  portal->formats = ARENA_ARRAY(&portal->arena, bool, columns + 1);
  if (!portal->formats)
    return error_memory(error);
  memset(portal->formats, 1, (size_t)columns);
  portal->format_count = columns;
  return 0;
}

// The values that the DECLARE was given, for its query.
static int take_parameters(struct portal *portal, const struct portal *given, struct error *error)
{
  int count = given->parameter_count;
  const struct statement *statement = portal->prepared->statement;
  if (count < statement->parameter_count) // only Bind gives values
    return error_set(error, SQLSTATE_UNDEFINED_PARAMETER, "there is no parameter $1");
  portal->parameters = ARENA_ARRAY(&portal->arena, struct value, count + 1);
  if (!portal->parameters)
    return error_memory(error);
  portal->parameter_count = count;
  for (int i = 0; i < count; i++) {
    portal->parameters[i] = given->parameters[i];
    enum type_id type = statement->parameters[i].id;
    if (!given->parameters[i].is_null && type_info(type)->storage == STORAGE_BYTES &&
        !value_copy(type, &portal->parameters[i], &portal->arena))
      return error_memory(error);
  }
  return 0;
}

static int note_starts(struct portal *portal, struct error *error)
{
  struct error ignored;
  struct message message;
  struct buffer *starts = &portal->cursor->starts;
  for (size_t at = 0, next = 0; message_next(buffer_bytes(&portal->rows), &next, &message, &ignored) > 0; at = next)
    buffer_append(starts, &at, sizeof at);
  return starts->failed ? error_memory(error) : 0;
}

// RUN_DONE, RUN_WAIT: it is declared once more later, or an error.
static int fill(struct session *session, struct portal *portal, int options, struct bytes text, struct error *error)
{
  int status = open_cursor(session, portal, options, text, error);
  if (!status)
    status = choose_format(portal, error);
  if (!status)
    status = portal_keep(session, portal, error);
  return status ? status : note_starts(portal, error);
}

static struct bytes without_semicolon(struct bytes text)
{
  while (text.size && (text.data[text.size - 1] == ';' || text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\n'))
    text.size--;
  return text;
}

int declare_command(struct session *session, const struct portal *own, struct error *error)
{
  const struct prepared *prepared = own->prepared;
  const PgQuery__DeclareCursorStmt *declare = prepared->parsed->node->declare_cursor_stmt;
  const struct statement *bound = prepared->statement;
  int options = (int)declare->options;
  struct prepared *query;
  int status = check_options(session, declare, error);
  if (!status)
    status = command_inner(session, prepared->text, "for", bound->parameters, bound->parameter_count, &query, error);
  if (status)
    return status;
  struct bytes name = bytes_of_string(declare->portalname);
  struct portal *portal = NULL;
  status = check_query(query, options, error);
  if (!status && session_portal(session, name)) // it may be the one that this runs in
    status = error_set(error, SQLSTATE_DUPLICATE_CURSOR, "cursor \"%s\" already exists", declare->portalname);
  if (!status)
    status = session_add_portal(session, name, &portal, error);
  if (status) {
    prepared_release(query);
    return status;
  }
  portal->prepared = query;
  status = take_parameters(portal, own, error);
  if (!status)
    status = fill(session, portal, options, without_semicolon(prepared->text), error);
  if (status)
    session_remove_portal(session, name);
  else
    message_tag(replies(session), "DECLARE CURSOR");
  return status;
}

// --- FETCH ---------------------------------------------------------------------------------------------------------

// Which rows, one after the other, and where that leaves the cursor.
struct walk {
  uint64_t first, count;
  bool is_backward;
  uint64_t position;
  bool turns; // takes a cursor that scrolls
};

static struct walk walk_forward(uint64_t rows, uint64_t position, uint64_t wanted)
{
  uint64_t left = position < rows ? rows - position : 0;
  if (wanted > left)
    return (struct walk){.first = position + 1, .count = left, .position = rows + 1};
  return (struct walk){.first = position + 1, .count = wanted, .position = position + wanted};
}

static struct walk walk_backward(uint64_t position, uint64_t wanted)
{
  uint64_t left = position ? position - 1 : 0;
  bool reaches_begin = wanted > left;
  return (struct walk){
    .first = position - 1,
    .count = reaches_begin ? left : wanted,
    .is_backward = true,
    .position = reaches_begin ? 0 : position - wanted,
    .turns = true,
  };
}

static struct walk walk_here(uint64_t rows, uint64_t position)
{
  bool is_on_row = position >= 1 && position <= rows;
  return (struct walk){.first = position, .count = is_on_row, .position = position, .turns = is_on_row};
}

// To a row, or to before the first or behind the last, where nothing is given.
static struct walk walk_to(uint64_t rows, uint64_t position, uint64_t to)
{
  bool is_row = to >= 1 && to <= rows;
  return (struct walk){.first = to, .count = is_row, .position = to, .turns = position > 0 && to <= position};
}

static uint64_t size_of(int64_t number)
{
  return number < 0 ? (uint64_t) - (number + 1) + 1 : (uint64_t)number;
}

static struct walk walk_absolute(uint64_t rows, uint64_t position, int64_t number)
{
  uint64_t size = size_of(number);
  if (number >= 0)
    return walk_to(rows, position, size > rows ? rows + 1 : size);
  struct walk walk = walk_to(rows, position, size > rows ? 0 : rows + 1 - size);
  walk.turns = true;
  return walk;
}

static struct walk walk_relative(uint64_t rows, uint64_t position, int64_t number)
{
  uint64_t size = size_of(number);
  if (number == 0)
    return walk_here(rows, position);
  if (number > 0)
    return walk_to(rows, position, size > rows - (position < rows ? position : rows) ? rows + 1 : position + size);
  struct walk walk = walk_to(rows, position, size >= position ? 0 : position - size);
  walk.turns = true;
  return walk;
}

static struct walk walk_of(const PgQuery__FetchStmt *fetch, uint64_t rows, uint64_t position)
{
  int64_t number = fetch->how_many; // ALL is the largest there is
  bool is_backward = fetch->direction == PG_QUERY__FETCH_DIRECTION__FETCH_BACKWARD;
  switch (fetch->direction) {
  case PG_QUERY__FETCH_DIRECTION__FETCH_ABSOLUTE: return walk_absolute(rows, position, number);
  case PG_QUERY__FETCH_DIRECTION__FETCH_RELATIVE: return walk_relative(rows, position, number);
  default: break;
  }
  if (number == 0)
    return walk_here(rows, position);
  return is_backward != (number < 0) ? walk_backward(position, size_of(number))
                                     : walk_forward(rows, position, size_of(number));
}

const bool *cursor_formats(const struct session *session, const struct portal *cursor, const bool *own)
{
  if (session->is_extended)
    return own;
  return cursor->cursor && cursor->cursor->is_binary ? cursor->formats : NULL; // a portal's are of its Execute alone
}

static bool same_formats(const bool *a, const bool *b, int count)
{
  for (int i = 0; i < count; i++)
    if ((a && a[i]) != (b && b[i]))
      return false;
  return true;
}

// A kept row once more, in other formats.
static int turn_row(struct session *session, const struct portal *portal, struct bytes row, const bool *formats,
                    struct error *error)
{
  const struct statement *statement = portal->prepared->statement;
  struct format_settings format = session_format(session);
  int count = statement->column_count;
  struct message_reader reader = {.body = row, .at = 7}; // behind the type, the size and the number of columns
  struct value *values = ARENA_ARRAY(&session->scratch, struct value, count + 1);
  if (!values)
    return error_memory(error);
  for (int i = 0; i < count; i++) {
    int32_t size = read_i32(&reader);
    values[i] = value_null();
    if (size < 0)
      continue;
    struct bytes field = read_bytes(&reader, (size_t)size);
    struct type type = statement->columns[i].expression->type;
    bool is_binary = portal->formats && portal->formats[i];
    int status = is_binary ? value_from_binary(type, field, &format, &session->scratch, &values[i], error)
                           : value_from_text(type, field, &format, &session->scratch, &values[i], error);
    if (status)
      return status;
  }
  message_row(replies(session), statement->columns, count, values, formats, &format);
  return 0;
}

static int give(struct session *session, const struct portal *portal, const struct walk *walk, const bool *formats,
                struct error *error)
{
  const struct sql_cursor *cursor = portal->cursor;
  uint64_t rows = cursor->starts.size / sizeof(size_t);
  bool is_same = same_formats(formats, portal->formats, portal->prepared->statement->column_count);
  int status = 0;
  for (uint64_t i = 0; !status && i < walk->count; i++) {
    uint64_t row = walk->is_backward ? walk->first - i : walk->first + i;
    size_t start, end = portal->rows.size;
    memcpy(&start, cursor->starts.data + (row - 1) * sizeof start, sizeof start);
    if (row < rows)
      memcpy(&end, cursor->starts.data + row * sizeof end, sizeof end);
    if (is_same)
      buffer_append(replies(session), portal->rows.data + start, end - start);
    else
      status = turn_row(session, portal, bytes_of(portal->rows.data + start, end - start), formats, error);
  }
  return status;
}

// A portal that Bind made becomes a cursor when it is first fetched from; what Execute gave of it is behind it.
static int take_bound(struct session *session, struct portal *portal, const char *name, struct error *error)
{
  const struct prepared *prepared = portal->prepared;
  if (prepared->utility != UTILITY_NONE || !prepared->statement || prepared->statement->kind != STATEMENT_SELECT)
    return error_set(error, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE, "portal \"%s\" cannot be run", name);
  int status = portal->is_kept || portal->is_done ? 0 : portal_keep(session, portal, error);
  if (!status)
    status = open_cursor(session, portal, OPTION_NO_SCROLL, prepared->text, error);
  if (!status)
    status = note_starts(portal, error);
  if (!status)
    portal->cursor->is_bound = true;
  if (status) {
    sql_cursor_close(portal->cursor);
    portal->cursor = NULL;
  }
  return status;
}

// Where Execute left a bound portal.
static void find_position(struct portal *portal)
{
  struct sql_cursor *cursor = portal->cursor;
  uint64_t rows = cursor->starts.size / sizeof(size_t), position = 0;
  for (size_t start; position < rows; position++) {
    memcpy(&start, cursor->starts.data + position * sizeof start, sizeof start);
    if (start >= portal->rows_at)
      break;
  }
  cursor->position = portal->is_done ? rows + 1 : position;
}

static void leave_position(struct portal *portal)
{
  const struct sql_cursor *cursor = portal->cursor;
  uint64_t rows = cursor->starts.size / sizeof(size_t);
  portal->is_done = cursor->position > rows;
  portal->rows_at = portal->rows.size;
  if (cursor->position < rows)
    memcpy(&portal->rows_at, cursor->starts.data + cursor->position * sizeof(size_t), sizeof(size_t));
}

int fetch_command(struct session *session, const struct portal *own, struct error *error)
{
  const PgQuery__FetchStmt *fetch = own->prepared->parsed->node->fetch_stmt;
  struct portal *portal = session_portal(session, bytes_of_string(fetch->portalname));
  if (!portal)
    return error_set(error, SQLSTATE_INVALID_CURSOR_NAME, "cursor \"%s\" does not exist", fetch->portalname);
  int status = portal->cursor ? 0 : take_bound(session, portal, fetch->portalname, error);
  if (!status && !fetch->ismove)
    status = command_check_formats(own, portal->prepared->statement->column_count, error);
  if (status)
    return status;
  struct sql_cursor *cursor = portal->cursor;
  if (cursor->has_failed)
    return error_set(error, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE, "portal \"%s\" cannot be run", fetch->portalname);
  if (cursor->is_bound)
    find_position(portal);
  struct walk walk = walk_of(fetch, cursor->starts.size / sizeof(size_t), cursor->position);
  bool is_rewind = fetch->ismove && fetch->direction == PG_QUERY__FETCH_DIRECTION__FETCH_BACKWARD && fetch->how_many == INT64_MAX;
  bool turns = walk.turns && !(is_rewind && cursor->position == 0); // at its beginning that is nothing, as in PostgreSQL
  if (turns && !cursor->is_scroll) {
    cursor->has_failed = true;
    status = error_set(error, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE, "cursor can only scan forward");
    error_hint(error, "Declare it with SCROLL option to enable backward scan.");
    return status;
  }
  if (!fetch->ismove)
    status = give(session, portal, &walk, cursor_formats(session, portal, own->formats), error);
  if (status)
    return status;
  cursor->position = walk.position;
  if (cursor->is_bound)
    leave_position(portal);
  char tag[64];
  snprintf(tag, sizeof tag, "%s %llu", fetch->ismove ? "MOVE" : "FETCH", (unsigned long long)walk.count);
  message_tag(replies(session), tag);
  return 0;
}

int close_command(struct session *session, const PgQuery__ClosePortalStmt *close, struct error *error)
{
  if (!close->portalname || !close->portalname[0]) {
    session_forget_portals(session, PORTALS_ALL);
    message_tag(replies(session), "CLOSE CURSOR ALL");
    return 0;
  }
  struct bytes name = bytes_of_string(close->portalname);
  if (!session_portal(session, name))
    return error_set(error, SQLSTATE_INVALID_CURSOR_NAME, "cursor \"%s\" does not exist", close->portalname);
  session_remove_portal(session, name);
  message_tag(replies(session), "CLOSE CURSOR");
  return 0;
}
