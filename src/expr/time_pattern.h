// Patterns of dates and times: the marks that to_char writes and to_date, to_timestamp and jsonpath's datetime() read.
#pragma once

#include "data/datetime.h"
#include "expr/function.h"

enum time_mark {
  TIME_YYYY, TIME_YYY, TIME_YY, TIME_Y, TIME_Y_COMMA, TIME_IYYY, TIME_IYY, TIME_IY, TIME_I, TIME_IW, TIME_ID, TIME_IDDD,
  TIME_MONTH, TIME_MON, TIME_MM, TIME_DAY, TIME_DY, TIME_DDD, TIME_DD, TIME_D, TIME_HH24, TIME_HH12, TIME_MI, TIME_SSSS,
  TIME_SS, TIME_MS, TIME_US, TIME_FF, TIME_AM, TIME_A_M, TIME_BC, TIME_B_C, TIME_WW, TIME_W, TIME_Q, TIME_CC, TIME_J,
  TIME_TZH, TIME_TZM, TIME_TZ, TIME_OF, TIME_RM, TIME_FX, TIME_COUNT
};

extern const char *const time_month_names[12];
extern const char *const time_day_names[7]; // from Sunday
extern const char *const time_roman_months[12];

// The mark that the pattern begins with, in capitals; NULL: none.
const char *time_mark_at(struct bytes pattern, enum time_mark *mark);

// What a text says by a pattern. The type is that of the pattern's marks: a date, a time, with or without a zone;
// TYPE_UNKNOWN where it has none of them.
struct time_reading {
  struct civil_time civil;
  bool has_zone;
  int32_t zone; // seconds east of UTC
  enum type_id type;
  bool is_zoned; // the pattern has a zone
  int digits;    // of a second's fraction, as FF1 … FF6 says; 0: none
};
// To so many digits of a second; 0: as it is.
int64_t time_round(int64_t microseconds, int digits);
// is_strict: as SQL's standard has it, every character of the text must be what the pattern says.
int time_read(struct evaluation *evaluation, struct bytes text, struct bytes pattern, bool is_strict,
              struct time_reading *reading);
