// The promise of keys: bytes sort as values do, and equal values have equal bytes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/limits.h"
#include "data/key.h"
#include "random_values.h"

static int sign_of(int v) { return (v > 0) - (v < 0); }

// The order that a key part promises for two values, NULLs among them.
static int expected_order(enum type_id type, const struct key_part *part, const struct value *a, const struct value *b)
{
  if (a->is_null || b->is_null) {
    int order = (int)a->is_null - (int)b->is_null; // NULL last
    return part->nulls_first ? -order : order;
  }
  int order = sign_of(value_compare(type, a, b));
  return part->descending ? -order : order;
}

static void check_pair(enum type_id type, const struct key_part *part, const struct value *a, const struct value *b)
{
  struct buffer x = {0}, y = {0};
  struct error error = {0};
  assert_int_equal(key_append(type, part, a, &x, &error), 0);
  assert_int_equal(key_append(type, part, b, &y, &error), 0);
  int order = sign_of(bytes_compare(buffer_bytes(&x), buffer_bytes(&y)));
  if (order != expected_order(type, part, a, b)) {
    struct buffer text = {0};
    value_to_text(type, a, &format_settings_default, &text);
    buffer_append_string(&text, " and ");
    value_to_text(type, b, &format_settings_default, &text);
    fail_msg("%s: %.*s: %d", type_info(type)->name, (int)text.size, (const char *)text.data, order);
  }
  // No key is the beginning of another.
  size_t common = x.size < y.size ? x.size : y.size;
  if (order)
    assert_true(memcmp(x.data, y.data, common) != 0);
  buffer_deinit(&x);
  buffer_deinit(&y);
}

static void test_order_of_keys_is_order_of_values(void **state)
{
  uint64_t seed = 1;
  struct arena arena;
  arena_init(&arena, NULL);
  for (int i = 0; i < ALL_TYPES; i++) {
    for (int round = 0; round < 4000; round++) {
      arena_reset(&arena);
      struct key_part part = {.descending = random_below(&seed, 2), .nulls_first = random_below(&seed, 2)};
      struct value a = random_value(&seed, all_types[i], &arena), b = random_value(&seed, all_types[i], &arena);
      if (random_below(&seed, 10) == 0)
        a = value_null();
      if (random_below(&seed, 10) == 0)
        b = value_null();
      check_pair(all_types[i], &part, &a, &b);
      if (!a.is_null && !b.is_null && value_compare(all_types[i], &a, &b) == 0)
        assert_true(value_hash(all_types[i], &a, 7) == value_hash(all_types[i], &b, 7));
    }
  }
  arena_deinit(&arena);
}

static void test_keys_read_back(void **state)
{
  uint64_t seed = 2;
  struct arena arena;
  arena_init(&arena, NULL);
  for (int round = 0; round < 20000; round++) {
    arena_reset(&arena);
    enum type_id first = all_types[random_below(&seed, ALL_TYPES)], second = all_types[random_below(&seed, ALL_TYPES)];
    struct key_part part = {.descending = random_below(&seed, 2), .nulls_first = random_below(&seed, 2)};
    struct value a = random_value(&seed, first, &arena), b = random_value(&seed, second, &arena), c, d;
    if (random_below(&seed, 10) == 0)
      a = value_null();
    struct buffer key = {0};
    struct error error;
    assert_int_equal(key_append(first, &part, &a, &key, &error), 0);
    assert_int_equal(key_append(second, &part, &b, &key, &error), 0);
    struct bytes rest = buffer_bytes(&key);
    assert_true(key_read(first, &part, &rest, &arena, &c));
    assert_true(key_read(second, &part, &rest, &arena, &d));
    assert_int_equal(rest.size, 0);
    assert_int_equal(a.is_null, c.is_null);
    if (!a.is_null)
      assert_int_equal(value_compare(first, &a, &c), 0);
    assert_int_equal(value_compare(second, &b, &d), 0);
    buffer_deinit(&key);
  }
  arena_deinit(&arena);
}

static void test_malformed_keys_are_refused(void **state)
{
  uint64_t seed = 3;
  struct arena arena;
  arena_init(&arena, NULL);
  for (int round = 0; round < 60000; round++) {
    arena_reset(&arena);
    enum type_id type = all_types[random_below(&seed, ALL_TYPES)];
    struct key_part part = {.descending = random_below(&seed, 2), .nulls_first = random_below(&seed, 2)};
    struct value v = random_value(&seed, type, &arena), back;
    struct buffer key = {0};
    struct error error;
    assert_int_equal(key_append(type, &part, &v, &key, &error), 0);
    size_t size = random_below(&seed, key.size + 1);
    uint8_t *exact = arena_copy(&arena, key.data, size); // so that reading on is seen
    if (size && random_below(&seed, 2))
      exact[random_below(&seed, size)] = (uint8_t)random_next(&seed);
    struct bytes rest = bytes_of(exact, size);
    if (key_read(type, &part, &rest, &arena, &back) && !back.is_null) {
      struct buffer text = {0};
      value_to_text(type, &back, &format_settings_default, &text);
      buffer_deinit(&text);
    }
    buffer_deinit(&key);
  }
  arena_deinit(&arena);
}

static void test_equal_values_have_equal_bytes(void **state)
{
  static const struct {
    enum type_id type;
    const char *left, *right;
  } cases[] = {
    {TYPE_FLOAT8, "-0", "0"},       {TYPE_FLOAT8, "NaN", "nan"},  {TYPE_NUMERIC, "1.0", "1.00"},
    {TYPE_NUMERIC, "1e2", "100.0"}, {TYPE_BPCHAR, "ab", "ab   "}, {TYPE_NUMERIC, "0", "-0.00"},
  };
  struct arena arena;
  arena_init(&arena, NULL);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct buffer x = {0}, y = {0};
    struct value a, b;
    struct error error;
    const struct key_part part = {0};
    struct type type = type_plain(cases[i].type);
    struct bytes left = bytes_of_string(cases[i].left);
    assert_int_equal(value_from_text(type, left, &format_settings_default, &arena, &a, &error), 0);
    struct bytes right = bytes_of_string(cases[i].right);
    assert_int_equal(value_from_text(type, right, &format_settings_default, &arena, &b, &error), 0);
    assert_int_equal(key_append(type.id, &part, &a, &x, &error), 0);
    assert_int_equal(key_append(type.id, &part, &b, &y, &error), 0);
    assert_true(bytes_equal(buffer_bytes(&x), buffer_bytes(&y)));
    assert_int_equal(value_compare(type.id, &a, &b), 0);
    assert_true(value_hash(type.id, &a, 1) == value_hash(type.id, &b, 1));
    buffer_deinit(&x);
    buffer_deinit(&y);
  }
  arena_deinit(&arena);
}

static void test_format_stays(void **state)
{
  // These bytes are on disks: ascending integer, descending text, numeric.
  struct arena arena;
  arena_init(&arena, NULL);
  struct buffer key = {0};
  struct error error;
  struct value integer = value_integer(-2), text = value_string("ab"), number;
  assert_int_equal(numeric_from_text(bytes_of_string("-12.30"), -1, &arena, &number, &error), 0);
  assert_int_equal(key_append(TYPE_INT4, &(struct key_part){0}, &integer, &key, &error), 0);
  assert_int_equal(key_append(TYPE_TEXT, &(struct key_part){.descending = true}, &text, &key, &error), 0);
  assert_int_equal(key_append(TYPE_NUMERIC, &(struct key_part){0}, &number, &key, &error), 0);
  static const uint8_t expected[] = {1, 0x7f, 0xff, 0xff, 0xfe, 1,    0x9e, 0x9d, 0xff, 1,
                                     2, 0xef, 0xff, 0xfd, 0xf2, 0xe0, 0xff};
  assert_int_equal(key.size, sizeof expected);
  assert_memory_equal(key.data, expected, sizeof expected);
  buffer_deinit(&key);
  arena_deinit(&arena);
}

static void test_successor_bounds_a_prefix(void **state)
{
  struct buffer key = {0};
  buffer_append(&key, "ab\xff\xff", 4);
  assert_true(key_successor(&key));
  assert_int_equal(key.size, 2);
  assert_memory_equal(key.data, "ac", 2);
  buffer_clear(&key);
  buffer_append(&key, "\xff\xff", 2);
  assert_false(key_successor(&key));
  buffer_clear(&key);
  assert_false(key_successor(&key));
  buffer_deinit(&key);
}

static void test_too_long_a_key(void **state)
{
  static uint8_t letters[LIMIT_KEY + 1];
  memset(letters, 'x', sizeof letters);
  struct buffer key = {0};
  struct error error;
  struct value fits = value_bytes(letters, LIMIT_KEY - 2), beyond = value_bytes(letters, LIMIT_KEY - 1);
  struct value integer = value_integer(1), null = value_null();
  const struct key_part part = {0};
  assert_int_equal(key_append(TYPE_TEXT, &part, &beyond, &key, &error), STATUS_LIMIT);
  assert_string_equal(error.sqlstate, "54000");
  assert_int_equal(key_append(TYPE_TEXT, &part, &fits, &key, &error), 0);
  assert_int_equal(key_append(TYPE_INT8, &part, &integer, &key, &error), STATUS_LIMIT);
  assert_int_equal(key_append(TYPE_INT8, &part, &null, &key, &error), STATUS_LIMIT);
  buffer_deinit(&key);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_order_of_keys_is_order_of_values),
    cmocka_unit_test(test_keys_read_back),
    cmocka_unit_test(test_malformed_keys_are_refused),
    cmocka_unit_test(test_equal_values_have_equal_bytes),
    cmocka_unit_test(test_format_stays),
    cmocka_unit_test(test_successor_bounds_a_prefix),
    cmocka_unit_test(test_too_long_a_key),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
