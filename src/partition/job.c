// Jobs: long statements that run on another thread, on a pinned version.
//
// 1. While a job is out, its session takes no further message, and the version that it reads does not change.
#include <stdlib.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "partition/job.h"

void job_cancel(struct job *job)
{
  flag_set(&job->is_cancelled);
}

void job_interrupt(struct job *job, const struct error *reason)
{
  job->interruption = *reason;
  job_cancel(job);
}

void job_refuse(struct job *job, const struct error *reason)
{
  job_interrupt(job, reason);
  job_run(job);
}

void job_run(struct job *job)
{
  if (job->beside) {
    long_run(job);
    return;
  }
  buffer_clear(&job->out);
  job->status = 0;
  if (!job->is_started) {
    job->is_started = true;
    job->status = execution_start(job->execution, &job->input, &job->error);
  }
  while (!job->status && job->out.size < LIMIT_RESULT_CHUNK) {
    const struct value *row;
    int got = execution_next(job->execution, &row, &job->error);
    if (got <= 0) {
      job->is_ended = true;
      job->status = got;
      return;
    }
    size_t begin = job->out.size;
    row_write(&job->writer, row, &job->out);
    if (job->out.failed)
      job->status = error_memory(&job->error);
    else if (job->wants_promise)
      statement_promise_row(job->session, &job->promise, job->prepared, &job->out, begin);
    if (job->is_round)
      buffer_clear(&job->out);
  }
  job->is_ended = job->status != 0;
}

void job_close(struct job *job)
{
  if (!job)
    return;
  execution_close(job->execution);
  arena_deinit(&job->arena);
  if (job->snapshot)
    version_close(job->snapshot);
  ahead_deinit(&job->ahead);
  beside_close(job->beside);
  relation_unpin(job->relation);
  buffer_deinit(&job->out);
  read_set_deinit(&job->reads);
  prepared_release(job->prepared);
  free(job);
}

int job_emit(struct job *job, struct error *error)
{
  struct frame *frame = output_frame(job->session->partition, FRAME_JOB);
  if (!frame)
    return error_memory(error);
  frame->session = job->session->id;
  frame->job = job;
  job->session->job = job;
  return 0;
}

struct job *job_new(struct session *session, struct prepared *prepared, const struct settings *settings)
{
  struct job *job = calloc(1, sizeof *job);
  if (!job)
    return NULL;
  job->session = session;
  job->prepared = prepared_retain(prepared);
  job->settings = *settings;
  settings_moved(&job->settings);
  job->account = (struct memory_account){.parent = &session->partition->account, .limit = prepared->account.limit};
  arena_init(&job->arena, &job->account);
  if (prepared->plan)
    job->execution = execution_open(prepared->plan, &job->account);
  if (job->execution || !prepared->plan)
    return job;
  job_close(job);
  return NULL;
}

static int job_go(struct job *job, const struct version *version, const struct kept_values *kept,
                  const struct value *parameters, const bool *formats, struct error *error)
{
  struct session *session = job->session;
  run_init(&job->run, session->partition, &job->settings, version, &job->arena, kept->now, kept->statement_now, kept->random,
           &job->error);
  run_fill_input(&job->input, &job->run, version, NULL);
  job->input.parameters = parameters;
  job->input.mark = &job->mark;
  job->input.is_cancelled = &job->is_cancelled;
  job->writer = row_writer_for(session, job->prepared, formats);
  job->writer.settings = job->settings.format;
  job->mark.set = job->wants_promise ? &job->reads : NULL;
  if (job->wants_promise)
    job->input.nanoseconds = NULL;
  int status = job_emit(job, error);
  if (status)
    job_close(job);
  else
    session->partition->counts.jobs++;
  return status;
}

int job_start(struct session *session, struct portal *portal, const struct version *version, uint64_t random,
              struct error *error)
{
  struct partition *partition = session->partition;
  struct job *job = job_new(session, portal->prepared, &session->settings);
  if (!job)
    return error_memory(error);
  job->portal = portal;
  job->random = random;
  job->wants_promise = transaction_in_branch(session);
  if (!transaction_in_branch(session)) {
    job->snapshot = version_snapshot(store_trunk(partition->store));
    session->branch_base = partition->trunk.position;
    version = job->snapshot;
  }
  if (!version) {
    job_close(job);
    return error_memory(error);
  }
  struct kept_values kept = {session->transaction_now, session->statement_now, random};
  int status = job_go(job, version, &kept, portal->parameters, portal->formats, error);
  if (!status)
    session->running = portal;
  return status;
}

int job_start_round(struct session *session, struct prepared *prepared, const struct version *version, struct bytes step,
                    const struct kept_values *kept, const struct settings *settings, struct error *error)
{
  struct job *job = job_new(session, prepared, settings);
  prepared_release(prepared);
  if (!job)
    return error_memory(error);
  job->is_round = job->wants_promise = true;
  struct script_statement statement;
  int status = script_statement(step, &job->arena, &statement, error);
  if (status) {
    job_close(job);
    return status;
  }
  return job_go(job, version, kept, statement.values, statement.columns ? statement.formats : NULL, error);
}

static void end_round_job(struct session *session, struct job *job)
{
  session->job = NULL;
  int status = job->status;
  if (status && job->interruption.status && strcmp(job->error.sqlstate, SQLSTATE_QUERY_CANCELED) == 0)
    job->error = job->interruption;
  char tag[64];
  statement_tag(job->prepared, execution_row_count(job->execution), tag, sizeof tag);
  promise_add_text(&job->promise, tag, session->partition->promise_seed);
  struct job_outcome outcome = {status, &job->error, &job->promise, &job->reads};
  round_job_done(session, &outcome);
  job_close(job);
}

void job_done(struct job *job)
{
  struct session *session = job->session;
  struct partition *partition = session->partition;
  if (session->is_closing) {
    session->job = NULL;
    job_close(job);
    session_close(session);
    return;
  }
  if (job->is_round) {
    end_round_job(session, job);
    return;
  }
  if (job->beside) {
    long_done(session, job);
    return;
  }
  if (!transaction_in_branch(session))
    session_depends(session, job->mark.position);
  buffer_append_bytes(&partition->replies, buffer_bytes(&job->out));
  struct error error = {0};
  int status = job->status;
  if (!status && !job->is_ended) {
    session->job_waits = session->is_held;
    if (session->is_held)
      return;
    status = job_emit(job, &error);
    if (!status)
      return;
    job->error = error;
  }
  session->job = NULL;
  session->running = NULL;
  session->job_ended = true;
  if (!status) {
    if (job->prepared->copy)
      copy_out_end(job->prepared->copy, execution_row_count(job->execution) > 0, &partition->replies);
    char tag[64];
    statement_tag(job->prepared, execution_row_count(job->execution), tag, sizeof tag);
    if (job->wants_promise) {
      promise_add_text(&job->promise, tag, partition->promise_seed);
      status = transaction_record(session, job->portal, &job->promise, job->random, &job->reads, &job->error);
    }
    if (!status)
      message_tag(&partition->replies, tag);
    job->portal->is_done = true;
  }
  error = status && job->interruption.status && strcmp(job->error.sqlstate, SQLSTATE_QUERY_CANCELED) == 0
            ? job->interruption
            : job->error;
  job_close(job);
  timer_clear(&partition->timers, &session->statement_timer);
  if (session->is_outdated)
    status = transaction_outdated(session, &error);
  if (status)
    session_fail(session, &error);
}

int job_resume(struct session *session, struct error *error)
{
  session->job_waits = false;
  int status = session->is_outdated ? transaction_outdated(session, error) : job_emit(session->job, error);
  if (status)
    job_abandon(session);
  return status;
}

void job_abandon(struct session *session)
{
  job_close(session->job);
  session->job = NULL;
  session->running = NULL;
  session->job_ended = true;
  session->job_waits = false;
}
