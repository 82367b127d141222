// The binary forms of values on the wire: PostgreSQL's, all in network order.
#include "base/check.h"
#include "base/limits.h"
#include "base/sqlstate.h"
#include "data/array.h"
#include "data/binary.h"
#include "data/bits.h"
#include "data/datetime.h"
#include "data/enum.h"
#include "data/interval.h"
#include "data/jsonb.h"
#include "data/jsonpath.h"
#include "data/numeric.h"
#include "data/record.h"
#include "data/utf8.h"
#include "data/value.h"

#include <math.h>

static int wrong_size(struct bytes binary, size_t size, struct error *error)
{
  if (binary.size < size)
    return error_set(error, SQLSTATE_PROTOCOL_VIOLATION, "insufficient data left in message");
  return error_set(error, SQLSTATE_INVALID_BINARY_REPRESENTATION, "incorrect binary data format");
}

static int64_t integer_of(enum type_id type, const uint8_t *at)
{
  switch (type) {
  case TYPE_BOOLEAN: return at[0] != 0;
  case TYPE_INT2: return (int16_t)get_be16(at);
  case TYPE_INT4:
  case TYPE_DATE: return (int32_t)get_be32(at);
  case TYPE_OID: return get_be32(at);
  default: return (int64_t)get_be64(at);
  }
}

static int bytes_from_binary(struct type type, struct bytes binary, struct arena *arena, struct value *value,
                             struct error *error)
{
  int status = utf8_check(binary, error);
  if (status)
    return status;
  if (binary.size > LIMIT_MESSAGE)
    return error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "text of %zu bytes exceeds the limit of %d bytes",
                     binary.size, LIMIT_MESSAGE);
  if (type.id == TYPE_CHAR1 && binary.size != 1)
    return wrong_size(binary, 1, error);
  if (type.id == TYPE_NAME && binary.size > LIMIT_IDENTIFIER) {
    int too_long = error_set(error, SQLSTATE_NAME_TOO_LONG, "identifier too long");
    error_detail(error, "Identifier must be less than %d characters.", LIMIT_IDENTIFIER + 1);
    return too_long;
  }
  if (type.id == TYPE_JSON && (status = json_parse(binary, NULL, NULL, error)))
    return status;
  *value = value_bytes(binary.data, (uint32_t)binary.size);
  return value_apply_modifier(type, false, arena, value, error);
}

enum { JSONB_VERSION = 1 }; // of the binary form of jsonb and of jsonpath: the text behind a byte

static int jsonb_from_binary(enum type_id type, struct bytes binary, struct arena *arena, struct value *value,
                             struct error *error)
{
  if (binary.size == 0)
    return wrong_size(binary, 1, error);
  if (binary.data[0] != JSONB_VERSION)
    return error_set(error, SQLSTATE_INTERNAL_ERROR, "unsupported %s version number %d", type_info(type)->name,
                     binary.data[0]);
  struct bytes text = bytes_of(binary.data + 1, binary.size - 1);
  int status = utf8_check(text, error);
  if (status)
    return status;
  return type == TYPE_JSONB ? jsonb_from_text(text, arena, value, error)
                            : jsonpath_from_text(text, arena, value, error);
}

static int interval_from_binary(struct type type, const uint8_t *at, struct arena *arena, struct value *value,
                                struct error *error)
{
  struct interval interval = {(int64_t)get_be64(at), (int32_t)get_be32(at + 8), (int32_t)get_be32(at + 12)};
  if (!interval_value(&interval, arena, value))
    return error_memory(error);
  return value_apply_modifier(type, false, arena, value, error);
}

static int zoned_time_from_binary(struct type type, const uint8_t *at, struct arena *arena, struct value *value,
                                  struct error *error)
{
  struct zoned_time time = {(int64_t)get_be64(at), (int32_t)get_be32(at + 8)};
  if (!time_is_valid(time.time))
    return error_set(error, SQLSTATE_DATETIME_FIELD_OVERFLOW, "time out of range");
  if (!zoned_time_is_valid(&time))
    return error_set(error, SQLSTATE_INVALID_TIME_ZONE_DISPLACEMENT, "time zone displacement out of range");
  if (!zoned_time_value(&time, arena, value))
    return error_memory(error);
  return value_apply_modifier(type, false, arena, value, error);
}

// Types of borrowed bytes that are no text. STATUS_LONG: it is none of them.
static int other_from_binary(struct type type, struct bytes binary, struct arena *arena, struct value *value,
                             struct error *error)
{
  const struct type_info *info = type_info(type.id);
  switch (type.id) {
  case TYPE_BYTEA:
    if (binary.size > LIMIT_MESSAGE)
      return error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "bytea of %zu bytes exceeds the limit of %d bytes",
                       binary.size, LIMIT_MESSAGE);
    *value = value_bytes(binary.data, (uint32_t)binary.size);
    return 0;
  case TYPE_UUID:
  case TYPE_INTERVAL:
  case TYPE_TIMETZ:
    if (binary.size != (size_t)info->wire_size)
      return wrong_size(binary, (size_t)info->wire_size, error);
    if (type.id == TYPE_INTERVAL)
      return interval_from_binary(type, binary.data, arena, value, error);
    if (type.id == TYPE_TIMETZ)
      return zoned_time_from_binary(type, binary.data, arena, value, error);
    *value = value_bytes(binary.data, UUID_SIZE);
    return 0;
  default:
    return STATUS_LONG;
  }
}

static int float_from_binary(enum type_id type, const uint8_t *at, struct value *value)
{
  double v;
  if (type == TYPE_FLOAT4) {
    uint32_t bits = get_be32(at);
    float single;
    memcpy(&single, &bits, sizeof single);
    v = (double)single;
  } else {
    uint64_t bits = get_be64(at);
    memcpy(&v, &bits, sizeof v);
  }
  *value = value_float8(isnan(v) ? (double)NAN : v); // there is one NaN
  return 0;
}

static int check_time(struct type type, const struct value *value, struct error *error)
{
  const char *name = type.id == TYPE_DATE ? "date" : type.id == TYPE_TIME ? "time" : "timestamp";
  bool is_valid = type.id == TYPE_DATE   ? date_is_valid(value->integer)
                  : type.id == TYPE_TIME ? time_is_valid(value->integer)
                                         : timestamp_is_valid(value->integer);
  return is_valid ? 0 : error_set(error, SQLSTATE_DATETIME_FIELD_OVERFLOW, "%s out of range", name);
}

int value_from_binary(struct type type, struct bytes binary, const struct format_settings *settings,
                      struct arena *arena, struct value *value, struct error *error)
{
  int status;
  if (type_is_enum(type.id)) {
    status = utf8_check(binary, error);
    return status ? status : enum_from_text(type.id, binary, settings->types, arena, value, error);
  }
  if (type.id == TYPE_NUMERIC) {
    status = numeric_from_binary(binary, arena, value, error);
    return status ? status : value_apply_modifier(type, false, arena, value, error);
  }
  if (type.id == TYPE_RECORD)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "input of anonymous composite types is not implemented");
  if (type_is_composite(type.id))
    return record_from_binary(type.id, binary, settings, arena, value, error);
  if (type.id == TYPE_BIT || type.id == TYPE_VARBIT) {
    status = bits_from_binary(binary, arena, value, error);
    return status ? status : value_apply_modifier(type, false, arena, value, error);
  }
  if (type.id == TYPE_JSONB || type.id == TYPE_JSONPATH)
    return jsonb_from_binary(type.id, binary, arena, value, error);
  if (type_is_array(type.id))
    return array_from_binary(type, binary, settings, arena, value, error);
  status = other_from_binary(type, binary, arena, value, error);
  if (status != STATUS_LONG)
    return status;
  const struct type_info *info = type_info(type.id);
  if (info->storage == STORAGE_BYTES)
    return bytes_from_binary(type, binary, arena, value, error);
  if (binary.size != info->row_size)
    return wrong_size(binary, info->row_size, error);
  if (info->storage == STORAGE_FLOAT)
    return float_from_binary(type.id, binary.data, value);
  *value = value_integer(integer_of(type.id, binary.data));
  if (info->category != 'D')
    return 0;
  status = check_time(type, value, error);
  return status ? status : value_apply_modifier(type, false, arena, value, error);
}

void value_to_binary(enum type_id type, const struct value *value, struct buffer *out)
{
  switch (type) {
  case TYPE_BOOLEAN:
    buffer_append_u8(out, value->integer != 0);
    return;
  case TYPE_INT2:
    buffer_append_be16(out, (uint16_t)value->integer);
    return;
  case TYPE_INT4:
  case TYPE_OID:
  case TYPE_DATE:
    buffer_append_be32(out, (uint32_t)value->integer);
    return;
  case TYPE_INT8:
  case TYPE_TIME:
  case TYPE_TIMESTAMP:
  case TYPE_TIMESTAMPTZ:
    buffer_append_be64(out, (uint64_t)value->integer);
    return;
  case TYPE_FLOAT8: {
    uint64_t bits;
    memcpy(&bits, &value->float8, sizeof bits);
    buffer_append_be64(out, bits);
    return;
  }
  case TYPE_FLOAT4: {
    float v = (float)value->float8;
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    buffer_append_be32(out, bits);
    return;
  }
  case TYPE_INTERVAL: {
    struct interval interval = interval_of(value);
    buffer_append_be64(out, (uint64_t)interval.microseconds);
    buffer_append_be32(out, (uint32_t)interval.days);
    buffer_append_be32(out, (uint32_t)interval.months);
    return;
  }
  case TYPE_TIMETZ: {
    struct zoned_time time = zoned_time_of(value);
    buffer_append_be64(out, (uint64_t)time.time);
    buffer_append_be32(out, (uint32_t)time.west);
    return;
  }
  case TYPE_NUMERIC:
    numeric_to_binary(value, out);
    return;
  case TYPE_BIT:
  case TYPE_VARBIT:
    bits_to_binary(value, out);
    return;
  case TYPE_RECORD:
    record_to_binary(value, out);
    return;
  case TYPE_JSONPATH:
    buffer_append_u8(out, JSONB_VERSION);
    buffer_append(out, value->data, value->size);
    return;
  case TYPE_JSONB:
    buffer_append_u8(out, JSONB_VERSION);
    jsonb_to_text(jsonb_of(value), out);
    return;
  default:
    if (type_is_array(type))
      array_to_binary(type, value, out);
    else if (type_is_enum(type))
      buffer_append_bytes(out, enum_text(value));
    else if (type_is_composite(type))
      record_to_binary(value, out);
    else
      buffer_append(out, value->data, value->size);
  }
}
