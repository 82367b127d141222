#!/usr/bin/env python3
"""Documents all the way: through sources and workflows, COPY, both wire forms, views by index, kill -9 and recovery."""

import json
import os
import random
import struct
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
from quern import Failure, Server, run

DOCUMENT = '{"device": "d%d", "readings": [{"at": %d, "v": 1.50}, {"at": %d, "v": "bad"}], "tags": {"room": "r%d"}}'


def document(n):
    return DOCUMENT % (n % 3, n, n + 1, n % 2)


def make(client):
    client.query("CREATE SOURCE raw (id int, doc jsonb) WITH (connector = 'push')")
    client.query("CREATE SOURCE latest (doc jsonb PRIMARY KEY, n int, note json) WITH (connector = 'push')")
    client.query("CREATE TABLE reading (device text, at int, v jsonb, PRIMARY KEY (device, at))")
    client.query("CREATE TABLE room (tags jsonb PRIMARY KEY, n int8 NOT NULL, last json)")
    client.query("CREATE INDEX reading_v ON reading (v DESC)")
    client.query("CREATE WORKFLOW unpack AS (INSERT INTO reading SELECT doc ->> 'device', (r -> 'at')::int, r['v'] "
                 "FROM raw, jsonb_array_elements(doc -> 'readings') r ON CONFLICT DO NOTHING; "
                 "INSERT INTO room SELECT doc -> 'tags', 1, to_json(doc ->> 'device') FROM raw "
                 "ON CONFLICT (tags) DO UPDATE SET n = room.n + 1, last = excluded.last)")


def state(client):
    return [client.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in ("reading", "room", "latest")]


def test_streams_of_documents_survive_kill_and_checkpoint():
    with tempfile.TemporaryDirectory() as data:
        with Server(data=data) as server:
            with server.connect() as client:
                make(client)
                rows = ", ".join(f"({n}, '{document(n)}')" for n in range(20))
                client.query(f"INSERT INTO raw VALUES {rows}")
                client.copy_in("COPY raw FROM STDIN", "".join(f"{n}\t{document(n)}\n" for n in range(20, 40)).encode())
                client.query("""INSERT INTO latest VALUES ('{"k": [1, "a"]}', 1, '{"x" :1}'), ('[2.0]', 2, NULL)""")
                client.query("INSERT INTO latest VALUES ('[2]', 3, '[ ]')")
                client.fails("INSERT INTO raw VALUES (1, '{')", "22P02")
                client.fails("""INSERT INTO raw VALUES (1, '{"device": "x", "readings": [{"at": "late"}]}')""", "22023")
                before = state(client)
                assert len(before[0]) > 40 and len(before[1]) == 2 and len(before[2]) == 2, before
                assert before[1][0] == ['{"room": "r0"}', "20", '"d2"'], before[1]
                assert before[2] == [["[2]", "3", "[ ]"], ['{"k": [1, "a"]}', "1", '{"x" :1}']], before[2]
            server.kill()
            server.start()
            with server.connect() as client:
                assert state(client) == before
                assert client.rows("""SELECT count(*) FROM reading WHERE v = '1.5'""") == \
                    client.rows("""SELECT count(*) FROM reading WHERE v <> '"bad"'""")
            assert server.stop() == 0  # with a checkpoint
            server.start()
            with server.connect() as client:
                assert state(client) == before
                assert client.value("""SELECT n FROM latest WHERE doc = '{"k": [1.0, "a"]}'""") == "1"


def binary_parse_and_bind(client, text, oid, value):
    """One parameter and the result in binary; gives the first value."""
    parse = client.parse(text, types=(oid,))
    body = b"\0\0" + struct.pack("!hhh", 1, 1, 1) + struct.pack("!i", len(value)) + value + struct.pack("!hh", 1, 1)
    client.send(parse + client.message("B", body) + client.execute() + client.message("S"))
    return client.collect().rows[0][0]


def test_binary_forms():
    with Server() as server, server.connect() as client:
        client.query("CREATE TABLE t (b jsonb, j json)")
        for text in (b'{"b": 1, "a": [2.50]}', b'"x"', b"null", b"[]"):
            got = binary_parse_and_bind(client, "INSERT INTO t (b) VALUES ($1) RETURNING b", 3802, b"\x01" + text)
            assert (got.encode() if isinstance(got, str) else got)[:1] == b"\x01", got
            assert json.loads((got.encode() if isinstance(got, str) else got)[1:]) == json.loads(text)
            plain = binary_parse_and_bind(client, "INSERT INTO t (j) VALUES ($1) RETURNING j", 114, text)
            assert (plain.encode() if isinstance(plain, str) else plain) == text
        path = struct.pack("!5i", 1, 1, 25, 3, 1) + b"".join(
            struct.pack("!i", len(s)) + s for s in (b"a", b"0")) + struct.pack("!i", -1)
        got = binary_parse_and_bind(client, "SELECT $1::text[]", 1009, path)
        assert got == path.decode(errors="replace") and binary_parse_and_bind(
            client, "SELECT $1::text[]::text", 1009, path) == "{a,0,NULL}", got
        assert binary_parse_and_bind(client, "SELECT $1::text[]", 1009, struct.pack("!3i", 0, 0, 25)).encode() == \
            struct.pack("!3i", 0, 0, 25)
        path = struct.pack("!5i", 1, 0, 25, 2, 1) + b"".join(struct.pack("!i", len(s)) + s for s in (b"a", b"1"))
        assert binary_parse_and_bind(client, """SELECT '{"a": [1, 2]}'::jsonb #> $1""", 1009, path) == "\x012"
        for oid, value, sqlstate in ((1009, path[:-1], "22P03"), (1009, path + b"x", "22P03"), (1009, b"", "08P01"),
                                     (1009, struct.pack("!5i", 1, 0, 25, -1, 1), "54000"),
                                     (1009, struct.pack("!3i", 2, 0, 25), "08P01"), (3802, b"\x02{}", "XX000"), (3802, b"", "08P01"), (3802, b"\x01{", "22P02"),
                                     (3802, b'\x01"\xff"', "22021"), (114, b"{", "22P02")):
            try:
                binary_parse_and_bind(client, "SELECT $1", oid, value)
                raise AssertionError(f"{oid} {value!r} passed")
            except Failure as failure:
                assert failure.sqlstate == sqlstate, (value, failure)


def random_document(draw, depth=0):
    kind = draw.randrange(9 if depth < 4 else 6)
    if kind == 0:
        return None
    if kind == 1:
        return draw.random() < 0.5
    if kind == 2:
        return draw.randrange(-10**draw.randrange(1, 25), 10**draw.randrange(1, 25))
    if kind < 6:
        return "".join(draw.choice('ab"\\/\n\t\x01é😀 ') for _ in range(draw.randrange(6)))
    if kind == 6:
        return [random_document(draw, depth + 1) for _ in range(draw.randrange(5))]
    return {draw.choice("abcdeé\"") * draw.randrange(3): random_document(draw, depth + 1)
            for _ in range(draw.randrange(5))}


def test_random_documents_come_back():
    draw = random.Random(11)
    with Server() as server, server.connect() as client:
        client.query("CREATE TABLE t (id int PRIMARY KEY, b jsonb, j json)")
        made = [random_document(draw) for _ in range(300)]
        for n, value in enumerate(made):
            text = json.dumps(value, ensure_ascii=draw.random() < 0.5, indent=draw.choice([None, 1]))
            client.extended("INSERT INTO t VALUES ($1, $2, $3)", (n, text, text))
            assert client.value(f"SELECT j::text = $q${text}$q$ FROM t WHERE id = {n}") == "t"
        for n, b, j, c, a in client.rows("SELECT id, b, j, j::jsonb, jsonb_build_array(b) FROM t ORDER BY id"):
            value = made[int(n)]
            assert json.loads(b) == json.loads(j) == json.loads(c) == value, (b, j, c, value)
            assert json.loads(a) == [value]
        # Equal ones are equal for the index, for groups and for hashes alike.
        distinct = client.value("SELECT count(DISTINCT b) FROM t")
        assert client.value("SELECT count(*) FROM (SELECT b FROM t GROUP BY b) s") == distinct
        assert client.rows("SELECT count(*) FROM t x JOIN t y ON x.b = y.b") == \
            client.rows("SELECT count(*) FROM t x, t y WHERE x.b >= y.b AND x.b <= y.b")


def test_nesting_is_bounded_everywhere():
    with Server() as server, server.connect() as client:
        deep = "[" * 1000 + "]" * 1000
        assert client.value(f"SELECT length('{deep}'::jsonb::text)") == "2000"
        client.fails(f"SELECT '[{deep}]'::jsonb", "54001")
        client.fails(f"SELECT '[{deep}]'::json", "54001")
        client.fails("SELECT '" + "[" * 1000000 + "'::jsonb", "54001")
        for text in (f"jsonb_build_array('{deep}'::jsonb)", f"jsonb_build_object('a', '{deep}'::jsonb)",
                     f"jsonb_set('[1]', '{{0}}', '{deep}')", f"'[]'::jsonb || jsonb_build_array('{deep}'::jsonb)",
                     f"jsonb_agg('{deep}'::jsonb)", f"jsonb_object_agg('a', '{deep}'::jsonb)"):
            client.fails(f"SELECT {text}", "54001")
        client.query("CREATE TABLE t (b jsonb)")
        client.query(f"INSERT INTO t VALUES ('{deep}')")
        client.fails("UPDATE t SET b = jsonb_build_array(b)", "54001")
        client.fails("CREATE INDEX ON t (b)", "54000")  # a key of more than 2 KiB
        assert client.value("SELECT count(*) FROM t WHERE b = b AND b @> b") == "1"


if __name__ == "__main__":
    run(test_streams_of_documents_survive_kill_and_checkpoint, test_binary_forms, test_random_documents_come_back,
        test_nesting_is_bounded_everywhere)
