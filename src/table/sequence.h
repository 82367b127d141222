// Sequences: counters of the engine. A number that was drawn is never drawn again, whatever is undone.
//
// 1. The live counter belongs to the catalog and not to a version: branches draw from one and the same. A branch that
//    makes a sequence, or restarts it, has a tree for it that nobody else knows, and a counter with it.
// 2. The log hears of numbers in ranges: an atom that commits brings the rows of what was drawn since, as changes of the
//    sequences' trees (sequence_log). So recovery goes on behind the last range, and checkpoints hold what the log held.
// 3. Whoever shows a number depends on sequence_position, once sequence_is_logged.
// 4. These changes are appended when an atom is sure to commit, and are never undone.
#pragma once

#include "table/write.h"

enum { SEQUENCE_AHEAD = 32 }; // numbers that the log learns at a time

// The row that makes a sequence, in the tree of its definition. Also after a restart.
int sequence_begin(struct writer *writer, const struct relation *sequence, int64_t value, bool is_called);
// Draws the next number. 2200H at the end of the sequence. numbers: of the script, or NULL.
int sequence_next(struct catalog *catalog, const struct version *version, const struct relation *sequence,
                  const struct numbers *numbers, int64_t *number, struct error *error);
// setval. 22003 outside of its bounds.
int sequence_set(struct catalog *catalog, const struct version *version, const struct relation *sequence, int64_t number,
                 bool is_called, struct error *error);

struct sequence_state {
  int64_t last;
  int64_t ahead; // numbers behind it that the log has already
  bool is_called;
};
int sequence_look(struct catalog *catalog, const struct version *version, const struct relation *sequence,
                  struct sequence_state *state, struct error *error);

// Does the log have every number that was drawn from a sequence of the trunk?
bool sequence_is_logged(const struct catalog *catalog);
// On which position a shown number depends.
uint64_t sequence_position(const struct catalog *catalog);
// Puts the rows of what was drawn. definitions: the changes of the writer have definitions among them, perhaps of
// sequences that nobody else has seen.
int sequence_log(struct writer *writer, bool definitions);
// The atom with these rows has committed; or it has not, and the log knows nothing.
void sequence_logged(struct catalog *catalog, uint64_t position);
void sequence_unlogged(struct catalog *catalog);
