// Diff: the changes that turn one version's tree into another's, in key order.
//
// Each side is a stream of pages not yet opened and rows of the leaf that is open. Two pages that are the
// same page are passed over together; otherwise the side whose next key is smaller is opened, so that
// the other one's page can still meet its like. What both share is never entered, but for the paths to
// where they part.
#include <stdlib.h>

#include "base/check.h"
#include "store/node.h"

struct side {
  const struct page *root; // not yet opened; NULL: opened, or an empty tree
  size_t pages; // opened so far
  int depth;    // of the open pages; -1: none
  struct {
    const struct page *page;
    uint32_t index; // of the next child or row
  } open[CURSOR_DEPTH];
};

struct diff {
  struct memory_account *account;
  struct side from, to;
};

size_t diff_pages(const struct diff *diff)
{
  return diff->from.pages + diff->to.pages;
}

static void side_init(struct side *side, const struct version *version, tree_number tree)
{
  const struct root *root = version_root(version, tree);
  side->root = root ? root->page : NULL;
  side->pages = 0;
  side->depth = -1;
}

// Leaves behind what was used up. False: the side is at its end.
static bool side_settle(struct side *side)
{
  while (side->depth >= 0 && side->open[side->depth].index >= side->open[side->depth].page->count)
    side->depth--;
  return side->root || side->depth >= 0;
}

// The page that comes next; NULL: a row comes next.
static const struct page *side_page(const struct side *side)
{
  if (side->root)
    return side->root;
  const struct page *page = side->open[side->depth].page;
  return page->node.kind == NODE_INNER ? page_child(page, side->open[side->depth].index) : NULL;
}

static void side_pass(struct side *side)
{
  if (side->root)
    side->root = NULL;
  else
    side->open[side->depth].index++;
}

static void side_open(struct side *side)
{
  const struct page *page = side_page(side);
  side_pass(side);
  side->pages++;
  side->depth++;
  side->open[side->depth].page = page;
  side->open[side->depth].index = 0;
}

// The next key; data NULL: the next leaf is empty, or hidden behind one that is.
static struct bytes side_key(const struct side *side)
{
  const struct page *page = side_page(side);
  if (!page)
    return page_key(side->open[side->depth].page, side->open[side->depth].index);
  while (page->node.kind == NODE_INNER)
    page = page_child(page, 0);
  return page->count > 0 ? page_key(page, 0) : (struct bytes){0};
}

// Opens the way down to the key.
static void side_seek(struct side *side, struct bytes key)
{
  while (side->root || (side->depth >= 0 && side_page(side))) {
    side_open(side);
    const struct page *page = side->open[side->depth].page;
    bool is_equal;
    side->open[side->depth].index =
        page->node.kind == NODE_INNER ? page_search_child(page, key) : page_search(page, key, &is_equal);
  }
}

struct diff *diff_open_at(const struct version *from, const struct version *to, tree_number tree, struct bytes key)
{
  struct diff *diff = diff_open(from, to, tree);
  if (diff && key.size && diff->from.root != diff->to.root) {
    side_seek(&diff->from, key);
    side_seek(&diff->to, key);
  }
  return diff;
}

struct diff *diff_open(const struct version *from, const struct version *to, tree_number tree)
{
  struct memory_account *account = from->store->account;
  if (!account_charge(account, sizeof(struct diff)))
    return NULL;
  struct diff *diff = malloc(sizeof *diff);
  if (!diff) {
    account_release(account, sizeof *diff);
    return NULL;
  }
  diff->account = account;
  side_init(&diff->from, from, tree);
  side_init(&diff->to, to, tree);
  return diff;
}

static struct bytes side_row(const struct side *side)
{
  struct row_block *block;
  return page_row(side->open[side->depth].page, side->open[side->depth].index, &block);
}

// Only this side has something here: a row that the other has not, or a page to look into.
static bool advance_one(struct side *side, struct diff_entry *entry, struct bytes *row)
{
  if (side_page(side)) {
    side_open(side);
    return false;
  }
  *entry = (struct diff_entry){.key = side_key(side)};
  *row = side_row(side);
  side_pass(side);
  return true;
}

static bool advance_both(struct side *from, struct side *to, struct diff_entry *entry)
{
  const struct page *from_page = side_page(from), *to_page = side_page(to);
  if (from_page || to_page) {
    int from_level = from_page ? from_page->node.level : -1, to_level = to_page ? to_page->node.level : -1;
    if (from_level >= to_level)
      side_open(from);
    if (to_level >= from_level)
      side_open(to);
    return false;
  }
  *entry = (struct diff_entry){.key = side_key(to), .old_row = side_row(from), .new_row = side_row(to)};
  side_pass(from);
  side_pass(to);
  return entry->old_row.data != entry->new_row.data && !bytes_equal(entry->old_row, entry->new_row);
}

static bool step(struct diff *diff, bool has_from, bool has_to, struct diff_entry *entry)
{
  struct side *from = &diff->from, *to = &diff->to;
  struct bytes row;
  int order = has_from ? -1 : 1;
  if (has_from && has_to) {
    if (side_page(from) && side_page(from) == side_page(to)) {
      side_pass(from);
      side_pass(to);
      return false;
    }
    struct bytes from_key = side_key(from), to_key = side_key(to);
    if (from_key.data && to_key.data)
      order = bytes_compare(from_key, to_key);
    else
      order = from_key.data ? 1 : -1;
  }
  if (order == 0)
    return advance_both(from, to, entry);
  if (!advance_one(order < 0 ? from : to, entry, &row))
    return false;
  if (order < 0)
    entry->old_row = row;
  else
    entry->new_row = row;
  return true;
}

bool diff_next(struct diff *diff, struct diff_entry *entry)
{
  for (;;) {
    bool has_from = side_settle(&diff->from), has_to = side_settle(&diff->to);
    if (!has_from && !has_to)
      return false;
    if (step(diff, has_from, has_to, entry))
      return true;
  }
}

void diff_close(struct diff *diff)
{
  if (!diff)
    return;
  struct memory_account *account = diff->account;
  free(diff);
  account_release(account, sizeof *diff);
}
