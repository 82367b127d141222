// Enums: labels and the values that they are.
#include "data/enum.h"

#include "base/limits.h"
#include "base/sqlstate.h"
#include "data/array.h"
#include "data/utf8.h"

bool enum_is_valid(struct bytes bytes)
{
  return bytes.size >= ENUM_RANK_SIZE && bytes.size <= ENUM_RANK_SIZE + LIMIT_IDENTIFIER &&
         utf8_is_valid(bytes_of(bytes.data + ENUM_RANK_SIZE, bytes.size - ENUM_RANK_SIZE));
}

const struct enum_label *enum_find(const struct enum_type *type, struct bytes label)
{
  for (int i = 0; i < type->count; i++)
    if (bytes_compare(bytes_of_string(type->labels[i].name), label) == 0)
      return &type->labels[i];
  return NULL;
}

int enum_value(const struct enum_label *label, struct arena *arena, struct value *value, struct error *error)
{
  size_t size = strlen(label->name);
  uint8_t *data = arena_alloc(arena, ENUM_RANK_SIZE + size);
  if (!data)
    return error_memory(error);
  put_be32(data, label->rank);
  memcpy(data + ENUM_RANK_SIZE, label->name, size);
  *value = value_bytes(data, (uint32_t)(ENUM_RANK_SIZE + size));
  return STATUS_OK;
}

int enum_from_text(enum type_id type, struct bytes text, const struct user_types *types, struct arena *arena,
                   struct value *value, struct error *error)
{
  const struct enum_type *own = types ? types->find(types->context, type_oid(type)) : NULL;
  const struct enum_label *label = own ? enum_find(own, text) : NULL;
  if (label)
    return enum_value(label, arena, value, error);
  if (!types)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "values of enums cannot be read here");
  if (!own)
    return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "type with OID %u does not exist", type_oid(type));
  return error_set(error, SQLSTATE_INVALID_TEXT_REPRESENTATION, "invalid input value for enum %s: \"%.*s\"",
                   type_shown(type, types).text, (int)text.size, (const char *)text.data);
}

int enum_all(enum type_id type, const struct enum_type *of, struct arena *arena, struct value *values,
             struct error *error)
{
  struct array_builder builder;
  int status = STATUS_OK;
  array_builder_init(&builder, type, arena->account);
  for (int i = 0; i < of->count && !status; i++) {
    struct value value;
    status = enum_value(&of->labels[i], arena, &value, error);
    if (!status)
      array_add(&builder, &value);
  }
  if (status) {
    array_builder_deinit(&builder);
    return status;
  }
  struct array_shape shape = array_line((uint32_t)of->count);
  return array_finish(&builder, &shape, arena, values, error);
}
