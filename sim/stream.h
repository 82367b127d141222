// The connector of a source in a simulated world. It reads in batches, which lie in a queue until the world lets them
// arrive: late, in bursts, some after their source was closed or opened anew. One that repeats begins, whenever it is
// opened, some rows before the position that it is given.
//
// 1. What is read names the opening that it was read for, however late it arrives.
#pragma once

#include "partition/partition.h"

enum { STREAM_LATE = 6, STREAM_BATCH = 40, MIRROR_KEYS = 50 };

struct stream_batch {
  struct buffer bytes; // rows, and behind them the position
  size_t rows_size;
  int row_count;
  uint32_t source;
  uint64_t opening;
};

struct stream {
  bool repeats;      // a source with a key, whose rows may come again; otherwise each row counts
  uint32_t source;   // 0: not open
  uint64_t opening;
  int64_t next_row;
  int64_t given;     // the position with which it was opened last
  int64_t newest;    // behind the last row that it ever read
  struct stream_batch late[STREAM_LATE];
  int first, count;  // of the queue
};

void stream_open(struct stream *stream, const struct frame *frame, uint64_t random);
// Reads up to STREAM_BATCH rows, if it is open and there is room.
void stream_poll(struct stream *stream, uint64_t random);
// The oldest batch arrives: as FRAME_ROWS, whose payload and position are to be copied. False: there is none.
bool stream_arrive(struct stream *stream, struct frame *frame);
// The process is gone, and what had not arrived.
void stream_lost(struct stream *stream);
void stream_deinit(struct stream *stream);
