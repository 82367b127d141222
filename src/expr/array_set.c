// Arrays as rows and rows as arrays: unnest, generate_subscripts, array_agg.
#include "base/limits.h"
#include "expr/array_tools.h"

// ---- unnest ----

// A call's place in an argument: the element's number, and in the upper half where its bytes are.
static bool take_element(struct set_call *call, int argument, struct value *element)
{
  *element = value_null();
  if (call->arguments[argument].is_null)
    return false;
  struct array array = array_of(call->argument_types[argument], &call->arguments[argument]);
  struct array_walk walk = array_walk(&array);
  walk.index = (uint32_t)call->places[argument];
  walk.at += call->places[argument] >> 32;
  if (!array_next(&walk, element))
    return false;
  call->places[argument] = (uint64_t)(walk.at - array.data) << 32 | walk.index;
  return true;
}

// One column for each array; the shorter ones end in NULLs.
int array_unnest(struct evaluation *evaluation, struct set_call *call, struct value *row)
{
  bool any = false;
  for (int i = 0; i < call->argument_count; i++)
    any |= take_element(call, i, &row[i]);
  return any;
}

// Each element with its place, from 1.
int array_expand(struct evaluation *evaluation, struct set_call *call, struct value *row)
{
  if (!take_element(call, 0, &row[0]))
    return 0;
  row[1] = value_integer(++call->position);
  return 1;
}

// ---- generate_subscripts(array, dimension [, backwards]) ----

int array_subscripts(struct evaluation *evaluation, struct set_call *call, struct value *row)
{
  struct array array = array_of(call->argument_types[0], &call->arguments[0]);
  int64_t dimension = call->arguments[1].integer;
  if (dimension < 1 || dimension > array.shape.dimension_count)
    return 0;
  int32_t length = array.shape.lengths[dimension - 1], lower = array.shape.lowers[dimension - 1];
  if (call->position >= length)
    return 0;
  bool is_backward = call->argument_count > 2 && call->arguments[2].integer;
  row[0] = value_integer(lower + (is_backward ? length - 1 - call->position : call->position));
  call->position++;
  return 1;
}

// ---- array_agg ----

static int gather(struct evaluation *evaluation, struct gathered *gathered, const struct value *element,
                  struct arena *arena)
{
  uint8_t head[9] = {element->is_null};
  bool has_bytes = type_info(gathered->element)->storage == STORAGE_BYTES;
  if (!element->is_null && has_bytes)
    put_le32(head + 1, element->size);
  else if (!element->is_null)
    put_le64(head + 1, (uint64_t)element->integer);
  if (++gathered->count > LIMIT_ARRAY_ELEMENTS)
    return array_too_large(evaluation->error);
  struct value first = value_bytes(head, element->is_null ? 1 : has_bytes ? 5 : 9);
  int status = joined_append(evaluation, &gathered->bytes, &first, arena);
  return status || element->is_null || !has_bytes ? status
                                                  : joined_append(evaluation, &gathered->bytes, element, arena);
}

static int gather_array(struct evaluation *evaluation, struct gathered *gathered, const struct value *value,
                        struct arena *arena)
{
  if (value->is_null)
    return error_set(evaluation->error, SQLSTATE_NULL_VALUE_NOT_ALLOWED, "cannot accumulate null arrays");
  struct array array = array_of(evaluation->argument_types[0], value);
  struct value element;
  int status = STATUS_OK;
  if (!array.count && !gathered->bytes.is_set)
    return error_set(evaluation->error, SQLSTATE_ARRAY_SUBSCRIPT_ERROR, "cannot accumulate empty arrays");
  if (!gathered->bytes.is_set && array.shape.dimension_count == ARRAY_DIMENSIONS)
    return array_too_many_dimensions(ARRAY_DIMENSIONS + 1, evaluation->error);
  if (!gathered->bytes.is_set)
    gathered->shape = array.shape;
  if (!array_shape_equal(&gathered->shape, &array.shape))
    return error_set(evaluation->error, SQLSTATE_ARRAY_SUBSCRIPT_ERROR,
                     "cannot accumulate arrays of different dimensionality");
  for (struct array_walk walk = array_walk(&array); !status && array_next(&walk, &element);)
    status = gather(evaluation, gathered, &element, arena);
  return status;
}

int array_agg_step(STEP)
{
  struct gathered *gathered = state;
  enum type_id type = evaluation->argument_types[0];
  bool is_array = type_is_array(type);
  gathered->element = is_array ? type_element(type) : type;
  int status = is_array ? gather_array(evaluation, gathered, &arguments[0], arena)
                        : gather(evaluation, gathered, &arguments[0], arena);
  gathered->bytes.is_set = true;
  return status;
}

static struct value take_gathered(enum type_id type, const uint8_t **at)
{
  const uint8_t *bytes = *at + 1;
  if (**at) {
    *at = bytes;
    return value_null();
  }
  if (type_info(type)->storage != STORAGE_BYTES) {
    *at = bytes + 8;
    return value_integer((int64_t)get_le64(bytes)); // or the bits of a float
  }
  uint32_t size = get_le32(bytes);
  *at = bytes + 4 + size;
  return value_bytes(bytes + 4, size);
}

int array_agg_finish(FINISH)
{
  const struct gathered *gathered = state;
  *result = value_null();
  if (!gathered->bytes.is_set)
    return STATUS_OK;
  struct array_builder builder;
  array_builder_init(&builder, gathered->element, evaluation->arena->account);
  const uint8_t *at = gathered->bytes.data;
  for (uint32_t i = 0; i < gathered->count; i++) {
    struct value element = take_gathered(gathered->element, &at);
    array_add(&builder, &element);
  }
  struct array_shape shape = array_line(gathered->count), inner = gathered->shape;
  if (inner.dimension_count) {
    uint32_t each;
    int status = array_shape_count(&inner, &each, evaluation->error);
    if (status)
      return status;
    shape = (struct array_shape){inner.dimension_count + 1, {(int32_t)(gathered->count / each)}, {1}};
    memcpy(shape.lengths + 1, inner.lengths, sizeof inner.lengths[0] * (ARRAY_DIMENSIONS - 1));
    memcpy(shape.lowers + 1, inner.lowers, sizeof inner.lowers[0] * (ARRAY_DIMENSIONS - 1));
  }
  return array_finish(&builder, &shape, evaluation->arena, result, evaluation->error);
}
