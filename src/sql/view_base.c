// What a view selects from, where it may be changed as if it were that table.
#include "sql/view_base.h"

#include <string.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "expr/function.h"

// --- What is in the select list -------------------------------------------------------------------------------------

struct found {
  bool aggregates, windows, sets;
};

static const char *call_name(const PgQuery__FuncCall *call)
{
  const PgQuery__Node *last = call->n_funcname ? call->funcname[call->n_funcname - 1] : NULL;
  return last && last->node_case == PG_QUERY__NODE__NODE_STRING ? last->string->sval : "";
}

static void note_call(const PgQuery__FuncCall *call, struct found *found)
{
  const char *name = call_name(call);
  if (call->over)
    found->windows = true;
  else if (aggregate_exists(name))
    found->aggregates = true;
  else if (strcmp(name, "generate_series") == 0 || set_function_exists(name))
    found->sets = true;
}

// Subqueries have calls of their own.
static void look(const ProtobufCMessage *message, struct found *found)
{
  const ProtobufCMessageDescriptor *descriptor = message->descriptor;
  if (descriptor == &pg_query__sub_link__descriptor)
    return;
  if (descriptor == &pg_query__func_call__descriptor)
    note_call((const PgQuery__FuncCall *)(const void *)message, found);
  for (unsigned i = 0; i < descriptor->n_fields; i++) {
    const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
    const char *base = (const char *)message, *at = base + field->offset;
    if (field->type != PROTOBUF_C_TYPE_MESSAGE)
      continue;
    bool is_other = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
                    *(const uint32_t *)(const void *)(base + field->quantifier_offset) != field->id;
    bool is_list = field->label == PROTOBUF_C_LABEL_REPEATED;
    size_t count = is_list ? *(const size_t *)(const void *)(base + field->quantifier_offset) : 1;
    ProtobufCMessage *const *items =
        is_list ? *(ProtobufCMessage *const *const *)(const void *)at : (ProtobufCMessage *const *)(const void *)at;
    for (size_t j = 0; j < count && !is_other; j++)
      if (items[j])
        look(items[j], found);
  }
}

static const char *query_refuses(const PgQuery__SelectStmt *select)
{
  if (select->n_distinct_clause)
    return "Views containing DISTINCT are not automatically updatable.";
  if (select->n_group_clause)
    return "Views containing GROUP BY are not automatically updatable.";
  if (select->having_clause)
    return "Views containing HAVING are not automatically updatable.";
  if (select->op > PG_QUERY__SET_OPERATION__SETOP_NONE)
    return "Views containing UNION, INTERSECT, or EXCEPT are not automatically updatable.";
  if (select->with_clause)
    return "Views containing WITH are not automatically updatable.";
  if (select->limit_count || select->limit_offset)
    return "Views containing LIMIT or OFFSET are not automatically updatable.";
  struct found found = {0};
  for (size_t i = 0; i < select->n_target_list; i++)
    look(&select->target_list[i]->base, &found);
  if (found.aggregates)
    return "Views that return aggregate functions are not automatically updatable.";
  if (found.windows)
    return "Views that return window functions are not automatically updatable.";
  if (found.sets)
    return "Views that return set-returning functions are not automatically updatable.";
  if (select->n_from_clause != 1 || select->from_clause[0]->node_case != PG_QUERY__NODE__NODE_RANGE_VAR)
    return VIEW_NOT_OF_TABLE;
  return NULL;
}

// --- The base -------------------------------------------------------------------------------------------------------

static const char *column_of(const PgQuery__Node *target, struct arena *arena, bool *failed)
{
  const PgQuery__Node *value = target->res_target->val;
  if (!value || value->node_case != PG_QUERY__NODE__NODE_COLUMN_REF || !value->column_ref->n_fields)
    return NULL;
  const PgQuery__Node *last = value->column_ref->fields[value->column_ref->n_fields - 1];
  if (last->node_case != PG_QUERY__NODE__NODE_STRING)
    return NULL;
  const char *name = arena_string(arena, last->string->sval);
  *failed |= !name;
  return name;
}

static bool take_from(const PgQuery__RangeVar *from, struct arena *arena, struct view_base *base)
{
  const PgQuery__Alias *alias = from->alias;
  base->schema = from->schemaname && from->schemaname[0] ? arena_string(arena, from->schemaname) : NULL;
  base->table = arena_string(arena, from->relname);
  base->alias = alias ? arena_string(arena, alias->aliasname) : base->table;
  base->alias_count = alias ? (int)alias->n_colnames : 0;
  base->aliases = ARENA_ARRAY(arena, const char *, base->alias_count + 1);
  if (!base->table || !base->alias || !base->aliases)
    return false;
  for (int i = 0; i < base->alias_count; i++)
    if (!(base->aliases[i] = arena_string(arena, alias->colnames[i]->string->sval)))
      return false;
  return true;
}

static bool take_columns(const PgQuery__SelectStmt *select, const struct relation *view, struct arena *arena,
                         struct view_base *base)
{
  bool failed = false;
  base->column_count = view->schema.column_count;
  base->columns = ARENA_ARRAY(arena, const char *, base->column_count + 1);
  for (int i = 0; base->columns && i < base->column_count && (size_t)i < select->n_target_list; i++)
    base->columns[i] = column_of(select->target_list[i], arena, &failed);
  return base->columns && !failed;
}

int view_base_of(const struct relation *view, struct arena *arena, struct view_base *base, struct error *error)
{
  *base = (struct view_base){0};
  struct parse *parse = parse_open_within(bytes_of_string(view->text), arena->account, error);
  if (!parse)
    return error->status;
  const PgQuery__Node *tree = parse->statement_count == 1 ? parse->statements[0].node : NULL;
  int status = 0;
  if (!tree || tree->node_case != PG_QUERY__NODE__NODE_SELECT_STMT) {
    status = error_set(error, SQLSTATE_DATA_CORRUPTED, "the text of view \"%s\" is not a query", view->name);
  } else {
    const PgQuery__SelectStmt *select = tree->select_stmt;
    base->why = query_refuses(select);
    if (!base->why &&
        (!take_from(select->from_clause[0]->range_var, arena, base) || !take_columns(select, view, arena, base)))
      status = error_memory(error);
  }
  parse_close(parse);
  return status;
}

const char *view_base_name(const struct view_base *base, const struct relation *relation, int column)
{
  if (relation->schema.columns[column].is_dropped)
    return NULL;
  int place = 0;
  for (int i = 0; i < column; i++)
    place += !relation->schema.columns[i].is_dropped;
  return place < base->alias_count ? base->aliases[place] : relation->schema.columns[column].name;
}

int view_base_column(const struct view_base *base, const struct relation *relation, int column)
{
  for (int i = 0; base->columns[column] && i < relation->schema.column_count; i++) {
    const char *name = view_base_name(base, relation, i);
    if (name && strcmp(name, base->columns[column]) == 0)
      return i;
  }
  return -1;
}

bool view_base_has_columns(const struct view_base *base, const struct relation *relation)
{
  for (int i = 0; i < base->column_count; i++)
    if (view_base_column(base, relation, i) >= 0)
      return true;
  return false;
}

const struct relation *view_base_relation(struct catalog *catalog, const struct version *version,
                                          const struct view_base *base)
{
  uint32_t schema = base->schema ? catalog_schema(catalog, version, base->schema) : 0;
  uint32_t oid = schema ? catalog_name(catalog, version, schema, base->table) : 0;
  const struct relation *relation = oid ? catalog_find_oid(catalog, version, oid) : NULL;
  bool is_known = relation && relation->oid == oid && (relation->kind == RELATION_TABLE || relation->kind == RELATION_VIEW);
  return is_known ? relation : NULL;
}

int view_is_updatable(struct catalog *catalog, const struct version *version, const struct relation *view,
                      struct arena *arena, bool *is_updatable, bool *columns, struct error *error)
{
  int *below = ARENA_ARRAY(arena, int, view->schema.column_count + 1); // of each column, in the view at hand
  if (!below)
    return error_memory(error);
  for (int i = 0; i < view->schema.column_count; i++)
    below[i] = i;
  *is_updatable = false;
  for (const struct relation *at = view; at->kind == RELATION_VIEW;) {
    struct view_base base;
    int status = view_base_of(at, arena, &base, error);
    at = status || base.why ? NULL : view_base_relation(catalog, version, &base);
    if (status || !at || !view_base_has_columns(&base, at))
      return status;
    for (int i = 0; i < view->schema.column_count; i++)
      below[i] = below[i] < 0 ? -1 : view_base_column(&base, at, below[i]);
  }
  *is_updatable = true;
  for (int i = 0; columns && i < view->schema.column_count; i++)
    columns[i] = below[i] >= 0;
  return 0;
}
