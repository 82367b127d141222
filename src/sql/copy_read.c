// Rows from the bytes of a COPY FROM: PostgreSQL's text and csv forms (copy_binary.c has the binary one).
//
// A row is read in two passes: its end is looked for first (and the look goes on where it stopped when more bytes have
// come), then its fields are taken apart. Fields without escapes are used where they lie.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "data/utf8.h"
#include "sql/copy.h"

enum { SHOWN_BYTES = 100 }; // of data in messages

void copy_reader_init(struct copy_reader *reader, const struct copy *copy)
{
  const struct copy_options *options = &copy->options;
  *reader = (struct copy_reader){.copy = copy};
  reader->special[(uint8_t)options->delimiter] = 1;
  reader->special['\r'] = reader->special['\n'] = 1;
  if (options->is_csv)
    reader->special[(uint8_t)options->quote] = reader->special[(uint8_t)options->escape] = 1;
  else
    reader->special['\\'] = 1;
}

void copy_reader_deinit(struct copy_reader *reader)
{
  buffer_deinit(&reader->pending);
}

int copy_reader_feed(struct copy_reader *reader, struct bytes chunk, struct error *error)
{
  struct buffer *pending = &reader->pending;
  if (reader->ended && !reader->copy->options.is_binary)
    return 0;
  if (reader->at) {
    memmove(pending->data, pending->data + reader->at, pending->size - reader->at);
    pending->size -= reader->at;
    reader->scanned -= reader->at;
    reader->at = 0;
  }
  if (pending->size > LIMIT_ROW)
    return error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "a row of the COPY is longer than %d bytes", LIMIT_ROW);
  buffer_append_bytes(pending, chunk);
  return pending->failed ? error_memory(error) : 0;
}

// --- Where something is wrong -------------------------------------------------------------------------------

static size_t shown(struct bytes text)
{
  size_t size = text.size;
  if (size <= SHOWN_BYTES)
    return size;
  size = SHOWN_BYTES;
  while (size > 0 && (text.data[size] & 0xc0) == 0x80)
    size--;
  return size;
}

static void append_context(struct error *error, const char *place)
{
  if (!error)
    return;
  char context[sizeof error->context];
  snprintf(context, sizeof context, "%s", error->context);
  if (context[0])
    error_context(error, "%s\n%s", context, place);
  else
    error_context(error, "%s", place);
}

static const char *target_name(const struct copy_reader *reader)
{
  return reader->copy->relation ? reader->copy->relation->name : "";
}

// `COPY t, line 3, column b: "x"`; column NULL: of the line as a whole.
static void place_text(const struct copy_reader *reader, const char *column, struct bytes text, struct error *error)
{
  char place[384];
  size_t size = shown(text);
  snprintf(place, sizeof place, "COPY %s, line %llu%s%s: \"%.*s%s\"", target_name(reader),
           (unsigned long long)reader->line, column ? ", column " : "", column ? column : "", (int)size,
           (const char *)text.data, size < text.size ? "..." : "");
  append_context(error, place);
}

void copy_reader_place_column(const struct copy_reader *reader, const char *column, struct error *error)
{
  char place[256];
  snprintf(place, sizeof place, "COPY %s, line %llu%s%s", target_name(reader), (unsigned long long)reader->line,
           column ? ", column " : "", column ? column : "");
  append_context(error, place);
}

void copy_reader_place(const struct copy_reader *reader, struct error *error)
{
  // By the time that an index refuses a row PostgreSQL has read others.
  bool is_late = error && strcmp(error->sqlstate, SQLSTATE_UNIQUE_VIOLATION) == 0;
  if (reader->copy->options.is_binary || is_late)
    copy_reader_place_column(reader, NULL, error);
  else
    place_text(reader, NULL, reader->row, error);
}

static int bad_line(const struct copy_reader *reader, struct bytes line, struct error *error, int status)
{
  place_text(reader, NULL, line, error);
  return status;
}

// --- The end of a line ----------------------------------------------------------------------------------------

// A line without its end.
struct line {
  struct bytes text;
};

// Behind an odd number of backslashes a byte stands for itself.
static bool is_escaped(const struct copy_reader *reader, size_t at)
{
  const uint8_t *data = reader->pending.data;
  size_t count = 0;
  while (at - count > reader->at && data[at - count - 1] == '\\')
    count++;
  return count % 2;
}

// Text: the first newline or return that is not escaped, once it is known which of them ends lines.
static bool find_text_end(struct copy_reader *reader, size_t *end)
{
  const struct buffer *pending = &reader->pending;
  bool by_return = reader->line_end == LINE_END_RETURN;
  while (reader->scanned < pending->size) {
    const uint8_t *from = pending->data + reader->scanned;
    size_t left = pending->size - reader->scanned;
    const uint8_t *found = memchr(from, by_return ? '\r' : '\n', left);
    if (reader->line_end == LINE_END_UNKNOWN) {
      const uint8_t *other = memchr(from, '\r', found ? (size_t)(found - from) : left);
      found = other ? other : found;
    }
    if (!found)
      break;
    *end = (size_t)(found - pending->data);
    if (!is_escaped(reader, *end))
      return true;
    reader->scanned = *end + 1;
  }
  reader->scanned = pending->size;
  return false;
}

// Csv: the first newline or return outside of quotes.
static bool find_csv_end(struct copy_reader *reader, size_t *end)
{
  const struct buffer *pending = &reader->pending;
  uint8_t quote = (uint8_t)reader->copy->options.quote, escape = (uint8_t)reader->copy->options.escape;
  bool has_escape = escape != quote;
  size_t at = reader->scanned;
  for (; at < pending->size; at++) {
    uint8_t c = pending->data[at];
    if (!reader->special[c]) {
      reader->after_escape = false;
      continue;
    }
    if (has_escape && reader->in_quotes && c == escape) {
      reader->after_escape = !reader->after_escape;
      continue;
    }
    if (c == quote && !reader->after_escape)
      reader->in_quotes = !reader->in_quotes;
    reader->after_escape = false;
    if (!reader->in_quotes && (c == '\n' || c == '\r')) {
      *end = at;
      reader->scanned = at;
      return true;
    }
  }
  reader->scanned = at;
  return false;
}

static int wrong_end(const struct copy_reader *reader, bool is_return, struct bytes line, struct error *error)
{
  bool is_csv = reader->copy->options.is_csv;
  const char *what = is_return ? "carriage return" : "newline";
  int status =
      error_set(error, SQLSTATE_BAD_COPY_FILE_FORMAT, "%s %s found in data", is_csv ? "unquoted" : "literal", what);
  if (is_csv)
    error_hint(error, "Use quoted CSV field to represent %s.", what);
  else
    error_hint(error, "Use \"%s\" to represent %s.", is_return ? "\\r" : "\\n", what);
  return bad_line(reader, line, error, status);
}

// A line's end at `end`: is it like the others? 1: the line ends there, *size bytes of end; 0: its second byte is not
// here yet.
static int take_end(struct copy_reader *reader, size_t end, bool at_end, size_t *size, struct error *error)
{
  const struct buffer *pending = &reader->pending;
  struct bytes line = bytes_of(pending->data + reader->at, end - reader->at);
  bool is_return = pending->data[end] == '\r';
  if (is_return && end + 1 == pending->size && !at_end && reader->line_end != LINE_END_RETURN)
    return 0;
  bool is_both = is_return && end + 1 < pending->size && pending->data[end + 1] == '\n';
  // By its newline a line of both is found at its second byte.
  bool follows_return = !is_return && line.size && line.data[line.size - 1] == '\r';
  if (reader->line_end == LINE_END_UNKNOWN)
    reader->line_end = is_both ? LINE_END_BOTH : is_return ? LINE_END_RETURN : LINE_END_NEWLINE;
  if (reader->line_end == LINE_END_BOTH && !is_both && !follows_return)
    return wrong_end(reader, is_return, line, error);
  if (reader->line_end == LINE_END_NEWLINE && is_return)
    return wrong_end(reader, true, line, error);
  if (reader->line_end == LINE_END_RETURN && !is_return)
    return wrong_end(reader, false, line, error);
  *size = is_both && reader->line_end == LINE_END_BOTH ? 2 : 1;
  return 1;
}

static bool is_end_mark(struct bytes line)
{
  return line.size == 2 && line.data[0] == '\\' && line.data[1] == '.';
}

// 1: *line is the next one. 0: none, or not whole yet.
static int next_line(struct copy_reader *reader, bool at_end, struct line *line, struct error *error)
{
  const struct buffer *pending = &reader->pending;
  if (reader->ended || reader->at == pending->size)
    return 0;
  size_t end, size = 0;
  reader->line++;
  bool found = reader->copy->options.is_csv ? find_csv_end(reader, &end) : find_text_end(reader, &end);
  int status = found ? take_end(reader, end, at_end, &size, error) : at_end;
  if (!found)
    end = pending->size;
  if (!found && at_end && reader->in_quotes)
    status = bad_line(reader, bytes_of(pending->data + reader->at, end - reader->at), error,
                      error_set(error, SQLSTATE_BAD_COPY_FILE_FORMAT, "unterminated CSV quoted field"));
  if (status <= 0) {
    reader->line -= status == 0;
    return status;
  }
  line->text = bytes_of(pending->data + reader->at, end - reader->at);
  if (line->text.size && reader->line_end == LINE_END_BOTH && size == 1)
    line->text.size--; // found by its newline
  reader->at = reader->scanned = end + size;
  reader->in_quotes = reader->after_escape = false;
  reader->ended = is_end_mark(line->text);
  return !reader->ended;
}

// --- Fields -----------------------------------------------------------------------------------------------------

struct field {
  struct bytes text;
  bool is_null;
};

// An end of line that is not one of this file's. Newlines only come here where returns end lines.
static bool is_stray(const struct copy_reader *reader, uint8_t c)
{
  return c == '\n' || (c == '\r' && reader->line_end != LINE_END_RETURN);
}

static int octal(uint8_t c)
{
  return c >= '0' && c <= '7' ? c - '0' : -1;
}

static int hexadecimal(uint8_t c)
{
  return isdigit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// What a backslash and the bytes behind it stand for. *at is behind the backslash.
static uint8_t unescape(const uint8_t **at, const uint8_t *end)
{
  uint8_t c = *(*at)++;
  switch (c) {
  case 'b': return '\b';
  case 'f': return '\f';
  case 'n': return '\n';
  case 'r': return '\r';
  case 't': return '\t';
  case 'v': return '\v';
  case 'x': {
    int value = *at < end ? hexadecimal(**at) : -1;
    if (value < 0)
      return c;
    (*at)++;
    if (*at < end && hexadecimal(**at) >= 0)
      value = value << 4 | hexadecimal(*(*at)++);
    return (uint8_t)value;
  }
  default: {
    int value = octal(c);
    if (value < 0)
      return c;
    for (int i = 0; i < 2 && *at < end && octal(**at) >= 0; i++)
      value = value << 3 | octal(*(*at)++);
    return (uint8_t)value;
  }
  }
}

// The rest of a field from its first backslash on, copied. 0, or the error's status. A backslash at the end stands
// for itself.
static int unescape_field(struct copy_reader *reader, const uint8_t **at, const uint8_t *start, const uint8_t *end,
                          struct arena *arena, struct field *field, struct error *error)
{
  uint8_t delimiter = (uint8_t)reader->copy->options.delimiter;
  const uint8_t *from = *at;
  uint8_t *copy = arena_alloc(arena, (size_t)(end - start) + 1);
  if (!copy)
    return error_memory(error);
  size_t size = (size_t)(from - start);
  memcpy(copy, start, size);
  while (from < end && *from != delimiter) {
    if (is_stray(reader, *from))
      return wrong_end(reader, *from == '\r', bytes_of(start, (size_t)(end - start)), error);
    if (*from == '\\' && from + 1 < end) {
      if (*++from == '.')
        return error_set(error, SQLSTATE_BAD_COPY_FILE_FORMAT, "end-of-copy marker corrupt");
      copy[size++] = unescape(&from, end);
    } else {
      copy[size++] = *from++;
    }
  }
  *at = from;
  field->text = bytes_of(copy, size);
  return 0;
}

// Takes a field of a text line; *at goes to its delimiter or the line's end.
static int text_field(struct copy_reader *reader, const uint8_t **at, const uint8_t *end, struct arena *arena,
                      struct field *field, struct error *error)
{
  const uint8_t *start = *at, *from = start;
  uint8_t delimiter = (uint8_t)reader->copy->options.delimiter;
  const char *null = reader->copy->options.null;
  while (from < end && !reader->special[*from])
    from++;
  int status = 0;
  if (from < end && is_stray(reader, *from))
    return wrong_end(reader, *from == '\r', bytes_of(start, (size_t)(end - start)), error);
  field->text = bytes_of(start, (size_t)(from - start));
  if (from < end && *from != delimiter) {
    *at = from;
    status = unescape_field(reader, at, start, end, arena, field, error);
    from = *at;
  }
  *at = from;
  size_t raw = (size_t)(from - start);
  field->is_null = raw == strlen(null) && memcmp(start, null, raw) == 0;
  return status;
}

// Csv: quotes may begin and end anywhere in a field.
static int csv_field(struct copy_reader *reader, const uint8_t **at, const uint8_t *end, struct arena *arena,
                     struct field *field, struct error *error)
{
  const struct copy_options *options = &reader->copy->options;
  uint8_t delimiter = (uint8_t)options->delimiter, quote = (uint8_t)options->quote, escape = (uint8_t)options->escape;
  const uint8_t *start = *at, *from = start;
  while (from < end && *from != delimiter && *from != quote)
    from++;
  if (from == end || *from == delimiter) {
    size_t raw = (size_t)(from - start);
    field->text = bytes_of(start, raw);
    field->is_null = raw == strlen(options->null) && memcmp(start, options->null, raw) == 0;
    *at = from;
    return 0;
  }
  uint8_t *copy = arena_alloc(arena, (size_t)(end - start) + 1);
  if (!copy)
    return error_memory(error);
  size_t size = (size_t)(from - start);
  memcpy(copy, start, size);
  bool in_quotes = false;
  for (; from < end && (in_quotes || *from != delimiter); from++) {
    if (in_quotes && *from == escape && from + 1 < end && (from[1] == escape || from[1] == quote)) {
      copy[size++] = *++from;
    } else if (*from == quote) {
      in_quotes = !in_quotes;
    } else {
      reader->line += *from == '\n';
      copy[size++] = *from;
    }
  }
  *at = from;
  *field = (struct field){.text = bytes_of(copy, size)};
  if (!in_quotes)
    return 0;
  return error_set(error, SQLSTATE_BAD_COPY_FILE_FORMAT, "unterminated CSV quoted field");
}

static int next_field(struct copy_reader *reader, const uint8_t **at, const uint8_t *end, struct arena *arena,
                      struct field *field, struct error *error)
{
  return reader->copy->options.is_csv ? csv_field(reader, at, end, arena, field, error)
                                      : text_field(reader, at, end, arena, field, error);
}

// --- Rows -----------------------------------------------------------------------------------------------------

static const struct column *column_at(const struct copy_reader *reader, int i)
{
  return &reader->copy->relation->schema.columns[reader->copy->columns[i]];
}

// What FORCE_NOT_NULL and FORCE_NULL make of a field.
static void force_field(const struct copy_reader *reader, int i, struct field *field)
{
  const struct copy_options *options = &reader->copy->options;
  if (field->is_null)
    field->is_null = !options->force_not_null || !options->force_not_null[i];
  else if (options->force_null && options->force_null[i])
    field->is_null = bytes_equal(field->text, bytes_of_string(options->null));
}

static int read_value(struct copy_reader *reader, const struct column *column, const struct field *field,
                      const struct format_settings *settings, struct arena *arena, struct value *value,
                      struct error *error)
{
  if (field->is_null) {
    *value = value_null();
    return 0;
  }
  int status = value_from_text(column->type, field->text, settings, arena, value, error);
  if (status && !utf8_is_valid(field->text))
    status = utf8_check(field->text, error); // the other message would quote what is no text
  else if (status)
    place_text(reader, column->name, field->text, error);
  return status;
}

static int missing_data(const struct copy_reader *reader, int column, struct bytes line, struct error *error)
{
  int status = error_set(error, SQLSTATE_BAD_COPY_FILE_FORMAT, "missing data for column \"%s\"",
                         column_at(reader, column)->name);
  return bad_line(reader, line, error, status);
}

static int read_row(struct copy_reader *reader, struct bytes line, const struct format_settings *settings,
                    struct arena *arena, struct value *values, struct error *error)
{
  const uint8_t *at = line.data, *end = line.data + line.size;
  int count = reader->copy->column_count;
  for (int i = 0; i < count; i++) {
    struct field field = {0};
    if (i && at == end)
      return missing_data(reader, i, line, error);
    at += i > 0; // the delimiter
    int status = next_field(reader, &at, end, arena, &field, error);
    force_field(reader, i, &field);
    if (!status)
      status = read_value(reader, column_at(reader, i), &field, settings, arena, &values[i], error);
    if (status)
      return status;
  }
  if (at == end)
    return 0;
  int status = error_set(error, SQLSTATE_BAD_COPY_FILE_FORMAT, "extra data after last expected column");
  return bad_line(reader, line, error, status);
}

// HEADER MATCH: the first line must name the columns in their order.
static int match_header(struct copy_reader *reader, struct bytes line, struct arena *arena, struct error *error)
{
  const uint8_t *at = line.data, *end = line.data + line.size;
  int count = reader->copy->column_count, fields = 1;
  for (int i = 0; i < count; i++) {
    struct field field;
    if (i && at == end)
      break;
    at += i > 0;
    fields = i + 1;
    int status = next_field(reader, &at, end, arena, &field, error);
    const char *name = column_at(reader, i)->name;
    if (status)
      return status;
    if (field.is_null)
      return error_set(error, SQLSTATE_BAD_COPY_FILE_FORMAT,
                       "column name mismatch in header line field %d: got null value (\"%s\"), expected \"%s\"", i + 1,
                       reader->copy->options.null, name);
    if (!bytes_equal(field.text, bytes_of_string(name)))
      return error_set(error, SQLSTATE_BAD_COPY_FILE_FORMAT,
                       "column name mismatch in header line field %d: got \"%.*s\", expected \"%s\"", i + 1,
                       (int)shown(field.text), (const char *)field.text.data, name);
  }
  for (const uint8_t *rest = at; rest < end; rest++)
    fields += *rest == (uint8_t)reader->copy->options.delimiter;
  if (fields == count && at == end)
    return 0;
  return error_set(error, SQLSTATE_BAD_COPY_FILE_FORMAT, "wrong number of fields in header line: got %d, expected %d",
                   fields, count);
}

int copy_reader_next(struct copy_reader *reader, bool at_end, const struct format_settings *settings,
                     struct arena *arena, struct value *values, struct error *error)
{
  if (reader->copy->options.is_binary)
    return copy_binary_next(reader, at_end, settings, arena, values, error);
  struct line line;
  int status = next_line(reader, at_end, &line, error);
  if (status > 0 && reader->copy->options.header && !reader->header_skipped) {
    reader->header_skipped = true;
    if (reader->copy->options.header_match) {
      status = match_header(reader, line.text, arena, error);
      if (status)
        return bad_line(reader, line.text, error, status);
    }
    status = next_line(reader, at_end, &line, error);
  }
  if (status <= 0)
    return status;
  reader->row = line.text;
  status = read_row(reader, line.text, settings, arena, values, error);
  return status ? status : 1;
}
