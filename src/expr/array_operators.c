// Operators of arrays: comparison, containment; and the arrays that expressions make, subscripts, assignments.
#include "base/limits.h"
#include "expr/array_node.h"
#include "expr/array_tools.h"

#define ARRAY_ORDER value_compare(evaluation->argument_types[0], &arguments[0], &arguments[1])
COMPARISONS(array, ARRAY_ORDER)

// ---- containment ----

// Is each element of b, or (any) one of them, in a? A NULL is in nothing.
static int contains(struct evaluation *evaluation, const struct array *a, const struct array *b, bool any,
                    struct value *result)
{
  int status = array_needs_equality(evaluation, a->element);
  struct value *sorted = array_elements(evaluation, a), element;
  if (status || !sorted)
    return status ? status : error_memory(evaluation->error);
  int count = 0;
  for (uint32_t i = 0; i < a->count; i++)
    if (!sorted[i].is_null)
      sorted[count++] = sorted[i];
  values_sort(a->element, sorted, count);
  *result = value_boolean(!any);
  for (struct array_walk walk = array_walk(b); array_next(&walk, &element);)
    if ((!element.is_null && values_contain(a->element, sorted, count, &element)) == any) {
      *result = value_boolean(any);
      break;
    }
  return STATUS_OK;
}

static int array_contains(CALL)
{
  struct array a = array_argument(evaluation, arguments, 0), b = array_argument(evaluation, arguments, 1);
  return contains(evaluation, &a, &b, false, result);
}

static int array_contained(CALL)
{
  struct array a = array_argument(evaluation, arguments, 0), b = array_argument(evaluation, arguments, 1);
  return contains(evaluation, &b, &a, false, result);
}

static int array_overlaps(CALL)
{
  struct array a = array_argument(evaluation, arguments, 0), b = array_argument(evaluation, arguments, 1);
  return contains(evaluation, &a, &b, true, result);
}

#define COMPARISON(name, code) TYPED_OPERATOR(name, array_##code, BOOLEAN, 2, TYPE_ANY_ARRAY, TYPE_ANY_ARRAY)

const struct function array_operator_functions[] = {
    COMPARISON("=", equal),
    COMPARISON("<>", unequal),
    COMPARISON("<", less),
    COMPARISON("<=", at_most),
    COMPARISON(">", greater),
    COMPARISON(">=", at_least),
    COMPARISON("@>", contains),
    COMPARISON("<@", contained),
    COMPARISON("&&", overlaps),
    PURE_TYPED("array_eq", array_equal, BOOLEAN, 2, TYPE_ANY_ARRAY, TYPE_ANY_ARRAY),
    {0},
};

// ---- ARRAY[…] ----

static int make_of_elements(struct evaluation *evaluation, const struct value *arguments, int argument_count,
                            struct value *result)
{
  struct array_shape shape = array_line((uint32_t)argument_count);
  return array_of_elements(evaluation, type_element(evaluation->result_type), &shape, arguments, result);
}

static int mismatch(struct evaluation *evaluation)
{
  return error_set(evaluation->error, SQLSTATE_ARRAY_SUBSCRIPT_ERROR,
                   "multidimensional arrays must have array expressions with matching dimensions");
}

// Of arrays: they are elements of one dimension more. All empty, or none.
static int make_of_arrays(struct evaluation *evaluation, const struct value *arguments, int argument_count,
                          struct value *result)
{
  enum type_id type = evaluation->result_type;
  struct array_shape first = {0};
  struct array_builder builder;
  int status = STATUS_OK;
  bool has_empty = false, has_full = false;
  array_builder_init(&builder, type_element(type), evaluation->arena->account);
  for (int i = 0; i < argument_count && !status; i++) {
    struct array array = arguments[i].is_null ? (struct array){.element = builder.element}
                                              : array_of(type, &arguments[i]);
    has_empty |= array.count == 0;
    if (array.count == 0)
      continue;
    if (!has_full)
      first = array.shape;
    has_full = true;
    if (!array_shape_equal(&first, &array.shape))
      status = mismatch(evaluation);
    else if (first.dimension_count == ARRAY_DIMENSIONS)
      status = array_too_many_dimensions(ARRAY_DIMENSIONS + 1, evaluation->error);
    else
      array_add_all(&builder, &array);
  }
  if (!status && has_empty && has_full)
    status = mismatch(evaluation);
  struct array_shape shape = {0};
  if (!status && has_full) {
    shape = (struct array_shape){first.dimension_count + 1, {argument_count}, {1}};
    memcpy(shape.lengths + 1, first.lengths, sizeof first.lengths[0] * (ARRAY_DIMENSIONS - 1));
    memcpy(shape.lowers + 1, first.lowers, sizeof first.lowers[0] * (ARRAY_DIMENSIONS - 1));
  }
  if (!status)
    return array_finish(&builder, &shape, evaluation->arena, result, evaluation->error);
  array_builder_deinit(&builder);
  return status;
}

static int array_make(CALL)
{
  bool of_arrays = argument_count && type_is_array(evaluation->argument_types[0]);
  return of_arrays ? make_of_arrays(evaluation, arguments, argument_count, result)
                   : make_of_elements(evaluation, arguments, argument_count, result);
}

// ---- subscripts ----

// The number of the element in the order of the elements. False: it is not in the array.
static bool find_element(const struct array_shape *shape, const int64_t *subscripts, uint32_t *index)
{
  *index = 0;
  for (int i = 0; i < shape->dimension_count; i++) {
    int64_t own = subscripts[i] - shape->lowers[i];
    if (own < 0 || own >= shape->lengths[i])
      return false;
    *index = *index * (uint32_t)shape->lengths[i] + (uint32_t)own;
  }
  return true;
}

// array, subscripts
static int array_element(CALL)
{
  struct array array = array_argument(evaluation, arguments, 0);
  int64_t subscripts[ARRAY_DIMENSIONS];
  uint32_t index;
  *result = value_null();
  if (argument_count - 1 != array.shape.dimension_count)
    return STATUS_OK;
  for (int i = 1; i < argument_count; i++)
    subscripts[i - 1] = arguments[i].integer;
  if (find_element(&array.shape, subscripts, &index))
    array_get(&array, index, result);
  return STATUS_OK;
}

// What a slice takes of each dimension.
struct slice {
  int count;
  int64_t lowers[ARRAY_DIMENSIONS], uppers[ARRAY_DIMENSIONS];
  bool has_lower[ARRAY_DIMENSIONS], has_upper[ARRAY_DIMENSIONS];
};

// Of bounds in pairs; the mask's bits say which are there, the lower one of each pair first.
static struct slice slice_of(int64_t mask, const struct value *bounds, int count)
{
  struct slice slice = {.count = count / 2};
  for (int i = 0; i < slice.count; i++) {
    slice.has_lower[i] = mask >> (2 * i) & 1;
    slice.has_upper[i] = mask >> (2 * i + 1) & 1;
    slice.lowers[i] = bounds[2 * i].integer;
    slice.uppers[i] = bounds[2 * i + 1].integer;
  }
  return slice;
}

// Bounds that are left out are the array's; those of dimensions that are not named, too.
static void complete_slice(const struct array_shape *shape, struct slice *slice)
{
  for (int i = 0; i < shape->dimension_count; i++) {
    bool is_named = i < slice->count;
    if (!is_named || !slice->has_lower[i])
      slice->lowers[i] = shape->lowers[i];
    if (!is_named || !slice->has_upper[i])
      slice->uppers[i] = (int64_t)shape->lowers[i] + shape->lengths[i] - 1;
  }
}

// Steps a position within the slice on, the last dimension first. False: it was the last one.
static bool next_position(const struct slice *slice, int dimensions, int64_t *position)
{
  for (int i = dimensions - 1; i >= 0; i--) {
    if (++position[i] <= slice->uppers[i])
      return true;
    position[i] = slice->lowers[i];
  }
  return false;
}

// array, mask, bounds in pairs
static int array_slice(CALL)
{
  struct array array = array_argument(evaluation, arguments, 0);
  struct slice slice = slice_of(arguments[1].integer, arguments + 2, argument_count - 2);
  const struct array_shape *shape = &array.shape;
  if (!array.count || shape->dimension_count < slice.count)
    return array_empty(evaluation, array.element, result);
  complete_slice(shape, &slice);
  struct array_shape own = {.dimension_count = shape->dimension_count};
  int64_t position[ARRAY_DIMENSIONS];
  for (int i = 0; i < shape->dimension_count; i++) {
    int64_t last = (int64_t)shape->lowers[i] + shape->lengths[i] - 1;
    slice.lowers[i] = position[i] = slice.lowers[i] < shape->lowers[i] ? shape->lowers[i] : slice.lowers[i];
    slice.uppers[i] = slice.uppers[i] > last ? last : slice.uppers[i];
    if (slice.lowers[i] > slice.uppers[i])
      return array_empty(evaluation, array.element, result);
    own.lengths[i] = (int32_t)(slice.uppers[i] - slice.lowers[i] + 1);
    own.lowers[i] = 1;
  }
  struct value *elements = array_elements(evaluation, &array);
  if (!elements)
    return error_memory(evaluation->error);
  struct array_builder builder;
  array_builder_init(&builder, array.element, evaluation->arena->account);
  do {
    uint32_t index = 0;
    if (find_element(shape, position, &index))
      array_add(&builder, &elements[index]);
  } while (next_position(&slice, shape->dimension_count, position));
  return array_finish(&builder, &own, evaluation->arena, result, evaluation->error);
}

// ---- assignments ----

static int subscript_error(struct evaluation *evaluation, const char *message)
{
  return error_set(evaluation->error, SQLSTATE_ARRAY_SUBSCRIPT_ERROR, "%s", message);
}

// The array to assign to; NULL is an empty one.
static struct array assigned(const struct evaluation *evaluation, const struct value *arguments)
{
  enum type_id type = evaluation->argument_types[0];
  return arguments[0].is_null ? (struct array){.element = type_element(type)} : array_of(type, &arguments[0]);
}

static int check_subscripts(struct evaluation *evaluation, const struct value *subscripts, int count)
{
  for (int i = 0; i < count; i++)
    if (subscripts[i].is_null)
      return error_set(evaluation->error, SQLSTATE_NULL_VALUE_NOT_ALLOWED,
                       "array subscript in assignment must not be null");
  return STATUS_OK;
}

// Makes the slice fit into the shape: one dimension grows, several do not.
static int reach(struct evaluation *evaluation, const struct slice *slice, struct array_shape *shape)
{
  uint32_t count;
  for (int i = 0; i < shape->dimension_count; i++) {
    int64_t lower = shape->lowers[i], upper = lower + shape->lengths[i] - 1;
    if (slice->lowers[i] > slice->uppers[i])
      return subscript_error(evaluation, "upper bound cannot be less than lower bound");
    bool fits = slice->lowers[i] >= lower && slice->uppers[i] <= upper;
    if (!fits && shape->dimension_count > 1)
      return subscript_error(evaluation, "array subscript out of range");
    lower = slice->lowers[i] < lower ? slice->lowers[i] : lower;
    upper = slice->uppers[i] > upper ? slice->uppers[i] : upper;
    if (upper - lower >= LIMIT_ARRAY_ELEMENTS)
      return array_too_large(evaluation->error);
    shape->lowers[i] = (int32_t)lower;
    shape->lengths[i] = (int32_t)(upper - lower + 1);
  }
  return array_shape_count(shape, &count, evaluation->error);
}

// The array in the new shape, the slice's places taken by the values, one after another; gaps are NULL.
static int put(struct evaluation *evaluation, const struct array *array, const struct array_shape *shape,
               const struct slice *slice, struct array_walk values, struct value *result)
{
  uint32_t count, index;
  int status = array_shape_count(shape, &count, evaluation->error);
  if (status)
    return status;
  struct value *elements = arena_alloc(evaluation->arena, sizeof *elements * ((size_t)count + 1)), element;
  if (!elements)
    return error_memory(evaluation->error);
  for (uint32_t i = 0; i < count; i++)
    elements[i] = value_null();
  // Only one dimension can have grown: the others' elements lie as they lay.
  uint32_t start = array->count ? (uint32_t)(array->shape.lowers[0] - shape->lowers[0]) : 0;
  for (struct array_walk walk = array_walk(array); array_next(&walk, &element);)
    elements[start++] = element;
  int64_t position[ARRAY_DIMENSIONS];
  for (int i = 0; i < shape->dimension_count; i++)
    position[i] = slice->lowers[i];
  do {
    if (!array_next(&values, &element))
      return subscript_error(evaluation, "source array too small");
    if (find_element(shape, position, &index))
      elements[index] = element;
  } while (next_position(slice, shape->dimension_count, position));
  return array_of_elements(evaluation, array->element, shape, elements, result);
}

// array, the element, subscripts
static int array_assign(CALL)
{
  struct array array = assigned(evaluation, arguments);
  struct slice slice = {.count = argument_count - 2};
  int status = check_subscripts(evaluation, arguments + 2, slice.count);
  if (status)
    return status;
  struct array_shape shape = array.shape;
  for (int i = 0; i < slice.count; i++)
    slice.lowers[i] = slice.uppers[i] = arguments[2 + i].integer;
  if (!array.count) {
    shape.dimension_count = slice.count;
    for (int i = 0; i < slice.count; i++) {
      shape.lengths[i] = 1;
      shape.lowers[i] = (int32_t)slice.lowers[i];
    }
  }
  if (shape.dimension_count != slice.count)
    return subscript_error(evaluation, "wrong number of array subscripts");
  if ((status = reach(evaluation, &slice, &shape)))
    return status;
  struct value single;
  struct array_shape one = array_line(1);
  status = array_of_elements(evaluation, array.element, &one, &arguments[1], &single);
  if (status)
    return status;
  struct array source = array_of(evaluation->argument_types[0], &single);
  return put(evaluation, &array, &shape, &slice, array_walk(&source), result);
}

// array, the source array, mask, bounds in pairs
static int array_assign_slice(CALL)
{
  *result = arguments[0];
  int status = check_subscripts(evaluation, arguments + 3, argument_count - 3);
  if (status)
    return status;
  struct array array = assigned(evaluation, arguments);
  if (arguments[1].is_null) // nothing is assigned; but where no array was, there is one
    return arguments[0].is_null ? array_empty(evaluation, array.element, result) : STATUS_OK;
  struct array source = array_argument(evaluation, arguments, 1);
  struct slice slice = slice_of(arguments[2].integer, arguments + 3, argument_count - 3);
  struct array_shape shape = array.shape;
  if (!array.count) {
    shape.dimension_count = slice.count;
    for (int i = 0; i < slice.count; i++) {
      if (!slice.has_lower[i] || !slice.has_upper[i]) {
        status = subscript_error(evaluation, "array slice subscript must provide both boundaries");
        error_detail(evaluation->error, "When assigning to a slice of an empty array value, slice boundaries must be "
                                        "fully specified.");
        return status;
      }
      int64_t length = slice.uppers[i] - slice.lowers[i] + 1;
      shape.lowers[i] = (int32_t)slice.lowers[i];
      shape.lengths[i] = length < 0 || length > INT32_MAX ? -1 : (int32_t)length;
    }
    uint32_t count;
    if ((status = array_shape_count(&shape, &count, evaluation->error)) || !count)
      return status ? status : array_empty(evaluation, array.element, result);
  }
  if (shape.dimension_count < slice.count)
    return subscript_error(evaluation, "wrong number of array subscripts");
  complete_slice(&shape, &slice);
  status = reach(evaluation, &slice, &shape);
  return status ? status : put(evaluation, &array, &shape, &slice, array_walk(&source), result);
}

const struct function array_make_function = PURE_TYPED_NULLS("ARRAY", array_make, TYPE_ANY_ARRAY, -1, ANY);
const struct function array_element_function =
    PURE_TYPED("array_element", array_element, TYPE_ANY_ELEMENT, -2, TYPE_ANY_ARRAY, INT4);
const struct function array_slice_function =
    PURE_TYPED("array_slice", array_slice, TYPE_ANY_ARRAY, -2, TYPE_ANY_ARRAY, INT4);
const struct function array_assign_function =
    PURE_TYPED_NULLS("array_assign", array_assign, TYPE_ANY_ARRAY, -3, TYPE_ANY_ARRAY, TYPE_ANY_ELEMENT, INT4);
const struct function array_assign_slice_function = PURE_TYPED_NULLS(
    "array_assign_slice", array_assign_slice, TYPE_ANY_ARRAY, -3, TYPE_ANY_ARRAY, TYPE_ANY_ARRAY, INT4);
