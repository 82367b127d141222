// Walking a branch's script over a newer version: what branch.c and walk.c share. Not for others.
#pragma once

#include "store/read_set.h"
#include "txn/branch.h"
#include "txn/internal.h"

struct branch {
  struct trunk *trunk;
  struct version *base, *version;
  struct change_list changes;
  struct buffer script; // steps, one after another: struct step, bytes of the step, kept values, encoded ranges
  struct buffer reads;  // scratch
  struct buffer places; // of the steps in the script, 8 bytes each
  size_t step_count;
  bool pins_definitions;
  uint64_t committed;   // the trunk's position when the branch began
  size_t recorded;      // mark of the change list behind the last step
  uint64_t definitions; // behind the last step
};

struct step {
  struct promise promise;
  size_t step_size, kept_size;
  size_t reads_size;               // of what it looked at; 0: not known
  uint64_t visited;                // rows of that
  size_t changes_from, changes_to; // what it changed, in the branch's list
  bool must_run;                   // its changes cannot be made without running it
};

struct walk {
  struct branch *branch;
  struct writer *writer;            // to the newer version
  const struct step_runner *runner;
  const struct version *now;        // the newer version as it was before the walk; NULL: all steps are run
  struct branch *moved;             // an open branch that is to take over; NULL: the trunk
  struct buffer dirty;              // trees and keys that came out otherwise than the first time
};

// Is there a step of which it is worth to know whether what it saw has changed?
bool walk_wants_to_know(const struct walk *walk);
int walk_script(struct walk *walk, struct error *error);

void step_end(struct branch *branch, struct step *head);
