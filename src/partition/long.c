// Long changes: an INSERT, UPDATE or DELETE that visits more rows than its allowance, and what a definition makes of a
// large table's rows, beside the trunk (txn/beside.h).
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

enum { ROUNDS = 8, RUNS = 4 };

// What the loop takes on without being missed, by rows that a statement may visit there.
static uint64_t rows_on_loop(const struct partition *partition)
{
  return 50 + partition->options.scan_allowance / 5;
}

// --- Which statements -------------------------------------------------------------------------------------------

static bool assigns(const struct modification *modification, int column)
{
  return assignments_change(modification->relation, modification->assignments, modification->assignment_count, column);
}

static bool assigns_part(const struct modification *modification, const struct key_part *parts, int count)
{
  for (int i = 0; i < count; i++)
    if (assigns(modification, parts[i].column))
      return true;
  return false;
}

static bool assigns_read(const struct modification *modification, const struct index *index)
{
  const struct relation *relation = modification->relation;
  for (int i = 0; i < relation->schema.column_count; i++)
    if (index_reads(index, i) && assigns(modification, i))
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
      statement->is_volatile || !statement->query->from || statement->query->from->kind != JOIN_RANGE ||
      relation->index_count + 1 > STORE_ATTACH_LIMIT)
    return false;
  if (!is_update)
    return !relation->referencing_count;
  bool is_apart = !assigns_part(modification, relation->key, relation->key_count);
  for (int i = 0; i < relation->index_count && is_apart; i++)
    is_apart = !relation->indexes[i].is_unique ||
               !assigns_read(modification, &relation->indexes[i]);
  for (int i = 0; i < relation->foreign_key_count; i++)
    for (int k = 0; k < relation->foreign_keys[i].part_count && is_apart; k++)
      is_apart = !assigns(modification, relation->foreign_keys[i].columns[k]);
  return is_apart;
}

// What a statement draws from sequences, claims, reads of the engine or gives to streams belongs to the loop.
static bool may_run_elsewhere(const struct statement *statement)
{
  bool is_push = statement->kind == STATEMENT_INSERT && statement->modification->relation->kind == RELATION_SOURCE;
  return !is_push && !statement->part_count && !statement->reads_system && !statement->draws_numbers && !statement->notifies &&
         !statement->claims_rows && !statement->acts_once;
}

bool long_may_start(const struct session *session, const struct statement *statement)
{
  return !transaction_in_branch(session) && !session->is_whole && session_is_alone(session) && may_run_elsewhere(statement);
}

static void note_changed(const struct statement *statement, struct beside_table *table)
{
  const struct modification *modification = statement->modification;
  const struct relation *relation = modification->relation;
  *table = (struct beside_table){.relation = relation, .logged = relation->tree};
  table->trees[table->count++] = relation->tree;
  for (int i = 0; i < relation->index_count; i++) {
    const struct index *index = &relation->indexes[i];
    if (!index->is_primary && (statement->kind == STATEMENT_DELETE || assigns_read(modification, index)))
      table->trees[table->count++] = index->tree;
  }
}

// --- On any thread ----------------------------------------------------------------------------------------------

static int change_once(struct job *job, struct writer *writer, uint64_t *rows, struct error *error)
{
  arena_reset(&job->arena);
  buffer_clear(&job->out);
  read_set_clear(&job->reads);
  job->run.evaluation.error = error;
  job->run.system.version = writer->version;
  writer->arena = &job->arena;
  writer->evaluation = &job->run.evaluation;
  writer->mark = &job->mark;
  job->input.version = writer->version;
  job->input.writer = writer;
  const struct value *row;
  int status = execution_start(job->execution, &job->input, error);
  while (!status && (status = execution_next(job->execution, &row, error)) > 0) {
    row_write(&job->writer, row, &job->out);
    status = job->out.failed ? error_memory(error) : 0;
  }
  *rows = execution_row_count(job->execution);
  execution_stop(job->execution);
  return status || job->is_apart ? status : table_check_deferred(writer, 0); // it is the whole transaction
}

// Positive: it has to be done another way.
static int run_once(void *context, struct writer *writer, uint64_t *rows, struct error *error)
{
  struct job *job = context;
  return job->relation ? ahead_build(writer, job->relation, &job->ahead, &job->is_cancelled)
                       : change_once(job, writer, rows, error);
}

static int check(void *context, struct writer *side, const struct version *version, const struct version *part,
                 struct error *error)
{
  struct job *job = context;
  return job->relation ? ahead_check(side, job->relation, &job->ahead, version, part) : 0;
}

static struct beside_runner runner_of(struct job *job)
{
  return (struct beside_runner){.context = job, .run = run_once, .check = check, .is_cancelled = &job->is_cancelled,
                                .reads = job->is_apart ? NULL : &job->reads};
}

void long_run(struct job *job)
{
  struct beside_runner runner = runner_of(job);
  job->status = job->is_started ? beside_follow(job->beside, &runner, UINT64_MAX, &job->error)
                                : beside_run(job->beside, &runner, &job->error);
  job->is_started = job->is_ended = true;
}

// --- On the loop: its beginning ---------------------------------------------------------------------------------

static bool open_table(struct job *job)
{
  const struct statement *statement = job->prepared->statement;
  return job->is_apart ||
         beside_open_table(job->beside, statement->modification->relation,
                           statement->kind == STATEMENT_INSERT || statement->kind == STATEMENT_MERGE);
}

static int start(struct session *session, struct job *job, const struct beside_table *table, struct error *error)
{
  struct partition *partition = session->partition;
  if (session->has_atom)
    atom_abort(&partition->trunk);
  session->has_atom = false;
  size_t few = partition->options.scan_allowance / 2;
  job->beside = beside_open(&partition->trunk, table, few, &partition->account);
  int status = job->beside && open_table(job) ? job_emit(job, error) : error_memory(error);
  if (status) {
    job_close(job);
    return status;
  }
  session->branch_base = partition->trunk.position;
  session->running = job->portal;
  session->holds_replies = true;
  partition->counts.long_changes++;
  return 0;
}

int long_start(struct session *session, struct portal *portal, uint64_t random, struct error *error)
{
  const struct statement *statement = portal->prepared->statement;
  struct job *job = job_new(session, portal->prepared, &session->settings);
  if (!job)
    return error_memory(error);
  struct beside_table table;
  job->is_apart = treats_rows_apart(statement);
  if (job->is_apart)
    note_changed(statement, &table);
  else
    job->mark.set = &job->reads;
  job->portal = portal;
  job->out.account = job->reads.bytes.account = &job->account;
  job->writer = row_writer_for(session, portal->prepared, portal->formats);
  job->writer.settings = job->settings.format;
  run_init(&job->run, session->partition, &job->settings, NULL, &job->arena, session->transaction_now, session->statement_now,
           random, &job->error);
  run_fill_input(&job->input, &job->run, NULL, NULL);
  job->input.parameters = portal->parameters;
  job->input.mark = &job->mark;
  job->input.is_cancelled = &job->is_cancelled;
  return start(session, job, job->is_apart ? &table : NULL, error);
}

int long_start_ahead(struct session *session, struct portal *portal, struct ahead *ahead, struct error *error)
{
  struct partition *partition = session->partition;
  const struct relation *relation = catalog_find_oid(partition->catalog, store_trunk(partition->store), ahead->relation_oid);
  struct job *job = job_new(session, portal->prepared, &session->settings);
  if (!job || !relation) {
    job_close(job);
    return error_memory(error);
  }
  job->portal = portal;
  job->is_apart = true;
  job->ahead = *ahead;
  *ahead = (struct ahead){0};
  job->relation = relation_pin(relation);
  struct beside_table table = {.relation = relation, .is_ahead = true};
  table.count = ahead_trees(&job->ahead, table.trees, &table.logged);
  return start(session, job, &table, error);
}

// --- On the loop: its end ---------------------------------------------------------------------------------------

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

static void tell(struct session *session, struct job *job)
{
  char tag[64];
  buffer_append_bytes(&session->partition->replies, buffer_bytes(&job->out));
  statement_tag(job->prepared, beside_rows(job->beside), tag, sizeof tag);
  message_tag(&session->partition->replies, tag);
}

// Few changes become the group's atom, many are one of their own.
static int commit_rows(struct session *session, struct job *job, struct writer *writer, struct error *error)
{
  struct partition *partition = session->partition;
  uint64_t position;
  int status;
  writer->error = error;
  if (!beside_is_large(job->beside)) {
    status = beside_apply(job->beside, writer);
  } else {
    atom_abort(&partition->trunk);
    session->has_atom = false;
    status = beside_attach(job->beside, &position, error);
    partition->counts.long_attached += !status;
  }
  session_depends(session, partition->trunk.position);
  if (!status)
    tell(session, job);
  return status;
}

// The statement once more, for which the trees are ready now.
static int commit_definition(struct session *session, struct job *job, const struct version *version, struct writer *writer,
                        struct error *error)
{
  struct read_mark mark = {0};
  struct statement_run run;
  statement_run_init(&run, session, job->portal);
  struct numbers numbers = ahead_numbers(&job->ahead);
  job->ahead.side = beside_take(job->beside, &job->ahead.rows);
  job->ahead.allowance = 0;
  writer->ahead = &job->ahead;
  writer->numbers = &numbers;
  run.version = version;
  run.writer = writer;
  run.mark = &mark;
  int status = statement_run(&run, error);
  session->partition->counts.long_attached += !job->ahead.side;
  session_depends(session, session->partition->trunk.position);
  return status;
}

// RUN_RESTART: it has to start over.
static int commit(struct session *session, struct job *job, struct error *error)
{
  const struct version *version;
  struct writer writer;
  if (!job->relation && others_claim(session, job->beside)) // rows that are claimed may be indexed
    return RUN_RESTART;
  int status = transaction_version(session, ACCESS_CHANGE, &version, &writer, error);
  if (status)
    return status;
  return job->relation ? commit_definition(session, job, version, &writer, error) : commit_rows(session, job, &writer, error);
}

// What it looked at has changed: once more, from the trunk as it is now.
static int run_again(struct session *session, struct job *job, struct error *error)
{
  if (beside_is_lost(job->beside) || ++job->runs == RUNS)
    return RUN_RESTART;
  if (!beside_renew(job->beside))
    return error_memory(error);
  session->branch_base = session->partition->trunk.position;
  session->partition->counts.long_rounds++;
  job->is_started = false;
  job->rounds = 0;
  int status = job_emit(job, error);
  return status ? status : RUN_JOB;
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
  struct beside_runner runner = runner_of(job);
  int status = beside_follow(job->beside, &runner, rows_on_loop(session->partition), error);
  if (status > 0)
    return status == BESIDE_STALE ? run_again(session, job, error) : RUN_RESTART;
  if (status != STATUS_LONG)
    return status ? status : commit(session, job, error);
  if (!shrinks || job->rounds++ == ROUNDS)
    return RUN_RESTART;
  session->partition->counts.long_rounds++;
  status = job_emit(job, error);
  return status ? status : RUN_JOB;
}

// How the job ended, and what follows: as go_on says.
static int outcome(struct session *session, struct job *job, struct error *error)
{
  if (session->is_outdated && !job->interruption.status) // it held back too much, and goes on without a snapshot
    return RUN_RESTART;
  if (job->status > 0 && job->status != BESIDE_STALE)
    return RUN_RESTART;
  if (job->status < 0)
    *error = job->error;
  int status = job->status < 0 ? job->status : 0;
  if (!status && flag_is_set(&job->is_cancelled))
    status = error_set(error, SQLSTATE_QUERY_CANCELED, "canceling statement due to user request");
  if (!status)
    status = job->status == BESIDE_STALE ? run_again(session, job, error) : go_on(session, job, error);
  if (status == STATUS_LIMIT && strcmp(error->sqlstate, SQLSTATE_OUT_OF_MEMORY) == 0)
    return RUN_RESTART; // on the loop it needs no second copy of the table
  if (status < 0 && job->interruption.status && strcmp(error->sqlstate, SQLSTATE_QUERY_CANCELED) == 0)
    *error = job->interruption;
  return status;
}

void long_done(struct session *session, struct job *job)
{
  struct error error;
  error_clear(&error);
  int status = outcome(session, job, &error);
  if (status == RUN_JOB)
    return;
  session->job = NULL;
  session->running = NULL;
  session->is_outdated = false;
  session->job_ended = status != RUN_RESTART;
  timer_clear(&session->partition->timers, &session->statement_timer);
  job->portal->is_done = !status;
  job_close(job);
  if (status == RUN_RESTART) {
    session->partition->counts.long_on_loop++;
    batch_start_over(session);
  } else if (status) {
    session_fail(session, &error);
  }
}
