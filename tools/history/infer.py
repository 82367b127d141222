"""All transactions together: who wrote what was read, in which order versions came, and so what depends on what.

Committed are transactions that are ok, and those of unknown outcome of which something was read. Each dependency is an
edge of the graph: ww (it wrote over the other's version), wr (it read the other's version), rw (it read a version that
the other wrote over), the last also of predicates (it did not see a row that the other inserted).

What needs no cycle is found here: aborted, intermediate and garbage reads, duplicates, orders that cannot both be, lost
acknowledged writes, wrong totals, inconsistency inside of one transaction.
"""

import math
from collections import defaultdict

from history.anomaly import Anomaly
from history.graph import PREDICATE, PROCESS, RW, WR, WW, Graph
from history.inside import ListInside, RegisterInside, SetInside, show

NEWEST_READERS = 8  # of a key's last version, before each append that nobody saw


class Inference:
    """What all workloads share: views, writers, who is committed, reads of what never was."""

    inside = None

    def __init__(self, history):
        self.history = history
        self.transactions = history.transactions
        self.graph = Graph(len(self.transactions))
        self.anomalies = []
        self.views = [self.look(each) for each in self.transactions]
        self.writer, self.undone = {}, {}  # (key, value) -> index
        self.attempts = defaultdict(list)  # key -> [(index, value)]
        for index, view in enumerate(self.views):
            for key, values in view.writes.items():
                for value in values:
                    self.writer[key, value] = index
                    self.attempts[key].append((index, value))
            for key, value in view.undone:
                self.undone[key, value] = index
        self.committed = self.find_committed()
        self.readers = defaultdict(list)  # key -> [(index, version)]
        for index in sorted(self.committed):
            for key, version in self.views[index].reads.items():
                self.readers[key].append((index, version))

    def look(self, transaction):
        return self.inside().walk(transaction.ops)

    def is_final(self, key, value):
        return self.views[self.writer[key, value]].writes[key][-1] == value

    def find_committed(self):
        committed = {each.index for each in self.transactions if each.status == "ok"}
        unread = list(committed)
        while unread:
            for key, version in self.views[unread.pop()].reads.items():
                for value in self.values(version):
                    index = self.writer.get((key, value))
                    if index is not None and index not in committed and self.transactions[index].status == "info":
                        committed.add(index)
                        unread.append(index)
        return committed

    def run(self):
        for index in sorted(self.committed):
            for key, text in self.views[index].complaints:
                self.found("internal", [index], f"{{0}} disagrees with itself about {key}: it {text}")
        for key, reads in self.readers.items():
            self.check_values(key, reads)
        self.infer()
        self.order_processes()
        return self

    def found(self, name, indexes, text):
        """Notes an anomaly; {0}, {1}, … in the text are the transactions."""
        self.anomalies.append(Anomaly(name, list(indexes), [text]))

    def check_values(self, key, reads):
        """Aborted, undone and garbage values among what was read of a key; each value is complained of once."""
        known = set()
        for index, version in reads:
            for value in self.values(version):
                if value in known:
                    continue
                known.add(value)
                writer = self.writer.get((key, value))
                if writer is None and (key, value) in self.undone:
                    undoer = self.undone[key, value]
                    self.found("internal" if undoer == index else "G1a", [index, undoer],
                               f"{{0}} read {value} of {key}, which {{1}} had undone with ROLLBACK TO")
                elif writer is None:
                    self.found("garbage read", [index], f"{{0}} read {value} of {key}, which nobody wrote")
                elif self.transactions[writer].status == "fail":
                    self.found("G1a", [index, writer], f"{{0}} read {value} of {key}, which {{1}} wrote, which failed")

    def check_intermediate(self, index, key, value):
        writer = self.writer.get((key, value))
        if writer is not None and writer != index and not self.is_final(key, value):
            final = self.views[writer].writes[key][-1]
            self.found("G1b", [index, writer],
                       f"{{0}} read {key} with {value} as its newest, over which {{1}} itself wrote {final}")

    def check_lost(self, key, order):
        """Acknowledged writes that the newest read of a key, begun after they ended, does not show."""
        reads = [(self.transactions[index].start or 0, index, version) for index, version in self.readers[key]]
        if not reads:
            return
        start, reader, version = max(reads, key=lambda read: read[0])
        shown = set(self.values(version)) | set(self.views[reader].writes.get(key, ()))
        for index, value in self.attempts[key]:
            transaction = self.transactions[index]
            if transaction.status == "ok" and value not in shown and value not in order:
                if transaction.end is not None and transaction.end < start:
                    self.found("lost acknowledged write", [index, reader],
                               f"{{0}} wrote {value} to {key} and was told so; {{1}}, later, does not see it")

    def depends(self, source, target, kind, key):
        if source in self.committed and target in self.committed:
            self.graph.add(source, target, kind, key)

    def order_processes(self):
        last = {}
        for transaction in self.transactions:
            if transaction.index in self.committed:
                if transaction.process in last:
                    self.graph.add(last[transaction.process], transaction.index, PROCESS)
                last[transaction.process] = transaction.index


class Lists(Inference):
    """A read shows all versions up to its own: the longest read of a key is the order of its versions."""

    inside = ListInside

    @staticmethod
    def values(version):
        return version

    def infer(self):
        for key in self.attempts.keys() | self.readers.keys():
            order = self.order(key)
            self.check_lost(key, set(order))
            writers = [self.writer.get((key, value)) for value in order]
            for before, after in zip(writers, writers[1:]):
                if before is not None and after is not None:
                    self.depends(before, after, WW, key)
            for index, version in self.readers[key]:
                self.read(index, key, version, order, writers)
            self.unseen(key, order, writers)

    def order(self, key):
        """The longest version; reads that are no prefix of it, or show one element twice, are complained of."""
        reads = self.readers[key]
        if not reads:
            return []
        longest_reader, order = max(reads, key=lambda read: len(read[1]))
        complained = set()
        for index, version in reads:
            if version and len(set(version)) < len(version) and "twice" not in complained:
                twice = next(value for at, value in enumerate(version) if value in version[:at])
                self.found("duplicate", [index], f"{{0}} read {twice} of {key} twice: {show(version)}")
                complained.add("twice")
            if version != order[: len(version)] and "order" not in complained:
                self.found("incompatible order", [index, longest_reader],
                           f"{{0}} read {key} as {show(version)}, {{1}} as {show(order)}:"
                           " neither begins with the other")
                complained.add("order")
        return order

    def read(self, index, key, version, order, writers):
        size = len(version)
        if version:
            self.check_intermediate(index, key, version[-1])
            writer = self.writer.get((key, version[-1]))
            if writer is not None:
                self.depends(writer, index, WR, key)
        if size < len(order) and version == order[:size] and writers[size] is not None:
            self.depends(index, writers[size], RW, key)

    def unseen(self, key, order, writers):
        """Appends that no read shows come after all that were read."""
        shown = set(order)
        missing = {index for index, value in self.attempts[key] if value not in shown and index in self.committed}
        if not missing or not self.readers[key]:
            return
        last = [(self.transactions[index].start or 0, index) for index, version in self.readers[key]
                if len(version) == len(order)]
        for index in missing:
            if writers and writers[-1] is not None:
                self.depends(writers[-1], index, WW, key)
            for _, reader in sorted(last)[-NEWEST_READERS:]:
                self.depends(reader, index, RW, key)


class Sets(Inference):
    """Adds have no order among themselves. A read without an element comes before its add: a predicate's dependency."""

    inside = SetInside

    @staticmethod
    def values(version):
        return version

    def infer(self):
        for key in self.attempts.keys() | self.readers.keys():
            self.check_lost(key, ())
            for index, version in self.readers[key]:
                if len(set(version)) < len(version):
                    self.found("duplicate", [index], f"{{0}} read an element of {key} twice: {show(version)}")
                shown = set(version)
                for writer, value in self.attempts[key]:
                    if value in shown:
                        self.depends(writer, index, WR, key)
                    else:
                        self.depends(index, writer, PREDICATE, key)


class Registers(Inference):
    """Versions of a key are ordered by their numbers where reads show them, and by reads before writes.

    A transaction that read a version and then wrote the key wrote after that version. The version where there is no row
    comes first.
    """

    inside = RegisterInside

    def look(self, transaction):
        walk = RegisterInside()
        view = walk.walk(transaction.ops)
        view.numbers = {at: number for at, number in walk.numbers.items()
                        if at[1] == view.writes.get(at[0], [None])[-1]}
        return view

    @staticmethod
    def values(version):
        return () if version[0] is None else (version[0],)

    def infer(self):
        self.numbers = {}
        for index in sorted(self.committed):
            self.numbers.update(self.views[index].numbers)
        for key in self.attempts.keys() | self.readers.keys():
            readers = defaultdict(list)  # value -> indexes
            for index, (value, number) in self.readers[key]:
                readers[value].append(index)
                if value is not None:
                    self.check_intermediate(index, key, value)
                    self.depends(self.writer.get((key, value), index), index, WR, key)
                if number is not None:
                    self.number(index, key, value, number)
            self.count(key)
            for before, after in self.successors(key, readers):
                writer = self.writer.get((key, after))
                if writer is None:
                    continue
                if before is not None and (key, before) in self.writer:
                    self.depends(self.writer[key, before], writer, WW, key)
                for reader in readers[before]:
                    self.depends(reader, writer, RW, key)

    def number(self, index, key, value, number):
        if self.numbers.setdefault((key, value), number) != number:
            self.found("incompatible order", [index],
                       f"{{0}} read {value} of {key} as version {number};"
                       f" it is also version {self.numbers[key, value]}")

    def successors(self, key, readers):
        """Pairs of values of a key, of which the second came after the first."""
        known = {}
        for value in {value for _, value in self.attempts[key]} | readers.keys():
            number = 0 if value is None else self.numbers.get((key, value))
            if number is None:
                continue
            if number in known:
                indexes = [self.writer[key, each] for each in (known[number], value) if (key, each) in self.writer]
                self.found("incompatible order", indexes,
                           f"{show(known[number])} and {value} of {key} are both version {number}")
            known[number] = value
        ordered = [known[number] for number in sorted(known)]
        pairs = set(zip(ordered, ordered[1:]))
        for index, value in self.attempts[key]:
            view = self.views[index]
            if key in view.reads and index in self.committed and value == view.writes[key][-1]:
                pairs.add((view.reads[key][0], value))
            if readers[None] and value not in ordered:
                pairs.add((None, value))
        return sorted((pair for pair in pairs if pair[0] != pair[1]), key=str)

    def count(self, key):
        """Each write counts its row's version up: the newest read cannot show fewer than were acknowledged before."""
        reads = [(self.transactions[index].start or 0, index, version) for index, version in self.readers[key]
                 if version[1] is not None]
        if not reads:
            return
        start, reader, (_, number) = max(reads, key=lambda read: read[:2])
        end = self.transactions[reader].end or math.inf
        sure = [index for index, _ in self.attempts[key]
                if self.transactions[index].status == "ok" and (self.transactions[index].end or start) < start]
        possible = [index for index, _ in self.attempts[key]
                    if self.transactions[index].status != "fail" and self.transactions[index].start < end]
        if number < len(sure):
            self.found("lost acknowledged write", [reader],
                       f"{{0}} read version {number} of {key}, to which {len(sure)} writes had been acknowledged")
        if number > len(possible):
            self.found("duplicate", [reader],
                       f"{{0}} read version {number} of {key}, to which only {len(possible)} writes can have been made")


class Bank:
    """Transfers between accounts: every look at all of them at once shows the same total."""

    def __init__(self, history):
        self.history, self.transactions = history, history.transactions
        self.graph = Graph(len(self.transactions))
        self.anomalies = []
        self.committed = {each.index for each in self.transactions if each.status == "ok"}

    def run(self):
        accounts, balance = self.history.settings["accounts"], self.history.settings["balance"]
        newest = None
        for transaction in self.transactions:
            if transaction.status != "ok":
                continue
            seen = self.look(transaction)
            if len(seen) < accounts:
                continue
            if newest is None or transaction.start > newest[0].start:
                newest = transaction, seen
            if sum(seen.values()) != accounts * balance:
                self.anomalies.append(Anomaly("wrong total", [transaction.index], [
                    f"{{0}} saw {sum(seen.values())} in all accounts together, not {accounts * balance}:"
                    f" {sorted(seen.items())}"]))
            for account in (each for each in seen if seen[each] < 0):
                self.anomalies.append(Anomaly("negative balance", [transaction.index], [
                    f"{{0}} saw {seen[account]} in account {account}"]))
        if newest:
            self.check_balances(*newest, balance)
        return self

    @staticmethod
    def look(transaction):
        """The balances that it read before it wrote."""
        seen = {}
        for op in transaction.ops:
            if op[0] in ("add", "set"):
                return {}
            if op[0] == "r" and len(op) > 2:
                seen[op[1]] = op[2]
        return seen

    def check_balances(self, reader, seen, balance):
        """The newest look shows all transfers acknowledged before it, and maybe some of unknown outcome."""
        sure, unsure = defaultdict(lambda: balance), defaultdict(list)
        for transaction in self.transactions:
            if transaction.status == "fail":
                continue
            is_sure = transaction.status == "ok" and transaction.end < reader.start
            for account, amount in self.amounts(transaction).items():
                if is_sure:
                    sure[account] += amount
                else:
                    unsure[account].append(amount)
        for account, value in seen.items():
            possible = {sure[account]}
            for amount in unsure[account]:
                possible |= {each + amount for each in possible}
            if value not in possible:
                self.anomalies.append(Anomaly("lost acknowledged write", [reader.index], [
                    f"{{0}} saw {value} in account {account}, where the acknowledged transfers make {sure[account]}"
                    f" and those of unknown outcome {unsure[account]}"]))

    @staticmethod
    def amounts(transaction):
        """What the transaction adds to each account, without what ROLLBACK TO took away."""
        changes, read, marks = [], {}, []
        for op in transaction.ops:
            if op[0] == "r" and len(op) > 2:
                read[op[1]] = op[2]
            elif op[0] == "add":
                changes.append((op[1], op[2]))
            elif op[0] == "set":
                changes.append((op[1], op[2] - read[op[1]]))
                read[op[1]] = op[2]
            elif op[0] == "savepoint":
                marks.append((len(changes), dict(read)))
            elif op[0] == "rollback":
                at, read = marks.pop()
                del changes[at:]
            elif op[0] == "release":
                marks.pop()
        total = defaultdict(int)
        for account, amount in changes:
            total[account] += amount
        return total


def infer(history):
    return {"list": Lists, "set": Sets, "register": Registers, "bank": Bank}[history.workload](history).run()
