// Atoms: positions, output, savepoints, and no trace of what was undone.
#include <stdio.h>

#include "fixture.h"

static void test_positions_and_output(void **state)
{
  struct bank bank;
  bank_open(&bank);
  assert_int_equal(bank_do(&bank, INSERT, 1, 10), 2);
  size_t size = bank.trunk.output.size;
  assert_int_equal(bank_do(&bank, READ, 1, 0), 0);
  assert_int_equal(bank_do(&bank, DELETE, 9, 0), 0);
  assert_int_equal(bank.trunk.output.size, size);
  assert_int_equal(bank.trunk.position, 2);
  assert_int_equal(bank_do(&bank, ADD, 1, 5), 3);
  assert_int_equal(bank_value(&bank, 1), 15);
  bank_verify_output(&bank);
  bank_close(&bank);
}

static void newest_mark(struct bank *bank, struct read_mark *mark)
{
  struct cursor cursor;
  cursor_init(&cursor, store_trunk(bank->store), bank->table->tree, mark);
  for (bool more = cursor_seek(&cursor, (struct bytes){0}); more; more = cursor_next(&cursor))
    ;
  cursor_deinit(&cursor);
}

static void test_what_comes_back_leaves_no_trace(void **state)
{
  struct bank bank;
  bank_open(&bank);
  bank_do(&bank, INSERT, 1, 10);
  size_t size = bank.trunk.output.size;
  uint64_t position;
  atom_begin(&bank.trunk, &bank.writer);
  struct operation_step steps[] = {{ADD, 1, 5}, {INSERT, 2, 1}, {ADD, 1, -5}, {DELETE, 2, 0}};
  for (int i = 0; i < 4; i++) {
    struct promise promise = {0};
    assert_int_equal(bank_step(&bank, &bank.writer, bytes_of(&steps[i], sizeof steps[i]), (struct bytes){0}, &promise, &bank.error), 0);
  }
  assert_int_equal(atom_commit(&bank.trunk, &position, &bank.error), 0);
  assert_int_equal(position, 0);
  assert_int_equal(bank.trunk.position, 2);
  assert_int_equal(bank.trunk.output.size, size);
  // A reader must not wait for a position that nobody took.
  struct read_mark mark = {0};
  newest_mark(&bank, &mark);
  assert_int_equal(trunk_dependency(&bank.trunk, &mark), 2);
  bank_close(&bank);
}

static void test_abort_and_savepoint(void **state)
{
  struct bank bank;
  bank_open(&bank);
  bank_do(&bank, INSERT, 1, 10);
  struct buffer before = {0}, after = {0};
  version_dump(store_trunk(bank.store), &before);
  uint64_t definitions = version_definitions(store_trunk(bank.store)), position;
  atom_begin(&bank.trunk, &bank.writer);
  struct definition definition;
  definition_init(&definition, "more", true);
  struct atom_mark empty = writer_mark(&bank.writer);
  assert_int_equal(catalog_create(bank.catalog, &bank.writer, &definition.relation, &bank.error), 0);
  assert_true(version_definitions(store_trunk(bank.store)) != definitions);
  struct atom_mark mark = writer_mark(&bank.writer);
  assert_int_equal(catalog_drop(bank.catalog, &bank.writer, bank.table, false, NULL, &bank.error), 0);
  writer_rollback(&bank.writer, mark);
  assert_true(version_definitions(store_trunk(bank.store)) == mark.definitions);
  assert_non_null(catalog_find_oid(bank.catalog, store_trunk(bank.store), bank.table->oid));
  writer_rollback(&bank.writer, empty);
  assert_true(version_definitions(store_trunk(bank.store)) == definitions);
  assert_int_equal(catalog_drop(bank.catalog, &bank.writer, bank.table, false, NULL, &bank.error), 0);
  atom_abort(&bank.trunk);
  assert_true(version_definitions(store_trunk(bank.store)) == definitions);
  version_dump(store_trunk(bank.store), &after);
  assert_same_dump(&before, &after);
  atom_begin(&bank.trunk, &bank.writer);
  assert_int_equal(catalog_drop(bank.catalog, &bank.writer, bank.table, false, NULL, &bank.error), 0);
  assert_int_equal(atom_commit(&bank.trunk, &position, &bank.error), 0);
  assert_int_equal(tree_count(store_trunk(bank.store), bank.table->tree), 0);
  bank_verify_output(&bank);
  buffer_deinit(&before);
  buffer_deinit(&after);
  bank_close(&bank);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_positions_and_output),
    cmocka_unit_test(test_what_comes_back_leaves_no_trace),
    cmocka_unit_test(test_abort_and_savepoint),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
