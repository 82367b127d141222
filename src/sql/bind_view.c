// A view in FROM: its query is bound anew wherever it is named, as a subquery that stood there.
//
// The view's text says the schema of every table, so the search path does not matter; and what it reads, it reads with
// the rights of its owner.
#include "sql/binder.h"
#include "sql/view.h"

uint32_t bind_view_role(const struct binder *binder, const struct relation *view)
{
  const char *invoker = relation_option(view, "security_invoker");
  return invoker && strcmp(invoker, "true") == 0 ? binder->role : view->owner;
}

void bind_enter_view(struct binder *binder, const struct relation *view, struct view_context *context)
{
  *context = (struct view_context){
      .outer = binder->input,
      .inner = *binder->input,
      .settings = *binder->input->settings,
      .had_positions = binder->has_positions,
      .had_parameters = binder->no_parameters,
  };
  context->settings.role = bind_view_role(binder, view);
  context->settings.search_path[0] = SCHEMA_PG_CATALOG;
  context->settings.search_path_count = 1;
  context->inner.settings = &context->settings;
  context->inner.source = NULL;
  context->inner.names = NULL;
  binder->input = &context->inner;
  binder->has_positions = false;
  binder->no_parameters = "a view";
}

void bind_leave_view(struct binder *binder, const struct view_context *context)
{
  binder->input = context->outer;
  binder->has_positions = context->had_positions;
  binder->no_parameters = context->had_parameters;
}

// Binds the view's own query: by itself, with nothing around it to be seen.
static int bind_own_query(struct binder *binder, const struct relation *view, const PgQuery__SelectStmt *select,
                          struct query **query)
{
  struct view_context context;
  struct select_options options = {0};
  bool is_correlated;
  bind_enter_view(binder, view, &context);
  int status = bind_select(binder, select, &options, query, &is_correlated);
  bind_leave_view(binder, &context);
  return status;
}

int bind_view_range(struct binder *binder, const struct relation *view, const char *alias, int32_t location)
{
  if (!bind_enter(binder, location))
    return binder->error->status;
  struct parse *parse = parse_open_within(bytes_of_string(view->text), binder->arena->account, binder->error);
  const PgQuery__Node *tree = parse && parse->statement_count == 1 ? parse->statements[0].node : NULL;
  struct query *query = NULL;
  int range;
  if (!parse)
    range = binder->error->status;
  else if (!tree || tree->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
    range = bind_error(binder, -1, SQLSTATE_DATA_CORRUPTED, "the text of view \"%s\" is not a query", view->name);
  else
    range = bind_own_query(binder, view, tree->select_stmt, &query);
  parse_close(parse);
  if (!range && query->visible_count < view->schema.column_count)
    range = bind_error(binder, -1, SQLSTATE_DATA_CORRUPTED, "the query of view \"%s\" has lost columns", view->name);
  if (!range)
    range = bind_query_range(binder, query, alias);
  if (range >= 0) {
    binder->statement->ranges[range].view = view;
    binder->statement->ranges[range].is_scanned = true;
  }
  for (int i = 0; range >= 0 && i < view->schema.column_count; i++)
    binder->statement->ranges[range].columns[i].name = view->schema.columns[i].name;
  binder->depth--;
  return range;
}

// The name under which a column without one before it can be named with one: NULL where there is none.
static const char *table_of(struct binder *binder, const struct scope *scope, const struct node *node)
{
  if (!node || node->kind != NODE_COLUMN)
    return NULL;
  const char *alias = binder->statement->ranges[node->range].alias;
  for (const struct scope *at = scope; alias && at; at = at->outer)
    for (int i = 0; i < at->items.count; i++) {
      const struct item *item = &at->items.items[i];
      if (item->name && strcmp(item->name, alias) == 0)
        return item->range == node->range ? alias : NULL;
    }
  return NULL;
}

void bind_note_column(struct binder *binder, const struct scope *scope, const PgQuery__ColumnRef *reference,
                      const struct node *node)
{
  if (binder->input->names && reference->n_fields == 1)
    view_note_column(binder->input->names, reference, table_of(binder, scope, node));
}

void bind_note_star_column(struct binder *binder, const struct scope *scope, const PgQuery__ColumnRef *reference,
                           const char *name, const struct node *node)
{
  if (binder->input->names)
    view_note_star_column(binder->input->names, reference, table_of(binder, scope, node), name);
}
