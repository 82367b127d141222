#!/usr/bin/env python3
"""Settings belong to transactions: a script that runs again at its COMMIT means what it meant, and clients are told what
a ROLLBACK brings back."""

import os
import sys

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
import quern  # noqa: E402

NOON = "insert into z select {}, ('2020-01-0' || k || ' 12:00')::timestamptz, v from t where k = 1"


def test_a_second_run_has_the_settings_of_each_statement(server):
    with server.connect() as client, server.connect() as other:
        client.query("begin")
        client.query(NOON.format(1))
        client.query("set local time zone '+05'")
        client.query(NOON.format(2))
        client.query("savepoint a")
        client.query("set time zone '-03'")
        client.query(NOON.format(3))
        client.query("rollback to a")
        client.query(NOON.format(4))
        client.query("set time zone '+01'")
        other.query("update t set v = v + 1 where k = 1")
        client.query("commit")
        rows = other.rows("select k, at, v from z order by k")
        assert rows == [["1", "2020-01-01 12:00:00+00", "2"], ["2", "2020-01-01 07:00:00+00", "2"],
                        ["4", "2020-01-01 07:00:00+00", "2"]], rows
        assert client.value("show time zone") == "<+01>-01"


def test_a_copy_that_runs_again_has_its_settings(server):
    with server.connect() as client, server.connect() as other:
        client.query("begin")
        client.query("update t set v = (select v + 10 from t where k = 1) where k = 2")
        client.query("set local time zone '+05'")
        client.send(client.message("Q", b"copy z from stdin\0"))
        client.collect("G")
        client.send(client.message("d", b"10\t2020-01-01 12:00\t1\n") + client.message("c"))
        client.collect()
        client.query("set local time zone 'UTC'")
        other.query("update t set v = 7 where k = 1")
        client.query("commit")
        assert other.rows("select at from z where k = 10") == [["2020-01-01 07:00:00+00"]]
        assert other.value("select v from t where k = 2") == "17"


def test_the_client_is_told_what_a_rollback_brings_back(server):
    with server.connect(application_name="before") as client:
        client.query("begin")
        client.query("set application_name = 'inside'")
        client.query("set local time zone '+02'")
        assert (client.parameters["application_name"], client.parameters["TimeZone"]) == ("inside", "<+02>-02")
        client.query("savepoint a")
        client.query("set application_name = 'deeper'")
        client.query("rollback to a")
        assert client.parameters["application_name"] == "inside"
        client.query("rollback")
        assert (client.parameters["application_name"], client.parameters["TimeZone"]) == ("before", "UTC")
        client.query("begin; set local application_name = 'local'; commit")
        assert client.parameters["application_name"] == "before"


def test_a_set_in_a_batch_that_fails_is_undone(server):
    with server.connect() as client:
        client.fails("set application_name = 'gone'; select 1/0", "22012")
        assert client.value("show application_name") == "" and client.parameters["application_name"] == ""
        client.query("set local application_name = 'for the batch'; select 1")
        assert client.value("show application_name") == ""
        client.send(client.parse("set application_name = 'piped'") + client.bind() + client.execute() +
                    client.parse("select 1/0") + client.bind() + client.execute() + client.message("S"))
        try:
            client.collect()
        except quern.Failure:
            pass
        assert client.value("show application_name") == ""


def main():
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    for name, test in tests:
        print(name, flush=True)
        with quern.Server() as server:
            with server.connect() as client:
                client.query("create table t (k int primary key, v int)")
                client.query("insert into t values (1, 1), (2, 1)")
                client.query("create table z (k int primary key, at timestamptz, v int)")
            test(server)


main()
