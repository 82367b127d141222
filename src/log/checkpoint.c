// Checkpoints: writing a pinned version into one file, and loading it back.
//
// 1. A file that has its final name was synced before it got it. A .tmp file is nothing.
// 2. Every block's checksum is seeded with log id, position and the block's number, so blocks cannot be exchanged.
// 3. The footer, the last block, has every tree's count, so that a file that was cut short is never taken for whole.
//
//   file:   header, row blocks in order of trees and keys, footer
//   header: magic "QUERNCKP", u32 version, u32 0, u64 log id, u64 position, u64 checksum of what is before
//   block:  u32 kind, u32 tree, u32 rows, u32 raw size, u32 stored size, u32 0, u64 checksum of the header before it
//           and the stored bytes; then the stored bytes: zstd of (u16 key size, u32 row size, key, row) for each row
//   footer: a block whose raw bytes are (u32 tree, u64 rows) for each tree that has rows
#include "log/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/sqlstate.h"

#define CHECKPOINT_VERSION 1

enum { HEADER_SIZE = 40, BLOCK_HEADER = 32, ROW_HEADER = 6 };
enum { BLOCK_RAW = 256 * 1024 };                                        // bytes after which a block is closed
enum { BLOCK_MAX = BLOCK_RAW + LIMIT_ROW + LIMIT_KEY + ROW_HEADER };    // bytes of the largest
enum { FOOTER_ENTRY = 12, FOOTER_MAX = 1 << 26, COMPRESSION_LEVEL = 1 };

enum block_kind { BLOCK_ROWS = 1, BLOCK_FOOTER = 2 };

static const char magic[8] = {'Q', 'U', 'E', 'R', 'N', 'C', 'K', 'P'};

static void checkpoint_name(uint64_t position, bool is_finished, char name[DISK_NAME])
{
  snprintf(name, DISK_NAME, "checkpoint-%016" PRIx64 "%s", position, is_finished ? "" : ".tmp");
}

// False: not a checkpoint's name.
static bool checkpoint_parse_name(const char *name, uint64_t *position, bool *is_finished)
{
  static const char prefix[] = "checkpoint-";
  if (strncmp(name, prefix, sizeof prefix - 1) != 0)
    return false;
  const char *digits = name + sizeof prefix - 1;
  if (strspn(digits, "0123456789abcdef") != 16 || (digits[16] && strcmp(digits + 16, ".tmp") != 0))
    return false;
  *position = strtoull(digits, NULL, 16);
  *is_finished = !digits[16];
  return true;
}

static uint64_t block_seed(uint64_t log_id, uint64_t position, uint64_t number)
{
  uint8_t all[24];
  put_le64(all, log_id);
  put_le64(all + 8, position);
  put_le64(all + 16, number);
  return hash64(all, sizeof all, CHECKPOINT_VERSION);
}

static uint64_t block_checksum(const uint8_t *block, size_t stored_size, uint64_t seed)
{
  return hash64(block + BLOCK_HEADER, stored_size, hash64(block, 24, seed));
}

// --- Writing -----------------------------------------------------------------------------------------

struct checkpoint_writer {
  struct disk disk;
  struct disk_file *file; // NULL once it is synced and closed
  const struct version *snapshot;
  uint64_t log_id;
  tree_number tree, tree_limit;
  bool is_in_tree; // the cursor stands on the next row of tree
  struct cursor cursor;
  uint64_t tree_rows;
  uint32_t block_rows;
  uint64_t block_number;
  uint64_t offset;
  struct buffer raw, stored, footer;
  ZSTD_CCtx *compressor;
  struct checkpoint_statistics statistics;
};

static void writer_free(struct checkpoint_writer *writer)
{
  disk_close(writer->file);
  if (writer->is_in_tree)
    cursor_deinit(&writer->cursor);
  buffer_deinit(&writer->raw);
  buffer_deinit(&writer->stored);
  buffer_deinit(&writer->footer);
  ZSTD_freeCCtx(writer->compressor);
  free(writer);
}

static int write_block(struct checkpoint_writer *writer, enum block_kind kind, const struct buffer *raw,
                       struct error *error)
{
  if (raw->failed)
    return error_memory(error);
  size_t bound = ZSTD_compressBound(raw->size);
  buffer_clear(&writer->stored);
  uint8_t *block = buffer_extend(&writer->stored, BLOCK_HEADER + bound);
  if (!block)
    return error_memory(error);
  size_t size = ZSTD_compressCCtx(writer->compressor, block + BLOCK_HEADER, bound, raw->data, raw->size,
                                  COMPRESSION_LEVEL);
  if (ZSTD_isError(size))
    return error_memory(error); // with room for the bound nothing else can fail
  put_le32(block, kind);
  put_le32(block + 4, writer->tree);
  put_le32(block + 8, writer->block_rows);
  put_le32(block + 12, (uint32_t)raw->size);
  put_le32(block + 16, (uint32_t)size);
  put_le32(block + 20, 0);
  uint64_t seed = block_seed(writer->log_id, writer->statistics.position, writer->block_number);
  put_le64(block + 24, block_checksum(block, size, seed));
  int status = disk_write(writer->file, writer->offset, block, BLOCK_HEADER + size, error);
  if (status)
    return status;
  writer->block_number++;
  writer->offset += BLOCK_HEADER + size;
  return STATUS_OK;
}

static int flush_rows(struct checkpoint_writer *writer, struct error *error)
{
  if (writer->block_rows == 0)
    return STATUS_OK;
  int status = write_block(writer, BLOCK_ROWS, &writer->raw, error);
  buffer_clear(&writer->raw);
  writer->block_rows = 0;
  return status;
}

int checkpoint_begin(const struct disk *disk, const struct version *snapshot, uint64_t position, uint64_t log_id,
                     struct checkpoint_writer **opened, struct error *error)
{
  *opened = NULL;
  struct checkpoint_writer *writer = calloc(1, sizeof *writer);
  if (!writer)
    return error_memory(error);
  writer->disk = *disk;
  writer->snapshot = snapshot;
  writer->log_id = log_id;
  writer->tree_limit = version_tree_limit(snapshot);
  writer->statistics.position = position;
  writer->offset = HEADER_SIZE;
  writer->compressor = ZSTD_createCCtx();
  char name[DISK_NAME];
  checkpoint_name(position, false, name);
  int status = writer->compressor ? disk_open(disk, name, DISK_CREATE, &writer->file, error) : error_memory(error);
  if (status) {
    writer_free(writer);
    return status;
  }
  uint8_t header[HEADER_SIZE];
  memcpy(header, magic, sizeof magic);
  put_le32(header + 8, CHECKPOINT_VERSION);
  put_le32(header + 12, 0);
  put_le64(header + 16, log_id);
  put_le64(header + 24, position);
  put_le64(header + 32, hash64(header, 32, 0));
  status = disk_write(writer->file, 0, header, sizeof header, error);
  if (status) {
    checkpoint_abandon(writer);
    return status;
  }
  *opened = writer;
  return STATUS_OK;
}

// Goes to the next tree's first row, closing the block and the count of the one that is done. 1: there is one.
static int next_tree(struct checkpoint_writer *writer, struct error *error)
{
  int status = flush_rows(writer, error);
  if (status)
    return status;
  if (writer->is_in_tree) {
    cursor_deinit(&writer->cursor);
    writer->is_in_tree = false;
    buffer_append_le32(&writer->footer, writer->tree);
    buffer_append_le64(&writer->footer, writer->tree_rows);
    if (writer->footer.failed)
      return error_memory(error);
    writer->tree++;
  }
  for (; writer->tree < writer->tree_limit; writer->tree++) {
    if (tree_count(writer->snapshot, writer->tree) == 0)
      continue;
    writer->tree_rows = 0;
    cursor_init(&writer->cursor, writer->snapshot, writer->tree, NULL);
    if (cursor_seek(&writer->cursor, (struct bytes){0})) {
      writer->is_in_tree = true;
      return 1;
    }
    cursor_deinit(&writer->cursor);
    // A tree that counts rows has a first one; not to find it is want of memory.
    return error_memory(error);
  }
  return 0;
}

static int add_row(struct checkpoint_writer *writer, struct error *error)
{
  struct bytes key = writer->cursor.key, row = writer->cursor.row;
  uint8_t *at = buffer_extend(&writer->raw, ROW_HEADER + key.size + row.size);
  if (!at)
    return error_memory(error);
  put_le16(at, (uint16_t)key.size);
  put_le32(at + 2, (uint32_t)row.size);
  if (key.size)
    memcpy(at + ROW_HEADER, key.data, key.size);
  if (row.size)
    memcpy(at + ROW_HEADER + key.size, row.data, row.size);
  writer->block_rows++;
  writer->tree_rows++;
  writer->statistics.rows++;
  writer->statistics.raw_bytes += key.size + row.size;
  return writer->raw.size >= BLOCK_RAW ? flush_rows(writer, error) : STATUS_OK;
}

static int write_end(struct checkpoint_writer *writer, struct error *error)
{
  writer->tree = 0;
  int status = write_block(writer, BLOCK_FOOTER, &writer->footer, error);
  if (!status)
    status = disk_sync(writer->file, error);
  if (status)
    return status;
  writer->statistics.file_bytes = writer->offset;
  disk_close(writer->file);
  writer->file = NULL;
  return STATUS_OK;
}

int checkpoint_step(struct checkpoint_writer *writer, int budget, struct error *error)
{
  while (budget-- > 0) {
    if (!writer->is_in_tree) {
      int more = next_tree(writer, error);
      if (more <= 0)
        return more < 0 ? more : write_end(writer, error);
    }
    int status = add_row(writer, error);
    if (status)
      return status;
    if (cursor_next(&writer->cursor))
      continue;
    if (writer->tree_rows != tree_count(writer->snapshot, writer->tree))
      return error_memory(error); // the cursor could not go on
    int more = next_tree(writer, error);
    if (more <= 0)
      return more < 0 ? more : write_end(writer, error);
  }
  return 1;
}

struct remove_older {
  const struct disk *disk;
  uint64_t position;
  struct buffer names; // DISK_NAME bytes each
};

static void find_older(void *context, const char *name)
{
  struct remove_older *remove = context;
  uint64_t position;
  bool is_finished;
  if (!checkpoint_parse_name(name, &position, &is_finished) || (is_finished && position >= remove->position))
    return;
  char text[DISK_NAME] = {0};
  snprintf(text, sizeof text, "%s", name);
  buffer_append(&remove->names, text, sizeof text);
}

// Removes finished checkpoints below the position, and all unfinished ones.
static int remove_older(const struct disk *disk, uint64_t position, struct error *error)
{
  struct remove_older remove = {.disk = disk, .position = position};
  int status = disk_list(disk, find_older, &remove, error);
  if (!status && remove.names.failed)
    status = error_memory(error);
  for (size_t at = 0; at < remove.names.size && !status; at += DISK_NAME)
    status = disk_remove(disk, (const char *)remove.names.data + at, error);
  if (!status && remove.names.size)
    status = disk_sync_directory(disk, error);
  buffer_deinit(&remove.names);
  return status;
}

int checkpoint_finish(struct checkpoint_writer *writer, struct checkpoint_statistics *statistics, struct error *error)
{
  CHECK(!writer->file);
  char from[DISK_NAME], to[DISK_NAME];
  checkpoint_name(writer->statistics.position, false, from);
  checkpoint_name(writer->statistics.position, true, to);
  int status = disk_rename(&writer->disk, from, to, error);
  if (!status)
    status = disk_sync_directory(&writer->disk, error);
  if (!status)
    status = remove_older(&writer->disk, writer->statistics.position, error);
  if (statistics)
    *statistics = writer->statistics;
  writer_free(writer);
  return status;
}

void checkpoint_abandon(struct checkpoint_writer *writer)
{
  if (!writer)
    return;
  char name[DISK_NAME];
  checkpoint_name(writer->statistics.position, false, name);
  // If it stays, the next checkpoint or the next start removes it.
  (void)disk_remove(&writer->disk, name, NULL);
  writer_free(writer);
}

// --- Reading -----------------------------------------------------------------------------------------

struct checkpoint_reader {
  const struct disk *disk;
  struct disk_file *file;
  char name[DISK_NAME];
  uint64_t position, log_id;
  uint64_t size, offset;
  uint64_t block_number;
  struct buffer block; // header and stored bytes
};

struct block {
  uint32_t kind, tree, rows, raw_size, stored_size;
  const uint8_t *stored; // borrowed until the next block
};

static int broken(const struct checkpoint_reader *reader, const char *what, struct error *error)
{
  return error_set(error, SQLSTATE_DATA_CORRUPTED,
                   "checkpoint file \"%.200s/%s\" is corrupted at offset %" PRIu64 ": %s", reader->disk->path,
                   reader->name, reader->offset, what);
}

static void reader_close(struct checkpoint_reader *reader)
{
  disk_close(reader->file);
  reader->file = NULL;
  buffer_deinit(&reader->block);
}

static int read_header(struct checkpoint_reader *reader, struct error *error)
{
  uint8_t header[HEADER_SIZE];
  size_t got;
  int status = disk_read(reader->file, 0, header, sizeof header, &got, error);
  if (status)
    return status;
  if (got < sizeof header || memcmp(header, magic, sizeof magic) != 0 ||
      get_le64(header + 32) != hash64(header, 32, 0))
    return broken(reader, "its header is not that of a checkpoint", error);
  if (get_le32(header + 8) > CHECKPOINT_VERSION)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                     "checkpoint file \"%.200s/%s\" has format version %" PRIu32
                     ", but this program reads only up to %d",
                     reader->disk->path, reader->name, get_le32(header + 8), CHECKPOINT_VERSION);
  reader->log_id = get_le64(header + 16);
  if (get_le64(header + 24) != reader->position)
    return broken(reader, "its position is not that of its name", error);
  reader->offset = HEADER_SIZE;
  return STATUS_OK;
}

// A failed open leaves nothing to close.
static int reader_open(struct checkpoint_reader *reader, const struct disk *disk, uint64_t position,
                       struct error *error)
{
  *reader = (struct checkpoint_reader){.disk = disk, .position = position};
  checkpoint_name(position, true, reader->name);
  int status = disk_open(disk, reader->name, DISK_READ, &reader->file, error);
  if (status)
    return status;
  if (!(status = disk_size(reader->file, &reader->size, error)))
    status = read_header(reader, error);
  if (status)
    reader_close(reader);
  return status;
}

static int next_block(struct checkpoint_reader *reader, struct block *block, struct error *error)
{
  buffer_clear(&reader->block);
  uint8_t *header = buffer_extend(&reader->block, BLOCK_HEADER);
  if (!header)
    return error_memory(error);
  size_t got;
  int status = disk_read(reader->file, reader->offset, header, BLOCK_HEADER, &got, error);
  if (status)
    return status;
  if (got < BLOCK_HEADER)
    return broken(reader, "it ends too early", error);
  *block = (struct block){
      .kind = get_le32(header),
      .tree = get_le32(header + 4),
      .rows = get_le32(header + 8),
      .raw_size = get_le32(header + 12),
      .stored_size = get_le32(header + 16),
  };
  uint32_t raw_limit = block->kind == BLOCK_FOOTER ? FOOTER_MAX : BLOCK_MAX;
  if (block->raw_size > raw_limit || block->stored_size > ZSTD_compressBound(raw_limit) ||
      block->stored_size > reader->size - reader->offset - BLOCK_HEADER)
    return broken(reader, "a block's size cannot be", error);
  if (!buffer_extend(&reader->block, block->stored_size))
    return error_memory(error);
  uint8_t *bytes = reader->block.data;
  block->stored = bytes + BLOCK_HEADER;
  if (block->stored_size)
    status = disk_read(reader->file, reader->offset + BLOCK_HEADER, bytes + BLOCK_HEADER, block->stored_size, &got,
                       error);
  if (status)
    return status;
  uint64_t seed = block_seed(reader->log_id, reader->position, reader->block_number);
  if ((block->stored_size && got < block->stored_size) ||
      get_le64(bytes + 24) != block_checksum(bytes, block->stored_size, seed))
    return broken(reader, "a block's checksum is wrong", error);
  reader->offset += BLOCK_HEADER + block->stored_size;
  reader->block_number++;
  return STATUS_OK;
}

static int verify(const struct disk *disk, uint64_t position, struct checkpoint *checkpoint, struct error *error)
{
  struct checkpoint_reader reader;
  int status = reader_open(&reader, disk, position, error);
  if (status)
    return status;
  struct block block = {0};
  while (!status && block.kind != BLOCK_FOOTER)
    status = next_block(&reader, &block, error);
  if (!status && reader.offset != reader.size)
    status = broken(&reader, "something stands behind its end", error);
  if (!status)
    *checkpoint = (struct checkpoint){
        .is_found = true, .position = position, .log_id = reader.log_id, .file_bytes = reader.size};
  reader_close(&reader);
  return status;
}

static void find_finished(void *context, const char *name)
{
  uint64_t position;
  bool is_finished;
  if (checkpoint_parse_name(name, &position, &is_finished) && is_finished)
    buffer_append(context, &position, sizeof position);
}

static int newest_first(const void *a, const void *b)
{
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x < y) - (x > y);
}

int checkpoint_find(const struct disk *disk, struct checkpoint *checkpoint,
                    void (*report)(void *context, const char *line), void *context, struct error *error)
{
  *checkpoint = (struct checkpoint){0};
  struct buffer positions = {0};
  int status = disk_list(disk, find_finished, &positions, error);
  if (!status && positions.failed)
    status = error_memory(error);
  size_t count = positions.size / sizeof(uint64_t);
  if (!status && count)
    qsort(positions.data, count, sizeof(uint64_t), newest_first);
  for (size_t i = 0; i < count && !status && !checkpoint->is_found; i++) {
    uint64_t position;
    memcpy(&position, positions.data + i * sizeof position, sizeof position);
    struct error found = {0};
    status = verify(disk, position, checkpoint, &found);
    bool is_damage = status && strcmp(found.sqlstate, SQLSTATE_DATA_CORRUPTED) == 0;
    if (is_damage && i + 1 < count) {
      if (report)
        report(context, found.message);
      status = STATUS_OK;
    } else if (status && error) {
      *error = found;
    }
  }
  buffer_deinit(&positions);
  return status;
}

// --- Loading -----------------------------------------------------------------------------------------

struct load {
  struct checkpoint_reader reader;
  struct version *trunk;
  struct tree_loader *loader; // of `tree`; NULL: none is open
  tree_number tree;
  uint64_t tree_rows;
  struct buffer counts; // as the footer has them
  struct buffer raw;
  ZSTD_DCtx *decompressor;
  struct checkpoint_statistics statistics;
};

static int end_tree(struct load *load, struct error *error)
{
  if (!load->loader)
    return STATUS_OK;
  bool is_done = tree_load_end(load->loader);
  load->loader = NULL;
  buffer_append_le32(&load->counts, load->tree);
  buffer_append_le64(&load->counts, load->tree_rows);
  return is_done && !load->counts.failed ? STATUS_OK : error_memory(error);
}

static int begin_tree(struct load *load, tree_number tree, struct error *error)
{
  if (load->loader && load->tree == tree)
    return STATUS_OK;
  if (load->loader && tree < load->tree)
    return broken(&load->reader, "its trees are not in order", error);
  int status = end_tree(load, error);
  if (status)
    return status;
  load->tree = tree;
  load->tree_rows = 0;
  load->loader = tree_load_begin(load->trunk, tree, load->reader.position);
  return load->loader ? STATUS_OK : error_memory(error);
}

static int decompress(struct load *load, const struct block *block, struct error *error)
{
  buffer_clear(&load->raw);
  uint8_t *raw = buffer_extend(&load->raw, (size_t)block->raw_size + 1); // + 1: never NULL for an empty one
  if (!raw)
    return error_memory(error);
  load->raw.size--;
  size_t size = ZSTD_decompressDCtx(load->decompressor, raw, block->raw_size, block->stored, block->stored_size);
  if (ZSTD_isError(size) || size != block->raw_size)
    return broken(&load->reader, "a block cannot be decompressed", error);
  return STATUS_OK;
}

static int load_rows(struct load *load, const struct block *block, struct error *error)
{
  int status = begin_tree(load, block->tree, error);
  const uint8_t *at = load->raw.data, *end = at + load->raw.size;
  for (uint32_t i = 0; i < block->rows && !status; i++) {
    if (end - at < ROW_HEADER)
      return broken(&load->reader, "a row is cut short", error);
    size_t key_size = get_le16(at), row_size = get_le32(at + 2);
    at += ROW_HEADER;
    if (key_size > LIMIT_KEY || row_size > LIMIT_ROW || (size_t)(end - at) < key_size + row_size)
      return broken(&load->reader, "a row is cut short", error);
    if (!tree_load_add(load->loader, bytes_of(at, key_size), bytes_of(at + key_size, row_size)))
      return error_memory(error); // checksums hold, and the rows were in order when they were written
    at += key_size + row_size;
    load->tree_rows++;
    load->statistics.rows++;
    load->statistics.raw_bytes += key_size + row_size;
  }
  if (!status && at != end)
    return broken(&load->reader, "a block holds more than its rows", error);
  return status;
}

static int load_blocks(struct load *load, struct error *error)
{
  for (;;) {
    struct block block;
    int status = next_block(&load->reader, &block, error);
    if (!status)
      status = decompress(load, &block, error);
    if (status)
      return status;
    if (block.kind == BLOCK_FOOTER) {
      if ((status = end_tree(load, error)))
        return status;
      if (!bytes_equal(buffer_bytes(&load->raw), buffer_bytes(&load->counts)))
        return broken(&load->reader, "its rows are not as many as its end says", error);
      return STATUS_OK;
    }
    if (block.kind != BLOCK_ROWS)
      return broken(&load->reader, "a block is of no known kind", error);
    if ((status = load_rows(load, &block, error)))
      return status;
  }
}

int checkpoint_load(const struct disk *disk, const struct checkpoint *checkpoint, struct version *trunk,
                    struct checkpoint_statistics *statistics, struct error *error)
{
  struct load load = {.trunk = trunk};
  int status = reader_open(&load.reader, disk, checkpoint->position, error);
  if (status)
    return status;
  load.decompressor = ZSTD_createDCtx();
  status = load.decompressor ? load_blocks(&load, error) : error_memory(error);
  if (load.loader)
    (void)tree_load_end(load.loader); // of a load that has failed: the trunk is thrown away
  load.statistics.position = checkpoint->position;
  load.statistics.file_bytes = load.reader.size;
  if (statistics)
    *statistics = load.statistics;
  ZSTD_freeDCtx(load.decompressor);
  buffer_deinit(&load.raw);
  buffer_deinit(&load.counts);
  reader_close(&load.reader);
  return status;
}

int checkpoint_clean(const struct disk *disk, const struct checkpoint *checkpoint, struct error *error)
{
  return remove_older(disk, checkpoint->is_found ? checkpoint->position : 0, error);
}
