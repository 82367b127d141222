#!/usr/bin/env python3
"""Queries that keep more rows than a statement's memory holds go through temporary files, and answer the same."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
from quern import Server, run

# Rows of r: a is a permutation, g has 7,000 values and some NULLs, t is text of many lengths, n numerics.
ROWS = 16000
TABLE = f"""CREATE TABLE r (id int PRIMARY KEY, a int, g int, t text, n numeric);
INSERT INTO r SELECT i, i * 7919 % {ROWS}, nullif(i * 31 % 7001, 7000), repeat(chr(97 + i % 26), i * 13 % 50) || i % 9000,
  (i % 977)::numeric / 8 FROM generate_series(1, {ROWS}) AS i"""

QUERIES = [
    "SELECT a, t FROM r ORDER BY a",
    "SELECT id, t FROM r ORDER BY t DESC, id",
    "SELECT id, g, n FROM r ORDER BY g NULLS FIRST, n DESC, id LIMIT 12000",
    "SELECT t, g, count(*), sum(n), max(a), avg(a) FROM r GROUP BY t, g",
    "SELECT t, count(*) FROM r GROUP BY t HAVING count(*) > 3",
    "SELECT t, g, count(DISTINCT n), string_agg(id::text, ',' ORDER BY id DESC) FROM r GROUP BY t, g",
    "SELECT g % 3000, t, count(*) FILTER (WHERE a > 100) FROM r GROUP BY GROUPING SETS ((1), (2), ())",
    "SELECT count(*), sum(c) FROM (SELECT t, count(*) AS c FROM r GROUP BY t) AS q",
    "SELECT DISTINCT t FROM r",
    "SELECT DISTINCT g, n FROM r",
    "SELECT count(*) FROM (SELECT DISTINCT t, g FROM r) AS q",
    "SELECT DISTINCT t FROM r UNION SELECT (id % 5000)::text FROM r",
    "SELECT r.id, r.t, s.id, s.t FROM r JOIN r s ON r.a = s.a",
    "SELECT r.id, r.t, s.id, s.t FROM r LEFT JOIN r s ON r.g = s.g AND s.id % 3 = r.id % 2",
    "SELECT r.id, s.id, s.t, r.t FROM (SELECT * FROM r WHERE id % 3 > 0) r FULL JOIN r s ON r.t = s.t AND r.g = s.g AND s.a > r.a",
    "SELECT r.id, s.id, s.n FROM r FULL JOIN (SELECT *, id + 9000 AS k FROM r) s ON r.id = k",
    "SELECT count(*), sum(length(s.t)) FROM (SELECT * FROM r WHERE id < 300) r LEFT JOIN (SELECT id, t, n, g % 2 AS k FROM r) s "
    "ON r.id % 2 = k AND s.id > r.id AND s.n > 0",
    "SELECT r.id, s.t FROM r, (SELECT * FROM r) s WHERE r.id < 9 AND s.id + r.id < 50 AND length(s.t) + s.n + s.a > r.id",
    "WITH w AS MATERIALIZED (SELECT id, t, a FROM r) SELECT v.a, w.t FROM w, w v WHERE v.a = w.id",
    "WITH w AS MATERIALIZED (SELECT id, t, a FROM r) SELECT count(*) FROM (SELECT * FROM w LIMIT 9000) v, "
    "(SELECT * FROM w OFFSET 1 LIMIT 1) u",
    "WITH RECURSIVE w AS (SELECT id, t FROM r UNION ALL SELECT id - 8000, t || id FROM w WHERE id > 8000) SELECT * FROM w",
    "SELECT t, a, n FROM r INTERSECT SELECT t, a, n FROM r WHERE id % 3 = 1 OR id > 2000",
    "SELECT t, g % 3 FROM r INTERSECT ALL (SELECT t, g % 3 FROM r UNION ALL SELECT t, 1 FROM r)",
    "SELECT t, a FROM r EXCEPT SELECT t, a FROM r WHERE id % 3 = 1",
    "(SELECT t, a FROM r UNION ALL SELECT t, a FROM r) EXCEPT SELECT t, a FROM r WHERE id % 30 = 1",
    "(SELECT t, g FROM r UNION ALL SELECT t, g FROM r) EXCEPT ALL SELECT t, g FROM r WHERE id % 5 > 1",
    "SELECT id, row_number() OVER (ORDER BY a), lag(t, 3000) OVER (ORDER BY a), first_value(t) OVER (ORDER BY a), "
    "sum(n) OVER (ORDER BY a) FROM r",
    "SELECT id, t, count(*) OVER (), max(t) OVER (PARTITION BY g % 3), lead(t, 2) OVER (PARTITION BY g % 3 ORDER BY id) FROM r",
    "SELECT id, last_value(t) OVER (ORDER BY id % 100, id ROWS BETWEEN 900 PRECEDING AND 1 FOLLOWING), "
    "nth_value(t || 'x', 5) OVER (ORDER BY id % 100, id RANGE UNBOUNDED PRECEDING) FROM r",
    "SELECT id, lead(t || 'y') OVER (ORDER BY id), min(t || 'z') OVER (ORDER BY id) FROM r",
    "SELECT id, lead(t || id) OVER (PARTITION BY id % 2 ORDER BY id) FROM r",
    "SELECT x, (SELECT count(*) FROM (SELECT DISTINCT t || x FROM r) AS q) FROM generate_series(0, 1) AS x",
]


def written(client):
    return float(client.value("SELECT value FROM quern.metrics WHERE name = 'quern_temporary_bytes_total'"))


def in_order(query, rows):
    return rows if "ORDER BY a" in query or ", id" in query else sorted(rows, key=str)


def test_same_answers():
    with Server() as wide, Server("--statement-memory", "2MB") as narrow:
        one, other = wide.connect(), narrow.connect()
        one.query(TABLE)
        for start in range(0, ROWS, 2000):
            lines = "".join("\t".join("\\N" if cell is None else cell for cell in row) + "\n"
                            for row in one.rows(f"SELECT * FROM r WHERE id > {start} AND id <= {start + 2000}"))
            if start == 0:
                other.query(TABLE.split(";")[0])
            other.copy_in("COPY r FROM STDIN", lines.encode())
        for query in QUERIES:
            before = written(other)
            assert in_order(query, other.rows(query)) == in_order(query, one.rows(query)), query
            assert written(other) > before, f"no file: {query}"
        assert written(one) == 0
        assert float(other.value("SELECT value FROM quern.metrics WHERE name = 'quern_temporary_bytes'")) == 0


def test_in_transactions():
    """COMMIT runs the queries again, with the same answers, where others have changed what they read."""
    with Server("--statement-memory", "2MB") as narrow, narrow.connect() as other:
        other.query(TABLE)
        other.query("CREATE TABLE log (n int)")
        for query in QUERIES[0], QUERIES[3], QUERIES[8]:
            with narrow.connect() as one:  # who has failed claims what it reads
                one.query("BEGIN")
                one.query(query)
                one.query("INSERT INTO log VALUES (1)")
                other.query("UPDATE r SET id = -id WHERE id = 5; UPDATE r SET id = -id WHERE id = -5")
                one.query("COMMIT")
                one.query("BEGIN")
                one.query(query)
                one.query("INSERT INTO log VALUES (1)")
                other.query("UPDATE r SET a = a + 100000, g = g + 100000, t = t || 'z' WHERE id = 6")
                one.fails("COMMIT", "40001")


def test_bound_of_files():
    with Server("--statement-memory", "2MB", "--temporary-limit", "64kB") as narrow:
        client = narrow.connect()
        client.query(TABLE)
        client.fails(QUERIES[1], "53400")
        client.fails(QUERIES[4], "53400")
        assert client.value("SELECT count(*) FROM r") == str(ROWS)
        assert float(client.value("SELECT value FROM quern.metrics WHERE name = 'quern_temporary_bytes'")) == 0


def test_cancelled():
    with Server("--statement-memory", "2MB") as narrow:
        client = narrow.connect()
        client.query("SET statement_timeout = 200")
        client.fails("SELECT count(*) FROM (SELECT x FROM generate_series(1, 1000000000) AS x ORDER BY -x) AS q", "57014")
        client.query("SET statement_timeout = 0")
        assert float(client.value("SELECT value FROM quern.metrics WHERE name = 'quern_temporary_bytes'")) == 0


def test_nothing_is_left():
    """Files have no names: neither while they are used nor when the server is killed."""
    with tempfile.TemporaryDirectory() as place, Server("--statement-memory", "2MB", data=place) as narrow:
        client = narrow.connect()
        client.send(client.message("Q", b"SELECT count(*) FROM (SELECT x FROM generate_series(1, 50000000) AS x ORDER BY -x) q\0"))
        other = narrow.connect()
        while written(other) == 0:
            pass
        assert not [name for name in os.listdir(narrow.data) if name.startswith("temporary")]


if __name__ == "__main__":
    run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
