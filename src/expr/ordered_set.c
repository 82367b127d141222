// Ordered-set aggregates: percentiles and the mode of what comes sorted.
#include <math.h>

#include "expr/array_tools.h"
#include "expr/moment.h"

#define SET                                                                                         \
  struct evaluation *evaluation, const struct ordered_rows *rows, const struct value *direct, struct value *result

typedef int (*pick_code)(struct evaluation *evaluation, const struct ordered_rows *rows, double fraction,
                         struct value *result);

static int check_fraction(struct evaluation *evaluation, double fraction)
{
  if (fraction >= 0 && fraction <= 1)
    return STATUS_OK;
  return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE,
                   "percentile value %g is not between 0 and 1", fraction);
}

// ---- one percentile ----

static int pick_discrete(struct evaluation *evaluation, const struct ordered_rows *rows, double fraction,
                         struct value *result)
{
  int64_t row = (int64_t)ceil(fraction * (double)rows->count);
  *result = rows->rows[row > 0 ? row - 1 : 0][0];
  return STATUS_OK;
}

// The two rows around the place, and how far it is from the first one.
static double find_place(const struct ordered_rows *rows, double fraction, const struct value **low,
                         const struct value **high)
{
  double place = fraction * (double)(rows->count - 1);
  *low = &rows->rows[(int64_t)floor(place)][0];
  *high = &rows->rows[(int64_t)ceil(place)][0];
  return place - floor(place);
}

static int pick_float(struct evaluation *evaluation, const struct ordered_rows *rows, double fraction,
                      struct value *result)
{
  const struct value *low, *high;
  double part = find_place(rows, fraction, &low, &high);
  *result = low == high ? *low : value_float8(low->float8 + part * (high->float8 - low->float8));
  return STATUS_OK;
}

static int pick_interval(struct evaluation *evaluation, const struct ordered_rows *rows, double fraction,
                         struct value *result)
{
  const struct value *low, *high;
  double part = find_place(rows, fraction, &low, &high);
  if (low == high) {
    *result = *low;
    return STATUS_OK;
  }
  struct interval a = interval_of(low), b = interval_of(high), minus;
  int status = interval_negate(evaluation, &a, &minus);
  if (status == STATUS_OK)
    status = interval_add(evaluation, &b, &minus, &b);
  if (status == STATUS_OK)
    status = interval_multiply_by(evaluation, &b, part, &b);
  if (status == STATUS_OK)
    status = interval_add(evaluation, &a, &b, &a);
  return status == STATUS_OK ? interval_result(evaluation, &a, result) : status;
}

static int percentile(struct evaluation *evaluation, const struct ordered_rows *rows, const struct value *direct,
                      struct value *result, pick_code pick)
{
  *result = value_null();
  if (direct[0].is_null)
    return STATUS_OK;
  int status = check_fraction(evaluation, direct[0].float8);
  return status == STATUS_OK && rows->count ? pick(evaluation, rows, direct[0].float8, result) : status;
}

static int percentile_disc(SET) { return percentile(evaluation, rows, direct, result, pick_discrete); }
static int percentile_cont(SET) { return percentile(evaluation, rows, direct, result, pick_float); }
static int percentile_cont_interval(SET) { return percentile(evaluation, rows, direct, result, pick_interval); }

// ---- several: an array of the same shape ----

static int percentiles(struct evaluation *evaluation, const struct ordered_rows *rows, const struct value *direct,
                       struct value *result, pick_code pick)
{
  *result = value_null();
  if (direct[0].is_null || !rows->count)
    return STATUS_OK;
  struct array array = array_of(TYPE_FLOAT8_ARRAY, &direct[0]);
  struct value *elements = array_elements(evaluation, &array);
  if (!elements)
    return error_memory(evaluation->error);
  if (!array.count)
    return array_empty(evaluation, rows->type, result);
  for (uint32_t i = 0; i < array.count; i++) {
    int status = elements[i].is_null ? STATUS_OK : check_fraction(evaluation, elements[i].float8);
    if (status)
      return status;
  }
  for (uint32_t i = 0; i < array.count; i++) {
    int status = elements[i].is_null ? STATUS_OK : pick(evaluation, rows, elements[i].float8, &elements[i]);
    if (status)
      return status;
  }
  return array_of_elements(evaluation, rows->type, &array.shape, elements, result);
}

static int percentiles_disc(SET) { return percentiles(evaluation, rows, direct, result, pick_discrete); }
static int percentiles_cont(SET) { return percentiles(evaluation, rows, direct, result, pick_float); }
static int percentiles_cont_interval(SET) { return percentiles(evaluation, rows, direct, result, pick_interval); }

// ---- the mode ----

static int mode(SET)
{
  int64_t most = 0, run = 0;
  *result = value_null();
  for (int64_t i = 0; i < rows->count; i++) {
    run = i && value_compare(rows->type, &rows->rows[i - 1][0], &rows->rows[i][0]) == 0 ? run + 1 : 1;
    if (run > most) {
      most = run;
      *result = rows->rows[i - run + 1][0];
    }
  }
  return STATUS_OK;
}

const struct ordered_set ordered_sets[] = {
    {"percentile_cont", FLOAT8, 2, {FLOAT8, FLOAT8}, percentile_cont},
    {"percentile_cont", INTERVAL, 2, {FLOAT8, INTERVAL}, percentile_cont_interval},
    {"percentile_cont", TYPE_FLOAT8_ARRAY, 2, {TYPE_FLOAT8_ARRAY, FLOAT8}, percentiles_cont},
    {"percentile_cont", TYPE_INTERVAL_ARRAY, 2, {TYPE_FLOAT8_ARRAY, INTERVAL}, percentiles_cont_interval},
    {"percentile_disc", TYPE_ANY_ELEMENT, 2, {FLOAT8, TYPE_ANY_ELEMENT}, percentile_disc},
    {"percentile_disc", TYPE_ANY_ARRAY, 2, {TYPE_FLOAT8_ARRAY, TYPE_ANY_ELEMENT}, percentiles_disc},
    {"mode", TYPE_ANY_ELEMENT, 1, {TYPE_ANY_ELEMENT}, mode},
    {0},
};

bool ordered_set_is_hypothetical(const char *name)
{
  static const char *const names[] = {"rank", "dense_rank", "percent_rank", "cume_dist", NULL};
  for (const char *const *known = names; *known; known++)
    if (strcmp(name, *known) == 0)
      return true;
  return false;
}
