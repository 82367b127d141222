// Memory by lifetime: accounts that bound and count, arenas that are freed as a whole.
//
// An account belongs to a statement, a branch or the engine; what is charged to it is charged to
// its parents too. An arena allocates from blocks and frees everything at once.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memory_account {
  struct memory_account *parent;
  size_t used;  // bytes
  size_t limit; // bytes; 0: only the parents bound it
  size_t peak;
};

// Takes bytes from the account and its parents. False, with nothing taken, if one would pass its limit.
bool account_charge(struct memory_account *account, size_t bytes) __attribute__((warn_unused_result));
void account_release(struct memory_account *account, size_t bytes);
// Bytes charged to it now, and at most so far; other threads may be charging it.
size_t account_used(const struct memory_account *account);
size_t account_peak(const struct memory_account *account);
// What was charged to the account is its parent's alone from now on.
void account_pass_on(struct memory_account *account, size_t bytes);
// More than half of what it, or one of its parents, may have is used.
bool account_is_scarce(const struct memory_account *account);

// malloc whose large pieces are on large pages where the system has them: random access to small ones misses the TLB.
// Given back by free.
void *memory_large(size_t size);

struct arena_block;

struct arena {
  struct memory_account *account; // may be NULL
  struct arena_block *blocks;     // newest first
  uint8_t *next;
  uint8_t *end;
  bool is_large;
};

// An empty arena holds no memory; account is borrowed for the arena's life and may be NULL.
void arena_init(struct arena *arena, struct memory_account *account);
// For much that is read at random: its blocks grow until they are worth a large page.
void arena_init_large(struct arena *arena, struct memory_account *account);
void arena_deinit(struct arena *arena);
// Frees all allocations, keeps the first block for reuse.
void arena_reset(struct arena *arena);

// Aligned for any type, not cleared. NULL when the account or the machine refuses (error_memory).
void *arena_alloc(struct arena *arena, size_t size) __attribute__((warn_unused_result));
void *arena_alloc_zeroed(struct arena *arena, size_t size) __attribute__((warn_unused_result));
// Copies size bytes and adds a zero byte behind them.
void *arena_copy(struct arena *arena, const void *data, size_t size) __attribute__((warn_unused_result));
char *arena_string(struct arena *arena, const char *text) __attribute__((warn_unused_result));
char *arena_format(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3), warn_unused_result));

#define ARENA_NEW(arena, type) ((type *)arena_alloc_zeroed((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_alloc_zeroed((arena), sizeof(type) * (size_t)(count)))

// A place to which an arena can be taken back: what was allocated after it is freed.
struct arena_mark {
  struct arena_block *block;
  uint8_t *next;
};
struct arena_mark arena_mark(const struct arena *arena);
void arena_release(struct arena *arena, struct arena_mark mark);
