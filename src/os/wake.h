// A descriptor by which any thread wakes a loop (eventfd).
#pragma once

#include <stdbool.h>

#include "base/error.h"

struct wake {
  int descriptor;   // readable from the first signal until wake_clear
  bool is_signalled; // atomic: a signal was given since the last clear, so a clear without one costs no system call
};

int wake_open(struct wake *wake, struct error *error);
void wake_close(struct wake *wake); // does nothing when the descriptor is -1
// Any thread. Never blocks; many signals before a clear are one.
void wake_signal(struct wake *wake);
// The loop's thread: clear first, then look at what was queued.
void wake_clear(struct wake *wake);
