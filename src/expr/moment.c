// Arithmetic of dates, times and intervals.
#include "expr/moment.h"

#include <math.h>

#include "base/sqlstate.h"
#include "expr/tables.h"

enum { MONTH_DAYS = 30, SECOND = 1000000 };

int moment_out_of_range(struct evaluation *evaluation, const char *what)
{
  return error_set(evaluation->error, SQLSTATE_DATETIME_FIELD_OVERFLOW, "%s out of range", what);
}

int64_t moment_split_days(int64_t microseconds, int64_t *rest)
{
  int64_t days = microseconds / DAY_MICROSECONDS;
  *rest = microseconds % DAY_MICROSECONDS;
  if (*rest < 0) {
    *rest += DAY_MICROSECONDS;
    days--;
  }
  return days;
}

int moment_find_zone(struct evaluation *evaluation, const struct value *name, bool is_name, struct zone *zone)
{
  if (zone_parse(bytes_of_value(name), zone)) {
    if (is_name && (name->data[0] == '+' || name->data[0] == '-'))
      zone->offset = -zone->offset;
    return STATUS_OK;
  }
  return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "time zone \"%.*s\" not recognized",
                   (int)name->size, (const char *)name->data);
}

int moment_from_date(struct evaluation *evaluation, int64_t days, int64_t *timestamp)
{
  if (date_is_infinite(days)) {
    *timestamp = days > 0 ? INT64_MAX : INT64_MIN;
    return STATUS_OK;
  }
  if (__builtin_mul_overflow(days, DAY_MICROSECONDS, timestamp) || !timestamp_is_valid(*timestamp))
    return error_set(evaluation->error, SQLSTATE_DATETIME_FIELD_OVERFLOW, "date out of range for timestamp");
  return STATUS_OK;
}

int moment_to_utc(struct evaluation *evaluation, struct zone zone, int64_t local, int64_t *utc)
{
  *utc = zone_to_utc(zone, local);
  return timestamp_is_valid(*utc) ? STATUS_OK : moment_out_of_range(evaluation, "timestamp");
}

int moment_to_local(struct evaluation *evaluation, struct zone zone, int64_t utc, int64_t *local)
{
  *local = zone_to_local(zone, utc);
  return timestamp_is_valid(*local) ? STATUS_OK : moment_out_of_range(evaluation, "timestamp");
}

static int add_months(struct evaluation *evaluation, int64_t *local, int32_t months)
{
  struct civil_time civil;
  civil_from_timestamp(*local, &civil);
  int64_t month = civil.year * 12 + civil.month - 1 + months;
  civil.year = month / 12 - (month % 12 < 0);
  civil.month = (int)(month - civil.year * 12) + 1;
  int last = days_in_month(civil.year, civil.month);
  civil.day = civil.day > last ? last : civil.day;
  return timestamp_from_civil(&civil, local, evaluation->error);
}

int moment_add(struct evaluation *evaluation, struct zone zone, int64_t timestamp, const struct interval *interval,
               int64_t *sum)
{
  *sum = timestamp;
  if (timestamp_is_infinite(timestamp))
    return STATUS_OK;
  int status = STATUS_OK;
  if (interval->months) {
    int64_t local = zone_to_local(zone, *sum);
    status = add_months(evaluation, &local, interval->months);
    *sum = zone_to_utc(zone, local);
  }
  if (status == STATUS_OK && interval->days) {
    int64_t local = zone_to_local(zone, *sum);
    if (__builtin_add_overflow(local, interval->days * DAY_MICROSECONDS, &local))
      return moment_out_of_range(evaluation, "timestamp");
    *sum = zone_to_utc(zone, local);
  }
  if (status != STATUS_OK)
    return status;
  if (__builtin_add_overflow(*sum, interval->microseconds, sum) || !timestamp_is_valid(*sum) ||
      timestamp_is_infinite(*sum))
    return moment_out_of_range(evaluation, "timestamp");
  return STATUS_OK;
}

int interval_negate(struct evaluation *evaluation, const struct interval *interval, struct interval *result)
{
  static const struct interval zero;
  if (__builtin_sub_overflow(zero.microseconds, interval->microseconds, &result->microseconds) ||
      __builtin_sub_overflow(zero.days, interval->days, &result->days) ||
      __builtin_sub_overflow(zero.months, interval->months, &result->months))
    return moment_out_of_range(evaluation, "interval");
  return STATUS_OK;
}

int interval_add(struct evaluation *evaluation, const struct interval *a, const struct interval *b,
                 struct interval *sum)
{
  if (__builtin_add_overflow(a->microseconds, b->microseconds, &sum->microseconds) ||
      __builtin_add_overflow(a->days, b->days, &sum->days) ||
      __builtin_add_overflow(a->months, b->months, &sum->months))
    return moment_out_of_range(evaluation, "interval");
  return STATUS_OK;
}

static double round_seconds(double seconds) { return rint(seconds * SECOND) / SECOND; }

// What a scaled interval is: the fractions of months go to days, those of days to the time.
static int from_parts(struct evaluation *evaluation, double months, double days, double microseconds,
                      struct interval *result)
{
  if (!(fabs(months) <= INT32_MAX) || !(fabs(days) <= INT32_MAX))
    return moment_out_of_range(evaluation, "interval");
  result->months = (int32_t)months;
  result->days = (int32_t)days;
  double more_days = round_seconds((months - result->months) * MONTH_DAYS);
  double seconds = round_seconds((days - result->days + more_days - (int32_t)more_days) * 86400);
  int64_t sum = (int64_t)result->days + (int32_t)more_days;
  if (fabs(seconds) >= 86400) {
    sum += (int32_t)(seconds / 86400);
    seconds -= (int32_t)(seconds / 86400) * 86400.0;
  }
  double time = rint(microseconds + seconds * SECOND);
  if (sum > INT32_MAX || sum < INT32_MIN || !(time >= (double)INT64_MIN && time < -(double)INT64_MIN))
    return moment_out_of_range(evaluation, "interval");
  result->days = (int32_t)sum;
  result->microseconds = (int64_t)time;
  return STATUS_OK;
}

int interval_divide_by(struct evaluation *evaluation, const struct interval *interval, double by,
                       struct interval *result)
{
  if (by == 0)
    return error_set(evaluation->error, SQLSTATE_DIVISION_BY_ZERO, "division by zero");
  return from_parts(evaluation, interval->months / by, interval->days / by, (double)interval->microseconds / by,
                    result);
}

int interval_multiply_by(struct evaluation *evaluation, const struct interval *interval, double by,
                         struct interval *result)
{
  return from_parts(evaluation, interval->months * by, interval->days * by, (double)interval->microseconds * by,
                    result);
}

int interval_result(struct evaluation *evaluation, const struct interval *interval, struct value *result)
{
  return interval_value(interval, evaluation->arena, result) ? STATUS_OK : error_memory(evaluation->error);
}
