#!/usr/bin/env python3
"""Arrays on their ways in and out: files of CSV and JSON, COPY both ways, pushed rows and a workflow over their
elements, keys and indexes of arrays; after kill -9 and after a checkpoint all is there as it was."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
import quern

CSV = ('1,"{1,2}","{a,""b,c""}"\n2,{},\n3,"[0:1]={7,NULL}","{{x,y},{z,NULL}}"\n4,"{1,z}",{a}\n5,"{1,2",{a}\n'
       '6,{8},{"q"}\n')
JSON = ('{"n": 1, "a": [1, 2], "b": ["a", "b,c", null, "\\"\\u0041\\\\"]}\n{"n": 2, "a": [], "b": null}\n'
        '{"n": 3, "a": "{5}", "b": [["x", "y"], ["z", "w"]]}\n{"n": 4, "a": [[1], 2], "b": []}\n'
        '{"n": 5, "a": [1.0], "b": ["x"]}\n{"n": 6, "a": [[[[[[[1]]]]]]], "b": []}\n{"n": 7, "a": {"x": 1}, "b": []}\n'
        '{"n": 8, "a": [8], "b": [true, 1.50, {"c": [1]}]}\n')


def source(client, name, folder, format, columns):
    client.query(f"CREATE TABLE {name}_rows (n int PRIMARY KEY, a int[], b text[])")
    client.query(f"CREATE SOURCE {name} ({columns}) WITH (connector = 'file', path = '{folder}/{name}', "
                 f"format = '{format}')")
    client.query(f"CREATE WORKFLOW {name}_flow AS INSERT INTO {name}_rows SELECT n, a, b FROM {name}")


def test_files_of_arrays():
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("csv", CSV), ("json", JSON)):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        with quern.Server("--files", folder) as server, server.connect() as client:
            source(client, "csv", folder, "csv", "n int, a int[], b text[]")
            source(client, "json", folder, "json", "n int, a int[], b text[]")
            quern.wait_until(lambda: client.value("SELECT count(*) FROM quern.source_errors") == "6", "the bad rows")
            quern.wait_until(lambda: client.value("SELECT count(*) FROM csv_rows") == "4" and
                             client.value("SELECT count(*) FROM json_rows") == "4", "the good rows")
            assert client.rows("SELECT * FROM csv_rows ORDER BY n") == [
                ["1", "{1,2}", '{a,"b,c"}'], ["2", "{}", None], ["3", "[0:1]={7,NULL}", "{{x,y},{z,NULL}}"],
                ["6", "{8}", "{q}"]]
            assert client.rows("SELECT * FROM json_rows ORDER BY n") == [
                ["1", "{1,2}", '{a,"b,c",NULL,"\\"A\\\\"}'], ["2", "{}", None], ["3", "{5}", "{{x,y},{z,w}}"],
                ["8", "{8}", '{true,1.50,"{\\"c\\": [1]}"}']], client.rows("SELECT * FROM json_rows ORDER BY n")


TABLES = """
create source visits (who text, pages int[], took numeric(6,2)[]) with (connector = 'push');
create table page (id int primary key, visitors text[] not null, seconds numeric not null);
create workflow pages as insert into page select p, array[who], t from visits, unnest(pages, took) u(p, t)
  on conflict (id) do update set visitors = page.visitors || excluded.visitors,
                                 seconds = page.seconds + excluded.seconds;
create table path (pages int[] primary key, n int default 1, marks date[]);
create index by_marks on path (marks desc, n);
create workflow paths as insert into path (pages, marks) select pages, array['2024-01-01'::date] from visits
  on conflict (pages) do update set n = path.n + 1, marks[path.n + 1] = '2024-01-02'
"""


def state(client):
    return (client.rows("select * from page order by id"), client.rows("select * from path order by pages desc"),
            client.rows("select pages from path where marks >= '{2024-01-01}' order by marks desc, n"))


def test_streams_and_restarts_keep_arrays():
    with tempfile.TemporaryDirectory() as data, quern.Server(data=data) as server:
        with server.connect() as client:
            for statement in TABLES.split(";\n"):
                client.query(statement)
            client.query("insert into visits values ('ann', '{1,2}', '{1.005,2}'), ('bob', '{2,3}', '{4,5.5}')")
            client.copy_in("copy visits from stdin", b"cy\t{1,2}\t{0.5,1}\neve\t{{5},{6}}\t{1,1}\n")
            client.fails("insert into visits values ('bad', '{1,2', '{}')", "22P02")
            assert client.rows("select * from page order by id") == [
                ["1", "{ann,cy}", "1.51"], ["2", "{ann,bob,cy}", "7.00"], ["3", "{bob}", "5.50"],
                ["5", "{eve}", "1.00"], ["6", "{eve}", "1.00"]], client.rows("select * from page order by id")
            assert client.rows("select * from path order by pages") == [
                ["{1,2}", "2", "{2024-01-01,2024-01-02}"], ["{2,3}", "1", "{2024-01-01}"],
                ["{{5},{6}}", "1", "{2024-01-01}"]]
            before = state(client)
        server.kill()
        server.start()
        with server.connect() as client:
            assert state(client) == before, (state(client), before)
            client.query("checkpoint")
            client.query("update page set visitors[0] = 'zoe', seconds = 0 where 'eve' = any (visitors)")
            before = state(client)
        server.kill()
        server.start()
        with server.connect() as client:
            assert state(client) == before, (state(client), before)
            assert client.value("select visitors from page where id = 5") == "[0:1]={zoe,eve}"


def test_copy_both_ways():
    with quern.Server() as server, server.connect() as client:
        columns = "(id int, a text[], b bytea[], c timestamptz[], d numeric(5,1)[], e jsonb[], f bool[])"
        client.query("create table t " + columns)
        client.query(r"""insert into t values
          (1, '{"a\tb","c\nd","\\\\","\"",NULL,"NULL",""}', array['\x00ff'::bytea], '{2024-02-29 12:00+00}', '{1.25}',
           array['{"a": [1, "x"]}'::jsonb], '{t,NULL}'),
          (2, '[5:6]={x,y}', '{}', null, '{{1,2},{3,4}}', '{}', '{{t},{f}}')""")
        client.query("insert into t select id + 2, a, b, c, d, e, f from t")
        everything = client.rows("select * from t order by id")
        for options in ("", " csv", " csv header", " (format csv, delimiter '|', quote '''')"):
            text = bytes(client.query("copy t to stdout" + options).copied)
            client.query("create table u " + columns)
            client.copy_in("copy u from stdin" + options, text)
            assert client.rows("select * from u order by id") == everything, options
            client.query("drop table u")


if __name__ == "__main__":
    quern.run(test_files_of_arrays, test_streams_and_restarts_keep_arrays, test_copy_both_ways)
