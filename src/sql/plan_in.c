// IN (SELECT …) as a join: the query's different values are one more item of FROM.
//
//   SELECT … FROM orders WHERE id IN (SELECT order_id FROM late)
//
// So a few values find their rows by an index, and how many rows pass is estimated like any join's. Each value is
// there once, so no row comes twice; NULLs meet nothing, as a condition that is NULL holds for nothing.
#include "base/sqlstate.h"
#include "sql/plan_join.h"

// Ranges for the values of queries that may become items.
int plan_in_reserve(struct planner *planner)
{
  struct statement *statement = planner->statement;
  int count = 0;
  for (int i = 0; i < statement->subquery_count; i++)
    count += statement->subqueries[i].kind == SUBQUERY_IN && !statement->subqueries[i].is_correlated;
  if (count == 0)
    return 0;
  struct range *ranges = ARENA_ARRAY(planner->arena, struct range, statement->range_count + count);
  if (!ranges)
    return error_memory(planner->error);
  for (int i = 0; i < statement->range_count; i++)
    ranges[i] = statement->ranges[i];
  for (int i = 0; i < count; i++)
    ranges[statement->range_count + i].kind = RANGE_ROW;
  planner->free_range = statement->range_count;
  statement->ranges = ranges;
  statement->range_count += count;
  planner->set_words = (statement->range_count + 63) / 64 + 1;
  return 0;
}

static bool joins_tables_alone(const struct join *join)
{
  return join->kind == JOIN_RANGE ||
         (join->kind == JOIN_INNER && joins_tables_alone(join->left) && joins_tables_alone(join->right));
}

static bool is_set(struct planner *planner, const struct conjunct *conjunct)
{
  const struct node *node = conjunct->node;
  return node->kind == NODE_SUBQUERY && node->subquery_kind == SUBQUERY_IN && !node->negated &&
         !planner->statement->subqueries[node->subquery].is_correlated &&
         planner->plan->subqueries[node->subquery].root;
}

static int make_range(struct planner *planner, int number, int *made)
{
  struct plan_subquery *plan = &planner->plan->subqueries[number];
  struct query *query = planner->statement->subqueries[number].query;
  struct range *range = &planner->statement->ranges[*made = planner->free_range++];
  struct plan_node *distinct = plan_above(planner, PLAN_DISTINCT, plan->root);
  struct range_column *column = ARENA_NEW(planner->arena, struct range_column);
  enum type_id *type = ARENA_NEW(planner->arena, enum type_id);
  if (!distinct || !column || !type)
    return error_memory(planner->error);
  const struct target *value = &query->targets[0];
  *type = value->expression->type.id;
  *column = (struct range_column){.name = value->name, .type = value->expression->type, .is_used = true};
  *range = (struct range){.kind = RANGE_SUBQUERY, .alias = "ANY_subquery", .query = query};
  range->columns = column;
  range->column_count = 1;
  distinct->distinct.column_count = 1;
  distinct->distinct.types = type;
  distinct->distinct.targets = query->targets;
  distinct->cost += distinct->rows * 2;
  distinct->start_cost = distinct->cost;
  planner->queries[*made] = distinct;
  plan->root = NULL; // it stands there now
  return 0;
}

// left = its value. NULL: there is no such operator that a join can hash.
static struct node *make_equality(struct planner *planner, struct node *left, const struct query *query)
{
  enum type_id types[] = {left->type.id, query->targets[0].expression->type.id};
  const struct function *function;
  struct error ignored;
  if (types[0] != types[1] || function_resolve("=", true, types, 2, NULL, &function, &ignored))
    return NULL;
  struct node *column = node_column(planner->arena, query->targets[0].expression->type, -1, 0, -1);
  struct node *arguments[] = {left, column};
  struct node *node = column ? node_new(planner->arena, NODE_CALL, type_plain(TYPE_BOOLEAN), -1, arguments, 2) : NULL;
  if (node)
    node->function = function;
  return node;
}

static int join_one(struct planner *planner, struct conjunct *conjunct, struct join **from)
{
  int number = conjunct->node->subquery, range = 0;
  const struct query *query = planner->statement->subqueries[number].query;
  struct node *left = conjunct->node->arguments[0], *node = make_equality(planner, left, query);
  if (!node || !node_may_move(left))
    return 0;
  struct join *joined = ARENA_NEW(planner->arena, struct join), *item = ARENA_NEW(planner->arena, struct join);
  int status = joined && item ? make_range(planner, number, &range) : error_memory(planner->error);
  if (status)
    return status;
  node->arguments[1]->range = range;
  item->kind = JOIN_RANGE;
  item->range = range;
  *joined = (struct join){.kind = JOIN_INNER, .left = *from, .right = item};
  *from = joined;
  *conjunct = (struct conjunct){.node = node, .ranges = set_new(planner)};
  if (!conjunct->ranges)
    return error_memory(planner->error);
  node_ranges(planner, node, conjunct->ranges);
  return 0;
}

int plan_in(struct planner *planner, struct conjuncts *conjuncts, range_set own, struct join **from)
{
  enum statement_kind kind = planner->statement->kind;
  bool can = kind == STATEMENT_SELECT || kind == STATEMENT_DELETE || kind == STATEMENT_INSERT;
  can &= joins_tables_alone(*from);
  // Not within a query that may be planned twice (plan_lookup.c).
  for (int i = 0; i < conjuncts->count; i++) {
    range_set left = set_new(planner);
    if (!left)
      return error_memory(planner->error);
    if (is_set(planner, &conjuncts->list[i]))
      node_ranges(planner, conjuncts->list[i].node->arguments[0], left);
    else
      set_unite(planner, left, conjuncts->list[i].ranges);
    can &= set_within(planner, left, own);
  }
  int status = 0;
  for (int i = 0; can && !status && i < conjuncts->count; i++)
    if (is_set(planner, &conjuncts->list[i]))
      status = join_one(planner, &conjuncts->list[i], from);
  return status;
}
