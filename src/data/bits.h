// Bit strings: bit(n) and bit varying.
//
// A value's bytes: the bits, the first one highest, zeros behind the last; and one more byte, how many bits of the last of
// those there are (0: there are none at all). A string has one form only: equal bytes are equal strings.
#pragma once

#include "data/value.h"

static const uint32_t LIMIT_BITS = 83886080;

static inline uint32_t bits_count(const struct value *value)
{
  return value->size < 2 ? 0 : (value->size - 2) * 8 + value->data[value->size - 1];
}
static inline bool bits_get(const struct value *value, uint32_t number)
{
  return value->data[number / 8] >> (7 - number % 8) & 1;
}
bool bits_are_valid(struct bytes bytes);
// So many zeros, to be filled by bits_set. NULL: out of memory.
uint8_t *bits_new(uint32_t count, struct arena *arena, struct value *value);
static inline void bits_set(uint8_t *data, uint32_t number, bool is_set)
{
  uint8_t mask = (uint8_t)(0x80 >> number % 8);
  data[number / 8] = (uint8_t)(is_set ? data[number / 8] | mask : data[number / 8] & ~mask);
}
int bits_compare(const struct value *a, const struct value *b);
int bits_from_text(struct bytes text, struct arena *arena, struct value *value, struct error *error);
void bits_to_text(const struct value *value, struct buffer *out);
int bits_from_binary(struct bytes binary, struct arena *arena, struct value *value, struct error *error);
void bits_to_binary(const struct value *value, struct buffer *out);
// 22026, 22001; explicitly they are cut, and bit filled up with zeros.
int bits_apply_modifier(struct type type, bool is_explicit, struct arena *arena, struct value *value, struct error *error);
