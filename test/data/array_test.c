// Arrays: their forms both ways, what is refused, and that bytes of no array are found out.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/limits.h"
#include "data/array.h"
#include "data/schema.h"
#include "random_values.h"

// The text that comes back, or SQLSTATE, message and detail.
static void read_and_show(enum type_id type, const char *text, struct arena *arena, char *shown, int size)
{
  struct value value;
  struct error error = {0};
  if (value_from_text(type_plain(type), bytes_of_string(text), &format_settings_default, arena, &value, &error)) {
    snprintf(shown, (size_t)size, "%s %s%s%s", error.sqlstate, error.message, error.detail[0] ? "; " : "",
             error.detail);
    return;
  }
  struct buffer out = {0};
  value_to_text(type, &value, &format_settings_default, &out);
  snprintf(shown, (size_t)size, "%.*s", (int)out.size, (const char *)out.data);
  buffer_deinit(&out);
}

static void test_text_both_ways(void **state)
{
  static const struct {
    enum type_id type;
    const char *text, *expected;
  } cases[] = {
    {TYPE_INT4_ARRAY, "{1,-2,NULL}", "{1,-2,NULL}"},
    {TYPE_INT4_ARRAY, " { 1 , 2 } ", "{1,2}"},
    {TYPE_INT4_ARRAY, "{}", "{}"},
    {TYPE_INT4_ARRAY, "{{1,2},{3,4}}", "{{1,2},{3,4}}"},
    {TYPE_INT4_ARRAY, "[0:1][-1:0]={{1,2},{3,4}}", "[0:1][-1:0]={{1,2},{3,4}}"},
    {TYPE_INT4_ARRAY, "[1:2]={1,2}", "{1,2}"},
    {TYPE_INT4_ARRAY, "{{{{{{7}}}}}}", "{{{{{{7}}}}}}"},
    {TYPE_TEXT_ARRAY, "{a, b c ,\"\",null,\"null\",\\n\\u\\l\\l,\"\\\"\"}",
     "{a,\"b c\",\"\",NULL,\"null\",\"null\",\"\\\"\"}"},
    {TYPE_TEXT_ARRAY, "{\"{\",\"}\",\",\",\"\\\\\"}", "{\"{\",\"}\",\",\",\"\\\\\"}"},
    {TYPE_BOOLEAN_ARRAY, "{true,f}", "{t,f}"},
    {TYPE_FLOAT8_ARRAY, "{1.5,NaN,-Infinity}", "{1.5,NaN,-Infinity}"},
    {TYPE_TIMESTAMP_ARRAY, "{2024-02-29}", "{\"2024-02-29 00:00:00\"}"},
    {TYPE_JSONB_ARRAY, "{\"{\\\"a\\\":[1]}\"}", "{\"{\\\"a\\\": [1]}\"}"},
    {TYPE_INT4_ARRAY, "{1,x}", "22P02 invalid input syntax for type integer: \"x\""},
    {TYPE_INT4_ARRAY, "1",
     "22P02 malformed array literal: \"1\"; Array value must start with \"{\" or dimension information."},
    {TYPE_INT4_ARRAY, "{1", "22P02 malformed array literal: \"{1\"; Unexpected end of input."},
    {TYPE_INT4_ARRAY, "{1,", "22P02 malformed array literal: \"{1,\"; Unexpected end of input."},
    {TYPE_INT4_ARRAY, "{\\", "22P02 malformed array literal: \"{\\\"; Unexpected end of input."},
    {TYPE_INT4_ARRAY, "{,}", "22P02 malformed array literal: \"{,}\"; Unexpected \",\" character."},
    {TYPE_INT4_ARRAY, "{1}{", "22P02 malformed array literal: \"{1}{\"; Junk after closing right brace."},
    {TYPE_INT4_ARRAY, "{{1},{{2}}}",
     "22P02 malformed array literal: \"{{1},{{2}}}\"; Multidimensional arrays must have "
                                     "sub-arrays with matching dimensions."},
    {TYPE_INT4_ARRAY, "{{{1}},{2}}",
     "22P02 malformed array literal: \"{{{1}},{2}}\"; Multidimensional arrays must have "
                                     "sub-arrays with matching dimensions."},
    {TYPE_INT4_ARRAY, "[1:3]={1}", "22P02 malformed array literal: \"[1:3]={1}\"; Specified array dimensions do not "
                                   "match array contents."},
    {TYPE_INT4_ARRAY, "[2147483647:2147483647]={1}", "54000 array lower bound is too large: 2147483647"},
    {TYPE_INT4_ARRAY, "{{{{{{{1}}}}}}}", "54000 number of array dimensions (7) exceeds the maximum allowed (6)"},
  };
  struct arena arena;
  arena_init(&arena, NULL);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char shown[1200];
    read_and_show(cases[i].type, cases[i].text, &arena, shown, sizeof shown);
    assert_string_equal(shown, cases[i].expected);
  }
  arena_deinit(&arena);
}

// Any text of the characters that matter is an array or an error; what is one comes back from its own text.
static void test_any_text_is_answered(void **state)
{
  static const char alphabet[] = "{{{}}},,12a \"\\[]:=-NUL";
  uint64_t seed = 5;
  struct arena arena;
  arena_init(&arena, NULL);
  for (int round = 0; round < 100000; round++) {
    arena_reset(&arena);
    enum type_id type = random_below(&seed, 2) ? TYPE_INT4_ARRAY : TYPE_TEXT_ARRAY;
    char text[24];
    size_t size = random_below(&seed, sizeof text);
    for (size_t i = 0; i < size; i++)
      text[i] = alphabet[random_below(&seed, sizeof alphabet - 1)];
    if (size && random_below(&seed, 2))
      text[0] = '{';
    if (size && random_below(&seed, 2))
      text[size - 1] = '}';
    const void *exact = arena_copy(&arena, text, size);
    struct value value, again;
    struct error error = {0};
    if (value_from_text(type_plain(type), bytes_of(exact, size), &format_settings_default, &arena, &value, &error)) {
      assert_true(error.status != 0 && error.message[0]);
      continue;
    }
    struct buffer out = {0};
    value_to_text(type, &value, &format_settings_default, &out);
    struct type plain = type_plain(type);
    assert_int_equal(
        value_from_text(plain, buffer_bytes(&out), &format_settings_default, &arena, &again, &error), 0);
    assert_true(bytes_equal(bytes_of(value.data, value.size), bytes_of(again.data, again.size)));
    assert_int_equal(value_compare(type, &value, &again), 0);
    buffer_deinit(&out);
  }
  arena_deinit(&arena);
}

// Binary forms that were cut or changed are refused or are arrays; none reads behind its end.
static void test_malformed_binary_forms_are_refused(void **state)
{
  uint64_t seed = 6;
  struct arena arena;
  arena_init(&arena, NULL);
  for (int round = 0; round < 60000; round++) {
    arena_reset(&arena);
    enum type_id type = all_types[random_below(&seed, ALL_TYPES)];
    if (!type_is_array(type))
      continue;
    struct value value = random_value(&seed, type, &arena), back;
    struct buffer binary = {0};
    struct error error = {0};
    value_to_binary(type, &value, &binary);
    size_t size = random_below(&seed, 2) ? binary.size : random_below(&seed, binary.size + 1);
    uint8_t *exact = arena_copy(&arena, binary.data, size);
    if (random_below(&seed, 2) && size)
      exact[random_below(&seed, size)] = (uint8_t)random_next(&seed);
    if (value_from_binary(type_plain(type), bytes_of(exact, size), &format_settings_default, &arena, &back, &error))
      assert_true(error.status != 0 && error.message[0]);
    else
      assert_true(array_is_sound(type, bytes_of(back.data, back.size)));
    buffer_deinit(&binary);
  }
  arena_deinit(&arena);
}

static void test_bytes_of_no_array_are_found_out(void **state)
{
  uint64_t seed = 7;
  struct arena arena;
  arena_init(&arena, NULL);
  for (int round = 0; round < 100000; round++) {
    arena_reset(&arena);
    enum type_id type = all_types[random_below(&seed, ALL_TYPES)];
    if (!type_is_array(type))
      continue;
    struct value value = random_value(&seed, type, &arena);
    assert_true(array_is_sound(type, bytes_of(value.data, value.size)));
    size_t size = random_below(&seed, 2) ? value.size : random_below(&seed, value.size);
    uint8_t *exact = arena_copy(&arena, value.data, size);
    if (size)
      exact[random_below(&seed, random_below(&seed, 2) ? size : size > 2 ? 2 : size)] = (uint8_t)random_next(&seed);
    struct column column = {.name = "a", .type = type_plain(type)};
    struct schema schema;
    struct error error;
    struct buffer row = {0};
    assert_int_equal(schema_init(&schema, 1, &column, 1, &arena, &error), 0);
    struct value changed = value_bytes(exact, (uint32_t)size);
    assert_int_equal(row_encode(&schema, &changed, &row, &error), 0);
    if (row_is_valid(&schema, buffer_bytes(&row))) { // then it is one
      struct buffer text = {0};
      value_to_text(type, &changed, &format_settings_default, &text);
      (void)value_hash(type, &changed, 1);
      assert_int_equal(value_compare(type, &changed, &changed), 0);
      buffer_deinit(&text);
    }
    buffer_deinit(&row);
  }
  arena_deinit(&arena);
}

static void test_order(void **state)
{
  // Each is below the next.
  static const char *const rising[] = {"{}",    "{1}",        "{1,2}",         "[2:3]={1,2}", "{{1,2}}",
                                       "{{1},{2}}", "{1,2,3}", "{1,2,NULL}", "{1,3}",   "{1,NULL}", "{2}", "{NULL}"};
  struct arena arena;
  arena_init(&arena, NULL);
  for (size_t i = 0; i + 1 < sizeof rising / sizeof *rising; i++) {
    struct value a, b;
    struct type type = type_plain(TYPE_INT4_ARRAY);
    assert_int_equal(value_from_text(type, bytes_of_string(rising[i]), &format_settings_default, &arena, &a, NULL), 0);
    assert_int_equal(value_from_text(type, bytes_of_string(rising[i + 1]), &format_settings_default, &arena, &b, NULL),
                     0);
    assert_true(value_compare(type.id, &a, &b) < 0);
    assert_true(value_compare(type.id, &b, &a) > 0);
  }
  arena_deinit(&arena);
}

static void test_the_limit_of_elements(void **state)
{
  struct array_shape shape = {2, {65536, 65536}, {1, 1}};
  struct error error;
  uint32_t count;
  assert_int_equal(array_shape_count(&shape, &count, &error), STATUS_LIMIT);
  assert_string_equal(error.sqlstate, "54000");
  shape = (struct array_shape){1, {LIMIT_ARRAY_ELEMENTS}, {1}};
  assert_int_equal(array_shape_count(&shape, &count, &error), 0);
  assert_int_equal(count, LIMIT_ARRAY_ELEMENTS);
  shape.lengths[0]++;
  assert_int_equal(array_shape_count(&shape, &count, &error), STATUS_LIMIT);
  shape = (struct array_shape){1, {-1}, {1}};
  assert_int_equal(array_shape_count(&shape, &count, &error), STATUS_LIMIT);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_text_both_ways),
    cmocka_unit_test(test_any_text_is_answered),
    cmocka_unit_test(test_malformed_binary_forms_are_refused),
    cmocka_unit_test(test_bytes_of_no_array_are_found_out),
    cmocka_unit_test(test_order),
    cmocka_unit_test(test_the_limit_of_elements),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
