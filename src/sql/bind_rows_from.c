// ROWS FROM (function(…), …): the functions side by side, as a subquery that has them in its select list.
#include "sql/binder.h"

enum { FUNCTIONS_MAXIMUM = 100 };

struct entry {
  PgQuery__AStar star;
  PgQuery__Node star_node, field_node, target_node;
  PgQuery__Node *fields[1];
  PgQuery__AIndirection field;
  PgQuery__ResTarget target;
};

// NULL: it gives no rows.
static const PgQuery__FuncCall *function_of(struct binder *binder, PgQuery__Node *tree, bool *is_set)
{
  const PgQuery__List *list = tree->node_case == PG_QUERY__NODE__NODE_LIST ? tree->list : NULL;
  const PgQuery__Node *node = list && list->n_items ? list->items[0] : NULL;
  bool has_definition = list && list->n_items > 1 && list->items[1]->node_case == PG_QUERY__NODE__NODE_LIST;
  const PgQuery__FuncCall *call = node && node->node_case == PG_QUERY__NODE__NODE_FUNC_CALL ? node->func_call : NULL;
  const char *name = call ? bind_string(call->funcname[call->n_funcname - 1]) : NULL;
  *is_set = name && set_function_exists(name);
  return name && !has_definition && (*is_set || strcmp(name, "generate_series") == 0) ? call : NULL;
}

// function(…), or (function(…)).*
static void fill_entry(struct entry *entry, PgQuery__Node *function, bool is_set)
{
  pg_query__a__star__init(&entry->star);
  pg_query__node__init(&entry->star_node);
  pg_query__node__init(&entry->field_node);
  pg_query__node__init(&entry->target_node);
  pg_query__a__indirection__init(&entry->field);
  pg_query__res_target__init(&entry->target);
  entry->star_node.node_case = PG_QUERY__NODE__NODE_A_STAR;
  entry->star_node.a_star = &entry->star;
  entry->fields[0] = &entry->star_node;
  entry->field.arg = function;
  entry->field.indirection = entry->fields;
  entry->field.n_indirection = 1;
  entry->field_node.node_case = PG_QUERY__NODE__NODE_A_INDIRECTION;
  entry->field_node.a_indirection = &entry->field;
  entry->target.val = is_set ? &entry->field_node : function;
  entry->target_node.node_case = PG_QUERY__NODE__NODE_RES_TARGET;
  entry->target_node.res_target = &entry->target;
}

int bind_rows_from(struct binder *binder, struct scope *scope, const PgQuery__RangeFunction *tree,
                   struct query **query)
{
  size_t count = tree->n_functions;
  struct entry *entries = count <= FUNCTIONS_MAXIMUM ? ARENA_ARRAY(binder->arena, struct entry, count + 1) : NULL;
  PgQuery__Node **targets = ARENA_ARRAY(binder->arena, PgQuery__Node *, count + 1);
  if (count > FUNCTIONS_MAXIMUM || tree->ordinality)
    return bind_error(binder, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "this ROWS FROM is not supported");
  if (!entries || !targets)
    return error_memory(binder->error);
  for (size_t i = 0; i < count; i++) {
    bool is_set;
    const PgQuery__FuncCall *call = function_of(binder, tree->functions[i], &is_set);
    if (!call)
      return bind_error(binder, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "this function in ROWS FROM is not supported");
    fill_entry(&entries[i], tree->functions[i]->list->items[0], is_set);
    targets[i] = &entries[i].target_node;
  }
  PgQuery__SelectStmt select = PG_QUERY__SELECT_STMT__INIT;
  select.target_list = targets;
  select.n_target_list = count;
  select.limit_option = PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_DEFAULT;
  select.op = PG_QUERY__SET_OPERATION__SETOP_NONE;
  struct select_options options = {.outer = scope, .is_lateral = true};
  bool is_correlated;
  struct items hidden = scope->items;
  scope->items = scope->lateral;
  int status = bind_select(binder, &select, &options, query, &is_correlated);
  scope->items = hidden;
  return status;
}
