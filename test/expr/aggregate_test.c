// Aggregates: results as PostgreSQL 15 gives them, rows taken out again, string_agg, and what cannot be resolved.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "expr/function.h"

struct aggregate_case {
  const char *name;
  enum type_id argument;
  const char *values; // by commas
  int count;
  const char *type, *result; // as in function_test.c
};

static const struct aggregate_case cases[] = {
#include "aggregates.h"
};

struct run {
  struct arena arena, rows;
  struct error error;
  struct evaluation evaluation;
  const struct aggregate *aggregate;
  void *state;
};

static int run_start(struct run *run, const char *name, const enum type_id *given, int count)
{
  *run = (struct run){0};
  arena_init(&run->arena, NULL);
  arena_init(&run->rows, NULL);
  run->evaluation = (struct evaluation){.arena = &run->rows, .error = &run->error};
  int status = aggregate_resolve(name, given, count, NULL, &run->aggregate, &run->error);
  if (status == STATUS_OK)
    run->state = arena_alloc_zeroed(&run->arena, run->aggregate->state_size);
  return status;
}

static void run_end(struct run *run)
{
  arena_deinit(&run->arena);
  arena_deinit(&run->rows);
}

static int run_row(struct run *run, bool out, const struct value *arguments)
{
  bool skip = run->aggregate->skips_null && arguments[0].is_null;
  int status = skip  ? STATUS_OK
               : out ? run->aggregate->unstep(&run->evaluation, run->state, arguments, &run->arena)
                     : run->aggregate->step(&run->evaluation, run->state, arguments, &run->arena);
  arena_reset(&run->rows);
  return status;
}

static void run_text(struct run *run, int status, struct buffer *text)
{
  struct value value = {0};
  buffer_clear(text);
  if (status == STATUS_OK)
    status = run->aggregate->finish(&run->evaluation, run->state, &value);
  if (status != STATUS_OK)
    buffer_format(text, "%s %s", run->error.sqlstate, run->error.message);
  else if (value.is_null)
    buffer_append_string(text, "NULL");
  else
    value_to_text(run->aggregate->result, &value, &format_settings_default, text);
  buffer_append_u8(text, 0);
}

static struct value value_of(enum type_id type, const char *text, size_t size, struct arena *arena)
{
  struct value value = value_null();
  struct error error;
  if (size == 4 && memcmp(text, "NULL", 4) == 0)
    return value;
  assert_int_equal(value_from_text(type_plain(type), bytes_of(text, size), &format_settings_default, arena, &value,
                                   &error), STATUS_OK);
  return value;
}

static int add_list(struct run *run, const struct aggregate_case *c)
{
  const char *at = c->values;
  int status = STATUS_OK;
  for (int i = 0; i < c->count && status == STATUS_OK; i++) {
    size_t size = strcspn(at, ",");
    struct value value = value_of(c->argument, at, size, &run->arena);
    status = run_row(run, false, &value);
    at += size + 1;
  }
  return status;
}

static void test_results(void **state)
{
  int failed = 0;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct aggregate_case *c = &cases[i];
    struct run run;
    struct buffer text = {0};
    assert_int_equal(run_start(&run, c->name, &c->argument, 1), STATUS_OK);
    run_text(&run, add_list(&run, c), &text);
    bool is_error = run.error.sqlstate[0] != 0;
    if (strcmp((const char *)text.data, c->result) != 0 ||
        strcmp(is_error ? "" : type_info(run.aggregate->result)->name, c->type) != 0) {
      print_error("%s(%s of type %s) is %s, not %s\n", c->name, c->values, type_info(c->argument)->name, text.data,
                  c->result);
      failed++;
    }
    buffer_deinit(&text);
    run_end(&run);
  }
  assert_int_equal(failed, 0);
}

// Whatever comes and goes, the result is that of the rows that are still there, to the last digit shown.
static void test_rows_taken_out(void **state)
{
  static const enum type_id types[] = {TYPE_INT2, TYPE_INT4, TYPE_INT8, TYPE_NUMERIC, TYPE_BOOLEAN};
  static const char *const numbers[] = {"1", "2", "-7", "100", "NULL", "3", "12", "0"};
  static const char *const decimals[] = {"1.5", "NaN", "2.250", "Infinity", "NULL", "-3", "-Infinity", "1e20"};
  static const char *const truths[] = {"t", "f", "t", "NULL", "f", "t", "t", "f"};
  int checked = 0;
  for (int a = 0; aggregate_at(a); a++) {
    const struct aggregate *aggregate = aggregate_at(a);
    for (size_t t = 0; t < 5; t++) {
      if (!aggregate->unstep || aggregate->argument_count != 1 || aggregate->arguments[0] != types[t])
        continue;
      const char *const *texts = types[t] == TYPE_NUMERIC ? decimals : types[t] == TYPE_BOOLEAN ? truths : numbers;
      for (int kept = 0; kept < 256; kept += 5) {
        struct run all, some;
        struct buffer left = {0}, right = {0};
        assert_int_equal(run_start(&all, aggregate->name, &types[t], 1), STATUS_OK);
        assert_int_equal(run_start(&some, aggregate->name, &types[t], 1), STATUS_OK);
        for (int out = 0; out < 2; out++)
          for (int i = 0; i < 8; i++) {
            struct value value = value_of(types[t], texts[i], strlen(texts[i]), &all.arena);
            if (!out || !(kept & 1 << i))
              assert_int_equal(run_row(&all, out, &value), STATUS_OK);
            if (!out && kept & 1 << i)
              assert_int_equal(run_row(&some, false, &value), STATUS_OK);
          }
        run_text(&all, STATUS_OK, &left);
        run_text(&some, STATUS_OK, &right);
        assert_string_equal((const char *)left.data, (const char *)right.data);
        buffer_deinit(&left);
        buffer_deinit(&right);
        run_end(&all);
        run_end(&some);
        checked++;
      }
    }
  }
  assert_true(checked > 500);
}

static void test_string_agg(void **state)
{
  static const struct {
    const char *text, *delimiter;
  } rows[] = {{"a", "1"}, {NULL, "2"}, {"b", "3"}, {"c", NULL}, {"", "4"}};
  struct run run;
  struct buffer text = {0};
  enum type_id given[2] = {TYPE_TEXT, TYPE_UNKNOWN};
  assert_int_equal(run_start(&run, "string_agg", given, 2), STATUS_OK);
  run_text(&run, STATUS_OK, &text);
  assert_string_equal((const char *)text.data, "NULL");
  for (size_t i = 0; i < 5; i++) {
    struct value arguments[2] = {rows[i].text ? value_string(rows[i].text) : value_null(),
                                 rows[i].delimiter ? value_string(rows[i].delimiter) : value_null()};
    assert_int_equal(run_row(&run, false, arguments), STATUS_OK);
  }
  run_text(&run, STATUS_OK, &text);
  assert_string_equal((const char *)text.data, "a3bc4");
  buffer_deinit(&text);
  run_end(&run);
}

static void test_count_of_rows(void **state)
{
  struct run run;
  struct buffer text = {0};
  struct value none = value_null();
  assert_int_equal(run_start(&run, "count", NULL, 0), STATUS_OK);
  for (int i = 0; i < 3; i++)
    assert_int_equal(run_row(&run, false, &none), STATUS_OK);
  run_text(&run, STATUS_OK, &text);
  assert_string_equal((const char *)text.data, "3");
  buffer_deinit(&text);
  run_end(&run);
}

static void test_unresolved(void **state)
{
  const struct aggregate *aggregate;
  struct error error;
  enum type_id text = TYPE_TEXT, unknown = TYPE_UNKNOWN, varchar = TYPE_VARCHAR;
  assert_int_equal(aggregate_resolve("sum", &text, 1, NULL, &aggregate, &error), STATUS_INPUT);
  assert_string_equal(error.sqlstate, "42883");
  assert_string_equal(error.message, "function sum(text) does not exist");
  assert_string_equal(error.hint, "No function matches the given name and argument types. "
                                  "You might need to add explicit type casts.");
  assert_int_equal(aggregate_resolve("min", &varchar, 1, NULL, &aggregate, &error), STATUS_OK);
  assert_int_equal(aggregate->result, TYPE_TEXT);
  assert_int_equal(aggregate_resolve("count", &unknown, 1, NULL, &aggregate, &error), STATUS_OK);
  assert_true(aggregate_exists("every") && !aggregate_exists("upper"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_results),       cmocka_unit_test(test_rows_taken_out), cmocka_unit_test(test_string_agg),
      cmocka_unit_test(test_count_of_rows), cmocka_unit_test(test_unresolved),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
