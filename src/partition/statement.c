// Calls: short statements with typed values, without frames and messages.
//
// 1. A call does what Bind, Execute and Sync of a session at rest would do, through the same transaction and execution.
// 2. What is not plain (a changed definition, somebody's claim, an error, a row that is not durable yet) is undone and
//    left to the messages: waiting, errors and replies have one way.
#include "partition/state.h"
#include "sql/plan_node.h"

static bool is_at_rest(const struct session *session)
{
  return !session->in_group && session->transaction == TRANSACTION_NONE && !session->job && !session->waiting &&
         !session->copying && !session->is_broken && !session->is_closing && !session->is_held && !session->is_outdated &&
         !session->rests && session->input.size == 0;
}

static bool is_change(const struct statement *statement)
{
  return statement->kind != STATEMENT_SELECT;
}

static bool is_fit(const struct session *session, const struct prepared *prepared, const struct partition_call *call)
{
  const struct partition *partition = session->partition;
  const struct statement *statement = prepared->statement;
  if (prepared->utility != UTILITY_NONE || !prepared->plan || prepared->plan->short_form == SHORT_NONE ||
      !prepared_is_current(prepared, store_trunk(partition->store), &session->settings) || partition->claims.map.count ||
      statement->parameter_count != call->count || statement->reads_system || statement->claims_rows ||
      statement->notifies || (statement->draws_numbers && !is_change(statement))) // a reply with numbers waits for the log
    return false;
  return !is_change(statement) || (call->may_change && statement->column_count == 0 && !session->settings.read_only);
}

// The value as one of the parameter's type. False: it takes more than a look at it.
static bool fit_value(struct session *session, struct type type, enum type_id given, const struct value *from, struct value *to)
{
  *to = *from;
  if (from->is_null)
    return true;
  struct error error;
  struct format_settings format = session_format(session);
  switch (type.id) {
  case TYPE_INT2: return given == TYPE_INT8 && from->integer == (int16_t)from->integer;
  case TYPE_INT4: return given == TYPE_INT8 && from->integer == (int32_t)from->integer;
  case TYPE_INT8:
  case TYPE_BOOLEAN:
  case TYPE_FLOAT8: return given == type.id;
  case TYPE_FLOAT4: return given == TYPE_FLOAT8 && !(from->float8 != (double)(float)from->float8);
  case TYPE_TIMESTAMP:
  case TYPE_TIMESTAMPTZ: return given == TYPE_TIMESTAMPTZ;
  default: break;
  }
  return given == TYPE_UNKNOWN && !value_from_text(type, bytes_of(from->data, from->size), &format,
                                                   &session->scratch, to, &error);
}

static int take_row(struct statement_run *run, const struct value *row)
{
  struct partition_call *call = run->take_context;
  if (run->mark->position > call->durable)
    return STATUS_LONG;
  const struct statement *statement = run->prepared->statement;
  enum type_id few[16], *types = few;
  if (statement->column_count > 16)
    types = ARENA_ARRAY(&run->session->scratch, enum type_id, statement->column_count);
  if (!types)
    return STATUS_LONG;
  for (int i = 0; i < statement->column_count; i++)
    types[i] = statement->columns[i].expression->type.id;
  call->row(call->context, types, row, statement->column_count);
  return 0;
}

static int call_run(struct session *session, struct prepared *prepared, const struct value *parameters,
                    struct partition_call *call, struct error *error)
{
  struct partition *partition = session->partition;
  bool changes = is_change(prepared->statement);
  const struct version *version;
  struct writer writer;
  int status = transaction_version(session, changes ? ACCESS_CHANGE : ACCESS_READ, &version, &writer, error);
  if (status)
    return status;
  struct read_mark mark = {0};
  struct statement_run run = {
    .session = session,
    .prepared = prepared,
    .parameters = parameters,
    .version = version,
    .writer = changes ? &writer : NULL,
    .now = session->transaction_now,
    .statement_now = session->statement_now,
    .random = session_random(session),
    .mark = &mark,
    .out = &partition->replies,
    .without_tag = true,
    .take = take_row,
    .take_context = call,
  };
  status = statement_run(&run, error);
  call->row_count = run.row_count;
  return !status && mark.position > call->durable ? STATUS_LONG : status; // "no row" depends on what was seen as well
}

static struct named_statement *find_statement(struct partition *partition, const struct partition_call *call)
{
  struct call_place *place = call->place;
  if (!place->session)
    place->session = map_get(&partition->sessions, bytes_of(&call->session, sizeof call->session));
  struct session *session = place->session;
  if (!session || !is_at_rest(session))
    return NULL;
  if (!place->statement || place->names != session->names) {
    place->statement = session_statement(session, call->statement);
    place->names = session->names;
  }
  return place->statement;
}

bool partition_call(struct partition *partition, struct partition_call *call, const struct step_time *time)
{
  struct named_statement *statement = find_statement(partition, call);
  struct session *session = call->place->session;
  if (!statement || !is_fit(session, statement->prepared, call))
    return false;
  struct prepared *prepared = statement->prepared;
  struct value few[8], *parameters = few;
  arena_reset(&session->scratch);
  if (call->count > 8 && !(parameters = ARENA_ARRAY(&session->scratch, struct value, call->count)))
    return false;
  for (int i = 0; i < call->count; i++)
    if (!fit_value(session, prepared->statement->parameters[i], call->types[i], &call->values[i], &parameters[i]))
      return false;
  partition->time = *time;
  session->transaction_now = session->statement_now = time->wall;
  struct error error;
  error_clear(&error);
  int status = call_run(session, prepared, parameters, call, &error);
  session->has_failed = status != 0; // then the end undoes it
  int end = transaction_group_end(session, &error);
  session->has_failed = false;
  session->depends = 0;
  partition->counts.groups += !status && !end;
  partition->counts.statements += !status && !end;
  return !status && !end;
}
