// Functions on timestamps. Time itself comes with the evaluation: nothing here looks at a clock.
#include <math.h>

#include "expr/moment.h"
#include "expr/tables.h"

enum { SECOND = 1000000 };

// ---- now ----

static int moment(int64_t at, const struct value *arguments, int argument_count, struct evaluation *evaluation,
                  struct value *result)
{
  *result = value_integer(at);
  if (argument_count == 0)
    return STATUS_OK;
  int64_t digits = arguments[0].integer < 0 ? 0 : arguments[0].integer > 6 ? 6 : arguments[0].integer;
  struct type type = {.id = TYPE_TIMESTAMPTZ, .modifier = (int32_t)digits};
  return value_apply_modifier(type, true, evaluation->arena, result, evaluation->error);
}

static int now(CALL) { return moment(evaluation->now, arguments, argument_count, evaluation, result); }
static int statement_now(CALL) { return moment(evaluation->statement_now, NULL, 0, evaluation, result); }
static int clock_now(CALL) { return moment(evaluation->clock_now, NULL, 0, evaluation, result); }

static int local_now(CALL)
{
  int64_t local = zone_to_local(moment_zone(evaluation), evaluation->now);
  return moment(local, arguments, argument_count, evaluation, result);
}

// ---- truncation ----

// Down to hours the zone's offset stays what it was; from days on it is that of the day.
static int truncate_local(struct evaluation *evaluation, const struct value *arguments, enum type_id type,
                          struct zone zone, struct value *result)
{
  enum time_field field = FIELD_DOW;
  int64_t at = arguments[1].integer, local;
  *result = arguments[1];
  if (timestamp_is_infinite(at))
    return STATUS_OK;
  if (!moment_find_field(evaluation, &arguments[0], &field) || field >= FIELD_DOW)
    return moment_bad_field(evaluation, &arguments[0], field >= FIELD_TIMEZONE, type);
  struct civil_time civil;
  int64_t shift = (int64_t)zone_offset_at(zone, at, NULL) * SECOND;
  civil_from_timestamp(at + shift, &civil);
  calendar_truncate(&civil, field);
  int status = timestamp_from_civil(&civil, &local, evaluation->error);
  if (status == STATUS_OK)
    *result = value_integer(field >= FIELD_DAY ? zone_to_utc(zone, local) : local - shift);
  return status;
}

static int trunc_timestamp(CALL)
{
  return truncate_local(evaluation, arguments, TYPE_TIMESTAMP, zone_fixed(0), result);
}

static int trunc_timestamptz(CALL)
{
  return truncate_local(evaluation, arguments, TYPE_TIMESTAMPTZ, moment_zone(evaluation), result);
}

static int trunc_zone(CALL)
{
  struct zone zone;
  if (timestamp_is_infinite(arguments[1].integer)) {
    *result = arguments[1];
    return STATUS_OK;
  }
  int status = moment_find_zone(evaluation, &arguments[2], true, &zone);
  return status == STATUS_OK ? truncate_local(evaluation, arguments, TYPE_TIMESTAMPTZ, zone, result) : status;
}

// The beginning of the stride that the time lies in, counted from the origin.
static int date_bin(CALL)
{
  struct interval stride = interval_of(&arguments[0]);
  int64_t at = arguments[1].integer, origin = arguments[2].integer, span, difference, days;
  *result = arguments[1];
  if (timestamp_is_infinite(at))
    return STATUS_OK;
  if (timestamp_is_infinite(origin))
    return error_set(evaluation->error, SQLSTATE_DATETIME_FIELD_OVERFLOW, "origin out of range");
  if (stride.months)
    return error_set(evaluation->error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                     "timestamps cannot be binned into intervals containing months or years");
  days = stride.days * DAY_MICROSECONDS;
  if (__builtin_add_overflow(days, stride.microseconds, &span))
    return moment_out_of_range(evaluation, "interval");
  if (span <= 0)
    return error_set(evaluation->error, SQLSTATE_DATETIME_FIELD_OVERFLOW, "stride must be greater than zero");
  if (__builtin_sub_overflow(at, origin, &difference))
    return moment_out_of_range(evaluation, "interval");
  int64_t rest = difference % span;
  if (__builtin_sub_overflow(at, rest < 0 ? rest + span : rest, &at) || !timestamp_is_valid(at))
    return moment_out_of_range(evaluation, "timestamp");
  *result = value_integer(at);
  return STATUS_OK;
}

// ---- AT TIME ZONE ----

static int to_zone(struct evaluation *evaluation, struct zone zone, int64_t at, bool is_zoned, struct value *result)
{
  int64_t moved;
  int status = is_zoned ? moment_to_local(evaluation, zone, at, &moved) : moment_to_utc(evaluation, zone, at, &moved);
  *result = value_integer(moved);
  return status;
}

static int timestamptz_at_zone(CALL)
{
  struct zone zone;
  if (timestamp_is_infinite(arguments[1].integer)) {
    *result = arguments[1];
    return STATUS_OK;
  }
  int status = moment_find_zone(evaluation, &arguments[0], true, &zone);
  return status == STATUS_OK ? to_zone(evaluation, zone, arguments[1].integer, true, result) : status;
}

static int timestamp_at_zone(CALL)
{
  struct zone zone;
  if (timestamp_is_infinite(arguments[1].integer)) {
    *result = arguments[1];
    return STATUS_OK;
  }
  int status = moment_find_zone(evaluation, &arguments[0], true, &zone);
  return status == STATUS_OK ? to_zone(evaluation, zone, arguments[1].integer, false, result) : status;
}

static int zone_of_interval(struct evaluation *evaluation, const struct value *value, struct zone *zone)
{
  struct interval interval = interval_of(value);
  if (interval.months || interval.days) {
    struct buffer text = buffer_for(evaluation);
    interval_to_text(&interval, &text);
    int status = error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE,
                           "interval time zone \"%.*s\" must not include months or days", (int)text.size,
                           text.data ? (const char *)text.data : "");
    buffer_deinit(&text);
    return status;
  }
  if (interval.microseconds / SECOND > INT32_MAX || interval.microseconds / SECOND < -INT32_MAX)
    return moment_out_of_range(evaluation, "timestamp");
  *zone = zone_fixed((int32_t)(interval.microseconds / SECOND));
  return STATUS_OK;
}

static int timestamptz_at_interval(CALL)
{
  struct zone zone;
  if (timestamp_is_infinite(arguments[1].integer)) {
    *result = arguments[1];
    return STATUS_OK;
  }
  int status = zone_of_interval(evaluation, &arguments[0], &zone);
  return status == STATUS_OK ? to_zone(evaluation, zone, arguments[1].integer, true, result) : status;
}

static int timestamp_at_interval(CALL)
{
  struct zone zone;
  if (timestamp_is_infinite(arguments[1].integer)) {
    *result = arguments[1];
    return STATUS_OK;
  }
  int status = zone_of_interval(evaluation, &arguments[0], &zone);
  return status == STATUS_OK ? to_zone(evaluation, zone, arguments[1].integer, false, result) : status;
}

static int move_zoned_time(struct evaluation *evaluation, struct zone zone, const struct value *value,
                           struct value *result)
{
  struct zoned_time time = zoned_time_of(value);
  int32_t west = -zone_offset_at(zone, evaluation->now, NULL);
  (void)moment_split_days(time.time + (time.west - (int64_t)west) * SECOND, &time.time);
  time.west = west;
  return zoned_time_value(&time, evaluation->arena, result) ? STATUS_OK : error_memory(evaluation->error);
}

static int timetz_at_zone(CALL)
{
  struct zone zone;
  int status = moment_find_zone(evaluation, &arguments[0], true, &zone);
  return status == STATUS_OK ? move_zoned_time(evaluation, zone, &arguments[1], result) : status;
}

static int timetz_at_interval(CALL)
{
  struct zone zone;
  int status = zone_of_interval(evaluation, &arguments[0], &zone);
  if (status == STATUS_OK && (zone.offset <= -ZONE_LIMIT || zone.offset >= ZONE_LIMIT))
    return error_set(evaluation->error, SQLSTATE_INVALID_TIME_ZONE_DISPLACEMENT,
                     "time zone displacement out of range");
  return status == STATUS_OK ? move_zoned_time(evaluation, zone, &arguments[1], result) : status;
}

// ---- making ----

static int to_timestamp(CALL)
{
  double seconds = arguments[0].float8;
  if (isnan(seconds))
    return error_set(evaluation->error, SQLSTATE_DATETIME_FIELD_OVERFLOW, "timestamp cannot be NaN");
  if (isinf(seconds)) {
    *result = value_integer(seconds > 0 ? INT64_MAX : INT64_MIN);
    return STATUS_OK;
  }
  double at = rint((seconds - 946684800.0) * SECOND);
  if (seconds < -210866803200.0 || seconds >= 9224318016000.0)
    return error_set(evaluation->error, SQLSTATE_DATETIME_FIELD_OVERFLOW, "timestamp out of range: \"%g\"", seconds);
  *result = value_integer((int64_t)at);
  return STATUS_OK;
}

static int make_local(struct evaluation *evaluation, const struct value *arguments, int64_t *timestamp)
{
  double seconds = arguments[5].float8;
  struct civil_time civil = {.year = arguments[0].integer, .month = (int)arguments[1].integer,
                             .day = (int)arguments[2].integer, .hour = (int)arguments[3].integer,
                             .minute = (int)arguments[4].integer};
  bool before_christ = civil.year < 0;
  if (civil.year == 0 || civil.month < 1 || civil.month > 12 || civil.day < 1 ||
      civil.day > calendar_days_of_month(before_christ ? civil.year + 1 : civil.year, civil.month))
    return error_set(evaluation->error, SQLSTATE_DATETIME_FIELD_OVERFLOW,
                     "date field value out of range: %lld-%02d-%02d",
                     (long long)(before_christ ? -civil.year - 1 : civil.year), civil.month, civil.day);
  bool is_midnight = civil.hour == 24 && civil.minute == 0 && seconds == 0;
  if (isnan(seconds) || civil.hour < 0 || (civil.hour > 23 && !is_midnight) || civil.minute < 0 || civil.minute > 59 ||
      seconds < 0 || seconds > 60)
    return error_set(evaluation->error, SQLSTATE_DATETIME_FIELD_OVERFLOW,
                     isnan(seconds) ? "time field value out of range: %d:%02d:NaN"
                                    : "time field value out of range: %d:%02d:%02g",
                     civil.hour, civil.minute, seconds);
  int64_t of_day = ((int64_t)civil.hour * 60 + civil.minute) * 60 * SECOND + (int64_t)rint(seconds * SECOND);
  civil.hour = civil.minute = 0;
  civil.year += before_christ;
  int status = timestamp_from_civil(&civil, timestamp, evaluation->error);
  if (status == STATUS_OK && __builtin_add_overflow(*timestamp, of_day, timestamp))
    return moment_out_of_range(evaluation, "timestamp");
  return status;
}

static int make_timestamp(CALL)
{
  int64_t timestamp = 0;
  int status = make_local(evaluation, arguments, &timestamp);
  *result = value_integer(timestamp);
  return status;
}

static int make_timestamptz(CALL)
{
  int64_t timestamp = 0, utc = 0;
  struct zone zone = moment_zone(evaluation);
  int status = make_local(evaluation, arguments, &timestamp);
  if (status == STATUS_OK && argument_count > 6)
    status = moment_find_zone(evaluation, &arguments[6], false, &zone);
  if (status == STATUS_OK)
    status = moment_to_utc(evaluation, zone, timestamp, &utc);
  *result = value_integer(utc);
  return status;
}

static int isfinite_timestamp(CALL)
{
  *result = value_boolean(!timestamp_is_infinite(arguments[0].integer));
  return STATUS_OK;
}

// ---- the table ----

#define NOW(name, code, type) ROW(name, code, type, 0, FUNCTION_STABLE, false, false, 0)

const struct function time_functions[] = {
    NOW("now", now, TIMESTAMPTZ),
    NOW("transaction_timestamp", now, TIMESTAMPTZ),
    NOW("current_timestamp", now, TIMESTAMPTZ),
    ROW("current_timestamp", now, TIMESTAMPTZ, 1, FUNCTION_STABLE, false, false, INT4),
    NOW("localtimestamp", local_now, TIMESTAMP),
    ROW("localtimestamp", local_now, TIMESTAMP, 1, FUNCTION_STABLE, false, false, INT4),
    NOW("statement_timestamp", statement_now, TIMESTAMPTZ),
    ROW("clock_timestamp", clock_now, TIMESTAMPTZ, 0, FUNCTION_KEPT, false, false, 0),
    PURE("date_trunc", trunc_timestamp, TIMESTAMP, 2, TEXT, TIMESTAMP),
    STABLE("date_trunc", trunc_timestamptz, TIMESTAMPTZ, 2, TEXT, TIMESTAMPTZ),
    STABLE("date_trunc", trunc_zone, TIMESTAMPTZ, 3, TEXT, TIMESTAMPTZ, TEXT),
    PURE("timezone", timestamptz_at_zone, TIMESTAMP, 2, TEXT, TIMESTAMPTZ),
    PURE("timezone", timestamp_at_zone, TIMESTAMPTZ, 2, TEXT, TIMESTAMP),
    PURE("timezone", timestamptz_at_interval, TIMESTAMP, 2, INTERVAL, TIMESTAMPTZ),
    PURE("timezone", timestamp_at_interval, TIMESTAMPTZ, 2, INTERVAL, TIMESTAMP),
    STABLE("timezone", timetz_at_zone, TIMETZ, 2, TEXT, TIMETZ),
    PURE("timezone", timetz_at_interval, TIMETZ, 2, INTERVAL, TIMETZ),
    PURE("date_bin", date_bin, TIMESTAMP, 3, INTERVAL, TIMESTAMP, TIMESTAMP),
    PURE("date_bin", date_bin, TIMESTAMPTZ, 3, INTERVAL, TIMESTAMPTZ, TIMESTAMPTZ),
    PURE("to_timestamp", to_timestamp, TIMESTAMPTZ, 1, FLOAT8),
    PURE("make_timestamp", make_timestamp, TIMESTAMP, 6, INT4, INT4, INT4, INT4, INT4, FLOAT8),
    STABLE("make_timestamptz", make_timestamptz, TIMESTAMPTZ, 6, INT4, INT4, INT4, INT4, INT4, FLOAT8),
    STABLE("make_timestamptz", make_timestamptz, TIMESTAMPTZ, 7, INT4, INT4, INT4, INT4, INT4, FLOAT8, TEXT),
    PURE("isfinite", isfinite_timestamp, BOOLEAN, 1, TIMESTAMP),
    PURE("isfinite", isfinite_timestamp, BOOLEAN, 1, TIMESTAMPTZ),
    {0},
};
