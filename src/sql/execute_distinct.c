// DISTINCT, hashed: the rows that come first of their kind, at once.
//
// When the rows that it has seen have used up their share of memory, no more of them are kept: others are put aside,
// sorted, and given behind them, each once.
#include "sql/iterator.h"
#include "sql/sorter.h"

enum { ASIDE_PARTS = 4 }; // of a node's share: one is for sorting what is put aside

struct distinct {
  struct iterator op;
  struct row_table table;
  struct memory_account memory; // of that
  struct sorter aside;          // rows that had no room
  struct row_order order;
  struct value *last;           // of them, the one that was given; NULL: none
  struct arena last_arena;
  bool is_full, is_over;
};

static void distinct_stop(struct iterator *op)
{
  struct distinct *distinct = (struct distinct *)op;
  row_table_clear(&distinct->table);
  sorter_clear(&distinct->aside);
  arena_reset(&distinct->last_arena);
  distinct->last = NULL;
}

static int distinct_rewind(struct iterator *op)
{
  struct distinct *distinct = (struct distinct *)op;
  distinct_stop(op);
  distinct->is_full = distinct->is_over = false;
  return op->left->rewind(op->left);
}

// Of the rows that were put aside, in order, each once.
static int next_aside(struct distinct *distinct)
{
  const struct plan_node *node = distinct->op.node;
  int count = node->distinct.column_count, status;
  struct value *row;
  while ((status = sorter_next(&distinct->aside, &row)) == 1)
    if (!distinct->last || !values_equal(node->distinct.types, row, distinct->last, count)) {
      arena_reset(&distinct->last_arena);
      distinct->op.row = distinct->last = values_keep(&distinct->last_arena, node->distinct.types, row, count);
      return distinct->last ? 1 : execution_memory(distinct->op.execution);
    }
  return status;
}

// A row that is not in the table: 1: it is given now.
static int keep_row(struct distinct *distinct, uint64_t hash)
{
  struct execution *execution = distinct->op.execution;
  const struct plan_node *node = distinct->op.node;
  struct value *row = distinct->op.left->row;
  int status = distinct->is_full ? 1 : execution_table_overflows(execution, &distinct->table, 1, ASIDE_PARTS);
  if (status == 1) {
    distinct->is_full = true;
    return sorter_add(&distinct->aside, row);
  }
  if (status)
    return status;
  struct value *kept = values_keep(&distinct->table.arena, node->distinct.types, row, node->distinct.column_count);
  if (!kept || !row_table_add(&distinct->table, hash, kept))
    return execution_memory(execution);
  distinct->op.row = row;
  return 1;
}

static int distinct_next(struct iterator *op)
{
  struct distinct *distinct = (struct distinct *)op;
  const enum type_id *types = op->node->distinct.types;
  int count = op->node->distinct.column_count, status = 0;
  while (!distinct->is_over && (status = op->left->next(op->left)) == 1) {
    uint64_t hash = values_hash(types, op->left->row, count);
    uint32_t entry = row_table_first(&distinct->table, hash);
    while (entry && !values_equal(types, distinct->table.entries[entry - 1].row, op->left->row, count))
      entry = row_table_next(&distinct->table, entry);
    status = entry ? 0 : keep_row(distinct, hash);
    if (status)
      return status;
  }
  if (!status && !distinct->is_over && distinct->is_full) {
    row_table_clear(&distinct->table);
    status = sorter_sort(&distinct->aside);
  }
  distinct->is_over = true;
  return status || !distinct->is_full ? status : next_aside(distinct);
}

static void distinct_close(struct iterator *op)
{
  struct distinct *distinct = (struct distinct *)op;
  row_table_deinit(&distinct->table);
  sorter_deinit(&distinct->aside);
  arena_deinit(&distinct->last_arena);
}

bool distinct_open(struct iterator **op, struct execution *execution, const struct plan_node *node)
{
  struct distinct *distinct = ARENA_NEW(&execution->memory, struct distinct);
  if (!distinct || !row_order_init(&distinct->order, &execution->memory, node->distinct.types,
                                   node->distinct.column_count))
    return false;
  distinct->memory.parent = execution->account;
  row_table_init(&distinct->table, &distinct->memory);
  sorter_init(&distinct->aside, execution, &distinct->order, node->distinct.column_count);
  sorter_divide(&distinct->aside, ASIDE_PARTS);
  arena_init(&distinct->last_arena, execution->account);
  distinct->op.rewind = distinct_rewind;
  distinct->op.next = distinct_next;
  distinct->op.stop = distinct_stop;
  distinct->op.close = distinct_close;
  *op = &distinct->op;
  return true;
}
