// A descriptor that is readable from a given time on (timerfd).
#pragma once

#include <stdint.h>

#include "base/error.h"

struct alarm {
  int descriptor;
  int64_t due; // INT64_MAX: not set
};

int alarm_open(struct alarm *alarm, struct error *error);
void alarm_close(struct alarm *alarm); // does nothing when the descriptor is -1
// due: of clock_monotonic, in microseconds; INT64_MAX: never. A time that is set already costs no system call.
void alarm_set(struct alarm *alarm, int64_t due);
