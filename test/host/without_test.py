#!/usr/bin/env python3
"""Optimizations left out (quern serve --without): clients see the same, with each of them and with all."""

import os
import re
import subprocess
import sys
import tempfile

SOURCE = os.environ.get("QUERN_SOURCE", ".")
sys.path.insert(0, os.path.join(SOURCE, "test", "support"))
sys.path.insert(0, os.path.join(SOURCE, "test", "sql"))
import quern  # noqa: E402
import text_test  # noqa: E402

NAMES = ("plan-cache", "literals", "group-commit", "pipelining", "short-path")
ALL = ",".join(NAMES)
# What they are about: plans kept and shared, rows by key, transactions.
CASES = ("cache", "prepare", "update", "transaction")
ROWS = 100


def test_statements_give_the_same_with_each_left_out():
    for without in (*NAMES, ALL):
        for name in CASES:
            path = os.path.join(text_test.CASES, name + ".test")
            cases = text_test.read_cases(path)
            is_simple = any("simple protocol only" in comment for case in cases for comment in case.comments)
            for extended in (False,) if is_simple else (False, True):
                failed = text_test.run_file(path, cases, extended, quern.Server("--without", without))
                assert failed == 0, f"{name} without {without}: {failed} cases failed"


def requests(client, number):
    """A pipeline of every kind: short ones, those that fail, transactions, a Flush, a long read, several in one Query."""
    def query(text):
        return client.message("Q", text.encode() + b"\0")

    def prepared(values, name, end="S"):
        return client.bind(values, name) + client.execute() + client.message(end)

    mine = number * ROWS
    data = client.parse("insert into t values ($1, 0)", "add") + client.parse("select v from t where k = $1", "get")
    data += client.parse("update t set v = v + $2::int where k = $1", "raise") + client.message("S")
    for k in range(mine, mine + ROWS):
        data += prepared((k,), "add") + prepared((k, 1), "raise", "H") + prepared((k, 2), "raise")
        data += prepared((k,), "get") + query(f"update t set v = v + 1 where k = {k}")
        if k % 50 == 0:
            data += prepared((k,), "add") + query("select nothing") + query(f"select v from t where k = {k}; select 1/0")
            data += query("begin") + prepared((k, 10), "raise") + query("rollback") + query("select count(*) from big")
            data += query("begin") + prepared((k, 10), "raise") + query("commit")
    return data + query(f"select sum(v) from t where k >= {mine} and k < {mine + ROWS}") + query("select 'the end'")


def answers(client):
    """Everything that comes, up to the answer to the last request."""
    seen = []
    while True:
        kind, body = client.read_message()
        if kind == b"E":
            fields = client.fields(body)
            body = (fields["C"] + fields["M"] + fields.get("P", "")).encode()
        seen.append((kind, body))
        if kind == b"D" and body.endswith(b"the end"):
            return seen


def run_pipelines(without, directory):
    options = ("--without", without) if without else ()
    place = os.path.join(directory, without or "nothing")
    with quern.Server(*options, data=place) as server:
        clients = [server.connect() for _ in range(3)]
        clients[0].query("create table t (k int primary key, v int)")
        clients[0].query("create table big (k int primary key)")
        clients[0].query("insert into big select generate_series(1, 20000)")
        for number, client in enumerate(clients):
            client.send(requests(client, number))
        told = [answers(client) for client in clients]
        for client in clients:
            client.close()
        server.kill()
        server.start()
        with server.connect() as client:
            return told, client.rows("select * from t order by k")


def test_pipelines_are_answered_the_same_and_what_was_told_is_kept():
    with tempfile.TemporaryDirectory() as directory:
        wanted = run_pipelines("", directory)
        assert len(wanted[1]) == 3 * ROWS
        for without in (*NAMES, ALL):
            got = run_pipelines(without, directory)
            assert got == wanted, f"without {without} clients are told something else"


def figure(client, name, labels=""):
    return float(client.value(f"select value from quern.metrics where name = '{name}' and labels = '{labels}'"))


def test_each_atom_has_its_own_sync_without_group_commit():
    with tempfile.TemporaryDirectory() as directory, quern.Server("--without", "group-commit", data=directory) as server:
        with server.connect() as client:
            client.query("create table t (k int primary key)")
            before = figure(client, "quern_log_groups_total")
            inserts = [client.message("Q", f"insert into t values ({k})".encode() + b"\0") for k in range(100)]
            client.send(b"".join(inserts))
            for _ in inserts:
                client.collect()
            assert figure(client, "quern_log_groups_total") == before + 100


def steps_of_a_pipeline(*options):
    with quern.Server(*options) as server, server.connect() as client:
        before = figure(client, "quern_steps_total")
        client.send(100 * client.message("Q", b"select 1\0"))
        for _ in range(100):
            client.collect()
        return figure(client, "quern_steps_total") - before


def test_each_request_has_its_own_step_without_pipelining():
    assert steps_of_a_pipeline() < 100 <= steps_of_a_pipeline("--without", "pipelining")


def misses(without):
    with quern.Server(*(("--without", without) if without else ())) as server, server.connect() as client:
        client.query("create table t (k int primary key, v int)")
        before = figure(client, "quern_plan_cache_total", 'result="miss"')
        for k in range(20):
            client.query(f"select v from t where k = {k % 10}")
        return figure(client, "quern_plan_cache_total", 'result="miss"') - before


def test_plans_are_made_again_without_what_keeps_them():
    few, by_literals, always = misses(""), misses("literals"), misses("plan-cache")
    assert few < by_literals < always, (few, by_literals, always)


def test_a_name_that_there_is_not_is_refused():
    for without in ("speed", "literals,", "", "plan-cache,speed", "plan-cach", "plan-cache2"):
        done = subprocess.run([os.path.join(quern.BUILD, "quern"), "serve", "--in-memory", "--without", without],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 2, done
        assert re.fullmatch(rf'quern: "{without}" cannot be left out: there are plan-cache, .*\n', done.stderr), done.stderr


quern.run(
    test_statements_give_the_same_with_each_left_out,
    test_pipelines_are_answered_the_same_and_what_was_told_is_kept,
    test_each_atom_has_its_own_sync_without_group_commit,
    test_each_request_has_its_own_step_without_pipelining,
    test_plans_are_made_again_without_what_keeps_them,
    test_a_name_that_there_is_not_is_refused,
)
