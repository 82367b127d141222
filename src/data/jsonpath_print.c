// jsonpath as text, in PostgreSQL's form: keys in quotes, operators in parentheses where a weaker one stands
// around them.
#include "data/json.h"
#include "data/jsonpath.h"
#include "data/numeric.h"

static void print_node(const struct jsonpath_node *node, bool in_key, bool in_brackets, struct buffer *out);

static const char *const words[] = {
    [JSONPATH_NULL] = "null",        [JSONPATH_TRUE] = "true",       [JSONPATH_FALSE] = "false",
    [JSONPATH_ROOT] = "$",           [JSONPATH_CURRENT] = "@",       [JSONPATH_LAST] = "last",
    [JSONPATH_TYPE] = "type",        [JSONPATH_SIZE] = "size",       [JSONPATH_DOUBLE] = "double",
    [JSONPATH_CEILING] = "ceiling",  [JSONPATH_FLOOR] = "floor",     [JSONPATH_ABS] = "abs",
    [JSONPATH_DATETIME] = "datetime", [JSONPATH_KEYVALUE] = "keyvalue", [JSONPATH_OR] = "||",
    [JSONPATH_AND] = "&&",           [JSONPATH_EQUAL] = "==",        [JSONPATH_UNEQUAL] = "!=",
    [JSONPATH_LESS] = "<",           [JSONPATH_GREATER] = ">",       [JSONPATH_AT_MOST] = "<=",
    [JSONPATH_AT_LEAST] = ">=",      [JSONPATH_STARTS_WITH] = "starts with", [JSONPATH_ADD] = "+",
    [JSONPATH_SUBTRACT] = "-",       [JSONPATH_MULTIPLY] = "*",      [JSONPATH_DIVIDE] = "/",
    [JSONPATH_MODULO] = "%",         [JSONPATH_PLUS] = "+",          [JSONPATH_MINUS] = "-",
};

const char *jsonpath_method_name(enum jsonpath_kind kind) { return words[kind]; }

static int priority(enum jsonpath_kind kind)
{
  switch (kind) {
  case JSONPATH_OR: return 0;
  case JSONPATH_AND: return 1;
  case JSONPATH_EQUAL:
  case JSONPATH_UNEQUAL:
  case JSONPATH_LESS:
  case JSONPATH_GREATER:
  case JSONPATH_AT_MOST:
  case JSONPATH_AT_LEAST:
  case JSONPATH_STARTS_WITH: return 2;
  case JSONPATH_ADD:
  case JSONPATH_SUBTRACT: return 3;
  case JSONPATH_MULTIPLY:
  case JSONPATH_DIVIDE:
  case JSONPATH_MODULO: return 4;
  case JSONPATH_PLUS:
  case JSONPATH_MINUS: return 5;
  default: return 6;
  }
}

static void print_operand(const struct jsonpath_node *node, const struct jsonpath_node *operand, struct buffer *out)
{
  print_node(operand, false, priority(operand->kind) <= priority(node->kind), out);
}

static void print_levels(const struct jsonpath_node *node, struct buffer *out)
{
  buffer_append_string(out, "**");
  if (node->first == 0 && node->last == JSONPATH_LEVELS)
    return;
  if (node->first == JSONPATH_LEVELS)
    buffer_append_string(out, "{last");
  else
    buffer_format(out, "{%u", node->first);
  if (node->first != node->last && node->last == JSONPATH_LEVELS)
    buffer_append_string(out, " to last");
  else if (node->first != node->last)
    buffer_format(out, " to %u", node->last);
  buffer_append_u8(out, '}');
}

static void print_subscripts(const struct jsonpath_node *node, struct buffer *out)
{
  buffer_append_u8(out, '[');
  for (const struct jsonpath_node *at = node; at; at = at->more) {
    print_node(at->left, false, false, out);
    if (at->right) {
      buffer_append_string(out, " to ");
      print_node(at->right, false, false, out);
    }
    if (at->more)
      buffer_append_u8(out, ',');
  }
  buffer_append_u8(out, ']');
}

static void print_predicate(const struct jsonpath_node *node, bool in_brackets, struct buffer *out)
{
  switch (node->kind) {
  case JSONPATH_NOT:
    buffer_append_string(out, "!(");
    print_node(node->left, false, false, out);
    buffer_append_u8(out, ')');
    return;
  case JSONPATH_EXISTS:
    buffer_append_string(out, "exists (");
    print_node(node->left, false, false, out);
    buffer_append_u8(out, ')');
    return;
  case JSONPATH_IS_UNKNOWN:
    buffer_append_u8(out, '(');
    print_node(node->left, false, false, out);
    buffer_append_string(out, ") is unknown");
    return;
  default: break;
  }
  if (in_brackets)
    buffer_append_u8(out, '(');
  print_operand(node, node->left, out);
  if (node->kind == JSONPATH_LIKE_REGEX) {
    buffer_append_string(out, " like_regex ");
    json_quote(node->text, out);
    if (node->flags[0])
      buffer_format(out, " flag \"%s\"", node->flags);
  } else {
    buffer_format(out, " %s ", words[node->kind]);
    print_operand(node, node->right, out);
  }
  if (in_brackets)
    buffer_append_u8(out, ')');
}

static void print_arithmetic(const struct jsonpath_node *node, bool in_brackets, struct buffer *out)
{
  bool is_sign = node->kind == JSONPATH_PLUS || node->kind == JSONPATH_MINUS;
  if (in_brackets)
    buffer_append_u8(out, '(');
  if (!is_sign)
    print_operand(node, node->left, out);
  buffer_format(out, is_sign ? "%s" : " %s ", words[node->kind]);
  print_operand(node, is_sign ? node->left : node->right, out);
  if (in_brackets)
    buffer_append_u8(out, ')');
}

static void print_accessor(const struct jsonpath_node *node, bool in_key, struct buffer *out)
{
  switch (node->kind) {
  case JSONPATH_KEY:
    if (in_key)
      buffer_append_u8(out, '.');
    json_quote(node->text, out);
    return;
  case JSONPATH_ANY_KEY:
    buffer_append_string(out, in_key ? ".*" : "*");
    return;
  case JSONPATH_ANY_LEVEL:
    if (in_key)
      buffer_append_u8(out, '.');
    print_levels(node, out);
    return;
  case JSONPATH_ELEMENTS: print_subscripts(node, out); return;
  case JSONPATH_ANY_ELEMENT: buffer_append_string(out, "[*]"); return;
  case JSONPATH_FILTER:
    buffer_append_string(out, "?(");
    print_node(node->left, false, false, out);
    buffer_append_u8(out, ')');
    return;
  default:
    buffer_format(out, ".%s(", words[node->kind]);
    if (node->left)
      print_node(node->left, false, false, out);
    buffer_append_u8(out, ')');
  }
}

static void print_node(const struct jsonpath_node *node, bool in_key, bool in_brackets, struct buffer *out)
{
  for (; node; node = node->next, in_key = in_brackets = true) {
    if (node->kind == JSONPATH_NUMBER) { // in brackets where a point follows, which would be the number's
      if (node->next)
        buffer_append_u8(out, '(');
      numeric_to_text(&node->number, out);
      if (node->next)
        buffer_append_u8(out, ')');
    } else if (node->kind == JSONPATH_STRING) {
      json_quote(node->text, out);
    } else if (node->kind == JSONPATH_VARIABLE) {
      buffer_append_u8(out, '$');
      json_quote(node->text, out);
    } else if (node->kind < JSONPATH_KEY) {
      buffer_append_string(out, words[node->kind]);
    } else if (node->kind < JSONPATH_OR) {
      print_accessor(node, in_key, out);
    } else if (jsonpath_is_predicate(node->kind)) {
      print_predicate(node, in_brackets || node->next, out);
    } else {
      print_arithmetic(node, in_brackets || node->next, out);
    }
  }
}

void jsonpath_print(const struct jsonpath *path, struct buffer *out)
{
  if (path->is_strict)
    buffer_append_string(out, "strict ");
  print_node(path->root, false, true, out);
}
