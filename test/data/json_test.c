// JSON: what is read is what is printed, however it was written; depth, damage and want of memory are errors.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/limits.h"
#include "data/jsonb.h"
#include "random_values.h"

static void print(const struct value *value, struct buffer *out)
{
  buffer_clear(out);
  jsonb_to_text(jsonb_of(value), out);
}

static void test_printed_text_reads_back_the_same(void **state)
{
  uint64_t seed = 4;
  struct arena arena;
  struct buffer text = {0}, again = {0}, pretty = {0};
  arena_init(&arena, NULL);
  for (int round = 0; round < 20000; round++) {
    arena_reset(&arena);
    struct value value = random_jsonb(&seed, &arena), back, from_pretty;
    assert_true(jsonb_is_valid(bytes_of(value.data, value.size)));
    print(&value, &text);
    assert_int_equal(json_parse(buffer_bytes(&text), NULL, NULL, NULL), 0);
    assert_int_equal(jsonb_from_text(buffer_bytes(&text), &arena, &back, NULL), 0);
    print(&back, &again);
    assert_true(bytes_equal(buffer_bytes(&text), buffer_bytes(&again)));
    assert_true(bytes_equal(bytes_of(value.data, value.size), bytes_of(back.data, back.size)));
    buffer_clear(&pretty);
    jsonb_to_pretty_text(jsonb_of(&value), &pretty);
    assert_int_equal(jsonb_from_text(buffer_bytes(&pretty), &arena, &from_pretty, NULL), 0);
    assert_int_equal(jsonb_compare(jsonb_of(&value), jsonb_of(&from_pretty)), 0);
    assert_true(jsonb_contains(jsonb_of(&value), jsonb_of(&value)));
  }
  buffer_deinit(&text);
  buffer_deinit(&again);
  buffer_deinit(&pretty);
  arena_deinit(&arena);
}

// A walk over the text finds the members that the jsonb has.
static void test_walking_text_agrees_with_jsonb(void **state)
{
  uint64_t seed = 5;
  struct arena arena;
  struct buffer text = {0};
  arena_init(&arena, NULL);
  for (int round = 0; round < 20000; round++) {
    arena_reset(&arena);
    struct value value = random_jsonb(&seed, &arena), member;
    struct jsonb item = jsonb_of(&value);
    print(&value, &text);
    assert_int_equal(json_kind_of(buffer_bytes(&text)), item.kind);
    if (!json_is_container(item.kind))
      continue;
    struct bytes name, part, its;
    uint32_t count = 0;
    for (size_t position = 0; json_next(buffer_bytes(&text), &position, &name, &part); count++) {
      struct jsonb expected = item.kind == JSON_OBJECT ? jsonb_member(item, count, &its) : jsonb_element(item, count);
      assert_int_equal(jsonb_from_text(part, &arena, &member, NULL), 0);
      assert_int_equal(jsonb_compare(jsonb_of(&member), expected), 0);
      struct jsonb found;
      if (item.kind == JSON_OBJECT)
        assert_true(jsonb_find(item, its, &found) && found.data == expected.data);
    }
    assert_int_equal(count, jsonb_count(item));
  }
  buffer_deinit(&text);
  arena_deinit(&arena);
}

static void test_damaged_bytes_are_refused_or_sound(void **state)
{
  uint64_t seed = 6;
  struct arena arena;
  struct buffer text = {0};
  int refused = 0;
  arena_init(&arena, NULL);
  for (int round = 0; round < 60000; round++) {
    arena_reset(&arena);
    struct value value = random_jsonb(&seed, &arena);
    uint32_t size = random_below(&seed, 4) ? value.size : (uint32_t)random_below(&seed, value.size);
    uint8_t *bytes = arena_alloc(&arena, size);
    memcpy(bytes, value.data, size);
    if (size)
      bytes[random_below(&seed, size)] =
          (uint8_t)(random_below(&seed, 2) ? random_next(&seed) : random_below(&seed, 8));
    if (!jsonb_is_valid(bytes_of(bytes, size))) {
      refused++;
      continue;
    }
    struct value damaged = value_bytes(bytes, size);
    print(&damaged, &text);
    (void)jsonb_hash(jsonb_of(&damaged), 0);
    (void)jsonb_compare(jsonb_of(&damaged), jsonb_of(&value));
  }
  assert_true(refused > 10000);
  buffer_deinit(&text);
  arena_deinit(&arena);
}

static void nested(int depth, const char *open, const char *close, struct buffer *out)
{
  buffer_clear(out);
  for (int i = 0; i < depth; i++)
    buffer_append_string(out, open);
  buffer_append_string(out, "1");
  for (int i = 0; i < depth; i++)
    buffer_append_string(out, close);
}

static void test_depth_is_bounded(void **state)
{
  struct arena arena;
  struct buffer text = {0};
  struct value value;
  struct error error;
  arena_init(&arena, NULL);
  for (int objects = 0; objects < 2; objects++) {
    const char *open = objects ? "{\"a\":" : "[", *close = objects ? "}" : "]";
    nested(LIMIT_JSON_NESTING, open, close, &text);
    assert_int_equal(json_parse(buffer_bytes(&text), NULL, NULL, &error), 0);
    assert_int_equal(jsonb_from_text(buffer_bytes(&text), &arena, &value, &error), 0);
    assert_true(jsonb_is_valid(bytes_of(value.data, value.size)));
    struct jsonb_builder builder;
    jsonb_builder_init(&builder, NULL);
    struct jsonb_mark mark = jsonb_begin(&builder);
    jsonb_add(&builder, jsonb_of(&value));
    assert_true(jsonb_end(&builder, mark, JSON_ARRAY, &error) != 0);
    assert_string_equal(error.sqlstate, "54001");
    jsonb_builder_deinit(&builder);
    nested(LIMIT_JSON_NESTING + 1, open, close, &text);
    assert_true(json_parse(buffer_bytes(&text), NULL, NULL, &error) != 0);
    assert_string_equal(error.sqlstate, "54001");
    assert_true(jsonb_from_text(buffer_bytes(&text), &arena, &value, &error) != 0);
    assert_string_equal(error.sqlstate, "54001");
  }
  nested(100000, "[", "", &text);
  assert_true(jsonb_from_text(buffer_bytes(&text), &arena, &value, &error) != 0);
  buffer_deinit(&text);
  arena_deinit(&arena);
}

static void test_want_of_memory_is_an_error(void **state)
{
  static const char text[] =
      "{\"b\": [1, 2, {\"z\": \"a long string, so that it takes some room\", \"y\": [[]]}], \"a\": 1.5, "
      "\"b\": \"and another one that counts\", \"c\": {\"d\": null}}";
  int failures = 0;
  for (size_t limit = 1;; limit += 97) {
    struct memory_account account = {.limit = limit};
    struct arena arena;
    struct value value;
    struct error error;
    arena_init(&arena, &account);
    int status = jsonb_from_text(bytes_of_string(text), &arena, &value, &error);
    arena_deinit(&arena);
    assert_int_equal(account.used, 0);
    if (!status)
      break;
    assert_string_equal(error.sqlstate, "53200");
    failures++;
  }
  assert_true(failures > 5);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_printed_text_reads_back_the_same),   cmocka_unit_test(test_walking_text_agrees_with_jsonb),
      cmocka_unit_test(test_damaged_bytes_are_refused_or_sound), cmocka_unit_test(test_depth_is_bounded),
      cmocka_unit_test(test_want_of_memory_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
