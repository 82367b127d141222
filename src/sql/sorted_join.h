// A join whose two sides are read side by side in the order of their keys (Knuth, The Art of Computer Programming, volume 3,
// 5: matching by sorting): a merge join, whose inputs come in that order, and what a hash join becomes when its right
// side is too large for its share of memory.
//
//  clear -- sorted_join_left …, sorted_join_right … --> filling -- sorted_join_begin --> joining -- sorted_join_next … 1, 0
//   ^  ^ \                                                                               ^   |
//   |  |  +--------------------------- sorted_join_merge ------------------------------+   |
//   |  +----------------------------------- sorted_join_clear ----------------------------+
//
// 1. Rows are the keys and then the slots of a side: `slots` of the node those of the right one, `left_slots` those of
//    the left one.
// 2. Right rows of one key are kept together while left rows of that key go past them.
// 3. Each input of a merge has an arena of its own: the row at hand of one side stands while the other one goes on.
#pragma once

#include "sql/sorter.h"
#include "sql/spool.h"

enum { SORTED_JOIN_PARTS = 3 }; // of a node's share: for each side, and for the rows of one key

struct sorted_side {
  struct row_order order;
  struct sorter sorter;
  struct iterator *input; // of a merge; NULL: rows come from the sorter
  const struct expression *keys;
  const struct slot *slots;
  int slot_count;
  struct value *kept;     // the input's row
  struct arena arena;     // for what the input evaluates
  const struct value *row; // at hand; NULL: to be read
  bool is_over;
};

struct sorted_join {
  struct iterator *op;
  struct sorted_side left, right;
  struct spool group; // the right rows of one key
  bool *found;        // FULL: which of them have found a left row
  int found_capacity;
  bool in_group;      // the left row has the group's key
  bool has_found;
  uint64_t at;        // the next row of the group that goes with it
  uint64_t alone;     // FULL: the next that may have found none
};

// A zeroed join. types are those of the sides' rows, borrowed. False: out of memory.
bool sorted_join_init(struct sorted_join *join, struct iterator *op, struct execution *execution,
                      const struct plan_node *node, const enum type_id *left_types, const enum type_id *right_types);
void sorted_join_deinit(struct sorted_join *join);
void sorted_join_clear(struct sorted_join *join);
int sorted_join_left(struct sorted_join *join, const struct value *row);
int sorted_join_right(struct sorted_join *join, const struct value *row);
int sorted_join_begin(struct sorted_join *join);
// Reads the node's two inputs from their beginning.
int sorted_join_merge(struct sorted_join *join);
// 1: the ranges of both sides are set.
int sorted_join_next(struct sorted_join *join);

// Slots of the ranges at hand.
void slots_save(struct execution *execution, const struct slot *slots, int count, struct value *into);
void slots_restore(struct execution *execution, const struct slot *slots, int count, const struct value *from);
void ranges_null(struct execution *execution, const int *ranges, int count);
