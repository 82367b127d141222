// Expressions as PostgreSQL's EXPLAIN prints them.
#include <stdio.h>
#include <string.h>

#include "data/keyword.h"
#include "expr/array_node.h"
#include "sql/plan_node.h"

static void deparse(const struct plan *plan, const struct node *node, bool qualified, struct buffer *out);

// A name as SQL takes it: quoted where it must be.
void name_deparse(const char *name, struct buffer *out)
{
  if (name_is_plain(bytes_of_string(name))) {
    buffer_append_string(out, name);
    return;
  }
  buffer_append_u8(out, '"');
  for (const char *c = name; *c; c++) {
    if (*c == '"')
      buffer_append_u8(out, '"');
    buffer_append_u8(out, (uint8_t)*c);
  }
  buffer_append_u8(out, '"');
}

static void append_quoted(const struct buffer *text, struct buffer *out)
{
  buffer_append_u8(out, '\'');
  for (size_t i = 0; i < text->size; i++) {
    if (text->data[i] == '\'')
      buffer_append_u8(out, '\'');
    buffer_append_u8(out, text->data[i]);
  }
  buffer_append_u8(out, '\'');
}

// Types made by users stand by their numbers: who shows the text to somebody puts the names there.
static void show_number(void *context, uint32_t oid, char *text, int size)
{
  (void)context;
  snprintf(text, (size_t)size, "pg_catalog.type_%u", oid);
}

static void append_type(struct type type, struct buffer *out)
{
  char name[128];
  static const struct user_types by_number = {.show = show_number};
  type_format(type, &by_number, name, sizeof name);
  buffer_append_string(out, name);
}

// Numbers of definitions stand as they were most likely written: those of other types than a literal's own were turned
// into them, which a definition shows of what is inside of an expression.
static bool deparse_number(const struct node *node, bool is_inside, struct buffer *out)
{
  enum type_id type = node->type.id;
  bool is_integer = type_is_integer(type), is_float = type == TYPE_FLOAT8 || type == TYPE_FLOAT4;
  struct buffer text = {0};
  if (node->constant.is_null || node->is_quoted || (!is_integer && !is_float && type != TYPE_NUMERIC))
    return false;
  value_to_text(type, &node->constant, &format_settings_default, &text);
  bool is_plain = text.size && text.data[0] >= '0' && text.data[0] <= '9' &&
                  !(is_integer && node->constant.integer > INT32_MAX);
  bool is_cast = is_inside && !is_integer && (is_float || !memchr(text.data, '.', text.size));
  if (is_plain) {
    buffer_append_string(out, is_cast ? "(" : "");
    buffer_append_bytes(out, buffer_bytes(&text));
    buffer_append_string(out, is_cast ? ")::" : "");
    if (is_cast)
      append_type(type_plain(type), out);
  }
  buffer_deinit(&text);
  return is_plain;
}

static void deparse_constant(const struct plan *plan, const struct node *node, struct buffer *out)
{
  enum type_id type = node->type.id;
  struct buffer text = {0};
  if (plan->is_definition && deparse_number(node, true, out))
    return;
  if (node->constant.is_null) {
    buffer_append_string(out, "NULL::");
    append_type(node->type, out);
    return;
  }
  value_to_text(type, &node->constant, &format_settings_default, &text);
  bool is_bare = type == TYPE_INT4 || type == TYPE_NUMERIC;
  bool is_plain_number = is_bare && text.size && text.data[0] >= '0' && text.data[0] <= '9';
  if (plan->is_definition && type == TYPE_NUMERIC) // as that it would be read again
    is_plain_number &= memchr(text.data, '.', text.size) != NULL;
  if (type == TYPE_BOOLEAN)
    buffer_append_string(out, node->constant.integer ? "true" : "false");
  else if (is_plain_number)
    buffer_append_bytes(out, buffer_bytes(&text));
  else {
    append_quoted(&text, out);
    if (type != TYPE_UNKNOWN) {
      buffer_append_string(out, "::");
      append_type(type_plain(type), out);
    }
  }
  buffer_deinit(&text);
}

static void deparse_domain(const struct plan *plan, const struct node *node, bool qualified, struct buffer *out)
{
  buffer_append_u8(out, '(');
  deparse(plan, node->arguments[0], qualified, out);
  buffer_append_string(out, ")::");
  name_deparse(node->domain->name, out);
  if (node->domain->is_of_elements)
    buffer_append_string(out, "[]");
}

static void deparse_list(const struct plan *plan, struct node *const *nodes, int count, const char *between,
                         bool qualified, struct buffer *out)
{
  for (int i = 0; i < count; i++) {
    if (i)
      buffer_append_string(out, between);
    deparse(plan, nodes[i], qualified, out);
  }
}

static void deparse_order(const struct plan *plan, const struct aggregate_call *call, bool qualified,
                          struct buffer *out)
{
  for (int i = 0; i < call->order_count; i++) {
    const struct order_key *key = &call->order[i];
    buffer_append_string(out, i ? ", " : "ORDER BY ");
    deparse(plan, key->expression, qualified, out);
    if (key->is_descending)
      buffer_append_string(out, " DESC");
    if (key->nulls_first != key->is_descending)
      buffer_append_string(out, key->nulls_first ? " NULLS FIRST" : " NULLS LAST");
  }
}

static void deparse_filter(const struct plan *plan, const struct node *filter, bool qualified, struct buffer *out)
{
  if (!filter)
    return;
  buffer_append_string(out, " FILTER (WHERE ");
  deparse(plan, filter, qualified, out);
  buffer_append_u8(out, ')');
}

static void deparse_aggregate(const struct plan *plan, const struct aggregate_call *call, bool qualified,
                              struct buffer *out)
{
  bool is_plain = call->aggregate != NULL;
  buffer_append_string(out, call->grouping_count ? "GROUPING" : aggregate_call_name(call));
  buffer_append_string(out, call->is_distinct ? "(DISTINCT " : "(");
  if (is_plain && call->argument_count == 0)
    buffer_append_u8(out, '*');
  deparse_list(plan, call->arguments, call->argument_count, ", ", qualified, out);
  deparse_list(plan, call->direct, call->direct_count, ", ", qualified, out);
  deparse_list(plan, call->grouping, call->grouping_count, ", ", qualified, out);
  bool has_order = call->order_count && !(call->is_distinct && call->order_count == call->argument_count);
  if (is_plain && has_order)
    buffer_append_u8(out, ' ');
  if (is_plain && has_order)
    deparse_order(plan, call, qualified, out);
  buffer_append_u8(out, ')');
  if (call->set || call->hypothetical) {
    buffer_append_string(out, " WITHIN GROUP (");
    deparse_order(plan, call, qualified, out);
    buffer_append_u8(out, ')');
  }
  deparse_filter(plan, call->filter, qualified, out);
}

// Of the window itself PostgreSQL's EXPLAIN says nothing.
static void deparse_window_call(const struct plan *plan, const struct window_call *call, bool qualified,
                                struct buffer *out)
{
  buffer_format(out, "(%s(", call->function ? call->function->name : call->aggregate->name);
  if (call->aggregate && call->argument_count == 0)
    buffer_append_u8(out, '*');
  deparse_list(plan, call->arguments, call->argument_count, ", ", qualified, out);
  buffer_append_u8(out, ')');
  deparse_filter(plan, call->filter, qualified, out);
  buffer_append_string(out, " OVER (?))");
}

static void deparse_column(const struct plan *plan, const struct node *node, bool qualified, struct buffer *out)
{
  const struct range *range = &plan->statement->ranges[node->range];
  const struct query *grouped = plan->queries[node->range];
  if (range->kind == RANGE_WINDOW) {
    deparse_window_call(plan, &grouped->window_calls[node->column], qualified, out);
    return;
  }
  if (grouped && node->column < grouped->group_key_count) {
    deparse(plan, grouped->group_keys[node->column], qualified, out);
    return;
  }
  if (grouped) {
    buffer_append_u8(out, '(');
    deparse_aggregate(plan, &grouped->aggregates[node->column - grouped->group_key_count], qualified, out);
    buffer_append_u8(out, ')');
    return;
  }
  if (range->kind == RANGE_SET && range->operation->kind != SET_RECURSION) { // named by its first arm, as in PostgreSQL
    deparse(plan, range->operation->arms[0]->targets[node->column].expression, qualified, out);
    return;
  }
  bool is_relabelled = plan->is_definition && node->type.id != range->columns[node->column].type.id;
  buffer_append_string(out, is_relabelled ? "(" : "");
  if (qualified && range->alias) {
    name_deparse(range->alias, out);
    buffer_append_u8(out, '.');
  }
  if (range->relation && range->relation->kind == RELATION_TYPE) // a domain's one column
    buffer_append_string(out, "VALUE");
  else
    name_deparse(range->columns[node->column].name, out);
  if (is_relabelled) {
    buffer_append_string(out, ")::");
    append_type(node->type, out);
  }
}

// A conversion is a function whose result names it: shown as (x)::type.
static bool is_cast(const struct node *node)
{
  if (node->function == &array_cast_function || node->function == &array_from_text_function ||
      node->function == &array_modifier_function || node->function == &enum_from_text_function)
    return true;
  return node->argument_count >= 1 && node->argument_count <= 3 && !node->function->is_operator &&
         !type_is_pseudo(node->function->result) &&
         !strcmp(node->function->name, type_info(node->function->result)->short_name);
}

// Those that are called by a key word alone.
static bool is_key_word_function(const char *name)
{
  static const char *const names[] = {"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp",
                                      "current_user", "session_user"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i], name) == 0)
      return true;
  return false;
}

static void deparse_call(const struct plan *plan, const struct node *node, bool qualified, struct buffer *out)
{
  const struct function *function = node->function;
  if (function == &array_make_function || function == &array_element_function) {
    bool is_element = function == &array_element_function;
    if (is_element)
      deparse(plan, node->arguments[0], qualified, out);
    else
      buffer_append_string(out, "ARRAY");
    buffer_append_u8(out, '[');
    deparse_list(plan, node->arguments + is_element, node->argument_count - is_element, is_element ? "][" : ", ",
                 qualified, out);
    buffer_append_u8(out, ']');
  } else if (is_cast(node)) {
    buffer_append_u8(out, '(');
    deparse(plan, node->arguments[0], qualified, out);
    buffer_append_string(out, ")::");
    append_type(node->type, out);
  } else if (plan->is_definition && !strcmp(function->name, "extract") && node->argument_count == 2 &&
             node->arguments[0]->kind == NODE_CONSTANT && !node->arguments[0]->constant.is_null) {
    const struct value *field = &node->arguments[0]->constant;
    buffer_format(out, "EXTRACT(%.*s FROM ", (int)field->size, (const char *)field->data);
    deparse(plan, node->arguments[1], qualified, out);
    buffer_append_u8(out, ')');
  } else if (plan->is_definition && !strcmp(function->name, "timezone") && node->argument_count == 2) {
    buffer_append_u8(out, '(');
    deparse(plan, node->arguments[1], qualified, out);
    buffer_append_string(out, " AT TIME ZONE ");
    deparse(plan, node->arguments[0], qualified, out);
    buffer_append_u8(out, ')');
  } else if (function->is_operator) {
    buffer_append_u8(out, '(');
    if (node->argument_count == 2) {
      deparse(plan, node->arguments[0], qualified, out);
      buffer_append_u8(out, ' ');
    }
    buffer_append_string(out, function->name);
    buffer_append_u8(out, ' ');
    deparse(plan, node->arguments[node->argument_count - 1], qualified, out);
    buffer_append_u8(out, ')');
  } else if (plan->is_definition && node->argument_count == 0 && is_key_word_function(function->name)) {
    for (const char *c = function->name; *c; c++)
      buffer_append_u8(out, (uint8_t)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c));
  } else {
    buffer_append_string(out, function->name);
    buffer_append_u8(out, '(');
    deparse_list(plan, node->arguments, node->argument_count, ", ", qualified, out);
    buffer_append_u8(out, ')');
  }
}

static void deparse_case(const struct plan *plan, const struct node *node, bool qualified, struct buffer *out)
{
  bool is_indented = plan->is_definition;
  buffer_append_string(out, is_indented ? "\nCASE" : "CASE");
  for (int i = 0; i + 1 < node->argument_count; i += 2) {
    buffer_append_string(out, is_indented ? "\n    WHEN " : " WHEN ");
    deparse(plan, node->arguments[i], qualified, out);
    buffer_append_string(out, " THEN ");
    deparse(plan, node->arguments[i + 1], qualified, out);
  }
  buffer_append_string(out, is_indented ? "\n    ELSE " : " ELSE ");
  deparse(plan, node->arguments[node->argument_count - 1], qualified, out);
  buffer_append_string(out, is_indented ? "\nEND" : " END");
}

// All constants: PostgreSQL shows them as one array.
static void deparse_in(const struct plan *plan, const struct node *node, bool qualified, struct buffer *out)
{
  bool constant = true;
  for (int i = 1; i < node->argument_count; i++)
    constant &= node->arguments[i]->kind == NODE_CONSTANT && !node->arguments[i]->constant.is_null;
  buffer_append_u8(out, '(');
  deparse(plan, node->arguments[0], qualified, out);
  buffer_append_string(out, node->negated ? " <> ALL (" : " = ANY (");
  constant &= !plan->is_definition;
  if (constant) {
    buffer_append_string(out, "'{");
    for (int i = 1; i < node->argument_count; i++) {
      if (i > 1)
        buffer_append_u8(out, ',');
      value_to_text(node->arguments[i]->type.id, &node->arguments[i]->constant, &format_settings_default, out);
    }
    buffer_append_string(out, "}'::");
  } else {
    buffer_append_string(out, "ARRAY[");
    deparse_list(plan, node->arguments + 1, node->argument_count - 1, ", ", qualified, out);
    buffer_append_u8(out, ']');
  }
  if (constant) {
    append_type(type_plain(node->arguments[0]->type.id), out);
    buffer_append_string(out, "[]");
  }
  buffer_append_string(out, "))");
}

static void deparse_array_test(const struct plan *plan, const struct node *node, bool qualified, struct buffer *out)
{
  buffer_append_u8(out, '(');
  deparse(plan, node->arguments[0], qualified, out);
  buffer_format(out, " %s %s (", node->function->name, node->negated ? "ALL" : "ANY");
  deparse(plan, node->arguments[1], qualified, out);
  buffer_append_string(out, "))");
}

static void deparse_subquery(const struct plan *plan, const struct node *node, struct buffer *out)
{
  bool hashed = node->subquery_kind == SUBQUERY_IN && !plan->subqueries[node->subquery].is_correlated;
  if (node->subquery_kind == SUBQUERY_EXISTS)
    buffer_append_string(out, "EXISTS");
  buffer_format(out, "(%sSubPlan %d)", hashed ? "hashed " : "", node->subquery + 1);
}

static void deparse_test(const struct plan *plan, const struct node *node, bool qualified, struct buffer *out)
{
  static const char *const words[] = {
      [NODE_IS_NULL] = "NULL", [NODE_IS_TRUE] = "TRUE", [NODE_IS_FALSE] = "FALSE", [NODE_IS_UNKNOWN] = "UNKNOWN"};
  buffer_append_u8(out, '(');
  deparse(plan, node->arguments[0], qualified, out);
  buffer_append_string(out, node->negated ? " IS NOT " : " IS ");
  if (node->kind == NODE_DISTINCT) {
    buffer_append_string(out, "DISTINCT FROM ");
    deparse(plan, node->arguments[1], qualified, out);
  } else
    buffer_append_string(out, words[node->kind]);
  buffer_append_u8(out, ')');
}

static void deparse_named(const struct plan *plan, const char *name, const struct node *node, bool qualified,
                          struct buffer *out)
{
  buffer_append_string(out, name);
  buffer_append_u8(out, '(');
  deparse_list(plan, node->arguments, node->argument_count, ", ", qualified, out);
  buffer_append_u8(out, ')');
}

static void deparse(const struct plan *plan, const struct node *node, bool qualified, struct buffer *out)
{
  switch (node->kind) {
  case NODE_CONSTANT: deparse_constant(plan, node, out); break;
  case NODE_PARAMETER: buffer_format(out, "$%d", node->parameter + 1); break;
  case NODE_COLUMN: deparse_column(plan, node, qualified, out); break;
  case NODE_CALL: deparse_call(plan, node, qualified, out); break;
  case NODE_AND:
  case NODE_OR:
    buffer_append_u8(out, '(');
    deparse_list(plan, node->arguments, node->argument_count, node->kind == NODE_AND ? " AND " : " OR ", qualified,
                 out);
    buffer_append_u8(out, ')');
    break;
  case NODE_NOT:
    buffer_append_string(out, "(NOT ");
    deparse(plan, node->arguments[0], qualified, out);
    buffer_append_u8(out, ')');
    break;
  case NODE_IS_NULL:
  case NODE_IS_TRUE:
  case NODE_IS_FALSE:
  case NODE_IS_UNKNOWN:
  case NODE_DISTINCT: deparse_test(plan, node, qualified, out); break;
  case NODE_CASE: deparse_case(plan, node, qualified, out); break;
  case NODE_COALESCE: deparse_named(plan, "COALESCE", node, qualified, out); break;
  case NODE_NULLIF: deparse_named(plan, "NULLIF", node, qualified, out); break;
  case NODE_GREATEST: deparse_named(plan, "GREATEST", node, qualified, out); break;
  case NODE_LEAST: deparse_named(plan, "LEAST", node, qualified, out); break;
  case NODE_IN_LIST: deparse_in(plan, node, qualified, out); break;
  case NODE_ARRAY_TEST: deparse_array_test(plan, node, qualified, out); break;
  case NODE_DOMAIN: deparse_domain(plan, node, qualified, out); break;
  case NODE_SUBQUERY: deparse_subquery(plan, node, out); break;
  }
}

void node_deparse(const struct plan *plan, const struct node *node, bool qualified, struct buffer *out)
{
  deparse(plan, node, qualified, out);
}

const char *node_deparse_row(const struct relation *relation, const struct node *node, struct arena *arena)
{
  int count = relation->schema.column_count;
  struct range range = {.kind = RANGE_ROW, .relation = relation, .column_count = count};
  const struct query *grouped[1] = {NULL};
  struct statement statement = {.ranges = &range, .range_count = 1};
  struct plan plan = {.statement = &statement, .queries = grouped, .is_definition = true};
  range.columns = ARENA_ARRAY(arena, struct range_column, count + 1);
  if (!range.columns)
    return NULL;
  for (int i = 0; i < count; i++)
    range.columns[i] = (struct range_column){.name = relation->schema.columns[i].name, .type = relation->schema.columns[i].type};
  struct buffer text = {0};
  if (node->kind != NODE_CONSTANT || !deparse_number(node, false, &text))
    deparse(&plan, node, false, &text);
  buffer_append_u8(&text, 0);
  const char *copy = text.failed ? NULL : arena_string(arena, (const char *)text.data);
  buffer_deinit(&text);
  return copy;
}
