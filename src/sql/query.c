// Walking bound queries.
#include "sql/query.h"

struct walk {
  struct range *ranges;
  query_visit visit;
  void *context;
};

static int walk_query(const struct walk *walk, struct query *query);

static int walk_slot(const struct walk *walk, struct node **slot)
{
  return *slot ? walk->visit(walk->context, slot) : 0;
}

static int walk_slots(const struct walk *walk, struct node **slots, int count)
{
  int status = 0;
  for (int i = 0; i < count && !status; i++)
    status = walk_slot(walk, &slots[i]);
  return status;
}

static int walk_range(const struct walk *walk, struct range *range)
{
  int status = walk_slots(walk, range->arguments, range->argument_count);
  for (int i = 0; range->kind == RANGE_VALUES && i < range->value_count && !status; i++)
    status = walk_slots(walk, range->values[i], range->column_count);
  if (range->kind == RANGE_SUBQUERY && !status)
    status = walk_query(walk, range->query);
  for (int i = 0; range->kind == RANGE_SET && i < range->operation->arm_count && !status; i++)
    status = walk_query(walk, range->operation->arms[i]);
  return status;
}

static int walk_join(const struct walk *walk, struct join *join)
{
  if (!join)
    return 0;
  if (join->kind == JOIN_RANGE)
    return walk_range(walk, &walk->ranges[join->range]);
  int status = walk_join(walk, join->left);
  if (!status)
    status = walk_join(walk, join->right);
  return status ? status : walk_slot(walk, &join->condition);
}

static int walk_windows(const struct walk *walk, struct query *query)
{
  int status = 0;
  for (int i = 0; i < query->window_call_count && !status; i++) {
    struct window_call *call = &query->window_calls[i];
    status = walk_slots(walk, call->arguments, call->argument_count);
    if (!status)
      status = walk_slot(walk, &call->filter);
  }
  for (int i = 0; i < query->window_count && !status; i++) {
    struct window *window = &query->windows[i];
    status = walk_slots(walk, window->partition, window->partition_count);
    for (int k = 0; k < window->order_count && !status; k++)
      status = walk_slot(walk, &window->order[k].expression);
    if (!status)
      status = walk_slot(walk, &window->frame.start_offset);
    if (!status)
      status = walk_slot(walk, &window->frame.end_offset);
  }
  return status;
}

static int walk_query(const struct walk *walk, struct query *query)
{
  int status = walk_join(walk, query->from);
  for (int i = 0; i < query->target_count && !status; i++)
    status = walk_slot(walk, &query->targets[i].expression);
  if (!status)
    status = walk_slots(walk, query->group_keys, query->group_key_count);
  for (int i = 0; i < query->aggregate_count && !status; i++) {
    struct aggregate_call *call = &query->aggregates[i];
    status = walk_slots(walk, call->arguments, call->argument_count);
    for (int k = 0; k < call->order_count && !status; k++)
      status = walk_slot(walk, &call->order[k].expression);
    if (!status)
      status = walk_slots(walk, call->direct, call->direct_count);
    if (!status)
      status = walk_slot(walk, &call->filter);
  }
  if (!status)
    status = walk_windows(walk, query);
  for (int i = 0; i < query->expansion_count && !status; i++)
    status = walk_range(walk, &walk->ranges[query->expansions[i].range]);
  struct node **slots[] = {&query->where, &query->having, &query->limit, &query->offset};
  for (size_t i = 0; i < sizeof slots / sizeof *slots && !status; i++)
    status = walk_slot(walk, slots[i]);
  return status;
}

const char *aggregate_call_name(const struct aggregate_call *call)
{
  return call->aggregate      ? call->aggregate->name
         : call->set          ? call->set->name
         : call->hypothetical ? call->hypothetical->name
                              : "grouping";
}

int query_each_window(struct query *query, query_visit visit, void *context)
{
  struct walk walk = {.visit = visit, .context = context};
  return walk_windows(&walk, query);
}

int query_each(struct range *ranges, struct query *query, query_visit visit, void *context)
{
  struct walk walk = {.ranges = ranges, .visit = visit, .context = context};
  return walk_query(&walk, query);
}
