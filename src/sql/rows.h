// Rows that an execution keeps: copies in arenas, and a hash table over them that is walked in the order of insertion.
#pragma once

#include "base/arena.h"
#include "data/value.h"

bool values_equal(const enum type_id *types, const struct value *a, const struct value *b,
                  int count); // NULL equals NULL
uint64_t values_hash(const enum type_id *types, const struct value *values, int count);
// A copy with its bytes, in the arena. NULL: out of memory.
struct value *values_keep(struct arena *arena, const enum type_id *types, const struct value *values, int count);

struct sort_key {
  int column; // of the row
  bool is_descending;
  bool nulls_first;
};
struct row_order {
  int key_count;
  const struct sort_key *keys;
  const enum type_id *types; // of the row's columns
};
// Ascending, by the first columns; the keys lie in the arena, types are borrowed. False: out of memory.
bool row_order_init(struct row_order *order, struct arena *arena, const enum type_id *types, int key_count);
int row_order_compare(const struct row_order *order, const struct value *a, const struct value *b);

struct sort_item {
  uint64_t prefix; // of the row: what comes first by it does so by the order
  struct value *row;
};
uint64_t row_order_prefix(const struct row_order *order, const struct value *row);
int sort_item_compare(const struct row_order *order, const struct sort_item *a, const struct sort_item *b);
// Stable. scratch has room for as many.
void items_sort(const struct row_order *order, struct sort_item *items, struct sort_item *scratch, int count);
// Rows without their prefixes; scratch has room for twice as many.
void rows_sort(const struct row_order *order, struct value **rows, struct sort_item *scratch, int count);

struct row_entry {
  uint64_t hash;
  struct value *row;
  uint32_t next; // in the chain, + 1; 0: the end
};

struct row_table {
  struct arena arena; // for the rows
  struct memory_account *account;
  struct row_entry *entries;
  uint32_t count, capacity;
  uint32_t *slots;
  uint32_t slot_count;
};

void row_table_init(struct row_table *table, struct memory_account *account);
void row_table_deinit(struct row_table *table);
// Empties it. Keeps small tables' memory for the next use.
void row_table_clear(struct row_table *table);
// Bytes that it would take beside what it has to make room for so many entries more (64 at most).
size_t row_table_growth(const struct row_table *table, uint32_t more);
// False: out of memory. The row is not copied.
bool row_table_add(struct row_table *table, uint64_t hash, struct value *row) __attribute__((warn_unused_result));
// Entries with this hash, each as number + 1; 0: none (any more).
static inline uint32_t row_table_same(const struct row_table *table, uint32_t entry, uint64_t hash)
{
  while (entry && table->entries[entry - 1].hash != hash)
    entry = table->entries[entry - 1].next;
  return entry;
}
static inline uint32_t row_table_first(const struct row_table *table, uint64_t hash)
{
  return table->slot_count ? row_table_same(table, table->slots[hash & (table->slot_count - 1)], hash) : 0;
}
static inline uint32_t row_table_next(const struct row_table *table, uint32_t entry)
{
  return row_table_same(table, table->entries[entry - 1].next, table->entries[entry - 1].hash);
}
