// The short path: a SELECT, UPDATE or DELETE of one row by its whole primary key, and an INSERT of one row.
//
// They decide the speed of the product: no iterators, no allocation (buffers and arenas are there from the first run),
// one descent for a read and two for a change.
#include <string.h>

#include "sql/iterator.h"

// 1: the row is there and passes; its range is set.
static int find_row(struct execution *execution, const struct plan_node *node, struct bytes *key, struct bytes *row)
{
  const struct plan_scan *scan = &node->scan;
  bool none, passes;
  buffer_clear(&execution->short_key);
  int status = scan_point_key(execution, scan, &execution->short_key, &none);
  if (status || none)
    return status;
  *key = buffer_bytes(&execution->short_key);
  if (!tree_get(execution->input.version, scan->tree, *key, row, execution->input.mark))
    return execution_miss(execution, scan, *key);
  struct value few[4], *bounds = few;
  if (scan->test_count > 4 && !(bounds = ARENA_ARRAY(&execution->row_arena, struct value, scan->test_count)))
    return execution_memory(execution);
  for (int i = 0; i < scan->test_count; i++)
    if ((status = expression_get(execution, &scan->tests[i].bound, &bounds[i])))
      return status;
  status = scan_take_row(execution, node, *key, *row, bounds, &passes);
  return status ? status : passes;
}

static int short_select(struct execution *execution)
{
  const struct plan *plan = execution->plan;
  struct bytes key, row;
  int status = find_row(execution, plan->short_scan, &key, &row);
  if (status != 1)
    return status;
  const struct expression *targets = plan->short_project->project.targets;
  for (int i = 0; i < plan->short_project->project.target_count; i++) {
    status = expression_get(execution, &targets[i], &execution->short_row[i]);
    if (status)
      return status;
  }
  execution->short_has_row = true;
  return 0;
}

static int short_insert(struct execution *execution)
{
  const struct plan_modification *plan = execution->plan->modification;
  int count = plan->modification->relation->schema.column_count;
  for (int i = 0; i < count; i++) {
    int status = expression_get(execution, &plan->values[i], &execution->change->values[i]);
    if (status)
      return status;
  }
  bool passes;
  int status = change_filter_row(execution, &passes);
  return status || !passes ? status : change_insert_row(execution);
}

static int short_update(struct execution *execution)
{
  const struct plan_modification *plan = execution->plan->modification;
  const struct modification *modification = plan->modification;
  struct change_state *change = execution->change;
  struct bytes key, row;
  int status = find_row(execution, execution->plan->short_scan, &key, &row);
  if (status != 1)
    return status;
  status = relation_row(modification->relation, row, change->values, execution->evaluation.error);
  for (int i = 0; !status && i < modification->assignment_count; i++)
    status = expression_get(execution, &plan->assignments[i], &change->values[modification->assignments[i].column]);
  if (!status)
    status = change_generate(execution);
  if (!status)
    status = change_claim_update(execution, key, row, change->values);
  if (!status)
    status = table_update(execution->input.writer, modification->relation, key, row, change->values);
  execution->row_count = !status;
  return status;
}

static int short_delete(struct execution *execution)
{
  struct bytes key, row;
  int status = find_row(execution, execution->plan->short_scan, &key, &row);
  if (status != 1)
    return status;
  status = change_claim(execution, key, CLAIM_UPDATE);
  if (!status)
    status = table_delete(execution->input.writer, execution->plan->modification->modification->relation, key, row);
  execution->row_count = !status;
  return status;
}

int short_start(struct execution *execution)
{
  enum short_form form = execution->plan->short_form;
  if (form == SHORT_SELECT)
    return short_select(execution);
  struct writer *writer = execution->input.writer;
  if (!writer)
    return error_set(execution->evaluation.error, SQLSTATE_READ_ONLY_SQL_TRANSACTION,
                     "cannot execute a change in a read-only transaction");
  struct arena *arena = writer->arena;
  struct evaluation *evaluation = writer->evaluation;
  struct error *owners_error = writer->error;
  const struct claimer *claimer = writer->claimer;
  change_lend(execution);
  size_t mark = change_mark(writer->changes);
  int status = form == SHORT_INSERT   ? short_insert(execution)
               : form == SHORT_UPDATE ? short_update(execution)
                                      : short_delete(execution);
  if (!status)
    status = change_check(execution, mark);
  writer->arena = arena;
  writer->evaluation = evaluation;
  writer->error = owners_error;
  writer->claimer = claimer;
  return status;
}
