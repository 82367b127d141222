// A binary heap of timers; each knows its place.
#include "partition/timer.h"

#include <stdlib.h>

static void put(struct timers *timers, size_t place, struct timer *timer)
{
  timers->heap[place - 1] = timer;
  timer->place = place;
}

static void rise(struct timers *timers, size_t place)
{
  struct timer *timer = timers->heap[place - 1];
  for (; place > 1 && timers->heap[place / 2 - 1]->due > timer->due; place /= 2)
    put(timers, place, timers->heap[place / 2 - 1]);
  put(timers, place, timer);
}

static void sink(struct timers *timers, size_t place)
{
  struct timer *timer = timers->heap[place - 1];
  for (;;) {
    size_t child = place * 2;
    if (child < timers->count && timers->heap[child]->due < timers->heap[child - 1]->due)
      child++;
    if (child > timers->count || timers->heap[child - 1]->due >= timer->due)
      break;
    put(timers, place, timers->heap[child - 1]);
    place = child;
  }
  put(timers, place, timer);
}

void timers_deinit(struct timers *timers)
{
  free(timers->heap);
  *timers = (struct timers){0};
}

bool timer_set(struct timers *timers, struct timer *timer, int64_t due)
{
  if (!timer->place) {
    if (timers->count == timers->capacity) {
      size_t capacity = timers->capacity ? timers->capacity * 2 : 16;
      struct timer **heap = realloc(timers->heap, capacity * sizeof *heap);
      if (!heap)
        return false;
      timers->heap = heap;
      timers->capacity = capacity;
    }
    put(timers, ++timers->count, timer);
  }
  timer->due = due;
  rise(timers, timer->place);
  sink(timers, timer->place);
  return true;
}

void timer_clear(struct timers *timers, struct timer *timer)
{
  size_t place = timer->place;
  if (!place)
    return;
  timer->place = 0;
  struct timer *last = timers->heap[--timers->count];
  if (last == timer)
    return;
  put(timers, place, last);
  rise(timers, place);
  sink(timers, last->place);
}

int64_t timers_next(const struct timers *timers)
{
  return timers->count ? timers->heap[0]->due : TIMER_NEVER;
}

struct timer *timers_take(struct timers *timers, int64_t now)
{
  struct timer *timer = timers->count ? timers->heap[0] : NULL;
  if (!timer || timer->due > now)
    return NULL;
  timer_clear(timers, timer);
  return timer;
}
