// What the model does not show: how full pages are, what a branch's adoption frees, that a reader in
// another thread and the changing owner do not meet.
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/node.h"

static struct bytes key_of(uint64_t number, uint8_t *at)
{
  at[0] = 1;
  put_be64(at + 1, number);
  return bytes_of(at, 9);
}

static uint64_t scattered(uint64_t number) // a bijection
{
  number *= 0x9e3779b97f4a7c15u;
  number ^= number >> 32;
  return number * 0xbf58476d1ce4e5b9u;
}

static void put_number(struct version *version, tree_number tree, uint64_t number, uint64_t value)
{
  uint8_t key[9], row[19] = {0};
  put_le64(row, value);
  struct tree_put put = {.tree = tree, .key = key_of(number, key), .row = bytes_of(row, sizeof row), .position = 1};
  assert_int_not_equal(tree_put(version, &put), PUT_NO_MEMORY);
}

static void delete_number(struct version *version, tree_number tree, uint64_t number)
{
  uint8_t key[9];
  struct tree_put put = {.tree = tree, .key = key_of(number, key), .position = 2};
  assert_int_equal(tree_delete(version, &put), PUT_DONE_REPLACED);
}

static bool get_number(struct version *version, tree_number tree, uint64_t number, uint64_t *value)
{
  uint8_t key[9];
  struct bytes row;
  if (!tree_get(version, tree, key_of(number, key), &row, NULL))
    return false;
  *value = get_le64(row.data);
  return true;
}

static void collect_all(struct store *store)
{
  while (store_collect(store, 1000))
    ;
}

enum order { ASCENDING, DESCENDING, RANDOM, RUNS };

static double bytes_a_row(enum order order, uint64_t rows)
{
  struct memory_account account = {0};
  struct store *store = store_open(&account);
  struct version *trunk = store_trunk(store);
  for (uint64_t i = 0; i < rows; i++) {
    uint64_t number = order == ASCENDING ? i : order == DESCENDING ? rows - i : scattered(i);
    if (order == RUNS) // twenty ascending runs, in turn
      number = (i % 20 << 32) + i / 20;
    put_number(trunk, 0, number, i);
  }
  struct error error = {0};
  assert_true(version_verify(trunk, &error));
  assert_int_equal(tree_count(trunk, 0), rows);
  double bytes = (double)tree_bytes(trunk, 0) / (double)rows;
  store_close(store);
  assert_int_equal(account.used, 0);
  return bytes;
}

static void pages_are_full_after_runs_and_two_thirds_full_after_random_inserts(void **state)
{
  assert_true(bytes_a_row(ASCENDING, 100000) < 40);
  assert_true(bytes_a_row(DESCENDING, 100000) < 40);
  assert_true(bytes_a_row(RUNS, 100000) < 42);
  assert_true(bytes_a_row(RANDOM, 100000) < 62);
}

static void loaded_pages_are_full(void **state)
{
  struct memory_account account = {0};
  struct store *store = store_open(&account);
  struct version *trunk = store_trunk(store);
  struct tree_loader *loader = tree_load_begin(trunk, 0, 1);
  uint8_t key[9], row[19] = {0};
  for (uint64_t i = 0; i < 100000; i++)
    assert_true(tree_load_add(loader, key_of(i, key), bytes_of(row, sizeof row)));
  assert_false(tree_load_add(loader, key_of(5, key), bytes_of(row, sizeof row))); // not ascending
  assert_true(tree_load_end(loader));
  assert_true(version_verify(trunk, NULL));
  assert_int_equal(tree_count(trunk, 0), 100000);
  assert_true(tree_bytes(trunk, 0) < 40 * 100000);
  store_close(store);
  assert_int_equal(account.used, 0);
}

static void deleting_all_rows_gives_their_pages_back(void **state)
{
  struct memory_account account = {0};
  struct store *store = store_open(&account);
  struct version *trunk = store_trunk(store);
  for (int order = 0; order < 3; order++) {
    uint64_t rows = 20000;
    for (uint64_t i = 0; i < rows; i++)
      put_number(trunk, 0, i, i);
    for (uint64_t i = 0; i < rows; i++)
      delete_number(trunk, 0, order == 0 ? i : order == 1 ? rows - 1 - i : i * 7919 % rows);
    assert_true(version_verify(trunk, NULL));
    assert_int_equal(tree_count(trunk, 0), 0);
    assert_true(tree_bytes(trunk, 0) < 64 * 1024);
  }
  store_close(store);
  assert_int_equal(account.used, 0);
}

static void a_branch_is_adopted_whole_or_leaves_nothing(void **state)
{
  struct memory_account account = {0};
  struct store *store = store_open(&account);
  struct version *trunk = store_trunk(store);
  uint64_t value;
  for (uint64_t i = 0; i < 10000; i++)
    put_number(trunk, 0, i, 0);
  size_t before = version_bytes(trunk);
  struct version *branch = version_branch(trunk), *reader = version_snapshot(trunk);
  for (uint64_t i = 0; i < 10000; i += 100)
    put_number(branch, 0, i, 7);
  put_number(branch, 100000, 1, 1); // a tree far away: the array of roots grows
  assert_false(version_is_behind(branch));
  assert_true(version_bytes(branch) > 0);
  assert_false(get_number(trunk, 100000, 1, &value));
  version_adopt(trunk, branch, 50);
  assert_true(get_number(trunk, 0, 100, &value) && value == 7);
  assert_true(get_number(reader, 0, 100, &value) && value == 0);
  assert_true(get_number(trunk, 100000, 1, &value));
  assert_true(version_tree_limit(trunk) == 100001);
  uint8_t key[9];
  struct bytes row;
  struct read_mark mark = {0};
  assert_true(tree_get(trunk, 0, key_of(100, key), &row, &mark));
  assert_int_equal(mark.position, 50);
  assert_true(store_retired_bytes(store) > 0);
  version_close(reader);
  collect_all(store);
  assert_int_equal(store_retired_bytes(store), 0);
  assert_true(version_bytes(trunk) < before + 64 * 1024);

  branch = version_branch(trunk);
  put_number(trunk, 0, 5, 5);
  assert_true(version_is_behind(branch));
  assert_true(tree_clear(branch, 0));
  assert_int_equal(tree_count(branch, 0), 0);
  version_close(branch);
  collect_all(store);
  assert_int_equal(tree_count(trunk, 0), 10000);
  assert_true(version_verify(trunk, NULL));
  store_close(store);
  assert_int_equal(account.used, 0);
}

static void a_cleared_tree_is_freed_in_slices_once_no_snapshot_sees_it(void **state)
{
  struct memory_account account = {0};
  struct store *store = store_open(&account);
  struct version *trunk = store_trunk(store);
  for (uint64_t i = 0; i < 200000; i++)
    put_number(trunk, 0, i, i);
  struct version *snapshot = version_snapshot(trunk);
  uint64_t value;
  size_t bytes = tree_bytes(trunk, 0);
  assert_true(tree_clear_at(trunk, 0, 9));
  assert_true(store_retired_bytes(store) >= bytes); // a snapshot holds them back
  assert_int_equal(tree_count(trunk, 0), 0);
  collect_all(store);
  assert_true(get_number(snapshot, 0, 49999, &value) && value == 49999);
  assert_true(version_verify(snapshot, NULL));
  assert_true(version_bytes(snapshot) > 7 * 1024 * 1024);
  struct read_mark mark = {0};
  struct bytes row;
  uint8_t key[9];
  assert_false(tree_get(trunk, 0, key_of(1, key), &row, &mark));
  assert_int_equal(mark.position, 9);
  version_close(snapshot);
  assert_true(store_collect(store, 100)); // a slice, and more to come
  collect_all(store);
  assert_int_equal(store_retired_bytes(store), 0);
  size_t kept = account.used;
  assert_true(store_has_spare(store));
  store_trim(store); // what was needed before it is given back only if it is not needed again
  assert_true(account.used > kept - 3 * 1024 * 1024);
  store_trim(store);
  assert_true(account.used < 3 * 1024 * 1024); // what is left stands in a large chunk
  assert_false(store_has_spare(store));
  for (uint64_t i = 0; i < 200000; i++)
    put_number(trunk, 0, i, i);
  account.limit = account.used + account.used / 2;
  assert_true(tree_clear_at(trunk, 0, 10));
  collect_all(store); // memory was scarce: of what was freed then nothing is kept
  assert_true(account.used < account.limit / 2 + 3 * 1024 * 1024);
  store_close(store);
  assert_int_equal(account.used, 0);
}

static void a_snapshot_of_a_snapshot_outlives_it(void **state)
{
  struct memory_account account = {0};
  struct store *store = store_open(&account);
  struct version *trunk = store_trunk(store);
  uint64_t value;
  put_number(trunk, 0, 1, 1);
  struct version *first = version_snapshot(trunk), *branch = version_branch(first);
  put_number(branch, 0, 1, 3);
  version_close(first);
  assert_false(version_is_behind(branch));
  collect_all(store);
  version_adopt(trunk, branch, 4);
  assert_true(get_number(trunk, 0, 1, &value) && value == 3);
  first = version_snapshot(trunk);
  put_number(trunk, 0, 1, 4);
  struct version *second = version_snapshot(first);
  version_close(first);
  put_number(trunk, 0, 1, 5);
  collect_all(store);
  assert_true(get_number(second, 0, 1, &value) && value == 3);
  version_close(second);
  store_close(store);
  assert_int_equal(account.used, 0);
}

static void what_only_a_closed_snapshot_saw_is_freed_beside_a_later_one(void **state)
{
  struct memory_account account = {0};
  struct store *store = store_open(&account);
  struct version *trunk = store_trunk(store);
  for (uint64_t i = 0; i < 10000; i++)
    put_number(trunk, 0, i, 0);
  struct version *early = version_snapshot(trunk);
  for (uint64_t i = 0; i < 10000; i++)
    put_number(trunk, 0, i, 1);
  assert_true(store_retired_bytes(store) > 300000);
  struct version *late = version_snapshot(trunk);
  version_close(early);
  collect_all(store);
  assert_int_equal(store_retired_bytes(store), 0);
  version_close(late);
  store_close(store);
  assert_int_equal(account.used, 0);
}

static void adopted_pages_are_changed_in_place_beside_a_snapshot_that_never_saw_them(void **state)
{
  struct memory_account account = {0};
  struct store *store = store_open(&account);
  struct version *trunk = store_trunk(store);
  put_number(trunk, 0, 1, 1);
  struct version *branch = version_branch(trunk);
  put_number(branch, 0, 1, 2);
  struct version *snapshot = version_snapshot(trunk);
  version_adopt(trunk, branch, 3);
  collect_all(store);
  size_t retired = store_retired_bytes(store);
  put_number(trunk, 0, 1, 4);
  assert_int_equal(store_retired_bytes(store), retired);
  uint64_t value;
  assert_true(get_number(snapshot, 0, 1, &value) && value == 1);
  version_close(snapshot);
  store_close(store);
  assert_int_equal(account.used, 0);
}

static void a_diff_looks_only_into_pages_that_changed(void **state)
{
  struct memory_account account = {0};
  struct store *store = store_open(&account);
  struct version *trunk = store_trunk(store);
  for (uint64_t i = 0; i < 100000; i++)
    put_number(trunk, 0, i * 2, 0);
  struct version *snapshot = version_snapshot(trunk);
  for (uint64_t i = 20000; i < 20300; i++) // splits move the pages behind it to other places
    put_number(trunk, 0, i * 2 + 1, 1);
  delete_number(trunk, 0, 150000);
  struct diff *diff = diff_open(snapshot, trunk, 0);
  struct diff_entry entry;
  int count = 0;
  while (diff_next(diff, &entry))
    count++;
  assert_int_equal(count, 301);
  assert_true(diff_pages(diff) < 40);
  diff_close(diff);
  version_close(snapshot);
  store_close(store);
  assert_int_equal(account.used, 0);
}

static void the_largest_rows_and_keys_fit(void **state)
{
  struct memory_account account = {0};
  struct store *store = store_open(&account);
  struct version *trunk = store_trunk(store);
  uint8_t *row = malloc(LIMIT_ROW), key[LIMIT_KEY];
  memset(row, 'r', LIMIT_ROW);
  memset(key, 'k', LIMIT_KEY);
  for (int i = 0; i < 3; i++) {
    key[LIMIT_KEY - 1] = (uint8_t)i;
    struct tree_put put = {.key = bytes_of(key, LIMIT_KEY), .row = bytes_of(row, LIMIT_ROW), .position = 1};
    assert_int_equal(tree_put(trunk, &put), PUT_DONE_INSERTED);
  }
  struct bytes found;
  assert_true(tree_get(trunk, 0, bytes_of(key, LIMIT_KEY), &found, NULL));
  assert_int_equal(found.size, LIMIT_ROW);
  assert_memory_equal(found.data, row, LIMIT_ROW);
  struct tree_put put = {.key = bytes_of(key, LIMIT_KEY), .row = bytes_of(row, 0), .position = 1};
  assert_int_equal(tree_put(trunk, &put), PUT_DONE_REPLACED);
  assert_int_equal(put.previous.size, LIMIT_ROW);
  assert_int_equal(put.previous.data[LIMIT_ROW - 1], 'r');
  put.key.size = 0; // an empty key is a key
  assert_int_equal(tree_put(trunk, &put), PUT_DONE_INSERTED);
  assert_true(tree_get(trunk, 0, put.key, &found, NULL));
  assert_non_null(found.data);
  assert_true(version_verify(trunk, NULL));
  free(row);
  store_close(store);
  assert_int_equal(account.used, 0);
}

// --- A reader in another thread -------------------------------------------------------------------

struct reading {
  struct version *snapshot;
  uint64_t rows, sum;
};

static void *read_snapshot(void *argument)
{
  struct reading *reading = argument;
  struct cursor cursor;
  cursor_init(&cursor, reading->snapshot, 0, NULL);
  for (bool is_on = cursor_seek(&cursor, (struct bytes){0}); is_on; is_on = cursor_next(&cursor)) {
    uint64_t value = 0;
    reading->rows++;
    assert_true(tree_get(reading->snapshot, 0, cursor.key, &cursor.row, NULL));
    value = get_le64(cursor.row.data);
    reading->sum += value;
  }
  cursor_deinit(&cursor);
  return NULL;
}

static void a_thread_reads_a_snapshot_while_the_owner_changes_all(void **state)
{
  struct memory_account account = {0};
  struct store *store = store_open(&account);
  struct version *trunk = store_trunk(store);
  enum { ROWS = 20000 };
  for (uint64_t i = 0; i < ROWS; i++)
    put_number(trunk, 0, i, 1);
  for (uint64_t round = 0; round < 6; round++) {
    struct reading reading = {.snapshot = version_snapshot(trunk)};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, read_snapshot, &reading), 0);
    for (uint64_t i = 0; i < ROWS; i++) {
      uint64_t number = scattered(i + round) % ROWS;
      put_number(trunk, 0, number, round + 2);
      put_number(trunk, 1, number, 1);
      if (i % 500 == 0) {
        version_close(version_snapshot(trunk));
        (void)store_collect(store, 50);
      }
    }
    pthread_join(thread, NULL);
    assert_int_equal(reading.rows, ROWS);
    uint64_t sum = 0, value = 0;
    for (uint64_t i = 0; i < ROWS; i++) {
      assert_true(get_number(reading.snapshot, 0, i, &value));
      sum += value;
    }
    assert_int_equal(reading.sum, sum);
    version_close(reading.snapshot);
    collect_all(store);
  }
  store_close(store);
  assert_int_equal(account.used, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(pages_are_full_after_runs_and_two_thirds_full_after_random_inserts),
    cmocka_unit_test(loaded_pages_are_full),
    cmocka_unit_test(deleting_all_rows_gives_their_pages_back),
    cmocka_unit_test(a_branch_is_adopted_whole_or_leaves_nothing),
    cmocka_unit_test(a_cleared_tree_is_freed_in_slices_once_no_snapshot_sees_it),
    cmocka_unit_test(a_snapshot_of_a_snapshot_outlives_it),
    cmocka_unit_test(what_only_a_closed_snapshot_saw_is_freed_beside_a_later_one),
    cmocka_unit_test(adopted_pages_are_changed_in_place_beside_a_snapshot_that_never_saw_them),
    cmocka_unit_test(a_diff_looks_only_into_pages_that_changed),
    cmocka_unit_test(the_largest_rows_and_keys_fit),
    cmocka_unit_test(a_thread_reads_a_snapshot_while_the_owner_changes_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
