// Waiting for many descriptors (epoll, level-triggered).
#pragma once

#include <stdint.h>

#include "base/error.h"

enum poll_interest {
  POLL_READ = 1,
  POLL_WRITE = 2,
  POLL_BROKEN = 4, // out only: the other side hung up, or the descriptor has failed
};

struct poll {
  int descriptor; // is itself readable when something is ready, so polls nest
};

struct poll_event {
  void *context; // as given with the descriptor
  uint32_t ready; // of poll_interest
};

int poll_open(struct poll *poll, struct error *error);
void poll_close(struct poll *poll); // does nothing to a poll whose descriptor is -1
// interest: of POLL_READ and POLL_WRITE; 0: only POLL_BROKEN is told.
int poll_add(struct poll *poll, int descriptor, uint32_t interest, void *context, struct error *error);
int poll_change(struct poll *poll, int descriptor, uint32_t interest, void *context, struct error *error);
// Before the descriptor is closed.
void poll_remove(struct poll *poll, int descriptor);
// How many events were written, 0 on timeout or when a signal came. timeout_ms -1: for ever.
int poll_wait(struct poll *poll, struct poll_event *events, int capacity, int timeout_ms);
