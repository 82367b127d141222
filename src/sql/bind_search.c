// SEARCH and CYCLE of a recursive WITH query, as queries that say the same: each side of the UNION becomes a subquery,
// and around it stand the columns that the clauses add. The right side reads those of the row that it goes on from.
//
//   SELECT l.a, ARRAY[ROW(l.a)], false, ARRAY[ROW(l.a)] FROM (left side) l(a)
//   UNION ALL
//   SELECT r.a, r.seq || ARRAY[ROW(r.a)], CASE WHEN ROW(r.a) = ANY (r.path) THEN true ELSE false END,
//          r.path || ARRAY[ROW(r.a)]
//   FROM (right side, with q.seq, q.mark, q.path of its reference q, WHERE q.mark <> true) r(a, seq, mark, path)
#include "sql/binder.h"

enum { ADDED = 3 }; // columns at most

struct making {
  struct binder *binder;
  const PgQuery__CommonTableExpr *tree;
  bool failed; // out of memory
};

static void *take(struct making *making, size_t size)
{
  void *taken = arena_alloc_zeroed(making->binder->arena, size);
  making->failed |= !taken;
  return taken;
}

// A node of the grammar of this kind, and what it holds.
#define NEW(making, kind, field, type, INIT)                                        \
  PgQuery__##type *field = take(making, sizeof *field);                             \
  PgQuery__Node *node = take(making, sizeof *node);                                 \
  if (!field || !node)                                                              \
    return NULL;                                                                    \
  *field = (PgQuery__##type)PG_QUERY__##INIT##__INIT;                               \
  pg_query__node__init(node);                                                       \
  node->node_case = PG_QUERY__NODE__NODE_##kind;                                    \
  node->field = field

static PgQuery__Node *string_node(struct making *making, const char *text)
{
  NEW(making, STRING, string, String, STRING);
  string->sval = (char *)(uintptr_t)text;
  return node;
}

static PgQuery__Node **list_of(struct making *making, PgQuery__Node *first, PgQuery__Node *second)
{
  PgQuery__Node **list = take(making, 2 * sizeof *list);
  if (list) {
    list[0] = first;
    list[1] = second;
  }
  return list;
}

static PgQuery__Node *reference(struct making *making, const char *table, const char *column)
{
  NEW(making, COLUMN_REF, column_ref, ColumnRef, COLUMN_REF);
  column_ref->fields = list_of(making, string_node(making, table), string_node(making, column));
  column_ref->n_fields = 2;
  column_ref->location = -1;
  return node;
}

static PgQuery__Node *row_of(struct making *making, const char *table, PgQuery__Node *const *columns, size_t count)
{
  NEW(making, ROW_EXPR, row_expr, RowExpr, ROW_EXPR);
  row_expr->args = take(making, (count + 1) * sizeof *row_expr->args);
  for (size_t i = 0; row_expr->args && i < count; i++)
    row_expr->args[row_expr->n_args++] = reference(making, table, bind_string(columns[i]));
  row_expr->location = -1;
  return node;
}

static PgQuery__Node *array_of_one(struct making *making, PgQuery__Node *element)
{
  NEW(making, A_ARRAY_EXPR, a_array_expr, AArrayExpr, A__ARRAY_EXPR);
  a_array_expr->elements = list_of(making, element, NULL);
  a_array_expr->n_elements = 1;
  a_array_expr->location = -1;
  return node;
}

static PgQuery__Node *operation(struct making *making, PgQuery__AExprKind kind, const char *name, PgQuery__Node *left,
                                PgQuery__Node *right)
{
  NEW(making, A_EXPR, a_expr, AExpr, A__EXPR);
  a_expr->kind = kind;
  a_expr->name = list_of(making, string_node(making, name), NULL);
  a_expr->n_name = 1;
  a_expr->lexpr = left;
  a_expr->rexpr = right;
  a_expr->location = -1;
  return node;
}

// CASE WHEN condition THEN value ELSE otherwise END
static PgQuery__Node *choice(struct making *making, PgQuery__Node *condition, PgQuery__Node *value,
                             PgQuery__Node *otherwise)
{
  PgQuery__CaseWhen *when = take(making, sizeof *when);
  PgQuery__Node *when_node = take(making, sizeof *when_node);
  NEW(making, CASE_EXPR, case_expr, CaseExpr, CASE_EXPR);
  if (!when || !when_node)
    return NULL;
  pg_query__case_when__init(when);
  pg_query__node__init(when_node);
  when_node->node_case = PG_QUERY__NODE__NODE_CASE_WHEN;
  when_node->case_when = when;
  when->expr = condition;
  when->result = value;
  when->location = -1;
  case_expr->args = list_of(making, when_node, NULL);
  case_expr->n_args = 1;
  case_expr->defresult = otherwise;
  case_expr->location = -1;
  return node;
}

static PgQuery__Node *target(struct making *making, PgQuery__Node *value, const char *name)
{
  NEW(making, RES_TARGET, res_target, ResTarget, RES_TARGET);
  res_target->val = value;
  res_target->name = (char *)(uintptr_t)name;
  res_target->location = -1;
  return node;
}

static PgQuery__Node *both(struct making *making, PgQuery__Node *left, PgQuery__Node *right)
{
  if (!left)
    return right;
  NEW(making, BOOL_EXPR, bool_expr, BoolExpr, BOOL_EXPR);
  bool_expr->boolop = PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR;
  bool_expr->args = list_of(making, left, right);
  bool_expr->n_args = 2;
  bool_expr->location = -1;
  return node;
}

// (select) name(columns)
static PgQuery__Node *subquery(struct making *making, PgQuery__SelectStmt *select, const char *name,
                               PgQuery__Node *const *columns, size_t count)
{
  PgQuery__Node *query = take(making, sizeof *query);
  PgQuery__Alias *alias = take(making, sizeof *alias);
  NEW(making, RANGE_SUBSELECT, range_subselect, RangeSubselect, RANGE_SUBSELECT);
  if (!query || !alias)
    return NULL;
  pg_query__node__init(query);
  pg_query__alias__init(alias);
  query->node_case = PG_QUERY__NODE__NODE_SELECT_STMT;
  query->select_stmt = select;
  alias->aliasname = (char *)(uintptr_t)name;
  alias->colnames = take(making, (count + 1) * sizeof *alias->colnames);
  for (size_t i = 0; alias->colnames && i < count; i++)
    alias->colnames[alias->n_colnames++] = columns[i];
  range_subselect->subquery = query;
  range_subselect->alias = alias;
  return node;
}

// --- The two sides ----------------------------------------------------------------------------------------------

// What the clauses add, in the order of their columns.
static int added_columns(struct making *making, PgQuery__Node *columns[ADDED])
{
  const PgQuery__CTESearchClause *search = making->tree->search_clause;
  const PgQuery__CTECycleClause *cycle = making->tree->cycle_clause;
  int count = 0;
  if (search)
    columns[count++] = string_node(making, search->search_seq_column);
  if (cycle) {
    columns[count++] = string_node(making, cycle->cycle_mark_column);
    columns[count++] = string_node(making, cycle->cycle_path_column);
  }
  return count;
}

// One side's row, and behind it what becomes of it in an array that began before (of: NULL, it begins here).
static PgQuery__Node *path(struct making *making, const char *table, PgQuery__Node *const *columns, size_t count,
                           const char *before)
{
  PgQuery__Node *own = array_of_one(making, row_of(making, table, columns, count));
  return before ? operation(making, PG_QUERY__A__EXPR__KIND__AEXPR_OP, "||", reference(making, table, before), own)
                : own;
}

static PgQuery__Node *text_constant(struct making *making, const char *text)
{
  NEW(making, A_CONST, a_const, AConst, A__CONST);
  PgQuery__String *string = take(making, sizeof *string);
  if (!string)
    return NULL;
  pg_query__string__init(string);
  string->sval = (char *)(uintptr_t)text;
  a_const->val_case = PG_QUERY__A__CONST__VAL_SVAL;
  a_const->sval = string;
  a_const->location = -1;
  return node;
}

static PgQuery__Node *cast_to(struct making *making, PgQuery__Node *value, const char *type)
{
  PgQuery__TypeName *name = take(making, sizeof *name);
  NEW(making, TYPE_CAST, type_cast, TypeCast, TYPE_CAST);
  if (!name)
    return NULL;
  pg_query__type_name__init(name);
  name->names = list_of(making, string_node(making, "pg_catalog"), string_node(making, type));
  name->n_names = 2;
  name->typemod = -1;
  name->location = -1;
  type_cast->arg = value;
  type_cast->type_name = name;
  type_cast->location = -1;
  return node;
}

// How far from the beginning the row before is: the number that its sequence begins with, as nobody knows its columns.
static PgQuery__Node *depth_of(struct making *making, PgQuery__Node *sequence)
{
  NEW(making, FUNC_CALL, func_call, FuncCall, FUNC_CALL);
  func_call->funcname = list_of(making, string_node(making, "pg_catalog"), string_node(making, "substring"));
  func_call->n_funcname = 2;
  func_call->args = list_of(making, cast_to(making, sequence, "text"), text_constant(making, "[0-9]+"));
  func_call->n_args = 2;
  func_call->location = -1;
  return node;
}

// ROW(depth, columns)
static PgQuery__Node *level(struct making *making, const char *table, PgQuery__Node *const *columns, size_t count,
                            const char *before)
{
  PgQuery__Node *row = row_of(making, table, columns, count);
  PgQuery__Node **parts = take(making, (count + 1) * sizeof *parts);
  PgQuery__Node *zero = cast_to(making, text_constant(making, "0"), "int8");
  PgQuery__Node *one = cast_to(making, text_constant(making, "1"), "int8");
  if (making->failed)
    return NULL;
  parts[0] = before ? operation(making, PG_QUERY__A__EXPR__KIND__AEXPR_OP, "+",
                                cast_to(making, depth_of(making, reference(making, table, before)), "int8"), one)
                    : zero;
  memcpy(parts + 1, row->row_expr->args, count * sizeof *parts);
  row->row_expr->args = parts;
  row->row_expr->n_args = count + 1;
  return row;
}

// Rows in a sequence as it is searched.
static PgQuery__Node *place(struct making *making, const char *table, const char *before)
{
  const PgQuery__CTESearchClause *search = making->tree->search_clause;
  return (search->search_breadth_first ? level : path)(making, table, search->search_col_list, search->n_search_col_list,
                                                       before);
}

static PgQuery__SelectStmt *side(struct making *making, PgQuery__SelectStmt *inner, bool is_right,
                                 PgQuery__Node *const *columns, size_t count)
{
  const char *table = is_right ? "*TROCRN*" : "*TLOCRN*";
  const PgQuery__CTESearchClause *search = making->tree->search_clause;
  const PgQuery__CTECycleClause *cycle = making->tree->cycle_clause;
  PgQuery__SelectStmt *select = take(making, sizeof *select);
  PgQuery__Node *added[ADDED], **all = take(making, (count + ADDED) * sizeof *all);
  int added_count = added_columns(making, added);
  if (making->failed)
    return NULL;
  for (size_t i = 0; i < count; i++)
    all[i] = columns[i];
  for (int i = 0; i < added_count; i++)
    all[count + (size_t)i] = added[i];
  pg_query__select_stmt__init(select);
  select->limit_option = PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_DEFAULT;
  select->op = PG_QUERY__SET_OPERATION__SETOP_NONE;
  select->target_list = take(making, (count + ADDED) * sizeof *select->target_list);
  if (!select->target_list)
    return NULL;
  for (size_t i = 0; i < count; i++)
    select->target_list[select->n_target_list++] =
        target(making, reference(making, table, bind_string(columns[i])), bind_string(columns[i]));
  if (search)
    select->target_list[select->n_target_list++] =
        target(making, place(making, table, is_right ? search->search_seq_column : NULL), search->search_seq_column);
  if (cycle) {
    PgQuery__Node *row = row_of(making, table, cycle->cycle_col_list, cycle->n_cycle_col_list);
    PgQuery__Node *was_there = operation(making, PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY, "=", row,
                                         reference(making, table, cycle->cycle_path_column));
    PgQuery__Node *mark = is_right ? choice(making, was_there, cycle->cycle_mark_value, cycle->cycle_mark_default)
                                   : cycle->cycle_mark_default;
    select->target_list[select->n_target_list++] = target(making, mark, cycle->cycle_mark_column);
    PgQuery__Node *way = path(making, table, cycle->cycle_col_list, cycle->n_cycle_col_list,
                              is_right ? cycle->cycle_path_column : NULL);
    select->target_list[select->n_target_list++] = target(making, way, cycle->cycle_path_column);
  }
  size_t width = is_right ? count + (size_t)added_count : count;
  select->from_clause = list_of(making, subquery(making, inner, table, all, width), NULL);
  select->n_from_clause = 1;
  return select;
}

// What the right side calls its reference to the query; NULL: it is not in its FROM.
static const char *own_reference(const PgQuery__Node *tree, const char *name)
{
  if (tree->node_case == PG_QUERY__NODE__NODE_JOIN_EXPR) {
    const char *left = own_reference(tree->join_expr->larg, name);
    return left ? left : own_reference(tree->join_expr->rarg, name);
  }
  if (tree->node_case != PG_QUERY__NODE__NODE_RANGE_VAR || strcmp(tree->range_var->relname, name) != 0 ||
      (tree->range_var->schemaname && tree->range_var->schemaname[0]))
    return NULL;
  return tree->range_var->alias ? tree->range_var->alias->aliasname : name;
}

static PgQuery__SelectStmt *with_added(struct making *making, const PgQuery__SelectStmt *right)
{
  const PgQuery__CTECycleClause *cycle = making->tree->cycle_clause;
  PgQuery__SelectStmt *select = take(making, sizeof *select);
  PgQuery__Node *added[ADDED];
  int count = added_columns(making, added);
  const char *own = NULL;
  for (size_t i = 0; i < right->n_from_clause && !own; i++)
    own = own_reference(right->from_clause[i], making->tree->ctename);
  if (making->failed)
    return NULL;
  *select = *right;
  if (!own) // binding tells what is wrong
    return select;
  select->target_list = take(making, (right->n_target_list + ADDED) * sizeof *select->target_list);
  if (!select->target_list)
    return NULL;
  memcpy(select->target_list, right->target_list, right->n_target_list * sizeof *select->target_list);
  for (int i = 0; i < count; i++)
    select->target_list[select->n_target_list++] = target(making, reference(making, own, bind_string(added[i])), "");
  if (cycle)
    select->where_clause = both(making, right->where_clause,
                                operation(making, PG_QUERY__A__EXPR__KIND__AEXPR_OP, "<>",
                                          reference(making, own, cycle->cycle_mark_column), cycle->cycle_mark_value));
  return select;
}

// --- The whole --------------------------------------------------------------------------------------------------

static bool has_column(PgQuery__Node *const *columns, size_t count, const char *name)
{
  for (size_t i = 0; i < count; i++)
    if (strcmp(bind_string(columns[i]), name) == 0)
      return true;
  return false;
}

static int check_list(struct making *making, PgQuery__Node *const *list, size_t list_count,
                      PgQuery__Node *const *columns, size_t count, const char *what, int32_t location)
{
  for (size_t i = 0; i < list_count; i++) {
    const char *name = bind_string(list[i]);
    if (!has_column(columns, count, name))
      return bind_error(making->binder, location, SQLSTATE_SYNTAX_ERROR,
                        "%s column \"%s\" not in WITH query column list", what, name);
    if (has_column(list, i, name))
      return bind_error(making->binder, location, SQLSTATE_DUPLICATE_COLUMN, "%s column \"%s\" specified more than once",
                        what, name);
  }
  return 0;
}

static int check_added(struct making *making, PgQuery__Node *const *columns, size_t count)
{
  const PgQuery__CTESearchClause *search = making->tree->search_clause;
  const PgQuery__CTECycleClause *cycle = making->tree->cycle_clause;
  int status = 0;
  if (search && (status = check_list(making, search->search_col_list, search->n_search_col_list, columns, count,
                                     "search", search->location)))
    return status;
  if (search && has_column(columns, count, search->search_seq_column))
    return bind_error(making->binder, search->location, SQLSTATE_SYNTAX_ERROR,
                      "search sequence column name \"%s\" already used in WITH query column list",
                      search->search_seq_column);
  if (cycle && (status = check_list(making, cycle->cycle_col_list, cycle->n_cycle_col_list, columns, count, "cycle",
                                    cycle->location)))
    return status;
  if (cycle && has_column(columns, count, cycle->cycle_mark_column))
    return bind_error(making->binder, cycle->location, SQLSTATE_SYNTAX_ERROR,
                      "cycle mark column name \"%s\" already used in WITH query column list", cycle->cycle_mark_column);
  if (cycle && has_column(columns, count, cycle->cycle_path_column))
    return bind_error(making->binder, cycle->location, SQLSTATE_SYNTAX_ERROR,
                      "cycle path column name \"%s\" already used in WITH query column list", cycle->cycle_path_column);
  return 0;
}

// The query's columns by name: as it calls them, or as the left side does. -1: that has a star.
static long query_columns(struct making *making, const PgQuery__SelectStmt *left, PgQuery__Node ***columns)
{
  const PgQuery__CommonTableExpr *tree = making->tree;
  size_t count = left->n_target_list > tree->n_aliascolnames ? left->n_target_list : tree->n_aliascolnames;
  *columns = take(making, (count + 1) * sizeof **columns);
  if (!*columns)
    return 0;
  for (size_t i = 0; i < count; i++) {
    const PgQuery__ResTarget *own = i < left->n_target_list ? left->target_list[i]->res_target : NULL;
    if (i < tree->n_aliascolnames)
      (*columns)[i] = tree->aliascolnames[i];
    else if (is_star(own->val))
      return -1;
    else
      (*columns)[i] = string_node(making, own->name && own->name[0] ? own->name : bind_column_name(own->val, "?column?"));
  }
  return (long)count;
}

int bind_search(struct binder *binder, const PgQuery__CommonTableExpr **tree, bool is_recursive)
{
  struct making making = {.binder = binder, .tree = *tree};
  const PgQuery__SelectStmt *select = (*tree)->ctequery->select_stmt;
  int32_t location = (*tree)->location;
  if (!is_recursive || select->op != PG_QUERY__SET_OPERATION__SETOP_UNION)
    return bind_error(binder, location, SQLSTATE_SYNTAX_ERROR, "WITH query is not recursive");
  if (select->larg->op != PG_QUERY__SET_OPERATION__SETOP_NONE || select->larg->n_values_lists)
    return bind_error(binder, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "with a SEARCH or CYCLE clause, the left side of the UNION must be a SELECT");
  if (select->rarg->op != PG_QUERY__SET_OPERATION__SETOP_NONE || select->rarg->n_values_lists)
    return bind_error(binder, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "with a SEARCH or CYCLE clause, the right side of the UNION must be a SELECT");
  PgQuery__Node **columns, *added[ADDED];
  long count = query_columns(&making, select->larg, &columns);
  if (count < 0)
    return bind_error(binder, location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "SEARCH and CYCLE of a query that has a star and no list of its columns are not supported");
  int status = making.failed ? error_memory(binder->error) : check_added(&making, columns, (size_t)count);
  if (status)
    return status;
  PgQuery__CommonTableExpr *made = take(&making, sizeof *made);
  PgQuery__SelectStmt *whole = take(&making, sizeof *whole);
  PgQuery__Node *query = take(&making, sizeof *query);
  PgQuery__Node **names = take(&making, ((size_t)count + ADDED) * sizeof *names);
  PgQuery__SelectStmt *left = side(&making, select->larg, false, columns, (size_t)count);
  PgQuery__SelectStmt *inner = with_added(&making, select->rarg);
  PgQuery__SelectStmt *right = inner ? side(&making, inner, true, columns, (size_t)count) : NULL;
  int added_count = added_columns(&making, added);
  if (making.failed)
    return error_memory(binder->error);
  *made = **tree;
  *whole = *select;
  *query = *(*tree)->ctequery;
  whole->larg = left;
  whole->rarg = right;
  query->select_stmt = whole;
  made->ctequery = query;
  memcpy(names, columns, (size_t)count * sizeof *names);
  memcpy(names + count, added, (size_t)added_count * sizeof *names);
  made->aliascolnames = names;
  made->n_aliascolnames = (size_t)count + (size_t)added_count;
  *tree = made;
  return 0;
}
