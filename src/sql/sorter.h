// Sorting rows, in memory as far as a node's share of it goes and in files beyond: an external merge sort
// (Knuth, The Art of Computer Programming, volume 3, 5.4).
//
//  clear -- sorter_add … --> filling -- sorter_sort --> sorted -- sorter_next … 1, 0 --> at its end
//    ^                                                                                      |
//    +------------------------------------ sorter_clear -----------------------------------+
//
// 1. Stable: equal rows come out in the order in which they went in.
// 2. Rows are sorted by chunks that the processor's cache holds and packed into runs, since rows read in their order
//    from much memory are slower than the sorting; what one chunk holds is not packed. Beyond the share the runs in
//    memory become one in a file.
// 3. With `wanted` first rows alone no more than about twice as many are kept: a row that does not come before the last
//    of them is dropped unseen.
#pragma once

#include "sql/iterator.h"
#include "sql/spill.h"

struct sort_run {
  struct buffer packed; // in memory
  uint64_t begin, end;  // in the file, where they differ
};

struct sort_source { // a run that is merged
  struct sort_item item; // its first row
  bool is_over;
  struct spill_reader reader;
};

struct sort_loser {
  uint64_t prefix; // of the source's row, or behind all
  int source;      // -1: nobody was here
};

struct sorter {
  struct execution *execution;
  const struct row_order *order;
  int column_count;
  int wanted; // 0: all
  size_t parts; // of the node's share, of which one is its own; 0: all of it
  struct memory_account account; // a part of the execution's
  struct memory_account rows;    // of it, the arenas
  struct arena arenas[2];        // of the rows; after a cut the other one
  int turn;
  struct sort_item *items, *scratch;
  int count, capacity, scratch_capacity;
  int at;
  bool has_last;
  struct sort_item last; // of the wanted ones so far
  struct spill_file file;
  struct sort_run *runs; // those in the file first
  int run_count, run_capacity, file_run_count;
  size_t packed;      // bytes of those in memory
  struct arena merge; // of what follows
  struct sort_source *sources;
  struct sort_loser *losers; // a tree of losers (5.4.1): [0] is the source of the next row
  int source_count;
  bool is_given;      // the row of losers[0]'s source
  uint64_t spilled;   // bytes that were written to files since the beginning
};

// A zeroed sorter. order is borrowed; rows have column_count values of order->types.
void sorter_init(struct sorter *sorter, struct execution *execution, const struct row_order *order, int column_count);
// The node keeps something else beside it: one part of so many is the sorter's.
void sorter_divide(struct sorter *sorter, size_t parts);
void sorter_deinit(struct sorter *sorter);
void sorter_clear(struct sorter *sorter);
int sorter_add(struct sorter *sorter, const struct value *row);
int sorter_sort(struct sorter *sorter);
// 1: *row is valid until the next call.
int sorter_next(struct sorter *sorter, struct value **row);
