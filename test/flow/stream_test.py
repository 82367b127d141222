#!/usr/bin/env python3
"""Streams from outside: sources, workflows, what they count, what bad rows get, and what survives a restart."""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
from quern import Failure, Server, run, wait_until


def fresh(test):
    """Runs a test with a client of a server in memory of its own."""

    def body():
        with Server() as own, own.connect() as client:
            test(client, own)

    body.__name__ = test.__name__
    return body


def rows_of(client, source):
    return int(client.value(f"SELECT rows FROM quern.sources WHERE name = '{source}'"))


# --- Sources ---------------------------------------------------------------------------------------------


@fresh
def test_sources_that_cannot_be(client, _):
    push = "WITH (connector = 'push'"
    generator = "WITH (connector = 'generator'"
    for text, sqlstate, part in [
        ("(a int)", "22023", 'source "s" has no connector'),
        ("(a int) WITH (connector = 'kafka')", "42704", 'connector "kafka" does not exist'),
        (f"(a int) {push}, color = 'red')", "22023", 'source "s" has no option "color"'),
        (f"(a int) {push}, a.kind = 'random')", "22023", 'source "s" has no option "a.kind"'),
        (f"(a int) {push}, state = 'lost')", "22023", 'invalid value for option "state": "lost"'),
        (f"(a int) {generator}, rate = 'fast')", "22023", 'option rate of source "s" must be a whole number, not "fast"'),
        (f"(a int) {generator}, rate = 0)", "22023", 'option rate of source "s" must be between 1 and'),
        (f"(a int) {generator}, rows = -1)", "22023", 'option rows of source "s" must be between 0 and'),
        (f"(a int) {generator}, b.kind = 'random')", "22023", 'source "s" has no option "b.kind"'),
        (f"(a int) {generator}, a.colour = 'red')", "22023", 'source "s" has no option "a.colour"'),
        (f"(a int) {generator}, a.kind = 'guess')", "22023", "must be sequence, random, zipf or choice"),
        (f"(a int) {generator}, a.kind = 'random', a.min = 5, a.max = 4)", "22023", "is above its max"),
        (f"(a int2) {generator}, a.kind = 'random', a.max = 40000)", "22023", "out of its type's range"),
        (f"(a boolean) {generator})", "22023", "the generator does not make"),
        ("(at timestamptz, mood text) WITH (connector = 'proc')", "22023", 'at, metric and value, not "mood"'),
        ("(value int) WITH (connector = 'proc')", "22023", "value double precision"),
        ("(value float8) WITH (connector = 'proc', interval = 'often')", "22023", 'between 1ms and 24h, not "often"'),
    ]:
        failure = client.fails(f"CREATE SOURCE s {text}", sqlstate)
        assert part in failure.message, (text, failure)
    assert client.rows("SELECT * FROM quern.sources") == []


@fresh
def test_choice_and_zipf(client, _):
    client.query("CREATE TABLE t (color text, k int)")
    client.query("CREATE SOURCE g (color text, k int) WITH (connector = 'generator', rows = 3000, color.kind = 'choice', "
                 "color.values = 'red,green,,blue', k.kind = 'zipf', k.min = 1, k.max = 50, k.exponent = 1.2)")
    client.query("CREATE WORKFLOW w AS INSERT INTO t SELECT color, k FROM g")
    wait_until(lambda: rows_of(client, "g") == 3000, "all rows")
    assert client.rows("SELECT color, count(*) BETWEEN 650 AND 850 FROM t GROUP BY color ORDER BY color") == [
        [color, "t"] for color in ("", "blue", "green", "red")]
    assert client.rows("SELECT k FROM t GROUP BY k ORDER BY count(*) DESC LIMIT 3") == [["1"], ["2"], ["3"]]
    for options, part in (("color.kind = 'choice'", "must name what to choose from"), ("k.kind = 'choice', k.values = '1'", "a choice is of texts"),
                          ("k.kind = 'zipf', k.exponent = 0", "must be above 0"), ("k.kind = 'zipf', k.min = 2, k.max = 1", "above its max")):
        failure = client.fails(f"CREATE SOURCE s (color text, k int) WITH (connector = 'generator', {options})", "22023")
        assert part in failure.message, failure


@fresh
def test_sequence_and_random(client, _):
    client.query("CREATE SOURCE g (id int8, small int2, price float8, word text) WITH (connector = 'generator', "
                 "rows = 5000, "
                 "seed = 7, id.kind = 'sequence', id.start = 100, small.kind = 'random', small.min = -3, small.max = 3, "
                 "price.kind = 'random', price.min = '1.5', price.max = '2.5', word.kind = 'random', word.min = 1, word.max = 9)")
    client.query("CREATE TABLE kept (id int8 PRIMARY KEY, small int2, price float8, word text)")
    assert client.rows("SELECT state, rows FROM quern.sources") == [["waiting", "0"]]
    client.query("CREATE WORKFLOW keep AS INSERT INTO kept SELECT * FROM g")
    wait_until(lambda: rows_of(client, "g") == 5000, "all rows of the generator")
    assert client.rows("SELECT count(*), min(id), max(id), count(DISTINCT small), min(small), max(small), count(DISTINCT word) "
                       "FROM kept") == [["5000", "100", "5099", "7", "-3", "3", "9"]]
    assert client.rows("SELECT count(*) FROM kept WHERE price < 1.5 OR price >= 2.5") == [["0"]]
    assert client.rows("SELECT rows_in, rows_out FROM quern.workflows") == [["5000", "5000"]]
    assert client.rows("SELECT position, errors FROM quern.sources") == [["5000", "0"]]


@fresh
def test_proc_measures_this_machine(client, _):
    client.query("CREATE SOURCE machine (metric text PRIMARY KEY, value float8, at timestamptz) "
                 "WITH (connector = 'proc', interval = '20ms')")
    wait_until(lambda: int(client.value("SELECT count(*) FROM machine WHERE metric LIKE 'cpu.%'")) == 4, "shares of the processor")
    assert float(client.value("SELECT value FROM machine WHERE metric = 'memory.used'")) > 1e6
    assert float(client.value("SELECT sum(value) FROM machine WHERE metric LIKE 'cpu.%'")) < 1.01
    first = client.value("SELECT max(at) FROM machine")
    wait_until(lambda: client.value("SELECT max(at) FROM machine") > first, "the next interval")
    assert client.value("SELECT state FROM quern.sources") == "running"


@fresh
def test_keyed_source_is_a_table(client, _):
    client.query("CREATE SOURCE city (id int PRIMARY KEY, name text NOT NULL, n int DEFAULT 5, CHECK (n < 100)) "
                 "WITH (connector = 'push')")
    assert client.query("INSERT INTO city VALUES (1, 'Oslo', 1), (2, 'Rome', 2), (1, 'Bergen', 3)").tags == ["INSERT 0 3"]
    client.query("INSERT INTO city (id, name) VALUES (3, 'Bonn')")
    assert client.copy_in("COPY city FROM STDIN", b"2\tRoma\t4\n4\tLyon\t1\n").tags == ["COPY 2"]
    assert client.copy_in("COPY city (id, name) FROM STDIN", b"5\tBern\n").tags == ["COPY 1"]
    assert client.rows("SELECT * FROM city ORDER BY id") == [
        ["1", "Bergen", "3"], ["2", "Roma", "4"], ["3", "Bonn", "5"], ["4", "Lyon", "1"], ["5", "Bern", "5"]]
    client.fails("INSERT INTO city VALUES (6, 'Graz', 1), (7, NULL, 1)", "23502")
    client.fails("INSERT INTO city VALUES (6, 'Graz', 100)", "23514")
    client.fails("UPDATE city SET n = 100 WHERE id = 1", "23514")
    assert client.query("UPDATE city SET n = n + 1 WHERE n < 4").tags == ["UPDATE 2"]
    assert client.query("DELETE FROM city WHERE id > 2").tags == ["DELETE 3"]
    assert client.rows("SELECT * FROM city ORDER BY id") == [["1", "Bergen", "4"], ["2", "Roma", "4"]]
    client.query("CREATE INDEX city_name ON city (name)")
    client.query("INSERT INTO city VALUES (1, 'Voss', 9)")
    assert client.rows("SELECT id FROM city WHERE name = 'Bergen'") == []
    assert client.rows("SELECT id FROM city WHERE name = 'Voss'") == [["1"]]
    assert rows_of(client, "city") == 8


@fresh
def test_constraints_of_a_stream(client, _):
    client.query("CREATE SOURCE s (a int NOT NULL, b int DEFAULT 5, c varchar(3), CHECK (b < 100)) "
                 "WITH (connector = 'push')")
    client.query("CREATE TABLE seen (a int, b int, c text)")
    client.query("CREATE WORKFLOW see AS INSERT INTO seen SELECT a, b, c FROM s")
    client.query("INSERT INTO s (a) VALUES (1)")
    client.copy_in("COPY s (a, c) FROM STDIN", b"2\tx\n")
    client.fails("INSERT INTO s VALUES (3, 1), (NULL, 1)", "23502")
    client.fails("INSERT INTO s VALUES (3, 100)", "23514")
    client.fails("INSERT INTO s VALUES (3, 1, 'long')", "22001")
    assert client.rows("SELECT * FROM seen ORDER BY a") == [["1", "5", None], ["2", "5", "x"]]


# --- Workflows -------------------------------------------------------------------------------------------


@fresh
def test_row_by_row_in_order(client, _):
    client.query("CREATE SOURCE s (k int, v int) WITH (connector = 'push')")
    client.query("CREATE TABLE last (k int PRIMARY KEY, v int, n int)")
    client.query("CREATE TABLE trail (k int, before int)")
    client.query("CREATE WORKFLOW w AS (INSERT INTO trail SELECT s.k, l.n FROM s LEFT JOIN last l ON l.k = s.k; "
                 "INSERT INTO last SELECT k, v, 1 FROM s ON CONFLICT (k) DO UPDATE SET v = excluded.v, n = last.n + 1; "
                 "DELETE FROM last USING s WHERE last.k = s.k AND s.v IS NULL)")
    client.query("INSERT INTO s VALUES (1, 10), (1, 11), (2, 20), (1, NULL), (1, 12)")
    assert client.rows("SELECT * FROM last ORDER BY k") == [["1", "12", "1"], ["2", "20", "1"]]
    assert client.rows("SELECT k, before FROM trail") == [["1", None], ["1", "1"], ["2", None], ["1", "2"], ["1", None]]
    assert client.rows("SELECT state, atoms, rows_in, rows_out FROM quern.workflows") == [["running", "1", "5", "11"]]


@fresh
def test_atom_is_one_statement(client, _):
    client.query("CREATE SOURCE s (v int) WITH (connector = 'push')")
    client.query("CREATE TABLE sums (at int8 PRIMARY KEY, n int8, total int8)")
    client.query("CREATE WORKFLOW w AS INSERT INTO sums SELECT (SELECT count(*) FROM sums), count(*), "
                 "sum(v) FROM atom(s)")
    client.query("INSERT INTO s VALUES (1), (2), (3)")
    client.query("INSERT INTO s SELECT g FROM generate_series(1, 100000) g")
    assert client.copy_in("COPY s FROM STDIN", b"".join(b"%d\n" % i for i in range(50000))).tags == ["COPY 50000"]
    client.query("INSERT INTO s SELECT 1 WHERE false")
    client.query("INSERT INTO s VALUES (5); INSERT INTO s VALUES (6)")
    assert client.rows("SELECT n, total FROM sums ORDER BY at") == [
        ["3", "6"], ["100000", "5000050000"], ["50000", "1249975000"], ["1", "5"], ["1", "6"]]


@fresh
def test_several_workflows_and_both_forms(client, own):
    client.query("CREATE SOURCE s (k int, v int) WITH (connector = 'push')")
    client.query("CREATE TABLE a (k int, v int)")
    client.query("CREATE TABLE b (n int8)")
    text = """
      CREATE WORKFLOW first AS (
        INSERT INTO a SELECT k, v FROM s;   -- a comment; with a semicolon
        INSERT INTO a SELECT -k, v FROM s WHERE v > 1;
      );
      CREATE WORKFLOW second AS INSERT INTO b SELECT count(*) FROM a JOIN s ON true;
      INSERT INTO s VALUES (1, 1), (2, 2);
    """
    done = subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(own.port), "-U", "t", "-d", "q"],
                          input=text, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done
    assert client.rows("SELECT k FROM a ORDER BY k") == [["-2"], ["1"], ["2"]]
    assert client.rows("SELECT n FROM b") == [["1"], ["3"]]
    client.extended("CREATE OR REPLACE WORKFLOW first AS (INSERT INTO a SELECT 10 * k, v FROM s)")
    client.extended("INSERT INTO s VALUES ($1, $2)", [7, 1])
    assert client.rows("SELECT k FROM a WHERE k > 2") == [["70"]]
    # Its counts go on; a replaced workflow is the same workflow.
    assert client.rows("SELECT name, rows_in FROM quern.workflows ORDER BY name") == [["first", "3"], ["second", "3"]]


@fresh
def test_workflow_feeds_another_source(client, _):
    client.query("CREATE SOURCE raw (v int) WITH (connector = 'push')")
    client.query("CREATE SOURCE big (v int PRIMARY KEY, twice int) WITH (connector = 'push')")
    client.query("CREATE TABLE seen (v int)")
    client.query("CREATE WORKFLOW filter AS INSERT INTO big SELECT v, 2 * v FROM raw WHERE v > 10")
    client.query("CREATE WORKFLOW see AS INSERT INTO seen SELECT twice FROM big")
    client.query("INSERT INTO raw VALUES (5), (11), (12), (11)")
    assert client.rows("SELECT * FROM big ORDER BY v") == [["11", "22"], ["12", "24"]]
    assert client.rows("SELECT v FROM seen") == [["22"], ["24"], ["22"]]
    assert client.rows("SELECT name, rows FROM quern.sources ORDER BY name") == [["big", "3"], ["raw", "4"]]
    assert client.rows("SELECT name, rows_in, rows_out FROM quern.workflows ORDER BY name") == [["filter", "4", "3"], ["see", "3", "3"]]


@fresh
def test_feedback_is_refused(client, _):
    client.query("CREATE SOURCE a (v int) WITH (connector = 'push')")
    client.query("CREATE SOURCE b (v int) WITH (connector = 'push')")
    client.query("CREATE SOURCE c (v int PRIMARY KEY) WITH (connector = 'push')")
    client.query("CREATE TABLE t (v int)")
    client.fails("CREATE WORKFLOW w AS INSERT INTO a SELECT v + 1 FROM a", "42P16")
    client.query("CREATE WORKFLOW ab AS (INSERT INTO t SELECT v FROM a; INSERT INTO b SELECT v "
                 "FROM a JOIN c USING (v))")
    client.query("CREATE WORKFLOW bc AS INSERT INTO c SELECT v FROM b")
    failure = client.fails("CREATE WORKFLOW ca AS (INSERT INTO t SELECT v FROM c; INSERT INTO a SELECT v FROM c)", "42P16")
    assert failure.message == 'the workflow would feed its own source "c"', failure
    assert failure.fields["D"] == 'workflow ab takes rows from source a to source b\nworkflow bc takes rows from source b to source c'
    # Reading what one feeds is no feedback, nor are changes of a keyed source's table.
    client.query("CREATE WORKFLOW read AS DELETE FROM c USING b WHERE c.v = b.v - 1")
    client.query("INSERT INTO c VALUES (1)")
    client.query("INSERT INTO a VALUES (1), (2)")
    assert client.rows("SELECT v FROM c") == [["1"]]
    client.fails("CREATE OR REPLACE WORKFLOW bc AS INSERT INTO a SELECT v FROM b", "42P16")
    client.query("CREATE OR REPLACE WORKFLOW bc AS INSERT INTO t SELECT v FROM b")
    client.query("CREATE WORKFLOW ca AS INSERT INTO a SELECT v FROM c")


@fresh
def test_workflows_that_cannot_be(client, _):
    client.query("CREATE SOURCE s (v int) WITH (connector = 'push')")
    client.query("CREATE SOURCE other (v int) WITH (connector = 'push')")
    client.query("CREATE TABLE t (v int)")
    for text, sqlstate, part in [
        ("()", "42601", "needs at least one statement"),
        ("(INSERT INTO t SELECT v FROM s; TRUNCATE t)", "0A000", "are INSERT, UPDATE, DELETE and MERGE"),
        ("(SELECT v FROM s)", "0A000", "are INSERT, UPDATE, DELETE and MERGE"),
        ("INSERT INTO t VALUES (1)", "42P16", "no source drives the workflow"),
        ("INSERT INTO t SELECT v FROM nothing", "42P01", 'relation "nothing" does not exist'),
        ("INSERT INTO t SELECT w FROM s", "42703", 'column "w" does not exist'),
        ("INSERT INTO t SELECT $1 FROM s", "42P02", "there is no parameter $1"),
        ("INSERT INTO t SELECT s.v FROM s JOIN other USING (v)", "0A000", 'both "s" and "other" would have to drive it'),
        ("(INSERT INTO t SELECT v FROM s; INSERT INTO t SELECT sum(v) FROM atom(s))", "0A000", "one by one or as atom(s)"),
        ("INSERT INTO t SELECT a.v FROM s a JOIN s b USING (v)", "42809", "keeps no rows"),
        ("(" + "INSERT INTO t SELECT v FROM s;" * 65 + ")", "54000", "at most 64 statements"),
    ]:
        failure = client.fails(f"CREATE WORKFLOW w AS {text}", sqlstate)
        assert part in failure.message, (text, failure)
    client.fails("SELECT * FROM s", "42809")
    client.fails("SELECT * FROM atom(s)", "42809")
    client.fails("UPDATE s SET v = 1", "42809")
    client.fails("CREATE INDEX ON s (v)", "42809")
    assert client.rows("SELECT * FROM quern.workflows") == []


@fresh
def test_dependencies(client, _):
    client.query("CREATE SOURCE s (v int) WITH (connector = 'push')")
    client.query("CREATE SOURCE k (v int PRIMARY KEY) WITH (connector = 'push')")
    client.query("CREATE TABLE t (v int)")
    client.query("CREATE WORKFLOW w AS INSERT INTO t SELECT s.v FROM s JOIN k ON k.v = s.v")
    for what in ("SOURCE s", "SOURCE k", "TABLE t"):
        failure = client.fails(f"DROP {what}", "2BP01")
        assert "workflow w depends on" in failure.fields["D"], failure.fields
    client.fails("DROP TABLE s", "42809")
    client.fails("DROP SOURCE t", "42809")
    client.fails("DROP WORKFLOW s", "42809")
    client.fails("DROP SOURCE nothing", "42P01")
    client.fails("DROP WORKFLOW nothing", "42704")
    client.query("DROP TABLE t CASCADE")
    assert client.rows("SELECT name FROM quern.workflows") == []
    client.query("DROP SOURCE s, k")
    assert client.rows("SELECT name FROM quern.sources") == []
    client.query("DROP SOURCE IF EXISTS s")
    # Made anew under its name a source is another one: nothing is counted yet.
    client.query("CREATE SOURCE s (v int) WITH (connector = 'push')")
    assert client.rows("SELECT rows, position FROM quern.sources") == [["0", None]]


@fresh
def test_definitions_in_a_transaction(client, own):
    client.query("CREATE TABLE t (v int)")
    client.query("BEGIN")
    client.query("CREATE SOURCE s (v int) WITH (connector = 'push')")
    client.query("CREATE WORKFLOW w AS INSERT INTO t SELECT v FROM s")
    client.query("INSERT INTO s VALUES (1)")
    assert client.value("SELECT count(*) FROM t") == "1"
    with own.connect() as other:
        other.fails("INSERT INTO s VALUES (2)", "42P01")
        assert other.value("SELECT count(*) FROM t") == "0"
    client.query("ROLLBACK")
    client.fails("INSERT INTO s VALUES (1)", "42P01")
    client.query("BEGIN; CREATE SOURCE s (v int) WITH (connector = 'push'); CREATE WORKFLOW w "
                 "AS INSERT INTO t SELECT v FROM s; "
                 "INSERT INTO s VALUES (3); COMMIT")
    client.query("INSERT INTO s VALUES (4)")
    assert client.rows("SELECT v FROM t") == [["3"], ["4"]]
    client.query("BEGIN")
    client.query("INSERT INTO s VALUES (5)")
    with own.connect() as other:
        other.query("INSERT INTO s VALUES (6)")
    client.query("COMMIT")
    assert client.rows("SELECT v FROM t") == [["3"], ["4"], ["6"], ["5"]]


# --- What fails ------------------------------------------------------------------------------------------


@fresh
def test_push_error_goes_to_the_client(client, _):
    client.query("CREATE SOURCE s (v int) WITH (connector = 'push')")
    client.query("CREATE TABLE t (v int PRIMARY KEY)")
    client.query("CREATE WORKFLOW w AS (INSERT INTO t SELECT v FROM s; INSERT INTO t SELECT 100 / v FROM s)")
    client.query("INSERT INTO s VALUES (1)")
    client.fails("INSERT INTO s VALUES (2), (0), (3)", "22012")
    client.fails("INSERT INTO s VALUES (2), (2)", "23505")
    try:
        client.copy_in("COPY s FROM STDIN", b"3\n0\n")
        raise AssertionError("did not fail")
    except Failure as failure:
        assert failure.sqlstate == "22012", failure
    assert client.rows("SELECT v FROM t ORDER BY v") == [["1"], ["100"]]
    assert client.rows("SELECT rows, errors FROM quern.sources") == [["1", "0"]]
    assert client.rows("SELECT atoms, rows_in FROM quern.workflows") == [["1", "1"]]
    assert client.rows("SELECT * FROM quern.source_errors") == []


@fresh
def test_failing_rows_of_a_stream(client, _):
    client.query("CREATE SOURCE g (v int, w text) WITH (connector = 'generator', rows = 100, state = 'paused', "
                 "v.start = -50, w.start = 7)")
    client.query("CREATE TABLE t (v int PRIMARY KEY)")
    client.query("CREATE TABLE u (v int PRIMARY KEY)")
    client.query("CREATE WORKFLOW divide AS (INSERT INTO t SELECT v FROM g; UPDATE t SET v = t.v "
                 "FROM g WHERE t.v = g.v AND 1 / g.v < 2)")
    client.query("CREATE WORKFLOW keep AS INSERT INTO u SELECT v FROM g")
    client.query("ALTER SOURCE g SET (state = 'running')")
    wait_until(lambda: rows_of(client, "g") == 100, "all rows")
    # The row is undone where it failed and nowhere else.
    assert client.rows("SELECT count(*), min(v), max(v) FROM t") == [["99", "-50", "49"]]
    assert client.rows("SELECT v FROM t WHERE v = 0") == []
    assert client.value("SELECT count(*) FROM u") == "100"
    errors = client.rows("SELECT source, text, reason, sqlstate, position IS NOT NULL, at <= now() FROM quern.source_errors")
    assert errors == [["g", "0,57", "division by zero", "22012", "t", "t"]], errors
    assert client.rows("SELECT errors FROM quern.sources") == [["1"]]
    assert client.rows("SELECT name, rows_in, rows_out FROM quern.workflows ORDER BY name") == [["divide", "100", "198"], ["keep", "100", "100"]]


@fresh
def test_errors_are_bounded(client, _):
    client.query("CREATE SOURCE g (v int) WITH (connector = 'generator', rows = 12000)")
    client.query("CREATE TABLE t (v int PRIMARY KEY)")
    client.query("CREATE WORKFLOW w AS INSERT INTO t SELECT 1 / (v - v) FROM g")
    wait_until(lambda: rows_of(client, "g") == 12000, "all rows")
    assert client.rows("SELECT errors FROM quern.sources") == [["12000"]]
    assert client.rows("SELECT count(*), min(text::int), max(text::int) FROM quern.source_errors") == [["10000", "2000", "11999"]]
    assert client.rows("SELECT rows_in, rows_out FROM quern.workflows") == [["12000", "0"]]


@fresh
def test_failing_atom_of_a_stream(client, _):
    client.query("CREATE SOURCE g (v int CHECK (v <> 3)) WITH (connector = 'generator', rows = 10, state = 'paused')")
    client.query("CREATE SOURCE k (v int PRIMARY KEY CHECK (v <> 3)) WITH (connector = 'generator', rows = 10, "
                 "state = 'paused')")
    client.query("CREATE TABLE t (n int8, low int)")
    client.query("CREATE TABLE u (name text, v int)")
    client.query("CREATE WORKFLOW bad AS INSERT INTO t SELECT count(*), 1 / min(v) FROM atom(g)")
    client.query("CREATE WORKFLOW good AS INSERT INTO u SELECT 'g', v FROM atom(g)")
    client.query("CREATE WORKFLOW keyed AS INSERT INTO u SELECT 'k', v FROM atom(k)")
    client.query("ALTER SOURCE g SET (state = 'running'); ALTER SOURCE k SET (state = 'running')")
    wait_until(lambda: rows_of(client, "g") == 10 and rows_of(client, "k") == 10, "all rows")
    # A row that breaks a constraint is none of the atom's; an atom that fails does so as a whole.
    assert client.rows("SELECT * FROM t") == []
    assert client.rows("SELECT name, count(*), sum(v) FROM u GROUP BY name ORDER BY name") == [["g", "9", "42"], ["k", "9", "42"]]
    assert client.rows("SELECT source, text, sqlstate FROM quern.source_errors ORDER BY source, sqlstate") == [
        ["g", "", "22012"], ["g", "3", "23514"], ["k", "3", "23514"]]


def test_without_memory_it_stops_and_loses_nothing():
    with Server("--memory-limit", "32MB") as own, own.connect() as client:
        make = ["CREATE TABLE c (id int8 PRIMARY KEY)", "CREATE WORKFLOW w AS INSERT INTO c SELECT id FROM g"]
        client.query("CREATE SOURCE g (id int8) WITH (connector = 'generator')")
        for text in make:
            client.query(text)
        wait_until(lambda: client.value("SELECT state FROM quern.sources") == "failed", "the end of the memory")
        rows = rows_of(client, "g")
        assert client.rows("SELECT count(*), max(id) FROM c") == [[str(rows), str(rows - 1)]]
        assert client.rows("SELECT source, reason, sqlstate FROM quern.source_errors") == [["g", "out of memory", "53200"]]
        client.query("DROP WORKFLOW w")
        client.query("DROP TABLE c")
        for text in make:
            client.query(text)
        client.query("ALTER SOURCE g SET (state = 'running')")
        wait_until(lambda: rows_of(client, "g") > rows, "rows after that")
        assert client.value("SELECT min(id) FROM c") == str(rows)


# --- Pausing ---------------------------------------------------------------------------------------------


@fresh
def test_pause_and_go_on(client, _):
    client.query("CREATE SOURCE g (id int8) WITH (connector = 'generator', rate = 20000)")
    client.query("CREATE TABLE c (one int PRIMARY KEY, n int8, top int8)")
    client.query("CREATE WORKFLOW w AS INSERT INTO c SELECT 1, 1, id FROM g "
                 "ON CONFLICT (one) DO UPDATE SET n = c.n + 1, top = excluded.top")
    for _ in range(5):
        before = rows_of(client, "g")
        wait_until(lambda: rows_of(client, "g") > before, "rows")
        client.query("ALTER SOURCE g SET (state = 'paused')")
        paused = client.rows("SELECT state, rows, position FROM quern.sources")
        assert paused[0][0] == "paused" and paused[0][1] == paused[0][2], paused
        client.query("SELECT count(*) FROM generate_series(1, 100000)")
        assert client.rows("SELECT state, rows, position FROM quern.sources") == paused
        client.query("ALTER SOURCE g SET (state = 'running')")
    # Each of these closes and opens it, at once: no row comes twice, none is left out.
    client.query("ALTER SOURCE g RESET (rate)")
    for seed in range(100):
        client.query(f"ALTER SOURCE g SET (seed = {seed})")
        client.query("ALTER SOURCE g SET (state = 'paused'); ALTER SOURCE g SET (state = 'running')")
        client.query("ALTER WORKFLOW w SET (state = 'paused'); ALTER WORKFLOW w SET (state = 'running')")
    client.query("ALTER SOURCE g SET (state = 'paused')")
    assert client.rows("SELECT count(*) FROM c WHERE n <> top + 1") == [["0"]]
    assert client.value("SELECT n FROM c") == str(rows_of(client, "g"))
    client.fails("ALTER SOURCE g SET (state = 'asleep')", "22023")
    client.fails("ALTER SOURCE g SET (rate = 'x')", "22023")
    client.fails("ALTER SOURCE g SET (connector = 'push')", "0A000")
    client.fails("ALTER SOURCE nothing SET (state = 'paused')", "42P01")


@fresh
def test_paused_push_says_so(client, _):
    client.query("CREATE SOURCE s (v int) WITH (connector = 'push', state = 'paused')")
    assert client.fails("INSERT INTO s VALUES (1)", "55000").message == 'source "s" is paused'
    client.query("ALTER SOURCE s SET (state = 'running')")
    client.query("INSERT INTO s VALUES (1)")


@fresh
def test_without_consumer_it_waits(client, _):
    client.query("CREATE SOURCE g (id int8) WITH (connector = 'generator')")
    client.query("CREATE TABLE c (id int8)")
    assert client.rows("SELECT state, rows FROM quern.sources") == [["waiting", "0"]]
    client.query("CREATE WORKFLOW w AS INSERT INTO c SELECT id FROM g WHERE id < 3")
    wait_until(lambda: rows_of(client, "g") > 1000, "rows")
    client.query("DROP WORKFLOW w")
    stopped = client.rows("SELECT state, rows FROM quern.sources")
    assert stopped[0][0] == "waiting"
    client.query("SELECT count(*) FROM generate_series(1, 100000)")
    assert client.rows("SELECT state, rows FROM quern.sources") == stopped
    assert client.rows("SELECT id FROM c ORDER BY id") == [["0"], ["1"], ["2"]]


def test_restart_goes_on_where_it_was():
    with tempfile.TemporaryDirectory() as folder:
        own = Server(data=os.path.join(folder, "data"))
        with own:
            client = own.connect()
            client.query("CREATE SOURCE g (id int8) WITH (connector = 'generator', rate = 50000, state = 'paused')")
            client.query("CREATE SOURCE p (v int PRIMARY KEY, w text) WITH (connector = 'push')")
            client.query("CREATE TABLE c (one int PRIMARY KEY, n int8, top int8)")
            client.query("CREATE TABLE bad (v int)")
            client.query("CREATE WORKFLOW w AS INSERT INTO c SELECT 1, 1, id FROM g "
                         "ON CONFLICT (one) DO UPDATE SET n = c.n + 1, top = excluded.top")
            client.query("CREATE WORKFLOW x AS INSERT INTO bad SELECT 1 / (id - id)::int FROM g WHERE id = 5")
            client.query("INSERT INTO p VALUES (1, 'one'), (2, 'two')")
            client.query("ALTER SOURCE g SET (state = 'running')")
            rows = 0
            for round_ in range(4):
                wait_until(lambda: rows_of(client, "g") > rows + 500, "rows")
                rows = rows_of(client, "g")
                if round_ % 2:
                    own.kill()
                else:
                    own.stop()
                own.start()
                client = own.connect()
                assert rows_of(client, "g") >= rows
                assert client.rows("SELECT n - top FROM c") == [["1"]]
            client.query("ALTER SOURCE g SET (state = 'paused')")
            paused = client.rows("SELECT name, state, rows, errors, position FROM quern.sources ORDER BY name")
            counted = client.rows("SELECT name, rows_in, rows_out FROM quern.workflows ORDER BY name")
            errors = client.rows("SELECT source, position, text, reason, sqlstate, at FROM quern.source_errors")
            assert [row[4] for row in errors] == ["22012"] and errors[0][2] == "5", errors
            own.kill()
            own.start()
            client = own.connect()
            assert client.rows("SELECT name, state, rows, errors, position FROM quern.sources ORDER BY name") == paused
            assert client.rows("SELECT name, rows_in, rows_out FROM quern.workflows ORDER BY name") == counted
            assert client.rows("SELECT source, position, text, reason, sqlstate, at FROM quern.source_errors") == errors
            assert client.rows("SELECT * FROM p ORDER BY v") == [["1", "one"], ["2", "two"]]
            client.query("ALTER SOURCE g SET (state = 'running')")
            wait_until(lambda: rows_of(client, "g") > int(paused[0][2]), "rows after the pause")
            assert client.rows("SELECT n - top FROM c") == [["1"]]


@fresh
def test_metrics(client, _):
    client.query("CREATE SOURCE g (id int8) WITH (connector = 'generator', rows = 3000)")
    client.query("CREATE TABLE c (id int8)")
    client.query("CREATE WORKFLOW w AS INSERT INTO c SELECT id FROM g")
    wait_until(lambda: rows_of(client, "g") == 3000, "all rows")
    metrics = {(name, labels): float(value) for name, labels, value in client.rows("SELECT name, labels, value FROM quern.metrics")}
    assert metrics["quern_source_rows_total", ""] == 3000, metrics
    assert 3 <= metrics["quern_source_atoms_total", ""] <= 3000
    assert metrics["quern_sessions", ""] == 1
    assert int(client.value("SELECT bytes FROM quern.sources")) >= 3000 * 8


if __name__ == "__main__":
    run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
