// Values, and their text and binary forms (PostgreSQL's).
//
// A value does not know its type: programs and schemas do. Integers of all sizes, booleans (0, 1),
// oids and timestamps (microseconds since 2000-01-01, UTC for timestamptz; INT64_MIN is -infinity,
// INT64_MAX infinity), dates and times of day (data/datetime.h) lie in `integer`. Floats lie in `float8`, reals too:
// theirs is a number that a float holds. All others lie in borrowed bytes: text kinds, numerics, jsonb, bytea, uuids,
// intervals (data/interval.h), times with a zone (data/datetime.h).
//
// A jsonb's bytes: data/jsonb.h. An enum's: data/enum.h. A json is its text.
// A numeric's bytes (data/numeric.h): one kind byte, the display scale, the unscaled integer.
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "data/type.h"
#include "data/zone.h"

struct value {
  union {
    int64_t integer;
    double float8;
    const uint8_t *data;
  };
  uint32_t size; // of data
  bool is_null;
};

static inline struct value value_null(void) { return (struct value){.is_null = true}; }
static inline struct value value_integer(int64_t v) { return (struct value){.integer = v}; }
static inline struct value value_boolean(bool v) { return (struct value){.integer = v}; }
static inline struct value value_float8(double v) { return (struct value){.float8 = v}; }
static inline struct value value_bytes(const void *data, uint32_t size)
{
  return (struct value){.data = data, .size = size};
}
static inline struct value value_string(const char *text) { return value_bytes(text, (uint32_t)strlen(text)); }

// What the forms of values depend on beside the type: a session's settings.
struct format_settings {
  struct zone zone;          // for timestamptz and what depends on the day
  const char *zone_name;     // as SHOW timezone gives it
  int extra_float_digits;    // > 0: the shortest text that reads back the same
  int64_t now;               // microseconds since 2000-01-01 UTC: what 'now' and 'today' mean
  const struct user_types *types; // to read values of types made by users; NULL: they cannot be read
};
extern const struct format_settings format_settings_default; // UTC

// Text and binary forms. Input errors are PostgreSQL's (22P02, 22003, 22007, 22008, 22021, 22P03) with its messages.
// text need not end with a zero byte. Bytes of the result live in the arena (or are borrowed from the input).
int value_from_text(struct type type, struct bytes text, const struct format_settings *settings,
                    struct arena *arena, struct value *value, struct error *error);
int value_from_binary(struct type type, struct bytes binary, const struct format_settings *settings,
                      struct arena *arena, struct value *value, struct error *error);
// Append to the buffer; a NULL value must not be passed.
void value_to_text(enum type_id type, const struct value *value, const struct format_settings *settings,
                   struct buffer *out);
void value_to_binary(enum type_id type, const struct value *value, struct buffer *out);

// Enforces the modifier on a value of the type: rounds numerics and timestamps; pads char(n);
// is_explicit (a cast): cuts strings silently, otherwise only spaces may be cut (22001).
int value_apply_modifier(struct type type, bool is_explicit, struct arena *arena, struct value *value,
                         struct error *error);

// Total order of one type, as ORDER BY and the keys have it (NaN above all; char(n) without its
// trailing spaces). Neither may be NULL.
int value_compare(enum type_id type, const struct value *a, const struct value *b);
// The first 64 bits of that order: a value with a smaller prefix comes first; of equal ones nothing is known unless
// value_prefix_decides. Not NULL.
uint64_t value_prefix(enum type_id type, const struct value *value);
bool value_prefix_decides(enum type_id type);
// Equal values have equal hashes. Not NULL.
uint64_t value_hash(enum type_id type, const struct value *value, uint64_t seed);
// Sorts values by that order, and finds one in such a row. None may be NULL.
void values_sort(enum type_id type, struct value *values, int count);
bool values_contain(enum type_id type, const struct value *sorted, int count, const struct value *value);
// Copies borrowed bytes into the arena. False: out of memory.
bool value_copy(enum type_id type, struct value *value, struct arena *arena) __attribute__((warn_unused_result));
