// Functions in the select list that give rows: for each row that comes, theirs side by side, until the longest is over.
// What is over before gives NULLs.
//
// Each arm has an arena of its own for its results, since arms take turns and an arena is a stack.
#include "sql/iterator.h"

struct arm {
  struct arena arena;
  bool is_over;
};

struct expand {
  struct iterator op;
  struct arm *arms;
  bool has_left;
};

static struct iterator *iterator_of(const struct expand *expand, int arm)
{
  return expand->op.execution->iterators[expand->op.node->append.arms[arm]->number];
}

static int arm_run(struct expand *expand, int number, int (*code)(struct iterator *op))
{
  struct evaluation *evaluation = &expand->op.execution->evaluation;
  struct arena *outer = evaluation->arena;
  evaluation->arena = &expand->arms[number].arena;
  int status = code(iterator_of(expand, number));
  evaluation->arena = outer;
  return status;
}

static int begin(struct expand *expand)
{
  int status = 0;
  for (int i = 0; i < expand->op.node->append.arm_count && !status; i++) {
    struct iterator *arm = iterator_of(expand, i);
    arena_reset(&expand->arms[i].arena);
    expand->arms[i].is_over = false;
    status = arm_run(expand, i, arm->rewind);
    arm->is_marked = false;
  }
  return status;
}

static void set_null(struct expand *expand, int arm)
{
  struct execution *execution = expand->op.execution;
  int range = expand->op.node->append.arms[arm]->function.range;
  for (int i = 0; i < execution->plan->statement->ranges[range].column_count; i++)
    execution->ranges[range][i] = value_null();
}

static int expand_next(struct iterator *op)
{
  struct expand *expand = (struct expand *)op;
  for (;;) {
    if (!expand->has_left) {
      int status = op->left->next(op->left);
      if (status == 1)
        status = begin(expand);
      else
        return status;
      if (status)
        return status;
      expand->has_left = true;
    }
    bool any = false;
    for (int i = 0; i < op->node->append.arm_count; i++) {
      int status = expand->arms[i].is_over ? 0 : arm_run(expand, i, iterator_of(expand, i)->next);
      if (status < 0)
        return status;
      any |= status == 1;
      expand->arms[i].is_over = status == 0;
      if (status == 0)
        set_null(expand, i);
    }
    if (any)
      return 1;
    expand->has_left = false;
  }
}

static void expand_stop(struct iterator *op)
{
  struct expand *expand = (struct expand *)op;
  for (int i = 0; i < op->node->append.arm_count; i++)
    arena_reset(&expand->arms[i].arena);
}

static int expand_rewind(struct iterator *op)
{
  expand_stop(op);
  ((struct expand *)op)->has_left = false;
  return op->left->rewind(op->left);
}

static void expand_close(struct iterator *op)
{
  struct expand *expand = (struct expand *)op;
  for (int i = 0; i < op->node->append.arm_count; i++)
    arena_deinit(&expand->arms[i].arena);
}

bool expand_open(struct iterator **op, struct execution *execution, const struct plan_node *node)
{
  struct expand *expand = ARENA_NEW(&execution->memory, struct expand);
  if (!expand || !(expand->arms = ARENA_ARRAY(&execution->memory, struct arm, node->append.arm_count + 1)))
    return false;
  for (int i = 0; i < node->append.arm_count; i++)
    arena_init(&expand->arms[i].arena, execution->account);
  expand->op.next = expand_next;
  expand->op.rewind = expand_rewind;
  expand->op.stop = expand_stop;
  expand->op.close = expand_close;
  *op = &expand->op;
  for (int i = 0; i < node->append.arm_count; i++)
    if (!iterator_open(execution, node->append.arms[i]))
      return false;
  return true;
}
