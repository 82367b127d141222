#!/usr/bin/env python3
"""Long changes on workers, beside streams and clients, on the server itself: what comes of both, and of a kill -9."""

import os
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
import quern  # noqa: E402

ROWS = 15000  # more than a statement may visit on the loop
BEGUN = "select value from quern.metrics where name = 'quern_long_changes_total' and labels like '%begun%'"


def fill(client):
    client.query("create table t (k int8 primary key, n int8, r int8, s text)")
    client.query("create index on t (r)")
    client.query(f"insert into t select i, 0, 0, 'row' from generate_series(1, {ROWS}) i")


def stream(client):
    client.query("create source g (k int8) with (connector = 'generator', rate = 3000, \"k.kind\" = 'random', "
                 f"\"k.min\" = 1, \"k.max\" = {ROWS})")
    client.query("create workflow w as update t set n = n + 1 from g where t.k = g.k")


def test_a_stream_goes_on_beside_long_changes():
    with quern.Server() as server, server.connect() as client:
        fill(client)
        stream(client)
        quern.wait_until(lambda: int(client.value("select sum(n) from t")) > 0, "the stream's rows")
        for text in ("update t set r = r + 1", "update t set s = 'other' where r = 0", "update t set r = r + 1 where n >= 0",
                     "delete from t where k < 0", "create index on t (n, s)", "create unique index on t (s, k)",
                     "create index on t ((n % 10), lower(s))", "create unique index on t ((k * 2)) where n >= 0",
                     "create index on t ((r + k)) where s = 'row'",
                     "alter table t add column twice int8 generated always as (r * 2) stored", "create index on t (twice)",
                     "update t set r = r + 1"):
            client.query(text)
        client.query("alter source g set (state = 'paused')")
        assert client.rows("select count(*), min(r), max(r) from t where s = 'row'") == [[str(ROWS), "3", "3"]]
        assert client.rows("select count(*) from t where r = 3") == [[str(ROWS)]]
        assert client.rows("select count(*), sum(n) = (select sum(n) from t) from t where n % 10 between 0 and 9") == [[str(ROWS), "t"]]
        assert client.rows("select count(*) from t where twice = 6 and r = 3") == [[str(ROWS)]]
        assert client.rows("select count(*) from t where k * 2 > 0 and n >= 0") == [[str(ROWS)]]
        assert client.rows("select min(r + k), max(r + k), count(*) from t where s = 'row' and r + k > 0") == \
            [["4", str(ROWS + 3), str(ROWS)]]
        assert client.value("select sum(n) = (select rows from quern.sources where name = 'g') from t") == "t"
        assert client.rows("select count(*), sum(n) = (select sum(n) from t) from t where n between 0 and 1000") == [[str(ROWS), "t"]]
        assert int(client.value(BEGUN)) >= 5


def test_nobody_waits_for_them():
    with quern.Server() as server, server.connect() as client, server.connect() as other:
        fill(client)
        client.query(f"insert into t select i, 0, 0, 'row' from generate_series({ROWS} + 1, 100000) i")
        answered = []

        def change():
            client.query("update t set r = r + 1, s = s || 'x'")
            answered.append(True)

        thread = threading.Thread(target=change)
        thread.start()
        count = 0
        while not answered:
            other.query("update t set n = n + 1 where k = 7")
            count += 1
        thread.join()
        assert count > 1, count
        assert client.rows("select n, r, s from t where k = 7") == [[str(count), "1", "rowx"]]


def test_what_was_acknowledged_is_there_after_kill():
    with tempfile.TemporaryDirectory() as data:
        done = 0
        for round_number in range(3):
            server = quern.Server(data=data).start()
            client = server.connect()
            if round_number == 0:
                fill(client)
                stream(client)
            for _ in range(3):
                client.query("update t set r = r + 1")
                done += 1
            killer = threading.Timer(0.02 * round_number, server.kill)
            killer.start()
            try:
                for _ in range(100):
                    client.query("update t set r = r + 1")
                    done += 1
            except (quern.Failure, OSError, EOFError, RuntimeError):
                pass
            killer.join()
            server.stop()
            with quern.Server(data=data) as server, server.connect() as client:
                client.query("alter source g set (state = 'paused')")
                assert client.value("select count(*) from t where r = (select max(r) from t)") == str(ROWS)
                now = int(client.value("select max(r) from t"))
                assert now in (done, done + 1), (now, done)
                done = now
                assert client.value("select sum(n) = (select rows from quern.sources where name = 'g') from t") == "t"
                client.query("alter source g set (state = 'running')")


if __name__ == "__main__":
    quern.run(test_a_stream_goes_on_beside_long_changes, test_nobody_waits_for_them,
              test_what_was_acknowledged_is_there_after_kill)
