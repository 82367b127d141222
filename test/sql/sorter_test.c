// Sorting: chunks, runs in memory, runs in files and merges of merges give what an insertion into an ordered list gives.
#include "memory_files.h"
#include "sql/sorter.h"

struct fixture {
  struct memory_files files;
  struct memory_account account;
  struct execution execution;
  struct error error;
  struct sorter sorter;
};

static void open_fixture(struct fixture *fixture, const struct row_order *order, int columns, size_t share)
{
  memset(fixture, 0, sizeof *fixture);
  open_files(&fixture->files);
  fixture->execution.account = &fixture->account;
  fixture->execution.share = share;
  fixture->execution.countdown = 1;
  fixture->execution.evaluation.error = &fixture->error;
  fixture->execution.input.spill = &fixture->files.hooks;
  sorter_init(&fixture->sorter, &fixture->execution, order, columns);
}

static void close_fixture(struct fixture *fixture)
{
  sorter_deinit(&fixture->sorter);
  assert_int_equal(fixture->files.open, 0);
  assert_int_equal(fixture->account.used, 0);
}

static uint32_t next_random(uint32_t *state)
{
  *state = *state * 1664525 + 1013904223;
  return *state >> 8;
}

enum { COLUMNS = 4 };
static const enum type_id types[COLUMNS] = {TYPE_INT8, TYPE_TEXT, TYPE_FLOAT8, TYPE_INT8};

// The last column is the row's number, so that equal rows are told apart.
static void make_row(uint32_t *state, int64_t number, uint8_t *text, struct value *row)
{
  static const int64_t integers[] = {INT64_MIN, INT64_MAX, 0, -1, 1};
  uint32_t pick = next_random(state) % 16;
  row[0] = pick == 0 ? value_null() : pick < 6 ? value_integer(integers[pick - 1])
                                               : value_integer((int64_t)(next_random(state) % 1000) - 500);
  uint32_t size = next_random(state) % 12;
  memcpy(text, "aaaaaaaaaaaa", 12);
  if (size)
    text[size - 1] = (uint8_t)('a' + next_random(state) % 3);
  row[1] = next_random(state) % 8 ? value_bytes(text, size) : value_null();
  row[2] = next_random(state) % 8 ? (struct value){.float8 = (double)(next_random(state) % 64) / 8 - 4} : value_null();
  row[3] = value_integer(number);
}

static void check_against_insertion(const struct row_order *order, int count, int wanted, size_t share, bool has_files)
{
  struct fixture fixture;
  struct arena arena;
  arena_init(&arena, NULL);
  struct value **expected = calloc((size_t)count, sizeof *expected);
  struct sort_item *scratch = calloc(2 * (size_t)count, sizeof *scratch);
  open_fixture(&fixture, order, COLUMNS, share);
  fixture.sorter.wanted = wanted;
  for (int round = 0; round < 2; round++) { // cleared, it serves again
    uint32_t state = 7;
    for (int i = 0; i < count; i++) {
      uint8_t text[16];
      struct value row[COLUMNS];
      make_row(&state, i, text, row);
      assert_int_equal(sorter_add(&fixture.sorter, row), 0);
      if (round)
        continue;
      int at = i;
      for (; at > 0 && row_order_compare(order, expected[at - 1], row) > 0; at--)
        expected[at] = expected[at - 1];
      expected[at] = values_keep(&arena, types, row, COLUMNS);
    }
    assert_int_equal(sorter_sort(&fixture.sorter), 0);
    assert_int_equal(fixture.files.made > 0, has_files);
    struct value *row;
    for (int i = 0; i < (wanted ? wanted : count); i++) {
      assert_int_equal(sorter_next(&fixture.sorter, &row), 1);
      assert_true(values_equal(types, row, expected[i], COLUMNS));
    }
    if (!wanted)
      assert_int_equal(sorter_next(&fixture.sorter, &row), 0);
    sorter_clear(&fixture.sorter);
  }
  close_fixture(&fixture);
  arena_deinit(&arena);
  free(expected);
  free(scratch);
}

static const struct sort_key by_all[] = {{0, false, false}, {1, true, true}, {2, false, false}};
static const struct sort_key by_integer[] = {{0, true, true}};
static const struct sort_key by_float[] = {{2, false, true}};
static const struct sort_key by_text[] = {{1, false, false}};

static void test_orders(void **state)
{
  const struct row_order orders[] = {{3, by_all, types}, {1, by_integer, types}, {1, by_float, types},
                                     {1, by_text, types}, {0, NULL, types}};
  for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
    check_against_insertion(&orders[i], 3000, 0, SIZE_MAX, false);
    check_against_insertion(&orders[i], 3000, 0, 64 * 1024, true);
    check_against_insertion(&orders[i], 3000, 0, 4 * 1024, true); // merges of merges, two at a time
  }
}

static void test_wanted(void **state)
{
  const struct row_order order = {3, by_all, types};
  check_against_insertion(&order, 5000, 10, SIZE_MAX, false);
  check_against_insertion(&order, 5000, 1500, SIZE_MAX, false);
  check_against_insertion(&order, 5000, 1500, 32 * 1024, true);
}

static void test_runs_in_memory(void **state)
{
  enum { COUNT = 200000 }; // more than a chunk
  static const struct sort_key key = {0, false, false};
  static const enum type_id type = TYPE_INT8;
  const struct row_order order = {1, &key, &type};
  struct fixture fixture;
  open_fixture(&fixture, &order, 1, SIZE_MAX);
  for (int64_t i = 0; i < COUNT; i++) {
    struct value value = value_integer(i * 7919 % COUNT);
    assert_int_equal(sorter_add(&fixture.sorter, &value), 0);
  }
  assert_int_equal(sorter_sort(&fixture.sorter), 0);
  assert_true(fixture.sorter.run_count > 1);
  assert_int_equal(fixture.files.made, 0);
  struct value *row;
  for (int64_t i = 0; i < COUNT; i++) {
    assert_int_equal(sorter_next(&fixture.sorter, &row), 1);
    assert_int_equal(row->integer, i);
  }
  assert_int_equal(sorter_next(&fixture.sorter, &row), 0);
  close_fixture(&fixture);
}

static int sort_numbers(struct fixture *fixture, int count)
{
  int status = 0;
  for (int i = 0; i < count && !status; i++) {
    struct value value = value_integer(count - i);
    status = sorter_add(&fixture->sorter, &value);
  }
  return status ? status : sorter_sort(&fixture->sorter);
}

static void test_full_disk(void **state)
{
  static const struct sort_key key = {0, false, false};
  static const enum type_id type = TYPE_INT8;
  const struct row_order order = {1, &key, &type};
  for (int left = 0;; left++) {
    struct fixture fixture;
    open_fixture(&fixture, &order, 1, 16 * 1024);
    fixture.files.left = left;
    int status = sort_numbers(&fixture, 10000);
    if (status)
      assert_string_equal(fixture.error.sqlstate, SQLSTATE_DISK_FULL);
    close_fixture(&fixture);
    if (!status) {
      assert_true(left > 10);
      break;
    }
  }
}

static void test_without_files(void **state)
{
  static const struct sort_key key = {0, false, false};
  static const enum type_id type = TYPE_INT8;
  const struct row_order order = {1, &key, &type};
  struct fixture fixture;
  open_fixture(&fixture, &order, 1, 16 * 1024);
  fixture.execution.input.spill = NULL;
  assert_int_equal(sort_numbers(&fixture, 10000), 0); // its account says how far it may go
  sorter_clear(&fixture.sorter);
  fixture.execution.input.spill = &fixture.files.hooks;
  fixture.execution.input.allowance = 1 << 30;
  assert_int_equal(sort_numbers(&fixture, 10000), STATUS_LONG);
  close_fixture(&fixture);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_orders),        cmocka_unit_test(test_wanted),    cmocka_unit_test(test_runs_in_memory),
      cmocka_unit_test(test_full_disk), cmocka_unit_test(test_without_files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
