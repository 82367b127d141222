// What the executor adds to the store: prepared statements by key, in a loop in this process, beside the bare calls of
// the store that they stand for; and scans.
//
//   bench_execute [rows]
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "sql/bind.h"
#include "sql/execute.h"
#include "sql/plan.h"
#include "table/write.h"

enum { ROUNDS = 5 };

struct bench {
  struct store *store;
  struct catalog *catalog;
  struct change_list changes;
  struct arena arena, run;
  struct evaluation evaluation;
  struct settings settings;
  struct error error;
  struct writer writer;
  const struct relation *table;
  int rows;
  uint64_t seed;
};

static double seconds(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int64_t random_key(struct bench *bench)
{
  bench->seed = bench->seed * 6364136223846793005u + 1442695040888963407u;
  return (int64_t)((bench->seed >> 33) % (uint64_t)bench->rows);
}

static void must(struct bench *bench, int status)
{
  if (!status)
    return;
  fprintf(stderr, "%s %s\n", bench->error.sqlstate, bench->error.message);
  exit(1);
}

static void open_table(struct bench *bench)
{
  struct column columns[] = {{.name = "id", .type = {TYPE_INT8, -1}, .not_null = true},
                             {.name = "v", .type = {TYPE_INT8, -1}}};
  struct key_part key = {.column = 0};
  struct index primary = {
      .name = "t_pkey", .is_unique = true, .is_primary = true, .is_constraint = true, .part_count = 1, .parts = &key};
  struct expression_text defaults[2] = {{0}};
  struct relation relation = {.schema_oid = SCHEMA_PUBLIC,
                              .name = "t",
                              .kind = RELATION_TABLE,
                              .owner = ROLE_OWNER,
                              .schema = {.columns = columns, .column_count = 2},
                              .key_count = 1,
                              .key = &key,
                              .index_count = 1,
                              .indexes = &primary,
                              .defaults = defaults};
  must(bench, catalog_create(bench->catalog, &bench->writer, &relation, &bench->error));
  bench->table = relation_pin(catalog_find_oid(bench->catalog, bench->writer.version, relation.oid));
}

static void open_bench(struct bench *bench)
{
  bench->store = store_open(NULL);
  bench->catalog = catalog_open(NULL, &(struct catalog_hooks){0});
  change_list_init(&bench->changes);
  arena_init(&bench->arena, NULL);
  arena_init(&bench->run, NULL);
  bench->evaluation.settings = &format_settings_default;
  bench->settings = (struct settings){.role = ROLE_OWNER,
                                      .format = format_settings_default,
                                      .search_path = {SCHEMA_PG_CATALOG, SCHEMA_PUBLIC},
                                      .search_path_count = 2};
  bench->writer = (struct writer){.version = store_trunk(bench->store),
                                  .changes = &bench->changes,
                                  .catalog = bench->catalog,
                                  .position = 1,
                                  .arena = &bench->run,
                                  .evaluation = &bench->evaluation,
                                  .error = &bench->error};
  must(bench, catalog_bootstrap(bench->catalog, &bench->writer, &bench->error));
  open_table(bench);
}

static struct execution *prepare(struct bench *bench, const char *sql, struct statement **statement)
{
  struct parse *parse = parse_open(bytes_of_string(sql), &bench->error);
  must(bench, parse ? 0 : bench->error.status);
  struct bind_input bind = {.catalog = bench->catalog,
                            .version = bench->writer.version,
                            .settings = &bench->settings,
                            .parsed = &parse->statements[0],
                            .text = bytes_of_string(sql),
                            .arena = &bench->arena};
  must(bench, bind_statement(&bind, statement, &bench->error));
  struct plan *plan;
  must(bench,
       plan_statement(
           &(struct plan_input){.statement = *statement, .version = bench->writer.version, .arena = &bench->arena},
           &plan, &bench->error));
  parse_close(parse);
  return execution_open(plan, NULL);
}

static int64_t run(struct bench *bench, struct execution *execution, const struct value *parameters, bool writes)
{
  struct execution_input input = {.version = bench->writer.version,
                                  .writer = writes ? &bench->writer : NULL,
                                  .parameters = parameters,
                                  .settings = &format_settings_default};
  const struct value *row;
  int64_t result = 0;
  int status = execution_start(execution, &input, &bench->error);
  while (!status && (status = execution_next(execution, &row, &bench->error)) == 1) {
    result = row[0].is_null ? 0 : row[0].integer;
    status = 0;
  }
  must(bench, status);
  return result;
}

// Microseconds for each of the statements; with keys drawn at random.
static double time_statement(struct bench *bench, const char *sql, bool writes, int count)
{
  struct statement *statement;
  struct execution *execution = prepare(bench, sql, &statement);
  double start = seconds();
  for (int i = 0; i < count; i++) {
    run(bench, execution, &(struct value){.integer = random_key(bench)}, writes);
    if (i % 32 == 31)
      change_list_clear(&bench->changes);
  }
  double took = seconds() - start;
  execution_close(execution);
  statement_release(statement);
  return took / count * 1e6;
}

static double time_store(struct bench *bench, bool writes, int count)
{
  struct buffer key = {0};
  uint8_t row[256];
  double start = seconds();
  for (int i = 0; i < count; i++) {
    struct value values[2] = {value_integer(random_key(bench))};
    struct bytes found;
    buffer_clear(&key);
    must(bench, table_key(bench->table, values, &key, &bench->error));
    CHECK(tree_get(bench->writer.version, bench->table->tree, buffer_bytes(&key), &found, NULL));
    if (!writes)
      continue;
    CHECK(found.size < sizeof row);
    memcpy(row, found.data, found.size);
    struct tree_put put = {.tree = bench->table->tree,
                           .mode = PUT_ANY,
                           .key = buffer_bytes(&key),
                           .row = bytes_of(row, found.size),
                           .position = 1};
    CHECK(tree_put(bench->writer.version, &put) == PUT_DONE_REPLACED);
  }
  double took = seconds() - start;
  buffer_deinit(&key);
  return took / count * 1e6;
}

static void time_scan(struct bench *bench, const char *sql)
{
  struct statement *statement;
  struct execution *execution = prepare(bench, sql, &statement);
  double best = 1e9;
  for (int i = 0; i < ROUNDS; i++) {
    double start = seconds();
    run(bench, execution, NULL, false);
    double took = seconds() - start;
    best = took < best ? took : best;
  }
  printf("%-62s %8.1f M rows/s\n", sql, bench->rows / best / 1e6);
  execution_close(execution);
  statement_release(statement);
}

static int compare_doubles(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void time_by_key(struct bench *bench, const char *name, const char *sql, bool writes)
{
  double statement[ROUNDS], store[ROUNDS], difference[ROUNDS];
  for (int i = 0; i < ROUNDS; i++) {
    store[i] = time_store(bench, writes, bench->rows / 2);
    statement[i] = time_statement(bench, sql, writes, bench->rows / 2);
    difference[i] = statement[i] - store[i];
  }
  qsort(statement, ROUNDS, sizeof *statement, compare_doubles);
  qsort(store, ROUNDS, sizeof *store, compare_doubles);
  qsort(difference, ROUNDS, sizeof *difference, compare_doubles);
  printf("%-8s %.3f us, the store alone %.3f us, over it %.3f us\n", name, statement[ROUNDS / 2], store[ROUNDS / 2],
         difference[ROUNDS / 2]);
}

int main(int count, char **arguments)
{
  struct bench bench = {.seed = 1, .rows = count > 1 ? atoi(arguments[1]) : 1000000};
  if (bench.rows < 100) {
    fprintf(stderr, "usage: bench_execute [rows, at least 100]\n");
    return 2;
  }
  open_bench(&bench);
  struct statement *statement;
  struct execution *insert = prepare(&bench, "INSERT INTO t VALUES ($1, $2)", &statement);
  double start = seconds();
  for (int i = 0; i < bench.rows; i++) {
    run(&bench, insert, (struct value[]){value_integer(i), value_integer(i % 1000)}, true);
    if (i % 32 == 31)
      change_list_clear(&bench.changes);
  }
  printf("insert   %.3f us\n", (seconds() - start) / bench.rows * 1e6);
  execution_close(insert);
  statement_release(statement);
  time_by_key(&bench, "select", "SELECT v FROM t WHERE id = $1", false);
  time_by_key(&bench, "update", "UPDATE t SET v = v + 1 WHERE id = $1", true);
  time_scan(&bench, "SELECT count(*) FROM t WHERE v > 500");
  time_scan(&bench, "SELECT sum(v) FROM t");
  time_scan(&bench, "SELECT count(*) FROM t WHERE v % 2 = 0 AND id > 10");
  time_scan(&bench, "SELECT v % 100, count(*) FROM t GROUP BY v % 100");
  time_scan(&bench, "SELECT id FROM t ORDER BY v DESC LIMIT 10");
  relation_unpin(bench.table);
  change_list_deinit(&bench.changes);
  catalog_close(bench.catalog);
  while (store_collect(bench.store, 10000))
    ;
  store_close(bench.store);
  arena_deinit(&bench.arena);
  arena_deinit(&bench.run);
  return 0;
}
