#!/usr/bin/env python3
"""Too deep, too long, too many, too much: one clear error, bounded memory, and the server goes on."""

import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
from quern import Client, Failure, Server, run, wait_until

MB = 1 << 20


def resident(server):
    """Largest resident memory so far, in MB. A sanitizer keeps what is freed, so it is bounded only without one."""
    with open(f"/proc/{server.process.pid}/status") as file:
        status = dict(line.split(":", 1) for line in file if ":" in line)
    return int(status["VmHWM"].split()[0]) // 1024


def is_sanitized(server):
    with open(f"/proc/{server.process.pid}/maps") as file:
        return "libasan" in file.read()


def outcome(client, text):
    try:
        client.query(text)
        return "00000"
    except Failure as failure:
        return failure.sqlstate


# --- Statements -----------------------------------------------------------------------------------------

# name: (text for a size in bytes, SQLSTATE from 20 kB on). What is short must be fine, or the same error.
SHAPES = {
    "additions": (lambda n: "SELECT 1" + "+1" * (n // 2), "54001"),
    "concatenations": (lambda n: "SELECT 'a'" + "||'a'" * (n // 5), "54001"),
    "parentheses": (lambda n: "SELECT " + "(" * (n // 2) + "1" + ")" * (n // 2), "54001"),
    "open parentheses": (lambda n: "SELECT " + "(" * n, "54001"),
    "brackets": (lambda n: "SELECT a" + "[" * n, "54001"),
    "NOT": (lambda n: "SELECT " + "NOT " * (n // 4) + "true", "54001"),
    "signs": (lambda n: "SELECT " + "- " * (n // 2) + "1", "54001"),
    "casts": (lambda n: "SELECT 1" + "::int" * (n // 5), "54001"),
    "CASE": (lambda n: "SELECT " + "CASE WHEN true THEN " * (n // 24) + "1" + " END" * (n // 24), "54001"),
    "functions": (lambda n: "SELECT " + "abs(" * (n // 5) + "1" + ")" * (n // 5), "54001"),
    "subqueries in FROM": (lambda n: "SELECT * FROM " + "(SELECT * FROM " * (n // 18) + "t" + ") x" * (n // 18), "54001"),
    "scalar subqueries": (lambda n: "SELECT " + "(SELECT " * (n // 9) + "1" + ")" * (n // 9), "54001"),
    "EXISTS": (lambda n: "SELECT 1 WHERE " + "EXISTS (SELECT 1 WHERE " * (n // 24) + "true" + ")" * (n // 24), "54001"),
    "IS NULL": (lambda n: "SELECT 1" + " IS NULL" * (n // 8), "54001"),
    "UNION": (lambda n: "SELECT 1" + " UNION SELECT 1" * (n // 15), "54001"),
    "COLLATE": (lambda n: "SELECT 'a'" + ' COLLATE "C"' * (n // 12), "54001"),
    "targets": (lambda n: "SELECT 1" + ",1" * (n // 2), "54011"),
    "garbage": (lambda n: "SELECT " + "@#$%^&*" * (n // 7), "54001"),
}


def test_deep_and_endless_statements():
    for name, (text, sqlstate) in SHAPES.items():
        for size in 20_000, 40_000:
            assert outcome(client, text(size)) == sqlstate, (name, size, outcome(client, text(size)))
        got = outcome(client, text(60 * MB if name in ("additions", "open parentheses") else MB))
        assert got in (sqlstate, "54000"), (name, got)
        assert client.value("SELECT 1") == "1"


def test_long_and_flat_is_fine():
    numbers = ",".join(str(i) for i in range(100_000))
    assert client.value(f"SELECT count(*) FROM generate_series(1, 1000) g WHERE g IN ({numbers})") == "1000"
    assert client.value("SELECT true" + " AND true" * 5000) == "t"
    assert client.value("SELECT count(*) FROM t WHERE a = 1" + " OR a = 1" * 5000) == "0"
    client.query("INSERT INTO t VALUES " + ",".join(f"({i}, 'x')" for i in range(20_000)))
    assert client.query("DELETE FROM t").tags == ["DELETE 20000"]
    assert len(client.query("SELECT 1;" * 2000).tags) == 2000


def test_too_many_tokens():
    for text in "SELECT 1 WHERE 1 IN (1" + ",1" * MB + ")", "SELECT 1;" * MB, "SELECT a" + ".a" * MB:
        assert outcome(client, text) in ("54000", "53200"), text[:20]


def test_huge_names_and_values():
    notices = client.query(f"SELECT 1 AS {'n' * 10 * MB}").columns
    assert notices == ["n" * 63], len(notices[0])
    assert outcome(client, f"SELECT {'n' * MB}") == "42703"
    assert outcome(client, f"SELECT * FROM {'n' * MB}") == "42P01"
    assert client.value(f"SELECT length('{'v' * 50 * MB}')") == str(50 * MB)
    assert outcome(client, f"SELECT {'9' * MB}") == "22003"
    assert outcome(client, f"SELECT '{'9' * MB}'::int") == "22003"
    assert outcome(client, f"INSERT INTO t VALUES (1, '{'v' * 20 * MB}')") == "54000"
    client.query("CREATE TABLE names (v text PRIMARY KEY)")
    assert outcome(client, f"INSERT INTO names VALUES ('{'v' * 5000}')") == "54000"
    assert outcome(client, "CREATE TABLE wide (" + ",".join(f"c{i} int" for i in range(1601)) + ")") == "54011"
    assert outcome(client, "SELECT $65536::int") != "00000"


def test_messages_beyond_the_limit():
    for kind in b"Q", b"P", b"B", b"d":
        bad = server.connect()
        bad.send(kind + struct.pack("!i", 64 * MB + 1))
        message = bad.read_message()
        assert message and message[0] == b"E" and Client.fields(message[1])["C"] == "08P01", message
        assert bad.read_message() is None
        bad.close()
    assert client.value("SELECT 1") == "1"


def test_half_a_huge_message_holds_only_what_came():
    before = resident(server)
    halves = [server.connect() for _ in range(50)]
    for half in halves:
        half.send(b"Q" + struct.pack("!i", 60 * MB) + b"SELECT ")
    assert client.value("SELECT 1") == "1"
    assert resident(server) < before + 100
    for half in halves:
        half.close()


# --- Connections ----------------------------------------------------------------------------------------


def test_too_many_connections():
    with Server() as crowded:
        clients, failure = [], None
        for _ in range(1000):
            clients.append(crowded.connect())
        for _ in range(30):
            try:
                clients.append(crowded.connect())
            except Failure as error:
                failure = error
        assert failure and failure.sqlstate == "53300", failure
        assert len(clients) == 1000
        assert clients[0].value("SELECT 1") == clients[-1].value("SELECT 1") == "1"
        clients.pop().close()

        def is_let_in():
            try:
                clients.append(crowded.connect())
                return True
            except Failure as error:
                assert error.sqlstate == "53300"
                return False

        wait_until(is_let_in, "a place that is free again")


def test_slow_readers_of_large_results():
    with Server() as slow:
        readers = []
        for _ in range(20):
            reader = slow.connect()
            reader.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.send(reader.message("Q", b"SELECT g, repeat('x', 1000) FROM generate_series(1, 1000000) g\0"))
            readers.append(reader)
        other = slow.connect()
        for _ in range(200):
            assert other.value("SELECT 1") == "1"
        assert is_sanitized(slow) or resident(slow) < 200, resident(slow)
        for reader in readers:
            reader.close()
        assert other.value("SELECT 1") == "1"


# --- Memory ---------------------------------------------------------------------------------------------

BOMBS = {
    "SELECT count(*) FROM (SELECT repeat('x', 100) AS v FROM generate_series(1, 1000000) g ORDER BY g % 1000) q": "00000",
    "SELECT count(*) FROM (SELECT g FROM generate_series(1, 3000000) g GROUP BY g) q": "00000",
    "SELECT count(DISTINCT g) FROM generate_series(1, 3000000) g": "53200",
    "SELECT count(s) FROM (SELECT sum(g) OVER (ORDER BY g) AS s FROM generate_series(1, 1000000) g) q": "00000",
    "SELECT array_agg(g ORDER BY -g) FROM generate_series(1, 1000000) g": "53200",
    "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY g) FROM generate_series(1, 1000000) g": "53200",
    "SELECT count(*) FROM (SELECT FROM generate_series(1, 100000) g GROUP BY CUBE (g, g + 1)) q": "00000",
    "SELECT count(*) FROM generate_series(1, 1000000) a JOIN generate_series(1, 1000000) b ON a = b": "00000",
    "SELECT count(*) FROM generate_series(1, 9) a WHERE a IN (SELECT b FROM generate_series(1, 3000000) b)": "00000",
    "SELECT count(*) FROM generate_series(1, 9) a WHERE a NOT IN (SELECT b FROM generate_series(1, 3000000) b)": "53200",
    "SELECT DISTINCT repeat('x', 1000) || g FROM generate_series(1, 100000) g": "00000",
    "SELECT length(repeat('x', 1000000000))": "53200",
    "SELECT length(repeat(repeat('x', 1000000), 1000000))": "54000",
    "SELECT length(lpad('x', 200000000))": "53200",
    "SELECT length(lpad('x', 2000000000))": "54000",
    "SELECT length(string_agg(repeat('x', 1000), ',')) FROM generate_series(1, 1000000)": "53200",
    "SELECT length(replace(repeat('x', 100000), 'x', repeat('y', 100000)))": "53200",
    "SELECT length(regexp_replace(repeat('x', 100000), 'x', repeat('y', 100000), 'g'))": "53200",
    "SELECT length(concat(repeat('x', 3000000), repeat('x', 3000000), repeat('x', 3000000)))": "53200",
    "SELECT length(quote_literal(repeat('''', 4000000)))": "53200",
    "SELECT 10::numeric ^ 1000000": "22003",
    "SELECT 2::numeric ^ 1e100": "22003",
    "SELECT exp(1e6::numeric)": "22003",
    "SELECT '1e1000000'::numeric": "22003",
    "SELECT (10::numeric ^ 131071) * (10::numeric ^ 131071)": "22003",
    "SELECT length(format('%1000000000s', 'x'))": "22003",
    "INSERT INTO t SELECT g, repeat('x', 100) FROM generate_series(1, 3000000) g": "53200",
    "SELECT 1 WHERE 1 IN (1" + ",1" * 30000 + ")": "53200",
}


def test_memory_bombs():
    with Server("--statement-memory", "8MB", "--memory-limit", "64MB") as small:
        tight = small.connect()
        tight.query("CREATE TABLE t (a int PRIMARY KEY, v text)")
        for text, sqlstate in BOMBS.items():
            assert outcome(tight, text) == sqlstate, (text[:100], outcome(tight, text))
            assert tight.value("SELECT count(*) FROM t") == "0"
        assert is_sanitized(small) or resident(small) < 160, resident(small)


def test_full_memory():
    """Rows up to the limit: what does not fit is undone whole, reading and deleting go on."""
    with Server("--statement-memory", "8MB", "--memory-limit", "64MB") as small:
        tight = small.connect()
        tight.query("CREATE TABLE t (a int PRIMARY KEY, v text)")
        rows, failure = 0, None
        while failure is None:
            try:
                tight.query(f"INSERT INTO t SELECT g, repeat('x', 1000) FROM generate_series({rows}, {rows + 499}) g")
                rows += 500
            except Failure as error:
                failure = error
        assert failure.sqlstate == "53200" and rows > 10000, (failure, rows)
        assert int(tight.value("SELECT count(*) FROM t")) == rows
        lines = b"".join(b"%d\t%s\n" % (i, b"c" * 1000) for i in range(-20000, 0))
        try:
            tight.copy_in("COPY t FROM STDIN", lines)
            raise AssertionError("the COPY fitted")
        except Failure as error:
            assert error.sqlstate == "53200", error
        assert int(tight.value("SELECT count(*) FROM t")) == rows
        tight.query("BEGIN")
        assert outcome(tight, "UPDATE t SET v = v || v") == "53200"
        tight.query("ROLLBACK")
        for start in range(0, rows, 500):
            tight.query(f"DELETE FROM t WHERE a >= {start} AND a < {start + 500}")
        tight.query("INSERT INTO t SELECT g, repeat('x', 1000) FROM generate_series(1, 10000) g")
        assert tight.value("SELECT count(*) FROM t") == "10000"
        assert is_sanitized(small) or resident(small) < 160, resident(small)


def test_plan_cache_leaves_memory_to_others():
    with Server("--memory-limit", "64MB") as small:
        tight = small.connect()
        for turn in range(300):
            numbers = ",".join(str(i) for i in range(turn * 1000, turn * 1000 + 1000))
            assert tight.value(f"SELECT count(*) FROM generate_series(1, 2) g WHERE g IN ({numbers})") is not None
        tight.query("CREATE TABLE t (a int PRIMARY KEY, v text)")
        tight.query("INSERT INTO t SELECT g, repeat('x', 1000) FROM generate_series(1, 20000) g")


# --- Snapshots ------------------------------------------------------------------------------------------


def retired(client):
    return float(client.value("SELECT value FROM quern.metrics WHERE name = 'quern_memory_bytes' AND labels = 'kind=\"retired\"'"))


def begin_transaction(client):
    client.query("BEGIN")
    client.query("SELECT count(*) FROM t")


def begin_pipeline(client):
    client.send(client.parse("INSERT INTO t VALUES (-9, 'x')") + client.bind() + client.execute() + client.message("H"))
    client.collect("C")


def begin_copy(client):
    client.send(client.message("Q", b"COPY t FROM STDIN\0"))
    client.collect("G")
    client.send(client.message("d", b"-5\tx\n"))


def begin_result(client):
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.send(client.message("Q", b"SELECT * FROM t, generate_series(1, 100) g\0"))
    client.collect("T")


def begin_long_read(client):
    client.query("BEGIN")
    client.send(client.message("Q", b"SELECT count(*) FROM t a, t b WHERE a.v || b.v = 'q'\0"))


# How it begins, what it says next, and the transaction's state after the error.
HOLDERS = {
    "an idle transaction": (begin_transaction, lambda c: c.message("Q", b"SELECT 1\0"), "E"),
    "a transaction about to commit": (begin_transaction, lambda c: c.message("Q", b"COMMIT\0"), "I"),
    "a pipeline without its Sync": (begin_pipeline, lambda c: c.message("S"), "I"),
    "an idle COPY": (begin_copy, lambda c: c.message("d", b"-6\tx\n") + c.message("c"), "I"),
    "a result that nobody reads": (begin_result, lambda c: b"", "I"),
    "a long read in a transaction": (begin_long_read, lambda c: b"", "E"),
}


def test_snapshot_too_old():
    with Server("--snapshot-memory", "4MB") as bounded:
        writer = bounded.connect()
        writer.query("CREATE TABLE t (a int PRIMARY KEY, v text)")
        writer.query("INSERT INTO t SELECT g, repeat('x', 500) FROM generate_series(1, 20000) g")
        for name, (begin, then, status) in HOLDERS.items():
            holder = bounded.connect()
            begin(holder)
            wait_until(lambda: float(metric(writer, "quern_sessions")) == 2, "both sessions")
            writer.query("UPDATE t SET v = v || 'y'")
            wait_until(lambda: retired(writer) == 0, f"{name} to give back its snapshot")
            holder.send(then(holder))
            try:
                holder.collect()
                raise AssertionError(f"{name}: no error")
            except Failure as failure:
                assert failure.sqlstate == "72000", (name, failure)
            assert holder.status == status, (name, holder.status)
            holder.query("ROLLBACK")
            assert holder.value("SELECT count(*) FROM t") == "20000"
            holder.close()
            wait_until(lambda: float(metric(writer, "quern_sessions")) == 1, "the session to end")


def test_young_transactions_keep_their_snapshots():
    with Server("--snapshot-memory", "100MB") as bounded:
        writer, holder = bounded.connect(), bounded.connect()
        writer.query("CREATE TABLE t (a int PRIMARY KEY, v text)")
        writer.query("INSERT INTO t SELECT g, repeat('x', 500) FROM generate_series(1, 20000) g")
        begin_transaction(holder)
        writer.query("UPDATE t SET v = v || 'y'")
        writer.query("DELETE FROM t")
        assert holder.value("SELECT count(*) FROM t") == "20000"
        holder.query("COMMIT")


def metric(client, name):
    return client.value(f"SELECT sum(value) FROM quern.metrics WHERE name = '{name}'")


if __name__ == "__main__":
    with Server() as server:
        client = server.connect()
        client.query("CREATE TABLE t (a int PRIMARY KEY, v text)")
        run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
