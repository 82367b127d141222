// Values in text and binary: PostgreSQL's answers for what is typed, and every value comes back from both forms.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "data/utf8.h"
#include "random_values.h"
#include "value_cases.h"

static void test_text_is_postgresql(void **state)
{
  struct arena arena;
  arena_init(&arena, NULL);
  for (size_t i = 0; i < sizeof value_cases / sizeof *value_cases; i++) {
    struct type type = {.id = type_of_name(value_cases[i].type), .modifier = value_cases[i].modifier};
    struct value value;
    struct error error = {0};
    struct buffer text = {0};
    arena_reset(&arena);
    // Not ending in a zero byte, so that reading on is seen.
    size_t size = strlen(value_cases[i].text);
    uint8_t *exact = malloc(size ? size : 1);
    memcpy(exact, value_cases[i].text, size);
    if (value_from_text(type, bytes_of(exact, size), &format_settings_default, &arena, &value, &error))
      buffer_format(&text, "ERROR %s %s", error.sqlstate, error.message);
    else
      value_to_text(type.id, &value, &format_settings_default, &text);
    buffer_append_u8(&text, 0);
    if (strcmp((const char *)text.data, value_cases[i].expected) != 0)
      fail_msg("%s '%s': %s, not %s", value_cases[i].type, value_cases[i].text, (const char *)text.data,
               value_cases[i].expected);
    buffer_deinit(&text);
    free(exact);
  }
  arena_deinit(&arena);
}

static void assert_same(enum type_id type, const struct value *a, const struct value *b)
{
  assert_int_equal(a->is_null, b->is_null);
  if (type_info(type)->storage != STORAGE_BYTES)
    assert_true(a->integer == b->integer); // the bits of floats too
  else
    assert_true(bytes_equal(bytes_of(a->data, a->size), bytes_of(b->data, b->size)));
}

static void test_values_come_back(void **state)
{
  uint64_t seed = 1;
  struct arena arena;
  arena_init(&arena, NULL);
  struct format_settings settings = format_settings_default;
  for (int round = 0; round < 60000; round++) {
    arena_reset(&arena);
    enum type_id type = all_types[random_below(&seed, ALL_TYPES)];
    struct value value = random_value(&seed, type, &arena), back;
    struct buffer text = {0}, binary = {0};
    struct error error;
    // Offsets only where they leave the value in range.
    bool is_far = value.integer < -200000000000000000 || value.integer > 9000000000000000000;
    settings.zone = zone_fixed(is_far ? 0 : (int32_t)random_below(&seed, 30 * 3600) - 15 * 3600);
    value_to_text(type, &value, &settings, &text);
    if (value_from_text(type_plain(type), buffer_bytes(&text), &settings, &arena, &back, &error))
      fail_msg("%s", error.message);
    assert_same(type, &value, &back);
    value_to_binary(type, &value, &binary);
    assert_int_equal(value_from_binary(type_plain(type), buffer_bytes(&binary), &format_settings_default, &arena, &back, &error), 0);
    assert_same(type, &value, &back);
    assert_int_equal(value_compare(type, &value, &back), 0);
    buffer_deinit(&text);
    buffer_deinit(&binary);
  }
  arena_deinit(&arena);
}

static void test_any_bytes_are_answered(void **state)
{
  uint64_t seed = 2;
  struct arena arena;
  arena_init(&arena, NULL);
  static const char alphabet[] = "0123456789+-.:eE/ TZnaifBCjuly,\xc3\xa9\x80";
  for (int round = 0; round < 100000; round++) {
    arena_reset(&arena);
    enum type_id type = (enum type_id)random_below(&seed, TYPE_COUNT);
    size_t size = random_below(&seed, 24);
    uint8_t *bytes = malloc(size ? size : 1);
    for (size_t i = 0; i < size; i++)
      bytes[i] = random_below(&seed, 8) ? (uint8_t)alphabet[random_below(&seed, sizeof alphabet)]
                                        : (uint8_t)random_next(&seed);
    struct value value;
    struct error error = {0};
    if (value_from_text(type_plain(type), bytes_of(bytes, size), &format_settings_default, &arena, &value, &error))
      assert_true(error.status != 0 && error.sqlstate[0] && error.message[0]);
    error_clear(&error);
    if (value_from_binary(type_plain(type), bytes_of(bytes, size), &format_settings_default, &arena, &value, &error))
      assert_true(error.status != 0 && error.sqlstate[0] && error.message[0]);
    free(bytes);
  }
  arena_deinit(&arena);
}

static void check_utf8(const char *text, size_t size, const char *expected)
{
  struct error error = {0};
  int status = utf8_check(bytes_of(text, size), &error);
  assert_int_equal(status, expected ? STATUS_INPUT : 0);
  assert_int_equal(utf8_is_valid(bytes_of(text, size)), !expected);
  if (!expected)
    return;
  char message[128];
  snprintf(message, sizeof message, "invalid byte sequence for encoding \"UTF8\": %s", expected);
  assert_string_equal(error.sqlstate, "22021");
  assert_string_equal(error.message, message);
}

static void test_utf8(void **state)
{
  check_utf8("", 0, NULL);
  check_utf8("plain text of more than eight bytes", 35, NULL);
  check_utf8("h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", 12, NULL);
  check_utf8("abc\0def", 7, "0x00");
  check_utf8("0123456\0", 8, "0x00");
  check_utf8("\x80", 1, "0x80");
  check_utf8("01234567\xff", 9, "0xff");
  check_utf8("\xc3\x28", 2, "0xc3 0x28");
  check_utf8("\xc0\x80", 2, "0xc0 0x80");
  check_utf8("\xed\xa0\x80", 3, "0xed 0xa0 0x80");
  check_utf8("\xf4\x90\x80\x80", 4, "0xf4 0x90 0x80 0x80");
  check_utf8("\xe2\x82", 2, "0xe2 0x82");
  assert_int_equal(utf8_length(bytes_of_string("h\xc3\xa9llo")), 5);
  assert_int_equal(utf8_prefix(bytes_of_string("h\xc3\xa9llo"), 2), 3);
  assert_int_equal(utf8_prefix(bytes_of_string("ab"), 9), 2);
}

static void test_casts_cut_silently(void **state)
{
  struct arena arena;
  arena_init(&arena, NULL);
  struct error error;
  struct type varchar = {.id = TYPE_VARCHAR, .modifier = 2}, bpchar = {.id = TYPE_BPCHAR, .modifier = 2};
  struct value value = value_string("\xc3\xa9\xc3\xa9\xc3\xa9");
  assert_int_equal(value_apply_modifier(varchar, true, &arena, &value, &error), 0);
  assert_int_equal(value.size, 4);
  value = value_string("abc");
  assert_int_equal(value_apply_modifier(bpchar, true, &arena, &value, &error), 0);
  assert_int_equal(value.size, 2);
  assert_int_equal(value_apply_modifier(varchar, false, &arena, &(struct value){.is_null = true}, &error), 0);
  value = value_string("abc");
  assert_int_equal(value_apply_modifier(varchar, false, &arena, &value, &error), STATUS_INPUT);
  assert_string_equal(error.sqlstate, "22001");
  assert_string_equal(error.message, "value too long for type character varying(2)");
  arena_deinit(&arena);
}

static void test_floats_with_fewer_digits(void **state)
{
  struct format_settings settings = format_settings_default;
  settings.extra_float_digits = 0;
  struct buffer text = {0};
  struct value value = value_float8(0.1 + 0.2);
  value_to_text(TYPE_FLOAT8, &value, &settings, &text);
  assert_true(bytes_equal(buffer_bytes(&text), bytes_of_string("0.3")));
  buffer_clear(&text);
  settings.extra_float_digits = -15;
  value_to_text(TYPE_FLOAT8, &value, &settings, &text);
  assert_true(bytes_equal(buffer_bytes(&text), bytes_of_string("0.3")));
  buffer_deinit(&text);
}

// Every form that short decimals have, and those on both sides of what counts as short: read as the C library reads them.
static void test_decimals_are_read_to_the_last_bit(void **state)
{
  uint64_t seed = 5;
  struct arena arena;
  arena_init(&arena, NULL);
  for (int round = 0; round < 200000; round++) {
    static const char *const signs[] = {"", "-", "+"};
    char text[32];
    int size = snprintf(text, sizeof text, "%s", signs[random_below(&seed, 3)]);
    int digits = (int)random_below(&seed, 18), point = (int)random_below(&seed, 19);
    for (int i = 0; i <= digits; i++) {
      if (i == point)
        text[size++] = '.';
      if (i < digits)
        text[size++] = (char)('0' + (random_below(&seed, 3) ? random_below(&seed, 10) : 0));
    }
    text[size] = 0;
    char *end;
    double wanted = strtod(text, &end);
    struct value value, expected = value_float8(wanted);
    struct error error;
    arena_reset(&arena);
    struct bytes bytes = bytes_of(text, (size_t)size);
    int status = value_from_text(type_plain(TYPE_FLOAT8), bytes, &format_settings_default, &arena, &value, &error);
    if ((status != 0) != (end == text || *end) || (!status && value.integer != expected.integer))
      fail_msg("\"%s\" is not read as %.17g", text, wanted);
  }
  arena_deinit(&arena);
}

static void test_binary_of_wrong_size(void **state)
{
  struct arena arena;
  arena_init(&arena, NULL);
  struct error error;
  struct value value;
  assert_true(value_from_binary(type_plain(TYPE_INT4), bytes_of("\0\0\1", 3), &format_settings_default, &arena, &value, &error) != 0);
  assert_string_equal(error.message, "insufficient data left in message");
  assert_true(value_from_binary(type_plain(TYPE_INT4), bytes_of("\0\0\0\0\1", 5), &format_settings_default, &arena, &value, &error) != 0);
  assert_string_equal(error.sqlstate, "22P03");
  assert_true(value_from_binary(type_plain(TYPE_TIMESTAMP), bytes_of("\x80\0\0\0\0\0\0\1", 8), &format_settings_default, &arena, &value, &error));
  assert_string_equal(error.message, "timestamp out of range");
  arena_deinit(&arena);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_text_is_postgresql),     cmocka_unit_test(test_values_come_back),
    cmocka_unit_test(test_any_bytes_are_answered), cmocka_unit_test(test_utf8),
    cmocka_unit_test(test_casts_cut_silently),     cmocka_unit_test(test_floats_with_fewer_digits),
    cmocka_unit_test(test_binary_of_wrong_size),   cmocka_unit_test(test_decimals_are_read_to_the_last_bit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
