// The order of joins: up to EXACT items by dynamic programming over their sets, more of them greedily.
//
// 1. How many rows a set of items has does not depend on the order in which they are joined: it is the product of
//    the items' rows and of the parts that the conditions between them let pass. Equalities between the same two
//    items count together.
// 2. Every set keeps its cheapest way, and, where an order is wanted, the cheapest one that has it: all ways keep
//    the order of their left side.
// Source: Selinger and others, "Access Path Selection in a Relational Database Management System" (1979).
#include <math.h>
#include <string.h>

#include "base/sqlstate.h"
#include "sql/plan_join.h"

enum { EXACT = 9 };

// A condition between items.
struct edge {
  uint64_t items;       // that it reads
  uint64_t left, right; // an equality's sides; else 0
  const struct node *left_node, *right_node;
  double part; // of the pairs that pass
};

// What a table costs for each row of a set, by a key that the set gives.
struct keyed {
  uint64_t neighbours;
  int item;
  bool is_there;
  double cost;
};

struct ordering {
  struct joining *j;
  struct arena *arena;
  int count;
  struct tree *singles;
  struct tree *ordered_singles; // way ORDERED; cost infinite: it cannot
  uint64_t *neighbours;         // of each item: those that a condition connects it with
  struct edge *edges;
  int edge_count;
  struct keyed *keyed;
  int keyed_count, keyed_capacity;
  double wanted; // the part of the rows that are wanted, of a way that has the order
};

static uint64_t items_of(struct ordering *o, range_set ranges)
{
  uint64_t items = 0;
  for (int i = 0; i < o->count; i++)
    if (set_meets(o->j->planner, o->j->items[i].ranges, ranges))
      items |= (uint64_t)1 << i;
  return items;
}

static int ranges_of(struct ordering *o, uint64_t items, bool with_outer, range_set *ranges)
{
  *ranges = set_new(o->j->planner);
  if (!*ranges)
    return error_memory(o->j->planner->error);
  for (int i = 0; i < o->count; i++)
    if (items >> i & 1)
      set_unite(o->j->planner, *ranges, o->j->items[i].ranges);
  if (with_outer)
    set_unite(o->j->planner, *ranges, o->j->outer);
  return 0;
}

// --- What is between the items -------------------------------------------------------------------------------

static int node_items(struct ordering *o, const struct node *node, uint64_t *items)
{
  range_set ranges = set_new(o->j->planner);
  if (!ranges)
    return error_memory(o->j->planner->error);
  node_ranges(o->j->planner, node, ranges);
  *items = items_of(o, ranges);
  return 0;
}

static double guess_part(const struct conjunct *conjunct)
{
  enum comparison comparison;
  const struct node *node = conjunct->node;
  if (node->kind == NODE_OR)
    return 0.5; // what it says of each table alone is told apart
  bool compares = node->kind == NODE_CALL && function_comparison(node->function, &comparison);
  return compares && comparison == COMPARE_EQUAL ? 0.005 : compares && comparison == COMPARE_NOT_EQUAL ? 0.99 : 0.33;
}

static int find_edges(struct ordering *o)
{
  struct joining *j = o->j;
  o->edges = ARENA_ARRAY(o->arena, struct edge, j->conjuncts->count + 1);
  if (!o->edges)
    return error_memory(j->planner->error);
  for (int i = 0; i < j->conjuncts->count; i++) {
    const struct conjunct *conjunct = &j->conjuncts->list[i];
    uint64_t items = items_of(o, conjunct->ranges);
    if (conjunct->is_used || !(items & (items - 1)))
      continue;
    struct edge *edge = &o->edges[o->edge_count++];
    *edge = (struct edge){.items = items, .part = guess_part(conjunct)};
    for (int n = 0; n < o->count; n++)
      o->neighbours[n] |= items >> n & 1 ? items : 0;
    if (!join_is_equality(conjunct))
      continue;
    int status = node_items(o, conjunct->node->arguments[0], &edge->left);
    if (!status)
      status = node_items(o, conjunct->node->arguments[1], &edge->right);
    if (status)
      return status;
    edge->left_node = conjunct->node->arguments[0];
    edge->right_node = conjunct->node->arguments[1];
    if (!edge->left || !edge->right || edge->left & edge->right)
      edge->left = edge->right = 0;
  }
  return 0;
}

// Equalities between the same two items: the first one gets what all of them let pass.
static void weigh_equalities(struct ordering *o)
{
  for (int i = 0; i < o->edge_count; i++) {
    const struct node *left[16], *right[16];
    struct edge *edge = &o->edges[i];
    int count = 0;
    if (!edge->left || __builtin_popcountll(edge->items) != 2 || edge->part == 1)
      continue;
    for (int k = i; k < o->edge_count && count < 16; k++) {
      struct edge *other = &o->edges[k];
      if (!other->left || other->items != edge->items)
        continue;
      bool same = other->left == edge->left;
      left[count] = same ? other->left_node : other->right_node;
      right[count++] = same ? other->right_node : other->left_node;
      other->part = 1;
    }
    edge->part = estimate_equal(o->j->planner, left, right, count);
  }
}

static double joined_rows(const struct ordering *o, const struct tree *left, const struct tree *right)
{
  double rows = left->rows * right->rows;
  uint64_t items = left->items | right->items;
  for (int i = 0; i < o->edge_count; i++) {
    const struct edge *edge = &o->edges[i];
    if (!(edge->items & ~items) && edge->items & ~left->items && edge->items & ~right->items)
      rows *= edge->part;
  }
  return rows;
}

static bool has_key(const struct ordering *o, uint64_t left, uint64_t right)
{
  for (int i = 0; i < o->edge_count; i++) {
    const struct edge *edge = &o->edges[i];
    if (edge->left && ((!(edge->left & ~left) && !(edge->right & ~right)) ||
                       (!(edge->left & ~right) && !(edge->right & ~left))))
      return true;
  }
  return false;
}

// --- Ways ----------------------------------------------------------------------------------------------------

static int lowest(uint64_t items)
{
  return __builtin_ctzll(items);
}

static bool is_table(const struct ordering *o, int item)
{
  const struct join *join = o->j->items[item].join;
  return join->kind == JOIN_RANGE && o->j->planner->statement->ranges[join->range].kind == RANGE_TABLE;
}

// By what the neighbours of the item among `left` give.
static int find_keyed(struct ordering *o, int item, uint64_t left, const struct keyed **found)
{
  uint64_t neighbours = left & o->neighbours[item];
  for (int i = 0; i < o->keyed_count; i++)
    if (o->keyed[i].item == item && o->keyed[i].neighbours == neighbours) {
      *found = &o->keyed[i];
      return 0;
    }
  if (o->keyed_count == o->keyed_capacity) {
    int capacity = o->keyed_capacity ? 2 * o->keyed_capacity : 32;
    struct keyed *grown = ARENA_ARRAY(o->arena, struct keyed, capacity);
    if (!grown)
      return error_memory(o->j->planner->error);
    if (o->keyed_count)
      memcpy(grown, o->keyed, sizeof *grown * (size_t)o->keyed_count);
    o->keyed = grown;
    o->keyed_capacity = capacity;
  }
  struct keyed *keyed = &o->keyed[o->keyed_count++];
  *keyed = (struct keyed){.neighbours = neighbours, .item = item};
  range_set available, joined;
  struct access access;
  int status = ranges_of(o, neighbours, true, &available);
  if (!status)
    status = ranges_of(o, neighbours, false, &joined);
  if (!status)
    status = join_try_item(o->j, &o->j->items[item], available, joined, NULL, &access);
  if (status)
    return status;
  keyed->is_there = access.is_keyed;
  keyed->cost = access.node->cost;
  *found = keyed;
  return 0;
}

// What it costs to get the part of its rows that is wanted.
static double price(const struct tree *tree, double wanted)
{
  return tree->cost < INFINITY ? tree->start_cost + (tree->cost - tree->start_cost) * wanted : INFINITY;
}

static void keep_cheaper(struct tree *best, double wanted, double cost, double start_cost, enum join_way way)
{
  if (price(&(struct tree){.cost = cost, .start_cost = start_cost}, wanted) >= price(best, wanted))
    return;
  best->cost = cost;
  best->start_cost = start_cost;
  best->way = way;
}

// The cheapest way to join the two, the right one to the left one; best->cost is infinite if there is none.
static int consider(struct ordering *o, const struct tree *left, const struct tree *right, double wanted,
                    struct tree *best)
{
  uint64_t items = left->items | right->items;
  *best = (struct tree){.items = items, .left = left, .right = right, .cost = INFINITY};
  uint64_t needs = 0;
  bool is_one = !(right->items & (right->items - 1));
  for (uint64_t rest = right->items; rest; rest &= rest - 1)
    needs |= o->j->items[lowest(rest)].needs_items;
  if (left->cost == INFINITY || right->cost == INFINITY)
    return 0;
  if (left->way == WAY_SINGLE && o->j->items[lowest(left->items)].needs_items)
    return 0; // it cannot come first
  best->rows = joined_rows(o, left, right);
  double out = best->rows * 0.2;
  if (needs & ~right->items) {
    if (is_one && !(needs & ~items))
      keep_cheaper(best, wanted, left->cost + left->rows * right->cost + out, left->start_cost, WAY_LOOP);
    return 0;
  }
  bool can_hash = has_key(o, left->items, right->items);
  if (can_hash) {
    double build = right->cost + cost_of_build(right->rows), probes = cost_of_probes(left->rows, right->rows);
    keep_cheaper(best, wanted, left->cost + build + probes + out, left->start_cost + build, WAY_HASH);
  }
  int item = lowest(right->items);
  if (is_one && is_table(o, item) && left->items & o->neighbours[item] && 
      left->start_cost + (left->cost + left->rows * 3 - left->start_cost) * wanted < price(best, wanted)) {
    const struct keyed *keyed = NULL;
    int status = find_keyed(o, item, left->items, &keyed);
    if (status)
      return status;
    if (keyed->is_there)
      keep_cheaper(best, wanted, left->cost + left->rows * keyed->cost + out, left->start_cost, WAY_KEYED);
  }
  if (!can_hash && best->cost == INFINITY)
    best->cost = 1000 + left->cost + right->cost + left->rows * right->rows, best->way = WAY_LOOP,
    best->start_cost = left->start_cost + right->cost;
  return 0;
}

static int make_singles(struct ordering *o)
{
  struct joining *j = o->j;
  for (int i = 0; i < o->count; i++) {
    struct access access;
    int status = join_try_item(j, &j->items[i], j->outer, NULL, NULL, &access);
    if (status)
      return status;
    o->singles[i] = (struct tree){.items = (uint64_t)1 << i,
                                  .rows = access.node->rows,
                                  .cost = access.node->cost,
                                  .start_cost = access.node->start_cost};
    o->ordered_singles[i] = (struct tree){.cost = INFINITY};
    if (!j->order || !set_has(j->items[i].ranges, j->order->range) || j->items[i].join->kind != JOIN_RANGE)
      continue;
    status = join_try_item(j, &j->items[i], j->outer, NULL, j->order, &access);
    if (status)
      return status;
    o->ordered_singles[i] = o->singles[i];
    o->ordered_singles[i].way = WAY_ORDERED;
    o->ordered_singles[i].cost = access.is_ordered ? access.node->cost : INFINITY;
  }
  return 0;
}

// --- All sets --------------------------------------------------------------------------------------------------

static int find_exact(struct ordering *o, struct tree **best, struct tree **ordered)
{
  uint64_t all = ((uint64_t)1 << o->count) - 1;
  struct tree *trees = ARENA_ARRAY(o->arena, struct tree, all + 1);
  struct tree *with_order = ARENA_ARRAY(o->arena, struct tree, all + 1);
  if (!trees || !with_order)
    return error_memory(o->j->planner->error);
  for (uint64_t set = 1; set <= all; set++) {
    trees[set].cost = with_order[set].cost = INFINITY;
    if (!(set & (set - 1))) {
      trees[set] = o->singles[lowest(set)];
      with_order[set] = o->ordered_singles[lowest(set)];
      continue;
    }
    for (uint64_t left = set & -set; left != set; left = (left - set) & set) { // among equals as FROM has them
      struct tree made;
      int status = consider(o, &trees[left], &trees[set & ~left], 1, &made);
      if (!status && made.cost < trees[set].cost)
        trees[set] = made;
      if (!status && o->j->order && with_order[left].cost < INFINITY) {
        status = consider(o, &with_order[left], &trees[set & ~left], o->wanted, &made);
        if (price(&made, o->wanted) < price(&with_order[set], o->wanted))
          with_order[set] = made;
      }
      if (status)
        return status;
    }
  }
  *best = &trees[all];
  *ordered = &with_order[all];
  return 0;
}

// --- Many items --------------------------------------------------------------------------------------------------

// Of all pairs the one that gives the fewest rows, among equals the cheaper one, again and again. Pairs that a
// condition connects come first.
static int find_greedily(struct ordering *o, struct tree **best)
{
  struct tree **parts = ARENA_ARRAY(o->arena, struct tree *, o->count);
  if (!parts)
    return error_memory(o->j->planner->error);
  int count = o->count;
  for (int i = 0; i < count; i++)
    parts[i] = &o->singles[i];
  while (count > 1) {
    struct tree next = {.cost = INFINITY, .rows = INFINITY};
    int into = 0, from = 0;
    for (int a = 0; a < count; a++)
      for (int b = 0; b < count; b++) {
        struct tree made;
        int status = a == b ? 0 : consider(o, parts[a], parts[b], 1, &made);
        if (status)
          return status;
        if (a == b || made.cost == INFINITY)
          continue;
        bool is_first = next.cost == INFINITY, was_loop = next.way == WAY_LOOP, is_loop = made.way == WAY_LOOP;
        if (is_first || (was_loop && !is_loop) ||
            (was_loop == is_loop && (made.rows < next.rows || (made.rows == next.rows && made.cost < next.cost))))
          next = made, into = a, from = b;
      }
    if (next.cost == INFINITY)
      break;
    struct tree *joined = ARENA_NEW(o->arena, struct tree);
    if (!joined)
      return error_memory(o->j->planner->error);
    *joined = next;
    parts[into] = joined;
    parts[from] = parts[--count];
  }
  *best = parts[0];
  if (count > 1)
    (*best)->cost = INFINITY;
  return 0;
}

static void find_wanted(struct ordering *o)
{
  double rows = 1;
  for (int i = 0; i < o->count; i++)
    rows *= o->singles[i].rows;
  for (int i = 0; i < o->edge_count; i++)
    rows *= o->edges[i].part;
  o->wanted = o->j->limit > 0 ? fmin(1, o->j->limit / fmax(1, rows)) : 1;
}

// Is the way that has the order worth it? Otherwise the rows are sorted.
static bool prefers_order(const struct ordering *o, const struct tree *best, const struct tree *ordered)
{
  double rows = fmax(1, best->rows);
  return price(ordered, o->wanted) < best->cost + rows * (o->j->limit > 0 ? 0.5 : 0.3 * log2(rows + 1));
}

int join_find_order(struct joining *j, const struct tree **tree, bool *is_ordered)
{
  struct planner *planner = j->planner;
  struct ordering o = {.j = j, .arena = &planner->scratch, .count = j->item_count};
  o.singles = ARENA_ARRAY(o.arena, struct tree, o.count);
  o.ordered_singles = ARENA_ARRAY(o.arena, struct tree, o.count);
  o.neighbours = ARENA_ARRAY(o.arena, uint64_t, o.count);
  if (!o.singles || !o.ordered_singles || !o.neighbours)
    return error_memory(planner->error);
  for (int i = 0; i < o.count; i++)
    j->items[i].needs_items = items_of(&o, j->items[i].needs);
  int status = find_edges(&o);
  if (status)
    return status;
  weigh_equalities(&o);
  struct tree *best = NULL, *ordered = NULL;
  status = make_singles(&o);
  find_wanted(&o);
  if (!status)
    status = o.count <= EXACT ? find_exact(&o, &best, &ordered) : find_greedily(&o, &best);
  if (status)
    return status;
  if (best->cost == INFINITY)
    return error_set(planner->error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                     "entries of FROM cannot refer to each other in a circle");
  *is_ordered = j->order && ordered && prefers_order(&o, best, ordered);
  *tree = *is_ordered ? ordered : best;
  return 0;
}
