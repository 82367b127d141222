// Bit strings: their text and binary forms, order and lengths.
#include "data/bits.h"

#include "base/sqlstate.h"
#include "data/utf8.h"

static uint8_t used_bits(uint32_t count)
{
  return count == 0 ? 0 : (uint8_t)((count - 1) % 8 + 1);
}

bool bits_are_valid(struct bytes bytes)
{
  if (bytes.size == 0 || bytes.data[bytes.size - 1] > 8)
    return false;
  uint8_t used = bytes.data[bytes.size - 1];
  if (bytes.size == 1 || used == 0)
    return bytes.size == 1 && used == 0;
  return (uint8_t)(bytes.data[bytes.size - 2] << used) == 0;
}

uint8_t *bits_new(uint32_t count, struct arena *arena, struct value *value)
{
  uint32_t size = (uint32_t)(((uint64_t)count + 7) / 8);
  uint8_t *data = arena_alloc(arena, size + 1);
  *value = value_bytes(data, size + 1);
  if (!data)
    return NULL;
  memset(data, 0, size);
  data[size] = used_bits(count);
  return data;
}

int bits_compare(const struct value *a, const struct value *b)
{
  int order = bytes_compare(bytes_of(a->data, a->size - 1), bytes_of(b->data, b->size - 1));
  uint32_t left = bits_count(a), right = bits_count(b);
  return order ? order : (left > right) - (left < right);
}

static int too_long(struct error *error)
{
  return error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "bit string length exceeds the maximum allowed (%u)",
                   LIMIT_BITS);
}

static int digit_of(uint8_t c)
{
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

// 101, b101, x1F.
int bits_from_text(struct bytes text, struct arena *arena, struct value *value, struct error *error)
{
  bool is_hex = text.size && (text.data[0] == 'x' || text.data[0] == 'X');
  bool has_letter = is_hex || (text.size && (text.data[0] == 'b' || text.data[0] == 'B'));
  text = bytes_of(text.data + has_letter, text.size - has_letter);
  uint32_t width = is_hex ? 4 : 1;
  if (text.size > LIMIT_BITS / width)
    return too_long(error);
  uint8_t *data = bits_new((uint32_t)text.size * width, arena, value);
  if (!data)
    return error_memory(error);
  for (uint32_t i = 0; i < text.size; i++) {
    int digit = digit_of(text.data[i]);
    if (digit >> width)
      return error_set(error, SQLSTATE_INVALID_TEXT_REPRESENTATION, "\"%.*s\" is not a valid %s digit",
                       (int)utf8_prefix(bytes_of(text.data + i, text.size - i), 1), (const char *)text.data + i,
                       is_hex ? "hexadecimal" : "binary");
    for (uint32_t bit = 0; bit < width; bit++)
      bits_set(data, i * width + bit, digit >> (width - 1 - bit) & 1);
  }
  return STATUS_OK;
}

void bits_to_text(const struct value *value, struct buffer *out)
{
  uint32_t count = bits_count(value);
  uint8_t *at = buffer_extend(out, count);
  for (uint32_t i = 0; at && i < count; i++)
    at[i] = bits_get(value, i) ? '1' : '0';
}

int bits_from_binary(struct bytes binary, struct arena *arena, struct value *value, struct error *error)
{
  if (binary.size < 4)
    return error_set(error, SQLSTATE_PROTOCOL_VIOLATION, "insufficient data left in message");
  uint32_t count = get_be32(binary.data);
  if (count > INT32_MAX)
    return error_set(error, SQLSTATE_INVALID_BINARY_REPRESENTATION, "invalid length in external bit string");
  if (count > LIMIT_BITS)
    return too_long(error);
  size_t size = ((size_t)count + 7) / 8;
  if (binary.size - 4 != size)
    return binary.size - 4 < size
               ? error_set(error, SQLSTATE_PROTOCOL_VIOLATION, "insufficient data left in message")
               : error_set(error, SQLSTATE_INVALID_BINARY_REPRESENTATION, "incorrect binary data format");
  uint8_t *data = bits_new(count, arena, value);
  if (!data)
    return error_memory(error);
  if (size) {
    memcpy(data, binary.data + 4, size);
    data[size - 1] = (uint8_t)(data[size - 1] & 0xff << (8 - used_bits(count)));
  }
  return STATUS_OK;
}

void bits_to_binary(const struct value *value, struct buffer *out)
{
  buffer_append_be32(out, bits_count(value));
  buffer_append(out, value->data, value->size - 1);
}

int bits_apply_modifier(struct type type, bool is_explicit, struct arena *arena, struct value *value, struct error *error)
{
  uint32_t count = bits_count(value), wanted = (uint32_t)type.modifier;
  bool is_varying = type.id == TYPE_VARBIT;
  if (count == wanted || (is_varying && count < wanted))
    return STATUS_OK;
  if (!is_explicit && is_varying)
    return error_set(error, SQLSTATE_STRING_DATA_RIGHT_TRUNCATION, "bit string too long for type bit varying(%u)", wanted);
  if (!is_explicit)
    return error_set(error, SQLSTATE_STRING_DATA_LENGTH_MISMATCH, "bit string length %u does not match type bit(%u)", count,
                     wanted);
  struct value given = *value;
  uint8_t *data = bits_new(wanted, arena, value);
  if (!data)
    return error_memory(error);
  for (uint32_t i = 0; i < wanted && i < count; i++)
    bits_set(data, i, bits_get(&given, i));
  return STATUS_OK;
}
