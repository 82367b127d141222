// Commands of the session itself: prepared statements by SQL, DISCARD, EXPLAIN; settings and cursors have files of their own.
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "expr/function.h"
#include "expr/program.h"
#include "partition/state.h"
#include "sql/scan.h"

static struct buffer *replies(struct session *session)
{
  return &session->partition->replies;
}

// --- PREPARE, EXECUTE, DEALLOCATE -----------------------------------------------------------------------------

// The text behind the first word `keyword` that stands outside of parentheses: the statement inside a PREPARE (AS) or a
// DECLARE (FOR). The parser has accepted the text, so it is there.
static struct bytes text_behind(struct bytes text, const char *keyword)
{
  struct scan scan = {.text = text.data, .size = text.size};
  int depth = 0;
  while (scan_next(&scan) != SCAN_END && scan.kind != SCAN_OPEN) {
    depth += scan_is_mark(&scan, '(') - scan_is_mark(&scan, ')');
    if (depth == 0 && scan_is_word(&scan, keyword))
      return bytes_of(text.data + scan.at, text.size - scan.at);
  }
  return bytes_of(text.data + text.size, 0);
}

// What stands between the first parenthesis and the one that closes it.
static struct bytes parenthesized(struct bytes text)
{
  struct scan scan = {.text = text.data, .size = text.size};
  int depth = 0;
  size_t begin = text.size;
  while (scan_next(&scan) != SCAN_END && scan.kind != SCAN_OPEN) {
    if (scan_is_mark(&scan, '(') && depth++ == 0)
      begin = scan.at;
    if (scan_is_mark(&scan, ')') && --depth == 0)
      return bytes_of(text.data + begin, scan.start - begin);
  }
  return bytes_of(text.data, 0);
}

static int get_prepared(struct session *session, struct bytes text, const struct type *types, int count,
                        struct prepared **prepared, struct error *error)
{
  session_refresh_path(session);
  struct prepared_input input = {
    .version = session_version(session),
    .settings = &session->settings,
    .text = text,
    .parameters = types,
    .parameter_count = count,
  };
  return prepared_get(&session->partition->cache, &input, prepared, error);
}

// The statement inside of another: its errors have their place in the whole text.
int command_inner(struct session *session, struct bytes whole, const char *keyword, const struct type *types,
                     int count, struct prepared **prepared, struct error *error)
{
  struct bytes text = text_behind(whole, keyword);
  int status = get_prepared(session, text, types, count, prepared, error);
  if (status && error && error->position > 0)
    error_position(error, error->position - 1 + parse_position(whole, (int32_t)(text.data - whole.data)));
  return status;
}

static int prepare_command(struct session *session, const struct prepared *prepared, struct error *error)
{
  const PgQuery__PrepareStmt *prepare = prepared->parsed->node->prepare_stmt;
  int count = (int)prepare->n_argtypes;
  struct type *types = ARENA_ARRAY(&session->scratch, struct type, count + 1);
  if (!types)
    return error_memory(error);
  session_refresh_path(session);
  struct bind_input bind = {.catalog = session->partition->catalog,
                            .version = session_version(session),
                            .settings = &session->settings,
                            .arena = &session->scratch};
  for (int i = 0; i < count; i++) {
    int status = bind_type(&bind, prepare->argtypes[i]->type_name, prepared->text, &types[i], NULL, error);
    if (status)
      return status;
  }
  struct prepared *inner;
  int status = command_inner(session, prepared->text, "as", types, count, &inner, error);
  if (status)
    return status;
  status = session_add_statement(session, bytes_of_string(prepare->name), inner, types, count, error);
  prepared_release(inner);
  if (!status) {
    session_statement(session, bytes_of_string(prepare->name))->source = prepared_retain((struct prepared *)prepared);
    message_tag(replies(session), "PREPARE");
  }
  return status;
}

static int count_error(const char *name, int wanted, int given, struct error *error)
{
  int status =
      error_set(error, SQLSTATE_SYNTAX_ERROR, "wrong number of parameters for prepared statement \"%s\"", name);
  error_detail(error, "Expected %d parameters but got %d.", wanted, given);
  return status;
}

// An argument, read as the type that its expression has and cast as an assignment; one that is text may be a literal,
// which is read as the parameter's type.
static int convert_argument(struct session *session, struct bytes text, struct type source, struct type type,
                            struct arena *arena, struct value *value, struct error *error)
{
  struct format_settings format = session_format(session);
  const struct function *function;
  bool is_literal = source.id == TYPE_TEXT || source.id == TYPE_RECORD ||
                    !cast_find(source.id, type.id, CAST_ASSIGNMENT, &function);
  struct type read_as = is_literal ? type : source;
  int status = value_from_text(read_as, text, &format, arena, value, error);
  if (status)
    return status;
  if (type_info(read_as.id)->storage == STORAGE_BYTES && !value_copy(read_as.id, value, arena))
    return error_memory(error);
  if (is_literal)
    return 0;
  struct node *node = node_constant(arena, source, *value, -1);
  node = node ? cast_node(node, type, CAST_ASSIGNMENT, arena, &format, error) : NULL;
  struct program *program = node ? program_compile(node, arena, error) : NULL;
  struct evaluation evaluation = {.arena = arena, .settings = &format, .error = error};
  if (!program)
    return error && error->status ? (int)error->status : error_memory(error);
  return program_run(program, &evaluation, value);
}

// The arguments of an EXECUTE are computed as a row of their own and given on as text.
static int execute_arguments(struct session *session, struct portal *portal, const char *name, struct prepared *target,
                             struct error *error)
{
  struct bytes arguments = parenthesized(portal->prepared->text);
  char *text = arena_format(&session->scratch, "SELECT %.*s", (int)arguments.size, (const char *)arguments.data);
  struct prepared *row_query;
  if (!text)
    return error_memory(error);
  int status = get_prepared(session, bytes_of_string(text), NULL, 0, &row_query, error);
  if (status)
    return status;
  struct buffer row = {0};
  struct statement_run run = {
    .session = session,
    .prepared = row_query,
    .version = session_version(session),
    .now = session->transaction_now,
    .statement_now = session->statement_now,
    .random = session_random(session),
    .mark = &(struct read_mark){0},
    .out = &row,
    .without_tag = true,
  };
  status = statement_run(&run, error);
  struct message_reader reader = {.body = bytes_of(row.data, row.size), .at = 5};
  int count = status ? 0 : read_i16(&reader);
  int wanted = target->statement->parameter_count;
  if (!status && count != wanted)
    status = count_error(name, wanted, count, error);
  for (int i = 0; !status && i < count; i++) {
    int32_t size = read_i32(&reader);
    portal->parameters[i] = value_null();
    if (size < 0)
      continue;
    struct type source = row_query->statement->columns[i].expression->type;
    status = convert_argument(session, read_bytes(&reader, (size_t)size), source, target->statement->parameters[i],
                              &portal->arena, &portal->parameters[i], error);
  }
  buffer_deinit(&row);
  prepared_release(row_query);
  return status;
}

// The portal becomes one of the named statement, and runs.
static int execute_command(struct session *session, struct portal *portal, struct error *error)
{
  const PgQuery__ExecuteStmt *execute = portal->prepared->parsed->node->execute_stmt;
  struct named_statement *named = session_statement(session, bytes_of_string(execute->name));
  if (!named)
    return error_set(error, SQLSTATE_INVALID_SQL_STATEMENT_NAME, "prepared statement \"%s\" does not exist", execute->name);
  int status = session_refresh_statement(session, named, error);
  if (status)
    return status;
  struct prepared *target = named->prepared;
  if (target->utility == UTILITY_EXECUTE)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "a prepared statement cannot be an EXECUTE");
  status = command_check_formats(portal, command_column_count(session, portal->prepared), error);
  if (status)
    return status;
  int wanted = target->statement ? target->statement->parameter_count : 0;
  portal->parameters = ARENA_ARRAY(&portal->arena, struct value, wanted + 1);
  if (!portal->parameters)
    return error_memory(error);
  if (execute->n_params > 0 && wanted > 0)
    status = execute_arguments(session, portal, execute->name, target, error);
  else if (execute->n_params == 0 && wanted > 0) // where none are wanted, those that are given are not looked at
    status = count_error(execute->name, wanted, (int)execute->n_params, error);
  if (status)
    return status;
  portal->parameter_count = wanted;
  prepared_release(portal->prepared); // portal_run holds it
  portal->prepared = prepared_retain(target);
  return portal_run(session, portal, 0, error);
}

static int deallocate_command(struct session *session, const PgQuery__DeallocateStmt *deallocate, struct error *error)
{
  if (!deallocate->name || !deallocate->name[0]) {
    session_forget_statements(session);
    message_tag(replies(session), "DEALLOCATE ALL");
    return 0;
  }
  struct bytes name = bytes_of_string(deallocate->name);
  if (!session_statement(session, name))
    return error_set(error, SQLSTATE_INVALID_SQL_STATEMENT_NAME, "prepared statement \"%s\" does not exist", deallocate->name);
  session_remove_statement(session, name);
  message_tag(replies(session), "DEALLOCATE");
  return 0;
}

// --- DISCARD --------------------------------------------------------------------------------------------------------

static int discard_command(struct session *session, const PgQuery__DiscardStmt *discard, struct error *error)
{
  bool all = discard->target == PG_QUERY__DISCARD_MODE__DISCARD_ALL;
  if (all && session->transaction == TRANSACTION_OPEN)
    return error_set(error, SQLSTATE_ACTIVE_SQL_TRANSACTION, "DISCARD ALL cannot run inside a transaction block");
  if (all && (session->has_atom || session->branch))
    return error_set(error, SQLSTATE_ACTIVE_SQL_TRANSACTION, "DISCARD ALL cannot run inside a transaction block");
  if (all && !session_drop_temporary(session))
    return error_memory(error);
  if (all) {
    session_forget_portals(session, PORTALS_ALL);
    session_forget_statements(session);
    session_reset_settings(session);
    listening_end(session);
    claims_give_numbers(&session->partition->claims, &session->claimant);
  }
  if (all || discard->target == PG_QUERY__DISCARD_MODE__DISCARD_SEQUENCES)
    numbering_forget(session);
  switch (discard->target) {
  case PG_QUERY__DISCARD_MODE__DISCARD_ALL: message_tag(replies(session), "DISCARD ALL"); break;
  case PG_QUERY__DISCARD_MODE__DISCARD_PLANS: message_tag(replies(session), "DISCARD PLANS"); break;
  case PG_QUERY__DISCARD_MODE__DISCARD_SEQUENCES: message_tag(replies(session), "DISCARD SEQUENCES"); break;
  default: break; // TEMP is a definition
  }
  return 0;
}

// --- EXPLAIN ------------------------------------------------------------------------------------------------------

static int explain_command(struct session *session, const struct prepared *prepared, struct error *error)
{
  const char **lines;
  int count;
  const struct user_types *types = session_format(session).types;
  int status = plan_explain(prepared->plan, &prepared->explain, NULL, types, &session->scratch, &lines, &count, error);
  if (status)
    return status;
  for (int i = 0; i < count; i++)
    message_text_row(replies(session), &lines[i], 1);
  message_tag(replies(session), "EXPLAIN");
  return 0;
}

int command_run(struct session *session, struct portal *portal, struct error *error)
{
  struct prepared *prepared = portal->prepared;
  const PgQuery__Node *node = prepared->parsed->node;
  switch (prepared->utility) {
  case UTILITY_SET: return set_command(session, node->variable_set_stmt, error);
  case UTILITY_SHOW: return show_command(session, node->variable_show_stmt, error);
  case UTILITY_PREPARE: return prepare_command(session, prepared, error);
  case UTILITY_EXECUTE: return execute_command(session, portal, error);
  case UTILITY_DEALLOCATE: return deallocate_command(session, node->deallocate_stmt, error);
  case UTILITY_DECLARE: return declare_command(session, portal, error);
  case UTILITY_FETCH: return fetch_command(session, portal, error);
  case UTILITY_CLOSE: return close_command(session, node->close_portal_stmt, error);
  case UTILITY_LOCK: return lock_command(session, prepared, error);
  case UTILITY_DISCARD: return discard_command(session, node->discard_stmt, error);
  case UTILITY_EXPLAIN: return explain_command(session, prepared, error);
  default: return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "this command is not supported");
  }
}

// The statement whose rows a command gives. NULL: it gives none, or rows of its own.
static const struct statement *result_statement(struct session *session, const struct prepared *prepared)
{
  if (prepared->utility == UTILITY_FETCH) {
    const PgQuery__FetchStmt *fetch = prepared->parsed->node->fetch_stmt;
    const struct portal *cursor = fetch->ismove ? NULL : session_portal(session, bytes_of_string(fetch->portalname));
    prepared = cursor ? cursor->prepared : NULL;
  } else if (prepared->utility == UTILITY_EXECUTE) {
    const char *name = prepared->parsed->node->execute_stmt->name;
    const struct named_statement *named = session_statement(session, bytes_of_string(name));
    prepared = named ? named->prepared : NULL;
  }
  return prepared && prepared->utility == UTILITY_NONE ? prepared->statement : NULL;
}

int command_column_count(struct session *session, const struct prepared *prepared)
{
  if (prepared->utility == UTILITY_SHOW && !prepared->is_empty)
    return strcmp(prepared->parsed->node->variable_show_stmt->name, "all") == 0 ? 3 : 1;
  if (prepared->utility == UTILITY_EXPLAIN)
    return 1;
  const struct statement *statement = result_statement(session, prepared);
  return statement ? statement->column_count : 0;
}

int command_check_formats(const struct portal *portal, int column_count, struct error *error)
{
  if (!portal->formats || column_count == portal->format_count)
    return 0;
  return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "cached plan must not change result type");
}

bool command_describe(struct session *session, const struct prepared *prepared, const bool *formats, struct buffer *out)
{
  if (prepared->is_empty)
    return false;
  size_t before = out->size;
  switch (prepared->utility) {
  case UTILITY_SHOW: {
    static const char *const all[] = {"name", "setting", "description"};
    const char *name = prepared->parsed->node->variable_show_stmt->name;
    if (strcmp(name, "all") == 0)
      message_text_description(out, all, 3);
    else
      message_text_description(out, (const char *[]){settings_reported(name) ? settings_reported(name) : name}, 1);
    break;
  }
  case UTILITY_EXPLAIN: {
    struct node line = {.type = type_plain(prepared->explain.format == EXPLAIN_JSON ? TYPE_JSON : TYPE_TEXT)};
    struct target column = {.name = "QUERY PLAN", .expression = &line};
    message_row_description(out, &column, 1, NULL);
    break;
  }
  default: {
    const struct statement *statement = result_statement(session, prepared);
    if (statement && prepared->utility == UTILITY_FETCH) {
      const char *name = prepared->parsed->node->fetch_stmt->portalname;
      formats = cursor_formats(session, session_portal(session, bytes_of_string(name)), formats);
    }
    if (statement && statement->column_count)
      message_row_description(out, statement->columns, statement->column_count, formats);
  }
  }
  return out->size > before;
}
