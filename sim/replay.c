// quern_sim: replays worlds from their seeds.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/faults.h"
#include "sim/world.h"

static const char usage[] =
  "Usage: quern_sim [--seed N | --seeds A..B] [--steps N] [--fault NAME] [--histories FILE] [--troubled]\n"
  "                 [--tight] [--verbose]\n"
  "  --seeds A..B      these worlds, to the first in which something is lost, half done or counted twice\n"
  "  --steps N         moves of each (600)\n"
  "  --troubled        the disk is full, slow or fails a sync now and then; some start while it is full\n"
  "  --tight           memory is scarce now and then, the engine's or a statement's\n"
  "  --histories FILE  what clients did and saw, for tools/history (test/sim/history_test.py checks it)\n"
  "  --fault NAME      put in on purpose, to see it found: sync-left-out, torn-accepted, reply-early, range-missing,\n"
  "                    hash-ignored, claim-released-early, derived-as-data, sink-early; with --troubled also\n"
  "                    sync-hidden, full-answered\n"
  "  --verbose         what happens at each step\n"
  "In all worlds processes are killed, the power is cut, streams lag, stop and repeat, clients vanish and read slowly.\n";

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
  static const struct {
    const char *name;
    enum world_fault world;
    enum fault engine;
  } faults[] = {
    {"none", FAULT_NONE, 0},
    {"sync-left-out", FAULT_SYNC_LEFT_OUT, 0},
    {"sync-hidden", FAULT_SYNC_HIDDEN, 0},
    {"full-answered", FAULT_FULL_ANSWERED, 0},
    {"torn-accepted", FAULT_TORN_ACCEPTED, 0},
    {"reply-early", FAULT_NONE, FAULT_REPLY_EARLY},
    {"range-missing", FAULT_NONE, FAULT_RANGE_MISSING},
    {"hash-ignored", FAULT_NONE, FAULT_HASH_IGNORED},
    {"claim-released-early", FAULT_NONE, FAULT_CLAIM_RELEASED_EARLY},
    {"derived-as-data", FAULT_NONE, FAULT_DERIVED_AS_DATA},
    {"sink-early", FAULT_NONE, FAULT_SINK_EARLY},
  };
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
    if (strcmp(name, faults[i].name) == 0) {
      *fault = faults[i].world;
      fault_choose(faults[i].engine);
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
  if (strcmp(name, "--histories") == 0)
    return (replay->options.history = fopen(value, "w")) != NULL;
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
  static const char *const names[WAYS] = {"adopted", "rerun",  "kept",      "moved", "rounds", "attached",
                                          "failed",  "waits", "parked", "deadlocks", "broken"};
  static const char *const trouble_names[TROUBLES] = {"full",         "not started", "told",   "refused",      "slow",
                                                      "failed syncs", "late rows",   "unread", "memory scarce"};
  uint64_t crashes = 0, atoms = 0, replies = 0, ways[WAYS] = {0}, troubles[TROUBLES] = {0};
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
    for (int i = 0; i < WAYS; i++)
      ways[i] += result.ways[i];
    for (int i = 0; i < TROUBLES; i++)
      troubles[i] += result.troubles[i];
  }
  if (replay->from == replay->to)
    printf("hash %016llx\n", (unsigned long long)result.hash);
  printf("%llu seeds: %llu crashes, %llu atoms, %llu replies; nothing was lost\n",
         (unsigned long long)(replay->to - replay->from + 1), (unsigned long long)crashes, (unsigned long long)atoms,
         (unsigned long long)replies);
  printf("ways:");
  for (int i = 0; i < WAYS; i++)
    printf(" %s %llu", names[i], (unsigned long long)ways[i]);
  printf("\n");
  printf("troubles:");
  for (int i = 0; i < TROUBLES; i++)
    printf("%s %s %llu", i ? "," : "", trouble_names[i], (unsigned long long)troubles[i]);
  printf("\n");
  return 0;
}

int main(int count, char **arguments)
{
  struct replay replay = {.options = {.steps = 600}, .from = 1, .to = 1};
  for (int i = 1; i < count; i++) {
    if (strcmp(arguments[i], "--help") == 0) {
      fputs(usage, stdout);
      return 0;
    } else if (strcmp(arguments[i], "--verbose") == 0) {
      replay.options.is_verbose = true;
    } else if (strcmp(arguments[i], "--troubled") == 0) {
      replay.options.is_troubled = true;
    } else if (strcmp(arguments[i], "--tight") == 0) {
      replay.options.is_tight = true;
    } else if (i + 1 == count || !read_option(arguments[i], arguments[i + 1], &replay)) {
      fputs(usage, stderr);
      return 2;
    } else {
      i++;
    }
  }
  int status = run(&replay);
  if (replay.options.history && fclose(replay.options.history)) {
    fputs("the histories could not be written\n", stderr);
    return 2;
  }
  return status;
}
