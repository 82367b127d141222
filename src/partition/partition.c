// Frames in, frames and change lists out.
//
// 1. Everything in a frame of output lies in this partition's buffers and stands until the next step.
// 2. Between two steps no atom runs: whatever began one in this step has ended it.
#include <stdlib.h>

#include "base/check.h"
#include "base/fault.h"
#include "base/limits.h"
#include "base/sqlstate.h"
#include "partition/state.h"

enum { REPLIES_KEPT = 16 * 1024 * 1024, CHANGES_KEPT = 16 * 1024 * 1024 }; // of buffers, from step to step

// --- Opening and closing -----------------------------------------------------------------------------------

static int compile(void *context, const struct compile_input *given, struct expression_text *compiled, struct error *error)
{
  struct partition *partition = context;
  struct settings settings;
  settings_init(&settings);
  struct bind_input input = {
    .catalog = partition->catalog,
    .version = given->version,
    .settings = &settings,
    .text = bytes_of_string(given->text),
    .arena = given->arena,
  };
  return bind_compile(&input, given->relation, given->text, given->want, compiled, error);
}

struct partition *partition_open(const struct partition_options *options, struct error *error)
{
  struct partition *partition = calloc(1, sizeof *partition);
  if (!partition)
    return (void)!error_memory(error), NULL;
  partition->options = *options;
  if (!partition->options.statement_memory)
    partition->options.statement_memory = DEFAULT_STATEMENT_MEMORY;
  if (!partition->options.snapshot_memory)
    partition->options.snapshot_memory = DEFAULT_SNAPSHOT_MEMORY;
  if (!partition->options.scan_allowance)
    partition->options.scan_allowance = LIMIT_SCAN_ALLOWANCE;
  if (!partition->options.session_limit)
    partition->options.session_limit = LIMIT_CONNECTIONS;
  partition->account.limit = options->memory_limit;
  claims_init(&partition->claims, &partition->account);
  partition->random = options->seed;
  partition->promise_seed = random_next(&partition->random);
  partition->definitions = UINT64_MAX;
  arena_init(&partition->output_arena, &partition->account);
  struct catalog_hooks hooks = {.context = partition, .compile = compile};
  struct flow_hooks flow_hooks = task_hooks;
  flow_hooks.context = partition;
  partition->store = store_open(&partition->account);
  if (partition->store)
    partition->catalog = catalog_open(&partition->account, &hooks);
  if (partition->catalog)
    partition->flow = flow_open(partition->catalog, &flow_hooks, &partition->account);
  if (!partition->flow || trunk_open(&partition->trunk, partition->store, partition->catalog)) {
    partition_close(partition);
    return (void)!error_memory(error), NULL;
  }
  partition->trunk.changes.bytes.account = partition->trunk.output.account =
    partition->trunk.signals.account = &partition->account;
  partition->changes.account = &partition->account;
  partition->trunk.without_output = options->without_log;
  if (!prepared_cache_init(&partition->cache, partition->catalog, &partition->account, partition->options.statement_memory)) {
    partition_close(partition);
    return (void)!error_memory(error), NULL;
  }
  partition->cache.without_short_path = options->without_short_path;
  if (options->without_plan_cache)
    partition->cache.byte_limit = 0;
  return partition;
}

void partition_close(struct partition *partition)
{
  if (!partition)
    return;
  size_t at = 0;
  struct map_entry *entry;
  while ((entry = map_next(&partition->sessions, &at))) {
    job_abandon(entry->value);
    session_close(entry->value);
  }
  map_deinit(&partition->sessions);
  sources_forget(partition);
  sinks_forget(partition);
  claims_deinit(&partition->claims);
  timers_deinit(&partition->timers);
  prepared_cache_deinit(&partition->cache);
  if (partition->flow)
    flow_close(partition->flow);
  if (partition->trunk.store)
    trunk_close(&partition->trunk);
  if (partition->catalog)
    catalog_close(partition->catalog);
  if (partition->store)
    store_close(partition->store);
  buffer_deinit(&partition->stripped.text);
  buffer_deinit(&partition->stripped.strings);
  buffer_deinit(&partition->replies);
  buffer_deinit(&partition->changes);
  free(partition->frames);
  arena_deinit(&partition->output_arena);
  free(partition);
}

// --- Recovery ------------------------------------------------------------------------------------------------

struct version *partition_trunk(struct partition *partition)
{
  return store_trunk(partition->store);
}

int partition_apply(struct partition *partition, struct bytes payload, uint64_t position, struct error *error)
{
  partition->trunk.position = position;
  return table_apply(partition->catalog, store_trunk(partition->store), payload, position, error);
}

static int bootstrap(struct partition *partition, struct error *error)
{
  struct arena arena;
  arena_init(&arena, &partition->account);
  struct settings settings;
  settings_init(&settings);
  struct run run;
  run_init(&run, partition, &settings, store_trunk(partition->store), &arena, 0, 0, 0, error);
  struct writer writer = {.arena = &arena, .evaluation = &run.evaluation, .error = error};
  struct writer filled = writer;
  atom_begin(&partition->trunk, &filled);
  filled.arena = writer.arena;
  filled.evaluation = writer.evaluation;
  filled.error = error;
  uint64_t position;
  int status = catalog_bootstrap(partition->catalog, &filled, error);
  if (status)
    atom_abort(&partition->trunk);
  else
    status = atom_commit(&partition->trunk, &position, error);
  arena_deinit(&arena);
  return status;
}

uint64_t partition_position(const struct partition *partition)
{
  return partition->trunk.position;
}

// What sessions left behind that the process did not outlive.
static int drop_temporary(struct partition *partition, struct error *error)
{
  struct writer writer = {.error = error};
  uint64_t position;
  atom_begin(&partition->trunk, &writer);
  int status = temporary_drop_all(&writer);
  if (status)
    atom_abort(&partition->trunk);
  return status ? status : atom_commit(&partition->trunk, &position, error);
}

int partition_recovered(struct partition *partition, uint64_t position, struct error *error)
{
  if (position > partition->trunk.position)
    partition->trunk.position = position;
  catalog_recover(partition->catalog, store_trunk(partition->store));
  return partition->trunk.position == 0 ? bootstrap(partition, error) : drop_temporary(partition, error);
}

const struct relation *partition_relation_of(const struct partition *partition, tree_number tree)
{
  uint32_t oid = 0;
  const struct relation *relation;
  while ((relation = catalog_next(partition->catalog, store_trunk(partition->store), &oid))) {
    if (relation->tree == tree)
      return relation;
    for (int i = 0; i < relation->index_count; i++)
      if (relation->indexes[i].tree == tree)
        return relation;
  }
  return NULL;
}

// --- Output -----------------------------------------------------------------------------------------------------

struct frame *output_frame(struct partition *partition, enum frame_kind kind)
{
  if (partition->frame_count == partition->frame_capacity) {
    int capacity = partition->frame_capacity ? 2 * partition->frame_capacity : 64;
    struct frame *frames = realloc(partition->frames, sizeof *frames * (size_t)capacity);
    if (!frames)
      return NULL;
    partition->frames = frames;
    partition->frame_capacity = capacity;
  }
  struct frame *frame = &partition->frames[partition->frame_count++];
  *frame = (struct frame){.kind = kind};
  return frame;
}

bool output_reply(struct partition *partition, uint32_t session, size_t begin, uint64_t depends)
{
  if (partition->replies.size == begin)
    return true;
  struct frame *frame = output_frame(partition, FRAME_REPLY);
  if (!frame)
    return false;
  frame->session = session;
  // The data is set when the step ends: the buffer may still move.
  frame->payload = bytes_of(NULL, partition->replies.size - begin);
  if (FAULT(REPLY_EARLY))
    return true;
  // Whatever was bound, or was not found, depends on the definitions.
  frame->log_position = depends > partition->definitions_position ? depends : partition->definitions_position;
  return true;
}

void output_replies(struct partition *partition, struct session *session, size_t begin)
{
  if (partition->replies.failed) { // without memory for replies the conversation cannot go on truthfully
    partition->replies.failed = false;
    session->is_broken = true;
  }
  batch_hold(session);
  struct error error;
  if (numbering_settle(partition, session, &error) ||
      !output_reply(partition, session->id, begin, session->depends)) {
    partition->replies.size = begin;
    session->is_broken = true;
  }
  if (!session->held.size)
    session->depends = 0;
  timeouts_arrange(session);
  session->changed_at = partition->time.wall;
  struct frame *end = session->is_broken && !session->is_ended ? output_frame(partition, FRAME_END) : NULL;
  if (end) {
    end->session = session->id;
    session->is_ended = true;
  }
}

static void output_finish(struct partition *partition, struct step_output *output)
{
  size_t at = 0;
  for (int i = 0; i < partition->frame_count; i++) {
    struct frame *frame = &partition->frames[i];
    if (frame->kind != FRAME_REPLY)
      continue;
    frame->payload.data = partition->replies.data + at;
    at += frame->payload.size;
  }
  if (partition->changes.capacity > CHANGES_KEPT)
    buffer_deinit(&partition->changes);
  struct buffer spare = partition->changes; // of the last step: the host has taken it
  buffer_clear(&spare);
  partition->changes = partition->trunk.output;
  partition->trunk.output = spare;
  output->frames = partition->frames;
  output->frame_count = partition->frame_count;
  output->changes = buffer_bytes(&partition->changes);
  output->deadline = partition->claims.first_ready ? partition->time.monotonic : timers_next(&partition->timers);
}

// --- Steps ------------------------------------------------------------------------------------------------------------

static void refuse_session(struct partition *partition, const struct frame *frame)
{
  struct error error;
  error_clear(&error);
  int status = error_set(&error, SQLSTATE_TOO_MANY_CONNECTIONS, "sorry, too many clients already");
  (void)status;
  error.severity = SEVERITY_FATAL;
  size_t begin = partition->replies.size;
  message_error(&partition->replies, &error);
  if (!output_reply(partition, frame->session, begin, 0))
    partition->replies.size = begin;
  struct frame *end = output_frame(partition, FRAME_END);
  if (end)
    end->session = frame->session;
}

static void on_open(struct partition *partition, const struct frame *frame)
{
  if (partition->sessions.count >= partition->options.session_limit) {
    refuse_session(partition, frame);
    return;
  }
  size_t begin = partition->replies.size;
  struct session *session = session_open(partition, frame);
  if (session && map_put(&partition->sessions, bytes_of(&session->id, sizeof session->id), session)) {
    output_replies(partition, session, begin);
    return;
  }
  partition->replies.size = begin;
  if (session)
    session_close(session);
  refuse_session(partition, frame);
}

static void refuse_request(struct partition *partition, struct session *session, const char *sqlstate, const char *text)
{
  struct error error;
  error_clear(&error);
  int status = error_set(&error, sqlstate, "%s", text);
  (void)status;
  error.severity = SEVERITY_FATAL;
  message_error(&partition->replies, &error);
  session->is_broken = true;
}

static void on_request(struct partition *partition, struct session *session, struct bytes messages)
{
  if (session->is_broken || session->is_closing)
    return;
  if (session->input.size - session->input_at + messages.size > LIMIT_PENDING_INPUT + LIMIT_MESSAGE) {
    refuse_request(partition, session, SQLSTATE_CONFIGURATION_LIMIT_EXCEEDED,
                   "too many requests are waiting in this session");
    return;
  }
  buffer_append_bytes(&session->input, messages);
  if (session->input.failed)
    refuse_request(partition, session, SQLSTATE_OUT_OF_MEMORY, "out of memory for a request");
}

static void on_session(struct partition *partition, const struct frame *frame)
{
  struct session *session = map_get(&partition->sessions, bytes_of(&frame->session, sizeof frame->session));
  if (!session)
    return;
  size_t begin = partition->replies.size;
  session->group_replies = begin;
  struct error error;
  error_clear(&error);
  switch (frame->kind) {
  case FRAME_CLOSE: session_close(session); return;
  case FRAME_REQUEST: on_request(partition, session, frame->payload); break;
  case FRAME_HOLD: session->is_held = true; return;
  case FRAME_BACKUP_DONE: backup_done(session); return;
  case FRAME_NEXT: session->rests = false; break;
  case FRAME_RELEASE:
    session->is_held = false;
    if (session->job_waits && job_resume(session, &error))
      session_fail(session, &error);
    break;
  case FRAME_CANCEL:
    session_interrupt(session, "user request");
    break;
  default: return;
  }
  if (!session->job && !session->waiting)
    session_process(session);
  output_replies(partition, session, begin);
}

static void on_job(struct partition *partition, const struct frame *frame)
{
  size_t begin = partition->replies.size;
  uint32_t id = frame->session;
  struct session *session = map_get(&partition->sessions, bytes_of(&id, sizeof id));
  if (session)
    session->group_replies = begin;
  job_done(frame->job);
  session = map_get(&partition->sessions, bytes_of(&id, sizeof id));
  if (!session)
    return;
  if (!session->job)
    session_process(session);
  output_replies(partition, session, begin);
}

static int take_frame(struct partition *partition, const struct frame *frame, struct error *error)
{
  switch (frame->kind) {
  case FRAME_OPEN: on_open(partition, frame); return 0;
  case FRAME_ROWS:
  case FRAME_SOURCE_FAILED: return source_frame(partition, frame, error);
  case FRAME_SINK_DONE:
  case FRAME_SINK_WAITS:
  case FRAME_SINK_FAILED: return sink_frame(partition, frame, error);
  case FRAME_JOB_DONE: on_job(partition, frame); return 0;
  case FRAME_FULL:
  case FRAME_ROOM: partition->is_full = frame->kind == FRAME_FULL; return 0;
  default: on_session(partition, frame); return 0;
  }
}

// --- Snapshots -----------------------------------------------------------------------------------------------------

// Whose snapshot is the oldest of those that hold back more than a checkpoint does. NULL: nobody's, or one is being
// given back.
static struct session *oldest_snapshot(struct partition *partition)
{
  struct session *oldest = NULL;
  size_t at = 0;
  struct map_entry *entry;
  while ((entry = map_next(&partition->sessions, &at))) {
    struct session *session = entry->value;
    bool has_snapshot = session->branch || session->job;
    if (has_snapshot && (session->is_outdated || session->is_closing))
      return NULL;
    if (has_snapshot && (!oldest || session->branch_base < oldest->branch_base) &&
        (!partition->is_pinned || session->branch_base < partition->pinned_position))
      oldest = session;
  }
  return oldest;
}

// Takes the oldest snapshot away when all of them hold back too much. What the last one held must be freed before
// another one is looked at: until then nobody knows how much the others hold.
static void bound_snapshots(struct partition *partition)
{
  if (store_retired_bytes(partition->store) <= partition->options.snapshot_memory || store_collect(partition->store, 0))
    return;
  struct session *session = oldest_snapshot(partition);
  if (!session)
    return;
  transaction_take_snapshot(session);
  if (!session->job && !session->waiting)
    return;
  if (session->job && !session->job_waits) {
    job_cancel(session->job);
    return;
  }
  struct error error;
  error_clear(&error);
  size_t begin = partition->replies.size;
  session->group_replies = begin;
  int status = session->job ? job_resume(session, &error) : transaction_outdated(session, &error);
  if (session->waiting)
    waiting_fail(session, &error);
  else if (status)
    session_fail(session, &error);
  if (status)
    session_process(session);
  output_replies(partition, session, begin);
}

int partition_step(struct partition *partition, const struct frame *frames, int frame_count, const struct step_time *time,
                   struct step_output *output, struct error *error)
{
  partition->time = *time;
  partition->began = partition->began ? partition->began : time->wall;
  partition->claims.now = partition->trunk.heat.now = time->monotonic;
  partition->frame_count = 0;
  if (partition->replies.capacity > REPLIES_KEPT)
    buffer_deinit(&partition->replies);
  buffer_clear(&partition->replies);
  arena_reset(&partition->output_arena);
  if (partition->has_old_definitions) // nothing borrowed from the catalog lives from step to step
    catalog_collect(partition->catalog, store_trunk(partition->store));
  partition->has_old_definitions = false;
  bound_snapshots(partition);
  struct timer *timer;
  while ((timer = timers_take(&partition->timers, time->monotonic)))
    timer->expire(timer);
  waiting_wake(partition);
  int status = 0;
  for (int i = 0; !status && i < frame_count; i++) {
    status = take_frame(partition, &frames[i], error);
    waiting_wake(partition);
    CHECK(!partition->trunk.is_running);
    if (!status)
      status = sources_reconcile(partition, error);
  }
  if (!status && frame_count == 0)
    status = sources_reconcile(partition, error);
  if (!status)
    sources_go_on(partition);
  listening_tell_all(partition);
  if (!status)
    status = sinks_deliver(partition, error);
  if (!status && partition->failure.status) {
    *error = partition->failure;
    status = error->status;
  }
  output_finish(partition, output);
  return status == STATUS_LIMIT ? 0 : status; // no memory to open a source: it is tried at the next step
}

bool partition_idle(struct partition *partition)
{
  return store_collect(partition->store, 256);
}

bool partition_has_spare(const struct partition *partition)
{
  return store_has_spare(partition->store);
}

void partition_trim(struct partition *partition)
{
  store_trim(partition->store);
}

struct version *partition_pin(struct partition *partition, uint64_t *position)
{
  *position = partition->pinned_position = partition->trunk.position;
  partition->is_pinned = true;
  return version_snapshot(store_trunk(partition->store));
}

void partition_unpin(struct partition *partition, struct version *snapshot)
{
  partition->is_pinned = false;
  version_close(snapshot);
}
