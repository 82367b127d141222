// The store: versions of many trees, copy on write.
//
// A *version* is a set of trees (a copy-on-write array of roots, by tree number). The *trunk* is the
// one committed, changing version. A *snapshot* is a pinned version that never changes; a *branch* is
// a private version that starts as a copy and changes by itself. Making either is O(1).
//
// 1. A node is changed in place only by the version that owns it; any other version copies it first.
// 2. A node lives as long as some version can reach it, and is freed soon after.
// 3. Only the thread that owns the store changes versions, opens or closes them, and frees memory.
//    Any thread may read a snapshot, or a branch that nobody changes meanwhile.
// 4. Keys are compared as bytes. Rows are opaque bytes (a secondary index has empty ones).
#pragma once

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/limits.h"

struct store;
struct version;

typedef uint32_t tree_number; // chosen by the caller, small and dense; the root array grows to the largest

enum version_kind { VERSION_TRUNK, VERSION_SNAPSHOT, VERSION_BRANCH, VERSION_SIDE };

// account: what nodes are charged to; borrowed. NULL: out of memory.
struct store *store_open(struct memory_account *account);
// All versions but the trunk must have been closed.
void store_close(struct store *store);
struct version *store_trunk(struct store *store);
// --- Sides: long changes beside the trunk, on any one thread at a time --------------------------------------
//
//        store_open_side                  tree_own, store_attach
//   (none) ----------> shares with the snapshot ----------> (none): its trees are the trunk's
//                         |  store_close
//                         +-------------> (none)
//
// A store of its own, whose version (store_trunk) begins as what the snapshot shows and changes by itself. What it has not
// changed lies in the snapshot's store: the snapshot stays until the side is closed, or owns all that it is still read for.
// account: a child of the one that the snapshot's store is charged to. NULL: out of memory.
struct store *store_open_side(const struct version *snapshot, struct memory_account *account);
// Copies what the side's tree shares with the snapshot. False: out of memory.
bool tree_own(struct version *side, tree_number tree);
// Puts the side's trees `from` in place of the store's `to`, as changed by the atom at `position`, and closes the side. They
// must be its own. What else it changed is gone. False: out of memory, and nothing has happened.
enum { STORE_ATTACH_LIMIT = 80 };
bool store_attach(struct store *store, struct store *side, const tree_number *from, const tree_number *to, int count,
  uint64_t position);

// Bytes of nodes that only older versions still reach.
size_t store_retired_bytes(const struct store *store);
// Frees up to `budget` nodes that nothing reaches any more, and as many as keep pace with those made since the last
// call. True: there are more.
bool store_collect(struct store *store, int budget);
// Memory that was freed stays the store's for a while, to be used again. store_trim gives back what was not used since it
// was called last.
bool store_has_spare(const struct store *store);
void store_trim(struct store *store);

// A snapshot or a branch of the version as it is now (a branch's branch or snapshot too: the branch must
// outlive it; what is made of a snapshot is its parent's, and may outlive the snapshot). NULL: out of memory.
struct version *version_snapshot(struct version *version);
struct version *version_branch(struct version *version);
// Closes a snapshot, or a branch with all that it changed.
void version_close(struct version *version);
// Makes the branch's trees the trunk's. The trunk must not have changed since the branch was made
// (version_is_ahead is false). Leaves that the branch changed get `position`. The branch is closed.
void version_adopt(struct version *trunk, struct version *branch, uint64_t position);
// The same beside others' changes: of these trees alone, which are the ones that the branch has changed. The trunk must not have
// changed them since (tree_is_same). False: out of memory, and nothing has happened.
bool version_adopt_trees(struct version *trunk, struct version *branch, const tree_number *trees, int count,
  uint64_t position);
// Has nobody changed the tree between the two, of which the older one is a snapshot?
bool tree_is_same(const struct version *snapshot, const struct version *later, tree_number tree);
// Has the parent changed since this branch was made?
bool version_is_behind(const struct version *branch);
enum version_kind version_kind(const struct version *version);
struct store *version_store(const struct version *version);
// Bytes that this branch owns (nodes it copied or made), or that this snapshot holds back: what was replaced
// while it was the newest (of the oldest snapshot these are the bytes that it alone holds back).
size_t version_bytes(const struct version *version);
// A number that a change of definitions replaces by a fresh one (version_touch_definitions), inherited by
// snapshots and branches and set by adoption: equal numbers mean equal definitions.
uint64_t version_definitions(const struct version *version);
void version_touch_definitions(struct version *version);
// Sets it back to what was before (when an atom that touched it is undone).
void version_set_definitions(struct version *version, uint64_t definitions);

// What a reader depends on: the newest position among the leaves that it visited. Start with 0.
struct read_set; // read_set.h
struct read_mark {
  uint64_t position;
  struct read_set *set; // gets the keys that were looked at; NULL: nobody wants to know
};

// --- Trees. A tree that was never put into is empty. ---------------------------------------------

// The row, borrowed until the next change of this version. False: no such key. mark may be NULL.
bool tree_get(const struct version *version, tree_number tree, struct bytes key, struct bytes *row,
  struct read_mark *mark);
// Adds or replaces. position is that of the atom that changes (0 in a branch: adoption sets it).
// previous, if not NULL, gets the replaced row, borrowed until the next change (data NULL: there was none).
// One descent does all: `mode` says what happens if the key is (not) there.
enum put_mode {
  PUT_ANY,    // insert or replace
  PUT_INSERT, // only if absent
  PUT_UPDATE, // only if present
};
enum put_result { PUT_DONE_INSERTED, PUT_DONE_REPLACED, PUT_REFUSED, PUT_NO_MEMORY };
struct tree_put {
  tree_number tree;
  enum put_mode mode;
  struct bytes key; // at most LIMIT_KEY
  struct bytes row; // at most LIMIT_ROW; may lie in this version's own nodes
  uint64_t position;
  struct bytes previous; // out: PUT_DONE_REPLACED or a refused PUT_INSERT: the row that was there
  struct read_mark *mark; // may be NULL
};
enum put_result tree_put(struct version *version, struct tree_put *put);
// PUT_DONE_REPLACED: deleted (previous as above); PUT_REFUSED: there was none. mode and row are ignored.
enum put_result tree_delete(struct version *version, struct tree_put *put);
// Drops all rows of the tree, in O(1) for the caller. False: out of memory, nothing changed. `position` is
// that of the atom (0 in a branch), for those who read later that a key is not there.
bool tree_clear_at(struct version *version, tree_number tree, uint64_t position) __attribute__((warn_unused_result));
// The same with the newest position that this version has seen.
bool tree_clear(struct version *version, tree_number tree);
uint64_t tree_count(const struct version *version, tree_number tree);
// About how many rows lie in [from, to); an empty `to` means no end. Two descents.
uint64_t tree_estimate(const struct version *version, tree_number tree, struct bytes from, struct bytes to);
// The row that so many others precede, borrowed until the next change of this version. False: there are not so many.
// Nothing is noted of what was read: for estimates.
bool tree_at(const struct version *version, tree_number tree, uint64_t rank, struct bytes *row);
// Bytes of the tree's nodes (approximate; for pg_relation_size).
size_t tree_bytes(const struct version *version, tree_number tree);
// Largest tree number in use + 1.
tree_number version_tree_limit(const struct version *version);

// Fills an empty tree from rows in ascending key order, with full nodes; much faster than tree_put.
// The tree shows nothing until tree_load_end, and stays empty if that fails. NULL: out of memory.
struct tree_loader;
struct tree_loader *tree_load_begin(struct version *version, tree_number tree, uint64_t position);
// False: out of memory, or the key is not behind the last one.
bool tree_load_add(struct tree_loader *loader, struct bytes key, struct bytes row);
bool tree_load_end(struct tree_loader *loader); // frees the loader

// --- Cursors --------------------------------------------------------------------------------------
// A cursor stands on a row of a version or behind its end. Its key and row are borrowed until it moves or
// the version changes; after a change of the version the cursor finds its place again by itself
// (the next move goes to the neighbour of the key on which it stood, whether that key still exists or not).

enum { CURSOR_DEPTH = 16 };
struct cursor {
  const struct version *version;
  tree_number tree;
  struct bytes key; // of the row on which it stands; data NULL: none
  struct bytes row;
  struct read_mark *mark;
  // The rest is the store's.
  uint64_t change;
  int depth; // of the leaf in the path; -1: the tree is empty
  struct { const void *node; uint32_t index; } path[CURSOR_DEPTH];
  bool is_noted;     // what it has seen since the last seek is still to go to the mark's set
  bool is_backward;
  uint32_t begin_size;
  uint8_t begin[LIMIT_KEY]; // where it began, for the set
  uint32_t place_size;
  uint8_t place[LIMIT_KEY]; // copy of the last key, to find the place again: a cursor needs no memory
};

void cursor_init(struct cursor *cursor, const struct version *version, tree_number tree, struct read_mark *mark);
void cursor_deinit(struct cursor *cursor);
// To the first row with a key >= key (an empty key: the first row). False: none.
bool cursor_seek(struct cursor *cursor, struct bytes key);
// To the last row with a key < key; with an empty key to the last row of all. False: none.
bool cursor_seek_before(struct cursor *cursor, struct bytes key);
bool cursor_next(struct cursor *cursor);
bool cursor_previous(struct cursor *cursor);

// --- Diff -----------------------------------------------------------------------------------------
// Walks two versions of a tree in key order and gives what differs; costs what changed, for nodes
// that both share are skipped. Neither version may change while it is open. NULL: out of memory.
struct diff;
struct diff_entry {
  struct bytes key;
  struct bytes old_row; // data NULL: was not there
  struct bytes new_row; // data NULL: is gone
};
struct diff *diff_open(const struct version *from, const struct version *to, tree_number tree);
// The same from the first key >= key on.
struct diff *diff_open_at(const struct version *from, const struct version *to, tree_number tree, struct bytes key);
bool diff_next(struct diff *diff, struct diff_entry *entry); // borrowed until the next call
void diff_close(struct diff *diff);

// Checks every invariant of the version's trees (order, counts, positions, ownership); for tests and
// `quern check`. False with a text in error.
bool version_verify(const struct version *version, struct error *error);
