#!/usr/bin/env python3
"""Savepoints beside other clients: what was undone had been seen all the same."""

import os
import sys

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
import quern  # noqa: E402
from steps import Bench, equal  # noqa: E402

TABLE = ("create table t (k int primary key, v int check (v < 1000))", "insert into t values (1, 0), (2, 0), (3, 0)")
BOTH = (False, True)


def test_what_was_seen_before_a_rollback_to_is_a_promise():
    for extended in BOTH:
        with Bench(*TABLE) as bench:
            bench.does("a", "begin", "savepoint s", "select v from t where k = 2", "rollback to s", extended=extended)
            bench.does("b", "update t set v = 1 where k = 2")
            bench.does("a", "update t set v = 1 where k = 1", extended=extended)
            equal(bench.does("a", "commit", extended=extended), "40001")


def test_an_error_before_a_rollback_to_is_a_promise():
    for extended in BOTH:
        with Bench(*TABLE) as bench:
            for change, outcome in (("update t set v = 2 where k = 3", "COMMIT"), ("delete from t where k = 1", "40001")):
                bench.does("a", "begin", "update t set v = v + 1 where k = 2", "savepoint s", extended=extended)
                equal(bench.does("a", "insert into t values (1, 7)", extended=extended), "23505")
                bench.does("a", "rollback to s", extended=extended)
                bench.does("b", change)
                equal(bench.does("a", "commit", extended=extended), outcome)


def test_definitions_that_an_error_told_of_are_a_promise():
    for extended in BOTH:
        with Bench(*TABLE) as bench:
            bench.does("a", "begin", "update t set v = v + 1 where k = 2", "savepoint s", extended=extended)
            equal(bench.does("a", "select * from nothing_yet", extended=extended), "42P01")
            bench.does("a", "rollback to s", extended=extended)
            bench.does("b", "create table nothing_yet (x int)")
            equal(bench.does("a", "commit", extended=extended), "40001")


def test_effects_are_undone_once_more_at_a_second_run():
    with Bench(*TABLE) as bench:
        bench.does("a", "begin", "update t set v = v + 1 where k = 1", "savepoint s", "update t set v = v + 10 where k = 1",
                   "update t set v = v + 10 where k = 2", "rollback to s", "update t set v = v + 100 where k = 2",
                   "savepoint s", "update t set v = 5000 where k = 9", "release s")
        bench.does("b", "update t set v = v + 3 where k in (1, 2)")
        equal(bench.does("a", "commit"), "COMMIT")
        equal(bench.does("b", "select v from t order by k"), ["4", "103", "0"])


def test_a_branch_that_moves_keeps_its_savepoints():
    with Bench(*TABLE) as bench:
        bench.does("b", "begin", "select v from t where k = 3 for update")
        bench.does("a", "begin", "update t set v = v + 1 where k = 1", "savepoint one", "update t set v = v + 10 where k = 2",
                   "savepoint two", "update t set v = v + 100 where k = 1")
        bench.waits("a", "select v from t where k = 3 for update")
        bench.does("b", "update t set v = 7 where k = 3", "update t set v = 1 where k = 2", "commit")
        equal(bench.answer("a"), ["7"])
        equal(bench.does("a", "select v from t order by k"), ["101", "11", "7"])
        bench.does("a", "rollback to two")
        equal(bench.does("a", "select v from t order by k"), ["1", "11", "7"])
        bench.does("a", "rollback to one")
        equal(bench.does("a", "select v from t order by k"), ["1", "1", "7"])
        equal(bench.does("a", "commit"), "COMMIT")


def test_a_failed_promise_cannot_be_rolled_back_to_life():
    with Bench(*TABLE) as bench:
        bench.does("b", "begin", "select v from t where k = 3 for update")
        bench.does("a", "begin", "select v from t where k = 1", "savepoint s")
        bench.waits("a", "select v from t where k = 3 for update")
        bench.does("b", "update t set v = 7 where k = 1", "commit")
        equal(bench.answer("a"), "40001")
        equal(bench.does("a", "rollback to s"), "25P02")
        equal(bench.does("a", "commit"), "ROLLBACK")


def test_ten_thousand_savepoints():
    with Bench(*TABLE) as bench:
        client = bench.client("a")
        for texts in (
            ["savepoint s; update t set v = v + 0 where k = 1"] * 10000 + ["rollback to s"] * 2,
            ["savepoint s; update t set v = 1 where k = 1; rollback to s; release s"] * 10000,
        ):
            client.query("begin")
            for text in texts:
                client.query(text)
            bench.does("b", "update t set v = v + 1 where k = 3")
            equal(client.query("commit").tags, ["COMMIT"])
        equal(bench.does("b", "select v from t order by k"), ["0", "0", "2"])


quern.run(*[test for name, test in sorted(globals().items()) if name.startswith("test_")])
