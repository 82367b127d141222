// A sink's other end in a simulated world: a file of rows, of which row n of the stream must be the n-th, once.
#pragma once

#include "partition/partition.h"
#include "sim/model.h"

struct receiver {
  uint32_t sink;    // 0: not open
  uint64_t opening;
  int64_t rows;     // in the file
  int64_t found;    // that were in it when it was last opened
  bool has_news;    // that it is open, or has the batch
  bool has_batch;
  int64_t first;    // the batch: the number of its first row
  int row_count;
  uint64_t log_position;
  char position[24];
};

// FRAME_SINK_OPEN: what stands behind the position is cut off.
void receiver_open(struct receiver *receiver, struct model *model, const struct frame *frame);
void receiver_give(struct receiver *receiver, struct model *model, const struct frame *frame);
// Writes what it was given, if the log is durable so far.
void receiver_write(struct receiver *receiver, struct model *model, uint64_t durable);
// The process is gone; the file is not.
void receiver_lost(struct receiver *receiver);
