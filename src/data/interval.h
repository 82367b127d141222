// Intervals: microseconds, days and months, which do not turn into each other by themselves. A value has 16 bytes:
// 8 of microseconds, 4 of days, 4 of months, little-endian.
//
// Compared, a month counts as 30 days and a day as 24 hours: '1 month' equals '30 days'.
#pragma once

#include "data/value.h"

struct interval {
  int64_t microseconds;
  int32_t days, months;
};

enum { INTERVAL_SIZE = 16 };

// A type's modifier: which fields it keeps, and digits of the second, as in PostgreSQL's atttypmod.
enum {
  INTERVAL_ALL_FIELDS = 0x7fff,
  INTERVAL_ALL_DIGITS = 0xffff,
  INTERVAL_MONTH = 1 << 1,
  INTERVAL_YEAR = 1 << 2,
  INTERVAL_DAY = 1 << 3,
  INTERVAL_HOUR = 1 << 10,
  INTERVAL_MINUTE = 1 << 11,
  INTERVAL_SECOND = 1 << 12,
};
static inline int32_t interval_modifier(int fields, int digits) { return fields << 16 | digits; }
// "day to second"; NULL for fields that are no such span, and for all of them.
const char *interval_fields_name(int32_t modifier);

struct interval interval_of(const struct value *value);
// False: out of memory.
bool interval_value(const struct interval *interval, struct arena *arena, struct value *value)
    __attribute__((warn_unused_result));
// In microseconds, as the order has it.
__int128 interval_span(const struct interval *interval);
// The interval of such a span, in as many months and days as there are; for what comes back from keys.
struct interval interval_of_span(__int128 span);

// 22007, 22008, 22015 with PostgreSQL's messages. The modifier says which unit a bare number has; it is not applied.
int interval_from_text(struct bytes text, int32_t modifier, struct interval *interval, struct error *error);
// As IntervalStyle postgres has it: "1 year 2 mons -3 days +04:05:06.7".
void interval_to_text(const struct interval *interval, struct buffer *out);
// Drops the fields and rounds the digits that the modifier does not have.
int interval_apply_modifier(int32_t modifier, struct interval *interval, struct error *error);
