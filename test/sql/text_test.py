#!/usr/bin/env python3
"""SQL as text: runs test/sql/cases/*.test (the format stands in test/README.md) against a server of its own for each
file, once through the simple protocol and once through the extended one.

  text_test.py [NAME…]            only these files (without .test)
  text_test.py --write [NAME…]    fills the expectations from PostgreSQL 15 at 127.0.0.1, port QUERN_ORACLE_PORT, as
                                  QUERN_ORACLE_USER; cases whose comment says `differs:` stay as they are
  text_test.py --accept [NAME…]   fills the cases that say `differs:` from Quern; to be read before they are kept
"""

import glob
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import quern
from show import show_escaped, show_value

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases")


class Case:
    """One statement: where it stands, what is said about it, what is copied in, what must come."""

    def __init__(self, line):
        self.line = line
        self.comments, self.text, self.data, self.expected = [], [], [], []

    @property
    def statement(self):
        return "\n".join(self.text)

    @property
    def differs(self):
        return any("differs:" in comment for comment in self.comments)

    @property
    def unordered(self):
        return "unordered" in self.expected

    def lines(self):
        return self.comments + self.text + ["< " + line for line in self.data] + self.expected


def read_cases(path):
    """The cases of a file. A case that holds only comments has no statement."""
    cases, case, state = [], None, "before"
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file.read().split("\n"), 1):
            if state != "statement" and not line:
                case, state = None, "before"
                continue
            if case is None:
                case = Case(number)
                cases.append(case)
            if state == "before" and line.startswith("#"):
                case.comments.append(line)
            elif state in ("before", "statement"):
                if state == "before":
                    case.line = number
                case.text.append(line)
                state = "after" if line.endswith(";") else "statement"
            elif line.startswith("< "):
                case.data.append(line[2:])
            else:
                case.expected.append(line)
    assert state != "statement", f"{path}: the last statement does not end with a semicolon"
    return cases


def write_cases(path, cases):
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n\n".join("\n".join(case.lines()) for case in cases) + "\n")


def show_failure(case, fields):
    position = f" at {fields['P']}" if "P" in fields else ""
    lines = [f"error {fields['C']} {fields['M']}{position}"]
    lines += [f"detail {fields['D']}"] if "D" in fields else []
    lines += [f"hint {fields['H']}"] if "H" in fields else []
    if any(line.startswith("context ") for line in case.expected):
        lines += [f"context {fields.get('W')}"]
    return [show_escaped(line) for line in lines]


def show_result(case, result):
    """What came, as the lines that a case expects."""
    lines = [f"{notice['S'].lower()} {show_escaped(notice['M'])}" for notice in result.notices]
    if any(line.split(" ")[0] == "columns" for line in case.expected):
        lines.append("columns " + " | ".join(result.columns))
    rows = [" | ".join(show_value(value) for value in row) or "()" for row in result.rows]
    if case.unordered:
        lines.append("unordered")
        rows.sort()
    lines += rows
    lines += ["> " + line for line in result.copied.decode().splitlines()]
    if not (rows or result.copied) or not all(tag.startswith(("SELECT", "SHOW", "FETCH", "EXPLAIN", "COPY"))
                                              for tag in result.tags):
        lines += ["tag " + tag for tag in result.tags]
    return lines


def run_case(client, case, extended):
    is_copy = case.statement.startswith("copy ")
    try:
        if is_copy and "from stdin" in case.statement:
            result = client.copy_in(case.statement, "".join(line + "\n" for line in case.data).encode())
        elif extended and not is_copy:
            result = client.extended(case.statement)
        else:
            result = client.query(case.statement)
        return show_result(case, result)
    except quern.Failure as failure:
        return show_failure(case, failure.fields)


def report(path, case, got):
    print(f"{os.path.relpath(path)}:{case.line}: {case.statement}")
    for line in case.expected:
        if line not in got:
            print(f"  expected: {line}")
    for line in got:
        if line not in case.expected:
            print(f"  got:      {line}")
    if sorted(got) == sorted(case.expected):
        print("  (the same lines in another order)")


def run_file(path, cases, extended, server, says_all=True):
    """The number of cases that failed on a server that is not up. Where Quern differs it alone has its say."""
    failed = 0
    with server, server.connect() as client:
        for case in cases:
            if not case.text:
                continue
            try:
                got = run_case(client, case, extended)
            except ConnectionError:
                print(f"{os.path.relpath(path)}:{case.line}: {case.statement}\n  the connection ended")
                print(server.errors())
                return failed + 1
            if got != case.expected:
                failed += says_all or not case.differs
                if says_all or not case.differs:
                    report(path, case, got)
    return failed


class Peer:
    """A fresh database of the PostgreSQL that is named by its port and role."""

    def __init__(self, port, user):
        self.port, self.user = port, user

    def __enter__(self):
        with quern.Client(self.port, user=self.user, database="postgres") as keeper:
            keeper.query("drop database if exists quern_cases")
            keeper.query("create database quern_cases")
        return self

    def __exit__(self, *_):
        pass

    def connect(self):
        return quern.Client(self.port, user=self.user, database="quern_cases")


def fill_file(path, cases):
    """Lets PostgreSQL say what is to be expected."""
    with Peer(int(os.environ["QUERN_ORACLE_PORT"]), os.environ["QUERN_ORACLE_USER"]) as peer, peer.connect() as client:
        for case in cases:
            if case.text:
                got = run_case(client, case, False)
                case.expected = case.expected if case.differs else got
    write_cases(path, cases)


def accept_file(path, cases):
    """Lets Quern say what is to be expected where it differs on purpose."""
    with quern.Server() as server, server.connect() as client:
        for case in cases:
            if case.text:
                got = run_case(client, case, False)
                case.expected = got if case.differs else case.expected
    write_cases(path, cases)


def paths_of(names):
    return [os.path.join(CASES, name + ".test") for name in names] or sorted(glob.glob(CASES + "/*.test"))


def main(arguments):
    paths = paths_of([name for name in arguments if not name.startswith("--")])
    failed = 0
    for path in paths:
        cases = read_cases(path)
        if "--write" in arguments or "--accept" in arguments:
            (fill_file if "--write" in arguments else accept_file)(path, cases)
            continue
        is_simple = any("simple protocol only" in comment for case in cases for comment in case.comments)
        for extended in (False,) if is_simple else (False, True):
            count = run_file(path, cases, extended, quern.Server())
            failed += count
            protocol = "extended" if extended else "simple"
            print(f"{'FAIL' if count else 'ok  '} {os.path.basename(path)}, {protocol}: {len(cases)} cases, "
                  f"{count} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
