// What yields rows and is not a table: VALUES, functions, system tables, a run's own rows, queries in FROM; and the
// conditions that stand by themselves.
#include <string.h>

#include "data/numeric.h"
#include "data/record.h"
#include "expr/moment.h"
#include "sql/iterator.h"

struct counted {
  struct iterator op;
  int64_t at;
};

struct series {
  struct iterator op;
  bool is_begun, is_over, is_numeric, is_moment;
  int64_t number;         // of the row, for WITH ORDINALITY
  int64_t at, last, step; // step: of timestamps only its sign
  struct zone zone;       // of timestamps: their days are its days
  struct interval interval;
  struct arena arenas[2]; // numeric: the current value, and the one before
  int turn;
  struct value current, end, by;
};

struct set_run {
  struct iterator op;
  struct arena arena; // of the arguments
  struct value arguments[FUNCTION_ARGUMENTS];
  enum type_id types[FUNCTION_ARGUMENTS];
  struct set_call call;
  int64_t number; // of the row
  bool is_begun, is_over;
};

struct computed {
  struct iterator op;
  struct arena arena;
  struct row_sink sink;
  bool is_filled;
  int at;
};

static int at_first_rewind(struct iterator *op)
{
  ((struct counted *)op)->at = 0;
  op->is_marked = false;
  return op->left ? op->left->rewind(op->left) : 0;
}

static int row_next(struct iterator *op)
{
  return ((struct counted *)op)->at++ == 0;
}

static int gate_next(struct iterator *op)
{
  struct counted *counted = (struct counted *)op;
  if (counted->at == 0) {
    bool holds;
    int status = filters_hold(op->execution, op->node, &holds);
    if (status)
      return status;
    counted->at = holds ? 1 : -1;
  }
  return counted->at > 0 ? op->left->next(op->left) : 0;
}

static int filter_next(struct iterator *op)
{
  for (;;) {
    bool holds;
    int status = op->left->next(op->left);
    if (status != 1)
      return status;
    status = filters_hold(op->execution, op->node, &holds);
    if (status || holds)
      return status ? status : 1;
  }
}

// A row stands in the range: 1 if it is one to give, 0 if it is to be skipped.
static int test_row(struct iterator *op)
{
  bool holds;
  int status = execution_visit(op->execution);
  if (!status)
    status = filters_hold(op->execution, op->node, &holds);
  return status ? status : holds;
}

static int values_next(struct iterator *op)
{
  struct counted *counted = (struct counted *)op;
  const struct plan_node *node = op->node;
  iterator_begin_row(op);
  while (counted->at < node->values.row_count) {
    const struct expression *expressions = node->values.rows[counted->at++];
    struct value *into = op->execution->ranges[node->values.range];
    int status = 0;
    for (int i = 0; !status && i < node->values.column_count; i++)
      status = expression_get(op->execution, &expressions[i], &into[i]);
    if (!status)
      status = test_row(op);
    if (status)
      return status;
    execution_release(op->execution, op->mark);
  }
  return 0;
}

static int source_next(struct iterator *op)
{
  struct counted *counted = (struct counted *)op;
  const struct row_batch *batch = op->execution->input.source;
  int range = op->node->from.range;
  int columns = op->execution->plan->statement->ranges[range].column_count;
  iterator_begin_row(op);
  while (batch && counted->at < batch->row_count) {
    memcpy(op->execution->ranges[range], batch->rows[counted->at++], sizeof(struct value) * (size_t)columns);
    int status = test_row(op);
    if (status)
      return status;
    execution_release(op->execution, op->mark);
  }
  return 0;
}

static int subquery_next(struct iterator *op)
{
  int range = op->node->from.range;
  int columns = op->execution->plan->statement->ranges[range].column_count;
  for (;;) {
    int status = op->left->next(op->left);
    if (status != 1)
      return status;
    memcpy(op->execution->ranges[range], op->left->row, sizeof(struct value) * (size_t)columns);
    bool holds;
    status = filters_hold(op->execution, op->node, &holds);
    if (status || holds)
      return status ? status : 1;
  }
}

// --- System tables ---------------------------------------------------------------------------------------

static int system_rewind(struct iterator *op)
{
  ((struct computed *)op)->at = 0;
  op->is_marked = false;
  return 0;
}

static int system_next(struct iterator *op)
{
  struct computed *computed = (struct computed *)op;
  struct execution *execution = op->execution;
  int range = op->node->from.range;
  const struct system_table *table = execution->plan->statement->ranges[range].system;
  if (!computed->is_filled) {
    struct error *error = execution->evaluation.error;
    if (!execution->input.system)
      return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "\"%s\" cannot be read here", table->name);
    computed->sink = (struct row_sink){.arena = &computed->arena, .column_count = table->column_count};
    int status = table->rows(table, execution->input.system, &computed->sink, error);
    if (status)
      return status;
    computed->is_filled = true;
  }
  iterator_begin_row(op);
  while (computed->at < computed->sink.row_count) {
    memcpy(execution->ranges[range], computed->sink.rows[computed->at++],
           sizeof(struct value) * (size_t)table->column_count);
    int status = test_row(op);
    if (status)
      return status;
    execution_release(execution, op->mark);
  }
  return 0;
}

static void system_stop(struct iterator *op)
{
  struct computed *computed = (struct computed *)op;
  computed->is_filled = false;
  arena_reset(&computed->arena);
}

static void system_close(struct iterator *op)
{
  arena_deinit(&((struct computed *)op)->arena);
}

// --- generate_series ---------------------------------------------------------------------------------------

static int series_rewind(struct iterator *op)
{
  struct series *series = (struct series *)op;
  series->is_begun = series->is_over = false;
  series->number = 0;
  op->is_marked = false;
  return 0;
}

static int series_begin(struct series *series)
{
  struct execution *execution = series->op.execution;
  const struct plan_node *node = series->op.node;
  struct error *error = execution->evaluation.error;
  struct value arguments[3] = {0};
  arguments[2] = value_integer(1);
  enum type_id type = node->function.argument_count ? node->function.arguments[0].type : TYPE_INT4;
  series->is_numeric = type == TYPE_NUMERIC;
  series->is_moment = type == TYPE_TIMESTAMP || type == TYPE_TIMESTAMPTZ;
  if (series->is_numeric && numeric_from_int64(1, &series->arenas[0], &arguments[2], error))
    return error->status;
  for (int i = 0; i < node->function.argument_count && i < 3; i++) {
    int status = expression_get(execution, &node->function.arguments[i], &arguments[i]);
    if (status)
      return status;
    series->is_over |= arguments[i].is_null;
  }
  series->is_begun = true;
  if (series->is_over)
    return 0;
  if (series->is_moment) {
    series->interval = interval_of(&arguments[2]);
    series->zone = type == TYPE_TIMESTAMPTZ ? moment_zone(&execution->evaluation) : zone_fixed(0);
    __int128 span = interval_span(&series->interval);
    arguments[2] = value_integer((span > 0) - (span < 0));
  }
  int64_t sign = series->is_numeric ? numeric_sign(&arguments[2]) : arguments[2].integer;
  if (sign == 0)
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "step size cannot equal zero");
  if (!series->is_numeric) {
    series->at = arguments[0].integer;
    series->last = arguments[1].integer;
    series->step = arguments[2].integer;
    return 0;
  }
  // Arguments may lie in the row arena, which is used again: keep them.
  series->current = arguments[0];
  series->end = arguments[1];
  series->by = arguments[2];
  series->turn = 1;
  bool kept = value_copy(TYPE_NUMERIC, &series->current, &series->arenas[1]) &&
              value_copy(TYPE_NUMERIC, &series->end, &series->arenas[0]) &&
              value_copy(TYPE_NUMERIC, &series->by, &series->arenas[0]);
  return kept ? 0 : error_memory(error);
}

static int series_step(struct series *series, struct value *value)
{
  struct error *error = series->op.execution->evaluation.error;
  if (!series->is_numeric) {
    if (series->step > 0 ? series->at > series->last : series->at < series->last) {
      series->is_over = true;
      return 0;
    }
    *value = value_integer(series->at);
    if (series->is_moment)
      return moment_add(&series->op.execution->evaluation, series->zone, series->at, &series->interval, &series->at);
    series->is_over = __builtin_add_overflow(series->at, series->step, &series->at);
    return 0;
  }
  int order = numeric_compare(&series->current, &series->end);
  if (numeric_sign(&series->by) < 0 ? order < 0 : order > 0) {
    series->is_over = true;
    return 0;
  }
  *value = series->current;
  if (!value_copy(TYPE_NUMERIC, value, series->op.execution->evaluation.arena))
    return error_memory(error);
  struct arena scratch;
  arena_init(&scratch, series->op.execution->account);
  struct value next;
  int status = numeric_add(&series->current, &series->by, &scratch, &next, error);
  arena_reset(&series->arenas[1]);
  series->current = next;
  if (!status && !value_copy(TYPE_NUMERIC, &series->current, &series->arenas[1]))
    status = error_memory(error);
  arena_deinit(&scratch);
  return status;
}

static int series_next(struct iterator *op)
{
  struct series *series = (struct series *)op;
  iterator_begin_row(op);
  int status = series->is_begun ? 0 : series_begin(series);
  bool was_over = series->is_over;
  while (!status && !was_over) {
    struct value value = value_null();
    status = series_step(series, &value);
    was_over = series->is_over;
    if (status || value.is_null)
      break;
    struct value *row = op->execution->ranges[op->node->function.range];
    row[0] = value;
    if (op->execution->plan->statement->ranges[op->node->function.range].has_ordinality)
      row[1] = value_integer(++series->number);
    status = test_row(op);
    if (status)
      return status;
    execution_release(op->execution, op->mark);
  }
  return status;
}

static void series_stop(struct iterator *op)
{
  struct series *series = (struct series *)op;
  arena_reset(&series->arenas[0]);
  arena_reset(&series->arenas[1]);
}

static void series_close(struct iterator *op)
{
  struct series *series = (struct series *)op;
  arena_deinit(&series->arenas[0]);
  arena_deinit(&series->arenas[1]);
}

// --- Other functions that give rows ------------------------------------------------------------------------

static int set_rewind(struct iterator *op)
{
  struct set_run *run = (struct set_run *)op;
  run->is_begun = run->is_over = false;
  op->is_marked = false;
  return 0;
}

// The arguments may lie in the row arena, which is used again: they are kept.
static int set_prepare(struct set_run *run)
{
  struct execution *execution = run->op.execution;
  const struct plan_node *node = run->op.node;
  struct value prepared;
  if (!node->function.set->prepare || run->is_over)
    return 0;
  int status = node->function.set->prepare(&execution->evaluation, run->arguments, node->function.argument_count,
                                           &prepared);
  if (status)
    return status;
  run->arguments[0] = prepared;
  return value_copy(run->types[0], &run->arguments[0], &run->arena) ? 0 : execution_memory(execution);
}

static int set_begin(struct set_run *run)
{
  struct execution *execution = run->op.execution;
  const struct plan_node *node = run->op.node;
  arena_reset(&run->arena);
  run->call.position = run->number = 0;
  memset(run->call.places, 0, sizeof run->call.places);
  run->is_begun = true;
  for (int i = 0; i < node->function.argument_count; i++) {
    int status = expression_get(execution, &node->function.arguments[i], &run->arguments[i]);
    if (status)
      return status;
    run->is_over |= run->arguments[i].is_null && !node->function.set->called_on_null;
    run->types[i] = node->function.arguments[i].type;
    if (!value_copy(run->types[i], &run->arguments[i], &run->arena))
      return execution_memory(execution);
  }
  return set_prepare(run);
}

static void expand_row(const struct value *given, struct value *row, int count)
{
  struct value record = *given;
  struct record_walk walk = {.record = &record};
  struct record_column column;
  for (int i = 0; i < count; i++)
    row[i] = !record.is_null && record_next(&walk, &column) ? column.value : value_null();
}

static int set_next(struct iterator *op)
{
  struct set_run *run = (struct set_run *)op;
  const struct plan_node *node = op->node;
  struct value *row = op->execution->ranges[node->function.range];
  const struct range *range = &op->execution->plan->statement->ranges[node->function.range];
  iterator_begin_row(op);
  int status = run->is_begun ? 0 : set_begin(run);
  while (!status && !run->is_over) {
    op->execution->evaluation.types = range->types;
    status = node->function.set->next(&op->execution->evaluation, &run->call, row);
    run->is_over = status == 0;
    if (status != 1)
      break;
    if (range->expands)
      expand_row(&row[0], row, range->column_count - range->has_ordinality);
    if (range->has_ordinality)
      row[range->column_count - 1] = value_integer(++run->number);
    status = test_row(op);
    if (status)
      return status;
    execution_release(op->execution, op->mark);
  }
  return status;
}

static void set_stop(struct iterator *op)
{
  arena_reset(&((struct set_run *)op)->arena);
}

static void set_close(struct iterator *op)
{
  arena_deinit(&((struct set_run *)op)->arena);
}

// --- Opening -------------------------------------------------------------------------------------------------

static bool open_series(struct iterator **op, struct execution *execution)
{
  struct series *series = ARENA_NEW(&execution->memory, struct series);
  if (!series)
    return false;
  arena_init(&series->arenas[0], execution->account);
  arena_init(&series->arenas[1], execution->account);
  series->op.rewind = series_rewind;
  series->op.next = series_next;
  series->op.stop = series_stop;
  series->op.close = series_close;
  *op = &series->op;
  return true;
}

static bool open_set(struct iterator **op, struct execution *execution, const struct plan_node *node)
{
  const struct range *range = &execution->plan->statement->ranges[node->function.range];
  struct set_run *run = ARENA_NEW(&execution->memory, struct set_run);
  const char **names = ARENA_ARRAY(&execution->memory, const char *, range->column_count + 1);
  struct type *types = ARENA_ARRAY(&execution->memory, struct type, range->column_count + 1);
  if (!run || !names || !types)
    return false;
  for (int i = 0; i < range->column_count; i++) {
    names[i] = range->columns[i].name;
    types[i] = range->columns[i].type;
  }
  run->call = (struct set_call){
      .arguments = run->arguments,
      .argument_types = run->types,
      .argument_count = node->function.argument_count,
      .column_count = range->column_count,
      .names = names,
      .types = types};
  arena_init(&run->arena, execution->account);
  run->op.rewind = set_rewind;
  run->op.next = set_next;
  run->op.stop = set_stop;
  run->op.close = set_close;
  *op = &run->op;
  return true;
}

static bool open_system(struct iterator **op, struct execution *execution)
{
  struct computed *computed = ARENA_NEW(&execution->memory, struct computed);
  if (!computed)
    return false;
  arena_init(&computed->arena, execution->account);
  computed->op.rewind = system_rewind;
  computed->op.next = system_next;
  computed->op.stop = system_stop;
  computed->op.close = system_close;
  *op = &computed->op;
  return true;
}

bool range_open(struct iterator **op, struct execution *execution, const struct plan_node *node)
{
  static int (*const nexts[])(struct iterator *) = {
      [PLAN_ROW] = row_next,       [PLAN_GATE] = gate_next,     [PLAN_FILTER] = filter_next,
      [PLAN_SOURCE] = source_next, [PLAN_VALUES] = values_next, [PLAN_SUBQUERY] = subquery_next,
  };
  if (node->kind == PLAN_FUNCTION)
    return node->function.set ? open_set(op, execution, node) : open_series(op, execution);
  if (node->kind == PLAN_SYSTEM)
    return open_system(op, execution);
  struct counted *counted = ARENA_NEW(&execution->memory, struct counted);
  if (!counted)
    return false;
  counted->op.rewind = at_first_rewind;
  counted->op.next = nexts[node->kind];
  *op = &counted->op;
  return true;
}
