"""The clients: what shapes transactions have, what is recorded, and what becomes of cut connections.

A run has a few processes with several clients each, every client a thread. The parent kills and restarts the server
meanwhile. A client whose connection is lost, by a kill or because it cuts it itself, connects again under a new name: the
old one's transaction may still be under way.

Shapes of a transaction:

    one-shot     one statement, by the simple or the extended protocol
    batch        several statements in one message
    pipeline     several statements up to one Sync
    interactive  BEGIN, a statement at a time, COMMIT or ROLLBACK
    whole        BEGIN, statements and COMMIT up to one Sync
    copy         COPY FROM STDIN
"""

import json
import multiprocessing
import os
import random
import tempfile
import threading
import time

from history.record import History, Transaction
from history.servers import Client
from history.workloads import WORKLOADS, Context, Step
from quern import Failure

ABORTS = ("40001", "40P01", "55P03")  # the transaction failed, and nothing is wrong
SHAPES = {"one-shot": 4, "batch": 2, "pipeline": 2, "interactive": 6, "whole": 2, "copy": 1}
ANSWER_S = 30  # a client that waits longer for an answer complains
PARAMETERS = {"user": "postgres", "database": "postgres"}
BACK_S = 0.02  # between two tries to connect


class Options:
    """How a run is to be."""

    def __init__(self, workload="list", seconds=5.0, clients=8, processes=2, seed=1, shapes=None, savepoints=False,
                 claims=False, stream=0, cuts=0.0, kills=0, rollbacks=0.05, isolation=None, strict=True, think_ms=0.0):
        self.workload, self.seconds, self.seed = workload, seconds, seed
        self.clients, self.processes = clients, processes
        self.shapes = shapes or SHAPES
        self.savepoints, self.claims, self.stream = savepoints, claims, stream  # stream: rows a second
        self.cuts, self.kills, self.rollbacks = cuts, kills, rollbacks  # parts of transactions; kills in all
        self.isolation = isolation  # named at BEGIN
        self.strict = strict  # a one-shot may not fail with 40001
        self.think_ms = think_ms  # between the statements of an interactive transaction


class Lost(Exception):
    """The connection is gone."""


class Driver:
    """One client."""

    def __init__(self, number, options, shared):
        self.number, self.options, self.shared = number, options, shared
        self.draw = random.Random(options.seed * 1000 + number)
        self.workload = WORKLOADS[options.workload](
            Context(self.draw, number, options.clients, shared.writes, shared.stream_at, options))
        self.client, self.lives = None, 0
        self.records, self.complaints = [], []

    # --- Time and connection --------------------------------------------------------------------------

    def now(self):
        return (time.monotonic_ns() - self.shared.begun_ns) // 1000

    def connect(self):
        """A new connection, once there is a server; None when the run is over before."""
        while not self.shared.is_over():
            try:
                client = Client(self.shared.port.value, patience=ANSWER_S, **PARAMETERS)
                client.prepared = {}
                return client
            except TimeoutError:
                self.complaints.append(f"no connection in {ANSWER_S} s")
            except (OSError, Failure):
                time.sleep(BACK_S)
        return None

    def cut(self):
        if self.client:
            self.client.close()
        self.client = None

    def exchange(self, data, can_be_cut=True):
        """Sends, and gives what is answered."""
        try:
            self.client.send(data)
            if can_be_cut and self.draw.random() < self.options.cuts:
                raise Lost("cut by the client")
            return self.client.collect()
        except Failure as failure:
            if failure.fields.get("S") == "FATAL":
                raise Lost(str(failure)) from failure
            raise
        except TimeoutError as error:
            self.complaints.append(f"no answer in {ANSWER_S} s to {data[:200]}")
            raise Lost("no answer") from error
        except OSError as error:
            raise Lost(f"{type(error).__name__}: {error}") from error

    # --- Statements as messages -------------------------------------------------------------------------

    def simple(self, text):
        return Client.message("Q", text.encode() + b"\0")

    def extended(self, step):
        """Without its Sync. Half of the statements are prepared once and kept."""
        if self.draw.random() < 0.5:
            text, values, name = step.text, step.values, ""
        else:
            text, values, name = step.literal(), [], ""
        head = b""
        if values and self.draw.random() < 0.7:
            name = self.client.prepared.get(text)
            if name is None:
                name = self.client.prepared[text] = f"s{len(self.client.prepared)}"
                head = Client.parse(text, name)
        else:
            head = Client.parse(text)
        return head + Client.bind(values, name) + Client.describe() + Client.execute()

    def one(self, step):
        if self.draw.random() < 0.5:
            return self.simple(step.literal())
        return self.extended(step) + Client.message("S")

    # --- Transactions -------------------------------------------------------------------------------------

    def steps(self, is_static, savepoints=False):
        """The parts of a transaction, some of them between a savepoint and its end."""
        for number in range(self.draw.randrange(1, 4)):
            is_marked = savepoints and self.draw.random() < 0.4
            if is_marked:
                yield Step(f"SAVEPOINT s{number}", [], [["savepoint", f"s{number}"]])
            yield from self.workload.part(is_static)
            if is_marked and self.draw.random() < 0.8:
                if self.draw.random() < 0.6:
                    yield Step(f"ROLLBACK TO SAVEPOINT s{number}", [], [["rollback", f"s{number}"]])
                else:
                    yield Step(f"RELEASE SAVEPOINT s{number}", [], [["release", f"s{number}"]])

    def transaction(self):
        shape = self.draw.choices(list(self.options.shapes), list(self.options.shapes.values()))[0]
        process = f"c{self.number}" + (f".{self.lives}" if self.lives else "")
        record = Transaction(process, "info", self.now(), None, [], shape)
        run = {"one-shot": self.one_shot, "batch": self.batch, "pipeline": self.pipeline, "whole": self.pipeline,
               "interactive": self.interactive, "copy": self.copy}[shape]
        self.is_sure = True  # that the transaction is not committed, should the connection be lost now
        try:
            if run(record) is None:
                return
        except Failure as failure:
            record.status, record.end = "fail", self.now()
            record.error = f"{failure.sqlstate} {failure.message}"
            self.judge(failure, record)
            self.clean_up()
        except Lost as lost:
            record.status, record.error = "fail" if self.is_sure else "info", str(lost)
            record.end = self.now() if self.is_sure else None
            self.cut()
            self.lives += 1
        self.records.append(record)

    def judge(self, failure, record):
        is_alone = record.how not in ("interactive", "whole")
        if failure.sqlstate == "40001" and is_alone and self.options.strict:
            self.complaints.append(f"a {record.how} failed with {failure}: {record.ops}")
        elif failure.sqlstate not in ABORTS and failure.sqlstate not in self.workload.expected:
            self.complaints.append(f"{failure} {failure.fields}: {record.ops}")

    def clean_up(self):
        """Leaves a failed transaction. A Parse behind the error was not done: prepared statements are begun anew."""
        try:
            self.exchange(self.simple("ROLLBACK" if self.client.status != "I" else ""), can_be_cut=False)
            self.exchange(self.simple("DEALLOCATE ALL"), can_be_cut=False)
            self.client.prepared = {}
        except (Lost, Failure):
            self.cut()

    @staticmethod
    def stamp(ops, start, end):
        return [[*op, start, end] if len(op) > 2 else op for op in ops]

    def begin(self):
        level = f" ISOLATION LEVEL {self.options.isolation}" if self.options.isolation else ""
        return "BEGIN" + level

    def one_shot(self, record):
        step = next(iter(self.workload.part(True)))
        while self.workload.name == "bank" and step.text.startswith("UPDATE") and len(step.ops) == 1:
            step = next(iter(self.workload.part(True)))  # half a transfer is no transaction
        record.ops = step.ops
        self.is_sure = False
        record.ops = step.take(self.exchange(self.one(step)).rows)
        return self.ended(record)

    def batch(self, record):
        steps = list(self.steps(is_static=True))
        record.ops = [op for step in steps for op in step.ops]
        self.is_sure = False
        result = self.exchange(self.simple(";".join(step.literal() for step in steps)))
        return self.taken(record, steps, result.answers)

    def pipeline(self, record):
        is_whole = record.how == "whole"
        steps = list(self.steps(is_static=True, savepoints=is_whole and self.options.savepoints))
        record.ops = [op for step in steps for op in step.ops]
        self.is_sure = False
        sent = [Step(self.begin(), [], []), *steps, Step("COMMIT", [], [])] if is_whole else steps
        result = self.exchange(b"".join(map(self.extended, sent)) + Client.message("S"))
        return self.taken(record, steps, result.answers[1:-1] if is_whole else result.answers)

    def taken(self, record, steps, answers):
        if len(answers) != len(steps):
            self.complaints.append(f"{len(steps)} statements, {len(answers)} answers: {record.ops}")
            return self.ended(record)
        record.ops = [op for step, rows in zip(steps, answers) for op in step.take(rows)]
        return self.ended(record)

    def interactive(self, record):
        self.exchange(self.simple(self.begin()))
        for step in self.steps(is_static=False, savepoints=self.options.savepoints):
            start, at = self.now(), len(record.ops)
            record.ops += step.ops
            rows = self.exchange(self.one(step)).rows
            record.ops[at:] = self.stamp(step.take(rows), start, self.now())
            if self.options.think_ms:
                time.sleep(self.options.think_ms / 1000 * self.draw.random())
        if self.draw.random() < self.options.rollbacks:
            self.exchange(self.simple("ROLLBACK"))
            record.status, record.end, record.error = "fail", self.now(), "rolled back"
            return record
        self.is_sure = False
        self.exchange(self.simple("COMMIT"))
        return self.ended(record)

    def copy(self, record):
        copied = self.workload.copy() if hasattr(self.workload, "copy") else None
        if not copied:
            return None
        text, data, record.ops = copied
        try:
            self.client.send(self.simple(text))
            self.client.collect("G")
        except OSError as error:
            raise Lost(str(error)) from error
        self.is_sure = False
        self.exchange(Client.message("d", data.encode()) + Client.message("c"))
        return self.ended(record)

    def ended(self, record):
        record.status, record.end = "ok", self.now()
        return record

    def run(self):
        while not self.shared.is_over():
            if self.client is None:
                self.client = self.connect()
                continue
            self.transaction()
        self.cut()


class Shared:
    """What the processes of a run share."""

    def __init__(self, server, options):
        self.begun_ns = time.monotonic_ns()
        self.until_ns = self.begun_ns + int(options.seconds * 1e9)
        self.port = multiprocessing.Value("i", server.port)
        self.writes, self.stream_at = multiprocessing.Value("q", 0), multiprocessing.Value("q", 0)

    def is_over(self):
        return time.monotonic_ns() >= self.until_ns


def run_clients(numbers, options, shared, path):
    """The clients of one process. Writes what they recorded."""
    drivers = [Driver(number, options, shared) for number in numbers]
    threads = [threading.Thread(target=driver.run) for driver in drivers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with open(path, "w", encoding="utf-8") as file:
        for driver in drivers:
            for record in driver.records:
                print(json.dumps(record.to_json()), file=file)
            for text in driver.complaints:
                print(json.dumps({"complaint": text}), file=file)


def drive(server, options):
    """Runs a workload on a server. Gives the history, and complaints about what should not have been answered."""
    workload = WORKLOADS[options.workload]
    with server.connect() as client:
        for statement in workload.setup(options):
            client.query(statement)
    shared = Shared(server, options)
    history, complaints = History(workload.name, **workload.settings), []
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, str(number)) for number in range(options.processes)]
        context = multiprocessing.get_context("fork")
        children = [context.Process(target=run_clients, daemon=True, args=(numbers, options, shared, path))
                    for numbers, path in ((range(options.clients)[at :: options.processes], path)
                                          for at, path in enumerate(paths))]
        for child in children:
            child.start()
        kill(server, options, shared, history)
        for child in children:
            child.join()
            if child.exitcode != 0:
                complaints.append(f"a process of clients ended with {child.exitcode}")
        if options.kills:
            restart(server, shared, history)
        for path in paths:
            with open(path, encoding="utf-8") as file:
                for line in map(json.loads, file):
                    if "complaint" in line:
                        complaints.append(line["complaint"])
                    else:
                        history.transactions.append(Transaction.from_json(line))
    history.transactions.sort(key=lambda each: each.start)
    try:
        read_all(server, workload, history, shared)
    except TimeoutError:
        complaints.append(f"no answer in {ANSWER_S} s to the last reads; the server was killed")
        server.kill()
    if options.stream and hasattr(workload, "stream_ops"):
        add_stream(workload, history)
    history.number()
    return history, complaints


def kill(server, options, shared, history):
    """Kills the server now and then; drive() does once more, when the last client has gone."""
    for _ in range(options.kills):
        time.sleep(options.seconds / (options.kills + 1))
        restart(server, shared, history)


def restart(server, shared, history):
    def note(text):
        history.events.append(((time.monotonic_ns() - shared.begun_ns) // 1000, text))

    note("the server was killed")
    server.kill()
    server.start()
    shared.port.value = server.port
    note("it was up again")


def read_all(server, workload, history, shared):
    """One transaction by a client that comes when all others have gone: what is there in the end."""
    marks = "savepoint", "rollback", "release"
    keys = {op[1] for each in history.transactions for op in each.ops if op[0] not in marks}
    with Client(server.port, patience=ANSWER_S, **PARAMETERS) as client:
        client.query("BEGIN")
        start, ops = (time.monotonic_ns() - shared.begun_ns) // 1000, []
        for step in workload.final(keys):
            ops += step.take(client.query(step.literal()).rows)
        client.query("COMMIT")
        end = (time.monotonic_ns() - shared.begun_ns) // 1000
    history.transactions.append(Transaction("final", "ok", start, end, ops, "interactive"))


def add_stream(workload, history):
    """The atoms of the stream, as far as any of them was seen. All must be there: a row is never left out."""
    newest = 0
    for transaction in history.transactions:
        for op in transaction.ops:
            if op[0] == "r" and len(op) > 2:
                newest = max(newest, -min(op[2], default=0))
    rows = [Transaction("stream", "ok", None, None, workload.stream_ops(row), "stream") for row in range(1, newest + 1)]
    history.transactions += rows
