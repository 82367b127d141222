// Functions on text. Text is valid UTF-8; positions and lengths count characters.
#include <stdlib.h>
#include <utf8proc.h>

#include "data/utf8.h"
#include "expr/md5.h"
#include "expr/tables.h"

enum { TEXT_MAX = 0x3fffffff }; // bytes of a result, as in PostgreSQL

static int text_of(struct bytes bytes, struct value *result)
{
  *result = value_bytes(bytes.data, (uint32_t)bytes.size);
  return STATUS_OK;
}

static struct bytes from_byte(struct bytes text, size_t at) { return bytes_of(text.data + at, text.size - at); }

static struct bytes without_padding(struct bytes text)
{
  while (text.size && text.data[text.size - 1] == ' ')
    text.size--;
  return text;
}

static int too_long(struct evaluation *evaluation)
{
  return error_set(evaluation->error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "requested length too large");
}

// Where the needle is, in bytes; SIZE_MAX: nowhere. At a character's start, for UTF-8 says so of any match.
static size_t find(struct bytes text, struct bytes needle, size_t from)
{
  if (needle.size == 0)
    return from;
  if (from >= text.size)
    return SIZE_MAX;
  const uint8_t *at = memmem(text.data + from, text.size - from, needle.data, needle.size);
  return at ? (size_t)(at - text.data) : SIZE_MAX;
}

// ---- length ----

static int text_length(CALL)
{
  *result = value_integer((int64_t)utf8_length(bytes_of_value(&arguments[0])));
  return STATUS_OK;
}

static int bpchar_length(CALL)
{
  *result = value_integer((int64_t)utf8_length(without_padding(bytes_of_value(&arguments[0]))));
  return STATUS_OK;
}

static int octet_length(CALL)
{
  *result = value_integer(arguments[0].size);
  return STATUS_OK;
}

static int bit_length(CALL)
{
  *result = value_integer((int64_t)arguments[0].size * 8);
  return STATUS_OK;
}

// ---- case ----

enum letter_case { CASE_LOWER, CASE_UPPER, CASE_INITIAL };

static bool is_word_character(utf8proc_int32_t c)
{
  utf8proc_category_t category = utf8proc_category(c);
  return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) || category == UTF8PROC_CATEGORY_ND;
}

static bool change_case(struct evaluation *evaluation, struct bytes text, enum letter_case wanted, struct bytes *out)
{
  uint8_t *data = arena_alloc(evaluation->arena, text.size * 2 + 4); // a 2-byte letter's other case has at most 3
  size_t size = 0;
  bool in_word = false;
  if (!data)
    return false;
  for (size_t i = 0; i < text.size;) {
    utf8proc_int32_t c;
    utf8proc_ssize_t width = utf8proc_iterate(text.data + i, (utf8proc_ssize_t)(text.size - i), &c);
    if (width <= 0)
      break;
    i += (size_t)width;
    bool upper = wanted == CASE_UPPER || (wanted == CASE_INITIAL && !in_word);
    in_word = wanted == CASE_INITIAL && is_word_character(c);
    if (!upper)
      c = utf8proc_tolower(c);
    else if (c != 0xdf) // a sharp s has no capital of one letter in PostgreSQL
      c = utf8proc_toupper(c);
    size += (size_t)utf8proc_encode_char(c, data + size);
  }
  *out = bytes_of(data, size);
  return true;
}

bool text_lower(struct evaluation *evaluation, struct bytes text, struct bytes *lower)
{
  return change_case(evaluation, text, CASE_LOWER, lower);
}

static int with_case(struct evaluation *evaluation, const struct value *argument, enum letter_case wanted,
                     struct value *result)
{
  struct bytes out;
  if (!change_case(evaluation, bytes_of_value(argument), wanted, &out))
    return error_memory(evaluation->error);
  return text_of(out, result);
}

static int lower(CALL) { return with_case(evaluation, arguments, CASE_LOWER, result); }
static int upper(CALL) { return with_case(evaluation, arguments, CASE_UPPER, result); }
static int initcap(CALL) { return with_case(evaluation, arguments, CASE_INITIAL, result); }

// ---- parts ----

// Characters [start, end) counted from 1; start may be below 1.
static struct bytes slice(struct bytes text, int64_t start, int64_t end)
{
  if (start < 1)
    start = 1;
  if (end <= start)
    return bytes_of("", 0);
  struct bytes rest = from_byte(text, utf8_prefix(text, (size_t)start - 1));
  rest.size = utf8_prefix(rest, (size_t)(end - start));
  return rest;
}

static int negative_length(struct evaluation *evaluation)
{
  return error_set(evaluation->error, SQLSTATE_SUBSTRING_ERROR, "negative substring length not allowed");
}

static int substring(CALL)
{
  int64_t start = arguments[1].integer, end = INT64_MAX;
  if (argument_count > 2) {
    if (arguments[2].integer < 0)
      return negative_length(evaluation);
    end = start + arguments[2].integer;
  }
  return text_of(slice(bytes_of_value(&arguments[0]), start, end), result);
}

static int left(CALL)
{
  struct bytes text = bytes_of_value(&arguments[0]);
  int64_t count = arguments[1].integer;
  if (count < 0)
    count += (int64_t)utf8_length(text);
  return text_of(slice(text, 1, count + 1), result);
}

static int right(CALL)
{
  struct bytes text = bytes_of_value(&arguments[0]);
  int64_t length = (int64_t)utf8_length(text), count = arguments[1].integer;
  if (count == INT32_MIN) // -count does not exist: PostgreSQL leaves nothing out
    count = length;
  return text_of(slice(text, count < 0 ? 1 - count : length - count + 1, INT64_MAX), result);
}

static int overlay(CALL)
{
  struct bytes text = bytes_of_value(&arguments[0]), with = bytes_of_value(&arguments[1]);
  int64_t start = arguments[2].integer;
  int64_t count = argument_count > 3 ? arguments[3].integer : (int64_t)utf8_length(with);
  if (start <= 0)
    return negative_length(evaluation);
  if (start + count > INT32_MAX || start + count < INT32_MIN)
    return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range");
  struct buffer out = buffer_for(evaluation);
  buffer_append_bytes(&out, slice(text, 1, start));
  buffer_append_bytes(&out, with);
  buffer_append_bytes(&out, slice(text, start + count, INT64_MAX));
  return result_from_buffer(evaluation, &out, result);
}

static int split_part(CALL)
{
  struct bytes text = bytes_of_value(&arguments[0]), delimiter = bytes_of_value(&arguments[1]);
  int64_t field = arguments[2].integer, fields = 1;
  if (field == 0)
    return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "field position must not be zero");
  if (text.size == 0 || delimiter.size == 0)
    return text_of(text.size && (field == 1 || field == -1) ? text : bytes_of("", 0), result);
  if (field < 0) {
    for (size_t at = 0; (at = find(text, delimiter, at)) != SIZE_MAX; at += delimiter.size)
      fields++;
    field += fields + 1;
  }
  size_t start = 0;
  for (int64_t n = 1; field > 0; n++) {
    size_t end = find(text, delimiter, start);
    if (n == field)
      return text_of(bytes_of(text.data + start, (end == SIZE_MAX ? text.size : end) - start), result);
    if (end == SIZE_MAX)
      break;
    start = end + delimiter.size;
  }
  return text_of(bytes_of("", 0), result);
}

// ---- trimming ----

static bool holds_character(struct bytes set, const uint8_t *character, size_t width)
{
  for (size_t i = 0; i < set.size; i += (size_t)utf8_width(set.data[i]))
    if ((size_t)utf8_width(set.data[i]) == width && memcmp(set.data + i, character, width) == 0)
      return true;
  return false;
}

static int trim(const struct value *arguments, int argument_count, bool at_start, bool at_end, struct value *result)
{
  struct bytes text = bytes_of_value(&arguments[0]);
  struct bytes set = argument_count > 1 ? bytes_of_value(&arguments[1]) : bytes_of_string(" ");
  while (at_start && text.size) {
    size_t width = (size_t)utf8_width(text.data[0]);
    if (!holds_character(set, text.data, width))
      break;
    text = from_byte(text, width);
  }
  while (at_end && text.size) {
    size_t at = text.size - 1;
    while (at && (text.data[at] & 0xc0) == 0x80)
      at--;
    if (!holds_character(set, text.data + at, text.size - at))
      break;
    text.size = at;
  }
  return text_of(text, result);
}

static int trim_both(CALL) { return trim(arguments, argument_count, true, true, result); }
static int trim_left(CALL) { return trim(arguments, argument_count, true, false, result); }
static int trim_right(CALL) { return trim(arguments, argument_count, false, true, result); }

// ---- searching and replacing ----

static int position(CALL)
{
  struct bytes text = bytes_of_value(&arguments[0]);
  size_t at = find(text, bytes_of_value(&arguments[1]), 0);
  *result = value_integer(at == SIZE_MAX ? 0 : (int64_t)utf8_length(bytes_of(text.data, at)) + 1);
  return STATUS_OK;
}

static int starts_with(CALL)
{
  struct bytes text = bytes_of_value(&arguments[0]), start = bytes_of_value(&arguments[1]);
  *result = value_boolean(text.size >= start.size && bytes_equal(bytes_of(text.data, start.size), start));
  return STATUS_OK;
}

static int replace(CALL)
{
  struct bytes text = bytes_of_value(&arguments[0]), from = bytes_of_value(&arguments[1]);
  struct bytes to = bytes_of_value(&arguments[2]);
  size_t copied = 0, at = from.size ? find(text, from, 0) : SIZE_MAX;
  if (at == SIZE_MAX)
    return text_of(text, result);
  struct buffer out = buffer_for(evaluation);
  for (; at != SIZE_MAX && out.size <= TEXT_MAX && !out.failed; at = find(text, from, copied)) {
    buffer_append(&out, text.data + copied, at - copied);
    buffer_append_bytes(&out, to);
    copied = at + from.size;
  }
  buffer_append_bytes(&out, from_byte(text, copied));
  return result_from_buffer(evaluation, &out, result);
}

static int translate(CALL)
{
  struct bytes text = bytes_of_value(&arguments[0]), from = bytes_of_value(&arguments[1]);
  struct bytes to = bytes_of_value(&arguments[2]);
  struct buffer out = buffer_for(evaluation);
  for (size_t i = 0; i < text.size;) {
    size_t width = (size_t)utf8_width(text.data[i]), f = 0, t = 0;
    while (f < from.size &&
           !((size_t)utf8_width(from.data[f]) == width && memcmp(from.data + f, text.data + i, width) == 0)) {
      f += (size_t)utf8_width(from.data[f]);
      t += t < to.size ? (size_t)utf8_width(to.data[t]) : 0;
    }
    if (f >= from.size)
      buffer_append(&out, text.data + i, width);
    else if (t < to.size)
      buffer_append(&out, to.data + t, (size_t)utf8_width(to.data[t]));
    i += width;
  }
  return result_from_buffer(evaluation, &out, result);
}

// ---- building ----

static int repeat(CALL)
{
  struct bytes text = bytes_of_value(&arguments[0]);
  int64_t count = arguments[1].integer < 0 ? 0 : arguments[1].integer;
  if (text.size && count > TEXT_MAX / (int64_t)text.size)
    return too_long(evaluation);
  uint8_t *data = result_bytes(evaluation, text.size * (size_t)count, result);
  if (!data)
    return error_memory(evaluation->error);
  for (int64_t i = 0; i < count && text.size; i++)
    memcpy(data + (size_t)i * text.size, text.data, text.size);
  return STATUS_OK;
}

static int reverse(CALL)
{
  struct bytes text = bytes_of_value(&arguments[0]);
  uint8_t *data = result_bytes(evaluation, text.size, result);
  if (!data)
    return error_memory(evaluation->error);
  for (size_t i = 0, width; i < text.size; i += width) {
    width = (size_t)utf8_width(text.data[i]);
    memcpy(data + text.size - i - width, text.data + i, width);
  }
  return STATUS_OK;
}

static int pad(struct evaluation *evaluation, const struct value *arguments, int argument_count, bool at_left,
               struct value *result)
{
  struct bytes text = bytes_of_value(&arguments[0]);
  struct bytes with = argument_count > 2 ? bytes_of_value(&arguments[2]) : bytes_of_string(" ");
  int64_t wanted = arguments[1].integer, length = (int64_t)utf8_length(text);
  if (wanted > TEXT_MAX / 4)
    return too_long(evaluation);
  if (length >= wanted || with.size == 0)
    return text_of(slice(text, 1, wanted + 1), result);
  struct buffer out = buffer_for(evaluation);
  if (!at_left)
    buffer_append_bytes(&out, text);
  size_t at = 0;
  for (int64_t n = wanted - length; n > 0 && !out.failed; n--) {
    size_t width = (size_t)utf8_width(with.data[at]);
    buffer_append(&out, with.data + at, width);
    at = (at + width) % with.size;
  }
  if (at_left)
    buffer_append_bytes(&out, text);
  return result_from_buffer(evaluation, &out, result);
}

static int pad_left(CALL) { return pad(evaluation, arguments, argument_count, true, result); }
static int pad_right(CALL) { return pad(evaluation, arguments, argument_count, false, result); }

// first: where the pieces begin; NULLs are left out.
static int join(struct evaluation *evaluation, const struct value *arguments, int count, int first,
                struct bytes separator, struct value *result)
{
  struct buffer out = buffer_for(evaluation);
  bool any = false;
  for (int i = first; i < count; i++) {
    if (arguments[i].is_null)
      continue;
    if (any)
      buffer_append_bytes(&out, separator);
    buffer_append_bytes(&out, bytes_of_value(&arguments[i]));
    any = true;
  }
  return result_from_buffer(evaluation, &out, result);
}

static int concat(CALL) { return join(evaluation, arguments, argument_count, 0, bytes_of("", 0), result); }

static int concat_ws(CALL)
{
  *result = value_null();
  if (arguments[0].is_null)
    return STATUS_OK;
  return join(evaluation, arguments, argument_count, 1, bytes_of_value(&arguments[0]), result);
}

// ---- codes ----

static int ascii(CALL)
{
  utf8proc_int32_t c = 0;
  if (arguments[0].size)
    utf8proc_iterate(arguments[0].data, arguments[0].size, &c);
  *result = value_integer(c);
  return STATUS_OK;
}

static int chr(CALL)
{
  int64_t code = arguments[0].integer;
  if (code < 0)
    return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "character number must be positive");
  if (code == 0)
    return error_set(evaluation->error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "null character not permitted");
  if (code > 0x10ffff)
    return error_set(evaluation->error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                     "requested character too large for encoding: %lld", (long long)code);
  if (code >= 0xd800 && code < 0xe000)
    return error_set(evaluation->error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                     "requested character not valid for encoding: %lld", (long long)code);
  uint8_t *data = result_bytes(evaluation, 4, result);
  if (!data)
    return error_memory(evaluation->error);
  result->size = (uint32_t)utf8proc_encode_char((utf8proc_int32_t)code, data);
  return STATUS_OK;
}

static int hexadecimal(struct evaluation *evaluation, uint64_t v, struct value *result)
{
  char *text = arena_format(evaluation->arena, "%llx", (unsigned long long)v);
  if (!text)
    return error_memory(evaluation->error);
  *result = value_string(text);
  return STATUS_OK;
}

static int int4_to_hex(CALL) { return hexadecimal(evaluation, (uint32_t)arguments[0].integer, result); }
static int int8_to_hex(CALL) { return hexadecimal(evaluation, (uint64_t)arguments[0].integer, result); }

static int md5(CALL)
{
  uint8_t digest[16];
  md5_digest(bytes_of_value(&arguments[0]), digest);
  uint8_t *data = result_bytes(evaluation, 32, result);
  if (!data)
    return error_memory(evaluation->error);
  for (int i = 0; i < 32; i++)
    data[i] = (uint8_t)"0123456789abcdef"[i % 2 ? digest[i / 2] & 15 : digest[i / 2] >> 4];
  return STATUS_OK;
}

// ---- the table ----

const struct function text_functions[] = {
    PURE("length", text_length, INT4, 1, TEXT),
    PURE("length", bpchar_length, INT4, 1, BPCHAR),
    PURE("char_length", text_length, INT4, 1, TEXT),
    PURE("char_length", bpchar_length, INT4, 1, BPCHAR),
    PURE("character_length", text_length, INT4, 1, TEXT),
    PURE("character_length", bpchar_length, INT4, 1, BPCHAR),
    PURE("octet_length", octet_length, INT4, 1, TEXT),
    PURE("octet_length", octet_length, INT4, 1, BPCHAR),
    PURE("bit_length", bit_length, INT4, 1, TEXT),
    PURE("lower", lower, TEXT, 1, TEXT),
    PURE("upper", upper, TEXT, 1, TEXT),
    PURE("initcap", initcap, TEXT, 1, TEXT),
    PURE("substring", substring, TEXT, 2, TEXT, INT4),
    PURE("substring", substring, TEXT, 3, TEXT, INT4, INT4),
    PURE("substr", substring, TEXT, 2, TEXT, INT4),
    PURE("substr", substring, TEXT, 3, TEXT, INT4, INT4),
    PURE("left", left, TEXT, 2, TEXT, INT4),
    PURE("right", right, TEXT, 2, TEXT, INT4),
    PURE("overlay", overlay, TEXT, 3, TEXT, TEXT, INT4),
    PURE("overlay", overlay, TEXT, 4, TEXT, TEXT, INT4, INT4),
    PURE("split_part", split_part, TEXT, 3, TEXT, TEXT, INT4),
    PURE("btrim", trim_both, TEXT, 1, TEXT),
    PURE("btrim", trim_both, TEXT, 2, TEXT, TEXT),
    PURE("trim", trim_both, TEXT, 1, TEXT),
    PURE("trim", trim_both, TEXT, 2, TEXT, TEXT),
    PURE("ltrim", trim_left, TEXT, 1, TEXT),
    PURE("ltrim", trim_left, TEXT, 2, TEXT, TEXT),
    PURE("rtrim", trim_right, TEXT, 1, TEXT),
    PURE("rtrim", trim_right, TEXT, 2, TEXT, TEXT),
    PURE("position", position, INT4, 2, TEXT, TEXT),
    PURE("strpos", position, INT4, 2, TEXT, TEXT),
    PURE("starts_with", starts_with, BOOLEAN, 2, TEXT, TEXT),
    OPERATOR("^@", starts_with, BOOLEAN, 2, TEXT, TEXT),
    PURE("replace", replace, TEXT, 3, TEXT, TEXT, TEXT),
    PURE("translate", translate, TEXT, 3, TEXT, TEXT, TEXT),
    PURE("repeat", repeat, TEXT, 2, TEXT, INT4),
    PURE("reverse", reverse, TEXT, 1, TEXT),
    PURE("lpad", pad_left, TEXT, 2, TEXT, INT4),
    PURE("lpad", pad_left, TEXT, 3, TEXT, INT4, TEXT),
    PURE("rpad", pad_right, TEXT, 2, TEXT, INT4),
    PURE("rpad", pad_right, TEXT, 3, TEXT, INT4, TEXT),
    ROW("concat", concat, TEXT, -1, FUNCTION_STABLE, true, false, ANY),
    ROW("concat_ws", concat_ws, TEXT, -2, FUNCTION_STABLE, true, false, TEXT, ANY),
    PURE("ascii", ascii, INT4, 1, TEXT),
    PURE("chr", chr, TEXT, 1, INT4),
    PURE("to_hex", int4_to_hex, TEXT, 1, INT4),
    PURE("to_hex", int8_to_hex, TEXT, 1, INT8),
    PURE("md5", md5, TEXT, 1, TEXT),
    {0},
};
