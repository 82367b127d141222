// Conditions on the rows of a query in FROM, a view's or another, are tested inside of it: by its scans, at best by an
// index. PostgreSQL does the same (its planner calls it pushing down).
//
// 1. The statement is not changed: the query gets a copy whose WHERE has the condition, too.
// 2. In a condition each column is replaced by what the query gives for it. That must be something that may be computed
//    once more; of groups it must be what they are grouped by, of a set operation what each arm gives.
// 3. Conditions do not go past LIMIT, DISTINCT ON, window functions and functions that give rows.
#include "sql/plan_node.h"

struct pushing {
  struct planner *planner;
  const struct query *query;
  int range; // whose columns are replaced
  bool is_refused;
};

static struct node *replace(struct pushing *pushing, const struct node *node);

static struct node *replace_arguments(struct pushing *pushing, const struct node *node)
{
  struct arena *arena = pushing->planner->arena;
  struct node *copy = ARENA_NEW(arena, struct node);
  struct node **arguments = ARENA_ARRAY(arena, struct node *, node->argument_count + 1);
  if (!copy || !arguments)
    return NULL;
  *copy = *node;
  copy->arguments = arguments;
  for (int i = 0; i < node->argument_count; i++)
    if (!(arguments[i] = replace(pushing, node->arguments[i])))
      return NULL;
  return copy;
}

// What a target of groups stands for, if it is one of their keys.
static struct node *replace_group(struct pushing *pushing, const struct node *target)
{
  const struct query *query = pushing->query;
  if (target->kind == NODE_CONSTANT)
    return (struct node *)target;
  bool is_key = target->kind == NODE_COLUMN && target->range == query->group_range &&
                target->column < query->group_key_count && node_may_move(query->group_keys[target->column]);
  pushing->is_refused = !is_key;
  return is_key ? query->group_keys[target->column] : NULL;
}

// NULL: refused, or out of memory.
static struct node *replace(struct pushing *pushing, const struct node *node)
{
  const struct query *query = pushing->query;
  if (node->kind != NODE_COLUMN)
    return replace_arguments(pushing, node);
  bool is_target = node->range == pushing->range && node->column < query->visible_count;
  const struct node *target = is_target ? query->targets[node->column].expression : NULL;
  pushing->is_refused |= !target || !node_may_move(target) || target->type.id != node->type.id;
  if (pushing->is_refused)
    return NULL;
  return query->is_grouped ? replace_group(pushing, target) : (struct node *)target;
}

static bool lets_through(const struct query *query)
{
  bool is_bounded = query->limit || query->offset || query->has_ties || query->unique_count;
  return query->from && !is_bounded && !query->window_call_count && !query->expansion_count && !query->lock_count &&
         !query->set_count && (!query->is_grouped || query->group_key_count);
}

static const struct query *push(struct planner *planner, const struct query *query, int range, const struct node *condition);

// Into each arm; all of them or none.
static const struct query *push_into_arms(struct planner *planner, const struct query *query, int range,
                                          const struct node *condition)
{
  int set = query->from->range;
  const struct set_operation *operation = planner->statement->ranges[set].operation;
  struct query **arms = ARENA_ARRAY(planner->arena, struct query *, operation->arm_count);
  if (operation->kind == SET_RECURSION || !arms)
    return arms ? query : NULL;
  for (int i = 0; i < operation->arm_count; i++) {
    const struct query *old = planner->arms[set] ? planner->arms[set][i] : operation->arms[i];
    const struct query *arm = push(planner, old, range, condition);
    if (!arm || arm == old)
      return arm ? query : NULL;
    arms[i] = (struct query *)arm;
  }
  planner->arms[set] = arms;
  struct query *copy = ARENA_NEW(planner->arena, struct query);
  if (copy)
    *copy = *query;
  return copy;
}

// The query with the condition on what it gives as this range; itself if that cannot be. NULL: out of memory.
static const struct query *push(struct planner *planner, const struct query *query, int range, const struct node *condition)
{
  if (!lets_through(query))
    return query;
  if (is_bare_set(planner, query))
    return push_into_arms(planner, query, range, condition);
  struct pushing pushing = {.planner = planner, .query = query, .range = range};
  struct node *inside = replace(&pushing, condition);
  if (!inside)
    return pushing.is_refused ? query : NULL;
  struct query *copy = ARENA_NEW(planner->arena, struct query);
  if (!copy)
    return NULL;
  *copy = *query;
  copy->where = inside;
  if (query->where) {
    struct node *both[2] = {query->where, inside};
    copy->where = node_new(planner->arena, NODE_AND, type_plain(TYPE_BOOLEAN), -1, both, 2);
  }
  return copy->where ? copy : NULL;
}

int plan_push(struct planner *planner, int range, struct conjuncts *conjuncts, const struct query **query)
{
  range_set own = set_new(planner);
  if (!own)
    return error_memory(planner->error);
  set_add(own, range);
  for (int i = 0; i < conjuncts->count; i++) {
    struct conjunct *conjunct = &conjuncts->list[i];
    if (conjunct->is_used || !set_has(conjunct->ranges, range) || !set_within(planner, conjunct->ranges, own) ||
        !node_may_move(conjunct->node))
      continue;
    const struct query *pushed = push(planner, *query, range, conjunct->node);
    if (!pushed)
      return error_memory(planner->error);
    conjunct->is_used = pushed != *query;
    *query = pushed;
  }
  return 0;
}
