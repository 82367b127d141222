// Borrowed byte ranges, and integers in byte order.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// A range of bytes that somebody else owns.
struct bytes {
  const uint8_t *data;
  size_t size;
};

static inline struct bytes bytes_of(const void *data, size_t size)
{
  return (struct bytes){.data = data, .size = size};
}

static inline struct bytes bytes_of_string(const char *text)
{
  return (struct bytes){.data = (const uint8_t *)text, .size = strlen(text)};
}

static inline int bytes_compare(struct bytes a, struct bytes b)
{
  size_t common = a.size < b.size ? a.size : b.size;
  int order = common ? memcmp(a.data, b.data, common) : 0;
  return order ? order : (a.size > b.size) - (a.size < b.size);
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

// Big-endian (network order, and the order of keys).
static inline void put_be16(uint8_t *at, uint16_t v) { v = __builtin_bswap16(v); memcpy(at, &v, 2); }
static inline void put_be32(uint8_t *at, uint32_t v) { v = __builtin_bswap32(v); memcpy(at, &v, 4); }
static inline void put_be64(uint8_t *at, uint64_t v) { v = __builtin_bswap64(v); memcpy(at, &v, 8); }
static inline uint16_t get_be16(const uint8_t *at) { uint16_t v; memcpy(&v, at, 2); return __builtin_bswap16(v); }
static inline uint32_t get_be32(const uint8_t *at) { uint32_t v; memcpy(&v, at, 4); return __builtin_bswap32(v); }
static inline uint64_t get_be64(const uint8_t *at) { uint64_t v; memcpy(&v, at, 8); return __builtin_bswap64(v); }

// Little-endian (rows, log and checkpoint files, frames).
static inline void put_le16(uint8_t *at, uint16_t v) { memcpy(at, &v, 2); }
static inline void put_le32(uint8_t *at, uint32_t v) { memcpy(at, &v, 4); }
static inline void put_le64(uint8_t *at, uint64_t v) { memcpy(at, &v, 8); }
static inline uint16_t get_le16(const uint8_t *at) { uint16_t v; memcpy(&v, at, 2); return v; }
static inline uint32_t get_le32(const uint8_t *at) { uint32_t v; memcpy(&v, at, 4); return v; }
static inline uint64_t get_le64(const uint8_t *at) { uint64_t v; memcpy(&v, at, 8); return v; }

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the formats on disk are written for little-endian machines");
