// COPY: options, and rows as text, csv and in PostgreSQL's binary form, both ways.
#pragma once

#include "sql/bind.h"
#include "sql/execute.h"

struct copy_options {
  bool is_csv, is_binary;
  bool header;       // csv and text: written, and the first line skipped
  bool header_match; // the first line must name the columns
  char delimiter, quote, escape;
  const char *null; // as text
  // Csv, for each column of the file; NULL: for none. Written in quotes unless NULL; read as a text where it would be NULL;
  // read as NULL although in quotes.
  const bool *force_quote, *force_not_null, *force_null;
};

struct copy {
  bool is_from; // FROM STDIN; otherwise TO STDOUT
  struct copy_options options;
  const struct relation *relation; // pinned by the statement; NULL: COPY (query) TO
  int column_count;
  int *columns;             // of the relation, in the order of the file
  struct statement *insert; // FROM: an INSERT whose parameters are the columns, defaults for the others
  const struct program *where; // FROM: over range 0, the relation's columns as they would be inserted; NULL: all
  struct statement *select; // TO: what to write: a query, or a change with RETURNING
};

// Binds a COPY. 0A000 for files and programs, 22023 and 42601 for options in PostgreSQL's words.
int copy_bind(const struct bind_input *input, struct copy **copy, struct error *error);
void copy_release(struct copy *copy);

// How the lines of the file end, found at the first one.
enum copy_line_end { LINE_END_UNKNOWN, LINE_END_NEWLINE, LINE_END_RETURN, LINE_END_BOTH };

// Splits incoming bytes into rows. Chunks may end anywhere; what is left of a row waits in the reader.
struct copy_reader {
  const struct copy *copy;
  struct buffer pending;
  uint64_t line; // of the row read last, from 1; binary: its number
  bool ended;    // saw \. on a line of its own
  bool header_skipped; // binary: the signature
  struct bytes row;    // text and csv: the line read last, as long as values are
  // The rest is the reader's.
  size_t at;                    // in pending: the next line's first byte
  size_t scanned;               // in pending: up to here no end of that line was found
  bool in_quotes, after_escape; // csv: at `scanned`
  enum copy_line_end line_end;
  uint8_t special[256]; // bytes that are not plain data
};
void copy_reader_init(struct copy_reader *reader, const struct copy *copy);
void copy_reader_deinit(struct copy_reader *reader);
// Appends a chunk. 54000 when a single row passes LIMIT_ROW, 53200.
int copy_reader_feed(struct copy_reader *reader, struct bytes chunk, struct error *error);
// 1: a row: one value a column, of the column's type, in the arena or borrowed from the reader until its next feed. 0: more bytes are needed (at_end: no row is left).
// 22P04 and the types' errors; context `COPY t, line 3, column b: "x"`.
int copy_reader_next(struct copy_reader *reader, bool at_end, const struct format_settings *settings,
                     struct arena *arena, struct value *values, struct error *error);
// Tells of which row an error speaks that inserting it met: context `COPY t, line 3: "x\ty"`.
void copy_reader_place(const struct copy_reader *reader, struct error *error);
// The same of one column, whose text is not to be shown.
void copy_reader_place_column(const struct copy_reader *reader, const char *column, struct error *error);
// Appends one row as a line, or in the binary form.
void copy_write_row(const struct copy_options *options, const enum type_id *types, const struct value *values,
                    int count, const struct format_settings *settings, struct buffer *out);
// The binary form's beginning, which stands before the first row, and what stands behind the last.
enum { COPY_SIGNATURE_SIZE = 19 };
void copy_write_binary_row(const enum type_id *types, const struct value *values, int count, struct buffer *out);
void copy_write_signature(struct buffer *out);
void copy_write_trailer(struct buffer *out);
void copy_write_header(const struct copy_options *options, const struct target *columns, int count, struct buffer *out);
// copy_reader_next of the binary form.
int copy_binary_next(struct copy_reader *reader, bool at_end, const struct format_settings *settings,
                     struct arena *arena, struct value *values, struct error *error);
