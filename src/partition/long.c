// Long changes: an UPDATE or a DELETE that visits more rows than its allowance, beside the trunk (txn/beside.h).
//
//   allowance met           job: the statement, or a round of following               its end
//   --------------> out --------------------------------------------------> few rows to follow: done here, and committed
//                    ^                                                         |
//                    +--------- another round, as long as they shrink ---------+
//                                                                              |
//                 starts over, in one piece on the loop <----------------------+ they do not; definitions or others' claims
//                                                                                are in the way; it holds back too much
//
// 1. It is a group of its own, of which nothing has been told: so it can start over.
// 2. It commits where it meets the trunk, as a one-shot does: it never fails for what others did.
#include "base/sqlstate.h"
#include "partition/job.h"

enum { ROUNDS = 8, ROWS_ON_LOOP = 2000 };

// --- Which statements -------------------------------------------------------------------------------------------

static bool assigns(const struct modification *modification, int column)
{
  for (int i = 0; i < modification->assignment_count; i++)
    if (modification->assignments[i].column == column)
      return true;
  return false;
}

static bool assigns_part(const struct modification *modification, const struct key_part *parts, int count)
{
  for (int i = 0; i < count; i++)
    if (assigns(modification, parts[i].column))
      return true;
  return false;
}

// What it does to a row must not hang on other rows: neither by what it reads nor by keys.
static bool treats_rows_apart(const struct statement *statement)
{
  const struct modification *modification = statement->modification;
  const struct relation *relation = modification->relation;
  bool is_update = statement->kind == STATEMENT_UPDATE;
  if ((!is_update && statement->kind != STATEMENT_DELETE) || modification->returning_count || statement->subquery_count ||
      statement->reads_system || statement->draws_numbers || statement->claims_rows || statement->is_volatile ||
      !statement->query->from || statement->query->from->kind != JOIN_RANGE ||
      relation->index_count + 1 > STORE_ATTACH_LIMIT)
    return false;
  if (!is_update)
    return !relation->referencing_count;
  bool is_apart = !assigns_part(modification, relation->key, relation->key_count);
  for (int i = 0; i < relation->index_count && is_apart; i++)
    is_apart = !relation->indexes[i].is_unique ||
               !assigns_part(modification, relation->indexes[i].parts, relation->indexes[i].part_count);
  for (int i = 0; i < relation->foreign_key_count; i++)
    for (int k = 0; k < relation->foreign_keys[i].part_count && is_apart; k++)
      is_apart = !assigns(modification, relation->foreign_keys[i].columns[k]);
  return is_apart;
}

bool long_may_start(const struct session *session, const struct statement *statement)
{
  return !transaction_in_branch(session) && !session->is_whole && session_is_alone(session) && treats_rows_apart(statement);
}

static int changed_trees(const struct statement *statement, tree_number *trees)
{
  const struct modification *modification = statement->modification;
  const struct relation *relation = modification->relation;
  int count = 0;
  trees[count++] = relation->tree;
  for (int i = 0; i < relation->index_count; i++) {
    const struct index *index = &relation->indexes[i];
    if (!index->is_primary &&
        (statement->kind == STATEMENT_DELETE || assigns_part(modification, index->parts, index->part_count)))
      trees[count++] = index->tree;
  }
  return count;
}

// --- On any thread ----------------------------------------------------------------------------------------------

static int run_once(void *context, struct writer *writer, uint64_t *rows, struct error *error)
{
  struct job *job = context;
  arena_reset(&job->arena);
  job->run.evaluation.error = error;
  job->run.system.version = writer->version;
  writer->arena = &job->arena;
  writer->evaluation = &job->run.evaluation;
  writer->mark = &job->mark;
  job->input.version = writer->version;
  job->input.writer = writer;
  const struct value *row;
  int status = execution_start(job->execution, &job->input, error);
  while (!status && (status = execution_next(job->execution, &row, error)) > 0)
    status = 0;
  *rows = execution_row_count(job->execution);
  execution_stop(job->execution);
  return status;
}

void long_run(struct job *job)
{
  struct beside_runner runner = {.context = job, .run = run_once, .is_cancelled = &job->is_cancelled};
  job->status = job->is_started ? beside_follow(job->beside, &runner, UINT64_MAX, &job->error)
                                : beside_run(job->beside, &runner, &job->error);
  job->is_started = job->is_ended = true;
}

// --- On the loop ------------------------------------------------------------------------------------------------

int long_start(struct session *session, struct portal *portal, uint64_t random, struct error *error)
{
  struct partition *partition = session->partition;
  const struct statement *statement = portal->prepared->statement;
  if (session->has_atom)
    atom_abort(&partition->trunk);
  session->has_atom = false;
  struct job *job = job_new(session, portal->prepared, &session->settings);
  if (!job)
    return error_memory(error);
  tree_number trees[STORE_ATTACH_LIMIT];
  int count = changed_trees(statement, trees);
  job->portal = portal;
  job->beside = beside_open(&partition->trunk, statement->modification->relation, trees, count, &partition->account);
  if (!job->beside) {
    job_close(job);
    return error_memory(error);
  }
  run_init(&job->run, partition, &job->settings, NULL, &job->arena, session->transaction_now, session->statement_now, random,
           &job->error);
  run_fill_input(&job->input, &job->run, NULL, NULL);
  job->input.parameters = portal->parameters;
  job->input.mark = &job->mark;
  job->input.is_cancelled = &job->is_cancelled;
  int status = job_emit(job, error);
  if (status) {
    job_close(job);
    return status;
  }
  session->branch_base = partition->trunk.position;
  session->running = portal;
  session->holds_replies = true;
  partition->counts.long_changes++;
  return 0;
}

static bool others_claim(struct session *session, const struct beside *beside)
{
  struct claim_walk walk = {0};
  struct claim_view view;
  while (claims_next(&session->partition->claims, &walk, &view))
    if (view.is_held && view.claimant != &session->claimant && view.tag.kind != CLAIM_ON_NUMBER &&
        beside_has_tree(beside, view.tag.tree))
      return true;
  return false;
}

// RUN_RESTART: it has to start over.
static int commit(struct session *session, struct job *job, struct error *error)
{
  struct partition *partition = session->partition;
  const struct version *version;
  struct writer writer;
  uint64_t position;
  if (others_claim(session, job->beside))
    return RUN_RESTART;
  int status = transaction_version(session, true, &version, &writer, error);
  if (status)
    return status;
  writer.error = error;
  if (!beside_is_large(job->beside)) {
    status = beside_apply(job->beside, &writer);
  } else {
    atom_abort(&partition->trunk);
    session->has_atom = false;
    status = beside_attach(job->beside, &position, error);
    partition->counts.long_attached += !status;
  }
  session_depends(session, partition->trunk.position);
  return status;
}

// RUN_JOB: it goes on. RUN_RESTART: it has to start over. 0: it is done.
static int go_on(struct session *session, struct job *job, struct error *error)
{
  if (beside_is_lost(job->beside))
    return RUN_RESTART;
  if (!beside_pin(job->beside))
    return error_memory(error);
  uint64_t followed = beside_followed(job->beside);
  bool shrinks = job->rounds < 2 || followed < job->last_followed;
  job->last_followed = followed;
  struct beside_runner runner = {.context = job, .run = run_once, .is_cancelled = &job->is_cancelled};
  int status = beside_follow(job->beside, &runner, ROWS_ON_LOOP, error);
  if (status != STATUS_LONG)
    return status ? status : commit(session, job, error);
  if (!shrinks || job->rounds++ == ROUNDS)
    return RUN_RESTART;
  session->partition->counts.long_rounds++;
  status = job_emit(job, error);
  return status ? status : RUN_JOB;
}

static void tell(struct session *session, struct job *job)
{
  char tag[64];
  statement_tag(job->prepared, beside_rows(job->beside), tag, sizeof tag);
  message_tag(&session->partition->replies, tag);
  job->portal->is_done = true;
}

void long_done(struct session *session, struct job *job)
{
  struct error error;
  error_clear(&error);
  int status = job->status;
  if (session->is_outdated && !job->interruption.status) // what it held back is too much: it goes on without a snapshot
    status = RUN_RESTART;
  else if (status)
    error = job->error;
  else if (job->is_cancelled)
    status = error_set(&error, SQLSTATE_QUERY_CANCELED, "canceling statement due to user request");
  else
    status = go_on(session, job, &error);
  if (status == RUN_JOB)
    return;
  if (status < 0 && job->interruption.status && strcmp(error.sqlstate, SQLSTATE_QUERY_CANCELED) == 0)
    error = job->interruption;
  session->job = NULL;
  session->running = NULL;
  session->job_ended = status != RUN_RESTART;
  timer_clear(&session->partition->timers, &session->statement_timer);
  if (!status)
    tell(session, job);
  job_close(job);
  session->is_outdated = false;
  if (status == RUN_RESTART) {
    session->partition->counts.long_on_loop++;
    batch_start_over(session);
  } else if (status) {
    session_fail(session, &error);
  }
}
