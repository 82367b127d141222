// Numerics to and from text, floats, PostgreSQL's binary form, and the digits of keys.
#include "data/numeric_internal.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/limits.h"
#include "base/sqlstate.h"

enum { BASE_DIGITS = 4 }; // decimal digits of one digit on the wire

// ---- text out ----

// Writes the digits of v, at least one, so that they end at `end`; how many. At most 39.
static size_t small_digits(uwide v, char *end)
{
  char *at = end;
  do {
    uint64_t low;
    if (v >> 64) {
      low = (uint64_t)(v % 10000000000000000000u);
      v /= 10000000000000000000u;
      for (int i = 0; i < 19; i++, low /= 10)
        *--at = (char)('0' + low % 10);
    } else {
      for (low = (uint64_t)v, v = 0; low; low /= 10)
        *--at = (char)('0' + low % 10);
    }
  } while (v);
  if (at == end)
    *--at = '0';
  return (size_t)(end - at);
}

// The digits of the unscaled integer, appended. False: the buffer has failed.
static bool append_digits(const struct decimal *d, struct buffer *out)
{
  if (!d->is_big) {
    char digits[40];
    size_t count = small_digits(d->small < 0 ? -(uwide)d->small : (uwide)d->small, digits + sizeof digits);
    buffer_append(out, digits + sizeof digits - count, count);
    return !out->failed;
  }
  size_t room = mpz_sizeinbase(d->big, 10) + 2; // a sign and a zero byte
  if (!buffer_reserve(out, room))
    return false;
  char *at = (char *)out->data + out->size;
  mpz_get_str(at, 10, d->big);
  size_t length = strlen(at);
  if (*at == '-')
    memmove(at, at + 1, length--);
  out->size += length;
  return true;
}

void numeric_to_text(const struct value *v, struct buffer *out)
{
  struct decimal d;
  decimal_read(v, &d);
  if (d.kind != NUMERIC_FINITE) {
    buffer_append_string(out, d.kind == NUMERIC_NAN ? "NaN" : d.kind == NUMERIC_INFINITY ? "Infinity" : "-Infinity");
    return;
  }
  if (decimal_sign(&d) < 0)
    buffer_append_u8(out, '-');
  size_t start = out->size, scale = (size_t)d.scale;
  bool is_written = append_digits(&d, out);
  decimal_clear(&d);
  if (!is_written || !scale)
    return;
  size_t count = out->size - start;
  size_t zeros = count > scale ? 0 : scale + 1 - count; // "0.05": zeros before the digits
  if (!buffer_reserve(out, zeros + 1))
    return;
  uint8_t *digits = out->data + start;
  memmove(digits + zeros, digits, count);
  memset(digits, '0', zeros);
  count += zeros;
  memmove(digits + count - scale + 1, digits + count - scale, scale);
  digits[count - scale] = '.';
  out->size = start + count + 1;
}

// ---- text in ----

static int invalid_syntax(struct bytes text, struct error *error)
{
  return error_set(error, SQLSTATE_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type numeric: \"%.*s\"",
                   (int)text.size, (const char *)text.data);
}

static bool is_word(struct bytes text, const char *word)
{
  return text.size == strlen(word) && strncasecmp((const char *)text.data, word, text.size) == 0;
}

static bool special_of_text(struct bytes text, enum numeric_kind *kind)
{
  if (is_word(text, "NaN"))
    *kind = NUMERIC_NAN;
  else if (is_word(text, "Infinity") || is_word(text, "+Infinity") || is_word(text, "inf") || is_word(text, "+inf"))
    *kind = NUMERIC_INFINITY;
  else if (is_word(text, "-Infinity") || is_word(text, "-inf"))
    *kind = NUMERIC_MINUS_INFINITY;
  else
    return false;
  return true;
}

// The parts of a number's text: sign, digits with a point, exponent.
struct number_text {
  bool is_negative;
  const uint8_t *digits; // with at most one point among them
  size_t size;
  size_t count;  // of digits, leading zeros left out
  int64_t scale; // digits behind the point, less the exponent
};

static bool parse_exponent(struct bytes text, int64_t *exponent)
{
  size_t i = 0;
  bool is_negative = false;
  if (i < text.size && (text.data[i] == '+' || text.data[i] == '-'))
    is_negative = text.data[i++] == '-';
  if (i == text.size)
    return false;
  *exponent = 0;
  for (; i < text.size; i++) {
    if (!isdigit(text.data[i]))
      return false;
    if (*exponent < INT32_MAX)
      *exponent = *exponent * 10 + (text.data[i] - '0');
  }
  if (is_negative)
    *exponent = -*exponent;
  return true;
}

static bool parse_number(struct bytes text, struct number_text *number)
{
  *number = (struct number_text){0};
  size_t i = 0;
  if (i < text.size && (text.data[i] == '+' || text.data[i] == '-'))
    number->is_negative = text.data[i++] == '-';
  number->digits = text.data + i;
  bool has_digit = false, has_point = false;
  for (; i < text.size; i++) {
    uint8_t c = text.data[i];
    if (c == '.' && !has_point) {
      has_point = true;
    } else if (isdigit(c)) {
      has_digit = true;
      number->count += number->count || c != '0';
      number->scale += has_point;
    } else {
      break;
    }
  }
  number->size = (size_t)(text.data + i - number->digits);
  if (!has_digit)
    return false;
  if (i == text.size)
    return true;
  int64_t exponent;
  if ((text.data[i] != 'e' && text.data[i] != 'E') ||
      !parse_exponent(bytes_of(text.data + i + 1, text.size - i - 1), &exponent))
    return false;
  number->scale -= exponent;
  return true;
}

// The digits as an integer.
static int digits_to_decimal(const struct number_text *number, struct arena *arena, struct decimal *d,
                             struct error *error)
{
  if (number->count <= SMALL_DIGITS) {
    wide v = 0;
    for (size_t i = 0; i < number->size; i++)
      if (number->digits[i] != '.')
        v = v * 10 + (number->digits[i] - '0');
    d->small = v;
    return 0;
  }
  char *digits = arena_alloc(arena, number->size + 1);
  if (!digits)
    return error_memory(error);
  size_t count = 0;
  for (size_t i = 0; i < number->size; i++)
    if (number->digits[i] != '.')
      digits[count++] = (char)number->digits[i];
  digits[count] = 0;
  mpz_init_set_str(d->big, digits, 10);
  d->is_big = true;
  return 0;
}

static void decimal_negate(struct decimal *d)
{
  if (d->is_big)
    mpz_neg(d->big, d->big);
  else
    d->small = -d->small;
}

static int check_precision(const struct decimal *d, int precision, int scale, struct error *error)
{
  int most = precision - scale;
  struct decimal bound = {.kind = NUMERIC_FINITE, .small = 1};
  decimal_round(&bound, most > 0 ? most : 0);
  bound.scale = 0;
  // bound = 10^most as an unscaled integer of scale 0 (or 1 of scale -most).
  if (most < 0) {
    bound.small = 1;
    bound.scale = -most;
  }
  struct decimal negative = bound;
  if (bound.is_big) {
    mpz_init(negative.big);
    mpz_neg(negative.big, bound.big);
  } else {
    negative.small = -bound.small;
  }
  bool fits = decimal_compare(d, &bound) < 0 && decimal_compare(d, &negative) > 0;
  decimal_clear(&bound);
  decimal_clear(&negative);
  if (fits)
    return 0;
  int status = error_set(error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow");
  if (most)
    error_detail(error, "A field with precision %d, scale %d must round to an absolute value less than 10^%d.",
                 precision, scale, most);
  else
    error_detail(error, "A field with precision %d, scale %d must round to an absolute value less than 1.", precision,
                 scale);
  return status;
}

static int apply_modifier(struct decimal *d, int32_t modifier, struct error *error)
{
  if (modifier < 0)
    return 0;
  int precision = modifier >> 16, scale = (int16_t)(modifier & 0xffff);
  if (d->kind == NUMERIC_NAN)
    return 0;
  if (d->kind != NUMERIC_FINITE) {
    int status = error_set(error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow");
    error_detail(error, "A field with precision %d, scale %d cannot hold an infinite value.", precision, scale);
    return status;
  }
  decimal_round(d, scale);
  return check_precision(d, precision, scale, error);
}

int numeric_apply_modifier(int32_t modifier, struct arena *arena, struct value *v, struct error *error)
{
  struct decimal d;
  decimal_read(v, &d);
  int status = apply_modifier(&d, modifier, error);
  if (!status && d.kind == NUMERIC_FINITE)
    status = decimal_write(&d, arena, v, error);
  decimal_clear(&d);
  return status;
}

int numeric_from_text(struct bytes text, int32_t modifier, struct arena *arena, struct value *out, struct error *error)
{
  struct bytes trimmed = text;
  while (trimmed.size && isspace(trimmed.data[0]))
    trimmed = bytes_of(trimmed.data + 1, trimmed.size - 1);
  while (trimmed.size && isspace(trimmed.data[trimmed.size - 1]))
    trimmed.size--;
  struct decimal d = {.kind = NUMERIC_FINITE};
  struct number_text number;
  if (special_of_text(trimmed, &d.kind)) {
    int failed = apply_modifier(&d, modifier, error);
    return failed ? failed : numeric_special(d.kind, arena, out, error);
  }
  if (!parse_number(trimmed, &number))
    return invalid_syntax(text, error);
  int64_t before_point = number.count ? (int64_t)number.count - number.scale : 0;
  if (before_point > LIMIT_NUMERIC_DIGITS || number.scale > LIMIT_NUMERIC_SCALE || number.scale < -INT32_MAX / 2)
    return numeric_overflow(error);
  int status = digits_to_decimal(&number, arena, &d, error);
  if (status)
    return status;
  if (number.is_negative)
    decimal_negate(&d);
  // The digits stand for an integer with this many behind the point; a negative scale means zeros.
  if (number.scale < 0) {
    if (number.count)
      decimal_round(&d, (int)-number.scale);
    d.scale = 0;
  } else {
    d.scale = (int32_t)number.scale;
  }
  status = apply_modifier(&d, modifier, error);
  if (!status)
    status = decimal_write(&d, arena, out, error);
  decimal_clear(&d);
  return status;
}

// ---- floats ----

int numeric_from_float8(double v, struct arena *arena, struct value *out, struct error *error)
{
  if (isnan(v))
    return numeric_special(NUMERIC_NAN, arena, out, error);
  if (isinf(v))
    return numeric_special(v > 0 ? NUMERIC_INFINITY : NUMERIC_MINUS_INFINITY, arena, out, error);
  char text[32];
  int size = snprintf(text, sizeof text, "%.15g", v);
  return numeric_from_text(bytes_of(text, (size_t)size), -1, arena, out, error);
}

double numeric_to_float8(const struct value *v)
{
  static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  struct decimal d;
  decimal_read(v, &d);
  if (d.kind != NUMERIC_FINITE)
    return d.kind == NUMERIC_NAN ? NAN : d.kind == NUMERIC_INFINITY ? INFINITY : -INFINITY;
  const int64_t exact = (int64_t)1 << 53;
  // Both operands exact, so the one division rounds correctly.
  if (!d.is_big && d.small <= exact && d.small >= -exact && d.scale <= 22)
    return (double)(int64_t)d.small / powers[d.scale];
  decimal_clear(&d);
  struct buffer text = {0};
  numeric_to_text(v, &text);
  buffer_append_u8(&text, 0);
  double result = text.failed ? NAN : strtod((const char *)text.data, NULL);
  buffer_deinit(&text);
  return result;
}

// ---- keys ----

void numeric_digits(const struct value *v, int *exponent, struct buffer *digits)
{
  struct decimal d;
  decimal_read(v, &d);
  size_t start = digits->size;
  bool is_written = append_digits(&d, digits);
  *exponent = (int)(digits->size - start) - d.scale;
  decimal_clear(&d);
  while (is_written && digits->size > start + 1 && digits->data[digits->size - 1] == '0')
    digits->size--;
}

int numeric_from_digits(bool is_negative, int exponent, struct bytes digits, struct arena *arena, struct value *out,
                        struct error *error)
{
  struct number_text number = {
    .digits = digits.data, .size = digits.size, .count = digits.size, .scale = (int64_t)digits.size - exponent};
  if (exponent > LIMIT_NUMERIC_DIGITS || number.scale > LIMIT_NUMERIC_SCALE)
    return numeric_overflow(error);
  struct decimal d = {.kind = NUMERIC_FINITE};
  int status = digits_to_decimal(&number, arena, &d, error);
  if (status)
    return status;
  if (is_negative)
    decimal_negate(&d);
  if (number.scale < 0) {
    decimal_round(&d, (int)-number.scale);
    d.scale = 0;
  } else {
    d.scale = (int32_t)number.scale;
  }
  status = decimal_write(&d, arena, out, error);
  decimal_clear(&d);
  return status;
}

// ---- PostgreSQL's binary form: digits of base 10000 ----

enum wire_sign {
  WIRE_POSITIVE = 0,
  WIRE_NEGATIVE = 0x4000,
  WIRE_NAN = 0xc000,
  WIRE_INFINITY = 0xd000,
  WIRE_MINUS_INFINITY = 0xf000,
};

static int quarter_down(int v) { return v >= 0 ? v / BASE_DIGITS : -((BASE_DIGITS - 1 - v) / BASE_DIGITS); }

static void append_wire_header(struct buffer *out, int count, int weight, int sign, int scale)
{
  buffer_append_be16(out, (uint16_t)count);
  buffer_append_be16(out, (uint16_t)weight);
  buffer_append_be16(out, (uint16_t)sign);
  buffer_append_be16(out, (uint16_t)scale);
}

void numeric_to_binary(const struct value *v, struct buffer *out)
{
  int sign = numeric_sign(v), scale = numeric_scale(v);
  if (v->data[0] != NUMERIC_FINITE || sign == 0) {
    int kind = v->data[0] == NUMERIC_FINITE     ? WIRE_POSITIVE
               : v->data[0] == NUMERIC_NAN      ? WIRE_NAN
               : v->data[0] == NUMERIC_INFINITY ? WIRE_INFINITY
                                                : WIRE_MINUS_INFINITY;
    // Infinities have this in PostgreSQL's place of the scale; its readers look at the sign alone.
    append_wire_header(out, 0, 0, kind, kind == WIRE_INFINITY || kind == WIRE_MINUS_INFINITY ? 0x20 : scale);
    return;
  }
  struct buffer digits = {0};
  int exponent;
  numeric_digits(v, &exponent, &digits);
  if (digits.failed) {
    out->failed = true;
    buffer_deinit(&digits);
    return;
  }
  int weight = quarter_down(exponent - 1);
  int lead = (weight + 1) * BASE_DIGITS - exponent; // zeros before the first digit in its group of four
  int count = (lead + (int)digits.size + BASE_DIGITS - 1) / BASE_DIGITS;
  append_wire_header(out, count, weight, sign < 0 ? WIRE_NEGATIVE : WIRE_POSITIVE, scale);
  for (int group = 0; group < count; group++) {
    int digit = 0;
    for (int i = group * BASE_DIGITS - lead; i < (group + 1) * BASE_DIGITS - lead; i++)
      digit = digit * 10 + (i >= 0 && i < (int)digits.size ? digits.data[i] - '0' : 0);
    buffer_append_be16(out, (uint16_t)digit);
  }
  buffer_deinit(&digits);
}

static int invalid_binary(const char *what, struct error *error)
{
  return error_set(error, SQLSTATE_INVALID_BINARY_REPRESENTATION, "invalid %s in external \"numeric\" value", what);
}

static int special_from_binary(int sign, struct arena *arena, struct value *out, struct error *error)
{
  switch (sign) {
  case WIRE_NAN: return numeric_special(NUMERIC_NAN, arena, out, error);
  case WIRE_INFINITY: return numeric_special(NUMERIC_INFINITY, arena, out, error);
  case WIRE_MINUS_INFINITY: return numeric_special(NUMERIC_MINUS_INFINITY, arena, out, error);
  default: return invalid_binary("sign", error);
  }
}

int numeric_from_binary(struct bytes binary, struct arena *arena, struct value *out, struct error *error)
{
  if (binary.size < 8)
    return error_set(error, SQLSTATE_INVALID_BINARY_REPRESENTATION, "insufficient data left in message");
  size_t count = get_be16(binary.data);
  int weight = (int16_t)get_be16(binary.data + 2), sign = get_be16(binary.data + 4), scale = get_be16(binary.data + 6);
  if (binary.size != 8 + 2 * count)
    return invalid_binary("length", error);
  if (sign != WIRE_POSITIVE && sign != WIRE_NEGATIVE)
    return special_from_binary(sign, arena, out, error);
  if (scale > LIMIT_NUMERIC_SCALE)
    return invalid_binary("scale", error);
  char *digits = arena_alloc(arena, count * BASE_DIGITS + 1);
  if (!digits)
    return error_memory(error);
  for (size_t i = 0; i < count; i++) {
    unsigned digit = get_be16(binary.data + 8 + 2 * i);
    if (digit > 9999)
      return invalid_binary("digit", error);
    for (int k = BASE_DIGITS - 1; k >= 0; k--, digit /= 10)
      digits[i * BASE_DIGITS + (size_t)k] = (char)('0' + digit % 10);
  }
  size_t first = 0, end = count * BASE_DIGITS;
  while (first < end && digits[first] == '0')
    first++;
  while (end > first && digits[end - 1] == '0')
    end--;
  if (first == end)
    return numeric_constant(0, scale, arena, out, error);
  int exponent = (weight + 1) * BASE_DIGITS - (int)first;
  // Digits behind the display scale are cut, as PostgreSQL does.
  int64_t kept = (int64_t)exponent + scale;
  if (kept <= 0)
    return numeric_constant(0, scale, arena, out, error);
  if (kept < (int64_t)(end - first))
    end = first + (size_t)kept;
  struct value v;
  int status = numeric_from_digits(sign == WIRE_NEGATIVE, exponent, bytes_of(digits + first, end - first), arena, &v,
                                   error);
  if (status)
    return status;
  struct decimal d;
  decimal_read(&v, &d);
  decimal_round(&d, scale);
  status = decimal_write(&d, arena, out, error);
  decimal_clear(&d);
  return status;
}
