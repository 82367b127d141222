// Statements and their rows, from SQL text through binder, planner and executor.
#include "database.h"

struct expectation {
  const char *sql, *expected;
};

static void check_all(struct database *database, const struct expectation *list, size_t count)
{
  for (size_t i = 0; i < count; i++)
    database_check(database, list[i].sql, list[i].expected);
}

#define CHECK_ALL(database, list) check_all(database, list, sizeof(list) / sizeof *(list))

static void fill(struct database *database)
{
  database_table(database, "t: id int8, v int4, s text, f float8: id: v: s desc, v");
  database_table(database, "u: k text, t_id int8, n numeric: k: t_id");
  database_table(database, "h: a int4, b int4:");
  database_must(database, "INSERT INTO t VALUES (1, 10, 'one', 1.5), (2, 20, 'two', NULL), (3, NULL, 'three', 3),"
                          " (4, 20, NULL, -1), (5, 50, 'five', 0)");
  database_must(database,
                "INSERT INTO u VALUES ('a', 1, 1.10), ('b', 1, 2), ('c', 3, NULL), ('d', NULL, 4), ('e', 9, 5.5)");
  database_commit(database);
}

static const struct expectation selects[] = {
    {"SELECT 1", "1"},
    {"SELECT id FROM t WHERE id = 3", "3"},
    {"SELECT v, s FROM t WHERE id = 2", "20|two"},
    {"SELECT v FROM t WHERE id = 99", ""},
    {"SELECT v FROM t WHERE id = NULL", ""},
    {"SELECT id FROM t WHERE id = 1 AND v = 10", "1"},
    {"SELECT id FROM t WHERE id = 1 AND v = 11", ""},
    {"SELECT id FROM t WHERE id > 2 AND id <= 4", "3; 4"},
    {"SELECT id FROM t WHERE id IN (5, 1, 5, NULL, 77) ORDER BY id", "1; 5"},
    {"SELECT id FROM t WHERE id IN (5, 1, 3) ORDER BY id DESC", "5; 3; 1"},
    {"SELECT id FROM t WHERE id < 9999999999999 AND id > -1 AND f > 0", "1; 3"},
    {"SELECT id FROM t WHERE v = 20 ORDER BY id", "2; 4"},
    {"SELECT id FROM t WHERE v IS NULL", "3"},
    {"SELECT id FROM t WHERE v IS NOT NULL AND v < 20", "1"},
    {"SELECT id FROM t WHERE v = 99999999999", ""},
    {"SELECT id FROM t WHERE v < 99999999999 ORDER BY id", "1; 2; 4; 5"},
    {"SELECT id FROM t WHERE v > -99999999999 ORDER BY id", "1; 2; 4; 5"},
    {"SELECT id FROM t WHERE v > 99999999999", ""},
    {"SELECT id FROM t WHERE s = 'two'", "2"},
    {"SELECT id FROM t WHERE s > 'o' ORDER BY s", "1; 3; 2"},
    {"SELECT id, s FROM t ORDER BY s DESC, v", "4|-; 2|two; 3|three; 1|one; 5|five"},
    {"SELECT id FROM t ORDER BY v, id DESC", "1; 4; 2; 5; 3"},
    {"SELECT id FROM t ORDER BY v DESC NULLS LAST, id LIMIT 2", "5; 2"},
    {"SELECT id FROM t ORDER BY id DESC LIMIT 2 OFFSET 1", "4; 3"},
    {"SELECT id FROM t ORDER BY id LIMIT 0", ""},
    {"SELECT id FROM t ORDER BY id LIMIT NULL OFFSET 3", "4; 5"},
    {"SELECT id FROM t LIMIT -1", "ERROR 2201W LIMIT must not be negative"},
    {"SELECT id FROM t OFFSET -1", "ERROR 2201X OFFSET must not be negative"},
    {"SELECT DISTINCT v FROM t ORDER BY v", "10; 20; 50; -"},
    {"SELECT id FROM t WHERE false", ""},
    {"SELECT 1 WHERE 1 = 2", ""},
    {"SELECT id + 1 FROM t WHERE id = 1 OR v = 50 ORDER BY 1", "2; 6"},
    {"VALUES (1, 'x'), (2, 'y')", "1|x; 2|y"},
    {"SELECT * FROM generate_series(1, 4) g", "1; 2; 3; 4"},
    {"SELECT * FROM generate_series(5, 1, -2) g", "5; 3; 1"},
    {"SELECT * FROM generate_series(1, 3, 0) g", "ERROR 22023 step size cannot equal zero"},
    {"SELECT x.a FROM (SELECT id * 2 AS a, v FROM t WHERE v = 20) x WHERE x.a > 4", "8"},
    {"SELECT id / (id - 1) FROM t", "ERROR 22012 division by zero"},
};

static const struct expectation groups[] = {
    {"SELECT count(*) FROM t", "5"},
    {"SELECT count(*) FROM t WHERE id > 100", "0"},
    {"SELECT count(v), sum(v), min(v), max(v) FROM t", "4|100|10|50"},
    {"SELECT min(id) FROM t", "1"},
    {"SELECT max(id) FROM t", "5"},
    {"SELECT max(v) FROM t", "50"},
    {"SELECT min(v) FROM t WHERE id > 3", "20"},
    {"SELECT max(id) FROM t WHERE id > 100", "-"},
    {"SELECT sum(v) FROM t WHERE id > 100", "-"},
    {"SELECT v, count(*) FROM t GROUP BY v ORDER BY v", "10|1; 20|2; 50|1; -|1"},
    {"SELECT v, count(*) FROM t GROUP BY v HAVING count(*) > 1", "20|2"},
    {"SELECT id, sum(v) FROM t GROUP BY id HAVING sum(v) > 15 ORDER BY id", "2|20; 4|20; 5|50"},
    {"SELECT count(DISTINCT v), count(*) FILTER (WHERE v = 20) FROM t", "3|2"},
    {"SELECT count(*) FROM t HAVING count(*) > 5", ""},
    {"SELECT v % 3, max(s) FROM t GROUP BY v % 3 ORDER BY 1", "1|one; 2|two; -|three"},
    {"SELECT sum(c) FROM (SELECT v, count(*) AS c FROM t GROUP BY v) x", "5"},
};

static const struct expectation joins[] = {
    {"SELECT t.id, u.k FROM t JOIN u ON u.t_id = t.id ORDER BY u.k", "1|a; 1|b; 3|c"},
    {"SELECT t.id, u.k FROM t LEFT JOIN u ON u.t_id = t.id ORDER BY t.id, u.k", "1|a; 1|b; 2|-; 3|c; 4|-; 5|-"},
    {"SELECT u.k, t.v FROM u LEFT JOIN t ON u.t_id = t.id ORDER BY u.k", "a|10; b|10; c|-; d|-; e|-"},
    {"SELECT u.k FROM u LEFT JOIN t ON u.t_id = t.id WHERE t.id IS NULL ORDER BY u.k", "d; e"},
    {"SELECT u.k, t.id FROM u LEFT JOIN t ON u.t_id = t.id AND t.v > 10 ORDER BY u.k", "a|-; b|-; c|-; d|-; e|-"},
    {"SELECT count(*) FROM t, u", "25"},
    {"SELECT count(*) FROM t a JOIN t b ON a.id < b.id", "10"},
    {"SELECT a.id, b.id FROM t a JOIN t b ON a.v = b.v WHERE a.id < b.id", "2|4"},
    {"SELECT t.id, x.c FROM t JOIN (SELECT t_id, count(*) AS c FROM u GROUP BY t_id) x ON x.t_id = t.id ORDER BY 1",
     "1|2; 3|1"},
    {"SELECT t.id, x.c FROM t LEFT JOIN (SELECT t_id, count(*) AS c FROM u GROUP BY t_id) x ON x.t_id = t.id ORDER BY "
     "1",
     "1|2; 2|-; 3|1; 4|-; 5|-"},
    {"SELECT t.id FROM t JOIN u ON u.t_id = t.id AND false", ""},
    {"SELECT t.id, u.k FROM t LEFT JOIN u ON false WHERE t.id < 3 ORDER BY 1", "1|-; 2|-"},
    {"SELECT a.id, b.k, c.id FROM t a JOIN u b ON b.t_id = a.id JOIN t c ON c.id = a.id + 1 ORDER BY b.k",
     "1|a|2; 1|b|2; 3|c|4"},
    {"SELECT a.id, b.k, c.v FROM t a LEFT JOIN (u b JOIN t c ON c.id = b.t_id) ON b.t_id = a.id ORDER BY a.id, b.k",
     "1|a|10; 1|b|10; 2|-|-; 3|c|-; 4|-|-; 5|-|-"},
};

static const struct expectation subqueries[] = {
    {"SELECT (SELECT max(v) FROM t)", "50"},
    {"SELECT (SELECT v FROM t WHERE id = 100)", "-"},
    {"SELECT (SELECT v FROM t)", "ERROR 21000 more than one row returned by a subquery used as an expression"},
    {"SELECT id FROM t WHERE v = (SELECT max(v) FROM t)", "5"},
    {"SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.t_id = t.id) ORDER BY id", "1; 3"},
    {"SELECT id FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.t_id = t.id) ORDER BY id", "2; 4; 5"},
    {"SELECT id FROM t WHERE id IN (SELECT t_id FROM u) ORDER BY id", "1; 3"},
    {"SELECT id FROM t WHERE id NOT IN (SELECT t_id FROM u)", ""},
    {"SELECT id FROM t WHERE id NOT IN (SELECT t_id FROM u WHERE t_id IS NOT NULL) ORDER BY id", "2; 4; 5"},
    {"SELECT id FROM t WHERE v NOT IN (SELECT t_id FROM u WHERE k = 'zz') ORDER BY id", "1; 2; 3; 4; 5"},
    {"SELECT id, (SELECT count(*) FROM u WHERE u.t_id = t.id) FROM t ORDER BY id", "1|2; 2|0; 3|1; 4|0; 5|0"},
    {"SELECT id FROM t WHERE id = (SELECT t_id FROM u WHERE k = 'c')", "3"},
    {"SELECT id FROM t WHERE 'b' IN (SELECT k FROM u WHERE u.t_id = t.id)", "1"},
    {"SELECT id FROM t WHERE id <= (SELECT count(*) FROM u WHERE u.n > t.id) ORDER BY id", "1; 2"},
};

static const struct expectation changes[] = {
    {"INSERT INTO t (id, v) VALUES (6, 60)", "1 changed"},
    {"INSERT INTO t VALUES (6, 1, 'x', 1)", "ERROR 23505 duplicate key value violates unique constraint \"t_pkey\""},
    {"INSERT INTO t (id) VALUES (7), (8) RETURNING id, v", "7|-; 8|-"},
    {"INSERT INTO t (id) VALUES (9), (6)", "ERROR 23505 duplicate key value violates unique constraint \"t_pkey\""},
    {"SELECT count(*) FROM t", "8"},
    {"INSERT INTO t (id, v) VALUES (6, 1) ON CONFLICT DO NOTHING", "0 changed"},
    {"INSERT INTO t (id, v) VALUES (6, 1) ON CONFLICT (id) DO UPDATE SET v = t.v + excluded.v RETURNING id, v", "6|61"},
    {"INSERT INTO t (id, v) VALUES (6, 1) ON CONFLICT (id) DO UPDATE SET v = 0 WHERE t.v > 100", "0 changed"},
    {"INSERT INTO t (id, v) VALUES (10, 1), (10, 2) ON CONFLICT (id) DO UPDATE SET v = excluded.v",
     "ERROR 21000 ON CONFLICT DO UPDATE command cannot affect row a second time"},
    {"INSERT INTO t (id, v) SELECT id + 100, v FROM t WHERE id < 3", "2 changed"},
    {"INSERT INTO t (id) SELECT * FROM generate_series(201, 300)", "100 changed"},
    {"UPDATE t SET v = v + 1 WHERE id = 6", "1 changed"},
    {"SELECT v FROM t WHERE id = 6", "62"},
    {"UPDATE t SET v = v + 1 WHERE id = 6 AND v = 0", "0 changed"},
    {"UPDATE t SET v = 0 WHERE id > 200 RETURNING id LIMIT 1", "ERROR 42601 syntax error at or near \"LIMIT\""},
    {"UPDATE t SET v = id * 2 WHERE id BETWEEN 201 AND 203 RETURNING id, v", "201|402; 202|404; 203|406"},
    {"UPDATE t SET id = id + 1000 WHERE id >= 201", "100 changed"},
    {"SELECT count(*), min(id), max(id) FROM t WHERE id > 1000", "100|1201|1300"},
    {"UPDATE t SET id = 1 WHERE id = 2", "ERROR 23505 duplicate key value violates unique constraint \"t_pkey\""},
    {"UPDATE t SET v = 1000 FROM u WHERE u.t_id = t.id", "2 changed"},
    {"SELECT id, v FROM t WHERE v = 1000 ORDER BY id", "1|1000; 3|1000"},
    {"DELETE FROM t USING u WHERE u.t_id = t.id RETURNING t.id", "1; 3"},
    {"DELETE FROM t WHERE id = 2", "1 changed"},
    {"DELETE FROM t WHERE id = 2", "0 changed"},
    {"DELETE FROM t WHERE id > 1000", "100 changed"},
    {"SELECT id FROM t ORDER BY id", "4; 5; 6; 7; 8; 101; 102"},
    {"UPDATE t SET v = (SELECT count(*) FROM t) WHERE v IS NULL", "2 changed"},
    {"SELECT id, v FROM t WHERE v = 7 ORDER BY id", "7|7; 8|7"},
    {"INSERT INTO h SELECT g, g % 3 FROM generate_series(1, 9) g", "9 changed"},
    {"UPDATE h SET b = b + 10 WHERE a > 7 RETURNING a, b", "8|12; 9|10"},
    {"DELETE FROM h WHERE b < 10", "7 changed"},
    {"SELECT * FROM h", "8|12; 9|10"},
    {"DELETE FROM t", "7 changed"},
    {"SELECT count(*) FROM t", "0"},
};

static const struct expectation explains[] = {
    {"EXPLAIN SELECT * FROM t WHERE id = 5", "Index Scan using t_pkey on t\n  Index Cond: (id = 5)"},
    {"EXPLAIN SELECT * FROM t WHERE f > 1.5::float8", "Seq Scan on t\n  Filter: (f > '1.5'::double precision)"},
    {"EXPLAIN SELECT id FROM t ORDER BY f DESC LIMIT 3",
     "Limit\n  ->  Sort\n        Sort Key: f DESC\n        ->  Seq Scan on t"},
    {"EXPLAIN SELECT id FROM t ORDER BY id DESC", "Index Scan Backward using t_pkey on t"},
    {"EXPLAIN SELECT id FROM t WHERE v = 3 AND s = 'x'",
     "Index Only Scan using t_2 on t\n  Index Cond: ((s = 'x'::text) AND (v = 3))"},
    {"EXPLAIN SELECT t.id FROM t JOIN u ON u.t_id = t.id WHERE u.k = 'a'",
     "Nested Loop\n  ->  Index Scan using u_pkey on u\n        Index Cond: (u.k = 'a'::text)\n"
     "  ->  Index Scan using t_pkey on t\n        Index Cond: (u.t_id = t.id)"},
    {"EXPLAIN SELECT count(*) FROM t WHERE v > 5 AND f IS NULL",
     "Aggregate\n  ->  Index Scan using t_1 on t\n        Index Cond: (v > 5)\n        Filter: (f IS NULL)"},
    {"EXPLAIN INSERT INTO t (id) VALUES (1) ON CONFLICT DO NOTHING",
     "Insert on t\n  Conflict Resolution: NOTHING\n  ->  Result"},
    {"EXPLAIN DELETE FROM t WHERE id = 1",
     "Delete on t\n  ->  Index Scan using t_pkey on t\n        Index Cond: (id = 1)"},
};

static void test_statements(void **state)
{
  struct database database;
  database_open(&database);
  fill(&database);
  CHECK_ALL(&database, selects);
  CHECK_ALL(&database, groups);
  CHECK_ALL(&database, joins);
  CHECK_ALL(&database, subqueries);
  CHECK_ALL(&database, changes);
  database_close(&database);
}

static void test_explain(void **state)
{
  struct database database;
  database_open(&database);
  fill(&database);
  CHECK_ALL(&database, explains);
  database_close(&database);
}

// --- Bounds --------------------------------------------------------------------------------------------------

static void test_a_long_statement_stops_at_its_allowance(void **state)
{
  struct database database;
  struct prepared_text prepared;
  struct buffer out = {0};
  database_open(&database);
  fill(&database);
  database_must(&database, "INSERT INTO t (id) SELECT * FROM generate_series(1001, 2000)");
  assert_int_equal(database_prepare(&database, "SELECT sum(id) FROM t WHERE f IS NULL", NULL, 0, &prepared), 0);
  struct execution *execution = execution_open(prepared.plan, &database.run);
  database.input.writer = NULL;
  database.input.allowance = 1005;
  assert_int_equal(database_pull(&database, execution, prepared.statement, &out), 0);
  database.input.allowance = 1004;
  assert_int_equal(database_pull(&database, execution, prepared.statement, &out), STATUS_LONG);
  database.input.allowance = 0;
  bool is_cancelled = true;
  database.input.is_cancelled = &is_cancelled;
  assert_int_equal(database_pull(&database, execution, prepared.statement, &out), STATUS_LIMIT);
  assert_string_equal(database.error.sqlstate, "57014");
  assert_string_equal(database.error.message, "canceling statement due to user request");
  execution_close(execution);
  database_release(&database, &prepared);
  buffer_deinit(&out);
  database_close(&database);
}

static void test_a_second_start_takes_no_memory(void **state)
{
  static const char *const texts[] = {
      "SELECT s FROM t WHERE id = 4",
      "SELECT v, count(*) FROM t GROUP BY v ORDER BY 2",
      "SELECT t.id FROM t JOIN u ON u.t_id = t.id + 0 ORDER BY 1",
      "SELECT id FROM t WHERE id IN (SELECT t_id FROM u)",
  };
  struct database database;
  struct buffer out = {0};
  database_open(&database);
  fill(&database);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct prepared_text prepared;
    assert_int_equal(database_prepare(&database, texts[i], NULL, 0, &prepared), 0);
    struct execution *execution = execution_open(prepared.plan, &database.run);
    database.input.writer = NULL;
    assert_int_equal(database_pull(&database, execution, prepared.statement, &out), 0);
    size_t used = database.run.used;
    database.run.peak = 0;
    for (int n = 0; n < 3; n++)
      assert_int_equal(database_pull(&database, execution, prepared.statement, &out), 0);
    assert_int_equal(database.run.used, used);
    execution_close(execution);
    database_release(&database, &prepared);
  }
  buffer_deinit(&out);
  database_close(&database);
}

static void test_reads_say_on_what_they_depend(void **state)
{
  static const char *const texts[] = {
      "SELECT s FROM t WHERE id = 4",
      "SELECT s FROM t WHERE id = 1000",
      "SELECT s FROM t WHERE v = 77",
      "SELECT count(*) FROM t WHERE f = 9",
      "SELECT 1 WHERE EXISTS (SELECT 1 FROM t WHERE s = 'none')",
  };
  struct database database;
  struct buffer out = {0};
  database_open(&database);
  fill(&database);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct prepared_text prepared;
    struct read_mark mark = {0};
    assert_int_equal(database_prepare(&database, texts[i], NULL, 0, &prepared), 0);
    struct execution *execution = execution_open(prepared.plan, &database.run);
    database.input.writer = NULL;
    database.input.mark = &mark;
    assert_int_equal(database_pull(&database, execution, prepared.statement, &out), 0);
    if (mark.position != database.writer.committed)
      fail_msg("%s: %llu", texts[i], (unsigned long long)mark.position);
    execution_close(execution);
    database_release(&database, &prepared);
  }
  buffer_deinit(&out);
  database_close(&database);
}

// --- Memory ------------------------------------------------------------------------------------------------

// Every limit of memory, from none to enough: each run ends with its rows or 53200, and gives all of it back.
static void test_memory_refused_anywhere_leaks_nothing(void **state)
{
  static const char *const texts[] = {
      "SELECT a.id, b.s FROM t a JOIN t b ON a.v = b.v + 0 ORDER BY b.s, a.id",
      "SELECT v, count(DISTINCT s), max(s) FROM t GROUP BY v HAVING count(*) > 0 ORDER BY v",
      "SELECT DISTINCT s FROM t WHERE id IN (SELECT t_id FROM u) OR v > 0",
      "SELECT count(*) FROM t a, (SELECT id FROM t ORDER BY s) b WHERE a.id > b.id",
      "UPDATE t SET s = s || 'x', v = v + 1 WHERE id > 0 RETURNING id, s",
      "INSERT INTO t SELECT id + 100, v, s, f FROM t RETURNING s",
      "DELETE FROM t USING u WHERE u.t_id = t.id",
      "INSERT INTO t (id) VALUES (1), (2), (3) ON CONFLICT (id) DO UPDATE SET s = 'new'",
  };
  struct database database;
  struct buffer out = {0};
  database_open(&database);
  fill(&database);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    int status = -1;
    for (size_t limit = 1; status; limit += 97) {
      size_t mark = change_mark(&database.changes);
      database.run.limit = limit;
      status = database_run(&database, texts[i], &out);
      assert_int_equal(database.run.used, 0);
      if (status)
        assert_string_equal(database.error.sqlstate, "53200");
      struct error error;
      assert_int_equal(change_undo(&database.changes, mark, database.writer.version, database.writer.committed, &error),
                       0);
      assert_true(limit < 1000000);
    }
    database.run.limit = 0;
  }
  database_check(&database, "SELECT count(*), sum(v) FROM t", "5|100");
  buffer_deinit(&out);
  database_close(&database);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_statements),
      cmocka_unit_test(test_explain),
      cmocka_unit_test(test_a_long_statement_stops_at_its_allowance),
      cmocka_unit_test(test_a_second_start_takes_no_memory),
      cmocka_unit_test(test_reads_say_on_what_they_depend),
      cmocka_unit_test(test_memory_refused_anywhere_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
