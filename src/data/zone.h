// Time zones: those of the tz database by name, and fixed offsets. What a name means was compiled in
// (tools/zones.py): it changes with the build, not with the machine.
#pragma once

#include "base/bytes.h"

struct zone {
  int16_t number; // of the name, from 1; 0: a fixed offset
  int32_t offset; // seconds east of UTC, of a fixed one
};

enum { ZONE_LIMIT = 16 * 3600 }; // an offset is smaller than this

static inline struct zone zone_fixed(int32_t offset) { return (struct zone){.offset = offset}; }
// A name of the database in any letter case. False: there is none.
bool zone_find(struct bytes name, struct zone *zone);
// An abbreviation or an offset: 'UTC', 'Z', 'EST', '+02', '-03:30', 'GMT+2' (which is west); else by zone_find.
bool zone_parse(struct bytes text, struct zone *zone);
// The abbreviations alone: "est" is five hours west.
bool zone_of_abbreviation(struct bytes word, int32_t *offset);
// Digits of an offset: "2", "02", "0230", "02:30", "02:30:15". Moves *text behind them.
bool zone_read_offset(struct bytes *text, int32_t *seconds);
// By number from 0, in the order of their names. False: there are no more.
bool zone_at(int index, struct zone *zone);
bool zone_is_daylight_at(struct zone zone, int64_t utc);
// As the database writes it; NULL for a fixed offset.
const char *zone_name(struct zone zone);

// Times in microseconds since 2000-01-01. Seconds east of UTC at that moment, and what they are called there
// (NULL for a fixed offset).
int32_t zone_offset_at(struct zone zone, int64_t utc, const char **abbreviation);
// Of a local time. Of one that there is twice the later, which is standard time; one that is left out counts as
// what was before, as PostgreSQL has it.
int32_t zone_offset_of_local(struct zone zone, int64_t local);
// Within the range of 64 bits; infinite times stay.
int64_t zone_to_local(struct zone zone, int64_t utc);
int64_t zone_to_utc(struct zone zone, int64_t local);
