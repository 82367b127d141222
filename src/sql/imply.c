// Does a condition follow from others? So a partial index may be used: what it has not, the query does not want.
//
// 1. Only what surely follows is said to follow: false costs an index, true where it is wrong would cost rows.
// 2. A clause holds where it is TRUE, not where it is NULL: so what it reads strictly is not NULL.
#include "expr/function.h"
#include "sql/plan_node.h"

enum { DEPTH = 16 };

// x op constant, for either side of the operator.
struct comparing {
  const struct node *operand;
  enum comparison comparison;
  const struct node *constant;
};

static bool comparing_of(const struct node *node, struct comparing *comparing)
{
  if (node->kind != NODE_CALL || node->argument_count != 2 || !function_comparison(node->function, &comparing->comparison))
    return false;
  const struct node *left = node->arguments[0], *right = node->arguments[1];
  bool is_turned = left->kind == NODE_CONSTANT;
  comparing->operand = is_turned ? right : left;
  comparing->constant = is_turned ? left : right;
  if (is_turned)
    comparing->comparison = comparison_turned(comparing->comparison);
  return comparing->constant->kind == NODE_CONSTANT && !comparing->constant->constant.is_null;
}

// Of two comparisons of one value: does the first say the second? order: of the first one's constant to the other's.
static bool comparison_implies(enum comparison a, enum comparison b, int order)
{
  switch (b) {
  case COMPARE_EQUAL: return a == COMPARE_EQUAL && order == 0;
  case COMPARE_NOT_EQUAL:
    return (a == COMPARE_EQUAL && order != 0) || (a == COMPARE_NOT_EQUAL && order == 0) ||
           (a == COMPARE_LESS && order <= 0) || (a == COMPARE_LESS_EQUAL && order < 0) ||
           (a == COMPARE_GREATER && order >= 0) || (a == COMPARE_GREATER_EQUAL && order > 0);
  case COMPARE_LESS: return (a == COMPARE_LESS && order <= 0) || ((a == COMPARE_LESS_EQUAL || a == COMPARE_EQUAL) && order < 0);
  case COMPARE_LESS_EQUAL: return (a == COMPARE_LESS || a == COMPARE_LESS_EQUAL || a == COMPARE_EQUAL) && order <= 0;
  case COMPARE_GREATER:
    return (a == COMPARE_GREATER && order >= 0) || ((a == COMPARE_GREATER_EQUAL || a == COMPARE_EQUAL) && order > 0);
  case COMPARE_GREATER_EQUAL:
    return (a == COMPARE_GREATER || a == COMPARE_GREATER_EQUAL || a == COMPARE_EQUAL) && order >= 0;
  }
  return false;
}

// The constant in the place of the operand: does it make the condition over it true?
static bool constant_meets(const struct node *operand, int range, enum comparison comparison, const struct node *constant,
                           const struct node *wanted)
{
  struct comparing of;
  if (wanted->kind == NODE_IN_LIST && !wanted->negated && comparison == COMPARE_EQUAL) {
    bool meets = false;
    for (int i = 1; i < wanted->argument_count && !meets; i++)
      meets = node_equal(constant, wanted->arguments[i]);
    return meets && node_equal_over(operand, range, wanted->arguments[0]);
  }
  if (!comparing_of(wanted, &of) || of.constant->type.id != constant->type.id || constant->constant.is_null ||
      !node_equal_over(operand, range, of.operand))
    return false;
  int order = value_compare(constant->type.id, &constant->constant, &of.constant->constant);
  return comparison_implies(comparison, of.comparison, order);
}

// Where the node is not NULL, this is not NULL either.
static bool is_strict_in(const struct node *node, int range, const struct node *of_row, int depth)
{
  if (node_equal_over(node, range, of_row))
    return true;
  bool is_call = node->kind == NODE_CALL && !node->function->called_on_null;
  if (depth > DEPTH || (!is_call && node->kind != NODE_NOT))
    return false;
  for (int i = 0; i < node->argument_count; i++)
    if (is_strict_in(node->arguments[i], range, of_row, depth + 1))
      return true;
  return false;
}

// Where the clause is TRUE, this is not NULL.
static bool rules_null_out(const struct node *clause, int range, const struct node *of_row)
{
  switch (clause->kind) {
  case NODE_IN_LIST:
  case NODE_ARRAY_TEST: return !clause->negated && is_strict_in(clause->arguments[0], range, of_row, 0);
  case NODE_IS_TRUE:
  case NODE_IS_FALSE: return !clause->negated && is_strict_in(clause->arguments[0], range, of_row, 0);
  case NODE_IS_NULL: return clause->negated && is_strict_in(clause->arguments[0], range, of_row, 0);
  default: return is_strict_in(clause, range, of_row, 0);
  }
}

static bool clause_implies(const struct node *clause, int range, const struct node *wanted, int depth);

static bool list_implies(const struct node *clause, int range, const struct node *wanted)
{
  for (int i = 1; i < clause->argument_count; i++)
    if (clause->arguments[i]->kind != NODE_CONSTANT || clause->arguments[i]->constant.is_null ||
        !constant_meets(clause->arguments[0], range, COMPARE_EQUAL, clause->arguments[i], wanted))
      return false;
  return true;
}

// A boolean stands for itself = true.
static bool says_true(const struct node *clause, int range, const struct node *wanted)
{
  struct comparing of;
  if (comparing_of(wanted, &of) && of.constant->type.id == TYPE_BOOLEAN && of.comparison == COMPARE_EQUAL &&
      of.constant->constant.integer)
    return node_equal_over(clause, range, of.operand);
  if (comparing_of(clause, &of) && of.constant->type.id == TYPE_BOOLEAN && of.comparison == COMPARE_EQUAL &&
      of.constant->constant.integer)
    return node_equal_over(of.operand, range, wanted);
  return clause->kind == NODE_IS_TRUE && !clause->negated && node_equal_over(clause->arguments[0], range, wanted);
}

static bool simple_implies(const struct node *clause, int range, const struct node *wanted)
{
  struct comparing of;
  if (node_equal_over(clause, range, wanted) || says_true(clause, range, wanted))
    return true;
  if (wanted->kind == NODE_IS_NULL && wanted->negated)
    return rules_null_out(clause, range, wanted->arguments[0]);
  if (clause->kind == NODE_IN_LIST && !clause->negated)
    return list_implies(clause, range, wanted);
  return comparing_of(clause, &of) && constant_meets(of.operand, range, of.comparison, of.constant, wanted);
}

static bool clause_implies(const struct node *clause, int range, const struct node *wanted, int depth)
{
  if (depth > DEPTH)
    return false;
  if (wanted->kind == NODE_AND) {
    for (int i = 0; i < wanted->argument_count; i++)
      if (!clause_implies(clause, range, wanted->arguments[i], depth + 1))
        return false;
    return true;
  }
  if (clause->kind == NODE_OR) {
    for (int i = 0; i < clause->argument_count; i++)
      if (!clause_implies(clause->arguments[i], range, wanted, depth + 1))
        return false;
    return true;
  }
  for (int i = 0; clause->kind == NODE_AND && i < clause->argument_count; i++)
    if (clause_implies(clause->arguments[i], range, wanted, depth + 1))
      return true;
  for (int i = 0; wanted->kind == NODE_OR && i < wanted->argument_count; i++)
    if (clause_implies(clause, range, wanted->arguments[i], depth + 1))
      return true;
  return simple_implies(clause, range, wanted);
}

bool clauses_imply(struct node *const *clauses, int count, int range, const struct node *wanted)
{
  if (wanted->kind == NODE_AND) {
    for (int i = 0; i < wanted->argument_count; i++)
      if (!clauses_imply(clauses, count, range, wanted->arguments[i]))
        return false;
    return true;
  }
  for (int i = 0; i < count; i++)
    if (clause_implies(clauses[i], range, wanted, 0))
      return true;
  return false;
}
