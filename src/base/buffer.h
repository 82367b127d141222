// A growing run of bytes: frames, keys, rows, log records, messages.
//
// Appending can fail for want of memory; a buffer that failed stays so (`failed`) and takes no more,
// so that a writer may append many pieces and look once at the end.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/bytes.h"

struct buffer {
  uint8_t *data; // owned, by malloc; moves when it grows
  size_t size;
  size_t capacity;
  bool failed;
  struct memory_account *account; // what the capacity is charged to; NULL: nobody
};

void buffer_deinit(struct buffer *buffer); // an all-zero buffer is an empty one; the account stays
// Makes room for at least `more` bytes behind the end. False: out of memory, and the buffer has failed.
bool buffer_grow(struct buffer *buffer, size_t more);
void buffer_format(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline void buffer_clear(struct buffer *buffer)
{
  buffer->size = 0;
  buffer->failed = false;
}

static inline bool buffer_reserve(struct buffer *buffer, size_t more)
{
  if (buffer->capacity - buffer->size >= more && !buffer->failed)
    return true;
  return buffer_grow(buffer, more);
}

// Room for size bytes at the end, counted as written; NULL when the buffer has failed.
static inline uint8_t *buffer_extend(struct buffer *buffer, size_t size)
{
  if (!buffer_reserve(buffer, size))
    return NULL;
  uint8_t *at = buffer->data + buffer->size;
  buffer->size += size;
  return at;
}

static inline void buffer_append(struct buffer *buffer, const void *data, size_t size)
{
  uint8_t *at = buffer_extend(buffer, size);
  if (at && size)
    memcpy(at, data, size);
}

static inline void buffer_append_bytes(struct buffer *buffer, struct bytes bytes)
{
  buffer_append(buffer, bytes.data, bytes.size);
}

// The text without its zero byte.
static inline void buffer_append_string(struct buffer *buffer, const char *text)
{
  buffer_append(buffer, text, strlen(text));
}

static inline void buffer_append_u8(struct buffer *b, uint8_t v) { buffer_append(b, &v, 1); }
static inline void buffer_append_be16(struct buffer *b, uint16_t v) { uint8_t *at = buffer_extend(b, 2); if (at) put_be16(at, v); }
static inline void buffer_append_be32(struct buffer *b, uint32_t v) { uint8_t *at = buffer_extend(b, 4); if (at) put_be32(at, v); }
static inline void buffer_append_be64(struct buffer *b, uint64_t v) { uint8_t *at = buffer_extend(b, 8); if (at) put_be64(at, v); }
static inline void buffer_append_le16(struct buffer *b, uint16_t v) { uint8_t *at = buffer_extend(b, 2); if (at) put_le16(at, v); }
static inline void buffer_append_le32(struct buffer *b, uint32_t v) { uint8_t *at = buffer_extend(b, 4); if (at) put_le32(at, v); }
static inline void buffer_append_le64(struct buffer *b, uint64_t v) { uint8_t *at = buffer_extend(b, 8); if (at) put_le64(at, v); }

static inline struct bytes buffer_bytes(const struct buffer *buffer)
{
  return (struct bytes){.data = buffer->data, .size = buffer->size};
}
