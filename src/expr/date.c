// Dates and times of day: arithmetic, comparison with timestamps, making.
#include <math.h>

#include "expr/moment.h"
#include "expr/tables.h"

enum { SECOND = 1000000 };

// ---- comparison ----

COMPARISONS(timetz, BY_TYPE(TYPE_TIMETZ))

// A date is its midnight. One beyond the timestamps' range is above all that are finite.
static int64_t midnight(int64_t days)
{
  if (date_is_infinite(days))
    return days > 0 ? INT64_MAX : INT64_MIN;
  int64_t at;
  return __builtin_mul_overflow(days, DAY_MICROSECONDS, &at) || !timestamp_is_valid(at) ? INT64_MAX - 1 : at;
}

static int order_of(int64_t a, int64_t b) { return (a > b) - (a < b); }

static int64_t midnight_utc(struct evaluation *evaluation, int64_t days)
{
  int64_t at = midnight(days);
  return at == INT64_MAX - 1 ? at : zone_to_utc(moment_zone(evaluation), at);
}

COMPARISONS(date_local, order_of(midnight(arguments[0].integer), arguments[1].integer))
COMPARISONS(local_date, order_of(arguments[0].integer, midnight(arguments[1].integer)))
COMPARISONS(date_zoned, order_of(midnight_utc(evaluation, arguments[0].integer), arguments[1].integer))
COMPARISONS(zoned_date, order_of(arguments[0].integer, midnight_utc(evaluation, arguments[1].integer)))

// ---- dates ----

static int date_plus(struct evaluation *evaluation, int64_t days, int64_t more, struct value *result)
{
  *result = value_integer(days);
  if (date_is_infinite(days))
    return STATUS_OK;
  *result = value_integer(days + more);
  bool is_good = date_is_valid(days + more) && !date_is_infinite(days + more);
  return is_good ? STATUS_OK : moment_out_of_range(evaluation, "date");
}

static int date_add(CALL) { return date_plus(evaluation, arguments[0].integer, arguments[1].integer, result); }
static int add_date(CALL) { return date_plus(evaluation, arguments[1].integer, arguments[0].integer, result); }
static int date_take(CALL) { return date_plus(evaluation, arguments[0].integer, -arguments[1].integer, result); }

static int date_difference(CALL)
{
  if (date_is_infinite(arguments[0].integer) || date_is_infinite(arguments[1].integer))
    return error_set(evaluation->error, SQLSTATE_DATETIME_FIELD_OVERFLOW, "cannot subtract infinite dates");
  *result = value_integer(arguments[0].integer - arguments[1].integer);
  return STATUS_OK;
}

static int date_and_interval(struct evaluation *evaluation, int64_t days, struct interval interval, bool add,
                             struct value *result)
{
  int64_t at, sum = 0;
  int status = moment_from_date(evaluation, days, &at);
  if (status == STATUS_OK && !add)
    status = interval_negate(evaluation, &interval, &interval);
  if (status == STATUS_OK)
    status = moment_add(evaluation, zone_fixed(0), at, &interval, &sum);
  *result = value_integer(sum);
  return status;
}

static int date_add_interval(CALL)
{
  return date_and_interval(evaluation, arguments[0].integer, interval_of(&arguments[1]), true, result);
}

static int interval_add_date(CALL)
{
  return date_and_interval(evaluation, arguments[1].integer, interval_of(&arguments[0]), true, result);
}

static int date_take_interval(CALL)
{
  return date_and_interval(evaluation, arguments[0].integer, interval_of(&arguments[1]), false, result);
}

static int date_with_time(struct evaluation *evaluation, int64_t days, int64_t time, struct value *result)
{
  int64_t at;
  int status = moment_from_date(evaluation, days, &at);
  if (status != STATUS_OK)
    return status;
  if (!timestamp_is_infinite(at) && (__builtin_add_overflow(at, time, &at) || !timestamp_is_valid(at)))
    return moment_out_of_range(evaluation, "timestamp");
  *result = value_integer(at);
  return STATUS_OK;
}

static int date_and_time(CALL)
{
  return date_with_time(evaluation, arguments[0].integer, arguments[1].integer, result);
}

static int time_and_date(CALL)
{
  return date_with_time(evaluation, arguments[1].integer, arguments[0].integer, result);
}

static int date_and_timetz(CALL)
{
  struct zoned_time time = zoned_time_of(&arguments[1]);
  return date_with_time(evaluation, arguments[0].integer, time.time + (int64_t)time.west * SECOND, result);
}

static int timetz_and_date(CALL)
{
  struct zoned_time time = zoned_time_of(&arguments[0]);
  return date_with_time(evaluation, arguments[1].integer, time.time + (int64_t)time.west * SECOND, result);
}

// ---- times of day: they go round at midnight ----

static int time_difference(CALL)
{
  struct interval interval = {.microseconds = arguments[0].integer - arguments[1].integer};
  return interval_result(evaluation, &interval, result);
}

static int time_plus(int64_t time, const struct value *interval, int sign, struct value *result)
{
  int64_t of_day, more = interval_of(interval).microseconds % DAY_MICROSECONDS;
  (void)moment_split_days(time + sign * more, &of_day);
  *result = value_integer(of_day);
  return STATUS_OK;
}

static int time_add(CALL) { return time_plus(arguments[0].integer, &arguments[1], 1, result); }
static int add_time(CALL) { return time_plus(arguments[1].integer, &arguments[0], 1, result); }
static int time_take(CALL) { return time_plus(arguments[0].integer, &arguments[1], -1, result); }

static int timetz_plus(struct evaluation *evaluation, const struct value *time, const struct value *interval, int sign,
                       struct value *result)
{
  struct zoned_time zoned = zoned_time_of(time);
  struct value moved;
  (void)time_plus(zoned.time, interval, sign, &moved);
  zoned.time = moved.integer;
  return zoned_time_value(&zoned, evaluation->arena, result) ? STATUS_OK : error_memory(evaluation->error);
}

static int timetz_add(CALL) { return timetz_plus(evaluation, &arguments[0], &arguments[1], 1, result); }
static int add_timetz(CALL) { return timetz_plus(evaluation, &arguments[1], &arguments[0], 1, result); }
static int timetz_take(CALL) { return timetz_plus(evaluation, &arguments[0], &arguments[1], -1, result); }

// ---- making, now ----

static int make_date(CALL)
{
  int64_t year = arguments[0].integer, month = arguments[1].integer, day = arguments[2].integer;
  int64_t astronomic = year < 0 ? year + 1 : year;
  if (year == 0 || month < 1 || month > 12 || day < 1 || day > days_in_month(astronomic, (int)month))
    return error_set(evaluation->error, SQLSTATE_DATETIME_FIELD_OVERFLOW,
                     "date field value out of range: %lld-%02lld-%02lld", (long long)(year < 0 ? -year - 1 : year),
                     (long long)month, (long long)day);
  int64_t days = days_from_civil(astronomic, (int)month, (int)day);
  if (days < DATE_LOW || days >= DATE_END)
    return error_set(evaluation->error, SQLSTATE_DATETIME_FIELD_OVERFLOW, "date out of range: %lld-%02lld-%02lld",
                     (long long)year, (long long)month, (long long)day);
  *result = value_integer(days);
  return STATUS_OK;
}

static int make_time(CALL)
{
  int64_t hour = arguments[0].integer, minute = arguments[1].integer;
  double second = arguments[2].float8;
  bool is_good = hour >= 0 && hour <= 24 && minute >= 0 && minute <= 59 && second >= 0 && second <= 60;
  int64_t time = is_good ? (hour * 60 + minute) * 60 * SECOND + (int64_t)rint(second * SECOND) : 0;
  if (!is_good || time > DAY_MICROSECONDS)
    return error_set(evaluation->error, SQLSTATE_DATETIME_FIELD_OVERFLOW,
                     isnan(second) ? "time field value out of range: %lld:%02lld:NaN"
                                   : "time field value out of range: %lld:%02lld:%02g",
                     (long long)hour, (long long)minute, second);
  *result = value_integer(time);
  return STATUS_OK;
}

static int isfinite_date(CALL)
{
  *result = value_boolean(!date_is_infinite(arguments[0].integer));
  return STATUS_OK;
}

static int current_date(CALL)
{
  int64_t rest;
  *result = value_integer(moment_split_days(zone_to_local(moment_zone(evaluation), evaluation->now), &rest));
  return STATUS_OK;
}

static int localtime_now(CALL)
{
  int64_t time;
  (void)moment_split_days(zone_to_local(moment_zone(evaluation), evaluation->now), &time);
  *result = value_integer(time);
  return STATUS_OK;
}

static int current_time(CALL)
{
  struct zoned_time zoned = {.west = -zone_offset_at(moment_zone(evaluation), evaluation->now, NULL)};
  (void)moment_split_days(zone_to_local(moment_zone(evaluation), evaluation->now), &zoned.time);
  return zoned_time_value(&zoned, evaluation->arena, result) ? STATUS_OK : error_memory(evaluation->error);
}

// ---- the table ----

#define NOW(name, code, type) ROW(name, code, type, 0, FUNCTION_STABLE, false, false, 0)

const struct function date_functions[] = {
    COMPARISON_ROWS(timetz, TIMETZ, TIMETZ),
    COMPARISON_ROWS(date_local, DATE, TIMESTAMP),
    COMPARISON_ROWS(local_date, TIMESTAMP, DATE),
    STABLE_COMPARISON_ROWS(date_zoned, DATE, TIMESTAMPTZ),
    STABLE_COMPARISON_ROWS(zoned_date, TIMESTAMPTZ, DATE),
    OPERATOR("+", date_add, DATE, 2, DATE, INT4),
    OPERATOR("+", add_date, DATE, 2, INT4, DATE),
    OPERATOR("-", date_take, DATE, 2, DATE, INT4),
    OPERATOR("-", date_difference, INT4, 2, DATE, DATE),
    OPERATOR("+", date_add_interval, TIMESTAMP, 2, DATE, INTERVAL),
    OPERATOR("+", interval_add_date, TIMESTAMP, 2, INTERVAL, DATE),
    OPERATOR("-", date_take_interval, TIMESTAMP, 2, DATE, INTERVAL),
    OPERATOR("+", date_and_time, TIMESTAMP, 2, DATE, TIME),
    OPERATOR("+", time_and_date, TIMESTAMP, 2, TIME, DATE),
    OPERATOR("+", date_and_timetz, TIMESTAMPTZ, 2, DATE, TIMETZ),
    OPERATOR("+", timetz_and_date, TIMESTAMPTZ, 2, TIMETZ, DATE),
    OPERATOR("-", time_difference, INTERVAL, 2, TIME, TIME),
    OPERATOR("+", time_add, TIME, 2, TIME, INTERVAL),
    OPERATOR("+", add_time, TIME, 2, INTERVAL, TIME),
    OPERATOR("-", time_take, TIME, 2, TIME, INTERVAL),
    OPERATOR("+", timetz_add, TIMETZ, 2, TIMETZ, INTERVAL),
    OPERATOR("+", add_timetz, TIMETZ, 2, INTERVAL, TIMETZ),
    OPERATOR("-", timetz_take, TIMETZ, 2, TIMETZ, INTERVAL),
    PURE("make_date", make_date, DATE, 3, INT4, INT4, INT4),
    PURE("make_time", make_time, TIME, 3, INT4, INT4, FLOAT8),
    PURE("isfinite", isfinite_date, BOOLEAN, 1, DATE),
    NOW("current_date", current_date, DATE),
    NOW("localtime", localtime_now, TIME),
    NOW("current_time", current_time, TIMETZ),
    {0},
};
