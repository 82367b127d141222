// Open addressing with linear probing over an array of entries in order of insertion.
#include "base/map.h"

#include <stdlib.h>

#include "base/hash.h"

static const uint32_t SLOT_EMPTY = 0;
static const uint32_t SLOT_REMOVED = UINT32_MAX;

void map_deinit(struct map *map)
{
  for (size_t i = 0; i < map->entry_count; i++)
    free(map->entries[i].key);
  free(map->entries);
  free(map->slots);
  *map = (struct map){0};
}

// The slot of the key, or SIZE_MAX.
static size_t find_slot(const struct map *map, struct bytes key, uint64_t hash)
{
  if (!map->slot_count)
    return SIZE_MAX;
  size_t mask = map->slot_count - 1;
  for (size_t i = hash & mask;; i = (i + 1) & mask) {
    uint32_t slot = map->slots[i];
    if (slot == SLOT_EMPTY)
      return SIZE_MAX;
    if (slot == SLOT_REMOVED)
      continue;
    const struct map_entry *entry = &map->entries[slot - 1];
    if (entry->hash == hash && bytes_equal(bytes_of(entry->key, entry->key_size), key))
      return i;
  }
}

void *map_get(const struct map *map, struct bytes key)
{
  size_t slot = find_slot(map, key, hash64(key.data, key.size, 0));
  return slot == SIZE_MAX ? NULL : map->entries[map->slots[slot] - 1].value;
}

static void place(struct map *map, uint32_t index)
{
  size_t mask = map->slot_count - 1;
  size_t i = map->entries[index].hash & mask;
  while (map->slots[i] != SLOT_EMPTY)
    i = (i + 1) & mask;
  map->slots[i] = index + 1;
}

// Closes the holes and makes room for at least one more entry.
static bool rebuild(struct map *map)
{
  size_t capacity = map->count * 2 < 8 ? 8 : map->count * 2;
  size_t slot_count = 16;
  while (slot_count < capacity * 2)
    slot_count *= 2;
  struct map_entry *entries = malloc(capacity * sizeof *entries);
  uint32_t *slots = calloc(slot_count, sizeof *slots);
  if (!entries || !slots) {
    free(entries);
    free(slots);
    return false;
  }
  size_t count = 0;
  for (size_t i = 0; i < map->entry_count; i++)
    if (map->entries[i].value)
      entries[count++] = map->entries[i];
  free(map->entries);
  free(map->slots);
  map->entries = entries;
  map->entry_count = count;
  map->entry_capacity = capacity;
  map->slots = slots;
  map->slot_count = slot_count;
  for (uint32_t i = 0; i < count; i++)
    place(map, i);
  return true;
}

bool map_put(struct map *map, struct bytes key, void *value)
{
  uint64_t hash = hash64(key.data, key.size, 0);
  size_t slot = find_slot(map, key, hash);
  if (slot != SIZE_MAX) {
    map->entries[map->slots[slot] - 1].value = value;
    return true;
  }
  if (map->entry_count == map->entry_capacity && !rebuild(map))
    return false;
  uint8_t *copy = malloc(key.size ? key.size : 1);
  if (!copy)
    return false;
  if (key.size)
    memcpy(copy, key.data, key.size);
  map->entries[map->entry_count] = (struct map_entry){.key = copy, .key_size = key.size, .hash = hash, .value = value};
  place(map, (uint32_t)map->entry_count);
  map->entry_count++;
  map->count++;
  return true;
}

void *map_remove(struct map *map, struct bytes key)
{
  size_t slot = find_slot(map, key, hash64(key.data, key.size, 0));
  if (slot == SIZE_MAX)
    return NULL;
  struct map_entry *entry = &map->entries[map->slots[slot] - 1];
  void *value = entry->value;
  free(entry->key);
  *entry = (struct map_entry){0};
  map->slots[slot] = SLOT_REMOVED;
  map->count--;
  return value;
}

struct map_entry *map_next(const struct map *map, size_t *at)
{
  while (*at < map->entry_count) {
    struct map_entry *entry = &map->entries[(*at)++];
    if (entry->value)
      return entry;
  }
  return NULL;
}
