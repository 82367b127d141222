#!/usr/bin/env python3
"""pg_sleep: a statement that sleeps keeps nobody waiting, is ended by timeouts and by cancel requests, and what it
changes is done once."""

import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import quern


def asleep(client):
    return client.value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(1000)%' AND pid <> pg_backend_pid()") == "1"


def others_go_on(server):
    with server.connect() as sleeper, server.connect() as other:
        failures = []

        def sleep():
            try:
                sleeper.query("SELECT pg_sleep(1000)")
            except quern.Failure as failure:
                failures.append(failure.fields["C"])

        thread = threading.Thread(target=sleep)
        pid = sleeper.value("SELECT pg_backend_pid()")
        thread.start()
        quern.wait_until(lambda: asleep(other), "the session to sleep")
        assert other.value("SELECT 1") == "1"
        assert other.value(f"SELECT pg_cancel_backend({pid})") == "t"
        thread.join()
        assert failures == ["57014"], failures
        assert sleeper.value("SELECT 7") == "7"


def ends_by_timeout(server):
    with server.connect() as client:
        client.query("SET statement_timeout = 50")
        client.fails("SELECT pg_sleep(1000)", "57014")
        client.query("BEGIN")
        client.fails("SELECT pg_sleep(1000)", "57014")
        client.query("ROLLBACK")
        client.query("RESET statement_timeout")
        client.query("SET lock_timeout = 10")
        client.query("SELECT pg_sleep(0.05)")  # it waits for no lock


def sleeps_in_turn(server):
    with server.connect() as client:
        for text in ("SELECT pg_sleep(0.05) FROM generate_series(1, 3)",
                     "SELECT pg_sleep(0.05); SELECT pg_sleep(0.1)",
                     "BEGIN; SELECT pg_sleep(0.05); SELECT pg_sleep(0.05); SELECT pg_sleep(0.05); COMMIT"):
            before = client.value("SELECT clock_timestamp()")
            client.query(text)
            assert client.value(f"SELECT clock_timestamp() - timestamptz '{before}' >= interval '0.15 s'") == "t", text


def changes_once(server):
    with server.connect() as client:
        client.query("CREATE TABLE slept (a int); INSERT INTO slept VALUES (1), (2)")
        client.query("UPDATE slept SET a = a + 1 WHERE pg_sleep(0.01) IS NOT NULL")
        assert client.rows("SELECT a FROM slept ORDER BY a") == [["2"], ["3"]]
        client.query("BEGIN; UPDATE slept SET a = a + 1; SELECT pg_sleep(0.01); COMMIT")
        assert client.rows("SELECT a FROM slept ORDER BY a") == [["3"], ["4"]]


def seeds(server):
    with server.connect() as client:
        drawn = []
        for _ in range(2):
            client.query("SELECT setseed(0.25)")
            drawn.append([client.value("SELECT random()") for _ in range(3)])
        assert drawn[0] == drawn[1] and len(set(drawn[0])) == 3, drawn


if __name__ == "__main__":
    with quern.Server() as shared:
        for test in (others_go_on, ends_by_timeout, sleeps_in_turn, changes_once, seeds):
            test(shared)
    print("ok")
