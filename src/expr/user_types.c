// Types made by users, kept for who runs where no catalog is: what a type and all types below it are made of.
#include <stdio.h>

#include "base/sqlstate.h"
#include "data/enum.h"
#include "data/record.h"
#include "expr/function.h"

struct kept_type {
  uint32_t object;
  struct enum_type labels;
  struct row_type row;
  const char *name;
  const struct kept_type *next;
};

struct keeping {
  struct user_types types;
  const struct kept_type *first;
};

static const struct kept_type *kept(void *context, uint32_t object)
{
  const struct keeping *keeping = context;
  const struct kept_type *type = keeping->first;
  while (type && type->object != object)
    type = type->next;
  return type;
}

static const struct enum_type *find(void *context, uint32_t oid)
{
  const struct kept_type *type = kept(context, oid);
  return type && type->labels.labels ? &type->labels : NULL;
}

static const struct row_type *find_row(void *context, uint32_t oid)
{
  const struct kept_type *type = kept(context, oid);
  return type && type->row.columns ? &type->row : NULL;
}

static void show(void *context, uint32_t oid, char *text, int size)
{
  const struct kept_type *type = kept(context, type_object((enum type_id)oid));
  snprintf(text, (size_t)size, "%s", type ? type->name : "???");
}

static bool copy_labels(const struct enum_type *from, struct enum_type *to, struct arena *arena)
{
  to->labels = ARENA_ARRAY(arena, struct enum_label, from->count + 1);
  for (int i = 0; to->labels && i < from->count; i++) {
    to->labels[i] = from->labels[i];
    if (!(to->labels[i].name = arena_string(arena, from->labels[i].name)))
      return false;
    to->count++;
  }
  return to->labels;
}

static bool copy_row(const struct row_type *from, struct row_type *to, struct arena *arena)
{
  struct row_column *columns = ARENA_ARRAY(arena, struct row_column, from->count + 1);
  to->columns = columns;
  for (int i = 0; columns && i < from->count; i++) {
    columns[i] = from->columns[i];
    if (!(columns[i].name = arena_string(arena, from->columns[i].name)))
      return false;
    to->count++;
  }
  return columns;
}

static int keep(struct keeping *keeping, enum type_id id, const struct user_types *types, struct arena *arena,
                struct error *error)
{
  uint32_t object = type_object(id);
  if (!type_is_user(id) || kept(keeping, object))
    return STATUS_OK;
  enum type_id own = type_is_array(id) ? type_element(id) : id;
  const struct enum_type *labels = type_is_enum(own) ? types->find(types->context, object) : NULL;
  const struct row_type *row = type_is_composite(own) ? types->find_row(types->context, object) : NULL;
  if (!labels && !row)
    return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "type with OID %u does not exist", type_oid(own));
  struct kept_type *type = ARENA_NEW(arena, struct kept_type);
  if (!type || (labels && !copy_labels(labels, &type->labels, arena)) || (row && !copy_row(row, &type->row, arena)) ||
      !(type->name = arena_string(arena, type_shown(own, types).text)))
    return error_memory(error);
  type->object = object;
  type->next = keeping->first;
  keeping->first = type;
  int status = STATUS_OK;
  for (int i = 0; row && i < row->count && !status; i++)
    status = keep(keeping, row->columns[i].type.id, types, arena, error);
  return status;
}

int types_keep(enum type_id type, const struct user_types *types, struct arena *arena, const struct user_types **kept_types,
               struct error *error)
{
  struct keeping *keeping = *kept_types ? (*kept_types)->context : ARENA_NEW(arena, struct keeping);
  if (!keeping)
    return error_memory(error);
  if (!types)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "values of composite types cannot be read here");
  keeping->types = (struct user_types){.context = keeping, .find = find, .find_row = find_row, .show = show};
  *kept_types = &keeping->types;
  return keep(keeping, type, types, arena, error);
}
