// GROUP BY, HAVING and aggregates: what a grouping query selects is written anew over its groups.
//
// 1. An expression that equals a group key becomes that column of the group range; aggregates are its columns behind
//    the keys; what is left of the query's own columns is an error, in subqueries too.
// 2. A column of a table whose whole primary key is grouped by follows from it, and is made a key of its own.
// 3. Writing anew twice does no harm: columns of the group range stay as they are. Subqueries are changed in place.
#include "sql/binder.h"

struct regroup {
  struct binder *binder;
  struct scope *scope;
  struct query *query;
  int key_capacity;
  bool in_subquery;
};

static struct node *regroup_node(struct regroup *regroup, struct node *node);
static int regroup_query(struct regroup *regroup, struct query *query);

static const struct item *own_item(const struct regroup *regroup, int range)
{
  const struct items *items = &regroup->scope->items;
  for (int i = 0; i < items->count; i++)
    if (items->items[i].range == range)
      return &items->items[i];
  return NULL;
}

static bool has_key(const struct regroup *regroup, int range, int column)
{
  for (int i = 0; i < regroup->query->group_key_count; i++) {
    const struct node *key = regroup->query->group_keys[i];
    if (key->kind == NODE_COLUMN && key->range == range && key->column == column)
      return true;
  }
  return false;
}

static bool follows_from_keys(const struct regroup *regroup, int range)
{
  const struct range *at = &regroup->binder->statement->ranges[range];
  if (at->kind != RANGE_TABLE || at->relation->key_count == 0)
    return false;
  for (int i = 0; i < at->relation->key_count; i++)
    if (!has_key(regroup, range, at->relation->key[i].column))
      return false;
  return true;
}

static struct node *group_column(struct regroup *regroup, const struct node *node, int column)
{
  struct node *made =
      node_column(regroup->binder->arena, node->type, regroup->query->group_range, column, node->position);
  return made ? made : bind_memory(regroup->binder);
}

static struct node *regroup_column(struct regroup *regroup, struct node *node)
{
  struct binder *binder = regroup->binder;
  struct query *query = regroup->query;
  if (node->range == query->group_range || !bind_join_has(query->from, node->range))
    return node;
  if (follows_from_keys(regroup, node->range)) {
    if (!bind_grow(binder, &query->group_keys, query->group_key_count, &regroup->key_capacity,
                   sizeof *query->group_keys))
      return NULL;
    query->group_keys[query->group_key_count] = node;
    return group_column(regroup, node, query->group_key_count++);
  }
  const struct range *range = &binder->statement->ranges[node->range];
  const struct item *item = own_item(regroup, node->range);
  const char *table = item && item->name ? item->name : range->alias;
  if (regroup->in_subquery)
    return bind_fail(binder, node->position, SQLSTATE_GROUPING_ERROR,
                     "subquery uses ungrouped column \"%s.%s\" from outer query", table,
                     range->columns[node->column].name);
  return bind_fail(binder, node->position, SQLSTATE_GROUPING_ERROR,
                   "column \"%s.%s\" must appear in the GROUP BY clause or be used in an aggregate function", table,
                   range->columns[node->column].name);
}

static struct node *regroup_arguments(struct regroup *regroup, struct node *node)
{
  struct node *copy = node;
  for (int i = 0; i < node->argument_count; i++) {
    struct node *argument = regroup_node(regroup, node->arguments[i]);
    if (!argument)
      return NULL;
    if (argument == node->arguments[i])
      continue;
    if (copy == node) {
      copy = bind_node(regroup->binder, node->kind, node->type, node->position, node->arguments, node->argument_count);
      if (!copy)
        return NULL;
      struct node **arguments = copy->arguments;
      *copy = *node;
      copy->arguments = arguments;
    }
    copy->arguments[i] = argument;
  }
  return copy;
}

static struct node *regroup_node(struct regroup *regroup, struct node *node)
{
  const struct query *query = regroup->query;
  if (node->kind != NODE_CONSTANT && node->kind != NODE_PARAMETER)
    for (int i = 0; i < query->group_key_count; i++)
      if (node_equal(node, query->group_keys[i]))
        return group_column(regroup, node, i);
  if (node->kind == NODE_COLUMN)
    return regroup_column(regroup, node);
  if (node->kind == NODE_SUBQUERY) {
    bool was_in_subquery = regroup->in_subquery;
    regroup->in_subquery = true;
    int status = regroup_query(regroup, regroup->binder->statement->subqueries[node->subquery].query);
    regroup->in_subquery = was_in_subquery;
    if (status)
      return NULL;
  }
  return regroup_arguments(regroup, node);
}

// --- Subqueries ------------------------------------------------------------------------------------

static int regroup_slot(struct regroup *regroup, struct node **slot)
{
  if (!*slot)
    return 0;
  *slot = regroup_node(regroup, *slot);
  return *slot ? 0 : (int)regroup->binder->error->status;
}

static int regroup_visit(void *regroup, struct node **slot)
{
  return regroup_slot(regroup, slot);
}

static int regroup_query(struct regroup *regroup, struct query *query)
{
  return query_each(regroup->binder->statement->ranges, query, regroup_visit, regroup);
}

// --- Keys ------------------------------------------------------------------------------------------

struct misplaced {
  const struct statement *statement;
  const struct node *aggregate, *window; // NULL: none found
};

static bool find_misplaced(const struct node *node, void *context)
{
  struct misplaced *found = context;
  if (node->kind == NODE_COLUMN && node->column < 0)
    found->aggregate = node;
  if (node->kind == NODE_COLUMN && found->statement->ranges[node->range].kind == RANGE_WINDOW)
    found->window = node;
  return !found->aggregate && !found->window;
}

static int add_key(struct regroup *regroup, struct node *node)
{
  struct binder *binder = regroup->binder;
  struct query *query = regroup->query;
  struct misplaced found = {.statement = binder->statement};
  node_walk(node, find_misplaced, &found);
  if (found.aggregate)
    return bind_error(binder, found.aggregate->position, SQLSTATE_GROUPING_ERROR,
                      "aggregate functions are not allowed in GROUP BY");
  if (found.window)
    return bind_error(binder, found.window->position, SQLSTATE_WINDOWING_ERROR,
                      "window functions are not allowed in GROUP BY");
  int status = bind_ordered(binder, node, EQUALITY_OPERATOR, node->position);
  if (status)
    return status;
  for (int i = 0; i < query->group_key_count; i++)
    if (node_equal(query->group_keys[i], node))
      return 0;
  if (!bind_grow(binder, &query->group_keys, query->group_key_count, &regroup->key_capacity, sizeof *query->group_keys))
    return binder->error->status;
  query->group_keys[query->group_key_count++] = node;
  return 0;
}

// A name means a column of FROM first, then one of the select list; ORDER BY has it the other way round.
static int bind_key(struct regroup *regroup, const PgQuery__Node *tree)
{
  struct binder *binder = regroup->binder;
  struct query *query = regroup->query;
  struct node *node = NULL;
  int target;
  if (tree->node_case == PG_QUERY__NODE__NODE_GROUPING_SET)
    return bind_error(binder, tree->grouping_set->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "grouping sets are not supported");
  if (tree->node_case == PG_QUERY__NODE__NODE_ROW_EXPR) {
    int status = 0;
    for (size_t i = 0; i < tree->row_expr->n_args && !status; i++)
      status = bind_key(regroup, tree->row_expr->args[i]);
    return status;
  }
  regroup->scope->clause = CLAUSE_GROUP;
  int found = 0;
  if (tree->node_case == PG_QUERY__NODE__NODE_COLUMN_REF && tree->column_ref->n_fields == 1 &&
      bind_string(tree->column_ref->fields[0]))
    found = bind_name_here(binder, regroup->scope, bind_string(tree->column_ref->fields[0]), tree->column_ref->location,
                           &node);
  if (!found) {
    found = bind_target_named(binder, tree, query, "GROUP BY", &target);
    if (found > 0)
      node = query->targets[target].expression;
  }
  if (found < 0)
    return found;
  if (!found)
    node = bind_expr(binder, regroup->scope, tree);
  if (!node || !(node = bind_known(binder, node)))
    return binder->error->status;
  return add_key(regroup, node);
}

static int group_columns(struct binder *binder, struct query *query)
{
  struct range range = {.kind = RANGE_GROUP, .alias = "group"};
  int status = bind_columns(binder, &range, query->group_key_count + query->aggregate_count);
  if (status)
    return status;
  for (int i = 0; i < range.column_count; i++) {
    int aggregate = i - query->group_key_count;
    range.columns[i] = (struct range_column){
        .name = aggregate < 0 ? "key" : query->aggregates[aggregate].aggregate->name,
        .type = aggregate < 0 ? query->group_keys[i]->type : query->aggregates[aggregate].type,
        .is_used = true,
    };
  }
  binder->statement->ranges[query->group_range] = range;
  return 0;
}

struct numbering {
  struct statement *statement;
  const struct query *query;
};

static int number_slot(void *context, struct node **slot);

static bool number_aggregates(const struct node *node, void *context)
{
  const struct numbering *numbering = context;
  const struct query *query = numbering->query;
  if (node->kind == NODE_COLUMN && node->range == query->group_range && node->column < 0)
    ((struct node *)(uintptr_t)node)->column = query->group_key_count - 1 - node->column;
  if (node->kind == NODE_SUBQUERY)
    (void)query_each(numbering->statement->ranges, numbering->statement->subqueries[node->subquery].query, number_slot,
                     context);
  return true;
}

static int number_slot(void *context, struct node **slot)
{
  node_walk(*slot, number_aggregates, context);
  return 0;
}

static int rewrite(struct regroup *regroup)
{
  struct query *query = regroup->query;
  int status = regroup_slot(regroup, &query->having);
  for (int i = 0; i < query->target_count && !status; i++)
    status = regroup_slot(regroup, &query->targets[i].expression);
  if (!status)
    status = query_each_window(query, regroup_visit, regroup);
  struct numbering numbering = {.statement = regroup->binder->statement, .query = query};
  return status ? status : query_each(numbering.statement->ranges, query, number_slot, &numbering);
}

int bind_grouping(struct binder *binder, struct scope *scope, const PgQuery__SelectStmt *select, struct query *query)
{
  struct regroup regroup = {.binder = binder, .scope = scope, .query = query};
  for (size_t i = 0; i < select->n_group_clause; i++) {
    int status = bind_key(&regroup, select->group_clause[i]);
    if (status)
      return status;
  }
  query->is_grouped = select->n_group_clause || query->having || scope->aggregate_count;
  if (!query->is_grouped)
    return 0;
  if (scope->group_range < 0) {
    struct range range = {.kind = RANGE_GROUP, .alias = "group"};
    scope->group_range = bind_range(binder, &range);
    if (scope->group_range < 0)
      return scope->group_range;
  }
  query->group_range = scope->group_range;
  query->aggregates = scope->aggregates;
  query->aggregate_count = scope->aggregate_count;
  int status = rewrite(&regroup);
  return status ? status : group_columns(binder, query);
}
