// Numerics: their bytes, order, and arithmetic.
//
// 1. A finite numeric is unscaled * 10^-scale with 0 <= scale <= LIMIT_NUMERIC_SCALE and at most
//    LIMIT_NUMERIC_DIGITS digits before the point; decimal_write is the one place that makes them.
// 2. Up to 128 bits nothing is allocated but the result; beyond, GMP works on numbers whose size these
//    limits bound. (GMP ends the process where malloc fails: at most a few hundred KB at a time.)
// 3. The scales of results are PostgreSQL's, which thinks in digits of base 10000 (decimal_leading).
#include "data/numeric_internal.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/sqlstate.h"

#define WIDE_MAX ((wide)(~(uwide)0 >> 1))

int numeric_overflow(struct error *error)
{
  return error_set(error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format");
}

static int division_by_zero(struct error *error)
{
  return error_set(error, SQLSTATE_DIVISION_BY_ZERO, "division by zero");
}

// ---- bytes ----

static enum numeric_kind kind_of(const struct value *v) { return (enum numeric_kind)v->data[0]; }

bool numeric_is_valid(struct bytes bytes)
{
  if (bytes.size < NUMERIC_HEADER || bytes.data[0] > NUMERIC_MINUS_INFINITY)
    return false;
  size_t size = bytes.size - NUMERIC_HEADER;
  int scale = get_le16(bytes.data + 1);
  if (bytes.data[0] != NUMERIC_FINITE)
    return size == 0 && scale == 0;
  // Enough words for all digits of the limits; the number itself is looked at below.
  size_t most = ((size_t)(LIMIT_NUMERIC_DIGITS + LIMIT_NUMERIC_SCALE) * 10 / 3 / 64 + 2) * 8;
  if (size == 0 || size % 8 || size > most || scale > LIMIT_NUMERIC_SCALE)
    return false;
  if (size == 8)
    return true;
  int64_t last = (int64_t)get_le64(bytes.data + bytes.size - 8);
  int64_t before = (int64_t)get_le64(bytes.data + bytes.size - 16);
  if (last == (before < 0 ? -1 : 0)) // fewer words would hold it
    return false;
  if (size == 16)
    return true;
  struct value value = value_bytes(bytes.data, (uint32_t)bytes.size);
  struct decimal decimal;
  decimal_read(&value, &decimal);
  bool is_valid = mpz_sizeinbase(decimal.big, 10) <= (size_t)(LIMIT_NUMERIC_DIGITS + 1 + scale);
  decimal_clear(&decimal);
  return is_valid;
}

void decimal_read(const struct value *value, struct decimal *decimal)
{
  decimal->kind = kind_of(value);
  decimal->is_big = false;
  decimal->scale = 0;
  decimal->small = 0;
  if (decimal->kind != NUMERIC_FINITE)
    return;
  decimal->scale = get_le16(value->data + 1);
  const uint8_t *words = value->data + NUMERIC_HEADER;
  size_t count = (value->size - NUMERIC_HEADER) / 8;
  if (count == 1) {
    decimal->small = (int64_t)get_le64(words);
  } else if (count == 2) {
    decimal->small = (wide)((uwide)get_le64(words + 8) << 64 | get_le64(words));
  } else {
    decimal->is_big = true;
    mpz_init(decimal->big);
    mpz_import(decimal->big, count, -1, 8, -1, 0, words);
    if (words[count * 8 - 1] & 0x80) {
      mpz_t modulus;
      mpz_init(modulus);
      mpz_setbit(modulus, count * 64);
      mpz_sub(decimal->big, decimal->big, modulus);
      mpz_clear(modulus);
    }
  }
}

void decimal_clear(struct decimal *decimal)
{
  if (decimal->is_big)
    mpz_clear(decimal->big);
  decimal->is_big = false;
}

void decimal_enlarge(struct decimal *decimal)
{
  if (decimal->is_big)
    return;
  mpz_init(decimal->big);
  mpz_set_wide(decimal->big, decimal->small);
  decimal->is_big = true;
}

static int write_small(wide v, int scale, struct arena *arena, struct value *out, struct error *error)
{
  bool is_one_word = v == (int64_t)v;
  uint32_t size = NUMERIC_HEADER + (is_one_word ? 8 : 16);
  uint8_t *data = arena_alloc(arena, size);
  if (!data)
    return error_memory(error);
  data[0] = NUMERIC_FINITE;
  put_le16(data + 1, (uint16_t)scale);
  put_le64(data + NUMERIC_HEADER, (uint64_t)v);
  if (!is_one_word)
    put_le64(data + NUMERIC_HEADER + 8, (uint64_t)((uwide)v >> 64));
  *out = value_bytes(data, size);
  return 0;
}

// More digits before the point than the type may have?
static bool is_too_large(const mpz_t v, int scale)
{
  size_t digits = mpz_sizeinbase(v, 10); // exact, or one too many
  size_t most = (size_t)LIMIT_NUMERIC_DIGITS + (size_t)scale;
  if (digits <= most)
    return false;
  if (digits > most + 1)
    return true;
  mpz_t bound;
  mpz_init(bound);
  mpz_pow10(bound, most);
  bool is_beyond = mpz_cmpabs(v, bound) >= 0;
  mpz_clear(bound);
  return is_beyond;
}

int decimal_write(const struct decimal *decimal, struct arena *arena, struct value *out, struct error *error)
{
  if (decimal->scale > LIMIT_NUMERIC_SCALE)
    return numeric_overflow(error);
  if (!decimal->is_big)
    return write_small(decimal->small, decimal->scale, arena, out, error);
  if (is_too_large(decimal->big, decimal->scale))
    return numeric_overflow(error);
  mpz_t v;
  mpz_init(v);
  bool is_negative = mpz_sgn(decimal->big) < 0;
  if (is_negative)
    mpz_com(v, decimal->big);
  else
    mpz_set(v, decimal->big);
  size_t words = mpz_sizeinbase(v, 2) / 64 + 1;
  uint32_t size = (uint32_t)(NUMERIC_HEADER + words * 8);
  uint8_t *data = arena_alloc_zeroed(arena, size);
  if (data) {
    data[0] = NUMERIC_FINITE;
    put_le16(data + 1, (uint16_t)decimal->scale);
    mpz_export(data + NUMERIC_HEADER, NULL, -1, 8, -1, 0, v);
    if (is_negative)
      for (size_t i = NUMERIC_HEADER; i < size; i++)
        data[i] = (uint8_t)~data[i];
    *out = value_bytes(data, size);
  }
  mpz_clear(v);
  return data ? 0 : error_memory(error);
}

int numeric_special(enum numeric_kind kind, struct arena *arena, struct value *out, struct error *error)
{
  uint8_t *data = arena_alloc_zeroed(arena, NUMERIC_HEADER);
  if (!data)
    return error_memory(error);
  data[0] = (uint8_t)kind;
  *out = value_bytes(data, NUMERIC_HEADER);
  return 0;
}

int numeric_constant(int64_t unscaled, int scale, struct arena *arena, struct value *out, struct error *error)
{
  return write_small(unscaled, scale, arena, out, error);
}

int numeric_from_unscaled(__int128 v, int scale, struct arena *arena, struct value *out, struct error *error)
{
  return write_small(v, scale, arena, out, error);
}

// --- Numbers of one word, which most are: no decimals are made of them ---

static inline bool read_word(const struct value *v, int64_t *word, int *scale)
{
  if (v->size != NUMERIC_HEADER + 8)
    return false;
  *word = (int64_t)get_le64(v->data + NUMERIC_HEADER);
  *scale = get_le16(v->data + 1);
  return true;
}

bool numeric_unscaled(const struct value *v, int64_t *unscaled, int *scale)
{
  return read_word(v, unscaled, scale);
}

// Both of one scale, where no digit is lost: a word times 10^18 fits in two.
static inline bool read_words(const struct value *a, const struct value *b, wide *x, wide *y, int *scale)
{
  int64_t v, w;
  int v_scale, w_scale;
  if (!read_word(a, &v, &v_scale) || !read_word(b, &w, &w_scale))
    return false;
  int apart = v_scale - w_scale;
  if (apart > 18 || apart < -18)
    return false;
  *x = apart < 0 ? v * wide_pow10(-apart) : v;
  *y = apart > 0 ? w * wide_pow10(apart) : w;
  *scale = apart < 0 ? w_scale : v_scale;
  return true;
}

int numeric_from_int64(int64_t v, struct arena *arena, struct value *out, struct error *error)
{
  return write_small(v, 0, arena, out, error);
}

// ---- sign, order, scale ----

int decimal_sign(const struct decimal *decimal)
{
  if (decimal->kind != NUMERIC_FINITE)
    return decimal->kind == NUMERIC_INFINITY ? 1 : decimal->kind == NUMERIC_MINUS_INFINITY ? -1 : 2;
  return decimal->is_big ? mpz_sgn(decimal->big) : (decimal->small > 0) - (decimal->small < 0);
}

// -infinity < finite < infinity < NaN
static int rank_of(enum numeric_kind kind)
{
  return kind == NUMERIC_MINUS_INFINITY ? -1 : (int)(kind == NUMERIC_INFINITY) + 2 * (int)(kind == NUMERIC_NAN);
}

// v * 10^exponent; false where it does not fit.
static bool shift_small(wide v, int exponent, wide *out)
{
  if (exponent > SMALL_DIGITS) {
    *out = 0;
    return v == 0;
  }
  return !__builtin_mul_overflow(v, wide_pow10(exponent), out);
}

// Brings both to the greater scale; small ones where they fit.
static void align(struct decimal *a, struct decimal *b)
{
  struct decimal *lower = a->scale < b->scale ? a : b;
  int scale = a->scale < b->scale ? b->scale : a->scale;
  decimal_round(lower, scale);
}

int decimal_compare(const struct decimal *a, const struct decimal *b)
{
  if (a->kind != NUMERIC_FINITE || b->kind != NUMERIC_FINITE)
    return (rank_of(a->kind) > rank_of(b->kind)) - (rank_of(a->kind) < rank_of(b->kind));
  if (!a->is_big && !b->is_big) {
    wide x = a->small, y = b->small;
    if (a->scale == b->scale)
      return (x > y) - (x < y);
    int sign_x = (x > 0) - (x < 0), sign_y = (y > 0) - (y < 0);
    if (sign_x != sign_y || !sign_x)
      return (sign_x > sign_y) - (sign_x < sign_y);
    if (a->scale < b->scale ? shift_small(x, b->scale - a->scale, &x) : shift_small(y, a->scale - b->scale, &y))
      return (x > y) - (x < y);
    // The one that left the range is the greater in magnitude.
    return (a->scale < b->scale) == (a->small > 0) ? 1 : -1;
  }
  struct decimal p = {.scale = a->scale, .small = a->small}, q = {.scale = b->scale, .small = b->small};
  if (a->is_big) {
    p.is_big = true;
    mpz_init_set(p.big, a->big);
  }
  if (b->is_big) {
    q.is_big = true;
    mpz_init_set(q.big, b->big);
  }
  align(&p, &q);
  decimal_enlarge(&p);
  decimal_enlarge(&q);
  int order = mpz_cmp(p.big, q.big);
  decimal_clear(&p);
  decimal_clear(&q);
  return (order > 0) - (order < 0);
}

int numeric_compare(const struct value *a, const struct value *b)
{
  struct decimal x, y;
  wide v, w;
  int scale;
  if (read_words(a, b, &v, &w, &scale))
    return (v > w) - (v < w);
  decimal_read(a, &x);
  decimal_read(b, &y);
  int order = decimal_compare(&x, &y);
  decimal_clear(&x);
  decimal_clear(&y);
  return order;
}

static wide floor_by_power(wide number, int scale)
{
  for (int step; scale > 0; scale -= step) {
    int64_t divisor = 1;
    for (step = 0; step < scale && step < 18; step++)
      divisor *= 10;
    wide quotient = number == (int64_t)number ? (int64_t)number / divisor : number / divisor;
    number = quotient - (quotient * divisor > number);
  }
  return number;
}

uint64_t numeric_prefix(const struct value *a)
{
  struct decimal d;
  decimal_read(a, &d);
  if (d.kind != NUMERIC_FINITE)
    return d.kind == NUMERIC_MINUS_INFINITY ? 0 : UINT64_MAX;
  wide whole;
  if (d.is_big) {
    mpz_t power;
    mpz_init(power);
    mpz_ui_pow_ui(power, 10, (unsigned long)d.scale);
    mpz_fdiv_q(d.big, d.big, power);
    mpz_clear(power);
    whole = mpz_fits_slong_p(d.big) ? mpz_get_si(d.big) : mpz_sgn(d.big) < 0 ? INT64_MIN : INT64_MAX;
    decimal_clear(&d);
  } else {
    whole = floor_by_power(d.small, d.scale);
  }
  whole = whole > INT64_MAX ? INT64_MAX : whole < INT64_MIN ? INT64_MIN : whole;
  return (uint64_t)whole ^ UINT64_C(1) << 63;
}

int numeric_sign(const struct value *a)
{
  if (kind_of(a) == NUMERIC_FINITE) {
    if (a->data[a->size - 1] & 0x80)
      return -1;
    for (uint32_t i = NUMERIC_HEADER; i < a->size; i++)
      if (a->data[i])
        return 1;
    return 0;
  }
  return kind_of(a) == NUMERIC_INFINITY ? 1 : kind_of(a) == NUMERIC_MINUS_INFINITY ? -1 : 2;
}

int numeric_scale(const struct value *a)
{
  return get_le16(a->data + 1);
}

// Equal numbers of different scales must have equal hashes: the number modulo a prime (as a fraction:
// unscaled times the inverse of ten, scale times).
uint64_t numeric_hash(const struct value *a)
{
  const uint64_t prime = ((uint64_t)1 << 61) - 1, tenth = 2075258708292324556u; // 10 * tenth = 1 modulo prime
  if (kind_of(a) != NUMERIC_FINITE)
    return prime + (uint64_t)kind_of(a);
  uint64_t residue = 0;
  for (uint32_t at = a->size; at > NUMERIC_HEADER; at -= 8) {
    uint64_t word = get_le64(a->data + at - 8);
    bool is_negative = at == a->size && word >> 63; // the first word carries the sign
    uwide next = (uwide)residue << 64 | (is_negative ? -word : word);
    residue = (uint64_t)(next % prime);
    if (is_negative && residue)
      residue = prime - residue;
  }
  uint64_t factor = tenth;
  for (int scale = numeric_scale(a); scale > 0; scale >>= 1) {
    if (scale & 1)
      residue = (uint64_t)((uwide)residue * factor % prime);
    factor = (uint64_t)((uwide)factor * factor % prime);
  }
  return residue;
}

// ---- rounding ----

// v / 10^exponent; half away from zero where asked.
static void divide_pow10(mpz_t v, unsigned long exponent, bool is_rounding)
{
  mpz_t divisor, rest;
  mpz_inits(divisor, rest, NULL);
  mpz_pow10(divisor, exponent);
  int sign = mpz_sgn(v);
  mpz_tdiv_qr(v, rest, v, divisor);
  mpz_mul_2exp(rest, rest, 1);
  if (is_rounding && mpz_cmpabs(rest, divisor) >= 0) {
    if (sign > 0)
      mpz_add_ui(v, v, 1);
    else
      mpz_sub_ui(v, v, 1);
  }
  mpz_clears(divisor, rest, NULL);
}

static void add_zeros(struct decimal *decimal, int count)
{
  wide shifted;
  if (!decimal->is_big && shift_small(decimal->small, count, &shifted)) {
    decimal->small = shifted;
    return;
  }
  mpz_t factor;
  mpz_init(factor);
  mpz_pow10(factor, (unsigned long)count);
  decimal_enlarge(decimal);
  mpz_mul(decimal->big, decimal->big, factor);
  mpz_clear(factor);
}

static void remove_digits(struct decimal *decimal, int count, bool is_rounding)
{
  if (decimal->is_big) {
    divide_pow10(decimal->big, (unsigned long)count, is_rounding);
    return;
  }
  if (count > SMALL_DIGITS) { // 10^39 is more than twice any small one
    decimal->small = 0;
    return;
  }
  wide divisor = wide_pow10(count), rest = decimal->small % divisor;
  wide quotient = decimal->small / divisor;
  wide magnitude = rest < 0 ? -rest : rest;
  if (is_rounding && magnitude >= divisor - magnitude)
    quotient += decimal->small < 0 ? -1 : 1;
  decimal->small = quotient;
}

static void set_scale(struct decimal *decimal, int scale, bool is_rounding)
{
  if (scale >= decimal->scale)
    add_zeros(decimal, scale - decimal->scale);
  else
    remove_digits(decimal, decimal->scale - scale, is_rounding);
  if (scale < 0)
    add_zeros(decimal, -scale);
  decimal->scale = scale < 0 ? 0 : scale;
}

void decimal_round(struct decimal *decimal, int scale) { set_scale(decimal, scale, true); }
void decimal_truncate(struct decimal *decimal, int scale) { set_scale(decimal, scale, false); }

bool decimal_is_integral(const struct decimal *decimal)
{
  if (decimal->kind != NUMERIC_FINITE)
    return decimal->kind != NUMERIC_NAN;
  if (!decimal->is_big)
    return decimal->scale > SMALL_DIGITS ? decimal->small == 0 : decimal->small % wide_pow10(decimal->scale) == 0;
  mpz_t divisor;
  mpz_init(divisor);
  mpz_pow10(divisor, (unsigned long)decimal->scale);
  bool is_integral = mpz_divisible_p(decimal->big, divisor);
  mpz_clear(divisor);
  return is_integral;
}

static int copy_of(const struct value *a, struct arena *arena, struct value *out, struct error *error)
{
  *out = *a;
  return value_copy(TYPE_NUMERIC, out, arena) ? 0 : error_memory(error);
}

static int round_to(const struct value *a, int scale, bool is_rounding, struct arena *arena, struct value *out,
                    struct error *error)
{
  if (kind_of(a) != NUMERIC_FINITE)
    return copy_of(a, arena, out, error);
  scale = scale > MAX_RESULT_SCALE ? MAX_RESULT_SCALE : scale < -MAX_RESULT_SCALE ? -MAX_RESULT_SCALE : scale;
  struct decimal d;
  decimal_read(a, &d);
  set_scale(&d, scale, is_rounding);
  int status = decimal_write(&d, arena, out, error);
  decimal_clear(&d);
  return status;
}

int numeric_round(const struct value *a, int scale, struct arena *arena, struct value *out, struct error *error)
{
  return round_to(a, scale, true, arena, out, error);
}

int numeric_truncate(const struct value *a, int scale, struct arena *arena, struct value *out, struct error *error)
{
  return round_to(a, scale, false, arena, out, error);
}

// The whole number beside a: below it (step -1) or above it (step 1).
static int whole_beside(const struct value *a, int step, struct arena *arena, struct value *out, struct error *error)
{
  if (kind_of(a) != NUMERIC_FINITE)
    return copy_of(a, arena, out, error);
  struct decimal d;
  decimal_read(a, &d);
  bool moves = !decimal_is_integral(&d) && decimal_sign(&d) == step;
  decimal_truncate(&d, 0);
  if (moves && d.is_big) {
    mpz_t one;
    mpz_init_set_si(one, step);
    mpz_add(d.big, d.big, one);
    mpz_clear(one);
  } else if (moves) {
    d.small += step;
  }
  int status = decimal_write(&d, arena, out, error);
  decimal_clear(&d);
  return status;
}

int numeric_floor(const struct value *a, struct arena *arena, struct value *out, struct error *error)
{
  return whole_beside(a, -1, arena, out, error);
}

int numeric_ceiling(const struct value *a, struct arena *arena, struct value *out, struct error *error)
{
  return whole_beside(a, 1, arena, out, error);
}

int numeric_to_int64(const struct value *v, int64_t low, int64_t high, const char *type_name, int64_t *out,
                     struct error *error)
{
  if (kind_of(v) != NUMERIC_FINITE)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot convert %s to %s",
                     kind_of(v) == NUMERIC_NAN ? "NaN" : "infinity", type_name);
  struct decimal d;
  decimal_read(v, &d);
  decimal_round(&d, 0);
  bool fits = !d.is_big && d.small >= low && d.small <= high;
  if (d.is_big && mpz_fits_slong_p(d.big)) {
    d.small = mpz_get_si(d.big);
    fits = d.small >= low && d.small <= high;
  }
  decimal_clear(&d);
  if (!fits)
    return error_set(error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "%s out of range", type_name);
  *out = (int64_t)d.small;
  return 0;
}

// ---- arithmetic ----

static bool either_is_nan(const struct decimal *a, const struct decimal *b)
{
  return a->kind == NUMERIC_NAN || b->kind == NUMERIC_NAN;
}

static int add_decimals(struct decimal *a, struct decimal *b, bool is_subtraction, struct arena *arena,
                        struct value *out, struct error *error)
{
  if (a->kind != NUMERIC_FINITE || b->kind != NUMERIC_FINITE) {
    enum numeric_kind other = b->kind;
    if (is_subtraction && other >= NUMERIC_INFINITY)
      other = other == NUMERIC_INFINITY ? NUMERIC_MINUS_INFINITY : NUMERIC_INFINITY;
    enum numeric_kind kind = a->kind == NUMERIC_FINITE ? other : a->kind;
    if (either_is_nan(a, b) || (a->kind != NUMERIC_FINITE && b->kind != NUMERIC_FINITE && a->kind != other))
      kind = NUMERIC_NAN;
    return numeric_special(kind, arena, out, error);
  }
  align(a, b);
  wide sum;
  if (!a->is_big && !b->is_big &&
      !(is_subtraction ? __builtin_sub_overflow(a->small, b->small, &sum)
                       : __builtin_add_overflow(a->small, b->small, &sum)))
    return write_small(sum, a->scale, arena, out, error);
  decimal_enlarge(a);
  decimal_enlarge(b);
  if (is_subtraction)
    mpz_sub(a->big, a->big, b->big);
  else
    mpz_add(a->big, a->big, b->big);
  return decimal_write(a, arena, out, error);
}

static int add_or_subtract(const struct value *a, const struct value *b, bool is_subtraction, struct arena *arena,
                           struct value *out, struct error *error)
{
  struct decimal x, y;
  wide v, w;
  int scale;
  if (read_words(a, b, &v, &w, &scale))
    return write_small(is_subtraction ? v - w : v + w, scale, arena, out, error);
  decimal_read(a, &x);
  decimal_read(b, &y);
  int status = add_decimals(&x, &y, is_subtraction, arena, out, error);
  decimal_clear(&x);
  decimal_clear(&y);
  return status;
}

int numeric_add(const struct value *a, const struct value *b, struct arena *arena, struct value *out,
                struct error *error)
{
  return add_or_subtract(a, b, false, arena, out, error);
}

int numeric_subtract(const struct value *a, const struct value *b, struct arena *arena, struct value *out,
                     struct error *error)
{
  return add_or_subtract(a, b, true, arena, out, error);
}

void decimal_multiply(const struct decimal *a, const struct decimal *b, struct decimal *out)
{
  *out = (struct decimal){.kind = NUMERIC_FINITE, .scale = a->scale + b->scale};
  if (!a->is_big && !b->is_big && !__builtin_mul_overflow(a->small, b->small, &out->small))
    return;
  mpz_init(out->big);
  out->is_big = true;
  const struct decimal *big = a->is_big ? a : b;
  const struct decimal *other = a->is_big ? b : a;
  if (big->is_big && other->is_big) {
    mpz_mul(out->big, big->big, other->big);
    return;
  }
  mpz_t factor;
  mpz_init(factor);
  mpz_set_wide(factor, other->small);
  if (big->is_big)
    mpz_set(out->big, big->big);
  else
    mpz_set_wide(out->big, big->small);
  mpz_mul(out->big, out->big, factor);
  mpz_clear(factor);
}

static int sign_as_kind(int sign, struct arena *arena, struct value *out, struct error *error)
{
  return numeric_special(sign == 0 ? NUMERIC_NAN : sign > 0 ? NUMERIC_INFINITY : NUMERIC_MINUS_INFINITY, arena, out,
                         error);
}

int numeric_multiply(const struct value *a, const struct value *b, struct arena *arena, struct value *out,
                     struct error *error)
{
  struct decimal x, y, product;
  int64_t v, w;
  int v_scale, w_scale;
  if (read_word(a, &v, &v_scale) && read_word(b, &w, &w_scale) && v_scale + w_scale <= LIMIT_NUMERIC_SCALE)
    return write_small((wide)v * w, v_scale + w_scale, arena, out, error);
  decimal_read(a, &x);
  decimal_read(b, &y);
  int status;
  if (either_is_nan(&x, &y)) {
    status = numeric_special(NUMERIC_NAN, arena, out, error);
  } else if (x.kind != NUMERIC_FINITE || y.kind != NUMERIC_FINITE) {
    status = sign_as_kind(decimal_sign(&x) * decimal_sign(&y), arena, out, error);
  } else {
    decimal_multiply(&x, &y, &product);
    if (product.scale > LIMIT_NUMERIC_SCALE)
      decimal_round(&product, LIMIT_NUMERIC_SCALE);
    status = decimal_write(&product, arena, out, error);
    decimal_clear(&product);
  }
  decimal_clear(&x);
  decimal_clear(&y);
  return status;
}

static int floor_quarter(int v) { return v >= 0 ? v / 4 : -((3 - v) / 4); }

void decimal_leading(const struct decimal *decimal, struct leading_digits *leading)
{
  *leading = (struct leading_digits){0};
  if (decimal_sign(decimal) == 0)
    return;
  mpz_t v, divisor;
  mpz_inits(v, divisor, NULL);
  if (decimal->is_big)
    mpz_abs(v, decimal->big);
  else
    mpz_set_wide(v, decimal->small < 0 ? -decimal->small : decimal->small);
  int digits = (int)mpz_sizeinbase(v, 10);
  mpz_pow10(divisor, (unsigned long)digits - 1);
  if (mpz_cmp(v, divisor) < 0)
    digits--;
  leading->weight = floor_quarter(digits - 1 - decimal->scale);
  // The first five digits of base 10000 as one number.
  int exponent = 4 * (4 - leading->weight) - decimal->scale;
  mpz_pow10(divisor, (unsigned long)(exponent < 0 ? -exponent : exponent));
  if (exponent < 0)
    mpz_tdiv_q(v, v, divisor);
  else
    mpz_mul(v, v, divisor);
  for (int i = 4; i >= 0; i--) {
    leading->digits[i] = (int)mpz_tdiv_q_ui(v, v, 10000);
    if (leading->digits[i] && !leading->count)
      leading->count = i + 1;
  }
  mpz_clears(v, divisor, NULL);
}

// Weight and first digit in base 10000, without GMP where the number is small.
static void first_digit(const struct decimal *d, int *weight, int *digit)
{
  if (d->is_big) {
    struct leading_digits leading;
    decimal_leading(d, &leading);
    *weight = leading.weight;
    *digit = leading.digits[0];
    return;
  }
  uwide magnitude = d->small < 0 ? -(uwide)d->small : (uwide)d->small;
  *weight = *digit = 0;
  if (!magnitude)
    return;
  *weight = floor_quarter(wide_digits(magnitude) - 1 - d->scale);
  int exponent = d->scale + 4 * *weight;
  *digit = (int)(exponent >= 0 ? magnitude / (uwide)wide_pow10(exponent) : magnitude * (uwide)wide_pow10(-exponent));
}

static int quotient_scale(const struct decimal *a, const struct decimal *b)
{
  int weight_a, weight_b, digit_a, digit_b;
  first_digit(a, &weight_a, &digit_a);
  first_digit(b, &weight_b, &digit_b);
  int weight = weight_a - weight_b - (digit_a <= digit_b);
  int scale = MIN_SIGNIFICANT - weight * 4;
  scale = scale < a->scale ? a->scale : scale;
  scale = scale < b->scale ? b->scale : scale;
  scale = scale < 0 ? 0 : scale;
  return scale > MAX_DISPLAY_SCALE ? MAX_DISPLAY_SCALE : scale;
}

void decimal_divide(const struct decimal *a, const struct decimal *b, int scale, struct decimal *out)
{
  *out = (struct decimal){.kind = NUMERIC_FINITE, .scale = scale};
  int shift = scale - a->scale + b->scale;
  wide dividend;
  if (!a->is_big && !b->is_big && shift >= 0 && shift_small(a->small, shift, &dividend) && b->small > -WIDE_MAX &&
      dividend > -WIDE_MAX) {
    wide rest = dividend % b->small;
    wide divisor = b->small < 0 ? -b->small : b->small;
    rest = rest < 0 ? -rest : rest;
    out->small = dividend / b->small;
    if (rest >= divisor - rest)
      out->small += (dividend < 0) == (b->small < 0) ? 1 : -1;
    return;
  }
  mpz_t divisor, rest, factor;
  mpz_inits(divisor, rest, factor, out->big, NULL);
  out->is_big = true;
  if (a->is_big)
    mpz_set(out->big, a->big);
  else
    mpz_set_wide(out->big, a->small);
  if (b->is_big)
    mpz_set(divisor, b->big);
  else
    mpz_set_wide(divisor, b->small);
  mpz_pow10(factor, (unsigned long)(shift < 0 ? -shift : shift));
  if (shift < 0)
    mpz_mul(divisor, divisor, factor);
  else
    mpz_mul(out->big, out->big, factor);
  int sign = mpz_sgn(out->big) * mpz_sgn(divisor);
  mpz_tdiv_qr(out->big, rest, out->big, divisor);
  mpz_mul_2exp(rest, rest, 1);
  if (mpz_cmpabs(rest, divisor) >= 0) {
    if (sign > 0)
      mpz_add_ui(out->big, out->big, 1);
    else
      mpz_sub_ui(out->big, out->big, 1);
  }
  mpz_clears(divisor, rest, factor, NULL);
}

static int divide_decimals(const struct decimal *a, const struct decimal *b, struct arena *arena, struct value *out,
                           struct error *error)
{
  if (either_is_nan(a, b))
    return numeric_special(NUMERIC_NAN, arena, out, error);
  if (a->kind != NUMERIC_FINITE && b->kind != NUMERIC_FINITE)
    return numeric_special(NUMERIC_NAN, arena, out, error);
  if (b->kind != NUMERIC_FINITE)
    return numeric_constant(0, 0, arena, out, error);
  if (decimal_sign(b) == 0)
    return division_by_zero(error);
  if (a->kind != NUMERIC_FINITE)
    return sign_as_kind(decimal_sign(a) * decimal_sign(b), arena, out, error);
  struct decimal quotient;
  decimal_divide(a, b, quotient_scale(a, b), &quotient);
  int status = decimal_write(&quotient, arena, out, error);
  decimal_clear(&quotient);
  return status;
}

int numeric_divide(const struct value *a, const struct value *b, struct arena *arena, struct value *out,
                   struct error *error)
{
  struct decimal x, y;
  decimal_read(a, &x);
  decimal_read(b, &y);
  int status = divide_decimals(&x, &y, arena, out, error);
  decimal_clear(&x);
  decimal_clear(&y);
  return status;
}

static int modulo_decimals(struct decimal *a, struct decimal *b, struct arena *arena, struct value *out,
                           struct error *error)
{
  if (either_is_nan(a, b))
    return numeric_special(NUMERIC_NAN, arena, out, error);
  if (decimal_sign(b) == 0)
    return division_by_zero(error);
  if (a->kind != NUMERIC_FINITE)
    return numeric_special(NUMERIC_NAN, arena, out, error);
  if (b->kind != NUMERIC_FINITE)
    return decimal_write(a, arena, out, error);
  align(a, b);
  if (!a->is_big && !b->is_big)
    return write_small(b->small == -1 ? 0 : a->small % b->small, a->scale, arena, out, error);
  decimal_enlarge(a);
  decimal_enlarge(b);
  mpz_tdiv_r(a->big, a->big, b->big);
  return decimal_write(a, arena, out, error);
}

int numeric_modulo(const struct value *a, const struct value *b, struct arena *arena, struct value *out,
                   struct error *error)
{
  struct decimal x, y;
  decimal_read(a, &x);
  decimal_read(b, &y);
  int status = modulo_decimals(&x, &y, arena, out, error);
  decimal_clear(&x);
  decimal_clear(&y);
  return status;
}

int numeric_negate(const struct value *a, struct arena *arena, struct value *out, struct error *error)
{
  struct decimal d;
  decimal_read(a, &d);
  if (d.kind == NUMERIC_NAN)
    return copy_of(a, arena, out, error);
  if (d.kind != NUMERIC_FINITE)
    return sign_as_kind(-decimal_sign(&d), arena, out, error);
  if (!d.is_big && d.small >= -WIDE_MAX)
    return write_small(-d.small, d.scale, arena, out, error);
  decimal_enlarge(&d);
  mpz_neg(d.big, d.big);
  int status = decimal_write(&d, arena, out, error);
  decimal_clear(&d);
  return status;
}
