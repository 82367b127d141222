// Slotted pages: sorted slots grow up behind the header, cells with keys and rows grow down from the end.
//
// 1. Slots are in the order of their keys; an inner node's first slot has none and stands for all keys
//    below the second's.
// 2. The first prefix_size bytes of all keys are equal; each slot's head holds the four bytes behind them,
//    so that a search rarely looks at a cell. If two heads are equal and neither key goes on behind its
//    head, the shorter key is the smaller one: heads are padded with zeros.
// 3. gap + garbage + used = capacity.
#include "store/node.h"

static uint32_t key_head(struct bytes key, size_t prefix_size)
{
  size_t rest = key.size - prefix_size;
  const uint8_t *at = key.data + prefix_size;
  if (rest >= 4)
    return get_be32(at);
  uint32_t head = 0;
  for (size_t i = 0; i < rest; i++)
    head |= (uint32_t)at[i] << (24 - 8 * i);
  return head;
}

static const uint8_t *page_prefix(const struct page *page)
{
  return page->prefix_size <= PREFIX_INLINE ? page->prefix : page_key(page, page_first(page)).data;
}

static void page_set_prefix(struct page *page, struct bytes key, size_t size)
{
  page->prefix_size = (uint16_t)size;
  if (size && size <= PREFIX_INLINE)
    memcpy(page->prefix, key.data, size);
}

// < 0, 0, > 0: the key sorts before, with or behind the keys that have the page's prefix.
static int page_compare_prefix(const struct page *page, struct bytes key)
{
  size_t size = page->prefix_size;
  const uint8_t *prefix = page_prefix(page);
  if (key.size >= PREFIX_INLINE / 2 && size <= PREFIX_INLINE / 2) { // the usual case, without a call
    uint64_t order = (get_be64(key.data) ^ get_be64(prefix)) & ~(size < 8 ? UINT64_MAX >> 8 * size : 0);
    if (order == 0)
      return 0;
  }
  if (key.size >= size)
    return size ? memcmp(key.data, prefix, size) : 0;
  int order = key.size ? memcmp(key.data, prefix, key.size) : 0;
  return order ? order : -1;
}

// Of keys with the same prefix and head.
static int page_compare_rest(const struct page *page, uint32_t index, struct bytes key)
{
  size_t prefix = page->prefix_size, size = page->slots[index].key_size;
  if (key.size <= prefix + 4 && size <= prefix + 4)
    return (key.size > size) - (key.size < size);
  struct bytes other = page_key(page, index);
  return bytes_compare(bytes_of(key.data + prefix, key.size - prefix), bytes_of(other.data + prefix, size - prefix));
}

struct bytes page_row(const struct page *page, uint32_t index, struct row_block **block)
{
  const struct slot *slot = &page->slots[index];
  const uint8_t *cell = page_at(page, slot->offset);
  uint16_t size = get_le16(cell);
  const uint8_t *row = cell + LEAF_CELL + slot->key_size;
  if (size != ROW_OUTSIDE) {
    *block = NULL;
    return bytes_of(row, size);
  }
  memcpy(block, row, sizeof *block);
  return bytes_of((*block)->data, (*block)->size);
}

uint32_t page_cell_size(const struct page *page, uint32_t index)
{
  const struct slot *slot = &page->slots[index];
  if (page->node.kind == NODE_INNER)
    return INNER_CELL + slot->key_size;
  uint16_t size = get_le16(page_at(page, slot->offset));
  return LEAF_CELL + slot->key_size + (size == ROW_OUTSIDE ? (uint32_t)sizeof(struct row_block *) : size);
}

void page_clear(struct page *page)
{
  page->count = 0;
  page->cells = (uint16_t)page->node.bytes;
  page->garbage = 0;
  page->prefix_size = 0;
  page->run_index = 0;
  page->run = 0;
  page->row_blocks = 0;
}

uint32_t page_search(const struct page *page, struct bytes key, bool *is_equal)
{
  *is_equal = false;
  uint32_t first = page_first(page), count = page->count;
  if (count <= first)
    return count;
  int order = page_compare_prefix(page, key);
  if (order)
    return order < 0 ? first : count;
  uint32_t head = key_head(key, page->prefix_size);
  const struct slot *slots = page->slots;
  uint32_t low = first;
  for (uint32_t rest = count - first; rest > 0;) {
    uint32_t half = (rest + 1) / 2;
    low += half & -(uint32_t)(slots[low + half - 1].head < head); // no branch: it would be guessed wrong half the time
    rest -= half;
  }
  if (low == count || slots[low].head != head)
    return low;
  order = page_compare_rest(page, low, key);
  if (order <= 0) {
    *is_equal = order == 0;
    return low;
  }
  // Several keys have this head: halve the rest, comparing whole keys.
  uint32_t high = count;
  low++;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    order = slots[middle].head != head ? -1 : page_compare_rest(page, middle, key);
    if (order == 0) {
      *is_equal = true;
      return middle;
    }
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

uint32_t page_search_child(const struct page *page, struct bytes key)
{
  bool is_equal;
  uint32_t index = page_search(page, key, &is_equal);
  return is_equal ? index : index - 1;
}

uint8_t *page_append(struct page *page, struct bytes key, uint32_t cell_size)
{
  page->cells = (uint16_t)(page->cells - cell_size);
  uint8_t *cell = page_at(page, page->cells);
  page->slots[page->count++] = (struct slot){.offset = page->cells, .key_size = (uint16_t)key.size};
  if (key.size)
    memcpy(cell + (page->node.kind == NODE_INNER ? INNER_CELL : LEAF_CELL), key.data, key.size);
  return cell;
}

void page_finish(struct page *page)
{
  uint32_t first = page_first(page);
  page->prefix_size = 0;
  if (page->count <= first)
    return;
  struct bytes low = page_key(page, first), high = page_key(page, page->count - 1u);
  size_t common = 0, most = low.size < high.size ? low.size : high.size;
  while (common < most && low.data[common] == high.data[common])
    common++;
  page_set_prefix(page, low, common);
  for (uint32_t i = first; i < page->count; i++)
    page->slots[i].head = key_head(page_key(page, i), common);
}

uint8_t *page_insert(struct page *page, uint32_t index, struct bytes key, uint32_t cell_size)
{
  uint32_t first = page_first(page);
  bool is_alone = page->count <= first;
  bool has_prefix = !is_alone && page_compare_prefix(page, key) == 0;
  page->cells = (uint16_t)(page->cells - cell_size);
  uint8_t *cell = page_at(page, page->cells);
  if (key.size)
    memcpy(cell + (page->node.kind == NODE_INNER ? INNER_CELL : LEAF_CELL), key.data, key.size);
  memmove(&page->slots[index + 1], &page->slots[index], (page->count - index) * sizeof(struct slot));
  page->count++;
  page->slots[index] = (struct slot){.offset = page->cells, .key_size = (uint16_t)key.size};
  if (has_prefix)
    page->slots[index].head = key_head(key, page->prefix_size);
  else if (page->count > first)
    page_finish(page);
  return cell;
}

void page_remove(struct page *page, uint32_t index)
{
  page->garbage = (uint16_t)(page->garbage + page_cell_size(page, index));
  page->count--;
  memmove(&page->slots[index], &page->slots[index + 1], (page->count - index) * sizeof(struct slot));
  if (page->count == 0) {
    page->cells = (uint16_t)page->node.bytes;
    page->garbage = 0;
  }
}

static void page_append_from(struct page *page, const struct page *from, uint32_t first, uint32_t end)
{
  for (uint32_t i = first; i < end; i++) {
    uint32_t size = page_cell_size(from, i);
    page->cells = (uint16_t)(page->cells - size);
    memcpy(page_at(page, page->cells), page_at(from, from->slots[i].offset), size);
    page->slots[page->count] = from->slots[i];
    page->slots[page->count++].offset = page->cells;
    if (page->node.kind == NODE_LEAF && get_le16(page_at(page, page->cells)) == ROW_OUTSIDE)
      page->row_blocks++;
  }
}

void page_compact(struct page *page, struct page *scratch)
{
  memcpy(scratch, page, page->node.bytes);
  page->count = 0;
  page->cells = (uint16_t)page->node.bytes;
  page->garbage = 0;
  page->row_blocks = 0;
  page_append_from(page, scratch, 0, scratch->count); // the heads stay right: the prefix is as it was
}

void page_split(struct page *page, uint32_t index, struct page *right)
{
  uint32_t end = page->count;
  if (page->node.kind == NODE_INNER && index < end) {
    memcpy(page_append(right, (struct bytes){0}, INNER_CELL), page_at(page, page->slots[index].offset), INNER_CELL);
    page_append_from(right, page, index + 1, end);
  } else {
    page_append_from(right, page, index, end);
  }
  page_finish(right);
  uint32_t moved = 0;
  for (uint32_t i = index; i < end; i++)
    moved += page_cell_size(page, i);
  page->count = (uint16_t)index;
  page->garbage = (uint16_t)(page->garbage + moved);
  page->row_blocks = (uint16_t)(page->row_blocks - right->row_blocks);
  page->run = 0;
  if (index == 0) {
    page->cells = (uint16_t)page->node.bytes;
    page->garbage = 0;
  }
  page_finish(page);
}

void page_join(struct page *into, const struct page *left, const struct page *right, struct bytes separator,
  struct page *scratch)
{
  memcpy(scratch, into, into->node.bytes);
  if (into == left)
    left = scratch;
  else
    right = scratch;
  page_clear(into);
  page_append_from(into, left, 0, left->count);
  if (into->node.kind == NODE_INNER && right->count > 0) {
    uint8_t *cell = page_append(into, separator, INNER_CELL + (uint32_t)separator.size);
    memcpy(cell, page_at(right, right->slots[0].offset), INNER_CELL);
    page_append_from(into, right, 1, right->count);
  } else {
    page_append_from(into, right, 0, right->count);
  }
  page_finish(into);
}
