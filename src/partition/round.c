// Rounds: before a script runs again on the loop, what it read at length is looked at again on a worker.
//
//           round_begin                    all were looked at: ready
//   (none) ------------> a job after another --------------------------> what waited goes on: the COMMIT, or the move
//                          |  cancel, timeout, another reply
//                          +------------------------------------------> failed
//
// 1. While a job is out the session waits, and nobody closes its branch.
// 2. After ROUNDS rounds the script runs on the loop, whatever is left of it.
#include "base/sqlstate.h"
#include "partition/state.h"

enum { ROUNDS = 3 };

// 1: a job is out. 0: there is nothing more to look at.
static int next_job(struct session *session, struct error *error)
{
  struct bytes step, kept;
  const struct version *version;
  while (branch_round_next(session->branch, session->partition->options.scan_allowance, &step, &kept, &version)) {
    struct script_statement statement;
    struct settings settings;
    struct kept_values values;
    struct prepared *prepared;
    if (step.data[0] != STEP_STATEMENT)
      continue;
    memcpy(&values, kept.data, sizeof values);
    script_settings(session, step, &settings);
    arena_reset(&session->scratch);
    int status = script_statement(step, &session->scratch, &statement, error);
    if (!status)
      status = script_prepare(session, &settings, version, &statement, &prepared, error);
    if (status)
      return status;
    if (!prepared->plan || prepared->copy || !may_be_job(prepared->statement)) {
      prepared_release(prepared);
      continue;
    }
    status = job_start_round(session, prepared, version, step, &values, &settings, error);
    return status ? status : 1;
  }
  return 0;
}

static void round_over(struct session *session)
{
  branch_round_end(session->branch);
  claims_make_ready(&session->partition->claims, &session->claimant);
}

bool round_begin(struct session *session)
{
  struct error error;
  error_clear(&error);
  if (session->transaction != TRANSACTION_OPEN || session->rounds >= ROUNDS || !session->branch ||
      !branch_wants_round(session->branch, session->partition->options.scan_allowance) ||
      branch_round_begin(session->branch, &error))
    return false;
  session->rounds++;
  if (next_job(session, &error) == 1)
    return true;
  branch_round_end(session->branch); // what cannot be done elsewhere is done on the loop
  return false;
}

static int confirm(struct session *session, const struct job_outcome *outcome, struct error *error)
{
  struct rerun rerun;
  rerun_begin(&rerun, session, error);
  int status = branch_round_confirm(session->branch, outcome->promise, outcome->reads, &rerun.runner, error);
  rerun_end(&rerun, error);
  return status;
}

void round_job_done(struct session *session, const struct job_outcome *outcome)
{
  struct error error;
  error_clear(&error);
  int status = 0;
  if (session->is_outdated)
    status = transaction_outdated(session, &error);
  else if (outcome->status == STATUS_LIMIT)
    status = (error = *outcome->error).status;
  else if (!outcome->status)
    status = confirm(session, outcome, &error);
  if (status && status != STATUS_LIMIT) { // there is no way on for it
    transaction_abort(session);
    session->is_lost = true;
  } else if (status) {
    branch_round_end(session->branch);
  }
  if (status) {
    waiting_fail(session, &error);
    return;
  }
  // A statement that fails now has another reply, most likely: the second run will tell.
  int found = outcome->status ? 0 : next_job(session, &error);
  if (found != 1)
    round_over(session);
}
