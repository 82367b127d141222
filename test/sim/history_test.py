#!/usr/bin/env python3
"""The simulator's clients of lists: one serial order explains what they saw, through crashes and cuts. Faults put into
the engine on purpose are found by seeds that are clean without them.

    history_test.py                      as `make check` runs it
    history_test.py 1..5000 [FAULT]      these seeds; prints the first that is not clean
"""

import os
import subprocess
import sys
import tempfile
from collections import Counter

SOURCE = os.environ.get("QUERN_SOURCE", ".")
sys.path[:0] = [os.path.join(SOURCE, "test", "support"), os.path.join(SOURCE, "tools")]
from history.record import load_all
from history.report import check, explain
from quern import run

SIMULATOR = os.path.join(os.environ.get("QUERN_BUILD", "build"), "sim", "quern_sim")
AT_ONCE = 25  # seeds of one run of the simulator


class Outcome:
    """What the seeds showed, up to the first that is not clean: its seed, the anomalies, or a complaint."""

    def __init__(self):
        self.done, self.transactions, self.ways, self.how = 0, Counter(), Counter(), set()
        self.seed, self.anomalies, self.told = None, [], ""

    def is_called(self, name):
        return any(each.is_called(name) for each in self.anomalies)


def simulate(seeds, fault="none"):
    """Their histories, and what the simulator said: where it begins with the seed, it complained, amid the last."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "histories")
        command = [SIMULATOR, "--seeds", f"{seeds[0]}..{seeds[-1]}", "--fault", fault, "--histories", path]
        ended = subprocess.run(command, capture_output=True, text=True)
        assert ended.returncode == 0 or ended.stdout.startswith("seed "), ended.stdout + ended.stderr
        return load_all(path), ended.stdout.strip()


def look(first, last, fault="none"):
    outcome = Outcome()
    for begin in range(first, last + 1, AT_ONCE):
        histories, said = simulate(range(begin, min(begin + AT_ONCE, last + 1)), fault)
        has_complaint = said.startswith("seed ")
        for history in histories[: -1 if has_complaint else None]:
            anomalies = check(history)
            outcome.done += 1
            outcome.transactions.update(each.status for each in history.transactions)
            outcome.how |= {each.how for each in history.transactions if each.status == "ok"}
            if anomalies:
                outcome.seed, outcome.anomalies = history.settings["seed"], anomalies
                outcome.told = "\n".join(explain(each, history) for each in anomalies[:3])
                return outcome
        if has_complaint:
            outcome.seed, outcome.told = histories[-1].settings["seed"], said
            return outcome
        words = said.partition("ways: ")[2].partition("\n")[0].split()
        outcome.ways.update(dict(zip(words[::2], map(int, words[1::2]))))
    return outcome


def assert_clean(first, last):
    outcome = look(first, last)
    assert outcome.seed is None, f"seed {outcome.seed}:\n{outcome.told}"
    return outcome


def assert_found(fault, *names):
    """Within some seeds, and called by one of these names; the same seed is clean without the fault."""
    outcome = look(1, 300, fault)
    while outcome.seed is not None and names and not any(map(outcome.is_called, names)):
        outcome = look(outcome.seed + 1, 300, fault)
    assert outcome.seed is not None, f"{fault} was not found, or not as {' or '.join(names) or 'anything'}"
    names_found = sorted({each.name for each in outcome.anomalies})
    print(f"  {fault}: seed {outcome.seed}, {', '.join(names_found) or outcome.told}")
    assert_clean(outcome.seed, outcome.seed)
    return outcome


def test_a_range_missing_from_what_was_read_is_found():
    assert_found("range-missing", "lost acknowledged write", "lost update", "G-single", "G2-item")


def test_an_ignored_hash_is_found():
    assert_found("hash-ignored", "G-single", "G2-item", "internal")


def test_a_derived_row_applied_as_data_is_found():
    assert_found("derived-as-data")


def test_a_reply_before_its_fsync_is_found():
    assert_found("reply-early", "lost acknowledged write")


def test_a_claim_released_early_is_found():
    """Correctness does not rest on claims: what is found is a failure where the rules promise that there is none."""
    outcome = assert_found("claim-released-early")
    assert not outcome.anomalies and "an error that must not be: 40001" in outcome.told, outcome.told


def test_all_that_clients_saw_has_one_order():
    outcome = assert_clean(1, 80)
    print("  " + ", ".join(f"{count} {status}" for status, count in outcome.transactions.items()))
    kinds = {"one-shot", "batch", "pipeline", "whole", "interactive", "certain", "stream"}
    print("  " + ", ".join(f"{count} {way}" for way, count in outcome.ways.items()))
    assert len(outcome.ways) == 11 and all(outcome.ways.values()), outcome.ways
    assert outcome.how == kinds and set(outcome.transactions) == {"ok", "fail", "info"}, outcome.how


def main():
    first, _, last = sys.argv[1].partition("..")
    outcome = look(int(first), int(last or first), *sys.argv[2:3])
    print(f"{outcome.done} seeds, {dict(outcome.transactions)}, {dict(outcome.ways)}")
    if outcome.seed is None:
        return 0
    print(f"seed {outcome.seed}:\n{outcome.told}")
    return 1


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(main())
    run(test_all_that_clients_saw_has_one_order, test_a_range_missing_from_what_was_read_is_found,
        test_an_ignored_hash_is_found, test_a_derived_row_applied_as_data_is_found,
        test_a_reply_before_its_fsync_is_found, test_a_claim_released_early_is_found)
