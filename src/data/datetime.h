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

// Within PostgreSQL's range, or infinite.
bool timestamp_is_valid(int64_t timestamp);
// Text forms; type is TYPE_TIMESTAMP or TYPE_TIMESTAMPTZ. 22007, 22008 with PostgreSQL's messages.
int timestamp_from_text(enum type_id type, struct bytes text, const struct format_settings *settings,
                        int64_t *timestamp, struct error *error);
// ISO: "2024-02-29 12:00:00.5+02", "0044-03-15 00:00:00 BC", "infinity".
void timestamp_to_text(enum type_id type, int64_t timestamp, const struct format_settings *settings,
                       struct buffer *out);
