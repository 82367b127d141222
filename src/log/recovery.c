// Reading the log back.
//
// 1. Nothing on the disk is changed here: a log that is refused stays as it was. What the last file holds may be in the
//    system's memory only: log_open sees to it before anybody is told of it.
// 2. Where a segment ends is said by the next one's header; the last one ends at its first record that does not
//    verify, unless a record behind it shows that this one had been synced: then it is damage, and the start is
//    refused.
// 3. A log whose end lies before the checkpoint's position has lost something, for a checkpoint counts only when the
//    log is durable up to it.
//
//   files -> headers -> where to begin -> records, segment by segment -> apply
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/sqlstate.h"
#include "log/segment.h"

struct recovery {
  struct log *log;
  const struct log_options *options;
  struct recovery_end *ending;
  struct buffer bytes;   // the segment that is being read
  struct buffer atom;    // the chunks of the atom that is being read
  struct place next;     // what the next record must hold
  uint64_t total;        // bytes of the chunks, also of those that are skipped
  int status;            // of building the list of files
};

static void say_file(const struct log *log, const struct segment *segment, char *text, size_t size)
{
  char name[DISK_NAME];
  segment_name(SEGMENT_LOG, segment->serial, name);
  snprintf(text, size, "%.200s/%s", log->disk.path, name);
}

static int damaged(const struct log *log, const struct segment *segment, uint64_t offset, const char *what,
                   struct error *error)
{
  char file[300];
  say_file(log, segment, file, sizeof file);
  int status = error_set(error, SQLSTATE_DATA_CORRUPTED, "log file \"%s\" is corrupted at offset %" PRIu64 ": %s", file,
                         offset, what);
  error_hint(error, "Nothing was changed. Restore the data directory from a backup, or keep a copy of it and ask for "
                    "help before removing anything.");
  return status;
}

// --- Files and headers -------------------------------------------------------------------------------

static void found_file(void *context, const char *name)
{
  struct recovery *recovery = context;
  struct log *log = recovery->log;
  enum segment_kind kind;
  struct segment segment = {0};
  if (!segment_parse_name(name, &kind, &segment.serial))
    return;
  if (segment.serial >= log->next_serial)
    log->next_serial = segment.serial + 1;
  if (!segment_list_add(kind == SEGMENT_LOG ? &log->segments : &log->spares, &segment))
    recovery->status = STATUS_LIMIT;
}

static int by_serial(const void *a, const void *b)
{
  uint64_t x = ((const struct segment *)a)->serial, y = ((const struct segment *)b)->serial;
  return (x > y) - (x < y);
}

// All bytes of a segment (or the first `limit` of them) into recovery->bytes.
static int read_segment(struct recovery *recovery, struct segment *segment, uint64_t limit, struct error *error)
{
  char name[DISK_NAME];
  segment_name(SEGMENT_LOG, segment->serial, name);
  struct disk_file *file;
  int status = disk_open(&recovery->log->disk, name, DISK_READ, &file, error);
  if (status)
    return status;
  status = disk_size(file, &segment->file_size, error);
  uint64_t size = segment->file_size < limit ? segment->file_size : limit;
  buffer_clear(&recovery->bytes);
  if (!status && size && !buffer_extend(&recovery->bytes, size))
    status = error_memory(error);
  size_t got = 0;
  if (!status && size)
    status = disk_read(file, 0, recovery->bytes.data, size, &got, error);
  recovery->bytes.size = got;
  disk_close(file);
  return status;
}

static int read_header(struct recovery *recovery, struct segment *segment, struct error *error)
{
  struct log *log = recovery->log;
  int status = read_segment(recovery, segment, SEGMENT_HEADER, error);
  if (status)
    return status;
  struct header_read read = {0};
  enum header_state state = segment_decode_header(recovery->bytes.data, recovery->bytes.size, segment, &read);
  if (state == HEADER_NEWER) {
    char file[300];
    say_file(log, segment, file, sizeof file);
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                     "log file \"%s\" has format version %" PRIu32 ", but this program reads only up to %d", file,
                     read.version, SEGMENT_VERSION);
  }
  // With another serial it is the header that a file had before it was taken to be used again.
  segment->is_valid = state == HEADER_VALID && read.serial == segment->serial;
  if (!segment->is_valid)
    return STATUS_OK;
  if (log->log_id == 0)
    log->log_id = read.log_id;
  if (read.log_id != log->log_id)
    return damaged(log, segment, 0, "it belongs to another log", error);
  return STATUS_OK;
}

// A segment without a valid header was never begun, or it is damaged: then its records show it, or, when it is not
// known which records would be ours, any byte that is not zero.
static int check_unbegun(struct recovery *recovery, struct segment *segment, struct error *error)
{
  struct log *log = recovery->log;
  int status = read_segment(recovery, segment, SEGMENT_MAX, error);
  if (status)
    return status;
  struct bytes bytes = buffer_bytes(&recovery->bytes);
  if (log->log_id == 0) {
    for (size_t i = 0; i < bytes.size; i++) {
      if (bytes.data[i])
        return damaged(log, segment, 0, "its header is not that of a log segment", error);
    }
    return STATUS_OK;
  }
  struct record record;
  uint64_t seed = segment_seed(log->log_id, segment->serial);
  for (uint64_t at = 0; at < bytes.size; at += 8) {
    if (record_read(bytes, at, seed, &record) != RECORD_NONE)
      return damaged(log, segment, 0, "its header is broken, but it holds records", error);
  }
  return STATUS_OK;
}

// Spares of another size, after the option changed, are of no use; the others wait to be used again. What they hold is
// not known, so they count as never written.
static int read_spares(struct recovery *recovery, struct error *error)
{
  struct log *log = recovery->log;
  size_t kept = 0;
  for (size_t i = 0; i < log->spares.count; i++) {
    struct segment spare = log->spares.items[i];
    char name[DISK_NAME];
    segment_name(SEGMENT_SPARE, spare.serial, name);
    struct disk_file *file;
    int status = disk_open(&log->disk, name, DISK_READ, &file, error);
    if (status)
      return status;
    status = disk_size(file, &spare.file_size, error);
    disk_close(file);
    if (status)
      return status;
    spare.is_reused = true;
    if (spare.file_size == log->segment_size)
      log->spares.items[kept++] = spare;
    else if (!segment_list_add(&recovery->ending->useless, &spare))
      return error_memory(error);
  }
  log->spares.count = kept;
  return STATUS_OK;
}

static int read_directory(struct recovery *recovery, struct error *error)
{
  struct log *log = recovery->log;
  int status = disk_list(&log->disk, found_file, recovery, error);
  if (status)
    return status;
  if (recovery->status)
    return error_memory(error);
  struct segment_list *list = &log->segments;
  if (list->count)
    qsort(list->items, list->count, sizeof *list->items, by_serial);
  if (log->spares.count)
    qsort(log->spares.items, log->spares.count, sizeof *log->spares.items, by_serial);
  log->log_id = recovery->options->log_id;
  for (size_t i = 0; i < list->count && !status; i++)
    status = read_header(recovery, &list->items[i], error);
  for (size_t i = 0; i < list->count && !status;) {
    if (list->items[i].is_valid) {
      i++;
      continue;
    }
    if ((status = check_unbegun(recovery, &list->items[i], error)))
      break;
    if (!segment_list_add(&recovery->ending->dropped, &list->items[i]))
      return error_memory(error);
    segment_list_remove(list, i);
  }
  return status ? status : read_spares(recovery, error);
}

// --- Records -----------------------------------------------------------------------------------------

static int apply_atom(struct recovery *recovery, uint64_t position, struct bytes payload, struct error *error)
{
  const struct log_options *options = recovery->options;
  if (position <= options->after)
    return STATUS_OK;
  recovery->log->statistics.recovered_atoms++;
  return options->apply ? options->apply(options->context, position, payload, error) : STATUS_OK;
}

// Takes a whole record that stands where it should.
static int take_record(struct recovery *recovery, const struct segment *segment, uint64_t offset,
                       const struct record *record, struct error *error)
{
  struct place *next = &recovery->next;
  bool is_wanted = record->place.position > recovery->options->after;
  if (is_wanted)
    recovery->log->statistics.recovered_bytes += record_size(record->payload.size);
  switch (record->type) {
  case RECORD_ATOM:
    if (next->chunk)
      break;
    next->position++;
    return apply_atom(recovery, record->place.position, record->payload, error);
  case RECORD_CHUNK:
    if (next->chunk == 0) {
      recovery->total = 0;
      buffer_clear(&recovery->atom);
    }
    next->chunk++;
    recovery->total += record->payload.size;
    if (is_wanted)
      buffer_append_bytes(&recovery->atom, record->payload);
    return recovery->atom.failed ? error_memory(error) : STATUS_OK;
  case RECORD_LAST:
    if (next->chunk == 0 || record->payload.size != 8)
      break;
    if (is_wanted && get_le64(record->payload.data) != recovery->total)
      break;
    *next = (struct place){.position = next->position + 1};
    return apply_atom(recovery, record->place.position, buffer_bytes(&recovery->atom), error);
  }
  return damaged(recovery->log, segment, offset, "the pieces of a large transaction do not fit together", error);
}

// The record at `offset` of the last segment does not verify. Is it the log's end?
static int check_tail(struct recovery *recovery, const struct segment *segment, uint64_t offset, struct error *error)
{
  struct log *log = recovery->log;
  struct bytes bytes = buffer_bytes(&recovery->bytes);
  uint64_t seed = segment_seed(log->log_id, segment->serial), end = offset;
  struct record record;
  for (uint64_t at = offset; at < bytes.size; at += 8) {
    enum record_state state = record_read(bytes, at, seed, &record);
    if (state == RECORD_NONE)
      continue;
    if (state == RECORD_WHOLE && at > offset && record.durable > offset)
      return damaged(log, segment, offset, "a record is broken, and later ones are whole", error);
    end = at + record_size(record.payload.size);
  }
  for (uint64_t at = bytes.size; !segment->is_reused && at > end; at--) {
    if (bytes.data[at - 1])
      end = at;
  }
  if (recovery->next.position <= recovery->options->after)
    return damaged(log, segment, offset, "the log ends here, before the position of the checkpoint", error);
  recovery->ending->has_tail = true;
  recovery->ending->tail_offset = offset;
  if (end > bytes.size)
    end = bytes.size;
  log->statistics.cut_bytes = end - offset;
  if ((end > offset || recovery->next.chunk) && recovery->options->report) {
    char file[300], line[512];
    say_file(log, segment, file, sizeof file);
    snprintf(line, sizeof line,
             "log file \"%s\": what stands behind offset %" PRIu64 " was not written to its end and is cut (%" PRIu64
             " bytes); the log ends at position %" PRIu64,
             file, offset, end - offset, recovery->next.position - 1);
    recovery->options->report(recovery->options->context, line);
  }
  return STATUS_OK;
}

// Reads a segment's records up to where the next one begins (NULL: this is the last).
static int read_records(struct recovery *recovery, struct segment *segment, const struct segment *following,
                        struct error *error)
{
  struct log *log = recovery->log;
  int status = read_segment(recovery, segment, segment->segment_size, error);
  if (status)
    return status;
  struct bytes bytes = buffer_bytes(&recovery->bytes);
  uint64_t seed = segment_seed(log->log_id, segment->serial), at = SEGMENT_HEADER;
  recovery->ending->synced_offset = at;
  while (!following || place_compare(recovery->next, following->start) != 0) {
    struct record record;
    if (record_read(bytes, at, seed, &record) != RECORD_WHOLE) {
      if (!following)
        return check_tail(recovery, segment, at, error);
      // An atom that was never finished was cut by an earlier recovery, which began the following segment.
      if (following->start.chunk == 0 && following->start.position == recovery->next.position)
        break;
      return damaged(log, segment, at, "a record is broken or missing, and later log files follow", error);
    }
    if (place_compare(record.place, recovery->next) != 0)
      return damaged(log, segment, at, "a record's position does not follow on the one before", error);
    if ((status = take_record(recovery, segment, at, &record, error)))
      return status;
    recovery->ending->synced_offset = record.durable;
    at += record_size(record.payload.size);
  }
  recovery->next = following->start;
  return STATUS_OK;
}

// --- The whole ---------------------------------------------------------------------------------------

static int begin_new(struct recovery *recovery, struct error *error)
{
  struct log *log = recovery->log;
  const struct log_options *options = recovery->options;
  if (options->after && options->log_id) // a backup's checkpoint belongs to no log
    return error_set(error, SQLSTATE_DATA_CORRUPTED,
                     "data directory \"%s\" has a checkpoint at position %" PRIu64 ", but no log", log->disk.path,
                     options->after);
  log->is_new = true;
  log->log_id = options->log_id ? options->log_id : options->new_log_id;
  log->next = (struct place){.position = options->after + 1};
  return STATUS_OK;
}

static int recover(struct recovery *recovery, struct error *error)
{
  struct log *log = recovery->log;
  struct segment_list *list = &log->segments;
  int status = read_directory(recovery, error);
  if (status)
    return status;
  if (list->count == 0)
    return begin_new(recovery, error);
  for (size_t i = 1; i < list->count; i++) {
    struct place start = list->items[i].start, before = list->items[i - 1].start;
    // It may go back to the beginning of an atom: that one was never finished, and cut.
    if (start.position < before.position || (start.position == before.position && start.chunk &&
                                             start.chunk < before.chunk))
      return damaged(log, &list->items[i], 0, "it begins before the log file that it follows", error);
  }
  struct place wanted = {.position = recovery->options->after + 1};
  size_t first = list->count;
  while (first > 0 && place_compare(list->items[first - 1].start, wanted) > 0)
    first--;
  if (first == 0) {
    char file[300];
    say_file(log, &list->items[0], file, sizeof file);
    if (recovery->options->after == 0)
      return error_set(error, SQLSTATE_DATA_CORRUPTED,
                       "log file \"%s\" begins at position %" PRIu64 ", but no checkpoint holds what was before", file,
                       list->items[0].start.position);
    return error_set(error, SQLSTATE_DATA_CORRUPTED,
                     "log file \"%s\" begins at position %" PRIu64 ", but the checkpoint ends at position %" PRIu64, file,
                     list->items[0].start.position, recovery->options->after);
  }
  // Whatever lies below was freed by the checkpoint before the process ended.
  for (first--; first > 0; first--) {
    if (!segment_list_add(&recovery->ending->dropped, &list->items[0]))
      return error_memory(error);
    segment_list_remove(list, 0);
  }
  recovery->next = list->items[0].start;
  for (size_t i = 0; i < list->count && !status; i++)
    status = read_records(recovery, &list->items[i], i + 1 < list->count ? &list->items[i + 1] : NULL, error);
  log->next = (struct place){.position = recovery->next.position};
  return status;
}

int log_recover(struct log *log, const struct log_options *options, struct recovery_end *ending, struct error *error)
{
  struct recovery recovery = {.log = log, .options = options, .ending = ending};
  int status = recover(&recovery, error);
  buffer_deinit(&recovery.bytes);
  buffer_deinit(&recovery.atom);
  return status;
}
