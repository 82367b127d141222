// Schemas and the layout of rows.
//
// A row's bytes: version of its schema (2 bytes), one bit a column that says NULL, the fixed-size
// columns one after another (zeros where NULL), an end offset for each other column (relative to the
// first byte after the offsets; 2 bytes each, or 4 in a row whose version has the high bit set), and
// then their bytes. Any column is found in constant time. Rows are immutable.
#pragma once

#include "base/bytes.h"
#include "data/value.h"

enum { COLLATION_DEFAULT = 0, COLLATION_C = 1 }; // both are C.UTF-8 so far

enum identity { IDENTITY_NOT, IDENTITY_ALWAYS, IDENTITY_BY_DEFAULT };

struct column {
  char name[64];
  struct type type;
  bool not_null;
  bool is_dropped;     // its place in older rows stays
  uint32_t domain;     // object id of the domain that it, or its elements, are of; type is what lies beneath. 0: none
  uint8_t identity;    // enum identity: GENERATED … AS IDENTITY; its default draws from a sequence
  bool is_generated;   // GENERATED ALWAYS AS (…) STORED: its default is the expression, over the row
  uint16_t collation;
};

// How a column's bytes in a row become a value.
enum row_kind { ROW_BYTES, ROW_INT1, ROW_INT2, ROW_INT4, ROW_INT8, ROW_UINT4, ROW_FLOAT8, ROW_FLOAT4 };

struct schema {
  uint16_t version;      // 15 bits
  uint16_t column_count;
  struct column *columns;
  // The layout, computed by schema_init from the columns:
  uint32_t *places;      // of column i: its offset in the row (fixed), or its number among the others
  uint8_t *kinds;        // of column i: enum row_kind
  uint16_t *others;      // the column that is number i among the others
  uint16_t bitmap_size;  // bytes
  uint16_t other_count;  // columns of STORAGE_BYTES
  uint32_t fixed_end;    // where the end offsets begin
};

// columns are borrowed for the schema's life; places are allocated in the arena.
int schema_init(struct schema *schema, uint16_t version, struct column *columns, int column_count,
                struct arena *arena, struct error *error);

// Appends the row. 54000 beyond LIMIT_ROW.
int row_encode(const struct schema *schema, const struct value *values, struct buffer *out, struct error *error);
// The bytes of the column that is number `place` among the variable ones.
static inline struct value row_get_bytes(const struct schema *schema, struct bytes row, uint32_t place)
{
  const uint8_t *offsets = row.data + schema->fixed_end;
  uint32_t start, end;
  const uint8_t *first;
  if (get_le16(row.data) & 0x8000) {
    start = place ? get_le32(offsets + 4 * place - 4) : 0;
    end = get_le32(offsets + 4 * place);
    first = offsets + 4 * (size_t)schema->other_count;
  } else {
    start = place ? get_le16(offsets + 2 * place - 2) : 0;
    end = get_le16(offsets + 2 * place);
    first = offsets + 2 * (size_t)schema->other_count;
  }
  return value_bytes(first + start, end - start);
}

// Borrowed from the row. The row must be one of this schema. Inline: every access to a column comes by here.
static inline void row_get(const struct schema *schema, struct bytes row, int column, struct value *value)
{
  if (row.data[2 + column / 8] >> (column % 8) & 1) {
    *value = value_null();
    return;
  }
  uint32_t place = schema->places[column];
  switch ((enum row_kind)schema->kinds[column]) {
  case ROW_INT1: *value = value_integer(row.data[place]); break;
  case ROW_INT2: *value = value_integer((int16_t)get_le16(row.data + place)); break;
  case ROW_INT4: *value = value_integer((int32_t)get_le32(row.data + place)); break;
  case ROW_INT8: *value = value_integer((int64_t)get_le64(row.data + place)); break;
  case ROW_UINT4: *value = value_integer(get_le32(row.data + place)); break;
  case ROW_FLOAT8: {
    double v;
    memcpy(&v, row.data + place, sizeof v);
    *value = value_float8(v);
    break;
  }
  case ROW_FLOAT4: {
    float v;
    memcpy(&v, row.data + place, sizeof v);
    *value = value_float8((double)v);
    break;
  }
  case ROW_BYTES: *value = row_get_bytes(schema, row, place); break;
  }
}

void row_get_all(const struct schema *schema, struct bytes row, struct value *values);
// True if the bytes are a well-formed row of the schema: for what comes from files.
bool row_is_valid(const struct schema *schema, struct bytes row);
static inline uint16_t row_version(struct bytes row) { return get_le16(row.data) & 0x7fff; }
