// A table of rows by hash, without chains.
#include "txn/heat.h"

#include <stdlib.h>

#include "base/hash.h"

struct heat_entry {
  uint64_t hash;
  int64_t until;
  bool has_changed;
};

void heat_deinit(struct heat *heat)
{
  free(heat->entries);
  *heat = (struct heat){0};
}

static uint64_t hash_of(tree_number tree, struct bytes key)
{
  return hash64(key.data, key.size, tree);
}

// NULL: the row is not hot.
static struct heat_entry *find(const struct heat *heat, uint64_t hash)
{
  if (!heat_any(heat))
    return NULL;
  struct heat_entry *entry = &heat->entries[hash % HEAT_SIZE];
  return entry->hash == hash && entry->until > heat->now ? entry : NULL;
}

void heat_note(struct heat *heat, tree_number tree, struct bytes key, bool has_changed)
{
  if (!heat->entries && !(heat->entries = calloc(HEAT_SIZE, sizeof *heat->entries)))
    return;
  uint64_t hash = hash_of(tree, key);
  heat->last = heat->now + HEAT_US;
  heat->entries[hash % HEAT_SIZE] = (struct heat_entry){.hash = hash, .until = heat->last, .has_changed = has_changed};
}

void heat_renew(struct heat *heat, tree_number tree, struct bytes key)
{
  const struct heat_entry *entry = find(heat, hash_of(tree, key));
  if (entry)
    heat_note(heat, tree, key, entry->has_changed);
}

bool heat_find(const struct heat *heat, tree_number tree, struct bytes key, enum claim_mode *mode)
{
  const struct heat_entry *entry = find(heat, hash_of(tree, key));
  if (entry)
    *mode = entry->has_changed ? CLAIM_NO_KEY_UPDATE : CLAIM_SHARE;
  return entry;
}
