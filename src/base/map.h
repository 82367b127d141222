// A hash map from byte strings to pointers, walked in the order of insertion, so that nothing that
// a partition does depends on hash seeds or addresses. Keys are copied; values are borrowed.
#pragma once

#include "base/bytes.h"

struct map_entry {
  uint8_t *key; // owned
  size_t key_size;
  uint64_t hash;
  void *value; // NULL: removed
};

struct map {
  struct map_entry *entries; // in order of insertion, with holes where entries were removed
  size_t entry_count;        // holes included
  size_t entry_capacity;
  uint32_t *slots; // entry index + 1; 0: empty, UINT32_MAX: removed
  size_t slot_count;
  size_t count; // living entries
};

void map_deinit(struct map *map); // an all-zero map is an empty one
void *map_get(const struct map *map, struct bytes key);
// Adds or replaces; value may not be NULL. False: out of memory, map unchanged.
bool map_put(struct map *map, struct bytes key, void *value) __attribute__((warn_unused_result));
// Returns the value that was there, or NULL.
void *map_remove(struct map *map, struct bytes key);
// Walks the living entries: start with *at = 0; returns NULL after the last.
struct map_entry *map_next(const struct map *map, size_t *at);

static inline void *map_get_u64(const struct map *map, uint64_t key) { return map_get(map, bytes_of(&key, sizeof key)); }
