// MERGE: which of its actions each row of the join is for is found before anything changes; then they are done in the
// order of the rows. A row of the table is updated or deleted once.
#include <string.h>

#include "sql/iterator.h"

bool merge_is_relied_on(const struct modification *modification)
{
  bool updates = false, inserts = false;
  for (int i = 0; i < modification->action_count; i++) {
    const struct merge_action *action = &modification->actions[i];
    updates |= action->kind == MERGE_UPDATE && !action->condition;
    inserts |= action->kind == MERGE_INSERT && !action->condition;
  }
  return !updates || !inserts;
}

bool merge_open(struct execution *execution)
{
  const struct modification *modification = execution->plan->modification->modification;
  struct change_state *change = execution->change;
  change->action_types = ARENA_ARRAY(&execution->memory, enum type_id *, modification->action_count + 1);
  if (!change->action_types)
    return false;
  for (int i = 0; i < modification->action_count; i++) {
    const struct merge_action *action = &modification->actions[i];
    enum type_id *types = change->action_types[i] =
        ARENA_ARRAY(&execution->memory, enum type_id, action->assignment_count + 1);
    if (!types)
      return false;
    for (int a = 0; a < action->assignment_count; a++)
      types[a] = modification->relation->schema.columns[action->assignments[a].column].type.id;
  }
  return true;
}

// --- Which rows get what ---------------------------------------------------------------------------------

// Number of the first action that is for the row at hand; -1: none.
static int find_action(struct execution *execution, bool is_matched, int *found)
{
  const struct plan_modification *plan = execution->plan->modification;
  *found = -1;
  for (int i = 0; i < plan->modification->action_count && *found < 0; i++) {
    if (plan->modification->actions[i].is_matched != is_matched)
      continue;
    bool holds = true;
    int status = plan->actions[i].condition ? expression_holds(execution, plan->actions[i].condition, &holds) : 0;
    if (status)
      return status;
    if (holds)
      *found = i;
  }
  return 0;
}

static int collect_action(struct execution *execution, struct bytes key, int number)
{
  const struct plan_modification *plan = execution->plan->modification;
  const struct modification *modification = plan->modification;
  const struct merge_action *action = &modification->actions[number];
  const struct plan_action *planned = &plan->actions[number];
  struct change_state *change = execution->change;
  int count = action->kind == MERGE_INSERT ? modification->relation->schema.column_count : action->assignment_count;
  const struct expression *from = action->kind == MERGE_INSERT ? planned->values : planned->assignments;
  struct value *to = action->kind == MERGE_INSERT ? change->values : change->scratch;
  const enum type_id *types = action->kind == MERGE_INSERT ? change->column_types : change->action_types[number];
  int status = 0;
  for (int i = 0; !status && i < count; i++)
    status = expression_get(execution, &from[i], &to[i]);
  if (!status)
    status = change_collect(execution, key, types, to, count);
  if (!status)
    change->rows[change->row_count - 1].action = number;
  return status;
}

static int find_rows(struct execution *execution)
{
  const struct plan *plan = execution->plan;
  const struct modification *modification = plan->modification->modification;
  int range = modification->target_range;
  const struct value *identity = execution->ranges[range] + plan->statement->ranges[range].column_count;
  struct iterator *root = execution->iterators[plan->root->number];
  int status = root->rewind(root), action;
  while (!status && (status = root->next(root)) == 1) {
    bool is_matched = !identity[0].is_null;
    struct bytes key = is_matched ? bytes_of(identity[0].data, identity[0].size) : bytes_of(NULL, 0);
    status = find_action(execution, is_matched, &action);
    if (!status && action >= 0 && modification->actions[action].kind != MERGE_NOTHING)
      status = collect_action(execution, key, action);
  }
  return status;
}

// --- Doing it --------------------------------------------------------------------------------------------

static int insert_row(struct execution *execution, const struct collected *found)
{
  const struct modification *modification = execution->plan->modification->modification;
  struct change_state *change = execution->change;
  struct bytes key;
  memcpy(change->values, found->values, sizeof *found->values * modification->relation->schema.column_count);
  int status = change_generate(execution);
  if (!status)
    status = table_insert(execution->input.writer, modification->relation, change->values, -1, NULL, &key);
  if (!status && modification->relation->key_count && merge_is_relied_on(modification))
    status = change_claim(execution, key, CLAIM_UPDATE);
  return status;
}

// An unconditional update that moves no key would be done again whatever the row has become: it claims nothing.
static int claim_update(struct execution *execution, struct bytes key, const struct merge_action *action)
{
  const struct modification *modification = execution->plan->modification->modification;
  const struct claimer *claimer = execution->input.claimer;
  if (!claimer || !claimer->is_branch)
    return 0;
  if (!assignments_move_key(modification->relation, action->assignments, action->assignment_count))
    return merge_is_relied_on(modification) ? change_claim(execution, key, CLAIM_NO_KEY_UPDATE) : 0;
  struct buffer moved = {0};
  int status = change_claim(execution, key, CLAIM_UPDATE);
  if (!status)
    status = table_key(modification->relation, execution->change->values, &moved, execution->evaluation.error);
  if (!status)
    status = change_claim(execution, buffer_bytes(&moved), CLAIM_UPDATE);
  buffer_deinit(&moved);
  return status;
}

static int refuse_second_time(struct execution *execution)
{
  int status = error_set(execution->evaluation.error, SQLSTATE_CARDINALITY_VIOLATION,
                         "MERGE command cannot affect row a second time");
  error_hint(execution->evaluation.error,
             "Ensure that not more than one source row matches any one target row.");
  return status;
}

static int change_row(struct execution *execution, const struct collected *found, bool *skipped)
{
  const struct modification *modification = execution->plan->modification->modification;
  const struct merge_action *action = &modification->actions[found->action];
  struct change_state *change = execution->change;
  struct writer *writer = execution->input.writer;
  struct bytes row;
  if (change_is_touched(change, found->key))
    return refuse_second_time(execution);
  int status = change_touch(execution, found->key);
  if (status)
    return status;
  bool is_there = tree_get(writer->version, modification->relation->tree, found->key, &row, writer->mark);
  *skipped = change_is_taken(execution, found->key, is_there, row);
  if (*skipped)
    return 0;
  if (!is_there) // another row's key was moved away by an action that came before
    return refuse_second_time(execution);
  if (action->kind == MERGE_DELETE) {
    status = change_claim(execution, found->key, CLAIM_UPDATE);
    return status ? status : table_delete(writer, modification->relation, found->key, row);
  }
  status = relation_row(modification->relation, row, change->values, execution->evaluation.error);
  if (status)
    return status;
  for (int i = 0; i < action->assignment_count; i++)
    change->values[action->assignments[i].column] = found->values[i];
  status = change_generate(execution);
  if (!status)
    status = claim_update(execution, found->key, action);
  return status ? status : table_update(writer, modification->relation, found->key, row, change->values);
}

int merge_run(struct execution *execution)
{
  const struct modification *modification = execution->plan->modification->modification;
  struct change_state *change = execution->change;
  struct writer *writer = execution->input.writer;
  int status = find_rows(execution), skips = 0;
  for (int i = 0; !status && i < change->row_count; i++) {
    struct arena_mark mark = arena_mark(writer->arena);
    const struct collected *found = &change->rows[i];
    bool skipped = false;
    status = modification->actions[found->action].kind == MERGE_INSERT ? insert_row(execution, found)
                                                                       : change_row(execution, found, &skipped);
    skips += skipped;
    arena_release(writer->arena, mark);
    if (!status && i % 256 == 255 && flag_is_set(execution->input.is_cancelled))
      status = execution_check(execution);
  }
  execution->row_count = status ? 0 : (uint64_t)(change->row_count - skips);
  return status;
}
