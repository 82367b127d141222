// One simulated world: a partition, its second host, a disk, clients, all from one seed.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum world_fault {
  FAULT_NONE,
  FAULT_SYNC_LEFT_OUT, // the log claims durability without fdatasync
  FAULT_TORN_ACCEPTED, // a torn record at the log's end gets the right checksum
  FAULT_REPLY_EARLY,   // replies leave before what they depend on is durable
};

struct world_options {
  uint64_t seed;
  int steps;
  enum world_fault fault;
  bool is_verbose;
};

struct world_result {
  uint64_t hash;       // of everything that left the partition: equal for equal options
  int step;            // of the violation
  char violation[512]; // empty: none
  uint64_t crashes, atoms, replies;
};

void world_run(const struct world_options *options, struct world_result *result);
