// Inside the store: nodes, slotted pages, versions. Not for other rooms.
//
// A node is born at the store's clock, which moves on whenever a version is pinned. A version may change
// a node in place if the node is younger than all that pins the version (birth > version->frozen);
// otherwise a pin may see it, and the version copies it first.
//
// 1. If a node is its version's own, so are its ancestors: a pin that sees a parent sees the child.
// 2. Nothing that a reader looks at changes in a frozen node; `next`, `previous` and `whole` belong to the store's
//    thread alone.
#pragma once

#include "base/arena.h"
#include "base/limits.h"
#include "store/store.h"

enum node_kind { NODE_LEAF, NODE_INNER, NODE_ROOTS, NODE_DIRECTORY, NODE_ROW };

// Not powers of two, so that the nodes' first lines spread over the sets of the caches.
enum {
  SMALL_BYTES = 4096 - 64, // leaves and the root array
  LARGE_BYTES = 8192 - 64, // inner nodes: at least three of the longest keys
  SIZE_CLASSES = 2,
};

struct slab_chunk;

// Of a dead node: did all that is below it die with it, and is that counted as retired already?
enum whole { WHOLE_NOT, WHOLE, WHOLE_COUNTED };

struct node {
  uint64_t birth;
  struct node *next; // in a list: a branch's own nodes, or the dead
  struct node *previous; // in the list of a branch's own nodes
  struct slab_chunk *chunk; // NULL for a NODE_ROW
  uint32_t bytes;           // of the whole node
  uint8_t kind;
  uint8_t level; // 0: a leaf
  uint8_t whole; // enum whole
};

// A row too large for its leaf. Leaves of several versions may point to it.
struct row_block {
  struct node node;
  struct row_block *older, *newer; // all blocks of the store
  uint32_t size;
  uint8_t data[];
};

// --- Slotted pages (page.c): leaves and inner nodes ----------------------------------------------

struct slot {
  uint32_t head;     // the key's first four bytes behind the page's prefix, big-endian, padded with zeros
  uint16_t offset;   // of the cell
  uint16_t key_size; // bytes of the whole key
};

enum { PREFIX_INLINE = 16 };

struct page {
  struct node node;
  uint64_t position;      // leaf: the newest position that changed it, or a leaf that it took in
  uint16_t count;         // slots
  uint16_t cells;         // offset of the lowest cell; they grow down from the end
  uint16_t garbage;       // bytes of dead cells
  uint16_t prefix_size;   // bytes that all keys have in common (an upper part of them, after a removal)
  uint16_t run_index;     // leaf: where the last row was inserted,
  int16_t run;            // and for how many in a row it was just behind (> 0) or at (< 0) the one before
  uint16_t row_blocks;    // leaf: rows that live outside
  uint8_t prefix[PREFIX_INLINE]; // if it is not longer
  struct slot slots[];
};

// A leaf's cell: row size (2), key, row; or ROW_OUTSIDE, key, pointer to a row_block.
// An inner node's cell: child (8), rows below it (8), the lower bound of its keys (none for the first).
enum {
  PAGE_HEADER = offsetof(struct page, slots),
  LEAF_CELL = 2,
  INNER_CELL = 16,
  ROW_OUTSIDE = 0xffff,
  ROW_INLINE = 988,              // the largest row inside a leaf,
  CELL_INLINE = LIMIT_KEY + 10,  // with its key not larger than this
};
_Static_assert(PAGE_HEADER + sizeof(struct slot) + LEAF_CELL + CELL_INLINE + 8 < SMALL_BYTES, "a leaf holds any cell");
_Static_assert(PAGE_HEADER + 3 * (sizeof(struct slot) + INNER_CELL + LIMIT_KEY) < LARGE_BYTES, "inner nodes branch");

static inline uint8_t *page_at(const struct page *page, uint32_t offset)
{
  return (uint8_t *)(uintptr_t)page + offset;
}

static inline uint32_t page_first(const struct page *page) // the first slot that has a key
{
  return page->node.kind == NODE_INNER;
}

static inline struct bytes page_key(const struct page *page, uint32_t index)
{
  const struct slot *slot = &page->slots[index];
  uint32_t before = page->node.kind == NODE_INNER ? INNER_CELL : LEAF_CELL;
  return bytes_of(page_at(page, slot->offset + before), slot->key_size);
}

static inline struct page *page_child(const struct page *page, uint32_t index)
{
  struct page *child;
  memcpy(&child, page_at(page, page->slots[index].offset), sizeof child);
  return child;
}

static inline void page_set_child(struct page *page, uint32_t index, const struct page *child)
{
  memcpy(page_at(page, page->slots[index].offset), &child, sizeof child);
}

static inline uint64_t page_rows_below(const struct page *page, uint32_t index)
{
  return get_le64(page_at(page, page->slots[index].offset + 8u));
}

static inline void page_set_rows_below(struct page *page, uint32_t index, uint64_t rows)
{
  put_le64(page_at(page, page->slots[index].offset + 8u), rows);
}

static inline uint32_t page_gap(const struct page *page) // free bytes between slots and cells
{
  return page->cells - PAGE_HEADER - page->count * (uint32_t)sizeof(struct slot);
}

static inline uint32_t page_used(const struct page *page) // bytes of slots and living cells
{
  return page->node.bytes - PAGE_HEADER - page_gap(page) - page->garbage;
}

static inline uint32_t page_capacity(const struct page *page)
{
  return page->node.bytes - PAGE_HEADER;
}

static inline bool page_is_inside(const struct page *page, const uint8_t *at)
{
  return (uintptr_t)at >= (uintptr_t)page && (uintptr_t)at < (uintptr_t)page + page->node.bytes;
}

// The row of a leaf's slot; block gets where it lives if outside, otherwise NULL.
struct bytes page_row(const struct page *page, uint32_t index, struct row_block **block);
uint32_t page_cell_size(const struct page *page, uint32_t index);
// Clears all but the node's header and the position.
void page_clear(struct page *page);
// The first slot with a key >= key, of those that have one; is_equal: it has this key.
uint32_t page_search(const struct page *page, struct bytes key, bool *is_equal);
// The slot of an inner node below which the key lies.
uint32_t page_search_child(const struct page *page, struct bytes key);
// Inserts a slot with a cell of cell_size bytes and the key in it; the caller fills the rest of the cell.
// There must be room in the gap. Returns the cell.
uint8_t *page_insert(struct page *page, uint32_t index, struct bytes key, uint32_t cell_size);
// The same behind the last slot without care for prefix and heads: page_finish does that for all.
uint8_t *page_append(struct page *page, struct bytes key, uint32_t cell_size);
void page_finish(struct page *page);
void page_remove(struct page *page, uint32_t index);
// Turns the garbage into gap; scratch is a page of the same size.
void page_compact(struct page *page, struct page *scratch);
// Moves the slots from index on to an empty page. Of an inner node the first one's key is dropped.
void page_split(struct page *page, uint32_t index, struct page *right);
// Fills `into` with both pages' slots, of which it is one; separator: an inner right page's lower bound.
void page_join(struct page *into, const struct page *left, const struct page *right, struct bytes separator,
  struct page *scratch);

// --- The slab (slab.c) ----------------------------------------------------------------------------

struct slab_class {
  struct slab_chunk *empty, *partial, *full;
  size_t free;  // nodes
  size_t spare; // of these, never needed since the last slab_trim
  size_t nodes; // all that there is room for
};

struct slab {
  struct memory_account *account;
  struct slab_class classes[SIZE_CLASSES];
};

void slab_init(struct slab *slab, struct memory_account *account);
void slab_deinit(struct slab *slab); // frees all nodes
// Makes sure that so many allocations of each class succeed.
bool slab_reserve(struct slab *slab, const size_t counts[SIZE_CLASSES]) __attribute__((warn_unused_result));
// Only after slab_reserve. Not cleared.
struct node *slab_take(struct slab *slab, int size_class);
void slab_give(struct slab *slab, struct node *node);
bool slab_has_empty(const struct slab *slab);
// Takes over all chunks of another slab, with what lies in them. Gives how many bytes they have.
size_t slab_absorb(struct slab *slab, struct slab *other);
// Gives the empty chunks back that were not needed since the last call.
void slab_trim(struct slab *slab);

// --- Versions (version.c) -------------------------------------------------------------------------

enum { ROOTS = 64, DIRECTORY = 256 };

struct root {
  struct page *page; // NULL: an empty tree
  uint64_t rows;
  uint64_t position; // of the newest change of the tree as a whole: on it depends who sees any of it
  uint64_t bytes;    // of its nodes and outside rows
  uint8_t is_cleared; // in the branch that owns this part of the array: adoption sets the position
};

// 64 roots; and above them as many levels of directories as the largest tree number needs.
struct roots {
  struct node node;
  struct root roots[ROOTS];
};

struct directory {
  struct node node;
  struct node *children[DIRECTORY];
};
_Static_assert(sizeof(struct roots) <= SMALL_BYTES && sizeof(struct directory) <= SMALL_BYTES, "fit their size class");

struct node_list {
  struct node *first, *last;
  size_t bytes;
};

// Nodes of its parent that a branch replaced: they die when it is adopted. The lowest bit of an entry is
// set for the root of a tree that was dropped whole.
struct replaced {
  uintptr_t *nodes;
  size_t count, capacity;
};

struct version {
  struct store *store;
  enum version_kind kind;
  uint64_t frozen; // nodes born up to this time may be seen by a pin (or, in a branch, are the parent's)
  uint64_t change; // counts changes, so that cursors notice
  uint64_t definitions;
  uint64_t newest; // position of all changes
  struct node *roots; // of root_levels levels of directories
  int root_levels;
  tree_number tree_limit;

  // A pin (snapshot or branch) of another version.
  struct version *parent;
  struct version *older, *newer; // the parent's other pins
  uint64_t time;                 // of the pin
  uint64_t parent_change;        // then
  struct node_list dead;         // replaced by the parent while this was its newest pin
  struct node_list undecided;    // dead nodes that no newer pin sees: does this one?
  struct version *next_undecided, *previous_undecided; // the store's list of pins that have some

  // A version that changes.
  struct version *newest_pin;
  struct node *own, *own_last; // a branch's nodes, doubly linked
  size_t own_bytes;
  struct replaced replaced;
};

struct store {
  struct memory_account *account;
  struct slab slab;
  struct version trunk;
  uint64_t clock;       // of pins
  uint64_t definitions; // the last number given
  size_t pins;
  size_t retired;             // bytes on dead and undecided lists
  int made;                   // nodes, since the last store_collect
  size_t node_bytes;          // of all nodes, dead ones included
  size_t node_count;          // likewise
  struct node_list free;      // nothing reaches them any more
  struct version *undecided;
  struct row_block *blocks;   // newest first
  struct row_block *oldest_block;
  struct row_block *lingering; // replaced by the last change, which may have shown it to its caller
  // Room for the row that the last change replaced; two, as it may be the next change's row.
  int shown;
  uint8_t shown_rows[2][ROW_INLINE];
  uint8_t argument[CELL_INLINE + ROW_INLINE];
  _Alignas(16) uint8_t scratch[LARGE_BYTES];
};

static inline bool node_is_own(const struct version *version, const struct node *node)
{
  return node->birth > version->frozen;
}

// Makes sure that so many nodes can be made, and that a branch can note so many of its parent's nodes as replaced.
struct reserve {
  size_t small, large, replaced;
};
bool version_reserve(struct version *version, struct reserve reserve) __attribute__((warn_unused_result));
// A new page of this version; only after version_reserve.
struct page *version_new_page(struct version *version, struct root *root, int level);
struct row_block *version_new_block(struct version *version, struct bytes row); // NULL: out of memory
// A copy that is the version's own, the original replaced by it; only after version_reserve.
struct node *version_own(struct version *version, struct node *node);
// The version does not reach this node any more.
void version_kill(struct version *version, struct node *node);
// The same for a tree that has pages.
bool version_kill_tree(struct version *version, const struct root *root);
// Frees the block that lingers for the last change's caller, and keeps this one (or none) instead.
void store_linger(struct store *store, struct row_block *block);
void store_free(struct store *store, struct node *node);

const struct root *version_root(const struct version *version, tree_number tree); // NULL: never used
// The root, in an array that is the version's own. NULL: out of memory.
struct root *version_own_root(struct version *version, tree_number tree);

size_t diff_pages(const struct diff *diff); // pages that it has looked into (diff.c)

// --- Paths (tree.c) -------------------------------------------------------------------------------

struct path {
  int depth; // of the leaf; the root has 0
  struct {
    struct page *page;
    uint32_t index;
  } at[CURSOR_DEPTH];
};

static inline void mark_position(struct read_mark *mark, uint64_t position)
{
  if (mark && mark->position < position)
    mark->position = position;
}

static inline void mark_leaf(struct read_mark *mark, const struct root *root, const struct page *leaf)
{
  mark_position(mark, root->position > leaf->position ? root->position : leaf->position);
}

// A leaf is read from memory as a whole: asking for its lines at once costs one latency, not five.
static inline void page_prefetch(const struct page *page)
{
  for (uint32_t offset = 0; offset < 640; offset += 64)
    __builtin_prefetch(page_at(page, offset));
}
