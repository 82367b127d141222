// The one write path: every change of a row of any table goes through here. It checks constraints,
// keeps the indexes, and makes the change list.
//
// 1. A call that fails leaves no change behind (what it had done is undone to where it began).
// 2. Primary tree and indexes always agree.
#pragma once

#include "table/catalog.h"
#include "table/claimer.h"

// What the first run of a script drew from counters, for its next ones to draw again: object ids and tree numbers, which
// clients see and sequences hang on, and numbers of sequences. In the order in which they were drawn, counter by counter.
enum { NUMBER_OBJECT = 1, NUMBER_TREE = 2, NUMBER_SEEN = 3, NUMBER_ANSWER = 4 }; // others: the tree of a sequence
struct numbers {
  void *context;
  bool (*again)(void *context, uint32_t counter, int64_t *number); // false: draw a fresh one
  int (*keep)(void *context, uint32_t counter, int64_t number, struct error *error);
};

// Where changes go: the trunk under an atom, or a branch.
struct writer {
  struct version *version;
  struct change_list *changes;
  struct catalog *catalog;
  uint64_t position;          // what changed leaves get: the atom's; 0 in a branch
  uint64_t committed;         // the newest committed position (for undo)
  struct arena *arena;        // scratch, reset by the owner between statements
  struct evaluation *evaluation; // for checks and defaults: now, settings, hooks; ranges[0] is set here
  struct read_mark *mark;     // what was looked at (constraints included)
  struct error *error;
  const struct name_scope *scope; // in messages, what is not on its path stands with its schema; NULL: nothing does
  const struct claimer *claimer; // claims the keys of unique indexes that are written; NULL: nobody
  const struct numbers *numbers; // NULL: all are fresh, and nobody keeps them
  bool moves_rows;               // of ALTER TABLE: constraints that are NOT VALID do not look at them
  struct ahead *ahead;           // of the trunk: trees of many rows are made ahead; NULL: all are made here and now
};

// Trees of many rows that are made beside the trunk, before their definition is there: of a new index, or of a table whose rows
// all move. The statement that defines them is tried twice: the first time it says what it wants, and is undone; the second time
// it draws the same numbers, and finds the trees ready.
struct ahead {
  uint64_t allowance;        // for tables with more rows. 0: nothing is asked for
  uint32_t relation_oid;     // whose rows they are made of
  const struct relation *to; // as the statement defines it; pinned. NULL: nothing was asked for
  tree_number index;         // which index of it; 0: all of its trees
  struct buffer drawn;       // the numbers
  size_t drawn_at[2];
  struct store *side;        // owned; has the trees. NULL: not ready, or taken
  struct buffer rows;        // for the log
};
void ahead_deinit(struct ahead *ahead);
// What the statement draws from: noted the first time, given again when the side is there.
struct numbers ahead_numbers(struct ahead *ahead);
// Which trees these are; *logged: the one of which the log gets the rows, 0: none. Returns how many.
int ahead_trees(const struct ahead *ahead, tree_number *trees, tree_number *logged);
// Any thread: fills the trees from all rows of the relation that the writer's version shows. Only version, catalog and error
// are used. AHEAD_NOT_UNIQUE: two rows have one key; 57014, 23502.
enum { AHEAD_NOT_UNIQUE = 1 };
int ahead_build(struct writer *writer, const struct relation *relation, const struct ahead *ahead, const bool *is_cancelled);
// The same for what has been put there since, made of a part's rows (NULL: none), where the rows are now those of `version`.
int ahead_check(struct writer *writer, const struct relation *relation, const struct ahead *ahead,
                const struct version *version, const struct version *part);

// Puts the values of generated columns into a row that is to be written, as they follow from the others: before table_insert
// and its kin. Their bytes lie in the arena. What fails is the expression.
int table_generate(struct catalog *catalog, const struct version *version, const struct relation *relation,
                   struct value *values, struct arena *arena,
                   struct error *error);

// What INSERT … ON CONFLICT found in the way.
struct conflict {
  bool found;
  const struct index *index;  // NULL: the primary key
  struct bytes key;           // of the row in the way, in the primary tree; in writer->arena
  struct bytes row;           // the row in the way; borrowed until the next change
};

// values: one a column of the schema, already cast to the column's type. Checks NOT NULL (23502), CHECK (23514), unique
// (23505) with PostgreSQL's messages, details and names.
// on_conflict: NULL: a conflict is an error. Otherwise a conflict with the arbiter (an index number of
// relation->indexes, -1: any) is reported there and nothing is inserted, 0 is returned.
// key_out, if not NULL, gets the primary key, borrowed until the next call.
int table_insert(struct writer *writer, const struct relation *relation, const struct value *values,
                 int arbiter, struct conflict *on_conflict, struct bytes *key_out);
// The row with this primary key becomes `values` (its key may change).
int table_update(struct writer *writer, const struct relation *relation, struct bytes key, struct bytes old_row,
                 const struct value *values);
int table_delete(struct writer *writer, const struct relation *relation, struct bytes key, struct bytes old_row);
// Insert or replace by primary key, for keyed sources: one descent when there are no indexes.
int table_upsert(struct writer *writer, const struct relation *relation, const struct value *values);
// NOT NULL and CHECK alone: for rows that are not kept (sources without a key).
int table_check(struct writer *writer, const struct relation *relation, const struct value *values);
// --- What is checked behind the change of a row (late.c): foreign keys, and unique keys that are deferrable. writer->arena
// and writer->evaluation are needed.
// The end of a statement, which began at `mark` in the change list: foreign keys act (CASCADE, SET NULL, SET DEFAULT), as
// further changes, and all that is not deferred is checked. 23503, 23505. Undoing is the caller's.
int table_check_statement(struct writer *writer, size_t mark);
// The end of a transaction: what was deferred behind the mark.
int table_check_deferred(struct writer *writer, size_t mark);
// SET CONSTRAINTS; count 0: ALL. What becomes immediate is checked at once.
int table_set_constraints(struct writer *writer, const uint32_t *oids, int count, bool deferred);
// 55006 where rows of the table are still to be checked: its definition must wait. command: "ALTER TABLE", …
int table_refuse_pending(struct writer *writer, const struct relation *relation, const char *command);
// Are all rows good for the foreign key? 23503.
int table_validate(struct writer *writer, const struct relation *relation, const struct foreign_key *key);
// Can a column of one type refer to a column of the other?
bool foreign_key_types_fit(enum type_id from, enum type_id to);

// For quern check: every row can be read, keeps its constraints, stands under its key and in every index. XX001, or what the
// constraint says. writer->arena and writer->evaluation are needed; nothing is changed.
int table_verify(struct writer *writer, const struct relation *relation, uint64_t *rows);

// TRUNCATE: the rows and index entries go, each as a change.
int table_truncate(struct writer *writer, const struct relation *relation);
// Fills a new index (already in the definition) from the table's rows. 23505 when it should be unique and is not. STATUS_LONG:
// it is asked for ahead (writer->ahead), and the statement is to be undone.
int table_build_index(struct writer *writer, const struct relation *relation, const struct index *index);
// ALTER TABLE … ADD PRIMARY KEY and the like: moves all rows of `from` into `to`'s fresh trees (an ordered load). STATUS_LONG
// as above.
int table_rewrite(struct writer *writer, const struct relation *from, const struct relation *to);

// The key of a row in the primary tree, and in a secondary index (declared columns, then the primary key).
int table_key(const struct relation *relation, const struct value *values, struct buffer *key, struct error *error);
int table_index_key(const struct relation *relation, const struct index *index, const struct value *values,
                    struct bytes primary_key, struct buffer *key, struct error *error);

// Undoes everything behind the mark, even where the engine's account is at its limit (of which the catalog's is one).
// XX000 when the machine itself has no memory left: then the version is neither before nor after.
int table_undo(struct writer *writer, size_t mark, struct error *error);

// Makes the changes that stand in a list between two marks once more, as they are: for a version in which everything
// that they were made from is the same.
int table_replay(struct writer *writer, const struct change_list *changes, size_t from, size_t to);

// --- Parts (part.c): rows of a table in a version that has no others of it, to run a statement on them alone --------------
// Empties the table there. False: out of memory.
bool table_part_begin(struct version *version, const struct relation *relation);
// Puts a row and its index entries there, unchecked. Only the writer's version, catalog and error are used.
int table_part_add(struct writer *writer, const struct relation *relation, struct bytes key, struct bytes row);
// In these trees of the writer's version, which has the old part's entries: they go, the new part's come. NULL: an empty part.
// logged: the tree among them that is not derived.
int table_part_replace(struct writer *writer, const tree_number *trees, int count, tree_number logged,
                       const struct version *old_part, const struct version *new_part);
// Makes each entry that a list names as it is in another version.
int table_part_copy(struct writer *writer, const struct change_list *touched, const struct version *from);

// Recovery: applies one log payload to the trunk, index entries included. Runs no check, and of expressions
// those of indexes alone.
int table_apply(struct catalog *catalog, struct version *trunk, struct bytes payload, uint64_t position,
                struct error *error);
// Adds `Failing row contains (…).` to the writer's error.
void table_failing_row(struct writer *writer, const struct relation *relation, const struct value *values);
