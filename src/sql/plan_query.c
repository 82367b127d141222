// From a bound query to nodes: FROM and WHERE, groups, targets, DISTINCT, ORDER BY, LIMIT; and changes.
#include <math.h>
#include <string.h>

#include "sql/plan_node.h"

struct range_reading {
  int range; // -1: none, -2: several
};

static bool note_range(const struct node *node, void *context)
{
  struct range_reading *reading = context;
  if (node->kind == NODE_COLUMN)
    reading->range = reading->range == -1 || reading->range == node->range ? node->range : -2;
  return true;
}

// The range and column of a table that the node is; an index's expression is one, too.
static bool is_table_column(struct planner *planner, const struct node *node, int *range, int *column)
{
  struct range_reading reading = {.range = -1};
  node_walk(node, note_range, &reading);
  if (reading.range < 0 || planner->statement->ranges[reading.range].kind != RANGE_TABLE)
    return false;
  *range = reading.range;
  *column = node->kind == NODE_COLUMN
                ? node->column
                : relation_expression_of(planner->statement->ranges[*range].relation, node, *range);
  return *column >= 0;
}

// What ORDER BY asks, if the rows of one table can come in that order by themselves.
static bool find_wanted_order(struct planner *planner, const struct query *query, struct wanted_order *order)
{
  *order = (struct wanted_order){.range = -1};
  if (query->is_grouped || query->window_call_count || query->order_count == 0 || query->order_count > 8)
    return false;
  for (int i = 0; i < query->order_count; i++) {
    const struct node *node = query->targets[query->order[i].column].expression;
    int range, column;
    if (!is_table_column(planner, node, &range, &column) || (order->range >= 0 && range != order->range))
      return false;
    order->range = range;
    order->keys[order->count].column = column;
    order->keys[order->count].is_descending = query->order[i].is_descending;
    order->keys[order->count++].nulls_first = query->order[i].nulls_first;
  }
  double limit = query->limit ? 100 : 0;
  if (query->limit && query->limit->kind == NODE_CONSTANT && !query->limit->constant.is_null)
    limit = fmax(1, (double)query->limit->constant.integer);
  if (limit > 0 && query->offset)
    limit += query->offset->kind == NODE_CONSTANT && !query->offset->constant.is_null
                 ? (double)query->offset->constant.integer
                 : 100;
  order->limit = limit;
  return true;
}

// min(column) and max(column) alone: the first row in that column's order is enough.
static bool find_extreme(const struct query *query, struct wanted_order *order)
{
  if (!query->is_grouped || query->group_key_count || query->aggregate_count != 1 || !query->from ||
      query->from->kind != JOIN_RANGE)
    return false;
  const struct aggregate_call *call = &query->aggregates[0];
  const char *name = aggregate_call_name(call);
  bool is_minimum = !strcmp(name, "min"), is_maximum = !strcmp(name, "max");
  if ((!is_minimum && !is_maximum) || call->filter || query->set_count || call->arguments[0]->kind != NODE_COLUMN ||
      call->arguments[0]->range != query->from->range)
    return false;
  *order = (struct wanted_order){.range = query->from->range, .count = 1, .limit = 1};
  order->keys[0].column = call->arguments[0]->column;
  order->keys[0].is_descending = is_maximum;
  order->keys[0].nulls_first = is_maximum;
  return true;
}

static bool reads_one_table(const struct planner *planner, const struct query *query)
{
  return query->from && query->from->kind == JOIN_RANGE &&
         planner->statement->ranges[query->from->range].kind == RANGE_TABLE;
}

// Groups by columns that an order of one table can bring together.
static bool find_group_order(struct planner *planner, const struct query *query, struct wanted_order *order)
{
  if (!query->is_grouped || query->set_count || query->group_key_count == 0 || query->group_key_count > 8 ||
      !reads_one_table(planner, query))
    return false;
  *order = (struct wanted_order){.range = query->from->range, .is_for_groups = true};
  for (int i = 0; i < query->group_key_count; i++) {
    const struct node *key = query->group_keys[i];
    if (key->kind != NODE_COLUMN || key->range != order->range)
      return false;
    order->keys[order->count++].column = key->column;
  }
  return true;
}

static bool is_whole_count(struct planner *planner, const struct query *query)
{
  if (!query->is_grouped || query->group_key_count || query->set_count || query->aggregate_count != 1 ||
      query->where || !reads_one_table(planner, query))
    return false;
  const struct aggregate_call *call = &query->aggregates[0];
  return !strcmp(aggregate_call_name(call), "count") && call->argument_count == 0 && !call->filter &&
         !call->is_distinct;
}

static bool is_steady(const struct node *node, void *context)
{
  return node->kind != NODE_CALL || node->function->volatility < FUNCTION_KEPT;
}

// What reads no range of the query and is another one each time (random()) is asked for each row.
static int add_draws(struct planner *planner, struct conjuncts *conjuncts, struct plan_node **node)
{
  struct plan_node *filter = NULL;
  for (int i = 0; i < conjuncts->count; i++) {
    if (conjuncts->list[i].is_used || node_walk(conjuncts->list[i].node, is_steady, NULL))
      continue;
    if (!filter && !(filter = plan_above(planner, PLAN_FILTER, *node)))
      return error_memory(planner->error);
    int status = node_add_filter(planner, filter, &conjuncts->list[i]);
    if (status)
      return status;
  }
  *node = filter ? filter : *node;
  return 0;
}

// Conditions that read no range of the query decide once whether there are rows at all.
static int add_gate(struct planner *planner, struct conjuncts *conjuncts, struct plan_node **node)
{
  struct plan_node *gate = NULL;
  int drawn = add_draws(planner, conjuncts, node);
  if (drawn)
    return drawn;
  for (int i = 0; i < conjuncts->count; i++) {
    if (conjuncts->list[i].is_used)
      continue;
    if (!gate && !(gate = plan_node_new(planner, PLAN_GATE)))
      return error_memory(planner->error);
    int status = node_add_filter(planner, gate, &conjuncts->list[i]);
    if (status)
      return status;
  }
  if (gate) {
    gate->left = *node;
    gate->rows = (*node)->rows;
    gate->start_cost = (*node)->start_cost;
    gate->cost = (*node)->cost;
    *node = gate;
  }
  return 0;
}

static int plan_source_rows(struct planner *planner, const struct query *query, const struct wanted_order *order,
                            bool *is_ordered, struct plan_node **node)
{
  struct conjuncts conjuncts = {0};
  int status = conjuncts_split(planner, query->where, &conjuncts);
  range_set own = set_new(planner), outer = set_new(planner);
  if (!own || !outer)
    return error_memory(planner->error);
  if (status)
    return status;
  struct join *from = query->from;
  join_ranges(from, own);
  if (from)
    status = plan_in(planner, &conjuncts, own, &from);
  if (status)
    return status;
  join_ranges(from, own);
  *is_ordered = false;
  if (from)
    status = plan_from(planner, from, &conjuncts, own, outer, order, is_ordered, node);
  else {
    *node = plan_node_new(planner, PLAN_ROW);
    if (!*node)
      return error_memory(planner->error);
    (*node)->rows = 1;
    (*node)->cost = 0.01;
  }
  if (!status)
    status = add_gate(planner, &conjuncts, node);
  const struct plan_node *plain = *node;
  if (!status && query->from)
    status = plan_lookup(planner, query, own, node);
  *is_ordered &= *node == plain;
  return status;
}

static int plan_groups(struct planner *planner, const struct query *query, bool is_ordered, bool is_extreme,
                       struct plan_node **node)
{
  struct plan_node *made = plan_node_new(planner, PLAN_AGGREGATE);
  if (!made)
    return error_memory(planner->error);
  struct plan_aggregate *aggregate = &made->aggregate;
  aggregate->form = query->set_count                ? AGGREGATE_HASHED
                    : query->group_key_count == 0 ? AGGREGATE_PLAIN
                    : is_ordered                    ? AGGREGATE_SORTED
                                                    : AGGREGATE_HASHED;
  aggregate->sets = query->sets;
  aggregate->set_count = query->set_count;
  aggregate->set_key_count = query->set_key_count;
  aggregate->stops_at_first = is_extreme && is_ordered;
  aggregate->range = query->group_range;
  aggregate->key_count = query->group_key_count;
  aggregate->call_count = query->aggregate_count;
  aggregate->calls = ARENA_ARRAY(planner->arena, struct plan_aggregate_call, query->aggregate_count + 1);
  if (!aggregate->calls)
    return error_memory(planner->error);
  int status = expressions_make(planner, query->group_keys, query->group_key_count, &aggregate->keys);
  range_set own = set_new(planner);
  if (!own)
    return error_memory(planner->error);
  join_ranges(query->from, own);
  if (!status && aggregate->form == AGGREGATE_HASHED)
    status = node_slots(planner, made, own);
  for (int i = 0; !status && i < query->aggregate_count; i++)
    status = plan_aggregate_call(planner, &query->aggregates[i], aggregate, &aggregate->calls[i]);
  made->left = *node;
  made->rows = query->group_key_count ? fmax(1, fmin((*node)->rows, 200)) : 1;
  made->cost = (*node)->cost + (*node)->rows * 0.0125;
  made->start_cost = aggregate->form == AGGREGATE_SORTED ? (*node)->start_cost : made->cost;
  *node = made;
  return status;
}

static int add_having(struct planner *planner, const struct query *query, struct plan_node *node)
{
  struct conjuncts conjuncts = {0};
  int status = conjuncts_split(planner, query->having, &conjuncts);
  for (int i = 0; !status && i < conjuncts.count; i++)
    status = node_add_filter(planner, node, &conjuncts.list[i]);
  return status;
}

static int target_expressions(struct planner *planner, const struct target *targets, int count,
                              struct expression **list)
{
  *list = ARENA_ARRAY(planner->arena, struct expression, count + 1);
  if (!*list)
    return error_memory(planner->error);
  int status = 0;
  for (int i = 0; !status && i < count; i++)
    status = expression_make(planner, targets[i].expression, &(*list)[i]);
  return status;
}

static int plan_project(struct planner *planner, const struct query *query, struct plan_node **node)
{
  struct plan_node *made = plan_node_new(planner, PLAN_PROJECT);
  struct expression *targets;
  if (!made)
    return error_memory(planner->error);
  int status = target_expressions(planner, query->targets, query->target_count, &targets);
  if (status)
    return status;
  for (int i = 0; i < query->target_count; i++) {
    const struct type_info *info = type_info(targets[i].type);
    made->width += i < query->visible_count ? (info->storage == STORAGE_BYTES ? 32 : info->row_size) : 0;
  }
  made->project.targets = targets;
  made->project.target_count = query->target_count;
  made->left = *node;
  made->rows = (*node)->rows;
  made->start_cost = (*node)->start_cost;
  made->cost = (*node)->cost;
  *node = made;
  return 0;
}

static enum type_id *target_types(struct planner *planner, const struct query *query)
{
  enum type_id *types = ARENA_ARRAY(planner->arena, enum type_id, query->target_count + 1);
  for (int i = 0; types && i < query->target_count; i++)
    types[i] = query->targets[i].expression->type.id;
  return types;
}

struct plan_node *plan_above(struct planner *planner, enum plan_kind kind, struct plan_node *below)
{
  struct plan_node *made = plan_node_new(planner, kind);
  if (!made)
    return NULL;
  made->left = below;
  made->rows = below->rows;
  made->start_cost = below->start_cost;
  made->cost = below->cost;
  made->width = below->width;
  return made;
}

// How rows are ordered, for what compares them with each other.
static struct plan_node *order_of(struct planner *planner, const struct query *query, enum type_id *types)
{
  struct plan_node *order = ARENA_NEW(planner->arena, struct plan_node);
  if (!order)
    return NULL;
  order->kind = PLAN_SORT;
  order->sort.column_count = query->target_count;
  order->sort.order.key_count = query->order_count;
  order->sort.order.types = types;
  order->sort.order.keys = query->order;
  return order;
}

static int plan_unique(struct planner *planner, const struct query *query, enum type_id *types, struct plan_node **node)
{
  struct plan_node *made = plan_above(planner, PLAN_UNIQUE, *node);
  struct plan_node *order = order_of(planner, query, types);
  if (!made || !order)
    return error_memory(planner->error);
  order->sort.order.key_count = query->unique_count;
  made->unique.order = order;
  made->unique.key_count = query->unique_count;
  made->rows = fmin(made->rows, 200);
  *node = made;
  return 0;
}

static int plan_limit(struct planner *planner, const struct query *query, enum type_id *types, struct plan_node *sort,
                      struct plan_node **node)
{
  if (!query->limit && !query->offset)
    return 0;
  struct plan_node *made = plan_above(planner, PLAN_LIMIT, *node);
  struct expression *bounds = ARENA_ARRAY(planner->arena, struct expression, 2);
  if (!made || !bounds)
    return error_memory(planner->error);
  if (query->has_ties && !(made->limit.ties = order_of(planner, query, types)))
    return error_memory(planner->error);
  int status = 0;
  if (query->limit) {
    made->limit.count = &bounds[0];
    status = expression_make(planner, query->limit, &bounds[0]);
    if (query->limit->kind == NODE_CONSTANT && !query->limit->constant.is_null)
      made->rows = fmin(made->rows, fmax(1, (double)query->limit->constant.integer));
  }
  if (!status && query->offset) {
    made->limit.offset = &bounds[1];
    status = expression_make(planner, query->offset, &bounds[1]);
  }
  // Rows that are left out make room for others, and ties come on top.
  if (sort && query->limit && !query->lock_count && !query->unique_count && !query->has_ties)
    sort->sort.limit = made;
  made->cost = made->start_cost + ((*node)->cost - made->start_cost) * (made->rows / fmax(1, (*node)->rows));
  *node = made;
  return status;
}

// Rows are claimed in the order in which they are given, and no more of them than are wanted.
static int plan_claim(struct planner *planner, const struct query *query, struct plan_node **node)
{
  struct plan_node *made = plan_above(planner, PLAN_CLAIM, *node);
  if (!made)
    return error_memory(planner->error);
  made->claim.locks = query->locks;
  made->claim.lock_count = query->lock_count;
  const struct plan_node *project = *node;
  if (project->kind == PLAN_PROJECT && project->left->kind == PLAN_SCAN && project->left->scan.is_point)
    made->claim.point = &project->left->scan;
  *node = made;
  return 0;
}

static int plan_order(struct planner *planner, const struct query *query, bool is_ordered, struct plan_node **node)
{
  struct plan_node *sort = NULL;
  enum type_id *types = target_types(planner, query);
  if (!types)
    return error_memory(planner->error);
  if (query->is_distinct) {
    struct plan_node *distinct = plan_above(planner, PLAN_DISTINCT, *node);
    if (!distinct)
      return error_memory(planner->error);
    distinct->distinct.column_count = query->visible_count;
    distinct->distinct.types = types;
    distinct->distinct.targets = query->targets;
    distinct->rows = fmin(distinct->rows, 200);
    distinct->cost += (*node)->rows * 0.0125;
    *node = distinct;
  }
  if (query->order_count && !is_ordered) {
    sort = plan_above(planner, PLAN_SORT, *node);
    if (!sort)
      return error_memory(planner->error);
    sort->sort.column_count = query->target_count;
    sort->sort.order.key_count = query->order_count;
    sort->sort.order.types = types;
    sort->sort.order.keys = query->order;
    sort->sort.targets = query->targets;
    sort->start_cost = sort->cost + sort->rows * 0.02 * log2(sort->rows + 1);
    sort->cost = sort->start_cost + sort->rows * 0.0025;
    *node = sort;
  }
  int status = query->unique_count ? plan_unique(planner, query, types, node) : 0;
  if (!status && query->lock_count)
    status = plan_claim(planner, query, node);
  return status ? status : plan_limit(planner, query, types, sort, node);
}

static int add_expansion(struct planner *planner, const struct query *query, int level, struct plan_node **node)
{
  struct plan_node *made = plan_above(planner, PLAN_EXPAND, *node);
  if (!made || !(made->append.arms = ARENA_ARRAY(planner->arena, struct plan_node *, query->expansion_count)))
    return error_memory(planner->error);
  int status = 0;
  for (int i = 0; i < query->expansion_count && !status; i++)
    if (query->expansions[i].level == level)
      status = plan_function_range(planner, query->expansions[i].range, &made->append.arms[made->append.arm_count++]);
  *node = made;
  if (status || !made->append.arm_count)
    return status;
  made->rows *= made->append.arms[0]->rows;
  made->cost += made->rows * 0.01;
  return 0;
}

int plan_expansions(struct planner *planner, const struct query *query, struct plan_node **node)
{
  int levels = 0, status = 0;
  for (int i = 0; i < query->expansion_count; i++)
    levels = query->expansions[i].level >= levels ? query->expansions[i].level + 1 : levels;
  for (int level = 0; level < levels && !status; level++)
    status = add_expansion(planner, query, level, node);
  return status;
}

int plan_query(struct planner *planner, const struct query *query, struct plan_node **node)
{
  struct wanted_order order;
  bool is_extreme = find_extreme(query, &order);
  bool wants = is_extreme || find_wanted_order(planner, query, &order) || find_group_order(planner, query, &order);
  bool is_ordered = false;
  int status;
  if (query->is_grouped)
    planner->plan->queries[query->group_range] = query;
  if (query->window_call_count)
    planner->plan->queries[query->window_range] = query;
  if (is_bare_set(planner, query)) {
    status = plan_set_operation(planner, query->from->range, node);
    return status ? status : plan_order(planner, query, false, node);
  }
  if (is_whole_count(planner, query)) {
    *node = plan_node_new(planner, PLAN_COUNT);
    if (!*node)
      return error_memory(planner->error);
    (*node)->count.range = query->group_range;
    (*node)->count.tree = planner->statement->ranges[query->from->range].relation->tree;
    (*node)->rows = 1;
    status = 0;
  } else {
    status = plan_source_rows(planner, query, wants ? &order : NULL, &is_ordered, node);
    if (!status && query->is_grouped)
      status = plan_groups(planner, query, is_ordered, is_extreme, node);
  }
  if (query->is_grouped)
    is_ordered = false;
  if (!status)
    status = add_having(planner, query, *node);
  if (!status && query->window_call_count)
    status = plan_windows(planner, query, node);
  if (!status)
    status = plan_expansions(planner, query, node);
  if (!status)
    status = plan_project(planner, query, node);
  return status ? status : plan_order(planner, query, is_ordered, node);
}

// --- Changes --------------------------------------------------------------------------------------------

static int assignment_expressions(struct planner *planner, const struct assignment *assignments, int count,
                                  struct expression **list)
{
  *list = ARENA_ARRAY(planner->arena, struct expression, count + 1);
  if (!*list)
    return error_memory(planner->error);
  int status = 0;
  for (int i = 0; !status && i < count; i++)
    status = expression_make(planner, assignments[i].value, &(*list)[i]);
  return status;
}

static bool reads_tables(const struct statement *statement)
{
  for (int i = 0; i < statement->range_count; i++) {
    enum range_kind kind = statement->ranges[i].kind;
    if ((kind == RANGE_TABLE && i != statement->modification->target_range) || kind == RANGE_SYSTEM)
      return true;
  }
  return false;
}

static int plan_insert_source(struct planner *planner, const struct modification *modification)
{
  struct plan *plan = planner->plan;
  int status = expressions_make(planner, modification->values, modification->relation->schema.column_count,
                                &plan->modification->values);
  if (status)
    return status;
  plan->modification->is_streamed = !reads_tables(planner->statement);
  if (modification->source_range < 0)
    return 0;
  struct join *join = ARENA_NEW(planner->arena, struct join);
  struct conjuncts none = {0};
  range_set own = set_new(planner), outer = set_new(planner);
  if (!join || !own || !outer)
    return error_memory(planner->error);
  join->range = modification->source_range;
  set_add(own, modification->source_range);
  return plan_from(planner, join, &none, own, outer, NULL, NULL, &plan->root);
}

struct assigned_columns {
  const struct modification *modification;
  bool found;
};

static bool find_assigned(const struct node *node, void *context)
{
  struct assigned_columns *assigned = context;
  const struct modification *modification = assigned->modification;
  assigned->found |= node->kind == NODE_COLUMN && node->range == modification->target_range &&
                     node->column < modification->relation->schema.column_count &&
                     assignments_change(modification->relation, modification->assignments, modification->assignment_count,
                                        node->column);
  return !assigned->found;
}

// May the UPDATE's own change take the row out of its WHERE?
static bool reads_assigned(const struct statement *statement)
{
  struct assigned_columns assigned = {.modification = statement->modification};
  if (statement->query->where)
    node_walk(statement->query->where, find_assigned, &assigned);
  return assigned.found;
}

static bool find_subquery(const struct node *node, void *context)
{
  bool *found = context;
  *found |= node->kind == NODE_SUBQUERY;
  return !*found;
}

// Are there subqueries in what is computed between one row that is inserted and the next?
static bool reads_while_writing(const struct statement *statement)
{
  const struct modification *modification = statement->modification;
  bool found = false;
  for (int i = 0; i < modification->returning_count; i++)
    node_walk(modification->returning[i].expression, find_subquery, &found);
  for (int i = 0; i < modification->assignment_count; i++)
    node_walk(modification->assignments[i].value, find_subquery, &found);
  if (modification->conflict_where)
    node_walk(modification->conflict_where, find_subquery, &found);
  found &= statement->kind == STATEMENT_INSERT;
  for (int i = 0; i < modification->check_count; i++)
    node_walk(modification->checks[i].condition, find_subquery, &found);
  return found && reads_tables(statement);
}

static int plan_checks(struct planner *planner, const struct modification *modification)
{
  struct expression *checks = ARENA_ARRAY(planner->arena, struct expression, modification->check_count);
  planner->plan->modification->checks = checks;
  int status = checks ? 0 : error_memory(planner->error);
  for (int i = 0; i < modification->check_count && !status; i++)
    status = expression_make(planner, modification->checks[i].condition, &checks[i]);
  return status;
}

static int plan_actions(struct planner *planner, const struct modification *modification)
{
  struct plan_action *actions = ARENA_ARRAY(planner->arena, struct plan_action, modification->action_count + 1);
  planner->plan->modification->actions = actions;
  if (!actions)
    return error_memory(planner->error);
  int status = 0;
  for (int i = 0; i < modification->action_count && !status; i++) {
    const struct merge_action *action = &modification->actions[i];
    if (action->condition) {
      actions[i].condition = ARENA_NEW(planner->arena, struct expression);
      status = actions[i].condition ? expression_make(planner, action->condition, actions[i].condition)
                                    : error_memory(planner->error);
    }
    if (!status && action->kind == MERGE_INSERT)
      status = expressions_make(planner, action->values, modification->relation->schema.column_count, &actions[i].values);
    if (!status && action->kind == MERGE_UPDATE)
      status = assignment_expressions(planner, action->assignments, action->assignment_count, &actions[i].assignments);
  }
  return status;
}

int plan_modification(struct planner *planner)
{
  const struct statement *statement = planner->statement;
  const struct modification *modification = statement->modification;
  struct plan_modification *made = planner->plan->modification = ARENA_NEW(planner->arena, struct plan_modification);
  if (!made)
    return error_memory(planner->error);
  made->modification = modification;
  int status;
  if (statement->kind == STATEMENT_INSERT)
    status = plan_insert_source(planner, modification);
  else {
    bool is_ordered;
    planner->statement->ranges[modification->target_range].is_identified = true;
    made->is_joined = statement->query->from->kind != JOIN_RANGE;
    status = plan_source_rows(planner, statement->query, NULL, &is_ordered, &planner->plan->root);
  }
  if (status)
    return status;
  made->reads_before = reads_while_writing(statement);
  status = assignment_expressions(planner, modification->assignments, modification->assignment_count,
                                  &made->assignments);
  if (!status && modification->action_count)
    status = plan_actions(planner, modification);
  if (!status && modification->check_count)
    status = plan_checks(planner, modification);
  if (!status && statement->kind == STATEMENT_UPDATE && reads_assigned(statement)) {
    made->recheck = ARENA_NEW(planner->arena, struct expression);
    status = made->recheck ? expression_make(planner, statement->query->where, made->recheck) : error_memory(planner->error);
  }
  if (!status)
    status = target_expressions(planner, modification->returning, modification->returning_count, &made->returning);
  if (status || !modification->conflict_where)
    return status;
  made->conflict_where = ARENA_NEW(planner->arena, struct expression);
  return made->conflict_where ? expression_make(planner, modification->conflict_where, made->conflict_where)
                              : error_memory(planner->error);
}

// A statement on one row that needs no iterators.
void plan_find_short(struct planner *planner)
{
  struct plan *plan = planner->plan;
  const struct statement *statement = planner->statement;
  if (statement->modification && statement->modification->check_count)
    return;
  if (statement->kind == STATEMENT_INSERT) {
    if (!plan->root && statement->modification->relation->kind == RELATION_TABLE &&
        statement->modification->returning_count == 0)
      plan->short_form = SHORT_INSERT;
    return;
  }
  const struct plan_node *scan = plan->root;
  if (statement->kind == STATEMENT_SELECT) {
    if (scan->kind != PLAN_PROJECT || scan->filter_count)
      return;
    plan->short_project = scan;
    scan = scan->left;
  } else if (statement->modification->returning_count || statement->kind == STATEMENT_MERGE)
    return;
  if (scan->kind != PLAN_SCAN || !scan->scan.is_point)
    return;
  plan->short_scan = scan;
  plan->short_form = statement->kind == STATEMENT_SELECT   ? SHORT_SELECT
                     : statement->kind == STATEMENT_UPDATE ? SHORT_UPDATE
                                                           : SHORT_DELETE;
}
