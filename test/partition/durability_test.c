// On which log position a reply depends: with synchronous_commit it is what it tells of, without it none.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "partition/partition.h"

struct bench {
  struct partition *partition;
  struct step_time time;
  struct step_output output;
};

static void step(struct bench *bench, const struct frame *frame)
{
  struct error error;
  error_clear(&error);
  bench->time.wall++;
  bench->time.monotonic++;
  assert_int_equal(partition_step(bench->partition, frame, 1, &bench->time, &bench->output, &error), 0);
}

// The position that the reply to a query waits for.
static uint64_t ask(struct bench *bench, uint32_t session, const char *text)
{
  struct buffer query = {0};
  buffer_append_u8(&query, 'Q');
  buffer_append_be32(&query, (uint32_t)strlen(text) + 5);
  buffer_append(&query, text, strlen(text) + 1);
  struct frame frame = {.kind = FRAME_REQUEST, .session = session, .payload = buffer_bytes(&query)};
  step(bench, &frame);
  buffer_deinit(&query);
  assert_int_equal(bench->output.frame_count, 1);
  assert_int_equal(bench->output.frames[0].kind, FRAME_REPLY);
  assert_int_not_equal(bench->output.frames[0].payload.data[0], 'E');
  return bench->output.frames[0].log_position;
}

static int setup(void **state)
{
  static struct bench bench;
  struct error error;
  bench = (struct bench){.time = {1000, 1000}};
  bench.partition = partition_open(&(struct partition_options){.seed = 1}, &error);
  assert_non_null(bench.partition);
  assert_int_equal(partition_recovered(bench.partition, 0, &error), 0);
  for (uint32_t session = 1; session <= 2; session++)
    step(&bench, &(struct frame){.kind = FRAME_OPEN, .session = session});
  ask(&bench, 1, "create table t (k int primary key, v int)");
  *state = &bench;
  return 0;
}

static int teardown(void **state)
{
  struct bench *bench = *state;
  for (uint32_t session = 1; session <= 2; session++)
    step(bench, &(struct frame){.kind = FRAME_CLOSE, .session = session});
  partition_close(bench->partition);
  return 0;
}

static void test_a_change_waits_for_the_log(void **state)
{
  struct bench *bench = *state;
  uint64_t first = ask(bench, 1, "insert into t values (1, 1)");
  uint64_t second = ask(bench, 1, "insert into t values (2, 1)");
  assert_true(second > first);
  assert_true(ask(bench, 2, "select * from t") >= second);
  ask(bench, 1, "begin");
  ask(bench, 1, "update t set v = 2");
  assert_true(ask(bench, 1, "commit") > second);
}

static void test_synchronous_commit_off_waits_for_nothing(void **state)
{
  struct bench *bench = *state;
  uint64_t before = ask(bench, 1, "select 1"); // the definitions' position
  ask(bench, 1, "set synchronous_commit = off");
  assert_int_equal(ask(bench, 1, "insert into t values (1, 1)"), before);
  assert_int_equal(ask(bench, 1, "begin; insert into t values (2, 1); commit"), before);
  uint64_t others = ask(bench, 2, "insert into t values (3, 1)");
  assert_true(others > before);
  assert_int_equal(ask(bench, 1, "select * from t"), before);
  assert_true(ask(bench, 2, "select * from t") >= others); // the other is told only what is safe
  ask(bench, 1, "set synchronous_commit = on");
  assert_true(ask(bench, 1, "insert into t values (4, 1)") > others);
}

static void test_set_local_is_for_one_commit(void **state)
{
  struct bench *bench = *state;
  uint64_t before = ask(bench, 1, "select 1");
  ask(bench, 1, "begin");
  ask(bench, 1, "set local synchronous_commit = off");
  ask(bench, 1, "insert into t values (1, 1)");
  assert_int_equal(ask(bench, 1, "commit"), before);
  assert_true(ask(bench, 1, "insert into t values (2, 1)") > before);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(test_a_change_waits_for_the_log, setup, teardown),
    cmocka_unit_test_setup_teardown(test_synchronous_commit_off_waits_for_nothing, setup, teardown),
    cmocka_unit_test_setup_teardown(test_set_local_is_for_one_commit, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
