// Long changes beside the trunk: whatever others do meanwhile, the outcome is that of the statement run behind it all.
//
// A second partition is the judge: it gets the others' changes and then the statement, which it runs in one piece. A third
// one is made of the first one's log.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "partition/partition.h"

enum { CHANGER = 1, OTHER, THIRD, SESSIONS, KEYS = 5000 };

struct bench {
  struct partition *partition;
  struct step_time time;
  struct step_output output;
  struct buffer log;     // all payloads
  struct buffer replies[SESSIONS];
  struct job *job;
};

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(seed >> 33) % below;
}

static void step(struct bench *bench, const struct frame *frame)
{
  struct error error;
  error_clear(&error);
  bench->time.wall++;
  bench->time.monotonic += 1000;
  if (partition_step(bench->partition, frame, frame != NULL, &bench->time, &bench->output, &error))
    fail_msg("%s", error.message);
  buffer_append_bytes(&bench->log, bench->output.changes);
  for (int i = 0; i < bench->output.frame_count; i++) {
    const struct frame *out = &bench->output.frames[i];
    if (out->kind == FRAME_REPLY)
      buffer_append_bytes(&bench->replies[out->session], out->payload);
    if (out->kind == FRAME_JOB) {
      assert_null(bench->job);
      bench->job = out->job;
    }
  }
}

static void send(struct bench *bench, uint32_t session, const char *text)
{
  struct buffer query = {0};
  buffer_append_u8(&query, 'Q');
  buffer_append_be32(&query, (uint32_t)strlen(text) + 5);
  buffer_append(&query, text, strlen(text) + 1);
  buffer_clear(&bench->replies[session]);
  step(bench, &(struct frame){.kind = FRAME_REQUEST, .session = session, .payload = buffer_bytes(&query)});
  buffer_deinit(&query);
}

// The next message of a session's replies: its type, and its body. 0: there is none.
static char next_message(struct bench *bench, uint32_t session, size_t *at, struct bytes *body)
{
  struct buffer *replies = &bench->replies[session];
  if (*at + 5 > replies->size)
    return 0;
  char type = (char)replies->data[*at];
  uint32_t size = get_be32(replies->data + *at + 1);
  *body = bytes_of(replies->data + *at + 5, size - 4);
  *at += 1 + size;
  return type;
}

// The tag, or "ERROR" and the SQLSTATE; empty: no answer yet.
static const char *tag(struct bench *bench, uint32_t session)
{
  static char text[64];
  struct bytes body;
  size_t at = 0;
  text[0] = 0;
  for (char type; (type = next_message(bench, session, &at, &body));) {
    if (type == 'C')
      snprintf(text, sizeof text, "%s", (const char *)body.data);
    for (size_t i = 0; type == 'E' && i + 1 < body.size; i += strlen((const char *)body.data + i) + 1)
      if (body.data[i] == 'C')
        snprintf(text, sizeof text, "ERROR %s", (const char *)body.data + i + 1);
  }
  return text;
}

static bool is_ready(struct bench *bench, uint32_t session)
{
  struct buffer *replies = &bench->replies[session];
  return replies->size >= 6 && replies->data[replies->size - 6] == 'Z';
}

static void run_job(struct bench *bench)
{
  struct job *job = bench->job;
  job_run(job);
}

static void end_job(struct bench *bench, uint32_t session)
{
  struct job *job = bench->job;
  bench->job = NULL;
  step(bench, &(struct frame){.kind = FRAME_JOB_DONE, .job = job, .session = session});
}

static void finish(struct bench *bench, uint32_t session)
{
  while (bench->job) {
    run_job(bench);
    end_job(bench, session);
  }
  assert_true(is_ready(bench, session));
}

static void does(struct bench *bench, uint32_t session, const char *text)
{
  send(bench, session, text);
  finish(bench, session);
  if (strncmp(tag(bench, session), "ERROR", 5) == 0)
    fail_msg("%s: %s", text, tag(bench, session));
}

static void bench_open(struct bench *bench, uint64_t allowance, bool is_new)
{
  struct error error;
  *bench = (struct bench){.time = {1000, 1000}};
  bench->partition = partition_open(&(struct partition_options){.seed = 1, .scan_allowance = allowance}, &error);
  assert_non_null(bench->partition);
  if (is_new)
    assert_int_equal(partition_recovered(bench->partition, 0, &error), 0);
}

static void bench_greet(struct bench *bench)
{
  for (uint32_t session = 1; session < SESSIONS; session++)
    step(bench, &(struct frame){.kind = FRAME_OPEN, .session = session});
}

static void bench_close(struct bench *bench)
{
  for (uint32_t session = 1; session < SESSIONS; session++) {
    step(bench, &(struct frame){.kind = FRAME_CLOSE, .session = session});
    buffer_deinit(&bench->replies[session]);
  }
  buffer_deinit(&bench->log);
  partition_close(bench->partition);
}

static void found(void *context, const char *table, uint64_t rows, const struct error *fault)
{
  if (fault)
    fail_msg("%s: %s", table, fault->message);
}

static void is_whole(struct bench *bench)
{
  struct error error;
  error_clear(&error);
  if (partition_verify(bench->partition, found, NULL, &error))
    fail_msg("%s", error.message);
}

static void recover(struct bench *from, struct bench *to)
{
  struct error error;
  error_clear(&error);
  bench_open(to, 0, false);
  uint64_t position = 0;
  for (size_t at = 0; at < from->log.size;) {
    position = get_le64(from->log.data + at);
    uint32_t size = get_le32(from->log.data + at + 8);
    if (partition_apply(to->partition, bytes_of(from->log.data + at + 12, size), position, &error))
      fail_msg("%s", error.message);
    at += 12 + size;
  }
  assert_int_equal(partition_recovered(to->partition, position, &error), 0);
  bench_greet(to);
}

static void same_tags(struct bench *a, struct bench *b, uint32_t session)
{
  char told[64];
  snprintf(told, sizeof told, "%s", tag(a, session));
  assert_string_equal(told, tag(b, session));
}

static void same_rows(struct bench *a, struct bench *b)
{
  static const char *const texts[] = {"select k, a, b, u, s, l from t order by k, a, b, u, s", "select b, count(*) from t group by b order by b",
                                      "select count(*) from t where b = 3", "select * from v order by k, n, u"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    does(a, THIRD, texts[i]);
    does(b, THIRD, texts[i]);
    assert_int_equal(a->replies[THIRD].size, b->replies[THIRD].size);
    assert_memory_equal(a->replies[THIRD].data, b->replies[THIRD].data, a->replies[THIRD].size);
  }
}

// --- Whatever others do -----------------------------------------------------------------------------------------

static bool is_elsewhere; // others change what no statement looks at

static void other_change(struct bench *bench, struct bench *judge, bool is_large)
{
  char text[512];
  uint32_t k = draw(KEYS + 200), width = is_large ? 2500 : 1 + draw(40);
  switch (is_elsewhere ? 6 : draw(7)) {
  case 0: snprintf(text, sizeof text, "begin; update t set b = b + 1, a = a - 1 where k between %u and %u; commit", k, k + width); break;
  case 1: snprintf(text, sizeof text, "begin; delete from t where k between %u and %u; commit", k, k + width / 4); break;
  case 2:
    snprintf(text, sizeof text, "begin; insert into t select i, i %% 7, i %% 10, i + %u, 'new' from generate_series(%u, %u) i on conflict do nothing; commit",
             100000 + draw(1000) * 10000, k, k + width);
    break;
  case 3: snprintf(text, sizeof text, "update t set l = repeat('%c', %u) where k = %u", 'a' + (int)draw(26), draw(3000), k); break;
  case 4: snprintf(text, sizeof text, "update t set a = %u where k = %u", draw(5), k); break;
  case 6: snprintf(text, sizeof text, "begin; insert into v select i, %u from generate_series(%u, %u) i; delete from v where k between %u and %u; commit", k, 20000000 + k * 1000 + draw(500), 20000000 + k * 1000 + 500 + width, 20000000 + k * 990, 20000000 + k * 995); break;
  default: snprintf(text, sizeof text, "update t set u = -%u where k = %u and not exists (select from t where u = -%u)", k, k, k); break;
  }
  send(bench, OTHER, text);
  finish(bench, OTHER);
  send(judge, OTHER, text);
  finish(judge, OTHER);
  same_tags(bench, judge, OTHER);
}

static void others_change(struct bench *bench, struct bench *judge, int large)
{
  for (uint32_t count = draw(6); count > 0; count--)
    other_change(bench, judge, false);
  for (; large > 0; large--)
    other_change(bench, judge, true);
}

static const char *const statements[] = {
  "update t set a = a + 1",
  "update t set b = b + 1 where a > 2",
  "update t set a = 0, b = k % 10, s = s || 'y' where b in (1, 2, 3)",
  "update t set a = 5 where a = 4 and s = 'new'",
  "update t set b = 3 where k % 900 = 1",
  "delete from t where b = 4",
  "delete from t where a < 4",
  "delete from t where s = 'nobody'",
  "delete from t",
  "update t set s = null where s like 'a%'",
  "create index on t (a)",
  "create index on t (s desc, k, b)",
  "create unique index on t (u, a)",
  "create unique index on t (s, a)",
  "alter table t add unique (u, b), add check (b > -100000), add unique (u)",
  "update t set b = (select count(*) from t x where x.b = t.b) where k % 30 = 0",
  "update t set a = d.n, u = u + 1000000000 from (select b, count(*) n from t where a < 3 group by b) d where d.b = t.b and t.a < 2",
  "update t set b = b + 1 where a > 3 returning k, b, now() is null",
  "delete from t where b = 2 returning *",
  "delete from t using (select max(k) m from t) x where k = x.m or t.a = 2",
  "insert into t select k + 3000000, a, b, u + 2000000000, s, l from t where a = 1 and u < 100000",
  "insert into t select 4000000 + i, (random() >= 0)::int + i % 4, i % 10, 5000000000 + i, 'new' from generate_series(1, 6000) i on conflict do nothing",
  "insert into t select k, 1, 1, u, 'again' from t where a < 5 on conflict (u) do update set a = t.a + 1, s = excluded.s returning k, s",
  "update t set u = u + 1 where b = 6 and u > 0",
  "insert into v select k, a, u from t where b > 1 on conflict do nothing",
  "update v set n = n + 1 where k in (select k from t where a = 1)",
  "delete from t where a in (2, 3) and k in (select k from v)",
  "delete from t where b < 3 or b > 12",
  "update t set u = u + 3000000000 where a < 3",
  "alter table t drop constraint t_pkey",
  "alter table t drop constraint t_pkey, add unique (a, k, u)",
  "alter table t add primary key (u)",
  "alter table t add primary key (k)",
  "alter table t add primary key (s, k)",
  "alter table t add primary key (b, u desc), add check (b > -100000)",
  "alter table t add primary key (a, b)",
  "update t x set u = x.u + 6000000000 from t y where y.k = x.k - 1 and y.a < 4",
  "merge into t using (select min(k) m, u from t where a < 4 group by u) d on d.u = t.u when matched and b > 6 then delete when matched then update set a = 0, u = d.u + 7000000000",
  "merge into t using (select i from generate_series(1, 8000) i) d on d.i = t.u when matched then update set b = t.b + 1 when not matched and i % 2 = 0 then insert values (9000000 + i, 1, i % 10, i, 'merged')",
  "merge into v using t on t.k = v.k when matched and t.a = 2 then delete when matched then update set n = n + 1 when not matched and t.b > 3 then insert values (t.k, t.a, t.u)",
};

static void outcome_is_that_of_running_last(uint64_t number)
{
  struct bench bench, judge, recovered;
  seed = number;
  bench_open(&bench, number % 2 ? 5 : 4000, true);
  bench_open(&judge, 1000000, true);
  const char *key = number % 3 ? "k int8 primary key" : "k int8";
  char text[512];
  snprintf(text, sizeof text, "create table t (%s, a int, b int, u int8 unique, s text, l text)", key);
  for (struct bench *each = &bench;; each = &judge) {
    bench_greet(each);
    does(each, OTHER, text);
    does(each, OTHER, "create index on t (b); create index on t (s, a); create index on t (k)");
    does(each, OTHER, number % 5 == 1 ? "create table v (k int8, n int, u int8 references t (u) on update cascade on delete set null deferrable initially deferred, check (n < 1000000 or u > -1000000))"
                                      : "create table v (k int8 primary key, n int, u int8)");
    does(each, OTHER, "create index on v (n)");
    snprintf(text, sizeof text, "begin; insert into t select i, i %% 6, i %% 10, i, 'row' from generate_series(1, %d) i; commit",
             number % 4 ? KEYS : 300);
    does(each, OTHER, text);
    if (each == &judge)
      break;
    snprintf(text, sizeof text, "create table t (%s, a int, b int, u int8 unique, s text, l text)", key);
  }
  for (int i = 0; i < 3; i++) {
    const char *statement = statements[draw(sizeof statements / sizeof *statements)];
    is_elsewhere = draw(3) == 0;
    send(&bench, CHANGER, statement);
    int large = draw(4) == 0 ? 3 : 0;
    for (; bench.job; large--) {
      struct job *job = bench.job;
      bench.job = NULL; // others' reads may be jobs, too
      others_change(&bench, &judge, large > 0);
      bench.job = job;
      run_job(&bench);
      bench.job = NULL;
      others_change(&bench, &judge, large > 0);
      bench.job = job;
      end_job(&bench, CHANGER);
    }
    assert_true(is_ready(&bench, CHANGER));
    send(&judge, CHANGER, statement);
    finish(&judge, CHANGER);
    same_tags(&bench, &judge, CHANGER);
    assert_int_equal(bench.replies[CHANGER].size, judge.replies[CHANGER].size); // with what RETURNING gives
    same_rows(&bench, &judge);
    is_whole(&bench);
  }
  recover(&bench, &recovered);
  same_rows(&recovered, &judge);
  is_whole(&recovered);
  bench_close(&recovered);
  bench_close(&judge);
  bench_close(&bench);
}

static void the_outcome_is_that_of_running_last(void **state)
{
  const char *from = getenv("QUERN_SEED");
  uint64_t first = from ? strtoull(from, NULL, 10) : 1;
  for (uint64_t number = first; number < first + (from ? 500 : 12); number++)
    outcome_is_that_of_running_last(number);
}

// --- What comes between -------------------------------------------------------------------------------------------

static int setup(void **state)
{
  static struct bench bench;
  bench_open(&bench, 5, true);
  bench_greet(&bench);
  does(&bench, OTHER, "create table t (k int8 primary key, a int check (a < 1000), b int, u int8 unique, s text)");
  does(&bench, OTHER, "begin; insert into t select i, i % 6, i % 10, i, 'row' from generate_series(1, 6000) i; commit");
  *state = &bench;
  return 0;
}

static int teardown(void **state)
{
  is_whole(*state);
  bench_close(*state);
  return 0;
}

static const char *value(struct bench *bench, const char *text)
{
  static char result[64];
  struct bytes body;
  size_t at = 0;
  does(bench, THIRD, text);
  result[0] = 0;
  for (char type; (type = next_message(bench, THIRD, &at, &body));)
    if (type == 'D' && body.size > 6)
      snprintf(result, sizeof result, "%.*s", (int)get_be32(body.data + 2), (const char *)body.data + 6);
  return result;
}

static void an_index_that_cannot_be_unique_says_so(void **state)
{
  struct bench *bench = *state;
  send(bench, CHANGER, "create unique index on t (a)");
  finish(bench, CHANGER);
  assert_string_equal(tag(bench, CHANGER), "ERROR 23505");
  does(bench, OTHER, "update t set b = k where k > 0");
  send(bench, CHANGER, "create unique index on t (b)");
  struct job *job = bench->job;
  run_job(bench);
  bench->job = NULL;
  does(bench, OTHER, "update t set b = 5 where k = 76");
  bench->job = job;
  end_job(bench, CHANGER);
  assert_string_equal(tag(bench, CHANGER), "ERROR 23505");
  send(bench, CHANGER, "create unique index on t (b, a)");
  job = bench->job;
  run_job(bench);
  bench->job = NULL;
  does(bench, OTHER, "update t set b = 79 where k = 78"); // as another row has, but not in both
  bench->job = job;
  end_job(bench, CHANGER);
  assert_string_equal(tag(bench, CHANGER), "CREATE INDEX");
  assert_string_equal(value(bench, "select value from quern.metrics where name = 'quern_long_changes_total' and labels like '%attached%'"), "2");
}

static void a_definition_that_changes_sends_it_to_the_loop(void **state)
{
  struct bench *bench = *state;
  send(bench, CHANGER, "update t set a = 7 where b = 3");
  struct job *job = bench->job;
  bench->job = NULL;
  does(bench, OTHER, "alter table t add column more int default 1");
  bench->job = job;
  run_job(bench);
  end_job(bench, CHANGER);
  assert_string_equal(tag(bench, CHANGER), "UPDATE 600");
  assert_string_equal(value(bench, "select count(*) from t where a = 7 and more = 1"), "600");
  assert_string_equal(value(bench, "select value from quern.metrics where name = 'quern_long_changes_total' and labels like '%loop%'"), "1");
}

static void a_claim_is_waited_for(void **state)
{
  struct bench *bench = *state;
  does(bench, OTHER, "begin");
  does(bench, OTHER, "select * from t where k = 13 for update");
  send(bench, CHANGER, "update t set a = a + 1 where b = 3");
  run_job(bench);
  end_job(bench, CHANGER);
  assert_string_equal(tag(bench, CHANGER), ""); // it stands in the queue
  does(bench, OTHER, "update t set a = 100 where k = 13");
  send(bench, OTHER, "commit");
  step(bench, NULL);
  finish(bench, CHANGER);
  assert_string_equal(tag(bench, CHANGER), "UPDATE 600");
  assert_string_equal(value(bench, "select a from t where k = 13"), "101");
}

// The statement is run, while others do something.
static void beside(struct bench *bench, const char *statement, const char *others)
{
  send(bench, CHANGER, statement);
  struct job *job = bench->job;
  assert_non_null(job);
  run_job(bench);
  bench->job = NULL;
  does(bench, OTHER, others);
  bench->job = job;
  end_job(bench, CHANGER);
}

static void a_claim_on_what_a_join_changes_is_waited_for(void **state)
{
  struct bench *bench = *state;
  does(bench, OTHER, "begin");
  beside(bench, "update t set a = a + 1 from (select 3 as b) d where t.b = d.b", "select * from t where k = 13 for update");
  assert_string_equal(tag(bench, CHANGER), "");
  does(bench, OTHER, "rollback");
  finish(bench, CHANGER);
  assert_string_equal(tag(bench, CHANGER), "UPDATE 600");
}

static const char *const rounds = "select value from quern.metrics where name = 'quern_long_change_rounds_total'";

static void a_key_that_is_added_moves_all_rows(void **state)
{
  struct bench *bench = *state, recovered;
  does(bench, OTHER, "create table heap (a int8, b int8)");
  does(bench, OTHER, "create index on heap (b)");
  does(bench, OTHER, "begin; insert into heap select k, k % 7 from t; commit");
  beside(bench, "alter table heap add primary key (a)", "update heap set b = 100 where a = 77; delete from heap where a = 78; insert into heap values (-1, 100)");
  assert_string_equal(tag(bench, CHANGER), "ALTER TABLE");
  assert_string_equal(value(bench, rounds), "0");
  assert_string_equal(value(bench, "select value from quern.metrics where name = 'quern_long_changes_total' and labels like '%attached%'"), "1");
  assert_string_equal(value(bench, "select count(*) from heap where b = 100"), "2");
  assert_string_equal(value(bench, "select b from heap where a = 77"), "100");
  does(bench, OTHER, "insert into heap values (78, 5) on conflict (a) do nothing");
  recover(bench, &recovered);
  assert_string_equal(value(&recovered, "select count(*) from heap where a between -1 and 6000"), "6001");
  is_whole(&recovered);
  bench_close(&recovered);
}

static void a_key_that_is_added_must_be_unique(void **state)
{
  struct bench *bench = *state;
  does(bench, OTHER, "create table heap (a int8, b int8)");
  does(bench, OTHER, "begin; insert into heap select k, k % 7 from t; commit");
  send(bench, CHANGER, "alter table heap add primary key (b)");
  finish(bench, CHANGER);
  assert_string_equal(tag(bench, CHANGER), "ERROR 23505");
  beside(bench, "alter table heap add primary key (a)", "insert into heap values (77, 1)");
  finish(bench, CHANGER);
  assert_string_equal(tag(bench, CHANGER), "ERROR 23505");
  beside(bench, "alter table heap add primary key (a)", "update heap set a = null where a = 77");
  finish(bench, CHANGER);
  assert_string_equal(tag(bench, CHANGER), "ERROR 23502");
  assert_string_equal(value(bench, "select count(*) from heap"), "6001");
}

static void rows_without_a_key_keep_apart(void **state)
{
  struct bench *bench = *state;
  does(bench, OTHER, "create table heap (a int8)");
  does(bench, OTHER, "begin");
  does(bench, OTHER, "insert into heap values (1)");
  beside(bench, "insert into heap select k from t", "insert into heap values (2); commit");
  finish(bench, CHANGER);
  assert_string_equal(tag(bench, CHANGER), "INSERT 0 6000");
  assert_string_equal(value(bench, "select count(*) from heap"), "6002");
  assert_string_equal(value(bench, rounds), "0");
}

static void what_it_read_before_leaves_nothing(void **state)
{
  struct bench *bench = *state, recovered;
  does(bench, OTHER, "create table copy (k int8 primary key)");
  beside(bench, "insert into copy select k from t where b = 3 returning k", "update t set b = 4 where k = 13");
  finish(bench, CHANGER);
  assert_string_equal(tag(bench, CHANGER), "INSERT 0 599");
  assert_string_equal(value(bench, rounds), "1");
  struct bytes body;
  size_t at = 0, rows = 0;
  for (char type; (type = next_message(bench, CHANGER, &at, &body));)
    rows += type == 'D';
  assert_int_equal(rows, 599);
  recover(bench, &recovered);
  assert_string_equal(value(&recovered, "select count(*) from copy"), "599");
  bench_close(&recovered);
}

static void what_is_deferred_is_checked(void **state)
{
  struct bench *bench = *state;
  does(bench, OTHER, "create table child (k int8 primary key, u int8 references t (u) deferrable initially deferred)");
  send(bench, CHANGER, "insert into child select k, k + 1 from t");
  finish(bench, CHANGER);
  assert_string_equal(tag(bench, CHANGER), "ERROR 23503");
  beside(bench, "insert into child select k, k from t where k < 1000", "delete from t where u = 999");
  finish(bench, CHANGER);
  assert_string_equal(tag(bench, CHANGER), "INSERT 0 998");
  assert_string_equal(value(bench, "select count(*) from child"), "998");
}

static void what_never_rests_ends_on_the_loop(void **state)
{
  struct bench *bench = *state;
  does(bench, OTHER, "create table sums (b int primary key, total int8)");
  send(bench, CHANGER, "insert into sums select b, sum(a) from t group by b returning total");
  int runs = 0;
  for (; bench->job; runs++) {
    struct job *job = bench->job;
    run_job(bench);
    bench->job = NULL;
    does(bench, OTHER, "update t set a = a + 1 where k = 7");
    bench->job = job;
    end_job(bench, CHANGER);
  }
  assert_string_equal(tag(bench, CHANGER), "INSERT 0 10");
  assert_int_equal(runs, 4);
  assert_string_equal(value(bench, "select count(*) from sums s where total = (select sum(a) from t where t.b = s.b)"), "10");
}

static void errors_leave_nothing(void **state)
{
  struct bench *bench = *state;
  send(bench, CHANGER, "update t set a = 10 / (5000 - k)");
  finish(bench, CHANGER);
  assert_string_equal(tag(bench, CHANGER), "ERROR 22012");
  send(bench, CHANGER, "update t set a = k");
  finish(bench, CHANGER);
  assert_string_equal(tag(bench, CHANGER), "ERROR 23514");
  send(bench, CHANGER, "update t set a = 10 / (9000 - k)");
  struct job *job = bench->job;
  run_job(bench);
  bench->job = NULL;
  does(bench, OTHER, "insert into t values (9000, 1, 1, 9000, 'zero')");
  bench->job = job;
  end_job(bench, CHANGER);
  assert_string_equal(tag(bench, CHANGER), "ERROR 22012");
  assert_string_equal(value(bench, "select count(*) from t where a = k % 6"), "6000");
}

static void a_cancel_ends_it(void **state)
{
  struct bench *bench = *state;
  for (int is_run = 0; is_run < 2; is_run++) {
    send(bench, CHANGER, "delete from t");
    if (is_run)
      run_job(bench);
    step(bench, &(struct frame){.kind = FRAME_CANCEL, .session = CHANGER});
    if (!is_run)
      run_job(bench);
    end_job(bench, CHANGER);
    assert_string_equal(tag(bench, CHANGER), "ERROR 57014");
  }
  assert_string_equal(value(bench, "select count(*) from t"), "6000");
}

static void a_client_that_goes_takes_it_along(void **state)
{
  struct bench *bench = *state;
  send(bench, CHANGER, "delete from t");
  step(bench, &(struct frame){.kind = FRAME_CLOSE, .session = CHANGER});
  run_job(bench);
  end_job(bench, CHANGER);
  assert_string_equal(value(bench, "select count(*) from t"), "6000");
  step(bench, &(struct frame){.kind = FRAME_OPEN, .session = CHANGER});
}

static void rounds_that_do_not_shrink_end_on_the_loop(void **state)
{
  struct bench *bench = *state;
  send(bench, CHANGER, "update t set b = b + 1");
  int count = 0;
  for (; bench->job; count++) {
    struct job *job = bench->job;
    run_job(bench);
    bench->job = NULL;
    does(bench, OTHER, "begin; update t set a = a + 1; commit");
    bench->job = job;
    end_job(bench, CHANGER);
  }
  assert_string_equal(tag(bench, CHANGER), "UPDATE 6000");
  assert_true(count > 1 && count < 10);
  char expected[64];
  snprintf(expected, sizeof expected, "%d", count * 6000);
  assert_string_equal(value(bench, "select count(*) * 0 + sum(a - k % 6) from t where b = k % 10 + 1"), expected);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_outcome_is_that_of_running_last),
    cmocka_unit_test_setup_teardown(an_index_that_cannot_be_unique_says_so, setup, teardown),
    cmocka_unit_test_setup_teardown(a_definition_that_changes_sends_it_to_the_loop, setup, teardown),
    cmocka_unit_test_setup_teardown(a_claim_is_waited_for, setup, teardown),
    cmocka_unit_test_setup_teardown(a_claim_on_what_a_join_changes_is_waited_for, setup, teardown),
    cmocka_unit_test_setup_teardown(a_key_that_is_added_moves_all_rows, setup, teardown),
    cmocka_unit_test_setup_teardown(a_key_that_is_added_must_be_unique, setup, teardown),
    cmocka_unit_test_setup_teardown(rows_without_a_key_keep_apart, setup, teardown),
    cmocka_unit_test_setup_teardown(what_it_read_before_leaves_nothing, setup, teardown),
    cmocka_unit_test_setup_teardown(what_is_deferred_is_checked, setup, teardown),
    cmocka_unit_test_setup_teardown(what_never_rests_ends_on_the_loop, setup, teardown),
    cmocka_unit_test_setup_teardown(errors_leave_nothing, setup, teardown),
    cmocka_unit_test_setup_teardown(a_cancel_ends_it, setup, teardown),
    cmocka_unit_test_setup_teardown(a_client_that_goes_takes_it_along, setup, teardown),
    cmocka_unit_test_setup_teardown(rounds_that_do_not_shrink_end_on_the_loop, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
