"""The text format of the permutation tests (it stands in test/README.md): what a file's cases are made of."""

import os
import re

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases")
STREAM = "s"  # the client's name whose steps a `stream` section makes


class Step:
    """One thing that a client sends: a message, or with `pipeline` several with one Sync behind them."""

    def __init__(self, client, number, text):
        self.client = client
        self.name = f"{client}{number}"
        self.is_pipeline = text.startswith("pipeline ")
        self.runs = re.match(r"run (\w+) (\d+);$", text)  # a source, and the number of its rows
        self.text = text[len("pipeline "):] if self.is_pipeline else text

    def statements(self):
        return [part.strip() for part in self.text.rstrip(";").split(";\n" if "\n" in self.text else "; ")]


class Order:
    """A named permutation: which steps are sent in which order, and what must come back."""

    def __init__(self, line, names):
        self.line = line
        self.names = [name.rstrip("!") for name in names]
        self.awaited = {name.rstrip("!") for name in names if name.endswith("!")}
        self.expected = {}  # step's name -> lines


class Case:
    def __init__(self, path, line, name):
        self.path, self.line, self.name = path, line, name
        self.tables, self.steps, self.final, self.orders = [], {}, [], []
        self.stream = None  # table, rows
        self.never, self.most_failures, self.sample, self.only_named = set(), None, None, False

    @property
    def place(self):
        return f"{os.path.relpath(self.path)}:{self.line}"

    def step(self, name):
        for steps in self.steps.values():
            for step in steps:
                if step.name == name:
                    return step
        raise ValueError(f"{self.place}: no step {name}")

    def variants(self):
        """The case itself; with a `stream` section, once for each way in which a stream may write a table."""
        if not self.stream:
            return [self]
        numbers = all(re.fullmatch(r"\(-?\d+(, -?\d+)*\)", row) for row in self.stream[1])
        return [self._variant(kind) for kind in ("upserts", "keyed source", "workflow") + ("connector",) * numbers]

    def _variant(self, kind):
        table, rows = self.stream
        case = Case(self.path, self.line, f"{self.name}, {kind}")
        case.__dict__.update({key: value for key, value in self.__dict__.items() if key not in ("name", "stream")})
        case.stream = None
        columns, key = table_columns(self.tables, table)
        names = [column.split()[0] for column in columns]
        others = ", ".join(f"{name} = excluded.{name}" for name in names if name != key)
        upsert = f"on conflict ({key}) do update set {others}"
        case.tables = list(self.tables)
        if kind == "keyed source":
            at = next(i for i, text in enumerate(case.tables) if text.startswith(f"create table {table} "))
            source = case.tables[at].replace("create table", "create source").rstrip(";")
            case.tables[at] = f"{source} with (connector = 'push');"
        if kind == "workflow":
            case.tables += [
                f"create source {table}_rows ({', '.join(columns)}) with (connector = 'push');",
                f"create workflow {table}_flow as (insert into {table} select {', '.join(names)} from {table}_rows {upsert});",
            ]
        texts = {
            "upserts": f"insert into {table} values %s {upsert};",
            "keyed source": f"insert into {table} values %s;",
            "workflow": f"insert into {table}_rows values %s;",
        }
        if kind == "connector":
            for i, row in enumerate(rows, 1):
                starts = ", ".join(f"{name}.start = '{value}'" for name, value in zip(names, row.strip("()").split(", ")))
                case.tables += [
                    f"create source {table}_row{i} ({', '.join(columns)}) with (connector = 'generator', rows = '1', "
                    f"state = 'paused', {starts});",
                    f"create workflow {table}_flow{i} as (insert into {table} select {', '.join(names)} "
                    f"from {table}_row{i} {upsert});",
                ]
            steps = [Step(STREAM, i, f"run {table}_row{i} 1;") for i in range(1, len(rows) + 1)]
        else:
            steps = [Step(STREAM, i, texts[kind] % row) for i, row in enumerate(rows, 1)]
        case.steps = {**self.steps, STREAM: steps}
        return case


def table_columns(statements, table):
    """The columns (name and type) and the key of a table that a stream writes."""
    for text in statements:
        found = re.match(rf"create table {table} \((.*)\);$", text, re.S)
        if found:
            columns = [column.strip() for column in found[1].split(",")]
            key = next(column.split()[0] for column in columns if column.endswith("primary key"))
            return [column.replace(" primary key", "") for column in columns], key
    raise ValueError(f"a stream needs a table {table} with a key")


class Reader:
    """Reads a file line by line; `section` is where the lines belong."""

    def __init__(self, path):
        self.path, self.cases, self.text = path, [], []
        self.section = self.client = self.order = None

    def read(self):
        with open(self.path, encoding="utf-8") as file:
            for number, line in enumerate(file.read().split("\n"), 1):
                try:
                    self.line(number, line.rstrip())
                except (ValueError, IndexError, KeyError) as error:
                    raise ValueError(f"{os.path.relpath(self.path)}:{number}: {line!r}: {error}") from error
        assert not self.text, f"{self.path}: the last statement does not end with a semicolon"
        return self.cases

    def line(self, number, line):
        if self.text:
            self.statement(line)
        elif not line or self.keyword(number, line):
            return
        elif self.section in ("tables", "client", "final"):
            self.statement(line)
        elif self.section == "stream":
            self.cases[-1].stream[1].append(line)
        elif self.section == "order":
            name, what = line.split(" ", 1)
            self.order.expected.setdefault(name, []).append(what)
        else:
            raise ValueError("no such thing")

    def statement(self, line):
        self.text.append(line.strip())
        text = "\n".join(self.text)
        if not line.endswith(";") or text.count("(") > text.count(")"):
            return
        self.text = []
        case = self.cases[-1]
        if self.section == "client":
            steps = case.steps.setdefault(self.client, [])
            steps.append(Step(self.client, len(steps) + 1, text))
        else:
            (case.tables if self.section == "tables" else case.final).append(text)

    def keyword(self, number, line):
        words = line.split()
        case = self.cases[-1] if self.cases else None
        if line.startswith("#"):
            return True
        if words[0] == "case":
            self.cases.append(Case(self.path, number, line[len("case "):]))
            self.section = None
        elif words[0] in ("tables", "final") and len(words) == 1:
            self.section = words[0]
        elif words[0] == "client" and len(words) == 2:
            self.section, self.client = "client", words[1]
        elif words[0] == "stream" and len(words) == 2:
            self.section, case.stream = "stream", (words[1], [])
        elif words[0] == "never" and len(words) == 2:
            case.never.add(words[1])
        elif words[:2] == ["at", "most"] and words[3:] in (["fails"], ["fail"]):
            case.most_failures = int(words[2])
        elif words[0] == "sample" and len(words) == 2:
            case.sample = int(words[1])
        elif line == "only the named orders":
            case.only_named = True
        elif words[0] == "order":
            self.section, self.order = "order", Order(number, words[1:])
            case.orders.append(self.order)
        else:
            return False
        return True


def read_cases(name):
    return Reader(os.path.join(CASES, name + ".test")).read()
