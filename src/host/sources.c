// One thread polls all sources, each when it is due and has room; batches go round between it and the loop.
//
// 1. A source's batches reach the loop in the order in which they were made.
// 2. A batch is filled by the source thread, or lies in the ready list, or is with the loop: never two of these.
// 3. A source that the loop has ended hands over nothing more; the source thread closes and frees it.
#include "host/sources.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "os/clock.h"
#include "os/thread.h"
#include "table/relation.h"

enum { CONNECTORS_MAXIMUM = 64 };

struct batch {
  struct batch *next;
  struct source *source;
  struct quern_batch rows;
  char failure[512]; // not empty: the source cannot be opened or read
};

struct source {
  struct source *next;
  uint32_t oid;
  uint64_t opening;
  const struct quern_connector *connector; // NULL: not known yet
  const char *connector_name;
  struct arena arena; // of info and position
  struct quern_source_info info;
  struct bytes position;
  void *handle;   // source thread only
  bool is_opened; // source thread only
  bool is_over;   // ended or failed: is not polled any more
  bool is_ended;  // the loop wants no more
  bool is_held;   // … for some time
  int64_t due_us;
  int64_t lag;
  int batches; // made and not taken back
  struct batch *free;
};

struct sources {
  struct wake *wake;
  struct thread thread;
  struct mutex mutex;
  struct condition changed;
  struct source *list;
  struct batch *ready, **ready_end;
  struct batch *taken; // with the loop
  bool is_closing;
  const struct quern_connector *connectors[CONNECTORS_MAXIMUM];
  int connector_count;
};

static const struct quern_connector *find_connector(const struct sources *sources, const char *name)
{
  for (int i = 0; i < sources->connector_count; i++)
    if (strcmp(sources->connectors[i]->name, name) == 0)
      return sources->connectors[i];
  return NULL;
}

// --- What a connector is told ---------------------------------------------------------------------------------

// Options that are the engine's own: connectors do not hear of them.
static bool is_own_option(const struct relation *relation, const char *name)
{
  if (relation->kind == RELATION_SINK)
    return strcmp(name, "outbox_rows") == 0;
  return strcmp(name, "event_time") == 0 || strcmp(name, "lateness") == 0 || strcmp(name, "late") == 0;
}

int connector_info(const struct relation *relation, struct arena *arena, struct quern_source_info *info, struct error *error)
{
  *info = (struct quern_source_info){.kind = relation_kind_name(relation->kind)};
  int columns = relation->schema.column_count;
  struct quern_column *column = ARENA_ARRAY(arena, struct quern_column, columns + 1);
  struct quern_option *option = ARENA_ARRAY(arena, struct quern_option, relation->option_count + 1);
  info->name = arena_string(arena, relation->name);
  if (!column || !option || !info->name)
    return error_memory(error);
  for (int i = 0; i < columns; i++) {
    column[i].name = arena_string(arena, relation->schema.columns[i].name);
    column[i].type = type_oid(relation->schema.columns[i].type.id);
    if (!column[i].name)
      return error_memory(error);
  }
  for (int i = 0; i < relation->option_count; i++) {
    if (is_own_option(relation, relation->options[i].name))
      continue;
    struct quern_option *given = &option[info->option_count++];
    given->name = arena_string(arena, relation->options[i].name);
    given->value = arena_string(arena, relation->options[i].value);
    if (!given->name || !given->value)
      return error_memory(error);
  }
  info->columns = column;
  info->column_count = columns;
  info->options = option;
  return 0;
}

int connector_failure(const struct quern_error *given, struct error *error)
{
  const char *sqlstate = given->sqlstate[0] ? given->sqlstate : SQLSTATE_INVALID_PARAMETER_VALUE;
  int status = error_set(error, sqlstate, "%s", given->message);
  if (given->detail[0])
    error_detail(error, "%s", given->detail);
  if (given->hint[0])
    error_hint(error, "%s", given->hint);
  return status;
}

int connector_check(const struct relation *relation, int (*check)(const struct quern_source_info *, struct quern_error *),
                    void *context, struct error *error)
{
  if (!check)
    return 0;
  struct arena arena;
  arena_init(&arena, NULL);
  struct quern_source_info info;
  struct quern_error trouble = {0};
  int status = connector_info(relation, &arena, &info, error);
  info.context = context;
  if (!status && check(&info, &trouble))
    status = connector_failure(&trouble, error);
  arena_deinit(&arena);
  return status;
}

int sources_check(struct sources *sources, const struct relation *relation, struct error *error)
{
  const char *name = relation_option(relation, "connector");
  if (!name)
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "source \"%s\" needs the option connector",
                     relation->name);
  const struct quern_connector *connector = find_connector(sources, name);
  if (!connector)
    return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "connector \"%s\" does not exist", name);
  return connector_check(relation, connector->check, connector->context, error);
}

int sources_add_connector(struct sources *sources, const struct quern_connector *connector, struct error *error)
{
  int status = 0;
  mutex_lock(&sources->mutex);
  if (find_connector(sources, connector->name)) {
    status = error_set(error, SQLSTATE_DUPLICATE_OBJECT, "connector \"%s\" already exists", connector->name);
  } else if (sources->connector_count == CONNECTORS_MAXIMUM) {
    status = error_set(error, SQLSTATE_CONFIGURATION_LIMIT_EXCEEDED, "too many connectors");
  } else {
    sources->connectors[sources->connector_count++] = connector;
    for (struct source *source = sources->list; source; source = source->next)
      if (!source->connector && strcmp(source->connector_name, connector->name) == 0)
        source->connector = connector;
  }
  condition_signal(&sources->changed);
  mutex_unlock(&sources->mutex);
  return status;
}

// --- The source thread --------------------------------------------------------------------------------------------

static void batch_free(struct batch *batch)
{
  quern_buffer_free(&batch->rows.rows);
  free(batch);
}

static void source_free(struct source *source)
{
  if (source->handle)
    source->connector->close(source->handle);
  while (source->free) {
    struct batch *batch = source->free;
    source->free = batch->next;
    batch_free(batch);
  }
  arena_deinit(&source->arena);
  free(source);
}

static struct batch *source_batch(struct source *source)
{
  struct batch *batch = source->free;
  if (batch) {
    source->free = batch->next;
  } else {
    batch = calloc(1, sizeof *batch);
    if (!batch)
      return NULL;
  }
  source->batches++;
  batch->source = source;
  batch->next = NULL;
  batch->failure[0] = 0;
  batch->rows.rows.size = 0;
  batch->rows.rows.failed = false;
  batch->rows.row_count = 0;
  batch->rows.is_binary = batch->rows.is_json = false;
  batch->rows.position_size = 0;
  batch->rows.lag = -1;
  return batch;
}

// Opens and polls, without the mutex. Returns when it is due again; negative: it is over.
static int64_t poll_source(struct source *source, struct batch *batch)
{
  struct quern_error error = {0};
  if (!source->is_opened) {
    source->is_opened = true;
    source->info.context = source->connector->context;
    source->handle = source->connector->open(&source->info, source->position.data, source->position.size, &error);
    if (!source->handle) {
      memcpy(batch->failure, error.message, sizeof batch->failure);
      if (!batch->failure[0])
        strcpy(batch->failure, "the source could not be opened");
      return -1;
    }
  }
  batch->rows.now_us = clock_monotonic();
  int64_t wait = source->connector->poll(source->handle, &batch->rows, LIMIT_ATOM_ROWS);
  if (batch->rows.rows.failed) {
    strcpy(batch->failure, "out of memory");
    return -1;
  }
  return wait < 0 ? -1 : clock_monotonic() + wait;
}

static void give_batch(struct sources *sources, struct batch *batch)
{
  __atomic_store_n(sources->ready_end, batch, __ATOMIC_RELAXED);
  sources->ready_end = &batch->next;
  wake_signal(sources->wake);
}

// Takes ended sources off the list whose batches have all come back.
static void remove_ended(struct sources *sources)
{
  for (struct source **at = &sources->list; *at;) {
    struct source *source = *at;
    if (!source->is_ended || source->batches) {
      at = &source->next;
      continue;
    }
    *at = source->next;
    mutex_unlock(&sources->mutex);
    source_free(source);
    mutex_lock(&sources->mutex);
    at = &sources->list;
  }
}

// The source that has been due for longest; NULL with *next: when to look again.
static struct source *next_due(struct sources *sources, int64_t *next)
{
  int64_t now = clock_monotonic();
  struct source *best = NULL;
  *next = INT64_MAX;
  for (struct source *source = sources->list; source; source = source->next) {
    if (source->is_ended || source->is_over || source->is_held || !source->connector ||
        source->batches >= SOURCES_BATCHES)
      continue;
    if (source->due_us <= now && (!best || source->due_us < best->due_us))
      best = source;
    if (source->due_us < *next)
      *next = source->due_us;
  }
  return best;
}

static void poll_one(struct sources *sources, struct source *source)
{
  struct batch *batch = source_batch(source);
  if (!batch) {
    source->due_us = clock_monotonic() + 100000;
    return;
  }
  mutex_unlock(&sources->mutex);
  int64_t due = poll_source(source, batch);
  mutex_lock(&sources->mutex);
  source->is_over = due < 0;
  source->due_us = due;
  if (batch->rows.lag >= 0)
    source->lag = batch->rows.lag;
  if (batch->rows.row_count > 0 || batch->failure[0]) {
    give_batch(sources, batch);
  } else {
    source->batches--;
    batch->next = source->free;
    source->free = batch;
  }
}

static void sources_main(void *context)
{
  struct sources *sources = context;
  mutex_lock(&sources->mutex);
  while (!sources->is_closing) {
    remove_ended(sources);
    int64_t next;
    struct source *source = next_due(sources, &next);
    if (source)
      poll_one(sources, source);
    else if (next == INT64_MAX)
      condition_wait(&sources->changed, &sources->mutex);
    else
      condition_wait_until(&sources->changed, &sources->mutex, next);
  }
  mutex_unlock(&sources->mutex);
}

// --- The loop's side ----------------------------------------------------------------------------------------------

int sources_open(struct wake *wake, struct sources **result, struct error *error)
{
  struct sources *sources = calloc(1, sizeof *sources);
  if (!sources)
    return error_memory(error);
  sources->wake = wake;
  sources->ready_end = &sources->ready;
  sources->connectors[sources->connector_count++] = &push_connector;
  mutex_init(&sources->mutex);
  condition_init(&sources->changed);
  struct thread_options options = {.name = "quern-sources"};
  int status = thread_open(&sources->thread, &options, sources_main, sources, error);
  if (status) {
    sources_close(sources);
    return status;
  }
  *result = sources;
  return 0;
}

static void free_batches(struct batch *batch)
{
  while (batch) {
    struct batch *next = batch->next;
    batch_free(batch);
    batch = next;
  }
}

void sources_close(struct sources *sources)
{
  if (!sources)
    return;
  mutex_lock(&sources->mutex);
  sources->is_closing = true;
  condition_signal(&sources->changed);
  mutex_unlock(&sources->mutex);
  thread_close(&sources->thread);
  free_batches(sources->ready);
  free_batches(sources->taken);
  while (sources->list) {
    struct source *source = sources->list;
    sources->list = source->next;
    source_free(source);
  }
  condition_deinit(&sources->changed);
  mutex_deinit(&sources->mutex);
  free(sources);
}

int sources_begin(struct sources *sources, const struct frame *frame, struct error *error)
{
  const struct relation *relation = frame->relation;
  struct bytes position = frame->position;
  struct source *source = calloc(1, sizeof *source);
  if (!source)
    return error_memory(error);
  source->oid = frame->source;
  source->opening = frame->opening;
  source->lag = -1;
  arena_init(&source->arena, NULL);
  const char *name = relation_option(relation, "connector");
  source->connector_name = arena_string(&source->arena, name ? name : "");
  source->position = bytes_of(arena_copy(&source->arena, position.data, position.size), position.size);
  int status = connector_info(relation, &source->arena, &source->info, error);
  if (!status && (!source->connector_name || !source->position.data))
    status = error_memory(error);
  if (status) {
    source_free(source);
    return status;
  }
  mutex_lock(&sources->mutex);
  source->connector = find_connector(sources, source->connector_name);
  struct source **end = &sources->list;
  while (*end)
    end = &(*end)->next;
  *end = source;
  condition_signal(&sources->changed);
  mutex_unlock(&sources->mutex);
  return 0;
}

void sources_end(struct sources *sources, uint32_t oid)
{
  mutex_lock(&sources->mutex);
  for (struct source *source = sources->list; source; source = source->next)
    if (source->oid == oid)
      source->is_ended = true;
  condition_signal(&sources->changed);
  mutex_unlock(&sources->mutex);
}

void sources_hold(struct sources *sources, uint32_t oid, bool is_held)
{
  mutex_lock(&sources->mutex);
  for (struct source *source = sources->list; source; source = source->next)
    if (source->oid == oid)
      source->is_held = is_held;
  condition_signal(&sources->changed);
  mutex_unlock(&sources->mutex);
}

static void batch_taken(struct sources *sources, struct batch *batch)
{
  batch->next = sources->taken;
  sources->taken = batch;
}

bool sources_take(struct sources *sources, struct frame *frame)
{
  if (!__atomic_load_n(&sources->ready, __ATOMIC_RELAXED))
    return false;
  struct batch *batch;
  mutex_lock(&sources->mutex);
  while ((batch = sources->ready)) {
    __atomic_store_n(&sources->ready, batch->next, __ATOMIC_RELAXED);
    if (!batch->next)
      sources->ready_end = &sources->ready;
    batch_taken(sources, batch);
    if (!batch->source->is_ended)
      break;
  }
  mutex_unlock(&sources->mutex);
  if (!batch)
    return false;
  *frame = (struct frame){.kind = FRAME_ROWS, .source = batch->source->oid, .opening = batch->source->opening};
  if (batch->failure[0]) {
    frame->kind = FRAME_SOURCE_FAILED;
    frame->payload = bytes_of_string(batch->failure);
    return true;
  }
  frame->payload = bytes_of(batch->rows.rows.data, batch->rows.rows.size);
  frame->row_count = batch->rows.row_count;
  frame->is_binary = batch->rows.is_binary;
  frame->is_json = batch->rows.is_json;
  frame->position = bytes_of(batch->rows.position, batch->rows.position_size);
  return true;
}

void sources_taken(struct sources *sources)
{
  if (!sources->taken)
    return;
  mutex_lock(&sources->mutex);
  while (sources->taken) {
    struct batch *batch = sources->taken;
    sources->taken = batch->next;
    batch->next = batch->source->free;
    batch->source->free = batch;
    batch->source->batches--;
  }
  condition_signal(&sources->changed);
  mutex_unlock(&sources->mutex);
}

int64_t sources_lag(struct sources *sources, uint32_t oid)
{
  int64_t lag = -1;
  mutex_lock(&sources->mutex);
  for (struct source *source = sources->list; source; source = source->next)
    if (source->oid == oid && !source->is_ended)
      lag = source->lag;
  mutex_unlock(&sources->mutex);
  return lag;
}
