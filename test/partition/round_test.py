#!/usr/bin/env python3
"""Rounds: what a transaction has read at length is looked at again on a worker before it commits."""

import os
import sys

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
import quern  # noqa: E402
from steps import Bench, equal  # noqa: E402

ROWS = 30000  # more than a statement may look at on the loop
TABLES = ("create table t (k int primary key, v int)", f"insert into t select i, 0 from generate_series(1, {ROWS}) i",
          "create table u (k int primary key, v int)", "insert into u values (1, 0), (2, 0)")
LONG = "select count(*) from t where v >= 0"
LONGER = "select count(*) from t a, t b where a.v >= 0 and b.k <= 300"


def rounds(bench):
    return int(bench.value("select value from quern.metrics where name = 'quern_commit_rounds_total'"))


def test_the_same_reply_commits():
    with Bench(*TABLES) as bench:
        for way, text in enumerate(("update t set v = v + 1 where k = 5", "insert into t values (0, -1)")):
            bench.does("a", "begin")
            bench.send("a", LONG)
            equal(bench.answer("a"), [str(ROWS)])
            bench.does("a", "update u set v = v + 1 where k = 1")
            bench.does("b", text)
            bench.send("a", "commit")
            equal(bench.answer("a"), "COMMIT")
            equal(rounds(bench), way + 1)
        equal(bench.value("select v from u where k = 1"), "2")


def test_another_reply_fails():
    with Bench(*TABLES) as bench:
        bench.does("a", "begin")
        bench.send("a", LONG)
        bench.answer("a")
        bench.does("a", "update u set v = v + 1 where k = 1")
        bench.does("b", "delete from t where k = 5")
        bench.send("a", "commit")
        equal(bench.answer("a"), "40001")
        equal(rounds(bench), 1)
        equal(bench.does("a", "select v from u where k = 1"), ["0"])


def test_what_the_transaction_changed_itself_is_seen():
    with Bench(*TABLES) as bench:
        bench.does("a", "begin", "delete from t where k = 7")
        bench.send("a", LONG)
        equal(bench.answer("a"), [str(ROWS - 1)])
        bench.does("b", "update t set v = v + 1 where k = 5")
        bench.send("a", "commit")
        equal(bench.answer("a"), "COMMIT")
        equal(rounds(bench), 0)  # no other version shows it
        equal(bench.value(LONG), str(ROWS - 1))


def test_a_claim_that_was_waited_for():
    with Bench(*TABLES) as bench:
        for text, told in (("update t set v = v + 1 where k = 5", ["1"]), ("delete from t where k = 5", "40001")):
            bench.does("c", "begin", "update u set v = v + 1 where k = 2", "select v from u where k = 2")
            bench.does("a", "begin")
            bench.send("a", LONG)
            equal(bench.answer("a"), [str(ROWS)])
            bench.waits("a", "select v from u where k = 2 for update")
            bench.does("b", text)
            bench.does("c", "commit")
            equal(bench.answer("a"), told)
            bench.does("a", "rollback")
        equal(rounds(bench), 2)


def cancel(bench, name):
    backend, secret = bench.client(name).backend
    with quern.Client(bench.server.port, start=False) as client:
        client.send(quern.struct.pack("!iiii", 16, 80877102, backend, secret))
        client.read_message()


def commit_slowly(bench):
    """A transaction whose second look takes much longer than a few questions."""
    bench.does("a", "begin")
    bench.send("a", LONGER)
    equal(bench.answer("a"), [str(ROWS * 300)])
    bench.does("a", "update u set v = v + 1 where k = 1")
    bench.does("b", "update t set v = v + 1 where k = 5")
    bench.waits("a", "commit")


def test_a_cancel_ends_it():
    with Bench(*TABLES) as bench:
        commit_slowly(bench)
        cancel(bench, "a")
        equal(bench.answer("a"), "57014")
        equal(bench.does("a", "select v from u where k = 1"), ["0"])
        equal(bench.value("select count(*) from quern.transactions"), "0")


def test_a_client_that_vanishes_leaves_nothing():
    with Bench(*TABLES) as bench:
        commit_slowly(bench)
        bench.clients.pop("a").close()
        while bench.value("select count(*) from pg_stat_activity where query like 'commit%'") != "0":
            pass
        equal(bench.value("select v from u where k = 1"), "0")
        bench.does("b", "update u set v = 5 where k = 1")


quern.run(*[test for name, test in sorted(globals().items()) if name.startswith("test_")])
