// The tables that tools/zones.py makes of the tz database; for zone.c alone.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct zone_kind {
  int32_t offset; // seconds east of UTC
  bool is_daylight;
  const char *abbreviation;
};

// The day of a POSIX rule: weekday `day` (0 is Sunday) of the week `week` (5: the last) of the month.
struct zone_change {
  int8_t month, week, day;
  int32_t time; // seconds of the local day, of what was before
};

struct zone_body {
  int32_t first, count; // in zone_moments and zone_uses
  uint16_t before;      // the kind before the first moment
  bool has_rule;        // for what comes after the last
  uint16_t standard, daylight;
  struct zone_change changes[2]; // to daylight, and back
};

struct zone_name {
  const char *name;
  int32_t body;
};

extern const struct zone_kind zone_kinds[];
extern const int64_t zone_moments[]; // seconds since 1970-01-01 UTC, ascending in each body
extern const uint16_t zone_uses[];   // the kind from that moment on
extern const struct zone_body zone_bodies[];
extern const struct zone_name zone_names[]; // by name, letter case aside
extern const int zone_name_count;
