// Aggregates: what is taken of each row, and what is kept until all of a group have come.
#include <string.h>

#include "sql/plan_node.h"

static int count_values(const struct aggregate_call *call)
{
  return call->argument_count + call->order_count;
}

static int add_value(struct planner *planner, struct plan_aggregate_call *made, const struct node *node)
{
  made->types[made->value_count] = node->type.id;
  return expression_make(planner, node, &made->arguments[made->value_count++]);
}

// The column of a kept row that has the key's value.
static int add_key(struct planner *planner, struct plan_aggregate_call *made, const struct node *node, int *column)
{
  *column = 0;
  while (*column < made->value_count && !node_equal(made->arguments[*column].node, node))
    ++*column;
  return *column < made->value_count ? 0 : add_value(planner, made, node);
}

static int add_order(struct planner *planner, const struct aggregate_call *call, struct plan_aggregate_call *made)
{
  struct sort_key *keys = ARENA_ARRAY(planner->arena, struct sort_key, call->order_count + 1);
  int status = keys ? 0 : error_memory(planner->error);
  for (int i = 0; i < call->order_count && !status; i++) {
    const struct order_key *key = &call->order[i];
    keys[i] = (struct sort_key){.is_descending = key->is_descending, .nulls_first = key->nulls_first};
    // Hypothetical rows have a column for each key.
    if (call->hypothetical) {
      keys[i].column = i;
      status = add_value(planner, made, key->expression);
    } else {
      status = add_key(planner, made, key->expression, &keys[i].column);
    }
  }
  made->order = (struct row_order){.key_count = call->order_count, .keys = keys, .types = made->types};
  made->sorts = call->order_count > 0;
  return status ? status : expressions_make(planner, call->direct, call->direct_count, &made->direct);
}

int plan_aggregate_call(struct planner *planner, const struct aggregate_call *call, struct plan_aggregate *aggregate,
                        struct plan_aggregate_call *made)
{
  int most = count_values(call) + 1;
  *made = (struct plan_aggregate_call){.aggregate = call->aggregate,
                                       .argument_count = call->argument_count,
                                       .is_distinct = call->is_distinct,
                                       .is_plain = call->aggregate && !call->is_distinct && !call->order_count,
                                       .state_offset = aggregate->state_size,
                                       .call = call};
  made->arguments = ARENA_ARRAY(planner->arena, struct expression, most);
  made->types = ARENA_ARRAY(planner->arena, enum type_id, most);
  if (!made->arguments || !made->types)
    return error_memory(planner->error);
  int status = 0;
  for (int i = 0; i < call->argument_count && !status; i++)
    status = add_value(planner, made, call->arguments[i]);
  if (!status)
    status = add_order(planner, call, made);
  if (!status && call->filter) {
    made->filter = ARENA_NEW(planner->arena, struct expression);
    status = made->filter ? expression_make(planner, call->filter, made->filter) : error_memory(planner->error);
  }
  size_t size = made->sorts ? sizeof(struct sorted_rows) : call->aggregate ? call->aggregate->state_size : 0;
  aggregate->state_size += (size + 15) & ~(size_t)15;
  if (made->value_count > aggregate->value_count)
    aggregate->value_count = made->value_count;
  return status;
}
