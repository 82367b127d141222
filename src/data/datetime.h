// Dates and times. Timestamps: microseconds since 2000-01-01 00:00:00, in UTC for timestamptz. Dates: days since then.
// Times of day: microseconds since midnight, 24:00 included. Proleptic Gregorian.
//
// A date's infinities are INT32_MIN and INT32_MAX, a timestamp's INT64_MIN and INT64_MAX. A time with a zone has 12
// bytes, little-endian: the local time of day, and the zone's offset in seconds west of UTC, as PostgreSQL counts.
#pragma once

#include "data/value.h"

struct civil_time {
  int64_t year;
  int month, day, hour, minute, second, microsecond; // month and day from 1
};

struct zoned_time {
  int64_t time; // local
  int32_t west; // seconds
};

enum { DATE_LOW = -2451545, DATE_END = 2145031949, ZONED_TIME_SIZE = 12 }; // 4714-11-24 BC to 5874897-12-31

// --- the calendar
int64_t days_from_civil(int64_t year, int month, int day);        // since 2000-01-01
void civil_from_days(int64_t days, struct civil_time *civil);     // year, month and day alone
int days_in_month(int64_t year, int month);
void civil_from_timestamp(int64_t timestamp, struct civil_time *civil);
bool timestamp_of(const struct civil_time *civil, int64_t *timestamp); // false beyond PostgreSQL's range
int timestamp_from_civil(const struct civil_time *civil, int64_t *timestamp, struct error *error); // 22008

// Within PostgreSQL's range, or infinite.
bool timestamp_is_valid(int64_t timestamp);
bool date_is_valid(int64_t days);
static inline bool date_is_infinite(int64_t days) { return days == INT32_MIN || days == INT32_MAX; }
static inline bool timestamp_is_infinite(int64_t at) { return at == INT64_MIN || at == INT64_MAX; }
bool zoned_time_is_valid(const struct zoned_time *time);
bool time_is_valid(int64_t time);

struct zoned_time zoned_time_of(const struct value *value);
// False: out of memory.
bool zoned_time_value(const struct zoned_time *time, struct arena *arena, struct value *value)
    __attribute__((warn_unused_result));

// --- text forms
// datetime_read.c. type is TYPE_TIMESTAMP, TYPE_TIMESTAMPTZ, TYPE_DATE, TYPE_TIME or TYPE_TIMETZ.
// 22007, 22008, 22009 with PostgreSQL's messages.
int datetime_from_text(enum type_id type, struct bytes text, const struct format_settings *settings,
                       struct arena *arena, struct value *value, struct error *error);
// ISO: "2024-02-29 12:00:00.5+02", "0044-03-15 00:00:00 BC", "infinity".
void datetime_to_text(enum type_id type, const struct value *value, const struct format_settings *settings,
                      struct buffer *out);
// "12:34:56.789": a second's fraction without zeros at its end. Writes to `at` and gives the end.
char *put_number(char *at, int64_t number, int width); // at least width digits
char *put_fraction(char *at, int microsecond);
