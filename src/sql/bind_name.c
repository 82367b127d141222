// Names of columns: from the innermost query outwards. What is found in an outer query makes all queries between
// correlated.
#include <stdio.h>

#include "sql/binder.h"

// NULL: the column was dropped.
const char *item_column_name(const struct binder *binder, const struct item *item, int column)
{
  return item->range < 0 ? item->names[column] : binder->statement->ranges[item->range].columns[column].name;
}

struct usage {
  struct statement *statement;
};

static bool mark_used(const struct node *node, void *context)
{
  struct usage *usage = context;
  if (node->kind == NODE_COLUMN && node->column >= 0)
    usage->statement->ranges[node->range].columns[node->column].is_used =
        usage->statement->ranges[node->range].columns[node->column].is_read = true;
  return true;
}

struct node *bind_item_column(struct binder *binder, const struct item *item, int column, int32_t location)
{
  struct usage usage = {binder->statement};
  struct node *node;
  if (item->range >= 0) {
    const struct range *range = &binder->statement->ranges[item->range];
    node = node_column(binder->arena, range->columns[column].type, item->range, column, location);
  } else {
    node = ARENA_NEW(binder->arena, struct node);
    if (node) {
      *node = *item->columns[column];
      node->position = location;
    }
  }
  if (!node)
    return bind_memory(binder);
  if (item->reads)
    binder->statement->ranges[item->reads - 1].columns[column].is_read = true;
  node_walk(node, mark_used, &usage);
  return node;
}

bool is_star(const PgQuery__Node *tree)
{
  if (!tree || tree->node_case != PG_QUERY__NODE__NODE_COLUMN_REF || tree->column_ref->n_fields == 0)
    return false;
  return tree->column_ref->fields[tree->column_ref->n_fields - 1]->node_case == PG_QUERY__NODE__NODE_A_STAR;
}

static int find_in_item(const struct binder *binder, const struct item *item, const char *name)
{
  for (int i = 0; i < item->column_count; i++) {
    const char *column = item_column_name(binder, item, i);
    if (column && strcmp(column, name) == 0)
      return i;
  }
  return -1;
}

void bind_mark_correlated(struct scope *from, const struct scope *to)
{
  for (struct scope *scope = from; scope && scope != to; scope = scope->outer) {
    scope->is_correlated = true;
    for (struct scope *via = scope->via; via && via != scope->outer; via = via->outer)
      via->is_correlated = true;
  }
}

static bool sees_items(const struct scope *scope, const struct scope *inner)
{
  return !inner || !inner->hides_outer || inner->outer != scope;
}

// false with the error set for what a RIGHT or FULL JOIN keeps from its right side.
static bool may_name(struct binder *binder, const struct item *item, int32_t location)
{
  if (!item->is_barred)
    return true;
  bind_fail(binder, location, SQLSTATE_INVALID_COLUMN_REFERENCE,
            "invalid reference to FROM-clause entry for table \"%s\"", item->name ? item->name : "unnamed_join");
  error_detail(binder->error, "The combining JOIN type must be INNER or LEFT for a LATERAL reference.");
  return false;
}

int bind_name_here(struct binder *binder, struct scope *scope, const char *name, int32_t location, struct node **node)
{
  const struct item *found = NULL;
  int found_column = -1;
  for (int i = 0; i < scope->items.count; i++) {
    const struct item *item = &scope->items.items[i];
    if (!item->shows_columns)
      continue;
    for (int c = 0; c < item->column_count; c++) {
      const char *column = item_column_name(binder, item, c);
      if (!column || strcmp(column, name) != 0)
        continue;
      if (found)
        return bind_error(binder, location, SQLSTATE_AMBIGUOUS_COLUMN, "column reference \"%s\" is ambiguous", name);
      found = item;
      found_column = c;
    }
  }
  if (!found)
    return 0;
  *node = may_name(binder, found, location) ? bind_item_column(binder, found, found_column, location) : NULL;
  return *node ? 1 : (int)binder->error->status;
}

// --- Hints -----------------------------------------------------------------------------------------

// Changes of single letters that make one name of the other, as far as `limit`.
static int name_distance(const char *a, const char *b, int limit)
{
  int row[64];
  int n = (int)strlen(a), m = (int)strlen(b);
  if (m > 63 || n > 63 || n - m > limit || m - n > limit)
    return limit + 1;
  for (int j = 0; j <= m; j++)
    row[j] = j;
  for (int i = 1; i <= n; i++) {
    int diagonal = row[0];
    row[0] = i;
    for (int j = 1; j <= m; j++) {
      int change = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      int step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
      row[j] = step < change ? step : change;
    }
  }
  return row[m];
}

// PostgreSQL's `Perhaps you meant`: the one nearest name of this level, or the two.
static void hint_column(struct binder *binder, const struct scope *scope, const char *table, const char *name)
{
  enum { FARTHEST = 3, SHOWN = 2 };
  int best = FARTHEST + 1, count = 0;
  const char *tables[SHOWN], *columns[SHOWN];
  for (int i = 0; i < scope->items.count; i++) {
    const struct item *item = &scope->items.items[i];
    if (!item->name)
      continue;
    int away = table ? name_distance(table, item->name, FARTHEST) : 0;
    for (int c = 0; c < item->column_count && away <= FARTHEST; c++) {
      const char *column = item_column_name(binder, item, c);
      int distance = column ? away + name_distance(name, column, FARTHEST) : best + 1;
      if (distance < best)
        count = 0;
      if (distance > best || distance > FARTHEST)
        continue;
      best = distance;
      if (count < SHOWN) {
        tables[count] = item->name;
        columns[count] = column;
      }
      count++;
    }
  }
  if (best > (int)strlen(name) / 2)
    return;
  if (count == 1)
    error_hint(binder->error, "Perhaps you meant to reference the column \"%s.%s\".", tables[0], columns[0]);
  if (count == SHOWN)
    error_hint(binder->error, "Perhaps you meant to reference the column \"%s.%s\" or the column \"%s.%s\".", tables[0],
               columns[0], tables[1], columns[1]);
}

// The column is one of a table that cannot be named here.
static bool hint_hidden(struct binder *binder, const struct scope *scope, const char *name)
{
  for (int i = 0; i < scope->hidden.count; i++) {
    const struct item *item = &scope->hidden.items[i];
    if (find_in_item(binder, item, name) < 0)
      continue;
    error_hint(binder->error,
               "There is a column named \"%s\" in table \"%s\", but it cannot be referenced from this part of the query.",
               name, item->name);
    return true;
  }
  return false;
}

static struct node *no_column(struct binder *binder, const struct scope *scope, const char *table, const char *name,
                              int32_t location)
{
  if (table)
    bind_fail(binder, location, SQLSTATE_UNDEFINED_COLUMN, "column %s.%s does not exist", table, name);
  else
    bind_fail(binder, location, SQLSTATE_UNDEFINED_COLUMN, "column \"%s\" does not exist", name);
  if (!table && hint_hidden(binder, scope, name))
    return NULL;
  hint_column(binder, scope, table, name);
  return NULL;
}

static bool has_item(const struct items *items, const char *table)
{
  for (int i = 0; i < items->count; i++)
    if (items->items[i].name && strcmp(items->items[i].name, table) == 0)
      return true;
  return false;
}

static void no_table(struct binder *binder, const struct scope *scope, const char *table, int32_t location)
{
  for (const struct scope *at = scope, *inner = NULL; at; inner = at, at = at->outer) {
    if ((!sees_items(at, inner) && has_item(&at->lateral, table)) || has_item(&at->hidden, table)) {
      bind_fail(binder, location, SQLSTATE_UNDEFINED_TABLE, "invalid reference to FROM-clause entry for table \"%s\"",
                table);
      error_hint(binder->error, "There is an entry for table \"%s\", but it cannot be referenced from this part of the query.",
                 table);
      return;
    }
    for (int i = 0; i < at->items.count; i++) {
      const struct item *item = &at->items.items[i];
      if (item->range < 0 || !item->name)
        continue;
      const struct range *range = &binder->statement->ranges[item->range];
      bool is_its_table = range->relation && strcmp(range->relation->name, table) == 0;
      bool is_hidden = strcmp(item->name, table) == 0 && !sees_items(at, inner);
      if (!is_its_table && !is_hidden)
        continue;
      bind_fail(binder, location, SQLSTATE_UNDEFINED_TABLE, "invalid reference to FROM-clause entry for table \"%s\"",
                table);
      if (is_hidden)
        error_hint(binder->error,
                   "There is an entry for table \"%s\", but it cannot be referenced from this part of the query.",
                   table);
      else
        error_hint(binder->error, "Perhaps you meant to reference the table alias \"%s\".", item->name);
      return;
    }
  }
  bind_fail(binder, location, SQLSTATE_UNDEFINED_TABLE, "missing FROM-clause entry for table \"%s\"", table);
}

// --- References ------------------------------------------------------------------------------------

// The item of this name, and the scope that has it. NULL with the error set.
static const struct item *find_item(struct binder *binder, struct scope *scope, const char *schema, const char *table,
                                    int32_t location, struct scope **where)
{
  for (struct scope *at = scope, *inner = NULL; at; inner = at, at = at->outer) {
    if (!sees_items(at, inner))
      continue;
    for (int i = 0; i < at->items.count; i++) {
      const struct item *item = &at->items.items[i];
      if (!item->name || strcmp(item->name, table) != 0)
        continue;
      if (schema && (!item->schema || strcmp(item->schema, schema) != 0))
        continue;
      *where = at;
      return may_name(binder, item, location) ? item : NULL;
    }
  }
  no_table(binder, scope, table, location);
  return NULL;
}

struct parts {
  const char *schema, *table, *column;
};

// a, t.a, s.t.a, d.s.t.a. The last may be a star: then column is NULL.
static bool read_parts(struct binder *binder, const PgQuery__ColumnRef *reference, struct parts *parts)
{
  size_t count = reference->n_fields;
  *parts = (struct parts){0};
  for (size_t i = 0; i + 1 < count; i++)
    if (!bind_string(reference->fields[i])) {
      bind_fail(binder, reference->location, SQLSTATE_SYNTAX_ERROR, "improper use of \"*\"");
      return false;
    }
  if (count == 0 || count > 4) {
    char name[256] = "";
    for (size_t i = 0; i < count; i++) {
      const char *part = bind_string(reference->fields[i]);
      size_t used = strlen(name);
      snprintf(name + used, sizeof name - used, "%s%s", i ? "." : "", part ? part : "*");
    }
    bind_fail(binder, reference->location, SQLSTATE_SYNTAX_ERROR,
              "improper qualified name (too many dotted names): %s", name);
    return false;
  }
  parts->column = bind_string(reference->fields[count - 1]);
  parts->table = count > 1 ? bind_string(reference->fields[count - 2]) : NULL;
  parts->schema = count > 2 ? bind_string(reference->fields[count - 3]) : NULL;
  return true;
}

static const struct item *find_row(struct scope *scope, const char *name, struct scope **where)
{
  for (struct scope *at = scope, *inner = NULL; at; inner = at, at = at->outer)
    for (int i = 0; i < at->items.count && sees_items(at, inner); i++)
      if (at->items.items[i].name && strcmp(at->items.items[i].name, name) == 0) {
        *where = at;
        return &at->items.items[i];
      }
  return NULL;
}

static int star_item(struct binder *binder, const struct item *item, int32_t location,
                     int (*add)(void *context, const char *name, struct node *node), void *context)
{
  for (int i = 0; i < item->column_count; i++) {
    const char *name = item_column_name(binder, item, i);
    if (!name)
      continue;
    struct node *node = bind_item_column(binder, item, i, location);
    int status = node ? add(context, name, node) : (int)binder->error->status;
    if (status)
      return status;
  }
  return 0;
}

// ---- rows ----

struct row_parts {
  struct binder *binder;
  struct node **arguments; // names and values
  int count, capacity;
};

static int take_part(struct row_parts *parts, const char *name, struct node *node)
{
  struct binder *binder = parts->binder;
  struct node *label = node_constant(binder->arena, type_plain(TYPE_TEXT), value_string(name), node->position);
  if (!label)
    return error_memory(binder->error);
  if (parts->count >= 2 * LIMIT_COLUMNS)
    return bind_error(binder, node->position, SQLSTATE_TOO_MANY_COLUMNS, "ROW expressions can have at most %d entries",
                      LIMIT_COLUMNS);
  for (int i = 0; i < 2; i++) {
    if (!bind_grow(binder, &parts->arguments, parts->count, &parts->capacity, sizeof *parts->arguments))
      return binder->error->status;
    parts->arguments[parts->count++] = i == 0 ? label : node;
  }
  return 0;
}

static int add_part(void *context, const char *name, struct node *node)
{
  struct row_parts *parts = context;
  struct node *known = bind_known(parts->binder, node);
  return known ? take_part(parts, name, known) : (int)parts->binder->error->status;
}

// A literal or parameter stays without a type: the row may become one of a type, whose columns say what it is.
static int add_unnamed(void *context, const char *name, struct node *node)
{
  return take_part(context, "", node);
}

// A table's row as a value.
struct node *bind_item_row(struct binder *binder, const struct item *item, int32_t location)
{
  struct row_parts parts = {.binder = binder};
  const struct range *range = item->range >= 0 ? &binder->statement->ranges[item->range] : NULL;
  const struct relation *relation = !range ? NULL : range->relation ? range->relation : range->view;
  bool is_named = relation && relation_has_row_type(relation);
  struct type type = type_plain(is_named ? relation_row_type(relation) : TYPE_RECORD);
  if (star_item(binder, item, location, add_part, &parts))
    return NULL;
  struct node *node = bind_node(binder, NODE_CALL, type, location, parts.arguments, parts.count);
  if (node)
    node->function = item->is_nullable ? &whole_record_function : &record_function;
  return node;
}

struct node *bind_row_value(struct binder *binder, struct scope *scope, const PgQuery__RowExpr *row)
{
  struct row_parts parts = {.binder = binder};
  for (size_t i = 0; i < row->n_args; i++) {
    const PgQuery__Node *tree = row->args[i];
    bool is_reference = tree->node_case == PG_QUERY__NODE__NODE_COLUMN_REF;
    const PgQuery__ColumnRef *reference = is_reference ? tree->column_ref : NULL;
    bool is_star = reference && !bind_string(reference->fields[reference->n_fields - 1]);
    struct node *node = is_star ? NULL : bind_expr(binder, scope, tree);
    int status = is_star ? bind_star(binder, scope, reference, add_unnamed, &parts)
                 : node  ? add_unnamed(&parts, "", node)
                         : (int)binder->error->status;
    if (status)
      return NULL;
  }
  struct node *node =
      bind_node(binder, NODE_CALL, type_plain(TYPE_RECORD), row->location, parts.arguments, parts.count);
  if (node)
    node->function = &record_function;
  return node;
}

// (t).column and (t).*, of a table's row.
static const struct item *row_field_item(struct scope *scope, const PgQuery__Node *tree, struct scope **where)
{
  const PgQuery__AIndirection *field = tree->node_case == PG_QUERY__NODE__NODE_A_INDIRECTION ? tree->a_indirection : NULL;
  if (!field || field->n_indirection != 1 || field->indirection[0]->node_case == PG_QUERY__NODE__NODE_A_INDICES ||
      field->arg->node_case != PG_QUERY__NODE__NODE_COLUMN_REF || field->arg->column_ref->n_fields != 1)
    return NULL;
  const char *name = bind_string(field->arg->column_ref->fields[0]);
  return name ? find_row(scope, name, where) : NULL;
}

bool bind_is_row_field(struct scope *scope, const PgQuery__Node *tree)
{
  struct scope *where;
  return row_field_item(scope, tree, &where) != NULL;
}

struct node *bind_row_field(struct binder *binder, struct scope *scope, const PgQuery__Node *tree)
{
  struct scope *where;
  const struct item *item = row_field_item(scope, tree, &where);
  const char *name = bind_string(tree->a_indirection->indirection[0]);
  int32_t location = tree->a_indirection->arg->column_ref->location;
  if (!name)
    return bind_fail(binder, location, SQLSTATE_FEATURE_NOT_SUPPORTED, "row expansion via \"*\" is not supported here");
  int column = find_in_item(binder, item, name);
  if (column < 0)
    return bind_fail(binder, location, SQLSTATE_UNDEFINED_COLUMN, "column %s.%s does not exist", item->name, name);
  bind_mark_correlated(scope, where);
  return bind_item_column(binder, item, column, location);
}

int bind_row_fields(struct binder *binder, struct scope *scope, const PgQuery__AIndirection *tree,
                    int (*add)(void *context, const char *name, struct node *node), void *context)
{
  struct scope *where;
  const struct item *item = find_row(scope, bind_string(tree->arg->column_ref->fields[0]), &where);
  bind_mark_correlated(scope, where);
  return star_item(binder, item, tree->arg->column_ref->location, add, context);
}

// tableoid: the number of the item's table, whatever row it is. 0: it has none.
static uint32_t table_of(const struct binder *binder, const struct item *item)
{
  const struct range *range = item->range < 0 ? NULL : &binder->statement->ranges[item->range];
  if (!range || (range->kind != RANGE_TABLE && range->kind != RANGE_SYSTEM && range->kind != RANGE_ROW))
    return 0;
  return range->relation ? range->relation->oid : range->system ? range->system->oid : 0;
}

static struct node *table_number(struct binder *binder, uint32_t oid, int32_t location)
{
  struct node *node = node_constant(binder->arena, type_plain(TYPE_OID), value_integer(oid), location);
  return node ? node : bind_memory(binder);
}

static struct node *bind_unqualified(struct binder *binder, struct scope *scope, const char *name, int32_t location)
{
  for (struct scope *at = scope, *inner = NULL; at; inner = at, at = at->outer) {
    struct node *node;
    int found = sees_items(at, inner) ? bind_name_here(binder, at, name, location, &node) : 0;
    if (found < 0)
      return NULL;
    if (found) {
      bind_mark_correlated(scope, at);
      return node;
    }
  }
  struct scope *where = NULL;
  const struct item *whole = find_row(scope, name, &where);
  bool is_function = whole && !whole->is_barred && whole->range >= 0 && binder->statement->ranges[whole->range].kind == RANGE_FUNCTION;
  if (is_function && whole->column_count == 1) { // the row of a function that gives single values is its value
    bind_mark_correlated(scope, where);
    return bind_item_column(binder, whole, 0, location);
  }
  if (whole && !may_name(binder, whole, location))
    return NULL;
  if (whole) {
    bind_mark_correlated(scope, where);
    return bind_item_row(binder, whole, location);
  }
  uint32_t table = strcmp(name, "tableoid") == 0 && scope->items.count == 1
                       ? table_of(binder, &scope->items.items[0])
                       : 0;
  return table ? table_number(binder, table, location) : no_column(binder, scope, NULL, name, location);
}

struct node *bind_column(struct binder *binder, struct scope *scope, const PgQuery__ColumnRef *reference)
{
  struct parts parts;
  int32_t location = reference->location;
  if (!read_parts(binder, reference, &parts))
    return NULL;
  if (!parts.column && !parts.table)
    return bind_fail(binder, location, SQLSTATE_SYNTAX_ERROR, "row expansion via \"*\" is not supported here");
  if (!parts.table) {
    struct node *node = bind_unqualified(binder, scope, parts.column, location);
    bind_note_column(binder, scope, reference, node);
    return node;
  }
  struct scope *where = NULL;
  const struct item *item = find_item(binder, scope, parts.schema, parts.table, location, &where);
  if (!item)
    return NULL;
  bind_mark_correlated(scope, where);
  if (!parts.column) // t.*, but for lists, is the row
    return bind_item_row(binder, item, location);
  int column = find_in_item(binder, item, parts.column);
  uint32_t table = column < 0 && strcmp(parts.column, "tableoid") == 0 ? table_of(binder, item) : 0;
  if (table)
    return table_number(binder, table, location);
  if (column < 0)
    return no_column(binder, where, parts.table, parts.column, location);
  return bind_item_column(binder, item, column, location);
}

// --- Stars -----------------------------------------------------------------------------------------

int bind_star(struct binder *binder, struct scope *scope, const PgQuery__ColumnRef *reference,
              int (*add)(void *context, const char *name, struct node *node), void *context)
{
  struct parts parts;
  if (!read_parts(binder, reference, &parts))
    return binder->error->status;
  if (parts.table) {
    struct scope *where = NULL;
    const struct item *item = find_item(binder, scope, parts.schema, parts.table, reference->location, &where);
    if (!item)
      return binder->error->status;
    bind_mark_correlated(scope, where);
    return star_item(binder, item, reference->location, add, context);
  }
  bool has_any = false;
  for (int i = 0; i < scope->items.count; i++) {
    if (!scope->items.items[i].shows_columns)
      continue;
    has_any = true;
    int status = star_item(binder, &scope->items.items[i], reference->location, add, context);
    if (status)
      return status;
  }
  if (!has_any)
    return bind_error(binder, reference->location, SQLSTATE_SYNTAX_ERROR,
                      "SELECT * with no tables specified is not valid");
  return 0;
}
