// Sources: connectors are opened and closed as the definitions have it, their batches become atoms.
//
//              rows                     claimed by others
//    (idle) ---------> an atom --------------------------------> holding: undone, kept with what comes behind it
//       ^                 |                                         |  the claims are gone, or its patience is
//       +-----------------+ <---------------------------------------+  (then it goes ahead and breaks them)
//
// 1. Connectors are told to open and close when the definitions have changed, never inside an atom.
// 2. A batch waits for others' claims at most LIMIT_STREAM_HOLD_MS in all, from the first one that it meets, and a source
//    does not wait again before it has gone on for as long as it waited: a client cannot stall a stream.
// 3. Batches of a source become atoms in the order in which they came.
// 4. A source that feeds a full sink is held: its connector is told so, and what it had made by then waits here.
#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/sqlstate.h"
#include "partition/state.h"

// A batch that waits: a copy, its rows and its position behind it.
struct held_batch {
  struct held_batch *next;
  struct frame frame;
  uint8_t bytes[];
};

static void drop_first(struct open_source *open)
{
  struct held_batch *batch = open->first;
  open->first = batch->next;
  if (!open->first)
    open->last = NULL;
  open->held_bytes -= batch->frame.payload.size;
  free(batch);
}

// What was held will be read again: its position has not moved.
static void drop_held(struct open_source *open)
{
  while (open->first)
    drop_first(open);
  claims_release(&open->partition->claims, &open->claimant, true);
  timer_clear(&open->partition->timers, &open->patience);
  open->met_at = 0;
}

static void source_forget(struct open_source *open)
{
  if (!open)
    return;
  drop_held(open);
  free(open);
}

void sources_forget(struct partition *partition)
{
  size_t at = 0;
  struct map_entry *entry;
  while ((entry = map_next(&partition->sources, &at)))
    source_forget(entry->value);
  map_deinit(&partition->sources);
}

// --- Opening and closing --------------------------------------------------------------------------------------------

static void patience_ends(struct timer *timer);

// The frame is made when nothing else can fail: one by halves must not go out.
static int source_open(struct partition *partition, const struct relation *relation, struct error *error)
{
  struct source_progress progress;
  flow_source_progress(store_trunk(partition->store), relation->oid, &progress);
  const uint8_t *position = arena_copy(&partition->output_arena, progress.position.data, progress.position.size);
  struct open_source *open = position ? calloc(1, sizeof *open) : NULL;
  bool is_kept = open && map_put(&partition->sources, bytes_of(&relation->oid, sizeof relation->oid), open);
  struct frame *frame = is_kept ? output_frame(partition, FRAME_SOURCE_OPEN) : NULL;
  if (!frame) {
    if (is_kept)
      map_remove(&partition->sources, bytes_of(&relation->oid, sizeof relation->oid));
    free(open);
    return error_memory(error);
  }
  open->partition = partition;
  open->oid = relation->oid;
  open->stamp = relation->stamp;
  open->opening = ++partition->openings;
  open->claimant.owner = open;
  open->is_held = sinks_hold(partition, relation->oid);
  open->claimant.is_source = true;
  open->patience.expire = patience_ends;
  frame->source = relation->oid;
  frame->opening = open->opening;
  frame->relation = relation;
  frame->position = bytes_of(position, progress.position.size);
  frame = open->is_held ? output_frame(partition, FRAME_SOURCE_HOLD) : NULL;
  if (frame)
    frame->source = relation->oid;
  return 0;
}

static int source_close(struct partition *partition, uint32_t oid, struct error *error)
{
  struct frame *frame = output_frame(partition, FRAME_SOURCE_CLOSE);
  if (!frame)
    return error_memory(error);
  frame->source = oid;
  source_forget(map_remove(&partition->sources, bytes_of(&oid, sizeof oid)));
  return 0;
}

static int close_unwanted(struct partition *partition, struct error *error)
{
  const struct version *trunk = store_trunk(partition->store);
  size_t at = 0;
  struct map_entry *entry;
  while ((entry = map_next(&partition->sources, &at))) {
    const struct open_source *open = entry->value;
    const struct relation *relation = catalog_find_oid(partition->catalog, trunk, open->oid);
    if (relation && relation->stamp == open->stamp && flow_wants_source(partition->flow, trunk, relation))
      continue;
    int status = source_close(partition, open->oid, error);
    if (status)
      return status;
  }
  return 0;
}

// Opens and closes connectors so that those that are wanted read.
int sources_reconcile(struct partition *partition, struct error *error)
{
  const struct version *trunk = store_trunk(partition->store);
  if (partition->definitions == version_definitions(trunk))
    return 0;
  partition->has_old_definitions = true;
  partition->definitions_position = partition->trunk.position;
  int status = sinks_reconcile(partition, error);
  if (!status)
    status = close_unwanted(partition, error);
  uint32_t oid = 0;
  const struct relation *relation;
  while (!status && (relation = catalog_next(partition->catalog, trunk, &oid)))
    if (relation->kind == RELATION_SOURCE && flow_wants_source(partition->flow, trunk, relation) &&
        !map_get(&partition->sources, bytes_of(&relation->oid, sizeof relation->oid)))
      status = source_open(partition, relation, error);
  if (!status)
    status = sinks_press(partition, error); // one that was full may be gone
  if (!status)
    partition->definitions = version_definitions(trunk);
  return status;
}

// --- Atoms ----------------------------------------------------------------------------------------------------------

// Does the atom that was just run meet what others have claimed? STATUS_WAIT: it is to be undone, and to wait.
static int meet_claims(struct open_source *open, struct error *error)
{
  struct partition *partition = open->partition;
  const struct change_list *changes = &partition->trunk.changes;
  int64_t now = partition->time.monotonic;
  int64_t since = open->met_at ? open->met_at : now;
  bool may_wait = open->met_at ? now - since < LIMIT_STREAM_HOLD_MS * 1000 : now >= open->rests_until;
  if (!may_wait) {
    claims_break(&partition->claims, changes);
    return 0;
  }
  open->claimant.age = ++partition->ages;
  int status = claims_pass(&partition->claims, &open->claimant, true, changes, error);
  if (status != STATUS_WAIT || open->met_at)
    return status;
  if (!timer_set(&partition->timers, &open->patience, now + LIMIT_STREAM_HOLD_MS * 1000)) {
    claims_release(&partition->claims, &open->claimant, true);
    return error_memory(error);
  }
  open->met_at = now;
  return status;
}

void system_atom_begin(struct partition *partition, uint32_t oid, struct system_atom *atom, struct error *error)
{
  arena_init(&atom->arena, &partition->account);
  settings_init(&atom->settings);
  struct writer *writer = &atom->writer;
  *writer = (struct writer){0};
  atom->mark = (struct read_mark){0};
  atom_begin(&partition->trunk, writer);
  partition->trunk.author = (struct author){.is_source = true, .id = oid};
  run_init(&atom->run, partition, &atom->settings, writer->version, &atom->arena, partition->time.wall,
           partition->time.wall, random_next(&partition->random), error);
  writer->arena = &atom->arena;
  writer->evaluation = &atom->run.evaluation;
  writer->error = error;
  writer->mark = &atom->mark;
}

int system_atom_end(struct partition *partition, struct system_atom *atom, int status, struct error *error)
{
  uint64_t position;
  if (status)
    atom_abort(&partition->trunk);
  else
    status = atom_commit(&partition->trunk, &position, error);
  arena_deinit(&atom->arena);
  return status;
}

// A batch of rows, or (failure is not NULL) an error of a source.
static int source_atom(struct open_source *open, const struct relation *source, const struct frame *frame,
                       const struct error *failure, struct error *error)
{
  struct partition *partition = open->partition;
  struct system_atom atom;
  system_atom_begin(partition, open->oid, &atom, error);
  int status;
  if (!failure) {
    struct arrival arrival = {
      .source = source,
      .rows = frame->payload,
      .is_binary = frame->is_binary,
      .is_json = frame->is_json,
      .row_count = frame->row_count,
      .position = frame->position,
      .now = partition->time.wall,
    };
    status = flow_arrive(partition->flow, &atom.writer, &arrival, error);
    if (!status)
      status = meet_claims(open, error);
  } else {
    status = flow_fail(&atom.writer, source, failure, partition->time.wall, error);
  }
  return system_atom_end(partition, &atom, status, error);
}

// A source that has failed is closed and stays so until its definition changes.
static int source_stop(struct partition *partition, struct open_source *open, struct error *error)
{
  struct frame *frame = output_frame(partition, FRAME_SOURCE_CLOSE);
  if (!frame)
    return error_memory(error);
  frame->source = open->oid;
  open->opening = 0;
  drop_held(open);
  return 0;
}

// Streams leave a sixteenth of the memory to clients, who alone can make room.
static int check_memory(const struct partition *partition, struct error *error)
{
  const struct memory_account *account = &partition->account;
  return account->limit && account_used(account) > account->limit - account->limit / 16 ? error_memory(error) : 0;
}

// What the host says of a source. It is an I/O error, but none of ours: the engine goes on.
static int source_trouble(const struct frame *frame, struct error *error)
{
  int size = (int)(frame->payload.size < 400 ? frame->payload.size : 400);
  int status = error_set(error, SQLSTATE_IO_ERROR, "%.*s", size, (const char *)frame->payload.data);
  (void)status;
  return error->status = STATUS_INPUT;
}

// Back to work: it has waited for some time, and does not wait again for as long.
static void waited_enough(struct open_source *open)
{
  int64_t now = open->partition->time.monotonic;
  if (open->met_at)
    open->rests_until = now + (now - open->met_at);
  open->met_at = 0;
  timer_clear(&open->partition->timers, &open->patience);
  claims_let_go(&open->partition->claims, &open->claimant, true);
}

// A batch that cannot be taken (no memory) stops its source: nothing is lost, its position has not moved.
// STATUS_WAIT: it must wait.
static int take_batch(struct open_source *open, const struct frame *frame, struct error *error)
{
  struct partition *partition = open->partition;
  const struct relation *source = catalog_find_oid(partition->catalog, store_trunk(partition->store), frame->source);
  if (!source)
    return 0;
  struct error trouble;
  error_clear(&trouble);
  int status = frame->kind == FRAME_SOURCE_FAILED ? source_trouble(frame, &trouble) : check_memory(partition, &trouble);
  if (!status)
    status = source_atom(open, source, frame, NULL, &trouble);
  if (status == STATUS_WAIT)
    return status;
  if (!status) {
    waited_enough(open);
    partition->counts.source_atoms++;
    partition->counts.source_rows += (uint64_t)frame->row_count;
    return sinks_press(partition, error);
  }
  partition->counts.errors++;
  struct error failure = trouble;
  if (status != STATUS_FATAL) // without memory even for this nobody reads why, but quern.sources has that it failed
    status = source_atom(open, source, frame, &failure, &trouble);
  if (status == STATUS_FATAL) {
    *error = trouble;
    return status;
  }
  return source_stop(partition, open, error);
}

// --- Holding --------------------------------------------------------------------------------------------------------

static int hold(struct open_source *open, const struct frame *frame, struct error *error)
{
  struct held_batch *batch = malloc(sizeof *batch + frame->payload.size + frame->position.size);
  if (!batch)
    return source_stop(open->partition, open, error);
  *batch = (struct held_batch){.frame = *frame};
  memcpy(batch->bytes, frame->payload.data, frame->payload.size);
  if (frame->position.size)
    memcpy(batch->bytes + frame->payload.size, frame->position.data, frame->position.size);
  batch->frame.payload.data = batch->bytes;
  batch->frame.position.data = batch->bytes + frame->payload.size;
  *(open->last ? &open->last->next : &open->first) = batch;
  open->last = batch;
  open->held_bytes += frame->payload.size;
  return 0;
}

// What was held goes on, as far as it can.
static int resume(struct open_source *open, struct error *error)
{
  int status = 0;
  while (!status && open->first && !open->is_held) {
    status = take_batch(open, &open->first->frame, error);
    if (!status && open->first) // not so where it was stopped
      drop_first(open);
  }
  return status == STATUS_WAIT ? 0 : status;
}

// The claims are broken now: what waits goes ahead.
static void lose_patience(struct open_source *open)
{
  claims_release(&open->partition->claims, &open->claimant, true);
  open->met_at = open->partition->time.monotonic - LIMIT_STREAM_HOLD_MS * 1000;
  source_resume(open);
}

static void patience_ends(struct timer *timer)
{
  lose_patience((struct open_source *)((char *)timer - offsetof(struct open_source, patience)));
}

void source_resume(struct open_source *open)
{
  struct error error;
  error_clear(&error);
  if (resume(open, &error))
    open->partition->failure = error;
}

void sources_go_on(struct partition *partition)
{
  if (!partition->has_let_go)
    return;
  partition->has_let_go = false;
  size_t at = 0;
  struct map_entry *entry;
  while ((entry = map_next(&partition->sources, &at))) {
    struct open_source *open = entry->value;
    if (open->goes_on && !open->is_held)
      source_resume(open);
    open->goes_on = false;
  }
}

int source_frame(struct partition *partition, const struct frame *frame, struct error *error)
{
  struct open_source *open = map_get(&partition->sources, bytes_of(&frame->source, sizeof frame->source));
  if (!open || !open->opening || open->opening != frame->opening)
    return 0; // closed meanwhile: what was under way is read again when it opens
  int status = open->first || open->is_held ? STATUS_WAIT : take_batch(open, frame, error);
  if (status != STATUS_WAIT)
    return status;
  status = hold(open, frame, error);
  if (!status && open->held_bytes > LIMIT_STREAM_HELD && !open->is_held)
    lose_patience(open);
  return status;
}
