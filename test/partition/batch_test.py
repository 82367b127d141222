#!/usr/bin/env python3
"""Statements and batches without BEGIN that must run as branches: they never fail for what others did meanwhile."""

import os
import sys

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
import quern  # noqa: E402
from steps import Bench, equal  # noqa: E402

TABLES = ("create table t (k int primary key, v int)", "insert into t values (1, 0), (2, 0)",
          "create table big (k int primary key)", "insert into big select generate_series(1, 20000)")
LONG = "select count(*) from big"


def send(bench, name, extended, *texts, flush=-1):
    """A batch: a Query of several statements, or a pipeline with a Flush behind one of them."""
    client = bench.client(name)
    if not extended:
        client.send(client.message("Q", "; ".join(texts).encode() + b"\0"))
        return
    data = b""
    for i, text in enumerate(texts):
        data += client.parse(text) + client.bind() + client.execute() + (client.message("H") if i == flush else b"")
    client.send(data + client.message("S"))


def until_it_waits(bench, name):
    asks = f"select count(*) from quern.transactions where session = {bench.client(name).backend[0]} and waits_for is not null"
    while bench.value(asks) != "1":
        pass


def outcome(bench, name):
    """Every row and every error, as they come."""
    rows = []
    while True:
        kind, body = bench.client(name).read_message()
        if kind == b"D":
            rows.append(" ".join(bench.client(name).row(body)))
        elif kind == b"E":
            rows.append(bench.client(name).fields(body)["C"])
        elif kind == b"Z":
            return rows


def test_a_batch_that_has_read_at_length_waits_at_its_end_and_is_told_once():
    for extended in (False, True):
        with Bench(*TABLES) as bench:
            bench.does("b", "begin", "select v from t where k = 1 for update")
            send(bench, "a", extended, LONG, "update t set v = v + 1 where k = 1")
            until_it_waits(bench, "a")
            bench.does("b", "insert into big values (0)", "update t set v = 10 where k = 1", "commit")
            equal(outcome(bench, "a"), ["20001"])
            equal(bench.value("select v from t where k = 1"), "11")


def test_a_batch_that_waits_in_its_middle_starts_again():
    for extended in (False, True):
        with Bench(*TABLES) as bench:
            bench.does("b", "begin", "select v from t where k = 1 for update")
            send(bench, "a", extended, LONG, "select pg_advisory_lock(7)", "select v from t where k = 1 for update",
                 "update t set v = v + 1 where k = 1 returning v")
            until_it_waits(bench, "a")
            bench.does("b", "insert into big values (0)", "update t set v = 10 where k = 1", "commit")
            equal(outcome(bench, "a"), ["20001", "", "10", "11"])
            equal(bench.does("a", "select pg_advisory_unlock(7)"), ["t"])
            equal(bench.does("a", "select pg_advisory_unlock(7)"), ["f"])  # it was taken once
            equal(bench.value("select count(*) from pg_locks"), "0")


def test_a_batch_of_a_circle_steps_back():
    for extended in (False, True):
        with Bench(*TABLES) as bench:
            bench.does("b", "begin", "select v from t where k = 1 for update")
            send(bench, "a", extended, LONG, "update t set v = v + 1 where k = 2 returning v",
                 "update t set v = v + 1 where k = 1 returning v")
            until_it_waits(bench, "a")
            bench.send("b", "update t set v = 5 where k = 2 returning v")
            equal(bench.answer("b"), ["5"])
            bench.does("b", "commit")
            equal(outcome(bench, "a"), ["20000", "6", "1"])


def test_the_errors_of_a_batch_that_started_again_are_told():
    with Bench(*TABLES) as bench:
        bench.does("b", "begin", "select v from t where k = 1 for update")
        send(bench, "a", False, LONG, "update t set v = 100 / (v - 10) where k = 1")
        until_it_waits(bench, "a")
        bench.does("b", "insert into big values (0)", "update t set v = 10 where k = 1", "commit")
        equal(outcome(bench, "a"), ["20001", "22012"])
        equal(bench.does("a", "select v from t where k = 1"), ["10"])


def test_a_pipeline_larger_than_what_is_kept_waiting_starts_again():
    with Bench(*TABLES) as bench:
        bench.does("b", "begin", "select v from t where k = 1 for update")
        send(bench, "a", True, "select v from t where k = 2", *[f"select 1 /* {'x' * 300000} */"] * 5,
             "update t set v = v + 1 where k = 1")
        until_it_waits(bench, "a")
        bench.does("b", "update t set v = 10", "commit")
        equal(outcome(bench, "a"), ["10"] + ["1"] * 5)
        equal(bench.value("select v from t where k = 1"), "11")


def test_what_a_flush_has_told_holds_or_the_rest_fails():
    for change, told in (("insert into big values (0)", ["0", "40001"]), ("select 1", ["0"])):
        with Bench(*TABLES) as bench:
            bench.does("b", "begin", "select v from t where k = 1 for update")
            send(bench, "a", True, "select v from t where k = 2", "update t set v = v + 1 where k = 1", flush=0)
            until_it_waits(bench, "a")
            bench.does("b", "update t set v = 1 where k = 2" if told[1:] else change, "commit")
            equal(outcome(bench, "a"), told)


def test_what_is_committed_in_the_middle_of_a_batch_is_not_done_twice():
    for extended in (False, True):
        for middle in ([LONG], []):
            with Bench(*TABLES) as bench:
                bench.does("b", "begin", "select v from t where k = 1 for update")
                send(bench, "a", extended, LONG, "insert into t values (3, 3)", "commit", *middle, "begin", "commit",
                     "update t set v = v + 1 where k = 1", "select v from t where k = 1")
                until_it_waits(bench, "a")
                bench.does("b", "commit")
                equal(outcome(bench, "a"), ["20000"] * (1 + len(middle)) + ["1"])
                equal(bench.value("select count(*) from t"), "3")
                equal(bench.does("a", "update t set v = 7 where k = 2"), "UPDATE 1")
                equal(bench.value("select v from t where k = 2"), "7")


quern.run(*[test for name, test in sorted(globals().items()) if name.startswith("test_")])
