// LOCK TABLE: a claim on a table, in one of PostgreSQL's eight modes.
//
// It keeps others from claiming rows and from changing them, as PostgreSQL's does. Readers need no claim: ACCESS
// EXCLUSIVE does not keep anybody from reading what is committed.
#include "base/sqlstate.h"
#include "partition/state.h"

static int lock_table(struct session *session, const struct relation *relation, const PgQuery__LockStmt *lock,
                      struct error *error)
{
  struct claims *claims = &session->partition->claims;
  struct claim_request request = {
    .tag = {.kind = CLAIM_ON_TABLE, .tree = relation->tree},
    .mode = CLAIM_TABLE_ACCESS_SHARE + (enum claim_mode)(lock->mode - 1), // AccessShareLock is 1
    .wait = lock->nowait ? CLAIM_OR_FAIL : CLAIM_OR_WAIT,
  };
  int status = claim_take(claims, &session->claimant, &request, error);
  if (status == CLAIM_REFUSED)
    return error_set(error, SQLSTATE_LOCK_NOT_AVAILABLE, "could not obtain lock on relation \"%s\"", relation->name);
  if (status || !branch_is_tree_stale(session->branch, relation->tree))
    return status;
  claims_make_ready(claims, &session->claimant);
  return STATUS_WAIT;
}

int lock_command(struct session *session, const struct prepared *prepared, struct error *error)
{
  if (session->transaction != TRANSACTION_OPEN)
    return error_set(error, SQLSTATE_NO_ACTIVE_SQL_TRANSACTION, "LOCK TABLE can only be used in transaction blocks");
  const PgQuery__LockStmt *lock = prepared->parsed->node->lock_stmt;
  struct writer writer;
  const struct version *version;
  int status = transaction_version(session, ACCESS_CHANGE, &version, &writer, error);
  if (status)
    return status;
  struct utility_input input = {
    .catalog = session->partition->catalog,
    .writer = &writer,
    .settings = &session->settings,
    .parsed = prepared->parsed,
    .text = prepared->text,
  };
  for (size_t i = 0; !status && i < lock->n_relations; i++) {
    const struct relation *relation;
    status = utility_lock_target(&input, lock->relations[i]->range_var, lock->mode, &relation, error);
    if (!status)
      status = lock_table(session, relation, lock, error);
  }
  if (status == STATUS_WAIT)
    return waiting_begin(session, WAITING_STATEMENT);
  if (!status)
    message_tag(&session->partition->replies, "LOCK TABLE");
  return status;
}
