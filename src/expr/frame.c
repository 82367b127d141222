// RANGE frames with offsets: how far a value is from the one that the current row has, as PostgreSQL's in_range
// functions say it.
//
// A sum that leaves the type's range lies beyond every value; NaN is greater than all numbers.
#include <math.h>

#include "data/numeric.h"
#include "expr/moment.h"
#include "expr/tables.h"

// ---- types ----

// Of which types an offset may be, the column's own first where that is one.
static const struct {
  enum type_id column, offsets[3];
  int count;
} reaches[] = {
    {INT2, {INT2, INT4, INT8}, 3},   {INT4, {INT4, INT2, INT8}, 3}, {INT8, {INT8}, 1},
    {FLOAT4, {FLOAT8}, 1},           {FLOAT8, {FLOAT8}, 1},         {NUMERIC, {NUMERIC}, 1},
    {DATE, {INTERVAL}, 1},           {TIMESTAMP, {INTERVAL}, 1},    {TIMESTAMPTZ, {INTERVAL}, 1},
    {TIME, {INTERVAL}, 1},           {TIMETZ, {INTERVAL}, 1},       {INTERVAL, {INTERVAL}, 1},
};

int frame_offset_type(enum type_id column, enum type_id given, enum type_id *wanted, struct error *error)
{
  for (size_t i = 0; i < sizeof reaches / sizeof *reaches; i++) {
    if (reaches[i].column != column)
      continue;
    for (int k = 0; k < reaches[i].count; k++)
      if (given == reaches[i].offsets[k] || given == TYPE_UNKNOWN) {
        *wanted = reaches[i].offsets[k];
        return STATUS_OK;
      }
    *wanted = reaches[i].offsets[0];
    if (reaches[i].count == 1 && type_can_become(given, *wanted))
      return STATUS_OK;
    int status = error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                           "RANGE with offset PRECEDING/FOLLOWING is not supported for column type %s and offset "
                           "type %s",
                           type_info(column)->name, type_info(given)->name);
    error_hint(error, "Cast the offset value to an appropriate type.");
    return status;
  }
  return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                   "RANGE with offset PRECEDING/FOLLOWING is not supported for column type %s",
                   type_info(column)->name);
}

// ---- reaching ----

static bool is_within(int order, const struct frame_reach *reach) { return reach->is_most ? order <= 0 : order >= 0; }

static int bad_size(struct evaluation *evaluation)
{
  return error_set(evaluation->error, SQLSTATE_INVALID_PRECEDING_OR_FOLLOWING_SIZE,
                   "invalid preceding or following size in window function");
}

static int integer_reaches(struct evaluation *evaluation, const struct frame_reach *reach, const struct value *value,
                           const struct value *base, bool *is_reached)
{
  __int128 offset = reach->offset->integer, sum = base->integer;
  if (offset < 0)
    return bad_size(evaluation);
  sum += reach->is_before ? -offset : offset;
  *is_reached = is_within((value->integer > sum) - (value->integer < sum), reach);
  return STATUS_OK;
}

// NaNs decide without a sum. False: there are none.
static bool decide_nan(bool value, bool base, const struct frame_reach *reach, bool *is_reached)
{
  *is_reached = value && base ? true : value ? !reach->is_most : reach->is_most;
  return value || base;
}

static int float_reaches(struct evaluation *evaluation, const struct frame_reach *reach, const struct value *value,
                         const struct value *base, bool *is_reached)
{
  double offset = reach->offset->float8;
  if (!(offset >= 0))
    return bad_size(evaluation);
  if (decide_nan(isnan(value->float8), isnan(base->float8), reach, is_reached))
    return STATUS_OK;
  double sum = reach->is_before ? base->float8 - offset : base->float8 + offset;
  *is_reached = isnan(sum) || is_within((value->float8 > sum) - (value->float8 < sum), reach);
  return STATUS_OK;
}

static int numeric_reaches(struct evaluation *evaluation, const struct frame_reach *reach, const struct value *value,
                           const struct value *base, bool *is_reached)
{
  enum { NOT_A_NUMBER = 2 };
  struct value sum;
  int sign = numeric_sign(reach->offset);
  if (sign < 0 || sign == NOT_A_NUMBER)
    return bad_size(evaluation);
  bool is_nan = numeric_sign(value) == NOT_A_NUMBER, base_is_nan = numeric_sign(base) == NOT_A_NUMBER;
  if (decide_nan(is_nan, base_is_nan, reach, is_reached))
    return STATUS_OK;
  int status = (reach->is_before ? numeric_subtract : numeric_add)(base, reach->offset, evaluation->arena, &sum,
                                                                   evaluation->error);
  if (status == STATUS_OK)
    *is_reached = numeric_sign(&sum) == NOT_A_NUMBER || is_within(numeric_compare(value, &sum), reach);
  return status;
}

static int moment_reaches(struct evaluation *evaluation, const struct frame_reach *reach, const struct value *value,
                          const struct value *base, bool *is_reached)
{
  struct interval offset = interval_of(reach->offset);
  int64_t own = value->integer, sum = base->integer;
  int status = STATUS_OK;
  if (interval_span(&offset) < 0)
    return bad_size(evaluation);
  if (reach->is_before)
    status = interval_negate(evaluation, &offset, &offset);
  if (status == STATUS_OK && reach->type == DATE)
    status = moment_from_date(evaluation, value->integer, &own);
  if (status == STATUS_OK && reach->type == DATE)
    status = moment_from_date(evaluation, base->integer, &sum);
  struct zone zone = reach->type == TIMESTAMPTZ ? moment_zone(evaluation) : zone_fixed(0);
  if (status == STATUS_OK)
    status = moment_add(evaluation, zone, sum, &offset, &sum);
  *is_reached = is_within((own > sum) - (own < sum), reach);
  return status;
}

// Of the offset only the hours count, and midnight is no border.
static int time_reaches(struct evaluation *evaluation, const struct frame_reach *reach, const struct value *value,
                        const struct value *base, bool *is_reached)
{
  __int128 offset = interval_of(reach->offset).microseconds, sum = base->integer;
  if (offset < 0)
    return bad_size(evaluation);
  sum += reach->is_before ? -offset : offset;
  *is_reached = is_within((value->integer > sum) - (value->integer < sum), reach);
  return STATUS_OK;
}

static int zoned_reaches(struct evaluation *evaluation, const struct frame_reach *reach, const struct value *value,
                         const struct value *base, bool *is_reached)
{
  int64_t offset = interval_of(reach->offset).microseconds;
  struct zoned_time time = zoned_time_of(base);
  struct value sum;
  if (offset < 0)
    return bad_size(evaluation);
  *is_reached = reach->is_before != reach->is_most;
  if (offset > INT64_MAX / 2)
    return STATUS_OK;
  time.time += reach->is_before ? -offset : offset;
  if (!zoned_time_value(&time, evaluation->arena, &sum))
    return error_memory(evaluation->error);
  *is_reached = is_within(value_compare(TIMETZ, value, &sum), reach);
  return STATUS_OK;
}

static int interval_reaches(struct evaluation *evaluation, const struct frame_reach *reach, const struct value *value,
                            const struct value *base, bool *is_reached)
{
  struct interval offset = interval_of(reach->offset), own = interval_of(value), sum = interval_of(base);
  int status = STATUS_OK;
  if (interval_span(&offset) < 0)
    return bad_size(evaluation);
  if (reach->is_before)
    status = interval_negate(evaluation, &offset, &offset);
  if (status == STATUS_OK)
    status = interval_add(evaluation, &sum, &offset, &sum);
  __int128 a = interval_span(&own), b = interval_span(&sum);
  *is_reached = is_within((a > b) - (a < b), reach);
  return status;
}

int frame_reaches(struct evaluation *evaluation, const struct frame_reach *reach, const struct value *value,
                  const struct value *base, bool *is_reached)
{
  switch (reach->type) {
  case FLOAT4:
  case FLOAT8: return float_reaches(evaluation, reach, value, base, is_reached);
  case NUMERIC: return numeric_reaches(evaluation, reach, value, base, is_reached);
  case DATE:
  case TIMESTAMP:
  case TIMESTAMPTZ: return moment_reaches(evaluation, reach, value, base, is_reached);
  case TIME: return time_reaches(evaluation, reach, value, base, is_reached);
  case TIMETZ: return zoned_reaches(evaluation, reach, value, base, is_reached);
  case INTERVAL: return interval_reaches(evaluation, reach, value, base, is_reached);
  default: return integer_reaches(evaluation, reach, value, base, is_reached);
  }
}
