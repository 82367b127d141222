#!/usr/bin/env python3
"""The history checker on histories made by hand: each anomaly is found and named, and clean ones are clean."""

import os
import random
import sys
import tempfile

SOURCE = os.environ.get("QUERN_SOURCE", ".")
sys.path[:0] = [os.path.join(SOURCE, "test", "support"), os.path.join(SOURCE, "tools")]
from history.record import History, Transaction, parse_text
from history.report import check, explain
from quern import run

CASES = os.path.join(SOURCE, "test", "history", "cases")


def cases(name):
    """(what must be found, what without real time, text) of each case of a file."""
    with open(os.path.join(CASES, name + ".txt"), encoding="utf-8") as file:
        for case in file.read().split("----\n"):
            lines = [line for line in case.splitlines() if line and not line.startswith("#")]
            expected, loose = [], None
            while lines[0].split()[0] not in ("list", "register", "set", "bank"):
                line = lines.pop(0)
                if line.startswith("not strict: "):
                    loose = line[len("not strict: ") :]
                else:
                    expected.append(line)
            yield expected, loose, "\n".join(lines)


def assert_found(expected, text, is_realtime):
    history = parse_text(text)
    anomalies = check(history, is_realtime)
    told = "\n".join(explain(each, history) for each in anomalies)
    if expected == ["clean"]:
        assert not anomalies, f"{text}\nis clean, and yet\n{told}"
    for name in expected:
        if name != "clean":
            assert any(each.is_called(name) for each in anomalies), f"{text}\nhas {name}, not\n{told or 'nothing'}"


def check_cases(name):
    count = 0
    for expected, loose, text in cases(name):
        assert_found(expected, text, is_realtime=True)
        if loose:
            assert_found([loose], text, is_realtime=False)
        count += 1
    assert count >= 5, count


def test_lists():
    check_cases("list")


def test_registers():
    check_cases("register")


def test_sets():
    check_cases("set")


def test_bank():
    check_cases("bank")


def test_report_tells_who_saw_what_and_when():
    history = parse_text("list\na 0..10 ok: append x 1\nevent 15: the server was killed\nb 20..30 ok: r x []\n")
    told = "\n".join(explain(each, history) for each in check(history))
    for part in ("lost acknowledged write: T0, T1", "T0 wrote 1 to x and was told so", "T1 read x before T0 wrote it",
                 "T0 had ended at 0.000010 when T1 began at 0.000020", "at 0.000015: the server was killed"):
        assert part in told, f"{part} is not in\n{told}"


def simulate(workload, seed, count=3000, clients=8):
    """A history that is strictly serializable by construction: each transaction happens at one instant."""
    draw, now, state, spans = random.Random(seed), 0, {}, []
    for number in range(count):
        now += draw.randrange(1, 5)
        spans.append([number % clients, now - draw.randrange(5), now + draw.randrange(5)])
    last = {}
    for span in spans:  # a client does one thing after another
        span[1] = max(span[1], last.get(span[0], 0) + 1)
        span[2] = max(span[1], span[2])
        last[span[0]] = span[2]
    transactions, value = [], 0
    for process, start, end in spans:
        status = draw.choices(("ok", "fail", "info"), (90, 5, 5))[0]
        is_done = status == "ok" or (status == "info" and draw.random() < 0.5)
        mine, ops = {key: list(values) for key, values in state.items()}, []
        for _ in range(draw.randrange(1, 5)):
            key = draw.randrange(5) + value // 200 * 5
            if draw.random() < 0.5:
                seen = mine.get(key, [])
                version = [seen[-1], len(seen)] if seen else None
                ops.append(["r", key, version if workload == "register" else list(seen)])
            else:
                value += 1
                ops.append([{"list": "append", "set": "add", "register": "w"}[workload], key, value])
                mine.setdefault(key, []).append(value)
        if is_done:
            state = mine
        transactions.append(Transaction(process, status, start, None if status == "info" else end, ops))
        if status == "info":
            transactions[-1].process = f"{process} until {start}"
    return History(workload, transactions)


def test_what_is_serial_is_clean():
    for workload in ("list", "register", "set"):
        for seed in range(3):
            history = simulate(workload, seed)
            anomalies = check(history)
            assert not anomalies, workload + "\n" + "\n".join(explain(each, history) for each in anomalies)


def test_a_read_that_is_one_write_behind_is_found():
    """In a large history each single stale read is found."""
    for workload in ("list", "register", "set"):
        history = simulate(workload, 7)
        draw = random.Random(1)
        found = tried = 0
        for _ in range(40):
            transaction = draw.choice(history.transactions)
            ops = transaction.ops
            if transaction.status != "ok" or len(ops) != 1 or ops[0][0] != "r" or not ops[0][2]:
                continue
            kept, tried = ops[0][2], tried + 1
            ops[0][2] = None if workload == "register" else []
            found += bool(check(history))
            ops[0][2] = kept
        assert tried and found == tried, (workload, found, tried)


def test_files_keep_all():
    history = simulate("register", 1, 200)
    history.events.append((5, "the server was killed"))
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        history.save(file.name)
        again = History.load(file.name)
    assert [each.to_json() for each in again.transactions] == [each.to_json() for each in history.transactions]
    assert again.events == history.events and again.workload == "register"


if __name__ == "__main__":
    run(test_lists, test_registers, test_sets, test_bank, test_report_tells_who_saw_what_and_when,
        test_what_is_serial_is_clean, test_a_read_that_is_one_write_behind_is_found, test_files_keep_all)
