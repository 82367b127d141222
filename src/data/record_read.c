// Rows of a type that has a name, from outside: their text and binary forms, keys, and bytes of a file.
//
// A row in a key: what its columns are (a bytea, the same for all rows of a type), and then the columns, NULLs last. So
// keys are in order as rows are, and can be read by who knows no catalog.
#include <ctype.h>

#include "base/sqlstate.h"
#include "data/binary.h"
#include "data/key.h"
#include "data/record.h"

enum { COLUMN_HEAD = 5 };

static const struct key_part ascending = {0};

static int type_of_row(enum type_id type, const struct user_types *types, const struct row_type **row, struct error *error)
{
  *row = types ? types->find_row(types->context, type_object(type)) : NULL;
  if (*row)
    return STATUS_OK;
  return types ? error_set(error, SQLSTATE_UNDEFINED_OBJECT, "type with OID %u does not exist", type_oid(type))
               : error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "values of composite types cannot be read here");
}

static int finish(struct buffer *out, struct arena *arena, struct value *value, struct error *error)
{
  const uint8_t *data = out->failed ? NULL : arena_copy(arena, out->data, out->size);
  *value = value_bytes(data, (uint32_t)out->size);
  buffer_deinit(out);
  return data ? STATUS_OK : error_memory(error);
}

int record_make(const struct row_type *row, const struct value *values, struct arena *arena, struct value *value,
                struct error *error)
{
  struct buffer out = {.account = arena->account};
  record_begin(&out, (uint32_t)row->count);
  for (int i = 0; i < row->count; i++)
    record_add(&out, &(struct record_column){row->columns[i].type.id, bytes_of_string(row->columns[i].name), values[i]});
  return finish(&out, arena, value, error);
}

// --- Text -------------------------------------------------------------------------------------------------------

static int malformed(struct bytes text, const char *detail, struct error *error)
{
  int status = error_set(error, SQLSTATE_INVALID_TEXT_REPRESENTATION, "malformed record literal: \"%.*s\"",
                         (int)text.size, (const char *)text.data);
  error_detail(error, "%s", detail);
  return status;
}

// The text of a column, up to a comma or the end; *at is behind it. False: the text ends before.
static bool take_column(struct bytes text, size_t *at, struct buffer *out)
{
  bool is_quoted = false;
  for (;; (*at)++) {
    if (*at >= text.size)
      return false;
    uint8_t c = text.data[*at];
    if (!is_quoted && (c == ',' || c == ')'))
      return true;
    if (c == '\\') {
      if (++*at >= text.size)
        return false;
      buffer_append_u8(out, text.data[*at]);
    } else if (c != '"') {
      buffer_append_u8(out, c);
    } else if (!is_quoted) {
      is_quoted = true;
    } else if (*at + 1 < text.size && text.data[*at + 1] == '"') {
      buffer_append_u8(out, '"');
      ++*at;
    } else {
      is_quoted = false;
    }
  }
}

static int read_column(struct type type, struct bytes text, size_t *at, const struct format_settings *settings,
                       struct arena *arena, struct value *value, struct error *error)
{
  struct buffer own = {.account = arena->account};
  *value = value_null();
  if (*at < text.size && (text.data[*at] == ',' || text.data[*at] == ')'))
    return STATUS_OK;
  bool is_whole = take_column(text, at, &own);
  struct bytes copy = bytes_of(own.failed || !own.size ? NULL : arena_copy(arena, own.data, own.size), own.size);
  bool is_kept = !own.failed && (copy.data || !own.size);
  buffer_deinit(&own);
  if (!is_kept)
    return error_memory(error);
  if (!is_whole)
    return malformed(text, "Unexpected end of input.", error);
  return value_from_text(type, copy.data ? copy : bytes_of_string(""), settings, arena, value, error);
}

int record_from_text(enum type_id type, struct bytes text, const struct format_settings *settings, struct arena *arena,
                     struct value *value, struct error *error)
{
  const struct row_type *row;
  size_t at = 0;
  int status = type_of_row(type, settings->types, &row, error);
  if (status)
    return status;
  struct value *values = ARENA_ARRAY(arena, struct value, row->count + 1);
  if (!values)
    return error_memory(error);
  while (at < text.size && isspace(text.data[at]))
    at++;
  if (at >= text.size || text.data[at++] != '(')
    return malformed(text, "Missing left parenthesis.", error);
  for (int i = 0; i < row->count; i++) {
    if (i && (at >= text.size || text.data[at++] != ','))
      return malformed(text, "Too few columns.", error);
    status = read_column(row->columns[i].type, text, &at, settings, arena, &values[i], error);
    if (status)
      return status;
  }
  if (at >= text.size || text.data[at++] != ')')
    return malformed(text, "Too many columns.", error);
  while (at < text.size && isspace(text.data[at]))
    at++;
  if (at < text.size)
    return malformed(text, "Junk after right parenthesis.", error);
  return record_make(row, values, arena, value, error);
}

// --- Binary -----------------------------------------------------------------------------------------------------

static int insufficient(struct error *error)
{
  return error_set(error, SQLSTATE_PROTOCOL_VIOLATION, "insufficient data left in message");
}

static int read_binary_column(const struct row_type *row, int number, struct bytes *binary,
                              const struct format_settings *settings, struct arena *arena, struct value *value,
                              struct error *error)
{
  struct type type = row->columns[number].type;
  if (binary->size < 8)
    return insufficient(error);
  uint32_t oid = get_be32(binary->data), size = get_be32(binary->data + 4);
  if (oid != type_oid(type.id)) {
    enum type_id given = type_of_oid(oid);
    return error_set(error, SQLSTATE_DATATYPE_MISMATCH,
                     "binary data has type %u (%s) instead of expected %u (%s) in record column %d", oid,
                     given == TYPE_COUNT ? "???" : type_shown(given, settings->types).text, type_oid(type.id),
                     type_shown(type.id, settings->types).text, number + 1);
  }
  *binary = bytes_of(binary->data + 8, binary->size - 8);
  *value = value_null();
  if (size == UINT32_MAX)
    return STATUS_OK;
  if (size > binary->size)
    return insufficient(error);
  struct bytes own = bytes_of(binary->data, size);
  *binary = bytes_of(binary->data + size, binary->size - size);
  return value_from_binary(type, own, settings, arena, value, error);
}

int record_from_binary(enum type_id type, struct bytes binary, const struct format_settings *settings,
                       struct arena *arena, struct value *value, struct error *error)
{
  const struct row_type *row;
  int status = type_of_row(type, settings->types, &row, error);
  if (status)
    return status;
  struct value *values = ARENA_ARRAY(arena, struct value, row->count + 1);
  if (!values)
    return error_memory(error);
  if (binary.size < 4)
    return insufficient(error);
  if (get_be32(binary.data) != (uint32_t)row->count)
    return error_set(error, SQLSTATE_DATATYPE_MISMATCH, "wrong number of columns: %d, expected %d",
                     (int)get_be32(binary.data), row->count);
  binary = bytes_of(binary.data + 4, binary.size - 4);
  for (int i = 0; i < row->count && !status; i++)
    status = read_binary_column(row, i, &binary, settings, arena, &values[i], error);
  if (status)
    return status;
  if (binary.size)
    return error_set(error, SQLSTATE_INVALID_BINARY_REPRESENTATION, "incorrect binary data format");
  return record_make(row, values, arena, value, error);
}

// --- Bytes of a file --------------------------------------------------------------------------------------------

bool record_is_sound(struct bytes bytes)
{
  if (bytes.size < 4)
    return false;
  uint32_t count = get_le32(bytes.data);
  size_t at = 4;
  for (uint32_t i = 0; i < count; i++) {
    if (bytes.size - at < COLUMN_HEAD)
      return false;
    uint32_t type = get_le32(bytes.data + at);
    at += COLUMN_HEAD + (size_t)bytes.data[at + 4];
    if (at > bytes.size || bytes.size - at < 5 || (type >= TYPE_COUNT && !type_is_user((enum type_id)type)))
      return false;
    bool is_null = bytes.data[at];
    uint32_t size = get_le32(bytes.data + at + 1);
    at += 5;
    if (size > bytes.size - at || (is_null ? size : !type_is_bytes((enum type_id)type) && size != 8))
      return false;
    at += size;
  }
  return at == bytes.size;
}

// --- Keys -------------------------------------------------------------------------------------------------------

int record_key_append(const struct value *record, struct buffer *out, struct error *error)
{
  struct buffer shape = {.account = out->account};
  struct record_walk walk = {.record = record};
  struct record_column column;
  while (record_next(&walk, &column)) {
    buffer_append_le32(&shape, (uint32_t)column.type);
    buffer_append_u8(&shape, (uint8_t)column.name.size);
    buffer_append_bytes(&shape, column.name);
  }
  struct value head = value_bytes(shape.data, (uint32_t)shape.size);
  int status = shape.failed ? error_memory(error) : key_append(TYPE_BYTEA, &ascending, &head, out, error);
  buffer_deinit(&shape);
  for (walk = (struct record_walk){.record = record}; !status && record_next(&walk, &column);)
    status = key_append(column.type, &ascending, &column.value, out, error);
  return status;
}

bool record_key_read(struct bytes *key, struct arena *arena, struct value *value)
{
  struct value head;
  if (!key_read(TYPE_BYTEA, &ascending, key, arena, &head) || head.is_null)
    return false;
  struct buffer columns = {.account = arena->account}, out = {.account = arena->account};
  uint32_t count = 0;
  bool is_read = true;
  for (size_t at = 0; is_read && at < head.size; count++) {
    struct record_column column;
    size_t left = head.size - at;
    is_read = left >= COLUMN_HEAD && left - COLUMN_HEAD >= head.data[at + 4];
    if (!is_read)
      break;
    column.type = (enum type_id)get_le32(head.data + at);
    column.name = bytes_of(head.data + at + COLUMN_HEAD, head.data[at + 4]);
    at += COLUMN_HEAD + column.name.size;
    is_read = ((unsigned)column.type < TYPE_COUNT || type_is_user(column.type)) &&
              key_read(column.type, &ascending, key, arena, &column.value);
    if (is_read)
      record_add(&columns, &column);
  }
  record_begin(&out, count);
  buffer_append(&out, columns.data, columns.size);
  is_read = is_read && !columns.failed;
  buffer_deinit(&columns);
  if (is_read)
    return finish(&out, arena, value, NULL) == STATUS_OK;
  buffer_deinit(&out);
  return false;
}
