// UNION, INTERSECT, EXCEPT: rows of several arms one after another, and of two sides against each other.
//
// INTERSECT and EXCEPT hash the right side, with a count of each row, and let the rows of the left one go past it: so
// these come in their own order. What the left side gives once more is known by its entry in the same table.
#include "sql/iterator.h"

struct append {
  struct iterator op;
  int at;
  bool is_begun; // the arm at hand
};

struct set {
  struct iterator op;
  struct row_table table; // rows with a count behind the columns
  bool is_built;
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

static int set_rewind(struct iterator *op)
{
  struct set *set = (struct set *)op;
  row_table_clear(&set->table);
  set->is_built = false;
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

static int build(struct set *set)
{
  struct iterator *right = set->op.right;
  struct execution *execution = set->op.execution;
  struct arena_mark mark = arena_mark(execution->evaluation.arena);
  int status = right->rewind(right);
  while (!status && (status = right->next(right)) == 1) {
    uint64_t hash;
    struct value *count = find_count(set, right->row, &hash);
    status = 0;
    if (!count)
      status = add_row(set, right->row, hash);
    else
      count->integer++;
  }
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
  return !count && node->set.kind == SET_EXCEPT && !node->set.is_all ? add_row(set, row, hash) : 0;
}

static int set_next(struct iterator *op)
{
  struct set *set = (struct set *)op;
  int status = set->is_built ? 0 : build(set);
  while (!status && (status = op->left->next(op->left)) == 1) {
    bool belongs;
    status = weigh(set, op->left->row, &belongs);
    op->row = op->left->row;
    if (!status && belongs)
      return 1;
  }
  return status;
}

static void set_stop(struct iterator *op)
{
  row_table_clear(&((struct set *)op)->table);
}

static void set_close(struct iterator *op)
{
  row_table_deinit(&((struct set *)op)->table);
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
  row_table_init(&set->table, execution->account);
  set->op.rewind = set_rewind;
  set->op.next = set_next;
  set->op.stop = set_stop;
  set->op.close = set_close;
  *op = &set->op;
  return true;
}
