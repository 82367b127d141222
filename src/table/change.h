// Change lists: what an atom changes, as one run of bytes. The list is everything: undone backwards
// when the atom fails, written to the log, fed to views and sinks.
//
// 1. Entries stand in the order in which they were made; a key may occur several times until change_compact.
// 2. Undoing the entries behind a mark, last first, gives the version that was there at the mark.
// 3. The log gets the new rows of logged trees only; derived trees (indexes) are made again from them.
#pragma once

#include "base/buffer.h"
#include "store/store.h"

enum change_flag {
  CHANGE_DERIVED = 1, // of an index: not in the log
};

struct change {
  tree_number tree;
  uint8_t flags;
  bool has_old, has_new; // a row can be empty bytes: these say whether there is one
  struct bytes key, old_row, new_row;
};

struct change_list {
  struct buffer bytes;
  uint32_t last;  // offset of the last entry, UINT32_MAX: none
  size_t count;
};

void change_list_init(struct change_list *list);
void change_list_deinit(struct change_list *list);
void change_list_clear(struct change_list *list);
// False: out of memory (the caller must then not make the change, or undo it).
bool change_append(struct change_list *list, const struct change *change) __attribute__((warn_unused_result));

// Walk forwards: start with *at = 0 (or a mark); false behind the last.
bool change_next(const struct change_list *list, size_t *at, struct change *change);
// A savepoint: everything appended from here on can be undone.
static inline size_t change_mark(const struct change_list *list) { return list->bytes.size; }
// Undoes, in version, all entries behind the mark and takes them off the list. `position` is what the
// leaves get (the newest committed one).
int change_undo(struct change_list *list, size_t mark, struct version *version, uint64_t position, struct error *error);

// The atom's log payload: format version, entries with one entry a key (first old, last new; keys that
// came back to what they were are left out), new rows of logged trees only. extra: bytes that go along
// (counters); may be empty. Returns the number of entries.
size_t change_encode(const struct change_list *list, struct bytes extra, struct buffer *out);

// Reads a payload: start with at = 0. Returns 1 with an entry, 0 at the end, STATUS_FATAL on malformed bytes.
struct change_reader {
  struct bytes payload;
  size_t at;
  struct bytes extra;
};
int change_reader_open(struct change_reader *reader, struct bytes payload, struct error *error);
int change_read(struct change_reader *reader, struct change *change, struct error *error);
