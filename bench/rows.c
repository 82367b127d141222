// Ten million rows (bigint key, bigint): memory a row, and the first answer after a kill -9 amid writes.
// `bench_rows DIRECTORY`; BENCH_TABLE_ROWS changes the number.
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"

static double resident_bytes(void)
{
  FILE *file = fopen("/proc/self/statm", "r");
  long pages = 0;
  if (!file || fscanf(file, "%*s %ld", &pages) != 1)
    exit(1);
  fclose(file);
  return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

// The child: fills the table, tells the memory a row, then updates until it is killed.
static void fill_and_update(const char *directory, uint64_t rows, int tell)
{
  struct client client;
  char text[256];
  client_open(&client, directory);
  client_query(&client, "CREATE TABLE t (k bigint PRIMARY KEY, v bigint)");
  double before = resident_bytes();
  for (uint64_t at = 0; at < rows; at += 100000) {
    snprintf(text, sizeof text, "INSERT INTO t SELECT g, g FROM generate_series(%llu, %llu) g", (unsigned long long)at,
             (unsigned long long)(at + 99999));
    client_query(&client, text);
  }
  client_query(&client, "SELECT value FROM quern.metrics WHERE name = 'quern_memory_bytes' AND labels = 'kind=\"used\"'");
  double used = (double)client.number / (double)rows, resident = (resident_bytes() - before) / (double)rows;
  double told[2] = {used, resident};
  if (write(tell, told, sizeof told) != sizeof told)
    exit(1);
  uint64_t random = 3;
  for (;;) {
    for (int i = 0; i < 32; i++) {
      snprintf(text, sizeof text, "UPDATE t SET v = v + 1 WHERE k = %llu", (unsigned long long)(next_random(&random) % rows));
      quern_add_query(&client.request, text);
    }
    client_run(&client, 32);
  }
}

int main(int count, char **arguments)
{
  const char *given = getenv("BENCH_TABLE_ROWS");
  uint64_t rows = given ? strtoull(given, NULL, 10) : 10000000;
  int channel[2];
  double told[2];
  if (count < 2)
    return fprintf(stderr, "usage: bench_rows DIRECTORY\n"), 2;
  if (pipe(channel))
    return 1;
  pid_t child = fork();
  if (child == 0)
    fill_and_update(arguments[1], rows, channel[1]);
  if (child < 0 || read(channel[0], told, sizeof told) != sizeof told)
    return 1;
  sleep(3);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  struct client client;
  double start = seconds_now();
  client_open(&client, arguments[1]);
  client_query(&client, "SELECT v FROM t WHERE k = 5");
  double took = seconds_now() - start;
  client_query(&client, "SELECT count(*) FROM t");
  if ((uint64_t)client.number != rows)
    return fprintf(stderr, "%lld rows after the restart\n", (long long)client.number), 1;
  client_close(&client);
  printf("bytes a row, 10 million rows (int8, int8)\t%.1f\t-\t-\t<=72\n", told[0]);
  printf("resident bytes a row, log buffers included\t%.1f\t-\t-\t-\n", told[1]);
  printf("seconds from start to the first answer after kill -9\t%.2f\t-\t-\t<=10\n", took);
  return 0;
}
