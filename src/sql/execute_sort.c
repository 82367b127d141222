// Targets, ORDER BY, LIMIT.
//
// Where a LIMIT stands above it, a sort keeps the first rows alone.
#include "sql/sorter.h"

struct project {
  struct iterator op;
};

struct sort {
  struct iterator op;
  struct sorter sorter;
  bool is_read;
};

struct last_row { // a copy of the row that was given last
  struct arena arena;
  struct value *row;
};

struct limit {
  struct iterator op;
  bool is_begun, is_bounded, is_over;
  int64_t left;
  struct last_row last; // with ties
};

struct unique {
  struct iterator op;
  struct last_row last;
};

// --- Targets -----------------------------------------------------------------------------------------------

static int rewind_left(struct iterator *op)
{
  return op->left->rewind(op->left);
}

static int project_next(struct iterator *op)
{
  int status = op->left->next(op->left);
  if (status != 1)
    return status;
  const struct expression *targets = op->node->project.targets;
  for (int i = 0; i < op->node->project.target_count; i++) {
    status = expression_get(op->execution, &targets[i], &op->row[i]);
    if (status)
      return status;
  }
  return 1;
}

// --- ORDER BY ------------------------------------------------------------------------------------------------

// How many of the first rows the LIMIT above wants: 0: all.
static int find_wanted(struct sort *sort, int *wanted)
{
  const struct plan_node *node = sort->op.node->sort.limit;
  *wanted = 0;
  if (!node)
    return 0;
  struct value count, offset = value_integer(0);
  int status = expression_get(sort->op.execution, node->limit.count, &count);
  if (!status && node->limit.offset)
    status = expression_get(sort->op.execution, node->limit.offset, &offset);
  if (status || count.is_null)
    return status;
  int64_t skipped = offset.is_null ? 0 : offset.integer;
  if (count.integer >= 0 && skipped >= 0 && count.integer < 1000000 && skipped < 1000000)
    *wanted = (int)(count.integer + skipped);
  return 0;
}

static int read_rows(struct sort *sort)
{
  struct iterator *op = &sort->op;
  struct execution *execution = op->execution;
  struct arena_mark mark = arena_mark(execution->evaluation.arena);
  int status = find_wanted(sort, &sort->sorter.wanted);
  while (!status && (status = op->left->next(op->left)) == 1)
    status = sorter_add(&sort->sorter, op->left->row);
  execution_release(execution, mark);
  sort->is_read = true;
  return status ? status : sorter_sort(&sort->sorter);
}

static int sort_next(struct iterator *op)
{
  struct sort *sort = (struct sort *)op;
  int status = sort->is_read ? 0 : read_rows(sort);
  return status ? status : sorter_next(&sort->sorter, &op->row);
}

static void sort_stop(struct iterator *op)
{
  sorter_clear(&((struct sort *)op)->sorter);
}

static int sort_rewind(struct iterator *op)
{
  sort_stop(op);
  ((struct sort *)op)->is_read = false;
  return op->left->rewind(op->left);
}

static void sort_close(struct iterator *op)
{
  sorter_deinit(&((struct sort *)op)->sorter);
}

// --- The row that was given last ---------------------------------------------------------------------------

static void last_row_clear(struct last_row *last)
{
  arena_reset(&last->arena);
  last->row = NULL;
}

static int last_row_set(struct last_row *last, struct iterator *op, const struct plan_node *order)
{
  last_row_clear(last);
  last->row = values_keep(&last->arena, order->sort.order.types, op->row, order->sort.column_count);
  return last->row ? 0 : execution_memory(op->execution);
}

// --- DISTINCT ON -------------------------------------------------------------------------------------------

static int unique_rewind(struct iterator *op)
{
  last_row_clear(&((struct unique *)op)->last);
  return op->left->rewind(op->left);
}

static int unique_next(struct iterator *op)
{
  struct unique *unique = (struct unique *)op;
  const struct plan_node *order = op->node->unique.order;
  int status;
  while ((status = op->left->next(op->left)) == 1) {
    if (unique->last.row && row_order_compare(&order->sort.order, op->left->row, unique->last.row) == 0)
      continue;
    op->row = op->left->row;
    status = last_row_set(&unique->last, op, order);
    return status ? status : 1;
  }
  return status;
}

static void unique_stop(struct iterator *op)
{
  last_row_clear(&((struct unique *)op)->last);
}

static void unique_close(struct iterator *op)
{
  arena_deinit(&((struct unique *)op)->last.arena);
}

static void limit_stop(struct iterator *op)
{
  last_row_clear(&((struct limit *)op)->last);
}

static void limit_close(struct iterator *op)
{
  arena_deinit(&((struct limit *)op)->last.arena);
}

static bool unique_open(struct iterator **op, struct execution *execution)
{
  struct unique *unique = ARENA_NEW(&execution->memory, struct unique);
  if (!unique)
    return false;
  arena_init(&unique->last.arena, execution->account);
  unique->op.rewind = unique_rewind;
  unique->op.next = unique_next;
  unique->op.stop = unique_stop;
  unique->op.close = unique_close;
  *op = &unique->op;
  return true;
}

// --- LIMIT -----------------------------------------------------------------------------------------------

static int limit_rewind(struct iterator *op)
{
  ((struct limit *)op)->is_begun = ((struct limit *)op)->is_over = false;
  last_row_clear(&((struct limit *)op)->last);
  return op->left->rewind(op->left);
}

static int limit_begin(struct limit *limit)
{
  struct execution *execution = limit->op.execution;
  const struct plan_node *node = limit->op.node;
  struct value count = value_null(), offset = value_null();
  int status = 0;
  if (node->limit.offset)
    status = expression_get(execution, node->limit.offset, &offset);
  if (!status && !offset.is_null && offset.integer < 0)
    status = error_set(execution->evaluation.error, SQLSTATE_INVALID_ROW_COUNT_IN_RESULT_OFFSET_CLAUSE,
                       "OFFSET must not be negative");
  if (!status && node->limit.count)
    status = expression_get(execution, node->limit.count, &count);
  if (!status && !count.is_null && count.integer < 0)
    status = error_set(execution->evaluation.error, SQLSTATE_INVALID_ROW_COUNT_IN_LIMIT_CLAUSE,
                       "LIMIT must not be negative");
  if (!status && node->limit.ties && count.is_null)
    status = error_set(execution->evaluation.error, SQLSTATE_INVALID_ROW_COUNT_IN_LIMIT_CLAUSE,
                       "row count cannot be null in FETCH FIRST ... WITH TIES clause");
  if (status)
    return status;
  limit->is_begun = true;
  limit->is_bounded = !count.is_null;
  limit->left = count.is_null ? 0 : count.integer;
  if (limit->is_bounded && limit->left == 0)
    return 0;
  for (int64_t i = 0; !offset.is_null && i < offset.integer; i++) {
    status = limit->op.left->next(limit->op.left);
    if (status < 0)
      return status;
    if (status == 0) {
      limit->is_bounded = true;
      limit->left = 0;
      return 0;
    }
  }
  return 0;
}

// Behind the last row that was wanted: rows that the order holds for equal to it.
static int limit_tie(struct limit *limit)
{
  struct iterator *op = &limit->op;
  if (limit->is_over || !limit->last.row)
    return 0;
  int status = op->left->next(op->left);
  limit->is_over = status == 0 || (status == 1 && row_order_compare(&op->node->limit.ties->sort.order, op->left->row, limit->last.row));
  op->row = op->left->row;
  return limit->is_over ? 0 : status;
}

static int limit_next(struct iterator *op)
{
  struct limit *limit = (struct limit *)op;
  int status = limit->is_begun ? 0 : limit_begin(limit);
  if (status)
    return status;
  if (limit->is_bounded && limit->left == 0)
    return op->node->limit.ties ? limit_tie(limit) : 0;
  status = op->left->next(op->left);
  if (status == 1) {
    limit->left--;
    op->row = op->left->row;
    if (op->node->limit.ties && limit->left == 0)
      status = last_row_set(&limit->last, op, op->node->limit.ties);
    status = status < 0 ? status : 1;
  } else if (status == 0) {
    limit->is_bounded = limit->is_over = true;
    limit->left = 0;
  }
  return status;
}

// --- Opening -----------------------------------------------------------------------------------------------

bool sort_open(struct iterator **op, struct execution *execution, const struct plan_node *node)
{
  if (node->kind == PLAN_PROJECT) {
    struct project *project = ARENA_NEW(&execution->memory, struct project);
    if (!project)
      return false;
    project->op.row = ARENA_ARRAY(&execution->memory, struct value, node->project.target_count + 1);
    project->op.rewind = rewind_left;
    project->op.next = project_next;
    *op = &project->op;
    return project->op.row != NULL;
  }
  if (node->kind == PLAN_UNIQUE)
    return unique_open(op, execution);
  if (node->kind == PLAN_LIMIT) {
    struct limit *limit = ARENA_NEW(&execution->memory, struct limit);
    if (!limit)
      return false;
    limit->op.rewind = limit_rewind;
    limit->op.next = limit_next;
    limit->op.stop = limit_stop;
    limit->op.close = limit_close;
    arena_init(&limit->last.arena, execution->account);
    *op = &limit->op;
    return true;
  }
  struct sort *sort = ARENA_NEW(&execution->memory, struct sort);
  if (!sort)
    return false;
  sorter_init(&sort->sorter, execution, &node->sort.order, node->sort.column_count);
  sort->op.rewind = sort_rewind;
  sort->op.next = sort_next;
  sort->op.stop = sort_stop;
  sort->op.close = sort_close;
  *op = &sort->op;
  return true;
}
