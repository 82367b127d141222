// Functions on timestamps. Time itself comes with the evaluation: nothing here looks at a clock.
#include <math.h>

#include "data/datetime.h"
#include "data/numeric.h"
#include "expr/calendar.h"
#include "expr/tables.h"

enum { SECOND = 1000000 };

static bool is_infinite(int64_t timestamp) { return timestamp == INT64_MIN || timestamp == INT64_MAX; }

static int out_of_range(struct evaluation *evaluation)
{
  return error_set(evaluation->error, SQLSTATE_DATETIME_FIELD_OVERFLOW, "timestamp out of range");
}

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
  int64_t local = evaluation->now + (int64_t)settings_of(evaluation)->zone_offset * SECOND;
  return moment(local, arguments, argument_count, evaluation, result);
}

// ---- fields ----

struct field_name {
  const char *name;
  enum time_field field;
};

static const struct field_name field_names[] = {
    {"microseconds", FIELD_MICROSECONDS}, {"microsecond", FIELD_MICROSECONDS}, {"us", FIELD_MICROSECONDS},
    {"milliseconds", FIELD_MILLISECONDS}, {"millisecond", FIELD_MILLISECONDS}, {"ms", FIELD_MILLISECONDS},
    {"second", FIELD_SECOND},   {"seconds", FIELD_SECOND},  {"sec", FIELD_SECOND},     {"minute", FIELD_MINUTE},
    {"minutes", FIELD_MINUTE},  {"min", FIELD_MINUTE},      {"hour", FIELD_HOUR},      {"hours", FIELD_HOUR},
    {"day", FIELD_DAY},         {"days", FIELD_DAY},        {"week", FIELD_WEEK},      {"weeks", FIELD_WEEK},
    {"month", FIELD_MONTH},     {"months", FIELD_MONTH},    {"mon", FIELD_MONTH},      {"quarter", FIELD_QUARTER},
    {"year", FIELD_YEAR},       {"years", FIELD_YEAR},      {"decade", FIELD_DECADE},  {"decades", FIELD_DECADE},
    {"century", FIELD_CENTURY}, {"centuries", FIELD_CENTURY}, {"millennium", FIELD_MILLENNIUM},
    {"dow", FIELD_DOW},         {"isodow", FIELD_ISODOW},   {"doy", FIELD_DOY},        {"isoyear", FIELD_ISOYEAR},
    {"julian", FIELD_JULIAN},   {"epoch", FIELD_EPOCH},     {"timezone", FIELD_TIMEZONE},
    {"timezone_hour", FIELD_TIMEZONE_HOUR}, {"timezone_minute", FIELD_TIMEZONE_MINUTE},
};

static bool find_field(struct evaluation *evaluation, const struct value *name, enum time_field *field)
{
  struct bytes text = bytes_of_value(name);
  if (!text_lower(evaluation, text, &text))
    return false;
  for (size_t i = 0; i < sizeof field_names / sizeof *field_names; i++)
    if (bytes_equal(text, bytes_of_string(field_names[i].name))) {
      *field = field_names[i].field;
      return true;
    }
  return false;
}

static int bad_field(struct evaluation *evaluation, const struct value *name, bool is_known, enum type_id type)
{
  struct bytes text = bytes_of_value(name);
  if (!text_lower(evaluation, text, &text))
    return error_memory(evaluation->error);
  return error_set(evaluation->error, is_known ? SQLSTATE_FEATURE_NOT_SUPPORTED : SQLSTATE_INVALID_PARAMETER_VALUE,
                   "unit \"%.*s\" %s for type %s", (int)text.size, (const char *)text.data,
                   is_known ? "not supported" : "not recognized", type_info(type)->name);
}

// Of infinite times: those fields that only grow are infinite, the others NULL.
static struct value infinite_field(enum time_field field, bool is_positive, bool *is_null)
{
  *is_null = !(field == FIELD_YEAR || field == FIELD_DECADE || field == FIELD_CENTURY || field == FIELD_MILLENNIUM ||
               field == FIELD_ISOYEAR || field == FIELD_JULIAN || field == FIELD_EPOCH);
  return value_float8(is_positive ? INFINITY : -INFINITY);
}

struct part {
  int64_t units; // the field is units * 10^-scale
  int scale;
  int64_t julian_microseconds; // FIELD_JULIAN: of the day; else -1
};

static int find_part(struct evaluation *evaluation, const struct value *arguments, enum type_id type,
                     enum time_field *field, struct part *part)
{
  int32_t zone = type == TYPE_TIMESTAMPTZ ? settings_of(evaluation)->zone_offset : 0;
  int64_t local = arguments[1].integer + (int64_t)zone * SECOND;
  bool is_zone = *field == FIELD_TIMEZONE || *field == FIELD_TIMEZONE_HOUR || *field == FIELD_TIMEZONE_MINUTE;
  *part = (struct part){.julian_microseconds = -1};
  if (is_zone && type != TYPE_TIMESTAMPTZ)
    return bad_field(evaluation, &arguments[0], true, type);
  if (*field == FIELD_EPOCH) {
    part->units = arguments[1].integer;
    part->scale = 6;
    if (__builtin_add_overflow(part->units, (int64_t)946684800 * SECOND, &part->units))
      return out_of_range(evaluation);
    return STATUS_OK;
  }
  if (is_zone) {
    part->units = *field == FIELD_TIMEZONE ? zone : *field == FIELD_TIMEZONE_HOUR ? zone / 3600 : zone % 3600 / 60;
    return STATUS_OK;
  }
  struct civil_time civil;
  civil_from_timestamp(local, &civil);
  part->units = calendar_field(&civil, *field);
  part->scale = *field == FIELD_SECOND ? 6 : *field == FIELD_MILLISECONDS ? 3 : 0;
  if (*field == FIELD_JULIAN)
    part->julian_microseconds =
        ((civil.hour * 60 + civil.minute) * 60 + civil.second) * (int64_t)SECOND + civil.microsecond;
  return STATUS_OK;
}

static int part_as_numeric(struct evaluation *evaluation, const struct part *part, struct value *result)
{
  static const int64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
  struct arena *arena = evaluation->arena;
  struct value units, divisor, quotient;
  bool is_julian = part->julian_microseconds >= 0;
  int64_t over = is_julian ? (int64_t)86400 * SECOND : powers[part->scale];
  int status = numeric_from_int64(is_julian ? part->julian_microseconds : part->units, arena, &units,
                                  evaluation->error);
  if (status == STATUS_OK && over == 1) {
    *result = units;
    return STATUS_OK;
  }
  if (status == STATUS_OK)
    status = numeric_from_int64(over, arena, &divisor, evaluation->error);
  if (status == STATUS_OK)
    status = numeric_divide(&units, &divisor, arena, &quotient, evaluation->error);
  if (status != STATUS_OK)
    return status;
  if (!is_julian)
    return numeric_round(&quotient, part->scale, arena, result, evaluation->error);
  status = numeric_from_int64(part->units, arena, &units, evaluation->error);
  return status == STATUS_OK ? numeric_add(&units, &quotient, arena, result, evaluation->error) : status;
}

static int field_of(struct evaluation *evaluation, const struct value *arguments, enum type_id type, bool as_numeric,
                    struct value *result)
{
  enum time_field field;
  struct part part = {0};
  if (!find_field(evaluation, &arguments[0], &field))
    return bad_field(evaluation, &arguments[0], false, type);
  if (is_infinite(arguments[1].integer)) {
    bool is_null;
    struct value infinite = infinite_field(field, arguments[1].integer > 0, &is_null);
    *result = is_null ? value_null() : infinite;
    if (is_null || !as_numeric)
      return STATUS_OK;
    return numeric_from_float8(infinite.float8, evaluation->arena, result, evaluation->error);
  }
  int status = find_part(evaluation, arguments, type, &field, &part);
  if (status != STATUS_OK)
    return status;
  if (as_numeric)
    return part_as_numeric(evaluation, &part, result);
  double v = (double)part.units / (part.scale == 6 ? 1e6 : part.scale == 3 ? 1e3 : 1);
  if (part.julian_microseconds >= 0)
    v += (double)part.julian_microseconds / 86400e6;
  *result = value_float8(v);
  return STATUS_OK;
}

static int extract_timestamp(CALL) { return field_of(evaluation, arguments, TYPE_TIMESTAMP, true, result); }
static int extract_timestamptz(CALL) { return field_of(evaluation, arguments, TYPE_TIMESTAMPTZ, true, result); }
static int part_timestamp(CALL) { return field_of(evaluation, arguments, TYPE_TIMESTAMP, false, result); }
static int part_timestamptz(CALL) { return field_of(evaluation, arguments, TYPE_TIMESTAMPTZ, false, result); }

// ---- truncation ----

static int truncate_local(struct evaluation *evaluation, const struct value *arguments, enum type_id type,
                          int32_t zone, struct value *result)
{
  enum time_field field = FIELD_DOW;
  *result = arguments[1];
  if (is_infinite(arguments[1].integer))
    return STATUS_OK;
  if (!find_field(evaluation, &arguments[0], &field) || field >= FIELD_DOW)
    return bad_field(evaluation, &arguments[0], field >= FIELD_TIMEZONE, type);
  struct civil_time civil;
  civil_from_timestamp(arguments[1].integer + (int64_t)zone * SECOND, &civil);
  calendar_truncate(&civil, field);
  int64_t local;
  int status = timestamp_from_civil(&civil, &local, evaluation->error);
  if (status == STATUS_OK)
    *result = value_integer(local - (int64_t)zone * SECOND);
  return status;
}

static int trunc_timestamp(CALL) { return truncate_local(evaluation, arguments, TYPE_TIMESTAMP, 0, result); }

static int trunc_timestamptz(CALL)
{
  return truncate_local(evaluation, arguments, TYPE_TIMESTAMPTZ, settings_of(evaluation)->zone_offset, result);
}

// A bare offset is the name of a zone in POSIX's sense where is_name: '+02' is two hours west of Greenwich.
static int find_zone(struct evaluation *evaluation, const struct value *name, bool is_name, int32_t *offset)
{
  if (zone_parse(bytes_of_value(name), offset)) {
    if (is_name && (name->data[0] == '+' || name->data[0] == '-'))
      *offset = -*offset;
    return STATUS_OK;
  }
  return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "time zone \"%.*s\" not recognized",
                   (int)name->size, (const char *)name->data);
}

static int trunc_zone(CALL)
{
  int32_t zone;
  int status = find_zone(evaluation, &arguments[2], true, &zone);
  return status == STATUS_OK ? truncate_local(evaluation, arguments, TYPE_TIMESTAMPTZ, zone, result) : status;
}

// ---- AT TIME ZONE ----

static int to_zone(struct evaluation *evaluation, const struct value *arguments, int sign, struct value *result)
{
  int32_t zone;
  int64_t at = arguments[1].integer;
  int status = find_zone(evaluation, &arguments[0], true, &zone);
  if (status != STATUS_OK)
    return status;
  if (!is_infinite(at) && __builtin_add_overflow(at, (int64_t)sign * zone * SECOND, &at))
    return out_of_range(evaluation);
  *result = value_integer(at);
  return STATUS_OK;
}

static int timestamptz_at_zone(CALL) { return to_zone(evaluation, arguments, 1, result); }
static int timestamp_at_zone(CALL) { return to_zone(evaluation, arguments, -1, result); }

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
                     "date field value out of range: %lld-%02d-%02d", (long long)civil.year, civil.month, civil.day);
  bool is_midnight = civil.hour == 24 && civil.minute == 0 && seconds == 0;
  if (isnan(seconds) || civil.hour < 0 || (civil.hour > 23 && !is_midnight) || civil.minute < 0 || civil.minute > 59 ||
      seconds < 0 || seconds > 60)
    return error_set(evaluation->error, SQLSTATE_DATETIME_FIELD_OVERFLOW, "time field value out of range: %d:%02d:%02g",
                     civil.hour, civil.minute, seconds);
  int64_t of_day = ((int64_t)civil.hour * 60 + civil.minute) * 60 * SECOND + (int64_t)rint(seconds * SECOND);
  civil.hour = civil.minute = 0;
  civil.year += before_christ;
  int status = timestamp_from_civil(&civil, timestamp, evaluation->error);
  if (status == STATUS_OK && __builtin_add_overflow(*timestamp, of_day, timestamp))
    return out_of_range(evaluation);
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
  int64_t timestamp = 0;
  int32_t zone = settings_of(evaluation)->zone_offset;
  int status = argument_count > 6 ? find_zone(evaluation, &arguments[6], false, &zone) : STATUS_OK;
  if (status == STATUS_OK)
    status = make_local(evaluation, arguments, &timestamp);
  *result = value_integer(timestamp - (int64_t)zone * SECOND);
  return status;
}

static int isfinite_timestamp(CALL)
{
  *result = value_boolean(!is_infinite(arguments[0].integer));
  return STATUS_OK;
}

// ---- the table ----

#define KEPT_NOW(name, code, type) ROW(name, code, type, 0, FUNCTION_KEPT, false, false, 0)

const struct function time_functions[] = {
    KEPT_NOW("now", now, TIMESTAMPTZ),
    KEPT_NOW("transaction_timestamp", now, TIMESTAMPTZ),
    KEPT_NOW("current_timestamp", now, TIMESTAMPTZ),
    ROW("current_timestamp", now, TIMESTAMPTZ, 1, FUNCTION_KEPT, false, false, INT4),
    KEPT_NOW("localtimestamp", local_now, TIMESTAMP),
    ROW("localtimestamp", local_now, TIMESTAMP, 1, FUNCTION_KEPT, false, false, INT4),
    KEPT_NOW("statement_timestamp", statement_now, TIMESTAMPTZ),
    KEPT_NOW("clock_timestamp", clock_now, TIMESTAMPTZ),
    PURE("extract", extract_timestamp, NUMERIC, 2, TEXT, TIMESTAMP),
    STABLE("extract", extract_timestamptz, NUMERIC, 2, TEXT, TIMESTAMPTZ),
    PURE("date_part", part_timestamp, FLOAT8, 2, TEXT, TIMESTAMP),
    STABLE("date_part", part_timestamptz, FLOAT8, 2, TEXT, TIMESTAMPTZ),
    PURE("date_trunc", trunc_timestamp, TIMESTAMP, 2, TEXT, TIMESTAMP),
    STABLE("date_trunc", trunc_timestamptz, TIMESTAMPTZ, 2, TEXT, TIMESTAMPTZ),
    STABLE("date_trunc", trunc_zone, TIMESTAMPTZ, 3, TEXT, TIMESTAMPTZ, TEXT),
    PURE("timezone", timestamptz_at_zone, TIMESTAMP, 2, TEXT, TIMESTAMPTZ),
    PURE("timezone", timestamp_at_zone, TIMESTAMPTZ, 2, TEXT, TIMESTAMP),
    PURE("to_timestamp", to_timestamp, TIMESTAMPTZ, 1, FLOAT8),
    PURE("make_timestamp", make_timestamp, TIMESTAMP, 6, INT4, INT4, INT4, INT4, INT4, FLOAT8),
    STABLE("make_timestamptz", make_timestamptz, TIMESTAMPTZ, 6, INT4, INT4, INT4, INT4, INT4, FLOAT8),
    STABLE("make_timestamptz", make_timestamptz, TIMESTAMPTZ, 7, INT4, INT4, INT4, INT4, INT4, FLOAT8, TEXT),
    PURE("isfinite", isfinite_timestamp, BOOLEAN, 1, TIMESTAMP),
    PURE("isfinite", isfinite_timestamp, BOOLEAN, 1, TIMESTAMPTZ),
    {0},
};
