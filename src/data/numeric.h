// Exact decimal numbers: PostgreSQL's numeric.
//
// Bytes of a numeric: kind (1 byte: finite, NaN, infinity, -infinity), display scale (2 bytes,
// little-endian), then the unscaled integer: two's complement, little-endian, the fewest whole
// 8-byte words that hold it. Up to 128 bits the arithmetic is the machine's; beyond, GMP's.
#pragma once

#include "data/value.h"

int numeric_from_int64(int64_t v, struct arena *arena, struct value *out, struct error *error);
int numeric_from_float8(double v, struct arena *arena, struct value *out, struct error *error);
// Rounds half away from zero; 22003 beyond the integer's range (name says which: "bigint", …).
int numeric_to_int64(const struct value *v, int64_t low, int64_t high, const char *type_name, int64_t *out,
                     struct error *error);
double numeric_to_float8(const struct value *v);

// Arithmetic with PostgreSQL's rules for the result's scale (NaN and infinities too).
int numeric_add(const struct value *a, const struct value *b, struct arena *arena, struct value *out, struct error *error);
int numeric_subtract(const struct value *a, const struct value *b, struct arena *arena, struct value *out, struct error *error);
int numeric_multiply(const struct value *a, const struct value *b, struct arena *arena, struct value *out, struct error *error);
int numeric_divide(const struct value *a, const struct value *b, struct arena *arena, struct value *out, struct error *error);
int numeric_modulo(const struct value *a, const struct value *b, struct arena *arena, struct value *out, struct error *error);
int numeric_power(const struct value *a, const struct value *b, struct arena *arena, struct value *out, struct error *error);
int numeric_negate(const struct value *a, struct arena *arena, struct value *out, struct error *error);
int numeric_sqrt(const struct value *a, struct arena *arena, struct value *out, struct error *error);
int numeric_ln(const struct value *a, struct arena *arena, struct value *out, struct error *error);
int numeric_exp(const struct value *a, struct arena *arena, struct value *out, struct error *error);
int numeric_log(const struct value *base, const struct value *a, struct arena *arena, struct value *out, struct error *error);
// scale may be negative (round(1234, -2) = 1200).
int numeric_round(const struct value *a, int scale, struct arena *arena, struct value *out, struct error *error);
int numeric_truncate(const struct value *a, int scale, struct arena *arena, struct value *out, struct error *error);
int numeric_floor(const struct value *a, struct arena *arena, struct value *out, struct error *error);
int numeric_ceiling(const struct value *a, struct arena *arena, struct value *out, struct error *error);
int numeric_sign(const struct value *a); // -1, 0, 1; NaN: 2
int numeric_scale(const struct value *a);
int numeric_compare(const struct value *a, const struct value *b);
