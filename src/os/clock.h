// The two clocks.
#pragma once

#include <stdint.h>

// Microseconds since some fixed moment; never goes back, goes on while the wall clock is set.
int64_t clock_monotonic(void);
int64_t clock_nanoseconds(void); // the same in nanoseconds
// Microseconds since 2000-01-01 00:00:00 UTC (PostgreSQL's epoch).
int64_t clock_wall(void);
