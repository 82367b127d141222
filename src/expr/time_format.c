// Times by patterns: to_char, to_date and to_timestamp.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/utf8.h"
#include "expr/moment.h"
#include "expr/tables.h"
#include "expr/time_pattern.h"

// ---- the marks of patterns ----

const char *const time_month_names[12] = {"January", "February", "March",     "April",   "May",      "June",
                                          "July",    "August",   "September", "October", "November", "December"};
const char *const time_day_names[7] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
const char *const time_roman_months[12] = {"I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"};

static const struct {
  const char *text; // longer ones first where one begins another
  enum time_mark mark;
  bool has_cases;   // Month, month and MONTH differ
} time_marks[] = {
    {"YYYY", TIME_YYYY, 0}, {"Y,YYY", TIME_Y_COMMA, 0}, {"YYY", TIME_YYY, 0}, {"YY", TIME_YY, 0}, {"Y", TIME_Y, 0},
    {"IYYY", TIME_IYYY, 0}, {"IYY", TIME_IYY, 0},   {"IY", TIME_IY, 0},   {"IDDD", TIME_IDDD, 0}, {"IW", TIME_IW, 0},
    {"ID", TIME_ID, 0},     {"I", TIME_I, 0},
    {"MONTH", TIME_MONTH, 1}, {"MON", TIME_MON, 1}, {"MM", TIME_MM, 0},   {"MI", TIME_MI, 0},   {"MS", TIME_MS, 0},
    {"DAY", TIME_DAY, 1},   {"DY", TIME_DY, 1},     {"DDD", TIME_DDD, 0}, {"DD", TIME_DD, 0},   {"D", TIME_D, 0},
    {"HH24", TIME_HH24, 0}, {"HH12", TIME_HH12, 0}, {"HH", TIME_HH12, 0},
    {"SSSSS", TIME_SSSS, 0}, {"SSSS", TIME_SSSS, 0},
    {"SS", TIME_SS, 0},     {"US", TIME_US, 0},     {"FF1", TIME_FF, 0},  {"FF2", TIME_FF, 0},  {"FF3", TIME_FF, 0},
    {"FF4", TIME_FF, 0},    {"FF5", TIME_FF, 0},    {"FF6", TIME_FF, 0},  {"FX", TIME_FX, 0},   {"AM", TIME_AM, 1},
    {"PM", TIME_AM, 1},     {"A.M.", TIME_A_M, 0},  {"P.M.", TIME_A_M, 0}, {"BC", TIME_BC, 1},  {"AD", TIME_BC, 1},
    {"B.C.", TIME_B_C, 0},  {"A.D.", TIME_B_C, 0},  {"WW", TIME_WW, 0},
    {"W", TIME_W, 0},       {"Q", TIME_Q, 0},       {"CC", TIME_CC, 0},   {"J", TIME_J, 0},     {"TZH", TIME_TZH, 0},
    {"TZM", TIME_TZM, 0},   {"TZ", TIME_TZ, 1},     {"OF", TIME_OF, 0},   {"RM", TIME_RM, 1},
};

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

const char *time_mark_at(struct bytes pattern, enum time_mark *mark)
{
  for (size_t i = 0; pattern.size && i < sizeof time_marks / sizeof *time_marks; i++)
    if (matches_mark(pattern, time_marks[i].text, time_marks[i].has_cases)) {
      *mark = time_marks[i].mark;
      return time_marks[i].text;
    }
  return NULL;
}

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
  case TIME_MONTH: write_name(w, time_month_names[month], pattern, 9, 9); return true;
  case TIME_MON: write_name(w, time_month_names[month], pattern, 3, 3); return true;
  case TIME_DAY: write_name(w, time_day_names[field(w, FIELD_DOW)], pattern, 9, 9); return true;
  case TIME_DY: write_name(w, time_day_names[field(w, FIELD_DOW)], pattern, 3, 3); return true;
  case TIME_RM: write_name(w, time_roman_months[month], pattern, 4, 4); return true;
  case TIME_AM: write_name(w, c->hour % 24 < 12 ? "am" : "pm", pattern, 2, 2); return true;
  case TIME_A_M:
    buffer_append_string(w->out, isupper(pattern[0]) ? (c->hour < 12 ? "A.M." : "P.M.")
                                                     : (c->hour < 12 ? "a.m." : "p.m."));
    return true;
  case TIME_BC: write_name(w, c->year <= 0 ? "bc" : "ad", pattern, 2, 2); return true;
  case TIME_B_C:
    buffer_append_string(w->out, isupper(pattern[0]) ? (c->year <= 0 ? "B.C." : "A.D.")
                                                     : (c->year <= 0 ? "b.c." : "a.d."));
    return true;
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
  case TIME_IYY: return write_padded(w, llabs(field(w, FIELD_ISOYEAR)) % 1000, 3);
  case TIME_IY: return write_padded(w, llabs(field(w, FIELD_ISOYEAR)) % 100, 2);
  case TIME_I: return write_padded(w, llabs(field(w, FIELD_ISOYEAR)) % 10, 1);
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
  case TIME_CC: return write_padded(w, w->is_interval ? c->year / 100 : field(w, FIELD_CENTURY), 2);
  case TIME_J: return write_padded(w, field(w, FIELD_JULIAN), 0);
  default: return 0;
  }
}

// One mark of the pattern, with its suffix; its size, 0 where none stands there.
static size_t write_time_mark(struct time_writer *w, struct bytes rest)
{
  enum time_mark mark;
  const char *text = time_mark_at(rest, &mark);
  size_t size = text ? strlen(text) : 0;
  if (!text || mark == TIME_FX || write_words(w, mark, rest.data))
    return size;
  int64_t number = write_time_number(w, mark);
  if (rest.size >= size + 2 && (memcmp(rest.data + size, "TH", 2) == 0 || memcmp(rest.data + size, "th", 2) == 0)) {
    buffer_append_string(w->out, ordinal_suffix(number, rest.data[size] == 'T'));
    size += 2;
  }
  return size;
}

static bool has_calendar_mark(struct bytes rest)
{
  enum time_mark mark;
  return time_mark_at(rest, &mark) &&
         (mark == TIME_DAY || mark == TIME_DY || mark == TIME_D || mark == TIME_ID || mark == TIME_BC ||
          mark == TIME_B_C || mark == TIME_TZ || mark == TIME_TZH || mark == TIME_TZM || mark == TIME_OF ||
          mark == TIME_IDDD || mark == TIME_IYYY || mark == TIME_IYY || mark == TIME_IY || mark == TIME_I ||
          mark == TIME_IW);
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

// ---- to_date, to_timestamp ----

static int to_date(CALL)
{
  struct time_reading reading;
  int status = time_read(evaluation, bytes_of_value(&arguments[0]), bytes_of_value(&arguments[1]), false, &reading);
  int64_t days = days_from_civil(reading.civil.year, reading.civil.month, reading.civil.day);
  *result = value_integer(days);
  if (status == STATUS_OK && (days < DATE_LOW || days >= DATE_END))
    return error_set(evaluation->error, SQLSTATE_DATETIME_FIELD_OVERFLOW, "date out of range: \"%.*s\"",
                     (int)arguments[0].size, (const char *)arguments[0].data);
  return status;
}

static int to_timestamp(CALL)
{
  struct time_reading reading;
  int64_t local, utc = 0;
  int status = time_read(evaluation, bytes_of_value(&arguments[0]), bytes_of_value(&arguments[1]), false, &reading);
  if (status == STATUS_OK)
    status = timestamp_from_civil(&reading.civil, &local, evaluation->error);
  if (status != STATUS_OK)
    return status;
  local = time_round(local, reading.digits);
  status = moment_to_utc(evaluation, reading.has_zone ? zone_fixed(reading.zone) : moment_zone(evaluation), local, &utc);
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
