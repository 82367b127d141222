// Walking a branch's script over a newer version: what branch.c and walk.c share. Not for others.
#pragma once

#include "txn/branch.h"
#include "txn/internal.h"

struct branch {
  struct trunk *trunk;
  struct version *base, *version;
  struct version *confirmed; // at which what a round has confirmed was found to be as it was promised; NULL: nothing
  struct version *round;     // of the round under way
  size_t round_at;           // in the script: behind the step that it is at
  struct change_list changes;
  struct buffer script; // steps, one after another: struct step, bytes of the step, kept values
  struct buffer reads;  // what they looked at: encoded ranges
  struct buffer places; // of the steps in the script, 8 bytes each
  size_t step_count;
  uint64_t visited;     // rows, by all of its steps
  bool was_undone;      // some of its changes, by a savepoint
  bool pins_definitions;
  uint64_t committed;   // the trunk's position when the branch began
  size_t recorded;      // mark of the change list behind the last step
  uint64_t definitions; // behind the last step
  // The trees that it has read or changed; it may have read others, too, if it looks anywhere.
  tree_number read[STORE_ATTACH_LIMIT], changed[STORE_ATTACH_LIMIT];
  int read_count, changed_count;
  bool looks_anywhere;
};

// What a step looked at.
struct step_reads {
  size_t at, size;  // in the branch's reads; size 0: not known
  uint64_t visited; // rows
};

enum confirmation { CONFIRMED_NOT, CONFIRMED, CONFIRMED_IN_ROUND = 2 };

struct step {
  struct promise promise;
  size_t step_size, kept_size;
  struct step_reads reads;         // from the branch's base on
  struct step_reads confirmed;     // from the confirmed version on
  uint8_t confirmation;            // bits
  size_t changes_from, changes_to; // what it changed, in the branch's list
  bool must_run;                   // its changes cannot be made without running it
};

struct walk {
  struct branch *branch;
  struct writer *writer;            // to the newer version
  const struct step_runner *runner;
  const struct version *now;        // the newer version as it was before the walk; NULL: all steps are run
  struct branch *moved;             // an open branch that is to take over; NULL: the trunk
  struct read_set reads;            // of the step that runs
  struct buffer dirty;              // trees and keys that came out otherwise than the first time
};

// Is there a step of which it is worth to know whether what it saw has changed?
bool walk_wants_to_know(const struct walk *walk);
int walk_script(struct walk *walk, struct error *error);

// A step in the script, taken apart.
struct script_step {
  uint8_t *head; // where it lies
  struct step step;
  struct bytes bytes, kept;
  size_t number; // from 1
};
bool script_next(const struct branch *branch, size_t *at, struct script_step *step);
void script_put(const struct script_step *step); // its head, changed
struct bytes script_reads(const struct branch *branch, const struct step_reads *reads);
// Appends what a step looked at; none if that is not known, or there is no memory.
struct step_reads script_add_reads(struct branch *branch, const struct read_set *reads);
// Has nothing of what the step looked at changed up to that version?
bool step_is_clean(const struct branch *branch, const struct script_step *step, const struct version *now);
// 40001, with what is known of why: now is where the step ran again.
int step_broken(const struct branch *branch, const struct script_step *step, const struct step_runner *runner,
                const struct version *now, struct error *error);

void step_end(struct branch *branch, struct step *head);
