// Text made from values by a pattern: format, to_char of numbers; and quoting for SQL.
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/keyword.h"
#include "data/numeric.h"
#include "data/utf8.h"
#include "expr/tables.h"

// ---- quoting ----

static void append_quoted(struct buffer *out, struct bytes text, char quote)
{
  buffer_append_u8(out, (uint8_t)quote);
  for (size_t i = 0; i < text.size; i++) {
    if (text.data[i] == quote || (quote == '\'' && text.data[i] == '\\'))
      buffer_append_u8(out, text.data[i]);
    buffer_append_u8(out, text.data[i]);
  }
  buffer_append_u8(out, (uint8_t)quote);
}

static void append_identifier(struct buffer *out, struct bytes name)
{
  if (name_is_plain(name))
    buffer_append_bytes(out, name);
  else
    append_quoted(out, name, '"');
}

static void append_literal(struct buffer *out, struct bytes text)
{
  if (text.size && memchr(text.data, '\\', text.size))
    buffer_append_u8(out, 'E');
  append_quoted(out, text, '\'');
}

static int quote_ident(CALL)
{
  struct buffer out = buffer_for(evaluation);
  append_identifier(&out, bytes_of_value(&arguments[0]));
  return result_from_buffer(evaluation, &out, result);
}

static int quote_literal(CALL)
{
  struct buffer out = buffer_for(evaluation);
  append_literal(&out, bytes_of_value(&arguments[0]));
  return result_from_buffer(evaluation, &out, result);
}

static int quote_nullable(CALL)
{
  if (!arguments[0].is_null)
    return quote_literal(evaluation, arguments, argument_count, result);
  *result = value_string("NULL");
  return STATUS_OK;
}

// ---- format ----

enum { LIMIT_WIDTH = 1024 * 1024 };

struct specifier {
  int64_t argument; // from 1; 0: the next
  int64_t width;
  bool to_left;
  bool width_from_argument;
  int64_t width_argument; // 0: the next
  uint8_t kind;
};

static bool read_number(struct bytes text, size_t *at, int64_t *number)
{
  bool any = false;
  for (*number = 0; *at < text.size && isdigit(text.data[*at]); ++*at, any = true)
    *number = *number > INT32_MAX ? *number : *number * 10 + (text.data[*at] - '0');
  return any;
}

static int unterminated(struct evaluation *evaluation)
{
  int status = error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "unterminated format() type specifier");
  error_hint(evaluation->error, "For a single \"%%\" use \"%%%%\".");
  return status;
}

// *at stands behind the '%' and is moved behind the specifier.
static int read_specifier(struct evaluation *evaluation, struct bytes text, size_t *at, struct specifier *s)
{
  int64_t number;
  *s = (struct specifier){0};
  if (read_number(text, at, &number)) {
    if (*at < text.size && text.data[*at] == '$') {
      ++*at;
      s->argument = number;
      if (number == 0)
        return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE,
                         "format specifies argument 0, but arguments are numbered from 1");
    } else {
      s->width = number;
    }
  }
  for (; *at < text.size && text.data[*at] == '-'; ++*at)
    s->to_left = true;
  if (*at < text.size && text.data[*at] == '*') {
    ++*at;
    s->width_from_argument = true;
    if (read_number(text, at, &s->width_argument)) {
      if (*at == text.size || text.data[(*at)++] != '$')
        return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE,
                         "width argument position must be ended by \"$\"");
    }
  } else if (read_number(text, at, &number)) {
    s->width = number;
  }
  if (*at == text.size)
    return unterminated(evaluation);
  s->kind = text.data[(*at)++];
  if (s->kind == 's' || s->kind == 'I' || s->kind == 'L')
    return STATUS_OK;
  int status = error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE,
                         "unrecognized format() type specifier \"%.*s\"", utf8_width(s->kind),
                         (const char *)&text.data[*at - 1]);
  error_hint(evaluation->error, "For a single \"%%\" use \"%%%%\".");
  return status;
}

static int append_value(struct evaluation *evaluation, const struct specifier *s, const struct value *value,
                        struct buffer *out)
{
  size_t start = out->size;
  if (value->is_null && s->kind == 'I')
    return error_set(evaluation->error, "22004", "null values cannot be formatted as an SQL identifier");
  if (value->is_null)
    buffer_append_string(out, s->kind == 'L' ? "NULL" : "");
  else if (s->kind == 's')
    buffer_append_bytes(out, bytes_of_value(value));
  else if (s->kind == 'I')
    append_identifier(out, bytes_of_value(value));
  else
    append_literal(out, bytes_of_value(value));
  if (out->failed)
    return error_memory(evaluation->error);
  size_t length = utf8_length(bytes_of(out->data + start, out->size - start));
  if (s->width <= (int64_t)length)
    return STATUS_OK;
  if (s->width > LIMIT_WIDTH)
    return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "number is out of range");
  size_t padding = (size_t)s->width - length, size = out->size - start;
  uint8_t *at = buffer_extend(out, padding);
  if (!at)
    return error_memory(evaluation->error);
  if (s->to_left) {
    memset(at, ' ', padding);
  } else {
    memmove(out->data + start + padding, out->data + start, size);
    memset(out->data + start, ' ', padding);
  }
  return STATUS_OK;
}

static int read_width(struct evaluation *evaluation, const struct value *value, struct specifier *s)
{
  struct value width = value_integer(0);
  if (!value->is_null) {
    int status = value_from_text(type_plain(TYPE_INT4), bytes_of_value(value), &format_settings_default,
                                 evaluation->arena, &width, evaluation->error);
    if (status != STATUS_OK)
      return status;
  }
  s->width = width.integer < 0 ? -width.integer : width.integer;
  s->to_left = s->to_left || width.integer < 0;
  return STATUS_OK;
}

static int format_specifiers(struct evaluation *evaluation, const struct value *arguments, int argument_count,
                             struct buffer *out)
{
  struct bytes text = bytes_of_value(&arguments[0]);
  int64_t next = 1;
  for (size_t i = 0; i < text.size;) {
    uint8_t c = text.data[i++];
    if (c != '%') {
      buffer_append_u8(out, c);
      continue;
    }
    if (i == text.size)
      return unterminated(evaluation);
    if (text.data[i] == '%') {
      buffer_append_u8(out, text.data[i++]);
      continue;
    }
    struct specifier s;
    int status = read_specifier(evaluation, text, &i, &s);
    if (status != STATUS_OK)
      return status;
    if (s.width_from_argument) {
      int64_t place = s.width_argument ? s.width_argument : next++;
      if (place >= argument_count)
        return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "too few arguments for format()");
      if ((status = read_width(evaluation, &arguments[place], &s)) != STATUS_OK)
        return status;
    }
    int64_t place = s.argument ? s.argument : next;
    if (place >= argument_count)
      return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "too few arguments for format()");
    next = place + 1;
    if ((status = append_value(evaluation, &s, &arguments[place], out)) != STATUS_OK)
      return status;
  }
  return STATUS_OK;
}

static int format(CALL)
{
  struct buffer out = buffer_for(evaluation);
  *result = value_null();
  if (arguments[0].is_null)
    return STATUS_OK;
  int status = format_specifiers(evaluation, arguments, argument_count, &out);
  if (status == STATUS_OK)
    return result_from_buffer(evaluation, &out, result);
  buffer_deinit(&out);
  return status;
}

// ---- to_char for numbers ----

enum number_mark { MARK_NINE, MARK_ZERO, MARK_POINT, MARK_COMMA, MARK_MI, MARK_PL, MARK_SG, MARK_S, MARK_PR, MARK_FM,
                   MARK_TH, MARK_CURRENCY, MARK_BLANK, MARK_V, MARK_ROMAN, MARK_EXPONENT, MARK_COUNT };

static const struct {
  const char *text;
  enum number_mark mark;
} number_marks[] = {
    {"9", MARK_NINE}, {"0", MARK_ZERO}, {".", MARK_POINT}, {"D", MARK_POINT}, {",", MARK_COMMA}, {"G", MARK_COMMA},
    {"SP", MARK_BLANK}, {"C", MARK_BLANK},
    {"MI", MARK_MI},  {"PL", MARK_PL},  {"SG", MARK_SG},   {"S", MARK_S},     {"PR", MARK_PR},   {"FM", MARK_FM},
    {"TH", MARK_TH},  {"L", MARK_CURRENCY}, {"EEEE", MARK_EXPONENT}, {"RN", MARK_ROMAN}, {"V", MARK_V},
    {"B", MARK_BLANK},
};

struct number_pattern {
  int before, after;     // digit places
  int zero_first;        // the first place before the point that shows zeros; `before` where there is none
  int zero_last;         // how many places behind the point are kept under FM
  int lost;              // places at the end that a float has no digits for: the text ends before them
  int shift;             // digit places behind V: the number is multiplied by ten for each
  bool has_point, fill, minus, plus, brackets, sign_first, sign_last, has_v, has_blank, is_roman, has_exponent;
};

// The mark at the place, and its size; MARK_COUNT: a character that stands for itself.
static enum number_mark number_mark(struct bytes pattern, size_t at, size_t *size)
{
  for (size_t i = 0; i < sizeof number_marks / sizeof *number_marks; i++) {
    size_t length = strlen(number_marks[i].text);
    if (pattern.size - at >= length &&
        strncasecmp((const char *)pattern.data + at, number_marks[i].text, length) == 0) {
      *size = length;
      return number_marks[i].mark;
    }
  }
  *size = (size_t)utf8_width(pattern.data[at]);
  return MARK_COUNT;
}

size_t quoted_end(struct bytes pattern, size_t at)
{
  if (pattern.data[at] != '"')
    return at;
  size_t end = at + 1;
  while (end < pattern.size && pattern.data[end] != '"')
    end += pattern.data[end] == '\\' && end + 1 < pattern.size ? 2 : 1;
  return end < pattern.size ? end : pattern.size;
}

// What stands before the mark may not go with it.
static int check_mark(struct evaluation *evaluation, enum number_mark mark, const struct number_pattern *p)
{
  bool has_s = p->sign_first || p->sign_last;
  const char *problem = NULL;
  if (p->has_exponent && mark != MARK_COUNT)
    return error_set(evaluation->error, SQLSTATE_SYNTAX_ERROR, "%s",
                     mark == MARK_EXPONENT ? "cannot use \"EEEE\" twice" : "\"EEEE\" must be the last pattern used");
  switch (mark) {
  case MARK_NINE: problem = p->brackets ? "\"9\" must be ahead of \"PR\"" : NULL; break;
  case MARK_ZERO: problem = p->brackets ? "\"0\" must be ahead of \"PR\"" : NULL; break;
  case MARK_POINT:
    problem = p->has_point ? "multiple decimal points"
              : p->has_v   ? "cannot use \"V\" and decimal point together"
                           : NULL;
    break;
  case MARK_V: problem = p->has_point ? "cannot use \"V\" and decimal point together" : NULL; break;
  case MARK_EXPONENT:
    if (p->has_blank || p->fill || has_s || p->brackets || p->minus || p->plus || p->is_roman || p->has_v) {
      int status = error_set(evaluation->error, SQLSTATE_SYNTAX_ERROR, "\"EEEE\" is incompatible with other formats");
      error_detail(evaluation->error, "\"EEEE\" may only be used together with digit and decimal point patterns.");
      return status;
    }
    break;
  case MARK_S:
    problem = has_s ? "cannot use \"S\" twice"
              : p->plus || p->minus || p->brackets ? "cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together"
                                                   : NULL;
    break;
  case MARK_MI: problem = has_s ? "cannot use \"S\" and \"MI\" together" : NULL; break;
  case MARK_PL: problem = has_s ? "cannot use \"S\" and \"PL\" together" : NULL; break;
  case MARK_SG: problem = has_s ? "cannot use \"S\" and \"SG\" together" : NULL; break;
  case MARK_PR:
    problem = has_s || p->plus || p->minus ? "cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together" : NULL;
    break;
  default: break;
  }
  return problem ? error_set(evaluation->error, SQLSTATE_SYNTAX_ERROR, "%s", problem) : STATUS_OK;
}

static int read_number_pattern(struct evaluation *evaluation, struct bytes text, struct number_pattern *p)
{
  bool zero = false;
  int status;
  *p = (struct number_pattern){0};
  for (size_t i = 0, size; i < text.size; i += size) {
    if (text.data[i] == '"') {
      size = quoted_end(text, i) + 1 - i;
      continue;
    }
    enum number_mark mark = number_mark(text, i, &size);
    if ((status = check_mark(evaluation, mark, p)))
      return status;
    switch (mark) {
    case MARK_ZERO:
      if (p->has_point)
        p->zero_last = p->after + 1;
      else if (!zero)
        p->zero_first = p->before;
      zero = zero || !p->has_point;
      *(p->has_point ? &p->after : &p->before) += 1;
      break;
    case MARK_NINE: *(p->has_v ? &p->shift : p->has_point ? &p->after : &p->before) += 1; break;
    case MARK_V: p->has_v = true; break;
    case MARK_ROMAN: p->is_roman = true; break;
    case MARK_EXPONENT: p->has_exponent = true; break;
    case MARK_BLANK: p->has_blank |= text.data[i] == 'B' || text.data[i] == 'b'; break;
    case MARK_POINT: p->has_point = true; break;
    case MARK_FM: p->fill = true; break;
    case MARK_MI: p->minus = true; break;
    case MARK_PL: p->plus = true; break;
    case MARK_SG: p->minus = p->plus = true; break;
    case MARK_PR: p->brackets = true; break;
    case MARK_S: *(p->before + p->after ? &p->sign_last : &p->sign_first) = true; break;
    default: break;
    }
  }
  if (!zero)
    p->zero_first = p->before + p->shift;
  return STATUS_OK;
}

struct digits {
  const char *whole; // no leading zeros; empty for a number below 1
  int whole_count;
  const char *fraction; // as many as the pattern has places
  bool is_negative;
  bool overflows;
  bool is_word; // NaN, Infinity: it stands where the digits would
};

const char *ordinal_suffix(int64_t number, bool upper)
{
  static const char *const suffixes[2][4] = {{"th", "st", "nd", "rd"}, {"TH", "ST", "ND", "RD"}};
  int64_t last = number % 10;
  return suffixes[upper][last > 3 || number % 100 / 10 == 1 ? 0 : last];
}

struct number_writer {
  const struct number_pattern *p;
  const struct digits *d;
  struct buffer *out;
  int place;       // of the next digit before the point
  int fraction;    // of the next digit behind it
  bool sign_done, digit_done, is_behind;
  int shown;       // digits behind the point that FM leaves
};

static void write_sign(struct number_writer *w)
{
  if (w->sign_done)
    return;
  w->sign_done = true;
  bool negative = w->d->is_negative;
  if (w->p->sign_first)
    buffer_append_u8(w->out, negative ? '-' : '+');
  else if (w->p->minus || w->p->sign_last)
    return;
  else if (w->p->plus)
    buffer_append_string(w->out, negative ? "-" : w->p->fill ? "" : " ");
  else if (w->p->brackets)
    buffer_append_string(w->out, negative ? "<" : w->p->fill ? "" : " ");
  else if (negative)
    buffer_append_u8(w->out, '-');
  else if (!w->p->fill)
    buffer_append_u8(w->out, ' ');
}

static void write_whole_digit(struct number_writer *w)
{
  int place = w->place++, first = w->p->before - w->d->whole_count;
  // Zero has its digit where nothing comes behind the point.
  bool lone_zero = w->d->whole_count == 0 && place == w->p->before - 1 && w->p->after == 0;
  w->digit_done = false;
  if (w->d->overflows) {
    write_sign(w);
    buffer_append_u8(w->out, '#');
    w->digit_done = true;
  } else if (place >= first && w->d->whole_count) {
    write_sign(w);
    buffer_append_u8(w->out, (uint8_t)w->d->whole[place - first]);
    w->digit_done = true;
  } else if (place >= w->p->zero_first || lone_zero || (w->p->fill && place == w->p->before - 1 && w->shown == 0)) {
    write_sign(w);
    buffer_append_u8(w->out, '0');
    w->digit_done = true;
  } else if (!w->p->fill) {
    buffer_append_u8(w->out, ' ');
  }
}

static void write_fraction_digit(struct number_writer *w)
{
  int place = w->fraction++;
  write_sign(w);
  if (place < w->shown)
    buffer_append_u8(w->out, w->d->overflows ? '#' : (uint8_t)w->d->fraction[place]);
}

static void write_mark(struct number_writer *w, enum number_mark mark, struct bytes text)
{
  bool negative = w->d->is_negative;
  switch (mark) {
  case MARK_NINE:
  case MARK_ZERO:
    if (w->is_behind)
      write_fraction_digit(w);
    else
      write_whole_digit(w);
    break;
  case MARK_POINT:
    write_sign(w);
    buffer_append_u8(w->out, '.');
    w->is_behind = true;
    break;
  case MARK_COMMA:
    if (w->digit_done)
      buffer_append_u8(w->out, ',');
    else if (!w->p->fill)
      buffer_append_u8(w->out, ' ');
    break;
  case MARK_MI: buffer_append_string(w->out, negative ? "-" : w->p->fill ? "" : " "); break;
  case MARK_PL: buffer_append_string(w->out, !negative ? "+" : w->p->fill ? "" : " "); break;
  case MARK_SG: buffer_append_u8(w->out, negative ? '-' : '+'); break;
  case MARK_S:
    if (w->p->sign_last)
      buffer_append_u8(w->out, negative ? '-' : '+');
    break;
  case MARK_PR: buffer_append_string(w->out, negative ? ">" : w->p->fill ? "" : " "); break;
  case MARK_CURRENCY: buffer_append_u8(w->out, ' '); break;
  case MARK_TH:
    if (!negative && !w->d->overflows && !w->d->is_word && !w->p->has_point) {
      int64_t last = 0;
      for (int i = w->d->whole_count < 2 ? 0 : w->d->whole_count - 2; i < w->d->whole_count; i++)
        last = last * 10 + (w->d->whole[i] - '0');
      buffer_append_string(w->out, ordinal_suffix(last, text.data[0] == 'T'));
    }
    break;
  case MARK_FM:
  case MARK_V:
  case MARK_ROMAN:
  case MARK_EXPONENT:
  case MARK_BLANK: break;
  default: buffer_append_bytes(w->out, text);
  }
}

// The text ends before this mark: before a point that no digits follow, and where a float has none left, but for the
// sign that stands at the number's end.
static bool ends_before(struct number_writer *w, enum number_mark mark)
{
  int digits = w->p->after - w->p->lost;
  bool is_digit = mark == MARK_NINE || mark == MARK_ZERO;
  if (mark == MARK_POINT && w->p->after == 0 && w->p->before > 0 && !w->d->overflows)
    return true;
  bool ends = mark == MARK_POINT ? digits == 0 && !w->d->overflows : is_digit && w->is_behind && w->fraction == digits;
  if (!w->p->lost || !ends)
    return false;
  if (w->p->brackets)
    buffer_append_string(w->out, w->d->is_negative ? ">" : w->p->fill ? "" : " ");
  else if (w->p->sign_last)
    buffer_append_u8(w->out, w->d->is_negative ? '-' : '+');
  return true;
}

static void write_number(struct bytes text, const struct number_pattern *p, const struct digits *d, struct buffer *out)
{
  struct number_writer w = {.p = p, .d = d, .out = out, .shown = p->after - p->lost};
  while (p->fill && !d->overflows && w.shown > p->zero_last && d->fraction[w.shown - 1] == '0')
    w.shown--;
  for (size_t i = 0, size; i < text.size; i += size) {
    size_t end = quoted_end(text, i);
    if (text.data[i] == '"') {
      buffer_append(out, text.data + i + 1, (end > i ? end - i - 1 : 0));
      size = end + 1 - i;
      continue;
    }
    enum number_mark mark = number_mark(text, i, &size);
    if (ends_before(&w, mark))
      break;
    write_mark(&w, mark, bytes_of(text.data + i, size));
  }
}

// number: "-123.4500" with as many places behind the point as the pattern has.
static int number_to_char(struct evaluation *evaluation, struct bytes pattern, const struct number_pattern *p,
                          const char *number, struct value *result)
{
  struct digits d = {.is_negative = *number == '-', .is_word = !isdigit((uint8_t)number[strlen(number) - 1])};
  d.whole = number + (*number == '-');
  while (*d.whole == '0')
    d.whole++;
  d.whole_count = (int)strspn(d.whole, "0123456789");
  d.fraction = d.whole + d.whole_count + (d.whole[d.whole_count] == '.');
  if (d.is_word) {
    d.whole = tolower((uint8_t)*d.whole) == 'n' ? "NaN" : "Infinity";
    d.whole_count = (int)strlen(d.whole);
  }
  d.overflows = d.whole_count > p->before;
  struct number_pattern shown = *p;
  if (d.is_word && !d.overflows)
    shown.lost = shown.after; // a word has no places behind the point
  struct buffer out = buffer_for(evaluation);
  write_number(pattern, &shown, &d, &out);
  return result_from_buffer(evaluation, &out, result);
}

// ---- RN and EEEE ----

enum { ROMAN_WIDTH = 15 };

// Fifteen '#' where the number is none of the Romans'.
static void roman_numeral(int64_t number, char *text)
{
  static const struct {
    int value;
    const char *letters;
  } parts[] = {{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"},
               {40, "XL"},  {10, "X"},   {9, "IX"},  {5, "V"},    {4, "IV"},  {1, "I"}};
  if (number < 1 || number > 3999) {
    memset(text, '#', ROMAN_WIDTH);
    text[ROMAN_WIDTH] = 0;
    return;
  }
  *text = 0;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    for (; number >= parts[i].value; number -= parts[i].value)
      strcat(text, parts[i].letters);
}

// Of the pattern there count RN, FM and what stands for itself.
static int roman_to_char(struct evaluation *evaluation, struct bytes pattern, const struct number_pattern *p,
                         int64_t number, struct value *result)
{
  char roman[ROMAN_WIDTH + 1];
  struct buffer out = buffer_for(evaluation);
  roman_numeral(number, roman);
  for (size_t i = 0, size; i < pattern.size; i += size) {
    size_t end = quoted_end(pattern, i);
    if (pattern.data[i] == '"') {
      buffer_append(&out, pattern.data + i + 1, (end > i ? end - i - 1 : 0));
      size = end + 1 - i;
      continue;
    }
    enum number_mark mark = number_mark(pattern, i, &size);
    if (mark == MARK_ROMAN) {
      bool is_lower = pattern.data[i] == 'r';
      buffer_format(&out, p->fill ? "%s" : "%15s", roman);
      for (size_t k = out.size - (is_lower && !out.failed ? strlen(roman) : 0); is_lower && k < out.size; k++)
        out.data[k] = (uint8_t)tolower(out.data[k]);
    } else if (mark == MARK_COUNT) {
      buffer_append(&out, pattern.data + i, size);
    } else if (mark == MARK_CURRENCY || (mark == MARK_COMMA && !p->fill)) {
      buffer_append_u8(&out, ' ');
    }
  }
  return result_from_buffer(evaluation, &out, result);
}

// The exponent is that of the number's first digit, also where rounding makes a ten of what stands before the point.
static int numeric_exponent(struct evaluation *evaluation, const struct value *number, int after, struct value *result)
{
  struct buffer digits = buffer_for(evaluation), text = buffer_for(evaluation);
  int exponent = 1;
  bool is_zero = numeric_sign(number) == 0;
  struct value significand = *number;
  if (!is_zero)
    numeric_digits(number, &exponent, &digits);
  int status = digits.failed ? error_memory(evaluation->error) : STATUS_OK;
  if (!status && !is_zero)
    status = numeric_from_digits(numeric_sign(number) < 0, 1, buffer_bytes(&digits), evaluation->arena, &significand,
                                 evaluation->error);
  if (!status)
    status = numeric_round(&significand, after, evaluation->arena, &significand, evaluation->error);
  if (!status) {
    if (numeric_sign(number) >= 0)
      buffer_append_u8(&text, ' ');
    numeric_to_text(&significand, &text);
    buffer_format(&text, "e%c%02d", exponent < 1 ? '-' : '+', exponent < 1 ? 1 - exponent : exponent - 1);
  }
  buffer_deinit(&digits);
  if (!status)
    return result_from_buffer(evaluation, &text, result);
  buffer_deinit(&text);
  return status;
}

// What stands for NaN and the infinities.
static int no_exponent(struct evaluation *evaluation, const struct number_pattern *p, struct value *result)
{
  size_t size = (size_t)(p->before + p->after) + 6;
  uint8_t *text = result_bytes(evaluation, size, result);
  if (!text)
    return error_memory(evaluation->error);
  memset(text, '#', size);
  text[0] = ' ';
  text[p->before + 1] = '.';
  return STATUS_OK;
}

// The number times ten for each place behind V (divided: is_back).
static int shift_number(struct evaluation *evaluation, const struct number_pattern *p, bool is_back,
                        struct value *number)
{
  struct value ten, places;
  if (!p->has_v)
    return STATUS_OK;
  int status = numeric_from_int64(10, evaluation->arena, &ten, evaluation->error);
  if (!status)
    status = numeric_from_int64(is_back ? -p->shift : p->shift, evaluation->arena, &places, evaluation->error);
  if (!status)
    status = numeric_power(&ten, &places, evaluation->arena, &ten, evaluation->error);
  return status ? status : numeric_multiply(number, &ten, evaluation->arena, number, evaluation->error);
}

static int numeric_to_char(CALL)
{
  struct bytes pattern = bytes_of_value(&arguments[1]);
  struct number_pattern p;
  struct value rounded = arguments[0];
  int status = read_number_pattern(evaluation, pattern, &p);
  bool is_finite = isfinite(numeric_to_float8(&arguments[0]));
  if (!status && p.is_roman) {
    int64_t number = 0;
    status = numeric_to_int64(&rounded, INT32_MIN, INT32_MAX, "integer", &number, evaluation->error);
    return status ? status : roman_to_char(evaluation, pattern, &p, number, result);
  }
  if (!status && p.has_exponent)
    return is_finite ? numeric_exponent(evaluation, &rounded, p.after, result) : no_exponent(evaluation, &p, result);
  if (!status && is_finite)
    status = shift_number(evaluation, &p, false, &rounded);
  p.before += p.shift;
  if (!status)
    status = numeric_round(&rounded, p.after, evaluation->arena, &rounded, evaluation->error);
  if (status != STATUS_OK)
    return status;
  struct buffer text = buffer_for(evaluation);
  value_to_text(TYPE_NUMERIC, &rounded, &format_settings_default, &text);
  buffer_append_u8(&text, 0);
  status = text.failed ? error_memory(evaluation->error)
                       : number_to_char(evaluation, pattern, &p, (const char *)text.data, result);
  buffer_deinit(&text);
  return status;
}

static int integer_to_char(CALL)
{
  struct value both[2] = {value_null(), arguments[1]};
  int status = numeric_from_int64(arguments[0].integer, evaluation->arena, &both[0], evaluation->error);
  return status == STATUS_OK ? numeric_to_char(evaluation, both, 2, result) : status;
}

static int float_exponent(struct evaluation *evaluation, const struct number_pattern *p, double v, struct value *result)
{
  if (!isfinite(v))
    return no_exponent(evaluation, p, result);
  char *text = arena_format(evaluation->arena, "%+.*e", p->after, v);
  if (!text)
    return error_memory(evaluation->error);
  *text = *text == '+' ? ' ' : *text;
  *result = value_string(text);
  return STATUS_OK;
}

// digits: as many as the type has.
static int float_to_char(struct evaluation *evaluation, const struct value *arguments, int digits, struct value *result)
{
  struct bytes pattern = bytes_of_value(&arguments[1]);
  struct number_pattern p;
  int status = read_number_pattern(evaluation, pattern, &p);
  if (status != STATUS_OK)
    return status;
  if (p.after > 400)
    return error_set(evaluation->error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "to_char pattern is too long");
  double v = arguments[0].float8;
  if (p.is_roman && !(rint(v) >= INT32_MIN && rint(v) <= INT32_MAX))
    return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range");
  if (p.is_roman)
    return roman_to_char(evaluation, pattern, &p, (int64_t)rint(v), result);
  if (p.has_exponent)
    return float_exponent(evaluation, &p, v, result);
  v *= p.has_v ? pow(10, p.shift) : 1;
  p.before += p.shift;
  int whole = isinf(v) ? (int)strlen("Infinity") : snprintf(NULL, 0, "%.0f", fabs(v));
  int exact = whole >= digits ? 0 : whole + p.after > digits ? digits - whole : p.after;
  p.lost = isnan(v) ? 0 : p.after - exact;
  char *text = arena_format(evaluation->arena, "%.*f", exact, v);
  return text ? number_to_char(evaluation, pattern, &p, text, result) : error_memory(evaluation->error);
}

static int float8_to_char(CALL) { return float_to_char(evaluation, arguments, 15, result); }
static int float4_to_char(CALL) { return float_to_char(evaluation, arguments, 6, result); }

// ---- to_number ----

struct number_reader {
  const struct number_pattern *p;
  struct bytes text;
  size_t at;
  char sign;
  bool has_point;
  int before, after;    // digits read
  struct buffer digits;
};

static bool reads(const struct number_reader *r) { return r->at < r->text.size; }

// Steps over what is no part of a number, at most so many characters.
static void skip_others(struct number_reader *r, int count)
{
  while (count-- > 0 && reads(r) && !(r->text.data[r->at] && strchr("0123456789.,+-", r->text.data[r->at])))
    r->at += (size_t)utf8_width(r->text.data[r->at]);
}

// A sign before the digits. True: it was there.
static bool read_sign(struct number_reader *r)
{
  uint8_t c = r->text.data[r->at];
  bool is_minus = c == '-' || (c == '<' && r->p->brackets && !r->p->sign_first);
  if (!is_minus && c != '+')
    return false;
  r->sign = is_minus ? '-' : '+';
  r->at++;
  return true;
}

// A digit's place, or the point's: leaves r->at on what it has read.
static void read_place(struct number_reader *r, bool is_digit)
{
  bool is_read = false;
  if (reads(r) && r->text.data[r->at] == ' ')
    r->at++;
  if (reads(r) && !r->sign && is_digit && r->before + r->after == 0)
    read_sign(r);
  if (!reads(r))
    return;
  uint8_t c = r->text.data[r->at];
  if (isdigit(c)) {
    if (r->has_point && r->after == r->p->after)
      return;
    buffer_append_u8(&r->digits, c);
    *(r->has_point ? &r->after : &r->before) += 1;
    is_read = true;
  } else if (c == '.' && r->p->has_point && !r->has_point) {
    buffer_append_u8(&r->digits, c);
    r->has_point = is_read = true;
  }
  if (r->sign || r->before + r->after == 0)
    return;
  bool has_s = r->p->sign_first || r->p->sign_last;
  uint8_t next = r->at + 1 < r->text.size ? r->text.data[r->at + 1] : 0;
  if (has_s && is_read && (next == '-' || next == '+')) {
    r->sign = (char)next;
    r->at++;
  } else if (!is_read && !has_s && !r->p->plus && !r->p->minus && (c == '-' || c == '+')) {
    r->sign = (char)c;
  }
}

// What the mark stands for; false: nothing of the text was taken.
static bool read_mark(struct number_reader *r, enum number_mark mark)
{
  uint8_t c = r->text.data[r->at];
  switch (mark) {
  case MARK_NINE:
  case MARK_ZERO: read_place(r, true); return true;
  case MARK_POINT: read_place(r, false); return true;
  case MARK_COMMA: return c == ',';
  case MARK_CURRENCY: skip_others(r, 1); return false;
  case MARK_TH: skip_others(r, 2); return false;
  case MARK_MI:
  case MARK_PL:
  case MARK_SG:
    if ((c == '-' && mark != MARK_PL) || (c == '+' && mark != MARK_MI)) {
      r->sign = (char)c;
      return true;
    }
    skip_others(r, 1);
    return false;
  case MARK_S:
  case MARK_PR:
  case MARK_FM:
  case MARK_V:
  case MARK_ROMAN:
  case MARK_EXPONENT:
  case MARK_BLANK: return false;
  default: return true;
  }
}

static void read_by_pattern(struct number_reader *r, struct bytes pattern)
{
  for (size_t i = 0, size; i < pattern.size && reads(r); i += size) {
    size_t end = quoted_end(pattern, i);
    if (pattern.data[i] == '"') {
      size = end + 1 - i;
      size_t skip = utf8_length(bytes_of(pattern.data + i + 1, end > i ? end - i - 1 : 0));
      for (; skip && reads(r); skip--)
        r->at += (size_t)utf8_width(r->text.data[r->at]);
      continue;
    }
    enum number_mark mark = number_mark(pattern, i, &size);
    if (read_mark(r, mark) && reads(r))
      r->at += (size_t)utf8_width(r->text.data[r->at]);
  }
}

static int to_number(CALL) // text, pattern
{
  struct bytes pattern = bytes_of_value(&arguments[1]);
  struct number_pattern p;
  int status = read_number_pattern(evaluation, pattern, &p);
  *result = value_null();
  if (status || !pattern.size)
    return status;
  if (p.is_roman || p.has_exponent)
    return error_set(evaluation->error, SQLSTATE_FEATURE_NOT_SUPPORTED, "\"%s\" not supported for input",
                     p.is_roman ? "RN" : "EEEE");
  struct number_reader r = {.p = &p, .text = bytes_of_value(&arguments[0]), .digits = buffer_for(evaluation)};
  buffer_append_u8(&r.digits, ' ');
  read_by_pattern(&r, pattern);
  if (!r.digits.failed && r.sign)
    r.digits.data[0] = (uint8_t)r.sign;
  int32_t modifier = (int32_t)((uint32_t)(p.before + p.shift + r.after) << 16 | (uint32_t)r.after);
  if (r.digits.failed)
    status = error_memory(evaluation->error);
  else if (r.before + r.after == 0)
    status = error_set(evaluation->error, SQLSTATE_INVALID_TEXT_REPRESENTATION,
                       "invalid input syntax for type numeric: \"%.*s\"", (int)r.digits.size,
                       (const char *)r.digits.data);
  else
    status = numeric_from_text(buffer_bytes(&r.digits), modifier, evaluation->arena, result, evaluation->error);
  buffer_deinit(&r.digits);
  return status ? status : shift_number(evaluation, &p, true, result);
}

// ---- the table ----

const struct function format_functions[] = {
    PURE("quote_ident", quote_ident, TEXT, 1, TEXT),
    PURE("quote_literal", quote_literal, TEXT, 1, TEXT),
    STABLE("quote_literal", quote_literal, TEXT, 1, ANY),
    ROW("quote_nullable", quote_nullable, TEXT, 1, FUNCTION_PURE, true, false, TEXT),
    ROW("quote_nullable", quote_nullable, TEXT, 1, FUNCTION_STABLE, true, false, ANY),
    ROW("format", format, TEXT, 1, FUNCTION_STABLE, true, false, TEXT),
    ROW("format", format, TEXT, -2, FUNCTION_STABLE, true, false, TEXT, ANY),
    PURE("to_number", to_number, NUMERIC, 2, TEXT, TEXT),
    PURE("to_char", integer_to_char, TEXT, 2, INT4, TEXT),
    PURE("to_char", integer_to_char, TEXT, 2, INT8, TEXT),
    PURE("to_char", numeric_to_char, TEXT, 2, NUMERIC, TEXT),
    PURE("to_char", float4_to_char, TEXT, 2, FLOAT4, TEXT),
    PURE("to_char", float8_to_char, TEXT, 2, FLOAT8, TEXT),
    {0},
};
