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

static bool side_init(struct sorted_side *side, struct execution *execution, const enum type_id *types, int key_count,
                      const struct expression *keys, const struct slot *slots, int slot_count)
{
  side->keys = keys;
  side->slots = slots;
  side->slot_count = slot_count;
  side->kept = ARENA_ARRAY(&execution->memory, struct value, key_count + slot_count + 1);
  if (!side->kept || !row_order_init(&side->order, &execution->memory, types, key_count))
    return false;
  arena_init(&side->arena, execution->account);
  sorter_init(&side->sorter, execution, &side->order, key_count + slot_count);
  sorter_divide(&side->sorter, SORTED_JOIN_PARTS);
  return true;
}

bool sorted_join_init(struct sorted_join *join, struct iterator *op, struct execution *execution,
                      const struct plan_node *node, const enum type_id *left_types, const enum type_id *right_types)
{
  const struct plan_join *plan = &node->join;
  if (!side_init(&join->left, execution, left_types, plan->key_count, plan->left_keys, plan->left_slots,
                 plan->left_slot_count) ||
      !side_init(&join->right, execution, right_types, plan->key_count, plan->right_keys, node->slots, node->slot_count))
    return false;
  join->op = op;
  spool_init(&join->group, execution, right_types, plan->key_count + node->slot_count);
  spool_divide(&join->group, SORTED_JOIN_PARTS);
  return true;
}

static void side_clear(struct sorted_side *side)
{
  sorter_clear(&side->sorter);
  arena_reset(&side->arena);
  side->input = NULL;
  side->row = NULL;
  side->is_over = false;
}

void sorted_join_clear(struct sorted_join *join)
{
  if (!join->op)
    return;
  side_clear(&join->left);
  side_clear(&join->right);
  spool_clear(&join->group);
  list_free(join->op->execution->account, &join->found, &join->found_capacity, sizeof *join->found);
  join->in_group = false;
}

void sorted_join_deinit(struct sorted_join *join)
{
  sorted_join_clear(join);
  sorter_deinit(&join->left.sorter);
  sorter_deinit(&join->right.sorter);
  arena_deinit(&join->left.arena);
  arena_deinit(&join->right.arena);
  spool_deinit(&join->group);
}

int sorted_join_left(struct sorted_join *join, const struct value *row)
{
  return sorter_add(&join->left.sorter, row);
}

int sorted_join_right(struct sorted_join *join, const struct value *row)
{
  return sorter_add(&join->right.sorter, row);
}

int sorted_join_begin(struct sorted_join *join)
{
  int status = sorter_sort(&join->right.sorter);
  return status ? status : sorter_sort(&join->left.sorter);
}

// Evaluates what the input evaluates in the side's arena.
static int side_rewind(struct sorted_join *join, struct sorted_side *side, struct iterator *input)
{
  struct evaluation *evaluation = &join->op->execution->evaluation;
  struct arena *arena = evaluation->arena;
  side->input = input;
  evaluation->arena = &side->arena;
  int status = input->rewind(input);
  evaluation->arena = arena;
  return status;
}

int sorted_join_merge(struct sorted_join *join)
{
  int status = side_rewind(join, &join->left, join->op->left);
  return status ? status : side_rewind(join, &join->right, join->op->right);
}

// --- Rows --------------------------------------------------------------------------------------------------

static void restore(struct sorted_join *join, const struct sorted_side *side, const struct value *row)
{
  slots_restore(join->op->execution, side->slots, side->slot_count, row + join->op->node->join.key_count);
}

static int input_next(struct sorted_join *join, struct sorted_side *side)
{
  struct execution *execution = join->op->execution;
  struct arena *arena = execution->evaluation.arena;
  int key_count = join->op->node->join.key_count;
  if (side->input->node->kind != PLAN_SCAN) // it goes on from its row, in whose place others may have been given
    slots_restore(execution, side->slots, side->slot_count, side->kept + key_count);
  execution->evaluation.arena = &side->arena;
  int status = side->input->next(side->input);
  for (int i = 0; status == 1 && i < key_count; i++) {
    int got = expression_get(execution, &side->keys[i], &side->kept[i]);
    status = got ? got : 1;
  }
  execution->evaluation.arena = arena;
  if (status == 1)
    slots_save(execution, side->slots, side->slot_count, side->kept + key_count);
  return status;
}

// Reads the side's row at hand if it is missing.
static int take_row(struct sorted_join *join, struct sorted_side *side)
{
  if (side->row || side->is_over)
    return 0;
  struct value *row = side->kept;
  int status = side->input ? input_next(join, side) : sorter_next(&side->sorter, &row);
  side->row = status == 1 ? row : NULL;
  side->is_over = status == 0;
  return status < 0 ? status : 0;
}

static int take_rows(struct sorted_join *join)
{
  int status = take_row(join, &join->left);
  return status ? status : take_row(join, &join->right);
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
  const struct row_order *order = &join->right.order;
  const struct value *first;
  int status = spool_add(&join->group, join->right.row);
  join->alone = 0;
  join->right.row = NULL;
  while (!status && !(status = take_rows(join)) && join->right.row) {
    status = spool_row(&join->group, 0, &first);
    if (status || row_order_compare(order, join->right.row, first) != 0)
      break;
    status = spool_add(&join->group, join->right.row);
    join->right.row = NULL;
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
  if (!join->left.row || has_null_key(join, join->left.row))
    return 0;
  int status = spool_row(&join->group, 0, &first);
  *has = !status && row_order_compare(&join->left.order, join->left.row, first) == 0;
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
    restore(join, &join->right, row);
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
  join->left.row = NULL;
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
  restore(join, &join->right, row);
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
  const struct value *left = join->left.row, *right = join->right.row;
  bool is_lonely = left && has_null_key(join, left);
  int way = is_lonely || !right ? -1 : !left ? 1 : row_order_compare(&join->left.order, left, right);
  if (way == 0)
    return fill_group(join);
  if (way < 0) {
    join->left.row = NULL;
    if (plan->form == JOIN_FORM_INNER)
      return 0;
    restore(join, &join->left, left);
    ranges_null(join->op->execution, plan->null_ranges, plan->null_count);
    return 1;
  }
  join->right.row = NULL;
  return plan->form == JOIN_FORM_FULL ? give_right(join, right) : 0;
}

int sorted_join_next(struct sorted_join *join)
{
  enum join_form form = join->op->node->join.form;
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
      restore(join, &join->left, join->left.row);
      join->in_group = true;
      join->has_found = false;
      join->at = 0;
      continue;
    }
    bool is_over = form == JOIN_FORM_INNER ? !join->left.row || !join->right.row
                   : form == JOIN_FORM_LEFT ? !join->left.row : !join->left.row && !join->right.row;
    if (is_over)
      return 0;
    status = next_alone(join);
  }
  return status;
}
