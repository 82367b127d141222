// In one process, in memory, one million rows: a prepared select by key and a prepared update by key, beside SQLite's
// ':memory:' doing the same. `bench_embedded DIRECTORY`; BENCH_ROWS and BENCH_CALLS change the numbers.
#include <sqlite3.h>
#include <string.h>

#include "client.h"

static uint64_t setting(const char *name, uint64_t fallback)
{
  const char *text = getenv(name);
  return text ? strtoull(text, NULL, 10) : fallback;
}

static uint64_t row_count, call_count;

// --- Quern -------------------------------------------------------------------------------------------------------

static void count_row(void *context, const struct quern_value *values, int count)
{
  struct client *client = context;
  client->rows += count == 1 && values[0].kind == QUERN_INTEGER;
}

static void count_done(void *context, const struct quern_result *result)
{
  struct client *client = context;
  client->ready++;
  client->errors += result->error != NULL;
}

static double quern_calls(struct client *client, struct quern_session *session, const char *text)
{
  uint64_t random = 7;
  struct quern_value key = {.kind = QUERN_INTEGER};
  struct quern_receiver receiver = {.row = count_row, .done = count_done, .context = client};
  struct quern_statement *statement = quern_statement_prepare(session, text);
  double start = seconds_now();
  for (uint64_t i = 0; i < call_count; i++) {
    key.integer = (int64_t)(next_random(&random) % row_count);
    uint64_t until = client->ready + 1;
    if (quern_statement_execute(statement, &key, 1, &receiver) < 0)
      exit(1);
    while (client->ready < until)
      if (quern_run(client->engine, 1) < 0)
        exit(1);
  }
  double rate = (double)call_count / (seconds_now() - start);
  quern_statement_close(statement);
  return rate;
}

static void measure_quern(double *selects, double *updates)
{
  struct client client;
  char text[256];
  client_open(&client, NULL);
  client_query(&client, "CREATE TABLE t (k bigint PRIMARY KEY, v bigint)");
  snprintf(text, sizeof text, "INSERT INTO t SELECT g, g FROM generate_series(0, %llu) g", (unsigned long long)row_count - 1);
  client_query(&client, text);
  struct quern_error error;
  struct quern_session *session = quern_session_open(client.engine, &(struct quern_session_options){0}, &error);
  if (!session)
    exit(1);
  uint64_t rows = client.rows;
  *selects = quern_calls(&client, session, "SELECT v FROM t WHERE k = $1");
  if (client.rows - rows != call_count)
    exit(1);
  *updates = quern_calls(&client, session, "UPDATE t SET v = v + 1 WHERE k = $1");
  if (client.errors)
    exit(1);
  client_close(&client);
}

// --- SQLite -------------------------------------------------------------------------------------------------------

static double sqlite_calls(sqlite3 *database, const char *text, int expected)
{
  sqlite3_stmt *statement;
  uint64_t random = 7;
  if (sqlite3_prepare_v2(database, text, -1, &statement, NULL))
    exit(1);
  double start = seconds_now();
  for (uint64_t i = 0; i < call_count; i++) {
    sqlite3_bind_int64(statement, 1, (int64_t)(next_random(&random) % row_count));
    if (sqlite3_step(statement) != expected)
      exit(1);
    sqlite3_reset(statement);
  }
  double rate = (double)call_count / (seconds_now() - start);
  sqlite3_finalize(statement);
  return rate;
}

static void measure_sqlite(double *selects, double *updates)
{
  sqlite3 *database;
  char text[256];
  if (sqlite3_open(":memory:", &database) ||
      sqlite3_exec(database, "CREATE TABLE t (k INTEGER PRIMARY KEY, v INTEGER)", NULL, NULL, NULL))
    exit(1);
  snprintf(text, sizeof text,
           "WITH RECURSIVE g(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM g WHERE i < %llu) INSERT INTO t SELECT i, i FROM g",
           (unsigned long long)row_count - 1);
  if (sqlite3_exec(database, text, NULL, NULL, NULL))
    exit(1);
  *selects = sqlite_calls(database, "SELECT v FROM t WHERE k = ?", SQLITE_ROW);
  *updates = sqlite_calls(database, "UPDATE t SET v = v + 1 WHERE k = ?", SQLITE_DONE);
  sqlite3_close(database);
}

int main(void)
{
  double selects, updates, sqlite_selects, sqlite_updates;
  row_count = setting("BENCH_ROWS", 1000000);
  call_count = setting("BENCH_CALLS", 1000000);
  measure_quern(&selects, &updates);
  measure_sqlite(&sqlite_selects, &sqlite_updates);
  printf("in-process prepared select by key, 1 million rows\t%.0f\tSQLite :memory:\t%.0f\t>=2\n", selects, sqlite_selects);
  printf("in-process prepared update by key, 1 million rows\t%.0f\tSQLite :memory:\t%.0f\t>=2\n", updates, sqlite_updates);
  return 0;
}
