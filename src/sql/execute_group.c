// Groups: aggregation plain, hashed and over ordered rows; the count of a whole table.
//
// 1. Hashed groups come out in the order in which their first rows came.
// 2. Over ordered rows there are two groups at a time: the one given and the one that its successor's first row began.
// 3. Rows go to hashed groups in batches where keys and arguments are plain words: what a batch needs of the table is
//    fetched from memory for all of its rows before any is used.
// 4. When hashed groups have used up their share of memory, no more of them are begun: rows of others are put aside, sorted
//    by their keys, and grouped as ordered rows behind those that there are.
#include <string.h>

#include "sql/execute_aggregate.h"
#include "sql/sorter.h"
#include "store/read_set.h"

enum { ASIDE_PARTS = 4 }; // of a node's share: one is for sorting what is put aside
enum { BATCH_ROWS = 32, BATCH_CALLS = 32 };

struct group {
  struct value *keys;
  uint8_t *states;
};

// Rows on their way to their groups.
struct batch {
  struct {
    uint64_t hash;
    uint32_t entry; // of the table, where the search begins; 0: nowhere
    uint32_t takes; // a bit for each call that takes the row
  } rows[BATCH_ROWS];
  int count;
  struct value *keys;      // BATCH_ROWS times those of a row
  struct value *arguments; // BATCH_ROWS times those of all calls
  int argument_count;      // of all calls
};

struct aggregate_run {
  struct iterator op;
  struct batch *batch; // HASHED; NULL: rows go one by one
  struct row_table table; // HASHED: rows are the keys, the states behind them
  struct memory_account memory; // of that
  struct sorter aside;    // HASHED: rows of groups that had no room: keys, then the node's slots
  struct row_order aside_order;
  struct value *aside_row; // scratch
  bool is_full;
  struct arena arenas[2]; // SORTED: of the two groups; PLAIN: the first
  struct group current;
  int turn;
  bool is_read, is_over, has_current;
  uint32_t at;
  struct value *keys; // of the row at hand; with grouping sets the number of one behind them
  enum type_id *types;
  int key_count;          // with that
  struct value *all_keys; // with grouping sets: before those are taken away that a set lacks
  bool *has_key;          // has_key[set * keys + key]
  struct value *values;   // scratch: what a call keeps of a row
  struct arena finish;    // of the group that is given
  struct row_table *distinct; // one a call that is DISTINCT: group number, then arguments
  int64_t group_number;
};

static size_t keys_size(const struct aggregate_run *run)
{
  return (sizeof(struct value) * (size_t)run->key_count + 15) & ~(size_t)15;
}

static uint8_t *states_of(const struct aggregate_run *run, struct value *keys)
{
  return (uint8_t *)keys + keys_size(run);
}

// A group with the keys of the row at hand. NULL: out of memory.
static struct value *make_group(struct aggregate_run *run, struct arena *arena)
{
  const struct plan_aggregate *plan = &run->op.node->aggregate;
  struct value *keys = arena_alloc_zeroed(arena, keys_size(run) + plan->state_size);
  if (!keys)
    return NULL;
  for (int i = 0; i < run->key_count; i++) {
    keys[i] = run->keys[i];
    if (!keys[i].is_null && !value_copy(run->types[i], &keys[i], arena))
      return NULL;
  }
  run->group_number++;
  return keys;
}

static struct aggregate_place place_of(struct aggregate_run *run, int number, uint8_t *states)
{
  const struct plan_aggregate_call *call = &run->op.node->aggregate.calls[number];
  return (struct aggregate_place){.execution = run->op.execution,
                                  .call = call,
                                  .state = states + call->state_offset,
                                  .distinct = &run->distinct[number],
                                  .values = run->values,
                                  .finish = &run->finish};
}

// What a plain call takes of the row at hand, if it does.
static int get_arguments(struct execution *execution, const struct plan_aggregate_call *call, struct value *arguments,
                         bool *takes)
{
  *takes = true;
  int status = call->filter ? expression_holds(execution, call->filter, takes) : 0;
  for (int i = 0; !status && *takes && i < call->argument_count; i++) {
    status = expression_get(execution, &call->arguments[i], &arguments[i]);
    *takes = !status && !(call->aggregate->skips_null && arguments[i].is_null);
  }
  return status;
}

// Shows the row at hand to all aggregates of a group. *decided: no further row can change the result.
static int accumulate(struct aggregate_run *run, uint8_t *states, int64_t group, struct arena *arena, bool *decided)
{
  struct execution *execution = run->op.execution;
  const struct plan_aggregate *plan = &run->op.node->aggregate;
  for (int i = 0; i < plan->call_count; i++) {
    const struct plan_aggregate_call *call = &plan->calls[i];
    struct value arguments[2];
    bool takes;
    if (!call->is_plain) {
      struct aggregate_place place = place_of(run, i, states);
      int status = aggregate_show(&place, group, arena);
      if (status)
        return status;
      continue;
    }
    int status = get_arguments(execution, call, arguments, &takes);
    execution->evaluation.argument_types = call->types;
    if (!status && takes)
      status = call->aggregate->step(&execution->evaluation, states + call->state_offset, arguments, arena);
    if (status)
      return status;
    *decided = takes && plan->stops_at_first;
  }
  return 0;
}

// GROUPING: a bit for each argument, set where the group's set lacks it.
static struct value grouping_of(const struct aggregate_run *run, const struct aggregate_call *call,
                                const struct value *keys)
{
  const struct plan_aggregate *plan = &run->op.node->aggregate;
  int64_t bits = 0;
  for (int i = 0; i < call->grouping_count; i++) {
    int key = call->grouping_keys[i];
    bits = bits << 1 | (plan->set_count && !run->has_key[keys[plan->key_count].integer * plan->key_count + key]);
  }
  return value_integer(bits);
}

// Sets the group's row. 1: it passes HAVING.
static int give_group(struct aggregate_run *run, struct value *keys)
{
  struct execution *execution = run->op.execution;
  const struct plan_aggregate *plan = &run->op.node->aggregate;
  struct value *row = execution->ranges[plan->range];
  uint8_t *states = states_of(run, keys);
  arena_reset(&run->finish);
  for (int i = 0; i < plan->key_count; i++)
    row[i] = keys[i];
  for (int i = 0; i < plan->call_count; i++) {
    const struct plan_aggregate_call *call = &plan->calls[i];
    struct value *result = &row[plan->key_count + i];
    struct aggregate_place place = place_of(run, i, states);
    execution->evaluation.argument_types = call->types;
    int status = call->is_plain ? call->aggregate->finish(&execution->evaluation, place.state, result)
                 : call->call->grouping_count
                     ? (*result = grouping_of(run, call->call, keys), 0)
                     : aggregate_result(&place, result);
    if (status)
      return status;
  }
  bool holds;
  int status = filters_hold(execution, run->op.node, &holds);
  return status ? status : holds;
}

static int get_keys(struct aggregate_run *run)
{
  const struct plan_aggregate *plan = &run->op.node->aggregate;
  for (int i = 0; i < plan->key_count; i++) {
    int status = expression_get(run->op.execution, &plan->keys[i], &run->keys[i]);
    if (status)
      return status;
  }
  return 0;
}

// --- Plain ---------------------------------------------------------------------------------------------

static int plain_next(struct iterator *op)
{
  struct aggregate_run *run = (struct aggregate_run *)op;
  if (run->is_over)
    return 0;
  run->is_over = true;
  struct arena_mark mark = arena_mark(op->execution->evaluation.arena);
  struct value *keys = make_group(run, &run->arenas[0]);
  if (!keys)
    return execution_memory(op->execution);
  uint8_t *states = states_of(run, keys);
  int status;
  bool decided = false;
  while (!decided && (status = op->left->next(op->left)) != 0) {
    if (status == 1)
      status = accumulate(run, states, 1, &run->arenas[0], &decided);
    if (status)
      return status;
  }
  execution_release(op->execution, mark);
  return give_group(run, keys);
}

// --- Over ordered rows -----------------------------------------------------------------------------------

static int begin_group(struct aggregate_run *run)
{
  const struct plan_aggregate *plan = &run->op.node->aggregate;
  struct arena *arena = &run->arenas[run->turn ^= 1];
  bool decided;
  arena_reset(arena);
  for (int i = 0; i < plan->call_count; i++)
    row_table_clear(&run->distinct[i]);
  run->current.keys = make_group(run, arena);
  if (!run->current.keys)
    return execution_memory(run->op.execution);
  run->current.states = states_of(run, run->current.keys);
  run->has_current = true;
  return accumulate(run, run->current.states, run->group_number, arena, &decided);
}

static int take_left(struct aggregate_run *run)
{
  int status = run->op.left->next(run->op.left);
  if (status != 1)
    return status;
  status = get_keys(run);
  return status ? status : 1;
}

// take: sets the row at hand and its keys, 1; or 0.
static int next_of_ordered(struct aggregate_run *run, int (*take)(struct aggregate_run *run))
{
  bool decided;
  int status = 0;
  while (!status) {
    struct value *given = NULL;
    status = run->is_over ? 0 : take(run);
    if (status < 0)
      return status;
    if (status == 0) {
      run->is_over = true;
      if (!run->has_current)
        return 0;
      run->has_current = false;
      given = run->current.keys;
    } else if (run->has_current && values_equal(run->types, run->keys, run->current.keys, run->key_count))
      status = accumulate(run, run->current.states, run->group_number, &run->arenas[run->turn], &decided);
    else {
      given = run->has_current ? run->current.keys : NULL;
      status = begin_group(run);
    }
    if (given && !status)
      status = give_group(run, given);
  }
  return status;
}

static int sorted_next(struct iterator *op)
{
  return next_of_ordered((struct aggregate_run *)op, take_left);
}

// --- Hashed --------------------------------------------------------------------------------------------

// Sees whether the row at hand, of a new group, has to be put aside, and does so. 1: it is.
static int put_aside(struct aggregate_run *run)
{
  struct execution *execution = run->op.execution;
  const struct plan_node *node = run->op.node;
  int status = run->is_full ? 1 : execution_table_overflows(execution, &run->table, 1, ASIDE_PARTS);
  if (status != 1)
    return status;
  run->is_full = true;
  memcpy(run->aside_row, run->keys, sizeof *run->keys * (size_t)run->key_count);
  for (int i = 0; i < node->slot_count; i++)
    run->aside_row[run->key_count + i] = execution->ranges[node->slots[i].range][node->slots[i].column];
  status = sorter_add(&run->aside, run->aside_row);
  return status ? status : 1;
}

static uint32_t find_group(const struct aggregate_run *run, uint64_t hash)
{
  uint32_t entry = row_table_first(&run->table, hash);
  while (entry && !values_equal(run->types, run->table.entries[entry - 1].row, run->keys, run->key_count))
    entry = row_table_next(&run->table, entry);
  return entry;
}

static int add_group(struct aggregate_run *run, uint64_t hash)
{
  struct value *keys = make_group(run, &run->table.arena);
  return keys && row_table_add(&run->table, hash, keys) ? 0 : execution_memory(run->op.execution);
}

// Shows the row at hand to the group of run->keys.
static int add_to_group(struct aggregate_run *run)
{
  uint64_t hash = values_hash(run->types, run->keys, run->key_count);
  uint32_t entry = find_group(run, hash);
  bool decided;
  if (!entry) {
    int status = put_aside(run);
    if (!status)
      status = add_group(run, hash);
    if (status)
      return status == 1 ? 0 : status;
    entry = run->table.count;
  }
  return accumulate(run, states_of(run, run->table.entries[entry - 1].row), entry, &run->table.arena, &decided);
}

// Once for each grouping set, whose number stands behind the keys.
static int add_to_sets(struct aggregate_run *run)
{
  const struct plan_aggregate *plan = &run->op.node->aggregate;
  int status = 0;
  memcpy(run->all_keys, run->keys, sizeof *run->keys * (size_t)plan->key_count);
  for (int s = 0; s < plan->set_count && !status; s++) {
    for (int i = 0; i < plan->key_count; i++)
      run->keys[i] = run->has_key[s * plan->key_count + i] ? run->all_keys[i] : value_null();
    run->keys[plan->key_count] = value_integer(s);
    status = add_to_group(run);
  }
  return status;
}

// Of no rows there is a group for each set without keys.
static int add_empty_groups(struct aggregate_run *run)
{
  const struct plan_aggregate *plan = &run->op.node->aggregate;
  for (int s = 0; s < plan->set_count; s++) {
    if (plan->sets[s].count)
      continue;
    for (int i = 0; i < plan->key_count; i++)
      run->keys[i] = value_null();
    run->keys[plan->key_count] = value_integer(s);
    int status = add_group(run, 0);
    if (status)
      return status;
  }
  return 0;
}

// Shows a row of the batch to its group.
static int add_waiting(struct aggregate_run *run, int row)
{
  const struct plan_aggregate *plan = &run->op.node->aggregate;
  struct evaluation *evaluation = &run->op.execution->evaluation;
  struct batch *batch = run->batch;
  run->keys = batch->keys + row * run->key_count;
  uint32_t entry = find_group(run, batch->rows[row].hash);
  int status = entry ? 0 : add_group(run, batch->rows[row].hash);
  if (status)
    return status;
  uint8_t *states = states_of(run, run->table.entries[(entry ? entry : run->table.count) - 1].row);
  const struct value *arguments = batch->arguments + row * batch->argument_count;
  for (int i = 0; i < plan->call_count && !status; arguments += plan->calls[i++].argument_count) {
    const struct plan_aggregate_call *call = &plan->calls[i];
    evaluation->argument_types = call->types;
    if (batch->rows[row].takes & 1u << i)
      status = call->aggregate->step(evaluation, states + call->state_offset, arguments, &run->table.arena);
  }
  return status;
}

static int add_batch(struct aggregate_run *run)
{
  const struct row_table *table = &run->table;
  struct batch *batch = run->batch;
  for (int i = 0; i < batch->count && table->slot_count; i++) {
    batch->rows[i].entry = table->slots[batch->rows[i].hash & (table->slot_count - 1)];
    if (batch->rows[i].entry)
      __builtin_prefetch(&table->entries[batch->rows[i].entry - 1]);
  }
  for (int i = 0; i < batch->count && table->slot_count; i++)
    if (batch->rows[i].entry)
      __builtin_prefetch(table->entries[batch->rows[i].entry - 1].row);
  int status = 0;
  struct value *keys = run->keys;
  for (int i = 0; i < batch->count && !status; i++)
    status = add_waiting(run, i);
  run->keys = keys;
  batch->count = 0;
  return status;
}

// Takes the row at hand into the batch.
static int add_to_batch(struct aggregate_run *run)
{
  const struct plan_aggregate *plan = &run->op.node->aggregate;
  struct batch *batch = run->batch;
  struct value *arguments = batch->arguments + batch->count * batch->argument_count;
  int status = 0;
  memcpy(batch->keys + batch->count * run->key_count, run->keys, sizeof *run->keys * (size_t)run->key_count);
  batch->rows[batch->count].hash = values_hash(run->types, run->keys, run->key_count);
  if (run->table.slot_count)
    __builtin_prefetch(&run->table.slots[batch->rows[batch->count].hash & (run->table.slot_count - 1)]);
  batch->rows[batch->count].entry = batch->rows[batch->count].takes = 0;
  for (int i = 0; i < plan->call_count && !status; arguments += plan->calls[i++].argument_count) {
    bool takes;
    status = get_arguments(run->op.execution, &plan->calls[i], arguments, &takes);
    batch->rows[batch->count].takes |= (uint32_t)takes << i;
  }
  if (!status && ++batch->count == BATCH_ROWS)
    status = add_batch(run);
  return status;
}

// May the next rows go in a batch? Not when their groups might have no room. 1, 0 or a status.
static int begins_batch(struct aggregate_run *run)
{
  if (!run->batch || run->is_full)
    return 0;
  int status = execution_table_overflows(run->op.execution, &run->table, BATCH_ROWS, ASIDE_PARTS);
  return status == 1 ? 0 : status ? status : 1;
}

static int add_row(struct aggregate_run *run)
{
  int status = get_keys(run);
  if (status)
    return status;
  if (run->op.node->aggregate.set_count)
    return add_to_sets(run);
  int waits = run->batch && run->batch->count ? 1 : begins_batch(run);
  return waits == 1 ? add_to_batch(run) : waits ? waits : add_to_group(run);
}

static int read_groups(struct aggregate_run *run)
{
  struct iterator *op = &run->op;
  struct arena_mark mark = arena_mark(op->execution->evaluation.arena);
  int status;
  while ((status = op->left->next(op->left)) == 1 && !(status = add_row(run)))
    ;
  // An error is that of the first row that has one: those that wait came before the one at hand.
  int waiting = run->batch && status != STATUS_LONG ? add_batch(run) : 0;
  if (status || waiting)
    return waiting ? waiting : status;
  execution_release(op->execution, mark);
  run->is_read = true;
  if (!status && run->is_full)
    status = sorter_sort(&run->aside);
  return status || run->table.count ? status : add_empty_groups(run);
}

// The next of the rows that were put aside becomes the row at hand.
static int take_aside(struct aggregate_run *run)
{
  const struct plan_node *node = run->op.node;
  struct value *row;
  execution_release(run->op.execution, run->op.mark);
  int status = sorter_next(&run->aside, &row);
  if (status != 1)
    return status;
  memcpy(run->keys, row, sizeof *row * (size_t)run->key_count);
  for (int i = 0; i < node->slot_count; i++)
    run->op.execution->ranges[node->slots[i].range][node->slots[i].column] = row[run->key_count + i];
  return 1;
}

static int hashed_next(struct iterator *op)
{
  struct aggregate_run *run = (struct aggregate_run *)op;
  int status = run->is_read ? 0 : read_groups(run);
  iterator_begin_row(op);
  while (!status && run->at < run->table.count) {
    status = give_group(run, run->table.entries[run->at++].row);
    if (!status)
      execution_release(op->execution, op->mark);
  }
  if (status || !run->is_full)
    return status;
  if (run->table.count) {
    row_table_clear(&run->table);
    run->at = 0;
  }
  return next_of_ordered(run, take_aside);
}

// --- Opening and closing -----------------------------------------------------------------------------------

static void aggregate_stop(struct iterator *op)
{
  struct aggregate_run *run = (struct aggregate_run *)op;
  row_table_clear(&run->table);
  sorter_clear(&run->aside);
  arena_reset(&run->arenas[0]);
  arena_reset(&run->arenas[1]);
  arena_reset(&run->finish);
  for (int i = 0; i < op->node->aggregate.call_count; i++)
    if (op->node->aggregate.calls[i].is_distinct)
      row_table_clear(&run->distinct[i]);
}

static int aggregate_rewind(struct iterator *op)
{
  struct aggregate_run *run = (struct aggregate_run *)op;
  aggregate_stop(op);
  run->is_read = run->is_over = run->has_current = run->is_full = op->is_marked = false;
  run->at = 0;
  run->group_number = 0;
  if (run->batch)
    run->batch->count = 0;
  return op->left->rewind(op->left);
}

static void aggregate_close(struct iterator *op)
{
  struct aggregate_run *run = (struct aggregate_run *)op;
  row_table_deinit(&run->table);
  sorter_deinit(&run->aside);
  arena_deinit(&run->arenas[0]);
  arena_deinit(&run->arenas[1]);
  arena_deinit(&run->finish);
  for (int i = 0; i < op->node->aggregate.call_count; i++)
    row_table_deinit(&run->distinct[i]);
}

static bool open_sets(struct aggregate_run *run, struct execution *execution, const struct plan_aggregate *plan)
{
  if (!plan->set_count)
    return true;
  run->all_keys = ARENA_ARRAY(&execution->memory, struct value, plan->key_count + 1);
  run->has_key = ARENA_ARRAY(&execution->memory, bool, plan->set_count * plan->key_count + 1);
  if (!run->all_keys || !run->has_key)
    return false;
  for (int s = 0; s < plan->set_count; s++) {
    for (int i = plan->set_key_count; i < plan->key_count; i++)
      run->has_key[s * plan->key_count + i] = true;
    for (int i = 0; i < plan->sets[s].count; i++)
      run->has_key[s * plan->key_count + plan->sets[s].keys[i]] = true;
  }
  return true;
}

static bool open_aside(struct aggregate_run *run, struct execution *execution, const struct plan_node *node)
{
  int count = run->key_count + node->slot_count;
  enum type_id *types = ARENA_ARRAY(&execution->memory, enum type_id, count + 1);
  run->aside_row = ARENA_ARRAY(&execution->memory, struct value, count + 1);
  if (!types || !run->aside_row || !row_order_init(&run->aside_order, &execution->memory, types, run->key_count))
    return false;
  memcpy(types, run->types, sizeof *types * (size_t)run->key_count);
  for (int i = 0; i < node->slot_count; i++)
    types[run->key_count + i] = node->slots[i].type;
  sorter_init(&run->aside, execution, &run->aside_order, count);
  sorter_divide(&run->aside, ASIDE_PARTS);
  return true;
}

static bool is_for_batches(const struct aggregate_run *run, const struct plan_aggregate *plan)
{
  bool is = plan->form == AGGREGATE_HASHED && !plan->set_count && plan->call_count <= BATCH_CALLS;
  for (int i = 0; i < plan->key_count && is; i++)
    is = !type_is_bytes(run->types[i]);
  for (int i = 0; i < plan->call_count && is; i++) {
    is = plan->calls[i].is_plain;
    for (int a = 0; a < plan->calls[i].argument_count && is; a++)
      is = !type_is_bytes(plan->calls[i].types[a]);
  }
  return is;
}

static bool open_batch(struct aggregate_run *run, struct execution *execution, const struct plan_aggregate *plan)
{
  if (!is_for_batches(run, plan))
    return true;
  struct batch *batch = run->batch = ARENA_NEW(&execution->memory, struct batch);
  if (!batch)
    return false;
  for (int i = 0; i < plan->call_count; i++)
    batch->argument_count += plan->calls[i].argument_count;
  batch->keys = ARENA_ARRAY(&execution->memory, struct value, BATCH_ROWS * run->key_count + 1);
  batch->arguments = ARENA_ARRAY(&execution->memory, struct value, BATCH_ROWS * batch->argument_count + 1);
  return batch->keys && batch->arguments;
}

static bool aggregate_open(struct iterator **op, struct execution *execution, const struct plan_node *node)
{
  static int (*const nexts[])(struct iterator *) = {plain_next, hashed_next, sorted_next};
  const struct plan_aggregate *plan = &node->aggregate;
  struct aggregate_run *run = ARENA_NEW(&execution->memory, struct aggregate_run);
  if (!run)
    return false;
  run->memory.parent = execution->account;
  row_table_init(&run->table, &run->memory);
  arena_init(&run->arenas[0], execution->account);
  arena_init(&run->arenas[1], execution->account);
  arena_init(&run->finish, execution->account);
  run->op.next = nexts[plan->form];
  run->op.rewind = aggregate_rewind;
  run->op.stop = aggregate_stop;
  run->op.close = aggregate_close;
  *op = &run->op;
  run->key_count = plan->key_count + (plan->set_count ? 1 : 0);
  run->keys = ARENA_ARRAY(&execution->memory, struct value, plan->key_count + 1);
  run->types = ARENA_ARRAY(&execution->memory, enum type_id, plan->key_count + 1);
  run->distinct = ARENA_ARRAY(&execution->memory, struct row_table, plan->call_count + 1);
  run->values = ARENA_ARRAY(&execution->memory, struct value, plan->value_count + 1);
  if (!run->keys || !run->types || !run->distinct || !run->values || !open_sets(run, execution, plan))
    return false;
  for (int i = 0; i < plan->key_count; i++)
    run->types[i] = plan->keys[i].type;
  run->types[plan->key_count] = TYPE_INT8;
  for (int i = 0; i < plan->call_count; i++)
    row_table_init(&run->distinct[i], &run->memory);
  if (!open_batch(run, execution, plan))
    return false;
  return plan->form != AGGREGATE_HASHED || open_aside(run, execution, node);
}

// --- The count of a table ------------------------------------------------------------------------------------

struct table_count {
  struct iterator op;
  bool is_over;
};

static int count_rewind(struct iterator *op)
{
  ((struct table_count *)op)->is_over = false;
  return 0;
}

static int count_next(struct iterator *op)
{
  struct table_count *count = (struct table_count *)op;
  if (count->is_over)
    return 0;
  count->is_over = true;
  const struct execution_input *input = &op->execution->input;
  if (input->mark) // on every leaf of the tree: on all that is committed
    input->mark->position = UINT64_MAX;
  if (input->mark && input->mark->set)
    read_set_add(input->mark->set, op->node->count.tree, bytes_of(NULL, 0), bytes_of(NULL, 0), false);
  op->execution->ranges[op->node->count.range][0] =
      value_integer((int64_t)tree_count(input->version, op->node->count.tree));
  bool holds;
  int status = filters_hold(op->execution, op->node, &holds);
  return status ? status : holds;
}

bool group_open(struct iterator **op, struct execution *execution, const struct plan_node *node)
{
  if (node->kind == PLAN_AGGREGATE)
    return aggregate_open(op, execution, node);
  if (node->kind == PLAN_COUNT) {
    struct table_count *count = ARENA_NEW(&execution->memory, struct table_count);
    if (!count)
      return false;
    count->op.rewind = count_rewind;
    count->op.next = count_next;
    *op = &count->op;
    return true;
  }
  return distinct_open(op, execution, node);
}
