// Arrays: their bytes, looked at and made; their order, hashes and modifiers.
#include "data/array.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/sqlstate.h"

enum { HEADER = 2, DIMENSION = 8, SIZE_BYTES = 4 };

static size_t bitmap_size(uint32_t count)
{
  return ((size_t)count + 7) / 8;
}

// ---- shapes ----

struct array_shape array_line(uint32_t count)
{
  return (struct array_shape){.dimension_count = count > 0, .lengths = {(int32_t)count}, .lowers = {1}};
}

int array_too_large(struct error *error)
{
  return error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "array size exceeds the maximum allowed (%d)",
                   LIMIT_ARRAY_ELEMENTS);
}

int array_too_many_dimensions(int count, struct error *error)
{
  return error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                   "number of array dimensions (%d) exceeds the maximum allowed (%d)", count, ARRAY_DIMENSIONS);
}

int array_shape_count(const struct array_shape *shape, uint32_t *count, struct error *error)
{
  int64_t product = shape->dimension_count > 0;
  int32_t upper;
  *count = 0;
  for (int i = 0; i < shape->dimension_count; i++) {
    if (shape->lengths[i] < 0)
      return array_too_large(error);
    product *= shape->lengths[i];
    if (product > LIMIT_ARRAY_ELEMENTS)
      return array_too_large(error);
  }
  for (int i = 0; i < shape->dimension_count; i++)
    if (__builtin_add_overflow(shape->lengths[i], shape->lowers[i], &upper))
      return error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "array lower bound is too large: %d", shape->lowers[i]);
  *count = (uint32_t)product;
  return STATUS_OK;
}

bool array_shape_equal(const struct array_shape *a, const struct array_shape *b)
{
  if (a->dimension_count != b->dimension_count)
    return false;
  for (int i = 0; i < a->dimension_count; i++)
    if (a->lengths[i] != b->lengths[i] || a->lowers[i] != b->lowers[i])
      return false;
  return true;
}

// ---- looking ----

struct array array_of(enum type_id type, const struct value *value)
{
  const uint8_t *at = value->data;
  struct array array = {.element = type_element(type)};
  bool has_null = at[1];
  array.shape.dimension_count = at[0];
  array.count = at[0] > 0;
  at += HEADER;
  for (int i = 0; i < array.shape.dimension_count; i++, at += DIMENSION) {
    array.shape.lengths[i] = (int32_t)get_le32(at);
    array.shape.lowers[i] = (int32_t)get_le32(at + 4);
    array.count *= (uint32_t)array.shape.lengths[i];
  }
  array.nulls = has_null ? at : NULL;
  array.data = has_null ? at + bitmap_size(array.count) : at;
  return array;
}

static bool is_null_at(const struct array *array, uint32_t index)
{
  return array->nulls && array->nulls[index / 8] >> (index % 8) & 1;
}

// The element that lies at *at, which moves behind it.
static void read_element(const struct type_info *info, enum type_id type, const uint8_t **at, struct value *element)
{
  const uint8_t *bytes = *at;
  *at += info->row_size;
  if (info->storage == STORAGE_BYTES) {
    uint32_t size = get_le32(bytes);
    *element = value_bytes(bytes + SIZE_BYTES, size);
    *at = bytes + SIZE_BYTES + size;
  } else if (info->storage == STORAGE_FLOAT && info->row_size == 4) {
    float v;
    memcpy(&v, bytes, sizeof v);
    *element = value_float8((double)v);
  } else if (info->row_size == 1) {
    *element = value_integer(bytes[0]);
  } else if (info->row_size == 2) {
    *element = value_integer((int16_t)get_le16(bytes));
  } else if (info->row_size == 4) {
    *element = value_integer(type == TYPE_OID ? (int64_t)get_le32(bytes) : (int32_t)get_le32(bytes));
  } else {
    *element = value_integer((int64_t)get_le64(bytes)); // or the bits of a float
  }
}

bool array_next(struct array_walk *walk, struct value *element)
{
  const struct array *array = walk->array;
  if (walk->index >= array->count)
    return false;
  if (is_null_at(array, walk->index++))
    *element = value_null();
  else
    read_element(type_info(array->element), array->element, &walk->at, element);
  return true;
}

void array_get(const struct array *array, uint32_t index, struct value *element)
{
  CHECK(index < array->count);
  const struct type_info *info = type_info(array->element);
  struct array_walk walk = array_walk(array);
  if (info->storage != STORAGE_BYTES && !array->nulls) {
    walk.index = index;
    walk.at += (size_t)index * info->row_size;
  }
  while (walk.index <= index)
    (void)array_next(&walk, element);
}

static bool elements_are_sound(const struct array *array, const uint8_t *end)
{
  const struct type_info *info = type_info(array->element);
  const uint8_t *at = array->data;
  for (uint32_t i = 0; i < array->count; i++) {
    if (is_null_at(array, i))
      continue;
    size_t rest = (size_t)(end - at), size = info->row_size;
    if (info->storage == STORAGE_BYTES) {
      if (rest < SIZE_BYTES)
        return false;
      size = SIZE_BYTES + (size_t)get_le32(at);
    }
    if (rest < size)
      return false;
    at += size;
  }
  return at == end;
}

// The bitmap says of some element that it is NULL, and nothing behind the last one.
static bool nulls_are_sound(const struct array *array)
{
  bool some = false;
  size_t size = bitmap_size(array->count);
  for (size_t i = 0; i < size; i++)
    some |= array->nulls[i] != 0;
  return some && (array->count % 8 == 0 || array->nulls[size - 1] >> (array->count % 8) == 0);
}

bool array_is_sound(enum type_id type, struct bytes bytes)
{
  if (bytes.size < HEADER || bytes.size > UINT32_MAX || bytes.data[0] > ARRAY_DIMENSIONS || bytes.data[1] > 1)
    return false;
  size_t head = HEADER + (size_t)bytes.data[0] * DIMENSION;
  if (bytes.size < head)
    return false;
  struct value value = value_bytes(bytes.data, (uint32_t)bytes.size);
  struct array array = array_of(type, &value);
  uint32_t count;
  if (array_shape_count(&array.shape, &count, NULL) || (array.shape.dimension_count > 0) != (count > 0))
    return false;
  if (array.nulls && (bytes.size - head < bitmap_size(count) || !nulls_are_sound(&array)))
    return false;
  return elements_are_sound(&array, bytes.data + bytes.size);
}

// ---- making ----

void array_builder_init(struct array_builder *builder, enum type_id element, struct memory_account *account)
{
  *builder = (struct array_builder){.element = element};
  builder->nulls.account = builder->elements.account = account;
}

void array_builder_deinit(struct array_builder *builder)
{
  buffer_deinit(&builder->nulls);
  buffer_deinit(&builder->elements);
}

static void write_element(const struct type_info *info, const struct value *element, struct buffer *out)
{
  if (info->storage == STORAGE_BYTES) {
    buffer_append_le32(out, element->size);
    buffer_append(out, element->data, element->size);
  } else if (info->storage == STORAGE_FLOAT && info->row_size == 4) {
    float v = (float)element->float8;
    buffer_append(out, &v, sizeof v);
  } else if (info->row_size == 1) {
    buffer_append_u8(out, (uint8_t)element->integer);
  } else if (info->row_size == 2) {
    buffer_append_le16(out, (uint16_t)element->integer);
  } else if (info->row_size == 4) {
    buffer_append_le32(out, (uint32_t)element->integer);
  } else {
    buffer_append_le64(out, (uint64_t)element->integer); // or the bits of a float
  }
}

void array_add(struct array_builder *builder, const struct value *element)
{
  uint32_t index = builder->count++;
  if (index % 8 == 0)
    buffer_append_u8(&builder->nulls, 0);
  if (!element->is_null) {
    write_element(type_info(builder->element), element, &builder->elements);
    return;
  }
  builder->has_null = true;
  if (!builder->nulls.failed)
    builder->nulls.data[index / 8] |= (uint8_t)(1 << (index % 8));
}

void array_add_all(struct array_builder *builder, const struct array *array)
{
  struct value element;
  for (struct array_walk walk = array_walk(array); array_next(&walk, &element);)
    array_add(builder, &element);
}

static int finish(struct array_builder *builder, const struct array_shape *shape, struct arena *arena,
                  struct value *value, struct error *error)
{
  size_t nulls = builder->has_null ? bitmap_size(builder->count) : 0;
  size_t size = HEADER + (size_t)shape->dimension_count * DIMENSION + nulls + builder->elements.size;
  if (builder->nulls.failed || builder->elements.failed)
    return error_memory(error);
  if (size > UINT32_MAX)
    return array_too_large(error);
  uint8_t *data = arena_alloc(arena, size), *at = data;
  if (!data)
    return error_memory(error);
  *at++ = (uint8_t)shape->dimension_count;
  *at++ = builder->has_null;
  for (int i = 0; i < shape->dimension_count; i++, at += DIMENSION) {
    put_le32(at, (uint32_t)shape->lengths[i]);
    put_le32(at + 4, (uint32_t)shape->lowers[i]);
  }
  if (nulls)
    memcpy(at, builder->nulls.data, nulls);
  if (builder->elements.size)
    memcpy(at + nulls, builder->elements.data, builder->elements.size);
  *value = value_bytes(data, (uint32_t)size);
  return STATUS_OK;
}

int array_finish(struct array_builder *builder, const struct array_shape *shape, struct arena *arena,
                 struct value *value, struct error *error)
{
  static const struct array_shape none = {0};
  uint32_t count;
  int status = array_shape_count(shape, &count, error);
  CHECK(status || count == builder->count);
  if (!status)
    status = finish(builder, count ? shape : &none, arena, value, error);
  array_builder_deinit(builder);
  return status;
}

// ---- order ----

int array_compare(enum type_id type, const struct value *a, const struct value *b)
{
  struct array left = array_of(type, a), right = array_of(type, b);
  struct array_walk x = array_walk(&left), y = array_walk(&right);
  struct value one, other;
  while (array_next(&x, &one) && array_next(&y, &other)) {
    int order = one.is_null || other.is_null ? (int)one.is_null - (int)other.is_null
                                             : value_compare(left.element, &one, &other);
    if (order)
      return order;
  }
  if (left.count != right.count)
    return left.count < right.count ? -1 : 1;
  const struct array_shape *p = &left.shape, *q = &right.shape;
  if (p->dimension_count != q->dimension_count)
    return p->dimension_count < q->dimension_count ? -1 : 1;
  for (int i = 0; i < p->dimension_count; i++)
    if (p->lengths[i] != q->lengths[i])
      return p->lengths[i] < q->lengths[i] ? -1 : 1;
  for (int i = 0; i < p->dimension_count; i++)
    if (p->lowers[i] != q->lowers[i])
      return p->lowers[i] < q->lowers[i] ? -1 : 1;
  return 0;
}

uint64_t array_hash(enum type_id type, const struct value *value, uint64_t seed)
{
  struct array array = array_of(type, value);
  struct value element;
  uint64_t hash = hash64(&array.shape, sizeof array.shape, seed);
  for (struct array_walk walk = array_walk(&array); array_next(&walk, &element);)
    hash = element.is_null ? hash * 31 + 1 : value_hash(array.element, &element, hash);
  return hash;
}

int array_apply_modifier(struct type type, bool is_explicit, struct arena *arena, struct value *value,
                         struct error *error)
{
  struct array array = array_of(type.id, value);
  struct type element_type = {.id = array.element, .modifier = type.modifier};
  struct array_builder builder;
  struct value element;
  int status = STATUS_OK;
  array_builder_init(&builder, array.element, arena->account);
  for (struct array_walk walk = array_walk(&array); !status && array_next(&walk, &element);) {
    status = value_apply_modifier(element_type, is_explicit, arena, &element, error);
    array_add(&builder, &element);
  }
  if (!status)
    return array_finish(&builder, &array.shape, arena, value, error);
  array_builder_deinit(&builder);
  return status;
}
