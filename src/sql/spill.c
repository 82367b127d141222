// A row: its size (4 bytes), a byte for each column that is 1 where it is NULL, then the columns: 8 bytes, or a size
// (4 bytes) and as many bytes.
#include "sql/spill.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

int spill_open(const struct spill_hooks *hooks, struct spill_file *file, struct memory_account *account,
               struct error *error)
{
  *file = (struct spill_file){.block.account = account};
  int status = hooks->open(hooks->context, &file->file, error);
  if (!status)
    file->hooks = hooks;
  return status;
}

void spill_close(struct spill_file *file)
{
  if (file->hooks)
    file->hooks->close(file->hooks->context, file->file);
  buffer_deinit(&file->block);
  *file = (struct spill_file){0};
}

int spill_flush(struct spill_file *file, struct error *error)
{
  if (file->block.failed)
    return error_memory(error);
  int status = 0;
  if (file->block.size)
    status = file->hooks->write(file->hooks->context, file->file, file->size - file->block.size, file->block.data,
                                file->block.size, error);
  buffer_clear(&file->block);
  return status;
}

size_t spill_size(const enum type_id *types, const struct value *row, int count)
{
  size_t size = 4 + (size_t)count;
  for (int i = 0; i < count; i++)
    if (!row[i].is_null)
      size += type_is_bytes(types[i]) ? 4 + (size_t)row[i].size : 8;
  return size;
}

void spill_pack(struct buffer *out, const enum type_id *types, const struct value *row, int count)
{
  size_t size = spill_size(types, row, count);
  uint8_t *begin = buffer_extend(out, size), *next = begin + 4 + count;
  if (!begin)
    return;
  put_le32(begin, (uint32_t)size);
  for (int i = 0; i < count; i++) {
    begin[4 + i] = row[i].is_null;
    if (row[i].is_null)
      continue;
    if (type_is_bytes(types[i])) {
      put_le32(next, row[i].size);
      memcpy(next + 4, row[i].data ? row[i].data : begin, row[i].size);
      next += 4 + row[i].size;
    } else {
      put_le64(next, (uint64_t)row[i].integer);
      next += 8;
    }
  }
}

int spill_write(struct spill_file *file, const enum type_id *types, const struct value *row, int count,
                struct error *error)
{
  size_t begin = file->block.size;
  spill_pack(&file->block, types, row, count);
  if (file->block.failed)
    return error_memory(error);
  file->size += file->block.size - begin;
  return file->block.size >= SPILL_BLOCK ? spill_flush(file, error) : 0;
}

void spill_reader_init(struct spill_reader *reader, const struct spill_file *file, uint64_t begin, uint64_t end,
                       struct memory_account *account)
{
  *reader = (struct spill_reader){.file = file, .offset = begin, .end = end, .account = account};
}

void spill_reader_init_memory(struct spill_reader *reader, struct bytes packed)
{
  *reader = (struct spill_reader){.data = (uint8_t *)packed.data, .filled = packed.size};
}

void spill_reader_deinit(struct spill_reader *reader)
{
  if (reader->account && reader->capacity)
    account_release(reader->account, reader->capacity);
  if (reader->capacity)
    free(reader->data);
  *reader = (struct spill_reader){0};
}

static int grow(struct spill_reader *reader, size_t needed, struct error *error)
{
  size_t capacity = needed > SPILL_BLOCK ? needed : SPILL_BLOCK;
  if (capacity <= reader->capacity)
    return 0;
  if (reader->account && !account_charge(reader->account, capacity - reader->capacity))
    return error_memory(error);
  uint8_t *data = realloc(reader->data, capacity);
  if (!data) {
    if (reader->account)
      account_release(reader->account, capacity - reader->capacity);
    return error_memory(error);
  }
  reader->data = data;
  reader->capacity = capacity;
  return 0;
}

// Sees to it that so many bytes lie at `at`.
static int fill(struct spill_reader *reader, size_t needed, struct error *error)
{
  size_t there = reader->filled - reader->at;
  if (there >= needed)
    return 0;
  int status = grow(reader, needed, error);
  if (status)
    return status;
  if (there)
    memmove(reader->data, reader->data + reader->at, there);
  reader->at = 0;
  size_t size = reader->capacity - there;
  if (size > reader->end - reader->offset)
    size = (size_t)(reader->end - reader->offset);
  const struct spill_file *file = reader->file;
  status = file->hooks->read(file->hooks->context, file->file, reader->offset, reader->data + there, size, error);
  reader->filled = there + size;
  reader->offset += size;
  return status;
}

int spill_read(struct spill_reader *reader, const enum type_id *types, struct value *row, int count,
               struct error *error)
{
  if (reader->at == reader->filled && reader->offset == reader->end)
    return 0;
  int status = fill(reader, 4, error);
  if (!status)
    status = fill(reader, get_le32(reader->data + reader->at), error);
  if (status)
    return status;
  const uint8_t *begin = reader->data + reader->at, *next = begin + 4 + count;
  for (int i = 0; i < count; i++) {
    row[i] = value_null();
    if (begin[4 + i])
      continue;
    if (type_is_bytes(types[i])) {
      uint32_t size = get_le32(next);
      row[i] = value_bytes(next + 4, size);
      next += 4 + size;
    } else {
      row[i] = value_integer((int64_t)get_le64(next));
      next += 8;
    }
  }
  reader->at += get_le32(begin);
  __builtin_prefetch(begin + 256); // of many readers, whose bytes lie far apart
  return 1;
}
