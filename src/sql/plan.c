// The planner's entry and what its parts share: sets of ranges, expressions, conjuncts.
#include "sql/plan_node.h"

#include <string.h>

range_set set_new(struct planner *planner)
{
  return ARENA_ARRAY(planner->arena, uint64_t, planner->set_words);
}

void set_unite(struct planner *planner, range_set into, range_set other)
{
  for (int i = 0; i < planner->set_words; i++)
    into[i] |= other[i];
}

bool set_within(struct planner *planner, range_set set, range_set whole)
{
  for (int i = 0; i < planner->set_words; i++)
    if (set[i] & ~whole[i])
      return false;
  return true;
}

bool set_covered(struct planner *planner, range_set set, range_set own, range_set available)
{
  for (int i = 0; i < planner->set_words; i++)
    if (set[i] & own[i] & ~available[i])
      return false;
  return true;
}

bool set_meets(struct planner *planner, range_set a, range_set b)
{
  for (int i = 0; i < planner->set_words; i++)
    if (a[i] & b[i])
      return true;
  return false;
}

struct collecting {
  struct planner *planner;
  range_set set;
};

static bool collect_range(const struct node *node, void *context)
{
  struct collecting *collecting = context;
  if (node->kind == NODE_COLUMN)
    set_add(collecting->set, node->range);
  if (node->kind == NODE_SUBQUERY)
    query_ranges(collecting->planner, collecting->planner->statement->subqueries[node->subquery].query,
                 collecting->set);
  return true;
}

void node_ranges(struct planner *planner, const struct node *node, range_set set)
{
  struct collecting collecting = {.planner = planner, .set = set};
  if (node)
    node_walk(node, collect_range, &collecting);
}

static int collect_slot(void *context, struct node **slot)
{
  node_walk(*slot, collect_range, context);
  return 0;
}

void query_ranges(struct planner *planner, struct query *query, range_set set)
{
  struct collecting collecting = {.planner = planner, .set = set};
  (void)query_each(planner->statement->ranges, query, collect_slot, &collecting);
}

void join_ranges(const struct join *join, range_set set)
{
  if (!join)
    return;
  if (join->kind == JOIN_RANGE) {
    set_add(set, join->range);
    return;
  }
  join_ranges(join->left, set);
  join_ranges(join->right, set);
}

struct plan_node *plan_node_new(struct planner *planner, enum plan_kind kind)
{
  struct plan_node *node = ARENA_NEW(planner->arena, struct plan_node);
  if (!node)
    return NULL;
  node->kind = kind;
  node->number = planner->plan->node_count++;
  return node;
}

int expression_make(struct planner *planner, const struct node *node, struct expression *expression)
{
  *expression = (struct expression){.node = node, .type = node->type.id};
  if (node->kind == NODE_COLUMN) {
    expression->form = EXPRESSION_COLUMN;
    expression->range = node->range;
    expression->column = node->column;
    return 0;
  }
  if (node->kind == NODE_PARAMETER) {
    expression->form = EXPRESSION_PARAMETER;
    expression->column = node->parameter;
    return 0;
  }
  if (node->kind == NODE_CONSTANT) {
    expression->form = EXPRESSION_CONSTANT;
    expression->constant = node->constant;
    return 0;
  }
  expression->program = program_compile(node, planner->arena, planner->error);
  if (!expression->program)
    return planner->error->status;
  if (expression->program->is_constant) {
    expression->form = EXPRESSION_CONSTANT;
    expression->constant = expression->program->constant;
  }
  return 0;
}

int expressions_make(struct planner *planner, struct node *const *nodes, int count, struct expression **list)
{
  *list = ARENA_ARRAY(planner->arena, struct expression, count + 1);
  if (!*list)
    return error_memory(planner->error);
  for (int i = 0; i < count; i++) {
    int status = expression_make(planner, nodes[i], &(*list)[i]);
    if (status)
      return status;
  }
  return 0;
}

int conjunct_add(struct planner *planner, struct node *node, struct conjuncts *conjuncts)
{
  node = condition_simplify(planner, node);
  if (conjuncts->count == conjuncts->capacity) {
    int capacity = conjuncts->capacity ? conjuncts->capacity * 2 : 8;
    struct conjunct *list = ARENA_ARRAY(planner->arena, struct conjunct, capacity);
    if (!list)
      return error_memory(planner->error);
    if (conjuncts->count)
      memcpy(list, conjuncts->list, sizeof *list * (size_t)conjuncts->count);
    conjuncts->list = list;
    conjuncts->capacity = capacity;
  }
  struct conjunct *conjunct = &conjuncts->list[conjuncts->count];
  *conjunct = (struct conjunct){.node = node, .ranges = set_new(planner)};
  if (!conjunct->ranges)
    return error_memory(planner->error);
  node_ranges(planner, node, conjunct->ranges);
  conjuncts->count++;
  return 0;
}

int conjuncts_split(struct planner *planner, struct node *node, struct conjuncts *conjuncts)
{
  int status = 0;
  if (!node)
    return 0;
  if (node->kind == NODE_OR)
    return conjuncts_split_or(planner, node, conjuncts);
  if (node->kind != NODE_AND)
    return conjunct_add(planner, node, conjuncts);
  for (int i = 0; !status && i < node->argument_count; i++)
    status = conjuncts_split(planner, node->arguments[i], conjuncts);
  return status;
}

// PostgreSQL prints a node's conditions as one AND.
int node_add_condition(struct planner *planner, struct plan_node *plan_node, struct node *node)
{
  plan_node->condition_count++;
  if (!plan_node->condition) {
    plan_node->condition = node;
    return 0;
  }
  const struct node *old = plan_node->condition;
  bool is_list = plan_node->condition_count > 2;
  int count = is_list ? old->argument_count : 1;
  struct node **arguments = ARENA_ARRAY(planner->arena, struct node *, count + 1);
  if (!arguments)
    return error_memory(planner->error);
  for (int i = 0; i < count; i++)
    arguments[i] = is_list ? old->arguments[i] : (struct node *)old;
  arguments[count] = node;
  plan_node->condition = node_new(planner->arena, NODE_AND, type_plain(TYPE_BOOLEAN), -1, arguments, count + 1);
  return plan_node->condition ? 0 : error_memory(planner->error);
}

int node_add_filter(struct planner *planner, struct plan_node *node, struct conjunct *conjunct)
{
  struct expression *filters = ARENA_ARRAY(planner->arena, struct expression, node->filter_count + 1);
  if (!filters)
    return error_memory(planner->error);
  if (node->filter_count)
    memcpy(filters, node->filters, sizeof *filters * (size_t)node->filter_count);
  int status = expression_make(planner, conjunct->node, &filters[node->filter_count]);
  if (status)
    return status;
  node->filters = filters;
  node->filter_count++;
  conjunct->is_used = true;
  return node_add_condition(planner, node, conjunct->node);
}

int node_slots(struct planner *planner, struct plan_node *node, range_set ranges)
{
  return slots_of(planner, ranges, &node->slots, &node->slot_count);
}

int slots_of(struct planner *planner, range_set ranges, struct slot **slots, int *slot_count)
{
  const struct statement *statement = planner->statement;
  int count = 0;
  for (int pass = 0; pass < 2; pass++) {
    if (pass == 1) {
      *slots = ARENA_ARRAY(planner->arena, struct slot, count ? count : 1);
      if (!*slots)
        return error_memory(planner->error);
      count = 0;
    }
    for (int r = 0; r < statement->range_count; r++) {
      if (!set_has(ranges, r))
        continue;
      const struct range *range = &statement->ranges[r];
      for (int c = 0; c < range->column_count; c++) {
        if (!range->columns[c].is_used && range->kind != RANGE_GROUP && range->kind != RANGE_WINDOW)
          continue;
        if (pass == 1)
          (*slots)[count] = (struct slot){.range = r, .column = c, .type = range->columns[c].type.id};
        count++;
      }
      for (int c = 0; range->is_identified && c < 2; c++, count++)
        if (pass == 1)
          (*slots)[count] = (struct slot){.range = r, .column = range->column_count + c, .type = TYPE_TEXT};
    }
  }
  *slot_count = count;
  return 0;
}

bool function_comparison(const struct function *function, enum comparison *comparison)
{
  static const char *const names[] = {"=", "<>", "<", "<=", ">", ">="};
  if (!function->is_operator || function->argument_count != 2)
    return false;
  for (int i = 0; i < 6; i++)
    if (!strcmp(function->name, names[i])) {
      *comparison = (enum comparison)i;
      return true;
    }
  return false;
}

enum comparison comparison_turned(enum comparison comparison)
{
  static const enum comparison turned[] = {COMPARE_EQUAL,         COMPARE_NOT_EQUAL, COMPARE_GREATER,
                                           COMPARE_GREATER_EQUAL, COMPARE_LESS,      COMPARE_LESS_EQUAL};
  return turned[comparison];
}

static int plan_parts(struct planner *planner)
{
  const struct statement *statement = planner->statement;
  planner->plan->parts = ARENA_ARRAY(planner->arena, struct plan *, statement->part_count + 1);
  if (!planner->plan->parts)
    return error_memory(planner->error);
  int status = 0;
  for (int i = 0; i < statement->part_count && !status; i++) {
    struct plan_input input = {.statement = statement->parts[i],
                               .version = planner->version,
                               .statistics = planner->statistics,
                               .arena = planner->arena,
                               .parameters_are_literals = planner->has_literals,
                               .without_short_path = true};
    status = plan_statement(&input, &planner->plan->parts[i], planner->error);
  }
  return status;
}

static int plan_shared(struct planner *planner)
{
  const struct statement *statement = planner->statement;
  struct plan_shared *shared = ARENA_ARRAY(planner->arena, struct plan_shared, statement->shared_count + 1);
  if (!shared)
    return error_memory(planner->error);
  planner->plan->shared = shared;
  for (int i = 0; i < statement->shared_count; i++) {
    const struct shared_query *query = &statement->shared[i];
    shared[i].column_count = query->column_count;
    shared[i].types = ARENA_ARRAY(planner->arena, enum type_id, query->column_count + 1);
    if (!shared[i].types)
      return error_memory(planner->error);
    for (int c = 0; c < query->column_count; c++)
      shared[i].types[c] = query->columns[c].expression->type.id;
    int status = query->query ? plan_query(planner, query->query, &shared[i].root) : 0;
    if (status)
      return status;
  }
  return 0;
}

static int plan_subqueries(struct planner *planner)
{
  const struct statement *statement = planner->statement;
  struct plan *plan = planner->plan;
  for (int i = 0; i < statement->subquery_count; i++) {
    const struct subquery *subquery = &statement->subqueries[i];
    struct plan_subquery *made = &plan->subqueries[i];
    made->kind = subquery->kind;
    made->is_correlated = subquery->is_correlated;
    made->type = subquery->query->target_count ? subquery->query->targets[0].expression->type.id : TYPE_UNKNOWN;
    int status = subquery->kind == SUBQUERY_ARRAY
                     ? aggregate_resolve("array_agg", &made->type, 1, NULL, &made->gather, planner->error)
                     : 0;
    if (!status)
      status = plan_query(planner, subquery->query, &made->root);
    if (status)
      return status;
  }
  return 0;
}

// --- How long a plan is good -------------------------------------------------------------------------------------

enum { GROWTH = 4, SMALL_TABLE = 1000, WORTH_PLANNING = 5000 };

static int note_sizes(struct planner *planner)
{
  const struct statement *statement = planner->statement;
  struct plan *plan = planner->plan;
  plan->sizes = ARENA_ARRAY(planner->arena, struct plan_size, statement->range_count + 1);
  if (!plan->sizes)
    return error_memory(planner->error);
  for (int i = 0; i < statement->range_count; i++) {
    if (statement->ranges[i].kind != RANGE_TABLE)
      continue;
    tree_number tree = statement->ranges[i].relation->tree;
    plan->sizes[plan->size_count++] = (struct plan_size){tree, tree_count(planner->version, tree)};
  }
  return 0;
}

bool plan_fits(const struct plan *plan, const struct version *version)
{
  for (int i = 0; i < plan->size_count; i++) {
    uint64_t then = plan->sizes[i].rows, now = tree_count(version, plan->sizes[i].tree);
    if (now > GROWTH * (then > SMALL_TABLE ? then : SMALL_TABLE) || then > GROWTH * (now > SMALL_TABLE ? now : SMALL_TABLE))
      return false;
  }
  return true;
}

bool plan_wants_literals(const struct plan *plan)
{
  return plan->root && plan->size_count > 1 && plan->root->cost > WORTH_PLANNING;
}

void plan_analyze(struct plan *plan, const struct explain_options *options)
{
  plan->analysis = options;
}

static int plan_all(struct planner *planner, const struct plan_input *input)
{
  const struct statement *statement = input->statement;
  struct plan *plan = planner->plan;
  plan->statement = statement;
  int status = plan_in_reserve(planner);
  if (status)
    return status;
  plan->queries = ARENA_ARRAY(input->arena, const struct query *, statement->range_count + 1);
  planner->queries = ARENA_ARRAY(input->arena, struct plan_node *, statement->range_count + 1);
  planner->known = known_new(planner);
  // Queries of WITH come first, and see that those below them have no plan yet.
  plan->subqueries = ARENA_ARRAY(input->arena, struct plan_subquery, statement->subquery_count + 1);
  planner->pushed = ARENA_ARRAY(input->arena, const struct query *, statement->range_count + 1);
  planner->arms = ARENA_ARRAY(input->arena, struct query **, statement->range_count + 1);
  if (!plan->queries || !planner->queries || !planner->known || !plan->subqueries || !planner->pushed || !planner->arms)
    return error_memory(planner->error);
  status = plan_parts(planner);
  if (!status)
    status = plan_shared(planner);
  if (!status)
    status = plan_subqueries(planner);
  if (!status && !statement->modification)
    status = plan_query(planner, statement->query, &plan->root);
  else if (!status)
    status = plan_modification(planner);
  if (!status && !input->without_short_path && !statement->part_count)
    plan_find_short(planner);
  return status || plan->short_form != SHORT_NONE ? status : note_sizes(planner);
}

int plan_statement(const struct plan_input *input, struct plan **plan, struct error *error)
{
  struct error unwanted;
  struct planner planner = {
      .statement = input->statement,
      .version = input->version,
      .statistics = input->statistics,
      .arena = input->arena,
      .error = error ? error : &unwanted,
      .has_literals = input->parameters_are_literals,
      .set_words = (input->statement->range_count + 63) / 64 + 1,
  };
  *plan = planner.plan = ARENA_NEW(input->arena, struct plan);
  if (!planner.plan)
    return error_memory(planner.error);
  arena_init(&planner.scratch, input->arena->account);
  int status = plan_all(&planner, input);
  arena_deinit(&planner.scratch);
  return status;
}
