#!/usr/bin/env python3
"""The types through streams, restarts and the log: a generator and pushed rows with dates, intervals, uuids, bytea and
real into tables with keys and indexes of them; after kill -9 all is there as it was."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import quern

TABLES = """
create source ticks (r real, d date, u uuid, v uuid) with
  (connector = 'generator', rows = 500, r.kind = 'random', d.start = 8800, u.kind = 'random');
create table by_day (d date primary key, r real, first uuid, n int default 0);
create workflow days as insert into by_day select d, r, u, 1 from ticks;
create source events (b bytea, t time, i interval, z timetz, at timestamptz) with (connector = 'push');
create table by_key (b bytea, i interval, t time, z timetz, day date, primary key (i, b));
create index by_time on by_key (t desc, z);
create workflow keep as insert into by_key select b, i, t, z, at::date from events
"""


def test_streams_keep_the_types():
    with tempfile.TemporaryDirectory() as data, quern.Server(data=data) as server:
        with quern.Client(server.port) as client:
            for statement in TABLES.split(";\n"):
                client.query(statement)
            quern.wait_until(lambda: client.value("select count(*) from by_day") == "500", "the generator's rows")
            assert client.rows("select min(d), max(d), count(distinct first) from by_day") == [
                ["2024-02-04", "2025-06-17", "500"]]
            shape = "r >= 0 and r < 1 and first::text like '________-____-4%'"
            assert client.value(f"select count(*) from by_day where {shape}") == "500"
            client.query(r"insert into events values ('\x00', '10:00', '1 day', '10:00+02', '2024-07-01 00:30+00')")
            client.copy_in("copy events from stdin", b"\\\\x0000\t24:00:00\t1 mon\t\\N\t2024-07-01 00:30:00+00\n")
            client.fails(r"insert into events values ('\x00', '11:00', '24 hours', null, now())", "23505")
            before = state(client)
        server.kill()
        server.start()
        with quern.Client(server.port) as client:
            assert state(client) == before, (state(client), before)
            assert client.rows("select t from by_key where t > '09:00' order by t desc") == [["24:00:00"], ["10:00:00"]]
            client.fails(r"insert into events values ('\x0000', '11:00', '30 days', null, now())", "23505")


def state(client):
    return (client.rows("select * from by_day order by d"), client.rows("select * from by_key order by i, b"))


if __name__ == "__main__":
    quern.run(test_streams_keep_the_types)
