// Roots, powers, exponentials and logarithms of numerics.
//
// The scales of results are PostgreSQL's (numeric.c of version 15: at least 16 significant digits, at least
// the operands' scales, at most 1000). The values are rounded from binary fixed-point numbers with
// GUARD_BITS to spare: exp by Taylor's series on an argument halved, ln by the series of
// artanh on an argument whose square root was taken (Brent and Zimmermann, Modern Computer Arithmetic, 4.4).
#include "data/numeric_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/sqlstate.h"

enum { GUARD_BITS = 96 };
static const double LOG2_10 = 3.3219280948873623;
static const double LOG10_E = 0.434294481903252;

static int max_int(int a, int b) { return a > b ? a : b; }
static int min_int(int a, int b) { return a < b ? a : b; }

// The scale of a result whose first significant digit stands about at 10^weight.
static int result_scale(int weight, int scale_a, int scale_b)
{
  int scale = max_int(max_int(MIN_SIGNIFICANT - weight, scale_a), max_int(scale_b, 0));
  return min_int(scale, MAX_DISPLAY_SCALE);
}

// ---- binary fixed point: a number times 2^bits ----

// decimal * 2^bits, rounded down.
static void fixed_from_decimal(mpz_t out, const struct decimal *d, unsigned long bits)
{
  if (d->is_big)
    mpz_set(out, d->big);
  else
    mpz_set_wide(out, d->small);
  mpz_mul_2exp(out, out, bits);
  mpz_t divisor;
  mpz_init(divisor);
  mpz_pow10(divisor, (unsigned long)d->scale);
  mpz_fdiv_q(out, out, divisor);
  mpz_clear(divisor);
}

// The fixed-point number rounded to a scale, half away from zero, as a new decimal. Consumes v.
static void decimal_from_fixed(mpz_t v, long bits, int scale, struct decimal *out)
{
  mpz_t factor;
  mpz_init(factor);
  mpz_pow10(factor, (unsigned long)scale);
  mpz_mul(v, v, factor);
  int sign = mpz_sgn(v);
  mpz_abs(v, v);
  if (bits > 0) {
    mpz_set_ui(factor, 1);
    mpz_mul_2exp(factor, factor, (unsigned long)bits - 1);
    mpz_add(v, v, factor);
    mpz_tdiv_q_2exp(v, v, (unsigned long)bits);
  } else {
    mpz_mul_2exp(v, v, (unsigned long)-bits);
  }
  if (sign < 0)
    mpz_neg(v, v);
  *out = (struct decimal){.kind = NUMERIC_FINITE, .is_big = true, .scale = scale};
  mpz_init(out->big);
  mpz_swap(out->big, v);
  mpz_clear(factor);
}

// How often an argument is halved before its series: about as costly as the terms that it saves.
static unsigned long reductions_for(unsigned long bits)
{
  return 8 + (unsigned long)sqrt((double)bits) / 4;
}

// artanh(1/n) * 2^bits
static void artanh_of_inverse(mpz_t out, unsigned long n, unsigned long bits)
{
  mpz_t power, term;
  mpz_inits(power, term, NULL);
  mpz_setbit(power, bits);
  mpz_tdiv_q_ui(power, power, n);
  mpz_set(out, power);
  for (unsigned long k = 3; mpz_sgn(power); k += 2) {
    mpz_tdiv_q_ui(power, power, n * n);
    mpz_tdiv_q_ui(term, power, k);
    mpz_add(out, out, term);
  }
  mpz_clears(power, term, NULL);
}

// ln 2 = 18 artanh(1/26) - 2 artanh(1/4801) + 8 artanh(1/8749)
static void fixed_ln2(mpz_t out, unsigned long bits)
{
  mpz_t term;
  mpz_init(term);
  artanh_of_inverse(out, 26, bits);
  mpz_mul_ui(out, out, 18);
  artanh_of_inverse(term, 4801, bits);
  mpz_submul_ui(out, term, 2);
  artanh_of_inverse(term, 8749, bits);
  mpz_addmul_ui(out, term, 8);
  mpz_clear(term);
}

// ln of a fixed-point number between 1/2 and 2, in place.
static void fixed_ln_near_one(mpz_t v, unsigned long bits)
{
  mpz_t one, square, power, term;
  mpz_inits(one, square, power, term, NULL);
  unsigned long reductions = reductions_for(bits); // each costs a bit
  mpz_mul_2exp(v, v, reductions);
  bits += reductions;
  mpz_setbit(one, bits);
  for (unsigned long i = 0; i < reductions; i++) {
    mpz_mul_2exp(v, v, bits);
    mpz_sqrt(v, v);
  }
  // z = (v - 1) / (v + 1); ln v = 2 (z + z^3/3 + z^5/5 + …)
  mpz_sub(power, v, one);
  mpz_add(term, v, one);
  mpz_mul_2exp(power, power, bits);
  mpz_tdiv_q(power, power, term);
  mpz_mul(square, power, power);
  mpz_tdiv_q_2exp(square, square, bits);
  mpz_set(v, power);
  for (unsigned long k = 3; mpz_sgn(power); k += 2) {
    mpz_mul(power, power, square);
    mpz_tdiv_q_2exp(power, power, bits);
    mpz_tdiv_q_ui(term, power, k);
    mpz_add(v, v, term);
  }
  mpz_mul_2exp(v, v, 1); // of the 2 before the series; the reductions and the bits for them cancel out
  mpz_clears(one, square, power, term, NULL);
}

// ln(d) * 2^bits, right to all but the last few of GUARD_BITS. d > 0.
static void fixed_ln(mpz_t out, const struct decimal *d, unsigned long bits)
{
  // d = m * 2^shift with m near one. Its bits: those of the unscaled integer less those of 10^scale.
  mpz_t unscaled, power, ln2;
  mpz_inits(unscaled, power, ln2, NULL);
  if (d->is_big)
    mpz_set(unscaled, d->big);
  else
    mpz_set_wide(unscaled, d->small);
  mpz_pow10(power, (unsigned long)d->scale);
  long shift = (long)mpz_sizeinbase(unscaled, 2) - (long)mpz_sizeinbase(power, 2);
  long up = (long)bits - shift;
  if (up >= 0)
    mpz_mul_2exp(unscaled, unscaled, (unsigned long)up);
  else
    mpz_mul_2exp(power, power, (unsigned long)-up);
  mpz_tdiv_q(out, unscaled, power);
  fixed_ln_near_one(out, bits);
  if (shift) {
    fixed_ln2(ln2, bits);
    mpz_mul_si(ln2, ln2, shift);
    mpz_add(out, out, ln2);
  }
  mpz_clears(unscaled, power, ln2, NULL);
}

// Bits for so many decimal digits behind the point.
static unsigned long bits_for(int scale)
{
  return (unsigned long)(max_int(scale, 0) * LOG2_10) + GUARD_BITS;
}

static void decimal_ln(const struct decimal *d, int scale, struct decimal *out)
{
  unsigned long bits = bits_for(scale);
  mpz_t v;
  mpz_init(v);
  fixed_ln(v, d, bits);
  decimal_from_fixed(v, (long)bits, scale, out);
  mpz_clear(v);
}

// exp(d) rounded to the scale. |d| < 6000 (the caller has looked).
static void decimal_exp(const struct decimal *d, double estimate, int scale, struct decimal *out)
{
  // d = n ln 2 + r; exp(d) = 2^n exp(r), so that the bits of 2^n are needed beside those of the scale.
  long n = (long)floor(estimate / 0.6931471805599453);
  unsigned long bits = bits_for(scale) + (unsigned long)(n > 0 ? n : 0);
  unsigned long reductions = reductions_for(bits);
  bits += 2 * reductions; // each squaring costs a bit
  mpz_t v, term, ln2;
  mpz_inits(v, term, ln2, NULL);
  fixed_from_decimal(v, d, bits);
  fixed_ln2(ln2, bits);
  mpz_mul_si(ln2, ln2, n);
  mpz_sub(v, v, ln2);
  mpz_fdiv_q_2exp(v, v, reductions);
  mpz_set_ui(term, 0);
  mpz_setbit(term, bits);
  mpz_set(ln2, v); // the reduced argument
  mpz_set(v, term);
  for (unsigned long k = 1; mpz_sgn(term); k++) {
    mpz_mul(term, term, ln2);
    mpz_tdiv_q_2exp(term, term, bits);
    mpz_tdiv_q_ui(term, term, k);
    mpz_add(v, v, term);
  }
  for (unsigned long i = 0; i < reductions; i++) {
    mpz_mul(v, v, v);
    mpz_fdiv_q_2exp(v, v, bits);
  }
  decimal_from_fixed(v, (long)bits - n, scale, out);
  mpz_clears(v, term, ln2, NULL);
}

// ---- estimates ----

// PostgreSQL's estimate of where the first digit of ln(d) stands (estimate_ln_dweight). d > 0.
static int ln_weight(const struct decimal *d)
{
  static const struct decimal low = {.small = 9, .scale = 1}, high = {.small = 11, .scale = 1};
  struct leading_digits leading;
  if (decimal_compare(d, &low) >= 0 && decimal_compare(d, &high) <= 0) {
    // ln(1 + x) is about x
    struct decimal x = {.kind = NUMERIC_FINITE, .scale = d->scale, .is_big = true};
    mpz_init(x.big);
    mpz_pow10(x.big, (unsigned long)d->scale);
    mpz_t unscaled;
    mpz_init(unscaled);
    if (d->is_big)
      mpz_set(unscaled, d->big);
    else
      mpz_set_wide(unscaled, d->small);
    mpz_sub(x.big, unscaled, x.big);
    mpz_clear(unscaled);
    decimal_leading(&x, &leading);
    decimal_clear(&x);
    return leading.count ? leading.weight * 4 + (int)log10(leading.digits[0]) : 0;
  }
  decimal_leading(d, &leading);
  int digits = leading.digits[0], weight = leading.weight * 4;
  if (leading.count > 1) {
    digits = digits * 10000 + leading.digits[1];
    weight -= 4;
  }
  return (int)log10(fabs(log((double)digits) + weight * 2.302585092994046));
}

// As a double, from the first digits; infinite where it is beyond its range.
static double approximate(const struct decimal *d)
{
  struct leading_digits leading;
  decimal_leading(d, &leading);
  char text[48];
  snprintf(text, sizeof text, "%s%d%04d%04d%04d%04de%d", decimal_sign(d) < 0 ? "-" : "", leading.digits[0],
           leading.digits[1], leading.digits[2], leading.digits[3], leading.digits[4], 4 * (leading.weight - 4));
  return strtod(text, NULL);
}

// ---- square root ----

int numeric_sqrt_to(const struct value *a, int scale, struct arena *arena, struct value *out, struct error *error)
{
  struct decimal d;
  decimal_read(a, &d);
  int sign = decimal_sign(&d);
  if (sign < 0)
    goto negative;
  if (d.kind != NUMERIC_FINITE)
    return numeric_special(d.kind, arena, out, error);
  if (scale < 0) {
    struct leading_digits leading;
    decimal_leading(&d, &leading);
    scale = result_scale(leading.weight * 2 + 1, d.scale, 0);
  }
  mpz_t v, rest;
  mpz_inits(v, rest, NULL);
  mpz_pow10(rest, (unsigned long)(2 * scale - d.scale));
  decimal_enlarge(&d);
  mpz_mul(v, d.big, rest);
  mpz_sqrtrem(v, rest, v);
  if (mpz_cmp(rest, v) > 0) // above the middle of two
    mpz_add_ui(v, v, 1);
  mpz_swap(d.big, v);
  d.scale = scale;
  int status = decimal_write(&d, arena, out, error);
  mpz_clears(v, rest, NULL);
  decimal_clear(&d);
  return status;
negative:
  decimal_clear(&d);
  return error_set(error, SQLSTATE_INVALID_ARGUMENT_FOR_POWER_FUNCTION,
                   "cannot take square root of a negative number");
}

int numeric_sqrt(const struct value *a, struct arena *arena, struct value *out, struct error *error)
{
  return numeric_sqrt_to(a, -1, arena, out, error);
}

// ---- logarithms ----

static int check_logarithm(int sign, struct error *error)
{
  if (sign < 0)
    return error_set(error, SQLSTATE_INVALID_ARGUMENT_FOR_LOGARITHM, "cannot take logarithm of a negative number");
  if (sign == 0)
    return error_set(error, SQLSTATE_INVALID_ARGUMENT_FOR_LOGARITHM, "cannot take logarithm of zero");
  return 0;
}

int numeric_ln(const struct value *a, struct arena *arena, struct value *out, struct error *error)
{
  struct decimal d, result;
  decimal_read(a, &d);
  int status = check_logarithm(decimal_sign(&d), error);
  if (!status && d.kind != NUMERIC_FINITE) {
    status = numeric_special(d.kind, arena, out, error);
  } else if (!status) {
    decimal_ln(&d, result_scale(ln_weight(&d), d.scale, 0), &result);
    status = decimal_write(&result, arena, out, error);
    decimal_clear(&result);
  }
  decimal_clear(&d);
  return status;
}

static int log_special(const struct decimal *base, const struct decimal *d, struct arena *arena, struct value *out,
                       struct error *error)
{
  if (base->kind == NUMERIC_NAN || d->kind == NUMERIC_NAN)
    return numeric_special(NUMERIC_NAN, arena, out, error);
  int sign_base = decimal_sign(base), sign = decimal_sign(d);
  int status = check_logarithm(sign_base < 0 || sign < 0 ? -1 : sign_base && sign, error);
  if (status)
    return status;
  if (base->kind == NUMERIC_FINITE)
    return numeric_special(NUMERIC_INFINITY, arena, out, error);
  return d->kind == NUMERIC_FINITE ? numeric_constant(0, 0, arena, out, error)
                                   : numeric_special(NUMERIC_NAN, arena, out, error);
}

static int log_finite(const struct decimal *base, const struct decimal *d, struct arena *arena, struct value *out,
                      struct error *error)
{
  int status = check_logarithm(decimal_sign(base), error);
  if (!status)
    status = check_logarithm(decimal_sign(d), error);
  if (status)
    return status;
  int weight_base = ln_weight(base), weight = ln_weight(d) - weight_base;
  int scale = result_scale(weight, base->scale, d->scale);
  // The error of ln(base) counts as often as the result is large, and as 1 / ln(base) is.
  unsigned long bits = bits_for(scale + max_int(weight, 0) + max_int(-weight_base, 0) + 8);
  mpz_t v, divisor;
  mpz_inits(v, divisor, NULL);
  fixed_ln(divisor, base, bits);
  fixed_ln(v, d, bits);
  struct decimal result = {0};
  static const struct decimal one = {.small = 1};
  if (decimal_compare(base, &one) == 0) {
    status = error_set(error, SQLSTATE_DIVISION_BY_ZERO, "division by zero");
  } else {
    mpz_mul_2exp(v, v, bits);
    mpz_tdiv_q(v, v, divisor);
    decimal_from_fixed(v, (long)bits, scale, &result);
    status = decimal_write(&result, arena, out, error);
    decimal_clear(&result);
  }
  mpz_clears(v, divisor, NULL);
  return status;
}

int numeric_log(const struct value *base, const struct value *a, struct arena *arena, struct value *out,
                struct error *error)
{
  struct decimal x, y;
  decimal_read(base, &x);
  decimal_read(a, &y);
  bool is_finite = x.kind == NUMERIC_FINITE && y.kind == NUMERIC_FINITE;
  int status = is_finite ? log_finite(&x, &y, arena, out, error) : log_special(&x, &y, arena, out, error);
  decimal_clear(&x);
  decimal_clear(&y);
  return status;
}

// ---- exponentials ----

// exp(d) at the scale, 22003 where it is too large.
static int exp_to_scale(const struct decimal *d, int scale, struct decimal *result, struct error *error)
{
  double v = approximate(d);
  if (fabs(v) >= MAX_RESULT_SCALE * 3) {
    if (v > 0)
      return numeric_overflow(error);
    *result = (struct decimal){.kind = NUMERIC_FINITE, .scale = scale};
    return 0;
  }
  decimal_exp(d, v, scale, result);
  return 0;
}

int numeric_exp(const struct value *a, struct arena *arena, struct value *out, struct error *error)
{
  struct decimal d, result;
  decimal_read(a, &d);
  if (d.kind == NUMERIC_MINUS_INFINITY)
    return numeric_constant(0, 0, arena, out, error);
  if (d.kind != NUMERIC_FINITE)
    return numeric_special(d.kind, arena, out, error);
  double weight = approximate(&d) * LOG10_E;
  weight = weight < -MAX_RESULT_SCALE ? -MAX_RESULT_SCALE : weight > MAX_RESULT_SCALE ? MAX_RESULT_SCALE : weight;
  int status = exp_to_scale(&d, result_scale((int)weight, d.scale, 0), &result, error);
  if (!status) {
    status = decimal_write(&result, arena, out, error);
    decimal_clear(&result);
  }
  decimal_clear(&d);
  return status;
}

// ---- powers ----

static bool is_odd(const struct decimal *d)
{
  struct decimal whole = *d;
  if (d->is_big)
    mpz_init_set(whole.big, d->big);
  decimal_truncate(&whole, 0);
  bool odd = whole.is_big ? mpz_odd_p(whole.big) : whole.small & 1;
  decimal_clear(&whole);
  return odd;
}

static bool is_one(const struct decimal *d, int64_t sign)
{
  struct decimal one = {.small = sign};
  return d->kind == NUMERIC_FINITE && decimal_compare(d, &one) == 0;
}

static int check_power(const struct decimal *base, const struct decimal *exponent, struct error *error)
{
  if (decimal_sign(base) == 0 && decimal_sign(exponent) < 0)
    return error_set(error, SQLSTATE_INVALID_ARGUMENT_FOR_POWER_FUNCTION,
                     "zero raised to a negative power is undefined");
  if (decimal_sign(base) < 0 && !decimal_is_integral(exponent))
    return error_set(error, SQLSTATE_INVALID_ARGUMENT_FOR_POWER_FUNCTION,
                     "a negative number raised to a non-integer power yields a complex result");
  return 0;
}

// NaN and infinities, by the rules of POSIX's pow.
static int power_special(const struct decimal *base, const struct decimal *exponent, struct arena *arena,
                         struct value *out, struct error *error)
{
  if (base->kind == NUMERIC_NAN || exponent->kind == NUMERIC_NAN) {
    if ((base->kind == NUMERIC_NAN && decimal_sign(exponent) == 0) || is_one(base, 1))
      return numeric_constant(1, 0, arena, out, error);
    return numeric_special(NUMERIC_NAN, arena, out, error);
  }
  int status = check_power(base, exponent, error);
  if (status)
    return status;
  int sign = decimal_sign(exponent);
  if (is_one(base, 1) || sign == 0)
    return numeric_constant(1, 0, arena, out, error);
  if (decimal_sign(base) == 0)
    return numeric_constant(0, 0, arena, out, error);
  if (exponent->kind != NUMERIC_FINITE) {
    static const struct decimal one = {.small = 1}, minus_one = {.small = -1};
    if (is_one(base, -1))
      return numeric_constant(1, 0, arena, out, error);
    bool is_above_one = decimal_compare(base, &one) > 0 || decimal_compare(base, &minus_one) < 0;
    return is_above_one == (sign > 0) ? numeric_special(NUMERIC_INFINITY, arena, out, error)
                                      : numeric_constant(0, 0, arena, out, error);
  }
  if (sign < 0)
    return numeric_constant(0, 0, arena, out, error);
  bool is_negative = base->kind == NUMERIC_MINUS_INFINITY && is_odd(exponent);
  return numeric_special(is_negative ? NUMERIC_MINUS_INFINITY : NUMERIC_INFINITY, arena, out, error);
}

static int weight_of(const struct decimal *d)
{
  struct leading_digits leading;
  decimal_leading(d, &leading);
  return leading.weight;
}

// *to = a * b, rounded to at most digits significant ones as PostgreSQL does in repeated squaring.
static void multiply_rounded(struct decimal *to, const struct decimal *a, const struct decimal *b, int digits)
{
  struct decimal product;
  int scale = digits - (weight_of(a) + weight_of(b)) * 4;
  decimal_multiply(a, b, &product);
  decimal_round(&product, max_int(min_int(scale, a->scale + b->scale), 0));
  decimal_clear(to);
  *to = product;
}

// log10 of base^exponent, from the base's first 16 digits or so.
static double power_estimate(const struct decimal *base, int exponent)
{
  struct leading_digits leading;
  decimal_leading(base, &leading);
  double first = leading.digits[0];
  int weight = leading.weight * 4;
  for (int i = 1; i < leading.count && i * 4 < 16; i++) {
    first = first * 10000 + leading.digits[i];
    weight -= 4;
  }
  return exponent * (log10(first) + weight);
}

// base^exponent by repeated squaring, for an exponent other than 0 and 1 and a base other than 0.
static int power_by_squaring(const struct decimal *base, int exponent, int scale, struct decimal *result,
                             struct error *error)
{
  double estimate = power_estimate(base, exponent);
  *result = (struct decimal){.kind = NUMERIC_FINITE, .scale = scale};
  if (estimate > 3.0 * INT16_MAX * 4)
    return numeric_overflow(error);
  if (estimate + 1 < -scale || estimate + 1 < -MAX_DISPLAY_SCALE)
    return 0;
  int digits = 1 + scale + (int)estimate + (int)log(fabs((double)exponent)) + 8;
  static const struct decimal one = {.small = 1};
  struct decimal square, product;
  unsigned mask = exponent < 0 ? -(unsigned)exponent : (unsigned)exponent;
  decimal_multiply(base, &one, &square);
  decimal_multiply(mask & 1 ? base : &one, &one, &product);
  bool is_beyond = false;
  while (!is_beyond && (mask >>= 1) > 0) {
    multiply_rounded(&square, &square, &square, digits);
    if (mask & 1)
      multiply_rounded(&product, &square, &product, digits);
    is_beyond = weight_of(&square) > INT16_MAX || weight_of(&product) > INT16_MAX;
  }
  if (!is_beyond && exponent < 0) {
    decimal_divide(&one, &product, scale, result);
  } else if (!is_beyond) {
    decimal_round(&product, scale);
    decimal_multiply(&product, &one, result);
  }
  decimal_clear(&square);
  decimal_clear(&product);
  return is_beyond && exponent > 0 ? numeric_overflow(error) : 0;
}

static int power_of_integer(const struct decimal *base, int exponent, struct decimal *result, struct error *error)
{
  static const struct decimal one = {.small = 1};
  int scale = min_int(max_int(MIN_SIGNIFICANT, base->scale), MAX_DISPLAY_SCALE);
  *result = (struct decimal){.kind = NUMERIC_FINITE, .scale = scale};
  switch (exponent) {
  case 0:
    decimal_multiply(&one, &one, result);
    decimal_round(result, scale);
    return 0;
  case 1:
    decimal_multiply(base, &one, result);
    decimal_round(result, scale);
    return 0;
  case -1:
    decimal_divide(&one, base, scale, result);
    return 0;
  case 2:
    decimal_multiply(base, base, result);
    decimal_round(result, scale);
    return 0;
  default:
    return decimal_sign(base) == 0 ? 0 : power_by_squaring(base, exponent, scale, result, error);
  }
}

// base^exponent = exp(exponent * ln(base)), for base > 0.
static int power_by_logarithm(const struct decimal *base, const struct decimal *exponent, struct decimal *result,
                              struct error *error)
{
  int weight = ln_weight(base);
  struct decimal ln, product;
  decimal_ln(base, max_int(8 - weight, 0), &ln);
  decimal_multiply(&ln, exponent, &product);
  decimal_round(&product, ln.scale);
  double estimate = approximate(&product);
  decimal_clear(&ln);
  decimal_clear(&product);
  if (fabs(estimate) > MAX_RESULT_SCALE * 3.01) {
    if (estimate > 0)
      return numeric_overflow(error);
    *result = (struct decimal){.kind = NUMERIC_FINITE, .scale = MAX_DISPLAY_SCALE};
    return 0;
  }
  estimate *= LOG10_E;
  int scale = result_scale((int)estimate, base->scale, exponent->scale);
  int digits = max_int(scale + (int)estimate, 0);
  int precise = max_int(digits - weight + 8, 0);
  decimal_ln(base, precise, &ln);
  decimal_multiply(&ln, exponent, &product);
  decimal_round(&product, precise);
  int status = exp_to_scale(&product, scale, result, error);
  decimal_clear(&ln);
  decimal_clear(&product);
  return status;
}

// Does the exponent fit PostgreSQL's test for the integral form?
static bool small_exponent(const struct decimal *exponent, int *out)
{
  if (!decimal_is_integral(exponent))
    return false;
  struct decimal whole = *exponent;
  if (exponent->is_big)
    mpz_init_set(whole.big, exponent->big);
  decimal_truncate(&whole, 0);
  if (whole.is_big && mpz_fits_slong_p(whole.big)) {
    int64_t v = mpz_get_si(whole.big);
    decimal_clear(&whole);
    whole.small = v;
  }
  bool fits = !whole.is_big && whole.small >= INT32_MIN && whole.small <= INT32_MAX;
  *out = fits ? (int)whole.small : 0;
  decimal_clear(&whole);
  return fits;
}

static int power_finite(struct decimal *base, const struct decimal *exponent, struct decimal *result,
                        struct error *error)
{
  int whole;
  if (small_exponent(exponent, &whole))
    return power_of_integer(base, whole, result, error);
  *result = (struct decimal){.kind = NUMERIC_FINITE, .scale = MIN_SIGNIFICANT};
  int sign = decimal_sign(base);
  if (sign == 0)
    return 0;
  bool is_negative = sign < 0 && is_odd(exponent);
  if (sign < 0) {
    decimal_enlarge(base);
    mpz_neg(base->big, base->big);
  }
  int status = power_by_logarithm(base, exponent, result, error);
  if (status || !is_negative)
    return status;
  decimal_enlarge(result);
  mpz_neg(result->big, result->big);
  return 0;
}

int numeric_power(const struct value *a, const struct value *b, struct arena *arena, struct value *out,
                  struct error *error)
{
  struct decimal x, y, result;
  decimal_read(a, &x);
  decimal_read(b, &y);
  int status;
  if (x.kind != NUMERIC_FINITE || y.kind != NUMERIC_FINITE) {
    status = power_special(&x, &y, arena, out, error);
  } else {
    status = check_power(&x, &y, error);
    if (!status)
      status = power_finite(&x, &y, &result, error);
    if (!status) {
      status = decimal_write(&result, arena, out, error);
      decimal_clear(&result);
    }
  }
  decimal_clear(&x);
  decimal_clear(&y);
  return status;
}
