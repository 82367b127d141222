// Branches: open transactions. A branch is a private version and its script: the steps that its client
// sent, each with the hash of the reply that the client was given. A reply is a promise: COMMIT runs the
// script again on the trunk and commits if every reply comes out the same.
//
//           branch_open            branch_commit: trunk unmoved -> adopt
//   (none) -------------> open ------------------ otherwise -----> run again as one atom: equal -> committed
//                         |  ^                                                          else -> undone, 40001
//                         |  | branch_move: run again on a branch of the newer trunk
//                         |  +--------------+
//                         |  branch_close
//                         +-------------> (none)
//
// Steps are opaque bytes; who runs them is a function that is given at commit.
#pragma once

#include "base/hash.h"
#include "store/read_set.h"
#include "txn/atom.h"

struct branch;

// What a step promised: count and sum (or, where the order counts, chain) of row hashes, and the outcome.
struct promise {
  uint64_t rows;
  struct hash128 hash;
};
void promise_add_row(struct promise *promise, struct bytes row, uint64_t seed, bool is_ordered);
// A command tag, or an error as SQLSTATE and constraint.
void promise_add_text(struct promise *promise, const char *text, uint64_t seed);
bool promise_equal(const struct promise *a, const struct promise *b);

// NULL: out of memory. account: of the branch, borrowed.
struct branch *branch_open(struct trunk *trunk, struct memory_account *account);
void branch_close(struct branch *branch); // gives up everything it changed
// Fills writer's version, changes, catalog, position (0), committed.
void branch_writer(struct branch *branch, struct writer *writer);
struct version *branch_version(struct branch *branch);
bool branch_has_changes(const struct branch *branch);

// Appends a step and what its reply promised. kept: values that functions such as now() and random() gave, used again
// when it is run again. step and kept are copied. 54000 beyond LIMIT_SCRIPT.
// reads: what it looked at, itself and on behalf of constraints; NULL: not known. An empty set: nothing that
// branch_reads_tree has not told.
int branch_record(struct branch *branch, struct bytes step, struct bytes kept, const struct promise *promise,
                  const struct read_set *reads, struct error *error);
// It looks at this tree, in steps of which more is not known.
void branch_reads_tree(struct branch *branch, tree_number tree);
// It was shown something of the definitions that is in no step: it commits only where they are as they are here.
void branch_pin_definitions(struct branch *branch);
size_t branch_step_count(const struct branch *branch);

struct step_runner {
  void *context;
  // Runs one recorded step on the writer and fills the promise. A failure of the statement is part of the
  // promise, not of the return value: that is for what must end the commit (53200, 57014).
  // *reads: empty; to be filled with what it looked at, or marked as failed where that is not known.
  int (*run)(void *context, struct writer *writer, struct bytes step, struct bytes kept, struct promise *promise,
             struct read_set *reads, struct error *error);
  // May these changes go to the trunk now? STATUS_WAIT: not yet. NULL: always.
  int (*admit)(void *context, const struct change_list *changes, struct error *error);
  // Says in the error's detail which row changed, and who did that (NULL: not known). NULL: nobody does.
  void (*explain)(void *context, tree_number tree, struct bytes key, const struct author *author, struct error *error);
};

// Commits or fails with 40001 (`could not serialize access: the reply of statement N would be different now`) and
// closes the branch in both cases. STATUS_WAIT: nothing has happened, the branch stays, to be committed later.
// Nothing changed: done at its snapshot, cannot fail, position 0.
// *writer: scratch of the caller with arena, evaluation, error set.
int branch_commit(struct branch *branch, struct writer *writer, const struct step_runner *runner, uint64_t *position,
                  struct error *error);
// Moves an open branch to where the trunk is now: runs its script on a new one. 40001 if a reply comes out otherwise;
// then, as after any failure, the branch is good for closing only.
int branch_move(struct branch *branch, struct writer *writer, const struct step_runner *runner, struct error *error);
// --- Rounds: long reads of a script are looked at again before it runs on the trunk, where that keeps nobody waiting ----
//
//           round_begin                   round_end
//   (none) ------------> round_next ... ------------> what was confirmed counts as read from the round's version
//
// A step is confirmed if nothing that it looked at has changed up to the round's version, or if it was run there (by whoever
// has the time: on another thread) and gave the same reply. What was changed since is found by the next round, or the commit.

// Does the script have steps that looked at so many rows and would have to run again now?
bool branch_wants_round(const struct branch *branch, uint64_t rows);
int branch_round_begin(struct branch *branch, struct error *error); // 53200
// The next step to be run on *version, which is the round's as long as it lasts. False: there is none any more.
bool branch_round_next(struct branch *branch, uint64_t rows, struct bytes *step, struct bytes *kept,
                       const struct version **version);
// It was run. 40001 if the reply came out otherwise.
int branch_round_confirm(struct branch *branch, const struct promise *promise, const struct read_set *reads,
                         const struct step_runner *runner, struct error *error);
void branch_round_end(struct branch *branch);
// The script's steps, one after another: *at 0 at first. False behind the last.
bool branch_next_step(const struct branch *branch, size_t *at, struct bytes *step);

// The position of the trunk from which it differs.
uint64_t branch_base(const struct branch *branch);
// Has the trunk gone on with this row, or with the first entry that begins so, since the branch was made? Then whatever
// it is shown of it cannot be promised.
bool branch_is_stale(const struct branch *branch, tree_number tree, struct bytes key, bool is_prefix);
// The same of a whole tree.
bool branch_is_tree_stale(const struct branch *branch, tree_number tree);
// Has it changed the row with this key, which is in its version with this content?
bool branch_has_changed(const struct branch *branch, tree_number tree, struct bytes key, struct bytes row);
