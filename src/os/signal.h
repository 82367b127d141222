// SIGTERM, SIGINT and SIGHUP as a descriptor; SIGPIPE ignored.
#pragma once

#include "base/error.h"

struct signals {
  int descriptor; // readable when a signal came
};

// Call before any thread is started: the signals are blocked in this thread and those that it starts.
int signals_open(struct signals *signals, struct error *error);
void signals_close(struct signals *signals);
// The next signal that came (SIGTERM, SIGINT, SIGHUP); 0: none.
int signals_next(const struct signals *signals);
