#!/usr/bin/env python3
"""What bad input gets: transactions beyond their bounds, and transactions left in every state. Each ends in order or with
a clear error; others go on; nothing is left of it."""

import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
import quern  # noqa: E402
from steps import Bench, equal  # noqa: E402

TABLE = ("create table t (k int primary key, v int)", "insert into t select i, 0 from generate_series(1, 10) i")
USED = "select value from quern.metrics where labels = 'kind=\"used\"'"
STEPS = 5000  # of the server, until what is freed in slices is free


def fill(bench, rows):
    bench.probe.query("create table big (k int primary key, v int)")
    bench.probe.query(f"insert into big select i, 0 from generate_series(1, {rows}) i")


def until_alone(bench):
    for _ in range(STEPS):
        if bench.value("select count(*) from pg_stat_activity") == "1":
            return
        quern.time.sleep(0.001)  # a closed socket is on its way
    raise AssertionError("a session stays")


def nothing_is_left(bench, used):
    equal(bench.probe.rows("select * from quern.transactions"), [])
    equal(bench.value("select count(*) from pg_locks"), "0")
    for _ in range(STEPS):
        now = float(bench.value(USED))
        if now <= used + 256 * 1024:
            return
    raise AssertionError(f"{now} bytes are used instead of {used}")


def test_more_claims_than_there_may_be_claim_the_table():
    with Bench(*TABLE) as bench:
        fill(bench, 100100)
        bench.does("b", "select 1")
        used = float(bench.value(USED))
        bench.does("a", "begin")
        equal(bench.does("a", "declare c cursor for select k from big for update"), "DECLARE CURSOR")
        equal(bench.value("select count(*) from pg_locks where mode = 'ExclusiveLock' and granted"), "1")
        bench.waits("b", "update big set v = v + 1 where k = 100099")
        equal(bench.does("c", "update t set v = v + 1 where k = 1"), "UPDATE 1")
        bench.does("a", "update big set v = 5 where k = 100099", "commit")
        equal(bench.answer("b"), "UPDATE 1")
        equal(bench.value("select v from big where k = 100099"), "6")
        nothing_is_left(bench, used)


def test_a_branch_that_touches_every_row():
    with Bench(*TABLE) as bench:
        fill(bench, 20000)
        for end, value in (("rollback", "1"), ("commit", "21")):
            bench.does("a", "begin")
            for _ in range(20):
                bench.does("a", "update big set v = v + 1")
            if end == "rollback":
                bench.send("b", "update big set v = v + 1")
                equal(bench.answer("b"), "UPDATE 20000")
            bench.does("a", end)
            equal(bench.probe.rows("select distinct v from big"), [[value]])
        nothing_is_left(bench, float(bench.value(USED)))


def test_too_many_savepoints_portals_and_statements():
    with Bench(*TABLE) as bench:
        client = bench.client("a")
        client.query("begin")
        for _ in range(50):
            client.query("; ".join(["savepoint s"] * 2000))
        client.fails("savepoint s", "54000")
        equal(client.query("rollback to s").tags, ["ROLLBACK"])
        client.query("rollback")
        client.query("begin")
        client.send(b"".join(client.parse("select 1", name=f"p{i}") for i in range(10001)) + client.message("S"))
        equal(bench.answer("a"), "53400")
        client.query("rollback")
        client.query("begin")
        client.send(b"".join(client.bind(name="p0", portal=f"c{i}") for i in range(10001)) + client.message("S"))
        equal(bench.answer("a"), "53400")
        client.query("rollback")
        equal(client.value("select 1"), "1")


def test_a_commit_after_failures():
    with Bench(*TABLE) as bench:
        for extended in (False, True):
            bench.does("a", "begin", "update t set v = 1", extended=extended)
            for text, sqlstate in (("select 1 / 0", "22012"), ("select 1", "25P02"), ("savepoint s", "25P02"),
                                   ("rollback to s", "3B001"), ("release s", "25P02"), ("fetch c", "25P02"),
                                   ("begin", "25P02")):
                equal(bench.does("a", text, extended=extended), sqlstate)
            equal(bench.does("a", "commit", "select sum(v) from t", extended=extended), ["0"])


def test_portals_in_pieces_and_binary():
    with Bench(*TABLE) as bench:
        client = bench.client("a")
        client.query("begin")
        client.send(client.parse("select k from t order by k") + client.bind(binary=True) + client.execute(limit=3) +
                    client.message("S"))
        rows, kinds = [], []
        while (message := client.read_message())[0] != b"Z":
            kinds.append(message[0])
            if message[0] == b"D":
                rows.append(struct.unpack("!hii", message[1])[2])
        equal((rows, kinds[-1]), ([1, 2, 3], b"s"))
        bench.does("b", "update t set k = k + 100 where k = 4")
        client.send(client.execute(limit=7) + client.execute(limit=7) + client.message("S"))
        equal(len(client.collect().rows), 7)
        client.query("update t set v = 1 where k = 1")
        client.fails("commit", "40001")


# --- Left in every state ---------------------------------------------------------------------------------------------


def idle(bench, client):
    client.query("begin; update t set v = 1; insert into t select i, 1 from generate_series(100, 5000) i")


def failed(bench, client):
    idle(bench, client)
    client.fails("select 1 / 0", "22012")


def waiting_for_a_claim(bench, client):
    idle(bench, client)
    client.send(client.message("Q", b"select * from other where k = 1 for update\0"))


def waiting_at_its_commit(bench, client):
    client.query("begin; update other set v = 1")
    client.send(client.message("Q", b"commit\0"))


def waiting_without_begin(bench, client):
    client.send(client.message("Q", b"update other set v = 1\0"))


def in_a_copy(bench, client):
    client.query("begin; update t set v = 1")
    client.send(client.message("Q", b"copy t from stdin\0"))
    client.collect("G")
    client.send(client.message("d", b"".join(b"%d\t1\n" % i for i in range(100, 5000)) + b"77"))


def in_a_pipeline(bench, client):
    client.send(b"".join(client.parse(f"insert into t values ({i}, 1)") + client.bind() + client.execute() for i in
                         range(100, 300)) + client.message("H"))
    client.collect("C")
    client.send(client.parse("select 1") + b"B\0\0")


def with_locks(bench, client):
    client.query("begin; select pg_advisory_lock(1), pg_advisory_xact_lock(2); select pg_advisory_lock_shared(3); "
                 "lock table t in share mode")


def with_cursors(bench, client):
    client.query("begin; declare c scroll cursor with hold for select generate_series(1, 5000); fetch 10 from c; commit")
    client.query("begin; declare d cursor for select * from t for update; fetch 3 from d")


STATES = (idle, failed, waiting_for_a_claim, waiting_at_its_commit, waiting_without_begin, in_a_copy, in_a_pipeline,
          with_locks, with_cursors)


def leave(bench, state, is_cut):
    client = bench.server.connect()
    holds = state.__name__.startswith("waiting")
    if holds:
        bench.does("holder", "begin", "select * from other for update")
    state(bench, client)
    asks = f"select count(*) from quern.transactions where session = {client.backend[0]} and waits_for is not null"
    while holds and bench.value(asks) == "0":
        pass
    if is_cut:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    if holds:
        while bench.value("select count(*) from pg_stat_activity") != "2":
            pass
        bench.does("holder", "rollback")
        bench.clients.pop("holder").close()
    until_alone(bench)


def test_transactions_left_in_every_state_leave_nothing():
    with Bench(*TABLE, "create table other (k int primary key, v int)", "insert into other values (1, 0)") as bench:
        for state in STATES:
            leave(bench, state, False)  # what is cached is cached now
        used = float(bench.value(USED))
        for is_cut in (False, True):
            for state in STATES:
                leave(bench, state, is_cut)
                equal(bench.probe.rows("select count(*), sum(v) from t"), [["10", "0"]])
                equal(bench.value("select v from other"), "0")
                nothing_is_left(bench, used)


def test_what_cursors_keep_has_a_bound():
    with quern.Server("--statement-memory", "16MB") as server, server.connect() as client, server.connect() as other:
        declare = "declare c{} cursor with hold for select repeat('x', 100000) from generate_series(1, 50)"
        client.query(declare.format(0))
        for number in range(1, 5):  # of 5 MB each
            try:
                client.query(declare.format(number))
            except quern.Failure as failure:
                equal(failure.sqlstate, "53200")
                break
        else:
            raise AssertionError("no bound")
        equal(client.rows("fetch 1 from c0"), [["x" * 100000]])
        other.query(declare.format(0))  # each session has its own
        client.query("close all")
        client.query(declare.format(0))
        equal(client.value("select count(*) from pg_cursors"), "1")


quern.run(*[test for name, test in sorted(globals().items()) if name.startswith("test_")])
