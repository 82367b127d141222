// ALTER TABLE … ADD CONSTRAINT … UNIQUE | PRIMARY KEY USING INDEX; NOT VALID and VALIDATE of checks.
#include <stdio.h>

#include "sql/utility_internal.h"

static int not_this(const struct utility_input *input, const PgQuery__Constraint *constraint, const char *format,
                    const char *name, struct error *error)
{
  char text[160];
  snprintf(text, sizeof text, format, name);
  int status = utility_error(input, error, constraint->location, SQLSTATE_WRONG_OBJECT_TYPE, "%s", text);
  error_detail(error, "Cannot create a primary key or unique constraint using such an index.");
  return status;
}

static int find_index(const struct utility_input *input, const struct relation *definition,
                      const PgQuery__Constraint *constraint, struct index **found, struct error *error)
{
  const char *name = constraint->indexname;
  *found = (struct index *)(uintptr_t)relation_index(definition, name);
  const struct index *index = *found;
  if (!index && catalog_name(input->catalog, input->writer->version, definition->schema_oid, name))
    return utility_error(input, error, constraint->location, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                         "index \"%s\" does not belong to table \"%s\"", name, definition->name);
  if (!index)
    return utility_error(input, error, constraint->location, SQLSTATE_UNDEFINED_OBJECT, "index \"%s\" does not exist", name);
  if (index->is_constraint)
    return utility_error(input, error, constraint->location, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                         "index \"%s\" is already associated with a constraint", name);
  if (!index->is_unique)
    return not_this(input, constraint, "\"%s\" is not a unique index", name, error);
  for (int i = 0; i < index->part_count; i++)
    if (relation_is_expression(definition, index->parts[i].column))
      return not_this(input, constraint, "index \"%s\" contains expressions", name, error);
  if (index->is_partial)
    return not_this(input, constraint, "\"%s\" is a partial index", name, error);
  for (int i = 0; i < index->part_count; i++)
    if (index->parts[i].descending || index->parts[i].nulls_first) {
      char text[160];
      snprintf(text, sizeof text, "index \"%s\" column number %d does not have default sorting behavior", name, i + 1);
      return not_this(input, constraint, "%s", text, error);
    }
  return 0;
}

int constraint_use_index(const struct utility_input *input, struct relation *definition,
                         const PgQuery__Constraint *constraint, bool *is_primary, struct error *error)
{
  struct index *index;
  *is_primary = constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY;
  if (*is_primary && constraint->deferrable)
    return utility_unsupported(input, error, constraint->location, "a deferrable primary key USING INDEX is");
  int status = find_index(input, definition, constraint, &index, error);
  if (status)
    return status;
  const char *name = utility_text_given(constraint->conname) ? constraint->conname : index->name;
  if (strcmp(name, index->name) != 0) {
    utility_notice(input, SQLSTATE_SUCCESSFUL_COMPLETION,
                   "ALTER TABLE / ADD CONSTRAINT USING INDEX will rename index \"%s\" to \"%s\"", index->name, name);
    if (relation_has_constraint(definition, name))
      return error_set(error, SQLSTATE_DUPLICATE_OBJECT, "constraint \"%s\" for relation \"%s\" already exists", name,
                       definition->name);
  }
  if (!*is_primary) {
    if (name != index->name)
      snprintf(index->name, sizeof index->name, "%s", name);
    index->is_constraint = true;
    index->is_deferrable = constraint->deferrable;
    index->is_deferred = constraint->initdeferred;
    return 0;
  }
  // The primary key's tree is the table's own: the index gives its columns and its name.
  struct index primary = {.is_unique = true, .is_primary = true, .is_constraint = true};
  for (int i = 0; i < definition->index_count; i++)
    if (index_is_primary_key(&definition->indexes[i]))
      return utility_error(input, error, -1, SQLSTATE_INVALID_TABLE_DEFINITION,
                           "multiple primary keys for table \"%s\" are not allowed", definition->name);
  snprintf(primary.name, sizeof primary.name, "%s", name);
  primary.parts = definition->key = index->parts;
  primary.part_count = definition->key_count = index->part_count;
  primary.includes = index->includes;
  primary.include_count = index->include_count;
  int at = (int)(index - definition->indexes);
  definition->index_count--;
  memmove(index, index + 1, sizeof *index * (size_t)(definition->index_count - at));
  for (int i = 0; i < primary.part_count; i++)
    definition->schema.columns[primary.parts[i].column].not_null = true;
  return definition_add_index(input, definition, &primary, error);
}

int constraint_validate(const struct utility_input *input, struct relation *definition, const char *name,
                        const struct relation *relation, struct error *error)
{
  for (int i = 0; i < definition->check_count; i++) {
    if (strcmp(definition->checks[i].name, name) != 0)
      continue;
    definition->checks[i].is_not_valid = false;
    struct row_walk walk = {.input = input, .relation = relation, .check = &relation->checks[i], .error = error};
    return relation->checks[i].is_not_valid ? row_walk_run(&walk, row_walk_check) : 0;
  }
  return foreign_key_validate(input, definition, name, error);
}

int table_trigger(const struct relation *relation, const PgQuery__AlterTableCmd *command, struct error *error)
{
  bool is_all = command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_DisableTrigAll;
  bool is_named = command->subtype != PG_QUERY__ALTER_TABLE_TYPE__AT_EnableTrigAll && !is_all &&
                  command->subtype != PG_QUERY__ALTER_TABLE_TYPE__AT_EnableTrigUser &&
                  command->subtype != PG_QUERY__ALTER_TABLE_TYPE__AT_DisableTrigUser;
  if (is_named)
    return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "trigger \"%s\" for table \"%s\" does not exist", command->name,
                     relation->name);
  if (is_all && (relation->foreign_key_count || relation->referencing_count))
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "foreign keys of \"%s\" cannot be disabled", relation->name);
  return 0;
}
