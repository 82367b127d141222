#!/usr/bin/env python3
"""Permutation tests: runs the steps of several clients in every order and checks what each was told (the format of
test/isolation/cases/NAME.test stands in test/README.md).

  permutations.py [NAME…]               these files (without .test); without names, all
    --case WORDS                        only cases whose name has them
    --order "a1 b1 a2 …"                only this order, and shows it
    --sample N                          at most N orders of each case, drawn by the seed (40)
    --seed N                            of the drawing (1)
    --all                               every order
"""

import argparse
import glob
import os
import random
import sys
import zlib

from bench import Bench, Stuck
from casefile import CASES, Order, read_cases
from judge import Judge, expectation_objection, failures_of, is_control, liveness_objection, transactions_of
import quern


def chunks_of(steps):
    """The steps of a client as what may be moved: a BEGIN goes with what follows it, for it does nothing before."""
    chunks, chunk = [], []
    for step in steps:
        chunk.append(step.name)
        if not (is_control(step) and step.text.lower().startswith(("begin", "start"))):
            chunks.append(chunk)
            chunk = []
    return chunks + ([chunk] if chunk else [])


def count_orders(sizes):
    total, count = 0, 1
    for size in sizes:
        for i in range(1, size + 1):
            total += 1
            count = count * total // i
    return count


def all_orders(queues):
    """Every way to interleave the queues."""
    if not any(queues):
        yield []
        return
    for at, queue in enumerate(queues):
        if queue:
            for rest in all_orders(queues[:at] + [queue[1:]] + queues[at + 1 :]):
                yield queue[0] + rest


def drawn_orders(queues, count, seed):
    source = random.Random(seed)
    owners = [at for at, queue in enumerate(queues) for _ in queue]
    for _ in range(count):
        source.shuffle(owners)
        places = [iter(queue) for queue in queues]
        yield [name for at in owners for name in next(places[at])]


class Waiting:
    """Who waits after which steps, from the runs so far. An order whose steps would be sent as in an earlier one need not
    be run; and equal steps must wait equally, whatever the protocol."""

    def __init__(self):
        self.known = {}

    def has_run(self, case, names):
        sent, todo, waiting = (), list(names), frozenset()
        while todo:
            name = next((name for name in todo if case.step(name).client not in waiting), None)
            if name is None:
                return False
            todo.remove(name)
            sent += (name,)
            if sent not in self.known:
                return False
            waiting = self.known[sent]
        return True

    def objection(self, transcript):
        for names, waiting in transcript.waiting.items():
            if self.known.setdefault(names, waiting) != waiting:
                return f"after {' '.join(names)} {shown(waiting)} waits, before it was {shown(self.known[names])}"
        return None


def shown(waiting):
    return ", ".join(sorted(waiting)) or "nobody"


class CaseRun:
    """All orders of one case (or of one of its variants)."""

    def __init__(self, server, case, options):
        self.server, self.case, self.options = server, case, options
        self.bench, self.waiting = Bench(server), Waiting()
        self.judge = Judge(self.bench, case)
        self.runs = self.waited = self.failed = 0
        self.wrong = 0

    def orders(self):
        queues = [chunks_of(steps) for steps in self.case.steps.values()]
        count = count_orders([len(queue) for queue in queues])
        wanted = self.case.sample or self.options.sample
        if self.options.all or count <= wanted:
            return all_orders(queues)
        return drawn_orders(queues, wanted, self.options.seed * 1000003 + zlib.crc32(self.case.name.encode()))

    def run(self):
        if self.options.order:
            self.one(Order(0, self.options.order.split()), False, True)
            return self.wrong
        for order in self.case.orders:
            for extended in (False, True):
                self.one(order, extended)
        if not self.case.only_named:
            for number, names in enumerate(self.orders()):
                if not self.waiting.has_run(self.case, names):
                    self.one(Order(0, names), number % 2 == 1)
        return self.wrong

    def one(self, order, extended, is_shown=False):
        try:
            transcript = self.bench.run(self.case, order, extended)
        except Stuck as stuck:
            self.report(order, extended, f"all wait: {stuck}", None)
            self.bench.close()
            self.bench = self.judge.bench = Bench(self.server)
            return
        self.runs += 1
        self.waited += any(event.waited for event in transcript.events)
        self.failed += bool(failures_of(transcript))
        reason = expectation_objection(self.case, order, transcript) if order.line else None
        if not self.case.only_named:
            reason = reason or self.waiting.objection(transcript)
        reason = reason or liveness_objection(self.case, transcript) or self.judge.objection(transcript)
        if reason:
            self.report(order, extended, reason, transcript)
        elif is_shown:
            print(transcript.show())
            print(f"    at the end: {transcript.final}")

    def report(self, order, extended, reason, transcript):
        self.wrong += 1
        if self.wrong > 3:
            return
        protocol = "extended" if extended else "simple"
        print(f"{self.case.place}: {self.case.name}: {reason}")
        print(f"  order {' '.join(order.names)}   ({protocol} protocol)")
        if transcript:
            print(transcript.show())
            print(f"    at the end: {transcript.final}")


def run_file(name, options):
    wrong = 0
    with quern.Server() as server:
        for case in read_cases(name):
            for variant in case.variants():
                if options.case and options.case not in variant.name:
                    continue
                run = CaseRun(server, variant, options)
                wrong += run.run()
                run.bench.close()
                print(f"{'FAIL' if run.wrong else 'ok  '} {name}: {variant.name}: {run.runs} orders, some waited in "
                      f"{run.waited}, some failed in {run.failed}", flush=True)
    return wrong


def main():
    parser = argparse.ArgumentParser(description="permutation tests")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--case")
    parser.add_argument("--order")
    parser.add_argument("--sample", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    names = options.names or sorted(os.path.basename(path)[: -len(".test")] for path in glob.glob(CASES + "/*.test"))
    return 1 if sum([run_file(name, options) for name in names]) else 0


if __name__ == "__main__":
    sys.exit(main())
