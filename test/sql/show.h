// Bound statements as text, for tests: ranges are r0, r1, …; a query is (SELECT … FROM …).
#pragma once

#include <stdio.h>

#include "base/buffer.h"
#include "sql/query.h"

static void show_query(const struct statement *statement, const struct query *query, struct buffer *out);

static void show_node(const struct statement *s, const struct node *node, struct buffer *out);

static void show_list(const struct statement *s, struct node *const *nodes, int count, const char *between,
                      struct buffer *out)
{
  for (int i = 0; i < count; i++) {
    buffer_append_string(out, i ? between : "");
    show_node(s, nodes[i], out);
  }
}

static void show_subquery(const struct statement *s, const struct node *node, struct buffer *out)
{
  static const char *const kinds[] = {"scalar", "exists", "in"};
  const struct subquery *subquery = &s->subqueries[node->subquery];
  if (node->argument_count) {
    show_node(s, node->arguments[0], out);
    buffer_append_string(out, " ");
  }
  buffer_format(out, "%s%s", kinds[node->subquery_kind], subquery->is_correlated ? "~" : "");
  show_query(s, subquery->query, out);
}

static void show_constant(const struct node *node, struct buffer *out)
{
  const char *quote = type_info(node->type.id)->storage == STORAGE_BYTES && node->type.id != TYPE_NUMERIC ? "'" : "";
  if (node->constant.is_null) {
    buffer_append_string(out, "null");
    return;
  }
  buffer_append_string(out, quote);
  value_to_text(node->type.id == TYPE_UNKNOWN ? TYPE_TEXT : node->type.id, &node->constant, &format_settings_default,
                out);
  buffer_append_string(out, quote);
}

static void show_call(const struct statement *s, const struct node *node, struct buffer *out)
{
  bool is_infix = node->function->is_operator && node->argument_count == 2;
  if (!is_infix)
    buffer_append_string(out, node->function->name);
  buffer_append_string(out, "(");
  char between[32] = ", ";
  if (is_infix)
    snprintf(between, sizeof between, " %s ", node->function->name);
  show_list(s, node->arguments, node->argument_count, between, out);
  buffer_append_string(out, ")");
}

static void show_node(const struct statement *s, const struct node *node, struct buffer *out)
{
  static const char *const names[] = {
      [NODE_AND] = "and",
      [NODE_OR] = "or",
      [NODE_NOT] = "not",
      [NODE_IS_NULL] = "is_null",
      [NODE_IS_TRUE] = "is_true",
      [NODE_IS_FALSE] = "is_false",
      [NODE_IS_UNKNOWN] = "is_unknown",
      [NODE_DISTINCT] = "distinct",
      [NODE_CASE] = "case",
      [NODE_COALESCE] = "coalesce",
      [NODE_NULLIF] = "nullif",
      [NODE_GREATEST] = "greatest",
      [NODE_LEAST] = "least",
      [NODE_IN_LIST] = "in",
  };
  switch (node->kind) {
  case NODE_CONSTANT: show_constant(node, out); return;
  case NODE_PARAMETER: buffer_format(out, "$%d", node->parameter + 1); return;
  case NODE_COLUMN:
    buffer_format(out, "r%d.%s", node->range,
                  node->column < s->ranges[node->range].column_count ? s->ranges[node->range].columns[node->column].name
                                                                     : "key");
    return;
  case NODE_CALL: show_call(s, node, out); return;
  case NODE_SUBQUERY: show_subquery(s, node, out); return;
  default: break;
  }
  buffer_format(out, "%s%s(", node->negated ? "not_" : "", names[node->kind]);
  show_list(s, node->arguments, node->argument_count, ", ", out);
  buffer_append_string(out, ")");
}

static void show_targets(const struct statement *s, const struct target *targets, int count, int visible,
                         struct buffer *out)
{
  for (int i = 0; i < count; i++) {
    char type[64];
    type_format(targets[i].expression->type, NULL, type, sizeof type);
    buffer_append_string(out, i == 0 ? "" : i == visible ? " | " : ", ");
    show_node(s, targets[i].expression, out);
    if (i < visible)
      buffer_format(out, " %s:%s", targets[i].name, type);
  }
}

static void show_range(const struct statement *s, int number, struct buffer *out)
{
  const struct range *range = &s->ranges[number];
  buffer_format(out, "r%d=", number);
  switch (range->kind) {
  case RANGE_TABLE: buffer_append_string(out, range->relation->name); break;
  case RANGE_SOURCE: buffer_format(out, "source %s", range->relation->name); break;
  case RANGE_SYSTEM: buffer_format(out, "system %s", range->alias); break;
  case RANGE_SUBQUERY: show_query(s, range->query, out); break;
  case RANGE_SET:
    for (int i = 0; i < range->operation->arm_count; i++)
      show_query(s, range->operation->arms[i], out);
    break;
  case RANGE_FUNCTION:
    buffer_format(out, "%s(", range->function);
    show_list(s, range->arguments, range->argument_count, ", ", out);
    buffer_append_string(out, ")");
    break;
  case RANGE_VALUES:
    buffer_append_string(out, "values");
    for (int i = 0; i < range->value_count; i++) {
      buffer_append_string(out, "(");
      show_list(s, range->values[i], range->column_count, ", ", out);
      buffer_append_string(out, ")");
    }
    break;
  default: buffer_append_string(out, "row"); break;
  }
}

static void show_join(const struct statement *s, const struct join *join, struct buffer *out)
{
  if (join->kind == JOIN_RANGE) {
    show_range(s, join->range, out);
    return;
  }
  buffer_append_string(out, "[");
  show_join(s, join->left, out);
  buffer_append_string(out, join->kind == JOIN_LEFT ? " left " : join->kind == JOIN_FULL ? " full " : " join ");
  show_join(s, join->right, out);
  if (join->condition) {
    buffer_append_string(out, " on ");
    show_node(s, join->condition, out);
  }
  buffer_append_string(out, "]");
}

static void show_group(const struct statement *s, const struct query *query, struct buffer *out)
{
  buffer_format(out, " GROUP r%d (", query->group_range);
  show_list(s, query->group_keys, query->group_key_count, ", ", out);
  buffer_append_string(out, ")");
  for (int i = 0; i < query->aggregate_count; i++) {
    const struct aggregate_call *call = &query->aggregates[i];
    buffer_format(out, " %s(%s", call->aggregate->name, call->is_distinct ? "distinct " : "");
    show_list(s, call->arguments, call->argument_count, ", ", out);
    buffer_append_string(out, call->filter ? " filter " : "");
    if (call->filter)
      show_node(s, call->filter, out);
    buffer_append_string(out, ")");
  }
}

static void show_part(const struct statement *s, const char *word, const struct node *node, struct buffer *out)
{
  if (!node)
    return;
  buffer_append_string(out, word);
  show_node(s, node, out);
}

static void show_query(const struct statement *s, const struct query *query, struct buffer *out)
{
  buffer_format(out, "(SELECT %s", query->is_distinct ? "DISTINCT " : "");
  show_targets(s, query->targets, query->target_count, query->visible_count, out);
  if (query->from) {
    buffer_append_string(out, " FROM ");
    show_join(s, query->from, out);
  }
  show_part(s, " WHERE ", query->where, out);
  if (query->is_grouped)
    show_group(s, query, out);
  show_part(s, " HAVING ", query->having, out);
  for (int i = 0; i < query->order_count; i++)
    buffer_format(out, "%s%d%s%s", i ? ", " : " ORDER ", query->order[i].column,
                  query->order[i].is_descending ? " desc" : "", query->order[i].nulls_first ? " nulls first" : "");
  show_part(s, " LIMIT ", query->limit, out);
  show_part(s, " OFFSET ", query->offset, out);
  buffer_append_string(out, ")");
}

static void show_conflict(const struct statement *s, const struct modification *m, struct buffer *out)
{
  if (m->conflict == CONFLICT_ERROR)
    return;
  buffer_format(out, " CONFLICT %d %s", m->arbiter, m->conflict == CONFLICT_NOTHING ? "nothing" : "update");
  if (m->conflict == CONFLICT_UPDATE)
    buffer_format(out, " way=r%d excluded=r%d", m->target_range, m->excluded_range);
}

static void show_statement(const struct statement *s, struct buffer *out)
{
  const struct modification *m = s->modification;
  if (!m) {
    show_query(s, s->query, out);
  } else {
    static const char *const verbs[] = {"", "INSERT", "UPDATE", "DELETE"};
    buffer_format(out, "%s %s", verbs[s->kind], m->relation->name);
    if (s->kind == STATEMENT_INSERT) {
      buffer_append_string(out, " (");
      show_list(s, m->values, m->relation->schema.column_count, ", ", out);
      buffer_append_string(out, ")");
      if (m->source_range >= 0) {
        buffer_append_string(out, " ");
        show_range(s, m->source_range, out);
      }
    } else {
      show_query(s, s->query, out);
    }
    show_conflict(s, m, out);
    for (int i = 0; i < m->assignment_count; i++) {
      buffer_format(out, " %s=", m->relation->schema.columns[m->assignments[i].column].name);
      show_node(s, m->assignments[i].value, out);
    }
    show_part(s, " WHERE ", m->conflict_where, out);
    if (m->returning_count) {
      buffer_format(out, " RETURNING (new=r%d) ", m->new_range);
      show_targets(s, m->returning, m->returning_count, m->returning_count, out);
    }
  }
  for (int i = 0; i < s->parameter_count; i++)
    buffer_format(out, " $%d:%s", i + 1, type_info(s->parameters[i].id)->short_name);
  buffer_append_string(out, s->is_volatile ? " volatile" : "");
  buffer_append_string(out, s->reads_system ? " system" : "");
  buffer_append_string(out, s->takes_atom ? " atom" : "");
}
