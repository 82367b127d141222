// Two lists under one mutex: jobs to be run, in order, and jobs that are done.
#include "host/workers.h"

#include <stdlib.h>

#include "os/thread.h"
#include "partition/partition.h"

enum { WORKERS_MAXIMUM = 64, WORKER_STACK = 8 * 1024 * 1024 };

struct work {
  struct work *next;
  struct job *job;
  uint32_t session;
};

struct work_list {
  struct work *first, **end;
};

struct workers {
  struct wake *wake;
  struct mutex mutex;
  struct condition given;
  struct work_list waiting, done;
  unsigned busy; // loop thread
  bool is_closing;
  unsigned count;
  struct thread threads[WORKERS_MAXIMUM];
};

static void list_push(struct work_list *list, struct work *work)
{
  work->next = NULL;
  *list->end = work;
  list->end = &work->next;
}

static struct work *list_pop(struct work_list *list)
{
  struct work *work = list->first;
  if (work) {
    list->first = work->next;
    if (!list->first)
      list->end = &list->first;
  }
  return work;
}

static void worker_main(void *context)
{
  struct workers *workers = context;
  mutex_lock(&workers->mutex);
  while (!workers->is_closing) {
    struct work *work = list_pop(&workers->waiting);
    if (!work) {
      condition_wait(&workers->given, &workers->mutex);
      continue;
    }
    mutex_unlock(&workers->mutex);
    job_run(work->job);
    mutex_lock(&workers->mutex);
    list_push(&workers->done, work);
    wake_signal(workers->wake);
  }
  mutex_unlock(&workers->mutex);
}

int workers_open(unsigned count, struct wake *wake, struct workers **result, struct error *error)
{
  struct workers *workers = calloc(1, sizeof *workers);
  if (!workers)
    return error_memory(error);
  workers->wake = wake;
  workers->waiting.end = &workers->waiting.first;
  workers->done.end = &workers->done.first;
  mutex_init(&workers->mutex);
  condition_init(&workers->given);
  struct thread_options options = {.name = "quern-worker", .stack_size = WORKER_STACK, .is_background = true};
  int status = 0;
  for (; !status && workers->count < count && workers->count < WORKERS_MAXIMUM; workers->count += !status)
    status = thread_open(&workers->threads[workers->count], &options, worker_main, workers, error);
  if (status) {
    workers_close(workers);
    return status;
  }
  *result = workers;
  return 0;
}

void workers_close(struct workers *workers)
{
  if (!workers)
    return;
  mutex_lock(&workers->mutex);
  workers->is_closing = true;
  condition_broadcast(&workers->given);
  mutex_unlock(&workers->mutex);
  for (unsigned i = 0; i < workers->count; i++)
    thread_close(&workers->threads[i]);
  condition_deinit(&workers->given);
  mutex_deinit(&workers->mutex);
  free(workers);
}

int workers_give(struct workers *workers, struct job *job, uint32_t session, struct error *error)
{
  struct work *work = malloc(sizeof *work);
  if (!work)
    return error_memory(error);
  *work = (struct work){.job = job, .session = session};
  mutex_lock(&workers->mutex);
  list_push(&workers->waiting, work);
  condition_signal(&workers->given);
  mutex_unlock(&workers->mutex);
  workers->busy++;
  return 0;
}

struct job *workers_take(struct workers *workers, uint32_t *session)
{
  if (!workers->busy)
    return NULL;
  mutex_lock(&workers->mutex);
  struct work *work = list_pop(&workers->done);
  mutex_unlock(&workers->mutex);
  if (!work)
    return NULL;
  struct job *job = work->job;
  *session = work->session;
  free(work);
  workers->busy--;
  return job;
}

unsigned workers_busy(const struct workers *workers)
{
  return workers->busy;
}
