// bytea and uuid: comparison, pieces, encodings, digests, random uuids.
#include "data/binary.h"

#include <ctype.h>

#include "data/utf8.h"
#include "expr/md5.h"
#include "expr/sha2.h"
#include "expr/tables.h"

COMPARISONS(binary, BY_TYPE(TYPE_BYTEA))

// ---- casts ----

TO_TEXT(bytea, TYPE_BYTEA)
TO_TEXT(uuid, TYPE_UUID)
FROM_TEXT(binary, TYPE_BYTEA)
FROM_TEXT(identifier, TYPE_UUID)

const struct function binary_cast_functions[] = {
    PURE("bytea", binary_from_text, BYTEA, 1, TEXT),
    PURE("uuid", identifier_from_text, UUID, 1, TEXT),
    PURE("text", text_from_bytea, TEXT, 1, BYTEA),
    PURE("text", text_from_uuid, TEXT, 1, UUID),
    {0},
};

// ---- pieces ----

static int length(CALL)
{
  *result = value_integer(arguments[0].size);
  return STATUS_OK;
}

static int bit_length(CALL)
{
  *result = value_integer((int64_t)arguments[0].size * 8);
  return STATUS_OK;
}

// The bytes from place `start`, counted from 1, as many as there are of `count`.
static struct value piece(const struct value *value, int64_t start, int64_t count)
{
  int64_t end = start + count; // both are of 32 bits
  start = start < 1 ? 1 : start;
  end = end > (int64_t)value->size + 1 ? (int64_t)value->size + 1 : end;
  return start < end ? value_bytes(value->data + start - 1, (uint32_t)(end - start)) : value_bytes(value->data, 0);
}

static int substring(CALL)
{
  int64_t count = argument_count > 2 ? arguments[2].integer : (int64_t)UINT32_MAX * 2;
  if (count < 0)
    return error_set(evaluation->error, SQLSTATE_SUBSTRING_ERROR, "negative substring length not allowed");
  *result = piece(&arguments[0], arguments[1].integer, count);
  return STATUS_OK;
}

static int overlay(CALL)
{
  int64_t start = arguments[2].integer, count = argument_count > 3 ? arguments[3].integer : arguments[1].size;
  if (start <= 0)
    return error_set(evaluation->error, SQLSTATE_SUBSTRING_ERROR, "negative substring length not allowed");
  if (start + count > INT32_MAX || start + count < INT32_MIN)
    return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range");
  struct value first = piece(&arguments[0], 1, start - 1), both[2], joined;
  struct value last = piece(&arguments[0], start + count, (int64_t)UINT32_MAX * 2);
  both[0] = first;
  both[1] = arguments[1];
  int status = concatenate_bytes(evaluation, both, 2, &joined);
  both[0] = joined;
  both[1] = last;
  return status == STATUS_OK ? concatenate_bytes(evaluation, both, 2, result) : status;
}

static int position(CALL)
{
  struct bytes text = bytes_of_value(&arguments[0]), wanted = bytes_of_value(&arguments[1]);
  const uint8_t *found = wanted.size ? memmem(text.data, text.size, wanted.data, wanted.size) : text.data;
  *result = value_integer(wanted.size == 0 ? 1 : found ? found - text.data + 1 : 0);
  return STATUS_OK;
}

static int trim(struct evaluation *evaluation, const struct value *arguments, bool left, bool right,
                struct value *result)
{
  const uint8_t *start = arguments[0].data, *end = start + arguments[0].size, *set = arguments[1].data;
  size_t count = arguments[1].size;
  while (left && count && start < end && memchr(set, *start, count))
    start++;
  while (right && count && start < end && memchr(set, end[-1], count))
    end--;
  *result = value_bytes(start, (uint32_t)(end - start));
  return STATUS_OK;
}

static int trim_both(CALL) { return trim(evaluation, arguments, true, true, result); }
static int trim_left(CALL) { return trim(evaluation, arguments, true, false, result); }
static int trim_right(CALL) { return trim(evaluation, arguments, false, true, result); }

static int bad_index(struct evaluation *evaluation, int64_t index, int64_t last)
{
  return error_set(evaluation->error, "2202E", "index %lld out of valid range, 0..%lld", (long long)index,
                   (long long)last);
}

static int get_byte(CALL)
{
  int64_t at = arguments[1].integer;
  if (at < 0 || at >= arguments[0].size)
    return bad_index(evaluation, at, (int64_t)arguments[0].size - 1);
  *result = value_integer(arguments[0].data[at]);
  return STATUS_OK;
}

static int set_byte(CALL)
{
  int64_t at = arguments[1].integer;
  if (at < 0 || at >= arguments[0].size)
    return bad_index(evaluation, at, (int64_t)arguments[0].size - 1);
  uint8_t *data = result_bytes(evaluation, arguments[0].size, result);
  if (!data)
    return error_memory(evaluation->error);
  memcpy(data, arguments[0].data, arguments[0].size);
  data[at] = (uint8_t)arguments[2].integer;
  return STATUS_OK;
}

static int get_bit(CALL)
{
  int64_t at = arguments[1].integer, last = (int64_t)arguments[0].size * 8 - 1;
  if (at < 0 || at > last)
    return bad_index(evaluation, at, last);
  *result = value_integer(arguments[0].data[at / 8] >> (at % 8) & 1);
  return STATUS_OK;
}

static int set_bit(CALL)
{
  int64_t at = arguments[1].integer, last = (int64_t)arguments[0].size * 8 - 1;
  if (at < 0 || at > last)
    return bad_index(evaluation, at, last);
  if (arguments[2].integer != 0 && arguments[2].integer != 1)
    return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "new bit must be 0 or 1");
  uint8_t *data = result_bytes(evaluation, arguments[0].size, result);
  if (!data)
    return error_memory(evaluation->error);
  memcpy(data, arguments[0].data, arguments[0].size);
  data[at / 8] = (uint8_t)((data[at / 8] & ~(1 << (at % 8))) | (int)arguments[2].integer << (at % 8));
  return STATUS_OK;
}

static int bit_count(CALL)
{
  int64_t count = 0;
  for (uint32_t i = 0; i < arguments[0].size; i++)
    count += __builtin_popcount(arguments[0].data[i]);
  *result = value_integer(count);
  return STATUS_OK;
}

// ---- encodings ----

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Lines of 76 characters, as MIME has them.
static void base64_encode(struct bytes bytes, struct buffer *out)
{
  for (size_t i = 0, line = 0; i < bytes.size; i += 3) {
    size_t rest = bytes.size - i;
    uint32_t word = (uint32_t)bytes.data[i] << 16 | (rest > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0) |
                    (rest > 2 ? bytes.data[i + 2] : 0);
    uint8_t digits[4] = {(uint8_t)base64_digits[word >> 18], (uint8_t)base64_digits[word >> 12 & 63],
                         (uint8_t)(rest > 1 ? base64_digits[word >> 6 & 63] : '='),
                         (uint8_t)(rest > 2 ? base64_digits[word & 63] : '=')};
    buffer_append(out, digits, sizeof digits);
    if ((line += 4) == 76) {
      buffer_append_u8(out, '\n');
      line = 0;
    }
  }
}

static int bad_base64(struct evaluation *evaluation, const char *what)
{
  int status = error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "%s", what);
  if (strstr(what, "end sequence"))
    error_hint(evaluation->error, "Input data is missing padding, is truncated, or is otherwise corrupted.");
  return status;
}

static int base64_decode(struct evaluation *evaluation, struct bytes text, uint8_t *out, size_t *size)
{
  uint32_t word = 0;
  int count = 0, end = 0; // digits of the group; how many of them were '='
  *size = 0;
  for (size_t i = 0; i < text.size; i++) {
    uint8_t c = text.data[i];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
      continue;
    const char *digit = c ? memchr(base64_digits, c, 64) : NULL;
    if (c == '=') {
      if (!end && count != 2 && count != 3)
        return bad_base64(evaluation, "unexpected \"=\" while decoding base64 sequence");
      end = end ? end : count == 2 ? 2 : 1;
    } else if (!digit) {
      int status = error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE,
                             "invalid symbol \"%.*s\" found while decoding base64 sequence", utf8_width(c),
                             (const char *)&text.data[i]);
      return status;
    }
    word = word << 6 | (uint32_t)(digit ? digit - base64_digits : 0);
    if (++count < 4)
      continue;
    out[(*size)++] = (uint8_t)(word >> 16);
    if (end < 2)
      out[(*size)++] = (uint8_t)(word >> 8);
    if (end < 1)
      out[(*size)++] = (uint8_t)word;
    word = 0;
    count = 0;
  }
  return count ? bad_base64(evaluation, "invalid base64 end sequence") : STATUS_OK;
}

static bool is_named(const struct value *name, const char *text)
{
  return name->size == strlen(text) && strncasecmp((const char *)name->data, text, name->size) == 0;
}

static int bad_encoding(struct evaluation *evaluation, const struct value *name)
{
  return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "unrecognized encoding: \"%.*s\"",
                   (int)name->size, (const char *)name->data);
}

static int encode(CALL)
{
  struct bytes bytes = bytes_of_value(&arguments[0]);
  struct buffer out = buffer_for(evaluation);
  if (is_named(&arguments[1], "hex"))
    hexadecimal_encode(bytes, &out);
  else if (is_named(&arguments[1], "base64"))
    base64_encode(bytes, &out);
  else if (is_named(&arguments[1], "escape"))
    escapes_encode(bytes, &out);
  else
    return bad_encoding(evaluation, &arguments[1]);
  return result_from_buffer(evaluation, &out, result);
}

static int decode(CALL)
{
  struct bytes text = bytes_of_value(&arguments[0]);
  uint8_t *data = result_bytes(evaluation, text.size + 3, result);
  size_t size = 0;
  if (!data)
    return error_memory(evaluation->error);
  int status = is_named(&arguments[1], "hex")      ? hexadecimal_decode(text, data, &size, evaluation->error)
               : is_named(&arguments[1], "base64") ? base64_decode(evaluation, text, data, &size)
               : is_named(&arguments[1], "escape") ? escapes_decode(text, data, &size, evaluation->error)
                                                   : bad_encoding(evaluation, &arguments[1]);
  result->size = (uint32_t)size;
  return status;
}

// ---- digests ----

static int md5(CALL)
{
  uint8_t digest[16];
  struct buffer out = buffer_for(evaluation);
  md5_digest(bytes_of_value(&arguments[0]), digest);
  hexadecimal_encode(bytes_of(digest, sizeof digest), &out);
  return result_from_buffer(evaluation, &out, result);
}

static int sha2(struct evaluation *evaluation, int bits, const struct value *value, struct value *result)
{
  uint8_t digest[SHA2_LARGEST];
  uint8_t *data = result_bytes(evaluation, (size_t)bits / 8, result);
  if (!data)
    return error_memory(evaluation->error);
  sha2_digest(bits, bytes_of_value(value), digest);
  memcpy(data, digest, (size_t)bits / 8);
  return STATUS_OK;
}

static int sha224(CALL) { return sha2(evaluation, 224, &arguments[0], result); }
static int sha256(CALL) { return sha2(evaluation, 256, &arguments[0], result); }
static int sha384(CALL) { return sha2(evaluation, 384, &arguments[0], result); }
static int sha512(CALL) { return sha2(evaluation, 512, &arguments[0], result); }

// ---- uuid: version 4 of RFC 4122 ----

static int gen_random_uuid(CALL)
{
  if (!evaluation->hooks || !evaluation->hooks->random)
    return error_set(evaluation->error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                     "function gen_random_uuid() cannot be called here");
  uint8_t *data = result_bytes(evaluation, UUID_SIZE, result);
  if (!data)
    return error_memory(evaluation->error);
  put_be64(data, evaluation->hooks->random(evaluation));
  put_be64(data + 8, evaluation->hooks->random(evaluation));
  data[6] = (uint8_t)((data[6] & 0x0f) | 0x40);
  data[8] = (uint8_t)((data[8] & 0x3f) | 0x80);
  return STATUS_OK;
}

// ---- the table ----

const struct function binary_functions[] = {
    COMPARISON_ROWS(binary, BYTEA, BYTEA),
    COMPARISON_ROWS(binary, UUID, UUID),
    OPERATOR("||", concatenate_bytes, BYTEA, 2, BYTEA, BYTEA),
    PURE("length", length, INT4, 1, BYTEA),
    PURE("octet_length", length, INT4, 1, BYTEA),
    PURE("bit_length", bit_length, INT4, 1, BYTEA),
    PURE("bit_count", bit_count, INT8, 1, BYTEA),
    PURE("substring", substring, BYTEA, 2, BYTEA, INT4),
    PURE("substring", substring, BYTEA, 3, BYTEA, INT4, INT4),
    PURE("substr", substring, BYTEA, 2, BYTEA, INT4),
    PURE("substr", substring, BYTEA, 3, BYTEA, INT4, INT4),
    PURE("overlay", overlay, BYTEA, 3, BYTEA, BYTEA, INT4),
    PURE("overlay", overlay, BYTEA, 4, BYTEA, BYTEA, INT4, INT4),
    PURE("position", position, INT4, 2, BYTEA, BYTEA),
    PURE("btrim", trim_both, BYTEA, 2, BYTEA, BYTEA),
    PURE("ltrim", trim_left, BYTEA, 2, BYTEA, BYTEA),
    PURE("rtrim", trim_right, BYTEA, 2, BYTEA, BYTEA),
    PURE("get_byte", get_byte, INT4, 2, BYTEA, INT4),
    PURE("set_byte", set_byte, BYTEA, 3, BYTEA, INT4, INT4),
    PURE("get_bit", get_bit, INT4, 2, BYTEA, INT8),
    PURE("set_bit", set_bit, BYTEA, 3, BYTEA, INT8, INT4),
    PURE("encode", encode, TEXT, 2, BYTEA, TEXT),
    PURE("decode", decode, BYTEA, 2, TEXT, TEXT),
    PURE("md5", md5, TEXT, 1, BYTEA),
    PURE("sha224", sha224, BYTEA, 1, BYTEA),
    PURE("sha256", sha256, BYTEA, 1, BYTEA),
    PURE("sha384", sha384, BYTEA, 1, BYTEA),
    PURE("sha512", sha512, BYTEA, 1, BYTEA),
    ROW("gen_random_uuid", gen_random_uuid, UUID, 0, FUNCTION_KEPT, false, false, 0),
    {0},
};
