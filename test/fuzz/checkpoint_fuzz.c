// A checkpoint of any bytes: it is loaded, or refused with an error; what was loaded can be looked at from end to end.
//
// The first byte says how the rest is read. 0: as the file. 1: as blocks, each kind (1), tree (4), rows (4), size (4) and its
// raw bytes, which are put into a file with the right sizes and checksums.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "log/checkpoint.h"
#include "partition/partition.h"
#include "../../sim/disk_sim.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LOG_ID = 77, POSITION = 5, VERSION = 1, HEADER = 40, BLOCK = 32, FRAME = 13 };

static void append_block(struct buffer *file, const uint8_t *frame, struct bytes raw, uint64_t number)
{
  uint8_t seed[24], *block = buffer_extend(file, BLOCK + ZSTD_compressBound(raw.size));
  if (!block)
    abort();
  size_t stored = ZSTD_compress(block + BLOCK, ZSTD_compressBound(raw.size), raw.data, raw.size, 1);
  put_le32(block, frame[0]);
  memcpy(block + 4, frame + 1, 8);
  put_le32(block + 12, (uint32_t)raw.size);
  put_le32(block + 16, (uint32_t)stored);
  put_le32(block + 20, 0);
  put_le64(seed, LOG_ID);
  put_le64(seed + 8, POSITION);
  put_le64(seed + 16, number);
  put_le64(block + 24, hash64(block + BLOCK, stored, hash64(block, 24, hash64(seed, sizeof seed, VERSION))));
  file->size = (size_t)(block - file->data) + BLOCK + stored;
}

static void build_file(struct bytes blocks, struct buffer *file)
{
  uint8_t *header = buffer_extend(file, HEADER);
  memcpy(header, "QUERNCKP", 8);
  put_le32(header + 8, VERSION);
  put_le32(header + 12, 0);
  put_le64(header + 16, LOG_ID);
  put_le64(header + 24, POSITION);
  put_le64(header + 32, hash64(header, 32, 0));
  uint64_t number = 0;
  for (size_t at = 0; at + FRAME <= blocks.size;) {
    const uint8_t *frame = blocks.data + at;
    uint32_t length = get_le32(frame + 9);
    at += FRAME;
    if (length > blocks.size - at)
      length = (uint32_t)(blocks.size - at);
    append_block(file, frame, bytes_of(blocks.data + at, length), number++);
    at += length;
  }
}

static void found(void *context, const char *table, uint64_t rows, const struct error *fault)
{
}

static void load(struct disk_sim *sim)
{
  struct error error;
  struct checkpoint checkpoint = {0};
  struct partition *partition = partition_open(&(struct partition_options){.memory_limit = 256 << 20, .seed = 1}, &error);
  if (!partition)
    abort();
  error_clear(&error);
  int status = checkpoint_find(disk_sim_disk(sim), &checkpoint, NULL, NULL, &error);
  if (!status && checkpoint.is_found)
    status = checkpoint_load(disk_sim_disk(sim), &checkpoint, partition_trunk(partition), NULL, &error);
  if (status && (error.status != (enum status)status || !error.message[0]))
    abort(); // an error says what it is
  if (!status && checkpoint.is_found && !partition_recovered(partition, checkpoint.position, &error))
    (void)partition_verify(partition, found, NULL, &error);
  partition_close(partition);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct buffer file = {0};
  struct disk_sim *sim = disk_sim_open(1);
  if (!size || !sim)
    return disk_sim_close(sim), 0;
  if (data[0] & 1)
    build_file(bytes_of(data + 1, size - 1), &file);
  else
    buffer_append(&file, data + 1, size - 1);
  enum { POSITION_AT = 24 }; // in the header
  char name[DISK_NAME];
  uint64_t position = file.size >= POSITION_AT + 8 ? get_le64(file.data + POSITION_AT) : POSITION;
  snprintf(name, sizeof name, "checkpoint-%016llx", (unsigned long long)position);
  if (file.failed || !disk_sim_put(sim, name, file.data, file.size))
    abort();
  load(sim);
  buffer_deinit(&file);
  disk_sim_close(sim);
  return 0;
}
