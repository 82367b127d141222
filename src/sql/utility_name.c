// The names that PostgreSQL makes up for indexes and constraints (its makeObjectName and ChooseRelationName).
#include <stdio.h>

#include "data/utf8.h"
#include "sql/utility_internal.h"

static bool is_taken(const struct name_maker *maker, const char *name)
{
  const struct relation *definition = maker->definition;
  if (catalog_name(maker->input->catalog, maker->input->writer->version, maker->schema_oid, name))
    return true;
  if (!definition)
    return false;
  return strcmp(definition->name, name) == 0 || relation_index(definition, name) ||
         relation_has_constraint(definition, name);
}

static size_t clip(const char *text, size_t size)
{
  while (size > 0 && ((uint8_t)text[size] & 0xc0) == 0x80)
    size--;
  return size;
}

// The two names are cut, the longer one first, until all fits.
static void join(const char *table, const char *columns, const char *label, char name[64])
{
  size_t overhead = strlen(label) + 1 + (columns ? 1 : 0);
  size_t first = strlen(table), second = columns ? strlen(columns) : 0;
  while (first + second + overhead > LIMIT_IDENTIFIER)
    if (first > second)
      first--;
    else
      second--;
  first = clip(table, first);
  if (columns)
    snprintf(name, 64, "%.*s_%.*s_%s", (int)first, table, (int)clip(columns, second), columns, label);
  else
    snprintf(name, 64, "%.*s_%s", (int)first, table, label);
}

void name_make(const struct name_maker *maker, const char *table, const char *columns, const char *label, char name[64])
{
  char numbered[32];
  join(table, columns, label, name);
  for (int pass = 1; is_taken(maker, name); pass++) {
    snprintf(numbered, sizeof numbered, "%s%d", label, pass);
    join(table, columns, numbered, name);
  }
}

void name_columns(const struct relation *relation, const struct key_part *parts, int count, char names[64])
{
  size_t at = 0;
  names[0] = 0;
  for (int i = 0; i < count && at < LIMIT_IDENTIFIER; i++)
    at += (size_t)snprintf(names + at, 64 - at, "%s%s", i ? "_" : "", relation->schema.columns[parts[i].column].name);
  if (at > LIMIT_IDENTIFIER)
    names[clip(names, LIMIT_IDENTIFIER)] = 0;
}
