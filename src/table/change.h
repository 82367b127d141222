// Change lists: what an atom changes, as one run of bytes. The list is everything: undone backwards
// when the atom fails, written to the log, fed to views and sinks.
//
// 1. Entries stand in the order in which they were made; a key may occur several times (change_encode gives one a key).
// 2. Undoing the entries behind a mark, last first, gives the version that was there at the mark.
// 3. The log gets the new rows of logged trees only; derived trees (indexes) are made again from them.
#pragma once

#include "base/buffer.h"
#include "store/store.h"

// Beyond it a tree's number in a file is taken for damage (the array of roots grows to the largest one).
enum { TREE_NUMBER_LIMIT = 1 << 24 };

enum change_flag {
  CHANGE_DERIVED = 1, // of an index: not in the log
  // Of a whole tree, without key and rows, so that a large table costs one entry:
  CHANGE_FILLED = 2,  // the tree was empty and was loaded: undone by clearing it; the log gets its rows as they are at the end
  CHANGE_DROPPED = 4, // nobody reads the tree any more: it is cleared when the atom commits (change_finish)
  // Of rows with constraints that are checked at the end of a statement, or of the transaction (table/late.c):
  CHANGE_CHECKED = 8, // such a row
  CHANGE_MOVED = 16,  // it went because its key changed: the entry before has it in its new place
  CHANGE_READY = 64,  // of a tree that was filled: what the log gets of it is in the list's `ready`. One tree of a list
  CHANGE_SIGNAL = 128, // LISTEN, NOTIFY: no row, not in the log; new_row is told to the partition when the atom has committed
  CHANGE_MODES = 32,  // SET CONSTRAINTS: no row, not in the log; new_row says what is deferred from here on
};

// Of no tree: neither undone nor logged, and made again by running the statement only.
enum { CHANGE_WORD = CHANGE_MODES | CHANGE_SIGNAL };

struct change {
  tree_number tree;
  uint8_t flags;
  bool has_old, has_new; // a row can be empty bytes: these say whether there is one
  struct bytes key, old_row, new_row;
};

struct change_list {
  struct buffer bytes;
  uint32_t last;  // offset of the last entry, UINT32_MAX: none
  uint32_t modes; // of the last CHANGE_MODES, UINT32_MAX: none
  size_t count;   // of entries that change something
  size_t whole;   // entries among them that are of a whole tree
  size_t signals; // bytes of the entries with CHANGE_SIGNAL
  size_t checked; // entries with CHANGE_CHECKED
  size_t replacing; // entries of logged trees with an old row; 0: no key occurs twice
  struct buffer ready; // encoded rows (change_encode_tree, change_encode_touched) of the tree with CHANGE_READY
};

void change_list_init(struct change_list *list);
void change_list_deinit(struct change_list *list);
void change_list_clear(struct change_list *list);
// False: out of memory (the caller must then not make the change, or undo it).
bool change_append(struct change_list *list, const struct change *change) __attribute__((warn_unused_result));
// Makes room, so that appending a change with at most so many bytes of key and rows cannot fail.
bool change_reserve(struct change_list *list, size_t bytes) __attribute__((warn_unused_result));

// Walk forwards: start with *at = 0 (or a mark); false behind the last.
bool change_next(const struct change_list *list, size_t *at, struct change *change);
// Appends a signal, unless the last entry behind the mark is the same.
bool change_signal(struct change_list *list, size_t mark, struct bytes signal) __attribute__((warn_unused_result));
// Appends what SET CONSTRAINTS says; and what the last one said, borrowed until the next entry (empty: there is none).
bool change_set_modes(struct change_list *list, struct bytes modes) __attribute__((warn_unused_result));
struct bytes change_modes(const struct change_list *list);
// A savepoint: everything appended from here on can be undone.
static inline size_t change_mark(const struct change_list *list) { return list->bytes.size; }
// Undoes, in version, all entries behind the mark and takes them off the list. `position` is what the
// leaves get (the newest committed one).
int change_undo(struct change_list *list, size_t mark, struct version *version, uint64_t position, struct error *error);

// The atom's log payload: format version, entries with one entry a key (first old, last new; keys that
// came back to what they were are left out), new rows of logged trees only. extra: bytes that go along
// (counters); may be empty. version: the one that the list is of. Returns the number of entries; out->failed
// says that memory ran out.
size_t change_encode(const struct change_list *list, const struct version *version, struct bytes extra,
                     struct buffer *out);
// Appends to a payload what became of each key of logged trees that the list names, as it is in the version. A key's last
// entry in a payload counts.
void change_encode_touched(const struct change_list *list, const struct version *version, struct buffer *out);
// Appends all rows of a tree.
void change_encode_tree(const struct version *version, tree_number tree, struct buffer *out);
// What is left to do when the atom is sure to commit: clears the trees that were dropped.
void change_finish(const struct change_list *list, struct version *version);

// Reads a payload: start with at = 0. Returns 1 with an entry, 0 at the end, STATUS_FATAL on malformed bytes.
struct change_reader {
  struct bytes payload;
  size_t at;
  struct bytes extra;
};
int change_reader_open(struct change_reader *reader, struct bytes payload, struct error *error);
int change_read(struct change_reader *reader, struct change *change, struct error *error);
