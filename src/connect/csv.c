// CSV as PostgreSQL's COPY understands it: quotes may begin and end within a field, line ends may stand in quotes.
#include "connect/csv.h"

#include <string.h>

#include "connect/support.h"

static int option_character(const struct quern_source_info *info, const char *name, char fallback, char *value,
                            struct quern_error *error)
{
  const char *text = option_find(info, name);
  *value = text ? *text : fallback;
  if (!text || (*text && !text[1] && *text != '\n' && *text != '\r'))
    return 0;
  return connector_error(error, "22023", "option %s of %s \"%s\" must be a single one-byte character", name, info->kind,
                         info->name);
}

int csv_options(const struct quern_source_info *info, struct csv *csv, struct quern_error *error)
{
  if (option_character(info, "delimiter", ',', &csv->delimiter, error) ||
      option_character(info, "quote", '"', &csv->quote, error) ||
      option_character(info, "escape", csv->quote, &csv->escape, error))
    return -1;
  if (csv->delimiter == csv->quote)
    return connector_error(error, "22023", "delimiter and quote of %s \"%s\" must be different", info->kind, info->name);
  return 0;
}

size_t csv_record(const struct csv *csv, struct bytes bytes, bool at_end, struct csv_scan *scan)
{
  for (; scan->at < bytes.size; scan->at++) {
    char c = (char)bytes.data[scan->at];
    if (scan->after_escape) {
      scan->after_escape = false;
      if (c == csv->quote || c == csv->escape)
        continue;
    }
    if (scan->in_quotes && c == csv->escape && csv->escape != csv->quote)
      scan->after_escape = true;
    else if (c == csv->quote)
      scan->in_quotes = !scan->in_quotes;
    else if (c == '\n' && !scan->in_quotes)
      return ++scan->at;
    else if (c == '\n')
      scan->lines++;
  }
  return at_end ? bytes.size : 0;
}

struct bytes csv_trim(struct bytes record)
{
  if (record.size && record.data[record.size - 1] == '\n')
    record.size--;
  if (record.size && record.data[record.size - 1] == '\r')
    record.size--;
  return record;
}

// The field at *at, without its quotes, at the end of rows. Moves *at to the delimiter behind it, or the record's end.
static bool add_field(const struct csv *csv, struct bytes record, size_t *at, struct quern_buffer *rows)
{
  size_t begin = *at, from = begin;
  bool in_quotes = false, has_quotes = false;
  size_t head = rows->size;
  row_add_bytes(rows, NULL, 0);
  for (; *at < record.size; ++*at) {
    char c = (char)record.data[*at];
    if (in_quotes && c == csv->escape && *at + 1 < record.size &&
        (record.data[*at + 1] == (uint8_t)csv->quote || record.data[*at + 1] == (uint8_t)csv->escape)) {
      row_extend(rows, record.data + from, *at - from);
      from = ++*at; // what is escaped stands for itself
    } else if (c == csv->quote) {
      row_extend(rows, record.data + from, *at - from);
      from = *at + 1;
      in_quotes = !in_quotes;
      has_quotes = true;
    } else if (c == csv->delimiter && !in_quotes) {
      break;
    }
  }
  row_extend(rows, record.data + from, *at - from);
  size_t size = *at - begin;
  bool is_null = !has_quotes && strlen(csv->null) == size && memcmp(csv->null, record.data + begin, size) == 0;
  if (!rows->failed)
    row_end_bytes(rows, head, is_null);
  return !in_quotes;
}

const char *csv_row(const struct csv *csv, struct bytes record, int column_count, struct quern_buffer *rows, int *column)
{
  size_t mark = rows->size, at = 0;
  const char *wrong = NULL;
  row_begin(rows, column_count);
  for (*column = 0; !wrong && *column < column_count; ++*column) {
    if (!add_field(csv, record, &at, rows))
      wrong = "unterminated CSV quoted field";
    else if (at == record.size && *column + 1 < column_count)
      wrong = "missing data for column \"%s\"";
    at++;
  }
  if (!wrong && at <= record.size)
    wrong = "extra data after last expected column";
  if (wrong && !rows->failed)
    rows->size = mark;
  return wrong;
}
