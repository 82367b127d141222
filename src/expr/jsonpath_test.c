// jsonpath: predicates. What fails inside of one is unknown, not an error.
#include "data/numeric.h"
#include "expr/jsonpath_run.h"
#include "expr/regex.h"

static enum run_result run_quietly(struct run *run, const struct jsonpath_node *node, struct jsonb item, bool unwraps,
                                   struct found *found)
{
  bool throws = run->throws;
  run->throws = false;
  enum run_result result = found ? run_unwrapped(run, node, item, unwraps, found) : run_node(run, node, item, NULL);
  run->throws = throws;
  return result;
}

static enum truth truth_of(bool is_true) { return is_true ? IS_TRUE : IS_FALSE; }

static bool is_boolean(struct jsonb item) { return item.kind == JSON_TRUE || item.kind == JSON_FALSE; }

static enum truth compare(struct run *run, const struct jsonpath_node *node, struct jsonb a, struct jsonb b)
{
  int order = 0;
  if (a.kind != b.kind && !(is_boolean(a) && is_boolean(b))) {
    bool has_null = a.kind == JSON_NULL || b.kind == JSON_NULL;
    return has_null ? truth_of(node->kind == JSONPATH_UNEQUAL) : IS_UNKNOWN;
  }
  if (a.kind == RUN_MOMENT ? !run_compare_moments(run, a, b, &order) : json_is_container(a.kind))
    return IS_UNKNOWN;
  if (a.kind == JSON_STRING) {
    order = bytes_compare(jsonb_bytes(a), jsonb_bytes(b));
  } else if (a.kind == JSON_NUMBER) {
    struct value x = run_number_of(a), y = run_number_of(b);
    order = numeric_compare(&x, &y);
  } else if (is_boolean(a)) {
    order = (a.kind == JSON_TRUE) - (b.kind == JSON_TRUE);
  }
  switch (node->kind) {
  case JSONPATH_EQUAL: return truth_of(order == 0);
  case JSONPATH_UNEQUAL: return truth_of(order != 0);
  case JSONPATH_LESS: return truth_of(order < 0);
  case JSONPATH_GREATER: return truth_of(order > 0);
  case JSONPATH_AT_MOST: return truth_of(order <= 0);
  default: return truth_of(order >= 0);
  }
}

static enum truth starts(struct jsonb whole, struct jsonb initial)
{
  if (whole.kind != JSON_STRING || initial.kind != JSON_STRING)
    return IS_UNKNOWN;
  return truth_of(whole.size >= initial.size && memcmp(whole.data, initial.data, initial.size) == 0);
}

// XQuery's flags as regexp_replace's: without s a point matches no line break, m is what lets ^ and $ see them.
static enum truth like(struct run *run, const struct jsonpath_node *node, struct jsonb item)
{
  struct regex regex;
  bool found = false, has_lines = strchr(node->flags, 'm'), has_all = strchr(node->flags, 's');
  char flags[4] = "";
  if (item.kind != JSON_STRING)
    return IS_UNKNOWN;
  size_t count = 0;
  if (strchr(node->flags, 'q'))
    flags[count++] = 'q';
  else
    flags[count++] = has_lines ? (has_all ? 'w' : 'n') : has_all ? 's' : 'p';
  if (strchr(node->flags, 'i'))
    flags[count++] = 'i';
  int status = regex_compile(run->evaluation, node->text, bytes_of_string(flags), &regex);
  regex.wants_extent = false;
  if (!status)
    status = regex_find(run->evaluation, &regex, jsonb_bytes(item), 0, &found);
  if (status)
    run_stop(run, status);
  return truth_of(found);
}

static enum truth test_pair(struct run *run, const struct jsonpath_node *node, struct jsonb a, struct jsonb b)
{
  if (node->kind == JSONPATH_LIKE_REGEX)
    return like(run, node, a);
  return node->kind == JSONPATH_STARTS_WITH ? starts(a, b) : compare(run, node, a, b);
}

// Some pair of what both sides give: in lax mode the first that is true or unknown decides, in strict mode all count.
static enum truth test_pairs(struct run *run, const struct jsonpath_node *node, struct jsonb item)
{
  struct found left = {0}, right = {0};
  bool is_strict = run->path->is_strict, is_found = false, is_unknown = false;
  if (run_quietly(run, node->left, item, true, &left) == RUN_FAILED)
    return IS_UNKNOWN;
  bool is_comparison = node->kind != JSONPATH_STARTS_WITH;
  if (node->right && run_quietly(run, node->right, item, is_comparison, &right) == RUN_FAILED)
    return IS_UNKNOWN;
  for (size_t i = 0; i < left.count; i++)
    for (size_t j = 0; j < (node->right ? right.count : 1); j++) {
      enum truth truth = test_pair(run, node, left.items[i], node->right ? right.items[j] : left.items[i]);
      if (run->status)
        return IS_UNKNOWN;
      if (truth == IS_UNKNOWN && is_strict)
        return IS_UNKNOWN;
      if (truth == IS_TRUE && !is_strict)
        return IS_TRUE;
      is_unknown |= truth == IS_UNKNOWN;
      is_found |= truth == IS_TRUE;
    }
  return is_found ? IS_TRUE : is_unknown ? IS_UNKNOWN : IS_FALSE;
}

static enum truth test_exists(struct run *run, const struct jsonpath_node *node, struct jsonb item)
{
  struct found found = {0};
  bool is_strict = run->path->is_strict; // which must look at all
  enum run_result result = run_quietly(run, node->left, item, false, is_strict ? &found : NULL);
  if (result == RUN_FAILED)
    return IS_UNKNOWN;
  return truth_of(is_strict ? found.count > 0 : result == RUN_FOUND);
}

enum truth run_predicate(struct run *run, const struct jsonpath_node *node, struct jsonb item)
{
  enum truth left, right;
  switch (node->kind) {
  case JSONPATH_AND:
    left = run_predicate(run, node->left, item);
    if (left == IS_FALSE || run->status)
      return left;
    right = run_predicate(run, node->right, item);
    return right == IS_TRUE ? left : right;
  case JSONPATH_OR:
    left = run_predicate(run, node->left, item);
    if (left == IS_TRUE || run->status)
      return left;
    right = run_predicate(run, node->right, item);
    return right == IS_FALSE ? left : right;
  case JSONPATH_NOT:
    left = run_predicate(run, node->left, item);
    return left == IS_UNKNOWN ? left : truth_of(left == IS_FALSE);
  case JSONPATH_IS_UNKNOWN: return truth_of(run_predicate(run, node->left, item) == IS_UNKNOWN);
  case JSONPATH_EXISTS: return test_exists(run, node, item);
  default: return test_pairs(run, node, item);
  }
}
