// Arrays on the wire, PostgreSQL's binary form, all in network order: the number of dimensions, whether an element is
// NULL, the elements' type; for each dimension its length and lower bound; for each element its size (-1: NULL) and
// its bytes.
#include "data/array.h"

#include "base/sqlstate.h"

enum { HEADER = 12, DIMENSION = 8, SIZE_BYTES = 4 };

void array_to_binary(enum type_id type, const struct value *value, struct buffer *out)
{
  struct array array = array_of(type, value);
  struct value element;
  buffer_append_be32(out, (uint32_t)array.shape.dimension_count);
  buffer_append_be32(out, array_has_null(&array));
  buffer_append_be32(out, type_oid(array.element));
  for (int i = 0; i < array.shape.dimension_count; i++) {
    buffer_append_be32(out, (uint32_t)array.shape.lengths[i]);
    buffer_append_be32(out, (uint32_t)array.shape.lowers[i]);
  }
  for (struct array_walk walk = array_walk(&array); array_next(&walk, &element);) {
    size_t start = out->size;
    buffer_append_be32(out, UINT32_MAX);
    if (element.is_null)
      continue;
    value_to_binary(array.element, &element, out);
    if (!out->failed)
      put_be32(out->data + start, (uint32_t)(out->size - start - SIZE_BYTES));
  }
}

static int insufficient(struct error *error)
{
  return error_set(error, SQLSTATE_PROTOCOL_VIOLATION, "insufficient data left in message");
}

static int read_shape(enum type_id element, const struct user_types *types, struct bytes *binary,
                      struct array_shape *shape, struct error *error)
{
  if (binary->size < HEADER)
    return insufficient(error);
  int32_t dimensions = (int32_t)get_be32(binary->data);
  uint32_t flags = get_be32(binary->data + 4), oid = get_be32(binary->data + 8);
  if (dimensions < 0)
    return error_set(error, SQLSTATE_INVALID_BINARY_REPRESENTATION, "invalid number of dimensions: %d", dimensions);
  if (dimensions > ARRAY_DIMENSIONS)
    return array_too_many_dimensions(dimensions, error);
  if (flags > 1)
    return error_set(error, SQLSTATE_INVALID_BINARY_REPRESENTATION, "invalid array flags");
  if (oid != type_oid(element)) {
    enum type_id given = type_of_oid(oid);
    return error_set(error, SQLSTATE_DATATYPE_MISMATCH,
                     "binary data has array element type %u (%s) instead of expected %u (%s)", oid,
                     given == TYPE_COUNT ? "???" : type_shown(given, types).text, type_oid(element),
                     type_shown(element, types).text);
  }
  if (binary->size - HEADER < (size_t)dimensions * DIMENSION)
    return insufficient(error);
  *shape = (struct array_shape){.dimension_count = dimensions};
  const uint8_t *at = binary->data + HEADER;
  for (int i = 0; i < dimensions; i++, at += DIMENSION) {
    shape->lengths[i] = (int32_t)get_be32(at);
    shape->lowers[i] = (int32_t)get_be32(at + 4);
  }
  *binary = bytes_of(at, binary->size - (size_t)(at - binary->data));
  return STATUS_OK;
}

static int read_element(struct type type, struct bytes *binary, const struct format_settings *settings,
                        struct arena *arena, struct value *element, struct error *error)
{
  if (binary->size < SIZE_BYTES)
    return insufficient(error);
  uint32_t size = get_be32(binary->data);
  *binary = bytes_of(binary->data + SIZE_BYTES, binary->size - SIZE_BYTES);
  if (size == UINT32_MAX) {
    *element = value_null();
    return STATUS_OK;
  }
  if (size > binary->size)
    return error_set(error, SQLSTATE_INVALID_BINARY_REPRESENTATION, "insufficient data left in message");
  struct bytes own = bytes_of(binary->data, size);
  *binary = bytes_of(binary->data + size, binary->size - size);
  return value_from_binary(type, own, settings, arena, element, error);
}

int array_from_binary(struct type type, struct bytes binary, const struct format_settings *settings,
                      struct arena *arena, struct value *value, struct error *error)
{
  struct type element_type = {.id = type_element(type.id), .modifier = type.modifier};
  struct array_shape shape;
  uint32_t count;
  int status = read_shape(element_type.id, settings->types, &binary, &shape, error);
  if (!status)
    status = array_shape_count(&shape, &count, error);
  if (status)
    return status;
  struct array_builder builder;
  array_builder_init(&builder, element_type.id, arena->account);
  for (uint32_t i = 0; i < count && !status; i++) {
    struct value element = value_null();
    status = read_element(element_type, &binary, settings, arena, &element, error);
    array_add(&builder, &element);
  }
  if (!status && binary.size)
    status = error_set(error, SQLSTATE_INVALID_BINARY_REPRESENTATION, "incorrect binary data format");
  if (!status)
    return array_finish(&builder, &shape, arena, value, error);
  array_builder_deinit(&builder);
  return status;
}
