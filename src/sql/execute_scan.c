// Scans of tables: whole, by spans of keys, by indexes, forwards and backwards.
//
// 1. A scan visits its spans in key order (backwards: in reverse), each row once: spans do not overlap.
// 2. Rows are tested as early as possible: integer comparisons on the encoded row, then the filter over the columns
//    that it reads; the other used columns are decoded for rows that pass.
#include <stdlib.h>
#include <string.h>

#include "data/array.h"
#include "sql/iterator.h"

struct span {
  uint32_t from, from_size, to, to_size; // in keys; to_size 0: no end
};

struct scan {
  struct iterator op;
  struct cursor cursor;
  bool has_cursor;
  struct buffer keys, scratch;
  struct span *spans;
  int span_count, span_capacity;
  int at; // next span
  bool in_span;
  struct value *members; // of the array that a part must be in, while spans are made
  uint32_t member_count;
  struct value *bounds; // of the quick tests
  bool is_empty;        // a bound is NULL or out of reach
  bool is_index_only;   // a transaction that claims what it shows goes to the rows all the same
};

static enum type_id part_type(const struct plan_scan *scan, const struct key_part *part)
{
  return scan->relation->schema.columns[part->column].type.id;
}

static void integer_limits(enum type_id type, int64_t *low, int64_t *high)
{
  *low = type == TYPE_INT2 ? INT16_MIN : type == TYPE_INT4 ? INT32_MIN : INT64_MIN;
  *high = type == TYPE_INT2 ? INT16_MAX : type == TYPE_INT4 ? INT32_MAX : INT64_MAX;
}

// Appends a value that the part must equal. *none: no row can have it.
static int append_equal(struct execution *execution, const struct plan_scan *scan, const struct key_part *part,
                        const struct value *value, struct buffer *key, bool *none)
{
  enum type_id type = part_type(scan, part);
  int64_t low, high;
  integer_limits(type, &low, &high);
  if (!value->is_null && (type == TYPE_INT2 || type == TYPE_INT4) && (value->integer < low || value->integer > high)) {
    *none = true;
    return 0;
  }
  size_t size = key->size;
  int status = key_append(type, part, value, key, execution->evaluation.error);
  if (status == STATUS_LIMIT && !key->failed) { // longer than any key
    key->size = size;
    *none = true;
    return 0;
  }
  return status;
}

int scan_point_key(struct execution *execution, const struct plan_scan *scan, struct buffer *key, bool *none)
{
  *none = false;
  for (int i = 0; i < scan->equal_count; i++) {
    struct value value = value_null();
    const struct key_condition *condition = &scan->equals[i];
    int status = condition->is_null ? 0 : expression_get(execution, &condition->values[0], &value);
    if (status)
      return status;
    if (value.is_null) { // a part of a primary key is never NULL
      *none = true;
      return 0;
    }
    status = append_equal(execution, scan, &scan->parts[i], &value, key, none);
    if (status || *none)
      return status;
  }
  return 0;
}

// --- Spans ---------------------------------------------------------------------------------------------

// A bound of a range on the part behind the equal ones, evaluated.
struct bound {
  bool is_there, is_strict;
  struct value value;
};

static int get_bound(struct scan *scan, const struct key_condition *condition, struct bound *bound)
{
  const struct plan_scan *plan = &scan->op.node->scan;
  bound->is_there = condition != NULL;
  if (!condition)
    return 0;
  int status = expression_get(scan->op.execution, &condition->values[0], &bound->value);
  if (status)
    return status;
  bound->is_strict = condition->comparison == COMPARE_LESS || condition->comparison == COMPARE_GREATER;
  bool is_lower = condition->comparison == COMPARE_GREATER || condition->comparison == COMPARE_GREATER_EQUAL;
  if (bound->value.is_null) {
    scan->is_empty = true;
    return 0;
  }
  enum type_id type = part_type(plan, &plan->parts[plan->equal_count]);
  if (type != TYPE_INT2 && type != TYPE_INT4)
    return 0;
  int64_t low, high;
  integer_limits(type, &low, &high);
  if (is_lower ? bound->value.integer > high : bound->value.integer < low)
    scan->is_empty = true;
  else if (is_lower ? bound->value.integer < low : bound->value.integer > high) {
    bound->value.integer = is_lower ? low : high;
    bound->is_strict = false;
  }
  return 0;
}

// One end of a span: the prefix, then the bound's value or NULL's place; beyond it if `beyond`.
static int append_end(struct scan *scan, size_t prefix, size_t prefix_size, const struct value *value, bool beyond,
                      uint32_t *at, uint32_t *size)
{
  struct execution *execution = scan->op.execution;
  const struct plan_scan *plan = &scan->op.node->scan;
  buffer_clear(&scan->scratch);
  buffer_append(&scan->scratch, scan->keys.data + prefix, prefix_size);
  if (value) {
    const struct key_part *part = &plan->parts[plan->equal_count];
    int status = key_append(part_type(plan, part), part, value, &scan->scratch, execution->evaluation.error);
    if (status)
      return status;
  }
  if (beyond && scan->scratch.size && !key_successor(&scan->scratch))
    buffer_clear(&scan->scratch);
  *at = (uint32_t)scan->keys.size;
  *size = (uint32_t)scan->scratch.size;
  buffer_append_bytes(&scan->keys, buffer_bytes(&scan->scratch));
  return scan->keys.failed || scan->scratch.failed ? execution_memory(execution) : 0;
}

// Does NULL lie before the values in this part's order?
static int null_is_first(struct scan *scan, const struct value *any, bool *is_first)
{
  const struct plan_scan *plan = &scan->op.node->scan;
  const struct key_part *part = &plan->parts[plan->equal_count];
  struct value null = value_null();
  struct error *error = scan->op.execution->evaluation.error;
  buffer_clear(&scan->scratch);
  int status = key_append(part_type(plan, part), part, &null, &scan->scratch, error);
  size_t second = scan->scratch.size;
  if (!status)
    status = key_append(part_type(plan, part), part, any, &scan->scratch, error);
  if (!status)
    *is_first = scan->scratch.data[0] < scan->scratch.data[second];
  return status;
}

static int make_span(struct scan *scan, size_t prefix, size_t prefix_size, const struct bound *lower,
                     const struct bound *upper)
{
  struct execution *execution = scan->op.execution;
  const struct plan_scan *plan = &scan->op.node->scan;
  if (!list_grow(execution->account, &scan->spans, &scan->span_capacity, scan->span_count + 1, sizeof *scan->spans))
    return execution_memory(execution);
  struct span *span = &scan->spans[scan->span_count++];
  bool is_bounded = lower->is_there || upper->is_there, null_first = false;
  bool descending = is_bounded && plan->parts[plan->equal_count].descending;
  const struct bound *low = descending ? upper : lower, *high = descending ? lower : upper;
  const struct value null = value_null();
  int status = is_bounded ? null_is_first(scan, low->is_there ? &low->value : &high->value, &null_first) : 0;
  if (status)
    return status;
  if (low->is_there)
    status = append_end(scan, prefix, prefix_size, &low->value, low->is_strict, &span->from, &span->from_size);
  else
    status = append_end(scan, prefix, prefix_size, is_bounded && null_first ? &null : NULL, is_bounded && null_first,
                        &span->from, &span->from_size);
  if (status)
    return status;
  if (high->is_there)
    return append_end(scan, prefix, prefix_size, &high->value, !high->is_strict, &span->to, &span->to_size);
  if (is_bounded && !null_first)
    return append_end(scan, prefix, prefix_size, &null, false, &span->to, &span->to_size);
  return append_end(scan, prefix, prefix_size, NULL, true, &span->to, &span->to_size);
}

// How many values a part may have.
static uint64_t choice_count(const struct scan *scan, const struct key_condition *condition)
{
  return condition->is_null ? 1 : condition->is_array ? scan->member_count : (unsigned)condition->value_count;
}

// The elements of the array that a part must be in; there is one such part at most.
static int get_members(struct scan *scan)
{
  struct execution *execution = scan->op.execution;
  const struct plan_scan *plan = &scan->op.node->scan;
  const struct key_condition *condition = NULL;
  for (int i = 0; i < plan->equal_count && !condition; i++)
    condition = plan->equals[i].is_array ? &plan->equals[i] : NULL;
  if (!condition)
    return 0;
  struct value value;
  int status = expression_get(execution, &condition->values[0], &value);
  scan->member_count = 0;
  if (status || value.is_null)
    return status;
  struct array array = array_of(condition->node->arguments[1]->type.id, &value);
  scan->members = arena_alloc(execution->evaluation.arena, sizeof *scan->members * ((size_t)array.count + 1));
  if (!scan->members)
    return execution_memory(execution);
  for (struct array_walk walk = array_walk(&array); array_next(&walk, &scan->members[scan->member_count]);)
    scan->member_count++;
  return 0;
}

// Appends the prefix of one combination of the equal parts' values: `choice` counts through all of them. It is made
// by itself, for the bound of a key to be that of one prefix.
static int append_prefix(struct scan *scan, uint64_t choice, bool *none)
{
  struct execution *execution = scan->op.execution;
  const struct plan_scan *plan = &scan->op.node->scan;
  buffer_clear(&scan->scratch);
  for (int i = 0; i < plan->equal_count; i++) {
    const struct key_condition *condition = &plan->equals[i];
    struct value value = value_null();
    if (!condition->is_null) {
      uint64_t count = choice_count(scan, condition), own = choice % count;
      int status = condition->is_array ? 0 : expression_get(execution, &condition->values[own], &value);
      if (status)
        return status;
      if (condition->is_array)
        value = scan->members[own];
      choice /= count;
      if (value.is_null)
        *none = true;
    }
    if (*none)
      return 0;
    int status = append_equal(execution, plan, &plan->parts[i], &value, &scan->scratch, none);
    if (status)
      return status;
  }
  buffer_append_bytes(&scan->keys, buffer_bytes(&scan->scratch));
  return scan->keys.failed ? execution_memory(execution) : 0;
}

static int compare_spans(const void *a, const void *b, void *keys)
{
  const struct span *x = a, *y = b;
  const uint8_t *base = ((struct buffer *)keys)->data;
  return bytes_compare(bytes_of(base + x->from, x->from_size), bytes_of(base + y->from, y->from_size));
}

static int make_spans(struct scan *scan)
{
  const struct plan_scan *plan = &scan->op.node->scan;
  struct bound lower = {0}, upper = {0};
  uint64_t choices = 1;
  scan->span_count = 0;
  buffer_clear(&scan->keys);
  int status = get_bound(scan, plan->lower, &lower);
  if (!status)
    status = get_bound(scan, plan->upper, &upper);
  if (!status)
    status = get_members(scan);
  for (int i = 0; i < plan->equal_count; i++)
    choices *= choice_count(scan, &plan->equals[i]);
  for (uint64_t choice = 0; !status && !scan->is_empty && choice < choices; choice++) {
    size_t prefix = scan->keys.size;
    bool none = false;
    status = append_prefix(scan, choice, &none);
    if (!status && !none)
      status = make_span(scan, prefix, scan->keys.size - prefix, &lower, &upper);
  }
  if (status || scan->span_count < 2)
    return status;
  qsort_r(scan->spans, (size_t)scan->span_count, sizeof *scan->spans, compare_spans, &scan->keys);
  int kept = 1;
  for (int i = 1; i < scan->span_count; i++)
    if (compare_spans(&scan->spans[i], &scan->spans[kept - 1], &scan->keys))
      scan->spans[kept++] = scan->spans[i];
  scan->span_count = kept;
  return 0;
}

// --- Rows ----------------------------------------------------------------------------------------------

static bool compare_holds(enum comparison comparison, int64_t a, int64_t b)
{
  switch (comparison) {
  case COMPARE_EQUAL: return a == b;
  case COMPARE_NOT_EQUAL: return a != b;
  case COMPARE_LESS: return a < b;
  case COMPARE_LESS_EQUAL: return a <= b;
  case COMPARE_GREATER: return a > b;
  case COMPARE_GREATER_EQUAL: return a >= b;
  }
  return false;
}

// Tests the range's current row, whose values are all there.
static int test_values(struct execution *execution, const struct plan_node *node, const struct value *bounds, bool *passes)
{
  const struct plan_scan *plan = &node->scan;
  const struct value *values = execution->ranges[plan->range];
  *passes = false;
  for (int i = 0; i < plan->test_count; i++) {
    const struct quick_test *test = &plan->tests[i];
    const struct value *value = &values[test->column];
    if (value->is_null || bounds[i].is_null || !compare_holds(test->comparison, value->integer, bounds[i].integer))
      return 0;
  }
  return filters_hold(execution, node, passes);
}

// A row of an older version of the table's schema, which is converted as a whole.
static int take_older_row(struct execution *execution, const struct plan_node *node, struct bytes row,
                          const struct value *bounds, bool *passes)
{
  const struct plan_scan *plan = &node->scan;
  int status = relation_row(plan->relation, row, execution->ranges[plan->range], execution->evaluation.error);
  return status ? status : test_values(execution, node, bounds, passes);
}

static void set_identity(struct execution *execution, const struct plan_scan *plan, struct bytes key, struct bytes row)
{
  struct value *values = execution->ranges[plan->range];
  int columns = execution->plan->statement->ranges[plan->range].column_count;
  values[columns] = value_bytes(key.data, (uint32_t)key.size);
  values[columns + 1] = value_bytes(row.data, (uint32_t)row.size);
}

int scan_take_row(struct execution *execution, const struct plan_node *node, struct bytes key, struct bytes row,
                  const struct value *bounds, bool *passes)
{
  const struct plan_scan *plan = &node->scan;
  const struct schema *schema = &plan->relation->schema;
  struct value *values = execution->ranges[plan->range];
  *passes = false;
  if (row_version(row) != schema->version) {
    int status = take_older_row(execution, node, row, bounds, passes);
    if (plan->wants_identity)
      set_identity(execution, plan, key, row);
    return status || !*passes ? status : execution_show(execution, plan->relation, key, row);
  }
  for (int i = 0; i < plan->test_count; i++) {
    struct value value;
    row_get(schema, row, plan->tests[i].column, &value);
    if (value.is_null || bounds[i].is_null ||
        !compare_holds(plan->tests[i].comparison, value.integer, bounds[i].integer))
      return 0;
  }
  for (int i = 0; i < plan->early_count; i++)
    row_get(schema, row, plan->early[i], &values[plan->early[i]]);
  if (node->filter_count) {
    int status = filters_hold(execution, node, passes);
    if (status || !*passes)
      return status;
  }
  *passes = true;
  for (int i = 0; i < plan->late_count; i++)
    row_get(schema, row, plan->late[i], &values[plan->late[i]]);
  if (plan->wants_identity)
    set_identity(execution, plan, key, row);
  return execution_show(execution, plan->relation, key, row);
}

// The primary key within an index's key.
static bool primary_key(struct scan *scan, struct bytes *key)
{
  const struct plan_scan *plan = &scan->op.node->scan;
  if (plan->primary_size) {
    if (key->size < (size_t)plan->primary_size)
      return false;
    *key = bytes_of(key->data + key->size - plan->primary_size, (size_t)plan->primary_size);
    return true;
  }
  for (int i = 0; i < plan->part_count; i++) {
    struct value value;
    if (!key_read(part_type(plan, &plan->parts[i]), &plan->parts[i], key, scan->op.execution->evaluation.arena, &value))
      return false;
  }
  return true;
}

static int mismatch(const struct scan *scan)
{
  return error_set(scan->op.execution->evaluation.error, SQLSTATE_DATA_CORRUPTED,
                   "index \"%s\" does not match its table", scan->op.node->scan.index->name);
}

// The row that an index's key leads to.
static int take_by_index(struct scan *scan, struct bytes key, bool *passes)
{
  struct execution *execution = scan->op.execution;
  const struct plan_scan *plan = &scan->op.node->scan;
  struct bytes row;
  if (!primary_key(scan, &key) ||
      !tree_get(execution->input.version, plan->relation->tree, key, &row, execution->input.mark))
    return mismatch(scan);
  return scan_take_row(execution, scan->op.node, key, row, scan->bounds, passes);
}

// What is used of the row, from the index's key alone.
static int take_index_key(struct scan *scan, struct bytes key, bool *passes)
{
  struct execution *execution = scan->op.execution;
  const struct plan_scan *plan = &scan->op.node->scan;
  struct value *values = execution->ranges[plan->range], value;
  for (int i = 0; i < plan->read_parts; i++) {
    const struct key_part *part =
        i < plan->part_count ? &plan->parts[i] : &plan->relation->key[i - plan->part_count];
    if (!key_read(part_type(plan, part), part, &key, execution->evaluation.arena, &value))
      return mismatch(scan);
    if (part->column < plan->relation->schema.column_count)
      values[part->column] = value;
  }
  return test_values(execution, scan->op.node, scan->bounds, passes);
}

static struct bytes span_bytes(const struct scan *scan, uint32_t at, uint32_t size)
{
  return bytes_of(size ? scan->keys.data + at : NULL, size);
}

// Moves to the next row within the spans. False: there are no more.
static bool advance(struct scan *scan)
{
  const struct plan_scan *plan = &scan->op.node->scan;
  for (;;) {
    bool found;
    if (scan->in_span)
      found = plan->is_backward ? cursor_previous(&scan->cursor) : cursor_next(&scan->cursor);
    else {
      if (scan->at == scan->span_count)
        return false;
      const struct span *span = &scan->spans[plan->is_backward ? scan->span_count - 1 - scan->at : scan->at];
      found = plan->is_backward ? cursor_seek_before(&scan->cursor, span_bytes(scan, span->to, span->to_size))
                                : cursor_seek(&scan->cursor, span_bytes(scan, span->from, span->from_size));
      scan->at++;
      scan->in_span = true;
    }
    const struct span *span = &scan->spans[plan->is_backward ? scan->span_count - scan->at : scan->at - 1];
    if (found && plan->is_backward)
      found =
          span->from_size == 0 || bytes_compare(scan->cursor.key, span_bytes(scan, span->from, span->from_size)) >= 0;
    else if (found)
      found = span->to_size == 0 || bytes_compare(scan->cursor.key, span_bytes(scan, span->to, span->to_size)) < 0;
    if (found)
      return true;
    scan->in_span = false;
  }
}

static int scan_next(struct iterator *op)
{
  struct scan *scan = (struct scan *)op;
  struct execution *execution = op->execution;
  const struct plan_scan *plan = &op->node->scan;
  iterator_begin_row(op);
  while (advance(scan)) {
    int status = execution_visit(execution);
    if (status)
      return status;
    struct bytes key = scan->cursor.key;
    bool passes;
    status = scan->is_index_only ? take_index_key(scan, key, &passes)
             : plan->index       ? take_by_index(scan, key, &passes)
                                 : scan_take_row(execution, op->node, key, scan->cursor.row, scan->bounds, &passes);
    if (status)
      return status;
    if (passes)
      return 1;
    op->removed++;
    execution_release(execution, op->mark);
  }
  return 0;
}

static int point_next(struct iterator *op)
{
  struct scan *scan = (struct scan *)op;
  struct execution *execution = op->execution;
  iterator_begin_row(op);
  if (scan->is_empty || scan->at)
    return 0;
  scan->at = 1;
  int status = execution_visit(execution);
  struct bytes row;
  struct bytes key = buffer_bytes(&scan->keys);
  if (status)
    return status;
  if (!tree_get(execution->input.version, op->node->scan.tree, key, &row, execution->input.mark))
    return execution_miss(execution, &op->node->scan, key);
  bool passes;
  status = scan_take_row(execution, op->node, key, row, scan->bounds, &passes);
  return status ? status : passes;
}

static int scan_rewind(struct iterator *op)
{
  struct scan *scan = (struct scan *)op;
  struct execution *execution = op->execution;
  const struct plan_scan *plan = &op->node->scan;
  const struct claimer *claimer = execution->input.claimer;
  op->is_marked = false;
  scan->at = 0;
  scan->in_span = scan->is_empty = false;
  scan->is_index_only = plan->is_index_only && !(claimer && claimer->may_claim_shown);
  for (int i = 0; i < plan->test_count; i++) {
    int status = expression_get(execution, &plan->tests[i].bound, &scan->bounds[i]);
    if (status)
      return status;
  }
  if (plan->is_point) {
    buffer_clear(&scan->keys);
    return scan_point_key(execution, plan, &scan->keys, &scan->is_empty);
  }
  if (!scan->has_cursor)
    cursor_init(&scan->cursor, execution->input.version, plan->tree, execution->input.mark);
  scan->has_cursor = true;
  return make_spans(scan);
}

static void scan_stop(struct iterator *op)
{
  struct scan *scan = (struct scan *)op;
  if (scan->has_cursor)
    cursor_deinit(&scan->cursor);
  scan->has_cursor = false;
}

static void scan_close(struct iterator *op)
{
  struct scan *scan = (struct scan *)op;
  scan_stop(op);
  buffer_deinit(&scan->keys);
  buffer_deinit(&scan->scratch);
  list_free(op->execution->account, &scan->spans, &scan->span_capacity, sizeof *scan->spans);
}

bool scan_open(struct iterator **op, struct execution *execution, const struct plan_node *node)
{
  struct scan *scan = ARENA_NEW(&execution->memory, struct scan);
  if (!scan)
    return false;
  *op = &scan->op;
  scan->bounds = ARENA_ARRAY(&execution->memory, struct value, node->scan.test_count + 1);
  scan->op.next = node->scan.is_point ? point_next : scan_next;
  scan->op.rewind = scan_rewind;
  scan->op.stop = scan_stop;
  scan->op.close = scan_close;
  return scan->bounds != NULL;
}
