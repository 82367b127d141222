#!/usr/bin/env python3
"""quern check and quern backup, with a server at work and without one."""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
from quern import BUILD, Server, run, wait_until  # noqa: E402

TABLES = ("CREATE TABLE t (k serial PRIMARY KEY, v int CHECK (v >= 0), w text UNIQUE)", "CREATE INDEX ON t (v)",
          "CREATE TABLE c (k int REFERENCES t (k))",
          "INSERT INTO t (v, w) SELECT i % 7, 'w' || i FROM generate_series(1, 2000) i",
          "INSERT INTO c SELECT i FROM generate_series(1, 100) i", "DELETE FROM t WHERE k > 1900")


def quern(*arguments):
    """The exit code and all that is printed."""
    done = subprocess.run([os.path.join(BUILD, "quern"), *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def files(folder):
    return {name: os.stat(os.path.join(folder, name)).st_mtime_ns for name in os.listdir(folder) if name != "lock"}


def fill(data):
    with Server(data=data) as server, server.connect() as client:
        for text in TABLES:
            client.query(text)
        server.kill()


def test_check_finds_all_well_and_changes_nothing():
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "data")
        fill(data)
        before = files(data)
        code, text = quern("check", "--data", data)
        assert code == 0 and "2 tables, 2000 rows: all is well" in text, text
        assert files(data) == before
        assert quern("check", "--data", data)[0] == 0
        with Server(data=data):
            code, text = quern("check", "--data", data)
            assert code == 1 and "is in use by another process" in text, text


def test_check_finds_what_was_changed_on_the_disk():
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "data")
        fill(data)
        with Server(data=data):
            pass  # its end leaves a checkpoint
        name = next(name for name in os.listdir(data) if name.startswith("checkpoint"))
        with open(os.path.join(data, name), "r+b") as file:
            file.seek(os.path.getsize(file.name) // 2)
            byte = file.read(1)
            file.seek(-1, 1)
            file.write(bytes([byte[0] ^ 4]))
        code, text = quern("check", "--data", data)
        assert code == 1 and name in text and "all is well" not in text, text


def test_check_of_what_is_none():
    with tempfile.TemporaryDirectory() as folder:
        for arguments, code, part in ((("--data", folder), 1, "there is no data"), ((), 2, "give quern check --data DIR"),
                                      (("--data", folder + "/x"), 1, "does not exist"), (("--data",), 2, "give quern check")):
            got, text = quern("check", *arguments)
            assert got == code and part in text, (arguments, text)
        assert os.listdir(folder) == []


def test_a_backup_is_a_data_directory():
    with tempfile.TemporaryDirectory() as folder:
        data, copy, again = (os.path.join(folder, name) for name in ("data", "copy", "again"))
        fill(data)
        code, text = quern("backup", "--data", data, "--to", copy)
        assert code == 0, text
        assert quern("check", "--data", copy)[0] == 0
        code, text = quern("backup", "--data", data, "--to", copy)
        assert code == 1 and "is not empty" in text, text
        for _ in range(2):  # what is written behind the backup survives, too
            with Server(data=copy) as server, server.connect() as client:
                client.query("INSERT INTO t (v, w) VALUES (1, 'new ' || random())")
                server.kill()
        with Server(data=copy) as server, server.connect() as client:
            assert client.rows("SELECT count(*), max(k) > 2000 FROM t") == [["1902", "t"]]
        code, text = quern("backup", "--data", copy, "--to", again)
        assert code == 0, text
        with Server(data=again) as server, server.connect() as client:
            assert client.value("SELECT count(*) FROM t") == "1902"
        code, text = quern("backup", "--data", folder + "/none", "--to", folder + "/x")
        assert code == 1 and "does not exist" in text and not os.path.exists(folder + "/x"), text


def test_a_backup_while_the_server_works():
    with tempfile.TemporaryDirectory() as folder:
        data, backups = os.path.join(folder, "data"), os.path.join(folder, "backups")
        os.mkdir(backups)
        with Server("--backups", backups, data=data) as server, server.connect() as client, server.connect() as other:
            for text in TABLES:
                client.query(text)
            client.query("CREATE TABLE counts (one int PRIMARY KEY, n int8)")
            client.query("CREATE SOURCE g (id int8) WITH (connector = 'generator')")
            client.query("CREATE WORKFLOW w AS INSERT INTO counts SELECT 1, 1 FROM g ON CONFLICT (one) DO UPDATE SET n = counts.n + 1")
            wait_until(lambda: int(client.value("SELECT rows FROM quern.sources")) > 1000, "rows")
            for name in ("one", "two"):
                position = int(client.value(f"SELECT quern_backup('{name}')"))
                assert position > 0
                other.query("INSERT INTO t (v, w) VALUES (1, 'after ' || random())")
            client.fails("SELECT quern_backup('one')", "58P02")
            client.fails("SELECT quern_backup('../one')", "22023")
            client.query("BEGIN")
            client.fails("SELECT quern_backup('three')", "25001")
            client.query("ROLLBACK")
            total = int(client.value("SELECT n FROM counts"))
        for name, rows in (("one", 1900), ("two", 1901)):
            assert quern("check", "--data", os.path.join(backups, name))[0] == 0
            with Server(data=os.path.join(backups, name)) as server, server.connect() as client:
                client.query("ALTER SOURCE g SET (state = 'paused')")
                assert client.value("SELECT count(*) FROM t") == str(rows)
                # Source and table are of one moment: each row was counted once, and the stream went on from there.
                assert client.rows("SELECT s.rows = c.n FROM quern.sources s, counts c") == [["t"]]
        assert total > 0
        with Server(data=data) as server, server.connect() as client:
            failure = client.fails("SELECT quern_backup('x')", "42501")
            assert "--backups DIR" in failure.fields["H"]


run(*[test for name, test in sorted(globals().items()) if name.startswith("test_")])
