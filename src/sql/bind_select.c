// SELECT and VALUES.
//
// In the order in which PostgreSQL looks at the parts, since that decides which error comes first and what gives a
// parameter its type: FROM, select list, WHERE, HAVING, ORDER BY, GROUP BY, DISTINCT, LIMIT.
#include "sql/binder.h"
#include "sql/view.h"

// --- Names of columns ------------------------------------------------------------------------------

// How sure a name is: a cast's type gives way to the name of what is cast.
enum name_strength { NAME_NONE, NAME_TYPE, NAME_OWN };

static enum name_strength name_of(const struct sublink_name *sublinks, const PgQuery__Node *tree,
                                  const char **name);

static enum name_strength last_string(PgQuery__Node **names, size_t count, const char **name)
{
  for (size_t i = count; i-- > 0;)
    if (bind_string(names[i])) {
      *name = bind_string(names[i]);
      return NAME_OWN;
    }
  return NAME_NONE;
}

static enum name_strength set_name(const char **name, const char *text)
{
  *name = text;
  return NAME_OWN;
}

static enum name_strength name_of_value_function(const PgQuery__SQLValueFunction *function, const char **name)
{
  static const char *const names[] = {
      "",          "current_date", "current_time",    "current_time",   "current_timestamp", "current_timestamp",
      "localtime", "localtime",    "localtimestamp",  "localtimestamp", "current_role",      "current_user",
      "user",      "session_user", "current_catalog", "current_schema",
  };
  size_t op = (size_t)function->op;
  return op < sizeof names / sizeof *names ? set_name(name, names[op]) : NAME_NONE;
}

static enum name_strength name_of_sublink(const struct sublink_name *sublinks, const PgQuery__SubLink *link,
                                          const char **name)
{
  if (link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK)
    return set_name(name, "exists");
  if (link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK)
    return set_name(name, "array");
  for (const struct sublink_name *noted = sublinks; noted; noted = noted->next)
    if (noted->link == link)
      return set_name(name, noted->name);
  return NAME_NONE;
}

static enum name_strength name_of(const struct sublink_name *sublinks, const PgQuery__Node *tree,
                                  const char **name)
{
  enum name_strength strength;
  if (!tree)
    return NAME_NONE;
  switch (tree->node_case) {
  case PG_QUERY__NODE__NODE_COLUMN_REF: return last_string(tree->column_ref->fields, tree->column_ref->n_fields, name);
  case PG_QUERY__NODE__NODE_FUNC_CALL: return last_string(tree->func_call->funcname, tree->func_call->n_funcname, name);
  case PG_QUERY__NODE__NODE_A_EXPR:
    return tree->a_expr->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF ? set_name(name, "nullif") : NAME_NONE;
  case PG_QUERY__NODE__NODE_TYPE_CAST:
    strength = name_of(sublinks, tree->type_cast->arg, name);
    if (strength != NAME_OWN &&
        last_string(tree->type_cast->type_name->names, tree->type_cast->type_name->n_names, name))
      strength = NAME_TYPE;
    return strength;
  case PG_QUERY__NODE__NODE_GROUPING_FUNC: return set_name(name, "grouping");
  case PG_QUERY__NODE__NODE_A_INDIRECTION: {
    const PgQuery__AIndirection *field = tree->a_indirection;
    const char *last = field->n_indirection ? bind_string(field->indirection[field->n_indirection - 1]) : NULL;
    return last ? set_name(name, last) : name_of(sublinks, field->arg, name);
  }
  case PG_QUERY__NODE__NODE_COLLATE_CLAUSE: return name_of(sublinks, tree->collate_clause->arg, name);
  case PG_QUERY__NODE__NODE_SUB_LINK: return name_of_sublink(sublinks, tree->sub_link, name);
  case PG_QUERY__NODE__NODE_CASE_EXPR:
    strength = name_of(sublinks, tree->case_expr->defresult, name);
    if (strength != NAME_OWN)
      *name = "case";
    return strength == NAME_OWN ? NAME_OWN : NAME_TYPE;
  case PG_QUERY__NODE__NODE_COALESCE_EXPR: return set_name(name, "coalesce");
  case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
    return set_name(name, tree->min_max_expr->op == PG_QUERY__MIN_MAX_OP__IS_GREATEST ? "greatest" : "least");
  case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION: return name_of_value_function(tree->sqlvalue_function, name);
  case PG_QUERY__NODE__NODE_A_ARRAY_EXPR: return set_name(name, "array");
  case PG_QUERY__NODE__NODE_ROW_EXPR: return set_name(name, "row");
  default: return NAME_NONE;
  }
}

const char *bind_column_name(const PgQuery__Node *tree, const char *otherwise)
{
  const char *name;
  return name_of(NULL, tree, &name) == NAME_NONE ? otherwise : name;
}

// --- Targets ---------------------------------------------------------------------------------------

int bind_add_target(struct binder *binder, struct target_list *list, const char *name, struct node *node)
{
  if (list->count == LIMIT_COLUMNS)
    return bind_error(binder, node->position, SQLSTATE_TOO_MANY_COLUMNS, "target lists can have at most %d entries",
                      LIMIT_COLUMNS);
  if (!bind_grow(binder, &list->targets, list->count, &list->capacity, sizeof *list->targets))
    return binder->error->status;
  struct target target = {.name = name, .expression = node};
  if (node->kind == NODE_COLUMN && node->column >= 0) {
    const struct range *range = &binder->statement->ranges[node->range];
    if (range->relation) {
      target.relation_oid = range->relation->oid;
      target.relation_column = (int16_t)(node->column + 1);
    }
  }
  list->targets[list->count++] = target;
  return 0;
}

struct star_context {
  struct binder *binder;
  struct scope *scope;
  const PgQuery__ColumnRef *reference;
  struct target_list *list;
};

static int add_star_column(void *context, const char *name, struct node *node)
{
  struct star_context *star = context;
  bind_note_star_column(star->binder, star->scope, star->reference, name, node);
  return bind_add_target(star->binder, star->list, name, node);
}

struct list_context {
  struct binder *binder;
  struct target_list *list;
};

static int add_field(void *context, const char *name, struct node *node)
{
  struct list_context *list = context;
  return bind_add_target(list->binder, list->list, name, node);
}

int bind_targets(struct binder *binder, struct scope *scope, PgQuery__Node **trees, size_t count,
                 struct target_list *list)
{
  for (size_t i = 0; i < count; i++) {
    const PgQuery__ResTarget *tree = trees[i]->res_target;
    if (is_star(tree->val)) {
      struct star_context star = {binder, scope, tree->val->column_ref, list};
      view_note_star(binder->input->names, star.reference);
      int status = bind_star(binder, scope, tree->val->column_ref, add_star_column, &star);
      if (status)
        return status;
      continue;
    }
    if (bind_is_set_field(tree->val) && !bind_string(tree->val->a_indirection->indirection[0])) {
      struct list_context context = {binder, list};
      int status = bind_set_fields(binder, scope, tree->val->a_indirection, add_field, &context);
      if (status)
        return status;
      continue;
    }
    if (bind_is_row_field(scope, tree->val) && !bind_string(tree->val->a_indirection->indirection[0])) {
      struct list_context context = {binder, list};
      int status = bind_row_fields(binder, scope, tree->val->a_indirection, add_field, &context);
      if (status)
        return status;
      continue;
    }
    const PgQuery__AIndirection *row = bind_is_row_star(tree->val);
    if (row) {
      struct list_context context = {binder, list};
      int status = bind_row_star(binder, scope, row, add_field, &context);
      if (status)
        return status;
      continue;
    }
    struct node *node = bind_is_reg(tree->val) ? bind_reg(binder, scope, tree->val, REG_NAME)
                                               : bind_expr(binder, scope, tree->val);
    if (!node)
      return binder->error->status;
    const char *name = tree->name;
    if ((!name || !name[0]) && name_of(binder->sublinks, tree->val, &name) == NAME_NONE)
      name = "?column?";
    char *copy = bind_copy(binder, name);
    int status = copy ? bind_add_target(binder, list, copy, node) : (int)binder->error->status;
    if (status)
      return status;
  }
  return 0;
}

// --- VALUES ----------------------------------------------------------------------------------------

static int values_row(struct binder *binder, struct scope *scope, const PgQuery__List *row, struct node ***nodes)
{
  *nodes = ARENA_ARRAY(binder->arena, struct node *, row->n_items);
  if (!*nodes)
    return error_memory(binder->error);
  for (size_t i = 0; i < row->n_items; i++)
    if (!((*nodes)[i] = bind_expr(binder, scope, row->items[i])))
      return binder->error->status;
  return 0;
}

static int values_types(struct binder *binder, struct range *range)
{
  struct node **column = ARENA_ARRAY(binder->arena, struct node *, range->value_count);
  if (!column)
    return error_memory(binder->error);
  for (int c = 0; c < range->column_count; c++) {
    for (int r = 0; r < range->value_count; r++)
      column[r] = range->values[r][c];
    struct type type;
    int status = bind_common(binder, column, range->value_count, "VALUES", &type);
    if (status)
      return status;
    for (int r = 0; r < range->value_count; r++)
      range->values[r][c] = column[r];
    char *name = arena_format(binder->arena, "column%d", c + 1);
    if (!name)
      return error_memory(binder->error);
    range->columns[c] = (struct range_column){.name = name, .type = type};
  }
  return 0;
}

int bind_values(struct binder *binder, struct scope *scope, const PgQuery__SelectStmt *select)
{
  struct range range = {.kind = RANGE_VALUES, .alias = "*VALUES*", .value_count = (int)select->n_values_lists};
  size_t width = select->values_lists[0]->list->n_items;
  range.values = ARENA_ARRAY(binder->arena, struct node **, range.value_count);
  int status = range.values ? bind_columns(binder, &range, (int)width) : error_memory(binder->error);
  enum clause clause = scope->clause;
  scope->clause = CLAUSE_VALUES;
  for (int i = 0; i < range.value_count && !status; i++) {
    const PgQuery__List *row = select->values_lists[i]->list;
    if (row->n_items != width)
      return bind_error(binder, row->n_items ? bind_location(row->items[0]) : -1, SQLSTATE_SYNTAX_ERROR,
                        "VALUES lists must all be the same length");
    status = values_row(binder, scope, row, &range.values[i]);
  }
  scope->clause = clause;
  if (!status)
    status = values_types(binder, &range);
  return status ? status : bind_range(binder, &range);
}

static int bind_values_query(struct binder *binder, struct scope *scope, const PgQuery__SelectStmt *select,
                             struct query *query, struct target_list *list)
{
  int range = bind_values(binder, scope, select);
  if (range < 0)
    return range;
  int status = bind_add_item(binder, &scope->items, "*VALUES*", NULL, range, -1);
  for (int i = 0; !status && i < scope->items.items[0].column_count; i++) {
    struct node *node = bind_item_column(binder, &scope->items.items[0], i, -1);
    if (!node)
      return binder->error->status;
    status = bind_add_target(binder, list, item_column_name(binder, &scope->items.items[0], i), node);
  }
  query->from = status ? NULL : bind_join_range(binder, range);
  return status ? status : query->from ? 0 : (int)binder->error->status;
}

// --- ORDER BY, LIMIT -------------------------------------------------------------------------------

int bind_target_named(struct binder *binder, const PgQuery__Node *tree, const struct query *query, const char *clause,
                      int *target)
{
  if (tree->node_case == PG_QUERY__NODE__NODE_PARAM_REF && binder->input->parameters_are_literals)
    return bind_error(binder, -1, SQLSTATE_SYNTAX_ERROR, "%s needs the constant", clause);
  if (tree->node_case == PG_QUERY__NODE__NODE_A_CONST) {
    const PgQuery__AConst *constant = tree->a_const;
    if (constant->isnull || constant->val_case != PG_QUERY__A__CONST__VAL_IVAL)
      return bind_error(binder, constant->location, SQLSTATE_SYNTAX_ERROR, "non-integer constant in %s", clause);
    if (constant->ival->ival < 1 || constant->ival->ival > query->visible_count)
      return bind_error(binder, constant->location, SQLSTATE_INVALID_COLUMN_REFERENCE,
                        "%s position %d is not in select list", clause, constant->ival->ival);
    *target = constant->ival->ival - 1;
    return 1;
  }
  if (tree->node_case != PG_QUERY__NODE__NODE_COLUMN_REF || tree->column_ref->n_fields != 1)
    return 0;
  const char *name = bind_string(tree->column_ref->fields[0]);
  int found = -1;
  for (int i = 0; name && i < query->visible_count; i++) {
    if (strcmp(query->targets[i].name, name) != 0)
      continue;
    if (found >= 0 && !node_equal(query->targets[found].expression, query->targets[i].expression))
      return bind_error(binder, tree->column_ref->location, SQLSTATE_AMBIGUOUS_COLUMN, "%s \"%s\" is ambiguous", clause,
                        name);
    if (found < 0)
      found = i;
  }
  *target = found;
  return found >= 0;
}

static int order_target(struct binder *binder, struct scope *scope, const PgQuery__Node *tree, struct query *query,
                        struct target_list *list, int *target, const char *clause)
{
  int found = bind_target_named(binder, tree, query, clause, target);
  if (found)
    return found < 0 ? found : 0;
  scope->clause = CLAUSE_ORDER;
  struct node *node = bind_expr(binder, scope, tree);
  if (!node || !(node = bind_known(binder, node)))
    return binder->error->status;
  for (*target = 0; *target < list->count; (*target)++)
    if (node_equal(list->targets[*target].expression, node))
      return 0;
  if (scope->is_set_operation) {
    (void)!bind_error(binder, bind_location(tree), SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "invalid UNION/INTERSECT/EXCEPT ORDER BY clause");
    error_detail(binder->error, "Only result column names can be used, not expressions or functions.");
    error_hint(binder->error, "Add the expression/function to every SELECT, or move the UNION into a FROM clause.");
    return binder->error->status;
  }
  int status = bind_add_target(binder, list, "?column?", node);
  query->targets = list->targets;
  return status;
}

static int bind_order(struct binder *binder, struct scope *scope, const PgQuery__SelectStmt *select,
                      struct query *query, struct target_list *list)
{
  query->order = ARENA_ARRAY(binder->arena, struct sort_key, select->n_sort_clause + select->n_distinct_clause + 1);
  if (!query->order)
    return error_memory(binder->error);
  for (size_t i = 0; i < select->n_sort_clause; i++) {
    const PgQuery__SortBy *sort = select->sort_clause[i]->sort_by;
    struct sort_key key = {0};
    int status = order_target(binder, scope, sort->node, query, list, &key.column, "ORDER BY");
    if (!status)
      status = bind_direction(binder, sort, query->targets[key.column].expression, &key.is_descending,
                              &key.nulls_first);
    if (status)
      return status;
    bool is_repeated = false;
    for (int j = 0; j < query->order_count; j++)
      is_repeated |= query->order[j].column == key.column;
    if (!is_repeated)
      query->order[query->order_count++] = key;
  }
  return 0;
}

static bool is_distinct_on(const PgQuery__SelectStmt *select)
{
  return select->n_distinct_clause && select->distinct_clause[0]->node_case != PG_QUERY__NODE__NODE__NOT_SET;
}

static bool is_one_of(const int *list, int count, int target)
{
  for (int i = 0; i < count; i++)
    if (list[i] == target)
      return true;
  return false;
}

// DISTINCT ON: rows are sorted by its expressions first, in the order that ORDER BY says; the first of equals stays.
static int bind_distinct_on(struct binder *binder, struct scope *scope, const PgQuery__SelectStmt *select,
                            struct query *query, struct target_list *list)
{
  int *wanted = ARENA_ARRAY(binder->arena, int, select->n_distinct_clause), count = 0;
  if (!wanted)
    return error_memory(binder->error);
  for (size_t i = 0; i < select->n_distinct_clause; i++) {
    const PgQuery__Node *tree = select->distinct_clause[i];
    int target, status = order_target(binder, scope, tree, query, list, &target, "DISTINCT ON");
    if (!status)
      status = bind_ordered(binder, list->targets[target].expression, EQUALITY_OPERATOR, bind_location(tree));
    if (status)
      return status;
    if (!is_one_of(wanted, count, target))
      wanted[count++] = target;
  }
  int first = 0;
  while (first < query->order_count && is_one_of(wanted, count, query->order[first].column))
    first++;
  for (int i = 0; i < count && first < query->order_count; i++) {
    bool is_sorted = false;
    for (int j = 0; j < first; j++)
      is_sorted |= query->order[j].column == wanted[i];
    if (!is_sorted)
      return bind_error(binder, bind_location(select->distinct_clause[i]), SQLSTATE_INVALID_COLUMN_REFERENCE,
                        "SELECT DISTINCT ON expressions must match initial ORDER BY expressions");
  }
  for (int i = 0; i < count; i++) {
    bool is_sorted = false;
    for (int j = 0; j < query->order_count; j++)
      is_sorted |= query->order[j].column == wanted[i];
    if (!is_sorted)
      query->order[query->order_count++] = (struct sort_key){.column = wanted[i]};
  }
  query->unique_count = count;
  return 0;
}

static int bind_ties(struct binder *binder, const PgQuery__SelectStmt *select, struct query *query)
{
  if (!select->n_sort_clause)
    return bind_error(binder, -1, SQLSTATE_SYNTAX_ERROR, "WITH TIES cannot be specified without ORDER BY clause");
  if (!query->limit)
    return bind_error(binder, -1, SQLSTATE_INVALID_ROW_COUNT_IN_LIMIT_CLAUSE,
                      "row count cannot be null in FETCH FIRST ... WITH TIES clause");
  for (int i = 0; i < query->lock_count; i++)
    if (query->locks[i].wait == CLAIM_OR_SKIP)
      return bind_error(binder, -1, SQLSTATE_SYNTAX_ERROR, "SKIP LOCKED and WITH TIES options cannot be used together");
  query->has_ties = true;
  return 0;
}

struct own_columns {
  const struct scope *scope;
  bool found;
};

static bool find_own_column(const struct node *node, void *context)
{
  struct own_columns *own = context;
  own->found |= node->kind == NODE_COLUMN && bind_join_has(own->scope->items.join, node->range);
  return !own->found;
}

static int bind_limit(struct binder *binder, struct scope *scope, const PgQuery__Node *tree, enum clause clause,
                      struct node **limit)
{
  const char *name = clause == CLAUSE_LIMIT ? "LIMIT" : "OFFSET";
  if (!tree || (tree->node_case == PG_QUERY__NODE__NODE_A_CONST && tree->a_const->isnull))
    return 0;
  scope->clause = clause;
  struct node *node = bind_expr(binder, scope, tree);
  if (!node)
    return binder->error->status;
  struct own_columns own = {.scope = scope};
  node_walk(node, find_own_column, &own);
  if (own.found)
    return bind_error(binder, node->position, SQLSTATE_INVALID_COLUMN_REFERENCE,
                      "argument of %s must not contain variables", name);
  const struct function *function;
  if (!cast_find(node->type.id, TYPE_INT8, CAST_ASSIGNMENT, &function))
    return bind_error(binder, node->position, SQLSTATE_DATATYPE_MISMATCH,
                      "argument of %s must be type bigint, not type %s", name, BIND_TYPE_NAME(binder, node->type.id));
  *limit = bind_cast(binder, node, type_plain(TYPE_INT8), CAST_ASSIGNMENT);
  return *limit ? 0 : (int)binder->error->status;
}

// --- The whole -------------------------------------------------------------------------------------

static int bind_list(struct binder *binder, struct scope *scope, const PgQuery__SelectStmt *select, struct query *query,
                     struct target_list *list)
{
  if (select->n_values_lists)
    return bind_values_query(binder, scope, select, query, list);
  if (is_set_operation(select))
    return bind_set_operation(binder, scope, select, query, list);
  scope->clause = CLAUSE_SUBSELECT;
  int status = bind_from(binder, scope, select->from_clause, select->n_from_clause);
  if (status)
    return status;
  query->from = scope->items.join;
  scope->clause = CLAUSE_TARGET;
  status = bind_targets(binder, scope, select->target_list, select->n_target_list, list);
  if (!status && select->where_clause &&
      !(query->where = bind_condition(binder, scope, select->where_clause, CLAUSE_WHERE, "WHERE")))
    status = binder->error->status;
  if (!status && select->having_clause &&
      !(query->having = bind_condition(binder, scope, select->having_clause, CLAUSE_HAVING, "HAVING")))
    status = binder->error->status;
  return status;
}

static int settle_targets(struct binder *binder, struct query *query, bool keeps_unknown)
{
  for (int i = 0; i < query->target_count; i++) {
    struct target *target = &query->targets[i];
    bool is_order = false;
    for (int j = 0; j < query->order_count; j++)
      is_order |= query->order[j].column == i;
    if (keeps_unknown && !is_order && !query->is_distinct)
      continue;
    if (!(target->expression = bind_known(binder, target->expression)) ||
        (query->is_distinct && bind_ordered(binder, target->expression, EQUALITY_OPERATOR,
                                             target->expression->position)))
      return binder->error->status;
  }
  if (query->is_distinct && query->target_count > query->visible_count)
    return bind_error(binder, query->targets[query->visible_count].expression->position,
                      SQLSTATE_INVALID_COLUMN_REFERENCE,
                      "for SELECT DISTINCT, ORDER BY expressions must appear in select list");
  return 0;
}

static bool find_aggregate(const struct node *node, void *context)
{
  const struct node **found = context;
  if (node->kind == NODE_COLUMN && node->column < 0 && !*found)
    *found = node;
  return !*found;
}

// A recursive query's right side sees the rows of one round only.
static int refuse_aggregate(struct binder *binder, const struct query *query)
{
  const struct node *found = NULL;
  for (int i = 0; i < query->target_count && !found; i++)
    node_walk(query->targets[i].expression, find_aggregate, &found);
  if (!found && query->having)
    node_walk(query->having, find_aggregate, &found);
  return bind_error(binder, found ? found->position : -1, SQLSTATE_INVALID_RECURSION,
                    "aggregate functions are not allowed in a recursive query's recursive term");
}

// How deep the node's functions that give rows stand within one another. (At most as many as there are.)
static int level_of(const struct query *query, const struct node *node)
{
  int level = 0;
  for (int i = 0; i < node->argument_count; i++) {
    int own = level_of(query, node->arguments[i]);
    level = own > level ? own : level;
  }
  for (int i = 0; node->kind == NODE_COLUMN && i < query->expansion_count; i++)
    if (query->expansions[i].range == node->range)
      level = query->expansions[i].level + 1;
  return level;
}

// Inner functions are bound before those around them.
static int bind_expansions(struct binder *binder, const struct scope *scope, struct query *query)
{
  query->expansions = ARENA_ARRAY(binder->arena, struct expansion, scope->set_count + 1);
  if (!query->expansions)
    return error_memory(binder->error);
  for (int i = 0; i < scope->set_count; i++) {
    const struct range *range = &binder->statement->ranges[scope->set_ranges[i]];
    struct expansion expansion = {.range = scope->set_ranges[i]};
    for (int k = 0; k < range->argument_count; k++) {
      int level = level_of(query, range->arguments[k]);
      expansion.level = level > expansion.level ? level : expansion.level;
    }
    query->expansions[query->expansion_count++] = expansion;
  }
  return 0;
}

static int bind_parts(struct binder *binder, struct scope *scope, const PgQuery__SelectStmt *select,
                      const struct select_options *options, struct query *query)
{
  struct target_list list = {0};
  int status = select->into_clause ? bind_error(binder, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                                                "SELECT INTO is not supported")
                                   : bind_window_clause(binder, scope, select);
  if (!status)
    status = bind_with(binder, scope, select->with_clause);
  if (!status)
    status = bind_list(binder, scope, select, query, &list);
  query->targets = list.targets;
  query->visible_count = list.count;
  query->is_distinct = select->n_distinct_clause > 0 && !is_distinct_on(select);
  if (!status)
    status = bind_order(binder, scope, select, query, &list);
  if (!status && is_distinct_on(select))
    status = bind_distinct_on(binder, scope, select, query, &list);
  query->targets = list.targets;
  query->target_count = list.count;
  if (!status)
    status = settle_targets(binder, query, options->keeps_unknown);
  if (!status && scope->has_self_reference && scope->aggregate_count)
    status = refuse_aggregate(binder, query);
  if (!status)
    status = bind_windows(binder, scope, query);
  if (!status)
    status = bind_expansions(binder, scope, query);
  if (!status)
    status = bind_grouping(binder, scope, select, query);
  if (!status)
    status = bind_locking(binder, scope, select, query, &list);
  if (!status)
    status = bind_limit(binder, scope, select->limit_offset, CLAUSE_OFFSET, &query->offset);
  if (!status)
    status = bind_limit(binder, scope, select->limit_count, CLAUSE_LIMIT, &query->limit);
  if (!status && select->limit_option == PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_WITH_TIES)
    status = bind_ties(binder, select, query);
  return status;
}

int bind_select(struct binder *binder, const PgQuery__SelectStmt *select, const struct select_options *options,
                struct query **query, bool *is_correlated)
{
  *query = ARENA_NEW(binder->arena, struct query);
  struct scope *scope = ARENA_NEW(binder->arena, struct scope); // WITH queries refer to it
  if (!*query || !scope)
    return error_memory(binder->error);
  *scope = (struct scope){
      .outer = options->outer,
      .hides_outer = options->hides_outer,
      .via = options->via,
      .with = options->with,
      .defines = options->defines,
      .within = options->within,
      .is_lateral = options->is_lateral,
      .group_range = -1,
  };
  // Names in WITH nest queries without a parenthesis that the pre-scan could count.
  if (!bind_deepen(binder, 1) || !bind_enter(binder, -1))
    return binder->error->status;
  binder->query_depth++;
  int status = bind_parts(binder, scope, select, options, *query);
  binder->query_depth--;
  binder->depth--;
  *is_correlated = scope->is_correlated;
  return status;
}

int bind_query_range(struct binder *binder, struct query *query, const char *alias)
{
  struct range range = {.kind = RANGE_SUBQUERY, .query = query, .alias = alias};
  int status = bind_columns(binder, &range, query->visible_count);
  if (status)
    return status;
  for (int i = 0; i < query->visible_count; i++)
    range.columns[i] =
        (struct range_column){.name = query->targets[i].name, .type = query->targets[i].expression->type};
  return bind_range(binder, &range);
}
