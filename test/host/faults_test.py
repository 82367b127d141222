#!/usr/bin/env python3
"""What breaks around the server: its options, its files, its disk, its end. Each with one clear line, and nothing lost."""

import glob
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
from quern import BUILD, Failure, Server, run, wait_until


class Folder(tempfile.TemporaryDirectory):
    """A data directory that is made anew."""

    def __enter__(self):
        return os.path.join(super().__enter__(), "data")


def serve(*arguments):
    """Runs a server that must not start: (exit code, its lines)."""
    done = subprocess.run([os.path.join(BUILD, "quern"), "serve", *arguments], capture_output=True, timeout=120, text=True)
    assert done.stdout == "", done.stdout
    return done.returncode, done.stderr.strip().splitlines()


def refused(code, word, *arguments):
    got, lines = serve(*arguments)
    assert got == code and len(lines) == 1 and word in lines[0], (arguments, got, lines)


def contents(folder):
    return {name: open(os.path.join(folder, name), "rb").read() for name in sorted(os.listdir(folder)) if name != "lock"}


def filled(data, rows=2000, ends=True, *options):
    """A directory with a table of so many rows; without its end there is no checkpoint."""
    server = Server(*options, data=data).start()
    client = server.connect()
    client.query("CREATE TABLE t (a int PRIMARY KEY, v text)")
    for start in range(0, rows, 500):
        client.query(f"INSERT INTO t SELECT g, repeat('x', 100) FROM generate_series({start}, {start + 499}) g")
    if ends:
        server.stop()
    else:
        server.kill()


def broken(data, name, offset, replacement):
    with open(os.path.join(data, name), "r+b") as file:
        file.seek(offset)
        file.write(replacement)


def newest(data, pattern):
    return os.path.basename(sorted(glob.glob(os.path.join(data, pattern)))[-1])


def stays_broken(data, *words):
    """The server refuses the directory, twice, with these words, and changes no file."""
    before = contents(data)
    for _ in range(2):
        code, lines = serve("--data", data, "--listen", "127.0.0.1:0")
        assert code == 1 and lines and all(word in lines[-1] for word in words), (code, lines)
    assert contents(data) == before


def row_count(data):
    with Server(data=data) as server:
        return int(server.connect().value("SELECT count(*) FROM t"))


# --- Options --------------------------------------------------------------------------------------------


def test_bad_options():
    refused(2, "--data", "--listen", "127.0.0.1:0")
    refused(2, "--data", "--in-memory", "--data", "/tmp/x")
    refused(2, "--frobnicate", "--in-memory", "--frobnicate", "1")
    refused(2, "--data", "--data")
    refused(2, "surplus", "--in-memory", "surplus")
    for name in "--memory-limit", "--statement-memory", "--snapshot-memory", "--checkpoint-bytes":
        for value in "", "x", "-1", "1.5GB", "12XB", "99999999999999999999GB", " 7 ":
            refused(2, "is not a size", "--in-memory", name, value)
    for value in "0", "65", "x", "-3", "":
        refused(2, "workers", "--in-memory", "--workers", value)


def test_addresses():
    for value in "nonsense", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:x", "":
        refused(2, "HOST:PORT", "--in-memory", "--listen", value)
    for value in "0.0.0.0:0", "192.0.2.1:5433", ":0":
        refused(1, "loopback", "--in-memory", "--listen", value)


def test_used_port_leaves_the_data_alone():
    with Folder() as data, Server() as other:
        code, lines = serve("--data", data, "--listen", f"127.0.0.1:{other.port}")
        assert code == 1 and "in use" in lines[-1], (code, lines)
        filled(data)
        assert row_count(data) == 2000


def test_second_server_on_the_same_data():
    with Folder() as data:
        filled(data)
        with Server(data=data) as server:
            client = server.connect()
            refused(1, data, "--data", data, "--listen", "127.0.0.1:0")
            client.query("INSERT INTO t VALUES (-1, 'still there')")
        assert row_count(data) == 2001


def test_data_that_is_no_directory():
    with Folder() as data:
        with open(data, "w") as file:
            file.write("x")
        refused(1, data, "--data", data, "--listen", "127.0.0.1:0")
        refused(1, "nowhere", "--data", os.path.join(data, "nowhere"), "--listen", "127.0.0.1:0")


# --- Files ----------------------------------------------------------------------------------------------


def test_torn_tail_is_cut():
    with Folder() as data:
        filled(data, ends=False)
        log = newest(data, "log-*")
        with open(os.path.join(data, log), "rb") as file:
            end = len(file.read().rstrip(b"\0"))
        broken(data, log, end + 8 - end % 8, b"torn" * 50)
        with Server(data=data) as server:
            assert server.connect().value("SELECT count(*) FROM t") == "2000"
            assert "cut" in server.errors(), server.errors()
        assert row_count(data) == 2000


def test_broken_record_is_not_skipped():
    with Folder() as data:
        filled(data, ends=False)
        log = newest(data, "log-*")
        with open(os.path.join(data, log), "rb") as file:
            half = len(file.read().rstrip(b"\0")) // 2
        broken(data, log, half, b"\xff" * 16)
        stays_broken(data, log, "offset")


def test_broken_log_header():
    with Folder() as data:
        filled(data, ends=False)
        broken(data, newest(data, "log-*"), 20, b"\xff" * 16)
        stays_broken(data, newest(data, "log-*"))


def test_truncated_log():
    with Folder() as data:
        filled(data)
        log = newest(data, "log-*")
        os.truncate(os.path.join(data, log), 4096)
        stays_broken(data, log)


def test_missing_log():
    with Folder() as data:
        filled(data)
        for path in glob.glob(os.path.join(data, "log-*")):
            os.remove(path)
        stays_broken(data, "no log")


def test_broken_checkpoint():
    for place in 0, 8, 30, 0.3, 0.7, -1, "short":
        with Folder() as data:
            filled(data)
            name = newest(data, "checkpoint-*")
            size = os.path.getsize(os.path.join(data, name))
            if place == "short":
                os.truncate(os.path.join(data, name), size // 2)
            else:
                offset = int(size * place) if isinstance(place, float) else place % size
                with open(os.path.join(data, name), "rb") as file:
                    file.seek(offset)
                    byte = file.read(1)
                broken(data, name, offset, bytes([byte[0] ^ 0x5A]))
            outcome = serve_or_count(data)
            assert outcome in ("refused", 2000), (place, outcome)


def serve_or_count(data):
    """Starts with all rows (from the log), or not at all, with the checkpoint's name and no file changed."""
    before = contents(data)
    try:
        return row_count(data)
    except RuntimeError as error:
        assert "checkpoint" in str(error), error
        assert contents(data) == before
        return "refused"


# --- Disk -----------------------------------------------------------------------------------------------


class SmallDisk:
    """A file system of its own, of a few MB."""

    def __init__(self, megabytes):
        self.megabytes = megabytes

    def __enter__(self):
        self.path = tempfile.mkdtemp()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.megabytes}m", "quern-test", self.path],
                              capture_output=True, text=True)
        if done.returncode != 0:
            os.rmdir(self.path)
            return None
        return self.path

    def __exit__(self, *_):
        if os.path.isdir(self.path):
            subprocess.run(["umount", self.path], check=True)
            os.rmdir(self.path)


def fill_disk(path, leave):
    """Takes what is free but for `leave` bytes."""
    free = os.statvfs(path).f_bavail * os.statvfs(path).f_frsize
    with open(os.path.join(path, "ballast"), "wb") as file:
        file.write(bytes(max(free - leave, 0)))


def test_full_disk():
    with SmallDisk(400) as disk:
        if disk is None:
            print("skip test_full_disk: no file system can be mounted here", flush=True)
            return
        data = os.path.join(disk, "data")
        with Server(data=data) as server:
            client, reader = server.connect(), server.connect()
            client.query("CREATE TABLE t (a int PRIMARY KEY, v text)")
            fill_disk(disk, 1 << 20)
            acknowledged, failure = 0, None
            while failure is None and acknowledged < 4000:
                try:
                    client.query(f"INSERT INTO t VALUES ({acknowledged}, repeat('x', 100000))")
                    acknowledged += 1
                except Failure as error:
                    failure = error
            assert failure and failure.sqlstate == "53100", failure
            assert int(reader.value("SELECT count(*) FROM t")) == acknowledged
            reader.fails("DELETE FROM t", "53100")
            reader.query("BEGIN")
            reader.fails("CREATE TABLE u (a int)", "53100")
            reader.query("ROLLBACK")
            assert "disk is full" in server.errors(), server.errors()
            server.kill()
            refused = subprocess.run(server.command(), capture_output=True, text=True, timeout=60)
            assert refused.returncode == 1 and "No space left on device" in refused.stderr, refused
            os.remove(os.path.join(disk, "ballast"))
            server.start()
            client = server.connect()
            assert int(client.value("SELECT count(*) FROM t")) == acknowledged

            def changes_go_on():
                try:
                    client.query("INSERT INTO t VALUES (-1, 'room')")
                    return True
                except Failure as error:
                    assert error.sqlstate == "53100", error
                    return False

            wait_until(changes_go_on, "changes after there is room again")
            server.kill()
            server.start()
            assert int(server.connect().value("SELECT count(*) FROM t")) == acknowledged + 1


def test_no_room_for_a_checkpoint():
    with SmallDisk(400) as disk:
        if disk is None:
            print("skip test_no_room_for_a_checkpoint: no file system can be mounted here", flush=True)
            return
        data = os.path.join(disk, "data")
        noise = " || ".join(f"md5((g + {i})::text)" for i in range(30))  # a checkpoint is compressed
        with Server("--checkpoint-bytes", "1MB", data=data) as server:
            client = server.connect()
            client.query("CREATE TABLE t (a int PRIMARY KEY, v text)")
            fill_disk(disk, 200000)
            for start in range(0, 6000, 1000):
                client.query(f"INSERT INTO t SELECT g, {noise} FROM generate_series({start}, {start + 999}) g")
            wait_until(lambda: "could not be written" in server.errors(), "a checkpoint that fails")
            client.query("INSERT INTO t VALUES (-1, 'the log has room')")
            server.kill()
            os.remove(os.path.join(disk, "ballast"))
            server.start()
            assert server.connect().value("SELECT count(*) FROM t") == "6001"


# --- Its end --------------------------------------------------------------------------------------------


def test_kill_during_checkpoints_and_starts():
    with Folder() as data:
        server = Server("--checkpoint-bytes", "200kB", data=data).start()
        server.connect().query("CREATE TABLE t (a int PRIMARY KEY, v text)")
        rows = 0
        for turn in range(12):
            client = server.connect()
            assert int(client.value("SELECT count(*) FROM t")) == rows, turn
            for _ in range(3 + turn % 4):
                client.query(f"INSERT INTO t SELECT g, repeat('x', 1000) FROM generate_series({rows}, {rows + 299}) g")
                rows += 300
            server.kill()
            # One that is killed while it starts: its port is never asked for.
            starting = subprocess.Popen(server.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.002 * turn)
            starting.send_signal(signal.SIGKILL)
            starting.wait()
            server.start()
        server.stop()
        assert row_count(data) == rows


def test_terminate_with_everything_open():
    with Folder() as data:
        filled(data)
        server = Server(data=data).start()
        clients = [server.connect() for _ in range(6)]
        clients[0].query("BEGIN")
        clients[0].query("DELETE FROM t")
        clients[1].send(clients[1].message("Q", b"SELECT count(*) FROM t a, t b, t c WHERE a.v || b.v = c.v\0"))
        clients[2].send(clients[2].message("Q", b"COPY t FROM STDIN\0"))
        clients[2].collect("G")
        clients[2].send(clients[2].message("d", b"-1\tx\n"))
        clients[3].send(clients[3].message("Q", b"SELECT * FROM t, generate_series(1, 100000)\0"))
        clients[4].send(b"Q\0\0\xff\xffhalf a message")
        assert clients[5].query("INSERT INTO t VALUES (-2, 'acknowledged')").tags == ["INSERT 0 1"]
        assert server.stop() == 0
        assert row_count(data) == 2001


def last_word(client):
    """What the client is told last: its kind and, of an error, severity and SQLSTATE."""
    last = None
    for last in iter(client.read_message, None):
        pass
    fields = client.fields(last[1]) if last and last[0] == b"E" else {}
    return fields.get("S"), fields.get("C")


def test_terminate_tells_the_clients():
    with Server() as server:
        clients = {name: server.connect() for name in ("idle", "transaction", "waits", "copy", "half", "job", "behind")}

        def send(name, text):
            clients[name].send(clients[name].message("Q", text.encode() + b"\0"))

        clients["idle"].query("CREATE TABLE t (a int PRIMARY KEY, v text)")
        clients["transaction"].query("BEGIN")
        clients["transaction"].query("INSERT INTO t VALUES (1, 'x')")
        send("waits", "INSERT INTO t VALUES (1, 'y')")
        send("copy", "COPY t FROM STDIN")
        clients["copy"].collect("G")
        clients["half"].send(b"Q\0\0\xff\xffhalf a message")
        send("job", "SELECT count(*) FROM generate_series(1, 20000) a, generate_series(1, 1000000) b WHERE a < b")
        # Its replies are more than a socket takes: what is left of them is told first, and then the end.
        clients["behind"].socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        clients["behind"].send(100 * clients["behind"].message("Q", b"SELECT repeat('x', 200000)\0"))
        for _ in range(2):
            clients["idle"].query("SELECT 1")
        server.process.send_signal(signal.SIGTERM)
        assert last_word(clients["behind"]) == ("FATAL", "57P01")
        for name, client in clients.items():
            if name != "behind":
                assert last_word(client) == ("FATAL", "57P01"), name
        assert server.process.wait() == 0


def test_clients_that_vanish():
    with Server() as server:
        client = server.connect()
        client.query("CREATE TABLE t (a int PRIMARY KEY, v text)")
        client.query("INSERT INTO t SELECT g, repeat('x', 500) FROM generate_series(1, 3000) g")
        message = client.message
        points = [
            message("Q", b"BEGIN\0") + message("Q", b"DELETE FROM t\0"),
            message("Q", b"COPY t FROM STDIN\0"),
            message("Q", b"COPY t FROM STDIN\0") + message("d", b"-1\tx\n"),
            message("Q", b"COPY t FROM STDIN\0") + message("d", b"-1\tx\n-2"),
            message("Q", b"COPY t TO STDOUT\0"),
            message("Q", b"SELECT * FROM t, generate_series(1, 1000)\0"),
            message("Q", b"SELECT count(*) FROM t a, t b, t c WHERE a.v || b.v = c.v\0"),
            message("Q", b"BEGIN\0") + message("Q", b"SELECT count(*) FROM t a, t b, t c WHERE a.v || b.v = c.v\0"),
            client.parse("DELETE FROM t") + client.bind() + client.execute(),
            client.parse("DELETE FROM t") + client.bind() + client.execute() + message("H"),
            client.parse("SELECT * FROM t") + client.bind() + client.execute(limit=5) + message("H"),
            message("Q", b"BEGIN\0") + message("Q", b"DECLARE c CURSOR FOR SELECT * FROM t\0") + message("Q", b"FETCH 5 FROM c\0"),
        ]
        for turn in range(3):
            for point in points:
                gone = server.connect()
                gone.send(point)
                if turn == 1:
                    gone.socket.settimeout(0.02)
                    try:
                        gone.read_message()
                    except OSError:
                        pass
                elif turn == 2:  # reset, not closed
                    gone.socket.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")
                gone.close()
        assert client.value("SELECT count(*) FROM t") == "3000"
        wait_until(lambda: metric(client, "quern_sessions") == 1, "the sessions of the vanished to end")


def metric(client, name):
    return float(client.value(f"SELECT sum(value) FROM quern.metrics WHERE name = '{name}'") or -1)


if __name__ == "__main__":
    run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
