// Enums: casts from text and to it, their order, and enum_first and its kin.
//
// What an enum has for values stands in constant arguments of the calls, so that they run wherever programs run: an array
// of all values, and the enum's name for messages.
#include "data/enum.h"

#include "expr/array_tools.h"

// All arrays of enums lie in the same bytes.
static struct array values_of(const struct value *value)
{
  return array_of((enum type_id)(TYPE_USER_FIRST | TYPE_USER_ARRAY), value);
}

static int enum_from_text_cast(CALL)
{
  struct array values = values_of(&arguments[1]);
  for (struct array_walk walk = array_walk(&values); array_next(&walk, result);)
    if (bytes_compare(enum_text(result), bytes_of_value(&arguments[0])) == 0)
      return STATUS_OK;
  return error_set(evaluation->error, SQLSTATE_INVALID_TEXT_REPRESENTATION, "invalid input value for enum %.*s: \"%.*s\"",
                   (int)arguments[2].size, (const char *)arguments[2].data, (int)arguments[0].size,
                   (const char *)arguments[0].data);
}

static int text_from_enum_cast(CALL)
{
  struct bytes text = enum_text(&arguments[0]);
  *result = value_bytes(text.data, (uint32_t)text.size);
  return STATUS_OK;
}

#define CAST(name, code, result, ...) {name, 0, result, 1, {__VA_ARGS__}, code, FUNCTION_PURE, false, false, true}

const struct function enum_from_text_function = CAST("enum", enum_from_text_cast, TYPE_ANY_ENUM, TEXT);
const struct function text_from_enum_function = CAST("text", text_from_enum_cast, TEXT, TYPE_ANY_ENUM);

COMPARISONS(enum, BY_TYPE(evaluation->argument_types[0]))

static int value_at(struct evaluation *evaluation, const struct value *arguments, bool is_last, struct value *result)
{
  struct array values = values_of(&arguments[1]);
  if (values.count == 0)
    return error_set(evaluation->error, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE, "enum %.*s contains no values",
                     (int)arguments[2].size, (const char *)arguments[2].data);
  array_get(&values, is_last ? values.count - 1 : 0, result);
  return STATUS_OK;
}

static int enum_first(CALL) { return value_at(evaluation, arguments, false, result); }
static int enum_last(CALL) { return value_at(evaluation, arguments, true, result); }

static int enum_range(CALL)
{
  *result = arguments[1];
  return STATUS_OK;
}

// From one value to another; NULL: to the end.
static int enum_range_between(CALL)
{
  enum type_id type = evaluation->argument_types[0];
  struct array values = values_of(&arguments[2]);
  struct array_builder builder;
  struct value value;
  array_builder_init(&builder, type, evaluation->arena->account);
  for (struct array_walk walk = array_walk(&values); array_next(&walk, &value);)
    if ((arguments[0].is_null || value_compare(type, &arguments[0], &value) <= 0) &&
        (arguments[1].is_null || value_compare(type, &arguments[1], &value) >= 0))
      array_add(&builder, &value);
  struct array_shape shape = array_line(builder.count);
  return array_finish(&builder, &shape, evaluation->arena, result, evaluation->error);
}

#define COMPARISON(name, code) TYPED_OPERATOR(name, enum_##code, BOOLEAN, 2, TYPE_ANY_ENUM, TYPE_ANY_ENUM)

const struct function enum_functions[] = {
    COMPARISON("=", equal),
    COMPARISON("<>", unequal),
    COMPARISON("<", less),
    COMPARISON("<=", at_most),
    COMPARISON(">", greater),
    COMPARISON(">=", at_least),
    PURE_TYPED_NULLS("enum_first", enum_first, TYPE_ANY_ENUM, 1, TYPE_ANY_ENUM),
    PURE_TYPED_NULLS("enum_last", enum_last, TYPE_ANY_ENUM, 1, TYPE_ANY_ENUM),
    PURE_TYPED_NULLS("enum_range", enum_range, TYPE_ANY_ARRAY, 1, TYPE_ANY_ENUM),
    PURE_TYPED_NULLS("enum_range", enum_range_between, TYPE_ANY_ARRAY, 2, TYPE_ANY_ENUM, TYPE_ANY_ENUM),
    {0},
};
