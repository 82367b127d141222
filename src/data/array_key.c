// Arrays in keys: array.h has the bytes.
#include "base/limits.h"
#include "base/sqlstate.h"
#include "data/array.h"
#include "data/key.h"

enum { NUMBER = 4 };

static const uint32_t SIGN_BIT = 0x80000000u;
static const struct key_part ascending = {0};

int array_key_append(enum type_id type, const struct value *value, struct buffer *out, struct error *error)
{
  struct array array = array_of(type, value);
  struct value element;
  for (struct array_walk walk = array_walk(&array); array_next(&walk, &element);) {
    int status = key_append(array.element, &ascending, &element, out, error);
    if (status)
      return status;
  }
  buffer_append_u8(out, 0);
  buffer_append_u8(out, (uint8_t)array.shape.dimension_count);
  for (int i = 0; i < array.shape.dimension_count; i++)
    buffer_append_be32(out, (uint32_t)array.shape.lengths[i] ^ SIGN_BIT);
  for (int i = 0; i < array.shape.dimension_count; i++)
    buffer_append_be32(out, (uint32_t)array.shape.lowers[i] ^ SIGN_BIT);
  if (out->failed)
    return error_memory(error);
  return out->size <= LIMIT_KEY ? STATUS_OK
                                : error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                                            "key exceeds the limit of %d bytes", LIMIT_KEY);
}

static bool read_shape(struct bytes *key, struct array_shape *shape)
{
  if (!key->size || key->data[0] > ARRAY_DIMENSIONS)
    return false;
  *shape = (struct array_shape){.dimension_count = key->data[0]};
  size_t count = (size_t)shape->dimension_count, size = 1 + 2 * count * NUMBER;
  if (key->size < size)
    return false;
  const uint8_t *at = key->data + 1;
  for (size_t i = 0; i < count; i++, at += NUMBER) {
    shape->lengths[i] = (int32_t)(get_be32(at) ^ SIGN_BIT);
    shape->lowers[i] = (int32_t)(get_be32(at + count * NUMBER) ^ SIGN_BIT);
  }
  *key = bytes_of(key->data + size, key->size - size);
  return true;
}

bool array_key_read(enum type_id type, struct bytes *key, struct arena *arena, struct value *value)
{
  struct array_builder builder;
  struct value element;
  bool is_read = true;
  array_builder_init(&builder, type_element(type), arena->account);
  while (is_read && key->size && key->data[0]) {
    is_read = key_read(builder.element, &ascending, key, arena, &element);
    if (is_read)
      array_add(&builder, &element);
  }
  struct array_shape shape;
  uint32_t count;
  is_read = is_read && key->size;
  if (is_read)
    *key = bytes_of(key->data + 1, key->size - 1);
  if (is_read && read_shape(key, &shape) && array_shape_count(&shape, &count, NULL) == STATUS_OK &&
      count == builder.count && (shape.dimension_count > 0) == (count > 0))
    return array_finish(&builder, &shape, arena, value, NULL) == STATUS_OK;
  array_builder_deinit(&builder);
  return false;
}
