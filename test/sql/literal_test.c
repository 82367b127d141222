// Literals out of statements: what is replaced, what stays, and which texts are left alone.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sql/parse.h"

static void strip_to(const char *sql, const char *expected, const char *literals)
{
  static struct stripped stripped;
  char shown[512] = "";
  bool done = literals_strip(bytes_of_string(sql), &stripped);
  if (!expected) {
    if (done)
      fail_msg("stripped: %s", sql);
    return;
  }
  if (!done)
    fail_msg("not stripped: %s", sql);
  buffer_append_u8(&stripped.text, 0);
  assert_string_equal((const char *)stripped.text.data, expected);
  for (int i = 0; i < stripped.literal_count; i++) {
    const struct literal *literal = &stripped.literals[i];
    snprintf(shown + strlen(shown), sizeof shown - strlen(shown), "%s%s:%.*s@%d", i ? " " : "",
             type_info(literal->type)->short_name, (int)literal->text.size, (const char *)literal->text.data,
             literal->position);
  }
  assert_string_equal(shown, literals);
  buffer_deinit(&stripped.text);
  buffer_deinit(&stripped.strings);
}

static void literals_become_parameters(void **state)
{
  strip_to("SELECT abalance FROM pgbench_accounts WHERE aid = 42;",
           "SELECT abalance FROM pgbench_accounts WHERE aid = $1", "int4:42@50");
  strip_to("UPDATE t SET a = a + -3 WHERE b = 'x''y'", "UPDATE t SET a = a + -$1 WHERE b = $2",
           "int4:3@22 unknown:x'y@34");
  strip_to("insert into t values (1, 3000000000, 99999999999999999999, 1.5, 1e3, 'a')",
           "insert into t values ($1, $2, $3, $4, $5, $6)",
           "int4:1@22 int8:3000000000@25 numeric:99999999999999999999@37 numeric:1.5@59 numeric:1e3@64 unknown:a@69");
  strip_to("delete from t -- note 1\n where a in (1,2)", "delete from t where a in ($1,$2)", "int4:1@37 int4:2@39");
  strip_to("select a /* 'x' */ from t limit 10 offset 5", "select a from t limit $1 offset $2", "int4:10@32 int4:5@42");
  strip_to("select a1, \"b 2\" from t3 where \"x'y\" = 1", "select a1, \"b 2\" from t3 where \"x'y\" = $1",
           "int4:1@39");
  strip_to("select a::int + 1 and b::text = 'x'", "select a::int + $1 and b::text = $2", "int4:1@16 unknown:x@32");
}

static void what_has_a_meaning_of_its_own_stays(void **state)
{
  strip_to("select a, b from t where c = 1 order by 1, 2 limit 3",
           "select a, b from t where c = $1 order by 1, 2 limit $2", "int4:1@29 int4:3@51");
  strip_to("select a from t group by 1", "select a from t group by 1", "");
  strip_to("select a::numeric(10,2), b::varchar(5) from t where a = 5",
           "select a::numeric(10,2), b::varchar(5) from t where a = $1", "int4:5@56");
}

static void other_texts_are_left_alone(void **state)
{
  static const char *const texts[] = {
      "select date '2020-01-01'",
      "select interval '1 day'",
      "select double precision '1'",
      "select varchar(3) 'x'",
      "select E'a\\n'",
      "select U&'a'",
      "select B'1'",
      "select X'f'",
      "select N'x'",
      "select $1",
      "select $$a$$",
      "select 1; select 2",
      "create table t (a int)",
      "select 'a' 'b'",
      "select 'a'\n'b'",
      "select 'open",
      "select /* open",
      "select 12abc",
      "select -2147483648",
      "select -9223372036854775808",
      "copy t from stdin",
      "with w as (select 1) select 2",
      "",
      "select \"open",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    strip_to(texts[i], NULL, NULL);
}

static void a_text_with_too_many_literals_is_left_alone(void **state)
{
  char text[4096] = "select 1";
  for (int i = 1; i < LITERALS_MAXIMUM; i++)
    strcat(text, ",1");
  struct stripped *stripped = calloc(1, sizeof *stripped);
  assert_true(literals_strip(bytes_of_string(text), stripped));
  assert_int_equal(stripped->literal_count, LITERALS_MAXIMUM);
  strcat(text, ",1");
  assert_false(literals_strip(bytes_of_string(text), stripped));
  buffer_deinit(&stripped->text);
  buffer_deinit(&stripped->strings);
  free(stripped);
}

// Any prefix of a text, and any byte in it changed, is read within its bounds.
static void broken_texts_are_read_within_their_bounds(void **state)
{
  static const char sql[] = "select 'a''b', 1.5e+3, $x$y$x$, E'\\'', u&\"x\", a.b::c(1) /* x /* y */ */ from t --";
  struct stripped *stripped = calloc(1, sizeof *stripped);
  for (size_t size = 0; size < sizeof sql; size++) {
    char *copy = malloc(size + 1);
    for (size_t at = 0; at < size; at++) {
      memcpy(copy, sql, size);
      copy[at] = "'\"$/*-.e:("[at % 10];
      literals_strip(bytes_of(copy, size), stripped);
    }
    free(copy);
  }
  buffer_deinit(&stripped->text);
  buffer_deinit(&stripped->strings);
  free(stripped);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(literals_become_parameters),
      cmocka_unit_test(what_has_a_meaning_of_its_own_stays),
      cmocka_unit_test(other_texts_are_left_alone),
      cmocka_unit_test(a_text_with_too_many_literals_is_left_alone),
      cmocka_unit_test(broken_texts_are_read_within_their_bounds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
