// Statements with typed values (quern.h): every type in and out, errors, definitions that change, transactions, results
// that a worker makes, two engines, and closing what is under way. What the direct way gives, the messages give too.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "quern.h"

struct client {
  struct quern *engine;
  struct quern_session *session;
  char text[4096]; // rows as a,b; errors as !SQLSTATE@position; then #rows
  int done;
  uint64_t rows;
  struct quern_statement *closes; // when a row or the end comes
  bool closes_session;
};

static void on_row(void *context, const struct quern_value *values, int count)
{
  struct client *client = context;
  client->rows++;
  for (int i = 0; i < count; i++) {
    size_t used = strlen(client->text), left = sizeof client->text - used;
    char *at = client->text + used;
    const char *comma = i ? "," : used ? ";" : "";
    switch (values[i].kind) {
    case QUERN_NULL: snprintf(at, left, "%sNULL", comma); break;
    case QUERN_BOOLEAN: snprintf(at, left, "%s%s", comma, values[i].integer ? "true" : "false"); break;
    case QUERN_INTEGER: snprintf(at, left, "%s%lld", comma, (long long)values[i].integer); break;
    case QUERN_FLOAT: snprintf(at, left, "%s%g", comma, values[i].number); break;
    case QUERN_TIMESTAMP: snprintf(at, left, "%s@%lld", comma, (long long)values[i].integer); break;
    case QUERN_TEXT: snprintf(at, left, "%s'%.*s'", comma, (int)values[i].size, values[i].text); break;
    }
  }
  if (client->closes_session)
    quern_session_close(client->session);
}

static void on_done(void *context, const struct quern_result *result)
{
  struct client *client = context;
  size_t used = strlen(client->text);
  if (result->error)
    snprintf(client->text + used, sizeof client->text - used, "!%s@%d", result->error->sqlstate, result->error->position);
  else
    snprintf(client->text + used, sizeof client->text - used, "#%llu", (unsigned long long)result->row_count);
  client->done++;
  quern_statement_close(client->closes);
  client->closes = NULL;
}

static struct quern *open_engine(void)
{
  struct quern *engine = NULL;
  struct quern_error error = {0};
  struct quern_options options = {.abi = QUERN_ABI};
  if (quern_open(&options, &engine, &error))
    fail_msg("%s", error.message);
  return engine;
}

static void open_client(struct client *client, struct quern *engine)
{
  struct quern_error error;
  *client = (struct client){.engine = engine, .session = quern_session_open(engine, &(struct quern_session_options){0}, &error)};
  assert_non_null(client->session);
}

static void run_until(struct client *client, int done)
{
  while (client->done < done) {
    int more = quern_run(client->engine, 1);
    assert_true(more >= 0);
    if (!more && client->done < done)
      quern_wait(client->engine, 1000);
  }
}

static int begin(struct client *client, struct quern_statement *statement, const struct quern_value *values, int count)
{
  struct quern_receiver receiver = {.row = on_row, .done = on_done, .context = client};
  return quern_statement_execute(statement, values, count, &receiver);
}

static const char *execute(struct client *client, struct quern_statement *statement, const struct quern_value *values, int count)
{
  int until = client->done + 1;
  client->text[0] = 0;
  assert_true(begin(client, statement, values, count) >= 0);
  run_until(client, until);
  return client->text;
}

static const char *run(struct client *client, const char *text)
{
  struct quern_statement *statement = quern_statement_prepare(client->session, text);
  assert_non_null(statement);
  execute(client, statement, NULL, 0);
  quern_statement_close(statement);
  return client->text;
}

static struct quern_value integer(int64_t number)
{
  return (struct quern_value){.kind = QUERN_INTEGER, .integer = number};
}

static struct quern_value text(const char *bytes)
{
  return (struct quern_value){.kind = QUERN_TEXT, .text = bytes, .size = (uint32_t)strlen(bytes)};
}

static void test_every_type_in_and_out(void **state)
{
  struct client client;
  open_client(&client, open_engine());
  assert_string_equal(run(&client, "CREATE TABLE t (k int PRIMARY KEY, b boolean, s smallint, l bigint, f float8, n numeric,"
                                   " x text, v varchar(5), c char(3), p timestamp, z timestamptz)"), "#0");
  struct quern_statement *put = quern_statement_prepare(client.session,
                                                        "INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
  struct quern_value values[11] = {
    integer(1), {.kind = QUERN_BOOLEAN, .integer = 1}, integer(-2), integer(INT64_MAX), {.kind = QUERN_FLOAT, .number = 0.5},
    text("12.340"), text("näh"), text(""), text("ab"), {.kind = QUERN_TIMESTAMP, .integer = 86400000001},
    {.kind = QUERN_TIMESTAMP, .integer = -1},
  };
  assert_string_equal(execute(&client, put, values, 11), "#1"); // by messages
  values[0] = integer(2);
  assert_string_equal(execute(&client, put, values, 11), "#1"); // directly
  struct quern_value nulls[11] = {integer(3)};
  assert_string_equal(execute(&client, put, nulls, 11), "#1");
  struct quern_value texts[11] = {text("4"), text("yes"), text("7"), text("8"), text("-Infinity"), integer(9), text("x"),
                                  text("y"), text("z"), text("2000-01-02 00:00:00"), text("2000-01-01 01:00:00+01")};
  assert_string_equal(execute(&client, put, texts, 11), "#1");
  struct quern_statement *get = quern_statement_prepare(client.session, "SELECT * FROM t WHERE k = $1");
  const char *expected[] = {
    "1,true,-2,9223372036854775807,0.5,'12.340','näh','','ab ',@86400000001,@-1#1",
    "2,true,-2,9223372036854775807,0.5,'12.340','näh','','ab ',@86400000001,@-1#1",
    "3,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL#1",
    "4,true,7,8,-inf,'9','x','y','z  ',@86400000000,@0#1",
    "#0",
  };
  struct quern_value key;
  for (int round = 0; round < 2; round++) // the first execution goes by messages
    for (int i = 0; i < 5; i++) {
      key = integer(i + 1);
      assert_string_equal(execute(&client, get, &key, 1), expected[i]);
    }
  struct quern_receiver silent = {0};
  key = integer(1);
  assert_int_equal(quern_statement_execute(get, &key, 1, &silent), 1); // done within the call
  quern_close(client.engine);
}

static void test_many_executions_take_both_ways(void **state)
{
  struct client client;
  open_client(&client, open_engine());
  run(&client, "CREATE TABLE t (k bigint PRIMARY KEY, v bigint NOT NULL CHECK (v <= 1000))");
  run(&client, "INSERT INTO t VALUES (1, 0)");
  struct quern_statement *add = quern_statement_prepare(client.session, "UPDATE t SET v = v + 1 WHERE k = $1");
  struct quern_value key = integer(1);
  int at_once = 0;
  for (int i = 0; i < 1000; i++) {
    int until = client.done + 1;
    client.text[0] = 0;
    at_once += begin(&client, add, &key, 1);
    run_until(&client, until);
    assert_string_equal(client.text, "#1");
  }
  assert_in_range(at_once, 900, 998);
  assert_string_equal(execute(&client, add, &key, 1), "!23514@0"); // undone
  assert_string_equal(run(&client, "SELECT v FROM t"), "1000#1");
  quern_close(client.engine);
}

static void test_errors_say_what_and_where(void **state)
{
  struct client client;
  open_client(&client, open_engine());
  run(&client, "CREATE TABLE t (k int PRIMARY KEY, v int)");
  run(&client, "INSERT INTO t VALUES (1, 1)");
  assert_string_equal(run(&client, "SELECT oops FROM t"), "!42703@8");
  struct quern_statement *wrong = quern_statement_prepare(client.session, "SELECT k FROM u WHERE k = $1");
  struct quern_value key = integer(1), two[2] = {integer(1), integer(2)};
  assert_string_equal(execute(&client, wrong, &key, 1), "!42P01@15");
  run(&client, "CREATE TABLE u (k int PRIMARY KEY)");
  assert_string_equal(execute(&client, wrong, &key, 1), "#0"); // mended, without preparing it again
  struct quern_statement *put = quern_statement_prepare(client.session, "INSERT INTO t VALUES ($1, 10 / $2)");
  assert_string_equal(execute(&client, put, two, 2), "!23505@0");
  two[0] = integer(2);
  assert_string_equal(execute(&client, put, two, 2), "#1");
  assert_string_equal(execute(&client, put, two, 2), "!23505@0"); // met directly, told by messages
  two[0] = integer(3);
  two[1] = integer(0);
  assert_string_equal(execute(&client, put, two, 2), "!22012@0");
  two[0] = integer(1ll << 40);
  assert_string_equal(execute(&client, put, two, 2), "!22003@0");
  two[0] = text("\xff");
  assert_memory_equal(execute(&client, put, two, 2), "!22", 3);
  assert_string_equal(execute(&client, put, two, 1), "!08P01@0");
  assert_string_equal(run(&client, "SELECT count(*) FROM t"), "2#1");
  quern_close(client.engine);
}

static void test_definitions_change_under_a_statement(void **state)
{
  struct client client;
  open_client(&client, open_engine());
  run(&client, "CREATE TABLE t (k int PRIMARY KEY, v int)");
  run(&client, "INSERT INTO t VALUES (1, 10)");
  struct quern_statement *get = quern_statement_prepare(client.session, "SELECT * FROM t WHERE k = $1");
  struct quern_value key = integer(1);
  for (int i = 0; i < 3; i++)
    assert_string_equal(execute(&client, get, &key, 1), "1,10#1");
  run(&client, "DROP TABLE t");
  assert_string_equal(execute(&client, get, &key, 1), "!42P01@15");
  run(&client, "CREATE TABLE t (k int PRIMARY KEY, x text, y int)");
  run(&client, "INSERT INTO t VALUES (1, 'a', 2)");
  for (int i = 0; i < 3; i++)
    assert_string_equal(execute(&client, get, &key, 1), "1,'a',2#1");
  run(&client, "DEALLOCATE ALL"); // the session forgets it: the next execution says so, once
  assert_string_equal(execute(&client, get, &key, 1), "!26000@0");
  assert_string_equal(execute(&client, get, &key, 1), "1,'a',2#1");
  quern_close(client.engine);
}

static void test_a_transaction_is_its_own_until_commit(void **state)
{
  struct client a, b;
  open_client(&a, open_engine());
  open_client(&b, a.engine);
  run(&a, "CREATE TABLE t (k int PRIMARY KEY, v int)");
  run(&a, "INSERT INTO t VALUES (1, 0)");
  struct quern_statement *add = quern_statement_prepare(a.session, "UPDATE t SET v = v + 1 WHERE k = $1");
  struct quern_statement *get = quern_statement_prepare(a.session, "SELECT v FROM t WHERE k = $1");
  struct quern_statement *seen = quern_statement_prepare(b.session, "SELECT v FROM t WHERE k = $1");
  struct quern_value key = integer(1);
  execute(&a, add, &key, 1);
  execute(&b, seen, &key, 1);
  assert_string_equal(run(&a, "BEGIN"), "#0");
  execute(&a, add, &key, 1);
  assert_string_equal(execute(&a, get, &key, 1), "2#1");
  assert_string_equal(execute(&b, seen, &key, 1), "1#1");
  assert_string_equal(run(&a, "SELECT 1 / 0"), "!22012@0");
  assert_string_equal(execute(&a, get, &key, 1), "!25P02@0");
  run(&a, "ROLLBACK");
  assert_string_equal(execute(&a, get, &key, 1), "1#1");
  run(&a, "BEGIN");
  execute(&a, add, &key, 1);
  assert_string_equal(run(&a, "COMMIT"), "#0");
  assert_string_equal(execute(&b, seen, &key, 1), "2#1");
  quern_close(a.engine);
}

static void test_a_long_read_comes_from_a_worker(void **state)
{
  struct client client;
  open_client(&client, open_engine());
  run(&client, "CREATE TABLE t (k int PRIMARY KEY)");
  run(&client, "INSERT INTO t SELECT g FROM generate_series(1, 30000) g");
  struct quern_statement *all = quern_statement_prepare(client.session, "SELECT k FROM t");
  struct quern_statement *get = quern_statement_prepare(client.session, "SELECT k FROM t WHERE k = $1");
  struct quern_value key = integer(7);
  execute(&client, get, &key, 1);
  client.rows = 0;
  int until = client.done + 2;
  assert_int_equal(begin(&client, all, NULL, 0), 0);
  assert_int_equal(begin(&client, get, &key, 1), 0); // stands behind it
  run_until(&client, until);
  assert_int_equal(client.rows, 30001);
  quern_close(client.engine);
}

static void test_two_engines(void **state)
{
  struct client a, b;
  open_client(&a, open_engine());
  open_client(&b, open_engine());
  run(&a, "CREATE TABLE t (k int PRIMARY KEY)");
  assert_string_equal(run(&b, "SELECT * FROM t"), "!42P01@15");
  assert_string_equal(run(&a, "SELECT * FROM t"), "#0");
  quern_close(a.engine);
  assert_string_equal(run(&b, "SELECT 1"), "1#1");
  quern_close(b.engine);
}

static void test_closing_while_under_way(void **state)
{
  struct client client;
  open_client(&client, open_engine());
  struct quern_statement *one = quern_statement_prepare(client.session, "SELECT 1");
  assert_int_equal(begin(&client, one, NULL, 0), 0);
  quern_statement_close(one);
  run_until(&client, 1);
  assert_string_equal(client.text, "1#1");
  client.text[0] = 0;
  client.closes = quern_statement_prepare(client.session, "SELECT 2"); // by its own receiver
  assert_int_equal(begin(&client, client.closes, NULL, 0), 0);
  run_until(&client, 2);
  assert_string_equal(client.text, "2#1");
  client.text[0] = 0;
  client.closes_session = true; // at its row: nothing more is told
  assert_int_equal(begin(&client, quern_statement_prepare(client.session, "SELECT 3"), NULL, 0), 0);
  while (!client.text[0])
    assert_true(quern_run(client.engine, 1) >= 0);
  for (int i = 0; i < 3; i++)
    assert_true(quern_run(client.engine, 1) >= 0);
  assert_string_equal(client.text, "3");
  open_client(&client, client.engine);
  assert_int_equal(begin(&client, quern_statement_prepare(client.session, "SELECT 4"), NULL, 0), 0);
  quern_close(client.engine);
}

static void test_a_copy_of_rows_that_nobody_sends_is_refused(void **state)
{
  struct client client;
  open_client(&client, open_engine());
  run(&client, "CREATE TABLE t (k int)");
  uint8_t sync[5] = {'S', 0, 0, 0, 4};
  assert_int_equal(quern_submit(client.session, sync, 5), -1); // it takes no messages
  struct client other;
  open_client(&other, client.engine);
  assert_string_equal(run(&other, "COPY t FROM STDIN"), "!0A000@0"); // and the session is over
  assert_string_equal(run(&client, "SELECT * FROM t"), "#0");
  quern_close(client.engine);
}

// A cursor's rows are texts, whatever format was asked for.
static void test_rows_of_a_cursor(void **state)
{
  struct client client;
  open_client(&client, open_engine());
  run(&client, "BEGIN");
  run(&client, "DECLARE c CURSOR FOR SELECT i, i / 2.0::float8, NULL, i = 2, timestamptz '2000-01-01 00:00:01+00', date '2024-02-29'"
               " FROM generate_series(1, 3) i");
  assert_string_equal(run(&client, "FETCH 2 FROM c"), "1,0.5,NULL,false,@1000000,'2024-02-29';2,1,NULL,true,@1000000,'2024-02-29'#2");
  assert_string_equal(run(&client, "SHOW statement_timeout"), "'0'#1");
  assert_string_equal(run(&client, "COMMIT"), "#0");
  quern_close(client.engine);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_every_type_in_and_out),
    cmocka_unit_test(test_rows_of_a_cursor),
    cmocka_unit_test(test_many_executions_take_both_ways),
    cmocka_unit_test(test_errors_say_what_and_where),
    cmocka_unit_test(test_definitions_change_under_a_statement),
    cmocka_unit_test(test_a_transaction_is_its_own_until_commit),
    cmocka_unit_test(test_a_long_read_comes_from_a_worker),
    cmocka_unit_test(test_two_engines),
    cmocka_unit_test(test_closing_while_under_way),
    cmocka_unit_test(test_a_copy_of_rows_that_nobody_sends_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
