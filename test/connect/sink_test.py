#!/usr/bin/env python3
"""Sinks from outside: what a SELECT gives is in the file once, whatever happens to the server, the file or the disk."""

import csv
import json
import os
import random
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
from quern import Server, run, wait_until  # noqa: E402


class Place:
    """A folder, and a server that may use it."""

    def __init__(self, durable=False, sources=()):
        self.durable = durable
        self.sources = sources

    def __enter__(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = os.path.join(self.scratch.name, "files")
        os.mkdir(self.folder)
        data = os.path.join(self.scratch.name, "data") if self.durable else None
        self.server = Server("--files", self.folder, data=data).start()
        self.client = self.server.connect()
        for source in self.sources:
            self.client.query(f"CREATE SOURCE {source} WITH (connector = 'push')")
        return self

    def __exit__(self, *_):
        self.client.close()
        self.server.stop()
        self.scratch.cleanup()

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8", newline="") as file:
            return file.read()

    def sink(self, column, name="k"):
        return self.client.value(f"SELECT {column} FROM quern.sinks WHERE name = '{name}'")

    def wait(self, rows, name="k"):
        wait_until(lambda: self.sink("rows", name) == str(rows) and self.sink("lag", name) == "0", f"{rows} rows")

    def wait_state(self, state, part=None):
        wait_until(lambda: self.sink("state") == state, state)
        told = self.sink("error")
        assert (part is None and told is None) or (part and part in told), told

    def restart(self, kill=False):
        self.client.close()
        if kill:
            self.server.kill()
        else:
            self.server.stop()
        self.server.start()
        self.client = self.server.connect()


NUMBERS = "p (id int, t text)"
TO_FILE = "CREATE SINK k WITH (connector = 'file', path = 'k.csv') AS"


def test_csv_is_what_copy_writes():
    with Place(sources=["p (id int, b boolean, t text, x float8, at timestamptz, j jsonb)"]) as place:
        place.client.query(f"{TO_FILE} SELECT * FROM p")
        place.client.query("CREATE TABLE c (id int, b boolean, t text, x float8, at timestamptz, j jsonb)")
        draw = random.Random(5)
        for number in range(200):
            text = "".join(draw.choice("ab ,;'\"\\\n\r\té") for _ in range(draw.randrange(6))).replace("'", "''")
            values = (f"({number}, {draw.choice(['true', 'false', 'NULL'])}, {draw.choice(['NULL', chr(39) + text + chr(39)])},"
                      f" {draw.choice(['1.5', '-1e300', chr(39) + 'NaN' + chr(39)])}, '2026-01-02 03:04:05.6+00',"
                      f" '{{\"a\": [1, \"x, y\"]}}')")
            place.client.query(f"INSERT INTO p VALUES {values}; INSERT INTO c VALUES {values}")
        place.wait(200)
        copied = place.client.query("COPY c TO STDOUT WITH (FORMAT csv)").copied.decode()
        assert place.read("k.csv") == copied
        place.client.query("CREATE SOURCE f (id int PRIMARY KEY, b boolean, t text, x float8, at timestamptz, j jsonb)"
                           " WITH (connector = 'file', path = 'k.csv')")
        wait_until(lambda: place.client.value("SELECT rows FROM quern.sources WHERE name = 'f'") == "200", "read again")
        assert place.client.rows("SELECT * FROM f ORDER BY id") == place.client.rows("SELECT * FROM c ORDER BY id")


def test_csv_options():
    with Place(sources=[NUMBERS]) as place:
        place.client.query("CREATE SINK k (number, \"the \"\"text\") WITH (connector = 'file', path = 'k.csv', header = 'true',"
                           " delimiter = ';', null = 'N', quote = '''', escape = '\\') AS SELECT id, t FROM p")
        place.client.query("INSERT INTO p VALUES (1, 'N'), (2, NULL), (3, 'it''s \\ ; so'), (NULL, '')")
        place.wait(4)
        assert place.read("k.csv") == "number;the \"text\n1;'N'\n2;N\n3;'it\\'s \\\\ ; so'\nN;\n", place.read("k.csv")
        place.client.query("CREATE SINK one WITH (connector = 'file', path = 'one.csv') AS SELECT t FROM p")
        place.client.query("INSERT INTO p VALUES (1, ''), (2, NULL), (3, '\\.')")
        place.wait(3, "one")
        assert place.read("one.csv") == '""\n\n"\\."\n', place.read("one.csv")


def test_json():
    with Place(sources=["p (id int8, b boolean, t text, x float8, n numeric, d date, j json, m jsonb)"]) as place:
        place.client.query("CREATE SINK k WITH (connector = 'file', path = 'k.json', format = 'json') AS SELECT * FROM p")
        text = 'q" b\\ n\n r\r t\t b\b f\f \x01 é'
        place.client.query("INSERT INTO p VALUES (1, true, E'" + text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
                           + "', 1e300, 12.50, '2026-01-02', '{\n \"a\":\n 1}', '[1, null]'),"
                           " (-2, false, '', 'NaN', 'NaN', NULL, NULL, NULL), (3, NULL, NULL, '-Infinity', 0.1, NULL, NULL, '\"s\"')")
        place.wait(3)
        lines = [json.loads(line) for line in place.read("k.json").split("\n")[:-1]]
        assert lines == [
            {"id": 1, "b": True, "t": text, "x": 1e300, "n": 12.5, "d": "2026-01-02", "j": {"a": 1}, "m": [1, None]},
            {"id": -2, "b": False, "t": "", "x": "NaN", "n": "NaN", "d": None, "j": None, "m": None},
            {"id": 3, "b": None, "t": None, "x": "-Infinity", "n": 0.1, "d": None, "j": None, "m": "s"}], lines


def test_arrays():
    with Place(sources=["p (a int[], t text[])"]) as place:
        for name in ("csv", "json"):
            place.client.query(f"CREATE SINK {name} WITH (connector = 'file', path = '{name}', format = '{name}') AS SELECT a, t FROM p")
        place.client.query("INSERT INTO p VALUES ('{{1,2},{3,NULL}}', '{\"a,b\",\"c\\\"d\"}')")
        place.wait(1, "csv")
        place.wait(1, "json")
        row = place.client.rows("SELECT '{{1,2},{3,NULL}}'::int[], '{\"a,b\",\"c\\\"d\"}'::text[]")[0]
        assert next(csv.reader([place.read("csv")])) == row
        assert json.loads(place.read("json")) == {"a": [[1, 2], [3, None]], "t": ["a,b", 'c"d']}


def test_json_arrays():
    columns = "n numeric[], b bool[], f float8[], t text[], d timestamp[], j jsonb[], k json[], u uuid[]"
    with Place(sources=[f"p ({columns})"]) as place:
        place.client.query("CREATE SINK s WITH (connector = 'file', path = 's', format = 'json') AS SELECT * FROM p")
        place.client.query(r"""INSERT INTO p VALUES ('{1.50,NULL}', '{t,f}', '{NaN,-1e300}', E'[0:3]={"NULL",NULL,"","\\\\ \\" {"}',
          '{2024-02-29 12:00}', array['{"a": [1, "x\"y"]}'::jsonb, 'null', NULL], E'{"[1,\n2]"}',
          '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'), ('{}', NULL, '{{1},{2}}', '{a}', '{}', '{}', '{}', '{}')""")
        place.wait(2, "s")
        lines = [json.loads(line) for line in place.read("s").split("\n")[:-1]]
        assert lines == [
            {"n": [1.5, None], "b": [True, False], "f": ["NaN", -1e300], "t": ["NULL", None, "", '\\ " {'],
             "d": ["2024-02-29 12:00:00"], "j": [{"a": [1, 'x"y']}, None, None], "k": [[1, 2]],
             "u": ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]},
            {"n": [], "b": None, "f": [[1], [2]], "t": ["a"], "d": [], "j": [], "k": [], "u": []}], lines


def test_what_a_select_may_be():
    with Place(sources=[NUMBERS, "q (id int)"]) as place:
        client = place.client
        client.query("CREATE TABLE names (id int PRIMARY KEY, name text); INSERT INTO names VALUES (1, 'one'), (2, 'two')")
        client.query("CREATE SINK joined WITH (connector = 'file', path = 'j.csv') AS "
                     "SELECT p.id, n.name || '!', (SELECT count(*) FROM names) FROM p JOIN names n USING (id) WHERE t <> 'no'")
        client.query("CREATE SINK whole WITH (connector = 'file', path = 'w.csv') AS SELECT count(*), sum(id) FROM atom(p)")
        client.query("CREATE WORKFLOW w AS INSERT INTO q SELECT id FROM p WHERE id > 1")
        client.query("CREATE SINK chained WITH (connector = 'file', path = 'c.csv') AS SELECT id * 10 AS ten FROM q")
        client.query("INSERT INTO p VALUES (1, 'a'), (2, 'no'), (2, 'b'), (3, 'c')")
        client.query("UPDATE names SET name = 'zwei' WHERE id = 2; INSERT INTO p VALUES (2, 'd')")
        for name, rows in (("joined", 3), ("whole", 2), ("chained", 4)):
            place.wait(rows, name)
        assert place.read("j.csv") == "1,one!,2\n2,two!,2\n2,zwei!,2\n", place.read("j.csv")
        assert place.read("w.csv") == "4,8\n1,2\n", place.read("w.csv")
        assert place.read("c.csv") == "20\n20\n30\n20\n", place.read("c.csv")
        # A transaction's rows come with its COMMIT, and not at all without it.
        client.query("BEGIN; INSERT INTO p VALUES (7, 'x'); ROLLBACK")
        client.query("BEGIN")
        client.query("INSERT INTO p VALUES (8, 'x')")
        client.query("COMMIT")
        place.wait(5, "chained")
        assert place.read("c.csv").endswith("\n20\n80\n")


def test_rows_that_fail_are_put_down():
    with Place() as place:
        place.client.query("CREATE SOURCE g (id int) WITH (connector = 'generator', rows = 5, id.kind = 'sequence')")
        place.client.query(f"{TO_FILE} SELECT 12 / (id - 2) AS x FROM g")
        place.wait(4)
        assert place.read("k.csv") == "-6\n-12\n12\n6\n", place.read("k.csv")
        assert place.client.rows("SELECT text, reason FROM quern.source_errors") == [["2", "division by zero"]]
        assert place.sink("errors") == "1"


def test_statements():
    with Place(sources=[NUMBERS]) as place:
        client = place.client
        client.query("CREATE TABLE t (a int PRIMARY KEY)")
        for text, sqlstate, part in (
                ("CREATE SINK x WITH (connector = 'file', path = 'x') AS SELECT * FROM t", "42P16", "no source drives the sink"),
                ("CREATE SINK x WITH (connector = 'file', path = 'x') AS SELECT a FROM nowhere", "42P01", "does not exist"),
                ("CREATE SINK x WITH (connector = 'file', path = 'x') AS VALUES (1)", "42P16", "no source drives the sink"),
                ("CREATE SINK x AS SELECT id FROM p", "22023", "has no connector"),
                ("CREATE SINK x WITH (connector = 'nothing') AS SELECT id FROM p", "42704", "does not exist"),
                ("CREATE SINK x WITH (connector = 'push') AS SELECT id FROM p", "42704", "does not exist"),
                ("CREATE SINK x WITH (connector = 'file', path = 'x') AS SELECT id, t AS id FROM p", "42701", "more than once"),
                ("CREATE SINK x WITH (connector = 'file', path = 'x') AS SELECT id FROM p JOIN t ON a = id FOR UPDATE OF t", "0A000", "FOR UPDATE"),
                ("CREATE SINK x WITH (connector = 'file', path = 'x') AS SELECT id FROM p WHERE id = $1", "42P02", "parameter"),
                ("CREATE SINK x WITH (connector = 'file', path = 'x') AS SELECT id FROM p WITH DATA", "42601", ""),
                ("CREATE SINK x WITH (connector = 'file', path = 'x') AS SELECT id FROM p WITH NO DATA", "0A000", "nothing else"),
                ("CREATE SINK x (a, b) WITH (connector = 'file', path = 'x') AS SELECT id FROM p", "42601", "too many column"),
                ("CREATE OR REPLACE SINK x WITH (connector = 'file', path = 'x') AS SELECT id FROM p", "42601", "syntax error"),
                ("CREATE SINK t WITH (connector = 'file', path = 'x') AS SELECT id FROM p", "42P07", "already exists"),
                ("CREATE SINK x WITH (connector = 'file', path = 'x', outbox_rows = 0) AS SELECT id FROM p", "22023", "outbox_rows"),
                ("CREATE SINK x WITH (connector = 'file', path = 'x', colour = 'red') AS SELECT id FROM p", "22023",
                 'sink "x" has no option "colour"'),
                ("CREATE SINK x WITH (connector = 'file') AS SELECT id FROM p", "22023", "needs the option path"),
                ("CREATE SINK x WITH (connector = 'file', path = 'x', format = 'json', null = 'N') AS SELECT id FROM p", "22023",
                 "is for CSV"),
                ("DROP SINK x", "42P01", 'sink "x" does not exist'),
                ("DROP SINK t", "42809", '"t" is not a sink')):
            failure = client.fails(text, sqlstate)
            assert part in failure.message, (text, failure)
        client.query(f"{TO_FILE} SELECT id, t FROM p")
        notices = client.query("CREATE SINK IF NOT EXISTS k WITH (connector = 'file', path = 'x') AS SELECT id FROM p").notices
        assert "already exists, skipping" in str(notices), notices
        for text, sqlstate in (("INSERT INTO k VALUES (1, 'x')", "42809"), ("DELETE FROM k", "42809"), ("TRUNCATE k", "42809"),
                               ("ALTER SINK k SET (path = 'y')", "0A000"), ("ALTER SINK k RESET (path)", "0A000"),
                               ("ALTER SINK k SET (state = 'happy')", "22023"), ("DROP TABLE k", "42809"),
                               ("CREATE INDEX ON k (id)", "42809"), ("COPY k FROM STDIN", "42809"),
                               ("DROP SOURCE p", "2BP01"), ("ALTER SINK nobody SET (state = 'paused')", "42P01")):
            client.fails(text, sqlstate)
        failure = client.fails("ALTER SOURCE p RENAME TO other", "2BP01")
        assert "sink k depends on source p" in failure.fields["D"], failure.fields
        assert client.value("SELECT relkind FROM pg_class WHERE relname = 'k'") == "f"
        client.query("ALTER SINK k RENAME TO other")
        client.query("INSERT INTO p VALUES (1, 'x')")
        place.wait(1, "other")
        client.query("DROP SINK IF EXISTS nobody; DROP SINK other")
        assert client.rows("SELECT name FROM quern.sinks") == []
        client.query("INSERT INTO p VALUES (2, 'x')")
        assert place.read("k.csv") == "1,x\n"


def test_pause_and_drop():
    with Place(durable=True, sources=[NUMBERS]) as place:
        place.client.query(f"{TO_FILE} SELECT id FROM p")
        place.client.query("INSERT INTO p VALUES (1)")
        place.wait(1)
        place.client.query("ALTER SINK k SET (state = 'paused')")
        assert place.sink("state") == "paused"
        place.client.query("INSERT INTO p VALUES (2), (3)")
        place.restart()
        assert place.sink("state") == "paused" and place.sink("lag") == "2" and place.read("k.csv") == "1\n"
        assert place.client.rows("SELECT id FROM k ORDER BY id") == [["2"], ["3"]]
        place.client.query("ALTER SINK k SET (state = 'running')")
        place.wait(3)
        assert place.read("k.csv") == "1\n2\n3\n"
        # A new sink goes on behind what there is.
        place.client.query("DROP SINK k")
        place.client.query(f"{TO_FILE} SELECT id FROM p")
        place.client.query("INSERT INTO p VALUES (4)")
        place.wait(1)
        assert place.read("k.csv") == "1\n2\n3\n4\n"
        place.restart()
        place.client.query("INSERT INTO p VALUES (5)")
        place.wait(2)
        assert place.read("k.csv") == "1\n2\n3\n4\n5\n"


def test_kill():
    rows = 60000
    with Place(durable=True) as place:
        place.client.query(f"CREATE SOURCE g (id int, x int) WITH (connector = 'generator', rows = {rows}, seed = 3,"
                           " id.kind = 'sequence', x.kind = 'random', x.min = 0, x.max = 1000000, state = 'paused')")
        place.client.query(f"{TO_FILE} SELECT id, x, 'row ' || id AS t FROM g")
        place.client.query("CREATE SINK j WITH (connector = 'file', path = 'j.json', format = 'json') AS SELECT id FROM g WHERE id % 3 = 0")
        place.client.query("ALTER SOURCE g SET (state = 'running')")
        draw = random.Random(11)
        for _ in range(12):
            size = os.path.getsize(place.path("k.csv")) if os.path.exists(place.path("k.csv")) else 0
            wait_until(lambda: os.path.exists(place.path("k.csv")) and (
                os.path.getsize(place.path("k.csv")) > size + draw.randrange(100000) or place.sink("rows") == str(rows)), "growth")
            place.restart(kill=True)
        place.wait(rows)
        place.wait(rows // 3, "j")
        with open(place.path("k.csv"), newline="", encoding="utf-8") as file:
            got = list(csv.reader(file))
        assert [int(row[0]) for row in got] == list(range(rows)), len(got)
        assert all(row[2] == f"row {row[0]}" for row in got)
        lines = place.read("j.json").split("\n")[:-1]
        assert [json.loads(line)["id"] for line in lines] == list(range(0, rows, 3)), len(lines)


def test_what_is_behind_the_position_is_cut_off():
    with Place(durable=True, sources=[NUMBERS]) as place:
        place.client.query(f"{TO_FILE} SELECT id FROM p")
        place.client.query("INSERT INTO p VALUES (1), (2)")
        place.wait(2)
        place.client.close()
        place.server.kill()
        with open(place.path("k.csv"), "a", encoding="utf-8") as file:
            file.write("3\n4") # as if a batch had been written, and the power was cut
        place.server.start()
        place.client = place.server.connect()
        place.client.query("INSERT INTO p VALUES (5)")
        place.wait(3)
        assert place.read("k.csv") == "1\n2\n5\n", place.read("k.csv")


def change_file(place, how):
    path = place.path("k.csv")
    if how == "longer":
        with open(path, "a", encoding="utf-8") as file:
            file.write("9\n")
    elif how == "shorter":
        os.truncate(path, 2)
    elif how == "gone":
        os.rename(path, path + ".old")
    elif how == "replaced":
        os.rename(path, path + ".old")
        with open(path, "w", encoding="utf-8") as file:
            file.write("1\n2\n")
    elif how == "other bytes":
        with open(path, "w", encoding="utf-8") as file:
            file.write("1\n7\n")


def test_a_file_that_somebody_else_changes():
    for how, part in (("longer", "not as long as"), ("shorter", "not as long as"), ("gone", "moved, replaced or deleted"),
                      ("replaced", "moved, replaced or deleted")):
        with Place(durable=True, sources=[NUMBERS]) as place:
            place.client.query(f"{TO_FILE} SELECT id FROM p")
            place.client.query("INSERT INTO p VALUES (1), (2)")
            place.wait(2)
            change_file(place, how)
            place.client.query("INSERT INTO p VALUES (3)")
            place.wait_state("failed", part)
            assert place.sink("lag") == "1"
            told = place.client.rows("SELECT source, reason FROM quern.source_errors")
            assert len(told) == 1 and told[0][0] == "k" and part in told[0][1], told
            if os.path.exists(place.path("k.csv.old")):
                os.rename(place.path("k.csv.old"), place.path("k.csv"))
            elif how == "shorter":
                with open(place.path("k.csv"), "w", encoding="utf-8") as file:
                    file.write("1\n2\n")
            place.client.query("ALTER SINK k SET (state = 'running')")
            place.wait(3)
            place.wait_state("running")
            assert place.read("k.csv") == "1\n2\n3\n", place.read("k.csv")


def test_a_file_that_was_changed_while_the_server_was_down():
    for how, part in (("shorter", "is shorter than"), ("gone", "is gone"), ("other bytes", "was changed")):
        with Place(durable=True, sources=[NUMBERS]) as place:
            place.client.query(f"{TO_FILE} SELECT id FROM p")
            place.client.query("INSERT INTO p VALUES (1), (2)")
            place.wait(2)
            place.client.close()
            place.server.stop()
            change_file(place, how)
            before = place.read("k.csv") if how != "gone" else None
            place.server.start()
            place.client = place.server.connect()
            place.client.query("INSERT INTO p VALUES (3)")
            place.wait_state("failed", part)
            assert place.sink("lag") == "1"
            assert os.path.exists(place.path("k.csv")) == (how != "gone")
            if before is not None:
                assert place.read("k.csv") == before


def test_a_file_that_cannot_be_written():
    with Place(sources=[NUMBERS]) as place:
        os.mkdir(place.path("k.csv"))
        place.client.query(f"{TO_FILE} SELECT id FROM p")
        place.wait_state("failed", "could not open file \"k.csv\": Is a directory")
        place.client.query("INSERT INTO p VALUES (1)")
        os.rmdir(place.path("k.csv"))
        place.client.query("ALTER SINK k SET (state = 'running')")
        place.wait(1)
        # One file, two sinks: the second waits until the first one is gone.
        place.client.query("CREATE SINK two WITH (connector = 'file', path = 'k.csv') AS SELECT id + 100 AS x FROM p")
        wait_until(lambda: place.sink("state", "two") == "waiting", "the lock")
        assert "being written by another sink" in place.sink("error", "two")
        place.client.query("INSERT INTO p VALUES (2)")
        place.wait(2)
        place.client.query("DROP SINK k")
        place.wait(1, "two")
        assert place.sink("state", "two") == "running" and place.sink("error", "two") is None
        assert place.read("k.csv") == "1\n2\n102\n", place.read("k.csv")


def test_paths():
    with Place(sources=[NUMBERS]) as place:
        for path in ("../x.csv", "/etc/passwd", "a/../../x", place.folder + "/../x"):
            failure = place.client.fails(f"CREATE SINK k WITH (connector = 'file', path = '{path}') AS SELECT id FROM p", "42501")
            assert "not in a folder" in failure.message
        os.symlink(os.path.join(place.scratch.name, "outside"), place.path("link"))
        with open(place.path("real"), "w", encoding="utf-8"):
            pass
        os.symlink("real", place.path("inner"))
        for number, name in enumerate(("link", "inner")):
            place.client.query(f"CREATE SINK k{number} WITH (connector = 'file', path = '{name}') AS SELECT id FROM p")
            wait_until(lambda: place.sink("state", f"k{number}") == "failed", "the refusal")
            assert "leads out of the folders" in place.sink("error", f"k{number}")
        assert not os.path.exists(os.path.join(place.scratch.name, "outside"))
        os.mkdir(place.path("deep"))
        place.client.query(f"CREATE SINK k WITH (connector = 'file', path = '{place.path('deep/k.csv')}') AS SELECT id FROM p")
        place.client.query("INSERT INTO p VALUES (1)")
        place.wait(1)
        assert place.read("deep/k.csv") == "1\n"


def test_back_pressure():
    with Place(sources=[NUMBERS]) as place:
        client = place.client
        client.query("CREATE SOURCE g (id int) WITH (connector = 'generator', rows = 40000, id.kind = 'sequence')")
        client.query("CREATE SOURCE h (id int) WITH (connector = 'push')")
        client.query("CREATE SINK k WITH (connector = 'file', path = 'k.csv', outbox_rows = 3000, state = 'paused') AS SELECT id FROM h")
        client.query("CREATE WORKFLOW w AS INSERT INTO h SELECT id FROM g WHERE id % 2 = 0")

        def taken():
            return int(client.value("SELECT rows FROM quern.sources WHERE name = 'g'"))
        wait_until(lambda: int(place.sink("lag")) >= 3000, "a full outbox")
        full = taken()
        assert full < 3000 * 2 + 5 * 1024, full
        for _ in range(50):
            assert taken() == full, "a source that is held goes on"
        client.query("ALTER SINK k SET (state = 'running')")
        place.wait(20000)
        assert [int(line) for line in place.read("k.csv").split()] == list(range(0, 40000, 2))
        # Who pushes is told.
        client.query("CREATE SINK s WITH (connector = 'file', path = 's.csv', outbox_rows = 2, state = 'paused') AS SELECT id FROM p")
        client.query("INSERT INTO p VALUES (1); INSERT INTO p VALUES (2), (3)")
        failure = client.fails("INSERT INTO p VALUES (4)", "53400")
        assert 'the outbox of sink "s" is full' in failure.message, failure
        client.query("ALTER SINK s SET (outbox_rows = 100)")
        client.query("INSERT INTO p VALUES (4)")
        client.query("ALTER SINK s SET (state = 'running')")
        place.wait(4, "s")
        assert place.read("s.csv") == "1\n2\n3\n4\n"


run(*[test for name, test in sorted(globals().items()) if name.startswith("test_")])
