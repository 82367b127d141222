#!/usr/bin/env python3
"""Sequences under transactions that run again, under kills and under streams: no number is given twice."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
import quern  # noqa: E402


def one(client, text):
    return client.query(text).rows[0][0]


def expect(got, want, what):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


def expect_error(client, text, sqlstate):
    try:
        client.query(text)
    except quern.Failure as failure:
        expect(failure.sqlstate, sqlstate, text)
        return failure.message
    raise AssertionError(f"{text}: no error {sqlstate}")


def rows(client, text):
    return [row[0] for row in client.query(text).rows]


def second_run_draws_again(server):
    """What the first run of a transaction was given is given by its second one; others had other numbers meanwhile."""
    with server.connect() as a, server.connect() as b:
        a.query("create table again (id serial primary key, v int); create table busy (k int primary key, n int);"
                "insert into busy values (1, 0)")
        a.query("begin")
        mine = rows(a, "insert into again (v) select n + g from busy, generate_series(1, 3) g where k = 1 returning id")
        a.query("update busy set n = n + 1 where k = 1")
        current = one(a, "select currval('again_id_seq')")
        theirs = rows(b, "insert into again (v) values (10), (11) returning id")
        b.query("insert into busy values (2, 0)")
        mine.append(one(a, "select nextval('again_id_seq')"))
        expect(one(a, "select lastval()"), mine[-1], "lastval")
        a.query("commit")
        expect(current, mine[2], "currval")
        expect(len(set(mine + theirs)), 6, "different numbers")
        expect(rows(b, "select id from again where v < 10 order by id"), mine[:3], "the numbers that were shown")


def second_run_draws_more(server):
    """A statement that nobody saw the numbers of may need more of them when it runs again."""
    with server.connect() as a, server.connect() as b:
        a.query("create table from_here (v int); create table more (id bigserial primary key, v int);"
                "insert into from_here values (1), (2)")
        a.query("begin")
        try:
            a.query("insert into more (v) select v from from_here")
            b.query("insert into from_here values (3)")
            a.query("commit")
        except quern.Failure as failure:  # the count of rows was a promise
            expect(failure.sqlstate, "40001", "the count")
            a.query("insert into more (v) select v from from_here")
        b.query("insert into more (v) values (4), (5)")
        expect(one(b, "select count(distinct id) from more"), "5", "numbers")


def copy_draws_again(server):
    with server.connect() as a, server.connect() as b:
        a.query("create table copied (id serial primary key, v int)")
        a.query("begin")
        a.query("select 1 from busy where k = 1")
        a.send(a.message("Q", b"copy copied (v) from stdin\0"))
        a.collect("G")
        a.send(a.message("d", b"1\n2\n3\n") + a.message("c"))
        a.collect()
        shown = rows(a, "select id from copied where v < 9 order by id")
        b.query("insert into copied (v) values (9)")
        a.query("commit")
        expect(rows(b, "select id from copied where v < 9 order by id"), shown, "rows of a COPY")
        expect(one(b, "select count(*) from copied"), "4", "rows")


def made_and_drawn_in_one(server):
    """A sequence, its numbers and its object id stay what they were when the transaction that made it runs again."""
    with server.connect() as a, server.connect() as b:
        a.query("begin; create sequence made; create table with_it (id serial, v int)")
        oid = one(a, "select oid from pg_class where relname = 'made'")
        expect(one(a, "select nextval('made')"), "1", "the first")
        expect(one(a, "select nextval('made')"), "2", "the second")
        expect(rows(a, "insert into with_it (v) values (1), (2) returning id"), ["1", "2"], "serial")
        b.query("create table in_between (id serial); insert into in_between default values")
        a.query("commit")
        expect(one(b, "select oid from pg_class where relname = 'made'"), oid, "object id")
        expect(one(b, "select nextval('made')"), "3", "the third")
        expect(rows(b, "insert into with_it (v) values (3) returning id"), ["3"], "serial goes on")


def set_once(server):
    """setval is not done again by a second run."""
    with server.connect() as a, server.connect() as b:
        a.query("create sequence set_once")
        a.query("begin; insert into busy values (3, 0); select setval('set_once', 100)")
        b.query("insert into busy values (4, 0)")
        expect(one(b, "select nextval('set_once')"), "101", "seen at once")
        a.query("commit")
        expect(one(b, "select nextval('set_once')"), "102", "not set again")


def restart_is_undone(server):
    with server.connect() as a, server.connect() as b:
        a.query("create table restarted (id serial, v int); insert into restarted (v) values (1), (2)")
        a.query("begin; truncate restarted restart identity")
        expect(rows(a, "insert into restarted (v) values (3) returning id"), ["1"], "restarted")
        expect(rows(b, "insert into restarted (v) values (4) returning id"), ["3"], "others go on")
        a.query("rollback")
        expect(rows(a, "insert into restarted (v) values (5) returning id"), ["4"], "undone")


def workflow_draws(server):
    with server.connect() as a:
        a.query("create source pushed (v int) with (connector = 'push'); create table numbered (id serial, v int)")
        a.query("create workflow number as insert into numbered (v) select v from pushed")
        a.query("insert into pushed values (1), (2)")
        a.query("begin; insert into pushed values (3)")
        shown = one(a, "select id from numbered where v = 3")
        with server.connect() as b:
            b.query("insert into pushed values (4)")
        a.query("commit")
        expect(one(a, "select id from numbered where v = 3"), shown, "a workflow's number")
        expect(one(a, "select count(distinct id) from numbered"), "4", "a workflow's numbers")


def killed(directory):
    """What was shown is never given again, whatever became of the transaction that drew it."""
    shown = []
    server = quern.Server(data=directory)
    server.start()
    with server.connect() as a:
        a.query("create sequence s; create table t (id serial primary key, v int); create sequence up increment 7")
    for _ in range(4):
        with server.connect() as a, server.connect() as b:
            for _ in range(3):
                shown.append(("s", one(a, "select nextval('s')")))
                a.query("begin")
                shown += [("t", id) for id in rows(a, "insert into t (v) select g from generate_series(1, 20) g returning id")]
                shown.append(("up", one(a, "select nextval('up')")))
                b.query("begin")
                shown.append(("s", one(b, "select nextval('s')")))
                b.query("rollback")
                a.query("rollback")
                shown.append(("t", rows(b, "insert into t (v) values (1) returning id")[0]))
                a.query("begin; insert into t (v) values (2)")
                shown.append(("s", one(a, "select nextval('s')")))
                a.query("commit")
            a.query("begin")
            shown.append(("up", one(a, "select nextval('up')")))
            shown.append(("s", one(a, "select nextval('s')")))
            a.query("select setval('up', currval('up') + 700)")
            server.kill()
        server.start()
    with server.connect() as a:
        for name in ("s", "up"):
            shown += [(name, number) for number in rows(a, f"select nextval('{name}') from generate_series(1, 40)")]
        shown += [("t", id) for id in rows(a, "insert into t (v) select 3 from generate_series(1, 40) returning id")]
        expect(one(a, "select last_value > 2800 from up"), "t", "setval is kept")
    server.stop()
    expect(len(set(shown)), len(shown), "numbers that were shown once")


def main():
    with quern.Server() as server:
        for test in (second_run_draws_again, second_run_draws_more, copy_draws_again, made_and_drawn_in_one, set_once,
                     restart_is_undone, workflow_draws):
            test(server)
    with tempfile.TemporaryDirectory() as directory:
        killed(directory)


if __name__ == "__main__":
    main()
