// Atoms: groups of changes on the trunk, applied one after another, each whole or not at all.
//
//            atom_begin            atom_commit
//   (idle) ------------> running -------------> (idle), position + 1 if anything changed
//                          |  atom_abort
//                          +------------------> (idle), everything undone
//
// 1. At most one atom runs; between atoms the trunk is the state at `trunk.position`.
// 2. A committed atom that changed something has taken the next position and left its payload in
//    trunk.output; one that changed nothing has left no trace.
// 3. Leaves keep the position of an atom that was undone. So what a reader depends on is never newer than the trunk:
//    trunk_dependency says it.
// txn/ does not know SQL: the changes inside come through the writer.
#pragma once

#include "table/write.h"
#include "txn/heat.h"
#include "txn/history.h"

struct trunk {
  struct store *store;
  struct catalog *catalog;
  uint64_t position;        // of the newest committed atom
  struct change_list changes; // of the running atom
  bool is_running;
  uint64_t definitions;     // before the running atom
  struct author author;     // of the running atom, or of the branch that commits
  struct history history;
  struct heat heat;
  size_t branches;          // open ones
  uint64_t adopted_changes; // a branch with fewer is not looked at whether its trees could be taken as they are
  uint64_t repair_rows;     // a step that looked at fewer rows is run again, rather than looked whether it must be
  bool without_output;      // nobody logs: payloads are not made, and an atom that came back to what it was counts
  struct buffer output;     // payloads of committed atoms, for the log: position (8), size (4), bytes, each; the partition takes them
  struct buffer signals; // of committed atoms (CHANGE_SIGNAL), for the partition to take: size (4), then size (4) and bytes, each
  struct { uint64_t atoms, aborted, adopted, rerun, moved, failed, steps_run, steps_kept, rounds; } counts;
};

// On which position a reader with this mark depends.
static inline uint64_t trunk_dependency(const struct trunk *trunk, const struct read_mark *mark)
{
  return mark->position < trunk->position ? mark->position : trunk->position;
}

int trunk_open(struct trunk *trunk, struct store *store, struct catalog *catalog);
void trunk_close(struct trunk *trunk);

// Fills writer's version, changes, catalog, position, committed; the caller sets the rest.
void atom_begin(struct trunk *trunk, struct writer *writer);
// *position: on which replies of this atom depend if it changed something (else 0: their read mark alone counts).
// 53200 when there is no memory for the payload: then the atom is undone.
int atom_commit(struct trunk *trunk, uint64_t *position, struct error *error);
void atom_abort(struct trunk *trunk);
// Savepoints inside: a mark of the change list and the definitions.
struct atom_mark {
  size_t change;
  uint64_t definitions;
};
struct atom_mark writer_mark(const struct writer *writer);
void writer_rollback(struct writer *writer, struct atom_mark mark);
