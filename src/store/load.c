// The bulk loader: builds a tree from the left to the right, one open page on each level, all full.
//
// The pages are in no tree until tree_load_end puts the root there; until then nobody sees them.
#include <stdlib.h>

#include "base/check.h"
#include "store/node.h"

struct open_page {
  struct page *page; // NULL: it is closed, and lies below the next level's
  uint64_t rows;     // below it
  uint32_t lower_size;
  uint8_t lower[LIMIT_KEY]; // bound of its keys
};

struct tree_loader {
  struct version *version;
  tree_number tree;
  struct root root; // that will be
  int levels;
  bool has_failed;
  uint32_t last_size; // of the last key
  uint8_t last[LIMIT_KEY];
  struct open_page open[CURSOR_DEPTH - 1]; // by level
};

struct tree_loader *tree_load_begin(struct version *version, tree_number tree, uint64_t position)
{
  CHECK(version->kind != VERSION_SNAPSHOT && tree_count(version, tree) == 0);
  struct memory_account *account = version->store->account;
  if (!account_charge(account, sizeof(struct tree_loader)))
    return NULL;
  struct tree_loader *loader = malloc(sizeof *loader);
  if (!loader) {
    account_release(account, sizeof *loader);
    return NULL;
  }
  const struct root *root = version_root(version, tree);
  uint64_t emptied = root ? root->position : 0;
  if (root && root->page && root->page->position > emptied)
    emptied = root->page->position;
  loader->version = version;
  loader->tree = tree;
  loader->root = (struct root){.position = position > emptied ? position : emptied};
  loader->levels = 0;
  loader->has_failed = false;
  loader->last_size = 0;
  return loader;
}

static struct page *open_page(struct tree_loader *loader, int level, struct bytes lower)
{
  if (level >= CURSOR_DEPTH - 1 || !slab_reserve(&loader->version->store->slab, (size_t[]){level == 0, level > 0}))
    return NULL;
  struct open_page *open = &loader->open[level];
  open->page = version_new_page(loader->version, &loader->root, level);
  if (level == 0)
    open->page->position = loader->root.position;
  open->rows = 0;
  open->lower_size = (uint32_t)lower.size;
  if (lower.size)
    memcpy(open->lower, lower.data, lower.size);
  if (loader->levels <= level)
    loader->levels = level + 1;
  return open->page;
}

// Puts the open page of a level, which is full or the last, into the one above.
static bool close_page(struct tree_loader *loader, int level)
{
  struct open_page *open = &loader->open[level], *above = open + 1;
  struct bytes lower = bytes_of(open->lower, open->lower_size);
  page_finish(open->page);
  bool is_first = level + 1 >= loader->levels;
  if (!is_first && page_gap(above->page) < INNER_CELL + lower.size + sizeof(struct slot)) {
    if (!close_page(loader, level + 1))
      return false;
    is_first = true;
  }
  if (is_first && !open_page(loader, level + 1, lower))
    return false;
  struct bytes key = is_first ? (struct bytes){0} : lower;
  uint8_t *cell = page_append(above->page, key, INNER_CELL + (uint32_t)key.size);
  memcpy(cell, &open->page, sizeof open->page);
  put_le64(cell + 8, open->rows);
  above->rows += open->rows;
  open->page = NULL;
  return true;
}

static struct page *leaf_for(struct tree_loader *loader, struct bytes key, uint32_t cell_size)
{
  if (loader->levels == 0)
    return open_page(loader, 0, (struct bytes){0});
  struct page *leaf = loader->open[0].page;
  if (page_gap(leaf) >= cell_size + sizeof(struct slot))
    return leaf;
  size_t size = 0; // of the shortest separator
  while (size < loader->last_size && loader->last[size] == key.data[size])
    size++;
  if (!close_page(loader, 0))
    return NULL;
  return open_page(loader, 0, bytes_of(key.data, size + 1));
}

static bool add(struct tree_loader *loader, struct bytes key, struct bytes row)
{
  bool is_outside = row.size > ROW_INLINE || key.size + row.size > CELL_INLINE;
  size_t size = LEAF_CELL + key.size + (is_outside ? sizeof(struct row_block *) : row.size);
  struct page *leaf = leaf_for(loader, key, (uint32_t)size);
  if (!leaf)
    return false;
  struct row_block *block = is_outside ? version_new_block(loader->version, row) : NULL;
  if (is_outside && !block)
    return false;
  uint8_t *cell = page_append(leaf, key, (uint32_t)size);
  put_le16(cell, is_outside ? ROW_OUTSIDE : (uint16_t)row.size);
  if (block) {
    memcpy(cell + LEAF_CELL + key.size, &block, sizeof block);
    leaf->row_blocks++;
    loader->root.bytes += block->node.bytes;
  } else if (row.size) {
    memcpy(cell + LEAF_CELL + key.size, row.data, row.size);
  }
  loader->open[0].rows++;
  loader->root.rows++;
  memcpy(loader->last, key.data, key.size);
  loader->last_size = (uint32_t)key.size;
  return true;
}

bool tree_load_add(struct tree_loader *loader, struct bytes key, struct bytes row)
{
  CHECK(key.size <= LIMIT_KEY && row.size <= LIMIT_ROW);
  if (loader->has_failed || (loader->root.rows > 0 &&
      bytes_compare(key, bytes_of(loader->last, loader->last_size)) <= 0))
    return false;
  loader->has_failed = !add(loader, key, row);
  return !loader->has_failed;
}

static bool finish(struct tree_loader *loader)
{
  for (int level = 0; level + 1 < loader->levels; level++)
    if (!close_page(loader, level))
      return false;
  struct version *version = loader->version;
  struct root *root = version_own_root(version, loader->tree);
  if (!root || (root->page && !version_kill_tree(version, root)))
    return false;
  struct page *page = loader->open[loader->levels - 1].page;
  page_finish(page);
  loader->root.page = page;
  loader->root.is_cleared = root->is_cleared;
  *root = loader->root;
  if (version->newest < root->position)
    version->newest = root->position;
  version->change++;
  return true;
}

// A page's children die with it; an open page is in no other.
static void drop(struct version *version, struct page *page)
{
  for (uint32_t i = 0; i < page->count; i++) {
    struct row_block *block = NULL;
    if (page->node.kind == NODE_INNER)
      drop(version, page_child(page, i));
    else
      (void)page_row(page, i, &block);
    if (block)
      version_kill(version, &block->node);
  }
  version_kill(version, &page->node);
}

bool tree_load_end(struct tree_loader *loader)
{
  if (!loader)
    return false;
  struct version *version = loader->version;
  bool is_loaded = !loader->has_failed && (loader->levels == 0 || finish(loader));
  for (int level = 0; !is_loaded && level < loader->levels; level++)
    if (loader->open[level].page)
      drop(version, loader->open[level].page);
  struct memory_account *account = version->store->account;
  free(loader);
  account_release(account, sizeof *loader);
  return is_loaded;
}
