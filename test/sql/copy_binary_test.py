#!/usr/bin/env python3
"""COPY in its binary form: every type goes out and comes back, as the bytes that PostgreSQL writes.

  copy_binary_test.py            against Quern
  copy_binary_test.py --write    prints the bytes that PostgreSQL 15 gives at port QUERN_ORACLE_PORT, as QUERN_ORACLE_USER
"""

import hashlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import quern

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

# Type, values as text, and the SHA-256's first digits of what COPY (format binary) gives for them.
TYPES = [
    ("boolean", ["t", "f"], "fe85dfe1983a"),
    ("smallint", ["-32768", "32767"], "e4b80a871d6a"),
    ("int", ["-2147483648", "7"], "9539e170bb76"),
    ("bigint", ["-9223372036854775808", "7"], "a3958f31e830"),
    ("real", ["1.5", "NaN", "-Infinity"], "b601a4b0e0a5"),
    ("double precision", ["1.5", "-0", "Infinity"], "2068081603d6"),
    ("numeric(10,2)", ["1234.50", "-0.01"], "86e62ea684f4"),
    ("numeric", ["1e30", "0.00012300", "NaN", "-Infinity", "0"], "62504049c7da"),
    ("text", ["", "plain", "tab\tand \\ and ä€"], "f0ef4845638e"),
    ("varchar(5)", ["abc", ""], "79b4f56201e8"),
    ("char(5)", ["abc", ""], "d386a8218f05"),
    ("bytea", ["\\x", "\\x00ff5c"], "5902c07eee70"),
    ("date", ["2024-02-29", "infinity", "0044-03-15 BC"], "3e28d72338a4"),
    ("time(3)", ["12:34:56.789", "24:00:00"], "c82152efd253"),
    ("timetz", ["12:34:56+05:30"], "f6b5f8c3ad03"),
    ("timestamp", ["2024-02-29 12:34:56.789", "-infinity"], "5ed0a6dccf84"),
    ("timestamptz", ["2024-02-29 12:34:56.789+02"], "9e4a4da8850e"),
    ("interval", ["1 year -2 days 03:04:05.6", "-1 month"], "569c95a7253a"),
    ("uuid", ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"], "071438481c17"),
    ("json", ['{"b": 1, "a": [null, "x"]}'], "58e63599c1a7"),
    ("jsonb", ['{"b": 1.50, "a": [null, "x"]}', "[]"], "874992c8d846"),
    ("int[]", ["{}", "{1,NULL,3}", "[0:1][2:3]={{1,2},{3,4}}"], "7183e903722c"),
    ("text[]", ['{"",a,"b c"}'], "611a01eb7c15"),
]


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def fill(client, number, name, values):
    client.query(f"drop table if exists b{number}, c{number}")
    client.query(f"create table b{number} (k int, v {name})")
    client.query(f"create table c{number} (k int, v {name})")
    rows = [f"({i}, {literal(value)}::{name})" for i, value in enumerate(values)]
    client.query(f"set standard_conforming_strings = on; insert into b{number} values {', '.join(rows)}, (null, null)")


def short_hash(data):
    return hashlib.sha256(data).hexdigest()[:12]


def check_types(client):
    for number, (name, values, expected) in enumerate(TYPES):
        fill(client, number, name, values)
        data = client.query(f"copy b{number} to stdout with (format binary)").copied
        assert data.startswith(SIGNATURE) and data.endswith(TRAILER), name
        assert short_hash(data) == expected, f"{name}: {data.hex()}"
        tag = client.copy_in(f"copy c{number} from stdin (format binary)", data).tags
        assert tag == [f"COPY {len(values) + 1}"], tag
        assert client.query(f"copy (select v, k from c{number}) to stdout binary").copied == client.query(
            f"copy b{number} (v, k) to stdout binary").copied, name
        same = client.query(f"copy b{number} to stdout").copied, client.query(f"copy c{number} to stdout").copied
        assert same[0] == same[1], (name, same)


def check_forms(client):
    """Nothing, many rows (in several messages), queries that change, WHERE."""
    client.query("create table n (a int, b text)")
    assert client.query("copy n to stdout binary").copied == SIGNATURE + TRAILER
    assert client.copy_in("copy n from stdin binary", SIGNATURE + TRAILER).tags == ["COPY 0"]
    client.query("insert into n select i, repeat('x', i % 50) from generate_series(1, 30000) i")
    data = client.query("copy n to stdout binary").copied
    assert data.count(b"PGCOPY") == 1 and data.endswith(TRAILER)
    client.query("create table m (a int primary key, b text)")
    assert client.copy_in("copy m from stdin binary where a % 2 = 0", data).tags == ["COPY 15000"]
    assert client.query("select count(*), min(a) from m").rows == [["15000", "2"]]
    row = client.query("copy (delete from m where a = 2 returning a) to stdout binary").copied
    assert row == SIGNATURE + bytes.fromhex("0001 00000004 00000002") + TRAILER, row
    row = client.query("copy (update m set b = 'y' where a = -1 returning a) to stdout binary").copied
    assert row == SIGNATURE + TRAILER, row
    assert client.query("copy (select) to stdout binary").copied == SIGNATURE + b"\0\0" + TRAILER
    try:
        client.copy_in("copy n from stdin binary", b"no such file")
        raise AssertionError("taken")
    except quern.Failure as failure:
        assert failure.fields["M"] == "COPY file signature not recognized", failure


def check_transactions(server, client):
    """In a transaction whose base has moved: which row came first is no promise."""
    client.query("drop table if exists t; create table t (k int primary key, v int); insert into t values (1, 1), (2, 2), (3, 3)")
    with server.connect() as other:
        for command in ("copy t to stdout binary", "copy (update t set v = v + 1 where k < 3 returning k) to stdout"):
            client.query("begin")
            client.query(command)
            other.query("update t set v = v where k = 2")
            other.query("create table if not exists u (x int); insert into u values (1)")
            client.query("update t set v = v + 1 where k = 1")
            assert client.query("commit").tags == ["COMMIT"]
        client.query("begin")
        client.query("copy t to stdout binary")
        other.query("update t set v = 100 where k = 2")
        client.query("update t set v = 0 where k = 1")
        try:
            client.query("commit")
            raise AssertionError("a promise was broken")
        except quern.Failure as failure:
            assert failure.fields["C"] == "40001", failure


def main():
    if "--write" in sys.argv:
        port, user = int(os.environ["QUERN_ORACLE_PORT"]), os.environ["QUERN_ORACLE_USER"]
        with quern.Client(port, user=user, database="postgres") as client:
            for number, (name, values, _) in enumerate(TYPES):
                fill(client, number, name, values)
                data = client.query(f"copy b{number} to stdout with (format binary)").copied
                print(name, short_hash(data))
        return 0
    with quern.Server() as server, server.connect() as client:
        check_types(client)
        check_forms(client)
        check_transactions(server, client)
    return 0


if __name__ == "__main__":
    sys.exit(main())
