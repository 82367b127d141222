// The native host of one partition: what is on the loop thread.
//
//   submits, batches, jobs done -> partition_step -> changes -> journal (log thread)
//                                                 -> replies  -> released once what they depend on is durable
//                                                 -> jobs     -> workers
//
// 1. A reply leaves when the log is durable up to the position that its frame names, and never before an earlier
//    reply of its session.
// 2. Nothing that the log thread, a worker or the source thread does is seen by the partition except as a frame.
// 3. An engine whose log or partition has failed steps no more and lets nothing more out.
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "host/backup.h"
#include "host/checkpointer.h"
#include "host/conversation.h"
#include "host/journal.h"
#include "host/sinks.h"
#include "host/sources.h"
#include "host/spill_files.h"
#include "host/workers.h"
#include "os/alarm.h"
#include "os/clock.h"
#include "os/disk.h"
#include "os/poll.h"
#include "os/random.h"
#include "partition/partition.h"
#include "store/store.h"
#include "table/role.h"

enum {
  BATCHES_A_STEP = 2,
  WALL_CLOCK_US = 10000, // how long the wall clock is reckoned from the monotonic one before it is read again
  TRIM_US = 1000 * 1000,  // memory that no peak of the load has needed for so long is given back
  CHECKPOINT_BYTES = 256 * 1024 * 1024,
  BUFFER_KEPT = 16 * 1024 * 1024,   // of a buffer that is empty again
  BACKLOG_LIMIT = 64 * 1024 * 1024, // bytes that may wait for the log before the loop waits too
  GENERATION_SHIFT = 16,            // a session's id: generation above, slot + 1 below
  SLOT_MASK = (1 << GENERATION_SHIFT) - 1,
};

struct quern_session {
  struct quern *engine;
  uint32_t id;
  int32_t secret;
  quern_reply reply;
  void *context;
  struct conversation *conversation; // NULL: it takes messages
  int waiting;    // of its replies in the queue
  bool is_closed;
};

// A reply that waits for the log. Its bytes lie in the queue's buffer, in the same order.
struct waiting_reply {
  uint32_t session;
  uint64_t position;
  size_t size; // 0: the conversation's end
};

struct release_queue {
  struct waiting_reply *entries; // a ring
  size_t first, count, capacity; // capacity: a power of two
  struct buffer bytes;
  size_t bytes_at;
};

struct quern {
  struct quern_options options;
  struct partition *partition;
  struct partition_hooks hooks;
  struct wake wake;
  struct alarm alarm;
  struct poll poll;  // both of them: what the engine's owner waits for
  int64_t deadline;  // when the partition wants a step without frames
  int64_t trim_at;   // when memory that was not used again is given back; INT64_MAX: there is none

  struct disk disk;
  struct disk_file *lock;
  struct spill_files spills;
  struct log *log;          // NULL: in memory
  struct journal *journal;
  struct checkpointer *checkpointer;
  struct version *checkpoint_snapshot;
  uint64_t checkpoint_position;
  uint64_t recovered_bytes;      // of the log, read at the start
  uint64_t checkpoint_log_bytes; // bytes of the log, those included, when the last one was pinned
  uint64_t checkpoint_size;      // of the last one
  int64_t checkpoint_at;         // monotonic, of the last good one; 0: none
  bool is_full;                  // as the partition was told

  struct workers *workers;  // started with the first job
  struct sources *sources;
  struct sinks *sinks;
  struct backup *backup;

  struct quern_session **slots;
  uint32_t slot_count;
  uint32_t generation;

  struct frame *frames;     // for the next step; payloads are offsets into frame_bytes until then
  int frame_count, frame_capacity;
  struct buffer frame_bytes;
  struct release_queue queue;

  int64_t wall_offset;      // of the wall clock from the monotonic one, read at wall_read_at
  int64_t wall_read_at;
  bool has_failed, is_closing, is_started;
  bool is_running;          // in quern_run
  bool has_garbage;         // memory of old versions that is to be freed
  struct quern_error failure;
  struct { uint64_t steps, step_us_total, step_us_max; } counts;
};

// --- Errors and lines --------------------------------------------------------------------------------------------

void copy_error(const struct error *from, struct quern_error *to)
{
  if (!to)
    return;
  *to = (struct quern_error){.status = from->status};
  memcpy(to->sqlstate, from->sqlstate, sizeof to->sqlstate);
  memcpy(to->message, from->message, sizeof to->message);
  memcpy(to->detail, from->detail, sizeof to->detail);
  memcpy(to->hint, from->hint, sizeof to->hint);
}

static void log_line(void *context, const char *line)
{
  struct quern *engine = context;
  if (engine->options.log)
    engine->options.log(engine->options.log_context, line);
}

static void fail(struct quern *engine, const struct error *error)
{
  if (engine->has_failed)
    return;
  engine->has_failed = true;
  copy_error(error, &engine->failure);
  char line[600];
  snprintf(line, sizeof line, "the engine has failed: %s", error->message);
  log_line(engine, line);
}

const struct quern_error *quern_failure(const struct quern *engine)
{
  return engine->has_failed ? &engine->failure : NULL;
}

// --- What the partition asks of us --------------------------------------------------------------------------------

static int hook_check_source(void *context, const struct relation *source, struct error *error)
{
  struct quern *engine = context;
  return sources_check(engine->sources, source, error);
}

static int hook_check_sink(void *context, const struct relation *sink, struct error *error)
{
  struct quern *engine = context;
  return sinks_check(engine->sinks, sink, error);
}

static int hook_backup(void *context, uint32_t session, const char *name, uint64_t *position, struct error *error)
{
  struct quern *engine = context;
  struct backup_place place = {
    .trunk = partition_trunk(engine->partition),
    .position = partition_position(engine->partition),
    .journal = engine->journal,
    .wake = &engine->wake,
    .folder = engine->options.backup_directory,
  };
  return backup_ask(engine->backup, &place, session, name, position, error);
}

static int64_t hook_source_lag(void *context, uint32_t source)
{
  struct quern *engine = context;
  return sources_lag(engine->sources, source);
}

static void journal_metrics(struct quern *engine, struct metric_sink *sink)
{
  struct journal_statistics s;
  journal_statistics(engine->journal, &s);
  metric_add(sink, "quern_log_groups_total", "", (double)s.groups);
  metric_add(sink, "quern_log_bytes_total", "", (double)s.bytes);
  metric_add(sink, "quern_log_sync_us_total", "", (double)s.sync_us_total);
  metric_add(sink, "quern_log_sync_us_max", "", (double)s.sync_us_max);
  uint64_t below = 0;
  for (int i = 0; i < 24; i++) {
    char labels[32];
    below += s.sync_us_buckets[i];
    snprintf(labels, sizeof labels, "le=\"%llu\"", 1ull << i);
    metric_add(sink, "quern_log_sync_us_bucket", labels, (double)below);
  }
  metric_add(sink, "quern_log_durable_position", "", (double)journal_durable(engine->journal));
  metric_add(sink, "quern_checkpoint_position", "", (double)engine->checkpoint_position);
  metric_add(sink, "quern_checkpoint_running", "", engine->checkpoint_snapshot != NULL);
  if (engine->checkpoint_at)
    metric_add(sink, "quern_checkpoint_age_seconds", "", (double)(clock_monotonic() - engine->checkpoint_at) / 1e6);
}

static void hook_metrics(void *context, struct metric_sink *sink)
{
  struct quern *engine = context;
  metric_add(sink, "quern_steps_total", "", (double)engine->counts.steps);
  metric_add(sink, "quern_step_us_total", "", (double)engine->counts.step_us_total);
  metric_add(sink, "quern_step_us_max", "", (double)engine->counts.step_us_max);
  metric_add(sink, "quern_temporary_bytes_total", "", (double)spill_files_written(&engine->spills));
  metric_add(sink, "quern_temporary_bytes", "", (double)spill_files_used(&engine->spills));
  metric_add(sink, "quern_replies_waiting", "", (double)engine->queue.count);
  if (engine->journal)
    journal_metrics(engine, sink);
}

// --- Opening --------------------------------------------------------------------------------------------------------

static int apply_record(void *context, uint64_t position, struct bytes payload, struct error *error)
{
  struct quern *engine = context;
  return partition_apply(engine->partition, payload, position, error);
}

static int load_checkpoint(struct quern *engine, struct checkpoint *checkpoint, struct error *error)
{
  int status = checkpoint_find(&engine->disk, checkpoint, log_line, engine, error);
  if (status || !checkpoint->is_found)
    return status;
  struct checkpoint_statistics statistics;
  status = checkpoint_load(&engine->disk, checkpoint, partition_trunk(engine->partition), &statistics, error);
  engine->checkpoint_position = checkpoint->position;
  engine->checkpoint_size = checkpoint->file_bytes;
  return status;
}

// The directory's state becomes the partition's.
static int recover(struct quern *engine, struct error *error)
{
  struct checkpoint checkpoint = {0};
  const char *directory = engine->options.data_directory;
  int status = engine->options.must_exist ? disk_open_existing(directory, &engine->disk, error)
                                          : disk_open_directory(directory, &engine->disk, error);
  if (!status)
    status = disk_lock(&engine->disk, LOG_LOCK, &engine->lock, error);
  if (!status)
    status = load_checkpoint(engine, &checkpoint, error);
  if (status)
    return status;
  struct log_options options = {
    .after = checkpoint.position,
    .log_id = checkpoint.log_id,
    .without_sync = engine->options.without_sync,
    .apply = apply_record,
    .report = log_line,
    .context = engine,
  };
  status = random_fill(&options.new_log_id, sizeof options.new_log_id, error);
  options.new_log_id |= 1;
  if (!status)
    status = log_open(&engine->disk, &options, &engine->log, error);
  if (status)
    return status;
  struct log_statistics statistics;
  log_statistics(engine->log, &statistics);
  char line[200];
  snprintf(line, sizeof line, "recovered to position %llu: checkpoint at %llu, %llu atoms (%llu bytes) from the log",
           (unsigned long long)log_position(engine->log), (unsigned long long)checkpoint.position,
           (unsigned long long)statistics.recovered_atoms, (unsigned long long)statistics.recovered_bytes);
  log_line(engine, line);
  engine->recovered_bytes = statistics.recovered_bytes;
  status = partition_recovered(engine->partition, log_position(engine->log), error);
  return status ? status : checkpoint_clean(&engine->disk, &checkpoint, error);
}

static int open_engine(struct quern *engine, struct error *error)
{
  struct partition_options options = {
    .memory_limit = engine->options.memory_limit,
    .statement_memory = engine->options.statement_memory,
    .snapshot_memory = engine->options.snapshot_memory,
    .hooks = &engine->hooks,
    .without_log = !engine->options.data_directory,
    .without_plan_cache = engine->options.without & QUERN_PLAN_CACHE,
    .without_literals = engine->options.without & QUERN_LITERALS,
    .without_short_path = engine->options.without & QUERN_SHORT_PATH,
    .without_pipelining = engine->options.without & QUERN_PIPELINING,
  };
  int status = wake_open(&engine->wake, error);
  if (!status)
    status = alarm_open(&engine->alarm, error);
  if (!status)
    status = poll_open(&engine->poll, error);
  if (!status)
    status = poll_add(&engine->poll, engine->wake.descriptor, POLL_READ, NULL, error);
  if (!status)
    status = poll_add(&engine->poll, engine->alarm.descriptor, POLL_READ, NULL, error);
  if (!status)
    status = random_fill(&options.seed, sizeof options.seed, error);
  if (!status)
    status = sources_open(&engine->wake, &engine->sources, error);
  if (!status)
    status = sinks_open(&engine->wake, &engine->sinks, error);
  if (!status)
    status = backup_open(&engine->backup, error);
  if (status)
    return status;
  engine->partition = partition_open(&options, error);
  if (!engine->partition)
    return error->status;
  if (engine->options.data_directory)
    status = recover(engine, error);
  if (!status)
    status = spill_files_open(&engine->spills, engine->options.temporary_directory,
                            engine->options.data_directory ? &engine->disk : NULL, engine->options.temporary_limit, error);
  if (!status)
    engine->hooks.spill = &engine->spills.hooks;
  if (!engine->options.data_directory)
    return status ? status : partition_recovered(engine->partition, 0, error);
  if (!status)
    status = journal_open(engine->log, &engine->wake, engine->options.without & QUERN_GROUP_COMMIT, &engine->journal, error);
  if (!status)
    status = checkpointer_open(&engine->disk, engine->journal, &engine->wake, log_id(engine->log), &engine->checkpointer, error);
  return status;
}

static void free_engine(struct quern *engine)
{
  sources_close(engine->sources);
  sinks_close(engine->sinks);
  backup_close(engine->backup);
  workers_close(engine->workers);
  checkpointer_close(engine->checkpointer);
  if (engine->checkpoint_snapshot)
    partition_unpin(engine->partition, engine->checkpoint_snapshot);
  journal_close(engine->journal);
  log_close(engine->log);
  partition_close(engine->partition);
  spill_files_close(&engine->spills);
  disk_close(engine->lock);
  if (engine->disk.methods)
    disk_close_directory(&engine->disk);
  poll_close(&engine->poll);
  alarm_close(&engine->alarm);
  wake_close(&engine->wake);
  for (uint32_t i = 0; i < engine->slot_count; i++) {
    if (engine->slots[i])
      conversation_close(engine->slots[i]->conversation);
    free(engine->slots[i]);
  }
  free(engine->slots);
  free(engine->frames);
  buffer_deinit(&engine->frame_bytes);
  free(engine->queue.entries);
  buffer_deinit(&engine->queue.bytes);
  free((char *)engine->options.data_directory);
  free((char *)engine->options.backup_directory);
  free((char *)engine->options.temporary_directory);
  free(engine);
}

int quern_open(const struct quern_options *options, struct quern **result, struct quern_error *quern_error)
{
  struct error error;
  error_clear(&error);
  int status = 0;
  struct quern *engine = calloc(1, sizeof *engine);
  if (!engine) {
    status = error_memory(&error);
  } else if (options->abi != QUERN_ABI) {
    free(engine);
    status = error_set(&error, SQLSTATE_INVALID_PARAMETER_VALUE, "the library has version %d of its interface, the program %u",
                       QUERN_ABI, options->abi);
  }
  if (status) {
    copy_error(&error, quern_error);
    return status;
  }
  engine->options = *options;
  engine->wake.descriptor = engine->alarm.descriptor = engine->poll.descriptor = -1;
  engine->deadline = engine->trim_at = INT64_MAX;
  engine->hooks = (struct partition_hooks){
    .context = engine,
    .check_source = hook_check_source,
    .check_sink = hook_check_sink,
    .nanoseconds = clock_nanoseconds,
    .metrics = hook_metrics,
    .source_lag = hook_source_lag,
    .backup = hook_backup,
  };
  engine->options.data_directory = options->data_directory ? strdup(options->data_directory) : NULL;
  engine->options.backup_directory = options->backup_directory ? strdup(options->backup_directory) : NULL;
  engine->options.temporary_directory = options->temporary_directory ? strdup(options->temporary_directory) : NULL;
  if (!engine->options.data_directory != !options->data_directory ||
      !engine->options.backup_directory != !options->backup_directory ||
      !engine->options.temporary_directory != !options->temporary_directory)
    status = error_memory(&error);
  if (!status)
    status = open_engine(engine, &error);
  if (status) {
    copy_error(&error, quern_error);
    free_engine(engine);
    return status;
  }
  *result = engine;
  return 0;
}

int quern_descriptor(const struct quern *engine)
{
  return engine->poll.descriptor;
}

int quern_wait(struct quern *engine, int timeout_ms)
{
  struct pollfd wait = {.fd = engine->poll.descriptor, .events = POLLIN};
  return poll(&wait, 1, timeout_ms) > 0;
}

// --- Frames for the next step -----------------------------------------------------------------------------------------

static struct frame *add_frame(struct quern *engine, enum frame_kind kind, uint32_t session)
{
  if (engine->frame_count == engine->frame_capacity) {
    int capacity = engine->frame_capacity ? 2 * engine->frame_capacity : 64;
    struct frame *frames = realloc(engine->frames, sizeof *frames * (size_t)capacity);
    if (!frames)
      return NULL;
    engine->frames = frames;
    engine->frame_capacity = capacity;
  }
  struct frame *frame = &engine->frames[engine->frame_count++];
  *frame = (struct frame){.kind = kind, .session = session};
  return frame;
}

// A frame with a copied payload: its data is an offset until the step.
static bool add_payload_frame(struct quern *engine, enum frame_kind kind, struct quern_session *session, const void *data,
                              size_t size)
{
  if (!buffer_reserve(&engine->frame_bytes, size)) {
    engine->frame_bytes.failed = false;
    return false;
  }
  struct frame *frame = add_frame(engine, kind, session->id);
  if (!frame)
    return false;
  frame->secret = session->secret;
  frame->payload = bytes_of((const uint8_t *)engine->frame_bytes.size, size);
  buffer_append(&engine->frame_bytes, data, size);
  return true;
}

static bool has_payload_copied(const struct frame *frame)
{
  return frame->kind == FRAME_OPEN || frame->kind == FRAME_REQUEST;
}

// --- Sessions ----------------------------------------------------------------------------------------------------------

static struct quern_session *find_session(struct quern *engine, uint32_t id)
{
  uint32_t slot = (id & SLOT_MASK) - 1;
  if (slot >= engine->slot_count || !engine->slots[slot] || engine->slots[slot]->id != id)
    return NULL;
  return engine->slots[slot];
}

static bool free_slot(struct quern *engine, uint32_t *slot)
{
  for (*slot = 0; *slot < engine->slot_count; (*slot)++)
    if (!engine->slots[*slot])
      return true;
  if (engine->slot_count >= SLOT_MASK - 1)
    return false;
  uint32_t count = engine->slot_count ? 2 * engine->slot_count : 64;
  struct quern_session **slots = realloc(engine->slots, sizeof *slots * count);
  if (!slots)
    return false;
  memset(slots + engine->slot_count, 0, sizeof *slots * (count - engine->slot_count));
  *slot = engine->slot_count;
  engine->slots = slots;
  engine->slot_count = count;
  return true;
}

static void start_up_pairs(const struct quern_session_options *options, struct buffer *pairs)
{
  const char *user = options->user ? options->user : "quern";
  const char *named[][2] = {
    {"user", user},
    {"database", options->database ? options->database : user},
    {"application_name", options->application_name},
  };
  for (int i = 0; i < 3; i++)
    if (named[i][1]) {
      buffer_append(pairs, named[i][0], strlen(named[i][0]) + 1);
      buffer_append(pairs, named[i][1], strlen(named[i][1]) + 1);
    }
  for (const char *at = options->options; at && *at;) {
    size_t name = strlen(at) + 1, value = strlen(at + name) + 1;
    buffer_append(pairs, at, name + value);
    at += name + value;
  }
  buffer_append_u8(pairs, 0);
}

struct quern_session *quern_session_open(struct quern *engine, const struct quern_session_options *options,
                                         struct quern_error *quern_error)
{
  struct error error;
  error_clear(&error);
  uint32_t slot;
  struct buffer pairs = {0};
  struct quern_session *session = calloc(1, sizeof *session);
  bool is_open = false;
  if (session && free_slot(engine, &slot) && !random_fill(&session->secret, sizeof session->secret, &error)) {
    engine->generation = (engine->generation + 1) & 0x7fff;
    session->engine = engine;
    session->id = engine->generation << GENERATION_SHIFT | (slot + 1);
    session->reply = options->reply;
    session->context = options->context;
    if (!options->reply) {
      session->conversation = session->context = conversation_open(session);
      session->reply = conversation_reply;
    }
    start_up_pairs(options, &pairs);
    is_open = !pairs.failed && (options->reply || session->conversation) && add_payload_frame(engine, FRAME_OPEN, session, pairs.data, pairs.size);
  }
  buffer_deinit(&pairs);
  if (is_open) {
    engine->slots[slot] = session;
    engine->frames[engine->frame_count - 1].role = options->role;
    return session;
  }
  if (session)
    conversation_close(session->conversation);
  free(session);
  int status = error.status ? error.status : error_memory(&error);
  (void)status;
  copy_error(&error, quern_error);
  return NULL;
}

bool quern_role_find(struct quern *engine, const char *name, struct quern_role *found)
{
  const struct version *trunk = partition_trunk(engine->partition);
  struct role role;
  if (!(name ? role_find_name(trunk, name, NULL, &role) : role_find(trunk, ROLE_OWNER, NULL, &role)))
    return false;
  *found = (struct quern_role){
    .id = role.oid,
    .may_log_in = role.logs_in,
    .is_superuser = role.is_superuser,
    .valid_until = role.valid_until,
  };
  memcpy(found->name, role.name, sizeof role.name);
  memcpy(found->verifier, role.verifier, sizeof role.verifier);
  return true;
}

bool quern_role_is_member(struct quern *engine, uint32_t role, const char *of)
{
  const struct version *trunk = partition_trunk(engine->partition);
  struct role other;
  return role_find_name(trunk, of, NULL, &other) && role_was_made_member(trunk, role, other.oid, NULL);
}

void quern_session_close(struct quern_session *session)
{
  if (session->is_closed)
    return;
  session->is_closed = true;
  if (!add_frame(session->engine, FRAME_CLOSE, session->id)) {
    struct error error;
    int status = error_memory(&error);
    (void)status;
    fail(session->engine, &error);
  }
}

static bool are_whole_messages(const uint8_t *messages, size_t size)
{
  struct quern_message message;
  while (quern_next_message(&messages, &size, &message))
    ;
  return size == 0;
}

int quern_submit(struct quern_session *session, const uint8_t *messages, size_t size)
{
  return session->conversation || !are_whole_messages(messages, size) ? STATUS_INPUT : session_submit(session, messages, size);
}

struct conversation *session_conversation(const struct quern_session *session)
{
  return session->is_closed ? NULL : session->conversation;
}

int session_submit(struct quern_session *session, const uint8_t *messages, size_t size)
{
  if (session->is_closed)
    return STATUS_INPUT;
  if (session->engine->frame_bytes.size + size > LIMIT_PENDING_INPUT + LIMIT_MESSAGE)
    return STATUS_LIMIT;
  return add_payload_frame(session->engine, FRAME_REQUEST, session, messages, size) ? 0 : STATUS_LIMIT;
}

void quern_session_hold(struct quern_session *session, bool hold)
{
  if (!session->is_closed && !add_frame(session->engine, hold ? FRAME_HOLD : FRAME_RELEASE, session->id))
    quern_session_close(session);
}

void quern_cancel(struct quern *engine, int32_t backend, int32_t secret)
{
  struct quern_session *session = find_session(engine, (uint32_t)backend);
  if (session && session->secret == secret && !session->is_closed)
    (void)add_frame(engine, FRAME_CANCEL, session->id);
}

// --- Replies ------------------------------------------------------------------------------------------------------------

static uint64_t durable_position(const struct quern *engine)
{
  return engine->journal ? journal_durable(engine->journal) : UINT64_MAX;
}

static bool queue_reserve(struct release_queue *queue)
{
  if (queue->count < queue->capacity)
    return true;
  size_t capacity = queue->capacity ? 2 * queue->capacity : 256;
  struct waiting_reply *entries = malloc(sizeof *entries * capacity);
  if (!entries)
    return false;
  for (size_t i = 0; i < queue->count; i++)
    entries[i] = queue->entries[(queue->first + i) & (queue->capacity - 1)];
  free(queue->entries);
  queue->entries = entries;
  queue->capacity = capacity;
  queue->first = 0;
  return true;
}

static bool queue_push(struct release_queue *queue, uint32_t session, uint64_t position, struct bytes bytes)
{
  if (!queue_reserve(queue))
    return false;
  if (queue->bytes_at == queue->bytes.size)
    queue->bytes_at = queue->bytes.size = 0;
  buffer_append_bytes(&queue->bytes, bytes);
  if (queue->bytes.failed)
    return false;
  queue->entries[(queue->first + queue->count++) & (queue->capacity - 1)] = (struct waiting_reply){
    .session = session,
    .position = position,
    .size = bytes.size,
  };
  return true;
}

static void deliver(struct quern_session *session, const uint8_t *messages, size_t size)
{
  if (!session->is_closed)
    session->reply(session->context, messages, size);
  bool is_next = session->engine->options.without & QUERN_PIPELINING && !session->waiting && size;
  if (is_next && !session->is_closed && !add_frame(session->engine, FRAME_NEXT, session->id))
    quern_session_close(session);
}

// Lets go what has become durable. A reply function may submit, but nothing is pushed to the queue meanwhile.
static bool release(struct quern *engine)
{
  struct release_queue *queue = &engine->queue;
  uint64_t durable = durable_position(engine);
  bool any = false;
  while (queue->count && queue->entries[queue->first].position <= durable) {
    struct waiting_reply entry = queue->entries[queue->first];
    struct quern_session *session = find_session(engine, entry.session);
    if (session) {
      session->waiting--;
      deliver(session, queue->bytes.data + queue->bytes_at, entry.size);
    }
    queue->bytes_at += entry.size;
    queue->first = (queue->first + 1) & (queue->capacity - 1);
    queue->count--;
    any = true;
  }
  if (queue->bytes_at > queue->bytes.size / 2 && queue->bytes_at > 1024 * 1024) {
    memmove(queue->bytes.data, queue->bytes.data + queue->bytes_at, queue->bytes.size - queue->bytes_at);
    queue->bytes.size -= queue->bytes_at;
    queue->bytes_at = 0;
  }
  return any;
}

static int reply(struct quern *engine, const struct frame *frame, uint64_t durable, struct error *error)
{
  struct quern_session *session = find_session(engine, frame->session);
  if (!session)
    return 0;
  uint64_t position = frame->kind == FRAME_END ? 0 : frame->log_position;
  if (position <= durable && session->waiting == 0) {
    deliver(session, frame->payload.data, frame->payload.size);
    return 0;
  }
  if (!queue_push(&engine->queue, frame->session, position, frame->payload))
    return error_memory(error);
  session->waiting++;
  return 0;
}

// --- Steps ---------------------------------------------------------------------------------------------------------------

static int start_job(struct quern *engine, const struct frame *frame, struct error *error)
{
  unsigned count = engine->options.workers ? engine->options.workers : 2;
  int status = engine->workers ? 0 : workers_open(count, &engine->wake, &engine->workers, error);
  if (!status)
    status = workers_give(engine->workers, frame->job, frame->session, error);
  if (!status)
    return 0;
  job_refuse(frame->job, error);
  struct frame *done = add_frame(engine, FRAME_JOB_DONE, frame->session);
  if (!done)
    return error_memory(error);
  done->job = frame->job;
  return 0;
}

static int take_output(struct quern *engine, const struct frame *frame, uint64_t durable, struct error *error)
{
  switch (frame->kind) {
  case FRAME_REPLY:
  case FRAME_END: return reply(engine, frame, durable, error);
  case FRAME_JOB: return start_job(engine, frame, error);
  case FRAME_SOURCE_OPEN: return sources_begin(engine->sources, frame, error);
  case FRAME_SOURCE_CLOSE: sources_end(engine->sources, frame->source); return 0;
  case FRAME_SOURCE_HOLD:
  case FRAME_SOURCE_GO: sources_hold(engine->sources, frame->source, frame->kind == FRAME_SOURCE_HOLD); return 0;
  case FRAME_SINK_OPEN: return sinks_begin(engine->sinks, frame, error);
  case FRAME_SINK_ROWS: return sinks_give(engine->sinks, frame, error);
  case FRAME_SINK_CLOSE: sinks_end(engine->sinks, frame->source); return 0;
  default: return 0;
  }
}

// Sessions whose FRAME_CLOSE was in the step are gone.
static void drop_closed(struct quern *engine, const struct frame *frames, int count)
{
  for (int i = 0; i < count; i++) {
    if (frames[i].kind != FRAME_CLOSE)
      continue;
    struct quern_session *session = find_session(engine, frames[i].session);
    if (session) {
      engine->slots[(session->id & SLOT_MASK) - 1] = NULL;
      conversation_close(session->conversation);
      free(session);
    }
  }
}

static struct step_time time_now(struct quern *engine)
{
  int64_t now = clock_monotonic();
  if (now - engine->wall_read_at > WALL_CLOCK_US || !engine->wall_offset) {
    engine->wall_offset = clock_wall() - now;
    engine->wall_read_at = now;
  }
  return (struct step_time){.wall = now + engine->wall_offset, .monotonic = now};
}

// Only where no frame, reply or timer stands before it. With a log a change waits for the disk anyway: its messages do.
bool session_call(struct quern_session *session, struct partition_call *call)
{
  struct quern *engine = session->engine;
  if (engine->is_running || engine->has_failed || engine->frame_count || engine->deadline != INT64_MAX || session->waiting)
    return false;
  call->session = session->id;
  call->may_change = !engine->journal;
  call->durable = durable_position(engine);
  struct step_time time = time_now(engine);
  return partition_call(engine->partition, call, &time);
}

static int step(struct quern *engine, struct error *error)
{
  for (int i = 0; i < engine->frame_count; i++)
    if (has_payload_copied(&engine->frames[i]))
      engine->frames[i].payload.data = engine->frame_bytes.data + (size_t)engine->frames[i].payload.data;
  struct step_time time = time_now(engine);
  int64_t begin = time.monotonic;
  struct step_output output = {0};
  int status = partition_step(engine->partition, engine->frames, engine->frame_count, &time, &output, error);
  engine->deadline = output.deadline;
  drop_closed(engine, engine->frames, engine->frame_count);
  engine->frame_count = 0;
  if (engine->frame_bytes.capacity > BUFFER_KEPT)
    buffer_deinit(&engine->frame_bytes);
  buffer_clear(&engine->frame_bytes);
  sources_taken(engine->sources);
  uint64_t took = (uint64_t)(clock_monotonic() - begin);
  engine->counts.steps++;
  engine->counts.step_us_total += took;
  if (took > engine->counts.step_us_max)
    engine->counts.step_us_max = took;
  if (!status && engine->journal && output.changes.size)
    status = journal_append(engine->journal, output.changes, error);
  uint64_t durable = durable_position(engine);
  for (int i = 0; !status && i < output.frame_count; i++)
    status = take_output(engine, &output.frames[i], durable, error);
  return status;
}

static int tell_room(struct quern *engine, struct error *error)
{
  bool is_full = engine->journal && !journal_has_room(engine->journal);
  if (is_full == engine->is_full)
    return 0;
  if (!add_frame(engine, is_full ? FRAME_FULL : FRAME_ROOM, 0))
    return error_memory(error);
  engine->is_full = is_full;
  log_line(engine, is_full ? "the disk is full: changes are refused until there is room" : "there is room on the disk again");
  return 0;
}

// What other threads have ready becomes frames. True: something was taken.
static int collect(struct quern *engine, bool with_sources, struct error *error)
{
  uint32_t session;
  struct job *job;
  while (engine->workers && (job = workers_take(engine->workers, &session))) {
    struct frame *frame = add_frame(engine, FRAME_JOB_DONE, session);
    if (!frame)
      return error_memory(error);
    frame->job = job;
  }
  if (backup_ended(engine->backup, &session) && !add_frame(engine, FRAME_BACKUP_DONE, session))
    return error_memory(error);
  struct frame batch;
  for (int i = 0; with_sources && i < BATCHES_A_STEP && sources_take(engine->sources, &batch); i++) {
    struct frame *frame = add_frame(engine, batch.kind, 0);
    if (!frame)
      return error_memory(error);
    *frame = batch;
  }
  while (with_sources && sinks_take(engine->sinks, &batch)) {
    struct frame *frame = add_frame(engine, batch.kind, 0);
    if (!frame)
      return error_memory(error);
    *frame = batch;
  }
  return tell_room(engine, error);
}

static void checkpoint_ended(struct quern *engine)
{
  int status;
  struct checkpoint_statistics statistics;
  struct error error;
  struct version *snapshot = checkpointer_done(engine->checkpointer, &status, &statistics, &error);
  if (!snapshot)
    return;
  engine->checkpoint_snapshot = NULL;
  partition_unpin(engine->partition, snapshot);
  char line[640];
  if (status) {
    snprintf(line, sizeof line, "a checkpoint could not be written: %s", error.message);
  } else {
    engine->checkpoint_size = statistics.file_bytes;
    engine->checkpoint_position = statistics.position;
    engine->checkpoint_at = clock_monotonic();
    snprintf(line, sizeof line, "checkpoint at position %llu: %llu rows, %llu bytes", (unsigned long long)statistics.position,
             (unsigned long long)statistics.rows, (unsigned long long)statistics.file_bytes);
  }
  log_line(engine, line);
}

// Begins a checkpoint when the log since the last one has grown beyond its measure, and takes up one that has ended.
static void look_at_checkpoint(struct quern *engine)
{
  if (!engine->checkpointer)
    return;
  checkpoint_ended(engine);
  uint64_t floor = engine->options.checkpoint_bytes ? engine->options.checkpoint_bytes : CHECKPOINT_BYTES;
  uint64_t measure = engine->checkpoint_size > floor ? engine->checkpoint_size : floor;
  uint64_t written = engine->recovered_bytes + journal_bytes(engine->journal);
  if (engine->checkpoint_snapshot || written - engine->checkpoint_log_bytes < measure)
    return;
  uint64_t position;
  engine->checkpoint_snapshot = partition_pin(engine->partition, &position);
  if (!engine->checkpoint_snapshot)
    return;
  engine->checkpoint_log_bytes = written;
  checkpointer_begin(engine->checkpointer, engine->checkpoint_snapshot, position);
}

static void look_at_spare(struct quern *engine)
{
  if (engine->trim_at == INT64_MAX ? !partition_has_spare(engine->partition) : clock_monotonic() < engine->trim_at)
    return;
  if (engine->trim_at != INT64_MAX)
    partition_trim(engine->partition);
  engine->trim_at = partition_has_spare(engine->partition) ? clock_monotonic() + TRIM_US : INT64_MAX;
}

static bool is_behind(struct quern *engine)
{
  return engine->journal && journal_backlog(engine->journal) > BACKLOG_LIMIT;
}

static int run(struct quern *engine, struct error *error)
{
  wake_clear(&engine->wake);
  if (engine->journal && journal_failure(engine->journal, error))
    return error->status;
  release(engine);
  sinks_release(engine->sinks, durable_position(engine));
  bool behind = is_behind(engine);
  int status = collect(engine, !behind && !engine->is_full && !engine->is_closing, error);
  bool is_due = engine->deadline != INT64_MAX && clock_monotonic() >= engine->deadline;
  if (!status && !behind && (engine->frame_count || is_due || !engine->is_started)) {
    engine->is_started = true;
    status = step(engine, error);
  }
  if (status)
    return status;
  release(engine);
  sinks_release(engine->sinks, durable_position(engine));
  look_at_checkpoint(engine);
  engine->has_garbage = partition_idle(engine->partition);
  look_at_spare(engine);
  alarm_set(&engine->alarm, engine->deadline < engine->trim_at ? engine->deadline : engine->trim_at);
  return 0;
}

int quern_run(struct quern *engine, int budget)
{
  struct error error;
  error_clear(&error);
  for (int i = 0; i < budget; i++) {
    if (engine->has_failed)
      return engine->failure.status;
    engine->is_running = true;
    int status = run(engine, &error);
    engine->is_running = false;
    if (status)
      fail(engine, &error);
    if ((!engine->frame_count && !engine->has_garbage) || is_behind(engine))
      break;
  }
  if (engine->has_failed)
    return engine->failure.status;
  return (engine->frame_count > 0 || engine->has_garbage) && !is_behind(engine);
}

// --- Connectors, closing ---------------------------------------------------------------------------------------------------

int quern_connector_add(struct quern *engine, const struct quern_connector *connector)
{
  struct error error;
  return sources_add_connector(engine->sources, connector, &error);
}

int quern_sink_connector_add(struct quern *engine, const struct quern_sink_connector *connector)
{
  struct error error;
  return sinks_add_connector(engine->sinks, connector, &error);
}

static void final_checkpoint(struct quern *engine)
{
  struct error error;
  error_clear(&error);
  struct checkpoint_writer *writer;
  uint64_t position;
  struct version *snapshot = partition_pin(engine->partition, &position);
  if (!snapshot)
    return;
  int status = 0;
  if (journal_wait(engine->journal, position) && position > engine->checkpoint_position) {
    status = checkpoint_begin(&engine->disk, snapshot, position, log_id(engine->log), &writer, &error);
    if (!status) {
      while ((status = checkpoint_step(writer, 65536, &error)) > 0)
        ;
      if (status)
        checkpoint_abandon(writer);
      else
        status = checkpoint_finish(writer, NULL, &error);
    }
    if (!status)
      journal_free(engine->journal, position);
  }
  partition_unpin(engine->partition, snapshot);
  if (status)
    log_line(engine, error.message);
}

static int wait_durable(struct quern *engine, uint64_t position, struct error *error)
{
  if (!engine->journal || journal_wait(engine->journal, position))
    return 0;
  int status = journal_failure(engine->journal, error);
  return status ? status : error_set(error, SQLSTATE_IO_ERROR, "the log cannot be written");
}

int quern_backup(struct quern *engine, const char *directory, struct quern_error *quern_error)
{
  struct error error;
  error_clear(&error);
  uint64_t position = partition_position(engine->partition);
  struct version *snapshot = version_snapshot(partition_trunk(engine->partition));
  int status = snapshot ? wait_durable(engine, position, &error) : error_memory(&error);
  if (!status)
    status = backup_write(snapshot, position, directory, NULL, NULL, &error);
  if (snapshot)
    version_close(snapshot);
  if (status)
    copy_error(&error, quern_error);
  return status;
}

void quern_close(struct quern *engine)
{
  engine->is_closing = true;
  for (uint32_t i = 0; i < engine->slot_count; i++)
    if (engine->slots[i])
      quern_session_close(engine->slots[i]);
  int status = quern_run(engine, 1);
  while (engine->workers && workers_busy(engine->workers)) { // jobs were cancelled and come back soon
    quern_wait(engine, 100);
    struct error error;
    error_clear(&error);
    if (status >= 0)
      status = quern_run(engine, 1);
    else if (collect(engine, false, &error) == 0)
      engine->frame_count = 0;
  }
  if (engine->checkpointer) {
    checkpointer_close(engine->checkpointer);
    engine->checkpointer = NULL;
    if (engine->checkpoint_snapshot)
      partition_unpin(engine->partition, engine->checkpoint_snapshot);
    engine->checkpoint_snapshot = NULL;
    if (!engine->has_failed)
      final_checkpoint(engine);
  }
  free_engine(engine);
}
