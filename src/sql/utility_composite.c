// Composite types: CREATE TYPE … AS (…), and their attributes.
//
// A value has the names and types of its columns (data/record.h): when the type's attributes change, all rows that have
// values of it, in other rows or arrays too, move into fresh trees.
#include <stdio.h>

#include "data/array.h"
#include "sql/utility_internal.h"

enum { LIMIT_DEPTH = 32 }; // composite types in each other

// --- What may be an attribute -----------------------------------------------------------------------------------

static const struct relation *object_of(const struct utility_input *input, enum type_id id)
{
  return catalog_find_oid(input->catalog, input->writer->version, type_object(id));
}

static enum type_id element_of(enum type_id id)
{
  return type_is_array(id) ? type_element(id) : id;
}

// Types in each other below this one; more than LIMIT_DEPTH where it has the one that is looked for among them.
static int depth_of(const struct utility_input *input, enum type_id id, uint32_t wanted)
{
  id = element_of(id);
  int deepest = 0;
  if (!type_is_composite(id))
    return 0;
  const struct relation *type = object_of(input, id);
  if (type_object(id) == wanted)
    return 2 * LIMIT_DEPTH;
  for (int i = 0; type && i < type->row.count && deepest <= LIMIT_DEPTH; i++) {
    int depth = depth_of(input, type->row.columns[i].type.id, wanted);
    deepest = depth > deepest ? depth : deepest;
  }
  return deepest + 1;
}

int composite_check(const struct utility_input *input, const char *column, enum type_id id, struct error *error)
{
  if (!type_is_composite(element_of(id)))
    return 0;
  const struct relation *type = object_of(input, id);
  if (!type || type->kind != RELATION_TYPE)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                     "column \"%s\" of the row type of a table is not supported; use CREATE TYPE … AS (…)", column);
  return depth_of(input, id, 0) <= LIMIT_DEPTH
             ? 0
             : error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "composite types can be in each other %d times at most",
                         LIMIT_DEPTH);
}

static int attribute(const struct utility_input *input, const struct relation *definition,
                     const PgQuery__ColumnDef *tree, struct column *column, struct error *error)
{
  struct bind_input bind = utility_bind(input);
  uint32_t domain;
  *column = (struct column){0};
  snprintf(column->name, sizeof column->name, "%s", tree->colname);
  int status = bind_type(&bind, tree->type_name, input->parsed->text, &column->type, &domain, error);
  if (status) {
    error_position(error, 0);
    return status;
  }
  if (domain)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "attribute \"%s\" of a domain is not supported", column->name);
  if (column->type.id == TYPE_VOID || element_of(column->type.id) == TYPE_RECORD)
    return error_set(error, SQLSTATE_INVALID_TABLE_DEFINITION, "column \"%s\" has pseudo-type %s", column->name,
                     UTILITY_TYPE_NAME(input, column->type.id));
  if (definition->oid && depth_of(input, column->type.id, definition->oid) > LIMIT_DEPTH)
    return error_set(error, SQLSTATE_INVALID_TABLE_DEFINITION, "composite type %s cannot be made a member of itself",
                     definition->name);
  return composite_check(input, column->name, column->type.id, error);
}

static int add_attribute(const struct utility_input *input, struct relation *definition, const PgQuery__ColumnDef *tree,
                         struct error *error)
{
  struct column *columns = ARENA_ARRAY(input->arena, struct column, definition->schema.column_count + 1);
  struct schema *schema = &definition->schema;
  if (!columns)
    return error_memory(error);
  if (schema->column_count >= LIMIT_COLUMNS)
    return error_set(error, SQLSTATE_TOO_MANY_COLUMNS, "tables can have at most %d columns", LIMIT_COLUMNS);
  for (int i = 0; i < schema->column_count; i++)
    columns[i] = schema->columns[i];
  int status = attribute(input, definition, tree, &columns[schema->column_count], error);
  schema->columns = columns;
  schema->column_count = (uint16_t)(schema->column_count + !status);
  return status;
}

static int without_defaults(const struct utility_input *input, struct relation *definition, struct error *error)
{
  definition->defaults = ARENA_ARRAY(input->arena, struct expression_text, definition->schema.column_count + 1);
  return definition->defaults ? 0 : error_memory(error);
}

// --- CREATE TYPE ------------------------------------------------------------------------------------------------

struct type_name_list {
  PgQuery__String strings[2];
  PgQuery__Node nodes[2], *list[2];
  size_t count;
};

static void list_names(const PgQuery__RangeVar *name, struct type_name_list *names)
{
  const char *parts[] = {utility_text_given(name->schemaname) ? name->schemaname : NULL, name->relname};
  names->count = 0;
  for (int i = 0; i < 2; i++) {
    if (!parts[i])
      continue;
    pg_query__string__init(&names->strings[names->count]);
    pg_query__node__init(&names->nodes[names->count]);
    names->strings[names->count].sval = (char *)(uintptr_t)parts[i];
    names->nodes[names->count].node_case = PG_QUERY__NODE__NODE_STRING;
    names->nodes[names->count].string = &names->strings[names->count];
    names->list[names->count] = &names->nodes[names->count];
    names->count++;
  }
}

int composite_create(const struct utility_input *input, const PgQuery__CompositeTypeStmt *create, struct error *error)
{
  struct relation *definition;
  struct type_name_list names;
  list_names(create->typevar, &names);
  int status = type_define(input, names.list, names.count, TYPE_IS_COMPOSITE, &definition, error);
  for (size_t i = 0; i < create->n_coldeflist && !status; i++) {
    const PgQuery__ColumnDef *tree = create->coldeflist[i]->column_def;
    if (relation_column(definition, tree->colname) >= 0)
      return error_set(error, SQLSTATE_DUPLICATE_COLUMN, "column \"%s\" specified more than once", tree->colname);
    status = add_attribute(input, definition, tree, error);
  }
  if (!status)
    status = without_defaults(input, definition, error);
  return status ? status : catalog_create(input->catalog, input->writer, definition, error);
}

// --- Rows whose values change -----------------------------------------------------------------------------------

struct done {
  uint32_t table;
  const struct done *next;
};

struct remaking {
  struct row_walk walk; // first: a walk that is under way is part of one
  enum type_id type;
  const struct relation *to; // the type as it is now
  const int *from;           // of each of its attributes: its number before; -1: NULL
  const struct done *done;   // tables whose rows have moved
};

static int remake(const struct remaking *own, enum type_id type, struct value *value, struct error *error);

static int remake_elements(const struct remaking *own, enum type_id type, struct value *value, struct error *error)
{
  struct array array = array_of(type, value);
  struct array_builder builder;
  struct value element;
  int status = 0;
  array_builder_init(&builder, type_element(type), own->walk.input->arena->account);
  for (struct array_walk walk = array_walk(&array); !status && array_next(&walk, &element);) {
    status = remake(own, type_element(type), &element, error);
    array_add(&builder, &element);
  }
  if (!status)
    return array_finish(&builder, &array.shape, own->walk.input->arena, value, error);
  array_builder_deinit(&builder);
  return status;
}

static void take_columns(const struct value *record, struct record_column *columns)
{
  struct record_walk walk = {.record = record};
  for (int i = 0; record_next(&walk, &columns[i]); i++)
    ;
}

// A value of the type, or a row that may have one within.
static int remake(const struct remaking *own, enum type_id type, struct value *value, struct error *error)
{
  if (value->is_null || !type_is_composite(element_of(type)))
    return 0;
  if (type_is_array(type))
    return remake_elements(own, type, value, error);
  struct arena *arena = own->walk.input->arena;
  uint32_t count = record_column_count(value);
  struct record_column *columns = ARENA_ARRAY(arena, struct record_column, count + 1);
  if (!columns)
    return error_memory(error);
  take_columns(value, columns);
  bool is_own = type == own->type;
  int width = is_own ? own->to->row.count : (int)count, status = 0;
  struct buffer out = {.account = arena->account};
  record_begin(&out, (uint32_t)width);
  for (int i = 0; i < width && !status; i++) {
    const struct row_column *now = is_own ? &own->to->row.columns[i] : NULL;
    int before = is_own ? own->from[i] : i;
    struct record_column column = before >= 0 && before < (int)count ? columns[before]
                                                                     : (struct record_column){.value = value_null()};
    if (now) {
      column.type = now->type.id;
      column.name = bytes_of_string(now->name);
    }
    status = remake(own, column.type, &column.value, error);
    record_add(&out, &column);
  }
  uint8_t *data = status || out.failed ? NULL : arena_copy(arena, out.data, out.size);
  *value = value_bytes(data, (uint32_t)out.size);
  buffer_deinit(&out);
  return status ? status : data ? 0 : error_memory(error);
}

static int visit_remake(const struct row_walk *walk)
{
  const struct remaking *own = (const void *)walk;
  const struct schema *schema = &walk->relation->schema;
  int status = 0;
  for (int i = 0; i < schema->column_count && !status; i++)
    status = remake(own, schema->columns[i].type.id, &walk->values[i], walk->error);
  return status ? status : table_insert(walk->input->writer, walk->to, walk->values, -1, NULL, NULL);
}

// A table may need the type itself and others that have it: its rows move once.
static int remake_table(void *context, const struct relation *table)
{
  struct remaking *own = context;
  for (const struct done *at = own->done; at; at = at->next)
    if (at->table == table->oid)
      return 0;
  struct done *done = ARENA_NEW(own->walk.input->arena, struct done);
  if (!done)
    return error_memory(own->walk.error);
  *done = (struct done){table->oid, own->done};
  own->done = done;
  return type_move_rows(&own->walk, table, visit_remake);
}

// What names an attribute in its expressions must still be able to.
static int check_table(void *context, const struct relation *table)
{
  const struct remaking *own = context;
  return type_check_texts(own->walk.input, table, "attribute", own->walk.error);
}

// from: of each attribute, its number before.
static int change_attributes(const struct utility_input *input, struct relation *definition, const int *from,
                             struct error *error)
{
  uint32_t oid = definition->oid;
  int status = catalog_replace(input->catalog, input->writer, definition, error);
  if (!status)
    status = catalog_touch_dependents(input->writer, oid);
  const struct relation *now = status ? NULL : catalog_find_oid(input->catalog, input->writer->version, oid);
  if (!now)
    return status ? status : error_memory(error);
  struct relation *kept = catalog_copy(now, input->arena);
  if (!kept)
    return error_memory(error);
  struct remaking remaking = {
      .walk = {.input = input, .error = error}, .type = relation_row_type(kept), .to = kept, .from = from};
  status = type_walk_tables(input, oid, &remaking, check_table, error);
  return status ? status : type_walk_tables(input, oid, &remaking, remake_table, error);
}

// --- ALTER TYPE -------------------------------------------------------------------------------------------------

static int *count_up(const struct utility_input *input, int count)
{
  int *numbers = ARENA_ARRAY(input->arena, int, count + 1);
  for (int i = 0; numbers && i < count; i++)
    numbers[i] = i;
  return numbers;
}

static int find_attribute(const struct relation *definition, const char *name, struct error *error)
{
  int number = relation_column(definition, name);
  return number >= 0 ? number
                     : error_set(error, SQLSTATE_UNDEFINED_COLUMN, "column \"%s\" of relation \"%s\" does not exist", name,
                                 definition->name);
}

static void remove_attribute(struct relation *definition, int *from, int number)
{
  struct schema *schema = &definition->schema;
  schema->column_count--;
  for (int i = number; i < schema->column_count; i++) {
    schema->columns[i] = schema->columns[i + 1];
    from[i] = from[i + 1];
  }
}

static int refuse_used(const struct utility_input *input, const struct relation *type, struct error *error)
{
  const struct relation *dependent;
  uint32_t oid = 0;
  int status = catalog_dependent(input->writer, type->oid, &oid, &dependent);
  for (int i = 0; !status && dependent && i < dependent->schema.column_count; i++)
    if (column_user_type(&dependent->schema.columns[i]) == type->oid && !dependent->schema.columns[i].is_dropped)
      return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot alter type \"%s\" because column \"%s.%s\" uses it",
                       type->name, dependent->name, dependent->schema.columns[i].name);
  return status;
}

// One action: the definition and where its attributes come from.
static int alter_attribute(const struct utility_input *input, struct relation *definition, int *from,
                           const PgQuery__AlterTableCmd *command, struct error *error)
{
  const PgQuery__ColumnDef *tree = command->def && command->def->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF
                                       ? command->def->column_def
                                       : NULL;
  int number;
  switch (command->subtype) {
  case PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn:
    if (relation_column(definition, tree->colname) >= 0)
      return error_set(error, SQLSTATE_DUPLICATE_COLUMN, "column \"%s\" of relation \"%s\" already exists", tree->colname,
                       definition->name);
    from[definition->schema.column_count] = -1;
    return add_attribute(input, definition, tree, error);
  case PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn:
    if (command->missing_ok && relation_column(definition, command->name) < 0) {
      utility_notice(input, SQLSTATE_SUCCESSFUL_COMPLETION, "column \"%s\" of relation \"%s\" does not exist, skipping",
                     command->name, definition->name);
      return 0;
    }
    if ((number = find_attribute(definition, command->name, error)) < 0)
      return number;
    remove_attribute(definition, from, number);
    return 0;
  case PG_QUERY__ALTER_TABLE_TYPE__AT_AlterColumnType: {
    PgQuery__ColumnDef named = *tree;
    named.colname = command->name;
    if ((number = find_attribute(definition, command->name, error)) < 0)
      return number;
    int status = refuse_used(input, definition, error);
    return status ? status : attribute(input, definition, &named, &definition->schema.columns[number], error);
  }
  default:
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "this change of a type is not supported");
  }
}

int composite_alter(const struct utility_input *input, const PgQuery__AlterTableStmt *alter, struct error *error)
{
  struct type_name_list names;
  const struct relation *type;
  list_names(alter->relation, &names);
  int status = type_find(input, names.list, names.count, TYPE_IS_COMPOSITE, alter->missing_ok, &type, error);
  struct relation *definition = status || !type ? NULL : catalog_copy(type, input->arena);
  int *from = definition ? count_up(input, definition->schema.column_count + (int)alter->n_cmds) : NULL;
  if (!from)
    return status || !type ? status : error_memory(error);
  for (size_t i = 0; i < alter->n_cmds && !status; i++)
    status = alter_attribute(input, definition, from, alter->cmds[i]->alter_table_cmd, error);
  if (!status)
    status = without_defaults(input, definition, error);
  return status ? status : change_attributes(input, definition, from, error);
}

int composite_rename_attribute(const struct utility_input *input, const PgQuery__RenameStmt *rename, struct error *error)
{
  struct type_name_list names;
  const struct relation *type;
  list_names(rename->relation, &names);
  int status = type_find(input, names.list, names.count, TYPE_IS_COMPOSITE, rename->missing_ok, &type, error);
  struct relation *definition = status || !type ? NULL : catalog_copy(type, input->arena);
  int *from = definition ? count_up(input, definition->schema.column_count) : NULL;
  if (!from)
    return status || !type ? status : error_memory(error);
  int number = relation_column(definition, rename->subname);
  if (number < 0)
    return error_set(error, SQLSTATE_UNDEFINED_COLUMN, "column \"%s\" does not exist", rename->subname);
  if (relation_column(definition, rename->newname) >= 0)
    return error_set(error, SQLSTATE_DUPLICATE_COLUMN, "column \"%s\" of relation \"%s\" already exists", rename->newname,
                     definition->name);
  char *name = definition->schema.columns[number].name;
  snprintf(name, sizeof definition->schema.columns[number].name, "%s", rename->newname);
  return change_attributes(input, definition, from, error);
}

// --- DROP … CASCADE ---------------------------------------------------------------------------------------------

int composite_release(const struct utility_input *input, const struct relation *type, const struct relation *composite,
                      bool cascade, struct buffer *lines, struct error *error)
{
  struct relation *definition = catalog_copy(composite, input->arena);
  int *from = definition ? count_up(input, definition->schema.column_count) : NULL;
  bool is_changed = false;
  if (!from)
    return error_memory(error);
  for (int i = definition->schema.column_count - 1; i >= 0; i--) {
    const struct column *column = &definition->schema.columns[i];
    if (column_user_type(column) != type->oid)
      continue;
    buffer_format(lines, "%scolumn %s of composite type %s", !cascade && lines->size ? "\n" : "", column->name,
                  catalog_shown(input->writer, composite).text);
    if (cascade)
      buffer_append_u8(lines, '\n');
    else
      buffer_format(lines, " depends on type %s", catalog_shown(input->writer, type).text);
    remove_attribute(definition, from, i);
    is_changed = true;
  }
  return cascade && is_changed ? change_attributes(input, definition, from, error) : 0;
}
