// Conditions in a form that keys understand.
//
//   day < date '1995-01-01' + interval '1 month'    day < '1995-02-01'::date
//
// A date compared with a constant moment is compared with a date: so it bounds a scan of an index, and takes one
// instruction.
#include "data/datetime.h"
#include "expr/moment.h"
#include "expr/program.h"
#include "sql/plan_node.h"

// The operator over dates and the day that the moment stands for; false: there is none.
static bool day_for(enum comparison *comparison, int64_t moment, int64_t *day)
{
  int64_t floor = moment / DAY_MICROSECONDS - (moment % DAY_MICROSECONDS < 0);
  bool is_midnight = moment % DAY_MICROSECONDS == 0;
  switch (*comparison) {
  case COMPARE_LESS:
  case COMPARE_GREATER_EQUAL: *day = is_midnight ? floor : floor + 1; return true;
  case COMPARE_LESS_EQUAL:
  case COMPARE_GREATER: *day = floor; return true;
  default: *day = floor; return is_midnight;
  }
}

static bool constant_moment(struct planner *planner, const struct node *node, int64_t *moment)
{
  struct error ignored;
  struct expression made = {.node = node};
  if (node->type.id != TYPE_TIMESTAMP)
    return false;
  if (node->kind == NODE_CONSTANT)
    made.constant = node->constant;
  else {
    const struct program *program = program_compile(node, &planner->scratch, &ignored);
    if (!program || !program->is_constant)
      return false;
    made.constant = program->constant;
  }
  *moment = made.constant.integer;
  return !made.constant.is_null && !timestamp_is_infinite(*moment);
}

struct node *condition_simplify(struct planner *planner, struct node *node)
{
  static const char *const operators[] = {"=", "<>", "<", "<=", ">", ">="};
  static const enum type_id dates[] = {TYPE_DATE, TYPE_DATE};
  enum comparison comparison;
  int64_t moment, day;
  if (node->kind != NODE_CALL || node->argument_count != 2 || !function_comparison(node->function, &comparison))
    return node;
  int side = node->arguments[0]->type.id == TYPE_DATE ? 0 : 1;
  struct node *date = node->arguments[side];
  if (date->kind != NODE_COLUMN || date->type.id != TYPE_DATE ||
      !constant_moment(planner, node->arguments[1 - side], &moment))
    return node;
  comparison = side ? comparison_turned(comparison) : comparison;
  const struct function *function;
  struct error ignored;
  if (!day_for(&comparison, moment, &day) ||
      function_resolve(operators[comparison], true, dates, 2, NULL, &function, &ignored))
    return node;
  struct node *constant = node_constant(planner->arena, type_plain(TYPE_DATE), value_integer(day), -1);
  struct node *arguments[] = {date, constant};
  struct node *made = constant ? node_new(planner->arena, NODE_CALL, node->type, node->position, arguments, 2) : NULL;
  if (!made)
    return node;
  made->function = function;
  return made;
}
