// One checkpoint at a time: written from the snapshot, waiting for the log to be durable up to it, named, and the log
// before it freed.
#include "host/checkpointer.h"

#include <stdlib.h>

#include "os/thread.h"

enum { ROWS_A_SLICE = 4096 };

enum checkpointer_state { CHECKPOINTER_IDLE, CHECKPOINTER_WRITING, CHECKPOINTER_ENDED };

struct checkpointer {
  const struct disk *disk;
  struct journal *journal;
  struct wake *wake;
  uint64_t log_id;
  struct thread thread;
  struct mutex mutex;
  struct condition begun;
  bool is_closing;
  enum checkpointer_state state;
  struct version *snapshot;
  uint64_t position;
  int status;
  struct error error;
  struct checkpoint_statistics statistics;
};

static bool is_closing(struct checkpointer *checkpointer)
{
  mutex_lock(&checkpointer->mutex);
  bool closing = checkpointer->is_closing;
  mutex_unlock(&checkpointer->mutex);
  return closing;
}

static int write_checkpoint(struct checkpointer *checkpointer, struct error *error)
{
  struct checkpoint_writer *writer;
  int status = checkpoint_begin(checkpointer->disk, checkpointer->snapshot, checkpointer->position, checkpointer->log_id, &writer,
                                error);
  if (status)
    return status;
  while ((status = checkpoint_step(writer, ROWS_A_SLICE, error)) > 0)
    if (is_closing(checkpointer))
      break;
  if (status || !journal_wait(checkpointer->journal, checkpointer->position)) {
    checkpoint_abandon(writer);
    return status > 0 ? 0 : status; // stopped because we close
  }
  status = checkpoint_finish(writer, &checkpointer->statistics, error);
  if (!status)
    journal_free(checkpointer->journal, checkpointer->position);
  return status;
}

static void checkpointer_main(void *context)
{
  struct checkpointer *checkpointer = context;
  mutex_lock(&checkpointer->mutex);
  while (!checkpointer->is_closing) {
    if (checkpointer->state != CHECKPOINTER_WRITING) {
      condition_wait(&checkpointer->begun, &checkpointer->mutex);
      continue;
    }
    mutex_unlock(&checkpointer->mutex);
    struct error error = {0};
    checkpointer->statistics = (struct checkpoint_statistics){0};
    int status = write_checkpoint(checkpointer, &error);
    mutex_lock(&checkpointer->mutex);
    checkpointer->status = status;
    checkpointer->error = error;
    checkpointer->state = CHECKPOINTER_ENDED;
    wake_signal(checkpointer->wake);
  }
  mutex_unlock(&checkpointer->mutex);
}

int checkpointer_open(const struct disk *disk, struct journal *journal, struct wake *wake, uint64_t log_id,
                      struct checkpointer **result, struct error *error)
{
  struct checkpointer *checkpointer = calloc(1, sizeof *checkpointer);
  if (!checkpointer)
    return error_memory(error);
  *checkpointer = (struct checkpointer){.disk = disk, .journal = journal, .wake = wake, .log_id = log_id};
  mutex_init(&checkpointer->mutex);
  condition_init(&checkpointer->begun);
  struct thread_options options = {.name = "quern-checkpoint", .is_background = true};
  int status = thread_open(&checkpointer->thread, &options, checkpointer_main, checkpointer, error);
  if (status) {
    checkpointer_close(checkpointer);
    return status;
  }
  *result = checkpointer;
  return 0;
}

void checkpointer_close(struct checkpointer *checkpointer)
{
  if (!checkpointer)
    return;
  mutex_lock(&checkpointer->mutex);
  checkpointer->is_closing = true;
  condition_signal(&checkpointer->begun);
  mutex_unlock(&checkpointer->mutex);
  thread_close(&checkpointer->thread);
  condition_deinit(&checkpointer->begun);
  mutex_deinit(&checkpointer->mutex);
  free(checkpointer);
}

void checkpointer_begin(struct checkpointer *checkpointer, struct version *snapshot, uint64_t position)
{
  mutex_lock(&checkpointer->mutex);
  checkpointer->snapshot = snapshot;
  checkpointer->position = position;
  checkpointer->state = CHECKPOINTER_WRITING;
  condition_signal(&checkpointer->begun);
  mutex_unlock(&checkpointer->mutex);
}

bool checkpointer_is_busy(const struct checkpointer *checkpointer)
{
  return checkpointer->snapshot != NULL;
}

struct version *checkpointer_done(struct checkpointer *checkpointer, int *status, struct checkpoint_statistics *statistics,
                                  struct error *error)
{
  if (!checkpointer->snapshot)
    return NULL;
  struct version *snapshot = NULL;
  mutex_lock(&checkpointer->mutex);
  if (checkpointer->state == CHECKPOINTER_ENDED) {
    checkpointer->state = CHECKPOINTER_IDLE;
    snapshot = checkpointer->snapshot;
    checkpointer->snapshot = NULL;
    *status = checkpointer->status;
    *statistics = checkpointer->statistics;
    *error = checkpointer->error;
  }
  mutex_unlock(&checkpointer->mutex);
  return snapshot;
}
