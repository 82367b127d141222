// Values: order, hashes, copies, and what a type's modifier makes of them.
#include "data/value.h"

#include <math.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/sqlstate.h"
#include "data/array.h"
#include "data/bits.h"
#include "data/datetime.h"
#include "data/interval.h"
#include "data/jsonb.h"
#include "data/numeric.h"
#include "data/record.h"
#include "data/utf8.h"

const struct format_settings format_settings_default = {.zone_name = "UTC", .extra_float_digits = 1};

// char(n) is compared without its trailing spaces.
static struct bytes trimmed(const struct value *v)
{
  uint32_t size = v->size;
  while (size && v->data[size - 1] == ' ')
    size--;
  return bytes_of(v->data, size);
}

static int compare_floats(double a, double b)
{
  if (a < b)
    return -1;
  if (a > b)
    return 1;
  if (a == b)
    return 0;
  return (int)(isnan(a) != 0) - (int)(isnan(b) != 0); // NaN equals itself and is above all
}

static int compare_intervals(const struct value *a, const struct value *b)
{
  struct interval left = interval_of(a), right = interval_of(b);
  __int128 x = interval_span(&left), y = interval_span(&right);
  return (x > y) - (x < y);
}

// By the moment, then by the zone.
static int compare_zoned(const struct value *a, const struct value *b)
{
  struct zoned_time left = zoned_time_of(a), right = zoned_time_of(b);
  int64_t x = left.time + left.west * (int64_t)1000000, y = right.time + right.west * (int64_t)1000000;
  return x != y ? (x > y) - (x < y) : (left.west > right.west) - (left.west < right.west);
}

int value_compare(enum type_id type, const struct value *a, const struct value *b)
{
  switch (type) {
  case TYPE_FLOAT4:
  case TYPE_FLOAT8:
    return compare_floats(a->float8, b->float8);
  case TYPE_NUMERIC:
    return numeric_compare(a, b);
  case TYPE_BPCHAR:
    return bytes_compare(trimmed(a), trimmed(b));
  case TYPE_JSONB:
    return jsonb_compare(jsonb_of(a), jsonb_of(b));
  case TYPE_INTERVAL:
    return compare_intervals(a, b);
  case TYPE_TIMETZ:
    return compare_zoned(a, b);
  case TYPE_RECORD:
    return record_compare(a, b);
  case TYPE_BIT:
  case TYPE_VARBIT:
    return bits_compare(a, b);
  default: break;
  }
  if (type_is_composite(type))
    return record_compare(a, b);
  const struct type_info *info = type_info(type);
  if (info->storage == STORAGE_INTEGER)
    return (a->integer > b->integer) - (a->integer < b->integer);
  if (info->element != TYPE_UNKNOWN)
    return array_compare(type, a, b);
  return bytes_compare(bytes_of(a->data, a->size), bytes_of(b->data, b->size));
}

static uint64_t bytes_prefix(struct bytes bytes)
{
  uint64_t prefix = 0;
  for (size_t i = 0; i < sizeof prefix; i++)
    prefix = prefix << 8 | (i < bytes.size ? bytes.data[i] : 0);
  return prefix;
}

// Negative numbers have their bits turned round; NaN is above all, 0 and -0 are one.
static uint64_t float_prefix(double number)
{
  uint64_t bits;
  number = isnan(number) ? (double)NAN : number == 0 ? 0.0 : number;
  memcpy(&bits, &number, sizeof bits);
  return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

uint64_t value_prefix(enum type_id type, const struct value *value)
{
  switch (type) {
  case TYPE_FLOAT4:
  case TYPE_FLOAT8: return float_prefix(value->float8);
  case TYPE_BPCHAR: return bytes_prefix(trimmed(value));
  case TYPE_BIT:
  case TYPE_VARBIT: return bytes_prefix(bytes_of(value->data, value->size - 1));
  case TYPE_NUMERIC: return numeric_prefix(value);
  case TYPE_JSONB:
  case TYPE_INTERVAL:
  case TYPE_RECORD:
  case TYPE_TIMETZ: return 0;
  default: break;
  }
  if (type_is_composite(type))
    return 0;
  const struct type_info *info = type_info(type);
  if (info->storage == STORAGE_INTEGER)
    return (uint64_t)value->integer ^ UINT64_C(1) << 63;
  return info->element == TYPE_UNKNOWN ? bytes_prefix(bytes_of(value->data, value->size)) : 0;
}

bool value_prefix_decides(enum type_id type)
{
  enum type_storage storage = type_info(type)->storage;
  return storage == STORAGE_INTEGER || storage == STORAGE_FLOAT;
}

uint64_t value_hash(enum type_id type, const struct value *value, uint64_t seed)
{
  const struct type_info *info;
  uint64_t word;
  switch (type) {
  case TYPE_FLOAT4:
  case TYPE_FLOAT8: {
    double v = isnan(value->float8) ? (double)NAN : value->float8 == 0 ? 0.0 : value->float8;
    memcpy(&word, &v, sizeof word);
    break;
  }
  case TYPE_NUMERIC:
    word = numeric_hash(value);
    break;
  case TYPE_BPCHAR: {
    struct bytes text = trimmed(value);
    return hash64(text.data, text.size, seed);
  }
  case TYPE_JSONB:
    return jsonb_hash(jsonb_of(value), seed);
  case TYPE_RECORD:
    return record_hash(value, seed);
  case TYPE_INTERVAL: {
    struct interval interval = interval_of(value);
    __int128 span = interval_span(&interval);
    return hash64(&span, sizeof span, seed);
  }
  default:
    if (type_is_composite(type))
      return record_hash(value, seed);
    info = type_info(type);
    if (info->element != TYPE_UNKNOWN)
      return array_hash(type, value, seed);
    if (info->storage != STORAGE_INTEGER)
      return hash64(value->data, value->size, seed);
    word = (uint64_t)value->integer;
  }
  return hash64(&word, sizeof word, seed);
}

// Insertion by halves would be quadratic for long rows: a heap sort.
void values_sort(enum type_id type, struct value *values, int count)
{
  for (int end = count, start = count / 2; end > 1;) {
    if (start > 0) {
      start--;
    } else {
      end--;
      struct value last = values[end];
      values[end] = values[0];
      values[0] = last;
    }
    int root = start;
    for (int child; (child = 2 * root + 1) < end; root = child) {
      if (child + 1 < end && value_compare(type, &values[child], &values[child + 1]) < 0)
        child++;
      if (value_compare(type, &values[root], &values[child]) >= 0)
        break;
      struct value swap = values[root];
      values[root] = values[child];
      values[child] = swap;
    }
  }
}

bool values_contain(enum type_id type, const struct value *sorted, int count, const struct value *value)
{
  int low = 0, high = count;
  while (low < high) {
    int middle = low + (high - low) / 2;
    int order = value_compare(type, value, &sorted[middle]);
    if (order == 0)
      return true;
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return false;
}

bool value_copy(enum type_id type, struct value *value, struct arena *arena)
{
  if (value->is_null || !type_is_bytes(type))
    return true;
  const uint8_t *copy = arena_copy(arena, value->data, value->size);
  if (!copy)
    return false;
  value->data = copy;
  return true;
}

// Cuts a string to count characters: silently where only spaces go or the cast is explicit.
static int limit_characters(struct type type, bool is_explicit, struct value *value, struct error *error)
{
  size_t end = utf8_prefix(bytes_of(value->data, value->size), (size_t)type.modifier);
  if (!is_explicit)
    for (size_t i = end; i < value->size; i++)
      if (value->data[i] != ' ')
        return error_set(error, SQLSTATE_STRING_DATA_RIGHT_TRUNCATION, "value too long for type %s(%d)",
                         type_info(type.id)->name, type.modifier);
  value->size = (uint32_t)end;
  return 0;
}

static int pad_characters(int32_t count, struct arena *arena, struct value *value, struct error *error)
{
  size_t length = utf8_length(bytes_of(value->data, value->size));
  if (length >= (size_t)count)
    return 0;
  size_t spaces = (size_t)count - length;
  uint8_t *padded = arena_alloc(arena, value->size + spaces);
  if (!padded)
    return error_memory(error);
  if (value->size)
    memcpy(padded, value->data, value->size);
  memset(padded + value->size, ' ', spaces);
  *value = value_bytes(padded, value->size + (uint32_t)spaces);
  return 0;
}

// Rounds a time to so many digits of the second, half away from 2000-01-01 as PostgreSQL does.
static int64_t round_seconds(int64_t timestamp, int32_t digits)
{
  static const int64_t units[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
  if (timestamp == INT64_MIN || timestamp == INT64_MAX || digits >= 6)
    return timestamp;
  int64_t unit = units[digits];
  return timestamp >= 0 ? (timestamp + unit / 2) / unit * unit : -((-timestamp + unit / 2) / unit * unit);
}

int value_apply_modifier(struct type type, bool is_explicit, struct arena *arena, struct value *value,
                         struct error *error)
{
  if (value->is_null || type.modifier < 0)
    return 0;
  int status;
  switch (type.id) {
  case TYPE_VARCHAR:
    return value->size <= (uint32_t)type.modifier ? 0 : limit_characters(type, is_explicit, value, error);
  case TYPE_BPCHAR:
    status = limit_characters(type, is_explicit, value, error);
    return status ? status : pad_characters(type.modifier, arena, value, error);
  case TYPE_BIT:
  case TYPE_VARBIT:
    return bits_apply_modifier(type, is_explicit, arena, value, error);
  case TYPE_NUMERIC:
    return numeric_apply_modifier(type.modifier, arena, value, error);
  case TYPE_TIME:
  case TYPE_TIMESTAMP:
  case TYPE_TIMESTAMPTZ:
    value->integer = round_seconds(value->integer, type.modifier);
    return 0;
  case TYPE_TIMETZ: {
    struct zoned_time time = zoned_time_of(value);
    time.time = round_seconds(time.time, type.modifier);
    return zoned_time_value(&time, arena, value) ? 0 : error_memory(error);
  }
  case TYPE_INTERVAL: {
    struct interval interval = interval_of(value);
    status = interval_apply_modifier(type.modifier, &interval, error);
    return status ? status : interval_value(&interval, arena, value) ? 0 : error_memory(error);
  }
  default:
    return type_is_array(type.id) ? array_apply_modifier(type, is_explicit, arena, value, error) : 0;
  }
}
