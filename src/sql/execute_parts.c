// Statements whose WITH has changes.
//
// 1. All parts, and the statement itself, read one snapshot from before the first change; what they write goes to the
//    writer's version. A row that two of them change is changed by the first alone.
// 2. A part runs when somebody reads what it returns, to its end; those that nobody reads run behind the statement, in
//    their order. So each runs once.
// 3. Constraints are checked when all of it has happened. The rows of a SELECT wait until then.
#include "sql/spool.h"

bool parts_open(struct execution *execution)
{
  const struct plan *plan = execution->plan;
  const struct statement *statement = plan->statement;
  if (!statement->part_count)
    return true;
  execution->parts = ARENA_ARRAY(&execution->memory, struct execution *, statement->part_count);
  execution->are_parts_run = ARENA_ARRAY(&execution->memory, bool, statement->part_count);
  execution->given_types = ARENA_ARRAY(&execution->memory, enum type_id, statement->column_count + 1);
  execution->given = ARENA_NEW(&execution->memory, struct spool);
  if (!execution->parts || !execution->are_parts_run || !execution->given_types || !execution->given)
    return false;
  spool_init(execution->given, execution, execution->given_types, statement->column_count);
  for (int i = 0; i < statement->column_count; i++)
    execution->given_types[i] = statement->columns[i].expression->type.id;
  for (int i = 0; i < statement->part_count; i++) {
    execution->parts[i] = execution_open(plan->parts[i], execution->account);
    if (!execution->parts[i])
      return false;
    execution->parts[i]->owner = execution;
  }
  return true;
}

int part_run(struct execution *execution, int part)
{
  struct execution_input input = execution->input;
  input.is_part = true;
  execution->are_parts_run[part] = true;
  return execution_start(execution->parts[part], &input, execution->evaluation.error);
}

// The rows of a SELECT.
static int gather(struct execution *execution)
{
  struct iterator *root = execution->iterators[execution->plan->root->number];
  int status = root->rewind(root);
  while (!status && (status = root->next(root)) == 1)
    status = spool_add(execution->given, root->row);
  return status;
}

static int check_constraints(struct execution *execution, size_t mark)
{
  struct writer *writer = execution->input.writer;
  struct writer saved = *writer;
  struct evaluation lent = execution->evaluation;
  writer->error = execution->evaluation.error;
  writer->arena = saved.arena ? saved.arena : &execution->row_arena;
  writer->evaluation = saved.evaluation ? saved.evaluation : &lent;
  int status = table_check_statement(writer, mark);
  writer->error = saved.error;
  writer->arena = saved.arena;
  writer->evaluation = saved.evaluation;
  return status;
}

int parts_start(struct execution *execution)
{
  struct writer *writer = execution->input.writer;
  bool is_part = execution->input.is_part;
  if (!writer)
    return error_set(execution->evaluation.error, SQLSTATE_READ_ONLY_SQL_TRANSACTION,
                     "cannot execute a change in a read-only transaction");
  execution->snapshot = version_branch(writer->version); // a snapshot proper cannot be watched by a transaction
  if (!execution->snapshot)
    return execution_memory(execution);
  size_t mark = change_mark(writer->changes);
  execution->input.version = execution->snapshot;
  execution->input.is_part = true;
  execution->given_at = 0;
  int status = execution->plan->modification ? change_run(execution) : gather(execution);
  for (int i = 0; i < execution->plan->statement->part_count && !status; i++)
    status = execution->are_parts_run[i] ? 0 : part_run(execution, i);
  execution->input.is_part = is_part;
  execution->input.version = writer->version;
  version_close(execution->snapshot);
  execution->snapshot = NULL;
  return status || is_part ? status : check_constraints(execution, mark);
}

int parts_next(struct execution *execution, const struct value **row)
{
  if (execution->given_at == execution->given->count)
    return 0;
  int status = spool_row(execution->given, execution->given_at, row);
  if (status)
    return status;
  execution->given_at++;
  execution->row_count++;
  return 1;
}

void parts_stop(struct execution *execution)
{
  for (int i = 0; i < execution->plan->statement->part_count; i++) {
    execution_stop(execution->parts[i]);
    execution->are_parts_run[i] = false;
  }
  if (execution->plan->statement->part_count)
    spool_clear(execution->given);
}

void parts_close(struct execution *execution)
{
  for (int i = 0; execution->parts && i < execution->plan->statement->part_count; i++)
    execution_close(execution->parts[i]);
  if (execution->given)
    spool_deinit(execution->given);
}
