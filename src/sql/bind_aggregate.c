// Aggregates, with DISTINCT, ORDER BY, FILTER and WITHIN GROUP; GROUPING.
//
// 1. A call becomes a column of a query's group range: number -1 - n stands for the query's aggregate n until the
//    number of group keys is known (bind_group.c). Equal calls are one.
// 2. It belongs to the innermost query whose columns it aggregates, which may be one around the query where it stands.
#include "sql/binder.h"

// --- Where they may stand ----------------------------------------------------------------------------------

// NULL: an aggregate may stand here.
static const char *refusing_clause(enum clause clause)
{
  switch (clause) {
  case CLAUSE_TARGET:
  case CLAUSE_HAVING:
  case CLAUSE_WINDOW:
  case CLAUSE_AGGREGATE:
  case CLAUSE_ORDER: return NULL;
  case CLAUSE_WHERE: return "WHERE";
  case CLAUSE_GROUP: return "GROUP BY";
  case CLAUSE_LIMIT: return "LIMIT";
  case CLAUSE_OFFSET: return "OFFSET";
  case CLAUSE_JOIN: return "JOIN conditions";
  case CLAUSE_FROM: return "functions in FROM";
  case CLAUSE_VALUES: return "VALUES";
  case CLAUSE_UPDATE: return "UPDATE";
  case CLAUSE_MERGE: return "MERGE WHEN conditions";
  case CLAUSE_COPY: return "COPY FROM WHERE conditions";
  case CLAUSE_RETURNING: return "RETURNING";
  case CLAUSE_FILTER: return "FILTER";
  case CLAUSE_DEFAULT: return "definitions";
  case CLAUSE_INDEX: return "index expressions";
  case CLAUSE_PREDICATE: return "index predicates";
  case CLAUSE_GENERATED: return "column generation expressions";
  case CLAUSE_SUBSELECT: return "FROM clause of their own query level";
  }
  return NULL;
}

static int refuse_place(struct binder *binder, enum clause clause, const char *what, int32_t location)
{
  const char *refusing = refusing_clause(clause);
  if (refusing)
    return bind_error(binder, location, SQLSTATE_GROUPING_ERROR, "%s are not allowed in %s", what, refusing);
  if (clause == CLAUSE_AGGREGATE)
    return bind_error(binder, location, SQLSTATE_GROUPING_ERROR, "aggregate function calls cannot be nested");
  return 0;
}

// --- Whose they are ----------------------------------------------------------------------------------------

struct level {
  struct binder *binder;
  struct scope *from;
  struct scope *found; // the innermost query whose columns are read; NULL: none
  const struct node *node;
};

static bool owns(const struct scope *scope, int range)
{
  if (scope->group_range == range || bind_join_has(scope->items.join, range))
    return true;
  for (int i = 0; i < scope->items.count; i++)
    if (scope->items.items[i].range == range)
      return true;
  for (int i = 0; i < scope->lateral.count; i++)
    if (scope->lateral.items[i].range == range)
      return true;
  return false;
}

static int find_level_slot(void *context, struct node **slot);

static bool find_level(const struct node *node, void *context)
{
  struct level *level = context;
  struct statement *statement = level->binder->statement;
  if (node->kind == NODE_SUBQUERY)
    (void)query_each(statement->ranges, statement->subqueries[node->subquery].query, find_level_slot, level);
  if (node->kind != NODE_COLUMN)
    return true;
  for (struct scope *at = level->from; at && at != level->found; at = at->outer)
    if (owns(at, node->range)) {
      level->found = at;
      level->node = node;
    }
  return true;
}

static int find_level_slot(void *context, struct node **slot)
{
  node_walk(*slot, find_level, context);
  return 0;
}

static bool walk_call(const struct aggregate_call *call, bool (*visit)(const struct node *node, void *context),
                      void *context)
{
  bool goes_on = !call->filter || node_walk(call->filter, visit, context);
  for (int i = 0; i < call->argument_count && goes_on; i++)
    goes_on = node_walk(call->arguments[i], visit, context);
  for (int i = 0; i < call->order_count && goes_on; i++)
    goes_on = node_walk(call->order[i].expression, visit, context);
  for (int i = 0; i < call->grouping_count && goes_on; i++)
    goes_on = node_walk(call->grouping[i], visit, context);
  return goes_on;
}

// An aggregate of the query that the call belongs to as well.
static bool find_nested(const struct node *node, void *context)
{
  struct level *level = context;
  if (node->kind == NODE_COLUMN && node->column < 0 && node->range == level->found->group_range)
    level->node = node;
  return !level->node;
}

// The scope of the query that the call belongs to. NULL with the error set.
static struct scope *find_owner(struct binder *binder, struct scope *scope, const struct aggregate_call *call,
                                int32_t location)
{
  struct level level = {.binder = binder, .from = scope}, direct = level;
  walk_call(call, find_level, &level);
  struct scope *owner = level.found ? level.found : scope;
  for (int i = 0; i < call->direct_count; i++)
    node_walk(call->direct[i], find_level, &direct);
  for (struct scope *at = scope; direct.found && at != owner; at = at->outer)
    if (at == direct.found) {
      bind_fail(binder, direct.node->position, SQLSTATE_GROUPING_ERROR,
                "outer-level aggregate cannot contain a lower-level variable in its direct arguments");
      return NULL;
    }
  if (refuse_place(binder, owner->clause, call->grouping ? "grouping operations" : "aggregate functions", location))
    return NULL;
  struct level nested = {.found = owner};
  if (!walk_call(call, find_nested, &nested)) {
    (void)!refuse_place(binder, CLAUSE_AGGREGATE, "", nested.node->position);
    return NULL;
  }
  bind_mark_correlated(scope, owner);
  return owner;
}

// --- Calls -------------------------------------------------------------------------------------------------

static bool nodes_equal(struct node *const *a, int a_count, struct node *const *b, int b_count)
{
  bool equal = a_count == b_count;
  for (int i = 0; equal && i < a_count; i++)
    equal = node_equal(a[i], b[i]);
  return equal;
}

static bool same_call(const struct aggregate_call *a, const struct aggregate_call *b)
{
  bool equal = a->aggregate == b->aggregate && a->set == b->set && a->hypothetical == b->hypothetical &&
               a->is_distinct == b->is_distinct && a->order_count == b->order_count &&
               nodes_equal(a->arguments, a->argument_count, b->arguments, b->argument_count) &&
               nodes_equal(a->direct, a->direct_count, b->direct, b->direct_count) &&
               nodes_equal(a->grouping, a->grouping_count, b->grouping, b->grouping_count) &&
               (a->filter == NULL) == (b->filter == NULL) && (!a->filter || node_equal(a->filter, b->filter));
  for (int i = 0; equal && i < a->order_count; i++)
    equal = a->order[i].is_descending == b->order[i].is_descending &&
            a->order[i].nulls_first == b->order[i].nulls_first &&
            node_equal(a->order[i].expression, b->order[i].expression);
  return equal;
}

static struct node *add_aggregate(struct binder *binder, struct scope *scope, const struct aggregate_call *call,
                                  int32_t location)
{
  int number = 0;
  while (number < scope->aggregate_count && !same_call(&scope->aggregates[number], call))
    number++;
  if (number == scope->aggregate_count) {
    if (!bind_grow(binder, &scope->aggregates, number, &scope->aggregate_capacity, sizeof *call))
      return NULL;
    scope->aggregates[scope->aggregate_count++] = *call;
  }
  if (scope->group_range < 0) {
    struct range range = {.kind = RANGE_GROUP, .alias = "group"};
    scope->group_range = bind_range(binder, &range);
    if (scope->group_range < 0)
      return NULL;
  }
  struct node *node = node_column(binder->arena, call->type, scope->group_range, -1 - number, location);
  return node ? node : bind_memory(binder);
}

// --- Arguments ---------------------------------------------------------------------------------------------

static int give_types(struct binder *binder, struct node *const *nodes, int count, enum type_id *types,
                      int32_t location)
{
  if (count > FUNCTION_ARGUMENTS)
    return bind_error(binder, location, SQLSTATE_TOO_MANY_ARGUMENTS, "cannot pass more than %d arguments to a function",
                      FUNCTION_ARGUMENTS);
  for (int i = 0; i < count; i++)
    types[i] = nodes[i]->type.id;
  return 0;
}

int bind_aggregate_arguments(struct binder *binder, const char *name, struct aggregate_call *call, int32_t location)
{
  enum type_id given[FUNCTION_ARGUMENTS] = {0};
  int status = give_types(binder, call->arguments, call->argument_count, given, location);
  if (status)
    return status;
  error_clear(binder->error);
  if (aggregate_resolve(name, given, call->argument_count, &binder->types.types, &call->aggregate, binder->error))
    return bind_error_from(binder, location);
  for (int i = 0; i < call->argument_count; i++) {
    enum type_id want = call->aggregate->arguments[i < 2 ? i : 1];
    struct node *cast = call->arguments[i];
    if (want < TYPE_COUNT && want != cast->type.id)
      cast = bind_cast(binder, cast, type_plain(want), CAST_IMPLICIT);
    else
      cast = bind_known(binder, cast);
    if (!cast || (call->is_distinct && bind_ordered(binder, cast, EQUALITY_OPERATOR, cast->position)))
      return binder->error->status;
    call->arguments[i] = cast;
  }
  // Its type may be that of its argument.
  enum type_id result = call->aggregate->result;
  struct type first = call->argument_count ? call->arguments[0]->type : type_plain(TYPE_UNKNOWN);
  if (result == TYPE_ANY_ARRAY && !type_is_array(first.id))
    first.id = type_array(first.id);
  call->type = result >= TYPE_ANY ? first : type_plain(result);
  return 0;
}

// Of DISTINCT, ORDER BY may only name arguments, and the others come behind it. given: as they were before casts.
static int order_distinct(struct binder *binder, struct aggregate_call *call, struct node *const *given)
{
  struct order_key *order = ARENA_ARRAY(binder->arena, struct order_key, call->order_count + call->argument_count + 1);
  bool is_ordered[FUNCTION_ARGUMENTS] = {false};
  if (!order)
    return error_memory(binder->error);
  for (int i = 0; i < call->order_count; i++) {
    int argument = 0;
    while (argument < call->argument_count && !node_equal(given[argument], call->order[i].expression))
      argument++;
    if (argument == call->argument_count)
      return bind_error(binder, call->order[i].expression->position, SQLSTATE_INVALID_COLUMN_REFERENCE,
                        "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list");
    order[i] = call->order[i];
    order[i].expression = call->arguments[argument];
    is_ordered[argument] = true;
  }
  for (int i = 0; i < call->argument_count; i++)
    if (!is_ordered[i])
      order[call->order_count++] = (struct order_key){.expression = call->arguments[i]};
  call->order = order;
  return 0;
}

static int bind_plain(struct binder *binder, const PgQuery__FuncCall *tree, const char *name,
                      struct aggregate_call *call)
{
  struct node *given[FUNCTION_ARGUMENTS] = {NULL};
  if (!tree->agg_star && tree->n_args == 0 && strcmp(name, "count") == 0)
    return bind_error(binder, tree->location, SQLSTATE_WRONG_OBJECT_TYPE,
                      "%s(*) must be used to call a parameterless aggregate function", name);
  for (int i = 0; i < call->argument_count && i < FUNCTION_ARGUMENTS; i++)
    given[i] = call->arguments[i];
  int status = bind_aggregate_arguments(binder, name, call, tree->location);
  // Where the order does not matter, DISTINCT needs none: what can be taken out again is exact.
  if (status || !call->is_distinct || (call->aggregate->unstep && !call->order_count))
    return status;
  return order_distinct(binder, call, given);
}

// --- WITHIN GROUP ------------------------------------------------------------------------------------------

int bind_refuse_ordered_set(struct binder *binder, const char *name, struct node **arguments, int count,
                            int32_t location)
{
  enum type_id given[FUNCTION_ARGUMENTS] = {0};
  const struct ordered_set *set;
  int status = give_types(binder, arguments, count, given, location);
  if (status)
    return status;
  error_clear(binder->error);
  if (!ordered_set_is_hypothetical(name) && ordered_set_resolve(name, given, count, &binder->types.types, &set, binder->error))
    return bind_error_from(binder, location);
  return bind_error(binder, location, SQLSTATE_WRONG_OBJECT_TYPE,
                    "WITHIN GROUP is required for ordered-set aggregate %s", name);
}

// The direct arguments' types and those of what is ordered, in the error that there is no such function.
static int missing(struct binder *binder, const char *name, const struct aggregate_call *call, int32_t location)
{
  int count = call->direct_count + call->order_count;
  enum type_id *given = ARENA_ARRAY(binder->arena, enum type_id, count + 1);
  if (!given)
    return error_memory(binder->error);
  for (int i = 0; i < count; i++)
    given[i] = i < call->direct_count ? call->direct[i]->type.id
                                      : call->order[i - call->direct_count].expression->type.id;
  error_clear(binder->error);
  (void)!function_missing(name, given, count, &binder->types.types, binder->error);
  return bind_error_from(binder, location);
}

static int bind_hypothetical(struct binder *binder, const char *name, struct aggregate_call *call, int32_t location)
{
  const enum type_id none = TYPE_UNKNOWN;
  if (call->direct_count != call->order_count) {
    (void)!missing(binder, name, call, location);
    error_hint(binder->error,
               "To use the hypothetical-set aggregate %s, the number of hypothetical direct arguments (here %d) must "
               "match the number of ordering columns (here %d).",
               name, call->direct_count, call->order_count);
    return binder->error->status;
  }
  int status = window_function_resolve(name, &none, 0, NULL, &call->hypothetical, binder->error);
  for (int i = 0; i < call->direct_count && !status; i++) {
    struct node *pair[2] = {call->order[i].expression, call->direct[i]};
    struct type type;
    status = bind_common(binder, pair, 2, "WITHIN GROUP", &type);
    call->order[i].expression = pair[0];
    call->direct[i] = pair[1];
  }
  call->type = type_plain(status ? TYPE_INT8 : call->hypothetical->result);
  return status;
}

static struct node *cast_to(struct binder *binder, struct node *node, enum type_id wanted)
{
  return wanted != node->type.id ? bind_cast(binder, node, type_plain(wanted), CAST_IMPLICIT)
                                 : bind_known(binder, node);
}

static int bind_set(struct binder *binder, const char *name, struct aggregate_call *call, int32_t location)
{
  enum type_id given[FUNCTION_ARGUMENTS + 1] = {0}, wanted[FUNCTION_ARGUMENTS + 1], result;
  int count = call->direct_count + call->order_count;
  int status = give_types(binder, call->direct, call->direct_count, given, location);
  if (status)
    return status;
  if (count > FUNCTION_ARGUMENTS || (call->order_count != 1 && count == 2))
    return missing(binder, name, call, location);
  for (int i = 0; i < call->order_count; i++)
    given[call->direct_count + i] = call->order[i].expression->type.id;
  error_clear(binder->error);
  if (ordered_set_resolve(name, given, count, &binder->types.types, &call->set, binder->error))
    return bind_error_from(binder, location);
  if (ordered_set_types(call->set, given, count, wanted, &result, binder->error))
    return binder->error->status;
  for (int i = 0; i < call->direct_count; i++)
    if (!(call->direct[i] = cast_to(binder, call->direct[i], wanted[i])))
      return binder->error->status;
  struct node **ordered = &call->order[0].expression;
  if (!(*ordered = cast_to(binder, *ordered, wanted[call->direct_count])))
    return binder->error->status;
  call->type = type_plain(result);
  return 0;
}

static int bind_within_group(struct binder *binder, const PgQuery__FuncCall *tree, const char *name,
                             struct aggregate_call *call)
{
  call->direct = call->arguments;
  call->direct_count = call->argument_count;
  call->argument_count = 0;
  if (ordered_set_is_hypothetical(name))
    return bind_hypothetical(binder, name, call, tree->location);
  if (ordered_set_exists(name))
    return bind_set(binder, name, call, tree->location);
  return bind_error(binder, tree->location, SQLSTATE_WRONG_OBJECT_TYPE,
                    "%s is not an ordered-set aggregate, so it cannot have WITHIN GROUP", name);
}

// --- The whole ---------------------------------------------------------------------------------------------

struct node *bind_aggregate(struct binder *binder, struct scope *scope, const PgQuery__FuncCall *tree,
                            const char *name)
{
  struct aggregate_call call = {.argument_count = (int)tree->n_args,
                                .order_count = (int)tree->n_agg_order,
                                .is_distinct = tree->agg_distinct};
  enum clause clause = scope->clause;
  scope->clause = CLAUSE_AGGREGATE;
  if (!(call.arguments = bind_arguments(binder, scope, tree, name)) ||
      !(call.order = bind_order_keys(binder, scope, tree->agg_order, tree->n_agg_order)) ||
      (tree->agg_filter && !(call.filter = bind_condition(binder, scope, tree->agg_filter, CLAUSE_FILTER, "FILTER"))))
    return NULL;
  scope->clause = clause;
  int status = tree->agg_within_group   ? bind_within_group(binder, tree, name, &call)
               : aggregate_exists(name) ? bind_plain(binder, tree, name, &call)
                                        : bind_refuse_ordered_set(binder, name, call.arguments, call.argument_count,
                                                                  tree->location);
  struct scope *owner = status ? NULL : find_owner(binder, scope, &call, tree->location);
  return owner ? add_aggregate(binder, owner, &call, tree->location) : NULL;
}

struct node *bind_grouping_call(struct binder *binder, struct scope *scope, const PgQuery__GroupingFunc *tree)
{
  enum { ARGUMENTS_MAX = 31 };
  struct aggregate_call call = {.grouping_count = (int)tree->n_args, .type = type_plain(TYPE_INT4)};
  if (tree->n_args > ARGUMENTS_MAX)
    return bind_fail(binder, tree->location, SQLSTATE_TOO_MANY_ARGUMENTS,
                     "GROUPING must have fewer than 32 arguments");
  call.grouping = ARENA_ARRAY(binder->arena, struct node *, call.grouping_count + 1);
  call.grouping_keys = ARENA_ARRAY(binder->arena, int, call.grouping_count + 1);
  if (!call.grouping || !call.grouping_keys)
    return bind_memory(binder);
  for (int i = 0; i < call.grouping_count; i++)
    if (!(call.grouping[i] = bind_expr(binder, scope, tree->args[i])))
      return NULL;
  struct scope *owner = find_owner(binder, scope, &call, tree->location);
  return owner ? add_aggregate(binder, owner, &call, tree->location) : NULL;
}
