// MERGE: a source's rows joined with a table, and for each the first WHEN that holds.
//
// 1. The statement's query is source LEFT JOIN target ON …, or an inner join where nothing is done for rows that find
//    none: the target's key and row say which of both a row is.
// 2. A WHEN MATCHED sees both sides, a WHEN NOT MATCHED the source alone; neither sees what the statement has changed.
#include "sql/binder.h"

struct merging {
  struct binder *binder;
  const PgQuery__MergeStmt *tree;
  const struct relation *relation;
  struct scope both, source; // what a WHEN sees of a row that was matched, and of one that was not
};

static int check_clauses(struct binder *binder, const PgQuery__MergeStmt *tree)
{
  bool is_over[2] = {false, false};
  for (size_t i = 0; i < tree->n_merge_when_clauses; i++) {
    const PgQuery__MergeWhenClause *when = tree->merge_when_clauses[i]->merge_when_clause;
    bool *over = &is_over[when->matched != 0];
    if (*over)
      return bind_error(binder, -1, SQLSTATE_SYNTAX_ERROR,
                        "unreachable WHEN clause specified after unconditional WHEN clause");
    *over = !when->condition;
  }
  if (tree->with_clause && tree->with_clause->recursive)
    return bind_error(binder, -1, SQLSTATE_SYNTAX_ERROR, "WITH RECURSIVE is not supported for MERGE statement");
  return 0;
}

static int bind_target(struct merging *merging)
{
  struct binder *binder = merging->binder;
  const PgQuery__RangeVar *name = merging->tree->relation;
  int status = bind_relation(binder, name, NULL, RIGHT_NONE, &merging->relation);
  if (status)
    return status;
  const struct relation *relation = merging->relation;
  if (relation->kind == RELATION_TABLE)
    return bind_levels(binder, relation, RIGHT_UPDATE);
  status = bind_error(binder, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot execute MERGE on relation \"%s\"",
                      relation->name);
  error_detail(binder->error, "This operation is not supported for %s.",
               relation->kind == RELATION_VIEW       ? "views"
               : relation->kind == RELATION_SEQUENCE ? "sequences"
               : relation->kind == RELATION_SOURCE   ? "sources"
                                                     : "such relations");
  return status;
}

// The source, then the target beside it.
static int bind_sides(struct merging *merging, struct scope *scope)
{
  struct binder *binder = merging->binder;
  const PgQuery__MergeStmt *tree = merging->tree;
  const char *name = bind_own_name(binder, tree->relation);
  if (!name || !bind_modification(binder, STATEMENT_MERGE, merging->relation))
    return binder->error->status;
  struct modification *modification = binder->statement->modification;
  modification->target_range = bind_relation_range(binder, RANGE_TABLE, merging->relation, name);
  if (modification->target_range < 0)
    return modification->target_range;
  int status = bind_add_item(binder, &scope->hidden, name, NULL, modification->target_range, -1);
  PgQuery__Node *from[] = {tree->source_relation};
  if (!status)
    status = bind_from(binder, scope, from, 1);
  if (status)
    return status;
  for (int i = 0; i < scope->items.count; i++)
    if (scope->items.items[i].name && strcmp(scope->items.items[i].name, name) == 0) {
      status = bind_error(binder, -1, SQLSTATE_DUPLICATE_ALIAS, "name \"%s\" specified more than once", name);
      error_detail(binder->error, "The name is used both as MERGE target table and data source.");
      return status;
    }
  merging->source = *scope;
  // A copy of the items: those of the source alone stay as they are.
  struct items items = {.join = scope->items.join};
  for (int i = 0; i < scope->items.count; i++) {
    if (!bind_grow(binder, &items.items, items.count, &items.capacity, sizeof *items.items))
      return binder->error->status;
    items.items[items.count++] = scope->items.items[i];
  }
  scope->items = items;
  scope->hidden = (struct items){0};
  status = bind_add_item(binder, &scope->items, name, NULL, modification->target_range, tree->relation->location);
  merging->both = *scope;
  return status;
}

static int bind_join_of_sides(struct merging *merging)
{
  struct binder *binder = merging->binder;
  struct query *query = ARENA_NEW(binder->arena, struct query);
  struct join *join = ARENA_NEW(binder->arena, struct join);
  if (!query || !join)
    return error_memory(binder->error);
  binder->statement->query = query;
  query->group_range = -1;
  query->from = join;
  join->kind = JOIN_INNER;
  for (size_t i = 0; i < merging->tree->n_merge_when_clauses; i++)
    if (!merging->tree->merge_when_clauses[i]->merge_when_clause->matched)
      join->kind = JOIN_LEFT;
  join->left = merging->source.items.join;
  join->right = bind_join_range(binder, binder->statement->modification->target_range);
  join->condition = bind_condition(binder, &merging->both, merging->tree->join_condition, CLAUSE_JOIN, "JOIN/ON");
  return join->right && join->condition ? 0 : (int)binder->error->status;
}

// --- WHEN … THEN -----------------------------------------------------------------------------------

static int bind_insert_action(struct merging *merging, const PgQuery__MergeWhenClause *when, struct merge_action *action)
{
  struct modification *modification = merging->binder->statement->modification;
  struct inserted_row row = {when->target_list, when->n_target_list, when->values, when->n_values};
  action->kind = MERGE_INSERT;
  modification->override = bind_override(when->override);
  int status = bind_insert_row(merging->binder, &merging->source, &row);
  modification->override = OVERRIDE_NOT;
  action->values = modification->values;
  modification->values = NULL;
  return status;
}

static int bind_update_action(struct merging *merging, const PgQuery__MergeWhenClause *when, struct merge_action *action)
{
  struct modification *modification = merging->binder->statement->modification;
  action->kind = MERGE_UPDATE;
  int status = bind_assignments(merging->binder, &merging->both, when->target_list, when->n_target_list);
  action->assignments = modification->assignments;
  action->assignment_count = modification->assignment_count;
  modification->assignments = NULL;
  modification->assignment_count = 0;
  return status;
}

static int bind_action(struct merging *merging, const PgQuery__MergeWhenClause *when, struct merge_action *action)
{
  struct scope *scope = when->matched ? &merging->both : &merging->source;
  action->is_matched = when->matched;
  if (when->condition &&
      !(action->condition = bind_condition(merging->binder, scope, when->condition, CLAUSE_MERGE, "WHEN")))
    return merging->binder->error->status;
  switch (when->command_type) {
  case PG_QUERY__CMD_TYPE__CMD_INSERT: return bind_insert_action(merging, when, action);
  case PG_QUERY__CMD_TYPE__CMD_UPDATE: return bind_update_action(merging, when, action);
  case PG_QUERY__CMD_TYPE__CMD_DELETE: action->kind = MERGE_DELETE; return 0;
  default: action->kind = MERGE_NOTHING; return 0;
  }
}

int bind_merge(struct binder *binder, const PgQuery__MergeStmt *tree)
{
  static const struct select_options top;
  struct merging merging = {.binder = binder, .tree = tree};
  struct scope scope = bind_change_scope(&top);
  int status = check_clauses(binder, tree);
  if (!status)
    status = bind_with(binder, &scope, tree->with_clause);
  if (!status)
    status = bind_target(&merging);
  if (!status)
    status = bind_sides(&merging, &scope);
  if (!status)
    status = bind_join_of_sides(&merging);
  if (status)
    return status;
  struct modification *modification = binder->statement->modification;
  modification->actions = ARENA_ARRAY(binder->arena, struct merge_action, tree->n_merge_when_clauses + 1);
  if (!modification->actions)
    return error_memory(binder->error);
  for (size_t i = 0; i < tree->n_merge_when_clauses && !status; i++)
    status = bind_action(&merging, tree->merge_when_clauses[i]->merge_when_clause,
                         &modification->actions[modification->action_count++]);
  bind_use_all_columns(binder, modification->target_range);
  return status ? status : bind_refusal(binder);
}
