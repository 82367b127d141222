// Texts that a pattern explains: to_date, to_timestamp and jsonpath's datetime(). The pattern is walked from left to
// right, each of its marks takes a field from the text; then the fields are made a date and a time.
//
// A field that is 0 was not there: what the text does not say is that of the first of January of 1 BC, midnight.
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/utf8.h"
#include "expr/moment.h"
#include "expr/tables.h"
#include "expr/time_pattern.h"

// ---- the pattern ----

enum token_kind { TOKEN_END, TOKEN_MARK, TOKEN_SPACE, TOKEN_SEPARATOR, TOKEN_CHARACTER };

struct token {
  enum token_kind kind;
  enum time_mark mark;
  char name[8];           // the mark in the pattern's own letters
  bool fills, is_ordinal; // FM before it, TH behind it
  struct bytes text;      // of what is no mark
  bool is_quoted;
};

struct pattern {
  struct bytes rest;
  bool is_quoted, is_strict;
};

static void skip(struct bytes *bytes, size_t size) { *bytes = bytes_of(bytes->data + size, bytes->size - size); }

static size_t first_width(struct bytes text)
{
  size_t width = (size_t)utf8_width(text.data[0]);
  return width < text.size ? width : text.size;
}

static bool is_separator(uint8_t c) { return c < 128 && ispunct(c); }

static bool begins_with(struct bytes text, const char *word)
{
  return text.size >= strlen(word) && strncasecmp((const char *)text.data, word, strlen(word)) == 0;
}

static struct token take_character(struct pattern *pattern, enum token_kind kind)
{
  struct token token = {.kind = kind, .text = bytes_of(pattern->rest.data, first_width(pattern->rest))};
  skip(&pattern->rest, token.text.size);
  return token;
}

static struct token next_token(struct pattern *pattern)
{
  struct bytes *rest = &pattern->rest;
  struct token token = {.kind = TOKEN_END};
  while (rest->size) {
    if (rest->data[0] == '"') {
      pattern->is_quoted = !pattern->is_quoted;
      skip(rest, 1);
    } else if (!pattern->is_quoted && (begins_with(*rest, "FM\"") || begins_with(*rest, "TM\""))) {
      skip(rest, 2); // they are nothing where no mark follows
    } else {
      break;
    }
  }
  if (rest->size && pattern->is_quoted) {
    if (rest->data[0] == '\\' && rest->size > 1)
      skip(rest, 1);
    token = take_character(pattern, TOKEN_CHARACTER);
    token.is_quoted = true;
    return token;
  }
  if (begins_with(*rest, "FM") || begins_with(*rest, "TM")) {
    token.fills = begins_with(*rest, "FM");
    skip(rest, 2);
  }
  const char *mark = time_mark_at(*rest, &token.mark);
  if (mark) {
    token.kind = TOKEN_MARK;
    memcpy(token.name, rest->data, strlen(mark));
    skip(rest, strlen(mark));
    token.is_ordinal = begins_with(*rest, "TH");
    skip(rest, token.is_ordinal ? 2 : 0);
    return token;
  }
  if (!rest->size)
    return token;
  if (rest->size > 1 && rest->data[0] == '\\' && rest->data[1] == '"')
    skip(rest, 1);
  uint8_t c = rest->data[0];
  return take_character(pattern, is_separator(c) ? TOKEN_SEPARATOR : isspace(c) ? TOKEN_SPACE : TOKEN_CHARACTER);
}

// Marks that begin with a digit.
static bool is_numeric(enum time_mark mark)
{
  switch (mark) {
  case TIME_A_M:
  case TIME_AM:
  case TIME_BC:
  case TIME_B_C:
  case TIME_DAY:
  case TIME_DY:
  case TIME_FX:
  case TIME_MONTH:
  case TIME_MON:
  case TIME_OF:
  case TIME_RM:
  case TIME_TZ:
  case TIME_TZH: return false;
  default: return true;
  }
}

// What comes behind the mark is no digit, so it may take as many as there are.
static bool is_unbound(const struct token *token, struct pattern behind)
{
  if (token->fills || token->is_ordinal)
    return true;
  struct token next = next_token(&behind);
  if (next.kind == TOKEN_MARK)
    return !is_numeric(next.mark);
  return next.kind == TOKEN_END || !(next.text.size == 1 && isdigit(next.text.data[0]));
}

// ---- fields ----

enum convention { CONVENTION_NONE, CONVENTION_GREGORIAN, CONVENTION_ISO };

struct fields {
  int hour, clock_half, minute, second, seconds_of_day, millisecond, microsecond, fraction_digits;
  int day_of_week, day, day_of_year, month, year, year_digits, is_bc, century, week, week_of_month, julian;
  int zone_sign, zone_hours, zone_minutes;
  bool has_half; // the hour is one of twelve
  enum convention convention;
};

struct time_reader {
  struct evaluation *evaluation;
  struct bytes text, all; // what is left, and the whole of it
  struct pattern pattern;
  struct fields fields;
  int extra; // blanks that were passed beyond those of the pattern
  bool is_fixed; // FX
};

static int bad_format(struct time_reader *reader, const char *format, const char *text)
{
  return error_set(reader->evaluation->error, SQLSTATE_INVALID_DATETIME_FORMAT, format, text);
}

static void skip_blanks(struct time_reader *reader)
{
  while (reader->text.size && isspace(reader->text.data[0])) {
    skip(&reader->text, 1);
    reader->extra++;
  }
}

static int bad_value(struct time_reader *reader, const char *name, struct bytes shown, const char *detail)
{
  int status = error_set(reader->evaluation->error, SQLSTATE_INVALID_DATETIME_FORMAT,
                         "invalid value \"%.*s\" for \"%s\"", (int)shown.size, (const char *)shown.data, name);
  error_detail(reader->evaluation->error, "%s", detail);
  return status;
}

static int set_field(struct time_reader *reader, const char *name, int *field, int number)
{
  if (*field && *field != number) {
    int status = bad_format(reader, "conflicting values for \"%s\" field in formatting string", name);
    error_detail(reader->evaluation->error, "This value contradicts a previous setting for the same field type.");
    return status;
  }
  *field = number;
  return STATUS_OK;
}

static int too_few_digits(struct time_reader *reader, const char *name, int width, int parsed)
{
  struct error *error = reader->evaluation->error;
  size_t left = reader->text.size;
  int status;
  if (left < (size_t)width) {
    status = bad_format(reader, "source string too short for \"%s\" formatting field", name);
    error_detail(error, "Field requires %d characters, but only %d remain.", width, (int)left);
  } else {
    status = error_set(error, SQLSTATE_INVALID_DATETIME_FORMAT, "invalid value \"%.*s\" for \"%s\"", width,
                       (const char *)reader->text.data, name);
    error_detail(error, "Field requires %d characters, but only %d could be parsed.", width, parsed);
  }
  error_hint(error, "If your source string is not fixed-width, try using the \"FM\" modifier.");
  return status;
}

// A number of the width, or of any where nothing says where it ends. *taken: how many characters.
static int take_integer(struct time_reader *reader, const struct token *token, int width, int *field, int *taken)
{
  struct bytes start = reader->text;
  char copy[24], *end;
  skip_blanks(reader);
  bool is_free = is_unbound(token, reader->pattern);
  size_t room = is_free ? sizeof copy - 1 : (size_t)width;
  size_t size = reader->text.size < room ? reader->text.size : room;
  memcpy(copy, reader->text.data, size);
  copy[size] = 0;
  errno = 0;
  if (!is_free && reader->text.size < room)
    return too_few_digits(reader, token->name, width, 0);
  long number = strtol(copy, &end, 10);
  int used = (int)(end - copy);
  if (!is_free && used > 0 && used < width)
    return too_few_digits(reader, token->name, width, used);
  skip(&reader->text, (size_t)used);
  if (!used)
    return bad_value(reader, token->name, bytes_of(start.data, start.size < (size_t)width ? start.size : (size_t)width),
                     "Value must be an integer.");
  if (errno == ERANGE || number < INT32_MIN || number > INT32_MAX) {
    int status = error_set(reader->evaluation->error, SQLSTATE_DATETIME_FIELD_OVERFLOW,
                           "value for \"%s\" in source string is out of range", token->name);
    error_detail(reader->evaluation->error, "Value must be in the range %d to %d.", INT32_MIN, INT32_MAX);
    return status;
  }
  *taken = (int)(start.size - reader->text.size);
  return field ? set_field(reader, token->name, field, (int)number) : STATUS_OK;
}

static void skip_ordinal(struct time_reader *reader, const struct token *token)
{
  for (int i = 0; i < 2 && token->is_ordinal && reader->text.size; i++)
    skip(&reader->text, first_width(reader->text));
}

static int take_number(struct time_reader *reader, const struct token *token, int width, int *field)
{
  int taken;
  int status = take_integer(reader, token, width, field, &taken);
  if (!status)
    skip_ordinal(reader, token);
  return status;
}

// "25" is a quarter of a second, "025" is not.
static int take_fraction(struct time_reader *reader, const struct token *token, int width, int unit, int *field)
{
  int taken;
  int status = take_integer(reader, token, width, field, &taken);
  for (; taken < unit && !status; taken++)
    *field *= 10;
  return status;
}

static int take_year(struct time_reader *reader, const struct token *token, int digits)
{
  struct fields *fields = &reader->fields;
  int taken;
  int status = take_integer(reader, token, (int)strlen(token->name), &fields->year, &taken);
  if (!status)
    skip_ordinal(reader, token);
  if (!status && digits < 4 && taken < 4) { // the nearest year to 2020 that ends so
    int year = fields->year;
    fields->year += year < 70 ? 2000 : year < 100 ? 1900 : year < 520 ? 2000 : year < 1000 ? 1000 : 0;
  }
  fields->year_digits = digits;
  return status;
}

static int take_comma_year(struct time_reader *reader, const struct token *token)
{
  char copy[32];
  int thousands, years, size = 0;
  size_t room = reader->text.size < sizeof copy - 1 ? reader->text.size : sizeof copy - 1;
  memcpy(copy, reader->text.data, room);
  copy[room] = 0;
  if (strspn(copy, "+-0123456789") > 6 || sscanf(copy, "%d,%03d%n", &thousands, &years, &size) < 2)
    return bad_format(reader, "invalid input string for \"%s\"", "Y,YYY");
  reader->fields.year_digits = 4;
  skip(&reader->text, (size_t)size);
  skip_ordinal(reader, token);
  return set_field(reader, token->name, &reader->fields.year, years + thousands * 1000);
}

// One of the names, of which the first `least` letters count (0: all of them).
static int take_name(struct time_reader *reader, const struct token *token, const char *const *names, int count,
                     size_t least, int *number)
{
  for (int i = count - 1; i >= 0; i--) { // of VIII and VII the longer one first
    size_t size = least ? least : strlen(names[i]);
    if (reader->text.size < size || strncasecmp((const char *)reader->text.data, names[i], size) != 0)
      continue;
    *number = i;
    skip(&reader->text, size);
    return STATUS_OK;
  }
  size_t size = 0;
  while (size < reader->text.size && !isspace(reader->text.data[size]))
    size++;
  return bad_value(reader, token->name, bytes_of(reader->text.data, size),
                   "The given value did not match any of the allowed values for this field.");
}

static int take_roman_month(struct time_reader *reader, const struct token *token)
{
  int number = 0;
  int status = take_name(reader, token, time_roman_months, 12, 0, &number);
  return status ? status : set_field(reader, token->name, &reader->fields.month, number + 1);
}

static int take_word(struct time_reader *reader, const struct token *token)
{
  static const char *const halves[] = {"am", "pm"}, *const dotted_halves[] = {"a.m.", "p.m."};
  static const char *const eras[] = {"ad", "bc"}, *const dotted_eras[] = {"a.d.", "b.c."};
  struct fields *fields = &reader->fields;
  int number = 0, status;
  switch (token->mark) {
  case TIME_MONTH:
  case TIME_MON:
    status = take_name(reader, token, time_month_names, 12, token->mark == TIME_MON ? 3 : 0, &number);
    return status ? status : set_field(reader, token->name, &fields->month, number + 1);
  case TIME_DAY:
  case TIME_DY:
    status = take_name(reader, token, time_day_names, 7, token->mark == TIME_DY ? 3 : 0, &number);
    return status ? status : set_field(reader, token->name, &fields->day_of_week, number + 1);
  case TIME_BC:
  case TIME_B_C:
    status = take_name(reader, token, token->mark == TIME_BC ? eras : dotted_eras, 2, 0, &number);
    return status ? status : set_field(reader, token->name, &fields->is_bc, number);
  default:
    status = take_name(reader, token, token->mark == TIME_AM ? halves : dotted_halves, 2, 0, &number);
    fields->has_half = true;
    return status ? status : set_field(reader, token->name, &fields->clock_half, number);
  }
}

// A minus may have been taken for a separator.
static int take_zone(struct time_reader *reader, const struct token *token)
{
  struct fields *fields = &reader->fields;
  uint8_t c = reader->text.data[0];
  if (token->mark == TIME_TZM) {
    fields->zone_sign = fields->zone_sign ? fields->zone_sign : 1;
    return take_number(reader, token, 2, &fields->zone_minutes);
  }
  bool was_minus = reader->extra > 0 && reader->text.data > reader->all.data && reader->text.data[-1] == '-';
  fields->zone_sign = c == '-' || (c != '+' && c != ' ' && was_minus) ? -1 : 1;
  if (c == '+' || c == '-' || c == ' ')
    skip(&reader->text, 1);
  return take_number(reader, token, 2, &fields->zone_hours);
}

static enum convention convention_of(enum time_mark mark)
{
  switch (mark) {
  case TIME_IYYY:
  case TIME_IYY:
  case TIME_IY:
  case TIME_I:
  case TIME_IW:
  case TIME_ID:
  case TIME_IDDD: return CONVENTION_ISO;
  case TIME_YYYY:
  case TIME_YYY:
  case TIME_YY:
  case TIME_Y:
  case TIME_Y_COMMA:
  case TIME_MONTH:
  case TIME_MON:
  case TIME_MM:
  case TIME_RM:
  case TIME_DDD:
  case TIME_DD:
  case TIME_D:
  case TIME_WW:
  case TIME_W: return CONVENTION_GREGORIAN;
  default: return CONVENTION_NONE;
  }
}

static int set_convention(struct time_reader *reader, enum convention convention)
{
  if (convention && reader->fields.convention && reader->fields.convention != convention) {
    int status = error_set(reader->evaluation->error, SQLSTATE_INVALID_DATETIME_FORMAT,
                           "invalid combination of date conventions");
    error_hint(reader->evaluation->error,
               "Do not mix Gregorian and ISO week date conventions in a formatting template.");
    return status;
  }
  reader->fields.convention = convention ? convention : reader->fields.convention;
  return STATUS_OK;
}

static int take_date_mark(struct time_reader *reader, const struct token *token)
{
  struct fields *fields = &reader->fields;
  int width = (int)strlen(token->name), status;
  switch (token->mark) {
  case TIME_Y_COMMA: return take_comma_year(reader, token);
  case TIME_YYYY:
  case TIME_IYYY: return take_year(reader, token, 4);
  case TIME_YYY:
  case TIME_IYY: return take_year(reader, token, 3);
  case TIME_YY:
  case TIME_IY: return take_year(reader, token, 2);
  case TIME_Y:
  case TIME_I: return take_year(reader, token, 1);
  case TIME_CC: return take_number(reader, token, width, &fields->century);
  case TIME_MM: return take_number(reader, token, width, &fields->month);
  case TIME_DD: return take_number(reader, token, width, &fields->day);
  case TIME_IDDD:
  case TIME_DDD: return take_number(reader, token, 3, &fields->day_of_year);
  case TIME_D: return take_number(reader, token, width, &fields->day_of_week);
  case TIME_ID: // Sunday is 1 where it was 7
    status = take_number(reader, token, 1, &fields->day_of_week);
    fields->day_of_week = fields->day_of_week + 1 > 7 ? 1 : fields->day_of_week + 1;
    return status;
  case TIME_WW:
  case TIME_IW: return take_number(reader, token, width, &fields->week);
  case TIME_W: return take_number(reader, token, width, &fields->week_of_month);
  case TIME_Q: return take_number(reader, token, width, NULL); // it does not say which day
  case TIME_J: return take_number(reader, token, width, &fields->julian);
  case TIME_RM: return take_roman_month(reader, token);
  default: return take_word(reader, token);
  }
}

static int take_mark(struct time_reader *reader, const struct token *token)
{
  struct fields *fields = &reader->fields;
  int width = (int)strlen(token->name);
  switch (token->mark) {
  case TIME_FX: reader->is_fixed = true; return STATUS_OK;
  case TIME_HH12:
    fields->has_half = true;
    return take_number(reader, token, 2, &fields->hour);
  case TIME_HH24: return take_number(reader, token, 2, &fields->hour);
  case TIME_MI: return take_number(reader, token, width, &fields->minute);
  case TIME_SS: return take_number(reader, token, width, &fields->second);
  case TIME_SSSS: return take_number(reader, token, width, &fields->seconds_of_day);
  case TIME_MS: return take_fraction(reader, token, 3, 3, &fields->millisecond);
  case TIME_FF:
    fields->fraction_digits = token->name[2] - '0';
    return take_fraction(reader, token, fields->fraction_digits, 6, &fields->microsecond);
  case TIME_US: return take_fraction(reader, token, 6, 6, &fields->microsecond);
  case TIME_TZ:
  case TIME_OF:
    return error_set(reader->evaluation->error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                     "formatting field \"%s\" is only supported in to_char", token->name);
  case TIME_TZH:
  case TIME_TZM: return take_zone(reader, token);
  default: return take_date_mark(reader, token);
  }
}

// ---- the walk ----

static int match_literal(struct time_reader *reader, const struct token *token)
{
  bool is_character = token->kind == TOKEN_CHARACTER;
  size_t width = first_width(reader->text);
  if (reader->pattern.is_strict) {
    if (!bytes_equal(bytes_of(reader->text.data, width), token->text))
      return error_set(reader->evaluation->error, SQLSTATE_INVALID_DATETIME_FORMAT, "unmatched format %s \"%.*s\"",
                       is_character ? "character" : "separator", (int)token->text.size, (const char *)token->text.data);
    skip(&reader->text, width);
  } else if (reader->is_fixed) {
    skip(&reader->text, width);
  } else if (!is_character) { // one separator or blank, where there is one
    reader->extra--;
    if (isspace(reader->text.data[0]) || is_separator(reader->text.data[0])) {
      skip(&reader->text, 1);
      reader->extra++;
    }
  } else if (reader->extra > 0) {
    reader->extra--;
  } else {
    skip(&reader->text, width);
  }
  return STATUS_OK;
}

static int read_text(struct time_reader *reader)
{
  struct token token = next_token(&reader->pattern);
  reader->is_fixed = reader->pattern.is_strict;
  for (bool is_first = true; token.kind != TOKEN_END && reader->text.size; is_first = false) {
    bool is_mark = token.kind == TOKEN_MARK;
    if (!reader->is_fixed && !(is_mark && token.mark == TIME_FX) && (is_mark || is_first))
      skip_blanks(reader);
    int status = STATUS_OK;
    if (is_mark && reader->text.size) {
      status = set_convention(reader, convention_of(token.mark));
      status = status ? status : take_mark(reader, &token);
    } else if (is_mark) {
      break;
    } else if (reader->text.size) {
      status = match_literal(reader, &token);
    }
    if (status)
      return status;
    if (is_mark && !reader->is_fixed) {
      reader->extra = 0;
      skip_blanks(reader);
    }
    token = next_token(&reader->pattern);
  }
  if (!reader->pattern.is_strict)
    return STATUS_OK;
  if (token.kind != TOKEN_END)
    return bad_format(reader, "%s", "input string is too short for datetime format");
  skip_blanks(reader);
  if (!reader->text.size)
    return STATUS_OK;
  return bad_format(reader, "%s", "trailing characters remain in input string after datetime format");
}

// ---- what the fields say ----

static int out_of_range(struct time_reader *reader)
{
  return error_set(reader->evaluation->error, SQLSTATE_DATETIME_FIELD_OVERFLOW,
                   "date/time field value out of range: \"%.*s\"", (int)reader->all.size,
                   (const char *)reader->all.data);
}

static int settle_time(struct time_reader *reader, struct civil_time *civil)
{
  const struct fields *fields = &reader->fields;
  int of_day = fields->seconds_of_day;
  civil->hour = fields->hour ? fields->hour : of_day / 3600;
  civil->minute = fields->minute ? fields->minute : of_day / 60 % 60;
  civil->second = fields->second ? fields->second : of_day % 60;
  if (fields->has_half && (civil->hour < 1 || civil->hour > 12)) {
    int status = error_set(reader->evaluation->error, SQLSTATE_INVALID_DATETIME_FORMAT,
                           "hour \"%d\" is invalid for the 12-hour clock", civil->hour);
    error_hint(reader->evaluation->error, "Use the 24-hour clock, or give an hour between 1 and 12.");
    return status;
  }
  if (fields->has_half)
    civil->hour = civil->hour % 12 + (fields->clock_half ? 12 : 0);
  int64_t fraction = (int64_t)fields->millisecond * 1000 + fields->microsecond;
  if (civil->hour < 0 || civil->hour > 23 || civil->minute < 0 || civil->minute > 59 || civil->second < 0 ||
      civil->second > 59 || fraction < 0 || fraction > 999999)
    return out_of_range(reader);
  civil->microsecond = (int)fraction;
  return STATUS_OK;
}

// Years before 1 are 0, -1, …; false: nothing says the year.
static bool settle_year(const struct fields *fields, int64_t *year)
{
  int64_t century = fields->is_bc ? -(int64_t)fields->century : fields->century;
  *year = 0;
  if (fields->year && fields->century && fields->year_digits <= 2) {
    int of_century = fields->year % 100; // the 21st century is from 2001 to 2100
    if (of_century)
      *year = century >= 0 ? (century - 1) * 100 + of_century : (century + 1) * 100 - of_century + 1;
    else
      *year = century * 100 + (century >= 0 ? 0 : 1);
  } else if (fields->year) {
    *year = fields->is_bc ? -(int64_t)fields->year : fields->year;
    *year += *year < 0;
  } else if (fields->century) {
    *year = century >= 0 ? (century - 1) * 100 + 1 : century * 100 + 1;
  }
  return fields->year || fields->century;
}

// The Monday of the ISO year's first week, in days.
static int64_t iso_year_begin(int64_t year)
{
  int64_t fourth = days_from_civil(year, 1, 4), monday = fourth - (((fourth + 5) % 7) + 7) % 7; // day 0 is a Saturday
  return monday;
}

static void settle_week(struct fields *fields, struct civil_time *civil)
{
  if (fields->convention != CONVENTION_ISO) {
    fields->day_of_year = (int)(((int64_t)fields->week - 1) * 7 + 1);
    return;
  }
  int64_t day = iso_year_begin(civil->year) + ((int64_t)fields->week - 1) * 7;
  if (fields->day_of_week)
    day += fields->day_of_week > 1 ? fields->day_of_week - 2 : 6;
  civil_from_days(day, civil);
}

static int settle_day_of_year(struct time_reader *reader, struct civil_time *civil)
{
  const struct fields *fields = &reader->fields;
  if (!civil->year && !fields->is_bc)
    return bad_format(reader, "%s", "cannot calculate day of year without year information");
  if (fields->convention == CONVENTION_ISO) {
    civil_from_days(iso_year_begin(civil->year) - 1 + fields->day_of_year, civil);
    return STATUS_OK;
  }
  int month = 1, before = 0;
  while (month <= 12 && fields->day_of_year > before + calendar_days_of_month(civil->year, month))
    before += calendar_days_of_month(civil->year, month++);
  civil->day = civil->day <= 1 ? fields->day_of_year - before : civil->day;
  civil->month = civil->month <= 1 ? month : civil->month;
  return STATUS_OK;
}

static int settle_date(struct time_reader *reader, struct civil_time *civil)
{
  struct fields *fields = &reader->fields;
  enum { YEAR = 1, MONTH = 2, DAY = 4, WHOLE = 7 };
  int known = settle_year(fields, &civil->year) ? YEAR : 0;
  if (fields->julian) {
    civil_from_days((int64_t)fields->julian + DATE_LOW, civil);
    known = WHOLE;
  }
  if (fields->week) {
    known = fields->convention == CONVENTION_ISO ? WHOLE : known;
    settle_week(fields, civil);
  }
  if (fields->week_of_month)
    fields->day = (int)(((int64_t)fields->week_of_month - 1) * 7 + 1);
  civil->day = fields->day ? fields->day : civil->day;
  civil->month = fields->month ? fields->month : civil->month;
  known |= (fields->day ? DAY : 0) | (fields->month ? MONTH : 0);
  if (fields->day_of_year && (civil->month <= 1 || civil->day <= 1)) {
    int status = settle_day_of_year(reader, civil);
    if (status)
      return status;
    known |= MONTH | DAY;
  }
  bool is_bad = ((known & MONTH) && (civil->month < 1 || civil->month > 12)) ||
                ((known & DAY) && (civil->day < 1 || civil->day > 31)) ||
                (known == WHOLE && civil->day > calendar_days_of_month(civil->year, civil->month));
  if (is_bad)
    return out_of_range(reader);
  if (known != WHOLE) // the 30th of February of no year is a day of March
    civil_from_days(days_from_civil(civil->year, civil->month, 1) + civil->day - 1, civil);
  return STATUS_OK;
}

static bool is_of_time(enum time_mark mark)
{
  return mark == TIME_AM || mark == TIME_A_M || mark == TIME_HH12 || mark == TIME_HH24 || mark == TIME_MI ||
         mark == TIME_SS || mark == TIME_SSSS || mark == TIME_MS || mark == TIME_US || mark == TIME_FF;
}

// Also looks for what a strict pattern may not have.
static int read_pattern(struct time_reader *reader, struct time_reading *reading)
{
  bool has_date = false, has_time = false;
  struct pattern pattern = reader->pattern;
  struct token token;
  for (token = next_token(&pattern); token.kind != TOKEN_END; token = next_token(&pattern)) {
    if (token.kind == TOKEN_MARK && is_of_time(token.mark))
      has_time = true;
    else if (token.kind == TOKEN_MARK && (token.mark == TIME_TZ || token.mark == TIME_OF || token.mark == TIME_TZH ||
                                          token.mark == TIME_TZM))
      reading->is_zoned = true;
    else if (token.kind == TOKEN_MARK && token.mark != TIME_FX)
      has_date = true;
    else if (reader->pattern.is_strict && token.kind != TOKEN_MARK && !token.is_quoted &&
             !(token.text.size == 1 && strchr("-./,':; ", token.text.data[0])))
      return error_set(reader->evaluation->error, SQLSTATE_INVALID_DATETIME_FORMAT,
                       "invalid datetime format separator: \"%.*s\"", (int)token.text.size,
                       (const char *)token.text.data);
  }
  reading->type = has_date && has_time ? (reading->is_zoned ? TYPE_TIMESTAMPTZ : TYPE_TIMESTAMP)
                  : has_date           ? TYPE_DATE
                  : has_time           ? (reading->is_zoned ? TYPE_TIMETZ : TYPE_TIME)
                                       : TYPE_UNKNOWN;
  return STATUS_OK;
}

int64_t time_round(int64_t microseconds, int digits)
{
  int64_t unit = 1;
  for (int i = digits; i < 6 && digits > 0; i++)
    unit *= 10;
  return unit == 1 ? microseconds : (microseconds + (microseconds < 0 ? -unit : unit) / 2) / unit * unit;
}

int time_read(struct evaluation *evaluation, struct bytes text, struct bytes pattern, bool is_strict,
              struct time_reading *reading)
{
  struct time_reader reader = {.evaluation = evaluation, .text = text, .all = text,
                               .pattern = {.rest = pattern, .is_strict = is_strict}};
  *reading = (struct time_reading){.civil = {.month = 1, .day = 1}};
  int status = read_pattern(&reader, reading);
  if (!status)
    status = read_text(&reader);
  if (!status)
    status = settle_time(&reader, &reading->civil);
  if (!status)
    status = settle_date(&reader, &reading->civil);
  if (status)
    return status;
  const struct fields *fields = &reader.fields;
  reading->digits = fields->fraction_digits;
  reading->has_zone = fields->zone_sign != 0;
  if (reading->has_zone && (fields->zone_hours < 0 || fields->zone_hours > 15 || fields->zone_minutes < 0 ||
                            fields->zone_minutes > 59))
    return error_set(evaluation->error, SQLSTATE_INVALID_TIME_ZONE_DISPLACEMENT,
                     "time zone displacement out of range: \"%.*s\"", (int)text.size, (const char *)text.data);
  reading->zone = fields->zone_sign * (fields->zone_hours * 3600 + fields->zone_minutes * 60);
  return STATUS_OK;
}
