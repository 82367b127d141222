// Rows that an execution keeps. Everything is charged to its account.
#include "sql/rows.h"

#include <stdlib.h>
#include <string.h>

enum {
  KEPT_SLOTS = 1024,     // what a cleared table may keep
  RADIX_MINIMUM = 1024, // items; fewer are merged
};

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
    if (type_is_bytes(types[i]) && !value_copy(types[i], &copy[i], arena))
      return NULL;
  }
  return copy;
}

// --- Order -------------------------------------------------------------------------------------------------

bool row_order_init(struct row_order *order, struct arena *arena, const enum type_id *types, int key_count)
{
  struct sort_key *keys = ARENA_ARRAY(arena, struct sort_key, key_count + 1);
  for (int i = 0; keys && i < key_count; i++)
    keys[i] = (struct sort_key){.column = i};
  *order = (struct row_order){.key_count = key_count, .keys = keys, .types = types};
  return keys != NULL;
}

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

// Nulls are at one end of the prefixes, where others may be too.
uint64_t row_order_prefix(const struct row_order *order, const struct value *row)
{
  if (!order->key_count)
    return 0;
  const struct sort_key *key = &order->keys[0];
  const struct value *value = &row[key->column];
  if (value->is_null)
    return key->nulls_first ? 0 : UINT64_MAX;
  uint64_t prefix = value_prefix(order->types[key->column], value);
  return key->is_descending ? ~prefix : prefix;
}

// Are rows of the same prefix equal?
static bool prefix_decides(const struct row_order *order, uint64_t prefix)
{
  return order->key_count == 1 && prefix != 0 && prefix != UINT64_MAX &&
         value_prefix_decides(order->types[order->keys[0].column]);
}

int sort_item_compare(const struct row_order *order, const struct sort_item *a, const struct sort_item *b)
{
  if (a->prefix != b->prefix)
    return a->prefix < b->prefix ? -1 : 1;
  return prefix_decides(order, a->prefix) ? 0 : row_order_compare(order, a->row, b->row);
}

static void merge(const struct row_order *order, struct sort_item *from, struct sort_item *to, int left, int middle,
                  int right)
{
  int a = left, b = middle;
  for (int i = left; i < right; i++)
    to[i] = a < middle && (b >= right || sort_item_compare(order, &from[a], &from[b]) <= 0) ? from[a++] : from[b++];
}

static void sort_runs(const struct row_order *order, struct sort_item *items, int count, int run)
{
  for (int start = 0; start < count; start += run) {
    int end = start + run < count ? start + run : count;
    for (int i = start + 1; i < end; i++) {
      struct sort_item item = items[i];
      int j = i;
      for (; j > start && sort_item_compare(order, &items[j - 1], &item) > 0; j--)
        items[j] = items[j - 1];
      items[j] = item;
    }
  }
}

static void merge_sort(const struct row_order *order, struct sort_item *items, struct sort_item *scratch, int count)
{
  struct sort_item *from = items, *to = scratch;
  int run = 8;
  sort_runs(order, items, count, run);
  while (run < count) {
    for (int left = 0; left < count;) {
      int middle = run < count - left ? left + run : count;
      int right = run < count - middle ? middle + run : count;
      merge(order, from, to, left, middle, right);
      left = right;
    }
    struct sort_item *swapped = from;
    from = to;
    to = swapped;
    run = run > count / 2 ? count : run * 2;
  }
  if (from != items)
    memcpy(items, from, sizeof *from * (size_t)count);
}

// By the prefixes alone: a pass for each of their bytes in which they differ, the lowest first (Knuth, TAOCP 5.2.5).
static void radix_sort(struct sort_item *items, struct sort_item *scratch, int count)
{
  uint32_t places[sizeof(uint64_t)][256] = {0};
  for (int i = 0; i < count; i++)
    for (size_t byte = 0; byte < sizeof(uint64_t); byte++)
      places[byte][items[i].prefix >> (8 * byte) & 255]++;
  struct sort_item *from = items, *to = scratch;
  for (size_t byte = 0; byte < sizeof(uint64_t); byte++) {
    uint32_t *place = places[byte];
    if (place[items[0].prefix >> (8 * byte) & 255] == (uint32_t)count)
      continue;
    for (uint32_t i = 0, next = 0; i < 256; i++) {
      uint32_t size = place[i];
      place[i] = next;
      next += size;
    }
    for (int i = 0; i < count; i++)
      to[place[from[i].prefix >> (8 * byte) & 255]++] = from[i];
    struct sort_item *swapped = from;
    from = to;
    to = swapped;
  }
  if (from != items)
    memcpy(items, from, sizeof *from * (size_t)count);
}

void items_sort(const struct row_order *order, struct sort_item *items, struct sort_item *scratch, int count)
{
  if (count < RADIX_MINIMUM) {
    merge_sort(order, items, scratch, count);
    return;
  }
  radix_sort(items, scratch, count);
  for (int start = 0, end; start < count; start = end) {
    for (end = start + 1; end < count && items[end].prefix == items[start].prefix; end++)
      ;
    if (end > start + 1 && !prefix_decides(order, items[start].prefix))
      merge_sort(order, items + start, scratch, end - start);
  }
}

void rows_sort(const struct row_order *order, struct value **rows, struct sort_item *scratch, int count)
{
  for (int i = 0; i < count; i++)
    scratch[i] = (struct sort_item){row_order_prefix(order, rows[i]), rows[i]};
  items_sort(order, scratch, scratch + count, count);
  for (int i = 0; i < count; i++)
    rows[i] = scratch[i].row;
}

// --- Tables ------------------------------------------------------------------------------------------------

void row_table_init(struct row_table *table, struct memory_account *account)
{
  *table = (struct row_table){.account = account};
  arena_init_large(&table->arena, account);
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

static uint32_t grown(const struct row_table *table)
{
  return table->capacity ? table->capacity * 2 : 64;
}

static size_t size_of(const struct row_table *table, uint32_t capacity)
{
  return capacity * (sizeof *table->entries + 2 * sizeof *table->slots);
}

size_t row_table_growth(const struct row_table *table, uint32_t more)
{
  return table->count + more <= table->capacity ? 0 : size_of(table, grown(table));
}

static bool grow(struct row_table *table)
{
  uint32_t capacity = grown(table), slot_count = capacity * 2;
  size_t size = size_of(table, capacity);
  size_t old_size = table->capacity * sizeof *table->entries + table->slot_count * sizeof *table->slots;
  if (capacity > UINT32_MAX / 4 || (table->account && !account_charge(table->account, size)))
    return false;
  struct row_entry *entries = memory_large(capacity * sizeof *entries);
  uint32_t *slots = memory_large(slot_count * sizeof *slots);
  if (!entries || !slots) {
    free(entries);
    free(slots);
    if (table->account)
      account_release(table->account, size);
    return false;
  }
  memset(slots, 0, slot_count * sizeof *slots);
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
