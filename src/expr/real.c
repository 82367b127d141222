// real: arithmetic in single precision, comparison with double precision, casts.
#include <math.h>

#include "data/numeric.h"
#include "expr/tables.h"

// A real's value is a double that a float holds, so that both compare alike.
COMPARISONS(real, BY_TYPE(TYPE_FLOAT8))

static int real_result(struct evaluation *evaluation, double v, bool may_be_infinite, bool may_be_zero,
                       struct value *result)
{
  float single = (float)v;
  if (isinf(single) && !may_be_infinite)
    return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow");
  if (single == 0 && !may_be_zero)
    return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: underflow");
  *result = value_float8((double)single);
  return STATUS_OK;
}

// A sum, product or quotient of two floats, rounded to a double and then to a float, is the correctly rounded one.
static int add(CALL)
{
  double a = arguments[0].float8, b = arguments[1].float8;
  return real_result(evaluation, a + b, isinf(a) || isinf(b), true, result);
}

static int subtract(CALL)
{
  double a = arguments[0].float8, b = arguments[1].float8;
  return real_result(evaluation, a - b, isinf(a) || isinf(b), true, result);
}

static int multiply(CALL)
{
  double a = arguments[0].float8, b = arguments[1].float8;
  return real_result(evaluation, a * b, isinf(a) || isinf(b), a == 0 || b == 0, result);
}

static int divide(CALL)
{
  double a = arguments[0].float8, b = arguments[1].float8;
  if (b == 0 && !isnan(a))
    return error_set(evaluation->error, SQLSTATE_DIVISION_BY_ZERO, "division by zero");
  return real_result(evaluation, a / b, isinf(a) || isinf(b), a == 0 || isinf(b), result);
}

static int negate(CALL)
{
  *result = value_float8(-arguments[0].float8);
  return STATUS_OK;
}

static int absolute(CALL)
{
  *result = value_float8(fabs(arguments[0].float8));
  return STATUS_OK;
}

static int same(CALL)
{
  *result = arguments[0];
  return STATUS_OK;
}

// ---- casts ----

static int real_from_integer(CALL)
{
  *result = value_float8((double)(float)arguments[0].integer);
  return STATUS_OK;
}

static int real_from_float8(CALL)
{
  double v = arguments[0].float8;
  return real_result(evaluation, v, isinf(v), v == 0, result);
}

// By its text, as PostgreSQL does: rounded once.
static int real_from_numeric(CALL)
{
  struct buffer text = buffer_for(evaluation);
  value_to_text(TYPE_NUMERIC, &arguments[0], &format_settings_default, &text);
  int status = text.failed ? error_memory(evaluation->error)
                           : value_from_text(type_plain(TYPE_FLOAT4), bytes_of(text.data, text.size),
                                             &format_settings_default, evaluation->arena, result, evaluation->error);
  buffer_deinit(&text);
  return status;
}

#define TO_INTEGER(name, low, high, text)                                                           \
  static int name##_from_real(CALL)                                                                 \
  {                                                                                                 \
    double v = rint(arguments[0].float8);                                                           \
    if (!(v >= (double)(low) && v < (double)(high) + 1.0))                                          \
      return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, text " out of range"); \
    *result = value_integer((int64_t)v);                                                            \
    return STATUS_OK;                                                                               \
  }
TO_INTEGER(int2, INT16_MIN, INT16_MAX, "smallint")
TO_INTEGER(int4, INT32_MIN, INT32_MAX, "integer")
TO_INTEGER(int8, INT64_MIN, INT64_MAX, "bigint")

// Of its six digits that are sure.
static int numeric_from_real(CALL)
{
  double v = arguments[0].float8;
  if (isnan(v) || isinf(v))
    return numeric_from_float8(v, evaluation->arena, result, evaluation->error);
  char *text = arena_format(evaluation->arena, "%.6g", v);
  if (!text)
    return error_memory(evaluation->error);
  return value_from_text(type_plain(TYPE_NUMERIC), bytes_of_string(text), &format_settings_default, evaluation->arena,
                         result, evaluation->error);
}

TO_TEXT(real, TYPE_FLOAT4)
FROM_TEXT(real, TYPE_FLOAT4)

const struct function real_cast_functions[] = {
    PURE("float4", real_from_integer, FLOAT4, 1, INT2),
    PURE("float4", real_from_integer, FLOAT4, 1, INT4),
    PURE("float4", real_from_integer, FLOAT4, 1, INT8),
    PURE("float4", real_from_float8, FLOAT4, 1, FLOAT8),
    PURE("float4", real_from_numeric, FLOAT4, 1, NUMERIC),
    PURE("float4", real_from_text, FLOAT4, 1, TEXT),
    PURE("float8", same, FLOAT8, 1, FLOAT4),
    PURE("int2", int2_from_real, INT2, 1, FLOAT4),
    PURE("int4", int4_from_real, INT4, 1, FLOAT4),
    PURE("int8", int8_from_real, INT8, 1, FLOAT4),
    PURE("numeric", numeric_from_real, NUMERIC, 1, FLOAT4),
    PURE("text", text_from_real, TEXT, 1, FLOAT4),
    {0},
};

#define ARITHMETIC_ROWS(prefix, result, left, right)                                                \
  OPERATOR("+", prefix##add, result, 2, left, right), OPERATOR("-", prefix##subtract, result, 2, left, right), \
      OPERATOR("*", prefix##multiply, result, 2, left, right), OPERATOR("/", prefix##divide, result, 2, left, right)

const struct function real_functions[] = {
    COMPARISON_ROWS(real, FLOAT4, FLOAT4),
    COMPARISON_ROWS(real, FLOAT4, FLOAT8),
    COMPARISON_ROWS(real, FLOAT8, FLOAT4),
    ARITHMETIC_ROWS(, FLOAT4, FLOAT4, FLOAT4),
    ARITHMETIC_ROWS(float8_, FLOAT8, FLOAT4, FLOAT8),
    ARITHMETIC_ROWS(float8_, FLOAT8, FLOAT8, FLOAT4),
    OPERATOR("-", negate, FLOAT4, 1, FLOAT4),
    OPERATOR("+", same, FLOAT4, 1, FLOAT4),
    OPERATOR("@", absolute, FLOAT4, 1, FLOAT4),
    PURE("abs", absolute, FLOAT4, 1, FLOAT4),
    {0},
};
