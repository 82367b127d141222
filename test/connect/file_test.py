#!/usr/bin/env python3
"""The connector 'file' from outside: CSV and JSON, files that grow and turn, what is wrong with a row or a file."""

import json
import os
import random
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
from quern import Server, run, wait_until  # noqa: E402


class Place:
    """A folder, a server that may use it, and a source `s` whose rows go to the table `t`."""

    def __init__(self, durable=False):
        self.durable = durable

    def __enter__(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = os.path.join(self.scratch.name, "files")
        os.mkdir(self.folder)
        data = os.path.join(self.scratch.name, "data") if self.durable else None
        self.server = Server("--files", self.folder, data=data).start()
        self.client = self.server.connect()
        return self

    def __exit__(self, *_):
        self.client.close()
        self.server.stop()
        self.scratch.cleanup()

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text, mode="w"):
        with open(self.path(name), mode + ("" if isinstance(text, str) else "b"),
                  **({"encoding": "utf-8", "newline": ""} if isinstance(text, str) else {})) as file:
            file.write(text)

    def source(self, options, columns="a int, b text", table="n serial, a int, b text"):
        self.client.query(f"CREATE TABLE t ({table})")
        self.client.query(f"CREATE SOURCE s ({columns}) WITH (connector = 'file', {options})")
        names = ", ".join(column.split()[0] for column in columns.split(", "))
        self.client.query(f"CREATE WORKFLOW w AS INSERT INTO t ({names}) SELECT {names} FROM s")

    def rows(self):
        return self.client.rows("SELECT a, b FROM t ORDER BY n")

    def taken(self):
        return int(self.client.value("SELECT rows FROM quern.sources"))

    def wait(self, rows):
        wait_until(lambda: self.taken() >= rows, f"{rows} rows")
        assert self.taken() == rows, self.taken()

    def errors(self):
        return self.client.rows("SELECT text, reason, sqlstate FROM quern.source_errors")

    def wait_error(self, part):
        wait_until(lambda: any(part in row[1] for row in self.errors()), part)
        told = [row[1] for row in self.errors() if part in row[1]]
        assert len(told) == 1, told

    def restart(self, kill):
        self.client.close()
        if kill:
            self.server.kill()
        else:
            self.server.stop()
        self.server.start()
        self.client = self.server.connect()


def test_csv():
    with Place() as place:
        place.write("x.csv", 'a,b\n1,one\n2,"two, ""2"""\n3,\n4,""\n5,"5\nlines"\r\n6,last')
        place.source("path = 'x.csv', header = 'true'")
        place.wait(6)
        assert place.rows() == [["1", "one"], ["2", 'two, "2"'], ["3", None], ["4", ""], ["5", "5\nlines"], ["6", "last"]]
        assert place.errors() == []


def test_what_copy_reads_it_reads():
    draw = random.Random(7)
    for options in ("", "delimiter = ';', quote = '''', escape = '\\', null = 'N'"):
        with Place() as place:
            lines = []
            for number in range(500):
                field = "".join(draw.choice("ab ;,'\"\\N\n") for _ in range(draw.randrange(6)))
                lines.append(f"{number};{field}\n" if options else f"{number},{field}\n")
            good = []
            place.client.query("CREATE TABLE c (n serial, a int, b text)")
            with_options = f"FORMAT csv{', ' if options else ''}" + options.replace(" = ", " ")
            for line in lines:
                try:
                    place.client.copy_in(f"COPY c (a, b) FROM STDIN WITH ({with_options})", line.encode())
                    good.append(line)
                except Exception:  # what COPY refuses is looked at below
                    pass
            assert 200 < len(good) < 500, len(good)
            place.write("x.csv", "".join(good))
            place.source("path = 'x.csv'" + (", " + options if options else ""))
            wanted = place.client.rows("SELECT a, b FROM c ORDER BY n")
            place.wait(len(wanted))
            assert place.rows() == wanted and place.errors() == []


def test_rows_that_are_wrong():
    with Place() as place:
        place.write("x.csv", "1,one\ntwo,2\n3\n4,four,4\n5,five\n6,\"open\n7,seven\n")
        place.source("path = 'x.csv'")
        place.wait(7)
        assert place.rows() == [["1", "one"], ["5", "five"], ["7", "seven"]]
        assert place.errors() == [
            ["two,2", 'invalid input syntax for type integer: "two"', "22P02"],
            ["3", 'missing data for column "b": x.csv, line 3', "22P04"],
            ["4,four,4", "extra data after last expected column: x.csv, line 4", "22P04"],
            ['6,"open', "unterminated CSV quoted field: x.csv, line 6", "22P04"]], place.errors()


def test_json():
    with Place() as place:
        lines = [{"a": 1, "b": "o\"né\n"}, {"b": None, "a": "2"}, {"a": 3, "more": [1]}, [4], {"a": 5, "b": {"x": [1, None]}}]
        place.write("x.json", "\n".join(json.dumps(line) for line in lines) + "\n\n{\"a\": 6,\n{\"a\": 7, \"\\u0061\": 8}\n")
        place.source("path = 'x.json', format = 'json'")
        place.wait(7)
        assert place.rows() == [["1", "o\"né\n"], ["2", None], ["3", None], ["5", '{"x": [1, null]}'], ["8", None]]
        assert [(row[0], row[2]) for row in place.errors()] == [("[4]", "22P04"), ('{"a": 6,', "22P02")], place.errors()


def test_atoms_are_as_large_as_they_are_wanted():
    with Place() as place:
        place.write("x.csv", "".join(f"{i},x\n" for i in range(100)))
        place.client.query("CREATE TABLE sizes (n bigint)")
        place.source("path = 'x.csv', atom_rows = '7', state = 'paused'")
        place.client.query("CREATE WORKFLOW v AS INSERT INTO sizes SELECT count(*) FROM atom(s)")
        place.client.query("ALTER SOURCE s SET (state = 'running')")
        place.wait(100)
        assert place.client.rows("SELECT n, count(*) FROM sizes GROUP BY n ORDER BY n") == [["2", "1"], ["7", "14"]]


def test_a_file_that_grows():
    with Place() as place:
        place.write("x.csv", "1,one\n2,t")
        place.source("path = 'x.csv', follow = 'true', interval = '5ms'")
        place.wait(1)
        place.write("x.csv", "wo\n3,\"three\n", "a")
        place.wait(2)
        place.write("x.csv", "lines\"\n", "a")
        place.wait(3)
        assert place.rows() == [["1", "one"], ["2", "two"], ["3", "three\nlines"]]


def test_a_file_that_turns():
    with Place() as place:
        place.write("x.csv", "a,b\n1,one\n")
        place.source("path = 'x.csv', follow = 'true', interval = '5ms', header = 'match'")
        place.wait(1)
        with open(place.path("x.csv"), "a", encoding="utf-8") as late:
            os.rename(place.path("x.csv"), place.path("x.csv.1"))
            late.write("2,written after its name went\n")
            late.flush()
            place.write("x.csv", "a,b\n3,three\n")
            place.wait(3)
        place.write("x.csv", "4,four\n", "a")
        place.wait(4)
        assert [row[0] for row in place.rows()] == ["1", "2", "3", "4"]
        assert place.errors() == []


def test_files_that_turn_while_nobody_looks():
    with Place(durable=True) as place:
        place.write("x.csv", "1,one\n")
        place.source("path = 'x.csv', follow = 'true', interval = '5ms'")
        place.wait(1)
        place.client.close()
        place.server.stop()
        place.write("x.csv", "2,two\n", "a")
        for number, (name, to) in enumerate((("x.csv", "x.csv.2"), ("x.csv", "x.csv.1"))):
            os.rename(place.path(name), place.path(to))
            os.utime(place.path(to), (1000 + number, 1000 + number))
            place.write("x.csv", f"{3 + number},more\n")
        place.write("x.csv.0.gz", "not this one\n")
        place.server.start()
        place.client = place.server.connect()
        place.wait(4)
        assert [row[0] for row in place.rows()] == ["1", "2", "3", "4"]
        assert place.errors() == []


def test_each_row_once_whatever_happens():
    for kill in (True, False):
        with Place(durable=True) as place:
            place.write("x.csv", "".join(f"{i},x\n" for i in range(20000)))
            place.source("path = 'x.csv', follow = 'true', interval = '5ms', atom_rows = '50'", table="n serial, a int, b text")
            wait_until(lambda: place.taken() > 500, "the first rows")
            for turn in range(3):
                before = place.taken()
                place.restart(kill)
                wait_until(lambda: place.taken() > before or place.taken() == 20000, "more rows")
            place.write("x.csv", "20000,x\n", "a")
            place.wait(20001)
            assert place.client.rows("SELECT count(*), count(DISTINCT a), max(a) FROM t") == [["20001", "20001", "20000"]]


def test_a_file_that_shrinks():
    with Place() as place:
        place.write("x.csv", "1,one\n2,two\n")
        place.source("path = 'x.csv', follow = 'true', interval = '5ms'")
        place.wait(2)
        os.truncate(place.path("x.csv"), 0)
        place.write("x.csv", "3,anew\n", "a")
        place.wait_error("was written anew, and is read from its beginning")
        wait_until(lambda: ["3", "anew"] in place.rows(), "the new row")
        place.write("x.csv", "4,more\n", "a")
        wait_until(lambda: ["4", "more"] in place.rows(), "one more")


def test_a_file_that_vanishes():
    with Place() as place:
        place.write("x.csv", "1,one\n")
        place.source("path = 'x.csv', follow = 'true', interval = '5ms'")
        place.wait(1)
        os.remove(place.path("x.csv"))
        place.wait_error("has vanished")
        place.write("x.csv", "2,back\n")
        wait_until(lambda: ["2", "back"] in place.rows(), "the row of the new one")


def test_a_file_that_is_not_there_yet():
    with Place() as place:
        place.source("path = 'x.csv'")
        place.wait_error("No such file")
        place.write("y.csv", "1,one\n")
        os.rename(place.path("y.csv"), place.path("x.csv"))
        wait_until(lambda: place.rows() == [["1", "one"]], "its row")


def test_headers():
    with Place() as place:
        place.write("x.csv", "a,c\n1,one\n")
        place.source("path = 'x.csv', header = 'match'")
        place.wait_error("does not name the source's columns")
        assert place.rows() == []
    with Place() as place:
        place.write("x.csv", "a,b\n1,one\n")
        place.source("path = 'x.csv', follow = 'true', interval = '5ms', header = 'true'")
        place.wait(1)
        place.write("y.csv", "b,a\ntwo,2\n")
        os.rename(place.path("y.csv"), place.path("x.csv"))
        place.wait_error("has another header")
        place.write("y.csv", "a,b\n2,two\n")
        os.rename(place.path("y.csv"), place.path("x.csv"))
        wait_until(lambda: place.rows() == [["1", "one"], ["2", "two"]], "the mended one")


def test_encodings():
    with Place() as place:
        place.write("x.csv", b"\xef\xbb\xbf1,m\xc3\xa9\n2,\xe9\n")
        place.source("path = 'x.csv'")
        place.wait(2)
        assert place.rows() == [["1", "mé"]]
        assert place.errors()[0][2] == "22021", place.errors()
    with Place() as place:
        place.write("x.csv", "1,x\n".encode("utf-16"))
        place.source("path = 'x.csv'")
        place.wait_error("is not encoded as UTF-8")


def test_nobody_gets_out_of_the_folder():
    with Place() as place:
        with open(os.path.join(place.scratch.name, "secret"), "w", encoding="utf-8") as file:
            file.write("1,secret\n")
        os.symlink("../secret", place.path("link"))
        os.symlink("..", place.path("up"))
        os.symlink("x.csv", place.path("inside"))
        place.write("x.csv", "1,one\n")
        for path in ("../secret", "/etc/passwd", os.path.join(place.folder, "../secret"), place.folder + "x/secret", "a/../../secret"):
            place.client.fails(f"CREATE SOURCE s (a int, b text) WITH (connector = 'file', path = '{path}')", "42501")
        for number, path in enumerate(("link", "up/secret")):
            place.client.query(f"CREATE SOURCE s{number} (a int PRIMARY KEY, b text) WITH (connector = 'file', path = '{path}')")
            wait_until(lambda: len(place.errors()) == number + 1, "the refusal")
            assert "leads out of the folders" in place.errors()[number][1], place.errors()
            assert place.client.rows(f"SELECT * FROM s{number}") == []
        place.client.query("CREATE SOURCE s (a int PRIMARY KEY, b text) WITH (connector = 'file', path = 'inside')")
        wait_until(lambda: place.client.rows("SELECT * FROM s") == [["1", "one"]], "a link that stays inside")
    with Server() as server, server.connect() as client:
        failure = client.fails("CREATE SOURCE s (a int) WITH (connector = 'file', path = 'x.csv')", "42501")
        assert "--files DIR" in failure.fields["H"]


def test_options_that_cannot_be():
    with Place() as place:
        for options, part in (
                ("format = 'csv'", "needs the option path"),
                ("path = ''", "the path is empty"),
                ("path = 'x', format = 'xml'", "must be csv or json"),
                ("path = 'x', follow = 'maybe'", "must be true or false"),
                ("path = 'x', header = 'maybe'", "must be true, false or match"),
                ("path = 'x', delimiter = 'ab'", "single one-byte character"),
                ("path = 'x', delimiter = '\"'", "must be different"),
                ("path = 'x', format = 'json', quote = '\"'", "is for CSV"),
                ("path = 'x', atom_rows = '0'", "must be between 1 and"),
                ("path = 'x', colour = 'red'", "has no option")):
            failure = place.client.fails(f"CREATE SOURCE s (a int) WITH (connector = 'file', {options})", "22023")
            assert part in failure.message, (options, failure)


run(*[test for name, test in sorted(globals().items()) if name.startswith("test_")])
