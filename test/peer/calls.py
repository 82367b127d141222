"""Random calls: each function, operator and cast that both have, with constants and with columns of a row."""

import random

from catalog import SMALL, called
from session import Statement
from tree import Node, literal, quoted
from values import CALM, INTEGERS, NUMBERS, TYPES, WILD


class Calls:
    def __init__(self, catalog, seed):
        self.catalog, self.random = catalog, random.Random(seed)

    def value(self, kind, small=False):
        """The text of a value; None is NULL."""
        if self.random.random() < 0.04:
            return None
        if small and kind in INTEGERS + NUMBERS:
            return str(self.random.choice([0, 1, 2, 3, 5, -1, 10]))
        return self.random.choice(CALM[kind] if self.random.random() < 0.5 else WILD[kind])

    def argument(self, kind, depth=1, small=False):
        if depth and self.random.random() < 0.12:
            made = [f for f in self.catalog.scalar + self.catalog.operators if f.result == kind]
            if made:
                return self.call(self.random.choice(made), depth - 1)
        text = self.value(kind, small)
        if text is not None and self.random.random() < 0.1:
            return Node(kind, quoted(text), simple=["null"])
        return literal(kind, text)

    def call(self, function, depth=1):
        small = function.name in SMALL
        arguments = [self.argument(kind, depth, small) for kind in function.arguments]
        if function.name in ("timezone", "make_timestamptz", "date_trunc") and "text" in function.arguments:
            place = 0 if function.name == "timezone" else len(arguments) - 1
            if place or function.name == "timezone":
                zone = self.random.choice(["UTC", "Europe/Berlin", "EST", "+03", "nope", "america/new_york"])
                arguments[place] = literal("text", zone) if function.arguments[place] == "text" else arguments[place]
        node = Node(function.result)
        if function.operator:
            node.parts = ["(", *([arguments[0], " "] if len(arguments) > 1 else []), function.name, " ",
                          arguments[-1], ")"]
        else:
            node.parts = [f"{function.name}("]
            for index, argument in enumerate(arguments):
                node.parts += [", ", argument] if index else [argument]
            node.parts.append(")")
        return node

    def mutated(self, text):
        """A text that a type's reader may refuse."""
        at = self.random.randrange(len(text) + 1)
        way = self.random.randrange(4)
        piece = self.random.choice(["0", "9", "-", "+", " ", ".", ":", "e", "T", "BC", "AD", "{", "}", "\"", ",", "x",
                                    "mon", "99999999999", "days", "Z", "PM", "ago", "\\", "null", "\t", "[", "]"])
        if way == 0:
            return text[:at] + piece + text[at:]
        if way == 1:
            return text[:at] + text[at + self.random.randint(1, 3):]
        if way == 2:
            return text[:at] + piece + text[at + len(piece):]
        other = self.random.choice(CALM[self.random.choice(TYPES)])
        return self.random.choice([text + " " + other, other + " " + text, text[:at] + other])

    def cast(self):
        source, target = self.random.choice(self.catalog.casts)
        modifier = {"numeric": ["(5,2)", "(10)", "(3,-1)", "(2,4)"], "varchar": ["(2)", "(10)"],
                    "bpchar": ["(3)", "(1)"], "timestamp": ["(0)", "(3)"], "time": ["(1)"], "interval": ["(0)"],
                    "timestamptz": ["(2)"]}.get(target)
        modified = target + self.random.choice(modifier) if modifier and self.random.random() < 0.3 else target
        return f"cast of {source} to {target}", Node(target, self.argument(source), f"::{modified}")

    def read(self):
        kind = self.random.choice(TYPES)
        text = self.value(kind) or ""
        for _ in range(self.random.choice([0, 1, 1, 2])):
            text = self.mutated(text)
        return f"reading {kind}", Node(kind, quoted(text.replace("\0", "")), f"::{kind}")

    def aggregate(self):
        function = self.random.choice(self.catalog.aggregates)
        rows = [", ".join(str(literal(kind, self.value(kind))) for kind in function.arguments) or "1"
                for _ in range(self.random.randrange(1, 4))]
        names = [f"c{i}" for i in range(len(function.arguments))]
        is_distinct = len(names) == 1 and "_agg" not in function.name and self.random.random() < 0.15
        distinct = "distinct " if is_distinct else ""
        arguments = "*" if not names else distinct + ", ".join(names)
        values = f"(values ({'), ('.join(rows)})) v({', '.join(names or ['c'])})"
        return repr(function), Node("query", f"select {function.name}({arguments}) from {values}")

    def statement(self):
        """(the statement, what it is about)."""
        way = self.random.random()
        extended, parameters = self.random.random() < 0.4, self.random.random() < 0.5
        many = False
        pick, catalog = self.random.choice, self.catalog
        if way < 0.1:
            about, tree = self.aggregate()
            many = True
        elif way < 0.2:
            about, tree = self.read()
        elif way < 0.35:
            about, tree = self.cast()
        else:
            function = pick(catalog.sets if way < 0.4 else catalog.operators if way < 0.65 else catalog.scalar)
            about, tree = repr(function), self.call(function, 0 if function.is_set else 1)
        if tree.kind != "query":
            tree = Node("query", "select * from " if way >= 0.35 and function.is_set else "select ", tree)
        return Statement(tree, extended, parameters, ordered=True, many=many), about
