// Correlated queries without a key: the rows that a query finds anew for each row around it, found once and hashed.
//
//   SELECT … FROM a WHERE EXISTS (SELECT … FROM b WHERE b.x = a.x AND b.y > 5 AND b.z < a.z)
//
// b's rows with y > 5 are read once, hashed by x, and each row of `a` looks at those that have its x. So no query is
// quadratic for want of an index. It is done where running the query as it stands would cost more for a few rows
// around it.
#include "sql/plan_join.h"

enum {
  RUNS = 100,           // rows that are expected around the query
  CHEAP = 200,          // what costs less as it stands is left alone
  MOST_ROWS = 20000000, // that are kept
};

static bool is_plain_from(struct planner *planner, const struct join *join, range_set own)
{
  if (join->kind == JOIN_RANGE)
    return planner->statement->ranges[join->range].kind == RANGE_TABLE;
  range_set read = set_new(planner);
  if (!read)
    return false;
  node_ranges(planner, join->condition, read);
  return set_within(planner, read, own) && (!join->condition || node_may_move(join->condition)) &&
         is_plain_from(planner, join->left, own) && is_plain_from(planner, join->right, own);
}

// An equality of something of the query with something around it.
static bool is_key(struct planner *planner, const struct conjunct *conjunct, range_set own, const struct node **inner,
                   const struct node **outer)
{
  if (!join_is_equality(conjunct) || !node_may_move(conjunct->node))
    return false;
  for (int side = 0; side < 2; side++) {
    range_set a = set_new(planner), b = set_new(planner);
    if (!a || !b)
      return false;
    node_ranges(planner, conjunct->node->arguments[side], a);
    node_ranges(planner, conjunct->node->arguments[1 - side], b);
    *inner = conjunct->node->arguments[side];
    *outer = conjunct->node->arguments[1 - side];
    if (set_meets(planner, a, own) && set_within(planner, a, own) && set_meets(planner, b, b) &&
        !set_meets(planner, b, own))
      return true;
  }
  return false;
}

static int add_key(struct planner *planner, struct plan_node *node, const struct conjunct *conjunct,
                   const struct node *inner, const struct node *outer)
{
  struct plan_join *join = &node->join;
  int at = join->key_count++;
  int status = expression_make(planner, outer, &join->left_keys[at]);
  if (!status)
    status = expression_make(planner, inner, &join->right_keys[at]);
  join->left_keys[at].type = join->right_keys[at].type = join_key_type(conjunct->node);
  join->key_nodes[at] = conjunct->node;
  return status;
}

// What reads the query's ranges alone goes below, an equality becomes a key, the rest is tested on what is found.
static int sort_conditions(struct planner *planner, const struct conjuncts *all, range_set own, struct conjuncts *below,
                           struct plan_node *node)
{
  int status = 0;
  for (int i = 0; !status && i < all->count; i++) {
    struct conjunct *conjunct = &all->list[i];
    const struct node *inner, *outer;
    if (set_within(planner, conjunct->ranges, own) && set_meets(planner, conjunct->ranges, own) &&
        node_may_move(conjunct->node))
      status = conjunct_add(planner, conjunct->node, below);
    else if (is_key(planner, conjunct, own, &inner, &outer))
      status = add_key(planner, node, conjunct, inner, outer);
    else
      status = node_add_filter(planner, node, conjunct);
  }
  return status;
}

int plan_lookup(struct planner *planner, const struct query *query, range_set own, struct plan_node **node)
{
  struct conjuncts all = {0}, below = {0};
  double plain = (*node)->cost;
  if (!query->where || plain < CHEAP || query->lock_count || !is_plain_from(planner, query->from, own))
    return 0;
  int status = conjuncts_split(planner, query->where, &all);
  struct plan_node *made = status ? NULL : plan_node_new(planner, PLAN_LOOKUP);
  if (!made)
    return status ? status : error_memory(planner->error);
  made->join.left_keys = ARENA_ARRAY(planner->arena, struct expression, all.count + 1);
  made->join.right_keys = ARENA_ARRAY(planner->arena, struct expression, all.count + 1);
  made->join.key_nodes = ARENA_ARRAY(planner->arena, const struct node *, all.count + 1);
  range_set outer = set_new(planner);
  if (!made->join.left_keys || !made->join.right_keys || !made->join.key_nodes || !outer)
    return error_memory(planner->error);
  status = sort_conditions(planner, &all, own, &below, made);
  if (status || made->join.key_count == 0)
    return status;
  status = plan_from(planner, query->from, &below, own, outer, NULL, NULL, &made->left);
  if (status)
    return status;
  double build = made->left->cost + cost_of_build(made->left->rows);
  for (int i = 0; i < below.count; i++)
    if (!below.list[i].is_used)
      return 0;
  if (build > RUNS * plain || made->left->rows > MOST_ROWS)
    return 0;
  made->rows = (*node)->rows;
  made->start_cost = build;
  made->cost = build + made->rows;
  *node = made;
  return node_slots(planner, made, own);
}
