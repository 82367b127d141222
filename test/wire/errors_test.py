#!/usr/bin/env python3
"""What wrong statements get, field by field, as PostgreSQL 15 says it.

errors.txt holds each statement with the fields of its ErrorResponse; none: it is not wrong. `--write` fills them from a
real PostgreSQL at QUERN_ORACLE_PORT, in a database of its own.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
from quern import Client, Server, run

FIELDS = "SVCMDHPstcdn"
PATH = os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "wire", "errors.txt")
server = None

SETUP = """create table people (id int primary key, name text not null, age int check (age >= 0));
create table others (id int, name text);
insert into people values (1, 'a', 1), (2, 'b', 2);
insert into others values (1, 'q');
create table pets (id int primary key, owner int references people (id));
insert into pets values (1, 1), (2, 1);
create view v as select id, name from people;
create view v3 as select count(*) from people;
create sequence s;
create type mood as enum ('a', 'b');
create domain dom as int check (value > 0);
create table ch (a varchar(3), b char(2));
create table nums (a numeric(4, 2));
create table gen (a int, b int generated always as (a + 1) stored);
create table ident (a int generated always as identity, b int)"""


def read_cases():
    cases = []
    for block in open(PATH, encoding="utf-8").read().split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith("# ")]
        if lines:
            cases.append((lines[0], {line[0]: line[2:].replace("\\n", "\n") for line in lines[1:]}))
    return cases


def fields_of(client, text):
    """Of the first error; {}: there is none. What it changed is undone."""
    client.query("begin")
    client.send(client.message("Q", text.encode() + b"\0"))
    fields = {}
    while True:
        kind, body = client.read_message()
        if kind == b"E" and not fields:
            fields = {key: value for key, value in client.fields(body).items() if key in FIELDS}
        elif kind == b"G":
            client.send(client.message("f", b"no\0"))
        elif kind == b"Z":
            client.query("rollback")
            return fields


def test_errors_field_by_field():
    differ = []
    with server.connect() as client:
        client.query(SETUP)
        for text, wanted in read_cases():
            got = fields_of(client, text)
            if got != wanted:
                differ.append(f"{text}\n  wanted {wanted}\n  got    {got}")
    assert not differ, "\n" + "\n".join(differ)


def write():
    client = Client(int(os.environ["QUERN_ORACLE_PORT"]), user=os.environ.get("QUERN_ORACLE_USER", "postgres"),
                    database="postgres")
    client.query("create schema errors_test; set search_path to errors_test")
    client.query(SETUP.replace("\n", " "))
    blocks = []
    for text, _ in read_cases():
        fields = fields_of(client, text)
        lines = [f"{key} {fields[key]}".replace("\n", "\\n").replace("errors_test", "public") for key in FIELDS if key in fields]
        blocks.append("\n".join([text] + lines))
    client.query("drop schema errors_test cascade")
    open(PATH, "w", encoding="utf-8").write("# Statements and the fields of their errors.\n\n" + "\n\n".join(blocks) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
        sys.exit(0)
    with Server() as server:
        run(test_errors_field_by_field)
