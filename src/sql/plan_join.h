// Joins from inside the planner: what finds the order of joins (plan_order.c) and what makes their nodes (plan_join.c) share.
#pragma once

#include "sql/plan_node.h"

enum { ITEMS_MAXIMUM = 64 }; // that are put in order together; an item set is a word

// What is joined: a range, an outer join as a whole, or, of a very long list, an inner join as a whole.
struct item {
  const struct join *join;
  range_set ranges;
  range_set needs;      // ranges of this query that it reads (arguments of functions, lateral queries)
  uint64_t needs_items; // the same as items
  struct plan_node *node; // not of a range: planned before the others
};

// A way to join some items.
enum join_way { WAY_SINGLE, WAY_ORDERED, WAY_HASH, WAY_KEYED, WAY_LOOP };
struct tree {
  uint64_t items;
  double rows, cost, start_cost;
  enum join_way way; // ORDERED: single, in the order that is wanted
  const struct tree *left, *right;
};

struct joining {
  struct planner *planner;
  struct conjuncts *conjuncts;
  range_set own, outer;
  struct item *items;
  int item_count;
  const struct wanted_order *order; // without its limit; NULL: none
  double limit;
};

// left = right with one side from each: a key of a hash join. Both sides of one type.
bool join_hash_key(struct joining *j, const struct conjunct *conjunct, range_set left, range_set right,
                   const struct node **left_key, const struct node **right_key);
// The sides of an equality that could be one.
bool join_is_equality(const struct conjunct *conjunct);
enum type_id join_key_type(const struct node *equality); // what both sides are hashed as

// The rows of one item by itself, under what can be tested with `available` (its own ranges come on top).
int join_plan_item(struct joining *j, struct item *item, range_set available, range_set joined,
                   const struct wanted_order *order, struct access *access);
// The same, but nothing stays: no conjunct is marked, and the node is scratch.
int join_try_item(struct joining *j, struct item *item, range_set available, range_set joined,
                  const struct wanted_order *order, struct access *access);
// Of all ways to join all items that are tried, the cheapest. *ordered: the wanted order comes out.
int join_find_order(struct joining *j, const struct tree **tree, bool *ordered);

// Makes a merge join of a hash join whose sides come in the order of its keys.
void join_merge(struct plan_node *node);

// What ways cost, in about 0.1 µs.
static inline double cost_of_build(double rows)
{
  return rows * (rows > 50000 ? 3 : 2);
}
static inline double cost_of_probes(double rows, double built)
{
  return rows * (built > 50000 ? 2 : 1);
}
