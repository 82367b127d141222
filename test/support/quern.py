"""A server under test, and a client that speaks the protocol byte by byte. Standard library only."""

import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("QUERN_BUILD", "build")
SOURCE = os.environ.get("QUERN_SOURCE", ".")
PATIENCE = 600  # seconds before a test gives up waiting for something that should come


class Failure(Exception):
    """An ErrorResponse: its fields by letter."""

    def __init__(self, fields):
        super().__init__(f"{fields.get('C')}: {fields.get('M')}")
        self.fields = fields
        self.sqlstate = fields.get("C")
        self.message = fields.get("M")


class Server:
    """`quern serve` on a free port. Ended by its own process id, whatever happens."""

    def __init__(self, *options, data=None):
        self.options = list(options)
        self.data = data
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def command(self):
        place = ["--data", self.data] if self.data else ["--in-memory"]
        return [os.path.join(BUILD, "quern"), "serve", *place, "--listen", "127.0.0.1:0", *self.options]

    def start(self):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(self.command(), stdout=subprocess.PIPE, stderr=self.log)
        line = self.process.stdout.readline().decode()
        if "listening on" not in line:
            self.process.wait()
            raise RuntimeError(f"the server did not start: {line}{self.errors()}")
        self.port = int(line.rsplit(":", 1)[1])
        return self

    def errors(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.process = None

    def stop(self):
        """SIGTERM; gives the exit code. A server that died before is an error."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = "hung"
        self.process.stdout.close()
        self.process = None
        if code != 0 and sys.exc_info()[0] is None:
            raise RuntimeError(f"the server ended with {code}:\n{self.errors()}")
        return code

    def connect(self, **options):
        return Client(self.port, **options)


class Result:
    def __init__(self):
        self.rows, self.tags, self.columns, self.notices, self.copied = [], [], [], [], b""
        self.answers = []  # the rows of each statement, where there are several


class Client:
    def __init__(self, port, user="test", start=True, patience=PATIENCE, **parameters):
        self.socket = socket.create_connection(("127.0.0.1", port), patience)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.status = None
        self.parameters = {}
        self.notifications = []  # (backend's process id, channel, payload)
        if start:
            pairs = {"user": user, **parameters}
            body = b"".join(f"{k}\0{v}\0".encode() for k, v in pairs.items()) + b"\0"
            self.send(struct.pack("!ii", len(body) + 8, 196608) + body)
            self.collect()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    # --- Bytes ---------------------------------------------------------------------------------------

    def send(self, data):
        self.socket.sendall(data)

    def read_message(self):
        """(type, body), or None at the connection's end."""
        while True:
            if len(self.buffer) >= 5:
                size = struct.unpack("!i", self.buffer[1:5])[0]
                if len(self.buffer) >= 1 + size:
                    message = self.buffer[:1], self.buffer[5 : 1 + size]
                    self.buffer = self.buffer[1 + size :]
                    return message
            try:
                got = self.socket.recv(1 << 20)
            except ConnectionResetError:
                return None
            if not got:
                return None
            self.buffer += got

    @staticmethod
    def message(kind, body=b""):
        return kind.encode() + struct.pack("!i", len(body) + 4) + body

    @staticmethod
    def fields(body):
        return {part[:1].decode(): part[1:].decode() for part in body.split(b"\0") if part}

    def collect(self, until="Z"):
        """Reads up to ReadyForQuery (or another type). Raises the first error after that."""
        result, failure = Result(), None
        while True:
            message = self.read_message()
            if message is None:
                raise failure or ConnectionError("the server closed the connection")
            kind, body = message[0].decode(), message[1]
            if kind == "D":
                result.rows.append(self.row(body))
            elif kind == "T":
                result.columns = self.columns(body)
            elif kind == "C":
                result.tags.append(body[:-1].decode())
                result.answers.append(result.rows[sum(map(len, result.answers)) :])
            elif kind == "E" and failure is None:
                failure = Failure(self.fields(body))
                if self.fields(body).get("S") == "FATAL":
                    raise failure
            elif kind == "A":
                self.note(body)
            elif kind == "N":
                result.notices.append(self.fields(body))
            elif kind == "S":
                name, value = body[:-1].decode().split("\0")
                self.parameters[name] = value
            elif kind == "K":
                self.backend = struct.unpack("!ii", body)
            elif kind == "d":
                result.copied += body
            if kind == "Z":
                self.status = body.decode()
            if kind == until:
                break
            if kind == "Z":
                break
        if failure:
            raise failure
        return result

    def note(self, body):
        channel, payload = body[4:-1].split(b"\0")
        self.notifications.append((struct.unpack("!i", body[:4])[0], channel.decode(), payload.decode()))

    def wait_notification(self):
        """The oldest one; waits for it."""
        while not self.notifications:
            kind, body = self.read_message()
            assert kind == b"A", (kind, body)
            self.note(body)
        return self.notifications.pop(0)

    @staticmethod
    def row(body):
        values, at = [], 2
        for _ in range(struct.unpack("!h", body[:2])[0]):
            size = struct.unpack("!i", body[at : at + 4])[0]
            at += 4
            values.append(None if size < 0 else body[at : at + size].decode(errors="replace"))
            at += max(size, 0)
        return values

    @staticmethod
    def columns(body):
        names, at = [], 2
        for _ in range(struct.unpack("!h", body[:2])[0]):
            end = body.index(b"\0", at)
            names.append(body[at:end].decode())
            at = end + 19
        return names

    # --- Requests --------------------------------------------------------------------------------------

    def query(self, text):
        self.send(self.message("Q", text.encode() + b"\0"))
        return self.collect()

    def rows(self, text):
        return self.query(text).rows

    def value(self, text):
        return self.rows(text)[0][0]

    def fails(self, text, sqlstate):
        """The failure of a statement that must fail with this SQLSTATE."""
        try:
            self.query(text)
        except Failure as failure:
            assert failure.sqlstate == sqlstate, f"{text}: {failure}, not {sqlstate}"
            return failure
        raise AssertionError(f"{text}: did not fail")

    @classmethod
    def parse(cls, text, name="", types=()):
        return cls.message("P", name.encode() + b"\0" + text.encode() + b"\0" + struct.pack("!h", len(types)) +
                           b"".join(struct.pack("!i", t) for t in types))

    @classmethod
    def bind(cls, values=(), name="", portal="", binary=False):
        body = portal.encode() + b"\0" + name.encode() + b"\0" + struct.pack("!h", 0) + struct.pack("!h", len(values))
        for value in values:
            data = None if value is None else str(value).encode()
            body += struct.pack("!i", -1) if data is None else struct.pack("!i", len(data)) + data
        return cls.message("B", body + struct.pack("!hh", 1, 1 if binary else 0))

    @classmethod
    def describe(cls, kind="P", name=""):
        return cls.message("D", kind.encode() + name.encode() + b"\0")

    @classmethod
    def execute(cls, portal="", limit=0):
        return cls.message("E", portal.encode() + b"\0" + struct.pack("!i", limit))

    def extended(self, text, values=()):
        self.send(self.parse(text) + self.bind(values) + self.describe() + self.execute() + self.message("S"))
        return self.collect()

    def copy_in(self, text, data):
        self.send(self.message("Q", text.encode() + b"\0"))
        self.collect("G")
        self.send(self.message("d", data) + self.message("c"))
        return self.collect()


def wait_until(condition, what):
    """Polls a condition; a test that never sees it fails with `what`."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"gave up waiting: {what}")
        time.sleep(0.01)


def run(*tests):
    """Runs the test functions one after another and prints each name; exit code 1 when one fails."""
    import traceback

    failed = 0
    for test in tests:
        try:
            test()
            print(f"ok   {test.__name__}", flush=True)
        except Exception:
            failed += 1
            print(f"FAIL {test.__name__}", flush=True)
            traceback.print_exc()
    sys.exit(1 if failed else 0)
