#!/usr/bin/env python3
"""kill -9 amid writes: nothing acknowledged is lost, nothing is half done, a stream is counted exactly once."""

import os
import random
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
from quern import BUILD, Failure, Server, run, wait_until

ROUNDS = 8
CLIENTS = 4


def writer(server, number, acknowledged, begun, stop):
    """Makes pairs (id, 'a'), (id, 'b') until the server dies: by a statement, a batch, a workflow or a transaction."""
    try:
        client = server.connect()
        while not stop.is_set():
            identity = number * 1_000_000 + len(begun[number])
            begun[number].append(identity)
            insert = f"INSERT INTO pairs VALUES ({identity}, '{{}}')"
            shape = identity % 4
            if shape == 0:
                client.query(f"INSERT INTO pairs VALUES ({identity}, 'a'), ({identity}, 'b')")
            elif shape == 1:
                client.query(insert.format("a") + ";" + insert.format("b"))
            elif shape == 2:
                client.query(f"INSERT INTO entry VALUES ({identity})")
            else:
                client.query("BEGIN")
                client.query(insert.format("a"))
                client.query(insert.format("b"))
                client.query("COMMIT")
            acknowledged[number].append(identity)
    except (ConnectionError, OSError, Failure):
        pass


def check_pairs(client, acknowledged, begun):
    halves = {}
    for identity, half in client.rows("SELECT id, half FROM pairs"):
        halves.setdefault(int(identity), set()).add(half)
    for identity, found in halves.items():
        assert found == {"a", "b"}, f"{identity} is half done: {found}"
    by_index = client.rows("SELECT -id FROM pairs WHERE half = 'a' ORDER BY -id")
    assert [int(row[0]) for row in by_index] == sorted(-identity for identity in halves), "the index has other rows"
    known = {identity for list_ in begun for identity in list_}
    assert set(halves) <= known, "rows that nobody wrote"
    lost = {identity for list_ in acknowledged for identity in list_} - set(halves)
    assert not lost, f"{len(lost)} acknowledged rows are lost: {sorted(lost)[:5]}"


def check_stream(client):
    rows = client.rows("SELECT (SELECT rows FROM quern.sources WHERE name = 'numbers'), (SELECT sum(n) FROM counts), "
                       "(SELECT count(*) FROM counts), (SELECT n FROM total)")
    arrived, counted, keys, total = [int(v or 0) for v in rows[0]]
    assert arrived == counted == total, f"{arrived} rows arrived, {counted} were counted, {total} in all"
    assert keys <= 100
    return arrived


def test_kill_amid_writes():
    with tempfile.TemporaryDirectory() as folder:
        server = Server("--checkpoint-bytes", "1MB", data=os.path.join(folder, "data"))
        with server:
            client = server.connect()
            client.query("CREATE TABLE pairs (id bigint, half text, PRIMARY KEY (id, half))")
            client.query("CREATE UNIQUE INDEX ON pairs ((id * 2), upper(half))")
            client.query("CREATE INDEX ON pairs ((-id)) WHERE half = 'a'")
            client.query("CREATE SOURCE entry (id bigint) WITH (connector = 'push')")
            client.query("CREATE WORKFLOW enter AS (INSERT INTO pairs SELECT id, 'a' FROM entry; "
                         "INSERT INTO pairs SELECT id, 'b' FROM entry)")
            client.query("CREATE TABLE counts (k int PRIMARY KEY, n bigint)")
            client.query("CREATE TABLE total (one int PRIMARY KEY, n bigint)")
            client.query("CREATE SOURCE numbers (k int) WITH (connector = 'generator', rate = '20000', k.kind = 'random', "
                         "k.min = '0', k.max = '99')")
            client.query("CREATE WORKFLOW counting AS (INSERT INTO counts SELECT k, 1 FROM numbers ON CONFLICT (k) "
                         "DO UPDATE SET n = counts.n + 1; INSERT INTO total SELECT 1, 1 FROM numbers ON CONFLICT (one) "
                         "DO UPDATE SET n = total.n + 1)")
            acknowledged, begun = [[] for _ in range(CLIENTS)], [[] for _ in range(CLIENTS)]
            choose = random.Random(7)
            arrived = 0
            for _ in range(ROUNDS):
                stop = threading.Event()
                threads = [threading.Thread(target=writer, args=(server, i, acknowledged, begun, stop)) for i in range(CLIENTS)]
                goal = sum(map(len, acknowledged)) + choose.randrange(20, 200)
                for thread in threads:
                    thread.start()
                wait_until(lambda: sum(map(len, acknowledged)) >= goal, "acknowledged writes")
                server.kill()
                stop.set()
                for thread in threads:
                    thread.join()
                server.start()
                client = server.connect()
                check_pairs(client, acknowledged, begun)
                now = check_stream(client)
                assert now >= arrived, "the stream went back"
                arrived = now
            assert arrived > 0
            server.stop()
        subprocess.run([os.path.join(BUILD, "quern"), "check", "--data", os.path.join(folder, "data")], check=True,
                       stdout=subprocess.DEVNULL)


def test_kill_amid_commits_that_do_not_wait():
    """With synchronous_commit = off the newest commits may go, from the end on; not what a session that waits was shown."""

    def commit(client, first):
        number = first
        try:
            client.query("SET synchronous_commit = off")
            while True:
                number += 1
                client.query(f"INSERT INTO pairs VALUES ({number}, 'a'), ({number}, 'b')")
        except (ConnectionError, OSError):
            pass

    with tempfile.TemporaryDirectory() as folder:
        server = Server(data=os.path.join(folder, "data"))
        with server:
            watcher, kept = server.connect(), 0
            watcher.query("CREATE TABLE pairs (id bigint, half text, PRIMARY KEY (id, half))")
            for _ in range(5):
                thread = threading.Thread(target=commit, args=(server.connect(), kept))
                thread.start()
                shown = kept
                while shown < kept + 100:
                    shown = int(watcher.value("SELECT max(id) FROM pairs") or 0)
                server.kill()
                thread.join()
                server.start()
                watcher, before = server.connect(), kept
                kept = int(watcher.value("SELECT max(id) FROM pairs"))
                assert kept >= shown, f"{shown} was shown, {kept} is left"
                assert watcher.rows(f"SELECT count(*), sum(id) FROM pairs WHERE id > {before}") == [
                    [str(2 * (kept - before)), str(kept * (kept + 1) - before * (before + 1))]], "not a beginning of what was done"


def test_clean_end_keeps_everything():
    with tempfile.TemporaryDirectory() as folder:
        server = Server(data=os.path.join(folder, "data"))
        with server:
            client = server.connect()
            client.query("CREATE TABLE t (k int PRIMARY KEY, v text)")
            client.query("CREATE UNIQUE INDEX t_v ON t (v DESC)")
            client.query("INSERT INTO t SELECT g, 'v' || g FROM generate_series(1, 5000) g")
            client.query("DELETE FROM t WHERE k % 2 = 0")
        with server:
            client = server.connect()
            assert client.rows("SELECT count(*), min(k), max(k) FROM t") == [["2500", "1", "4999"]]
            assert client.rows("SELECT k FROM t WHERE v = 'v77'") == [["77"]]
            client.fails("INSERT INTO t VALUES (5001, 'v77')", "23505")


if __name__ == "__main__":
    run(test_kill_amid_writes, test_kill_amid_commits_that_do_not_wait, test_clean_end_keeps_everything)
