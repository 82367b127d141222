// ISO 8601 as far as people write it in an option: no zones but UTC.
#include "connect/moment.h"

#include <stdio.h>
#include <string.h>

// Days from 2000-01-01 to a date of the Gregorian calendar: Hinnant, "chrono-Compatible Low-Level Date Algorithms".
static int64_t days_of(int64_t year, int month, int day)
{
  year -= month <= 2;
  int64_t era = (year >= 0 ? year : year - 399) / 400, year_of_era = year - era * 400;
  int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 730425;
}

static bool is_date(int year, int month, int day)
{
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (month == 2 && is_leap);
}

// Digits behind the point, as microseconds; moves the text behind them.
static int64_t read_fraction(const char **text)
{
  int64_t value = 0, unit = 100000;
  for (; **text >= '0' && **text <= '9'; ++*text, unit /= 10)
    value += (**text - '0') * unit;
  return value;
}

bool moment_read(const char *text, int64_t *microseconds)
{
  int year, month, day, hour = 0, minute = 0, second = 0, used = 0;
  int64_t fraction = 0;
  if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3 || !used || !is_date(year, month, day))
    return false;
  text += used;
  if (*text == ' ' || *text == 'T') {
    used = 0;
    if (sscanf(text + 1, "%2d:%2d%n", &hour, &minute, &used) != 2 || !used)
      return false;
    text += 1 + used;
    used = 0;
    if (*text == ':' && (sscanf(text, ":%2d%n", &second, &used) != 1 || !used))
      return false;
    text += used;
    if (*text == '.') {
      text++;
      fraction = read_fraction(&text);
    }
    if (strcmp(text, "Z") == 0 || strcmp(text, "+00") == 0 || strcmp(text, "+00:00") == 0)
      text = "";
  }
  if (*text || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
    return false;
  *microseconds = ((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60000000 + second * 1000000 + fraction;
  return true;
}
