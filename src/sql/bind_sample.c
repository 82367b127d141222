// TABLESAMPLE: a subquery of the table's rows that tablesample() keeps. Each row is drawn for by itself, by both
// methods; with REPEATABLE what is drawn follows from the seed and the row.
#include "sql/binder.h"

static void note_column(ProtobufCMessage *message, void *context)
{
  const PgQuery__ColumnRef **found = context;
  if (!*found && message->descriptor == &pg_query__column_ref__descriptor)
    *found = (const PgQuery__ColumnRef *)(void *)message;
}

// The arguments see no columns.
static int check_argument(struct binder *binder, PgQuery__Node *argument)
{
  const PgQuery__ColumnRef *column = NULL;
  parse_walk(&argument->base, note_column, &column);
  if (!column)
    return 0;
  const char *name = bind_string(column->fields[column->n_fields - 1]);
  return bind_error(binder, column->location, SQLSTATE_UNDEFINED_COLUMN, "column \"%s\" does not exist",
                    name ? name : "*");
}

static int check_method(struct binder *binder, const PgQuery__RangeTableSample *tree)
{
  const char *method = bind_string(tree->method[tree->n_method - 1]);
  if (strcmp(method, "bernoulli") != 0 && strcmp(method, "system") != 0)
    return bind_error(binder, tree->location, SQLSTATE_UNDEFINED_OBJECT, "tablesample method %s does not exist",
                      method);
  if (tree->n_args != 1)
    return bind_error(binder, tree->location, SQLSTATE_INVALID_TABLESAMPLE_ARGUMENT,
                      "tablesample method %s requires 1 argument, not %zu", method, tree->n_args);
  int status = check_argument(binder, tree->args[0]);
  return status || !tree->repeatable ? status : check_argument(binder, tree->repeatable);
}

static int no_table(struct binder *binder, const PgQuery__RangeVar *name)
{
  return bind_error(binder, name->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                    "TABLESAMPLE clause can only be applied to tables and materialized views");
}

// Nodes are borrowed while it is bound.
#define STRING_NODE(name, text)                                                                     \
  PgQuery__String name##_string = PG_QUERY__STRING__INIT;                                           \
  PgQuery__Node name = PG_QUERY__NODE__INIT;                                                        \
  name##_string.sval = (char *)(uintptr_t)(text);                                                   \
  name.node_case = PG_QUERY__NODE__NODE_STRING;                                                     \
  name.string = &name##_string

static int bind_kept(struct binder *binder, struct scope *scope, const PgQuery__RangeTableSample *tree,
                     PgQuery__Node *keeps, struct query **query)
{
  PgQuery__AStar star = PG_QUERY__A__STAR__INIT;
  PgQuery__Node star_node = PG_QUERY__NODE__INIT, all_node = PG_QUERY__NODE__INIT, target_node = PG_QUERY__NODE__INIT;
  PgQuery__ColumnRef all = PG_QUERY__COLUMN_REF__INIT;
  PgQuery__ResTarget target = PG_QUERY__RES_TARGET__INIT;
  PgQuery__SelectStmt select = PG_QUERY__SELECT_STMT__INIT;
  PgQuery__Node *fields[] = {&star_node}, *targets[] = {&target_node}, *from[] = {tree->relation};
  star_node.node_case = PG_QUERY__NODE__NODE_A_STAR;
  star_node.a_star = &star;
  all.fields = fields;
  all.n_fields = 1;
  all_node.node_case = PG_QUERY__NODE__NODE_COLUMN_REF;
  all_node.column_ref = &all;
  target.val = &all_node;
  target_node.node_case = PG_QUERY__NODE__NODE_RES_TARGET;
  target_node.res_target = &target;
  select.target_list = targets;
  select.n_target_list = 1;
  select.from_clause = from;
  select.n_from_clause = 1;
  select.where_clause = keeps;
  select.limit_option = PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_DEFAULT;
  select.op = PG_QUERY__SET_OPERATION__SETOP_NONE;
  struct select_options options = {.outer = scope, .hides_outer = true};
  bool is_correlated;
  return bind_select(binder, &select, &options, query, &is_correlated);
}

// tablesample(percent), or tablesample(percent, seed, to_jsonb(table)).
static int bind_sampled(struct binder *binder, struct scope *scope, const PgQuery__RangeTableSample *tree,
                        const char *alias, struct query **query)
{
  STRING_NODE(function, "tablesample");
  STRING_NODE(row_function, "to_jsonb");
  STRING_NODE(row_name, alias);
  PgQuery__ColumnRef row = PG_QUERY__COLUMN_REF__INIT;
  PgQuery__FuncCall keeps = PG_QUERY__FUNC_CALL__INIT, row_call = PG_QUERY__FUNC_CALL__INIT;
  PgQuery__Node row_node = PG_QUERY__NODE__INIT, row_call_node = PG_QUERY__NODE__INIT;
  PgQuery__Node keeps_node = PG_QUERY__NODE__INIT;
  PgQuery__Node *names[] = {&function}, *row_names[] = {&row_function}, *row_fields[] = {&row_name};
  PgQuery__Node *rows[] = {&row_node}, *arguments[] = {tree->args[0], tree->repeatable, &row_call_node};
  row.fields = row_fields;
  row.n_fields = 1;
  row_node.node_case = PG_QUERY__NODE__NODE_COLUMN_REF;
  row_node.column_ref = &row;
  row_call.funcname = row_names;
  row_call.n_funcname = 1;
  row_call.args = rows;
  row_call.n_args = 1;
  row_call_node.node_case = PG_QUERY__NODE__NODE_FUNC_CALL;
  row_call_node.func_call = &row_call;
  keeps.funcname = names;
  keeps.n_funcname = 1;
  keeps.args = arguments;
  keeps.n_args = tree->repeatable ? 3 : 1;
  keeps.location = row_call.location = row.location = -1;
  keeps_node.node_case = PG_QUERY__NODE__NODE_FUNC_CALL;
  keeps_node.func_call = &keeps;
  return bind_kept(binder, scope, tree, &keeps_node, query);
}

int bind_from_sample(struct binder *binder, struct scope *scope, const PgQuery__RangeTableSample *tree,
                     struct items *items)
{
  if (!tree->relation || tree->relation->node_case != PG_QUERY__NODE__NODE_RANGE_VAR)
    return bind_error(binder, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "this sample is not supported");
  const PgQuery__RangeVar *name = tree->relation->range_var;
  PgQuery__Alias shown = PG_QUERY__ALIAS__INIT;
  const char *own = bind_copy(binder, name->alias ? name->alias->aliasname : name->relname);
  if (!own)
    return binder->error->status;
  if (!(name->schemaname && name->schemaname[0]) && bind_find_with(scope, name->relname))
    return no_table(binder, name);
  struct query *query;
  int status = check_method(binder, tree);
  if (!status)
    status = bind_sampled(binder, scope, tree, own, &query);
  if (status)
    return status;
  const struct join *from = query->from;
  enum range_kind kind = from && from->kind == JOIN_RANGE ? binder->statement->ranges[from->range].kind : RANGE_VALUES;
  if (kind != RANGE_TABLE && kind != RANGE_SYSTEM)
    return no_table(binder, name);
  int range = bind_query_range(binder, query, own);
  shown.aliasname = (char *)(uintptr_t)own;
  return range < 0 ? range : bind_range_items(binder, range, &shown, NULL, -1, items);
}
