// Nodes of two sizes, cut from chunks. Chunks grow with the slab, so that a small store is small and a
// large one sits on huge pages. Only the store's thread comes here.
//
// Chunks that are empty are kept, unless memory is scarce, until slab_trim finds that they were not needed for a while:
// under load versions come and go all the time, and their nodes with them, and what the system gives is cleared page by
// page first.
//
// 1. A chunk is in the `empty` list when no node of it is taken, in the `full` list when all are, otherwise in `partial`.
// 2. class->free is the number of free nodes in empty and partial chunks; class->spare the least that it has been since
//    the last slab_trim.
#include <stdlib.h>
#include <sys/mman.h>

#include "base/check.h"
#include "store/node.h"

enum { CHUNK_SMALLEST = 64 * 1024, CHUNK_LARGEST = 2 * 1024 * 1024 };

struct slab_chunk {
  struct slab_chunk *previous, *next;
  struct node *free; // given back
  uint32_t bytes;
  uint32_t capacity; // nodes
  uint32_t fresh;    // nodes never taken lie from here on
  uint32_t used;
  uint8_t size_class;
};

enum { CHUNK_HEADER = 64 };
_Static_assert(sizeof(struct slab_chunk) <= CHUNK_HEADER, "nodes start behind the chunk's header");

static const uint32_t class_bytes[SIZE_CLASSES] = {SMALL_BYTES, LARGE_BYTES};

static void list_push(struct slab_chunk **list, struct slab_chunk *chunk)
{
  chunk->previous = NULL;
  chunk->next = *list;
  if (*list)
    (*list)->previous = chunk;
  *list = chunk;
}

static void list_remove(struct slab_chunk **list, struct slab_chunk *chunk)
{
  if (chunk->previous)
    chunk->previous->next = chunk->next;
  else
    *list = chunk->next;
  if (chunk->next)
    chunk->next->previous = chunk->previous;
}

void slab_init(struct slab *slab, struct memory_account *account)
{
  *slab = (struct slab){.account = account};
}

static void list_free(struct slab *slab, struct slab_chunk *chunk)
{
  while (chunk) {
    struct slab_chunk *next = chunk->next;
    account_release(slab->account, chunk->bytes);
    free(chunk);
    chunk = next;
  }
}

void slab_deinit(struct slab *slab)
{
  for (int i = 0; i < SIZE_CLASSES; i++) {
    list_free(slab, slab->classes[i].empty);
    list_free(slab, slab->classes[i].partial);
    list_free(slab, slab->classes[i].full);
  }
  *slab = (struct slab){0};
}

static bool add_chunk(struct slab *slab, int size_class)
{
  struct slab_class *class = &slab->classes[size_class];
  // About half of what this class has, as a power of two.
  size_t bytes = CHUNK_SMALLEST;
  while (bytes < CHUNK_LARGEST && bytes * 2 < class->nodes * class_bytes[size_class])
    bytes *= 2;
  if (!account_charge(slab->account, bytes))
    return false;
  struct slab_chunk *chunk = aligned_alloc(bytes == CHUNK_LARGEST ? CHUNK_LARGEST : 64, bytes);
  if (!chunk) {
    account_release(slab->account, bytes);
    return false;
  }
  if (bytes == CHUNK_LARGEST)
    (void)madvise(chunk, bytes, MADV_HUGEPAGE); // a hint: random access to many small pages misses the TLB
  *chunk = (struct slab_chunk){.bytes = (uint32_t)bytes, .size_class = (uint8_t)size_class};
  chunk->capacity = (uint32_t)((bytes - CHUNK_HEADER) / class_bytes[size_class]);
  list_push(&class->empty, chunk);
  class->free += chunk->capacity;
  class->nodes += chunk->capacity;
  return true;
}

static void drop_empty(struct slab *slab, struct slab_class *class)
{
  struct slab_chunk *chunk = class->empty;
  list_remove(&class->empty, chunk);
  class->free -= chunk->capacity;
  class->nodes -= chunk->capacity;
  account_release(slab->account, chunk->bytes);
  free(chunk);
}

bool slab_reserve(struct slab *slab, const size_t counts[SIZE_CLASSES])
{
  for (int i = 0; i < SIZE_CLASSES; i++) {
    struct slab_class *other = &slab->classes[!i];
    while (slab->classes[i].free < counts[i]) {
      if (add_chunk(slab, i))
        continue;
      if (!other->empty || other->free - other->empty->capacity < counts[!i])
        return false;
      drop_empty(slab, other);
    }
  }
  return true;
}

struct node *slab_take(struct slab *slab, int size_class)
{
  struct slab_class *class = &slab->classes[size_class];
  struct slab_chunk *chunk = class->partial;
  if (!chunk) {
    chunk = class->empty;
    CHECK(chunk);
    list_remove(&class->empty, chunk);
    list_push(&class->partial, chunk);
  }
  struct node *node = chunk->free;
  if (node)
    chunk->free = node->next;
  else
    node = (struct node *)((uint8_t *)chunk + CHUNK_HEADER + (size_t)chunk->fresh++ * class_bytes[size_class]);
  if (--class->free < class->spare)
    class->spare = class->free;
  if (++chunk->used == chunk->capacity) {
    list_remove(&class->partial, chunk);
    list_push(&class->full, chunk);
  }
  node->chunk = chunk;
  node->bytes = class_bytes[size_class];
  return node;
}

void slab_give(struct slab *slab, struct node *node)
{
  struct slab_chunk *chunk = node->chunk;
  struct slab_class *class = &slab->classes[chunk->size_class];
  if (chunk->used == chunk->capacity) {
    list_remove(&class->full, chunk);
    list_push(&class->partial, chunk);
  }
  node->next = chunk->free;
  chunk->free = node;
  class->free++;
  if (--chunk->used == 0) {
    list_remove(&class->partial, chunk);
    list_push(&class->empty, chunk);
    if (account_is_scarce(slab->account))
      drop_empty(slab, class);
  }
}

static size_t list_absorb(struct slab_chunk **list, struct slab_chunk **other)
{
  size_t bytes = 0;
  for (struct slab_chunk *chunk = *other, *next; chunk; chunk = next) {
    next = chunk->next;
    bytes += chunk->bytes;
    list_push(list, chunk);
  }
  *other = NULL;
  return bytes;
}

size_t slab_absorb(struct slab *slab, struct slab *other)
{
  size_t bytes = 0;
  for (int i = 0; i < SIZE_CLASSES; i++) {
    struct slab_class *class = &slab->classes[i], *from = &other->classes[i];
    bytes += list_absorb(&class->empty, &from->empty) + list_absorb(&class->partial, &from->partial) +
             list_absorb(&class->full, &from->full);
    class->free += from->free;
    class->nodes += from->nodes;
    *from = (struct slab_class){0};
  }
  return bytes;
}

bool slab_has_empty(const struct slab *slab)
{
  return slab->classes[0].empty || slab->classes[1].empty;
}

void slab_trim(struct slab *slab)
{
  for (int i = 0; i < SIZE_CLASSES; i++) {
    struct slab_class *class = &slab->classes[i];
    while (class->empty && class->spare >= class->empty->capacity) {
      class->spare -= class->empty->capacity;
      drop_empty(slab, class);
    }
    class->spare = class->free;
  }
}
