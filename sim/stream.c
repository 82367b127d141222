// Row n of the stream that counts is for a list, and has the element that tells n. Row n of the one that repeats is what
// its key has from then on.
#include "sim/stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/lister.h"

enum { REPEATED = 30 }; // rows at most

void stream_open(struct stream *stream, const struct frame *frame, uint64_t random)
{
  char text[32] = {0};
  memcpy(text, frame->position.data, frame->position.size < 31 ? frame->position.size : 31);
  stream->source = frame->source;
  stream->opening = frame->opening;
  stream->next_row = stream->given = strtoll(text, NULL, 10);
  if (stream->repeats)
    stream->next_row -= (int64_t)(random % REPEATED);
  if (stream->next_row < 0)
    stream->next_row = 0;
}

static void add_row(struct stream *stream, struct buffer *rows, int64_t row)
{
  buffer_append_be16(rows, 2);
  buffer_append_be32(rows, 4);
  buffer_append_be32(rows, (uint32_t)(stream->repeats ? row % MIRROR_KEYS : stream_list(row)));
  buffer_append_be32(rows, 4);
  buffer_append_be32(rows, (uint32_t)(stream->repeats ? row : STREAM_ELEMENT + row));
}

void stream_poll(struct stream *stream, uint64_t random)
{
  if (!stream->source || stream->count == STREAM_LATE)
    return;
  struct stream_batch *batch = &stream->late[(stream->first + stream->count++) % STREAM_LATE];
  batch->row_count = 1 + (int)(random % STREAM_BATCH);
  batch->source = stream->source;
  batch->opening = stream->opening;
  buffer_clear(&batch->bytes);
  for (int i = 0; i < batch->row_count; i++)
    add_row(stream, &batch->bytes, stream->next_row++);
  batch->rows_size = batch->bytes.size;
  char position[32];
  snprintf(position, sizeof position, "%" PRId64, stream->next_row);
  buffer_append_string(&batch->bytes, position);
  if (stream->next_row > stream->newest)
    stream->newest = stream->next_row;
}

bool stream_arrive(struct stream *stream, struct frame *frame)
{
  if (!stream->count)
    return false;
  const struct stream_batch *batch = &stream->late[stream->first];
  stream->first = (stream->first + 1) % STREAM_LATE;
  stream->count--;
  *frame = (struct frame){
    .kind = FRAME_ROWS,
    .source = batch->source,
    .opening = batch->opening,
    .row_count = batch->row_count,
    .is_binary = true,
    .payload = bytes_of(batch->bytes.data, batch->rows_size),
    .position = bytes_of(batch->bytes.data + batch->rows_size, batch->bytes.size - batch->rows_size),
  };
  return true;
}

void stream_lost(struct stream *stream)
{
  stream->source = 0;
  stream->first = stream->count = 0;
}

void stream_deinit(struct stream *stream)
{
  for (int i = 0; i < STREAM_LATE; i++)
    buffer_deinit(&stream->late[i].bytes);
}
