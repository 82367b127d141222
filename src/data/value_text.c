// The text forms of values, PostgreSQL's: what it reads, what it prints, and its words for what it refuses.
#include "data/value.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "data/array.h"
#include "data/binary.h"
#include "data/bits.h"
#include "data/datetime.h"
#include "data/enum.h"
#include "data/interval.h"
#include "data/jsonb.h"
#include "data/jsonpath.h"
#include "data/numeric.h"
#include "data/record.h"
#include "data/utf8.h"

static int invalid_syntax(enum type_id type, struct bytes text, struct error *error)
{
  return error_set(error, SQLSTATE_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type %s: \"%.*s\"",
                   type_info(type)->name, (int)text.size, (const char *)text.data);
}

static int out_of_range(enum type_id type, struct bytes text, struct error *error)
{
  return error_set(error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "value \"%.*s\" is out of range for type %s",
                   (int)text.size, (const char *)text.data, type_info(type)->name);
}

// ---- integers ----

static int integer_from_text(enum type_id type, struct bytes text, int64_t low, int64_t high, struct value *value,
                             struct error *error)
{
  size_t i = 0;
  while (i < text.size && isspace(text.data[i]))
    i++;
  bool is_negative = false;
  if (i < text.size && (text.data[i] == '-' || text.data[i] == '+'))
    is_negative = text.data[i++] == '-';
  if (i == text.size || !isdigit(text.data[i]))
    return invalid_syntax(type, text, error);
  int64_t v = 0; // counted downwards: the lowest number has no positive twin
  for (; i < text.size && isdigit(text.data[i]); i++)
    if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, text.data[i] - '0', &v))
      return out_of_range(type, text, error);
  if (!is_negative && v == INT64_MIN)
    return out_of_range(type, text, error);
  v = is_negative ? v : -v;
  while (i < text.size && isspace(text.data[i]))
    i++;
  if (i < text.size)
    return invalid_syntax(type, text, error);
  if (v < low || v > high)
    return out_of_range(type, text, error);
  *value = value_integer(v);
  return 0;
}

static void integer_to_text(int64_t v, struct buffer *out)
{
  uint8_t *at = buffer_extend(out, 20);
  if (!at)
    return;
  char digits[20];
  int count = 0;
  uint64_t magnitude = v < 0 ? -(uint64_t)v : (uint64_t)v;
  do {
    digits[count++] = (char)('0' + magnitude % 10);
    magnitude /= 10;
  } while (magnitude);
  uint8_t *start = at;
  if (v < 0)
    *at++ = '-';
  while (count)
    *at++ = (uint8_t)digits[--count];
  out->size -= 20 - (size_t)(at - start);
}

// ---- booleans ----

static struct bytes trim(struct bytes text)
{
  while (text.size && isspace(text.data[0]))
    text = bytes_of(text.data + 1, text.size - 1);
  while (text.size && isspace(text.data[text.size - 1]))
    text.size--;
  return text;
}

// Is the text the word's beginning, at least so many characters of it?
static bool begins(const char *word, struct bytes text, size_t least)
{
  return text.size >= least && text.size <= strlen(word) &&
         strncasecmp(word, (const char *)text.data, text.size) == 0;
}

static int boolean_from_text(struct bytes text, struct value *value, struct error *error)
{
  struct bytes word = trim(text);
  if (begins("true", word, 1) || begins("yes", word, 1) || begins("on", word, 2) || begins("1", word, 1))
    *value = value_boolean(true);
  else if (begins("false", word, 1) || begins("no", word, 1) || begins("off", word, 2) || begins("0", word, 1))
    *value = value_boolean(false);
  else
    return invalid_syntax(TYPE_BOOLEAN, text, error);
  return 0;
}

// ---- floats ----

enum { FLOAT_TEXT = 64 };

// A sign, at most 15 digits and a point among them: both the digits as a whole number and the power of ten are doubles as
// they are, so that one division rounds as it must (Clinger, How to Read Floating Point Numbers Accurately, 1990).
static bool short_decimal(struct bytes number, double *value)
{
  static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  size_t at = number.size && (number.data[0] == '-' || number.data[0] == '+'), digits = 0, point = number.size;
  uint64_t whole = 0;
  for (size_t i = at; i < number.size; i++) {
    unsigned digit = number.data[i] - '0';
    if (digit > 9) {
      if (number.data[i] != '.' || point != number.size)
        return false;
      point = i;
      continue;
    }
    whole = whole * 10 + digit;
    if (++digits > 15)
      return false;
  }
  if (digits == 0)
    return false;
  double read = (double)whole / powers[point == number.size ? 0 : number.size - point - 1];
  *value = number.data[0] == '-' ? -read : read;
  return true;
}

static int float_from_text(enum type_id type, struct bytes text, struct arena *arena, struct value *value,
                           struct error *error)
{
  struct bytes number = trim(text);
  double read;
  if (type == TYPE_FLOAT8 && short_decimal(number, &read)) {
    *value = value_float8(read);
    return 0;
  }
  char local[FLOAT_TEXT];
  char *copy = number.size < sizeof local ? local : arena_alloc(arena, number.size + 1);
  if (!copy)
    return error_memory(error);
  memcpy(copy, number.data, number.size);
  copy[number.size] = 0;
  // strtod reads "nan(chars)" too, which PostgreSQL's input would reject or not by platform; we refuse it.
  if (!number.size || memchr(copy, '(', number.size))
    return invalid_syntax(type, text, error);
  char *end;
  errno = 0;
  double v = type == TYPE_FLOAT4 ? (double)strtof(copy, &end) : strtod(copy, &end);
  if (end != copy + number.size)
    return invalid_syntax(type, text, error);
  if (errno == ERANGE && (v == 0.0 || isinf(v)))
    return error_set(error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "\"%s\" is out of range for type %s", copy,
                     type_info(type)->name);
  *value = value_float8(isnan(v) ? (double)NAN : v);
  return 0;
}

// An odd number times a power of two, so that two numbers are equal if both parts are.
struct dyadic {
  unsigned __int128 odd;
  int exponent;
};

static struct dyadic dyadic_of(unsigned __int128 v, int exponent)
{
  while (v && !(v & 1)) {
    v >>= 1;
    exponent++;
  }
  return (struct dyadic){.odd = v, .exponent = exponent};
}

static bool dyadic_equal(struct dyadic a, struct dyadic b)
{
  return a.odd == b.odd && a.exponent == b.exponent;
}

// Does the number digits * 10^exponent lie exactly between v and its neighbour above or below? Such a number
// reads back as v or not by the reader's rounding; PostgreSQL does not print it.
static bool is_midway(uint64_t digits, int exponent, double v)
{
  if (exponent > 23 || exponent < -24) // neither has room for that power of five in its 54 bits
    return false;
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  uint64_t mantissa = bits & (((uint64_t)1 << 52) - 1);
  int biased = (int)(bits >> 52 & 0x7ff);
  bool is_lowest = mantissa == 0 && biased > 1; // the neighbour below is nearer
  int power = (biased ? biased : 1) - 1075;
  mantissa |= biased ? (uint64_t)1 << 52 : 0;
  unsigned __int128 five = 1;
  for (int i = abs(exponent); i > 0; i--)
    five *= 5;
  // digits * 5^e * 2^e = midpoint, or digits * 2^e = midpoint * 5^-e
  struct dyadic number = dyadic_of(exponent > 0 ? digits * five : digits, exponent);
  unsigned __int128 factor = exponent < 0 ? five : 1;
  return dyadic_equal(number, dyadic_of((2 * mantissa + 1) * factor, power - 1)) ||
         dyadic_equal(number, is_lowest ? dyadic_of((4 * mantissa - 1) * factor, power - 2)
                                        : dyadic_of((2 * mantissa - 1) * factor, power - 1));
}

// The digits and exponent of "d.ddde-05"; how many digits.
static int split_digits(const char *text, char *digits, int *exponent)
{
  const char *e = strchr(text, 'e');
  *exponent = atoi(e + 1);
  int count = 0;
  for (const char *at = text; at < e; at++)
    if (*at != '.')
      digits[count++] = *at;
  digits[count] = 0;
  return count;
}

static bool reads_back(const char *digits, int count, int exponent, double v)
{
  char text[FLOAT_TEXT];
  snprintf(text, sizeof text, "%se%d", digits, exponent - count + 1);
  return strtod(text, NULL) == v && !is_midway(strtoull(digits, NULL, 10), exponent - count + 1, v);
}

// The next number of as many digits. (Nines all through do not come here: they would read back with fewer.)
static bool next_digits(char *digits, int count)
{
  int i = count - 1;
  while (i > 0 && digits[i] == '9')
    digits[i--] = '0';
  if (digits[i] == '9')
    return false;
  digits[i]++;
  return true;
}

// The same for what people write: up to 15 digits, few behind the point. digits / 10^places, both exact in a
// float, is divided once and so correctly rounded, as reading it back is; and no other number of 15
// digits is that near. How many digits, or 0.
static int plain_digits(double v, char *digits, int *exponent)
{
  double power = 10;
  for (int places = 1; places <= 15 && v * power < 1e15; places++, power *= 10) {
    double whole = rint(v * power);
    if (whole / power != v || whole >= 1e15)
      continue;
    char reversed[16];
    int count = 0;
    for (uint64_t rest = (uint64_t)whole; rest; rest /= 10)
      reversed[count++] = (char)('0' + rest % 10);
    for (int i = 0; i < count; i++)
      digits[i] = reversed[count - 1 - i];
    *exponent = count - 1 - places;
    return count;
  }
  return 0;
}

// The fewest digits that read back the same, and the exponent of the first; v > 0. How many digits.
// Below a power of two floats stand closer than above it, so there the nearest number of n digits may
// miss while the next one above hits.
static int shortest_digits(double v, char *digits, int *exponent)
{
  char text[FLOAT_TEXT];
  bool is_subnormal = v < 2.2250738585072014e-308;
  int count = v >= 1e-4 && v < 1e15 ? plain_digits(v, digits, exponent) : 0;
  if (count)
    return count;
  for (int precision = is_subnormal ? 1 : 15; precision <= 17; precision++) {
    snprintf(text, sizeof text, "%.*e", precision - 1, v);
    count = split_digits(text, digits, exponent);
    if (precision == 17 || reads_back(digits, count, *exponent, v))
      break;
    if (next_digits(digits, count) && reads_back(digits, count, *exponent, v))
      break;
  }
  while (count > 1 && digits[count - 1] == '0')
    count--;
  return count;
}

// The same for a float: nine digits always read back.
static int shortest_single(float v, char *digits, int *exponent)
{
  char text[FLOAT_TEXT];
  int count = 0;
  for (int precision = 1; precision <= 9; precision++) {
    snprintf(text, sizeof text, "%.*e", precision - 1, (double)v);
    count = split_digits(text, digits, exponent);
    double read = strtod(text, NULL), above = (double)v + ((double)nextafterf(v, INFINITY) - (double)v) / 2,
           below = (double)v - ((double)v - (double)nextafterf(v, 0)) / 2;
    if (strtof(text, NULL) == v && read != above && read != below)
      break;
  }
  while (count > 1 && digits[count - 1] == '0')
    count--;
  return count;
}

static void append_shortest(double v, bool is_single, struct buffer *out)
{
  char digits[FLOAT_TEXT], text[FLOAT_TEXT];
  int exponent, size = 0;
  int count = is_single ? shortest_single((float)v, digits, &exponent) : shortest_digits(v, digits, &exponent);
  if (exponent < -4 || exponent >= (is_single ? 6 : 15)) {
    text[size++] = digits[0];
    if (count > 1) {
      text[size++] = '.';
      memcpy(text + size, digits + 1, (size_t)count - 1);
      size += count - 1;
    }
    size += snprintf(text + size, sizeof text - (size_t)size, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
  } else {
    if (exponent < 0) {
      memcpy(text, "0.000", (size_t)(1 - exponent));
      size = 1 - exponent;
    }
    for (int i = 0; i < count || i <= exponent; i++) {
      if (exponent >= 0 && i == exponent + 1)
        text[size++] = '.';
      text[size++] = i < count ? digits[i] : '0';
    }
    if (exponent < 0) // "0." and the zeros behind it, then the digits
      text[1] = '.';
  }
  buffer_append(out, text, (size_t)size);
}

static void float_to_text(double v, bool is_single, int extra_digits, struct buffer *out)
{
  int digits = (is_single ? 6 : 15) + extra_digits;
  if (isnan(v)) {
    buffer_append_string(out, "NaN");
  } else if (isinf(v)) {
    buffer_append_string(out, v > 0 ? "Infinity" : "-Infinity");
  } else if (extra_digits <= 0) {
    buffer_format(out, "%.*g", digits < 1 ? 1 : digits, v);
  } else {
    if (signbit(v))
      buffer_append_u8(out, '-');
    v = fabs(v);
    if (v < (is_single ? 1e6 : 1e15) && v == (double)(int64_t)v) // most floats that people keep are whole numbers
      integer_to_text((int64_t)v, out);
    else
      append_shortest(v, is_single, out);
  }
}

// ---- all types ----

static int text_kind_from_text(struct type type, struct bytes text, struct arena *arena, struct value *value,
                               struct error *error)
{
  if (text.size > LIMIT_MESSAGE)
    return error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "text of %zu bytes exceeds the limit of %d bytes",
                     text.size, LIMIT_MESSAGE);
  *value = value_bytes(text.data, (uint32_t)text.size);
  if (type.id == TYPE_NAME && text.size > LIMIT_IDENTIFIER) {
    uint32_t end = LIMIT_IDENTIFIER;
    while (end && (text.data[end] & 0xc0) == 0x80)
      end--;
    value->size = end;
  } else if (type.id == TYPE_CHAR1 && text.size > 1) {
    value->size = 1;
  }
  return value_apply_modifier(type, false, arena, value, error);
}

static int read_interval(struct type type, struct bytes text, struct arena *arena, struct value *value,
                         struct error *error)
{
  struct interval interval;
  int status = interval_from_text(text, type.modifier, &interval, error);
  if (!status && !interval_value(&interval, arena, value))
    status = error_memory(error);
  return status ? status : value_apply_modifier(type, false, arena, value, error);
}

static void print_interval(const struct value *value, struct buffer *out)
{
  struct interval interval = interval_of(value);
  interval_to_text(&interval, out);
}

int value_from_text(struct type type, struct bytes text, const struct format_settings *settings,
                    struct arena *arena, struct value *value, struct error *error)
{
  int status = utf8_check(text, error);
  if (status)
    return status;
  switch (type.id) {
  case TYPE_BOOLEAN:
    return boolean_from_text(text, value, error);
  case TYPE_INT2:
    return integer_from_text(type.id, text, INT16_MIN, INT16_MAX, value, error);
  case TYPE_INT4:
    return integer_from_text(type.id, text, INT32_MIN, INT32_MAX, value, error);
  case TYPE_INT8:
    return integer_from_text(type.id, text, INT64_MIN, INT64_MAX, value, error);
  case TYPE_OID:
    status = integer_from_text(type.id, text, INT32_MIN, UINT32_MAX, value, error);
    if (!status)
      value->integer = (uint32_t)value->integer; // PostgreSQL reads -1 as the last one
    return status;
  case TYPE_FLOAT4:
  case TYPE_FLOAT8:
    return float_from_text(type.id, text, arena, value, error);
  case TYPE_NUMERIC:
    return numeric_from_text(text, type.modifier, arena, value, error);
  case TYPE_DATE:
  case TYPE_TIME:
  case TYPE_TIMETZ:
  case TYPE_TIMESTAMP:
  case TYPE_TIMESTAMPTZ:
    status = datetime_from_text(type.id, text, settings, arena, value, error);
    return status ? status : value_apply_modifier(type, false, arena, value, error);
  case TYPE_INTERVAL:
    return read_interval(type, text, arena, value, error);
  case TYPE_BYTEA:
    return bytea_from_text(text, arena, value, error);
  case TYPE_UUID:
    return uuid_from_text(text, arena, value, error);
  case TYPE_JSON:
    status = json_parse(text, NULL, NULL, error);
    return status ? status : text_kind_from_text(type, text, arena, value, error);
  case TYPE_JSONB:
    return jsonb_from_text(text, arena, value, error);
  case TYPE_RECORD:
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "input of anonymous composite types is not implemented");
  case TYPE_BIT:
  case TYPE_VARBIT:
    status = bits_from_text(text, arena, value, error);
    return status ? status : value_apply_modifier(type, false, arena, value, error);
  case TYPE_JSONPATH:
    return jsonpath_from_text(text, arena, value, error);
  case TYPE_TEXT:
  case TYPE_VARCHAR:
    return text_kind_from_text(type, text, arena, value, error);
  default:
    if (type_is_array(type.id))
      return array_from_text(type, text, settings, arena, value, error);
    if (type_is_enum(type.id))
      return enum_from_text(type.id, text, settings->types, arena, value, error);
    if (type_is_composite(type.id))
      return record_from_text(type.id, text, settings, arena, value, error);
    return text_kind_from_text(type, text, arena, value, error);
  }
}

void value_to_text(enum type_id type, const struct value *value, const struct format_settings *settings,
                   struct buffer *out)
{
  switch (type) {
  case TYPE_BOOLEAN:
    buffer_append_u8(out, value->integer ? 't' : 'f');
    return;
  case TYPE_INT2:
  case TYPE_INT4:
  case TYPE_INT8:
  case TYPE_OID:
    integer_to_text(value->integer, out);
    return;
  case TYPE_FLOAT4:
  case TYPE_FLOAT8:
    float_to_text(value->float8, type == TYPE_FLOAT4, settings->extra_float_digits, out);
    return;
  case TYPE_NUMERIC:
    numeric_to_text(value, out);
    return;
  case TYPE_DATE:
  case TYPE_TIME:
  case TYPE_TIMETZ:
  case TYPE_TIMESTAMP:
  case TYPE_TIMESTAMPTZ:
    datetime_to_text(type, value, settings, out);
    return;
  case TYPE_INTERVAL:
    print_interval(value, out);
    return;
  case TYPE_BYTEA:
    bytea_to_text(value, out);
    return;
  case TYPE_UUID:
    uuid_to_text(value, out);
    return;
  case TYPE_JSONB:
    jsonb_to_text(jsonb_of(value), out);
    return;
  case TYPE_TEXT:
  case TYPE_VARCHAR:
    buffer_append(out, value->data, value->size);
    return;
  case TYPE_BIT:
  case TYPE_VARBIT:
    bits_to_text(value, out);
    return;
  case TYPE_RECORD:
    record_to_text(value, settings, out);
    return;
  default:
    if (type_is_array(type))
      array_to_text(type, value, settings, out);
    else if (type_is_enum(type))
      buffer_append_bytes(out, enum_text(value));
    else if (type_is_composite(type))
      record_to_text(value, settings, out);
    else
      buffer_append(out, value->data, value->size);
  }
}
