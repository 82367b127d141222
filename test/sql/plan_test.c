// Every plan gives the same rows: random statements against the same statement in a form that no index, order or hash
// can serve. `(condition) IS TRUE` is such a form: it is only ever tested, row by row.
#include "database.h"

static int compare_text(const void *a, const void *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

// The rows in an order of their own.
static void sort_text_rows(struct buffer *rows)
{
  char *list[8192], *rest = (char *)rows->data;
  int count = 0;
  if (!rows->size)
    return;
  for (char *end; (end = strstr(rest, "; ")) && count < 8190; rest = end + 2) {
    *end = 0;
    list[count++] = rest;
  }
  list[count++] = rest;
  qsort(list, (size_t)count, sizeof *list, compare_text);
  struct buffer sorted = {0};
  for (int i = 0; i < count; i++)
    buffer_format(&sorted, "%s%s", i ? "; " : "", list[i]);
  buffer_append_u8(&sorted, 0);
  buffer_deinit(rows);
  *rows = sorted;
}

static void check_same(struct database *database, const char *sql, const char *oracle, bool is_ordered)
{
  struct buffer rows = {0}, expected = {0}, plan = {0};
  if (database_run(database, oracle, &expected))
    fail_msg("%s\n%s", oracle, (char *)expected.data);
  database_run(database, sql, &rows);
  if (!is_ordered) {
    sort_text_rows(&rows);
    sort_text_rows(&expected);
  }
  if (strcmp((char *)rows.data, (char *)expected.data)) {
    char text[2048];
    snprintf(text, sizeof text, "EXPLAIN %s", sql);
    database_run(database, text, &plan);
    fail_msg("%s\n%s\ngives    %.600s\nexpected %.600s", sql, (char *)plan.data, (char *)rows.data,
             (char *)expected.data);
  }
  buffer_deinit(&rows);
  buffer_deinit(&expected);
  buffer_deinit(&plan);
}

// --- Tables ------------------------------------------------------------------------------------------------

static void append_value(uint64_t *seed, const char *type, int spread, struct buffer *out)
{
  if (below(seed, 8) == 0) {
    buffer_append_string(out, "NULL");
    return;
  }
  int v = below(seed, spread) - spread / 3;
  if (*type == 't')
    buffer_format(out, "'%c%d'", 'a' + (v & 3), v / 4 & 7);
  else if (*type == 'n' || *type == 'f')
    buffer_format(out, "%d.%d", v, v & 1 ? 50 : 0);
  else
    buffer_format(out, "%d", v);
}

static void fill(struct database *database, uint64_t *seed)
{
  database_table(
      database,
      "r: a int4, b int8, c int4, d int8, s text, n numeric, f float8: a, b desc: c: d desc, c: s, c desc: n: f desc");
  database_table(database, "w: id int8, c int4, s text: id: c, s");
  database_table(database, "x: k text, v int2, b int8: k: b: v, b");
  database_table(database, "z: c int4, d int8::c");
  for (int i = 0; i < 300; i++) {
    static const char *const types[] = {"int4", "int8", "text", "numeric", "float8"};
    struct buffer sql = {0};
    buffer_format(&sql, "INSERT INTO r VALUES (%d, %d", below(seed, 20) - 5, below(seed, 40) - 10);
    for (int c = 0; c < 5; c++) {
      buffer_append_string(&sql, ", ");
      append_value(seed, types[c], 12, &sql);
    }
    buffer_append_string(&sql, ") ON CONFLICT DO NOTHING");
    buffer_append_u8(&sql, 0);
    database_must(database, "%s", (char *)sql.data);
    buffer_deinit(&sql);
  }
  for (int i = 0; i < 40; i++) {
    database_must(database, "INSERT INTO w VALUES (%d, %d, '%c%d')", i, below(seed, 12) - 4, 'a' + below(seed, 4),
                  below(seed, 3));
    database_must(database, "INSERT INTO x VALUES ('%c%d', %d, %d) ON CONFLICT DO NOTHING", 'a' + below(seed, 4),
                  below(seed, 9), below(seed, 12) - 4, below(seed, 30));
  }
  database_must(database, "INSERT INTO z SELECT nullif(g %% 7, 3), g * g %% 11 FROM generate_series(1, 50) g");
  database_must(database, "INSERT INTO x VALUES ('null', NULL, NULL)");
  database_commit(database);
}

// A condition on one column of r (as alias.column).
static void append_condition(uint64_t *seed, struct buffer *out)
{
  static const char *const columns[] = {"a", "b", "c", "d", "s", "n", "f"};
  static const char *const types[] = {"int4", "int8", "int4", "int8", "text", "numeric", "float8"};
  static const char *const operators[] = {"=", "=", "<", "<=", ">", ">=", "<>"};
  int c = below(seed, 7), form = below(seed, 12);
  if (form == 0) {
    buffer_format(out, "%s IS %sNULL", columns[c], below(seed, 2) ? "NOT " : "");
    return;
  }
  if (form <= 3) {
    buffer_format(out, "%s IN (", columns[c]);
    for (int i = below(seed, 4); i >= 0; i--) {
      append_value(seed, types[c], 16, out);
      buffer_append_string(out, i ? ", " : ")");
    }
    return;
  }
  if (form == 4) {
    buffer_format(out, "%s BETWEEN ", columns[c]);
    append_value(seed, types[c], 16, out);
    buffer_append_string(out, " AND ");
    append_value(seed, types[c], 16, out);
    return;
  }
  bool turned = below(seed, 3) == 0;
  if (!turned)
    buffer_format(out, "%s %s ", columns[c], operators[below(seed, 7)]);
  if (form == 5 && (c == 0 || c == 2))
    buffer_format(out, "%s", below(seed, 2) ? "99999999999" : "-99999999999");
  else
    append_value(seed, types[c], 16, out);
  if (turned)
    buffer_format(out, " %s %s", operators[below(seed, 7)], columns[c]);
}

static void append_conditions(uint64_t *seed, struct buffer *out)
{
  for (int i = below(seed, 4); i >= 0; i--) {
    append_condition(seed, out);
    buffer_append_string(out, i ? " AND " : "");
  }
  buffer_append_u8(out, 0);
}

static void test_every_access_path_gives_the_rows_of_a_full_scan(void **state)
{
  struct database database;
  uint64_t seed = 7;
  database_open(&database);
  fill(&database, &seed);
  for (int i = 0; i < 1500; i++) {
    struct buffer where = {0};
    char sql[1024], oracle[1024];
    append_conditions(&seed, &where);
    snprintf(sql, sizeof sql, "SELECT a, b, c, s, n FROM r WHERE %s", (char *)where.data);
    snprintf(oracle, sizeof oracle, "SELECT a, b, c, s, n FROM r WHERE (%s) IS TRUE", (char *)where.data);
    check_same(&database, sql, oracle, false);
    buffer_deinit(&where);
  }
  database_close(&database);
}

static void test_an_index_gives_the_order_of_a_sort(void **state)
{
  static const char *const orders[] = {
      "a, b DESC",         "a DESC, b", "a",      "c", "c DESC", "d DESC, c", "d, c DESC",     "s, c DESC",
      "s DESC, c",         "n",         "f DESC", "f", "b",      "a, b",      "c NULLS FIRST", "d NULLS LAST",
      "s DESC NULLS LAST", "n DESC",    "c, a",
  };
  struct database database;
  uint64_t seed = 11;
  database_open(&database);
  fill(&database, &seed);
  for (int i = 0; i < 800; i++) {
    struct buffer where = {0};
    char sql[1024], oracle[1024];
    const char *order = orders[below(&seed, sizeof orders / sizeof *orders)];
    append_conditions(&seed, &where);
    if (below(&seed, 3) == 0) {
      buffer_clear(&where);
      buffer_append(&where, "true", 5);
    }
    // Only the sorted columns are shown: rows that are equal in them may come in any order.
    char columns[64] = "";
    for (const char *c = order; *c; c++)
      if ((c == order || c[-1] == ' ') && *c >= 'a' && *c <= 'z')
        snprintf(columns + strlen(columns), 8, "%s%c", *columns ? ", " : "", *c);
    int limit = below(&seed, 20), offset = below(&seed, 3) ? 0 : below(&seed, 10);
    snprintf(sql, sizeof sql, "SELECT %s FROM r WHERE %s ORDER BY %s LIMIT %d OFFSET %d", columns, (char *)where.data,
             order, limit, offset);
    snprintf(oracle, sizeof oracle,
             "SELECT * FROM (SELECT %s FROM r WHERE (%s) IS TRUE) y ORDER BY %s LIMIT %d OFFSET %d", columns,
             (char *)where.data, order, limit, offset);
    check_same(&database, sql, oracle, true);
    buffer_deinit(&where);
  }
  database_close(&database);
}

// --- Joins ---------------------------------------------------------------------------------------------------

static void test_every_join_gives_the_rows_of_a_nested_loop(void **state)
{
  static const char *const conditions[] = {
      "r.c = w.c",
      "w.id = r.b",
      "w.s = r.s",
      "r.c = w.c AND r.s = w.s",
      "r.c = w.c AND w.id > r.b",
      "r.a < w.c",
      "r.a = w.id AND r.b = w.c",
      "r.c + 1 = w.c",
      "r.d = w.c AND w.s > 'b'",
      "w.id = 3 AND r.c = w.c",
  };
  static const char *const more[] = {
      "x.k = w.s", "x.b = w.id", "x.v = r.c", "x.v = w.c AND x.b = w.id", "x.b > w.id", "x.k = r.s AND x.v < 4",
      "x.b = r.b",
  };
  struct database database;
  uint64_t seed = 3;
  database_open(&database);
  fill(&database, &seed);
  database_must(&database, "DELETE FROM r WHERE a > 2");
  for (int i = 0; i < 250; i++) {
    struct buffer where = {0};
    char sql[1500], oracle[1500];
    const char *on = conditions[below(&seed, 10)], *and = more[below(&seed, 7)];
    const char *first = below(&seed, 2) ? "JOIN" : "LEFT JOIN", *second = below(&seed, 2) ? "JOIN" : "LEFT JOIN";
    do {
      buffer_clear(&where);
      append_condition(&seed, &where);
      buffer_append_u8(&where, 0);
    } while (((char *)where.data)[0] != 'a' && ((char *)where.data)[0] != 'n'); // a column of r alone
    bool three = below(&seed, 2);
    snprintf(sql, sizeof sql, "SELECT r.a, r.b, w.id, %s FROM r %s w ON %s %s%s%s%s WHERE %s%s", three ? "x.k" : "0",
             first, on, three ? second : "", three ? " x ON " : "", three ? and : "", "", (char *)where.data,
             below(&seed, 4) ? "" : " AND w.c > 0");
    snprintf(oracle, sizeof oracle,
             "SELECT r.a, r.b, w.id, %s FROM r %s w ON (%s) IS TRUE %s%s%s%s WHERE (%s%s) IS TRUE", three ? "x.k" : "0",
             first, on, three ? second : "", three ? " x ON (" : "", three ? and : "", three ? ") IS TRUE" : "",
             (char *)where.data, strstr(sql, " AND w.c > 0") ? " AND w.c > 0" : "");
    check_same(&database, sql, oracle, false);
    buffer_deinit(&where);
  }
  database_close(&database);
}

static void test_left_joins_of_joins(void **state)
{
  static const char *const pairs[][2] = {
      {"SELECT z.c, w.id, x.k FROM z LEFT JOIN (w JOIN x ON x.b = w.id) ON w.c = z.c",
       "SELECT z.c, w.id, x.k FROM z LEFT JOIN (w JOIN x ON (x.b = w.id) IS TRUE) ON (w.c = z.c) IS TRUE"},
      {"SELECT z.c, w.id, x.k FROM z LEFT JOIN (w LEFT JOIN x ON x.b = w.id) ON w.c = z.c WHERE z.d > 3",
       "SELECT z.c, w.id, x.k FROM z LEFT JOIN (w LEFT JOIN x ON (x.b = w.id) IS TRUE) ON (w.c = z.c) IS TRUE WHERE "
       "(z.d > 3) IS TRUE"},
      {"SELECT z.c, w.id, x.k FROM (z LEFT JOIN w ON w.c = z.c) JOIN x ON x.b = w.id",
       "SELECT z.c, w.id, x.k FROM z, w, x WHERE (w.c = z.c AND x.b = w.id) IS TRUE"},
      {"SELECT z.c, y.n FROM z LEFT JOIN (SELECT c, count(*) AS n FROM w GROUP BY c) y ON y.c = z.c",
       "SELECT z.c, (SELECT nullif(count(*), 0) FROM w WHERE w.c = z.c) FROM z"},
      {"SELECT z.c FROM z WHERE EXISTS (SELECT 1 FROM w JOIN x ON x.b = w.id WHERE w.c = z.c)",
       "SELECT z.c FROM z WHERE z.c IN (SELECT w.c FROM w, x WHERE (x.b = w.id) IS TRUE)"},
      {"SELECT z.c, (SELECT count(*) FROM w a, x b WHERE a.c < z.c AND b.v > a.c) FROM z",
       "SELECT z.c, (SELECT count(*) FROM w a, x b WHERE (a.c < z.c AND b.v > a.c) IS TRUE) FROM z"},
      {"SELECT z.c, (SELECT count(*) FROM w a, x b WHERE a.c < z.c AND b.b < z.d AND a.id + 0 < b.v + 0) FROM z",
       "SELECT z.c, (SELECT count(*) FROM w a, x b WHERE (a.c < z.c AND b.b < z.d AND a.id + 0 < b.v + 0) IS TRUE) "
       "FROM z"},
  };
  struct database database;
  uint64_t seed = 5;
  database_open(&database);
  fill(&database, &seed);
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
    check_same(&database, pairs[i][0], pairs[i][1], false);
  database_close(&database);
}

static void append_arm(uint64_t *seed, struct buffer *out)
{
  static const char *const parts[] = {"w.c = %d", "z.c = %d", "x.v > %d", "w.id < %d", "z.d = %d", "x.b >= %d", "w.c = z.c", "x.v = 2"};
  for (int i = below(seed, 3), first = 1; i >= 0; i--, first = 0) {
    buffer_append_string(out, first ? "(" : " AND ");
    buffer_format(out, parts[below(seed, 8)], below(seed, 8) - 2);
  }
  buffer_append_string(out, ")");
}

// What an OR says of tables alone, and what all its arms say, takes no row away and adds none.
static void test_conditions_that_arms_share(void **state)
{
  struct database database;
  uint64_t seed = 23;
  database_open(&database);
  fill(&database, &seed);
  for (int i = 0; i < 300; i++) {
    struct buffer where = {0};
    char sql[1500], oracle[1500];
    for (int arm = below(&seed, 4); arm >= 0; arm--) {
      append_arm(&seed, &where);
      buffer_append_string(&where, arm ? " OR " : "");
    }
    buffer_append_u8(&where, 0);
    const char *join = below(&seed, 2) ? "w JOIN z ON" : "w LEFT JOIN z ON";
    bool is_on = below(&seed, 2);
    snprintf(sql, sizeof sql, "SELECT w.id, z.c, z.d, x.k FROM x, %s %s WHERE %s", join, is_on ? "w.c = z.c" : "w.id = z.c",
             (char *)where.data);
    snprintf(oracle, sizeof oracle, "SELECT w.id, z.c, z.d, x.k FROM x, %s (%s) IS TRUE WHERE (%s) IS TRUE", join,
             is_on ? "w.c = z.c" : "w.id = z.c", (char *)where.data);
    check_same(&database, sql, oracle, false);
    buffer_deinit(&where);
  }
  database_close(&database);
}

// Rows that are found once and hashed for all rows around a query.
static void test_correlated_queries(void **state)
{
  static const char *const shapes[] = {
      "SELECT a, b FROM r WHERE EXISTS (SELECT 1 FROM w WHERE %s)",
      "SELECT a, b FROM r WHERE NOT EXISTS (SELECT 1 FROM w WHERE %s)",
      "SELECT a, b, (SELECT sum(w.id) FROM w WHERE %s) FROM r",
      "SELECT a, b, y.id FROM r, LATERAL (SELECT w.id, w.s FROM w WHERE %s) y",
      "SELECT a, b, y.n FROM r LEFT JOIN LATERAL (SELECT count(*) AS n FROM w WHERE %s) y ON y.n > 2",
      "SELECT a, b FROM r WHERE r.a IN (SELECT w.c FROM w WHERE %s)",
      "SELECT a, b, (SELECT min(x.v) FROM w JOIN x ON x.b = w.id WHERE %s) FROM r",
      "SELECT a, b, ARRAY(SELECT w.id FROM w WHERE %s ORDER BY w.id + 0) FROM r",
      "SELECT a, b, (SELECT max((SELECT count(*) FROM x WHERE x.v = w.c AND x.b < r.b)) FROM w WHERE %s) FROM r",
  };
  static const char *const keys[] = {"w.c = r.c", "w.s = r.s", "w.c + 0 = r.c", "r.d = w.id", "w.s = r.s AND w.c = r.c", "w.c = r.a + 1"};
  static const char *const more[] = {"true", "w.id > r.b", "w.id < 20", "w.s <> r.s", "w.c > 0 AND r.c < 3", "w.s > 'b'"};
  struct database database;
  uint64_t seed = 31;
  database_open(&database);
  fill(&database, &seed);
  for (size_t i = 0; i < 9 * 6 * 6; i++) {
    char plain[256], where[256], sql[1024], oracle[1024];
    const char *shape = shapes[i / 36];
    snprintf(where, sizeof where, "%s AND %s", keys[i / 6 % 6], more[i % 6]);
    snprintf(plain, sizeof plain, "(%s AND %s) IS TRUE", keys[i / 6 % 6], more[i % 6]);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(sql, sizeof sql, shape, where);
    snprintf(oracle, sizeof oracle, shape, plain);
#pragma GCC diagnostic pop
    check_same(&database, sql, oracle, false);
  }
  database_close(&database);
}

// In whatever order tables are joined, up to more of them than all orders are tried of: a count is that of a chain of
// queries, of one table each.
static void test_joins_of_many(void **state)
{
  struct database database;
  uint64_t seed = 29;
  database_open(&database);
  fill(&database, &seed);
  for (int i = 0; i < 60; i++) {
    struct buffer sql = {0}, where = {0}, oracle = {0};
    int count = 2 + below(&seed, i < 50 ? 6 : 12);
    buffer_append_string(&sql, "SELECT t0.id, t0.c FROM w t0");
    buffer_append_string(&oracle, "SELECT t0.id, t0.c FROM w t0 WHERE true");
    for (int t = 1; t < count; t++) {
      const char *to = below(&seed, 2) ? "id" : "c", *from = below(&seed, 3) ? "id" : "c";
      int low = below(&seed, 8) - 3;
      buffer_format(&sql, ", (SELECT DISTINCT %s FROM w) t%d", to, t);
      buffer_format(&where, "%st%d.%s = t0.%s AND t%d.%s > %d", t > 1 ? " AND " : " WHERE ", t, to, from, t, to, low);
      buffer_format(&oracle, " AND (t0.%s + 0) IN (SELECT %s FROM w WHERE %s > %d)", from, to, to, low);
    }
    buffer_append_bytes(&sql, buffer_bytes(&where));
    buffer_append_u8(&sql, 0);
    buffer_append_u8(&oracle, 0);
    check_same(&database, (char *)sql.data, (char *)oracle.data, false);
    buffer_deinit(&sql);
    buffer_deinit(&where);
    buffer_deinit(&oracle);
  }
  database_close(&database);
}

// --- Groups and sorts ------------------------------------------------------------------------------------------

static void test_groups_and_distinct_agree(void **state)
{
  static const char *const pairs[][2] = {
      {"SELECT a, count(*), sum(c) FROM r GROUP BY a", "SELECT a + 0, count(*), sum(c) FROM r GROUP BY a + 0"},
      {"SELECT a, b, max(s) FROM r GROUP BY a, b", "SELECT a + 0, b, max(s) FROM r GROUP BY a + 0, b"},
      {"SELECT DISTINCT c FROM r", "SELECT c FROM r GROUP BY c"},
      {"SELECT DISTINCT c, s FROM r", "SELECT c, s FROM r GROUP BY s, c"},
      {"SELECT c, count(DISTINCT s) FROM r GROUP BY c",
       "SELECT c, count(s) FROM (SELECT DISTINCT c, s FROM r) y GROUP BY c"},
      {"SELECT min(c), max(c) FROM r", "SELECT (SELECT min(c) FROM r), (SELECT max(c) FROM r)"},
      {"SELECT min(f) FROM r", "SELECT min(f + 0) FROM r"},
      {"SELECT max(d) FROM r WHERE c > 0", "SELECT max(d + 0) FROM r WHERE (c > 0) IS TRUE"},
      {"SELECT max(s) FROM r WHERE s < 'c'", "SELECT max(s || '') FROM r WHERE (s < 'c') IS TRUE"},
      {"SELECT count(*) FROM r", "SELECT count(a) FROM r"},
  };
  struct database database;
  uint64_t seed = 13;
  database_open(&database);
  fill(&database, &seed);
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
    check_same(&database, pairs[i][0], pairs[i][1], false);
  database_close(&database);
}

// More rows than are kept when only the first are wanted.
static void test_the_first_rows_of_a_long_sort(void **state)
{
  struct database database;
  uint64_t seed = 17;
  struct buffer all = {0}, first = {0};
  database_open(&database);
  database_table(&database, "t: id int8, v int4, s text: id");
  database_must(&database, "INSERT INTO t SELECT g, g * 7919 %% 1009, 'x' || g %% 13 FROM generate_series(1, 6000) g");
  database_run(&database, "SELECT v, s, id FROM t ORDER BY v DESC, s", &all);
  for (int i = 0; i < 12; i++) {
    char sql[200];
    int limit = i < 8 ? below(&seed, 900) + 1 : below(&seed, 5000) + 1;
    snprintf(sql, sizeof sql, "SELECT v, s, id FROM t ORDER BY v DESC, s LIMIT %d", limit);
    database_run(&database, sql, &first);
    int rows = 1;
    for (const char *c = (char *)first.data; *c; c++)
      rows += *c == ';';
    assert_int_equal(rows, limit);
    assert_memory_equal(first.data, all.data, first.size);
  }
  buffer_deinit(&all);
  buffer_deinit(&first);
  database_close(&database);
}

// Planning tries ways out, but not within one another: what is deep or long is planned in reasonable time.
static void test_deep_and_long_joins_are_planned(void **state)
{
  struct database database;
  struct buffer deep = {0}, wide = {0};
  database_open(&database);
  database_table(&database, "t: id int8, v int4: id");
  database_must(&database, "INSERT INTO t VALUES (1, 1), (2, 2)");
  for (int i = 0; i < 40; i++)
    buffer_append_string(&deep, "SELECT t.id FROM t JOIN (");
  buffer_append_string(&deep, "SELECT id FROM t");
  for (int i = 0; i < 40; i++)
    buffer_append_string(&deep, ") x ON x.id = t.id LEFT JOIN t y ON y.id = x.id");
  buffer_append_u8(&deep, 0);
  database_check(&database, (char *)deep.data, "1; 2");
  buffer_append_string(&wide, "SELECT count(*) FROM t t0");
  for (int i = 1; i <= 80; i++)
    buffer_format(&wide, " %s t t%d ON t%d.v = t%d.v", i % 2 ? "LEFT JOIN" : "JOIN", i, i, i - 1);
  buffer_append_u8(&wide, 0);
  database_check(&database, (char *)wide.data, "2");
  buffer_deinit(&deep);
  buffer_deinit(&wide);
  database_close(&database);
}

// A change finds the rows that a SELECT of the same condition finds.
static void test_changes_find_what_a_select_finds(void **state)
{
  struct database database;
  uint64_t seed = 19;
  database_open(&database);
  fill(&database, &seed);
  for (int i = 0; i < 200; i++) {
    struct buffer where = {0};
    struct error error;
    char sql[1024], oracle[1024];
    append_conditions(&seed, &where);
    size_t mark = change_mark(&database.changes);
    snprintf(oracle, sizeof oracle, "SELECT a, b, c + 100 FROM r WHERE %s", (char *)where.data);
    snprintf(sql, sizeof sql, "UPDATE r SET c = c + 100, d = c WHERE %s RETURNING a, b, c", (char *)where.data);
    struct buffer expected = {0}, found = {0};
    assert_int_equal(database_run(&database, oracle, &expected), 0);
    database_run(&database, sql, &found);
    sort_text_rows(&expected);
    sort_text_rows(&found);
    if (strcmp((char *)expected.data, (char *)found.data))
      fail_msg("%s\ngives    %.500s\nexpected %.500s", sql, (char *)found.data, (char *)expected.data);
    assert_true(version_verify(database.writer.version, &error));
    check_same(&database, "SELECT a, b FROM r WHERE c > 50", "SELECT a, b FROM r WHERE (c > 50) IS TRUE", false);
    assert_int_equal(change_undo(&database.changes, mark, database.writer.version, database.writer.committed, &error),
                     0);
    buffer_deinit(&where);
    buffer_deinit(&expected);
    buffer_deinit(&found);
  }
  database_close(&database);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_access_path_gives_the_rows_of_a_full_scan),
      cmocka_unit_test(test_an_index_gives_the_order_of_a_sort),
      cmocka_unit_test(test_every_join_gives_the_rows_of_a_nested_loop),
      cmocka_unit_test(test_left_joins_of_joins),
      cmocka_unit_test(test_conditions_that_arms_share),
      cmocka_unit_test(test_correlated_queries),
      cmocka_unit_test(test_joins_of_many),
      cmocka_unit_test(test_groups_and_distinct_agree),
      cmocka_unit_test(test_the_first_rows_of_a_long_sort),
      cmocka_unit_test(test_deep_and_long_joins_are_planned),
      cmocka_unit_test(test_changes_find_what_a_select_finds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
