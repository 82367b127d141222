// Windows: one node each, over the rows of the one before it.
//
// As in PostgreSQL the one that sorts by most comes first, so that others may find their rows in order already; what
// the last one sorts by is the order that the rows have where none is asked for.
#include <math.h>
#include <string.h>

#include "sql/plan_node.h"

struct planning {
  struct planner *planner;
  const struct query *query;
  struct plan_node *node;
};

// --- Values ------------------------------------------------------------------------------------------------

static int find_slot(const struct plan_node *node, const struct node *wanted)
{
  for (int i = 0; i < node->slot_count; i++)
    if (wanted->kind == NODE_COLUMN && node->slots[i].range == wanted->range && node->slots[i].column == wanted->column)
      return i;
  return -1;
}

// The column of a kept row that has the expression's value. guard: the column that says whether it is wanted; -1.
static int add_value(struct planning *p, const struct node *node, int guard, int *column)
{
  struct plan_window *window = &p->node->window;
  *column = find_slot(p->node, node);
  for (int i = 0; i < window->value_count && *column < 0; i++)
    if (window->guards[i] == guard && node_equal(window->values[i].node, node))
      *column = p->node->slot_count + i;
  if (*column >= 0)
    return 0;
  *column = p->node->slot_count + window->value_count;
  window->guards[window->value_count] = guard;
  return expression_make(p->planner, node, &window->values[window->value_count++]);
}

static int add_keys(struct planning *p, const struct window *window)
{
  struct plan_window *made = &p->node->window;
  made->partition_count = window->partition_count;
  made->key_count = window->partition_count + window->order_count;
  made->keys = ARENA_ARRAY(p->planner->arena, struct sort_key, made->key_count + 1);
  int status = made->keys ? 0 : error_memory(p->planner->error);
  for (int i = 0; i < made->key_count && !status; i++) {
    const struct order_key *key = i < made->partition_count ? NULL : &window->order[i - made->partition_count];
    if (key)
      made->keys[i] = (struct sort_key){.is_descending = key->is_descending, .nulls_first = key->nulls_first};
    status = add_value(p, key ? key->expression : window->partition[i], -1, &made->keys[i].column);
  }
  return status;
}

static int add_call(struct planning *p, int number)
{
  const struct window_call *call = &p->query->window_calls[number];
  struct plan_window_call *made = &p->node->window.calls[p->node->window.call_count++];
  *made = (struct plan_window_call){.function = call->function,
                                    .aggregate = call->aggregate,
                                    .argument_count = call->argument_count,
                                    .filter = -1,
                                    .column = number,
                                    .type = call->type.id};
  int status = call->filter ? add_value(p, call->filter, -1, &made->filter) : 0;
  for (int i = 0; i < call->argument_count && !status; i++) {
    made->types[i] = call->arguments[i]->type.id;
    status = add_value(p, call->arguments[i], made->filter, &made->arguments[i]);
  }
  return status;
}

static int add_offset(struct planning *p, const struct node *offset, struct expression **made, enum type_id *type)
{
  if (!offset)
    return 0;
  *type = offset->type.id;
  *made = ARENA_NEW(p->planner->arena, struct expression);
  return *made ? expression_make(p->planner, offset, *made) : error_memory(p->planner->error);
}

static int add_types(struct planning *p)
{
  struct plan_node *node = p->node;
  node->window.column_count = node->slot_count + node->window.value_count;
  node->window.types = ARENA_ARRAY(p->planner->arena, enum type_id, node->window.column_count + 1);
  if (!node->window.types)
    return error_memory(p->planner->error);
  for (int i = 0; i < node->slot_count; i++)
    node->window.types[i] = node->slots[i].type;
  for (int i = 0; i < node->window.value_count; i++)
    node->window.types[node->slot_count + i] = node->window.values[i].type;
  return 0;
}

// --- Nodes -------------------------------------------------------------------------------------------------

static int count_values(const struct query *query, int number)
{
  const struct window *window = &query->windows[number];
  int count = window->partition_count + window->order_count;
  for (int i = 0; i < query->window_call_count; i++)
    if (query->window_calls[i].window == number)
      count += query->window_calls[i].argument_count + 1;
  return count;
}

static int make_window(struct planner *planner, const struct query *query, int number, struct plan_node *node)
{
  struct planning p = {.planner = planner, .query = query, .node = node};
  const struct window *window = &query->windows[number];
  struct plan_window *made = &node->window;
  int most = count_values(query, number) + 1;
  made->range = query->window_range;
  made->window = window;
  made->frame = window->frame;
  made->values = ARENA_ARRAY(planner->arena, struct expression, most);
  made->guards = ARENA_ARRAY(planner->arena, int, most);
  made->calls = ARENA_ARRAY(planner->arena, struct plan_window_call, query->window_call_count + 1);
  if (!made->values || !made->guards || !made->calls)
    return error_memory(planner->error);
  int status = add_keys(&p, window);
  for (int i = 0; i < query->window_call_count && !status; i++)
    if (query->window_calls[i].window == number)
      status = add_call(&p, i);
  if (!status)
    status = add_offset(&p, window->frame.start_offset, &made->start_offset, &made->offset_types[0]);
  if (!status)
    status = add_offset(&p, window->frame.end_offset, &made->end_offset, &made->offset_types[1]);
  return status ? status : add_types(&p);
}

static bool is_same_key(const struct plan_node *a, const struct plan_node *b, int key)
{
  const struct sort_key *x = &a->window.keys[key], *y = &b->window.keys[key];
  const struct window *one = a->window.window, *other = b->window.window;
  const struct node *left = key < one->partition_count ? one->partition[key]
                                                       : one->order[key - one->partition_count].expression;
  const struct node *right = key < other->partition_count ? other->partition[key]
                                                          : other->order[key - other->partition_count].expression;
  return x->is_descending == y->is_descending && x->nulls_first == y->nulls_first && node_equal(left, right);
}

// Are rows that come as `below` sorted them in this node's order?
static bool is_sorted_by(const struct plan_node *below, const struct plan_node *node)
{
  bool same = below->kind == PLAN_WINDOW && node->window.key_count <= below->window.key_count;
  for (int i = 0; same && i < node->window.key_count; i++)
    same = is_same_key(below, node, i);
  return same;
}

static int add_node(struct planner *planner, const struct query *query, int number, range_set ranges,
                    struct plan_node **node)
{
  struct plan_node *made = plan_above(planner, PLAN_WINDOW, *node);
  int status = made ? node_slots(planner, made, ranges) : error_memory(planner->error);
  if (!status)
    status = make_window(planner, query, number, made);
  if (status)
    return status;
  made->window.is_sorted = is_sorted_by(*node, made);
  if (made->window.key_count && !made->window.is_sorted)
    made->cost += made->rows * 0.02 * log2(made->rows + 1);
  made->start_cost = made->cost;
  made->cost += made->rows * 0.02;
  *node = made;
  return 0;
}

// --- Their order -------------------------------------------------------------------------------------------

struct ranking {
  const struct query *query;
  const struct node **known; // expressions, as PostgreSQL numbers them
  int known_count;
};

static int number_of(struct ranking *ranking, const struct node *node)
{
  int number = 0;
  while (number < ranking->known_count && !node_equal(ranking->known[number], node))
    number++;
  if (number == ranking->known_count)
    ranking->known[ranking->known_count++] = node;
  return number;
}

static void number_all(struct ranking *ranking)
{
  const struct query *query = ranking->query;
  for (int i = 0; i < query->order_count; i++)
    (void)number_of(ranking, query->targets[query->order[i].column].expression);
  for (int i = 0; i < query->window_count; i++) {
    const struct window *window = &query->windows[i];
    for (int k = 0; k < window->order_count; k++)
      (void)number_of(ranking, window->order[k].expression);
    for (int k = 0; k < window->partition_count; k++)
      (void)number_of(ranking, window->partition[k]);
  }
}

static const struct node *key_of(const struct window *window, int key)
{
  return key < window->partition_count ? window->partition[key]
                                       : window->order[key - window->partition_count].expression;
}

// Does a stand before b? (common_prefix_cmp of PostgreSQL's planner.c)
static bool is_before(struct ranking *ranking, const struct window *a, const struct window *b)
{
  int a_count = a->partition_count + a->order_count, b_count = b->partition_count + b->order_count;
  for (int i = 0; i < a_count && i < b_count; i++) {
    int x = number_of(ranking, key_of(a, i)), y = number_of(ranking, key_of(b, i));
    if (x != y)
      return x > y;
    const struct order_key plain = {0};
    const struct order_key *p = i < a->partition_count ? &plain : &a->order[i - a->partition_count];
    const struct order_key *q = i < b->partition_count ? &plain : &b->order[i - b->partition_count];
    if (p->is_descending != q->is_descending)
      return p->is_descending;
    if (p->nulls_first != q->nulls_first)
      return p->nulls_first;
  }
  return a_count > b_count;
}

static bool is_called(const struct query *query, int window)
{
  for (int i = 0; i < query->window_call_count; i++)
    if (query->window_calls[i].window == window)
      return true;
  return false;
}

// Numbers of the windows in the order in which they run. Their count, or a status.
static int order_windows(struct planner *planner, const struct query *query, int *numbers)
{
  struct ranking ranking = {.query = query};
  int most = query->order_count, count = 0;
  for (int i = 0; i < query->window_count; i++)
    most += query->windows[i].partition_count + query->windows[i].order_count;
  ranking.known = ARENA_ARRAY(planner->arena, const struct node *, most + 1);
  if (!ranking.known)
    return error_memory(planner->error);
  number_all(&ranking);
  for (int i = 0; i < query->window_count; i++) {
    int place = count;
    if (!is_called(query, i))
      continue;
    for (; place > 0 && is_before(&ranking, &query->windows[i], &query->windows[numbers[place - 1]]); place--)
      numbers[place] = numbers[place - 1];
    numbers[place] = i;
    count++;
  }
  return count;
}

int plan_windows(struct planner *planner, const struct query *query, struct plan_node **node)
{
  int *numbers = ARENA_ARRAY(planner->arena, int, query->window_count + 1);
  range_set ranges = set_new(planner);
  if (!numbers || !ranges)
    return error_memory(planner->error);
  if (query->is_grouped)
    set_add(ranges, query->group_range);
  else
    join_ranges(query->from, ranges);
  int count = order_windows(planner, query, numbers), status = count < 0 ? count : 0;
  for (int i = 0; i < count && !status; i++) {
    status = add_node(planner, query, numbers[i], ranges, node);
    set_add(ranges, query->window_range);
  }
  return status;
}
