// Transactions of sessions: atoms for what is whole at hand, branches with scripts for what is not.
#include "base/check.h"
#include "base/fault.h"
#include "base/limits.h"
#include "base/sqlstate.h"
#include "partition/state.h"

int transaction_outdated(struct session *session, struct error *error)
{
  session->is_outdated = false;
  int status = error_set(error, SQLSTATE_SNAPSHOT_TOO_OLD, "snapshot too old");
  error_detail(error, "What changed since this transaction began takes more than %llu bytes, which it held back.",
               (unsigned long long)session->partition->options.snapshot_memory);
  error_hint(error, "Run it again, end transactions sooner, or start the server with a larger --snapshot-memory.");
  return status;
}

int transaction_refuse(struct session *session, struct error *error)
{
  if (session->is_outdated)
    return transaction_outdated(session, error);
  return error_set(error, SQLSTATE_IN_FAILED_SQL_TRANSACTION,
                   "current transaction is aborted, commands ignored until end of transaction block");
}

bool transaction_in_branch(const struct session *session)
{
  return session->transaction == TRANSACTION_OPEN || session->as_branch;
}

static int open_branch(struct session *session, struct error *error)
{
  struct partition *partition = session->partition;
  if (!session->keeps_age)
    session->claimant.age = ++partition->ages;
  session->keeps_age = false;
  session->branch_account = (struct memory_account){.parent = &partition->account};
  session->branch = branch_open(&partition->trunk, &session->branch_account);
  if (!session->branch)
    return error_memory(error);
  session->branch_base = partition->trunk.position;
  session->script_begin = session->script_settings = session->settings;
  session->is_checked = session->is_lost = session->is_hasty = false;
  session->rounds = 0;
  partition->counts.branches++;
  return 0;
}

int transaction_version(struct session *session, enum transaction_access access, const struct version **version, struct writer *writer,
                        struct error *error)
{
  struct partition *partition = session->partition;
  if (session->is_outdated)
    return transaction_outdated(session, error);
  bool for_change = access != ACCESS_READ;
  if (access == ACCESS_CHANGE && partition->is_full) {
    int status = error_set(error, SQLSTATE_DISK_FULL, "the log cannot grow: there is no space left on the disk");
    error_hint(error, "Changes are refused until there is room; what was acknowledged is safe, and queries go on.");
    return status;
  }
  if (transaction_in_branch(session)) {
    int status = session->branch ? 0 : open_branch(session, error);
    if (status)
      return status;
    *version = branch_version(session->branch);
    if (for_change) {
      *writer = (struct writer){0};
      branch_writer(session->branch, writer);
      writer->numbers = &session->numbers;
    }
    return 0;
  }
  *version = store_trunk(partition->store);
  if (!for_change)
    return 0;
  if (!session->has_atom) {
    partition->atom_writer = (struct writer){0};
    atom_begin(&partition->trunk, &partition->atom_writer);
    partition->trunk.author = (struct author){.id = session->id};
    session->has_atom = true;
  }
  *writer = partition->atom_writer;
  return 0;
}

char transaction_status(const struct session *session)
{
  switch (session->transaction) {
  case TRANSACTION_OPEN: return 'T';
  case TRANSACTION_FAILED: return 'E';
  default: return 'I';
  }
}

// --- Beginning and ending ---------------------------------------------------------------------------------

static void transaction_over(struct session *session, bool is_committed)
{
  session->is_outdated = false;
  session_forget_portals(session, is_committed ? PORTALS_COMMIT : PORTALS_ABORT);
  session->as_branch = false;
  session->transaction = TRANSACTION_NONE;
  session->transaction_now = 0;
  session->is_lost = session->has_queried = false;
  session_end_settings(session, is_committed);
}

void transaction_abort(struct session *session)
{
  if (session->has_atom)
    atom_abort(&session->partition->trunk);
  session->has_atom = false;
  if (session->branch)
    branch_close(session->branch);
  session->branch = NULL;
  savepoints_deinit(&session->savepoints);
  claims_release(&session->partition->claims, &session->claimant, false);
}

void transaction_note_failure(struct session *session, const struct error *error)
{
  bool is_recorded = session->failure_recorded;
  session->failure_recorded = false;
  if (!is_recorded && error->status == STATUS_INPUT)
    branch_pin_definitions(session->branch);
}

void transaction_was_unlucky(struct session *session)
{
  session->keeps_age = session->is_eager = true;
}

void transaction_take_snapshot(struct session *session)
{
  session->is_outdated = true;
  if (session->job)
    return; // it reads from the snapshot: its end is the transaction's
  transaction_abort(session);
  if (session->transaction == TRANSACTION_OPEN)
    session->transaction = TRANSACTION_FAILED;
}

// Checked where the transaction ran, and the last step of its script, so that a second run comes to it too.
static int check_branch(struct session *session, struct error *error)
{
  struct writer writer = {0};
  struct promise promise = {0};
  if (!branch_has_changes(session->branch) || session->is_checked)
    return 0;
  branch_writer(session->branch, &writer);
  int status = script_check_deferred(session, &writer, error);
  bool has_temporary =
      catalog_schema_name(session->partition->catalog, writer.version, settings_temporary(&session->settings)) != NULL;
  session->is_checked = !status; // a COMMIT that waits comes here again
  return status ? status : transaction_record_copy(session, 'C', bytes_of(NULL, 0), &promise,
                                                  writer.changes->checked || has_temporary ? NULL : &no_reads, error);
}

// STATUS_WAIT: the branch stays, and the session stands in a claim's queue.
static int commit_branch(struct session *session, struct error *error)
{
  if (!session->branch)
    return 0;
  int status = 0;
  if (session->claimant.is_broken && branch_has_changes(session->branch)) { // it may fail before it waits for anybody
    session->claimant.is_broken = false;
    status = transaction_move(session, error);
  }
  if (!status)
    status = check_branch(session, error);
  if (!status && branch_has_changes(session->branch) && round_begin(session))
    return STATUS_WAIT;
  if (status) {
    if (status == STATUS_RETRY)
      transaction_was_unlucky(session);
    transaction_abort(session);
    return status;
  }
  struct rerun rerun;
  rerun_begin(&rerun, session, error);
  // Who has not said BEGIN was promised nothing but that all of it is done, or none: the error says why it is not.
  rerun.tells_errors = session->transaction == TRANSACTION_NONE;
  uint64_t position = 0;
  session->partition->trunk.author = (struct author){.id = session->id};
  status = branch_commit(session->branch, &rerun.writer, &rerun.runner, &position, error);
  rerun_end(&rerun, error);
  if (status == STATUS_WAIT)
    return status;
  session->branch = NULL;
  savepoints_deinit(&session->savepoints);
  claims_release(&session->partition->claims, &session->claimant, false);
  session->is_eager = false;
  if (status == STATUS_RETRY)
    transaction_was_unlucky(session);
  session_depends(session, position > session->branch_base ? position : session->branch_base);
  return status;
}

int transaction_move(struct session *session, struct error *error)
{
  if (!session->branch)
    return 0;
  struct rerun rerun;
  rerun_begin(&rerun, session, error);
  int status = branch_move(session->branch, &rerun.writer, &rerun.runner, error);
  if (!status)
    savepoints_moved(&session->savepoints, &rerun.savepoints);
  rerun_end(&rerun, error);
  if (status) {
    transaction_abort(session);
    session->is_lost = true;
    return status;
  }
  session->branch_base = branch_base(session->branch);
  session->rounds = 0;
  return 0;
}

void transaction_give_up(struct session *session)
{
  transaction_abort(session);
  transaction_over(session, false);
}

static int commit_atom(struct session *session, struct error *error)
{
  struct partition *partition = session->partition;
  session->claimant.age = ++partition->ages;
  int status = script_check_deferred(session, &partition->atom_writer, error);
  if (!status)
    status = claims_pass(&partition->claims, &session->claimant, true, &partition->trunk.changes, error);
  session->has_atom = false;
  if (status) {
    atom_abort(&partition->trunk);
    return status;
  }
  uint64_t position = 0;
  status = atom_commit(&partition->trunk, &position, error);
  session_depends(session, position);
  return status;
}

int transaction_group_end(struct session *session, struct error *error)
{
  int status = 0;
  if (session->transaction == TRANSACTION_NONE) {
    if (session->has_failed) {
      transaction_abort(session);
      session->is_outdated = false;
    } else if (session->is_outdated) {
      status = transaction_outdated(session, error);
    } else if (session->has_atom) {
      status = commit_atom(session, error);
    } else if (session->branch) {
      status = commit_branch(session, error);
    }
    if (status == STATUS_WAIT)
      return status;
    claims_let_go(&session->partition->claims, &session->claimant, false);
    bool is_committed = !status && !session->has_failed;
    session_forget_portals(session, is_committed ? PORTALS_COMMIT : PORTALS_ABORT);
    session_end_settings(session, is_committed);
    session->transaction_now = 0;
    session->has_queried = false;
  } else if (FAULT(CLAIM_RELEASED_EARLY)) {
    claims_let_go(&session->partition->claims, &session->claimant, false);
  }
  session->as_branch = false;
  return status;
}

void transaction_warn(struct session *session, const char *sqlstate, const char *text)
{
  struct error notice;
  int status = error_set(&notice, sqlstate, "%s", text);
  (void)status;
  notice.severity = SEVERITY_WARNING;
  session_notice(session, &notice);
}

static void open_transaction(struct session *session)
{
  session_note_settings(session);
  settings_begin_transaction(&session->settings);
  session->transaction = TRANSACTION_OPEN;
  session->transaction_now = session->statement_now;
  session->has_queried = session->branch != NULL;
}

static int begin_command(struct session *session, const PgQuery__TransactionStmt *command, const char *tag, struct error *error)
{
  if (session->transaction == TRANSACTION_OPEN) {
    transaction_warn(session, SQLSTATE_ACTIVE_SQL_TRANSACTION, "there is already a transaction in progress");
  } else {
    if (session->has_atom) { // what stood before BEGIN in the same group is a transaction of its own
      int status = transaction_group_end(session, error);
      if (status)
        return status == STATUS_WAIT ? waiting_begin(session, WAITING_GROUP) : status;
    }
    open_transaction(session);
  }
  int status = session_set_characteristics(session, command->options, command->n_options, false, error);
  if (!status)
    message_tag(&session->partition->replies, tag);
  return status;
}

// AND CHAIN: the next transaction begins at once, and is as this one was.
static void chain(struct session *session, const struct settings *before)
{
  open_transaction(session);
  settings_continue_transaction(&session->settings, before);
}

static int commit_command(struct session *session, const PgQuery__TransactionStmt *command, struct error *error)
{
  bool failed = session->transaction == TRANSACTION_FAILED;
  const struct settings before = session->settings;
  int status = 0;
  if (session->transaction == TRANSACTION_NONE) {
    status = transaction_group_end(session, error);
    if (status == STATUS_WAIT)
      return waiting_begin(session, session->branch ? WAITING_COMMIT : WAITING_GROUP);
    transaction_warn(session, SQLSTATE_NO_ACTIVE_SQL_TRANSACTION, "there is no transaction in progress");
  } else if (failed) {
    transaction_abort(session);
    if (session->is_outdated) // whoever did not know that it failed must not take this for a commit
      status = transaction_outdated(session, error);
  } else {
    status = commit_branch(session, error);
    if (status == STATUS_WAIT)
      return waiting_begin(session, WAITING_COMMIT);
  }
  if (session->transaction != TRANSACTION_NONE)
    transaction_over(session, !status && !failed);
  if (status)
    return status;
  if (command->chain)
    chain(session, &before);
  else
    session->as_branch = session->in_group; // what follows in it cannot start the group again
  message_tag(&session->partition->replies, failed ? "ROLLBACK" : "COMMIT");
  return 0;
}

static int rollback_command(struct session *session, const PgQuery__TransactionStmt *command)
{
  const struct settings before = session->settings;
  if (session->transaction == TRANSACTION_NONE)
    transaction_warn(session, SQLSTATE_NO_ACTIVE_SQL_TRANSACTION, "there is no transaction in progress");
  transaction_abort(session);
  transaction_over(session, false);
  if (command->chain)
    chain(session, &before);
  else
    session->as_branch = session->in_group; // what follows in it cannot start the group again
  message_tag(&session->partition->replies, "ROLLBACK");
  return 0;
}

int transaction_command(struct session *session, const struct prepared *prepared, struct error *error)
{
  const PgQuery__TransactionStmt *command = prepared->parsed->node->transaction_stmt;
  PgQuery__TransactionStmtKind kind = command->kind;
  bool ends = kind == PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT ||
              kind == PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK;
  if (session->transaction == TRANSACTION_FAILED && !ends && kind != PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_TO)
    return transaction_refuse(session, error);
  if (ends && command->chain && session->transaction == TRANSACTION_NONE)
    return error_set(error, SQLSTATE_NO_ACTIVE_SQL_TRANSACTION, "%s AND CHAIN can only be used in transaction blocks",
                     kind == PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT ? "COMMIT" : "ROLLBACK");
  batch_tell(session); // what is committed here does not run again with the rest
  switch (kind) {
  case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_BEGIN: return begin_command(session, command, "BEGIN", error);
  case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_START:
    return begin_command(session, command, "START TRANSACTION", error);
  case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT: return commit_command(session, command, error);
  case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK: return rollback_command(session, command);
  case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_PREPARE:
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "PREPARE TRANSACTION is not supported");
  default: return savepoint_run(session, command, error);
  }
}
