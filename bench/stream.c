// Generator rows through a workflow that counts by one million uniform keys, durable, without and with checkpoints that
// follow one another, beside the bare loop on store/ that does as many upserts. `bench_stream DIRECTORY`; BENCH_STREAM_ROWS changes the number.
#include <string.h>

#include "client.h"
#include "connect/connectors.h"
#include "store/store.h"

enum { KEYS = 1000000, ROW = 19 };

// checkpoint_bytes 1: the next checkpoint begins when the log has grown by the last one's size.
static double measure_stream(const char *parent, const char *name, uint64_t checkpoint_bytes, uint64_t rows)
{
  struct connectors connectors = {0};
  struct client client;
  char text[512], directory[4096];
  snprintf(directory, sizeof directory, "%s/%s", parent, name);
  client_open_with(&client, &(struct quern_options){.data_directory = directory, .checkpoint_bytes = checkpoint_bytes});
  if (connectors_add(&connectors, client.engine))
    exit(1);
  client_query(&client, "CREATE TABLE counts (k bigint PRIMARY KEY, n bigint NOT NULL)");
  client_query(&client, "INSERT INTO counts SELECT g, 0 FROM generate_series(0, 999999) g");
  snprintf(text, sizeof text,
           "CREATE SOURCE numbers (k bigint) WITH (connector = 'generator', rows = '%llu', seed = '1', k.kind = 'random', "
           "k.min = '0', k.max = '999999')",
           (unsigned long long)rows);
  client_query(&client, text);
  double start = seconds_now();
  client_query(&client, "CREATE WORKFLOW counting AS INSERT INTO counts SELECT k, 1 FROM numbers "
                        "ON CONFLICT (k) DO UPDATE SET n = counts.n + 1");
  for (client.number = 0; (uint64_t)client.number < rows;) {
    double until = seconds_now() + 0.01;
    while (seconds_now() < until)
      if (quern_run(client.engine, 1) == 0)
        quern_wait(client.engine, 1);
    client_query(&client, "SELECT rows FROM quern.sources");
  }
  double rate = (double)rows / (seconds_now() - start);
  client_query(&client, "SELECT sum(n) FROM counts");
  if ((uint64_t)client.number != rows) {
    fprintf(stderr, "counted %lld of %llu rows\n", (long long)client.number, (unsigned long long)rows);
    exit(1);
  }
  client_close(&client);
  return rate;
}

static struct bytes key_of(uint64_t number, uint8_t *at)
{
  at[0] = 1;
  put_be64(at + 1, number ^ 1ull << 63);
  return bytes_of(at, 9);
}

static double measure_store(uint64_t rows)
{
  struct memory_account account = {0};
  struct store *store = store_open(&account);
  struct version *trunk = store_trunk(store);
  uint8_t key[9], bytes[ROW] = {1, 0, 2};
  uint64_t random = 1;
  double start = 0;
  for (uint64_t i = 0; i < KEYS + rows; i++) {
    if (i == KEYS)
      start = seconds_now();
    uint64_t number = i < KEYS ? i : next_random(&random) % KEYS;
    struct bytes row;
    struct tree_put put = {.key = key_of(number, key), .row = bytes_of(bytes, ROW), .position = 1};
    put_le64(bytes + 3, number);
    uint64_t count = tree_get(trunk, 0, put.key, &row, NULL) ? get_le64(row.data + 11) : 0;
    put_le64(bytes + 11, count + (i >= KEYS));
    if (tree_put(trunk, &put) == PUT_NO_MEMORY)
      abort();
  }
  double rate = (double)rows / (seconds_now() - start);
  store_close(store);
  return rate;
}

int main(int count, char **arguments)
{
  const char *given = getenv("BENCH_STREAM_ROWS");
  uint64_t rows = given ? strtoull(given, NULL, 10) : 3000000;
  if (count < 2)
    return fprintf(stderr, "usage: bench_stream DIRECTORY\n"), 2;
  double quern = measure_stream(arguments[1], "rare", 0, rows), bare = measure_store(rows);
  double with_checkpoints = measure_stream(arguments[1], "often", 1, rows);
  printf("durable stream rows counted by 1 million keys\t%.0f\tbare upsert loop\t%.0f\t>=0.4\n", quern, bare);
  printf("durable stream rows counted while checkpoints run\t%.0f\tbare upsert loop\t%.0f\t>=0.4\n", with_checkpoints, bare);
  return 0;
}
