// quern_sim: runs the simulator for one seed or for many. Exit 0: nothing was found; 1: a violation, told with its seed
// and step; 2: the command line cannot be understood.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulation.h"

enum { STEPS = 1500, STEPS_MAXIMUM = 100000000 };

static const char usage[] =
  "usage: quern_sim [--seed N | --seeds A..B] [--steps N] [--verbose] [--fault NAME]\n"
  "Runs the whole engine on a simulated clock and disk, with crashes, and compares it with what clients were told.\n"
  "  --seed N       the run to do (default 1)\n"
  "  --seeds A..B   all runs from A to B\n"
  "  --steps N      of each run (default 1500)\n"
  "  --verbose      tell what happens\n"
  "  --fault NAME   with a fault on purpose:";

static int fail(const char *what, const char *given)
{
  fprintf(stderr, "quern_sim: %s: %s\n%s", what, given, usage);
  for (int i = 1; i < FAULT_COUNT; i++)
    fprintf(stderr, " %s", sim_fault_names[i]);
  fprintf(stderr, "\n");
  return 2;
}

static bool read_number(const char *text, const char **end, uint64_t *number)
{
  char *stop;
  errno = 0;
  *number = strtoull(text, &stop, 10);
  *end = stop;
  return stop != text && *text >= '0' && *text <= '9' && !errno;
}

static bool read_range(const char *text, uint64_t *first, uint64_t *last)
{
  const char *end;
  return read_number(text, &end, first) && strncmp(end, "..", 2) == 0 && read_number(end + 2, &end, last) && !*end &&
         *first <= *last;
}

static bool read_fault(const char *text, enum sim_fault *fault)
{
  for (int i = 0; i < FAULT_COUNT; i++)
    if (strcmp(sim_fault_names[i], text) == 0)
      return *fault = (enum sim_fault)i, true;
  return false;
}

static bool read_option(const char *name, const char *value, struct sim_options *options, uint64_t *first, uint64_t *last)
{
  const char *end;
  uint64_t number;
  if (strcmp(name, "--seed") == 0 && read_number(value, &end, first) && !*end)
    return *last = *first, true;
  if (strcmp(name, "--seeds") == 0)
    return read_range(value, first, last);
  if (strcmp(name, "--steps") == 0 && read_number(value, &end, &number) && !*end && number <= STEPS_MAXIMUM)
    return options->steps = (int)number, true;
  return strcmp(name, "--fault") == 0 && read_fault(value, &options->fault);
}

static void add_counts(struct sim_counts *sum, const struct sim_counts *more)
{
  sum->crashes += more->crashes;
  sum->kills += more->kills;
  sum->failed_starts += more->failed_starts;
  sum->operations += more->operations;
  sum->acknowledged += more->acknowledged;
  sum->refused += more->refused;
  sum->open += more->open;
  sum->shown += more->shown;
  sum->checkpoints += more->checkpoints;
  sum->full += more->full;
  sum->jobs += more->jobs;
  sum->retries += more->retries;
  sum->stream_rows += more->stream_rows;
}

static void print_counts(const struct sim_counts *counts)
{
  printf("%d operations (%d acknowledged, %d refused, %d never told), %d reads, %d jobs, %" PRId64 " rows of streams, "
         "%d power cuts, %d kills, %d interrupted starts, %d checkpoints, %d times full, %d serialization failures\n",
         counts->operations, counts->acknowledged, counts->refused, counts->open, counts->shown, counts->jobs,
         counts->stream_rows, counts->crashes, counts->kills, counts->failed_starts, counts->checkpoints, counts->full,
         counts->retries);
}

int main(int argc, char **argv)
{
  struct sim_options options = {.steps = STEPS};
  uint64_t first = 1, last = 1, sum = 0;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--verbose") == 0) {
      options.is_verbose = true;
      continue;
    }
    if (i + 1 == argc || !read_option(argv[i], argv[i + 1], &options, &first, &last))
      return fail("this cannot be understood", argv[i]);
    i++;
  }
  struct sim_counts counts = {0};
  for (uint64_t seed = first;; seed++) {
    options.seed = seed;
    struct sim_counts more;
    uint64_t hash;
    sim_run(&options, &more, &hash);
    add_counts(&counts, &more);
    sum = sum * 31 + hash;
    if (first == last)
      printf("seed %" PRIu64 ": ", seed);
    if (seed == last)
      break;
  }
  if (first != last)
    printf("seeds %" PRIu64 "..%" PRIu64 ": ", first, last);
  print_counts(&counts);
  printf("hash %016" PRIx64 "\n", sum);
  return 0;
}
