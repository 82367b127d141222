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
