#!/usr/bin/env python3
"""The protocol from outside: what clients rely on, and what broken or hostile ones send."""

import os
import random
import signal
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
from quern import Client, Failure, Server, run, wait_until

server = None


def alive():
    with server.connect() as client:
        assert client.value("SELECT 1") == "1"


def test_start_up():
    with server.connect(database="any", application_name="here") as client:
        assert client.status == "I"
        assert client.parameters["server_encoding"] == "UTF8" and client.parameters["application_name"] == "here"
        assert client.value("SELECT current_database()") == "any"


def test_ssl_and_gss_are_declined():
    for code in (80877103, 80877104):
        client = Client(server.port, start=False)
        client.send(struct.pack("!ii", 8, code))
        assert client.socket.recv(1) == b"N"
        body = b"user\0x\0\0"
        client.send(struct.pack("!ii", len(body) + 8, 196608) + body)
        client.collect()
        assert client.value("SELECT 1") == "1"


def test_simple_query_with_several_statements():
    with server.connect() as client:
        result = client.query("SELECT 1; SELECT 'two' AS b, NULL")
        assert result.rows == [["1"], ["two", None]] and result.tags == ["SELECT 1", "SELECT 1"]
        client.send(client.message("Q", b"\0"))
        assert client.collect("I") and client.collect().rows == []


def test_several_statements_are_one_transaction():
    with server.connect() as client:
        client.query("CREATE TABLE together (k int PRIMARY KEY)")
        client.fails("INSERT INTO together VALUES (1); INSERT INTO together VALUES (1)", "23505")
        assert client.value("SELECT count(*) FROM together") == "0"


def test_extended_query():
    with server.connect() as client:
        assert client.extended("SELECT $1::int + 1, $2::text", [41, "x"]).rows == [["42", "x"]]
        assert client.extended("SELECT $1::text", [None]).rows == [[None]]
        client.send(client.parse("SELECT 1/$1::int", "divide") + client.message("S"))
        client.collect()
        client.send(client.bind([0], "divide") + client.execute() + client.bind([1], "divide") + client.execute() + client.message("S"))
        try:
            client.collect()
            raise AssertionError("did not fail")
        except Failure as failure:
            assert failure.sqlstate == "22012"
        client.send(client.bind([1], "divide") + client.execute() + client.message("S"))
        assert client.collect().rows == [["1"]]


def test_pipelined_up_to_sync_is_one_transaction():
    with server.connect() as client:
        client.query("CREATE TABLE piped (k int PRIMARY KEY)")
        insert = client.parse("INSERT INTO piped VALUES ($1)", "insert_piped")
        twice = client.bind([1], "insert_piped") + client.execute()
        client.send(insert + twice + twice + client.message("S"))
        try:
            client.collect()
            raise AssertionError("did not fail")
        except Failure as failure:
            assert failure.sqlstate == "23505"
        assert client.value("SELECT count(*) FROM piped") == "0"


def test_flush_answers_before_sync():
    with server.connect() as client:
        client.query("CREATE TABLE flushed (k int PRIMARY KEY)")
        client.send(client.parse("INSERT INTO flushed VALUES (1) RETURNING k") + client.bind() + client.execute() + client.message("H"))
        assert client.collect("C").rows == [["1"]]
        with server.connect() as other:
            assert other.value("SELECT count(*) FROM flushed") == "0"
        client.send(client.message("S"))
        client.collect()
        assert client.value("SELECT count(*) FROM flushed") == "1"


def test_portal_in_pieces():
    with server.connect() as client:
        client.send(client.parse("SELECT g FROM generate_series(1, 5) g") + client.bind() + client.execute(limit=2) +
                    client.execute(limit=2) + client.execute(limit=2) + client.message("S"))
        result = client.collect()
        assert [row[0] for row in result.rows] == ["1", "2", "3", "4", "5"]


def test_cursor():
    with server.connect() as client:
        client.query("BEGIN")
        client.query("DECLARE c CURSOR FOR SELECT g FROM generate_series(1, 5) g")
        assert client.rows("FETCH 2 FROM c") == [["1"], ["2"]]
        assert client.rows("FETCH ALL FROM c") == [["3"], ["4"], ["5"]]
        client.query("COMMIT")
        client.fails("FETCH 1 FROM c", "34000")


def exchange(client, *messages):
    client.send(b"".join(messages) + client.message("S"))
    return client.collect()


def bound(client, text, values=(), binary=False, portal=""):
    """Parse, Bind, Execute of one statement; its rows as bytes."""
    exchanged = client.parse(text) + client.bind(values, portal=portal, binary=binary) + client.execute(portal)
    client.send(exchanged + client.message("S"))
    rows, tag, failure = [], None, None
    while True:
        kind, body = client.read_message()
        if kind == b"D":
            rows.append(body)
        elif kind == b"C":
            tag = body[:-1].decode()
        elif kind == b"E":
            failure = client.fields(body)["C"]
        elif kind == b"Z":
            return rows, tag, failure


def data_row(*fields):
    return struct.pack("!h", len(fields)) + b"".join(struct.pack("!i", len(f)) + f for f in fields)


def test_declare_takes_parameters():
    with server.connect() as client:
        client.query("BEGIN")
        declare = "DECLARE c CURSOR FOR SELECT $2 || g, $1 + g FROM generate_series(1, $1) g"
        client.send(client.parse(declare, "d") + client.describe("S", "d") + client.message("S"))
        kinds = [client.read_message() for _ in range(4)]
        assert [kind for kind, _ in kinds] == [b"1", b"t", b"n", b"Z"]
        assert kinds[1][1] == struct.pack("!hii", 2, 23, 25)
        exchange(client, client.bind([3, "a long text that is kept: "], "d"), client.execute())
        exchange(client, client.message("C", b"Sd\0"))
        assert client.rows("FETCH 2 FROM c") == [["a long text that is kept: 1", "4"], ["a long text that is kept: 2", "5"]]
        assert bound(client, "FETCH c", binary=True)[0] == [data_row(b"a long text that is kept: 3", struct.pack("!i", 6))]
        client.query("ROLLBACK; BEGIN")
        assert bound(client, "DECLARE d CURSOR FOR SELECT $1::int", [None])[1] == "DECLARE CURSOR"
        assert client.rows("FETCH ALL FROM d") == [[None]]
        assert bound(client, "DECLARE p CURSOR FOR SELECT $1::text", ["x"], portal="p")[2] == "42P03"
        client.query("ROLLBACK; BEGIN")
        client.fails("DECLARE e CURSOR FOR SELECT $1::int", "42P02")
        client.query("ROLLBACK")
        # WITH HOLD outlives the transaction and its parameters.
        assert bound(client, "DECLARE h CURSOR WITH HOLD FOR SELECT $1::text", ["held"])[1] == "DECLARE CURSOR"
        assert client.rows("FETCH h") == [["held"]]
        client.query("CLOSE ALL")
        client.fails("FETCH h", "34000")


def test_fetch_in_the_format_that_is_bound():
    with server.connect() as client:
        client.query("BEGIN; DECLARE t SCROLL CURSOR FOR SELECT 258, true, 'x'::text, NULL::int, 1.5::float8;"
                     "DECLARE b BINARY CURSOR FOR SELECT 258, '2000-01-01'::date")
        null = struct.pack("!i", -1)
        row = struct.pack("!h", 5) + struct.pack("!ii", 4, 258) + struct.pack("!ib", 1, 1) + b"\0\0\0\1x" + null
        assert bound(client, "FETCH t", binary=True)[0] == [row + struct.pack("!id", 8, 1.5)]
        text = [b"258", b"t", b"x"]
        row = struct.pack("!h", 5) + b"".join(struct.pack("!i", len(f)) + f for f in text) + null + b"\0\0\0\3" + b"1.5"
        assert bound(client, "FETCH FIRST FROM t")[0] == [row]
        assert bound(client, "FETCH b")[0] == [data_row(b"258", b"2000-01-01")]
        assert bound(client, "FETCH 0 FROM b", binary=True)[0] == [data_row(struct.pack("!i", 258), bytes(4))]
        client.query("ROLLBACK; PREPARE p AS SELECT 7, 8")
        assert bound(client, "EXECUTE p", binary=True)[0] == [data_row(struct.pack("!i", 7), struct.pack("!i", 8))]
        assert bound(client, "SHOW server_encoding", binary=True)[0] == [data_row(b"UTF8")]


def test_fetch_and_move_in_a_portal_of_bind():
    with server.connect() as client:
        client.query("BEGIN")
        exchange(client, client.parse("SELECT g FROM generate_series(1, $1::int) g"), client.bind([9], portal="q"))
        assert bound(client, "MOVE FORWARD 2 IN q")[1] == "MOVE 2"
        client.send(client.execute("q", 2) + client.message("S"))
        assert client.collect().rows == [["3"], ["4"]]
        assert client.rows("FETCH 2 FROM q") == [["5"], ["6"]]
        assert bound(client, "FETCH q", binary=True)[0] == [data_row(struct.pack("!i", 7))]
        assert [row[0] for row in client.rows("SELECT name FROM pg_cursors")] == ["q"]
        client.send(client.execute("q") + client.message("S"))
        assert client.collect().rows == [["8"], ["9"]]
        assert client.query("FETCH q").tags == ["FETCH 0"]
        client.fails("FETCH PRIOR FROM q", "55000")
        client.query("ROLLBACK; BEGIN")
        exchange(client, client.parse("SELECT 1 AS x"), client.bind(portal="q"), client.execute("q"))
        assert client.query("FETCH q").tags == ["FETCH 0"]
        assert bound(client, "FETCH r", portal="r")[2] == "55000"
        client.query("ROLLBACK")


def test_failed_transaction():
    with server.connect() as client:
        client.query("BEGIN")
        client.fails("SELECT 1/0", "22012")
        assert client.status == "E"
        client.fails("SELECT 1", "25P02")
        assert client.query("COMMIT").tags == ["ROLLBACK"]
        assert client.status == "I"


def test_copy_both_ways():
    with server.connect() as client:
        client.query("CREATE TABLE copied (k int PRIMARY KEY, v text)")
        assert client.copy_in("COPY copied FROM STDIN", b"1\tone\n2\t\\N\n3\ta\\tb\n").tags == ["COPY 3"]
        assert client.query("COPY copied TO STDOUT").copied == b"1\tone\n2\t\\N\n3\ta\\tb\n"
        try:
            client.copy_in("COPY copied FROM STDIN", b"4\tfour\nx\tbad\n")
            raise AssertionError("did not fail")
        except Failure as failure:
            assert failure.sqlstate == "22P02", failure
        assert client.value("SELECT count(*) FROM copied") == "3"
        client.send(client.message("Q", b"COPY copied FROM STDIN\0"))
        client.collect("G")
        client.send(client.message("d", b"5\tfive\n") + client.message("f", b"changed my mind\0"))
        try:
            client.collect()
            raise AssertionError("did not fail")
        except Failure as failure:
            assert failure.sqlstate == "57014"
        assert client.value("SELECT count(*) FROM copied") == "3"


def test_long_result_and_slow_reader():
    with server.connect() as client, server.connect() as other:
        client.send(client.message("Q", b"SELECT g, repeat('x', 100) FROM generate_series(1, 200000) g\0"))
        assert other.value("SELECT 1") == "1"
        result = client.collect()
        assert len(result.rows) == 200000 and result.tags == ["SELECT 200000"]


def test_cancel():
    with server.connect() as client:
        client.send(client.message("Q", b"SELECT count(*) FROM generate_series(1, 1000000000) g\0"))
        with server.connect() as other:
            wait_until(lambda: float(other.value("SELECT value FROM quern.metrics WHERE name = 'quern_jobs_total'")) > 0, "a job")
        cancel = Client(server.port, start=False)
        cancel.send(struct.pack("!iiii", 16, 80877102, *client.backend))
        try:
            client.collect()
            raise AssertionError("was not cancelled")
        except Failure as failure:
            assert failure.sqlstate == "57014"
        assert client.value("SELECT 1") == "1"


def test_vanishing_in_a_transaction():
    with server.connect() as client:
        client.query("CREATE TABLE vanished (k int)")
        client.query("BEGIN")
        client.query("INSERT INTO vanished VALUES (1)")
    with server.connect() as client:
        assert client.value("SELECT count(*) FROM vanished") == "0"


def test_half_messages():
    """A message in single bytes is a message; half a message is nothing, and its client may go."""
    with server.connect() as client:
        for byte in client.message("Q", b"SELECT 7\0"):
            client.send(bytes([byte]))
        assert client.collect().rows == [["7"]]
        client.send(client.message("Q", b"SELECT 8\0")[:-3])
    alive()


def test_lengths_that_cannot_be():
    for length in (0, 3, -1, -(2**31), 2**31 - 1, 65 * 1024 * 1024):
        client = server.connect()
        client.send(b"Q" + struct.pack("!i", length) + b"x" * 16)
        try:
            client.collect()
            raise AssertionError(f"length {length} was taken")
        except Failure as failure:
            assert failure.sqlstate == "08P01", failure
    for length in (0, 7, -1, 10001, 2**31 - 1):
        client = Client(server.port, start=False)
        client.send(struct.pack("!ii", length, 196608) + b"\0" * 8)
        try:
            client.collect()
            raise AssertionError(f"start-up of {length} bytes was taken")
        except Failure as failure:
            assert failure.sqlstate == "08P01", failure
    alive()


def test_malformed_messages():
    """Well framed, badly filled: an error each, and the conversation goes on after its Sync."""
    bodies = [b"", b"\0", b"x", b"\0\0", b"\xff" * 9, b"a\0SELECT 1\0\xff\xff", b"\0\0\x7f\xff\0\0"]
    with server.connect() as client:
        for kind in "PBDEC":
            for body in bodies:
                client.send(client.message(kind, body) + client.message("S"))
                try:
                    client.collect()
                except Failure as failure:
                    assert failure.sqlstate in ("08P01", "26000", "34000", "42601", "42704", "22021"), (kind, body, failure)
                assert client.status == "I"
        client.send(client.message("y") + client.message("S"))
        try:
            client.collect()
            raise AssertionError("an unknown message was taken")
        except Failure as failure:
            assert failure.sqlstate == "08P01"
        assert client.value("SELECT 1") == "1"


def test_random_bytes():
    choose = random.Random(3)
    for round_ in range(60):
        client = Client(server.port, start=False) if round_ % 2 else server.connect()
        try:
            for _ in range(choose.randrange(1, 6)):
                client.send(choose.randbytes(choose.randrange(1, 400)))
            client.socket.shutdown(socket.SHUT_WR)
            while client.read_message():
                pass
        except (ConnectionError, OSError):
            pass
        client.close()
    alive()


def test_used_port():
    with Server() as second:
        second_port = second.port
        assert second_port != server.port
    clash = Server()
    clash.command = lambda: [os.path.join(os.environ.get("QUERN_BUILD", "build"), "quern"), "serve", "--in-memory", "--listen",
                             f"127.0.0.1:{server.port}"]
    try:
        clash.start()
        raise AssertionError("two servers on one port")
    except RuntimeError as error:
        assert "in use" in str(error), error


def test_shutdown_is_told_to_all():
    """57P01, whatever they are at: idle, in a transaction, waiting, behind a long read, amid a pipeline."""
    with Server() as second:
        idle, holder, waiting, long, piping = (second.connect() for _ in range(5))
        holder.query("create table t (k int primary key)")
        holder.query("insert into t values (1)")
        holder.query("begin")
        holder.query("select * from t for update")
        waiting.send(waiting.message("Q", b"update t set k = 2\0"))
        long.send(long.message("Q", b"copy (select a from generate_series(1, 20000) a, generate_series(1, 100000) b) to stdout\0"))
        long.collect("H")
        piping.send(piping.parse("select 1") * 1000 + piping.message("H") + piping.parse("select 1")[:-3])
        assert idle.value("select 1") == "1"
        second.process.send_signal(signal.SIGTERM)
        for client in (idle, holder, waiting, long, piping):
            told = []
            while message := client.read_message():
                told.append(message)
            if client is not long:  # its answer may be cut off
                assert told[-1][0] == b"E" and client.fields(told[-1][1])["C"] == "57P01", told[-1]
        assert second.process.wait() == 0


if __name__ == "__main__":
    with Server() as server:
        run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
