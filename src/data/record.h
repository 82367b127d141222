// Records: rows as values, of any type whose values are rows. They tell of themselves what their columns are, so that
// they can be printed, compared and turned into json by who knows no catalog.
//
// Bytes: the number of columns (4), then of each its type (4), the size of its name (1) and the name, whether it is NULL
// (1), the size of its value (4) and the value: 8 bytes of a number, otherwise the bytes. All little-endian.
#pragma once

#include "data/value.h"

struct record_column {
  enum type_id type;
  struct bytes name; // empty: of ROW(…), where PostgreSQL says f1, f2, …
  struct value value;
};

// Columns are appended one by one behind the head.
void record_begin(struct buffer *out, uint32_t column_count);
void record_add(struct buffer *out, const struct record_column *column);

// A walk over the columns: {.record = value}. False behind the last.
struct record_walk {
  const struct value *record;
  uint32_t number; // of the next column
  size_t at;
};
uint32_t record_column_count(const struct value *record);
bool record_next(struct record_walk *walk, struct record_column *column);

// Column by column, NULL above all; where types or numbers of columns differ, by these.
int record_compare(const struct value *a, const struct value *b);
uint64_t record_hash(const struct value *record, uint64_t seed); // equal for equal records, whatever their names
// (1,"a b",)
void record_to_text(const struct value *record, const struct format_settings *settings, struct buffer *out);
// PostgreSQL's binary form: the number of columns, then of each its type's object id, its size and its bytes.
void record_to_binary(const struct value *record, struct buffer *out);

// What rows of a type that has a name have for columns; those that were dropped are not among them.
struct row_column {
  const char *name;
  struct type type;
};
struct row_type {
  int count;
  const struct row_column *columns;
};
// One value a column.
int record_make(const struct row_type *row, const struct value *values, struct arena *arena, struct value *value,
                struct error *error);
// Of such a type, which settings->types knows.
int record_from_text(enum type_id type, struct bytes text, const struct format_settings *settings, struct arena *arena,
                     struct value *value, struct error *error);
int record_from_binary(enum type_id type, struct bytes binary, const struct format_settings *settings,
                       struct arena *arena, struct value *value, struct error *error);
// Can the bytes, from a file, be walked over? What the columns' values are is not looked into.
bool record_is_sound(struct bytes bytes);
int record_key_append(const struct value *record, struct buffer *out, struct error *error);
bool record_key_read(struct bytes *key, struct arena *arena, struct value *value);
