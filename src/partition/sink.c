// Sinks: connectors are opened and closed as the definitions have it, and given what waits in the outboxes.
//
//            FRAME_SINK_OPEN              done                rows wait: FRAME_SINK_ROWS
//   (paused) ---------------> opening ------------> ready ------------------------------> delivering
//      ^                         | failed             ^   done: an atom takes the rows away     | failed
//      |  the definition changes v                    +----------------------------------------+
//      +---------------------- failed <--------------------------------------------------------+
//
// 1. A row is given out when the host knows the atom that made it to be durable (FRAME_SINK_ROWS has its position), one
//    batch at a time.
// 2. Rows leave the outbox in the atom that notes the position behind them. Whatever the connector wrote behind the noted
//    position is cut off when it opens again: so each row is there once.
// 3. A full outbox holds the sources that feed it until it is half empty.
#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/limits.h"
#include "base/sqlstate.h"
#include "partition/state.h"

static void sink_free(struct open_sink *open)
{
  if (!open)
    return;
  buffer_deinit(&open->batch.rows);
  buffer_deinit(&open->batch.keys);
  free(open);
}

void sinks_forget(struct partition *partition)
{
  size_t at = 0;
  struct map_entry *entry;
  while ((entry = map_next(&partition->sinks, &at)))
    sink_free(entry->value);
  map_deinit(&partition->sinks);
}

static const struct relation *sink_relation(const struct partition *partition, const struct open_sink *open)
{
  return catalog_find_oid(partition->catalog, store_trunk(partition->store), open->oid);
}

// --- Opening and closing --------------------------------------------------------------------------------------------

static int open_connector(struct partition *partition, struct open_sink *open, const struct relation *relation,
                          struct error *error)
{
  struct sink_progress progress;
  flow_sink_progress(store_trunk(partition->store), relation->oid, &progress);
  const uint8_t *position = arena_copy(&partition->output_arena, progress.position.data, progress.position.size);
  struct frame *frame = position ? output_frame(partition, FRAME_SINK_OPEN) : NULL;
  if (!frame)
    return error_memory(error);
  open->opening = ++partition->openings;
  frame->source = relation->oid;
  frame->opening = open->opening;
  frame->relation = relation;
  frame->position = bytes_of(position, progress.position.size);
  return 0;
}

static int sink_open(struct partition *partition, const struct relation *relation, struct error *error)
{
  struct open_sink *open = calloc(1, sizeof *open);
  if (!open || !map_put(&partition->sinks, bytes_of(&relation->oid, sizeof relation->oid), open)) {
    free(open);
    return error_memory(error);
  }
  open->oid = relation->oid;
  open->stamp = relation->stamp;
  open->looked_at = UINT64_MAX;
  open->batch.rows.account = open->batch.keys.account = &partition->account;
  int status = strcmp(relation->state, "paused") == 0 ? 0 : open_connector(partition, open, relation, error);
  if (status) // it is tried again as one that is new
    sink_free(map_remove(&partition->sinks, bytes_of(&relation->oid, sizeof relation->oid)));
  return status;
}

static int close_connector(struct partition *partition, struct open_sink *open, struct error *error)
{
  struct frame *frame = open->opening ? output_frame(partition, FRAME_SINK_CLOSE) : NULL;
  if (!frame)
    return open->opening ? error_memory(error) : 0;
  frame->source = open->oid;
  open->opening = 0;
  open->is_ready = false;
  return 0;
}

int sinks_reconcile(struct partition *partition, struct error *error)
{
  const struct version *trunk = store_trunk(partition->store);
  size_t at = 0;
  struct map_entry *entry;
  int status = 0;
  while (!status && (entry = map_next(&partition->sinks, &at))) {
    struct open_sink *open = entry->value;
    const struct relation *relation = sink_relation(partition, open);
    if (relation && relation->stamp == open->stamp)
      continue;
    status = close_connector(partition, open, error);
    if (!status) // the key lies in the entry: it goes last
      sink_free(map_remove(&partition->sinks, bytes_of(&(uint32_t){open->oid}, sizeof open->oid)));
  }
  uint32_t oid = 0;
  const struct relation *relation;
  while (!status && (relation = catalog_next(partition->catalog, trunk, &oid)))
    if (relation->kind == RELATION_SINK && !map_get(&partition->sinks, bytes_of(&relation->oid, sizeof relation->oid)))
      status = sink_open(partition, relation, error);
  return status;
}

// --- Giving out -----------------------------------------------------------------------------------------------------

static int sink_stop(struct partition *partition, struct open_sink *open, const char *reason, struct error *error)
{
  snprintf(open->trouble, sizeof open->trouble, "%s", reason);
  open->has_failed = true;
  open->is_waiting = false;
  return close_connector(partition, open, error);
}

static int deliver(struct partition *partition, struct open_sink *open, struct error *error)
{
  const struct relation *sink = sink_relation(partition, open);
  uint64_t position = partition->trunk.position;
  if (!sink || tree_count(store_trunk(partition->store), sink->tree) == 0) {
    open->looked_at = position;
    return 0;
  }
  struct error trouble;
  error_clear(&trouble);
  int status = flow_outbox_read(store_trunk(partition->store), sink, &partition->output_arena, &open->batch, &trouble);
  if (status == STATUS_LIMIT) {
    open->batch.rows.failed = open->batch.keys.failed = false;
    return 0; // no memory: at the next step
  }
  if (status)
    return sink_stop(partition, open, trouble.message, error);
  struct frame *frame = output_frame(partition, FRAME_SINK_ROWS);
  if (!frame)
    return error_memory(error);
  open->is_ready = false;
  frame->source = open->oid;
  frame->opening = open->opening;
  frame->payload = buffer_bytes(&open->batch.rows);
  frame->row_count = open->batch.row_count;
  frame->log_position = FAULT(SINK_EARLY) ? 0 : position;
  return 0;
}

int sinks_deliver(struct partition *partition, struct error *error)
{
  size_t at = 0;
  struct map_entry *entry;
  int status = 0;
  while (!status && (entry = map_next(&partition->sinks, &at))) {
    struct open_sink *open = entry->value;
    if (open->is_ready && open->looked_at != partition->trunk.position)
      status = deliver(partition, open, error);
  }
  return status;
}

// --- What comes back ------------------------------------------------------------------------------------------------

// An atom: the rows under way are delivered, or (failure is not NULL) the sink's error.
static int sink_atom(struct partition *partition, struct open_sink *open, const struct frame *frame,
                     const struct error *failure, struct error *error)
{
  const struct relation *sink = sink_relation(partition, open);
  if (!sink)
    return 0;
  struct system_atom atom;
  system_atom_begin(partition, open->oid, &atom, error);
  int status = failure ? flow_fail(&atom.writer, sink, failure, partition->time.wall, error)
                       : flow_outbox_delivered(&atom.writer, sink, buffer_bytes(&open->batch.keys),
                                               open->batch.rows.size, frame->position, error);
  if (!status)
    claims_break(&partition->claims, &partition->trunk.changes);
  return system_atom_end(partition, &atom, status, error);
}

static int tell(struct partition *partition, struct open_sink *open, const struct error *failure, struct error *error)
{
  struct error trouble;
  error_clear(&trouble);
  partition->counts.errors++;
  int status = sink_atom(partition, open, NULL, failure, &trouble);
  if (status == STATUS_FATAL)
    *error = trouble;
  return status == STATUS_FATAL ? status : 0; // without memory for this quern.sinks alone has it
}

static void read_trouble(const struct frame *frame, struct error *error)
{
  int size = (int)(frame->payload.size < 400 ? frame->payload.size : 400);
  int status = error_set(error, SQLSTATE_IO_ERROR, "%.*s", size, (const char *)frame->payload.data);
  (void)status;
  error->status = STATUS_INPUT; // none of the engine's own
}

static int done(struct partition *partition, struct open_sink *open, const struct frame *frame, struct error *error)
{
  struct error trouble;
  error_clear(&trouble);
  int status = sink_atom(partition, open, frame, NULL, &trouble);
  if (status == STATUS_FATAL) {
    *error = trouble;
    return status;
  }
  if (status) { // the rows are out, but that cannot be noted: opened again, they are cut off and written once more
    status = tell(partition, open, &trouble, error);
    return status ? status : sink_stop(partition, open, trouble.message, error);
  }
  open->is_ready = true;
  open->is_waiting = false;
  open->trouble[0] = 0;
  buffer_clear(&open->batch.rows);
  buffer_clear(&open->batch.keys);
  return sinks_press(partition, error);
}

int sink_frame(struct partition *partition, const struct frame *frame, struct error *error)
{
  struct open_sink *open = map_get(&partition->sinks, bytes_of(&frame->source, sizeof frame->source));
  if (!open || !open->opening || open->opening != frame->opening)
    return 0; // closed meanwhile
  if (frame->kind == FRAME_SINK_DONE)
    return done(partition, open, frame, error);
  struct error trouble;
  error_clear(&trouble);
  read_trouble(frame, &trouble);
  int status = tell(partition, open, &trouble, error);
  if (status || frame->kind == FRAME_SINK_FAILED)
    return status ? status : sink_stop(partition, open, trouble.message, error);
  open->is_waiting = true;
  snprintf(open->trouble, sizeof open->trouble, "%s", trouble.message);
  return 0;
}

// --- Holding sources ------------------------------------------------------------------------------------------------

bool sinks_hold(const struct partition *partition, uint32_t source_oid)
{
  const struct version *trunk = store_trunk(partition->store);
  size_t at = 0;
  struct map_entry *entry;
  while ((entry = map_next(&partition->sinks, &at))) {
    const struct open_sink *open = entry->value;
    const struct relation *sink = open->is_full ? sink_relation(partition, open) : NULL;
    if (sink && flow_feeds(partition->flow, trunk, source_oid, sink))
      return true;
  }
  return false;
}

static int hold_sources(struct partition *partition, struct error *error)
{
  size_t at = 0;
  struct map_entry *entry;
  while ((entry = map_next(&partition->sources, &at))) {
    struct open_source *open = entry->value;
    bool is_held = sinks_hold(partition, open->oid);
    if (is_held == open->is_held || !open->opening)
      continue;
    struct frame *frame = output_frame(partition, is_held ? FRAME_SOURCE_HOLD : FRAME_SOURCE_GO);
    if (!frame)
      return error_memory(error);
    frame->source = open->oid;
    open->is_held = is_held;
    open->goes_on = !is_held;
    partition->has_let_go |= !is_held;
  }
  return 0;
}

int sinks_press(struct partition *partition, struct error *error)
{
  bool has_changed = partition->definitions != version_definitions(store_trunk(partition->store));
  size_t at = 0;
  struct map_entry *entry;
  while ((entry = map_next(&partition->sinks, &at))) {
    struct open_sink *open = entry->value;
    const struct relation *sink = sink_relation(partition, open);
    uint64_t rows = sink ? tree_count(store_trunk(partition->store), sink->tree) : 0;
    uint64_t limit = sink ? flow_outbox_limit(sink) : 1;
    bool is_full = rows >= limit || (open->is_full && rows > limit / 2);
    has_changed |= is_full != open->is_full;
    open->is_full = is_full;
  }
  return has_changed ? hold_sources(partition, error) : 0;
}
