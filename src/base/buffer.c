// Growth of buffers.
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buffer_deinit(struct buffer *buffer)
{
  free(buffer->data);
  account_release(buffer->account, buffer->capacity);
  *buffer = (struct buffer){.account = buffer->account};
}

static bool resize(struct buffer *buffer, size_t capacity)
{
  size_t added = capacity - buffer->capacity;
  if (!account_charge(buffer->account, added))
    return false;
  uint8_t *data = realloc(buffer->data, capacity);
  if (!data) {
    account_release(buffer->account, added);
    return false;
  }
  buffer->data = data;
  buffer->capacity = capacity;
  return true;
}

// Twice as much as there was; near a limit an eighth more, but never by so little that many small pieces cost a copy each.
bool buffer_grow(struct buffer *buffer, size_t more)
{
  if (buffer->failed || more > SIZE_MAX / 4 - buffer->size) {
    buffer->failed = true;
    return false;
  }
  size_t needed = buffer->size + more, twice = buffer->capacity ? buffer->capacity * 2 : 64;
  bool has_grown = (twice > needed && resize(buffer, twice)) || resize(buffer, needed + needed / 8) ||
                   (more >= needed / 8 && resize(buffer, needed));
  buffer->failed = !has_grown;
  return !buffer->failed;
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  int size = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (size < 0 || !buffer_reserve(buffer, (size_t)size + 1))
    return;
  va_start(arguments, format);
  vsnprintf((char *)buffer->data + buffer->size, (size_t)size + 1, format, arguments);
  va_end(arguments);
  buffer->size += (size_t)size;
}
