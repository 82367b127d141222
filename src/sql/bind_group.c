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
  bool in_subquery, in_direct; // in direct: arguments of WITHIN GROUP
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

static bool set_has_key(const struct group_set *set, int key)
{
  for (int i = 0; i < set->count; i++)
    if (set->keys[i] == key)
      return true;
  return false;
}

// Do all grouping sets have the key?
static bool is_common(const struct query *query, int key)
{
  for (int i = 0; key < query->set_key_count && i < query->set_count; i++)
    if (!set_has_key(&query->sets[i], key))
      return false;
  return true;
}

static bool has_key(const struct regroup *regroup, int range, int column)
{
  for (int i = 0; i < regroup->query->group_key_count; i++) {
    const struct node *key = regroup->query->group_keys[i];
    if (is_common(regroup->query, i) && key->kind == NODE_COLUMN && key->range == range && key->column == column)
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
  (void)!bind_error(binder, node->position, SQLSTATE_GROUPING_ERROR,
                    "column \"%s.%s\" must appear in the GROUP BY clause or be used in an aggregate function", table,
                    range->columns[node->column].name);
  if (regroup->in_direct)
    error_detail(binder->error, "Direct arguments of an ordered-set aggregate must use only grouped columns.");
  return NULL;
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

static int regroup_slots(struct regroup *regroup, struct node **slots, int count)
{
  int status = 0;
  for (int i = 0; i < count && !status; i++)
    status = regroup_slot(regroup, &slots[i]);
  return status;
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

static int refuse_key(struct binder *binder, const struct node *node)
{
  struct misplaced found = {.statement = binder->statement};
  node_walk(node, find_misplaced, &found);
  if (found.aggregate)
    return bind_error(binder, found.aggregate->position, SQLSTATE_GROUPING_ERROR,
                      "aggregate functions are not allowed in GROUP BY");
  if (found.window)
    return bind_error(binder, found.window->position, SQLSTATE_WINDOWING_ERROR,
                      "window functions are not allowed in GROUP BY");
  return bind_ordered(binder, node, EQUALITY_OPERATOR, node->position);
}

// The set has the key from now on. Its keys are in order, each once.
static int add_to_set(struct binder *binder, struct group_set *set, int key)
{
  if (set_has_key(set, key))
    return 0;
  int *keys = ARENA_ARRAY(binder->arena, int, set->count + 1), at = set->count;
  if (!keys)
    return error_memory(binder->error);
  for (int i = 0; i < set->count; i++)
    keys[i] = set->keys[i];
  for (; at > 0 && keys[at - 1] > key; at--)
    keys[at] = keys[at - 1];
  keys[at] = key;
  *set = (struct group_set){.keys = keys, .count = set->count + 1};
  return 0;
}

static int add_key(struct regroup *regroup, struct node *node, struct group_set *set)
{
  struct binder *binder = regroup->binder;
  struct query *query = regroup->query;
  int status = refuse_key(binder, node);
  if (status)
    return status;
  for (int i = 0; i < query->group_key_count; i++)
    if (node_equal(query->group_keys[i], node))
      return add_to_set(binder, set, i);
  if (!bind_grow(binder, &query->group_keys, query->group_key_count, &regroup->key_capacity, sizeof *query->group_keys))
    return binder->error->status;
  query->group_keys[query->group_key_count] = node;
  return add_to_set(binder, set, query->group_key_count++);
}

// A name means a column of FROM first, then one of the select list; ORDER BY has it the other way round.
static int bind_key(struct regroup *regroup, const PgQuery__Node *tree, struct group_set *set)
{
  struct binder *binder = regroup->binder;
  struct query *query = regroup->query;
  struct node *node = NULL;
  int target;
  if (tree->node_case == PG_QUERY__NODE__NODE_ROW_EXPR) {
    int status = 0;
    for (size_t i = 0; i < tree->row_expr->n_args && !status; i++)
      status = bind_key(regroup, tree->row_expr->args[i], set);
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
  return add_key(regroup, node, set);
}

// --- Grouping sets -----------------------------------------------------------------------------------------

enum { GROUP_SETS_MAX = 4096, CUBE_MAX = 12 }; // PostgreSQL's

struct set_list {
  struct group_set *sets;
  int count, capacity;
};

static int add_set(struct regroup *regroup, struct set_list *list, struct group_set set)
{
  if (list->count == GROUP_SETS_MAX)
    return bind_error(regroup->binder, -1, SQLSTATE_STATEMENT_TOO_COMPLEX,
                      "too many grouping sets present (maximum %d)", GROUP_SETS_MAX);
  if (!bind_grow(regroup->binder, &list->sets, list->count, &list->capacity, sizeof set))
    return regroup->binder->error->status;
  list->sets[list->count++] = set;
  return 0;
}

static int unite(struct binder *binder, struct group_set *set, const struct group_set *other)
{
  int status = 0;
  for (int i = 0; i < other->count && !status; i++)
    status = add_to_set(binder, set, other->keys[i]);
  return status;
}

// ROLLUP: the first n parts, for every n. CUBE: every choice of parts.
static int expand_parts(struct regroup *regroup, const PgQuery__GroupingSet *tree, struct set_list *list)
{
  struct binder *binder = regroup->binder;
  bool is_cube = tree->kind == PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_CUBE;
  int count = (int)tree->n_content, status = 0;
  if (is_cube && count > CUBE_MAX)
    return bind_error(binder, tree->location, SQLSTATE_TOO_MANY_COLUMNS, "CUBE is limited to %d elements", CUBE_MAX);
  struct group_set *parts = ARENA_ARRAY(binder->arena, struct group_set, count + 1);
  if (!parts)
    return error_memory(binder->error);
  for (int i = 0; i < count && !status; i++)
    status = bind_key(regroup, tree->content[i], &parts[i]);
  for (int choice = is_cube ? (1 << count) - 1 : count; choice >= 0 && !status; choice--) {
    struct group_set set = {.count = 0};
    for (int i = 0; i < count && !status; i++)
      if (is_cube ? choice >> i & 1 : i < choice)
        status = unite(binder, &set, &parts[i]);
    if (!status)
      status = add_set(regroup, list, set);
  }
  return status;
}

// The sets that one entry of GROUP BY stands for.
static int expand(struct regroup *regroup, const PgQuery__Node *tree, struct set_list *list)
{
  const PgQuery__GroupingSet *grouping = tree->grouping_set;
  struct group_set set = {.count = 0};
  if (tree->node_case != PG_QUERY__NODE__NODE_GROUPING_SET) {
    int status = bind_key(regroup, tree, &set);
    return status ? status : add_set(regroup, list, set);
  }
  if (grouping->kind == PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_EMPTY)
    return add_set(regroup, list, set);
  if (grouping->kind != PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_SETS)
    return expand_parts(regroup, grouping, list);
  if (!bind_enter(regroup->binder, grouping->location))
    return regroup->binder->error->status;
  int status = 0;
  for (size_t i = 0; i < grouping->n_content && !status; i++)
    status = expand(regroup, grouping->content[i], list);
  regroup->binder->depth--;
  return status;
}

// Each set of the one list with each of the other.
static int multiply(struct regroup *regroup, struct set_list *product, const struct set_list *by)
{
  struct set_list made = {.count = 0};
  int status = 0;
  for (int i = 0; i < product->count && !status; i++)
    for (int k = 0; k < by->count && !status; k++) {
      struct group_set set = product->sets[i];
      status = unite(regroup->binder, &set, &by->sets[k]);
      if (!status)
        status = add_set(regroup, &made, set);
    }
  *product = made;
  return status;
}

static void drop_repeated(struct set_list *list)
{
  int kept = 0;
  for (int i = 0; i < list->count; i++) {
    bool is_repeated = false;
    for (int k = 0; k < kept && !is_repeated; k++)
      is_repeated = list->sets[k].count == list->sets[i].count &&
                    (!list->sets[i].count || memcmp(list->sets[k].keys, list->sets[i].keys,
                                                    sizeof *list->sets[i].keys * (size_t)list->sets[i].count) == 0);
    if (!is_repeated)
      list->sets[kept++] = list->sets[i];
  }
  list->count = kept;
}

static bool is_no_literal(const struct node *node, void *context)
{
  return node->kind != NODE_PARAMETER && node->kind != NODE_CONSTANT;
}

static int bind_keys(struct regroup *regroup, const PgQuery__SelectStmt *select)
{
  struct query *query = regroup->query;
  struct set_list sets = {.count = 0};
  int status = add_set(regroup, &sets, (struct group_set){.count = 0});
  for (size_t i = 0; i < select->n_group_clause && !status; i++) {
    struct set_list list = {.count = 0};
    status = expand(regroup, select->group_clause[i], &list);
    if (!status)
      status = multiply(regroup, &sets, &list);
  }
  if (select->group_distinct)
    drop_repeated(&sets);
  if (status || (sets.count == 1 && sets.sets[0].count == query->group_key_count))
    return status;
  // What equals a key is NULL where a set lacks it: a literal must be seen to be the same as the key's.
  for (int i = 0; i < query->group_key_count && regroup->binder->input->parameters_are_literals; i++)
    if (!node_walk(query->group_keys[i], is_no_literal, NULL))
      return bind_error(regroup->binder, -1, SQLSTATE_SYNTAX_ERROR, "GROUP BY needs the constant");
  query->sets = sets.sets;
  query->set_count = sets.count;
  query->set_key_count = query->group_key_count;
  return 0;
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
        .name = aggregate < 0 ? "key" : aggregate_call_name(&query->aggregates[aggregate]),
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

// GROUPING: which keys its arguments are, of those that GROUP BY names.
static int find_grouping_keys(struct regroup *regroup, struct aggregate_call *call)
{
  const struct query *query = regroup->query;
  for (int i = 0; i < call->grouping_count; i++) {
    int key = 0;
    while (key < query->group_key_count && !node_equal(query->group_keys[key], call->grouping[i]))
      key++;
    if (key == query->group_key_count)
      return bind_error(regroup->binder, call->grouping[i]->position, SQLSTATE_GROUPING_ERROR,
                        "arguments to GROUPING must be grouping expressions of the associated query level");
    call->grouping_keys[i] = key;
  }
  return 0;
}

static int rewrite(struct regroup *regroup)
{
  struct query *query = regroup->query;
  int status = 0;
  for (int i = 0; i < query->aggregate_count && !status; i++)
    status = find_grouping_keys(regroup, &query->aggregates[i]);
  for (int i = 0; i < query->target_count && !status; i++)
    status = regroup_slot(regroup, &query->targets[i].expression);
  if (!status)
    status = regroup_slot(regroup, &query->having);
  if (!status)
    status = query_each_window(query, regroup_visit, regroup);
  regroup->in_direct = true;
  for (int i = 0; i < query->aggregate_count && !status; i++)
    status = regroup_slots(regroup, query->aggregates[i].direct, query->aggregates[i].direct_count);
  regroup->in_direct = false;
  for (int i = 0; i < query->expansion_count && !status; i++) {
    const struct range *range = &regroup->binder->statement->ranges[query->expansions[i].range];
    status = regroup_slots(regroup, range->arguments, range->argument_count);
  }
  struct numbering numbering = {.statement = regroup->binder->statement, .query = query};
  return status ? status : query_each(numbering.statement->ranges, query, number_slot, &numbering);
}

static bool find_expansion(const struct node *node, void *context)
{
  const struct query *query = context;
  for (int i = 0; node->kind == NODE_COLUMN && i < query->expansion_count; i++)
    if (node->range == query->expansions[i].range)
      return false;
  return true;
}

// What a function that gives rows is grouped by: its rows come before the groups.
static int take_expansion(struct binder *binder, struct query *query)
{
  bool found = false;
  for (int i = 0; i < query->group_key_count; i++)
    found |= !node_walk(query->group_keys[i], find_expansion, query);
  if (!found)
    return 0;
  if (query->expansion_count > 1)
    return bind_error(binder, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "several set-returning functions in the select list of a query that groups by one are not "
                      "supported");
  struct join *own = bind_join_range(binder, query->expansions[0].range);
  query->from = own ? bind_join_cross(binder, query->from, own) : NULL;
  query->expansion_count = 0;
  return query->from ? 0 : (int)binder->error->status;
}

int bind_grouping(struct binder *binder, struct scope *scope, const PgQuery__SelectStmt *select, struct query *query)
{
  struct regroup regroup = {.binder = binder, .scope = scope, .query = query};
  int status = bind_keys(&regroup, select);
  if (!status)
    status = take_expansion(binder, query);
  if (status)
    return status;
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
  status = rewrite(&regroup);
  return status ? status : group_columns(binder, query);
}
