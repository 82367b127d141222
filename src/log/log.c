// The log's life and its write side.
//
// 1. A segment takes records only after its header is synced and its name durable, and after the segment before it is
//    synced to its end. So only the last segment can have a torn tail.
// 2. Every opening begins a new segment: what a torn tail left behind in the last one can never be read again, for the
//    next header says where that segment ends.
// 3. Records are staged in memory, then written in one call; a full disk leaves them staged, to be written again.
// 4. After a failed sync, or any failure that is STATUS_FATAL, nothing is written any more.
// 5. A spare segment is kept ready, so that a full disk shows while there is still room for what has begun.
#include <inttypes.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/sqlstate.h"
#include "log/segment.h"

enum {
  STAGE_LIMIT = 4 << 20,  // bytes of records that are written in one call
  WRITE_AHEAD = 1 << 20,  // bytes of zeros written behind the end of a fresh segment at a time
  SPARE_LIMIT = 16,       // segments kept to be used again
};

static int log_fail(struct log *log, int status, struct error *error)
{
  if (status != STATUS_FATAL || log->failure.status)
    return status;
  if (error)
    log->failure = *error;
  else
    status = error_set(&log->failure, SQLSTATE_IO_ERROR, "the log could not be written");
  return status;
}

static int log_failed(const struct log *log, struct error *error)
{
  if (!log->failure.status)
    return STATUS_OK;
  if (error)
    *error = log->failure;
  return log->failure.status;
}

// --- Segments ----------------------------------------------------------------------------------------

// Makes a spare if there is none: a file with its space taken.
static int log_prepare_spare(struct log *log, struct error *error)
{
  if (log->spares.count)
    return STATUS_OK;
  struct segment spare = {.serial = log->next_serial, .file_size = log->segment_size};
  char name[DISK_NAME];
  segment_name(SEGMENT_SPARE, spare.serial, name);
  struct disk_file *file;
  int status = disk_open(&log->disk, name, DISK_CREATE, &file, error);
  if (status)
    return status;
  status = disk_preallocate(file, log->segment_size, error);
  disk_close(file);
  if (!status && !segment_list_add(&log->spares, &spare))
    status = error_memory(error);
  if (status) {
    (void)disk_remove(&log->disk, name, NULL); // if it stays, the next start finds it
    return status;
  }
  log->next_serial++;
  return STATUS_OK;
}

// The segment's file is there by its name; its header goes to the disk, then its name.
static int log_write_header(struct log *log, const struct segment *segment, struct disk_file *file,
                            struct error *error)
{
  uint8_t header[SEGMENT_HEADER];
  segment_encode_header(segment, log->log_id, header);
  int status = disk_write(file, 0, header, sizeof header, error);
  if (!status)
    status = disk_sync(file, error);
  return status ? status : disk_sync_directory(&log->disk, error);
}

int log_start_segment(struct log *log, struct error *error)
{
  int status = log_prepare_spare(log, error);
  if (status)
    return status;
  struct segment spare = log->spares.items[0];
  struct segment segment = {
      .serial = log->next_serial,
      .start = log->next,
      .file_size = spare.file_size,
      .segment_size = log->segment_size,
      .is_valid = true,
      .is_reused = spare.is_reused,
  };
  // The place in the list first: once the file is renamed nothing may fail for want of memory.
  if (!segment_list_add(&log->segments, &segment))
    return error_memory(error);
  log->segments.count--;
  char from[DISK_NAME], to[DISK_NAME];
  segment_name(SEGMENT_SPARE, spare.serial, from);
  segment_name(SEGMENT_LOG, segment.serial, to);
  struct disk_file *file;
  if ((status = disk_open(&log->disk, from, DISK_WRITE, &file, error)))
    return status;
  if ((status = disk_rename(&log->disk, from, to, error))) {
    disk_close(file);
    return status;
  }
  segment_list_remove(&log->spares, 0);
  log->next_serial++;
  if ((status = log_write_header(log, &segment, file, error))) {
    disk_close(file);
    if (status != STATUS_FATAL)
      (void)disk_remove(&log->disk, to, NULL); // without a header it is nothing; if it stays, the next start drops it
    return status;
  }
  disk_close(log->file);
  log->file = file;
  log->segments.items[log->segments.count++] = segment;
  log->seed = segment_seed(log->log_id, segment.serial);
  log->offset = log->durable_offset = SEGMENT_HEADER;
  log->written_to = spare.is_written ? spare.file_size : SEGMENT_HEADER;
  return STATUS_OK;
}

int log_drop_segment(struct log *log, const struct segment *segment, struct error *error)
{
  char name[DISK_NAME], spare_name[DISK_NAME];
  segment_name(SEGMENT_LOG, segment->serial, name);
  bool is_kept = segment->is_valid && segment->file_size == log->segment_size && log->spares.count < SPARE_LIMIT;
  if (!is_kept)
    return disk_remove(&log->disk, name, error);
  struct segment spare = {.serial = segment->serial, .file_size = segment->file_size, .is_reused = true,
                          .is_written = true};
  if (!segment_list_add(&log->spares, &spare))
    return error_memory(error);
  segment_name(SEGMENT_SPARE, segment->serial, spare_name);
  int status = disk_rename(&log->disk, name, spare_name, error);
  if (status)
    log->spares.count--;
  return status;
}

// --- Opening -----------------------------------------------------------------------------------------

// What the last process wrote may be in the system's memory only, and if its sync failed, the system takes that for
// clean: a sync alone would write nothing. So what it never knew to be synced is written again, as it was read.
static int log_secure_tail(struct log *log, const struct recovery_end *ending, struct error *error)
{
  const struct segment *tail = &log->segments.items[log->segments.count - 1];
  char name[DISK_NAME];
  segment_name(SEGMENT_LOG, tail->serial, name);
  struct disk_file *file;
  int status = disk_open(&log->disk, name, DISK_WRITE, &file, error);
  if (status)
    return status;
  uint64_t at = ending->synced_offset;
  while (!status && at < ending->tail_offset) {
    uint64_t left = ending->tail_offset - at;
    size_t size = left < LOG_CHUNK ? (size_t)left : LOG_CHUNK, got = 0;
    buffer_clear(&log->staged);
    if (!buffer_extend(&log->staged, size))
      status = error_memory(error);
    if (!status)
      status = disk_read(file, at, log->staged.data, size, &got, error);
    if (!status && got < size)
      status = error_set(error, SQLSTATE_IO_ERROR, "log file \"%s/%s\" has become shorter", log->disk.path, name);
    if (!status)
      status = disk_write(file, at, log->staged.data, size, error);
    at += size;
  }
  if (!status)
    status = disk_sync(file, error);
  buffer_clear(&log->staged);
  disk_close(file);
  return status;
}

// The old tail is done with: its torn end is cut off, or all of it if it never held a record.
static int log_retire_tail(struct log *log, const struct recovery_end *ending, struct error *error)
{
  size_t last = log->segments.count - 2;
  struct segment *tail = &log->segments.items[last];
  if (ending->tail_offset == SEGMENT_HEADER) {
    int status = log_drop_segment(log, tail, error);
    if (!status)
      segment_list_remove(&log->segments, last);
    return status;
  }
  char name[DISK_NAME];
  segment_name(SEGMENT_LOG, tail->serial, name);
  struct disk_file *file;
  int status = disk_open(&log->disk, name, DISK_WRITE, &file, error);
  if (status)
    return status;
  if (!(status = disk_truncate(file, ending->tail_offset, error)))
    tail->file_size = ending->tail_offset;
  disk_close(file);
  return status;
}

static int log_begin_writing(struct log *log, const struct recovery_end *ending, struct error *error)
{
  int status = ending->has_tail ? log_secure_tail(log, ending, error) : STATUS_OK;
  // A killed process may have renamed a segment to a spare in memory only: if its new header met the old name after a
  // crash, that would look like damage.
  if (!status && log->spares.count)
    status = disk_sync_directory(&log->disk, error);
  if (!status)
    status = log_start_segment(log, error);
  if (!status && ending->has_tail)
    status = log_retire_tail(log, ending, error);
  for (size_t i = 0; i < ending->dropped.count && !status; i++)
    status = log_drop_segment(log, &ending->dropped.items[i], error);
  for (size_t i = 0; i < ending->useless.count && !status; i++) {
    char name[DISK_NAME];
    segment_name(SEGMENT_SPARE, ending->useless.items[i].serial, name);
    status = disk_remove(&log->disk, name, error);
  }
  if (!status)
    status = disk_sync_directory(&log->disk, error);
  if (!status)
    (void)log_prepare_spare(log, NULL); // if the disk is full, log_has_room says so in time
  return status;
}

int log_open(const struct disk *disk, const struct log_options *options, struct log **opened, struct error *error)
{
  *opened = NULL;
  uint64_t segment_size = options->segment_size ? options->segment_size : LOG_SEGMENT_SIZE;
  if (segment_size < SEGMENT_MIN || segment_size > SEGMENT_MAX || segment_size % SEGMENT_HEADER)
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE,
                     "a log segment must have between 16 KiB and 1 GiB and be a multiple of 4 KiB");
  struct log *log = calloc(1, sizeof *log);
  if (!log)
    return error_memory(error);
  log->disk = *disk;
  log->segment_size = segment_size;
  // Small segments have small chunks, so that a record always fits.
  log->chunk_size = segment_size / 4 < LOG_CHUNK ? segment_size / 4 : LOG_CHUNK;
  log->without_sync = options->without_sync;
  log->next_serial = 1;
  struct recovery_end ending = {0};
  int status = log_recover(log, options, &ending, error);
  if (!status) {
    log->durable = log->next.position - 1;
    if (!options->is_read_only)
      status = log_begin_writing(log, &ending, error);
  }
  free(ending.dropped.items);
  free(ending.useless.items);
  if (status) {
    log_close(log);
    return status;
  }
  *opened = log;
  return STATUS_OK;
}

void log_close(struct log *log)
{
  if (!log)
    return;
  disk_close(log->file);
  buffer_deinit(&log->staged);
  free(log->segments.items);
  free(log->spares.items);
  free(log);
}

uint64_t log_position(const struct log *log)
{
  return log->next.position - 1;
}

uint64_t log_id(const struct log *log)
{
  return log->log_id;
}

bool log_is_new(const struct log *log)
{
  return log->is_new;
}

uint64_t log_durable(const struct log *log)
{
  return log->durable;
}

// --- Writing -----------------------------------------------------------------------------------------

// Writes what is staged. Into a part of the file that was never written zeros go along, some way ahead: the file
// system must then note the newly used blocks once, not at every sync.
static int log_flush(struct log *log, struct error *error)
{
  size_t size = log->staged.size;
  if (size == 0)
    return STATUS_OK;
  uint64_t end = log->offset + size, ahead = end;
  if (end > log->written_to) {
    ahead = (end / WRITE_AHEAD + 1) * WRITE_AHEAD;
    if (ahead > log->segment_size)
      ahead = log->segment_size;
    uint8_t *zeros = buffer_extend(&log->staged, ahead - end);
    if (zeros)
      memset(zeros, 0, ahead - end);
    else
      ahead = end;
    log->staged.failed = false;
  }
  int status = disk_write(log->file, log->offset, log->staged.data, log->staged.size, error);
  log->staged.size = size;
  if (status)
    return log_fail(log, status, error);
  if (ahead > log->written_to)
    log->written_to = ahead;
  log->offset = end;
  log->statistics.bytes_written += size;
  buffer_clear(&log->staged);
  return STATUS_OK;
}

// Flushes and syncs; what is claimed then is every atom that is whole.
static int log_sync_file(struct log *log, bool leave_out, struct error *error)
{
  int status = log_flush(log, error);
  if (status)
    return status;
  if (!leave_out) {
    log->statistics.syncs++;
    if ((status = disk_sync(log->file, error)))
      return log_fail(log, status, error);
    log->durable_offset = log->offset;
  }
  log->durable = log->next.position - 1;
  return STATUS_OK;
}

static int log_put(struct log *log, enum record_type type, struct bytes payload, struct error *error)
{
  uint64_t size = record_size(payload.size);
  int status = STATUS_OK;
  if (log->offset + log->staged.size + size > log->segment_size) {
    // Also without_sync: recovery takes for granted that a segment with a successor is whole.
    status = log_sync_file(log, false, error);
    if (!status)
      status = log_fail(log, log_start_segment(log, error), error);
  } else if (log->staged.size >= STAGE_LIMIT) {
    status = log_flush(log, error);
  }
  if (status)
    return status;
  struct record record = {
      .place = log->next, .type = type, .durable = (uint32_t)log->durable_offset, .payload = payload};
  record_append(&log->staged, &record, log->seed);
  if (log->staged.failed) {
    log->staged.failed = false;
    return error_memory(error);
  }
  if (type == RECORD_CHUNK)
    log->next.chunk++;
  else
    log->next = (struct place){.position = log->next.position + 1};
  return STATUS_OK;
}

// An atom, or the rest of one of which log->next.chunk chunks were taken before the disk was full.
static int log_put_atom(struct log *log, struct bytes payload, struct error *error)
{
  if (payload.size <= log->chunk_size)
    return log_put(log, RECORD_ATOM, payload, error);
  for (uint64_t at = log->next.chunk * log->chunk_size; at < payload.size; at += log->chunk_size) {
    uint64_t size = payload.size - at < log->chunk_size ? payload.size - at : log->chunk_size;
    int status = log_put(log, RECORD_CHUNK, bytes_of(payload.data + at, size), error);
    if (status)
      return status;
  }
  uint8_t total[8];
  put_le64(total, payload.size);
  return log_put(log, RECORD_LAST, bytes_of(total, sizeof total), error);
}

int log_write(struct log *log, const struct log_group *group, struct error *error)
{
  int status = log_failed(log, error);
  const struct buffer *bytes = &group->bytes;
  for (size_t at = 0; at < bytes->size && !status;) {
    uint64_t position = get_le64(bytes->data + at);
    uint32_t size = get_le32(bytes->data + at + 8);
    CHECK(position <= log->next.position);
    if (position == log->next.position)
      status = log_put_atom(log, bytes_of(bytes->data + at + 12, size), error);
    at += 12 + (size_t)size;
  }
  return status ? status : log_flush(log, error);
}

int log_sync(struct log *log, struct error *error)
{
  int status = log_failed(log, error);
  if (status || (log->durable == log->next.position - 1 && log->staged.size == 0))
    return status;
  return log_sync_file(log, log->without_sync, error);
}

int log_write_group(struct log *log, const struct log_group *group, struct error *error)
{
  int status = log_write(log, group, error);
  return status ? status : log_sync(log, error);
}

bool log_has_room(struct log *log)
{
  if (log->failure.status)
    return false;
  if (log_prepare_spare(log, NULL) == STATUS_OK)
    return true;
  return log->segment_size - log->offset - log->staged.size > log->segment_size / 4;
}

int log_free(struct log *log, uint64_t position, struct error *error)
{
  int status = log_failed(log, error);
  if (status)
    return status;
  CHECK(position <= log->durable);
  struct place from = {.position = position + 1};
  bool is_changed = false;
  while (!status && log->segments.count > 1 && place_compare(log->segments.items[1].start, from) <= 0) {
    status = log_drop_segment(log, &log->segments.items[0], error);
    if (!status) {
      segment_list_remove(&log->segments, 0);
      is_changed = true;
    }
  }
  // Before a spare takes a new name its old one must be gone for good.
  if (is_changed && !status)
    status = disk_sync_directory(&log->disk, error);
  return log_fail(log, status, error);
}

void log_statistics(const struct log *log, struct log_statistics *statistics)
{
  *statistics = log->statistics;
  statistics->segments = (uint32_t)log->segments.count;
  statistics->spare_segments = (uint32_t)log->spares.count;
}
