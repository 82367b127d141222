// Writing requests and rows, reading replies: the part of quern.h that needs no engine.
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "host/conversation.h"

void quern_buffer_free(struct quern_buffer *buffer)
{
  free(buffer->data);
  *buffer = (struct quern_buffer){0};
}

static uint8_t *extend(struct quern_buffer *buffer, size_t size)
{
  if (buffer->failed)
    return NULL;
  if (buffer->capacity - buffer->size < size) {
    size_t capacity = buffer->capacity ? 2 * buffer->capacity : 256;
    while (capacity - buffer->size < size)
      capacity *= 2;
    uint8_t *data = realloc(buffer->data, capacity);
    if (!data) {
      buffer->failed = true;
      return NULL;
    }
    buffer->data = data;
    buffer->capacity = capacity;
  }
  uint8_t *at = buffer->data + buffer->size;
  buffer->size += size;
  return at;
}

void quern_buffer_append(struct quern_buffer *buffer, const void *data, size_t size)
{
  uint8_t *at = size ? extend(buffer, size) : NULL;
  if (at)
    memcpy(at, data, size);
}

static void add_string(struct quern_buffer *buffer, const char *text)
{
  quern_buffer_append(buffer, text, strlen(text) + 1);
}

static void add_be16(struct quern_buffer *buffer, uint16_t v)
{
  uint8_t *at = extend(buffer, 2);
  if (at)
    put_be16(at, v);
}

static void add_be32(struct quern_buffer *buffer, uint32_t v)
{
  uint8_t *at = extend(buffer, 4);
  if (at)
    put_be32(at, v);
}

static size_t begin(struct quern_buffer *buffer, char type)
{
  quern_buffer_append(buffer, &type, 1);
  add_be32(buffer, 0);
  return buffer->size - 4;
}

static void end(struct quern_buffer *buffer, size_t at)
{
  if (!buffer->failed)
    put_be32(buffer->data + at, (uint32_t)(buffer->size - at));
}

void quern_add_query(struct quern_buffer *buffer, const char *text)
{
  size_t at = begin(buffer, 'Q');
  add_string(buffer, text);
  end(buffer, at);
}

void quern_add_parse(struct quern_buffer *buffer, const char *statement, const char *text, const uint32_t *types, int count)
{
  size_t at = begin(buffer, 'P');
  add_string(buffer, statement);
  add_string(buffer, text);
  add_be16(buffer, (uint16_t)count);
  for (int i = 0; i < count; i++)
    add_be32(buffer, types[i]);
  end(buffer, at);
}

void quern_add_bind(struct quern_buffer *buffer, const char *statement, const struct quern_parameter *parameters, int count,
                    bool binary_results)
{
  size_t at = begin(buffer, 'B');
  add_string(buffer, "");
  add_string(buffer, statement);
  add_be16(buffer, (uint16_t)count);
  for (int i = 0; i < count; i++)
    add_be16(buffer, parameters[i].is_binary);
  add_be16(buffer, (uint16_t)count);
  for (int i = 0; i < count; i++) {
    add_be32(buffer, parameters[i].data ? (uint32_t)parameters[i].size : UINT32_MAX);
    if (parameters[i].data)
      quern_buffer_append(buffer, parameters[i].data, (size_t)parameters[i].size);
  }
  add_be16(buffer, 1);
  add_be16(buffer, binary_results);
  end(buffer, at);
}

void quern_add_execute(struct quern_buffer *buffer)
{
  size_t at = begin(buffer, 'E');
  add_string(buffer, "");
  add_be32(buffer, 0);
  end(buffer, at);
}

void quern_add_sync(struct quern_buffer *buffer)
{
  end(buffer, begin(buffer, 'S'));
}

void quern_add_row(struct quern_buffer *buffer, int column_count)
{
  add_be16(buffer, (uint16_t)column_count);
}

void quern_add_field(struct quern_buffer *buffer, const void *data, int32_t size)
{
  add_be32(buffer, (uint32_t)size);
  quern_buffer_append(buffer, data, size < 0 ? 0 : (size_t)size);
}

bool quern_next_message(const uint8_t **messages, size_t *size, struct quern_message *message)
{
  if (*size < 5)
    return false;
  uint32_t length = get_be32(*messages + 1);
  if (length < 4 || *size - 1 < length)
    return false;
  *message = (struct quern_message){.type = (char)(*messages)[0], .body = *messages + 5, .size = length - 4};
  *messages += 1 + (size_t)length;
  *size -= 1 + (size_t)length;
  return true;
}

int32_t quern_row_field(const struct quern_message *row, int column, const uint8_t **data)
{
  if (row->type != 'D' || row->size < 2 || column < 0 || column >= get_be16(row->body))
    return -2;
  const uint8_t *at = row->body + 2, *stop = row->body + row->size;
  for (int i = 0; stop - at >= 4; i++) {
    int32_t size = (int32_t)get_be32(at);
    at += 4;
    if (size > stop - at)
      return -2;
    if (i == column) {
      *data = size < 0 ? NULL : at;
      return size < 0 ? -1 : size;
    }
    at += size < 0 ? 0 : size;
  }
  return -2;
}

const char *quern_error_field(const struct quern_message *message, char field)
{
  const uint8_t *at = message->body, *stop = message->body + message->size;
  while (at < stop && *at) {
    const uint8_t *text = at + 1;
    const uint8_t *zero = memchr(text, 0, (size_t)(stop - text));
    if (!zero)
      return NULL;
    if ((char)*at == field)
      return (const char *)text;
    at = zero + 1;
  }
  return NULL;
}
