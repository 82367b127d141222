// Dates and times from text.
//
// Input is read word by word in PostgreSQL's spirit (DateStyle ISO, MDY): an ISO date, a date with slashes or
// a month's name, a time, a zone, in any order that makes sense. Each part may come once (enum part).
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "base/sqlstate.h"
#include "data/datetime.h"

static const int64_t SECOND = 1000000;
static const int64_t DAY = 86400 * (int64_t)1000000;

enum part {
  PART_DATE = 1,
  PART_TIME = 2,
  PART_ZONE = 4,
  PART_MERIDIEM = 8,
  PART_ERA = 16,
  PART_SPECIAL = 32,
  PART_MONTH = 64,
};

enum problem { PROBLEM_NONE, PROBLEM_SYNTAX, PROBLEM_FIELD, PROBLEM_MONTH_OR_DAY, PROBLEM_ZONE_RANGE,
               PROBLEM_TYPE_RANGE, PROBLEM_ZONE };

enum special { SPECIAL_NONE, SPECIAL_NOW, SPECIAL_EPOCH, SPECIAL_INFINITY, SPECIAL_MINUS_INFINITY };

struct reader {
  struct bytes rest;
  const struct format_settings *settings;
  unsigned parts;             // enum part, of what has come
  struct civil_time civil;
  int loose[2], loose_digits[2]; // numbers beside a month's name: day and year
  int loose_count;
  bool is_two_digit_year, is_afternoon, is_before_christ, is_joined_time; // joined: behind a T
  struct zone zone;
  enum special special;
  bool is_julian;
  struct bytes bad_zone; // begins with the name of one that there is not
  bool is_time; // a time of day is read: a date may be left out
};

static bool word_is(struct bytes word, const char *text)
{
  return word.size == strlen(text) && strncasecmp((const char *)word.data, text, word.size) == 0;
}

static bool is_sign(uint8_t c) { return c == '+' || c == '-'; }

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
    } else if (peek(reader, 0) == '.') { // minutes and seconds
      civil->second = civil->minute;
      civil->minute = first;
      civil->hour = 0;
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
  bool has_time = reader->parts & (PART_TIME | PART_DATE);
  if (reader->is_time && !has_time && (digits == 4 || digits == 6) && !(reader->parts & PART_MONTH))
    return read_time(reader, number, digits);
  if (reader->loose_count == 2 && (digits == 4 || digits == 6) && !(reader->parts & PART_TIME))
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
  if (next == '-' && reader->is_time && digits == 6) { // "040506-08", but "294276-12-31"
    size_t size = 1;
    while (isdigit(peek(reader, size)))
      size++;
    is_separator = peek(reader, size) == '-';
  }
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
  if (!zone_read_offset(&reader->rest, &offset))
    return PROBLEM_SYNTAX;
  if (offset >= ZONE_LIMIT)
    return PROBLEM_ZONE_RANGE;
  reader->zone = zone_fixed(is_negative != is_posix ? -offset : offset);
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
      int64_t local = zone_to_local(reader->settings->zone, reader->settings->now) + days[i].days * DAY;
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

// A zone's name stands at the start of the rest: "Europe/Berlin", "EST5EDT".
static bool read_zone_name(struct reader *reader)
{
  size_t size = 0;
  for (uint8_t c; (c = peek(reader, size)) && (isalnum(c) || c == '_' || c == '/' || c == '+' || c == '-');)
    size++;
  if (!zone_find(bytes_of(reader->rest.data, size), &reader->zone))
    return false;
  skip(reader, size);
  return true;
}

// "J2451187": a day by its Julian number.
static enum problem read_julian(struct reader *reader)
{
  int number;
  if (!take_number(reader, &number) || !take_part(reader, PART_DATE))
    return PROBLEM_SYNTAX;
  civil_from_days((int64_t)number + DATE_LOW, &reader->civil);
  reader->is_julian = true;
  return PROBLEM_NONE;
}

// What a word is that names a part. False: it is none of these.
static bool read_part_word(struct reader *reader, struct bytes word, enum problem *problem)
{
  *problem = PROBLEM_NONE;
  bool may_have_time = reader->is_time || (reader->parts & PART_DATE) || reader->loose_count == 2;
  int month = month_of_word(word);
  if (month) {
    reader->civil.month = month;
    *problem = take_part(reader, PART_MONTH) ? PROBLEM_NONE : PROBLEM_SYNTAX;
  } else if (word_is(word, "t") && isdigit(peek(reader, 0)) && may_have_time) {
    reader->is_joined_time = true;
  } else if (word_is(word, "j") && isdigit(peek(reader, 0))) {
    *problem = read_julian(reader);
  } else if (word_is(word, "am") || word_is(word, "pm")) {
    reader->is_afternoon = word_is(word, "pm");
    *problem = (reader->parts & PART_TIME) && take_part(reader, PART_MERIDIEM) ? PROBLEM_NONE : PROBLEM_SYNTAX;
  } else if (word_is(word, "bc") || word_is(word, "ad")) {
    reader->is_before_christ = word_is(word, "bc");
    *problem = take_part(reader, PART_ERA) ? PROBLEM_NONE : PROBLEM_SYNTAX;
  } else if (word_is(word, "allballs")) {
    *problem = take_part(reader, PART_TIME) ? PROBLEM_NONE : PROBLEM_SYNTAX;
  } else {
    return false;
  }
  return true;
}

static enum problem read_word(struct reader *reader)
{
  struct bytes start = reader->rest, word = take_word(reader);
  enum problem problem;
  int32_t offset;
  if (read_part_word(reader, word, &problem))
    return problem;
  uint8_t next = peek(reader, 0);
  if (zone_of_abbreviation(word, &offset) && next != '/' && next != '_' && !isdigit(next)) {
    reader->zone = zone_fixed(offset);
    if (!take_part(reader, PART_ZONE))
      return PROBLEM_SYNTAX;
    return is_sign(next) && offset == 0 ? read_offset(reader, true) : PROBLEM_NONE;
  }
  if (is_weekday(word) || read_special(reader, word))
    return PROBLEM_NONE;
  reader->rest = start;
  if (read_zone_name(reader))
    return take_part(reader, PART_ZONE) ? PROBLEM_NONE : PROBLEM_SYNTAX;
  reader->bad_zone = start;
  return next == '/' ? PROBLEM_ZONE : PROBLEM_SYNTAX;
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
  if (reader->is_julian)
    return PROBLEM_NONE;
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
  if (!(reader->parts & (reader->is_time ? PART_TIME : PART_DATE)))
    return PROBLEM_SYNTAX;
  enum problem problem = reader->parts & PART_DATE ? check_date(reader) : PROBLEM_NONE;
  return problem ? problem : check_time(reader);
}

static int refuse(enum type_id type, enum problem problem, struct bytes text, struct error *error)
{
  int size = (int)text.size;
  const char *data = (const char *)text.data;
  if (problem == PROBLEM_SYNTAX)
    return error_set(error, SQLSTATE_INVALID_DATETIME_FORMAT, "invalid input syntax for type %s: \"%.*s\"",
                     type == TYPE_TIMESTAMP ? "timestamp" : type == TYPE_TIME ? "time" : type_info(type)->name, size,
                     data);
  if (problem == PROBLEM_TYPE_RANGE)
    return error_set(error, SQLSTATE_DATETIME_FIELD_OVERFLOW, "%s out of range: \"%.*s\"",
                     type == TYPE_DATE ? "date" : "timestamp", size, data);
  if (problem == PROBLEM_ZONE_RANGE)
    return error_set(error, SQLSTATE_INVALID_TIME_ZONE_DISPLACEMENT, "time zone displacement out of range: \"%.*s\"",
                     size, data);
  int status = error_set(error, SQLSTATE_DATETIME_FIELD_OVERFLOW, "date/time field value out of range: \"%.*s\"", size,
                         data);
  if (problem == PROBLEM_MONTH_OR_DAY)
    error_hint(error, "Perhaps you need a different \"datestyle\" setting.");
  return status;
}

static int refuse_zone(struct bytes text, struct error *error)
{
  char name[80];
  size_t size = 0;
  while (size < text.size && size < sizeof name && !isspace(text.data[size]) && text.data[size] != ',') {
    name[size] = (char)tolower(text.data[size]);
    size++;
  }
  return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "time zone \"%.*s\" not recognized", (int)size, name);
}

static int64_t time_of_day(const struct civil_time *civil)
{
  return ((civil->hour * 60 + civil->minute) * 60 + civil->second) * SECOND + civil->microsecond;
}

static int64_t floor_days(int64_t timestamp)
{
  return timestamp / DAY - (timestamp % DAY < 0);
}

// What now and epoch mean, as a local time; the infinities.
static int64_t special_moment(const struct reader *reader)
{
  switch (reader->special) {
  case SPECIAL_INFINITY: return INT64_MAX;
  case SPECIAL_MINUS_INFINITY: return INT64_MIN;
  case SPECIAL_EPOCH: return -10957 * DAY;
  default: return zone_to_local(reader->settings->zone, reader->settings->now);
  }
}

static enum problem finish_timestamp(enum type_id type, const struct reader *reader, int64_t *timestamp)
{
  if (reader->special) {
    *timestamp = special_moment(reader);
    if (type == TYPE_TIMESTAMPTZ && reader->special == SPECIAL_NOW)
      *timestamp = reader->settings->now;
    return PROBLEM_NONE;
  }
  if (!timestamp_of(&reader->civil, timestamp))
    return PROBLEM_TYPE_RANGE;
  if (type == TYPE_TIMESTAMPTZ)
    *timestamp = zone_to_utc(reader->zone, *timestamp);
  return timestamp_is_valid(*timestamp) ? PROBLEM_NONE : PROBLEM_TYPE_RANGE;
}

static enum problem finish_date(const struct reader *reader, int64_t *days)
{
  if (reader->special) {
    int64_t at = special_moment(reader);
    *days = at == INT64_MAX ? INT32_MAX : at == INT64_MIN ? INT32_MIN : floor_days(at);
    return PROBLEM_NONE;
  }
  *days = days_from_civil(reader->civil.year, reader->civil.month, reader->civil.day);
  return *days >= DATE_LOW && *days < DATE_END ? PROBLEM_NONE : PROBLEM_TYPE_RANGE;
}

// A zone's offset may depend on the day: a name needs one, and without a zone it is today in the session's.
static enum problem finish_time(const struct reader *reader, struct zoned_time *time)
{
  if (reader->special && reader->special != SPECIAL_NOW)
    return PROBLEM_SYNTAX;
  bool has_date = reader->parts & PART_DATE;
  if (reader->zone.number && (reader->parts & PART_ZONE) && !has_date)
    return PROBLEM_SYNTAX;
  int64_t now = zone_to_local(reader->settings->zone, reader->settings->now), day = floor_days(now);
  time->time = reader->special ? now - day * DAY : time_of_day(&reader->civil);
  if (has_date)
    day = days_from_civil(reader->civil.year, reader->civil.month, reader->civil.day);
  int64_t local = day < -106000000 || day > 106000000 ? 0 : day * DAY + time->time;
  time->west = -zone_offset_of_local(reader->zone, local);
  return time->time <= DAY ? PROBLEM_NONE : PROBLEM_FIELD;
}

int datetime_from_text(enum type_id type, struct bytes text, const struct format_settings *settings,
                       struct arena *arena, struct value *value, struct error *error)
{
  struct reader reader = {.rest = text,
                          .settings = settings,
                          .zone = settings->zone,
                          .is_time = type == TYPE_TIME || type == TYPE_TIMETZ};
  struct zoned_time time = {0};
  int64_t v = 0;
  enum problem problem = read_all(&reader);
  if (!problem)
    problem = reader.is_time     ? finish_time(&reader, &time)
              : type == TYPE_DATE ? finish_date(&reader, &v)
                                  : finish_timestamp(type, &reader, &v);
  if (problem)
    return problem == PROBLEM_ZONE ? refuse_zone(reader.bad_zone, error) : refuse(type, problem, text, error);
  if (type == TYPE_TIMETZ)
    return zoned_time_value(&time, arena, value) ? 0 : error_memory(error);
  *value = value_integer(type == TYPE_TIME ? time.time : v);
  return 0;
}
