// Rows in the order in which they came, in memory as far as a node's share of it goes and in a file beyond. Each is had
// again by its number, also while more come.
//
//  clear -- spool_add, spool_row … --> filled -- spool_clear --> clear
//
// 1. The first rows stay in memory, and so do the last ones until they make a block of the file.
// 2. Blocks are read whole; some that were read last are kept.
#pragma once

#include "sql/iterator.h"
#include "sql/spill.h"

enum { SPOOL_PAGES = 8 };

struct spool_rows {
  struct arena arena;
  struct value **rows;
  int count, capacity;
};

struct spool_block {
  uint64_t first; // its first row's number
  uint64_t begin, end; // in the file
  int count;
};

struct spool_page { // a block that was read
  int block;        // -1: none
  uint64_t used;    // when
  struct buffer packed;
  struct value *values;
  size_t size;      // of these, in bytes
};

struct spool {
  struct execution *execution;
  const enum type_id *types;
  int column_count;
  size_t parts;                  // of the node's share, of which one is its own; 0: all of it
  struct memory_account account; // a part of the execution's
  struct spool_rows head, tail;
  uint64_t count;                // rows
  uint64_t tail_first;           // the number of the tail's first row
  size_t tail_size;              // packed, in bytes
  struct spill_file file;
  struct spool_block *blocks;
  int block_count, block_capacity;
  struct spool_page *pages; // NULL: none was read
  int page; // the one that was read last
  uint64_t clock;
};

// A zeroed spool. types are borrowed, one for each of a row's columns.
void spool_init(struct spool *spool, struct execution *execution, const enum type_id *types, int column_count);
// The node keeps something else beside it: one part of so many is the spool's.
void spool_divide(struct spool *spool, size_t parts);
void spool_deinit(struct spool *spool);
void spool_clear(struct spool *spool);
// 0 or a status; the row is copied.
int spool_add(struct spool *spool, const struct value *row);
int spool_read(struct spool *spool, uint64_t number, const struct value **row);

// 0 or a status. *row is valid until the next row is added, and until rows of SPOOL_PAGES other blocks were had.
static inline int spool_row(struct spool *spool, uint64_t number, const struct value **row)
{
  if (number >= (uint64_t)spool->head.count)
    return spool_read(spool, number, row);
  *row = spool->head.rows[number];
  return 0;
}
