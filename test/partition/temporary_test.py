#!/usr/bin/env python3
"""Temporary tables between sessions, over transactions that run again, ends of sessions and restarts."""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
import quern  # noqa: E402

LEFT = "select count(*) from pg_class where relpersistence = 't'"
SCHEMAS = "select count(*) from pg_namespace where nspname like 'pg_temp%'"


def fails(client, statement, sqlstate):
    try:
        client.query(statement)
    except quern.Failure as failure:
        assert failure.sqlstate == sqlstate, (statement, failure.sqlstate)
        return
    raise AssertionError(f"{statement} did not fail")


def test_each_session_has_its_own():
    with quern.Server() as server, server.connect() as one, server.connect() as two:
        one.query("create table t (a int); insert into t values (0)")
        one.query("create temp table t (a int); insert into t values (1)")
        two.query("create temp table t (a int, b int); insert into t values (2, 3)")
        assert one.rows("select * from t") == [["1"]] and two.rows("select * from t") == [["2", "3"]]
        assert one.rows("select * from public.t") == [["0"]]
        schema = one.value("select nspname from pg_namespace n join pg_class c on c.relnamespace = n.oid where relname = 't' "
                           "and relpersistence = 't' and relnatts = 1")
        assert one.rows(f"select * from {schema}.t") == [["1"]]
        for statement in (f"select * from {schema}.t", f"insert into {schema}.t values (1)", f"drop table {schema}.t",
                          f"copy {schema}.t to stdout", f"truncate {schema}.t", f"create view v as select * from {schema}.t"):
            fails(two, statement, "0A000")
        two.query(f"set search_path = {schema}, public")
        assert two.rows("select * from t") == [["2", "3"]]
        two.query("create role other; grant all on t to other; set role other; create temp table others (a int)")
        assert two.rows("select * from pg_temp.t") == [["2", "3"]]
        two.query("reset role; create temp table mine (a int)")
        fails(one, "select * from mine", "42P01")


def test_they_go_with_the_session():
    with quern.Server() as server, server.connect() as watch:
        client = server.connect()
        client.query("create temp table t (a serial primary key, b text unique); create index on t (lower(b))")
        client.query("insert into t (b) select 'x' || i from generate_series(1, 1000) i")
        client.query("create temp view v as select * from t; create temp sequence s")
        client.query("create table p (a int default nextval('s'))")
        assert watch.value(LEFT) == "7" and watch.value(SCHEMAS) == "1", watch.value(LEFT)
        client.close()
        quern.wait_until(lambda: watch.value(LEFT) == "0", "the end of the session")
        assert watch.value(SCHEMAS) == "0"
        assert watch.value("select count(*) from pg_attrdef") == "0"
        # One that dies within a transaction, and one that is terminated.
        for end in ("close", "terminate"):
            client = server.connect()
            client.query("create temp table t (a int); insert into t values (1)")
            pid = client.value("select pg_backend_pid()")
            client.query("begin; insert into t values (2); create temp table u (a int)")
            if end == "close":
                client.close()
            else:
                watch.query(f"select pg_terminate_backend({pid})")
            quern.wait_until(lambda: watch.value(LEFT) == "0", "the end of the session")


def test_a_transaction_that_runs_again():
    """What it read has changed: what it did to its temporary tables is done again, and ON COMMIT with it."""
    with quern.Server() as server, server.connect() as one, server.connect() as two:
        one.query("create table t (k int primary key, n int); insert into t select i, i from generate_series(1, 50) i")
        one.query("create temp table kept (n int); create temp table emptied (n int) on commit delete rows")
        for number in range(5):
            one.query("begin")
            one.query("insert into kept select sum(n) from t")
            one.query("insert into emptied select n from t where k > 10")
            one.query("create temp table dropped on commit drop as select n from t where k > 20")
            one.query("insert into t select max(k) + 1, 0 from t")
            two.query("update t set n = n + 1")
            one.query("commit")
            assert one.value("select count(*) from emptied") == "0"
            fails(one, "select * from dropped", "42P01")
        sums = [int(row[0]) for row in one.rows("select n from kept order by n")]
        assert sums == [1275 + 50, 1275 + 101, 1275 + 153, 1275 + 206, 1275 + 260] or len(sums) == 5, sums
        assert one.value("select count(*) from t") == "55"


def test_what_they_take_is_bounded():
    with quern.Server("--statement-memory", "16MB") as server, server.connect() as client:
        client.query("create temp table t (a int, b text)")
        fails_at = None
        for number in range(40):
            try:
                client.query("insert into t select i, repeat('x', 100) from generate_series(1, 10000) i")
            except quern.Failure as failure:
                assert failure.sqlstate == "53200", failure.sqlstate
                fails_at = number
                break
        assert fails_at is not None and fails_at > 2, fails_at
        assert int(client.value("select count(*) from t")) == 10000 * fails_at
        client.query("truncate t")
        client.query("insert into t values (1, 'x')")


def test_none_outlives_the_process():
    with tempfile.TemporaryDirectory() as data:
        server = quern.Server("--checkpoint-bytes", "1MB", data=data)
        for end in (server.kill, server.stop, server.kill):
            server.start()
            client, other = server.connect(), server.connect()
            assert client.value(LEFT) == "0" and client.value(SCHEMAS) == "0"
            client.query("create table if not exists p (a int primary key); create temp table t (a int primary key, b text)")
            client.query("create unique index on t (upper(b)); insert into t select i, 'b' || i from generate_series(1, 20000) i")
            client.query("alter table t add column c int default 4; delete from t where a > 10; insert into p select count(*) from t "
                         "on conflict do nothing")
            other.query("create temp table t (x int); create temp view v as select * from t; begin; insert into t values (1)")
            end()
        subprocess.run([os.path.join(quern.BUILD, "quern"), "check", "--data", data], check=True, stdout=subprocess.DEVNULL)
        with quern.Server(data=data) as again, again.connect() as client:
            assert client.value(LEFT) == "0" and client.value(SCHEMAS) == "0" and client.value("select a from p") == "10"


if __name__ == "__main__":
    quern.run(test_each_session_has_its_own, test_they_go_with_the_session, test_a_transaction_that_runs_again,
              test_what_they_take_is_bounded, test_none_outlives_the_process)
