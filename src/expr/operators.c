// Operators: comparison, arithmetic, bits and concatenation, with PostgreSQL's overflow errors.
#include <math.h>

#include "data/numeric.h"
#include "expr/tables.h"

static int out_of_range(struct evaluation *evaluation, const char *type)
{
  return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "%s out of range", type);
}

static int division_by_zero(struct evaluation *evaluation)
{
  return error_set(evaluation->error, SQLSTATE_DIVISION_BY_ZERO, "division by zero");
}

// ---- comparison ----

// A timestamp without zone against one with: the former is meant in the session's zone.
static int compare_zoned(struct evaluation *evaluation, int64_t local, int64_t utc)
{
  local = zone_to_utc(settings_of(evaluation)->zone, local);
  return (local > utc) - (local < utc);
}

COMPARISONS(integer, (arguments[0].integer > arguments[1].integer) - (arguments[0].integer < arguments[1].integer))
COMPARISONS(float8, BY_TYPE(TYPE_FLOAT8))
COMPARISONS(numeric, BY_TYPE(TYPE_NUMERIC))
COMPARISONS(text, BY_TYPE(TYPE_TEXT))
COMPARISONS(bpchar, BY_TYPE(TYPE_BPCHAR))
COMPARISONS(char1, BY_TYPE(TYPE_CHAR1))
COMPARISONS(jsonb, BY_TYPE(TYPE_JSONB))
COMPARISONS(record, BY_TYPE(TYPE_RECORD))
COMPARISONS(local_zoned, compare_zoned(evaluation, arguments[0].integer, arguments[1].integer))
COMPARISONS(zoned_local, -compare_zoned(evaluation, arguments[1].integer, arguments[0].integer))

// ---- integers ----

#define INTEGER_ARITHMETIC(name, low, high, text)                                                   \
  static int name##_result(struct evaluation *evaluation, bool overflow, int64_t v, struct value *result) \
  {                                                                                                 \
    if (overflow || v < (low) || v > (high))                                                        \
      return out_of_range(evaluation, text);                                                        \
    *result = value_integer(v);                                                                     \
    return STATUS_OK;                                                                               \
  }                                                                                                 \
  static int name##_add(CALL)                                                                       \
  {                                                                                                 \
    int64_t v;                                                                                      \
    bool overflow = __builtin_add_overflow(arguments[0].integer, arguments[1].integer, &v);         \
    return name##_result(evaluation, overflow, v, result);                                          \
  }                                                                                                 \
  static int name##_subtract(CALL)                                                                  \
  {                                                                                                 \
    int64_t v;                                                                                      \
    bool overflow = __builtin_sub_overflow(arguments[0].integer, arguments[1].integer, &v);         \
    return name##_result(evaluation, overflow, v, result);                                          \
  }                                                                                                 \
  static int name##_multiply(CALL)                                                                  \
  {                                                                                                 \
    int64_t v;                                                                                      \
    bool overflow = __builtin_mul_overflow(arguments[0].integer, arguments[1].integer, &v);         \
    return name##_result(evaluation, overflow, v, result);                                          \
  }                                                                                                 \
  static int name##_divide(CALL)                                                                    \
  {                                                                                                 \
    if (arguments[1].integer == 0)                                                                  \
      return division_by_zero(evaluation);                                                          \
    if (arguments[1].integer == -1) {                                                               \
      int64_t v;                                                                                    \
      bool overflow = __builtin_sub_overflow((int64_t)0, arguments[0].integer, &v);                 \
      return name##_result(evaluation, overflow, v, result);                                        \
    }                                                                                               \
    return name##_result(evaluation, false, arguments[0].integer / arguments[1].integer, result);   \
  }                                                                                                 \
  static int name##_negate(CALL)                                                                    \
  {                                                                                                 \
    int64_t v;                                                                                      \
    bool overflow = __builtin_sub_overflow((int64_t)0, arguments[0].integer, &v);                   \
    return name##_result(evaluation, overflow, v, result);                                          \
  }                                                                                                 \
  static int name##_absolute(CALL)                                                                  \
  {                                                                                                 \
    int64_t v = arguments[0].integer;                                                               \
    bool overflow = v < 0 && __builtin_sub_overflow((int64_t)0, arguments[0].integer, &v);          \
    return name##_result(evaluation, overflow, v, result);                                          \
  }
INTEGER_ARITHMETIC(int2, INT16_MIN, INT16_MAX, "smallint")
INTEGER_ARITHMETIC(int4, INT32_MIN, INT32_MAX, "integer")
INTEGER_ARITHMETIC(int8, INT64_MIN, INT64_MAX, "bigint")

static int integer_modulo(CALL)
{
  if (arguments[1].integer == 0)
    return division_by_zero(evaluation);
  *result = value_integer(arguments[1].integer == -1 ? 0 : arguments[0].integer % arguments[1].integer);
  return STATUS_OK;
}

static int integer_and(CALL)
{
  *result = value_integer(arguments[0].integer & arguments[1].integer);
  return STATUS_OK;
}

static int integer_or(CALL)
{
  *result = value_integer(arguments[0].integer | arguments[1].integer);
  return STATUS_OK;
}

static int integer_xor(CALL)
{
  *result = value_integer(arguments[0].integer ^ arguments[1].integer);
  return STATUS_OK;
}

static int integer_not(CALL)
{
  *result = value_integer(~arguments[0].integer);
  return STATUS_OK;
}

// Shifts count modulo the width, as PostgreSQL's do on common machines; a 2-byte value is shifted as a 4-byte one.
static int int2_shift_left(CALL)
{
  *result = value_integer((int16_t)((uint32_t)arguments[0].integer << (arguments[1].integer & 31)));
  return STATUS_OK;
}

static int int4_shift_left(CALL)
{
  *result = value_integer((int32_t)((uint32_t)arguments[0].integer << (arguments[1].integer & 31)));
  return STATUS_OK;
}

static int int8_shift_left(CALL)
{
  *result = value_integer((int64_t)((uint64_t)arguments[0].integer << (arguments[1].integer & 63)));
  return STATUS_OK;
}

static int int4_shift_right(CALL)
{
  *result = value_integer((int32_t)arguments[0].integer >> (arguments[1].integer & 31));
  return STATUS_OK;
}

static int int8_shift_right(CALL)
{
  *result = value_integer(arguments[0].integer >> (arguments[1].integer & 63));
  return STATUS_OK;
}

static int same(CALL)
{
  *result = arguments[0];
  return STATUS_OK;
}

// ---- double precision ----

static int float8_result(struct evaluation *evaluation, double v, bool may_be_infinite, bool may_be_zero,
                         struct value *result)
{
  if (isinf(v) && !may_be_infinite)
    return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow");
  if (v == 0 && !may_be_zero)
    return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: underflow");
  *result = value_float8(v);
  return STATUS_OK;
}

int float8_add(CALL)
{
  double a = arguments[0].float8, b = arguments[1].float8;
  return float8_result(evaluation, a + b, isinf(a) || isinf(b), true, result);
}

int float8_subtract(CALL)
{
  double a = arguments[0].float8, b = arguments[1].float8;
  return float8_result(evaluation, a - b, isinf(a) || isinf(b), true, result);
}

int float8_multiply(CALL)
{
  double a = arguments[0].float8, b = arguments[1].float8;
  return float8_result(evaluation, a * b, isinf(a) || isinf(b), a == 0 || b == 0, result);
}

int float8_divide(CALL)
{
  double a = arguments[0].float8, b = arguments[1].float8;
  if (b == 0 && !isnan(a))
    return division_by_zero(evaluation);
  return float8_result(evaluation, a / b, isinf(a) || isinf(b), a == 0 || isinf(b), result);
}

static int float8_negate(CALL)
{
  *result = value_float8(-arguments[0].float8);
  return STATUS_OK;
}

static int float8_absolute(CALL)
{
  *result = value_float8(fabs(arguments[0].float8));
  return STATUS_OK;
}

// ---- numeric ----

#define NUMERIC_BINARY(name)                                                                        \
  static int n_##name(CALL)                                                                         \
  {                                                                                                 \
    return numeric_##name(&arguments[0], &arguments[1], evaluation->arena, result, evaluation->error); \
  }
NUMERIC_BINARY(add)
NUMERIC_BINARY(subtract)
NUMERIC_BINARY(multiply)
NUMERIC_BINARY(divide)
NUMERIC_BINARY(modulo)

static int n_negate(CALL) { return numeric_negate(&arguments[0], evaluation->arena, result, evaluation->error); }

static int n_absolute(CALL)
{
  if (numeric_sign(&arguments[0]) == -1)
    return n_negate(evaluation, arguments, argument_count, result);
  *result = arguments[0];
  return STATUS_OK;
}

// ---- strings ----

int concatenate_bytes(CALL)
{
  size_t left = arguments[0].size, right = arguments[1].size;
  uint8_t *data = result_bytes(evaluation, left + right, result);
  if (!data)
    return error_memory(evaluation->error);
  if (left)
    memcpy(data, arguments[0].data, left);
  if (right)
    memcpy(data + left, arguments[1].data, right);
  return STATUS_OK;
}

static struct value truth_text(const struct value *boolean)
{
  return value_string(boolean->integer ? "true" : "false");
}

static int concatenate_boolean_text(CALL)
{
  struct value both[2] = {truth_text(&arguments[0]), arguments[1]};
  return concatenate_bytes(evaluation, both, 2, result);
}

static int concatenate_text_boolean(CALL)
{
  struct value both[2] = {arguments[0], truth_text(&arguments[1])};
  return concatenate_bytes(evaluation, both, 2, result);
}

// ---- the table ----

#define CROSS_ROWS(name, code)                                                                      \
  OPERATOR(name, int2_##code, INT2, 2, INT2, INT2), OPERATOR(name, int4_##code, INT4, 2, INT2, INT4), \
      OPERATOR(name, int8_##code, INT8, 2, INT2, INT8), OPERATOR(name, int4_##code, INT4, 2, INT4, INT2), \
      OPERATOR(name, int4_##code, INT4, 2, INT4, INT4), OPERATOR(name, int8_##code, INT8, 2, INT4, INT8), \
      OPERATOR(name, int8_##code, INT8, 2, INT8, INT2), OPERATOR(name, int8_##code, INT8, 2, INT8, INT4), \
      OPERATOR(name, int8_##code, INT8, 2, INT8, INT8), OPERATOR(name, float8_##code, FLOAT8, 2, FLOAT8, FLOAT8), \
      OPERATOR(name, n_##code, NUMERIC, 2, NUMERIC, NUMERIC)

#define EACH_INTEGER(name, code)                                                                    \
  OPERATOR(name, code, INT2, 2, INT2, INT2), OPERATOR(name, code, INT4, 2, INT4, INT4),             \
      OPERATOR(name, code, INT8, 2, INT8, INT8)

#define UNARY_ROWS(make, name, code)                                                                \
  make(name, int2_##code, INT2, 1, INT2), make(name, int4_##code, INT4, 1, INT4),                   \
      make(name, int8_##code, INT8, 1, INT8), make(name, float8_##code, FLOAT8, 1, FLOAT8),         \
      make(name, n_##code, NUMERIC, 1, NUMERIC)

const struct function operator_functions[] = {
    COMPARISON_ROWS(integer, INT4, INT4),
    COMPARISON_ROWS(integer, INT8, INT8),
    COMPARISON_ROWS(integer, INT2, INT2),
    COMPARISON_ROWS(integer, INT2, INT4),
    COMPARISON_ROWS(integer, INT2, INT8),
    COMPARISON_ROWS(integer, INT4, INT2),
    COMPARISON_ROWS(integer, INT4, INT8),
    COMPARISON_ROWS(integer, INT8, INT2),
    COMPARISON_ROWS(integer, INT8, INT4),
    COMPARISON_ROWS(integer, BOOLEAN, BOOLEAN),
    COMPARISON_ROWS(integer, OID, OID),
    COMPARISON_ROWS(integer, TIMESTAMP, TIMESTAMP),
    COMPARISON_ROWS(integer, TIMESTAMPTZ, TIMESTAMPTZ),
    COMPARISON_ROWS(float8, FLOAT8, FLOAT8),
    COMPARISON_ROWS(numeric, NUMERIC, NUMERIC),
    COMPARISON_ROWS(text, TEXT, TEXT),
    COMPARISON_ROWS(text, NAME, NAME),
    COMPARISON_ROWS(text, NAME, TEXT),
    COMPARISON_ROWS(text, TEXT, NAME),
    COMPARISON_ROWS(bpchar, BPCHAR, BPCHAR),
    COMPARISON_ROWS(char1, CHAR1, CHAR1),
    COMPARISON_ROWS(jsonb, JSONB, JSONB),
    COMPARISON_ROWS(record, TYPE_RECORD, TYPE_RECORD),
    COMPARISON_ROWS(integer, DATE, DATE),
    COMPARISON_ROWS(integer, TIME, TIME),
    STABLE_COMPARISON_ROWS(local_zoned, TIMESTAMP, TIMESTAMPTZ),
    STABLE_COMPARISON_ROWS(zoned_local, TIMESTAMPTZ, TIMESTAMP),
    CROSS_ROWS("+", add),
    CROSS_ROWS("-", subtract),
    CROSS_ROWS("*", multiply),
    CROSS_ROWS("/", divide),
    EACH_INTEGER("%", integer_modulo),
    OPERATOR("%", n_modulo, NUMERIC, 2, NUMERIC, NUMERIC),
    EACH_INTEGER("&", integer_and),
    EACH_INTEGER("|", integer_or),
    EACH_INTEGER("#", integer_xor),
    OPERATOR("~", integer_not, INT2, 1, INT2),
    OPERATOR("~", integer_not, INT4, 1, INT4),
    OPERATOR("~", integer_not, INT8, 1, INT8),
    OPERATOR("<<", int2_shift_left, INT2, 2, INT2, INT4),
    OPERATOR("<<", int4_shift_left, INT4, 2, INT4, INT4),
    OPERATOR("<<", int8_shift_left, INT8, 2, INT8, INT4),
    OPERATOR(">>", int4_shift_right, INT2, 2, INT2, INT4),
    OPERATOR(">>", int4_shift_right, INT4, 2, INT4, INT4),
    OPERATOR(">>", int8_shift_right, INT8, 2, INT8, INT4),
    UNARY_ROWS(OPERATOR, "-", negate),
    UNARY_ROWS(OPERATOR, "@", absolute),
    UNARY_ROWS(PURE, "abs", absolute),
    OPERATOR("+", same, INT2, 1, INT2),
    OPERATOR("+", same, INT4, 1, INT4),
    OPERATOR("+", same, INT8, 1, INT8),
    OPERATOR("+", same, FLOAT8, 1, FLOAT8),
    OPERATOR("+", same, NUMERIC, 1, NUMERIC),
    PURE("mod", integer_modulo, INT2, 2, INT2, INT2),
    PURE("mod", integer_modulo, INT4, 2, INT4, INT4),
    PURE("mod", integer_modulo, INT8, 2, INT8, INT8),
    PURE("mod", n_modulo, NUMERIC, 2, NUMERIC, NUMERIC),
    OPERATOR("||", concatenate_bytes, TEXT, 2, TEXT, TEXT),
    OPERATOR("||", concatenate_boolean_text, TEXT, 2, BOOLEAN, TEXT),
    OPERATOR("||", concatenate_text_boolean, TEXT, 2, TEXT, BOOLEAN),
    OPERATOR("||", concatenate_bytes, TEXT, 2, TYPE_ANY_NONARRAY, TEXT),
    OPERATOR("||", concatenate_bytes, TEXT, 2, TEXT, TYPE_ANY_NONARRAY),
    {0},
};
