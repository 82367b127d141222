#!/usr/bin/env python3
"""The peer as judge: the same statements in PostgreSQL 15 and in Quern. `compare.py --help` tells the options.

    compare.py                          the tests of test/sql/cases, 100,000 calls, 1,000 worlds
    compare.py --worlds 1000..2000      these seeds of worlds alone
    compare.py --calls 7..7             a seed of calls
"""

import argparse
import collections
import os
import sys
import time

from session import Client, Pair, Statement, quern
from history.servers import PostgreSQL
import cases
from calls import Calls
from catalog import Catalog
from judge import difference
from maker import Maker
from shrink import shrink
from tree import Node

LOCALE = "C.UTF-8"  # Quern's
ZONES = ["UTC", "America/New_York", "Asia/Kolkata"]
CALLS, WORLD = 500, 100  # statements of a seed


class Run:
    """Both servers, and what was found."""

    def __init__(self, peer, engine_options=()):
        self.peer, self.options = peer, engine_options
        self.engine = None
        self.found = {}  # signature: how often
        self.count, self.failed = 0, collections.Counter()  # SQLSTATEs of statements that failed in both
        self.excused = collections.Counter()
        self.start()

    def start(self):
        self.engine = quern.Server(*self.options).start()
        self.connect()
        self.catalog = Catalog(self.pair.peer, self.pair.engine)

    def connect(self):
        self.pair = Pair(Client(self.peer.port, user="postgres", database="postgres"), Client(self.engine.port))

    def stop(self):
        self.pair.peer.close()
        self.pair.engine.close()
        self.engine.stop()

    def report(self, name, script, signature, answers):
        self.found[signature] = self.found.get(signature, 0) + 1
        if self.found[signature] > 1:
            return
        print(f"\n{name}: {signature}")
        for statement in script:
            print(f"  {statement}")
        print(f"    PostgreSQL: {answers[0]}\n    Quern:      {answers[1]}", flush=True)

    def crashed(self, name, script, why):
        """The engine ended; a new one takes its place."""
        signature = f"the connection ended: {why}"
        self.found[signature] = self.found.get(signature, 0) + 1
        print(f"\n{name}: {signature}")
        for statement in script:
            print(f"  {statement}")
        print(f"    it ended with {self.engine.stop()}:\n{self.engine.errors()[-6000:]}", flush=True)
        self.pair.peer.close()
        self.start()

    def calls(self, seed):
        calls = Calls(self.catalog, seed)
        zone = ZONES[seed % len(ZONES)]
        self.pair.fresh(zone)
        for number in range(CALLS):
            statement, about = calls.statement()
            try:
                answers = self.pair.run(statement)
            except ConnectionError as error:
                return self.crashed(f"calls {seed}, statement {number}", [statement], error)
            self.count += 1
            signature = difference(*answers, statement, self.excused)
            if signature:
                self.differs(f"calls {seed}, statement {number}", zone, [statement], signature, f"{about}: ")
        return None

    def world(self, seed):
        maker = Maker(self.catalog, seed)
        zone = ZONES[seed % len(ZONES)]
        self.pair.fresh(zone)
        script, made = [], maker.schema()
        for number in range(WORLD):
            statement = made.pop(0) if made else maker.statement(self.pair.engine.status)
            if not made and number == WORLD - len(maker.tables) - 1:
                statement, made = Statement(Node("control", "commit")), maker.contents()
            script.append(statement)
            try:
                answers = self.pair.run(statement)
            except ConnectionError as error:
                return self.crashed(f"world {seed}, statement {number}", script, error)
            self.count += 1
            if not answers[0].failure and statement.effect:
                statement.effect()
            if answers[0].failure:
                maker.forget(statement)
                self.failed[answers[0].sqlstate] += 1
            signature = difference(*answers, statement, self.excused)
            if signature:
                return self.differs(f"world {seed}, statement {number}", zone, script, signature)
            if (answers[0].failure is None) != (answers[1].failure is None):
                return None  # excused; what follows could differ by it
        return None

    def differs(self, name, zone, script, signature, prefix=""):
        if prefix + signature in self.found:
            self.found[prefix + signature] += 1
            return
        try:
            script, answers = shrink(self.pair, zone, script, signature)
        except ConnectionError as error:
            self.crashed(name, script, error)
            return
        self.report(name, script, prefix + signature, answers)


def seeds(text):
    first, _, last = text.partition("..")
    return range(int(first), int(last or first) + 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", action="store_true", help="all of test/sql/cases")
    parser.add_argument("--calls", type=seeds, help="seeds of calls, 500 statements each")
    parser.add_argument("--worlds", type=seeds, help="seeds of worlds, 100 statements each")
    parser.add_argument("--seconds", type=float, help="no seed begins after this time")
    options = parser.parse_args()
    if not (options.cases or options.calls or options.worlds):
        options.cases, options.calls, options.worlds = True, range(1, 201), range(1, 1001)
    began = time.monotonic()
    with PostgreSQL(locale=LOCALE) as peer:
        failed = cases.run(peer) if options.cases else 0
        run = Run(peer)
        for work, chosen in (run.calls, options.calls or ()), (run.world, options.worlds or ()):
            for seed in chosen:
                if options.seconds and time.monotonic() - began > options.seconds:
                    break
                work(seed)
        run.stop()
    failures = ", ".join(f"{count} {sqlstate}" for sqlstate, count in run.failed.most_common(8))
    print(f"\n{run.count} statements; {sum(run.failed.values())} of worlds failed in both: {failures}")
    print(f"{len(run.found)} kinds of differences, {sum(run.found.values())} in all, "
          f"{time.monotonic() - began:.0f} s")
    for reason, count in run.excused.most_common():
        print(f"{count:6} excused: {reason}")
    for signature, count in sorted(run.found.items(), key=lambda entry: -entry[1]):
        print(f"{count:6} {signature}")
    return 1 if run.found or failed else 0


if __name__ == "__main__":
    sys.exit(main())
