#!/usr/bin/env python3
"""pg_cancel_backend and pg_terminate_backend: sessions at rest, at work and waiting; who may."""

import os
import sys
import threading

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
from quern import Failure, Server, run, wait_until  # noqa: E402

LONG = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b"


def pid_of(client):
    return client.value("SELECT pg_backend_pid()")


class At:
    """A client at a statement, on a thread of its own."""

    def __init__(self, client, text):
        self.failure = None

        def work():
            try:
                client.query(text)
            except (Failure, ConnectionError, OSError, EOFError) as failure:
                self.failure = failure

        self.thread = threading.Thread(target=work)
        self.thread.start()

    def ends_with(self, sqlstate):
        self.thread.join(60)
        assert not self.thread.is_alive(), "it goes on"
        assert isinstance(self.failure, Failure) and self.failure.sqlstate == sqlstate, self.failure


def is_active(other, pid, event=None):
    text = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid} AND state = 'active'"
    return lambda: other.value(text + (f" AND wait_event = '{event}'" if event else "")) == "1"


def is_gone(other, pid):
    return lambda: other.value(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}") == "0"


def test_a_query_is_cancelled():
    with Server() as server, server.connect() as client, server.connect() as other:
        pid = pid_of(client)
        at = At(client, LONG)
        wait_until(is_active(other, pid), "the long query")
        assert other.value(f"SELECT pg_cancel_backend({pid})") == "t"
        at.ends_with("57014")
        assert client.value("SELECT 1") == "1"
        assert other.value(f"SELECT pg_cancel_backend({pid})") == "t"  # at rest: nothing to end
        assert client.value("SELECT 2") == "2"


def test_who_waits_is_cancelled():
    with Server() as server, server.connect() as client, server.connect() as other:
        other.query("CREATE TABLE t (k int PRIMARY KEY); INSERT INTO t VALUES (1)")
        other.query("BEGIN")
        other.query("SELECT * FROM t FOR UPDATE")
        pid = pid_of(client)
        at = At(client, "UPDATE t SET k = 2")
        with server.connect() as third:
            wait_until(is_active(third, pid, "tuple"), "the wait")
            assert third.value(f"SELECT pg_cancel_backend({pid})") == "t"
        at.ends_with("57014")


def ends(server, begin, text=None):
    client, other = server.connect(), server.connect()
    pid = pid_of(client)
    for statement in begin:
        client.query(statement)
    at = At(client, text) if text else None
    if text:
        wait_until(is_active(other, pid), text)
    assert other.value(f"SELECT pg_terminate_backend({pid})") == "t"
    wait_until(is_gone(other, pid), "its end")
    if at:
        at.thread.join(60)
        assert at.failure is not None and not at.thread.is_alive()
    else:
        client.fails("SELECT 1", "57P01")
    assert other.value("SELECT count(*) FROM u") == "0"


def test_conversations_are_ended():
    with Server() as server, server.connect() as first:
        first.query("CREATE TABLE u (k int)")
        ends(server, [])
        ends(server, ["BEGIN", "INSERT INTO u VALUES (1)"])
        ends(server, ["BEGIN", "INSERT INTO u VALUES (1)"], LONG)
        ends(server, [], LONG)


def test_oneself_and_nobody():
    with Server() as server, server.connect() as client:
        done = client.query("SELECT pg_cancel_backend(-1), pg_terminate_backend(2147483647)")
        assert done.rows == [["f", "f"]], done.rows
        assert len(done.notices) == 2, done.notices
        assert client.value("SELECT pg_cancel_backend(NULL) IS NULL") == "t"
        client.query("SELECT pg_terminate_backend(pg_backend_pid())")
        client.fails("SELECT 1", "57P01")


def test_only_those_who_may():
    with Server() as server, server.connect() as chief:
        chief.query("CREATE ROLE a LOGIN; CREATE ROLE b LOGIN; CREATE ROLE guard LOGIN; GRANT pg_signal_backend TO guard")
        with server.connect(user="a") as a, server.connect(user="b") as b, server.connect(user="guard") as guard:
            a.fails(f"SELECT pg_cancel_backend({pid_of(b)})", "42501")
            a.fails(f"SELECT pg_terminate_backend({pid_of(chief)})", "42501")
            guard.fails(f"SELECT pg_terminate_backend({pid_of(chief)})", "42501")
            assert a.value(f"SELECT pg_cancel_backend({pid_of(a)})") == "t"
            b_pid = pid_of(b)
            assert guard.value(f"SELECT pg_terminate_backend({b_pid})") == "t"
            wait_until(is_gone(chief, b_pid), "b's end")


if __name__ == "__main__":
    run(test_a_query_is_cancelled, test_who_waits_is_cancelled, test_conversations_are_ended, test_oneself_and_nobody,
        test_only_those_who_may)
