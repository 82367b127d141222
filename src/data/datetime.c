// The calendar, and how dates and times are printed.
#include "data/datetime.h"

#include "base/sqlstate.h"

static const int64_t SECOND = 1000000;
static const int64_t DAY = 86400 * (int64_t)1000000;
static const int64_t TIMESTAMP_LOW = -211813488000000000;  // 4714-11-24 00:00:00 BC
static const int64_t TIMESTAMP_END = 9223371331200000000;  // 294277-01-01 00:00:00

enum { DAYS_TO_2000 = 730425 }; // 2000-01-01 counted from 0000-03-01

// ---- the calendar ----

// Days since 2000-01-01. Years are counted from March, so that the leap day is their last.
int64_t days_from_civil(int64_t year, int month, int day)
{
  year -= month <= 2;
  int64_t era = (year >= 0 ? year : year - 399) / 400;
  int64_t year_of_era = year - era * 400;
  int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - DAYS_TO_2000;
}

void civil_from_days(int64_t days, struct civil_time *civil)
{
  days += DAYS_TO_2000;
  int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  int64_t day_of_era = days - era * 146097;
  int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int64_t month = (5 * day_of_year + 2) / 153;
  civil->day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
  civil->month = (int)(month < 10 ? month + 3 : month - 9);
  civil->year = year_of_era + era * 400 + (civil->month <= 2);
}

int days_in_month(int64_t year, int month)
{
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return days[month - 1] + (month == 2 && is_leap);
}

void civil_from_timestamp(int64_t timestamp, struct civil_time *civil)
{
  int64_t days = timestamp / DAY, rest = timestamp % DAY;
  if (rest < 0) {
    rest += DAY;
    days--;
  }
  civil_from_days(days, civil);
  civil->microsecond = (int)(rest % SECOND);
  rest /= SECOND;
  civil->hour = (int)(rest / 3600);
  civil->minute = (int)(rest / 60 % 60);
  civil->second = (int)(rest % 60);
}

static bool is_in_range(int64_t timestamp)
{
  return timestamp >= TIMESTAMP_LOW && timestamp < TIMESTAMP_END;
}

bool timestamp_is_valid(int64_t timestamp)
{
  return timestamp == INT64_MIN || timestamp == INT64_MAX || is_in_range(timestamp);
}

bool timestamp_of(const struct civil_time *civil, int64_t *timestamp)
{
  if (civil->year < -4800 || civil->year > 300000)
    return false;
  int64_t seconds = civil->hour * 3600 + civil->minute * 60 + civil->second;
  if (__builtin_mul_overflow(days_from_civil(civil->year, civil->month, civil->day), DAY, timestamp) ||
      __builtin_add_overflow(*timestamp, seconds * SECOND + civil->microsecond, timestamp))
    return false;
  return is_in_range(*timestamp);
}

int timestamp_from_civil(const struct civil_time *civil, int64_t *timestamp, struct error *error)
{
  if (timestamp_of(civil, timestamp))
    return 0;
  return error_set(error, SQLSTATE_DATETIME_FIELD_OVERFLOW, "timestamp out of range");
}

bool date_is_valid(int64_t days)
{
  return date_is_infinite(days) || (days >= DATE_LOW && days < DATE_END);
}

bool time_is_valid(int64_t time)
{
  return time >= 0 && time <= DAY;
}

bool zoned_time_is_valid(const struct zoned_time *time)
{
  return time_is_valid(time->time) && time->west > -ZONE_LIMIT && time->west < ZONE_LIMIT;
}

struct zoned_time zoned_time_of(const struct value *value)
{
  return (struct zoned_time){(int64_t)get_le64(value->data), (int32_t)get_le32(value->data + 8)};
}

bool zoned_time_value(const struct zoned_time *time, struct arena *arena, struct value *value)
{
  uint8_t *data = arena_alloc(arena, ZONED_TIME_SIZE);
  if (!data)
    return false;
  put_le64(data, (uint64_t)time->time);
  put_le32(data + 8, (uint32_t)time->west);
  *value = value_bytes(data, ZONED_TIME_SIZE);
  return true;
}

// ---- text out ----

char *put_number(char *at, int64_t number, int width)
{
  char digits[20];
  int count = 0;
  do {
    digits[count++] = (char)('0' + number % 10);
    number /= 10;
  } while (number || count < width);
  while (count)
    *at++ = digits[--count];
  return at;
}

static char *put_zone(char *at, int32_t offset)
{
  *at++ = offset < 0 ? '-' : '+';
  offset = offset < 0 ? -offset : offset;
  at = put_number(at, offset / 3600, 2);
  if (offset % 3600) {
    *at++ = ':';
    at = put_number(at, offset / 60 % 60, 2);
  }
  if (offset % 60) {
    *at++ = ':';
    at = put_number(at, offset % 60, 2);
  }
  return at;
}

char *put_fraction(char *at, int microsecond)
{
  if (!microsecond)
    return at;
  *at++ = '.';
  at = put_number(at, microsecond, 6);
  while (at[-1] == '0')
    at--;
  return at;
}

static char *put_date(char *at, const struct civil_time *civil)
{
  at = put_number(at, civil->year > 0 ? civil->year : 1 - civil->year, 4);
  *at++ = '-';
  at = put_number(at, civil->month, 2);
  *at++ = '-';
  return put_number(at, civil->day, 2);
}

static char *put_time(char *at, int hour, int minute, int second, int microsecond)
{
  at = put_number(at, hour, 2);
  *at++ = ':';
  at = put_number(at, minute, 2);
  *at++ = ':';
  at = put_number(at, second, 2);
  return put_fraction(at, microsecond);
}

static char *put_time_of_day(char *at, int64_t time)
{
  int64_t seconds = time / SECOND;
  return put_time(at, (int)(seconds / 3600), (int)(seconds / 60 % 60), (int)(seconds % 60), (int)(time % SECOND));
}

void datetime_to_text(enum type_id type, const struct value *value, const struct format_settings *settings,
                      struct buffer *out)
{
  char text[80], *at = text;
  if (type == TYPE_TIME || type == TYPE_TIMETZ) {
    struct zoned_time zoned = type == TYPE_TIMETZ ? zoned_time_of(value) : (struct zoned_time){value->integer, 0};
    at = put_time_of_day(at, zoned.time);
    if (type == TYPE_TIMETZ)
      at = put_zone(at, -zoned.west);
    buffer_append(out, text, (size_t)(at - text));
    return;
  }
  int64_t v = value->integer;
  if (type == TYPE_DATE ? date_is_infinite(v) : timestamp_is_infinite(v)) {
    buffer_append_string(out, v > 0 ? "infinity" : "-infinity");
    return;
  }
  struct civil_time civil;
  int32_t offset = type == TYPE_TIMESTAMPTZ ? zone_offset_at(settings->zone, v, NULL) : 0;
  if (type == TYPE_DATE)
    civil_from_days(v, &civil);
  else
    civil_from_timestamp(v + offset * SECOND, &civil);
  at = put_date(at, &civil);
  if (type != TYPE_DATE) {
    *at++ = ' ';
    at = put_time(at, civil.hour, civil.minute, civil.second, civil.microsecond);
  }
  if (type == TYPE_TIMESTAMPTZ)
    at = put_zone(at, offset);
  buffer_append(out, text, (size_t)(at - text));
  if (civil.year <= 0)
    buffer_append_string(out, " BC");
}
