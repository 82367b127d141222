// Looking into a decoded definition, and how long it lives.
#include "table/relation.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/sqlstate.h"

const char *relation_option(const struct relation *relation, const char *name)
{
  for (int i = 0; i < relation->option_count; i++)
    if (strcmp(relation->options[i].name, name) == 0)
      return relation->options[i].value;
  return NULL;
}

uint32_t column_user_type(const struct column *column)
{
  enum type_id id = column->type.id;
  return column->domain ? column->domain : type_is_user(id) ? type_object(id) : 0;
}

int relation_column(const struct relation *relation, const char *name)
{
  for (int i = 0; i < relation->schema.column_count; i++)
    if (!relation->schema.columns[i].is_dropped && strcmp(relation->schema.columns[i].name, name) == 0)
      return i;
  return -1;
}

const struct index *relation_index(const struct relation *relation, const char *name)
{
  for (int i = 0; i < relation->index_count; i++)
    if (strcmp(relation->indexes[i].name, name) == 0)
      return &relation->indexes[i];
  return NULL;
}

const struct index *relation_primary(const struct relation *relation)
{
  for (int i = 0; i < relation->index_count; i++)
    if (relation->indexes[i].is_primary)
      return &relation->indexes[i];
  return NULL;
}

const struct foreign_key *relation_foreign_key(const struct relation *relation, const char *name)
{
  for (int i = 0; i < relation->foreign_key_count; i++)
    if (strcmp(relation->foreign_keys[i].name, name) == 0)
      return &relation->foreign_keys[i];
  return NULL;
}

bool index_reads(const struct index *index, int column)
{
  for (int i = 0; i < index->part_count; i++)
    if (index->parts[i].column == column)
      return true;
  for (int i = 0; i < index->read_count; i++)
    if (index->reads[i] == column)
      return true;
  return false;
}

bool relation_has_constraint(const struct relation *relation, const char *name)
{
  const struct index *index = relation_index(relation, name);
  if ((index && index->is_constraint) || relation_foreign_key(relation, name))
    return true;
  for (int i = 0; i < relation->check_count; i++)
    if (strcmp(relation->checks[i].name, name) == 0)
      return true;
  return false;
}

int relation_row(const struct relation *relation, struct bytes row, struct value *values, struct error *error)
{
  // A definition has one version of its schema so far; a change of the columns will bring its converter here.
  if (row.size < 2 || row_version(row) != relation->schema.version)
    return error_set(error, SQLSTATE_DATA_CORRUPTED, "a row of \"%s\" is of a version of its schema that is not known",
                     relation->name);
  row_get_all(&relation->schema, row, values);
  return STATUS_OK;
}

const char *relation_kind_name(enum relation_kind kind)
{
  switch (kind) {
  case RELATION_TABLE: return "table";
  case RELATION_INDEX: return "index";
  case RELATION_VIEW: return "view";
  case RELATION_SEQUENCE: return "sequence";
  case RELATION_SOURCE: return "source";
  case RELATION_WORKFLOW: return "workflow";
  case RELATION_SINK: return "sink";
  case RELATION_TYPE: return "type";
  }
  return "relation";
}

struct relation *relation_pin(const struct relation *relation)
{
  struct relation *pinned = (struct relation *)relation; // the count alone is not immutable
  pinned->references++;
  return pinned;
}

void relation_unpin(const struct relation *relation)
{
  if (!relation)
    return;
  struct relation *pinned = (struct relation *)relation;
  CHECK(pinned->references > 0);
  if (--pinned->references > 0)
    return;
  arena_deinit(&pinned->arena);
  free(pinned);
}
