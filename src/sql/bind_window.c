// Window functions and windows.
//
// 1. A call becomes a column of its query's window range; equal calls are one, and so are equal windows.
// 2. What a window has of another one (OVER (w …)) is copied: nothing refers to it when it is bound.
#include "sql/binder.h"

// PostgreSQL's bits of frameOptions (parsenodes.h).
enum {
  FRAME_BIT_RANGE = 0x2,
  FRAME_BIT_ROWS = 0x4,
  FRAME_BIT_GROUPS = 0x8,
  FRAME_BIT_START_FIRST = 0x20,
  FRAME_BIT_END_LAST = 0x100,
  FRAME_BIT_START_CURRENT = 0x200,
  FRAME_BIT_END_CURRENT = 0x400,
  FRAME_BIT_START_PRECEDING = 0x800,
  FRAME_BIT_END_PRECEDING = 0x1000,
  FRAME_BIT_EXCLUDE_CURRENT = 0x8000,
  FRAME_BIT_EXCLUDE_GROUP = 0x10000,
  FRAME_BIT_EXCLUDE_TIES = 0x20000,
  FRAME_DEFAULT = FRAME_BIT_RANGE | FRAME_BIT_START_FIRST | FRAME_BIT_END_CURRENT,
};

// --- Frames ------------------------------------------------------------------------------------------------

static struct window_frame read_frame(int32_t options)
{
  return (struct window_frame){
      .mode = options & FRAME_BIT_ROWS ? WINDOW_ROWS : options & FRAME_BIT_GROUPS ? WINDOW_GROUPS : WINDOW_RANGE,
      .start = options & FRAME_BIT_START_FIRST       ? BOUND_FIRST
               : options & FRAME_BIT_START_CURRENT   ? BOUND_CURRENT
               : options & FRAME_BIT_START_PRECEDING ? BOUND_PRECEDING
                                                     : BOUND_FOLLOWING,
      .end = options & FRAME_BIT_END_LAST        ? BOUND_LAST
             : options & FRAME_BIT_END_CURRENT   ? BOUND_CURRENT
             : options & FRAME_BIT_END_PRECEDING ? BOUND_PRECEDING
                                                 : BOUND_FOLLOWING,
      .exclusion = options & FRAME_BIT_EXCLUDE_CURRENT ? EXCLUDE_CURRENT
                   : options & FRAME_BIT_EXCLUDE_GROUP ? EXCLUDE_GROUP
                   : options & FRAME_BIT_EXCLUDE_TIES  ? EXCLUDE_TIES
                                                       : EXCLUDE_NOTHING,
  };
}

static bool find_own_column(const struct node *node, void *context)
{
  const struct scope *scope = context;
  return node->kind != NODE_COLUMN || !bind_join_has(scope->items.join, node->range);
}

static int bind_offset(struct binder *binder, struct scope *scope, const struct window *window,
                       const PgQuery__Node *tree, struct node **offset)
{
  static const char *const names[] = {"RANGE", "ROWS", "GROUPS"};
  const char *name = names[window->frame.mode];
  if (!tree)
    return 0;
  struct node *node = bind_expr(binder, scope, tree);
  if (!node)
    return binder->error->status;
  if (!node_walk(node, find_own_column, scope))
    return bind_error(binder, node->position, SQLSTATE_INVALID_COLUMN_REFERENCE,
                      "argument of %s must not contain variables", name);
  const struct function *function;
  enum type_id type = TYPE_INT8;
  if (window->frame.mode == WINDOW_RANGE) {
    if (frame_offset_type(window->order[0].expression->type.id, node->type.id, &type, binder->error))
      return bind_error_from(binder, node->position);
  } else if (!cast_find(node->type.id, TYPE_INT8, CAST_ASSIGNMENT, &function)) {
    return bind_error(binder, node->position, SQLSTATE_DATATYPE_MISMATCH,
                      "argument of %s must be type bigint, not type %s", name, BIND_TYPE_NAME(binder, node->type.id));
  }
  *offset = bind_cast(binder, node, type_plain(type), CAST_ASSIGNMENT);
  return *offset ? 0 : (int)binder->error->status;
}

static int bind_frame(struct binder *binder, struct scope *scope, const PgQuery__WindowDef *tree,
                      struct window *window)
{
  struct window_frame *frame = &window->frame;
  *frame = read_frame(tree->frame_options);
  window->has_frame = tree->frame_options != FRAME_DEFAULT;
  bool has_offset = tree->start_offset || tree->end_offset;
  if (frame->mode == WINDOW_RANGE && has_offset && window->order_count != 1)
    return bind_error(binder, tree->location, SQLSTATE_WINDOWING_ERROR,
                      "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column");
  if (frame->mode == WINDOW_GROUPS && !window->order_count)
    return bind_error(binder, tree->location, SQLSTATE_WINDOWING_ERROR, "GROUPS mode requires an ORDER BY clause");
  int status = bind_offset(binder, scope, window, tree->start_offset, &frame->start_offset);
  return status ? status : bind_offset(binder, scope, window, tree->end_offset, &frame->end_offset);
}

// --- Keys --------------------------------------------------------------------------------------------------

// USING an operator: < and > of the column's type are ASC and DESC.
static int find_direction(struct binder *binder, const PgQuery__SortBy *sort, struct node *node, bool *is_descending)
{
  const char *name = sort->n_use_op ? bind_string(sort->use_op[sort->n_use_op - 1]) : "";
  if (!bind_operator(binder, name, node, node, sort->location))
    return binder->error->status;
  *is_descending = strcmp(name, ">") == 0;
  if (*is_descending || strcmp(name, "<") == 0)
    return 0;
  (void)!bind_error(binder, sort->location, SQLSTATE_WRONG_OBJECT_TYPE,
                    "operator %s is not a valid ordering operator", name);
  error_hint(binder->error, "Ordering operators must be \"<\" or \">\" members of btree operator families.");
  return binder->error->status;
}

int bind_direction(struct binder *binder, const PgQuery__SortBy *sort, struct node *node, bool *is_descending,
                   bool *nulls_first)
{
  *is_descending = sort->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
  int status = bind_ordered(binder, node, ORDERING_OPERATOR, bind_location(sort->node));
  if (!status && sort->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_USING)
    status = find_direction(binder, sort, node, is_descending);
  *nulls_first = sort->sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST ||
                 (*is_descending && sort->sortby_nulls != PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_LAST);
  return status;
}

struct order_key *bind_order_keys(struct binder *binder, struct scope *scope, PgQuery__Node **trees, size_t count)
{
  struct order_key *keys = ARENA_ARRAY(binder->arena, struct order_key, count + 1);
  if (!keys)
    return bind_memory(binder);
  for (size_t i = 0; i < count; i++) {
    const PgQuery__SortBy *sort = trees[i]->sort_by;
    struct node *node = bind_expr(binder, scope, sort->node);
    if (!node || !(node = bind_known(binder, node)) ||
        bind_direction(binder, sort, node, &keys[i].is_descending, &keys[i].nulls_first))
      return NULL;
    keys[i].expression = node;
  }
  return keys;
}

static int bind_partition(struct binder *binder, struct scope *scope, const PgQuery__WindowDef *tree,
                          struct window *window)
{
  int capacity = 0;
  for (size_t i = 0; i < tree->n_partition_clause; i++) {
    PgQuery__Node *const *parts = &tree->partition_clause[i];
    bool is_row = parts[0]->node_case == PG_QUERY__NODE__NODE_ROW_EXPR;
    size_t count = is_row ? parts[0]->row_expr->n_args : 1;
    parts = is_row ? parts[0]->row_expr->args : parts;
    for (size_t k = 0; k < count; k++) {
      if (!bind_grow(binder, &window->partition, window->partition_count, &capacity, sizeof *window->partition))
        return binder->error->status;
      struct node *key = bind_expr(binder, scope, parts[k]);
      if (!key || !(key = bind_known(binder, key)) ||
          bind_ordered(binder, key, EQUALITY_OPERATOR, bind_location(parts[k])))
        return binder->error->status;
      window->partition[window->partition_count++] = key;
    }
  }
  return 0;
}

// --- Windows -----------------------------------------------------------------------------------------------

static int bind_definition(struct binder *binder, struct scope *scope, const PgQuery__WindowDef *tree, int before);

static bool is_given(const char *name)
{
  return name && name[0];
}

// The window of this name in the WINDOW clause, of the first `before` ones: its number, or a negative status.
static int find_named(struct binder *binder, struct scope *scope, const char *name, int before, int32_t location)
{
  for (int i = 0; i < before; i++) {
    const PgQuery__WindowDef *tree = scope->window_trees[i]->window_def;
    if (strcmp(tree->name, name) != 0)
      continue;
    if (scope->named_windows[i] < 0)
      scope->named_windows[i] = bind_definition(binder, scope, tree, i);
    return scope->named_windows[i];
  }
  return bind_error(binder, location, SQLSTATE_UNDEFINED_OBJECT, "window \"%s\" does not exist", name);
}

// What is taken over from the window that the definition begins with.
static int take_over(struct binder *binder, const struct window *other, const PgQuery__WindowDef *tree,
                     struct window *window)
{
  const char *name = tree->refname, *part = window->partition_count              ? "PARTITION BY"
                                            : window->order_count && other->order_count ? "ORDER BY"
                                                                                 : NULL;
  if (part)
    return bind_error(binder, tree->location, SQLSTATE_WINDOWING_ERROR, "cannot override %s clause of window \"%s\"",
                      part, name);
  if (other->has_frame) {
    (void)!bind_error(binder, tree->location, SQLSTATE_WINDOWING_ERROR,
                      "cannot copy window \"%s\" because it has a frame clause", name);
    if (!is_given(tree->name) && !window->order_count && tree->frame_options == FRAME_DEFAULT)
      error_hint(binder->error, "Omit the parentheses in this OVER clause.");
    return binder->error->status;
  }
  window->partition = other->partition;
  window->partition_count = other->partition_count;
  if (!window->order_count) {
    window->order = other->order;
    window->order_count = other->order_count;
  }
  return 0;
}

static bool offset_equal(const struct node *a, const struct node *b)
{
  return a && b ? node_equal(a, b) : a == b;
}

static bool window_equal(const struct window *a, const struct window *b)
{
  bool equal = a->partition_count == b->partition_count && a->order_count == b->order_count &&
               a->has_frame == b->has_frame && a->frame.mode == b->frame.mode && a->frame.start == b->frame.start &&
               a->frame.end == b->frame.end && a->frame.exclusion == b->frame.exclusion &&
               offset_equal(a->frame.start_offset, b->frame.start_offset) &&
               offset_equal(a->frame.end_offset, b->frame.end_offset);
  for (int i = 0; equal && i < a->partition_count; i++)
    equal = node_equal(a->partition[i], b->partition[i]);
  for (int i = 0; equal && i < a->order_count; i++)
    equal = a->order[i].is_descending == b->order[i].is_descending &&
            a->order[i].nulls_first == b->order[i].nulls_first &&
            node_equal(a->order[i].expression, b->order[i].expression);
  return equal;
}

static int add_window(struct binder *binder, struct scope *scope, const struct window *window)
{
  for (int i = 0; i < scope->window_count; i++)
    if (window_equal(&scope->windows[i], window))
      return i;
  if (!bind_grow(binder, &scope->windows, scope->window_count, &scope->window_capacity, sizeof *window))
    return binder->error->status;
  scope->windows[scope->window_count] = *window;
  return scope->window_count++;
}

// before: of the windows of the WINDOW clause this one may begin with the first so many. Its number, or a status.
static int bind_definition(struct binder *binder, struct scope *scope, const PgQuery__WindowDef *tree, int before)
{
  struct window window = {0};
  enum clause clause = scope->clause;
  int other = is_given(tree->refname) ? find_named(binder, scope, tree->refname, before, tree->location) : -1;
  if (is_given(tree->refname) && other < 0)
    return other;
  scope->clause = CLAUSE_WINDOW;
  window.order = bind_order_keys(binder, scope, tree->order_clause, tree->n_order_clause);
  window.order_count = (int)tree->n_order_clause;
  int status = window.order ? bind_partition(binder, scope, tree, &window) : (int)binder->error->status;
  if (!status && other >= 0)
    status = take_over(binder, &scope->windows[other], tree, &window);
  if (!status)
    status = bind_frame(binder, scope, tree, &window);
  scope->clause = clause;
  return status ? status : add_window(binder, scope, &window);
}

int bind_window_clause(struct binder *binder, struct scope *scope, const PgQuery__SelectStmt *select)
{
  int count = (int)select->n_window_clause;
  scope->window_trees = select->window_clause;
  scope->window_tree_count = count;
  scope->named_windows = ARENA_ARRAY(binder->arena, int, count + 1);
  if (!scope->named_windows)
    return error_memory(binder->error);
  for (int i = 0; i < count; i++)
    scope->named_windows[i] = -1;
  return 0;
}

int bind_windows(struct binder *binder, struct scope *scope, struct query *query)
{
  for (int i = 0; i < scope->window_tree_count; i++) {
    const PgQuery__WindowDef *tree = scope->window_trees[i]->window_def;
    for (int k = 0; k < i; k++)
      if (strcmp(scope->window_trees[k]->window_def->name, tree->name) == 0)
        return bind_error(binder, tree->location, SQLSTATE_WINDOWING_ERROR, "window \"%s\" is already defined",
                          tree->name);
    int number = find_named(binder, scope, tree->name, i + 1, tree->location);
    if (number < 0)
      return number;
  }
  if (!scope->window_call_count)
    return 0;
  query->window_range = scope->window_range;
  query->windows = scope->windows;
  query->window_count = scope->window_count;
  query->window_calls = scope->window_calls;
  query->window_call_count = scope->window_call_count;
  struct range range = {.kind = RANGE_WINDOW, .alias = "window"};
  int status = bind_columns(binder, &range, query->window_call_count);
  for (int i = 0; i < query->window_call_count && !status; i++)
    range.columns[i] =
        (struct range_column){.name = "window", .type = query->window_calls[i].type, .is_used = true};
  binder->statement->ranges[query->window_range] = range;
  return status;
}

// --- Calls -------------------------------------------------------------------------------------------------

// NULL: a window function may stand here.
static const char *refuses_windows(enum clause clause)
{
  switch (clause) {
  case CLAUSE_TARGET:
  case CLAUSE_ORDER: return NULL;
  case CLAUSE_HAVING: return "window functions are not allowed in HAVING";
  case CLAUSE_WHERE: return "window functions are not allowed in WHERE";
  case CLAUSE_GROUP: return "window functions are not allowed in GROUP BY";
  case CLAUSE_LIMIT: return "window functions are not allowed in LIMIT";
  case CLAUSE_OFFSET: return "window functions are not allowed in OFFSET";
  case CLAUSE_JOIN: return "window functions are not allowed in JOIN conditions";
  case CLAUSE_FROM: return "window functions are not allowed in functions in FROM";
  case CLAUSE_VALUES: return "window functions are not allowed in VALUES";
  case CLAUSE_UPDATE: return "window functions are not allowed in UPDATE";
  case CLAUSE_COPY: return "window functions are not allowed in COPY FROM WHERE conditions";
  case CLAUSE_MERGE: return "window functions are not allowed in MERGE WHEN conditions";
  case CLAUSE_RETURNING: return "window functions are not allowed in RETURNING";
  case CLAUSE_FILTER: return "window functions are not allowed in FILTER";
  case CLAUSE_AGGREGATE: return "aggregate function calls cannot contain window function calls";
  case CLAUSE_WINDOW: return "window functions are not allowed in window definitions";
  case CLAUSE_SUBSELECT: return NULL;
  case CLAUSE_DEFAULT: return "window functions are not allowed in definitions";
  case CLAUSE_INDEX: return "window functions are not allowed in index expressions";
  case CLAUSE_PREDICATE: return "window functions are not allowed in index predicates";
  case CLAUSE_GENERATED: return "window functions are not allowed in column generation expressions";
  }
  return NULL;
}

static int refuse_form(struct binder *binder, const PgQuery__FuncCall *tree, const char *name, bool is_aggregate,
                       struct node **arguments)
{
  const char *text = NULL;
  if (tree->agg_distinct)
    text = "DISTINCT is not implemented for window functions";
  else if (tree->n_agg_order)
    text = "aggregate ORDER BY is not implemented for window functions";
  else if (tree->agg_filter && !is_aggregate)
    text = "FILTER is not implemented for non-aggregate window functions";
  if (tree->agg_within_group)
    return bind_error(binder, tree->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "OVER is not supported for ordered-set aggregate %s", name);
  if (!is_aggregate && ordered_set_exists(name) && (tree->n_args || !window_function_exists(name)))
    return bind_refuse_ordered_set(binder, name, arguments, (int)tree->n_args, tree->location);
  if (text)
    return bind_error(binder, tree->location, SQLSTATE_FEATURE_NOT_SUPPORTED, "%s", text);
  if (is_aggregate && !tree->agg_star && !tree->n_args)
    return bind_error(binder, tree->location, SQLSTATE_WRONG_OBJECT_TYPE,
                      "%s(*) must be used to call a parameterless aggregate function", name);
  return 0;
}

static int refuse_place(struct binder *binder, const struct scope *scope, int32_t location)
{
  const char *refusal = refuses_windows(scope->clause);
  if (scope->in_window_call && !refusal)
    refusal = "window function calls cannot be nested";
  const char *sqlstate = scope->clause == CLAUSE_AGGREGATE ? SQLSTATE_GROUPING_ERROR : SQLSTATE_WINDOWING_ERROR;
  return refusal ? bind_error(binder, location, sqlstate, "%s", refusal) : 0;
}

// Arguments cast as the function wants them.
static int resolve_function(struct binder *binder, const char *name, struct window_call *call, int32_t location)
{
  enum type_id *given = ARENA_ARRAY(binder->arena, enum type_id, 2 * call->argument_count + 1), result;
  enum type_id *wanted = given + call->argument_count;
  if (!given)
    return error_memory(binder->error);
  for (int i = 0; i < call->argument_count; i++)
    given[i] = call->arguments[i]->type.id;
  error_clear(binder->error);
  if (window_function_resolve(name, given, call->argument_count, &binder->types.types, &call->function, binder->error))
    return bind_error_from(binder, location);
  if (window_function_types(call->function, given, call->argument_count, wanted, &result, binder->error))
    return binder->error->status;
  for (int i = 0; i < call->argument_count; i++) {
    struct node *cast = call->arguments[i];
    cast = wanted[i] != given[i] ? bind_cast(binder, cast, type_plain(wanted[i]), CAST_IMPLICIT)
                                 : bind_known(binder, cast);
    if (!cast)
      return binder->error->status;
    call->arguments[i] = cast;
  }
  call->type = type_plain(result);
  return 0;
}

static int resolve(struct binder *binder, const char *name, bool is_aggregate, struct window_call *call,
                   int32_t location)
{
  if (!is_aggregate)
    return resolve_function(binder, name, call, location);
  struct aggregate_call as = {.arguments = call->arguments, .argument_count = call->argument_count};
  int status = bind_aggregate_arguments(binder, name, &as, location);
  call->aggregate = as.aggregate;
  call->type = as.type;
  return status;
}

static bool call_equal(const struct window_call *a, const struct window_call *b)
{
  bool equal = a->function == b->function && a->aggregate == b->aggregate && a->window == b->window &&
               a->argument_count == b->argument_count && offset_equal(a->filter, b->filter);
  for (int i = 0; equal && i < a->argument_count; i++)
    equal = node_equal(a->arguments[i], b->arguments[i]);
  return equal;
}

static struct node *add_call(struct binder *binder, struct scope *scope, const struct window_call *call,
                             int32_t location)
{
  int number = 0;
  while (number < scope->window_call_count && !call_equal(&scope->window_calls[number], call))
    number++;
  if (number == scope->window_call_count) {
    struct range range = {.kind = RANGE_WINDOW, .alias = "window"};
    if (!bind_grow(binder, &scope->window_calls, number, &scope->window_call_capacity, sizeof *call))
      return NULL;
    if (!number && (scope->window_range = bind_range(binder, &range)) < 0)
      return NULL;
    scope->window_calls[scope->window_call_count++] = *call;
  }
  struct node *node = node_column(binder->arena, call->type, scope->window_range, number, location);
  return node ? node : bind_memory(binder);
}

struct node *bind_window_call(struct binder *binder, struct scope *scope, const PgQuery__FuncCall *tree,
                              const char *name)
{
  bool is_aggregate = aggregate_exists(name);
  const PgQuery__WindowDef *over = tree->over;
  if (refuse_place(binder, scope, tree->location))
    return NULL;
  struct window_call call = {.argument_count = (int)tree->n_args};
  scope->in_window_call = true;
  call.arguments = bind_arguments(binder, scope, tree, name);
  scope->in_window_call = false;
  if (!call.arguments)
    return NULL;
  enum clause clause = scope->clause;
  if (tree->agg_filter && !(call.filter = bind_condition(binder, scope, tree->agg_filter, CLAUSE_FILTER, "FILTER")))
    return NULL;
  scope->clause = clause;
  if (refuse_form(binder, tree, name, is_aggregate, call.arguments) ||
      resolve(binder, name, is_aggregate, &call, tree->location))
    return NULL;
  call.window = is_given(over->name)
                    ? find_named(binder, scope, over->name, scope->window_tree_count, over->location)
                    : bind_definition(binder, scope, over, scope->window_tree_count);
  return call.window < 0 ? NULL : add_call(binder, scope, &call, tree->location);
}
