// Aggregates of two double precision columns: covariances, correlation, regression.
//
// Youngs and Cramer's updating formulas, as aggregate.c has them for one column. The arguments are y, x.
#include <math.h>

#include "expr/tables.h"

// Infinities that come from finite values only are an overflow; others make the sums of squares and products NaN.
static int check_infinite(struct evaluation *evaluation, const struct regression *old, struct regression *r, double y,
                          double x)
{
  bool x_is_finite = !isinf(old->x) && !isinf(x), y_is_finite = !isinf(old->y) && !isinf(y);
  if (((isinf(r->x) || isinf(r->xx)) && x_is_finite) || ((isinf(r->y) || isinf(r->yy)) && y_is_finite) ||
      (isinf(r->xy) && x_is_finite && y_is_finite))
    return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow");
  r->xx = isinf(r->xx) ? NAN : r->xx;
  r->yy = isinf(r->yy) ? NAN : r->yy;
  r->xy = isinf(r->xy) ? NAN : r->xy;
  return STATUS_OK;
}

int regression_step(STEP)
{
  struct regression *r = state, old = *r;
  double y = arguments[0].float8, x = arguments[1].float8;
  r->count += 1;
  r->x += x;
  r->y += y;
  if (old.count > 0) {
    double x_off = x * r->count - r->x, y_off = y * r->count - r->y, scale = 1 / (r->count * old.count);
    r->xx += x_off * x_off * scale;
    r->yy += y_off * y_off * scale;
    r->xy += x_off * y_off * scale;
    return check_infinite(evaluation, &old, r, y, x);
  }
  if (!isfinite(x))
    r->xx = r->xy = NAN;
  if (!isfinite(y))
    r->yy = r->xy = NAN;
  return STATUS_OK;
}

static int give(double value, bool is_known, struct value *result)
{
  *result = is_known ? value_float8(value) : value_null();
  return STATUS_OK;
}

#define RESULT(name, value, is_known)                                                               \
  int regression_##name(FINISH)                                                                     \
  {                                                                                                 \
    const struct regression *r = state;                                                             \
    return give((value), r->count >= 1 && (is_known), result);                                      \
  }
RESULT(sxx, r->xx, true)
RESULT(syy, r->yy, true)
RESULT(sxy, r->xy, true)
RESULT(avgx, r->x / r->count, true)
RESULT(avgy, r->y / r->count, true)
RESULT(covar_pop, r->xy / r->count, true)
RESULT(covar_samp, r->xy / (r->count - 1), r->count >= 2)
RESULT(corr, r->xy / sqrt(r->xx * r->yy), r->xx != 0 && r->yy != 0)
RESULT(r2, r->yy == 0 ? 1 : r->xy * r->xy / (r->xx * r->yy), r->xx != 0)
RESULT(slope, r->xy / r->xx, r->xx != 0)
RESULT(intercept, (r->y - r->x * r->xy / r->xx) / r->count, r->xx != 0)

int regression_count(FINISH)
{
  *result = value_integer((int64_t)((const struct regression *)state)->count);
  return STATUS_OK;
}
