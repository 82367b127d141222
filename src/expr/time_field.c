// extract and date_part: fields of dates, times and intervals.
#include <math.h>

#include "data/numeric.h"
#include "expr/moment.h"
#include "expr/tables.h"

enum { SECOND = 1000000 };

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
    {"millennia", FIELD_MILLENNIUM}, {"mil", FIELD_MILLENNIUM}, {"mils", FIELD_MILLENNIUM}, {"c", FIELD_CENTURY},
    {"cent", FIELD_CENTURY},    {"dec", FIELD_DECADE},      {"decs", FIELD_DECADE},    {"y", FIELD_YEAR},
    {"yr", FIELD_YEAR},         {"yrs", FIELD_YEAR},        {"qtr", FIELD_QUARTER},    {"mons", FIELD_MONTH},
    {"w", FIELD_WEEK},          {"d", FIELD_DAY},           {"h", FIELD_HOUR},         {"hr", FIELD_HOUR},
    {"hrs", FIELD_HOUR},        {"m", FIELD_MINUTE},        {"mins", FIELD_MINUTE},    {"s", FIELD_SECOND},
    {"secs", FIELD_SECOND},     {"msec", FIELD_MILLISECONDS}, {"msecs", FIELD_MILLISECONDS},
    {"usec", FIELD_MICROSECONDS}, {"usecs", FIELD_MICROSECONDS},
    {"julian", FIELD_JULIAN},   {"epoch", FIELD_EPOCH},     {"timezone", FIELD_TIMEZONE},
    {"timezone_hour", FIELD_TIMEZONE_HOUR}, {"timezone_minute", FIELD_TIMEZONE_MINUTE},
};

bool moment_find_field(struct evaluation *evaluation, const struct value *name, enum time_field *field)
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

int moment_bad_field(struct evaluation *evaluation, const struct value *name, bool is_known, enum type_id type)
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

static bool is_zone_field(enum time_field field)
{
  return field == FIELD_TIMEZONE || field == FIELD_TIMEZONE_HOUR || field == FIELD_TIMEZONE_MINUTE;
}

static int64_t zone_part(int32_t zone, enum time_field field)
{
  return field == FIELD_TIMEZONE ? zone : field == FIELD_TIMEZONE_HOUR ? zone / 3600 : zone % 3600 / 60;
}

static int scale_of(enum time_field field)
{
  return field == FIELD_SECOND ? 6 : field == FIELD_MILLISECONDS ? 3 : 0;
}

// Fields of a time of day alone; microseconds within the minute for the small ones.
static int64_t part_of_time(int64_t time, enum time_field field)
{
  return field == FIELD_HOUR     ? time / SECOND / 3600
         : field == FIELD_MINUTE ? time / SECOND / 60 % 60
                                 : time % ((int64_t)60 * SECOND);
}

static int timestamp_part(struct evaluation *evaluation, const struct value *arguments, enum type_id type,
                          enum time_field field, struct part *part)
{
  int64_t at = arguments[1].integer;
  int32_t zone = type == TYPE_TIMESTAMPTZ ? zone_offset_at(moment_zone(evaluation), at, NULL) : 0;
  if (is_zone_field(field)) {
    if (type != TYPE_TIMESTAMPTZ)
      return moment_bad_field(evaluation, &arguments[0], true, type);
    part->units = zone_part(zone, field);
    return STATUS_OK;
  }
  if (field == FIELD_EPOCH) {
    part->units = at;
    part->scale = 6;
    if (__builtin_add_overflow(part->units, (int64_t)946684800 * SECOND, &part->units))
      return moment_out_of_range(evaluation, "timestamp");
    return STATUS_OK;
  }
  struct civil_time civil;
  civil_from_timestamp(at + (int64_t)zone * SECOND, &civil);
  part->units = calendar_field(&civil, field);
  part->scale = scale_of(field);
  if (field == FIELD_JULIAN)
    part->julian_microseconds =
        ((civil.hour * 60 + civil.minute) * 60 + civil.second) * (int64_t)SECOND + civil.microsecond;
  return STATUS_OK;
}

static int date_part(struct evaluation *evaluation, const struct value *arguments, enum time_field field,
                     struct part *part)
{
  struct civil_time civil = {0};
  if (field == FIELD_EPOCH) {
    part->units = (arguments[1].integer + 10957) * 86400;
    return STATUS_OK;
  }
  if (field < FIELD_DAY || is_zone_field(field))
    return moment_bad_field(evaluation, &arguments[0], true, TYPE_DATE);
  civil_from_days(arguments[1].integer, &civil);
  part->units = calendar_field(&civil, field);
  return STATUS_OK;
}

static int time_part(struct evaluation *evaluation, const struct value *arguments, enum type_id type,
                     enum time_field field, struct part *part)
{
  struct zoned_time zoned =
      type == TYPE_TIMETZ ? zoned_time_of(&arguments[1]) : (struct zoned_time){arguments[1].integer, 0};
  if (is_zone_field(field) && type == TYPE_TIMETZ) {
    part->units = zone_part(-zoned.west, field);
  } else if (field == FIELD_EPOCH) {
    part->units = zoned.time + (int64_t)zoned.west * SECOND;
    part->scale = 6;
  } else if (field < FIELD_DAY) {
    part->units = part_of_time(zoned.time, field);
    part->scale = scale_of(field);
  } else {
    return moment_bad_field(evaluation, &arguments[0], true, type);
  }
  return STATUS_OK;
}

static int interval_part(struct evaluation *evaluation, const struct value *arguments, enum time_field field,
                         struct part *part)
{
  struct interval interval = interval_of(&arguments[1]);
  int64_t years = interval.months / 12, months = interval.months % 12;
  part->scale = scale_of(field);
  switch (field) {
  case FIELD_MICROSECONDS:
  case FIELD_MILLISECONDS:
  case FIELD_SECOND:
  case FIELD_MINUTE:
  case FIELD_HOUR: part->units = part_of_time(interval.microseconds, field); break;
  case FIELD_DAY: part->units = interval.days; break;
  case FIELD_MONTH: part->units = months; break;
  case FIELD_QUARTER: part->units = months / 3 + 1; break;
  case FIELD_YEAR: part->units = years; break;
  case FIELD_DECADE: part->units = years / 10; break;
  case FIELD_CENTURY: part->units = years / 100; break;
  case FIELD_MILLENNIUM: part->units = years / 1000; break;
  case FIELD_EPOCH: { // a year has 365.25 days
    int64_t seconds = (years * 1461 + months * 120 + interval.days * (int64_t)4) * 21600;
    part->scale = 6;
    if (__builtin_mul_overflow(seconds, (int64_t)SECOND, &part->units) ||
        __builtin_add_overflow(part->units, interval.microseconds, &part->units))
      return moment_out_of_range(evaluation, "interval");
    break;
  }
  default: return moment_bad_field(evaluation, &arguments[0], true, TYPE_INTERVAL);
  }
  return STATUS_OK;
}

static int find_part(struct evaluation *evaluation, const struct value *arguments, enum type_id type,
                     enum time_field field, struct part *part)
{
  *part = (struct part){.julian_microseconds = -1};
  switch (type) {
  case TYPE_DATE: return date_part(evaluation, arguments, field, part);
  case TYPE_TIME:
  case TYPE_TIMETZ: return time_part(evaluation, arguments, type, field, part);
  case TYPE_INTERVAL: return interval_part(evaluation, arguments, field, part);
  default: return timestamp_part(evaluation, arguments, type, field, part);
  }
}

static bool is_infinite(enum type_id type, const struct value *value)
{
  if (type == TYPE_DATE)
    return date_is_infinite(value->integer);
  return (type == TYPE_TIMESTAMP || type == TYPE_TIMESTAMPTZ) && timestamp_is_infinite(value->integer);
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
  if (!moment_find_field(evaluation, &arguments[0], &field))
    return moment_bad_field(evaluation, &arguments[0], false, type);
  if (is_infinite(type, &arguments[1])) {
    bool is_null;
    struct value infinite = infinite_field(field, arguments[1].integer > 0, &is_null);
    *result = is_null ? value_null() : infinite;
    if (is_null || !as_numeric)
      return STATUS_OK;
    return numeric_from_float8(infinite.float8, evaluation->arena, result, evaluation->error);
  }
  int status = find_part(evaluation, arguments, type, field, &part);
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

#define FIELDS(name, type)                                                                          \
  static int extract_##name(CALL) { return field_of(evaluation, arguments, type, true, result); }   \
  static int part_##name(CALL) { return field_of(evaluation, arguments, type, false, result); }
FIELDS(timestamp, TYPE_TIMESTAMP)
FIELDS(timestamptz, TYPE_TIMESTAMPTZ)
FIELDS(time, TYPE_TIME)
FIELDS(timetz, TYPE_TIMETZ)
FIELDS(interval, TYPE_INTERVAL)

static int extract_date(CALL) { return field_of(evaluation, arguments, TYPE_DATE, true, result); }

// Of a date as of its midnight: fields of the time of day are zero.
static int part_date(CALL)
{
  struct value both[2] = {arguments[0], value_integer(0)};
  int status = moment_from_date(evaluation, arguments[1].integer, &both[1].integer);
  return status == STATUS_OK ? field_of(evaluation, both, TYPE_TIMESTAMP, false, result) : status;
}

const struct function time_field_functions[] = {
    PURE("extract", extract_timestamp, NUMERIC, 2, TEXT, TIMESTAMP),
    STABLE("extract", extract_timestamptz, NUMERIC, 2, TEXT, TIMESTAMPTZ),
    PURE("extract", extract_date, NUMERIC, 2, TEXT, DATE),
    PURE("extract", extract_time, NUMERIC, 2, TEXT, TIME),
    PURE("extract", extract_timetz, NUMERIC, 2, TEXT, TIMETZ),
    PURE("extract", extract_interval, NUMERIC, 2, TEXT, INTERVAL),
    PURE("date_part", part_timestamp, FLOAT8, 2, TEXT, TIMESTAMP),
    STABLE("date_part", part_timestamptz, FLOAT8, 2, TEXT, TIMESTAMPTZ),
    PURE("date_part", part_date, FLOAT8, 2, TEXT, DATE),
    PURE("date_part", part_time, FLOAT8, 2, TEXT, TIME),
    PURE("date_part", part_timetz, FLOAT8, 2, TEXT, TIMETZ),
    PURE("date_part", part_interval, FLOAT8, 2, TEXT, INTERVAL),
    {0},
};
