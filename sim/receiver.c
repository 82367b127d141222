// The file grows with what it is given, at once durable: a crash of its own is that it was not asked, or not heard.
#include "sim/receiver.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t read_number(struct bytes bytes)
{
  char text[24] = {0};
  memcpy(text, bytes.data, bytes.size < 23 ? bytes.size : 23);
  return strtoll(text, NULL, 10);
}

static void note_position(struct receiver *receiver)
{
  snprintf(receiver->position, sizeof receiver->position, "%" PRId64, receiver->rows);
  receiver->has_news = true;
}

void receiver_open(struct receiver *receiver, struct model *model, const struct frame *frame)
{
  int64_t position = read_number(frame->position);
  receiver->found = receiver->rows;
  if (receiver->rows < position)
    model_violate(model, "%lld rows are in the sink, %lld are noted", (long long)receiver->rows, (long long)position);
  receiver->rows = position;
  receiver->sink = frame->source;
  receiver->opening = frame->opening;
  note_position(receiver);
}

void receiver_give(struct receiver *receiver, struct model *model, const struct frame *frame)
{
  const uint8_t *at = frame->payload.data;
  if (receiver->has_batch || receiver->has_news)
    model_violate(model, "a sink was given a second batch");
  for (int i = 0; i < frame->row_count; i++) {
    uint32_t size = get_be32(at + 2);
    int64_t row = read_number(bytes_of(at + 6, size));
    if (i == 0)
      receiver->first = row;
    if (row != receiver->first + i)
      model_violate(model, "row %lld of the stream comes to the sink behind row %lld", (long long)row,
                    (long long)(receiver->first + i - 1));
    at += 6 + size;
  }
  receiver->has_batch = true;
  receiver->row_count = frame->row_count;
  receiver->log_position = frame->log_position;
}

void receiver_write(struct receiver *receiver, struct model *model, uint64_t durable)
{
  if (!receiver->has_batch || receiver->log_position > durable)
    return;
  if (receiver->first != receiver->rows)
    model_violate(model, "row %lld of the stream is number %lld in the sink", (long long)receiver->first,
                  (long long)receiver->rows);
  receiver->has_batch = false;
  receiver->rows += receiver->row_count;
  note_position(receiver);
}

void receiver_lost(struct receiver *receiver)
{
  receiver->sink = 0;
  receiver->has_batch = receiver->has_news = false;
}
