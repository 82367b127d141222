// Rounds: what a script read at length is looked at again, on a snapshot, before the script runs on the trunk.
//
// 1. A step that was confirmed gives the same reply on the confirmed version, whatever the script changed before it: none
//    of that lies in what the step looks at there.
// 2. A round takes over from the one before it: what that one confirmed is confirmed anew, or not any more.
#include "base/check.h"
#include "base/limits.h"
#include "txn/walk.h"

enum { OWN_CHANGES = 10000 }; // more of the script's own are not looked through

static bool is_long_read(const struct script_step *step, uint64_t rows)
{
  return step->step.reads.size && step->step.reads.visited >= rows && !step->step.must_run &&
         step->step.changes_from == step->step.changes_to;
}

// Might the step have seen what the script itself had changed before it?
static bool sees_own_changes(const struct branch *branch, const struct script_step *step, const struct step_reads *reads)
{
  if (branch->was_undone)
    return true;
  size_t at = 0;
  struct change change;
  for (int i = 0; at < step->step.changes_from && change_next(&branch->changes, &at, &change); i++) {
    if (i == OWN_CHANGES || change.flags & (CHANGE_FILLED | CHANGE_DROPPED | CHANGE_WORD))
      return true;
    struct read_walk range = {.encoded = script_reads(branch, reads)};
    while (read_walk_next(&range))
      if (read_walk_holds(&range, change.tree, change.key))
        return true;
  }
  return false;
}

bool branch_wants_round(const struct branch *branch, uint64_t rows)
{
  const struct version *trunk = store_trunk(branch->trunk->store);
  if (branch->visited < rows || !version_is_behind(branch->version) ||
      version_definitions(trunk) != version_definitions(branch->base))
    return false;
  struct script_step step = {0};
  size_t at = 0;
  while (script_next(branch, &at, &step))
    if (is_long_read(&step, rows) && !sees_own_changes(branch, &step, &step.step.reads) &&
        !step_is_clean(branch, &step, trunk))
      return true;
  return false;
}

int branch_round_begin(struct branch *branch, struct error *error)
{
  CHECK(!branch->round);
  branch->round = version_branch(store_trunk(branch->trunk->store)); // its cursors tell where they were; a snapshot's do not
  branch->round_at = 0;
  branch->trunk->counts.rounds += branch->round != NULL;
  return branch->round ? STATUS_OK : error_memory(error);
}

bool branch_round_next(struct branch *branch, uint64_t rows, struct bytes *step, struct bytes *kept,
                       const struct version **version)
{
  struct script_step found = {0};
  while (script_next(branch, &branch->round_at, &found)) {
    if (!is_long_read(&found, rows) || sees_own_changes(branch, &found, &found.step.reads))
      continue;
    if (!step_is_clean(branch, &found, branch->round)) {
      *step = found.bytes;
      *kept = found.kept;
      *version = branch->round;
      return true;
    }
    if (!(found.step.confirmation & CONFIRMED))
      found.step.confirmed = found.step.reads;
    found.step.confirmation |= CONFIRMED_IN_ROUND;
    script_put(&found);
  }
  return false;
}

int branch_round_confirm(struct branch *branch, const struct promise *promise, const struct read_set *reads,
                         const struct step_runner *runner, struct error *error)
{
  struct script_step step = {0};
  size_t at = 0;
  while (at < branch->round_at)
    CHECK(script_next(branch, &at, &step));
  struct step_reads found = script_add_reads(branch, reads);
  if (!found.size || sees_own_changes(branch, &step, &found))
    return STATUS_OK; // the commit will see
  if (!promise_equal(promise, &step.step.promise))
    return step_broken(branch, &step, runner, branch->round, error);
  step.step.confirmed = found;
  step.step.confirmation = CONFIRMED_IN_ROUND;
  script_put(&step);
  return STATUS_OK;
}

void branch_round_end(struct branch *branch)
{
  struct script_step step = {0};
  size_t at = 0;
  while (script_next(branch, &at, &step)) {
    step.step.confirmation = step.step.confirmation & CONFIRMED_IN_ROUND ? CONFIRMED : CONFIRMED_NOT;
    script_put(&step);
  }
  if (branch->confirmed)
    version_close(branch->confirmed);
  branch->confirmed = branch->round;
  branch->round = NULL;
}

bool branch_next_step(const struct branch *branch, size_t *at, struct bytes *step)
{
  struct script_step found = {0};
  if (!script_next(branch, at, &found))
    return false;
  *step = found.bytes;
  return true;
}
