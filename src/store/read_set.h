// Which keys somebody looked at: ranges of trees. What changed outside of them cannot have made a difference.
//
// 1. Every key whose presence, absence or row was looked at lies in one of the ranges. They may be wider than that.
// 2. A set is bounded: beyond READ_SET_RANGES the ranges of each tree become one.
#pragma once

#include "base/buffer.h"
#include "store/store.h"

enum { READ_SET_RANGES = 64 };

struct read_range {
  tree_number tree;
  bool has_end;                 // otherwise up to the tree's end
  uint32_t from, from_size;     // in bytes; both ends belong to it
  uint32_t to, to_size;
};

struct read_set {
  struct buffer bytes;
  struct read_range ranges[READ_SET_RANGES];
  int count;
  uint64_t visited; // rows, and keys that were looked for
  bool failed;      // out of memory: anything may have been looked at
};

void read_set_clear(struct read_set *set); // an all-zero set is an empty one
void read_set_deinit(struct read_set *set);
void read_set_add(struct read_set *set, tree_number tree, struct bytes from, struct bytes to, bool has_end);
// As bytes, to be kept: appended to out (out->failed). A set that has failed gives none.
void read_set_encode(const struct read_set *set, struct buffer *out);

// Walks encoded ranges: start with at = 0. False behind the last.
struct read_walk {
  struct bytes encoded;
  size_t at;
  tree_number tree;
  struct bytes from, to;
  bool has_end;
};
bool read_walk_next(struct read_walk *walk);
bool read_walk_holds(const struct read_walk *walk, tree_number tree, struct bytes key); // the range at hand
// The first key in the range at hand that the two versions have differently. False: none. *key is borrowed from them.
bool read_walk_differs(const struct read_walk *walk, const struct version *from, const struct version *to, struct bytes *key);
