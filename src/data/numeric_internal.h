// What the numeric files share: a numeric taken apart for arithmetic.
#pragma once

#include <gmp.h>

#include "data/numeric.h"

typedef __int128 wide;
typedef unsigned __int128 uwide;

enum numeric_kind { NUMERIC_FINITE = 0, NUMERIC_NAN = 1, NUMERIC_INFINITY = 2, NUMERIC_MINUS_INFINITY = 3 };

enum {
  NUMERIC_HEADER = 3,     // bytes before the unscaled integer
  SMALL_DIGITS = 38,      // 10^38 is the greatest power of ten in 127 bits
  MIN_SIGNIFICANT = 16,   // digits that a quotient, a root, a logarithm have at least
  MAX_DISPLAY_SCALE = 1000,
  MAX_RESULT_SCALE = 2000,
};

// unscaled * 10^-scale. A small one has no memory of its own; decimal_clear frees a big one's.
struct decimal {
  enum numeric_kind kind;
  bool is_big;
  int32_t scale;
  wide small;
  mpz_t big; // initialized only where is_big
};

void decimal_read(const struct value *value, struct decimal *decimal);
void decimal_clear(struct decimal *decimal);
void decimal_enlarge(struct decimal *decimal);
// Turns a finite one into bytes. 22003 beyond the type's limits.
int decimal_write(const struct decimal *decimal, struct arena *arena, struct value *out, struct error *error);
int numeric_special(enum numeric_kind kind, struct arena *arena, struct value *out, struct error *error);
int numeric_constant(int64_t unscaled, int scale, struct arena *arena, struct value *out, struct error *error);
int numeric_overflow(struct error *error);

int decimal_sign(const struct decimal *decimal);
int decimal_compare(const struct decimal *a, const struct decimal *b);
bool decimal_is_integral(const struct decimal *decimal);
// Rounds half away from zero to a scale, which may be negative (then the scale becomes 0), or adds zeros.
void decimal_round(struct decimal *decimal, int scale);
void decimal_truncate(struct decimal *decimal, int scale);
// a * b, exactly, in *out (which is a new one).
void decimal_multiply(const struct decimal *a, const struct decimal *b, struct decimal *out);
// a / b rounded to the scale, in *out (which is a new one). b is not zero, scale >= a's.
void decimal_divide(const struct decimal *a, const struct decimal *b, int scale, struct decimal *out);

// Digits as PostgreSQL holds them, in base 10000: which power the first one has, and the first four.
struct leading_digits {
  int weight;
  int count; // of digits, at most 5; 0 for zero
  int digits[5];
};
void decimal_leading(const struct decimal *decimal, struct leading_digits *leading);

static inline void mpz_set_wide(mpz_t to, wide v)
{
  uwide magnitude = v < 0 ? -(uwide)v : (uwide)v;
  mpz_set_ui(to, (unsigned long)(magnitude >> 64));
  mpz_mul_2exp(to, to, 64);
  mpz_add_ui(to, to, (unsigned long)magnitude);
  if (v < 0)
    mpz_neg(to, to);
}

static inline void mpz_pow10(mpz_t to, unsigned long exponent) { mpz_ui_pow_ui(to, 10, exponent); }

// 10^exponent, for 0 to SMALL_DIGITS.
static inline wide wide_pow10(int exponent)
{
  static const uint64_t powers[20] = {
    1u, 10u, 100u, 1000u, 10000u, 100000u, 1000000u, 10000000u, 100000000u, 1000000000u, 10000000000u,
    100000000000u, 1000000000000u, 10000000000000u, 100000000000000u, 1000000000000000u, 10000000000000000u,
    100000000000000000u, 1000000000000000000u, 10000000000000000000u,
  };
  return exponent < 20 ? (wide)powers[exponent] : (wide)powers[19] * (wide)powers[exponent - 19];
}

// Decimal digits of v; 0 has none.
static inline int wide_digits(uwide v)
{
  int low = 0, high = SMALL_DIGITS + 1; // the answer lies between
  while (low < high) {
    int middle = (low + high) / 2;
    if (v >= (uwide)wide_pow10(middle))
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}
