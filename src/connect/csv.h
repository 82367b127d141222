// Rows of CSV, as PostgreSQL's COPY reads them: where one ends, and its fields.
#pragma once

#include "base/bytes.h"
#include "quern.h"

struct csv {
  char delimiter, quote, escape;
  const char *null; // an unquoted field that says this is NULL
};

// Reads the options delimiter, quote and escape; null is the caller's.
int csv_options(const struct quern_source_info *info, struct csv *csv, struct quern_error *error);

// How far the end of a record was looked for. All zero at its first byte.
struct csv_scan {
  size_t at;
  size_t lines; // line ends inside of quotes
  bool in_quotes, after_escape;
};

// The bytes of the first record, its line end included. 0: it is not whole; at_end: what there is is a record.
size_t csv_record(const struct csv *csv, struct bytes bytes, bool at_end, struct csv_scan *scan);
// Without its line end.
struct bytes csv_trim(struct bytes record);
// Appends the record's fields as a row. NULL, or what is wrong with it (in PostgreSQL's words; %s stands for the column at
// *column); nothing is appended then.
const char *csv_row(const struct csv *csv, struct bytes record, int column_count, struct quern_buffer *rows, int *column);
