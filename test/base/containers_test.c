// Map, arena, buffer and error: what the rest of the house stands on.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/map.h"

static void test_map_is_its_model(void **state)
{
  enum { KEYS = 500, STEPS = 60000 };
  static int values[KEYS];
  bool present[KEYS] = {0};
  size_t count = 0;
  struct map map = {0};
  uint64_t seed = 1;
  for (int step = 0; step < STEPS; step++) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    uint64_t key = (seed >> 33) % KEYS;
    struct bytes bytes = bytes_of(&key, sizeof key);
    if (seed >> 63) {
      assert_true(map_put(&map, bytes, &values[key]));
      count += !present[key];
      present[key] = true;
    } else {
      assert_ptr_equal(map_remove(&map, bytes), present[key] ? &values[key] : NULL);
      count -= present[key];
      present[key] = false;
    }
    assert_int_equal(map.count, count);
    uint64_t other = (seed >> 20) % KEYS;
    assert_ptr_equal(map_get_u64(&map, other), present[other] ? &values[other] : NULL);
  }
  map_deinit(&map);
}

static void test_map_is_walked_in_order_of_insertion(void **state)
{
  struct map map = {0};
  static int value;
  for (uint64_t i = 0; i < 1000; i++)
    assert_true(map_put(&map, bytes_of(&i, sizeof i), &value));
  for (uint64_t i = 0; i < 1000; i += 2)
    assert_non_null(map_remove(&map, bytes_of(&i, sizeof i)));
  uint64_t again = 0;
  assert_true(map_put(&map, bytes_of(&again, sizeof again), &value));
  size_t at = 0;
  uint64_t expected = 1;
  struct map_entry *entry;
  while ((entry = map_next(&map, &at))) {
    uint64_t key;
    memcpy(&key, entry->key, sizeof key);
    assert_int_equal(key, expected > 999 ? 0 : expected);
    expected += 2;
  }
  assert_int_equal(expected, 1003);
  map_deinit(&map);
}

static void test_map_takes_empty_keys(void **state)
{
  struct map map = {0};
  static int value;
  assert_null(map_get(&map, bytes_of(NULL, 0)));
  assert_true(map_put(&map, bytes_of(NULL, 0), &value));
  assert_ptr_equal(map_get(&map, bytes_of("", 0)), &value);
  assert_ptr_equal(map_remove(&map, bytes_of(NULL, 0)), &value);
  assert_null(map_get(&map, bytes_of(NULL, 0)));
  map_deinit(&map);
}

static void test_arena_keeps_what_it_gave(void **state)
{
  struct memory_account account = {0};
  struct arena arena;
  arena_init(&arena, &account);
  uint8_t *pieces[300];
  for (int i = 0; i < 300; i++) {
    pieces[i] = arena_alloc(&arena, (size_t)i * 7);
    assert_int_equal((uintptr_t)pieces[i] % 16, 0);
    memset(pieces[i], i, (size_t)i * 7);
  }
  for (int i = 0; i < 300; i++)
    for (int k = 0; k < i * 7; k++)
      assert_int_equal(pieces[i][k], i & 0xff);
  assert_true(account.used > 300 * 299 / 2 * 7);
  arena_reset(&arena);
  assert_true(account.used < 4096);
  assert_string_equal(arena_format(&arena, "%d and %s", 7, "eight"), "7 and eight");
  arena_deinit(&arena);
  assert_int_equal(account.used, 0);
}

static void test_arena_goes_back_to_a_mark(void **state)
{
  struct memory_account account = {0};
  struct arena arena;
  arena_init(&arena, &account);
  char *kept = arena_string(&arena, "kept");
  struct arena_mark mark = arena_mark(&arena);
  size_t used = account.used;
  for (int i = 0; i < 100; i++)
    assert_non_null(arena_alloc(&arena, 5000));
  arena_release(&arena, mark);
  assert_int_equal(account.used, used);
  assert_string_equal(kept, "kept");
  assert_non_null(arena_alloc(&arena, 10));
  arena_deinit(&arena);
  // A mark of an empty arena frees all.
  arena_init(&arena, &account);
  mark = arena_mark(&arena);
  assert_non_null(arena_alloc(&arena, 100000));
  arena_release(&arena, mark);
  arena_deinit(&arena);
  assert_int_equal(account.used, 0);
}

static void test_accounts_bound_their_children(void **state)
{
  struct memory_account engine = {.limit = 10000}, statement = {.parent = &engine, .limit = 8000};
  assert_true(account_charge(&statement, 6000));
  assert_false(account_charge(&statement, 3000));
  assert_int_equal(engine.used, 6000);
  assert_true(account_charge(&engine, 3000));
  assert_false(account_charge(&statement, 1500)); // the parent has no room, and nothing is taken
  assert_int_equal(statement.used, 6000);
  account_release(&statement, 6000);
  assert_int_equal(engine.used, 3000);
  assert_int_equal(engine.peak, 9000);
  struct arena arena;
  arena_init(&arena, &statement);
  assert_null(arena_alloc(&arena, 20000));
  assert_null(arena_alloc(&arena, SIZE_MAX));
  arena_deinit(&arena);
  assert_int_equal(statement.used, 0);
}

static void test_buffer_fails_for_good(void **state)
{
  struct buffer buffer = {0};
  buffer_append_string(&buffer, "abc");
  assert_null(buffer_extend(&buffer, SIZE_MAX / 2));
  assert_true(buffer.failed);
  buffer_append_u8(&buffer, 'd');
  buffer_format(&buffer, "%d", 5);
  assert_int_equal(buffer.size, 3);
  buffer_clear(&buffer);
  buffer_append_be32(&buffer, 0x01020304);
  buffer_append_le16(&buffer, 0x0506);
  buffer_format(&buffer, "%s", "x");
  assert_int_equal(buffer.size, 7);
  assert_memory_equal(buffer.data, "\1\2\3\4\6\5x", 7);
  buffer_deinit(&buffer);
}

static void test_errors_tell_what_to_do(void **state)
{
  struct error error;
  assert_int_equal(error_set(&error, "40001", "again %d", 1), STATUS_RETRY);
  assert_string_equal(error.message, "again 1");
  error_detail(&error, "because");
  assert_int_equal(error_set(&error, "53200", "x"), STATUS_LIMIT);
  assert_string_equal(error.detail, ""); // the former one's
  assert_int_equal(error_set(&error, "58030", "x"), STATUS_FATAL);
  assert_int_equal(error_set(&error, "22P02", "x"), STATUS_INPUT);
  assert_int_equal(error_set(NULL, "22P02", "x"), STATUS_INPUT);
  assert_int_equal(error_memory(&error), STATUS_LIMIT);
}

static void test_long_errors_end_with_a_whole_character(void **state)
{
  for (int start = 0; start < 4; start++) {
    char text[1024];
    memset(text, 'x', (size_t)start);
    size_t size = (size_t)start;
    while (size + 4 < sizeof text) {
      memcpy(text + size, start % 2 ? "\xe2\x82\xac" : "\xc3\xa9", start % 2 ? 3 : 2);
      size += start % 2 ? 3 : 2;
    }
    text[size] = 0;
    struct error error;
    assert_int_equal(error_set(&error, "22P02", "%s", text), STATUS_INPUT);
    size_t length = strlen(error.message), width = start % 2 ? 3 : 2;
    assert_true(length > sizeof error.message - 1 - width);
    assert_int_equal((length - (size_t)start) % width, 0);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_map_is_its_model),          cmocka_unit_test(test_map_is_walked_in_order_of_insertion),
    cmocka_unit_test(test_map_takes_empty_keys),      cmocka_unit_test(test_arena_keeps_what_it_gave),
    cmocka_unit_test(test_arena_goes_back_to_a_mark), cmocka_unit_test(test_accounts_bound_their_children),
    cmocka_unit_test(test_buffer_fails_for_good),     cmocka_unit_test(test_errors_tell_what_to_do),
    cmocka_unit_test(test_long_errors_end_with_a_whole_character),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
