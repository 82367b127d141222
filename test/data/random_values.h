// Random values of every type, from a seed: what the property tests feed on.
#pragma once

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/array.h"
#include "data/binary.h"
#include "data/datetime.h"
#include "data/interval.h"
#include "data/jsonb.h"
#include "data/numeric.h"
#include "data/value.h"

static const enum type_id all_types[] = {
    TYPE_BOOLEAN, TYPE_INT2,   TYPE_INT4,      TYPE_INT8,        TYPE_FLOAT8, TYPE_NUMERIC, TYPE_TEXT,
    TYPE_VARCHAR, TYPE_BPCHAR, TYPE_TIMESTAMP, TYPE_TIMESTAMPTZ, TYPE_OID,    TYPE_NAME,    TYPE_JSONB,
    TYPE_FLOAT4,  TYPE_BYTEA,  TYPE_DATE,      TYPE_TIME,        TYPE_TIMETZ, TYPE_INTERVAL, TYPE_UUID,
    TYPE_BOOLEAN_ARRAY, TYPE_INT2_ARRAY, TYPE_INT4_ARRAY, TYPE_INT8_ARRAY, TYPE_FLOAT8_ARRAY, TYPE_NUMERIC_ARRAY,
    TYPE_TEXT_ARRAY, TYPE_BPCHAR_ARRAY, TYPE_OID_ARRAY, TYPE_JSONB_ARRAY, TYPE_FLOAT4_ARRAY, TYPE_BYTEA_ARRAY,
    TYPE_DATE_ARRAY, TYPE_TIMETZ_ARRAY, TYPE_INTERVAL_ARRAY, TYPE_UUID_ARRAY,
};
enum { ALL_TYPES = sizeof all_types / sizeof *all_types };

static inline uint64_t random_next(uint64_t *seed)
{
  uint64_t z = *seed += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

static inline uint64_t random_below(uint64_t *seed, uint64_t bound)
{
  return random_next(seed) % bound;
}

// Small ones often, so that equal ones meet.
static inline int64_t random_integer(uint64_t *seed, int64_t low, int64_t high)
{
  switch (random_below(seed, 4)) {
  case 0: return low < 0 ? (int64_t)random_below(seed, 7) - 3 : (int64_t)random_below(seed, 4);
  case 1: return random_below(seed, 2) ? low : high;
  default: {
    uint64_t span = (uint64_t)high - (uint64_t)low;
    uint64_t v = random_next(seed) >> random_below(seed, 60);
    return (int64_t)((uint64_t)low + (span == UINT64_MAX ? v : v % (span + 1)));
  }
  }
}

static inline double random_float(uint64_t *seed)
{
  static const double special[] = {0.0, -0.0, 1.0, -1.0, INFINITY, -INFINITY, NAN, 5e-324, 0.1, 1e23};
  if (random_below(seed, 3) == 0)
    return special[random_below(seed, sizeof special / sizeof *special)];
  uint64_t bits = random_next(seed);
  double v;
  memcpy(&v, &bits, sizeof v);
  return isnan(v) ? (double)NAN : v;
}

static inline struct value random_text(uint64_t *seed, struct arena *arena)
{
  static const char *const pieces[] = {"a", "b", "ab", " ", "  ", "\xc3\xa9", "\xf0\x9f\x98\x80", "\x01", "zz", "0"};
  struct buffer text = {0};
  for (uint64_t n = random_below(seed, 6); n > 0; n--)
    buffer_append_string(&text, pieces[random_below(seed, sizeof pieces / sizeof *pieces)]);
  const void *copy = arena_copy(arena, text.data, text.size);
  struct value v = value_bytes(copy, (uint32_t)text.size);
  buffer_deinit(&text);
  return v;
}

static inline struct value random_numeric(uint64_t *seed, struct arena *arena)
{
  static const char *const special[] = {"0",   "0.00",     "1",         "1.0", "1.00", "-1",  "-1.000", "10",  "1e1",
                                        "NaN", "Infinity", "-Infinity", "0.1", "0.10", "100", "-100.0", "0.01"};
  char text[160];
  int size = 0;
  if (random_below(seed, 3) == 0) {
    size = snprintf(text, sizeof text, "%s", special[random_below(seed, sizeof special / sizeof *special)]);
  } else {
    if (random_below(seed, 2))
      text[size++] = '-';
    for (uint64_t n = 1 + random_below(seed, random_below(seed, 4) ? 12 : 60); n > 0; n--)
      text[size++] = (char)('0' + random_below(seed, 10));
    if (random_below(seed, 2)) {
      text[size++] = '.';
      for (uint64_t n = random_below(seed, 30); n > 0; n--)
        text[size++] = (char)('0' + random_below(seed, 10));
    }
    if (random_below(seed, 5) == 0)
      size += snprintf(text + size, sizeof text - (size_t)size, "e%d", (int)random_below(seed, 80) - 40);
  }
  struct value v = {0};
  if (numeric_from_text(bytes_of(text, (size_t)size), -1, arena, &v, NULL))
    abort();
  return v;
}

// Few names and few values, in any order and repeated, so that equal ones meet.
static inline void random_json(uint64_t *seed, int depth, struct buffer *out)
{
  static const char *const scalars[] = {"null",
                                        "true",
                                        "false",
                                        "0",
                                        "-0.0",
                                        "1",
                                        "1.00",
                                        "1e2",
                                        "100",
                                        "-7.5",
                                        "12345678901234567890123",
                                        "\"\"",
                                        "\"a\"",
                                        "\"ab\"",
                                        "\"\\u0001\\n\"",
                                        "\"\\ud83d\\ude00\"",
                                        "\"b\""};
  static const char *const names[] = {"\"a\"", "\"b\"", "\"aa\"", "\"\"", "\"\\u0061\"", "\"ab\""};
  uint64_t kind = random_below(seed, depth > 3 ? 3 : 5);
  if (kind < 3) {
    buffer_append_string(out, scalars[random_below(seed, sizeof scalars / sizeof *scalars)]);
    return;
  }
  buffer_append_string(out, kind == 3 ? "[" : " { ");
  for (uint64_t i = 0, n = random_below(seed, 4); i < n; i++) {
    buffer_append_string(out, i ? "," : "");
    if (kind == 4) {
      buffer_append_string(out, names[random_below(seed, sizeof names / sizeof *names)]);
      buffer_append_string(out, " :");
    }
    random_json(seed, depth + 1, out);
  }
  buffer_append_string(out, kind == 3 ? " ]" : "}");
}

static inline struct value random_jsonb(uint64_t *seed, struct arena *arena)
{
  struct buffer text = {0};
  struct value v = {0};
  random_json(seed, 0, &text);
  if (jsonb_from_text(buffer_bytes(&text), arena, &v, NULL))
    abort();
  buffer_deinit(&text);
  return v;
}

static inline struct value random_timestamp(uint64_t *seed)
{
  if (random_below(seed, 8) == 0)
    return value_integer(random_below(seed, 2) ? INT64_MIN : INT64_MAX);
  return value_integer(random_integer(seed, -211813488000000000, 9223371331200000000 - 1));
}

static inline struct value random_date(uint64_t *seed)
{
  if (random_below(seed, 8) == 0)
    return value_integer(random_below(seed, 2) ? INT32_MIN : INT32_MAX);
  return value_integer(random_integer(seed, DATE_LOW, DATE_END - 1));
}

// Few bytes, so that equal ones and beginnings of others meet.
static inline struct value random_bytes(uint64_t *seed, uint32_t size, struct arena *arena)
{
  static const uint8_t often[] = {0, 1, 2, 0x7f, 0x80, 0xff};
  uint8_t bytes[16] = {0};
  for (uint32_t i = 0; i < size; i++)
    bytes[i] = random_below(seed, 3) ? often[random_below(seed, sizeof often)] : (uint8_t)random_next(seed);
  return value_bytes(arena_copy(arena, bytes, size), size);
}

static inline struct value random_interval(uint64_t *seed, struct arena *arena)
{
  struct interval interval = {random_integer(seed, INT64_MIN, INT64_MAX),
                              (int32_t)random_integer(seed, INT32_MIN, INT32_MAX),
                              (int32_t)random_integer(seed, INT32_MIN, INT32_MAX)};
  struct value v;
  if (random_below(seed, 2)) // of the same length in other parts
    interval = interval_of_span((__int128)random_integer(seed, -100, 100) * 86400 * 1000000);
  if (random_below(seed, 3) == 0)
    interval.microseconds = 0;
  if (!interval_value(&interval, arena, &v))
    abort();
  return v;
}

static inline struct value random_zoned_time(uint64_t *seed, struct arena *arena)
{
  struct zoned_time time = {random_integer(seed, 0, 86400 * (int64_t)1000000),
                            (int32_t)random_integer(seed, -57599, 57599)};
  struct value v;
  if (random_below(seed, 2)) {
    time.west = (int32_t)random_integer(seed, -2, 2) * 3600;
    time.time = (12 * 3600 - time.west) * (int64_t)1000000;
  }
  if (!zoned_time_value(&time, arena, &v))
    abort();
  return v;
}

static inline struct value random_value(uint64_t *seed, enum type_id type, struct arena *arena);

// Few elements in few shapes, so that equal ones and beginnings of others meet.
static inline struct value random_array(uint64_t *seed, enum type_id type, struct arena *arena)
{
  struct array_shape shape = {.dimension_count = (int)random_below(seed, 3)};
  struct array_builder builder;
  uint32_t count;
  struct value v;
  for (int i = 0; i < shape.dimension_count; i++) {
    shape.lengths[i] = 1 + (int32_t)random_below(seed, 3);
    shape.lowers[i] = random_below(seed, 4) ? 1 : (int32_t)random_integer(seed, -3, 3);
  }
  if (array_shape_count(&shape, &count, NULL))
    abort();
  array_builder_init(&builder, type_element(type), NULL);
  for (uint32_t i = 0; i < count; i++) {
    struct value element = random_value(seed, builder.element, arena);
    if (random_below(seed, 6) == 0)
      element = value_null();
    array_add(&builder, &element);
  }
  if (array_finish(&builder, &shape, arena, &v, NULL))
    abort();
  return v;
}

static inline struct value random_value(uint64_t *seed, enum type_id type, struct arena *arena)
{
  switch (type) {
  case TYPE_BOOLEAN: return value_boolean(random_below(seed, 2));
  case TYPE_INT2: return value_integer(random_integer(seed, INT16_MIN, INT16_MAX));
  case TYPE_INT4: return value_integer(random_integer(seed, INT32_MIN, INT32_MAX));
  case TYPE_INT8: return value_integer(random_integer(seed, INT64_MIN, INT64_MAX));
  case TYPE_OID: return value_integer(random_integer(seed, 0, UINT32_MAX));
  case TYPE_FLOAT8: return value_float8(random_float(seed));
  case TYPE_FLOAT4: {
    float v = (float)random_float(seed);
    return value_float8(isnan(v) ? (double)NAN : (double)v);
  }
  case TYPE_NUMERIC: return random_numeric(seed, arena);
  case TYPE_JSONB: return random_jsonb(seed, arena);
  case TYPE_DATE: return random_date(seed);
  case TYPE_TIME: return value_integer(random_integer(seed, 0, 86400 * (int64_t)1000000));
  case TYPE_TIMETZ: return random_zoned_time(seed, arena);
  case TYPE_INTERVAL: return random_interval(seed, arena);
  case TYPE_UUID: return random_bytes(seed, UUID_SIZE, arena);
  case TYPE_BYTEA: return random_bytes(seed, (uint32_t)random_below(seed, 6), arena);
  case TYPE_TIMESTAMP:
  case TYPE_TIMESTAMPTZ: return random_timestamp(seed);
  default: return type_is_array(type) ? random_array(seed, type, arena) : random_text(seed, arena);
  }
}
