// The rows of FROM: what is joined, and the nodes that join it.
//
// Inner joins are taken apart into items (ranges, and outer joins as wholes) and a pool of conjuncts; plan_order.c
// finds the order. An outer join keeps its sides together; what WHERE says about the side that may be NULL stays
// above it.
#include <math.h>
#include <string.h>

#include "base/sqlstate.h"
#include "sql/plan_join.h"

static bool is_outer(const struct join *join)
{
  return join->kind == JOIN_LEFT || join->kind == JOIN_FULL;
}

// Of very long lists, pieces are items.
static int count_items(const struct join *join, int room)
{
  if (join->kind != JOIN_INNER || room < 2)
    return 1;
  int right = count_items(join->right, room - 1);
  return right + count_items(join->left, room - right);
}

// What the functions and the lateral queries below read of other ranges.
static void join_needs(struct planner *planner, const struct join *join, range_set needs)
{
  if (join->kind != JOIN_RANGE) {
    join_needs(planner, join->left, needs);
    join_needs(planner, join->right, needs);
    return;
  }
  const struct range *range = &planner->statement->ranges[join->range];
  for (int i = 0; i < range->argument_count; i++)
    node_ranges(planner, range->arguments[i], needs);
  if (range->kind == RANGE_SUBQUERY)
    query_ranges(planner, range->query, needs);
  for (int i = 0; i < range->value_count; i++)
    for (int c = 0; c < range->column_count; c++)
      node_ranges(planner, range->values[i][c], needs);
}

static int collect_items(struct joining *j, const struct join *join, int room)
{
  struct planner *planner = j->planner;
  if (join->kind == JOIN_INNER && room >= 2) {
    int status = collect_items(j, join->left, room - count_items(join->right, room - 1));
    if (!status)
      status = collect_items(j, join->right, room - 1);
    return status ? status : conjuncts_split(planner, join->condition, j->conjuncts);
  }
  struct item *item = &j->items[j->item_count++];
  *item = (struct item){.join = join, .ranges = set_new(planner), .needs = set_new(planner)};
  if (!item->ranges || !item->needs)
    return error_memory(planner->error);
  join_ranges(join, item->ranges);
  join_needs(planner, join, item->needs);
  return 0;
}

// Of what an item needs, what the other items here give. The rest stands around them.
static int settle_needs(struct joining *j)
{
  struct planner *planner = j->planner;
  range_set all = set_new(planner);
  if (!all)
    return error_memory(planner->error);
  for (int i = 0; i < j->item_count; i++)
    set_unite(planner, all, j->items[i].ranges);
  for (int i = 0; i < j->item_count; i++)
    for (int w = 0; w < planner->set_words; w++)
      j->items[i].needs[w] &= all[w] & ~j->items[i].ranges[w];
  return 0;
}

// --- Ranges that are not tables ------------------------------------------------------------------------

static int plan_values(struct planner *planner, const struct range *range, int number, struct plan_node *node)
{
  node->values.range = number;
  node->values.row_count = range->value_count;
  node->values.column_count = range->column_count;
  node->values.rows = ARENA_ARRAY(planner->arena, struct expression *, range->value_count + 1);
  if (!node->values.rows)
    return error_memory(planner->error);
  for (int i = 0; i < range->value_count; i++) {
    int status = expressions_make(planner, range->values[i], range->column_count, &node->values.rows[i]);
    if (status)
      return status;
  }
  node->rows = range->value_count;
  node->cost = 0.0125 * range->value_count;
  return 0;
}

// Ways are tried out: a query in FROM, which does not depend on them, is planned once.
static int plan_range_query(struct planner *planner, int number)
{
  const struct range *range = &planner->statement->ranges[number];
  struct plan_node **below = &planner->queries[number];
  if (*below)
    return 0;
  if (range->kind == RANGE_SET)
    return plan_set_operation(planner, number, below);
  return plan_query(planner, planner->pushed[number] ? planner->pushed[number] : range->query, below);
}

static int plan_other_range(struct planner *planner, int number, struct plan_node **made)
{
  static const enum plan_kind kinds[] = {[RANGE_SOURCE] = PLAN_SOURCE,
                                         [RANGE_SYSTEM] = PLAN_SYSTEM,
                                         [RANGE_SUBQUERY] = PLAN_SUBQUERY,
                                         [RANGE_SET] = PLAN_SUBQUERY,
                                         [RANGE_SHARED] = PLAN_SHARED,
                                         [RANGE_WORKING] = PLAN_WORKING,
                                         [RANGE_FUNCTION] = PLAN_FUNCTION,
                                         [RANGE_VALUES] = PLAN_VALUES};
  const struct range *range = &planner->statement->ranges[number];
  struct plan_node *node = *made = plan_node_new(planner, kinds[range->kind]);
  if (!node)
    return error_memory(planner->error);
  node->rows = range->kind == RANGE_SYSTEM ? 100 : 1000;
  node->cost = node->rows * 0.01;
  if (range->kind == RANGE_VALUES)
    return plan_values(planner, range, number, node);
  if (range->kind == RANGE_FUNCTION) {
    node->function.range = number;
    node->function.argument_count = range->argument_count;
    node->function.set = range->set;
    return expressions_make(planner, range->arguments, range->argument_count, &node->function.arguments);
  }
  node->from.range = number;
  if (range->kind == RANGE_SHARED && !range->is_owners && planner->plan->shared[range->number].root)
    node->rows = planner->plan->shared[range->number].root->rows;
  if (node->kind == PLAN_SUBQUERY) {
    int status = plan_range_query(planner, number);
    if (status)
      return status;
    node->left = planner->queries[number];
    node->rows = node->left->rows;
    node->start_cost = node->left->start_cost;
    node->cost = node->left->cost;
  }
  return 0;
}

int plan_function_range(struct planner *planner, int range, struct plan_node **node)
{
  return plan_other_range(planner, range, node);
}

// --- Pieces ---------------------------------------------------------------------------------------------

// Tests here all conjuncts not yet tested that read nothing but what is there.
static int add_filters(struct joining *j, struct plan_node *node, range_set available, range_set must_meet)
{
  for (int i = 0; i < j->conjuncts->count; i++) {
    struct conjunct *conjunct = &j->conjuncts->list[i];
    if (conjunct->is_used || !set_covered(j->planner, conjunct->ranges, j->own, available) ||
        (must_meet && !set_meets(j->planner, conjunct->ranges, must_meet)))
      continue;
    int status = node_add_filter(j->planner, node, conjunct);
    if (status)
      return status;
    node->rows = fmax(1, node->rows * 0.33);
  }
  return 0;
}

static int set_sum(struct planner *planner, range_set a, range_set b, range_set *sum)
{
  *sum = set_new(planner);
  if (!*sum)
    return error_memory(planner->error);
  set_unite(planner, *sum, a);
  if (b)
    set_unite(planner, *sum, b);
  return 0;
}

int join_plan_item(struct joining *j, struct item *item, range_set available, range_set joined,
                   const struct wanted_order *order, struct access *access)
{
  struct planner *planner = j->planner;
  *access = (struct access){.node = item->node};
  if (item->node)
    return 0;
  int range = item->join->range;
  if (planner->statement->ranges[range].kind == RANGE_TABLE)
    return plan_access(planner, range, j->conjuncts, j->own, available, joined, order, access);
  int status = plan_other_range(planner, range, &access->node);
  if (status)
    return status;
  range_set reach;
  if ((status = set_sum(planner, available, item->ranges, &reach)))
    return status;
  return add_filters(j, access->node, reach, item->ranges);
}

int join_try_item(struct joining *j, struct item *item, range_set available, range_set joined,
                  const struct wanted_order *order, struct access *access)
{
  struct planner *planner = j->planner;
  struct arena *arena = planner->arena;
  int count = j->conjuncts->count, node_count = planner->plan->node_count;
  bool *used = ARENA_ARRAY(&planner->scratch, bool, count + 1);
  if (!used)
    return error_memory(planner->error);
  for (int i = 0; i < count; i++)
    used[i] = j->conjuncts->list[i].is_used;
  planner->arena = &planner->scratch;
  int status = join_plan_item(j, item, available, joined, order, access);
  planner->arena = arena;
  planner->plan->node_count = node_count;
  for (int i = 0; i < count; i++)
    j->conjuncts->list[i].is_used = used[i];
  return status;
}

// What does not depend on the order of the joins is planned before them.
static int prepare_item(struct joining *j, struct item *item, const struct wanted_order *order, bool *is_ordered)
{
  struct planner *planner = j->planner;
  if (item->join->kind != JOIN_RANGE)
    return plan_from(planner, item->join, j->conjuncts, j->own, j->outer, order, is_ordered, &item->node);
  int number = item->join->range;
  const struct range *range = &planner->statement->ranges[number];
  if (range->kind == RANGE_SET)
    return plan_range_query(planner, number);
  if (range->kind != RANGE_SUBQUERY || planner->queries[number])
    return 0;
  planner->pushed[number] = range->query;
  int status = plan_push(planner, number, j->conjuncts, &planner->pushed[number]);
  return status ? status : plan_range_query(planner, number);
}

// What the operator compares; one that takes arrays of any type compares what it is given.
static enum type_id compared_type(const struct node *node, int side)
{
  enum type_id type = node->function->arguments[side];
  return !type_is_pseudo(type) ? type : node->arguments[side]->type.id;
}

bool join_is_equality(const struct conjunct *conjunct)
{
  const struct node *node = conjunct->node;
  enum comparison comparison;
  if (conjunct->is_used || node->kind != NODE_CALL || node->argument_count != 2 ||
      !function_comparison(node->function, &comparison) || comparison != COMPARE_EQUAL)
    return false;
  enum type_id a_type = compared_type(node, 0), b_type = compared_type(node, 1);
  return a_type == b_type || (type_is_integer(a_type) && type_is_integer(b_type));
}

enum type_id join_key_type(const struct node *equality)
{
  enum type_id type = compared_type(equality, 0);
  return type_is_integer(type) ? TYPE_INT8 : type;
}

bool join_hash_key(struct joining *j, const struct conjunct *conjunct, range_set left, range_set right,
                   const struct node **left_key, const struct node **right_key)
{
  struct planner *planner = j->planner;
  const struct node *node = conjunct->node;
  if (!join_is_equality(conjunct) || !set_meets(planner, conjunct->ranges, left) ||
      !set_meets(planner, conjunct->ranges, right))
    return false;
  for (int side = 0; side < 2; side++) {
    range_set a = set_new(planner), b = set_new(planner);
    if (!a || !b)
      return false;
    node_ranges(planner, node->arguments[side], a);
    node_ranges(planner, node->arguments[1 - side], b);
    if (set_meets(planner, a, left) && set_meets(planner, b, right) && set_covered(planner, a, j->own, left) &&
        set_covered(planner, b, j->own, right)) {
      *left_key = node->arguments[side];
      *right_key = node->arguments[1 - side];
      return true;
    }
  }
  return false;
}

static int make_hash_join(struct joining *j, struct plan_node *node, range_set left, range_set right)
{
  struct planner *planner = j->planner;
  struct plan_join *join = &node->join;
  int capacity = j->conjuncts->count + 1;
  join->left_keys = ARENA_ARRAY(planner->arena, struct expression, capacity);
  join->right_keys = ARENA_ARRAY(planner->arena, struct expression, capacity);
  join->key_nodes = ARENA_ARRAY(planner->arena, const struct node *, capacity);
  if (!join->left_keys || !join->right_keys || !join->key_nodes)
    return error_memory(planner->error);
  for (int i = 0; i < j->conjuncts->count; i++) {
    const struct node *left_key, *right_key;
    struct conjunct *conjunct = &j->conjuncts->list[i];
    if (!join_hash_key(j, conjunct, left, right, &left_key, &right_key))
      continue;
    int status = expression_make(planner, left_key, &join->left_keys[join->key_count]);
    if (!status)
      status = expression_make(planner, right_key, &join->right_keys[join->key_count]);
    if (status)
      return status;
    join->left_keys[join->key_count].type = join->right_keys[join->key_count].type = join_key_type(conjunct->node);
    join->key_nodes[join->key_count++] = conjunct->node;
    conjunct->is_used = true;
  }
  join_merge(node);
  int status = slots_of(planner, left, &join->left_slots, &join->left_slot_count);
  return status ? status : node_slots(planner, node, right);
}

static bool has_hash_key(struct joining *j, range_set left, range_set right)
{
  const struct node *a, *b;
  for (int i = 0; i < j->conjuncts->count; i++)
    if (join_hash_key(j, &j->conjuncts->list[i], left, right, &a, &b))
      return true;
  return false;
}

// Is it dear to start this node again? Then its rows are kept.
static int add_material(struct joining *j, struct plan_node **node, range_set ranges)
{
  if ((*node)->kind == PLAN_VALUES || (*node)->kind == PLAN_SOURCE)
    return 0;
  struct plan_node *material = plan_node_new(j->planner, PLAN_MATERIAL);
  if (!material)
    return error_memory(j->planner->error);
  material->left = *node;
  material->rows = (*node)->rows;
  material->start_cost = (*node)->start_cost;
  material->cost = (*node)->cost * 1.05;
  *node = material;
  return node_slots(j->planner, material, ranges);
}

// The node that joins right to *left, whose ranges are `left`, under all conjuncts that can be tested then.
static int make_join(struct joining *j, enum join_way way, enum join_form form, range_set left_ranges,
                     const struct item *right, struct plan_node *right_node, struct plan_node **left)
{
  struct planner *planner = j->planner;
  range_set reach;
  struct plan_node *node = plan_node_new(planner, way == WAY_HASH ? PLAN_HASH_JOIN : PLAN_LOOP);
  if (!node)
    return error_memory(planner->error);
  node->join.form = form;
  node->left = *left;
  node->right = right_node;
  node->rows = (*left)->rows;
  int status = way == WAY_HASH ? make_hash_join(j, node, left_ranges, right->ranges) : 0;
  if (way == WAY_LOOP && !set_meets(planner, right->needs, left_ranges))
    status = add_material(j, &node->right, right->ranges);
  if (!status)
    status = set_sum(planner, left_ranges, right->ranges, &reach);
  if (status)
    return status;
  range_set must_meet = form == JOIN_FORM_INNER ? set_new(planner) : NULL;
  if (must_meet)
    set_unite(planner, must_meet, reach);
  set_unite(planner, reach, j->outer);
  *left = node;
  return add_filters(j, node, reach, must_meet);
}

// --- Inner joins ------------------------------------------------------------------------------------------

static struct item joined_items(struct joining *j, uint64_t items)
{
  struct item all = {.ranges = set_new(j->planner), .needs = set_new(j->planner)};
  for (int i = 0; i < j->item_count && all.ranges && all.needs; i++)
    if (items >> i & 1) {
      set_unite(j->planner, all.ranges, j->items[i].ranges);
      set_unite(j->planner, all.needs, j->items[i].needs);
    }
  return all;
}

// What the order says, from the bottom.
static int make_tree(struct joining *j, const struct tree *tree, struct plan_node **node)
{
  struct planner *planner = j->planner;
  struct access access;
  if (!tree->left) {
    int status = join_plan_item(j, &j->items[__builtin_ctzll(tree->items)], j->outer, NULL,
                                tree->way == WAY_ORDERED ? j->order : NULL, &access);
    *node = access.node;
    return status;
  }
  struct item left = joined_items(j, tree->left->items), right = joined_items(j, tree->right->items);
  if (!left.ranges || !left.needs || !right.ranges || !right.needs)
    return error_memory(planner->error);
  struct plan_node *right_node;
  int status = make_tree(j, tree->left, node);
  if (!status && tree->way == WAY_KEYED) {
    range_set available;
    status = set_sum(planner, j->outer, left.ranges, &available);
    if (!status)
      status = join_plan_item(j, &j->items[__builtin_ctzll(tree->right->items)], available, left.ranges, NULL, &access);
    right_node = access.node;
  } else if (!status)
    status = make_tree(j, tree->right, &right_node);
  if (!status)
    status = make_join(j, tree->way, JOIN_FORM_INNER, left.ranges, &right, right_node, node);
  if (status)
    return status;
  (*node)->rows = fmax(1, tree->rows);
  (*node)->cost = tree->cost;
  (*node)->start_cost = tree->start_cost;
  return 0;
}

// --- Left joins -------------------------------------------------------------------------------------------

static int list_ranges(struct planner *planner, range_set set, int **list, int *count)
{
  *list = ARENA_ARRAY(planner->arena, int, planner->statement->range_count + 1);
  if (!*list)
    return error_memory(planner->error);
  for (int r = 0; r < planner->statement->range_count; r++)
    if (set_has(set, r))
      (*list)[(*count)++] = r;
  return 0;
}

// The rows of the right side, and how they are found for each left one.
static int choose_left_way(struct joining *j, struct item *right, const struct plan_node *left, range_set left_ranges,
                           enum join_way *way, struct access *access)
{
  struct planner *planner = j->planner;
  range_set available;
  int status = set_sum(planner, j->outer, left_ranges, &available);
  bool can_hash = !set_meets(planner, right->needs, left_ranges) && has_hash_key(j, left_ranges, right->ranges);
  bool is_table = right->join->kind == JOIN_RANGE && planner->statement->ranges[right->join->range].kind == RANGE_TABLE;
  double keyed = INFINITY;
  if (!status && is_table) {
    status = join_try_item(j, right, available, left_ranges, NULL, access);
    keyed = !status && access->is_keyed ? left->rows * access->node->cost : INFINITY;
  }
  if (!status)
    status = join_try_item(j, right, j->outer, NULL, NULL, access);
  if (status)
    return status;
  double rows = access->node->rows;
  double hashed = access->node->cost + cost_of_build(rows) + cost_of_probes(left->rows, rows);
  *way = can_hash && hashed <= keyed ? WAY_HASH : keyed < INFINITY ? WAY_KEYED : WAY_LOOP;
  bool is_keyed = *way == WAY_KEYED;
  return join_plan_item(j, right, is_keyed ? available : j->outer, is_keyed ? left_ranges : NULL, NULL, access);
}

static int plan_left(struct planner *planner, const struct join *join, struct conjuncts *above, range_set own,
                     range_set outer, const struct wanted_order *order, bool *is_ordered, struct plan_node **node)
{
  struct conjuncts on = {0};
  struct item right = {.join = join->right, .ranges = set_new(planner), .needs = set_new(planner)};
  range_set left_ranges = set_new(planner);
  if (!right.ranges || !right.needs || !left_ranges)
    return error_memory(planner->error);
  join_ranges(join->left, left_ranges);
  join_ranges(join->right, right.ranges);
  struct plan_node *left;
  int status = plan_from(planner, join->left, above, own, outer, order, is_ordered, &left);
  if (!status)
    status = conjuncts_split(planner, join->condition, &on);
  if (status)
    return status;
  join_needs(planner, join->right, right.needs);
  struct joining j = {.planner = planner, .conjuncts = &on, .own = own, .outer = outer};
  enum join_way way;
  struct access access;
  status = prepare_item(&j, &right, NULL, NULL);
  if (!status)
    status = choose_left_way(&j, &right, left, left_ranges, &way, &access);
  if (status)
    return status;
  *node = left;
  status = make_join(&j, way, JOIN_FORM_LEFT, left_ranges, &right, access.node, node);
  if (status)
    return status;
  (*node)->cost = left->cost + (way == WAY_HASH   ? access.node->cost + cost_of_build(access.node->rows) + left->rows
                                : way == WAY_KEYED ? left->rows * access.node->cost
                                                   : access.node->cost + left->rows * access.node->rows);
  (*node)->start_cost = left->start_cost + (way == WAY_HASH ? access.node->cost : 0);
  (*node)->rows = left->rows;
  return list_ranges(planner, right.ranges, &(*node)->join.null_ranges, &(*node)->join.null_count);
}

// --- Full joins -------------------------------------------------------------------------------------------

// One side by itself: nothing that is said of it around the join may be tested before.
static int plan_side(struct planner *planner, const struct join *join, range_set own, range_set outer,
                     struct plan_node **node)
{
  struct conjuncts inside = {0};
  int status = plan_from(planner, join, &inside, own, outer, NULL, NULL, node);
  struct plan_node *rest = NULL;
  for (int i = 0; !status && i < inside.count; i++) {
    if (inside.list[i].is_used)
      continue;
    if (!rest && !(rest = plan_above(planner, PLAN_FILTER, *node)))
      return error_memory(planner->error);
    status = node_add_filter(planner, rest, &inside.list[i]);
  }
  *node = rest ? rest : *node;
  return status;
}

static int plan_full(struct planner *planner, const struct join *join, range_set own, range_set outer,
                     struct plan_node **node)
{
  struct conjuncts on = {0};
  struct joining j = {.planner = planner, .conjuncts = &on, .own = own, .outer = outer};
  range_set left = set_new(planner), right = set_new(planner), reach;
  if (!left || !right)
    return error_memory(planner->error);
  join_ranges(join->left, left);
  join_ranges(join->right, right);
  struct plan_node *sides[2];
  int status = plan_side(planner, join->left, own, outer, &sides[0]);
  if (!status)
    status = plan_side(planner, join->right, own, outer, &sides[1]);
  if (!status)
    status = conjuncts_split(planner, join->condition, &on);
  bool has_condition = false;
  for (int i = 0; i < on.count; i++)
    has_condition |= on.list[i].node->kind != NODE_CONSTANT;
  if (!status && has_condition && !has_hash_key(&j, left, right))
    status = error_set(planner->error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "FULL JOIN is only supported with merge-joinable or hash-joinable join conditions");
  if (status)
    return status;
  struct plan_node *made = *node = plan_above(planner, PLAN_HASH_JOIN, sides[0]);
  if (!made)
    return error_memory(planner->error);
  made->right = sides[1];
  made->join.form = JOIN_FORM_FULL;
  made->rows = sides[0]->rows + sides[1]->rows;
  made->cost += sides[1]->cost + sides[1]->rows * 2;
  made->start_cost += sides[1]->cost;
  made->width = 0;
  status = make_hash_join(&j, made, left, right);
  if (!status)
    status = list_ranges(planner, right, &made->join.null_ranges, &made->join.null_count);
  if (!status)
    status = list_ranges(planner, left, &made->join.left_ranges, &made->join.left_count);
  if (!status)
    status = set_sum(planner, left, right, &reach);
  if (!status)
    set_unite(planner, reach, outer);
  return status ? status : add_filters(&j, made, reach, NULL);
}

// --- All of FROM ------------------------------------------------------------------------------------------

// A left join's own filters are ON's: what WHERE says of it is tested by a node behind it.
static int add_filters_behind(struct joining *j, const struct join *join, struct plan_node **node)
{
  struct planner *planner = j->planner;
  range_set reach, ranges = set_new(planner);
  if (!ranges)
    return error_memory(planner->error);
  join_ranges(join, ranges);
  int status = set_sum(planner, j->outer, ranges, &reach);
  struct plan_node *filter = NULL;
  for (int i = 0; !status && i < j->conjuncts->count; i++) {
    struct conjunct *conjunct = &j->conjuncts->list[i];
    if (conjunct->is_used || !set_covered(planner, conjunct->ranges, j->own, reach) ||
        !set_meets(planner, conjunct->ranges, ranges))
      continue;
    if (!filter && !(filter = plan_node_new(planner, PLAN_FILTER)))
      return error_memory(planner->error);
    status = node_add_filter(planner, filter, conjunct);
  }
  if (status || !filter)
    return status;
  filter->left = *node;
  filter->rows = fmax(1, (*node)->rows * 0.33);
  filter->start_cost = (*node)->start_cost;
  filter->cost = (*node)->cost;
  *node = filter;
  return 0;
}

int plan_from(struct planner *planner, const struct join *join, struct conjuncts *conjuncts, range_set own,
              range_set available, const struct wanted_order *order, bool *is_ordered, struct plan_node **node)
{
  bool ordered = false;
  struct joining j = {.planner = planner, .conjuncts = conjuncts, .own = own, .outer = available};
  is_ordered = is_ordered ? is_ordered : &ordered;
  *is_ordered = false;
  if (is_outer(join)) {
    int outer_status = join->kind == JOIN_LEFT
                           ? plan_left(planner, join, conjuncts, own, available, order, is_ordered, node)
                           : plan_full(planner, join, own, available, node);
    return outer_status ? outer_status : add_filters_behind(&j, join, node);
  }
  j.items = ARENA_ARRAY(&planner->scratch, struct item, count_items(join, ITEMS_MAXIMUM));
  if (!j.items)
    return error_memory(planner->error);
  int status = collect_items(&j, join, ITEMS_MAXIMUM);
  if (!status)
    status = settle_needs(&j);
  for (int i = 0; !status && i < j.item_count; i++)
    status = prepare_item(&j, &j.items[i], NULL, NULL);
  if (status)
    return status;
  if (j.item_count == 1) {
    struct access access;
    status = join_plan_item(&j, &j.items[0], available, NULL, order, &access);
    *node = access.node;
    *is_ordered = access.is_ordered;
    return status;
  }
  struct wanted_order without_limit;
  if (order && !order->is_for_groups) {
    without_limit = *order;
    without_limit.limit = 0;
    j.order = &without_limit;
    j.limit = order->limit;
  }
  const struct tree *tree;
  status = join_find_order(&j, &tree, is_ordered);
  return status ? status : make_tree(&j, tree, node);
}
