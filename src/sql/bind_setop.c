// UNION, INTERSECT, EXCEPT.
//
// 1. Operations lean to the left: a chain is bound from its innermost arm outwards, in a loop. Types of columns are
//    settled between an operation's two sides, one operation after another, as PostgreSQL does it.
// 2. A chain of UNIONs of the same types is one set of many arms. Other operations have two, and one that stands on
//    the left of another becomes a query of its own.
// 3. An arm that needs a cast gets it in its select list, unless that would change what the arm sorts by or holds for
//    equal: then it is put around the arm.
#include "sql/binder.h"

struct combining {
  struct binder *binder;
  struct scope *scope;
  struct query *first;             // the left side while it is one query
  struct set_operation *operation; // the left side otherwise
  int capacity;                    // of its arms
  const char **names;
  struct type *types; // of its columns
  int32_t *positions;
  int column_count;
  bool is_step; // the right side may name the WITH query that this is
};

bool is_set_operation(const PgQuery__SelectStmt *select)
{
  return select->op == PG_QUERY__SET_OPERATION__SETOP_UNION || select->op == PG_QUERY__SET_OPERATION__SETOP_INTERSECT ||
         select->op == PG_QUERY__SET_OPERATION__SETOP_EXCEPT;
}

static enum set_kind kind_of(const PgQuery__SelectStmt *select)
{
  return select->op == PG_QUERY__SET_OPERATION__SETOP_UNION       ? SET_UNION
         : select->op == PG_QUERY__SET_OPERATION__SETOP_INTERSECT ? SET_INTERSECT
                                                                  : SET_EXCEPT;
}

static const char *name_of(enum set_kind kind)
{
  static const char *const names[] = {"UNION", "INTERSECT", "EXCEPT"};
  return names[kind];
}

// --- Queries around others -------------------------------------------------------------------------

// A query whose targets are the columns of a range.
static struct query *query_over(struct binder *binder, int range)
{
  struct query *query = ARENA_NEW(binder->arena, struct query);
  struct target_list list = {0};
  if (!query)
    return bind_memory(binder);
  query->group_range = -1;
  if (!(query->from = bind_join_range(binder, range)))
    return NULL;
  struct range *at = &binder->statement->ranges[range];
  for (int i = 0; i < at->column_count; i++) {
    at->columns[i].is_used = true;
    struct node *node = node_column(binder->arena, at->columns[i].type, range, i, -1);
    if (!node)
      return bind_memory(binder);
    if (bind_add_target(binder, &list, at->columns[i].name, node))
      return NULL;
  }
  query->targets = list.targets;
  query->target_count = query->visible_count = list.count;
  return query;
}

static int set_range(struct combining *c)
{
  struct binder *binder = c->binder;
  struct range range = {.kind = RANGE_SET, .operation = c->operation, .alias = "*SET*"};
  int status = bind_columns(binder, &range, c->column_count);
  for (int i = 0; i < c->column_count && !status; i++)
    range.columns[i] = (struct range_column){.name = c->names[i], .type = c->types[i]};
  return status ? status : bind_range(binder, &range);
}

static struct query *around(struct binder *binder, struct query *arm)
{
  int range = bind_query_range(binder, arm, "*SELECT*");
  return range < 0 ? NULL : query_over(binder, range);
}

// --- Types -----------------------------------------------------------------------------------------

// Where an expression begins, as PostgreSQL tells it.
static int32_t leftmost(const struct node *node)
{
  int32_t position = node->position;
  for (int i = 0; i < node->argument_count; i++) {
    int32_t other = leftmost(node->arguments[i]);
    position = other >= 0 && (other < position || position < 0) ? other : position;
  }
  return position;
}

static int cast_column(struct binder *binder, struct query **arm, int column, enum type_id type, const char *what)
{
  struct node *node = (*arm)->targets[column].expression;
  const struct function *function;
  if (node->type.id == type)
    return 0;
  if (!cast_find(node->type.id, type, CAST_IMPLICIT, &function))
    return bind_error(binder, node->position, SQLSTATE_CANNOT_COERCE, "%s could not convert type %s to %s", what,
                      BIND_TYPE_NAME(binder, node->type.id), BIND_TYPE_NAME(binder, type));
  if ((*arm)->is_distinct || (*arm)->order_count) {
    int32_t position = node->position;
    if (!(*arm = around(binder, *arm)))
      return binder->error->status;
    node = (*arm)->targets[column].expression;
    node->position = position;
  }
  node = bind_cast(binder, node, type_plain(type), CAST_IMPLICIT);
  (*arm)->targets[column].expression = node;
  (*arm)->targets[column].relation_oid = 0;
  return node ? 0 : (int)binder->error->status;
}

// What stands on the left, as far as its type is concerned.
static struct node *left_column(struct combining *c, int column)
{
  if (!c->operation)
    return c->first->targets[column].expression;
  struct node *node = node_constant(c->binder->arena, c->types[column], value_null(), c->positions[column]);
  return node ? node : bind_memory(c->binder);
}

static bool same_type(struct type a, struct type b)
{
  return a.id == b.id && a.modifier == b.modifier;
}

// The types that both sides become, and where PostgreSQL says that they lie.
static int common_types(struct combining *c, const struct query *right, const PgQuery__SelectStmt *select,
                        struct type *types, int32_t *positions)
{
  struct binder *binder = c->binder;
  enum set_kind kind = kind_of(select);
  for (int i = 0; i < c->column_count; i++) {
    struct node *left = left_column(c, i), *other = right->targets[i].expression;
    if (!left)
      return binder->error->status;
    const struct node *pair[] = {left, other};
    enum type_id type;
    error_clear(binder->error);
    if (type_common(pair, 2, name_of(kind), &binder->types.types, &type, binder->error)) {
      error_position(binder->error, 0);
      return bind_error_from(binder, leftmost(other));
    }
    types[i] = same_type(left->type, other->type) ? left->type : type_plain(type);
    types[i].id = type;
    positions[i] = left->type.id == type || other->type.id != type ? left->position : other->position;
    bool compares = kind != SET_UNION || !select->all;
    int status = compares ? bind_ordered(binder, &(struct node){.type = types[i]}, EQUALITY_OPERATOR, positions[i]) : 0;
    if (status)
      return status;
  }
  return 0;
}

static int cast_arms(struct binder *binder, struct query **arms, int count, const struct type *types, int column_count,
                     enum set_kind kind)
{
  int status = 0;
  for (int i = 0; i < column_count && !status; i++)
    for (int a = 0; a < count && !status; a++)
      status = cast_column(binder, &arms[a], i, types[i].id, name_of(kind));
  return status;
}

// --- Chains ----------------------------------------------------------------------------------------

// within: what the arm may not name its own WITH query in; NULL.
static int bind_arm(struct combining *c, const PgQuery__SelectStmt *select, const char *within, struct query **query)
{
  struct select_options options = {.outer = c->scope, .hides_outer = true, .keeps_unknown = true, .within = within};
  bool is_correlated;
  return bind_select(c->binder, select, &options, query, &is_correlated);
}

// May the UNION's right side simply join the arms on its left?
static bool extends(const struct combining *c, const PgQuery__SelectStmt *select, const struct type *types)
{
  const struct set_operation *left = c->operation;
  if (!left || left->kind != SET_UNION || kind_of(select) != SET_UNION || (!left->is_all && select->all))
    return false;
  for (int i = 0; i < c->column_count; i++)
    if (c->types[i].id != types[i].id)
      return false;
  return true;
}

// The left side as one query.
static struct query *left_query(struct combining *c)
{
  if (!c->operation)
    return c->first;
  int range = set_range(c);
  return range < 0 ? NULL : query_over(c->binder, range);
}

static int add_arm(struct combining *c, struct query *arm)
{
  struct set_operation *operation = c->operation;
  if (!bind_grow(c->binder, &operation->arms, operation->arm_count, &c->capacity, sizeof *operation->arms))
    return c->binder->error->status;
  operation->arms[operation->arm_count++] = arm;
  return 0;
}

static int begin_operation(struct combining *c, const PgQuery__SelectStmt *select, struct type *types)
{
  struct binder *binder = c->binder;
  struct query *left = left_query(c);
  if (!left)
    return binder->error->status;
  int status = cast_arms(binder, &left, 1, types, c->column_count, kind_of(select));
  if (status)
    return status;
  c->capacity = 0;
  c->operation = ARENA_NEW(binder->arena, struct set_operation);
  if (!c->operation)
    return error_memory(binder->error);
  c->operation->kind = kind_of(select);
  return add_arm(c, left);
}

// --- Recursion -------------------------------------------------------------------------------------

// What the left side gave is what the right side may read.
static int begin_step(struct combining *c, struct table_expression *expression)
{
  struct type *types = c->types;
  for (int i = 0; !c->operation && i < c->column_count; i++)
    if (!(c->first->targets[i].expression = bind_known(c->binder, c->first->targets[i].expression)))
      return c->binder->error->status;
  if (!c->operation) {
    types = ARENA_ARRAY(c->binder->arena, struct type, c->column_count + 1);
    if (!types)
      return error_memory(c->binder->error);
    for (int i = 0; i < c->column_count; i++)
      types[i] = c->first->targets[i].expression->type;
  }
  return bind_working_columns(c->binder, expression, c->names, types, c->column_count);
}

static int refuse_clauses(struct binder *binder, const PgQuery__SelectStmt *select)
{
  const PgQuery__Node *tree = select->n_sort_clause ? select->sort_clause[0]->sort_by->node
                              : select->limit_offset ? select->limit_offset
                                                     : select->limit_count;
  const char *what = select->n_sort_clause ? "ORDER BY" : select->limit_offset ? "OFFSET" : "LIMIT";
  return !tree ? 0
               : bind_error(binder, bind_location(tree), SQLSTATE_FEATURE_NOT_SUPPORTED,
                            "%s in a recursive query is not implemented", what);
}

// The right side named the query itself: its types must be those that the left side said.
static int finish_recursion(struct combining *c, const PgQuery__SelectStmt *select, struct query *right,
                            const struct type *types)
{
  struct binder *binder = c->binder;
  const struct table_expression *expression = c->scope->defines;
  int status = refuse_clauses(binder, select);
  for (int i = 0; i < c->column_count && !status; i++) {
    struct type was = expression->columns[i].type;
    if (same_type(was, types[i]))
      continue;
    char first[64], overall[64];
    type_format(was, &binder->types.types, first, sizeof first);
    type_format(types[i], &binder->types.types, overall, sizeof overall);
    status = bind_error(binder, left_column(c, i)->position, SQLSTATE_DATATYPE_MISMATCH,
                        "recursive query \"%s\" column %d has type %s in non-recursive term but type %s overall",
                        expression->name, i + 1, first, overall);
    error_hint(binder->error, "Cast the output of the non-recursive term to the correct type.");
  }
  struct query *left = status ? NULL : left_query(c);
  if (!left)
    return binder->error->status;
  c->capacity = 0;
  c->operation = ARENA_NEW(binder->arena, struct set_operation);
  if (!c->operation)
    return error_memory(binder->error);
  *c->operation =
      (struct set_operation){.kind = SET_RECURSION, .is_all = select->all, .working = expression->working};
  status = add_arm(c, left);
  return status ? status : add_arm(c, right);
}

// --- Chains ----------------------------------------------------------------------------------------

static int combine(struct combining *c, const PgQuery__SelectStmt *select)
{
  struct binder *binder = c->binder;
  struct query *right;
  const char *within = kind_of(select) == SET_EXCEPT                       ? "within EXCEPT"
                       : kind_of(select) == SET_INTERSECT && select->all ? "within INTERSECT"
                                                                         : NULL;
  int status = bind_arm(c, select->rarg, within, &right);
  if (status)
    return status;
  if (right->visible_count != c->column_count)
    return bind_error(binder, right->visible_count ? leftmost(right->targets[0].expression) : -1, SQLSTATE_SYNTAX_ERROR,
                      "each %s query must have the same number of columns", name_of(kind_of(select)));
  struct type *types = ARENA_ARRAY(binder->arena, struct type, c->column_count + 1);
  int32_t *positions = ARENA_ARRAY(binder->arena, int32_t, c->column_count + 1);
  if (!types || !positions)
    return error_memory(binder->error);
  status = common_types(c, right, select, types, positions);
  bool is_recursion = c->is_step && c->scope->defines->reference_count;
  if (!status && is_recursion)
    status = cast_arms(binder, &right, 1, types, c->column_count, SET_UNION);
  if (!status && is_recursion)
    status = finish_recursion(c, select, right, types);
  if (status || is_recursion) {
    c->types = types;
    c->positions = positions;
    return status;
  }
  if (!extends(c, select, types))
    status = begin_operation(c, select, types);
  if (!status)
    status = cast_arms(binder, &right, 1, types, c->column_count, kind_of(select));
  if (status)
    return status;
  c->operation->is_all = select->all;
  c->types = types;
  c->positions = positions;
  return add_arm(c, right);
}

static int bind_first(struct combining *c, const PgQuery__SelectStmt *parent)
{
  const char *within = !parent->all                         ? NULL
                       : kind_of(parent) == SET_EXCEPT    ? "within EXCEPT"
                       : kind_of(parent) == SET_INTERSECT ? "within INTERSECT"
                                                          : NULL;
  int status = bind_arm(c, parent->larg, within, &c->first);
  if (status)
    return status;
  c->column_count = c->first->visible_count;
  c->names = ARENA_ARRAY(c->binder->arena, const char *, c->column_count + 1);
  if (!c->names)
    return error_memory(c->binder->error);
  for (int i = 0; i < c->column_count; i++)
    c->names[i] = c->first->targets[i].name;
  return 0;
}

// Does the left side belong to the chain, without clauses of its own?
static bool is_link(const PgQuery__SelectStmt *select)
{
  return is_set_operation(select) && !select->n_sort_clause && !select->limit_count && !select->limit_offset &&
         !select->n_locking_clause && !select->with_clause;
}

static int bind_chain(struct combining *c, const PgQuery__SelectStmt *select)
{
  size_t count = 1;
  for (const PgQuery__SelectStmt *at = select; is_link(at->larg); at = at->larg)
    count++;
  const PgQuery__SelectStmt **chain = ARENA_ARRAY(c->binder->arena, const PgQuery__SelectStmt *, count);
  if (!chain)
    return error_memory(c->binder->error);
  chain[0] = select;
  for (size_t i = 1; i < count; i++)
    chain[i] = chain[i - 1]->larg;
  struct table_expression *defines = c->scope->defines;
  bool may_recur = defines && defines->is_recursive && kind_of(select) == SET_UNION;
  if (may_recur)
    defines->phase = RECURSION_START;
  int status = bind_first(c, chain[count - 1]);
  int entered = 0;
  for (size_t i = count; i-- > 0 && !status;) {
    // Operations that become queries of their own nest, without a parenthesis that the pre-scan could count.
    struct set_operation *before = c->operation;
    c->is_step = may_recur && i == 0;
    if (c->is_step)
      status = begin_step(c, defines);
    if (!status)
      status = combine(c, chain[i]);
    if (!status && c->operation != before && !bind_deepen(c->binder, ++entered))
      status = c->binder->error->status;
  }
  return status;
}

int bind_set_operation(struct binder *binder, struct scope *scope, const PgQuery__SelectStmt *select,
                       struct query *query, struct target_list *list)
{
  struct combining c = {.binder = binder, .scope = scope};
  if (select->n_locking_clause)
    return bind_error(binder, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "%s is not allowed with UNION/INTERSECT/EXCEPT",
                      bind_lock_name(select->locking_clause[0]->locking_clause->strength));
  int status = bind_chain(&c, select);
  if (status)
    return status;
  int range = set_range(&c);
  if (range < 0)
    return range;
  scope->is_set_operation = true;
  status = bind_add_item(binder, &scope->items, NULL, NULL, range, -1);
  for (int i = 0; i < c.column_count && !status; i++) {
    struct node *node = bind_item_column(binder, &scope->items.items[0], i, c.positions[i]);
    status = node ? bind_add_target(binder, list, c.names[i], node) : (int)binder->error->status;
  }
  if (status)
    return status;
  query->from = scope->items.join = bind_join_range(binder, range);
  return query->from ? 0 : (int)binder->error->status;
}
