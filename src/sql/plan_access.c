// The way to a table's rows: which conditions bound a scan of its tree or of an index, which are tested on each row.
//
// A key condition is a conjunct `column op expression` (or IN list, or IS NULL) whose expression does not read the
// table itself. Conditions used as bounds are exact: they are not tested again.
#include <math.h>
#include <string.h>

#include "data/array.h"
#include "sql/plan_node.h"

enum { PARTS_MAXIMUM = 64, IN_COMBINATIONS = 4096, ARRAY_ESTIMATE = 10 };

struct candidate {
  const struct index *index; // NULL: the primary tree
  tree_number tree;
  const struct key_part *parts;
  int part_count;
  int primary_parts; // of the primary key behind the declared parts
  int equal_count;
  int equals[PARTS_MAXIMUM]; // numbers of conjuncts
  int lower, upper;          // numbers of conjuncts, -1: none
  bool is_point, is_unique, is_ordered, is_backward, is_keyed, is_index_only;
  int read_parts;    // index only: parts to be read
  double table_rows; // that it has at all
  double rows, cost;
};

struct accessing {
  struct planner *planner;
  int range;
  const struct relation *relation;
  struct conjuncts *conjuncts;
  range_set own, available, joined;
  const struct wanted_order *order;
  double table_rows;
  double passing; // of them, those that pass all conditions that can be tested here; < 0: still to be estimated
  bool *usable; // conjunct i can be tested here
};

int relation_expression_of(const struct relation *relation, const struct node *node, int range)
{
  for (int i = 0; i < relation->expression_count; i++)
    if (relation->expressions[i].node && node_equal_over(node, range, relation->expressions[i].node))
      return relation->schema.column_count + i;
  return -1;
}

static bool type_is_string(enum type_id type)
{
  return type == TYPE_TEXT || type == TYPE_VARCHAR;
}

// The column (or the index's expression) that a node compares as; -1: none.
static int plain_key_column(const struct relation *relation, const struct node *node, int range)
{
  int column = node->kind == NODE_COLUMN && node->range == range && node->column < relation->schema.column_count
                   ? node->column
                   : relation_expression_of(relation, node, range);
  if (column < 0)
    return -1;
  enum type_id own = relation->schema.columns[column].type.id, as = node->type.id;
  return own == as || (type_is_string(own) && type_is_string(as)) ? column : -1;
}

// The same beneath a relabelled string or a widened integer.
static int node_key_column(const struct relation *relation, const struct node *node, int range)
{
  int column = plain_key_column(relation, node, range);
  if (column >= 0 || node->kind != NODE_CALL || node->argument_count != 1 || !type_is_integer(node->type.id) ||
      node->function->is_operator)
    return column;
  const struct node *inner = node->arguments[0];
  bool is_widening = type_is_integer(inner->type.id) && inner->type.id < node->type.id &&
                     node->function->result == node->type.id && node->function->arguments[0] == inner->type.id &&
                     !strcmp(node->function->name, type_info(node->type.id)->short_name);
  return is_widening ? plain_key_column(relation, inner, range) : -1;
}

static bool reads_range(struct accessing *a, const struct node *node)
{
  range_set set = set_new(a->planner);
  if (!set)
    return true;
  node_ranges(a->planner, node, set);
  return set_has(set, a->range);
}

// What a conjunct says about one column; false if it is not a key condition.
struct key_form {
  int column;
  enum comparison comparison;
  bool is_null;
  bool is_array;   // = ANY (array): the value is one
  int value_count; // of an array an estimate, 2 at least
  struct node *const *values;
};

// The form of = ANY (array).
static struct key_form array_form(const struct node *node)
{
  const struct node *array = node->arguments[1];
  uint32_t count = ARRAY_ESTIMATE;
  if (array->kind == NODE_CONSTANT && !array->constant.is_null)
    count = array_of(array->type.id, &array->constant).count;
  count = count < 2 ? 2 : count > IN_COMBINATIONS ? IN_COMBINATIONS : count;
  return (struct key_form){
      .comparison = COMPARE_EQUAL, .is_array = true, .value_count = (int)count, .values = node->arguments + 1};
}

static bool types_compare_alike(enum type_id column, enum type_id value)
{
  return column == value || (type_is_string(column) && type_is_string(value)) ||
         (type_is_integer(column) && type_is_integer(value));
}

static bool conjunct_key_form(struct accessing *a, const struct node *node, struct key_form *form)
{
  int column = -1;
  if (node->kind == NODE_IS_NULL && !node->negated) {
    column = node_key_column(a->relation, node->arguments[0], a->range);
    if (column < 0)
      return false;
    *form = (struct key_form){.column = column, .comparison = COMPARE_EQUAL, .is_null = true};
    return true;
  }
  if (node->kind == NODE_IN_LIST && !node->negated)
    *form = (struct key_form){
        .comparison = COMPARE_EQUAL, .value_count = node->argument_count - 1, .values = node->arguments + 1};
  else if (node->kind == NODE_ARRAY_TEST && !node->negated && function_comparison(node->function, &form->comparison) &&
           form->comparison == COMPARE_EQUAL)
    *form = array_form(node);
  else if (node->kind == NODE_CALL && node->argument_count == 2 &&
           function_comparison(node->function, &form->comparison))
    *form = (struct key_form){.comparison = form->comparison, .value_count = 1, .values = node->arguments + 1};
  else
    return false;
  if (form->comparison == COMPARE_NOT_EQUAL)
    return false;
  column = node_key_column(a->relation, node->arguments[0], a->range);
  if (column < 0 && node->kind == NODE_CALL) {
    column = node_key_column(a->relation, node->arguments[1], a->range);
    form->values = node->arguments;
    form->comparison = comparison_turned(form->comparison);
  }
  if (column < 0)
    return false;
  form->column = column;
  for (int i = 0; i < (form->is_array ? 1 : form->value_count); i++) {
    enum type_id type = form->values[i]->type.id;
    if (!types_compare_alike(a->relation->schema.columns[form->column].type.id,
                             form->is_array ? type_element(type) : type) ||
        reads_range(a, form->values[i]))
      return false;
  }
  return true;
}

// The best conjunct that fixes this column; single values before IN lists. An array stands alone: how many
// combinations it gives is known when the scan begins.
static int find_equality(struct accessing *a, int column, bool *has_array, double *combinations)
{
  int best = -1, best_count = 0;
  bool is_array = false;
  for (int i = 0; i < a->conjuncts->count; i++) {
    struct key_form form;
    if (!a->usable[i] || !conjunct_key_form(a, a->conjuncts->list[i].node, &form) || form.column != column ||
        form.comparison != COMPARE_EQUAL)
      continue;
    int count = form.is_null ? 1 : form.value_count;
    if (best < 0 || count < best_count)
      best = i, best_count = count, is_array = form.is_array;
  }
  if (best >= 0 && ((is_array && *combinations > 1) || (*has_array && best_count > 1)))
    return -1;
  *has_array |= is_array;
  if (best >= 0 && *combinations * best_count > IN_COMBINATIONS)
    return -1;
  if (best >= 0)
    *combinations *= best_count;
  return best;
}

static int find_bound(struct accessing *a, int column, bool is_lower)
{
  for (int i = 0; i < a->conjuncts->count; i++) {
    struct key_form form;
    if (!a->usable[i] || !conjunct_key_form(a, a->conjuncts->list[i].node, &form) || form.column != column)
      continue;
    bool lower = form.comparison == COMPARE_GREATER || form.comparison == COMPARE_GREATER_EQUAL;
    bool upper = form.comparison == COMPARE_LESS || form.comparison == COMPARE_LESS_EQUAL;
    if (is_lower ? lower : upper)
      return i;
  }
  return -1;
}

static bool conjunct_is_joined(struct accessing *a, int number)
{
  return number >= 0 && a->joined && set_meets(a->planner, a->conjuncts->list[number].ranges, a->joined);
}

// --- Estimates --------------------------------------------------------------------------------------

static bool constant_key(struct accessing *a, const struct candidate *c, int part, int number, struct buffer *key)
{
  struct key_form form;
  if (!conjunct_key_form(a, a->conjuncts->list[number].node, &form) || form.value_count != 1 ||
      form.values[0]->kind != NODE_CONSTANT || form.values[0]->constant.is_null)
    return false;
  struct error error;
  return key_append(a->relation->schema.columns[form.column].type.id, &c->parts[part], &form.values[0]->constant, key,
                    &error) == 0;
}

// Rows of one combination of values of the parts that are fixed.
static double rows_of_prefix(struct accessing *a, const struct candidate *c)
{
  int columns[PARTS_MAXIMUM];
  for (int i = 0; i < c->equal_count; i++)
    columns[i] = c->parts[i].column;
  double distinct = c->equal_count ? estimate_distinct(a->planner, a->range, columns, c->equal_count) : 1;
  return c->equal_count ? fmax(1, c->table_rows / distinct) : c->table_rows;
}

// Rows in the range, by the tree itself where the bounds are constants; else by how many values there are.
static double estimate_rows(struct accessing *a, const struct candidate *c, double combinations)
{
  struct buffer from = {0}, to = {0};
  bool known = combinations == 1;
  for (int i = 0; known && i < c->equal_count; i++)
    known = constant_key(a, c, i, c->equals[i], &from);
  double rows = c->table_rows;
  if (c->lower < 0 && c->upper < 0) {
    if (known && c->equal_count) {
      buffer_append_bytes(&to, buffer_bytes(&from));
      bool has_end = key_successor(&to);
      if (!to.failed)
        rows = (double)tree_estimate(a->planner->version, c->tree, buffer_bytes(&from),
                                     has_end ? buffer_bytes(&to) : bytes_of(NULL, 0));
    } else if (c->equal_count)
      rows = rows_of_prefix(a, c) * combinations;
  } else {
    rows = rows_of_prefix(a, c) * combinations;
    rows *= c->lower >= 0 && c->upper >= 0 ? 0.05 : 0.33;
    buffer_append_bytes(&to, buffer_bytes(&from));
    bool descending = c->parts[c->equal_count].descending;
    int low = descending ? c->upper : c->lower, high = descending ? c->lower : c->upper;
    bool low_known = known && (low < 0 || constant_key(a, c, c->equal_count, low, &from));
    bool high_known =
        known && (high < 0 ? key_successor(&to) || !c->equal_count : constant_key(a, c, c->equal_count, high, &to));
    if (low_known && high_known && !from.failed && !to.failed)
      rows = (double)tree_estimate(a->planner->version, c->tree, buffer_bytes(&from),
                                   high < 0 && !c->equal_count ? bytes_of(NULL, 0) : buffer_bytes(&to));
  }
  buffer_deinit(&from);
  buffer_deinit(&to);
  return rows < 1 ? 1 : rows;
}

// --- What an index tells by itself -----------------------------------------------------------------------

// Does a key give values of the type back as they were?
static bool key_keeps(enum type_id type)
{
  switch (type) {
  case TYPE_BOOLEAN:
  case TYPE_INT2:
  case TYPE_INT4:
  case TYPE_INT8:
  case TYPE_TEXT:
  case TYPE_VARCHAR:
  case TYPE_BYTEA:
  case TYPE_UUID:
  case TYPE_DATE:
  case TYPE_TIME:
  case TYPE_TIMESTAMP:
  case TYPE_TIMESTAMPTZ: return true;
  default: return false;
  }
}

// The part of the index's key, the primary key behind it included, that is the column; -1: none.
static int part_of_column(const struct relation *relation, const struct index *index, int column)
{
  for (int i = 0; i < index->part_count; i++)
    if (index->parts[i].column == column)
      return i;
  for (int i = 0; i < relation->key_count; i++)
    if (relation->key[i].column == column)
      return index->part_count + i;
  return -1;
}

// Do all columns that are used stand in the index's key? *parts: how many of its parts are to be read for them.
static bool index_covers(struct accessing *a, const struct index *index, int *parts)
{
  const struct range *range = &a->planner->statement->ranges[a->range];
  *parts = 0;
  if (range->is_identified)
    return false;
  for (int c = 0; c < range->column_count; c++) {
    if (!range->columns[c].is_used)
      continue;
    int part = part_of_column(a->relation, index, c);
    if (part < 0 || !key_keeps(a->relation->schema.columns[c].type.id))
      return false;
    *parts = part + 1 > *parts ? part + 1 : *parts;
  }
  return true;
}

// --- Order ------------------------------------------------------------------------------------------

static const struct key_part *candidate_part(struct accessing *a, const struct candidate *c, int i)
{
  if (i < c->part_count)
    return &c->parts[i];
  i -= c->part_count;
  return c->index && i < a->relation->key_count ? &a->relation->key[i] : NULL;
}

static void find_order(struct accessing *a, struct candidate *c)
{
  if (!a->order || a->order->range != a->range)
    return;
  int part = 0, direction = 0; // 1 forward, -1 backward
  for (int k = 0; k < a->order->count; k++) {
    int column = a->order->keys[k].column;
    bool is_fixed = false;
    for (int e = 0; e < c->equal_count; e++) {
      struct key_form form;
      if (c->parts[e].column == column && conjunct_key_form(a, a->conjuncts->list[c->equals[e]].node, &form) &&
          form.value_count <= 1)
        is_fixed = true;
    }
    if (is_fixed)
      continue;
    const struct key_part *at = candidate_part(a, c, part);
    while (at && at->column != column && part < c->equal_count) {
      struct key_form form;
      if (!conjunct_key_form(a, a->conjuncts->list[c->equals[part]].node, &form) || form.value_count > 1)
        return;
      at = candidate_part(a, c, ++part);
    }
    if (!at || at->column != column)
      return;
    bool not_null = a->relation->schema.columns[column].not_null;
    for (int i = 0; i < a->relation->key_count; i++)
      not_null |= a->relation->key[i].column == column;
    bool same = at->descending == a->order->keys[k].is_descending;
    if (!not_null && (at->nulls_first == a->order->keys[k].nulls_first) != same)
      return;
    if (direction && direction != (same ? 1 : -1))
      return;
    direction = same ? 1 : -1;
    part++;
  }
  c->is_ordered = true;
  c->is_backward = direction < 0;
}

// The table's rows that pass all conditions.
static double passing_rows(struct accessing *a)
{
  if (a->passing >= 0)
    return a->passing;
  struct node **conditions = ARENA_ARRAY(&a->planner->scratch, struct node *, a->conjuncts->count + 1);
  int count = 0;
  for (int i = 0; conditions && i < a->conjuncts->count; i++)
    if (a->usable[i])
      conditions[count++] = a->conjuncts->list[i].node;
  return a->passing = a->table_rows * estimate_part(a->planner, a->range, conditions, count);
}

// Does the candidate give one row at most, whatever else is tested?
static bool is_single(const struct candidate *c, double combinations)
{
  return c->part_count > 0 && c->equal_count == c->part_count && c->is_unique && combinations == 1;
}

static void candidate_match(struct accessing *a, struct candidate *c)
{
  double combinations = 1;
  bool has_array = false;
  c->lower = c->upper = -1;
  while (c->equal_count < c->part_count && c->equal_count < PARTS_MAXIMUM) {
    int found = find_equality(a, c->parts[c->equal_count].column, &has_array, &combinations);
    if (found < 0)
      break;
    c->is_keyed |= conjunct_is_joined(a, found);
    c->equals[c->equal_count++] = found;
  }
  if (c->equal_count < c->part_count) {
    int column = c->parts[c->equal_count].column;
    c->lower = find_bound(a, column, true);
    c->upper = find_bound(a, column, false);
    c->is_keyed |= conjunct_is_joined(a, c->lower) || conjunct_is_joined(a, c->upper);
  }
  bool whole = c->part_count > 0 && c->equal_count == c->part_count;
  c->is_point = whole && !c->index && combinations == 1;
  if (whole && c->is_unique)
    c->rows = combinations;
  else
    c->rows = estimate_rows(a, c, combinations);
  find_order(a, c);
  double each = c->is_index_only ? 2 : c->index ? 5 : 1;
  double wanted = c->rows;
  bool is_asked = a->order && a->order->range == a->range;
  if (is_asked && c->is_ordered && a->order->limit > 0)
    wanted = fmin(wanted, a->order->limit * fmax(1, c->rows / fmax(1, passing_rows(a))));
  int conditions = c->equal_count + (c->lower >= 0) + (c->upper >= 0);
  c->cost = 3 * combinations + wanted * each - 0.01 * conditions; // of two alike, the one that says more
  if (is_asked && !c->is_ordered)
    c->cost += c->rows * (a->order->is_for_groups ? 1 : 1 + log2(c->rows + 1) * 0.3);
}

// --- The node -----------------------------------------------------------------------------------------

static int make_condition(struct accessing *a, int number, struct key_condition *condition)
{
  struct conjunct *conjunct = &a->conjuncts->list[number];
  struct key_form form = {0};
  (void)conjunct_key_form(a, conjunct->node, &form);
  condition->comparison = form.comparison;
  condition->is_null = form.is_null;
  condition->is_array = form.is_array;
  condition->value_count = form.is_array ? 1 : form.value_count;
  condition->node = conjunct->node;
  conjunct->is_used = true;
  return expressions_make(a->planner, form.values, condition->value_count, &condition->values);
}

static int make_key(struct accessing *a, const struct candidate *c, struct plan_scan *scan)
{
  struct arena *arena = a->planner->arena;
  scan->equals = ARENA_ARRAY(arena, struct key_condition, c->equal_count + 1);
  struct key_condition *bounds = ARENA_ARRAY(arena, struct key_condition, 2);
  if (!scan->equals || !bounds)
    return error_memory(a->planner->error);
  scan->equal_count = c->equal_count;
  int status = 0;
  for (int i = 0; !status && i < c->equal_count; i++)
    status = make_condition(a, c->equals[i], &scan->equals[i]);
  if (!status && c->lower >= 0) {
    scan->lower = &bounds[0];
    status = make_condition(a, c->lower, scan->lower);
  }
  if (!status && c->upper >= 0) {
    scan->upper = &bounds[1];
    status = make_condition(a, c->upper, scan->upper);
  }
  return status;
}

// column op value over integers, the value fixed while the scan runs.
static int make_quick_test(struct accessing *a, struct conjunct *conjunct, struct plan_scan *scan, bool *made)
{
  struct key_form form;
  const struct node *node = conjunct->node;
  enum comparison comparison;
  *made = false;
  if (node->kind != NODE_CALL || node->argument_count != 2 || !function_comparison(node->function, &comparison))
    return 0;
  bool is_unequal = comparison == COMPARE_NOT_EQUAL;
  const struct node *sides[2] = {node->arguments[0], node->arguments[1]};
  if (is_unequal) {
    int column = node_key_column(a->relation, sides[0], a->range);
    if (column < 0 || reads_range(a, sides[1]) ||
        !types_compare_alike(a->relation->schema.columns[column].type.id, sides[1]->type.id))
      return 0;
    form = (struct key_form){.column = column, .comparison = comparison, .values = &node->arguments[1]};
  } else if (!conjunct_key_form(a, node, &form))
    return 0;
  const struct column *column = &a->relation->schema.columns[form.column];
  enum node_kind kind = form.values[0]->kind;
  if (relation_is_expression(a->relation, form.column))
    return 0;
  if (type_info(column->type.id)->storage != STORAGE_INTEGER || column->type.id == TYPE_BOOLEAN ||
      (kind != NODE_CONSTANT && kind != NODE_PARAMETER && kind != NODE_COLUMN && kind != NODE_CALL))
    return 0;
  if (kind == NODE_CALL) // only what cannot fail or change may be computed before a row is there
    return 0;
  struct quick_test *test = &scan->tests[scan->test_count];
  test->column = form.column;
  test->comparison = form.comparison;
  int status = expression_make(a->planner, form.values[0], &test->bound);
  if (status)
    return status;
  scan->test_count++;
  *made = true;
  return 0;
}

struct collecting {
  int range;
  bool *columns;
  bool all; // a subquery may read any
};

static bool collect_column(const struct node *node, void *context)
{
  struct collecting *into = context;
  if (node->kind == NODE_COLUMN && node->range == into->range)
    into->columns[node->column] = true;
  if (node->kind == NODE_SUBQUERY)
    into->all = true;
  return true;
}

// Columns that the filter reads are decoded first, the others once a row has passed.
static int make_columns(struct accessing *a, struct plan_node *node)
{
  struct planner *planner = a->planner;
  struct plan_scan *scan = &node->scan;
  const struct range *range = &planner->statement->ranges[a->range];
  struct collecting into = {.range = a->range, .columns = ARENA_ARRAY(planner->arena, bool, range->column_count + 1)};
  scan->early = ARENA_ARRAY(planner->arena, int, range->column_count + 1);
  scan->late = ARENA_ARRAY(planner->arena, int, range->column_count + 1);
  if (!into.columns || !scan->early || !scan->late)
    return error_memory(planner->error);
  for (int i = 0; i < node->filter_count; i++)
    node_walk(node->filters[i].node, collect_column, &into);
  for (int c = 0; c < range->column_count; c++) {
    if (into.columns[c] || (into.all && range->columns[c].is_used))
      scan->early[scan->early_count++] = c;
    else if (range->columns[c].is_used)
      scan->late[scan->late_count++] = c;
  }
  return 0;
}

static int fixed_key_size(const struct relation *relation)
{
  if (relation->key_count == 0)
    return 8;
  int size = 0;
  for (int i = 0; i < relation->key_count; i++) {
    const struct type_info *info = type_info(relation->schema.columns[relation->key[i].column].type.id);
    if (info->storage == STORAGE_BYTES)
      return 0;
    size += 1 + info->row_size;
  }
  return size;
}

static int make_scan(struct accessing *a, const struct candidate *c, struct plan_node **made)
{
  struct planner *planner = a->planner;
  struct plan_node *node = *made = plan_node_new(planner, PLAN_SCAN);
  if (!node)
    return error_memory(planner->error);
  struct plan_scan *scan = &node->scan;
  *scan = (struct plan_scan){.range = a->range,
                             .relation = a->relation,
                             .index = c->index,
                             .tree = c->tree,
                             .part_count = c->part_count,
                             .parts = c->parts,
                             .is_point = c->is_point,
                             .is_backward = c->is_backward,
                             .is_ordered = c->is_ordered,
                             .primary_size = fixed_key_size(a->relation),
                             .is_index_only = c->is_index_only,
                             .read_parts = c->read_parts,
                             .wants_identity = planner->statement->ranges[a->range].is_identified,
                             .table_rows = (uint64_t)a->table_rows};
  int status = make_key(a, c, scan);
  scan->tests = ARENA_ARRAY(planner->arena, struct quick_test, a->conjuncts->count + 1);
  if (!status && !scan->tests)
    return error_memory(planner->error);
  for (int i = 0; !status && i < a->conjuncts->count; i++) {
    struct conjunct *conjunct = &a->conjuncts->list[i];
    if (!a->usable[i] || conjunct->is_used)
      continue;
    bool quick = false;
    status = make_quick_test(a, conjunct, scan, &quick);
    if (!status && quick) {
      conjunct->is_used = true;
      status = node_add_condition(planner, node, conjunct->node);
    } else if (!status)
      status = node_add_filter(planner, node, conjunct);
  }
  node->rows = is_single(c, c->rows) ? 1 : fmax(1, fmin(c->rows, passing_rows(a)));
  node->cost = c->cost;
  node->start_cost = scan->equal_count || scan->index ? 0.29 : 0;
  return status ? status : make_columns(a, node);
}

static void candidate_begin(struct accessing *a, const struct index *index, struct candidate *c)
{
  *c = (struct candidate){.index = index, .tree = index ? index->tree : a->relation->tree};
  c->parts = index ? index->parts : a->relation->key;
  c->part_count = index ? index->part_count : a->relation->key_count;
  c->is_unique = index ? index->is_unique && !index->is_deferrable : true;
  c->is_index_only = index && index_covers(a, index, &c->read_parts);
  c->table_rows = index && index->is_partial ? (double)tree_count(a->planner->version, index->tree) : a->table_rows;
  candidate_match(a, c);
}

// Has the index all rows that the query can want?
static bool index_will_do(struct accessing *a, const struct index *index)
{
  if (!index->is_partial)
    return true;
  struct node **clauses = ARENA_ARRAY(a->planner->arena, struct node *, a->conjuncts->count + 1);
  int count = 0;
  for (int i = 0; clauses && i < a->conjuncts->count; i++)
    if (a->usable[i])
      clauses[count++] = a->conjuncts->list[i].node;
  const struct node *predicate = relation_expression(a->relation, index->predicate)->node;
  return clauses && predicate && clauses_imply(clauses, count, a->range, predicate);
}

static bool note_constant(const struct node *node, void *context)
{
  *(bool *)context |= node->kind == NODE_CONSTANT;
  return true;
}

// Could an index be the better way if the literals were known? Not where the key is given whole.
static bool hangs_on_literals(struct accessing *a, const struct candidate *best)
{
  bool has_constants = false;
  if (!a->planner->has_literals || (best->is_unique && best->part_count && best->equal_count == best->part_count))
    return false;
  for (int i = 0; i < a->relation->expression_count; i++)
    if (a->relation->expressions[i].node)
      node_walk(a->relation->expressions[i].node, note_constant, &has_constants);
  return has_constants;
}

int plan_access(struct planner *planner, int range, struct conjuncts *conjuncts, range_set own, range_set available,
                range_set joined, const struct wanted_order *order, struct access *access)
{
  const struct relation *relation = planner->statement->ranges[range].relation;
  struct accessing a = {.planner = planner,
                        .range = range,
                        .relation = relation,
                        .conjuncts = conjuncts,
                        .own = own,
                        .available = available,
                        .joined = joined,
                        .order = order,
                        .table_rows = estimate_table_rows(planner, range),
                        .passing = -1};
  a.usable = ARENA_ARRAY(planner->arena, bool, conjuncts->count + 1);
  range_set reach = set_new(planner);
  if (!a.usable || !reach)
    return error_memory(planner->error);
  set_unite(planner, reach, available);
  set_add(reach, range);
  for (int i = 0; i < conjuncts->count; i++)
    a.usable[i] = !conjuncts->list[i].is_used && set_has(conjuncts->list[i].ranges, range) &&
                  set_covered(planner, conjuncts->list[i].ranges, own, reach);
  struct candidate best, other;
  candidate_begin(&a, NULL, &best);
  for (int i = 0; i < relation->index_count; i++) {
    const struct index *index = &relation->indexes[i];
    if (index->is_primary || !index_will_do(&a, index))
      continue;
    candidate_begin(&a, index, &other);
    bool helps =
        other.equal_count || other.lower >= 0 || other.upper >= 0 || other.is_ordered ||
        (index->is_partial && !best.is_point);
    if (helps && other.cost < best.cost)
      best = other;
  }
  if (hangs_on_literals(&a, &best))
    return STATUS_LONG;
  access->is_ordered = best.is_ordered && a.order != NULL;
  access->is_keyed = best.is_keyed;
  return make_scan(&a, &best, &access->node);
}
