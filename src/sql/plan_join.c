// The rows of FROM: in which order ranges are joined, and how.
//
// Inner joins are taken apart into items (ranges, and left joins as wholes) and a pool of conjuncts. Items are joined
// greedily: first the one with the fewest rows, then always the one that costs least: by its keys for each row so far,
// by hash, or by nested loop. A left join keeps its right side together; what WHERE says about that side stays
// above it.
#include <math.h>
#include <string.h>

#include "base/sqlstate.h"
#include "sql/plan_node.h"

enum { ITEMS_WEIGHED = 32 }; // beyond so many the order is that of FROM

struct item {
  const struct join *join; // JOIN_RANGE, or an outer join
  range_set ranges;
  range_set needs; // ranges of this query that it reads (arguments of functions)
  bool is_joined;
};

struct joining {
  struct planner *planner;
  struct conjuncts *conjuncts;
  range_set own, outer;
  struct item *items;
  int item_count;
};

static bool is_outer(const struct join *join)
{
  return join->kind == JOIN_LEFT || join->kind == JOIN_FULL;
}

static int count_items(const struct join *join)
{
  return join->kind == JOIN_INNER ? count_items(join->left) + count_items(join->right) : 1;
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

static int collect_items(struct joining *j, const struct join *join)
{
  struct planner *planner = j->planner;
  if (join->kind == JOIN_INNER) {
    int status = collect_items(j, join->left);
    if (!status)
      status = collect_items(j, join->right);
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
    // Ways are tried out: a query in FROM, which does not depend on them, is planned once.
    struct plan_node **below = &planner->queries[number];
    int status = *below                      ? 0
                 : range->kind == RANGE_SET ? plan_set_operation(planner, number, below)
                                             : plan_query(planner, range->query, below);
    if (status)
      return status;
    node->left = planner->queries[number];
    node->rows = node->left->rows;
    node->start_cost = node->left->start_cost;
    node->cost = node->left->cost;
  }
  return 0;
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

// The rows of one item by itself, under what can be tested with `available` (its own ranges come on top).
static int plan_item(struct joining *j, const struct item *item, range_set available, range_set joined,
                     const struct wanted_order *order, struct access *access)
{
  struct planner *planner = j->planner;
  *access = (struct access){0};
  if (is_outer(item->join))
    return plan_from(planner, item->join, j->conjuncts, j->own, available, order, &access->is_ordered, &access->node);
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

// What trying leaves behind is taken back.
struct saved {
  int count;
  bool used[];
};

static struct saved *save_used(struct joining *j)
{
  struct saved *saved = arena_alloc(j->planner->arena, sizeof *saved + (size_t)j->conjuncts->count);
  if (!saved)
    return NULL;
  saved->count = j->conjuncts->count;
  for (int i = 0; i < saved->count; i++)
    saved->used[i] = j->conjuncts->list[i].is_used;
  return saved;
}

static void restore_used(struct joining *j, const struct saved *saved)
{
  j->conjuncts->count = saved->count;
  for (int i = 0; i < saved->count; i++)
    j->conjuncts->list[i].is_used = saved->used[i];
}

static bool type_is_integer(enum type_id type)
{
  return type == TYPE_INT2 || type == TYPE_INT4 || type == TYPE_INT8;
}

// What the operator compares; one that takes arrays of any type compares what it is given.
static enum type_id compared_type(const struct node *node, int side)
{
  enum type_id type = node->function->arguments[side];
  return type < TYPE_COUNT ? type : node->arguments[side]->type.id;
}

// left = right with one side from each: a key of a hash join. Both sides of one type.
static bool hash_key(struct joining *j, const struct conjunct *conjunct, range_set left, range_set right,
                     const struct node **left_key, const struct node **right_key)
{
  struct planner *planner = j->planner;
  const struct node *node = conjunct->node;
  enum comparison comparison;
  if (conjunct->is_used || node->kind != NODE_CALL || node->argument_count != 2 ||
      !set_meets(planner, conjunct->ranges, left) || !set_meets(planner, conjunct->ranges, right) ||
      !function_comparison(node->function, &comparison) || comparison != COMPARE_EQUAL)
    return false;
  enum type_id a_type = compared_type(node, 0), b_type = compared_type(node, 1);
  if (a_type != b_type && !(type_is_integer(a_type) && type_is_integer(b_type)))
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
    if (!hash_key(j, conjunct, left, right, &left_key, &right_key))
      continue;
    int status = expression_make(planner, left_key, &join->left_keys[join->key_count]);
    if (!status)
      status = expression_make(planner, right_key, &join->right_keys[join->key_count]);
    if (status)
      return status;
    enum type_id type = compared_type(conjunct->node, 0);
    type = type_is_integer(type) ? TYPE_INT8 : type;
    join->left_keys[join->key_count].type = join->right_keys[join->key_count].type = type;
    join->key_nodes[join->key_count++] = conjunct->node;
    conjunct->is_used = true;
  }
  return node_slots(planner, node, right);
}

static bool has_hash_key(struct joining *j, range_set left, range_set right)
{
  const struct node *a, *b;
  for (int i = 0; i < j->conjuncts->count; i++)
    if (hash_key(j, &j->conjuncts->list[i], left, right, &a, &b))
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

struct join_way {
  enum { WAY_KEYED, WAY_HASH, WAY_LOOP } way;
  double cost, rows;
};

// What the item gives by itself. A left join is not planned for this, or trying would try within trying.
static int guess(struct joining *j, const struct item *item, double *rows, double *cost)
{
  struct planner *planner = j->planner;
  *rows = *cost = 1000;
  if (is_outer(item->join)) {
    for (int r = 0; r < planner->statement->range_count; r++)
      if (set_has(item->ranges, r) && planner->statement->ranges[r].kind == RANGE_TABLE)
        *rows = fmax(*rows, (double)tree_count(planner->version, planner->statement->ranges[r].relation->tree));
    *cost = *rows * 2;
    return 0;
  }
  struct access access;
  struct saved *used = save_used(j);
  if (!used)
    return error_memory(planner->error);
  int status = plan_item(j, item, j->outer, NULL, NULL, &access);
  restore_used(j, used);
  if (status)
    return status;
  *rows = access.node->rows;
  *cost = access.node->cost;
  return 0;
}

// What it costs to join the item to `left`.
static int weigh(struct joining *j, const struct item *item, const struct plan_node *left, range_set joined,
                 struct join_way *way)
{
  struct planner *planner = j->planner;
  range_set available;
  struct access access;
  struct saved *used = save_used(j);
  int status = set_sum(planner, j->outer, joined, &available);
  if (status || !used)
    return status ? status : error_memory(planner->error);
  bool is_lateral = set_meets(planner, item->needs, joined);
  bool can_hash = !is_lateral && has_hash_key(j, joined, item->ranges);
  *way = (struct join_way){.cost = INFINITY};
  if (item->join->kind == JOIN_RANGE && planner->statement->ranges[item->join->range].kind == RANGE_TABLE) {
    status = plan_item(j, item, available, joined, NULL, &access);
    restore_used(j, used);
    if (status)
      return status;
    if (access.is_keyed)
      *way = (struct join_way){
          .way = WAY_KEYED, .cost = left->rows * access.node->cost * 1.5, .rows = left->rows * access.node->rows};
  }
  double alone, rows;
  if ((status = guess(j, item, &rows, &alone)))
    return status;
  double cost = alone + rows * 2 + left->rows;
  if (can_hash && cost < way->cost)
    *way = (struct join_way){.way = WAY_HASH, .cost = cost, .rows = fmax(left->rows, rows)};
  else if (!can_hash && way->cost == INFINITY)
    *way = (struct join_way){.way = WAY_LOOP, .cost = 1e6 + alone + left->rows * rows, .rows = left->rows * rows};
  return 0;
}

// Joins the item to *left. form LEFT: `joined` are the ranges of the left side, and j->conjuncts are those of ON.
static int join_item(struct joining *j, struct item *item, const struct join_way *way, enum join_form form,
                     range_set joined, struct plan_node **left)
{
  struct planner *planner = j->planner;
  range_set available, reach;
  struct access access;
  int status = set_sum(planner, j->outer, joined, &available);
  if (!status)
    status = set_sum(planner, available, item->ranges, &reach);
  if (status)
    return status;
  struct plan_node *node = plan_node_new(planner, way->way == WAY_HASH ? PLAN_HASH_JOIN : PLAN_LOOP);
  if (!node)
    return error_memory(planner->error);
  bool with_left = way->way == WAY_KEYED;
  status = plan_item(j, item, with_left ? available : j->outer, with_left ? joined : NULL, NULL, &access);
  if (status)
    return status;
  node->join.form = form;
  node->left = *left;
  node->right = access.node;
  node->rows = fmax(1, way->rows);
  node->cost = (*left)->cost + way->cost;
  node->start_cost = (*left)->start_cost;
  if (way->way == WAY_HASH) {
    status = make_hash_join(j, node, joined, item->ranges);
    node->start_cost += access.node->cost;
  } else if (way->way == WAY_LOOP && !set_meets(planner, item->needs, joined))
    status = add_material(j, &node->right, item->ranges);
  if (!status)
    status = add_filters(j, node, reach, form == JOIN_FORM_LEFT ? NULL : item->ranges);
  *left = node;
  item->is_joined = true;
  set_unite(planner, joined, item->ranges);
  return status;
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
  bool is_lateral = set_meets(planner, right.needs, left_ranges);
  struct joining j = {.planner = planner, .conjuncts = &on, .own = own, .outer = outer};
  struct join_way way;
  if (join->right->kind == JOIN_INNER) { // a join by itself: its own items and ON's conditions on it alone
    bool has_key = !is_lateral && has_hash_key(&j, left_ranges, right.ranges);
    way = (struct join_way){.way = has_key ? WAY_HASH : WAY_LOOP, .rows = left->rows, .cost = left->rows};
  } else if ((status = weigh(&j, &right, left, left_ranges, &way)))
    return status;
  way.rows = fmax(way.rows, left->rows);
  if (join->right->kind == JOIN_INNER) {
    struct plan_node *inner;
    status = plan_from(planner, join->right, &on, own, outer, NULL, NULL, &inner);
    if (status)
      return status;
    *node = plan_node_new(planner, way.way == WAY_HASH ? PLAN_HASH_JOIN : PLAN_LOOP);
    if (!*node)
      return error_memory(planner->error);
    (*node)->left = left;
    (*node)->right = inner;
    (*node)->rows = way.rows;
    (*node)->cost = left->cost + inner->cost + way.cost;
    (*node)->join.form = JOIN_FORM_LEFT;
    if (way.way == WAY_HASH)
      status = make_hash_join(&j, *node, left_ranges, right.ranges);
    else if (!is_lateral)
      status = add_material(&j, &(*node)->right, right.ranges);
    range_set reach;
    if (!status)
      status = set_sum(planner, outer, left_ranges, &reach);
    if (!status)
      set_unite(planner, reach, right.ranges);
    if (!status)
      status = add_filters(&j, *node, reach, NULL);
  } else {
    range_set joined;
    if ((status = set_sum(planner, left_ranges, NULL, &joined)))
      return status;
    *node = left;
    status = join_item(&j, &right, &way, JOIN_FORM_LEFT, joined, node);
  }
  return status ? status : list_ranges(planner, right.ranges, &(*node)->join.null_ranges, &(*node)->join.null_count);
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

static int choose_first(struct joining *j, int *first)
{
  double fewest = INFINITY;
  for (int i = 0; i < j->item_count; i++) {
    double rows, cost;
    if (set_meets(j->planner, j->items[i].needs, j->items[i].needs)) // it needs anything
      continue;
    int status = guess(j, &j->items[i], &rows, &cost);
    if (status)
      return status;
    if (rows < fewest)
      fewest = rows, *first = i;
  }
  return 0;
}

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
  if (!is_ordered)
    is_ordered = &ordered;
  *is_ordered = false;
  if (is_outer(join)) {
    int outer_status = join->kind == JOIN_LEFT
                           ? plan_left(planner, join, conjuncts, own, available, order, is_ordered, node)
                           : plan_full(planner, join, own, available, node);
    return outer_status ? outer_status : add_filters_behind(&j, join, node);
  }
  j.items = ARENA_ARRAY(planner->arena, struct item, count_items(join));
  range_set joined = set_new(planner);
  if (!j.items || !joined)
    return error_memory(planner->error);
  int first = 0;
  int status = collect_items(&j, join);
  if (!status)
    status = settle_needs(&j);
  if (!status && j.item_count > 1)
    status = choose_first(&j, &first);
  struct access access;
  if (!status)
    status = plan_item(&j, &j.items[first], available, NULL, order, &access);
  if (status)
    return status;
  *node = access.node;
  *is_ordered = access.is_ordered;
  j.items[first].is_joined = true;
  set_unite(planner, joined, j.items[first].ranges);
  for (int n = 1; !status && n < j.item_count; n++) {
    struct join_way best = {.cost = INFINITY}, way;
    int next = -1;
    for (int i = 0; !status && i < j.item_count; i++) {
      if (j.items[i].is_joined || !set_within(planner, j.items[i].needs, joined))
        continue;
      if (next >= 0 && j.item_count > ITEMS_WEIGHED)
        break;
      status = weigh(&j, &j.items[i], *node, joined, &way);
      if (next < 0 || way.cost < best.cost)
        best = way, next = i;
    }
    if (!status && next < 0)
      return error_set(planner->error, "0A000", "entries of FROM cannot refer to each other in a circle");
    if (!status)
      status = join_item(&j, &j.items[next], &best, JOIN_FORM_INNER, joined, node);
  }
  return status;
}
