// Executions: opening, starting, pulling, stopping; subqueries; allowance and cancellation.
//
// The state diagram is in execute.h. What a run holds is given back when it ends, however it ends.
#include "sql/execute.h"

#include <stdlib.h>
#include <string.h>

#include "data/array.h"
#include "sql/iterator.h"

enum {
  CHECK_STRIDE = 256,       // rows visited between two looks at is_cancelled
  SHARE_MINIMUM = 64 * 1024 // bytes
};

bool list_grow(struct memory_account *account, void *list, int *capacity, int needed, size_t element_size)
{
  if (needed <= *capacity)
    return true;
  int grown = *capacity ? *capacity : 16;
  while (grown < needed)
    grown *= 2;
  size_t more = (size_t)(grown - *capacity) * element_size;
  void *old, *new;
  memcpy(&old, list, sizeof old);
  if (grown > INT32_MAX / 4 || (account && !account_charge(account, more)))
    return false;
  new = memory_large((size_t)grown * element_size);
  if (!new) {
    if (account)
      account_release(account, more);
    return false;
  }
  if (*capacity)
    memcpy(new, old, (size_t)*capacity * element_size);
  free(old);
  memcpy(list, &new, sizeof new);
  *capacity = grown;
  return true;
}

void list_free(struct memory_account *account, void *list, int *capacity, size_t element_size)
{
  void *old;
  memcpy(&old, list, sizeof old);
  free(old);
  if (account && *capacity)
    account_release(account, (size_t)*capacity * element_size);
  old = NULL;
  memcpy(list, &old, sizeof old);
  *capacity = 0;
}

struct iterator *iterator_open(struct execution *execution, const struct plan_node *node)
{
  struct iterator *op = NULL;
  bool opened;
  if (node->kind == PLAN_SCAN)
    opened = scan_open(&op, execution, node);
  else if (node->kind == PLAN_SHARED || node->kind == PLAN_WORKING)
    opened = kept_open(&op, execution, node);
  else if (node->kind <= PLAN_SUBQUERY)
    opened = range_open(&op, execution, node);
  else if (node->kind <= PLAN_MATERIAL)
    opened = join_open(&op, execution, node);
  else if (node->kind == PLAN_WINDOW)
    opened = window_open(&op, execution, node);
  else if (node->kind == PLAN_EXPAND)
    opened = expand_open(&op, execution, node);
  else if (node->kind == PLAN_AGGREGATE || node->kind == PLAN_COUNT || node->kind == PLAN_DISTINCT)
    opened = group_open(&op, execution, node);
  else if (node->kind == PLAN_RECURSION)
    opened = recursion_open(&op, execution, node);
  else if (node->kind == PLAN_APPEND || node->kind == PLAN_SET)
    opened = setop_open(&op, execution, node);
  else if (node->kind == PLAN_CLAIM)
    opened = claim_open(&op, execution);
  else
    opened = sort_open(&op, execution, node);
  if (!opened)
    return NULL;
  op->node = node;
  op->execution = execution;
  execution->iterators[node->number] = op;
  if (execution->analysis)
    analysis_watch(execution, op);
  if (node->left && !(op->left = iterator_open(execution, node->left)))
    return NULL;
  if (node->right && !(op->right = iterator_open(execution, node->right)))
    return NULL;
  return op;
}

// --- Subqueries ----------------------------------------------------------------------------------------

struct subquery_run {
  struct execution *execution;
  const struct plan_subquery *plan;
  struct subquery_state *state;
  struct iterator *root;
  struct arena *outer; // the evaluation's arena around it
};

static int subquery_begin(struct subquery_run *run)
{
  struct execution *execution = run->execution;
  run->outer = execution->evaluation.arena;
  execution->evaluation.arena = &run->state->arena;
  return run->root->rewind(run->root);
}

static int subquery_end(struct subquery_run *run, int status)
{
  run->execution->evaluation.arena = run->outer;
  arena_reset(&run->state->arena);
  return status;
}

static int run_scalar(struct subquery_run *run, struct arena *arena, struct value *result)
{
  struct execution *execution = run->execution;
  *result = value_null();
  int status = subquery_begin(run);
  if (!status)
    status = run->root->next(run->root);
  if (status == 1) {
    *result = run->root->row[0];
    bool copied = result->is_null || value_copy(run->plan->type, result, arena);
    status = copied ? run->root->next(run->root) : execution_memory(execution);
    if (status == 1)
      status = error_set(execution->evaluation.error, SQLSTATE_CARDINALITY_VIOLATION,
                         "more than one row returned by a subquery used as an expression");
  }
  return subquery_end(run, status);
}

static int run_exists(struct subquery_run *run, bool *exists)
{
  int status = subquery_begin(run);
  if (!status)
    status = run->root->next(run->root);
  *exists = status == 1;
  return subquery_end(run, status > 0 ? 0 : status);
}

static int run_in(struct subquery_run *run, const struct value *left, struct value *result)
{
  bool has_null = false, found = false, is_empty = true;
  int status = subquery_begin(run);
  while (!status && !found && (status = run->root->next(run->root)) == 1) {
    const struct value *value = &run->root->row[0];
    status = 0;
    is_empty = false;
    if (left->is_null)
      break;
    if (value->is_null)
      has_null = true;
    else
      found = value_compare(run->plan->type, left, value) == 0;
  }
  *result = found                                      ? value_boolean(true)
            : (left->is_null && !is_empty) || has_null ? value_null()
                                                       : value_boolean(false);
  return subquery_end(run, status);
}

// x op ANY (q), ALL: the query's one target says whether a row of q is such.
static int run_quantified(struct subquery_run *run, int number, const struct value *left, struct value *result)
{
  struct execution *execution = run->execution;
  bool is_all = run->plan->kind == SUBQUERY_ALL, has_null = false, decided = false;
  if (left)
    execution->ranges[execution->plan->statement->subqueries[number].left_range][0] = *left;
  int status = subquery_begin(run);
  while (!status && !decided && (status = run->root->next(run->root)) == 1) {
    const struct value *value = &run->root->row[0];
    status = 0;
    has_null |= value->is_null;
    decided = !value->is_null && (value->integer != 0) != is_all;
  }
  *result = decided ? value_boolean(!is_all) : has_null ? value_null() : value_boolean(is_all);
  return subquery_end(run, status);
}

// ARRAY(SELECT …); no rows are an empty array.
static int run_array(struct subquery_run *run, struct arena *arena, struct value *result)
{
  struct execution *execution = run->execution;
  const struct aggregate *gather = run->plan->gather;
  enum type_id type = run->plan->type;
  void *state = arena_alloc_zeroed(arena, gather->state_size);
  if (!state)
    return execution_memory(execution);
  bool any = false;
  int status = subquery_begin(run);
  while (!status && (status = run->root->next(run->root)) == 1) {
    execution->evaluation.argument_types = &type;
    status = gather->step(&execution->evaluation, state, run->root->row, arena);
    any = true;
  }
  status = subquery_end(run, status);
  if (status)
    return status;
  if (any) {
    status = gather->finish(&execution->evaluation, state, result);
  } else {
    struct array_builder none;
    struct array_shape shape = {0};
    array_builder_init(&none, TYPE_TEXT, arena->account);
    status = array_finish(&none, &shape, arena, result, execution->evaluation.error);
  }
  return status || value_copy(TYPE_TEXT_ARRAY, result, arena) ? status : execution_memory(execution);
}

static int build_set(struct subquery_run *run)
{
  struct execution *execution = run->execution;
  struct subquery_state *state = run->state;
  enum type_id type = run->plan->type;
  row_table_clear(&state->set);
  state->has_null = state->exists = false;
  int status = subquery_begin(run);
  while (!status && (status = run->root->next(run->root)) == 1) {
    const struct value *value = &run->root->row[0];
    status = 0;
    state->exists = true;
    if (value->is_null) {
      state->has_null = true;
      continue;
    }
    uint64_t hash = values_hash(&type, value, 1);
    uint32_t entry = row_table_first(&state->set, hash);
    while (entry && !values_equal(&type, state->set.entries[entry - 1].row, value, 1))
      entry = row_table_next(&state->set, entry);
    if (entry)
      continue;
    struct value *kept = values_keep(&state->set.arena, &type, value, 1);
    if (!kept || !row_table_add(&state->set, hash, kept))
      status = execution_memory(execution);
  }
  return subquery_end(run, status);
}

static void look_up_set(struct subquery_run *run, const struct value *left, struct value *result)
{
  struct subquery_state *state = run->state;
  enum type_id type = run->plan->type;
  *result = value_boolean(false);
  if (!state->exists)
    return;
  if (left->is_null) {
    *result = value_null();
    return;
  }
  uint32_t entry = row_table_first(&state->set, values_hash(&type, left, 1));
  while (entry && !values_equal(&type, state->set.entries[entry - 1].row, left, 1))
    entry = row_table_next(&state->set, entry);
  if (entry)
    *result = value_boolean(true);
  else if (state->has_null)
    *result = value_null();
}

static int hook_look(struct evaluation *evaluation)
{
  return execution_check((struct execution *)((char *)evaluation - offsetof(struct execution, evaluation)));
}

static int hook_subquery(struct evaluation *evaluation, enum subquery_kind kind, int number, const struct value *left,
                         struct value *result)
{
  struct execution *execution = (struct execution *)((char *)evaluation - offsetof(struct execution, evaluation));
  struct subquery_run run = {
      .execution = execution, .plan = &execution->plan->subqueries[number], .state = &execution->subqueries[number]};
  run.root = execution->iterators[run.plan->root->number];
  struct subquery_state *state = run.state;
  bool once = !run.plan->is_correlated;
  int status = 0;
  switch (kind) {
  case SUBQUERY_SCALAR:
    if (!once)
      return run_scalar(&run, evaluation->arena, result);
    if (!state->is_ready)
      status = run_scalar(&run, &state->set.arena, &state->value);
    *result = state->value;
    break;
  case SUBQUERY_ARRAY:
    if (!once)
      return run_array(&run, evaluation->arena, result);
    if (!state->is_ready)
      status = run_array(&run, &state->set.arena, &state->value);
    *result = state->value;
    break;
  case SUBQUERY_EXISTS:
    if (!once || !state->is_ready)
      status = run_exists(&run, &state->exists);
    *result = value_boolean(state->exists);
    break;
  case SUBQUERY_ANY:
  case SUBQUERY_ALL: return run_quantified(&run, number, left, result);
  case SUBQUERY_IN:
    if (!once)
      return run_in(&run, left, result);
    if (!state->is_ready)
      status = build_set(&run);
    if (!status)
      look_up_set(&run, left, result);
    break;
  }
  if (!status && once)
    state->is_ready = true;
  return status;
}

// --- Life ------------------------------------------------------------------------------------------------

static bool open_ranges(struct execution *execution)
{
  const struct statement *statement = execution->plan->statement;
  execution->ranges = ARENA_ARRAY(&execution->memory, struct value *, statement->range_count + 1);
  if (!execution->ranges)
    return false;
  for (int i = 0; i < statement->range_count; i++) {
    execution->ranges[i] = ARENA_ARRAY(&execution->memory, struct value, statement->ranges[i].column_count + 2);
    if (!execution->ranges[i])
      return false;
    for (int c = 0; c < statement->ranges[i].column_count + 2; c++)
      execution->ranges[i][c].is_null = true;
  }
  return true;
}

static bool open_parts(struct execution *execution)
{
  const struct plan *plan = execution->plan;
  const struct statement *statement = plan->statement;
  execution->iterators = ARENA_ARRAY(&execution->memory, struct iterator *, plan->node_count + 1);
  execution->subqueries = ARENA_ARRAY(&execution->memory, struct subquery_state, statement->subquery_count + 1);
  if (plan->analysis && !analysis_open(execution))
    return false;
  if (!execution->iterators || !execution->subqueries || !open_ranges(execution) || !shared_open(execution) ||
      !parts_open(execution))
    return false;
  for (int i = 0; i < statement->subquery_count; i++) {
    arena_init(&execution->subqueries[i].arena, execution->account);
    row_table_init(&execution->subqueries[i].set, execution->account);
  }
  for (int i = 0; i < statement->shared_count; i++)
    if (plan->shared[i].root && !iterator_open(execution, plan->shared[i].root))
      return false;
  for (int i = 0; i < statement->subquery_count; i++)
    if (plan->subqueries[i].root && !iterator_open(execution, plan->subqueries[i].root))
      return false;
  if (plan->root && plan->short_form == SHORT_NONE && !iterator_open(execution, plan->root))
    return false;
  if (plan->modification && !change_open(execution))
    return false;
  execution->short_row = ARENA_ARRAY(&execution->memory, struct value,
                                     plan->short_project ? plan->short_project->project.target_count + 1 : 1);
  // So that the marks of the row arena are never those of an empty one.
  return execution->short_row && arena_alloc(&execution->row_arena, 1);
}

static bool keeps_rows(enum plan_kind kind)
{
  return kind == PLAN_SHARED || kind == PLAN_RECURSION || kind == PLAN_HASH_JOIN || kind == PLAN_MERGE_JOIN ||
         kind == PLAN_LOOKUP || kind == PLAN_MATERIAL || kind == PLAN_WINDOW || kind == PLAN_AGGREGATE || kind == PLAN_DISTINCT || kind == PLAN_SET || kind == PLAN_SORT;
}

// Three quarters of the narrowest account, in equal parts: how they are cut depends on nothing but the plan, so that a
// statement that runs again does so in the same way.
static size_t find_share(const struct execution *execution)
{
  size_t least = SIZE_MAX, count = 0;
  for (const struct memory_account *account = execution->account; account; account = account->parent)
    if (account->limit && account->limit < least)
      least = account->limit;
  for (int i = 0; i < execution->plan->node_count; i++)
    count += execution->iterators[i] && keeps_rows(execution->iterators[i]->node->kind);
  size_t share = least / 4 * 3 / (count ? count : 1);
  return share > SHARE_MINIMUM ? share : SHARE_MINIMUM;
}

struct execution *execution_open(const struct plan *plan, struct memory_account *account)
{
  if (account && !account_charge(account, sizeof(struct execution)))
    return NULL;
  struct execution *execution = calloc(1, sizeof *execution);
  if (!execution) {
    if (account)
      account_release(account, sizeof *execution);
    return NULL;
  }
  execution->plan = plan;
  execution->account = account;
  arena_init(&execution->memory, account);
  arena_init(&execution->row_arena, account);
  if (!open_parts(execution)) {
    execution_close(execution);
    return NULL;
  }
  execution->share = find_share(execution);
  execution->evaluation = (struct evaluation){.ranges = execution->ranges, .hooks = &execution->hooks};
  return execution;
}

void execution_close(struct execution *execution)
{
  if (!execution)
    return;
  execution_stop(execution);
  for (int i = 0; execution->iterators && i < execution->plan->node_count; i++)
    if (execution->iterators[i] && execution->iterators[i]->close)
      execution->iterators[i]->close(execution->iterators[i]);
  for (int i = 0; execution->subqueries && i < execution->plan->statement->subquery_count; i++) {
    arena_deinit(&execution->subqueries[i].arena);
    row_table_deinit(&execution->subqueries[i].set);
  }
  change_close(execution);
  shared_close(execution);
  parts_close(execution);
  buffer_deinit(&execution->short_key);
  arena_deinit(&execution->row_arena);
  arena_deinit(&execution->memory);
  if (execution->account)
    account_release(execution->account, sizeof *execution);
  free(execution);
}

static void set_stride(struct execution *execution)
{
  uint64_t stride = CHECK_STRIDE;
  if (execution->input.allowance && execution->input.allowance - execution->visited < stride)
    stride = execution->input.allowance - execution->visited + 1;
  execution->stride = execution->countdown = (uint32_t)stride;
}

int execution_check(struct execution *execution)
{
  const struct execution_input *input = &execution->input;
  execution->visited += execution->stride;
  if (flag_is_set(input->is_cancelled))
    return error_set(execution->evaluation.error, SQLSTATE_QUERY_CANCELED, "canceling statement due to user request");
  if (input->allowance && execution->visited > input->allowance)
    return STATUS_LONG;
  set_stride(execution);
  return 0;
}

int execution_start(struct execution *execution, const struct execution_input *input, struct error *error)
{
  if (execution->is_running)
    execution_stop(execution);
  struct evaluation *evaluation = &execution->evaluation;
  execution->input = *input;
  execution->is_running = true;
  execution->row_count = execution->visited = 0;
  set_stride(execution);
  evaluation->parameters = input->parameters;
  evaluation->arena = &execution->row_arena;
  evaluation->settings = input->settings;
  evaluation->error = error;
  evaluation->now = input->now;
  evaluation->statement_now = input->statement_now;
  evaluation->clock_now = input->clock_now;
  evaluation->context = input->context;
  execution->hooks = input->hooks ? *input->hooks : (struct evaluation_hooks){0};
  execution->hooks.subquery = hook_subquery;
  execution->hooks.look = hook_look;
  int status = 0;
  if (execution->analysis)
    analysis_start(execution);
  if (flag_is_set(input->is_cancelled))
    status = error_set(error, SQLSTATE_QUERY_CANCELED, "canceling statement due to user request");
  else if (execution->plan->short_form != SHORT_NONE)
    status = short_start(execution);
  else if (execution->plan->statement->part_count)
    status = parts_start(execution);
  else if (execution->plan->modification)
    status = change_run(execution);
  else {
    struct iterator *root = execution->iterators[execution->plan->root->number];
    status = root->rewind(root);
  }
  if (status)
    execution_stop(execution);
  return status;
}

int execution_next(struct execution *execution, const struct value **row, struct error *error)
{
  execution->evaluation.error = error;
  return execution->analysis ? analysis_next(execution, row) : execution_row(execution, row);
}

int execution_row(struct execution *execution, const struct value **row)
{
  if (!execution->is_running)
    return 0;
  struct change_state *change = execution->change;
  int status = 0;
  if (change) {
    while (change->given_at < change->given_count)
      if ((*row = change->given[change->given_at++]))
        return 1;
  } else if (execution->plan->statement->part_count) {
    status = parts_next(execution, row);
    if (status == 1)
      return 1;
  } else if (execution->plan->short_form != SHORT_NONE) {
    if (execution->short_has_row) {
      execution->short_has_row = false;
      execution->row_count = 1;
      *row = execution->short_row;
      return 1;
    }
  } else {
    struct iterator *root = execution->iterators[execution->plan->root->number];
    status = root->next(root);
    if (status == 1) {
      *row = root->row;
      execution->row_count++;
      return 1;
    }
  }
  execution_stop(execution);
  return status;
}

void execution_stop(struct execution *execution)
{
  if (!execution->is_running)
    return;
  execution->is_running = execution->short_has_row = false;
  const struct plan *plan = execution->plan;
  for (int i = 0; i < plan->node_count; i++)
    if (execution->iterators[i] && execution->iterators[i]->stop)
      execution->iterators[i]->stop(execution->iterators[i]);
  for (int i = 0; i < plan->statement->subquery_count; i++) {
    struct subquery_state *state = &execution->subqueries[i];
    state->is_ready = false;
    row_table_clear(&state->set);
    arena_reset(&state->arena);
  }
  change_stop(execution);
  shared_stop(execution);
  parts_stop(execution);
  arena_reset(&execution->row_arena);
}

uint64_t execution_row_count(const struct execution *execution)
{
  return execution->row_count;
}
