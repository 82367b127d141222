// Timestamps: microseconds since 2000-01-01 00:00:00, in UTC for timestamptz. Proleptic Gregorian.
#pragma once

#include "data/value.h"

struct civil_time {
  int64_t year;
  int month, day, hour, minute, second, microsecond; // month and day from 1
};

void civil_from_timestamp(int64_t timestamp, struct civil_time *civil);
// 22008 beyond PostgreSQL's range.
int timestamp_from_civil(const struct civil_time *civil, int64_t *timestamp, struct error *error);
// Seconds east of UTC for 'UTC', 'Z', '+02', '-03:30', 'GMT+2'; false for what it does not know.
bool zone_parse(struct bytes text, int32_t *offset_seconds);
