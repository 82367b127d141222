// WITH: queries that others name.
//
// 1. A WITH query is bound where it stands, so that its errors come first and though nobody names it. Who names it
//    first takes what was bound; who names it again has it bound anew, as a subquery that stood there.
// 2. One that must be run once, since its functions are volatile or it says MATERIALIZED, is shared: the statement
//    lists it, and those that name it read the rows that the first of them made it give. It can read nothing around.
// 3. A recursive query's right side reads a RANGE_WORKING. Where such a reference may stand is found on the way from
//    its scope out to the query's own.
#include "sql/binder.h"

// A WITH query sees those before it, which its own scope lists; not all that its WITH has.
struct table_expression *bind_find_with(const struct scope *scope, const char *name)
{
  bool is_listed = false;
  for (; scope; is_listed = scope->via != NULL, scope = scope->outer) {
    if (is_listed)
      continue;
    for (struct table_expression *expression = scope->with; expression; expression = expression->previous)
      if (strcmp(expression->name, name) == 0)
        return expression;
  }
  return NULL;
}

void bind_hint_with(struct binder *binder, const struct scope *scope, const char *name)
{
  for (; scope; scope = scope->outer)
    for (const struct table_expression *expression = scope->with; expression; expression = expression->previous)
      if (strcmp(expression->name, name) == 0) {
        error_detail(binder->error,
                     "There is a WITH item named \"%s\", but it cannot be referenced from this part of the query.",
                     name);
        error_hint(binder->error,
                   "Use WITH RECURSIVE, or re-order the WITH items to remove forward references.");
        return;
      }
}

// --- Binding once ----------------------------------------------------------------------------------

static const char *column_name(const struct table_expression *expression, int column, const char *own)
{
  const PgQuery__CommonTableExpr *tree = expression->tree;
  return (size_t)column < tree->n_aliascolnames ? bind_string(tree->aliascolnames[column]) : own;
}

static bool is_change(const struct table_expression *expression)
{
  return expression->tree->ctequery->node_case != PG_QUERY__NODE__NODE_SELECT_STMT;
}

// --- Changes ---------------------------------------------------------------------------------------

// Lists that the whole statement has; ranges and subqueries are each part's own.
static void lend_lists(struct statement *from, struct statement *to)
{
  to->parameters = from->parameters;
  to->parameter_count = from->parameter_count;
  to->relations = from->relations;
  to->relation_count = from->relation_count;
}

static int bind_part_tree(struct binder *binder, const PgQuery__Node *tree, const struct select_options *options)
{
  return tree->node_case == PG_QUERY__NODE__NODE_INSERT_STMT   ? bind_insert(binder, tree->insert_stmt, options)
         : tree->node_case == PG_QUERY__NODE__NODE_UPDATE_STMT ? bind_update(binder, tree->update_stmt, options)
                                                               : bind_delete(binder, tree->delete_stmt, options);
}

// With the part in the binder's hands instead of the statement.
static int bind_within_part(struct binder *binder, struct statement *part, const struct table_expression *expression)
{
  struct statement *whole = binder->statement;
  struct select_options options = {
      .outer = expression->scope,
      .hides_outer = true,
      .via = expression->scope,
      .with = expression->is_recursive ? expression->scope->with : expression->previous,
  };
  int range_capacity = binder->range_capacity, subquery_capacity = binder->subquery_capacity;
  int shared_capacity = binder->shared_capacity;
  struct changed_level *levels = binder->levels; // of what the statement itself changes
  int level_count = binder->level_count;
  binder->range_capacity = binder->subquery_capacity = binder->shared_capacity = 0;
  binder->levels = NULL;
  binder->level_count = 0;
  lend_lists(whole, part);
  binder->statement = part;
  int status = bind_part_tree(binder, expression->tree->ctequery, &options);
  if (!status)
    bind_settle_levels(binder);
  if (!status)
    status = bind_check_rights(binder);
  binder->levels = levels;
  binder->level_count = level_count;
  binder->statement = whole;
  lend_lists(part, whole);
  part->relations = NULL;
  part->relation_count = 0;
  binder->range_capacity = range_capacity;
  binder->subquery_capacity = subquery_capacity;
  binder->shared_capacity = shared_capacity;
  whole->reads_system |= part->reads_system;
  whole->draws_numbers |= part->draws_numbers;
  whole->notifies |= part->notifies;
  whole->claims_rows |= part->claims_rows;
  whole->is_volatile |= part->is_volatile;
  whole->acts_once |= part->acts_once;
  return status;
}

// Where a change may stand: in the WITH of what a client sends.
static int check_part(struct binder *binder, const struct table_expression *expression)
{
  int32_t location = expression->tree->location;
  if (expression->scope->outer)
    return bind_error(binder, location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "WITH clause containing a data-modifying statement must be at the top level");
  if (binder->input->source || binder->input->names || binder->no_parameters)
    return bind_error(binder, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "%s must not contain data-modifying statements in WITH",
                      binder->input->source ? "workflows" : "views");
  return 0;
}

static int settle_part(struct binder *binder, struct table_expression *expression)
{
  struct statement *whole = binder->statement;
  int status = check_part(binder, expression);
  struct statement *part = status ? NULL : ARENA_NEW(binder->arena, struct statement);
  if (!part)
    return status ? status : error_memory(binder->error);
  expression->state = EXPRESSION_BINDING;
  status = bind_within_part(binder, part, expression);
  expression->state = EXPRESSION_BOUND;
  if (!status && part->modification->relation->kind == RELATION_SOURCE)
    status = bind_error(binder, expression->tree->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                        "source \"%s\" cannot be changed in WITH", part->modification->relation->name);
  if (status)
    return status;
  struct shared_query shared = {
      .name = bind_copy(binder, expression->name),
      .part = whole->part_count,
      .columns = part->modification->returning,
      .column_count = part->modification->returning_count,
  };
  part->columns = part->modification->returning;
  part->column_count = part->modification->returning_count;
  if (!shared.name ||
      !bind_grow(binder, &whole->parts, whole->part_count, &binder->part_capacity, sizeof(struct statement *)) ||
      !bind_grow(binder, &whole->shared, whole->shared_count, &binder->shared_capacity, sizeof shared))
    return binder->error->status;
  whole->parts[whole->part_count++] = part;
  expression->shared = whole->shared_count;
  whole->shared[whole->shared_count++] = shared;
  return 0;
}

static int bind_query_of(struct binder *binder, struct table_expression *expression, struct scope *via,
                         struct query **query, bool *is_correlated)
{
  const PgQuery__CommonTableExpr *tree = expression->tree;
  struct select_options options = {
      .outer = expression->scope,
      .hides_outer = true,
      .via = via,
      .with = expression->is_recursive ? expression->scope->with : expression->previous,
      .defines = expression,
  };
  expression->state = EXPRESSION_BINDING;
  expression->phase = RECURSION_NONE;
  expression->reference_count = 0;
  if (!bind_enter(binder, tree->location))
    return binder->error->status;
  int status = bind_select(binder, tree->ctequery->select_stmt, &options, query, is_correlated);
  binder->depth--;
  expression->state = EXPRESSION_BOUND;
  return status;
}

static int share(struct binder *binder, struct table_expression *expression)
{
  struct statement *statement = binder->statement;
  const struct query *query = expression->query;
  struct shared_query shared = {
      .name = bind_copy(binder, expression->name),
      .query = expression->query,
      .part = -1,
      .columns = query->targets,
      .column_count = query->visible_count,
  };
  if (!shared.name || !bind_grow(binder, &statement->shared, statement->shared_count, &binder->shared_capacity,
                                 sizeof *statement->shared))
    return binder->error->status;
  expression->shared = statement->shared_count;
  statement->shared[statement->shared_count++] = shared;
  return 0;
}

static int settle(struct binder *binder, struct table_expression *expression)
{
  expression->owner = binder->statement;
  if (is_change(expression))
    return settle_part(binder, expression);
  const PgQuery__CommonTableExpr *tree = expression->tree;
  bool was_volatile = binder->statement->is_volatile;
  int deepest = binder->deepest;
  binder->statement->is_volatile = false;
  binder->deepest = binder->query_depth;
  int status = bind_query_of(binder, expression, expression->scope, &expression->query, &expression->is_correlated);
  bool is_volatile = binder->statement->is_volatile;
  binder->statement->is_volatile |= was_volatile;
  expression->depth = binder->deepest - binder->query_depth;
  binder->deepest = deepest;
  if (status)
    return status;
  if ((size_t)expression->query->visible_count < tree->n_aliascolnames)
    return bind_error(binder, tree->location, SQLSTATE_INVALID_COLUMN_REFERENCE,
                      "WITH query \"%s\" has %d columns available but %d columns specified", tree->ctename,
                      expression->query->visible_count, (int)tree->n_aliascolnames);
  bool is_kept = tree->ctematerialized == PG_QUERY__CTEMATERIALIZE__CTEMaterializeAlways;
  return (is_kept || is_volatile) && !expression->is_correlated ? share(binder, expression) : 0;
}

static int add_expression(struct binder *binder, struct scope *scope, const PgQuery__WithClause *with, size_t number)
{
  const PgQuery__CommonTableExpr *tree = with->ctes[number]->common_table_expr;
  if (!tree->ctequery || (tree->ctequery->node_case != PG_QUERY__NODE__NODE_SELECT_STMT &&
                          tree->ctequery->node_case != PG_QUERY__NODE__NODE_INSERT_STMT &&
                          tree->ctequery->node_case != PG_QUERY__NODE__NODE_UPDATE_STMT &&
                          tree->ctequery->node_case != PG_QUERY__NODE__NODE_DELETE_STMT)) {
    if (tree->ctequery && tree->ctequery->node_case == PG_QUERY__NODE__NODE_MERGE_STMT)
      return bind_error(binder, tree->location, SQLSTATE_FEATURE_NOT_SUPPORTED, "MERGE not supported in WITH query");
    return bind_error(binder, tree->location, SQLSTATE_FEATURE_NOT_SUPPORTED, "this cannot stand in WITH");
  }
  if ((tree->search_clause || tree->cycle_clause) && tree->ctequery->node_case == PG_QUERY__NODE__NODE_SELECT_STMT) {
    int status = bind_search(binder, &tree, with->recursive);
    if (status)
      return status;
  }
  for (size_t j = 0; j < number; j++)
    if (strcmp(with->ctes[j]->common_table_expr->ctename, tree->ctename) == 0)
      return bind_error(binder, tree->location, SQLSTATE_DUPLICATE_ALIAS,
                        "WITH query name \"%s\" specified more than once", tree->ctename);
  struct table_expression *expression = ARENA_NEW(binder->arena, struct table_expression);
  if (!expression)
    return error_memory(binder->error);
  *expression = (struct table_expression){
      .name = tree->ctename,
      .tree = tree,
      .previous = scope->with,
      .scope = scope,
      .is_recursive = with->recursive,
      .shared = -1,
  };
  scope->with = expression;
  return 0;
}

// In the order in which they stand.
static int settle_all(struct binder *binder, struct table_expression *last, const struct table_expression *around)
{
  int count = 0, status = 0;
  for (struct table_expression *at = last; at != around; at = at->previous)
    count++;
  for (int i = count; i > 0 && !status; i--) {
    struct table_expression *at = last;
    for (int j = 1; j < i; j++)
      at = at->previous;
    if (at->state == EXPRESSION_NEW)
      status = settle(binder, at);
  }
  return status;
}

int bind_with(struct binder *binder, struct scope *scope, const PgQuery__WithClause *with)
{
  struct table_expression *around = scope->with; // of a WITH query: those that it may name
  int status = 0;
  for (size_t i = 0; with && i < with->n_ctes && !status; i++)
    status = add_expression(binder, scope, with, i);
  return status ? status : settle_all(binder, scope->with, around);
}

// --- Recursion -------------------------------------------------------------------------------------

int bind_working_columns(struct binder *binder, struct table_expression *expression, const char *const *names,
                         const struct type *types, int count)
{
  expression->phase = RECURSION_STEP;
  expression->working = binder->statement->working_count++;
  expression->column_count = count;
  expression->columns = ARENA_ARRAY(binder->arena, struct range_column, count + 1);
  if (!expression->columns)
    return error_memory(binder->error);
  for (int i = 0; i < count; i++) {
    expression->columns[i] = (struct range_column){.type = types[i]};
    if (!(expression->columns[i].name = bind_copy(binder, column_name(expression, i, names[i]))))
      return binder->error->status;
  }
  return 0;
}

static int refuse_reference(struct binder *binder, const struct table_expression *expression, int32_t location,
                            const char *within)
{
  return bind_error(binder, location, SQLSTATE_INVALID_RECURSION,
                    "recursive reference to query \"%s\" must not appear %s", expression->name, within);
}

// May the query name itself here?
static int check_reference(struct binder *binder, const struct scope *scope, const struct table_expression *expression,
                           int32_t location)
{
  const char *within = NULL;
  if (is_change(expression))
    return bind_error(binder, expression->tree->location, SQLSTATE_INVALID_RECURSION,
                      "recursive query \"%s\" must not contain data-modifying statements", expression->name);
  for (; scope && scope->defines != expression; scope = scope->outer) {
    const char *own = scope->nullable_depth                ? "within an outer join"
                      : scope->within                      ? scope->within
                      : scope->outer && !scope->hides_outer && !scope->is_lateral ? "within a subquery"
                                                           : NULL;
    within = within ? within : own;
  }
  if (!scope)
    return bind_error(binder, expression->tree->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "mutual recursion between WITH items is not implemented");
  if (expression->phase == RECURSION_NONE)
    return bind_error(binder, expression->tree->location, SQLSTATE_INVALID_RECURSION,
                      "recursive query \"%s\" does not have the form non-recursive-term UNION [ALL] recursive-term",
                      expression->name);
  if (within)
    return refuse_reference(binder, expression, location, within);
  if (expression->phase == RECURSION_START)
    return refuse_reference(binder, expression, location, "within its non-recursive term");
  return expression->reference_count ? refuse_reference(binder, expression, location, "more than once") : 0;
}

static int working_range(struct binder *binder, struct scope *scope, struct table_expression *expression,
                         const PgQuery__RangeVar *name, const char *alias)
{
  int status = check_reference(binder, scope, expression, name->location);
  struct range range = {.kind = RANGE_WORKING, .alias = alias, .number = expression->working};
  if (!status)
    status = bind_columns(binder, &range, expression->column_count);
  if (status)
    return status;
  memcpy(range.columns, expression->columns, sizeof *range.columns * (size_t)range.column_count);
  expression->reference_count++;
  scope->has_self_reference = true;
  return bind_range(binder, &range);
}

// --- Names -----------------------------------------------------------------------------------------

static int shared_range(struct binder *binder, const struct table_expression *expression, const char *alias)
{
  const struct shared_query *shared = &expression->owner->shared[expression->shared];
  struct range range = {
      .kind = RANGE_SHARED,
      .alias = alias,
      .function = shared->name,
      .number = expression->shared,
      .is_owners = expression->owner != binder->statement,
  };
  if (!bind_deepen(binder, expression->depth))
    return binder->error->status;
  int status = bind_columns(binder, &range, shared->column_count);
  for (int i = 0; i < range.column_count && !status; i++) {
    range.columns[i].type = shared->columns[i].expression->type;
    if (!(range.columns[i].name = bind_copy(binder, column_name(expression, i, shared->columns[i].name))))
      status = binder->error->status;
  }
  return status ? status : bind_range(binder, &range);
}

// A query that is named twice is run once, as in PostgreSQL, unless it is said otherwise.
static int share_first(struct binder *binder, struct table_expression *expression)
{
  bool is_apart = expression->tree->ctematerialized == PG_QUERY__CTEMATERIALIZE__CTEMaterializeNever;
  if (!expression->is_taken || is_apart || expression->is_correlated || expression->owner != binder->statement ||
      binder->statement->working_count)
    return 0;
  int status = share(binder, expression);
  struct range *first = &binder->statement->ranges[expression->first_range];
  if (status)
    return status;
  first->kind = RANGE_SHARED;
  first->query = NULL;
  first->function = binder->statement->shared[expression->shared].name;
  first->number = expression->shared;
  return 0;
}

// The range of a query that is bound: its own, or of what it shares with others.
static int query_range(struct binder *binder, struct scope *scope, struct table_expression *expression,
                       const char *alias)
{
  struct query *query = expression->query;
  bool is_correlated;
  if (expression->shared < 0) {
    int status = share_first(binder, expression);
    if (status)
      return status;
  }
  if (expression->shared >= 0)
    return shared_range(binder, expression, alias);
  if (expression->is_taken || expression->owner != binder->statement) {
    int status = bind_query_of(binder, expression, scope, &query, &is_correlated);
    if (status)
      return status;
  } else if (!bind_deepen(binder, expression->depth))
    return binder->error->status;
  else if (expression->is_correlated)
    bind_mark_correlated(scope, expression->scope);
  expression->is_taken = true;
  int range = bind_query_range(binder, query, alias);
  if (range < 0)
    return range;
  expression->first_range = query == expression->query ? range : expression->first_range;
  struct range *at = &binder->statement->ranges[range];
  for (int i = 0; i < at->column_count; i++)
    if (!(at->columns[i].name = bind_copy(binder, column_name(expression, i, at->columns[i].name))))
      return binder->error->status;
  return range;
}

int bind_table_expression(struct binder *binder, struct scope *scope, struct table_expression *expression,
                          const PgQuery__RangeVar *name, struct items *items)
{
  const char *own = bind_alias_name(binder, name->alias, name->relname);
  int status = own ? 0 : (int)binder->error->status;
  if (!status && expression->state == EXPRESSION_NEW)
    status = settle(binder, expression);
  if (!status && is_change(expression) && expression->state == EXPRESSION_BOUND &&
      !expression->owner->shared[expression->shared].column_count)
    status = bind_error(binder, name->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                        "WITH query \"%s\" does not have a RETURNING clause", expression->name);
  if (status)
    return status;
  int range = expression->state == EXPRESSION_BINDING ? working_range(binder, scope, expression, name, own)
                                                      : query_range(binder, scope, expression, own);
  return range < 0 ? range : bind_range_items(binder, range, name->alias, NULL, name->location, items);
}
