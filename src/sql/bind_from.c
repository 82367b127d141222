// FROM: tables, sources, system tables, functions, subqueries and joins.
//
// Items are collected aside while FROM is bound, so nothing in it sees its neighbours: subqueries do not, unless they
// are LATERAL, functions see what stands to the left of them, and a join's condition sees the two sides of the join.
#include <stdio.h>

#include "sql/binder.h"
#include "sql/view.h"
#include "table/right.h"

// --- Items -----------------------------------------------------------------------------------------

static int push_item(struct binder *binder, struct items *items, const struct item *item, int32_t location)
{
  if (item->name)
    for (int i = 0; i < items->count; i++) {
      const struct item *other = &items->items[i];
      if (!other->name || strcmp(other->name, item->name) != 0)
        continue;
      if (other->schema && item->schema && strcmp(other->schema, item->schema) != 0)
        continue; // two tables of one name in two schemas
      return bind_error(binder, location, SQLSTATE_DUPLICATE_ALIAS, "table name \"%s\" specified more than once",
                        item->name);
    }
  // A copy of these items that was taken before does not see what is added, and none of them is used after it.
  if (!bind_grow(binder, &items->items, items->count, &items->capacity, sizeof *item))
    return binder->error->status;
  items->items[items->count++] = *item;
  return 0;
}

int bind_add_item(struct binder *binder, struct items *items, const char *name, const char *schema, int range,
                  int32_t location)
{
  struct item item = {
      .name = name,
      .schema = schema,
      .range = range,
      .column_count = binder->statement->ranges[range].column_count,
      .shows_columns = true,
  };
  return push_item(binder, items, &item, location);
}

struct join *bind_join_range(struct binder *binder, int range)
{
  struct join *join = ARENA_NEW(binder->arena, struct join);
  if (!join)
    return bind_memory(binder);
  join->kind = JOIN_RANGE;
  join->range = range;
  return join;
}

static struct join *new_join(struct binder *binder, enum join_kind kind, struct join *left, struct join *right)
{
  struct join *join = ARENA_NEW(binder->arena, struct join);
  if (!join)
    return bind_memory(binder);
  join->kind = kind;
  join->left = left;
  join->right = right;
  return join;
}

bool bind_join_has(const struct join *join, int range)
{
  if (!join)
    return false;
  if (join->kind == JOIN_RANGE)
    return join->range == range;
  return bind_join_has(join->left, range) || bind_join_has(join->right, range);
}

struct join *bind_join_cross(struct binder *binder, struct join *left, struct join *right)
{
  return left && right ? new_join(binder, JOIN_INNER, left, right) : left ? left : right;
}

// All items of both sides, in order.
static int join_items(struct binder *binder, const struct items *left, const struct items *right, struct items *both)
{
  *both = *left;
  for (int i = 0; i < right->count; i++) {
    int status = push_item(binder, both, &right->items[i], -1);
    if (status)
      return status;
  }
  return 0;
}

// One item for one range, with its alias and the names that the alias gives its columns.
int bind_range_items(struct binder *binder, int range, const PgQuery__Alias *alias, const char *schema,
                     int32_t location, struct items *items)
{
  struct range *at = &binder->statement->ranges[range];
  if (alias && alias->n_colnames) {
    int visible = 0;
    for (int i = 0; i < at->column_count; i++)
      visible += at->columns[i].name != NULL;
    if ((size_t)visible < alias->n_colnames)
      return bind_error(binder, -1, SQLSTATE_INVALID_COLUMN_REFERENCE,
                        "table \"%s\" has %d columns available but %d columns specified", at->alias, visible,
                        (int)alias->n_colnames);
    size_t next = 0;
    for (int i = 0; i < at->column_count && next < alias->n_colnames; i++)
      if (at->columns[i].name && !(at->columns[i].name = bind_copy(binder, bind_string(alias->colnames[next++]))))
        return binder->error->status;
  }
  int status = bind_add_item(binder, items, at->alias, alias ? NULL : schema, range, location);
  if (status)
    return status;
  items->join = bind_join_range(binder, range);
  return items->join ? 0 : (int)binder->error->status;
}

// --- Relations -------------------------------------------------------------------------------------

int bind_relation(struct binder *binder, const PgQuery__RangeVar *name, const char *kinds, uint32_t right,
                  const struct relation **relation)
{
  const struct bind_input *input = binder->input;
  struct name_scope scope = {
      .role = input->settings->role,
      .search_path = input->settings->search_path,
      .search_path_count = input->settings->search_path_count,
      .temporary = settings_temporary(input->settings),
      .mark = input->mark,
  };
  const char *schema = name->schemaname && name->schemaname[0] ? name->schemaname : NULL;
  error_clear(binder->error);
  if (catalog_find(input->catalog, input->version, &scope, schema, name->relname, kinds, right, false, relation,
                   binder->error)) {
    if (schema && strcmp(binder->error->sqlstate, SQLSTATE_INVALID_SCHEMA_NAME) == 0)
      return bind_error(binder, name->location, SQLSTATE_UNDEFINED_TABLE, "relation \"%s.%s\" does not exist", schema,
                        name->relname);
    error_position(binder->error, 0);
    return bind_error_from(binder, name->location);
  }
  return bind_pin(binder, *relation);
}

int bind_relation_range(struct binder *binder, enum range_kind kind, const struct relation *relation, const char *alias)
{
  struct range range = {.kind = kind, .relation = relation, .alias = alias};
  const struct schema *schema = &relation->schema;
  int status = bind_columns(binder, &range, schema->column_count);
  if (status)
    return status;
  for (int i = 0; i < schema->column_count; i++) {
    range.columns[i].name = schema->columns[i].is_dropped ? NULL : schema->columns[i].name;
    range.columns[i].type = schema->columns[i].type;
  }
  return bind_range(binder, &range);
}

const char *bind_alias_name(struct binder *binder, const PgQuery__Alias *alias, const char *name)
{
  return bind_copy(binder, alias ? alias->aliasname : name);
}

static int system_range(struct binder *binder, const struct system_table *table, const char *alias)
{
  struct range range = {.kind = RANGE_SYSTEM, .system = table, .alias = alias};
  int status = bind_columns(binder, &range, table->column_count);
  if (status)
    return status;
  for (int i = 0; i < table->column_count; i++)
    range.columns[i] =
        (struct range_column){.name = table->columns[i].name, .type = type_plain(table->columns[i].type)};
  binder->statement->reads_system = true;
  return bind_range(binder, &range);
}

// The system table that this name means: of its schema, or of the search path's first one that has it.
static const struct system_table *find_system(struct binder *binder, const PgQuery__RangeVar *name)
{
  const struct bind_input *input = binder->input;
  if (name->schemaname && name->schemaname[0])
    return system_table_find(catalog_schema(input->catalog, input->version, name->schemaname), name->relname);
  for (int i = 0; i < input->settings->search_path_count; i++) {
    const struct system_table *table = system_table_find(input->settings->search_path[i], name->relname);
    if (table)
      return table;
  }
  return NULL;
}

// The workflow's source in FROM drives it: the first time that it is named; after that a keyed one is read as a table.
static int relation_kind(struct binder *binder, const struct relation *relation, bool is_atom, int32_t location,
                         enum range_kind *kind)
{
  const struct relation *source = binder->input->source;
  bool is_driver = source && source->oid == relation->oid && !binder->has_source;
  if (is_atom && !is_driver)
    return bind_error(binder, location, SQLSTATE_WRONG_OBJECT_TYPE,
                      "atom(\"%s\") can only be read by a workflow that it drives", relation->name);
  if (is_driver) {
    binder->has_source = true;
    binder->statement->takes_atom = is_atom;
    *kind = RANGE_SOURCE;
    return 0;
  }
  *kind = RANGE_TABLE;
  if (relation->kind == RELATION_SOURCE && relation->tree == 0) {
    int status = bind_error(binder, location, SQLSTATE_WRONG_OBJECT_TYPE,
                            "source \"%s\" keeps no rows that could be read", relation->name);
    error_hint(binder->error, "A source with a PRIMARY KEY can be read as a table; any source can drive a workflow.");
    return status;
  }
  return 0;
}

static int bind_table(struct binder *binder, const PgQuery__RangeVar *name, const PgQuery__Alias *alias, bool is_atom,
                      struct items *items)
{
  const char *own = bind_alias_name(binder, alias, name->relname);
  if (!own)
    return binder->error->status;
  const struct system_table *system = is_atom ? NULL : find_system(binder, name);
  if (system) {
    int range = system_range(binder, system, own);
    const char *schema = catalog_schema_name(binder->input->catalog, binder->input->version, system->schema_oid);
    char *copy = bind_copy(binder, schema ? schema : "pg_catalog");
    if (range < 0 || !copy)
      return binder->error->status;
    view_note_table(binder->input->names, name, copy, 0);
    return bind_range_items(binder, range, alias, copy, name->location, items);
  }
  const struct relation *relation;
  int status = bind_relation(binder, name, NULL, RIGHT_NONE, &relation);
  if (status)
    return status;
  const char *schema = catalog_schema_name(binder->input->catalog, binder->input->version, relation->schema_oid);
  char *copy = schema ? bind_copy(binder, schema) : NULL;
  view_note_table(binder->input->names, name, copy, relation->oid);
  if (relation->kind == RELATION_VIEW) {
    int range = bind_view_range(binder, relation, own, name->location);
    return range < 0 ? range : bind_range_items(binder, range, alias, copy, name->location, items);
  }
  if (relation->kind == RELATION_SEQUENCE) {
    status = relation_require(binder->input->version, binder->input->settings->role, relation, RIGHT_SELECT,
                              binder->input->mark, binder->error);
    if (status)
      return status;
    const struct system_table *one = system_sequence_table(relation, binder->arena);
    int range = one ? system_range(binder, one, own) : (int)error_memory(binder->error);
    return range < 0 ? range : bind_range_items(binder, range, alias, copy, name->location, items);
  }
  if (relation->kind != RELATION_TABLE && relation->kind != RELATION_SOURCE && relation->kind != RELATION_SINK)
    return bind_error(binder, name->location,
                      relation->kind == RELATION_INDEX ? SQLSTATE_WRONG_OBJECT_TYPE : SQLSTATE_FEATURE_NOT_SUPPORTED,
                      relation->kind == RELATION_INDEX ? "\"%s\" is an index" : "cannot select from \"%s\"",
                      relation->name);
  enum range_kind kind;
  status = relation_kind(binder, relation, is_atom, name->location, &kind);
  if (status)
    return status;
  int range = bind_relation_range(binder, kind, relation, own);
  if (range < 0)
    return range;
  binder->statement->ranges[range].is_scanned = true;
  return bind_range_items(binder, range, alias, copy, name->location, items);
}

// --- Names --------------------------------------------------------------------------------------------

static int bind_name(struct binder *binder, struct scope *scope, const PgQuery__RangeVar *name, struct items *items)
{
  bool has_schema = name->schemaname && name->schemaname[0];
  struct table_expression *expression = has_schema ? NULL : bind_find_with(scope, name->relname);
  if (expression)
    return bind_table_expression(binder, scope, expression, name, items);
  int status = bind_table(binder, name, name->alias, false, items);
  if (status && !has_schema && strcmp(binder->error->sqlstate, SQLSTATE_UNDEFINED_TABLE) == 0)
    bind_hint_with(binder, scope, name->relname);
  return status;
}

// --- Subqueries and functions ----------------------------------------------------------------------

static int bind_from_subquery(struct binder *binder, struct scope *scope, const PgQuery__RangeSubselect *tree,
                              struct items *items)
{
  if (!tree->subquery || tree->subquery->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
    return bind_error(binder, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "this subquery in FROM is not supported");
  const PgQuery__SelectStmt *select = tree->subquery->select_stmt;
  if (!tree->alias)
    return bind_error(binder, -1, SQLSTATE_SYNTAX_ERROR, "subquery in FROM must have an alias");
  const char *own = bind_copy(binder, tree->alias->aliasname);
  if (!own)
    return binder->error->status;
  struct select_options options = {.outer = scope, .hides_outer = !tree->lateral, .is_lateral = tree->lateral};
  struct query *query;
  bool is_correlated;
  struct items hidden = scope->items;
  if (tree->lateral)
    scope->items = scope->lateral;
  int status = bind_select(binder, select, &options, &query, &is_correlated);
  scope->items = hidden;
  int range = status ? status : bind_query_range(binder, query, own);
  return range < 0 ? range : bind_range_items(binder, range, tree->alias, NULL, -1, items);
}

static int no_series(struct binder *binder, const struct range *range, int32_t location)
{
  char types[256] = "";
  size_t used = 0;
  for (int i = 0; i < range->argument_count && used < sizeof types; i++)
    used += (size_t)snprintf(types + used, sizeof types - used, "%s%s", i ? ", " : "",
                             BIND_TYPE_NAME(binder, range->arguments[i]->type.id));
  int status =
      bind_error(binder, location, SQLSTATE_UNDEFINED_FUNCTION, "function generate_series(%s) does not exist", types);
  error_hint(binder->error, "No function matches the given name and argument types. "
                            "You might need to add explicit type casts.");
  return status;
}

// The type of a series over timestamps, as PostgreSQL would choose it: with a zone, unless one without one is given
// and none with. TYPE_COUNT: it is no such series.
static enum type_id moment_series(const struct range *range)
{
  bool has_local = false, has_zoned = false, is_good = range->argument_count == 3, is_known = false;
  for (int i = 0; i < range->argument_count; i++) {
    enum type_id given = range->arguments[i]->type.id;
    has_local |= given == TYPE_TIMESTAMP;
    has_zoned |= given == TYPE_TIMESTAMPTZ;
    bool is_moment = given == TYPE_TIMESTAMP || given == TYPE_TIMESTAMPTZ || given == TYPE_DATE;
    is_known |= is_moment || given == TYPE_INTERVAL;
    is_good &= given == TYPE_UNKNOWN || (i < 2 ? is_moment : given == TYPE_INTERVAL);
  }
  return !is_good || !is_known ? TYPE_COUNT : has_local && !has_zoned ? TYPE_TIMESTAMP : TYPE_TIMESTAMPTZ;
}

static int series_columns(struct binder *binder, struct range *range, const char *column, enum type_id type)
{
  bool is_moment = type == TYPE_TIMESTAMP || type == TYPE_TIMESTAMPTZ;
  for (int i = 0; i < range->argument_count; i++) {
    struct type to = type_plain(is_moment && i == 2 ? TYPE_INTERVAL : type);
    if (!(range->arguments[i] = bind_cast(binder, range->arguments[i], to, CAST_IMPLICIT)))
      return binder->error->status;
  }
  int status = bind_columns(binder, range, 1 + range->has_ordinality);
  if (status)
    return status;
  range->columns[0] = (struct range_column){.name = column, .type = type_plain(type)};
  if (range->has_ordinality)
    range->columns[1] = (struct range_column){.name = "ordinality", .type = type_plain(TYPE_INT8)};
  return bind_range(binder, range);
}

// generate_series(from, to [, step]) over integers, numerics or timestamps.
static int series_range(struct binder *binder, struct scope *scope, const PgQuery__FuncCall *call, const char *name,
                        bool has_ordinality)
{
  int count = (int)call->n_args;
  struct range range = {.kind = RANGE_FUNCTION, .function = "generate_series", .alias = name, .argument_count = count,
                        .has_ordinality = has_ordinality};
  range.arguments = ARENA_ARRAY(binder->arena, struct node *, count + 1);
  if (!range.arguments)
    return error_memory(binder->error);
  for (int i = 0; i < count; i++)
    if (!(range.arguments[i] = bind_expr(binder, scope, call->args[i])))
      return binder->error->status;
  bool is_number = count == 2 || count == 3;
  enum type_id type = moment_series(&range);
  if (type != TYPE_COUNT)
    return series_columns(binder, &range, name, type);
  type = TYPE_INT4;
  for (int i = 0; i < count; i++) {
    enum type_id given = range.arguments[i]->type.id;
    is_number &= given == TYPE_INT2 || given == TYPE_INT4 || given == TYPE_INT8 || given == TYPE_NUMERIC ||
                 given == TYPE_UNKNOWN;
    type = given == TYPE_NUMERIC || type == TYPE_NUMERIC ? TYPE_NUMERIC : given == TYPE_INT8 ? TYPE_INT8 : type;
  }
  return is_number ? series_columns(binder, &range, name, type) : no_series(binder, &range, call->location);
}

// A function of expr/'s table of those that give rows.
struct set_form {
  const char *name, *alias;
  bool has_ordinality;
  bool expands; // a row that it gives is as many columns
  PgQuery__Node **columns; // defined by the statement
  size_t column_count;
};

static int defined_columns(struct binder *binder, const struct set_form *form, struct range *range)
{
  int status = bind_columns(binder, range, (int)form->column_count);
  for (size_t i = 0; i < form->column_count && !status; i++) {
    const PgQuery__ColumnDef *column = form->columns[i]->column_def;
    range->columns[i].name = bind_copy(binder, column->colname);
    status = range->columns[i].name ? bind_type_at(binder, column->type_name, &range->columns[i].type, NULL)
                                    : (int)binder->error->status;
    if (!status && type_is_user(range->columns[i].type.id))
      status = types_keep(range->columns[i].type.id, &binder->types.types, binder->arena, &range->types, binder->error);
    for (size_t j = 0; j < i && !status; j++)
      if (strcmp(range->columns[j].name, column->colname) == 0)
        status = bind_error(binder, -1, SQLSTATE_DUPLICATE_COLUMN, "column name \"%s\" specified more than once",
                            column->colname);
  }
  return status;
}

// Those of the row that the function's first argument is.
static int row_columns(struct binder *binder, const struct row_type *row, const struct set_form *form,
                       struct range *range)
{
  int status = types_keep(range->arguments[0]->type.id, &binder->types.types, binder->arena, &range->types, binder->error);
  if (!status)
    status = bind_columns(binder, range, row->count + form->has_ordinality);
  for (int i = 0; i < row->count && !status; i++) {
    range->columns[i] = (struct range_column){.name = bind_copy(binder, row->columns[i].name), .type = row->columns[i].type};
    status = range->columns[i].name ? 0 : (int)binder->error->status;
  }
  if (!status && form->has_ordinality)
    range->columns[row->count] = (struct range_column){.name = "ordinality", .type = type_plain(TYPE_INT8)};
  return status;
}

// unnest(a, b): as if each stood by itself, side by side.
static bool is_unnest_of_several(const struct set_form *form, int count)
{
  return count > 1 && strcmp(form->name, "unnest") == 0;
}

// The function's columns, or those that the statement defines for it.
static int set_columns(struct binder *binder, const PgQuery__FuncCall *call, const struct set_form *form,
                       const enum type_id *results, struct range *range)
{
  const struct set_function *set = range->set;
  int32_t at = form->column_count ? form->columns[0]->column_def->location : call->location;
  if (form->column_count && set->column_count)
    return bind_error(binder, at, SQLSTATE_SYNTAX_ERROR,
                      "a column definition list is redundant for a function with OUT parameters");
  range->expands = form->expands && set->column_count == 1 && range->argument_count == 1 && type_is_composite(results[0]);
  if (range->expands)
    return row_columns(binder, bind_row_type(binder, results[0]), form, range);
  const struct row_type *row = range->argument_count ? bind_row_type(binder, range->arguments[0]->type.id) : NULL;
  if (!form->column_count && !set->column_count && row)
    return row_columns(binder, row, form, range);
  if (!form->column_count && !set->column_count)
    return bind_error(binder, at, SQLSTATE_SYNTAX_ERROR,
                      "a column definition list is required for functions returning \"record\"");
  if (form->column_count && form->has_ordinality)
    return bind_error(binder, at, SQLSTATE_SYNTAX_ERROR,
                      "WITH ORDINALITY cannot be used with a column definition list");
  if (form->column_count)
    return defined_columns(binder, form, range);
  bool is_several = is_unnest_of_several(form, range->argument_count);
  int count = is_several ? range->argument_count : set->column_count;
  int status = bind_columns(binder, range, count + form->has_ordinality);
  if (status)
    return status;
  for (int i = 0; i < count; i++) {
    const char *name = is_several ? set->name : set->columns[i].name ? set->columns[i].name : form->alias;
    enum type_id type = i == 0 || is_several ? results[i] : set->columns[i].type;
    range->columns[i] = (struct range_column){.name = name, .type = type_plain(type)};
  }
  if (form->has_ordinality)
    range->columns[count] = (struct range_column){.name = "ordinality", .type = type_plain(TYPE_INT8)};
  return 0;
}

// Which function is meant, its arguments cast as it wants them. results: of each that is resolved by itself.
static int resolve_set(struct binder *binder, const struct set_form *form, struct range *range, int32_t location,
                       enum type_id *results)
{
  enum type_id given[FUNCTION_ARGUMENTS], wanted[FUNCTION_ARGUMENTS];
  int count = range->argument_count, status = 0;
  for (int i = 0; i < count; i++)
    given[i] = range->arguments[i]->type.id;
  bool is_several = is_unnest_of_several(form, count);
  int step = is_several ? 1 : count;
  error_clear(binder->error);
  for (int i = 0; (i == 0 || i < count) && !status; i += step ? step : 1) {
    if (set_function_resolve(form->name, given + i, step, &binder->types.types, &range->set, binder->error))
      status = bind_error_from(binder, location);
    else
      status = set_function_types(range->set, given + i, step, wanted + i, &results[i], binder->error);
  }
  for (int i = 0; i < count && !status; i++)
    if (!(range->arguments[i] = bind_cast(binder, range->arguments[i], type_plain(wanted[i]), CAST_IMPLICIT)))
      status = binder->error->status;
  binder->statement->reads_system |= !status && strcmp(range->set->name, "pg_listening_channels") == 0;
  return status;
}

static int set_range(struct binder *binder, struct scope *scope, const PgQuery__FuncCall *call,
                     const struct set_form *form)
{
  int count = (int)call->n_args;
  struct range range = {.kind = RANGE_FUNCTION,
                        .function = form->name,
                        .alias = form->alias,
                        .argument_count = count,
                        .has_ordinality = form->has_ordinality};
  enum type_id results[FUNCTION_ARGUMENTS];
  range.arguments = ARENA_ARRAY(binder->arena, struct node *, count + 1);
  if (!range.arguments)
    return error_memory(binder->error);
  if (count > FUNCTION_ARGUMENTS)
    return bind_error(binder, call->location, SQLSTATE_TOO_MANY_ARGUMENTS,
                      "cannot pass more than %d arguments to a function in FROM", FUNCTION_ARGUMENTS);
  for (int i = 0; i < count; i++)
    if (!(range.arguments[i] = bind_expr(binder, scope, call->args[i])))
      return binder->error->status;
  if (resolve_set(binder, form, &range, call->location, results))
    return binder->error->status;
  int status = set_columns(binder, call, form, results, &range);
  if (status)
    return status;
  return bind_range(binder, &range);
}

static struct node *refuse_set(struct binder *binder, int32_t location, const char *text)
{
  bind_fail(binder, location, SQLSTATE_FEATURE_NOT_SUPPORTED, "%s", text);
  error_hint(binder->error, "You might be able to move the set-returning function into a LATERAL FROM item.");
  return NULL;
}

static bool same_function(const struct range *a, const struct range *b)
{
  bool equal = a->set == b->set && strcmp(a->function, b->function) == 0 && a->argument_count == b->argument_count;
  for (int i = 0; equal && i < a->argument_count; i++)
    equal = node_equal(a->arguments[i], b->arguments[i]);
  return equal;
}

// Adds the range to those of the select list, if an equal one is not there yet. Its number, or a status.
static int add_set(struct binder *binder, struct scope *scope, int range)
{
  const struct range *ranges = binder->statement->ranges;
  for (int i = 0; i < scope->set_count; i++)
    if (same_function(&ranges[scope->set_ranges[i]], &ranges[range]))
      return scope->set_ranges[i];
  if (!bind_grow(binder, &scope->set_ranges, scope->set_count, &scope->set_capacity, sizeof *scope->set_ranges))
    return binder->error->status;
  scope->set_ranges[scope->set_count++] = range;
  return range;
}

// The call as an item of the select list; its range is negative where that failed.
static struct item set_item(struct binder *binder, struct scope *scope, const PgQuery__FuncCall *call, const char *name)
{
  char text[96];
  struct item failed = {.range = -1};
  const char *refused = NULL;
  snprintf(text, sizeof text, "set-returning functions are not allowed in %s",
           scope->refuses_sets ? scope->refuses_sets : "");
  if (scope->refuses_sets)
    refused = text;
  else if (scope->in_window_call)
    refused = "window function calls cannot contain set-returning function calls";
  else if (scope->clause == CLAUSE_AGGREGATE)
    refused = "aggregate function calls cannot contain set-returning function calls";
  if (refused) {
    refuse_set(binder, call->location, refused);
    return failed;
  }
  struct set_form form = {.name = name, .alias = bind_copy(binder, name)};
  if (!form.alias)
    return failed;
  int range = strcmp(name, "generate_series") == 0 ? series_range(binder, scope, call, form.alias, false)
                                                   : set_range(binder, scope, call, &form);
  if (range < 0)
    return failed;
  return (struct item){.range = add_set(binder, scope, range),
                       .shows_columns = true,
                       .is_nullable = true, // it may have fewer rows than another one of the list
                       .column_count = binder->statement->ranges[range].column_count};
}

struct node *bind_set_target(struct binder *binder, struct scope *scope, const PgQuery__FuncCall *call,
                             const char *name)
{
  struct item item = set_item(binder, scope, call, name);
  if (item.range < 0)
    return NULL;
  if (item.column_count > 1)
    return bind_item_row(binder, &item, call->location);
  return bind_item_column(binder, &item, 0, call->location);
}

// (function(…)).column and (function(…)).*, of a function of several columns.
bool bind_is_set_field(const PgQuery__Node *tree)
{
  if (tree->node_case != PG_QUERY__NODE__NODE_A_INDIRECTION)
    return false;
  const PgQuery__AIndirection *field = tree->a_indirection;
  if (field->n_indirection != 1 || field->arg->node_case != PG_QUERY__NODE__NODE_FUNC_CALL)
    return false;
  const PgQuery__FuncCall *call = field->arg->func_call;
  const char *name = bind_string(call->funcname[call->n_funcname - 1]);
  return field->indirection[0]->node_case != PG_QUERY__NODE__NODE_A_INDICES && name && set_function_exists(name);
}

int bind_set_fields(struct binder *binder, struct scope *scope, const PgQuery__AIndirection *tree,
                    int (*add)(void *context, const char *name, struct node *node), void *context)
{
  const PgQuery__FuncCall *call = tree->arg->func_call;
  const char *field = bind_string(tree->indirection[0]);
  const char *name = bind_function_name(binder, call->funcname, call->n_funcname, call->location);
  struct item item = name ? set_item(binder, scope, call, name) : (struct item){.range = -1};
  bool is_found = !field;
  int status = item.range < 0 ? (int)binder->error->status : 0;
  for (int i = 0; !status && i < item.column_count; i++) {
    const char *column = binder->statement->ranges[item.range].columns[i].name;
    if (field && strcmp(field, column) != 0)
      continue;
    struct node *node = bind_item_column(binder, &item, i, call->location);
    status = node ? add(context, column, node) : (int)binder->error->status;
    is_found = true;
  }
  return status || is_found ? status
                            : bind_error(binder, call->location, SQLSTATE_UNDEFINED_COLUMN,
                                         "could not identify column \"%s\" in record data type", field);
}

static int keep_field(void *context, const char *name, struct node *node)
{
  *(struct node **)context = node;
  return 0;
}

struct node *bind_set_field(struct binder *binder, struct scope *scope, const PgQuery__AIndirection *tree)
{
  struct node *node = NULL;
  if (!bind_string(tree->indirection[0]))
    return bind_fail(binder, -1, SQLSTATE_SYNTAX_ERROR, "row expansion via \"*\" is not supported here");
  return bind_set_fields(binder, scope, tree, keep_field, &node) ? NULL : node;
}

struct fields {
  struct node **values;
  struct range_column *columns;
  int count;
};

static int take_field(void *context, const char *name, struct node *node)
{
  struct fields *fields = context;
  fields->values[fields->count] = node;
  fields->columns[fields->count++] = (struct range_column){.name = name, .type = node->type};
  return 0;
}

// A function that gives a row of a type: its fields are the columns.
static int composite_range(struct binder *binder, struct node *node, const char *name, bool has_ordinality)
{
  const struct row_type *row = bind_row_type(binder, node->type.id);
  struct range range = {.kind = RANGE_VALUES, .alias = name, .value_count = 1};
  range.values = ARENA_ARRAY(binder->arena, struct node **, 1);
  if (!row || !range.values || !(range.values[0] = ARENA_ARRAY(binder->arena, struct node *, row->count + 1)))
    return error_memory(binder->error);
  int status = bind_columns(binder, &range, row->count + has_ordinality);
  struct fields fields = {.values = range.values[0], .columns = range.columns};
  if (!status)
    status = bind_all_fields(binder, node, take_field, &fields);
  if (!status && has_ordinality) {
    range.values[0][row->count] = node_constant(binder->arena, type_plain(TYPE_INT8), value_integer(1), -1);
    range.columns[row->count] = (struct range_column){.name = "ordinality", .type = type_plain(TYPE_INT8)};
    status = range.values[0][row->count] ? 0 : error_memory(binder->error);
  }
  return status ? status : bind_range(binder, &range);
}

// Any other function gives one row of one column.
static int scalar_range(struct binder *binder, struct scope *scope, const PgQuery__Node *tree, const char *name,
                        bool has_ordinality)
{
  struct range range = {.kind = RANGE_VALUES, .alias = name, .value_count = 1};
  range.values = ARENA_ARRAY(binder->arena, struct node **, 1);
  if (!range.values || !(range.values[0] = ARENA_ARRAY(binder->arena, struct node *, 2)))
    return error_memory(binder->error);
  struct node *node = bind_expr(binder, scope, tree);
  if (!node || !(node = bind_known(binder, node)))
    return binder->error->status;
  if (type_is_composite(node->type.id))
    return composite_range(binder, node, name, has_ordinality);
  range.values[0][0] = node;
  range.values[0][1] = node_constant(binder->arena, type_plain(TYPE_INT8), value_integer(1), -1);
  int status = range.values[0][1] ? bind_columns(binder, &range, 1 + has_ordinality) : error_memory(binder->error);
  if (status)
    return status;
  range.columns[0] = (struct range_column){.name = name, .type = node->type};
  if (has_ordinality)
    range.columns[1] = (struct range_column){.name = "ordinality", .type = type_plain(TYPE_INT8)};
  return bind_range(binder, &range);
}

// atom(source): the rows of the workflow's source, all that came together.
static int bind_atom(struct binder *binder, const PgQuery__FuncCall *call, const PgQuery__Alias *alias,
                     struct items *items)
{
  const PgQuery__ColumnRef *reference = call->n_args == 1 && call->args[0]->node_case == PG_QUERY__NODE__NODE_COLUMN_REF
                                            ? call->args[0]->column_ref
                                            : NULL;
  size_t count = reference ? reference->n_fields : 0;
  const char *table = count ? bind_string(reference->fields[count - 1]) : NULL;
  const char *schema = count > 1 ? bind_string(reference->fields[count - 2]) : NULL;
  if (!table || count > 2)
    return bind_error(binder, call->location, SQLSTATE_SYNTAX_ERROR, "atom() takes the name of a source");
  PgQuery__RangeVar name = PG_QUERY__RANGE_VAR__INIT;
  name.relname = (char *)(uintptr_t)table;
  name.schemaname = (char *)(uintptr_t)(schema ? schema : "");
  name.location = reference->location;
  return bind_table(binder, &name, alias, true, items);
}

static int bind_from_function(struct binder *binder, struct scope *scope, const PgQuery__RangeFunction *tree,
                              struct items *items)
{
  const PgQuery__Node *function = tree->n_functions ? tree->functions[0] : NULL;
  if (tree->is_rowsfrom && tree->n_functions > 1) {
    struct query *query;
    int status = bind_rows_from(binder, scope, tree, &query);
    const char *shown = status ? NULL : bind_alias_name(binder, tree->alias, "unnamed");
    int side_by_side = status ? status : shown ? bind_query_range(binder, query, shown) : (int)binder->error->status;
    return side_by_side < 0 ? side_by_side : bind_range_items(binder, side_by_side, tree->alias, NULL, -1, items);
  }
  if (function && function->node_case == PG_QUERY__NODE__NODE_LIST && function->list->n_items)
    function = function->list->items[0];
  if (tree->n_functions != 1 || !function)
    return bind_error(binder, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "this function in FROM is not supported");
  const PgQuery__FuncCall *call = function->node_case == PG_QUERY__NODE__NODE_FUNC_CALL ? function->func_call : NULL;
  const char *name = "column1";
  if (call && !(name = bind_function_name(binder, call->funcname, call->n_funcname, call->location)))
    return binder->error->status;
  if (call && strcmp(name, "atom") == 0)
    return bind_atom(binder, call, tree->alias, items);
  const char *own = bind_alias_name(binder, tree->alias, name);
  if (!own)
    return binder->error->status;
  bool is_set = call && set_function_exists(name);
  struct set_form form = {.name = name,
                          .alias = own,
                          .has_ordinality = tree->ordinality,
                          .expands = true,
                          .columns = tree->coldeflist,
                          .column_count = tree->n_coldeflist};
  if (tree->n_coldeflist && !is_set)
    return bind_error(binder, call ? call->location : -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "a column definition list is not supported for this function");
  enum clause clause = scope->clause;
  struct items hidden = scope->items;
  scope->clause = CLAUSE_FROM;
  scope->items = scope->lateral;
  int range = is_set ? set_range(binder, scope, call, &form)
              : call && strcmp(name, "generate_series") == 0 ? series_range(binder, scope, call, own, tree->ordinality)
                                                             : scalar_range(binder, scope, function, own, tree->ordinality);
  scope->clause = clause;
  scope->items = hidden;
  return range < 0 ? range : bind_range_items(binder, range, tree->alias, NULL, call ? call->location : -1, items);
}

// --- Joins -----------------------------------------------------------------------------------------

struct side_column {
  const struct item *item;
  int column;
};

// The column of this name that a side shows: 1 found, 0 not, or a negative status.
static int side_column(struct binder *binder, const struct items *side, const char *name, const char *which,
                       struct side_column *found)
{
  int count = 0;
  for (int i = 0; i < side->count; i++)
    for (int c = 0; c < side->items[i].column_count && side->items[i].shows_columns; c++) {
      const char *column = item_column_name(binder, &side->items[i], c);
      if (!column || strcmp(column, name) != 0)
        continue;
      *found = (struct side_column){&side->items[i], c};
      count++;
    }
  if (count > 1)
    return bind_error(binder, -1, SQLSTATE_AMBIGUOUS_COLUMN,
                      "common column name \"%s\" appears more than once in %s table", name, which);
  return count;
}

struct merged {
  const char **names;
  struct node **columns; // as the join shows them
  struct node **conditions;
  int count, capacity;
};

static bool is_merged(const struct merged *merged, const char *name)
{
  for (int i = 0; i < merged->count; i++)
    if (strcmp(merged->names[i], name) == 0)
      return true;
  return false;
}

static int merge_column(struct binder *binder, const struct items *left, const struct items *right, const char *name,
                        PgQuery__JoinType type_of_join, struct merged *merged)
{
  bool is_right = type_of_join == PG_QUERY__JOIN_TYPE__JOIN_RIGHT;
  bool is_full = type_of_join == PG_QUERY__JOIN_TYPE__JOIN_FULL;
  struct side_column sides[2];
  for (int i = 0; i < 2; i++) {
    const char *which = i ? "right" : "left";
    int found = side_column(binder, i ? right : left, name, which, &sides[i]);
    if (found < 0)
      return found;
    if (!found)
      return bind_error(binder, -1, SQLSTATE_UNDEFINED_COLUMN,
                        "column \"%s\" specified in USING clause does not exist in %s table", name, which);
  }
  if (is_merged(merged, name))
    return bind_error(binder, -1, SQLSTATE_DUPLICATE_COLUMN,
                      "column name \"%s\" appears more than once in USING clause", name);
  struct node *pair[2] = {bind_item_column(binder, sides[0].item, sides[0].column, -1), NULL};
  pair[1] = pair[0] ? bind_item_column(binder, sides[1].item, sides[1].column, -1) : NULL;
  struct node *condition = pair[1] ? bind_operator(binder, "=", pair[0], pair[1], -1) : NULL;
  struct type type;
  int status = condition ? bind_common(binder, pair, 2, "JOIN/USING", &type) : (int)binder->error->status;
  if (status)
    return status;
  merged->names[merged->count] = bind_copy(binder, name);
  merged->conditions[merged->count] = condition;
  merged->columns[merged->count] = !is_full ? pair[is_right]
                                            : bind_node(binder, NODE_COALESCE, type, -1, pair, 2);
  if (!merged->columns[merged->count])
    return binder->error->status;
  return merged->names[merged->count++] ? 0 : (int)binder->error->status;
}

static int count_columns(const struct items *items)
{
  int count = 0;
  for (int i = 0; i < items->count; i++)
    count += items->items[i].shows_columns ? items->items[i].column_count : 0;
  return count;
}

static int merge_columns(struct binder *binder, const struct items *left, const struct items *right,
                         const PgQuery__JoinExpr *tree, struct merged *merged)
{
  int room = tree->is_natural ? count_columns(left) : (int)tree->n_using_clause;
  merged->names = ARENA_ARRAY(binder->arena, const char *, room + 1);
  merged->columns = ARENA_ARRAY(binder->arena, struct node *, room + 1);
  merged->conditions = ARENA_ARRAY(binder->arena, struct node *, room + 1);
  if (!merged->names || !merged->columns || !merged->conditions)
    return error_memory(binder->error);
  for (size_t i = 0; i < tree->n_using_clause; i++) {
    int status = merge_column(binder, left, right, bind_string(tree->using_clause[i]), tree->jointype, merged);
    if (status)
      return status;
  }
  for (int i = 0; tree->is_natural && i < left->count; i++)
    for (int c = 0; left->items[i].shows_columns && c < left->items[i].column_count; c++) {
      const char *name = item_column_name(binder, &left->items[i], c);
      struct side_column other;
      int found = name ? side_column(binder, right, name, "right", &other) : 0;
      int status = found <= 0 ? found : merge_column(binder, left, right, name, tree->jointype, merged);
      if (status)
        return status;
    }
  return 0;
}

// The join's own columns: the merged ones, then what is left of the left side and of the right.
static int join_columns(struct binder *binder, const struct items *left, const struct items *right,
                        const struct merged *merged, struct item *item)
{
  int room = merged->count + count_columns(left) + count_columns(right);
  item->names = ARENA_ARRAY(binder->arena, const char *, room + 1);
  item->columns = ARENA_ARRAY(binder->arena, struct node *, room + 1);
  if (!item->names || !item->columns)
    return error_memory(binder->error);
  for (int i = 0; i < merged->count; i++) {
    item->names[item->column_count] = merged->names[i];
    item->columns[item->column_count++] = merged->columns[i];
  }
  for (int side = 0; side < 2; side++) {
    const struct items *items = side ? right : left;
    for (int i = 0; i < items->count; i++)
      for (int c = 0; items->items[i].shows_columns && c < items->items[i].column_count; c++) {
        const struct item *from = &items->items[i];
        const char *name = item_column_name(binder, from, c);
        if (!name || is_merged(merged, name))
          continue;
        struct node *node = from->range < 0
                                ? from->columns[c]
                                : node_column(binder->arena, binder->statement->ranges[from->range].columns[c].type,
                                              from->range, c, -1);
        if (!node)
          return error_memory(binder->error);
        item->names[item->column_count] = name;
        item->columns[item->column_count++] = node;
      }
  }
  return 0;
}

static int rename_columns(struct binder *binder, struct item *item, const PgQuery__Alias *alias)
{
  if ((size_t)item->column_count < alias->n_colnames)
    return bind_error(binder, -1, SQLSTATE_SYNTAX_ERROR, "column alias list for \"%s\" has too many entries",
                      alias->aliasname);
  for (size_t i = 0; i < alias->n_colnames; i++)
    if (!(item->names[i] = bind_copy(binder, bind_string(alias->colnames[i]))))
      return binder->error->status;
  item->name = bind_copy(binder, alias->aliasname);
  return item->name ? 0 : (int)binder->error->status;
}

static int join_condition(struct binder *binder, struct scope *scope, const PgQuery__JoinExpr *tree,
                          const struct items *both, const struct merged *merged, struct node **condition)
{
  *condition = NULL;
  if (merged->count == 1)
    *condition = merged->conditions[0];
  else if (merged->count > 1)
    *condition = bind_node(binder, NODE_AND, type_plain(TYPE_BOOLEAN), -1, merged->conditions, merged->count);
  if (merged->count && !*condition)
    return binder->error->status;
  if (!tree->quals)
    return 0;
  struct items hidden = scope->items;
  enum clause clause = scope->clause;
  scope->items = *both;
  *condition = bind_condition(binder, scope, tree->quals, CLAUSE_JOIN, "JOIN/ON");
  scope->items = hidden;
  scope->clause = clause;
  return *condition ? 0 : (int)binder->error->status;
}

static int bind_from_tree(struct binder *binder, struct scope *scope, const PgQuery__Node *tree, struct items *items);

static int bind_join(struct binder *binder, struct scope *scope, const PgQuery__JoinExpr *tree, struct items *items)
{
  bool is_full = tree->jointype == PG_QUERY__JOIN_TYPE__JOIN_FULL;
  bool is_right = tree->jointype == PG_QUERY__JOIN_TYPE__JOIN_RIGHT;
  bool is_outer = is_right || is_full || tree->jointype == PG_QUERY__JOIN_TYPE__JOIN_LEFT;
  struct items left = {0}, right = {0}, both;
  struct merged merged = {0};
  struct item item = {.range = -1, .shows_columns = true};
  int nullable = scope->nullable_depth;
  scope->nullable_depth += is_right || is_full;
  int status = bind_from_tree(binder, scope, tree->larg, &left);
  scope->nullable_depth = nullable + (is_outer && !is_right);
  struct items lateral = scope->lateral;
  if (!status)
    status = join_items(binder, &lateral, &left, &scope->lateral);
  for (int i = lateral.count; !status && i < scope->lateral.count; i++)
    scope->lateral.items[i].is_barred |= is_right || is_full;
  if (!status)
    status = bind_from_tree(binder, scope, tree->rarg, &right);
  scope->nullable_depth = nullable;
  scope->lateral = lateral;
  for (int i = 0; !status && i < left.count; i++)
    left.items[i].is_nullable |= is_right || is_full;
  for (int i = 0; !status && i < right.count; i++)
    right.items[i].is_nullable |= is_outer && !is_right;
  if (!status)
    status = join_items(binder, &left, &right, &both);
  if (!status)
    status = merge_columns(binder, &left, &right, tree, &merged);
  if (!status)
    status = join_columns(binder, &left, &right, &merged, &item);
  if (status)
    return status;
  struct node *condition;
  status = join_condition(binder, scope, tree, &both, &merged, &condition);
  if (status)
    return status;
  struct join *join = new_join(binder, is_full ? JOIN_FULL : is_outer ? JOIN_LEFT : JOIN_INNER,
                               is_right ? right.join : left.join, is_right ? left.join : right.join);
  if (!join)
    return binder->error->status;
  join->condition = condition;
  // An alias hides what is below; without one the tables below keep their names.
  if (tree->alias) {
    status = rename_columns(binder, &item, tree->alias);
    both = (struct items){0};
  }
  for (int i = 0; i < both.count; i++)
    both.items[i].shows_columns = false;
  if (!status)
    status = push_item(binder, &both, &item, -1);
  *items = both;
  items->join = join;
  return status;
}

static int bind_from_tree(struct binder *binder, struct scope *scope, const PgQuery__Node *tree, struct items *items)
{
  int status;
  if (!bind_enter(binder, -1))
    return binder->error->status;
  switch (tree->node_case) {
  case PG_QUERY__NODE__NODE_RANGE_VAR: status = bind_name(binder, scope, tree->range_var, items); break;
  case PG_QUERY__NODE__NODE_RANGE_SUBSELECT:
    status = bind_from_subquery(binder, scope, tree->range_subselect, items);
    break;
  case PG_QUERY__NODE__NODE_RANGE_FUNCTION:
    status = bind_from_function(binder, scope, tree->range_function, items);
    break;
  case PG_QUERY__NODE__NODE_RANGE_TABLE_SAMPLE:
    status = bind_from_sample(binder, scope, tree->range_table_sample, items);
    break;
  case PG_QUERY__NODE__NODE_JOIN_EXPR: status = bind_join(binder, scope, tree->join_expr, items); break;
  default: status = bind_error(binder, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "this entry of FROM is not supported");
  }
  binder->depth--;
  return status;
}

int bind_from(struct binder *binder, struct scope *scope, PgQuery__Node **from, size_t count)
{
  struct items all = scope->items; // UPDATE and DELETE have their table there already
  struct join *join = all.join;
  scope->items = (struct items){0};
  for (size_t i = 0; i < count; i++) {
    struct items items = {0}, both;
    scope->lateral = all;
    int status = bind_from_tree(binder, scope, from[i], &items);
    if (!status)
      status = join_items(binder, &all, &items, &both);
    if (status)
      return status;
    join = bind_join_cross(binder, join, items.join);
    if (!join)
      return binder->error->status;
    all = both;
  }
  scope->items = all;
  scope->items.join = join;
  scope->lateral = (struct items){0};
  return 0;
}
