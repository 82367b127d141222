// Functions of arrays: how large they are, and arrays made of others.
#include "expr/array_tools.h"

// ---- shared ----

struct value *array_elements(struct evaluation *evaluation, const struct array *array)
{
  struct value *elements = arena_alloc(evaluation->arena, sizeof *elements * ((size_t)array->count + 1));
  struct array_walk walk = array_walk(array);
  for (uint32_t i = 0; elements && array_next(&walk, &elements[i]);)
    i++;
  return elements;
}

int array_of_elements(struct evaluation *evaluation, enum type_id element, const struct array_shape *shape,
                      const struct value *elements, struct value *result)
{
  struct array_builder builder;
  uint32_t count;
  int status = array_shape_count(shape, &count, evaluation->error);
  if (status)
    return status;
  array_builder_init(&builder, element, evaluation->arena->account);
  for (uint32_t i = 0; i < count; i++)
    array_add(&builder, &elements[i]);
  return array_finish(&builder, shape, evaluation->arena, result, evaluation->error);
}

int array_empty(struct evaluation *evaluation, enum type_id element, struct value *result)
{
  struct array_shape none = {0};
  return array_of_elements(evaluation, element, &none, NULL, result);
}

int array_needs_equality(struct evaluation *evaluation, enum type_id element)
{
  if (type_is_ordered(element))
    return STATUS_OK;
  return error_set(evaluation->error, SQLSTATE_UNDEFINED_FUNCTION,
                   "could not identify an equality operator for type %s", type_info(element)->name);
}

bool array_element_equal(enum type_id element, const struct value *a, const struct value *b)
{
  if (a->is_null || b->is_null)
    return a->is_null == b->is_null;
  return value_compare(element, a, b) == 0;
}

// ---- how large ----

// The dimension that an argument numbers from 1; -1: there is none.
static int dimension_of(const struct array *array, const struct value *number)
{
  return number->integer >= 1 && number->integer <= array->shape.dimension_count ? (int)number->integer - 1 : -1;
}

static int array_length(CALL)
{
  struct array array = array_argument(evaluation, arguments, 0);
  int d = dimension_of(&array, &arguments[1]);
  *result = d < 0 ? value_null() : value_integer(array.shape.lengths[d]);
  return STATUS_OK;
}

static int array_lower(CALL)
{
  struct array array = array_argument(evaluation, arguments, 0);
  int d = dimension_of(&array, &arguments[1]);
  *result = d < 0 ? value_null() : value_integer(array.shape.lowers[d]);
  return STATUS_OK;
}

static int array_upper(CALL)
{
  struct array array = array_argument(evaluation, arguments, 0);
  int d = dimension_of(&array, &arguments[1]);
  *result = d < 0 ? value_null() : value_integer(array.shape.lowers[d] + array.shape.lengths[d] - 1);
  return STATUS_OK;
}

static int array_ndims(CALL)
{
  struct array array = array_argument(evaluation, arguments, 0);
  *result = array.count ? value_integer(array.shape.dimension_count) : value_null();
  return STATUS_OK;
}

static int array_dims(CALL)
{
  struct array array = array_argument(evaluation, arguments, 0);
  struct buffer out = buffer_for(evaluation);
  *result = value_null();
  if (!array.count)
    return STATUS_OK;
  for (int i = 0; i < array.shape.dimension_count; i++)
    buffer_format(&out, "[%d:%d]", array.shape.lowers[i], array.shape.lowers[i] + array.shape.lengths[i] - 1);
  return result_from_buffer(evaluation, &out, result);
}

static int cardinality(CALL)
{
  *result = value_integer(array_argument(evaluation, arguments, 0).count);
  return STATUS_OK;
}

// ---- joining ----

// An element before or behind the array's.
static int extend(struct evaluation *evaluation, const struct value *given, enum type_id type,
                  const struct value *element, bool is_before, struct value *result)
{
  struct array array = {.element = type_element(type)};
  if (!given->is_null)
    array = array_of(type, given);
  if (array.shape.dimension_count > 1)
    return error_set(evaluation->error, SQLSTATE_DATA_EXCEPTION, "argument must be empty or one-dimensional array");
  struct array_shape shape = array.count ? array.shape : array_line(1);
  shape.lengths[0] = (int32_t)array.count + 1;
  uint32_t count;
  int status = array_shape_count(&shape, &count, evaluation->error);
  if (status)
    return status;
  struct array_builder builder;
  array_builder_init(&builder, array.element, evaluation->arena->account);
  if (is_before)
    array_add(&builder, element);
  array_add_all(&builder, &array);
  if (!is_before)
    array_add(&builder, element);
  return array_finish(&builder, &shape, evaluation->arena, result, evaluation->error);
}

static int array_append(CALL)
{
  return extend(evaluation, &arguments[0], evaluation->argument_types[0], &arguments[1], false, result);
}

static int array_prepend(CALL)
{
  return extend(evaluation, &arguments[1], evaluation->argument_types[1], &arguments[0], true, result);
}

static int incompatible(struct evaluation *evaluation, const char *detail)
{
  int status = error_set(evaluation->error, SQLSTATE_ARRAY_SUBSCRIPT_ERROR, "cannot concatenate incompatible arrays");
  error_detail(evaluation->error, "%s", detail);
  return status;
}

// From the dimension `from` of `inner`, and that of `outer` with it, lengths and bounds are the same.
static bool dimensions_match(const struct array_shape *inner, int from, const struct array_shape *outer, int of)
{
  for (int i = 0; from + i < inner->dimension_count; i++)
    if (inner->lengths[from + i] != outer->lengths[of + i] || inner->lowers[from + i] != outer->lowers[of + i])
      return false;
  return true;
}

// The shape of two joined: side by side, or the one as an element of the other.
static int joined_shape(struct evaluation *evaluation, const struct array_shape *a, const struct array_shape *b,
                        struct array_shape *shape)
{
  int more = a->dimension_count - b->dimension_count;
  bool fits;
  *shape = more >= 0 ? *a : *b;
  if (more > 1 || more < -1) {
    int status = incompatible(evaluation, "");
    error_detail(evaluation->error, "Arrays of %d and %d dimensions are not compatible for concatenation.",
                 a->dimension_count, b->dimension_count);
    return status;
  }
  if (more == 0) {
    fits = dimensions_match(a, 1, b, 1);
    if (!fits)
      return incompatible(evaluation, "Arrays with differing element dimensions are not compatible for concatenation.");
    return __builtin_add_overflow(a->lengths[0], b->lengths[0], &shape->lengths[0])
               ? array_too_large(evaluation->error)
               : STATUS_OK;
  }
  shape->lengths[0]++;
  fits = more > 0 ? dimensions_match(b, 0, a, 1) : dimensions_match(a, 0, b, 1);
  return fits ? STATUS_OK
              : incompatible(evaluation, "Arrays with differing dimensions are not compatible for concatenation.");
}

static int array_cat(CALL)
{
  for (int i = 0; i < 2; i++)
    if (arguments[i].is_null) {
      *result = arguments[1 - i];
      return STATUS_OK;
    }
  struct array a = array_argument(evaluation, arguments, 0), b = array_argument(evaluation, arguments, 1);
  if (!a.count || !b.count) {
    *result = arguments[a.count ? 0 : 1];
    return STATUS_OK;
  }
  struct array_shape shape;
  uint32_t count;
  int status = joined_shape(evaluation, &a.shape, &b.shape, &shape);
  if (!status)
    status = array_shape_count(&shape, &count, evaluation->error);
  if (status)
    return status;
  struct array_builder builder;
  array_builder_init(&builder, a.element, evaluation->arena->account);
  array_add_all(&builder, &a);
  array_add_all(&builder, &b);
  return array_finish(&builder, &shape, evaluation->arena, result, evaluation->error);
}

// ---- searching and replacing ----

static int array_remove(CALL)
{
  *result = arguments[0];
  if (arguments[0].is_null)
    return STATUS_OK;
  struct array array = array_argument(evaluation, arguments, 0);
  if (array.shape.dimension_count > 1)
    return error_set(evaluation->error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                     "removing elements from multidimensional arrays is not supported");
  int status = array_needs_equality(evaluation, array.element);
  if (status)
    return status;
  struct array_builder builder;
  struct value element;
  array_builder_init(&builder, array.element, evaluation->arena->account);
  for (struct array_walk walk = array_walk(&array); array_next(&walk, &element);)
    if (!array_element_equal(array.element, &element, &arguments[1]))
      array_add(&builder, &element);
  struct array_shape shape = array.shape;
  shape.lengths[0] = (int32_t)builder.count;
  return array_finish(&builder, &shape, evaluation->arena, result, evaluation->error);
}

static int array_replace(CALL)
{
  *result = arguments[0];
  if (arguments[0].is_null)
    return STATUS_OK;
  struct array array = array_argument(evaluation, arguments, 0);
  int status = array_needs_equality(evaluation, array.element);
  if (status)
    return status;
  struct array_builder builder;
  struct value element;
  array_builder_init(&builder, array.element, evaluation->arena->account);
  for (struct array_walk walk = array_walk(&array); array_next(&walk, &element);)
    array_add(&builder, array_element_equal(array.element, &element, &arguments[1]) ? &arguments[2] : &element);
  return array_finish(&builder, &array.shape, evaluation->arena, result, evaluation->error);
}

static int may_search(struct evaluation *evaluation, const struct array *array)
{
  if (array->shape.dimension_count > 1)
    return error_set(evaluation->error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                     "searching for elements in multidimensional arrays is not supported");
  return array_needs_equality(evaluation, array->element);
}

static int array_position(CALL)
{
  *result = value_null();
  if (arguments[0].is_null)
    return STATUS_OK;
  struct array array = array_argument(evaluation, arguments, 0);
  int status = may_search(evaluation, &array);
  if (status || !array.count || (arguments[1].is_null && !array_has_null(&array)))
    return status;
  if (argument_count > 2 && arguments[2].is_null)
    return error_set(evaluation->error, SQLSTATE_NULL_VALUE_NOT_ALLOWED, "initial position must not be null");
  int64_t position = array.shape.lowers[0], from = argument_count > 2 ? arguments[2].integer : position;
  struct value element;
  for (struct array_walk walk = array_walk(&array); array_next(&walk, &element); position++)
    if (position >= from && array_element_equal(array.element, &element, &arguments[1])) {
      *result = value_integer(position);
      break;
    }
  return STATUS_OK;
}

static int array_positions(CALL)
{
  *result = value_null();
  if (arguments[0].is_null)
    return STATUS_OK;
  struct array array = array_argument(evaluation, arguments, 0);
  int status = may_search(evaluation, &array);
  if (status)
    return status;
  struct array_builder builder;
  struct value element, position = value_integer(array.shape.lowers[0]);
  array_builder_init(&builder, INT4, evaluation->arena->account);
  for (struct array_walk walk = array_walk(&array); array_next(&walk, &element); position.integer++)
    if (array_element_equal(array.element, &element, &arguments[1]))
      array_add(&builder, &position);
  struct array_shape shape = array_line(builder.count);
  return array_finish(&builder, &shape, evaluation->arena, result, evaluation->error);
}

// ---- filled, cut ----

// Numbers of dimensions for array_fill; as many of them as there are.
static int fill_numbers(struct evaluation *evaluation, const struct value *given, int32_t *numbers, uint32_t *count)
{
  struct array array = array_of(TYPE_INT4_ARRAY, given);
  struct value number;
  if (array.shape.dimension_count > 1) {
    int status = error_set(evaluation->error, SQLSTATE_ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts");
    error_detail(evaluation->error, "Dimension array must be one dimensional.");
    return status;
  }
  if (array_has_null(&array))
    return error_set(evaluation->error, SQLSTATE_NULL_VALUE_NOT_ALLOWED, "dimension values cannot be null");
  *count = array.count;
  struct array_walk walk = array_walk(&array);
  for (int i = 0; i < ARRAY_DIMENSIONS && array_next(&walk, &number); i++)
    numbers[i] = (int32_t)number.integer;
  return STATUS_OK;
}

// array_fill(element, lengths [, lower bounds])
static int array_fill(CALL)
{
  if (arguments[1].is_null || (argument_count > 2 && arguments[2].is_null))
    return error_set(evaluation->error, SQLSTATE_NULL_VALUE_NOT_ALLOWED,
                     "dimension array or low bound array cannot be null");
  struct array_shape shape = array_line(1);
  uint32_t dimensions, bounds, count;
  int status = fill_numbers(evaluation, &arguments[1], shape.lengths, &dimensions);
  if (!status && dimensions > ARRAY_DIMENSIONS)
    status = array_too_many_dimensions((int)dimensions, evaluation->error);
  for (int i = 0; i < ARRAY_DIMENSIONS; i++)
    shape.lowers[i] = 1;
  if (!status && argument_count > 2) {
    status = fill_numbers(evaluation, &arguments[2], shape.lowers, &bounds);
    if (!status && bounds != dimensions) {
      status = error_set(evaluation->error, SQLSTATE_ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts");
      error_detail(evaluation->error, "Low bound array has different size than dimensions array.");
    }
  }
  if (status)
    return status;
  shape.dimension_count = (int)dimensions;
  if ((status = array_shape_count(&shape, &count, evaluation->error)))
    return status;
  struct array_builder builder;
  array_builder_init(&builder, evaluation->argument_types[0], evaluation->arena->account);
  for (uint32_t i = 0; i < count && !builder.elements.failed; i++)
    array_add(&builder, &arguments[0]);
  builder.count = count;
  return array_finish(&builder, &shape, evaluation->arena, result, evaluation->error);
}

static int trim_array(CALL)
{
  struct array array = array_argument(evaluation, arguments, 0);
  int32_t length = array.shape.dimension_count ? array.shape.lengths[0] : 0;
  if (arguments[1].integer < 0 || arguments[1].integer > length)
    return error_set(evaluation->error, SQLSTATE_ARRAY_SUBSCRIPT_ERROR,
                     "number of elements to trim must be between 0 and %d", length);
  struct array_shape shape = array.shape;
  shape.lengths[0] = length - (int32_t)arguments[1].integer;
  for (int i = 0; i < shape.dimension_count; i++)
    shape.lowers[i] = 1;
  struct value *elements = array_elements(evaluation, &array);
  return elements ? array_of_elements(evaluation, array.element, &shape, elements, result)
                  : error_memory(evaluation->error);
}

// ---- text ----

// array_to_string(array, separator [, what stands for a NULL])
static int array_to_string(CALL)
{
  *result = value_null();
  if (arguments[0].is_null || arguments[1].is_null)
    return STATUS_OK;
  struct array array = array_argument(evaluation, arguments, 0);
  struct buffer out = buffer_for(evaluation);
  struct value element;
  bool any = false;
  for (struct array_walk walk = array_walk(&array); array_next(&walk, &element);) {
    if (element.is_null && (argument_count < 3 || arguments[2].is_null))
      continue;
    if (any)
      buffer_append_bytes(&out, bytes_of_value(&arguments[1]));
    if (element.is_null)
      buffer_append_bytes(&out, bytes_of_value(&arguments[2]));
    else
      value_to_text(array.element, &element, settings_of(evaluation), &out);
    any = true;
  }
  return result_from_buffer(evaluation, &out, result);
}

// The size of the piece that the text begins with, and of what separates it from the next. No separator: characters.
static size_t next_piece(struct bytes text, const struct value *separator, size_t *gap)
{
  *gap = 0;
  if (separator->is_null) {
    size_t size = 1;
    while (size < text.size && (text.data[size] & 0xc0) == 0x80)
      size++;
    return size;
  }
  const uint8_t *at = NULL;
  if (separator->size && text.size)
    at = memmem(text.data, text.size, separator->data, separator->size);
  *gap = at ? separator->size : 0;
  return at ? (size_t)(at - text.data) : text.size;
}

// The next piece of the rest, which is cut off; the third argument of both functions is what stands for NULL.
// False: it was the last one.
static bool cut_piece(struct bytes *rest, const struct value *arguments, int argument_count, struct value *piece)
{
  size_t gap, size = next_piece(*rest, &arguments[1], &gap);
  bool is_null = argument_count > 2 && !arguments[2].is_null &&
                 bytes_equal(bytes_of(rest->data, size), bytes_of_value(&arguments[2]));
  *piece = is_null ? value_null() : value_bytes(rest->data, (uint32_t)size);
  *rest = bytes_of(rest->data + size + gap, rest->size - size - gap);
  return arguments[1].is_null ? rest->size > 0 : gap > 0;
}

// string_to_array(text, separator [, what is NULL])
static int string_to_array(CALL)
{
  *result = value_null();
  if (arguments[0].is_null)
    return STATUS_OK;
  struct bytes rest = bytes_of_value(&arguments[0]);
  struct array_builder builder;
  array_builder_init(&builder, TEXT, evaluation->arena->account);
  bool more = rest.size > 0;
  while (more) {
    struct value piece;
    more = cut_piece(&rest, arguments, argument_count, &piece);
    array_add(&builder, &piece);
  }
  struct array_shape shape = array_line(builder.count);
  return array_finish(&builder, &shape, evaluation->arena, result, evaluation->error);
}

// The position is where the next piece begins, -1 behind the last one.
int string_to_table(struct evaluation *evaluation, struct set_call *call, struct value *row)
{
  if (call->arguments[0].is_null || call->arguments[0].size == 0 || call->position < 0)
    return 0;
  struct bytes text = bytes_of_value(&call->arguments[0]);
  struct bytes rest = bytes_of(text.data + call->position, text.size - (size_t)call->position);
  bool more = cut_piece(&rest, call->arguments, call->argument_count, row);
  call->position = more ? rest.data - text.data : -1;
  return 1;
}

// How many of the bounds, which rise, are at most the value.
static int width_bucket(CALL)
{
  struct array bounds = array_argument(evaluation, arguments, 1);
  if (bounds.shape.dimension_count > 1)
    return error_set(evaluation->error, SQLSTATE_ARRAY_SUBSCRIPT_ERROR, "thresholds must be one-dimensional array");
  if (array_has_null(&bounds))
    return error_set(evaluation->error, SQLSTATE_NULL_VALUE_NOT_ALLOWED, "thresholds array must not contain NULLs");
  struct value *elements = array_elements(evaluation, &bounds);
  if (!elements)
    return error_memory(evaluation->error);
  uint32_t low = 0, high = bounds.count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (value_compare(bounds.element, &arguments[0], &elements[middle]) < 0)
      high = middle;
    else
      low = middle + 1;
  }
  *result = value_integer(low);
  return STATUS_OK;
}

#define NULLS(name, code, result, count, volatility, ...)                                           \
  {name, 0, result, count, {__VA_ARGS__}, code, volatility, true, false, true}

const struct function array_functions[] = {
    PURE_TYPED("array_length", array_length, INT4, 2, TYPE_ANY_ARRAY, INT4),
    PURE_TYPED("array_lower", array_lower, INT4, 2, TYPE_ANY_ARRAY, INT4),
    PURE_TYPED("array_upper", array_upper, INT4, 2, TYPE_ANY_ARRAY, INT4),
    PURE_TYPED("array_ndims", array_ndims, INT4, 1, TYPE_ANY_ARRAY),
    PURE_TYPED("array_dims", array_dims, TEXT, 1, TYPE_ANY_ARRAY),
    PURE_TYPED("cardinality", cardinality, INT4, 1, TYPE_ANY_ARRAY),
    PURE_TYPED_NULLS("array_append", array_append, TYPE_LIKE_ARRAY, 2, TYPE_LIKE_ARRAY, TYPE_LIKE_ELEMENT),
    PURE_TYPED_NULLS("array_prepend", array_prepend, TYPE_LIKE_ARRAY, 2, TYPE_LIKE_ELEMENT, TYPE_LIKE_ARRAY),
    PURE_TYPED_NULLS("array_cat", array_cat, TYPE_LIKE_ARRAY, 2, TYPE_LIKE_ARRAY, TYPE_LIKE_ARRAY),
    TYPED_OPERATOR_NULLS("||", array_append, TYPE_LIKE_ARRAY, 2, TYPE_LIKE_ARRAY, TYPE_LIKE_ELEMENT),
    TYPED_OPERATOR_NULLS("||", array_prepend, TYPE_LIKE_ARRAY, 2, TYPE_LIKE_ELEMENT, TYPE_LIKE_ARRAY),
    TYPED_OPERATOR_NULLS("||", array_cat, TYPE_LIKE_ARRAY, 2, TYPE_LIKE_ARRAY, TYPE_LIKE_ARRAY),
    PURE_TYPED_NULLS("array_remove", array_remove, TYPE_LIKE_ARRAY, 2, TYPE_LIKE_ARRAY, TYPE_LIKE_ELEMENT),
    PURE_TYPED_NULLS("array_replace", array_replace, TYPE_LIKE_ARRAY, 3, TYPE_LIKE_ARRAY, TYPE_LIKE_ELEMENT,
                     TYPE_LIKE_ELEMENT),
    PURE_TYPED_NULLS("array_position", array_position, INT4, 2, TYPE_LIKE_ARRAY, TYPE_LIKE_ELEMENT),
    PURE_TYPED_NULLS("array_position", array_position, INT4, 3, TYPE_LIKE_ARRAY, TYPE_LIKE_ELEMENT, INT4),
    PURE_TYPED_NULLS("array_positions", array_positions, TYPE_INT4_ARRAY, 2, TYPE_LIKE_ARRAY, TYPE_LIKE_ELEMENT),
    PURE_TYPED_NULLS("array_fill", array_fill, TYPE_ANY_ARRAY, 2, TYPE_ANY_ELEMENT, TYPE_INT4_ARRAY),
    PURE_TYPED_NULLS("array_fill", array_fill, TYPE_ANY_ARRAY, 3, TYPE_ANY_ELEMENT, TYPE_INT4_ARRAY, TYPE_INT4_ARRAY),
    PURE_TYPED("width_bucket", width_bucket, INT4, 2, TYPE_LIKE_ELEMENT, TYPE_LIKE_ARRAY),
    PURE_TYPED("trim_array", trim_array, TYPE_ANY_ARRAY, 2, TYPE_ANY_ARRAY, INT4),
    NULLS("array_to_string", array_to_string, TEXT, 2, FUNCTION_STABLE, TYPE_ANY_ARRAY, TEXT),
    NULLS("array_to_string", array_to_string, TEXT, 3, FUNCTION_STABLE, TYPE_ANY_ARRAY, TEXT, TEXT),
    PURE_TYPED_NULLS("string_to_array", string_to_array, TYPE_TEXT_ARRAY, 2, TEXT, TEXT),
    PURE_TYPED_NULLS("string_to_array", string_to_array, TYPE_TEXT_ARRAY, 3, TEXT, TEXT, TEXT),
    {0},
};
