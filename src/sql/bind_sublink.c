// Subqueries in expressions.
//
// A comparison with a subquery's rows stands in a query put around the subquery, whose only target it is:
//   x op ANY (q)  and  ALL    SELECT left.x op r.c FROM q r, where left is a range that holds x while the query runs
//   (a, b) op (q), ANY, ALL   SELECT (a, b) op (r.c, r.d) FROM q r, which reads a and b as columns around it
// What q gives is kept, if it reads nothing around it, and run through again for each row. Only IN and NOT IN of one
// column look it up instead.
#include "sql/binder.h"

static struct node *add_subquery(struct binder *binder, const struct subquery *subquery, struct node *left,
                                 struct type type, int32_t location)
{
  struct statement *statement = binder->statement;
  if (!bind_grow(binder, &statement->subqueries, statement->subquery_count, &binder->subquery_capacity,
                 sizeof *subquery))
    return NULL;
  int number = statement->subquery_count++;
  statement->subqueries[number] = *subquery;
  struct node *node = bind_node(binder, NODE_SUBQUERY, type, location, &left, left ? 1 : 0);
  if (!node)
    return NULL;
  node->subquery_kind = subquery->kind;
  node->subquery = number;
  return node;
}

// left IN (subquery): both sides of one type that `=` knows.
static struct node *finish_in(struct binder *binder, const char *name, const struct subquery *subquery,
                              struct node *left, int32_t location)
{
  struct target *target = &subquery->query->targets[0];
  struct node *pair[2] = {left, target->expression};
  struct type type;
  if (!bind_operator(binder, name, left, target->expression, location) || bind_common(binder, pair, 2, "IN", &type))
    return NULL;
  target->expression = pair[1];
  return add_subquery(binder, subquery, pair[0], type_plain(TYPE_BOOLEAN), location);
}

// --- Queries around subqueries -----------------------------------------------------------------------

// A range of the subquery's rows: kept for all runs, if these are always the same.
static int rows_range(struct binder *binder, const struct subquery *subquery)
{
  struct statement *statement = binder->statement;
  int range = bind_query_range(binder, subquery->query, "rows");
  if (range < 0)
    return range;
  struct range *at = &statement->ranges[range];
  for (int i = 0; i < at->column_count; i++)
    at->columns[i].is_used = true;
  if (subquery->is_correlated)
    return range;
  struct shared_query shared = {
      .query = subquery->query,
      .part = -1,
      .columns = subquery->query->targets,
      .column_count = subquery->query->visible_count,
  };
  if (!bind_grow(binder, &statement->shared, statement->shared_count, &binder->shared_capacity, sizeof shared))
    return binder->error->status;
  at->kind = RANGE_SHARED;
  at->query = NULL;
  at->number = statement->shared_count;
  statement->shared[statement->shared_count++] = shared;
  return range;
}

// The subquery's columns, in that range.
static struct node **row_columns(struct binder *binder, int range)
{
  const struct range *at = &binder->statement->ranges[range];
  struct node **columns = ARENA_ARRAY(binder->arena, struct node *, at->column_count + 1);
  for (int i = 0; columns && i < at->column_count; i++)
    if (!(columns[i] = node_column(binder->arena, at->columns[i].type, range, i, -1)))
      columns = NULL;
  return columns ? columns : bind_memory(binder);
}

static struct query *query_of(struct binder *binder, int range, struct node *node)
{
  struct query *query = ARENA_NEW(binder->arena, struct query);
  struct target_list list = {0};
  if (!query)
    return bind_memory(binder);
  query->group_range = -1;
  query->from = bind_join_range(binder, range);
  if (!query->from || bind_add_target(binder, &list, "?column?", node))
    return NULL;
  query->targets = list.targets;
  query->target_count = query->visible_count = 1;
  return query;
}

static struct node *check_boolean(struct binder *binder, struct node *node, int32_t location)
{
  if (!node || node->type.id == TYPE_BOOLEAN)
    return node;
  return bind_fail(binder, location, SQLSTATE_DATATYPE_MISMATCH,
                   "row comparison operator must yield type boolean, not type %s", BIND_TYPE_NAME(binder, node->type.id));
}

// --- Rows ------------------------------------------------------------------------------------------

static bool is_row_comparison(const char *name)
{
  static const char *const known[] = {"=", "<>", "<", "<=", ">", ">=", NULL};
  for (const char *const *comparison = known; *comparison; comparison++)
    if (strcmp(name, *comparison) == 0)
      return true;
  return false;
}

// A row compared with the subquery's rows: each of them, or the only one.
static struct node *compare_row(struct binder *binder, struct scope *scope, const char *name,
                                const PgQuery__RowExpr *row, struct subquery *subquery, int32_t location)
{
  int count = subquery->query->visible_count;
  if (row->n_args != (size_t)count)
    return bind_fail(binder, location, SQLSTATE_SYNTAX_ERROR, "subquery has too %s columns",
                     row->n_args < (size_t)count ? "many" : "few");
  if (!is_row_comparison(name))
    return bind_fail(binder, location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                     "could not determine interpretation of row comparison operator %s", name);
  struct node **left = ARENA_ARRAY(binder->arena, struct node *, count + 1);
  if (!left)
    return bind_memory(binder);
  for (int i = 0; i < count; i++)
    if (!(left[i] = bind_expr(binder, scope, row->args[i])))
      return NULL;
  int range = rows_range(binder, subquery);
  struct node **right = range < 0 ? NULL : row_columns(binder, range);
  struct node *test = right ? bind_compare_columns(binder, name, left, right, (size_t)count, location) : NULL;
  if (!(test = check_boolean(binder, test, location)) || !(subquery->query = query_of(binder, range, test)))
    return NULL;
  subquery->is_correlated = true;
  return add_subquery(binder, subquery, NULL, type_plain(TYPE_BOOLEAN), location);
}

// (a, b) = (SELECT …)
struct node *bind_row_sublink(struct binder *binder, struct scope *scope, const char *name, const PgQuery__RowExpr *row,
                              const PgQuery__SubLink *link, int32_t location)
{
  struct subquery subquery = {.kind = SUBQUERY_SCALAR};
  struct select_options options = {.outer = scope};
  if (bind_select(binder, link->subselect->select_stmt, &options, &subquery.query, &subquery.is_correlated))
    return NULL;
  return compare_row(binder, scope, name, row, &subquery, location);
}

// One column of what SET (a, b) = (SELECT …) assigns.
struct node *bind_column_sublink(struct binder *binder, struct scope *scope, const PgQuery__SubLink *link, int column,
                                 int count)
{
  struct subquery subquery = {.kind = SUBQUERY_SCALAR};
  struct select_options options = {.outer = scope};
  if (bind_select(binder, link->subselect->select_stmt, &options, &subquery.query, &subquery.is_correlated))
    return NULL;
  if (subquery.query->visible_count != count)
    return bind_fail(binder, link->location, SQLSTATE_SYNTAX_ERROR,
                     "number of columns does not match number of values");
  int range = bind_query_range(binder, subquery.query, "rows");
  if (range < 0)
    return NULL;
  struct range *at = &binder->statement->ranges[range];
  at->columns[column].is_used = true;
  struct node *node = node_column(binder->arena, at->columns[column].type, range, column, link->location);
  if (!node)
    return bind_memory(binder);
  struct type type = node->type;
  int32_t position = subquery.query->targets[column].expression->position;
  if (!(subquery.query = query_of(binder, range, node)))
    return NULL;
  return add_subquery(binder, &subquery, NULL, type, position);
}

// --- ANY, ALL --------------------------------------------------------------------------------------

// x op ANY (q): x goes into a range of its own, where the comparison finds it.
static struct node *compare_value(struct binder *binder, const char *name, struct node *left, struct subquery *subquery,
                                  int32_t location)
{
  int range = rows_range(binder, subquery);
  struct node **right = range < 0 ? NULL : row_columns(binder, range);
  struct node *test = right ? bind_operator(binder, name, left, right[0], location) : NULL;
  if (!(test = check_boolean(binder, test, location)))
    return NULL;
  // The operator has cast its sides: what is left of the left one is handed over.
  struct range held = {.kind = RANGE_ROW, .alias = "left"};
  if (bind_columns(binder, &held, 1))
    return NULL;
  left = test->arguments[0];
  held.columns[0] = (struct range_column){.name = "left", .type = left->type, .is_used = true};
  subquery->left_range = bind_range(binder, &held);
  struct node *handed = subquery->left_range < 0
                            ? NULL
                            : node_column(binder->arena, left->type, subquery->left_range, 0, left->position);
  if (!handed)
    return bind_memory(binder);
  test->arguments[0] = handed;
  if (!(subquery->query = query_of(binder, range, test)))
    return NULL;
  subquery->is_correlated = true;
  return add_subquery(binder, subquery, left, type_plain(TYPE_BOOLEAN), location);
}

static struct node *bind_quantified(struct binder *binder, struct scope *scope, const PgQuery__SubLink *link,
                                    struct subquery *subquery)
{
  bool is_all = link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__ALL_SUBLINK;
  const char *name = link->n_oper_name ? bind_string(link->oper_name[link->n_oper_name - 1]) : "=";
  subquery->kind = is_all ? SUBQUERY_ALL : SUBQUERY_ANY;
  if (link->testexpr->node_case == PG_QUERY__NODE__NODE_ROW_EXPR)
    return compare_row(binder, scope, name, link->testexpr->row_expr, subquery, link->location);
  if (subquery->query->visible_count != 1)
    return bind_fail(binder, link->location, SQLSTATE_SYNTAX_ERROR, "subquery has too many columns");
  struct node *left = bind_expr(binder, scope, link->testexpr);
  if (!left)
    return NULL;
  if (strcmp(name, is_all ? "<>" : "=") != 0)
    return compare_value(binder, name, left, subquery, link->location);
  subquery->kind = SUBQUERY_IN;
  struct node *node = finish_in(binder, name, subquery, left, link->location);
  return node && is_all ? bind_not(binder, node, link->location) : node;
}

// ARRAY(SELECT …): the rows' values; of arrays an array of one dimension more.
static struct node *bind_array_subquery(struct binder *binder, struct subquery *subquery, int32_t location)
{
  subquery->kind = SUBQUERY_ARRAY;
  if (subquery->query->visible_count != 1)
    return bind_fail(binder, location, SQLSTATE_SYNTAX_ERROR, "subquery must return only one column");
  enum type_id element = subquery->query->targets[0].expression->type.id;
  enum type_id type = type_is_array(element) ? element : type_array(element);
  if (type == TYPE_COUNT)
    return bind_fail(binder, location, SQLSTATE_UNDEFINED_OBJECT, "could not find array type for data type %s",
                     BIND_TYPE_NAME(binder, element));
  return add_subquery(binder, subquery, NULL, type_plain(type), location);
}

static int note_name(struct binder *binder, const PgQuery__SubLink *link, const char *name)
{
  struct sublink_name *noted = ARENA_NEW(binder->arena, struct sublink_name);
  if (!noted)
    return error_memory(binder->error);
  *noted = (struct sublink_name){.link = link, .name = name, .next = binder->sublinks};
  binder->sublinks = noted;
  return 0;
}

struct node *bind_sublink(struct binder *binder, struct scope *scope, const PgQuery__SubLink *link)
{
  static const char *const places[] = {"a definition", "index expression", "index predicate", "column generation expression",
                                       "COPY FROM WHERE condition"};
  if (scope->clause >= CLAUSE_DEFAULT)
    return bind_fail(binder, link->location, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot use subquery in %s",
                     places[scope->clause - CLAUSE_DEFAULT]);
  if (!link->subselect || link->subselect->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
    return bind_fail(binder, link->location, SQLSTATE_FEATURE_NOT_SUPPORTED, "this subquery is not supported");
  struct subquery subquery = {0};
  struct select_options options = {.outer = scope};
  if (bind_select(binder, link->subselect->select_stmt, &options, &subquery.query, &subquery.is_correlated))
    return NULL;
  switch (link->sub_link_type) {
  case PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK:
    subquery.kind = SUBQUERY_EXISTS;
    return add_subquery(binder, &subquery, NULL, type_plain(TYPE_BOOLEAN), link->location);
  case PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK:
    subquery.kind = SUBQUERY_SCALAR;
    if (subquery.query->visible_count != 1)
      return bind_fail(binder, link->location, SQLSTATE_SYNTAX_ERROR, "subquery must return only one column");
    if (note_name(binder, link, subquery.query->targets[0].name))
      return NULL;
    return add_subquery(binder, &subquery, NULL, subquery.query->targets[0].expression->type, link->location);
  case PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK:
  case PG_QUERY__SUB_LINK_TYPE__ALL_SUBLINK: return bind_quantified(binder, scope, link, &subquery);
  case PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK: return bind_array_subquery(binder, &subquery, link->location);
  default: return bind_fail(binder, link->location, SQLSTATE_FEATURE_NOT_SUPPORTED, "this subquery is not supported");
  }
}
