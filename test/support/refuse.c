#include "../support/refuse.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

static bool counts;
static uint64_t allocations, refused;

static bool may_allocate(void)
{
  return !__atomic_load_n(&counts, __ATOMIC_RELAXED) ||
         __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED) != __atomic_load_n(&refused, __ATOMIC_RELAXED);
}

void *__wrap_malloc(size_t size)
{
  return may_allocate() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
  return may_allocate() ? __real_calloc(count, size) : NULL;
}

void *__wrap_realloc(void *memory, size_t size)
{
  return may_allocate() ? __real_realloc(memory, size) : NULL;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
  return may_allocate() ? __real_aligned_alloc(alignment, size) : NULL;
}

void refuse_begin(uint64_t which)
{
  __atomic_store_n(&allocations, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&refused, which, __ATOMIC_RELAXED);
  refuse_go_on();
}

uint64_t refuse_end(void)
{
  refuse_pause();
  return __atomic_load_n(&allocations, __ATOMIC_RELAXED);
}

void refuse_pause(void)
{
  __atomic_store_n(&counts, false, __ATOMIC_SEQ_CST);
}

void refuse_go_on(void)
{
  __atomic_store_n(&counts, true, __ATOMIC_SEQ_CST);
}

int refuse_main(int count, char **arguments, uint64_t (*run)(uint64_t which), uint64_t runs)
{
  bool all = count > 1 && strcmp(arguments[1], "all") == 0;
  if (count > 1 && !all)
    return run(strtoull(arguments[1], NULL, 10)), 0;
  uint64_t total = run(0), stride = all || total < runs ? 1 : total / runs;
  for (uint64_t which = 1; which <= total; which += stride)
    run(which);
  printf("%llu allocations, of which every %lluth was refused\n", (unsigned long long)total, (unsigned long long)stride);
  return 0;
}
