// Casts of arrays: from and to text, and of each element where one array becomes another.
#include "expr/array_node.h"
#include "expr/array_tools.h"

static int text_from_array(CALL)
{
  return cast_to_text(evaluation, evaluation->argument_types[0], &arguments[0], result);
}

static int array_from_text_cast(CALL)
{
  return cast_from_text(evaluation, evaluation->result_type, &arguments[0], result);
}

static int array_cast(CALL)
{
  enum type_id to = type_element(evaluation->result_type);
  struct array array = array_argument(evaluation, arguments, 0);
  const struct function *function;
  if (!cast_find(array.element, to, CAST_EXPLICIT, &function))
    return error_set(evaluation->error, SQLSTATE_CANNOT_COERCE, "cannot cast type %s to %s",
                     type_info(array.element)->name, type_info(to)->name);
  struct array_builder builder;
  struct value own[3], *element = &own[0]; // what stands behind the array is for each element's cast too
  for (int i = 1; i < argument_count && i < 3; i++)
    own[i] = arguments[i];
  int status = STATUS_OK;
  array_builder_init(&builder, to, evaluation->arena->account);
  for (struct array_walk walk = array_walk(&array); !status && array_next(&walk, element);) {
    struct value cast = *element;
    if (!element->is_null && function)
      status = function->code(evaluation, own, argument_count, &cast);
    if (!status)
      array_add(&builder, &cast);
  }
  if (!status)
    return array_finish(&builder, &array.shape, evaluation->arena, result, evaluation->error);
  array_builder_deinit(&builder);
  return status;
}

static int array_modifier(CALL)
{
  struct type type = {.id = evaluation->argument_types[0], .modifier = (int32_t)arguments[1].integer};
  *result = arguments[0];
  return value_apply_modifier(type, arguments[2].integer, evaluation->arena, result, evaluation->error);
}

#define CAST(name, code, result, count, ...)                                                        \
  {name, 0, result, count, {__VA_ARGS__}, code, FUNCTION_STABLE, false, false, true}

const struct function text_from_array_function = CAST("text", text_from_array, TEXT, 1, TYPE_ANY_ARRAY);
const struct function array_from_text_function = CAST("array", array_from_text_cast, TYPE_ANY_ARRAY, 1, TEXT);
const struct function array_cast_function = CAST("array", array_cast, TYPE_ANY_ARRAY, 1, TYPE_ANY_ARRAY);
const struct function array_modifier_function =
    PURE_TYPED("array", array_modifier, TYPE_ANY_ARRAY, 3, TYPE_ANY_ARRAY, INT4, BOOLEAN);
