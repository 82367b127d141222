// The calendar, and timestamps as text.
//
// Input is read word by word in PostgreSQL's spirit (DateStyle ISO, MDY): an ISO date, a date with slashes or
// a month's name, a time, a zone, in any order that makes sense. Each part may come once (enum part).
#include "data/datetime.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "base/sqlstate.h"

static const int64_t SECOND = 1000000;
static const int64_t DAY = 86400 * (int64_t)1000000;
static const int64_t TIMESTAMP_LOW = -211813488000000000;  // 4714-11-24 00:00:00 BC
static const int64_t TIMESTAMP_END = 9223371331200000000;  // 294277-01-01 00:00:00

enum { DAYS_TO_2000 = 730425, ZONE_LIMIT = 16 * 3600 }; // 2000-01-01 counted from 0000-03-01

// ---- the calendar ----

// Days since 2000-01-01. Years are counted from March, so that the leap day is their last.
static int64_t days_from_civil(int64_t year, int month, int day)
{
  year -= month <= 2;
  int64_t era = (year >= 0 ? year : year - 399) / 400;
  int64_t year_of_era = year - era * 400;
  int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - DAYS_TO_2000;
}

static void civil_from_days(int64_t days, struct civil_time *civil)
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

static int days_in_month(int64_t year, int month)
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

// False beyond the range.
static bool timestamp_of(const struct civil_time *civil, int64_t *timestamp)
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

// ---- zones ----

// Digits of a zone's offset: "2", "02", "0230", "02:30", "02:30:15". Moves *text behind them.
static bool parse_offset(struct bytes *text, int32_t *seconds)
{
  int parts[3] = {0}, count = 0;
  size_t i = 0, digits = 0;
  while (i + digits < text->size && isdigit(text->data[i + digits]))
    digits++;
  if (digits == 0 || digits > 6)
    return false;
  if (digits > 2) { // hours, minutes and seconds run together
    int v = 0;
    for (; i < digits; i++)
      v = v * 10 + (text->data[i] - '0');
    parts[0] = digits > 4 ? v / 10000 : v / 100;
    parts[1] = digits > 4 ? v / 100 % 100 : v % 100;
    parts[2] = digits > 4 ? v % 100 : 0;
  } else {
    for (;;) {
      for (size_t start = i; i < text->size && isdigit(text->data[i]) && i < start + 2; i++)
        parts[count] = parts[count] * 10 + (text->data[i] - '0');
      count++;
      if (count == 3 || i + 1 >= text->size || text->data[i] != ':' || !isdigit(text->data[i + 1]))
        break;
      i++;
    }
  }
  if (parts[1] > 59 || parts[2] > 59)
    return false;
  *seconds = parts[0] * 3600 + parts[1] * 60 + parts[2];
  *text = bytes_of(text->data + i, text->size - i);
  return true;
}

static bool word_is(struct bytes word, const char *text)
{
  return word.size == strlen(text) && strncasecmp((const char *)word.data, text, word.size) == 0;
}

// Zones with a fixed offset that need no table of rules.
static bool zone_of_word(struct bytes word, int32_t *offset)
{
  static const struct {
    const char *name;
    int hours;
  } zones[] = {
    {"utc", 0},  {"gmt", 0},  {"z", 0},    {"ut", 0},   {"zulu", 0}, {"uct", 0},  {"est", -5}, {"edt", -4},
    {"cst", -6}, {"cdt", -5}, {"mst", -7}, {"mdt", -6}, {"pst", -8}, {"pdt", -7}, {"wet", 0},  {"west", 1},
    {"bst", 1},  {"cet", 1},  {"cest", 2}, {"eet", 2},  {"eest", 3}, {"msk", 3},  {"jst", 9},
  };
  for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
    if (word_is(word, zones[i].name)) {
      *offset = zones[i].hours * 3600;
      return true;
    }
  return false;
}

static bool is_sign(uint8_t c) { return c == '+' || c == '-'; }

bool zone_parse(struct bytes text, int32_t *offset_seconds)
{
  size_t letters = 0;
  while (letters < text.size && isalpha(text.data[letters]))
    letters++;
  int32_t base = 0, offset = 0;
  if (letters && !zone_of_word(bytes_of(text.data, letters), &base))
    return word_is(text, "Etc/UTC") ? (*offset_seconds = 0, true) : false;
  if (letters < text.size) {
    uint8_t sign = text.data[letters];
    struct bytes rest = bytes_of(text.data + letters + 1, text.size - letters - 1);
    if (!is_sign(sign) || base != 0 || !parse_offset(&rest, &offset) || rest.size || offset >= ZONE_LIMIT)
      return false;
    // 'GMT+2' is POSIX: two hours west. '+2' alone is ISO: east.
    offset = (sign == '-') != (letters > 0) ? -offset : offset;
  } else if (!letters) {
    return false;
  }
  *offset_seconds = base + offset;
  return true;
}

// ---- text in ----

enum part {
  PART_DATE = 1,
  PART_TIME = 2,
  PART_ZONE = 4,
  PART_MERIDIEM = 8,
  PART_ERA = 16,
  PART_SPECIAL = 32,
  PART_MONTH = 64,
};

enum problem { PROBLEM_NONE, PROBLEM_SYNTAX, PROBLEM_FIELD, PROBLEM_MONTH_OR_DAY, PROBLEM_ZONE_RANGE };

enum special { SPECIAL_NONE, SPECIAL_NOW, SPECIAL_EPOCH, SPECIAL_INFINITY, SPECIAL_MINUS_INFINITY };

struct reader {
  struct bytes rest;
  const struct format_settings *settings;
  unsigned parts;             // enum part, of what has come
  struct civil_time civil;
  int loose[2], loose_digits[2]; // numbers beside a month's name: day and year
  int loose_count;
  bool is_two_digit_year, is_afternoon, is_before_christ, is_joined_time; // joined: behind a T
  int32_t zone;
  enum special special;
};

static bool take_part(struct reader *reader, enum part part)
{
  if (reader->parts & part)
    return false;
  reader->parts |= part;
  return true;
}

static uint8_t peek(const struct reader *reader, size_t at)
{
  return at < reader->rest.size ? reader->rest.data[at] : 0;
}

static void skip(struct reader *reader, size_t count)
{
  reader->rest = bytes_of(reader->rest.data + count, reader->rest.size - count);
}

// Digits to a number; how many there were (0: none, or more than nine).
static int take_number(struct reader *reader, int *number)
{
  int count = 0;
  for (*number = 0; isdigit(peek(reader, 0)) && count < 9; count++) {
    *number = *number * 10 + (peek(reader, 0) - '0');
    skip(reader, 1);
  }
  return isdigit(peek(reader, 0)) ? 0 : count;
}

static struct bytes take_word(struct reader *reader)
{
  size_t size = 0;
  while (isalpha(peek(reader, size)))
    size++;
  struct bytes word = bytes_of(reader->rest.data, size);
  skip(reader, size);
  return word;
}

static int month_of_word(struct bytes word)
{
  static const char *const names[] = {"january", "february", "march",     "april",   "may",      "june",
                                      "july",    "august",   "september", "october", "november", "december"};
  for (int i = 0; i < 12; i++)
    if (word_is(word, names[i]) || (word.size == 3 && strncasecmp((const char *)word.data, names[i], 3) == 0))
      return i + 1;
  return word_is(word, "sept") ? 9 : 0;
}

static bool is_weekday(struct bytes word)
{
  static const char *const names[] = {"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"};
  for (int i = 0; i < 7; i++)
    if (word_is(word, names[i]) || (word.size == 3 && strncasecmp((const char *)word.data, names[i], 3) == 0))
      return true;
  return word_is(word, "tues") || word_is(word, "wednes") || word_is(word, "thur") || word_is(word, "thurs");
}

// Microseconds behind a point, rounded as PostgreSQL does: by the float that the fraction is.
static void read_fraction(struct reader *reader)
{
  char text[32] = "0.";
  size_t size = 2;
  for (skip(reader, 1); isdigit(peek(reader, 0)); skip(reader, 1))
    if (size < sizeof text - 1)
      text[size++] = (char)peek(reader, 0);
  reader->civil.microsecond = (int)rint(strtod(text, NULL) * 1000000);
}

// "12:34", "12:34:56.789", "123456" behind a T; the first number has been read.
static enum problem read_time(struct reader *reader, int first, int digits)
{
  struct civil_time *civil = &reader->civil;
  if (!take_part(reader, PART_TIME))
    return PROBLEM_SYNTAX;
  if (peek(reader, 0) == ':') {
    civil->hour = first;
    skip(reader, 1);
    if (!take_number(reader, &civil->minute))
      return PROBLEM_SYNTAX;
    if (peek(reader, 0) == ':') {
      skip(reader, 1);
      if (!take_number(reader, &civil->second))
        return PROBLEM_SYNTAX;
    }
  } else if (digits == 6 || digits == 4) {
    civil->second = digits == 6 ? first % 100 : 0;
    first = digits == 6 ? first / 100 : first;
    civil->minute = first % 100;
    civil->hour = first / 100;
  } else if (digits == 2) {
    civil->hour = first;
  } else {
    return PROBLEM_SYNTAX;
  }
  if (peek(reader, 0) == '.')
    read_fraction(reader);
  return PROBLEM_NONE;
}

static void set_year(struct reader *reader, int year, int digits)
{
  reader->civil.year = year;
  reader->is_two_digit_year = digits <= 2;
}

// "2024-02-29", "02/29/2024", "29-Feb-2024", "2024-Feb-29"; the first number has been read.
static enum problem read_date(struct reader *reader, int first, int digits)
{
  struct civil_time *civil = &reader->civil;
  if (!take_part(reader, PART_DATE))
    return PROBLEM_SYNTAX;
  uint8_t separator = peek(reader, 0);
  skip(reader, 1);
  int second, third, month = 0;
  if (isalpha(peek(reader, 0))) {
    month = second = month_of_word(take_word(reader));
    if (!month)
      return PROBLEM_SYNTAX;
  } else if (!take_number(reader, &second)) {
    return PROBLEM_SYNTAX;
  }
  if (peek(reader, 0) != separator)
    return PROBLEM_SYNTAX;
  skip(reader, 1);
  int third_digits = take_number(reader, &third);
  if (!third_digits)
    return PROBLEM_SYNTAX;
  if (digits >= 3) {
    set_year(reader, first, digits);
    civil->month = second;
    civil->day = third;
  } else {
    set_year(reader, third, third_digits);
    civil->month = month ? month : first;
    civil->day = month ? first : second;
  }
  return PROBLEM_NONE;
}

// Digits without separators: "20240229", "240229"; a day or a year beside a month's name; a time behind T.
static enum problem read_plain_number(struct reader *reader, int number, int digits)
{
  struct civil_time *civil = &reader->civil;
  if (reader->is_joined_time || ((reader->parts & PART_DATE) && !(reader->parts & PART_TIME) && digits == 6))
    return read_time(reader, number, digits);
  if ((reader->parts & PART_MONTH) || digits <= 4) { // what they mean shows at the end
    if (reader->loose_count == 2)
      return PROBLEM_SYNTAX;
    reader->loose[reader->loose_count] = number;
    reader->loose_digits[reader->loose_count++] = digits;
    return PROBLEM_NONE;
  }
  if ((digits != 8 && digits != 6) || !take_part(reader, PART_DATE))
    return PROBLEM_SYNTAX;
  civil->day = number % 100;
  civil->month = number / 100 % 100;
  set_year(reader, number / 10000, digits - 4);
  return PROBLEM_NONE;
}

static enum problem read_digits(struct reader *reader)
{
  int number;
  int digits = take_number(reader, &number);
  if (!digits)
    return PROBLEM_SYNTAX;
  uint8_t next = peek(reader, 0);
  if (next == ':')
    return read_time(reader, number, digits);
  bool is_separator = next == '-' || next == '/' || next == '.';
  if (is_separator && !reader->is_joined_time && !(reader->parts & PART_DATE) &&
      (isdigit(peek(reader, 1)) || isalpha(peek(reader, 1))))
    return read_date(reader, number, digits);
  return read_plain_number(reader, number, digits);
}

static enum problem read_offset(struct reader *reader, bool is_posix)
{
  bool is_negative = peek(reader, 0) == '-';
  skip(reader, 1);
  int32_t offset;
  if (!parse_offset(&reader->rest, &offset))
    return PROBLEM_SYNTAX;
  if (offset >= ZONE_LIMIT)
    return PROBLEM_ZONE_RANGE;
  reader->zone = is_negative != is_posix ? -offset : offset;
  return PROBLEM_NONE;
}

static enum problem read_sign(struct reader *reader)
{
  if (isalpha(peek(reader, 1))) {
    bool is_negative = peek(reader, 0) == '-';
    skip(reader, 1);
    reader->special = SPECIAL_MINUS_INFINITY;
    bool is_infinity = is_negative && word_is(take_word(reader), "infinity");
    return is_infinity && take_part(reader, PART_SPECIAL) ? PROBLEM_NONE : PROBLEM_SYNTAX;
  }
  if (!(reader->parts & (PART_TIME | PART_DATE)) || !take_part(reader, PART_ZONE))
    return PROBLEM_SYNTAX;
  return read_offset(reader, false);
}

// 'today' and its neighbours are dates; 'now', 'epoch' and 'infinity' are whole timestamps.
static bool read_special(struct reader *reader, struct bytes word)
{
  static const struct {
    const char *name;
    int days;
  } days[] = {{"today", 0}, {"tomorrow", 1}, {"yesterday", -1}};
  for (size_t i = 0; i < sizeof days / sizeof *days; i++)
    if (word_is(word, days[i].name)) {
      struct civil_time today;
      int64_t local = reader->settings->now + reader->settings->zone_offset * SECOND + days[i].days * DAY;
      civil_from_timestamp(local, &today);
      reader->civil.year = today.year;
      reader->civil.month = today.month;
      reader->civil.day = today.day;
      return take_part(reader, PART_DATE);
    }
  if (word_is(word, "now"))
    reader->special = SPECIAL_NOW;
  else if (word_is(word, "epoch"))
    reader->special = SPECIAL_EPOCH;
  else if (word_is(word, "infinity"))
    reader->special = SPECIAL_INFINITY;
  else
    return false;
  return take_part(reader, PART_SPECIAL);
}

static enum problem read_word(struct reader *reader)
{
  struct bytes word = take_word(reader);
  int month = month_of_word(word);
  if (month) {
    reader->civil.month = month;
    return take_part(reader, PART_MONTH) ? PROBLEM_NONE : PROBLEM_SYNTAX;
  }
  if (word_is(word, "t") && isdigit(peek(reader, 0)) && (reader->parts & PART_DATE)) {
    reader->is_joined_time = true;
    return PROBLEM_NONE;
  }
  if (word_is(word, "am") || word_is(word, "pm")) {
    reader->is_afternoon = word_is(word, "pm");
    return (reader->parts & PART_TIME) && take_part(reader, PART_MERIDIEM) ? PROBLEM_NONE : PROBLEM_SYNTAX;
  }
  if (word_is(word, "bc") || word_is(word, "ad")) {
    reader->is_before_christ = word_is(word, "bc");
    return take_part(reader, PART_ERA) ? PROBLEM_NONE : PROBLEM_SYNTAX;
  }
  if (word_is(word, "allballs")) {
    return take_part(reader, PART_TIME) ? PROBLEM_NONE : PROBLEM_SYNTAX;
  }
  if (zone_of_word(word, &reader->zone)) {
    if (!take_part(reader, PART_ZONE))
      return PROBLEM_SYNTAX;
    return is_sign(peek(reader, 0)) && reader->zone == 0 ? read_offset(reader, true) : PROBLEM_NONE;
  }
  return is_weekday(word) || read_special(reader, word) ? PROBLEM_NONE : PROBLEM_SYNTAX;
}

// "Feb 29, 2024", "29 February 2024": what the loose numbers mean.
static bool place_loose_numbers(struct reader *reader)
{
  if (!(reader->parts & PART_MONTH))
    return reader->loose_count == 0;
  if (reader->loose_count != 2 || !take_part(reader, PART_DATE))
    return false;
  int year = reader->loose_digits[0] > 2 ? 0 : 1; // the year is the one of more than two digits, or the second
  set_year(reader, reader->loose[year], reader->loose_digits[year]);
  reader->civil.day = reader->loose[1 - year];
  return reader->loose_digits[1 - year] <= 2;
}

static enum problem check_date(struct reader *reader)
{
  struct civil_time *civil = &reader->civil;
  if (reader->is_before_christ) {
    if (civil->year <= 0)
      return PROBLEM_FIELD;
    civil->year = 1 - civil->year;
  } else if (reader->is_two_digit_year) {
    civil->year += civil->year < 70 ? 2000 : 1900;
  } else if (civil->year == 0) { // there is none
    return PROBLEM_FIELD;
  }
  if (civil->month < 1 || civil->month > 12 || civil->day < 1 || civil->day > 31)
    return PROBLEM_MONTH_OR_DAY;
  return civil->day > days_in_month(civil->year, civil->month) ? PROBLEM_FIELD : PROBLEM_NONE;
}

static enum problem check_time(struct reader *reader)
{
  struct civil_time *civil = &reader->civil;
  if (reader->parts & PART_MERIDIEM) {
    if (civil->hour > 12)
      return PROBLEM_FIELD;
    civil->hour = civil->hour % 12 + (reader->is_afternoon ? 12 : 0);
  }
  bool is_midnight = civil->hour == 24 && !civil->minute && !civil->second && !civil->microsecond;
  if ((civil->hour > 23 && !is_midnight) || civil->minute > 59 || civil->second > 60)
    return PROBLEM_FIELD;
  return PROBLEM_NONE;
}

static enum problem read_all(struct reader *reader)
{
  while (reader->rest.size) {
    uint8_t c = peek(reader, 0);
    enum problem problem = PROBLEM_NONE;
    if (isspace(c) || c == ',')
      skip(reader, 1);
    else if (isdigit(c))
      problem = read_digits(reader);
    else if (is_sign(c))
      problem = read_sign(reader);
    else
      problem = isalpha(c) ? read_word(reader) : PROBLEM_SYNTAX;
    if (problem)
      return problem;
  }
  if (!place_loose_numbers(reader))
    return PROBLEM_SYNTAX;
  if (reader->parts & PART_SPECIAL)
    return reader->parts & ~(unsigned)(PART_SPECIAL | PART_ZONE) ? PROBLEM_SYNTAX : PROBLEM_NONE;
  if (!(reader->parts & PART_DATE))
    return PROBLEM_SYNTAX;
  enum problem problem = check_date(reader);
  return problem ? problem : check_time(reader);
}

static int refuse(enum type_id type, enum problem problem, struct bytes text, struct error *error)
{
  int size = (int)text.size;
  const char *data = (const char *)text.data;
  if (problem == PROBLEM_SYNTAX)
    return error_set(error, SQLSTATE_INVALID_DATETIME_FORMAT, "invalid input syntax for type %s: \"%.*s\"",
                     type == TYPE_TIMESTAMP ? "timestamp" : type_info(type)->name, size, data);
  if (problem == PROBLEM_ZONE_RANGE)
    return error_set(error, SQLSTATE_INVALID_TIME_ZONE_DISPLACEMENT, "time zone displacement out of range: \"%.*s\"",
                     size, data);
  int status = error_set(error, SQLSTATE_DATETIME_FIELD_OVERFLOW, "date/time field value out of range: \"%.*s\"", size,
                         data);
  if (problem == PROBLEM_MONTH_OR_DAY)
    error_hint(error, "Perhaps you need a different \"datestyle\" setting.");
  return status;
}

static int64_t special_timestamp(enum type_id type, const struct reader *reader)
{
  switch (reader->special) {
  case SPECIAL_INFINITY: return INT64_MAX;
  case SPECIAL_MINUS_INFINITY: return INT64_MIN;
  case SPECIAL_EPOCH: return -10957 * DAY;
  default: break;
  }
  int64_t now = reader->settings->now;
  return type == TYPE_TIMESTAMP ? now + reader->settings->zone_offset * SECOND : now;
}

int timestamp_from_text(enum type_id type, struct bytes text, const struct format_settings *settings,
                        int64_t *timestamp, struct error *error)
{
  struct reader reader = {.rest = text, .settings = settings, .zone = settings->zone_offset};
  enum problem problem = read_all(&reader);
  if (problem)
    return refuse(type, problem, text, error);
  if (reader.parts & PART_SPECIAL) {
    *timestamp = special_timestamp(type, &reader);
    return 0;
  }
  bool fits = timestamp_of(&reader.civil, timestamp);
  if (fits && type == TYPE_TIMESTAMPTZ) {
    *timestamp -= reader.zone * SECOND;
    fits = is_in_range(*timestamp);
  }
  if (!fits)
    return error_set(error, SQLSTATE_DATETIME_FIELD_OVERFLOW, "timestamp out of range: \"%.*s\"", (int)text.size,
                     (const char *)text.data);
  return 0;
}

// ---- text out ----

// At least width digits.
static char *put_number(char *at, int64_t number, int width)
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

void timestamp_to_text(enum type_id type, int64_t timestamp, const struct format_settings *settings,
                       struct buffer *out)
{
  if (timestamp == INT64_MIN || timestamp == INT64_MAX) {
    buffer_append_string(out, timestamp > 0 ? "infinity" : "-infinity");
    return;
  }
  bool has_zone = type == TYPE_TIMESTAMPTZ;
  struct civil_time civil;
  civil_from_timestamp(timestamp + (has_zone ? settings->zone_offset * SECOND : 0), &civil);
  char text[80], *at = text;
  at = put_number(at, civil.year > 0 ? civil.year : 1 - civil.year, 4);
  *at++ = '-';
  at = put_number(at, civil.month, 2);
  *at++ = '-';
  at = put_number(at, civil.day, 2);
  *at++ = ' ';
  at = put_number(at, civil.hour, 2);
  *at++ = ':';
  at = put_number(at, civil.minute, 2);
  *at++ = ':';
  at = put_number(at, civil.second, 2);
  if (civil.microsecond) {
    *at++ = '.';
    at = put_number(at, civil.microsecond, 6);
    while (at[-1] == '0')
      at--;
  }
  if (has_zone)
    at = put_zone(at, settings->zone_offset);
  buffer_append(out, text, (size_t)(at - text));
  if (civil.year <= 0)
    buffer_append_string(out, " BC");
}
