#!/usr/bin/env python3
"""The binary forms of types on the wire: as PostgreSQL 15 sends them, and read back from parameters of that form; their
object ids in row descriptions and in pg_type; what is not of the right size or range is refused."""

import os
import struct
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import quern

# object id, type, text, bytes
FORMS = [
    (700, "real", "1.5", "3fc00000"),
    (700, "real", "-0.1", "bdcccccd"),
    (700, "real", "NaN", "7fc00000"),
    (700, "real", "Infinity", "7f800000"),
    (700, "real", "0", "00000000"),
    (17, "bytea", "\\x", ""),
    (17, "bytea", "\\x00ff80", "00ff80"),
    (17, "bytea", "\\xdeadbeef", "deadbeef"),
    (1082, "date", "2024-02-29", "00002279"),
    (1082, "date", "1999-12-31", "ffffffff"),
    (1082, "date", "infinity", "7fffffff"),
    (1082, "date", "-infinity", "80000000"),
    (1082, "date", "0044-03-15 BC", "fff49d7b"),
    (1083, "time without time zone", "00:00:00", "0000000000000000"),
    (1083, "time without time zone", "04:05:06.789", "000000036c97ca88"),
    (1083, "time without time zone", "24:00:00", "000000141dd76000"),
    (1266, "time with time zone", "04:05:06.789-08", "000000036c97ca8800007080"),
    (1266, "time with time zone", "12:00:00+05:30", "0000000a0eebb000ffffb2a8"),
    (1266, "time with time zone", "00:00:00+00", "000000000000000000000000"),
    (1186, "interval", "00:00:00", "00000000000000000000000000000000"),
    (1186, "interval", "1 year 2 mons -3 days +04:05:06.7", "000000036c966ee0fffffffd0000000e"),
    (1186, "interval", "-1 days", "0000000000000000ffffffff00000000"),
    (1186, "interval", "-00:00:00.000001", "ffffffffffffffff0000000000000000"),
    (1560, "bit(3)", "101", "00000003a0"),
    (1562, "bit varying", "101100001", "00000009b080"),
    (1562, "varbit", "", "00000000"),
    (1563, "varbit[]", "{1}", "00000001000000000000061a0000000100000001000000050000000180"),
    (2950, "uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc999c0b4ef8bb6d6bb9bd380a11"),
    (1007, "int[]", "{1,2,NULL}", "000000010000000100000017000000030000000100000004000000010000000400000002ffffffff"),
    (1007, "int[]", "{}", "000000000000000000000017"),
    (1009, "text[]", "[0:1][2:2]={{a},{NULL}}",
     "000000020000000100000019000000020000000000000001000000020000000161ffffffff"),
    (1231, "numeric[]", "{1.50,-2}", "0000000100000000000006a400000002000000010000000c0002000000000002000113880000000a"
                                     "00010000400000000002"),
    (1182, "date[]", "{2024-02-29}", "00000001000000000000043a00000001000000010000000400002279"),
    (1000, "bool[]", "{t,f}", "000000010000000000000010000000020000000100000001010000000100"),
    (3807, "jsonb[]", '{"{\\"a\\": 1}"}', "000000010000000000000eda000000010000000100000009017b2261223a20317d"),
    (1016, "bigint[]", "{{1},{2}}", "00000002000000000000001400000002000000010000000100000001000000080000000000000001"
                                    "000000080000000000000002"),
    (2951, "uuid[]", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
     "000000010000000000000b86000000010000000100000010a0eebc999c0b4ef8bb6d6bb9bd380a11"),
]

# object id, bytes, SQLSTATE
BAD = [
    (700, "3fc0", "08P01"), (700, "3fc0000000", "22P03"), (1082, "7ffffffe", "22008"), (1082, "00", "08P01"),
    (1083, "ffffffffffffffff", "22008"), (1083, "000000141dd76001", "22008"), (1266, "00" * 8, "08P01"),
    (1266, "00" * 8 + "0000e100", "22009"), (1266, "ff" * 12, "22008"), (1186, "00" * 15, "08P01"),
    (1186, "00" * 17, "22P03"), (2950, "00" * 15, "08P01"), (1562, "0000", "08P01"),
    (1562, "00000009ff", "08P01"), (1562, "00000001ffff", "22P03"), (1562, "ffffffff", "22P03"), (2950, "00" * 17, "22P03"),
    (1007, "", "08P01"), (1007, "ffffffff" + "00" * 4 + "00000017", "22P03"),
    (1007, "00000007" + "00" * 4 + "00000017", "54000"), (1007, "00" * 4 + "00000002" + "00000017", "22P03"),
    (1007, "00" * 8 + "00000014", "42804"), (1007, "00" * 8 + "00000017" + "00", "22P03"),
    (1007, "00000001" + "00" * 4 + "00000017" + "0000000100000001", "08P01"),
    (1007, "00000001" + "00" * 4 + "00000017" + "0000000100000001" + "00000008" + "00000001", "22P03"),
    (1007, "00000001" + "00" * 4 + "00000017" + "0000000100000001" + "00000003" + "000000", "08P01"),
    (1007, "00000001" + "00" * 4 + "00000017" + "7fffffff00000001", "54000"),
    (1007, "00000001" + "00" * 4 + "00000017" + "000000017fffffff" + "ffffffff", "54000"),
    (1007, "00000002" + "00" * 4 + "00000017" + "0001000000000001" * 2, "54000"),
    (1009, "00000001" + "00" * 4 + "00000019" + "0000000100000001" + "00000001" + "ff", "22021"),
]


def ask(client, text, values, oids):
    """One statement with binary parameters and results: the types of its columns, and its only row as bytes."""
    bind = b"\0\0" + struct.pack("!hhh", 1, 1, len(values))
    bind += b"".join(struct.pack("!i", len(value)) + value for value in values) + struct.pack("!hh", 1, 1)
    client.send(client.parse(text, types=oids) + client.message("B", bind) + client.describe() + client.execute() +
                client.message("S"))
    types, row, failure = [], None, None
    while True:
        kind, body = client.read_message()
        if kind == b"T":
            at = 2
            for _ in range(struct.unpack("!h", body[:2])[0]):
                at = body.index(b"\0", at) + 1
                types.append(struct.unpack("!ihihih", body[at:at + 18])[2])
                at += 18
        elif kind == b"D":
            row, at = [], 2
            for _ in range(struct.unpack("!h", body[:2])[0]):
                size = struct.unpack("!i", body[at:at + 4])[0]
                row.append(body[at + 4:at + 4 + size])
                at += 4 + size
        elif kind == b"E":
            failure = client.fields(body)
        elif kind == b"Z":
            return types, row, failure


def test_values_are_sent_as_postgresql_sends_them():
    with quern.Server() as server, quern.Client(server.port) as client:
        for oid, name, text, expected in FORMS:
            types, row, failure = ask(client, f"select '{text}'::{name}", [], [])
            assert failure is None and types == [oid], (name, text, types, failure)
            assert row[0].hex() == expected, (name, text, row[0].hex())


def test_values_come_back_from_binary_parameters():
    with quern.Server() as server, quern.Client(server.port) as client:
        for oid, name, text, form in FORMS:
            types, row, failure = ask(client, "select $1, $1::text", [bytes.fromhex(form)], [oid])
            assert failure is None and types == [oid, 25], (name, text, types, failure)
            assert row[0].hex() == form and row[1].decode() == text, (name, text, row)
        client.query("create table t (n serial, r real, b bytea, d date, t time, z timetz, i interval, u uuid)")
        picked = [next(form for form in FORMS if form[0] == oid) for oid in (700, 17, 1082, 1083, 1266, 1186, 2950)]
        ask(client, "insert into t (r, b, d, t, z, i, u) values ($1, $2, $3, $4, $5, $6, $7)",
            [bytes.fromhex(form[3]) for form in picked], [0] * 7)
        assert client.rows("select r, b, d, t, z, i, u from t") == [[form[2] for form in picked]]


def test_wrong_forms_are_refused():
    with quern.Server() as server, quern.Client(server.port) as client:
        for oid, form, sqlstate in BAD:
            _, _, failure = ask(client, "select $1", [bytes.fromhex(form)], [oid])
            assert failure and failure["C"] == sqlstate, (oid, form, failure)


# What psycopg's EnumInfo, asyncpg and pgx ask for to know a type by its name or number, and the forms of its values.
def test_enums_have_their_labels_on_the_wire():
    with quern.Server() as server, quern.Client(server.port) as client:
        client.query("create type mood as enum ('sad', 'so so', 'happy')")
        client.query("create domain feeling as mood check (value <> 'sad')")
        oid, array = (int(v) for v in client.rows("select oid, typarray from pg_type where typname = 'mood'")[0])
        assert client.rows(f"select typname, typtype, typcategory, typelem::text from pg_type where oid = {array}") == [
            ["_mood", "b", "A", str(oid)]]
        assert client.rows(f"select enumlabel from pg_enum where enumtypid = {oid} order by enumsortorder") == [
            ["sad"], ["so so"], ["happy"]]
        types, row, failure = ask(client, "select 'so so'::mood, array['sad', null]::mood[], 'happy'::feeling", [], [])
        form = struct.pack("!3i", 1, 1, oid) + struct.pack("!ii", 2, 1) + struct.pack("!i", 3) + b"sad" + b"\xff" * 4
        assert failure is None and types == [oid, array, oid], (types, oid, array, failure)
        assert row == [b"so so", form, b"happy"], row
        client.query("create table t (m mood, a mood[], f feeling)")
        _, _, failure = ask(client, "insert into t values ($1, $2, $3)", [b"happy", form, b"so so"], [oid, array, oid])
        assert failure is None, failure
        assert client.rows("select m, a, f from t") == [["happy", "{sad,NULL}", "so so"]]
        types, row, failure = ask(client, "select m from t where m > $1 and $2 = any (a)", [b"sad", b"sad"], [0, 0])
        assert types == [oid] and row == [b"happy"], (types, row, failure)
        for value, number in ((b"glad", oid), (b"", oid), (b"sad\0", oid)):
            _, _, failure = ask(client, "select $1", [value], [number])
            assert failure and failure["C"] in ("22P02", "22021"), (value, failure)
        _, _, failure = ask(client, "insert into t (f) values ($1)", [b"sad"], [oid])
        assert failure and failure["C"] == "23514", failure
        _, _, failure = ask(client, "select $1", [b"x"], [99999])
        assert failure, "a type that is not there"


def rowed(number, text):
    """A pair's binary form."""
    return struct.pack("!i", 2) + struct.pack("!iii", 23, 4, number) + struct.pack("!ii", 25, len(text)) + text


def test_rows_have_their_types_on_the_wire():
    with tempfile.TemporaryDirectory() as place, quern.Server(data=place) as server:
        with quern.Client(server.port) as client:
            client.query("create type pair as (a int, b text); create table t (id int primary key, c pair, cs pair[])")
            (oid, array), = client.rows("select oid, typarray from pg_type where typname = 'pair'")
            oid, array, form = int(oid), int(array), rowed(7, b"x y")
            many = struct.pack("!3i", 1, 1, oid) + struct.pack("!ii", 2, 1) + struct.pack("!i", len(form)) + form + \
                b"\xff" * 4
            types, row, failure = ask(client, "select row(7, 'x y')::pair, array[row(7, 'x y')::pair, null]", [], [])
            assert failure is None and types == [oid, array] and row == [form, many], (types, row, failure)
            _, _, failure = ask(client, "insert into t values (1, $1, $2)", [form, many], [oid, array])
            assert failure is None, failure
            types, row, failure = ask(client, "select c from t where c = $1 and $1 = any (cs)", [form], [oid])
            assert types == [oid] and row == [form], (types, row, failure)
            for value, state in ((b"", "08P01"), (form[:-1], "08P01"), (form + b"x", "22P03"), (b"\0\0\0\1", "42804"),
                                 (struct.pack("!iiii", 2, 20, 4, 7), "42804"), (struct.pack("!iii", 2, 23, 9), "08P01")):
                _, _, failure = ask(client, "select $1", [value], [oid])
                assert failure and failure["C"] == state, (value, failure)
            client.query("create table keyed (c pair primary key); insert into keyed select c from t; checkpoint; "
                         "alter type pair add attribute d int; insert into keyed values ('(8,z,9)')")
        server.kill()
        server.start()
        with quern.Client(server.port) as client:
            assert client.rows("select c, cs, (c).b from t") == [["(7,\"x y\",)", "{\"(7,\\\"x y\\\",)\",NULL}", "x y"]]
            assert client.rows("select c from keyed where c > row(7, 'y', 0)::pair") == [["(8,z,9)"]]
            client.query("drop type pair cascade")
            assert client.rows("select * from t") == [["1"]]


def form_of(numbers):
    return struct.pack("!5i", 1, 0, 23, len(numbers), 1) + b"".join(struct.pack("!ii", 4, n) for n in numbers)


def test_drivers_arrays_find_rows_by_key():
    with quern.Server() as server, quern.Client(server.port) as client:
        client.query("create table t (id int primary key, tags text[], twice int)")
        client.query("create index on t (twice)")
        client.query("insert into t select i, array['t' || i % 10], 2 * i from generate_series(1, 20000) i")
        plan = client.rows("explain (costs off) select * from t where id = any('{1,2}'::int[])")
        assert plan[0] == ["Index Scan using t_pkey on t"] and "Filter" not in str(plan), plan
        many = list(range(0, 40000, 3))
        for column, found in (("id", len([n for n in many if 1 <= n <= 20000])),
                              ("twice", len([n for n in many if 1 <= n <= 40000 and n % 2 == 0]))):
            text = f"select count(*), min({column}), max({column}) from t where {column} = any($1)"
            _, row, failure = ask(client, text, [form_of(many + many)], [0])
            assert failure is None and struct.unpack("!q", row[0])[0] == found, (column, row, failure)
        _, row, failure = ask(client, "select count(*) from t where id = any($1) and id <> all($2) and tags && $3",
                              [form_of([1, 2, 11, 99999]), form_of([2]),
                               struct.pack("!6i", 1, 0, 25, 1, 1, 2) + b"t1"], [0, 0, 0])
        assert failure is None and struct.unpack("!q", row[0])[0] == 2, (row, failure)
        _, row, failure = ask(client, "update t set tags[2] = $2, twice = 0 where id = any($1) returning tags, id",
                              [form_of([7]), b"new"], [0, 0])
        assert failure is None and row[0] == struct.pack("!5i", 1, 0, 25, 2, 1) + struct.pack("!i", 2) + b"t7" + \
            struct.pack("!i", 3) + b"new", (row, failure)


def test_catalog_knows_the_types():
    with quern.Server() as server, quern.Client(server.port) as client:
        rows = client.rows("select oid, typname, typlen, typcategory, typtype from pg_type where oid in "
                           "(17, 700, 1082, 1083, 1186, 1266, 2950) order by oid")
        assert rows == [["17", "bytea", "-1", "U", "b"], ["700", "float4", "4", "N", "b"],
                        ["1082", "date", "4", "D", "b"], ["1083", "time", "8", "D", "b"],
                        ["1186", "interval", "16", "T", "b"], ["1266", "timetz", "12", "D", "b"],
                        ["2950", "uuid", "16", "U", "b"]], rows


if __name__ == "__main__":
    quern.run(test_values_are_sent_as_postgresql_sends_them, test_values_come_back_from_binary_parameters,
              test_wrong_forms_are_refused, test_drivers_arrays_find_rows_by_key, test_catalog_knows_the_types,
              test_enums_have_their_labels_on_the_wire, test_rows_have_their_types_on_the_wire)
