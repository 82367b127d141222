// Sets of ranges of keys. What always holds is in read_set.h.
#include "store/read_set.h"

#include "base/fault.h"

void read_set_clear(struct read_set *set)
{
  buffer_clear(&set->bytes);
  set->count = 0;
  set->visited = 0;
  set->failed = false;
}

void read_set_deinit(struct read_set *set)
{
  buffer_deinit(&set->bytes);
  set->count = 0;
}

static struct bytes range_from(const struct read_set *set, const struct read_range *range)
{
  return bytes_of(set->bytes.data + range->from, range->from_size);
}

static struct bytes range_to(const struct read_set *set, const struct read_range *range)
{
  return bytes_of(set->bytes.data + range->to, range->to_size);
}

// Makes `into` wide enough for both.
static void unite(const struct read_set *set, struct read_range *into, const struct read_range *other)
{
  if (bytes_compare(range_from(set, other), range_from(set, into)) < 0) {
    into->from = other->from;
    into->from_size = other->from_size;
  }
  if (into->has_end && (!other->has_end || bytes_compare(range_to(set, other), range_to(set, into)) > 0)) {
    into->has_end = other->has_end;
    into->to = other->to;
    into->to_size = other->to_size;
  }
}

// One range for each tree; with more trees than fit anything may have been looked at.
static void collapse(struct read_set *set)
{
  int kept = 0;
  for (int i = 0; i < set->count; i++) {
    int same = 0;
    while (same < kept && set->ranges[same].tree != set->ranges[i].tree)
      same++;
    if (same < kept)
      unite(set, &set->ranges[same], &set->ranges[i]);
    else
      set->ranges[kept++] = set->ranges[i];
  }
  set->count = kept;
  set->failed |= kept == READ_SET_RANGES;
  // The keys that are left move to the front of the bytes.
  struct buffer bytes = {.account = set->bytes.account};
  for (int i = 0; i < kept; i++) {
    struct read_range *range = &set->ranges[i];
    struct bytes from = range_from(set, range), to = range_to(set, range);
    range->from = (uint32_t)bytes.size;
    buffer_append_bytes(&bytes, from);
    range->to = (uint32_t)bytes.size;
    buffer_append_bytes(&bytes, to);
  }
  set->failed |= bytes.failed;
  buffer_deinit(&set->bytes);
  set->bytes = bytes;
}

void read_set_add(struct read_set *set, tree_number tree, struct bytes from, struct bytes to, bool has_end)
{
  if (set->failed)
    return;
  if (FAULT(RANGE_MISSING) && set->count && !bytes_equal(from, range_from(set, &set->ranges[0])))
    return;
  if (set->count == READ_SET_RANGES)
    collapse(set);
  if (set->failed)
    return;
  struct read_range *range = &set->ranges[set->count++];
  *range = (struct read_range){.tree = tree, .has_end = has_end, .from = (uint32_t)set->bytes.size,
                               .from_size = (uint32_t)from.size, .to_size = (uint32_t)to.size};
  buffer_append_bytes(&set->bytes, from);
  range->to = (uint32_t)set->bytes.size;
  if (bytes_equal(from, to))
    range->to = range->from;
  else
    buffer_append_bytes(&set->bytes, to);
  set->failed = set->bytes.failed;
}

// --- Encoded ------------------------------------------------------------------------------------------------------
// Each range: tree (4), has_end (1), sizes (2, 2), from, to.

void read_set_encode(const struct read_set *set, struct buffer *out)
{
  for (int i = 0; !set->failed && i < set->count; i++) {
    const struct read_range *range = &set->ranges[i];
    buffer_append_le32(out, range->tree);
    buffer_append_u8(out, range->has_end);
    buffer_append_le16(out, (uint16_t)range->from_size);
    buffer_append_le16(out, (uint16_t)range->to_size);
    buffer_append_bytes(out, range_from(set, range));
    buffer_append_bytes(out, range_to(set, range));
  }
}

bool read_walk_next(struct read_walk *walk)
{
  if (walk->at >= walk->encoded.size)
    return false;
  const uint8_t *at = walk->encoded.data + walk->at;
  walk->tree = get_le32(at);
  walk->has_end = at[4];
  walk->from = bytes_of(at + 9, get_le16(at + 5));
  walk->to = bytes_of(walk->from.data + walk->from.size, get_le16(at + 7));
  walk->at += 9 + walk->from.size + walk->to.size;
  return true;
}

bool read_walk_holds(const struct read_walk *walk, tree_number tree, struct bytes key)
{
  return tree == walk->tree && bytes_compare(key, walk->from) >= 0 &&
         (!walk->has_end || bytes_compare(key, walk->to) <= 0);
}

bool read_walk_differs(const struct read_walk *walk, const struct version *from, const struct version *to, struct bytes *key)
{
  struct diff *diff = diff_open_at(from, to, walk->tree, walk->from);
  struct diff_entry entry;
  *key = walk->from;
  if (!diff)
    return true; // without memory to look it is taken for different
  bool differs = diff_next(diff, &entry) && (!walk->has_end || bytes_compare(entry.key, walk->to) <= 0);
  if (differs)
    *key = entry.key;
  diff_close(diff);
  return differs;
}
