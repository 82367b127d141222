// All worlds that a setup can come to, by depth-first search: each is visited once, in whatever order its parties go.
//
// A world that is met again on the way to itself is a run without end; one in which nobody can go on, and not all are
// done, is stuck. Everything else is found wrong by the rules themselves (rules.h).
#pragma once

#include <stdlib.h>

#include "rules.h"

enum { NOT_CLOSED = 1, LONGEST_WAY = 16384 };

struct node {
  struct world world;
  uint8_t state;
};

struct explorer {
  const struct setup *setup;
  struct node *nodes;
  uint32_t count, capacity;
  uint32_t *table; // node + 1
  uint32_t table_size;
  unsigned wrong, told;
  uint64_t worlds, steps, setups; // in all
  int way[LONGEST_WAY], depth;
  int bad_way[LONGEST_WAY], bad_depth; // to the first thing wrong
};

static inline uint64_t world_hash(const struct world *world)
{
  const uint8_t *bytes = (const uint8_t *)world;
  uint64_t hash = 0;
  size_t at = 0;
  for (; at + 8 <= sizeof *world; at += 8) {
    uint64_t word;
    memcpy(&word, bytes + at, sizeof word);
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 29;
  }
  for (; at < sizeof *world; at++)
    hash = (hash ^ bytes[at]) * 0x100000001b3u;
  return hash ^ hash >> 32;
}

static inline void explorer_grow(struct explorer *explorer)
{
  if (explorer->count == explorer->capacity) {
    explorer->capacity = explorer->capacity ? explorer->capacity * 2 : 1024;
    explorer->nodes = realloc(explorer->nodes, explorer->capacity * sizeof *explorer->nodes);
  }
  if (explorer->count * 2 < explorer->table_size)
    return;
  explorer->table_size = explorer->table_size ? explorer->table_size * 2 : 512;
  free(explorer->table);
  explorer->table = calloc(explorer->table_size, sizeof *explorer->table);
  if (!explorer->nodes || !explorer->table)
    abort();
  for (uint32_t i = 0; i < explorer->count; i++) {
    uint32_t at = (uint32_t)world_hash(&explorer->nodes[i].world);
    while (explorer->table[at & (explorer->table_size - 1)])
      at++;
    explorer->table[at & (explorer->table_size - 1)] = i + 1;
  }
}

// The node of a world; is_new: it was not there.
static inline uint32_t explorer_node(struct explorer *explorer, const struct world *world, bool *is_new)
{
  explorer_grow(explorer);
  uint32_t at = (uint32_t)world_hash(world), *place;
  while (*(place = &explorer->table[at & (explorer->table_size - 1)])) {
    if (memcmp(&explorer->nodes[*place - 1].world, world, sizeof *world) == 0) {
      *is_new = false;
      return *place - 1;
    }
    at++;
  }
  *place = explorer->count + 1;
  explorer->nodes[explorer->count] = (struct node){*world, NOT_CLOSED};
  *is_new = true;
  return explorer->count++;
}

static inline void explorer_note(struct explorer *explorer, unsigned wrong, unsigned told)
{
  if (wrong && !explorer->wrong) {
    memcpy(explorer->bad_way, explorer->way, sizeof explorer->way);
    explorer->bad_depth = explorer->depth;
  }
  explorer->wrong |= wrong;
  explorer->told |= told;
}

static inline void explore_from(struct explorer *explorer, uint32_t node)
{
  bool can_go_on = false;
  for (int action = 0; action < ACTIONS; action++) {
    struct world next = explorer->nodes[node].world;
    explorer->way[explorer->depth] = action;
    if (!world_step(&next, explorer->setup, action))
      continue;
    can_go_on |= action % 2 == 0;
    explorer->steps++;
    world_check(&next);
    explorer->depth++;
    explorer_note(explorer, next.wrong, next.told);
    next.wrong = next.told = 0;
    bool is_new;
    uint32_t to = explorer_node(explorer, &next, &is_new);
    if (!is_new && explorer->nodes[to].state == NOT_CLOSED && !explorer->setup->repeats)
      explorer_note(explorer, WRONG_ENDLESS, 0);
    else if (is_new && explorer->depth == LONGEST_WAY)
      explorer_note(explorer, WRONG_ENDLESS, 0);
    else if (is_new)
      explore_from(explorer, to);
    explorer->depth--;
  }
  if (!can_go_on && !world_is_done(&explorer->nodes[node].world))
    explorer_note(explorer, WRONG_STUCK, 0);
  explorer->nodes[node].state = 0;
}

// Fills wrong and told.
static inline void explore(struct explorer *explorer, const struct setup *setup)
{
  explorer->setup = setup;
  if (explorer->count)
    memset(explorer->table, 0, explorer->table_size * sizeof *explorer->table);
  explorer->count = 0;
  explorer->wrong = explorer->told = 0;
  explorer->depth = 0;
  struct world world;
  world_init(&world, setup);
  bool is_new;
  explore_from(explorer, explorer_node(explorer, &world, &is_new));
  explorer->worlds += explorer->count;
  explorer->setups++;
}

static inline void explorer_close(struct explorer *explorer)
{
  free(explorer->nodes);
  free(explorer->table);
}

// --- Telling ------------------------------------------------------------------------------------------------------

static inline void print_setup(const struct setup *setup)
{
  printf("rows: %02x %02x\n", setup->start[0], setup->start[1]);
  for (int i = 0; i < CLIENTS; i++) {
    if (!setup->scripts[i].count)
      continue;
    printf("client %d%s:", i, setup->is_one_shot[i] ? " (one-shot)" : "");
    for (int s = 0; s < setup->scripts[i].count; s++)
      printf(" %s %d;", kind_names[setup->scripts[i].steps[s].kind], setup->scripts[i].steps[s].key);
    printf("\n");
  }
  if (setup->stream_count)
    printf("stream: %d rows on %d %d, hold %d\n", setup->stream_count, setup->stream[0], setup->stream[1],
           setup->stream_hold);
}

static inline void print_party(const struct world *world, int who)
{
  static const char phases[] = "rwgd";
  const struct party *party = &world->parties[who];
  printf("  %d:%c%d", who, phases[party->phase], party->at);
  if (party->is_open)
    printf(" [%02x %02x]%s", party->rows[0], party->rows[1], party->is_behind ? " behind" : "");
  for (int k = 0; k < ROWS; k++)
    if (party->held[k])
      printf(" holds %d:%d", k, held_mode(party, k));
  if (party->phase == WAITING)
    printf(" wants %d:%d", party->wants_key, party->wants_mode);
}

// The way to the first thing wrong, step by step.
static inline void print_way(const struct explorer *explorer)
{
  print_setup(explorer->setup);
  struct world world;
  world_init(&world, explorer->setup);
  for (int i = 0; i < explorer->bad_depth; i++) {
    world_step(&world, explorer->setup, explorer->bad_way[i]);
    printf("%2d. party %d %s: trunk %02x %02x", i + 1, explorer->bad_way[i] / 2,
           explorer->bad_way[i] % 2 ? "vanishes" : "goes on", world.trunk[0], world.trunk[1]);
    for (int who = 0; who < PARTIES; who++)
      if (world.parties[who].phase != DONE)
        print_party(&world, who);
    printf("%s%s\n", world.told & TOLD_40001 ? "  40001" : "", world.told & TOLD_40P01 ? "  40P01" : "");
    world.told = 0;
  }
  printf("wrong: %#x, told: %#x\n", explorer->wrong, explorer->told);
}
