// Reading and writing protocol messages: bounds are checked on every field that is read.
#include "partition/message.h"

#include "base/limits.h"
#include "base/sqlstate.h"

int message_next(struct bytes bytes, size_t *at, struct message *message, struct error *error)
{
  size_t left = bytes.size - *at;
  if (left < 5)
    return 0;
  uint32_t length = get_be32(bytes.data + *at + 1);
  if (length < 4 || length > LIMIT_MESSAGE)
    return error_set(error, SQLSTATE_PROTOCOL_VIOLATION, "invalid message length %u", length);
  if (left - 1 < length)
    return 0;
  message->type = (char)bytes.data[*at];
  message->body = bytes_of(bytes.data + *at + 5, length - 4);
  *at += 1 + (size_t)length;
  return 1;
}

struct bytes read_bytes(struct message_reader *reader, size_t size)
{
  if (reader->failed || reader->body.size - reader->at < size) {
    reader->failed = true;
    return bytes_of("", 0);
  }
  struct bytes bytes = bytes_of(reader->body.data + reader->at, size);
  reader->at += size;
  return bytes;
}

uint8_t read_u8(struct message_reader *reader)
{
  struct bytes bytes = read_bytes(reader, 1);
  return bytes.size ? bytes.data[0] : 0;
}

int16_t read_i16(struct message_reader *reader)
{
  struct bytes bytes = read_bytes(reader, 2);
  return bytes.size ? (int16_t)get_be16(bytes.data) : 0;
}

int32_t read_i32(struct message_reader *reader)
{
  struct bytes bytes = read_bytes(reader, 4);
  return bytes.size ? (int32_t)get_be32(bytes.data) : 0;
}

struct bytes read_string(struct message_reader *reader)
{
  size_t left = reader->failed ? 0 : reader->body.size - reader->at;
  const uint8_t *start = reader->body.data + reader->at;
  const uint8_t *end = left ? memchr(start, 0, left) : NULL;
  if (!end) {
    reader->failed = true;
    return bytes_of("", 0);
  }
  reader->at += (size_t)(end - start) + 1;
  return bytes_of(start, (size_t)(end - start));
}

size_t message_begin(struct buffer *out, char type)
{
  uint8_t *at = buffer_extend(out, 5);
  if (!at)
    return 0;
  at[0] = (uint8_t)type;
  return out->size - 4;
}

void message_end(struct buffer *out, size_t begin)
{
  if (!out->failed)
    put_be32(out->data + begin, (uint32_t)(out->size - begin));
}

void message_empty(struct buffer *out, char type)
{
  message_end(out, message_begin(out, type));
}

static void append_c_string(struct buffer *out, const char *text)
{
  buffer_append(out, text, strlen(text) + 1);
}

void message_tag(struct buffer *out, const char *tag)
{
  size_t begin = message_begin(out, 'C');
  append_c_string(out, tag);
  message_end(out, begin);
}

void message_ready(struct buffer *out, char transaction_status)
{
  size_t begin = message_begin(out, 'Z');
  buffer_append_u8(out, (uint8_t)transaction_status);
  message_end(out, begin);
}

void message_parameter_status(struct buffer *out, const char *name, const char *value)
{
  size_t begin = message_begin(out, 'S');
  append_c_string(out, name);
  append_c_string(out, value);
  message_end(out, begin);
}

static void append_field(struct buffer *out, char field, const char *text)
{
  if (!text[0])
    return;
  buffer_append_u8(out, (uint8_t)field);
  append_c_string(out, text);
}

void message_error(struct buffer *out, const struct error *error)
{
  static const char *const severities[] = {
    [SEVERITY_ERROR] = "ERROR", [SEVERITY_FATAL] = "FATAL", [SEVERITY_WARNING] = "WARNING",
    [SEVERITY_NOTICE] = "NOTICE", [SEVERITY_INFO] = "INFO",
  };
  bool is_notice = error->severity >= SEVERITY_WARNING;
  size_t begin = message_begin(out, is_notice ? 'N' : 'E');
  append_field(out, 'S', severities[error->severity]);
  append_field(out, 'V', severities[error->severity]);
  append_field(out, 'C', error->sqlstate);
  append_field(out, 'M', error->message);
  append_field(out, 'D', error->detail);
  append_field(out, 'H', error->hint);
  if (error->position > 0) {
    buffer_append_u8(out, 'P');
    buffer_format(out, "%d", error->position);
    buffer_append_u8(out, 0);
  }
  append_field(out, 'W', error->context);
  append_field(out, 's', error->schema);
  append_field(out, 't', error->table);
  append_field(out, 'c', error->column);
  append_field(out, 'd', error->type);
  append_field(out, 'n', error->constraint);
  buffer_append_u8(out, 0);
  message_end(out, begin);
}

void message_row_description(struct buffer *out, const struct target *columns, int count, const bool *formats)
{
  size_t begin = message_begin(out, 'T');
  buffer_append_be16(out, (uint16_t)count);
  for (int i = 0; i < count; i++) {
    struct type type = columns[i].expression->type;
    const struct type_info *info = type_info(type.id == TYPE_UNKNOWN ? TYPE_TEXT : type.id);
    append_c_string(out, columns[i].name);
    buffer_append_be32(out, columns[i].relation_oid);
    buffer_append_be16(out, (uint16_t)columns[i].relation_column);
    buffer_append_be32(out, type_oid(type.id == TYPE_UNKNOWN ? TYPE_TEXT : type.id));
    buffer_append_be16(out, (uint16_t)info->wire_size);
    buffer_append_be32(out, (uint32_t)type_wire_modifier(type));
    buffer_append_be16(out, formats && formats[i]);
  }
  message_end(out, begin);
}

void message_row(struct buffer *out, const struct target *columns, int count, const struct value *values,
                 const bool *formats, const struct format_settings *settings)
{
  size_t begin = message_begin(out, 'D');
  buffer_append_be16(out, (uint16_t)count);
  for (int i = 0; i < count; i++) {
    size_t field = out->size;
    buffer_append_be32(out, UINT32_MAX);
    if (values[i].is_null)
      continue;
    enum type_id type = columns[i].expression->type.id;
    if (formats && formats[i])
      value_to_binary(type, &values[i], out);
    else
      value_to_text(type, &values[i], settings, out);
    if (!out->failed)
      put_be32(out->data + field, (uint32_t)(out->size - field - 4));
  }
  message_end(out, begin);
}

void message_parameter_description(struct buffer *out, const struct type *parameters, int count)
{
  size_t begin = message_begin(out, 't');
  buffer_append_be16(out, (uint16_t)count);
  for (int i = 0; i < count; i++)
    buffer_append_be32(out, type_oid(parameters[i].id));
  message_end(out, begin);
}

void message_text_description(struct buffer *out, const char *const *names, int count)
{
  const struct type_info *info = type_info(TYPE_TEXT);
  size_t begin = message_begin(out, 'T');
  buffer_append_be16(out, (uint16_t)count);
  for (int i = 0; i < count; i++) {
    append_c_string(out, names[i]);
    buffer_append_be32(out, 0);
    buffer_append_be16(out, 0);
    buffer_append_be32(out, info->oid);
    buffer_append_be16(out, (uint16_t)info->wire_size);
    buffer_append_be32(out, UINT32_MAX);
    buffer_append_be16(out, 0);
  }
  message_end(out, begin);
}

void message_text_row(struct buffer *out, const char *const *values, int count)
{
  size_t begin = message_begin(out, 'D');
  buffer_append_be16(out, (uint16_t)count);
  for (int i = 0; i < count; i++) {
    buffer_append_be32(out, values[i] ? (uint32_t)strlen(values[i]) : UINT32_MAX);
    if (values[i])
      buffer_append_string(out, values[i]);
  }
  message_end(out, begin);
}

void message_copy_response(struct buffer *out, char type, int columns, bool is_binary)
{
  size_t begin = message_begin(out, type);
  buffer_append_u8(out, is_binary);
  buffer_append_be16(out, (uint16_t)columns);
  for (int i = 0; i < columns; i++)
    buffer_append_be16(out, is_binary);
  message_end(out, begin);
}
