#!/usr/bin/env python3
"""The history checker on a real PostgreSQL 15 of its own: it finds what the weaker levels allow, and only that."""

import os
import sys

SOURCE = os.environ.get("QUERN_SOURCE", ".")
sys.path[:0] = [os.path.join(SOURCE, "test", "support"), os.path.join(SOURCE, "tools")]
from history.drive import Options, drive
from history.report import check, explain, summary
from history.servers import PostgreSQL
from quern import run

SECONDS = 1.2
TRIES = 5  # what is wanted may not happen on a busy machine


def anomalies_of(workload, isolation, seed=1):
    """What a little load brings at this level. No real time: PostgreSQL does not promise it."""
    with server.connect() as client:
        for table in "lists", "registers", "members", "accounts":
            client.query(f"DROP TABLE IF EXISTS {table}")
        client.query(f"ALTER ROLE postgres SET default_transaction_isolation = '{isolation.lower()}'")
    options = Options(workload, SECONDS, seed=seed, strict=False, think_ms=2,
                      shapes={"interactive": 6, "one-shot": 1, "batch": 1, "pipeline": 1})
    history, complaints = drive(server, options)
    assert not complaints, complaints[:3]
    anomalies = check(history, is_realtime=False)
    print(f"  {isolation}: {summary(history, anomalies)}")
    return history, anomalies


def assert_finds(workload, isolation, *names):
    missing = set(names)
    for seed in range(TRIES):
        _, anomalies = anomalies_of(workload, isolation, seed)
        missing -= {name for name in missing if any(each.is_called(name) for each in anomalies)}
        if not missing:
            return anomalies
    raise AssertionError(f"{workload} at {isolation}: {missing} not found")


def test_read_committed_shows_lost_updates_and_skewed_reads():
    assert_finds("list", "READ COMMITTED", "lost update", "G-single", "internal")
    assert_finds("register", "READ COMMITTED", "lost update")
    assert_finds("bank", "READ COMMITTED", "lost acknowledged write")


def test_repeatable_read_shows_write_skew_and_nothing_worse():
    for workload, wanted in ("list", "G2-item"), ("set", "G2"):
        anomalies = assert_finds(workload, "REPEATABLE READ", wanted)
        worse = [each.name for each in anomalies if not each.name.startswith("G2")]
        assert not worse, worse


def test_serializable_is_clean():
    for workload in "list", "register", "set", "bank":
        history, anomalies = anomalies_of(workload, "SERIALIZABLE")
        assert not anomalies, "\n".join(explain(each, history) for each in anomalies[:5])


if __name__ == "__main__":
    with PostgreSQL() as server:
        run(test_read_committed_shows_lost_updates_and_skewed_reads,
            test_repeatable_read_shows_write_skew_and_nothing_worse, test_serializable_is_clean)
