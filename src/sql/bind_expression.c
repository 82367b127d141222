// Expressions of the grammar to typed nodes. Functions, aggregates and subqueries: bind_function.c; names: bind_name.c.
#include <stdio.h>

#include "sql/binder.h"

const char *bind_string(const PgQuery__Node *tree)
{
  return tree && tree->node_case == PG_QUERY__NODE__NODE_STRING ? tree->string->sval : NULL;
}

int32_t bind_location(const PgQuery__Node *tree)
{
  int32_t left;
  if (!tree)
    return -1;
  switch (tree->node_case) {
  case PG_QUERY__NODE__NODE_A_EXPR: // of its left side, as PostgreSQL's exprLocation has it
    left = tree->a_expr->lexpr ? bind_location(tree->a_expr->lexpr) : -1;
    return left >= 0 && left < tree->a_expr->location ? left : tree->a_expr->location;
  case PG_QUERY__NODE__NODE_BOOL_EXPR:
    left = tree->bool_expr->n_args ? bind_location(tree->bool_expr->args[0]) : -1;
    return left >= 0 && left < tree->bool_expr->location ? left : tree->bool_expr->location;
  case PG_QUERY__NODE__NODE_TYPE_CAST:
    left = bind_location(tree->type_cast->arg);
    return left >= 0 && left < tree->type_cast->location ? left : tree->type_cast->location;
  case PG_QUERY__NODE__NODE_NULL_TEST: return bind_location(tree->null_test->arg);
  case PG_QUERY__NODE__NODE_A_CONST: return tree->a_const->location;
  case PG_QUERY__NODE__NODE_A_ARRAY_EXPR: return tree->a_array_expr->location;
  case PG_QUERY__NODE__NODE_A_INDIRECTION: return bind_location(tree->a_indirection->arg);
  case PG_QUERY__NODE__NODE_COLUMN_REF: return tree->column_ref->location;
  case PG_QUERY__NODE__NODE_PARAM_REF: return tree->param_ref->location;
  case PG_QUERY__NODE__NODE_FUNC_CALL: return tree->func_call->location;
  case PG_QUERY__NODE__NODE_GROUPING_FUNC: return tree->grouping_func->location;
  case PG_QUERY__NODE__NODE_GROUPING_SET: return tree->grouping_set->location;
  case PG_QUERY__NODE__NODE_SUB_LINK: return tree->sub_link->location;
  case PG_QUERY__NODE__NODE_CASE_EXPR: return tree->case_expr->location;
  case PG_QUERY__NODE__NODE_COALESCE_EXPR: return tree->coalesce_expr->location;
  case PG_QUERY__NODE__NODE_MIN_MAX_EXPR: return tree->min_max_expr->location;
  case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION: return tree->sqlvalue_function->location;
  case PG_QUERY__NODE__NODE_SET_TO_DEFAULT: return tree->set_to_default->location;
  case PG_QUERY__NODE__NODE_ROW_EXPR: return tree->row_expr->location;
  case PG_QUERY__NODE__NODE_BOOLEAN_TEST: return bind_location(tree->boolean_test->arg);
  case PG_QUERY__NODE__NODE_COLLATE_CLAUSE: return bind_location(tree->collate_clause->arg);
  case PG_QUERY__NODE__NODE_RES_TARGET: return tree->res_target->location;
  default: return -1;
  }
}

static struct type boolean(void)
{
  return type_plain(TYPE_BOOLEAN);
}

// --- Constants -------------------------------------------------------------------------------------

static struct node *text_constant(struct binder *binder, enum type_id type, const char *text, int32_t location)
{
  size_t size = strlen(text);
  char *copy = bind_copy(binder, text);
  struct node *node =
      copy ? node_constant(binder->arena, type_plain(type), value_bytes(copy, (uint32_t)size), location) : NULL;
  return node ? node : bind_memory(binder);
}

// Digits that the scanner takes for too long: integer after all (with its sign), bigint if they fit, else numeric.
static struct node *number_constant(struct binder *binder, const char *digits, int32_t location)
{
  struct node *text = text_constant(binder, TYPE_UNKNOWN, digits, location);
  if (!text)
    return NULL;
  struct error quiet;
  bool is_integer = strspn(digits, "-0123456789") == strlen(digits);
  struct node *node = NULL;
  if (is_integer)
    node = cast_node(text, type_plain(TYPE_INT4), CAST_IMPLICIT, binder->arena, NULL, &quiet);
  if (is_integer && !node)
    node = cast_node(text, type_plain(TYPE_INT8), CAST_IMPLICIT, binder->arena, NULL, &quiet);
  return node ? node : bind_cast(binder, text, type_plain(TYPE_NUMERIC), CAST_IMPLICIT);
}

// The grammar gives b101 or x1F.
static struct node *bit_constant(struct binder *binder, const char *text, int32_t location)
{
  struct value value;
  error_clear(binder->error);
  if (value_from_text(type_plain(TYPE_BIT), bytes_of_string(text), &binder->format, binder->arena, &value, binder->error)) {
    bind_error_from(binder, location);
    return NULL;
  }
  struct node *node = node_constant(binder->arena, type_plain(TYPE_BIT), value, location);
  return node ? node : bind_memory(binder);
}

static struct node *bind_constant(struct binder *binder, const PgQuery__AConst *constant)
{
  struct node *node;
  int32_t location = constant->location;
  if (constant->isnull)
    node = node_constant(binder->arena, type_plain(TYPE_UNKNOWN), value_null(), location);
  else
    switch (constant->val_case) {
    case PG_QUERY__A__CONST__VAL_IVAL:
      node = node_constant(binder->arena, type_plain(TYPE_INT4), value_integer(constant->ival->ival), location);
      break;
    case PG_QUERY__A__CONST__VAL_BOOLVAL:
      node = node_constant(binder->arena, boolean(), value_boolean(constant->boolval->boolval), location);
      break;
    case PG_QUERY__A__CONST__VAL_FVAL: return number_constant(binder, constant->fval->fval, location);
    case PG_QUERY__A__CONST__VAL_SVAL: return text_constant(binder, TYPE_UNKNOWN, constant->sval->sval, location);
    case PG_QUERY__A__CONST__VAL_BSVAL:
      return bit_constant(binder, constant->bsval->bsval, location);
    default: // the integer 0 is left out of the packed tree
      node = node_constant(binder->arena, type_plain(TYPE_INT4), value_integer(0), location);
    }
  return node ? node : bind_memory(binder);
}

// --- Operators -------------------------------------------------------------------------------------

// The operator's name, with or without OPERATOR(pg_catalog.…).
static const char *operator_name(struct binder *binder, PgQuery__Node **names, size_t count, int32_t location)
{
  const char *own = count ? bind_string(names[count - 1]) : NULL;
  const char *schema = count > 1 ? bind_string(names[count - 2]) : "pg_catalog";
  if (own && schema && strcmp(schema, "pg_catalog") == 0)
    return own;
  bind_fail(binder, location, SQLSTATE_UNDEFINED_FUNCTION, "operator does not exist: %s.%s", schema ? schema : "",
            own ? own : "");
  return NULL;
}

static struct node *join_nodes(struct binder *binder, enum node_kind kind, struct node *left, struct node *right,
                               int32_t location)
{
  struct node *both[] = {left, right};
  return left && right ? bind_node(binder, kind, boolean(), location, both, 2) : NULL;
}

// One way to compare two rows of bound columns. = and <>: every column, or any. The others: (a, b) < (c, d) is
// a < c OR (a = c AND b < d), from the last column backwards.
struct node *bind_compare_columns(struct binder *binder, const char *name, struct node **left, struct node **right,
                                  size_t count, int32_t location)
{
  bool is_equal = strcmp(name, "=") == 0, is_unequal = strcmp(name, "<>") == 0;
  char strict[2] = {name[0], 0};
  struct node *result = bind_operator(binder, name, left[count - 1], right[count - 1], location);
  for (size_t i = count - 1; result && i-- > 0;) {
    struct node *own = bind_operator(binder, is_equal || is_unequal ? name : strict, left[i], right[i], location);
    if (!own)
      return NULL;
    if (!is_equal && !is_unequal) {
      struct node *same = bind_operator(binder, "=", left[i], right[i], location);
      result = join_nodes(binder, NODE_AND, same, result, location);
    }
    result = result ? join_nodes(binder, is_equal ? NODE_AND : NODE_OR, own, result, location) : NULL;
  }
  return result;
}

// Both rows' columns, bound. False with the error set.
static bool bind_rows(struct binder *binder, struct scope *scope, const PgQuery__RowExpr *left,
                      const PgQuery__RowExpr *right, int32_t location, struct node ***a, struct node ***b)
{
  if (left->n_args != right->n_args || left->n_args == 0) {
    if (left->n_args != right->n_args)
      bind_fail(binder, location, SQLSTATE_SYNTAX_ERROR, "unequal number of entries in row expressions");
    else
      bind_fail(binder, location, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot compare rows of zero length");
    return false;
  }
  *a = ARENA_ARRAY(binder->arena, struct node *, left->n_args);
  *b = ARENA_ARRAY(binder->arena, struct node *, left->n_args);
  if (!*a || !*b) {
    bind_memory(binder);
    return false;
  }
  for (size_t i = 0; i < left->n_args; i++)
    if (!((*a)[i] = bind_expr(binder, scope, left->args[i])) || !((*b)[i] = bind_expr(binder, scope, right->args[i])))
      return false;
  return true;
}

static struct node *compare_rows(struct binder *binder, struct scope *scope, const char *name,
                                 const PgQuery__RowExpr *left, const PgQuery__RowExpr *right, int32_t location)
{
  static const char *const known[] = {"=", "<>", "<", "<=", ">", ">=", NULL};
  struct node **a, **b;
  for (const char *const *comparison = known; *comparison; comparison++)
    if (strcmp(name, *comparison) == 0)
      return bind_rows(binder, scope, left, right, location, &a, &b)
                 ? bind_compare_columns(binder, name, a, b, left->n_args, location)
                 : NULL;
  return bind_fail(binder, location, SQLSTATE_FEATURE_NOT_SUPPORTED, "rows can only be compared");
}

static bool is_row(const PgQuery__Node *tree)
{
  return tree && tree->node_case == PG_QUERY__NODE__NODE_ROW_EXPR;
}

static struct node *bind_plain_operator(struct binder *binder, struct scope *scope, const PgQuery__AExpr *tree)
{
  const char *name = operator_name(binder, tree->name, tree->n_name, tree->location);
  if (!name)
    return NULL;
  if (is_row(tree->lexpr) && is_row(tree->rexpr))
    return compare_rows(binder, scope, name, tree->lexpr->row_expr, tree->rexpr->row_expr, tree->location);
  const PgQuery__Node *right_tree = tree->rexpr;
  if (is_row(tree->lexpr) && right_tree->node_case == PG_QUERY__NODE__NODE_SUB_LINK &&
      right_tree->sub_link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK && scope->clause < CLAUSE_DEFAULT)
    return bind_row_sublink(binder, scope, name, tree->lexpr->row_expr, right_tree->sub_link, tree->location);
  struct node *left = tree->lexpr ? bind_expr(binder, scope, tree->lexpr) : NULL;
  if (tree->lexpr && !left)
    return NULL;
  struct node *right = bind_expr(binder, scope, tree->rexpr);
  return right ? bind_operator(binder, name, left, right, tree->location) : NULL;
}

static struct node *bind_between(struct binder *binder, struct scope *scope, const PgQuery__AExpr *tree)
{
  const PgQuery__List *bounds = tree->rexpr->list;
  struct node *value = bind_expr(binder, scope, tree->lexpr);
  struct node *low = value ? bind_expr(binder, scope, bounds->items[0]) : NULL;
  struct node *high = low ? bind_expr(binder, scope, bounds->items[1]) : NULL;
  if (!high)
    return NULL;
  bool is_not = tree->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN ||
                tree->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM;
  bool is_symmetric = tree->kind == PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM ||
                      tree->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM;
  struct node *ways[2];
  for (int i = 0; i < 1 + is_symmetric; i++) {
    struct node *sides[2];
    sides[0] = bind_operator(binder, is_not ? "<" : ">=", value, i ? high : low, tree->location);
    sides[1] = sides[0] ? bind_operator(binder, is_not ? ">" : "<=", value, i ? low : high, tree->location) : NULL;
    if (!sides[1])
      return NULL;
    ways[i] = bind_node(binder, is_not ? NODE_OR : NODE_AND, boolean(), tree->location, sides, 2);
    if (!ways[i])
      return NULL;
  }
  if (!is_symmetric)
    return ways[0];
  return bind_node(binder, is_not ? NODE_AND : NODE_OR, boolean(), tree->location, ways, 2);
}

// One `=` for each item: where no type is common to all.
static struct node *in_by_equality(struct binder *binder, struct node **nodes, int count, bool negated,
                                   int32_t location)
{
  for (int i = 1; i < count; i++)
    if (!(nodes[i] = bind_operator(binder, negated ? "<>" : "=", nodes[0], nodes[i], location)))
      return NULL;
  if (count == 2)
    return nodes[1];
  return bind_node(binder, negated ? NODE_AND : NODE_OR, boolean(), location, nodes + 1, count - 1);
}

static struct node *in_rows(struct binder *binder, struct scope *scope, const PgQuery__RowExpr *left,
                            PgQuery__Node **items, size_t count, bool negated, int32_t location)
{
  struct node **parts = ARENA_ARRAY(binder->arena, struct node *, count + 1);
  if (!parts)
    return bind_memory(binder);
  for (size_t i = 0; i < count; i++) {
    if (!is_row(items[i]))
      return bind_fail(binder, location, SQLSTATE_FEATURE_NOT_SUPPORTED, "rows can only be compared with rows");
    parts[i] = compare_rows(binder, scope, negated ? "<>" : "=", left, items[i]->row_expr, location);
    if (!parts[i])
      return NULL;
  }
  if (count == 1)
    return parts[0];
  return bind_node(binder, negated ? NODE_AND : NODE_OR, boolean(), location, parts, (int)count);
}

static struct node *bind_in_list(struct binder *binder, struct scope *scope, const PgQuery__Node *left,
                                 PgQuery__Node **items, size_t count, bool negated, int32_t location)
{
  if (is_row(left))
    return in_rows(binder, scope, left->row_expr, items, count, negated, location);
  struct node **nodes = ARENA_ARRAY(binder->arena, struct node *, count + 1);
  if (!nodes)
    return bind_memory(binder);
  if (!(nodes[0] = bind_expr(binder, scope, left)))
    return NULL;
  for (size_t i = 0; i < count; i++)
    if (!(nodes[i + 1] = bind_expr(binder, scope, items[i])))
      return NULL;
  enum type_id type;
  struct error quiet;
  int all = (int)count + 1;
  const struct function *function;
  bool has_common = type_common((const struct node *const *)nodes, all, "IN", &binder->types.types, &type, &quiet) == 0;
  for (int i = 0; i < all && has_common; i++)
    has_common = cast_find(nodes[i]->type.id, type, CAST_IMPLICIT, &function);
  if (!has_common || count == 1)
    return in_by_equality(binder, nodes, all, negated, location);
  for (int i = 0; i < all; i++)
    if (!(nodes[i] = bind_cast(binder, nodes[i], type_plain(type), CAST_IMPLICIT)))
      return NULL;
  struct node *node = bind_node(binder, NODE_IN_LIST, boolean(), location, nodes, all);
  if (node)
    node->negated = negated;
  return node;
}

static struct node *bind_any_array(struct binder *binder, struct scope *scope, const PgQuery__AExpr *tree)
{
  const char *name = operator_name(binder, tree->name, tree->n_name, tree->location);
  struct node *left = name ? bind_expr(binder, scope, tree->lexpr) : NULL;
  struct node *array = left ? bind_expr(binder, scope, tree->rexpr) : NULL;
  bool is_all = tree->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL;
  return array ? bind_array_test(binder, name, left, array, is_all, tree->location) : NULL;
}

static struct node *distinct(struct binder *binder, struct node **pair, int32_t location)
{
  struct type type;
  if (!bind_operator(binder, "=", pair[0], pair[1], location) ||
      bind_common(binder, pair, 2, "IS DISTINCT FROM", &type))
    return NULL;
  return bind_node(binder, NODE_DISTINCT, boolean(), location, pair, 2);
}

// Rows are distinct where a column is.
static struct node *distinct_rows(struct binder *binder, struct scope *scope, const PgQuery__AExpr *tree)
{
  struct node **a, **b;
  const PgQuery__RowExpr *left = tree->lexpr->row_expr;
  if (!bind_rows(binder, scope, left, tree->rexpr->row_expr, tree->location, &a, &b))
    return NULL;
  struct node *result = NULL;
  for (size_t i = left->n_args; i-- > 0;) {
    struct node *own = distinct(binder, (struct node *[]){a[i], b[i]}, tree->location);
    if (!own)
      return NULL;
    result = result ? join_nodes(binder, NODE_OR, own, result, tree->location) : own;
    if (!result)
      return NULL;
  }
  return tree->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT ? bind_not(binder, result, tree->location) : result;
}

// Types that PostgreSQL compares without casting one to the other.
static bool compares_across(enum type_id a, enum type_id b)
{
  bool both_times = type_info(a)->category == 'D' && type_info(b)->category == 'D';
  bool both_integers = (a == TYPE_INT2 || a == TYPE_INT4 || a == TYPE_INT8) &&
                       (b == TYPE_INT2 || b == TYPE_INT4 || b == TYPE_INT8);
  return both_times || both_integers;
}

// IS [NOT] DISTINCT FROM and NULLIF want two of one type, one that `=` compares.
static struct node *bind_pair(struct binder *binder, struct scope *scope, const PgQuery__AExpr *tree)
{
  bool is_nullif = tree->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF;
  if (!is_nullif && is_row(tree->lexpr) && is_row(tree->rexpr))
    return distinct_rows(binder, scope, tree);
  struct node *pair[2];
  pair[0] = bind_expr(binder, scope, tree->lexpr);
  pair[1] = pair[0] ? bind_expr(binder, scope, tree->rexpr) : NULL;
  if (!pair[1])
    return NULL;
  if (!is_nullif) {
    struct node *node = distinct(binder, pair, tree->location);
    if (node)
      node->negated = tree->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT;
    return node;
  }
  struct type first = pair[0]->type;
  bool keeps_first = compares_across(first.id, pair[1]->type.id);
  struct node *equal = bind_operator(binder, "=", pair[0], pair[1], tree->location);
  struct type type;
  if (!equal || bind_common(binder, pair, 2, "NULLIF", &type))
    return NULL;
  if (first.id == TYPE_VARCHAR)
    type = type_plain(TYPE_TEXT); // as `=` takes it
  else if (first.id == type.id)
    type = first;
  struct node *node = bind_node(binder, NODE_NULLIF, type, tree->location, pair, 2);
  return node && keeps_first && first.id != type.id ? bind_cast(binder, node, first, CAST_ASSIGNMENT) : node;
}

static struct node *bind_a_expr(struct binder *binder, struct scope *scope, const PgQuery__AExpr *tree)
{
  switch (tree->kind) {
  case PG_QUERY__A__EXPR__KIND__AEXPR_OP:
  case PG_QUERY__A__EXPR__KIND__AEXPR_LIKE:
  case PG_QUERY__A__EXPR__KIND__AEXPR_SIMILAR: // its pattern is an argument of similar_to_escape()
  case PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE: return bind_plain_operator(binder, scope, tree);
  case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY:
  case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL: return bind_any_array(binder, scope, tree);
  case PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT:
  case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT:
  case PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF: return bind_pair(binder, scope, tree);
  case PG_QUERY__A__EXPR__KIND__AEXPR_IN:
    return bind_in_list(binder, scope, tree->lexpr, tree->rexpr->list->items, tree->rexpr->list->n_items,
                        strcmp(bind_string(tree->name[0]), "<>") == 0, tree->location);
  case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN:
  case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN:
  case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM:
  case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM: return bind_between(binder, scope, tree);
  default: return bind_fail(binder, tree->location, SQLSTATE_FEATURE_NOT_SUPPORTED, "this operator is not supported");
  }
}

static struct node *bind_bool_expr(struct binder *binder, struct scope *scope, const PgQuery__BoolExpr *tree)
{
  bool is_and = tree->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR;
  bool is_not = tree->boolop == PG_QUERY__BOOL_EXPR_TYPE__NOT_EXPR;
  struct node **nodes = ARENA_ARRAY(binder->arena, struct node *, tree->n_args);
  if (!nodes)
    return bind_memory(binder);
  for (size_t i = 0; i < tree->n_args; i++) {
    nodes[i] = bind_expr(binder, scope, tree->args[i]);
    if (nodes[i])
      nodes[i] = bind_boolean(binder, nodes[i], is_not ? "NOT" : is_and ? "AND" : "OR");
    if (!nodes[i])
      return NULL;
  }
  enum node_kind kind = is_not ? NODE_NOT : is_and ? NODE_AND : NODE_OR;
  return bind_node(binder, kind, boolean(), tree->location, nodes, (int)tree->n_args);
}

// --- CASE, COALESCE, tests -------------------------------------------------------------------------

static struct node *case_condition(struct binder *binder, struct scope *scope, struct node *subject,
                                   const PgQuery__CaseWhen *when)
{
  struct node *condition = bind_expr(binder, scope, when->expr);
  if (condition && subject)
    condition = bind_operator(binder, "=", subject, condition, when->location);
  return condition ? bind_boolean(binder, condition, "CASE/WHEN") : NULL;
}

static struct node *bind_case_parts(struct binder *binder, struct scope *scope, const PgQuery__CaseExpr *tree)
{
  int count = (int)tree->n_args;
  struct node **nodes = ARENA_ARRAY(binder->arena, struct node *, 2 * count + 1);
  struct node **results = ARENA_ARRAY(binder->arena, struct node *, count + 1);
  if (!nodes || !results)
    return bind_memory(binder);
  struct node *subject = tree->arg ? bind_expr(binder, scope, tree->arg) : NULL;
  if (tree->arg && (!subject || !(subject = bind_known(binder, subject))))
    return NULL;
  for (int i = 0; i < count; i++) {
    const PgQuery__CaseWhen *when = tree->args[i]->case_when;
    nodes[2 * i] = case_condition(binder, scope, subject, when);
    // PostgreSQL looks at ELSE first, then at the others in order.
    results[i + 1] = nodes[2 * i] ? bind_expr(binder, scope, when->result) : NULL;
    if (!results[i + 1])
      return NULL;
  }
  if (tree->defresult)
    results[0] = bind_expr(binder, scope, tree->defresult);
  else if (!(results[0] = node_constant(binder->arena, type_plain(TYPE_UNKNOWN), value_null(), tree->location)))
    bind_memory(binder);
  struct type type;
  if (!results[0] || bind_common(binder, results, count + 1, "CASE", &type))
    return NULL;
  for (int i = 0; i < count; i++)
    nodes[2 * i + 1] = results[i + 1];
  nodes[2 * count] = results[0];
  return bind_node(binder, NODE_CASE, type, tree->location, nodes, 2 * count + 1);
}

static struct node *bind_case(struct binder *binder, struct scope *scope, const PgQuery__CaseExpr *tree)
{
  const char *refuses_sets = scope->refuses_sets;
  scope->refuses_sets = "CASE";
  struct node *node = bind_case_parts(binder, scope, tree);
  scope->refuses_sets = refuses_sets;
  return node;
}

static struct node *bind_one_type(struct binder *binder, struct scope *scope, enum node_kind kind, const char *what,
                                  PgQuery__Node **trees, size_t count, int32_t location)
{
  struct node **nodes = ARENA_ARRAY(binder->arena, struct node *, count);
  if (!nodes)
    return bind_memory(binder);
  const char *refuses_sets = scope->refuses_sets;
  scope->refuses_sets = kind == NODE_COALESCE ? what : refuses_sets;
  for (size_t i = 0; i < count; i++)
    if (!(nodes[i] = bind_expr(binder, scope, trees[i])))
      return NULL;
  scope->refuses_sets = refuses_sets;
  struct type type;
  if (bind_common(binder, nodes, (int)count, what, &type))
    return NULL;
  if (kind != NODE_COALESCE && bind_ordered(binder, nodes[0], COMPARISON_FUNCTION, -1))
    return NULL;
  return bind_node(binder, kind, type, location, nodes, (int)count);
}

static struct node *row_null_test(struct binder *binder, struct node *row, bool negated, int32_t location)
{
  struct node *wanted = node_constant(binder->arena, boolean(), value_boolean(!negated), location);
  struct node *node = wanted ? bind_node(binder, NODE_CALL, boolean(), location, (struct node *[]){row, wanted}, 2) : NULL;
  if (node)
    node->function = &record_nulls_function;
  return node;
}

static struct node *null_test(struct binder *binder, struct scope *scope, const PgQuery__Node *tree, bool negated,
                              int32_t location)
{
  struct node *argument = bind_expr(binder, scope, tree);
  if (argument && type_is_row(argument->type.id))
    return row_null_test(binder, argument, negated, location);
  struct node *node = argument ? bind_node(binder, NODE_IS_NULL, boolean(), location, &argument, 1) : NULL;
  if (node)
    node->negated = negated;
  return node;
}

// A row is [not] null where every column is.
static struct node *bind_null_test(struct binder *binder, struct scope *scope, const PgQuery__NullTest *tree)
{
  bool negated = tree->nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NOT_NULL;
  if (!is_row(tree->arg) || tree->arg->row_expr->n_args == 0)
    return null_test(binder, scope, tree->arg, negated, tree->location);
  const PgQuery__RowExpr *row = tree->arg->row_expr;
  struct node **parts = ARENA_ARRAY(binder->arena, struct node *, row->n_args);
  if (!parts)
    return bind_memory(binder);
  for (size_t i = 0; i < row->n_args; i++)
    if (!(parts[i] = null_test(binder, scope, row->args[i], negated, tree->location)))
      return NULL;
  return row->n_args == 1 ? parts[0]
                          : bind_node(binder, NODE_AND, boolean(), tree->location, parts, (int)row->n_args);
}

static struct node *bind_boolean_test(struct binder *binder, struct scope *scope, const PgQuery__BooleanTest *tree)
{
  static const struct {
    enum node_kind kind;
    bool negated;
    const char *name;
  } tests[] = {
      [PG_QUERY__BOOL_TEST_TYPE__IS_TRUE] = {NODE_IS_TRUE, false, "IS TRUE"},
      [PG_QUERY__BOOL_TEST_TYPE__IS_NOT_TRUE] = {NODE_IS_TRUE, true, "IS NOT TRUE"},
      [PG_QUERY__BOOL_TEST_TYPE__IS_FALSE] = {NODE_IS_FALSE, false, "IS FALSE"},
      [PG_QUERY__BOOL_TEST_TYPE__IS_NOT_FALSE] = {NODE_IS_FALSE, true, "IS NOT FALSE"},
      [PG_QUERY__BOOL_TEST_TYPE__IS_UNKNOWN] = {NODE_IS_UNKNOWN, false, "IS UNKNOWN"},
      [PG_QUERY__BOOL_TEST_TYPE__IS_NOT_UNKNOWN] = {NODE_IS_UNKNOWN, true, "IS NOT UNKNOWN"},
  };
  if (tree->booltesttype < PG_QUERY__BOOL_TEST_TYPE__IS_TRUE ||
      tree->booltesttype > PG_QUERY__BOOL_TEST_TYPE__IS_NOT_UNKNOWN)
    return bind_fail(binder, tree->location, SQLSTATE_FEATURE_NOT_SUPPORTED, "this test is not supported");
  struct node *argument = bind_expr(binder, scope, tree->arg);
  if (argument)
    argument = bind_boolean(binder, argument, tests[tree->booltesttype].name);
  struct node *node =
      argument ? bind_node(binder, tests[tree->booltesttype].kind, boolean(), tree->location, &argument, 1) : NULL;
  if (node)
    node->negated = tests[tree->booltesttype].negated;
  return node;
}

// --- Casts and collations --------------------------------------------------------------------------

// The argument of a cast: 't'::regclass::text is a name, 't'::regclass::int an object id.
static struct node *bind_cast_argument(struct binder *binder, struct scope *scope, const PgQuery__TypeCast *tree,
                                       struct type type)
{
  if (bind_is_reg(tree->arg))
    return bind_reg(binder, scope, tree->arg, type_info(type.id)->category == 'S' ? REG_NAME : REG_OID);
  // The members of ARRAY[…] take the type that the cast says, rather than one that is common to them.
  return tree->arg->node_case == PG_QUERY__NODE__NODE_A_ARRAY_EXPR && type_is_array(type.id)
           ? bind_array(binder, scope, tree->arg->a_array_expr, &type)
           : bind_expr(binder, scope, tree->arg);
}

static struct node *bind_type_cast(struct binder *binder, struct scope *scope, const PgQuery__TypeCast *tree)
{
  struct type type;
  uint32_t domain;
  if (bind_type_at(binder, tree->type_name, &type, &domain))
    return NULL;
  struct node *argument = bind_cast_argument(binder, scope, tree, type);
  if (!argument)
    return NULL;
  const struct function *function;
  if (!cast_find(argument->type.id, type.id, CAST_EXPLICIT, &function))
    return bind_fail(binder, tree->location >= 0 ? tree->location : argument->position, SQLSTATE_CANNOT_COERCE,
                     "cannot cast type %s to %s", BIND_TYPE_NAME(binder, argument->type.id),
                     BIND_TYPE_NAME(binder, type.id));
  bool becomes_row = argument->type.id == TYPE_RECORD && type_is_composite(type.id);
  struct node *node = bind_cast(binder, argument, type, CAST_EXPLICIT);
  if (becomes_row && node)
    node->position = tree->location;
  else if (becomes_row && strcmp(binder->error->sqlstate, SQLSTATE_CANNOT_COERCE) == 0 && tree->location >= 0)
    error_position(binder->error, parse_position(binder->input->text, tree->location));
  if (!node || node->type.id != type.id || node->type.modifier == type.modifier)
    return bind_domain(binder, node, domain);
  node = arena_copy(binder->arena, node, sizeof *node); // the same value, of any length
  if (!node)
    return bind_memory(binder);
  node->type = type;
  return bind_domain(binder, node, domain);
}

static struct node *bind_collate(struct binder *binder, struct scope *scope, const PgQuery__CollateClause *tree)
{
  static const char *const known[] = {"C", "default", "POSIX", "C.UTF-8", "C.utf8", "ucs_basic", NULL};
  struct node *argument = bind_expr(binder, scope, tree->arg);
  if (!argument || !(argument = bind_known(binder, argument)))
    return NULL;
  if (type_info(argument->type.id)->category != 'S')
    return bind_fail(binder, tree->location, SQLSTATE_DATATYPE_MISMATCH, "collations are not supported by type %s",
                     BIND_TYPE_NAME(binder, argument->type.id));
  const char *name = tree->n_collname ? bind_string(tree->collname[tree->n_collname - 1]) : NULL;
  const char *schema = tree->n_collname > 1 ? bind_string(tree->collname[0]) : "pg_catalog";
  for (const char *const *collation = known; *collation; collation++)
    if (name && schema && strcmp(name, *collation) == 0 && strcmp(schema, "pg_catalog") == 0)
      return argument;
  return bind_fail(binder, tree->location, SQLSTATE_UNDEFINED_OBJECT,
                   "collation \"%s\" for encoding \"UTF8\" does not exist", name ? name : "");
}

// --- Subscripts ------------------------------------------------------------------------------------

static struct node *bind_subscript(struct binder *binder, struct scope *scope, const PgQuery__AIndices *tree)
{
  if (tree->is_slice)
    return bind_fail(binder, bind_location(tree->uidx ? tree->uidx : tree->lidx), SQLSTATE_DATATYPE_MISMATCH,
                     "jsonb subscript does not support slices");
  struct node *step = bind_expr(binder, scope, tree->uidx);
  const struct function *function;
  if (!step)
    return NULL;
  if (step->type.id != TYPE_UNKNOWN && !cast_find(step->type.id, TYPE_INT4, CAST_IMPLICIT, &function) &&
      !cast_find(step->type.id, TYPE_TEXT, CAST_IMPLICIT, &function)) {
    bind_fail(binder, step->position, SQLSTATE_DATATYPE_MISMATCH, "subscript type %s is not supported",
              BIND_TYPE_NAME(binder, step->type.id));
    error_hint(binder->error, "jsonb subscript must be coercible to either integer or text.");
    return NULL;
  }
  return bind_cast(binder, step, type_plain(TYPE_TEXT), CAST_ASSIGNMENT);
}

// (ROW(…)).f2
static struct node *bind_row_column(struct binder *binder, struct scope *scope, const PgQuery__RowExpr *row,
                                    const char *name)
{
  char own[24];
  for (size_t i = 0; i < row->n_args; i++) {
    snprintf(own, sizeof own, "f%zu", i + 1);
    if (strcmp(own, name) == 0)
      return bind_expr(binder, scope, row->args[i]);
  }
  return bind_fail(binder, row->location, SQLSTATE_UNDEFINED_COLUMN,
                   "could not identify column \"%s\" in record data type", name);
}

// The call that made the record: of a column of a query in FROM, what stands there as its target. NULL: nobody knows.
static const struct node *record_maker(const struct binder *binder, const struct node *node)
{
  while (node->kind == NODE_COLUMN) {
    const struct range *range = &binder->statement->ranges[node->range];
    if (range->kind != RANGE_SUBQUERY || node->column >= range->query->target_count)
      return NULL;
    node = range->query->targets[node->column].expression;
  }
  bool is_made = node->kind == NODE_CALL && (node->function == &record_function || node->function == &whole_record_function);
  return is_made ? node : NULL;
}

static struct type known_type(const struct node *node)
{
  return node->type.id == TYPE_UNKNOWN ? type_plain(TYPE_TEXT) : node->type;
}

// (record).name, where it is known which columns the record has.
static struct node *bind_record_column(struct binder *binder, struct node *record, const char *name)
{
  const struct node *maker = record_maker(binder, record);
  for (int i = 0; maker && i + 1 < maker->argument_count; i += 2) {
    const struct value *own = &maker->arguments[i]->constant;
    if (own->size != strlen(name) || memcmp(own->data, name, own->size) != 0)
      continue;
    struct node *number =
        node_constant(binder->arena, type_plain(TYPE_INT4), value_integer(i / 2), record->position);
    struct node *arguments[] = {record, number};
    struct node *node =
        number ? bind_node(binder, NODE_CALL, known_type(maker->arguments[i + 1]), record->position, arguments, 2) : NULL;
    if (node)
      node->function = &record_column_function;
    return node ? node : bind_memory(binder);
  }
  return bind_fail(binder, record->position, SQLSTATE_UNDEFINED_COLUMN,
                   "could not identify column \"%s\" in record data type", name);
}

// A path into a jsonb: value['member'][0].
static struct node *bind_jsonb_path(struct binder *binder, struct scope *scope, struct node *value,
                                    PgQuery__Node *const *trees, size_t count)
{
  struct node **arguments = ARENA_ARRAY(binder->arena, struct node *, count + 1);
  if (!arguments)
    return bind_memory(binder);
  if (value->type.id != TYPE_JSONB)
    return bind_fail(binder, value->position, SQLSTATE_DATATYPE_MISMATCH,
                     "cannot subscript type %s because it does not support subscripting",
                     BIND_TYPE_NAME(binder, value->type.id));
  arguments[0] = value;
  for (size_t i = 0; i < count; i++)
    if (!(arguments[i + 1] = bind_subscript(binder, scope, trees[i]->a_indices)))
      return NULL;
  return bind_call(binder, "jsonb_extract_path", false, arguments, (int)count + 1, value->position);
}

// What stands behind an expression: .field of a row, [place] of an array or a jsonb, as many as there are.
static struct node *bind_indirection(struct binder *binder, struct scope *scope, const PgQuery__AIndirection *tree)
{
  PgQuery__Node *const *trees = tree->indirection;
  size_t at = 0, count = tree->n_indirection, end;
  struct node *node;
  if (is_row(tree->arg) && count && bind_string(trees[0])) {
    node = bind_row_column(binder, scope, tree->arg->row_expr, bind_string(trees[0]));
    at = 1;
  } else
    node = bind_expr(binder, scope, tree->arg);
  for (; node && at < count; at = end) {
    const char *name = bind_string(trees[at]);
    end = at + 1;
    if (name) {
      node = node->type.id == TYPE_RECORD ? bind_record_column(binder, node, name) : bind_field(binder, node, name);
      continue;
    }
    if (trees[at]->node_case != PG_QUERY__NODE__NODE_A_INDICES)
      return bind_fail(binder, node->position, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "row expansion via \"*\" is not supported here");
    while (end < count && trees[end]->node_case == PG_QUERY__NODE__NODE_A_INDICES)
      end++;
    node = type_is_array(node->type.id)
               ? bind_array_subscript(binder, scope, node, tree->indirection + at, end - at)
               : bind_jsonb_path(binder, scope, node, trees + at, end - at);
  }
  return node;
}

// The row in (row).*: NULL, and nothing said, where the tree is none.
const PgQuery__AIndirection *bind_is_row_star(const PgQuery__Node *tree)
{
  const PgQuery__AIndirection *field = tree->node_case == PG_QUERY__NODE__NODE_A_INDIRECTION ? tree->a_indirection : NULL;
  bool is_star = field && field->n_indirection &&
                 field->indirection[field->n_indirection - 1]->node_case == PG_QUERY__NODE__NODE_A_STAR;
  return is_star ? field : NULL;
}

int bind_row_star(struct binder *binder, struct scope *scope, const PgQuery__AIndirection *tree,
                  int (*add)(void *context, const char *name, struct node *node), void *context)
{
  PgQuery__AIndirection row = *tree;
  row.n_indirection--;
  struct node *node = bind_indirection(binder, scope, &row);
  return node ? bind_all_fields(binder, node, add, context) : (int)binder->error->status;
}

// --- All of them -----------------------------------------------------------------------------------

static struct node *bind_tree(struct binder *binder, struct scope *scope, const PgQuery__Node *tree)
{
  const char *extreme;
  switch (tree->node_case) {
  case PG_QUERY__NODE__NODE_A_CONST: return bind_constant(binder, tree->a_const);
  case PG_QUERY__NODE__NODE_COLUMN_REF: return bind_column(binder, scope, tree->column_ref);
  case PG_QUERY__NODE__NODE_PARAM_REF: return bind_parameter(binder, tree->param_ref);
  case PG_QUERY__NODE__NODE_A_EXPR: return bind_a_expr(binder, scope, tree->a_expr);
  case PG_QUERY__NODE__NODE_BOOL_EXPR: return bind_bool_expr(binder, scope, tree->bool_expr);
  case PG_QUERY__NODE__NODE_TYPE_CAST:
    return bind_is_reg(tree) ? bind_reg(binder, scope, tree, REG_OTHER) : bind_type_cast(binder, scope, tree->type_cast);
  case PG_QUERY__NODE__NODE_FUNC_CALL: return bind_function(binder, scope, tree->func_call);
  case PG_QUERY__NODE__NODE_GROUPING_FUNC: return bind_grouping_call(binder, scope, tree->grouping_func);
  case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION: return bind_value_function(binder, tree->sqlvalue_function);
  case PG_QUERY__NODE__NODE_SUB_LINK: return bind_sublink(binder, scope, tree->sub_link);
  case PG_QUERY__NODE__NODE_CASE_EXPR: return bind_case(binder, scope, tree->case_expr);
  case PG_QUERY__NODE__NODE_COALESCE_EXPR:
    return bind_one_type(binder, scope, NODE_COALESCE, "COALESCE", tree->coalesce_expr->args,
                         tree->coalesce_expr->n_args, tree->coalesce_expr->location);
  case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
    extreme = tree->min_max_expr->op == PG_QUERY__MIN_MAX_OP__IS_GREATEST ? "GREATEST" : "LEAST";
    return bind_one_type(binder, scope, extreme[0] == 'G' ? NODE_GREATEST : NODE_LEAST, extreme,
                         tree->min_max_expr->args, tree->min_max_expr->n_args, tree->min_max_expr->location);
  case PG_QUERY__NODE__NODE_NULL_TEST: return bind_null_test(binder, scope, tree->null_test);
  case PG_QUERY__NODE__NODE_BOOLEAN_TEST: return bind_boolean_test(binder, scope, tree->boolean_test);
  case PG_QUERY__NODE__NODE_COLLATE_CLAUSE: return bind_collate(binder, scope, tree->collate_clause);
  case PG_QUERY__NODE__NODE_SET_TO_DEFAULT:
    return bind_fail(binder, tree->set_to_default->location, SQLSTATE_SYNTAX_ERROR,
                     "DEFAULT is not allowed in this context");
  case PG_QUERY__NODE__NODE_A_INDIRECTION:
    if (bind_is_set_field(tree) && (scope->clause == CLAUSE_TARGET || scope->clause == CLAUSE_ORDER))
      return bind_set_field(binder, scope, tree->a_indirection);
    if (bind_is_row_field(scope, tree))
      return bind_row_field(binder, scope, tree);
    return bind_indirection(binder, scope, tree->a_indirection);
  case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
    return bind_array(binder, scope, tree->a_array_expr, NULL);
  case PG_QUERY__NODE__NODE_ROW_EXPR: return bind_row_value(binder, scope, tree->row_expr);
  case PG_QUERY__NODE__NODE_XML_EXPR:
  case PG_QUERY__NODE__NODE_XML_SERIALIZE:
    return bind_fail(binder, bind_location(tree), SQLSTATE_FEATURE_NOT_SUPPORTED, "XML is not supported");
  default:
    return bind_fail(binder, bind_location(tree), SQLSTATE_FEATURE_NOT_SUPPORTED, "this expression is not supported");
  }
}

struct node *bind_expr(struct binder *binder, struct scope *scope, const PgQuery__Node *tree)
{
  if (!bind_enter(binder, bind_location(tree)))
    return NULL;
  struct node *node = bind_tree(binder, scope, tree);
  binder->depth--;
  return node;
}

struct node *bind_condition(struct binder *binder, struct scope *scope, const PgQuery__Node *tree, enum clause clause,
                            const char *what)
{
  scope->clause = clause;
  struct node *node = bind_expr(binder, scope, tree);
  return node ? bind_boolean(binder, node, what) : NULL;
}
