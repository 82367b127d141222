// How fast the store is by itself: the bare upsert loop against which streams are measured, and what
// surrounds it. `bench_store_upsert [rows] [rows for memory]`, 1 and 10 million unless given.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "store/store.h"

enum { ROW = 19 }; // an encoded (int8, int8)

static uint64_t random_next(uint64_t *state)
{
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

static double seconds(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void report(const char *what, uint64_t rows, double start)
{
  double spent = seconds() - start;
  printf("%-44s %8.2f million/s %8.0f ns\n", what, (double)rows / spent / 1e6, spent / (double)rows * 1e9);
}

static struct bytes key_of(uint64_t number, uint8_t *at)
{
  at[0] = 1;
  put_be64(at + 1, number ^ 1ull << 63);
  return bytes_of(at, 9);
}

// Reads the row, adds one to its count, puts it back.
static void upsert(struct version *version, uint64_t number)
{
  uint8_t key[9], new_row[ROW] = {1, 0, 2};
  struct bytes row;
  struct tree_put put = {.key = key_of(number, key), .row = bytes_of(new_row, ROW), .position = 1};
  put_le64(new_row + 3, number);
  uint64_t count = tree_get(version, 0, put.key, &row, NULL) ? get_le64(row.data + 11) : 0;
  put_le64(new_row + 11, count + 1);
  if (tree_put(version, &put) == PUT_NO_MEMORY)
    abort();
}

static void measure_rates(uint64_t rows)
{
  struct memory_account account = {0};
  struct store *store = store_open(&account);
  struct version *trunk = store_trunk(store);
  uint64_t random = 1;
  double start = seconds();
  for (uint64_t i = 0; i < rows; i++)
    upsert(trunk, i);
  report("ascending inserts", rows, start);
  uint64_t rounds = 4 * 1000 * 1000;
  start = seconds();
  for (uint64_t i = 0; i < rounds; i++)
    upsert(trunk, random_next(&random) % rows);
  report("upserts (get, put) of random keys", rounds, start);
  uint64_t found = 0;
  start = seconds();
  for (uint64_t i = 0; i < rounds; i++) {
    uint8_t key[9];
    struct bytes row;
    found += tree_get(trunk, 0, key_of(random_next(&random) % rows, key), &row, NULL);
  }
  report("gets of random keys", rounds, start);
  start = seconds();
  for (uint64_t i = 0; i < rounds; i++) {
    if (i % 1000 == 0) {
      version_close(version_snapshot(trunk));
      (void)store_collect(store, 1000);
    }
    upsert(trunk, random_next(&random) % rows);
  }
  report("upserts, a snapshot taken and closed per 1000", rounds, start);
  struct version *snapshot = version_snapshot(trunk);
  start = seconds();
  for (uint64_t i = 0; i < rounds; i++)
    upsert(trunk, random_next(&random) % rows);
  report("upserts beside one long snapshot", rounds, start);
  version_close(snapshot);
  while (store_collect(store, 1000))
    ;
  struct cursor cursor;
  uint64_t sum = 0;
  start = seconds();
  cursor_init(&cursor, trunk, 0, NULL);
  for (bool is_on = cursor_seek(&cursor, (struct bytes){0}); is_on; is_on = cursor_next(&cursor))
    sum += cursor.row.size;
  report("rows scanned", rows, start);
  cursor_deinit(&cursor);
  start = seconds();
  struct tree_loader *loader = tree_load_begin(trunk, 1, 1);
  for (uint64_t i = 0; i < rows; i++) {
    uint8_t key[9], row[ROW] = {0};
    if (!tree_load_add(loader, key_of(i, key), bytes_of(row, ROW)))
      abort();
  }
  if (!tree_load_end(loader))
    abort();
  report("ascending load", rows, start);
  if (found != rounds || sum != rows * ROW)
    abort();
  store_close(store);
}

static void measure_memory(const char *what, uint64_t rows, bool is_random)
{
  struct memory_account account = {0};
  struct store *store = store_open(&account);
  uint64_t random = 1;
  double start = seconds();
  for (uint64_t i = 0; i < rows; i++)
    upsert(store_trunk(store), is_random ? random_next(&random) : i);
  report(what, rows, start);
  printf("%-44s %8.1f bytes a row\n", what, (double)account.used / (double)rows);
  store_close(store);
}

int main(int argc, char **argv)
{
  uint64_t rows = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000 * 1000;
  uint64_t many = argc > 2 ? strtoull(argv[2], NULL, 10) : 10 * 1000 * 1000;
  measure_rates(rows);
  measure_memory("inserts of many ascending keys", many, false);
  measure_memory("inserts of many random keys", many, true);
  return 0;
}
