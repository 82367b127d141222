// Long changes beside the trunk: a statement that goes through many rows of a table runs on a side of a snapshot, on
// whichever thread has the time, follows what the trunk does meanwhile, and is committed as one atom where they meet.
//
//           beside_open          beside_run                      beside_commit
//   (none) -------------> open -----------> at its snapshot --------------------> committed
//                                            |  ^    |
//          beside_pin: the trunk as it is now|  |    | beside_close
//                                            v  |    +-----------> (none)
//                                beside_follow: at that snapshot
//
// How it follows:
// - A statement that treats each row of its table by itself makes of the table what it makes of its parts, put together. So
//   following costs what was changed: the statement runs on the changed rows alone, as they were and as they are now; the
//   entries that it made of the former go, and those that it makes of the latter come.
// - Any other statement would do the same again as long as nothing of what it looked at has changed: then what the trunk has
//   changed elsewhere in the trees that the statement changed is taken over. Otherwise it begins again from there
//   (beside_renew).
//
// 1. `run` and `follow` may be on any thread, one at a time; everything else is the trunk's thread's.
// 2. Few changes are made on the trunk once more, row by row. Where they are many the side owns its trees as a whole, and they
//    take the place of the trunk's (store_attach); what the log gets was made ready with them.
#pragma once

#include "base/flag.h"
#include "txn/atom.h"

struct beside;

// What a statement changes that treats each row of a table by itself.
struct beside_table {
  const struct relation *relation;       // borrowed
  tree_number trees[STORE_ATTACH_LIMIT]; // those of it that it may change
  int count;
  tree_number logged; // the one among them of which the log gets the rows; 0: none
  bool is_ahead;      // the trees are nobody's before it fills them, and the caller's then (beside_take)
};
// account: the store's. table: NULL: any other statement. few: so many changes are made on the trunk once more. NULL: out of
// memory.
struct beside *beside_open(struct trunk *trunk, const struct beside_table *table, size_t few, struct memory_account *account);
void beside_close(struct beside *beside);

struct beside_runner {
  void *context;
  // Runs the statement once more, on the writer, of which arena, evaluation and mark are to be set. rows: how many it found.
  int (*run)(void *context, struct writer *writer, uint64_t *rows, struct error *error);
  // Looks at what has come to the side, which has followed to `version`: given the rows that it was made of (NULL: none).
  int (*check)(void *context, struct writer *side, const struct version *version, const struct version *part,
               struct error *error);
  const struct read_set *reads; // of a statement that does not treat rows by themselves: what it looked at, noted while it ran
  const bool *is_cancelled; // looked at now and then: 57014
};
// Both: positive where it cannot be done here.
enum { BESIDE_STALE = 2 }; // what the statement looked at has changed
int beside_run(struct beside *beside, const struct beside_runner *runner, struct error *error);
// Pins the trunk as it is, to be followed to. False: out of memory.
bool beside_pin(struct beside *beside);
// STATUS_LONG: more than `limit` rows have changed; nothing was done.
int beside_follow(struct beside *beside, const struct beside_runner *runner, uint64_t limit, struct error *error);

// Begins again at the trunk as it is now: the statement is to be run once more. False: out of memory.
bool beside_renew(struct beside *beside);
// Of any other statement: which table it changes, directly. adds: rows; where they have no key they get numbers that nobody else
// draws. False: out of memory.
bool beside_open_table(struct beside *beside, const struct relation *relation, bool adds);

// Have definitions changed since it began? Then it cannot go on.
bool beside_is_lost(const struct beside *beside);
uint64_t beside_rows(const struct beside *beside);     // that the statement found in all
uint64_t beside_followed(const struct beside *beside); // that had changed when it followed the last time
bool beside_is_large(const struct beside *beside);
bool beside_has_tree(const struct beside *beside, tree_number tree); // one that it changes, or of the relation
// Where it has followed to the trunk as it is. Few changes: made on the writer, whose atom is the caller's.
int beside_apply(const struct beside *beside, struct writer *writer);
// Many: the next atom of the trunk, and its position. 53200: nothing has happened.
int beside_attach(struct beside *beside, uint64_t *position, struct error *error);
// is_ahead: the side becomes the caller's, and what the log gets of its rows.
struct store *beside_take(struct beside *beside, struct buffer *rows);
