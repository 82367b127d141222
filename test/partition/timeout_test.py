#!/usr/bin/env python3
"""Timeouts and cancels: what a session is at ends with its error, whatever it waits for, and the session goes on (or, of
those that end the connection, others go on). No times are measured: what is to come is waited for."""

import os
import sys

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
import quern  # noqa: E402

LONG = "select count(*) from generate_series(1, 20000) a, generate_series(1, 1000000) b"


def ends_the_connection(client, sqlstate):
    """The next thing that the client hears is FATAL, and then nothing."""
    message = client.read_message()
    assert message and message[0] == b"E", message
    fields = client.fields(message[1])
    assert fields["S"] == "FATAL" and fields["C"] == sqlstate, fields
    assert client.read_message() is None


def wait_until(client, text, value):
    while client.value(text) != value:
        pass


def cancel(server, client):
    with quern.Client(server.port, start=False) as other:
        other.send(quern.struct.pack("!iiii", 16, 80877102, *client.backend))
        assert other.read_message() is None


class Holder:
    """A client that holds a claim on the row 1, so that another one waits for it."""

    def __init__(self, server):
        self.client = server.connect()
        self.client.query("begin")
        self.client.query("select * from t where k = 1 for update")


def test_statement_timeout_ends_a_job(server):
    with server.connect() as client:
        client.query("set statement_timeout = 20")
        failure = client.fails(LONG, "57014")
        assert failure.message == "canceling statement due to statement timeout"
        assert client.status == "I"
        client.query("set statement_timeout = 0")
        assert client.value("select 1") == "1"


def test_statement_timeout_ends_a_job_of_a_transaction(server):
    with server.connect() as client:
        client.query("begin")
        client.query("set statement_timeout = '20ms'")
        client.fails(LONG, "57014")
        assert client.status == "E"
        client.fails("select 1", "25P02")
        assert client.query("commit").tags == ["ROLLBACK"]
        assert client.value("show statement_timeout") == "0"


def test_statement_timeout_ends_a_wait(server):
    holder = Holder(server)
    with server.connect() as client:
        client.query("set statement_timeout = 20")
        client.fails("update t set v = 7 where k = 1", "57014")
        client.query("begin")
        client.fails("select * from t where k = 1 for update", "57014")
        client.query("rollback")
        client.query("begin")
        client.query("update t set v = 8 where k = 1")
        client.fails("commit", "57014")
        assert client.status == "I"
        assert client.value("select v from t where k = 1") == "1"
    holder.client.query("rollback")
    holder.client.close()


def test_statement_timeout_ends_a_copy(server):
    with server.connect() as client:
        client.query("set statement_timeout = 20")
        client.send(client.message("Q", b"copy t from stdin\0"))
        client.collect("G")
        client.send(client.message("d", b"100\t1\n"))
        try:
            client.collect()
            raise AssertionError("the COPY goes on")
        except quern.Failure as failure:
            assert failure.sqlstate == "57014", failure
        client.send(client.message("d", b"101\t1\n") + client.message("c"))
        assert client.value("select count(*) from t where k >= 100") == "0"


def test_each_statement_has_its_own_time(server):
    """A long one behind short ones is the one that fails, and what stood in the same Query is undone."""
    with server.connect() as client:
        client.query("set statement_timeout = 20")
        client.fails(f"insert into t values (200, 1); select 1; {LONG}", "57014")
        assert client.value("select count(*) from t where k = 200") == "0"


def test_pipeline_is_skipped_to_its_sync(server):
    with server.connect() as client:
        client.query("set statement_timeout = 20")
        one = client.parse("insert into t values (300, 1)") + client.bind() + client.execute()
        two = client.parse(LONG) + client.bind() + client.execute()
        client.send(one + two + one + client.message("S"))
        try:
            client.collect()
            raise AssertionError("nothing has failed")
        except quern.Failure as failure:
            assert failure.sqlstate == "57014", failure
        assert client.value("select count(*) from t where k = 300") == "0"


def test_idle_in_transaction(server):
    client, other = server.connect(), server.connect()
    client.query("set idle_in_transaction_session_timeout = 20")
    assert client.value("select 1") == "1"  # outside of one it does not count
    client.query("begin; update t set v = 5 where k = 2; select * from t where k = 1 for update")
    assert other.query("update t set v = v where k = 1").tags == ["UPDATE 1"]  # waits for the claim's end
    ends_the_connection(client, "25P03")
    assert other.value("select v from t where k = 2") == "2"
    client.close()

    client = server.connect()
    client.query("set idle_in_transaction_session_timeout = 20")
    client.query("begin")
    client.send(client.message("Q", b"select 1/0\0"))
    try:
        client.collect()
    except quern.Failure:
        pass
    ends_the_connection(client, "25P03")  # a failed one too
    client.close()
    other.close()


def test_idle_session(server):
    with server.connect() as client:
        client.query("set idle_session_timeout = 20")
        ends_the_connection(client, "57P05")


def test_cancel_ends_a_job(server):
    with server.connect() as client, server.connect() as other:
        before = int(other.value("select value::bigint from quern.metrics where name = 'quern_jobs_total'"))
        client.send(client.message("Q", LONG.encode() + b"\0"))
        wait_until(other, f"select value::bigint > {before} from quern.metrics where name = 'quern_jobs_total'", "t")
        cancel(server, client)
        try:
            client.collect()
            raise AssertionError("the job goes on")
        except quern.Failure as failure:
            assert failure.message == "canceling statement due to user request", failure
        assert client.value("select 1") == "1"


def test_cancel_ends_a_copy(server):
    with server.connect() as client:
        client.send(client.message("Q", b"copy t from stdin\0"))
        client.collect("G")
        cancel(server, client)
        try:
            client.collect()
            raise AssertionError("the COPY goes on")
        except quern.Failure as failure:
            assert failure.message == "canceling statement due to user request", failure
        client.send(client.message("c"))
        assert client.value("select 1") == "1"


def test_cancel_of_nothing_does_nothing(server):
    with server.connect() as client:
        client.query("begin")
        cancel(server, client)
        assert client.value("select 1") == "1"
        client.query("commit")


def main():
    with quern.Server() as server:
        with server.connect() as client:
            client.query("create table t (k int primary key, v int)")
            client.query("insert into t select i, i from generate_series(1, 10) i")
        tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
        for name, test in tests:
            print(name, flush=True)
            test(server)


main()
