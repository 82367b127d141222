"""An anomaly in words: who saw what, when, and why that cannot be."""

from collections import Counter

from history.graph import PREDICATE, PROCESS, RW, TIME, WR, WW
from history.inside import show


def seconds(time):
    return "?" if time is None else f"{time / 1e6:.6f}"


def describe_op(op):
    words = [op[0], str(op[1]), *(show(value) for value in op[2:3])]
    return " ".join(words) + (f" @{seconds(op[3])}..{seconds(op[4])}" if len(op) > 4 else "")


def describe(transaction):
    head = f"T{transaction.index} ({transaction.process}{', ' + transaction.how if transaction.how else ''},"
    head += f" {transaction.status}, {seconds(transaction.start)}..{seconds(transaction.end)} s)"
    if transaction.error:
        head += f" {transaction.error}"
    return head + "".join(f"\n      {describe_op(op)}" for op in transaction.ops)


def describe_edge(edge, transactions):
    source, target, kind, key = edge
    one, other = f"T{source}", f"T{target}"
    if kind == WW:
        return f"{other} wrote {key} after {one} had written it"
    if kind == WR:
        return f"{other} read {key} as {one} had written it"
    if kind == RW:
        return f"{one} read {key} before {other} wrote it"
    if kind == PREDICATE:
        return f"{one} looked at {key} and did not find what {other} put there"
    if kind == PROCESS:
        return f"client {transactions[source].process} did {one} before {other}"
    end, start = seconds(transactions[source].end), seconds(transactions[target].start)
    return f"{one} had ended at {end} when {other} began at {start}"


def explain(anomaly, history):
    """The anomaly in lines."""
    transactions = history.transactions
    names = [f"T{index}" for index in anomaly.transactions]
    lines = [f"{anomaly.name}: {', '.join(dict.fromkeys(names))}"]
    lines += ["  " + text.format(*names) for text in anomaly.texts]
    for number, edge in enumerate(anomaly.cycle):
        lines.append(f"  {'so ' if number else ''}{names[number]} < T{edge[1]}: {describe_edge(edge, transactions)}")
    if anomaly.cycle:
        lines.append(f"  so {names[0]} comes before itself.")
    lines += ["    " + describe(transactions[index]) for index in dict.fromkeys(anomaly.transactions)]
    times = [time for index in anomaly.transactions for time in (transactions[index].start, transactions[index].end)
             if time is not None]
    for time, text in history.events:
        if times and min(times) <= time <= max(times):
            lines.append(f"    between them, at {seconds(time)}: {text}")
    return "\n".join(lines)


def summary(history, anomalies):
    statuses = Counter(each.status for each in history.transactions)
    ops = sum(len(each.ops) for each in history.transactions)
    counts = Counter(anomaly.name for anomaly in anomalies)
    what = ", ".join(f"{count} × {name}" for name, count in sorted(counts.items())) or "clean"
    return (f"{history.workload}: {len(history.transactions)} transactions ({statuses['ok']} ok, {statuses['fail']} fail,"
            f" {statuses['info']} info), {ops} operations: {what}")


def check(history, is_realtime=True):
    """All anomalies of a history."""
    from history.anomaly import find_cycles
    from history.infer import infer

    inference = infer(history)
    return inference.anomalies + find_cycles(inference, is_realtime)
