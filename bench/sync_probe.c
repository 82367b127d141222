// What the disk gives: appends of 4 KiB to a preallocated file, each followed by fdatasync.
//
//   bench_sync_probe DIRECTORY [COUNT]      prints `P50 P99` in microseconds
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 4096, COUNT = 1000, COUNT_MAXIMUM = 1000000 };

static int64_t now_ns(void)
{
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

// Writes real zeros first: a write into blocks that are only reserved would change the file's extents.
static int measure(int file, int64_t *times, size_t count)
{
  char block[BLOCK] = {0};
  for (size_t i = 0; i < count; i++)
    if (pwrite(file, block, BLOCK, (off_t)(i * BLOCK)) != BLOCK)
      return -1;
  if (fsync(file))
    return -1;
  memset(block, 'q', BLOCK);
  for (size_t i = 0; i < count; i++) {
    int64_t from = now_ns();
    if (pwrite(file, block, BLOCK, (off_t)(i * BLOCK)) != BLOCK || fdatasync(file))
      return -1;
    times[i] = now_ns() - from;
  }
  return 0;
}

int main(int argc, char **argv)
{
  size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : COUNT;
  if (argc < 2 || argc > 3 || count == 0 || count > COUNT_MAXIMUM) {
    fprintf(stderr, "usage: %s DIRECTORY [COUNT]\n", argv[0]);
    return 2;
  }
  char path[4096];
  snprintf(path, sizeof path, "%s/sync_probe.XXXXXX", argv[1]);
  int64_t *times = calloc(count, sizeof *times);
  int file = mkstemp(path);
  if (!times || file < 0) {
    perror(path);
    return 1;
  }
  unlink(path);
  if (measure(file, times, count)) {
    perror(path);
    return 1;
  }
  qsort(times, count, sizeof *times, by_size);
  printf("%.0f %.0f\n", (double)times[count / 2] / 1000, (double)times[count * 99 / 100] / 1000);
  close(file);
  free(times);
  return 0;
}
