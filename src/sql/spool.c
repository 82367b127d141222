// Blocks lie in the file one behind another, in the order of their rows; which is which is found by bisection.
#include "sql/spool.h"

#include <stdlib.h>

enum {
  BLOCK = 32768,    // bytes of packed rows
  KEPT_ROWS = 4096, // longer lists are freed with their rows
};

static struct error *error_of(struct spool *spool)
{
  return spool->execution->evaluation.error;
}

void spool_init(struct spool *spool, struct execution *execution, const enum type_id *types, int column_count)
{
  spool->execution = execution;
  spool->types = types;
  spool->column_count = column_count;
  spool->account.parent = execution->account;
  arena_init_large(&spool->head.arena, &spool->account);
  arena_init(&spool->tail.arena, &spool->account);
}

void spool_divide(struct spool *spool, size_t parts)
{
  spool->parts = parts;
}

static void rows_clear(struct spool *spool, struct spool_rows *rows)
{
  arena_reset(&rows->arena);
  rows->count = 0;
  if (rows->capacity > KEPT_ROWS)
    list_free(&spool->account, &rows->rows, &rows->capacity, sizeof *rows->rows);
}

static void page_clear(struct spool *spool, struct spool_page *page)
{
  buffer_deinit(&page->packed);
  free(page->values);
  account_release(&spool->account, page->size);
  *page = (struct spool_page){.block = -1, .packed.account = &spool->account};
}

static void free_pages(struct spool *spool)
{
  if (!spool->pages)
    return;
  for (int i = 0; i < SPOOL_PAGES; i++)
    page_clear(spool, &spool->pages[i]);
  free(spool->pages);
  account_release(&spool->account, sizeof *spool->pages * SPOOL_PAGES);
  spool->pages = NULL;
}

void spool_clear(struct spool *spool)
{
  rows_clear(spool, &spool->head);
  rows_clear(spool, &spool->tail);
  free_pages(spool);
  spill_close(&spool->file);
  list_free(&spool->account, &spool->blocks, &spool->block_capacity, sizeof *spool->blocks);
  spool->block_count = 0;
  spool->count = spool->tail_first = 0;
  spool->tail_size = 0;
}

void spool_deinit(struct spool *spool)
{
  if (!spool->execution)
    return;
  spool_clear(spool);
  list_free(&spool->account, &spool->head.rows, &spool->head.capacity, sizeof *spool->head.rows);
  list_free(&spool->account, &spool->tail.rows, &spool->tail.capacity, sizeof *spool->tail.rows);
  arena_deinit(&spool->head.arena);
  arena_deinit(&spool->tail.arena);
}

// --- Adding ------------------------------------------------------------------------------------------------

// The tail becomes a block.
static int write_tail(struct spool *spool)
{
  int status = spool->file.hooks ? 0 : spill_open(spool->execution->input.spill, &spool->file, &spool->account,
                                                  error_of(spool));
  if (!status && !list_grow(&spool->account, &spool->blocks, &spool->block_capacity, spool->block_count + 1,
                            sizeof *spool->blocks))
    status = execution_memory(spool->execution);
  struct spool_block block = {.first = spool->tail_first, .begin = spool->file.size, .count = spool->tail.count};
  for (int i = 0; i < spool->tail.count && !status; i++)
    status = spill_write(&spool->file, spool->types, spool->tail.rows[i], spool->column_count, error_of(spool));
  if (!status)
    status = spill_flush(&spool->file, error_of(spool));
  if (status)
    return status;
  block.end = spool->file.size;
  spool->blocks[spool->block_count++] = block;
  spool->tail_first = spool->count;
  spool->tail_size = 0;
  rows_clear(spool, &spool->tail);
  return 0;
}

int spool_add(struct spool *spool, const struct value *row)
{
  size_t parts = spool->parts ? spool->parts : 1; // half of one is for blocks, and for what grows by doubling
  bool is_behind = spool->tail.count || spool->block_count;
  int status = is_behind ? 1 : execution_overflows(spool->execution, 2 * parts * spool->account.used);
  if (status < 0)
    return status;
  if (status == 1 && !is_behind)
    spool->tail_first = spool->count;
  struct spool_rows *rows = status ? &spool->tail : &spool->head;
  struct value *kept = values_keep(&rows->arena, spool->types, row, spool->column_count);
  if (!kept || !list_grow(&spool->account, &rows->rows, &rows->capacity, rows->count + 1, sizeof *rows->rows))
    return execution_memory(spool->execution);
  rows->rows[rows->count++] = kept;
  spool->count++;
  if (rows == &spool->head)
    return 0;
  spool->tail_size += spill_size(spool->types, row, spool->column_count);
  return spool->tail_size < BLOCK ? 0 : write_tail(spool);
}

// --- Reading -----------------------------------------------------------------------------------------------

static int find_block(const struct spool *spool, uint64_t number)
{
  int low = 0, high = spool->block_count - 1;
  while (low < high) {
    int middle = low + (high - low + 1) / 2;
    if (spool->blocks[middle].first <= number)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

static bool has_row(const struct spool *spool, const struct spool_page *page, uint64_t number)
{
  const struct spool_block *block = page->block < 0 ? NULL : &spool->blocks[page->block];
  return block && number >= block->first && number - block->first < (uint64_t)block->count;
}

static int load(struct spool *spool, struct spool_page *page, int number)
{
  const struct spool_block *block = &spool->blocks[number];
  size_t width = sizeof(struct value) * (size_t)spool->column_count;
  page_clear(spool, page);
  uint8_t *data = buffer_extend(&page->packed, (size_t)(block->end - block->begin));
  size_t size = (width ? width : 1) * (size_t)block->count;
  if (!data || !account_charge(&spool->account, size))
    return execution_memory(spool->execution);
  page->size = size;
  page->values = malloc(size);
  if (!page->values)
    return execution_memory(spool->execution);
  const struct spill_file *file = &spool->file;
  int status = file->hooks->read(file->hooks->context, file->file, block->begin, data, page->packed.size, error_of(spool));
  struct spill_reader reader;
  spill_reader_init_memory(&reader, buffer_bytes(&page->packed));
  for (int i = 0; i < block->count && !status; i++) {
    status = spill_read(&reader, spool->types, page->values + (size_t)i * (size_t)spool->column_count,
                        spool->column_count, error_of(spool));
    status = status < 0 ? status : 0;
  }
  if (!status)
    page->block = number;
  return status;
}

static bool open_pages(struct spool *spool)
{
  size_t size = sizeof *spool->pages * SPOOL_PAGES;
  if (!account_charge(&spool->account, size))
    return false;
  spool->pages = calloc(SPOOL_PAGES, sizeof *spool->pages);
  if (!spool->pages)
    account_release(&spool->account, size);
  for (int i = 0; spool->pages && i < SPOOL_PAGES; i++)
    spool->pages[i] = (struct spool_page){.block = -1, .packed.account = &spool->account};
  return spool->pages != NULL;
}

// The page that has the row, or the one that was used the longest time ago.
static int pick_page(const struct spool *spool, uint64_t number)
{
  int oldest = 0;
  for (int i = 0; i < SPOOL_PAGES; i++) {
    if (has_row(spool, &spool->pages[i], number))
      return i;
    if (spool->pages[i].used < spool->pages[oldest].used)
      oldest = i;
  }
  return oldest;
}

int spool_read(struct spool *spool, uint64_t number, const struct value **row)
{
  if (spool->tail.count && number >= spool->tail_first) {
    *row = spool->tail.rows[number - spool->tail_first];
    return 0;
  }
  if (!spool->pages && !open_pages(spool))
    return execution_memory(spool->execution);
  if (!has_row(spool, &spool->pages[spool->page], number))
    spool->page = pick_page(spool, number);
  struct spool_page *page = &spool->pages[spool->page];
  int status = has_row(spool, page, number) ? 0 : load(spool, page, find_block(spool, number));
  if (status)
    return status;
  page->used = ++spool->clock;
  *row = page->values + (number - spool->blocks[page->block].first) * (uint64_t)spool->column_count;
  return 0;
}
