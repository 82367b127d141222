// Fields of dates: what extract, date_trunc and to_char share. Years before 1 are 0, -1, … (1 BC, 2 BC, …).
#pragma once

#include "data/datetime.h"

enum time_field { // up to FIELD_MILLENNIUM: what can be truncated to
  FIELD_MICROSECONDS,
  FIELD_MILLISECONDS,
  FIELD_SECOND,
  FIELD_MINUTE,
  FIELD_HOUR,
  FIELD_DAY,
  FIELD_WEEK,
  FIELD_MONTH,
  FIELD_QUARTER,
  FIELD_YEAR,
  FIELD_DECADE,
  FIELD_CENTURY,
  FIELD_MILLENNIUM,
  FIELD_DOW,
  FIELD_ISODOW,
  FIELD_DOY,
  FIELD_ISOYEAR,
  FIELD_JULIAN,
  FIELD_EPOCH,
  FIELD_TIMEZONE,
  FIELD_TIMEZONE_HOUR,
  FIELD_TIMEZONE_MINUTE,
};

int calendar_days_of_month(int64_t year, int month);
// Julian day number (4713-11-24 BC is 0).
int64_t calendar_julian(int64_t year, int month, int day);
// Not for EPOCH and the zone's. SECOND, MILLISECONDS and MICROSECONDS count in microseconds within the minute.
int64_t calendar_field(const struct civil_time *civil, enum time_field field);
void calendar_truncate(struct civil_time *civil, enum time_field field);
