// Intervals: arithmetic with them and with timestamps, age, justifying, making.
#include <math.h>

#include "expr/moment.h"
#include "expr/tables.h"

enum { MONTH_DAYS = 30, SECOND = 1000000 };

COMPARISONS(interval, BY_TYPE(TYPE_INTERVAL))

// ---- intervals alone ----

static int negate(CALL)
{
  struct interval interval = interval_of(&arguments[0]), negative = {0};
  int status = interval_negate(evaluation, &interval, &negative);
  return status == STATUS_OK ? interval_result(evaluation, &negative, result) : status;
}

static int add(CALL)
{
  struct interval a = interval_of(&arguments[0]), b = interval_of(&arguments[1]), sum = {0};
  int status = interval_add(evaluation, &a, &b, &sum);
  return status == STATUS_OK ? interval_result(evaluation, &sum, result) : status;
}

static int subtract(CALL)
{
  struct interval a = interval_of(&arguments[0]), b = interval_of(&arguments[1]), sum;
  if (__builtin_sub_overflow(a.microseconds, b.microseconds, &sum.microseconds) ||
      __builtin_sub_overflow(a.days, b.days, &sum.days) || __builtin_sub_overflow(a.months, b.months, &sum.months))
    return moment_out_of_range(evaluation, "interval");
  return interval_result(evaluation, &sum, result);
}

static int scale(struct evaluation *evaluation, const struct value *interval, double by, struct value *result)
{
  struct interval given = interval_of(interval), scaled = {0};
  int status = interval_multiply_by(evaluation, &given, by, &scaled);
  return status == STATUS_OK ? interval_result(evaluation, &scaled, result) : status;
}

static int multiply(CALL) { return scale(evaluation, &arguments[0], arguments[1].float8, result); }
static int multiply_left(CALL) { return scale(evaluation, &arguments[1], arguments[0].float8, result); }

static int divide(CALL)
{
  struct interval given = interval_of(&arguments[0]), scaled = {0};
  int status = interval_divide_by(evaluation, &given, arguments[1].float8, &scaled);
  return status == STATUS_OK ? interval_result(evaluation, &scaled, result) : status;
}

static int isfinite_interval(CALL)
{
  *result = value_boolean(true);
  return STATUS_OK;
}

// ---- justifying: 24 hours become a day, 30 days a month, and all signs are the same ----

static bool move_days(struct interval *interval)
{
  int64_t days = interval->microseconds / DAY_MICROSECONDS;
  interval->microseconds -= days * DAY_MICROSECONDS;
  return !__builtin_add_overflow(interval->days, (int32_t)days, &interval->days);
}

static bool move_months(struct interval *interval)
{
  int32_t months = interval->days / MONTH_DAYS;
  interval->days -= months * MONTH_DAYS;
  return !__builtin_add_overflow(interval->months, months, &interval->months);
}

static void align_time(struct interval *interval)
{
  int sign = interval->days > 0 && interval->microseconds < 0 ? 1
             : interval->days < 0 && interval->microseconds > 0 ? -1
                                                                : 0;
  interval->microseconds += sign * DAY_MICROSECONDS;
  interval->days -= sign;
}

static void align_days(struct interval *interval)
{
  int64_t below = interval->days ? interval->days : interval->microseconds;
  int sign = interval->months > 0 && below < 0 ? 1 : interval->months < 0 && below > 0 ? -1 : 0;
  interval->days += sign * MONTH_DAYS;
  interval->months -= sign;
}

static int justify_hours(CALL)
{
  struct interval interval = interval_of(&arguments[0]);
  if (!move_days(&interval))
    return moment_out_of_range(evaluation, "interval");
  align_time(&interval);
  return interval_result(evaluation, &interval, result);
}

static int justify_days(CALL)
{
  struct interval interval = interval_of(&arguments[0]);
  if (!move_months(&interval))
    return moment_out_of_range(evaluation, "interval");
  if (interval.months > 0 && interval.days < 0) {
    interval.days += MONTH_DAYS;
    interval.months--;
  } else if (interval.months < 0 && interval.days > 0) {
    interval.days -= MONTH_DAYS;
    interval.months++;
  }
  return interval_result(evaluation, &interval, result);
}

static int justify_interval(CALL)
{
  struct interval interval = interval_of(&arguments[0]);
  bool same_sign = (interval.days > 0 && interval.microseconds > 0) || (interval.days < 0 && interval.microseconds < 0);
  if ((same_sign && !move_months(&interval)) || !move_days(&interval) || !move_months(&interval))
    return moment_out_of_range(evaluation, "interval");
  align_days(&interval);
  align_time(&interval);
  return interval_result(evaluation, &interval, result);
}

// ---- timestamps ----

static int timestamp_and_interval(struct evaluation *evaluation, struct zone zone, int64_t at, struct interval interval,
                                  bool is_sum, struct value *result)
{
  int64_t sum = 0;
  int status = is_sum ? STATUS_OK : interval_negate(evaluation, &interval, &interval);
  if (status == STATUS_OK)
    status = moment_add(evaluation, zone, at, &interval, &sum);
  *result = value_integer(sum);
  return status;
}

#define TIMESTAMP_ARITHMETIC(name, zone)                                                            \
  static int name##_add(CALL)                                                                       \
  {                                                                                                 \
    return timestamp_and_interval(evaluation, zone, arguments[0].integer, interval_of(&arguments[1]), true, result); \
  }                                                                                                 \
  static int add_##name(CALL)                                                                       \
  {                                                                                                 \
    return timestamp_and_interval(evaluation, zone, arguments[1].integer, interval_of(&arguments[0]), true, result); \
  }                                                                                                 \
  static int name##_take(CALL)                                                                      \
  {                                                                                                 \
    return timestamp_and_interval(evaluation, zone, arguments[0].integer, interval_of(&arguments[1]), false, result); \
  }
TIMESTAMP_ARITHMETIC(local, zone_fixed(0))
TIMESTAMP_ARITHMETIC(zoned, moment_zone(evaluation))

static int timestamp_difference(CALL)
{
  struct interval difference = {0};
  if (timestamp_is_infinite(arguments[0].integer) || timestamp_is_infinite(arguments[1].integer))
    return error_set(evaluation->error, SQLSTATE_DATETIME_FIELD_OVERFLOW, "cannot subtract infinite timestamps");
  if (__builtin_sub_overflow(arguments[0].integer, arguments[1].integer, &difference.microseconds))
    return moment_out_of_range(evaluation, "interval");
  (void)move_days(&difference);
  align_time(&difference);
  return interval_result(evaluation, &difference, result);
}

// Years, months and days as people count them; borrowed days are those of the earlier month.
static int age_between(struct evaluation *evaluation, int64_t later, int64_t earlier, struct value *result)
{
  if (timestamp_is_infinite(later) || timestamp_is_infinite(earlier))
    return moment_out_of_range(evaluation, "timestamp");
  bool is_negative = later < earlier;
  struct civil_time a, b;
  civil_from_timestamp(is_negative ? earlier : later, &a);
  civil_from_timestamp(is_negative ? later : earlier, &b);
  int64_t months = (a.year - b.year) * 12 + a.month - b.month;
  int64_t days = a.day - b.day;
  int64_t time = ((a.hour - b.hour) * 60 + a.minute - b.minute) * 60 + a.second - b.second;
  time = time * SECOND + a.microsecond - b.microsecond;
  if (time < 0) {
    time += DAY_MICROSECONDS;
    days--;
  }
  if (days < 0) {
    days += days_in_month(b.year, b.month);
    months--;
  }
  int sign = is_negative ? -1 : 1;
  struct interval age = {sign * time, (int32_t)(sign * days), (int32_t)(sign * months)};
  return interval_result(evaluation, &age, result);
}

static int age(CALL) { return age_between(evaluation, arguments[0].integer, arguments[1].integer, result); }

static int age_zoned(CALL)
{
  struct zone zone = moment_zone(evaluation);
  return age_between(evaluation, zone_to_local(zone, arguments[0].integer), zone_to_local(zone, arguments[1].integer),
                     result);
}

// Before today's midnight.
static int64_t today(struct evaluation *evaluation)
{
  int64_t rest, local = zone_to_local(moment_zone(evaluation), evaluation->now);
  (void)moment_split_days(local, &rest);
  return local - rest;
}

static int age_today(CALL) { return age_between(evaluation, today(evaluation), arguments[0].integer, result); }

static int age_today_zoned(CALL)
{
  return age_between(evaluation, today(evaluation), zone_to_local(moment_zone(evaluation), arguments[0].integer),
                     result);
}

// ---- truncation, making ----

static int trunc_interval(CALL)
{
  static const int64_t units[] = {1, 1000, SECOND, (int64_t)60 * SECOND, (int64_t)3600 * SECOND};
  static const int32_t months[] = {1, 3, 12, 120, 1200, 12000}; // from FIELD_MONTH on
  struct interval interval = interval_of(&arguments[1]);
  enum time_field field = FIELD_DOW;
  if (!moment_find_field(evaluation, &arguments[0], &field) || field >= FIELD_DOW || field == FIELD_WEEK) {
    int status = moment_bad_field(evaluation, &arguments[0], field == FIELD_WEEK || field >= FIELD_TIMEZONE,
                                  TYPE_INTERVAL);
    if (field == FIELD_WEEK)
      error_detail(evaluation->error, "Months usually have fractional weeks.");
    return status;
  }
  if (field <= FIELD_HOUR)
    interval.microseconds -= interval.microseconds % units[field];
  else
    interval.microseconds = 0;
  if (field >= FIELD_MONTH) {
    interval.days = 0;
    interval.months -= interval.months % months[field - FIELD_MONTH];
  }
  return interval_result(evaluation, &interval, result);
}

// Years, months, weeks, days, hours, minutes, seconds: those that are not given are zero.
static int make_interval(CALL)
{
  int64_t given[6] = {0};
  for (int i = 0; i < 6 && i < argument_count; i++)
    given[i] = arguments[i].integer;
  double seconds = argument_count > 6 ? rint(arguments[6].float8 * SECOND) : 0;
  int64_t months = given[0] * 12 + given[1], days = given[2] * 7 + given[3];
  int64_t time = (given[4] * 60 + given[5]) * 60 * SECOND;
  bool is_good = fabs(seconds) < 9e18 && months == (int32_t)months && days == (int32_t)days;
  if (!is_good || __builtin_add_overflow(time, (int64_t)seconds, &time))
    return moment_out_of_range(evaluation, "interval");
  struct interval interval = {time, (int32_t)days, (int32_t)months};
  return interval_result(evaluation, &interval, result);
}

// ---- the table ----

#define MAKE_ROW(count) \
  PURE("make_interval", make_interval, INTERVAL, count, INT4, INT4, INT4, INT4, INT4, INT4, FLOAT8)

const struct function interval_functions[] = {
    COMPARISON_ROWS(interval, INTERVAL, INTERVAL),
    OPERATOR("-", negate, INTERVAL, 1, INTERVAL),
    OPERATOR("+", add, INTERVAL, 2, INTERVAL, INTERVAL),
    OPERATOR("-", subtract, INTERVAL, 2, INTERVAL, INTERVAL),
    OPERATOR("*", multiply, INTERVAL, 2, INTERVAL, FLOAT8),
    OPERATOR("*", multiply_left, INTERVAL, 2, FLOAT8, INTERVAL),
    OPERATOR("/", divide, INTERVAL, 2, INTERVAL, FLOAT8),
    OPERATOR("+", local_add, TIMESTAMP, 2, TIMESTAMP, INTERVAL),
    OPERATOR("+", add_local, TIMESTAMP, 2, INTERVAL, TIMESTAMP),
    OPERATOR("-", local_take, TIMESTAMP, 2, TIMESTAMP, INTERVAL),
    ROW("+", zoned_add, TIMESTAMPTZ, 2, FUNCTION_STABLE, false, true, TIMESTAMPTZ, INTERVAL),
    ROW("+", add_zoned, TIMESTAMPTZ, 2, FUNCTION_STABLE, false, true, INTERVAL, TIMESTAMPTZ),
    ROW("-", zoned_take, TIMESTAMPTZ, 2, FUNCTION_STABLE, false, true, TIMESTAMPTZ, INTERVAL),
    OPERATOR("-", timestamp_difference, INTERVAL, 2, TIMESTAMP, TIMESTAMP),
    OPERATOR("-", timestamp_difference, INTERVAL, 2, TIMESTAMPTZ, TIMESTAMPTZ),
    PURE("age", age, INTERVAL, 2, TIMESTAMP, TIMESTAMP),
    STABLE("age", age_zoned, INTERVAL, 2, TIMESTAMPTZ, TIMESTAMPTZ),
    ROW("age", age_today, INTERVAL, 1, FUNCTION_KEPT, false, false, TIMESTAMP),
    ROW("age", age_today_zoned, INTERVAL, 1, FUNCTION_KEPT, false, false, TIMESTAMPTZ),
    PURE("justify_hours", justify_hours, INTERVAL, 1, INTERVAL),
    PURE("justify_days", justify_days, INTERVAL, 1, INTERVAL),
    PURE("justify_interval", justify_interval, INTERVAL, 1, INTERVAL),
    PURE("date_trunc", trunc_interval, INTERVAL, 2, TEXT, INTERVAL),
    PURE("isfinite", isfinite_interval, BOOLEAN, 1, INTERVAL),
    ROW("make_interval", make_interval, INTERVAL, 0, FUNCTION_PURE, false, false, 0),
    MAKE_ROW(1),
    MAKE_ROW(2),
    MAKE_ROW(3),
    MAKE_ROW(4),
    MAKE_ROW(5),
    MAKE_ROW(6),
    MAKE_ROW(7),
    {0},
};
