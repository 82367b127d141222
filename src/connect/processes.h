// The processes of this machine, from /proc.
#pragma once

#include <stdint.h>

enum { PROCESS_NAME = 64 };

struct process {
  int pid;
  uint64_t started; // by which a number that was given again is known
  uint64_t ticks;   // of processors, so far
  uint64_t spent;   // of them since the reading before
  int64_t memory;   // resident bytes
  char name[PROCESS_NAME];
};

struct processes {
  struct process *list; // by number
  int *ranks;           // places in the list, the busiest first
  int count, capacity;
};

// All zero at first. Reads what there is; without memory, or without a /proc, less.
void processes_read(struct processes *processes);
void processes_free(struct processes *processes);
// Who took how much since the reading before; those that took nothing come last.
void processes_rank(struct processes *processes, const struct processes *before);
const struct process *processes_ranked(const struct processes *processes, int rank);
