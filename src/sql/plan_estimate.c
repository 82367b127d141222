// Estimates of the planner: how many rows pass conditions, how many values columns have.
//
// Conditions that read one table alone are run on its sample, all together, so that what columns have to do with
// each other counts. What is not known when the plan is made (parameters, subqueries, the time) is guessed, by how
// many values its column has where it is an equality.
#include <math.h>
#include <string.h>

#include "sql/plan_node.h"
#include "sql/statistics.h"

static const double part_of_range = 0.33, part_of_pattern = 0.05, part_of_null = 0.01, part_of_rest = 0.33;

struct tested {
  const struct node *node;
  bool is_known; // the bits stand
  uint64_t bits[SAMPLE_WORDS];
};

struct known {
  bool is_taken;
  const struct sample *sample; // NULL: none
  struct tested *tested;
  int count, capacity;
};

struct known *known_new(struct planner *planner)
{
  return ARENA_ARRAY(&planner->scratch, struct known, planner->statement->range_count + 1);
}

static struct known *known_of(struct planner *planner, int range)
{
  struct known *known = &planner->known[range];
  if (known->is_taken)
    return known;
  known->is_taken = true;
  known->sample = sample_take(planner->statistics, planner->version, planner->statement->ranges[range].relation,
                              &planner->scratch);
  if (known->sample && known->sample->count == 0)
    known->sample = NULL;
  return known;
}

double estimate_table_rows(struct planner *planner, int range)
{
  return fmax(1000, (double)tree_count(planner->version, planner->statement->ranges[range].relation->tree));
}

double estimate_distinct(struct planner *planner, int range, const int *columns, int count)
{
  const struct relation *relation = planner->statement->ranges[range].relation;
  double rows = estimate_table_rows(planner, range);
  for (int i = -1; i < relation->index_count; i++) {
    const struct index *index = i < 0 ? NULL : &relation->indexes[i];
    const struct key_part *parts = index ? index->parts : relation->key;
    int part_count = index ? index->part_count : relation->key_count, found = 0;
    if (part_count == 0 || (index && !index->is_unique))
      continue;
    for (int p = 0; p < part_count; p++)
      for (int c = 0; c < count && !(index && index->is_partial); c++)
        if (parts[p].column == columns[c]) {
          found++;
          break;
        }
    if (found == part_count)
      return rows;
  }
  const struct known *known = known_of(planner, range);
  for (int c = 0; c < count; c++)
    if (!known->sample || relation_is_expression(relation, columns[c]))
      return fmin(rows, 200);
  double distinct = sample_distinct(known->sample, relation, columns, count, &planner->scratch);
  return distinct < known->sample->table_rows ? distinct : rows;
}

// --- Conditions on one table ---------------------------------------------------------------------------------

struct looking {
  int range;
  bool can_run;
};

static bool look_at(const struct node *node, void *context)
{
  struct looking *looking = context;
  looking->can_run &= node->kind != NODE_PARAMETER && node->kind != NODE_SUBQUERY &&
                      (node->kind != NODE_COLUMN || node->range == looking->range) &&
                      (!node->function || (node->kind != NODE_CALL && node->kind != NODE_ARRAY_TEST) ||
                       node->function->volatility == FUNCTION_PURE);
  return looking->can_run;
}

static bool run_on_sample(struct planner *planner, int range, const struct node *node, const struct sample *sample,
                          uint64_t bits[SAMPLE_WORDS])
{
  struct error error;
  const struct program *program = program_compile(node, &planner->scratch, &error);
  struct value **ranges = ARENA_ARRAY(&planner->scratch, struct value *, planner->statement->range_count + 1);
  if (!program || !ranges)
    return false;
  struct evaluation evaluation = {.ranges = ranges,
                                  .arena = &planner->scratch,
                                  .settings = &format_settings_default,
                                  .error = &error};
  for (int i = 0; i < sample->count; i++) {
    bool holds;
    struct arena_mark mark = arena_mark(&planner->scratch);
    ranges[range] = sample->values + (size_t)i * (size_t)sample->column_count;
    int status = program_test(program, &evaluation, &holds);
    arena_release(&planner->scratch, mark);
    if (status)
      return false;
    if (holds)
      bits[i / 64] |= (uint64_t)1 << i % 64;
  }
  return true;
}

static const struct tested *test_on_sample(struct planner *planner, int range, const struct node *node)
{
  struct known *known = known_of(planner, range);
  for (int i = 0; i < known->count; i++)
    if (known->tested[i].node == node)
      return &known->tested[i];
  if (known->count == known->capacity) {
    int capacity = known->capacity ? known->capacity * 2 : 8;
    struct tested *grown = ARENA_ARRAY(&planner->scratch, struct tested, capacity);
    if (!grown)
      return NULL;
    if (known->count)
      memcpy(grown, known->tested, sizeof *grown * (size_t)known->count);
    known->tested = grown;
    known->capacity = capacity;
  }
  struct tested *tested = &known->tested[known->count++];
  struct looking looking = {.range = range, .can_run = known->sample != NULL};
  *tested = (struct tested){.node = node};
  node_walk(node, look_at, &looking);
  tested->is_known = looking.can_run && run_on_sample(planner, range, node, known->sample, tested->bits);
  return tested;
}

// The table's column beneath casts and other functions of one argument; NULL: there is none.
static const struct node *column_beneath(struct planner *planner, const struct node *node)
{
  while (node->kind == NODE_CALL && node->argument_count == 1)
    node = node->arguments[0];
  const struct range *range = node->kind == NODE_COLUMN ? &planner->statement->ranges[node->range] : NULL;
  bool is_known = range && range->kind == RANGE_TABLE && node->column < range->relation->schema.column_count;
  return is_known ? node : NULL;
}

static double guess_equal(struct planner *planner, int range, const struct node *node)
{
  const struct node *column = column_beneath(planner, node);
  return column && column->range == range ? 1 / estimate_distinct(planner, range, &column->column, 1) : 0.005;
}

static double guess(struct planner *planner, int range, const struct node *node)
{
  enum comparison comparison;
  switch (node->kind) {
  case NODE_IN_LIST: {
    double part = fmin(1, guess_equal(planner, range, node->arguments[0]) * (node->argument_count - 1));
    return node->negated ? 1 - part : part;
  }
  case NODE_ARRAY_TEST: return fmin(0.5, guess_equal(planner, range, node->arguments[0]) * 10);
  case NODE_IS_NULL: return node->negated ? 1 - part_of_null : part_of_null;
  case NODE_NOT: return 1 - guess(planner, range, node->arguments[0]);
  case NODE_CALL: break;
  default: return part_of_rest;
  }
  if (node->function->is_operator && !strncmp(node->function->name, "~~", 2))
    return part_of_pattern;
  if (node->argument_count != 2 || !function_comparison(node->function, &comparison))
    return part_of_rest;
  if (comparison != COMPARE_EQUAL && comparison != COMPARE_NOT_EQUAL)
    return part_of_range;
  double part = fmin(guess_equal(planner, range, node->arguments[0]), guess_equal(planner, range, node->arguments[1]));
  return comparison == COMPARE_EQUAL ? part : 1 - part;
}

double estimate_part(struct planner *planner, int range, struct node *const *conditions, int count)
{
  const struct sample *sample = known_of(planner, range)->sample;
  uint64_t bits[SAMPLE_WORDS];
  double part = 1;
  bool any = false;
  memset(bits, 0xff, sizeof bits);
  for (int i = 0; i < count; i++) {
    const struct tested *tested = sample ? test_on_sample(planner, range, conditions[i]) : NULL;
    if (tested && tested->is_known) {
      for (int w = 0; w < SAMPLE_WORDS; w++)
        bits[w] &= tested->bits[w];
      any = true;
    } else
      part *= guess(planner, range, conditions[i]);
  }
  return any ? part * sample_part(sample, bits) : part;
}

// --- Equality between ranges -----------------------------------------------------------------------------------

// How many values the expressions of one side have together; 0: it cannot be told.
static double side_distinct(struct planner *planner, const struct node *const *nodes, int count)
{
  int columns[16], range = -1;
  for (int i = 0; i < count && i < 16; i++) {
    const struct node *node = column_beneath(planner, nodes[i]);
    if (!node || (range >= 0 && node->range != range))
      return 0;
    range = node->range;
    columns[i] = node->column;
  }
  return estimate_distinct(planner, range, columns, count < 16 ? count : 16);
}

double estimate_equal(struct planner *planner, const struct node *const *left, const struct node *const *right,
                      int count)
{
  double a = side_distinct(planner, left, count), b = side_distinct(planner, right, count);
  double most = fmax(a, b);
  return most > 0 ? 1 / most : pow(0.005, count);
}
