#!/usr/bin/env python3
"""LISTEN, NOTIFY: who listens is told what committed, once, in the order of the commits, when it is at rest."""

import os
import sys

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
from quern import Client, Failure, Server, run


def listener(*channels):
    client = server.connect()
    for channel in channels:
        client.query(f"LISTEN {channel}")
    return client


def said(client):
    """Channel and payload of what the client is told up to now: its own last word comes behind them."""
    client.query("NOTIFY over")
    found = []
    while not found or found[-1][0] != "over":
        found.append(client.wait_notification()[1:])
    return found[:-1]


def test_told_at_rest_and_without_a_question():
    with listener("news") as reader, server.connect() as writer:
        writer.query("NOTIFY news, 'one'")
        assert reader.wait_notification() == (int(writer.value("SELECT pg_backend_pid()")), "news", "one")
        writer.query("SELECT pg_notify('ne' || 'ws', x::text) FROM generate_series(1, 3) x")
        assert [reader.wait_notification()[2] for _ in range(3)] == ["1", "2", "3"]
        writer.query("NOTIFY other; NOTIFY news")
        assert reader.wait_notification()[1:] == ("news", "")


def test_told_after_the_transaction():
    with listener("news") as reader, server.connect() as writer:
        reader.query("BEGIN")
        writer.query("NOTIFY news, 'one'")
        assert reader.value("SELECT 1") == "1"
        assert not reader.notifications
        reader.query("COMMIT")
        assert [n[2] for n in reader.notifications] == ["one"]
        reader.notifications.clear()
        reader.query("BEGIN")
        writer.query("NOTIFY news, 'two'")
        reader.fails("SELECT 1 / 0", "22012")
        assert not reader.notifications
        reader.query("ROLLBACK")
        assert [n[2] for n in reader.notifications] == ["two"]


def test_only_what_commits():
    with listener("news", "over") as reader, server.connect() as writer:
        writer.query("BEGIN; NOTIFY news, 'undone'; ROLLBACK")
        writer.fails("BEGIN; NOTIFY news, 'failed'; SELECT 1 / 0", "22012")
        writer.query("ROLLBACK")
        writer.fails("NOTIFY news, 'failed'; SELECT 1 / 0", "22012")
        writer.fails("SELECT pg_notify('news', 'failed'), 1 / (x - 2) FROM generate_series(1, 3) x", "22012")
        writer.query("BEGIN; NOTIFY news, 'kept'; SAVEPOINT s; NOTIFY news, 'cut'; ROLLBACK TO s; NOTIFY news, 'last'; COMMIT")
        assert said(reader) == [("news", "kept"), ("news", "last")]


def test_once_in_a_transaction():
    with listener("news", "over") as reader, server.connect() as writer:
        writer.query("BEGIN; NOTIFY news, 'a'; NOTIFY news, 'b'; NOTIFY news, 'a'; NOTIFY news; NOTIFY news, ''; COMMIT")
        writer.query("NOTIFY news, 'a'")
        assert [payload for _, payload in said(reader)] == ["a", "b", "", "a"]


def test_a_transaction_that_runs_again_tells_once():
    with listener("news", "over") as reader, server.connect() as one, server.connect() as other:
        one.query("CREATE TABLE again (a int PRIMARY KEY, n int); INSERT INTO again VALUES (1, 0), (2, 0)")
        one.query("BEGIN; UPDATE again SET n = n + 1 WHERE a = 1; SELECT pg_notify('news', 'mine')")
        other.query("UPDATE again SET n = n + 1 WHERE a = 1; NOTIFY news, 'theirs'")
        one.query("COMMIT")
        assert one.value("SELECT n FROM again WHERE a = 1") == "2"
        one.query("BEGIN; SELECT n FROM again WHERE a = 2; NOTIFY news, 'broken'; UPDATE again SET n = 7 WHERE a = 1")
        other.query("UPDATE again SET n = 5 WHERE a = 2")
        one.fails("COMMIT", "40001")
        assert [payload for _, payload in said(reader)] == ["theirs", "mine"]


def test_notify_alone_waits_for_commit():
    with listener("news") as reader, server.connect() as writer:
        writer.query("BEGIN READ ONLY")
        writer.query("NOTIFY news, 'read only'")
        assert not reader.notifications and reader.value("SELECT 1") == "1" and not reader.notifications
        writer.query("COMMIT")
        assert reader.wait_notification()[2] == "read only"


def test_listen_is_transactional():
    with server.connect() as reader, server.connect() as writer:
        channels = "SELECT * FROM pg_listening_channels() ORDER BY 1"
        reader.query("BEGIN; LISTEN a; ROLLBACK")
        assert reader.rows(channels) == []
        reader.query("BEGIN; LISTEN a; SAVEPOINT s; LISTEN b; ROLLBACK TO s; LISTEN c; COMMIT")
        assert reader.rows(channels) == [["a"], ["c"]]
        reader.query("BEGIN; UNLISTEN a; ROLLBACK; LISTEN c")
        assert reader.rows(channels) == [["a"], ["c"]]
        writer.query("NOTIFY b; NOTIFY c")
        assert reader.wait_notification()[1] == "c"
        reader.query("UNLISTEN *")
        assert reader.rows(channels) == []
        reader.query('LISTEN "Two Words"; LISTEN d; DISCARD TEMP')
        writer.query("""NOTIFY "Two Words", 'x'""")
        assert reader.wait_notification()[1:] == ("Two Words", "x")
        reader.query("DISCARD ALL")
        assert reader.rows(channels) == []
        writer.query("NOTIFY d")
        assert reader.value("SELECT 1") == "1" and not reader.notifications
        reader.query("BEGIN; NOTIFY e, 'before it listens'; LISTEN e; COMMIT")
        assert [n[2] for n in reader.notifications] == ["before it listens"]


def test_order_of_commits():
    with listener("news", "over") as reader, server.connect() as one, server.connect() as other:
        one.query("BEGIN; NOTIFY news, '2'")
        other.query("BEGIN; NOTIFY news, '1'; COMMIT")
        one.query("COMMIT")
        one.query("NOTIFY news, '3'")
        assert [payload for _, payload in said(reader)] == ["1", "2", "3"]


def test_busy_listener():
    with listener("news", "over") as reader, server.connect() as writer:
        reader.send(reader.message("Q", b"SELECT count(*) FROM generate_series(1, 3000000)\0"))
        writer.query("NOTIFY news, 'meanwhile'")
        assert reader.collect().rows == [["3000000"]]
        assert said(reader) == [("news", "meanwhile")]
        reader.send(reader.message("Q", b"CREATE TABLE busy (a int); COPY busy FROM STDIN\0"))
        reader.collect("G")
        writer.query("NOTIFY news, 'amid a COPY'")
        reader.send(reader.message("d", b"1\n") + reader.message("c"))
        reader.collect()
        assert [n[2] for n in reader.notifications] == ["amid a COPY"]


def test_by_messages():
    with listener("news", "over") as reader, server.connect() as writer:
        for text in "SELECT pg_notify($1, $2)", "WITH x AS (SELECT pg_notify($1, $2) AS n) SELECT n FROM x":
            writer.extended(text, ("news", "p"))
        writer.query("PREPARE n(text) AS SELECT pg_notify('news', $1); EXECUTE n('prepared'); DEALLOCATE n")
        writer.query("COPY (SELECT pg_notify('news', 'copied')) TO STDOUT")
        writer.query("CREATE TABLE noted (a int)")
        writer.query("INSERT INTO noted SELECT 1 WHERE pg_notify('news', 'inserted') IS NOT NULL")
        writer.query("BEGIN; DECLARE c CURSOR FOR SELECT pg_notify('news', 'fetched'); FETCH ALL FROM c; COMMIT")
        assert [payload for _, payload in said(reader)] == ["p", "p", "prepared", "copied", "inserted", "fetched"]


def test_workflows_notify():
    with listener("news", "over") as reader, server.connect() as writer:
        writer.query("CREATE SOURCE pushed (a int) WITH (connector = 'push'); CREATE TABLE seen (a int)")
        writer.query("CREATE WORKFLOW telling AS INSERT INTO seen SELECT a FROM pushed "
                     "WHERE pg_notify('news', a::text) IS NOT NULL")
        writer.query("INSERT INTO pushed VALUES (1), (2)")
        assert said(reader) == [("news", "1"), ("news", "2")]


def test_refused():
    with server.connect() as client:
        client.fails("SELECT pg_notify('', 'x')", "22023")
        client.fails("SELECT pg_notify(NULL, 'x')", "22023")
        client.fails("SELECT pg_notify(repeat('c', 64), 'x')", "22023")
        client.fails("SELECT pg_notify('news', repeat('x', 8000))", "22023")
        client.query("SELECT pg_notify(repeat('c', 63), repeat('x', 7999))")
        client.fails("NOTIFY", "42601")


def test_too_many_wait():
    """Who lets too many wait is told so, and its conversation ends; others go on."""
    with listener("news") as slow, listener("news") as other, server.connect() as writer:
        slow.query("BEGIN")
        for start in range(0, 2400, 100):
            writer.query(f"SELECT pg_notify('news', x || repeat('x', 7900)) FROM generate_series({start}, {start + 99}) x")
            for _ in range(100):
                other.wait_notification()
        try:
            slow.query("COMMIT")
            raise AssertionError("nothing was missed")
        except Failure as failure:
            assert failure.sqlstate == "53400", failure
        writer.query("NOTIFY news, 'on'")
        assert other.wait_notification()[2] == "on"


def test_who_does_not_read():
    """The same for one that does not read at all: it finds all that was sent, and then why no more was."""
    with listener("news") as slow, server.connect() as writer:
        pid = slow.value("SELECT pg_backend_pid()")
        told, usage, has_waited = 0, 0.0, False
        while usage > 0 or not has_waited:
            writer.query(f"SELECT pg_notify('news', x || repeat('x', 7900)) FROM generate_series({told}, {told + 99}) x")
            told += 100
            assert told < 100000
            usage = float(writer.value("SELECT pg_notification_queue_usage()"))
            has_waited |= usage > 0
        try:
            slow.collect("no such message")
            raise AssertionError("nothing was missed")
        except Failure as failure:
            assert failure.sqlstate == "53400", failure
        found = [int(payload.rstrip("x")) for _, _, payload in slow.notifications]
        assert found == list(range(len(found))) and len(found) < told
        while writer.value(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}") != "0":
            pass


def test_too_many_of_a_transaction():
    with listener("news", "over") as reader, server.connect() as writer:
        writer.fails("SELECT pg_notify('news', x || repeat('x', 7900)) FROM generate_series(1, 3000) x", "54000")
        writer.query("SELECT pg_notify('news', 'same') FROM generate_series(1, 100000) x")
        assert said(reader) == [("news", "same")]
        for start in range(0, 10000, 1000):
            writer.query("; ".join(f"LISTEN c{n}" for n in range(start, start + 1000)))
        writer.fails("LISTEN more", "54000")
        writer.query("LISTEN c0")
        writer.query("UNLISTEN c0")
        writer.query("LISTEN more")
        assert writer.value("SELECT count(*) FROM pg_listening_channels()") == "10000"


def test_not_told_of_what_it_has_left():
    with listener("news", "other") as reader, server.connect() as writer:
        reader.query("BEGIN; UNLISTEN news")
        writer.query("NOTIFY news, 'left'; NOTIFY other, 'kept'")
        reader.query("COMMIT")
        assert [n[1:] for n in reader.notifications] == [("other", "kept")]
        reader.notifications.clear()
        reader.query("BEGIN")
        writer.query("NOTIFY other, 'left'")
        reader.query("COMMIT; DISCARD ALL")
        assert [n[2] for n in reader.notifications] in ([], ["left"])


def test_as_idle_as_it_was():
    with listener("news") as reader, server.connect() as writer:
        pid = reader.value("SELECT pg_backend_pid()")
        state = f"SELECT state, state_change, query_start, query FROM pg_stat_activity WHERE pid = {pid}"
        before = writer.rows(state)
        writer.query("NOTIFY news")
        reader.wait_notification()
        assert writer.rows(state) == before and before[0][0] == "idle"


def test_by_views_and_defaults():
    with listener("news", "over") as reader, server.connect() as writer:
        writer.query("CREATE VIEW teller AS SELECT pg_notify('news', 'by a view') IS NULL AS told")
        writer.query("SELECT * FROM teller")
        writer.query("BEGIN; SELECT pg_notification_queue_usage(); SELECT * FROM teller; COMMIT")
        assert said(reader) == [("news", "by a view")] * 2


def test_usage():
    with listener("news") as reader, server.connect() as writer:
        assert float(writer.value("SELECT pg_notification_queue_usage()")) == 0
        reader.query("BEGIN")
        writer.query("NOTIFY news, 'waits'")
        assert 0 < float(writer.value("SELECT pg_notification_queue_usage()")) < 1


if __name__ == "__main__":
    with Server() as server:
        run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
