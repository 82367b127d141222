// UNION, INTERSECT, EXCEPT: rows of several arms one after another, and of two sides against each other.
//
// INTERSECT and EXCEPT hash the right side, with a count of each row, and let the rows of the left one go past it: so
// these come in their own order. What the left side gives once more is known by its entry in the same table.
//
// Where the table is too large for its share of memory, the rows of both sides are sorted instead, each with how often it
// stands for one of the left side and of the right one, and rows that are the same are counted together. If only those
// of the left side of an EXCEPT are too many, those that are not in the table are sorted, and given behind the others.
#include <string.h>

#include "sql/sorter.h"

enum { SORTED_PARTS = 4 }; // of a node's share: one is for sorting

enum { COUNT_LEFT, COUNT_RIGHT, COUNTS };

struct append {
  struct iterator op;
  int at;
  bool is_begun; // the arm at hand
};

struct set {
  struct iterator op;
  struct row_table table; // rows with a count behind the columns
  struct memory_account memory; // of that
  struct sorter sorted;   // rows with two counts behind the columns
  struct row_order order;
  struct value *scratch;
  bool is_built, is_full, is_sorted;
  struct value *ahead;    // the first of the next rows of a kind; NULL: to be read
  struct arena arena;     // of the kind at hand
  struct value *current;
  int64_t copies;         // that are still to be given
};

// --- Append --------------------------------------------------------------------------------------------

static int append_rewind(struct iterator *op)
{
  struct append *append = (struct append *)op;
  append->at = 0;
  append->is_begun = false;
  return 0;
}

static int append_next(struct iterator *op)
{
  struct append *append = (struct append *)op;
  const struct plan_node *node = op->node;
  for (; append->at < node->append.arm_count; append->at++) {
    struct iterator *arm = op->execution->iterators[node->append.arms[append->at]->number];
    int status = append->is_begun ? 0 : arm->rewind(arm);
    append->is_begun = true;
    if (!status)
      status = arm->next(arm);
    op->row = arm->row;
    if (status)
      return status;
    append->is_begun = false;
  }
  return 0;
}

// --- INTERSECT, EXCEPT ---------------------------------------------------------------------------------

static void set_stop(struct iterator *op)
{
  struct set *set = (struct set *)op;
  row_table_clear(&set->table);
  sorter_clear(&set->sorted);
  arena_reset(&set->arena);
  set->ahead = NULL;
  set->copies = 0;
}

static int set_rewind(struct iterator *op)
{
  struct set *set = (struct set *)op;
  set_stop(op);
  set->is_built = set->is_full = set->is_sorted = false;
  return op->left->rewind(op->left);
}

// How often the right side has the row, or how often still; NULL: never, and *hash is for adding it.
static struct value *find_count(struct set *set, const struct value *row, uint64_t *hash)
{
  const struct plan_node *node = set->op.node;
  int columns = node->set.column_count;
  *hash = values_hash(node->set.types, row, columns);
  uint32_t entry = row_table_first(&set->table, *hash);
  while (entry && !values_equal(node->set.types, set->table.entries[entry - 1].row, row, columns))
    entry = row_table_next(&set->table, entry);
  return entry ? &set->table.entries[entry - 1].row[columns] : NULL;
}

static int add_row(struct set *set, const struct value *row, uint64_t hash)
{
  int columns = set->op.node->set.column_count;
  struct value *kept = arena_alloc(&set->table.arena, sizeof *kept * (size_t)(columns + 1));
  if (!kept)
    return execution_memory(set->op.execution);
  for (int i = 0; i < columns; i++) {
    kept[i] = row[i];
    if (!kept[i].is_null && !value_copy(set->op.node->set.types[i], &kept[i], &set->table.arena))
      return execution_memory(set->op.execution);
  }
  kept[columns] = value_integer(1);
  return row_table_add(&set->table, hash, kept) ? 0 : execution_memory(set->op.execution);
}

static int sort_row(struct set *set, const struct value *row, int64_t left, int64_t right)
{
  int columns = set->op.node->set.column_count;
  memcpy(set->scratch, row, sizeof *row * (size_t)columns);
  set->scratch[columns + COUNT_LEFT] = value_integer(left);
  set->scratch[columns + COUNT_RIGHT] = value_integer(right);
  return sorter_add(&set->sorted, set->scratch);
}

// Adds a row to the table, or sorts it where that is full.
static int add_or_sort(struct set *set, const struct value *row, uint64_t hash, bool is_left)
{
  int status = set->is_full ? 1 : execution_table_overflows(set->op.execution, &set->table, 1, SORTED_PARTS);
  if (status < 0)
    return status;
  set->is_full = status == 1;
  return set->is_full ? sort_row(set, row, is_left, !is_left) : add_row(set, row, hash);
}

// Sorts what the table has, and all that comes of both sides.
static int sort_all(struct set *set)
{
  struct iterator *left = set->op.left, *right = set->op.right;
  int status = 0;
  for (uint32_t i = 0; i < set->table.count && !status; i++) {
    const struct value *row = set->table.entries[i].row;
    status = sort_row(set, row, 0, row[set->op.node->set.column_count].integer);
  }
  row_table_clear(&set->table);
  while (!status && (status = right->next(right)) == 1)
    status = sort_row(set, right->row, 0, 1);
  while (!status && (status = left->next(left)) == 1)
    status = sort_row(set, left->row, 1, 0);
  set->is_sorted = true;
  return status ? status : sorter_sort(&set->sorted);
}

static int build(struct set *set)
{
  struct iterator *right = set->op.right;
  struct execution *execution = set->op.execution;
  struct arena_mark mark = arena_mark(execution->evaluation.arena);
  int status = right->rewind(right);
  while (!status && !set->is_full && (status = right->next(right)) == 1) {
    uint64_t hash;
    struct value *count = find_count(set, right->row, &hash);
    status = 0;
    if (!count)
      status = add_or_sort(set, right->row, hash, false);
    else
      count->integer++;
  }
  if (!status && set->is_full)
    status = sort_all(set);
  execution_release(execution, mark);
  set->is_built = !status;
  return status;
}

// Does this row of the left side belong to the result?
static int weigh(struct set *set, const struct value *row, bool *belongs)
{
  const struct plan_node *node = set->op.node;
  uint64_t hash;
  struct value *count = find_count(set, row, &hash);
  bool was_there = count && count->integer > 0;
  *belongs = was_there == (node->set.kind == SET_INTERSECT);
  // INTERSECT uses up what it gave, of ALL one by one; EXCEPT ALL what it was told to leave out.
  if (was_there && node->set.is_all)
    count->integer--;
  else if (was_there && node->set.kind == SET_INTERSECT)
    count->integer = 0;
  if (count || node->set.kind != SET_EXCEPT || node->set.is_all)
    return 0;
  int status = add_or_sort(set, row, hash, true);
  *belongs = !set->is_full;
  return status;
}

static int64_t copies_of(const struct plan_node *node, int64_t left, int64_t right)
{
  if (node->set.kind == SET_INTERSECT)
    return !node->set.is_all ? left && right : left < right ? left : right;
  return !node->set.is_all ? left && !right : left > right ? left - right : 0;
}

// Counts the next rows of a kind. 0 or a status; without a current row there are none.
static int next_kind(struct set *set)
{
  const struct plan_node *node = set->op.node;
  int columns = node->set.column_count, status = 1;
  int64_t left = 0, right = 0;
  if (!set->ahead)
    status = sorter_next(&set->sorted, &set->ahead);
  arena_reset(&set->arena);
  set->current = NULL;
  if (status != 1)
    return status;
  set->current = values_keep(&set->arena, node->set.types, set->ahead, columns);
  if (!set->current)
    return execution_memory(set->op.execution);
  while (status == 1 && values_equal(node->set.types, set->current, set->ahead, columns)) {
    left += set->ahead[columns + COUNT_LEFT].integer;
    right += set->ahead[columns + COUNT_RIGHT].integer;
    status = sorter_next(&set->sorted, &set->ahead);
  }
  if (status == 0)
    set->ahead = NULL;
  set->copies = copies_of(node, left, right);
  return status < 0 ? status : 0;
}

static int next_sorted(struct set *set)
{
  int status = 0;
  while (!status && !set->copies && !(status = next_kind(set)) && set->current)
    ;
  if (status || !set->copies)
    return status;
  set->copies--;
  set->op.row = set->current;
  return 1;
}

static int set_next(struct iterator *op)
{
  struct set *set = (struct set *)op;
  int status = set->is_built ? 0 : build(set);
  while (!status && !set->is_sorted) {
    bool belongs = false;
    status = op->left->next(op->left);
    if (status == 0) {
      set->is_sorted = true;
      status = sorter_sort(&set->sorted);
    } else if (status == 1) {
      op->row = op->left->row;
      status = weigh(set, op->row, &belongs);
    }
    if (!status && belongs)
      return 1;
  }
  return status ? status : next_sorted(set);
}

static void set_close(struct iterator *op)
{
  struct set *set = (struct set *)op;
  row_table_deinit(&set->table);
  sorter_deinit(&set->sorted);
  arena_deinit(&set->arena);
}

// --- Opening -------------------------------------------------------------------------------------------

static bool append_open(struct iterator **op, struct execution *execution, const struct plan_node *node)
{
  struct append *append = ARENA_NEW(&execution->memory, struct append);
  if (!append)
    return false;
  append->op.rewind = append_rewind;
  append->op.next = append_next;
  *op = &append->op;
  for (int i = 0; i < node->append.arm_count; i++)
    if (!iterator_open(execution, node->append.arms[i]))
      return false;
  return true;
}

bool setop_open(struct iterator **op, struct execution *execution, const struct plan_node *node)
{
  if (node->kind == PLAN_APPEND)
    return append_open(op, execution, node);
  struct set *set = ARENA_NEW(&execution->memory, struct set);
  if (!set)
    return false;
  int columns = node->set.column_count;
  enum type_id *types = ARENA_ARRAY(&execution->memory, enum type_id, columns + COUNTS);
  set->scratch = ARENA_ARRAY(&execution->memory, struct value, columns + COUNTS);
  set->memory.parent = execution->account;
  row_table_init(&set->table, &set->memory);
  arena_init(&set->arena, execution->account);
  if (!types || !set->scratch || !row_order_init(&set->order, &execution->memory, types, columns))
    return false;
  memcpy(types, node->set.types, sizeof *types * (size_t)columns);
  types[columns + COUNT_LEFT] = types[columns + COUNT_RIGHT] = TYPE_INT8;
  sorter_init(&set->sorted, execution, &set->order, columns + COUNTS);
  sorter_divide(&set->sorted, SORTED_PARTS);
  set->op.rewind = set_rewind;
  set->op.next = set_next;
  set->op.stop = set_stop;
  set->op.close = set_close;
  *op = &set->op;
  return true;
}
