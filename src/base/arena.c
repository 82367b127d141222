// Block-chained bump allocation, charged to accounts.
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

enum { BLOCK_FIRST = 1024, BLOCK_MAX = 64 * 1024, LARGE_PAGE = 2 * 1024 * 1024, ALIGNMENT = 16 };

struct arena_block {
  struct arena_block *older;
  size_t size; // of the memory behind the header
  _Alignas(ALIGNMENT) uint8_t memory[];
};

// Accounts are charged from workers too (a statement's, whose parent is the engine's), so the sums are
// atomic. Two threads near a limit may both be refused where one would have fitted; neither passes it.
bool account_charge(struct memory_account *account, size_t bytes)
{
  for (struct memory_account *a = account; a; a = a->parent) {
    size_t used = __atomic_add_fetch(&a->used, bytes, __ATOMIC_RELAXED);
    size_t limit = __atomic_load_n(&a->limit, __ATOMIC_RELAXED);
    if (limit && (bytes > limit || used > limit)) {
      __atomic_sub_fetch(&a->used, bytes, __ATOMIC_RELAXED);
      for (struct memory_account *b = account; b != a; b = b->parent)
        __atomic_sub_fetch(&b->used, bytes, __ATOMIC_RELAXED);
      return false;
    }
    if (used > __atomic_load_n(&a->peak, __ATOMIC_RELAXED))
      __atomic_store_n(&a->peak, used, __ATOMIC_RELAXED);
  }
  return true;
}

void account_release(struct memory_account *account, size_t bytes)
{
  for (struct memory_account *a = account; a; a = a->parent) {
    size_t before = __atomic_fetch_sub(&a->used, bytes, __ATOMIC_RELAXED);
    CHECK(before >= bytes);
  }
}

size_t account_used(const struct memory_account *account)
{
  return __atomic_load_n(&account->used, __ATOMIC_RELAXED);
}

size_t account_peak(const struct memory_account *account)
{
  return __atomic_load_n(&account->peak, __ATOMIC_RELAXED);
}

void account_pass_on(struct memory_account *account, size_t bytes)
{
  size_t before = __atomic_fetch_sub(&account->used, bytes, __ATOMIC_RELAXED);
  CHECK(before >= bytes);
}

bool account_is_scarce(const struct memory_account *account)
{
  for (const struct memory_account *a = account; a; a = a->parent) {
    size_t limit = __atomic_load_n(&a->limit, __ATOMIC_RELAXED);
    if (limit && __atomic_load_n(&a->used, __ATOMIC_RELAXED) > limit / 2)
      return true;
  }
  return false;
}

void arena_init(struct arena *arena, struct memory_account *account)
{
  *arena = (struct arena){.account = account};
}

void arena_init_large(struct arena *arena, struct memory_account *account)
{
  arena_init(arena, account);
  arena->is_large = true;
}

static void block_free(struct arena *arena, struct arena_block *block)
{
  ASAN_UNPOISON_MEMORY_REGION(block->memory, block->size);
  if (arena->account)
    account_release(arena->account, sizeof *block + block->size);
  free(block);
}

void arena_deinit(struct arena *arena)
{
  while (arena->blocks) {
    struct arena_block *block = arena->blocks;
    arena->blocks = block->older;
    block_free(arena, block);
  }
  arena->next = arena->end = NULL;
}

void arena_reset(struct arena *arena)
{
  if (!arena->blocks)
    return;
  while (arena->blocks->older) {
    struct arena_block *block = arena->blocks;
    arena->blocks = block->older;
    block_free(arena, block);
  }
  arena->next = arena->blocks->memory;
  arena->end = arena->blocks->memory + arena->blocks->size;
  ASAN_POISON_MEMORY_REGION(arena->next, (size_t)(arena->end - arena->next));
}

void *memory_large(size_t size)
{
  if (size < LARGE_PAGE)
    return malloc(size);
  size = (size + LARGE_PAGE - 1) & ~(size_t)(LARGE_PAGE - 1);
  void *memory = aligned_alloc(LARGE_PAGE, size);
  if (memory)
    (void)madvise(memory, size, MADV_HUGEPAGE); // a hint
  return memory;
}

static void *alloc_from_new_block(struct arena *arena, size_t size)
{
  size_t last = arena->blocks ? arena->blocks->size : 0;
  // Large ones are about an eighth of what there is: an account's end is not passed by much more than what is needed.
  size_t block_size = !last ? BLOCK_FIRST : last < BLOCK_MAX || !arena->is_large ? last * 2 : last + last / 8;
  size_t most = arena->is_large ? LARGE_PAGE - sizeof(struct arena_block) : BLOCK_MAX;
  if (block_size > most)
    block_size = most;
  if (block_size < size)
    block_size = size;
  if (arena->account && !account_charge(arena->account, sizeof(struct arena_block) + block_size))
    return NULL;
  struct arena_block *block = memory_large(sizeof *block + block_size);
  if (!block) {
    if (arena->account)
      account_release(arena->account, sizeof *block + block_size);
    return NULL;
  }
  block->older = arena->blocks;
  block->size = block_size;
  arena->blocks = block;
  arena->next = block->memory + size;
  arena->end = block->memory + block_size;
  ASAN_POISON_MEMORY_REGION(arena->next, (size_t)(arena->end - arena->next));
  return block->memory;
}

void *arena_alloc(struct arena *arena, size_t size)
{
  if (size > SIZE_MAX / 2)
    return NULL;
  // Nothing asked for gets a place of its own, too: NULL is for failures.
  size_t rounded = ((size ? size : 1) + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
  if (rounded > (size_t)(arena->end - arena->next))
    return alloc_from_new_block(arena, rounded);
  void *memory = arena->next;
  arena->next += rounded;
  ASAN_UNPOISON_MEMORY_REGION(memory, rounded);
  return memory;
}

void *arena_alloc_zeroed(struct arena *arena, size_t size)
{
  void *memory = arena_alloc(arena, size);
  if (memory)
    memset(memory, 0, size);
  return memory;
}

void *arena_copy(struct arena *arena, const void *data, size_t size)
{
  uint8_t *copy = arena_alloc(arena, size + 1);
  if (!copy)
    return NULL;
  if (size)
    memcpy(copy, data, size);
  copy[size] = 0;
  return copy;
}

char *arena_string(struct arena *arena, const char *text)
{
  return arena_copy(arena, text, strlen(text));
}

char *arena_format(struct arena *arena, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  int size = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  char *text = size < 0 ? NULL : arena_alloc(arena, (size_t)size + 1);
  if (!text)
    return NULL;
  va_start(arguments, format);
  vsnprintf(text, (size_t)size + 1, format, arguments);
  va_end(arguments);
  return text;
}

struct arena_mark arena_mark(const struct arena *arena)
{
  return (struct arena_mark){.block = arena->blocks, .next = arena->next};
}

void arena_release(struct arena *arena, struct arena_mark mark)
{
  if (!mark.block) { // the arena was empty: its first block may stay
    arena_reset(arena);
    return;
  }
  while (arena->blocks != mark.block) {
    struct arena_block *block = arena->blocks;
    CHECK(block);
    arena->blocks = block->older;
    block_free(arena, block);
  }
  arena->next = mark.next;
  arena->end = mark.block->memory + mark.block->size;
  ASAN_POISON_MEMORY_REGION(arena->next, (size_t)(arena->end - arena->next));
}
