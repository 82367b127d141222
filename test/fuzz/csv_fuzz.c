// Rows of CSV and of COPY, of any bytes: they come out the same however the bytes come in.
//
// The first byte chooses the format and its marks, the second where the bytes are cut; the rest are the rows.
#include <stdlib.h>
#include <string.h>

#include "connect/csv.h"
#include "sql/copy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COLUMNS = 3, PIECES = 7 };

static void require(bool holds)
{
  if (!holds)
    abort();
}

// The next cut: a few bytes on, or many.
static size_t step(uint64_t *state)
{
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  size_t draw = (size_t)(*state >> 40);
  return draw % PIECES ? 1 + draw % 5 : 1 + draw % 300;
}

// --- The sources' reader ------------------------------------------------------------------------------------------

// The size of the first record, of which more bytes come piece by piece.
static size_t in_pieces(const struct csv *csv, struct bytes bytes, uint64_t *state)
{
  struct csv_scan scan = {0};
  for (size_t there = 0; there < bytes.size;) {
    there += step(state);
    there = there < bytes.size ? there : bytes.size;
    size_t size = csv_record(csv, bytes_of(bytes.data, there), there == bytes.size, &scan);
    if (size)
      return size;
  }
  return 0;
}

static void read_records(const struct csv *csv, struct bytes bytes, uint64_t state)
{
  while (bytes.size) {
    struct csv_scan scan = {0};
    size_t size = csv_record(csv, bytes, true, &scan);
    require(size > 0 && size <= bytes.size);
    require(in_pieces(csv, bytes, &state) == size);
    struct quern_buffer rows = {0};
    int column = 0;
    if (csv_row(csv, csv_trim(bytes_of(bytes.data, size)), COLUMNS, &rows, &column))
      require(rows.size == 0 && column >= 0 && column <= COLUMNS);
    else
      require(rows.size > 0);
    quern_buffer_free(&rows);
    bytes = bytes_of(bytes.data + size, bytes.size - size);
  }
}

// --- COPY ---------------------------------------------------------------------------------------------------------

static void append_row(struct buffer *transcript, const struct value *values)
{
  for (int i = 0; i < COLUMNS; i++) {
    buffer_append_u8(transcript, values[i].is_null);
    if (values[i].is_null)
      continue;
    buffer_append_le32(transcript, values[i].size);
    buffer_append(transcript, values[i].data, values[i].size);
  }
}

// What a reader makes of the bytes: its rows, and the error with which it ends.
static void copy_rows(const struct copy *copy, struct bytes bytes, uint64_t *cuts, struct buffer *transcript)
{
  struct copy_reader reader;
  struct arena arena;
  struct error error;
  struct value values[COLUMNS];
  error_clear(&error);
  arena_init(&arena, NULL);
  copy_reader_init(&reader, copy);
  int status = 0;
  for (size_t at = 0; !status;) {
    size_t size = cuts ? step(cuts) : bytes.size;
    size = size < bytes.size - at ? size : bytes.size - at;
    bool at_end = size == 0;
    status = copy_reader_feed(&reader, bytes_of(bytes.data + at, size), &error);
    at += size;
    int got = 0;
    while (!status && (got = copy_reader_next(&reader, at_end, &format_settings_default, &arena, values, &error)) > 0) {
      append_row(transcript, values);
      arena_reset(&arena);
    }
    status = status ? status : got;
    if (at_end)
      break;
  }
  if (status)
    buffer_append(transcript, error.sqlstate, sizeof error.sqlstate);
  copy_reader_deinit(&reader);
  arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const char delimiters[] = {',', ';', '\t', '|'}, escapes[] = {'"', '\\', '"', '\''};
  if (size < 2)
    return 0;
  uint64_t state = data[1];
  struct bytes bytes = bytes_of(data + 2, size - 2);
  struct csv csv = {.delimiter = delimiters[data[0] & 3], .quote = '"', .escape = escapes[data[0] >> 2 & 3], .null = ""};
  read_records(&csv, bytes, state);
  struct column columns[COLUMNS] = {0};
  for (int i = 0; i < COLUMNS; i++) {
    columns[i].name[0] = (char)('a' + i);
    columns[i].type = type_plain(i == 1 && data[0] & 0x80 ? TYPE_INT4 : TYPE_TEXT);
  }
  struct relation relation = {.name = "t", .schema = {.column_count = COLUMNS, .columns = columns}};
  struct copy copy = {.is_from = true, .relation = &relation, .column_count = COLUMNS, .columns = (int[]){0, 1, 2},
                      .options = {.is_csv = data[0] & 0x10, .header = data[0] & 0x20, .header_match = data[0] & 0x40,
                                  .delimiter = csv.delimiter, .quote = csv.quote, .escape = csv.escape, .null = "\\N"}};
  static const bool forced[COLUMNS] = {false, true, true}, others[COLUMNS] = {true, true, false};
  copy.options.is_binary = !copy.options.is_csv && copy.options.header_match;
  copy.options.header &= !copy.options.is_binary;
  if (copy.options.is_csv && data[0] & 0x80) {
    copy.options.force_null = forced;
    copy.options.force_not_null = others;
  }
  struct buffer whole = {0}, pieces = {0};
  copy_rows(&copy, bytes, NULL, &whole);
  copy_rows(&copy, bytes, &state, &pieces);
  require(bytes_equal(buffer_bytes(&whole), buffer_bytes(&pieces)));
  buffer_deinit(&whole);
  buffer_deinit(&pieces);
  return 0;
}
