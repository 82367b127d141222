// Rows that an execution keeps. Everything is charged to its account.
#include "sql/rows.h"

#include <stdlib.h>
#include <string.h>

enum { KEPT_SLOTS = 1024 }; // what a cleared table may keep

bool values_equal(const enum type_id *types, const struct value *a, const struct value *b, int count)
{
  for (int i = 0; i < count; i++) {
    if (a[i].is_null != b[i].is_null)
      return false;
    if (!a[i].is_null && value_compare(types[i], &a[i], &b[i]) != 0)
      return false;
  }
  return true;
}

uint64_t values_hash(const enum type_id *types, const struct value *values, int count)
{
  uint64_t hash = 0;
  for (int i = 0; i < count; i++)
    hash = values[i].is_null ? hash * 31 + 7 : value_hash(types[i], &values[i], hash);
  return hash;
}

struct value *values_keep(struct arena *arena, const enum type_id *types, const struct value *values, int count)
{
  struct value *copy = arena_alloc(arena, sizeof *copy * (size_t)(count ? count : 1));
  if (!copy)
    return NULL;
  for (int i = 0; i < count; i++) {
    copy[i] = values[i];
    if (!copy[i].is_null && !value_copy(types[i], &copy[i], arena))
      return NULL;
  }
  return copy;
}

// --- Order -------------------------------------------------------------------------------------------------

int row_order_compare(const struct row_order *order, const struct value *a, const struct value *b)
{
  for (int i = 0; i < order->key_count; i++) {
    const struct sort_key *key = &order->keys[i];
    const struct value *x = &a[key->column], *y = &b[key->column];
    if (x->is_null || y->is_null) {
      if (x->is_null != y->is_null)
        return x->is_null == key->nulls_first ? -1 : 1;
      continue;
    }
    int way = value_compare(order->types[key->column], x, y);
    if (way)
      return (way < 0) != key->is_descending ? -1 : 1;
  }
  return 0;
}

static void merge(const struct row_order *order, struct value **from, struct value **to, int left, int middle,
                  int right)
{
  int a = left, b = middle;
  for (int i = left; i < right; i++)
    to[i] = a < middle && (b >= right || row_order_compare(order, from[a], from[b]) <= 0) ? from[a++] : from[b++];
}

static void sort_runs(const struct row_order *order, struct value **rows, int count, int run)
{
  for (int start = 0; start < count; start += run) {
    int end = start + run < count ? start + run : count;
    for (int i = start + 1; i < end; i++) {
      struct value *row = rows[i];
      int j = i;
      for (; j > start && row_order_compare(order, rows[j - 1], row) > 0; j--)
        rows[j] = rows[j - 1];
      rows[j] = row;
    }
  }
}

void rows_sort(const struct row_order *order, struct value **rows, struct value **scratch, int count)
{
  struct value **from = rows, **to = scratch;
  int run = 8;
  sort_runs(order, rows, count, run);
  while (run < count) {
    for (int left = 0; left < count;) {
      int middle = run < count - left ? left + run : count;
      int right = run < count - middle ? middle + run : count;
      merge(order, from, to, left, middle, right);
      left = right;
    }
    struct value **swapped = from;
    from = to;
    to = swapped;
    run = run > count / 2 ? count : run * 2;
  }
  if (from != rows)
    memcpy(rows, from, sizeof *from * (size_t)count);
}

// --- Tables ------------------------------------------------------------------------------------------------

void row_table_init(struct row_table *table, struct memory_account *account)
{
  *table = (struct row_table){.account = account};
  arena_init(&table->arena, account);
}

static void release(struct row_table *table)
{
  if (table->account)
    account_release(table->account,
                    table->capacity * sizeof *table->entries + table->slot_count * sizeof *table->slots);
  free(table->entries);
  free(table->slots);
  table->entries = NULL;
  table->slots = NULL;
  table->count = table->capacity = table->slot_count = 0;
}

void row_table_deinit(struct row_table *table)
{
  release(table);
  arena_deinit(&table->arena);
}

void row_table_clear(struct row_table *table)
{
  arena_reset(&table->arena);
  if (table->slot_count > KEPT_SLOTS) {
    release(table);
    return;
  }
  if (table->slot_count)
    memset(table->slots, 0, table->slot_count * sizeof *table->slots);
  table->count = 0;
}

static bool grow(struct row_table *table)
{
  uint32_t capacity = table->capacity ? table->capacity * 2 : 64;
  uint32_t slot_count = capacity * 2;
  size_t size = capacity * sizeof *table->entries + slot_count * sizeof *table->slots;
  size_t old_size = table->capacity * sizeof *table->entries + table->slot_count * sizeof *table->slots;
  if (capacity > UINT32_MAX / 4 || (table->account && !account_charge(table->account, size)))
    return false;
  struct row_entry *entries = malloc(capacity * sizeof *entries);
  uint32_t *slots = calloc(slot_count, sizeof *slots);
  if (!entries || !slots) {
    free(entries);
    free(slots);
    if (table->account)
      account_release(table->account, size);
    return false;
  }
  if (table->count)
    memcpy(entries, table->entries, table->count * sizeof *entries);
  for (uint32_t i = 0; i < table->count; i++) {
    uint32_t *slot = &slots[entries[i].hash & (slot_count - 1)];
    entries[i].next = *slot;
    *slot = i + 1;
  }
  free(table->entries);
  free(table->slots);
  if (table->account)
    account_release(table->account, old_size);
  table->entries = entries;
  table->slots = slots;
  table->capacity = capacity;
  table->slot_count = slot_count;
  return true;
}

bool row_table_add(struct row_table *table, uint64_t hash, struct value *row)
{
  if (table->count == table->capacity && !grow(table))
    return false;
  uint32_t *slot = &table->slots[hash & (table->slot_count - 1)];
  table->entries[table->count] = (struct row_entry){.hash = hash, .row = row, .next = *slot};
  *slot = ++table->count;
  return true;
}
