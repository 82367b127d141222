// The two clocks, in microseconds.
#include "os/clock.h"

#include <time.h>

#define EPOCH_2000 946684800ll // seconds from 1970-01-01 to 2000-01-01, both UTC

static int64_t microseconds_of(clockid_t clock)
{
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_monotonic(void)
{
  return microseconds_of(CLOCK_MONOTONIC);
}

int64_t clock_nanoseconds(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_wall(void)
{
  return microseconds_of(CLOCK_REALTIME) - EPOCH_2000 * 1000000;
}
