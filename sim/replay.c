// quern_sim: replays worlds from their seeds.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world.h"

static const char usage[] =
  "Usage: quern_sim [--seed N | --seeds A..B] [--steps N] [--fault NAME] [--verbose]\n"
  "Faults, put in on purpose to see them found: sync-left-out, torn-accepted, reply-early\n";

struct replay {
  struct world_options options; // seed: the one at hand
  uint64_t from, to;
};

static bool read_number(const char *text, uint64_t *number, const char **end)
{
  char *stop;
  *number = strtoull(text, &stop, 10);
  *end = stop;
  return stop != text;
}

static bool read_fault(const char *name, enum world_fault *fault)
{
  static const char *const names[] = {"none", "sync-left-out", "torn-accepted", "reply-early"};
  for (int i = 0; i < 4; i++)
    if (strcmp(name, names[i]) == 0) {
      *fault = (enum world_fault)i;
      return true;
    }
  return false;
}

static bool read_option(const char *name, const char *value, struct replay *replay)
{
  const char *end = "";
  uint64_t steps;
  if (strcmp(name, "--fault") == 0)
    return read_fault(value, &replay->options.fault);
  if (strcmp(name, "--steps") == 0) {
    bool is_good = read_number(value, &steps, &end) && steps < 1000000;
    replay->options.steps = (int)steps;
    return is_good && !*end;
  }
  if (strcmp(name, "--seed") != 0 && strcmp(name, "--seeds") != 0)
    return false;
  if (!read_number(value, &replay->from, &end))
    return false;
  replay->to = replay->from;
  if (strncmp(end, "..", 2) == 0 && !read_number(end + 2, &replay->to, &end))
    return false;
  return !*end;
}

static int run(struct replay *replay)
{
  uint64_t crashes = 0, atoms = 0, replies = 0;
  struct world_result result;
  for (replay->options.seed = replay->from; replay->options.seed <= replay->to; replay->options.seed++) {
    world_run(&replay->options, &result);
    if (result.violation[0]) {
      printf("seed %llu, step %d: %s\n", (unsigned long long)replay->options.seed, result.step, result.violation);
      return 1;
    }
    crashes += result.crashes;
    atoms += result.atoms;
    replies += result.replies;
  }
  if (replay->from == replay->to)
    printf("hash %016llx\n", (unsigned long long)result.hash);
  printf("%llu seeds: %llu crashes, %llu atoms, %llu replies; nothing was lost\n",
         (unsigned long long)(replay->to - replay->from + 1), (unsigned long long)crashes, (unsigned long long)atoms,
         (unsigned long long)replies);
  return 0;
}

int main(int count, char **arguments)
{
  struct replay replay = {.options = {.steps = 600}, .from = 1, .to = 1};
  for (int i = 1; i < count; i++) {
    if (strcmp(arguments[i], "--verbose") == 0) {
      replay.options.is_verbose = true;
    } else if (i + 1 == count || !read_option(arguments[i], arguments[i + 1], &replay)) {
      fputs(usage, stderr);
      return 2;
    } else {
      i++;
    }
  }
  return run(&replay);
}
