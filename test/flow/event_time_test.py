#!/usr/bin/env python3
"""Event time: watermarks, late rows, and that neither a restart nor the way in which rows arrive changes them."""

import os
import random
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
from quern import Server, run, wait_until  # noqa: E402

FIGURES = "SELECT event_time, lateness, watermark, rows, late_rows FROM quern.sources WHERE name = 's'"


def source(client, options="", columns="id int, at timestamptz", name="s"):
    client.query(f"CREATE SOURCE {name} ({columns}) WITH (connector = 'push', event_time = 'at'{options})")


def test_watermark():
    with Server() as server, server.connect() as client:
        source(client, ", lateness = '5 seconds'")
        client.query("CREATE TABLE t (id int, late boolean); "
                     "CREATE WORKFLOW w AS INSERT INTO t SELECT id, at < quern_watermark('s') FROM s")
        assert client.rows(FIGURES) == [["at", "5 seconds", None, "0", "0"]]
        assert client.value("SELECT quern_watermark('s')") is None
        client.query("INSERT INTO s VALUES (1, NULL), (2, 'infinity'), (3, '-infinity')")
        assert client.rows(FIGURES) == [["at", "5 seconds", None, "3", "0"]]
        client.query("INSERT INTO s VALUES (4, '2026-01-01 00:00:10+00'), (5, '2026-01-01 00:00:05+00'),"
                     " (6, '2026-01-01 00:00:04.999999+00'), (7, '2026-01-01 00:00:20+00'), (8, '2026-01-01 00:00:12+00')")
        assert client.rows(FIGURES) == [["at", "5 seconds", "2026-01-01 00:00:15+00", "8", "2"]], client.rows(FIGURES)
        assert client.value("SELECT quern_watermark('s')") == "2026-01-01 00:00:15+00"
        # A statement reads it as it is behind its own row.
        assert client.rows("SELECT id FROM t WHERE late ORDER BY id") == [["6"], ["8"]]
        # What is undone was not seen.
        client.query("BEGIN; INSERT INTO s VALUES (9, '2030-01-01'); ROLLBACK")
        assert client.fails("INSERT INTO s VALUES (9, '2030-01-01'), (1/0, NULL)", "22012")
        assert client.value("SELECT quern_watermark('s')") == "2026-01-01 00:00:15+00"
        client.query("ALTER SOURCE s SET (lateness = '1 minute')")
        assert client.rows(FIGURES) == [["at", "1 minute", "2025-12-31 23:59:20+00", "8", "2"]]
        client.fails("SELECT quern_watermark('t')", "42809")
        client.fails("SELECT quern_watermark('nowhere')", "42P01")


def test_late_rows_are_dropped():
    with Server() as server, server.connect() as client:
        source(client, ", late = 'drop'", "id int PRIMARY KEY, at date")
        client.query("CREATE TABLE one (id int); CREATE TABLE whole (n int, low int);"
                     "CREATE WORKFLOW w AS INSERT INTO one SELECT id FROM s;"
                     "CREATE WORKFLOW v AS INSERT INTO whole SELECT count(*), min(id) FROM atom(s)")
        client.query("INSERT INTO s VALUES (1, '2026-01-02'), (2, '2026-01-01'), (3, '2026-01-02'), (4, NULL), (5, '2026-01-03')")
        client.query("INSERT INTO s VALUES (6, '2026-01-02')")
        assert client.rows(FIGURES) == [["at", "0", "2026-01-03 00:00:00+00", "6", "2"]], client.rows(FIGURES)
        assert client.rows("SELECT id FROM one ORDER BY id") == [["1"], ["3"], ["4"], ["5"]]
        assert client.rows("SELECT id FROM s ORDER BY id") == [["1"], ["3"], ["4"], ["5"]]
        assert client.rows("SELECT * FROM whole") == [["4", "1"]]
        client.query("ALTER SOURCE s SET (late = 'keep')")
        client.query("INSERT INTO s VALUES (7, '2025-01-01')")
        assert client.value("SELECT count(*) FROM one") == "5"
        assert client.value("SELECT late_rows FROM quern.sources") == "3"


def test_options():
    with Server() as server, server.connect() as client:
        for options, sqlstate, part in (
                ("event_time = 'nothing'", "42703", "does not exist"),
                ("event_time = 'id'", "22023", "event_time"),
                ("lateness = '5 seconds'", "22023", "needs the option event_time"),
                ("late = 'drop'", "22023", "needs the option event_time"),
                ("event_time = 'at', lateness = 'soon'", "22007", "invalid input syntax for type interval"),
                ("event_time = 'at', lateness = '-1 second'", "22023", "out of range"),
                ("event_time = 'at', late = 'perhaps'", "22023", "late")):
            failure = client.fails(f"CREATE SOURCE s (id int, at timestamp) WITH (connector = 'push', {options})", sqlstate)
            assert part in failure.message, (options, failure)
        client.query("CREATE SOURCE s (id int, at timestamp, b timestamp) WITH (connector = 'push')")
        assert client.rows(FIGURES) == [[None, None, None, "0", None]]
        client.query("INSERT INTO s VALUES (1, '2026-01-01')")
        client.query("ALTER SOURCE s SET (event_time = 'at', lateness = '1 day')")
        client.query("INSERT INTO s VALUES (1, '2026-01-03')")
        assert client.value("SELECT watermark FROM quern.sources") == "2026-01-02 00:00:00+00"
        client.fails("ALTER SOURCE s SET (event_time = 'b')", "0A000")
        client.fails("ALTER SOURCE s RESET (event_time)", "0A000")
        client.query("ALTER SOURCE s RESET (lateness)")
        assert client.value("SELECT watermark FROM quern.sources") == "2026-01-03 00:00:00+00"


def expected(rows, lateness):
    newest, late, marks = None, 0, []
    for at in rows:
        late += newest is not None and at < newest - lateness
        newest = at if newest is None else max(newest, at)
        marks.append(newest - lateness)
    return late, marks


def test_restarts_and_batches_change_nothing():
    draw = random.Random(9)
    rows, now = [], 1000
    for _ in range(20000):
        now += draw.randrange(3)
        rows.append(now - (draw.randrange(200) if draw.randrange(4) == 0 else draw.randrange(20)))
    late, marks = expected(rows, 30)
    with tempfile.TemporaryDirectory() as scratch:
        folder = os.path.join(scratch, "files")
        os.mkdir(folder)
        with open(os.path.join(folder, "x.csv"), "w", encoding="utf-8") as file:
            for number, at in enumerate(rows):
                file.write(f"{number},2026-01-01 {at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}\n")
        for atom_rows in (1024, 7):
            server = Server("--files", folder, data=os.path.join(scratch, f"data{atom_rows}")).start()
            client = server.connect()
            client.query("CREATE TABLE marks (id int PRIMARY KEY, mark int)")
            client.query(f"CREATE SOURCE s (id int, at timestamp) WITH (connector = 'file', path = 'x.csv', event_time = 'at',"
                         f" lateness = '30 s', atom_rows = {atom_rows})")
            client.query("CREATE WORKFLOW w AS INSERT INTO marks SELECT id, "
                         "extract(epoch FROM quern_watermark('s') - '2026-01-01 00:00:00+00') FROM s")
            for share in (0.2, 0.6):
                wait_until(lambda: int(client.value("SELECT rows FROM quern.sources")) >= share * len(rows), "rows")
                client.close()
                server.kill()
                server.start()
                client = server.connect()
            wait_until(lambda: client.value("SELECT rows FROM quern.sources") == str(len(rows)), "all rows")
            assert client.value("SELECT late_rows FROM quern.sources") == str(late)
            got = [int(row[0]) for row in client.rows("SELECT mark FROM marks ORDER BY id")]
            assert got == marks, next((i, a, b) for i, (a, b) in enumerate(zip(got, marks)) if a != b)
            client.close()
            server.stop()


run(*[test for name, test in sorted(globals().items()) if name.startswith("test_")])
