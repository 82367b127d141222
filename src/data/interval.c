// Intervals: order, text, modifiers.
//
// Text is cut into words, and these are read from the last to the first: a unit stands behind its number, and a number
// without one means days before a time, else the smallest unit of the type. ISO 8601's form begins with P.
#include "data/interval.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "base/sqlstate.h"
#include "data/datetime.h"

static const int64_t SECOND = 1000000;
static const int64_t DAY = 86400 * (int64_t)1000000;
enum { MONTH_DAYS = 30, WORDS = 25 };

// ---- values ----

struct interval interval_of(const struct value *value)
{
  return (struct interval){(int64_t)get_le64(value->data), (int32_t)get_le32(value->data + 8),
                           (int32_t)get_le32(value->data + 12)};
}

bool interval_value(const struct interval *interval, struct arena *arena, struct value *value)
{
  uint8_t *data = arena_alloc(arena, INTERVAL_SIZE);
  if (!data)
    return false;
  put_le64(data, (uint64_t)interval->microseconds);
  put_le32(data + 8, (uint32_t)interval->days);
  put_le32(data + 12, (uint32_t)interval->months);
  *value = value_bytes(data, INTERVAL_SIZE);
  return true;
}

__int128 interval_span(const struct interval *interval)
{
  int64_t days = (int64_t)interval->months * MONTH_DAYS + interval->days;
  return (__int128)days * DAY + interval->microseconds;
}

struct interval interval_of_span(__int128 span)
{
  int64_t days = (int64_t)(span / DAY), months = days / MONTH_DAYS;
  months = months > INT32_MAX ? INT32_MAX : months < INT32_MIN ? INT32_MIN : months;
  days -= months * MONTH_DAYS;
  days = days > INT32_MAX ? INT32_MAX : days < INT32_MIN ? INT32_MIN : days;
  __int128 rest = span - ((__int128)months * MONTH_DAYS + days) * DAY;
  return (struct interval){(int64_t)rest, (int32_t)days, (int32_t)months};
}

// ---- text in ----

enum unit { UNIT_MICROSECOND, UNIT_MILLISECOND, UNIT_SECOND, UNIT_MINUTE, UNIT_HOUR, UNIT_DAY, UNIT_WEEK, UNIT_MONTH,
            UNIT_YEAR, UNIT_DECADE, UNIT_CENTURY, UNIT_MILLENNIUM, UNIT_NONE };

enum problem { PROBLEM_NONE, PROBLEM_SYNTAX, PROBLEM_RANGE };

static const struct {
  const char *name;
  enum unit unit;
} unit_names[] = {
  {"us", UNIT_MICROSECOND},     {"usec", UNIT_MICROSECOND},   {"usecs", UNIT_MICROSECOND},
  {"microsecond", UNIT_MICROSECOND}, {"microseconds", UNIT_MICROSECOND}, {"microsecon", UNIT_MICROSECOND},
  {"ms", UNIT_MILLISECOND},     {"msec", UNIT_MILLISECOND},   {"msecs", UNIT_MILLISECOND},
  {"millisecond", UNIT_MILLISECOND}, {"milliseconds", UNIT_MILLISECOND}, {"millisecon", UNIT_MILLISECOND},
  {"s", UNIT_SECOND},           {"sec", UNIT_SECOND},         {"secs", UNIT_SECOND},     {"second", UNIT_SECOND},
  {"seconds", UNIT_SECOND},     {"m", UNIT_MINUTE},           {"min", UNIT_MINUTE},      {"mins", UNIT_MINUTE},
  {"minute", UNIT_MINUTE},      {"minutes", UNIT_MINUTE},     {"h", UNIT_HOUR},          {"hr", UNIT_HOUR},
  {"hrs", UNIT_HOUR},           {"hour", UNIT_HOUR},          {"hours", UNIT_HOUR},      {"d", UNIT_DAY},
  {"day", UNIT_DAY},            {"days", UNIT_DAY},           {"w", UNIT_WEEK},          {"week", UNIT_WEEK},
  {"weeks", UNIT_WEEK},         {"mon", UNIT_MONTH},          {"mons", UNIT_MONTH},      {"month", UNIT_MONTH},
  {"months", UNIT_MONTH}, {"y", UNIT_YEAR},
  {"yr", UNIT_YEAR},            {"yrs", UNIT_YEAR},           {"year", UNIT_YEAR},       {"years", UNIT_YEAR},
  {"dec", UNIT_DECADE},         {"decs", UNIT_DECADE},        {"decade", UNIT_DECADE},   {"decades", UNIT_DECADE},
  {"c", UNIT_CENTURY},          {"cent", UNIT_CENTURY},       {"century", UNIT_CENTURY}, {"centuries", UNIT_CENTURY},
  {"mil", UNIT_MILLENNIUM},     {"mils", UNIT_MILLENNIUM},    {"millennium", UNIT_MILLENNIUM},
  {"millennia", UNIT_MILLENNIUM},
};

struct sum {
  int64_t microseconds;
  int64_t days, months;
};

// whole and fraction of a unit of so many microseconds.
static bool add_time(struct sum *sum, int64_t whole, double fraction, int64_t unit)
{
  int64_t part;
  fraction *= (double)unit;
  int64_t parts = (int64_t)fraction;
  fraction -= (double)parts;
  parts += fraction > 0.5 ? 1 : fraction < -0.5 ? -1 : 0;
  return !__builtin_mul_overflow(whole, unit, &part) &&
         !__builtin_add_overflow(sum->microseconds, part, &sum->microseconds) &&
         !__builtin_add_overflow(sum->microseconds, parts, &sum->microseconds);
}

static bool add_days(struct sum *sum, int64_t whole, double fraction, int days)
{
  fraction *= days;
  int64_t parts = (int64_t)fraction;
  if (whole > INT32_MAX || whole < INT32_MIN)
    return false;
  sum->days += whole * days + parts;
  return sum->days <= INT32_MAX && sum->days >= INT32_MIN && add_time(sum, 0, fraction - (double)parts, DAY);
}

static bool add_months(struct sum *sum, int64_t whole, double fraction, int months)
{
  if (whole > INT32_MAX || whole < INT32_MIN)
    return false;
  sum->months += whole * months;
  if (months > 1)
    sum->months += (int64_t)rint(fraction * months);
  bool fits = sum->months <= INT32_MAX && sum->months >= INT32_MIN;
  return fits && (months > 1 || add_days(sum, 0, fraction, MONTH_DAYS));
}

static bool add_unit(struct sum *sum, int64_t whole, double fraction, enum unit unit)
{
  switch (unit) {
  case UNIT_MICROSECOND: return add_time(sum, whole, fraction, 1);
  case UNIT_MILLISECOND: return add_time(sum, whole, fraction, 1000);
  case UNIT_SECOND: return add_time(sum, whole, fraction, SECOND);
  case UNIT_MINUTE: return add_time(sum, whole, fraction, 60 * SECOND);
  case UNIT_HOUR: return add_time(sum, whole, fraction, 3600 * SECOND);
  case UNIT_DAY: return add_days(sum, whole, fraction, 1);
  case UNIT_WEEK: return add_days(sum, whole, fraction, 7);
  case UNIT_MONTH: return add_months(sum, whole, fraction, 1);
  case UNIT_YEAR: return add_months(sum, whole, fraction, 12);
  case UNIT_DECADE: return add_months(sum, whole, fraction, 120);
  case UNIT_CENTURY: return add_months(sum, whole, fraction, 1200);
  default: return add_months(sum, whole, fraction, 12000);
  }
}

// "-12.5", "3e2": its whole and its fraction, both with its sign. Moves *text behind it.
static enum problem take_number(struct bytes *text, int64_t *whole, double *fraction)
{
  char copy[64];
  size_t size = 0, digits = 0;
  if (text->size && (text->data[0] == '-' || text->data[0] == '+'))
    size++;
  while (size < text->size && (isdigit(text->data[size]) || text->data[size] == '.'))
    digits += isdigit(text->data[size++]) != 0;
  if (digits == 0)
    return PROBLEM_SYNTAX;
  if (size >= sizeof copy)
    return PROBLEM_RANGE;
  memcpy(copy, text->data, size);
  copy[size] = 0;
  char *end, *point = strchr(copy, '.');
  *whole = 0;
  for (const char *at = copy + (isdigit((uint8_t)*copy) ? 0 : *copy != '.'); isdigit((uint8_t)*at); at++)
    if (__builtin_mul_overflow(*whole, 10, whole) || __builtin_sub_overflow(*whole, *at - '0', whole))
      return PROBLEM_RANGE;
  if (*copy != '-' && *whole == INT64_MIN)
    return PROBLEM_RANGE;
  *whole = *copy == '-' ? *whole : -*whole;
  *fraction = 0;
  if (point) {
    *fraction = point[1] ? strtod(point, &end) : 0;
    if (point[1] && *end)
      return PROBLEM_SYNTAX;
    *fraction = *copy == '-' ? -*fraction : *fraction;
  }
  *text = bytes_of(text->data + size, text->size - size);
  return PROBLEM_NONE;
}

struct words {
  struct bytes at[WORDS];
  int count;
};

// A word begins with a sign or a digit and goes on with what numbers have, or is of letters.
static bool cut_words(struct bytes text, struct words *words)
{
  for (size_t i = 0; i < text.size;) {
    uint8_t c = text.data[i];
    size_t start = i;
    if (isspace(c) || c == ',' || c == '@') {
      i++;
      continue;
    }
    bool is_signed = (c == '-' || c == '+') && i + 1 < text.size;
    if (isdigit(c) || c == '.' || is_signed) {
      for (i++; is_signed && i < text.size && isspace(text.data[i]);)
        return false;
      while (i < text.size && (isdigit(text.data[i]) || text.data[i] == '.' || text.data[i] == ':' ||
                               (text.data[i] == '-' && isdigit(text.data[i - 1]))))
        i++;
    } else if (isalpha(c)) {
      while (i < text.size && isalpha(text.data[i]))
        i++;
    } else {
      return false;
    }
    if (words->count == WORDS)
      return false;
    words->at[words->count++] = bytes_of(text.data + start, i - start);
  }
  return words->count > 0;
}

static bool word_is(struct bytes word, const char *text)
{
  return word.size == strlen(text) && strncasecmp((const char *)word.data, text, word.size) == 0;
}

static enum unit unit_of_word(struct bytes word)
{
  for (size_t i = 0; i < sizeof unit_names / sizeof *unit_names; i++)
    if (word_is(word, unit_names[i].name))
      return unit_names[i].unit;
  return UNIT_NONE;
}

// The unit of a number that has none, by the fields that the type keeps.
static enum unit smallest_unit(int fields)
{
  return fields & INTERVAL_SECOND   ? UNIT_SECOND
         : fields & INTERVAL_MINUTE ? UNIT_MINUTE
         : fields & INTERVAL_HOUR   ? UNIT_HOUR
         : fields & INTERVAL_DAY    ? UNIT_DAY
         : fields & INTERVAL_MONTH  ? UNIT_MONTH
                                    : UNIT_YEAR;
}

// "12:34", "12:34:56.789", with the sign of its first part.
static enum problem read_time(struct bytes word, int fields, struct sum *sum)
{
  bool is_negative = word.data[0] == '-';
  size_t skip = word.data[0] == '-' || word.data[0] == '+';
  struct bytes rest = bytes_of(word.data + skip, word.size - skip);
  int64_t parts[3] = {0};
  double fraction = 0;
  int count = 0;
  for (; count < 3; count++) {
    if (!rest.size || !isdigit(rest.data[0]) || take_number(&rest, &parts[count], &fraction))
      return PROBLEM_SYNTAX;
    if (!rest.size)
      break;
    if (rest.data[0] != ':' || fraction != 0)
      return PROBLEM_SYNTAX;
    rest = bytes_of(rest.data + 1, rest.size - 1);
  }
  // "1:30.5" has minutes and seconds, and so has "1:30" where the type has no hours.
  bool is_short = count == 1 && (fraction != 0 || fields == (INTERVAL_MINUTE | INTERVAL_SECOND));
  if (count == 3 || count == 0)
    return PROBLEM_SYNTAX;
  if (is_short) {
    parts[2] = parts[1];
    parts[1] = parts[0];
    parts[0] = 0;
  }
  if (parts[1] > 59 || parts[2] > 60)
    return PROBLEM_RANGE;
  int sign = is_negative ? -1 : 1;
  sum->microseconds = 0; // PostgreSQL forgets fractions of days behind it
  bool fits = add_time(sum, sign * parts[0], 0, 3600 * SECOND) && add_time(sum, sign * parts[1], 0, 60 * SECOND) &&
              add_time(sum, sign * parts[2], sign * fraction, SECOND);
  return fits ? PROBLEM_NONE : PROBLEM_RANGE;
}

// "1-2": years and months. The first number has been read.
static enum problem read_years(struct bytes rest, bool is_negative, int64_t years, struct sum *sum)
{
  int64_t months;
  double fraction;
  rest = bytes_of(rest.data + 1, rest.size - 1);
  enum problem problem = take_number(&rest, &months, &fraction);
  if (problem)
    return problem;
  if (rest.size || fraction != 0)
    return PROBLEM_SYNTAX;
  if (months >= 12)
    return PROBLEM_RANGE;
  bool fits = add_months(sum, years, 0, 12) && add_months(sum, is_negative ? -months : months, 0, 1);
  return fits ? PROBLEM_NONE : PROBLEM_RANGE;
}

enum { ALL_SECONDS = 1 << UNIT_SECOND | 1 << UNIT_MILLISECOND | 1 << UNIT_MICROSECOND };

// A number, or years and months: with the unit that stands behind it, which is then that of a number before it.
// *seen: the units that there were, of which each may come once.
static enum problem read_number(struct bytes word, enum unit *unit, unsigned *seen, struct sum *sum)
{
  int64_t whole = 0;
  double fraction = 0;
  bool is_negative = word.data[0] == '-';
  enum problem problem = take_number(&word, &whole, &fraction);
  if (problem)
    return problem;
  bool is_years = word.size && word.data[0] == '-' && fraction == 0;
  if ((word.size && !is_years) || (!is_years && *unit == UNIT_NONE))
    return PROBLEM_SYNTAX;
  if (is_years)
    *unit = UNIT_MONTH;
  unsigned bits = *unit == UNIT_SECOND && fraction != 0 ? ALL_SECONDS : 1u << *unit;
  if (*seen & bits)
    return PROBLEM_SYNTAX;
  *seen |= bits;
  if (is_years)
    return read_years(word, is_negative, whole, sum);
  bool fits = add_unit(sum, whole, fraction, *unit);
  if (*unit == UNIT_HOUR)
    *unit = UNIT_DAY; // what stands before hours
  return fits ? PROBLEM_NONE : PROBLEM_RANGE;
}

static enum problem read_words(const struct words *words, int fields, struct sum *sum)
{
  enum unit unit = smallest_unit(fields);
  unsigned seen = 0; // by units
  bool is_past = false, wants_number = false;
  for (int i = words->count - 1; i >= 0; i--) {
    struct bytes word = words->at[i];
    enum problem problem = PROBLEM_NONE;
    if (isalpha(word.data[0])) {
      if (wants_number || (word_is(word, "ago") && (is_past || i != words->count - 1)))
        return PROBLEM_SYNTAX;
      wants_number = !word_is(word, "ago");
      is_past |= !wants_number;
      unit = unit_of_word(word);
      if (wants_number && unit == UNIT_NONE)
        return PROBLEM_SYNTAX;
      continue;
    }
    wants_number = false;
    if (memchr(word.data, ':', word.size)) {
      const unsigned bits = ALL_SECONDS | 1u << UNIT_MINUTE | 1u << UNIT_HOUR;
      if (seen & bits)
        return PROBLEM_SYNTAX;
      seen |= bits;
      problem = read_time(word, fields, sum);
      unit = UNIT_DAY;
    } else {
      problem = read_number(word, &unit, &seen, sum);
    }
    if (problem)
      return problem;
  }
  if (!seen || wants_number)
    return PROBLEM_SYNTAX;
  if (is_past)
    *sum = (struct sum){-sum->microseconds, -sum->days, -sum->months};
  return PROBLEM_NONE;
}

// "P1Y2M3DT4H5M6.7S", "P2W"; behind the P.
static enum problem read_iso(struct bytes text, struct sum *sum)
{
  bool is_time = false, any = false;
  while (text.size) {
    int64_t whole;
    double fraction;
    if (!is_time && text.data[0] == 'T') {
      is_time = true;
      text = bytes_of(text.data + 1, text.size - 1);
      continue;
    }
    enum problem problem = take_number(&text, &whole, &fraction);
    if (problem || !text.size)
      return problem ? problem : PROBLEM_SYNTAX;
    enum unit unit = UNIT_NONE;
    switch (text.data[0]) {
    case 'Y': unit = is_time ? UNIT_NONE : UNIT_YEAR; break;
    case 'M': unit = is_time ? UNIT_MINUTE : UNIT_MONTH; break;
    case 'W': unit = is_time ? UNIT_NONE : UNIT_WEEK; break;
    case 'D': unit = is_time ? UNIT_NONE : UNIT_DAY; break;
    case 'H': unit = is_time ? UNIT_HOUR : UNIT_NONE; break;
    case 'S': unit = is_time ? UNIT_SECOND : UNIT_NONE; break;
    default: break;
    }
    if (unit == UNIT_NONE)
      return PROBLEM_SYNTAX;
    if (!add_unit(sum, whole, fraction, unit))
      return PROBLEM_RANGE;
    text = bytes_of(text.data + 1, text.size - 1);
    any = true;
  }
  return any ? PROBLEM_NONE : PROBLEM_SYNTAX;
}

int interval_from_text(struct bytes text, int32_t modifier, struct interval *interval, struct error *error)
{
  struct words words = {.count = 0};
  struct sum sum = {0};
  int fields = modifier < 0 ? INTERVAL_ALL_FIELDS : modifier >> 16;
  struct bytes word = text;
  while (word.size && isspace(word.data[0]))
    word = bytes_of(word.data + 1, word.size - 1);
  while (word.size && isspace(word.data[word.size - 1]))
    word.size--;
  enum problem problem = word.size && word.data[0] == 'P' ? read_iso(bytes_of(word.data + 1, word.size - 1), &sum)
                         : cut_words(word, &words)        ? read_words(&words, fields, &sum)
                                                          : PROBLEM_SYNTAX;
  if (problem == PROBLEM_SYNTAX)
    return error_set(error, SQLSTATE_INVALID_DATETIME_FORMAT, "invalid input syntax for type interval: \"%.*s\"",
                     (int)text.size, (const char *)text.data);
  if (problem)
    return error_set(error, SQLSTATE_INTERVAL_FIELD_OVERFLOW, "interval field value out of range: \"%.*s\"",
                     (int)text.size, (const char *)text.data);
  *interval = (struct interval){sum.microseconds, (int32_t)sum.days, (int32_t)sum.months};
  return 0;
}

// ---- text out ----

static void put_part(int64_t number, const char *unit, bool *is_first, bool *is_after_negative, struct buffer *out)
{
  if (number == 0)
    return;
  buffer_format(out, "%s%s%lld %s%s", *is_first ? "" : " ", *is_after_negative && number > 0 ? "+" : "",
                (long long)number, unit, number == 1 ? "" : "s");
  *is_first = false;
  *is_after_negative = number < 0;
}

void interval_to_text(const struct interval *interval, struct buffer *out)
{
  bool is_first = true, is_after_negative = false;
  put_part(interval->months / 12, "year", &is_first, &is_after_negative, out);
  put_part(interval->months % 12, "mon", &is_first, &is_after_negative, out);
  put_part(interval->days, "day", &is_first, &is_after_negative, out);
  int64_t time = interval->microseconds;
  if (time == 0 && !is_first)
    return;
  uint64_t size = time < 0 ? -(uint64_t)time : (uint64_t)time, seconds = size / (uint64_t)SECOND;
  char text[64], *at = text;
  if (!is_first)
    *at++ = ' ';
  if (time < 0 || is_after_negative)
    *at++ = time < 0 ? '-' : '+';
  at = put_number(at, (int64_t)(seconds / 3600), 2);
  *at++ = ':';
  at = put_number(at, (int64_t)(seconds / 60 % 60), 2);
  *at++ = ':';
  at = put_number(at, (int64_t)(seconds % 60), 2);
  at = put_fraction(at, (int)(size % (uint64_t)SECOND));
  buffer_append(out, text, (size_t)(at - text));
}

// ---- modifiers ----

static const struct {
  int fields;
  const char *name;
} spans[] = {
  {INTERVAL_YEAR, "year"},
  {INTERVAL_MONTH, "month"},
  {INTERVAL_DAY, "day"},
  {INTERVAL_HOUR, "hour"},
  {INTERVAL_MINUTE, "minute"},
  {INTERVAL_SECOND, "second"},
  {INTERVAL_YEAR | INTERVAL_MONTH, "year to month"},
  {INTERVAL_DAY | INTERVAL_HOUR, "day to hour"},
  {INTERVAL_DAY | INTERVAL_HOUR | INTERVAL_MINUTE, "day to minute"},
  {INTERVAL_DAY | INTERVAL_HOUR | INTERVAL_MINUTE | INTERVAL_SECOND, "day to second"},
  {INTERVAL_HOUR | INTERVAL_MINUTE, "hour to minute"},
  {INTERVAL_HOUR | INTERVAL_MINUTE | INTERVAL_SECOND, "hour to second"},
  {INTERVAL_MINUTE | INTERVAL_SECOND, "minute to second"},
};

const char *interval_fields_name(int32_t modifier)
{
  for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
    if (spans[i].fields == modifier >> 16)
      return spans[i].name;
  return NULL;
}

int interval_apply_modifier(int32_t modifier, struct interval *interval, struct error *error)
{
  int fields = modifier >> 16, digits = modifier & 0xffff;
  if (!(fields & (INTERVAL_HOUR | INTERVAL_MINUTE | INTERVAL_SECOND)))
    interval->microseconds = 0;
  else if (!(fields & INTERVAL_SECOND))
    interval->microseconds -= interval->microseconds % ((fields & INTERVAL_MINUTE ? 60 : 3600) * SECOND);
  if (!(fields & (INTERVAL_DAY | INTERVAL_HOUR | INTERVAL_MINUTE | INTERVAL_SECOND)))
    interval->days = 0;
  if (fields == INTERVAL_YEAR)
    interval->months -= interval->months % 12;
  if (digits < 6) {
    int64_t unit = 1, half;
    for (int i = digits; i < 6; i++)
      unit *= 10;
    half = interval->microseconds < 0 ? -unit / 2 : unit / 2;
    if (__builtin_add_overflow(interval->microseconds, half, &interval->microseconds))
      return error_set(error, SQLSTATE_DATETIME_FIELD_OVERFLOW, "interval out of range");
    interval->microseconds -= interval->microseconds % unit;
  }
  return 0;
}
