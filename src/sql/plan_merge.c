// Merge joins: a hash join whose two sides come in the order of its keys anyway needs no table.
//
// A scan gives its rows in the order of its tree's key. That order is also one by the later parts of the key if the
// first ones are fixed to a value each. Joins that go through their left side once give that side's order.
#include "sql/plan_join.h"

// The scan whose order a node's rows have; NULL: none.
static const struct plan_scan *leading_scan(const struct plan_node *node)
{
  while (node->kind == PLAN_LOOP || node->kind == PLAN_MERGE_JOIN) {
    if (node->join.form == JOIN_FORM_FULL)
      return NULL;
    node = node->left;
  }
  return node->kind == PLAN_SCAN && !node->scan.is_backward ? &node->scan : NULL;
}

// How many of the first parts have one value in all of the scan's rows.
static int fixed_parts(const struct plan_scan *scan)
{
  int count = 0;
  while (count < scan->equal_count && !scan->equals[count].is_array &&
         (scan->equals[count].is_null || scan->equals[count].value_count == 1))
    count++;
  return count;
}

// The column that is this part of the scan's order: of an index the primary key's parts follow on its own. -1: none, or in
// an order other than the values'.
static int ordered_column(const struct plan_scan *scan, int number)
{
  const struct relation *relation = scan->relation;
  const struct key_part *part = number < scan->part_count ? &scan->parts[number] : NULL;
  if (!part && scan->index && number - scan->part_count < relation->key_count)
    part = &relation->key[number - scan->part_count];
  return part && !part->descending && !part->nulls_first && part->column < relation->schema.column_count ? part->column
                                                                                                         : -1;
}

static bool is_column(const struct expression *key, const struct plan_scan *scan, int column)
{
  return column >= 0 && key->form == EXPRESSION_COLUMN && key->range == scan->range && key->column == column;
}

static bool types_are_alike(const struct plan_join *join, int key, const struct plan_scan *left, const struct plan_scan *right)
{
  enum type_id a = left->relation->schema.columns[join->left_keys[key].column].type.id,
               b = right->relation->schema.columns[join->right_keys[key].column].type.id;
  return a == b || (type_is_integer(a) && type_is_integer(b));
}

static void swap_expressions(struct expression *list, int a, int b)
{
  struct expression swapped = list[a];
  list[a] = list[b];
  list[b] = swapped;
}

static void swap_keys(struct plan_join *join, int a, int b)
{
  const struct node *node = join->key_nodes[a];
  swap_expressions(join->left_keys, a, b);
  swap_expressions(join->right_keys, a, b);
  join->key_nodes[a] = join->key_nodes[b];
  join->key_nodes[b] = node;
}

// Puts the keys into the order in which both scans have them, from these parts on.
static bool order_keys(struct plan_join *join, const struct plan_scan *left, int left_part, const struct plan_scan *right,
                       int right_part)
{
  for (int i = 0; i < join->key_count; i++) {
    int a = ordered_column(left, left_part + i), b = ordered_column(right, right_part + i), found = i;
    while (found < join->key_count &&
           !(is_column(&join->left_keys[found], left, a) && is_column(&join->right_keys[found], right, b)))
      found++;
    if (found == join->key_count || !types_are_alike(join, found, left, right))
      return false;
    swap_keys(join, i, found);
  }
  return true;
}

void join_merge(struct plan_node *node)
{
  const struct plan_scan *left = leading_scan(node->left), *right = leading_scan(node->right);
  if (!left || !right)
    return;
  for (int a = fixed_parts(left); a >= 0; a--)
    for (int b = fixed_parts(right); b >= 0; b--)
      if (order_keys(&node->join, left, a, right, b)) {
        node->kind = PLAN_MERGE_JOIN;
        return;
      }
}
