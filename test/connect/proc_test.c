// proc: which rows come when, and from which columns.
#include <stdio.h>
#include <unistd.h>

#include "batch.h"
#include "connect/processes.h"

static const struct quern_connector *const proc = &connector_proc;

// The row of a metric; -1: there is none.
static int find(const struct quern_batch *batch, int column, const char *metric)
{
  for (int i = 0; i < batch->row_count; i++) {
    int32_t size;
    const uint8_t *text = field(batch, i, column, &size);
    if ((size_t)size == strlen(metric) && memcmp(text, metric, (size_t)size) == 0)
      return i;
  }
  return -1;
}

static void test_measurements(void **state)
{
  struct quern_batch batch = {0};
  void *source = open_source(proc, "metric text, value float8, at timestamptz", "interval=500ms", "");
  int64_t now = 10000000;
  assert_int_equal(poll_at(proc, source, &batch, now, 1024), 500000);
  assert_int_equal(batch.row_count, 6); // memory and load; shares and rates need a second look
  assert_int_equal(find(&batch, 0, "cpu.user"), -1);
  int memory = find(&batch, 0, "memory.used");
  assert_true(memory >= 0 && float_field(&batch, memory, 1) > 1e6);
  assert_true(find(&batch, 0, "load.15m") >= 0);
  int64_t at = integer_field(&batch, 0, 2);
  assert_true(at > 800000000000000ll); // after 2025, counted from 2000
  for (int i = 1; i < batch.row_count; i++)
    assert_int_equal(integer_field(&batch, i, 2), at); // one moment for all of an interval
  assert_int_equal(poll_at(proc, source, &batch, now + 499999, 1024), 1);
  assert_int_equal(batch.row_count, 0);
  assert_int_equal(poll_at(proc, source, &batch, now + 500100, 1024), 499900); // no drift
  assert_true(find(&batch, 0, "network.received") >= 0 && find(&batch, 0, "disk.written") >= 0);
  int user = find(&batch, 0, "cpu.user");
  if (user >= 0) // the machine's clock may not have ticked in between
    assert_true(float_field(&batch, user, 1) >= 0 && float_field(&batch, user, 1) <= 1);
  assert_int_equal(poll_at(proc, source, &batch, now + 10000000, 1024), 500000); // what was missed is not made up for
  proc->close(source);
  quern_buffer_free(&batch.rows);
}

static void test_columns_are_a_choice(void **state)
{
  struct quern_batch batch = {0};
  void *source = open_source(proc, "value float8", "", "12345");
  assert_int_equal(poll_at(proc, source, &batch, 1000000, 1024), 1000000);
  assert_int_equal(batch.row_count, 6);
  assert_int_equal(batch.rows.size, 6 * (2 + 4 + 8));
  proc->close(source);
  quern_buffer_free(&batch.rows);
}

// This process works, and is the busiest or near it; an old number with another start is another process.
static void test_processes(void **state)
{
  struct quern_batch batch = {0};
  void *source = open_source(proc, "pid int4, name text, cpu float8, memory int8, at timestamptz",
                             "topic=processes, top=1000", "");
  assert_int_equal(poll_at(proc, source, &batch, 1000000, 1024), 1000000);
  assert_int_equal(batch.row_count, 0); // shares need a second look
  struct counted { int rows, own; double own_share, before; } counted = {0};
  for (int64_t now = 2000000; counted.own_share == 0; now += 1000000) {
    volatile double work = 1;
    for (int i = 0; i < 20000000; i++)
      work = work * 1.0000001;
    poll_at(proc, source, &batch, now, 1024);
    counted = (struct counted){.before = 1};
    for (int i = 0; i < batch.row_count; i++) {
      double share = float_field(&batch, i, 2);
      assert_true(share >= 0 && share <= 1 && share <= counted.before);
      counted.before = share;
      if (integer_field(&batch, i, 0) != getpid())
        continue;
      int32_t size;
      const uint8_t *name = field(&batch, i, 1, &size);
      assert_true(size > 0 && memcmp(name, "test_connect_pr", (size_t)(size < 15 ? size : 15)) == 0);
      assert_true(integer_field(&batch, i, 3) > 100000);
      counted.own++;
      counted.own_share = share;
    }
    assert_true(counted.own <= 1);
  }
  proc->close(source);
  quern_buffer_free(&batch.rows);
}

static void test_ranks(void **state)
{
  struct process before[] = {{.pid = 1, .started = 5, .ticks = 100}, {.pid = 3, .started = 6, .ticks = 50}},
                 now[] = {{.pid = 1, .started = 5, .ticks = 107}, {.pid = 2, .started = 9, .ticks = 7}, {.pid = 3, .started = 8, .ticks = 60}};
  int ranks[3];
  struct processes first = {.list = before, .count = 2}, second = {.list = now, .ranks = ranks, .count = 3};
  processes_rank(&second, &first);
  assert_int_equal(processes_ranked(&second, 0)->pid, 3); // a new one with an old number
  assert_int_equal(processes_ranked(&second, 0)->spent, 60);
  assert_int_equal(processes_ranked(&second, 1)->pid, 1);
  assert_int_equal(processes_ranked(&second, 1)->spent, 7);
  assert_int_equal(processes_ranked(&second, 2)->pid, 2);
}

static void test_intervals(void **state)
{
  static const struct {
    const char *option;
    int64_t us;
  } cases[] = {{"interval=1ms", 1000},         {"interval=0.5", 500000},           {"interval=2 min", 120000000},
               {"interval=1h", 3600000000},    {"interval=24 hours", 86400000000}, {"interval=1500us", 1500},
               {"interval=3 seconds", 3000000}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct quern_batch batch = {0};
    void *source = open_source(proc, "value float8", cases[i].option, "");
    assert_int_equal(poll_at(proc, source, &batch, 1, 1024), cases[i].us);
    proc->close(source);
    quern_buffer_free(&batch.rows);
  }
}

static void test_refused(void **state)
{
  static const char *const intervals[] = {"often", "", "1 fortnight", "0", "-1s", "999us", "25h", "nan", "1s s"};
  for (size_t i = 0; i < sizeof intervals / sizeof intervals[0]; i++) {
    char option[64];
    snprintf(option, sizeof option, "interval=%s", intervals[i]);
    assert_refused(proc, "value float8", option, "span of time between 1ms and 24h");
  }
  assert_refused(proc, "mood text", "", "at, metric and value, not \"mood\"");
  assert_refused(proc, "value int8", "", "value double precision");
  assert_refused(proc, "metric int8", "", "metric text");
  assert_refused(proc, "at text", "", "at is a timestamp");
  assert_refused(proc, "value float8", "topic=weather", "must be machine or processes");
  assert_refused(proc, "value float8", "top=5", "is for the topic processes");
  assert_refused(proc, "pid int4", "topic=processes, top=0", "between 1 and 1000");
  assert_refused(proc, "value float8", "topic=processes", "at, pid, name, cpu and memory, not \"value\"");
  assert_refused(proc, "memory int4", "topic=processes", "memory bigint");
  assert_refused(proc, "value float8", "rate=5", "no option \"rate\"");
  assert_refused(proc, "value float8", "value.kind=random", "no option \"value.kind\"");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_measurements),
      cmocka_unit_test(test_columns_are_a_choice),
      cmocka_unit_test(test_processes),
      cmocka_unit_test(test_ranks),
      cmocka_unit_test(test_intervals),
      cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
