#!/usr/bin/env python3
"""What sessions are at, as others see it; and what is left of transactions that are abandoned in every state: nothing."""

import os
import sys

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
import quern  # noqa: E402

STATE = "select state from pg_stat_activity where pid = {}"


def wait_for(client, text, value):
    """Asks until the answer is this one: what was sent on another connection is on its way."""
    while (got := client.value(text)) != value:
        pass
    return got


def pid(client):
    return client.backend[0]


def test_states_of_a_session(server):
    with server.connect() as eye, server.connect(application_name="watched") as client:
        asks = STATE.format(pid(client))
        assert eye.value(asks) == "idle"
        client.query("begin")
        assert eye.value(asks) == "idle in transaction"
        client.query("update t set v = 1 where k = 1")
        assert eye.value(asks) == "idle in transaction"
        client.fails("select 1/0", "22012")
        assert eye.value(asks) == "idle in transaction (aborted)"
        row = eye.rows("select application_name, query, xact_start is not null, query_start >= xact_start, "
                       f"backend_start <= xact_start, backend_type from pg_stat_activity where pid = {pid(client)}")
        assert row == [["watched", "select 1/0", "t", "t", "t", "client backend"]], row
        client.query("rollback")
        assert eye.value(asks) == "idle"
        assert eye.value(STATE.format(pid(eye))) == "active"
        assert eye.value("select count(*) from pg_stat_activity") == "2"


def test_a_waiting_session_says_what_it_waits_for(server):
    with server.connect() as eye, server.connect() as holder, server.connect() as client:
        holder.query("begin")
        holder.query("select * from t where k = 2 for update")
        client.query("begin")
        client.query("insert into t values (50, 1)")
        client.send(client.message("Q", b"select * from t where k = 2 for update\0"))
        wait_for(eye, STATE.format(pid(client)), "active")
        assert eye.rows(f"select wait_event_type, wait_event from pg_stat_activity where pid = {pid(client)}") == \
            [["Lock", "tuple"]]
        rows = eye.rows("select session, state, statements, bytes > 0, age_ms >= 0, waits_for, blocked_by "
                        "from quern.transactions order by session")
        assert rows == [
            [str(pid(holder)), "idle in transaction", "1", "t", "t", None, None],
            [str(pid(client)), "active", "1", "t", "t", "row (k)=(2) of t", str(pid(holder))],
        ], rows
        holder.query("rollback")
        assert client.collect().rows == [["2", "2"]]
        client.query("rollback")
        assert eye.rows("select * from quern.transactions") == []


def test_a_statement_without_begin_has_an_age_while_it_waits(server):
    with server.connect() as holder, server.connect() as waiter, server.connect() as eye:
        holder.query("begin")
        holder.query("select * from t where k = 1 for update")
        waiter.send(waiter.message("Q", b"update t set v = v + 1 where k = 1\0"))
        wait_for(eye, f"select count(*) from quern.transactions where session = {pid(waiter)} and waits_for is not null", "1")
        assert eye.rows("select state, started is not null, age_ms >= 0 from quern.transactions "
                        f"where session = {pid(waiter)}") == [["active", "t", "t"]]
        assert eye.rows("select wait_event_type, xact_start = query_start from pg_stat_activity "
                        f"where pid = {pid(waiter)}") == [["Lock", "t"]]
        holder.query("rollback")
        waiter.collect()


def test_text_of_a_long_query_is_cut_between_characters(server):
    with server.connect() as client:
        query = f"select query from pg_stat_activity where pid = {pid(client)} /* {'ä' * 700} */"
        told = client.value(query)
        assert query.startswith(told) and 1020 <= len(told.encode()) <= 1023, told


def used(client):
    return int(float(client.value("select value from quern.metrics where labels = 'kind=\"used\"'")))


def begin(client):
    client.query("begin")
    client.query("insert into t select i, 1 from generate_series(1000, 1500) i")


def failed(client):
    begin(client)
    client.fails("select 1/0", "22012")


def with_savepoints(client):
    client.query("begin; " + "; ".join(f"savepoint s{i}; update t set v = {i} where k = 3" for i in range(100)))
    client.fails("select 1/0", "22012")


def with_cursors(client):
    client.query("begin")
    for i in range(20):
        client.query(f"declare c{i} scroll cursor with hold for select * from generate_series(1, 1000)")
    client.query("commit")
    client.query("begin")
    client.query("declare d cursor for select * from t")


def with_claims(client):
    client.query("begin")
    client.query("select * from t for update")


def with_copy(client):
    client.send(client.message("Q", b"copy t from stdin\0"))
    client.collect("G")
    client.send(client.message("d", b"".join(b"%d\t1\n" % i for i in range(2000, 2500))))


def without_sync(client):
    client.send(client.parse("insert into t values (3000, 1)") + client.bind() + client.execute() + client.message("H"))
    client.collect("C")


def waiting(client):
    client.query("begin")
    client.query("insert into t values (4000, 1)")
    client.send(client.message("Q", b"select * from t where k = 9 for update\0"))


def with_a_job(client):
    client.query("begin")
    client.send(client.message("Q", b"select count(*) from generate_series(1, 20000) a, generate_series(1, 1000000) b\0"))


def with_settings(client):
    client.query("begin; set local work_mem = '1MB'; savepoint a; set time zone '+02'")
    client.query("prepare p as select * from t")


ABANDONED = [begin, failed, with_savepoints, with_cursors, with_claims, with_copy, without_sync, waiting, with_a_job,
             with_settings]


def abandon_all(server, eye, holder):
    clients = []
    for state in ABANDONED:
        client = server.connect()
        if state is waiting:
            holder.query("begin")
            holder.query("select * from t where k = 9 for update")
        state(client)
        if state is waiting:
            wait_for(eye, f"select count(*) from quern.transactions where session = {pid(client)} and waits_for is not null",
                     "1")
        client.close()
        wait_for(eye, "select count(*) from pg_stat_activity", "2")
        if state is waiting:
            holder.query("rollback")
        clients.append(client)
    assert eye.rows("select * from quern.transactions") == []
    assert eye.value("select count(*) from pg_locks") == "0"
    assert eye.value("select count(*) from t where k >= 1000") == "0"


def test_memory_returns_after_transactions_abandoned_in_every_state(server):
    with server.connect() as eye, server.connect() as holder:
        abandon_all(server, eye, holder)  # what is cached is cached now
        before = used(eye)
        for _ in range(5):
            abandon_all(server, eye, holder)
        for _ in range(5000):  # freed in slices between steps
            if (now := used(eye)) <= before + 64 * 1024:
                return
        raise AssertionError(f"{now} bytes are used instead of {before}")


def main():
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    for name, test in tests:
        with quern.Server() as server:
            with server.connect() as client:
                client.query("create table t (k int primary key, v int)")
                client.query("insert into t select i, i from generate_series(1, 10) i")
                client.query("insert into t values (100, 1)")
            with server.connect() as client:
                wait_for(client, "select count(*) from pg_stat_activity", "1")
            print(name, flush=True)
            test(server)


main()
