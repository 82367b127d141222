// The order-preserving bytes of keys.
//
// One part is: a tag byte (0 NULL first, 1 a value, 2 NULL last), and for a value its bytes, inverted where
// the part is descending. No part's bytes are the beginning of another's of the same column, so the order
// of the parts is the order of the whole. Value bytes:
//   integers, timestamps, booleans   big-endian, the sign bit turned (not for oid and boolean)
//   float8       its bits; negative ones inverted, others with the sign bit set; NaN above all
//   text kinds   the bytes and a zero (text holds none)
//   numeric      class (below); for finite ones but 0 the exponent e of 0.d1d2… * 10^e (3 bytes), the digits in
//                pairs as d + 1, and a zero; all behind the class inverted where negative
//   jsonb        jsonb_key.c has them
//   real         as float8, in 4 bytes
//   bytea        its bytes, a zero as 0 1, and then 0 0
//   bit, varbit  as bytea, and how many bits of the last byte there are
//   uuid         its 16 bytes
//   interval     microseconds as the order counts them, 16 bytes as of an integer
//   arrays       array.h has them
//   rows         record_read.c has them
//   timetz       the moment as of an integer, and the zone as a 4-byte one
#include "data/key.h"

#include <math.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/sqlstate.h"
#include "data/array.h"
#include "data/binary.h"
#include "data/bits.h"
#include "data/datetime.h"
#include "data/enum.h"
#include "data/interval.h"
#include "data/jsonb_internal.h"
#include "data/numeric.h"
#include "data/record.h"
#include "data/utf8.h"

enum { TAG_NULL_FIRST = 0, TAG_VALUE = 1, TAG_NULL_LAST = 2 };

enum numeric_class { CLASS_MINUS_INFINITY = 1, CLASS_NEGATIVE, CLASS_ZERO, CLASS_POSITIVE, CLASS_INFINITY, CLASS_NAN };
enum { EXPONENT_BIAS = 1 << 20, EXPONENT_SIZE = 3 };

static const uint64_t SIGN_BIT = (uint64_t)1 << 63;

static int too_long(struct error *error)
{
  return error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "key exceeds the limit of %d bytes", LIMIT_KEY);
}

static void invert(uint8_t *at, size_t size)
{
  for (size_t i = 0; i < size; i++)
    at[i] = (uint8_t)~at[i];
}

// Bytes of the fixed-size kinds; 0 for the others.
static int fixed_size(enum type_id type)
{
  return type_info(type)->row_size;
}

static uint64_t float_bits(double v)
{
  uint64_t bits;
  if (isnan(v))
    return UINT64_MAX;
  if (v == 0)
    v = 0; // -0 too
  memcpy(&bits, &v, sizeof bits);
  return bits & SIGN_BIT ? ~bits : bits | SIGN_BIT;
}

static double float_of_bits(uint64_t bits)
{
  double v;
  if (bits == UINT64_MAX)
    return NAN;
  bits = bits & SIGN_BIT ? bits & ~SIGN_BIT : ~bits;
  memcpy(&v, &bits, sizeof v);
  return v;
}

// Room for a tag and a value; NULL (and the error set) where the key gets too long or memory fails.
static inline uint8_t *extend(struct buffer *out, size_t size, struct error *error, int *status)
{
  if (__builtin_expect(out->size + size > LIMIT_KEY, 0)) {
    *status = too_long(error);
    return NULL;
  }
  uint8_t *at = buffer_extend(out, size);
  *status = at ? 0 : error_memory(error);
  return at;
}

static inline int append_word(uint64_t bits, uint64_t turn, struct buffer *out, struct error *error)
{
  int status;
  uint8_t *at = extend(out, 9, error, &status);
  if (at) {
    at[0] = TAG_VALUE;
    put_be64(at + 1, bits ^ turn);
  }
  return status;
}

static inline int append_half(uint32_t bits, uint64_t turn, struct buffer *out, struct error *error)
{
  int status;
  uint8_t *at = extend(out, 5, error, &status);
  if (at) {
    at[0] = TAG_VALUE;
    put_be32(at + 1, bits ^ (uint32_t)turn);
  }
  return status;
}

static int append_small(enum type_id type, int64_t v, uint64_t turn, struct buffer *out, struct error *error)
{
  int status;
  uint8_t *at = extend(out, type == TYPE_INT2 ? 3 : 2, error, &status);
  if (!at)
    return status;
  at[0] = TAG_VALUE;
  if (type == TYPE_INT2)
    put_be16(at + 1, (uint16_t)v ^ 0x8000 ^ (uint16_t)turn);
  else
    at[1] = (uint8_t)v ^ (uint8_t)turn;
  return 0;
}

static int append_text(enum type_id type, const struct value *value, bool turn, struct buffer *out,
                       struct error *error)
{
  size_t size = value->size;
  if (type == TYPE_BPCHAR)
    while (size && value->data[size - 1] == ' ')
      size--;
  int status;
  uint8_t *at = extend(out, size + 2, error, &status);
  if (!at)
    return status;
  at[0] = TAG_VALUE;
  if (size)
    memcpy(at + 1, value->data, size);
  at[1 + size] = 0;
  if (turn)
    invert(at + 1, size + 1);
  return 0;
}

static enum numeric_class class_of(const struct value *value, int sign)
{
  bool is_finite = value->size > 3; // special ones are their header alone
  if (sign == 2)
    return CLASS_NAN;
  if (!is_finite)
    return sign > 0 ? CLASS_INFINITY : CLASS_MINUS_INFINITY;
  return sign > 0 ? CLASS_POSITIVE : sign < 0 ? CLASS_NEGATIVE : CLASS_ZERO;
}

static int append_numeric(const struct value *value, bool turn, struct buffer *out, struct error *error)
{
  size_t start = out->size;
  enum numeric_class class = class_of(value, numeric_sign(value));
  uint8_t head[2 + EXPONENT_SIZE] = {TAG_VALUE, (uint8_t)class};
  bool has_digits = class == CLASS_POSITIVE || class == CLASS_NEGATIVE;
  buffer_append(out, head, has_digits ? sizeof head : 2);
  if (has_digits) {
    int exponent;
    size_t from = out->size;
    numeric_digits(value, &exponent, out);
    if (out->failed)
      return error_memory(error);
    // Pairs of digits take the place of the digits.
    size_t count = out->size - from, pairs = (count + 1) / 2;
    if (pairs > LIMIT_KEY)
      return too_long(error);
    uint8_t *digits = out->data + from;
    for (size_t i = 0; i < pairs; i++) {
      int low = 2 * i + 1 < count ? digits[2 * i + 1] - '0' : 0;
      digits[i] = (uint8_t)((digits[2 * i] - '0') * 10 + low + 1);
    }
    out->size = from + pairs;
    buffer_append_u8(out, 0);
    uint32_t biased = (uint32_t)(exponent + EXPONENT_BIAS);
    if (!out->failed)
      for (int i = 0; i < EXPONENT_SIZE; i++)
        out->data[start + 2 + (size_t)i] = (uint8_t)(biased >> (8 * (EXPONENT_SIZE - 1 - i)));
  }
  if (out->failed)
    return error_memory(error);
  if (class == CLASS_NEGATIVE)
    invert(out->data + start + 2, out->size - start - 2);
  if (turn)
    invert(out->data + start + 1, out->size - start - 1);
  return out->size > LIMIT_KEY ? too_long(error) : 0;
}

static int append_nested(enum type_id type, const struct value *value, bool turn, struct buffer *out,
                         struct error *error)
{
  buffer_append_u8(out, TAG_VALUE);
  size_t start = out->size;
  int status = type == TYPE_JSONB          ? jsonb_key_append(jsonb_of(value), out, error)
               : type_is_composite(type) ? record_key_append(value, out, error)
                                         : array_key_append(type, value, out, error);
  if (!status && turn)
    invert(out->data + start, out->size - start);
  return status;
}

static uint32_t single_bits(double v)
{
  float single = isnan(v) ? NAN : v == 0 ? 0.0f : (float)v;
  uint32_t bits;
  if (isnan(v))
    return UINT32_MAX;
  memcpy(&bits, &single, sizeof bits);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

static double single_of_bits(uint32_t bits)
{
  float v;
  if (bits == UINT32_MAX)
    return NAN;
  bits = bits & 0x80000000u ? bits & ~0x80000000u : ~bits;
  memcpy(&v, &bits, sizeof v);
  return (double)v;
}

static int append_bytea(const struct value *value, bool turn, struct buffer *out, struct error *error)
{
  size_t zeros = 0;
  for (uint32_t i = 0; i < value->size; i++)
    zeros += value->data[i] == 0;
  int status;
  size_t size = value->size + zeros + 2;
  uint8_t *at = extend(out, size + 1, error, &status);
  if (!at)
    return status;
  *at++ = TAG_VALUE;
  uint8_t *start = at;
  for (uint32_t i = 0; i < value->size; i++) {
    *at++ = value->data[i];
    if (value->data[i] == 0)
      *at++ = 1;
  }
  *at++ = 0;
  *at = 0;
  if (turn)
    invert(start, size);
  return 0;
}

static int append_bits(const struct value *value, bool turn, struct buffer *out, struct error *error)
{
  struct value bits = value_bytes(value->data, value->size - 1);
  int status = append_bytea(&bits, turn, out, error);
  buffer_append_u8(out, value->data[value->size - 1] ^ (turn ? 0xff : 0));
  return status ? status : out->failed ? error_memory(error) : out->size > LIMIT_KEY ? too_long(error) : 0;
}

// Types whose keys have a size of their own: uuid, interval, timetz. How many bytes; 0 for other types.
static size_t own_size(enum type_id type)
{
  return type == TYPE_UUID || type == TYPE_INTERVAL ? 16 : type == TYPE_TIMETZ ? 12 : 0;
}

static int append_own(enum type_id type, const struct value *value, bool turn, struct buffer *out, struct error *error)
{
  int status;
  uint8_t *at = extend(out, own_size(type) + 1, error, &status);
  if (!at)
    return status;
  *at++ = TAG_VALUE;
  if (type == TYPE_UUID) {
    memcpy(at, value->data, UUID_SIZE);
  } else if (type == TYPE_INTERVAL) {
    struct interval interval = interval_of(value);
    unsigned __int128 span = (unsigned __int128)interval_span(&interval);
    put_be64(at, (uint64_t)(span >> 64) ^ SIGN_BIT);
    put_be64(at + 8, (uint64_t)span);
  } else {
    struct zoned_time time = zoned_time_of(value);
    put_be64(at, (uint64_t)(time.time + time.west * (int64_t)1000000) ^ SIGN_BIT);
    put_be32(at + 8, (uint32_t)time.west ^ 0x80000000u);
  }
  if (turn)
    invert(at, own_size(type));
  return 0;
}

int key_append(enum type_id type, const struct key_part *part, const struct value *value, struct buffer *out,
               struct error *error)
{
  if (value->is_null) {
    if (out->size + 1 > LIMIT_KEY)
      return too_long(error);
    buffer_append_u8(out, part->nulls_first ? TAG_NULL_FIRST : TAG_NULL_LAST);
    return out->failed ? error_memory(error) : 0;
  }
  uint64_t turn = part->descending ? UINT64_MAX : 0;
  switch (type) {
  case TYPE_INT8:
  case TYPE_TIME:
  case TYPE_TIMESTAMP:
  case TYPE_TIMESTAMPTZ:
    return append_word((uint64_t)value->integer ^ SIGN_BIT, turn, out, error);
  case TYPE_INT4:
  case TYPE_DATE:
    return append_half((uint32_t)value->integer ^ 0x80000000u, turn, out, error);
  case TYPE_OID:
    return append_half((uint32_t)value->integer, turn, out, error);
  case TYPE_FLOAT4:
    return append_half(single_bits(value->float8), turn, out, error);
  case TYPE_FLOAT8:
    return append_word(float_bits(value->float8), turn, out, error);
  case TYPE_INT2:
  case TYPE_BOOLEAN:
    return append_small(type, value->integer, turn, out, error);
  case TYPE_NUMERIC:
    return append_numeric(value, part->descending, out, error);
  case TYPE_BYTEA:
    return append_bytea(value, part->descending, out, error);
  case TYPE_UUID:
  case TYPE_INTERVAL:
  case TYPE_TIMETZ:
    return append_own(type, value, part->descending, out, error);
  case TYPE_BIT:
  case TYPE_VARBIT:
    return append_bits(value, part->descending, out, error);
  case TYPE_JSONB:
    return append_nested(type, value, part->descending, out, error);
  case TYPE_TEXT:
  case TYPE_VARCHAR:
    return append_text(type, value, part->descending, out, error);
  default:
    if (type_is_array(type) || type_is_composite(type))
      return append_nested(type, value, part->descending, out, error);
    if (type_is_enum(type))
      return append_bytea(value, part->descending, out, error);
    return append_text(type, value, part->descending, out, error);
  }
}

int key_append_row(const struct schema *schema, const struct key_part *parts, int part_count,
                   const struct value *values, struct buffer *out, struct error *error)
{
  for (int i = 0; i < part_count; i++) {
    uint16_t column = parts[i].column;
    int status = key_append(schema->columns[column].type.id, &parts[i], &values[column], out, error);
    if (status)
      return status;
  }
  return 0;
}

bool key_successor(struct buffer *key)
{
  while (key->size && key->data[key->size - 1] == 0xff)
    key->size--;
  if (!key->size)
    return false;
  key->data[key->size - 1]++;
  return true;
}

// ---- reading back ----

static bool read_fixed(enum type_id type, uint8_t turn, struct bytes *key, struct value *value)
{
  size_t size = (size_t)fixed_size(type);
  if (key->size < size)
    return false;
  uint64_t bits = 0;
  for (size_t i = 0; i < size; i++)
    bits = bits << 8 | (uint8_t)(key->data[i] ^ turn);
  *key = bytes_of(key->data + size, key->size - size);
  switch (size) {
  case 1:
    *value = value_integer((int64_t)bits);
    return bits <= 1;
  case 2: *value = value_integer((int16_t)(bits ^ 0x8000)); break;
  case 4:
    *value = type == TYPE_FLOAT4 ? value_float8(single_of_bits((uint32_t)bits))
                                 : value_integer(type == TYPE_OID ? (int64_t)bits : (int32_t)(bits ^ 0x80000000u));
    break;
  default: *value = type == TYPE_FLOAT8 ? value_float8(float_of_bits(bits)) : value_integer((int64_t)(bits ^ SIGN_BIT));
  }
  return true;
}

// Takes the bytes up to the terminator, turned back.
static bool read_terminated(uint8_t turn, struct bytes *key, struct arena *arena, struct bytes *out)
{
  const uint8_t *end = key->size ? memchr(key->data, turn, key->size) : NULL;
  if (!end)
    return false;
  size_t size = (size_t)(end - key->data);
  uint8_t *copy = arena_copy(arena, key->data, size);
  if (!copy)
    return false;
  if (turn)
    invert(copy, size);
  *out = bytes_of(copy, size);
  *key = bytes_of(end + 1, key->size - size - 1);
  return true;
}

static bool read_digits(bool is_negative, uint8_t turn, struct bytes *key, struct arena *arena, struct value *value)
{
  if (key->size < EXPONENT_SIZE)
    return false;
  int exponent = -EXPONENT_BIAS;
  for (int i = 0; i < EXPONENT_SIZE; i++)
    exponent += (uint8_t)(key->data[i] ^ turn) << (8 * (EXPONENT_SIZE - 1 - i));
  *key = bytes_of(key->data + EXPONENT_SIZE, key->size - EXPONENT_SIZE);
  struct bytes pairs;
  if (!read_terminated(turn, key, arena, &pairs) || !pairs.size || exponent < -LIMIT_NUMERIC_SCALE ||
      exponent > LIMIT_NUMERIC_DIGITS)
    return false;
  uint8_t *digits = arena_alloc(arena, pairs.size * 2);
  if (!digits)
    return false;
  size_t count = 0;
  for (size_t i = 0; i < pairs.size; i++) {
    int pair = pairs.data[i] - 1;
    if (pair > 99)
      return false;
    digits[count++] = (uint8_t)('0' + pair / 10);
    digits[count++] = (uint8_t)('0' + pair % 10);
  }
  count -= digits[count - 1] == '0';
  if (digits[0] == '0' || digits[count - 1] == '0')
    return false;
  return numeric_from_digits(is_negative, exponent, bytes_of(digits, count), arena, value, NULL) == 0;
}

static bool read_numeric(uint8_t turn, struct bytes *key, struct arena *arena, struct value *value)
{
  if (!key->size)
    return false;
  int class = key->data[0] ^ turn;
  *key = bytes_of(key->data + 1, key->size - 1);
  switch (class) {
  case CLASS_MINUS_INFINITY: return numeric_from_float8(-INFINITY, arena, value, NULL) == 0;
  case CLASS_INFINITY: return numeric_from_float8(INFINITY, arena, value, NULL) == 0;
  case CLASS_NAN: return numeric_from_float8(NAN, arena, value, NULL) == 0;
  case CLASS_ZERO: return numeric_from_int64(0, arena, value, NULL) == 0;
  case CLASS_NEGATIVE: return read_digits(true, (uint8_t)~turn, key, arena, value);
  case CLASS_POSITIVE: return read_digits(false, turn, key, arena, value);
  default: return false;
  }
}

static bool read_nested_ascending(enum type_id type, struct bytes *key, struct arena *arena, struct value *value)
{
  return type == TYPE_JSONB          ? jsonb_key_read(key, arena, value)
         : type_is_composite(type) ? record_key_read(key, arena, value)
                                   : array_key_read(type, key, arena, value);
}

static bool read_nested(enum type_id type, uint8_t turn, struct bytes *key, struct arena *arena, struct value *value)
{
  if (!turn)
    return read_nested_ascending(type, key, arena, value);
  uint8_t *turned = arena_copy(arena, key->data, key->size);
  if (!turned)
    return false;
  invert(turned, key->size);
  struct bytes rest = bytes_of(turned, key->size);
  if (!read_nested_ascending(type, &rest, arena, value))
    return false;
  *key = bytes_of(key->data + (key->size - rest.size), rest.size);
  return true;
}

static bool read_bytea(uint8_t turn, struct bytes *key, struct arena *arena, struct value *value)
{
  uint8_t *data = arena_alloc(arena, key->size + 1);
  uint32_t size = 0;
  if (!data)
    return false;
  for (size_t i = 0; i + 1 < key->size; i++) {
    uint8_t byte = key->data[i] ^ turn, next = key->data[i + 1] ^ turn;
    if (byte == 0 && next == 0) {
      *value = value_bytes(data, size);
      *key = bytes_of(key->data + i + 2, key->size - i - 2);
      return true;
    }
    if (byte == 0 && next != 1)
      return false;
    data[size++] = byte;
    i += byte == 0;
  }
  return false;
}

static bool read_bits(uint8_t turn, struct bytes *key, struct arena *arena, struct value *value)
{
  struct value bits;
  if (!read_bytea(turn, key, arena, &bits) || !key->size)
    return false;
  uint8_t *data = arena_alloc(arena, bits.size + 1);
  if (!data)
    return false;
  if (bits.size)
    memcpy(data, bits.data, bits.size);
  data[bits.size] = key->data[0] ^ turn;
  *key = bytes_of(key->data + 1, key->size - 1);
  *value = value_bytes(data, bits.size + 1);
  return bits_are_valid(bytes_of(data, bits.size + 1));
}

static bool read_own(enum type_id type, uint8_t turn, struct bytes *key, struct arena *arena, struct value *value)
{
  size_t size = own_size(type);
  uint8_t at[16];
  if (key->size < size)
    return false;
  for (size_t i = 0; i < size; i++)
    at[i] = key->data[i] ^ turn;
  *key = bytes_of(key->data + size, key->size - size);
  if (type == TYPE_UUID) {
    *value = value_bytes(arena_copy(arena, at, UUID_SIZE), UUID_SIZE);
    return value->data;
  }
  if (type == TYPE_INTERVAL) {
    unsigned __int128 span = (unsigned __int128)(get_be64(at) ^ SIGN_BIT) << 64 | get_be64(at + 8);
    struct interval interval = interval_of_span((__int128)span);
    return interval_span(&interval) == (__int128)span && interval_value(&interval, arena, value);
  }
  struct zoned_time time = {.west = (int32_t)(get_be32(at + 8) ^ 0x80000000u)};
  if (__builtin_sub_overflow((int64_t)(get_be64(at) ^ SIGN_BIT), time.west * (int64_t)1000000, &time.time))
    return false;
  return zoned_time_is_valid(&time) && zoned_time_value(&time, arena, value);
}

bool key_read(enum type_id type, const struct key_part *part, struct bytes *key, struct arena *arena,
              struct value *value)
{
  if (!key->size)
    return false;
  uint8_t tag = key->data[0];
  *key = bytes_of(key->data + 1, key->size - 1);
  if (tag == (part->nulls_first ? TAG_NULL_FIRST : TAG_NULL_LAST)) {
    *value = value_null();
    return true;
  }
  if (tag != TAG_VALUE)
    return false;
  uint8_t turn = part->descending ? 0xff : 0;
  if (fixed_size(type))
    return read_fixed(type, turn, key, value);
  if (type == TYPE_NUMERIC)
    return read_numeric(turn, key, arena, value);
  if (type == TYPE_BYTEA)
    return read_bytea(turn, key, arena, value);
  if (type == TYPE_BIT || type == TYPE_VARBIT)
    return read_bits(turn, key, arena, value);
  if (type_is_enum(type))
    return read_bytea(turn, key, arena, value) && enum_is_valid(bytes_of(value->data, value->size));
  if (own_size(type))
    return read_own(type, turn, key, arena, value);
  if (type == TYPE_JSONB || type_is_array(type) || type_is_composite(type))
    return read_nested(type, turn, key, arena, value);
  struct bytes text;
  if (!read_terminated(turn, key, arena, &text) || !utf8_is_valid(text))
    return false;
  *value = value_bytes(text.data, (uint32_t)text.size);
  return true;
}
