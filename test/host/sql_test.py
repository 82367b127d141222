#!/usr/bin/env python3
"""quern sql: statements without a server, on a directory of data."""

import os
import pty
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
from quern import BUILD, Server, run  # noqa: E402


def sql(*arguments, given=""):
    done = subprocess.run([os.path.join(BUILD, "quern"), "sql", *arguments], input=given, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_statements():
    with tempfile.TemporaryDirectory() as data:
        code, out, errors = sql("--data", data, "CREATE TABLE t (k int, v text)", "INSERT INTO t VALUES (1, 'a'), (2, NULL) RETURNING *")
        assert (code, out, errors) == (0, "CREATE TABLE\n1|a\n2|\nINSERT 0 2\n", ""), (code, out, errors)
        code, out, errors = sql("--data", data, "SELECT 1 / 0", "SELECT 5")
        assert (code, out) == (1, "") and "22012: division by zero" in errors, (code, out, errors)
        with Server(data=data) as server, server.connect() as client:
            assert client.value("SELECT count(*) FROM t") == "2"
            code, out, errors = sql("--data", data, "SELECT 1")
            assert code == 1 and "is in use" in errors, errors


def test_standard_input():
    with tempfile.TemporaryDirectory() as data:
        text = "CREATE TABLE t (k int);\nINSERT INTO t\n VALUES (7);\nCOPY t TO stdout;\nSELECT 'a;\nb';\nTABLE nope;\nSELECT count(*) FROM t"
        code, out, errors = sql("--data", data, given=text)
        assert code == 1 and out == "CREATE TABLE\nINSERT 0 1\n7\nCOPY 1\na;\nb\n1\n", (code, out, errors)
        assert 'relation "nope" does not exist' in errors, errors


def test_copy_from_standard_input():
    with tempfile.TemporaryDirectory() as data:
        sql("--data", data, "CREATE TABLE t (k int, v text)")
        code, out, errors = sql("--data", data, given="COPY t FROM stdin;\n1\tone\n2\t\\N\n\\.\nSELECT * FROM t;\n")
        assert (code, out, errors) == (0, "COPY 2\n1|one\n2|\n", ""), (code, out, errors)
        rows = "".join(f"{i},row {i}\n" for i in range(100000))
        code, out, errors = sql("--data", data, "COPY t FROM stdin (FORMAT csv)", "SELECT count(*), max(k) FROM t", given=rows)
        assert (code, out, errors) == (0, "COPY 100000\n100002|99999\n", ""), (code, out, errors)
        code, out, errors = sql("--data", data, given="COPY t FROM stdin;\nfive\tx\n6\ty\n\\.\nSELECT count(*) FROM t;\n")
        assert code == 1 and out == "100002\n" and "invalid input syntax" in errors, (code, out, errors)
        code, out, errors = sql("--data", data, given="COPY t FROM stdin;\n7\tz\n")
        assert (code, out) == (0, "COPY 1\n"), (code, out, errors)


def test_a_terminal():
    with tempfile.TemporaryDirectory() as data:
        sql("--data", data, "SELECT 1")
        try:
            master, slave = pty.openpty()
        except OSError as reason:  # a container may have none
            print(f"  there is no terminal to be had: {reason}")
            return
        shell = subprocess.Popen([os.path.join(BUILD, "quern"), "sql", "--data", data], stdin=slave, stdout=slave, stderr=slave,
                                 env={**os.environ, "TERM": "dumb"})
        os.close(slave)
        seen = b""
        for wanted, line in ((b"quern=> ", b"SELECT 6 *\n"), (b"quern-> ", b"7 AS answer;\n"), (b"42", b"\\q\n")):
            while wanted not in seen:
                seen += os.read(master, 4096)
            os.write(master, line)
        assert shell.wait() == 0
        os.close(master)
        assert b"answer" in seen, seen


def test_sources_rest():
    with tempfile.TemporaryDirectory() as data:
        with Server(data=data) as server, server.connect() as client:
            client.query("CREATE SOURCE g (id int8 PRIMARY KEY) WITH (connector = 'generator', rate = 10)")
        _, before, _ = sql("--data", data, "SELECT count(*) FROM g")
        code, out, errors = sql("--data", data, "SELECT count(*) FROM generate_series(1, 300000)", "SELECT count(*) FROM g")
        assert code == 0 and out.splitlines()[-1] == before.strip(), (before, out, errors)


def test_what_cannot_be():
    with tempfile.TemporaryDirectory() as folder:
        assert sql()[0] == 2 and sql("--data")[0] == 2
        code, _, errors = sql("--data", folder + "/x", "SELECT 1")
        assert code == 1 and "does not exist" in errors and not os.path.exists(folder + "/x"), errors


run(*[test for name, test in sorted(globals().items()) if name.startswith("test_")])
