// Calls of aggregates that are not plain.
//
// What has an order is kept, row by row, until the group is given: then it is sorted and shown. DISTINCT looks up what
// came before in one table for all groups, so that only first ones are kept.
#include "sql/execute_aggregate.h"

#include <string.h>

enum { ROWS_FIRST = 8 };

// --- Rows --------------------------------------------------------------------------------------------------

static int is_first_of_kind(const struct aggregate_place *place, int64_t group, bool *is_first)
{
  const struct plan_aggregate_call *call = place->call;
  struct row_table *table = place->distinct;
  enum type_id types[3] = {TYPE_INT8};
  struct value values[3] = {value_integer(group)};
  int count = call->argument_count + 1;
  for (int i = 1; i < count; i++) {
    types[i] = call->types[i - 1];
    values[i] = place->values[i - 1];
  }
  uint64_t hash = values_hash(types, values, count);
  uint32_t entry = row_table_first(table, hash);
  while (entry && !values_equal(types, table->entries[entry - 1].row, values, count))
    entry = row_table_next(table, entry);
  *is_first = !entry;
  if (entry)
    return 0;
  struct value *kept = values_keep(&table->arena, types, values, count);
  return kept && row_table_add(table, hash, kept) ? 0 : execution_memory(place->execution);
}

static int keep_row(const struct aggregate_place *place, struct arena *arena)
{
  struct sorted_rows *sorted = place->state;
  if (sorted->count == sorted->capacity) {
    uint32_t capacity = sorted->capacity ? sorted->capacity * 2 : ROWS_FIRST;
    struct value **rows = capacity > INT32_MAX / 2 ? NULL : arena_alloc(arena, sizeof *rows * capacity);
    if (!rows)
      return execution_memory(place->execution);
    if (sorted->count)
      memcpy(rows, sorted->rows, sizeof *rows * sorted->count);
    sorted->rows = rows;
    sorted->capacity = capacity;
  }
  struct value *row = values_keep(arena, place->call->types, place->values, place->call->value_count);
  if (!row)
    return execution_memory(place->execution);
  sorted->rows[sorted->count++] = row;
  return 0;
}

static int step(const struct aggregate_place *place, const struct value *arguments, void *state, struct arena *arena)
{
  struct evaluation *evaluation = &place->execution->evaluation;
  evaluation->argument_types = place->call->types;
  return place->call->aggregate->step(evaluation, state, arguments, arena);
}

int aggregate_show(const struct aggregate_place *place, int64_t group, struct arena *arena)
{
  const struct plan_aggregate_call *call = place->call;
  bool takes = !call->call->grouping_count;
  int status = takes && call->filter ? expression_holds(place->execution, call->filter, &takes) : 0;
  for (int i = 0; i < call->value_count && !status && takes; i++) {
    status = expression_get(place->execution, &call->arguments[i], &place->values[i]);
    if (!status && place->values[i].is_null)
      takes = call->call->set == NULL && !(call->aggregate && call->aggregate->skips_null && i < call->argument_count);
  }
  if (!status && takes && call->is_distinct)
    status = is_first_of_kind(place, group, &takes);
  if (status || !takes)
    return status;
  return call->sorts ? keep_row(place, arena) : step(place, place->values, place->state, arena);
}

// --- Results -----------------------------------------------------------------------------------------------

static int sort(const struct aggregate_place *place, const struct sorted_rows *sorted)
{
  struct sort_item *scratch = arena_alloc(place->finish, sizeof *scratch * (2 * (size_t)sorted->count + 1));
  if (!scratch)
    return execution_memory(place->execution);
  rows_sort(&place->call->order, sorted->rows, scratch, (int)sorted->count);
  return 0;
}

static int show_sorted(const struct aggregate_place *place, const struct sorted_rows *sorted, void *state)
{
  struct execution *execution = place->execution;
  int status = 0;
  for (uint32_t i = 0; i < sorted->count && !status; i++) {
    struct arena_mark mark = arena_mark(execution->evaluation.arena);
    status = execution_visit(execution);
    if (!status)
      status = step(place, sorted->rows[i], state, place->finish);
    execution_release(execution, mark);
  }
  return status;
}

static int ordered_result(const struct aggregate_place *place, const struct sorted_rows *sorted, struct value *result)
{
  const struct aggregate *aggregate = place->call->aggregate;
  void *state = arena_alloc_zeroed(place->finish, aggregate->state_size ? aggregate->state_size : 1);
  int status = state ? show_sorted(place, sorted, state) : execution_memory(place->execution);
  place->execution->evaluation.argument_types = place->call->types;
  return status ? status : aggregate->finish(&place->execution->evaluation, state, result);
}

static int64_t no_frame_row(const struct window_place *place, int64_t number)
{
  return -1;
}

// Where the row of the direct arguments would stand among the others.
static int hypothetical_result(const struct aggregate_place *place, const struct sorted_rows *sorted,
                               const struct value *direct, struct value *result)
{
  const struct row_order *order = &place->call->order;
  struct window_place stands = {
      .evaluation = &place->execution->evaluation, .count = (int64_t)sorted->count + 1, .frame_row = no_frame_row};
  for (uint32_t i = 0; i < sorted->count; i++) {
    int status = execution_visit(place->execution);
    if (status)
      return status;
    int way = row_order_compare(order, sorted->rows[i], direct);
    stands.peers += way < 0;
    stands.peers_end += way <= 0;
    stands.group += way < 0 && (i == 0 || row_order_compare(order, sorted->rows[i - 1], sorted->rows[i]) != 0);
  }
  stands.row = stands.peers;
  stands.peers_end++;
  return place->call->call->hypothetical->value(&stands, result);
}

int aggregate_result(const struct aggregate_place *place, struct value *result)
{
  struct execution *execution = place->execution;
  const struct plan_aggregate_call *call = place->call;
  if (!call->sorts) {
    execution->evaluation.argument_types = call->types;
    return call->aggregate->finish(&execution->evaluation, place->state, result);
  }
  const struct sorted_rows *sorted = place->state;
  int count = call->call->direct_count, status = sort(place, sorted);
  struct value *direct = arena_alloc(place->finish, sizeof *direct * (size_t)(count + 1));
  if (!direct)
    return execution_memory(execution);
  for (int i = 0; i < count && !status; i++)
    status = expression_get(execution, &call->direct[i], &direct[i]);
  if (status)
    return status;
  if (call->aggregate)
    return ordered_result(place, sorted, result);
  if (call->call->hypothetical)
    return hypothetical_result(place, sorted, direct, result);
  struct ordered_rows rows = {.rows = sorted->rows, .count = sorted->count, .type = call->types[0]};
  return call->call->set->finish(&execution->evaluation, &rows, direct, result);
}
