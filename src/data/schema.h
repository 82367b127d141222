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

struct column {
  char name[64];
  struct type type;
  bool not_null;
  bool is_dropped;     // its place in older rows stays
  uint16_t collation;
};

struct schema {
  uint16_t version;      // 15 bits
  uint16_t column_count;
  struct column *columns;
  // The layout, computed by schema_init from the columns:
  uint32_t *places;      // of column i: its offset in the row (fixed), or its number among the others
  uint16_t bitmap_size;  // bytes
  uint16_t other_count;  // columns of STORAGE_BYTES
  uint32_t fixed_end;    // where the end offsets begin
};

// columns are borrowed for the schema's life; places are allocated in the arena.
int schema_init(struct schema *schema, uint16_t version, struct column *columns, int column_count,
                struct arena *arena, struct error *error);

// Appends the row. 54000 beyond LIMIT_ROW.
int row_encode(const struct schema *schema, const struct value *values, struct buffer *out, struct error *error);
// Borrowed from the row. The row must be one of this schema.
void row_get(const struct schema *schema, struct bytes row, int column, struct value *value);
void row_get_all(const struct schema *schema, struct bytes row, struct value *values);
// True if the bytes are a well-formed row of the schema: for what comes from files.
bool row_is_valid(const struct schema *schema, struct bytes row);
static inline uint16_t row_version(struct bytes row) { return get_le16(row.data) & 0x7fff; }
