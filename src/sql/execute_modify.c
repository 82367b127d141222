// INSERT, UPDATE, DELETE; the beginning and the end of MERGE (execute_merge.c).
//
// 1. What is to change is found before anything changes: keys and new values are collected, then written. Only rows
//    that do not come from tables are inserted as they come.
// 2. An UPDATE or DELETE changes a row once, however often a join finds it. One INSERT does not touch a row twice.
// 3. RETURNING is computed when a row is found (or inserted) and lies ready when the change is complete.
#include <string.h>

#include "base/hash.h"
#include "sql/iterator.h"

static const struct modification *modification_of(const struct execution *execution)
{
  return execution->plan->modification->modification;
}

// Would an INSERT answer otherwise if its key had been there? A blind upsert would not.
static bool is_relied_on(const struct modification *modification)
{
  if (modification->action_count)
    return merge_is_relied_on(modification);
  return modification->conflict != CONFLICT_UPDATE || modification->returning_count;
}

void change_lend(struct execution *execution)
{
  struct writer *writer = execution->input.writer;
  writer->error = execution->evaluation.error;
  writer->claimer = is_relied_on(modification_of(execution)) ? execution->input.claimer : NULL;
  if (!writer->arena)
    writer->arena = &execution->row_arena;
  if (!writer->evaluation) {
    execution->change->evaluation = execution->evaluation;
    execution->change->evaluation.ranges = execution->ranges;
    writer->evaluation = &execution->change->evaluation;
  }
}

// --- RETURNING -----------------------------------------------------------------------------------------

static int give_returning(struct execution *execution)
{
  const struct modification *modification = modification_of(execution);
  struct change_state *change = execution->change;
  if (!modification->returning_count)
    return 0;
  for (int i = 0; i < modification->returning_count; i++) {
    int status = expression_get(execution, &execution->plan->modification->returning[i], &change->scratch[i]);
    if (status)
      return status;
  }
  struct value *row =
      values_keep(&change->arena, change->returning_types, change->scratch, modification->returning_count);
  if (!row || !list_grow(execution->account, &change->given, &change->given_capacity, change->given_count + 1,
                         sizeof *change->given))
    return execution_memory(execution);
  change->given[change->given_count++] = row;
  return 0;
}

int change_generate(struct execution *execution)
{
  const struct relation *relation = modification_of(execution)->relation;
  struct writer *writer = execution->input.writer;
  return relation->has_generated ? table_generate(writer->catalog, writer->version, relation, execution->change->values, writer->arena,
                                                  execution->evaluation.error)
                                 : 0;
}

static void set_range(struct execution *execution, int range, const struct value *values)
{
  if (range < 0)
    return;
  int columns = execution->plan->statement->ranges[range].column_count;
  memcpy(execution->ranges[range], values, sizeof *values * (size_t)columns);
}

// --- Keys that this statement has touched -------------------------------------------------------------------

static uint64_t key_hash(struct bytes key)
{
  return hash64(key.data, key.size, 0);
}

bool change_is_touched(struct change_state *change, struct bytes key)
{
  uint64_t hash = key_hash(key);
  uint32_t entry = row_table_first(&change->touched, hash);
  for (; entry; entry = row_table_next(&change->touched, entry)) {
    const struct value *kept = change->touched.entries[entry - 1].row;
    if (bytes_equal(key, bytes_of(kept->data, kept->size)))
      return true;
  }
  return false;
}

int change_touch(struct execution *execution, struct bytes key)
{
  struct row_table *touched = &execution->change->touched;
  struct value *kept = arena_alloc(&touched->arena, sizeof *kept);
  uint8_t *copy = arena_copy(&touched->arena, key.data, key.size);
  if (!kept || !copy)
    return execution_memory(execution);
  *kept = value_bytes(copy, (uint32_t)key.size);
  return row_table_add(touched, key_hash(key), kept) ? 0 : execution_memory(execution);
}

// --- Claims: of a branch, on what its reply relies --------------------------------------------------------

int change_claim(struct execution *execution, struct bytes key, enum claim_mode mode)
{
  return claimer_claim(execution->input.claimer, modification_of(execution)->relation->tree, key, mode,
                       execution->evaluation.error);
}

bool assignments_move_key(const struct relation *relation, const struct assignment *assignments, int count)
{
  for (int k = 0; k < relation->key_count; k++)
    if (assignments_change(relation, assignments, count, relation->key[k].column))
      return true;
  return false;
}

static bool moves_key(const struct modification *modification)
{
  return assignments_move_key(modification->relation, modification->assignments, modification->assignment_count);
}

// An UPDATE that sets what is there already changes nothing that could be noticed: it is a way to claim the row.
static bool sets_nothing(const struct modification *modification, struct bytes row, const struct value *values)
{
  const struct schema *schema = &modification->relation->schema;
  bool is_same = row_version(row) == schema->version;
  for (int i = 0; is_same && i < modification->assignment_count; i++) {
    int column = modification->assignments[i].column;
    struct value old;
    row_get(schema, row, column, &old);
    is_same = values_equal(&schema->columns[column].type.id, &old, &values[column], 1);
  }
  return is_same;
}

int change_claim_update(struct execution *execution, struct bytes key, struct bytes row, const struct value *values)
{
  const struct plan_modification *plan = execution->plan->modification;
  const struct modification *modification = plan->modification;
  const struct claimer *claimer = execution->input.claimer;
  if (!claimer || !claimer->is_branch)
    return 0;
  bool holds = true;
  if (plan->recheck) {
    struct value **range = &execution->ranges[modification->target_range], *found = *range;
    *range = execution->change->values;
    int status = expression_holds(execution, plan->recheck, &holds);
    *range = found;
    if (status)
      return status;
  }
  if (moves_key(modification)) {
    struct buffer moved = {0};
    int status = change_claim(execution, key, CLAIM_UPDATE);
    if (!status)
      status = table_key(modification->relation, values, &moved, execution->evaluation.error);
    if (!status)
      status = change_claim(execution, buffer_bytes(&moved), CLAIM_UPDATE);
    buffer_deinit(&moved);
    return status;
  }
  bool is_blind = holds && !modification->returning_count && !sets_nothing(modification, row, values);
  return is_blind ? 0 : change_claim(execution, key, CLAIM_NO_KEY_UPDATE);
}

// --- INSERT ----------------------------------------------------------------------------------------------

// The row as it stands after the update of ON CONFLICT, touched under its new key too.
static int touch_moved(struct execution *execution, const struct value *values)
{
  const struct modification *modification = modification_of(execution);
  if (!moves_key(modification))
    return 0;
  struct buffer *key = &execution->short_key;
  buffer_clear(key);
  int status = table_key(modification->relation, values, key, execution->evaluation.error);
  return status ? status : change_touch(execution, buffer_bytes(key));
}

// WITH CHECK OPTION: a condition must hold, not only not fail.
static int check_views(struct execution *execution)
{
  const struct plan_modification *plan = execution->plan->modification;
  const struct modification *modification = plan->modification;
  struct error *error = execution->evaluation.error;
  if (!modification->check_count)
    return 0;
  set_range(execution, modification->new_range, execution->change->values);
  bool holds = true;
  for (int i = 0; i < modification->check_count; i++) {
    int status = expression_holds(execution, &plan->checks[i], &holds);
    if (!status && !holds) {
      status = error_set(error, SQLSTATE_WITH_CHECK_OPTION_VIOLATION, "new row violates check option for view \"%s\"",
                         modification->checks[i].view);
      table_failing_row(execution->input.writer, modification->relation, execution->change->values);
    }
    if (status)
      return status;
  }
  return 0;
}

// Writes the new row over the one found, and checks it. What is checked must not be borrowed from the row that goes.
static int update_row(struct execution *execution, struct bytes key, struct bytes row)
{
  const struct modification *modification = modification_of(execution);
  const struct relation *relation = modification->relation;
  struct value *values = execution->change->values;
  for (int i = 0; modification->check_count && i < relation->schema.column_count; i++)
    if (!values[i].is_null && !value_copy(relation->schema.columns[i].type.id, &values[i], execution->input.writer->arena))
      return execution_memory(execution);
  int status = table_update(execution->input.writer, relation, key, row, values);
  return status ? status : check_views(execution);
}

static int update_conflict(struct execution *execution, const struct conflict *conflict)
{
  const struct plan_modification *plan = execution->plan->modification;
  const struct modification *modification = plan->modification;
  struct change_state *change = execution->change;
  bool is_single = !execution->plan->root;
  if (!is_single && change_is_touched(change, conflict->key)) {
    int status = error_set(execution->evaluation.error, SQLSTATE_CARDINALITY_VIOLATION,
                           "ON CONFLICT DO UPDATE command cannot affect row a second time");
    error_hint(execution->evaluation.error,
               "Ensure that no rows proposed for insertion within the same command have duplicate constrained values.");
    return status;
  }
  struct value *old = execution->ranges[modification->target_range];
  int status = relation_row(modification->relation, conflict->row, old, execution->evaluation.error);
  if (status)
    return status;
  set_range(execution, modification->excluded_range, change->values);
  bool holds = true;
  status = plan->conflict_where ? expression_holds(execution, plan->conflict_where, &holds) : 0;
  if (status || !holds)
    return status;
  for (int i = 0; !status && i < modification->assignment_count; i++)
    status = expression_get(execution, &plan->assignments[i], &change->scratch[i]);
  if (status)
    return status;
  memcpy(change->values, old, sizeof *old * modification->relation->schema.column_count);
  for (int i = 0; i < modification->assignment_count; i++)
    change->values[modification->assignments[i].column] = change->scratch[i];
  status = change_generate(execution);
  set_range(execution, modification->new_range, change->values);
  if (!status)
    status = give_returning(execution);
  if (!status && !is_single)
    status = change_touch(execution, conflict->key);
  if (!status && !is_single)
    status = touch_moved(execution, change->values);
  if (!status && modification->returning_count)
    status = change_claim(execution, conflict->key, CLAIM_NO_KEY_UPDATE);
  if (!status)
    status = update_row(execution, conflict->key, conflict->row);
  if (!status)
    execution->row_count++;
  return status;
}

int change_filter_row(struct execution *execution, bool *passes)
{
  *passes = true;
  if (!execution->input.row_filter)
    return 0;
  struct evaluation evaluation = execution->evaluation;
  struct value *ranges[] = {execution->change->values};
  evaluation.ranges = ranges;
  return program_test(execution->input.row_filter, &evaluation, passes);
}

int change_insert_row(struct execution *execution)
{
  const struct modification *modification = modification_of(execution);
  struct change_state *change = execution->change;
  struct writer *writer = execution->input.writer;
  struct conflict conflict = {0};
  struct bytes key;
  bool may_conflict = modification->conflict != CONFLICT_ERROR;
  int status = change_generate(execution);
  if (!status)
    status = table_insert(writer, modification->relation, change->values, may_conflict ? modification->arbiter : -1,
                          may_conflict ? &conflict : NULL, &key);
  if (status)
    return status;
  if (conflict.found && modification->conflict == CONFLICT_NOTHING)
    return conflict.index ? 0 : change_claim(execution, conflict.key, CLAIM_KEY_SHARE);
  if (conflict.found)
    return update_conflict(execution, &conflict);
  if (modification->relation->key_count && is_relied_on(modification))
    status = change_claim(execution, key, CLAIM_UPDATE);
  if (!status)
    status = check_views(execution);
  if (status)
    return status;
  execution->row_count++;
  if (modification->conflict == CONFLICT_UPDATE && execution->plan->root)
    status = change_touch(execution, key);
  if (status || !modification->returning_count)
    return status;
  set_range(execution, modification->new_range, change->values);
  return give_returning(execution);
}

int change_collect(struct execution *execution, struct bytes key, const enum type_id *types, const struct value *values,
                   int count)
{
  struct change_state *change = execution->change;
  if (!list_grow(execution->account, &change->rows, &change->row_capacity, change->row_count + 1, sizeof *change->rows))
    return execution_memory(execution);
  struct collected *row = &change->rows[change->row_count];
  uint8_t *copy = key.size ? arena_copy(&change->arena, key.data, key.size) : NULL;
  row->key = bytes_of(copy, key.size);
  row->values = count ? values_keep(&change->arena, types, values, count) : NULL;
  if ((key.size && !copy) || (count && !row->values))
    return execution_memory(execution);
  change->row_count++;
  return 0;
}

static int get_values(struct execution *execution)
{
  const struct plan_modification *plan = execution->plan->modification;
  int count = plan->modification->relation->schema.column_count, status = 0;
  for (int i = 0; !status && i < count; i++)
    status = expression_get(execution, &plan->values[i], &execution->change->values[i]);
  return status;
}

static int push_rows(struct execution *execution)
{
  const struct modification *modification = modification_of(execution);
  struct change_state *change = execution->change;
  struct value **rows = ARENA_ARRAY(&change->arena, struct value *, change->row_count + 1);
  if (!rows)
    return execution_memory(execution);
  int status = 0;
  for (int i = 0; !status && i < change->row_count; i++) {
    rows[i] = change->rows[i].values;
    set_range(execution, modification->new_range, rows[i]);
    status = give_returning(execution);
  }
  if (status)
    return status;
  struct row_batch batch = {.rows = rows, .row_count = change->row_count};
  execution->row_count = (uint64_t)change->row_count;
  return execution->input.push(execution->input.context, execution->input.writer, modification->relation, &batch,
                               execution->evaluation.error);
}

static int insert_collected(struct execution *execution)
{
  const struct modification *modification = modification_of(execution);
  struct change_state *change = execution->change;
  struct writer *writer = execution->input.writer;
  for (int i = 0; i < change->row_count; i++) {
    struct arena_mark mark = arena_mark(writer->arena);
    memcpy(change->values, change->rows[i].values, sizeof(struct value) * modification->relation->schema.column_count);
    int status = change_insert_row(execution);
    if (status)
      return status;
    arena_release(writer->arena, mark);
  }
  return 0;
}

static int run_insert(struct execution *execution)
{
  const struct plan *plan = execution->plan;
  const struct relation *relation = modification_of(execution)->relation;
  struct change_state *change = execution->change;
  struct writer *writer = execution->input.writer;
  bool pushes = relation->kind == RELATION_SOURCE;
  if (pushes && !execution->input.push)
    return error_set(execution->evaluation.error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                     "cannot insert into source \"%s\" here", relation->name);
  struct iterator *root = plan->root ? execution->iterators[plan->root->number] : NULL;
  int status = root ? root->rewind(root) : 0, given = 0;
  while (!status) {
    if (root ? (status = root->next(root)) != 1 : given++)
      break;
    bool passes = true;
    status = get_values(execution);
    if (!status)
      status = change_filter_row(execution, &passes);
    if (status)
      break;
    if (!passes)
      continue;
    if (pushes || (root && !plan->modification->is_streamed)) {
      status =
          change_collect(execution, bytes_of(NULL, 0), change->column_types, change->values, relation->schema.column_count);
      continue;
    }
    struct arena_mark mark = arena_mark(writer->arena);
    status = change_insert_row(execution);
    if (root && writer->arena != execution->evaluation.arena)
      arena_release(writer->arena, mark);
  }
  if (status)
    return status;
  return pushes ? push_rows(execution) : insert_collected(execution);
}

// --- UPDATE, DELETE ----------------------------------------------------------------------------------------

// What is assigned to the row at hand, and what RETURNING says of it.
static int collect_found(struct execution *execution, struct bytes key, struct bytes row)
{
  const struct plan_modification *plan = execution->plan->modification;
  const struct modification *modification = plan->modification;
  struct change_state *change = execution->change;
  int count = modification->assignment_count, status = 0;
  for (int i = 0; !status && i < count; i++)
    status = expression_get(execution, &plan->assignments[i], &change->scratch[i]);
  if (!status)
    status = change_collect(execution, key, change->assigned_types, change->scratch, count);
  if (status || !modification->returning_count)
    return status;
  if (execution->plan->statement->kind == STATEMENT_UPDATE) {
    status = relation_row(modification->relation, row, change->values, execution->evaluation.error);
    if (status)
      return status;
    for (int i = 0; i < count; i++)
      change->values[modification->assignments[i].column] = change->scratch[i];
    status = change_generate(execution);
    set_range(execution, modification->new_range, change->values);
  }
  return status ? status : give_returning(execution);
}

static int find_rows(struct execution *execution)
{
  const struct plan *plan = execution->plan;
  int range = plan->modification->modification->target_range;
  const struct value *identity = execution->ranges[range] + plan->statement->ranges[range].column_count;
  struct iterator *root = execution->iterators[plan->root->number];
  int status = root->rewind(root);
  while (!status && (status = root->next(root)) == 1) {
    struct bytes key = bytes_of(identity[0].data, identity[0].size), row = bytes_of(identity[1].data, identity[1].size);
    status = 0;
    if (plan->modification->is_joined) {
      if (change_is_touched(execution->change, key))
        continue;
      status = change_touch(execution, key);
    }
    if (!status)
      status = collect_found(execution, key, row);
  }
  return status;
}

bool change_is_taken(struct execution *execution, struct bytes key, bool is_there, struct bytes row)
{
  const struct execution *whole = execution->owner ? execution->owner : execution;
  struct bytes before;
  if (!whole->snapshot)
    return false;
  return !is_there ||
         !tree_get(whole->snapshot, modification_of(execution)->relation->tree, key, &before, execution->input.mark) ||
         !bytes_equal(before, row);
}

static int write_found(struct execution *execution, const struct collected *found, bool *skipped)
{
  const struct modification *modification = modification_of(execution);
  struct change_state *change = execution->change;
  struct writer *writer = execution->input.writer;
  struct bytes row;
  bool is_there = tree_get(writer->version, modification->relation->tree, found->key, &row, writer->mark);
  *skipped = change_is_taken(execution, found->key, is_there, row);
  if (*skipped)
    return 0;
  if (!is_there)
    return error_set(execution->evaluation.error, SQLSTATE_INTERNAL_ERROR, "a row of \"%s\" that was found is gone",
                     modification->relation->name);
  if (execution->plan->statement->kind == STATEMENT_DELETE) {
    int claimed = change_claim(execution, found->key, CLAIM_UPDATE);
    return claimed ? claimed : table_delete(writer, modification->relation, found->key, row);
  }
  int status = relation_row(modification->relation, row, change->values, execution->evaluation.error);
  if (status)
    return status;
  for (int i = 0; i < modification->assignment_count; i++)
    change->values[modification->assignments[i].column] = found->values[i];
  status = change_generate(execution);
  if (!status)
    status = change_claim_update(execution, found->key, row, change->values);
  return status ? status : update_row(execution, found->key, row);
}

static int run_found(struct execution *execution)
{
  struct change_state *change = execution->change;
  struct writer *writer = execution->input.writer;
  int status = find_rows(execution), skips = 0;
  for (int i = 0; !status && i < change->row_count; i++) {
    struct arena_mark mark = arena_mark(writer->arena);
    bool skipped = false;
    status = write_found(execution, &change->rows[i], &skipped);
    skips += skipped;
    if (skipped && i < change->given_count)
      change->given[i] = NULL;
    arena_release(writer->arena, mark);
    if (!status && i % 256 == 255 && flag_is_set(execution->input.is_cancelled))
      status = execution_check(execution);
  }
  execution->row_count = status ? 0 : (uint64_t)(change->row_count - skips);
  return status;
}

int change_check(struct execution *execution, size_t mark)
{
  // Rows that arrive at a source are checked one by one, on their way.
  bool is_push = execution->plan->statement->kind == STATEMENT_INSERT &&
                 modification_of(execution)->relation->kind == RELATION_SOURCE;
  if (execution->input.is_part || is_push)
    return 0;
  return table_check_statement(execution->input.writer, mark);
}

static int run_kind(struct execution *execution)
{
  switch (execution->plan->statement->kind) {
  case STATEMENT_INSERT: return run_insert(execution);
  case STATEMENT_MERGE: return merge_run(execution);
  default: return run_found(execution);
  }
}

static int run_change(struct execution *execution)
{
  struct execution_input *input = &execution->input;
  if (!execution->plan->modification->reads_before || execution->snapshot || execution->owner)
    return run_kind(execution);
  struct version *before = version_branch(input->writer->version); // a snapshot proper cannot be watched by a transaction
  if (!before)
    return execution_memory(execution);
  input->version = before;
  int status = run_kind(execution);
  input->version = input->writer->version;
  version_close(before);
  return status;
}

int change_run(struct execution *execution)
{
  if (!execution->input.writer)
    return error_set(execution->evaluation.error, SQLSTATE_READ_ONLY_SQL_TRANSACTION,
                     "cannot execute a change in a read-only transaction");
  struct writer *writer = execution->input.writer;
  struct writer saved = *writer;
  change_lend(execution);
  size_t mark = change_mark(writer->changes);
  int status = run_change(execution);
  if (!status)
    status = change_check(execution, mark);
  writer->arena = saved.arena;
  writer->evaluation = saved.evaluation;
  writer->error = saved.error;
  writer->claimer = saved.claimer;
  return status;
}

// --- Opening and closing -----------------------------------------------------------------------------------

static enum type_id *types_of(struct execution *execution, int count)
{
  return ARENA_ARRAY(&execution->memory, enum type_id, count + 1);
}

bool change_open(struct execution *execution)
{
  const struct modification *modification = modification_of(execution);
  const struct schema *schema = &modification->relation->schema;
  struct change_state *change = execution->change = ARENA_NEW(&execution->memory, struct change_state);
  if (!change)
    return false;
  arena_init(&change->arena, execution->account);
  row_table_init(&change->touched, execution->account);
  int scratch = modification->assignment_count + modification->returning_count;
  for (int i = 0; i < modification->action_count; i++)
    scratch += modification->actions[i].assignment_count;
  change->values = ARENA_ARRAY(&execution->memory, struct value, schema->column_count + 1);
  change->scratch = ARENA_ARRAY(&execution->memory, struct value, scratch + 1);
  change->column_types = types_of(execution, schema->column_count);
  change->assigned_types = types_of(execution, modification->assignment_count);
  change->returning_types = types_of(execution, modification->returning_count);
  if (!change->values || !change->scratch || !change->column_types || !change->assigned_types ||
      !change->returning_types)
    return false;
  for (int i = 0; i < schema->column_count; i++)
    change->column_types[i] = schema->columns[i].type.id;
  for (int i = 0; i < modification->assignment_count; i++)
    change->assigned_types[i] = schema->columns[modification->assignments[i].column].type.id;
  for (int i = 0; i < modification->returning_count; i++)
    change->returning_types[i] = modification->returning[i].expression->type.id;
  return !modification->action_count || merge_open(execution);
}

void change_stop(struct execution *execution)
{
  struct change_state *change = execution->change;
  if (!change)
    return;
  arena_reset(&change->arena);
  row_table_clear(&change->touched);
  change->row_count = change->given_count = change->given_at = 0;
  if (change->row_capacity > 4096)
    list_free(execution->account, &change->rows, &change->row_capacity, sizeof *change->rows);
  if (change->given_capacity > 4096)
    list_free(execution->account, &change->given, &change->given_capacity, sizeof *change->given);
}

void change_close(struct execution *execution)
{
  struct change_state *change = execution->change;
  if (!change)
    return;
  arena_deinit(&change->arena);
  row_table_deinit(&change->touched);
  list_free(execution->account, &change->rows, &change->row_capacity, sizeof *change->rows);
  list_free(execution->account, &change->given, &change->given_capacity, sizeof *change->given);
}
