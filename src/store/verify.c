// Checks every invariant of a version's trees.
#include "base/sqlstate.h"
#include "store/node.h"

struct verify {
  const struct version *version;
  tree_number tree;
  struct error *error;
  size_t bytes; // of the tree
};

static bool fail(const struct verify *verify, const struct page *page, const char *what)
{
  (void)!error_set(verify->error, SQLSTATE_DATA_CORRUPTED, "tree %u: %s (level %d, %d slots)", verify->tree, what,
    page->node.level, page->count);
  return false;
}

static bool verify_slots(struct verify *verify, const struct page *page, struct bytes low, struct bytes high)
{
  uint32_t cells = 0, blocks = 0;
  for (uint32_t i = 0; i < page->count; i++) {
    if (page->slots[i].offset < page->cells || page->slots[i].offset + page_cell_size(page, i) > page->node.bytes)
      return fail(verify, page, "a cell lies outside its page");
    cells += page_cell_size(page, i);
    struct row_block *block = NULL;
    if (page->node.kind == NODE_LEAF)
      (void)page_row(page, i, &block);
    if (block) {
      blocks++;
      verify->bytes += block->node.bytes;
      if (block->node.kind != NODE_ROW || block->node.birth > verify->version->store->clock)
        return fail(verify, page, "a row block is not alive");
    }
    if (i < page_first(page))
      continue;
    struct bytes key = page_key(page, i);
    if ((low.data && bytes_compare(key, low) < 0) || (high.data && bytes_compare(key, high) >= 0))
      return fail(verify, page, "a key lies outside its page's bounds");
    if (i > page_first(page) && bytes_compare(page_key(page, i - 1), key) >= 0)
      return fail(verify, page, "keys are out of order");
    bool is_equal;
    if (page_search(page, key, &is_equal) != i || !is_equal)
      return fail(verify, page, "a key is not found");
  }
  if (cells + page->garbage != page->node.bytes - page->cells)
    return fail(verify, page, "bytes do not add up");
  if (page->node.kind == NODE_LEAF && blocks != page->row_blocks)
    return fail(verify, page, "the number of row blocks is wrong");
  return true;
}

static bool verify_page(struct verify *verify, const struct page *page, struct bytes low, struct bytes high,
  uint64_t *rows)
{
  const struct version *version = verify->version;
  verify->bytes += page->node.bytes;
  if (page->node.birth > version->store->clock)
    return fail(verify, page, "a page is not alive");
  if (page->node.kind != (page->node.level > 0 ? NODE_INNER : NODE_LEAF))
    return fail(verify, page, "a page is of the wrong kind");
  if (!verify_slots(verify, page, low, high))
    return false;
  if (page->node.kind == NODE_LEAF) {
    *rows = page->count;
    return true;
  }
  if (page->count == 0)
    return fail(verify, page, "an inner page is empty");
  *rows = 0;
  for (uint32_t i = 0; i < page->count; i++) {
    const struct page *child = page_child(page, i);
    if (child->node.level + 1 != page->node.level)
      return fail(verify, page, "a child is on the wrong level");
    if (node_is_own(version, &child->node) && !node_is_own(version, &page->node))
      return fail(verify, page, "a child is the version's own and its parent is not");
    uint64_t below;
    if (!verify_page(verify, child, i > 0 ? page_key(page, i) : low,
        i + 1u < page->count ? page_key(page, i + 1) : high, &below))
      return false;
    if (below != page_rows_below(page, i))
      return fail(verify, page, "a child's rows are counted wrong");
    *rows += below;
  }
  return true;
}

bool version_verify(const struct version *version, struct error *error)
{
  struct verify verify = {.version = version, .error = error};
  for (; verify.tree < version->tree_limit; verify.tree++) {
    const struct root *root = version_root(version, verify.tree);
    if (!root || !root->page) {
      if (!root || (root->rows == 0 && root->bytes == 0))
        continue;
      (void)!error_set(error, SQLSTATE_DATA_CORRUPTED, "tree %u: an empty tree has rows", verify.tree);
      return false;
    }
    verify.bytes = 0;
    uint64_t rows;
    if (!verify_page(&verify, root->page, (struct bytes){0}, (struct bytes){0}, &rows))
      return false;
    if (rows != root->rows)
      return fail(&verify, root->page, "rows are counted wrong");
    if (verify.bytes != root->bytes)
      return fail(&verify, root->page, "bytes are counted wrong");
  }
  return true;
}
