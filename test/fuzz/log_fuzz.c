// A log of any bytes: it is recovered, or refused with an error; what was recovered can be looked at from end to end.
//
// The first byte says how the rest is read. 0: as the file of a segment. 1: as atoms, each a size (4 bytes, little-endian)
// and a payload, which are put into a segment with the right checksums.
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "log/segment.h"
#include "partition/partition.h"
#include "../../sim/disk_sim.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LOG_ID = 77, SEGMENT_SIZE = 1 << 20 };

static int apply(void *context, uint64_t position, struct bytes payload, struct error *error)
{
  return partition_apply(context, payload, position, error);
}

static void found(void *context, const char *table, uint64_t rows, const struct error *fault)
{
}

static void build_segment(struct bytes atoms, struct buffer *file)
{
  struct segment segment = {.serial = 1, .start = {1, 0}, .segment_size = SEGMENT_SIZE};
  uint64_t seed = segment_seed(LOG_ID, segment.serial);
  segment_encode_header(&segment, LOG_ID, buffer_extend(file, SEGMENT_HEADER));
  struct record record = {.place = {1, 0}, .type = RECORD_ATOM, .durable = SEGMENT_HEADER};
  for (size_t at = 0; at + 4 <= atoms.size; record.place.position++) {
    uint32_t length = get_le32(atoms.data + at);
    at += 4;
    if (length > atoms.size - at)
      length = (uint32_t)(atoms.size - at);
    record.payload = bytes_of(atoms.data + at, length);
    record_append(file, &record, seed);
    at += length;
  }
}

static void recover(struct disk_sim *sim, bool is_read_only)
{
  struct error error;
  struct log *log;
  struct partition *partition = partition_open(&(struct partition_options){.memory_limit = 256 << 20, .seed = 1}, &error);
  if (!partition)
    abort();
  struct log_options options = {.segment_size = SEGMENT_SIZE, .new_log_id = LOG_ID, .is_read_only = is_read_only,
                                .apply = apply, .context = partition};
  error_clear(&error);
  int status = log_open(disk_sim_disk(sim), &options, &log, &error);
  if (status && (error.status != (enum status)status || !error.message[0]))
    abort(); // an error says what it is
  if (!status && !partition_recovered(partition, log_position(log), &error))
    (void)partition_verify(partition, found, NULL, &error);
  if (!status)
    log_close(log);
  partition_close(partition);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  char name[DISK_NAME];
  struct buffer file = {0};
  struct disk_sim *sim = disk_sim_open(1);
  if (!size || !sim)
    return disk_sim_close(sim), 0;
  if (data[0] & 1)
    build_segment(bytes_of(data + 1, size - 1), &file);
  else
    buffer_append(&file, data + 1, size - 1);
  enum { SERIAL_AT = 24 }; // in the header
  segment_name(SEGMENT_LOG, file.size >= SERIAL_AT + 8 ? get_le64(file.data + SERIAL_AT) : 1, name);
  if (file.failed || !disk_sim_put(sim, name, file.data, file.size))
    abort();
  recover(sim, true);
  recover(sim, false);
  buffer_deinit(&file);
  disk_sim_close(sim);
  return 0;
}
