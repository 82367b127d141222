// Exact decimal numbers: PostgreSQL's numeric.
//
// Bytes of a numeric: kind (1 byte: finite, NaN, infinity, -infinity), display scale (2 bytes,
// little-endian), then the unscaled integer: two's complement, little-endian, the fewest whole
// 8-byte words that hold it. Up to 128 bits the arithmetic is the machine's; beyond, GMP's.
#pragma once

#include "data/value.h"

// v * 10^-scale.
int numeric_from_unscaled(__int128 v, int scale, struct arena *arena, struct value *out, struct error *error);
// The other way, of those that are one word long. False: it is longer, or not finite.
bool numeric_unscaled(const struct value *v, int64_t *unscaled, int *scale);
int numeric_from_int64(int64_t v, struct arena *arena, struct value *out, struct error *error);
int numeric_from_float8(double v, struct arena *arena, struct value *out, struct error *error);
// Rounds half away from zero; 22003 beyond the integer's range (name says which: "bigint", …).
int numeric_to_int64(const struct value *v, int64_t low, int64_t high, const char *type_name, int64_t *out,
                     struct error *error);
double numeric_to_float8(const struct value *v);

// Arithmetic with PostgreSQL's rules for the result's scale (NaN and infinities too).
int numeric_add(const struct value *a, const struct value *b, struct arena *arena, struct value *out,
                struct error *error);
int numeric_subtract(const struct value *a, const struct value *b, struct arena *arena, struct value *out,
                     struct error *error);
int numeric_multiply(const struct value *a, const struct value *b, struct arena *arena, struct value *out,
                     struct error *error);
int numeric_divide(const struct value *a, const struct value *b, struct arena *arena, struct value *out,
                   struct error *error);
int numeric_modulo(const struct value *a, const struct value *b, struct arena *arena, struct value *out,
                   struct error *error);
int numeric_power(const struct value *a, const struct value *b, struct arena *arena, struct value *out,
                  struct error *error);
int numeric_negate(const struct value *a, struct arena *arena, struct value *out, struct error *error);
// With so many digits behind the point; scale < 0: as many as PostgreSQL gives.
int numeric_sqrt_to(const struct value *a, int scale, struct arena *arena, struct value *out, struct error *error);
int numeric_sqrt(const struct value *a, struct arena *arena, struct value *out, struct error *error);
int numeric_ln(const struct value *a, struct arena *arena, struct value *out, struct error *error);
int numeric_exp(const struct value *a, struct arena *arena, struct value *out, struct error *error);
int numeric_log(const struct value *base, const struct value *a, struct arena *arena, struct value *out,
                struct error *error);
// scale may be negative (round(1234, -2) = 1200).
int numeric_round(const struct value *a, int scale, struct arena *arena, struct value *out, struct error *error);
int numeric_truncate(const struct value *a, int scale, struct arena *arena, struct value *out, struct error *error);
int numeric_floor(const struct value *a, struct arena *arena, struct value *out, struct error *error);
int numeric_ceiling(const struct value *a, struct arena *arena, struct value *out, struct error *error);
int numeric_sign(const struct value *a); // -1, 0, 1; NaN: 2
int numeric_scale(const struct value *a);
int numeric_compare(const struct value *a, const struct value *b);
uint64_t numeric_prefix(const struct value *a); // as value_prefix (data/value.h): the whole number below
uint64_t numeric_hash(const struct value *a); // equal for equal numbers, whatever their scale
bool numeric_is_valid(struct bytes bytes);     // a well-formed numeric: for what comes from files

// Text and PostgreSQL's binary form. The modifier is a type's: -1 for none.
int numeric_from_text(struct bytes text, int32_t modifier, struct arena *arena, struct value *out, struct error *error);
int numeric_from_binary(struct bytes binary, struct arena *arena, struct value *out, struct error *error);
void numeric_to_text(const struct value *v, struct buffer *out);
void numeric_to_binary(const struct value *v, struct buffer *out);
int numeric_apply_modifier(int32_t modifier, struct arena *arena, struct value *v, struct error *error);
// The significant digits for keys: |v| = 0.d1d2d3… * 10^exponent, '0' to '9', no zeros at either end.
// Appends them to digits; for finite numbers other than 0.
void numeric_digits(const struct value *v, int *exponent, struct buffer *digits);
// The number that those digits make, with the smallest scale.
int numeric_from_digits(bool is_negative, int exponent, struct bytes digits, struct arena *arena, struct value *out,
                        struct error *error);
