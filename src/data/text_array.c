// Arrays of text: PostgreSQL's forms, {a,"b c",NULL} and the binary one, both ways.
#include "data/text_array.h"

#include <ctype.h>
#include <strings.h>

#include "base/sqlstate.h"
#include "data/utf8.h"

enum { SIZE_BYTES = 4 };

void text_array_append(struct buffer *array, const struct bytes *element)
{
  buffer_append_le32(array, element ? (uint32_t)element->size : UINT32_MAX);
  if (element)
    buffer_append_bytes(array, *element);
}

bool text_array_next(struct bytes array, size_t *position, struct bytes *element, bool *is_null)
{
  if (*position >= array.size)
    return false;
  uint32_t size = get_le32(array.data + *position);
  *is_null = size == UINT32_MAX;
  *element = bytes_of(array.data + *position + SIZE_BYTES, *is_null ? 0 : size);
  *position += SIZE_BYTES + element->size;
  return true;
}

int text_array_count(struct bytes array)
{
  struct bytes element;
  bool is_null;
  int count = 0;
  for (size_t position = 0; text_array_next(array, &position, &element, &is_null);)
    count++;
  return count;
}

// ---- to text ----

static bool needs_quotes(struct bytes element)
{
  if (element.size == 0 || (element.size == 4 && strncasecmp((const char *)element.data, "null", 4) == 0))
    return true;
  for (size_t i = 0; i < element.size; i++)
    if (strchr("{},\"\\", element.data[i]) || isspace(element.data[i]))
      return true;
  return false;
}

void text_array_to_text(const struct value *array, struct buffer *out)
{
  struct bytes element;
  bool is_null;
  buffer_append_u8(out, '{');
  for (size_t position = 0; text_array_next(bytes_of(array->data, array->size), &position, &element, &is_null);) {
    if (out->data && out->data[out->size - 1] != '{')
      buffer_append_u8(out, ',');
    if (is_null) {
      buffer_append_string(out, "NULL");
      continue;
    }
    bool is_quoted = needs_quotes(element);
    if (is_quoted)
      buffer_append_u8(out, '"');
    for (size_t i = 0; i < element.size; i++) {
      if (element.data[i] == '"' || element.data[i] == '\\')
        buffer_append_u8(out, '\\');
      buffer_append_u8(out, element.data[i]);
    }
    if (is_quoted)
      buffer_append_u8(out, '"');
  }
  buffer_append_u8(out, '}');
}

// ---- from text ----

static int malformed(struct bytes text, const char *detail, struct error *error)
{
  int status = error_set(error, SQLSTATE_INVALID_TEXT_REPRESENTATION, "malformed array literal: \"%.*s\"",
                         (int)text.size, (const char *)text.data);
  error_detail(error, "%s", detail);
  return status;
}

static size_t skip_spaces(struct bytes text, size_t at)
{
  while (at < text.size && isspace(text.data[at]))
    at++;
  return at;
}

// One element from *at on, up to the comma or the brace behind it. element: emptied before.
static int read_element(struct bytes text, size_t *at, struct buffer *element, bool *is_null, struct error *error)
{
  size_t i = *at, end = 0; // end: behind the last character that counts
  bool was_quoted = false, was_escaped = false, is_quoted = false;
  for (; i < text.size && (is_quoted || (text.data[i] != ',' && text.data[i] != '}')); i++) {
    uint8_t c = text.data[i];
    if (c == '"') {
      if (!is_quoted && element->size)
        return malformed(text, "Unexpected array element.", error);
      is_quoted = !is_quoted;
      was_quoted = true;
      continue;
    }
    if (!is_quoted && c == '{')
      return was_quoted || element->size
                 ? malformed(text, "Unexpected \"{\" character.", error)
                 : error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "arrays of several dimensions are not supported");
    if (c == '\\') {
      if (++i == text.size)
        break;
      was_escaped = true;
    } else if (!is_quoted && was_quoted && !isspace(c)) {
      return malformed(text, "Unexpected array element.", error);
    } else if (!is_quoted && isspace(c)) {
      if (element->size && !was_quoted)
        buffer_append_u8(element, c);
      continue;
    }
    buffer_append_u8(element, text.data[i]);
    end = element->size;
  }
  if (i >= text.size)
    return malformed(text, "Unexpected end of input.", error);
  if (element->failed)
    return error_memory(error);
  element->size = end;
  if (!end && !was_quoted)
    return malformed(text, text.data[i] == ',' ? "Unexpected \",\" character." : "Unexpected \"}\" character.", error);
  *is_null = end == 4 && !was_quoted && !was_escaped && strncasecmp((const char *)element->data, "null", 4) == 0;
  *at = i;
  return STATUS_OK;
}

static int read_elements(struct bytes text, struct buffer *array, struct buffer *element, struct error *error)
{
  size_t at = skip_spaces(text, 0);
  if (at == text.size || text.data[at] != '{')
    return malformed(text, "Array value must start with \"{\" or dimension information.", error);
  at = skip_spaces(text, at + 1);
  if (at < text.size && text.data[at] == '}') {
    at++;
  } else {
    for (bool is_last = false; !is_last; at++) {
      bool is_null = false;
      buffer_clear(element);
      int status = read_element(text, &at, element, &is_null, error);
      if (status)
        return status;
      struct bytes contents = buffer_bytes(element);
      text_array_append(array, is_null ? NULL : &contents);
      is_last = text.data[at] == '}';
    }
  }
  if (skip_spaces(text, at) != text.size)
    return malformed(text, "Junk after closing right brace.", error);
  return STATUS_OK;
}

int text_array_from_text(struct bytes text, struct arena *arena, struct value *value, struct error *error)
{
  struct buffer array = {.account = arena->account}, element = array;
  int status = read_elements(text, &array, &element, error);
  if (!status) {
    const uint8_t *data = array.failed ? NULL : arena_copy(arena, array.data, array.size);
    *value = value_bytes(data, (uint32_t)array.size);
    status = data ? STATUS_OK : error_memory(error);
  }
  buffer_deinit(&array);
  buffer_deinit(&element);
  return status;
}

// ---- binary: dimensions (0 or 1), whether there are NULLs, the elements' type, their number, the first one's index;
// for each its size (-1: NULL) and its bytes ----

enum { HEADER = 12, DIMENSION = 8 };

void text_array_to_binary(const struct value *array, struct buffer *out)
{
  struct bytes element, all = bytes_of(array->data, array->size);
  bool is_null, has_null = false;
  int count = 0;
  for (size_t position = 0; text_array_next(all, &position, &element, &is_null); count++)
    has_null |= is_null;
  buffer_append_be32(out, count > 0);
  buffer_append_be32(out, has_null);
  buffer_append_be32(out, type_info(TYPE_TEXT)->oid);
  if (!count)
    return;
  buffer_append_be32(out, (uint32_t)count);
  buffer_append_be32(out, 1);
  for (size_t position = 0; text_array_next(all, &position, &element, &is_null);) {
    buffer_append_be32(out, is_null ? UINT32_MAX : (uint32_t)element.size);
    buffer_append_bytes(out, element);
  }
}

static int bad_binary(struct error *error)
{
  return error_set(error, SQLSTATE_INVALID_BINARY_REPRESENTATION, "incorrect binary data format");
}

int text_array_from_binary(struct bytes binary, struct arena *arena, struct value *value, struct error *error)
{
  if (binary.size < HEADER)
    return error_set(error, SQLSTATE_PROTOCOL_VIOLATION, "insufficient data left in message");
  uint32_t dimensions = get_be32(binary.data);
  if (dimensions > 1)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "arrays of several dimensions are not supported");
  size_t at = HEADER + (dimensions ? DIMENSION : 0);
  if (binary.size < at)
    return error_set(error, SQLSTATE_PROTOCOL_VIOLATION, "insufficient data left in message");
  uint32_t count = dimensions ? get_be32(binary.data + HEADER) : 0;
  struct buffer array = {.account = arena->account};
  int status = STATUS_OK;
  for (uint32_t i = 0; i < count && !status; i++) {
    uint32_t size = binary.size - at >= SIZE_BYTES ? get_be32(binary.data + at) : UINT32_MAX - 1;
    at += SIZE_BYTES;
    bool is_null = size == UINT32_MAX;
    struct bytes element = bytes_of(is_null ? NULL : binary.data + at, is_null ? 0 : size);
    if (!is_null && (at > binary.size || size > binary.size - at))
      status = bad_binary(error);
    else if (!(status = is_null ? STATUS_OK : utf8_check(element, error)))
      text_array_append(&array, is_null ? NULL : &element);
    at += element.size;
  }
  if (!status && at != binary.size)
    status = bad_binary(error);
  if (!status) {
    const uint8_t *data = array.failed ? NULL : arena_copy(arena, array.data, array.size);
    *value = value_bytes(data, (uint32_t)array.size);
    status = data ? STATUS_OK : error_memory(error);
  }
  buffer_deinit(&array);
  return status;
}
