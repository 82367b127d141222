// Expression trees: making, walking and comparing nodes.
#include "expr/node.h"

#include "expr/function.h"

struct node *node_new(struct arena *arena, enum node_kind kind, struct type type, int32_t position,
                      struct node *const *arguments, int argument_count)
{
  struct node *node = ARENA_NEW(arena, struct node);
  if (!node)
    return NULL;
  node->kind = kind;
  node->type = type;
  node->position = position;
  node->argument_count = argument_count;
  if (argument_count > 0) {
    node->arguments = ARENA_ARRAY(arena, struct node *, argument_count);
    if (!node->arguments)
      return NULL;
    memcpy(node->arguments, arguments, sizeof *arguments * (size_t)argument_count);
  }
  return node;
}

struct node *node_constant(struct arena *arena, struct type type, struct value value, int32_t position)
{
  struct node *node = node_new(arena, NODE_CONSTANT, type, position, NULL, 0);
  if (node)
    node->constant = value;
  return node;
}

struct node *node_column(struct arena *arena, struct type type, int range, int column, int32_t position)
{
  struct node *node = node_new(arena, NODE_COLUMN, type, position, NULL, 0);
  if (node) {
    node->range = range;
    node->column = column;
  }
  return node;
}

bool node_walk(const struct node *node, bool (*visit)(const struct node *node, void *context), void *context)
{
  if (!visit(node, context))
    return false;
  for (int i = 0; i < node->argument_count; i++)
    if (!node_walk(node->arguments[i], visit, context))
      return false;
  return true;
}

static bool constant_equal(const struct node *a, const struct node *b)
{
  if (a->type.id != b->type.id || a->constant.is_null != b->constant.is_null)
    return false;
  if (a->constant.is_null)
    return true;
  switch (type_info(a->type.id)->storage) {
  case STORAGE_INTEGER:
    return a->constant.integer == b->constant.integer;
  case STORAGE_FLOAT:
    return memcmp(&a->constant.float8, &b->constant.float8, sizeof(double)) == 0;
  case STORAGE_BYTES:
    break;
  }
  return bytes_equal(bytes_of(a->constant.data, a->constant.size), bytes_of(b->constant.data, b->constant.size));
}

// Types of columns and calls are not compared: a column that was relabelled (varchar as text) is still the same column.
// range: a's is this one and b's is 0; -1: both have the same.
static bool head_equal(const struct node *a, const struct node *b, int range)
{
  if (a->kind != b->kind || a->negated != b->negated || a->argument_count != b->argument_count)
    return false;
  switch (a->kind) {
  case NODE_CONSTANT:
    return constant_equal(a, b);
  case NODE_PARAMETER:
    return a->parameter == b->parameter;
  case NODE_COLUMN:
    return (range < 0 ? a->range == b->range : a->range == range && b->range == 0) && a->column == b->column;
  case NODE_CALL:
  case NODE_ARRAY_TEST:
    return a->function == b->function;
  case NODE_DOMAIN:
    return a->domain == b->domain;
  case NODE_SUBQUERY:
    return a->subquery_kind == b->subquery_kind && a->subquery == b->subquery;
  case NODE_DISTINCT:
  case NODE_NULLIF:
  case NODE_GREATEST:
  case NODE_LEAST:
  case NODE_IN_LIST:
    return a->arguments[0]->type.id == b->arguments[0]->type.id;
  default:
    return true;
  }
}

static bool equal(const struct node *a, const struct node *b, int range)
{
  if (!head_equal(a, b, range))
    return false;
  for (int i = 0; i < a->argument_count; i++)
    if (!equal(a->arguments[i], b->arguments[i], range))
      return false;
  return true;
}

bool node_equal(const struct node *a, const struct node *b)
{
  return a == b || equal(a, b, -1);
}

bool node_equal_over(const struct node *node, int range, const struct node *of_row)
{
  return equal(node, of_row, range);
}
