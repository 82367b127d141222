// Parentheses of operands, put in as calls of a function whose name is taken out of the text again. Too many do no
// harm; those that libpg_query writes by itself are left to it.
#include "sql/parentheses.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct marking {
  const char *mark;
  bool failed; // out of memory
};

// Does it bind less than what may stand around it?
static bool is_loose(const PgQuery__Node *node)
{
  if (!node)
    return false;
  switch (node->node_case) {
  case PG_QUERY__NODE__NODE_A_EXPR:
  case PG_QUERY__NODE__NODE_BOOL_EXPR:
  case PG_QUERY__NODE__NODE_BOOLEAN_TEST:
  case PG_QUERY__NODE__NODE_NULL_TEST:
  case PG_QUERY__NODE__NODE_COLLATE_CLAUSE: return true;
  case PG_QUERY__NODE__NODE_SUB_LINK: return node->sub_link->testexpr;
  default: return false;
  }
}

// Those that libpg_query sees by itself as operands of an operator.
static bool is_seen(const PgQuery__Node *node)
{
  return node && (node->node_case == PG_QUERY__NODE__NODE_A_EXPR || node->node_case == PG_QUERY__NODE__NODE_BOOL_EXPR ||
                  node->node_case == PG_QUERY__NODE__NODE_NULL_TEST);
}

// The node becomes a call with what it was as its argument.
static void enclose(struct marking *marking, PgQuery__Node *node)
{
  PgQuery__FuncCall *call = malloc(sizeof *call);
  PgQuery__Node *inner = malloc(sizeof *inner), *name = parse_string_node(marking->mark);
  PgQuery__Node **names = malloc(sizeof *names), **arguments = malloc(sizeof *arguments);
  if (!call || !inner || !name || !names || !arguments) {
    marking->failed = true;
    free(call);
    free(inner);
    free(names);
    free(arguments);
    if (name)
      pg_query__node__free_unpacked(name, NULL);
    return;
  }
  *inner = *node;
  *names = name;
  *arguments = inner;
  *call = (PgQuery__FuncCall)PG_QUERY__FUNC_CALL__INIT;
  call->n_funcname = call->n_args = 1;
  call->funcname = names;
  call->args = arguments;
  call->funcformat = PG_QUERY__COERCION_FORM__COERCE_EXPLICIT_CALL;
  *node = (PgQuery__Node)PG_QUERY__NODE__INIT;
  node->node_case = PG_QUERY__NODE__NODE_FUNC_CALL;
  node->func_call = call;
}

static void enclose_loose(struct marking *marking, PgQuery__Node *node)
{
  if (is_loose(node))
    enclose(marking, node);
}

static void enclose_unseen(struct marking *marking, PgQuery__Node *node)
{
  if (is_loose(node) && !is_seen(node))
    enclose(marking, node);
}

static void mark_operands(struct marking *marking, PgQuery__AExpr *expression)
{
  if (expression->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP) {
    enclose_unseen(marking, expression->lexpr);
    enclose_unseen(marking, expression->rexpr);
    return;
  }
  enclose_loose(marking, expression->lexpr);
  if (expression->kind == PG_QUERY__A__EXPR__KIND__AEXPR_IN)
    return;
  enclose_loose(marking, expression->rexpr);
  if (expression->rexpr && expression->rexpr->node_case == PG_QUERY__NODE__NODE_LIST)
    for (size_t i = 0; i < expression->rexpr->list->n_items; i++)
      enclose_loose(marking, expression->rexpr->list->items[i]);
}

static void mark_node(ProtobufCMessage *message, void *context)
{
  struct marking *marking = context;
  const ProtobufCMessageDescriptor *kind = message->descriptor;
  void *node = message;
  if (kind == &pg_query__a__expr__descriptor) {
    mark_operands(marking, node);
  } else if (kind == &pg_query__boolean_test__descriptor) {
    enclose_loose(marking, ((PgQuery__BooleanTest *)node)->arg);
  } else if (kind == &pg_query__null_test__descriptor) {
    enclose_loose(marking, ((PgQuery__NullTest *)node)->arg);
  } else if (kind == &pg_query__type_cast__descriptor) {
    PgQuery__Node *argument = ((PgQuery__TypeCast *)node)->arg;
    if (argument && argument->node_case != PG_QUERY__NODE__NODE_A_EXPR)
      enclose_loose(marking, argument);
  } else if (kind == &pg_query__collate_clause__descriptor) {
    enclose_loose(marking, ((PgQuery__CollateClause *)node)->arg);
  } else if (kind == &pg_query__sub_link__descriptor) {
    enclose_loose(marking, ((PgQuery__SubLink *)node)->testexpr);
  } else if (kind == &pg_query__a__indirection__descriptor) {
    PgQuery__Node *argument = ((PgQuery__AIndirection *)node)->arg;
    if (argument && argument->node_case == PG_QUERY__NODE__NODE_A_ARRAY_EXPR)
      enclose(marking, argument);
  }
}

bool parentheses_put(uint8_t **packed, size_t *size, char mark[PARENTHESES_MARK])
{
  unsigned number = 0;
  do
    snprintf(mark, PARENTHESES_MARK, "enclosed_%u", number++);
  while (memmem(*packed, *size, mark, strlen(mark)));
  PgQuery__ParseResult *tree = pg_query__parse_result__unpack(NULL, *size, *packed);
  if (!tree)
    return false;
  struct marking marking = {.mark = mark};
  parse_walk(&tree->base, mark_node, &marking);
  size_t marked_size = pg_query__parse_result__get_packed_size(tree);
  uint8_t *marked = marking.failed ? NULL : malloc(marked_size);
  if (marked) {
    pg_query__parse_result__pack(tree, marked);
    free(*packed);
    *packed = marked;
    *size = marked_size;
  }
  pg_query__parse_result__free_unpacked(tree, NULL);
  return marked;
}

void parentheses_finish(char *text, const char *mark)
{
  size_t length = strlen(mark);
  char *to = text, *found;
  for (const char *from = text;; from = found + length) {
    found = strstr(from, mark);
    size_t size = found ? (size_t)(found - from) : strlen(from);
    memmove(to, from, size);
    to += size;
    if (!found)
      break;
  }
  *to = '\0';
}
