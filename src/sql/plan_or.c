// What an OR says about each of its tables alone, and what all its arms say.
//
//   (a AND b) OR (a AND c)                a, and b OR c
//   (t1.x = 1 AND t2.y = 2) OR            the OR itself, and (t1.x = 1 OR t1.x = 3), and (t2.y = 2 OR t2.y = 4):
//   (t1.x = 3 AND t2.y = 4)               rows of each table are tested before they are joined
//
// WHERE and ON take NULL for false, which is what makes the first form right.
#include <string.h>

#include "sql/plan_node.h"

enum { ARMS = 64, PARTS = 256 }; // beyond that an OR is taken as it stands

static struct node *combine(struct planner *planner, enum node_kind kind, struct node **nodes, int count)
{
  struct type type = type_plain(TYPE_BOOLEAN);
  return count == 1 ? nodes[0] : node_new(planner->arena, kind, type, nodes[0]->position, nodes, count);
}

struct calls {
  bool may_move;
};

static bool look_for_calls(const struct node *node, void *context)
{
  bool calls = node->kind == NODE_CALL || node->kind == NODE_ARRAY_TEST;
  bool may_move = node->kind != NODE_SUBQUERY && !(calls && node->function->volatility > FUNCTION_STABLE);
  ((struct calls *)context)->may_move &= may_move;
  return may_move;
}

bool node_may_move(const struct node *node)
{
  struct calls calls = {true};
  node_walk(node, look_for_calls, &calls);
  return calls.may_move;
}

static int list_parts(struct node *node, struct node **parts, int count)
{
  if (node->kind != NODE_AND) {
    if (count < PARTS)
      parts[count] = node;
    return count + 1;
  }
  for (int i = 0; i < node->argument_count; i++)
    count = list_parts(node->arguments[i], parts, count);
  return count;
}

struct arms {
  int count;
  struct node ***parts; // of arm i
  int *part_counts;
};

static bool arm_has(const struct arms *arms, int arm, const struct node *node)
{
  for (int i = 0; i < arms->part_counts[arm]; i++)
    if (node_equal(arms->parts[arm][i], node))
      return true;
  return false;
}

static void arm_drop(const struct arms *arms, int arm, const struct node *node)
{
  int kept = 0;
  for (int i = 0; i < arms->part_counts[arm]; i++)
    if (!node_equal(arms->parts[arm][i], node))
      arms->parts[arm][kept++] = arms->parts[arm][i];
  arms->part_counts[arm] = kept;
}

// Takes out what stands in every arm. *is_empty: an arm has nothing left, so the rest says nothing.
static int take_common(struct planner *planner, const struct arms *arms, struct conjuncts *conjuncts, bool *is_empty)
{
  int at = 0;
  while (at < arms->part_counts[0]) {
    struct node *part = arms->parts[0][at];
    bool is_common = node_may_move(part);
    for (int i = 1; is_common && i < arms->count; i++)
      is_common = arm_has(arms, i, part);
    if (!is_common) {
      at++;
      continue;
    }
    for (int i = 0; i < arms->count; i++)
      arm_drop(arms, i, part);
    int status = conjuncts_split(planner, part, conjuncts);
    if (status)
      return status;
  }
  *is_empty = false;
  for (int i = 0; i < arms->count; i++)
    *is_empty |= arms->part_counts[i] == 0;
  return 0;
}

static bool reads_only(struct planner *planner, const struct node *node, int range)
{
  range_set ranges = set_new(planner), only = set_new(planner);
  if (!ranges || !only)
    return false;
  node_ranges(planner, node, ranges);
  set_add(only, range);
  return set_has(ranges, range) && set_within(planner, ranges, only) && node_may_move(node);
}

// An OR of what the arms say of the range alone; none where an arm says nothing of it.
static int say_of_range(struct planner *planner, const struct arms *arms, int range, struct conjuncts *conjuncts)
{
  struct node *said[ARMS];
  for (int i = 0; i < arms->count; i++) {
    struct node *parts[PARTS];
    int count = 0;
    for (int p = 0; p < arms->part_counts[i]; p++)
      if (reads_only(planner, arms->parts[i][p], range))
        parts[count++] = arms->parts[i][p];
    if (count == 0)
      return 0;
    said[i] = combine(planner, NODE_AND, parts, count);
    if (!said[i])
      return error_memory(planner->error);
  }
  struct node *node = combine(planner, NODE_OR, said, arms->count);
  return node ? conjunct_add(planner, node, conjuncts) : error_memory(planner->error);
}

static int open_arms(struct planner *planner, const struct node *node, struct arms *arms, bool *fits)
{
  arms->count = node->argument_count;
  arms->parts = ARENA_ARRAY(&planner->scratch, struct node **, arms->count);
  arms->part_counts = ARENA_ARRAY(&planner->scratch, int, arms->count);
  if (!arms->parts || !arms->part_counts)
    return error_memory(planner->error);
  *fits = true;
  for (int i = 0; i < arms->count; i++) {
    struct node *parts[PARTS];
    arms->part_counts[i] = list_parts(node->arguments[i], parts, 0);
    if (arms->part_counts[i] > PARTS)
      return *fits = false, 0;
    arms->parts[i] = arena_copy(&planner->scratch, parts, sizeof *parts * (size_t)arms->part_counts[i]);
    if (!arms->parts[i])
      return error_memory(planner->error);
  }
  return 0;
}

int conjuncts_split_or(struct planner *planner, struct node *node, struct conjuncts *conjuncts)
{
  struct arms arms;
  bool fits = node->argument_count <= ARMS, is_empty = false;
  int status = fits ? open_arms(planner, node, &arms, &fits) : 0;
  if (status || !fits)
    return status ? status : conjunct_add(planner, node, conjuncts);
  int before = conjuncts->count;
  status = take_common(planner, &arms, conjuncts, &is_empty);
  if (status || is_empty)
    return status;
  struct node *rest[ARMS];
  for (int i = 0; i < arms.count; i++)
    if (!(rest[i] = combine(planner, NODE_AND, arms.parts[i], arms.part_counts[i])))
      return error_memory(planner->error);
  node = conjuncts->count == before ? node : combine(planner, NODE_OR, rest, arms.count);
  status = node ? conjunct_add(planner, node, conjuncts) : error_memory(planner->error);
  range_set ranges = set_new(planner);
  if (status || !ranges)
    return status ? status : error_memory(planner->error);
  node_ranges(planner, node, ranges);
  int range_count = 0;
  for (int r = 0; r < planner->statement->range_count; r++)
    range_count += set_has(ranges, r);
  for (int r = 0; !status && range_count > 1 && r < planner->statement->range_count; r++)
    if (set_has(ranges, r))
      status = say_of_range(planner, &arms, r, conjuncts);
  return status;
}
