// One thread for all sinks, each with at most one thing under way.
//
//            sinks_begin                sinks_give            sinks_release: durable
//   (none) --------------> to be opened ----> idle ----> holding ----> to be delivered ----> idle
//                               |               ^                           |   done
//                               +---------------+---------------------------+-- told, and tried again a second later, or over
//
// 1. Rows reach a connector when the log is durable up to the position that their frame names.
// 2. What is to be told stands in the sink until the loop has taken it; a sink that has told that it is done does nothing
//    before it is given more, so at most one thing waits.
#include "host/sinks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "os/clock.h"
#include "os/thread.h"
#include "table/relation.h"

enum { CONNECTORS_MAXIMUM = 32, AGAIN_US = 1000 * 1000, TROUBLE = 512 };
enum sink_work { WORK_NONE, WORK_OPEN, WORK_WAIT_FOR_LOG, WORK_DELIVER, WORK_SYNC };

struct sink {
  struct sink *next;
  uint32_t oid;
  uint64_t opening;
  const struct quern_sink_connector *connector; // NULL: not known yet
  const char *connector_name;
  struct arena arena; // of info
  struct quern_source_info info;
  void *handle;       // sink thread only
  bool is_ended;      // the loop wants no more
  enum sink_work work;
  int64_t due_us;
  struct buffer rows; // under way: the loop's until it is to be delivered, then the thread's until that is told
  int row_count;
  uint64_t log_position;
  // What is to be told
  bool has_news;
  enum frame_kind news;
  struct quern_position position;
  char trouble[TROUBLE];
  // With the loop
  struct quern_position taken_position;
  char taken_trouble[TROUBLE];
};

struct sinks {
  struct wake *wake;
  struct thread thread;
  struct mutex mutex;
  struct condition changed;
  struct sink *list;
  bool is_closing, has_news;
  int waiting; // for the log
  const struct quern_sink_connector *connectors[CONNECTORS_MAXIMUM];
  int connector_count;
};

static const struct quern_sink_connector *find_connector(const struct sinks *sinks, const char *name)
{
  for (int i = 0; i < sinks->connector_count; i++)
    if (strcmp(sinks->connectors[i]->name, name) == 0)
      return sinks->connectors[i];
  return NULL;
}

static struct sink *find_sink(const struct sinks *sinks, uint32_t oid)
{
  for (struct sink *sink = sinks->list; sink; sink = sink->next)
    if (sink->oid == oid && !sink->is_ended)
      return sink;
  return NULL;
}

int sinks_check(struct sinks *sinks, const struct relation *relation, struct error *error)
{
  const char *name = relation_option(relation, "connector");
  const struct quern_sink_connector *connector = find_connector(sinks, name ? name : "");
  if (!connector)
    return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "connector \"%s\" does not exist", name ? name : "");
  return connector_check(relation, connector->check, connector->context, error);
}

int sinks_add_connector(struct sinks *sinks, const struct quern_sink_connector *connector, struct error *error)
{
  int status = 0;
  mutex_lock(&sinks->mutex);
  if (find_connector(sinks, connector->name)) {
    status = error_set(error, SQLSTATE_DUPLICATE_OBJECT, "connector \"%s\" already exists", connector->name);
  } else if (sinks->connector_count == CONNECTORS_MAXIMUM) {
    status = error_set(error, SQLSTATE_CONFIGURATION_LIMIT_EXCEEDED, "too many connectors");
  } else {
    sinks->connectors[sinks->connector_count++] = connector;
    for (struct sink *sink = sinks->list; sink; sink = sink->next)
      if (!sink->connector && strcmp(sink->connector_name, connector->name) == 0)
        sink->connector = connector;
  }
  condition_signal(&sinks->changed);
  mutex_unlock(&sinks->mutex);
  return status;
}

// --- The sink thread ----------------------------------------------------------------------------------------------

static void sink_free(struct sink *sink)
{
  if (sink->handle)
    sink->connector->close(sink->handle);
  buffer_deinit(&sink->rows);
  arena_deinit(&sink->arena);
  free(sink);
}

static int work(struct sink *sink, enum sink_work *next, struct quern_position *position, struct quern_error *error)
{
  const struct quern_sink_connector *connector = sink->connector;
  *next = WORK_NONE;
  if (sink->work == WORK_OPEN) {
    sink->info.context = connector->context;
    sink->handle = connector->open(&sink->info, position, error);
    return sink->handle ? 0 : -1;
  }
  if (sink->work == WORK_SYNC)
    return connector->sync(sink->handle, position, error);
  struct quern_delivery delivery = {.rows = sink->rows.data, .size = sink->rows.size, .row_count = sink->row_count};
  *next = WORK_SYNC;
  return connector->deliver(sink->handle, &delivery, error);
}

static void tell(struct sinks *sinks, struct sink *sink, enum frame_kind news)
{
  sink->news = news;
  sink->has_news = true;
  __atomic_store_n(&sinks->has_news, true, __ATOMIC_RELAXED);
  wake_signal(sinks->wake);
}

// What has failed and may succeed later is told once, as long as it says the same.
static void tell_trouble(struct sinks *sinks, struct sink *sink, const struct quern_error *error)
{
  bool tries_again = error->status == STATUS_RETRY || error->status == STATUS_LIMIT;
  const char *text = error->message[0] ? error->message : "the sink does not work";
  bool is_new = strcmp(sink->trouble, text) != 0;
  snprintf(sink->trouble, sizeof sink->trouble, "%s", text);
  sink->due_us = clock_monotonic() + AGAIN_US;
  if (!tries_again)
    sink->work = WORK_NONE;
  if (!tries_again || is_new)
    tell(sinks, sink, tries_again ? FRAME_SINK_WAITS : FRAME_SINK_FAILED);
}

static void work_one(struct sinks *sinks, struct sink *sink)
{
  struct quern_error error = {0};
  enum sink_work next;
  struct quern_position position = sink->position;
  mutex_unlock(&sinks->mutex);
  int status = work(sink, &next, &position, &error);
  mutex_lock(&sinks->mutex);
  if (status) {
    tell_trouble(sinks, sink, &error);
    return;
  }
  sink->work = next;
  sink->position = position;
  if (next != WORK_NONE)
    return;
  sink->trouble[0] = 0;
  tell(sinks, sink, FRAME_SINK_DONE);
}

static void remove_ended(struct sinks *sinks)
{
  for (struct sink **at = &sinks->list; *at;) {
    struct sink *sink = *at;
    if (!sink->is_ended) {
      at = &sink->next;
      continue;
    }
    *at = sink->next;
    mutex_unlock(&sinks->mutex);
    sink_free(sink);
    mutex_lock(&sinks->mutex);
    at = &sinks->list;
  }
}

// The sink that has been due for longest; NULL with *next: when to look again.
static struct sink *next_due(struct sinks *sinks, int64_t *next)
{
  int64_t now = clock_monotonic();
  struct sink *best = NULL;
  *next = INT64_MAX;
  for (struct sink *sink = sinks->list; sink; sink = sink->next) {
    if (sink->is_ended || !sink->connector || sink->work == WORK_NONE || sink->work == WORK_WAIT_FOR_LOG)
      continue;
    if (sink->due_us <= now && (!best || sink->due_us < best->due_us))
      best = sink;
    if (sink->due_us < *next)
      *next = sink->due_us;
  }
  return best;
}

static void sinks_main(void *context)
{
  struct sinks *sinks = context;
  mutex_lock(&sinks->mutex);
  while (!sinks->is_closing) {
    remove_ended(sinks);
    int64_t next;
    struct sink *sink = next_due(sinks, &next);
    if (sink)
      work_one(sinks, sink);
    else if (next == INT64_MAX)
      condition_wait(&sinks->changed, &sinks->mutex);
    else
      condition_wait_until(&sinks->changed, &sinks->mutex, next);
  }
  mutex_unlock(&sinks->mutex);
}

// --- The loop's side ----------------------------------------------------------------------------------------------

int sinks_open(struct wake *wake, struct sinks **result, struct error *error)
{
  struct sinks *sinks = calloc(1, sizeof *sinks);
  if (!sinks)
    return error_memory(error);
  sinks->wake = wake;
  mutex_init(&sinks->mutex);
  condition_init(&sinks->changed);
  struct thread_options options = {.name = "quern-sinks"};
  int status = thread_open(&sinks->thread, &options, sinks_main, sinks, error);
  if (status) {
    sinks_close(sinks);
    return status;
  }
  *result = sinks;
  return 0;
}

void sinks_close(struct sinks *sinks)
{
  if (!sinks)
    return;
  mutex_lock(&sinks->mutex);
  sinks->is_closing = true;
  condition_signal(&sinks->changed);
  mutex_unlock(&sinks->mutex);
  thread_close(&sinks->thread);
  while (sinks->list) {
    struct sink *sink = sinks->list;
    sinks->list = sink->next;
    sink_free(sink);
  }
  condition_deinit(&sinks->changed);
  mutex_deinit(&sinks->mutex);
  free(sinks);
}

int sinks_begin(struct sinks *sinks, const struct frame *frame, struct error *error)
{
  struct sink *sink = calloc(1, sizeof *sink);
  if (!sink)
    return error_memory(error);
  sink->oid = frame->source;
  sink->opening = frame->opening;
  sink->work = WORK_OPEN;
  arena_init(&sink->arena, NULL);
  const char *name = relation_option(frame->relation, "connector");
  sink->connector_name = arena_string(&sink->arena, name ? name : "");
  int status = connector_info(frame->relation, &sink->arena, &sink->info, error);
  if (!status && !sink->connector_name)
    status = error_memory(error);
  if (!status && frame->position.size > sizeof sink->position.data)
    status = error_set(error, SQLSTATE_DATA_CORRUPTED, "the position of sink \"%s\" is too long", sink->info.name);
  if (status) {
    sink_free(sink);
    return status;
  }
  sink->position.size = (uint32_t)frame->position.size;
  if (frame->position.size)
    memcpy(sink->position.data, frame->position.data, frame->position.size);
  mutex_lock(&sinks->mutex);
  sink->connector = find_connector(sinks, sink->connector_name);
  struct sink **end = &sinks->list;
  while (*end)
    end = &(*end)->next;
  *end = sink;
  condition_signal(&sinks->changed);
  mutex_unlock(&sinks->mutex);
  return 0;
}

int sinks_give(struct sinks *sinks, const struct frame *frame, struct error *error)
{
  int status = 0;
  mutex_lock(&sinks->mutex);
  struct sink *sink = find_sink(sinks, frame->source);
  if (sink) {
    buffer_clear(&sink->rows);
    buffer_append_bytes(&sink->rows, frame->payload);
    status = sink->rows.failed ? error_memory(error) : 0;
    sink->row_count = frame->row_count;
    sink->log_position = frame->log_position;
    sink->work = WORK_WAIT_FOR_LOG;
    sinks->waiting++;
  }
  mutex_unlock(&sinks->mutex);
  return status;
}

void sinks_end(struct sinks *sinks, uint32_t oid)
{
  mutex_lock(&sinks->mutex);
  struct sink *sink = find_sink(sinks, oid);
  if (sink) {
    sinks->waiting -= sink->work == WORK_WAIT_FOR_LOG;
    sink->is_ended = true;
  }
  condition_signal(&sinks->changed);
  mutex_unlock(&sinks->mutex);
}

void sinks_release(struct sinks *sinks, uint64_t durable)
{
  if (!sinks->waiting)
    return;
  mutex_lock(&sinks->mutex);
  for (struct sink *sink = sinks->list; sink; sink = sink->next)
    if (!sink->is_ended && sink->work == WORK_WAIT_FOR_LOG && sink->log_position <= durable) {
      sink->work = WORK_DELIVER;
      sink->due_us = 0;
      sinks->waiting--;
    }
  condition_signal(&sinks->changed);
  mutex_unlock(&sinks->mutex);
}

bool sinks_take(struct sinks *sinks, struct frame *frame)
{
  if (!__atomic_load_n(&sinks->has_news, __ATOMIC_RELAXED))
    return false;
  mutex_lock(&sinks->mutex);
  struct sink *sink = sinks->list;
  while (sink && (!sink->has_news || sink->is_ended))
    sink = sink->next;
  if (sink) {
    sink->has_news = false;
    *frame = (struct frame){.kind = sink->news, .source = sink->oid, .opening = sink->opening};
    sink->taken_position = sink->position;
    memcpy(sink->taken_trouble, sink->trouble, TROUBLE);
    frame->position = bytes_of(sink->taken_position.data, sink->taken_position.size);
    frame->payload = bytes_of_string(sink->taken_trouble);
  } else {
    __atomic_store_n(&sinks->has_news, false, __ATOMIC_RELAXED);
  }
  mutex_unlock(&sinks->mutex);
  return sink != NULL;
}
