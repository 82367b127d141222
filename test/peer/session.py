"""One statement in both servers at once, and what each answered."""

import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", folder) for folder in ("support", "", os.path.join("..", "tools"))]
import quern


class Client(quern.Client):
    """Columns are (name, type's oid, modifier)."""

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

    def __init__(self, tree, extended=False, parameters=False, ordered=False, many=True):
        self.tree, self.extended, self.parameters = tree, extended, parameters
        self.ordered = ordered  # the rows come in one order only
        self.effect = None      # what a maker does when it has been done
        self.many = many        # it computes over several rows: which of them fails first is nobody's business

    def with_tree(self, tree):
        return Statement(tree, self.extended, self.parameters, self.ordered, self.many)

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
            return Client.message("Q", text.encode() + b"\0")
        return b"".join([Client.parse(text), Client.bind(values), Client.describe(), Client.execute(),
                         Client.message("S")])

    def __str__(self):
        text, values = self.rendered()
        shown = f"{text};"
        return f"{shown}  -- $: {values}" if values else shown + ("  -- extended" if self.extended else "")


class Outcome:
    def __init__(self, client):
        self.failure, self.columns, self.rows, self.tags = None, [], [], []
        try:
            result = client.collect()
            self.columns, self.rows, self.tags = result.columns, [tuple(row) for row in result.rows], result.tags
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
        peer = Outcome(self.peer)
        return peer, Outcome(self.engine)

    def plain(self, text):
        """What must work in both."""
        self.peer.query(text)
        self.engine.query(text)

    def fresh(self, zone):
        for client in (self.peer, self.engine):
            if client.status != "I":
                client.query("rollback")
            client.query("drop schema if exists w cascade")
            client.query("create schema w")
            client.query(f"set search_path = w; set timezone = '{zone}'; set statement_timeout = '20s'")
