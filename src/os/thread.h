// Threads, mutexes and conditions. Embedded structs: init/deinit, no memory of their own.
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct thread {
  pthread_t handle;
  bool is_open;
};

struct thread_options {
  const char *name;   // at most 15 bytes are shown (ps -L, gdb); may be NULL
  size_t stack_size;  // bytes; 0: the system's default
  bool is_background; // gives way to the others where there are not processors for all
};

// Runs function(context) on a new thread, which gets none of the process's signals.
int thread_open(struct thread *thread, const struct thread_options *options, void (*function)(void *context),
                void *context, struct error *error);
// Waits for the thread's end. Does nothing to a thread that was not opened.
void thread_close(struct thread *thread);

struct mutex {
  pthread_mutex_t handle;
};

void mutex_init(struct mutex *mutex);
void mutex_deinit(struct mutex *mutex);
void mutex_lock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);

struct condition {
  pthread_cond_t handle;
};

void condition_init(struct condition *condition);
void condition_deinit(struct condition *condition);
// May wake for no reason: look at what was waited for again.
void condition_wait(struct condition *condition, struct mutex *mutex);
// deadline: of clock_monotonic. False: it has passed.
bool condition_wait_until(struct condition *condition, struct mutex *mutex, int64_t deadline);
void condition_signal(struct condition *condition);
void condition_broadcast(struct condition *condition);
