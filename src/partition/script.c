// Scripts: what an open transaction's client sent, as steps that can run again on a newer version.
//
// A step is bytes: 'S' a statement with its parameters, 'B' the start of a COPY, 'D' its rows, 'E' its end, 'C' the check
// of what was deferred. It holds texts, not plans: the text is bound again when the step runs again, and what it then
// means shows in its reply.
#include <stdio.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/sqlstate.h"
#include "partition/state.h"

// --- Steps as bytes ------------------------------------------------------------------------------------------

// Each entry: kind (1), size (4), bytes.
int script_keep(struct session *session, enum kept_kind kind, struct bytes bytes, struct error *error)
{
  buffer_append_u8(&session->kept, (uint8_t)kind);
  buffer_append_le32(&session->kept, (uint32_t)bytes.size);
  buffer_append_bytes(&session->kept, bytes);
  if (!session->kept.failed)
    return 0;
  session->kept.failed = false;
  return error_memory(error);
}

bool kept_entry(const struct rerun *rerun, enum kept_kind kind, size_t *at, struct bytes *bytes)
{
  while (*at < rerun->kept.size) {
    const uint8_t *entry = rerun->kept.data + *at;
    *bytes = bytes_of(entry + 5, get_le32(entry + 1));
    *at += 5 + bytes->size;
    if (entry[0] == kind)
      return true;
  }
  return false;
}

bool script_kept(struct rerun *rerun, enum kept_kind kind, struct bytes *bytes)
{
  return kept_entry(rerun, kind, &rerun->kept_at[kind], bytes);
}

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

const struct read_set no_reads;

// SET is not in the script, but what the statements behind it mean depends on it.
static int record_settings(struct session *session, struct error *error)
{
  if (memcmp(&session->script_settings, &session->settings, sizeof session->settings) == 0)
    return 0;
  struct buffer step = {0};
  struct kept_values kept = {session->transaction_now, session->statement_now, 0};
  struct promise nothing = {0};
  buffer_append_u8(&step, STEP_SETTINGS);
  buffer_append(&step, &session->settings, sizeof session->settings);
  int status = step.failed ? error_memory(error)
                           : branch_record(session->branch, buffer_bytes(&step), bytes_of(&kept, sizeof kept), &nothing,
                                           &no_reads, error);
  buffer_deinit(&step);
  if (!status)
    session->script_settings = session->settings;
  return status;
}

int transaction_record(struct session *session, const struct portal *portal, const struct promise *promise, uint64_t random,
                       const struct read_set *reads, struct error *error)
{
  int status = record_settings(session, error);
  if (status)
    return status;
  struct buffer step = {0};
  const struct prepared *prepared = portal->prepared;
  buffer_append_u8(&step, 'S');
  buffer_append_u8(&step, portal->literals);
  append_sized(&step, prepared->text);
  buffer_append_le32(&step, (uint32_t)portal->parameter_count);
  for (int i = 0; i < portal->parameter_count; i++) {
    struct type given = portal->literals ? portal->parameter_types[i] : prepared->statement->parameters[i];
    buffer_append_le32(&step, (uint32_t)given.id);
    buffer_append_le32(&step, (uint32_t)given.modifier);
    enum type_id type = prepared->statement->parameters[i].id;
    buffer_append_le32(&step, (uint32_t)type);
    encode_value(&step, type, &portal->parameters[i]);
  }
  int columns = portal->formats && prepared->statement ? prepared->statement->column_count : 0;
  buffer_append_le32(&step, (uint32_t)columns);
  for (int i = 0; i < columns; i++)
    buffer_append_u8(&step, portal->formats[i]);
  struct kept_values values = {session->transaction_now, session->statement_now, random};
  struct buffer kept = {0};
  buffer_append(&kept, &values, sizeof values);
  buffer_append_bytes(&kept, buffer_bytes(&session->kept));
  status = step.failed || kept.failed
                 ? error_memory(error)
                 : branch_record(session->branch, buffer_bytes(&step), buffer_bytes(&kept), promise, reads, error);
  buffer_deinit(&kept);
  buffer_deinit(&step);
  return status;
}

int transaction_record_copy(struct session *session, char kind, struct bytes bytes, const struct promise *promise,
                            const struct read_set *reads, struct error *error)
{
  int status = record_settings(session, error);
  if (status)
    return status;
  struct buffer step = {0};
  buffer_append_u8(&step, (uint8_t)kind);
  buffer_append_bytes(&step, bytes);
  struct kept_values values = {session->transaction_now, session->statement_now, 0};
  struct buffer kept = {0};
  buffer_append(&kept, &values, sizeof values);
  if (kind == 'D' || kind == 'E')
    buffer_append_bytes(&kept, buffer_bytes(&session->kept));
  status = step.failed || kept.failed
                 ? error_memory(error)
                 : branch_record(session->branch, buffer_bytes(&step), buffer_bytes(&kept), promise, reads, error);
  buffer_deinit(&kept);
  buffer_deinit(&step);
  return status;
}

// --- Running steps again ---------------------------------------------------------------------------------------

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

static int rerun_get(struct session *session, const struct settings *settings, const struct version *version,
                     const struct script_statement *statement, struct prepared **prepared, struct error *error)
{
  struct prepared_input input = {
    .version = version,
    .settings = settings,
    .text = statement->text,
    .parameters = statement->types,
    .parameter_count = statement->count,
    .parameters_are_literals = statement->literals,
    .is_again = true,
  };
  int status = prepared_get(&session->partition->cache, &input, prepared, error);
  // The stripped text means something else now: so will the reply.
  return status == STATUS_LONG ? error_set(error, SQLSTATE_SERIALIZATION_FAILURE, "a definition has changed") : status;
}

int script_statement(struct bytes step, struct arena *arena, struct script_statement *statement, struct error *error)
{
  CHECK(step.data[0] == STEP_STATEMENT);
  struct step_reader reader = {.at = step.data + 1};
  *statement = (struct script_statement){.literals = *reader.at++};
  statement->text = step_sized(&reader);
  int count = statement->count = (int)step_u32(&reader);
  statement->types = ARENA_ARRAY(arena, struct type, count + 1);
  statement->values = ARENA_ARRAY(arena, struct value, count + 1);
  statement->value_types = ARENA_ARRAY(arena, enum type_id, count + 1);
  if (!statement->types || !statement->values || !statement->value_types)
    return error_memory(error);
  for (int i = 0; i < count; i++) {
    statement->types[i].id = (enum type_id)step_u32(&reader);
    statement->types[i].modifier = (int32_t)step_u32(&reader);
    statement->value_types[i] = (enum type_id)step_u32(&reader);
    decode_value(&reader, statement->value_types[i], &statement->values[i]);
  }
  int columns = statement->columns = (int)step_u32(&reader);
  statement->formats = columns ? ARENA_ARRAY(arena, bool, columns) : NULL;
  for (int i = 0; statement->formats && i < columns; i++)
    statement->formats[i] = *reader.at++;
  return 0;
}

int script_prepare(struct session *session, const struct settings *settings, const struct version *version,
                   struct script_statement *statement, struct prepared **prepared, struct error *error)
{
  int status = rerun_get(session, settings, version, statement, prepared, error);
  if (status)
    return status;
  const struct statement *bound = (*prepared)->statement;
  int count = statement->count;
  bool is_same = !count || (bound && bound->parameter_count == count);
  for (int i = 0; is_same && i < count; i++)
    is_same = bound->parameters[i].id == statement->value_types[i];
  if (!is_same) {
    prepared_release(*prepared);
    return error_set(error, SQLSTATE_SERIALIZATION_FAILURE, "a definition has changed");
  }
  if (bound && bound->column_count != statement->columns)
    statement->formats = NULL;
  return 0;
}

static int rerun_statement(struct rerun *rerun, struct writer *writer, struct bytes step, const struct kept_values *kept,
                           struct promise *promise, struct read_set *reads, struct error *error)
{
  struct session *session = rerun->session;
  struct script_statement statement;
  struct prepared *prepared;
  int status = script_statement(step, &session->scratch, &statement, error);
  if (!status)
    status = script_prepare(session, &session->settings, writer->version, &statement, &prepared, error);
  if (status)
    return status;
  const struct statement *bound = prepared_statement(prepared);
  bool is_read = bound && bound->kind == STATEMENT_SELECT;
  reads->failed |= bound && bound->reads_system;
  struct read_mark mark = {.set = reads};
  struct statement_run run = {
    .session = session,
    .prepared = prepared,
    .parameters = statement.values,
    .formats = statement.formats,
    .version = writer->version,
    .writer = is_read && !bound->notifies ? NULL : writer,
    .now = kept->now,
    .statement_now = kept->statement_now,
    .random = kept->random,
    .mark = &mark,
    .out = &rerun->out,
    .discard_rows = true,
    .numbers = &rerun->numbers,
    .promise = promise,
    .claimer = &rerun->claimer,
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
    struct script_statement copy = {.text = bytes};
    int status = rerun_get(session, &session->settings, writer->version, &copy, &prepared, error);
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
int script_check_deferred(struct session *session, struct writer *writer, struct error *error)
{
  struct run environment;
  struct read_mark mark = {0};
  run_init(&environment, session->partition, &session->settings, writer->version, &session->scratch,
           session->transaction_now, session->statement_now, 0, error);
  writer->arena = &session->scratch;
  writer->evaluation = &environment.evaluation;
  writer->error = error;
  writer->mark = &mark;
  int status = table_check_deferred(writer, 0);
  return status ? status
                : temporary_at_commit(writer, settings_temporary(&session->settings), session->partition->options.statement_memory);
}

void script_promise_error(struct session *session, const struct error *error, struct promise *promise)
{
  *promise = (struct promise){0}; // rows that came before it were not told
  promise_add_text(promise, error->sqlstate, session->partition->promise_seed);
  promise_add_text(promise, error->constraint, session->partition->promise_seed);
}

// With which settings the step at this place runs.
static const void *settings_of(const struct session *session, const uint8_t *place)
{
  const void *settings = &session->script_begin;
  struct bytes step;
  size_t at = 0;
  while (branch_next_step(session->branch, &at, &step) && step.data != place)
    if (step.data[0] == STEP_SETTINGS)
      settings = step.data + 1;
  return settings;
}

void script_settings(const struct session *session, struct bytes step, struct settings *settings)
{
  memcpy(settings, settings_of(session, step.data), sizeof *settings);
  settings_moved(settings);
}

static void set_settings(struct session *session, const void *settings)
{
  memcpy(&session->settings, settings, sizeof session->settings);
  settings_moved(&session->settings);
}

static int run_kind(struct rerun *rerun, struct writer *writer, struct bytes step, const struct kept_values *values,
                    struct promise *promise, struct read_set *reads, struct error *error)
{
  if (step.data[0] != STEP_STATEMENT)
    reads->failed = true; // not known
  switch ((enum script_step)step.data[0]) {
  case STEP_STATEMENT: return rerun_statement(rerun, writer, step, values, promise, reads, error);
  case STEP_SETTINGS: set_settings(rerun->session, step.data + 1); return 0;
  case STEP_CHECK: return script_check_deferred(rerun->session, writer, error);
  case STEP_SAVEPOINT:
  case STEP_ROLLBACK_TO:
  case STEP_RELEASE: return savepoints_run_step(&rerun->savepoints, writer, step, error);
  default: return rerun_copy(rerun, writer, step, values, promise, error);
  }
}

static int rerun_step(void *context, struct writer *writer, struct bytes step, struct bytes kept, struct promise *promise,
                      struct read_set *reads, struct error *error)
{
  struct rerun *rerun = context;
  struct kept_values values;
  CHECK(kept.size >= sizeof values);
  memcpy(&values, kept.data, sizeof values);
  rerun->kept = bytes_of(kept.data + sizeof values, kept.size - sizeof values);
  memset(rerun->kept_at, 0, sizeof rerun->kept_at);
  rerun->cursor_count = 0;
  rerun->failure[0] = 0;
  arena_reset(&rerun->session->scratch);
  buffer_clear(&rerun->out);
  int status = run_kind(rerun, writer, step, &values, promise, reads, error);
  if (status == STATUS_INPUT && rerun->tells_errors)
    return status;
  if (status == STATUS_INPUT || status == STATUS_RETRY) {
    // Its reply may be another one now: that is for the promise to tell.
    script_promise_error(rerun->session, error, promise);
    reads->failed = true;
    snprintf(rerun->failure, sizeof rerun->failure, "%s", error->message);
    error_clear(error);
    return 0;
  }
  return status;
}

// --- The whole -------------------------------------------------------------------------------------------------

static int admit(void *context, const struct change_list *changes, struct error *error)
{
  struct rerun *rerun = context;
  struct session *session = rerun->session;
  return claims_pass(&session->partition->claims, &session->claimant, false, changes, error);
}

void relation_describe_key(const struct relation *relation, struct bytes key, struct arena *arena, struct buffer *out)
{
  for (int i = 0; i < relation->key_count; i++)
    buffer_format(out, "%s%s", i ? ", " : " (", relation->schema.columns[relation->key[i].column].name);
  buffer_append_string(out, ")=(");
  for (int i = 0; i < relation->key_count; i++) {
    enum type_id type = relation->schema.columns[relation->key[i].column].type.id;
    struct value value;
    buffer_append_string(out, i ? ", " : "");
    if (!key_read(type, &relation->key[i], &key, arena, &value))
      break;
    value_to_text(type, &value, &format_settings_default, out);
  }
  buffer_append_string(out, ")");
}

static void explain(void *context, tree_number tree, struct bytes key, const struct author *author, struct error *error)
{
  struct rerun *rerun = context;
  struct partition *partition = rerun->session->partition;
  const struct relation *relation = partition_relation_of(partition, tree);
  if (!relation)
    return;
  struct buffer row = {0};
  if (relation->tree == tree && relation->key_count)
    relation_describe_key(relation, key, &rerun->session->scratch, &row);
  buffer_append_u8(&row, 0);
  const struct relation *source =
    author && author->is_source ? catalog_find_oid(partition->catalog, store_trunk(partition->store), author->id) : NULL;
  char who[100] = "another transaction";
  if (source)
    snprintf(who, sizeof who, "source \"%s\"", source->name);
  else if (author && !author->is_source)
    snprintf(who, sizeof who, "the session with process ID %u", author->id);
  if (!row.failed)
    error_detail(error, "%s%s of table \"%s\", which it depends on, was changed by %s.",
                 row.size > 1 ? "The row" : "A row", (const char *)row.data, relation->name, who);
  snprintf(error->table, sizeof error->table, "%s", relation->name);
  buffer_deinit(&row);
}

// SKIP LOCKED promised the rows that it gave, and no others: those are looked for again.
static int claim_again(void *context, const struct claim_wish *wish, struct error *error)
{
  struct rerun *rerun = context;
  struct bytes given;
  if (wish->wait != CLAIM_OR_SKIP)
    return 0;
  size_t at = rerun->kept_at[KEPT_ROW];
  if (!kept_entry(rerun, KEPT_ROW, &at, &given) || !bytes_equal(given, wish->key))
    return CLAIM_SKIPPED;
  rerun->kept_at[KEPT_ROW] = at;
  return 0;
}

void rerun_begin(struct rerun *rerun, struct session *session, struct error *error)
{
  struct partition *partition = session->partition;
  *rerun = (struct rerun){.session = session, .settings = session->settings};
  set_settings(session, &session->script_begin);
  rerun->writer = (struct writer){.arena = &session->scratch, .evaluation = &rerun->run.evaluation, .error = error};
  rerun->runner = (struct step_runner){.context = rerun, .run = rerun_step, .admit = admit, .explain = explain};
  rerun->numbers = (struct numbers){.context = rerun, .again = numbering_again, .keep = numbering_keep_not};
  rerun->writer.numbers = &rerun->numbers;
  rerun->claimer = (struct claimer){.context = rerun, .claim = claim_again};
  run_init(&rerun->run, partition, &session->settings, store_trunk(partition->store), &session->scratch,
           session->transaction_now, session->statement_now, 0, error);
}

void rerun_end(struct rerun *rerun, struct error *error)
{
  bool is_explained = error->table[0];
  if (error->status == STATUS_RETRY && rerun->failure[0] && !is_explained)
    error_detail(error, "It would fail: %s.", rerun->failure);
  set_settings(rerun->session, &rerun->settings);
  copy_feed_close(rerun->feed);
  buffer_deinit(&rerun->out);
  savepoints_deinit(&rerun->savepoints);
}
