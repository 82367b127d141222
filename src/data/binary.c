// The text forms of bytea and uuid.
#include "data/binary.h"

#include <ctype.h>

#include "base/limits.h"
#include "base/sqlstate.h"

static int digit_of(uint8_t c)
{
  return isdigit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int bad_digit(const uint8_t *at, size_t size, struct error *error)
{
  size_t width = 1; // a character of more bytes is shown whole
  while (width < size && (at[width] & 0xc0) == 0x80)
    width++;
  return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid hexadecimal digit: \"%.*s\"", (int)width,
                   (const char *)at);
}

int hexadecimal_decode(struct bytes text, uint8_t *out, size_t *size, struct error *error)
{
  *size = 0;
  for (size_t i = 0; i < text.size;) {
    uint8_t c = text.data[i];
    if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
      i++;
      continue;
    }
    if (digit_of(c) < 0)
      return bad_digit(text.data + i, text.size - i, error);
    if (i + 1 == text.size)
      return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid hexadecimal data: odd number of digits");
    if (digit_of(text.data[i + 1]) < 0)
      return bad_digit(text.data + i + 1, text.size - i - 1, error);
    out[(*size)++] = (uint8_t)(digit_of(c) << 4 | digit_of(text.data[i + 1]));
    i += 2;
  }
  return 0;
}

void hexadecimal_encode(struct bytes bytes, struct buffer *out)
{
  uint8_t *at = buffer_extend(out, bytes.size * 2);
  for (size_t i = 0; at && i < bytes.size; i++) {
    *at++ = (uint8_t)"0123456789abcdef"[bytes.data[i] >> 4];
    *at++ = (uint8_t)"0123456789abcdef"[bytes.data[i] & 15];
  }
}

static bool is_octal(uint8_t c, uint8_t most) { return c >= '0' && c <= most; }

int escapes_decode(struct bytes text, uint8_t *out, size_t *size, struct error *error)
{
  *size = 0;
  for (size_t i = 0; i < text.size; i++) {
    const uint8_t *at = text.data + i;
    size_t rest = text.size - i;
    if (*at != '\\') {
      out[(*size)++] = *at;
    } else if (rest > 1 && at[1] == '\\') {
      out[(*size)++] = '\\';
      i++;
    } else if (rest > 3 && is_octal(at[1], '3') && is_octal(at[2], '7') && is_octal(at[3], '7')) {
      out[(*size)++] = (uint8_t)((at[1] - '0') << 6 | (at[2] - '0') << 3 | (at[3] - '0'));
      i += 3;
    } else {
      return error_set(error, SQLSTATE_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type bytea");
    }
  }
  return 0;
}

void escapes_encode(struct bytes bytes, struct buffer *out)
{
  for (size_t i = 0; i < bytes.size; i++) {
    uint8_t c = bytes.data[i];
    if (c == '\\')
      buffer_append_string(out, "\\\\");
    else if (c == 0 || c > 127)
      buffer_format(out, "\\%03o", c);
    else
      buffer_append_u8(out, c);
  }
}

int bytea_from_text(struct bytes text, struct arena *arena, struct value *value, struct error *error)
{
  uint8_t *data = text.size <= UINT32_MAX ? arena_alloc(arena, text.size + 1) : NULL;
  size_t size;
  if (!data)
    return error_memory(error);
  bool is_hexadecimal = text.size >= 2 && text.data[0] == '\\' && text.data[1] == 'x';
  int status = is_hexadecimal ? hexadecimal_decode(bytes_of(text.data + 2, text.size - 2), data, &size, error)
                              : escapes_decode(text, data, &size, error);
  if (!status)
    *value = value_bytes(data, (uint32_t)size);
  return status;
}

void bytea_to_text(const struct value *value, struct buffer *out)
{
  buffer_append_string(out, "\\x");
  hexadecimal_encode(bytes_of(value->data, value->size), out);
}

// 32 digits, a dash allowed behind each group of four, braces around all.
int uuid_from_text(struct bytes text, struct arena *arena, struct value *value, struct error *error)
{
  uint8_t *data = arena_alloc(arena, UUID_SIZE);
  if (!data)
    return error_memory(error);
  struct bytes rest = text;
  bool has_braces = text.size > 2 && text.data[0] == '{' && text.data[text.size - 1] == '}';
  if (has_braces)
    rest = bytes_of(text.data + 1, text.size - 2);
  size_t at = 0;
  bool is_good = true;
  for (int i = 0; i < UUID_SIZE && is_good; i++) {
    is_good = at + 1 < rest.size && digit_of(rest.data[at]) >= 0 && digit_of(rest.data[at + 1]) >= 0;
    if (!is_good)
      break;
    data[i] = (uint8_t)(digit_of(rest.data[at]) << 4 | digit_of(rest.data[at + 1]));
    at += 2;
    if (i % 2 == 1 && i < UUID_SIZE - 1 && at < rest.size && rest.data[at] == '-')
      at++;
  }
  if (!is_good || at != rest.size)
    return error_set(error, SQLSTATE_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type uuid: \"%.*s\"",
                     (int)text.size, (const char *)text.data);
  *value = value_bytes(data, UUID_SIZE);
  return 0;
}

void uuid_to_text(const struct value *value, struct buffer *out)
{
  static const int ends[] = {4, 6, 8, 10, 16};
  for (int i = 0, start = 0; i < 5; start = ends[i++]) {
    if (i)
      buffer_append_u8(out, '-');
    hexadecimal_encode(bytes_of(value->data + start, (size_t)(ends[i] - start)), out);
  }
}
