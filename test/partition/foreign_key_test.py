#!/usr/bin/env python3
"""Foreign and deferrable keys between clients, streams, copies and restarts."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
import quern  # noqa: E402

TABLES = """create table parent (id int primary key, n int default 0);
  create table child (id int primary key, p int references parent);
  insert into parent values (1), (2)"""


def test_a_child_of_a_parent_that_went():
    with quern.Server() as server, server.connect() as one, server.connect() as two:
        one.query(TABLES)
        one.query("begin")
        one.query("insert into child values (1, 1)")
        two.query("delete from parent where id = 1")
        one.fails("commit", "40001")
        assert one.rows("select * from child") == []


def test_a_parent_whose_child_came():
    with quern.Server() as server, server.connect() as one, server.connect() as two:
        one.query(TABLES)
        one.query("begin")
        one.query("delete from parent where id = 1")
        two.query("insert into child values (1, 1)")
        one.fails("commit", "40001")
        assert one.rows("select id from parent order by id") == [["1"], ["2"]]


def test_a_cascade_runs_again_over_what_came():
    with quern.Server() as server, server.connect() as one, server.connect() as two:
        one.query(TABLES + "; create table pet (id int primary key, p int references parent on delete cascade)")
        one.query("begin")
        one.query("delete from parent where id = 1")
        two.query("insert into pet values (1, 1), (2, 2)")
        one.query("commit")
        assert one.rows("select id from pet") == [["2"]]


def test_a_deferred_child_of_a_parent_that_went():
    with quern.Server() as server, server.connect() as one, server.connect() as two:
        one.query(TABLES)
        one.query("alter table child alter constraint child_p_fkey deferrable initially deferred")
        one.query("begin")
        one.query("insert into child values (1, 1)")
        two.query("delete from parent where id = 1")
        one.fails("commit", "40001")
        one.query("begin")
        one.query("insert into child values (1, 1)")
        failure = one.fails("commit", "23503")
        assert failure.fields["n"] == "child_p_fkey" and failure.fields["t"] == "child"
        assert one.rows("select * from child") == [] and one.status == "I"


def test_deferred_twins():
    with quern.Server() as server, server.connect() as one, server.connect() as two:
        one.query("create table t (id int primary key deferrable initially deferred, v text)")
        one.query("begin")
        one.query("insert into t values (1, 'a'), (1, 'b')")
        two.query("insert into t values (2, 'c')")
        one.query("update t set id = 2 where v = 'a'")
        try:
            one.query("commit")
            raise AssertionError("two rows have one key")
        except quern.Failure as failure:
            # 40001 where the check was good before the other came.
            assert failure.sqlstate in ("23505", "40001"), failure
        assert one.rows("select * from t") == [["2", "c"]]


def test_children_of_a_busy_parent_neither_wait_nor_fail():
    with quern.Server() as server, server.connect() as busy:
        busy.query(TABLES)
        clients = [server.connect() for _ in range(8)]
        for round_ in range(5):
            for client in clients:
                client.query("begin")
            for number, client in enumerate(clients):
                client.query(f"insert into child values ({round_ * 8 + number}, 1)")
                client.query("update parent set n = n + 1 where id = 1")
                busy.query("update parent set n = n + 1 where id = 1")
            for client in clients:
                client.query("commit")
        assert busy.value("select n from parent where id = 1") == "80"
        assert busy.value("select count(*) from child") == "40"
        for client in clients:
            client.close()


def test_set_constraints_runs_again():
    with quern.Server() as server, server.connect() as one, server.connect() as two:
        one.query(TABLES)
        one.query("alter table child alter constraint child_p_fkey deferrable")
        one.query("begin")
        one.query("set constraints all deferred")
        one.query("insert into child values (1, 7)")
        one.query("insert into parent values (7)")
        one.query("set constraints child_p_fkey immediate")
        two.query("update parent set n = 5")
        one.query("commit")
        assert one.rows("select * from child") == [["1", "7"]]


def test_a_query_of_several_statements_is_one_transaction():
    with quern.Server() as server, server.connect() as one:
        one.query(TABLES)
        one.query("alter table child alter constraint child_p_fkey deferrable initially deferred")
        one.query("insert into child values (1, 7); insert into parent values (7)")
        for text in "insert into child values (2, 8)", "select 1; insert into child values (2, 8)":
            one.send(one.message("Q", text.encode() + b"\0"))
            kinds = []
            while not kinds or kinds[-1] != "Z":
                kinds.append(one.read_message()[0].decode())
            # What is not done has not said that it is.
            assert kinds[-2:] == ["E", "Z"] and kinds.count("C") == text.count(";"), kinds
        one.send(one.parse("insert into child values (2, 9)") + one.bind() + one.execute() +
                 one.parse("insert into parent values (9)") + one.bind() + one.execute() + one.message("S"))
        one.collect()
        try:
            one.extended("insert into child values (3, 10)")
            raise AssertionError("a deferred check was not made")
        except quern.Failure as failure:
            assert failure.sqlstate == "23503"
        assert one.rows("select id from child order by id") == [["1"], ["2"]]


def test_copy_is_one_statement():
    with quern.Server() as server, server.connect() as one:
        one.query("create table tree (id int primary key, up int references tree)")
        one.copy_in("copy tree from stdin", b"3\t2\n2\t1\n1\t\\N\n")
        try:
            one.copy_in("copy tree from stdin", b"4\t1\n5\t9\n")
            raise AssertionError("the copy did not fail")
        except quern.Failure as failure:
            assert failure.sqlstate == "23503"
        assert one.value("select count(*) from tree") == "3"
        one.query("create table twins (id int primary key deferrable)")
        try:
            one.copy_in("copy twins from stdin", b"1\n2\n1\n")
            raise AssertionError("the copy did not fail")
        except quern.Failure as failure:
            assert failure.sqlstate == "23505"
        one.query("begin")
        one.query("set constraints all deferred")
        one.copy_in("copy twins from stdin", b"1\n2\n1\n")
        one.query("update twins set id = 3 where id = 2")
        one.fails("commit", "23505")
        assert one.value("select count(*) from twins") == "0"


def test_rows_of_a_stream():
    with quern.Server() as server, server.connect() as one:
        one.query("create table parent (id int primary key)")
        one.query("create table child (id int primary key, p int references parent)")
        one.query("create table late (id int primary key, p int references parent deferrable initially deferred)")
        one.query("insert into parent select g from generate_series(0, 4) g")
        one.query("create source numbers (n int) with (connector = 'generator', rows = 10, n.kind = 'sequence')")
        one.query("create workflow w as (insert into child select n, n from numbers; "
                  "insert into late select n, n + 2 from numbers)")
        quern.wait_until(lambda: one.value("select sum(rows) from quern.sources where name = 'numbers'") == "10", "rows")
        assert one.rows("select id from child order by id") == [["0"], ["1"], ["2"]]
        assert one.rows("select id, p from late order by id") == [["0", "2"], ["1", "3"], ["2", "4"]]
        assert one.rows("select sqlstate, count(*) from quern.source_errors group by 1") == [["23503", "7"]]


def test_rows_that_a_client_pushes():
    with quern.Server() as server, server.connect() as one:
        one.query("create table parent (id int primary key)")
        one.query("create table late (id int primary key, p int references parent deferrable initially deferred)")
        one.query("create table child (id int primary key, p int references parent on delete cascade)")
        one.query("create source events (n int) with (connector = 'push')")
        one.query("create workflow w as insert into late select n, n from atom(events)")
        one.query("create source removals (n int) with (connector = 'push')")
        one.query("create workflow v as (delete from parent using removals where id = n; "
                  "insert into parent select n from removals; insert into child select n, n from removals)")
        one.fails("insert into events values (1), (2)", "23503")
        one.query("begin")
        one.query("insert into events values (1), (2)")
        one.query("insert into parent values (1), (2)")
        one.query("commit")
        assert one.value("select count(*) from late") == "2"
        # A cascade is done with its own statement, and not again with the one that pushed.
        one.query("insert into removals values (5)")
        one.query("insert into removals values (5)")
        assert one.rows("select * from child") == [["5", "5"]]


def test_sources_with_keys():
    with quern.Server() as server, server.connect() as one:
        one.query("create table parent (id int primary key)")
        one.query("insert into parent values (1)")
        one.query("create source s (id int primary key, p int references parent) with (connector = 'push')")
        one.query("create table of_source (id int primary key, s int references s on delete cascade)")
        one.query("insert into s values (1, 1)")
        one.fails("insert into s values (2, 2)", "23503")
        one.fails("insert into s values (1, 2)", "23503")
        one.fails("insert into of_source values (1, 2)", "23503")
        one.query("insert into of_source values (1, 1)")
        one.query("insert into s values (1, null)")
        one.query("delete from s where id = 1")
        assert one.value("select count(*) from of_source") == "0"
        one.fails("create source t (p int references parent) with (connector = 'push')", "0A000")
        one.fails("drop source s", "2BP01")
        one.query("drop source s cascade")
        one.query("insert into of_source values (1, 2)")


def test_they_survive_a_restart():
    with tempfile.TemporaryDirectory() as data:
        server = quern.Server(data=os.path.join(data, "d"))
        with server:
            with server.connect() as one:
                one.query(TABLES)
                one.query("create table t (id int primary key deferrable initially deferred, v text)")
                one.query("insert into t values (1, 'a'), (2, 'b')")
                one.query("update t set id = 3 - id")
                one.query("insert into child values (1, 1)")
                one.query("create table pet (id int references child on delete cascade on update cascade)")
                one.query("insert into pet values (1)")
                one.query("update child set id = 5")
            for end in server.kill, server.stop:
                end()
                server.start()
                with server.connect() as one:
                    assert one.rows("select * from t order by id") == [["1", "b"], ["2", "a"]]
                    one.fails("insert into t values (1, 'x')", "23505")
                    one.fails("delete from parent where id = 1", "23503")
                    one.fails("insert into pet values (1)", "23503")
                    assert one.rows("select * from pet") == [["5"]]
                    one.fails("drop table parent", "2BP01")
                    oids = one.rows("select oid from pg_constraint")
                    assert len({oid for (oid,) in oids}) == len(oids)
                    one.query("create table fresh (id int references parent)")
                    one.query("drop table fresh")


def test_a_long_cascade_and_a_ring():
    with quern.Server() as server, server.connect() as one:
        one.query("create table ring (id int primary key, next int references ring on delete cascade on update cascade)")
        one.query("insert into ring select g, (g + 1) % 20000 from generate_series(0, 19999) g")
        one.query("create index on ring (next)")
        one.query("delete from ring where id = 77")
        assert one.value("select count(*) from ring") == "0"
        one.query("insert into ring select g, case when g > 0 then g - 1 end from generate_series(0, 9999) g")
        one.query("delete from ring where id = 0")
        assert one.value("select count(*) from ring") == "0"


if __name__ == "__main__":
    quern.run(*[test for name, test in sorted(globals().items()) if name.startswith("test_")])
