// Mathematical functions on double precision and numeric, with PostgreSQL's domain errors.
#include <math.h>

#include "base/hash.h"
#include "data/jsonb.h"
#include "data/numeric.h"
#include "expr/tables.h"

static int overflow(struct evaluation *evaluation)
{
  return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow");
}

static int underflow(struct evaluation *evaluation)
{
  return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: underflow");
}

static int bad_input(struct evaluation *evaluation)
{
  return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "input is out of range");
}

static int float8_of(double v, struct value *result)
{
  *result = value_float8(v);
  return STATUS_OK;
}

// ---- double precision: total functions ----

#define TOTAL(name, expression)                                                                     \
  static int name(CALL)                                                                             \
  {                                                                                                 \
    double v = arguments[0].float8;                                                                 \
    return float8_of(expression, result);                                                           \
  }
TOTAL(float8_ceil, ceil(v))
TOTAL(float8_floor, floor(v))
TOTAL(float8_round, rint(v))
TOTAL(float8_trunc, trunc(v))
TOTAL(float8_cbrt, cbrt(v))
TOTAL(float8_sign, (double)((v > 0) - (v < 0)))
TOTAL(float8_atan, atan(v))
TOTAL(float8_tanh, tanh(v))
TOTAL(float8_asinh, asinh(v))
TOTAL(float8_sinh, sinh(v))
TOTAL(float8_cosh, cosh(v))
TOTAL(float8_radians, v * (M_PI / 180.0))

// ---- double precision: with a domain ----

#define PARTIAL(name, expression, is_outside)                                                       \
  static int name(CALL)                                                                             \
  {                                                                                                 \
    double v = arguments[0].float8;                                                                 \
    return is_outside ? bad_input(evaluation) : float8_of(expression, result);                      \
  }
PARTIAL(float8_sin, sin(v), isinf(v))
PARTIAL(float8_cos, cos(v), isinf(v))
PARTIAL(float8_tan, tan(v), isinf(v))
PARTIAL(float8_cot, 1.0 / tan(v), isinf(v))
PARTIAL(float8_asin, asin(v), v < -1 || v > 1)
PARTIAL(float8_acos, acos(v), v < -1 || v > 1)
PARTIAL(float8_acosh, acosh(v), v < 1)
PARTIAL(float8_atanh, atanh(v), v < -1 || v > 1)

static int float8_degrees(CALL)
{
  double v = arguments[0].float8 / (M_PI / 180.0);
  return isinf(v) && !isinf(arguments[0].float8) ? overflow(evaluation) : float8_of(v, result);
}

static int float8_atan2(CALL) { return float8_of(atan2(arguments[0].float8, arguments[1].float8), result); }

static int float8_sqrt(CALL)
{
  double v = arguments[0].float8;
  if (v < 0)
    return error_set(evaluation->error, SQLSTATE_INVALID_ARGUMENT_FOR_POWER_FUNCTION,
                     "cannot take square root of a negative number");
  return float8_of(sqrt(v), result);
}

static int float8_exp(CALL)
{
  double v = arguments[0].float8, out = exp(v);
  if (isinf(out) && !isinf(v))
    return overflow(evaluation);
  return out == 0 && !isinf(v) ? underflow(evaluation) : float8_of(out, result);
}

static int logarithm_domain(struct evaluation *evaluation, double v)
{
  if (v == 0)
    return error_set(evaluation->error, SQLSTATE_INVALID_ARGUMENT_FOR_LOGARITHM, "cannot take logarithm of zero");
  if (v < 0)
    return error_set(evaluation->error, SQLSTATE_INVALID_ARGUMENT_FOR_LOGARITHM,
                     "cannot take logarithm of a negative number");
  return STATUS_OK;
}

static int float8_ln(CALL)
{
  int status = logarithm_domain(evaluation, arguments[0].float8);
  return status == STATUS_OK ? float8_of(log(arguments[0].float8), result) : status;
}

static int float8_log10(CALL)
{
  int status = logarithm_domain(evaluation, arguments[0].float8);
  return status == STATUS_OK ? float8_of(log10(arguments[0].float8), result) : status;
}

static int float8_power(CALL)
{
  double base = arguments[0].float8, exponent = arguments[1].float8;
  if (base == 0 && exponent < 0)
    return error_set(evaluation->error, SQLSTATE_INVALID_ARGUMENT_FOR_POWER_FUNCTION,
                     "zero raised to a negative power is undefined");
  if (base < 0 && !isinf(exponent) && !isnan(base) && floor(exponent) != exponent && !isnan(exponent) && !isinf(base))
    return error_set(evaluation->error, SQLSTATE_INVALID_ARGUMENT_FOR_POWER_FUNCTION,
                     "a negative number raised to a non-integer power yields a complex result");
  double out = pow(base, exponent);
  if (isinf(out) && !isinf(base) && !isinf(exponent))
    return overflow(evaluation);
  if (out == 0 && base != 0 && !isinf(base) && !isinf(exponent))
    return underflow(evaluation);
  return float8_of(out, result);
}

static int bad_bucket(struct evaluation *evaluation, const char *why)
{
  return error_set(evaluation->error, "2201G", "%s", why);
}

static int bucket_result(struct evaluation *evaluation, double bucket, struct value *result)
{
  if (bucket > INT32_MAX)
    return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range");
  *result = value_integer((int64_t)bucket);
  return STATUS_OK;
}

static int float8_width_bucket(CALL)
{
  double v = arguments[0].float8, low = arguments[1].float8, high = arguments[2].float8;
  double count = (double)arguments[3].integer;
  if (count <= 0)
    return bad_bucket(evaluation, "count must be greater than zero");
  if (isnan(v) || isnan(low) || isnan(high))
    return bad_bucket(evaluation, "operand, lower bound, and upper bound cannot be NaN");
  if (isinf(low) || isinf(high))
    return bad_bucket(evaluation, "lower and upper bounds must be finite");
  if (low == high)
    return bad_bucket(evaluation, "lower bound cannot equal upper bound");
  if (low < high ? v < low : v > low)
    return bucket_result(evaluation, 0, result);
  if (low < high ? v >= high : v <= high)
    return bucket_result(evaluation, count + 1, result);
  double place = floor(count * ((v - low) / (high - low)));
  return bucket_result(evaluation, (place >= count ? count - 1 : place) + 1, result);
}

static int pi_value(CALL) { return float8_of(M_PI, result); }

static int set_seed(CALL)
{
  double seed = arguments[0].float8;
  if (seed < -1 || seed > 1 || isnan(seed))
    return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE,
                     "setseed parameter %g is out of allowed range [-1,1]", seed);
  return call_session(evaluation, "setseed", arguments, argument_count, result);
}

// 53 bits of the statement's random numbers: [0, 1).
static int random_value(CALL)
{
  if (!evaluation->hooks || !evaluation->hooks->random)
    return error_set(evaluation->error, SQLSTATE_FEATURE_NOT_SUPPORTED, "function random() cannot be called here");
  return float8_of((double)(evaluation->hooks->random(evaluation) >> 11) * 0x1p-53, result);
}

// ---- integers ----

static uint64_t magnitude(int64_t v) { return v < 0 ? 0 - (uint64_t)v : (uint64_t)v; }

static uint64_t greatest_divisor(uint64_t a, uint64_t b)
{
  while (b) {
    uint64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

static int integer_gcd(struct evaluation *evaluation, const struct value *arguments, int64_t high, const char *type,
                       struct value *result)
{
  uint64_t divisor = greatest_divisor(magnitude(arguments[0].integer), magnitude(arguments[1].integer));
  if (divisor > (uint64_t)high)
    return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "%s out of range", type);
  *result = value_integer((int64_t)divisor);
  return STATUS_OK;
}

static int integer_lcm(struct evaluation *evaluation, const struct value *arguments, int64_t high, const char *type,
                       struct value *result)
{
  uint64_t a = magnitude(arguments[0].integer), b = magnitude(arguments[1].integer), multiple = 0;
  if (a && b && (__builtin_mul_overflow(a / greatest_divisor(a, b), b, &multiple) || multiple > (uint64_t)high))
    return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "%s out of range", type);
  *result = value_integer((int64_t)multiple);
  return STATUS_OK;
}

static int int4_gcd(CALL) { return integer_gcd(evaluation, arguments, INT32_MAX, "integer", result); }
static int int8_gcd(CALL) { return integer_gcd(evaluation, arguments, INT64_MAX, "bigint", result); }
static int int4_lcm(CALL) { return integer_lcm(evaluation, arguments, INT32_MAX, "integer", result); }
static int int8_lcm(CALL) { return integer_lcm(evaluation, arguments, INT64_MAX, "bigint", result); }

// ---- numeric ----

#define NUMERIC_UNARY(name)                                                                         \
  static int n_##name(CALL) { return numeric_##name(&arguments[0], evaluation->arena, result, evaluation->error); }
NUMERIC_UNARY(floor)
NUMERIC_UNARY(ceiling)
NUMERIC_UNARY(sqrt)
NUMERIC_UNARY(exp)
NUMERIC_UNARY(ln)

static int n_power(CALL)
{
  return numeric_power(&arguments[0], &arguments[1], evaluation->arena, result, evaluation->error);
}

static int n_log(CALL)
{
  return numeric_log(&arguments[0], &arguments[1], evaluation->arena, result, evaluation->error);
}

static int n_log10(CALL)
{
  struct value ten;
  int status = numeric_from_int64(10, evaluation->arena, &ten, evaluation->error);
  return status == STATUS_OK ? numeric_log(&ten, &arguments[0], evaluation->arena, result, evaluation->error) : status;
}

static int scale_argument(const struct value *arguments, int argument_count)
{
  int64_t scale = argument_count > 1 ? arguments[1].integer : 0;
  return scale < -2000 ? -2000 : scale > 2000 ? 2000 : (int)scale;
}

static int n_round(CALL)
{
  return numeric_round(&arguments[0], scale_argument(arguments, argument_count), evaluation->arena, result,
                       evaluation->error);
}

static int n_trunc(CALL)
{
  return numeric_truncate(&arguments[0], scale_argument(arguments, argument_count), evaluation->arena, result,
                          evaluation->error);
}

static int n_sign(CALL)
{
  int sign = numeric_sign(&arguments[0]);
  *result = arguments[0];
  return sign == 2 ? STATUS_OK : numeric_from_int64(sign, evaluation->arena, result, evaluation->error);
}

static int n_scale(CALL)
{
  *result = arguments[0].data[0] == 0 ? value_integer(numeric_scale(&arguments[0])) : value_null();
  return STATUS_OK;
}

// How many digits behind the point its value has, whatever it shows.
static int smallest_scale(struct evaluation *evaluation, const struct value *v, int *scale)
{
  *scale = numeric_scale(v);
  while (*scale > 0) {
    struct value cut;
    int status = numeric_truncate(v, *scale - 1, evaluation->arena, &cut, evaluation->error);
    if (status != STATUS_OK || numeric_compare(&cut, v) != 0)
      return status;
    --*scale;
  }
  return STATUS_OK;
}

static int n_min_scale(CALL)
{
  int scale = 0;
  bool is_finite = arguments[0].data[0] == 0;
  int status = is_finite ? smallest_scale(evaluation, &arguments[0], &scale) : STATUS_OK;
  *result = is_finite ? value_integer(scale) : value_null();
  return status;
}

static int n_trim_scale(CALL)
{
  int scale;
  *result = arguments[0];
  if (arguments[0].data[0] != 0)
    return STATUS_OK;
  int status = smallest_scale(evaluation, &arguments[0], &scale);
  return status == STATUS_OK ? numeric_round(&arguments[0], scale, evaluation->arena, result, evaluation->error)
                             : status;
}

static int n_increase(CALL)
{
  struct value one;
  int status = numeric_from_int64(1, evaluation->arena, &one, evaluation->error);
  return status == STATUS_OK ? numeric_add(&arguments[0], &one, evaluation->arena, result, evaluation->error) : status;
}

// Products grow: each is made in an arena of its own, and the one before is let go.
static int factorial(CALL)
{
  enum { FACTORIAL_LIMIT = 32177 }; // of more the product has more digits than a numeric
  struct arena arenas[2];
  int64_t n = arguments[0].integer;
  if (n < 0)
    return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE,
                     "factorial of a negative number is undefined");
  if (n > FACTORIAL_LIMIT)
    return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format");
  arena_init(&arenas[0], evaluation->arena->account);
  arena_init(&arenas[1], evaluation->arena->account);
  struct value product, factor, next;
  int turn = 0, status = numeric_from_int64(1, &arenas[turn], &product, evaluation->error);
  for (int64_t i = 2; i <= n && status == STATUS_OK; i++) {
    turn = !turn;
    arena_reset(&arenas[turn]);
    status = numeric_from_int64(i, &arenas[turn], &factor, evaluation->error);
    if (status == STATUS_OK)
      status = numeric_multiply(&product, &factor, &arenas[turn], &next, evaluation->error);
    product = next;
  }
  if (status == STATUS_OK) {
    *result = product;
    status = value_copy(TYPE_NUMERIC, result, evaluation->arena) ? STATUS_OK : error_memory(evaluation->error);
  }
  arena_deinit(&arenas[0]);
  arena_deinit(&arenas[1]);
  return status;
}

// The quotient's whole part: a less its remainder divides evenly, so nothing is rounded.
static int n_div(CALL)
{
  struct arena *arena = evaluation->arena;
  struct value rest, whole, quotient;
  int status = numeric_modulo(&arguments[0], &arguments[1], arena, &rest, evaluation->error);
  if (status == STATUS_OK && rest.data[0] != 0)
    return numeric_divide(&arguments[0], &arguments[1], arena, result, evaluation->error);
  if (status == STATUS_OK)
    status = numeric_subtract(&arguments[0], &rest, arena, &whole, evaluation->error);
  if (status == STATUS_OK)
    status = numeric_divide(&whole, &arguments[1], arena, &quotient, evaluation->error);
  return status == STATUS_OK ? numeric_truncate(&quotient, 0, arena, result, evaluation->error) : status;
}

static int n_absolute(struct evaluation *evaluation, const struct value *v, struct value *result)
{
  *result = *v;
  return numeric_sign(v) == -1 ? numeric_negate(v, evaluation->arena, result, evaluation->error) : STATUS_OK;
}

static int n_gcd(CALL)
{
  struct value a, b = arguments[1];
  int scale = numeric_scale(&arguments[0]) > numeric_scale(&b) ? numeric_scale(&arguments[0]) : numeric_scale(&b);
  if (arguments[0].data[0] != 0 || b.data[0] != 0)
    return value_from_text(type_plain(TYPE_NUMERIC), bytes_of_string("NaN"), &format_settings_default,
                           evaluation->arena, result, evaluation->error);
  int status = n_absolute(evaluation, &arguments[0], &a);
  while (status == STATUS_OK && numeric_sign(&b) != 0) {
    struct value rest;
    status = numeric_modulo(&a, &b, evaluation->arena, &rest, evaluation->error);
    a = b;
    b = rest;
  }
  if (status == STATUS_OK)
    status = n_absolute(evaluation, &a, &b);
  return status == STATUS_OK ? numeric_round(&b, scale, evaluation->arena, result, evaluation->error) : status;
}

static int n_lcm(CALL)
{
  struct arena *arena = evaluation->arena;
  struct value divisor, part, product, whole;
  int status = n_gcd(evaluation, arguments, 2, &divisor);
  if (status != STATUS_OK || numeric_sign(&divisor) == 2 || numeric_sign(&divisor) == 0) {
    *result = divisor;
    return status;
  }
  int scale = numeric_scale(&divisor);
  status = numeric_divide(&arguments[0], &divisor, arena, &part, evaluation->error);
  if (status == STATUS_OK)
    status = numeric_round(&part, 0, arena, &whole, evaluation->error);
  if (status == STATUS_OK)
    status = numeric_multiply(&whole, &arguments[1], arena, &product, evaluation->error);
  if (status == STATUS_OK)
    status = n_absolute(evaluation, &product, &part);
  return status == STATUS_OK ? numeric_round(&part, scale, arena, result, evaluation->error) : status;
}

static int n_width_bucket(CALL)
{
  struct arena *arena = evaluation->arena;
  struct error *error = evaluation->error;
  const struct value *v = &arguments[0], *low = &arguments[1], *high = &arguments[2];
  struct value count, part, span, product, place, whole;
  if (arguments[3].integer <= 0)
    return bad_bucket(evaluation, "count must be greater than zero");
  if (numeric_sign(v) == 2 || numeric_sign(low) == 2 || numeric_sign(high) == 2)
    return bad_bucket(evaluation, "operand, lower bound, and upper bound cannot be NaN");
  if (low->data[0] != 0 || high->data[0] != 0)
    return bad_bucket(evaluation, "lower and upper bounds must be finite");
  int order = numeric_compare(low, high);
  if (order == 0)
    return bad_bucket(evaluation, "lower bound cannot equal upper bound");
  if (numeric_compare(v, low) * order > 0)
    return bucket_result(evaluation, 0, result);
  if (numeric_compare(v, high) * order <= 0)
    return bucket_result(evaluation, (double)arguments[3].integer + 1, result);
  int status = numeric_from_int64(arguments[3].integer, arena, &count, error);
  if (status == STATUS_OK)
    status = numeric_subtract(v, low, arena, &part, error);
  if (status == STATUS_OK)
    status = numeric_subtract(high, low, arena, &span, error);
  if (status == STATUS_OK)
    status = numeric_multiply(&part, &count, arena, &product, error);
  struct value both[2] = {product, span};
  if (status == STATUS_OK)
    status = n_div(evaluation, both, 2, &place);
  if (status == STATUS_OK)
    status = numeric_truncate(&place, 0, arena, &whole, error);
  int64_t number = 0;
  if (status == STATUS_OK)
    status = numeric_to_int64(&whole, 0, INT32_MAX, "integer", &number, error);
  return status == STATUS_OK ? bucket_result(evaluation, (double)number + 1, result) : status;
}

// ---- TABLESAMPLE ----

static int bad_sample(struct evaluation *evaluation, bool of_seed, const char *text)
{
  const char *code = of_seed ? SQLSTATE_INVALID_TABLESAMPLE_REPEAT : SQLSTATE_INVALID_TABLESAMPLE_ARGUMENT;
  return error_set(evaluation->error, code, "%s", text);
}

// Is the row kept? percent [, seed, the row]: with a seed what is drawn follows from the two.
static int table_sample(CALL)
{
  double percent = arguments[0].float8, drawn;
  if (arguments[0].is_null)
    return bad_sample(evaluation, false, "TABLESAMPLE parameter cannot be null");
  if (!(percent >= 0 && percent <= 100))
    return bad_sample(evaluation, false, "sample percentage must be between 0 and 100");
  if (argument_count > 1 && arguments[1].is_null)
    return bad_sample(evaluation, true, "TABLESAMPLE REPEATABLE parameter cannot be null");
  if (argument_count > 1) {
    uint64_t seed;
    double given = arguments[1].float8 + 0.0; // -0 is 0
    memcpy(&seed, &given, sizeof seed);
    uint64_t row = arguments[2].is_null ? 0 : jsonb_hash(jsonb_of(&arguments[2]), 0);
    seed = hash64(&row, sizeof row, seed);
    drawn = (double)(seed >> 11) * 0x1p-53;
  } else {
    struct value random;
    int status = random_value(evaluation, NULL, 0, &random);
    if (status)
      return status;
    drawn = random.float8;
  }
  *result = value_boolean(drawn * 100 < percent);
  return STATUS_OK;
}

// ---- the table ----

#define FLOAT8_ROW(name, code) PURE(name, code, FLOAT8, 1, FLOAT8)
#define BOTH_ROWS(name, float8, numeric) FLOAT8_ROW(name, float8), PURE(name, numeric, NUMERIC, 1, NUMERIC)

const struct function math_functions[] = {
    BOTH_ROWS("ceil", float8_ceil, n_ceiling),
    BOTH_ROWS("ceiling", float8_ceil, n_ceiling),
    BOTH_ROWS("floor", float8_floor, n_floor),
    BOTH_ROWS("round", float8_round, n_round),
    PURE("round", n_round, NUMERIC, 2, NUMERIC, INT4),
    BOTH_ROWS("trunc", float8_trunc, n_trunc),
    PURE("trunc", n_trunc, NUMERIC, 2, NUMERIC, INT4),
    BOTH_ROWS("sign", float8_sign, n_sign),
    BOTH_ROWS("sqrt", float8_sqrt, n_sqrt),
    OPERATOR("|/", float8_sqrt, FLOAT8, 1, FLOAT8),
    FLOAT8_ROW("cbrt", float8_cbrt),
    OPERATOR("||/", float8_cbrt, FLOAT8, 1, FLOAT8),
    BOTH_ROWS("exp", float8_exp, n_exp),
    BOTH_ROWS("ln", float8_ln, n_ln),
    BOTH_ROWS("log", float8_log10, n_log10),
    BOTH_ROWS("log10", float8_log10, n_log10),
    PURE("log", n_log, NUMERIC, 2, NUMERIC, NUMERIC),
    PURE("power", float8_power, FLOAT8, 2, FLOAT8, FLOAT8),
    PURE("power", n_power, NUMERIC, 2, NUMERIC, NUMERIC),
    PURE("pow", float8_power, FLOAT8, 2, FLOAT8, FLOAT8),
    PURE("pow", n_power, NUMERIC, 2, NUMERIC, NUMERIC),
    OPERATOR("^", float8_power, FLOAT8, 2, FLOAT8, FLOAT8),
    OPERATOR("^", n_power, NUMERIC, 2, NUMERIC, NUMERIC),
    PURE("div", n_div, NUMERIC, 2, NUMERIC, NUMERIC),
    PURE("scale", n_scale, INT4, 1, NUMERIC),
    PURE("min_scale", n_min_scale, INT4, 1, NUMERIC),
    PURE("trim_scale", n_trim_scale, NUMERIC, 1, NUMERIC),
    PURE("numeric_inc", n_increase, NUMERIC, 1, NUMERIC),
    PURE("factorial", factorial, NUMERIC, 1, INT8),
    PURE("gcd", int4_gcd, INT4, 2, INT4, INT4),
    PURE("gcd", int8_gcd, INT8, 2, INT8, INT8),
    PURE("gcd", n_gcd, NUMERIC, 2, NUMERIC, NUMERIC),
    PURE("lcm", int4_lcm, INT4, 2, INT4, INT4),
    PURE("lcm", int8_lcm, INT8, 2, INT8, INT8),
    PURE("lcm", n_lcm, NUMERIC, 2, NUMERIC, NUMERIC),
    PURE("width_bucket", float8_width_bucket, INT4, 4, FLOAT8, FLOAT8, FLOAT8, INT4),
    PURE("width_bucket", n_width_bucket, INT4, 4, NUMERIC, NUMERIC, NUMERIC, INT4),
    FLOAT8_ROW("degrees", float8_degrees),
    FLOAT8_ROW("radians", float8_radians),
    FLOAT8_ROW("sin", float8_sin),
    FLOAT8_ROW("cos", float8_cos),
    FLOAT8_ROW("tan", float8_tan),
    FLOAT8_ROW("cot", float8_cot),
    FLOAT8_ROW("asin", float8_asin),
    FLOAT8_ROW("acos", float8_acos),
    FLOAT8_ROW("atan", float8_atan),
    FLOAT8_ROW("sinh", float8_sinh),
    FLOAT8_ROW("cosh", float8_cosh),
    FLOAT8_ROW("tanh", float8_tanh),
    FLOAT8_ROW("asinh", float8_asinh),
    FLOAT8_ROW("acosh", float8_acosh),
    FLOAT8_ROW("atanh", float8_atanh),
    PURE("atan2", float8_atan2, FLOAT8, 2, FLOAT8, FLOAT8),
    ROW("pi", pi_value, FLOAT8, 0, FUNCTION_PURE, false, false, 0),
    ROW("tablesample", table_sample, BOOLEAN, 1, FUNCTION_KEPT, true, false, FLOAT8),
    ROW("tablesample", table_sample, BOOLEAN, 3, FUNCTION_STABLE, true, false, FLOAT8, FLOAT8, JSONB),
    ROW("setseed", set_seed, TYPE_VOID, 1, FUNCTION_ONCE, false, false, FLOAT8),
    ROW("random", random_value, FLOAT8, 0, FUNCTION_KEPT, false, false, 0),
    {0},
};
