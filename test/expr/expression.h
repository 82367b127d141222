// A small reader of SQL expressions for the tests of expr/: no tables, no subqueries, the usual precedence.
// It does what the binder does: resolve, cast, wrap. Columns are c0, c1, … of range 0, with types that the test gives.
#pragma once

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sqlstate.h"
#include "expr/program.h"

struct reader {
  const char *start, *at;
  struct arena *arena;
  struct error *error;
  const enum type_id *columns;
  int column_count;
};

static struct node *read_or(struct reader *r);

static void skip_space(struct reader *r)
{
  while (isspace((unsigned char)*r->at))
    r->at++;
}

static bool is_name_character(char c) { return isalnum((unsigned char)c) || c == '_'; }

// Takes the word or the sign if it stands here.
static bool take(struct reader *r, const char *what)
{
  size_t size = strlen(what);
  skip_space(r);
  if (strncasecmp(r->at, what, size) != 0 || (isalpha((unsigned char)*what) && is_name_character(r->at[size])))
    return false;
  r->at += size;
  return true;
}

static struct node *syntax(struct reader *r)
{
  if (!r->error->sqlstate[0])
    (void)!error_set(r->error, SQLSTATE_SYNTAX_ERROR, "test syntax error at \"%.40s\"", r->at);
  return NULL;
}

static bool expect(struct reader *r, const char *what)
{
  if (take(r, what))
    return true;
  syntax(r);
  return false;
}

static struct node *as(struct reader *r, struct node *node, struct type type, enum cast_context context)
{
  return node ? cast_node(node, type, context, r->arena, NULL, r->error) : NULL;
}

static struct node *as_boolean(struct reader *r, struct node *node)
{
  return as(r, node, type_plain(TYPE_BOOLEAN), CAST_IMPLICIT);
}

static struct node *call_function(struct reader *r, const char *name, bool is_operator, struct node **arguments,
                                  int count)
{
  enum type_id given[64] = {0}, wanted[64], result;
  const struct function *function;
  for (int i = 0; i < count; i++) {
    if (!arguments[i])
      return NULL;
    given[i] = arguments[i]->type.id;
  }
  if (function_resolve(name, is_operator, given, count, NULL, &function, r->error) != STATUS_OK ||
      function_types(function, given, count, wanted, &result, r->error) != STATUS_OK)
    return NULL;
  for (int i = 0; i < count; i++) {
    struct type type = type_plain(wanted[i]);
    if (type.id != given[i] && !(arguments[i] = as(r, arguments[i], type, CAST_IMPLICIT)))
      return NULL;
  }
  struct node *node = node_new(r->arena, NODE_CALL, type_plain(result), 0, arguments, count);
  node->function = function;
  return node;
}

static struct node *binary(struct reader *r, const char *name, struct node *left, struct node *right)
{
  struct node *both[2] = {left, right};
  return call_function(r, name, true, both, 2);
}

// Casts the nodes from the given one on to their common type. TYPE_COUNT: they have none.
static enum type_id unify(struct reader *r, struct node **nodes, int count, int first, int step, const char *what)
{
  struct node *chosen[64];
  int n = 0;
  enum type_id common;
  if (step == 2) // CASE: ELSE, which stands last, decides first
    chosen[n++] = nodes[count - 1];
  for (int i = first; i < count; i += step) {
    if (!nodes[i])
      return TYPE_COUNT;
    chosen[n++] = nodes[i];
  }
  if (type_common((const struct node *const *)chosen, n, what, NULL, &common, r->error) != STATUS_OK)
    return TYPE_COUNT;
  for (int i = first; i < count; i += step)
    if (!(nodes[i] = as(r, nodes[i], type_plain(common), CAST_IMPLICIT)))
      return TYPE_COUNT;
  if (step == 2 && !(nodes[count - 1] = as(r, nodes[count - 1], type_plain(common), CAST_IMPLICIT)))
    return TYPE_COUNT;
  return common;
}

static int read_list(struct reader *r, struct node **nodes)
{
  int count = 0;
  if (take(r, ")"))
    return 0;
  do {
    if (count == 60 || !(nodes[count++] = read_or(r)))
      return -1;
  } while (take(r, ","));
  return expect(r, ")") ? count : -1;
}

static struct node *read_case(struct reader *r)
{
  struct node *nodes[64];
  int count = 0;
  while (take(r, "WHEN")) {
    if (count > 60 || !(nodes[count++] = as_boolean(r, read_or(r))) || !expect(r, "THEN") ||
        !(nodes[count++] = read_or(r)))
      return NULL;
  }
  if (take(r, "ELSE"))
    nodes[count++] = read_or(r);
  else
    nodes[count++] = node_constant(r->arena, type_plain(TYPE_UNKNOWN), value_null(), -1);
  if (!nodes[count - 1] || !expect(r, "END"))
    return NULL;
  enum type_id common = unify(r, nodes, count, 1, 2, "CASE");
  return common == TYPE_COUNT ? NULL : node_new(r->arena, NODE_CASE, type_plain(common), 0, nodes, count);
}

static struct node *read_special(struct reader *r, enum node_kind kind, const char *what)
{
  struct node *nodes[64];
  int count = expect(r, "(") ? read_list(r, nodes) : -1;
  if (count < 1)
    return NULL;
  enum type_id common = unify(r, nodes, count, 0, 1, what);
  return common == TYPE_COUNT ? NULL : node_new(r->arena, kind, type_plain(common), 0, nodes, count);
}

static struct node *read_string(struct reader *r)
{
  struct buffer text = {0};
  r->at++;
  while (*r->at && (*r->at != '\'' || r->at[1] == '\'')) {
    r->at += *r->at == '\'';
    buffer_append_u8(&text, (uint8_t)*r->at++);
  }
  if (*r->at)
    r->at++;
  char *copy = arena_copy(r->arena, text.data, text.size);
  struct value value = value_bytes(copy, (uint32_t)text.size);
  buffer_deinit(&text);
  return node_constant(r->arena, type_plain(TYPE_UNKNOWN), value, 0);
}

static struct node *read_number_literal(struct reader *r)
{
  const char *start = r->at;
  bool whole = true;
  for (; isdigit((unsigned char)*r->at) || *r->at == '.' || *r->at == 'e' ||
         (r->at > start && r->at[-1] == 'e' && (*r->at == '-' || *r->at == '+')); r->at++)
    whole = whole && isdigit((unsigned char)*r->at);
  struct bytes text = bytes_of(start, (size_t)(r->at - start));
  struct value value;
  struct error ignored = {0};
  enum type_id types[] = {TYPE_INT4, TYPE_INT8, TYPE_NUMERIC};
  for (int i = whole ? 0 : 2; i < 3; i++)
    if (value_from_text(type_plain(types[i]), text, &format_settings_default, r->arena, &value,
                        i < 2 ? &ignored : r->error) == STATUS_OK)
      return node_constant(r->arena, type_plain(types[i]), value, 0);
  return NULL;
}

static struct node *read_primary(struct reader *r)
{
  skip_space(r);
  if (isdigit((unsigned char)*r->at) || (*r->at == '.' && isdigit((unsigned char)r->at[1])))
    return read_number_literal(r);
  if (*r->at == '\'')
    return read_string(r);
  if (take(r, "(")) {
    struct node *node = read_or(r);
    return node && expect(r, ")") ? node : NULL;
  }
  if (take(r, "NULL"))
    return node_constant(r->arena, type_plain(TYPE_UNKNOWN), value_null(), 0);
  if (take(r, "true"))
    return node_constant(r->arena, type_plain(TYPE_BOOLEAN), value_boolean(true), 0);
  if (take(r, "false"))
    return node_constant(r->arena, type_plain(TYPE_BOOLEAN), value_boolean(false), 0);
  if (take(r, "CASE"))
    return read_case(r);
  if (take(r, "COALESCE"))
    return read_special(r, NODE_COALESCE, "COALESCE");
  if (take(r, "GREATEST"))
    return read_special(r, NODE_GREATEST, "GREATEST");
  if (take(r, "LEAST"))
    return read_special(r, NODE_LEAST, "LEAST");
  if (take(r, "NULLIF"))
    return read_special(r, NODE_NULLIF, "NULLIF");
  char name[64] = "";
  size_t size = 0;
  bool quoted = *r->at == '"';
  r->at += quoted;
  for (; is_name_character(*r->at) && size < sizeof name - 1; r->at++)
    name[size++] = (char)tolower((unsigned char)*r->at);
  r->at += quoted && *r->at == '"';
  if (size == 0)
    return syntax(r);
  if (name[0] == 'c' && isdigit((unsigned char)name[1]) && atoi(name + 1) < r->column_count)
    return node_column(r->arena, type_plain(r->columns[atoi(name + 1)]), 0, atoi(name + 1), 0);
  struct node *arguments[64];
  int count = expect(r, "(") ? read_list(r, arguments) : -1;
  return count < 0 ? NULL : call_function(r, name, false, arguments, count);
}

static bool read_type(struct reader *r, struct type *type)
{
  char name[64] = "";
  size_t size = 0;
  skip_space(r);
  bool quoted = *r->at == '"';
  for (r->at += quoted; is_name_character(*r->at) && size < sizeof name - 1; r->at++)
    name[size++] = *r->at;
  r->at += quoted;
  *type = type_plain(!quoted && strcmp(name, "char") == 0 ? TYPE_BPCHAR : type_of_name(name));
  if (type->id == TYPE_COUNT)
    return false;
  if (!quoted && strcmp(name, "char") == 0)
    type->modifier = 1;
  if (take(r, "(")) {
    type->modifier = (int32_t)strtol(r->at, (char **)&r->at, 10);
    int scale = take(r, ",") ? (int)strtol(r->at, (char **)&r->at, 10) : 0;
    if (type->id == TYPE_NUMERIC)
      type->modifier = (type->modifier << 16) | (scale & 0xffff);
    return expect(r, ")");
  }
  return true;
}

static struct node *read_cast(struct reader *r)
{
  struct node *node = read_primary(r);
  while (node && take(r, "::")) {
    struct type type;
    if (!read_type(r, &type))
      return syntax(r);
    node = as(r, node, type, CAST_EXPLICIT);
  }
  return node;
}

// Operator characters at this place.
static size_t operator_size(const char *at)
{
  return strspn(at, "+-*/<>=~!@#%^&|");
}

static struct node *read_unary(struct reader *r)
{
  skip_space(r);
  static const char *const names[] = {"||/", "|/", "-", "+", "@", "~"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (operator_size(r->at) && take(r, names[i])) {
      struct node *argument = read_unary(r);
      return call_function(r, names[i], true, &argument, 1);
    }
  return read_cast(r);
}

static int precedence(const char *name)
{
  if (strcmp(name, "^") == 0)
    return 5;
  if (strchr("*/%", *name) && !name[1])
    return 4;
  if (strchr("+-", *name) && !name[1])
    return 3;
  if (strcmp(name, "=") == 0 || strcmp(name, "<") == 0 || strcmp(name, ">") == 0 || strcmp(name, "<=") == 0 ||
      strcmp(name, ">=") == 0 || strcmp(name, "<>") == 0)
    return 1;
  return 2;
}

static struct node *read_binary(struct reader *r, int least)
{
  struct node *left = read_unary(r);
  while (left) {
    skip_space(r);
    size_t size = operator_size(r->at);
    char name[8] = "";
    for (; size > 1 && strchr("+-@", r->at[size - 1]) && !strchr("@#~!^", *r->at); size--)
      ; // a sign that belongs to the next operand
    if (size == 0 || size > 4)
      return left;
    memcpy(name, r->at, size);
    if (precedence(name) < least)
      return left;
    r->at += size;
    left = binary(r, name, left, read_binary(r, precedence(name) + 1));
  }
  return left;
}

static struct node *read_is(struct reader *r, struct node *left)
{
  static const struct {
    const char *word;
    enum node_kind kind;
  } tests[] = {{"NULL", NODE_IS_NULL}, {"TRUE", NODE_IS_TRUE}, {"FALSE", NODE_IS_FALSE}, {"UNKNOWN", NODE_IS_UNKNOWN}};
  bool negated = take(r, "NOT");
  struct node *node = NULL;
  if (take(r, "DISTINCT")) {
    if (!expect(r, "FROM"))
      return NULL;
    struct node *both[2] = {left, read_binary(r, 2)};
    if (unify(r, both, 2, 0, 1, "IS DISTINCT FROM") == TYPE_COUNT)
      return NULL;
    node = node_new(r->arena, NODE_DISTINCT, type_plain(TYPE_BOOLEAN), 0, both, 2);
  }
  for (size_t i = 0; i < 4 && !node; i++)
    if (take(r, tests[i].word)) {
      if (i > 0 && !(left = as_boolean(r, left)))
        return NULL;
      node = node_new(r->arena, tests[i].kind, type_plain(TYPE_BOOLEAN), 0, &left, 1);
    }
  if (!node)
    return syntax(r);
  node->negated = negated;
  return node;
}

static struct node *read_predicate(struct reader *r)
{
  struct node *left = read_binary(r, 1);
  while (left) {
    if (take(r, "IS")) {
      left = read_is(r, left);
      continue;
    }
    const char *before = r->at;
    bool negated = take(r, "NOT");
    if (take(r, "IN")) {
      struct node *nodes[64];
      nodes[0] = left;
      int count = expect(r, "(") ? read_list(r, nodes + 1) : -1;
      if (count < 1 || unify(r, nodes, count + 1, 0, 1, "IN") == TYPE_COUNT)
        return NULL;
      left = node_new(r->arena, NODE_IN_LIST, type_plain(TYPE_BOOLEAN), 0, nodes, count + 1);
      left->negated = negated;
    } else if (take(r, "LIKE")) {
      struct node *pattern = read_binary(r, 2);
      if (take(r, "ESCAPE")) {
        struct node *both[2] = {pattern, read_binary(r, 2)};
        pattern = call_function(r, "like_escape", false, both, 2);
      }
      left = binary(r, negated ? "!~~" : "~~", left, pattern);
    } else if (take(r, "ILIKE")) {
      left = binary(r, negated ? "!~~*" : "~~*", left, read_binary(r, 2));
    } else {
      r->at = before;
      break;
    }
  }
  return left;
}

static struct node *read_not(struct reader *r)
{
  if (!take(r, "NOT"))
    return read_predicate(r);
  struct node *argument = as_boolean(r, read_not(r));
  return argument ? node_new(r->arena, NODE_NOT, type_plain(TYPE_BOOLEAN), 0, &argument, 1) : NULL;
}

static struct node *read_and(struct reader *r)
{
  struct node *nodes[64];
  int count = 1;
  nodes[0] = read_not(r);
  while (nodes[count - 1] && count < 64 && take(r, "AND"))
    nodes[count++] = read_not(r);
  for (int i = 0; i < count; i++)
    if (!nodes[i] || (count > 1 && !(nodes[i] = as_boolean(r, nodes[i]))))
      return NULL;
  return count == 1 ? nodes[0] : node_new(r->arena, NODE_AND, type_plain(TYPE_BOOLEAN), 0, nodes, count);
}

static struct node *read_or(struct reader *r)
{
  struct node *nodes[64];
  int count = 1;
  nodes[0] = read_and(r);
  while (nodes[count - 1] && count < 64 && take(r, "OR"))
    nodes[count++] = read_and(r);
  for (int i = 0; i < count; i++)
    if (!nodes[i] || (count > 1 && !(nodes[i] = as_boolean(r, nodes[i]))))
      return NULL;
  return count == 1 ? nodes[0] : node_new(r->arena, NODE_OR, type_plain(TYPE_BOOLEAN), 0, nodes, count);
}

// NULL with an error.
static struct node *expression_read(struct reader *r, const char *text)
{
  r->start = r->at = text;
  struct node *node = read_or(r);
  skip_space(r);
  return node && *r->at ? syntax(r) : node;
}
