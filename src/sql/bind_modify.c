// INSERT, UPDATE, DELETE.
//
// Ranges of a change: the row found or in the way (target), the row as it will stand (new), and the row that was to
// be inserted (excluded). RETURNING reads the new row under the table's name; DELETE's reads the target.
#include "sql/binder.h"

struct modification *bind_modification(struct binder *binder, enum statement_kind kind, const struct relation *relation)
{
  struct modification *modification = ARENA_NEW(binder->arena, struct modification);
  if (!modification)
    return bind_memory(binder);
  *modification = (struct modification){
      .relation = relation,
      .target_range = -1,
      .new_range = -1,
      .source_range = -1,
      .arbiter = -1,
      .excluded_range = -1,
  };
  binder->statement->kind = kind;
  return binder->statement->modification = modification;
}

// The table that is changed.
static int bind_changed(struct binder *binder, const PgQuery__RangeVar *name, enum right right, const char *verb,
                        const struct relation **relation)
{
  int status = bind_relation(binder, name, NULL, RIGHT_NONE, relation);
  if (status)
    return status;
  if ((*relation)->kind == RELATION_VIEW) {
    status = bind_levels(binder, *relation, right);
    *relation = status ? NULL : binder->levels[binder->level_count - 1].relation;
    return status;
  }
  if ((*relation)->kind == RELATION_SEQUENCE)
    return bind_error(binder, -1, SQLSTATE_WRONG_OBJECT_TYPE, "cannot change sequence \"%s\"", (*relation)->name);
  if ((*relation)->kind != RELATION_TABLE && (*relation)->kind != RELATION_SOURCE)
    return bind_error(binder, name->location, SQLSTATE_WRONG_OBJECT_TYPE, "cannot %s \"%s\"", verb, (*relation)->name);
  bool needs_rows = right == RIGHT_UPDATE || right == RIGHT_DELETE;
  if (needs_rows && (*relation)->kind == RELATION_SOURCE && (*relation)->tree == 0) {
    status = bind_error(binder, name->location, SQLSTATE_WRONG_OBJECT_TYPE, "cannot %s source \"%s\": it keeps no rows",
                        verb, (*relation)->name);
    error_hint(binder->error, "Only a source with a PRIMARY KEY keeps its rows.");
  }
  return status ? status : bind_levels(binder, *relation, right);
}

// Adds the name of what is changed, over a range of the table's rows. conditions: of the views, if they are wanted.
static int add_changed_item(struct binder *binder, struct items *items, const char *name, int range, int32_t location,
                            struct node **conditions)
{
  if (binder->level_count == 1)
    return bind_add_item(binder, items, name, NULL, range, location);
  if (!conditions && !(conditions = bind_new_conditions(binder)))
    return binder->error->status;
  struct item item;
  int status = bind_changed_item(binder, name, range, conditions, &item);
  if (status || !bind_grow(binder, &items->items, items->count, &items->capacity, sizeof item))
    return status ? status : (int)binder->error->status;
  items->items[items->count++] = item;
  return 0;
}

// The row as it will stand: new_range, and what views check of it.
static int add_new_row(struct binder *binder, struct items *items, const char *name)
{
  struct modification *modification = binder->statement->modification;
  struct node **conditions = bind_new_conditions(binder);
  if (!conditions)
    return binder->error->status;
  modification->new_range = bind_relation_range(binder, RANGE_ROW, modification->relation, name);
  if (modification->new_range < 0)
    return modification->new_range;
  int status = add_changed_item(binder, items, name, modification->new_range, -1, conditions);
  return status || binder->level_count == 1 ? status : bind_view_checks(binder, conditions);
}

const char *bind_own_name(struct binder *binder, const PgQuery__RangeVar *name)
{
  return bind_copy(binder, name->alias ? name->alias->aliasname : name->relname);
}

static int find_column(struct binder *binder, const struct relation *relation, const char *name, int32_t location)
{
  for (int i = 0; i < relation->schema.column_count; i++)
    if (!relation->schema.columns[i].is_dropped && strcmp(relation->schema.columns[i].name, name) == 0)
      return i;
  return bind_error(binder, location, SQLSTATE_UNDEFINED_COLUMN, "column \"%s\" of relation \"%s\" does not exist",
                    name, relation->name);
}

static int bind_returning(struct binder *binder, struct scope *scope, PgQuery__Node **trees, size_t count)
{
  struct modification *modification = binder->statement->modification;
  struct target_list list = {0};
  scope->clause = CLAUSE_RETURNING;
  int status = bind_targets(binder, scope, trees, count, &list);
  for (int i = 0; i < list.count && !status; i++)
    if (!(list.targets[i].expression = bind_known(binder, list.targets[i].expression)))
      status = binder->error->status;
  modification->returning = list.targets;
  modification->returning_count = list.count;
  if (!status && count && !list.count)
    status = bind_error(binder, bind_location(trees[0]), SQLSTATE_SYNTAX_ERROR, "RETURNING must have at least one column");
  return status;
}

static bool is_default(const PgQuery__Node *tree)
{
  return tree->node_case == PG_QUERY__NODE__NODE_SET_TO_DEFAULT;
}

// --- INSERT: columns -------------------------------------------------------------------------------

struct columns {
  int count;
  int *columns; // of the relation, in the order of the values
  int32_t *locations;
  const PgQuery__ResTarget **parts; // of an array in the column, to which the value goes; NULL: the whole column
  bool are_named;
};

// May the target's subscripts stand behind such a column?
static int check_part(struct binder *binder, const PgQuery__ResTarget *tree, const struct column *column)
{
  bool is_field = tree->indirection[0]->node_case == PG_QUERY__NODE__NODE_STRING;
  if (is_field && !type_is_composite(column->type.id))
    return bind_error(binder, tree->location, SQLSTATE_DATATYPE_MISMATCH,
                      "cannot assign to field \"%s\" of column \"%s\" because its type %s is not a composite type",
                      tree->indirection[0]->string->sval, column->name, BIND_TYPE_NAME(binder, column->type.id));
  if (!is_field && (tree->indirection[0]->node_case != PG_QUERY__NODE__NODE_A_INDICES || column->type.id == TYPE_JSONB))
    return bind_error(binder, tree->location, SQLSTATE_FEATURE_NOT_SUPPORTED, "parts of columns cannot be assigned");
  return 0;
}

static int named_columns(struct binder *binder, PgQuery__Node **trees, size_t count, const struct relation *relation,
                         struct columns *columns)
{
  for (size_t i = 0; i < count; i++) {
    const PgQuery__ResTarget *tree = trees[i]->res_target;
    int column = find_column(binder, relation, tree->name, tree->location);
    if (column < 0)
      return column;
    columns->parts[columns->count] = tree->n_indirection ? tree : NULL;
    for (int j = 0; j < columns->count; j++)
      if (columns->columns[j] == column && !(columns->parts[j] && tree->n_indirection))
        return bind_error(binder, tree->location, SQLSTATE_DUPLICATE_COLUMN, "column \"%s\" specified more than once",
                          tree->name);
    if (tree->n_indirection && check_part(binder, tree, &relation->schema.columns[column]))
      return binder->error->status;
    columns->columns[columns->count] = column;
    columns->locations[columns->count++] = tree->location;
  }
  return 0;
}

static int insert_columns(struct binder *binder, PgQuery__Node **trees, size_t count, const struct relation *relation,
                          struct columns *columns)
{
  size_t room = relation->schema.column_count + count + 1;
  columns->columns = ARENA_ARRAY(binder->arena, int, room);
  columns->locations = ARENA_ARRAY(binder->arena, int32_t, room);
  columns->parts = ARENA_ARRAY(binder->arena, const PgQuery__ResTarget *, room);
  columns->are_named = count > 0;
  if (!columns->columns || !columns->locations || !columns->parts)
    return error_memory(binder->error);
  if (columns->are_named)
    return named_columns(binder, trees, count, relation, columns);
  for (int i = 0; i < relation->schema.column_count; i++)
    if (!relation->schema.columns[i].is_dropped) {
      columns->locations[columns->count] = -1;
      columns->columns[columns->count++] = i;
    }
  return 0;
}

// A row gave `width` values: fewer than the columns is fine where these were not named.
// From here on the columns are the table's, be they named by a view.
static int take_width(struct binder *binder, struct columns *columns, size_t width, int32_t extra)
{
  if (width > (size_t)columns->count)
    return bind_error(binder, extra, SQLSTATE_SYNTAX_ERROR, "INSERT has more expressions than target columns");
  if (columns->are_named && width < (size_t)columns->count)
    return bind_error(binder, columns->locations[width], SQLSTATE_SYNTAX_ERROR,
                      "INSERT has more target columns than expressions");
  columns->count = (int)width;
  for (int i = 0; i < columns->count; i++) {
    columns->columns[i] = bind_written_column(binder, columns->columns[i], RIGHT_INSERT);
    if (columns->columns[i] < 0)
      return columns->columns[i];
    for (int j = 0; binder->level_count > 1 && j < i; j++)
      if (columns->columns[j] == columns->columns[i] && !(columns->parts[i] && columns->parts[j]))
        return bind_error(binder, -1, SQLSTATE_SYNTAX_ERROR, "multiple assignments to same column \"%s\"",
                          binder->levels[binder->level_count - 1].relation->schema.columns[columns->columns[i]].name);
  }
  return 0;
}

// --- INSERT: values --------------------------------------------------------------------------------

enum override bind_override(PgQuery__OverridingKind kind)
{
  return kind == PG_QUERY__OVERRIDING_KIND__OVERRIDING_SYSTEM_VALUE ? OVERRIDE_SYSTEM
         : kind == PG_QUERY__OVERRIDING_KIND__OVERRIDING_USER_VALUE ? OVERRIDE_USER
                                                                    : OVERRIDE_NOT;
}

static enum identity identity_of(const struct binder *binder, int column)
{
  return binder->statement->modification->relation->schema.columns[column].identity;
}

// Notes a value of its own for a generated or an identity column, unless it may be. The first of the columns counts.
static void note_given(struct binder *binder, int column, bool is_update)
{
  struct modification *modification = binder->statement->modification;
  const struct column *own = &modification->relation->schema.columns[column];
  bool is_refused = own->is_generated || (own->identity == IDENTITY_ALWAYS && modification->override != OVERRIDE_SYSTEM);
  if (!is_refused || (modification->refused && modification->refused <= own))
    return;
  modification->refused = own;
  modification->refused_update = is_update;
}

// 428C9, behind all other errors of the statement.
int bind_refusal(struct binder *binder)
{
  const struct modification *modification = binder->statement->modification;
  const struct column *own = modification->refused;
  if (!own)
    return 0;
  int status = bind_error(binder, -1, SQLSTATE_GENERATED_ALWAYS,
                          modification->refused_update ? "column \"%s\" can only be updated to DEFAULT"
                                                       : "cannot insert a non-DEFAULT value into column \"%s\"",
                          own->name);
  if (own->is_generated) {
    error_detail(binder->error, "Column \"%s\" is a generated column.", own->name);
    return status;
  }
  error_detail(binder->error, "Column \"%s\" is an identity column defined as GENERATED ALWAYS.", own->name);
  if (!modification->refused_update)
    error_hint(binder->error, "Use OVERRIDING SYSTEM VALUE to override.");
  return status;
}

static bool takes_default(const struct binder *binder, int column)
{
  return identity_of(binder, column) && binder->statement->modification->override == OVERRIDE_USER;
}

static struct node *refuse_default_part(struct binder *binder, const PgQuery__ResTarget *part)
{
  return bind_fail(binder, part->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                   part->indirection[0]->node_case == PG_QUERY__NODE__NODE_STRING ? "cannot set a subfield to DEFAULT"
                                                                                  : "cannot set an array element to DEFAULT");
}

// The column's value with one more part in it.
static struct node *add_part(struct binder *binder, struct scope *scope, const PgQuery__ResTarget *part, int column,
                             struct node *value)
{
  const struct modification *modification = binder->statement->modification;
  struct node *array = modification->values[column];
  if (!array)
    array = node_constant(binder->arena, modification->relation->schema.columns[column].type, value_null(), -1);
  return array ? bind_part_assignment(binder, scope, part, array, value) : bind_memory(binder);
}

// One value of a row, for the column or the part of it.
static struct node *insert_value(struct binder *binder, struct scope *scope, const PgQuery__Node *tree,
                                 const struct columns *columns, int number)
{
  const struct relation *relation = binder->statement->modification->relation;
  int column = columns->columns[number];
  const PgQuery__ResTarget *part = columns->parts[number];
  if (is_default(tree))
    return part ? refuse_default_part(binder, part) : bind_default(binder, relation, column);
  struct node *node = bind_expr(binder, scope, tree);
  if (node && part)
    return bind_part(binder, scope, part, relation->schema.columns[column].type, node);
  if (node && takes_default(binder, column))
    return bind_default(binder, relation, column);
  if (node)
    note_given(binder, column, false);
  return node ? bind_assign(binder, node, relation, column) : NULL;
}

// One row of VALUES: its expressions are the values themselves.
static int insert_row(struct binder *binder, struct scope *scope, PgQuery__Node **row, size_t count,
                      struct columns *columns)
{
  struct modification *modification = binder->statement->modification;
  size_t beyond = (size_t)columns->count < count ? (size_t)columns->count : 0;
  int status = take_width(binder, columns, count, bind_location(row[beyond]));
  for (int i = 0; i < columns->count && !status; i++) {
    struct node *node = insert_value(binder, scope, row[i], columns, i);
    if (node && columns->parts[i])
      node = add_part(binder, scope, columns->parts[i], columns->columns[i], node);
    modification->values[columns->columns[i]] = node;
    status = node ? 0 : (int)binder->error->status;
  }
  return status;
}

// Many rows: a VALUES range whose columns have the types of the table's.
static int insert_rows(struct binder *binder, struct scope *scope, const PgQuery__SelectStmt *select,
                       struct columns *columns)
{
  struct modification *modification = binder->statement->modification;
  struct range range = {.kind = RANGE_VALUES, .alias = "*VALUES*", .value_count = (int)select->n_values_lists};
  range.values = ARENA_ARRAY(binder->arena, struct node **, range.value_count);
  if (!range.values)
    return error_memory(binder->error);
  const PgQuery__List *first = select->values_lists[0]->list;
  size_t beyond = (size_t)columns->count < first->n_items ? (size_t)columns->count : 0;
  for (int r = 0; r < range.value_count; r++) {
    const PgQuery__List *row = select->values_lists[r]->list;
    if (row->n_items != first->n_items)
      return bind_error(binder, bind_location(row->items[0]), SQLSTATE_SYNTAX_ERROR,
                        "VALUES lists must all be the same length");
  }
  int status = take_width(binder, columns, first->n_items, bind_location(first->items[beyond]));
  if (!status)
    status = bind_columns(binder, &range, columns->count);
  for (int r = 0; r < range.value_count && !status; r++) {
    range.values[r] = ARENA_ARRAY(binder->arena, struct node *, columns->count);
    if (!range.values[r])
      return error_memory(binder->error);
    for (int i = 0; i < columns->count && !status; i++) {
      range.values[r][i] = insert_value(binder, scope, select->values_lists[r]->list->items[i], columns, i);
      status = range.values[r][i] ? 0 : (int)binder->error->status;
    }
  }
  for (int i = 0; i < columns->count && !status; i++) {
    const struct column *column = &modification->relation->schema.columns[columns->columns[i]];
    struct type type = columns->parts[i] ? range.values[0][i]->type : column->type;
    range.columns[i] = (struct range_column){.name = column->name, .type = type, .is_used = true};
  }
  if (status)
    return status;
  modification->source_range = bind_range(binder, &range);
  if (modification->source_range < 0)
    return modification->source_range;
  for (int i = 0; i < columns->count; i++) {
    struct node *node = node_column(binder->arena, range.columns[i].type, modification->source_range, i, -1);
    if (node && columns->parts[i])
      node = add_part(binder, scope, columns->parts[i], columns->columns[i], node);
    if (!node)
      return error_memory(binder->error);
    modification->values[columns->columns[i]] = node;
  }
  return 0;
}

static int insert_query(struct binder *binder, struct scope *scope, const PgQuery__SelectStmt *select,
                        struct columns *columns)
{
  struct modification *modification = binder->statement->modification;
  struct select_options options = {.with = scope->with, .outer = scope, .hides_outer = true, .keeps_unknown = true};
  struct query *query;
  bool is_correlated;
  int status = bind_select(binder, select, &options, &query, &is_correlated);
  if (status)
    return status;
  int beyond = columns->count < query->visible_count ? columns->count : -1;
  status = take_width(binder, columns, (size_t)query->visible_count,
                       beyond >= 0 ? query->targets[beyond].expression->position : -1);
  // Literals and parameters of no type take the column's.
  for (int i = 0; i < columns->count && !status; i++) {
    struct target *target = &query->targets[i];
    if (target->expression->type.id != TYPE_UNKNOWN)
      continue;
    const struct column *column = &modification->relation->schema.columns[columns->columns[i]];
    target->expression =
        columns->parts[i]
            ? bind_part(binder, scope, columns->parts[i], column->type, target->expression)
            : bind_assign(binder, target->expression, modification->relation, columns->columns[i]);
    status = target->expression ? 0 : (int)binder->error->status;
  }
  if (status)
    return status;
  modification->source_range = bind_query_range(binder, query, "*SELECT*");
  if (modification->source_range < 0)
    return modification->source_range;
  for (int i = 0; i < columns->count; i++) {
    struct range_column *column = &binder->statement->ranges[modification->source_range].columns[i];
    column->is_used = true;
    struct node *node =
        node_column(binder->arena, column->type, modification->source_range, i, query->targets[i].expression->position);
    if (!node)
      return error_memory(binder->error);
    if (takes_default(binder, columns->columns[i]))
      continue; // left to the default
    note_given(binder, columns->columns[i], false);
    node = columns->parts[i] ? add_part(binder, scope, columns->parts[i], columns->columns[i], node)
                             : bind_assign(binder, node, modification->relation, columns->columns[i]);
    if (!node)
      return binder->error->status;
    modification->values[columns->columns[i]] = node;
  }
  return 0;
}

static bool is_plain_values(const PgQuery__SelectStmt *select)
{
  return select->n_values_lists && !select->n_sort_clause && !select->limit_count && !select->limit_offset &&
         !select->with_clause;
}

static int start_columns(struct binder *binder, PgQuery__Node **trees, size_t count, struct columns *columns)
{
  struct modification *modification = binder->statement->modification;
  const struct relation *relation = modification->relation;
  int status = insert_columns(binder, trees, count, binder->levels[0].relation, columns);
  modification->values = ARENA_ARRAY(binder->arena, struct node *, relation->schema.column_count + 1);
  return status || modification->values ? status : error_memory(binder->error);
}

// Who has got no value gets its default.
static int add_defaults(struct binder *binder)
{
  struct modification *modification = binder->statement->modification;
  const struct relation *relation = modification->relation;
  int status = 0;
  for (int i = 0; i < relation->schema.column_count && !status; i++)
    if (!modification->values[i] && !(modification->values[i] = bind_default(binder, relation, i)))
      status = binder->error->status;
  return status;
}

int bind_insert_row(struct binder *binder, struct scope *scope, const struct inserted_row *row)
{
  struct columns columns = {0};
  int status = start_columns(binder, row->columns, row->column_count, &columns);
  scope->clause = CLAUSE_VALUES;
  if (!status && row->value_count)
    status = insert_row(binder, scope, row->values, row->value_count, &columns);
  return status ? status : add_defaults(binder);
}

static int insert_source(struct binder *binder, struct scope *scope, const PgQuery__InsertStmt *insert)
{
  struct columns columns = {0};
  int status = start_columns(binder, insert->cols, insert->n_cols, &columns);
  const PgQuery__SelectStmt *select = insert->select_stmt ? insert->select_stmt->select_stmt : NULL;
  scope->clause = CLAUSE_VALUES;
  if (status)
    return status;
  if (select && is_plain_values(select)) {
    const PgQuery__List *row = select->values_lists[0]->list;
    status = select->n_values_lists == 1 ? insert_row(binder, scope, row->items, row->n_items, &columns)
                                         : insert_rows(binder, scope, select, &columns);
  } else if (select)
    status = insert_query(binder, scope, select, &columns);
  return status ? status : add_defaults(binder);
}

// --- ON CONFLICT -----------------------------------------------------------------------------------

static int bind_conflict(struct binder *binder, struct scope *outer, const PgQuery__OnConflictClause *clause,
                         const char *name, int32_t location)
{
  struct modification *modification = binder->statement->modification;
  if (modification->relation->kind == RELATION_SOURCE)
    return bind_error(binder, clause->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "ON CONFLICT is not supported for sources");
  bool is_update = clause->action == PG_QUERY__ON_CONFLICT_ACTION__ONCONFLICT_UPDATE;
  modification->conflict = is_update ? CONFLICT_UPDATE : CONFLICT_NOTHING;
  modification->override = OVERRIDE_NOT; // that was about the row to be inserted
  int status = bind_arbiter(binder, modification->relation, clause, &modification->arbiter);
  const struct index *arbiter =
      !status && modification->arbiter >= 0 ? &modification->relation->indexes[modification->arbiter] : NULL;
  for (int i = 0; arbiter && i < arbiter->part_count + arbiter->read_count && !status; i++) {
    int column = i < arbiter->part_count ? arbiter->parts[i].column : arbiter->reads[i - arbiter->part_count];
    if (!relation_is_expression(modification->relation, column))
      bind_note_sought(binder, column);
  }
  if (status || !is_update)
    return status;
  struct scope scope = {.outer = outer, .clause = CLAUSE_UPDATE, .group_range = -1};
  modification->target_range = bind_relation_range(binder, RANGE_ROW, modification->relation, name);
  if (modification->target_range < 0)
    return modification->target_range;
  modification->excluded_range = bind_relation_range(binder, RANGE_ROW, modification->relation, "excluded");
  if (modification->excluded_range < 0)
    return modification->excluded_range;
  status = add_changed_item(binder, &scope.items, name, modification->target_range, location, NULL);
  if (!status)
    status = add_changed_item(binder, &scope.items, "excluded", modification->excluded_range, location, NULL);
  if (!status)
    status = bind_assignments(binder, &scope, clause->target_list, clause->n_target_list);
  if (!status && clause->where_clause &&
      !(modification->conflict_where = bind_condition(binder, &scope, clause->where_clause, CLAUSE_WHERE, "WHERE")))
    status = binder->error->status;
  return status;
}

struct scope bind_change_scope(const struct select_options *options)
{
  return (struct scope){.outer = options->outer, .hides_outer = options->hides_outer, .via = options->via,
                        .with = options->with, .group_range = -1};
}

int bind_insert(struct binder *binder, const PgQuery__InsertStmt *insert, const struct select_options *options)
{
  const struct relation *relation;
  struct scope scope = bind_change_scope(options);
  int status = bind_with(binder, &scope, insert->with_clause);
  if (!status)
    status = bind_changed(binder, insert->relation, RIGHT_INSERT, "insert into", &relation);
  const char *name = status ? NULL : bind_own_name(binder, insert->relation);
  if (!name || !bind_modification(binder, STATEMENT_INSERT, relation))
    return binder->error->status;
  struct modification *modification = binder->statement->modification;
  modification->override = bind_override(insert->override);
  status = insert_source(binder, &scope, insert);
  if (!status && insert->on_conflict_clause)
    status = bind_conflict(binder, &scope, insert->on_conflict_clause, name, insert->relation->location);
  if (status)
    return status;
  status = add_new_row(binder, &scope.items, name);
  if (!status && modification->excluded_range >= 0)
    status = bind_add_item(binder, &scope.hidden, "excluded", NULL, modification->excluded_range, -1);
  if (!status)
    status = bind_returning(binder, &scope, insert->returning_list, insert->n_returning_list);
  return status ? status : bind_refusal(binder);
}

// --- UPDATE and DELETE -----------------------------------------------------------------------------

// (a, b) = (1, 2) and (a, b) = ROW(1, 2): the grammar gives each column a reference to the row.
static const PgQuery__Node *assigned_tree(struct binder *binder, const PgQuery__ResTarget *target)
{
  const PgQuery__Node *tree = target->val;
  if (tree->node_case != PG_QUERY__NODE__NODE_MULTI_ASSIGN_REF)
    return tree;
  const PgQuery__MultiAssignRef *reference = tree->multi_assign_ref;
  const PgQuery__Node *source = reference->source;
  if (source && source->node_case == PG_QUERY__NODE__NODE_SUB_LINK &&
      source->sub_link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK)
    return tree;
  if (!source || source->node_case != PG_QUERY__NODE__NODE_ROW_EXPR || reference->colno < 1) {
    (void)!bind_error(binder, source ? bind_location(source) : target->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression");
    return NULL;
  }
  if (source->row_expr->n_args != (size_t)reference->ncolumns || reference->colno > reference->ncolumns) {
    (void)!bind_error(binder, source->row_expr->location, SQLSTATE_SYNTAX_ERROR,
                      "number of columns does not match number of values");
    return NULL;
  }
  return source->row_expr->args[reference->colno - 1];
}

// (a, b) = (SELECT …)
static struct node *assigned_column(struct binder *binder, struct scope *scope, const PgQuery__Node *tree)
{
  const PgQuery__MultiAssignRef *reference = tree->multi_assign_ref;
  return bind_column_sublink(binder, scope, reference->source->sub_link, reference->colno - 1, reference->ncolumns);
}

// SET a[1] = …: the column's array with one more value in it. (SET t.a = …: PostgreSQL takes t for a column, too.)
static int assign_part(struct binder *binder, struct scope *scope, const PgQuery__ResTarget *tree, struct node *value,
                       struct assignment *assignment)
{
  struct modification *modification = binder->statement->modification;
  const struct column *column = &modification->relation->schema.columns[assignment->column];
  if (check_part(binder, tree, column) || (!value && !refuse_default_part(binder, tree)))
    return binder->error->status;
  struct node *array =
      assignment->value
          ? assignment->value
          : node_column(binder->arena, column->type, modification->target_range, assignment->column, tree->location);
  if (!array)
    return error_memory(binder->error);
  assignment->value = bind_part_assignment(binder, scope, tree, array, value);
  assignment->is_part = true;
  return assignment->value ? 0 : (int)binder->error->status;
}

static int bind_assignment(struct binder *binder, struct scope *scope, const PgQuery__ResTarget *tree,
                           struct assignment *assignment)
{
  const struct relation *relation = binder->statement->modification->relation;
  const PgQuery__Node *value = assigned_tree(binder, tree);
  if (!value)
    return binder->error->status;
  // As in PostgreSQL, the expression is looked at before the column.
  scope->clause = CLAUSE_UPDATE;
  struct node *node = is_default(value)                                              ? NULL
                      : value->node_case == PG_QUERY__NODE__NODE_MULTI_ASSIGN_REF ? assigned_column(binder, scope, value)
                                                                                  : bind_expr(binder, scope, value);
  if (!is_default(value) && !node)
    return binder->error->status;
  assignment->column = find_column(binder, binder->levels[0].relation, tree->name, tree->location);
  if (assignment->column >= 0)
    assignment->column = bind_written_column(binder, assignment->column, RIGHT_UPDATE);
  if (assignment->column < 0)
    return assignment->column;
  // Further parts of a column are put into what its first ones made.
  struct modification *modification = binder->statement->modification;
  for (int i = 0; i < modification->assignment_count && tree->n_indirection; i++)
    if (modification->assignments[i].column == assignment->column && modification->assignments[i].is_part)
      assignment = &modification->assignments[i];
  if (node)
    note_given(binder, assignment->column, true);
  if (tree->n_indirection)
    return assign_part(binder, scope, tree, node, assignment);
  if (!node && binder->level_count > 1) // a view's columns have no defaults of their own
    node = node_constant(binder->arena, relation->schema.columns[assignment->column].type, value_null(), -1);
  else
    node = node ? bind_assign(binder, node, relation, assignment->column)
                : bind_default(binder, relation, assignment->column);
  assignment->value = node;
  return node ? 0 : (int)binder->error->status;
}

int bind_assignments(struct binder *binder, struct scope *scope, PgQuery__Node **trees, size_t count)
{
  struct modification *modification = binder->statement->modification;
  modification->assignment_count = 0;
  modification->assignments = ARENA_ARRAY(binder->arena, struct assignment, count + 1);
  if (!modification->assignments)
    return error_memory(binder->error);
  for (size_t i = 0; i < count; i++) {
    const PgQuery__ResTarget *tree = trees[i]->res_target;
    struct assignment *assignment = &modification->assignments[modification->assignment_count];
    int status = bind_assignment(binder, scope, tree, assignment);
    if (status)
      return status;
    if (!assignment->value) // it went into another one
      continue;
    for (int j = 0; j < modification->assignment_count; j++)
      if (modification->assignments[j].column == assignment->column)
        return bind_error(binder, -1, SQLSTATE_SYNTAX_ERROR, "multiple assignments to same column \"%s\"",
                          modification->relation->schema.columns[assignment->column].name);
    modification->assignment_count++;
  }
  return 0;
}

struct change_parts {
  const PgQuery__RangeVar *relation;
  const PgQuery__WithClause *with;
  PgQuery__Node **from;
  size_t from_count;
  const char *name;
  struct node **conditions; // of views
};

// The table, then FROM or USING; both into the statement's query.
static int bind_change_from(struct binder *binder, struct scope *scope, struct change_parts *change)
{
  struct modification *modification = binder->statement->modification;
  struct query *query = ARENA_NEW(binder->arena, struct query);
  if (!query)
    return error_memory(binder->error);
  binder->statement->query = query;
  query->group_range = -1;
  const char *alias = binder->level_count > 1 ? modification->relation->name : change->name;
  modification->target_range = bind_relation_range(binder, RANGE_TABLE, modification->relation, alias);
  if (modification->target_range < 0)
    return modification->target_range;
  if (!(change->conditions = bind_new_conditions(binder)))
    return binder->error->status;
  int status = add_changed_item(binder, &scope->items, change->name, modification->target_range,
                                change->relation->location, change->conditions);
  if (status)
    return status;
  scope->items.join = bind_join_range(binder, modification->target_range);
  if (!scope->items.join)
    return binder->error->status;
  status = bind_from(binder, scope, change->from, change->from_count);
  query->from = scope->items.join;
  return status;
}

// A row that is changed keeps the values that it is not given: they are all read.
void bind_use_all_columns(struct binder *binder, int range)
{
  struct range *at = &binder->statement->ranges[range];
  for (int i = 0; i < at->column_count; i++)
    at->columns[i].is_used = true;
}

static int bind_change(struct binder *binder, struct scope *scope, struct change_parts *change,
                       enum statement_kind kind)
{
  const struct relation *relation;
  bool is_update = kind == STATEMENT_UPDATE;
  int status = bind_with(binder, scope, change->with);
  if (!status)
    status = bind_changed(binder, change->relation, is_update ? RIGHT_UPDATE : RIGHT_DELETE,
                          is_update ? "update" : "delete from", &relation);
  if (status)
    return status;
  change->name = bind_own_name(binder, change->relation);
  if (!change->name || !bind_modification(binder, kind, relation))
    return binder->error->status;
  return bind_change_from(binder, scope, change);
}

static int bind_change_where(struct binder *binder, struct scope *scope, const PgQuery__Node *where,
                             const struct change_parts *change)
{
  struct query *query = binder->statement->query;
  if (where && !(query->where = bind_condition(binder, scope, where, CLAUSE_WHERE, "WHERE")))
    return binder->error->status;
  return binder->level_count == 1 ? 0 : bind_add_conditions(binder, change->conditions, &query->where);
}

int bind_update(struct binder *binder, const PgQuery__UpdateStmt *update, const struct select_options *options)
{
  struct scope scope = bind_change_scope(options);
  struct change_parts change = {update->relation, update->with_clause, update->from_clause, update->n_from_clause,
                                NULL, NULL};
  int status = bind_change(binder, &scope, &change, STATEMENT_UPDATE);
  if (!status)
    status = bind_change_where(binder, &scope, update->where_clause, &change);
  if (!status)
    status = bind_assignments(binder, &scope, update->target_list, update->n_target_list);
  if (status)
    return status;
  struct modification *modification = binder->statement->modification;
  bind_use_all_columns(binder, modification->target_range);
  // The table's name now means the row as it will stand.
  struct items row = {0};
  status = add_new_row(binder, &row, change.name);
  if (status)
    return status;
  scope.items.items[0] = row.items[0];
  status = bind_returning(binder, &scope, update->returning_list, update->n_returning_list);
  return status ? status : bind_refusal(binder);
}

int bind_delete(struct binder *binder, const PgQuery__DeleteStmt *delete, const struct select_options *options)
{
  struct scope scope = bind_change_scope(options);
  struct change_parts change = {delete->relation, delete->with_clause, delete->using_clause, delete->n_using_clause,
                                NULL, NULL};
  int status = bind_change(binder, &scope, &change, STATEMENT_DELETE);
  if (!status)
    status = bind_change_where(binder, &scope, delete->where_clause, &change);
  if (!status)
    bind_use_all_columns(binder, binder->statement->modification->target_range);
  return status ? status : bind_returning(binder, &scope, delete->returning_list, delete->n_returning_list);
}
