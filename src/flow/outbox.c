// The outboxes of sinks: rows under hidden row numbers, put there inside the atom that makes them and taken away inside
// the one that notes the connector's new position. So a row is in the outbox or behind the position, and never both.
#include <stdlib.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "flow/internal.h"

enum { BATCH_ROWS = 2048, BATCH_BYTES = 1024 * 1024 };

static void append_row(const struct relation *sink, const struct value *values, struct buffer *out)
{
  buffer_append_be16(out, (uint16_t)sink->schema.column_count);
  for (int i = 0; i < sink->schema.column_count; i++) {
    size_t head = out->size;
    buffer_append_be32(out, UINT32_MAX);
    if (values[i].is_null)
      continue;
    value_to_text(sink->schema.columns[i].type.id, &values[i], &format_settings_default, out);
    if (!out->failed)
      put_be32(out->data + head, (uint32_t)(out->size - head - 4));
  }
}

int flow_outbox_read(const struct version *version, const struct relation *sink, struct arena *scratch,
                     struct outbox_batch *batch, struct error *error)
{
  buffer_clear(&batch->rows);
  buffer_clear(&batch->keys);
  batch->row_count = 0;
  struct arena_mark memory = arena_mark(scratch);
  struct value *values = ARENA_ARRAY(scratch, struct value, sink->schema.column_count + 1);
  if (!values)
    return error_memory(error);
  int status = 0;
  struct cursor cursor;
  cursor_init(&cursor, version, sink->tree, NULL);
  bool is_there = cursor_seek(&cursor, bytes_of(NULL, 0));
  for (; is_there && batch->row_count < BATCH_ROWS && batch->rows.size < BATCH_BYTES; is_there = cursor_next(&cursor)) {
    status = relation_row(sink, cursor.row, values, error);
    if (status)
      break;
    append_row(sink, values, &batch->rows);
    buffer_append_bytes(&batch->keys, cursor.key);
    batch->row_count++;
  }
  cursor_deinit(&cursor);
  arena_release(scratch, memory);
  return status || (!batch->rows.failed && !batch->keys.failed) ? status : error_memory(error);
}

int flow_outbox_delivered(struct writer *writer, const struct relation *sink, struct bytes keys, uint64_t bytes,
                          struct bytes position, struct error *error)
{
  writer->error = error;
  int status = 0;
  uint64_t rows = 0;
  for (size_t at = 0; at + 8 <= keys.size && !status; at += 8) {
    struct bytes key = bytes_of(keys.data + at, 8), row;
    if (!tree_get(writer->version, sink->tree, key, &row, NULL))
      continue;
    status = table_delete(writer, sink, key, row);
    rows++;
  }
  if (status)
    return status;
  struct progress progress;
  progress_read(writer->version, sink->oid, &progress);
  progress.counts[SINK_ROWS] += rows;
  progress.counts[SINK_BYTES] += bytes;
  progress.position = position;
  return progress_write(writer, sink->oid, &progress);
}

uint64_t flow_outbox_limit(const struct relation *sink)
{
  const char *text = relation_option(sink, "outbox_rows");
  return text ? strtoull(text, NULL, 10) : DEFAULT_OUTBOX_ROWS;
}

bool flow_outbox_is_full(const struct version *version, const struct relation *sink)
{
  return tree_count(version, sink->tree) >= flow_outbox_limit(sink);
}

void flow_sink_progress(const struct version *version, uint32_t sink_oid, struct sink_progress *progress)
{
  struct progress found;
  progress_read(version, sink_oid, &found);
  *progress = (struct sink_progress){
      .rows = found.counts[SINK_ROWS],
      .bytes = found.counts[SINK_BYTES],
      .errors = found.counts[SINK_ERRORS],
      .position = found.position,
  };
}
