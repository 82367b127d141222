// Rows of a spool, in memory, in blocks of a file and behind them, are had again by their numbers in any order.
#include "memory_files.h"
#include "sql/spool.h"

enum { COLUMNS = 3 };
static const enum type_id types[COLUMNS] = {TYPE_INT8, TYPE_TEXT, TYPE_FLOAT8};

struct fixture {
  struct memory_files files;
  struct memory_account account;
  struct execution execution;
  struct error error;
  struct spool spool;
};

static void open_fixture(struct fixture *fixture, size_t share)
{
  memset(fixture, 0, sizeof *fixture);
  open_files(&fixture->files);
  fixture->execution.account = &fixture->account;
  fixture->execution.share = share;
  fixture->execution.evaluation.error = &fixture->error;
  fixture->execution.input.spill = &fixture->files.hooks;
  spool_init(&fixture->spool, &fixture->execution, types, COLUMNS);
}

static void close_fixture(struct fixture *fixture)
{
  spool_deinit(&fixture->spool);
  assert_int_equal(fixture->files.open, 0);
  assert_int_equal(fixture->account.used, 0);
}

// The row of a number: some texts are longer than a block.
static void make_row(uint64_t number, uint8_t *text, struct value *row)
{
  uint32_t size = number % 997 == 5 ? 50000 : (uint32_t)(number * 31 % 40);
  memset(text, 'a' + (int)(number % 26), size);
  row[0] = value_integer((int64_t)number);
  row[1] = number % 7 ? value_bytes(text, size) : value_null();
  row[2] = value_float8((double)number / 8);
}

static int add_rows(struct fixture *fixture, uint64_t from, uint64_t to)
{
  static uint8_t text[50000];
  int status = 0;
  for (uint64_t i = from; i < to && !status; i++) {
    struct value row[COLUMNS];
    make_row(i, text, row);
    status = spool_add(&fixture->spool, row);
  }
  return status;
}

static void check_row(struct fixture *fixture, uint64_t number)
{
  static uint8_t text[50000];
  struct value expected[COLUMNS];
  const struct value *row;
  make_row(number, text, expected);
  assert_int_equal(spool_row(&fixture->spool, number, &row), 0);
  assert_true(values_equal(types, row, expected, COLUMNS));
}

static void check_spool(size_t share, bool has_files)
{
  enum { COUNT = 20000, STEP = 250 };
  struct fixture fixture;
  open_fixture(&fixture, share);
  for (int round = 0; round < 2; round++) { // cleared, it serves again
    uint32_t state = 1;
    for (uint64_t count = STEP; count <= COUNT; count += STEP) {
      assert_int_equal(add_rows(&fixture, count - STEP, count), 0);
      assert_int_equal(fixture.spool.count, count);
      check_row(&fixture, count - 1);
      for (int i = 0; i < 20; i++) {
        state = state * 1664525 + 1013904223;
        check_row(&fixture, (state >> 8) % count);
      }
    }
    for (uint64_t i = 0; i < COUNT; i++)
      check_row(&fixture, i);
    assert_int_equal(fixture.files.made, has_files ? round + 1 : 0);
    spool_clear(&fixture.spool);
    assert_int_equal(fixture.spool.count, 0);
    assert_int_equal(fixture.files.open, 0);
  }
  close_fixture(&fixture);
}

static void test_in_memory(void **state)
{
  check_spool(SIZE_MAX / 2, false);
}

static void test_in_files(void **state)
{
  check_spool(1024 * 1024, true);
  check_spool(4 * 1024, true);
}

// Rows of as many blocks as there are pages can be looked at together.
static void test_pages(void **state)
{
  struct fixture fixture;
  open_fixture(&fixture, 4 * 1024);
  assert_int_equal(add_rows(&fixture, 0, 20000), 0);
  assert_true(fixture.spool.block_count > SPOOL_PAGES);
  const struct value *rows[SPOOL_PAGES];
  for (int i = 0; i < SPOOL_PAGES; i++)
    assert_int_equal(spool_row(&fixture.spool, fixture.spool.blocks[i].first, &rows[i]), 0);
  for (int i = 0; i < SPOOL_PAGES; i++)
    assert_int_equal(rows[i]->integer, fixture.spool.blocks[i].first);
  close_fixture(&fixture);
}

static void test_full_disk(void **state)
{
  for (int left = 0;; left++) {
    struct fixture fixture;
    open_fixture(&fixture, 16 * 1024);
    fixture.files.left = left;
    int status = add_rows(&fixture, 0, 10000);
    if (status)
      assert_string_equal(fixture.error.sqlstate, SQLSTATE_DISK_FULL);
    close_fixture(&fixture);
    if (!status) {
      assert_true(left > 5);
      break;
    }
  }
}

static void test_little_memory(void **state)
{
  for (size_t limit = 4096; limit < 4 * 1024 * 1024; limit = limit * 5 / 4) {
    struct fixture fixture;
    open_fixture(&fixture, 16 * 1024);
    fixture.account.limit = limit;
    int status = add_rows(&fixture, 0, 2000);
    const struct value *row;
    for (uint64_t i = 0; i < fixture.spool.count && !status; i += 100)
      status = spool_row(&fixture.spool, i, &row);
    if (status)
      assert_string_equal(fixture.error.sqlstate, SQLSTATE_OUT_OF_MEMORY);
    close_fixture(&fixture);
  }
}

static void test_without_files(void **state)
{
  struct fixture fixture;
  open_fixture(&fixture, 16 * 1024);
  fixture.execution.input.spill = NULL;
  assert_int_equal(add_rows(&fixture, 0, 3000), 0); // its account says how far it may go
  spool_clear(&fixture.spool);
  fixture.execution.input.spill = &fixture.files.hooks;
  fixture.execution.input.allowance = 1 << 30;
  assert_int_equal(add_rows(&fixture, 0, 3000), STATUS_LONG);
  close_fixture(&fixture);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_in_memory),     cmocka_unit_test(test_in_files),      cmocka_unit_test(test_pages),
      cmocka_unit_test(test_full_disk),     cmocka_unit_test(test_little_memory), cmocka_unit_test(test_without_files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
