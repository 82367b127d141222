// Calls: functions, and the keywords that are functions. Aggregates: bind_aggregate.c; window functions: bind_window.c.
#include "sql/binder.h"

const char *bind_function_name(struct binder *binder, PgQuery__Node **names, size_t count, int32_t location)
{
  const char *own = count ? bind_string(names[count - 1]) : NULL;
  const char *schema = count > 1 ? bind_string(names[count - 2]) : "pg_catalog";
  if (own && schema && (strcmp(schema, "pg_catalog") == 0 || strcmp(schema, "quern") == 0))
    return own;
  if (own && schema && strcmp(schema, "information_schema") == 0 && strcmp(own, "_pg_expandarray") == 0)
    return own;
  if (schema && strcmp(schema, "public") != 0 && strcmp(schema, "information_schema") != 0) {
    bind_fail(binder, location, SQLSTATE_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", schema);
    return NULL;
  }
  bind_fail(binder, location, SQLSTATE_UNDEFINED_FUNCTION, "function %s.%s does not exist", schema ? schema : "",
            own ? own : "");
  error_hint(binder->error, "No function matches the given name and argument types. "
                            "You might need to add explicit type casts.");
  return NULL;
}

struct node **bind_arguments(struct binder *binder, struct scope *scope, const PgQuery__FuncCall *tree,
                             const char *name)
{
  struct node **arguments = ARENA_ARRAY(binder->arena, struct node *, tree->n_args + 1);
  if (!arguments)
    return bind_memory(binder);
  for (size_t i = 0; i < tree->n_args; i++)
    if (!(arguments[i] = bind_expr(binder, scope, tree->args[i])))
      return NULL;
  return arguments;
}

// --- Functions -------------------------------------------------------------------------------------

static const char *refuses_sets(enum clause clause)
{
  switch (clause) {
  case CLAUSE_WHERE: return "set-returning functions are not allowed in WHERE";
  case CLAUSE_HAVING: return "set-returning functions are not allowed in HAVING";
  case CLAUSE_LIMIT: return "set-returning functions are not allowed in LIMIT";
  case CLAUSE_OFFSET: return "set-returning functions are not allowed in OFFSET";
  case CLAUSE_JOIN: return "set-returning functions are not allowed in JOIN conditions";
  case CLAUSE_UPDATE: return "set-returning functions are not allowed in UPDATE";
  case CLAUSE_COPY: return "set-returning functions are not allowed in COPY FROM WHERE conditions";
  case CLAUSE_MERGE: return "set-returning functions are not allowed in MERGE WHEN conditions";
  case CLAUSE_RETURNING: return "set-returning functions are not allowed in RETURNING";
  case CLAUSE_FILTER: return "set-returning functions are not allowed in FILTER";
  default: return "set-returning functions are only supported in FROM and in select lists";
  }
}

// Sets the error for what only aggregates take, or nobody yet.
static struct node *refuse_form(struct binder *binder, const PgQuery__FuncCall *tree, const char *name,
                                enum clause clause)
{
  const char *what = NULL;
  if (strcmp(name, "generate_series") == 0 || set_function_exists(name))
    what = refuses_sets(clause);
  for (size_t i = 0; i < tree->n_args && !what && strcmp(name, "make_interval") != 0; i++)
    if (tree->args[i]->node_case == PG_QUERY__NODE__NODE_NAMED_ARG_EXPR)
      what = "named arguments are not supported";
  if (what)
    return bind_fail(binder, tree->location, SQLSTATE_FEATURE_NOT_SUPPORTED, "%s", what);
  int32_t at = tree->location;
  const struct function *function;
  if (window_function_exists(name))
    return bind_fail(binder, at, SQLSTATE_WRONG_OBJECT_TYPE, "window function %s requires an OVER clause", name);
  if (tree->agg_star && function_resolve(name, false, NULL, 0, NULL, &function, binder->error)) {
    (void)!bind_error_from(binder, at);
    return NULL;
  }
  if (tree->agg_star)
    return bind_fail(binder, at, SQLSTATE_WRONG_OBJECT_TYPE, "%s(*) specified, but %s is not an aggregate function",
                     name, name);
  if (!tree->agg_distinct && !tree->agg_filter && !tree->n_agg_order)
    return NULL;
  const char *word = tree->agg_distinct ? "DISTINCT" : tree->agg_filter ? "FILTER" : "ORDER BY";
  return bind_fail(binder, at, SQLSTATE_WRONG_OBJECT_TYPE, "%s specified, but %s is not an aggregate function", word,
                   name);
}

// 'name'::regclass as an argument of functions that take a sequence: they find it by its name.
static const PgQuery__Node *without_regclass(const char *function, const PgQuery__Node *tree)
{
  bool is_of_sequence = strcmp(function, "nextval") == 0 || strcmp(function, "currval") == 0 ||
                        strcmp(function, "setval") == 0;
  if (!is_of_sequence || tree->node_case != PG_QUERY__NODE__NODE_TYPE_CAST)
    return tree;
  const PgQuery__TypeName *type = tree->type_cast->type_name;
  const char *name = bind_string(type->names[type->n_names - 1]);
  const PgQuery__Node *argument = tree->type_cast->arg;
  bool is_text = argument->node_case == PG_QUERY__NODE__NODE_PARAM_REF ||
                 (argument->node_case == PG_QUERY__NODE__NODE_A_CONST && argument->a_const->sval);
  return is_text && name && strcmp(name, "regclass") == 0 ? argument : tree;
}

// make_interval(days => 10): those that are not named are zero.
static struct node *bind_named_interval(struct binder *binder, struct scope *scope, const PgQuery__FuncCall *tree)
{
  static const char *const names[] = {"years", "months", "weeks", "days", "hours", "mins", "secs"};
  enum { COUNT = sizeof names / sizeof *names };
  struct node **arguments = ARENA_ARRAY(binder->arena, struct node *, COUNT);
  if (!arguments)
    return bind_memory(binder);
  for (size_t i = 0; i < tree->n_args; i++) {
    const PgQuery__Node *argument = tree->args[i];
    const PgQuery__NamedArgExpr *named =
        argument->node_case == PG_QUERY__NODE__NODE_NAMED_ARG_EXPR ? argument->named_arg_expr : NULL;
    size_t place = named ? 0 : i;
    while (named && place < COUNT && strcmp(named->name, names[place]) != 0)
      place++;
    if (place >= COUNT || arguments[place])
      return bind_fail(binder, tree->location, SQLSTATE_UNDEFINED_FUNCTION,
                       "function make_interval does not have these arguments");
    if (!(arguments[place] = bind_expr(binder, scope, named ? named->arg : argument)))
      return NULL;
  }
  for (int i = 0; i < COUNT; i++)
    if (!arguments[i] && !(arguments[i] = node_constant(binder->arena, type_plain(TYPE_INT4), value_integer(0), -1)))
      return bind_memory(binder);
  return bind_call(binder, "make_interval", false, arguments, COUNT, tree->location);
}

// json_extract_path and its kin with all of the path in an array: there are operators of that.
static struct node *bind_path(struct binder *binder, const char *name, const char *operator, struct node **arguments,
                              int32_t location)
{
  enum type_id type = strncmp(name, "jsonb", 5) == 0 ? TYPE_JSONB : TYPE_JSON;
  if (arguments[0]->type.id == TYPE_UNKNOWN)
    arguments[0] = bind_cast(binder, arguments[0], type_plain(type), CAST_IMPLICIT);
  if (!arguments[0])
    return NULL;
  enum type_id given[2] = {arguments[0]->type.id, arguments[1]->type.id};
  if (given[0] == type)
    return bind_call(binder, operator, true, arguments, 2, location);
  (void)!function_missing(name, given, 2, &binder->types.types, binder->error);
  (void)!bind_error_from(binder, location);
  return NULL;
}

// The last argument is an array whose elements are arguments, of a function that takes any number of them.
static struct node *bind_spread(struct binder *binder, const char *name, struct node **arguments, int count,
                                int32_t location)
{
  struct node *last = arguments[count - 1];
  if (last->type.id != TYPE_UNKNOWN && !type_is_array(last->type.id))
    return bind_fail(binder, last->position, SQLSTATE_DATATYPE_MISMATCH, "VARIADIC argument must be an array");
  bool is_json = strncmp(name, "json_extract_path", 17) == 0 || strncmp(name, "jsonb_extract_path", 18) == 0;
  if (is_json && count == 2 && (last->type.id == TYPE_UNKNOWN || last->type.id == TYPE_TEXT_ARRAY))
    return bind_path(binder, name, strstr(name, "_text") ? "#>>" : "#>", arguments, location);
  struct node *call = bind_call(binder, name, false, arguments, count, location);
  if (!call)
    return NULL;
  if (call->function->argument_count != -count || !type_is_array(call->arguments[count - 1]->type.id)) {
    enum type_id *given = ARENA_ARRAY(binder->arena, enum type_id, count);
    if (!given)
      return bind_memory(binder);
    for (int i = 0; i < count; i++)
      given[i] = arguments[i]->type.id;
    (void)!function_missing(name, given, count, &binder->types.types, binder->error);
    (void)!bind_error_from(binder, location);
    return NULL;
  }
  call->negated = true;
  return call;
}

struct node *bind_function(struct binder *binder, struct scope *scope, const PgQuery__FuncCall *tree)
{
  const char *name = bind_function_name(binder, tree->funcname, tree->n_funcname, tree->location);
  if (!name)
    return NULL;
  bool is_ordered_set =
      ordered_set_exists(name) && (!window_function_exists(name) || tree->n_args || tree->agg_within_group);
  if (tree->over && (aggregate_exists(name) || window_function_exists(name) || is_ordered_set))
    return bind_window_call(binder, scope, tree, name);
  if (aggregate_exists(name) || is_ordered_set)
    return bind_aggregate(binder, scope, tree, name);
  bool may_be_set =
      scope->clause == CLAUSE_TARGET || scope->clause == CLAUSE_ORDER || scope->clause == CLAUSE_AGGREGATE;
  if (may_be_set && (strcmp(name, "generate_series") == 0 || set_function_exists(name)))
    return bind_set_target(binder, scope, tree, name);
  error_clear(binder->error);
  refuse_form(binder, tree, name, scope->clause);
  if (binder->error->status)
    return NULL;
  for (size_t i = 0; i < tree->n_args; i++)
    if (tree->args[i]->node_case == PG_QUERY__NODE__NODE_NAMED_ARG_EXPR)
      return bind_named_interval(binder, scope, tree);
  struct node **arguments = ARENA_ARRAY(binder->arena, struct node *, tree->n_args + 1);
  if (!arguments)
    return bind_memory(binder);
  for (size_t i = 0; i < tree->n_args; i++)
    if (!(arguments[i] = bind_expr(binder, scope, without_regclass(name, tree->args[i]))))
      return NULL;
  if (tree->func_variadic)
    return bind_spread(binder, name, arguments, (int)tree->n_args, tree->location);
  struct node *call = bind_call(binder, name, false, arguments, (int)tree->n_args, tree->location);
  if (call && tree->over)
    return bind_fail(binder, tree->location, SQLSTATE_WRONG_OBJECT_TYPE,
                     "OVER specified, but %s is not a window function nor an aggregate function", name);
  bool is_unknown = !call && (strcmp(binder->error->sqlstate, SQLSTATE_UNDEFINED_FUNCTION) == 0 ||
                              strcmp(binder->error->sqlstate, SQLSTATE_AMBIGUOUS_FUNCTION) == 0);
  if (!is_unknown || tree->n_args != 1)
    return call;
  // A type's name as a function is a cast.
  enum type_id type = type_of_name(name);
  const struct function *function;
  if (type == TYPE_COUNT || type == TYPE_UNKNOWN || strchr(name, ' ') ||
      !cast_find(arguments[0]->type.id, type, CAST_EXPLICIT, &function))
    return NULL;
  error_clear(binder->error);
  return bind_cast(binder, arguments[0], type_plain(type), CAST_EXPLICIT);
}

static struct node *value_call(struct binder *binder, const char *name, enum type_id type, int32_t modifier,
                               int32_t location)
{
  struct node *node = bind_call(binder, name, false, NULL, 0, location);
  if (!node || type == TYPE_UNKNOWN)
    return node;
  return bind_cast(binder, node, (struct type){.id = type, .modifier = modifier}, CAST_EXPLICIT);
}

struct node *bind_value_function(struct binder *binder, const PgQuery__SQLValueFunction *tree)
{
  int32_t digits = tree->typmod > 6 ? 6 : tree->typmod;
  switch (tree->op) {
  case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP:
    return value_call(binder, "now", TYPE_UNKNOWN, -1, tree->location);
  case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP_N:
    return value_call(binder, "now", TYPE_TIMESTAMPTZ, digits, tree->location);
  case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP:
    return value_call(binder, "now", TYPE_TIMESTAMP, -1, tree->location);
  case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP_N:
    return value_call(binder, "now", TYPE_TIMESTAMP, digits, tree->location);
  case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_ROLE:
  case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_USER:
  case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_USER:
    return value_call(binder, "current_user", TYPE_UNKNOWN, -1, tree->location);
  case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_SESSION_USER:
    return value_call(binder, "session_user", TYPE_UNKNOWN, -1, tree->location);
  case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_CATALOG:
    return value_call(binder, "current_database", TYPE_UNKNOWN, -1, tree->location);
  case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_SCHEMA:
    return value_call(binder, "current_schema", TYPE_UNKNOWN, -1, tree->location);
  case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_DATE:
    return value_call(binder, "current_date", TYPE_UNKNOWN, -1, tree->location);
  case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIME:
    return value_call(binder, "current_time", TYPE_UNKNOWN, -1, tree->location);
  case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIME_N:
    return value_call(binder, "current_time", TYPE_TIMETZ, digits, tree->location);
  case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIME:
    return value_call(binder, "localtime", TYPE_UNKNOWN, -1, tree->location);
  case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIME_N:
    return value_call(binder, "localtime", TYPE_TIME, digits, tree->location);
  default:
    return bind_fail(binder, tree->location, SQLSTATE_FEATURE_NOT_SUPPORTED, "this value is not supported");
  }
}
