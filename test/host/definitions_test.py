#!/usr/bin/env python3
"""Definitions survive: each kind is made, the server is killed, started, stopped, started, and is as it was."""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import quern


def through_restarts(statements, looks):
    """Runs the statements; what `looks` answer then, they answer after a kill (the log) and a stop (a checkpoint)."""
    with tempfile.TemporaryDirectory() as data:
        server = quern.Server(data=data)
        seen = None
        for end in (server.kill, server.stop, server.stop):
            server.start()
            with server.connect() as client:
                for statement in statements:
                    client.rows(statement)
                statements = []
                found = [[tuple(row) for row in client.rows(look)] for look in looks]
            end()
            assert seen in (None, found), (seen, found)
            seen = found
        subprocess.run([os.path.join(quern.BUILD, "quern"), "check", "--data", data], check=True, stdout=subprocess.DEVNULL)
        return seen


def test_views():
    seen = through_restarts(
        [
            "create table t (id int primary key, name text)",
            "insert into t values (1, 'a'), (2, 'b')",
            "create view v (number, label) as select * from t where id > 1",
            "create view w as select label || '!' as loud from v",
            "alter table t rename column name to word",
            "alter table t rename to s",
        ],
        ["select * from v", "select * from w", "select pg_get_viewdef(oid) from pg_class where relname = 'v'"],
    )
    assert seen[:2] == [[("2", "b")], [("b!",)]], seen


def test_columns():
    seen = through_restarts(
        [
            "create table t (id int primary key, gone text, a int)",
            "insert into t values (1, 'x', 10), (2, 'y', 20)",
            "alter table t drop column gone",
            "insert into t values (3, 30)",
            "alter table t alter column a type text using a || '!'",
            "insert into t values (4, '40')",
        ],
        ["select * from t order by id", "select attname, attisdropped from pg_attribute where attrelid = "
         "(select oid from pg_class where relname = 't') and attnum > 0 order by attnum"],
    )
    assert seen[0] == [("1", "10!"), ("2", "20!"), ("3", "30!"), ("4", "40")], seen


def test_tables_of_queries():
    seen = through_restarts(
        [
            "create table t (id int primary key, name text default 'n' check (name <> ''))",
            "insert into t values (1, 'x'), (2, 'y')",
            "create table c as select id, upper(name) as loud from t",
            "select count(*) as n into d from t",
            "create table l (like t including all)",
            "insert into l (id) values (1)",
        ],
        ["select * from c order by id", "select * from d", "select * from l"],
    )
    assert seen == [[("1", "X"), ("2", "Y")], [("2",)], [("1", "n")]], seen


def test_types():
    seen = through_restarts(
        [
            "create type mood as enum ('sad', 'ok', 'happy')",
            "create domain rating as int default 3 check (value between 1 and 5)",
            "create table t (m mood primary key, s rating, ms mood[] default '{sad}', check (m <> 'happy'::mood))",
            "create index on t (s, m desc)",
            "insert into t (m) values ('ok'), ('sad')",
            "alter type mood add value 'meh' before 'ok'",
            "insert into t values ('meh', 5, '{happy,NULL}')",
            "alter type mood rename value 'ok' to 'fine'",
            "create view v as select m from t where m >= 'meh'::mood",
            "alter type mood rename to feeling",
            "alter domain rating add constraint few check (value <> 4)",
            "create type gone as enum ('a'); create table g (a gone, b int); drop type gone cascade",
        ],
        [
            "select * from t order by m",
            "select m from t where s = 3 order by s, m desc",
            "select * from v order by m",
            "select enum_range(null::feeling), pg_get_constraintdef(oid) from pg_constraint where conname = 't_m_check'",
            "select oid, typname, typarray from pg_type where oid >= 16384 order by oid",
            "select oid, enumlabel, enumsortorder from pg_enum order by oid",
            "select attname, format_type(atttypid, -1) from pg_attribute where attrelid in ('t'::regclass, 'g'::regclass) "
            "and attnum > 0 and not attisdropped order by attrelid, attnum",
        ],
    )
    assert seen[0] == [("sad", "3", "{sad}"), ("meh", "5", "{happy,NULL}"), ("fine", "3", "{sad}")], seen
    assert seen[1:3] == [[("fine",), ("sad",)], [("meh",), ("fine",)]], seen
    assert seen[3] == [("{sad,meh,fine,happy}", "CHECK ((m <> 'happy'::feeling))")], seen


def test_schemas():
    seen = through_restarts(
        [
            "create schema app; create schema other; create schema gone",
            "create table app.t (id int primary key); insert into app.t values (1)",
            "create view app.v as select * from app.t",
            "drop schema gone",
            "alter schema app rename to named",
        ],
        [
            "select * from named.t",
            "select * from named.v",
            "select nspname, oid from pg_namespace where oid >= 16384 order by oid",
        ],
    )
    assert seen[:2] == [[("1",)], [("1",)]] and [row[0] for row in seen[2]] == ["named", "other"], seen


def test_comments():
    seen = through_restarts(
        [
            "create table t (id int); create table u (id int)",
            "comment on table t is 'one'; comment on column t.id is 'two'; comment on table u is 'three'",
            "drop table u",
        ],
        ["select objsubid, description from pg_description order by 1"],
    )
    assert seen == [[("0", "one"), ("1", "two")]], seen


def test_computed_indexes():
    seen = through_restarts(
        [
            "create table t (id int primary key, name text, a int, gone bool)",
            "create unique index t_name on t (lower(name)) where not gone",
            "insert into t select i, 'Name' || i, i, i % 2 = 0 from generate_series(1, 50) i",
            "create index t_sum on t ((a + id) desc, name) include (gone)",
            "create index t_ratio on t ((100 / a)) where a <> 0",
            "update t set a = 0, name = upper(name) where id < 4; update t set gone = not gone where id in (5, 6)",
            "delete from t where id > 40; insert into t values (60, 'name60', 7, false)",
            "create table w (k int8 primary key, word text); create index on w (upper(word))",
            "insert into w select i, 'w' || i from generate_series(1, 9) i; alter table w add column n int default 3",
            "create index on w ((n * k)); alter table w rename column word to says; update w set n = 4 where k = 2",
        ],
        [
            "select id from t where lower(name) = 'name1' and not gone",
            "select id from t where lower(name) >= 'name' and not gone order by lower(name), id",
            "select id from t where a + id > 70 order by a + id desc, name",
            "select count(*) from t where 100 / a >= 0 and a <> 0",
            "select k from w where upper(says) = 'W3'",
            "select k from w where n * k = 8",
            "select indexdef from pg_indexes where schemaname = 'public' order by 1",
        ],
    )
    assert seen[0] == [("1",)] and seen[3] == [("38",)] and seen[4:6] == [[("3",)], [("2",)]], seen


def test_generated_columns():
    seen = through_restarts(
        [
            "create table p (x int primary key); insert into p values (2), (4), (6)",
            "create table t (id int primary key, a int references p on update cascade, "
            "b int generated always as (a * 2) stored, c text generated always as (id || '-' || a) stored unique)",
            "insert into t select i, 2 * i from generate_series(1, 3) i",
            "create index on t (b, id); update t set a = 4 where id = 1; update p set x = 60 where x = 6",
            "create table n (a int); insert into n values (-1), (5); create unique index n_a on n (a)",
            "alter table n add check (a > 0) not valid, add primary key using index n_a",
            "alter table t add column d int generated always as (id + a) stored; alter table t rename column a to z",
            "insert into t values (9, 60)",
        ],
        ["select * from t order by b, id", "select id from t where c = '9-60'", "select * from n order by a",
         "select pg_get_constraintdef(oid) from pg_constraint where conrelid = (select oid from pg_class where relname = 'n')",
         "select column_name, generation_expression from information_schema.columns where table_name = 't' order by 1"],
    )
    assert seen[0] == [("1", "4", "8", "1-4", "5"), ("2", "4", "8", "2-4", "6"), ("3", "60", "120", "3-60", "63"),
                       ("9", "60", "120", "9-60", "69")], seen


quern.run(test_types, test_generated_columns, test_computed_indexes, test_comments, test_schemas, test_views, test_columns, test_tables_of_queries)
