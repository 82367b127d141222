// Transactions of sessions: atoms for what is whole at hand, branches with scripts for what is not.
//
// A step of a script is encoded here: 'S' a statement with its parameters, 'B' the start of a COPY, 'D' its rows,
// 'E' its end, 'C' the check of what was deferred. It holds texts, not plans: the text is bound again on the trunk when the step runs again, and what it
// then means shows in its reply.
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
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
  partition->counts.branches++;
  return 0;
}

int transaction_version(struct session *session, bool for_change, const struct version **version, struct writer *writer,
                        struct error *error)
{
  struct partition *partition = session->partition;
  if (session->is_outdated)
    return transaction_outdated(session, error);
  if (for_change && partition->is_full) {
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
    }
    return 0;
  }
  *version = store_trunk(partition->store);
  if (!for_change)
    return 0;
  if (!session->has_atom) {
    partition->atom_writer = (struct writer){0};
    atom_begin(&partition->trunk, &partition->atom_writer);
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

// --- Scripts ----------------------------------------------------------------------------------------------

struct kept_values {
  int64_t now, statement_now;
  uint64_t random;
};

static void append_sized(struct buffer *out, struct bytes bytes)
{
  buffer_append_le32(out, (uint32_t)bytes.size);
  buffer_append_bytes(out, bytes);
}

static void encode_value(struct buffer *out, enum type_id type, const struct value *value)
{
  buffer_append_u8(out, value->is_null);
  if (value->is_null)
    return;
  if (type == TYPE_UNKNOWN || type_info(type)->storage == STORAGE_BYTES)
    append_sized(out, bytes_of(value->data, value->size));
  else
    buffer_append_le64(out, (uint64_t)value->integer); // a float8's bits too
}

int transaction_record(struct session *session, const struct portal *portal, const struct promise *promise, uint64_t random,
                       struct error *error)
{
  struct buffer step = {0};
  const struct prepared *prepared = portal->prepared;
  buffer_append_u8(&step, 'S');
  buffer_append_u8(&step, portal->literals);
  append_sized(&step, prepared->text);
  buffer_append_le32(&step, (uint32_t)portal->parameter_count);
  for (int i = 0; i < portal->parameter_count; i++) {
    struct type given = portal->literals ? portal->parameter_types[i] : prepared->statement->parameters[i];
    buffer_append_u8(&step, (uint8_t)given.id);
    buffer_append_le32(&step, (uint32_t)given.modifier);
    enum type_id type = prepared->statement->parameters[i].id;
    buffer_append_u8(&step, (uint8_t)type);
    encode_value(&step, type, &portal->parameters[i]);
  }
  int columns = portal->formats && prepared->statement ? prepared->statement->column_count : 0;
  buffer_append_le32(&step, (uint32_t)columns);
  for (int i = 0; i < columns; i++)
    buffer_append_u8(&step, portal->formats[i]);
  struct kept_values kept = {session->transaction_now, session->statement_now, random};
  int status = step.failed ? error_memory(error)
                           : branch_record(session->branch, buffer_bytes(&step), bytes_of(&kept, sizeof kept), promise, error);
  buffer_deinit(&step);
  return status;
}

int transaction_record_copy(struct session *session, char kind, struct bytes bytes, const struct promise *promise,
                            struct error *error)
{
  struct buffer step = {0};
  buffer_append_u8(&step, (uint8_t)kind);
  buffer_append_bytes(&step, bytes);
  struct kept_values kept = {session->transaction_now, session->statement_now, 0};
  int status = step.failed ? error_memory(error)
                           : branch_record(session->branch, buffer_bytes(&step), bytes_of(&kept, sizeof kept), promise, error);
  buffer_deinit(&step);
  return status;
}

struct rerun {
  struct session *session;
  struct copy_feed *feed;
  struct buffer out; // replies that nobody sees
};

// Steps are our own bytes, written above: they are trusted.
struct step_reader {
  const uint8_t *at;
};

static uint32_t step_u32(struct step_reader *reader)
{
  uint32_t v = get_le32(reader->at);
  reader->at += 4;
  return v;
}

static struct bytes step_sized(struct step_reader *reader)
{
  uint32_t size = step_u32(reader);
  struct bytes bytes = bytes_of(reader->at, size);
  reader->at += size;
  return bytes;
}

static void decode_value(struct step_reader *reader, enum type_id type, struct value *value)
{
  *value = (struct value){.is_null = *reader->at++};
  if (value->is_null)
    return;
  if (type == TYPE_UNKNOWN || type_info(type)->storage == STORAGE_BYTES) {
    struct bytes bytes = step_sized(reader);
    *value = value_bytes(bytes.data, (uint32_t)bytes.size);
  } else {
    value->integer = (int64_t)get_le64(reader->at);
    reader->at += 8;
  }
}

static int rerun_get(struct rerun *rerun, const struct version *version, struct bytes text, const struct type *types, int count,
                     bool literals, struct prepared **prepared, struct error *error)
{
  struct prepared_input input = {
    .version = version,
    .settings = &rerun->session->settings,
    .text = text,
    .parameters = types,
    .parameter_count = count,
    .parameters_are_literals = literals,
  };
  int status = prepared_get(&rerun->session->partition->cache, &input, prepared, error);
  // The stripped text means something else now: so will the reply.
  return status == STATUS_LONG ? error_set(error, SQLSTATE_SERIALIZATION_FAILURE, "a definition has changed") : status;
}

static int rerun_statement(struct rerun *rerun, struct writer *writer, struct bytes step, const struct kept_values *kept,
                           struct promise *promise, struct error *error)
{
  struct session *session = rerun->session;
  struct step_reader reader = {.at = step.data + 1};
  bool literals = *reader.at++;
  struct bytes text = step_sized(&reader);
  int count = (int)step_u32(&reader);
  struct type *types = ARENA_ARRAY(&session->scratch, struct type, count + 1);
  struct value *values = ARENA_ARRAY(&session->scratch, struct value, count + 1);
  enum type_id *value_types = ARENA_ARRAY(&session->scratch, enum type_id, count + 1);
  if (!types || !values || !value_types)
    return error_memory(error);
  for (int i = 0; i < count; i++) {
    types[i].id = (enum type_id)*reader.at++;
    types[i].modifier = (int32_t)step_u32(&reader);
    value_types[i] = (enum type_id)*reader.at++;
    decode_value(&reader, value_types[i], &values[i]);
  }
  struct prepared *prepared;
  int status = rerun_get(rerun, writer->version, text, types, count, literals, &prepared, error);
  if (status)
    return status;
  bool is_same = !count || (prepared->statement && prepared->statement->parameter_count == count);
  for (int i = 0; is_same && i < count; i++)
    is_same = prepared->statement->parameters[i].id == value_types[i];
  if (!is_same) {
    prepared_release(prepared);
    return error_set(error, SQLSTATE_SERIALIZATION_FAILURE, "a definition has changed");
  }
  int columns = (int)step_u32(&reader);
  bool *formats = columns ? ARENA_ARRAY(&session->scratch, bool, columns) : NULL;
  for (int i = 0; formats && i < columns; i++)
    formats[i] = *reader.at++;
  struct read_mark mark = {0};
  bool is_read = prepared->plan && prepared->statement->kind == STATEMENT_SELECT;
  if (prepared->statement && formats && prepared->statement->column_count != columns)
    formats = NULL;
  struct statement_run run = {
    .session = session,
    .prepared = prepared,
    .parameters = values,
    .formats = formats,
    .version = writer->version,
    .writer = is_read ? NULL : writer,
    .now = kept->now,
    .statement_now = kept->statement_now,
    .random = kept->random,
    .mark = &mark,
    .out = &rerun->out,
    .discard_rows = true,
    .promise = promise,
  };
  status = statement_run(&run, error);
  prepared_release(prepared);
  return status;
}

static int rerun_copy(struct rerun *rerun, struct writer *writer, struct bytes step, const struct kept_values *kept,
                      struct promise *promise, struct error *error)
{
  struct session *session = rerun->session;
  struct bytes bytes = bytes_of(step.data + 1, step.size - 1);
  char kind = (char)step.data[0];
  if (kind == 'B') {
    struct prepared *prepared;
    int status = rerun_get(rerun, writer->version, bytes, NULL, 0, false, &prepared, error);
    if (status)
      return status;
    copy_feed_close(rerun->feed);
    rerun->feed = copy_feed_open(session, prepared, error);
    prepared_release(prepared);
    return rerun->feed ? 0 : error->status;
  }
  if (!rerun->feed)
    return error_set(error, SQLSTATE_SERIALIZATION_FAILURE, "the COPY could not be started again");
  int status = copy_feed_chunk(rerun->feed, writer, bytes, kind == 'E', kept->now, kept->random, error);
  if (!status && kind == 'E') {
    char tag[64];
    snprintf(tag, sizeof tag, "COPY %llu", (unsigned long long)copy_feed_rows(rerun->feed));
    promise_add_text(promise, tag, session->partition->promise_seed);
  }
  return status;
}

// What constraints were deferred holds at the end, or there is no commit.
static int check_deferred(struct session *session, struct writer *writer, struct error *error)
{
  struct run environment;
  struct read_mark mark = {0};
  run_init(&environment, session->partition, &session->settings, writer->version, &session->scratch,
           session->transaction_now, session->statement_now, 0, error);
  writer->arena = &session->scratch;
  writer->evaluation = &environment.evaluation;
  writer->error = error;
  writer->mark = &mark;
  return table_check_deferred(writer, 0);
}

static int rerun_step(void *context, struct writer *writer, struct bytes step, struct bytes kept, struct promise *promise,
                      struct error *error)
{
  struct rerun *rerun = context;
  struct kept_values values;
  CHECK(kept.size == sizeof values);
  memcpy(&values, kept.data, sizeof values);
  arena_reset(&rerun->session->scratch);
  buffer_clear(&rerun->out);
  int status = step.data[0] == 'S'   ? rerun_statement(rerun, writer, step, &values, promise, error)
               : step.data[0] == 'C' ? check_deferred(rerun->session, writer, error)
                                     : rerun_copy(rerun, writer, step, &values, promise, error);
  if (status == STATUS_INPUT || status == STATUS_RETRY) {
    // Its reply would be another one now: that is for the promise to tell.
    promise_add_text(promise, error->sqlstate, rerun->session->partition->promise_seed);
    error_clear(error);
    return 0;
  }
  return status;
}

// --- Beginning and ending ---------------------------------------------------------------------------------

static void transaction_over(struct session *session)
{
  session->is_outdated = false;
  session_forget_portals(session);
  session->as_branch = false;
  session->transaction = TRANSACTION_NONE;
  session->transaction_now = 0;
  session->settings.read_only = session->settings.default_read_only;
}

void transaction_abort(struct session *session)
{
  if (session->has_atom)
    atom_abort(&session->partition->trunk);
  session->has_atom = false;
  if (session->branch)
    branch_close(session->branch);
  session->branch = NULL;
  claims_release(&session->partition->claims, &session->claimant, false);
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

static int admit(void *context, const struct change_list *changes, struct error *error)
{
  struct rerun *rerun = context;
  struct session *session = rerun->session;
  return claims_pass(&session->partition->claims, &session->claimant, false, changes, error);
}

// Everything around running the session's script once more.
struct rerun_environment {
  struct rerun rerun;
  struct run run;
  struct writer writer;
  struct step_runner runner;
};

static void rerun_begin(struct rerun_environment *environment, struct session *session, struct error *error)
{
  struct partition *partition = session->partition;
  environment->rerun = (struct rerun){.session = session};
  environment->writer =
    (struct writer){.arena = &session->scratch, .evaluation = &environment->run.evaluation, .error = error};
  environment->runner = (struct step_runner){.context = &environment->rerun, .run = rerun_step, .admit = admit};
  run_init(&environment->run, partition, &session->settings, store_trunk(partition->store), &session->scratch,
           session->transaction_now, session->statement_now, 0, error);
}

static void rerun_end(struct rerun_environment *environment)
{
  copy_feed_close(environment->rerun.feed);
  buffer_deinit(&environment->rerun.out);
}

// Checked where the transaction ran, and the last step of its script, so that a second run comes to it too.
static int check_branch(struct session *session, struct error *error)
{
  struct writer writer = {0};
  struct promise promise = {0};
  if (!branch_has_changes(session->branch))
    return 0;
  branch_writer(session->branch, &writer);
  int status = check_deferred(session, &writer, error);
  return status ? status : transaction_record_copy(session, 'C', bytes_of(NULL, 0), &promise, error);
}

// STATUS_WAIT: the branch stays, and the session stands in a claim's queue.
static int commit_branch(struct session *session, struct error *error)
{
  if (!session->branch)
    return 0;
  int status = check_branch(session, error);
  if (status) {
    transaction_abort(session);
    return status;
  }
  struct rerun_environment environment;
  rerun_begin(&environment, session, error);
  uint64_t position = 0;
  status = branch_commit(session->branch, &environment.writer, &environment.runner, &position, error);
  rerun_end(&environment);
  if (status == STATUS_WAIT)
    return status;
  session->branch = NULL;
  claims_release(&session->partition->claims, &session->claimant, false);
  session->is_eager = false;
  if (status == STATUS_RETRY)
    transaction_was_unlucky(session);
  uint64_t depends = position > session->branch_base ? position : session->branch_base;
  if (depends > session->depends)
    session->depends = depends;
  return status;
}

int transaction_move(struct session *session, struct error *error)
{
  if (!session->branch)
    return 0;
  struct rerun_environment environment;
  rerun_begin(&environment, session, error);
  int status = branch_move(session->branch, &environment.writer, &environment.runner, error);
  rerun_end(&environment);
  session->branch_base = branch_base(session->branch);
  return status;
}

void transaction_give_up(struct session *session)
{
  transaction_abort(session);
  transaction_over(session);
}

static int commit_atom(struct session *session, struct error *error)
{
  struct partition *partition = session->partition;
  session->claimant.age = ++partition->ages;
  int status = check_deferred(session, &partition->atom_writer, error);
  if (!status)
    status = claims_pass(&partition->claims, &session->claimant, true, &partition->trunk.changes, error);
  session->has_atom = false;
  if (status) {
    atom_abort(&partition->trunk);
    return status;
  }
  uint64_t position = 0;
  status = atom_commit(&partition->trunk, &position, error);
  if (position > session->depends)
    session->depends = position;
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
    session_forget_portals(session);
    session->transaction_now = 0;
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

static void apply_options(struct session *session, const PgQuery__TransactionStmt *command)
{
  for (size_t i = 0; i < command->n_options; i++) {
    const PgQuery__DefElem *option = command->options[i]->def_elem;
    if (strcmp(option->defname, "transaction_read_only") == 0 && option->arg &&
        option->arg->node_case == PG_QUERY__NODE__NODE_A_CONST)
      session->settings.read_only = option->arg->a_const->ival && option->arg->a_const->ival->ival != 0;
  }
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
    session->settings_at_begin = session->settings;
    session->transaction = TRANSACTION_OPEN;
    session->transaction_now = session->statement_now;
    apply_options(session, command);
  }
  message_tag(&session->partition->replies, tag);
  return 0;
}

static int commit_command(struct session *session, struct error *error)
{
  bool failed = session->transaction == TRANSACTION_FAILED;
  int status = 0;
  if (session->transaction == TRANSACTION_NONE) {
    status = transaction_group_end(session, error);
    if (status == STATUS_WAIT)
      return waiting_begin(session, session->branch ? WAITING_COMMIT : WAITING_GROUP);
    transaction_warn(session, SQLSTATE_NO_ACTIVE_SQL_TRANSACTION, "there is no transaction in progress");
  } else if (failed) {
    transaction_abort(session);
    session->settings = session->settings_at_begin;
    if (session->is_outdated) // whoever did not know that it failed must not take this for a commit
      status = transaction_outdated(session, error);
  } else {
    status = commit_branch(session, error);
    if (status == STATUS_WAIT)
      return waiting_begin(session, WAITING_COMMIT);
  }
  if (session->transaction != TRANSACTION_NONE)
    transaction_over(session);
  if (!status)
    message_tag(&session->partition->replies, failed ? "ROLLBACK" : "COMMIT");
  return status;
}

static int rollback_command(struct session *session)
{
  if (session->transaction == TRANSACTION_NONE)
    transaction_warn(session, SQLSTATE_NO_ACTIVE_SQL_TRANSACTION, "there is no transaction in progress");
  else
    session->settings = session->settings_at_begin;
  transaction_abort(session);
  transaction_over(session);
  message_tag(&session->partition->replies, "ROLLBACK");
  return 0;
}

int transaction_command(struct session *session, const struct prepared *prepared, struct error *error)
{
  const PgQuery__TransactionStmt *command = prepared->parsed->node->transaction_stmt;
  PgQuery__TransactionStmtKind kind = command->kind;
  bool ends = kind == PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT ||
              kind == PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK;
  if (session->transaction == TRANSACTION_FAILED && !ends)
    return transaction_refuse(session, error);
  if (ends && command->chain)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "AND CHAIN is not supported");
  switch (kind) {
  case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_BEGIN: return begin_command(session, command, "BEGIN", error);
  case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_START:
    return begin_command(session, command, "START TRANSACTION", error);
  case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT: return commit_command(session, error);
  case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK: return rollback_command(session);
  case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_PREPARE:
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "PREPARE TRANSACTION is not supported");
  default: return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "savepoints are not supported");
  }
}
