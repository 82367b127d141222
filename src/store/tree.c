// Trees: reading and changing rows.
//
// 1. A change makes its path the version's own before it changes anything; all memory that it needs is
//    reserved before that, so a change that is refused leaves every row as it was.
// 2. A leaf's position never goes down for a key in its range: both halves of a split keep it, a join takes
//    the newer one. A tree that was cleared keeps the position of that in its root.
// 3. A leaf may be empty and an inner node may have one child (its sibling was too full to join).
// 4. A full leaf is split first and the descent begins again; so a row finds its place after at most a
//    few rounds, and a run of ascending (descending) keys leaves full leaves behind.
#include "base/check.h"
#include "store/node.h"
#include "store/read_set.h"

enum { JOIN_BELOW = 4, RUN = 4 }; // of its capacity, in parts; rows in a row that make a run

static void descend(const struct root *root, struct bytes key, struct path *path)
{
  struct page *page = root->page;
  int depth = 0;
  while (page->node.kind == NODE_INNER) {
    uint32_t index = page_search_child(page, key);
    path->at[depth].page = page;
    path->at[depth++].index = index;
    page = page_child(page, index);
    page_prefetch(page);
  }
  path->depth = depth;
  path->at[depth].page = page;
}

static void note_key(struct read_mark *mark, tree_number tree, struct bytes key)
{
  if (!mark || !mark->set)
    return;
  mark->set->visited++;
  read_set_add(mark->set, tree, key, key, true);
}

bool tree_get(const struct version *version, tree_number tree, struct bytes key, struct bytes *row,
  struct read_mark *mark)
{
  note_key(mark, tree, key);
  const struct root *root = version_root(version, tree);
  if (!root)
    return false;
  if (!root->page) {
    mark_position(mark, root->position);
    return false;
  }
  const struct page *page = root->page;
  while (page->node.kind == NODE_INNER) {
    page = page_child(page, page_search_child(page, key));
    page_prefetch(page);
  }
  bool is_there;
  uint32_t index = page_search(page, key, &is_there);
  mark_leaf(mark, root, page);
  if (!is_there)
    return false;
  struct row_block *block;
  *row = page_row(page, index, &block);
  return true;
}

// --- Making a path one's own ----------------------------------------------------------------------

static struct root *own_path(struct version *version, tree_number tree, struct path *path)
{
  size_t depth = (size_t)path->depth + 1;
  struct root *root = version_own_root(version, tree);
  if (!root || !version_reserve(version, (struct reserve){.small = 1, .large = depth, .replaced = depth}))
    return NULL;
  for (int i = 0; i <= path->depth; i++) {
    struct page *page = path->at[i].page;
    if (node_is_own(version, &page->node))
      continue;
    page = (struct page *)version_own(version, &page->node);
    path->at[i].page = page;
    if (i == 0)
      root->page = page;
    else
      page_set_child(path->at[i - 1].page, path->at[i - 1].index, page);
  }
  version->change++;
  return root;
}

static void note_position(struct version *version, struct page *leaf, uint64_t position)
{
  if (leaf->position < position)
    leaf->position = position;
  if (version->newest < position)
    version->newest = position;
}

static struct root *first_leaf(struct version *version, tree_number tree)
{
  struct root *root = version_own_root(version, tree);
  if (!root || !version_reserve(version, (struct reserve){.small = 1}))
    return NULL;
  root->page = version_new_page(version, root, 0);
  root->page->position = root->position;
  return root;
}

static void count_rows(struct root *root, struct path *path, int64_t more)
{
  for (int i = 0; i < path->depth; i++) {
    struct page *page = path->at[i].page;
    page_set_rows_below(page, path->at[i].index, page_rows_below(page, path->at[i].index) + (uint64_t)more);
  }
  root->rows += (uint64_t)more;
}

// --- Splits ---------------------------------------------------------------------------------------

// The first slot of the right half, by bytes; never 0 nor count, if there are two slots.
static uint32_t middle(const struct page *page)
{
  uint32_t half = page_used(page) / 2, sum = 0, index = 0;
  while (index + 1u < page->count && sum < half)
    sum += page_cell_size(page, index++) + (uint32_t)sizeof(struct slot);
  return index > 0 ? index : 1;
}

static uint64_t rows_in(const struct page *page)
{
  uint64_t rows = 0;
  for (uint32_t i = 0; i < page->count; i++)
    rows += page_rows_below(page, i);
  return rows;
}

struct split {
  struct version *version;
  struct root *root;
  struct path *path;
};

static void insert_entry(struct split *split, struct page *page, uint32_t index, struct bytes key, struct page *child,
  uint64_t rows)
{
  uint32_t size = INNER_CELL + (uint32_t)key.size;
  if (page_gap(page) < size + sizeof(struct slot))
    page_compact(page, (struct page *)split->version->store->scratch);
  uint8_t *cell = page_insert(page, index, key, size);
  memcpy(cell, &child, sizeof child);
  put_le64(cell + 8, rows);
}

static void new_root(struct split *split, struct bytes separator, struct page *right, uint64_t rows)
{
  struct root *root = split->root;
  struct page *left = root->page;
  struct page *page = version_new_page(split->version, root, left->node.level + 1);
  insert_entry(split, page, 0, (struct bytes){0}, left, root->rows - rows);
  insert_entry(split, page, 1, separator, right, rows);
  root->page = page;
}

// Puts `right`, with so many rows, behind the child at this depth from which it was split off.
static void insert_right(struct split *split, int depth, struct bytes separator, struct page *right, uint64_t rows)
{
  if (depth == 0) {
    new_root(split, separator, right, rows);
    return;
  }
  struct page *page = split->path->at[depth - 1].page;
  uint32_t index = split->path->at[depth - 1].index;
  page_set_rows_below(page, index, page_rows_below(page, index) - rows);
  uint32_t need = INNER_CELL + (uint32_t)separator.size + (uint32_t)sizeof(struct slot);
  if (page_capacity(page) - page_used(page) >= need) {
    insert_entry(split, page, index + 1, separator, right, rows);
    return;
  }
  uint32_t at = index + 1u == page->count ? page->count - 1u : middle(page); // an ascending run leaves full nodes
  struct bytes key = page_key(page, at);
  uint8_t up[LIMIT_KEY];
  memcpy(up, key.data, key.size);
  struct page *other = version_new_page(split->version, split->root, page->node.level);
  page_split(page, at, other);
  if (index < at)
    insert_entry(split, page, index + 1, separator, right, rows);
  else
    insert_entry(split, other, index + 1 - at, separator, right, rows);
  insert_right(split, depth - 1, bytes_of(up, key.size), other, rows_in(other));
}

// Splits the leaf at the path's end to make room for the key at `index`. Memory must be reserved.
static void split_leaf(struct split *split, uint32_t index, struct bytes key)
{
  struct page *leaf = split->path->at[split->path->depth].page;
  bool is_ascending = leaf->run >= RUN && index == leaf->run_index + 1u;
  bool is_descending = leaf->run <= -RUN && index == leaf->run_index;
  uint32_t at = is_ascending || is_descending || leaf->count < 2 ? index : middle(leaf);
  struct bytes low = at > 0 ? page_key(leaf, at - 1) : key;
  struct bytes high = at < leaf->count ? page_key(leaf, at) : key;
  // The new key and the rest of its run belong to the side that has room.
  if (at == index && is_ascending && at < leaf->count)
    low = key;
  else if (at == index && is_descending && at > 0)
    high = key;
  size_t size = 0;
  while (size < low.size && low.data[size] == high.data[size])
    size++;
  uint8_t separator[LIMIT_KEY];
  memcpy(separator, high.data, size + 1);
  struct page *right = version_new_page(split->version, split->root, 0);
  right->position = leaf->position;
  int16_t run = leaf->run;
  page_split(leaf, at, right);
  if (at == index) { // the run goes on where the key goes
    bool goes_right = bytes_compare(key, bytes_of(separator, size + 1)) >= 0;
    struct page *side = goes_right ? right : leaf;
    side->run = run;
    side->run_index = goes_right ? 0 : (uint16_t)(index - 1);
  }
  insert_right(split, split->path->depth, bytes_of(separator, size + 1), right, right->count);
}

static bool make_room(struct version *version, struct path *path, struct root *root, uint32_t index, struct bytes key)
{
  if (path->depth + 2 >= CURSOR_DEPTH || !version_reserve(version,
      (struct reserve){.small = 1, .large = (size_t)path->depth + 1}))
    return false;
  struct split split = {.version = version, .root = root, .path = path};
  split_leaf(&split, index, key);
  version->change++;
  return true;
}

// --- Putting --------------------------------------------------------------------------------------

// Keeps the row that is about to be replaced for the caller.
static void show_previous(struct version *version, struct tree_put *put, struct bytes row,
  const struct row_block *block)
{
  struct store *store = version->store;
  put->previous = row;
  if (block)
    return; // it lingers, or a pin sees it
  store->shown ^= 1;
  put->previous.data = memcpy(store->shown_rows[store->shown], row.data, row.size);
}

static void write_row(struct page *leaf, uint32_t index, struct bytes row, struct row_block *block)
{
  const struct slot *slot = &leaf->slots[index];
  uint8_t *cell = page_at(leaf, slot->offset);
  put_le16(cell, block ? ROW_OUTSIDE : (uint16_t)row.size);
  if (block)
    memcpy(cell + LEAF_CELL + slot->key_size, &block, sizeof block);
  else if (row.size)
    memmove(cell + LEAF_CELL + slot->key_size, row.data, row.size);
}

// Key and row may lie in the leaf that is about to be rearranged.
static void keep_arguments(struct store *store, const struct page *leaf, struct bytes *key, struct bytes *row)
{
  if (page_is_inside(leaf, key->data))
    key->data = memcpy(store->argument, key->data, key->size);
  if (row->size && page_is_inside(leaf, row->data))
    row->data = memcpy(store->argument + CELL_INLINE, row->data, row->size);
}

static void note_run(struct page *leaf, uint32_t index)
{
  int run = leaf->run;
  if (index == leaf->run_index + 1u)
    run = run > 0 ? run + (run < RUN) : 1;
  else if (index == leaf->run_index)
    run = run < 0 ? run - (run > -RUN) : -1;
  else
    run = 0;
  if (leaf->count > 0) // an empty leaf takes the run from the one that was split
    leaf->run = (int16_t)run;
  leaf->run_index = (uint16_t)index;
}

struct placing {
  struct bytes key, row;
  uint32_t size;   // of the cell
  bool is_outside; // the row does not fit into a leaf
  struct row_block *block;
};

static bool place_new(struct store *store, struct page *leaf, uint32_t index, struct placing *placing)
{
  uint32_t need = placing->size + (uint32_t)sizeof(struct slot);
  if (page_gap(leaf) < need) {
    keep_arguments(store, leaf, &placing->key, &placing->row);
    if (page_gap(leaf) + leaf->garbage < need)
      return false;
    page_compact(leaf, (struct page *)store->scratch);
  }
  note_run(leaf, index);
  page_insert(leaf, index, placing->key, placing->size);
  write_row(leaf, index, placing->row, placing->block);
  leaf->row_blocks = (uint16_t)(leaf->row_blocks + (placing->block != NULL));
  return true;
}

// There is room, perhaps as garbage.
static void place_over(struct store *store, struct page *leaf, uint32_t index, struct placing *placing)
{
  uint32_t old = page_cell_size(leaf, index);
  struct slot *slot = &leaf->slots[index];
  if (get_le16(page_at(leaf, slot->offset)) == ROW_OUTSIDE)
    leaf->row_blocks--;
  if (placing->size <= old) {
    leaf->garbage = (uint16_t)(leaf->garbage + old - placing->size);
  } else if (page_gap(leaf) >= placing->size) {
    leaf->cells = (uint16_t)(leaf->cells - placing->size);
    memcpy(page_at(leaf, leaf->cells + LEAF_CELL), page_at(leaf, slot->offset + LEAF_CELL), slot->key_size);
    slot->offset = leaf->cells;
    leaf->garbage = (uint16_t)(leaf->garbage + old);
  } else {
    keep_arguments(store, leaf, &placing->key, &placing->row);
    page_remove(leaf, index);
    page_compact(leaf, (struct page *)store->scratch);
    page_insert(leaf, index, placing->key, placing->size);
  }
  write_row(leaf, index, placing->row, placing->block);
  if (placing->block)
    leaf->row_blocks++;
}

// Replaces the row at the path's end, which is the version's own. False: there is no room.
static bool replace(struct version *version, struct root *root, struct page *leaf, uint32_t index, struct tree_put *put,
  struct placing *placing)
{
  uint32_t old = page_cell_size(leaf, index);
  if (placing->size > old && page_gap(leaf) + leaf->garbage + old < placing->size) {
    keep_arguments(version->store, leaf, &placing->key, &placing->row);
    return false;
  }
  struct row_block *block;
  struct bytes row = page_row(leaf, index, &block);
  show_previous(version, put, row, block);
  place_over(version->store, leaf, index, placing);
  if (block) {
    root->bytes -= block->node.bytes;
    version_kill(version, &block->node);
  }
  return true;
}

static bool may_put(struct tree_put *put, bool is_there, const struct root *root, const struct page *leaf, uint32_t index)
{
  note_key(put->mark, put->tree, put->key);
  mark_leaf(put->mark, root, leaf);
  if (put->mode == PUT_UPDATE)
    return is_there;
  if (put->mode != PUT_INSERT || !is_there)
    return true;
  struct row_block *block;
  put->previous = page_row(leaf, index, &block);
  return false;
}

static struct placing placing_of(const struct tree_put *put)
{
  bool is_outside = put->row.size > ROW_INLINE || put->key.size + put->row.size > CELL_INLINE;
  size_t size = LEAF_CELL + put->key.size + (is_outside ? sizeof(struct row_block *) : put->row.size);
  return (struct placing){.key = put->key, .row = put->row, .size = (uint32_t)size, .is_outside = is_outside};
}

static enum put_result put_absent(struct version *version, struct tree_put *put)
{
  // No tree: nothing to find, but the position of what emptied it.
  const struct root *root = version_root(version, put->tree);
  note_key(put->mark, put->tree, put->key);
  mark_position(put->mark, root ? root->position : 0);
  if (put->mode == PUT_UPDATE)
    return PUT_REFUSED;
  return first_leaf(version, put->tree) ? PUT_DONE_INSERTED : PUT_NO_MEMORY;
}

// One descent. PUT_REFUSED with *is_again: the leaf was split, and the descent must begin again.
static enum put_result put_once(struct version *version, struct tree_put *put, struct placing *placing, bool *is_again)
{
  *is_again = false;
  const struct root *found = version_root(version, put->tree);
  if (!found || !found->page) {
    enum put_result result = put_absent(version, put);
    if (result != PUT_DONE_INSERTED)
      return result;
    found = version_root(version, put->tree);
  }
  struct path path;
  descend(found, placing->key, &path);
  struct page *leaf = path.at[path.depth].page;
  bool is_there;
  uint32_t index = page_search(leaf, placing->key, &is_there);
  if (!may_put(put, is_there, found, leaf, index))
    return PUT_REFUSED;
  if (placing->is_outside && !placing->block) {
    placing->block = version_new_block(version, placing->row);
    if (!placing->block)
      return PUT_NO_MEMORY;
  }
  struct root *root = (struct root *)(uintptr_t)found; // the version's own if the leaf is
  if (!node_is_own(version, &leaf->node)) {
    root = own_path(version, put->tree, &path);
    if (!root)
      return PUT_NO_MEMORY;
    leaf = path.at[path.depth].page;
  }
  if (is_there && version->kind == VERSION_BRANCH && leaf->row_blocks &&
      !version_reserve(version, (struct reserve){.replaced = 1}))
    return PUT_NO_MEMORY;
  bool is_placed = is_there ? replace(version, root, leaf, index, put, placing)
                            : place_new(version->store, leaf, index, placing);
  if (!is_placed) {
    *is_again = make_room(version, &path, root, index, placing->key);
    return *is_again ? PUT_REFUSED : PUT_NO_MEMORY;
  }
  note_position(version, leaf, put->position);
  if (placing->block)
    root->bytes += placing->block->node.bytes;
  if (!is_there)
    count_rows(root, &path, 1);
  version->change++;
  return is_there ? PUT_DONE_REPLACED : PUT_DONE_INSERTED;
}

enum put_result tree_put(struct version *version, struct tree_put *put)
{
  CHECK(version->kind != VERSION_SNAPSHOT);
  CHECK(put->key.size <= LIMIT_KEY && put->row.size <= LIMIT_ROW);
  put->previous = (struct bytes){0};
  struct placing placing = placing_of(put);
  bool is_again;
  enum put_result result;
  do
    result = put_once(version, put, &placing, &is_again);
  while (is_again);
  if (placing.block && (result == PUT_NO_MEMORY || result == PUT_REFUSED)) {
    version_kill(version, &placing.block->node);
    store_linger(version->store, NULL);
  }
  return result;
}

// --- Deleting -------------------------------------------------------------------------------------

// May these two become one? A little room is left, lest the next row split them again.
static bool can_join(const struct page *page, const struct page *other, size_t separator_size)
{
  size_t capacity = page_capacity(page), used = page_used(page) + page_used(other) + separator_size;
  return page->count == 0 ? used <= capacity : used <= capacity / 4 * 3;
}

// Joins the page at path->at[depth] with its right (or left) sibling, into itself.
static void join(struct version *version, struct root *root, struct path *path, int depth, bool with_right)
{
  struct page *page = path->at[depth].page, *parent = path->at[depth - 1].page;
  uint32_t index = path->at[depth - 1].index;
  uint32_t gone = with_right ? index + 1 : index; // the slot that goes; the one before it stays
  struct page *sibling = page_child(parent, with_right ? index + 1 : index - 1);
  struct bytes separator = page_key(parent, gone);
  page_join(page, with_right ? page : sibling, with_right ? sibling : page, separator,
    (struct page *)version->store->scratch);
  if (page->position < sibling->position)
    page->position = sibling->position;
  page_set_rows_below(parent, gone - 1, page_rows_below(parent, gone - 1) + page_rows_below(parent, gone));
  page_set_child(parent, gone - 1, page);
  page_remove(parent, gone);
  root->bytes -= sibling->node.bytes;
  version_kill(version, &sibling->node);
}

static void shrink(struct version *version, struct root *root, struct path *path)
{
  for (int depth = path->depth; depth > 0; depth--) {
    struct page *page = path->at[depth].page, *parent = path->at[depth - 1].page;
    uint32_t index = path->at[depth - 1].index;
    if (page_used(page) >= page_capacity(page) / JOIN_BELOW)
      break;
    size_t right_size = index + 1u < parent->count ? page_key(parent, index + 1).size : 0;
    size_t left_size = index > 0 ? page_key(parent, index).size : 0;
    if (index + 1u < parent->count && can_join(page, page_child(parent, index + 1), right_size))
      join(version, root, path, depth, true);
    else if (index > 0 && can_join(page, page_child(parent, index - 1), left_size))
      join(version, root, path, depth, false);
    else
      break;
  }
  while (root->page->node.kind == NODE_INNER && root->page->count == 1) {
    struct page *page = root->page;
    root->page = page_child(page, 0);
    root->bytes -= page->node.bytes;
    version_kill(version, &page->node);
  }
}

enum put_result tree_delete(struct version *version, struct tree_put *put)
{
  CHECK(version->kind != VERSION_SNAPSHOT);
  put->previous = (struct bytes){0};
  note_key(put->mark, put->tree, put->key);
  const struct root *found = version_root(version, put->tree);
  if (!found || !found->page) {
    mark_position(put->mark, found ? found->position : 0);
    return PUT_REFUSED;
  }
  struct path path;
  descend(found, put->key, &path);
  struct page *leaf = path.at[path.depth].page;
  bool is_there;
  uint32_t index = page_search(leaf, put->key, &is_there);
  mark_leaf(put->mark, found, leaf);
  if (!is_there)
    return PUT_REFUSED;
  struct root *root = (struct root *)(uintptr_t)found;
  if (!node_is_own(version, &leaf->node)) {
    root = own_path(version, put->tree, &path);
    if (!root)
      return PUT_NO_MEMORY;
    leaf = path.at[path.depth].page;
  }
  // Joins put siblings aside, the root's end its inner nodes, and the row may be a block.
  if (!version_reserve(version, (struct reserve){.replaced = 2 * (size_t)path.depth + 2}))
    return PUT_NO_MEMORY;
  struct row_block *block;
  struct bytes row = page_row(leaf, index, &block);
  show_previous(version, put, row, block);
  page_remove(leaf, index);
  if (block) {
    leaf->row_blocks--;
    root->bytes -= block->node.bytes;
    version_kill(version, &block->node);
  }
  leaf->run = 0;
  note_position(version, leaf, put->position);
  count_rows(root, &path, -1);
  shrink(version, root, &path);
  version->change++;
  return PUT_DONE_REPLACED;
}

bool tree_clear_at(struct version *version, tree_number tree, uint64_t position)
{
  CHECK(version->kind != VERSION_SNAPSHOT);
  const struct root *found = version_root(version, tree);
  if (!found || (!found->page && found->position >= position))
    return true;
  struct root *root = version_own_root(version, tree);
  if (!root || (root->page && !version_kill_tree(version, root)))
    return false;
  *root = (struct root){.position = root->position > position ? root->position : position,
    .is_cleared = version->kind == VERSION_BRANCH};
  if (version->newest < position)
    version->newest = position;
  version->change++;
  return true;
}

bool tree_clear(struct version *version, tree_number tree)
{
  return tree_clear_at(version, tree, version->newest);
}

// --- Counts ---------------------------------------------------------------------------------------

uint64_t tree_count(const struct version *version, tree_number tree)
{
  const struct root *root = version_root(version, tree);
  return root ? root->rows : 0;
}

static uint64_t rows_before(const struct root *root, struct bytes key)
{
  uint64_t rows = 0;
  const struct page *page = root->page;
  while (page->node.kind == NODE_INNER) {
    uint32_t index = page_search_child(page, key);
    for (uint32_t i = 0; i < index; i++)
      rows += page_rows_below(page, i);
    page = page_child(page, index);
  }
  bool is_equal;
  return rows + page_search(page, key, &is_equal);
}

uint64_t tree_estimate(const struct version *version, tree_number tree, struct bytes from, struct bytes to)
{
  const struct root *root = version_root(version, tree);
  if (!root || !root->page)
    return 0;
  uint64_t before = from.size ? rows_before(root, from) : 0;
  uint64_t end = to.size ? rows_before(root, to) : root->rows;
  return end > before ? end - before : 0;
}

bool tree_at(const struct version *version, tree_number tree, uint64_t rank, struct bytes *row)
{
  const struct root *root = version_root(version, tree);
  if (!root || !root->page || rank >= root->rows)
    return false;
  const struct page *page = root->page;
  while (page->node.kind == NODE_INNER) {
    uint32_t index = 0;
    for (; rank >= page_rows_below(page, index); index++)
      rank -= page_rows_below(page, index);
    page = page_child(page, index);
  }
  struct row_block *block;
  *row = page_row(page, (uint32_t)rank, &block);
  return true;
}

size_t tree_bytes(const struct version *version, tree_number tree)
{
  const struct root *root = version_root(version, tree);
  return root ? root->bytes : 0;
}
