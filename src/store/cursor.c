// Cursors: a path from the root to a slot of a leaf.
//
// 1. The path is good as long as the version's change number is the cursor's. After that the nodes in it
//    may be gone, and only `place`, a copy of the last key, is looked at.
// 2. Behind the end, or before the start, key.data is NULL.
// 3. Every leaf that the cursor looks into leaves its position in the mark.
#include "base/check.h"
#include "store/node.h"
#include "store/read_set.h"

// 4. Where the mark has a set, it gets what lies between a seek and the place that was reached, when the cursor seeks
//    again or ends. A version that is written has the place at hand.
static void note_range(struct cursor *cursor)
{
  if (!cursor->is_noted)
    return;
  cursor->is_noted = false;
  struct bytes begin = bytes_of(cursor->begin, cursor->begin_size);
  struct bytes place = cursor->key.data ? bytes_of(cursor->place, cursor->place_size) : bytes_of(NULL, 0);
  if (cursor->is_backward)
    read_set_add(cursor->mark->set, cursor->tree, place, begin, begin.size);
  else
    read_set_add(cursor->mark->set, cursor->tree, begin, place, cursor->key.data);
}

static void note_begin(struct cursor *cursor, struct bytes key, bool is_backward)
{
  note_range(cursor);
  if (!cursor->mark || !cursor->mark->set)
    return;
  CHECK(cursor->version->kind != VERSION_SNAPSHOT); // it keeps no place
  cursor->is_noted = true;
  cursor->is_backward = is_backward;
  cursor->begin_size = (uint32_t)key.size;
  if (key.size)
    memcpy(cursor->begin, key.data, key.size);
  cursor->mark->set->visited++;
}

void cursor_init(struct cursor *cursor, const struct version *version, tree_number tree, struct read_mark *mark)
{
  cursor->version = version;
  cursor->tree = tree;
  cursor->key = cursor->row = (struct bytes){0};
  cursor->mark = mark;
  cursor->change = version->change;
  cursor->depth = -1;
  cursor->place_size = 0;
  cursor->is_noted = false;
}

void cursor_deinit(struct cursor *cursor)
{
  note_range(cursor);
  cursor->key = cursor->row = (struct bytes){0};
}

static const struct page *page_in(const struct cursor *cursor, int depth)
{
  return cursor->path[depth].node;
}

static bool stand_nowhere(struct cursor *cursor)
{
  cursor->key = cursor->row = (struct bytes){0};
  return false;
}

static bool stand(struct cursor *cursor)
{
  const struct page *leaf = page_in(cursor, cursor->depth);
  uint32_t index = cursor->path[cursor->depth].index;
  struct row_block *block;
  cursor->key = page_key(leaf, index);
  cursor->row = page_row(leaf, index, &block);
  if (cursor->version->kind != VERSION_SNAPSHOT) {
    cursor->place_size = (uint32_t)cursor->key.size;
    memcpy(cursor->place, cursor->key.data, cursor->key.size);
    if (cursor->is_noted)
      cursor->mark->set->visited++;
  }
  return true;
}

// Goes down from path[depth], whose index is set, along the first (last) children to a leaf.
static void go_down(struct cursor *cursor, int depth, bool to_last)
{
  const struct page *page = page_in(cursor, depth);
  while (page->node.kind == NODE_INNER) {
    page = page_child(page, cursor->path[depth].index);
    page_prefetch(page);
    depth++;
    cursor->path[depth].node = page;
    cursor->path[depth].index = to_last && page->count > 0 ? page->count - 1u : 0;
  }
  cursor->depth = depth;
  mark_position(cursor->mark, page->position);
}

// The leaf behind the one at hand is fetched while that is read: a scan waits for little else.
static void fetch_ahead(const struct cursor *cursor)
{
  if (cursor->depth == 0)
    return;
  const struct page *parent = page_in(cursor, cursor->depth - 1);
  uint32_t index = cursor->path[cursor->depth - 1].index + 1;
  if (index >= parent->count)
    return;
  const struct page *next = page_child(parent, index);
  for (uint32_t offset = 0; offset < SMALL_BYTES; offset += 64)
    __builtin_prefetch(page_at(next, offset), 0, 2);
}

// To the first slot of the next leaf that has one, from wherever in the present one.
static bool next_leaf(struct cursor *cursor)
{
  for (;;) {
    int depth = cursor->depth - 1;
    while (depth >= 0 && cursor->path[depth].index + 1u >= page_in(cursor, depth)->count)
      depth--;
    if (depth < 0)
      return stand_nowhere(cursor);
    cursor->path[depth].index++;
    go_down(cursor, depth, false);
    fetch_ahead(cursor);
    if (page_in(cursor, cursor->depth)->count > 0)
      return stand(cursor);
  }
}

static bool previous_leaf(struct cursor *cursor)
{
  for (;;) {
    int depth = cursor->depth - 1;
    while (depth >= 0 && cursor->path[depth].index == 0)
      depth--;
    if (depth < 0)
      return stand_nowhere(cursor);
    cursor->path[depth].index--;
    go_down(cursor, depth, true);
    if (page_in(cursor, cursor->depth)->count > 0)
      return stand(cursor);
  }
}

// The path to the slot where the key is or would be; *is_equal: it is. False: the tree is empty.
static bool find(struct cursor *cursor, struct bytes key, bool to_last, bool *is_equal)
{
  *is_equal = false;
  cursor->change = cursor->version->change;
  cursor->depth = -1;
  const struct root *root = version_root(cursor->version, cursor->tree);
  if (!root || !root->page) {
    mark_position(cursor->mark, root ? root->position : 0);
    return false;
  }
  const struct page *page = root->page;
  int depth = 0;
  for (; page->node.kind == NODE_INNER; depth++) {
    uint32_t index = to_last ? page->count - 1u : page_search_child(page, key);
    cursor->path[depth].node = page;
    cursor->path[depth].index = index;
    page = page_child(page, index);
    page_prefetch(page);
  }
  cursor->depth = depth;
  cursor->path[depth].node = page;
  cursor->path[depth].index = to_last ? page->count : page_search(page, key, is_equal);
  mark_leaf(cursor->mark, root, page);
  return true;
}

static bool stand_or_next(struct cursor *cursor)
{
  if (cursor->path[cursor->depth].index < page_in(cursor, cursor->depth)->count)
    return stand(cursor);
  return next_leaf(cursor);
}

static bool step_back(struct cursor *cursor)
{
  if (cursor->path[cursor->depth].index == 0)
    return previous_leaf(cursor);
  cursor->path[cursor->depth].index--;
  return stand(cursor);
}

bool cursor_seek(struct cursor *cursor, struct bytes key)
{
  bool is_equal;
  note_begin(cursor, key, false);
  return find(cursor, key, false, &is_equal) ? stand_or_next(cursor) : stand_nowhere(cursor);
}

bool cursor_seek_before(struct cursor *cursor, struct bytes key)
{
  bool is_equal;
  note_begin(cursor, key, true);
  return find(cursor, key, key.size == 0, &is_equal) ? step_back(cursor) : stand_nowhere(cursor);
}

bool cursor_next(struct cursor *cursor)
{
  if (!cursor->key.data)
    return false;
  if (cursor->change == cursor->version->change) {
    cursor->path[cursor->depth].index++;
    return stand_or_next(cursor);
  }
  bool is_equal;
  if (!find(cursor, bytes_of(cursor->place, cursor->place_size), false, &is_equal))
    return stand_nowhere(cursor);
  cursor->path[cursor->depth].index += is_equal;
  return stand_or_next(cursor);
}

bool cursor_previous(struct cursor *cursor)
{
  if (!cursor->key.data)
    return false;
  bool is_equal;
  if (cursor->change != cursor->version->change &&
      !find(cursor, bytes_of(cursor->place, cursor->place_size), false, &is_equal))
    return stand_nowhere(cursor);
  return step_back(cursor);
}
