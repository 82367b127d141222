// FOR UPDATE, FOR NO KEY UPDATE, FOR SHARE, FOR KEY SHARE: which ranges of a query are locked, and how.
//
// A locked range gives the keys of its rows as a hidden target: they come through joins and sorts with the row.
#include "sql/binder.h"

const char *bind_lock_name(PgQuery__LockClauseStrength strength)
{
  switch (strength) {
  case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORKEYSHARE: return "FOR KEY SHARE";
  case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORSHARE: return "FOR SHARE";
  case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORNOKEYUPDATE: return "FOR NO KEY UPDATE";
  default: return "FOR UPDATE";
  }
}

static struct row_lock lock_of(const PgQuery__LockingClause *clause)
{
  struct row_lock lock = {.mode = CLAIM_UPDATE, .wait = CLAIM_OR_WAIT};
  switch (clause->strength) {
  case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORKEYSHARE: lock.mode = CLAIM_KEY_SHARE; break;
  case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORSHARE: lock.mode = CLAIM_SHARE; break;
  case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORNOKEYUPDATE: lock.mode = CLAIM_NO_KEY_UPDATE; break;
  default: break;
  }
  if (clause->wait_policy == PG_QUERY__LOCK_WAIT_POLICY__LockWaitSkip)
    lock.wait = CLAIM_OR_SKIP;
  else if (clause->wait_policy == PG_QUERY__LOCK_WAIT_POLICY__LockWaitError)
    lock.wait = CLAIM_OR_FAIL;
  return lock;
}

// The strongest of several clauses on one range, and the one that waits least, decide.
static int add_lock(struct binder *binder, struct query *query, struct target_list *list, int range, struct row_lock lock)
{
  for (int i = 0; i < query->lock_count; i++)
    if (query->locks[i].range == range) {
      struct row_lock *known = &query->locks[i];
      known->mode = lock.mode > known->mode ? lock.mode : known->mode;
      known->wait = lock.wait > known->wait ? lock.wait : known->wait;
      return 0;
    }
  struct range *bound = &binder->statement->ranges[range];
  bound->is_identified = true;
  bound->is_locked = true;
  binder->statement->claims_rows = true;
  lock.range = range;
  lock.target = list->count;
  struct node *key = node_column(binder->arena, type_plain(TYPE_TEXT), range, bound->column_count, -1);
  query->locks[query->lock_count++] = lock;
  return key ? bind_add_target(binder, list, "key", key) : error_memory(binder->error);
}

static bool may_lock(const struct range *range)
{
  return range->kind == RANGE_TABLE && range->relation;
}

static int refuse_range(struct binder *binder, const PgQuery__LockingClause *clause, const PgQuery__RangeVar *name,
                        const struct range *range)
{
  const char *what = range->kind == RANGE_SUBQUERY   ? "a subquery in FROM"
                     : range->kind == RANGE_FUNCTION ? "a function"
                     : range->kind == RANGE_VALUES   ? "VALUES"
                                                     : "a system table";
  return bind_error(binder, name->location, SQLSTATE_FEATURE_NOT_SUPPORTED, "%s cannot be applied to %s",
                    bind_lock_name(clause->strength), what);
}

static int lock_named(struct binder *binder, struct scope *scope, const PgQuery__LockingClause *clause,
                      const PgQuery__RangeVar *name, struct query *query, struct target_list *list)
{
  for (int i = 0; i < scope->items.count; i++) {
    const struct item *item = &scope->items.items[i];
    if (item->range < 0 || strcmp(item->name, name->relname) != 0)
      continue;
    const struct range *range = &binder->statement->ranges[item->range];
    if (!may_lock(range))
      return refuse_range(binder, clause, name, range);
    return add_lock(binder, query, list, item->range, lock_of(clause));
  }
  return bind_error(binder, name->location, SQLSTATE_UNDEFINED_TABLE,
                    "relation \"%s\" in %s clause not found in FROM clause", name->relname, bind_lock_name(clause->strength));
}

static int refuse_locking(struct binder *binder, const PgQuery__SelectStmt *select, const struct query *query)
{
  const char *name = bind_lock_name(select->locking_clause[0]->locking_clause->strength);
  const char *what = select->n_values_lists      ? "to VALUES"
                     : query->is_distinct || query->unique_count ? "with DISTINCT clause"
                     : query->group_key_count    ? "with GROUP BY clause"
                     : select->having_clause     ? "with HAVING clause"
                     : query->is_grouped         ? "with aggregate functions"
                     : query->window_call_count  ? "with window functions"
                     : query->expansion_count    ? "with set-returning functions in the target list"
                                                 : NULL;
  if (!what)
    return 0;
  return bind_error(binder, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "%s %s %s", name,
                    select->n_values_lists ? "cannot be applied" : "is not allowed", what);
}

int bind_locking(struct binder *binder, struct scope *scope, const PgQuery__SelectStmt *select,
                        struct query *query, struct target_list *list)
{
  if (!select->n_locking_clause)
    return 0;
  int status = refuse_locking(binder, select, query);
  if (status)
    return status;
  query->locks = ARENA_ARRAY(binder->arena, struct row_lock, scope->items.count + 1);
  if (!query->locks)
    return error_memory(binder->error);
  for (size_t c = 0; !status && c < select->n_locking_clause; c++) {
    const PgQuery__LockingClause *clause = select->locking_clause[c]->locking_clause;
    for (size_t i = 0; !status && i < clause->n_locked_rels; i++)
      status = lock_named(binder, scope, clause, clause->locked_rels[i]->range_var, query, list);
    for (int i = 0; !status && !clause->n_locked_rels && i < scope->items.count; i++)
      if (scope->items.items[i].range >= 0 && may_lock(&binder->statement->ranges[scope->items.items[i].range]))
        status = add_lock(binder, query, list, scope->items.items[i].range, lock_of(clause));
  }
  query->targets = list->targets;
  query->target_count = list->count;
  return status;
}
