// Threads, mutexes and conditions over pthread.
//
// A mutex call fails only when a programmer broke a promise, so the results are checked, not returned.
#include "os/thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/sqlstate.h"

enum {
  BACKGROUND_NICE = 5, // a third of another thread's weight: it gives way, and is not starved
  BACKGROUND_SLICE_NS = 20 * 1000 * 1000,
};

struct thread_start {
  void (*function)(void *context);
  void *context;
  bool is_background;
};

// As the kernel reads it. The C library does not have it, and the kernel's header does not go together with sched.h.
struct scheduling {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t slice_ns, deadline_ns, period_ns;
};

// Of the calling thread. Linux lets a thread that wakes take the processor at once from one with a longer slice, and
// otherwise only at that one's slice's end: some milliseconds, in which the loop would answer nobody. Before Linux 6.12 the
// slice is passed over. Where the call fails the thread works all the same.
static void go_to_background(void)
{
  struct scheduling scheduling = {
    .size = sizeof scheduling,
    .policy = SCHED_OTHER,
    .nice = getpriority(PRIO_PROCESS, 0) + BACKGROUND_NICE,
    .slice_ns = BACKGROUND_SLICE_NS,
  };
  (void)syscall(SYS_sched_setattr, 0, &scheduling, 0);
}

static void *thread_main(void *argument)
{
  struct thread_start start = *(struct thread_start *)argument;
  free(argument);
  if (start.is_background)
    go_to_background();
  start.function(start.context);
  return NULL;
}

int thread_open(struct thread *thread, const struct thread_options *options, void (*function)(void *context),
                void *context, struct error *error)
{
  thread->is_open = false;
  struct thread_start *start = malloc(sizeof *start);
  if (!start)
    return error_memory(error);
  *start = (struct thread_start){.function = function, .context = context, .is_background = options->is_background};
  pthread_attr_t attributes;
  int code = pthread_attr_init(&attributes);
  if (code) {
    free(start);
    return error_memory(error);
  }
  if (options->stack_size)
    code = pthread_attr_setstacksize(&attributes, options->stack_size);
  if (!code) {
    // A thread starts with its maker's mask: all signals are left to the threads that were there before.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(&thread->handle, &attributes, thread_main, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
  }
  pthread_attr_destroy(&attributes);
  if (code) {
    free(start);
    return error_set(error, SQLSTATE_CONFIGURATION_LIMIT_EXCEEDED, "could not start a thread: %s", strerror(code));
  }
  if (options->name) {
    char name[16];
    size_t size = strnlen(options->name, sizeof name - 1);
    memcpy(name, options->name, size);
    name[size] = 0;
    pthread_setname_np(thread->handle, name);
  }
  thread->is_open = true;
  return STATUS_OK;
}

void thread_close(struct thread *thread)
{
  if (!thread->is_open)
    return;
  CHECK(pthread_join(thread->handle, NULL) == 0);
  thread->is_open = false;
}

void mutex_init(struct mutex *mutex)
{
  CHECK(pthread_mutex_init(&mutex->handle, NULL) == 0);
}

void mutex_deinit(struct mutex *mutex)
{
  CHECK(pthread_mutex_destroy(&mutex->handle) == 0);
}

void mutex_lock(struct mutex *mutex)
{
  CHECK(pthread_mutex_lock(&mutex->handle) == 0);
}

void mutex_unlock(struct mutex *mutex)
{
  CHECK(pthread_mutex_unlock(&mutex->handle) == 0);
}

void condition_init(struct condition *condition)
{
  pthread_condattr_t attributes;
  CHECK(pthread_condattr_init(&attributes) == 0);
  CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
  CHECK(pthread_cond_init(&condition->handle, &attributes) == 0);
  pthread_condattr_destroy(&attributes);
}

void condition_deinit(struct condition *condition)
{
  CHECK(pthread_cond_destroy(&condition->handle) == 0);
}

// Wakes for nothing every second: glibc before 2.41 can lose a signal (its bug 25847), and who waited for it would wait for
// ever. Everybody looks at what he waits for in a loop anyway.
void condition_wait(struct condition *condition, struct mutex *mutex)
{
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec++;
  int code = pthread_cond_timedwait(&condition->handle, &mutex->handle, &until);
  CHECK(code == 0 || code == ETIMEDOUT);
}

bool condition_wait_until(struct condition *condition, struct mutex *mutex, int64_t deadline)
{
  if (deadline < 0)
    deadline = 0;
  struct timespec until = {.tv_sec = deadline / 1000000, .tv_nsec = deadline % 1000000 * 1000};
  int code = pthread_cond_timedwait(&condition->handle, &mutex->handle, &until);
  CHECK(code == 0 || code == ETIMEDOUT);
  return code == 0;
}

void condition_signal(struct condition *condition)
{
  CHECK(pthread_cond_signal(&condition->handle) == 0);
}

void condition_broadcast(struct condition *condition)
{
  CHECK(pthread_cond_broadcast(&condition->handle) == 0);
}
