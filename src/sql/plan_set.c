// UNION, INTERSECT, EXCEPT: nodes over the plans of their arms.
#include <math.h>

#include "sql/plan_node.h"

bool is_bare_set(const struct planner *planner, const struct query *query)
{
  if (!query->from || query->from->kind != JOIN_RANGE || query->where || query->is_grouped || query->window_call_count)
    return false;
  const struct range *range = &planner->statement->ranges[query->from->range];
  if (range->kind != RANGE_SET || query->target_count != range->column_count)
    return false;
  for (int i = 0; i < query->target_count; i++) {
    const struct node *node = query->targets[i].expression;
    if (node->kind != NODE_COLUMN || node->range != query->from->range || node->column != i)
      return false;
  }
  return true;
}

static enum type_id *column_types(struct planner *planner, const struct range *range)
{
  enum type_id *types = ARENA_ARRAY(planner->arena, enum type_id, range->column_count + 1);
  for (int i = 0; types && i < range->column_count; i++)
    types[i] = range->columns[i].type.id;
  if (types)
    types[range->column_count] = TYPE_INT8;
  return types;
}

static int plan_union(struct planner *planner, const struct range *range, struct plan_node **arms, enum type_id *types,
                      struct plan_node **node)
{
  const struct set_operation *operation = range->operation;
  struct plan_node *append = *node = plan_node_new(planner, PLAN_APPEND);
  if (!append)
    return error_memory(planner->error);
  append->append.arms = arms;
  append->append.arm_count = operation->arm_count;
  append->start_cost = arms[0]->start_cost;
  append->width = arms[0]->width;
  for (int i = 0; i < operation->arm_count; i++) {
    append->rows += arms[i]->rows;
    append->cost += arms[i]->cost;
  }
  if (operation->is_all)
    return 0;
  struct plan_node *distinct = *node = plan_above(planner, PLAN_DISTINCT, append);
  if (!distinct)
    return error_memory(planner->error);
  distinct->distinct.column_count = range->column_count;
  distinct->distinct.types = types;
  distinct->distinct.targets = operation->arms[0]->targets;
  distinct->cost += append->rows * 0.0125;
  return 0;
}

static int plan_recursion(struct planner *planner, const struct range *range, struct plan_node **arms,
                          enum type_id *types, struct plan_node **node)
{
  enum { ROUNDS = 10 }; // as PostgreSQL guesses
  struct plan_node *made = *node = plan_above(planner, PLAN_RECURSION, arms[0]);
  if (!made)
    return error_memory(planner->error);
  made->right = arms[1];
  made->recursion.is_all = range->operation->is_all;
  made->recursion.column_count = range->column_count;
  made->recursion.types = types;
  made->recursion.working = range->operation->working;
  made->rows += ROUNDS * arms[1]->rows;
  made->cost += ROUNDS * arms[1]->cost;
  return 0;
}

int plan_set_operation(struct planner *planner, int number, struct plan_node **node)
{
  const struct range *range = &planner->statement->ranges[number];
  const struct set_operation *operation = range->operation;
  struct plan_node **arms = ARENA_ARRAY(planner->arena, struct plan_node *, operation->arm_count);
  enum type_id *types = column_types(planner, range);
  if (!arms || !types)
    return error_memory(planner->error);
  for (int i = 0; i < operation->arm_count; i++) {
    int status = plan_query(planner, planner->arms[number] ? planner->arms[number][i] : operation->arms[i], &arms[i]);
    if (status)
      return status;
  }
  if (operation->kind == SET_UNION)
    return plan_union(planner, range, arms, types, node);
  if (operation->kind == SET_RECURSION)
    return plan_recursion(planner, range, arms, types, node);
  struct plan_node *set = *node = plan_above(planner, PLAN_SET, arms[0]);
  if (!set)
    return error_memory(planner->error);
  set->right = arms[1];
  set->set.kind = operation->kind;
  set->set.is_all = operation->is_all;
  set->set.column_count = range->column_count;
  set->set.types = types;
  if (operation->kind == SET_INTERSECT)
    set->rows = fmin(set->rows, arms[1]->rows);
  set->cost += arms[1]->cost + (arms[0]->rows + arms[1]->rows) * 0.0125;
  set->start_cost = arms[1]->cost;
  return 0;
}
