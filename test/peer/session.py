"""One statement in both servers at once, and what each answered."""

import os
import struct
import sys
from decimal import Decimal

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", folder) for folder in ("support", "", os.path.join("..", "tools"))]
import quern


class Client(quern.Client):
    """Columns are (name, type's oid, modifier)."""

    binary = False  # the rows that are read now are in the binary format

    def row(self, body):
        if not self.binary:
            return super().row(body)
        values, at = [], 2
        for _ in range(struct.unpack("!h", body[:2])[0]):
            size = struct.unpack("!i", body[at : at + 4])[0]
            at += 4
            values.append(None if size < 0 else body[at : at + size])
            at += max(size, 0)
        return values

    @staticmethod
    def fields(body):
        return {part[:1].decode(): part[1:].decode(errors="replace") for part in body.split(b"\0") if part}

    @staticmethod
    def columns(body):
        columns, at = [], 2
        for _ in range(struct.unpack("!h", body[:2])[0]):
            end = body.index(b"\0", at)
            _, _, kind, _, modifier, _ = struct.unpack("!ihihih", body[end + 1 : end + 19])
            columns.append((body[at:end].decode(), kind, modifier))
            at = end + 19
        return columns


class Statement:
    """A tree, how it is sent, and how its answers are compared."""

    def __init__(self, tree, extended=False, parameters=False, ordered=False, many=True, binary=False, limit=0,
                 data=None):
        self.tree, self.extended, self.parameters = tree, extended, parameters
        self.ordered = ordered  # the rows come in one order only
        self.effect = None      # what a maker does when it has been done
        self.binary = binary and extended
        self.limit = limit      # of the rows of each round
        self.data = data        # of COPY FROM STDIN
        self.many = many        # it computes over several rows: which of them fails first is nobody's business

    def with_tree(self, tree):
        return Statement(tree, self.extended, self.parameters, self.ordered, self.many, self.binary, self.limit,
                         self.data)

    def rendered(self):
        """Its text, and the values of its parameters."""
        if not (self.extended and self.parameters):
            return str(self.tree), []
        values = []

        def text(node):
            if not hasattr(node, "kind"):
                return str(node)
            if node.value is not None and len(values) < 1000:
                values.append(node.value[0])
                return f"${len(values)}::{node.kind}"
            return "".join(map(text, node.parts))

        return text(self.tree), values

    def message(self):
        text, values = self.rendered()
        if not self.extended:
            asked = Client.message("Q", text.encode() + b"\0")
            return asked if self.data is None else asked + Client.message("d", self.data) + Client.message("c")
        rounds = [Client.execute(limit=self.limit)] * 3 if self.limit else []
        return b"".join([Client.parse(text), Client.bind(values, binary=self.binary), Client.describe(), *rounds,
                         Client.execute(), Client.message("S")])

    def __str__(self):
        text, values = self.rendered()
        shown = f"{text};" + (" binary" if self.binary else "") + (f" by {self.limit}" if self.limit else "") + \
            (f" {self.data}" if self.data is not None else "")
        return f"{shown}  -- $: {values}" if values else shown + ("  -- extended" if self.extended else "")


OWN_TYPES = 16384  # oids of what a user made


def shown_binary(value, column):
    """The text of a value in the binary format."""
    kind = column[1]
    if value is None:
        return None
    if kind in (2249, 2287, OWN_TYPES):  # with oids in them
        return "some"
    if kind in (700, 701):
        return repr(struct.unpack("!f" if kind == 700 else "!d", value)[0])
    if kind == 1700:
        count, weight, sign, _ = struct.unpack("!hhHh", value[:8])
        digits = struct.unpack(f"!{count}h", value[8:])
        if sign & 0xC000 == 0xC000:
            return {0xC000: "NaN", 0xD000: "Infinity", 0xF000: "-Infinity"}[sign]
        number = sum(Decimal(digit).scaleb(4 * (weight - at)) for at, digit in enumerate(digits))
        return str(-number if sign else number)
    return value.hex()


class Outcome:
    def __init__(self, client, binary=False):
        self.copied, client.binary = b"", binary
        self.failure, self.columns, self.rows, self.tags = None, [], [], []
        try:
            result = client.collect()
            self.columns = [(name, OWN_TYPES if kind >= OWN_TYPES else kind, modifier) for name, kind, modifier in result.columns]
            self.rows, self.tags, self.copied = [tuple(row) for row in result.rows], result.tags, result.copied
            if binary:
                self.rows = [tuple(map(shown_binary, row, self.columns)) for row in self.rows]
            self.notices = [notice.get("M") for notice in result.notices]
        except quern.Failure as failure:
            if failure.fields.get("S") == "FATAL":
                raise ConnectionError(str(failure)) from failure
            self.failure = failure.fields
        self.status = client.status

    @property
    def sqlstate(self):
        return self.failure and self.failure.get("C")

    def __str__(self):
        if self.failure:
            return f"error {self.failure.get('C')} {self.failure.get('M')}"
        shown = [" | ".join("∅" if value is None else value for value in row) for row in self.rows[:20]]
        more = [f"… {len(self.rows)} rows"] if len(self.rows) > 20 else []
        return "\n      ".join([", ".join(f"{name} {kind}({modifier})" for name, kind, modifier in self.columns) +
                                " " + "; ".join(self.tags)] + shown + more)


class Pair:
    """A connection to each server, in a schema of its own there."""

    def __init__(self, peer, engine):
        self.peer, self.engine = peer, engine
        self.count = 0

    def run(self, statement):
        message = statement.message()
        self.engine.send(message)
        self.peer.send(message)
        self.count += 1
        peer = Outcome(self.peer, statement.binary)
        return peer, Outcome(self.engine, statement.binary)

    def plain(self, text):
        """What must work in both."""
        self.peer.query(text)
        self.engine.query(text)

    def fresh(self, zone):
        for client in (self.peer, self.engine):
            if client.status != "I":
                client.query("rollback")
            client.query("discard all")
            client.query("drop schema if exists w cascade")
            client.query("create schema w")
            client.query(f"set search_path = w; set timezone = '{zone}'; set statement_timeout = '20s'")
