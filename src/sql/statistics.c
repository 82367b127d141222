// Samples of tables, kept while the tables stay about as large as they were.
#include "sql/statistics.h"

#include <math.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/map.h"
#include "sql/rows.h"

enum {
  USES = 512,             // then a sample is taken anew: rows may have changed that were not added
  TABLES = 512,           // whose samples are kept
  SAMPLE_BYTES = 1 << 18, // of one; a table of larger rows has fewer of them
};

struct kept_sample {
  uint64_t table_rows;
  uint32_t oid;
  int uses, count;
  size_t size; // bytes of the whole
  uint32_t offsets[SAMPLE_ROWS + 1];
  uint8_t bytes[]; // the encoded rows
};

struct statistics {
  struct memory_account *account;
  struct map map; // by number of the tree
};

struct statistics *statistics_open(struct memory_account *account)
{
  struct statistics *statistics = calloc(1, sizeof *statistics);
  if (statistics)
    statistics->account = account;
  return statistics;
}

static void drop(struct statistics *statistics, struct kept_sample *kept)
{
  account_release(statistics->account, kept->size);
  free(kept);
}

static void drop_all(struct statistics *statistics)
{
  size_t at = 0;
  struct map_entry *entry;
  while ((entry = map_next(&statistics->map, &at)))
    drop(statistics, entry->value);
  map_deinit(&statistics->map);
}

void statistics_close(struct statistics *statistics)
{
  if (!statistics)
    return;
  drop_all(statistics);
  free(statistics);
}

// Spreads the bits of a number (the finalizer of splitmix64).
static uint64_t spread(uint64_t x)
{
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

static int compare_ranks(const void *a, const void *b)
{
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

// Which rows are taken: drawn one by one, so that neighbours come together as often as they should.
static int draw_ranks(uint64_t rows, uint64_t ranks[SAMPLE_ROWS])
{
  for (uint64_t i = 0; i < SAMPLE_ROWS; i++)
    ranks[i] = rows <= SAMPLE_ROWS ? i : spread(i + 1) % rows;
  if (rows <= SAMPLE_ROWS)
    return (int)rows;
  qsort(ranks, SAMPLE_ROWS, sizeof *ranks, compare_ranks);
  int count = 1;
  for (int i = 1; i < SAMPLE_ROWS; i++)
    if (ranks[i] != ranks[count - 1])
      ranks[count++] = ranks[i];
  return count;
}

static struct kept_sample *draw(struct memory_account *account, const struct version *version,
                                const struct relation *relation)
{
  uint64_t rows = tree_count(version, relation->tree);
  struct buffer bytes = {0};
  uint32_t offsets[SAMPLE_ROWS + 1] = {0};
  uint64_t ranks[SAMPLE_ROWS];
  int drawn = draw_ranks(rows, ranks), count = 0;
  struct bytes row;
  for (int i = 0; i < drawn && bytes.size < SAMPLE_BYTES && tree_at(version, relation->tree, ranks[i], &row); i++) {
    buffer_append_bytes(&bytes, row);
    offsets[++count] = (uint32_t)bytes.size;
  }
  size_t size = sizeof(struct kept_sample) + bytes.size;
  struct kept_sample *kept = NULL;
  if (!bytes.failed && account_charge(account, size) && !(kept = malloc(size)))
    account_release(account, size);
  if (kept) {
    *kept = (struct kept_sample){.table_rows = rows, .oid = relation->oid, .count = count, .size = size};
    memcpy(kept->offsets, offsets, sizeof offsets);
    if (bytes.size)
      memcpy(kept->bytes, bytes.data, bytes.size);
  }
  buffer_deinit(&bytes);
  return kept;
}

static bool is_current(const struct kept_sample *kept, uint64_t rows, const struct relation *relation)
{
  uint64_t apart = rows > kept->table_rows ? rows - kept->table_rows : kept->table_rows - rows;
  return kept->oid == relation->oid && kept->uses < USES && apart <= kept->table_rows / 8;
}

// The kept sample, or NULL. *is_own: the caller drops it.
static struct kept_sample *find(struct statistics *statistics, const struct version *version,
                                const struct relation *relation)
{
  struct bytes key = bytes_of(&relation->tree, sizeof relation->tree);
  struct kept_sample *old = map_get(&statistics->map, key);
  if (old && is_current(old, tree_count(version, relation->tree), relation)) {
    old->uses++;
    return old;
  }
  if (old) {
    map_remove(&statistics->map, key);
    drop(statistics, old);
  }
  if (statistics->map.count >= TABLES)
    drop_all(statistics);
  struct kept_sample *made = draw(statistics->account, version, relation);
  if (made && !map_put(&statistics->map, key, made)) {
    drop(statistics, made);
    return NULL;
  }
  return made;
}

static const struct sample *decode(const struct kept_sample *kept, const struct relation *relation, struct arena *arena)
{
  struct sample *sample = ARENA_NEW(arena, struct sample);
  int columns = relation->schema.column_count;
  struct error error;
  if (!sample)
    return NULL;
  *sample = (struct sample){.table_rows = (double)kept->table_rows, .count = kept->count, .column_count = columns};
  sample->values = ARENA_ARRAY(arena, struct value, kept->count * columns + 1);
  uint8_t *bytes = arena_copy(arena, kept->bytes, kept->offsets[kept->count]);
  if (!sample->values || !bytes)
    return NULL;
  for (int i = 0; i < kept->count; i++) {
    struct bytes row = bytes_of(bytes + kept->offsets[i], kept->offsets[i + 1] - kept->offsets[i]);
    if (relation_row(relation, row, sample->values + (size_t)i * (size_t)columns, &error))
      return NULL;
  }
  return sample;
}

const struct sample *sample_take(struct statistics *statistics, const struct version *version,
                                 const struct relation *relation, struct arena *arena)
{
  struct statistics alone = {.account = arena->account};
  struct statistics *from = statistics ? statistics : &alone;
  const struct kept_sample *kept = find(from, version, relation);
  const struct sample *sample = kept ? decode(kept, relation, arena) : NULL;
  if (!statistics)
    drop_all(&alone);
  return sample;
}

double sample_distinct(const struct sample *sample, const struct relation *relation, const int *columns, int count,
                       struct arena *scratch)
{
  struct row_table table;
  enum type_id types[16];
  struct value row[17];
  int once = 0, nulls = 0;
  count = count < 16 ? count : 16;
  for (int c = 0; c < count; c++)
    types[c] = relation->schema.columns[columns[c]].type.id;
  row_table_init(&table, NULL);
  for (int i = 0; i < sample->count; i++) {
    bool has_null = false;
    for (int c = 0; c < count; c++) {
      row[c] = sample->values[i * sample->column_count + columns[c]];
      has_null |= row[c].is_null;
    }
    nulls += has_null;
    if (has_null)
      continue;
    row[count] = value_integer(1);
    uint64_t hash = values_hash(types, row, count);
    uint32_t entry = row_table_first(&table, hash);
    while (entry && !values_equal(types, table.entries[entry - 1].row, row, count))
      entry = row_table_next(&table, entry);
    once += !entry ? 1 : table.entries[entry - 1].row[count].integer++ == 1 ? -1 : 0;
    struct value *kept = entry ? NULL : arena_copy(scratch, row, sizeof *row * (size_t)(count + 1));
    if (!entry && (!kept || !row_table_add(&table, hash, kept)))
      break;
  }
  double n = sample->count - nulls, d = table.count, rows = sample->table_rows;
  row_table_deinit(&table);
  if (n < 1)
    return 1;
  rows *= n / sample->count;
  if (once == (int)n)
    return fmax(1, rows); // never the same twice
  return fmax(1, fmin(rows, n * d / (n - once + once * n / fmax(n, rows))));
}

double sample_part(const struct sample *sample, const uint64_t bits[SAMPLE_WORDS])
{
  int found = 0;
  for (int i = 0; i < SAMPLE_WORDS; i++)
    found += __builtin_popcountll(bits[i]);
  if (sample->count >= sample->table_rows) // the whole table
    return sample->count ? fmax(found, 0.5) / sample->count : 1;
  return (found + 0.1) / (sample->count + 0.2);
}
