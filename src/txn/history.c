// A ring of the newest changes.
#include "txn/history.h"

#include <stdlib.h>

#include "base/hash.h"

struct history_entry {
  uint64_t hash;
  struct author author;
};

void history_deinit(struct history *history)
{
  free(history->ring);
  *history = (struct history){0};
}

static uint64_t hash_of(tree_number tree, struct bytes key)
{
  return hash64(key.data, key.size, tree);
}

void history_note(struct history *history, const struct change_list *changes, struct author author)
{
  if (!history->ring && !(history->ring = calloc(HISTORY_SIZE, sizeof *history->ring)))
    return;
  size_t at = 0;
  struct change change;
  while (change_next(changes, &at, &change))
    if (!(change.flags & CHANGE_DERIVED))
      history->ring[history->noted++ % HISTORY_SIZE] =
        (struct history_entry){.hash = hash_of(change.tree, change.key), .author = author};
}

bool history_find(const struct history *history, tree_number tree, struct bytes key, struct author *author)
{
  uint64_t hash = hash_of(tree, key), oldest = history->noted > HISTORY_SIZE ? history->noted - HISTORY_SIZE : 0;
  for (uint64_t i = history->noted; i-- > oldest;)
    if (history->ring[i % HISTORY_SIZE].hash == hash) {
      *author = history->ring[i % HISTORY_SIZE].author;
      return true;
    }
  return false;
}
