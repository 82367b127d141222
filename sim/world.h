// One simulated world: a partition, its second host, a disk, clients, all from one seed. The faults that are put into
// the engine itself are those of base/fault.h.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum world_fault {
  FAULT_NONE,
  FAULT_SYNC_LEFT_OUT, // the log claims durability without fdatasync
  FAULT_FULL_ANSWERED, // replies leave though the log had no room; in troubled worlds
  FAULT_SYNC_HIDDEN,   // a sync that fails claims to be done; in troubled worlds
  FAULT_TORN_ACCEPTED, // a torn record at the log's end gets the right checksum
};

struct world_options {
  uint64_t seed;
  int steps;
  enum world_fault fault;
  bool is_troubled; // the disk is full, slow or fails a sync now and then
  bool is_tight;    // memory is scarce now and then
  bool is_verbose;
  FILE *history; // gets what the clients of lists did and saw; NULL: nobody wants it
};

enum trouble {
  TROUBLE_FULL,    // the disk was full
  TROUBLE_START,   // too full for the engine to start
  TROUBLE_TOLD,    // the partition was told
  TROUBLE_REFUSED, // a group was not taken by the log
  TROUBLE_SLOW,    // the disk was slow
  TROUBLE_SYNC,    // a sync failed
  TROUBLE_LATE,    // rows came from a source that was closed by then
  TROUBLE_UNREAD,  // a client had left something unread
  TROUBLE_TIGHT,   // memory was scarce
  TROUBLES
};

enum way {
  WAY_ADOPTED, WAY_RERUN, WAY_KEPT, WAY_MOVED, WAY_ROUNDS, WAY_ATTACHED, WAY_FAILED, WAY_WAITS, WAY_PARKED, WAY_DEADLOCKS, WAY_BROKEN, WAYS
};

struct world_result {
  uint64_t hash;       // of everything that left the partition: equal for equal options
  int step;            // of the violation
  char violation[512]; // empty: none
  uint64_t crashes, atoms, replies;
  // Which ways transactions went: all should be met in some hundred worlds.
  uint64_t ways[WAYS];
  uint64_t troubles[TROUBLES];
};

void world_run(const struct world_options *options, struct world_result *result);
