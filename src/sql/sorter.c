// Runs in the file lie one behind another; where there are more of them than can be read at once, neighbours are merged
// into a next file until there are few enough, which keeps them in order.
#include "sql/sorter.h"

#include <string.h>

enum {
  CUT_MINIMUM = 1024,
  KEPT_CAPACITY = 4 * CUT_MINIMUM, // items: longer lists are freed with their rows
  CHUNK = 4 * 1024 * 1024,         // bytes that are sorted at a time
  FAN_IN = 128,                    // runs of a file that are merged at a time, at most
  AHEAD = 8                        // rows that are fetched before they are looked at
};

void sorter_init(struct sorter *sorter, struct execution *execution, const struct row_order *order, int column_count)
{
  sorter->execution = execution;
  sorter->order = order;
  sorter->column_count = column_count;
  sorter->account.parent = execution->account;
  sorter->rows.parent = &sorter->account;
  for (int i = 0; i < 2; i++)
    arena_init(&sorter->arenas[i], &sorter->rows);
  arena_init(&sorter->merge, &sorter->account);
}

void sorter_divide(struct sorter *sorter, size_t parts)
{
  sorter->parts = parts;
}

// What it may keep in memory, in bytes.
static size_t share_of(const struct sorter *sorter)
{
  return sorter->execution->share / (sorter->parts ? sorter->parts : 1);
}

static struct error *error_of(struct sorter *sorter)
{
  return sorter->execution->evaluation.error;
}

static void end_merge(struct sorter *sorter)
{
  for (int i = 0; i < sorter->source_count; i++)
    spill_reader_deinit(&sorter->sources[i].reader);
  sorter->source_count = 0;
  arena_reset(&sorter->merge);
}

static void clear_runs(struct sorter *sorter, int first)
{
  for (int i = first; i < sorter->run_count; i++)
    buffer_deinit(&sorter->runs[i].packed);
  sorter->run_count = first;
}

static void free_items(struct sorter *sorter)
{
  list_free(&sorter->account, &sorter->items, &sorter->capacity, sizeof *sorter->items);
  list_free(&sorter->account, &sorter->scratch, &sorter->scratch_capacity, sizeof *sorter->scratch);
}

void sorter_clear(struct sorter *sorter)
{
  end_merge(sorter);
  clear_runs(sorter, 0);
  spill_close(&sorter->file);
  arena_reset(&sorter->arenas[0]);
  arena_reset(&sorter->arenas[1]);
  sorter->count = sorter->at = sorter->file_run_count = 0;
  sorter->packed = 0;
  sorter->has_last = false;
  if (sorter->capacity > KEPT_CAPACITY)
    free_items(sorter);
}

void sorter_deinit(struct sorter *sorter)
{
  if (!sorter->execution)
    return;
  sorter_clear(sorter);
  free_items(sorter);
  list_free(&sorter->account, &sorter->runs, &sorter->run_capacity, sizeof *sorter->runs);
  arena_deinit(&sorter->arenas[0]);
  arena_deinit(&sorter->arenas[1]);
  arena_deinit(&sorter->merge);
}

// --- Merging -----------------------------------------------------------------------------------------------

static bool comes_before(const struct sorter *sorter, int a, int b)
{
  const struct sort_source *x = &sorter->sources[a], *y = &sorter->sources[b];
  if (x->is_over || y->is_over)
    return y->is_over && (!x->is_over || a < b);
  int way = sort_item_compare(sorter->order, &x->item, &y->item);
  return way < 0 || (way == 0 && a < b);
}

static struct sort_loser player(const struct sorter *sorter, int number)
{
  const struct sort_source *source = &sorter->sources[number];
  return (struct sort_loser){.prefix = source->is_over ? UINT64_MAX : source->item.prefix, .source = number};
}

// A source with a new row plays its way up again. A place that nobody has reached keeps the first who comes.
// Which of two rows comes first cannot be foreseen: where the prefixes tell, they change places without a branch.
static void replay(struct sorter *sorter, int source)
{
  struct sort_loser *losers = sorter->losers, up = player(sorter, source);
  for (int node = (source + sorter->source_count) / 2; node > 0; node /= 2) {
    struct sort_loser here = losers[node];
    bool stays = here.prefix < up.prefix;
    if (here.source < 0) {
      losers[node] = up;
      return;
    }
    if (here.prefix == up.prefix)
      stays = comes_before(sorter, here.source, up.source);
    losers[node].prefix = stays ? up.prefix : here.prefix;
    losers[node].source = stays ? up.source : here.source;
    up.prefix = stays ? here.prefix : up.prefix;
    up.source = stays ? here.source : up.source;
  }
  losers[0] = up;
}

// Reads the source's next row, or notes that there is none.
static int advance(struct sorter *sorter, struct sort_source *source)
{
  int status = spill_read(&source->reader, sorter->order->types, source->item.row, sorter->column_count,
                          error_of(sorter));
  source->is_over = status == 0;
  if (status == 1)
    source->item.prefix = row_order_prefix(sorter->order, source->item.row);
  return status < 0 ? status : 0;
}

static int begin_merge(struct sorter *sorter, const struct sort_run *runs, int count)
{
  end_merge(sorter);
  sorter->sources = ARENA_ARRAY(&sorter->merge, struct sort_source, count);
  sorter->losers = ARENA_ARRAY(&sorter->merge, struct sort_loser, count + 1);
  if (!sorter->sources || !sorter->losers)
    return execution_memory(sorter->execution);
  for (int i = 0; i <= count; i++)
    sorter->losers[i].source = -1;
  sorter->source_count = count;
  sorter->is_given = false;
  for (int i = 0; i < count; i++) {
    struct sort_source *source = &sorter->sources[i];
    source->item.row = ARENA_ARRAY(&sorter->merge, struct value, sorter->column_count + 1);
    if (!source->item.row)
      return execution_memory(sorter->execution);
    if (runs[i].begin == runs[i].end)
      spill_reader_init_memory(&source->reader, buffer_bytes(&runs[i].packed));
    else
      spill_reader_init(&source->reader, &sorter->file, runs[i].begin, runs[i].end, &sorter->account);
    int status = advance(sorter, source);
    if (status)
      return status;
  }
  for (int i = 0; i < count; i++)
    replay(sorter, i);
  return 0;
}

static int merge_next(struct sorter *sorter, struct value **row)
{
  struct sort_source *source = &sorter->sources[sorter->losers[0].source];
  if (sorter->is_given) {
    int status = advance(sorter, source);
    if (status)
      return status;
    replay(sorter, sorter->losers[0].source);
    source = &sorter->sources[sorter->losers[0].source];
  }
  sorter->is_given = !source->is_over;
  if (source->is_over)
    return 0;
  *row = source->item.row;
  int status = execution_visit(sorter->execution);
  return status ? status : 1;
}

// Merges neighbouring runs into one of a file.
static int merge_runs(struct sorter *sorter, const struct sort_run *runs, int count, struct spill_file *file,
                      struct sort_run *merged)
{
  struct value *row;
  uint64_t begin = file->size;
  int status = begin_merge(sorter, runs, count);
  while (!status && (status = merge_next(sorter, &row)) == 1)
    status = spill_write(file, sorter->order->types, row, sorter->column_count, error_of(sorter));
  end_merge(sorter);
  if (!status)
    status = spill_flush(file, error_of(sorter));
  *merged = (struct sort_run){.begin = begin, .end = file->size};
  sorter->spilled += merged->end - begin;
  return status;
}

// --- Filling -----------------------------------------------------------------------------------------------

static int sort_items(struct sorter *sorter)
{
  if (!list_grow(&sorter->account, &sorter->scratch, &sorter->scratch_capacity, sorter->count,
                 sizeof *sorter->scratch))
    return execution_memory(sorter->execution);
  items_sort(sorter->order, sorter->items, sorter->scratch, sorter->count);
  return 0;
}

// Keeps the first `wanted` rows alone, in the other arena.
static int cut(struct sorter *sorter)
{
  int status = sort_items(sorter);
  if (status)
    return status;
  if (sorter->count > sorter->wanted)
    sorter->count = sorter->wanted;
  struct arena *arena = &sorter->arenas[sorter->turn ^ 1];
  for (int i = 0; i < sorter->count; i++) {
    struct value **row = &sorter->items[i].row;
    *row = values_keep(arena, sorter->order->types, *row, sorter->column_count);
    if (!*row)
      return execution_memory(sorter->execution);
  }
  arena_reset(&sorter->arenas[sorter->turn]);
  sorter->turn ^= 1;
  sorter->last = sorter->items[sorter->count - 1];
  sorter->has_last = true;
  return 0;
}

// The chunk becomes a run in memory.
static int pack_chunk(struct sorter *sorter)
{
  int status = sort_items(sorter);
  if (!status && !list_grow(&sorter->account, &sorter->runs, &sorter->run_capacity, sorter->run_count + 1,
                            sizeof *sorter->runs))
    status = execution_memory(sorter->execution);
  if (status)
    return status;
  struct sort_run *run = &sorter->runs[sorter->run_count++];
  *run = (struct sort_run){.packed.account = &sorter->account};
  size_t size = 0;
  for (int i = 0; i < sorter->count; i++)
    size += spill_size(sorter->order->types, sorter->items[i].row, sorter->column_count);
  if (!buffer_reserve(&run->packed, size))
    return execution_memory(sorter->execution);
  for (int i = 0; i < sorter->count; i++) {
    if (i + AHEAD < sorter->count)
      __builtin_prefetch(sorter->items[i + AHEAD].row);
    spill_pack(&run->packed, sorter->order->types, sorter->items[i].row, sorter->column_count);
  }
  if (run->packed.failed)
    return execution_memory(sorter->execution);
  sorter->packed += run->packed.size;
  sorter->count = 0;
  sorter->has_last = false;
  arena_reset(&sorter->arenas[0]);
  arena_reset(&sorter->arenas[1]);
  return 0;
}

// All runs in memory become one of the file.
static int write_runs(struct sorter *sorter)
{
  int status = sorter->file.hooks ? 0 : spill_open(sorter->execution->input.spill, &sorter->file, &sorter->account,
                                                   error_of(sorter));
  struct sort_run merged;
  int first = sorter->file_run_count;
  if (!status)
    status = merge_runs(sorter, sorter->runs + first, sorter->run_count - first, &sorter->file, &merged);
  if (status)
    return status;
  clear_runs(sorter, first);
  sorter->packed = 0;
  sorter->runs[sorter->run_count++] = merged;
  sorter->file_run_count++;
  return 0;
}

// Packs what makes a chunk, and puts runs into the file where they need more than the share.
static int make_room(struct sorter *sorter)
{
  size_t share = share_of(sorter);
  size_t most = sorter->wanted ? share / 3 : share / 4 < CHUNK ? share / 4 : CHUNK;
  size_t chunk = sorter->rows.used + 2 * sizeof *sorter->items * (size_t)sorter->count;
  if (chunk <= most)
    return 0;
  size_t parts = sorter->parts ? sorter->parts : 1;
  int status = execution_overflows(sorter->execution, 2 * parts * (sorter->packed + chunk));
  if (status >= 0) {
    int overflows = status;
    status = pack_chunk(sorter);
    if (!status && overflows)
      status = write_runs(sorter);
  }
  return status;
}

int sorter_add(struct sorter *sorter, const struct value *row)
{
  struct sort_item item = {.prefix = row_order_prefix(sorter->order, row), .row = (struct value *)row};
  if (sorter->has_last && sort_item_compare(sorter->order, &item, &sorter->last) >= 0)
    return 0;
  item.row = values_keep(&sorter->arenas[sorter->turn], sorter->order->types, row, sorter->column_count);
  if (!item.row ||
      !list_grow(&sorter->account, &sorter->items, &sorter->capacity, sorter->count + 1, sizeof *sorter->items))
    return execution_memory(sorter->execution);
  sorter->items[sorter->count++] = item;
  int most = sorter->wanted * 2 > CUT_MINIMUM ? sorter->wanted * 2 : CUT_MINIMUM;
  if (sorter->wanted && sorter->count >= most)
    return cut(sorter);
  return make_room(sorter);
}

// --- The sorted rows ---------------------------------------------------------------------------------------

static int merge_level(struct sorter *sorter, int fan_in)
{
  struct spill_file next;
  int status = spill_open(sorter->execution->input.spill, &next, &sorter->account, error_of(sorter));
  int merged = 0;
  for (int i = 0; i < sorter->file_run_count && !status; i += fan_in, merged++) {
    int count = sorter->file_run_count - i < fan_in ? sorter->file_run_count - i : fan_in;
    struct sort_run run;
    status = merge_runs(sorter, sorter->runs + i, count, &next, &run);
    sorter->runs[merged] = run;
  }
  if (status) {
    spill_close(&next);
    return status;
  }
  sorter->run_count = sorter->file_run_count = merged;
  spill_close(&sorter->file);
  sorter->file = next;
  return 0;
}

int sorter_sort(struct sorter *sorter)
{
  sorter->at = 0;
  if (!sorter->run_count)
    return sort_items(sorter);
  int status = sorter->count ? pack_chunk(sorter) : 0;
  free_items(sorter);
  size_t fan_in = share_of(sorter) / 4 / SPILL_BLOCK;
  fan_in = fan_in < 2 ? 2 : fan_in > FAN_IN ? FAN_IN : fan_in;
  if (!status && (size_t)sorter->file_run_count > fan_in && sorter->run_count > sorter->file_run_count)
    status = write_runs(sorter);
  while (!status && (size_t)sorter->file_run_count > fan_in)
    status = merge_level(sorter, (int)fan_in);
  return status ? status : begin_merge(sorter, sorter->runs, sorter->run_count);
}

int sorter_next(struct sorter *sorter, struct value **row)
{
  if (sorter->run_count)
    return merge_next(sorter, row);
  if (sorter->at == sorter->count)
    return 0;
  *row = sorter->items[sorter->at++].row;
  return 1;
}
