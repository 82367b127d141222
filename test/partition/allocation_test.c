// An allocation that fails, one after another through all that the core does: whatever it was for, the statement ends with
// an error or its conversation does, and the partition goes on; every tree and table is whole, nothing is half done, and
// what the log got makes the same state.
//
// `test_partition_allocation all` refuses each, `test_partition_allocation N` the Nth (support/refuse.h).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "partition/partition.h"
#include "../support/refuse.h"

// --- The scenario -------------------------------------------------------------------------------------------------

// Each is a Query. "copy …" is followed by its rows, "wait" by whatever jobs are out.
static const char *const scenario[] = {
  "create table t (k int primary key, v text, n numeric(20,4) default 1.5, a int[], j jsonb, d date, check (k > -100))",
  "create unique index on t (v)",
  "create table parent (id serial primary key, u int unique deferrable)",
  "create table child (id int references parent on delete cascade on update set null, x text)",
  "create index on child (x)",
  "insert into t select i, 'row ' || i, i * 1.25, array[i, i + 1], jsonb_build_object('i', i), date '2020-01-01' + i from generate_series(1, 60) i",
  "insert into parent (u) select i from generate_series(1, 5) i; insert into child values (1, 'a'), (2, 'b'), (2, 'c')",
  "insert into t (k, v) values (7, 'again') on conflict (k) do update set v = excluded.v || t.v returning *",
  "insert into t (k, v) values (7, 'again')",
  "insert into t (k, v) values (8, 'x') on conflict do nothing",
  "select v, sum(n), array_agg(k order by k) from t group by v order by 2 desc, 1 limit 5",
  "select v, sum(n), count(distinct d), max(a) from t group by v having sum(n) > 3 order by 2 desc, 1 limit 5",
  "select * from t a join t b on a.k = b.k + 1 left join child on child.id = a.k where a.n > 3 and b.v like 'row%' order by a.d desc, b.k",
  "select distinct j->>'i', a[1] from t where k in (select id from child) or exists (select from parent where u = t.k)",
  "select jsonb_array_elements('[1, {\"a\": [2]}]'), generate_series(1, 3)",
  "select * from jsonb_array_elements('[1, {\"a\": [2]}]') e, unnest(array['x', 'y']) with ordinality",
  "update t set n = n + 1, v = v || 'y', a[2] = 5, j = j || '{\"b\": null}' where k between 5 and 25",
  "update t set n = n * 2 where n > 0",
  "update t set v = 'twin' where k in (30, 31)",
  "delete from t where k % 5 = 0",
  "delete from parent where id = 2",
  "update acct set v = v - 5 where k = 1; update acct set v = v + 5 where k = 2",
  "begin; update acct set v = v - 1 where k = 1; savepoint s; update acct set v = v + 100 where k = 1; rollback to s; update acct set v = v + 1 where k = 2; commit",
  "begin; select count(*) from t where n > 1; update acct set v = v - 2 where k = 3; select v from acct where k = 3 for update; update acct set v = v + 2 where k = 4; commit",
  "begin; set constraints all deferred; insert into parent (u) values (1); delete from parent where u = 1 and id = 1; commit",
  "begin; declare c cursor with hold for select k, v from t order by k desc; fetch 3 from c; move 2 in c; commit; fetch backward 2 from c; close c",
  "select k, sum(k) over (order by v, k rows 1 preceding), rank() over (order by v), min(v) over (order by k range between 1 "
  "preceding and 1 following exclude ties), string_agg(v, $$,$$) over (order by k groups 1 preceding) from t",
  "select v, grouping(v, n), array_agg(distinct k order by k desc), string_agg(v, $$,$$ order by n, k), "
  "percentile_cont(array[0.1, 0.9]) within group (order by k), rank(3, 4) within group (order by k, n) from t "
  "group by rollup (v, n)",
  "select v, generate_series(1, count(*)), unnest(array_agg(k)) from t group by v",
  "prepare p (int, text) as select * from t where k = $1 or v = $2; execute p (3, 'row 9'); deallocate p",
  "explain select * from t a join child on a.k = child.id where a.v > 'x' order by n",
  "copy t (k, v, n) from stdin",
  "copy t (k, v) from stdin with (format csv, delimiter '\t', null '\\N', force_null (v)) where k > 1000 or random() > 2",
  "copy t to stdout (format csv, header)",
  "copy (update t set n = n + 1 where k < 3 returning *) to stdout (format binary)",
  "merge into t using (select id + 1 as i, x from child union all values (3000, 'm')) s on t.k = s.i when matched and k % 2 = 0 "
  "then delete when matched then update set v = x || v, a[1] = k when not matched then insert (k, v) values (i, x)",
  "create view av as select k, v, upper(v) as loud from t where k > 0 with check option; create view aw as select * from av",
  "insert into aw (k, v) values (5000, 'view'), (5001, 'too') on conflict (k) do update set v = excluded.loud returning *",
  "update aw set v = loud || '!' where k >= 5000 returning loud; delete from aw where k = 5001",
  "update av set k = -1 where k = 5000",
  "select table_name, check_option, is_updatable from information_schema.views; select reloptions from pg_class where relname = 'av'",
  "drop view av cascade",
  "insert into t (k, a[1], a[2]) values (4000, 1, 2) on conflict do nothing returning (select count(*) from t), a",
  "alter table t add column e timestamptz default '2021-02-03 04:05:06+01'; alter table t drop column d; alter table t rename to tt; alter table tt rename to t",
  "alter table t add constraint c check (n is null or n < 1000000); create index ti on t (n desc, k); drop index ti",
  "create sequence q start 3 increment 2 cache 5; select nextval('q'), currval('q'), lastval(); alter sequence q restart; drop sequence q",
  "create source s (k int8 primary key, v text) with (connector = 'push'); create table counts (k int8 primary key, n int8)",
  "create workflow w as insert into counts select k, 1 from s on conflict (k) do update set n = counts.n + 1",
  "insert into s values (1, 'a'), (2, 'b'), (1, 'c')",
  "drop workflow w; drop source s",
  "select name, value from quern.metrics where name like 'quern_m%'; select relname from pg_class where relkind = 'r' order by 1; select * from pg_indexes",
  "select query, state from pg_stat_activity; select * from quern.transactions; select * from pg_locks",
  "set timezone = 'Europe/Stockholm'; show timezone; select to_char(now(), 'YYYY-MM-DD'), '2020-06-01 12:00'::timestamptz; reset timezone",
  "select pg_advisory_lock(5), pg_advisory_unlock(5), md5(v), regexp_replace(v, 'o', '0'), upper(v) from t where k < 4",
  "truncate child; drop table child, parent",
  "begin; create table gone (k int primary key); insert into gone values (1); rollback",
  "create table comp (k int primary key, v text, g text generated always as (v || k) stored); "
  "create unique index on comp (lower(v), (k % 5)) where k > 0; insert into comp values (1, 'A'), (2, 'B') "
  "on conflict (lower(v), (k % 5)) where k > 0 do update set v = excluded.g; update comp set k = k + 10; "
  "select k from comp where lower(v) = 'a' and k % 5 = 1 and k > 0 order by g; alter table comp rename v to w; drop table comp",
  "begin; create temp table tt (a serial, b text) on commit drop; insert into tt (b) values ('x'); create temp view tv as select * from tt; "
  "select * from tv; commit; create temp table tt (a int) on commit delete rows; insert into tt values (1); discard temp",
  "select 1 +; select 2",
  "select * from nothing",
};

static const char copy_rows[] = "1000\tcopied\t1.5\n1001\t\\N\t\\N\n1002\ttwo\t3\n";

static uint64_t refused; // in this run

struct bench {
  struct partition *partition;
  struct step_time time;
  struct buffer log;
  uint32_t session;
  bool is_counted, is_over, is_ready, wants_rows, is_open; // a transaction is
  struct job *jobs[8];
  int job_count;
  bool compares; // rows go to `rows`
  struct buffer rows;
};

static void die(const struct bench *bench, const char *what, const char *why)
{
  fprintf(stderr, "allocation %llu refused: %s: %s\n", (unsigned long long)refused, what, why);
  exit(1);
}

static void read_reply(struct bench *bench, struct bytes payload)
{
  for (size_t at = 0; at + 5 <= payload.size; at += 1 + get_be32(payload.data + at + 1)) {
    char type = (char)payload.data[at];
    bench->is_ready |= type == 'Z';
    if (type == 'Z')
      bench->is_open = payload.data[at + 5] != 'I';
    bench->wants_rows |= type == 'G';
    if (bench->compares && (type == 'D' || type == 'E'))
      buffer_append(&bench->rows, payload.data + at, 1 + get_be32(payload.data + at + 1));
  }
}

static void step(struct bench *bench, const struct frame *frame)
{
  struct error error;
  struct step_output output;
  error_clear(&error);
  bench->time.wall++;
  bench->time.monotonic += 1000;
  if (partition_step(bench->partition, frame, frame != NULL, &bench->time, &output, &error))
    die(bench, "a step", error.message);
  refuse_pause();
  buffer_append_bytes(&bench->log, output.changes);
  for (int i = 0; i < output.frame_count; i++) {
    const struct frame *out = &output.frames[i];
    if (out->kind == FRAME_REPLY)
      read_reply(bench, out->payload);
    if (out->kind == FRAME_JOB)
      bench->jobs[bench->job_count++] = out->job;
    bench->is_over |= out->kind == FRAME_END;
  }
  if (bench->is_counted)
    refuse_go_on();
}

static void send(struct bench *bench, char type, const char *text, size_t size)
{
  refuse_pause();
  struct buffer message = {0};
  buffer_append_u8(&message, (uint8_t)type);
  buffer_append_be32(&message, (uint32_t)size + 4);
  buffer_append(&message, text, size);
  if (bench->is_counted)
    refuse_go_on();
  step(bench, &(struct frame){.kind = FRAME_REQUEST, .session = bench->session, .payload = buffer_bytes(&message)});
  buffer_deinit(&message);
}

static void open_session(struct bench *bench)
{
  bench->session++;
  bench->is_over = false;
  step(bench, &(struct frame){.kind = FRAME_OPEN, .session = bench->session});
}

static void ask(struct bench *bench, const char *text)
{
  bench->is_ready = bench->wants_rows = bench->is_open = false;
  if (bench->is_over) {
    step(bench, &(struct frame){.kind = FRAME_CLOSE, .session = bench->session});
    open_session(bench);
  }
  send(bench, 'Q', text, strlen(text) + 1);
  for (int i = 0; i < 1000 && !bench->is_ready && !bench->is_over; i++) {
    if (bench->wants_rows) {
      bench->wants_rows = false;
      send(bench, 'd', copy_rows, sizeof copy_rows - 1);
      send(bench, 'c', "", 0);
    } else if (bench->job_count) {
      struct job *job = bench->jobs[--bench->job_count];
      job_run(job);
      step(bench, &(struct frame){.kind = FRAME_JOB_DONE, .session = bench->session, .job = job});
    } else {
      step(bench, NULL);
    }
  }
  if (!bench->is_ready && !bench->is_over)
    die(bench, text, "was never answered");
  if (bench->is_open && !bench->is_over)
    ask(bench, "rollback");
}

static void bench_open(struct bench *bench)
{
  struct error error;
  *bench = (struct bench){.time = {1000, 1000}};
  bench->partition = partition_open(&(struct partition_options){.seed = 1, .scan_allowance = 20}, &error);
  if (!bench->partition)
    die(bench, "opening", error.message);
}

static void bench_close(struct bench *bench)
{
  step(bench, &(struct frame){.kind = FRAME_CLOSE, .session = bench->session});
  partition_close(bench->partition);
  buffer_deinit(&bench->log);
  buffer_deinit(&bench->rows);
}

static void found(void *context, const char *table, uint64_t rows, const struct error *fault)
{
  if (fault)
    die(context, table, fault->message);
}

static void recover(struct bench *from, struct bench *to)
{
  struct error error;
  uint64_t position = 0;
  bench_open(to);
  for (size_t at = 0; at < from->log.size;) {
    position = get_le64(from->log.data + at);
    uint32_t size = get_le32(from->log.data + at + 8);
    if (partition_apply(to->partition, bytes_of(from->log.data + at + 12, size), position, &error))
      die(to, "recovery", error.message);
    at += 12 + size;
  }
  if (partition_recovered(to->partition, position, &error))
    die(to, "recovery", error.message);
  open_session(to);
}

static void look(struct bench *bench)
{
  static const char *const texts[] = {"select sum(v) from acct", "select * from t order by k", "select * from counts order by k",
                                      "select * from parent, child where parent.id = child.id order by x"};
  bench->compares = true;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    ask(bench, texts[i]);
  bench->compares = false;
}

// Gives how many allocations there were.
static uint64_t run(uint64_t which)
{
  struct bench bench, recovered;
  struct error error;
  refused = which;
  bench_open(&bench);
  if (partition_recovered(bench.partition, 0, &error))
    die(&bench, "the start", error.message);
  open_session(&bench);
  ask(&bench, "create table acct (k int primary key, v int); insert into acct values (1, 100), (2, 100), (3, 100), (4, 100)");
  bench.is_counted = true;
  refuse_begin(which);
  for (size_t i = 0; i < sizeof scenario / sizeof *scenario; i++)
    ask(&bench, scenario[i]);
  bench.is_counted = false;
  uint64_t allocations = refuse_end();
  error_clear(&error);
  if (partition_verify(bench.partition, found, &bench, &error))
    die(&bench, "the trees", error.message);
  look(&bench);
  recover(&bench, &recovered);
  look(&recovered);
  if (!bytes_equal(buffer_bytes(&bench.rows), buffer_bytes(&recovered.rows)))
    die(&bench, "recovery", "another state");
  static const uint8_t sum[] = {0, 1, 0, 0, 0, 3, '4', '0', '0'};
  if (bench.rows.size < 5 + sizeof sum || memcmp(bench.rows.data + 5, sum, sizeof sum) != 0)
    die(&bench, "acct", "a transaction was done by half");
  bench_close(&recovered);
  bench_close(&bench);
  return allocations;
}

int main(int count, char **arguments)
{
  return refuse_main(count, arguments, run, 150);
}
