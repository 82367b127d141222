// Sides: stores of their own for long changes beside the trunk, and how their trees become the trunk's.
//
// 1. A side has no pins. All of its nodes are born at one time, just behind its snapshot's: for whatever pinned the trunk
//    since, they may be older than they are, and stay a little longer than they had to.
// 2. What a side does not own it never frees.
#include <stdlib.h>

#include "base/check.h"
#include "store/node.h"

// --- Owning a tree ----------------------------------------------------------------------------------------------

static bool own_blocks(struct version *side, struct page *leaf)
{
  for (uint32_t i = 0; leaf->row_blocks && i < leaf->count; i++) {
    struct row_block *block;
    struct bytes row = page_row(leaf, i, &block);
    if (!block || node_is_own(side, &block->node))
      continue;
    struct row_block *copy = version_new_block(side, row);
    if (!copy)
      return false;
    memcpy(page_at(leaf, leaf->slots[i].offset) + LEAF_CELL + leaf->slots[i].key_size, &copy, sizeof copy);
  }
  return true;
}

// A page that is the side's own already may have children that are not.
static bool own_below(struct version *side, struct page *page)
{
  if (page->node.kind == NODE_LEAF)
    return own_blocks(side, page);
  for (uint32_t i = 0; i < page->count; i++) {
    struct page *child = page_child(page, i);
    if (!node_is_own(side, &child->node)) {
      if (!version_reserve(side, (struct reserve){.small = 1, .large = 1}))
        return false;
      child = (struct page *)version_own(side, &child->node);
      page_set_child(page, i, child);
    }
    if (!own_below(side, child))
      return false;
  }
  return true;
}

bool tree_own(struct version *side, tree_number tree)
{
  CHECK(side->kind == VERSION_SIDE);
  struct root *root = version_own_root(side, tree);
  if (!root || !version_reserve(side, (struct reserve){.small = 1, .large = 1}))
    return false;
  if (root->page && !node_is_own(side, &root->page->node))
    root->page = (struct page *)version_own(side, &root->page->node);
  side->change++;
  return !root->page || own_below(side, root->page);
}

// --- Attaching --------------------------------------------------------------------------------------------------

// Frees what the side owns: the trees that were not attached, and its array of roots.
static void free_roots(struct version *side, struct node *node, int level)
{
  if (!node || !node_is_own(side, node))
    return;
  for (int i = 0; level > 0 && i < DIRECTORY; i++)
    free_roots(side, ((struct directory *)node)->children[i], level - 1);
  for (int i = 0; level == 0 && i < ROOTS; i++) {
    const struct root *root = &((struct roots *)node)->roots[i];
    if (root->page)
      (void)version_kill_tree(side, root); // of a side it needs no memory
  }
  store_free(side->store, node);
}

static void absorb(struct store *store, struct store *side)
{
  size_t bytes = slab_absorb(&store->slab, &side->slab);
  for (const struct row_block *block = side->blocks; block; block = block->older)
    bytes += block->node.bytes;
  if (side->blocks) {
    side->oldest_block->older = store->blocks;
    if (store->blocks)
      store->blocks->newer = side->oldest_block;
    else
      store->oldest_block = side->oldest_block;
    store->blocks = side->blocks;
  }
  side->blocks = side->oldest_block = NULL;
  store->node_bytes += side->node_bytes;
  store->node_count += side->node_count;
  account_pass_on(side->account, bytes);
}

bool store_attach(struct store *store, struct store *side, const tree_number *from, const tree_number *to, int count,
  uint64_t position)
{
  struct version *trunk = &store->trunk, *version = &side->trunk;
  struct root *roots[STORE_ATTACH_LIMIT];
  CHECK(count <= STORE_ATTACH_LIMIT && version->kind == VERSION_SIDE && side->account->parent == store->account);
  for (int i = 0; i < count; i++)
    if (!(roots[i] = version_own_root(trunk, to[i])))
      return false;
  for (int i = 0; i < count; i++) {
    struct root *root = (struct root *)(uintptr_t)version_root(version, from[i]);
    CHECK(!root || !root->page || node_is_own(version, &root->page->node));
    if (roots[i]->page)
      (void)version_kill_tree(trunk, roots[i]); // of the trunk it needs no memory
    *roots[i] = root ? *root : (struct root){0};
    roots[i]->position = position;
    roots[i]->is_cleared = 0;
    if (root && root->page)
      root->page = NULL;
  }
  store_linger(side, NULL);
  free_roots(version, version->roots, version->root_levels);
  absorb(store, side);
  store_close(side);
  trunk->change++;
  trunk->newest = position;
  return true;
}
