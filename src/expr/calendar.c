// The Gregorian calendar, carried on backwards for ever, and ISO 8601's weeks.
#include "expr/calendar.h"

static int64_t floor_divide(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static bool is_leap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int calendar_days_of_month(int64_t year, int month)
{
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return days[month - 1] + (month == 2 && is_leap(year));
}

// Years begin in March here, so that the leap day is the last; 1721119.5 days from the Julian epoch to 0000-03-01.
int64_t calendar_julian(int64_t year, int month, int day)
{
  int64_t y = month > 2 ? year : year - 1, m = month > 2 ? month - 3 : month + 9;
  return 365 * y + floor_divide(y, 4) - floor_divide(y, 100) + floor_divide(y, 400) + (153 * m + 2) / 5 + day - 1 +
         1721120;
}

static void date_of_julian(int64_t julian, struct civil_time *civil)
{
  int64_t days = julian - 1721120, era = floor_divide(days, 146097), of_era = days - era * 146097;
  int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  int64_t of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
  civil->day = (int)(of_year - (153 * month + 2) / 5 + 1);
  civil->month = (int)(month < 10 ? month + 3 : month - 9);
  civil->year = year + era * 400 + (civil->month <= 2);
}

static int64_t julian_of(const struct civil_time *civil)
{
  return calendar_julian(civil->year, civil->month, civil->day);
}

static int iso_day(int64_t julian) { return (int)(julian - floor_divide(julian, 7) * 7) + 1; } // Monday is 1

// The year whose weeks this day belongs to: that of its Thursday.
static int64_t iso_year(const struct civil_time *civil, int64_t *week)
{
  int64_t julian = julian_of(civil), thursday = julian - iso_day(julian) + 4;
  struct civil_time at = {0};
  date_of_julian(thursday, &at);
  *week = (thursday - calendar_julian(at.year, 1, 1)) / 7 + 1;
  return at.year;
}

// PostgreSQL counts years without a zero.
static int64_t shown_year(int64_t year) { return year > 0 ? year : year - 1; }

static int64_t century(int64_t year, int64_t span)
{
  return year > 0 ? (year + span - 1) / span : -((span - 1 - (year - 1)) / span);
}

int64_t calendar_field(const struct civil_time *civil, enum time_field field)
{
  int64_t week, year = civil->year, iso = iso_year(civil, &week), julian = julian_of(civil);
  switch (field) {
  case FIELD_MICROSECONDS:
  case FIELD_MILLISECONDS:
  case FIELD_SECOND: return civil->second * (int64_t)1000000 + civil->microsecond;
  case FIELD_MINUTE: return civil->minute;
  case FIELD_HOUR: return civil->hour;
  case FIELD_DAY: return civil->day;
  case FIELD_WEEK: return week;
  case FIELD_MONTH: return civil->month;
  case FIELD_QUARTER: return (civil->month - 1) / 3 + 1;
  case FIELD_YEAR: return shown_year(year);
  case FIELD_DECADE: return floor_divide(year, 10);
  case FIELD_CENTURY: return century(year, 100);
  case FIELD_MILLENNIUM: return century(year, 1000);
  case FIELD_DOW: return iso_day(julian) % 7;
  case FIELD_ISODOW: return iso_day(julian);
  case FIELD_DOY: return julian - calendar_julian(year, 1, 1) + 1;
  case FIELD_ISOYEAR: return shown_year(iso);
  case FIELD_JULIAN: return julian;
  default: return 0;
  }
}

void calendar_truncate(struct civil_time *civil, enum time_field field)
{
  int64_t year = civil->year, julian = julian_of(civil);
  if (field == FIELD_WEEK)
    date_of_julian(julian - iso_day(julian) + 1, civil);
  if (field == FIELD_MILLENNIUM)
    civil->year = floor_divide(year - 1, 1000) * 1000 + 1;
  if (field == FIELD_CENTURY)
    civil->year = floor_divide(year - 1, 100) * 100 + 1;
  if (field == FIELD_DECADE)
    civil->year = floor_divide(year, 10) * 10;
  if (field == FIELD_QUARTER)
    civil->month = (civil->month - 1) / 3 * 3 + 1;
  if (field >= FIELD_YEAR)
    civil->month = 1;
  if (field >= FIELD_MONTH)
    civil->day = 1;
  if (field >= FIELD_DAY)
    civil->hour = 0;
  if (field >= FIELD_HOUR)
    civil->minute = 0;
  if (field >= FIELD_MINUTE)
    civil->second = 0;
  if (field >= FIELD_SECOND)
    civil->microsecond = 0;
  if (field == FIELD_MILLISECONDS)
    civil->microsecond -= civil->microsecond % 1000;
}
