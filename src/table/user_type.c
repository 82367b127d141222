// Types made by users, as values and messages need them.
#include "table/user_type.h"

#include <stdio.h>
#include <string.h>

static const struct enum_type *find(void *context, uint32_t oid)
{
  struct catalog_types *types = context;
  return catalog_enum(types->catalog, types->version, oid, types->mark);
}

static const struct row_type *find_row(void *context, uint32_t oid)
{
  struct catalog_types *types = context;
  return catalog_row(types->catalog, types->version, oid, types->mark);
}

// In quotes unless it is plain.
static int append_name(const char *name, char *text, int size)
{
  bool is_plain = *name && !(*name >= '0' && *name <= '9');
  for (const char *c = name; *c && is_plain; c++)
    is_plain = (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '_';
  int used = 0;
  if (!is_plain && size > 1)
    text[used++] = '"';
  for (; *name && used < size - 3; name++) {
    if (*name == '"')
      text[used++] = '"';
    text[used++] = *name;
  }
  if (!is_plain && used < size - 1)
    text[used++] = '"';
  text[used] = 0;
  return used;
}

void catalog_type_show(const struct catalog_types *types, const struct relation *relation, char *text, int size)
{
  bool is_visible = false;
  for (int i = 0; i < types->search_path_count; i++)
    is_visible |= types->search_path[i] == relation->schema_oid;
  const char *schema = is_visible ? NULL : catalog_schema_name(types->catalog, types->version, relation->schema_oid);
  int used = schema ? append_name(schema, text, size - 1) : 0;
  if (schema)
    text[used++] = '.';
  append_name(relation->name, text + used, size - used);
}

static void show(void *context, uint32_t oid, char *text, int size)
{
  const struct catalog_types *types = context;
  const struct relation *relation = catalog_find_oid(types->catalog, types->version, type_object((enum type_id)oid));
  if (relation)
    catalog_type_show(types, relation, text, size);
  else
    snprintf(text, (size_t)size, "???");
}

void catalog_types_init(struct catalog_types *types, struct catalog *catalog, const struct version *version,
                        const struct name_scope *scope)
{
  *types = (struct catalog_types){
      .types = {.context = types, .find = find, .find_row = find_row, .show = show},
      .catalog = catalog,
      .version = version,
      .mark = scope ? scope->mark : NULL,
      .search_path = scope ? scope->search_path : NULL,
      .search_path_count = scope ? scope->search_path_count : 0,
  };
}
