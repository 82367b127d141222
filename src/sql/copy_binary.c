// COPY's binary form: a signature, flags and the size of a header extension; then each row as a count of fields and, for
// each field, its size (-1: NULL) and PostgreSQL's binary form of the value; then the count -1.
#include "base/limits.h"
#include "base/sqlstate.h"
#include "sql/copy.h"

static const char signature[] = "PGCOPY\n\377\r\n"; // and its final zero byte

enum { FLAG_OIDS = 1 << 16 };

// --- Writing ------------------------------------------------------------------------------------------------

void copy_write_signature(struct buffer *out)
{
  buffer_append(out, signature, sizeof signature);
  buffer_append_be32(out, 0); // flags
  buffer_append_be32(out, 0); // size of the extension
}

void copy_write_trailer(struct buffer *out)
{
  buffer_append_be16(out, UINT16_MAX);
}

void copy_write_binary_row(const enum type_id *types, const struct value *values, int count, struct buffer *out)
{
  buffer_append_be16(out, (uint16_t)count);
  for (int i = 0; i < count; i++) {
    if (values[i].is_null) {
      buffer_append_be32(out, UINT32_MAX);
      continue;
    }
    size_t start = out->size;
    buffer_append_be32(out, 0);
    value_to_binary(types[i], &values[i], out);
    if (!out->failed)
      put_be32(out->data + start, (uint32_t)(out->size - start - 4));
  }
}

// --- Reading ------------------------------------------------------------------------------------------------

static int bad_format(struct error *error, const char *message)
{
  return error_set(error, SQLSTATE_BAD_COPY_FILE_FORMAT, "%s", message);
}

static struct bytes what_is_left(const struct copy_reader *reader)
{
  return bytes_of(reader->pending.data + reader->at, reader->pending.size - reader->at);
}

// 1: the header was read; 0: more bytes are needed. What is short at the end is told by what is missing.
static int read_header(struct copy_reader *reader, bool at_end, struct error *error)
{
  struct bytes left = what_is_left(reader);
  size_t known = left.size < sizeof signature ? left.size : sizeof signature;
  if ((known && memcmp(left.data, signature, known) != 0) || (known < sizeof signature && at_end))
    return bad_format(error, "COPY file signature not recognized");
  if (left.size < sizeof signature + 4)
    return at_end ? bad_format(error, "invalid COPY file header (missing flags)") : 0;
  uint32_t flags = get_be32(left.data + sizeof signature);
  if (flags & FLAG_OIDS)
    return bad_format(error, "invalid COPY file header (WITH OIDS)");
  if (flags >> 16)
    return bad_format(error, "unrecognized critical flags in COPY file header");
  if (left.size < COPY_SIGNATURE_SIZE)
    return at_end ? bad_format(error, "invalid COPY file header (missing length)") : 0;
  uint32_t extension = get_be32(left.data + sizeof signature + 4);
  if (extension > INT32_MAX)
    return bad_format(error, "invalid COPY file header (missing length)");
  if (extension > LIMIT_ROW)
    return bad_format(error, "invalid COPY file header (wrong length)");
  if (left.size - COPY_SIGNATURE_SIZE < extension)
    return at_end ? bad_format(error, "invalid COPY file header (wrong length)") : 0;
  reader->at += COPY_SIGNATURE_SIZE + extension;
  reader->header_skipped = true;
  return 1;
}

static const struct column *column_at(const struct copy_reader *reader, int i)
{
  return &reader->copy->relation->schema.columns[reader->copy->columns[i]];
}

static int bad_field(const struct copy_reader *reader, int column, struct error *error, int status)
{
  copy_reader_place_column(reader, column_at(reader, column)->name, error);
  return status;
}

static int bad_row(const struct copy_reader *reader, struct error *error, int status)
{
  copy_reader_place(reader, error);
  return status;
}

// The size of the row at hand; 1: it is there as a whole. Fields that are too long or too short for what there is are
// errors at the end alone.
static int find_row(const struct copy_reader *reader, bool at_end, size_t *size, struct error *error)
{
  struct bytes left = what_is_left(reader);
  int count = reader->copy->column_count;
  size_t at = 2;
  for (int i = 0; i < count; i++) {
    if (left.size - at < 4)
      return at_end ? bad_field(reader, i, error, bad_format(error, "unexpected EOF in COPY data")) : 0;
    uint32_t field = get_be32(left.data + at);
    at += 4;
    if (field == UINT32_MAX)
      continue;
    if (field > INT32_MAX)
      return bad_field(reader, i, error, bad_format(error, "invalid field size"));
    if (left.size - at < field)
      return at_end ? bad_field(reader, i, error, bad_format(error, "unexpected EOF in COPY data")) : 0;
    at += field;
  }
  *size = at;
  return 1;
}

static int read_row(struct copy_reader *reader, const struct format_settings *settings, struct arena *arena,
                    struct value *values, struct error *error)
{
  const uint8_t *from = reader->pending.data + reader->at + 2;
  for (int i = 0; i < reader->copy->column_count; i++) {
    uint32_t size = get_be32(from);
    from += 4;
    values[i] = value_null();
    if (size == UINT32_MAX)
      continue;
    int status = value_from_binary(column_at(reader, i)->type, bytes_of(from, size), settings, arena, &values[i], error);
    if (status)
      return bad_field(reader, i, error, status);
    from += size;
  }
  return 0;
}

int copy_binary_next(struct copy_reader *reader, bool at_end, const struct format_settings *settings,
                     struct arena *arena, struct value *values, struct error *error)
{
  int status = reader->header_skipped ? 1 : read_header(reader, at_end, error);
  if (status <= 0)
    return status;
  struct bytes left = what_is_left(reader);
  if (reader->ended && left.size)
    return bad_row(reader, error, bad_format(error, "received copy data after EOF marker"));
  if (reader->ended || left.size < 2) // a single byte at the end is passed over, as PostgreSQL does
    return 0;
  int count = (int16_t)get_be16(left.data);
  reader->line++;
  if (count == -1) {
    reader->at += 2;
    reader->ended = true;
    return copy_binary_next(reader, at_end, settings, arena, values, error);
  }
  if (count != reader->copy->column_count)
    return bad_row(reader, error,
                   error_set(error, SQLSTATE_BAD_COPY_FILE_FORMAT, "row field count is %d, expected %d", count,
                             reader->copy->column_count));
  size_t size = 0;
  status = find_row(reader, at_end, &size, error);
  if (status <= 0) {
    reader->line -= status == 0;
    return status;
  }
  status = read_row(reader, settings, arena, values, error);
  reader->at += size;
  return status ? status : 1;
}
