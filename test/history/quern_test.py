#!/usr/bin/env python3
"""Clients of all kinds on quern, while it is killed and connections are cut: one serial order explains what they saw,
and it agrees with real time."""

import os
import sys

SOURCE = os.environ.get("QUERN_SOURCE", ".")
sys.path[:0] = [os.path.join(SOURCE, "test", "support"), os.path.join(SOURCE, "tools")]
from history.drive import Options, drive
from history.report import check, explain, summary
from history.servers import Quern
from quern import run

SECONDS = 5.0


def assert_clean(workload, **options):
    with Quern() as server:
        history, complaints = drive(server, Options(workload, SECONDS, savepoints=True, claims=True, **options))
    anomalies = check(history)
    print("  " + summary(history, anomalies))
    assert not anomalies, "\n".join(explain(each, history) for each in anomalies[:5])
    assert not complaints, "\n".join(complaints[:5])
    done = {each.how for each in history.transactions if each.status == "ok"}
    assert {"one-shot", "batch", "pipeline", "interactive", "whole"} <= done, done
    return history


def test_lists_beside_a_stream():
    history = assert_clean("list", stream=200, kills=2, cuts=0.005)
    done = {each.how for each in history.transactions if each.status == "ok"}
    assert {"copy", "stream"} <= done, done


def test_registers():
    assert_clean("register", kills=1, cuts=0.005, isolation="READ COMMITTED")


def test_registers_of_a_keyed_source():
    assert_clean("keyed", kills=1, cuts=0.005)


def test_sets():
    assert_clean("set", kills=1, cuts=0.005)


def test_bank():
    assert_clean("bank", stream=1, kills=1, cuts=0.005)


if __name__ == "__main__":
    run(test_lists_beside_a_stream, test_registers, test_registers_of_a_keyed_source, test_sets, test_bank)
