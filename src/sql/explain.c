// EXPLAIN: a plan's nodes as PostgreSQL prints them. Costs are the planner's, scaled to look like PostgreSQL's.
#include <stdio.h>
#include <string.h>

#include "sql/plan_node.h"
#include "sql/system.h"

#define COST_UNIT 0.0125 // what one row costs in PostgreSQL's measure

struct explaining {
  const struct plan *plan;
  const struct explain_options *options;
  struct arena *arena;
  struct buffer text; // lines, each ended by a newline
  bool qualified;
};

static void explain_node(struct explaining *e, const struct plan_node *node, int depth, const struct node *extra);

static void begin_line(struct explaining *e, int depth)
{
  // The root stands at the margin; a node below has an arrow two columns further in than its parent's details.
  if (depth == 0)
    return;
  for (int i = 0; i < depth * 6 - 4; i++)
    buffer_append_u8(&e->text, ' ');
  buffer_append_string(&e->text, "->  ");
}

static void begin_detail(struct explaining *e, int depth, const char *label)
{
  for (int i = 0; i < depth * 6 + 2; i++)
    buffer_append_u8(&e->text, ' ');
  buffer_append_string(&e->text, label);
}

static int node_width(const struct plan *plan, const struct plan_node *node)
{
  if (node->width)
    return node->width;
  int range = node->kind == PLAN_SCAN       ? node->scan.range
              : node->kind == PLAN_VALUES   ? node->values.range
              : node->kind == PLAN_FUNCTION ? node->function.range
              : node->kind == PLAN_SYSTEM   ? node->from.range
                                            : -1;
  int width = 0;
  if (range >= 0) {
    const struct range *from = &plan->statement->ranges[range];
    for (int i = 0; i < from->column_count; i++) {
      const struct type_info *info = type_info(from->columns[i].type.id);
      width += from->columns[i].is_used ? (info->storage == STORAGE_BYTES ? 32 : info->row_size) : 0;
    }
    return width;
  }
  width = node->left ? node_width(plan, node->left) : 0;
  return width + (node->right ? node_width(plan, node->right) : 0);
}

static void end_line(struct explaining *e, double start, double cost, double rows, int width)
{
  if (!e->options || e->options->costs)
    buffer_format(&e->text, "  (cost=%.2f..%.2f rows=%.0f width=%d)", start * COST_UNIT, cost * COST_UNIT, rows, width);
  buffer_append_u8(&e->text, '\n');
}

static void end_node_line(struct explaining *e, const struct plan_node *node)
{
  end_line(e, node->start_cost, node->cost, node->rows, node_width(e->plan, node));
}

static void detail(struct explaining *e, int depth, const char *label, const struct node *node)
{
  if (!node)
    return;
  begin_detail(e, depth, label);
  node_deparse(e->plan, node, e->qualified, &e->text);
  buffer_append_u8(&e->text, '\n');
}

// Several conditions as PostgreSQL joins them: ((a) AND (b)).
static void details(struct explaining *e, int depth, const char *label, const struct node *const *nodes, int count)
{
  if (count == 0)
    return;
  begin_detail(e, depth, label);
  if (count > 1)
    buffer_append_u8(&e->text, '(');
  for (int i = 0; i < count; i++) {
    if (i)
      buffer_append_string(&e->text, " AND ");
    node_deparse(e->plan, nodes[i], e->qualified, &e->text);
  }
  if (count > 1)
    buffer_append_u8(&e->text, ')');
  buffer_append_u8(&e->text, '\n');
}

static void append_range(struct explaining *e, int number, const char *name)
{
  const struct range *range = &e->plan->statement->ranges[number];
  name_deparse(name, &e->text);
  if (range->alias && strcmp(range->alias, name)) {
    buffer_append_u8(&e->text, ' ');
    name_deparse(range->alias, &e->text);
  }
}

static const char *scan_index_name(const struct plan_scan *scan)
{
  if (scan->index)
    return scan->index->name;
  for (int i = 0; i < scan->relation->index_count; i++)
    if (scan->relation->indexes[i].is_primary)
      return scan->relation->indexes[i].name;
  return NULL;
}

static void explain_scan(struct explaining *e, const struct plan_node *node, int depth)
{
  const struct plan_scan *scan = &node->scan;
  bool is_bounded = scan->equal_count || scan->lower || scan->upper;
  const char *index = scan_index_name(scan);
  if (index && (is_bounded || scan->index || scan->is_ordered)) {
    buffer_format(&e->text, "Index Scan %susing ", scan->is_backward ? "Backward " : "");
    name_deparse(index, &e->text);
    buffer_append_string(&e->text, " on ");
  } else
    buffer_append_string(&e->text, "Seq Scan on ");
  append_range(e, scan->range, scan->relation->name);
  end_node_line(e, node);
  const struct node *conditions[66];
  int count = 0;
  for (int i = 0; i < scan->equal_count; i++)
    conditions[count++] = scan->equals[i].node;
  if (scan->lower)
    conditions[count++] = scan->lower->node;
  if (scan->upper)
    conditions[count++] = scan->upper->node;
  details(e, depth, "Index Cond: ", conditions, count);
}

static void explain_direction(struct explaining *e, const struct sort_key *key)
{
  if (key->is_descending)
    buffer_append_string(&e->text, " DESC");
  if (key->nulls_first != key->is_descending)
    buffer_append_string(&e->text, key->nulls_first ? " NULLS FIRST" : " NULLS LAST");
}

static void explain_sort(struct explaining *e, const struct plan_node *node, int depth)
{
  buffer_append_string(&e->text, "Sort");
  end_node_line(e, node);
  begin_detail(e, depth, "Sort Key: ");
  for (int i = 0; i < node->sort.order.key_count; i++) {
    const struct sort_key *key = &node->sort.order.keys[i];
    if (i)
      buffer_append_string(&e->text, ", ");
    node_deparse(e->plan, node->sort.targets[key->column].expression, e->qualified, &e->text);
    explain_direction(e, key);
  }
  buffer_append_u8(&e->text, '\n');
}

// The rows that come are sorted, if they are not yet: a node of its own in PostgreSQL. True: it is one here.
static bool explain_window_sort(struct explaining *e, const struct plan_node *node, int depth)
{
  const struct plan_window *made = &node->window;
  const struct window *window = made->window;
  if (!made->key_count || made->is_sorted)
    return false;
  begin_line(e, depth);
  buffer_append_string(&e->text, "Sort");
  end_node_line(e, node->left);
  begin_detail(e, depth, "Sort Key: ");
  for (int i = 0; i < made->key_count; i++) {
    int key = i - window->partition_count;
    buffer_append_string(&e->text, i ? ", " : "");
    node_deparse(e->plan, key < 0 ? window->partition[i] : window->order[key].expression, e->qualified, &e->text);
    explain_direction(e, &made->keys[i]);
  }
  buffer_append_u8(&e->text, '\n');
  return true;
}

static void explain_keys(struct explaining *e, int depth, const char *label, const struct plan_aggregate *plan,
                         const struct group_set *set)
{
  int count = set ? set->count : plan->key_count;
  begin_detail(e, depth, label);
  for (int i = 0; i < count; i++) {
    if (i)
      buffer_append_string(&e->text, ", ");
    node_deparse(e->plan, plan->keys[set ? set->keys[i] : i].node, e->qualified, &e->text);
  }
  buffer_append_string(&e->text, count ? "\n" : "()\n");
}

static void explain_aggregate(struct explaining *e, const struct plan_node *node, int depth)
{
  static const char *const names[] = {"Aggregate", "HashAggregate", "GroupAggregate"};
  const struct plan_aggregate *plan = &node->aggregate;
  bool has_empty = false;
  for (int i = 0; i < plan->set_count; i++)
    has_empty |= !plan->sets[i].count;
  buffer_append_string(&e->text, has_empty ? "MixedAggregate" : names[plan->form]);
  end_node_line(e, node);
  for (int i = 0; i < plan->set_count; i++)
    explain_keys(e, depth, plan->sets[i].count ? "Hash Key: " : "Group Key: ", plan, &plan->sets[i]);
  if (!plan->set_count && plan->key_count)
    explain_keys(e, depth, "Group Key: ", plan, NULL);
}

static void explain_from(struct explaining *e, const struct plan_node *node)
{
  const struct range *ranges = e->plan->statement->ranges;
  int number = node->kind == PLAN_VALUES     ? node->values.range
               : node->kind == PLAN_FUNCTION ? node->function.range
                                             : node->from.range;
  switch (node->kind) {
  case PLAN_SOURCE:
    buffer_append_string(&e->text, "Source Scan on ");
    append_range(e, number, ranges[number].relation->name);
    break;
  case PLAN_SYSTEM:
    buffer_append_string(&e->text, "Seq Scan on ");
    append_range(e, number, ranges[number].system->name);
    break;
  case PLAN_FUNCTION:
    buffer_append_string(&e->text, "Function Scan on ");
    append_range(e, number, ranges[number].function);
    break;
  case PLAN_SHARED:
    buffer_append_string(&e->text, ranges[number].function ? "CTE Scan on " : "Materialize");
    if (ranges[number].function)
      append_range(e, number, ranges[number].function);
    break;
  case PLAN_WORKING:
    buffer_append_string(&e->text, "WorkTable Scan on ");
    name_deparse(ranges[number].alias, &e->text);
    break;
  default:
    buffer_append_string(&e->text, node->kind == PLAN_VALUES ? "Values Scan on " : "Subquery Scan on ");
    name_deparse(ranges[number].alias ? ranges[number].alias : "*VALUES*", &e->text);
  }
  end_node_line(e, node);
}

static void explain_join(struct explaining *e, const struct plan_node *node, int depth)
{
  bool is_left = node->join.form == JOIN_FORM_LEFT;
  if (node->kind == PLAN_LOOKUP)
    buffer_append_string(&e->text, "Hash Lookup");
  else if (node->join.form == JOIN_FORM_FULL)
    buffer_append_string(&e->text, "Hash Full Join");
  else if (node->kind == PLAN_HASH_JOIN)
    buffer_append_string(&e->text, is_left ? "Hash Left Join" : "Hash Join");
  else
    buffer_append_string(&e->text, is_left ? "Nested Loop Left Join" : "Nested Loop");
  end_node_line(e, node);
  if (node->kind == PLAN_HASH_JOIN || node->kind == PLAN_LOOKUP)
    details(e, depth, "Hash Cond: ", node->join.key_nodes, node->join.key_count);
  detail(e, depth, node->kind == PLAN_LOOKUP ? "Filter: " : "Join Filter: ", node->condition);
}

static void explain_named(struct explaining *e, const struct plan_node *node, const char *name)
{
  buffer_append_string(&e->text, name);
  end_node_line(e, node);
}

static void explain_distinct(struct explaining *e, const struct plan_node *node, int depth)
{
  explain_named(e, node, "HashAggregate");
  begin_detail(e, depth, "Group Key: ");
  for (int i = 0; i < node->distinct.column_count; i++) {
    const struct node *key = node->distinct.targets[i].expression;
    bool is_constant = key->kind == NODE_CONSTANT;
    buffer_append_string(&e->text, i ? ", " : "");
    buffer_append_string(&e->text, is_constant ? "(" : "");
    node_deparse(e->plan, key, e->qualified, &e->text);
    buffer_append_string(&e->text, is_constant ? ")" : "");
  }
  buffer_append_u8(&e->text, '\n');
}

// PostgreSQL appends both sides, each with a mark, before it hashes them.
static void explain_set(struct explaining *e, const struct plan_node *node, int depth)
{
  const struct plan_node *sides[] = {node->left, node->right};
  buffer_format(&e->text, "HashSetOp %s%s", node->set.kind == SET_INTERSECT ? "Intersect" : "Except",
                node->set.is_all ? " All" : "");
  end_node_line(e, node);
  begin_line(e, depth + 1);
  explain_named(e, node, "Append");
  for (int i = 0; i < 2; i++) {
    begin_line(e, depth + 2);
    buffer_format(&e->text, "Subquery Scan on \"*SELECT* %d\"", i + 1);
    end_node_line(e, sides[i]);
    explain_node(e, sides[i], depth + 3, NULL);
  }
}

// The node's own lines. True: its conditions are printed already.
static bool explain_head(struct explaining *e, const struct plan_node *node, int depth)
{
  switch (node->kind) {
  case PLAN_SCAN: explain_scan(e, node, depth); break;
  case PLAN_SOURCE:
  case PLAN_SYSTEM:
  case PLAN_FUNCTION:
  case PLAN_VALUES:
  case PLAN_SHARED:
  case PLAN_WORKING:
  case PLAN_SUBQUERY: explain_from(e, node); break;
  case PLAN_RECURSION: explain_named(e, node, "Recursive Union"); break;
  case PLAN_LOOP:
  case PLAN_LOOKUP:
  case PLAN_HASH_JOIN: explain_join(e, node, depth); return true;
  case PLAN_AGGREGATE: explain_aggregate(e, node, depth); break;
  case PLAN_SORT: explain_sort(e, node, depth); break;
  case PLAN_GATE:
    explain_named(e, node, "Result");
    detail(e, depth, "One-Time Filter: ", node->condition);
    return true;
  case PLAN_ROW: explain_named(e, node, "Result"); break;
  case PLAN_MATERIAL: explain_named(e, node, "Materialize"); break;
  case PLAN_COUNT: explain_named(e, node, "Row Count"); break;
  case PLAN_DISTINCT: explain_distinct(e, node, depth); break;
  case PLAN_APPEND: explain_named(e, node, "Append"); break;
  case PLAN_SET: explain_set(e, node, depth); break;
  case PLAN_EXPAND: explain_named(e, node, "ProjectSet"); break;
  case PLAN_WINDOW: explain_named(e, node, "WindowAgg"); break;
  case PLAN_CLAIM: explain_named(e, node, "LockRows"); break;
  case PLAN_UNIQUE: explain_named(e, node, "Unique"); break;
  case PLAN_LIMIT: explain_named(e, node, "Limit"); break;
  case PLAN_FILTER:
  case PLAN_PROJECT: break;
  }
  return false;
}

static void explain_node(struct explaining *e, const struct plan_node *node, int depth, const struct node *extra)
{
  // Targets have no line of their own; conditions behind a left join stand at the join.
  if (node->kind == PLAN_PROJECT || node->kind == PLAN_FILTER) {
    explain_node(e, node->left, depth, node->kind == PLAN_FILTER ? node->condition : NULL);
    return;
  }
  begin_line(e, depth);
  if (!explain_head(e, node, depth))
    detail(e, depth, "Filter: ", node->condition);
  detail(e, depth, "Filter: ", extra);
  if (node->kind == PLAN_SET)
    return;
  if (node->kind == PLAN_SHARED && !e->plan->statement->ranges[node->from.range].function)
    explain_node(e, e->plan->shared[e->plan->statement->ranges[node->from.range].number].root, depth + 1, NULL);
  for (int i = 0; node->kind == PLAN_APPEND && i < node->append.arm_count; i++)
    explain_node(e, node->append.arms[i], depth + 1, NULL);
  bool sorts = node->kind == PLAN_WINDOW && explain_window_sort(e, node, depth + 1);
  if (node->left)
    explain_node(e, node->left, depth + 1 + sorts, NULL);
  if (!node->right)
    return;
  if (node->kind == PLAN_HASH_JOIN) {
    begin_line(e, depth + 1);
    explain_named(e, node->right, "Hash");
    explain_node(e, node->right, depth + 2, NULL);
  } else
    explain_node(e, node->right, depth + 1, NULL);
}

static void explain_modification(struct explaining *e, int depth)
{
  static const char *const names[] = {
      [STATEMENT_INSERT] = "Insert", [STATEMENT_UPDATE] = "Update", [STATEMENT_DELETE] = "Delete",
      [STATEMENT_MERGE] = "Merge"};
  const struct plan *plan = e->plan;
  const struct modification *modification = plan->modification->modification;
  double cost = plan->root ? plan->root->cost : 1;
  begin_line(e, depth);
  buffer_format(&e->text, "%s on ", names[plan->statement->kind]);
  name_deparse(modification->relation->name, &e->text);
  end_line(e, 0, cost, 0, 0);
  if (modification->conflict != CONFLICT_ERROR) {
    begin_detail(e, depth, "Conflict Resolution: ");
    buffer_append_string(&e->text, modification->conflict == CONFLICT_NOTHING ? "NOTHING\n" : "UPDATE\n");
    if (modification->arbiter >= 0) {
      begin_detail(e, depth, "Conflict Arbiter Indexes: ");
      name_deparse(modification->relation->indexes[modification->arbiter].name, &e->text);
      buffer_append_u8(&e->text, '\n');
    }
    if (modification->conflict_where)
      detail(e, depth, "Conflict Filter: ", modification->conflict_where);
  }
  if (plan->root) {
    explain_node(e, plan->root, depth + 1, NULL);
    return;
  }
  begin_line(e, depth + 1);
  buffer_append_string(&e->text, "Result");
  end_line(e, 0, 1, 1, 0);
}

static void explain_part(struct explaining *e, const struct plan *part)
{
  const struct plan *whole = e->plan;
  e->plan = part;
  explain_modification(e, 1);
  e->plan = whole;
}

static int split_lines(struct explaining *e, const char ***lines, int *line_count, struct error *error)
{
  int count = 0;
  for (size_t i = 0; i < e->text.size; i++)
    count += e->text.data[i] == '\n';
  *lines = ARENA_ARRAY(e->arena, const char *, count + 1);
  char *copy = arena_copy(e->arena, e->text.data, e->text.size);
  if (!*lines || !copy || e->text.failed)
    return error_memory(error);
  *line_count = count;
  for (int i = 0; i < count; i++) {
    (*lines)[i] = copy;
    copy = strchr(copy, '\n');
    *copy++ = 0;
  }
  return 0;
}

static int count_sources(const struct statement *statement)
{
  int count = 0;
  for (int i = 0; i < statement->range_count; i++)
    count += statement->ranges[i].kind != RANGE_GROUP && statement->ranges[i].kind != RANGE_WINDOW &&
             statement->ranges[i].kind != RANGE_ROW;
  return count;
}

int plan_explain(const struct plan *plan, const struct explain_options *options, struct arena *arena,
                 const char ***lines, int *line_count, struct error *error)
{
  struct explaining e = {.plan = plan,
                         .options = options,
                         .arena = arena,
                         .qualified = count_sources(plan->statement) > 1 || (options && options->verbose)};
  if (plan->modification)
    explain_modification(&e, 0);
  else
    explain_node(&e, plan->root, 0, NULL);
  for (int i = 0; i < plan->statement->shared_count; i++) {
    if (!plan->statement->shared[i].name)
      continue;
    begin_detail(&e, 0, "CTE ");
    name_deparse(plan->statement->shared[i].name, &e.text);
    buffer_append_u8(&e.text, '\n');
    if (plan->shared[i].root)
      explain_node(&e, plan->shared[i].root, 1, NULL);
    else
      explain_part(&e, plan->parts[plan->statement->shared[i].part]);
  }
  for (int i = 0; i < plan->statement->subquery_count; i++) {
    begin_detail(&e, 0, "");
    buffer_format(&e.text, "SubPlan %d\n", i + 1);
    explain_node(&e, plan->subqueries[i].root, 1, NULL);
  }
  int status = split_lines(&e, lines, line_count, error);
  buffer_deinit(&e.text);
  return status;
}
