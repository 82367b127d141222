"""Runs one order of a case's steps against a server, and keeps what everybody was told.

1. A step waits if the server has looked at it and has not answered. The server handles what arrives in its order, and
   sends the answers of one round before it reads the next: when a question of another connection has been answered
   twice, whatever was sent before it has been looked at, and its answer has come if there is one.
2. A client that waits sends nothing: its further steps stand back until its answer has come. So what was sent in which
   order (`Transcript.names`) may differ from the order that was asked for.
3. Between two runs nothing is left: no table, no source, no open transaction, no connection but the probe's.
"""

import os
import select
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import quern
from show import show_value

CIRCUMSTANCES = {"40001", "40P01", "53200", "55P03", "57014", "72000"}  # errors that tell nothing of the tables
CONTROL = ("begin", "start transaction", "commit", "end", "rollback", "abort")
DROPS = {"w": "workflow", "f": "source", "r": "table", "v": "view", "m": "materialized view", "S": "sequence"}


class Stuck(Exception):
    """Everybody waits, and nobody is left to let them go."""


class Answer:
    def __init__(self, rows=(), tags=(), sqlstate=None, message=None, constraint=None):
        self.rows, self.tags = list(rows), list(tags)
        self.sqlstate, self.message, self.constraint = sqlstate, message, constraint

    def lines(self):
        if self.sqlstate:
            return [f"error {self.sqlstate} {self.message}"]
        return self.rows + ["tag " + tag for tag in self.tags]


class Event:
    """One step as it happened: when it was sent and answered, and the transaction's state before and after it."""

    def __init__(self, step, sent, status):
        self.step, self.sent, self.status_before = step, sent, status
        self.answered = self.answer = self.status = None
        self.released_by = None  # the step after which a waiting one was answered
        self.waited = False


class Transcript:
    def __init__(self):
        self.events = []
        self.final = None
        self.waiting = {}  # prefix of names -> who waited then

    @property
    def names(self):
        return tuple(event.step.name for event in self.events)

    def show(self):
        lines = []
        for event in self.events:
            told = " / ".join(event.answer.lines()) if event.answer else "no answer"
            waited = f"   (waited, until {event.released_by})" if event.waited else ""
            lines.append(f"    {event.step.name}: {' '.join(event.step.text.split())} -> {told}{waited}")
        return "\n".join(lines)


class SteppingClient(quern.Client):
    """A client whose answer is asked for, not waited for."""

    def begin(self, step, extended):
        if step.runs:
            self.run_source(step.runs[1], step.runs[2])
        elif step.is_pipeline or (extended and len(step.statements()) == 1):
            parts = [self.parse(text) + self.bind() + self.describe() + self.execute() for text in step.statements()]
            self.send(b"".join(parts) + self.message("S"))
        else:
            self.send(self.message("Q", step.text.encode() + b"\0"))

    def run_source(self, name, rows):
        """Lets a paused source run until it has given its rows, however long it waits for others; then asks how many."""
        self.query(f"alter source {name} set (state = 'running')")
        question = f"select rows from quern.sources where name = '{name}'"
        quern.wait_until(lambda: self.value(question) == rows, f"source {name} gives {rows} rows")
        self.send(self.message("Q", question.encode() + b"\0"))

    def is_answered(self, patience=0):
        while select.select([self.socket], [], [], patience)[0]:
            got = self.socket.recv(1 << 16)
            if not got:
                raise ConnectionError("the server closed the connection")
            self.buffer += got
            if self.has_whole_answer():
                return True
        return self.has_whole_answer()

    def has_whole_answer(self):
        at = 0
        while at + 5 <= len(self.buffer):
            end = at + 1 + struct.unpack("!i", self.buffer[at + 1 : at + 5])[0]
            if self.buffer[at : at + 1] == b"Z":
                return end <= len(self.buffer)
            at = end
        return False

    def answer(self):
        try:
            result = self.collect()
        except quern.Failure as failure:
            return Answer(sqlstate=failure.sqlstate, message=failure.message, constraint=failure.fields.get("n"))
        rows = [" | ".join(show_value(value) for value in row) or "()" for row in result.rows]
        return Answer(rows + ["> " + line for line in result.copied.decode().splitlines()], result.tags)


class Bench:
    """A server in memory and the probe; the clients of a run are connected for it."""

    def __init__(self, server):
        self.server = server
        self.probe = SteppingClient(server.port)

    def close(self):
        self.probe.close()

    def settle(self):
        for _ in range(2):
            self.probe.query("select 1")

    def reset(self, case):
        sources = {name for (name,) in self.probe.rows("select name from quern.sources")}
        drops = []
        for name, kind in self.probe.rows("select relname, relkind from pg_class where relnamespace = 2200"):
            if kind in DROPS:
                drops.append((DROPS["f" if name in sources else kind], name))
        drops.sort(key=lambda drop: ("workflow", "source", "materialized view", "view", "table", "sequence").index(drop[0]))
        for kind, name in drops:
            self.probe.query(f"drop {kind} if exists {name} cascade")
        for text in case.tables:
            try:
                self.probe.query(text)
            except quern.Failure as failure:
                raise RuntimeError(f"{case.place}: {text}: {failure}") from failure

    def final(self, case):
        """What stands in the tables at the end."""
        queries = case.final
        if not queries:
            names = self.probe.rows("select relname from pg_class where relnamespace = 2200 and relkind = 'r'")
            queries = [f"select * from {name}" for (name,) in sorted(names)]
        return {query: sorted(" | ".join(show_value(value) for value in row) for row in self.probe.rows(query))
                for query in queries}

    def run(self, case, order, extended=False):
        run = Run(self, case, extended)
        try:
            self.reset(case)
            run.steps(order)
            run.transcript.final = self.final(case)
        finally:
            run.close()
        return run.transcript


class Run:
    """One run of an order."""

    def __init__(self, bench, case, extended):
        self.bench, self.case, self.extended = bench, case, extended
        self.transcript = Transcript()
        self.clients = {name: SteppingClient(bench.server.port) for name in case.steps}
        self.open = {}  # client's name -> the event that has not been answered
        self.clock = 0

    def close(self):
        for client in self.clients.values():
            client.close()

    def tick(self):
        self.clock += 1
        return self.clock

    def send(self, step):
        client = self.clients[step.client]
        event = Event(step, self.tick(), client.status)
        self.transcript.events.append(event)
        self.open[step.client] = event
        client.begin(step, self.extended)
        # The patience only saves questions; when nobody else waits, nothing but this answer can come.
        if len(self.open) > 1 or not client.is_answered(0.002):
            self.bench.settle()
        self.take(step.name)

    def take(self, cause):
        """Takes the answers that have come."""
        for name, event in list(self.open.items()):
            if self.clients[name].is_answered():
                event.answer = self.clients[name].answer()
                event.answered, event.status = self.tick(), self.clients[name].status
                event.released_by = cause if event.waited else None
                del self.open[name]
            else:
                event.waited = True
        self.transcript.waiting[self.transcript.names] = frozenset(self.open)

    def steps(self, order):
        todo = list(order.names)
        while todo:
            name = next((name for name in todo if self.case.step(name).client not in self.open), None)
            if name is None:
                self.let_go()
                continue
            todo.remove(name)
            step = self.case.step(name)
            self.send(step)
            if name in order.awaited and step.client in self.open:
                self.clients[step.client].is_answered(quern.PATIENCE)
                self.take(name)
        while self.open or any(client.status != "I" for client in self.clients.values()):
            self.let_go()

    def let_go(self):
        """Ends an open transaction that does not wait."""
        for name, client in self.clients.items():
            if name not in self.open and client.status != "I":
                self.send(Rollback(name))
                return
        raise Stuck(", ".join(f"{event.step.name}" for event in self.open.values()))


class Rollback:
    """The end of a transaction that a case leaves open."""

    is_pipeline, runs, text = False, None, "rollback;"

    def __init__(self, client):
        self.client, self.name = client, f"{client}*"

    def statements(self):
        return ["rollback"]
