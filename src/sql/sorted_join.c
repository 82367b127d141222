// Of both sides the row at hand is the first that has not been dealt with. A left row that comes first has found
// nothing; so has a right one; where their keys are the same the right rows of that key become the group.
#include "sql/sorted_join.h"

#include <string.h>

void slots_save(struct execution *execution, const struct slot *slots, int count, struct value *into)
{
  for (int i = 0; i < count; i++)
    into[i] = execution->ranges[slots[i].range][slots[i].column];
}

void slots_restore(struct execution *execution, const struct slot *slots, int count, const struct value *from)
{
  for (int i = 0; i < count; i++)
    execution->ranges[slots[i].range][slots[i].column] = from[i];
}

void ranges_null(struct execution *execution, const int *ranges, int count)
{
  for (int i = 0; i < count; i++) {
    int range = ranges[i];
    // The two behind a range's columns say which row it is.
    for (int c = 0; c < execution->plan->statement->ranges[range].column_count + 2; c++)
      execution->ranges[range][c] = value_null();
  }
}

// --- Life --------------------------------------------------------------------------------------------------

bool sorted_join_init(struct sorted_join *join, struct iterator *op, struct execution *execution,
                      const struct plan_node *node, const enum type_id *left_types, const enum type_id *right_types)
{
  const struct plan_join *plan = &node->join;
  if (!row_order_init(&join->orders[0], &execution->memory, left_types, plan->key_count) ||
      !row_order_init(&join->orders[1], &execution->memory, right_types, plan->key_count))
    return false;
  join->op = op;
  sorter_init(&join->left, execution, &join->orders[0], plan->key_count + plan->left_slot_count);
  sorter_init(&join->right, execution, &join->orders[1], plan->key_count + node->slot_count);
  spool_init(&join->group, execution, right_types, plan->key_count + node->slot_count);
  sorter_divide(&join->left, SORTED_JOIN_PARTS);
  sorter_divide(&join->right, SORTED_JOIN_PARTS);
  spool_divide(&join->group, SORTED_JOIN_PARTS);
  return true;
}

void sorted_join_clear(struct sorted_join *join)
{
  if (!join->op)
    return;
  sorter_clear(&join->left);
  sorter_clear(&join->right);
  spool_clear(&join->group);
  list_free(join->op->execution->account, &join->found, &join->found_capacity, sizeof *join->found);
  join->left_row = join->right_row = NULL;
  join->left_over = join->right_over = join->in_group = false;
}

void sorted_join_deinit(struct sorted_join *join)
{
  sorted_join_clear(join);
  sorter_deinit(&join->left);
  sorter_deinit(&join->right);
  spool_deinit(&join->group);
}

int sorted_join_left(struct sorted_join *join, const struct value *row)
{
  return sorter_add(&join->left, row);
}

int sorted_join_right(struct sorted_join *join, const struct value *row)
{
  return sorter_add(&join->right, row);
}

int sorted_join_begin(struct sorted_join *join)
{
  int status = sorter_sort(&join->right);
  return status ? status : sorter_sort(&join->left);
}

// --- Rows --------------------------------------------------------------------------------------------------

static void restore_left(struct sorted_join *join, const struct value *row)
{
  const struct plan_join *plan = &join->op->node->join;
  slots_restore(join->op->execution, plan->left_slots, plan->left_slot_count, row + plan->key_count);
}

static void restore_right(struct sorted_join *join, const struct value *row)
{
  const struct plan_node *node = join->op->node;
  slots_restore(join->op->execution, node->slots, node->slot_count, row + node->join.key_count);
}

// Reads the rows at hand that are missing.
static int take_rows(struct sorted_join *join)
{
  struct value *row;
  int status = 0;
  if (!join->left_row && !join->left_over) {
    status = sorter_next(&join->left, &row);
    join->left_row = status == 1 ? row : NULL;
    join->left_over = status == 0;
  }
  if (status >= 0 && !join->right_row && !join->right_over) {
    status = sorter_next(&join->right, &row);
    join->right_row = status == 1 ? row : NULL;
    join->right_over = status == 0;
  }
  return status < 0 ? status : 0;
}

static bool has_null_key(const struct sorted_join *join, const struct value *row)
{
  bool has_null = false;
  for (int i = 0; i < join->op->node->join.key_count; i++)
    has_null |= row[i].is_null;
  return has_null;
}

// All right rows with the key of the one at hand.
static int fill_group(struct sorted_join *join)
{
  const struct row_order *order = &join->orders[1];
  const struct value *first;
  int status = spool_add(&join->group, join->right_row);
  join->alone = 0;
  join->right_row = NULL;
  while (!status && !(status = take_rows(join)) && join->right_row) {
    status = spool_row(&join->group, 0, &first);
    if (status || row_order_compare(order, join->right_row, first) != 0)
      break;
    status = spool_add(&join->group, join->right_row);
    join->right_row = NULL;
  }
  if (status || join->op->node->join.form != JOIN_FORM_FULL)
    return status;
  if (join->group.count > INT32_MAX / 4 ||
      !list_grow(join->op->execution->account, &join->found, &join->found_capacity, (int)join->group.count,
                 sizeof *join->found))
    return execution_memory(join->op->execution);
  memset(join->found, 0, join->group.count * sizeof *join->found);
  return 0;
}

static int has_group_key(struct sorted_join *join, bool *has)
{
  const struct value *first;
  *has = false;
  if (!join->left_row || has_null_key(join, join->left_row))
    return 0;
  int status = spool_row(&join->group, 0, &first);
  *has = !status && row_order_compare(&join->orders[0], join->left_row, first) == 0;
  return status;
}

// The next row of the group that the left row at hand goes with.
static int next_of_group(struct sorted_join *join)
{
  struct execution *execution = join->op->execution;
  while (join->at < join->group.count) {
    const struct value *row;
    bool holds = false;
    uint64_t number = join->at++;
    execution_release(execution, join->op->mark);
    int status = spool_row(&join->group, number, &row);
    if (!status)
      status = execution_visit(execution);
    if (status)
      return status;
    restore_right(join, row);
    status = filters_hold(execution, join->op->node, &holds);
    if (status)
      return status;
    if (!holds)
      continue;
    join->has_found = true;
    if (join->found_capacity)
      join->found[number] = true;
    return 1;
  }
  join->in_group = false;
  join->left_row = NULL;
  if (join->has_found || join->op->node->join.form == JOIN_FORM_INNER)
    return 0;
  ranges_null(execution, join->op->node->join.null_ranges, join->op->node->join.null_count);
  return 1;
}

// A right row without a left one.
static int give_right(struct sorted_join *join, const struct value *row)
{
  const struct plan_join *plan = &join->op->node->join;
  ranges_null(join->op->execution, plan->left_ranges, plan->left_count);
  restore_right(join, row);
  return 1;
}

// No further left row has the group's key. 1: one of its rows has found none.
static int end_group(struct sorted_join *join)
{
  while (join->op->node->join.form == JOIN_FORM_FULL && join->alone < join->group.count) {
    const struct value *row;
    uint64_t number = join->alone++;
    if (join->found[number])
      continue;
    int status = spool_row(&join->group, number, &row);
    return status ? status : give_right(join, row);
  }
  spool_clear(&join->group);
  return 0;
}

// Of the rows at hand the one that comes first, if it is given without the other side. 1 or 0.
static int next_alone(struct sorted_join *join)
{
  const struct plan_join *plan = &join->op->node->join;
  const struct value *left = join->left_row, *right = join->right_row;
  bool is_lonely = left && has_null_key(join, left);
  int way = is_lonely || !right ? -1 : !left ? 1 : row_order_compare(&join->orders[0], left, right);
  if (way == 0)
    return fill_group(join);
  if (way < 0) {
    join->left_row = NULL;
    if (plan->form == JOIN_FORM_INNER)
      return 0;
    restore_left(join, left);
    ranges_null(join->op->execution, plan->null_ranges, plan->null_count);
    return 1;
  }
  join->right_row = NULL;
  return plan->form == JOIN_FORM_FULL ? give_right(join, right) : 0;
}

int sorted_join_next(struct sorted_join *join)
{
  bool ends_with_left = join->op->node->join.form != JOIN_FORM_FULL;
  int status = 0;
  iterator_begin_row(join->op);
  while (!status) {
    if (join->in_group) {
      status = next_of_group(join);
      continue;
    }
    status = take_rows(join);
    if (status)
      continue;
    if (join->group.count) {
      bool has;
      status = has_group_key(join, &has);
      if (!status && !has)
        status = end_group(join);
      if (!has)
        continue;
      restore_left(join, join->left_row);
      join->in_group = true;
      join->has_found = false;
      join->at = 0;
      continue;
    }
    if (!join->left_row && (!join->right_row || ends_with_left))
      return 0;
    status = next_alone(join);
  }
  return status;
}
