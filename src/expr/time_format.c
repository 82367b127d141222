// Times by patterns: to_char, to_date and to_timestamp.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/utf8.h"
#include "expr/moment.h"
#include "expr/tables.h"

static const char *const month_names[] = {"January", "February", "March",     "April",   "May",      "June",
                                          "July",    "August",   "September", "October", "November", "December"};
static const char *const day_names[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
static const char *const roman_months[] = {"I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"};

// ---- the marks of patterns ----

enum time_mark {
  TIME_YYYY, TIME_YYY, TIME_YY, TIME_Y, TIME_Y_COMMA, TIME_IYYY, TIME_IW, TIME_ID, TIME_IDDD, TIME_MONTH, TIME_MON,
  TIME_MM, TIME_DAY, TIME_DY, TIME_DDD, TIME_DD, TIME_D, TIME_HH24, TIME_HH12, TIME_MI, TIME_SSSS, TIME_SS, TIME_MS,
  TIME_US, TIME_FF, TIME_AM, TIME_A_M, TIME_BC, TIME_WW, TIME_W, TIME_Q, TIME_CC, TIME_J, TIME_TZH, TIME_TZM, TIME_TZ,
  TIME_OF, TIME_RM, TIME_COUNT
};

static const struct {
  const char *text; // longer ones first where one begins another
  enum time_mark mark;
  bool has_cases;   // Month, month and MONTH differ
} time_marks[] = {
    {"YYYY", TIME_YYYY, 0}, {"Y,YYY", TIME_Y_COMMA, 0}, {"YYY", TIME_YYY, 0}, {"YY", TIME_YY, 0}, {"Y", TIME_Y, 0},
    {"IYYY", TIME_IYYY, 0}, {"IDDD", TIME_IDDD, 0}, {"IW", TIME_IW, 0},   {"ID", TIME_ID, 0},
    {"MONTH", TIME_MONTH, 1}, {"MON", TIME_MON, 1}, {"MM", TIME_MM, 0},   {"MI", TIME_MI, 0},   {"MS", TIME_MS, 0},
    {"DAY", TIME_DAY, 1},   {"DY", TIME_DY, 1},     {"DDD", TIME_DDD, 0}, {"DD", TIME_DD, 0},   {"D", TIME_D, 0},
    {"HH24", TIME_HH24, 0}, {"HH12", TIME_HH12, 0}, {"HH", TIME_HH12, 0},
    {"SSSSS", TIME_SSSS, 0}, {"SSSS", TIME_SSSS, 0},
    {"SS", TIME_SS, 0},     {"US", TIME_US, 0},     {"FF1", TIME_FF, 0},  {"FF2", TIME_FF, 0},  {"FF3", TIME_FF, 0},
    {"FF4", TIME_FF, 0},    {"FF5", TIME_FF, 0},    {"FF6", TIME_FF, 0},  {"AM", TIME_AM, 1},   {"PM", TIME_AM, 1},
    {"A.M.", TIME_A_M, 0},  {"P.M.", TIME_A_M, 0},  {"BC", TIME_BC, 1},   {"AD", TIME_BC, 1},   {"WW", TIME_WW, 0},
    {"W", TIME_W, 0},       {"Q", TIME_Q, 0},       {"CC", TIME_CC, 0},   {"J", TIME_J, 0},     {"TZH", TIME_TZH, 0},
    {"TZM", TIME_TZM, 0},   {"TZ", TIME_TZ, 1},     {"OF", TIME_OF, 0},   {"RM", TIME_RM, 1},
};

// ---- to_char ----

struct time_writer {
  struct civil_time civil; // of an interval: its years and months, all its days, its hours even above 24
  bool is_interval;
  const struct format_settings *settings; // NULL: without a zone
  int32_t zone_offset;
  const char *abbreviation; // of the zone at that time; NULL for a fixed offset
  struct buffer *out;
  bool fill;
};

// The mark in the pattern's own case: upper, Capital or lower.
static void write_name(struct time_writer *w, const char *name, const uint8_t *pattern, int length, int width)
{
  char text[16];
  int size = (int)strlen(name) < length ? (int)strlen(name) : length;
  bool first_upper = isupper(pattern[0]), rest_upper = first_upper && isupper(pattern[1]);
  for (int i = 0; i < size; i++)
    text[i] = (char)(i == 0 ? (first_upper ? toupper(name[i]) : tolower(name[i]))
                            : rest_upper ? toupper(name[i]) : tolower(name[i]));
  buffer_append(w->out, text, (size_t)size);
  for (; size < width && !w->fill; size++)
    buffer_append_u8(w->out, ' ');
}

static int64_t write_padded(struct time_writer *w, int64_t number, int width)
{
  buffer_format(w->out, "%0*lld", w->fill ? 0 : number < 0 ? width + 1 : width, (long long)number);
  return number;
}

// A fixed offset that was set as a number is named '<+02>-02': what stands in brackets is its abbreviation.
static const char *abbreviation_of(const struct time_writer *w)
{
  if (w->abbreviation)
    return w->abbreviation;
  return w->settings->zone_name[0] == '<' ? w->settings->zone_name + 1 : w->settings->zone_name;
}

static void write_zone(struct time_writer *w, enum time_mark mark, bool upper)
{
  int32_t zone = w->zone_offset, size = zone < 0 ? -zone : zone;
  if (mark == TIME_TZH)
    buffer_format(w->out, "%c%02d", zone < 0 ? '-' : '+', size / 3600);
  else if (mark == TIME_TZM)
    buffer_format(w->out, "%02d", size % 3600 / 60);
  else if (mark == TIME_OF)
    buffer_format(w->out, size % 3600 ? "%c%02d:%02d" : "%c%02d", zone < 0 ? '-' : '+', size / 3600, size % 3600 / 60);
  else if (w->settings)
    for (const char *c = abbreviation_of(w); *c && *c != '>'; c++)
      buffer_append_u8(w->out, (uint8_t)(upper ? toupper(*c) : tolower(*c)));
}

static int64_t field(const struct time_writer *w, enum time_field name) { return calendar_field(&w->civil, name); }

// Marks whose text is a name or has a form of its own. False: the mark is a number.
static bool write_words(struct time_writer *w, enum time_mark mark, const uint8_t *pattern)
{
  const struct civil_time *c = &w->civil;
  if (w->is_interval && c->month == 0 && (mark == TIME_MONTH || mark == TIME_MON || mark == TIME_RM))
    return true; // there is no name for it
  int month = (c->month + 11) % 12;
  switch (mark) {
  case TIME_MONTH: write_name(w, month_names[month], pattern, 9, 9); return true;
  case TIME_MON: write_name(w, month_names[month], pattern, 3, 3); return true;
  case TIME_DAY: write_name(w, day_names[field(w, FIELD_DOW)], pattern, 9, 9); return true;
  case TIME_DY: write_name(w, day_names[field(w, FIELD_DOW)], pattern, 3, 3); return true;
  case TIME_RM: write_name(w, roman_months[month], pattern, 4, 4); return true;
  case TIME_AM: write_name(w, c->hour % 24 < 12 ? "am" : "pm", pattern, 2, 2); return true;
  case TIME_A_M:
    buffer_append_string(w->out, isupper(pattern[0]) ? (c->hour < 12 ? "A.M." : "P.M.")
                                                     : (c->hour < 12 ? "a.m." : "p.m."));
    return true;
  case TIME_BC: write_name(w, c->year <= 0 ? "bc" : "ad", pattern, 2, 2); return true;
  case TIME_TZH:
  case TIME_TZM:
  case TIME_TZ:
  case TIME_OF: write_zone(w, mark, isupper(pattern[0])); return true;
  case TIME_FF: {
    char digits[8];
    snprintf(digits, sizeof digits, "%06d", c->microsecond);
    buffer_append(w->out, digits, (size_t)(pattern[2] - '0'));
    return true;
  }
  default: return false;
  }
}

static int64_t write_time_number(struct time_writer *w, enum time_mark mark)
{
  const struct civil_time *c = &w->civil;
  int64_t year = c->year > 0 || w->is_interval ? c->year : 1 - c->year;
  switch (mark) {
  case TIME_YYYY: return write_padded(w, year, 4);
  case TIME_YYY: return write_padded(w, year % 1000, 3);
  case TIME_YY: return write_padded(w, year % 100, 2);
  case TIME_Y: return write_padded(w, year % 10, 1);
  case TIME_Y_COMMA:
    buffer_format(w->out, "%lld,%03lld", (long long)(year / 1000), (long long)(year % 1000));
    return year;
  case TIME_IYYY: return write_padded(w, llabs(field(w, FIELD_ISOYEAR)), 4);
  case TIME_IW: return write_padded(w, field(w, FIELD_WEEK), 2);
  case TIME_ID: return write_padded(w, field(w, FIELD_ISODOW), 1);
  case TIME_IDDD: return write_padded(w, (field(w, FIELD_WEEK) - 1) * 7 + field(w, FIELD_ISODOW), 3);
  case TIME_MM: return write_padded(w, c->month, 2);
  case TIME_DDD: return write_padded(w, w->is_interval ? c->month * 30 + c->day : field(w, FIELD_DOY), 3);
  case TIME_DD: buffer_format(w->out, "%0*d", w->fill ? 0 : 2, c->day); return c->day;
  case TIME_D: return write_padded(w, field(w, FIELD_DOW) + 1, 1);
  case TIME_HH24: return write_padded(w, c->hour, 2);
  case TIME_HH12: return write_padded(w, c->hour % 12 ? c->hour % 12 : 12, 2);
  case TIME_MI: return write_padded(w, c->minute, 2);
  case TIME_SSSS: return write_padded(w, (c->hour * 60 + c->minute) * 60 + c->second, 0);
  case TIME_SS: return write_padded(w, c->second, 2);
  case TIME_MS: buffer_format(w->out, "%03d", c->microsecond / 1000); return c->microsecond / 1000;
  case TIME_US: buffer_format(w->out, "%06d", c->microsecond); return c->microsecond;
  case TIME_WW: return write_padded(w, (field(w, FIELD_DOY) - 1) / 7 + 1, 2);
  case TIME_W: return write_padded(w, (c->day - 1) / 7 + 1, 1);
  case TIME_Q: return write_padded(w, field(w, FIELD_QUARTER), 1);
  case TIME_CC: return write_padded(w, field(w, FIELD_CENTURY), 2);
  case TIME_J: return write_padded(w, field(w, FIELD_JULIAN), 0);
  default: return 0;
  }
}

static bool matches_mark(struct bytes rest, const char *mark, bool has_cases)
{
  size_t size = strlen(mark);
  if (rest.size < size || strncasecmp((const char *)rest.data, mark, size) != 0)
    return false;
  if (!has_cases || size < 2)
    return true;
  bool rest_upper = isupper(rest.data[size - 1]); // one case behind the first letter: Mon, MON, mon
  for (size_t i = 1; i < size; i++)
    if (isalpha(rest.data[i]) && (isupper(rest.data[i]) != 0) != rest_upper)
      return false;
  return true;
}

// One mark of the pattern, with its suffix; its size, 0 where none stands there.
static size_t write_time_mark(struct time_writer *w, struct bytes rest)
{
  for (size_t i = 0; i < sizeof time_marks / sizeof *time_marks; i++) {
    if (!matches_mark(rest, time_marks[i].text, time_marks[i].has_cases))
      continue;
    size_t size = strlen(time_marks[i].text);
    if (write_words(w, time_marks[i].mark, rest.data))
      return size;
    int64_t number = write_time_number(w, time_marks[i].mark);
    if (rest.size >= size + 2 && (memcmp(rest.data + size, "TH", 2) == 0 || memcmp(rest.data + size, "th", 2) == 0)) {
      buffer_append_string(w->out, ordinal_suffix(number, rest.data[size] == 'T'));
      size += 2;
    }
    return size;
  }
  return 0;
}

static bool has_calendar_mark(struct bytes rest)
{
  for (size_t i = 0; i < sizeof time_marks / sizeof *time_marks; i++)
    if (matches_mark(rest, time_marks[i].text, time_marks[i].has_cases)) {
      enum time_mark mark = time_marks[i].mark;
      return mark == TIME_DAY || mark == TIME_DY || mark == TIME_D || mark == TIME_ID || mark == TIME_BC ||
             mark == TIME_TZ || mark == TIME_TZH || mark == TIME_TZM || mark == TIME_OF || mark == TIME_IDDD ||
             mark == TIME_IYYY || mark == TIME_IW;
    }
  return false;
}

// The whole pattern. 22007 for what an interval does not have: a day of the week, an era.
static int write_pattern(struct evaluation *evaluation, struct time_writer *w, struct bytes pattern)
{
  for (size_t i = 0; i < pattern.size;) {
    struct bytes rest = bytes_of(pattern.data + i, pattern.size - i);
    w->fill = rest.size >= 2 && strncasecmp((const char *)rest.data, "FM", 2) == 0;
    if (w->fill) {
      rest = bytes_of(rest.data + 2, rest.size - 2);
      i += 2;
    }
    if (w->is_interval && has_calendar_mark(rest)) {
      int status = error_set(evaluation->error, SQLSTATE_INVALID_DATETIME_FORMAT,
                             "invalid format specification for an interval value");
      error_hint(evaluation->error, "Intervals are not tied to specific calendar dates.");
      return status;
    }
    size_t size = rest.size ? write_time_mark(w, rest) : 0;
    if (size == 0 && rest.size) {
      if (rest.data[0] == '"') {
        size = quoted_end(rest, 0);
        for (size_t k = 1; k < size; k++)
          if (rest.data[k] != '\\' || ++k < size)
            buffer_append_u8(w->out, rest.data[k]);
        size += size < rest.size;
      } else {
        size = rest.data[0] == '\\' && rest.size > 1 && rest.data[1] == '"' ? 2 : 1;
        buffer_append_u8(w->out, rest.data[size - 1]);
      }
    }
    i += size;
  }
  return STATUS_OK;
}

static int finish_pattern(struct evaluation *evaluation, struct time_writer *w, struct bytes pattern,
                          struct value *result)
{
  int status = write_pattern(evaluation, w, pattern);
  if (status == STATUS_OK)
    return result_from_buffer(evaluation, w->out, result);
  buffer_deinit(w->out);
  return status;
}

static int time_to_char(struct evaluation *evaluation, const struct value *arguments, bool has_zone,
                        struct value *result)
{
  struct bytes pattern = bytes_of_value(&arguments[1]);
  struct buffer out = buffer_for(evaluation);
  struct time_writer w = {.settings = has_zone ? settings_of(evaluation) : NULL, .out = &out};
  int64_t at = arguments[0].integer;
  *result = value_null();
  if (timestamp_is_infinite(at) || pattern.size == 0)
    return STATUS_OK;
  if (has_zone)
    w.zone_offset = zone_offset_at(w.settings->zone, at, &w.abbreviation);
  civil_from_timestamp(at + (int64_t)w.zone_offset * 1000000, &w.civil);
  return finish_pattern(evaluation, &w, pattern, result);
}

static int timestamp_to_char(CALL) { return time_to_char(evaluation, arguments, false, result); }
static int timestamptz_to_char(CALL) { return time_to_char(evaluation, arguments, true, result); }

static int interval_to_char(CALL)
{
  struct bytes pattern = bytes_of_value(&arguments[1]);
  struct buffer out = buffer_for(evaluation);
  struct interval interval = interval_of(&arguments[0]);
  int64_t seconds = interval.microseconds / 1000000;
  struct time_writer w = {.is_interval = true, .out = &out};
  *result = value_null();
  if (pattern.size == 0)
    return STATUS_OK;
  if (seconds / 3600 != (int32_t)(seconds / 3600))
    return moment_out_of_range(evaluation, "interval");
  w.civil = (struct civil_time){.year = interval.months / 12, .month = interval.months % 12, .day = interval.days,
                                .hour = (int)(seconds / 3600), .minute = (int)(seconds / 60 % 60),
                                .second = (int)(seconds % 60), .microsecond = (int)(interval.microseconds % 1000000)};
  return finish_pattern(evaluation, &w, pattern, result);
}

// ---- to_date, to_timestamp: the pattern says what stands in the text ----

struct time_reader {
  struct evaluation *evaluation;
  struct bytes text, all; // what is left, and the whole of it
  struct civil_time civil;
  int64_t julian;
  int32_t zone_hours, zone_minutes;
  int zone_sign;
  int day_of_year;
  bool has_zone, has_julian, is_afternoon, has_half, is_before_christ, has_year;
};

static int bad_value(struct time_reader *reader, const char *mark, size_t size, const char *detail)
{
  struct bytes rest = reader->text;
  size_t shown = rest.size < size ? rest.size : size;
  while (shown < rest.size && (rest.data[shown] & 0xc0) == 0x80)
    shown++;
  int status = error_set(reader->evaluation->error, SQLSTATE_INVALID_DATETIME_FORMAT,
                         "invalid value \"%.*s\" for \"%s\"", (int)shown, (const char *)rest.data, mark);
  error_detail(reader->evaluation->error, "%s", detail);
  return status;
}

static void pass(struct time_reader *reader, size_t size)
{
  reader->text = bytes_of(reader->text.data + size, reader->text.size - size);
}

static void pass_blanks(struct time_reader *reader)
{
  while (reader->text.size && isspace(reader->text.data[0]))
    pass(reader, 1);
}

// At most width digits where another number follows at once in the pattern, else as many as there are.
static int take_number(struct time_reader *reader, const char *mark, size_t width, bool is_bound, int *number)
{
  size_t size = 0, sign = 0;
  pass_blanks(reader);
  if (!is_bound && reader->text.size && (reader->text.data[0] == '-' || reader->text.data[0] == '+'))
    sign = 1;
  int64_t v = 0;
  while (sign + size < reader->text.size && isdigit(reader->text.data[sign + size]) && (!is_bound || size < width)) {
    v = v > INT32_MAX ? v : v * 10 + (reader->text.data[sign + size] - '0');
    size++;
  }
  if (size == 0)
    return bad_value(reader, mark, width, "Value must be an integer.");
  if (v > INT32_MAX)
    return error_set(reader->evaluation->error, SQLSTATE_DATETIME_FIELD_OVERFLOW,
                     "value for \"%s\" in source string is out of range", mark);
  *number = (int)(sign && reader->text.data[0] == '-' ? -v : v);
  pass(reader, sign + size);
  return STATUS_OK;
}

// One of the names, of which the first `least` letters count (0: all of them). Its number.
static int take_name(struct time_reader *reader, const char *mark, const char *const *names, int count, size_t least,
                     int *number)
{
  pass_blanks(reader);
  for (int i = 0; i < count; i++) {
    size_t size = least ? least : strlen(names[i]);
    if (reader->text.size < size || strncasecmp((const char *)reader->text.data, names[i], size) != 0)
      continue;
    *number = i;
    pass(reader, size);
    return STATUS_OK;
  }
  size_t size = 0;
  while (size < reader->text.size && !isspace(reader->text.data[size]))
    size++;
  return bad_value(reader, mark, size, "The given value did not match any of the allowed values for this field.");
}

static int take_fraction(struct time_reader *reader, const char *mark, int digits)
{
  int count = 0, v = 0;
  pass_blanks(reader);
  for (; count < digits && reader->text.size && isdigit(reader->text.data[0]); count++, pass(reader, 1))
    v = v * 10 + (reader->text.data[0] - '0');
  if (count == 0)
    return bad_value(reader, mark, (size_t)digits, "Value must be an integer.");
  for (; count < 6; count++)
    v *= 10;
  reader->civil.microsecond = v;
  return STATUS_OK;
}

static int take_year(struct time_reader *reader, const char *mark, size_t width, bool is_bound)
{
  const uint8_t *start = reader->text.data;
  int year, status = take_number(reader, mark, width, is_bound, &year);
  if (status != STATUS_OK)
    return status;
  reader->has_year = true;
  // The nearest year to 2020 that ends so.
  if (width < 4 && year >= 0 && reader->text.data - start <= (int)width)
    year += year < 70 ? 2000 : year < 100 ? 1900 : year < 520 ? 2000 : 1000;
  reader->civil.year = year;
  return STATUS_OK;
}

static int take_zone(struct time_reader *reader, const char *mark, enum time_mark kind)
{
  int number, status;
  pass_blanks(reader);
  if (kind == TIME_TZH) {
    reader->zone_sign = 1;
    if (reader->text.size && (reader->text.data[0] == '-' || reader->text.data[0] == '+')) {
      reader->zone_sign = reader->text.data[0] == '-' ? -1 : 1;
      pass(reader, 1);
    }
  }
  status = take_number(reader, mark, 2, true, &number);
  reader->has_zone = true;
  *(kind == TIME_TZH ? &reader->zone_hours : &reader->zone_minutes) = number;
  return status;
}

static int take_time_word(struct time_reader *reader, const char *mark, enum time_mark kind)
{
  static const char *const halves[] = {"am", "pm"}, *const dotted[] = {"a.m.", "p.m."}, *const eras[] = {"ad", "bc"};
  int number = 0, status;
  switch (kind) {
  case TIME_MONTH: status = take_name(reader, mark, month_names, 12, 0, &number); break;
  case TIME_MON: status = take_name(reader, mark, month_names, 12, 3, &number); break;
  case TIME_DAY: return take_name(reader, mark, day_names, 7, 0, &number);
  case TIME_DY: return take_name(reader, mark, day_names, 7, 3, &number);
  case TIME_BC:
    status = take_name(reader, mark, eras, 2, 0, &number);
    reader->is_before_christ = number == 1;
    return status;
  default:
    status = take_name(reader, mark, kind == TIME_AM ? halves : dotted, 2, 0, &number);
    reader->has_half = true;
    reader->is_afternoon = number == 1;
    return status;
  }
  reader->civil.month = number + 1;
  return status;
}

// What the mark stands for is taken from the text. is_bound: another number follows at once.
static int take_mark(struct time_reader *reader, const char *mark, enum time_mark kind, bool is_bound)
{
  struct civil_time *civil = &reader->civil;
  size_t width = strlen(mark);
  int number = 0, status;
  switch (kind) {
  case TIME_YYYY:
  case TIME_YYY:
  case TIME_YY:
  case TIME_Y: return take_year(reader, mark, width, is_bound);
  case TIME_MM: return take_number(reader, mark, 2, is_bound, &civil->month);
  case TIME_DD: return take_number(reader, mark, 2, is_bound, &civil->day);
  case TIME_DDD: return take_number(reader, mark, 3, is_bound, &reader->day_of_year);
  case TIME_HH24: return take_number(reader, mark, 2, is_bound, &civil->hour);
  case TIME_HH12:
    reader->has_half = true;
    return take_number(reader, mark, 2, is_bound, &civil->hour);
  case TIME_MI: return take_number(reader, mark, 2, is_bound, &civil->minute);
  case TIME_SS: return take_number(reader, mark, 2, is_bound, &civil->second);
  case TIME_MS: return take_fraction(reader, mark, 3);
  case TIME_US: return take_fraction(reader, mark, 6);
  case TIME_FF: return take_fraction(reader, mark, mark[2] - '0');
  case TIME_SSSS:
    status = take_number(reader, mark, 5, is_bound, &number);
    civil->hour = number / 3600;
    civil->minute = number / 60 % 60;
    civil->second = number % 60;
    return status;
  case TIME_J:
    status = take_number(reader, mark, 7, is_bound, &number);
    reader->julian = number;
    reader->has_julian = true;
    return status;
  case TIME_D:
  case TIME_Q: return take_number(reader, mark, 1, is_bound, &number); // they do not say which day
  case TIME_TZH:
  case TIME_TZM: return take_zone(reader, mark, kind);
  case TIME_MONTH:
  case TIME_MON:
  case TIME_DAY:
  case TIME_DY:
  case TIME_BC:
  case TIME_AM:
  case TIME_A_M: return take_time_word(reader, mark, kind);
  default:
    return error_set(reader->evaluation->error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                     "formatting field \"%s\" is only supported in to_char", mark);
  }
}

static const char *mark_at(struct bytes rest, enum time_mark *kind)
{
  for (size_t i = 0; rest.size && i < sizeof time_marks / sizeof *time_marks; i++)
    if (matches_mark(rest, time_marks[i].text, time_marks[i].has_cases)) {
      *kind = time_marks[i].mark;
      return time_marks[i].text;
    }
  return NULL;
}

static bool is_separator(uint8_t c) { return c < 128 && ispunct(c); }

static size_t first_width(struct bytes text)
{
  size_t width = (size_t)utf8_width(text.data[0]);
  return width < text.size ? width : text.size;
}

// A character of the pattern that is no mark: a separator or blank matches any of them, anything else one character.
static void pass_literal(struct time_reader *reader, struct bytes *pattern)
{
  uint8_t c = pattern->data[0];
  if (c == '"') {
    size_t end = quoted_end(*pattern, 0);
    for (size_t i = 1; i < end && reader->text.size; i += first_width(bytes_of(pattern->data + i, end - i)))
      pass(reader, first_width(reader->text));
    size_t whole = end + (end < pattern->size);
    *pattern = bytes_of(pattern->data + whole, pattern->size - whole);
    return;
  }
  size_t width = first_width(*pattern);
  *pattern = bytes_of(pattern->data + width, pattern->size - width);
  if (!isspace(c) && !is_separator(c)) {
    if (reader->text.size)
      pass(reader, first_width(reader->text));
    return;
  }
  pass_blanks(reader);
  enum time_mark next;
  bool is_signed = mark_at(*pattern, &next) && next == TIME_TZH;
  if (reader->text.size && is_separator(reader->text.data[0]) && !is_signed)
    pass(reader, 1);
}

static int read_pattern(struct time_reader *reader, struct bytes pattern)
{
  while (pattern.size) {
    enum time_mark kind, next;
    if (pattern.size >= 2 && (strncasecmp((const char *)pattern.data, "FM", 2) == 0 ||
                              strncasecmp((const char *)pattern.data, "TH", 2) == 0)) {
      if (toupper(pattern.data[0]) == 'T' && reader->text.size >= 2)
        pass(reader, 2);
      pattern = bytes_of(pattern.data + 2, pattern.size - 2);
      continue;
    }
    const char *mark = mark_at(pattern, &kind);
    if (!mark) {
      pass_literal(reader, &pattern);
      continue;
    }
    char shown[8] = ""; // in the pattern's own letters
    memcpy(shown, pattern.data, strlen(mark));
    pattern = bytes_of(pattern.data + strlen(mark), pattern.size - strlen(mark));
    pass_blanks(reader);
    if (reader->text.size == 0)
      break; // what the text does not have keeps what it is
    int status = take_mark(reader, shown, kind, mark_at(pattern, &next) != NULL);
    if (status != STATUS_OK)
      return status;
  }
  return STATUS_OK;
}

static int time_field_error(struct time_reader *reader)
{
  return error_set(reader->evaluation->error, SQLSTATE_DATETIME_FIELD_OVERFLOW,
                   "date/time field value out of range: \"%.*s\"", (int)reader->all.size,
                   (const char *)reader->all.data);
}

static int settle(struct time_reader *reader)
{
  struct civil_time *civil = &reader->civil;
  if (reader->has_half) {
    if (civil->hour < 1 || civil->hour > 12) {
      int status = error_set(reader->evaluation->error, SQLSTATE_INVALID_DATETIME_FORMAT,
                             "hour \"%d\" is invalid for the 12-hour clock", civil->hour);
      error_hint(reader->evaluation->error, "Use the 24-hour clock, or give an hour between 1 and 12.");
      return status;
    }
    civil->hour = civil->hour % 12 + (reader->is_afternoon ? 12 : 0);
  }
  if (!reader->has_year)
    civil->year = 0; // 1 BC, as PostgreSQL has it
  else if (reader->is_before_christ)
    civil->year = civil->year > 0 ? 1 - civil->year : civil->year + 1;
  else if (civil->year < 0)
    civil->year++;
  if (reader->has_julian)
    civil_from_days(reader->julian + DATE_LOW, civil);
  if (reader->day_of_year) {
    if (reader->day_of_year < 1 || reader->day_of_year > 366)
      return time_field_error(reader);
    civil_from_days(days_from_civil(civil->year, 1, 1) + reader->day_of_year - 1, civil);
  }
  bool is_good = civil->month >= 1 && civil->month <= 12 && civil->day >= 1 &&
                 civil->day <= days_in_month(civil->year, civil->month) && civil->hour >= 0 && civil->hour <= 23 &&
                 civil->minute >= 0 && civil->minute <= 59 && civil->second >= 0 && civil->second <= 60;
  return is_good ? STATUS_OK : time_field_error(reader);
}

static int read_by_pattern(struct evaluation *evaluation, const struct value *arguments, struct time_reader *reader)
{
  *reader = (struct time_reader){.evaluation = evaluation, .all = bytes_of_value(&arguments[0]),
                                 .civil = {.month = 1, .day = 1}};
  reader->text = reader->all;
  int status = read_pattern(reader, bytes_of_value(&arguments[1]));
  return status == STATUS_OK ? settle(reader) : status;
}

static int to_date(CALL)
{
  struct time_reader reader;
  int status = read_by_pattern(evaluation, arguments, &reader);
  int64_t days = days_from_civil(reader.civil.year, reader.civil.month, reader.civil.day);
  *result = value_integer(days);
  if (status == STATUS_OK && (days < DATE_LOW || days >= DATE_END))
    return error_set(evaluation->error, SQLSTATE_DATETIME_FIELD_OVERFLOW, "date out of range: \"%.*s\"",
                     (int)arguments[0].size, (const char *)arguments[0].data);
  return status;
}

static int to_timestamp(CALL)
{
  struct time_reader reader;
  int64_t local, utc = 0;
  int status = read_by_pattern(evaluation, arguments, &reader);
  if (status == STATUS_OK)
    status = timestamp_from_civil(&reader.civil, &local, evaluation->error);
  if (status != STATUS_OK)
    return status;
  struct zone zone = moment_zone(evaluation);
  if (reader.has_zone)
    zone = zone_fixed(reader.zone_sign * (reader.zone_hours * 3600 + reader.zone_minutes * 60));
  status = moment_to_utc(evaluation, zone, local, &utc);
  *result = value_integer(utc);
  return status;
}

const struct function time_format_functions[] = {
    PURE("to_char", timestamp_to_char, TEXT, 2, TIMESTAMP, TEXT),
    STABLE("to_char", timestamptz_to_char, TEXT, 2, TIMESTAMPTZ, TEXT),
    PURE("to_char", interval_to_char, TEXT, 2, INTERVAL, TEXT),
    PURE("to_date", to_date, DATE, 2, TEXT, TEXT),
    STABLE("to_timestamp", to_timestamp, TIMESTAMPTZ, 2, TEXT, TEXT),
    {0},
};
