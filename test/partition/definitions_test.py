#!/usr/bin/env python3
"""Definitions inside transactions, beside what others do meanwhile: one serial order explains what everybody was told."""

import os
import sys

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
import quern  # noqa: E402


def answer(client, text):
    """Rows, or the SQLSTATE of the error."""
    try:
        return client.query(text).rows
    except quern.Failure as failure:
        client.detail = failure.fields.get("D")
        return failure.sqlstate


def run(server, name, steps):
    """steps: (client, statement[, answer]), one after another."""
    clients = {"a": server.connect(), "b": server.connect()}
    for client, text, *wanted in steps:
        got = answer(clients[client], text)
        if got != (wanted[0] if wanted else []):
            raise AssertionError(f"{name}: {client}: {text}: {got!r}")
    details = {letter: getattr(client, "detail", None) for letter, client in clients.items()}
    for client in clients.values():
        client.close()
    return details


SCHEDULES = {
    "a name that another one took": [
        ("a", "begin"), ("a", "create table taken (a int primary key)"), ("a", "insert into taken values (1)"),
        ("b", "create table taken (b text)"), ("a", "commit", "40001"), ("b", "insert into taken values ('mine')"),
        ("b", "select * from taken", [["mine"]]),
    ],
    "two branches make one table": [
        ("a", "begin"), ("b", "begin"), ("a", "create table twin (a int)"), ("b", "create table twin (b int)"),
        ("a", "commit"), ("b", "commit", "40001"), ("b", "select a from twin"),
    ],
    "two branches rename one table": [
        ("a", "create table renamed (a int)"), ("a", "begin"), ("b", "begin"), ("a", "alter table renamed rename to one"),
        ("b", "alter table renamed rename to two"), ("b", "commit"), ("a", "commit", "40001"), ("a", "select * from two"),
    ],
    "a row, and a check that it breaks": [
        ("a", "create table checked (x int)"), ("a", "begin"), ("a", "insert into checked values (-1)"),
        ("b", "alter table checked add check (x > 0)"), ("a", "commit", "40001"), ("a", "select * from checked"),
    ],
    "a check, and a row that breaks it": [
        ("a", "create table later (x int)"), ("a", "begin"), ("a", "alter table later add check (x > 0)"),
        ("b", "insert into later values (-1)"), ("a", "commit", "40001"), ("a", "select * from later", [["-1"]]),
    ],
    "a row of a table that another one drops": [
        ("a", "create table dropped (x int)"), ("a", "begin"), ("a", "insert into dropped values (1)"),
        ("b", "drop table dropped"), ("a", "commit", "40001"), ("a", "select * from dropped", "42P01"),
    ],
    "a table is dropped beside a row of it": [
        ("a", "create table going (x int)"), ("a", "begin"), ("a", "drop table going"), ("b", "insert into going values (7)"),
        ("b", "select * from going", [["7"]]), ("a", "commit"), ("b", "select * from going", "42P01"),
    ],
    "a unique index, and two rows of one key": [
        ("a", "create table uneven (x int)"), ("a", "begin"), ("a", "create unique index on uneven (x)"),
        ("b", "insert into uneven values (1), (1)"), ("a", "commit", "40001"), ("b", "insert into uneven values (1)"),
    ],
    "an index takes rows that came meanwhile": [
        ("a", "create table even (x int)"), ("a", "begin"), ("a", "create unique index on even (x)"),
        ("b", "insert into even values (1), (2)"), ("a", "commit"), ("b", "insert into even values (2)", "23505"),
        ("b", "select * from even where x = 2", [["2"]]),
    ],
    "a table is emptied beside a row of it": [
        ("a", "create table emptied (x int); insert into emptied values (0)"), ("a", "begin"), ("a", "truncate emptied"), ("b", "insert into emptied values (1)"),
        ("a", "select count(*) from emptied", [["0"]]), ("a", "commit"), ("b", "select * from emptied"),
    ],
    "a column for rows that came meanwhile": [
        ("a", "create table wider (x int)"), ("a", "begin"), ("a", "alter table wider add column y int default 5"),
        ("b", "insert into wider values (1)"), ("a", "commit"), ("b", "select * from wider", [["1", "5"]]),
    ],
    "rows that were shown without the column": [
        ("a", "create table shown (x int); insert into shown values (1)"), ("a", "begin"), ("a", "select * from shown", [["1"]]),
        ("a", "insert into shown values (2)"), ("b", "alter table shown add column y int default 6"), ("a", "commit", "40001"),
    ],
    "a source and its workflow in one transaction": [
        ("a", "begin"), ("a", "create source given (v int) with (connector = 'push')"), ("a", "create table taker (v int)"),
        ("a", "create workflow take as insert into taker select v from given"), ("a", "insert into given values (1)"),
        ("a", "select * from taker", [["1"]]), ("b", "create table beside (a int)"), ("a", "commit"),
        ("b", "insert into given values (2)"), ("b", "select * from taker order by v", [["1"], ["2"]]),
    ],
    "a workflow is dropped, and not": [
        ("a", "begin"), ("a", "drop workflow take"), ("a", "insert into given values (3)"), ("a", "rollback"),
        ("b", "insert into given values (4)"), ("b", "select count(*) from taker", [["3"]]),
        ("a", "begin"), ("a", "drop workflow take"), ("b", "insert into given values (5)"), ("a", "commit"),
        ("b", "insert into given values (6)"), ("b", "select count(*) from taker", [["4"]]),
    ],
    "a table is made anew under its name": [
        ("a", "create table anew (id serial, v int); insert into anew (v) values (1)"), ("a", "begin"), ("a", "drop table anew"),
        ("a", "create table anew (id serial, z text)"), ("a", "insert into anew (z) values ('q') returning id", [["1"]]),
        ("b", "insert into beside values (1)"), ("a", "commit"), ("b", "select * from anew", [["1", "q"]]),
        ("b", "insert into anew (z) values ('r') returning id", [["2"]]),
    ],
    "a sequence that another one drops": [
        ("a", "create sequence soon"), ("a", "begin"), ("a", "create table uses (a int default nextval('soon'))"),
        ("b", "drop sequence soon"), ("a", "commit", "40001"), ("a", "select * from uses", "42P01"),
    ],
    "definitions behind a savepoint": [
        ("a", "begin"), ("a", "savepoint s"), ("a", "create table behind (id serial)"),
        ("a", "insert into behind default values returning id", [["1"]]), ("a", "rollback to s"),
        ("a", "create table behind (id serial)"), ("a", "insert into behind default values returning id", [["1"]]),
        ("b", "insert into beside values (2)"), ("a", "commit"), ("b", "insert into behind default values returning id", [["2"]]),
    ],
}


def beside_a_stream(server):
    """Definitions of what a stream writes, while it does."""
    with server.connect() as a:
        a.query("begin")
        a.query("create source fast (n bigint primary key, g bigint) with (connector = 'generator', rows = 100000,"
                " n.kind = 'sequence', g.kind = 'random', g.min = 1, g.max = 5)")
        a.query("create table counts (g bigint primary key, c bigint)")
        a.query("create workflow counting as insert into counts select g, 1 from fast"
                " on conflict (g) do update set c = counts.c + 1")
        a.query("commit")
        for statements in (["create index on counts (c)", "alter table counts add column note text default 'x'"],
                           ["alter table counts add check (c > 0)"], ["create table apart (a serial)"]):
            a.query("begin")
            for text in statements:
                a.query(text)
            a.query("commit")
        while a.query("select count(*) from fast").rows != [["100000"]]:
            pass
        counted = "select sum(c), count(*), min(note) from counts"
        if a.query(counted).rows != [["100000", "5", "x"]] or a.query("select * from quern.source_errors").rows:
            raise AssertionError(f"a stream beside definitions: {a.query(counted).rows}")
        a.query("begin; drop workflow counting; drop table counts; commit")


def main():
    with quern.Server() as server:
        for name, steps in SCHEDULES.items():
            details = run(server, name, steps)
            if name.startswith("a name") and details["a"] != 'It would fail: relation "taken" already exists.':
                raise AssertionError(details["a"])
        beside_a_stream(server)


if __name__ == "__main__":
    main()
