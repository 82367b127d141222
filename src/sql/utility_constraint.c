// PRIMARY KEY, UNIQUE and CHECK, of columns and of tables.
#include <stdio.h>

#include "sql/binder.h"
#include "sql/utility_internal.h"

// PostgreSQL points at a constraint of CREATE TABLE, not at one of ALTER TABLE.
static int32_t place_of(const struct relation *definition, const PgQuery__Constraint *constraint)
{
  return definition->oid ? -1 : constraint->location;
}

int constraint_refuse(const struct utility_input *input, const PgQuery__Constraint *constraint, struct error *error)
{
  int32_t at = constraint->location;
  switch (constraint->contype) {
  case PG_QUERY__CONSTR_TYPE__CONSTR_EXCLUSION:
    return utility_unsupported(input, error, at, "exclusion constraints are");
  case PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY: return utility_unsupported(input, error, at, "identity columns are");
  default: return utility_unsupported(input, error, at, "this constraint is");
  }
}

// What the forms of a constraint have that Quern has not.
static int refuse_options(const struct utility_input *input, const PgQuery__Constraint *constraint, struct error *error)
{
  int32_t at = constraint->location;
  if (utility_text_given(constraint->indexname)) // ALTER TABLE has it, and does not come here
    return utility_unsupported(input, error, at, "a constraint USING INDEX is");
  return 0;
}

int definition_add_index(const struct utility_input *input, struct relation *definition, const struct index *index,
                         struct error *error)
{
  if (definition->index_count == LIMIT_INDEXES)
    return error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "a table can have at most %d indexes", LIMIT_INDEXES);
  struct index *grown = ARENA_ARRAY(input->arena, struct index, definition->index_count + 1);
  if (!grown)
    return error_memory(error);
  // The primary key's own entry stands first.
  int shift = index_is_primary_key(index);
  if (definition->index_count)
    memcpy(grown + shift, definition->indexes, sizeof *grown * (size_t)definition->index_count);
  grown[shift ? 0 : definition->index_count] = *index;
  definition->indexes = grown;
  definition->index_count++;
  return 0;
}

static bool same_parts(const struct index *index, const struct key_part *parts, int count)
{
  if (index->part_count != count)
    return false;
  for (int i = 0; i < count; i++)
    if (index->parts[i].column != parts[i].column || index->parts[i].descending || index->parts[i].nulls_first)
      return false;
  return true;
}

static int key_parts(const struct utility_input *input, const struct relation *definition,
                     const PgQuery__Constraint *constraint, const char *column, struct index *index,
                     struct error *error)
{
  int count = column ? 1 : (int)constraint->n_keys;
  index->parts = ARENA_ARRAY(input->arena, struct key_part, count + 1);
  if (!index->parts)
    return error_memory(error);
  for (int i = 0; i < count; i++) {
    const char *name = column ? column : utility_string(constraint->keys[i]);
    int number = relation_column(definition, name);
    if (number < 0)
      return utility_error(input, error, place_of(definition, constraint), SQLSTATE_UNDEFINED_COLUMN,
                           "column \"%s\" named in key does not exist", name);
    for (int j = 0; j < i; j++)
      if (index->parts[j].column == number)
        return utility_error(input, error, place_of(definition, constraint), SQLSTATE_DUPLICATE_COLUMN,
                             "column \"%s\" appears twice in %s constraint", name,
                             index_is_primary_key(index) ? "primary key" : "unique");
    int status = index_type_check(input, definition->schema.columns[number].type.id, error);
    if (status)
      return status;
    index->parts[i].column = (uint16_t)number;
  }
  index->part_count = count;
  index->includes = ARENA_ARRAY(input->arena, uint16_t, constraint->n_including + 1);
  if (!index->includes)
    return error_memory(error);
  for (size_t i = 0; i < constraint->n_including; i++) {
    int number = relation_column(definition, utility_string(constraint->including[i]));
    if (number < 0)
      return utility_error(input, error, place_of(definition, constraint), SQLSTATE_UNDEFINED_COLUMN,
                           "column \"%s\" named in key does not exist", utility_string(constraint->including[i]));
    index->includes[index->include_count++] = (uint16_t)number;
  }
  return 0;
}

static int name_key(const struct utility_input *input, const struct relation *definition,
                    const PgQuery__Constraint *constraint, struct index *index, struct error *error)
{
  if (utility_text_given(constraint->conname)) {
    snprintf(index->name, sizeof index->name, "%s", constraint->conname);
    if (relation_has_constraint(definition, index->name) && !relation_index(definition, index->name))
      return utility_error(input, error, -1, SQLSTATE_DUPLICATE_OBJECT,
                           "constraint \"%s\" for relation \"%s\" already exists", index->name, definition->name);
    return 0;
  }
  struct name_maker maker = {.input = input, .schema_oid = definition->schema_oid, .definition = definition};
  char columns[64];
  struct key_part *parts = ARENA_ARRAY(input->arena, struct key_part, index->part_count + index->include_count + 1);
  if (!parts)
    return error_memory(error);
  if (index->part_count)
    memcpy(parts, index->parts, sizeof *parts * (size_t)index->part_count);
  for (int i = 0; i < index->include_count; i++)
    parts[index->part_count + i].column = index->includes[i];
  name_columns(definition, parts, index->part_count + index->include_count, columns);
  bool is_primary = index_is_primary_key(index);
  name_make(&maker, definition->name, is_primary ? NULL : columns, is_primary ? "pkey" : "key", index->name);
  return 0;
}

static bool has_primary_key(const struct relation *definition)
{
  for (int i = 0; i < definition->index_count; i++)
    if (index_is_primary_key(&definition->indexes[i]))
      return true;
  return false;
}

int constraint_add_key(const struct utility_input *input, struct relation *definition,
                       const PgQuery__Constraint *constraint, const char *column, struct error *error)
{
  bool is_primary = constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY;
  int status = refuse_options(input, constraint, error);
  if (status)
    return status;
  if (is_primary && has_primary_key(definition))
    return utility_error(input, error, place_of(definition, constraint), SQLSTATE_INVALID_TABLE_DEFINITION,
                         "multiple primary keys for table \"%s\" are not allowed", definition->name);
  if (!is_primary && definition->kind == RELATION_SOURCE)
    return utility_unsupported(input, error, constraint->location, "UNIQUE constraints of a source are");
  if (constraint->deferrable && definition->kind == RELATION_SOURCE)
    return utility_unsupported(input, error, constraint->location, "deferrable keys of a source are");
  // Rows lie under their primary key, and no two can: where two may have one for a while, they lie under numbers.
  struct index index = {.is_unique = true,
                        .is_primary = is_primary && !constraint->deferrable,
                        .is_primary_apart = is_primary && constraint->deferrable,
                        .is_constraint = true,
                        .is_deferrable = constraint->deferrable,
                        .is_deferred = constraint->initdeferred,
                        .nulls_are_equal = constraint->nulls_not_distinct};
  status = key_parts(input, definition, constraint, column, &index, error);
  if (status)
    return status;
  // UNIQUE beside a PRIMARY KEY of the same columns is one constraint, as in PostgreSQL.
  for (int i = 0; i < definition->index_count && !is_primary && !definition->oid; i++)
    if (definition->indexes[i].is_unique && definition->indexes[i].is_deferrable == index.is_deferrable &&
        definition->indexes[i].is_deferred == index.is_deferred &&
        same_parts(&definition->indexes[i], index.parts, index.part_count))
      return 0;
  status = name_key(input, definition, constraint, &index, error);
  if (!status)
    status = definition_add_index(input, definition, &index, error);
  if (status || !is_primary)
    return status;
  if (index.is_primary) {
    definition->key = index.parts;
    definition->key_count = index.part_count;
  }
  for (int i = 0; i < index.part_count; i++)
    definition->schema.columns[index.parts[i].column].not_null = true;
  return 0;
}

// --- CHECK ----------------------------------------------------------------------------------------------------

// The one column that an expression reads; -1: none, -2: several.
static bool visit_column(const struct node *node, void *context)
{
  int *only = context;
  if (node->kind == NODE_COLUMN)
    *only = *only == -1 || *only == node->column ? node->column : -2;
  return true;
}

static int check_name(const struct utility_input *input, const struct relation *definition,
                      const PgQuery__Constraint *constraint, const struct node *node, char name[64],
                      struct error *error)
{
  if (!utility_text_given(constraint->conname)) {
    int only = -1;
    node_walk(node, visit_column, &only);
    struct name_maker maker = {.input = input, .schema_oid = definition->schema_oid, .definition = definition};
    name_make(&maker, definition->name, only >= 0 ? definition->schema.columns[only].name : NULL, "check", name);
    return 0;
  }
  snprintf(name, 64, "%s", constraint->conname);
  bool is_taken = relation_has_constraint(definition, name);
  if (!is_taken)
    return 0;
  if (definition->oid)
    return utility_error(input, error, -1, SQLSTATE_DUPLICATE_OBJECT,
                         "constraint \"%s\" for relation \"%s\" already exists", name, definition->name);
  return utility_error(input, error, -1, SQLSTATE_DUPLICATE_OBJECT, "check constraint \"%s\" already exists", name);
}

int constraint_add_check(const struct utility_input *input, struct relation *definition,
                         const PgQuery__Constraint *constraint, struct error *error)
{
  const char *text;
  struct node *node;
  int status = refuse_options(input, constraint, error);
  if (!status)
    status = bind_deparse(constraint->raw_expr, input->arena, &text, error);
  if (!status)
    status = types_numbered(input, false, &text, error);
  if (status)
    return status;
  struct bind_input bind = {
      .catalog = input->catalog, .version = input->writer->version, .settings = input->settings, .arena = input->arena};
  status = bind_expression(&bind, definition, text, type_plain(TYPE_UNKNOWN), &node, error);
  if (!status && node->type.id != TYPE_BOOLEAN && node->type.id != TYPE_UNKNOWN)
    status = error_set(error, SQLSTATE_DATATYPE_MISMATCH, "argument of CHECK must be type boolean, not type %s",
                       UTILITY_TYPE_NAME(input, node->type.id));
  if (!status)
    status = bind_expression(&bind, definition, text, type_plain(TYPE_BOOLEAN), &node, error);
  if (status) {
    if (error && !error->position)
      error_position(error, parse_position(input->text, bind_location(constraint->raw_expr)));
    return status;
  }
  struct constraint *grown = ARENA_ARRAY(input->arena, struct constraint, definition->check_count + 1);
  if (!grown)
    return error_memory(error);
  if (definition->check_count)
    memcpy(grown, definition->checks, sizeof *grown * (size_t)definition->check_count);
  struct constraint *check = &grown[definition->check_count];
  status = check_name(input, definition, constraint, node, check->name, error);
  check->check.text = text;
  check->is_not_valid = constraint->skip_validation && definition->oid; // a new table has no rows to break it
  if (status)
    return status;
  definition->checks = grown;
  definition->check_count++;
  return 0;
}
