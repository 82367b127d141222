// Aggregates: states, steps and results, with PostgreSQL's result types.
//
// 1. A state is zeroed memory of state_size; what it points to lies in the arena that the step is given.
// 2. An aggregate of no rows is NULL, count's is 0.
// 3. unstep takes a row out again; those that cannot (min, max, string_agg) have none.
#include <math.h>

#include "data/numeric.h"
#include "expr/moment.h"
#include "expr/array_tools.h"

// ---- count ----

static int count_step(STEP)
{
  ++*(int64_t *)state;
  return STATUS_OK;
}

static int count_unstep(STEP)
{
  --*(int64_t *)state;
  return STATUS_OK;
}

static int count_finish(FINISH)
{
  *result = value_integer(*(int64_t *)state);
  return STATUS_OK;
}

// ---- min, max ----

struct extreme {
  struct value value;
  uint32_t capacity; // of the bytes that value.data points to
  bool is_set;
};

// Keeps the value; its bytes go into room that is used again.
static int extreme_keep(struct evaluation *evaluation, struct extreme *extreme, enum type_id type,
                        const struct value *value, struct arena *arena)
{
  uint8_t *room = extreme->is_set ? (uint8_t *)extreme->value.data : NULL;
  if (type_info(type)->storage != STORAGE_BYTES) {
    extreme->value = *value;
  } else {
    if (!extreme->is_set || value->size > extreme->capacity) {
      uint32_t capacity = value->size < 16 ? 16 : value->size > UINT32_MAX / 2 ? UINT32_MAX : value->size * 2;
      if (!(room = arena_alloc(arena, capacity)))
        return error_memory(evaluation->error);
      extreme->capacity = capacity;
    }
    if (value->size)
      memcpy(room, value->data, value->size);
    extreme->value = value_bytes(room, value->size);
  }
  extreme->is_set = true;
  return STATUS_OK;
}

static int extreme_step(STEP, enum type_id type, int sign)
{
  struct extreme *extreme = state;
  int order = extreme->is_set ? value_compare(type, &arguments[0], &extreme->value) * sign : 1;
  // Of equal ones that look different PostgreSQL keeps the last, of strings the first.
  if (order < 0 || (order == 0 && (type == TYPE_TEXT || type == TYPE_BPCHAR)))
    return STATUS_OK;
  return extreme_keep(evaluation, extreme, type, &arguments[0], arena);
}

static int extreme_finish(FINISH)
{
  const struct extreme *extreme = state;
  *result = extreme->is_set ? extreme->value : value_null();
  return STATUS_OK;
}

#define EXTREMES(name, type)                                                                        \
  static int min_##name(STEP) { return extreme_step(evaluation, state, arguments, arena, type, -1); } \
  static int max_##name(STEP) { return extreme_step(evaluation, state, arguments, arena, type, 1); }
EXTREMES(int2, TYPE_INT2)
EXTREMES(int4, TYPE_INT4)
EXTREMES(int8, TYPE_INT8)
EXTREMES(float8, TYPE_FLOAT8)
EXTREMES(numeric, TYPE_NUMERIC)
EXTREMES(text, TYPE_TEXT)
EXTREMES(bpchar, TYPE_BPCHAR)
EXTREMES(timestamp, TYPE_TIMESTAMP)
EXTREMES(timestamptz, TYPE_TIMESTAMPTZ)
EXTREMES(oid, TYPE_OID)
EXTREMES(float4, TYPE_FLOAT4)
EXTREMES(date, TYPE_DATE)
EXTREMES(time, TYPE_TIME)
EXTREMES(timetz, TYPE_TIMETZ)
EXTREMES(interval, TYPE_INTERVAL)
EXTREMES(own, evaluation->argument_types[0])
#define EXTREME_ROWS(name, type)                                                                    \
  {"min", (type), 1, {(type)}, sizeof(struct extreme), true, min_##name, extreme_finish, NULL}, \
  {"max", (type), 1, {(type)}, sizeof(struct extreme), true, max_##name, extreme_finish, NULL}

// ---- sum and avg of integers: exact in 128 bits ----
// Sums of squares may pass 128 bits: variances go through numeric (struct exact).

struct integer_sum {
  int64_t count;
  __int128 sum;
};

static int integer_sum_step(STEP)
{
  struct integer_sum *s = state;
  s->count++;
  s->sum += arguments[0].integer;
  return STATUS_OK;
}

static int integer_sum_unstep(STEP)
{
  struct integer_sum *s = state;
  s->count--;
  s->sum -= arguments[0].integer;
  return STATUS_OK;
}

static int sum_int8_finish(FINISH) // of int2 and int4
{
  const struct integer_sum *s = state;
  if (s->count == 0) {
    *result = value_null();
    return STATUS_OK;
  }
  if (s->sum != (int64_t)s->sum)
    return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "bigint out of range");
  *result = value_integer((int64_t)s->sum);
  return STATUS_OK;
}

// high * 2^64 + low, built from pieces that numeric takes.
static int numeric_from_int128(struct evaluation *evaluation, __int128 v, struct value *result)
{
  return numeric_from_unscaled(v, 0, evaluation->arena, result, evaluation->error);
}

static int sum_numeric_finish(FINISH) // of int8
{
  const struct integer_sum *s = state;
  *result = value_null();
  return s->count ? numeric_from_int128(evaluation, s->sum, result) : STATUS_OK;
}

static int avg_integer_finish(FINISH)
{
  const struct integer_sum *s = state;
  struct value sum, count;
  *result = value_null();
  if (s->count == 0)
    return STATUS_OK;
  int status = numeric_from_int128(evaluation, s->sum, &sum);
  if (status == STATUS_OK)
    status = numeric_from_int64(s->count, evaluation->arena, &count, evaluation->error);
  return status == STATUS_OK ? numeric_divide(&sum, &count, evaluation->arena, result, evaluation->error) : status;
}

// ---- numeric: exact sums, of squares too, and what cannot be summed counted beside ----

struct kept {
  uint8_t *data;
  uint32_t size, capacity;
};

struct exact {
  int64_t count; // of all below
  int64_t nans, infinities, negative_infinities;
  struct kept sum, squares; // size 0: zero
  int64_t *scales;          // scales[s]: how many values had the display scale s; the result has the highest
  int scale_capacity;
  bool has_small;           // most values are one word long and have one scale: these are summed here, beside `sum`
  int small_scale;
  __int128 small;           // of at most 2^63 words: it fits
};

static int keep(struct evaluation *evaluation, struct kept *kept, const struct value *value, struct arena *arena)
{
  if (value->size > kept->capacity) {
    uint32_t capacity = value->size * 2;
    uint8_t *data = arena_alloc(arena, capacity);
    if (!data)
      return error_memory(evaluation->error);
    kept->data = data;
    kept->capacity = capacity;
  }
  memcpy(kept->data, value->data, value->size);
  kept->size = value->size;
  return STATUS_OK;
}

static int kept_value(struct evaluation *evaluation, const struct kept *kept, struct value *value)
{
  if (kept->size == 0)
    return numeric_from_int64(0, evaluation->arena, value, evaluation->error);
  *value = value_bytes(kept->data, kept->size);
  return STATUS_OK;
}

static int keep_sum(struct evaluation *evaluation, struct kept *kept, const struct value *value, bool add,
                    struct arena *arena)
{
  struct value old, sum;
  int status = kept_value(evaluation, kept, &old);
  if (status == STATUS_OK)
    status = add ? numeric_add(&old, value, evaluation->arena, &sum, evaluation->error)
                 : numeric_subtract(&old, value, evaluation->arena, &sum, evaluation->error);
  return status == STATUS_OK ? keep(evaluation, kept, &sum, arena) : status;
}

static int count_scale(struct evaluation *evaluation, struct exact *exact, int scale, bool add, struct arena *arena)
{
  if (scale >= exact->scale_capacity) {
    int capacity = scale < 8 ? 8 : scale * 2;
    int64_t *scales = ARENA_ARRAY(arena, int64_t, capacity);
    if (!scales)
      return error_memory(evaluation->error);
    if (exact->scale_capacity)
      memcpy(scales, exact->scales, sizeof *scales * (size_t)exact->scale_capacity);
    exact->scales = scales;
    exact->scale_capacity = capacity;
  }
  exact->scales[scale] += add ? 1 : -1;
  return STATUS_OK;
}

// The first byte of a numeric (data/numeric.h).
enum { KIND_FINITE, KIND_NAN, KIND_INFINITY };

static int exact_change(struct evaluation *evaluation, struct exact *exact, const struct value *value, bool add,
                        bool with_squares, struct arena *arena)
{
  int one = add ? 1 : -1;
  struct value square;
  int kind = value->data[0];
  exact->count += one;
  if (kind != KIND_FINITE) {
    *(kind == KIND_NAN        ? &exact->nans
      : kind == KIND_INFINITY ? &exact->infinities
                                 : &exact->negative_infinities) += one;
    return STATUS_OK;
  }
  int64_t word;
  int scale = numeric_scale(value), status = count_scale(evaluation, exact, scale, add, arena);
  bool is_small = numeric_unscaled(value, &word, &scale);
  if (is_small && !exact->has_small) {
    exact->has_small = true;
    exact->small_scale = scale;
  }
  if (is_small && scale == exact->small_scale)
    exact->small += add ? word : -(__int128)word;
  else if (status == STATUS_OK)
    status = keep_sum(evaluation, &exact->sum, value, add, arena);
  if (status != STATUS_OK || !with_squares)
    return status;
  status = numeric_multiply(value, value, evaluation->arena, &square, evaluation->error);
  return status == STATUS_OK ? keep_sum(evaluation, &exact->squares, &square, add, arena) : status;
}

static int numeric_sum_step(STEP) { return exact_change(evaluation, state, &arguments[0], true, false, arena); }
static int numeric_sum_unstep(STEP) { return exact_change(evaluation, state, &arguments[0], false, false, arena); }
static int numeric_variance_step(STEP) { return exact_change(evaluation, state, &arguments[0], true, true, arena); }
static int numeric_variance_unstep(STEP) { return exact_change(evaluation, state, &arguments[0], false, true, arena); }

static int integer_variance_change(struct evaluation *evaluation, void *state, const struct value *argument, bool add,
                                   struct arena *arena)
{
  struct value value;
  int status = numeric_from_int64(argument->integer, evaluation->arena, &value, evaluation->error);
  return status == STATUS_OK ? exact_change(evaluation, state, &value, add, true, arena) : status;
}

static int integer_variance_step(STEP)
{
  return integer_variance_change(evaluation, state, &arguments[0], true, arena);
}

static int integer_variance_unstep(STEP)
{
  return integer_variance_change(evaluation, state, &arguments[0], false, arena);
}

static int special(struct evaluation *evaluation, const char *text, struct value *result)
{
  return value_from_text(type_plain(TYPE_NUMERIC), bytes_of_string(text), &format_settings_default, evaluation->arena,
                         result, evaluation->error);
}

// The highest display scale that is still among the values: what was taken out again leaves no digits behind.
static int highest_scale(const struct exact *exact)
{
  for (int s = exact->scale_capacity - 1; s > 0; s--)
    if (exact->scales[s] > 0)
      return s;
  return 0;
}

// The sum of all finite values, with that scale.
static int exact_total(struct evaluation *evaluation, const struct exact *exact, int scale, struct value *value)
{
  struct value large, small, total;
  struct arena *arena = evaluation->arena;
  int status = kept_value(evaluation, &exact->sum, &large);
  if (status == STATUS_OK)
    status = numeric_from_unscaled(exact->small, exact->small_scale, arena, &small, evaluation->error);
  if (status == STATUS_OK)
    status = numeric_add(&large, &small, arena, &total, evaluation->error);
  return status == STATUS_OK ? numeric_round(&total, scale, arena, value, evaluation->error) : status;
}

static int exact_sum(struct evaluation *evaluation, const struct exact *exact, struct value *result)
{
  if (exact->nans || (exact->infinities && exact->negative_infinities))
    return special(evaluation, "NaN", result);
  if (exact->infinities || exact->negative_infinities)
    return special(evaluation, exact->infinities ? "Infinity" : "-Infinity", result);
  return exact_total(evaluation, exact, highest_scale(exact), result);
}

static int numeric_sum_finish(FINISH)
{
  const struct exact *exact = state;
  *result = value_null();
  return exact->count ? exact_sum(evaluation, exact, result) : STATUS_OK;
}

static int numeric_avg_finish(FINISH)
{
  const struct exact *exact = state;
  struct value sum, count;
  *result = value_null();
  if (exact->count == 0)
    return STATUS_OK;
  int status = exact_sum(evaluation, exact, &sum);
  if (status == STATUS_OK)
    status = numeric_from_int64(exact->count, evaluation->arena, &count, evaluation->error);
  return status == STATUS_OK ? numeric_divide(&sum, &count, evaluation->arena, result, evaluation->error) : status;
}

static int exact_squares(struct evaluation *evaluation, const struct exact *exact, int scale, struct value *value)
{
  struct value whole;
  int status = kept_value(evaluation, &exact->squares, &whole);
  return status == STATUS_OK ? numeric_round(&whole, scale, evaluation->arena, value, evaluation->error) : status;
}

// (n * sum of squares - sum^2) / (n * (n - 1)), or n * n for the population.
static int exact_variance(struct evaluation *evaluation, const struct exact *exact, bool sample, struct value *result)
{
  struct arena *arena = evaluation->arena;
  struct error *error = evaluation->error;
  struct value count, other, sum, squares, square, product, difference, divisor;
  int scale = highest_scale(exact);
  int status = numeric_from_int64(exact->count, arena, &count, error);
  if (status == STATUS_OK)
    status = numeric_from_int64(exact->count - (sample ? 1 : 0), arena, &other, error);
  if (status == STATUS_OK)
    status = exact_total(evaluation, exact, scale, &sum);
  if (status == STATUS_OK)
    status = exact_squares(evaluation, exact, 2 * scale, &squares);
  if (status == STATUS_OK)
    status = numeric_multiply(&sum, &sum, arena, &square, error);
  if (status == STATUS_OK)
    status = numeric_multiply(&squares, &count, arena, &product, error);
  if (status == STATUS_OK)
    status = numeric_subtract(&product, &square, arena, &difference, error);
  if (status == STATUS_OK && numeric_sign(&difference) <= 0)
    return numeric_from_int64(0, arena, result, error);
  if (status == STATUS_OK)
    status = numeric_multiply(&count, &other, arena, &divisor, error);
  return status == STATUS_OK ? numeric_divide(&difference, &divisor, arena, result, error) : status;
}

static int exact_spread(struct evaluation *evaluation, const struct exact *exact, bool sample, bool root,
                        struct value *result)
{
  struct value variance;
  *result = value_null();
  if (exact->count <= (sample ? 1 : 0))
    return STATUS_OK;
  if (exact->nans || exact->infinities || exact->negative_infinities)
    return special(evaluation, "NaN", result);
  int status = exact_variance(evaluation, exact, sample, &variance);
  *result = variance;
  if (status != STATUS_OK || !root)
    return status;
  return numeric_sqrt_to(&variance, numeric_scale(&variance), evaluation->arena, result, evaluation->error);
}

static int exact_var_pop(FINISH) { return exact_spread(evaluation, state, false, false, result); }
static int exact_var_samp(FINISH) { return exact_spread(evaluation, state, true, false, result); }
static int exact_stddev_pop(FINISH) { return exact_spread(evaluation, state, false, true, result); }
static int exact_stddev_samp(FINISH) { return exact_spread(evaluation, state, true, true, result); }

// ---- double precision: Youngs and Cramer's updating formulas (Updating formulae and a pairwise algorithm for
// computing sample variances, 1971, via Chan, Golub and LeVeque), as PostgreSQL uses them ----

struct float_sum {
  double count, sum, squares; // squares: of the differences from the mean
  bool is_set;
};

static int float_overflow(struct evaluation *evaluation)
{
  return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow");
}

static int float_sum_step(STEP)
{
  struct float_sum *s = state;
  double v = arguments[0].float8, sum = s->sum + v;
  if (!s->is_set)
    sum = v; // keeps the sign of a zero
  if (isinf(sum) && !isinf(s->sum) && !isinf(v))
    return float_overflow(evaluation);
  s->sum = sum;
  s->is_set = true;
  return STATUS_OK;
}

// In single precision after each step, as PostgreSQL adds reals.
static int real_sum_step(STEP)
{
  struct float_sum *s = state;
  double old = s->sum;
  int status = float_sum_step(evaluation, state, arguments, arena);
  s->sum = (double)(float)s->sum;
  if (status == STATUS_OK && isinf(s->sum) && !isinf(old) && !isinf(arguments[0].float8))
    return float_overflow(evaluation);
  return status;
}

static int float_sum_finish(FINISH)
{
  const struct float_sum *s = state;
  *result = s->is_set ? value_float8(s->sum) : value_null();
  return STATUS_OK;
}

static int float_moment_step(STEP)
{
  struct float_sum *s = state;
  double v = arguments[0].float8, old_count = s->count, old_sum = s->sum;
  s->count += 1;
  s->sum += v;
  if (old_count > 0) {
    double difference = v * s->count - s->sum;
    s->squares += difference * difference / (s->count * old_count);
    if (isinf(s->sum) || isinf(s->squares)) {
      if (!isinf(old_sum) && !isinf(v))
        return float_overflow(evaluation);
      s->squares = NAN;
    }
  } else if (isnan(v) || isinf(v)) {
    s->squares = NAN;
  }
  return STATUS_OK;
}

static int float_avg_finish(FINISH)
{
  const struct float_sum *s = state;
  *result = s->count > 0 ? value_float8(s->sum / s->count) : value_null();
  return STATUS_OK;
}

static int float_spread(const struct float_sum *s, double less, bool root, struct value *result)
{
  double variance = s->squares / (s->count - less);
  *result = s->count > less ? value_float8(root ? sqrt(variance) : variance) : value_null();
  return STATUS_OK;
}

static int float_var_pop(FINISH) { return float_spread(state, 0, false, result); }
static int float_var_samp(FINISH) { return float_spread(state, 1, false, result); }
static int float_stddev_pop(FINISH) { return float_spread(state, 0, true, result); }
static int float_stddev_samp(FINISH) { return float_spread(state, 1, true, result); }

// ---- intervals: months, days and times are summed each by itself ----

struct interval_sum {
  int64_t count;
  struct interval sum;
};

static int interval_sum_step(STEP)
{
  struct interval_sum *s = state;
  struct interval interval = interval_of(&arguments[0]);
  s->count++;
  return interval_add(evaluation, &s->sum, &interval, &s->sum);
}

static int interval_sum_unstep(STEP)
{
  struct interval_sum *s = state;
  struct interval interval = interval_of(&arguments[0]);
  s->count--;
  int status = interval_negate(evaluation, &interval, &interval);
  return status == STATUS_OK ? interval_add(evaluation, &s->sum, &interval, &s->sum) : status;
}

static int interval_sum_finish(FINISH)
{
  const struct interval_sum *s = state;
  *result = value_null();
  return s->count ? interval_result(evaluation, &s->sum, result) : STATUS_OK;
}

static int interval_avg_finish(FINISH)
{
  const struct interval_sum *s = state;
  struct interval average = {0};
  *result = value_null();
  if (s->count == 0)
    return STATUS_OK;
  int status = interval_divide_by(evaluation, &s->sum, (double)s->count, &average);
  return status == STATUS_OK ? interval_result(evaluation, &average, result) : status;
}

// ---- bits ----

struct bits {
  int64_t value;
  bool is_set;
};

#define BITS(name, operator)                                                                        \
  static int bit_##name##_step(STEP)                                                                \
  {                                                                                                 \
    struct bits *bits = state;                                                                      \
    bits->value = bits->is_set ? (bits->value operator arguments[0].integer) : arguments[0].integer; \
    bits->is_set = true;                                                                            \
    return STATUS_OK;                                                                               \
  }
BITS(and, &)
BITS(or, |)
BITS(xor, ^)

static int bits_finish(FINISH)
{
  const struct bits *bits = state;
  *result = bits->is_set ? value_integer(bits->value) : value_null();
  return STATUS_OK;
}

// ---- booleans ----

struct truths {
  int64_t yes, no;
};

static int truth_step(STEP)
{
  struct truths *t = state;
  *(arguments[0].integer ? &t->yes : &t->no) += 1;
  return STATUS_OK;
}

static int truth_unstep(STEP)
{
  struct truths *t = state;
  *(arguments[0].integer ? &t->yes : &t->no) -= 1;
  return STATUS_OK;
}

static int and_finish(FINISH)
{
  const struct truths *t = state;
  *result = t->yes + t->no ? value_boolean(t->no == 0) : value_null();
  return STATUS_OK;
}

static int or_finish(FINISH)
{
  const struct truths *t = state;
  *result = t->yes + t->no ? value_boolean(t->yes > 0) : value_null();
  return STATUS_OK;
}

// ---- strings ----

int joined_append(struct evaluation *evaluation, struct joined *joined, const struct value *value, struct arena *arena)
{
  if (value->size > joined->capacity - joined->size) {
    size_t capacity = (joined->size + value->size) * 2;
    uint8_t *data = capacity > UINT32_MAX ? NULL : arena_alloc(arena, capacity);
    if (!data)
      return error_memory(evaluation->error);
    if (joined->size)
      memcpy(data, joined->data, joined->size);
    joined->data = data;
    joined->capacity = capacity;
  }
  if (value->size)
    memcpy(joined->data + joined->size, value->data, value->size);
  joined->size += value->size;
  return STATUS_OK;
}

static int string_agg_step(STEP)
{
  struct joined *joined = state;
  int status = STATUS_OK;
  if (arguments[0].is_null)
    return STATUS_OK;
  if (joined->is_set && !arguments[1].is_null)
    status = joined_append(evaluation, joined, &arguments[1], arena);
  if (status == STATUS_OK)
    status = joined_append(evaluation, joined, &arguments[0], arena);
  joined->is_set = true;
  return status;
}

static int string_agg_finish(FINISH)
{
  const struct joined *joined = state;
  *result = joined->is_set ? value_bytes(joined->data, (uint32_t)joined->size) : value_null();
  return STATUS_OK;
}

// ---- the table ----

#define AGGREGATE(name, result, argument, state, step, finish, unstep)                              \
  {name, (result), 1, {(argument)}, sizeof(struct state), true, step, finish, unstep}
#define EXACT_ROWS(name, finish)                                                                    \
  AGGREGATE(name, NUMERIC, INT2, exact, integer_variance_step, exact_##finish, integer_variance_unstep), \
      AGGREGATE(name, NUMERIC, INT4, exact, integer_variance_step, exact_##finish, integer_variance_unstep), \
      AGGREGATE(name, NUMERIC, INT8, exact, integer_variance_step, exact_##finish, integer_variance_unstep), \
      AGGREGATE(name, NUMERIC, NUMERIC, exact, numeric_variance_step, exact_##finish, numeric_variance_unstep), \
      AGGREGATE(name, FLOAT8, FLOAT4, float_sum, float_moment_step, float_##finish, NULL), \
      AGGREGATE(name, FLOAT8, FLOAT8, float_sum, float_moment_step, float_##finish, NULL)
#define BIT_ROWS(name, step)                                                                        \
  AGGREGATE(name, INT2, INT2, bits, step, bits_finish, NULL),                                       \
      AGGREGATE(name, INT4, INT4, bits, step, bits_finish, NULL),                                   \
      AGGREGATE(name, INT8, INT8, bits, step, bits_finish, NULL)
#define REGRESSION(name, result, finish)                                                            \
  {name, (result), 2, {FLOAT8, FLOAT8}, sizeof(struct regression), true, regression_step, regression_##finish, NULL}

const struct aggregate aggregates[] = {
    {"count", TYPE_INT8, 0, {0}, sizeof(int64_t), false, count_step, count_finish, count_unstep},
    {"count", TYPE_INT8, 1, {TYPE_COUNT}, sizeof(int64_t), true, count_step, count_finish, count_unstep},
    AGGREGATE("sum", INT8, INT2, integer_sum, integer_sum_step, sum_int8_finish, integer_sum_unstep),
    AGGREGATE("sum", INT8, INT4, integer_sum, integer_sum_step, sum_int8_finish, integer_sum_unstep),
    AGGREGATE("sum", NUMERIC, INT8, integer_sum, integer_sum_step, sum_numeric_finish, integer_sum_unstep),
    AGGREGATE("sum", NUMERIC, NUMERIC, exact, numeric_sum_step, numeric_sum_finish, numeric_sum_unstep),
    AGGREGATE("sum", FLOAT4, FLOAT4, float_sum, real_sum_step, float_sum_finish, NULL),
    AGGREGATE("sum", FLOAT8, FLOAT8, float_sum, float_sum_step, float_sum_finish, NULL),
    AGGREGATE("sum", INTERVAL, INTERVAL, interval_sum, interval_sum_step, interval_sum_finish, interval_sum_unstep),
    AGGREGATE("avg", INTERVAL, INTERVAL, interval_sum, interval_sum_step, interval_avg_finish, interval_sum_unstep),
    AGGREGATE("avg", FLOAT8, FLOAT4, float_sum, float_moment_step, float_avg_finish, NULL),
    AGGREGATE("avg", NUMERIC, INT2, integer_sum, integer_sum_step, avg_integer_finish, integer_sum_unstep),
    AGGREGATE("avg", NUMERIC, INT4, integer_sum, integer_sum_step, avg_integer_finish, integer_sum_unstep),
    AGGREGATE("avg", NUMERIC, INT8, integer_sum, integer_sum_step, avg_integer_finish, integer_sum_unstep),
    AGGREGATE("avg", NUMERIC, NUMERIC, exact, numeric_sum_step, numeric_avg_finish, numeric_sum_unstep),
    AGGREGATE("avg", FLOAT8, FLOAT8, float_sum, float_moment_step, float_avg_finish, NULL),
    EXTREME_ROWS(int2, INT2),
    EXTREME_ROWS(int4, INT4),
    EXTREME_ROWS(int8, INT8),
    EXTREME_ROWS(float8, FLOAT8),
    EXTREME_ROWS(numeric, NUMERIC),
    EXTREME_ROWS(text, TEXT),
    EXTREME_ROWS(bpchar, BPCHAR),
    EXTREME_ROWS(timestamp, TIMESTAMP),
    EXTREME_ROWS(timestamptz, TIMESTAMPTZ),
    EXTREME_ROWS(oid, OID),
    EXTREME_ROWS(float4, FLOAT4),
    EXTREME_ROWS(date, DATE),
    EXTREME_ROWS(time, TIME),
    EXTREME_ROWS(timetz, TIMETZ),
    EXTREME_ROWS(interval, INTERVAL),
    EXTREME_ROWS(own, TYPE_ANY_ARRAY),
    EXTREME_ROWS(own, TYPE_ANY_ENUM),
    EXACT_ROWS("variance", var_samp),
    EXACT_ROWS("var_samp", var_samp),
    EXACT_ROWS("var_pop", var_pop),
    EXACT_ROWS("stddev", stddev_samp),
    EXACT_ROWS("stddev_samp", stddev_samp),
    EXACT_ROWS("stddev_pop", stddev_pop),
    AGGREGATE("bool_and", BOOLEAN, BOOLEAN, truths, truth_step, and_finish, truth_unstep),
    AGGREGATE("every", BOOLEAN, BOOLEAN, truths, truth_step, and_finish, truth_unstep),
    AGGREGATE("bool_or", BOOLEAN, BOOLEAN, truths, truth_step, or_finish, truth_unstep),
    {"string_agg", TYPE_TEXT, 2, {TYPE_TEXT, TYPE_TEXT}, sizeof(struct joined), false, string_agg_step,
     string_agg_finish, NULL},
    {"array_agg", TYPE_ANY_ARRAY, 1, {TYPE_ANY_NONARRAY}, sizeof(struct gathered), false, array_agg_step,
     array_agg_finish, NULL},
    {"array_agg", TYPE_ANY_ARRAY, 1, {TYPE_ANY_ARRAY}, sizeof(struct gathered), false, array_agg_step,
     array_agg_finish, NULL},
    {"json_agg", TYPE_JSON, 1, {TYPE_COUNT}, sizeof(struct joined), false, json_agg_step, json_agg_finish, NULL},
    {"jsonb_agg", TYPE_JSONB, 1, {TYPE_COUNT}, sizeof(struct joined), false, jsonb_agg_step, jsonb_agg_finish, NULL},
    {"json_object_agg", TYPE_JSON, 2, {TYPE_COUNT, TYPE_COUNT}, sizeof(struct joined), false, json_object_agg_step,
     json_object_agg_finish, NULL},
    {"jsonb_object_agg", TYPE_JSONB, 2, {TYPE_COUNT, TYPE_COUNT}, sizeof(struct joined), false, jsonb_object_agg_step,
     jsonb_object_agg_finish, NULL},
    {"string_agg", TYPE_BYTEA, 2, {TYPE_BYTEA, TYPE_BYTEA}, sizeof(struct joined), false, string_agg_step,
     string_agg_finish, NULL},
    BIT_ROWS("bit_and", bit_and_step),
    BIT_ROWS("bit_or", bit_or_step),
    BIT_ROWS("bit_xor", bit_xor_step),
    REGRESSION("corr", FLOAT8, corr),
    REGRESSION("covar_pop", FLOAT8, covar_pop),
    REGRESSION("covar_samp", FLOAT8, covar_samp),
    REGRESSION("regr_count", INT8, count),
    REGRESSION("regr_sxx", FLOAT8, sxx),
    REGRESSION("regr_syy", FLOAT8, syy),
    REGRESSION("regr_sxy", FLOAT8, sxy),
    REGRESSION("regr_avgx", FLOAT8, avgx),
    REGRESSION("regr_avgy", FLOAT8, avgy),
    REGRESSION("regr_r2", FLOAT8, r2),
    REGRESSION("regr_slope", FLOAT8, slope),
    REGRESSION("regr_intercept", FLOAT8, intercept),
    {0},
};
