// A view in FROM: its query is bound anew wherever it is named, as a subquery that stood there.
//
// The view's text says the schema of every table, so the search path does not matter; and what it reads, it reads with
// the rights of its owner.
#include "sql/binder.h"
#include "sql/view.h"

// Binds the view's own query: by itself, with nothing around it to be seen.
static int bind_own_query(struct binder *binder, const struct relation *view, const PgQuery__SelectStmt *select,
                          struct query **query)
{
  const struct bind_input *outer = binder->input;
  bool had_positions = binder->has_positions, had_rows = binder->rows_as_json;
  const char *had_parameters = binder->no_parameters;
  struct settings settings = *outer->settings;
  settings.role = view->owner;
  settings.search_path[0] = SCHEMA_PG_CATALOG;
  settings.search_path_count = 1;
  struct bind_input inner = *outer;
  inner.settings = &settings;
  inner.source = NULL;
  inner.names = NULL;
  binder->input = &inner;
  binder->has_positions = false;
  binder->rows_as_json = false;
  binder->no_parameters = "a view";
  struct select_options options = {0};
  bool is_correlated;
  int status = bind_select(binder, select, &options, query, &is_correlated);
  binder->input = outer;
  binder->has_positions = had_positions;
  binder->rows_as_json = had_rows;
  binder->no_parameters = had_parameters;
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

// What keeps a view from being changed as its table would be.
static const char *not_updatable(const PgQuery__SelectStmt *select)
{
  if (select->n_distinct_clause)
    return "Views containing DISTINCT are not automatically updatable.";
  if (select->n_group_clause)
    return "Views containing GROUP BY are not automatically updatable.";
  if (select->having_clause)
    return "Views containing HAVING are not automatically updatable.";
  if (select->op > PG_QUERY__SET_OPERATION__SETOP_NONE)
    return "Views containing UNION, INTERSECT, or EXCEPT are not automatically updatable.";
  if (select->with_clause)
    return "Views containing WITH are not automatically updatable.";
  if (select->limit_count || select->limit_offset)
    return "Views containing LIMIT or OFFSET are not automatically updatable.";
  if (select->n_from_clause != 1 || select->from_clause[0]->node_case != PG_QUERY__NODE__NODE_RANGE_VAR)
    return "Views that do not select from a single table or view are not automatically updatable.";
  return NULL;
}

int bind_refuse_view(struct binder *binder, const struct relation *view, enum right right)
{
  const char *verb = right == RIGHT_INSERT ? "insert into" : right == RIGHT_UPDATE ? "update" : "delete from";
  const char *doing = right == RIGHT_INSERT ? "inserting into" : right == RIGHT_UPDATE ? "updating" : "deleting from";
  const char *event = right == RIGHT_INSERT ? "INSERT" : right == RIGHT_UPDATE ? "UPDATE" : "DELETE";
  struct parse *parse = parse_open(bytes_of_string(view->text), binder->error);
  if (!parse)
    return binder->error->status;
  const char *why = not_updatable(parse->statements[0].node->select_stmt);
  parse_close(parse);
  int status = bind_error(binder, -1, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE, "cannot %s view \"%s\"", verb,
                          view->name);
  error_detail(binder->error, "%s", why ? why : "Views are not automatically updatable here.");
  if (why)
    error_hint(binder->error,
               "To enable %s the view, provide an INSTEAD OF %s trigger or an unconditional ON %s DO INSTEAD rule.",
               doing, event, event);
  return status;
}
