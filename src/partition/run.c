// Running portals: on the loop as long as they are short, as jobs on a pinned version when they are long.
//
// 1. A statement that fails has undone its changes before it is told.
// 2. What meets its allowance has told nothing: it starts again as a job.
#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/sqlstate.h"
#include "partition/state.h"

uint64_t random_next(uint64_t *state)
{
  // splitmix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014)
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static uint64_t hook_random(struct evaluation *evaluation)
{
  struct run_context *context = evaluation->context;
  return random_next(&context->random);
}

// setseed: what the session draws from then on follows from the seed alone.
static bool seed_function(struct evaluation *evaluation, const char *name, const struct value *arguments,
                          struct value *result, int *status)
{
  struct run_context *context = evaluation->context;
  struct session *session = context->session;
  if (strcmp(name, "setseed") != 0)
    return false;
  *status = session ? 0 : error_set(evaluation->error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                                    "setseed can only be called in a session");
  *result = value_bytes((const uint8_t *)"", 0);
  if (session && !context->is_again) {
    double seed = arguments[0].float8;
    memcpy(&session->random, &seed, sizeof session->random);
    session->is_seeded = true;
    context->random = random_next(&session->random);
  }
  return true;
}

uint64_t session_random(struct session *session)
{
  return random_next(session->is_seeded ? &session->random : &session->partition->random);
}

static int hook_session_function(struct evaluation *evaluation, const char *name, const struct value *arguments,
                                 int argument_count, struct value *result)
{
  struct run_context *context = evaluation->context;
  int status;
  if (numbering_function(evaluation, name, arguments, argument_count, result, &status) ||
      advisory_function(evaluation, name, arguments, argument_count, result, &status) ||
      backup_function(evaluation, name, arguments, result, &status) ||
      signal_function(evaluation, name, arguments, result, &status) ||
      seed_function(evaluation, name, arguments, result, &status) ||
      sleep_function(evaluation, name, arguments, result, &status) ||
      setting_function(evaluation, name, arguments, result, &status) ||
      listening_function(evaluation, name, arguments, result, &status) ||
      watermark_function(evaluation, name, arguments, result, &status))
    return status;
  if (strcmp(name, "pg_postmaster_start_time") == 0) {
    *result = value_integer(context->partition->began);
    return 0;
  }
  return system_function(context->system, evaluation, name, arguments, argument_count, result);
}

const struct evaluation_hooks run_hooks = {.random = hook_random, .session_function = hook_session_function};

void run_init(struct run *run, struct partition *partition, const struct settings *settings, const struct version *version,
              struct arena *arena, int64_t now, int64_t statement_now, uint64_t random, struct error *error)
{
  run->system = (struct system_context){
    .catalog = partition->catalog,
    .version = version,
    .settings = settings,
    .now = now,
    .context = partition,
    .figures = partition_figures,
  };
  run->context = (struct run_context){.system = &run->system, .partition = partition, .random = random};
  run->evaluation = (struct evaluation){
    .arena = arena,
    .settings = &settings->format,
    .error = error,
    .now = now,
    .statement_now = statement_now,
    .clock_now = partition->time.wall,
    .context = &run->context,
    .hooks = &run_hooks,
  };
}

void copy_out_end(const struct copy *copy, bool has_rows, struct buffer *out)
{
  if (copy->options.is_binary) {
    size_t begin = message_begin(out, 'd');
    if (!has_rows)
      copy_write_signature(out);
    copy_write_trailer(out);
    message_end(out, begin);
  }
  message_empty(out, 'c');
}

void row_write(struct row_writer *writer, const struct value *values, struct buffer *out)
{
  if (!writer->copy) {
    message_row(out, writer->columns, writer->column_count, values, writer->formats, &writer->settings);
    return;
  }
  enum type_id types[LIMIT_COLUMNS];
  for (int i = 0; i < writer->column_count; i++)
    types[i] = writer->columns[i].expression->type.id;
  size_t begin = message_begin(out, 'd');
  if (writer->copy->options.is_binary && !writer->has_begun)
    copy_write_signature(out);
  writer->has_begun = true;
  copy_write_row(&writer->copy->options, types, values, writer->column_count, &writer->settings, out);
  message_end(out, begin);
}

struct row_writer row_writer_for(const struct session *session, const struct prepared *prepared, const bool *formats)
{
  const struct statement *statement = prepared_statement(prepared);
  return (struct row_writer){
    .columns = statement->columns,
    .column_count = statement->column_count,
    .formats = formats,
    .copy = prepared->copy,
    .settings = session->settings.format,
  };
}

static int push_rows(void *context, struct writer *writer, const struct relation *source, const struct row_batch *rows,
                     struct error *error)
{
  struct run_context *run = context;
  return flow_push(run->partition->flow, writer, source, rows, error);
}

void run_fill_input(struct execution_input *input, struct run *run, const struct version *version, struct writer *writer)
{
  const struct partition_hooks *hooks = run->context.partition->options.hooks;
  *input = (struct execution_input){
    .version = version,
    .writer = writer,
    .settings = run->evaluation.settings,
    .hooks = &run_hooks,
    .context = &run->context,
    .now = run->evaluation.now,
    .statement_now = run->evaluation.statement_now,
    .clock_now = run->evaluation.clock_now,
    .push = push_rows,
    .system = &run->system,
    .spill = hooks ? hooks->spill : NULL,
    .nanoseconds = hooks ? hooks->nanoseconds : NULL,
  };
}

static bool is_ordered(const struct prepared *prepared)
{
  const struct statement *statement = prepared_statement(prepared);
  return statement && statement->kind == STATEMENT_SELECT && statement->query->order_count > 0;
}

void statement_promise_row(const struct session *session, struct promise *promise, const struct prepared *prepared,
                        const struct buffer *out, size_t begin)
{
  if (out->failed)
    return;
  struct bytes row = bytes_of(out->data + begin + 5, out->size - begin - 5);
  // Which row comes first is promised to nobody, so what a binary COPY begins with is not part of it.
  bool is_binary = prepared->copy && prepared->copy->options.is_binary;
  if (is_binary && row.size >= COPY_SIGNATURE_SIZE && memcmp(row.data, "PGCOPY", 6) == 0)
    row = bytes_of(row.data + COPY_SIGNATURE_SIZE, row.size - COPY_SIGNATURE_SIZE);
  promise_add_row(promise, row, session->partition->promise_seed, is_ordered(prepared));
}

// "UPDATE 1": on every statement's way, so without the printf family.
void statement_tag(const struct prepared *prepared, uint64_t rows, char *tag, size_t size)
{
  if (prepared->explain.analyze) {
    memcpy(tag, "EXPLAIN", sizeof "EXPLAIN");
    return;
  }
  const char *name = prepared->copy ? "COPY" : prepared->tag;
  size_t length = strlen(name);
  char digits[20];
  size_t count = 0;
  do
    digits[count++] = (char)('0' + rows % 10);
  while ((rows /= 10) > 0);
  CHECK(length + count + 2 <= size);
  memcpy(tag, name, length);
  tag[length++] = ' ';
  while (count > 0)
    tag[length++] = digits[--count];
  tag[length] = 0;
}

static int query_rows(struct statement_run *run, struct execution *execution, struct error *error)
{
  struct row_writer writer = row_writer_for(run->session, run->prepared, run->formats);
  size_t start = run->out->size;
  const struct value *row;
  int status;
  while ((status = execution_next(execution, &row, error)) > 0) {
    if (run->take) {
      if ((status = run->take(run, row)))
        return status;
      continue;
    }
    size_t begin = run->out->size;
    row_write(&writer, row, run->out);
    if (run->out->failed)
      return error_memory(error);
    if (run->promise)
      statement_promise_row(run->session, run->promise, run->prepared, run->out, begin);
    if (run->discard_rows)
      run->out->size = begin;
    if (run->reply_limit && run->out->size - start > run->reply_limit)
      return STATUS_LONG;
  }
  run->row_count = execution_row_count(execution);
  return status;
}

static int query_run(struct statement_run *run, struct run *environment, struct error *error)
{
  struct execution *execution = prepared_take_execution(run->prepared);
  if (!execution)
    return error_memory(error);
  struct execution_input input;
  run_fill_input(&input, environment, run->version, run->writer);
  input.parameters = run->parameters;
  input.mark = run->mark;
  input.allowance = run->allowance;
  input.claimer = run->claimer;
  if (run->promise) // it would have to come out the same again
    input.nanoseconds = NULL;
  int status = execution_start(execution, &input, error);
  if (!status)
    status = query_rows(run, execution, error);
  prepared_give_execution(run->prepared, execution);
  return status;
}

static void utility_notice(void *context, const struct error *notice)
{
  session_notice(context, notice);
}

static int definition_run(struct statement_run *run, struct run *environment, const char **tag, struct error *error)
{
  struct partition *partition = run->session->partition;
  const struct partition_hooks *hooks = partition->options.hooks;
  struct utility_hooks utility_hooks = {
    .context = hooks ? hooks->context : NULL,
    .check_source = hooks ? hooks->check_source : NULL,
    .check_sink = hooks ? hooks->check_sink : NULL,
  };
  struct execution_input execution;
  run_fill_input(&execution, environment, run->version, run->writer);
  execution.mark = run->mark;
  execution.claimer = run->claimer;
  struct utility_input input = {
    .execution = &execution,
    .catalog = partition->catalog,
    .writer = run->writer,
    .settings = &run->session->settings,
    .parsed = run->prepared->parsed,
    .text = run->prepared->text,
    .hooks = &utility_hooks,
    .arena = &run->session->scratch,
    .notice = run->discard_rows ? NULL : utility_notice,
    .notice_context = run->session,
  };
  return utility_run(&input, tag, error);
}

int statement_run(struct statement_run *run, struct error *error)
{
  struct session *session = run->session;
  struct run environment;
  run_init(&environment, session->partition, &session->settings, run->version, &session->scratch, run->now,
           run->statement_now, run->random, error);
  numbering_attach(&environment, session, run->numbers, run->discard_rows);
  environment.context.writer = run->writer;
  environment.context.said_from = run->writer ? change_mark(run->writer->changes) : 0;
  struct atom_mark mark = {0};
  if (run->writer) {
    run->writer->arena = &session->scratch;
    run->writer->evaluation = &environment.evaluation;
    run->writer->mark = run->mark;
    run->writer->error = error;
    mark = writer_mark(run->writer);
  }
  size_t reply = run->out->size;
  char text[64];
  const char *tag = text;
  int status;
  if (run->prepared->plan) {
    status = query_run(run, &environment, error);
    if (run->promise || !run->without_tag)
      statement_tag(run->prepared, run->row_count, text, sizeof text);
  } else {
    status = definition_run(run, &environment, &tag, error);
  }
  if (status) {
    if (run->writer)
      writer_rollback(run->writer, mark);
    if (!run->out->failed)
      run->out->size = reply;
    return status;
  }
  if (run->promise)
    promise_add_text(run->promise, tag, session->partition->promise_seed);
  if (!run->discard_rows && !run->without_tag)
    message_tag(run->out, tag);
  return run->out->failed ? error_memory(error) : 0;
}

void session_depends(struct session *session, uint64_t position)
{
  uint64_t committed = session->partition->trunk.position;
  if (!settings_waits_for_log(&session->settings))
    return;
  if (position > committed)
    position = committed;
  if (position > session->depends)
    session->depends = position;
}

// --- Portals --------------------------------------------------------------------------------------------

// Definitions may have changed since the portal was bound: analyses its text again.
static int portal_revalidate(struct session *session, struct portal *portal, const struct version *version,
                             struct error *error)
{
  struct prepared *old = portal->prepared;
  session_refresh_path(session);
  if (!old->plan || prepared_is_valid(old, version, &session->settings))
    return 0;
  if (old->copy)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "cached plan must not change result type");
  const struct type *types = portal->literals ? portal->parameter_types : old->statement->parameters;
  struct prepared_input input = {
    .version = version,
    .settings = &session->settings,
    .text = old->text,
    .parameters = types,
    .parameter_count = old->statement->parameter_count,
    .parameters_are_literals = portal->literals,
    .is_again = true,
  };
  struct prepared *prepared;
  int status = prepared_get(&session->partition->cache, &input, &prepared, error);
  if (status == STATUS_LONG)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "cached plan must not change result type");
  if (status)
    return status;
  bool is_same = prepared->statement && prepared->statement->column_count == old->statement->column_count &&
                 prepared->statement->parameter_count == old->statement->parameter_count;
  for (int i = 0; is_same && i < old->statement->column_count; i++)
    is_same = prepared->statement->columns[i].expression->type.id == old->statement->columns[i].expression->type.id;
  for (int i = 0; is_same && i < old->statement->parameter_count; i++)
    is_same = prepared->statement->parameters[i].id == old->statement->parameters[i].id;
  if (!is_same) {
    prepared_release(prepared);
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "cached plan must not change result type");
  }
  portal->prepared = prepared;
  prepared_release(old);
  return 0;
}

uint64_t portal_take(struct session *session, struct portal *portal, uint64_t max_rows)
{
  struct error error;
  struct message message;
  uint64_t count = 0;
  size_t at = portal->rows_at;
  while (count < max_rows && message_next(buffer_bytes(&portal->rows), &at, &message, &error) > 0)
    count++;
  buffer_append(&session->partition->replies, portal->rows.data + portal->rows_at, at - portal->rows_at);
  portal->rows_at = at;
  return count;
}

// What is still in a portal that keeps its rows, at most max_rows of it (0: all).
static int portal_give(struct session *session, struct portal *portal, uint64_t max_rows)
{
  uint64_t given = portal_take(session, portal, max_rows ? max_rows : UINT64_MAX);
  if (max_rows && given == max_rows) {
    message_empty(&session->partition->replies, 's');
    return RUN_SUSPENDED;
  }
  portal->is_done = true;
  char tag[64];
  statement_tag(portal->prepared, given, tag, sizeof tag);
  message_tag(&session->partition->replies, tag);
  return RUN_DONE;
}

bool session_more_follows(const struct session *session)
{
  if (session->simple)
    return session->simple_next < session->simple->statement_count;
  if (!session->is_extended)
    return false;
  return session->input_at < session->input.size && session->input.data[session->input_at] != 'S';
}

bool session_is_alone(const struct session *session)
{
  if (!session->is_extended)
    return !session->simple || session->simple->statement_count == 1;
  struct message message = {0};
  struct error error;
  int binds = 0, executes = 0;
  for (size_t at = session->group_start; at < session->ready_until;) {
    if (message_next(buffer_bytes(&session->input), &at, &message, &error) <= 0)
      return false;
    binds += message.type == 'B';
    executes += message.type == 'E';
  }
  return binds > 0 && executes == 1 && message.type == 'S';
}

bool may_be_job(const struct statement *statement)
{
  return statement->kind == STATEMENT_SELECT && !statement->reads_system && !statement->claims_rows &&
         !statement->draws_numbers && !statement->notifies;
}

// A job sees no atom that is under way: for one the group must start again as a branch.
static bool must_restart(const struct session *session)
{
  return !transaction_in_branch(session) && !session->is_whole && (session->has_atom || session_more_follows(session));
}

// A batch that has changed something reads that much longer on the loop: as a branch it could fail for others' changes.
enum { BATCH_PATIENCE = 100 };

void statement_run_init(struct statement_run *run, struct session *session, struct portal *portal)
{
  *run = (struct statement_run){
    .session = session,
    .prepared = portal->prepared,
    .parameters = portal->parameters,
    .formats = portal->formats,
    .now = session->transaction_now,
    .statement_now = session->statement_now,
    .random = session_random(session),
    .out = &session->partition->replies,
    .numbers = transaction_in_branch(session) ? &session->numbers : NULL,
  };
}

// After a statement: what its replies depend on, and its step in the script.
static int after_statement(struct session *session, struct portal *portal, struct statement_run *run, struct error *error)
{
  const struct statement *statement = prepared_statement(run->prepared);
  bool reads_system = statement && statement->reads_system;
  if (transaction_in_branch(session))
    return transaction_record(session, portal, run->promise, run->random, reads_system ? NULL : run->mark->set, error);
  session_depends(session, reads_system ? UINT64_MAX : run->mark->position);
  return 0;
}

// A change that has met its allowance is undone and runs again: it may not have drawn numbers, nor done what is done once.
static bool may_run_twice(const struct statement *statement)
{
  return statement && statement->kind != STATEMENT_SELECT && !statement->draws_numbers && !statement->notifies &&
         !statement->acts_once;
}

static const char *query_command(enum statement_kind kind)
{
  return kind == STATEMENT_INSERT   ? "INSERT"
         : kind == STATEMENT_UPDATE ? "UPDATE"
         : kind == STATEMENT_MERGE  ? "MERGE"
         : kind == STATEMENT_WITH   ? "SELECT"
                                    : "DELETE";
}

// RUN_JOB: it was undone, and goes on when the trees that it asks for have been made beside the trunk.
static int run_definition(struct session *session, struct portal *portal, struct statement_run *run, struct error *error)
{
  if (transaction_in_branch(session) || session->is_whole || !session_is_alone(session))
    return statement_run(run, error);
  struct ahead ahead = {.allowance = session->partition->options.scan_allowance};
  struct numbers numbers = ahead_numbers(&ahead);
  run->writer->ahead = &ahead;
  run->writer->numbers = &numbers;
  int status = statement_run(run, error);
  if (status == STATUS_LONG) {
    status = long_start_ahead(session, portal, &ahead, error);
    status = status ? status : RUN_JOB;
  }
  ahead_deinit(&ahead);
  return status;
}

// Where a savepoint may let the transaction live on, the error is a promise like any reply.
static void promise_failure(struct session *session, struct portal *portal, struct promise *promise, uint64_t random,
                            struct error *error)
{
  struct error ignored;
  if (!session->savepoints.count)
    return;
  script_promise_error(session, error, promise);
  session->failure_recorded = !transaction_record(session, portal, promise, random, NULL, &ignored);
}

// LISTEN, UNLISTEN, NOTIFY: they change nothing that is stored.
static bool signals_only(const struct prepared *prepared)
{
  const char *tag = prepared->utility == UTILITY_DEFINITION ? utility_tag(prepared->parsed) : "";
  return strcmp(tag, "LISTEN") == 0 || strcmp(tag, "UNLISTEN") == 0 || strcmp(tag, "NOTIFY") == 0;
}

static enum transaction_access access_of(const struct prepared *prepared, bool is_read)
{
  const struct statement *statement = prepared_statement(prepared);
  return is_read && !statement->notifies ? ACCESS_READ : is_read || signals_only(prepared) ? ACCESS_SAY : ACCESS_CHANGE;
}

// Are all tables that it changes the session's own?
static bool changes_temporary(const struct statement *statement)
{
  bool is = !statement->modification || relation_is_temporary(statement->modification->relation);
  for (int i = 0; i < statement->part_count && is; i++)
    is = changes_temporary(statement->parts[i]);
  return is;
}

// What is wrong here: in a transaction that only reads, in a block, or outside of one.
static int check_place(struct session *session, const struct portal *portal, bool is_read, struct error *error)
{
  const struct statement *statement = portal->prepared->statement;
  if (signals_only(portal->prepared))
    return 0;
  bool claims = is_read && statement->claims_rows;
  bool sets = !statement && strcmp(utility_tag(portal->prepared->parsed), "SET CONSTRAINTS") == 0;
  bool is_own = statement && !claims && changes_temporary(statement);
  if ((!is_read || claims) && !sets && !is_own && session->settings.read_only)
    return error_set(error, SQLSTATE_READ_ONLY_SQL_TRANSACTION, "cannot execute %s in a read-only transaction",
                     claims      ? "SELECT FOR UPDATE"
                     : statement ? query_command(statement->kind)
                                 : utility_tag(portal->prepared->parsed));
  if (!statement && session->transaction == TRANSACTION_OPEN &&
      strcmp(utility_tag(portal->prepared->parsed), "VACUUM") == 0)
    return error_set(error, SQLSTATE_ACTIVE_SQL_TRANSACTION, "VACUUM cannot run inside a transaction block");
  if (sets && session->transaction == TRANSACTION_NONE && !session_more_follows(session))
    transaction_warn(session, SQLSTATE_NO_ACTIVE_SQL_TRANSACTION, "SET CONSTRAINTS can only be used in transaction blocks");
  return 0;
}

// keeps: the rows stay in the portal, to be given in pieces.
static int portal_run_statement(struct session *session, struct portal *portal, bool keeps, struct error *error)
{
  const struct statement *statement = portal->prepared->statement;
  bool is_read = portal->prepared->utility == UTILITY_NONE && statement->kind == STATEMENT_SELECT;
  int status = check_place(session, portal, is_read, error);
  if (status)
    return status;
  const struct version *version;
  struct writer writer;
  session->has_queried = true;
  bool has_writer = !is_read || statement->notifies;
  status = transaction_version(session, access_of(portal->prepared, is_read), &version, &writer, error);
  if (!status)
    status = portal_revalidate(session, portal, version, error);
  if (status)
    return status;
  statement = portal->prepared->statement;
  struct read_mark mark = {0};
  struct promise promise = {0};
  struct statement_run run;
  statement_run_init(&run, session, portal);
  run.version = version;
  run.writer = has_writer ? &writer : NULL;
  run.mark = &mark;
  run.promise = transaction_in_branch(session) ? &promise : NULL;
  keeps = keeps && statement && statement->column_count > 0;
  if (keeps) {
    portal->rows.account = &session->rows_account;
    run.out = &portal->rows;
    run.without_tag = true;
    run.reply_limit = portal->prepared->account.limit;
  } else if (is_read && may_be_job(statement) && !session->is_whole) {
    bool has_changed = session->has_atom && !transaction_in_branch(session);
    run.allowance = session->partition->options.scan_allowance * (has_changed ? BATCH_PATIENCE : 1);
    run.reply_limit = has_changed ? 0 : LIMIT_RESULT_CHUNK;
  }
  if (!transaction_in_branch(session) && !session->is_whole && !keeps && may_run_twice(statement) &&
      !portal->prepared->explain.analyze)
    run.allowance = session->partition->options.scan_allowance;
  run.claimer = waiting_claimer(session);
  buffer_clear(&session->kept);
  read_set_clear(&session->reads);
  mark.set = run.promise ? &session->reads : NULL;
  status = statement ? statement_run(&run, error) : run_definition(session, portal, &run, error);
  if (status == RUN_JOB)
    return status;
  if (status == STATUS_LONG && !is_read) {
    if (long_may_start(session, statement)) {
      status = long_start(session, portal, run.random, error);
      return status ? status : RUN_JOB;
    }
    session->partition->counts.long_on_loop++;
    run.allowance = 0;
    status = statement_run(&run, error);
  }
  if (status == STATUS_WAIT)
    return waiting_begin(session, transaction_in_branch(session) ? WAITING_STATEMENT : WAITING_GROUP);
  if (status == STATUS_INPUT)
    promise_failure(session, portal, &promise, run.random, error);
  if (status < 0 && status != STATUS_LONG && !transaction_in_branch(session))
    session_depends(session, mark.position); // an error tells what was seen, no less than a row
  if (status == STATUS_LONG && keeps)
    return error_set(error, SQLSTATE_OUT_OF_MEMORY, "the result of a cursor is larger than the memory of a statement");
  if (status == STATUS_LONG) {
    if (must_restart(session))
      return RUN_RESTART;
    status = job_start(session, portal, version, run.random, error);
    return status ? status : RUN_JOB;
  }
  if (!status)
    status = after_statement(session, portal, &run, error);
  if (status)
    return status;
  portal->is_kept = keeps;
  portal->is_done = !keeps;
  return RUN_DONE;
}

int portal_keep(struct session *session, struct portal *portal, struct error *error)
{
  return portal_run_statement(session, portal, true, error);
}

static void copy_out_begin(const struct copy *copy, struct buffer *out)
{
  message_copy_response(out, 'H', copy->select->column_count, copy->options.is_binary);
  if (!copy->options.header)
    return;
  size_t begin = message_begin(out, 'd');
  copy_write_header(&copy->options, copy->select->columns, copy->select->column_count, out);
  message_end(out, begin);
}

// What COPY writes, in one piece on the loop.
static int copy_out_whole(struct session *session, struct portal *portal, const struct version *version,
                          struct writer *writer, struct error *error)
{
  struct buffer *out = &session->partition->replies;
  size_t begin = out->size;
  struct read_mark mark = {0};
  struct promise promise = {0};
  struct statement_run run;
  buffer_clear(&session->kept);
  read_set_clear(&session->reads);
  statement_run_init(&run, session, portal);
  run.version = version;
  run.writer = writer;
  run.mark = &mark;
  run.promise = transaction_in_branch(session) ? &promise : NULL;
  run.without_tag = true;
  run.claimer = waiting_claimer(session);
  mark.set = run.promise ? &session->reads : NULL;
  copy_out_begin(portal->prepared->copy, out);
  int status = statement_run(&run, error);
  if (status && !out->failed)
    out->size = begin;
  if (status == STATUS_WAIT)
    return waiting_begin(session, transaction_in_branch(session) ? WAITING_STATEMENT : WAITING_GROUP);
  if (status == STATUS_INPUT)
    promise_failure(session, portal, &promise, run.random, error);
  if (status < 0 && !transaction_in_branch(session))
    session_depends(session, mark.position);
  if (status)
    return status;
  copy_out_end(portal->prepared->copy, run.row_count > 0, out);
  char tag[64];
  statement_tag(portal->prepared, run.row_count, tag, sizeof tag);
  message_tag(out, tag);
  return after_statement(session, portal, &run, error);
}

// COPY … TO STDOUT: a query is always a job, unless it cannot be one; a change never.
static int portal_run_copy_to(struct session *session, struct portal *portal, struct error *error)
{
  const struct copy *copy = portal->prepared->copy;
  bool is_read = copy->select->kind == STATEMENT_SELECT;
  if (!is_read && session->settings.read_only && !changes_temporary(copy->select))
    return error_set(error, SQLSTATE_READ_ONLY_SQL_TRANSACTION, "cannot execute %s in a read-only transaction",
                     query_command(copy->select->kind));
  const struct version *version;
  struct writer writer;
  session->has_queried = true;
  bool has_writer = !is_read || copy->select->notifies;
  int status = transaction_version(session, access_of(portal->prepared, is_read), &version, &writer, error);
  if (!status)
    status = portal_revalidate(session, portal, version, error);
  if (status)
    return status;
  if (has_writer)
    return copy_out_whole(session, portal, version, &writer, error);
  if (must_restart(session))
    return RUN_RESTART;
  if (!may_be_job(copy->select) || session->is_whole)
    return copy_out_whole(session, portal, version, NULL, error);
  copy_out_begin(copy, &session->partition->replies);
  status = job_start(session, portal, version, session_random(session), error);
  return status ? status : RUN_JOB;
}

static int portal_dispatch(struct session *session, struct portal *portal, uint64_t max_rows, struct error *error)
{
  struct prepared *prepared = portal->prepared;
  if (portal->is_kept)
    return portal_give(session, portal, max_rows);
  if (portal->is_done && prepared->plan)
    return portal_give(session, portal, 0);
  switch (prepared->utility) {
  case UTILITY_NONE:
  case UTILITY_DEFINITION:
  case UTILITY_IGNORED: {
    int status = portal_run_statement(session, portal, max_rows > 0, error);
    return status || !portal->is_kept ? status : portal_give(session, portal, max_rows);
  }
  case UTILITY_COPY:
    return prepared->copy->is_from ? copying_begin(session, portal, error) : portal_run_copy_to(session, portal, error);
  case UTILITY_TRANSACTION: return transaction_command(session, prepared, error);
  default: return command_run(session, portal, error);
  }
}

int portal_run(struct session *session, struct portal *portal, uint64_t max_rows, struct error *error)
{
  if (portal->prepared->is_empty) {
    message_empty(&session->partition->replies, 'I');
    return RUN_DONE;
  }
  if (session->transaction == TRANSACTION_FAILED && portal->prepared->utility != UTILITY_TRANSACTION)
    return transaction_refuse(session, error);
  session->partition->counts.statements++;
  session->statement_now = session->partition->time.wall;
  if (session->is_extended)
    session_note_query(session, portal->prepared->text);
  if (!session->transaction_now)
    session->transaction_now = session->statement_now;
  struct prepared *prepared = prepared_retain(portal->prepared); // the end of a transaction closes its portals
  int status = portal_dispatch(session, portal, max_rows, error);
  prepared_release(prepared);
  if (status <= RUN_DONE)
    timer_clear(&session->partition->timers, &session->statement_timer);
  return status;
}
