// What is to happen at a time: timeouts of sessions, the end of a stream's patience. Times are the steps' monotonic ones.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIMER_NEVER INT64_MAX

// Embedded in whoever waits.
struct timer {
  int64_t due;     // microseconds
  size_t place;    // in the heap, from 1; 0: it is not set
  void (*expire)(struct timer *timer);
};

// A heap of those that are set, the earliest first.
struct timers {
  struct timer **heap;
  size_t count, capacity;
};

void timers_deinit(struct timers *timers);
// Sets it, or sets it anew. False: out of memory, it is as it was.
bool timer_set(struct timers *timers, struct timer *timer, int64_t due) __attribute__((warn_unused_result));
void timer_clear(struct timers *timers, struct timer *timer); // if it is set
int64_t timers_next(const struct timers *timers); // TIMER_NEVER: none is set
// Takes one off that is due; NULL: there is none.
struct timer *timers_take(struct timers *timers, int64_t now);
