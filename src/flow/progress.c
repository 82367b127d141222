// Progress and errors of sources and workflows: rows of two system trees, changed inside the atom that they tell of.
//
//   TREE_POSITIONS      oid (4 bytes, big-endian)       -> format (1), five counts (8 each), position; four of them in format 1
//   TREE_SOURCE_ERRORS  number (8 bytes, big-endian)    -> format (1), source (4), SQLSTATE (5), time (8),
//                                                         sizes of position and text (4 each), position, text, reason
#include "base/limits.h"
#include "flow/internal.h"

enum { PROGRESS_FORMAT = 2, PROGRESS_FIXED = 1 + 8 * PROGRESS_COUNTS, ERROR_FORMAT = 1, ERROR_FIXED = 1 + 4 + 5 + 8 + 4 + 4, ERROR_TEXT = 4096 };

static int system_put(struct writer *writer, tree_number tree, struct bytes key, struct bytes row)
{
  struct change change = {.tree = tree, .key = key, .has_new = row.data != NULL, .new_row = row};
  change.has_old = tree_get(writer->version, tree, key, &change.old_row, NULL);
  if (!change.has_old && !change.has_new)
    return 0;
  if (!change_append(writer->changes, &change))
    return error_memory(writer->error);
  struct tree_put put = {.tree = tree, .mode = PUT_ANY, .key = key, .row = row, .position = writer->position};
  enum put_result result = row.data ? tree_put(writer->version, &put) : tree_delete(writer->version, &put);
  return result == PUT_NO_MEMORY ? error_memory(writer->error) : 0;
}

bool progress_read(const struct version *version, uint32_t oid, struct progress *progress)
{
  uint8_t key[4];
  put_be32(key, oid);
  struct bytes row;
  *progress = (struct progress){0};
  if (!tree_get(version, TREE_POSITIONS, bytes_of(key, 4), &row, NULL) || row.size == 0 || row.data[0] < 1 ||
      row.data[0] > PROGRESS_FORMAT)
    return false;
  int counts = row.data[0] == 1 ? 4 : PROGRESS_COUNTS;
  size_t fixed = 1 + 8 * (size_t)counts;
  if (row.size < fixed)
    return false;
  for (int i = 0; i < counts; i++)
    progress->counts[i] = get_le64(row.data + 1 + 8 * i);
  progress->position = bytes_of(row.data + fixed, row.size - fixed);
  return true;
}

int progress_write(struct writer *writer, uint32_t oid, const struct progress *progress)
{
  uint8_t key[4];
  put_be32(key, oid);
  size_t size = PROGRESS_FIXED + progress->position.size;
  struct arena_mark mark = arena_mark(writer->arena);
  uint8_t *row = arena_alloc(writer->arena, size);
  if (!row)
    return error_memory(writer->error);
  row[0] = PROGRESS_FORMAT;
  for (int i = 0; i < PROGRESS_COUNTS; i++)
    put_le64(row + 1 + 8 * i, progress->counts[i]);
  if (progress->position.size)
    memcpy(row + PROGRESS_FIXED, progress->position.data, progress->position.size);
  int status = system_put(writer, TREE_POSITIONS, bytes_of(key, 4), bytes_of(row, size));
  arena_release(writer->arena, mark);
  return status;
}

void flow_source_progress(const struct version *version, uint32_t source_oid, struct source_progress *progress)
{
  struct progress found;
  progress_read(version, source_oid, &found);
  *progress = (struct source_progress){
      .rows = found.counts[SOURCE_ROWS],
      .bytes = found.counts[SOURCE_BYTES],
      .errors = found.counts[SOURCE_ERRORS],
      .late = found.counts[SOURCE_LATE],
      .position = found.position,
  };
}

void flow_workflow_progress(const struct version *version, uint32_t workflow_oid, struct workflow_progress *progress)
{
  struct progress found;
  progress_read(version, workflow_oid, &found);
  *progress = (struct workflow_progress){
      .atoms = found.counts[WORKFLOW_ATOMS],
      .rows_in = found.counts[WORKFLOW_ROWS_IN],
      .rows_out = found.counts[WORKFLOW_ROWS_OUT],
      .errors = found.counts[WORKFLOW_ERRORS],
  };
}

// --- Errors ---------------------------------------------------------------------------------------------------

// The number after the newest, and the oldest one's.
static void error_numbers(const struct version *version, uint64_t *next, uint64_t *oldest)
{
  struct cursor cursor;
  cursor_init(&cursor, version, TREE_SOURCE_ERRORS, NULL);
  *next = cursor_seek_before(&cursor, bytes_of(NULL, 0)) ? get_be64(cursor.key.data) + 1 : 1;
  *oldest = cursor_seek(&cursor, bytes_of(NULL, 0)) ? get_be64(cursor.key.data) : *next;
  cursor_deinit(&cursor);
}

int source_error_add(struct writer *writer, uint32_t source_oid, struct bytes position, struct bytes text,
                     const struct error *reason, int64_t now)
{
  uint64_t next, oldest;
  error_numbers(writer->version, &next, &oldest);
  uint8_t key[8];
  for (; next - oldest >= LIMIT_SOURCE_ERRORS; oldest++) {
    put_be64(key, oldest);
    int status = system_put(writer, TREE_SOURCE_ERRORS, bytes_of(key, 8), bytes_of(NULL, 0));
    if (status)
      return status;
  }
  if (text.size > ERROR_TEXT)
    text.size = ERROR_TEXT;
  size_t reason_size = strlen(reason->message);
  size_t size = ERROR_FIXED + position.size + text.size + reason_size;
  struct arena_mark mark = arena_mark(writer->arena);
  uint8_t *row = arena_alloc(writer->arena, size);
  if (!row)
    return error_memory(writer->error);
  row[0] = ERROR_FORMAT;
  put_le32(row + 1, source_oid);
  memcpy(row + 5, reason->sqlstate, 5);
  put_le64(row + 10, (uint64_t)now);
  put_le32(row + 18, (uint32_t)position.size);
  put_le32(row + 22, (uint32_t)text.size);
  uint8_t *at = row + ERROR_FIXED;
  if (position.size)
    memcpy(at, position.data, position.size);
  if (text.size)
    memcpy(at + position.size, text.data, text.size);
  memcpy(at + position.size + text.size, reason->message, reason_size);
  put_be64(key, next);
  int status = system_put(writer, TREE_SOURCE_ERRORS, bytes_of(key, 8), bytes_of(row, size));
  arena_release(writer->arena, mark);
  return status;
}

bool flow_error_next(const struct version *version, uint64_t *at, struct source_error *error)
{
  uint8_t key[8];
  put_be64(key, *at);
  struct cursor cursor;
  cursor_init(&cursor, version, TREE_SOURCE_ERRORS, NULL);
  bool is_found = cursor_seek(&cursor, bytes_of(key, 8)) && cursor.row.size >= ERROR_FIXED && cursor.key.size == 8;
  if (is_found) {
    const uint8_t *row = cursor.row.data;
    size_t position = get_le32(row + 18), text = get_le32(row + 22);
    size_t rest = cursor.row.size - ERROR_FIXED;
    is_found = row[0] == ERROR_FORMAT && position <= rest && text <= rest - position;
    if (is_found) {
      *error = (struct source_error){
          .source_oid = get_le32(row + 1),
          .position = bytes_of(row + ERROR_FIXED, position),
          .text = bytes_of(row + ERROR_FIXED + position, text),
          .reason = bytes_of(row + ERROR_FIXED + position + text, rest - position - text),
          .at = (int64_t)get_le64(row + 10),
      };
      memcpy(error->sqlstate, row + 5, 5);
      *at = get_be64(cursor.key.data) + 1;
    }
  }
  cursor_deinit(&cursor);
  return is_found;
}
