// Numerics against what PostgreSQL 15 answers, and against themselves: text, bytes, rounding, limits.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/limits.h"
#include "data/numeric.h"
#include "numeric_cases.h"

typedef int binary_function(const struct value *, const struct value *, struct arena *, struct value *, struct error *);
typedef int unary_function(const struct value *, struct arena *, struct value *, struct error *);
typedef int scale_function(const struct value *, int, struct arena *, struct value *, struct error *);

static const struct {
  const char *operator;
  binary_function *binary;
  unary_function *unary;
  scale_function *to_scale;
} functions[] = {
  {"+", numeric_add, NULL, NULL},       {"-", numeric_subtract, NULL, NULL},   {"*", numeric_multiply, NULL, NULL},
  {"/", numeric_divide, NULL, NULL},    {"%", numeric_modulo, NULL, NULL},     {"power", numeric_power, NULL, NULL},
  {"log", numeric_log, NULL, NULL},     {"ln", NULL, numeric_ln, NULL},        {"exp", NULL, numeric_exp, NULL},
  {"sqrt", NULL, numeric_sqrt, NULL},   {"floor", NULL, numeric_floor, NULL},  {"ceil", NULL, numeric_ceiling, NULL},
  {"round", NULL, NULL, numeric_round}, {"trunc", NULL, NULL, numeric_truncate},
};

struct fixture {
  struct arena arena;
  struct buffer text;
};

static int set_up(void **state)
{
  static struct fixture fixture;
  fixture = (struct fixture){0};
  arena_init(&fixture.arena, NULL);
  *state = &fixture;
  return 0;
}

static int tear_down(void **state)
{
  struct fixture *f = *state;
  arena_deinit(&f->arena);
  buffer_deinit(&f->text);
  return 0;
}

static struct value number(struct fixture *f, const char *text)
{
  struct value v;
  struct error error;
  assert_int_equal(numeric_from_text(bytes_of_string(text), -1, &f->arena, &v, &error), 0);
  assert_true(numeric_is_valid(bytes_of(v.data, v.size)));
  return v;
}

static const char *text_of(struct fixture *f, const struct value *v)
{
  buffer_clear(&f->text);
  numeric_to_text(v, &f->text);
  buffer_append_u8(&f->text, 0);
  return (const char *)f->text.data;
}

static const char *hex_of(struct fixture *f, const struct value *v)
{
  struct buffer binary = {0};
  numeric_to_binary(v, &binary);
  buffer_clear(&f->text);
  for (size_t i = 0; i < binary.size; i++)
    buffer_format(&f->text, "%02x", binary.data[i]);
  buffer_append_u8(&f->text, 0);
  buffer_deinit(&binary);
  return (const char *)f->text.data;
}

static int apply(struct fixture *f, size_t i, const struct value *a, struct value *out, struct error *error)
{
  for (size_t k = 0; k < sizeof functions / sizeof *functions; k++) {
    if (strcmp(functions[k].operator, numeric_cases[i].operator) != 0)
      continue;
    if (functions[k].unary)
      return functions[k].unary(a, &f->arena, out, error);
    if (functions[k].to_scale)
      return functions[k].to_scale(a, atoi(numeric_cases[i].right), &f->arena, out, error);
    struct value b = number(f, numeric_cases[i].right);
    return functions[k].binary(a, &b, &f->arena, out, error);
  }
  fail_msg("no function %s", numeric_cases[i].operator);
  return -1;
}

static void test_arithmetic_is_postgresql(void **state)
{
  struct fixture *f = *state;
  for (size_t i = 0; i < sizeof numeric_cases / sizeof *numeric_cases; i++) {
    arena_reset(&f->arena);
    struct value a = number(f, numeric_cases[i].left), out;
    struct error error = {0};
    const char *actual;
    char refusal[600];
    if (strcmp(numeric_cases[i].operator, "send") == 0) {
      actual = hex_of(f, &a);
    } else if (apply(f, i, &a, &out, &error)) {
      snprintf(refusal, sizeof refusal, "ERROR %s %s", error.sqlstate, error.message);
      actual = refusal;
    } else {
      assert_true(numeric_is_valid(bytes_of(out.data, out.size)));
      actual = text_of(f, &out);
    }
    if (strcmp(actual, numeric_cases[i].expected) != 0)
      fail_msg("%s %s %s: %s, not %s", numeric_cases[i].left, numeric_cases[i].operator, numeric_cases[i].right, actual,
               numeric_cases[i].expected);
  }
}

static void test_binary_reads_back(void **state)
{
  struct fixture *f = *state;
  for (size_t i = 0; i < sizeof numeric_cases / sizeof *numeric_cases; i++) {
    arena_reset(&f->arena);
    struct value a = number(f, numeric_cases[i].left), back;
    struct buffer binary = {0};
    struct error error;
    numeric_to_binary(&a, &binary);
    assert_int_equal(numeric_from_binary(buffer_bytes(&binary), &f->arena, &back, &error), 0);
    buffer_deinit(&binary);
    assert_int_equal(a.size, back.size);
    assert_memory_equal(a.data, back.data, a.size);
  }
}

static void test_text_reads_back(void **state)
{
  struct fixture *f = *state;
  static const char *const texts[] = {
    "0", "0.00", "-0.05", "1", "-1", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
    "-9223372036854775809", "18446744073709551616", "170141183460469231731687303715884105727",
    "170141183460469231731687303715884105728", "-170141183460469231731687303715884105728",
    "-170141183460469231731687303715884105729", "0.000000000000000000000000000000000000000000000000000001",
    "123456789012345678901234567890123456789012345678901234567890.123", "NaN", "Infinity", "-Infinity",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct value v = number(f, texts[i]);
    assert_string_equal(text_of(f, &v), texts[i]);
  }
}

static void test_text_is_refused(void **state)
{
  struct fixture *f = *state;
  static const struct {
    const char *text, *sqlstate, *message;
  } cases[] = {
    {"", "22P02", "invalid input syntax for type numeric: \"\""},
    {".", "22P02", "invalid input syntax for type numeric: \".\""},
    {"1e", "22P02", "invalid input syntax for type numeric: \"1e\""},
    {"1 2", "22P02", "invalid input syntax for type numeric: \"1 2\""},
    {"--1", "22P02", "invalid input syntax for type numeric: \"--1\""},
    {"1e131072", "22003", "value overflows numeric format"},
    {"1e-16384", "22003", "value overflows numeric format"},
    {"1e99999999999999999999", "22003", "value overflows numeric format"},
    {"1e-99999999999999999999", "22003", "value overflows numeric format"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct value v;
    struct error error = {0};
    assert_int_equal(numeric_from_text(bytes_of_string(cases[i].text), -1, &f->arena, &v, &error), STATUS_INPUT);
    assert_string_equal(error.sqlstate, cases[i].sqlstate);
    assert_string_equal(error.message, cases[i].message);
  }
}

static void test_limits_are_met(void **state)
{
  struct fixture *f = *state;
  struct value large = number(f, "1e131071"), small = number(f, "1e-16383"), out;
  struct error error = {0};
  assert_int_equal(strlen(text_of(f, &large)), LIMIT_NUMERIC_DIGITS);
  assert_int_equal(strlen(text_of(f, &small)), LIMIT_NUMERIC_SCALE + 2);
  assert_int_equal(numeric_multiply(&large, &large, &f->arena, &out, &error), STATUS_INPUT);
  assert_string_equal(error.sqlstate, "22003");
  assert_int_equal(numeric_multiply(&small, &small, &f->arena, &out, &error), 0);
  assert_int_equal(numeric_scale(&out), LIMIT_NUMERIC_SCALE);
  assert_int_equal(numeric_sign(&out), 0);
  assert_int_equal(numeric_divide(&large, &small, &f->arena, &out, &error), STATUS_INPUT);
  assert_int_equal(numeric_add(&large, &small, &f->arena, &out, &error), 0);
  assert_int_equal(numeric_compare(&out, &large), 1);
}

static void test_modifier(void **state)
{
  struct fixture *f = *state;
  static const struct {
    const char *text;
    int precision, scale;
    const char *expected, *detail;
  } cases[] = {
    {"1", 5, 2, "1.00", NULL},
    {"-999.994", 5, 2, "-999.99", NULL},
    {"999.995", 5, 2, NULL, "A field with precision 5, scale 2 must round to an absolute value less than 10^3."},
    {"1e3", 5, 2, NULL, "A field with precision 5, scale 2 must round to an absolute value less than 10^3."},
    {"inf", 5, 2, NULL, "A field with precision 5, scale 2 cannot hold an infinite value."},
    {"NaN", 5, 2, "NaN", NULL},
    {"0.999", 2, 2, NULL, "A field with precision 2, scale 2 must round to an absolute value less than 1."},
    {"12345", 3, -2, "12300", NULL},
    {"99950", 3, -2, NULL, "A field with precision 3, scale -2 must round to an absolute value less than 10^5."},
    {"0.00985", 2, 4, "0.0099", NULL},
    {"0.01", 2, 4, NULL, "A field with precision 2, scale 4 must round to an absolute value less than 10^-2."},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct value v;
    struct error error = {0};
    int32_t modifier = (cases[i].precision << 16) | (cases[i].scale & 0xffff);
    int status = numeric_from_text(bytes_of_string(cases[i].text), modifier, &f->arena, &v, &error);
    if (cases[i].expected) {
      assert_int_equal(status, 0);
      assert_string_equal(text_of(f, &v), cases[i].expected);
    } else {
      assert_string_equal(error.message, "numeric field overflow");
      assert_string_equal(error.detail, cases[i].detail);
    }
  }
}

static void test_to_integers_and_floats(void **state)
{
  struct fixture *f = *state;
  struct error error = {0};
  int64_t out;
  struct value v = number(f, "2.5");
  assert_int_equal(numeric_to_int64(&v, INT64_MIN, INT64_MAX, "bigint", &out, &error), 0);
  assert_int_equal(out, 3);
  v = number(f, "-9223372036854775808.4");
  assert_int_equal(numeric_to_int64(&v, INT64_MIN, INT64_MAX, "bigint", &out, &error), 0);
  assert_true(out == INT64_MIN);
  v = number(f, "2147483647.5");
  assert_int_equal(numeric_to_int64(&v, INT32_MIN, INT32_MAX, "integer", &out, &error), STATUS_INPUT);
  assert_string_equal(error.message, "integer out of range");
  v = number(f, "NaN");
  assert_int_equal(numeric_to_int64(&v, INT32_MIN, INT32_MAX, "integer", &out, &error), STATUS_INPUT);
  assert_string_equal(error.message, "cannot convert NaN to integer");
  v = number(f, "0.1");
  assert_true(numeric_to_float8(&v) == 0.1);
  v = number(f, "123456789012345678901234567890");
  assert_true(numeric_to_float8(&v) == 123456789012345678901234567890.0);
  v = number(f, "1e400");
  assert_true(isinf(numeric_to_float8(&v)));
  assert_int_equal(numeric_from_float8(0.1, &f->arena, &v, &error), 0);
  assert_string_equal(text_of(f, &v), "0.1");
  assert_int_equal(numeric_from_float8(1e20, &f->arena, &v, &error), 0);
  assert_string_equal(text_of(f, &v), "100000000000000000000");
}

static void test_hash_sees_sign_and_scale(void **state)
{
  struct fixture *f = *state;
  struct value one = number(f, "1"), minus_one = number(f, "-1"), tenth = number(f, "0.1"), same = number(f, "1.000");
  assert_true(numeric_hash(&one) == numeric_hash(&same));
  assert_true(numeric_hash(&one) != numeric_hash(&minus_one));
  assert_true(numeric_hash(&one) != numeric_hash(&tenth));
}

static void test_binary_is_refused(void **state)
{
  struct fixture *f = *state;
  static const struct {
    uint8_t bytes[12];
    size_t size;
    const char *message;
  } cases[] = {
    {{0, 1, 0}, 3, "insufficient data left in message"},
    {{0, 1, 0, 0, 0, 0, 0, 0}, 8, "invalid length in external \"numeric\" value"},
    {{0, 1, 0, 0, 0x12, 0x34, 0, 0, 0, 1}, 10, "invalid sign in external \"numeric\" value"},
    {{0, 1, 0, 0, 0, 0, 0xff, 0xff, 0, 1}, 10, "invalid scale in external \"numeric\" value"},
    {{0, 1, 0, 0, 0, 0, 0, 0, 0x27, 0x10}, 10, "invalid digit in external \"numeric\" value"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct value v;
    struct error error = {0};
    assert_true(numeric_from_binary(bytes_of(cases[i].bytes, cases[i].size), &f->arena, &v, &error) != 0);
    assert_string_equal(error.message, cases[i].message);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(test_arithmetic_is_postgresql, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_binary_reads_back, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_text_reads_back, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_text_is_refused, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_limits_are_met, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_modifier, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_to_integers_and_floats, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_hash_sees_sign_and_scale, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_binary_is_refused, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
