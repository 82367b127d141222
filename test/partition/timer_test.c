// Timers: the earliest first, whatever was set, set anew and cleared in between.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "partition/timer.h"

enum { COUNT = 100 };

static uint32_t next(uint32_t *state)
{
  return *state = *state * 1664525 + 1013904223;
}

static void test_the_earliest_comes_first(void **state)
{
  struct timers timers = {0};
  struct timer all[COUNT] = {0};
  uint32_t random = 7;
  for (int round = 0; round < 10000; round++) {
    struct timer *timer = &all[(next(&random) >> 8) % COUNT];
    if (next(&random) >> 30)
      assert_true(timer_set(&timers, timer, next(&random) >> 20));
    else
      timer_clear(&timers, timer);
    int64_t earliest = TIMER_NEVER;
    size_t count = 0;
    for (int i = 0; i < COUNT; i++) {
      count += all[i].place > 0;
      if (all[i].place && all[i].due < earliest)
        earliest = all[i].due;
    }
    assert_int_equal(timers.count, count);
    assert_int_equal(timers_next(&timers), earliest);
  }
  assert_null(timers_take(&timers, timers_next(&timers) - 1));
  int64_t last = 0;
  struct timer *timer;
  while ((timer = timers_take(&timers, TIMER_NEVER - 1))) {
    assert_true(timer->due >= last);
    assert_int_equal(timer->place, 0);
    last = timer->due;
  }
  assert_int_equal(timers.count, 0);
  timers_deinit(&timers);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_earliest_comes_first)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
