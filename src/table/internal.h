// What the files of table/ share among themselves: the catalog's inside, scratch memory, and the two
// functions through which every change goes.
#pragma once

#include "base/flag.h"
#include "base/map.h"
#include "table/catalog.h"
#include "table/write.h"

// Reused from call to call, so that a change of one row allocates nothing.
struct table_scratch {
  struct buffer key, new_key, old_key; // primary keys
  struct buffer row, old_row;          // the new row; a copy of the one that it replaces
  struct buffer index_key, other_key;  // of a secondary index
  struct buffer conflict_key;          // primary key of a row in the way
  struct buffer reference_key;         // that a foreign key looks for
  struct buffer text;                  // of error details
  struct value *values, *old_values;   // value_count each
  int value_count;
  struct arena arena;                  // what expressions of indexes gave for the row, or the two, at hand
};

// The live counter of a sequence (sequence.c).
struct counter {
  int64_t value;  // the last one given, or the first to be given
  int64_t logged; // no value beyond it may be given before the log has a new one
  bool is_called; // value was given
  bool is_known;
  bool has_logged, is_upwards; // logged counts, in this direction
  bool is_listed;              // in catalog->drawn
  bool is_ahead;               // the log is to get a range, not just the value
};

// What is known of a tree, by its number.
struct tree_info {
  uint32_t oid;                    // of the relation whose rows it holds; 0: not known
  uint64_t known_at;               // definitions number + 1 at which `relation` was looked up; 0: never
  const struct relation *relation; // borrowed from the cache
  uint64_t row_number;             // the last hidden row number given; 0: not yet known
  struct counter counter;          // of a sequence
};

struct catalog {
  struct memory_account *account;
  struct catalog_hooks hooks;
  struct map cache;        // oid and stamp -> struct relation *, one reference each
  struct map schema_names; // name -> itself, with a zero behind it
  uint32_t next_oid;
  tree_number next_tree;
  uint64_t next_stamp;
  struct tree_info *trees; // by number
  size_t tree_capacity;
  uint64_t scanned;        // the definitions number at which all definitions had been loaded
  struct table_scratch scratch;
  struct buffer drawn;       // trees of sequences of the trunk of which the log must hear
  uint64_t drawn_position;   // of the newest atom that told it
};

// Decodes or finds in the cache; *relation is NULL if there is no such definition. Does not compile.
int catalog_load(struct catalog *catalog, const struct version *version, uint32_t oid, struct read_mark *mark,
                 const struct relation **relation, struct error *error);
// Compiles the expressions if that has not been done.
int catalog_compile(struct catalog *catalog, const struct version *version, const struct relation *relation,
                    struct error *error);
// NULL: out of memory.
struct tree_info *catalog_tree_info(struct catalog *catalog, tree_number tree);
bool scratch_values(struct table_scratch *scratch, int count);

// Puts a row and appends the change. REFUSED (the mode did not allow it) is no error; *previous, if not NULL, is the
// row in the way, borrowed until the next change. key and row may not lie in the version's own nodes.
enum { WRITE_REFUSED = 1 };
int write_put(struct writer *writer, tree_number tree, uint8_t flags, enum put_mode mode, struct bytes key,
              struct bytes row, struct bytes *previous);
int write_delete(struct writer *writer, tree_number tree, uint8_t flags, struct bytes key);
// Appends an entry of a whole tree (CHANGE_FILLED, CHANGE_DROPPED).
int write_whole(struct writer *writer, tree_number tree, uint8_t flags);
// Takes back what was done behind the mark; returns `status`, or what went wrong on the way.
int write_undo(struct writer *writer, size_t mark, int status);

// define.c: a fresh object id, or the one of the first run where this is another.
int catalog_draw_oid(struct writer *writer, uint32_t *oid);

// ahead.c: for who fills trees (NULL: none are made ahead). Are these ready? They become the writer's. Is it asked for
// those that are made of the rows in `tree`? Says which ones; STATUS_LONG.
bool ahead_is_ready(const struct ahead *ahead, tree_number tree);
int ahead_take(struct writer *writer);
bool ahead_is_wanted(const struct writer *writer, tree_number tree);
int ahead_ask(struct ahead *ahead, const struct relation *to, tree_number index);

// constraint.c
int constraint_check(struct writer *writer, const struct relation *relation, const struct value *values);
int constraint_verify(struct writer *writer, const struct relation *relation, const struct value *values); // those that are valid
enum unique_wording { UNIQUE_EXISTS, UNIQUE_DUPLICATED };
// The 23505 of an index; returns its status.
int constraint_unique_error(struct writer *writer, const struct relation *relation, const struct index *index,
                            const struct value *values, enum unique_wording wording);
int constraint_null_error(struct writer *writer, const struct relation *relation, int column, const struct value *values);
void constraint_names(struct writer *writer, const struct relation *relation, const char *column,
                      const char *constraint);

// The errors of foreign keys: no such key, parts of it NULL (MATCH FULL), somebody refers to it.
struct reference;
int constraint_missing_error(struct writer *writer, const struct reference *reference,
                             const struct value *child_values);
int constraint_mixed_error(struct writer *writer, const struct reference *reference);
int constraint_referenced_error(struct writer *writer, const struct reference *reference,
                                const struct value *parent_values);

// write.c
// A unique index has no two equal keys, but for those with a NULL in them.
bool index_must_be_unique(const struct index *index, const struct value *values);
// How many entries begin with the prefix; counts up to `limit`.
int index_prefix_count(struct writer *writer, const struct index *index, struct bytes prefix, int limit);
// Puts what the index's expressions give for the row into `values`, which has room for them behind the row's own
// (relation_width). *is_in: the row has an entry in it, and values whatever its key needs. The bytes lie in scratch.arena,
// which who begins with another row resets.
int index_compute(struct catalog *catalog, const struct version *version, const struct relation *relation,
                  const struct index *index, struct value *values,
                  bool *is_in, struct error *error);
bool index_note_reads(const struct relation *relation, struct index *index, struct arena *arena); // false: out of memory
// By its bytes: what differs so may still be equal.
bool value_is_same(enum type_id type, const struct value *a, const struct value *b);

// foreign_key.c: a foreign key with both of its tables. Values are a row's; memory is writer->arena's.
struct reference {
  const struct foreign_key *key;
  const struct relation *child, *parent;
  const struct index *index; // of the parent, over the referenced columns
};
int reference_open(struct writer *writer, const struct relation *child, const struct foreign_key *key,
                   struct reference *reference);
bool reference_child_changes(const struct relation *child, const struct foreign_key *key, const struct value *a,
                             const struct value *b);
bool reference_parent_changes(const struct relation *parent, const struct foreign_key *key, const struct value *a,
                              const struct value *b);
// 23503 if the row refers to what is not there.
int reference_check_child(struct writer *writer, const struct reference *reference, const struct value *values);
// 23503 if rows refer to a referenced row that had these values. may_be_replaced: unless another has its key now.
int reference_check_parent(struct writer *writer, const struct reference *reference, const struct value *old_values,
                           bool may_be_replaced);
// CASCADE, SET NULL, SET DEFAULT to the rows that refer to one that had old_values; new_values NULL: it is gone.
int reference_act(struct writer *writer, const struct reference *reference, enum foreign_action action,
                  const struct value *old_values, const struct value *new_values);

// Replaces the tree's rows (it must be empty) by the items, sorted by key. Two equal prefixes of a unique index end it:
// *twin is the item, and WRITE_REFUSED is returned.
struct load_item {
  size_t key, row; // offsets in load_set.bytes
  uint32_t key_size, prefix_size, row_size; // prefix_size 0: not to be unique
};
struct load_set {
  struct buffer bytes;
  struct load_item *items;
  size_t count, capacity;
  bool is_sorted;
  const bool *is_cancelled; // looked at while it is filled: 57014; NULL: nobody cancels
};
bool load_add(struct load_set *set, struct bytes key, size_t prefix_size, struct bytes row);
int load_run(struct load_set *set, struct version *version, tree_number tree, uint64_t position, size_t *twin,
             struct error *error);
void load_deinit(struct load_set *set);
// Adds the rows as they stand in the other definition. 23502.
int load_rewritten(struct load_set *set, struct writer *writer, const struct relation *from, const struct relation *to);
// Adds the index entries of all rows to the set. Runs no check.
int load_index(struct load_set *set, struct catalog *catalog, const struct version *version,
               const struct relation *relation, const struct index *index, struct read_mark *mark, struct error *error);
