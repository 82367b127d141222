"""One transaction alone: what it read from others, what it leaves behind, and whether it agrees with itself.

A read tells about the version that others made once the transaction's own writes are taken off. The first such read of a
key is external; each later one must agree with it and with the transaction's own writes, or the transaction is
inconsistent in itself. ROLLBACK TO undoes writes, not reads.
"""


class View:
    """What a transaction did, seen from outside."""

    __slots__ = ("reads", "writes", "undone", "numbers", "complaints")

    def __init__(self):
        self.reads = {}  # key -> the version that others made, at the first read
        self.writes = {}  # key -> values, in their order, that stay
        self.undone = []  # (key, value) that ROLLBACK TO took away
        self.numbers = {}  # of registers: (key, own value) -> version number that it was shown
        self.complaints = []  # (key, text): inconsistent in itself


class Inside:
    """Walks the operations of a transaction. A workload says how own writes and reads fit together."""

    def __init__(self):
        self.view = View()
        self.own = {}
        self.marks = []

    def walk(self, ops):
        for op in ops:
            name, key = op[0], op[1]
            if name == "r":
                if len(op) > 2:
                    self.read(key, op[2])
            elif name == "savepoint":
                self.marks.append((key, {k: list(v) for k, v in self.own.items()}))
            elif name in ("rollback", "release"):
                self.leave(name, key)
            else:
                self.own.setdefault(key, []).append(op[2])
        self.view.writes = {key: values for key, values in self.own.items() if values}
        return self.view

    def leave(self, name, mark):
        at = max(i for i, (each, _) in enumerate(self.marks) if each == mark)
        if name == "rollback":
            saved = self.marks[at][1]
            for key, values in self.own.items():
                self.view.undone += [(key, value) for value in values[len(saved.get(key, ())):]]
            self.own = {k: list(v) for k, v in saved.items()}
            del self.marks[at + 1 :]
        else:
            del self.marks[at:]

    def see(self, key, version):
        """A read of others' version of a key."""
        if key not in self.view.reads:
            self.view.reads[key] = version
        elif self.view.reads[key] != version:
            self.complain(key, f"read {show(self.view.reads[key])} of others at first, and {show(version)} later")

    def complain(self, key, text):
        self.view.complaints.append((key, text))


class ListInside(Inside):
    def read(self, key, value):
        own = self.own.get(key)
        if not own:
            self.see(key, value)
        elif value[-len(own) :] == own:
            self.see(key, value[: -len(own)])
        else:
            self.complain(key, f"read {show(value)} after it had appended {show(own)}")


class SetInside(Inside):
    def read(self, key, value):
        own = set(self.own.get(key, ()))
        if own - set(value):
            self.complain(key, f"read {show(value)} after it had added {show(sorted(own))}")
        self.see(key, sorted(each for each in value if each not in own))


class RegisterInside(Inside):
    """A version is (value, number); the number may be missing."""

    def __init__(self):
        super().__init__()
        self.numbers = {}  # (key, own value) -> number

    def read(self, key, value):
        version = tuple(value) if isinstance(value, list) else (value, None)
        own = self.own.get(key)
        if not own:
            first = self.view.reads.get(key, version)
            if first[0] == version[0] and None in (first[1], version[1]):  # the one did not ask for the number
                version = self.view.reads[key] = (version[0], first[1] or version[1])
            self.see(key, version)
        elif version[0] != own[-1]:
            self.complain(key, f"read {show(version[0])} after it had written {show(own[-1])}")
        elif version[1] is not None:
            self.numbers[key, version[0]] = version[1]


def show(value):
    if isinstance(value, (list, tuple)):
        if len(value) > 12:
            return f"[… {' '.join(map(show, value[-8:]))}] ({len(value)} in all)"
        return "[" + " ".join(map(show, value)) + "]"
    return "nil" if value is None else str(value)
