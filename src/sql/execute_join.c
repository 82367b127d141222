// Joins: nested loop, hash join, merge join, a correlated query's lookup, and rows kept to be read again.
//
// The left side drives. A left join whose left row finds nothing gives it once with the right side's ranges NULL. A
// full join then gives what is left of the right side. A hash join whose right side does not fit sorts both sides.
#include <string.h>

#include "sql/sorted_join.h"

struct loop {
  struct iterator op;
  bool has_left, found;
};

struct hash_join {
  struct iterator op;
  struct row_table table; // rows: the keys, then the slots
  struct memory_account memory; // of that
  struct sorted_join sorted;    // the same rows, when they are too many
  bool is_built, is_sorted, has_left, found;
  bool is_left_over;  // full: the left side is at its end
  uint32_t unmatched; // and of the right one this many rows have been looked at
  uint32_t entry;
  uint64_t hash;
  struct value *keys;
  enum type_id *types; // of the keys, then of the slots
  struct value *kept;  // scratch: keys and slots of one row
  enum type_id *left_types;
  struct value *left_kept;
};

struct lookup {
  struct iterator op;
  struct row_table table; // as a hash join's
  bool is_built;
  uint32_t entry;
  struct value *keys, *kept;
  enum type_id *types;
};

struct material {
  struct iterator op;
  struct spool rows;
  bool is_complete;
  uint64_t at;
  enum type_id *types;
  struct value *kept;
};

static void null_right(struct execution *execution, const struct plan_node *node)
{
  ranges_null(execution, node->join.null_ranges, node->join.null_count);
}

// --- Nested loop -----------------------------------------------------------------------------------------

static int loop_rewind(struct iterator *op)
{
  ((struct loop *)op)->has_left = false;
  if (op->right->node->kind == PLAN_MATERIAL) // what it kept may depend on rows around this query
    op->right->stop(op->right);
  return op->left->rewind(op->left);
}

static int loop_next(struct iterator *op)
{
  struct loop *loop = (struct loop *)op;
  for (;;) {
    if (!loop->has_left) {
      int status = op->left->next(op->left);
      if (status != 1)
        return status;
      status = op->right->rewind(op->right);
      if (status)
        return status;
      loop->has_left = true;
      loop->found = false;
    }
    int status = op->right->next(op->right);
    if (status < 0)
      return status;
    if (status == 0) {
      loop->has_left = false;
      if (loop->found || op->node->join.form != JOIN_FORM_LEFT)
        continue;
      null_right(op->execution, op->node);
      return 1;
    }
    bool holds;
    status = filters_hold(op->execution, op->node, &holds);
    if (status)
      return status;
    if (holds) {
      loop->found = true;
      return 1;
    }
  }
}

// --- Hash join -------------------------------------------------------------------------------------------

static int hash_rewind(struct iterator *op)
{
  struct hash_join *join = (struct hash_join *)op;
  join->is_built = join->is_sorted = join->has_left = join->is_left_over = false;
  join->unmatched = 0;
  op->is_marked = false;
  row_table_clear(&join->table);
  sorted_join_clear(&join->sorted);
  return 0;
}

static int get_keys(struct execution *execution, const struct expression *keys, int count, struct value *values,
                    bool *has_null)
{
  *has_null = false;
  for (int i = 0; i < count; i++) {
    int status = expression_get(execution, &keys[i], &values[i]);
    if (status)
      return status;
    *has_null |= values[i].is_null;
  }
  return 0;
}

// The input's next row that can be found: the keys, then the slots, then whether a full join has found it. 1 or 0.
static int take_row(struct iterator *op, struct iterator *input, struct value *kept)
{
  const struct plan_join *plan = &op->node->join;
  bool has_null = false;
  int status;
  while ((status = input->next(input)) == 1) {
    status = get_keys(op->execution, plan->right_keys, plan->key_count, kept, &has_null);
    if (status)
      return status;
    if (has_null && plan->form != JOIN_FORM_FULL)
      continue;
    slots_save(op->execution, op->node->slots, op->node->slot_count, kept + plan->key_count);
    kept[plan->key_count + op->node->slot_count] = value_boolean(false);
    return 1;
  }
  return status;
}

static int hash_row(struct iterator *op, struct row_table *table, const enum type_id *types, const struct value *kept)
{
  int key_count = op->node->join.key_count;
  struct value *row = values_keep(&table->arena, types, kept, key_count + op->node->slot_count + 1);
  bool is_kept = row && row_table_add(table, values_hash(types, row, key_count), row);
  return is_kept ? 0 : execution_memory(op->execution);
}

// What is hashed is sorted from now on. As execution_overflows says whether it has to be.
static int spill_table(struct hash_join *join)
{
  int status = execution_table_overflows(join->op.execution, &join->table, 1, SORTED_JOIN_PARTS);
  if (status != 1)
    return status;
  join->is_sorted = true;
  status = 0;
  for (uint32_t i = 0; i < join->table.count && !status; i++)
    status = sorted_join_right(&join->sorted, join->table.entries[i].row);
  row_table_clear(&join->table);
  return status;
}

static int sort_left(struct hash_join *join)
{
  struct iterator *op = &join->op, *left = op->left;
  const struct plan_join *plan = &op->node->join;
  int status = left->rewind(left);
  while (!status && (status = left->next(left)) == 1) {
    bool has_null;
    status = get_keys(op->execution, plan->left_keys, plan->key_count, join->left_kept, &has_null);
    slots_save(op->execution, plan->left_slots, plan->left_slot_count, join->left_kept + plan->key_count);
    if (!status && !(has_null && plan->form == JOIN_FORM_INNER))
      status = sorted_join_left(&join->sorted, join->left_kept);
  }
  return status;
}

static int build(struct hash_join *join)
{
  struct iterator *op = &join->op;
  struct arena_mark mark = arena_mark(op->execution->evaluation.arena);
  int status = op->right->rewind(op->right);
  while (!status && (status = take_row(op, op->right, join->kept)) == 1) {
    status = join->is_sorted ? 0 : spill_table(join);
    if (!status)
      status = join->is_sorted ? sorted_join_right(&join->sorted, join->kept)
                               : hash_row(op, &join->table, join->types, join->kept);
  }
  execution_release(op->execution, mark);
  join->is_built = true;
  if (status || !join->is_sorted)
    return status ? status : op->left->rewind(op->left);
  status = sort_left(join);
  execution_release(op->execution, mark);
  return status ? status : sorted_join_begin(&join->sorted);
}

static int hash_left(struct hash_join *join)
{
  struct iterator *op = &join->op;
  const struct plan_join *plan = &op->node->join;
  bool has_null;
  int status = op->left->next(op->left);
  if (status != 1)
    return status;
  status = get_keys(op->execution, plan->left_keys, plan->key_count, join->keys, &has_null);
  if (status)
    return status;
  join->has_left = true;
  join->found = false;
  join->entry = has_null ? 0 : row_table_first(&join->table, values_hash(join->types, join->keys, plan->key_count));
  return 1;
}

// A full join's rows of the right side that no row of the left one has found.
static int next_unmatched(struct hash_join *join)
{
  struct iterator *op = &join->op;
  const struct plan_join *plan = &op->node->join;
  join->is_left_over = true;
  while (join->unmatched < join->table.count) {
    const struct value *row = join->table.entries[join->unmatched++].row;
    int status = execution_visit(op->execution);
    if (status)
      return status;
    if (row[plan->key_count + op->node->slot_count].integer)
      continue;
    ranges_null(op->execution, plan->left_ranges, plan->left_count);
    slots_restore(op->execution, op->node->slots, op->node->slot_count, row + plan->key_count);
    return 1;
  }
  return 0;
}

static int hash_next(struct iterator *op)
{
  struct hash_join *join = (struct hash_join *)op;
  struct execution *execution = op->execution;
  int key_count = op->node->join.key_count;
  int status = join->is_built ? 0 : build(join);
  if (status || join->is_sorted)
    return status ? status : sorted_join_next(&join->sorted);
  for (;;) {
    if (join->is_left_over || (!join->has_left && (status = hash_left(join)) != 1))
      return status < 0 || op->node->join.form != JOIN_FORM_FULL ? status : next_unmatched(join);
    while (join->entry) {
      struct value *row = join->table.entries[join->entry - 1].row;
      join->entry = row_table_next(&join->table, join->entry);
      if (!values_equal(join->types, row, join->keys, key_count))
        continue;
      slots_restore(execution, op->node->slots, op->node->slot_count, row + key_count);
      bool holds;
      status = execution_visit(execution);
      if (!status)
        status = filters_hold(execution, op->node, &holds);
      if (status)
        return status;
      if (holds) {
        join->found = true;
        row[key_count + op->node->slot_count].integer = 1;
        return 1;
      }
    }
    join->has_left = false;
    if (!join->found && op->node->join.form != JOIN_FORM_INNER) {
      null_right(execution, op->node);
      return 1;
    }
  }
}

static void hash_stop(struct iterator *op)
{
  struct hash_join *join = (struct hash_join *)op;
  row_table_clear(&join->table);
  sorted_join_clear(&join->sorted);
}

static void hash_close(struct iterator *op)
{
  struct hash_join *join = (struct hash_join *)op;
  row_table_deinit(&join->table);
  sorted_join_deinit(&join->sorted);
}

// --- Merge join ------------------------------------------------------------------------------------------

struct merge_join {
  struct iterator op;
  struct sorted_join sides;
};

static int merge_join_rewind(struct iterator *op)
{
  struct merge_join *join = (struct merge_join *)op;
  sorted_join_clear(&join->sides);
  op->is_marked = false;
  return sorted_join_merge(&join->sides);
}

static int merge_join_next(struct iterator *op)
{
  return sorted_join_next(&((struct merge_join *)op)->sides);
}

static void merge_join_stop(struct iterator *op)
{
  sorted_join_clear(&((struct merge_join *)op)->sides);
}

static void merge_join_close(struct iterator *op)
{
  sorted_join_deinit(&((struct merge_join *)op)->sides);
}

// --- Lookup ----------------------------------------------------------------------------------------------

static int hash_all(struct lookup *lookup)
{
  struct iterator *op = &lookup->op;
  struct arena_mark mark = arena_mark(op->execution->evaluation.arena);
  int status = op->left->rewind(op->left);
  while (!status && (status = take_row(op, op->left, lookup->kept)) == 1)
    status = hash_row(op, &lookup->table, lookup->types, lookup->kept);
  execution_release(op->execution, mark);
  return status;
}

static int lookup_rewind(struct iterator *op)
{
  struct lookup *lookup = (struct lookup *)op;
  const struct plan_join *plan = &op->node->join;
  bool has_null;
  int status = lookup->is_built ? 0 : hash_all(lookup);
  lookup->is_built = !status;
  if (!status)
    status = get_keys(op->execution, plan->left_keys, plan->key_count, lookup->keys, &has_null);
  if (!status)
    lookup->entry =
        has_null ? 0 : row_table_first(&lookup->table, values_hash(lookup->types, lookup->keys, plan->key_count));
  return status;
}

static int lookup_next(struct iterator *op)
{
  struct lookup *lookup = (struct lookup *)op;
  int key_count = op->node->join.key_count;
  while (lookup->entry) {
    const struct value *row = lookup->table.entries[lookup->entry - 1].row;
    bool holds = false;
    lookup->entry = row_table_next(&lookup->table, lookup->entry);
    if (!values_equal(lookup->types, row, lookup->keys, key_count))
      continue;
    slots_restore(op->execution, op->node->slots, op->node->slot_count, row + key_count);
    int status = execution_visit(op->execution);
    if (!status)
      status = filters_hold(op->execution, op->node, &holds);
    if (status || holds)
      return status ? status : 1;
  }
  return 0;
}

static void lookup_stop(struct iterator *op)
{
  struct lookup *lookup = (struct lookup *)op;
  lookup->is_built = false;
  lookup->entry = 0;
  row_table_clear(&lookup->table);
}

static void lookup_close(struct iterator *op)
{
  row_table_deinit(&((struct lookup *)op)->table);
}

// --- Material --------------------------------------------------------------------------------------------

static int material_rewind(struct iterator *op)
{
  struct material *material = (struct material *)op;
  material->at = 0;
  return 0;
}

static int material_fill(struct material *material)
{
  struct iterator *op = &material->op;
  struct execution *execution = op->execution;
  struct arena_mark mark = arena_mark(execution->evaluation.arena);
  int status = op->left->rewind(op->left);
  while (!status && (status = op->left->next(op->left)) == 1) {
    slots_save(execution, op->node->slots, op->node->slot_count, material->kept);
    status = spool_add(&material->rows, material->kept);
  }
  execution_release(execution, mark);
  material->is_complete = !status;
  return status;
}

static int material_next(struct iterator *op)
{
  struct material *material = (struct material *)op;
  const struct value *row;
  int status = material->is_complete ? 0 : material_fill(material);
  if (status || material->at == material->rows.count)
    return status;
  status = execution_visit(op->execution);
  if (!status)
    status = spool_row(&material->rows, material->at++, &row);
  if (status)
    return status;
  slots_restore(op->execution, op->node->slots, op->node->slot_count, row);
  return 1;
}

static void material_stop(struct iterator *op)
{
  struct material *material = (struct material *)op;
  material->is_complete = false;
  spool_clear(&material->rows);
}

static void material_close(struct iterator *op)
{
  spool_deinit(&((struct material *)op)->rows);
}

// --- Opening ---------------------------------------------------------------------------------------------

static enum type_id *row_types(struct execution *execution, const struct plan_node *node, const struct slot *slots,
                               int count)
{
  int keys = node->kind == PLAN_MATERIAL ? 0 : node->join.key_count;
  enum type_id *types = ARENA_ARRAY(&execution->memory, enum type_id, keys + count + 1);
  if (types)
    types[keys + count] = TYPE_BOOLEAN;
  for (int i = 0; types && i < keys; i++)
    types[i] = node->join.left_keys[i].type;
  for (int i = 0; types && i < count; i++)
    types[keys + i] = slots[i].type;
  return types;
}

static enum type_id *kept_types(struct execution *execution, const struct plan_node *node)
{
  return row_types(execution, node, node->slots, node->slot_count);
}

static bool hash_open(struct iterator **op, struct execution *execution, const struct plan_node *node)
{
  struct hash_join *join = ARENA_NEW(&execution->memory, struct hash_join);
  if (!join)
    return false;
  const struct plan_join *plan = &node->join;
  join->memory.parent = execution->account;
  row_table_init(&join->table, &join->memory);
  join->op.rewind = hash_rewind;
  join->op.next = hash_next;
  join->op.stop = hash_stop;
  join->op.close = hash_close;
  *op = &join->op;
  join->types = kept_types(execution, node);
  join->left_types = row_types(execution, node, plan->left_slots, plan->left_slot_count);
  join->keys = ARENA_ARRAY(&execution->memory, struct value, plan->key_count + 1);
  join->kept = ARENA_ARRAY(&execution->memory, struct value, plan->key_count + node->slot_count + 1);
  join->left_kept = ARENA_ARRAY(&execution->memory, struct value, plan->key_count + plan->left_slot_count + 1);
  return join->types && join->left_types && join->keys && join->kept && join->left_kept &&
         sorted_join_init(&join->sorted, &join->op, execution, node, join->left_types, join->types);
}

static bool merge_join_open(struct iterator **op, struct execution *execution, const struct plan_node *node)
{
  const struct plan_join *plan = &node->join;
  struct merge_join *join = ARENA_NEW(&execution->memory, struct merge_join);
  const enum type_id *types = kept_types(execution, node);
  const enum type_id *left_types = row_types(execution, node, plan->left_slots, plan->left_slot_count);
  if (!join || !types || !left_types)
    return false;
  join->op.rewind = merge_join_rewind;
  join->op.next = merge_join_next;
  join->op.stop = merge_join_stop;
  join->op.close = merge_join_close;
  *op = &join->op;
  return sorted_join_init(&join->sides, &join->op, execution, node, left_types, types);
}

static bool material_open(struct iterator **op, struct execution *execution, const struct plan_node *node)
{
  struct material *material = ARENA_NEW(&execution->memory, struct material);
  if (!material)
    return false;
  material->op.rewind = material_rewind;
  material->op.next = material_next;
  material->op.stop = material_stop;
  material->op.close = material_close;
  *op = &material->op;
  material->types = kept_types(execution, node);
  spool_init(&material->rows, execution, material->types, node->slot_count);
  material->kept = ARENA_ARRAY(&execution->memory, struct value, node->slot_count + 1);
  return material->types && material->kept;
}

static bool lookup_open(struct iterator **op, struct execution *execution, const struct plan_node *node)
{
  struct lookup *lookup = ARENA_NEW(&execution->memory, struct lookup);
  if (!lookup)
    return false;
  row_table_init(&lookup->table, execution->account);
  lookup->op.rewind = lookup_rewind;
  lookup->op.next = lookup_next;
  lookup->op.stop = lookup_stop;
  lookup->op.close = lookup_close;
  *op = &lookup->op;
  lookup->types = kept_types(execution, node);
  lookup->keys = ARENA_ARRAY(&execution->memory, struct value, node->join.key_count + 1);
  lookup->kept = ARENA_ARRAY(&execution->memory, struct value, node->join.key_count + node->slot_count + 1);
  return lookup->types && lookup->keys && lookup->kept;
}

bool join_open(struct iterator **op, struct execution *execution, const struct plan_node *node)
{
  if (node->kind == PLAN_HASH_JOIN)
    return hash_open(op, execution, node);
  if (node->kind == PLAN_MERGE_JOIN)
    return merge_join_open(op, execution, node);
  if (node->kind == PLAN_MATERIAL)
    return material_open(op, execution, node);
  if (node->kind == PLAN_LOOKUP)
    return lookup_open(op, execution, node);
  struct loop *loop = ARENA_NEW(&execution->memory, struct loop);
  if (!loop)
    return false;
  loop->op.rewind = loop_rewind;
  loop->op.next = loop_next;
  *op = &loop->op;
  return true;
}
