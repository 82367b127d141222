// Casts among dates, times, timestamps and intervals, and between them and text.
#include "expr/moment.h"
#include "expr/tables.h"

enum { SECOND = 1000000 };

// ---- to and from dates ----

static int timestamp_from_date(CALL)
{
  int64_t at;
  int status = moment_from_date(evaluation, arguments[0].integer, &at);
  *result = value_integer(at);
  return status;
}

static int timestamptz_from_date(CALL)
{
  int64_t local, at = 0;
  int status = moment_from_date(evaluation, arguments[0].integer, &local);
  if (status == STATUS_OK)
    status = moment_to_utc(evaluation, moment_zone(evaluation), local, &at);
  *result = value_integer(at);
  return status;
}

static struct value date_of(int64_t local)
{
  int64_t rest;
  if (timestamp_is_infinite(local))
    return value_integer(local > 0 ? INT32_MAX : INT32_MIN);
  return value_integer(moment_split_days(local, &rest));
}

static int date_from_timestamp(CALL)
{
  *result = date_of(arguments[0].integer);
  return STATUS_OK;
}

static int date_from_timestamptz(CALL)
{
  *result = date_of(zone_to_local(moment_zone(evaluation), arguments[0].integer));
  return STATUS_OK;
}

// ---- to and from times of day; of an infinite time there is none ----

static struct value time_of(int64_t local)
{
  int64_t rest;
  if (timestamp_is_infinite(local))
    return value_null();
  (void)moment_split_days(local, &rest);
  return value_integer(rest);
}

static int time_from_timestamp(CALL)
{
  *result = time_of(arguments[0].integer);
  return STATUS_OK;
}

static int time_from_timestamptz(CALL)
{
  *result = time_of(zone_to_local(moment_zone(evaluation), arguments[0].integer));
  return STATUS_OK;
}

static int zoned_result(struct evaluation *evaluation, int64_t time, int32_t offset, struct value *result)
{
  struct zoned_time zoned = {time, -offset};
  return zoned_time_value(&zoned, evaluation->arena, result) ? STATUS_OK : error_memory(evaluation->error);
}

static int timetz_from_timestamptz(CALL)
{
  struct zone zone = moment_zone(evaluation);
  struct value time = time_of(zone_to_local(zone, arguments[0].integer));
  *result = time;
  if (time.is_null)
    return STATUS_OK;
  return zoned_result(evaluation, time.integer, zone_offset_at(zone, arguments[0].integer, NULL), result);
}

static int timetz_from_time(CALL)
{
  return zoned_result(evaluation, arguments[0].integer, zone_offset_at(moment_zone(evaluation), evaluation->now, NULL),
                      result);
}

static int time_from_timetz(CALL)
{
  *result = value_integer(zoned_time_of(&arguments[0]).time);
  return STATUS_OK;
}

static int interval_from_time(CALL)
{
  struct interval interval = {.microseconds = arguments[0].integer};
  return interval_result(evaluation, &interval, result);
}

static int time_from_interval(CALL)
{
  int64_t rest;
  (void)moment_split_days(interval_of(&arguments[0]).microseconds, &rest);
  *result = value_integer(rest);
  return STATUS_OK;
}

// ---- text ----

TO_TEXT(date, TYPE_DATE)
TO_TEXT(time, TYPE_TIME)
TO_TEXT(timetz, TYPE_TIMETZ)
TO_TEXT(interval, TYPE_INTERVAL)
FROM_TEXT(date, TYPE_DATE)
FROM_TEXT(time, TYPE_TIME)
FROM_TEXT(timetz, TYPE_TIMETZ)
FROM_TEXT(span, TYPE_INTERVAL)
MODIFIER(time, TYPE_TIME, true)
MODIFIER(timetz, TYPE_TIMETZ, true)
MODIFIER(span, TYPE_INTERVAL, true)

const struct function time_cast_functions[] = {
    PURE("timestamp", timestamp_from_date, TIMESTAMP, 1, DATE),
    STABLE("timestamptz", timestamptz_from_date, TIMESTAMPTZ, 1, DATE),
    PURE("date", date_from_timestamp, DATE, 1, TIMESTAMP),
    STABLE("date", date_from_timestamptz, DATE, 1, TIMESTAMPTZ),
    STABLE("date", date_from_text, DATE, 1, TEXT),
    PURE("time", time_from_timestamp, TIME, 1, TIMESTAMP),
    STABLE("time", time_from_timestamptz, TIME, 1, TIMESTAMPTZ),
    PURE("time", time_from_timetz, TIME, 1, TIMETZ),
    PURE("time", time_from_interval, TIME, 1, INTERVAL),
    STABLE("time", time_from_text, TIME, 1, TEXT),
    PURE("time", time_modifier, TIME, 2, TIME, INT4),
    STABLE("timetz", timetz_from_timestamptz, TIMETZ, 1, TIMESTAMPTZ),
    STABLE("timetz", timetz_from_time, TIMETZ, 1, TIME),
    STABLE("timetz", timetz_from_text, TIMETZ, 1, TEXT),
    PURE("timetz", timetz_modifier, TIMETZ, 2, TIMETZ, INT4),
    PURE("interval", interval_from_time, INTERVAL, 1, TIME),
    PURE("interval", span_from_text, INTERVAL, 1, TEXT),
    PURE("interval", span_modifier, INTERVAL, 2, INTERVAL, INT4),
    PURE("text", text_from_date, TEXT, 1, DATE),
    PURE("text", text_from_time, TEXT, 1, TIME),
    PURE("text", text_from_timetz, TEXT, 1, TIMETZ),
    PURE("text", text_from_interval, TEXT, 1, INTERVAL),
    {0},
};
