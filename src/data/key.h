// Keys: values as bytes whose memcmp order is the values' order. Equal values have equal bytes
// (-0 and 0; 1.0 and 1.00; one NaN; char(n) without its trailing spaces).
//
// Each part starts with a byte that says NULL or not and puts NULL on its side (ascending: last,
// descending: first, unless said otherwise); a descending part's bytes are inverted. Integers and
// timestamps: 2, 4 or 8 bytes, big-endian with the sign bit turned; float8: its bits, turned so that they sort;
// text: its bytes and a zero; numeric: sign, exponent, digits; jsonb and arrays: their parts. (key.c has every byte.)
#pragma once

#include "base/buffer.h"
#include "data/schema.h"

struct key_part {
  uint16_t column; // of the table's schema
  bool descending;
  bool nulls_first;
  uint16_t collation;
};

// Appends one value. 54000 if the key then passes LIMIT_KEY.
int key_append(enum type_id type, const struct key_part *part, const struct value *value, struct buffer *out,
               struct error *error);
// Appends the parts of a row's values (indexed by part->column).
int key_append_row(const struct schema *schema, const struct key_part *parts, int part_count,
                   const struct value *values, struct buffer *out, struct error *error);
// Turns the key into the smallest one greater than all keys that begin with it (for range ends).
// False if there is none (all bytes 0xff): the range has no end.
bool key_successor(struct buffer *key);
// Reads one value back from *key and moves *key behind it. Bytes of the value live in the arena.
// A numeric, in jsonb and arrays too, comes back with the smallest scale, an interval in as many whole months as there
// are.
// False on malformed bytes.
bool key_read(enum type_id type, const struct key_part *part, struct bytes *key, struct arena *arena,
              struct value *value);
