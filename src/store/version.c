// Versions: who owns which node, and when a node dies.
//
// The store's clock moves on with each pin. A node is born at the clock's time; when a version replaces
// it, it is freed at once if no pin of the version can see it, and otherwise put on the dead list of the
// newest pin. When a pin is closed its dead nodes become undecided: they are handed to the next older pin, and
// store_collect finds out whether that one sees them (birth <= its time) or, as no older one can, frees them.
// (The dead lists are those of ZFS; their nodes are decided one by one, in slices, and lazily.)
//
// 1. Pins of a version are in the order of their times; a node is only on the dead list of a pin that sees it, and of
//    those that do on the newest one's.
// 2. A branch's own nodes are in one list; those of its parent that it replaced are noted in `replaced`
//    and stay the parent's until adoption kills them there.
// 3. Nothing here needs memory to free memory.
#include <stdlib.h>

#include "base/check.h"
#include "store/node.h"

static void list_append(struct node_list *list, struct node *node)
{
  node->next = NULL;
  if (list->last)
    list->last->next = node;
  else
    list->first = node;
  list->last = node;
  list->bytes += node->bytes;
}

static void list_move(struct node_list *to, struct node_list *from)
{
  if (!from->first)
    return;
  if (to->last)
    to->last->next = from->first;
  else
    to->first = from->first;
  to->last = from->last;
  to->bytes += from->bytes;
  *from = (struct node_list){0};
}

static struct node *list_take(struct node_list *list)
{
  struct node *node = list->first;
  list->first = node->next;
  if (!list->first)
    list->last = NULL;
  list->bytes -= node->bytes;
  return node;
}

// --- Opening and closing --------------------------------------------------------------------------

struct store *store_open(struct memory_account *account)
{
  if (!account_charge(account, sizeof(struct store)))
    return NULL;
  struct store *store = aligned_alloc(64, (sizeof *store + 63) / 64 * 64);
  if (!store) {
    account_release(account, sizeof *store);
    return NULL;
  }
  memset(store, 0, sizeof *store);
  store->account = account;
  slab_init(&store->slab, account);
  store->clock = 1;
  store->definitions = 1;
  store->trunk = (struct version){.store = store, .kind = VERSION_TRUNK, .definitions = 1};
  return store;
}

struct store *store_open_side(const struct version *snapshot, struct memory_account *account)
{
  CHECK(snapshot->kind == VERSION_SNAPSHOT);
  struct store *side = store_open(account);
  if (!side)
    return NULL;
  side->clock = snapshot->time + 1;
  side->definitions = snapshot->definitions;
  side->trunk = (struct version){.store = side, .kind = VERSION_SIDE, .definitions = snapshot->definitions,
    .roots = snapshot->roots, .root_levels = snapshot->root_levels, .tree_limit = snapshot->tree_limit,
    .time = snapshot->time, .frozen = snapshot->time, .newest = snapshot->newest};
  return side;
}

static void free_block(struct store *store, struct row_block *block)
{
  if (block->newer)
    block->newer->older = block->older;
  else
    store->blocks = block->older;
  if (block->older)
    block->older->newer = block->newer;
  else
    store->oldest_block = block->newer;
  account_release(store->account, block->node.bytes);
  free(block);
}

void store_close(struct store *store)
{
  if (!store)
    return;
  CHECK(store->pins == 0);
  while (store->blocks)
    free_block(store, store->blocks);
  slab_deinit(&store->slab);
  struct memory_account *account = store->account;
  free(store);
  account_release(account, sizeof *store);
}

struct version *store_trunk(struct store *store)
{
  return &store->trunk;
}

size_t store_retired_bytes(const struct store *store)
{
  return store->retired;
}

void store_free(struct store *store, struct node *node)
{
  store->node_bytes -= node->bytes;
  store->node_count--;
  if (node->chunk)
    slab_give(&store->slab, node);
  else
    free_block(store, (struct row_block *)node);
}

void store_linger(struct store *store, struct row_block *block)
{
  if (store->lingering)
    store_free(store, &store->lingering->node);
  store->lingering = block;
}

// --- Nodes of a version ---------------------------------------------------------------------------

bool version_reserve(struct version *version, struct reserve reserve)
{
  struct store *store = version->store;
  struct replaced *replaced = &version->replaced;
  if (version->kind == VERSION_BRANCH && replaced->capacity - replaced->count < reserve.replaced) {
    size_t capacity = replaced->capacity * 2;
    if (capacity < replaced->count + reserve.replaced)
      capacity = replaced->count + reserve.replaced + 64;
    size_t more = (capacity - replaced->capacity) * sizeof *replaced->nodes;
    if (!account_charge(store->account, more))
      return false;
    uintptr_t *nodes = realloc(replaced->nodes, capacity * sizeof *nodes);
    if (!nodes) {
      account_release(store->account, more);
      return false;
    }
    replaced->nodes = nodes;
    replaced->capacity = capacity;
  }
  return slab_reserve(&store->slab, (size_t[]){reserve.small, reserve.large});
}

static void own_add(struct version *version, struct node *node)
{
  node->birth = version->store->clock;
  node->whole = WHOLE_NOT;
  version->store->node_bytes += node->bytes;
  version->store->node_count++;
  version->store->made++;
  if (version->kind != VERSION_BRANCH)
    return;
  node->previous = NULL;
  node->next = version->own;
  if (version->own)
    version->own->previous = node;
  else
    version->own_last = node;
  version->own = node;
  version->own_bytes += node->bytes;
}

static void own_remove(struct version *version, struct node *node)
{
  if (node->previous)
    node->previous->next = node->next;
  else
    version->own = node->next;
  if (node->next)
    node->next->previous = node->previous;
  else
    version->own_last = node->previous;
  version->own_bytes -= node->bytes;
}

struct page *version_new_page(struct version *version, struct root *root, int level)
{
  struct page *page = (struct page *)slab_take(&version->store->slab, level > 0);
  page->node.kind = level > 0 ? NODE_INNER : NODE_LEAF;
  page->node.level = (uint8_t)level;
  page->position = 0;
  page_clear(page);
  own_add(version, &page->node);
  root->bytes += page->node.bytes;
  return page;
}

struct row_block *version_new_block(struct version *version, struct bytes row)
{
  struct store *store = version->store;
  size_t bytes = sizeof(struct row_block) + row.size;
  if (!account_charge(store->account, bytes))
    return NULL;
  struct row_block *block = malloc(bytes);
  if (!block) {
    account_release(store->account, bytes);
    return NULL;
  }
  *block = (struct row_block){.node = {.bytes = (uint32_t)bytes, .kind = NODE_ROW}, .size = (uint32_t)row.size};
  memcpy(block->data, row.data, row.size);
  block->older = store->blocks;
  if (store->blocks)
    store->blocks->newer = block;
  else
    store->oldest_block = block;
  store->blocks = block;
  own_add(version, &block->node);
  return block;
}

struct node *version_own(struct version *version, struct node *node)
{
  struct node *copy = slab_take(&version->store->slab, node->kind == NODE_INNER);
  copy->kind = node->kind;
  copy->level = node->level;
  memcpy(copy + 1, node + 1, node->bytes - sizeof *node);
  own_add(version, copy);
  version_kill(version, node);
  return copy;
}

static bool is_inherited(const struct version *version, const struct node *node)
{
  return (version->kind == VERSION_BRANCH || version->kind == VERSION_SIDE) && node->birth <= version->time;
}

// A side leaves what it does not reach any more to its snapshot.
static void note_replaced(struct version *version, uintptr_t entry)
{
  if (version->kind == VERSION_SIDE)
    return;
  CHECK(version->replaced.count < version->replaced.capacity);
  version->replaced.nodes[version->replaced.count++] = entry;
}

void version_kill(struct version *version, struct node *node)
{
  struct store *store = version->store;
  if (is_inherited(version, node)) {
    note_replaced(version, (uintptr_t)node);
    return;
  }
  if (version->kind == VERSION_BRANCH)
    own_remove(version, node);
  if (node_is_own(version, node)) {
    if (node->kind == NODE_ROW)
      store_linger(store, (struct row_block *)node);
    else
      store_free(store, node);
    return;
  }
  store->retired += node->bytes;
  list_append(&version->newest_pin->dead, node);
}

// Whether this pin sees them is to be found out; they are free if there is no such pin.
static void hand_over(struct store *store, struct version *pin, struct node_list *nodes)
{
  if (!nodes->first)
    return;
  if (!pin) {
    store->retired -= nodes->bytes;
    list_move(&store->free, nodes);
    return;
  }
  if (!pin->undecided.first) {
    pin->previous_undecided = NULL;
    pin->next_undecided = store->undecided;
    if (store->undecided)
      store->undecided->previous_undecided = pin;
    store->undecided = pin;
  }
  list_move(&pin->undecided, nodes);
}

static void decided(struct version *pin)
{
  if (pin->next_undecided)
    pin->next_undecided->previous_undecided = pin->previous_undecided;
  if (pin->previous_undecided)
    pin->previous_undecided->next_undecided = pin->next_undecided;
  else
    pin->store->undecided = pin->next_undecided;
}

// A tree that dies whole is taken apart by store_collect. retired: bytes that are counted with it; if these are the whole tree's,
// what is below is not counted again.
static void kill_whole(struct store *store, struct version *newest_pin, struct node *node, enum whole whole, size_t retired)
{
  struct node_list list = {0};
  node->whole = whole;
  store->retired += retired;
  list_append(&list, node);
  hand_over(store, newest_pin, &list);
}

static size_t count_inherited(const struct version *version, const struct page *page)
{
  if (is_inherited(version, &page->node))
    return 1;
  size_t count = page->row_blocks;
  for (uint32_t i = 0; page->node.kind == NODE_INNER && i < page->count; i++)
    count += count_inherited(version, page_child(page, i));
  return count;
}

static void kill_own_part(struct version *version, struct page *page)
{
  if (is_inherited(version, &page->node)) {
    note_replaced(version, (uintptr_t)page | 1);
    return;
  }
  for (uint32_t i = 0; i < page->count; i++) {
    struct row_block *block = NULL;
    if (page->node.kind == NODE_INNER)
      kill_own_part(version, page_child(page, i));
    else if (page->row_blocks)
      (void)page_row(page, i, &block);
    if (block)
      version_kill(version, &block->node);
  }
  version_kill(version, &page->node);
}

bool version_kill_tree(struct version *version, const struct root *root)
{
  struct page *page = root->page;
  if (version->kind == VERSION_TRUNK) {
    kill_whole(version->store, version->newest_pin, &page->node, WHOLE_COUNTED, root->bytes);
    return true;
  }
  // The own part of a tree was made by this version, node by node; taking it apart costs no more.
  size_t replaced = version->kind == VERSION_BRANCH ? count_inherited(version, page) : 0;
  if (!version_reserve(version, (struct reserve){.replaced = replaced}))
    return false;
  kill_own_part(version, page);
  return true;
}

// --- Collecting -----------------------------------------------------------------------------------

// pin: the newest one that may see them.
static void kill_children(struct store *store, struct version *pin, struct node *node)
{
  struct page *page = (struct page *)node;
  enum whole whole = node->whole;
  node->whole = WHOLE_NOT;
  if (node->kind == NODE_ROW)
    return;
  for (uint32_t i = 0; i < page->count; i++) {
    struct row_block *block = NULL;
    struct node *child = NULL;
    if (node->kind == NODE_INNER)
      child = &page_child(page, i)->node;
    else if (page->row_blocks)
      (void)page_row(page, i, &block);
    if (block)
      child = &block->node;
    if (child)
      kill_whole(store, pin, child, whole, whole == WHOLE_COUNTED ? 0 : child->bytes);
  }
}

static void decide(struct version *pin)
{
  struct store *store = pin->store;
  if (pin->undecided.first->whole)
    kill_children(store, pin, pin->undecided.first);
  struct node *node = list_take(&pin->undecided);
  if (node->birth <= pin->time) {
    list_append(&pin->dead, node);
  } else {
    store->retired -= node->bytes;
    store_free(store, node);
  }
  if (!pin->undecided.first)
    decided(pin);
}

static void free_one(struct store *store)
{
  struct node *node = list_take(&store->free);
  if (node->whole)
    kill_children(store, NULL, node);
  store_free(store, node);
}

bool store_collect(struct store *store, int budget)
{
  // A node that was made has most often replaced one; some are decided more than once. So what is dead cannot pile up.
  budget += 2 * store->made;
  store->made = 0;
  for (; budget > 0 && (store->free.first || store->undecided); budget--) {
    if (store->free.first)
      free_one(store);
    else
      decide(store->undecided);
  }
  return store->free.first || store->undecided;
}

bool store_has_spare(const struct store *store)
{
  return slab_has_empty(&store->slab);
}

void store_trim(struct store *store)
{
  slab_trim(&store->slab);
}

// --- Pins -----------------------------------------------------------------------------------------

static void set_frozen(struct version *version)
{
  uint64_t pinned = version->newest_pin ? version->newest_pin->time : 0;
  uint64_t origin = version->kind == VERSION_BRANCH ? version->time : 0;
  version->frozen = pinned > origin ? pinned : origin;
}

static struct version *pin(struct version *of, enum version_kind kind)
{
  struct store *store = of->store;
  if (!account_charge(store->account, sizeof(struct version)))
    return NULL;
  struct version *version = malloc(sizeof *version);
  if (!version) {
    account_release(store->account, sizeof *version);
    return NULL;
  }
  *version = (struct version){.store = store, .kind = kind, .change = of->change, .definitions = of->definitions,
    .roots = of->roots, .root_levels = of->root_levels, .tree_limit = of->tree_limit};
  if (of->kind == VERSION_SNAPSHOT) {
    // What a snapshot shows is its parent at that time, so its pins are the parent's, and may outlive it.
    version->parent = of->parent;
    version->time = of->time;
    version->parent_change = of->parent_change;
    // The older one of the two: what died since is on the dead list of the other.
    version->older = of->older;
    version->newer = of;
  } else {
    version->parent = of;
    version->time = store->clock++;
    version->parent_change = of->change;
    version->older = of->newest_pin;
  }
  if (version->older)
    version->older->newer = version;
  if (version->newer)
    version->newer->older = version;
  else
    version->parent->newest_pin = version;
  set_frozen(version->parent);
  set_frozen(version);
  store->pins++;
  return version;
}

struct version *version_snapshot(struct version *version)
{
  return pin(version, VERSION_SNAPSHOT);
}

struct version *version_branch(struct version *version)
{
  return pin(version, VERSION_BRANCH);
}

// Takes the pin away from its parent, and frees it. Its own nodes are somebody else's by now.
static void unpin(struct version *version)
{
  struct store *store = version->store;
  struct version *parent = version->parent;
  CHECK(!version->newest_pin);
  if (version->undecided.first)
    decided(version);
  if (version->newer)
    version->newer->older = version->older;
  else
    parent->newest_pin = version->older;
  if (version->older)
    version->older->newer = version->newer;
  set_frozen(parent);
  hand_over(store, version->older, &version->undecided);
  hand_over(store, version->older, &version->dead);
  account_release(store->account, version->replaced.capacity * sizeof *version->replaced.nodes + sizeof *version);
  free(version->replaced.nodes);
  free(version);
  store->pins--;
}

void version_close(struct version *version)
{
  if (!version)
    return;
  CHECK(version->kind != VERSION_TRUNK);
  struct store *store = version->store;
  if (version->own) {
    struct node_list own = {.first = version->own, .last = version->own_last, .bytes = version->own_bytes};
    list_move(&store->free, &own);
  }
  unpin(version);
}

static void stamp_roots(struct version *branch, struct node *node, uint64_t position)
{
  struct roots *roots = (struct roots *)node;
  for (int i = 0; i < ROOTS; i++) {
    if (roots->roots[i].is_cleared && roots->roots[i].position < position)
      roots->roots[i].position = position;
    roots->roots[i].is_cleared = 0;
  }
}

void version_adopt(struct version *trunk, struct version *branch, uint64_t position)
{
  CHECK(trunk->kind == VERSION_TRUNK && branch->kind == VERSION_BRANCH && branch->parent == trunk);
  CHECK(!version_is_behind(branch));
  // Born again at the present: what pinned the trunk since the branch was made does not see them.
  uint64_t now = trunk->store->clock;
  for (struct node *node = branch->own; node; node = node->next) {
    node->birth = now;
    struct page *page = (struct page *)node;
    if (node->kind == NODE_ROOTS)
      stamp_roots(branch, node, position);
    else if (node->kind == NODE_LEAF && page->position < position)
      page->position = position;
  }
  for (size_t i = 0; i < branch->replaced.count; i++) {
    uintptr_t entry = branch->replaced.nodes[i];
    struct node *node = (struct node *)(entry & ~(uintptr_t)1);
    if (entry & 1)
      kill_whole(trunk->store, trunk->newest_pin, node, WHOLE, node->bytes);
    else
      version_kill(trunk, node);
  }
  if (branch->change != branch->parent_change)
    trunk->change++;
  if (trunk->newest < position)
    trunk->newest = position;
  trunk->roots = branch->roots;
  trunk->root_levels = branch->root_levels;
  trunk->tree_limit = branch->tree_limit;
  trunk->definitions = branch->definitions;
  unpin(branch);
}

bool tree_is_same(const struct version *snapshot, const struct version *later, tree_number tree)
{
  CHECK(snapshot->kind == VERSION_SNAPSHOT);
  const struct root *then = version_root(snapshot, tree), *now = version_root(later, tree);
  return (then ? then->page : NULL) == (now ? now->page : NULL);
}

// The arrays of roots are the trunk's own business; all else that the branch made becomes the trunk's.
static void adopt_nodes(struct version *trunk, struct version *branch, uint64_t position)
{
  for (struct node *node = branch->own, *next; node; node = next) {
    next = node->next;
    struct page *page = (struct page *)node;
    if (node->kind == NODE_ROOTS || node->kind == NODE_DIRECTORY) {
      store_free(trunk->store, node);
      continue;
    }
    node->birth = trunk->store->clock;
    if (node->kind == NODE_LEAF && page->position < position)
      page->position = position;
  }
  for (size_t i = 0; i < branch->replaced.count; i++) {
    uintptr_t entry = branch->replaced.nodes[i];
    struct node *node = (struct node *)(entry & ~(uintptr_t)1);
    if (entry & 1)
      kill_whole(trunk->store, trunk->newest_pin, node, WHOLE, node->bytes);
    else if (node->kind != NODE_ROOTS && node->kind != NODE_DIRECTORY)
      version_kill(trunk, node);
  }
}

bool version_adopt_trees(struct version *trunk, struct version *branch, const tree_number *trees, int count,
  uint64_t position)
{
  struct root *roots[STORE_ATTACH_LIMIT];
  CHECK(trunk->kind == VERSION_TRUNK && branch->kind == VERSION_BRANCH && branch->parent == trunk);
  CHECK(count <= STORE_ATTACH_LIMIT);
  for (int i = 0; i < count; i++)
    if (!(roots[i] = version_own_root(trunk, trees[i])))
      return false;
  for (int i = 0; i < count; i++) {
    const struct root *from = version_root(branch, trees[i]);
    *roots[i] = from ? *from : (struct root){0};
    if (roots[i]->is_cleared && roots[i]->position < position)
      roots[i]->position = position;
    roots[i]->is_cleared = 0;
  }
  adopt_nodes(trunk, branch, position);
  trunk->change++;
  if (trunk->newest < position)
    trunk->newest = position;
  unpin(branch);
  return true;
}

bool version_is_behind(const struct version *branch)
{
  return branch->parent->change != branch->parent_change;
}

enum version_kind version_kind(const struct version *version)
{
  return version->kind;
}

struct store *version_store(const struct version *version)
{
  return version->store;
}

size_t version_bytes(const struct version *version)
{
  if (version->kind == VERSION_BRANCH)
    return version->own_bytes;
  if (version->kind == VERSION_SNAPSHOT)
    return version->dead.bytes;
  return version->store->node_bytes - version->store->retired;
}

uint64_t version_definitions(const struct version *version)
{
  return version->definitions;
}

void version_touch_definitions(struct version *version)
{
  version->definitions = ++version->store->definitions;
}

void version_set_definitions(struct version *version, uint64_t definitions)
{
  version->definitions = definitions;
}

// --- The array of roots ---------------------------------------------------------------------------

static uint32_t child_index(tree_number tree, int level)
{
  return tree / ROOTS >> (8 * (level - 1)) & (DIRECTORY - 1);
}

const struct root *version_root(const struct version *version, tree_number tree)
{
  if (tree >= version->tree_limit)
    return NULL;
  const struct node *node = version->roots;
  for (int level = version->root_levels; node && level > 0; level--)
    node = ((const struct directory *)node)->children[child_index(tree, level)];
  return node ? &((const struct roots *)node)->roots[tree % ROOTS] : NULL;
}

static struct node *new_roots(struct version *version, enum node_kind kind)
{
  struct node *node = slab_take(&version->store->slab, 0);
  memset(node + 1, 0, node->bytes - sizeof *node);
  node->kind = (uint8_t)kind;
  node->level = 0;
  own_add(version, node);
  return node;
}

struct root *version_own_root(struct version *version, tree_number tree)
{
  enum { LEVELS_MOST = 4 }; // 64 * 256^4 exceeds any tree_number
  if (!version_reserve(version, (struct reserve){.small = 2 * LEVELS_MOST + 2, .replaced = LEVELS_MOST + 1}))
    return NULL;
  int levels = 0;
  while ((uint64_t)tree / ROOTS >> (8 * levels))
    levels++;
  for (; version->roots && version->root_levels < levels; version->root_levels++) {
    struct directory *directory = (struct directory *)new_roots(version, NODE_DIRECTORY);
    directory->children[0] = version->roots;
    version->roots = &directory->node;
  }
  if (!version->roots)
    version->root_levels = levels;
  struct node **at = &version->roots;
  for (int level = version->root_levels;; level--) {
    if (!*at)
      *at = new_roots(version, level > 0 ? NODE_DIRECTORY : NODE_ROOTS);
    else if (!node_is_own(version, *at))
      *at = version_own(version, *at);
    if (level == 0)
      break;
    at = &((struct directory *)*at)->children[child_index(tree, level)];
  }
  if (version->tree_limit <= tree)
    version->tree_limit = tree + 1;
  return &((struct roots *)*at)->roots[tree % ROOTS];
}

tree_number version_tree_limit(const struct version *version)
{
  return version->tree_limit;
}
